/* listing.c: the nodes that some outputs need, a line a node, in tape order:
 *     %5 batchnorm/hhat: f64 (4, 3) = mul %2 %4
 *     %9: f64 (3) = sum %5 axes=0  # d %7[0]
 * that is: id, scope and name, dtype and shape, op, operands, attributes. A node that a derivative recorded says for which operand of which
 * node it did so, or that it adds up the cotangents that reached a node from several users. Most views do not show their attributes: the shape
 * on the line does. */
#include "engine/text/print.h"

/* " scope/name"; " scope/" for a node without a name; nothing for one without either. */
static void print_label(weft__printer *out, const weft__node *node)
{
    if (node->scope || weft__has_name(node))
        weft__print(out, " ", 1);
    if (node->scope) {
        weft__print_name(out, node->scope);
        weft__print(out, "/", 1);
    }
    if (weft__has_name(node))
        weft__print_name(out, node->name);
}

static void print_origin(weft__printer *out, weft_node x)
{
    weft_node of;
    int edge;
    if (!weft_node_adjoint_of(x, &of, &edge))
        return;
    if (edge == -2)
        weft__printf(out, "  # %%%u again", of.id);
    else if (edge == -1)
        weft__printf(out, "  # adds up d %%%u", of.id);
    else
        weft__printf(out, "  # d %%%u[%d]", of.id, edge);
}

static void print_line(weft__printer *out, weft_node x)
{
    const weft__node *node = weft__look(x);
    char shape[192];
    weft__printf(out, "%%%u", x.id);
    print_label(out, node);
    weft__printf(out, ": %s %s = ", weft_dtype_name((weft_dtype)node->dtype), weft__shape_print(&node->shape->dims, shape, sizeof shape));
    weft__print_name(out, node->op->name);
    for (int i = 0; i < node->n; i++)
        weft__printf(out, " %%%u", node->operand[i]);
    weft__print_attributes(out, x);
    print_origin(out, x);
    weft__print(out, "\n", 1);
}

weft_status weft_print_listing(weft_writer writer, const weft_node *outputs, size_t n)
{
    weft__needed needed;
    weft__printer out = {.writer = writer};
    weft_status status = weft__check_outputs(writer, outputs, n);
    if (status == WEFT_OK)
        status = weft__needed_find(&needed, outputs, n);
    if (status != WEFT_OK)
        return status;
    for (uint32_t id = 0; id < needed.end && !out.failed; id++)
        if (weft__is_needed(&needed, id))
            print_line(&out, weft__handle(needed.tape, id));
    weft__needed_free(&needed);
    return out.failed ? WEFT_ERROR_FILE : WEFT_OK;
}

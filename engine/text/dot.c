/* dot.c: the nodes that some outputs need as a Graphviz drawing. A box shows name, op and shape; a scope is a cluster; an edge runs from an
 * operand to its user, dashed when a derivative recorded the user.
 *
 * Nodes come first, in tape order, with clusters opened and closed as the scope changes: Graphviz takes subgraphs of one name for one, so
 * a scope may be entered again. Edges come after all clusters, since a cluster adopts every node that is mentioned inside it. */
#include "engine/text/print.h"

#include <string.h>

/* Text for the inside of quotes, with a backslash before each special character. */
static void print_escaped(weft__printer *out, const char *text, const char *special)
{
    for (; *text; text++) {
        bool control = (unsigned char)*text < ' ' || *text == 0x7f;
        if (strchr(special, *text))
            weft__print(out, "\\", 1);
        weft__print(out, control ? "?" : text, 1);
    }
}

/* --- clusters --- */

/* Length of the scope path up to the end of the part that starts at `at`. */
static size_t part_end(const char *path, size_t at)
{
    return at + strcspn(path + at, "/");
}

/* Length of the parts that two paths have in common. */
static size_t common_parts(const char *a, const char *b)
{
    size_t common = 0;
    for (size_t i = 0;; i++) {
        bool a_ends = !a[i] || a[i] == '/', b_ends = !b[i] || b[i] == '/';
        if (a_ends && b_ends)
            common = i;
        if (a[i] != b[i] || !a[i])
            return common;
    }
}

static void indent(weft__printer *out, size_t depth)
{
    for (size_t i = 0; i <= depth; i++)
        weft__print(out, "    ", 4);
}

static size_t depth_of(const char *path)
{
    size_t depth = *path ? 1 : 0;
    for (; *path; path++)
        depth += *path == '/';
    return depth;
}

/* Characters from..to of a scope path, for the inside of quotes. */
static void print_part(weft__printer *out, const char *path, size_t from, size_t to)
{
    char one[2] = {0};
    for (size_t i = from; i < to; i++) {
        one[0] = path[i];
        print_escaped(out, one, "\"\\");
    }
}

/* Closes the clusters of scope `from` that `to` is not in, and opens those of `to`. "" is outside any. */
static void change_scope(weft__printer *out, const char *from, const char *to)
{
    size_t common = common_parts(from, to), depth = depth_of(from);
    for (const char *rest = from + common; *rest; rest++)
        if (*rest == '/' || rest == from) {
            indent(out, --depth);
            weft__print(out, "}\n", 2);
        }
    for (size_t start = common + (to[common] == '/'); to[common]; start = common + 1) {
        common = part_end(to, start);
        indent(out, depth++);
        weft__printf(out, "subgraph \"cluster_");
        print_part(out, to, 0, common);
        weft__printf(out, "\" {\n");
        indent(out, depth);
        weft__printf(out, "label=\"");
        print_part(out, to, start, common);
        weft__printf(out, "\";\n");
    }
}

/* --- nodes and edges --- */

static void print_node(weft__printer *out, weft_node x)
{
    const weft__node *node = weft__look(x);
    static const char special[] = "\"\\{}|<>";
    char shape[192];
    indent(out, depth_of(node->scope ? node->scope : ""));
    weft__printf(out, "n%u [label=\"{", x.id);
    if (weft__has_name(node))
        print_escaped(out, node->name, special);
    else
        weft__printf(out, "%%%u", x.id);
    weft__print(out, "|", 1);
    print_escaped(out, node->op->name, special);
    weft__print_attributes(out, x);
    weft__printf(out, "|%s %s}\"];\n", weft_dtype_name((weft_dtype)node->dtype),
                 weft__shape_print(&node->shape->dims, shape, sizeof shape));
}

static void print_nodes(weft__printer *out, const weft__needed *needed)
{
    const char *scope = "";
    for (uint32_t id = 0; id < needed->end && !out->failed; id++) {
        if (!weft__is_needed(needed, id))
            continue;
        const weft__node *node = weft__at(needed->tape, id);
        const char *own = node->scope ? node->scope : "";
        change_scope(out, scope, own);
        scope = own;
        print_node(out, weft__handle(needed->tape, id));
    }
    change_scope(out, scope, "");
}

static void print_edges(weft__printer *out, const weft__needed *needed)
{
    for (uint32_t id = 0; id < needed->end && !out->failed; id++) {
        if (!weft__is_needed(needed, id))
            continue;
        const weft__node *node = weft__at(needed->tape, id);
        bool derivative = weft_node_adjoint_of(weft__handle(needed->tape, id), NULL, NULL);
        for (int i = 0; i < node->n; i++)
            weft__printf(out, "    n%u -> n%u%s;\n", node->operand[i], id, derivative ? " [style=dashed]" : "");
    }
}

weft_status weft_print_dot(weft_writer writer, const weft_node *outputs, size_t n)
{
    weft__needed needed;
    weft__printer out = {.writer = writer};
    weft_status status = weft__check_outputs(writer, outputs, n);
    if (status == WEFT_OK)
        status = weft__needed_find(&needed, outputs, n);
    if (status != WEFT_OK)
        return status;
    weft__printf(&out, "digraph weft {\n    node [shape=record];\n");
    print_nodes(&out, &needed);
    print_edges(&out, &needed);
    weft__printf(&out, "}\n");
    weft__needed_free(&needed);
    return out.failed ? WEFT_ERROR_FILE : WEFT_OK;
}

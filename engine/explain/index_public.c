/* index_public.c: one node, or what it sends to one of its operands, in index notation: for traces and for whoever explains a graph step by step. The
 * book's result is the node itself, so whatever it is made of is read as for a derivation; its operands have letters of their own, so that a node
 * is said in terms of what is one step before it. */
#include "engine/explain/index.h"

#include <string.h>

static weft_status write_text(weft_writer writer, weft__book *b, const weft__text *t)
{
    if (b->status != WEFT_OK)
        return b->status;
    return writer.write(writer.context, t->text, t->used) ? WEFT_OK : WEFT_ERROR_FILE;
}

/* A book in which the node is said by its operands. Those without a name that are broadcasts or numbers stay what they show. */
static bool open_at(weft__book *b, weft_node x)
{
    if (!weft__look(x) || weft_tape_status(x.tape) != WEFT_OK) {
        memset(b, 0, sizeof *b);
        b->status = WEFT_ERROR_ARGUMENT;
        return false;
    }
    if (!weft__book_open(b, x))
        return false;
    b->loss = false;
    b->numbered = true;
    const weft__node *node = weft__at(x.tape, x.id);
    for (int i = 0; i < node->n; i++)
        weft__book_letter(b, node->operand[i]);
    return true;
}

weft_status weft_print_indexed(weft_writer writer, weft_node x, weft_notation notation)
{
    weft__book b;
    weft__text t;
    weft__index index[WEFT_MAX_RANK];
    if (!writer.write)
        return WEFT_ERROR_ARGUMENT;
    if (open_at(&b, x)) {
        weft__book_indices(&b, x.id, true, index);
        const weft__formula *y = weft__definition(&b, x.id, index);
        double number;
        weft__text_start(&t, &b, notation, false);
        bool is_number = weft_node_scalar(x, &number);
        if (is_number)
            weft__text_number(&t, number);
        else
            weft__text_symbol(&t, x.id, false, index);
        if (!is_number && weft__at(x.tape, x.id)->n) {
            weft__text_put(&t, " = ");
            if (weft__defines_itself(y, x.id))
                weft__text_call(&t, x.id, index);
            else
                weft__text_formula(&t, y);
        }
    }
    weft_status status = b.status == WEFT_OK ? write_text(writer, &b, &t) : b.status;
    weft__book_close(&b);
    return status;
}

/* sum over the indices of y of dL/dy dy/dx, contracted. */
static const weft__formula *flow(weft__book *b, uint32_t y, uint32_t x, const weft__index *by)
{
    weft__index at[WEFT_MAX_RANK];
    int32_t bound[WEFT_MAX_RANK];
    int n = 0, rank = weft__book_shape(b, y)->dims.rank;
    weft__book_indices(b, y, false, at);
    for (int i = 0; i < rank; i++)
        if (at[i].id >= 0)
            bound[n++] = at[i].id;
    const weft__formula *product = weft__formula_multiply(b, weft__formula_symbol(b, y, true, at), weft__derivative(b, y, at, x, by));
    product = weft__formula_distribute(b, weft__formula_sum(b, product, bound, n));
    return weft__formula_collect(b, weft__formula_contract(b, product));
}

weft_status weft_print_indexed_flow(weft_writer writer, weft_node y, int operand, weft_notation notation)
{
    weft__book b;
    weft__text t;
    weft__index by[WEFT_MAX_RANK];
    if (!writer.write || !weft__look(y) || operand < 0 || operand >= weft__look(y)->n)
        return WEFT_ERROR_ARGUMENT;
    weft_mark mark = weft_tape_mark(y.tape);
    if (open_at(&b, y)) {
        uint32_t x = weft__at(y.tape, y.id)->operand[operand];
        b.quantity[x] = 1; /* also a broadcast, and a number */
        weft__book_indices(&b, x, true, by);
        const weft__formula *sent = flow(&b, y.id, x, by);
        weft__text_start(&t, &b, notation, false);
        weft__text_formula(&t, sent);
    }
    weft_status status = b.status == WEFT_OK ? write_text(writer, &b, &t) : b.status;
    weft__book_close(&b);
    weft_tape_rewind(y.tape, mark); /* local derivatives */
    return status;
}

/* views.c: views of views. A view moves no bit, so two are one, and one that changes nothing is none. */
#include "engine/rewrite/rewrite.h"

#include <string.h>

static bool has_shape(weft_node x, const weft_shape *shape)
{
    weft_shape own = weft_node_shape(x);
    return own.rank == shape->rank && !memcmp(own.dim, shape->dim, (size_t)own.rank * sizeof *own.dim);
}

/* For broadcast and reshape, whose attribute is the shape of the result. */
static weft_node to_shape(weft__rewriter *r, const weft__draft *d)
{
    weft_shape to;
    memcpy(&to, d->attributes, sizeof to);
    if (has_shape(d->x[0], &to))
        return d->x[0];
    if (weft_node_op(d->x[0]) != d->op)
        return weft__no_node();
    weft_node inner = weft_node_operand(d->x[0], 0);
    return weft__emit(r, d->op, &inner, 1, d->attributes);
}

/* A transpose reads axis order[i] of its operand as axis i. */
static weft_node reorder(weft__rewriter *r, const weft__draft *d)
{
    const int8_t *order = d->attributes;
    int rank = weft_node_shape(d->x[0]).rank;
    bool same = true;
    for (int i = 0; i < rank; i++)
        same &= order[i] == i;
    if (same)
        return d->x[0];
    if (weft_node_op(d->x[0]) != d->op)
        return weft__no_node();
    const int8_t *inner_order = weft_node_attributes(d->x[0]);
    int8_t composed[WEFT_MAX_RANK];
    for (int i = 0; i < WEFT_MAX_RANK; i++)
        composed[i] = i < rank ? inner_order[order[i]] : -1;
    weft_node inner = weft_node_operand(d->x[0], 0);
    return weft__emit(r, d->op, &inner, 1, composed);
}

const weft__rule weft__view_rules[] = {
    {{"broadcast of broadcast", "repeating what is repeated repeats it; to its own shape, nothing happens",
      WEFT_REWRITE_EXACT}, &weft_op_broadcast, to_shape},
    {{"reshape of reshape", "both keep the order of the elements; to its own shape, nothing happens",
      WEFT_REWRITE_EXACT}, &weft_op_reshape, to_shape},
    {{"transpose of transpose", "orders compose; the identity does nothing", WEFT_REWRITE_EXACT}, &weft_op_transpose, reorder},
};
const size_t weft__view_rule_count = sizeof weft__view_rules / sizeof *weft__view_rules;

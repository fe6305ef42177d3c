/* reduction.c: the shape rule of every reduction. The program's loops find the folded axes from the two shapes and the attributes. */
#include "ops/reduction.h"

weft_status weft__reduction_shape(weft_typing *t)
{
    const weft_reduction *r = t->attributes;
    if (t->x_dtype[0] == WEFT_I64)
        return weft_typing_error(t, WEFT_ERROR_DTYPE, "it takes f32 or f64, not i64 indices");
    if (r->axes >> t->x[0].rank)
        return weft_typing_error(t, WEFT_ERROR_SHAPE, "an axis of the set is beyond the last one; axes count from 0 to %d", t->x[0].rank - 1);
    for (int i = 0; i < t->x[0].rank; i++) {
        bool folded = r->axes & WEFT_AXIS(i);
        if (!folded || r->keepdims)
            t->y[0].dim[t->y[0].rank++] = folded ? 1 : t->x[0].dim[i];
    }
    return WEFT_OK;
}

weft_node weft__reduction_record(const weft_op *op, weft_node x, unsigned axes, bool keepdims)
{
    unsigned all = WEFT_AXIS(weft_node_shape(x).rank) - 1;
    weft_reduction r = {.axes = axes == WEFT_ALL_AXES ? all : axes, .keepdims = keepdims};
    return weft_record(op, &x, 1, &r);
}

weft_node weft__reduction_spread(weft_node y, weft_node x, weft_node value)
{
    const weft_reduction *r = weft_node_attributes(y);
    weft_shape wide = weft_node_shape(x), kept = wide;
    if (!r)
        return value;
    bool leading = true; /* folded axes that all come first are what broadcast adds by itself */
    for (int i = 0, seen_kept = 0; i < wide.rank; i++) {
        if (!(r->axes & WEFT_AXIS(i)))
            seen_kept = 1;
        else
            leading &= !seen_kept, kept.dim[i] = 1;
    }
    if (!leading && !r->keepdims)
        value = weft_reshape(value, kept.rank, kept.dim);
    return weft_broadcast(value, wide.rank, wide.dim);
}

weft_status weft__extreme_shape(weft_typing *t)
{
    const weft_reduction *r = t->attributes;
    for (int i = 0; i < t->x[0].rank; i++)
        if (r->axes & WEFT_AXIS(i) && t->x[0].dim[i] == 0)
            return weft_typing_error(t, WEFT_ERROR_SHAPE, "axis %d is empty, and nothing is the largest or smallest of nothing", i);
    return weft__reduction_shape(t);
}

void weft__extreme_vjp(weft_node y, const weft_node *x, const weft_node *dy, weft_node *dx)
{
    const weft_reduction *r = weft_node_attributes(y);
    weft_node there = weft_equal(x[0], weft__reduction_spread(y, x[0], y));
    weft_node share = weft_div(dy[0], weft_sum(there, r->axes, r->keepdims));
    dx[0] = weft_mul(there, weft__reduction_spread(y, x[0], share)); /* dy / ties where x is the extreme */
}

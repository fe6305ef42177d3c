/* weightnorm.c: weights as lengths and directions, so that an optimizer sees the two apart. */
#include "ops/staged/staged.h"

weft_node weft_weightnorm(weft_node v, weft_node g, int axis)
{
    const weft_op here = {.name = "weightnorm"};
    const weft_node x[] = {v, g};
    unsigned along = weft__axis_of(here.name, v, axis);
    if (!along)
        return (weft_node){.tape = v.tape, .id = WEFT_NO_ID};
    weft_shape shape = weft_node_shape(v), lengths = weft_node_shape(g);
    axis = axis < 0 ? axis + shape.rank : axis;
    if (weft_node_failed(g) || g.tape != v.tape)
        return weft_fail(&here, x, 2, WEFT_ERROR_ARGUMENT, "v and g must be nodes of one tape");
    if (lengths.rank != 1 || lengths.dim[0] != shape.dim[axis])
        return weft_fail(&here, x, 2, WEFT_ERROR_SHAPE, "g must be (%zu), one length for each index of axis %d of v", shape.dim[axis], axis);
    weft_scope_push(v.tape, here.name);
    weft_node squared = weft_name(weft_pow(v, weft_scalar_like(v, 2)), "squared");
    weft_node total = weft_name(weft_sum(squared, (WEFT_AXIS(shape.rank) - 1) & ~along, true), "total");
    weft_node rnorm = weft_name(weft_pow(total, weft_scalar_like(v, -0.5)), "rnorm");
    weft_node w = weft_name(weft_mul(v, weft_mul(weft__along(g, axis, shape.rank), rnorm)), "w");
    weft_scope_pop(v.tape);
    return w;
}

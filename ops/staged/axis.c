/* axis.c: one axis, counted from either end as NumPy does, and arrays of one number for each index along it. */
#include "ops/staged/staged.h"

unsigned weft__axis_of(const char *name, weft_node x, int axis)
{
    const weft_op here = {.name = name};
    int rank = weft_node_shape(x).rank;
    if (weft_node_failed(x)) {
        weft_fail(&here, &x, 1, WEFT_ERROR_ARGUMENT, "x must be a node");
        return 0;
    }
    if (axis < -rank || axis >= rank) {
        weft_fail(&here, &x, 1, WEFT_ERROR_SHAPE, "axis is %d, and x has %d; they count from 0, or from the end as -1", axis, rank);
        return 0;
    }
    return WEFT_AXIS(axis < 0 ? axis + rank : axis);
}

weft_node weft__along(weft_node x, int axis, int rank)
{
    weft_shape shape = weft_node_shape(x);
    size_t dim[WEFT_MAX_RANK] = {shape.dim[0], 1, 1, 1, 1, 1, 1, 1};
    return axis < rank - 1 ? weft_reshape(x, rank - axis, dim) : x;
}

/* stack.c: arrays of one shape along a new axis. Each gets that axis, of length 1, and then they are joined, in a tree where they are many. */
#include "engine/weft_op.h"

static weft_node with_axis(weft_node x, int axis)
{
    weft_shape shape = weft_node_shape(x);
    for (int i = shape.rank; i > axis; i--)
        shape.dim[i] = shape.dim[i - 1];
    shape.dim[axis] = 1;
    return weft_reshape(x, shape.rank + 1, shape.dim);
}

static weft_node stack_tree(const weft_node *x, size_t n, int axis)
{
    weft_node part[WEFT_MAX_OPERANDS];
    size_t parts = n < WEFT_MAX_OPERANDS ? n : WEFT_MAX_OPERANDS;
    for (size_t k = 0, done = 0; k < parts; k++) {
        size_t some = n / parts + (k < n % parts);
        part[k] = some == 1 ? with_axis(x[done], axis) : stack_tree(x + done, some, axis);
        done += some;
    }
    return weft_concat(part, parts, axis);
}

static bool same_shape(const weft_shape *a, const weft_shape *b)
{
    bool same = a->rank == b->rank;
    for (int i = 0; same && i < a->rank; i++)
        same = a->dim[i] == b->dim[i];
    return same;
}

weft_node weft_stack(const weft_node *x, size_t n, int axis)
{
    const weft_op here = {.name = "stack"};
    if (!x || !n)
        return weft_fail(&here, NULL, 0, WEFT_ERROR_ARGUMENT, "it needs at least one operand");
    weft_shape first = weft_node_shape(x[0]);
    for (size_t k = 0; k < n; k++)
        if (weft_node_failed(x[k]) || x[k].tape != x[0].tape)
            return weft_concat((weft_node[]){x[0], x[k]}, 2, 0); /* it words the error */
    if (first.rank == WEFT_MAX_RANK)
        return weft_fail(&here, x, 1, WEFT_ERROR_SHAPE, "another axis would make %d, and the most are %d", WEFT_MAX_RANK + 1, WEFT_MAX_RANK);
    if (axis < -first.rank - 1 || axis > first.rank)
        return weft_fail(&here, x, 1, WEFT_ERROR_SHAPE, "axis is %d, and the result has %d; they count from 0, or from the end as -1", axis, first.rank + 1);
    for (size_t k = 1; k < n; k++) {
        weft_shape own = weft_node_shape(x[k]);
        if (!same_shape(&first, &own))
            return weft_fail(&here, (weft_node[]){x[0], x[k]}, 2, WEFT_ERROR_SHAPE, "operand %zu must have the shape of operand 0", k);
    }
    return stack_tree(x, n, axis < 0 ? axis + first.rank + 1 : axis);
}

/* reshape.c: the same elements in C order under another shape. */
#include "ops/target_shape.h"

#include <string.h>

static weft_status reshape_shape(weft_typing *t)
{
    weft_shape to;
    memcpy(&to, t->attributes, sizeof to);
    size_t from = weft_shape_count(&t->x[0]), count = 1;
    for (int i = 0; i < to.rank; i++) {
        if (to.dim[i] && count > PTRDIFF_MAX / to.dim[i])
            return weft_typing_error(t, WEFT_ERROR_SHAPE, "the new shape would not fit in memory");
        count *= to.dim[i];
    }
    if (count != from)
        return weft_typing_error(t, WEFT_ERROR_SHAPE, "it has %zu elements, the new shape %zu", from, count);
    t->y[0] = to;
    return WEFT_OK;
}

static bool reshape_view(const void *attributes, const weft_view *x, const weft_view *y, ptrdiff_t *stride)
{
    (void)attributes;
    ptrdiff_t step = 1;
    for (int i = x->rank - 1; i >= 0; i--) { /* only a contiguous operand keeps its memory */
        if (x->dim[i] != 1 && x->stride[i] != step)
            return false;
        step *= (ptrdiff_t)x->dim[i];
    }
    step = 1;
    for (int i = y->rank - 1; i >= 0; i--) {
        stride[i] = step;
        step *= (ptrdiff_t)y->dim[i];
    }
    return true;
}

static weft_node reshape_transpose(weft_node y, const weft_node *x, int operand, weft_node dy)
{
    (void)y, (void)operand;
    weft_shape from = weft_node_shape(x[0]);
    return weft_reshape(dy, from.rank, from.dim);
}

const weft_op weft_op_reshape = {
    .name = "reshape", .formula = "y = the elements of x in C order", .arity = 1,
    .kind = WEFT_VIEW, .attribute_size = sizeof(weft_shape),
    .shape = reshape_shape, .view = reshape_view, .transpose = reshape_transpose,
};

weft_node weft_reshape(weft_node x, int rank, const size_t *dim)
{
    return weft__target_shape_record(&weft_op_reshape, x, rank, dim);
}

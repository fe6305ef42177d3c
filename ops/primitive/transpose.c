/* transpose.c: the axes in another order. */
#include "engine/weft_op.h"

typedef struct order {
    int8_t axis[WEFT_MAX_RANK]; /* axis i of y is axis[i] of x; -1 beyond the rank */
} order;

static weft_status transpose_shape(weft_typing *t)
{
    const order *o = t->attributes;
    unsigned seen = 0;
    t->y[0].rank = t->x[0].rank;
    for (int i = 0; i < t->x[0].rank; i++) {
        int axis = o->axis[i];
        if (axis < 0 || axis >= t->x[0].rank || seen & WEFT_AXIS(axis))
            return weft_typing_error(t, WEFT_ERROR_SHAPE, "the order must name each of the axes 0 to %d once", t->x[0].rank - 1);
        seen |= WEFT_AXIS(axis);
        t->y[0].dim[i] = t->x[0].dim[axis];
    }
    return WEFT_OK;
}

static bool transpose_view(const void *attributes, const weft_view *x, const weft_view *y, ptrdiff_t *stride)
{
    const order *o = attributes;
    for (int i = 0; i < y->rank; i++)
        stride[i] = x->stride[o->axis[i]];
    return true;
}

static weft_node transpose_transpose(weft_node y, const weft_node *x, int operand, weft_node dy)
{
    (void)x, (void)operand;
    const order *o = weft_node_attributes(y);
    int inverse[WEFT_MAX_RANK] = {0};
    for (int i = 0; i < weft_node_shape(y).rank; i++)
        inverse[o->axis[i]] = i;
    return weft_transpose(dy, inverse);
}

const weft_op weft_op_transpose = {
    .name = "transpose", .formula = "y[j, i] = x[i, j]", .arity = 1,
    .kind = WEFT_VIEW, .attribute_size = sizeof(order),
    .shape = transpose_shape, .view = transpose_view, .transpose = transpose_transpose,
};

weft_node weft_transpose(weft_node x, const int *axes)
{
    order o;
    int rank = weft_node_shape(x).rank;
    for (int i = 0; i < WEFT_MAX_RANK; i++) {
        int axis = i >= rank ? -1 : axes ? axes[i] : rank - 1 - i;
        o.axis[i] = (int8_t)(axis < -1 || axis > WEFT_MAX_RANK ? -1 : axis);
    }
    return weft_record(&weft_op_transpose, &x, 1, &o);
}

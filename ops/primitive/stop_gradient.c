/* stop_gradient.c: x itself, as a constant for every derivative. */
#include "engine/weft_op.h"

static weft_status stop_gradient_shape(weft_typing *t)
{
    t->y[0] = t->x[0];
    return WEFT_OK;
}

static bool stop_gradient_view(const void *attributes, const weft_view *x, const weft_view *y, ptrdiff_t *stride)
{
    (void)attributes;
    for (int i = 0; i < y->rank; i++)
        stride[i] = x->stride[i];
    return true;
}

const weft_op weft_op_stop_gradient = {
    .name = "stop_gradient", .formula = "y = x, with derivative 0", .arity = 1,
    .kind = WEFT_VIEW, .flags = WEFT_ZERO_DERIVATIVE,
    .shape = stop_gradient_shape, .view = stop_gradient_view,
};

weft_node weft_stop_gradient(weft_node x)
{
    return weft_record(&weft_op_stop_gradient, &x, 1, NULL);
}

/* argmax.c: where along an axis the largest or the smallest element is: the first of several, or of the NaNs if there are any, as NumPy and
 * PyTorch have it. Both ops are here; the smallest of x is the largest of -x. Positions are integers, which no derivative passes; see reverse.c. */
#include "ops/primitive/along.h"
#include "ops/reduction.h"

static weft_status argmax_shape(weft_typing *t)
{
    int axis = weft__along_axis(t->attributes);
    if (axis < t->x[0].rank && t->x[0].dim[axis] == 0)
        return weft_typing_error(t, WEFT_ERROR_SHAPE, "axis %d is empty, and nothing is the largest or smallest of nothing", axis);
    t->y_dtype[0] = WEFT_I64;
    return weft__reduction_shape(t);
}

#define LOOPS "ops/primitive/argmax_loops.inc"
#include "ops/both_types.inc"

static weft_status find(const weft_call *call, int sign)
{
    const weft_view *x = &call->x[0]; /* (outer, n, inner); y: (outer, inner) */
    int axis = weft__along_axis(call->attributes);
    size_t outer = weft__dims_product(x->dim, 0, axis), n = x->dim[axis], inner = weft__dims_product(x->dim, axis + 1, x->rank);
    int64_t *y = call->y[0].data;
    for (size_t o = 0; o < outer; o++)
        for (size_t i = 0; i < inner; i++)
            if (x->dtype == WEFT_F32)
                *y++ = argmax_f32(n, (const float *)x->data + o * n * inner + i, inner, (float)sign);
            else
                *y++ = argmax_f64(n, (const double *)x->data + o * n * inner + i, inner, sign);
    return WEFT_OK;
}

static weft_status argmax_kernel(const weft_call *call)
{
    return find(call, 1);
}

static weft_status argmin_kernel(const weft_call *call)
{
    return find(call, -1);
}

static void find_in_field(weft_field *f, const weft_exact_call *call, int sign)
{
    const weft_shape *x = &call->x[0].shape;
    int axis = weft__along_axis(call->attributes);
    size_t outer = weft__dims_product(x->dim, 0, axis), n = x->dim[axis], inner = weft__dims_product(x->dim, axis + 1, x->rank);
    int64_t *y = call->y[0].index;
    for (size_t o = 0; o < outer; o++)
        for (size_t i = 0; i < inner; i++)
            *y++ = (int64_t)weft_exact_largest(f, n, call->x[0].number + o * n * inner + i, inner, sign);
}

static void argmax_in_field(weft_field *f, const weft_exact_call *call)
{
    find_in_field(f, call, 1);
}

static void argmin_in_field(weft_field *f, const weft_exact_call *call)
{
    find_in_field(f, call, -1);
}

static const weft_exact argmax_exact = {.array = argmax_in_field}, argmin_exact = {.array = argmin_in_field};

const weft_op weft_op_argmax = {
    .name = "argmax", .formula = "y = index of the largest of x along the axis", .arity = 1,
    .kind = WEFT_GENERAL, .flags = WEFT_ZERO_DERIVATIVE, .attribute_size = sizeof(weft_along), .words = weft__along_words,
    .shape = argmax_shape, .kernel = argmax_kernel, .exact = &argmax_exact,
};

const weft_op weft_op_argmin = {
    .name = "argmin", .formula = "y = index of the smallest of x along the axis", .arity = 1,
    .kind = WEFT_GENERAL, .flags = WEFT_ZERO_DERIVATIVE, .attribute_size = sizeof(weft_along), .words = weft__along_words,
    .shape = argmax_shape, .kernel = argmin_kernel, .exact = &argmin_exact,
};

weft_node weft_argmax(weft_node x, int axis, bool keepdims)
{
    return weft__along_record(&weft_op_argmax, &x, 1, axis, keepdims, 0);
}

weft_node weft_argmin(weft_node x, int axis, bool keepdims)
{
    return weft__along_record(&weft_op_argmin, &x, 1, axis, keepdims, 0);
}

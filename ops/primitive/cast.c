/* cast.c: another number type. f64 to f32 rounds to the nearest, and to infinity beyond the largest; to i64 truncates toward zero, as C and NumPy do.
 * What no i64 holds, NaN among it, stops the run: NumPy warns there and leaves a number that depends on the processor, and a wrong index is found
 * late. The derivative is cast back. Nothing flows through i64. */
#include "engine/weft_op.h"

#include <stdio.h>
#include <string.h>

#define LOOPS "ops/primitive/cast_loops.inc"
#include "ops/both_types.inc"

static weft_status cast_shape(weft_typing *t)
{
    uint32_t dtype;
    memcpy(&dtype, t->attributes, sizeof dtype);
    if (dtype > WEFT_I64)
        return weft_typing_error(t, WEFT_ERROR_DTYPE, "the dtype must be WEFT_F32, WEFT_F64 or WEFT_I64");
    t->y[0] = t->x[0];
    t->y_dtype[0] = (weft_dtype)dtype;
    return WEFT_OK;
}

static void narrow(size_t n, float *restrict y, const double *restrict x)
{
    for (size_t i = 0; i < n; i++)
        y[i] = (float)x[i];
}

static void widen(size_t n, double *restrict y, const float *restrict x)
{
    for (size_t i = 0; i < n; i++)
        y[i] = x[i];
}

static weft_status cast_kernel(const weft_call *call)
{
    const weft_view *x = &call->x[0], *y = &call->y[0];
    size_t n = 1;
    for (int i = 0; i < x->rank; i++)
        n *= x->dim[i];
    size_t done = n;
    if (x->dtype == y->dtype)
        memmove(y->data, x->data, n * weft_dtype_size(x->dtype));
    else if (x->dtype == WEFT_F32 && y->dtype == WEFT_F64)
        widen(n, y->data, x->data);
    else if (x->dtype == WEFT_F64 && y->dtype == WEFT_F32)
        narrow(n, y->data, x->data);
    else if (x->dtype == WEFT_I64 && y->dtype == WEFT_F32)
        cast_from_whole_f32(n, y->data, x->data);
    else if (x->dtype == WEFT_I64)
        cast_from_whole_f64(n, y->data, x->data);
    else
        done = x->dtype == WEFT_F32 ? cast_to_whole_f32(n, y->data, x->data) : cast_to_whole_f64(n, y->data, x->data);
    if (done == n)
        return WEFT_OK;
    double value = x->dtype == WEFT_F32 ? (double)((const float *)x->data)[done] : ((const double *)x->data)[done];
    snprintf(call->message, WEFT_MESSAGE_SIZE, "cast: element %zu, in C order, is %g, which no i64 holds; weft_clip() or weft_where() mends it", done, value);
    return WEFT_ERROR_INDEX;
}

static weft_node cast_transpose(weft_node y, const weft_node *x, int operand, weft_node dy)
{
    (void)y, (void)operand;
    weft_dtype dtype = weft_node_dtype(x[0]);
    return dtype == WEFT_I64 ? (weft_node){.tape = NULL} : weft_cast(dy, dtype);
}

static void cast_words(const void *attributes, const weft_shape *x, char *text, size_t size)
{
    (void)x;
    snprintf(text, size, ", dtype=%s", weft_dtype_name((weft_dtype)*(const uint32_t *)attributes));
}

static void cast_in_field(weft_field *f, const weft_exact_call *call)
{
    const weft_exact_array *x = &call->x[0], *y = &call->y[0];
    for (size_t i = 0; i < weft_shape_count(&y->shape); i++)
        if (y->dtype == WEFT_I64 && !weft_exact_truncate(f, x->number[i], &y->index[i]))
            return;
    for (size_t i = 0; i < weft_shape_count(&y->shape) && y->dtype != WEFT_I64; i++)
        y->number[i] = x->dtype == WEFT_I64 ? weft_exact_whole(f, x->index[i]) : x->number[i];
}

static const weft_exact cast_exact = {.array = cast_in_field};

const weft_op weft_op_cast = {
    .name = "cast", .formula = "y = x as another number type", .arity = 1,
    .kind = WEFT_GENERAL, .attribute_size = sizeof(uint32_t), .words = cast_words,
    .shape = cast_shape, .kernel = cast_kernel, .transpose = cast_transpose, .exact = &cast_exact,
};

weft_node weft_cast(weft_node x, weft_dtype dtype)
{
    if (!weft_node_failed(x) && weft_node_dtype(x) == dtype)
        return x;
    uint32_t attribute = (uint32_t)dtype;
    return weft_record(&weft_op_cast, &x, 1, &attribute);
}

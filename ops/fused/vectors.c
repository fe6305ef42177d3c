/* vectors.c: see vectors.h. */
#include "ops/fused/vectors.h"

vectors weft__vectors_along(int rank, const size_t *dim, int axis, weft_dtype dtype, size_t arrays)
{
    vectors v = {.outer = 1, .length = dim[axis], .inner = 1};
    for (int i = 0; i < axis; i++)
        v.outer *= dim[i];
    for (int i = axis + 1; i < rank; i++)
        v.inner *= dim[i];
    v.blocks = (v.inner + COLUMNS - 1) / COLUMNS;
    v.units = v.outer * v.blocks;
    size_t count = v.outer * v.length * v.inner, parts = count / PART;
    parts = parts > MOST_PARTS ? MOST_PARTS : parts ? parts : 1;
    v.step = (v.units + parts - 1) / parts;
    v.parts = v.units ? (v.units + v.step - 1) / v.step : 0;
    v.past = count * weft_dtype_size(dtype) >= WEFT_BEYOND_CACHE / arrays;
    return v;
}

void weft__run_parts(const weft_call *call, const vectors *v, void (*work)(void *context, size_t part, void *workspace), void *context)
{
    if (v->outer * v->length * v->inner >= WORTH_SHARING)
        weft_call_parts(call, work, context, v->parts);
    else
        for (size_t part = 0; part < v->parts; part++)
            work(context, part, call->workspace);
}

weft_status weft__check_numbers(weft_typing *t, int n)
{
    for (int i = 0; i < n; i++)
        if (t->x_dtype[i] == WEFT_I64 || t->x_dtype[i] != t->x_dtype[0])
            return weft_typing_error(t, WEFT_ERROR_DTYPE, "operand %d is %s, operand 0 %s; it takes f32 or f64, all alike", i,
                                     weft_dtype_name(t->x_dtype[i]), weft_dtype_name(t->x_dtype[0]));
    return WEFT_OK;
}

weft_shape weft__one_along(const weft_shape *x, int axis)
{
    weft_shape one = *x;
    one.dim[axis] = 1;
    return one;
}

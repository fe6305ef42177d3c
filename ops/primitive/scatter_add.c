/* scatter_add.c: elements added along an axis by index, the transpose of take. Those with one index are added in the order of m, in the dtype. */
#include "ops/primitive/along.h"

#include <string.h>

static weft_status scatter_add_shape(weft_typing *t)
{
    const weft_along *along = t->attributes;
    const weft_shape *x = &t->x[0], *index = &t->x[1];
    int axis = weft__along_axis(along), rank = x->rank + 1 - index->rank;
    bool fits = axis + index->rank <= x->rank;
    for (int i = 0; fits && i < index->rank; i++)
        fits = x->dim[axis + i] == index->dim[i];
    if (t->x_dtype[1] != WEFT_I64 || t->x_dtype[0] == WEFT_I64)
        return weft_typing_error(t, WEFT_ERROR_DTYPE, "x must be f32 or f64, the index i64");
    if (!fits || rank > WEFT_MAX_RANK)
        return weft_typing_error(t, WEFT_ERROR_SHAPE, "from axis %d on x must have the axes of the index, one row for each", axis);
    t->y[0] = (weft_shape){.rank = rank};
    for (int i = 0; i < rank; i++)
        t->y[0].dim[i] = i < axis ? x->dim[i] : i == axis ? (size_t)along->number : x->dim[i - 1 + index->rank];
    return WEFT_OK;
}

#define LOOPS "ops/primitive/scatter_add_loops.inc"
#include "ops/both_types.inc"

static weft_status scatter_add_kernel(const weft_call *call)
{
    const weft_view *x = &call->x[0], *index = &call->x[1], *y = &call->y[0]; /* (outer, count, inner), (count), (outer, length, inner) */
    int axis = weft__along_axis(call->attributes);
    size_t outer = weft__dims_product(y->dim, 0, axis), length = y->dim[axis], count = weft__dims_product(index->dim, 0, index->rank);
    size_t inner = weft__dims_product(y->dim, axis + 1, y->rank), bytes = outer * length * inner * weft_dtype_size(y->dtype);
    weft_status status = weft__index_check(call, "scatter_add", index, "along the axis of the result there are", length);
    if (status != WEFT_OK || !bytes)
        return status;
    memset(y->data, 0, bytes);
    const int64_t *at = index->data;
    for (size_t o = 0; o < outer; o++)
        for (size_t m = 0; m < count; m++) {
            size_t to = (o * length + (size_t)at[m]) * inner, from = (o * count + m) * inner;
            if (x->dtype == WEFT_F32)
                scatter_row_f32(inner, (float *)y->data + to, (const float *)x->data + from);
            else
                scatter_row_f64(inner, (double *)y->data + to, (const double *)x->data + from);
        }
    return WEFT_OK;
}

static weft_node scatter_add_transpose(weft_node y, const weft_node *x, int operand, weft_node dy)
{
    return operand == 0 ? weft_take(dy, x[1], weft__along_axis(weft_node_attributes(y))) : (weft_node){.tape = NULL};
}

static void scatter_add_in_field(weft_field *f, const weft_exact_call *call)
{
    const weft_shape *to = &call->y[0].shape;
    int axis = weft__along_axis(call->attributes);
    size_t outer = weft__dims_product(to->dim, 0, axis), length = to->dim[axis], count = weft_shape_count(&call->x[1].shape);
    size_t inner = weft__dims_product(to->dim, axis + 1, to->rank);
    for (size_t i = 0; i < outer * length * inner; i++)
        call->y[0].number[i] = weft_exact_whole(f, 0);
    for (size_t i = 0; i < outer * count * inner; i++) {
        int64_t at = call->x[1].index[i / inner % count];
        if (at < 0 || (uint64_t)at >= length) {
            weft_exact_refuse(f, "an index is out of range");
            return;
        }
        weft_exact_number *y = &call->y[0].number[(i / inner / count * length + (size_t)at) * inner + i % inner];
        *y = weft_exact_add(f, *y, call->x[0].number[i]);
    }
}

static uint64_t scatter_add_below(const void *attributes, const weft_shape *x, int operand)
{
    (void)x;
    return operand == 1 ? ((const weft_along *)attributes)->number : 0;
}

static const weft_exact scatter_add_exact = {.array = scatter_add_in_field, .below = scatter_add_below};

const weft_op weft_op_scatter_add = {
    .name = "scatter_add", .formula = "y[.., index[m], ..] += x[.., m, ..]", .arity = 2,
    .kind = WEFT_GENERAL, .attribute_size = sizeof(weft_along), .words = weft__scattered_words,
    .shape = scatter_add_shape, .kernel = scatter_add_kernel, .transpose = scatter_add_transpose, .exact = &scatter_add_exact,
};

weft_node weft__scatter_add_along(weft_node x, weft_node index, int axis, size_t length)
{
    const weft_along along = {.over = {.axes = WEFT_AXIS(axis)}, .number = length};
    return weft_record(&weft_op_scatter_add, (weft_node[]){x, index}, 2, &along);
}

weft_node weft_scatter_add(weft_node x, weft_node index, size_t rows)
{
    return weft__scatter_add_along(x, index, 0, rows);
}

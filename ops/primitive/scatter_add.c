/* scatter_add.c: rows added into a table by index, the transpose of gather. Rows with one index are added in the order of m. */
#include "engine/weft_op.h"

#include <stdio.h>
#include <string.h>

static weft_status scatter_add_shape(weft_typing *t)
{
    uint64_t rows;
    memcpy(&rows, t->attributes, sizeof rows);
    if (t->x[0].rank < 1 || t->x[1].rank != 1 || t->x[0].dim[0] != t->x[1].dim[0])
        return weft_typing_error(t, WEFT_ERROR_SHAPE, "x needs one row for each index, and the index rank 1");
    if (t->x_dtype[1] != WEFT_I64 || t->x_dtype[0] == WEFT_I64)
        return weft_typing_error(t, WEFT_ERROR_DTYPE, "x must be f32 or f64, the index i64");
    t->y[0] = t->x[0];
    t->y[0].dim[0] = rows;
    return WEFT_OK;
}

#define LOOPS "ops/primitive/scatter_add_loops.inc"
#include "ops/both_types.inc"

static weft_status scatter_add_kernel(const weft_call *call)
{
    const weft_view *x = &call->x[0], *index = &call->x[1], *y = &call->y[0];
    size_t row = 1;
    for (int i = 1; i < x->rank; i++)
        row *= x->dim[i];
    size_t bytes = y->dim[0] * row * weft_dtype_size(y->dtype);
    if (bytes)
        memset(y->data, 0, bytes);
    const int64_t *at = index->data;
    for (size_t m = 0; m < index->dim[0]; m++) {
        if (at[m] < 0 || (uint64_t)at[m] >= y->dim[0]) {
            snprintf(call->message, WEFT_MESSAGE_SIZE, "scatter_add: index[%zu] is %lld; the result has the rows 0 to %lld", m,
                     (long long)at[m], (long long)y->dim[0] - 1);
            return WEFT_ERROR_INDEX;
        }
        if (x->dtype == WEFT_F32)
            scatter_row_f32(row, (float *)y->data + (size_t)at[m] * row, (const float *)x->data + m * row);
        else
            scatter_row_f64(row, (double *)y->data + (size_t)at[m] * row, (const double *)x->data + m * row);
    }
    return WEFT_OK;
}

static weft_node scatter_add_transpose(weft_node y, const weft_node *x, int operand, weft_node dy)
{
    (void)y;
    return operand == 0 ? weft_gather(dy, x[1]) : (weft_node){.tape = NULL};
}

const weft_op weft_op_scatter_add = {
    .name = "scatter_add", .formula = "y[index[m]] += x[m]", .arity = 2,
    .kind = WEFT_GENERAL, .attribute_size = sizeof(uint64_t),
    .shape = scatter_add_shape, .kernel = scatter_add_kernel, .transpose = scatter_add_transpose,
};

weft_node weft_scatter_add(weft_node x, weft_node index, size_t rows)
{
    uint64_t attribute = rows;
    return weft_record(&weft_op_scatter_add, (weft_node[]){x, index}, 2, &attribute);
}

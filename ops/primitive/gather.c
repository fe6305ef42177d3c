/* gather.c: rows of a table by index, as an embedding or a one-hot encoding takes them. */
#include "engine/weft_op.h"

#include <stdio.h>
#include <string.h>

static weft_status gather_shape(weft_typing *t)
{
    if (t->x[0].rank < 1)
        return weft_typing_error(t, WEFT_ERROR_SHAPE, "the table needs at least one axis, its rows");
    if (t->x_dtype[1] != WEFT_I64 || t->x[1].rank != 1)
        return weft_typing_error(t, t->x_dtype[1] != WEFT_I64 ? WEFT_ERROR_DTYPE : WEFT_ERROR_SHAPE, "the index must be i64 of rank 1");
    t->y[0] = t->x[0];
    t->y[0].dim[0] = t->x[1].dim[0];
    return WEFT_OK;
}

static weft_status gather_kernel(const weft_call *call)
{
    const weft_view *table = &call->x[0], *index = &call->x[1], *y = &call->y[0];
    size_t row = weft_dtype_size(table->dtype);
    for (int i = 1; i < table->rank; i++)
        row *= table->dim[i];
    for (size_t m = 0; m < index->dim[0]; m++) {
        int64_t at = ((const int64_t *)index->data)[m];
        if (at < 0 || (uint64_t)at >= table->dim[0]) {
            snprintf(call->message, WEFT_MESSAGE_SIZE, "gather: index[%zu] is %lld; the table has the rows 0 to %lld", m, (long long)at,
                     (long long)table->dim[0] - 1);
            return WEFT_ERROR_INDEX;
        }
        if (row)
            memcpy((char *)y->data + m * row, (const char *)table->data + (size_t)at * row, row);
    }
    return WEFT_OK;
}

static weft_node gather_transpose(weft_node y, const weft_node *x, int operand, weft_node dy)
{
    (void)y;
    if (operand == 1)
        return (weft_node){.tape = NULL};
    return weft_scatter_add(dy, x[1], weft_node_shape(x[0]).dim[0]);
}

const weft_op weft_op_gather = {
    .name = "gather", .formula = "y[m] = table[index[m]]", .arity = 2,
    .kind = WEFT_GENERAL,
    .shape = gather_shape, .kernel = gather_kernel, .transpose = gather_transpose,
};

weft_node weft_gather(weft_node table, weft_node index)
{
    return weft_record(&weft_op_gather, (weft_node[]){table, index}, 2, NULL);
}

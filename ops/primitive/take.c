/* take.c: elements along an axis by index, as numpy.take; along axis 0 they are the rows of a table, which an embedding takes. */
#include "ops/primitive/along.h"

#include <string.h>

static weft_status take_shape(weft_typing *t)
{
    const weft_shape *x = &t->x[0], *index = &t->x[1];
    int axis = weft__along_axis(t->attributes), rank = x->rank - 1 + index->rank;
    if (t->x_dtype[1] != WEFT_I64)
        return weft_typing_error(t, WEFT_ERROR_DTYPE, "the index must be i64");
    if (axis >= x->rank)
        return weft_typing_error(t, WEFT_ERROR_SHAPE, "x needs at least one axis, to take from");
    if (rank > WEFT_MAX_RANK)
        return weft_typing_error(t, WEFT_ERROR_SHAPE, "the axes of the index replace one of x, which makes %d; at most %d", rank, WEFT_MAX_RANK);
    t->y[0] = (weft_shape){.rank = rank};
    for (int i = 0; i < rank; i++)
        t->y[0].dim[i] = i < axis ? x->dim[i] : i < axis + index->rank ? index->dim[i - axis] : x->dim[i + 1 - index->rank];
    return WEFT_OK;
}

static weft_status take_kernel(const weft_call *call)
{
    const weft_view *x = &call->x[0], *index = &call->x[1]; /* (outer, length, inner), (count) */
    int axis = weft__along_axis(call->attributes);
    size_t outer = weft__dims_product(x->dim, 0, axis), length = x->dim[axis], count = weft__dims_product(index->dim, 0, index->rank);
    size_t inner = weft__dims_product(x->dim, axis + 1, x->rank) * weft_dtype_size(x->dtype);
    const int64_t *at = index->data;
    const char *from = x->data;
    char *y = call->y[0].data; /* (outer, count, inner) */
    weft_status status = weft__index_check(call, "take", index, "along the axis there are", length);
    if (status != WEFT_OK || !inner)
        return status;
    for (size_t o = 0; o < outer; o++, from += length * inner)
        for (size_t m = 0; m < count; m++, y += inner)
            memcpy(y, from + (size_t)at[m] * inner, inner);
    return WEFT_OK;
}

static weft_node take_transpose(weft_node y, const weft_node *x, int operand, weft_node dy)
{
    int axis = weft__along_axis(weft_node_attributes(y));
    if (operand == 1)
        return (weft_node){.tape = NULL};
    return weft__scatter_add_along(dy, x[1], axis, weft_node_shape(x[0]).dim[axis]);
}

static uint64_t take_below(const void *attributes, const weft_shape *x, int operand)
{
    return operand == 1 ? x[0].dim[weft__along_axis(attributes)] : 0;
}

static const weft_exact take_exact = {.moves = true, .below = take_below};

const weft_op weft_op_take = {
    .name = "take", .formula = "y[.., m, ..] = x[.., index[m], ..]", .arity = 2,
    .kind = WEFT_GENERAL, .attribute_size = sizeof(weft_along), .words = weft__along_words,
    .shape = take_shape, .kernel = take_kernel, .transpose = take_transpose, .exact = &take_exact,
};

weft_node weft_take(weft_node x, weft_node index, int axis)
{
    return weft__along_record(&weft_op_take, (weft_node[]){x, index}, 2, axis, false, 0);
}

weft_node weft_gather(weft_node table, weft_node index)
{
    return weft_take(table, index, 0);
}

/* along.c: see along.h. */
#include "ops/primitive/along.h"
#include "ops/staged/staged.h"

#include <stdio.h>

weft_node weft__along_record(const weft_op *op, const weft_node *x, int n, int axis, bool keepdims, size_t number)
{
    weft_along along = {.over = {.keepdims = keepdims}, .number = number};
    bool usable = true;
    for (int i = 0; i < n; i++)
        usable &= !weft_node_failed(x[i]);
    if (!usable)
        return weft_record(op, x, n, &along); /* which words the error */
    along.over.axes = weft__axis_of(op->name, x[0], axis);
    return along.over.axes ? weft_record(op, x, n, &along) : (weft_node){.tape = x[0].tape, .id = WEFT_NO_ID};
}

void weft__along_words(const void *attributes, const weft_shape *x, char *text, size_t size)
{
    const weft_along *along = attributes;
    (void)x;
    snprintf(text, size, ", axis=%d%s", weft__along_axis(along), along->over.keepdims ? ", keepdims=1" : "");
}

void weft__scattered_words(const void *attributes, const weft_shape *x, char *text, size_t size)
{
    const weft_along *along = attributes;
    (void)x;
    snprintf(text, size, ", axis=%d, length=%llu", weft__along_axis(along), (unsigned long long)along->number);
}

int weft__along_axis(const void *attributes)
{
    const weft_along *along = attributes;
    int axis = 0;
    while (axis < WEFT_MAX_RANK - 1 && !(along->over.axes & WEFT_AXIS(axis)))
        axis++;
    return axis;
}

size_t weft__dims_product(const size_t *dim, int from, int to)
{
    size_t n = 1;
    for (int i = from; i < to; i++)
        n *= dim[i];
    return n;
}

void weft__elements_start(weft__elements *e, const weft_view *index, const weft_view *each, const weft_view *indexed, int axis)
{
    const weft_view *views[] = {index, each, indexed};
    *e = (weft__elements){.rank = index->rank, .dim = index->dim};
    for (int k = 0; k < 3; k++)
        for (int d = 0; d < index->rank; d++)
            e->stride[k][d] = k == 2 && d == axis ? 0 : views[k]->stride[d];
}

weft_status weft__index_check(const weft_call *call, const char *name, const weft_view *index, const char *what, size_t length)
{
    weft__elements e;
    const int64_t *data = index->data;
    size_t count = weft__dims_product(index->dim, 0, index->rank), used;
    weft__elements_start(&e, index, index, index, -1);
    for (size_t m = 0; m < count; m++, weft__elements_step(&e)) {
        int64_t value = data[e.offset[0]];
        if (value >= 0 && (uint64_t)value < length)
            continue;
        used = (size_t)snprintf(call->message, WEFT_MESSAGE_SIZE, "%s: index", name);
        for (int d = 0; d < index->rank; d++)
            used += (size_t)snprintf(call->message + used, WEFT_MESSAGE_SIZE - used, "%s%zu", d ? ", " : "[", e.at[d]);
        used += (size_t)snprintf(call->message + used, WEFT_MESSAGE_SIZE - used, "%s is %lld; ", index->rank ? "]" : "", (long long)value);
        if (length)
            snprintf(call->message + used, WEFT_MESSAGE_SIZE - used, "%s 0 to %zu", what, length - 1);
        else
            snprintf(call->message + used, WEFT_MESSAGE_SIZE - used, "there is nothing to index");
        return WEFT_ERROR_INDEX;
    }
    return WEFT_OK;
}

/* scatter_add_elements.c: each element added where an index says along one axis, the transpose of gather_elements. Elements that go to one place
 * are added in C order, in the dtype. Here is also what the two ops share. */
#include "ops/primitive/gather_elements.h"
#include "ops/staged/staged.h"

#include <string.h>

extern const weft_op weft_op_scatter_add_elements;

weft_status weft__elements_shape(weft_typing *t)
{
    int axis = weft__along_axis(t->attributes);
    if (t->x_dtype[1] != WEFT_I64)
        return weft_typing_error(t, WEFT_ERROR_DTYPE, "the index must be i64");
    if (t->x[0].rank != t->x[1].rank || axis >= t->x[0].rank)
        return weft_typing_error(t, WEFT_ERROR_SHAPE, "the index must have the rank of x, at least 1; did you forget an axis of length 1?");
    for (int i = 0; i < t->x[0].rank; i++)
        if (i != axis && t->x[0].dim[i] != t->x[1].dim[i])
            return weft_typing_error(t, WEFT_ERROR_SHAPE, "axis %d is %zu in x and %zu in the index", i, t->x[0].dim[i], t->x[1].dim[i]);
    return WEFT_OK;
}

static bool stretch(weft_node *x, const weft_shape *to)
{
    weft_shape own = weft_node_shape(*x);
    if (memcmp(own.dim, to->dim, (size_t)own.rank * sizeof *own.dim))
        *x = weft_broadcast(*x, to->rank, to->dim);
    return !weft_node_failed(*x);
}

weft_node weft__elements_record(const weft_op *op, weft_node x, weft_node index, int axis, size_t length)
{
    weft_node operand[] = {x, index};
    bool scatters = op == &weft_op_scatter_add_elements, usable = !weft_node_failed(x) && !weft_node_failed(index) && x.tape == index.tape;
    weft_shape shape[] = {weft_node_shape(x), weft_node_shape(index)}, common;
    int rank = shape[0].rank, at = axis < 0 ? axis + rank : axis;
    if (usable && rank == shape[1].rank && at >= 0 && at < rank) { /* else the op's rule says what is wrong */
        size_t own[] = {shape[0].dim[at], shape[1].dim[at]};
        if (!scatters)
            shape[0].dim[at] = shape[1].dim[at] = 1;
        if (weft_shape_broadcast(shape, 2, &common) < 0) {
            for (int k = 0; k < 2; k++) {
                common.dim[at] = scatters ? common.dim[at] : own[k];
                if (!stretch(&operand[k], &common))
                    return operand[k];
            }
        }
    }
    return weft__along_record(op, operand, 2, axis, false, length);
}

static weft_status scatter_add_elements_shape(weft_typing *t)
{
    const weft_along *along = t->attributes;
    int axis = weft__along_axis(along);
    weft_status status = weft__elements_shape(t);
    if (status != WEFT_OK)
        return status;
    if (t->x_dtype[0] == WEFT_I64)
        return weft_typing_error(t, WEFT_ERROR_DTYPE, "x must be f32 or f64, not i64");
    if (t->x[0].dim[axis] != t->x[1].dim[axis])
        return weft_typing_error(t, WEFT_ERROR_SHAPE, "axis %d is %zu in x and %zu in the index", axis, t->x[0].dim[axis], t->x[1].dim[axis]);
    t->y[0] = t->x[0];
    t->y[0].dim[axis] = (size_t)along->number;
    return WEFT_OK;
}

static weft_status scatter_add_elements_kernel(const weft_call *call)
{
    const weft_view *x = &call->x[0], *index = &call->x[1], *y = &call->y[0];
    int axis = weft__along_axis(call->attributes);
    weft_status status = weft__index_check(call, "scatter_add_elements", index, "along the axis of the result there are", y->dim[axis]);
    size_t count = weft__dims_product(index->dim, 0, index->rank), bytes = weft__dims_product(y->dim, 0, y->rank) * weft_dtype_size(y->dtype);
    const int64_t *at = index->data;
    weft__elements e;
    if (bytes)
        memset(y->data, 0, bytes);
    weft__elements_start(&e, index, x, y, axis);
    for (size_t m = 0; status == WEFT_OK && m < count; m++, weft__elements_step(&e)) {
        ptrdiff_t to = e.offset[2] + (ptrdiff_t)at[e.offset[0]] * y->stride[axis];
        if (x->dtype == WEFT_F32)
            ((float *)y->data)[to] += ((const float *)x->data)[e.offset[1]];
        else
            ((double *)y->data)[to] += ((const double *)x->data)[e.offset[1]];
    }
    return status;
}

static weft_node scatter_add_elements_transpose(weft_node y, const weft_node *x, int operand, weft_node dy)
{
    return operand == 0 ? weft_gather_elements(dy, x[1], weft__along_axis(weft_node_attributes(y))) : (weft_node){.tape = NULL};
}

static void scatter_add_elements_in_field(weft_field *f, const weft_exact_call *call)
{
    const weft_shape *from = &call->x[0].shape;
    int axis = weft__along_axis(call->attributes);
    size_t n = from->dim[axis], length = call->y[0].shape.dim[axis], inner = weft__dims_product(from->dim, axis + 1, from->rank);
    for (size_t i = 0; i < weft_shape_count(&call->y[0].shape); i++)
        call->y[0].number[i] = weft_exact_whole(f, 0);
    for (size_t i = 0; i < weft_shape_count(from); i++) {
        int64_t at = call->x[1].index[i];
        if (at < 0 || (uint64_t)at >= length) {
            weft_exact_refuse(f, "an index is out of range");
            return;
        }
        weft_exact_number *y = &call->y[0].number[(i / inner / n * length + (size_t)at) * inner + i % inner];
        *y = weft_exact_add(f, *y, call->x[0].number[i]);
    }
}

static uint64_t scatter_add_elements_below(const void *attributes, const weft_shape *x, int operand)
{
    (void)x;
    return operand == 1 ? ((const weft_along *)attributes)->number : 0;
}

static const weft_exact scatter_add_elements_exact = {.array = scatter_add_elements_in_field, .below = scatter_add_elements_below};

const weft_op weft_op_scatter_add_elements = {
    .name = "scatter_add_elements", .formula = "y[.., index[.., m, ..], ..] += x[.., m, ..]", .arity = 2,
    .kind = WEFT_GENERAL, .flags = WEFT_ANY_STRIDES, .attribute_size = sizeof(weft_along), .words = weft__scattered_words,
    .shape = scatter_add_elements_shape, .kernel = scatter_add_elements_kernel, .transpose = scatter_add_elements_transpose,
    .exact = &scatter_add_elements_exact,
};

weft_node weft_scatter_add_elements(weft_node x, weft_node index, int axis, size_t length)
{
    return weft__elements_record(&weft_op_scatter_add_elements, x, index, axis, length);
}

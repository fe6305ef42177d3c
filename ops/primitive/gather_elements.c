/* gather_elements.c: for each position the element that an index names along one axis, as numpy.take_along_axis and torch.gather. */
#include "ops/primitive/gather_elements.h"

static weft_status gather_elements_shape(weft_typing *t)
{
    weft_status status = weft__elements_shape(t);
    t->y[0] = t->x[1];
    return status;
}

static weft_status gather_elements_kernel(const weft_call *call)
{
    const weft_view *x = &call->x[0], *index = &call->x[1], *y = &call->y[0];
    int axis = weft__along_axis(call->attributes);
    weft_status status = weft__index_check(call, "gather_elements", index, "along the axis there are", x->dim[axis]);
    size_t count = weft__dims_product(y->dim, 0, y->rank);
    const int64_t *at = index->data;
    weft__elements e;
    weft__elements_start(&e, index, y, x, axis);
    for (size_t m = 0; status == WEFT_OK && m < count; m++, weft__elements_step(&e)) {
        ptrdiff_t from = e.offset[2] + (ptrdiff_t)at[e.offset[0]] * x->stride[axis];
        if (weft_dtype_size(x->dtype) == 4)
            ((uint32_t *)y->data)[m] = ((const uint32_t *)x->data)[from];
        else
            ((uint64_t *)y->data)[m] = ((const uint64_t *)x->data)[from];
    }
    return status;
}

static weft_node gather_elements_transpose(weft_node y, const weft_node *x, int operand, weft_node dy)
{
    int axis = weft__along_axis(weft_node_attributes(y));
    if (operand == 1)
        return (weft_node){.tape = NULL};
    return weft_scatter_add_elements(dy, x[1], axis, weft_node_shape(x[0]).dim[axis]);
}

static uint64_t gather_elements_below(const void *attributes, const weft_shape *x, int operand)
{
    return operand == 1 ? x[0].dim[weft__along_axis(attributes)] : 0;
}

static const weft_exact gather_elements_exact = {.moves = true, .below = gather_elements_below};

const weft_op weft_op_gather_elements = {
    .name = "gather_elements", .formula = "y[.., m, ..] = x[.., index[.., m, ..], ..]", .arity = 2,
    .kind = WEFT_GENERAL, .flags = WEFT_ANY_STRIDES, .attribute_size = sizeof(weft_along), .words = weft__along_words,
    .shape = gather_elements_shape, .kernel = gather_elements_kernel, .transpose = gather_elements_transpose, .exact = &gather_elements_exact,
};

weft_node weft_gather_elements(weft_node x, weft_node index, int axis)
{
    return weft__elements_record(&weft_op_gather_elements, x, index, axis, 0);
}

/* first.c: the first element along some axes: x at index 0 of each of them. It is a view. Its derivative puts dy there and 0 elsewhere. */
#include "ops/reduction.h"

static weft_status first_shape(weft_typing *t)
{
    const weft_reduction *r = t->attributes;
    for (int i = 0; i < t->x[0].rank; i++)
        if (r->axes & WEFT_AXIS(i) && t->x[0].dim[i] == 0)
            return weft_typing_error(t, WEFT_ERROR_SHAPE, "axis %d is empty and has no first element", i);
    return weft__reduction_shape(t);
}

static bool first_view(const void *attributes, const weft_view *x, const weft_view *y, ptrdiff_t *stride)
{
    const weft_reduction *r = attributes;
    (void)y;
    for (int i = 0, k = 0; i < x->rank; i++)
        if (!(r->axes & WEFT_AXIS(i)))
            stride[k++] = x->stride[i];
        else if (r->keepdims)
            stride[k++] = 0;
    return true;
}

/* As rows: dy becomes row 0 of an array of as many rows as elements were passed over, whose axes then go where they belong. */
static weft_node first_transpose(weft_node y, const weft_node *x, int operand, weft_node dy)
{
    (void)operand;
    const weft_reduction *r = weft_node_attributes(y);
    weft_shape whole = weft_node_shape(x[0]), apart = {.rank = whole.rank};
    size_t rows = 1, width = 1, dim[2];
    int order[WEFT_MAX_RANK], n = 0;
    for (int pass = 0; pass < 2; pass++) /* the axes passed over, then those that stay */
        for (int i = 0; i < whole.rank; i++) {
            bool over = r->axes & WEFT_AXIS(i);
            if (over != !pass)
                continue;
            *(over ? &rows : &width) *= whole.dim[i];
            apart.dim[n] = whole.dim[i];
            order[i] = n++; /* axis i of x is this axis of `apart` */
        }
    dim[0] = 1;
    dim[1] = width;
    weft_node zero = weft_constant(dy.tape, WEFT_I64, 1, (size_t[]){1}, &(int64_t){0});
    weft_node row = weft_scatter_add(weft_reshape(dy, 2, dim), zero, rows);
    return weft_transpose(weft_reshape(row, apart.rank, apart.dim), order);
}

const weft_op weft_op_first = {
    .name = "first", .formula = "y = x at index 0 of the axes", .arity = 1,
    .kind = WEFT_VIEW, .flags = WEFT_OVER_AXES, .attribute_size = sizeof(weft_reduction),
    .shape = first_shape, .view = first_view, .transpose = first_transpose,
};

weft_node weft_first(weft_node x, unsigned axes, bool keepdims)
{
    return weft__reduction_record(&weft_op_first, x, axes, keepdims);
}

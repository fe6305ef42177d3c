/* pick.c: an element in each vector by its index. The derivative of picking one element of each row (gather_elements, with one index along the axis) puts
 * a number at a place and zeros around it. As a scattered array it would be written and read for itself; as a choice by comparing each position with
 * the index it is computed inside the loop that needs it, as p - onehot is on paper. Indices become numbers by taking 0, 1, 2, ... by index, which
 * refuses those out of range. It is algebraic for one reason only: 0 + -0 is 0. */
#include "engine/rewrite/rewrite.h"

#include <string.h>

enum { MOST_POSITIONS = 1 << 20 /* a constant of so many numbers is kept; all are whole numbers that f32 has */ };

/* 0, 1, 2, ... along the axis: (1, .., length, .., 1). */
static weft_node positions(weft__rewriter *r, weft_dtype dtype, size_t length)
{
    size_t bytes = length * weft_dtype_size(dtype);
    void *values = weft__allocate(&r->tape->allocator, bytes + 1);
    if (!values) {
        weft__tape_fail(r->tape, WEFT_ERROR_MEMORY, "out of memory");
        return weft__failed(r->tape);
    }
    for (size_t i = 0; i < length; i++)
        if (dtype == WEFT_F32)
            ((float *)values)[i] = (float)i;
        else
            ((double *)values)[i] = (double)i;
    weft_node numbers = weft__emit_constant(r, weft_constant(r->tape, dtype, 1, &length, values));
    weft__release(&r->tape->allocator, values, bytes + 1);
    return numbers;
}

static weft_node reshaped(weft__rewriter *r, weft_node x, weft_shape shape)
{
    weft_shape clean;
    memset(&clean, 0, sizeof clean); /* attributes are compared as bytes */
    clean.rank = shape.rank;
    memcpy(clean.dim, shape.dim, (size_t)shape.rank * sizeof *shape.dim);
    return weft__emit(r, &weft_op_reshape, &x, 1, &clean);
}

static weft_node choose_position(weft__rewriter *r, const weft__draft *d)
{
    const weft_along *along = d->attributes;
    weft_shape whole = weft_node_shape(d->x[0]), index = weft_node_shape(d->x[1]), column = {.rank = whole.rank};
    int axis = 0;
    while (axis < whole.rank && !(along->over.axes & WEFT_AXIS(axis)))
        axis++;
    if (axis == whole.rank || index.rank != whole.rank || index.dim[axis] != 1 || along->number < 2 || along->number > MOST_POSITIONS)
        return weft__no_node();
    for (int i = 0; i < whole.rank; i++)
        column.dim[i] = i == axis ? (size_t)along->number : 1;
    whole.dim[axis] = (size_t)along->number;
    weft_along first;
    memset(&first, 0, sizeof first);
    first.over.axes = WEFT_AXIS(0);
    weft_node numbers = positions(r, weft_node_dtype(d->x[0]), whole.dim[axis]);
    weft_node own = weft__emit(r, &weft_op_take, (weft_node[]){numbers, d->x[1]}, 2, &first); /* index's shape */
    weft_node each = weft__emit_broadcast(r, reshaped(r, numbers, column), &whole);
    weft_node here = weft__emit(r, &weft_op_equal, (weft_node[]){each, weft__emit_broadcast(r, own, &whole)}, 2, NULL);
    weft_node zero = weft__emit_broadcast(r, weft__emit_constant(r, weft_scalar_like(d->x[0], 0)), &whole);
    return weft__emit(r, &weft_op_where, (weft_node[]){here, weft__emit_broadcast(r, d->x[0], &whole), zero}, 3, NULL);
}

const weft__rule weft__pick_rules[] = {
    {{"choose a position", "scattering x[.., 0, ..] to index[.., 0, ..] = where(0, 1, 2, ... = index, x, 0)", WEFT_REWRITE_ALGEBRAIC},
     &weft_op_scatter_add_elements, choose_position},
};
const size_t weft__pick_rule_count = sizeof weft__pick_rules / sizeof *weft__pick_rules;

/* plain_movement.c: for each element of the result, where it comes from. */
#include "tests/plain_movement.h"

#include <string.h>

/* Steps to the next position in C order. */
static void next(const weft_shape *shape, size_t *position)
{
    for (int i = shape->rank - 1; i >= 0 && ++position[i] == shape->dim[i]; i--)
        position[i] = 0;
}

static size_t element_at(const weft_shape *shape, const size_t *position)
{
    size_t element = 0;
    for (int i = 0; i < shape->rank; i++)
        element = element * shape->dim[i] + position[i];
    return element;
}

static bounded sliced(weft_node node, const size_t *at, const bounded *const *x)
{
    const weft_slicing *s = weft_node_attributes(node);
    weft_shape from = weft_node_shape(weft_node_operand(node, 0));
    size_t position[WEFT_MAX_RANK];
    for (int i = 0; i < from.rank; i++)
        position[i] = (size_t)(s->start[i] + (int64_t)at[i] * s->step[i]);
    return x[0][element_at(&from, position)];
}

static bounded padded(weft_node node, const size_t *at, const bounded *const *x)
{
    const weft_padding *p = weft_node_attributes(node);
    weft_shape from = weft_node_shape(weft_node_operand(node, 0));
    size_t position[WEFT_MAX_RANK];
    for (int i = 0; i < from.rank; i++) {
        size_t behind = at[i] - (size_t)p->before[i], apart = (size_t)p->apart[i] + 1;
        if (at[i] < p->before[i] || behind % apart || behind / apart >= from.dim[i])
            return bounded_exact(0);
        position[i] = behind / apart;
    }
    return x[0][element_at(&from, position)];
}

static bounded joined(weft_node node, const size_t *at, const bounded *const *x)
{
    int64_t axis = *(const int64_t *)weft_node_attributes(node);
    size_t position[WEFT_MAX_RANK];
    memcpy(position, at, sizeof position);
    for (int k = 0;; k++) {
        weft_shape own = weft_node_shape(weft_node_operand(node, k));
        if (position[axis] < own.dim[axis])
            return x[k][element_at(&own, position)];
        position[axis] -= own.dim[axis];
    }
}

static bounded cast_one(weft_dtype from, weft_dtype to, bounded x, bool *undecided)
{
    if (to == WEFT_I64) {
        long double low = truncl(x.v - x.e), high = truncl(x.v + x.e);
        *undecided |= low != high;
        return low == high ? bounded_exact(low) : bounded_within(truncl(x.v), high - low);
    }
    bool exact = from == WEFT_F32 && to == WEFT_F64;
    return exact ? x : bounded_round(to == WEFT_F32 ? &rounding_f32 : &rounding_f64, x.v, x.e, CORRECT);
}

bool plain_movement(weft_node node, const bounded *const *x, bounded *y, bool *undecided)
{
    const char *name = weft_node_op(node)->name;
    weft_shape shape = weft_node_shape(node);
    size_t count = weft_shape_count(&shape), at[WEFT_MAX_RANK] = {0};
    bounded (*move)(weft_node node, const size_t *at, const bounded *const *x) =
        !strcmp(name, "slice") ? sliced : !strcmp(name, "pad") ? padded : !strcmp(name, "concat") ? joined : NULL;
    for (size_t i = 0; move && i < count; i++, next(&shape, at))
        y[i] = move(node, at, x);
    bool casts = !strcmp(name, "cast");
    weft_dtype from = weft_node_dtype(weft_node_operand(node, 0));
    for (size_t i = 0; casts && i < count; i++)
        y[i] = cast_one(from, weft_node_dtype(node), x[0][i], undecided);
    return move || casts;
}

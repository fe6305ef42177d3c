/* max.c: the largest element over any axes; NaN if there is one. Ties share the derivative evenly, as PyTorch's amax has it. */
#include "ops/reduction.h"

#include <math.h>

#define LOOPS "ops/primitive/max_loops.inc"
#include "ops/both_types.inc"

static double max_merge(double a, double b)
{
    return b > a || b != b ? b : a; /* a NaN wins and stays */
}

static const weft_fold max_fold = {
    .identity = -INFINITY,
    .along = {max_along_f32, max_along_f64},
    .across = {max_across_f32, max_across_f64},
    .merge = max_merge,
    .text = "b > a || b != b ? b : a",
};

static weft_status max_shape(weft_typing *t)
{
    const weft_reduction *r = t->attributes;
    for (int i = 0; i < t->x[0].rank; i++)
        if (r->axes & WEFT_AXIS(i) && t->x[0].dim[i] == 0)
            return weft_typing_error(t, WEFT_ERROR_SHAPE, "axis %d is empty, and nothing is the largest of nothing", i);
    return weft__reduction_shape(t);
}

static void max_vjp(weft_node y, const weft_node *x, const weft_node *dy, weft_node *dx)
{
    const weft_reduction *r = weft_node_attributes(y);
    weft_node at_max = weft_equal(x[0], weft__reduction_spread(y, x[0], y));
    weft_node share = weft_div(dy[0], weft_sum(at_max, r->axes, r->keepdims));
    dx[0] = weft_mul(at_max, weft__reduction_spread(y, x[0], share)); /* dy / ties where x is the maximum */
}

const weft_op weft_op_max = {
    .name = "max", .formula = "y = largest of x over the axes", .arity = 1,
    .kind = WEFT_REDUCTION, .attribute_size = sizeof(weft_reduction),
    .shape = max_shape, .fold = &max_fold, .vjp = max_vjp,
};

weft_node weft_max(weft_node x, unsigned axes, bool keepdims)
{
    return weft__reduction_record(&weft_op_max, x, axes, keepdims);
}

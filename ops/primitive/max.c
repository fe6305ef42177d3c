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
    .selects = true,
    .along = {max_along_f32, max_along_f64},
    .across = {max_across_f32, max_across_f64},
    .merge = max_merge,
    .text = "b > a || b != b ? b : a",
};

static weft_exact_number max_in_field(weft_field *f, size_t n, const weft_exact_number *x)
{
    return x[weft_exact_largest(f, n, x, 1, 1)];
}

static const weft_exact max_exact = {.fold = max_in_field};

static const weft_paper max_on_paper = {.text = "max", .tex = "\\max"};

const weft_op weft_op_max = {
    .name = "max", .formula = "y = largest of x over the axes", .arity = 1,
    .flat = "but for the largest element",
    .kind = WEFT_REDUCTION, .attribute_size = sizeof(weft_reduction),
    .shape = weft__extreme_shape, .fold = &max_fold, .vjp = weft__extreme_vjp, .exact = &max_exact,
    .paper = &max_on_paper,
};

weft_node weft_max(weft_node x, unsigned axes, bool keepdims)
{
    return weft__reduction_record(&weft_op_max, x, axes, keepdims);
}

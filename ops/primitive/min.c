/* min.c: the smallest element over any axes; NaN if there is one. Ties share the derivative evenly, as PyTorch's amin has it. */
#include "ops/reduction.h"

#include <math.h>

#define LOOPS "ops/primitive/min_loops.inc"
#include "ops/both_types.inc"

static double min_merge(double a, double b)
{
    return b < a || b != b ? b : a; /* a NaN wins and stays */
}

static const weft_fold min_fold = {
    .identity = INFINITY,
    .selects = true,
    .along = {min_along_f32, min_along_f64},
    .across = {min_across_f32, min_across_f64},
    .merge = min_merge,
    .text = "b < a || b != b ? b : a",
};

static weft_exact_number min_in_field(weft_field *f, size_t n, const weft_exact_number *x)
{
    return x[weft_exact_largest(f, n, x, 1, -1)];
}

static const weft_exact min_exact = {.fold = min_in_field};

static const weft_paper min_on_paper = {.text = "min", .tex = "\\min"};

const weft_op weft_op_min = {
    .name = "min", .formula = "y = smallest of x over the axes", .arity = 1,
    .flat = "but for the smallest element",
    .kind = WEFT_REDUCTION, .attribute_size = sizeof(weft_reduction),
    .shape = weft__extreme_shape, .fold = &min_fold, .vjp = weft__extreme_vjp, .exact = &min_exact,
    .paper = &min_on_paper,
};

weft_node weft_min(weft_node x, unsigned axes, bool keepdims)
{
    return weft__reduction_record(&weft_op_min, x, axes, keepdims);
}

/* sum.c: the sum over any axes. It accumulates in f64; the program merges blocks of fixed size pairwise, so its order depends on
 * shape and strides alone, and the error grows with the logarithm of the number of terms. */
#include "ops/reduction.h"

extern const weft_op weft_op_mul;

#define LOOPS "ops/primitive/sum_loops.inc"
#include "ops/both_types.inc"

/* y += a b: one walk in place of a product, stored and read again. In the order of sum_across(), so that it makes no difference to the bits whether
 * the product had another user. */
WEFT_CLONES
static void sum_across_product(size_t rows, size_t n, const double *a, const double *b, double *restrict y)
{
    size_t r = 0;
    for (; r + 4 <= rows; r += 4, a += 4 * n, b += 4 * n)
        for (size_t i = 0; i < n; i++)
            y[i] += (a[i] * b[i] + a[n + i] * b[n + i]) + (a[2 * n + i] * b[2 * n + i] + a[3 * n + i] * b[3 * n + i]);
    for (; r < rows; r++, a += n, b += n)
        for (size_t i = 0; i < n; i++)
            y[i] += a[i] * b[i];
}

static double sum_merge(double a, double b)
{
    return a + b;
}

static const weft_fold sum_fold = {
    .identity = 0,
    .along = {sum_along_f32, sum_along_f64},
    .across = {sum_across_f32, sum_across_f64},
    .merge = sum_merge,
    .product = &weft_op_mul,
    .across_product = sum_across_product,
    .text = "a + b",
};

static weft_node sum_transpose(weft_node y, const weft_node *x, int operand, weft_node dy)
{
    (void)operand;
    return weft__reduction_spread(y, x[0], dy); /* d sum(x)/dx[i] = 1 for each i */
}

static weft_exact_number sum_in_field(weft_field *f, size_t n, const weft_exact_number *x)
{
    weft_exact_number y = weft_exact_whole(f, 0);
    for (size_t i = 0; i < n; i++)
        y = weft_exact_add(f, y, x[i]);
    return y;
}

static const weft_exact sum_exact = {.fold = sum_in_field};

static const weft_paper sum_on_paper = {.form = WEFT_PAPER_TERMS, .of = {1}};

const weft_op weft_op_sum = {
    .name = "sum", .formula = "y = sum of x over the axes", .arity = 1,
    .kind = WEFT_REDUCTION, .attribute_size = sizeof(weft_reduction),
    .shape = weft__reduction_shape, .fold = &sum_fold, .transpose = sum_transpose, .exact = &sum_exact,
    .paper = &sum_on_paper,
};

weft_node weft_sum(weft_node x, unsigned axes, bool keepdims)
{
    return weft__reduction_record(&weft_op_sum, x, axes, keepdims);
}

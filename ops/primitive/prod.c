/* prod.c: the product over any axes; 1 over none. It multiplies in f64.
 *
 * The derivative of a product with respect to one factor is the product of the others, and y/x is that only where x is not 0. So the others are
 * multiplied up, by halves: p = the products of the first half and the second, pair by pair; what is missing in an element's pair is its partner,
 * and what is missing beyond the pair are the others of p. That is O(n) multiplications in O(log n) nodes, all of which differentiate again: no
 * order of derivative divides. Where n is no power of two, ones are added. */
#include "ops/reduction.h"

#define LOOPS "ops/primitive/prod_loops.inc"
#include "ops/both_types.inc"

static double prod_merge(double a, double b)
{
    return a * b;
}

static const weft_fold prod_fold = {
    .identity = 1,
    .along = {prod_along_f32, prod_along_f64},
    .across = {prod_across_f32, prod_across_f64},
    .merge = prod_merge,
    .text = "a * b",
};

/* --- the product of the others; x: (K, n) --- */

/* x and then columns of ones: (K, n + more). */
static weft_node pad_with_ones(weft_node x, size_t more)
{
    const size_t none[2] = {0, 0}, after[2] = {0, more};
    weft_node one = weft_scalar_like(x, 1), there = weft_broadcast(one, 2, (size_t[]){1, weft_node_shape(x).dim[1]});
    return weft_where(weft_pad(there, none, after), weft_pad(x, none, after), one);
}

static weft_node first_columns(weft_node x, size_t n)
{
    return weft_slice(x, NULL, (ptrdiff_t[]){WEFT_LEFT_OUT, (ptrdiff_t)n}, NULL);
}

enum { MOST_LEVELS = 64 };

static weft_node others(weft_node x)
{
    weft_shape shape = weft_node_shape(x);
    size_t rows = shape.dim[0], n = shape.dim[1], half = 1;
    weft_node swapped[MOST_LEVELS], found = {.tape = NULL};
    int level = 0;
    while (2 * half < n)
        half *= 2;
    if (2 * half != n)
        x = pad_with_ones(x, 2 * half - n);
    for (size_t h = half; h > 0; h /= 2, level++) {
        weft_node pairs = weft_reshape(x, 3, (size_t[]){rows, 2, h});
        swapped[level] = weft_flip(pairs, WEFT_AXIS(1));
        if (h > 1)
            x = weft_mul(weft_first(pairs, WEFT_AXIS(1), false), weft_first(swapped[level], WEFT_AXIS(1), false)); /* (rows, h) */
    }
    for (size_t h = 1; level-- > 0; h *= 2) {
        weft_node beyond = found.tape ? weft_reshape(found, 3, (size_t[]){rows, 1, h}) : found;
        found = weft_reshape(found.tape ? weft_mul(swapped[level], beyond) : swapped[level], 2, (size_t[]){rows, 2 * h});
    }
    return 2 * half == n ? found : first_columns(found, n);
}

static void prod_vjp(weft_node y, const weft_node *x, const weft_node *dy, weft_node *dx)
{
    const weft_reduction *r = weft_node_attributes(y);
    weft_shape whole = weft_node_shape(x[0]), moved = {.rank = whole.rank};
    size_t matrix[2] = {1, 1};
    int order[WEFT_MAX_RANK], back[WEFT_MAX_RANK], rank = 0;
    for (int pass = 0; pass < 2; pass++) /* the axes that stay, then those that go */
        for (int i = 0; i < whole.rank; i++)
            if (!(r->axes & WEFT_AXIS(i)) == !pass) {
                matrix[pass] *= whole.dim[i];
                moved.dim[rank] = whole.dim[i];
                back[i] = rank;
                order[rank++] = i;
            }
    dx[0] = weft__reduction_spread(y, x[0], dy[0]);
    if (matrix[1] < 2)
        return;
    weft_node missing = others(weft_reshape(weft_transpose(x[0], order), 2, matrix));
    dx[0] = weft_mul(weft_transpose(weft_reshape(missing, moved.rank, moved.dim), back), dx[0]);
}

static weft_exact_number prod_in_field(weft_field *f, size_t n, const weft_exact_number *x)
{
    weft_exact_number y = weft_exact_whole(f, 1);
    for (size_t i = 0; i < n; i++)
        y = weft_exact_mul(f, y, x[i]);
    return y;
}

static const weft_exact prod_exact = {.fold = prod_in_field};

static const weft_paper prod_on_paper = {.text = "prod", .tex = "\\prod"};

const weft_op weft_op_prod = {
    .name = "prod", .formula = "y = product of x over the axes", .arity = 1,
    .kind = WEFT_REDUCTION, .attribute_size = sizeof(weft_reduction),
    .shape = weft__reduction_shape, .fold = &prod_fold, .vjp = prod_vjp, .exact = &prod_exact,
    .paper = &prod_on_paper,
};

weft_node weft_prod(weft_node x, unsigned axes, bool keepdims)
{
    return weft__reduction_record(&weft_op_prod, x, axes, keepdims);
}

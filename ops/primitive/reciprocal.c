/* reciprocal.c: one over a number, correctly rounded. */
#include "ops/elementwise.h"

WEFT_ELEMENTWISE1(reciprocal, 1 / a)

static weft_node reciprocal_partial(weft_node y, const weft_node *x, int operand)
{
    (void)x, (void)operand;
    return weft_neg(weft_mul(y, y)); /* d(1/a)/da = -(1/a)**2 */
}

WEFT_EXACT(reciprocal, weft_exact_power(f, x[0], -2))

static const weft_paper reciprocal_on_paper = {.form = WEFT_PAPER_FACTORS, .of = {-1}};

const weft_op weft_op_reciprocal = {
    .name = "reciprocal", .formula = "y = 1 / a", .arity = 1,
    .kind = WEFT_ELEMENTWISE, .cost = 2,
    WEFT_KERNELS(reciprocal), .partial = reciprocal_partial, .exact = &reciprocal_exact,
    .paper = &reciprocal_on_paper,
};

weft_node weft_reciprocal(weft_node a)
{
    return weft_elementwise(&weft_op_reciprocal, &a, 1);
}

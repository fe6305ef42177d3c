/* sqrt.c: the square root, correctly rounded. */
#include "ops/elementwise.h"

WEFT_ELEMENTWISE1(sqrt, sqrt(a))

static weft_node sqrt_partial(weft_node y, const weft_node *x, int operand)
{
    (void)x, (void)operand;
    return weft_div(weft_full_like(y, 0.5), y); /* d(a**(1/2))/da = 1/2 / a**(1/2); Inf at 0, as PyTorch has it */
}

WEFT_EXACT(sqrt, weft_exact_power(f, x[0], 1))

static const weft_paper sqrt_on_paper = {.form = WEFT_PAPER_FACTORS, .of = {0.5}};

const weft_op weft_op_sqrt = {
    .name = "sqrt", .formula = "y = a ** (1/2)", .arity = 1,
    .kind = WEFT_ELEMENTWISE, .cost = 4,
    WEFT_KERNELS(sqrt), .partial = sqrt_partial, .exact = &sqrt_exact,
    .paper = &sqrt_on_paper,
};

weft_node weft_sqrt(weft_node a)
{
    return weft_elementwise(&weft_op_sqrt, &a, 1);
}

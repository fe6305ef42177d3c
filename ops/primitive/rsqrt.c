/* rsqrt.c: one over the square root, within 1.5 ulp. The derivative at 0 is -Inf, as PyTorch has it. */
#include "ops/elementwise.h"

WEFT_ELEMENTWISE1(rsqrt, 1 / sqrt(a))

static weft_node rsqrt_partial(weft_node y, const weft_node *x, int operand)
{
    (void)x, (void)operand;
    return weft_mul(weft_full_like(y, -0.5), weft_mul(y, weft_mul(y, y))); /* d(a**(-1/2))/da = -1/2 (a**(-1/2))**3 */
}

WEFT_EXACT(rsqrt, weft_exact_power(f, x[0], -1))

static const weft_paper rsqrt_on_paper = {.form = WEFT_PAPER_FACTORS, .of = {-0.5}};

const weft_op weft_op_rsqrt = {
    .name = "rsqrt", .formula = "y = a ** (-1/2)", .arity = 1,
    .kind = WEFT_ELEMENTWISE, .cost = 6,
    WEFT_KERNELS(rsqrt), .partial = rsqrt_partial, .exact = &rsqrt_exact,
    .paper = &rsqrt_on_paper,
};

weft_node weft_rsqrt(weft_node a)
{
    return weft_elementwise(&weft_op_rsqrt, &a, 1);
}

/* exp.c: the exponential function, as the C library computes it. */
#include "ops/elementwise.h"

WEFT_ELEMENTWISE1(exp, exp(a))

static weft_node exp_partial(weft_node y, const weft_node *x, int operand)
{
    (void)x, (void)operand;
    return y; /* d(e**a)/da = e**a */
}

const weft_op weft_op_exp = {
    .name = "exp", .formula = "y = e ** a", .arity = 1,
    .kind = WEFT_ELEMENTWISE, .cost = 20,
    WEFT_KERNELS(exp), .partial = exp_partial,
};

weft_node weft_exp(weft_node a)
{
    return weft_elementwise(&weft_op_exp, &a, 1);
}

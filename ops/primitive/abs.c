/* abs.c: the absolute value. The derivative at 0 is 0, as PyTorch has it. */
#include "ops/elementwise.h"

WEFT_ELEMENTWISE1(abs, fabs(a))

static weft_node abs_partial(weft_node y, const weft_node *x, int operand)
{
    (void)y, (void)operand;
    return weft_sign(x[0]); /* d|a|/da = sign a */
}

const weft_op weft_op_abs = {
    .name = "abs", .formula = "y = |a|", .arity = 1,
    .flat = "at 0",
    .kind = WEFT_ELEMENTWISE,
    WEFT_KERNELS(abs), .partial = abs_partial,
};

weft_node weft_abs(weft_node a)
{
    return weft_elementwise(&weft_op_abs, &a, 1);
}

/* relu.c: the positive part. NaN stays NaN; the derivative at 0 is 0, as PyTorch has it. */
#include "ops/elementwise.h"

WEFT_ELEMENTWISE1(relu, a <= 0 ? (T)0 : a)

static weft_node relu_partial(weft_node y, const weft_node *x, int operand)
{
    (void)y, (void)operand;
    return weft_greater(x[0], weft_full_like(x[0], 0)); /* 1 where a > 0 */
}

WEFT_EXACT(relu, weft_exact_compare(f, x[0], weft_exact_whole(f, 0)) > 0 ? x[0] : weft_exact_whole(f, 0))

const weft_op weft_op_relu = {
    .name = "relu", .formula = "y = max(a, 0)", .arity = 1,
    .flat = "where its operand is not above 0",
    .kind = WEFT_ELEMENTWISE,
    WEFT_KERNELS(relu), .partial = relu_partial, .exact = &relu_exact,
};

weft_node weft_relu(weft_node a)
{
    return weft_elementwise(&weft_op_relu, &a, 1);
}

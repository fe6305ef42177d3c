/* leaky_relu.c: the positive part, and a small multiple of the negative one: b is its slope. At 0 the derivative is the slope, as PyTorch has it. */
#include "ops/elementwise.h"

WEFT_ELEMENTWISE2(leaky_relu, a > 0 ? a : b * a)

static weft_node leaky_relu_partial(weft_node y, const weft_node *x, int operand)
{
    (void)y;
    weft_node positive = weft_greater(x[0], weft_full_like(x[0], 0));
    if (operand == 1)
        return weft_where(positive, weft_full_like(x[0], 0), x[0]); /* min(a, 0) */
    return weft_where(positive, weft_full_like(x[1], 1), x[1]); /* 1 where a > 0, else b */
}

WEFT_EXACT(leaky_relu, weft_exact_compare(f, x[0], weft_exact_whole(f, 0)) > 0 ? x[0] : weft_exact_mul(f, x[1], x[0]))

const weft_op weft_op_leaky_relu = {
    .name = "leaky_relu", .formula = "y = a where a > 0, else b * a", .arity = 2,
    .kind = WEFT_ELEMENTWISE,
    WEFT_KERNELS(leaky_relu), .partial = leaky_relu_partial, .exact = &leaky_relu_exact,
};

weft_node weft_leaky_relu(weft_node a, double slope)
{
    return weft_elementwise(&weft_op_leaky_relu, (weft_node[]){a, weft_scalar_like(a, slope)}, 2);
}

/* std.c: the standard deviation. At 0 the root has no derivative; 0 is taken there, as PyTorch has it, and not the Inf that times the derivative
 * of the variance, 0, would be NaN. */
#include "ops/staged/staged.h"

weft_node weft__root(weft_node square)
{
    weft_node none = weft_equal(square, weft_scalar_like(square, 0)), zero = weft_scalar_like(square, 0);
    weft_node positive = weft_where(none, weft_scalar_like(square, 1), square);
    return weft_where(none, zero, weft_sqrt(positive));
}

weft_node weft_std(weft_node x, unsigned axes, bool keepdims, double correction)
{
    return weft_name(weft__root(weft_variance_n(x, axes, keepdims, correction)), "std");
}

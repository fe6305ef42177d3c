/* clip.c: a number no lower than b and no higher than c, which wins where b is above c. Inside and at the bounds the derivative is 1, as PyTorch's
 * clamp has it; with respect to a bound it is 1 where that is the result and the number is beyond it. */
#include "ops/elementwise.h"

WEFT_ELEMENTWISE3(clip, (a < b ? b : a) > c ? c : a < b ? b : a)

static weft_node clip_partial(weft_node y, const weft_node *x, int operand)
{
    (void)y;
    weft_node a = x[0], low = x[1], high = x[2];
    if (operand == 0)
        return weft_mul(weft_greater_equal(a, low), weft_less_equal(a, high));
    if (operand == 1)
        return weft_mul(weft_less(a, low), weft_less(low, high));
    return weft_greater(weft_maximum(a, low), high); /* a > c or b > c */
}

static weft_exact_number clip_in_field(weft_field *f, const weft_exact_number *x)
{
    weft_exact_number raised = weft_exact_compare(f, x[0], x[1]) < 0 ? x[1] : x[0];
    return weft_exact_compare(f, raised, x[2]) > 0 ? x[2] : raised;
}

static const weft_exact clip_exact = {.element = clip_in_field};

const weft_op weft_op_clip = {
    .name = "clip", .formula = "y = min(max(a, b), c)", .arity = 3,
    .flat = "where its operand is outside of the bounds",
    .kind = WEFT_ELEMENTWISE,
    WEFT_KERNELS(clip), .partial = clip_partial, .exact = &clip_exact,
};

weft_node weft_clip(weft_node x, double low, double high)
{
    if (low != low || high != high)
        return weft_fail(&weft_op_clip, &x, 1, WEFT_ERROR_ARGUMENT, "a bound is NaN; give -INFINITY or INFINITY for none");
    return weft_elementwise(&weft_op_clip, (weft_node[]){x, weft_scalar_like(x, low), weft_scalar_like(x, high)}, 3);
}

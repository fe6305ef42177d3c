/* maximum.c: the larger of two, NaN if either is. At a tie each operand gets half of the derivative, as PyTorch has it. */
#include "ops/elementwise.h"

WEFT_ELEMENTWISE2(maximum, a > b || a != a ? a : b)

static weft_node maximum_partial(weft_node y, const weft_node *x, int operand)
{
    (void)y;
    weft_node tie = weft_mul(weft_full_like(x[0], 0.5), weft_equal(x[0], x[1]));
    return weft_add(weft_greater(x[operand], x[1 - operand]), tie);
}

WEFT_EXACT(maximum, weft_exact_compare(f, x[0], x[1]) > 0 ? x[0] : x[1])

static const weft_paper maximum_on_paper = {.text = "max(%s, %s)", .tex = "\\max\\left(%s, %s\\right)"};

const weft_op weft_op_maximum = {
    .name = "maximum", .formula = "y = max(a, b)", .arity = 2,
    .flat = "for the operand that is not chosen",
    .kind = WEFT_ELEMENTWISE, .flags = WEFT_COMMUTATIVE,
    WEFT_KERNELS(maximum), .partial = maximum_partial, .exact = &maximum_exact,
    .paper = &maximum_on_paper,
};

weft_node weft_maximum(weft_node a, weft_node b)
{
    return weft_elementwise(&weft_op_maximum, (weft_node[]){a, b}, 2);
}

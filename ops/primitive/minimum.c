/* minimum.c: the smaller of two, NaN if either is. At a tie each operand gets half of the derivative, as PyTorch has it. */
#include "ops/elementwise.h"

WEFT_ELEMENTWISE2(minimum, a < b || a != a ? a : b)

static weft_node minimum_partial(weft_node y, const weft_node *x, int operand)
{
    (void)y;
    weft_node tie = weft_mul(weft_full_like(x[0], 0.5), weft_equal(x[0], x[1]));
    return weft_add(weft_less(x[operand], x[1 - operand]), tie);
}

WEFT_EXACT(minimum, weft_exact_compare(f, x[0], x[1]) < 0 ? x[0] : x[1])

static const weft_paper minimum_on_paper = {.text = "min(%s, %s)", .tex = "\\min\\left(%s, %s\\right)"};

const weft_op weft_op_minimum = {
    .name = "minimum", .formula = "y = min(a, b)", .arity = 2,
    .flat = "for the operand that is not chosen",
    .kind = WEFT_ELEMENTWISE, .flags = WEFT_COMMUTATIVE,
    WEFT_KERNELS(minimum), .partial = minimum_partial, .exact = &minimum_exact,
    .paper = &minimum_on_paper,
};

weft_node weft_minimum(weft_node a, weft_node b)
{
    return weft_elementwise(&weft_op_minimum, (weft_node[]){a, b}, 2);
}

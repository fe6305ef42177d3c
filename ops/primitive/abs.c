/* abs.c: the absolute value. The derivative at 0 is 0, as PyTorch has it. */
#include "ops/elementwise.h"

WEFT_ELEMENTWISE1(abs, fabs(a))

static weft_node abs_partial(weft_node y, const weft_node *x, int operand)
{
    (void)y, (void)operand;
    return weft_sign(x[0]); /* d|a|/da = sign a */
}

WEFT_EXACT(abs, weft_exact_compare(f, x[0], weft_exact_whole(f, 0)) < 0 ? weft_exact_sub(f, weft_exact_whole(f, 0), x[0]) : x[0])

static const weft_paper abs_on_paper = {.text = "|%s|", .tex = "\\left|%s\\right|"};

const weft_op weft_op_abs = {
    .name = "abs", .formula = "y = |a|", .arity = 1,
    .flat = "at 0",
    .kind = WEFT_ELEMENTWISE,
    WEFT_KERNELS(abs), .partial = abs_partial, .exact = &abs_exact,
    .paper = &abs_on_paper,
};

weft_node weft_abs(weft_node a)
{
    return weft_elementwise(&weft_op_abs, &a, 1);
}

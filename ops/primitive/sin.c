/* sin.c: the sine of an angle in radians, as the C library computes it. */
#include "ops/elementwise.h"

WEFT_ELEMENTWISE1(sin, sin(a))

static weft_node sin_partial(weft_node y, const weft_node *x, int operand)
{
    (void)y, (void)operand;
    return weft_cos(x[0]); /* d(sin a)/da = cos a */
}

WEFT_EXACT(sin, weft_exact_symbol(f, "sin", WEFT_ODD, x, 1))

static const weft_paper sin_on_paper = {.tex = "\\sin\\left(%s\\right)"};

const weft_op weft_op_sin = {
    .name = "sin", .formula = "y = sin a", .arity = 1,
    .kind = WEFT_ELEMENTWISE, .cost = 20,
    WEFT_KERNELS(sin), .partial = sin_partial, .exact = &sin_exact,
    .paper = &sin_on_paper,
};

weft_node weft_sin(weft_node a)
{
    return weft_elementwise(&weft_op_sin, &a, 1);
}

/* cos.c: the cosine of an angle in radians, as the C library computes it. */
#include "ops/elementwise.h"

WEFT_ELEMENTWISE1(cos, cos(a))

static weft_node cos_partial(weft_node y, const weft_node *x, int operand)
{
    (void)y, (void)operand;
    return weft_neg(weft_sin(x[0])); /* d(cos a)/da = -sin a */
}

WEFT_EXACT(cos, weft_exact_symbol(f, "cos", WEFT_EVEN, x, 1))

static const weft_paper cos_on_paper = {.tex = "\\cos\\left(%s\\right)"};

const weft_op weft_op_cos = {
    .name = "cos", .formula = "y = cos a", .arity = 1,
    .kind = WEFT_ELEMENTWISE, .cost = 20,
    WEFT_KERNELS(cos), .partial = cos_partial, .exact = &cos_exact,
    .paper = &cos_on_paper,
};

weft_node weft_cos(weft_node a)
{
    return weft_elementwise(&weft_op_cos, &a, 1);
}

/* exp.c: the exponential function, within 1 ulp in f64 and 0.5001 in f32. */
#include "ops/exponential.h"

WEFT_NARROWED(e_to_the)

#define e_to_the(a) WEFT_TYPED(e_to_the, a)
WEFT_ELEMENTWISE1(exp, e_to_the(a))
#undef e_to_the

static weft_node exp_partial(weft_node y, const weft_node *x, int operand)
{
    (void)x, (void)operand;
    return y; /* d(e**a)/da = e**a */
}

const weft_op weft_op_exp = {
    .name = "exp", .formula = "y = e ** a", .arity = 1,
    .kind = WEFT_ELEMENTWISE, .cost = 20,
    WEFT_KERNELS(exp), .functions = {e_to_thef_text, e_to_the_text, exp_tail_text}, .partial = exp_partial,
};

weft_node weft_exp(weft_node a)
{
    return weft_elementwise(&weft_op_exp, &a, 1);
}

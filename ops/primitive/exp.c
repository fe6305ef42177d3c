/* exp.c: the exponential function, within 1 ulp in f64 and 0.506 in f32. */
#include "ops/exponential.h"

WEFT_FUNCTION(e_to_thef_text,
static inline float e_to_thef(float a)
{
    return (float)short_power((double)a);
}
)

#define e_to_the(a) WEFT_TYPED(e_to_the, a)
WEFT_ELEMENTWISE1(exp, e_to_the(a))
#undef e_to_the

WEFT_ELEMENTWISE1(short_exp, short_power(a))

static const weft_op exp_narrowed = {
    .name = "exp", .arity = 1, .kind = WEFT_ELEMENTWISE, WEFT_KERNELS(short_exp), .functions = {short_power_text, short_power_text}, /* it has an f64 form alone */
};

static weft_node exp_partial(weft_node y, const weft_node *x, int operand)
{
    (void)x, (void)operand;
    return y; /* d(e**a)/da = e**a */
}

WEFT_EXACT(exp, weft_exact_exp(f, x[0]))

static const weft_paper exp_on_paper = {.text = "exp(%s)", .tex = "e^{%s}"};

const weft_op weft_op_exp = {
    .name = "exp", .formula = "y = e ** a", .arity = 1,
    .kind = WEFT_ELEMENTWISE, .cost = 20,
    WEFT_KERNELS(exp), .functions = {e_to_thef_text, e_to_the_text, short_power_text, exp_tail_text}, .narrowed = &exp_narrowed, .partial = exp_partial,
    .exact = &exp_exact,
    .paper = &exp_on_paper,
};

weft_node weft_exp(weft_node a)
{
    return weft_elementwise(&weft_op_exp, &a, 1);
}

/* softplus.c: ln(1 + e**a), a smooth positive part, within 2 ulp in f64 and 0.5001 in f32. It is max(a, 0) + ln(1 + e**-|a|), which does not
 * overflow. */
#include "ops/exponential.h"
#include "ops/logarithm.h"

WEFT_FUNCTION(vector_softplus_text,
static inline double vector_softplus(double a)
{
    return (a > 0 ? a : 0) + vector_log1p(e_to_the(a > 0 ? -a : a));
}
)

WEFT_NARROWED(vector_softplus)

#define vector_softplus(a) WEFT_TYPED(vector_softplus, a)
WEFT_ELEMENTWISE1(softplus, vector_softplus(a))
#undef vector_softplus

static weft_node softplus_partial(weft_node y, const weft_node *x, int operand)
{
    (void)y, (void)operand;
    return weft_sigmoid(x[0]); /* d ln(1 + e**a)/da = 1/(1 + e**-a) */
}

WEFT_EXACT(softplus, weft_exact_log(f, weft_exact_add(f, weft_exact_whole(f, 1), weft_exact_exp(f, x[0]))))

const weft_op weft_op_softplus = {
    .name = "softplus", .formula = "y = ln(1 + e ** a)", .arity = 1,
    .kind = WEFT_ELEMENTWISE, .cost = 44,
    WEFT_KERNELS(softplus), .functions = {vector_softplusf_text, vector_softplus_text, vector_log1p_text, ln_of_text, e_to_the_text, exp_tail_text},
    .partial = softplus_partial, .exact = &softplus_exact,
};

weft_node weft_softplus(weft_node a)
{
    return weft_elementwise(&weft_op_softplus, &a, 1);
}

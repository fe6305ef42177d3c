/* silu.c: a times its sigmoid, also called swish, within 3 ulp in f64 and 0.5001 in f32. Source: Elfwing, Uchibe and Doya, 2018, equation 4. */
#include "ops/exponential.h"

WEFT_FUNCTION(vector_silu_text,
static inline double vector_silu(double a)
{
    double e = e_to_the(a < 0 ? a : -a), small = a * e;
    return (a < 0 ? small : a) / (1 + e);
}
)

WEFT_NARROWED(vector_silu)

#define vector_silu(a) WEFT_TYPED(vector_silu, a)
WEFT_ELEMENTWISE1(silu, vector_silu(a))
#undef vector_silu

static weft_node silu_partial(weft_node y, const weft_node *x, int operand)
{
    (void)operand;
    weft_node s = weft_sigmoid(x[0]);
    return weft_add(s, weft_mul(y, weft_sub(weft_full_like(s, 1), s))); /* d(a s)/da = s + a s (1 - s), s = 1/(1 + e**-a) */
}

static weft_exact_number silu_in_field(weft_field *f, const weft_exact_number *x)
{
    weft_exact_number one = weft_exact_whole(f, 1), e = weft_exact_exp(f, weft_exact_sub(f, weft_exact_whole(f, 0), x[0]));
    return weft_exact_div(f, x[0], weft_exact_add(f, one, e));
}

static const weft_exact silu_exact = {.element = silu_in_field};

const weft_op weft_op_silu = {
    .name = "silu", .formula = "y = a / (1 + e ** -a)", .arity = 1,
    .kind = WEFT_ELEMENTWISE, .cost = 24,
    WEFT_KERNELS(silu), .functions = {vector_siluf_text, vector_silu_text, e_to_the_text, exp_tail_text}, .partial = silu_partial,
    .exact = &silu_exact,
};

weft_node weft_silu(weft_node a)
{
    return weft_elementwise(&weft_op_silu, &a, 1);
}

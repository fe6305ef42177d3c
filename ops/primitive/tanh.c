/* tanh.c: the hyperbolic tangent, within 3 ulp in f64 and 0.5001 in f32. With t = e**|2a| - 1 its size is t/(t + 2): no cancellation next to 0.
 * Beyond 20 it is 1 when rounded. */
#include "ops/exponential.h"

WEFT_FUNCTION(vector_tanh_text,
static inline double vector_tanh(double a)
{
    double size = a < 0 ? -a : a, t = vector_expm1(2 * (size > 20 ? 20 : size)), y = t / (t + 2);
    y = a < 0 ? -y : y;
    return a == 0 ? a : y;
}
)

WEFT_NARROWED(vector_tanh)

#define vector_tanh(a) WEFT_TYPED(vector_tanh, a)
WEFT_ELEMENTWISE1(tanh, vector_tanh(a))
#undef vector_tanh

static weft_node tanh_partial(weft_node y, const weft_node *x, int operand)
{
    (void)x, (void)operand;
    return weft_sub(weft_full_like(y, 1), weft_mul(y, y)); /* d(tanh a)/da = 1 - tanh(a)**2 */
}

static weft_exact_number tanh_in_field(weft_field *f, const weft_exact_number *x)
{
    weft_exact_number one = weft_exact_whole(f, 1), two = weft_exact_whole(f, 2), e = weft_exact_exp(f, weft_exact_add(f, x[0], x[0]));
    return weft_exact_sub(f, one, weft_exact_div(f, two, weft_exact_add(f, e, one))); /* 1 - 2 / (e**2a + 1) */
}

static const weft_exact tanh_exact = {.element = tanh_in_field};

static const weft_paper tanh_on_paper = {.tex = "\\tanh\\left(%s\\right)"};

const weft_op weft_op_tanh = {
    .name = "tanh", .formula = "y = tanh a", .arity = 1,
    .flat = "where it is saturated",
    .kind = WEFT_ELEMENTWISE, .cost = 28,
    WEFT_KERNELS(tanh), .functions = {vector_tanhf_text, vector_tanh_text, vector_expm1_text, exp_tail_text}, .partial = tanh_partial,
    .exact = &tanh_exact,
    .paper = &tanh_on_paper,
};

weft_node weft_tanh(weft_node a)
{
    return weft_elementwise(&weft_op_tanh, &a, 1);
}

/* sigmoid.c: the logistic function, within 3 ulp in f64 and 0.5001 in f32. The exponential is taken of -|a|, which does not overflow, and the
 * result does not underflow before it must. */
#include "ops/exponential.h"

WEFT_FUNCTION(vector_sigmoid_text,
static inline double vector_sigmoid(double a)
{
    double e = e_to_the(a < 0 ? a : -a);
    return (a < 0 ? e : 1) / (1 + e);
}
)

WEFT_NARROWED(vector_sigmoid)

#define vector_sigmoid(a) WEFT_TYPED(vector_sigmoid, a)
WEFT_ELEMENTWISE1(sigmoid, vector_sigmoid(a))
#undef vector_sigmoid

static weft_node sigmoid_partial(weft_node y, const weft_node *x, int operand)
{
    (void)x, (void)operand;
    return weft_mul(y, weft_sub(weft_full_like(y, 1), y)); /* y' = y (1 - y) */
}

static weft_exact_number sigmoid_in_field(weft_field *f, const weft_exact_number *x)
{
    weft_exact_number one = weft_exact_whole(f, 1), e = weft_exact_exp(f, weft_exact_sub(f, weft_exact_whole(f, 0), x[0]));
    return weft_exact_div(f, one, weft_exact_add(f, one, e));
}

static const weft_exact sigmoid_exact = {.element = sigmoid_in_field};

static const weft_paper sigmoid_on_paper = {.tex = "\\sigma\\left(%s\\right)"};

const weft_op weft_op_sigmoid = {
    .name = "sigmoid", .formula = "y = 1 / (1 + e ** -a)", .arity = 1,
    .flat = "where it is saturated",
    .kind = WEFT_ELEMENTWISE, .cost = 24,
    WEFT_KERNELS(sigmoid), .functions = {vector_sigmoidf_text, vector_sigmoid_text, e_to_the_text, exp_tail_text}, .partial = sigmoid_partial,
    .exact = &sigmoid_exact,
    .paper = &sigmoid_on_paper,
};

weft_node weft_sigmoid(weft_node a)
{
    return weft_elementwise(&weft_op_sigmoid, &a, 1);
}

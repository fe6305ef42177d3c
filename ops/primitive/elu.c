/* elu.c: the positive part, and b (e**a - 1) where a is negative. At 0 the derivative is b, as PyTorch has it. Source: Clevert, Unterthiner and
 * Hochreiter, 2016, equation 15. */
#include "ops/exponential.h"

/* Both branches are computed, so that loops of it are vectors. */
WEFT_FUNCTION(vector_elu_text,
static inline double vector_elu(double a, double b)
{
    double y = b * vector_expm1(a);
    return a > 0 ? a : y;
}
)

WEFT_FUNCTION(vector_eluf_text,
static inline float vector_eluf(float a, float b)
{
    return (float)vector_elu((double)a, (double)b);
}
)

#define vector_elu(a, b) _Generic((a), float : vector_eluf, double : vector_elu)(a, b)
WEFT_ELEMENTWISE2(elu, vector_elu(a, b))
#undef vector_elu

static weft_node elu_partial(weft_node y, const weft_node *x, int operand)
{
    weft_node positive = weft_greater(x[0], weft_full_like(x[0], 0));
    if (operand == 1) /* of min(a, 0), so that no e**a overflows where it is not wanted */
        return weft_expm1(weft_where(positive, weft_full_like(x[0], 0), x[0]));
    return weft_where(positive, weft_full_like(y, 1), weft_add(y, x[1])); /* 1 where a > 0, else b e**a */
}

static weft_exact_number elu_in_field(weft_field *f, const weft_exact_number *x)
{
    if (weft_exact_compare(f, x[0], weft_exact_whole(f, 0)) > 0)
        return x[0];
    return weft_exact_mul(f, x[1], weft_exact_sub(f, weft_exact_exp(f, x[0]), weft_exact_whole(f, 1)));
}

static const weft_exact elu_exact = {.element = elu_in_field};

const weft_op weft_op_elu = {
    .name = "elu", .formula = "y = a where a > 0, else b * (e ** a - 1)", .arity = 2,
    .kind = WEFT_ELEMENTWISE, .cost = 24,
    WEFT_KERNELS(elu), .functions = {vector_eluf_text, vector_elu_text, vector_expm1_text, exp_tail_text}, .partial = elu_partial, .exact = &elu_exact,
};

weft_node weft_elu(weft_node a, double alpha)
{
    return weft_elementwise(&weft_op_elu, (weft_node[]){a, weft_scalar_like(a, alpha)}, 2);
}

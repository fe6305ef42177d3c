/* expm1.c: e**a - 1, also next to 0, within 1 ulp in f64 and 0.5001 in f32. */
#include "ops/exponential.h"

WEFT_NARROWED(vector_expm1)

#define vector_expm1(a) WEFT_TYPED(vector_expm1, a)
WEFT_ELEMENTWISE1(expm1, vector_expm1(a))
#undef vector_expm1

static weft_node expm1_partial(weft_node y, const weft_node *x, int operand)
{
    (void)x, (void)operand;
    return weft_add(y, weft_full_like(y, 1)); /* d(e**a - 1)/da = e**a */
}

WEFT_EXACT(expm1, weft_exact_sub(f, weft_exact_exp(f, x[0]), weft_exact_whole(f, 1)))

static const weft_paper expm1_on_paper = {.text = "(exp(%s) - 1)", .tex = "\\left(e^{%s} - 1\\right)"};

const weft_op weft_op_expm1 = {
    .name = "expm1", .formula = "y = e ** a - 1", .arity = 1,
    .kind = WEFT_ELEMENTWISE, .cost = 24,
    WEFT_KERNELS(expm1), .functions = {vector_expm1f_text, vector_expm1_text, exp_tail_text}, .partial = expm1_partial, .exact = &expm1_exact,
    .paper = &expm1_on_paper,
};

weft_node weft_expm1(weft_node a)
{
    return weft_elementwise(&weft_op_expm1, &a, 1);
}

/* log1p.c: ln(1 + a), also next to 0, within 1 ulp in f64 and 0.5001 in f32. */
#include "ops/logarithm.h"

WEFT_NARROWED(vector_log1p)

#define vector_log1p(a) WEFT_TYPED(vector_log1p, a)
WEFT_ELEMENTWISE1(log1p, vector_log1p(a))
#undef vector_log1p

static weft_node log1p_partial(weft_node y, const weft_node *x, int operand)
{
    (void)y, (void)operand;
    weft_node one = weft_full_like(x[0], 1);
    return weft_div(one, weft_add(one, x[0])); /* d(ln(1 + a))/da = 1/(1 + a) */
}

WEFT_EXACT(log1p, weft_exact_log(f, weft_exact_add(f, weft_exact_whole(f, 1), x[0])))

static const weft_paper log1p_on_paper = {.text = "ln(1 + %s)", .tex = "\\ln\\left(1 + %s\\right)"};

const weft_op weft_op_log1p = {
    .name = "log1p", .formula = "y = ln(1 + a)", .arity = 1,
    .kind = WEFT_ELEMENTWISE, .cost = 24,
    WEFT_KERNELS(log1p), .functions = {vector_log1pf_text, vector_log1p_text, ln_of_text}, .partial = log1p_partial, .exact = &log1p_exact,
    .paper = &log1p_on_paper,
};

weft_node weft_log1p(weft_node a)
{
    return weft_elementwise(&weft_op_log1p, &a, 1);
}

/* log.c: the natural logarithm, within 1 ulp in f64 and 0.5001 in f32. */
#include "ops/logarithm.h"

WEFT_FUNCTION(vector_log_text,
static inline double vector_log(double a)
{
    return ln_of(a, 0);
}
)

WEFT_NARROWED(vector_log)

#define vector_log(a) WEFT_TYPED(vector_log, a)
WEFT_ELEMENTWISE1(log, vector_log(a))
#undef vector_log

static weft_node log_partial(weft_node y, const weft_node *x, int operand)
{
    (void)y, (void)operand;
    return weft_div(weft_full_like(x[0], 1), x[0]); /* d(ln a)/da = 1/a */
}

WEFT_EXACT(log, weft_exact_log(f, x[0]))

static const weft_paper log_on_paper = {.text = "ln(%s)", .tex = "\\ln\\left(%s\\right)"};

const weft_op weft_op_log = {
    .name = "log", .formula = "y = ln a", .arity = 1,
    .kind = WEFT_ELEMENTWISE, .cost = 20,
    WEFT_KERNELS(log), .functions = {vector_logf_text, vector_log_text, ln_of_text}, .partial = log_partial, .exact = &log_exact,
    .paper = &log_on_paper,
};

weft_node weft_log(weft_node a)
{
    return weft_elementwise(&weft_op_log, &a, 1);
}

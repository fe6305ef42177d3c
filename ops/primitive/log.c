/* log.c: the natural logarithm, as the C library computes it. */
#include "ops/elementwise.h"

WEFT_ELEMENTWISE1(log, log(a))

static weft_node log_partial(weft_node y, const weft_node *x, int operand)
{
    (void)y, (void)operand;
    return weft_div(weft_full_like(x[0], 1), x[0]); /* d(ln a)/da = 1/a */
}

const weft_op weft_op_log = {
    .name = "log", .formula = "y = ln a", .arity = 1,
    .kind = WEFT_ELEMENTWISE, .cost = 20,
    WEFT_KERNELS(log), .partial = log_partial,
};

weft_node weft_log(weft_node a)
{
    return weft_elementwise(&weft_op_log, &a, 1);
}

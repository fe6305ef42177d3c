/* erf.c: the error function, 2/sqrt(pi) times the integral of e**(-t**2) from 0 to a, as the C library computes it. */
#include "ops/elementwise.h"

WEFT_ELEMENTWISE1(erf, erf(a))

static weft_node erf_partial(weft_node y, const weft_node *x, int operand)
{
    (void)y, (void)operand;
    weft_node power = weft_exp(weft_neg(weft_mul(x[0], x[0])));
    return weft_mul(weft_full_like(x[0], 1.1283791670955126), power); /* d(erf a)/da = 2/sqrt(pi) e**(-a**2) */
}

const weft_op weft_op_erf = {
    .name = "erf", .formula = "y = erf a", .arity = 1,
    .kind = WEFT_ELEMENTWISE, .cost = 40,
    WEFT_KERNELS(erf), .partial = erf_partial,
};

weft_node weft_erf(weft_node a)
{
    return weft_elementwise(&weft_op_erf, &a, 1);
}

/* exp.c: the exponential function, without a branch or a call, so that loops of it are vectors; and in f64 for f32 too, rounded once. With n the
 * integer next to a/ln 2 and r = a - n ln 2, |r| < 0.35, it is 2**n e**r. ln 2 is taken in two parts, the first so short that n times it is exact.
 * Taylor's series to r**13 leaves 5e-18 of e**r; with its last sums rounded, the result is within 1 ulp of e**a in f64 and 0.5001 in f32. The bits
 * of an integer stand at the low end of its sum with 1.5 * 2**52, from where they go to the exponent of a power of two; two powers, since 2**n
 * itself may leave the range though e**a does not. Source: Cody and Waite, Software Manual for the Elementary Functions, 1980, chapter 6. */
#include "ops/elementwise.h"

#include <stdint.h>

WEFT_FUNCTION(e_to_the_text,
static inline double e_to_the(double a)
{
    const double magic = 6755399441055744.0;
    union { double value; uint64_t bits; } whole, half, rest, low, high;
    double x = a < -746 ? -746 : a > 710 ? 710 : a, n, r, tail;
    whole.value = x * 1.4426950408889634 + magic;
    n = whole.value - magic;
    half.value = n * 0.5 + magic;
    rest.value = n - (half.value - magic) + magic;
    low.bits = (half.bits + 1023) << 52;
    high.bits = (rest.bits + 1023) << 52;
    r = x - n * 0.693147180369123816490 - n * 1.90821492927058770002e-10;
    tail = 1.0 / 479001600 + r * (1.0 / 6227020800);
    tail = 1.0 / 3628800 + r * (1.0 / 39916800 + r * tail);
    tail = 1.0 / 40320 + r * (1.0 / 362880 + r * tail);
    tail = 1.0 / 720 + r * (1.0 / 5040 + r * tail);
    tail = 1.0 / 24 + r * (1.0 / 120 + r * tail);
    tail = 1.0 / 2 + r * (1.0 / 6 + r * tail);
    return (1 + (r + r * r * tail)) * low.value * high.value;
}
)

WEFT_FUNCTION(e_to_thef_text,
static inline float e_to_thef(float a)
{
    return (float)e_to_the((double)a);
}
)

#define e_to_the(a) WEFT_TYPED(e_to_the, a)
WEFT_ELEMENTWISE1(exp, e_to_the(a))
#undef e_to_the

static weft_node exp_partial(weft_node y, const weft_node *x, int operand)
{
    (void)x, (void)operand;
    return y; /* d(e**a)/da = e**a */
}

const weft_op weft_op_exp = {
    .name = "exp", .formula = "y = e ** a", .arity = 1,
    .kind = WEFT_ELEMENTWISE, .cost = 20,
    WEFT_KERNELS(exp), .functions = {e_to_thef_text, e_to_the_text}, .partial = exp_partial,
};

weft_node weft_exp(weft_node a)
{
    return weft_elementwise(&weft_op_exp, &a, 1);
}

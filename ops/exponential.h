/* exponential.h: e**a and e**a - 1 for the ops that need them, without a branch or a call, so that loops of them are vectors; and in f64 for f32
 * too, rounded once.
 * With n the integer next to a/ln 2 and r = a - n ln 2, |r| < 0.35, e**a is 2**n e**r. ln 2 is taken in two parts, the first so short that n times
 * it is exact. Taylor's series to r**13 leaves 5e-18 of e**r. The bits of an integer stand at the low end of its sum with 1.5 * 2**52, from where
 * they go to the exponent of a power of two; two powers, since 2**n itself may leave the range though e**a does not.
 * Source: Cody and Waite, Software Manual for the Elementary Functions, 1980, chapter 6. */
#ifndef WEFT_OPS_EXPONENTIAL_H
#define WEFT_OPS_EXPONENTIAL_H

#include "ops/elementwise.h"

#include <stdint.h>

/* (e**r - 1 - r) / r**2 */
WEFT_FUNCTION(exp_tail_text,
static inline double exp_tail(double r)
{
    double tail = 1.0 / 479001600 + r * (1.0 / 6227020800);
    tail = 1.0 / 3628800 + r * (1.0 / 39916800 + r * tail);
    tail = 1.0 / 40320 + r * (1.0 / 362880 + r * tail);
    tail = 1.0 / 720 + r * (1.0 / 5040 + r * tail);
    tail = 1.0 / 24 + r * (1.0 / 120 + r * tail);
    return 1.0 / 2 + r * (1.0 / 6 + r * tail);
}
)

/* e**a: with the last sums rounded, within 1 ulp in f64. */
WEFT_FUNCTION(e_to_the_text,
static inline double e_to_the(double a)
{
    const double magic = 6755399441055744.0;
    union { double value; uint64_t bits; } whole, half, rest, low, high;
    double least = a < -746 ? -746 : a, x = least > 710 ? 710 : least, n, r;
    whole.value = x * 1.4426950408889634 + magic;
    n = whole.value - magic;
    half.value = n * 0.5 + magic;
    rest.value = n - (half.value - magic) + magic;
    low.bits = (half.bits + 1023) << 52;
    high.bits = (rest.bits + 1023) << 52;
    r = x - n * 0.693147180369123816490 - n * 1.90821492927058770002e-10;
    return (1 + (r + r * r * exp_tail(r))) * low.value * high.value;
}
)

/* e**a within 3e-10 of itself, for results that are f32, which it leaves within 0.506 ulp: Taylor's series to r**8, whose next term is less than 2.1e-10
 * of e**r, ln 2 in one part, and one power of two, since f64 has room for all that f32 does not take for 0 or infinite. */
WEFT_FUNCTION(short_power_text,
static inline double short_power(double a)
{
    const double magic = 6755399441055744.0;
    union { double value; uint64_t bits; } whole, scale;
    double least = a < -700 ? -700 : a, x = least > 700 ? 700 : least, r, tail;
    whole.value = x * 1.4426950408889634 + magic;
    scale.bits = (whole.bits + 1023) << 52;
    r = x - (whole.value - magic) * 0.6931471805599453;
    tail = 1.0 / 720 + r * (1.0 / 5040 + r * (1.0 / 40320));
    tail = 1.0 / 24 + r * (1.0 / 120 + r * tail);
    tail = 1.0 / 2 + r * (1.0 / 6 + r * tail);
    tail = (1 + (r + r * r * tail)) * scale.value;
    return a < -700 ? 0 : tail;
}
)

/* e**a - 1 = 2**n (e**r - 1) + (2**n - 1). What rounding takes from r and from the sum with 2**n - 1 is put back. */
WEFT_FUNCTION(vector_expm1_text,
static inline double vector_expm1(double a)
{
    const double magic = 6755399441055744.0;
    union { double value; uint64_t bits; } whole, half, rest, low, high, inverse;
    double least = a < -60 ? -60 : a, x = least > 710 ? 710 : least, n, large, small, r, lost, base, head, sum, y;
    whole.value = x * 1.4426950408889634 + magic;
    n = whole.value - magic;
    half.value = n * 0.5 + magic;
    rest.value = n - (half.value - magic) + magic;
    low.bits = (half.bits + 1023) << 52;
    high.bits = (rest.bits + 1023) << 52;
    inverse.bits = (1023 - rest.bits) << 52;
    large = x - n * 0.693147180369123816490;
    small = n * 1.90821492927058770002e-10;
    r = large - small;
    lost = large - r - small;
    base = low.value - inverse.value;
    head = low.value * r;
    sum = base + head;
    y = (sum + (head - (sum - base) + low.value * (lost + r * lost + r * r * exp_tail(r)))) * high.value;
    return a == 0 ? a : y;
}
)

#endif

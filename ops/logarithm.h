/* logarithm.h: ln a and ln(1 + a) for the ops that need them, without a branch or a call, so that loops of them are vectors; and in f64 for f32
 * too, rounded once.
 * a = 2**k m with m from 1/sqrt(2) to sqrt(2), found by adding to the bits what takes 1/sqrt(2) to 1: the exponent then is that of 2**k. With
 * f = m - 1 and s = f/(2 + f), ln m = 2 (s + s**3/3 + s**5/5 + ...), |s| < 0.172, whose first 11 terms leave 1e-18 of it. So that f, the largest
 * part, is added last and exact, 2s is taken as f - (f**2/2 - s f**2/2). ln 2 is in two parts, as in exponential.h.
 * Source of that arrangement: Sun Microsystems, fdlibm, e_log.c, 1993. */
#ifndef WEFT_OPS_LOGARITHM_H
#define WEFT_OPS_LOGARITHM_H

#include "ops/elementwise.h"

#include <stdint.h>

/* ln a + rest, for a rest that is a rounding of a at most: within 1 ulp. */
WEFT_FUNCTION(ln_of_text,
static inline double ln_of(double a, double rest)
{
    union { double value; uint64_t bits; } x, power, m;
    double normal = a * 18014398509481984.0, shift = a < 2.2250738585072014e-308 ? 4503599627371573.0 : 4503599627371519.0, k, f, s, z, half, tail, y;
    x.value = a < 2.2250738585072014e-308 ? normal : a;
    x.bits += 4607182418800017408u - 4604544271217802189u;
    power.bits = x.bits >> 52 | 4841369599423283200u;
    m.bits = (x.bits & 4503599627370495u) + 4604544271217802189u;
    k = power.value - shift;
    f = m.value - 1;
    s = f / (2 + f);
    z = s * s;
    half = 0.5 * f * f;
    tail = 2.0 / 17 + z * (2.0 / 19 + z * (2.0 / 21));
    tail = 2.0 / 11 + z * (2.0 / 13 + z * (2.0 / 15 + z * tail));
    tail = 2.0 / 5 + z * (2.0 / 7 + z * (2.0 / 9 + z * tail));
    tail = z * (2.0 / 3 + z * tail);
    y = k * 0.693147180369123816490 + (f - (half - (s * (half + tail) + (k * 1.90821492927058770002e-10 + rest))));
    y = a > 1.7976931348623157e308 ? a : y;
    return a > 0 ? y : a == 0 ? -(double)INFINITY : (double)NAN;
}
)

/* ln(1 + a): what rounding takes from the sum comes back as the rest. */
WEFT_FUNCTION(vector_log1p_text,
static inline double vector_log1p(double a)
{
    double sum = 1 + a, y = ln_of(sum, (a - (sum - 1)) / sum);
    return a == 0 ? a : y;
}
)

#endif

/* error_function.h: what erf and gelu have in common for results that are f32: no branch and no call, so that loops of them are vectors.
 *
 * A standard normal number is below -t, for t >= 0, with the probability
 *     P(-t) = exp(-t**2/2) M(t),    M(t) = exp(u**2) erfc(u)/2 at u = t/sqrt 2,
 * where M is Mills' ratio over sqrt(2 pi). With q = 1/(1 + 2t/(5 sqrt 2)) the function M/q of q is smooth. A polynomial takes its place: the one of
 * degree 11 in q that meets M at Chebyshev's points between the q of t = 14.566 and of 0, and is within 3e-10 of M. For a larger t the product of
 * t and P(-t) is less than half of f32's least number.
 * Source of the form: Abramowitz and Stegun, 1964, 7.1.26. */
#ifndef WEFT_OPS_ERROR_FUNCTION_H
#define WEFT_OPS_ERROR_FUNCTION_H

#include "ops/exponential.h"

/* M(t), for t >= 0. */
WEFT_FUNCTION(short_mills_text,
static inline double short_mills(double t)
{
    double q = 1 / (1 + 0.28284271247461901 * (t > 14.566 ? 14.566 : t)), r;
    r = 0.51363284384728403 + q * (-0.16991221718672511 + q * 0.023381714303348754);
    r = 0.70742447410796749 + q * (-0.81024161869983991 + q * r);
    r = 0.25956680237387186 + q * (-0.42829339601208405 + q * r);
    r = 0.18365667560131191 + q * (0.063337368878405798 + q * r);
    r = 0.22580835215789805 + q * (0.20596789376484603 + q * r);
    return 0.5 * q * (0.2256711068895034 + q * r);
}
)

/* P(a), when power is exp(-a**2/2). */
WEFT_FUNCTION(short_below_text,
static inline double short_below(double a, double power)
{
    double tail = power * short_mills(a < 0 ? -a : a);
    return a > 0 ? 1 - tail : tail;
}
)

#endif

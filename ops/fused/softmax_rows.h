/* softmax_rows.h: sums of exponentials, of one row after another, of which the largest exponent is taken off first. */
#ifndef WEFT_OPS_FUSED_SOFTMAX_ROWS_H
#define WEFT_OPS_FUSED_SOFTMAX_ROWS_H

#include "ops/exponential.h"
#include "ops/fused/vectors.h"

enum { POWERS = 2048 /* elements: powers of so many are kept, those of longer rows computed again */ };

/* Of a row so far: the largest element, NaN aside, and the sum of e**(z - most), which is NaN where an element is NaN or +Inf. */
typedef struct powers {
    double most, total;
} powers;

/* e**a within 3e-10 of itself, for results that are f32: e_to_the() with Taylor's series to r**8, whose next term is less than 2e-10, ln 2 in one
 * part, and one power of two, since f64 has room for all that f32 does not take for 0 or infinite. */
static inline double weft__power(double a)
{
    const double magic = 6755399441055744.0;
    union {
        double value;
        uint64_t bits;
    } whole, scale;
    double x = a < -700 ? -700 : a > 700 ? 700 : a, r, tail;
    whole.value = x * 1.4426950408889634 + magic;
    scale.bits = (whole.bits + 1023) << 52;
    r = x - (whole.value - magic) * 0.6931471805599453;
    tail = 1.0 / 720 + r * (1.0 / 5040 + r * (1.0 / 40320));
    tail = 1.0 / 24 + r * (1.0 / 120 + r * tail);
    tail = 1.0 / 2 + r * (1.0 / 6 + r * tail);
    tail = (1 + (r + r * r * tail)) * scale.value;
    return a < -700 ? 0 : tail;
}

/* What powers of a row are taken against. Where all are -Inf it is 0, since -Inf - -Inf is NaN; their powers are 0 all the same. */
static inline double weft__powers_shift(double most)
{
    return most == -INFINITY ? 0 : most;
}

/* What a total against its own largest element weighs against a larger one. Of -Infs alone it is 0 or NaN, and stays that. */
static inline double weft__powers_weight(double own, double most)
{
    return own == -INFINITY ? 1 : e_to_the(own - most);
}

/* The sum of two stretches, each against its own largest. */
static inline powers weft__powers_merge(powers a, powers b)
{
    double most = a.most > b.most ? a.most : b.most;
    return (powers){most, a.total * weft__powers_weight(a.most, most) + b.total * weft__powers_weight(b.most, most)};
}

#endif

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

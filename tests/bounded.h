/* bounded.h: numbers with a bound on how far a correct program may be from them. `v` is the value in long double; any evaluation in the
 * dtype whose every op is within the roundings stated here of the exact op on its own operands lies in [v - e, v + e]. So e is the
 * tolerance, with cancellation, condition and undecided comparisons in it, and nothing has to be guessed from the size of a result.
 * Second-order terms are kept: an e as large as its v is still a bound. e is infinite where nothing can be said, as for a divisor that
 * may be 0. */
#ifndef WEFT_TESTS_BOUNDED_H
#define WEFT_TESTS_BOUNDED_H

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct bounded {
    long double v, e;
} bounded;

typedef struct rounding {
    long double unit;     /* the largest relative error of one rounding to the dtype */
    long double sum_unit; /* of one addition within a reduction, which weft.h promises to do in f64 */
    long double tiny;     /* what underflow may cost */
    long double huge;     /* beyond, overflow is near */
    bool narrow;          /* f32 */
} rounding;

static const rounding rounding_f32 = {FLT_EPSILON / 2, DBL_EPSILON / 2, FLT_MIN, 1e37L, true};
static const rounding rounding_f64 = {DBL_EPSILON / 2, DBL_EPSILON / 2, DBL_MIN, 1e300L, false};

/* Roundings that one op may cost. Those of IEEE 754 are correct to half an ulp; C libraries and vector libraries give 1 to 4 ulps for the
 * others, and pow() may run as a product, a root and a quotient. */
enum { CORRECT = 1, TRANSCENDENTAL = 8 };

static inline bounded bounded_exact(long double v)
{
    return (bounded){v, 0};
}

static inline bounded bounded_within(long double v, long double e)
{
    return (bounded){v, e < INFINITY && isfinite(v) ? e : INFINITY};
}

static inline bool bounded_fits(const rounding *r, long double v)
{
    return fabsl(v) < r->huge && v == (r->narrow ? (long double)(float)v : (long double)(double)v);
}

/* The result of an op that costs so many roundings; e: what its operands' errors come to. */
static inline bounded bounded_round(const rounding *r, long double v, long double e, int roundings)
{
    if (e == 0 && roundings == CORRECT && bounded_fits(r, v))
        return bounded_exact(v); /* correct rounding of what the dtype can hold changes nothing */
    e += roundings * r->unit * (fabsl(v) + e) + r->tiny;
    return bounded_within(v, fabsl(v) + e < r->huge ? e : INFINITY);
}

/* The sign of a - b: -1, 0 or 1; 2 when the errors leave it open. */
static inline int bounded_order(bounded a, bounded b)
{
    long double difference = a.v - b.v, error = a.e + b.e;
    return difference > error ? 1 : difference < -error ? -1 : difference == 0 && error == 0 ? 0 : 2;
}

/* --- the ops, as weft.h has their formulas --- */

static inline bounded bounded_add(const rounding *r, bounded a, bounded b, bounded c)
{
    (void)c;
    return bounded_round(r, a.v + b.v, a.e + b.e, CORRECT);
}

static inline bounded bounded_sub(const rounding *r, bounded a, bounded b, bounded c)
{
    (void)c;
    return bounded_round(r, a.v - b.v, a.e + b.e, CORRECT);
}

static inline bounded bounded_mul(const rounding *r, bounded a, bounded b, bounded c)
{
    (void)c;
    return bounded_round(r, a.v * b.v, fabsl(a.v) * b.e + fabsl(b.v) * a.e + a.e * b.e, CORRECT);
}

static inline bounded bounded_div(const rounding *r, bounded a, bounded b, bounded c)
{
    (void)c;
    long double v = a.v / b.v, nearest = fabsl(b.v) - b.e;
    return bounded_round(r, v, nearest > 0 ? (a.e + fabsl(v) * b.e) / nearest : INFINITY, CORRECT);
}

static inline bounded bounded_neg(const rounding *r, bounded a, bounded b, bounded c)
{
    (void)r, (void)b, (void)c;
    return bounded_within(-a.v, a.e);
}

static inline bounded bounded_sqrt(const rounding *r, bounded a, bounded b, bounded c)
{
    (void)b, (void)c;
    if (a.v == 0 && a.e == 0)
        return bounded_exact(0);
    long double v = sqrtl(a.v);
    return bounded_round(r, v, a.v >= a.e ? a.e / (v + sqrtl(a.v - a.e)) : INFINITY, CORRECT);
}

/* a ** b. A base of either sign where b is a whole number; else through b ln a, whose error is that of the exponent of e. */
static inline bounded bounded_pow(const rounding *r, bounded a, bounded b, bounded c)
{
    (void)c;
    long double v = powl(a.v, b.v), size = fabsl(a.v), e = INFINITY;
    if (b.e == 0 && b.v == floorl(b.v) && b.v >= 0) {
        e = powl(size + a.e, b.v) - powl(size, b.v);
    } else if (b.e == 0 && b.v == floorl(b.v) && size > a.e) {
        e = powl(size - a.e, b.v) - powl(size, b.v);
    } else if (a.v > a.e) {
        long double log_error = a.e / (a.v - a.e);
        e = v * expm1l(fabsl(b.v) * log_error + (fabsl(logl(a.v)) + log_error) * b.e);
    } else if (a.v == 0 && a.e == 0 && b.v > b.e) {
        return bounded_exact(0);
    }
    return bounded_round(r, v, e, TRANSCENDENTAL);
}

static inline bounded bounded_reciprocal(const rounding *r, bounded a, bounded b, bounded c)
{
    (void)b;
    return bounded_div(r, bounded_exact(1), a, c);
}

static inline bounded bounded_square(const rounding *r, bounded a, bounded b, bounded c)
{
    (void)b;
    return bounded_mul(r, a, a, c);
}

static inline bounded bounded_expm1(const rounding *r, bounded a, bounded b, bounded c)
{
    (void)b, (void)c;
    return bounded_round(r, expm1l(a.v), expl(a.v) * expm1l(a.e), TRANSCENDENTAL);
}

typedef long double (*exact_function)(long double a, long double b, long double c);

/* A function of a that nowhere is steeper than `slope`, and rounds a so many times before anything else, as pi * a does. */
static inline bounded bounded_steep(const rounding *r, exact_function f, bounded a, long double slope, int roundings)
{
    return bounded_round(r, f(a.v, 0, 0), slope * (a.e + roundings * r->unit * fabsl(a.v)), TRANSCENDENTAL);
}

/* One that only rises or only falls, up to where it is no number: it goes no further than at the ends. */
static inline bounded bounded_monotone(const rounding *r, exact_function f, bounded a)
{
    long double v = f(a.v, 0, 0), below = fabsl(f(a.v - a.e, 0, 0) - v), above = fabsl(f(a.v + a.e, 0, 0) - v);
    return bounded_round(r, v, below < INFINITY && above < INFINITY ? fmaxl(below, above) : INFINITY, TRANSCENDENTAL);
}

/* The largest whole number below; where one lies within the errors, the result is open. */
static inline bounded bounded_floor(const rounding *r, bounded a, bounded b, bounded c)
{
    (void)r, (void)b, (void)c;
    return bounded_within(floorl(a.v), floorl(a.v + a.e) - floorl(a.v - a.e));
}

static inline bounded bounded_maximum(const rounding *r, bounded a, bounded b, bounded c)
{
    (void)r, (void)c;
    int order = bounded_order(a, b);
    if (order != 2)
        return order < 0 ? b : a;
    return bounded_within(a.v != a.v || a.v > b.v ? a.v : b.v, fmaxl(a.e, b.e)); /* |max(a', b') - max(a, b)| is at most the larger error */
}

static inline bounded bounded_minimum(const rounding *r, bounded a, bounded b, bounded c)
{
    bounded y = bounded_maximum(r, bounded_neg(r, a, a, c), bounded_neg(r, b, b, c), c);
    return bounded_neg(r, y, y, c);
}

static inline bounded bounded_clip(const rounding *r, bounded x, bounded low, bounded high)
{
    return bounded_minimum(r, bounded_maximum(r, x, low, low), high, high);
}

static inline bounded bounded_relu(const rounding *r, bounded a, bounded b, bounded c)
{
    (void)b;
    return bounded_maximum(r, a, bounded_exact(0), c);
}

static inline bounded bounded_abs(const rounding *r, bounded a, bounded b, bounded c)
{
    (void)r, (void)b, (void)c;
    return bounded_within(fabsl(a.v), a.e);
}

/* Where the order is open, the result may be any that the op gives. */
static inline bounded bounded_sign(const rounding *r, bounded a, bounded b, bounded c)
{
    (void)r, (void)b, (void)c;
    int order = bounded_order(a, bounded_exact(0));
    return order == 2 ? bounded_within((a.v > 0) - (a.v < 0), 2) : bounded_exact(order);
}

static inline bounded bounded_greater(const rounding *r, bounded a, bounded b, bounded c)
{
    (void)r, (void)c;
    int order = bounded_order(a, b);
    return order == 2 ? bounded_within(a.v > b.v, 1) : bounded_exact(order == 1);
}

static inline bounded bounded_less(const rounding *r, bounded a, bounded b, bounded c)
{
    return bounded_greater(r, b, a, c);
}

/* 1 where the other is 0. */
static inline bounded bounded_not(bounded mask)
{
    return bounded_within(1 - mask.v, mask.e);
}

static inline bounded bounded_less_equal(const rounding *r, bounded a, bounded b, bounded c)
{
    return bounded_not(bounded_greater(r, a, b, c));
}

static inline bounded bounded_greater_equal(const rounding *r, bounded a, bounded b, bounded c)
{
    return bounded_not(bounded_greater(r, b, a, c));
}

static inline bounded bounded_equal(const rounding *r, bounded a, bounded b, bounded c)
{
    (void)r, (void)c;
    int order = bounded_order(a, b);
    return order == 2 ? bounded_within(a.v == b.v, 1) : bounded_exact(order == 0);
}

static inline bounded bounded_not_equal(const rounding *r, bounded a, bounded b, bounded c)
{
    return bounded_not(bounded_equal(r, a, b, c));
}

static inline bounded bounded_where(const rounding *r, bounded mask, bounded a, bounded b)
{
    (void)r;
    int order = bounded_order(mask, bounded_exact(0));
    if (order != 2)
        return order ? a : b;
    bounded taken = mask.v != 0 ? a : b;
    return bounded_within(taken.v, fabsl(a.v - b.v) + fmaxl(a.e, b.e));
}

/* a where it is positive, else `other`: continuous, but for the roundings of both. */
static inline bounded bounded_continued(const rounding *r, bounded a, bounded other)
{
    int order = bounded_order(a, bounded_exact(0));
    if (order != 2)
        return order > 0 ? a : other;
    bounded taken = bounded_where(r, bounded_exact(a.v > 0), a, other);
    return bounded_within(taken.v, fabsl(a.v - other.v) + a.e + other.e);
}

static inline bounded bounded_leaky_relu(const rounding *r, bounded a, bounded slope, bounded c)
{
    return bounded_continued(r, a, bounded_mul(r, slope, a, c));
}

static inline bounded bounded_elu(const rounding *r, bounded a, bounded alpha, bounded c)
{
    return bounded_continued(r, a, bounded_mul(r, alpha, bounded_expm1(r, a, a, c), c));
}

/* --- sums in any order --- */

typedef struct bounded_total {
    long double v, e, magnitude;
    size_t n;
    bool whole; /* every term is a whole number without error: so is every partial sum */
} bounded_total;

static inline bounded_total bounded_nothing(void)
{
    return (bounded_total){.whole = true};
}

static inline void bounded_take(bounded_total *t, bounded x)
{
    t->v += x.v;
    t->e += x.e;
    t->magnitude += fabsl(x.v) + x.e;
    t->whole &= x.e == 0 && x.v == floorl(x.v);
    t->n++;
}

/* n terms, added in any order with errors of `unit` each: at most n - 1 of them reach any term. Then one rounding to the dtype. */
static inline bounded bounded_end(const rounding *r, const bounded_total *t, long double unit)
{
    if (t->n <= 1 || (t->whole && t->magnitude * r->unit < 1))
        return bounded_round(r, t->v, t->e, CORRECT);
    return bounded_round(r, t->v, t->e + (long double)t->n * unit * t->magnitude + r->tiny, CORRECT);
}

#endif

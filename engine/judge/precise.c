/* precise.c: real numbers by MPFR, each with a bound of how far it may be from the true one.
 *
 * Every operation rounds once, which adds half a unit of its last bit, and passes on what its operands are off by, times its derivative: first order
 * terms, which is what counts while a bound is far below its number; where it is not, nothing is said to be known. So cancellation is seen: of
 * log(1 + 1e-100) with 256 bits nothing is known, and the graph is evaluated again with 2304, in which the sum of any two doubles is exact. What is
 * left of a sum then, and within its bound of 0, is 0, if the bound is below 2**-1024 of the terms: that is how terms that cancel come out as over the
 * reals.
 *
 * Numbers live in an arena over the tape's allocator. MPFR keeps a few temporaries and constants of its own, through the allocation functions of
 * GMP; when these find no memory they end the process, which no caller can prevent but by giving GMP others.
 * Source: Fousse, Hanrot, Lefevre, Pelissier and Zimmermann, MPFR, 2007; Higham, 2002, section 3.3, for the running bounds. */
#include "engine/judge/precise.h"

#include <limits.h>
#include <math.h>
#include <mpfr.h>
#include <string.h>

/* --- bounds: m 2**e, of a size that no double has --- */

typedef struct bound {
    double m;
    long e;
} bound;

static const bound none = {0, 0}, unknown = {INFINITY, 0};

static bound scaled(double m, long e)
{
    int more = 0;
    if (m == 0 || isinf(m))
        return (bound){m, 0};
    m = frexp(m, &more);
    return (bound){m, e + more};
}

static bound plus(bound a, bound b)
{
    if (a.m == 0 || isinf(b.m))
        return b;
    if (b.m == 0 || isinf(a.m))
        return a;
    bound large = a.e >= b.e ? a : b, small = a.e >= b.e ? b : a;
    long apart = large.e - small.e;
    return scaled(large.m + (apart > 1000 ? 0x1p-60 : ldexp(small.m, -(int)apart)), large.e);
}

static bound times(bound a, bound b)
{
    return a.m == 0 || b.m == 0 ? none : scaled(a.m * b.m, a.e + b.e);
}

static bound over(bound a, bound b)
{
    return a.m == 0 ? none : b.m == 0 || isinf(a.m) ? unknown : scaled(a.m / b.m, a.e - b.e);
}

/* a <= b 2**shift */
static bool within(bound a, bound b, long shift)
{
    if (a.m == 0 || isinf(b.m))
        return true;
    if (b.m == 0 || isinf(a.m))
        return false;
    return a.e != b.e + shift ? a.e < b.e + shift : a.m <= b.m;
}

/* --- numbers --- */

typedef struct real {
    mpfr_t x;
    bound off;
    mp_limb_t limb[]; /* (bits / the bits of one) */
} real;

static real *at(weft_exact_number x)
{
    return (real *)(uintptr_t)x.value; /* a number of the field is 64 bits that only the arithmetic reads */
}

static bound size_of(const real *x)
{
    long e = 0;
    double m = mpfr_zero_p(x->x) ? 0 : mpfr_get_d_2exp(&e, x->x, MPFR_RNDA);
    return scaled(fabs(m), e);
}

static bool is_finite(const real *x)
{
    return mpfr_number_p(x->x) != 0;
}

static void lay_out(real *x, int bits)
{
    mpfr_custom_init(x->limb, bits);
    mpfr_custom_init_set(x->x, MPFR_NAN_KIND, 0, bits, x->limb);
    x->off = none;
}

size_t weft__real_bytes(const weft__reals *r)
{
    return (sizeof(real) + mpfr_custom_get_size((mpfr_prec_t)r->bits) + 7) / 8 * 8;
}

/* A new number; work: in additions. */
static real *take(weft_field *f, double work)
{
    weft__reals *r = f->reals;
    real *x = f->refused ? r->spare : weft__arena_take(&r->arena, weft__real_bytes(r));
    r->work += r->bits > WEFT__FEW_BITS ? 12 * work : work;
    if (r->work > r->most_work)
        weft_exact_refuse(f, "it takes more arithmetic than the truth in MPFR is given; a smaller size shows as much");
    if (!x) {
        r->no_memory = true;
        weft_exact_refuse(f, "out of memory");
        x = r->spare;
    }
    lay_out(x, r->bits);
    return x;
}

/* The number that an operation has made, in `roundings` of the last bit at most. */
static weft_exact_number finish(weft_field *f, real *y, bound off, double roundings)
{
    if (!is_finite(y)) {
        y->off = none;
    } else {
        y->off = off;
        if (roundings > 0)
            y->off = plus(off, scaled(roundings, mpfr_zero_p(y->x) ? mpfr_get_emin() : mpfr_get_exp(y->x) - f->reals->bits - 1));
    }
    return (weft_exact_number){.value = (uint64_t)(uintptr_t)y, .real = mpfr_get_d(y->x, MPFR_RNDN)};
}

static weft_exact_number finish_rounded(weft_field *f, real *y, bound off, int inexact)
{
    return finish(f, y, off, inexact ? 1 : 0);
}

/* At the last, what cannot be told from 0 is 0: in a sum of terms of that size, or at a zero of a function where it is 1. */
static weft_exact_number finish_sum(weft_field *f, real *y, bound off, int inexact, bound size)
{
    weft_exact_number sum = finish_rounded(f, y, off, inexact);
    if (f->reals->final && is_finite(y) && y->off.m > 0 && within(size_of(y), y->off, 0) && within(y->off, size, -1024)) {
        mpfr_set_zero(y->x, 1);
        y->off = none;
        sum.real = 0;
    }
    return sum;
}

static bound larger(bound a, bound b)
{
    return within(a, b, 0) ? b : a;
}

/* What a derivative of size `slope` makes of the bound of x: where that is far below the number. */
static bound passed_on(const real *x, bound slope)
{
    if (x->off.m == 0)
        return none;
    return within(x->off, size_of(x), -20) ? times(times(slope, x->off), scaled(1.01, 0)) : unknown;
}

/* --- sums, products, quotients, powers --- */

static weft_exact_number whole(weft_field *f, int64_t n)
{
    real *y = take(f, 1);
    uint64_t size = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
    mpfr_set_d(y->x, ldexp((double)(uint32_t)(size >> 32), 32), MPFR_RNDN);
    mpfr_add_d(y->x, y->x, (double)(uint32_t)size, MPFR_RNDN);
    if (n < 0)
        mpfr_neg(y->x, y->x, MPFR_RNDN);
    return finish(f, y, none, 0);
}

static weft_exact_number constant(weft_field *f, double a)
{
    real *y = take(f, 1);
    mpfr_set_d(y->x, a, MPFR_RNDN);
    return finish(f, y, none, 0);
}

static weft_exact_number add(weft_field *f, weft_exact_number a, weft_exact_number b)
{
    if (f->refused)
        return a;
    real *y = take(f, 1);
    int inexact = mpfr_add(y->x, at(a)->x, at(b)->x, MPFR_RNDN);
    return finish_sum(f, y, plus(at(a)->off, at(b)->off), inexact, is_finite(y) ? larger(size_of(at(a)), size_of(at(b))) : none);
}

static weft_exact_number sub(weft_field *f, weft_exact_number a, weft_exact_number b)
{
    if (f->refused)
        return a;
    real *y = take(f, 1);
    int inexact = mpfr_sub(y->x, at(a)->x, at(b)->x, MPFR_RNDN);
    return finish_sum(f, y, plus(at(a)->off, at(b)->off), inexact, is_finite(y) ? larger(size_of(at(a)), size_of(at(b))) : none);
}

static weft_exact_number mul(weft_field *f, weft_exact_number a, weft_exact_number b)
{
    if (f->refused)
        return a;
    real *y = take(f, 1), *u = at(a), *v = at(b);
    int inexact = mpfr_mul(y->x, u->x, v->x, MPFR_RNDN);
    bound off = none;
    if ((u->off.m > 0 || v->off.m > 0) && is_finite(y))
        off = plus(plus(times(size_of(u), v->off), times(size_of(v), u->off)), times(u->off, v->off));
    return finish_rounded(f, y, off, inexact);
}

static weft_exact_number divide(weft_field *f, weft_exact_number a, weft_exact_number b)
{
    real *y = take(f, 2), *u = at(a), *v = at(b);
    int inexact = mpfr_div(y->x, u->x, v->x, MPFR_RNDN);
    bound off = none;
    if ((u->off.m > 0 || v->off.m > 0) && is_finite(y))
        off = within(v->off, size_of(v), -20) ? times(over(plus(u->off, times(size_of(y), v->off)), size_of(v)), scaled(1.01, 0)) : unknown;
    return finish_rounded(f, y, off, inexact);
}

static weft_exact_number power(weft_field *f, weft_exact_number a, int halves)
{
    real *y = take(f, 8), *x = at(a);
    double n = 0.5 * fabs((double)halves), roundings;
    if (halves % 2 == 0) {
        roundings = mpfr_pow_si(y->x, x->x, halves / 2, MPFR_RNDN) ? 1 : 0;
    } else {
        roundings = mpfr_sqrt(y->x, x->x, MPFR_RNDN) ? 1 + 4 * n : 0; /* of the root, 2n times, and 1 */
        roundings += mpfr_pow_si(y->x, y->x, halves, MPFR_RNDN) ? 1 : 0;
    }
    return finish(f, y, passed_on(x, times(scaled(n, 0), over(size_of(y), size_of(x)))), roundings);
}

static weft_exact_number irrational(weft_field *f, int n, int halves)
{
    return power(f, whole(f, n), halves);
}

/* --- decisions --- */

/* The sign of a - b, or 0 where it cannot be told. */
static int compare(weft_field *f, weft_exact_number a, weft_exact_number b)
{
    const real *u = at(a), *v = at(b);
    bound off = plus(u->off, v->off);
    if (mpfr_nan_p(u->x) || mpfr_nan_p(v->x))
        return 0;
    int sign = mpfr_cmp(u->x, v->x);
    if (off.m > 0 && is_finite(u) && is_finite(v)) {
        real *d = take(f, 1);
        mpfr_sub(d->x, u->x, v->x, MPFR_RNDA);
        if (within(size_of(d), off, 0)) {
            f->reals->unsure |= !f->reals->final;
            return 0;
        }
    }
    return (sign > 0) - (sign < 0);
}

static bool equal(weft_field *f, weft_exact_number a, weft_exact_number b)
{
    return !mpfr_nan_p(at(a)->x) && !mpfr_nan_p(at(b)->x) && compare(f, a, b) == 0;
}

/* The first of several; a NaN is larger than all, and smaller than all. */
static size_t largest(weft_field *f, size_t n, const weft_exact_number *x, size_t stride, int sign)
{
    size_t best = 0;
    for (size_t i = 0; i < n; i++) {
        if (mpfr_nan_p(at(x[i * stride])->x))
            return i;
        if (sign * compare(f, x[i * stride], x[best * stride]) > 0)
            best = i;
    }
    return best;
}

/* A number that may be the whole one next to it is that one. */
static bool truncate_it(weft_field *f, weft_exact_number a, int64_t *n)
{
    real *y = take(f, 1), *d = take(f, 1), *x = at(a);
    const double most = 0x1p63;
    mpfr_rint(y->x, x->x, MPFR_RNDN);
    mpfr_sub(d->x, x->x, y->x, MPFR_RNDA);
    if (!is_finite(x) || !within(size_of(d), x->off, 0))
        mpfr_rint(y->x, x->x, MPFR_RNDZ);
    else
        f->reals->unsure |= !f->reals->final && x->off.m > 0;
    double whole_part = mpfr_get_d(y->x, MPFR_RNDZ);
    if (!(whole_part >= -most && whole_part < most))
        return false;
    real *low = take(f, 1); /* a double has 53 bits, an i64 63 */
    mpfr_set_d(low->x, whole_part, MPFR_RNDN);
    mpfr_sub(low->x, y->x, low->x, MPFR_RNDN);
    *n = (int64_t)whole_part + (int64_t)mpfr_get_d(low->x, MPFR_RNDN);
    return true;
}

/* --- functions --- */

static weft_exact_number exponential(weft_field *f, weft_exact_number a)
{
    real *y = take(f, 60), *x = at(a);
    int inexact = mpfr_exp(y->x, x->x, MPFR_RNDN);
    bound off = x->off.m == 0 ? none : within(x->off, scaled(1, -6), 0) ? times(times(size_of(y), x->off), scaled(1.01, 0)) : unknown;
    return finish_rounded(f, y, off, inexact);
}

static weft_exact_number logarithm(weft_field *f, weft_exact_number a)
{
    real *y = take(f, 60), *x = at(a);
    int inexact = mpfr_log(y->x, x->x, MPFR_RNDN);
    return finish_sum(f, y, passed_on(x, over(scaled(1, 0), size_of(x))), inexact, scaled(1, 0));
}

/* A whole number where x may be one. */
static weft_exact_number floor_of(weft_field *f, weft_exact_number a)
{
    real *y = take(f, 1), *d = take(f, 1), *x = at(a);
    mpfr_rint(y->x, x->x, MPFR_RNDN);
    mpfr_sub(d->x, x->x, y->x, MPFR_RNDA);
    if (!is_finite(x) || !within(size_of(d), x->off, 0))
        mpfr_floor(y->x, x->x);
    else
        f->reals->unsure |= !f->reals->final && x->off.m > 0;
    return finish(f, y, none, 0);
}

/* d(a**b) = a**b (b/a da + ln |a| db) */
static weft_exact_number any_power(weft_field *f, const weft_exact_number *x)
{
    real *y = take(f, 120), *a = at(x[0]), *b = at(x[1]);
    int inexact = mpfr_pow(y->x, a->x, b->x, MPFR_RNDN);
    bound off = none;
    if (is_finite(y) && (a->off.m > 0 || b->off.m > 0)) {
        double ln = mpfr_zero_p(a->x) ? INFINITY : fabs(log(size_of(a).m) + log(2) * (double)size_of(a).e) * 1.01 + 1e-9;
        off = plus(passed_on(a, times(size_of(y), over(size_of(b), size_of(a)))), times(size_of(y), times(scaled(ln, 0), b->off)));
        if (!within(times(scaled(ln, 0), b->off), scaled(1, -6), 0))
            off = unknown;
    }
    return finish_rounded(f, y, off, inexact);
}

typedef enum steepness { AT_MOST_ONE, ABOVE_ONE, TANGENT, HYPERBOLIC } steepness; /* of f', from f; ABOVE_ONE: 2/sqrt(pi) */

static const struct {
    const char *name;
    int (*function)(mpfr_ptr y, mpfr_srcptr x, mpfr_rnd_t round);
    steepness slope;
} functions[] = {
    {"sin", mpfr_sin, AT_MOST_ONE}, {"cos", mpfr_cos, AT_MOST_ONE}, {"tan", mpfr_tan, TANGENT},     {"atan", mpfr_atan, AT_MOST_ONE},
    {"tanh", mpfr_tanh, AT_MOST_ONE}, {"sinh", mpfr_sinh, HYPERBOLIC}, {"cosh", mpfr_cosh, HYPERBOLIC}, {"erf", mpfr_erf, ABOVE_ONE},
    {"erfc", mpfr_erfc, ABOVE_ONE},
};

static weft_exact_number symbol(weft_field *f, const char *name, const weft_exact_number *x, int n)
{
    if (n == 1 && !strcmp(name, "floor"))
        return floor_of(f, x[0]);
    if (n == 2 && !strcmp(name, "pow"))
        return any_power(f, x);
    for (size_t i = 0; i < sizeof functions / sizeof *functions && n == 1; i++) {
        if (strcmp(functions[i].name, name))
            continue;
        real *y = take(f, 120), *a = at(x[0]);
        int inexact = functions[i].function(y->x, a->x, MPFR_RNDN);
        bound slope = scaled(1.13, 0), size = size_of(y);
        if (functions[i].slope == TANGENT)
            slope = plus(slope, times(size, size));
        else if (functions[i].slope == HYPERBOLIC)
            slope = plus(slope, size);
        /* slopes of at most 1.13 hold everywhere, the others while they do not change much */
        bool steady = functions[i].slope == AT_MOST_ONE || functions[i].slope == ABOVE_ONE;
        bound off = steady ? times(slope, a->off) : within(a->off, scaled(1, -6), 0) ? times(slope, times(a->off, scaled(1.1, 0))) : unknown;
        return finish_sum(f, y, off, inexact, scaled(1, 0));
    }
    weft_exact_refuse(f, "it is a function that MPFR is not known to have");
    return constant(f, NAN);
}

/* What comes of a NaN or an Inf the op's own kernel knows, in f64: NaN, Inf, 0, 1, or one of the operands, as of min(a, Inf). */
static bool not_finite(weft_field *f, const weft_op *op, const weft_exact_number *x, int n, weft_exact_number *y)
{
    double number[WEFT_MAX_OPERANDS], result = 0;
    const void *operand[WEFT_MAX_OPERANDS];
    const ptrdiff_t stride[WEFT_MAX_OPERANDS] = {0};
    bool finite = true;
    for (int k = 0; k < n; k++) {
        number[k] = weft__real_double(x[k]);
        operand[k] = &number[k];
        finite &= is_finite(at(x[k]));
    }
    if (finite || !op->map[1])
        return false;
    op->map[1](1, &result, operand, stride);
    for (int k = n; k-- > 0;)
        if (isfinite(result) && number[k] == result) {
            *y = x[k];
            return true;
        }
    *y = constant(f, result);
    return true;
}

static const weft__arithmetic arithmetic = {
    .whole = whole, .constant = constant, .add = add, .sub = sub, .mul = mul, .div = divide, .power = power, .irrational = irrational,
    .compare = compare, .equal = equal, .largest = largest, .truncate = truncate_it, .exp = exponential, .log = logarithm, .symbol = symbol,
    .special = not_finite,
};

/* --- the state --- */

bool weft__reals_start(weft_field *f, weft__reals *r, const weft_allocator *allocator, double most_work)
{
    *f = (weft_field){.arithmetic = &arithmetic, .reals = r};
    *r = (weft__reals){.bits = WEFT__MANY_BITS, .most_work = most_work};
    weft__arena_init(&r->arena, allocator);
    r->spare = weft__allocate(allocator, weft__real_bytes(r));
    return r->spare != NULL;
}

void weft__reals_clear(weft__reals *r, int bits, bool final)
{
    weft__arena_rewind(&r->arena, (weft__arena_mark){.chunk = NULL});
    r->bits = bits;
    r->final = final;
    r->unsure = false;
}

void weft__reals_free(weft__reals *r)
{
    r->bits = WEFT__MANY_BITS;
    weft__release(&r->arena.allocator, r->spare, weft__real_bytes(r));
    weft__arena_free(&r->arena);
}

weft__reals_state weft__reals_enter(void)
{
    weft__reals_state state = {mpfr_get_emin(), mpfr_get_emax(), mpfr_flags_save()};
    mpfr_set_emin(mpfr_get_emin_min());
    mpfr_set_emax(mpfr_get_emax_max());
    return state;
}

static void restore(weft__reals_state state)
{
    mpfr_set_emin(state.least);
    mpfr_set_emax(state.most);
    mpfr_flags_restore(state.flags, MPFR_FLAGS_ALL);
}

void weft__reals_leave(weft__reals_state state)
{
    restore(state);
    mpfr_free_cache2(MPFR_FREE_LOCAL_CACHE);
}

/* --- reading --- */

void weft__real_copy(weft_field *f, void *to, weft_exact_number *x)
{
    real *y = to;
    lay_out(y, f->reals->bits);
    mpfr_set(y->x, at(*x)->x, MPFR_RNDN);
    y->off = at(*x)->off;
    x->value = (uint64_t)(uintptr_t)y;
}

double weft__real_double(weft_exact_number x)
{
    return mpfr_get_d(at(x)->x, MPFR_RNDN);
}

static double difference(mpfr_srcptr a, bound a_off, mpfr_srcptr b, bound b_off)
{
    union {
        real x;
        unsigned char room[sizeof(real) + (WEFT__MANY_BITS + 64) / CHAR_BIT];
    } d;
    if (mpfr_nan_p(a) && mpfr_nan_p(b))
        return 0;
    if (!mpfr_nan_p(a) && !mpfr_nan_p(b) && mpfr_equal_p(a, b))
        return 0;
    weft__reals_state state = weft__reals_enter();
    lay_out(&d.x, WEFT__MANY_BITS);
    mpfr_sub(d.x.x, a, b, MPFR_RNDN);
    bound off = plus(a_off, b_off);
    double apart = is_finite(&d.x) && off.m > 0 && within(size_of(&d.x), off, 0) ? 0 : mpfr_get_d(d.x.x, MPFR_RNDN);
    restore(state);
    return apart;
}

double weft__real_difference(weft_exact_number a, weft_exact_number b)
{
    return difference(at(a)->x, at(a)->off, at(b)->x, at(b)->off);
}

double weft__real_off(double value, weft_exact_number truth)
{
    mp_limb_t limb[64 / CHAR_BIT];
    mpfr_t x;
    mpfr_custom_init(limb, 53);
    mpfr_custom_init_set(x, MPFR_NAN_KIND, 0, 53, limb);
    mpfr_set_d(x, value, MPFR_RNDN);
    return difference(x, none, at(truth)->x, at(truth)->off);
}

bool weft__real_known(const weft__reals *r, weft_exact_number x)
{
    return !is_finite(at(x)) || within(at(x)->off, size_of(at(x)), r->final ? -60 : -73);
}

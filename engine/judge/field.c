/* field.c: arithmetic in a prime field, and what in it stands for roots, for the order and for functions of the real numbers.
 *
 * The primes are p = k 8*3*5*7*11*...*43 - 1, of 61 and 62 bits. So -1 is no square modulo p, and 2, 3, 5, ... 43 all are (quadratic reciprocity;
 * p = 7 modulo 8 and p = -1 modulo 4q). Squares are to be the positive numbers: of a and -a exactly one is one, products and quotients of positive
 * numbers are positive, and so are whole numbers up to 46, fractions of them and powers of ten. Of the two roots of a positive number one is
 * positive. It is taken, and so sqrt(ab) = sqrt(a) sqrt(b), sqrt(a)**2 = a and sqrt(a**2) = |a| hold as over the real numbers. Sums of positive
 * numbers need not be positive: that is where the two part. Modulo 2**61 - 1, 3 is no square, and sqrt(9 a) would be -3 sqrt(a).
 *
 * Numbers are kept times 2**64, modulo p. Source: P. L. Montgomery, Modular multiplication without trial division, 1985. The primes were found by
 * trying k = 22, 23, ...; tests/test_prove_field.c proves what is said of them. */
#include "engine/judge/field.h"
#include "engine/judge/random.h"

#include <math.h>

static const uint64_t primes[WEFT__FIELDS] = {
    1726924495780443959, 2459559130353965639, 2511890175680645759, 3087531674274127079, 3192193764927487319,
    3558511082214248159, 3924828399501008999, 3977159444827689119, 4081821535481049359, 4291145716787769839,
};

/* --- the field --- */

static uint64_t high_product(uint64_t a, uint64_t b)
{
    uint64_t a0 = (uint32_t)a, a1 = a >> 32, b0 = (uint32_t)b, b1 = b >> 32;
    uint64_t one = a1 * b0 + (a0 * b0 >> 32), two = a0 * b1 + (uint32_t)one;
    return a1 * b1 + (one >> 32) + (two >> 32);
}

/* a b / 2**64 */
static uint64_t product(const weft_field *f, uint64_t a, uint64_t b)
{
    uint64_t low = a * b, high = high_product(a, b), y = high + high_product(low * f->minus_inverse, f->p) + (low != 0);
    return y >= f->p ? y - f->p : y;
}

static uint64_t sum(const weft_field *f, uint64_t a, uint64_t b)
{
    return a + b >= f->p ? a + b - f->p : a + b;
}

static uint64_t negative(const weft_field *f, uint64_t a)
{
    return a ? f->p - a : 0;
}

static uint64_t power(const weft_field *f, uint64_t a, uint64_t n)
{
    uint64_t y = f->one;
    for (; n; n >>= 1, a = product(f, a, a))
        if (n & 1)
            y = product(f, y, a);
    return y;
}

static uint64_t from_whole(const weft_field *f, int64_t n)
{
    uint64_t size = n < 0 ? 0 - (uint64_t)n : (uint64_t)n, y = product(f, size % f->p, f->square);
    return n < 0 ? negative(f, y) : y;
}

void weft__field_start(weft_field *f, size_t which)
{
    *f = (weft_field){.p = primes[which % WEFT__FIELDS]};
    uint64_t inverse = 1;
    for (int i = 0; i < 6; i++)
        inverse *= 2 - f->p * inverse; /* of an odd number modulo 2, 4, 16, ... 2**64 */
    f->minus_inverse = 0 - inverse;
    f->half = (f->p + 1) / 4;
    f->square = 1;
    for (int i = 0; i < 128; i++)
        f->square = sum(f, f->square, f->square);
    f->one = product(f, 1, f->square);
}

void weft__field_point(weft_field *f, uint64_t key)
{
    f->key = key;
    f->again = f->refused = NULL;
    f->at_fault = f->settled = 0;
    f->roots = f->signs = f->symbols = 0;
    f->argument = 0;
}

uint64_t weft__field_prime(size_t which)
{
    return primes[which % WEFT__FIELDS];
}

double weft__field_least(void)
{
    return (double)primes[0];
}

static uint64_t draw(const weft_field *f, uint64_t *state)
{
    uint64_t y;
    do {
        y = weft__random(state) >> 2;
    } while (y >= f->p);
    return y;
}

weft_exact_number weft__field_draw(const weft_field *f, uint64_t *state)
{
    return (weft_exact_number){.value = draw(f, state), .degree = 1, .real = NAN};
}

/* --- arithmetic --- */

void weft_exact_refuse(weft_field *f, const char *why)
{
    f->refused = f->refused ? f->refused : why;
}

static void draw_again(weft_field *f, const char *why, uint64_t at_fault)
{
    f->at_fault = f->again ? f->at_fault : at_fault;
    f->again = f->again ? f->again : why;
}

static bool finite_numbers(weft_field *f, weft_exact_number a, weft_exact_number b)
{
    if (isinf(a.real) || isinf(b.real))
        weft_exact_refuse(f, "it computes with an infinity");
    return !isinf(a.real) && !isinf(b.real);
}

weft_exact_number weft_exact_whole(weft_field *f, int64_t n)
{
    if (f->arithmetic)
        return f->arithmetic->whole(f, n);
    return (weft_exact_number){.value = from_whole(f, n), .real = (double)n};
}

weft_exact_number weft_exact_add(weft_field *f, weft_exact_number a, weft_exact_number b)
{
    if (f->arithmetic)
        return f->arithmetic->add(f, a, b);
    if (isinf(a.real) != isinf(b.real) || (isinf(a.real) && a.real == b.real))
        return isinf(a.real) ? a : b; /* the other one is finite, or the same */
    if (!finite_numbers(f, a, b))
        return a;
    return (weft_exact_number){.value = sum(f, a.value, b.value), .degree = fmax(a.degree + b.divisor, b.degree + a.divisor),
                               .divisor = a.divisor + b.divisor, .real = a.real + b.real, .drawn = a.drawn | b.drawn};
}

static weft_exact_number minus(weft_field *f, weft_exact_number a)
{
    a.value = isinf(a.real) ? a.value : negative(f, a.value);
    a.real = -a.real;
    return a;
}

weft_exact_number weft_exact_sub(weft_field *f, weft_exact_number a, weft_exact_number b)
{
    if (f->arithmetic)
        return f->arithmetic->sub(f, a, b);
    return weft_exact_add(f, a, minus(f, b));
}

weft_exact_number weft_exact_mul(weft_field *f, weft_exact_number a, weft_exact_number b)
{
    if (f->arithmetic)
        return f->arithmetic->mul(f, a, b);
    if (!finite_numbers(f, a, b))
        return a;
    if ((weft__is_constant(a) && !a.value) || (weft__is_constant(b) && !b.value))
        return weft_exact_whole(f, 0);
    return (weft_exact_number){.value = product(f, a.value, b.value), .degree = a.degree + b.degree, .divisor = a.divisor + b.divisor,
                               .real = a.real * b.real, .drawn = a.drawn | b.drawn};
}

static weft_exact_number reciprocal(weft_field *f, weft_exact_number a)
{
    if (!a.value && weft__is_constant(a))
        weft_exact_refuse(f, "it divides by 0");
    else if (!a.value)
        draw_again(f, "it divides by 0", a.drawn);
    return (weft_exact_number){.value = power(f, a.value, f->p - 2), .degree = a.divisor, .divisor = a.degree, .real = 1 / a.real,
                               .drawn = a.drawn};
}

weft_exact_number weft_exact_div(weft_field *f, weft_exact_number a, weft_exact_number b)
{
    if (f->arithmetic)
        return f->arithmetic->div(f, a, b);
    if (!finite_numbers(f, a, b))
        return a;
    weft_exact_number y = weft_exact_mul(f, a, reciprocal(f, b));
    if (weft__is_constant(y))
        y.real = a.real / b.real; /* rounded once */
    return y;
}

/* --- roots and the order --- */

static bool is_positive(const weft_field *f, uint64_t a)
{
    return a && power(f, a, (f->p - 1) / 2) == f->one;
}

static uint64_t root(weft_field *f, uint64_t a, uint64_t drawn)
{
    uint64_t y = power(f, a, f->half);
    if (product(f, y, y) != a)
        draw_again(f, "it takes the root of a number that has none", drawn);
    else if (!f->again)
        f->settled |= drawn;
    bool known = false;
    for (size_t i = 0; i < f->roots && !known; i++)
        known = f->root[i] == a;
    if (!known && f->roots < WEFT__MOST_ROOTS) {
        f->root_drawn[f->roots] = drawn;
        f->root[f->roots++] = a;
    }
    return y;
}

size_t weft__field_related(const weft_field *f, uint64_t drawn)
{
    uint64_t found = 0;
    size_t n = f->roots == WEFT__MOST_ROOTS ? f->roots : 0; /* there may be more than are known */
    for (bool more = !n; more;) {
        more = false;
        for (size_t i = 0; i < f->roots; i++)
            if (!(found >> i & 1) && (f->root_drawn[i] & drawn || !f->root_drawn[i])) {
                found |= (uint64_t)1 << i;
                drawn |= f->root_drawn[i];
                more = true;
                n++;
            }
    }
    return n;
}

weft_exact_number weft_exact_power(weft_field *f, weft_exact_number a, int halves)
{
    if (f->arithmetic)
        return f->arithmetic->power(f, a, halves);
    if (!finite_numbers(f, a, a))
        return a;
    if (!halves)
        return weft_exact_whole(f, 1);
    if (halves < 0)
        return reciprocal(f, weft_exact_power(f, a, -halves));
    bool whole = halves % 2 == 0;
    uint64_t n = whole ? (uint64_t)halves / 2 : (uint64_t)halves, base = whole ? a.value : a.value ? root(f, a.value, a.drawn) : 0;
    return (weft_exact_number){.value = power(f, base, n), .degree = a.degree * halves / 2, .divisor = a.divisor * halves / 2,
                               .real = pow(a.real, 0.5 * halves), .drawn = a.drawn};
}

int weft_exact_compare(weft_field *f, weft_exact_number a, weft_exact_number b)
{
    if (f->arithmetic)
        return f->arithmetic->compare(f, a, b);
    bool constants = weft__is_constant(a) && weft__is_constant(b);
    if (isinf(a.real) || isinf(b.real)) {
        double left = isinf(a.real) ? a.real : 0, right = isinf(b.real) ? b.real : 0;
        return (left > right) - (left < right);
    }
    if (a.value == b.value)
        return 0;
    if (constants && a.real != b.real)
        return a.real > b.real ? 1 : -1;
    f->signs += !constants;
    return is_positive(f, sum(f, a.value, negative(f, b.value))) ? 1 : -1;
}

bool weft_exact_equal(weft_field *f, weft_exact_number a, weft_exact_number b)
{
    if (f->arithmetic)
        return f->arithmetic->equal(f, a, b);
    return isinf(a.real) || isinf(b.real) ? a.real == b.real : a.value == b.value;
}

/* The order knows no "a > b > c, so a > c". The largest is the one that is above most others, and of several the one whose distances to the
 * others come first in a random order. So it is the same in any sequence of the elements, moves with them when the same is added to all, or all
 * are multiplied by a positive number and none is tied with another; it is the smallest of the negatives, and of two elements the larger. */
size_t weft_exact_largest(weft_field *f, size_t n, const weft_exact_number *x, size_t stride, int sign)
{
    if (f->arithmetic)
        return f->arithmetic->largest(f, n, x, stride, sign);
    size_t best = 0, best_wins = 0;
    uint64_t best_order = 0;
    for (size_t i = 0; i < n; i++) {
        size_t wins = 0;
        uint64_t order = 0;
        for (size_t k = 0; k < n; k++) {
            weft_exact_number a = x[i * stride], b = x[k * stride];
            wins += (sign < 0 ? weft_exact_compare(f, b, a) : weft_exact_compare(f, a, b)) >= 0;
            uint64_t state = f->key ^ sum(f, sign < 0 ? b.value : a.value, negative(f, sign < 0 ? a.value : b.value));
            order += weft__random(&state);
        }
        if (!i || wins > best_wins || (wins == best_wins && order > best_order)) {
            best = i;
            best_wins = wins;
            best_order = order;
        }
    }
    return best;
}

/* --- functions --- */

static weft_exact_number symbol(weft_field *f, const char *name, const weft_exact_number *x, int n)
{
    uint64_t state = f->key, drawn = 0;
    for (; *name; name++)
        state = weft__random(&state) ^ (uint64_t)(unsigned char)*name;
    for (int i = 0; i < n; i++) {
        finite_numbers(f, x[i], x[i]);
        state = weft__random(&state) ^ x[i].value;
        drawn |= x[i].drawn;
        f->argument = fmax(f->argument, x[i].degree + x[i].divisor);
    }
    f->symbols++;
    weft_exact_number y = weft__field_draw(f, &state);
    y.drawn = drawn;
    return y;
}

weft_exact_number weft_exact_symbol(weft_field *f, const char *name, weft_parity parity, const weft_exact_number *x, int n)
{
    if (f->arithmetic)
        return f->arithmetic->symbol(f, name, x, n);
    bool mirrored = parity != WEFT_NEITHER && x[0].value > f->p - x[0].value;
    weft_exact_number turned = mirrored ? minus(f, x[0]) : x[0], y = symbol(f, name, mirrored ? &turned : x, n);
    if (parity == WEFT_ODD && !x[0].value && !isinf(x[0].real))
        return weft_exact_whole(f, 0);
    return parity == WEFT_ODD && mirrored ? minus(f, y) : y;
}

weft_exact_number weft_exact_exp(weft_field *f, weft_exact_number a)
{
    if (f->arithmetic)
        return f->arithmetic->exp(f, a);
    if (isinf(a.real) && a.real < 0)
        return weft_exact_whole(f, 0);
    bool mirrored = a.value > f->p - a.value;
    weft_exact_number turned = mirrored ? minus(f, a) : a, y = symbol(f, "exp", &turned, 1);
    if (!a.value && !isinf(a.real))
        return weft_exact_whole(f, 1);
    y = weft_exact_mul(f, y, y);
    return mirrored ? reciprocal(f, y) : y;
}

weft_exact_number weft_exact_log(weft_field *f, weft_exact_number a)
{
    if (f->arithmetic)
        return f->arithmetic->log(f, a);
    return a.value == f->one && !isinf(a.real) ? weft_exact_whole(f, 0) : symbol(f, "log", &a, 1);
}

/* --- constants --- */

enum { MOST_DIVISOR = 1000000, MOST_NARROW = 1000 };

/* The first convergent of the continued fraction of a that is a, but for a few roundings such as folding of constants leaves: 0.1 + 0.2 is 3/10. */
static bool simplest(double a, double most, bool narrow, int64_t *above, int64_t *below)
{
    double x = a, n0 = 0, n1 = 1, d0 = 1, d1 = 0;
    for (int i = 0; i < 40; i++) {
        double whole = floor(x), n = whole * n1 + n0, d = whole * d1 + d0;
        if (!(n <= 0x1p53) || d > most)
            return false;
        if (narrow ? (float)(n / d) == (float)a : fabs(n / d - a) <= 0x1p-51 * a) {
            *above = (int64_t)n;
            *below = (int64_t)d;
            return true;
        }
        n0 = n1, n1 = n;
        d0 = d1, d1 = d;
        if (x == whole)
            return false;
        x = 1 / (x - whole);
    }
    return false;
}

weft_exact_number weft__field_constant(weft_field *f, double a, bool narrow)
{
    int64_t above = 0, below = 1;
    double size = fabs(a);
    if (a != a)
        weft_exact_refuse(f, "it is NaN");
    if (a != a || isinf(a))
        return (weft_exact_number){.value = a > 0 ? f->one : negative(f, f->one), .real = a};
    weft_exact_number y;
    bool rounded = narrow && (double)(float)a == a; /* else it is a wide constant of an f32 graph */
    if (simplest(size, MOST_DIVISOR, false, &above, &below) || (rounded && simplest(size, MOST_NARROW, true, &above, &below))) {
        y = weft_exact_whole(f, above);
        if (below != 1)
            y = weft_exact_div(f, y, weft_exact_whole(f, below));
    } else {
        int exponent;
        y = weft_exact_whole(f, (int64_t)ldexp(frexp(size, &exponent), 53));
        y = weft_exact_mul(f, y, weft_exact_power(f, weft_exact_whole(f, 2), 2 * (exponent - 53)));
    }
    y.real = size;
    return a < 0 ? minus(f, y) : y;
}

weft_exact_number weft_exact_double(weft_field *f, double a)
{
    if (f->arithmetic)
        return f->arithmetic->constant(f, a);
    return weft__field_constant(f, a, false);
}

weft_exact_number weft_exact_irrational(weft_field *f, double a, int n, int halves)
{
    return f->arithmetic ? f->arithmetic->irrational(f, n, halves) : weft__field_constant(f, a, false);
}

bool weft_exact_truncate(weft_field *f, weft_exact_number a, int64_t *n)
{
    if (f->arithmetic && f->arithmetic->truncate(f, a, n))
        return true;
    weft_exact_refuse(f, f->arithmetic ? "a number of it fits no i64" : "a cast to i64 truncates, which has no meaning in a field");
    return false;
}

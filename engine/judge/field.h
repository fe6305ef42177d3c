/* field.h: a prime field that stands for the real numbers, and the state of one point in it. The same calls may be those of another arithmetic: of real
 * numbers with many bits, see precise.h. */
#ifndef WEFT_JUDGE_FIELD_H
#define WEFT_JUDGE_FIELD_H

#include "engine/weft_op.h"

enum { WEFT__FIELDS = 10, WEFT__MOST_ROOTS = 64 };

/* What is called in place of the field's own functions of these names. */
typedef struct weft__arithmetic {
    weft_exact_number (*whole)(weft_field *f, int64_t n);
    weft_exact_number (*constant)(weft_field *f, double a);
    weft_exact_number (*add)(weft_field *f, weft_exact_number a, weft_exact_number b);
    weft_exact_number (*sub)(weft_field *f, weft_exact_number a, weft_exact_number b);
    weft_exact_number (*mul)(weft_field *f, weft_exact_number a, weft_exact_number b);
    weft_exact_number (*div)(weft_field *f, weft_exact_number a, weft_exact_number b);
    weft_exact_number (*power)(weft_field *f, weft_exact_number a, int halves);
    weft_exact_number (*irrational)(weft_field *f, int n, int halves);
    int (*compare)(weft_field *f, weft_exact_number a, weft_exact_number b);
    bool (*equal)(weft_field *f, weft_exact_number a, weft_exact_number b);
    size_t (*largest)(weft_field *f, size_t n, const weft_exact_number *x, size_t stride, int sign);
    bool (*truncate)(weft_field *f, weft_exact_number a, int64_t *n);
    weft_exact_number (*exp)(weft_field *f, weft_exact_number a);
    weft_exact_number (*log)(weft_field *f, weft_exact_number a);
    weft_exact_number (*symbol)(weft_field *f, const char *name, const weft_exact_number *x, int n);
    bool (*special)(weft_field *f, const weft_op *op, const weft_exact_number *x, int n, weft_exact_number *y); /* of an elementwise op: true where an
                                                                                            operand is not finite, and *y is what comes of it */
} weft__arithmetic;

struct weft__reals;

struct weft_field {
    const weft__arithmetic *arithmetic; /* NULL: the prime field */
    struct weft__reals *reals;          /* the state of that arithmetic */
    uint64_t p, half, minus_inverse, square; /* the prime; (p + 1)/4; -1/p and 2**128, modulo 2**64 and p: for products */
    uint64_t one;
    uint64_t key;        /* of this point's symbols */
    const char *again;   /* why another point must be drawn, or NULL */
    uint64_t at_fault;   /* then: the parts of what was drawn on which that depends */
    uint64_t settled;    /* those on which the roots found so far depend */
    const char *refused; /* why none will do, or NULL */
    uint64_t root[WEFT__MOST_ROOTS], root_drawn[WEFT__MOST_ROOTS]; /* the different operands of roots, up to so many, and on what they depend */
    size_t roots, signs, symbols;    /* how many of each this point has needed; signs: of what is no constant */
    double argument;     /* the largest degree of a symbol's operand */
};

void weft__field_start(weft_field *f, size_t which); /* one of WEFT__FIELDS, from 0 on */
void weft__field_point(weft_field *f, uint64_t key); /* forgets what the last point needed */
size_t weft__field_related(const weft_field *f, uint64_t drawn); /* roots that depend on these parts, or on parts that such roots depend on, ... */
uint64_t weft__field_prime(size_t which);
double weft__field_least(void); /* the smallest of the primes */

weft_exact_number weft__field_draw(const weft_field *f, uint64_t *state); /* drawn: left 0 */

/* A constant as the fraction that it is meant to be, as weft_prove() says; narrow: it is an f32. */
weft_exact_number weft__field_constant(weft_field *f, double a, bool narrow);

static inline bool weft__is_constant(weft_exact_number a)
{
    return a.real == a.real;
}

#endif

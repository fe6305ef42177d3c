/* field.h: a prime field that stands for the real numbers, and the state of one point in it. */
#ifndef WEFT_JUDGE_FIELD_H
#define WEFT_JUDGE_FIELD_H

#include "engine/weft_op.h"

enum { WEFT__FIELDS = 10, WEFT__MOST_ROOTS = 64 };

struct weft_field {
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

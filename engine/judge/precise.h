/* precise.h: real numbers of many bits as a second arithmetic for the exact forms of ops, and graphs that are evaluated with it.
 *
 *     precise.c        the numbers, by MPFR: it is part of the library where that was there when it was built
 *     precise_graph.c  a graph evaluated with them, its inputs changed
 *     precise_absent.c where MPFR was not there: says so */
#ifndef WEFT_JUDGE_PRECISE_H
#define WEFT_JUDGE_PRECISE_H

#include "engine/judge/exact.h"
#include "engine/record/arena.h"

enum { WEFT__FEW_BITS = 256, WEFT__MANY_BITS = 2304 }; /* the sum of any two doubles has at most 2098 bits */

/* Where numbers live, and what was found out about them. */
typedef struct weft__reals {
    weft__arena arena;
    int bits;
    bool final;      /* there will be no more bits: what cannot be told apart is equal, and what cannot be told from 0 is 0 */
    bool unsure;     /* a decision was taken between two that could not be told apart */
    bool no_memory;
    double work, most_work; /* in additions of few bits, some 50 ns each */
    void *spare;     /* a number for when memory is out */
} weft__reals;

/* --- precise.c --- */

/* Makes f an arithmetic of real numbers. False: out of memory. */
bool weft__reals_start(weft_field *f, weft__reals *r, const weft_allocator *allocator, double most_work);
void weft__reals_clear(weft__reals *r, int bits, bool final); /* forgets all numbers, and takes the next with so many bits */
void weft__reals_free(weft__reals *r);

/* MPFR's state of the thread: its exponents as wide as they go, and then as they were, its caches given back. */
typedef struct weft__reals_state {
    long least, most;
    unsigned flags;
} weft__reals_state;

weft__reals_state weft__reals_enter(void);
void weft__reals_leave(weft__reals_state state);

size_t weft__real_bytes(const weft__reals *r);                              /* of one number */
void weft__real_copy(weft_field *f, void *to, weft_exact_number *x);        /* x: the number, from then on at `to` */
double weft__real_double(weft_exact_number x);                              /* the nearest */
double weft__real_difference(weft_exact_number a, weft_exact_number b);     /* the nearest to a - b; 0 where they cannot be told apart, or are the same
                                                                               NaN or Inf. The two may be of different numbers of bits */
double weft__real_off(double value, weft_exact_number truth);               /* the same of value - truth */
bool weft__real_known(const weft__reals *r, weft_exact_number x);           /* to far more digits than f64 has */

/* --- precise_graph.c --- */

bool weft__precise_built_in(void);

typedef struct weft__precise {
    weft__exact_graph graph;
    weft__reals reals;
    weft_prove_options options; /* bind */
    bool made;
    weft_exact_array *kept;     /* (graph.needed.end) while inputs are changed: what the nodes were before; all zero for those that stayed */
    weft__arena_mark before;
} weft__precise;

enum { WEFT__MOST_PRECISE = 1 << 20 }; /* elements of all nodes together */

/* Evaluates outputs, none of which is an op with a twin: see weft__expand_fused(). Every input must be bound. many: with many bits at once. Not good: the message says why, and
 * the status is WEFT_ERROR_MEMORY, or WEFT_ERROR_ARGUMENT for what cannot be evaluated so. To be freed either way. */
weft_status weft__precise_run(weft__precise *p, const weft_node *outputs, size_t n, const weft_binding *bind, size_t n_bind, double most_work,
                              bool many, char *message);
void weft__precise_free(weft__precise *p);

weft_exact_number weft__precise_at(const weft__precise *p, weft_node x, size_t element);

/* Evaluates what depends on x once more, with other data, until weft__precise_back(). */
weft_status weft__precise_change(weft__precise *p, weft_node x, const double *data, char *message);
double weft__precise_moved(const weft__precise *p, weft_node y, size_t element); /* by so much, meanwhile */
void weft__precise_back(weft__precise *p);

#endif

/* prove.h: a tape with some inputs, for tests of weft_prove(). */
#ifndef WEFT_TESTS_PROVE_H
#define WEFT_TESTS_PROVE_H

#include "tests/suite.h"

enum { N = 3, D = 4 };

static weft_tape *t;
static weft_node x, w, v, s, mask, label; /* (N, D), (N, D), (D), (), (N, D), i64 (N) */

static inline void start(const weft_allocator *allocator, weft_dtype dtype)
{
    t = weft_tape_new(allocator);
    x = weft_input(t, "x", dtype, 2, (size_t[]){N, D});
    w = weft_input(t, "w", dtype, 2, (size_t[]){N, D});
    v = weft_parameter(t, "v", dtype, 1, (size_t[]){D});
    s = weft_input(t, "s", dtype, 0, NULL);
    mask = weft_input(t, "mask", dtype, 2, (size_t[]){N, D});
    label = weft_input(t, "label", WEFT_I64, 1, (size_t[]){N});
}

static inline void set_up(void)
{
    start(NULL, WEFT_F64);
}

static inline void tear_down(void)
{
    weft_tape_free(t);
}

static inline weft_node number(double a)
{
    return weft_scalar_like(x, a);
}

static inline weft_node times(double a, weft_node y)
{
    return weft_mul(number(a), y);
}

static inline weft_node power(weft_node a, double exponent)
{
    return weft_pow(a, number(exponent));
}

static inline weft_node total(weft_node a)
{
    return weft_sum(a, WEFT_ALL_AXES, false);
}

static inline weft_proof prove_one(weft_node a, weft_node b)
{
    weft_proof proof;
    uint32_t before = weft_tape_count(t);
    weft_status status = weft_prove(&a, &b, 1, NULL, &proof);
    ck_assert_msg(status == WEFT_OK, "%s", weft_tape_message(t));
    ck_assert_uint_eq(weft_tape_count(t), before);
    return proof;
}

typedef struct pair {
    weft_node a, b;
} pair;

#endif

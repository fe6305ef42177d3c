/* elementwise.c: from the lines of elementwise.def a table for random graphs, their judge and special values, and samples of each op on operands of
 * (3, 4). */
#include "tests/elementwise.h"
#include "tests/sample_table.h"

/* --- functions: the formula, its bound, the op on nodes, and a loop around the formula --- */

#define RULE(name) bounded_##name(r, a, b, c)
#define MONOTONE bounded_monotone(r, f, a)
#define STEEP(slope, roundings) bounded_steep(r, f, a, slope, roundings)

#define FORMULA(op, formula, error, record)                                                                                                \
    static long double exact_##op(long double a, long double b, long double c)                                                             \
    {                                                                                                                                      \
        (void)a, (void)b, (void)c;                                                                                                         \
        return formula;                                                                                                                    \
    }                                                                                                                                      \
    static bounded error_of_##op(const rounding *r, bounded a, bounded b, bounded c)                                                       \
    {                                                                                                                                      \
        const exact_function f = exact_##op;                                                                                               \
        (void)f, (void)b, (void)c;                                                                                                         \
        return error;                                                                                                                      \
    }                                                                                                                                      \
    static weft_node record_##op(const weft_node *x)                                                                                       \
    {                                                                                                                                      \
        return record;                                                                                                                     \
    }                                                                                                                                      \
    static void loop_##op(const weft_shape *shape, const double *const *x, double *y)                                                      \
    {                                                                                                                                      \
        for (size_t i = 0; i < weft_shape_count(shape); i++)                                                                               \
            y[i] = (double)exact_##op(x[0][i], x[1] ? x[1][i] : 0, x[2] ? x[2][i] : 0);                                                    \
    }

#define UNARY(op, formula, domain, error, weight) FORMULA(op, formula, error, weft_##op(x[0]))
#define STEPWISE(op, formula, domain, error, weight) FORMULA(op, formula, error, weft_##op(x[0]))
#define BINARY(op, formula, first, second, error, weight) FORMULA(op, formula, error, weft_##op(x[0], x[1]))
#define TERNARY(op, formula, first, second, third, error, weight)                                                                          \
    FORMULA(op, formula, error, weft_##op(x[0], x[1], x[2]))                                                                               \
    static weft_node move_##op(built *b, const move *m, const weft_node *x)                                                                \
    {                                                                                                                                      \
        (void)b, (void)m;                                                                                                                  \
        return record_##op(x);                                                                                                             \
    }
#define COMPARISON(op, formula, weight) FORMULA(op, formula, RULE(op), weft_##op(x[0], x[1]))
#define WITH_NUMBERS(op, arity, formula, domains, error, weight, call)                                                                     \
    extern const weft_op weft_op_##op;                                                                                                     \
    FORMULA(op, formula, error, weft_elementwise(&weft_op_##op, x, arity))                                                                 \
    static weft_node move_##op(weft_node x)                                                                                                \
    {                                                                                                                                      \
        return call;                                                                                                                       \
    }

#include "tests/elementwise.def"

#undef UNARY
#undef STEPWISE
#undef BINARY
#undef TERNARY
#undef COMPARISON
#undef WITH_NUMBERS

/* --- the table --- */

#define ENTRY(n, function, drawn, positive, compares, ...)                                                                                 \
    {#function, n, exact_##function, {.name = #function, __VA_ARGS__}, drawn, positive, compares, error_of_##function},
#define UNARY(function, formula, domain, error, weight) ENTRY(1, function, weight, domain == POSITIVE, false, .arity = 1, .one = weft_##function)
#define STEPWISE(function, formula, domain, error, weight) UNARY(function, formula, domain, error, weight)
#define BINARY(function, formula, first, second, error, weight) ENTRY(2, function, weight, false, false, .arity = 2, .two = weft_##function)
#define TERNARY(function, formula, first, second, third, error, weight)                                                                    \
    ENTRY(3, function, weight, false, false, .arity = 3, .other = move_##function)
#define COMPARISON(function, formula, weight) ENTRY(2, function, weight, false, true, .arity = 2, .two = weft_##function)
#define WITH_NUMBERS(function, n, formula, domains, error, weight, call)                                                                   \
    ENTRY(n, function, weight, false, false, .arity = 1, .one = move_##function)

static const elementwise table[] = {
#include "tests/elementwise.def"
};

#undef UNARY
#undef STEPWISE
#undef BINARY
#undef TERNARY
#undef COMPARISON
#undef WITH_NUMBERS

const elementwise *elementwise_at(size_t i)
{
    return i < sizeof table / sizeof *table ? &table[i] : NULL;
}

/* --- samples --- */

#define SHAPE {2, {3, 4}}
#define DOMAINS(...) __VA_ARGS__
#define SAMPLE(op, n, flat, ...) {#op, record_##op, loop_##op, n, {SHAPE, SHAPE, SHAPE}, {__VA_ARGS__}, flat},
#define UNARY(op, formula, domain, error, weight) SAMPLE(op, 1, false, domain)
#define STEPWISE(op, formula, domain, error, weight) SAMPLE(op, 1, true, domain)
#define BINARY(op, formula, first, second, error, weight) SAMPLE(op, 2, false, first, second)
#define TERNARY(op, formula, first, second, third, error, weight) SAMPLE(op, 3, false, first, second, third)
#define COMPARISON(op, formula, weight) SAMPLE(op, 2, true, DISTINCT, AWAY)
#define WITH_NUMBERS(op, arity, formula, domains, error, weight, call) SAMPLE(op, arity, false, domains)

static const sample rows[] = {
#include "tests/elementwise.def"
};

SAMPLE_TABLE(samples_of_each);

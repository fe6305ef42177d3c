/* samples_reduction.c: what folds axes away. */
#include "tests/sample_table.h"

#include <math.h>

enum { SUM, MAX, MIN, PROD };

/* NaN where one is, as NumPy has it, where fmax() would pass it over. */
static double merge(int kind, double a, double b)
{
    if (kind == SUM || kind == PROD)
        return kind == SUM ? a + b : a * b;
    return isnan(a) || isnan(b) ? NAN : kind == MAX ? fmax(a, b) : fmin(a, b);
}

/* Where element e lies in an array without the axes; *first: it is at index 0 of all of them. */
static size_t without_axes(const weft_shape *shape, size_t e, unsigned axes, bool *first)
{
    size_t place = 0, inner = 1;
    *first = true;
    for (int a = shape->rank - 1; a >= 0; e /= shape->dim[a--]) {
        size_t at = e % shape->dim[a];
        if (axes >> a & 1) {
            *first &= at == 0;
        } else {
            place += at * inner;
            inner *= shape->dim[a];
        }
    }
    return place;
}

static void fold(const weft_shape *shape, const double *x, double *y, unsigned axes, int kind)
{
    static const double nothing[] = {0, -INFINITY, INFINITY, 1};
    size_t kept = 1;
    bool first;
    for (int a = 0; a < shape->rank; a++)
        kept *= axes >> a & 1 ? 1 : shape->dim[a];
    for (size_t k = 0; k < kept; k++)
        y[k] = nothing[kind];
    for (size_t e = 0; e < weft_shape_count(shape); e++) {
        size_t at = without_axes(shape, e, axes, &first);
        y[at] = merge(kind, y[at], x[e]);
    }
}

#define FOLD(name, builder, axes, kind)                                                                                                    \
    static weft_node build_##name(const weft_node *x)                                                                                      \
    {                                                                                                                                      \
        return builder;                                                                                                                    \
    }                                                                                                                                      \
    static void naive_##name(const weft_shape *shape, const double *const *x, double *y)                                                   \
    {                                                                                                                                      \
        fold(shape, x[0], y, axes, kind);                                                                                                  \
    }
FOLD(sum_all, weft_sum(x[0], WEFT_ALL_AXES, false), 7, SUM)
FOLD(sum_0, weft_sum(x[0], WEFT_AXIS(0), false), 1, SUM)
FOLD(sum_1, weft_sum(x[0], WEFT_AXIS(1), true), 2, SUM)
FOLD(sum_2, weft_sum(x[0], WEFT_AXIS(2), false), 4, SUM)
FOLD(sum_0_2, weft_sum(x[0], WEFT_AXIS(0) | WEFT_AXIS(2), false), 5, SUM)
FOLD(sum_none, weft_sum(x[0], 0, false), 0, SUM)
FOLD(max_all, weft_max(x[0], WEFT_ALL_AXES, false), 7, MAX)
FOLD(max_0, weft_max(x[0], WEFT_AXIS(0), true), 1, MAX)
FOLD(max_1, weft_max(x[0], WEFT_AXIS(1), false), 2, MAX)
FOLD(max_0_2, weft_max(x[0], WEFT_AXIS(0) | WEFT_AXIS(2), true), 5, MAX)
FOLD(min_all, weft_min(x[0], WEFT_ALL_AXES, false), 7, MIN)
FOLD(min_0, weft_min(x[0], WEFT_AXIS(0), true), 1, MIN)
FOLD(min_1, weft_min(x[0], WEFT_AXIS(1), false), 2, MIN)
FOLD(min_0_2, weft_min(x[0], WEFT_AXIS(0) | WEFT_AXIS(2), true), 5, MIN)
FOLD(prod_all, weft_prod(x[0], WEFT_ALL_AXES, false), 7, PROD)
FOLD(prod_0, weft_prod(x[0], WEFT_AXIS(0), false), 1, PROD)
FOLD(prod_1, weft_prod(x[0], WEFT_AXIS(1), true), 2, PROD)
FOLD(prod_0_2, weft_prod(x[0], WEFT_AXIS(0) | WEFT_AXIS(2), false), 5, PROD)
FOLD(prod_none, weft_prod(x[0], 0, false), 0, PROD)

static void take_first(const weft_shape *shape, const double *x, double *y, unsigned axes)
{
    for (size_t e = 0; e < weft_shape_count(shape); e++) {
        bool first;
        size_t at = without_axes(shape, e, axes, &first);
        if (first)
            y[at] = x[e];
    }
}

#define FIRST(name, builder, axes)                                                                                                         \
    static weft_node build_##name(const weft_node *x)                                                                                      \
    {                                                                                                                                      \
        return builder;                                                                                                                    \
    }                                                                                                                                      \
    static void naive_##name(const weft_shape *shape, const double *const *x, double *y)                                                   \
    {                                                                                                                                      \
        take_first(shape, x[0], y, axes);                                                                                                  \
    }
FIRST(first_0, weft_first(x[0], WEFT_AXIS(0), false), 1)
FIRST(first_1, weft_first(x[0], WEFT_AXIS(1), true), 2)
FIRST(first_0_2, weft_first(x[0], WEFT_AXIS(0) | WEFT_AXIS(2), false), 5)
FIRST(first_none, weft_first(x[0], 0, false), 0)

#define SHAPED(op, name, domain, rank, ...) {op, build_##name, naive_##name, 1, {{rank, {__VA_ARGS__}}}, {domain}, false}
#define EIGHT(op, name, domain) SHAPED(op, name, domain, 8, 3, 1, 2, 1, 2, 1, 1, 2)

static const sample rows[] = {
    CUBE("sum", sum_all, NORMAL, 2, 3, 4),
    CUBE("sum", sum_0, NORMAL, 5, 3, 4),
    CUBE("sum", sum_0, NORMAL, 150, 1, 1),
    CUBE("sum", sum_1, NORMAL, 2, 3, 4),
    CUBE("sum", sum_2, NORMAL, 2, 3, 4),
    CUBE("sum", sum_0_2, NORMAL, 2, 3, 4),
    CUBE("sum", sum_none, NORMAL, 2, 3, 4),
    CUBE("sum", sum_1, NORMAL, 1, 1, 1),
    CUBE("max", max_all, DISTINCT, 2, 3, 4),
    CUBE("max", max_0, DISTINCT, 5, 3, 4),
    CUBE("max", max_1, DISTINCT, 2, 3, 4),
    CUBE("max", max_0_2, DISTINCT, 2, 3, 4),
    CUBE("min", min_all, DISTINCT, 2, 3, 4),
    CUBE("min", min_0, DISTINCT, 5, 3, 4),
    CUBE("min", min_1, DISTINCT, 2, 3, 4),
    CUBE("min", min_0_2, DISTINCT, 2, 3, 4),
    CUBE("prod", prod_all, AWAY, 2, 3, 4),
    CUBE("prod", prod_0, NORMAL, 5, 3, 4),
    CUBE("prod", prod_0, POSITIVE, 150, 1, 1),
    CUBE("prod", prod_1, NORMAL, 2, 3, 4),
    CUBE("prod", prod_1, NORMAL, 3, 1, 2),
    CUBE("prod", prod_1, NORMAL, 2, 2, 2),
    CUBE("prod", prod_0_2, NORMAL, 2, 3, 4),
    CUBE("prod", prod_none, NORMAL, 2, 3, 4),
    CUBE("first", first_0, NORMAL, 5, 3, 4),
    CUBE("first", first_1, NORMAL, 2, 3, 4),
    CUBE("first", first_0_2, NORMAL, 3, 2, 3),
    CUBE("first", first_none, NORMAL, 2, 3, 4),
    SHAPED("sum", sum_all, NORMAL, 0, 0),
    SHAPED("max", max_all, NORMAL, 0, 0),
    SHAPED("min", min_all, NORMAL, 0, 0),
    SHAPED("prod", prod_all, NORMAL, 0, 0),
    SHAPED("first", first_none, NORMAL, 0, 0),
    SHAPED("sum", sum_0, NORMAL, 1, 12),
    SHAPED("max", max_all, DISTINCT, 1, 12),
    SHAPED("min", min_all, DISTINCT, 1, 12),
    SHAPED("prod", prod_0, NORMAL, 1, 12),
    EIGHT("sum", sum_0_2, NORMAL),
    EIGHT("max", max_0_2, DISTINCT),
    EIGHT("min", min_0_2, DISTINCT),
    EIGHT("prod", prod_0_2, NORMAL),
    EIGHT("first", first_0_2, NORMAL),
    SHAPED("sum", sum_0, NORMAL, 2, 0, 3),
    SHAPED("sum", sum_1, NORMAL, 3, 0, 2, 3),
    SHAPED("max", max_1, NORMAL, 3, 0, 2, 3),
    SHAPED("min", min_1, NORMAL, 3, 0, 2, 3),
    SHAPED("prod", prod_0, NORMAL, 2, 0, 3),
    SHAPED("first", first_1, NORMAL, 3, 0, 2, 3),
};

SAMPLE_TABLE(samples_reduction);

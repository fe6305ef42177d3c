/* samples_reduction.c: what folds axes away. */
#include "tests/sample_table.h"

#include <math.h>
#include <string.h>

/* Over the axes of (I, J, K). */

enum { SUM, MAX, MIN, PROD };

static double merge(int kind, double a, double b)
{
    return kind == SUM ? a + b : kind == MAX ? fmax(a, b) : kind == MIN ? fmin(a, b) : a * b;
}

static void fold(const weft_shape *shape, const double *x, double *y, unsigned axes, int kind)
{
    static const double nothing[] = {0, -INFINITY, INFINITY, 1};
    size_t n[3] = {1, 1, 1};
    memcpy(n, shape->dim, (size_t)shape->rank * sizeof *n);
    size_t kept = 1;
    for (int a = 0; a < 3; a++)
        kept *= axes >> a & 1 ? 1 : n[a];
    for (size_t k = 0; k < kept; k++)
        y[k] = nothing[kind];
    for (size_t i = 0; i < n[0]; i++)
        for (size_t j = 0; j < n[1]; j++)
            for (size_t k = 0; k < n[2]; k++) {
                size_t at = 0;
                at = axes & 1 ? at : i;
                at = axes & 2 ? at : at * n[1] + j;
                at = axes & 4 ? at : at * n[2] + k;
                double v = x[(i * n[1] + j) * n[2] + k];
                y[at] = merge(kind, y[at], v);
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
    const size_t *n = shape[0].dim;
    for (size_t i = 0, at = 0; i < (axes & 1 ? 1 : n[0]); i++)
        for (size_t j = 0; j < (axes & 2 ? 1 : n[1]); j++)
            for (size_t k = 0; k < (axes & 4 ? 1 : n[2]); k++)
                y[at++] = x[(i * n[1] + j) * n[2] + k];
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
};

SAMPLE_TABLE(samples_reduction);

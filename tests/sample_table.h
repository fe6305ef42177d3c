/* sample_table.h: how the tables of samples are written. Each is a file of its own; samples.c lists them. */
#ifndef WEFT_TESTS_SAMPLE_TABLE_H
#define WEFT_TESTS_SAMPLE_TABLE_H

#include "tests/samples.h"

typedef struct sample_table {
    const sample *rows;
    size_t count;
} sample_table;

#define SAMPLE_TABLE(name) const sample_table name = {rows, sizeof rows / sizeof *rows}

/* The builder of an elementwise op, and a loop around its formula in a, b, c. */
#define EACH(name, builder, expression)                                                                                                    \
    static weft_node build_##name(const weft_node *x)                                                                                      \
    {                                                                                                                                      \
        return builder;                                                                                                                    \
    }                                                                                                                                      \
    static void naive_##name(const weft_shape *shape, const double *const *x, double *y)                                                   \
    {                                                                                                                                      \
        for (size_t i = 0; i < weft_shape_count(shape); i++) {                                                                             \
            double a = x[0][i], b = x[1] ? x[1][i] : 0, c = x[2] ? x[2][i] : 0;                                                            \
            (void)a, (void)b, (void)c;                                                                                                            \
            y[i] = (expression);                                                                                                           \
        }                                                                                                                                  \
    }

/* Rows of a table: an op of one or two operands of (3, 4), one of (i, j, k). */
#define ONE(op, name, domain)                                                                                                              \
    {                                                                                                                                      \
        op, build_##name, naive_##name, 1, {{2, {3, 4}}}, {domain}, false                                                                  \
    }
#define TWO(op, name, first, second)                                                                                                       \
    {                                                                                                                                      \
        op, build_##name, naive_##name, 2, {{2, {3, 4}}, {2, {3, 4}}}, {first, second}, false                                              \
    }
#define CUBE(op, name, domain, i, j, k)                                                                                                    \
    {                                                                                                                                      \
        op, build_##name, naive_##name, 1, {{3, {i, j, k}}}, {domain}, false                                                               \
    }

#endif

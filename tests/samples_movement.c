/* samples_movement.c: what moves elements, and linear algebra. */
#include "tests/sample_table.h"

#include <string.h>

static weft_node build_broadcast(const weft_node *x)
{
    return weft_broadcast(x[0], 3, (size_t[]){4, 2, 3}); /* from (2, 1) */
}

static void naive_broadcast(const weft_shape *shape, const double *const *x, double *y)
{
    (void)shape;
    for (size_t i = 0; i < 24; i++)
        y[i] = x[0][i / 3 % 2];
}

static weft_node build_reshape(const weft_node *x)
{
    return weft_reshape(x[0], 3, (size_t[]){3, 1, 4}); /* from (2, 6) */
}

static void naive_copy(const weft_shape *shape, const double *const *x, double *y)
{
    memcpy(y, x[0], weft_shape_count(shape) * sizeof *y);
}

static weft_node build_transpose(const weft_node *x)
{
    return weft_transpose(x[0], (int[]){2, 0, 1}); /* from (2, 3, 4) */
}

static void naive_transpose(const weft_shape *shape, const double *const *x, double *y)
{
    (void)shape;
    for (size_t k = 0; k < 4; k++)
        for (size_t i = 0; i < 2; i++)
            for (size_t j = 0; j < 3; j++)
                *y++ = x[0][(i * 3 + j) * 4 + k];
}

static weft_node build_matmul(const weft_node *x)
{
    return weft_matmul(x[0], x[1]);
}

static void naive_matmul(const weft_shape *shape, const double *const *x, double *y)
{
    size_t m = shape[0].dim[0], k = shape[0].dim[1], n = shape[1].dim[1];
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            y[i * n + j] = 0;
            for (size_t l = 0; l < k; l++)
                y[i * n + j] += x[0][i * k + l] * x[1][l * n + j];
        }
}

static weft_node build_gather(const weft_node *x)
{
    return weft_gather(x[0], x[1]);
}

static void naive_gather(const weft_shape *shape, const double *const *x, double *y)
{
    for (size_t m = 0; m < shape[1].dim[0]; m++)
        memcpy(y + 2 * m, x[0] + 2 * (size_t)x[1][m], 2 * sizeof *y); /* rows of 2 */
}

static weft_node build_scatter_add(const weft_node *x)
{
    return weft_scatter_add(x[0], x[1], 3);
}

static void naive_scatter_add(const weft_shape *shape, const double *const *x, double *y)
{
    memset(y, 0, 6 * sizeof *y);
    for (size_t m = 0; m < shape[1].dim[0]; m++)
        for (size_t k = 0; k < 2; k++)
            y[2 * (size_t)x[1][m] + k] += x[0][2 * m + k];
}

static const sample rows[] = {
    {"broadcast", build_broadcast, naive_broadcast, 1, {{2, {2, 1}}}, {NORMAL}, false},
    {"reshape", build_reshape, naive_copy, 1, {{2, {2, 6}}}, {NORMAL}, false},
    CUBE("transpose", transpose, NORMAL, 2, 3, 4),
    {"matmul", build_matmul, naive_matmul, 2, {{2, {3, 4}}, {2, {4, 5}}}, {NORMAL, NORMAL}, false},
    {"matmul", build_matmul, naive_matmul, 2, {{2, {1, 4}}, {2, {4, 1}}}, {NORMAL, NORMAL}, false},
    {"matmul", build_matmul, naive_matmul, 2, {{2, {3, 1}}, {2, {1, 2}}}, {NORMAL, NORMAL}, false},
    {"gather", build_gather, naive_gather, 2, {{2, {3, 2}}, {1, {5}}}, {NORMAL, INDEX}, false},
    {"scatter_add", build_scatter_add, naive_scatter_add, 2, {{2, {5, 2}}, {1, {5}}}, {NORMAL, INDEX}, false},
};

SAMPLE_TABLE(samples_movement);

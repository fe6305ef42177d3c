/* samples_noise.c: noise, times an operand that it has a derivative by. Seed and step come as indices, 0 to 2. */
#include "tests/plain_noise.h"
#include "tests/sample_table.h"

enum { STREAM = 7 };

static weft_node build_uniform(const weft_node *x)
{
    weft_shape shape = weft_node_shape(x[0]);
    return weft_mul(x[0], weft_uniform(x[1], x[2], STREAM, weft_node_dtype(x[0]), shape.rank, shape.dim));
}

static void naive_uniform(const weft_shape *shape, const double *const *x, double *y)
{
    for (size_t i = 0; i < weft_shape_count(shape); i++)
        y[i] = x[0][i] * (double)plain_uniform((int64_t)*x[1], (uint64_t)*x[2], STREAM, i, false);
}

static weft_node build_normal(const weft_node *x)
{
    weft_shape shape = weft_node_shape(x[0]);
    return weft_mul(x[0], weft_normal(x[1], x[2], STREAM, weft_node_dtype(x[0]), shape.rank, shape.dim));
}

static void naive_normal(const weft_shape *shape, const double *const *x, double *y)
{
    for (size_t i = 0; i < weft_shape_count(shape); i++)
        y[i] = x[0][i] * (double)plain_normal((int64_t)*x[1], (uint64_t)*x[2], STREAM, i);
}

static weft_node build_dropout(const weft_node *x)
{
    return weft_dropout(x[0], 0.375, x[1], x[2], STREAM);
}

static void naive_dropout(const weft_shape *shape, const double *const *x, double *y)
{
    for (size_t i = 0; i < weft_shape_count(shape); i++)
        y[i] = x[0][i] * (plain_uniform((int64_t)*x[1], (uint64_t)*x[2], STREAM, i, false) >= 0.375L) / 0.625;
}

#define NOISE(name, rank, ...)                                                                                                             \
    {                                                                                                                                      \
        #name, build_##name, naive_##name, 3, {{rank, {__VA_ARGS__}}, {1, {1}}, {1, {1}}}, {NORMAL, INDEX, INDEX}, false                   \
    }

static const sample rows[] = {
    NOISE(uniform, 2, 5, 7),
    NOISE(uniform, 1, 1),
    NOISE(normal, 2, 5, 7),
    NOISE(normal, 3, 2, 3, 40),
    NOISE(dropout, 2, 5, 7),
    NOISE(uniform, 0, 0),
    NOISE(uniform, 8, 2, 1, 3, 1, 2, 1, 1, 2),
    NOISE(uniform, 2, 0, 3),
    NOISE(normal, 0, 0),
    NOISE(normal, 8, 2, 1, 3, 1, 2, 1, 1, 2),
    NOISE(normal, 2, 0, 3),
};

SAMPLE_TABLE(samples_noise);

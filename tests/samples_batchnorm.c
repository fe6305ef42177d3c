/* samples_batchnorm.c: batch normalization, staged and fused, from the formulas. */
#include "tests/sample_table.h"

#include <math.h>

/* h (N, C, ...) as (N, C, L): element i of the N*L of channel j. */
static size_t in_channel(const weft_shape *h, size_t j, size_t i)
{
    size_t length = 1;
    for (int k = 2; k < h->rank; k++)
        length *= h->dim[k];
    return (i / length * h->dim[1] + j) * length + i % length;
}

static void moments(const weft_shape *h, const double *x, size_t j, double *mean, double *rstd)
{
    size_t n = weft_shape_count(h) / h->dim[1];
    double square = 0;
    *mean = 0;
    for (size_t i = 0; i < n; i++)
        *mean += x[in_channel(h, j, i)] / (double)n;
    for (size_t i = 0; i < n; i++)
        square += pow(x[in_channel(h, j, i)] - *mean, 2) / (double)n;
    *rstd = 1 / sqrt(square + 1e-5);
}

static weft_node build_batchnorm(const weft_node *x)
{
    return weft_batchnorm(x[0], x[1], x[2], 1e-5);
}

static void naive_batchnorm(const weft_shape *shape, const double *const *x, double *y)
{
    for (size_t j = 0; weft_shape_count(shape) && j < shape->dim[1]; j++) {
        double mean, rstd;
        moments(shape, x[0], j, &mean, &rstd);
        for (size_t i = 0; i < weft_shape_count(shape) / shape->dim[1]; i++) {
            size_t at = in_channel(shape, j, i);
            y[at] = x[1][j] * (x[0][at] - mean) * rstd + x[2][j];
        }
    }
}

static weft_node build_fused_batchnorm(const weft_node *x)
{
    return weft_fused_batchnorm(x[0], x[1], x[2], 1e-5);
}

static void naive_fused_batchnorm(const weft_shape *shape, const double *const *x, double *y)
{
    naive_batchnorm(shape, x, y);
}

static weft_node build_fused_batchnorm_relu(const weft_node *x)
{
    return weft_fused_batchnorm_relu(x[0], x[1], x[2], 1e-5);
}

static void naive_fused_batchnorm_relu(const weft_shape *shape, const double *const *x, double *y)
{
    naive_batchnorm(shape, x, y);
    for (size_t i = 0; i < weft_shape_count(shape); i++)
        y[i] = y[i] < 0 ? 0 : y[i];
}

/* dy, h, gamma -> dh; mean and rstd are those of h, so that the hand-derived formula holds. */
static weft_node build_fused_batchnorm_backward(const weft_node *x)
{
    weft_node y = weft_fused_batchnorm(x[1], x[2], x[2], 1e-5), dh;
    weft_vjp(&y, &x[0], 1, &x[1], 1, &dh);
    return dh;
}

static weft_node build_fused_batchnorm_relu_backward(const weft_node *x)
{
    weft_node y = weft_fused_batchnorm_relu(x[1], x[2], x[2], 1e-5), dh;
    weft_vjp(&y, &x[0], 1, &x[1], 1, &dh);
    return dh;
}

/* The chain rule step by step, through sigma2 and mu, as Kratzert's graph has it; not the closed form. beta is gamma. */
static void chain_of_batchnorm(const weft_shape *shape, const double *const *x, bool relu, double *y)
{
    const weft_shape *h = &shape[1];
    size_t n = h->dim[1] ? weft_shape_count(h) / h->dim[1] : 0;
    for (size_t j = 0; n && j < h->dim[1]; j++) {
        double mean, rstd, drstd = 0, dmean = 0;
        moments(h, x[1], j, &mean, &rstd);
        for (size_t i = 0; i < n; i++) {
            size_t at = in_channel(h, j, i);
            bool passes = !relu || x[2][j] * (x[1][at] - mean) * rstd + x[2][j] > 0;
            double dhat = passes * x[0][at] * x[2][j];
            drstd += dhat * (x[1][at] - mean);
            dmean -= dhat * rstd;
            y[at] = dhat * rstd;
        }
        double dvariance = -0.5 * drstd * rstd * rstd * rstd;
        for (size_t i = 0; i < n; i++) {
            size_t at = in_channel(h, j, i);
            y[at] += 2 * (x[1][at] - mean) * dvariance / (double)n + dmean / (double)n;
        }
    }
}

static void naive_fused_batchnorm_backward(const weft_shape *shape, const double *const *x, double *y)
{
    chain_of_batchnorm(shape, x, false, y);
}

static void naive_fused_batchnorm_relu_backward(const weft_shape *shape, const double *const *x, double *y)
{
    chain_of_batchnorm(shape, x, true, y);
}

#define FORWARD(name, c, rank, ...)                                                                                                        \
    {                                                                                                                                      \
        #name, build_##name, naive_##name, 3, {{rank, {__VA_ARGS__}}, {1, {c}}, {1, {c}}}, {NORMAL, NORMAL, NORMAL}, false                 \
    }
#define BACKWARD(name, c, rank, ...)                                                                                                       \
    {                                                                                                                                      \
        #name, build_##name, naive_##name, 3, {{rank, {__VA_ARGS__}}, {rank, {__VA_ARGS__}}, {1, {c}}}, {NORMAL, NORMAL, NORMAL}, false    \
    }
#define BATCH(c, rank, ...) /* h of that shape, with c channels */                                                                         \
    FORWARD(fused_batchnorm, c, rank, __VA_ARGS__), BACKWARD(fused_batchnorm_backward, c, rank, __VA_ARGS__),                              \
        FORWARD(fused_batchnorm_relu, c, rank, __VA_ARGS__), BACKWARD(fused_batchnorm_relu_backward, c, rank, __VA_ARGS__)

static const sample rows[] = {
    BATCH(3, 2, 4, 3),
    BATCH(1, 2, 2, 1),
    BATCH(5, 2, 7, 5),
    BATCH(2, 3, 3, 2, 5),
    BATCH(3, 3, 4, 3, 1),
    BATCH(3, 4, 2, 3, 2, 3),
    BATCH(3, 8, 2, 3, 1, 2, 1, 1, 2, 1),
    BATCH(3, 2, 0, 3),
    BATCH(0, 2, 4, 0),
    BATCH(3, 3, 2, 3, 0),
    FORWARD(batchnorm, 3, 2, 4, 3),
    FORWARD(batchnorm, 2, 3, 3, 2, 5),
    FORWARD(batchnorm, 3, 4, 2, 3, 2, 3),
};

SAMPLE_TABLE(samples_batchnorm);

/* samples_batchnorm_modes.c: batch normalization in all its modes, from the formulas: channels along any axis, gamma and beta or not, statistics of
 * the batch or given ones. Operands: h, gamma, beta, mean, variance, as many as there are. */
#include "tests/sample_table.h"

#include <math.h>

static const weft_node none = {.tape = NULL};

/* y of element e is gamma (h - mean) (variance + eps)**(-1/2) + beta of its channel, e / inner % channels. given: mean and variance are. */
static void normalise(const weft_shape *h, int axis, const double *x, const double *gamma, const double *beta, const double *mean,
                      const double *variance, double *y)
{
    size_t channels = h->dim[axis], count = weft_shape_count(h), inner = 1;
    for (int i = axis + 1; i < h->rank; i++)
        inner *= h->dim[i];
    for (size_t c = 0; c < channels; c++) {
        double n = (double)(count / channels), mu = 0, sigma2 = 0;
        for (size_t e = 0; e < count; e++)
            mu += e / inner % channels == c ? x[e] / n : 0;
        for (size_t e = 0; e < count; e++)
            sigma2 += e / inner % channels == c ? (x[e] - mu) * (x[e] - mu) / n : 0;
        mu = mean ? mean[c] : mu;
        sigma2 = variance ? variance[c] : sigma2;
        for (size_t e = 0; e < count; e++)
            if (e / inner % channels == c)
                y[e] = (gamma ? gamma[c] : 1) * (x[e] - mu) / sqrt(sigma2 + 1e-3) + (beta ? beta[c] : 0);
    }
}

#define MODE(name, at, naive_at, g, b, mu, sigma2, ...)                                                                                    \
    static weft_node build_##name(const weft_node *x)                                                                                      \
    {                                                                                                                                      \
        return weft_batchnorm_with(x[0], &(weft_batchnorm_options){.axis = at, .eps = 1e-3, __VA_ARGS__}, NULL, NULL);                     \
    }                                                                                                                                      \
    static void naive_##name(const weft_shape *shape, const double *const *x, double *y)                                                   \
    {                                                                                                                                      \
        normalise(shape, naive_at, x[0], g, b, mu, sigma2, y);                                                                             \
    }
MODE(training, 1, 1, x[1], x[2], NULL, NULL, .gamma = x[1], .beta = x[2])
MODE(channels_last, -1, shape->rank - 1, x[1], x[2], NULL, NULL, .gamma = x[1], .beta = x[2])
MODE(channels_first, 0, 0, x[1], NULL, NULL, NULL, .gamma = x[1], .beta = none)
MODE(channels_inside, 2, 2, NULL, x[1], NULL, NULL, .beta = x[1])
MODE(plain, 1, 1, NULL, NULL, NULL, NULL, .gamma = none)
MODE(evaluation, 1, 1, x[1], x[2], x[3], x[4], .mode = WEFT_BATCHNORM_EVALUATION, .gamma = x[1], .beta = x[2], .running_mean = x[3], .running_variance = x[4])
MODE(evaluation_last, -1, shape->rank - 1, NULL, NULL, x[1], x[2], .mode = WEFT_BATCHNORM_EVALUATION, .running_mean = x[1], .running_variance = x[2])
MODE(frozen, 1, 1, NULL, NULL, x[1], x[2], .mode = WEFT_BATCHNORM_FROZEN, .running_mean = x[1], .running_variance = x[2])

/* x @ w + b, then evaluation: as one affine. Operands: w, b, gamma, beta, mean, variance; x is (2, D) with numbers of its own. */
static const double rows_of_x[2][3] = {{0.5, -1, 2}, {1.5, 0.25, -0.75}};

static weft_node build_fold(const weft_node *x)
{
    const float narrow[2][3] = {{0.5f, -1, 2}, {1.5f, 0.25f, -0.75f}};
    bool wide = weft_node_dtype(x[0]) == WEFT_F64;
    weft_node folded[2], rows = weft_constant(x[0].tape, weft_node_dtype(x[0]), 2, (const size_t[]){2, 3}, wide ? (const void *)rows_of_x : (const void *)narrow);
    const weft_batchnorm_options o = {.eps = 1e-3, .gamma = x[2], .beta = x[3], .running_mean = x[4], .running_variance = x[5]};
    weft_batchnorm_fold(x[0], x[1], &o, folded);
    return weft_affine(rows, folded[0], folded[1]);
}

static void naive_fold(const weft_shape *shape, const double *const *x, double *y)
{
    size_t channels = shape->dim[1];
    double h[2 * 4];
    for (size_t i = 0; i < 2; i++)
        for (size_t c = 0; c < channels; c++) {
            h[i * channels + c] = x[1][c];
            for (size_t d = 0; d < 3; d++)
                h[i * channels + c] += rows_of_x[i][d] * x[0][d * channels + c];
        }
    normalise(&(weft_shape){2, {2, channels}}, 1, h, x[2], x[3], x[4], x[5], y);
}

#define SHAPED(rank, ...) {rank, {__VA_ARGS__}}
#define THREE(name, c, ...) {"batchnorm_with", build_##name, naive_##name, 3, {__VA_ARGS__, {1, {c}}, {1, {c}}}, {NORMAL, NORMAL, NORMAL}, false}
#define TWO_OF(name, c, ...) {"batchnorm_with", build_##name, naive_##name, 2, {__VA_ARGS__, {1, {c}}}, {NORMAL, NORMAL}, false}
#define GIVEN(name, c, ...) {"batchnorm_with", build_##name, naive_##name, 3, {__VA_ARGS__, {1, {c}}, {1, {c}}}, {NORMAL, NORMAL, POSITIVE}, false}
#define ALL_FIVE(c, ...)                                                                                                                   \
    {                                                                                                                                      \
        "batchnorm_with", build_evaluation, naive_evaluation, 5, {__VA_ARGS__, {1, {c}}, {1, {c}}, {1, {c}}, {1, {c}}},                    \
            {NORMAL, NORMAL, NORMAL, NORMAL, POSITIVE}, false                                                                              \
    }

static const sample rows[] = {
    THREE(training, 3, SHAPED(2, 5, 3)),
    THREE(training, 2, SHAPED(3, 3, 2, 4)),
    THREE(training, 3, SHAPED(4, 2, 3, 2, 3)),
    THREE(training, 2, SHAPED(5, 2, 2, 2, 1, 3)),
    THREE(channels_last, 3, SHAPED(2, 5, 3)),
    THREE(channels_last, 3, SHAPED(4, 2, 2, 3, 3)),
    TWO_OF(channels_first, 3, SHAPED(2, 3, 5)),
    TWO_OF(channels_inside, 3, SHAPED(5, 2, 2, 3, 1, 2)),
    {"batchnorm_with", build_plain, naive_plain, 1, {{3, {2, 3, 4}}}, {NORMAL}, false},
    ALL_FIVE(3, SHAPED(2, 4, 3)),
    ALL_FIVE(2, SHAPED(4, 2, 2, 3, 2)),
    GIVEN(evaluation_last, 3, SHAPED(4, 2, 2, 2, 3)),
    GIVEN(frozen, 3, SHAPED(3, 2, 3, 4)),
    {"batchnorm_fold", build_fold, naive_fold, 6, {{2, {3, 2}}, {1, {2}}, {1, {2}}, {1, {2}}, {1, {2}}, {1, {2}}},
     {NORMAL, NORMAL, NORMAL, NORMAL, NORMAL, POSITIVE}, false},
};

SAMPLE_TABLE(samples_batchnorm_modes);

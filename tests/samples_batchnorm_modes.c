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

static void positive_part(const weft_shape *h, double *y)
{
    for (size_t i = 0; i < weft_shape_count(h); i++)
        y[i] = isnan(y[i]) ? y[i] : fmax(y[i], 0);
}

/* Each mode staged and fused, without and with a ReLU. */
#define BUILD(name, builder, at, with, ...)                                                                                                \
    static weft_node build_##name(const weft_node *x)                                                                                      \
    {                                                                                                                                      \
        return builder(x[0], &(weft_batchnorm_options){.axis = at, .eps = 1e-3, .relu = with, __VA_ARGS__}, NULL, NULL);                   \
    }
#define MODE(name, at, naive_at, g, b, mu, sigma2, ...)                                                                                    \
    BUILD(name, weft_batchnorm_with, at, false, __VA_ARGS__)                                                                               \
    BUILD(name##_relu, weft_batchnorm_with, at, true, __VA_ARGS__)                                                                         \
    BUILD(name##_fused, weft_fused_batchnorm_with, at, false, __VA_ARGS__)                                                                 \
    BUILD(name##_fused_relu, weft_fused_batchnorm_with, at, true, __VA_ARGS__)                                                             \
    static void naive_##name(const weft_shape *shape, const double *const *x, double *y)                                                   \
    {                                                                                                                                      \
        normalise(shape, naive_at, x[0], g, b, mu, sigma2, y);                                                                             \
    }                                                                                                                                      \
    static void naive_##name##_relu(const weft_shape *shape, const double *const *x, double *y)                                            \
    {                                                                                                                                      \
        normalise(shape, naive_at, x[0], g, b, mu, sigma2, y);                                                                             \
        positive_part(shape, y);                                                                                                           \
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

/* h dh of dy, h, gamma, variance; beta and the mean are gamma. dh alone depends on neither h nor the mean. */
static weft_node h_dh_of(const weft_node *x, bool relu)
{
    const weft_batchnorm_options o = {.axis = 1, .mode = WEFT_BATCHNORM_EVALUATION, .eps = 1e-3, .relu = relu, .gamma = x[2], .beta = x[2],
                                      .running_mean = x[2], .running_variance = x[3]};
    weft_node dh, y = weft_fused_batchnorm_with(x[1], &o, NULL, NULL);
    weft_vjp(&y, &x[0], 1, &x[1], 1, &dh);
    return weft_mul(x[1], dh);
}

static weft_node build_evaluation_backward(const weft_node *x)
{
    return h_dh_of(x, false);
}

static weft_node build_evaluation_relu_backward(const weft_node *x)
{
    return h_dh_of(x, true);
}

/* dh = gamma rstd dy, where y is positive with a ReLU. */
static void naive_h_dh(const weft_shape *shape, const double *const *x, bool relu, double *dh)
{
    size_t inner = 1;
    for (int i = 2; i < shape[1].rank; i++)
        inner *= shape[1].dim[i];
    normalise(&shape[1], 1, x[1], x[2], x[2], x[2], x[3], dh);
    for (size_t i = 0; i < weft_shape_count(&shape[1]); i++) {
        size_t c = i / inner % shape[1].dim[1];
        double dy = x[0][i] * (relu && !(dh[i] > 0) ? 0 : 1);
        dh[i] = x[1][i] * (dy * x[2][c] / sqrt(x[3][c] + 1e-3));
    }
}

static void naive_evaluation_backward(const weft_shape *shape, const double *const *x, double *dh)
{
    naive_h_dh(shape, x, false, dh);
}

static void naive_evaluation_relu_backward(const weft_shape *shape, const double *const *x, double *dh)
{
    naive_h_dh(shape, x, true, dh);
}

#define SHAPED(rank, ...) {rank, {__VA_ARGS__}}
#define SAMPLE(op, build, naive, n, third, ...)                                                                                            \
    {                                                                                                                                      \
        op, build_##build, naive_##naive, n, {__VA_ARGS__}, {NORMAL, NORMAL, third, NORMAL, POSITIVE}, false                               \
    }

/* A mode staged and fused, with a ReLU and without. fused, with_relu: what the fused ones record; third: the domain of operand 2. */
#define FOUR(fused, with_relu, name, n, third, ...)                                                                                        \
    SAMPLE("batchnorm_with", name, name, n, third, __VA_ARGS__), SAMPLE("batchnorm_with", name##_relu, name##_relu, n, third, __VA_ARGS__), \
        SAMPLE(fused, name##_fused, name, n, third, __VA_ARGS__), SAMPLE(with_relu, name##_fused_relu, name##_relu, n, third, __VA_ARGS__)
#define TRAINING(name, n, ...) FOUR("fused_batchnorm", "fused_batchnorm_relu", name, n, NORMAL, __VA_ARGS__)
#define GIVEN(name, n, third, ...) FOUR("fused_batchnorm_evaluation", "fused_batchnorm_evaluation", name, n, third, __VA_ARGS__)
#define BACKWARD(name, h, c)                                                                                                               \
    {                                                                                                                                      \
        "fused_batchnorm_evaluation_backward", build_##name, naive_##name, 4, {h, h, CHANNELS(c), CHANNELS(c)}, {NORMAL, NORMAL, NORMAL, POSITIVE}, false \
    }
#define CHANNELS(c) {1, {c}}

static const sample rows[] = {
    TRAINING(training, 3, SHAPED(2, 5, 3), CHANNELS(3), CHANNELS(3)),
    TRAINING(training, 3, SHAPED(3, 3, 2, 4), CHANNELS(2), CHANNELS(2)),
    TRAINING(training, 3, SHAPED(4, 2, 3, 2, 3), CHANNELS(3), CHANNELS(3)),
    TRAINING(training, 3, SHAPED(5, 2, 2, 2, 1, 3), CHANNELS(2), CHANNELS(2)),
    TRAINING(channels_last, 3, SHAPED(2, 5, 3), CHANNELS(3), CHANNELS(3)),
    TRAINING(channels_last, 3, SHAPED(4, 2, 2, 3, 3), CHANNELS(3), CHANNELS(3)),
    TRAINING(channels_first, 2, SHAPED(2, 3, 5), CHANNELS(3)),
    TRAINING(channels_inside, 2, SHAPED(5, 2, 2, 3, 1, 2), CHANNELS(3)),
    TRAINING(plain, 1, SHAPED(3, 2, 3, 4)),
    GIVEN(evaluation, 5, NORMAL, SHAPED(2, 4, 3), CHANNELS(3), CHANNELS(3), CHANNELS(3), CHANNELS(3)),
    GIVEN(evaluation, 5, NORMAL, SHAPED(2, 2, 37), CHANNELS(37), CHANNELS(37), CHANNELS(37), CHANNELS(37)),
    GIVEN(evaluation, 5, NORMAL, SHAPED(4, 2, 2, 3, 2), CHANNELS(2), CHANNELS(2), CHANNELS(2), CHANNELS(2)),
    GIVEN(evaluation, 5, NORMAL, SHAPED(8, 2, 2, 1, 2, 1, 1, 2, 1), CHANNELS(2), CHANNELS(2), CHANNELS(2), CHANNELS(2)),
    GIVEN(evaluation, 5, NORMAL, SHAPED(2, 0, 3), CHANNELS(3), CHANNELS(3), CHANNELS(3), CHANNELS(3)),
    GIVEN(evaluation_last, 3, POSITIVE, SHAPED(4, 2, 2, 2, 3), CHANNELS(3), CHANNELS(3)),
    GIVEN(frozen, 3, POSITIVE, SHAPED(3, 2, 3, 4), CHANNELS(3), CHANNELS(3)),
    BACKWARD(evaluation_backward, SHAPED(2, 4, 3), 3),
    BACKWARD(evaluation_backward, SHAPED(4, 2, 2, 3, 2), 2),
    BACKWARD(evaluation_backward, SHAPED(8, 2, 2, 1, 2, 1, 1, 2, 1), 2),
    BACKWARD(evaluation_backward, SHAPED(2, 0, 3), 3),
    BACKWARD(evaluation_relu_backward, SHAPED(2, 4, 3), 3),
    BACKWARD(evaluation_relu_backward, SHAPED(3, 2, 2, 3), 2),
    {"batchnorm_fold", build_fold, naive_fold, 6, {{2, {3, 2}}, {1, {2}}, {1, {2}}, {1, {2}}, {1, {2}}, {1, {2}}},
     {NORMAL, NORMAL, NORMAL, NORMAL, NORMAL, POSITIVE}, false},
};

SAMPLE_TABLE(samples_batchnorm_modes);

/* samples_staged.c: staged functions; norms and softmax from closed_forms.h. */
#include "tests/closed_forms.h"
#include "tests/sample_table.h"

#include <math.h>

static weft_node build_affine(const weft_node *x)
{
    return weft_affine(x[0], x[1], x[2]);
}

static void naive_affine(const weft_shape *shape, const double *const *x, double *y)
{
    size_t m = shape[0].dim[0], k = shape[0].dim[1], n = shape[1].dim[1];
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            y[i * n + j] = x[2][j];
            for (size_t l = 0; l < k; l++)
                y[i * n + j] += x[0][i * k + l] * x[1][l * n + j];
        }
}


#define STAGED(name, builder, form, axis_length, axis_inner)                                                                               \
    static weft_node build_##name(const weft_node *x)                                                                                      \
    {                                                                                                                                      \
        return builder;                                                                                                                    \
    }                                                                                                                                      \
    static void naive_##name(const weft_shape *shape, const double *const *x, double *y)                                                   \
    {                                                                                                                                      \
        size_t length = axis_length, count = weft_shape_count(shape) / length;                                                             \
        form((vectors){count, length, axis_inner}, (closed_form){.x = x[0], .gamma = x[1], .beta = x[2], .y = y, .eps = 1e-3});            \
    }
STAGED(layernorm, weft_layernorm(x[0], x[1], x[2], 1e-3), closed_layernorm, shape->dim[shape->rank - 1], 1)
STAGED(rmsnorm, weft_rmsnorm(x[0], x[1], 1e-3), closed_rmsnorm, shape->dim[shape->rank - 1], 1)
STAGED(softmax_last, weft_softmax(x[0], -1), closed_softmax, shape->dim[shape->rank - 1], 1)
STAGED(softmax_0, weft_softmax(x[0], 0), closed_softmax, shape->dim[0], weft_shape_count(shape) / shape->dim[0])
STAGED(l2_normalize_last, weft_l2_normalize(x[0], -1, 1e-3), closed_l2_normalize, shape->dim[shape->rank - 1], 1)
STAGED(l2_normalize_1, weft_l2_normalize(x[0], 1, 1e-3), closed_l2_normalize, shape->dim[1], shape->dim[2])

static weft_node build_softmax_cross_entropy(const weft_node *x)
{
    return weft_softmax_cross_entropy(x[0], x[1]);
}

static void naive_softmax_cross_entropy(const weft_shape *shape, const double *const *x, double *y)
{
    *y = closed_softmax_cross_entropy(shape->dim[0], shape->dim[1], x[0], x[1], 1, NULL);
}

STAGED(log_softmax_last, weft_log_softmax(x[0], -1), closed_log_softmax, shape->dim[shape->rank - 1], 1)
STAGED(log_softmax_1, weft_log_softmax(x[0], 1), closed_log_softmax, shape->dim[1], shape->dim[2])
STAGED(logsumexp_last, weft_logsumexp(x[0], WEFT_AXIS(1), false), closed_logsumexp, shape->dim[1], 1)
STAGED(logsumexp_0, weft_logsumexp(x[0], WEFT_AXIS(0), true), closed_logsumexp, shape->dim[0], weft_shape_count(shape) / shape->dim[0])
STAGED(logsumexp_all, weft_logsumexp(x[0], WEFT_ALL_AXES, false), closed_logsumexp, weft_shape_count(shape), 1)
STAGED(logsumexp_two, weft_logsumexp(x[0], WEFT_AXIS(1) | WEFT_AXIS(2), false), closed_logsumexp, shape->dim[1] * shape->dim[2], 1)

/* --- losses --- */

static weft_node build_cross_entropy(const weft_node *x)
{
    return weft_cross_entropy(x[0], x[1], WEFT_LOSS_MEAN);
}

static void naive_cross_entropy(const weft_shape *shape, const double *const *x, double *y)
{
    naive_softmax_cross_entropy(shape, x, y);
}

static weft_node build_cross_entropy_each(const weft_node *x)
{
    return weft_cross_entropy(x[0], x[1], WEFT_LOSS_NONE);
}

/* z (N, C, L) or (C), label (N, L) or (). */
static void naive_cross_entropy_each(const weft_shape *shape, const double *const *x, double *y)
{
    int axis = shape->rank > 1;
    size_t classes = shape->dim[axis], inner = shape->rank > 2 ? shape->dim[2] : 1, count = weft_shape_count(shape) / classes;
    for (size_t k = 0; k < count; k++) {
        const double *z = x[0] + k / inner * classes * inner + k % inner;
        double total = 0;
        for (size_t c = 0; c < classes; c++)
            total += exp(z[c * inner]);
        y[k] = log(total) - z[(size_t)x[1][k] * inner];
    }
}

static weft_node build_cross_entropy_of_probabilities(const weft_node *x)
{
    return weft_cross_entropy(x[0], x[1], WEFT_LOSS_SUM);
}

static void naive_cross_entropy_of_probabilities(const weft_shape *shape, const double *const *x, double *y)
{
    size_t classes = shape->dim[1];
    *y = 0;
    for (size_t r = 0; r < shape->dim[0]; r++) {
        double total = 0;
        for (size_t c = 0; c < classes; c++)
            total += exp(x[0][r * classes + c]);
        for (size_t c = 0; c < classes; c++)
            *y -= x[1][r * classes + c] * (x[0][r * classes + c] - log(total));
    }
}

static weft_node build_mse(const weft_node *x)
{
    return weft_mse(x[0], x[1], WEFT_LOSS_MEAN);
}

static void naive_mse(const weft_shape *shape, const double *const *x, double *y)
{
    *y = 0;
    for (size_t i = 0; i < weft_shape_count(shape); i++)
        *y += pow(x[0][i] - x[1][i], 2) / (double)weft_shape_count(shape);
}

EACH(mse_each, weft_mse(x[0], x[1], WEFT_LOSS_NONE), (a - b) * (a - b))

/* --- spreads and lengths --- */

/* sum((x - mean)**2)/(n - 1) over the last axis. */
static void naive_variance_n(const weft_shape *shape, const double *const *x, double *y)
{
    size_t n = shape->dim[shape->rank - 1];
    for (size_t k = 0; k < weft_shape_count(shape) / n; k++) {
        double mean = 0;
        for (size_t i = 0; i < n; i++)
            mean += x[0][k * n + i] / (double)n;
        y[k] = 0;
        for (size_t i = 0; i < n; i++)
            y[k] += pow(x[0][k * n + i] - mean, 2) / (double)(n - 1);
    }
}

static weft_node build_variance_n(const weft_node *x)
{
    return weft_variance_n(x[0], WEFT_AXIS(weft_node_shape(x[0]).rank - 1), false, 1);
}

static weft_node build_std(const weft_node *x)
{
    return weft_std(x[0], WEFT_AXIS(weft_node_shape(x[0]).rank - 1), true, 1);
}

static void naive_std(const weft_shape *shape, const double *const *x, double *y)
{
    naive_variance_n(shape, x, y);
    for (size_t k = 0; k < weft_shape_count(shape) / shape->dim[shape->rank - 1]; k++)
        y[k] = sqrt(y[k]);
}

static weft_node build_weightnorm(const weft_node *x)
{
    return weft_weightnorm(x[0], x[1], weft_node_shape(x[0]).rank == 2 ? 0 : 1);
}

static void naive_weightnorm(const weft_shape *shape, const double *const *x, double *y)
{
    size_t count = weft_shape_count(shape), units = shape[1].dim[0], inner = shape->rank == 2 ? shape->dim[1] : shape->dim[2];
    for (size_t k = 0; k < units; k++) {
        double square = 0;
        for (size_t i = 0; i < count; i++)
            square += i / inner % units == k ? x[0][i] * x[0][i] : 0;
        for (size_t i = 0; i < count; i++)
            if (i / inner % units == k)
                y[i] = x[1][k] * x[0][i] / sqrt(square);
    }
}

/* --- group and instance normalization --- */

#define GROUPED(name, builder, groups)                                                                                                     \
    static weft_node build_##name(const weft_node *x)                                                                                      \
    {                                                                                                                                      \
        return builder;                                                                                                                    \
    }                                                                                                                                      \
    static void naive_##name(const weft_shape *shape, const double *const *x, double *y)                                                   \
    {                                                                                                                                      \
        size_t inner = weft_shape_count(shape) / shape->dim[0] / shape->dim[1];                                                            \
        closed_groupnorm(shape->dim[0], shape->dim[1], groups, inner,                                                                      \
                         (closed_form){.x = x[0], .gamma = x[1], .beta = x[2], .y = y, .eps = 1e-3});                                      \
    }
static const weft_node none = {.tape = NULL};
GROUPED(groupnorm, weft_groupnorm(x[0], 2, x[1], x[2], 1e-3), 2)
GROUPED(groupnorm_gamma, weft_groupnorm(x[0], 3, x[1], none, 1e-3), 3)
GROUPED(groupnorm_alone, weft_groupnorm(x[0], 1, none, none, 1e-3), 1)
GROUPED(instancenorm, weft_instancenorm(x[0], x[1], x[2], 1e-3), shape->dim[1])
GROUPED(instancenorm_alone, weft_instancenorm(x[0], none, none, 1e-3), shape->dim[1])

/* --- attention: q (..., L, E), k (..., S, E), v (..., S, V), mask (..., L, S) --- */

static weft_node build_attention(const weft_node *x)
{
    return weft_attention(x[0], x[1], x[2], none);
}

static weft_node build_attention_masked(const weft_node *x)
{
    return weft_attention(x[0], x[1], x[2], x[3]);
}

/* Of one matrix each. */
static void attend(const weft_shape *shape, const double *const *x, double *y)
{
    size_t l = shape[0].dim[0], e = shape[0].dim[1], s = shape[1].dim[0], width = shape[2].dim[1];
    for (size_t i = 0; i < l; i++) {
        double weight[8], total = 0;
        for (size_t j = 0; j < s; j++) {
            double score = 0;
            for (size_t k = 0; k < e; k++)
                score += x[0][i * e + k] * x[1][j * e + k] / sqrt((double)e);
            total += weight[j] = exp(score + (x[3] ? x[3][i * s + j] : 0));
        }
        for (size_t k = 0; k < width; k++) {
            y[i * width + k] = 0;
            for (size_t j = 0; j < s; j++)
                y[i * width + k] += weight[j] / total * x[2][j * width + k];
        }
    }
}

/* Leading axes are those of q, or there are none and all of q's share the matrix. */
static void naive_attention(const weft_shape *shape, const double *const *x, double *y)
{
    weft_shape one[4] = {{0}};
    size_t each[4] = {0}, batches = 1;
    for (int i = 0; i < shape[0].rank - 2; i++)
        batches *= shape[0].dim[i];
    for (int k = 0; k < (x[3] ? 4 : 3); k++) {
        const size_t *last = shape[k].dim + shape[k].rank - 2;
        one[k] = (weft_shape){2, {last[0], last[1]}};
        each[k] = shape[k].rank > 2 ? last[0] * last[1] : 0;
    }
    for (size_t b = 0; b < batches; b++) {
        const double *own[4] = {x[0] + b * each[0], x[1] + b * each[1], x[2] + b * each[2], x[3] ? x[3] + b * each[3] : NULL};
        attend(one, own, y + b * one[0].dim[0] * one[2].dim[1]);
    }
}

static void naive_attention_masked(const weft_shape *shape, const double *const *x, double *y)
{
    naive_attention(shape, x, y);
}

static const sample rows[] = {
    {"affine", build_affine, naive_affine, 3, {{2, {5, 3}}, {2, {3, 4}}, {1, {4}}}, {NORMAL, NORMAL, NORMAL}, false},
    {"layernorm", build_layernorm, naive_layernorm, 3, {{2, {4, 3}}, {1, {3}}, {1, {3}}}, {NORMAL, NORMAL, NORMAL}, false},
    {"layernorm", build_layernorm, naive_layernorm, 3, {{3, {2, 3, 5}}, {1, {5}}, {1, {5}}}, {NORMAL, NORMAL, NORMAL}, false},
    {"layernorm", build_layernorm, naive_layernorm, 3, {{1, {7}}, {1, {7}}, {1, {7}}}, {NORMAL, NORMAL, NORMAL}, false},
    {"rmsnorm", build_rmsnorm, naive_rmsnorm, 2, {{2, {4, 3}}, {1, {3}}}, {NORMAL, NORMAL}, false},
    {"rmsnorm", build_rmsnorm, naive_rmsnorm, 2, {{3, {2, 3, 5}}, {1, {5}}}, {NORMAL, NORMAL}, false},
    {"softmax", build_softmax_last, naive_softmax_last, 1, {{2, {4, 3}}}, {DISTINCT}, false},
    CUBE("softmax", softmax_last, DISTINCT, 2, 3, 4),
    CUBE("softmax", softmax_0, DISTINCT, 3, 2, 2),
    {"softmax_cross_entropy", build_softmax_cross_entropy, naive_softmax_cross_entropy, 2, {{2, {5, 3}}, {1, {5}}}, {DISTINCT, INDEX}, false},
    {"l2_normalize", build_l2_normalize_last, naive_l2_normalize_last, 1, {{2, {4, 3}}}, {NORMAL}, false},
    CUBE("l2_normalize", l2_normalize_1, NORMAL, 2, 3, 4),
    {"log_softmax", build_log_softmax_last, naive_log_softmax_last, 1, {{2, {4, 3}}}, {DISTINCT}, false},
    CUBE("log_softmax", log_softmax_1, DISTINCT, 2, 3, 2),
    {"logsumexp", build_logsumexp_last, naive_logsumexp_last, 1, {{2, {4, 3}}}, {DISTINCT}, false},
    CUBE("logsumexp", logsumexp_0, DISTINCT, 3, 2, 2),
    CUBE("logsumexp", logsumexp_all, DISTINCT, 3, 2, 2),
    CUBE("logsumexp", logsumexp_two, DISTINCT, 3, 2, 4),
    {"cross_entropy", build_cross_entropy, naive_cross_entropy, 2, {{2, {5, 3}}, {1, {5}}}, {DISTINCT, INDEX}, false},
    {"cross_entropy", build_cross_entropy_each, naive_cross_entropy_each, 2, {{3, {2, 3, 4}}, {2, {2, 4}}}, {DISTINCT, INDEX}, false},
    {"cross_entropy", build_cross_entropy_each, naive_cross_entropy_each, 2, {{1, {3}}, {0}}, {DISTINCT, INDEX}, false},
    {"cross_entropy", build_cross_entropy_of_probabilities, naive_cross_entropy_of_probabilities, 2, {{2, {4, 3}}, {2, {4, 3}}},
     {DISTINCT, POSITIVE}, false},
    {"mse", build_mse, naive_mse, 2, {{2, {4, 3}}, {2, {4, 3}}}, {NORMAL, NORMAL}, false},
    TWO("mse", mse_each, NORMAL, NORMAL),
    {"variance_n", build_variance_n, naive_variance_n, 1, {{2, {4, 5}}}, {NORMAL}, false},
    {"std", build_std, naive_std, 1, {{2, {4, 5}}}, {NORMAL}, false},
    {"weightnorm", build_weightnorm, naive_weightnorm, 2, {{2, {4, 5}}, {1, {4}}}, {AWAY, NORMAL}, false}, /* not the cotangent */
    {"weightnorm", build_weightnorm, naive_weightnorm, 2, {{3, {2, 3, 4}}, {1, {3}}}, {AWAY, NORMAL}, false},
    {"groupnorm", build_groupnorm, naive_groupnorm, 3, {{3, {2, 4, 3}}, {1, {4}}, {1, {4}}}, {NORMAL, NORMAL, NORMAL}, false},
    {"groupnorm", build_groupnorm, naive_groupnorm, 3, {{2, {3, 6}}, {1, {6}}, {1, {6}}}, {NORMAL, NORMAL, NORMAL}, false},
    {"groupnorm", build_groupnorm_gamma, naive_groupnorm_gamma, 2, {{4, {2, 3, 2, 2}}, {1, {3}}}, {NORMAL, NORMAL}, false},
    {"groupnorm", build_groupnorm_alone, naive_groupnorm_alone, 1, {{3, {2, 3, 4}}}, {NORMAL}, false},
    {"instancenorm", build_instancenorm, naive_instancenorm, 3, {{4, {2, 3, 2, 3}}, {1, {3}}, {1, {3}}}, {NORMAL, NORMAL, NORMAL}, false},
    {"instancenorm", build_instancenorm_alone, naive_instancenorm_alone, 1, {{3, {2, 3, 5}}}, {NORMAL}, false},
    {"attention", build_attention, naive_attention, 3, {{2, {4, 3}}, {2, {5, 3}}, {2, {5, 2}}}, {DISTINCT, DISTINCT, NORMAL}, false},
    {"attention", build_attention_masked, naive_attention_masked, 4, {{2, {5, 2}}, {2, {3, 2}}, {2, {3, 4}}, {2, {5, 3}}},
     {NORMAL, NORMAL, NORMAL, DISTINCT}, false},
    {"attention", build_attention, naive_attention, 3, {{3, {2, 3, 2}}, {3, {2, 4, 2}}, {3, {2, 4, 3}}}, {NORMAL, NORMAL, NORMAL}, false},
    {"attention", build_attention_masked, naive_attention_masked, 4, {{4, {2, 2, 3, 2}}, {4, {2, 2, 2, 2}}, {4, {2, 2, 2, 3}}, {2, {3, 2}}},
     {NORMAL, NORMAL, NORMAL, NORMAL}, false},
    {"attention", build_attention, naive_attention, 3, {{3, {2, 3, 2}}, {2, {4, 2}}, {2, {4, 1}}}, {NORMAL, NORMAL, NORMAL}, false},
};

SAMPLE_TABLE(samples_staged);

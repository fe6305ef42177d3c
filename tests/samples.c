/* samples.c: the table; an op of the catalogue that is missing here fails test_ops. Staged functions stand at its end. */
#include "tests/closed_forms.h"
#include "tests/samples.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- numbers --- */

double draw_uniform(uint64_t *seed)
{
    uint64_t z = (*seed += 0x9e3779b97f4a7c15u);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

double draw_normal(uint64_t *seed)
{
    double u = 1 - draw_uniform(seed), v = draw_uniform(seed);
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

void draw_domain(domain d, uint64_t *seed, size_t count, double *x)
{
    for (size_t i = 0; i < count; i++) {
        double z = draw_normal(seed);
        switch (d) {
        case NORMAL:
            x[i] = z;
            break;
        case POSITIVE:
            x[i] = 0.5 + 1.5 * draw_uniform(seed);
            break;
        case AWAY:
            x[i] = z < 0 ? z - 0.2 : z + 0.2;
            break;
        case DISTINCT:
            x[i] = 0.25 * (double)i - 0.1 * (double)count;
            break;
        case MASK:
            x[i] = z > 0;
            break;
        case INDEX:
            x[i] = floor(3 * draw_uniform(seed));
            break;
        }
        x[i] = (double)(float)x[i]; /* f32 and f64 runs see the same numbers */
    }
    for (size_t i = count; d == DISTINCT && i > 1; i--) {
        size_t j = (size_t)(draw_uniform(seed) * (double)i);
        double swap = x[i - 1];
        x[i - 1] = x[j];
        x[j] = swap;
    }
}

/* --- elementwise: the builder and a loop around an expression in a, b, c --- */

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
EACH(add, weft_add(x[0], x[1]), a + b)
EACH(sub, weft_sub(x[0], x[1]), a - b)
EACH(mul, weft_mul(x[0], x[1]), a *b)
EACH(div, weft_div(x[0], x[1]), a / b)
EACH(neg, weft_neg(x[0]), -a)
EACH(pow, weft_pow(x[0], x[1]), pow(a, b))
EACH(pow_2, weft_pow(x[0], weft_scalar_like(x[0], 2)), a *a)
EACH(pow_3, weft_pow(x[0], weft_scalar_like(x[0], 3)), a *a *a)
EACH(pow_1, weft_pow(x[0], weft_scalar_like(x[0], 1)), a)
EACH(pow_0, weft_pow(x[0], weft_scalar_like(x[0], 0)), 1)
EACH(pow_minus_1, weft_pow(x[0], weft_scalar_like(x[0], -1)), 1 / a)
EACH(pow_minus_2, weft_pow(x[0], weft_scalar_like(x[0], -2)), 1 / (a * a))
EACH(pow_half, weft_pow(x[0], weft_scalar_like(x[0], 0.5)), sqrt(a))
EACH(pow_minus_half, weft_pow(x[0], weft_scalar_like(x[0], -0.5)), 1 / sqrt(a))
EACH(pow_minus_3_halves, weft_pow(x[0], weft_scalar_like(x[0], -1.5)), pow(a, -1.5))
EACH(pow_other, weft_pow(x[0], weft_scalar_like(x[0], 2.7)), pow(a, 2.7))
EACH(exp, weft_exp(x[0]), exp(a))
EACH(log, weft_log(x[0]), log(a))
EACH(sqrt, weft_sqrt(x[0]), sqrt(a))
EACH(relu, weft_relu(x[0]), a > 0 ? a : 0)
EACH(abs, weft_abs(x[0]), fabs(a))
EACH(sign, weft_sign(x[0]), (a > 0) - (a < 0))
EACH(maximum, weft_maximum(x[0], x[1]), a > b ? a : b)
EACH(greater, weft_greater(x[0], x[1]), a > b)
EACH(equal, weft_equal(x[0], x[1]), a == b)
EACH(where, weft_where(x[0], x[1], x[2]), a != 0 ? b : c)
EACH(stop_gradient, weft_stop_gradient(x[0]), a)

/* --- reductions over the axes of (I, J, K) --- */

static void fold(const weft_shape *shape, const double *x, double *y, unsigned axes, bool largest)
{
    size_t n[3] = {1, 1, 1};
    memcpy(n, shape->dim, (size_t)shape->rank * sizeof *n);
    size_t kept = 1;
    for (int a = 0; a < 3; a++)
        kept *= axes >> a & 1 ? 1 : n[a];
    for (size_t k = 0; k < kept; k++)
        y[k] = largest ? -INFINITY : 0;
    for (size_t i = 0; i < n[0]; i++)
        for (size_t j = 0; j < n[1]; j++)
            for (size_t k = 0; k < n[2]; k++) {
                size_t at = 0;
                at = axes & 1 ? at : i;
                at = axes & 2 ? at : at * n[1] + j;
                at = axes & 4 ? at : at * n[2] + k;
                double v = x[(i * n[1] + j) * n[2] + k];
                y[at] = largest ? fmax(y[at], v) : y[at] + v;
            }
}

#define FOLD(name, builder, axes, largest)                                                                                                 \
    static weft_node build_##name(const weft_node *x)                                                                                      \
    {                                                                                                                                      \
        return builder;                                                                                                                    \
    }                                                                                                                                      \
    static void naive_##name(const weft_shape *shape, const double *const *x, double *y)                                                   \
    {                                                                                                                                      \
        fold(shape, x[0], y, axes, largest);                                                                                               \
    }
FOLD(sum_all, weft_sum(x[0], WEFT_ALL_AXES, false), 7, false)
FOLD(sum_0, weft_sum(x[0], WEFT_AXIS(0), false), 1, false)
FOLD(sum_1, weft_sum(x[0], WEFT_AXIS(1), true), 2, false)
FOLD(sum_2, weft_sum(x[0], WEFT_AXIS(2), false), 4, false)
FOLD(sum_0_2, weft_sum(x[0], WEFT_AXIS(0) | WEFT_AXIS(2), false), 5, false)
FOLD(sum_none, weft_sum(x[0], 0, false), 0, false)
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

FOLD(max_all, weft_max(x[0], WEFT_ALL_AXES, false), 7, true)
FOLD(max_0, weft_max(x[0], WEFT_AXIS(0), true), 1, true)
FOLD(max_1, weft_max(x[0], WEFT_AXIS(1), false), 2, true)
FOLD(max_0_2, weft_max(x[0], WEFT_AXIS(0) | WEFT_AXIS(2), true), 5, true)

/* --- movement and linear algebra --- */

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

static weft_node build_affine(const weft_node *x)
{
    return weft_affine(x[0], x[1], x[2]);
}

static void naive_affine(const weft_shape *shape, const double *const *x, double *y)
{
    size_t m = shape[0].dim[0], n = shape[1].dim[1];
    naive_matmul(shape, x, y);
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++)
            y[i * n + j] += x[2][j];
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

/* --- batch normalization, from the formulas --- */

/* h (N, C, ...) as (N, C, L): element i of the N*L of channel j. */
static size_t in_channel(const weft_shape *h, size_t j, size_t i)
{
    size_t length = weft_shape_count(h) / (h->dim[0] * h->dim[1]);
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
    for (size_t j = 0; j < shape->dim[1]; j++) {
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
        y[i] = fmax(y[i], 0);
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
    size_t n = weft_shape_count(h) / h->dim[1];
    for (size_t j = 0; j < h->dim[1]; j++) {
        double mean, rstd, drstd = 0, dmean = 0;
        moments(h, x[1], j, &mean, &rstd);
        for (size_t i = 0; i < n; i++) {
            size_t at = in_channel(h, j, i);
            bool passes = !relu || x[2][j] * (x[1][at] - mean) * rstd + x[2][j] > 0;
            double dhat = passes ? x[0][at] * x[2][j] : 0;
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

/* --- staged functions, from closed_forms.h --- */

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

const sample samples[] = {
    TWO("add", add, NORMAL, NORMAL),
    TWO("sub", sub, NORMAL, NORMAL),
    TWO("mul", mul, NORMAL, NORMAL),
    TWO("div", div, NORMAL, POSITIVE),
    ONE("neg", neg, NORMAL),
    TWO("pow", pow, POSITIVE, NORMAL),
    ONE("pow", pow_2, NORMAL),
    ONE("pow", pow_3, NORMAL),
    ONE("pow", pow_1, NORMAL),
    {"pow", build_pow_0, naive_pow_0, 1, {{2, {3, 4}}}, {NORMAL}, true},
    ONE("pow", pow_minus_1, POSITIVE),
    ONE("pow", pow_minus_2, POSITIVE),
    ONE("pow", pow_half, POSITIVE),
    ONE("pow", pow_minus_half, POSITIVE),
    ONE("pow", pow_minus_3_halves, POSITIVE),
    ONE("pow", pow_other, POSITIVE),
    ONE("exp", exp, NORMAL),
    ONE("log", log, POSITIVE),
    ONE("sqrt", sqrt, POSITIVE),
    ONE("relu", relu, AWAY),
    ONE("abs", abs, AWAY),
    {"sign", build_sign, naive_sign, 1, {{2, {3, 4}}}, {AWAY}, true},
    TWO("maximum", maximum, DISTINCT, AWAY),
    {"greater", build_greater, naive_greater, 2, {{2, {3, 4}}, {2, {3, 4}}}, {DISTINCT, AWAY}, true},
    {"equal", build_equal, naive_equal, 2, {{2, {3, 4}}, {2, {3, 4}}}, {MASK, MASK}, true},
    {"equal", build_equal, naive_equal, 2, {{2, {3, 4}}, {2, {3, 4}}}, {DISTINCT, AWAY}, true},
    {"where", build_where, naive_where, 3, {{2, {3, 4}}, {2, {3, 4}}, {2, {3, 4}}}, {MASK, NORMAL, NORMAL}, false},
    {"stop_gradient", build_stop_gradient, naive_stop_gradient, 1, {{2, {3, 4}}}, {NORMAL}, true},
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
    {"broadcast", build_broadcast, naive_broadcast, 1, {{2, {2, 1}}}, {NORMAL}, false},
    {"reshape", build_reshape, naive_copy, 1, {{2, {2, 6}}}, {NORMAL}, false},
    CUBE("first", first_0, NORMAL, 5, 3, 4),
    CUBE("first", first_1, NORMAL, 2, 3, 4),
    CUBE("first", first_0_2, NORMAL, 3, 2, 3),
    CUBE("first", first_none, NORMAL, 2, 3, 4),
    CUBE("transpose", transpose, NORMAL, 2, 3, 4),
    {"matmul", build_matmul, naive_matmul, 2, {{2, {3, 4}}, {2, {4, 5}}}, {NORMAL, NORMAL}, false},
    {"matmul", build_matmul, naive_matmul, 2, {{2, {1, 4}}, {2, {4, 1}}}, {NORMAL, NORMAL}, false},
    {"matmul", build_matmul, naive_matmul, 2, {{2, {3, 1}}, {2, {1, 2}}}, {NORMAL, NORMAL}, false},
    {"gather", build_gather, naive_gather, 2, {{2, {3, 2}}, {1, {5}}}, {NORMAL, INDEX}, false},
    {"scatter_add", build_scatter_add, naive_scatter_add, 2, {{2, {5, 2}}, {1, {5}}}, {NORMAL, INDEX}, false},
    BATCH(3, 2, 4, 3),
    BATCH(1, 2, 2, 1),
    BATCH(5, 2, 7, 5),
    BATCH(2, 3, 3, 2, 5),
    BATCH(3, 3, 4, 3, 1),
    BATCH(3, 4, 2, 3, 2, 3),
    FORWARD(batchnorm, 3, 2, 4, 3),
    FORWARD(batchnorm, 2, 3, 3, 2, 5),
    FORWARD(batchnorm, 3, 4, 2, 3, 2, 3),
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
};
const size_t sample_count = sizeof samples / sizeof *samples;

/* --- operands --- */

void operands_make(operands *o, weft_tape *tape, const sample *s, weft_dtype dtype, uint64_t seed)
{
    memset(o, 0, sizeof *o);
    o->n = s->n;
    for (int i = 0; i < s->n; i++) {
        char name[2] = {(char)('a' + i), 0};
        weft_dtype own = s->domain[i] == INDEX ? WEFT_I64 : dtype;
        size_t n = o->count[i] = weft_shape_count(&s->shape[i]);
        o->bytes[i] = n * weft_dtype_size(own);
        o->wide[i] = malloc(n * sizeof(double) + 1);
        o->data[i] = malloc(o->bytes[i] + 1);
        draw_domain(s->domain[i], &seed, n, o->wide[i]);
        for (size_t k = 0; k < n; k++) {
            double v = o->wide[i][k];
            if (own == WEFT_F32)
                ((float *)o->data[i])[k] = (float)v;
            else if (own == WEFT_F64)
                ((double *)o->data[i])[k] = v;
            else
                ((int64_t *)o->data[i])[k] = (int64_t)v;
        }
        o->node[i] = weft_input(tape, name, own, s->shape[i].rank, s->shape[i].dim);
        o->binding[i] = (weft_binding){o->node[i], o->data[i], o->bytes[i]};
    }
}

void operands_bind(const operands *o, weft_program *program)
{
    for (int i = 0; i < o->n; i++)
        weft_bind(program, o->node[i], o->data[i], o->bytes[i]);
}

void operands_free(operands *o)
{
    for (int i = 0; i < o->n; i++) {
        free(o->wide[i]);
        free(o->data[i]);
    }
}

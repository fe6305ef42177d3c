/* samples_fused.c: the fused ops that work along one axis, from closed_forms.h. */
#include "tests/closed_forms.h"
#include "tests/sample_table.h"

#include <math.h>
#include <stdlib.h>

enum { SHORT = 3 /* classes, as many as there are labels */ };

static vectors rows_of(const weft_shape *x)
{
    size_t length = x->dim[x->rank - 1];
    return (vectors){weft_shape_count(x) / length, length, 1};
}

static vectors columns_of(const weft_shape *x, int axis)
{
    vectors v = {weft_shape_count(x) / x->dim[axis], x->dim[axis], 1};
    for (int i = axis + 1; i < x->rank; i++)
        v.inner *= x->dim[i];
    return v;
}

/* dx of a form, from dy, x, gamma, beta as they come; the value and the other gradients are left aside. */
static void gradient_of(void (*form)(vectors v, closed_form f), vectors v, const double *const *x, double *dx)
{
    double *y = malloc(v.count * v.length * sizeof *y), *sums = calloc(2 * v.length, sizeof *sums);
    static const double zeros[64];
    form(v, (closed_form){.dy = x[0], .x = x[1], .gamma = x[2], .beta = zeros, .y = y, .dx = dx, .dgamma = sums, .dbeta = sums + v.length, .eps = 1e-3});
    free(y);
    free(sums);
}

/* The value, and the gradient with respect to the first operand: the cotangent comes before the operands. */
#define FUSED(name, builder, last, form, along)                                                                                            \
    static weft_node build_##name(const weft_node *x)                                                                                      \
    {                                                                                                                                      \
        return builder;                                                                                                                    \
    }                                                                                                                                      \
    static void naive_##name(const weft_shape *shape, const double *const *x, double *y)                                                   \
    {                                                                                                                                      \
        form(along(&shape[0]), (closed_form){.x = x[0], .gamma = x[1], .beta = x[last], .y = y, .eps = 1e-3});                             \
    }                                                                                                                                      \
    static weft_node build_##name##_backward(const weft_node *dy_x)                                                                        \
    {                                                                                                                                      \
        const weft_node x[] = {dy_x[1], dy_x[2], dy_x[2]};                                                                                 \
        weft_node y = builder, dx;                                                                                                         \
        weft_vjp(&y, &dy_x[0], 1, &x[0], 1, &dx);                                                                                          \
        return dx;                                                                                                                         \
    }                                                                                                                                      \
    static void naive_##name##_backward(const weft_shape *shape, const double *const *x, double *dx)                                       \
    {                                                                                                                                      \
        gradient_of(form, along(&shape[1]), x, dx);                                                                                        \
    }
#define ALONG_0(x) columns_of(x, 0)
#define ALONG_1(x) columns_of(x, 1)
FUSED(layernorm, weft_fused_layernorm(x[0], x[1], x[2], 1e-3), 2, closed_layernorm, rows_of)
FUSED(rmsnorm, weft_fused_rmsnorm(x[0], x[1], 1e-3), 1, closed_rmsnorm, rows_of)
FUSED(l2_last, weft_fused_l2_normalize(x[0], -1, 1e-3), 1, closed_l2_normalize, rows_of)
FUSED(l2_0, weft_fused_l2_normalize(x[0], 0, 1e-3), 1, closed_l2_normalize, ALONG_0)
FUSED(l2_1, weft_fused_l2_normalize(x[0], 1, 1e-3), 1, closed_l2_normalize, ALONG_1)
FUSED(softmax_last, weft_fused_softmax(x[0], -1), 1, closed_softmax, rows_of)
FUSED(softmax_0, weft_fused_softmax(x[0], 0), 1, closed_softmax, ALONG_0)
FUSED(softmax_1, weft_fused_softmax(x[0], 1), 1, closed_softmax, ALONG_1)

FUSED(log_softmax_last, weft_fused_log_softmax(x[0], -1), 1, closed_log_softmax, rows_of)
FUSED(log_softmax_0, weft_fused_log_softmax(x[0], 0), 1, closed_log_softmax, ALONG_0)
FUSED(log_softmax_1, weft_fused_log_softmax(x[0], 1), 1, closed_log_softmax, ALONG_1)

/* Groupnorm, in as many groups as each of these says; gamma and beta may be left out. */
#define GROUPED(name, groups, builder)                                                                                                     \
    static weft_node build_##name(const weft_node *x)                                                                                      \
    {                                                                                                                                      \
        return builder;                                                                                                                    \
    }                                                                                                                                      \
    static void naive_##name(const weft_shape *shape, const double *const *x, double *y)                                                   \
    {                                                                                                                                      \
        closed_groupnorm(shape->dim[0], shape->dim[1], groups, columns_of(shape, 1).inner,                                                 \
                         (closed_form){.x = x[0], .gamma = x[1], .beta = x[2], .y = y, .eps = 1e-3});                                      \
    }                                                                                                                                      \
    static weft_node build_##name##_backward(const weft_node *dy_x)                                                                        \
    {                                                                                                                                      \
        const weft_node x[] = {dy_x[1], dy_x[2], dy_x[2]};                                                                                 \
        weft_node y = builder, dx;                                                                                                         \
        weft_vjp(&y, &dy_x[0], 1, &x[0], 1, &dx);                                                                                          \
        return dx;                                                                                                                         \
    }                                                                                                                                      \
    static void naive_##name##_backward(const weft_shape *shape, const double *const *x, double *dx)                                       \
    {                                                                                                                                      \
        size_t channels = shape[1].dim[1];                                                                                                 \
        double *spare = calloc(weft_shape_count(&shape[1]) + 2 * channels, sizeof *spare);                                                 \
        closed_groupnorm(shape[1].dim[0], channels, groups, columns_of(&shape[1], 1).inner,                                                \
                         (closed_form){.dy = x[0], .x = x[1], .gamma = x[2], .dx = dx, .dgamma = spare, .dbeta = spare + channels,         \
                                       .y = spare + 2 * channels, .eps = 1e-3});                                                           \
        free(spare);                                                                                                                       \
    }
static const weft_node left_out = {.tape = NULL};
GROUPED(groupnorm_1, 1, weft_fused_groupnorm(x[0], 1, x[1], x[2], 1e-3))
GROUPED(groupnorm_2, 2, weft_fused_groupnorm(x[0], 2, x[1], x[2], 1e-3))
GROUPED(instancenorm, shape->dim[1], weft_fused_instancenorm(x[0], x[1], x[2], 1e-3))
GROUPED(groupnorm_plain, 2, weft_fused_groupnorm(x[0], 2, left_out, left_out, 1e-3))

EACH(gelu, weft_fused_gelu(x[0]), a / 2 * (1 + erf(a / sqrt(2))))

/* dy, x */
static weft_node build_gelu_backward(const weft_node *dy_x)
{
    weft_node y = weft_fused_gelu(dy_x[1]), dx;
    weft_vjp(&y, &dy_x[0], 1, &dy_x[1], 1, &dx);
    return dx;
}

static void naive_gelu_backward(const weft_shape *shape, const double *const *x, double *dx)
{
    for (size_t i = 0; i < weft_shape_count(shape); i++)
        dx[i] = x[0][i] * ((1 + erf(x[1][i] / sqrt(2))) / 2 + x[1][i] * exp(-x[1][i] * x[1][i] / 2) / sqrt(2 * acos(-1)));
}

static weft_node build_cross_entropy(const weft_node *x)
{
    return weft_fused_softmax_cross_entropy(x[0], x[1]);
}

static void naive_cross_entropy(const weft_shape *shape, const double *const *x, double *y)
{
    *y = closed_softmax_cross_entropy(shape->dim[0], shape->dim[1], x[0], x[1], 1, NULL);
}

/* dloss, z, label */
static weft_node build_cross_entropy_backward(const weft_node *x)
{
    weft_node loss = weft_fused_softmax_cross_entropy(x[1], x[2]), dz;
    weft_vjp(&loss, &x[0], 1, &x[1], 1, &dz);
    return dz;
}

static void naive_cross_entropy_backward(const weft_shape *shape, const double *const *x, double *dz)
{
    closed_softmax_cross_entropy(shape[1].dim[0], shape[1].dim[1], x[1], x[2], *x[0], dz);
}

/* x of that shape, and gamma and beta (d), as many as the op has. */
#define FORWARD(op, name, n, d, rank, ...)                                                                                                 \
    {                                                                                                                                      \
        #op, build_##name, naive_##name, n, {{rank, {__VA_ARGS__}}, {1, {d}}, {1, {d}}}, {NORMAL, NORMAL, NORMAL}, false                   \
    }
#define BACKWARD(op, name, n, d, rank, ...)                                                                                                \
    {                                                                                                                                      \
        #op "_backward", build_##name##_backward, naive_##name##_backward, n + 1, {{rank, {__VA_ARGS__}}, {rank, {__VA_ARGS__}}, {1, {d}}}, \
            {NORMAL, NORMAL, NORMAL}, false                                                                                                \
    }
#define NORMS(d, rank, ...)                                                                                                                \
    FORWARD(fused_layernorm, layernorm, 3, d, rank, __VA_ARGS__), BACKWARD(fused_layernorm, layernorm, 2, d, rank, __VA_ARGS__),           \
        FORWARD(fused_rmsnorm, rmsnorm, 2, d, rank, __VA_ARGS__), BACKWARD(fused_rmsnorm, rmsnorm, 2, d, rank, __VA_ARGS__)
#define GROUPS(name, c, rank, ...) FORWARD(fused_groupnorm, name, 3, c, rank, __VA_ARGS__), BACKWARD(fused_groupnorm, name, 2, c, rank, __VA_ARGS__)
#define BOTH(op, name, rank, ...) FORWARD(op, name, 1, 1, rank, __VA_ARGS__), BACKWARD(op, name, 1, 1, rank, __VA_ARGS__)

static const sample rows[] = {
    NORMS(3, 2, 4, 3),
    NORMS(5, 3, 2, 3, 5),
    NORMS(7, 1, 7),
    NORMS(37, 2, 2, 37), /* sums side by side, and a remainder */
    NORMS(3, 8, 1, 2, 1, 1, 2, 1, 1, 3),
    NORMS(3, 2, 0, 3),
    BOTH(fused_l2_normalize, l2_last, 2, 4, 3),
    BOTH(fused_l2_normalize, l2_last, 2, 0, 3),
    BOTH(fused_l2_normalize, l2_last, 1, 37),
    BOTH(fused_l2_normalize, l2_0, 3, 3, 2, 2),
    BOTH(fused_l2_normalize, l2_1, 3, 2, 3, 4),
    BOTH(fused_l2_normalize, l2_1, 8, 1, 3, 1, 1, 2, 1, 1, 2),
    BOTH(fused_softmax, softmax_last, 2, 4, 3),
    BOTH(fused_softmax, softmax_last, 2, 0, 3),
    BOTH(fused_softmax, softmax_last, 1, 37),
    BOTH(fused_softmax, softmax_0, 3, 3, 2, 2),
    BOTH(fused_softmax, softmax_1, 3, 2, 3, 4),
    BOTH(fused_softmax, softmax_1, 8, 1, 3, 1, 1, 2, 1, 1, 2),
    BOTH(fused_log_softmax, log_softmax_last, 2, 4, 3),
    BOTH(fused_log_softmax, log_softmax_last, 2, 0, 3),
    BOTH(fused_log_softmax, log_softmax_last, 1, 37),
    BOTH(fused_log_softmax, log_softmax_0, 3, 3, 2, 2),
    BOTH(fused_log_softmax, log_softmax_1, 3, 2, 3, 4),
    BOTH(fused_log_softmax, log_softmax_1, 8, 1, 3, 1, 1, 2, 1, 1, 2),
    GROUPS(groupnorm_1, 3, 2, 2, 3),
    GROUPS(groupnorm_2, 4, 3, 0, 4, 5),
    GROUPS(groupnorm_2, 10, 2, 3, 10),
    GROUPS(groupnorm_2, 4, 3, 2, 4, 5),
    GROUPS(groupnorm_2, 74, 2, 2, 74), /* sums side by side, and a remainder */
    GROUPS(groupnorm_2, 2, 4, 1, 2, 5, 7),
    GROUPS(groupnorm_2, 2, 8, 2, 2, 1, 3, 1, 1, 2, 1),
    GROUPS(instancenorm, 3, 3, 2, 3, 4),
    BOTH(fused_groupnorm, groupnorm_plain, 3, 2, 4, 3),
    BOTH(fused_gelu, gelu, 2, 4, 3),
    BOTH(fused_gelu, gelu, 2, 0, 3),
    BOTH(fused_gelu, gelu, 0, 0),
    BOTH(fused_gelu, gelu, 1, 37),
    BOTH(fused_gelu, gelu, 8, 1, 2, 1, 3, 1, 2, 1, 1),
    {"fused_softmax_cross_entropy", build_cross_entropy, naive_cross_entropy, 2, {{2, {5, SHORT}}, {1, {5}}}, {NORMAL, INDEX}, false},
    {"fused_softmax_cross_entropy", build_cross_entropy, naive_cross_entropy, 2, {{2, {3, 37}}, {1, {3}}}, {NORMAL, INDEX}, false},
    {"fused_softmax_cross_entropy", build_cross_entropy, naive_cross_entropy, 2, {{2, {1, SHORT}}, {1, {1}}}, {NORMAL, INDEX}, false},
    {"fused_softmax_cross_entropy_backward", build_cross_entropy_backward, naive_cross_entropy_backward, 3,
     {{0, {0}}, {2, {1, SHORT}}, {1, {1}}}, {AWAY, NORMAL, INDEX}, false},
    {"fused_softmax_cross_entropy_backward", build_cross_entropy_backward, naive_cross_entropy_backward, 3,
     {{0, {0}}, {2, {5, SHORT}}, {1, {5}}}, {AWAY, NORMAL, INDEX}, false},
};

SAMPLE_TABLE(samples_fused);

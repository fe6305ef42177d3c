/* samples_staged.c: staged functions; norms and softmax from closed_forms.h. */
#include "tests/closed_forms.h"
#include "tests/sample_table.h"

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
};

SAMPLE_TABLE(samples_staged);

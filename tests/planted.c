/* planted.c: the table of planted bugs, and the families of planted_norms.c and planted_layers.c put on a tape. */
#include "tests/planted.h"
#include "tests/planted_families.h"

#include <math.h>

#define BN planted_batchnorm
#define LN planted_layernorm

static const planted_bug bugs[] = {
    {"mean path forgotten", "darknet #1723", &BN, MEAN_PATH, 0, "the derivative through the mean mu is missing"},
    {"variance path forgotten", "darknet #1634", &BN, VARIANCE_PATH, 0, "the derivative through the variance sigma2 is missing"},
    {"mean and variance taken as constants", "CrypTen PR #143", &BN, BOTH_PATHS, 0,
     "the derivative through the mean mu and through the variance sigma2 are missing"},
    {"gamma skipped", "Knet #288", &BN, GAMMA_SKIPPED, 0, "the factor gamma is skipped"},
    {"saved inverse deviation taken as variance", "FlagGems #5222", &BN, RSTD_AS_VARIANCE, 0, "rstd is taken as the variance"},
    {"variance for the inverse deviation", NULL, &BN, VARIANCE_FOR_RSTD, 0, "the variance sigma2 in place of rstd"},
    {"deviation for its inverse", NULL, &BN, STD_FOR_RSTD, 0, "1/rstd in place of rstd"},
    {"n-1 for n in the backward only", NULL, &BN, BESSEL, 0, "N-1 in place of N = 8"},
    {"unbiased variance in the backward only", NULL, &BN, UNBIASED, 0, "N-1 in place of N = 8"},
    {"eps outside the root", NULL, &BN, EPS_OUTSIDE, 0, "eps is added outside the root"},
    {"eps forgotten", NULL, &BN, EPS_FORGOTTEN, 0, "eps is left out"},
    {"mean path without 1/N", NULL, &BN, SUM_IN_MEAN, 0, "a sum where a mean belongs"},
    {"variance path without 1/N", NULL, &BN, SUM_IN_VARIANCE, 0, "a sum where a mean belongs"},
    {"factor 2 missing in dvar", NULL, &BN, TWO_FORGOTTEN, 0, "1/2 times"},
    {"factor -1/2 missing in dvar", NULL, &BN, HALF_FORGOTTEN, 0, "-2 times"},
    {"sign of dmu", NULL, &BN, MEAN_SIGN, 0, "h -> mu -> centred has the opposite sign"},
    {"sign of dvar", NULL, &BN, VARIANCE_SIGN, 0, "has the opposite sign"},
    {"running statistics in training", "matconvnet #1174", &planted_batchnorm_running, RUNNING, 0, "running_variance in place of"},
    {"dgamma not summed", "nn-zero-to-hero #59", &BN, UNSUMMED, 1, "the sum over axis 0 is missing"},
    {"dbeta not summed", NULL, &BN, UNSUMMED, 2, "the sum over axis 0 is missing"},
    {"dgamma a mean", NULL, &BN, MEAN_FOR_SUM, 1, "a mean where a sum belongs"},
    {"dbeta a mean", NULL, &BN, MEAN_FOR_SUM, 2, "a mean where a sum belongs"},
    {"dgamma assigned for accumulated", NULL, &BN, LAST_ROW, 1, "assigned, not added up"},
    {"dbeta assigned for accumulated", NULL, &BN, LAST_ROW, 2, "assigned, not added up"},
    {"dgamma of what is not normalised", NULL, &BN, RSTD_SKIPPED, 1, "the factor rstd is skipped"},
    {"dgamma of a wrong inverse deviation", "FlagGems #5222", &BN, RSTD_AS_VARIANCE, 1, "rstd is taken as the variance"},
    {"dgamma with eps outside the root", NULL, &BN, EPS_OUTSIDE, 1, "eps is added outside the root"},

    {"layernorm: mean path forgotten", NULL, &LN, MEAN_PATH, 0, "the derivative through the mean mu is missing"},
    {"layernorm: variance path forgotten", NULL, &LN, VARIANCE_PATH, 0, "the derivative through the variance sigma2 is missing"},
    {"layernorm: gamma outside the means", NULL, &LN, GAMMA_OUTSIDE, 0, "gamma behind the sums"},
    {"layernorm: n-1 for n", NULL, &LN, BESSEL, 0, "N-1 in place of N = 5"},
    {"layernorm: dgamma not summed", NULL, &LN, UNSUMMED, 1, "the sum over axis 0 is missing"},
    {"rmsnorm: mean square path forgotten", NULL, &planted_rmsnorm, VARIANCE_PATH, 0,
     "the derivative through the mean square mean_square is missing"},
    {"rmsnorm: sum for mean", NULL, &planted_rmsnorm, SUM_IN_VARIANCE, 0, "a sum where a mean belongs"},
    {"rmsnorm: gamma skipped", NULL, &planted_rmsnorm, GAMMA_SKIPPED, 0, "the factor gamma is skipped"},
    {"rmsnorm: gamma outside the mean", NULL, &planted_rmsnorm, GAMMA_OUTSIDE, 0, "gamma behind the sums"},
    {"rmsnorm: dgamma of x itself", NULL, &planted_rmsnorm, RSTD_SKIPPED, 1, "the factor rrms is skipped"},
    {"l2_normalize: length taken as constant", NULL, &planted_l2_normalize, VARIANCE_PATH, 0,
     "the derivative through the sum of squares total is missing"},
    {"l2_normalize: factor 2 missing", NULL, &planted_l2_normalize, TWO_FORGOTTEN, 0, "1/2 times"},
    {"l2_normalize: eps outside the root", NULL, &planted_l2_normalize, EPS_OUTSIDE, 0, "eps is added outside the root"},
    {"l2_normalize: not divided by the length", NULL, &planted_l2_normalize, FACTOR_SKIPPED, 0, "1/rnorm"},

    {"softmax: sum path forgotten", NULL, &planted_softmax, SUM_PATH, 0, "the derivative through the sum total is missing"},
    {"softmax: the diagonal of its Jacobian only", NULL, &planted_softmax, DIAGONAL, 0, "the sum over axis 1 is missing"},
    {"softmax: sign of the sum path", NULL, &planted_softmax, SIGN, 0, "has the opposite sign"},
    {"cross-entropy: not divided by N", NULL, &planted_cross_entropy, NOT_DIVIDED, 0, "a sum where a mean belongs"},
    {"cross-entropy: the other sign", NULL, &planted_cross_entropy, SIGN, 0, "the opposite sign"},
    {"cross-entropy: target not taken off", NULL, &planted_cross_entropy, OWN_PATH, 0, "without the path"},
    {"cross-entropy: softmax forgotten", NULL, &planted_cross_entropy, SUM_PATH, 0, "the derivative through the sum"},

    {"affine: w not transposed in dx", NULL, &planted_affine, W_NOT_TRANSPOSED, 0, "w is transposed where it must not be, or not where it must"},
    {"affine: x not transposed in dw", NULL, &planted_affine, X_NOT_TRANSPOSED, 1, "x is transposed where it must not be, or not where it must"},
    {"affine: dw transposed", NULL, &planted_affine, RESULT_TRANSPOSED, 1, "the transpose of the true gradient"},
    {"affine: bias gradient not summed", NULL, &planted_affine, UNSUMMED, 2, "the sum over axis 0 is missing"},
    {"affine: bias gradient averaged", NULL, &planted_affine, MEAN_FOR_SUM, 2, "a mean where a sum belongs"},
    {"affine: bias gradient of the last row", NULL, &planted_affine, LAST_ROW, 2, "assigned, not added up"},
    {"relu: mask forgotten", NULL, &planted_relu_layer, MASK_FORGOTTEN, 0, "the derivative of relu is left out"},
    {"relu: mask of the layer's input", NULL, &planted_relu_layer, MASK_OF_X, 1, "the derivative of relu is taken at x"},
    {"relu: mask of the cotangent", NULL, &planted_relu_layer, MASK_OF_DY, 1, "the derivative of relu is taken at dy"},
    {"residual: assigned for accumulated, layer lost", "micrograd #2", &planted_residual, LAYER_PATH, 0, "x -> inner -> y"},
    {"residual: assigned for accumulated, skip lost", "micrograd #2", &planted_residual, SKIP_PATH, 0, "without the path x -> y"},
    {"ridge: weight decay forgotten", NULL, &planted_ridge, DECAY_PATH, 1, "without the path w -> decay"},
    {"ridge: factor 2 of the decay", NULL, &planted_ridge, TWO_FORGOTTEN, 1, "1/2 times"},
    {"ridge: error not divided by N", NULL, &planted_ridge, NOT_DIVIDED, 0, "a sum where a mean belongs"},
    {"ridge: sign of the target's gradient", NULL, &planted_ridge, SIGN, 2, "the opposite sign"},
};

static const planted_family *const families[] = {
    &planted_batchnorm, &planted_batchnorm_running, &planted_layernorm, &planted_rmsnorm, &planted_l2_normalize, &planted_softmax,
    &planted_cross_entropy, &planted_affine, &planted_relu_layer, &planted_residual, &planted_ridge,
};

size_t planted_count(void)
{
    return sizeof bugs / sizeof *bugs;
}

const planted_bug *planted_at(size_t i)
{
    return i < planted_count() ? &bugs[i] : NULL;
}

size_t planted_family_count(void)
{
    return sizeof families / sizeof *families;
}

const planted_family *planted_family_at(size_t i)
{
    return i < planted_family_count() ? families[i] : NULL;
}

void planted_record(const planted_family *family, planted_mistake mistake, weft_tape *tape, weft_dtype dtype, planted_graph *graph)
{
    *graph = (planted_graph){0};
    for (int i = 0; i < family->n; i++)
        graph->x[i] = weft_input(tape, family->x[i].name, dtype, family->x[i].shape.rank, family->x[i].shape.dim);
    graph->y = family->value(graph->x);
    weft_shape shape = weft_node_shape(graph->y);
    graph->dy = weft_input(tape, "dy", dtype, shape.rank, shape.dim);
    family->gradient(graph->x, graph->dy, mistake, graph->dx);
}

/* 0 to 1. Source: Steele, Lea and Flood, 2014, SplitMix64. */
static double draw(uint64_t *seed)
{
    uint64_t z = *seed += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return ((double)((z ^ z >> 31) >> 11) + 0.5) * 0x1p-53;
}

void planted_fill(const planted_operand *operand, uint64_t *seed, size_t count, double *values)
{
    for (size_t i = 0; i < count; i++) {
        double u = draw(seed), v = draw(seed);
        bool positive = operand && operand->values == PLANTED_POSITIVE;
        values[i] = positive ? 0.5 + 1.5 * u : sqrt(-2 * log(u)) * cos(6.283185307179586 * v); /* Box and Muller, 1958 */
    }
}

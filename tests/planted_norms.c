/* planted_norms.c: hand-derived gradients of normalisations. One closed form serves them all: with u = gamma*dy and means over what is normalised,
 *     dx = rstd * (u - mean(u) - xhat*mean(u*xhat))
 * where mean(u) is the path through the mean, and the last term the one through the variance. Source: Ba, Kiros and Hinton, 2016. */
#include "tests/planted_families.h"

static const double eps = 0.02; /* large enough that its place is seen */

static weft_node real(weft_node like, double v)
{
    return weft_scalar_like(like, v);
}

static weft_node times(weft_node x, double v)
{
    return weft_mul(real(x, v), x);
}

typedef struct statistics {
    weft_node centred, variance, rstd, rstd_read, xhat; /* x's shape, and (..., 1, ...) */
    double n;
    int axis;
} statistics;

/* What the backward pass reads. rstd_read is the factor in front of the bracket. */
static statistics read_statistics(weft_node x, int axis, bool centre, planted_mistake mistake)
{
    statistics s = {.axis = axis, .n = (double)weft_node_shape(x).dim[axis]};
    unsigned along = WEFT_AXIS(axis);
    s.centred = centre ? weft_sub(x, weft_mean(x, along, true)) : x;
    s.variance = weft_mean(weft_square(s.centred), along, true);
    weft_node inside = weft_add(mistake == UNBIASED ? times(s.variance, s.n / (s.n - 1)) : s.variance, real(x, mistake == EPS_FORGOTTEN ? 0 : eps));
    s.rstd = weft_rsqrt(inside);
    if (mistake == EPS_OUTSIDE)
        s.rstd = weft_reciprocal(weft_add(weft_sqrt(s.variance), real(x, eps)));
    if (mistake == RSTD_AS_VARIANCE)
        s.rstd = weft_rsqrt(weft_add(s.rstd, real(x, eps)));
    s.rstd_read = mistake == VARIANCE_FOR_RSTD ? s.variance : mistake == STD_FOR_RSTD ? weft_reciprocal(s.rstd) : s.rstd;
    s.xhat = weft_mul(s.centred, s.rstd);
    return s;
}

static weft_node fold(const statistics *s, weft_node x, bool sum)
{
    return sum ? weft_sum(x, WEFT_AXIS(s->axis), true) : weft_mean(x, WEFT_AXIS(s->axis), true);
}

static double variance_factor(double n, planted_mistake mistake)
{
    switch (mistake) {
    case BESSEL: return n / (n - 1);
    case TWO_FORGOTTEN: return 0.5;
    case HALF_FORGOTTEN: return -2;
    case VARIANCE_SIGN: return -1;
    case VARIANCE_PATH:
    case BOTH_PATHS: return 0;
    default: return 1;
    }
}

/* dy has gone through gamma already. */
static weft_node normalised(const statistics *s, weft_node u, bool centre, planted_mistake mistake)
{
    weft_node bracket = u;
    if (centre && mistake != MEAN_PATH && mistake != BOTH_PATHS) {
        weft_node through_mean = fold(s, u, mistake == SUM_IN_MEAN);
        bracket = mistake == MEAN_SIGN ? weft_add(bracket, through_mean) : weft_sub(bracket, through_mean);
    }
    double factor = variance_factor(s->n, mistake);
    weft_node through_variance = weft_mul(s->xhat, fold(s, weft_mul(u, s->xhat), mistake == SUM_IN_VARIANCE));
    if (factor != 0)
        bracket = weft_sub(bracket, times(through_variance, factor));
    return weft_mul(s->rstd_read, bracket);
}

static weft_node through_gamma(weft_node gamma, weft_node dy, planted_mistake mistake)
{
    return mistake == GAMMA_SKIPPED || mistake == GAMMA_OUTSIDE ? dy : weft_mul(gamma, dy);
}

/* (N, D) -> (D) */
static weft_node over_rows(weft_node x, planted_mistake mistake)
{
    size_t n = weft_node_shape(x).dim[0], d = weft_node_shape(x).dim[1];
    switch (mistake) {
    case UNSUMMED: return x;
    case MEAN_FOR_SUM: return weft_mean(x, WEFT_AXIS(0), false);
    case LAST_ROW: return weft_reshape(weft_slice(x, (ptrdiff_t[]){(ptrdiff_t)n - 1, 0}, NULL, NULL), 1, &d);
    default: return weft_sum(x, WEFT_AXIS(0), false);
    }
}

static void centred_gradient(const weft_node *x, weft_node dy, int axis, planted_mistake mistake, weft_node *dx)
{
    statistics s = read_statistics(x[0], axis, true, mistake);
    dx[0] = normalised(&s, through_gamma(x[1], dy, mistake), true, mistake);
    if (mistake == GAMMA_OUTSIDE)
        dx[0] = weft_mul(x[1], dx[0]);
    dx[1] = over_rows(weft_mul(dy, mistake == RSTD_SKIPPED ? s.centred : s.xhat), mistake);
    dx[2] = over_rows(dy, mistake);
}

/* --- batch normalization: over the rows --- */

static weft_node batchnorm_value(const weft_node *x)
{
    return weft_batchnorm(x[0], x[1], x[2], eps);
}

static void batchnorm_gradient(const weft_node *x, weft_node dy, planted_mistake mistake, weft_node *dx)
{
    centred_gradient(x, dy, 0, mistake, dx);
    if (mistake == RUNNING) /* x: h, gamma, beta, running_mean, running_variance: the gradient of evaluation */
        dx[0] = weft_mul(weft_mul(x[1], weft_rsqrt(weft_add(x[4], real(x[4], eps)))), dy);
}

#define ROWS {2, {8, 3}}
#define COLUMNS {1, {3}}
const planted_family planted_batchnorm = {"batchnorm", 3, {{"h", ROWS, PLANTED_NORMAL, false}, {"gamma", COLUMNS, PLANTED_POSITIVE, false},
    {"beta", COLUMNS, PLANTED_NORMAL, false}}, batchnorm_value, batchnorm_gradient};
const planted_family planted_batchnorm_running = {"batchnorm with running statistics", 5, {{"h", ROWS, PLANTED_NORMAL, false},
    {"gamma", COLUMNS, PLANTED_POSITIVE, false}, {"beta", COLUMNS, PLANTED_NORMAL, false}, {"running_mean", COLUMNS, PLANTED_NORMAL, true},
    {"running_variance", COLUMNS, PLANTED_POSITIVE, true}}, batchnorm_value, batchnorm_gradient};

/* --- layer normalization: over the columns --- */

static weft_node layernorm_value(const weft_node *x)
{
    return weft_layernorm(x[0], x[1], x[2], eps);
}

static void layernorm_gradient(const weft_node *x, weft_node dy, planted_mistake mistake, weft_node *dx)
{
    centred_gradient(x, dy, 1, mistake, dx);
}

const planted_family planted_layernorm = {"layernorm", 3, {{"x", {2, {4, 5}}, PLANTED_NORMAL, false}, {"gamma", {1, {5}}, PLANTED_POSITIVE, false},
    {"beta", {1, {5}}, PLANTED_NORMAL, false}}, layernorm_value, layernorm_gradient};

static weft_node rmsnorm_value(const weft_node *x)
{
    return weft_rmsnorm(x[0], x[1], eps);
}

static void rmsnorm_gradient(const weft_node *x, weft_node dy, planted_mistake mistake, weft_node *dx)
{
    statistics s = read_statistics(x[0], 1, false, mistake);
    dx[0] = normalised(&s, through_gamma(x[1], dy, mistake), false, mistake);
    if (mistake == GAMMA_OUTSIDE)
        dx[0] = weft_mul(x[1], dx[0]);
    dx[1] = over_rows(weft_mul(dy, mistake == RSTD_SKIPPED ? s.centred : s.xhat), mistake);
}

const planted_family planted_rmsnorm = {"rmsnorm", 2, {{"x", {2, {4, 5}}, PLANTED_NORMAL, false}, {"gamma", {1, {5}}, PLANTED_POSITIVE, false}},
    rmsnorm_value, rmsnorm_gradient};

/* --- vectors of length 1: dx = r*(dy - xhat*sum(dy*xhat)), r = (sum(x**2) + eps)**(-1/2) --- */

static weft_node l2_normalize_value(const weft_node *x)
{
    return weft_l2_normalize(x[0], 1, eps);
}

static void l2_normalize_gradient(const weft_node *x, weft_node dy, planted_mistake mistake, weft_node *dx)
{
    weft_node total = weft_sum(weft_square(x[0]), WEFT_AXIS(1), true), r = weft_rsqrt(weft_add(total, real(total, eps)));
    if (mistake == EPS_OUTSIDE)
        r = weft_reciprocal(weft_add(weft_sqrt(total), real(total, eps)));
    weft_node xhat = weft_mul(x[0], r);
    weft_node through_length = times(weft_mul(xhat, weft_sum(weft_mul(dy, xhat), WEFT_AXIS(1), true)), variance_factor(1, mistake));
    dx[0] = weft_sub(dy, through_length);
    if (mistake != FACTOR_SKIPPED)
        dx[0] = weft_mul(r, dx[0]);
}

const planted_family planted_l2_normalize = {"l2_normalize", 1, {{"x", {2, {4, 5}}, PLANTED_NORMAL, false}},
    l2_normalize_value, l2_normalize_gradient};

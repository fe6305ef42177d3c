/* plain_channels.c: fused groupnorm and batchnorm by given moments, whose gamma and beta belong to channels, and gelu, by the formulas that weft.h and
 * the ops print. */
#include "tests/plain_work.h"

#include <math.h>
#include <stdlib.h>

static const bounded none = {0, 0}, one = {1, 0};

/* As plain_fused.c has it: a kernel by hand need not add up the terms themselves. */
static bounded_total in_any_way(void)
{
    bounded_total total = bounded_nothing();
    total.whole = false;
    return total;
}

/* x (samples, channels, inner): element i of row k, which is a sample's group, is of channel k % groups * own + i / inner. */
typedef struct rows {
    size_t count, length, groups, channels, inner;
} rows;

static rows rows_of(const weft_shape *x, size_t groups)
{
    rows r = {.groups = groups, .channels = x->dim[1], .inner = 1};
    for (int i = 2; i < x->rank; i++)
        r.inner *= x->dim[i];
    r.count = x->dim[0] * groups;
    r.length = x->dim[1] / groups * r.inner;
    return r;
}

static size_t channel_of(const rows *v, size_t k, size_t i)
{
    return k % v->groups * (v->channels / v->groups) + i / v->inner;
}

typedef struct group_attributes {
    double eps;
    int64_t groups;
} group_attributes;

/* y = gamma (x - mean) rstd + beta; operands x, gamma, beta. */
void plain_groupnorm(const work *w)
{
    const rounding *r = &w->p->rounding;
    const group_attributes *a = weft_node_attributes(w->node);
    rows v = rows_of(&w->x_shape[0], (size_t)a->groups);
    bounded n = bounded_exact((long double)v.length);
    for (size_t k = 0; k < v.count; k++) {
        const bounded *x = w->x[0] + k * v.length;
        bounded_total total = in_any_way(), squares = in_any_way();
        for (size_t i = 0; i < v.length; i++)
            bounded_take(&total, x[i]);
        bounded mean = w->y[1][k] = bounded_div(r, bounded_end(r, &total, r->sum_unit), n, none);
        for (size_t i = 0; i < v.length; i++) {
            bounded centred = bounded_sub(r, x[i], mean, none);
            bounded_take(&squares, bounded_mul(r, centred, centred, none));
        }
        bounded sigma2 = bounded_div(r, bounded_end(r, &squares, r->sum_unit), n, none);
        bounded rstd = w->y[2][k] = bounded_div(r, one, bounded_sqrt(r, bounded_add(r, sigma2, bounded_exact(a->eps), none), none, none), none);
        for (size_t i = 0; i < v.length; i++) {
            size_t c = channel_of(&v, k, i);
            bounded xhat = bounded_mul(r, bounded_sub(r, x[i], mean, none), rstd, none);
            w->y[0][k * v.length + i] = bounded_add(r, bounded_mul(r, w->x[1][c], xhat, none), w->x[2][c], none);
        }
    }
}

/* dx = rstd (u - mean u - xhat mean(u xhat)), u = gamma dy; dgamma = sum(dy xhat), dbeta = sum dy; operands dy, x, gamma, mean, rstd. */
void plain_groupnorm_backward(const work *w)
{
    const rounding *r = &w->p->rounding;
    rows v = rows_of(&w->x_shape[1], w->x_shape[3].dim[1]);
    bounded n = bounded_exact((long double)v.length);
    bounded_total *dgamma = malloc(v.channels * sizeof *dgamma + 1), *dbeta = malloc(v.channels * sizeof *dbeta + 1);
    for (size_t c = 0; c < v.channels; c++)
        dgamma[c] = dbeta[c] = in_any_way();
    for (size_t k = 0; k < v.count; k++) {
        const bounded *dy = w->x[0] + k * v.length, *x = w->x[1] + k * v.length;
        bounded mean = w->x[3][k], rstd = w->x[4][k];
        bounded_total sum = in_any_way(), dot = in_any_way();
        for (size_t i = 0; i < v.length; i++) {
            size_t c = channel_of(&v, k, i);
            bounded u = bounded_mul(r, w->x[2][c], dy[i], none), xhat = bounded_mul(r, bounded_sub(r, x[i], mean, none), rstd, none);
            bounded_take(&sum, u);
            bounded_take(&dot, bounded_mul(r, u, xhat, none));
            bounded_take(&dgamma[c], bounded_mul(r, dy[i], xhat, none));
            bounded_take(&dbeta[c], dy[i]);
        }
        bounded mean_u = bounded_div(r, bounded_end(r, &sum, r->sum_unit), n, none), slope = bounded_div(r, bounded_end(r, &dot, r->sum_unit), n, none);
        for (size_t i = 0; i < v.length; i++) {
            bounded u = bounded_mul(r, w->x[2][channel_of(&v, k, i)], dy[i], none);
            bounded xhat = bounded_mul(r, bounded_sub(r, x[i], mean, none), rstd, none);
            bounded bracket = bounded_sub(r, bounded_sub(r, u, mean_u, none), bounded_mul(r, xhat, slope, none), none);
            w->y[0][k * v.length + i] = bounded_mul(r, rstd, bracket, none);
        }
    }
    for (size_t c = 0; c < v.channels; c++) {
        w->y[1][c] = bounded_end(r, &dgamma[c], r->sum_unit);
        w->y[2][c] = bounded_end(r, &dbeta[c], r->sum_unit);
    }
    free(dgamma);
    free(dbeta);
}

/* --- by given moments --- */

typedef struct evaluation {
    double eps;
    int64_t relu, frozen;
} evaluation;

/* (variance + eps)**(-1/2) */
static bounded rstd_of(const work *w, bounded variance)
{
    const rounding *r = &w->p->rounding;
    const evaluation *a = weft_node_attributes(w->node);
    return bounded_div(r, one, bounded_sqrt(r, bounded_add(r, variance, bounded_exact(a->eps), none), none, none), none);
}

/* y = gamma (h - mean) rstd + beta of h (N, C); operands h, gamma, beta, mean, variance. */
void plain_evaluated(const work *w)
{
    const rounding *r = &w->p->rounding;
    const evaluation *a = weft_node_attributes(w->node);
    size_t channels = w->x_shape[0].dim[1];
    for (size_t i = 0; i < w->count; i++) {
        size_t c = i % channels;
        bounded hhat = bounded_mul(r, bounded_sub(r, w->x[0][i], w->x[3][c], none), rstd_of(w, w->x[4][c]), none);
        bounded z = bounded_add(r, bounded_mul(r, w->x[1][c], hhat, none), w->x[2][c], none);
        w->y[0][i] = a->relu ? bounded_relu(r, z, none, none) : z;
    }
}

/* dh = gamma rstd dy, dgamma = sum(dy hhat), dbeta = sum dy, of dy what passes; operands dy, h, gamma, mean, variance, beta. */
void plain_evaluated_backward(const work *w)
{
    const rounding *r = &w->p->rounding;
    const evaluation *a = weft_node_attributes(w->node);
    size_t channels = w->x_shape[1].dim[1];
    for (size_t c = 0; c < channels; c++) {
        bounded rstd = rstd_of(w, w->x[4][c]), scale = bounded_mul(r, w->x[2][c], rstd, none);
        bounded_total sum = in_any_way(), dot = in_any_way();
        for (size_t i = c; i < w->count; i += channels) {
            bounded dy = w->x[0][i], hhat = bounded_mul(r, bounded_sub(r, w->x[1][i], w->x[3][c], none), rstd, none);
            if (a->relu) {
                bounded mask = bounded_greater(r, bounded_add(r, bounded_mul(r, w->x[2][c], hhat, none), w->x[5][c], none), none, none);
                w->p->undecided |= mask.e > 0;
                dy = bounded_mul(r, dy, mask, none);
            }
            w->y[0][i] = bounded_mul(r, scale, dy, none);
            bounded_take(&dot, bounded_mul(r, dy, hhat, none));
            bounded_take(&sum, dy);
        }
        w->y[1][c] = bounded_end(r, &dot, r->sum_unit);
        w->y[2][c] = bounded_end(r, &sum, r->sum_unit);
    }
}

/* --- gelu --- */

/* P(x) = (1 + erf(x / sqrt 2))/2, as it is written, since the staged twin loses what it loses; a kernel may know it better. */
static bounded below(const rounding *r, bounded x)
{
    bounded erf = bounded_monotone(r, exact_erf, bounded_mul(r, x, bounded_exact(sqrtl(0.5L)), none));
    return bounded_mul(r, bounded_exact(0.5L), bounded_add(r, one, erf, none), none);
}

void plain_gelu(const work *w)
{
    for (size_t i = 0; i < w->count; i++)
        w->y[0][i] = bounded_mul(&w->p->rounding, w->x[0][i], below(&w->p->rounding, w->x[0][i]), none);
}

/* dx = dy (P(x) + x exp(-x**2/2)/sqrt(2 pi)); operands dy, x. */
void plain_gelu_backward(const work *w)
{
    const rounding *r = &w->p->rounding;
    bounded scale = bounded_exact(1 / sqrtl(2 * acosl(-1)));
    for (size_t i = 0; i < w->count; i++) {
        bounded x = w->x[1][i], power = bounded_monotone(r, exact_exp, bounded_mul(r, bounded_exact(-0.5L), bounded_mul(r, x, x, none), none));
        bounded slope = bounded_add(r, below(r, x), bounded_mul(r, x, bounded_mul(r, scale, power, none), none), none);
        w->y[0][i] = bounded_mul(r, w->x[0][i], slope, none);
    }
}

/* batchnorm.c: batch normalization, forward and backward, by hand. ops/staged/batchnorm.c is the same as the paper writes it.
 *
 * Forward, two reads of h: moments, then the result. The moments take one read: within a block of rows, sums of d = h - k and d**2 with
 * k the block's first row; blocks are merged by Chan's rule. A row of the data is a safe shift: (k - mean)**2 <= N sigma2, so at most
 * log2(N + 1) bits of the f64 sums cancel, and only within a block. A constant column gives exactly 0.
 *
 * Backward, with x = (h - mu) r, r = (sigma2 + eps)**(-1/2), everything summed over the batch:
 *     dL/dx[i] = g dy[i]                                   y = g x + b
 *     dL/dr    = sum_i g dy[i] (h[i] - mu)                 x = (h - mu) r
 *     dL/dsigma2 = -1/2 r**3 dL/dr                         r = (sigma2 + eps)**(-1/2)
 *     dL/dmu   = -r sum_i g dy[i]                          the path through sigma2 adds -2/N sum_i (h[i] - mu) dL/dsigma2 = 0
 *     dL/dh[i] = g r dy[i] + 2/N (h[i] - mu) dL/dsigma2 + 1/N dL/dmu
 *              = g r / N (N dy[i] - sum dy - x[i] sum dy x)
 * and dgamma = sum dy x, dbeta = sum dy: two sums over (dy, h) in one read, then one read that writes dh.
 * All arithmetic is in f64. Where sigma2 + eps is 0, r is taken as 0: y = beta and dh = 0. */
#include "ops/staged/staged.h"

#include <math.h>
#include <string.h>

/* Narrow arrays are read as if `group` rows were one, so that inner loops are long. */
typedef struct columns {
    size_t rows, width; /* (N, D) */
    size_t group;       /* rows side by side */
} columns;

static columns arrange(const weft_view *h)
{
    columns c = {.rows = h->dim[0], .width = h->dim[1], .group = 1};
    if (c.width && c.width < 64)
        c.group = 64 / c.width;
    return c;
}

enum { BLOCK_ROWS = 128, COLUMN_ARRAYS = 5 }; /* per-column f64 arrays of either pass */

static size_t columns_workspace(const weft_typing *t, int h)
{
    weft_view view = {.dim = t->x[h].dim};
    columns c = arrange(&view);
    return COLUMN_ARRAYS * (c.width * c.group) * sizeof(double);
}

#define T float
#define FN(name) name##_f32
#include "ops/fused/batchnorm_loops.inc"
#undef FN
#undef T
#define T double
#define FN(name) name##_f64
#include "ops/fused/batchnorm_loops.inc"
#undef FN
#undef T

static double element(const weft_view *x, size_t i)
{
    return x->dtype == WEFT_F32 ? (double)((const float *)x->data)[i] : ((const double *)x->data)[i];
}

/* Repeats the first `width` of the columns for each row of a group. */
static void repeat(double *column, const columns *c)
{
    for (size_t g = 1; g < c->group; g++)
        memcpy(column + g * c->width, column, c->width * sizeof *column);
}

/* --- forward --- */

static weft_status forward_shape(weft_typing *t)
{
    t->y[0] = t->x[0];
    t->y[1] = t->y[2] = t->x[1];
    return WEFT_OK;
}

static size_t forward_workspace(const weft_typing *t)
{
    return columns_workspace(t, 0);
}

static weft_status forward_kernel(const weft_call *call)
{
    const weft_view *h = &call->x[0], *gamma = &call->x[1], *beta = &call->x[2], *y = &call->y[0];
    double eps = *(const double *)call->attributes, *mean_out = call->y[1].data, *rstd_out = call->y[2].data;
    columns c = arrange(h);
    size_t wide = c.width * c.group;
    if (!wide)
        return WEFT_OK; /* no columns, and no workspace either */
    double *mean = call->workspace, *square = mean + wide, *spare = square + wide;
    if (h->dtype == WEFT_F32)
        moments_f32(&c, h->data, mean, square, spare);
    else
        moments_f64(&c, h->data, mean, square, spare);
    double *scale = square, *offset = spare;
    for (size_t i = 0; i < c.width; i++) {
        double variance = square[i] / (double)c.rows + eps, rstd = variance == 0 ? 0 : 1 / sqrt(variance);
        mean_out[i] = mean[i];
        rstd_out[i] = rstd;
        scale[i] = element(gamma, i) * rstd;
        offset[i] = element(beta, i);
    }
    repeat(mean, &c);
    repeat(scale, &c);
    repeat(offset, &c);
    if (h->dtype == WEFT_F32)
        apply_f32(&c, h->data, mean, scale, offset, y->data);
    else
        apply_f64(&c, h->data, mean, scale, offset, y->data);
    return WEFT_OK;
}

/* --- backward: (dy, h, gamma, mean, rstd) -> dh, dgamma, dbeta --- */

static weft_status backward_shape(weft_typing *t)
{
    t->y[0] = t->x[1];
    t->y[1] = t->y[2] = t->x[2];
    return WEFT_OK;
}

static size_t backward_workspace(const weft_typing *t)
{
    return columns_workspace(t, 1);
}

static weft_status backward_kernel(const weft_call *call)
{
    const weft_view *dy = &call->x[0], *h = &call->x[1], *gamma = &call->x[2];
    double *dgamma = call->y[1].data, *dbeta = call->y[2].data;
    columns c = arrange(h);
    size_t wide = c.width * c.group;
    if (!wide)
        return WEFT_OK;
    double n = (double)c.rows, *mean = call->workspace, *sum = mean + wide, *dot = sum + wide, *spare = dot + wide;
    for (size_t i = 0; i < c.width; i++)
        mean[i] = element(&call->x[3], i);
    repeat(mean, &c);
    if (h->dtype == WEFT_F32)
        cotangent_sums_f32(&c, dy->data, h->data, mean, sum, dot, spare);
    else
        cotangent_sums_f64(&c, dy->data, h->data, mean, sum, dot, spare);
    double *scale = spare, *mean_dy = sum, *slope = dot;
    for (size_t i = 0; i < c.width; i++) {
        double rstd = element(&call->x[4], i);
        dbeta[i] = sum[i];
        dgamma[i] = c.rows ? dot[i] * rstd : 0;
        scale[i] = element(gamma, i) * rstd;
        mean_dy[i] = sum[i] / n;
        slope[i] = rstd * (dgamma[i] / n); /* of x[i] sum(dy x) / N along h - mu */
    }
    repeat(scale, &c);
    repeat(mean_dy, &c);
    repeat(slope, &c);
    if (h->dtype == WEFT_F32)
        apply_gradient_f32(&c, dy->data, h->data, mean, scale, mean_dy, slope, call->y[0].data);
    else
        apply_gradient_f64(&c, dy->data, h->data, mean, scale, mean_dy, slope, call->y[0].data);
    return WEFT_OK;
}

/* The staged twin of the backward pass, with mean and rstd as operands of their own. */
static weft_status backward_expand(weft_node y, const weft_node *x, weft_node *outputs)
{
    (void)y;
    weft_node dy = x[0], h = x[1], gamma = x[2], mean = x[3], rstd = x[4];
    unsigned batch = WEFT_AXIS(0);
    weft_node n = weft_scalar_like(h, weft__folded_count(h, batch));
    weft_node hhat = weft_mul(weft_sub(h, mean), rstd);
    weft_node dbeta = weft_sum(dy, batch, false), dgamma = weft_sum(weft_mul(dy, hhat), batch, false);
    weft_node bracket = weft_sub(weft_sub(weft_mul(n, dy), dbeta), weft_mul(hhat, dgamma));
    outputs[0] = weft_mul(weft_div(weft_mul(gamma, rstd), n), bracket);
    outputs[1] = dgamma;
    outputs[2] = dbeta;
    return weft_tape_status(h.tape);
}

const weft_op weft_op_fused_batchnorm_backward = {
    .name = "fused_batchnorm_backward", .formula = "dh = gamma rstd/N (N dy - sum dy - hhat sum(dy hhat))", .arity = 5, .outputs = 3,
    .kind = WEFT_GENERAL, .wide_operands = 1u << 3 | 1u << 4, .wide_outputs = 1u << 1 | 1u << 2,
    .shape = backward_shape, .kernel = backward_kernel, .workspace = backward_workspace, .expand = backward_expand,
};

static void forward_vjp(weft_node y, const weft_node *x, const weft_node *dy, weft_node *dx)
{
    const weft_node operands[] = {dy[0], x[0], x[1], weft_part(y, 1), weft_part(y, 2)};
    dx[0] = weft_record(&weft_op_fused_batchnorm_backward, operands, 5, NULL);
    dx[1] = weft_part(dx[0], 1);
    dx[2] = weft_part(dx[0], 2);
}

static weft_status forward_expand(weft_node y, const weft_node *x, weft_node *outputs)
{
    weft__batchnorm_staged(x[0], x[1], x[2], *(const double *)weft_node_attributes(y), outputs);
    return weft_tape_status(y.tape);
}

const weft_op weft_op_fused_batchnorm = {
    .name = "fused_batchnorm", .formula = "y = gamma (h - mean) rstd + beta", .arity = 3, .outputs = 3,
    .kind = WEFT_GENERAL, .attribute_size = sizeof(double), .wide_outputs = 1u << 1 | 1u << 2,
    .shape = forward_shape, .kernel = forward_kernel, .workspace = forward_workspace, .vjp = forward_vjp, .expand = forward_expand,
};

weft_node weft_fused_batchnorm(weft_node h, weft_node gamma, weft_node beta, double eps)
{
    if (weft__batchnorm_check("fused_batchnorm", h, gamma, beta, eps) != WEFT_OK)
        return (weft_node){.tape = h.tape, .id = WEFT_NO_ID};
    return weft_record(&weft_op_fused_batchnorm, (weft_node[]){h, gamma, beta}, 3, &eps);
}

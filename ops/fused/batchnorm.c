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

/* Rows are taken in parts whose number depends on the size alone, so that any number of threads gives the same bits. */
enum { BLOCK_ROWS = 128, PART = 65536, MOST_PARTS = 16, WORTH_SHARING = 1 << 19 /* elements: a fork and a join cost what 100,000 take */ };

static size_t part_count(const columns *c)
{
    size_t parts = c->width ? c->rows * c->width / PART : 0;
    parts = parts > MOST_PARTS ? MOST_PARTS : parts;
    return parts > c->rows ? c->rows : parts ? parts : 1;
}

/* Arrays of one double for each column of the group: those that the parts share, two of sums for each part, two for each thread. */
enum { SHARED = 4, SUMS = 2, SPARE = 2 };

static size_t columns_workspace(const weft_typing *t, int h)
{
    weft_view view = {.dim = t->x[h].dim};
    columns c = arrange(&view);
    return (SHARED + SUMS * part_count(&c) + SPARE) * (c.width * c.group) * sizeof(double);
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

/* Passes over the rows, part by part. */
typedef struct pass {
    const weft_call *call;
    columns c;
    size_t wide, parts, step; /* columns of a group; rows of a part */
    double *shared[SHARED];   /* (wide) each */
    double *sums;             /* (parts, SUMS, wide) */
} pass;

static pass pass_over(const weft_call *call, const weft_view *h)
{
    pass p = {.call = call, .c = arrange(h)};
    p.wide = p.c.width * p.c.group;
    p.parts = part_count(&p.c);
    p.step = (p.c.rows + p.parts - 1) / p.parts;
    p.parts = p.step ? (p.c.rows + p.step - 1) / p.step : 1;
    if (!p.wide)
        return p; /* no columns, and no workspace either */
    for (size_t k = 0; k < SHARED; k++)
        p.shared[k] = (double *)call->workspace + k * p.wide;
    p.sums = p.shared[SHARED - 1] + p.wide;
    return p;
}

/* The rows of a part, and where its elements begin. */
static columns rows_of(const pass *p, size_t part, size_t *first)
{
    columns c = p->c;
    *first = part * p->step * c.width;
    c.rows = c.rows - part * p->step < p->step ? c.rows - part * p->step : p->step;
    return c;
}

static double *sums_of(const pass *p, size_t part)
{
    return p->sums + part * SUMS * p->wide;
}

static double *spare_of(const pass *p, void *workspace)
{
    return (double *)workspace + (SHARED + SUMS * part_count(&p->c)) * p->wide;
}

static void run_parts(pass *p, void (*work)(void *context, size_t part, void *workspace))
{
    if (p->c.rows * p->c.width >= WORTH_SHARING)
        weft_call_parts(p->call, work, p, p->parts);
    else
        for (size_t part = 0; part < p->parts; part++)
            work(p, part, p->call->workspace);
}

static void moments_part(void *context, size_t part, void *workspace)
{
    const pass *p = context;
    size_t first;
    columns c = rows_of(p, part, &first);
    double *mean = sums_of(p, part), *square = mean + p->wide, *spare = spare_of(p, workspace);
    const weft_view *h = &p->call->x[0];
    if (h->dtype == WEFT_F32)
        moments_f32(&c, (const float *)h->data + first, mean, square, spare);
    else
        moments_f64(&c, (const double *)h->data + first, mean, square, spare);
}

/* Chan's rule over the parts, in their order; the result is that of part 0. */
static void merge_moments(const pass *p)
{
    double *mean = sums_of(p, 0), *square = mean + p->wide, count = (double)(p->step < p->c.rows ? p->step : p->c.rows);
    for (size_t part = 1; part < p->parts; part++) {
        size_t first;
        const double *other = sums_of(p, part);
        double n = (double)rows_of(p, part, &first).rows, total = count + n;
        for (size_t i = 0; i < p->c.width; i++) {
            double delta = other[i] - mean[i];
            mean[i] += delta * (n / total);
            square[i] += other[p->wide + i] + delta * delta * (count * n / total);
        }
        count = total;
    }
}

static void apply_part(void *context, size_t part, void *workspace)
{
    (void)workspace;
    const pass *p = context;
    size_t first;
    columns c = rows_of(p, part, &first);
    const weft_view *h = &p->call->x[0], *y = &p->call->y[0];
    if (h->dtype == WEFT_F32)
        apply_f32(&c, (const float *)h->data + first, p->shared[0], p->shared[1], p->shared[2], (float *)y->data + first);
    else
        apply_f64(&c, (const double *)h->data + first, p->shared[0], p->shared[1], p->shared[2], (double *)y->data + first);
}

static weft_status forward_kernel(const weft_call *call)
{
    const weft_view *h = &call->x[0], *gamma = &call->x[1], *beta = &call->x[2];
    double eps = *(const double *)call->attributes, *mean_out = call->y[1].data, *rstd_out = call->y[2].data;
    pass p = pass_over(call, h);
    if (!p.wide)
        return WEFT_OK;
    run_parts(&p, moments_part);
    merge_moments(&p);
    double *mean = p.shared[0], *scale = p.shared[1], *offset = p.shared[2], *moments = sums_of(&p, 0);
    for (size_t i = 0; i < p.c.width; i++) {
        double variance = moments[p.wide + i] / (double)p.c.rows + eps, rstd = variance == 0 ? 0 : 1 / sqrt(variance);
        mean[i] = mean_out[i] = moments[i];
        rstd_out[i] = rstd;
        scale[i] = element(gamma, i) * rstd;
        offset[i] = element(beta, i);
    }
    repeat(mean, &p.c);
    repeat(scale, &p.c);
    repeat(offset, &p.c);
    run_parts(&p, apply_part);
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

static void cotangent_part(void *context, size_t part, void *workspace)
{
    const pass *p = context;
    size_t first;
    columns c = rows_of(p, part, &first);
    const weft_view *dy = &p->call->x[0], *h = &p->call->x[1];
    double *sum = sums_of(p, part), *dot = sum + p->wide, *spare = spare_of(p, workspace);
    if (h->dtype == WEFT_F32)
        cotangent_sums_f32(&c, (const float *)dy->data + first, (const float *)h->data + first, p->shared[0], sum, dot, spare);
    else
        cotangent_sums_f64(&c, (const double *)dy->data + first, (const double *)h->data + first, p->shared[0], sum, dot, spare);
}

static void gradient_part(void *context, size_t part, void *workspace)
{
    (void)workspace;
    const pass *p = context;
    size_t first;
    columns c = rows_of(p, part, &first);
    const weft_view *dy = &p->call->x[0], *h = &p->call->x[1], *dh = &p->call->y[0];
    if (h->dtype == WEFT_F32)
        apply_gradient_f32(&c, (const float *)dy->data + first, (const float *)h->data + first, p->shared[0], p->shared[1], p->shared[2],
                           p->shared[3], (float *)dh->data + first);
    else
        apply_gradient_f64(&c, (const double *)dy->data + first, (const double *)h->data + first, p->shared[0], p->shared[1], p->shared[2],
                           p->shared[3], (double *)dh->data + first);
}

static weft_status backward_kernel(const weft_call *call)
{
    const weft_view *h = &call->x[1], *gamma = &call->x[2];
    double *dgamma = call->y[1].data, *dbeta = call->y[2].data;
    pass p = pass_over(call, h);
    if (!p.wide)
        return WEFT_OK;
    double n = (double)p.c.rows, *mean = p.shared[0], *scale = p.shared[1], *mean_dy = p.shared[2], *slope = p.shared[3];
    for (size_t i = 0; i < p.c.width; i++)
        mean[i] = element(&call->x[3], i);
    repeat(mean, &p.c);
    run_parts(&p, cotangent_part);
    double *sum = sums_of(&p, 0), *dot = sum + p.wide;
    for (size_t part = 1; part < p.parts; part++) {
        add_columns_f64(p.c.width, sum, sums_of(&p, part));
        add_columns_f64(p.c.width, dot, sums_of(&p, part) + p.wide);
    }
    for (size_t i = 0; i < p.c.width; i++) {
        double rstd = element(&call->x[4], i);
        dbeta[i] = sum[i];
        dgamma[i] = p.c.rows ? dot[i] * rstd : 0;
        scale[i] = element(gamma, i) * rstd;
        mean_dy[i] = sum[i] / n;
        slope[i] = rstd * (dgamma[i] / n); /* of x[i] sum(dy x) / N along h - mu */
    }
    repeat(scale, &p.c);
    repeat(mean_dy, &p.c);
    repeat(slope, &p.c);
    run_parts(&p, gradient_part);
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
    .kind = WEFT_GENERAL, .flags = WEFT_IN_PARTS, .wide_operands = 1u << 3 | 1u << 4, .wide_outputs = 1u << 1 | 1u << 2,
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
    .kind = WEFT_GENERAL, .flags = WEFT_IN_PARTS, .attribute_size = sizeof(double), .wide_outputs = 1u << 1 | 1u << 2,
    .shape = forward_shape, .kernel = forward_kernel, .workspace = forward_workspace, .vjp = forward_vjp, .expand = forward_expand,
};

weft_node weft_fused_batchnorm(weft_node h, weft_node gamma, weft_node beta, double eps)
{
    if (weft__batchnorm_check("fused_batchnorm", h, gamma, beta, eps) != WEFT_OK)
        return (weft_node){.tape = h.tape, .id = WEFT_NO_ID};
    return weft_record(&weft_op_fused_batchnorm, (weft_node[]){h, gamma, beta}, 3, &eps);
}

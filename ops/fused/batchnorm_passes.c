/* batchnorm_passes.c: the passes over memory of the fused batch normalizations of (N, D), part by part, and the choice between them and those of
 * batchnorm_planes.c. batchnorm.c says what they compute.
 *
 * Forward, two reads of h: moments, then the result. The moments take one read: within a block of rows, sums of d = h - k and d**2 with
 * k the block's first row; blocks are merged by Chan's rule. A row of the data is a safe shift: (k - mean)**2 <= N sigma2, so at most
 * log2(N + 1) bits of the f64 sums cancel, and only within a block. A constant column gives exactly 0.
 *
 * Backward, two reads of dy and h: two sums, then dh. All arithmetic is in f64. Where sigma2 + eps is 0, r is taken as 0: y = beta and dh = 0.
 * Of no values at all the moments are 0, and not 0/0: what is computed from them in derivatives is multiplied by sums of nothing, which then stay 0. */
#include "engine/stream.h"
#include "ops/fused/batchnorm.h"
#include "ops/staged/staged.h"

#include <math.h>

/* Rows are read as if `group` of them were one: narrow ones so that inner loops are long, others so that each begins on a cache line. */
typedef struct columns {
    size_t rows, width; /* (N, D) */
    size_t group;       /* rows side by side */
    size_t chunk;       /* elements of each of ROWS rows in turn */
    bool past;          /* results go past the caches: with what is read they are too large for them */
} columns;

enum { CHUNK = 64, LONG_ROW = 64, LONGEST_ROW = 1024 };

static columns arrange(const size_t *dim, weft_dtype dtype, size_t arrays)
{
    columns c = {.rows = dim[0], .width = dim[1], .group = 1};
    size_t bytes = c.rows * c.width * weft_dtype_size(dtype), in_line = WEFT__LINE / weft_dtype_size(dtype);
    c.past = bytes >= WEFT_BEYOND_CACHE / arrays;
    if (!c.width)
        return c;
    if (c.width < LONG_ROW)
        c.group = LONG_ROW / c.width;
    if (bytes >= WEFT_BEYOND_CACHE / BACKWARD_ARRAYS)
        while (c.group * c.width % in_line && (c.group + 1) * c.width <= LONGEST_ROW)
            c.group++;
    c.chunk = bytes >= WEFT__BEYOND_L2 ? CHUNK : c.width * c.group;
    return c;
}

/* Rows are taken in parts whose number depends on the size alone, so that any number of threads gives the same bits. Within them by blocks, of
 * which ROWS rows are walked at once. */
enum { BLOCK_ROWS = 128, ROWS = 4 };

static size_t part_count(const columns *c)
{
    size_t parts = c->width ? c->rows * c->width / PART : 0;
    parts = parts > MOST_PARTS ? MOST_PARTS : parts;
    return parts > c->rows ? c->rows : parts ? parts : 1;
}

/* Of each column: y = (h - mean) scale + offset, dh = scale (dy - mean_dy - slope (h - mean)). */
typedef struct affine {
    double *mean, *scale, *offset, *mean_dy, *slope;
} affine;

/* Arrays of one double for each column of the group: those that the parts share, two of sums for each part, two for each thread. */
enum { SHARED = sizeof(affine) / sizeof(double *), SUMS = 2, SPARE = 2 };

static size_t columns_workspace(const columns *c)
{
    return (SHARED + SUMS * part_count(c) + SPARE) * (c->width * c->group) * sizeof(double);
}

#define LOOPS "ops/fused/batchnorm_element.inc"
#include "ops/both_types.inc"
#define LOOPS "ops/fused/batchnorm_loops.inc"
#include "ops/both_types.inc"

/* Repeats the first `width` of the columns for each row of a group. */
static void repeat(double *column, const columns *c)
{
    for (size_t g = 1; g < c->group; g++)
        memcpy(column + g * c->width, column, c->width * sizeof *column);
}

/* Passes over the rows, part by part. */
typedef struct pass {
    const weft_call *call;
    columns c;
    bool relu;
    size_t wide, parts, step; /* columns of a group; rows of a part */
    affine shared;            /* (wide) each */
    double *sums;             /* (parts, SUMS, wide) */
} pass;

static pass pass_over(const weft_call *call, const weft_view *h, size_t arrays, bool relu)
{
    pass p = {.call = call, .c = arrange(h->dim, h->dtype, arrays), .relu = relu};
    p.wide = p.c.width * p.c.group;
    p.parts = part_count(&p.c);
    p.step = (p.c.rows + p.parts - 1) / p.parts;
    p.step = (p.step + p.c.group - 1) / p.c.group * p.c.group;
    p.parts = p.step ? (p.c.rows + p.step - 1) / p.step : 1;
    if (!p.wide)
        return p; /* no columns, and no workspace either */
    double *column = call->workspace;
    p.shared = (affine){column, column + p.wide, column + 2 * p.wide, column + 3 * p.wide, column + 4 * p.wide};
    p.sums = column + SHARED * p.wide;
    return p;
}

static void repeat_affine(const pass *p)
{
    repeat(p->shared.mean, &p->c);
    repeat(p->shared.scale, &p->c);
    repeat(p->shared.offset, &p->c);
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

double weft__rstd(double variance, double eps)
{
    double square = variance + eps;
    return square == 0 ? 0 : 1 / sqrt(square);
}

/* --- forward: (h, gamma, beta) -> y, mean, rstd, sigma2 --- */

weft_status weft__batchnorm_forward_shape(weft_typing *t)
{
    t->y[0] = t->x[0];
    t->y[1] = t->y[2] = t->y[3] = t->x[1];
    return WEFT_OK;
}

size_t weft__batchnorm_forward_workspace(const weft_typing *t)
{
    if (weft__in_planes(t->x[0].rank, t->x[0].dim))
        return 0;
    columns c = arrange(t->x[0].dim, t->x_dtype[0], FORWARD_ARRAYS);
    return columns_workspace(&c);
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
        apply_f32(&c, (const float *)h->data + first, &p->shared, (float *)y->data + first, p->relu);
    else
        apply_f64(&c, (const double *)h->data + first, &p->shared, (double *)y->data + first, p->relu);
}

weft_status weft__batchnorm_forward(const weft_call *call, bool relu)
{
    const weft_view *h = &call->x[0], *gamma = &call->x[1], *beta = &call->x[2];
    if (weft__in_planes(h->rank, h->dim))
        return weft__batchnorm_planes_forward(call, relu);
    double eps = *(const double *)call->attributes, *mean_out = call->y[1].data, *rstd_out = call->y[2].data, *sigma2 = call->y[3].data;
    pass p = pass_over(call, h, FORWARD_ARRAYS, relu);
    if (!p.wide)
        return WEFT_OK;
    run_parts(&p, moments_part);
    merge_moments(&p);
    double *mean = p.shared.mean, *scale = p.shared.scale, *offset = p.shared.offset, *moments = sums_of(&p, 0), count = fmax((double)p.c.rows, 1);
    for (size_t i = 0; i < p.c.width; i++) {
        mean[i] = mean_out[i] = moments[i];
        sigma2[i] = moments[p.wide + i] / count;
        rstd_out[i] = weft__rstd(sigma2[i], eps);
        scale[i] = weft__element(gamma, i) * rstd_out[i];
        offset[i] = weft__element(beta, i);
    }
    repeat_affine(&p);
    run_parts(&p, apply_part);
    return WEFT_OK;
}

/* --- backward: (dy, h, gamma, mean, rstd, beta with a ReLU) -> dh, dgamma, dbeta --- */

weft_status weft__batchnorm_backward_shape(weft_typing *t)
{
    t->y[0] = t->x[1];
    t->y[1] = t->y[2] = t->x[2];
    return WEFT_OK;
}

size_t weft__batchnorm_backward_workspace(const weft_typing *t)
{
    if (weft__in_planes(t->x[1].rank, t->x[1].dim))
        return 0;
    columns c = arrange(t->x[1].dim, t->x_dtype[1], BACKWARD_ARRAYS);
    return columns_workspace(&c);
}

static void cotangent_part(void *context, size_t part, void *workspace)
{
    const pass *p = context;
    size_t first;
    columns c = rows_of(p, part, &first);
    const weft_view *dy = &p->call->x[0], *h = &p->call->x[1];
    double *sum = sums_of(p, part), *dot = sum + p->wide, *spare = spare_of(p, workspace);
    if (h->dtype == WEFT_F32)
        cotangent_sums_f32(&c, (const float *)dy->data + first, (const float *)h->data + first, &p->shared, sum, dot, spare, p->relu);
    else
        cotangent_sums_f64(&c, (const double *)dy->data + first, (const double *)h->data + first, &p->shared, sum, dot, spare, p->relu);
}

static void gradient_part(void *context, size_t part, void *workspace)
{
    (void)workspace;
    const pass *p = context;
    size_t first;
    columns c = rows_of(p, part, &first);
    const weft_view *dy = &p->call->x[0], *h = &p->call->x[1], *dh = &p->call->y[0];
    if (h->dtype == WEFT_F32)
        gradient_f32(&c, (const float *)dy->data + first, (const float *)h->data + first, &p->shared, (float *)dh->data + first, p->relu);
    else
        gradient_f64(&c, (const double *)dy->data + first, (const double *)h->data + first, &p->shared, (double *)dh->data + first, p->relu);
}

/* The two sums of part 0 become those of all. */
static void add_up_parts(const pass *p)
{
    double *sum = sums_of(p, 0);
    for (size_t part = 1; part < p->parts; part++) {
        add_columns_f64(p->c.width, sum, sums_of(p, part));
        add_columns_f64(p->c.width, sum + p->wide, sums_of(p, part) + p->wide);
    }
}

weft_status weft__batchnorm_backward(const weft_call *call, bool relu)
{
    const weft_view *h = &call->x[1], *gamma = &call->x[2];
    if (weft__in_planes(h->rank, h->dim))
        return weft__batchnorm_planes_backward(call, relu);
    double *dgamma = call->y[1].data, *dbeta = call->y[2].data;
    pass p = pass_over(call, h, BACKWARD_ARRAYS, relu);
    if (!p.wide)
        return WEFT_OK;
    const affine *a = &p.shared;
    for (size_t i = 0; i < p.c.width; i++) {
        a->mean[i] = weft__element(&call->x[3], i);
        a->scale[i] = weft__element(gamma, i) * weft__element(&call->x[4], i);
        a->offset[i] = relu ? weft__element(&call->x[5], i) : 0;
    }
    repeat_affine(&p);
    run_parts(&p, cotangent_part);
    double n = (double)p.c.rows, *sum = sums_of(&p, 0), *dot = sum + p.wide;
    add_up_parts(&p);
    for (size_t i = 0; i < p.c.width; i++) {
        double rstd = weft__element(&call->x[4], i);
        dbeta[i] = sum[i];
        dgamma[i] = p.c.rows ? dot[i] * rstd : 0;
        a->mean_dy[i] = sum[i] / n;
        a->slope[i] = rstd * (dgamma[i] / n); /* of x[i] sum(dy x) / N along h - mu */
    }
    repeat(a->mean_dy, &p.c);
    repeat(a->slope, &p.c);
    run_parts(&p, gradient_part);
    return WEFT_OK;
}

/* --- of given moments: (h, gamma, beta, mean, variance) -> y; (dy, h, gamma, mean, variance, beta) -> dh, dgamma, dbeta --- */

size_t weft__batchnorm_evaluated_workspace(const weft_typing *t)
{
    bool backward = t->n == 6;
    const weft_shape *h = &t->x[backward];
    if (weft__in_planes(h->rank, h->dim))
        return 0;
    columns c = arrange(h->dim, t->x_dtype[backward], backward ? BACKWARD_ARRAYS : FORWARD_ARRAYS);
    return columns_workspace(&c);
}

/* gamma, mean, variance and beta: where they are among the operands. */
static void take_affine(const pass *p, int gamma, int mean, int variance, int beta)
{
    const weft_view *x = p->call->x;
    double eps = *(const double *)p->call->attributes;
    for (size_t i = 0; i < p->c.width; i++) {
        p->shared.mean[i] = weft__element(&x[mean], i);
        p->shared.scale[i] = weft__element(&x[gamma], i) * weft__rstd(weft__element(&x[variance], i), eps);
        p->shared.offset[i] = weft__element(&x[beta], i);
    }
    repeat_affine(p);
}

weft_status weft__batchnorm_evaluated(const weft_call *call, bool relu)
{
    const weft_view *h = &call->x[0];
    if (weft__in_planes(h->rank, h->dim))
        return weft__batchnorm_planes_evaluated(call, relu);
    pass p = pass_over(call, h, FORWARD_ARRAYS, relu);
    if (!p.wide)
        return WEFT_OK;
    take_affine(&p, 1, 3, 4, 2);
    run_parts(&p, apply_part);
    return WEFT_OK;
}

static void through_part(void *context, size_t part, void *workspace)
{
    const pass *p = context;
    size_t first;
    columns c = rows_of(p, part, &first);
    const weft_view *dy = &p->call->x[0], *h = &p->call->x[1], *dh = &p->call->y[0];
    double *sum = sums_of(p, part), *dot = sum + p->wide, *spare = spare_of(p, workspace);
    if (h->dtype == WEFT_F32)
        through_f32(&c, (const float *)dy->data + first, (const float *)h->data + first, &p->shared, (float *)dh->data + first, sum, dot, spare,
                    p->relu);
    else
        through_f64(&c, (const double *)dy->data + first, (const double *)h->data + first, &p->shared, (double *)dh->data + first, sum, dot, spare,
                    p->relu);
}

weft_status weft__batchnorm_evaluated_backward(const weft_call *call, bool relu)
{
    const weft_view *h = &call->x[1];
    if (weft__in_planes(h->rank, h->dim))
        return weft__batchnorm_planes_evaluated_backward(call, relu);
    double eps = *(const double *)call->attributes, *dgamma = call->y[1].data, *dbeta = call->y[2].data;
    pass p = pass_over(call, h, BACKWARD_ARRAYS, relu);
    if (!p.wide)
        return WEFT_OK;
    take_affine(&p, 2, 3, 4, 5);
    run_parts(&p, through_part);
    add_up_parts(&p);
    for (size_t i = 0; i < p.c.width; i++) {
        dbeta[i] = sums_of(&p, 0)[i];
        dgamma[i] = sums_of(&p, 0)[p.wide + i] * weft__rstd(weft__element(&call->x[4], i), eps);
    }
    return WEFT_OK;
}

weft_status weft__batchnorm_backward_expand(weft_node dy, const weft_node *x, weft_node *outputs)
{
    weft_node h = x[1], gamma = weft__batchnorm_column(x[2], h), mean = weft__batchnorm_column(x[3], h), rstd = weft__batchnorm_column(x[4], h);
    unsigned batch = weft__batchnorm_axes(h);
    weft_node n = weft_scalar_like(h, fmax(weft__folded_count(h, batch), 1));
    weft_node hhat = weft_mul(weft_sub(h, mean), rstd);
    weft_node dbeta = weft_sum(dy, batch, false), dgamma = weft_sum(weft_mul(dy, hhat), batch, false);
    weft_node sums = weft__batchnorm_column(dbeta, h), dots = weft__batchnorm_column(dgamma, h);
    weft_node bracket = weft_sub(weft_sub(weft_mul(n, dy), sums), weft_mul(hhat, dots));
    outputs[0] = weft_mul(weft_div(weft_mul(gamma, rstd), n), bracket);
    outputs[1] = dgamma;
    outputs[2] = dbeta;
    return weft_tape_status(h.tape);
}

/* batchnorm_planes.c: the passes over memory of the fused batch normalizations of (N, C, L), L the product of all axes behind the channels.
 * batchnorm.c says what they compute.
 *
 * A channel is N runs of L contiguous elements, C L apart, and has nothing to do with any other. So both passes over one channel come before the
 * next: the second finds in L2 what the first has read, as long as a channel fits there (at (32, 256, 28, 28) it has 100 KiB an array), and memory
 * is read once. Threads share the channels.
 *
 * The moments are taken in blocks of some thousand elements, as sums of d = h - k and d**2 with k the block's first element; blocks are merged by
 * Chan's rule. What batchnorm_passes.c says of such a shift holds here. All arithmetic is in f64. Where sigma2 + eps is 0, rstd is taken as 0. */
#include "engine/stream.h"
#include "ops/fused/batchnorm.h"
#include "ops/fused/moments.h"

#include <math.h>

enum { LANES = 32, CHUNK = 64 /* elements of one store past the caches */, BLOCK = 4096 /* elements: that many whole runs have, or part of a run */ };

typedef struct planes {
    size_t runs, channels, length; /* (N, C, L) */
    size_t apart;                  /* C L: from run to run of a channel */
    size_t block_runs;             /* whole runs of a block; 1: a block is a run, or part of one */
    size_t ahead_runs, ahead_at;   /* what WEFT__AHEAD bytes of a channel are: runs, and elements of a further one */
    bool past, ahead;              /* results go past the caches; arrays are larger than L2 */
} planes;

static planes arrange(const weft_view *h, size_t arrays)
{
    planes p = {.runs = h->dim[0], .channels = h->dim[1], .length = 1};
    for (int i = 2; i < h->rank; i++)
        p.length *= h->dim[i];
    p.apart = p.channels * p.length;
    size_t size = weft_dtype_size(h->dtype), bytes = p.runs * p.apart * size;
    p.past = bytes >= WEFT_BEYOND_CACHE / arrays;
    p.ahead = bytes >= WEFT__BEYOND_L2;
    p.block_runs = 1;
    if (!bytes) {
        p.runs = p.length = p.apart = 0; /* channels of nothing */
        return p;
    }
    p.block_runs = (BLOCK + p.length - 1) / p.length;
    p.ahead_runs = WEFT__AHEAD / size / p.length;
    p.ahead_at = WEFT__AHEAD / size % p.length;
    return p;
}

/* Elements from..to of `runs` runs; left: runs of the channel behind the first of them. */
typedef struct block {
    size_t runs, from, to, left;
} block;

static block block_at(const planes *p, size_t run, size_t from)
{
    size_t runs = p->runs - run < p->block_runs ? p->runs - run : p->block_runs;
    bool whole = p->block_runs > 1 || p->length - from < BLOCK;
    return (block){.runs = runs, .from = from, .to = whole ? p->length : from + BLOCK, .left = p->runs - run - 1};
}

#define LOOPS "ops/fused/batchnorm_element.inc"
#include "ops/both_types.inc"
#define LOOPS "ops/fused/batchnorm_planes.inc"
#include "ops/both_types.inc"

/* Both passes, part by part of the channels; how many parts there are depends on the size alone. */
typedef struct pass {
    const weft_call *call;
    planes p;
    bool relu;
    size_t step; /* channels of a part */
} pass;

static void run_parts(const weft_call *call, const weft_view *h, size_t arrays, bool relu, void (*work)(void *context, size_t part, void *workspace))
{
    pass s = {.call = call, .p = arrange(h, arrays), .relu = relu};
    if (!s.p.channels)
        return;
    s.step = (s.p.channels + MOST_PARTS - 1) / MOST_PARTS;
    size_t parts = (s.p.channels + s.step - 1) / s.step;
    if (s.p.runs * s.p.apart >= WORTH_SHARING)
        weft_call_parts(call, work, &s, parts);
    else
        for (size_t part = 0; part < parts; part++)
            work(&s, part, NULL);
}

/* The channels of a part: from *first to the one before what is returned. */
static size_t channels_of(const pass *s, size_t part, size_t *first)
{
    *first = part * s->step;
    return s->p.channels - *first < s->step ? s->p.channels : *first + s->step;
}

/* --- forward: (h, gamma, beta) -> y, mean, rstd, sigma2 --- */

static void forward_part(void *context, size_t part, void *workspace)
{
    (void)workspace;
    const pass *s = context;
    const planes *p = &s->p;
    const weft_view *h = &s->call->x[0], *y = &s->call->y[0];
    double eps = *(const double *)s->call->attributes, *mean = s->call->y[1].data, *rstd = s->call->y[2].data, *sigma2 = s->call->y[3].data;
    size_t c, end = channels_of(s, part, &c);
    bool narrow = h->dtype == WEFT_F32;
    for (; c < end; c++) {
        size_t at = c * p->length;
        moments m = narrow ? channel_moments_f32(p, (const float *)h->data + at) : channel_moments_f64(p, (const double *)h->data + at);
        mean[c] = m.mean;
        sigma2[c] = m.square / fmax((double)(p->runs * p->length), 1);
        rstd[c] = weft__rstd(sigma2[c], eps);
        affine_at a = {.mean = m.mean, .scale = weft__element(&s->call->x[1], c) * rstd[c], .offset = weft__element(&s->call->x[2], c)};
        if (narrow)
            (s->relu ? plane_apply_relu_f32 : plane_apply_plain_f32)(p, (const float *)h->data + at, a, (float *)y->data + at);
        else
            (s->relu ? plane_apply_relu_f64 : plane_apply_plain_f64)(p, (const double *)h->data + at, a, (double *)y->data + at);
    }
    if (p->past)
        weft__stream_end();
}

weft_status weft__batchnorm_planes_forward(const weft_call *call, bool relu)
{
    run_parts(call, &call->x[0], FORWARD_ARRAYS, relu, forward_part);
    return WEFT_OK;
}

/* --- backward: (dy, h, gamma, mean, rstd, beta with a ReLU) -> dh, dgamma, dbeta --- */

static void backward_part(void *context, size_t part, void *workspace)
{
    (void)workspace;
    const pass *s = context;
    const planes *p = &s->p;
    const weft_view *x = s->call->x, *dy = &x[0], *h = &x[1], *dh = &s->call->y[0];
    double *dgamma = s->call->y[1].data, *dbeta = s->call->y[2].data, n = (double)(p->runs * p->length);
    size_t c, end = channels_of(s, part, &c);
    bool narrow = h->dtype == WEFT_F32;
    for (; c < end; c++) {
        size_t at = c * p->length;
        double rstd = weft__element(&x[4], c), sums[2];
        affine_at a = {.mean = weft__element(&x[3], c), .scale = weft__element(&x[2], c) * rstd, .offset = s->relu ? weft__element(&x[5], c) : 0};
        if (narrow)
            cotangent_sums_f32(p, (const float *)dy->data + at, (const float *)h->data + at, a, sums, s->relu);
        else
            cotangent_sums_f64(p, (const double *)dy->data + at, (const double *)h->data + at, a, sums, s->relu);
        dbeta[c] = sums[0];
        dgamma[c] = n > 0 ? sums[1] * rstd : 0;
        a.mean_dy = sums[0] / n;
        a.slope = rstd * (dgamma[c] / n); /* of x[i] sum(dy x) / N along h - mu */
        if (narrow)
            (s->relu ? plane_gradient_relu_f32 : plane_gradient_plain_f32)(p, (const float *)dy->data + at, (const float *)h->data + at, a,
                                                                            (float *)dh->data + at);
        else
            (s->relu ? plane_gradient_relu_f64 : plane_gradient_plain_f64)(p, (const double *)dy->data + at, (const double *)h->data + at, a,
                                                                            (double *)dh->data + at);
    }
    if (p->past)
        weft__stream_end();
}

weft_status weft__batchnorm_planes_backward(const weft_call *call, bool relu)
{
    run_parts(call, &call->x[1], BACKWARD_ARRAYS, relu, backward_part);
    return WEFT_OK;
}

/* --- of given moments: (h, gamma, beta, mean, variance) -> y; (dy, h, gamma, mean, variance, beta) -> dh, dgamma, dbeta --- */

static void evaluated_part(void *context, size_t part, void *workspace)
{
    (void)workspace;
    const pass *s = context;
    const planes *p = &s->p;
    const weft_view *x = s->call->x, *y = &s->call->y[0];
    double eps = *(const double *)s->call->attributes;
    size_t c, end = channels_of(s, part, &c);
    for (; c < end; c++) {
        size_t at = c * p->length;
        affine_at a = {.mean = weft__element(&x[3], c), .scale = weft__element(&x[1], c) * weft__rstd(weft__element(&x[4], c), eps),
                       .offset = weft__element(&x[2], c)};
        if (x->dtype == WEFT_F32)
            (s->relu ? plane_apply_relu_f32 : plane_apply_plain_f32)(p, (const float *)x->data + at, a, (float *)y->data + at);
        else
            (s->relu ? plane_apply_relu_f64 : plane_apply_plain_f64)(p, (const double *)x->data + at, a, (double *)y->data + at);
    }
    if (p->past)
        weft__stream_end();
}

weft_status weft__batchnorm_planes_evaluated(const weft_call *call, bool relu)
{
    run_parts(call, &call->x[0], FORWARD_ARRAYS, relu, evaluated_part);
    return WEFT_OK;
}

static void through_part(void *context, size_t part, void *workspace)
{
    (void)workspace;
    const pass *s = context;
    const planes *p = &s->p;
    const weft_view *x = s->call->x, *dy = &x[0], *h = &x[1], *dh = &s->call->y[0];
    double eps = *(const double *)s->call->attributes, *dgamma = s->call->y[1].data, *dbeta = s->call->y[2].data;
    size_t c, end = channels_of(s, part, &c);
    for (; c < end; c++) {
        size_t at = c * p->length;
        double rstd = weft__rstd(weft__element(&x[4], c), eps), sums[2];
        affine_at a = {.mean = weft__element(&x[3], c), .scale = weft__element(&x[2], c) * rstd, .offset = weft__element(&x[5], c)};
        if (h->dtype == WEFT_F32)
            (s->relu ? plane_through_relu_f32 : plane_through_plain_f32)(p, (const float *)dy->data + at, (const float *)h->data + at, a,
                                                                          (float *)dh->data + at, sums);
        else
            (s->relu ? plane_through_relu_f64 : plane_through_plain_f64)(p, (const double *)dy->data + at, (const double *)h->data + at, a,
                                                                          (double *)dh->data + at, sums);
        dbeta[c] = sums[0];
        dgamma[c] = sums[1] * rstd;
    }
    if (p->past)
        weft__stream_end();
}

weft_status weft__batchnorm_planes_evaluated_backward(const weft_call *call, bool relu)
{
    run_parts(call, &call->x[1], BACKWARD_ARRAYS, relu, through_part);
    return WEFT_OK;
}

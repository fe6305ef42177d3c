/* onednn_side.c: oneDNN 2 as a worker of tests/bench/peers; the C interface of its versions 2.4 to 2.7. Forward in training mode with scale and
 * shift, then backward for all of them; ReLU by fuse_norm_relu, which keeps its mask in a workspace, or by a primitive of its own in place,
 * whichever is faster: for some widths the fused one has only a slow kernel. "plain" works on the bytes as they lie and takes the fastest of
 * several descriptions of them; nChw8c and nChw16c hold the same numbers in blocks of channels, reordered before and after the clock runs.
 * All buffers are made and touched beforehand. */
#include "side.h"

#include <oneapi/dnnl/dnnl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_MEMORIES = 16, MOST_DESCRIPTIONS = 3, MOST_STEPS = 4, MOST_ARGUMENTS = 10 };

typedef enum activation { RELU_NONE, RELU_FUSED, RELU_SEPARATE } activation;

typedef struct description {
    const char *name; /* "": there is no choice */
    dnnl_dims_t dim;   /* n, c, h, w */
    int rank;
    dnnl_format_tag_t tag;
} description;

typedef struct step {
    dnnl_primitive_t primitive;
    dnnl_exec_arg_t args[MOST_ARGUMENTS];
    int n;
} step;

typedef struct norm {
    step steps[MOST_STEPS];
    int n_steps;
    dnnl_memory_t memory[MOST_MEMORIES];
    int n_memories;
    void *owned[MOST_MEMORIES];
    int n_owned;
    dnnl_memory_desc_t plain, inner; /* of h as given and as the primitives see it */
    dnnl_memory_t h, dy, y, dh;      /* as the primitives see them */
    float *plain_y, *plain_dh, *dgamma, *dbeta;
    bool reordered;
} norm;

static dnnl_engine_t engine;
static dnnl_stream_t stream;

static const char *variant_name(size_t i, const char *item, layout in, const char **remark)
{
    static const char *const name[] = {"plain", "nChw8c", "nChw16c"};
    if (!strcmp(item, "mlp") || i >= (in == LAYOUT_NCHW ? 3 : 1))
        return NULL;
    if (i > 0)
        *remark = "other layout";
    return name[i];
}

static void *own(norm *b, size_t bytes)
{
    return b->owned[b->n_owned++] = side_allocate(bytes);
}

/* A memory over data, or over a buffer of its own when data is NULL. */
static dnnl_memory_t memory_over(norm *b, const dnnl_memory_desc_t *of, void *data)
{
    dnnl_memory_t m = NULL;
    if (dnnl_memory_create(&m, of, engine, data ? data : own(b, dnnl_memory_desc_get_size(of))) == dnnl_success)
        b->memory[b->n_memories++] = m;
    return m;
}

static bool reorder(dnnl_memory_t from, dnnl_memory_t to)
{
    const dnnl_memory_desc_t *a, *b;
    dnnl_primitive_desc_t pd = NULL;
    dnnl_primitive_t p = NULL;
    dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
    bool good = dnnl_memory_get_memory_desc(from, &a) == dnnl_success && dnnl_memory_get_memory_desc(to, &b) == dnnl_success &&
                dnnl_reorder_primitive_desc_create(&pd, a, engine, b, engine, NULL) == dnnl_success &&
                dnnl_primitive_create(&p, pd) == dnnl_success &&
                dnnl_primitive_execute(p, stream, 2, args) == dnnl_success && dnnl_stream_wait(stream) == dnnl_success;
    dnnl_primitive_destroy(p);
    dnnl_primitive_desc_destroy(pd);
    return good;
}

static bool run_checked(norm *b)
{
    bool good = true;
    for (int i = 0; i < b->n_steps; i++)
        good &= dnnl_primitive_execute(b->steps[i].primitive, stream, b->steps[i].n, b->steps[i].args) == dnnl_success;
    return (dnnl_stream_wait(stream) == dnnl_success) & good;
}

static void run_norm(void *context)
{
    run_checked(context);
}

static void release_norm(void *context)
{
    norm *b = context;
    for (int i = 0; i < b->n_memories; i++)
        dnnl_memory_destroy(b->memory[i]);
    for (int i = 0; i < b->n_owned; i++)
        free(b->owned[i]);
    for (int i = 0; i < b->n_steps; i++)
        dnnl_primitive_destroy(b->steps[i].primitive);
    free(b);
}

static bool collect_norm(void *context, results *to)
{
    norm *b = context;
    if (!run_checked(b))
        return false;
    if (b->reordered) {
        dnnl_memory_t y = memory_over(b, &b->plain, b->plain_y), dh = memory_over(b, &b->plain, b->plain_dh);
        if (!y || !dh || !reorder(b->y, y) || !reorder(b->dh, dh))
            return false;
        b->n_memories -= 2; /* so that this may run again */
        dnnl_memory_destroy(y);
        dnnl_memory_destroy(dh);
    }
    *to = (results){.y = b->plain_y, .dh = b->plain_dh, .dgamma = b->dgamma, .dbeta = b->dbeta};
    return true;
}

/* Appends a primitive; frees pd. */
static bool add_step(norm *b, dnnl_primitive_desc_t pd, const dnnl_exec_arg_t *args, int n)
{
    step *s = &b->steps[b->n_steps];
    bool good = dnnl_primitive_create(&s->primitive, pd) == dnnl_success;
    if (good) {
        memcpy(s->args, args, (size_t)n * sizeof *args);
        s->n = n;
        b->n_steps++;
    }
    dnnl_primitive_desc_destroy(pd);
    return good;
}

/* ReLU in place: forward on y, or backward from dy to dh by the sign of y. */
static bool add_relu(norm *b, bool backward)
{
    const dnnl_alg_kind_t kind = dnnl_eltwise_relu_use_dst_for_bwd;
    const dnnl_exec_arg_t f[] = {{DNNL_ARG_SRC, b->y}, {DNNL_ARG_DST, b->y}};
    const dnnl_exec_arg_t g[] = {{DNNL_ARG_DST, b->y}, {DNNL_ARG_DIFF_DST, b->dy}, {DNNL_ARG_DIFF_SRC, b->dh}};
    dnnl_eltwise_desc_t forward, desc;
    dnnl_primitive_desc_t fpd = NULL, pd = NULL;
    if (dnnl_eltwise_forward_desc_init(&forward, dnnl_forward_training, kind, &b->inner, 0, 0) != dnnl_success ||
        dnnl_primitive_desc_create(&fpd, &forward, NULL, engine, NULL) != dnnl_success)
        return false;
    if (!backward)
        return add_step(b, fpd, f, 2);
    bool good = dnnl_eltwise_backward_desc_init(&desc, kind, &b->inner, &b->inner, 0, 0) == dnnl_success &&
                dnnl_primitive_desc_create(&pd, &desc, NULL, engine, fpd) == dnnl_success && add_step(b, pd, g, 3);
    dnnl_primitive_desc_destroy(fpd);
    return good;
}

/* All primitives and their arguments; h and dy in the inner layout are in place. */
static bool build(norm *b, const inputs *in, activation relu, dnnl_dim_t channels)
{
    unsigned flags = dnnl_use_scale | dnnl_use_shift | (relu == RELU_FUSED ? dnnl_fuse_norm_relu : 0u);
    float eps = (float)bn_eps;
    dnnl_batch_normalization_desc_t forward, backward;
    dnnl_primitive_desc_t fpd = NULL, bpd = NULL;
    dnnl_memory_desc_t column;
    const dnnl_dims_t column_dim = {channels};
    if (dnnl_memory_desc_init_by_tag(&column, 1, column_dim, dnnl_f32, dnnl_x) != dnnl_success ||
        dnnl_batch_normalization_forward_desc_init(&forward, dnnl_forward_training, &b->inner, eps, flags) != dnnl_success ||
        dnnl_batch_normalization_backward_desc_init(&backward, dnnl_backward, &b->inner, &b->inner, eps, flags) != dnnl_success ||
        dnnl_primitive_desc_create(&fpd, &forward, NULL, engine, NULL) != dnnl_success)
        return false;
    if (dnnl_primitive_desc_create(&bpd, &backward, NULL, engine, fpd) != dnnl_success) {
        dnnl_primitive_desc_destroy(fpd);
        return false;
    }
    const dnnl_memory_desc_t *mask = dnnl_primitive_desc_query_md(fpd, dnnl_query_workspace_md, 0);
    dnnl_memory_t workspace = relu == RELU_FUSED && mask && dnnl_memory_desc_get_size(mask) ? memory_over(b, mask, NULL) : NULL;
    dnnl_memory_t mean = memory_over(b, &column, NULL), variance = memory_over(b, &column, NULL), gamma = memory_over(b, &column, in->gamma);
    b->dgamma = own(b, in->columns * sizeof(float));
    b->dbeta = own(b, in->columns * sizeof(float));
    dnnl_memory_t beta = memory_over(b, &column, in->beta), dgamma = memory_over(b, &column, b->dgamma), dbeta = memory_over(b, &column, b->dbeta);
    const dnnl_exec_arg_t f[] = {{DNNL_ARG_SRC, b->h},       {DNNL_ARG_DST, b->y},     {DNNL_ARG_MEAN, mean}, {DNNL_ARG_VARIANCE, variance},
                                 {DNNL_ARG_SCALE, gamma},    {DNNL_ARG_SHIFT, beta},   {DNNL_ARG_WORKSPACE, workspace}};
    const dnnl_exec_arg_t g[] = {{DNNL_ARG_SRC, b->h},       {DNNL_ARG_DIFF_DST, relu == RELU_SEPARATE ? b->dh : b->dy},
                                 {DNNL_ARG_DIFF_SRC, b->dh}, {DNNL_ARG_MEAN, mean},    {DNNL_ARG_VARIANCE, variance},
                                 {DNNL_ARG_SCALE, gamma},    {DNNL_ARG_SHIFT, beta},   {DNNL_ARG_DIFF_SCALE, dgamma},
                                 {DNNL_ARG_DIFF_SHIFT, dbeta}, {DNNL_ARG_WORKSPACE, workspace}};
    bool good = add_step(b, fpd, f, workspace ? 7 : 6);
    good = good && (relu != RELU_SEPARATE || (add_relu(b, false) && add_relu(b, true)));
    return add_step(b, bpd, g, workspace ? 10 : 9) && good;
}

static norm *norm_make(const description *d, dnnl_format_tag_t given, const inputs *in, activation relu)
{
    norm *b = side_allocate(sizeof *b);
    bool good = dnnl_memory_desc_init_by_tag(&b->inner, d->rank, d->dim, dnnl_f32, d->tag) == dnnl_success &&
                dnnl_memory_desc_init_by_tag(&b->plain, d->rank, d->dim, dnnl_f32, given) == dnnl_success;
    b->reordered = d->tag != given;
    if (good) {
        b->plain_y = own(b, in->bytes);
        b->plain_dh = own(b, in->bytes);
        b->h = memory_over(b, &b->inner, b->reordered ? NULL : in->h);
        b->dy = memory_over(b, &b->inner, b->reordered ? NULL : in->dy);
        b->y = memory_over(b, &b->inner, b->reordered ? NULL : b->plain_y);
        b->dh = memory_over(b, &b->inner, b->reordered ? NULL : b->plain_dh);
        if (b->reordered) {
            dnnl_memory_t h = memory_over(b, &b->plain, in->h), dy = memory_over(b, &b->plain, in->dy);
            good = h && dy && reorder(h, b->h) && reorder(dy, b->dy);
            b->n_memories -= 2;
            dnnl_memory_destroy(h);
            dnnl_memory_destroy(dy);
        }
    }
    if (good && build(b, in, relu, d->dim[1]) && run_checked(b))
        return b;
    release_norm(b);
    return NULL;
}

static double shortest_run(norm *b)
{
    double best = 1e9;
    for (int i = 0; i < 5; i++) {
        struct timespec from, to;
        timespec_get(&from, TIME_UTC);
        run_norm(b);
        timespec_get(&to, TIME_UTC);
        double took = (double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec);
        best = took < best ? took : best;
    }
    return best;
}

static int descriptions(const request *r, const inputs *in, description *to)
{
    const dnnl_dim_t rows = (dnnl_dim_t)in->rows, c = (dnnl_dim_t)in->columns, n = (dnnl_dim_t)r->dim[0];
    const dnnl_dim_t h = (dnnl_dim_t)r->dim[2], w = (dnnl_dim_t)r->dim[3];
    const description flat = {"nhwc of (N,D,1,1)", {rows, c, 1, 1}, 4, dnnl_nhwc}, tall = {"nhwc of (1,D,N,1)", {1, c, rows, 1}, 4, dnnl_nhwc};
    int k = 0;
    if (r->layout == LAYOUT_NCHW) {
        dnnl_format_tag_t tag = !strcmp(r->variant, "nChw8c") ? dnnl_nChw8c : !strcmp(r->variant, "nChw16c") ? dnnl_nChw16c : dnnl_nchw;
        to[k++] = (description){"", {n, c, h, w}, 4, tag};
        return k;
    }
    to[k++] = flat;
    to[k++] = tall;
    if (r->layout == LAYOUT_NHWC)
        to[k++] = (description){"nhwc", {n, c, h, w}, 4, dnnl_nhwc};
    else if (in->rows * in->columns <= 1u << 17) /* its kernel is 30 times slower on large arrays */
        to[k++] = (description){"nc", {rows, c}, 2, dnnl_nc};
    return k;
}

static bool make(const request *r, const inputs *in, work *w)
{
    static const char *const relu_name[] = {"", "ReLU fused", "ReLU apart"};
    description d[MOST_DESCRIPTIONS];
    bool activated = !strcmp(r->item, "batchnorm_relu");
    int n = descriptions(r, in, d);
    norm *best = NULL;
    double shortest = 0;
    snprintf(w->note, sizeof w->note, "oneDNN offers no primitive for it");
    for (int i = 0; i < n; i++)
        for (int k = activated ? RELU_FUSED : RELU_NONE; k <= (activated ? RELU_SEPARATE : RELU_NONE); k++) {
            norm *b = norm_make(&d[i], r->layout == LAYOUT_NCHW ? dnnl_nchw : d[i].tag, in, (activation)k);
            double took = b ? shortest_run(b) : 0;
            if (b && best && took >= shortest)
                release_norm(b);
            else if (b) {
                if (best)
                    release_norm(best);
                best = b;
                shortest = took;
                snprintf(w->note, sizeof w->note, "%s%s%s", d[i].name, *d[i].name && activated ? ", " : "", relu_name[k]);
            }
        }
    w->run = run_norm;
    w->collect = collect_norm;
    w->release = release_norm;
    w->context = best;
    return best != NULL;
}

int main(void)
{
    if (dnnl_engine_create(&engine, dnnl_cpu, 0) != dnnl_success || dnnl_stream_create(&stream, engine, dnnl_stream_default_flags) != dnnl_success)
        return 1;
    int status = side_serve(&(worker){.variant = variant_name, .make = make});
    dnnl_stream_destroy(stream);
    dnnl_engine_destroy(engine);
    return status;
}

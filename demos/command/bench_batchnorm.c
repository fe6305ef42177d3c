/* bench_batchnorm.c: `weft bench batchnorm` and `batchnorm-relu`: the fused node and the staged graph, forward, and forward with backward;
 * images in both layouts. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>

static const double eps = 1e-5;

/* What is normalised: h (N, D) over axis 0, or h (N, C, H*W) over axes 0 and 2. */
typedef struct subject {
    char title[64];
    int rank;
    size_t dim[3], columns;
    bool relu;
    float *h, *dy, *gamma, *beta;
} subject;

static void record(const subject *s, bool fused, bool backward, graph *g)
{
    graph_start(g);
    weft_node h = graph_input(g, "h", s->rank, s->dim, s->h), dy = graph_input(g, "dy", s->rank, s->dim, s->dy);
    weft_node gamma = graph_input(g, "gamma", 1, &s->columns, s->gamma), beta = graph_input(g, "beta", 1, &s->columns, s->beta);
    g->out[0] = (!fused ? weft_batchnorm : s->relu ? weft_fused_batchnorm_relu : weft_fused_batchnorm)(h, gamma, beta, eps);
    if (s->relu && !fused)
        g->out[0] = weft_relu(g->out[0]);
    if (backward)
        graph_differentiate(g, (const weft_node[]){h, gamma, beta}, 3, dy);
}

static bool add_pass(const subject *s, bool backward, table *t)
{
    const char *pass = backward ? "forward+backward" : "forward";
    graph g;
    record(s, true, backward, &g);
    bool good = table_program(t, "fused", pass, TILES, &g);
    for (way w = AS_WRITTEN; good && w < WAYS; w++) {
        record(s, false, backward, &g);
        good = table_program(t, way_name[w], pass, w, &g);
    }
    return good;
}

static bool run_subject(bench *b, subject *s)
{
    static table t;
    size_t count = s->dim[0] * s->dim[1] * (s->rank == 3 ? s->dim[2] : 1);
    s->h = bench_numbers(count, 1, -0.75f, 1.25f);
    s->dy = bench_numbers(count, 2, -0.5f, 0.5f);
    s->gamma = bench_numbers(s->columns, 3, 0.5f, 1.5f);
    s->beta = bench_numbers(s->columns, 4, -0.5f, 0.5f);
    table_start(&t, b, "fused");
    bool good = s->h && s->dy && s->gamma && s->beta && table_copies(&t, s->h, count) && add_pass(s, false, &t) && add_pass(s, true, &t);
    if (good) {
        table_measure(&t);
        table_print(&t, s->title);
    }
    table_free(&t);
    free(s->h);
    free(s->dy);
    free(s->gamma);
    free(s->beta);
    return good;
}

static bool run_images(bench *b, bool relu, size_t n, size_t c, size_t height, size_t width)
{
    subject last = {.rank = 2, .dim = {n * height * width, c}, .columns = c, .relu = relu};
    subject first = {.rank = 3, .dim = {n, c, height * width}, .columns = c, .relu = relu};
    snprintf(last.title, sizeof last.title, "(%zu, %zu, %zu, %zu) NHWC", n, c, height, width);
    snprintf(first.title, sizeof first.title, "(%zu, %zu, %zu, %zu) NCHW", n, c, height, width);
    return run_subject(b, &last) && run_subject(b, &first);
}

static bool run(bench *b, bool relu)
{
    static const size_t sizes[][2] = {{64, 100}, {256, 512}, {4096, 1024}, {65536, 256}};
    bool good = true;
    bench_sizes(b, sizes, 4);
    table_heading(b, relu ? "batch normalization and ReLU, f32" : "batch normalization, f32");
    for (int i = 0; good && i < b->sizes; i++) {
        subject s = {.rank = 2, .dim = {b->n[i], b->d[i]}, .columns = b->d[i], .relu = relu};
        snprintf(s.title, sizeof s.title, "(%zu, %zu)", b->n[i], b->d[i]);
        good = run_subject(b, &s);
    }
    return good && (!b->images || run_images(b, relu, 32, 256, 28, 28));
}

bool bench_batchnorm(bench *b)
{
    return run(b, false);
}

bool bench_batchnorm_relu(bench *b)
{
    return run(b, true);
}

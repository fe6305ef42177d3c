/* bench_norms.c: `weft bench norms`: the staged functions that work along rows, forward with backward. None has a fused node. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>

static const double eps = 1e-5;

typedef struct arrays {
    float *x, *dy, *gamma, *beta;
} arrays;

static weft_node layernorm(weft_node x, weft_node gamma, weft_node beta)
{
    return weft_layernorm(x, gamma, beta, eps);
}

static weft_node rmsnorm(weft_node x, weft_node gamma, weft_node beta)
{
    (void)beta;
    return weft_rmsnorm(x, gamma, eps);
}

static weft_node softmax(weft_node x, weft_node gamma, weft_node beta)
{
    (void)gamma;
    (void)beta;
    return weft_softmax(x, -1);
}

static weft_node log_softmax(weft_node x, weft_node gamma, weft_node beta)
{
    (void)gamma;
    (void)beta;
    return weft_log_softmax(x, -1);
}

/* In four groups, or one where four are too many. */
static weft_node groupnorm(weft_node x, weft_node gamma, weft_node beta)
{
    return weft_groupnorm(x, weft_node_shape(x).dim[1] % 4 ? 1 : 4, gamma, beta, eps);
}

static weft_node l2_normalize(weft_node x, weft_node gamma, weft_node beta)
{
    (void)gamma;
    (void)beta;
    return weft_l2_normalize(x, -1, eps);
}

static const struct {
    const char *name;
    weft_node (*record)(weft_node x, weft_node gamma, weft_node beta);
    size_t operands; /* of x, gamma, beta, those that it has */
} norms[] = {{"layernorm", layernorm, 3}, {"groupnorm", groupnorm, 3},     {"rmsnorm", rmsnorm, 2},
             {"softmax", softmax, 1},     {"log_softmax", log_softmax, 1}, {"l2_normalize", l2_normalize, 1}};

static bool run_size(bench *b, size_t k, size_t n, size_t d, const arrays *a)
{
    static table t;
    const size_t dim[] = {n, d};
    char title[64];
    table_start(&t, b, NULL);
    bool good = table_copies(&t, a->x, n * d);
    for (way w = AS_WRITTEN; good && w < WAYS; w++) {
        graph g;
        graph_start(&g);
        weft_node x[] = {graph_input(&g, "x", 2, dim, a->x), graph_input(&g, "gamma", 1, &d, a->gamma),
                         graph_input(&g, "beta", 1, &d, a->beta)};
        weft_node dy = graph_input(&g, "dy", 2, dim, a->dy);
        g.out[0] = norms[k].record(x[0], x[1], x[2]);
        graph_differentiate(&g, x, norms[k].operands, dy);
        good = table_program(&t, way_name[w], "forward+backward", w, &g);
    }
    if (good) {
        table_measure(&t);
        snprintf(title, sizeof title, "%s (%zu, %zu)", norms[k].name, n, d);
        table_print(&t, title);
    }
    table_free(&t);
    return good;
}

bool bench_norms(bench *b)
{
    static const size_t sizes[][2] = {{64, 100}, {4096, 1024}};
    bool good = true;
    bench_sizes(b, sizes, 2);
    table_heading(b, "normalizations along rows, f32");
    for (int i = 0; good && i < b->sizes; i++) {
        size_t n = b->n[i], d = b->d[i];
        arrays a = {bench_numbers(n * d, 1, -2, 2), bench_numbers(n * d, 2, -0.5f, 0.5f), bench_numbers(d, 3, 0.5f, 1.5f),
                    bench_numbers(d, 4, -0.5f, 0.5f)};
        good = a.x && a.dy && a.gamma && a.beta;
        for (size_t k = 0; good && k < sizeof norms / sizeof *norms; k++)
            good = run_size(b, k, n, d, &a);
        free(a.x);
        free(a.dy);
        free(a.gamma);
        free(a.beta);
    }
    return good;
}

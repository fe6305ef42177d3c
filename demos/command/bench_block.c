/* bench_block.c: `weft bench block`: affine, batch normalization, ReLU, forward with backward, and how much of that is not the matmuls.
 * x (N, D) @ w (D, D) + b; gradients of x, w, b, gamma and beta. */
#include "bench.h"
#include "terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double eps = 1e-5;
static const char both[] = "forward+backward", matmuls[] = "three matmuls alone", fused[] = "fused";

typedef struct arrays {
    size_t n, d;
    float *x, *dy, *w, *b, *gamma, *beta;
} arrays;

static bool arrays_make(arrays *a, size_t n, size_t d)
{
    *a = (arrays){.n = n, .d = d};
    a->x = bench_numbers(n * d, 1, -1, 1);
    a->dy = bench_numbers(n * d, 2, -0.5f, 0.5f);
    a->w = bench_numbers(d * d, 3, -0.2f, 0.2f);
    a->b = bench_numbers(d, 4, -0.1f, 0.1f);
    a->gamma = bench_numbers(d, 5, 0.5f, 1.5f);
    a->beta = bench_numbers(d, 6, -0.5f, 0.5f);
    return a->x && a->dy && a->w && a->b && a->gamma && a->beta;
}

static void arrays_free(arrays *a)
{
    free(a->x);
    free(a->dy);
    free(a->w);
    free(a->b);
    free(a->gamma);
    free(a->beta);
}

static void record_block(const arrays *a, bool with_fused, graph *g)
{
    const size_t rows[] = {a->n, a->d}, square[] = {a->d, a->d};
    graph_start(g);
    weft_node x = graph_input(g, "x", 2, rows, a->x), dy = graph_input(g, "dy", 2, rows, a->dy), w = graph_input(g, "w", 2, square, a->w);
    weft_node b = graph_input(g, "b", 1, &a->d, a->b), gamma = graph_input(g, "gamma", 1, &a->d, a->gamma);
    weft_node beta = graph_input(g, "beta", 1, &a->d, a->beta), h = weft_affine(x, w, b);
    g->out[0] = with_fused ? weft_fused_batchnorm_relu(h, gamma, beta, eps) : weft_relu(weft_batchnorm(h, gamma, beta, eps));
    graph_differentiate(g, (const weft_node[]){x, w, b, gamma, beta}, 5, dy);
}

/* Those that the block needs: of h, of dx and of dw. */
static void record_matmuls(const arrays *a, graph *g)
{
    const size_t rows[] = {a->n, a->d}, square[] = {a->d, a->d};
    graph_start(g);
    weft_node x = graph_input(g, "x", 2, rows, a->x), dy = graph_input(g, "dy", 2, rows, a->dy), w = graph_input(g, "w", 2, square, a->w);
    g->out[0] = weft_matmul(x, w);
    g->out[1] = weft_matmul(dy, weft_transpose(w, NULL));
    g->out[2] = weft_matmul(weft_transpose(x, NULL), dy);
    g->outputs = 3;
}

/* What is left of a row's time, round by round, without the matmuls of that round. */
static timing beyond(const row *r, const row *alone)
{
    double sample[MOST_ROUNDS];
    for (size_t i = 0; i < r->time.rounds; i++)
        sample[i] = r->time.sample[i] - alone->time.sample[i];
    return timing_of(sample, r->time.rounds);
}

static void add_beyond(cJSON *to, const row *r, const timing *time, double ratio)
{
    cJSON *entry = cJSON_CreateObject();
    cJSON_AddItemToArray(to, entry);
    cJSON_AddStringToObject(entry, "row", r->name);
    cJSON_AddNumberToObject(entry, "seconds", time->median);
    cJSON_AddNumberToObject(entry, "lower_quartile", time->low);
    cJSON_AddNumberToObject(entry, "upper_quartile", time->high);
    if (ratio > 0)
        cJSON_AddNumberToObject(entry, "times_fused", ratio);
}

static const char *print_signed(double seconds, char text[UNIT_TEXT])
{
    char positive[UNIT_TEXT];
    if (seconds >= 0)
        return print_seconds(seconds, text);
    snprintf(text, UNIT_TEXT, "-%.*s", UNIT_TEXT - 2, print_seconds(-seconds, positive));
    return text;
}

/* The difference of two times may drown in their noise; a quartile at or below zero shows it, and then there is no ratio. */
static void print_beyond(const row *r, const timing *time, double ratio)
{
    char text[UNIT_TEXT], low[UNIT_TEXT], high[UNIT_TEXT];
    printf("  %-28s %10s %10s to %-10s %9s", r->name, print_signed(time->median, text), print_signed(time->low, low),
           print_signed(time->high, high), "");
    printf(ratio > 0 ? " %9.2f\n" : " lost in noise\n", ratio);
}

static void report_beyond(table *t, cJSON *json)
{
    const row *alone = table_find(t, matmuls), *first = table_find(t, fused);
    cJSON *to = json ? cJSON_AddArrayToObject(json, "beyond_matmuls") : NULL;
    timing base = beyond(first, alone);
    if (!to)
        puts(" beyond the matmuls");
    for (int k = 0; k < t->n; k++) {
        const row *r = &t->rows[k];
        if (*r->absent || r == alone || strcmp(r->pass, both))
            continue;
        timing time = beyond(r, alone);
        double ratio = time.low > 0 && base.low > 0 ? time.median / base.median : 0;
        if (to)
            add_beyond(to, r, &time, ratio);
        else
            print_beyond(r, &time, ratio);
    }
}

static bool run_size(bench *b, size_t n, size_t d)
{
    static table t;
    arrays a;
    graph g;
    char title[64];
    table_start(&t, b, fused);
    bool good = arrays_make(&a, n, d) && table_copies(&t, a.x, n * d);
    if (good) {
        record_matmuls(&a, &g);
        good = table_program(&t, matmuls, both, TILES, &g);
    }
    for (int compiled = 0; good && compiled < 2; compiled++) {
        record_block(&a, true, &g);
        good = table_program(&t, compiled ? "fused, compiled C" : fused, both, compiled ? COMPILED : TILES, &g);
    }
    for (way w = AS_WRITTEN; good && w < WAYS; w++) {
        record_block(&a, false, &g);
        good = table_program(&t, way_name[w], both, w, &g);
    }
    if (good) {
        table_measure(&t);
        snprintf(title, sizeof title, "(%zu, %zu) @ (%zu, %zu)", n, d, d, d);
        report_beyond(&t, table_print(&t, title));
    }
    table_free(&t);
    arrays_free(&a);
    return good;
}

bool bench_block(bench *b)
{
    static const size_t sizes[][2] = {{64, 100}, {256, 512}, {4096, 1024}, {65536, 256}};
    bool good = true;
    bench_sizes(b, sizes, 4);
    table_heading(b, "affine, batch normalization, ReLU, f32");
    for (int i = 0; good && i < b->sizes; i++)
        good = run_size(b, b->n[i], b->d[i]);
    return good;
}

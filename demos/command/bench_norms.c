/* bench_norms.c: `weft bench norms`: the functions that work along rows, and gelu, fused and staged, forward, and forward with backward; beside them
 * PyTorch, where it is installed. */
#include "bench.h"
#include "peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double eps = 1e-5;

typedef struct arrays {
    float *x, *dy, *gamma, *beta;
    int64_t *label;
} arrays;

/* x: the array, then gamma, beta or label. */
static weft_node layernorm(const weft_node *x, bool fused)
{
    return (fused ? weft_fused_layernorm : weft_layernorm)(x[0], x[1], x[2], eps);
}

/* In four groups, or one where four are too many. */
static weft_node groupnorm(const weft_node *x, bool fused)
{
    return (fused ? weft_fused_groupnorm : weft_groupnorm)(x[0], weft_node_shape(x[0]).dim[1] % 4 ? 1 : 4, x[1], x[2], eps);
}

static weft_node rmsnorm(const weft_node *x, bool fused)
{
    return (fused ? weft_fused_rmsnorm : weft_rmsnorm)(x[0], x[1], eps);
}

static weft_node softmax(const weft_node *x, bool fused)
{
    return (fused ? weft_fused_softmax : weft_softmax)(x[0], -1);
}

static weft_node log_softmax(const weft_node *x, bool fused)
{
    return (fused ? weft_fused_log_softmax : weft_log_softmax)(x[0], -1);
}

static weft_node l2_normalize(const weft_node *x, bool fused)
{
    return (fused ? weft_fused_l2_normalize : weft_l2_normalize)(x[0], -1, eps);
}

static weft_node gelu(const weft_node *x, bool fused)
{
    return (fused ? weft_fused_gelu : weft_gelu)(x[0]);
}

static weft_node cross_entropy(const weft_node *x, bool fused)
{
    return (fused ? weft_fused_softmax_cross_entropy : weft_softmax_cross_entropy)(x[0], x[3]);
}

static const struct {
    const char *name;
    weft_node (*record)(const weft_node *x, bool fused);
    size_t operands; /* of x, gamma, beta, those that it has a gradient for */
    bool loss;       /* it is one number, and has labels */
} norms[] = {{"layernorm", layernorm, 3, false}, {"groupnorm", groupnorm, 3, false},       {"rmsnorm", rmsnorm, 2, false},
             {"softmax", softmax, 1, false},     {"log_softmax", log_softmax, 1, false},   {"softmax_cross_entropy", cross_entropy, 1, true},
             {"gelu", gelu, 1, false},           {"l2_normalize", l2_normalize, 1, false}};

/* --- PyTorch --- */

typedef struct task {
    peer *p;
    char work[64]; /* as norms_side.py takes it */
    self_timed timed;
} task;

static double task_seconds(void *context, size_t repeats)
{
    const task *t = context;
    return peer_seconds(t->p, t->work, repeats);
}

static void add_peer(size_t k, const size_t *dim, const char *pass, peer *p, task *to, table *t)
{
    if (t->b->no_peers)
        return;
    *to = (task){.p = p, .timed = {task_seconds, to}};
    snprintf(to->work, sizeof to->work, "%s %s %zu %zu", norms[k].name, pass, dim[0], dim[1]);
    if (p->socket < 0)
        table_absent(t, p->name, pass, p->why);
    else
        table_job(t, p->name, pass, (job){NULL, &to->timed});
}

/* One that stopped answering has no times. */
static void strike_peer(const peer *p, table *t)
{
    for (int i = 0; i < t->n; i++)
        if (*p->why && !t->rows[i].job.run && !*t->rows[i].absent)
            memcpy(t->rows[i].absent, p->why, sizeof t->rows[i].absent);
}

/* --- the tables --- */

static void record(size_t k, const size_t *dim, const arrays *a, bool fused, bool backward, graph *g)
{
    graph_start(g);
    weft_node x[4] = {graph_input(g, "x", 2, dim, a->x), graph_input(g, "gamma", 1, &dim[1], a->gamma), graph_input(g, "beta", 1, &dim[1], a->beta)};
    weft_node dy = graph_input(g, "dy", norms[k].loss ? 0 : 2, dim, a->dy);
    if (norms[k].loss) {
        x[3] = weft_input(g->tape, "label", WEFT_I64, 1, dim);
        g->in[g->inputs++] = (weft_binding){x[3], a->label, dim[0] * sizeof *a->label};
    }
    g->out[0] = norms[k].record(x, fused);
    if (backward)
        graph_differentiate(g, x, norms[k].operands, dy);
}

static bool add_pass(size_t k, const size_t *dim, const arrays *a, bool backward, peer *p, table *t)
{
    static task tasks[2];
    const char *pass = backward ? "forward+backward" : "forward";
    graph g;
    record(k, dim, a, true, backward, &g);
    bool good = table_program(t, "fused", pass, TILES, &g);
    for (way w = AS_WRITTEN; good && w < WAYS; w++) {
        record(k, dim, a, false, backward, &g);
        good = table_program(t, way_name[w], pass, w, &g);
    }
    add_peer(k, dim, pass, p, &tasks[backward], t);
    return good;
}

static bool run_size(bench *b, size_t k, size_t n, size_t d, const arrays *a, peer *p)
{
    static table t;
    const size_t dim[] = {n, d};
    char title[64];
    table_start(&t, b, "fused");
    bool good = table_copies(&t, a->x, n * d) && add_pass(k, dim, a, false, p, &t) && add_pass(k, dim, a, true, p, &t);
    if (good) {
        table_measure(&t);
        strike_peer(p, &t);
        snprintf(title, sizeof title, "%s (%zu, %zu)", norms[k].name, n, d);
        table_print(&t, title);
    }
    table_free(&t);
    return good;
}

static int64_t *draw_labels(size_t n, size_t classes)
{
    int64_t *label = malloc(n * sizeof *label);
    if (!label)
        bench_complain("out of memory");
    for (size_t i = 0; label && i < n; i++)
        label[i] = (int64_t)(i * 7919 % classes);
    return label;
}

bool bench_norms(bench *b)
{
    static const size_t sizes[][2] = {{64, 100}, {4096, 1024}};
    bool good = true;
    peer p = {.socket = -1};
    if (!b->no_peers)
        peer_start(&p, WEFT_COMMAND "/norms_side.py", b->threads >= 0 ? b->threads > 1 ? b->threads : 1 : 0);
    bench_sizes(b, sizes, 2);
    table_heading(b, "normalizations along rows, f32");
    for (int i = 0; good && i < b->sizes; i++) {
        size_t n = b->n[i], d = b->d[i];
        arrays a = {bench_numbers(n * d, 1, -2, 2), bench_numbers(n * d, 2, -0.5f, 0.5f), bench_numbers(d, 3, 0.5f, 1.5f),
                    bench_numbers(d, 4, -0.5f, 0.5f), draw_labels(n, d)};
        good = a.x && a.dy && a.gamma && a.beta && a.label;
        for (size_t k = 0; good && k < sizeof norms / sizeof *norms; k++)
            good = run_size(b, k, n, d, &a, &p);
        free(a.x);
        free(a.dy);
        free(a.gamma);
        free(a.beta);
        free(a.label);
    }
    peer_stop(&p);
    return good;
}

/* judge.c: holds each way to the plain values.
 * A way may run other nodes than the graph's own, as rewriting does. The value that it must come to is that of the graph's; the tolerance is
 * the bound on what rounding does to the one plus the bound for the other, doubled, since the judge itself rounds, to long double at best.
 * Where a graph assigns, each run is judged from the parameters as they were read after the run before: errors do not add up from run to
 * run, and what one run left must be what the next one works with. */
#include "tests/judge.h"
#include "tests/updates.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t count_of(weft_node x)
{
    weft_shape shape = weft_node_shape(x);
    return weft_shape_count(&shape);
}

static void fail(verdict *v, const char *message)
{
    v->failed = true;
    snprintf(v->message, sizeof v->message, "%.500s", message);
}

/* --- one array --- */

/* Small beside the largest value of the output: a wrong gradient stands out. */
static bool is_sharp(weft_dtype dtype, long double tolerance, long double largest)
{
    return tolerance <= (dtype == WEFT_F32 ? 1e-2L : 1e-8L) * fmaxl(largest, 1e-3L);
}

/* stands: the bounds of what was run; what: the array, in words. */
static void judge_elements(verdict *v, const char *what, size_t count, const bounded *expected, const bounded *stands, const double *got)
{
    long double largest = 0;
    for (size_t i = 0; i < count; i++)
        largest = expected[i].e < INFINITY ? fmaxl(largest, fabsl(expected[i].v)) : largest;
    for (size_t i = 0; i < count; i++) {
        long double tolerance = 2 * (expected[i].e + stands[i].e);
        v->elements++;
        if (!(tolerance < INFINITY))
            continue;
        v->sharp += is_sharp(v->dtype, tolerance, largest);
        if (fabsl((long double)got[i] - expected[i].v) <= tolerance || v->failed)
            continue;
        v->failed = true;
        snprintf(v->message, sizeof v->message, "%s, element %zu: expected %.17Lg within %.3Lg, got %.17g", what, i, expected[i].v,
                 tolerance, got[i]);
    }
}

/* --- one run --- */

/* Of a trial: which run, and what the plain values of all nodes are then. */
typedef struct sitting {
    verdict *v;
    const trial *t;
    int run;
    const plain *p;
} sitting;

/* The memory of binding k as the run finds it. */
static const void *before(const trial *t, int run, size_t k)
{
    const void *left = run ? t->run[run - 1].parameter[k] : NULL;
    return left ? left : t->graph->binding[k].data;
}

/* Which run, where there are several. */
static void name_run(const sitting *s, char *text, size_t size)
{
    *text = 0;
    if (s->t->n_runs > 1)
        snprintf(text, size, " of run %d", s->run + 1);
}

static void judge_outputs(const sitting *s)
{
    const built *b = s->t->graph;
    for (size_t k = 0; k < b->n_out; k++) {
        char what[96], run[24];
        name_run(s, run, sizeof run);
        snprintf(what, sizeof what, "output %zu%s", k, run);
        judge_elements(s->v, what, count_of(b->out[k]), plain_value(s->p, b->out[k]), plain_value(s->p, s->t->stands[k]),
                       s->t->run[s->run].result[k]);
    }
}

/* Parameter b->binding[k], which output `at` assigns. */
static void judge_assigned(const sitting *s, size_t k, size_t at, const assignment *a)
{
    const built *b = s->t->graph;
    const void *data = s->t->run[s->run].parameter[k];
    char what[96], run[24];
    size_t count = count_of(a->parameter);
    bounded *expected = malloc(count * sizeof *expected + 1);
    double *got = malloc(count * sizeof *got + 1);
    assignment_expected(b, s->p, a, expected);
    for (size_t i = 0; i < count; i++)
        got[i] = b->dtype == WEFT_F32 ? (double)((const float *)data)[i] : ((const double *)data)[i];
    name_run(s, run, sizeof run);
    snprintf(what, sizeof what, "parameter %.20s at the end%s", weft_node_name(a->parameter), run);
    judge_elements(s->v, what, count, expected, plain_value(s->p, s->t->stands[at]), got);
    free(got);
    free(expected);
}

/* What no assignment names keeps its bits. */
static void judge_kept(const sitting *s, size_t k)
{
    const weft_binding *at = &s->t->graph->binding[k];
    char what[96];
    if (s->v->failed || !memcmp(s->t->run[s->run].parameter[k], before(s->t, s->run, k), at->bytes))
        return;
    snprintf(what, sizeof what, "parameter %.20s is another after run %d, and nothing assigns it", weft_node_name(at->node), s->run + 1);
    fail(s->v, what);
}

static void judge_parameters(const sitting *s)
{
    const built *b = s->t->graph;
    for (size_t k = 0; k < b->n_bindings; k++) {
        size_t i = 0;
        while (i < b->n_assignments && b->assignment[i].parameter.id != b->binding[k].node.id)
            i++;
        if (i < b->n_assignments)
            judge_assigned(s, k, b->n_out - b->n_assignments + i, &b->assignment[i]);
        else if (s->t->run[s->run].parameter[k])
            judge_kept(s, k);
    }
}

/* --- all of it --- */

/* Ways mostly leave the same bits. */
static bool start_alike(const trial *a, const trial *b, int run)
{
    bool alike = true;
    for (size_t k = 0; k < a->graph->n_bindings; k++)
        alike &= !memcmp(before(a, run, k), before(b, run, k), a->graph->binding[k].bytes);
    return alike;
}

static bool evaluate_run(const trial *t, int run, plain *p)
{
    const built *b = t->graph;
    weft_binding from[MOST_BINDINGS];
    for (size_t k = 0; k < b->n_bindings; k++)
        from[k] = (weft_binding){b->binding[k].node, before(t, run, k), b->binding[k].bytes};
    plain_free(p);
    plain_start(p, b->tape, b->dtype);
    return plain_extend(p, from, b->n_bindings);
}

/* p may have the values already, from the same run of the way before. */
static void judge_run(verdict *v, const trial *trials, size_t k, int run, plain *p)
{
    const trial *t = &trials[k];
    if ((!k || !start_alike(t, t - 1, run)) && !evaluate_run(t, run, p)) {
        fail(v, p->message);
        return;
    }
    const sitting s = {v, t, run, p};
    judge_outputs(&s);
    judge_parameters(&s);
}

verdict judge(const graph *g, weft_dtype dtype, const way *by, size_t n)
{
    built b;
    plain p = {.tape = NULL};
    verdict v = {.dtype = dtype, .way = &by[0]};
    trial *trials = calloc(n, sizeof *trials);
    if (!graph_build(&b, g, dtype)) {
        v.refused = b.refused;
        fail(&v, weft_tape_message(b.tape));
    }
    for (size_t k = 0; k < n && !v.failed; k++) {
        v.way = &by[k];
        trials[k].graph = &b;
        memcpy(trials[k].stands, b.out, sizeof b.out);
        if (!by[k].run(&trials[k]))
            fail(&v, trials[k].message);
    }
    for (int run = 0; !v.failed && run < trials[0].n_runs; run++)
        for (size_t k = 0; k < n && !v.failed; k++) {
            v.way = &by[k];
            judge_run(&v, trials, k, run, &p);
        }
    for (size_t k = 0; k < n; k++)
        trial_free(&trials[k]);
    free(trials);
    plain_free(&p);
    built_free(&b);
    return v;
}

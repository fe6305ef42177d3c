/* ways.c: the table of ways, and the judge.
 * A way may run other nodes than the graph's own, as rewriting does. The value that it must come to is that of the graph's; the tolerance is
 * the bound on what rounding does to the one plus the bound for the other, doubled, since the judge itself rounds, to long double at best. */
#include "tests/ways.h"
#include "tests/plain.h"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t count_of(weft_node x)
{
    weft_shape shape = weft_node_shape(x);
    return weft_shape_count(&shape);
}

/* --- ways --- */

static bool give_up(trial *t, const char *what, const char *message)
{
    snprintf(t->message, sizeof t->message, "%s: %.400s", what, message);
    return false;
}

static bool same_bits(const trial *t, weft_program *p, size_t k)
{
    size_t count = count_of(t->graph->out[k]);
    for (size_t i = 0; i < count; i++) {
        const void *data = weft_output(p, k);
        double again = t->graph->dtype == WEFT_F32 ? (double)((const float *)data)[i] : ((const double *)data)[i];
        if (memcmp(&again, &t->result[k][i], sizeof again))
            return false;
    }
    return true;
}

static bool run_twice(trial *t, weft_program *p)
{
    const built *b = t->graph;
    for (size_t k = 0; k < b->n_bindings; k++) {
        bool parameter = !strcmp(weft_node_op(b->binding[k].node)->name, "parameter");
        weft_status status = parameter ? weft_parameter_write(p, b->binding[k].node, b->binding[k].data, b->binding[k].bytes)
                                       : weft_bind(p, b->binding[k].node, b->binding[k].data, b->binding[k].bytes);
        if (status != WEFT_OK)
            return give_up(t, "binding", weft_program_message(p));
    }
    if (weft_run(p) != WEFT_OK)
        return give_up(t, "running", weft_program_message(p));
    for (size_t k = 0; k < b->n_out; k++) {
        const void *data = weft_output(p, k);
        size_t count = count_of(b->out[k]);
        if (count_of(t->stands[k]) != count || !data)
            return give_up(t, "an output", data ? "of another shape" : "without memory");
        t->result[k] = malloc(count * sizeof(double) + 1);
        for (size_t i = 0; i < count; i++)
            t->result[k][i] = b->dtype == WEFT_F32 ? (double)((const float *)data)[i] : ((const double *)data)[i];
    }
    if (weft_run(p) != WEFT_OK)
        return give_up(t, "running again", weft_program_message(p));
    for (size_t k = 0; k < b->n_out; k++)
        if (!same_bits(t, p, k))
            return give_up(t, "running again", "other bits");
    return true;
}

bool trial_run_with(trial *t, const weft_options *options)
{
    weft_program *p = weft_compile_with(t->stands, t->graph->n_out, options);
    bool good = weft_program_status(p) == WEFT_OK ? run_twice(t, p) : give_up(t, "compiling", weft_program_message(p));
    weft_program_free(p);
    return good;
}

bool trial_run(trial *t)
{
    return trial_run_with(t, &(weft_options){.rewriting = WEFT_REWRITE_NONE});
}

static bool rewritten(trial *t, weft_rewriting level)
{
    if (weft_rewrite(t->graph->out, t->graph->n_out, level, NULL, NULL, t->stands) != WEFT_OK || weft_tape_verify(t->graph->tape) != WEFT_OK)
        return give_up(t, "rewriting", weft_tape_message(t->graph->tape));
    return trial_run(t);
}

static bool run_exact(trial *t)
{
    return rewritten(t, WEFT_REWRITE_EXACT);
}

static bool run_algebraic(trial *t)
{
    return rewritten(t, WEFT_REWRITE_ALGEBRAIC);
}

const way ways[] = {
    {"as recorded", trial_run},
    {"rewritten exactly", run_exact},
    {"rewritten by algebra", run_algebraic},
};
const size_t way_count = sizeof ways / sizeof *ways;

/* The compiler and the cache are those of WEFT_TEST_COMPILER and WEFT_TEST_CACHE, or the defaults. */
static bool compiled(trial *t, weft_rewriting level)
{
    const weft_options options = {.rewriting = level, .backend = WEFT_BACKEND_C, .compiler = getenv("WEFT_TEST_COMPILER"), .cache = getenv("WEFT_TEST_CACHE")};
    if (level != WEFT_REWRITE_NONE)
        weft_rewrite(t->graph->out, t->graph->n_out, level, NULL, NULL, t->stands); /* the judge asks what stood for the outputs */
    return trial_run_with(t, &options);
}

static bool run_compiled(trial *t)
{
    return compiled(t, WEFT_REWRITE_NONE);
}

static bool run_compiled_algebraic(trial *t)
{
    return compiled(t, WEFT_REWRITE_ALGEBRAIC);
}

const way compiled_ways[] = {
    {"compiled", run_compiled},
    {"rewritten by algebra and compiled", run_compiled_algebraic},
};
const size_t compiled_way_count = sizeof compiled_ways / sizeof *compiled_ways;

/* --- the judge --- */

/* Small beside the largest value of the output: a wrong gradient stands out. */
static bool is_sharp(weft_dtype dtype, double tolerance, long double largest)
{
    return (long double)tolerance <= (dtype == WEFT_F32 ? 1e-2L : 1e-8L) * fmaxl(largest, 1e-3L);
}

static void judge_output(verdict *v, const plain *p, const trial *t, size_t k)
{
    const bounded *expected = plain_value(p, t->graph->out[k]), *stands = plain_value(p, t->stands[k]);
    long double largest = 0;
    size_t count = count_of(t->graph->out[k]);
    for (size_t i = 0; i < count; i++)
        largest = expected[i].e < INFINITY ? fmaxl(largest, fabsl(expected[i].v)) : largest;
    for (size_t i = 0; i < count; i++) {
        long double tolerance = 2 * (expected[i].e + stands[i].e), got = (long double)t->result[k][i];
        v->elements++;
        if (!(tolerance < INFINITY))
            continue;
        v->sharp += is_sharp(v->dtype, (double)tolerance, largest);
        if (fabsl(got - expected[i].v) <= tolerance || v->failed)
            continue;
        v->failed = true;
        v->output = k;
        v->element = i;
        v->expected = (double)expected[i].v;
        v->got = t->result[k][i];
        v->tolerance = (double)tolerance;
        snprintf(v->message, sizeof v->message, "output %zu[%zu]: expected %.17g within %.3g, got %.17g", k, i, v->expected, v->tolerance, v->got);
    }
}

static void fail(verdict *v, const char *message)
{
    v->failed = true;
    snprintf(v->message, sizeof v->message, "%.500s", message);
}

verdict judge(const graph *g, weft_dtype dtype, const way *by, size_t n)
{
    built b;
    plain p;
    verdict v = {.dtype = dtype};
    trial *trials = calloc(n, sizeof *trials);
    bool *ran = calloc(n, sizeof *ran);
    if (!graph_build(&b, g, dtype)) {
        v.way = &by[0];
        v.refused = !b.n_out;
        fail(&v, weft_tape_message(b.tape));
    }
    for (size_t k = 0; k < n && !v.failed; k++) {
        trials[k].graph = &b;
        memcpy(trials[k].stands, b.out, sizeof b.out);
        ran[k] = by[k].run(&trials[k]);
    }
    plain_start(&p, b.tape, dtype);
    if (!v.failed && !plain_extend(&p, b.binding, b.n_bindings)) {
        v.way = &by[0];
        fail(&v, p.message);
    }
    for (size_t k = 0; k < n && !v.failed; k++) {
        v.way = &by[k];
        if (!ran[k])
            fail(&v, trials[k].message);
        for (size_t i = 0; i < b.n_out && !v.failed; i++)
            judge_output(&v, &p, &trials[k], i);
    }
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < MOST_OUTPUTS; i++)
            free(trials[k].result[i]);
    free(ran);
    free(trials);
    plain_free(&p);
    built_free(&b);
    return v;
}

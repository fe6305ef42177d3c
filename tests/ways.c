/* ways.c: the table of ways, and how a program is run in any of them. */
#include "tests/ways.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t count_of(weft_node x)
{
    weft_shape shape = weft_node_shape(x);
    return weft_shape_count(&shape);
}

static bool is_parameter(weft_node x)
{
    return !strcmp(weft_node_op(x)->name, "parameter");
}

/* --- running --- */

static bool give_up(trial *t, const char *what, const char *message)
{
    snprintf(t->message, sizeof t->message, "%s: %.400s", what, message);
    return false;
}

/* Gives inputs their memory, and parameters the values that they start with. */
static bool start_over(trial *t, weft_program *p)
{
    const built *b = t->graph;
    for (size_t k = 0; k < b->n_bindings; k++) {
        const weft_binding *at = &b->binding[k];
        weft_status status = is_parameter(at->node) ? weft_parameter_write(p, at->node, at->data, at->bytes)
                                                    : weft_bind(p, at->node, at->data, at->bytes);
        if (status != WEFT_OK)
            return give_up(t, "binding", weft_program_message(p));
    }
    return true;
}

static bool read_outputs(trial *t, weft_program *p, outcome *to)
{
    const built *b = t->graph;
    for (size_t k = 0; k < b->n_out; k++) {
        const void *data = weft_output(p, k);
        size_t count = count_of(b->out[k]);
        if (count_of(t->stands[k]) != count || !data)
            return give_up(t, "an output", data ? "of another shape" : "without memory");
        to->result[k] = malloc(count * sizeof(double) + 1);
        for (size_t i = 0; i < count; i++)
            to->result[k][i] = b->dtype == WEFT_F32 ? (double)((const float *)data)[i] : ((const double *)data)[i];
    }
    return true;
}

static bool is_assigned(const built *b, weft_node parameter)
{
    for (size_t k = 0; k < b->n_assignments; k++)
        if (b->assignment[k].parameter.id == parameter.id)
            return true;
    return false;
}

/* A program refuses to give a parameter that it has no use of; those assigned are of use. */
static bool read_parameters(trial *t, weft_program *p, outcome *to)
{
    const built *b = t->graph;
    for (size_t k = 0; k < b->n_bindings; k++) {
        const weft_binding *at = &b->binding[k];
        if (!is_parameter(at->node))
            continue;
        void *data = malloc(at->bytes + 1);
        if (weft_parameter_read(p, at->node, data, at->bytes) == WEFT_OK) {
            to->parameter[k] = data;
            continue;
        }
        free(data);
        if (is_assigned(b, at->node))
            return give_up(t, "reading a parameter", weft_program_message(p));
    }
    return true;
}

static void outcome_free(outcome *o)
{
    for (size_t k = 0; k < MOST_OUTPUTS; k++)
        free(o->result[k]);
    for (size_t k = 0; k < MOST_BINDINGS; k++)
        free(o->parameter[k]);
}

static bool same_bits(const built *b, const outcome *a, const outcome *other)
{
    for (size_t k = 0; k < b->n_out; k++)
        if (memcmp(a->result[k], other->result[k], count_of(b->out[k]) * sizeof *a->result[k]))
            return false;
    for (size_t k = 0; k < b->n_bindings; k++)
        if (a->parameter[k] && memcmp(a->parameter[k], other->parameter[k], b->binding[k].bytes))
            return false;
    return true;
}

static bool run_once(trial *t, weft_program *p, outcome *to)
{
    if (weft_run(p) != WEFT_OK)
        return give_up(t, "running", weft_program_message(p));
    return read_outputs(t, p, to) && read_parameters(t, p, to);
}

static bool run_all(trial *t, weft_program *p)
{
    const built *b = t->graph;
    outcome again = {.result = {NULL}};
    bool good = start_over(t, p);
    for (t->n_runs = 0; good && t->n_runs < (b->n_assignments ? MOST_RUNS : 1); t->n_runs++)
        good = run_once(t, p, &t->run[t->n_runs]);
    good = good && (!b->n_assignments || start_over(t, p)) && run_once(t, p, &again);
    if (good && !same_bits(b, &t->run[0], &again))
        good = give_up(t, "running again", "other bits");
    outcome_free(&again);
    return good;
}

bool trial_run_with(trial *t, const weft_options *options)
{
    weft_program *p = weft_compile_with(t->stands, t->graph->n_out, options);
    bool good = weft_program_status(p) == WEFT_OK ? run_all(t, p) : give_up(t, "compiling", weft_program_message(p));
    weft_program_free(p);
    return good;
}

bool trial_run(trial *t)
{
    return trial_run_with(t, &(weft_options){.rewriting = WEFT_REWRITE_NONE});
}

void trial_free(trial *t)
{
    for (int run = 0; run < MOST_RUNS; run++)
        outcome_free(&t->run[run]);
}

/* --- ways --- */

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

/* trace_check.c: the gradient of the walk against central differences, in the trace. The judgement is that of weft_gradient_check(), on the loss
 * L = sum(dy * y) and the adjoints of the walk as claimed; here its differences are written out element by element, at the same step. */
#include "engine/explain/trace.h"
#include "engine/record/elements.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const double STEP = 1e-5; /* relative to max(1, |x|) */

typedef struct checking {
    weft__trace *t;
    weft_node loss;
    weft_node *x, *claimed; /* (n) */
    weft_gradcheck *result; /* (n) */
    size_t n, most;
    char why[WEFT_MESSAGE_SIZE];
} checking;

static const weft_binding *binding_of(const checking *c, weft_node x)
{
    const weft_trace_options *o = c->t->options;
    for (size_t i = 0; i < o->n_bind; i++)
        if (o->bind[i].node.id == x.id)
            return &o->bind[i];
    return NULL;
}

/* Whether x can be moved; if not, why says what stands against it. */
static bool can_check(checking *c, const weft_walk_node *n)
{
    weft_node x = n->node;
    weft_kind kind = weft_node_op(x)->kind;
    const weft_binding *b = binding_of(c, x);
    const char *why = weft_node_dtype(x) != WEFT_F64 || weft_node_dtype(c->t->y) != WEFT_F64 ? "differences are taken in f64"
                      : kind != WEFT_INPUT && kind != WEFT_PARAMETER                   ? "it is no input, so it cannot be moved alone"
                      : n->silence == WEFT_SILENT_STOPPED                              ? "its derivative is 0 by definition, whatever differences say"
                      : weft__element_count(x) > c->most                               ? "it has many elements"
                      : !b || b->bytes != weft__element_count(x) * sizeof(double)      ? "no data is bound to it"
                                                                                       : NULL;
    if (why && !*c->why)
        snprintf(c->why, sizeof c->why, "%.80s is not checked: %s", n->label, why);
    return !why;
}

static weft_status differences(checking *c, weft_program *program, weft_node x, double *numeric)
{
    const weft_binding *b = binding_of(c, x);
    const weft_trace_options *o = c->t->options;
    double *point = weft__allocate(&c->t->tape->allocator, b->bytes + 1);
    weft_status status = WEFT_OK;
    if (!point)
        return weft__tape_fail(c->t->tape, WEFT_ERROR_MEMORY, "out of memory");
    weft_binding moved = {x, point, b->bytes};
    if (b->bytes)
        memcpy(point, b->data, b->bytes);
    for (size_t k = 0; k < b->bytes / sizeof *point && status == WEFT_OK; k++) {
        double at = point[k], h = STEP * fmax(1, fabs(at)), high = at + h, low = at - h;
        point[k] = high;
        status = weft__explain_run(program, &moved, 1);
        double above = status == WEFT_OK ? *(const double *)weft_output(program, 0) : 0;
        point[k] = low;
        if (status == WEFT_OK)
            status = weft__explain_run(program, &moved, 1);
        if (status == WEFT_OK)
            numeric[k] = (above - *(const double *)weft_output(program, 0)) / (high - low);
        point[k] = at;
    }
    if (status == WEFT_OK)
        status = weft__explain_run(program, o->bind, o->n_bind); /* x as it was */
    weft__release(&c->t->tape->allocator, point, b->bytes + 1);
    return status == WEFT_OK ? status : weft__tape_fail(c->t->tape, status, "trace: %.400s", weft_program_message(program));
}

/* --- what is written --- */

static void put_sweep(weft__json *j, const weft_gradcheck *r)
{
    weft__json_key(j, "sweep");
    weft__json_open(j, '[');
    for (int i = 0; i < WEFT_SWEEP_STEPS; i++) {
        weft__json_open(j, '{');
        weft__json_key(j, "h");
        weft__json_number(j, WEFT_F64, r->sweep_step[i]);
        weft__json_key(j, "error");
        weft__json_number(j, WEFT_F64, r->sweep_error[i]);
        weft__json_close(j, '}');
    }
    weft__json_close(j, ']');
}

static void put_one(checking *c, size_t i, const double *numeric)
{
    static const char *const verdict[] = {[WEFT_GRADIENT_RIGHT] = "right", [WEFT_GRADIENT_WRONG] = "wrong", [WEFT_GRADIENT_EMPTY] = "zero by construction"};
    weft__json *j = &c->t->json;
    const weft_gradcheck *r = &c->result[i];
    weft_shape shape = weft_node_shape(c->x[i]);
    weft__json_line(j);
    weft__json_open(j, '{');
    weft__json_key(j, "node");
    weft__json_whole(j, c->x[i].id);
    weft__json_key(j, "numeric");
    weft__json_numbers(j, &shape, WEFT_F64, numeric);
    put_sweep(j, r);
    weft__json_key(j, "error");
    weft__json_number(j, WEFT_F64, r->max_abs);
    weft__json_key(j, "verdict");
    weft__json_text(j, verdict[r->verdict]);
    weft__json_key(j, "message");
    weft__json_text(j, r->message);
    weft__json_close(j, '}');
}

static weft_status put_all(checking *c)
{
    weft__json *j = &c->t->json;
    const weft_trace_options *o = c->t->options;
    const weft_allocator *a = &c->t->tape->allocator;
    weft_status status = WEFT_OK;
    weft_program *program = NULL;
    double *numeric = weft__allocate(a, c->most * sizeof *numeric + 1);
    weft__json_line(j);
    weft__json_key(j, "check");
    weft__json_open(j, '{');
    weft__json_key(j, "x");
    weft__json_open(j, '[');
    if (c->n) {
        program = weft_compile(&c->loss, 1);
        status = weft__explain_run(program, o->bind, o->n_bind);
        if (status != WEFT_OK)
            weft__tape_fail(c->t->tape, status, "trace: %.400s", weft_program_message(program));
        if (!numeric)
            status = weft__tape_fail(c->t->tape, WEFT_ERROR_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < c->n && status == WEFT_OK; i++) {
        status = differences(c, program, c->x[i], numeric);
        if (status == WEFT_OK)
            put_one(c, i, numeric);
    }
    weft__json_close(j, ']');
    if (*c->why) {
        weft__json_key(j, "message");
        weft__json_text(j, c->why);
    }
    weft__json_close(j, '}');
    weft_program_free(program);
    weft__release(a, numeric, c->most * sizeof *numeric + 1);
    return status;
}

static weft_status check_all(checking *c)
{
    const weft_walk *w = &c->t->walk;
    const weft_trace_options *o = c->t->options;
    for (size_t i = 0; i < w->n_x; i++) {
        const weft_walk_node *n = &w->node[w->x[i]];
        if (!can_check(c, n))
            continue;
        c->x[c->n] = n->node;
        c->claimed[c->n++] = weft_node_failed(n->adjoint) ? weft_full_like(n->node, 0) : n->adjoint;
    }
    c->loss = o->walk.dy.tape ? weft_sum(weft_mul(w->dy, c->t->y), WEFT_ALL_AXES, false) : c->t->y;
    if (c->t->tape->status != WEFT_OK)
        return c->t->tape->status;
    const weft_gradcheck_options options = {.bind = o->bind, .n_bind = o->n_bind, .claimed = c->claimed, .step = STEP, .sweep = true};
    weft_status status = weft_gradient_check(c->loss, c->x, c->n, &options, c->result);
    return status == WEFT_OK ? put_all(c) : status;
}

weft_status weft__trace_check(weft__trace *t)
{
    const weft_allocator *a = &t->tape->allocator;
    checking c = {.t = t, .most = t->options->most_checked ? t->options->most_checked : 256};
    size_t n = t->walk.n_x + 1;
    c.x = weft__allocate(a, n * sizeof *c.x);
    c.claimed = weft__allocate(a, n * sizeof *c.claimed);
    c.result = weft__allocate(a, n * sizeof *c.result);
    weft_status status = c.x && c.claimed && c.result ? check_all(&c) : weft__tape_fail(t->tape, WEFT_ERROR_MEMORY, "out of memory");
    weft__release(a, c.x, n * sizeof *c.x);
    weft__release(a, c.claimed, n * sizeof *c.claimed);
    weft__release(a, c.result, n * sizeof *c.result);
    return status;
}

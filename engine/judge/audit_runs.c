/* audit_runs.c: a graph run so that each of its errors can be told apart. First a node at a time: each op is a program of its own, that reads what its
 * operands have stored, once as it is and once in f64. Then all of it in f64, on a tape of its own where every float node v stands as v + e with an input
 * e, which is zero unless an error is put in.
 *
 * Attributes do not depend on the dtype, but those of a cast, of one_hot and of noise, which say what they make; their results are cast. */
#include "engine/judge/audit.h"

#include <math.h>
#include <string.h>

weft_status weft__audit_out_of_memory(weft__audit *a)
{
    return weft__tape_fail(a->tape, WEFT_ERROR_MEMORY, "out of memory");
}

static bool is_float(weft_node x)
{
    return weft_node_dtype(x) != WEFT_I64;
}

static size_t stored_bytes(const weft__audited *v)
{
    return v->count * weft_dtype_size(weft_node_dtype(v->node));
}

/* --- memory --- */

static bool allocate_values(weft__audit *a, weft__audited *v)
{
    const weft_allocator *from = &a->tape->allocator;
    v->stored = weft__allocate(from, stored_bytes(v) + 1);
    if (!is_float(v->node))
        return v->stored;
    v->exact = weft__allocate(from, v->count * sizeof(double) + 1);
    v->truth = weft__allocate(from, v->count * sizeof(double) + 1);
    v->made = weft__allocate(from, v->count * sizeof(double) + 1);
    v->inherited = weft__allocate(from, v->count * sizeof(double) + 1);
    return v->stored && v->exact && v->truth && v->made && v->inherited;
}

bool weft__audit_collect(weft__audit *a)
{
    const weft_allocator *from = &a->tape->allocator;
    weft__needed needed;
    for (size_t k = 0; k < a->n_y; k++)
        a->most = a->y[k].id + 1 > a->most ? a->y[k].id + 1 : a->most;
    a->nodes = weft__allocate(from, a->most * sizeof *a->nodes);
    a->slot = weft__allocate(from, a->most * sizeof *a->slot);
    if (!a->nodes || !a->slot || weft__needed_find(&needed, a->y, a->n_y) != WEFT_OK)
        return false;
    bool good = true;
    for (uint32_t id = 0; id < a->most && good; id++) {
        a->slot[id] = a->n;
        if (!weft__is_needed(&needed, id))
            continue;
        weft__audited *v = &a->nodes[a->n++];
        *v = (weft__audited){.node = weft__handle(a->tape, id), .count = weft__at(a->tape, id)->shape->count};
        a->largest = v->count > a->largest ? v->count : a->largest;
        good = allocate_values(a, v);
    }
    weft__needed_free(&needed);
    a->zeros = good ? weft__allocate(from, a->largest * sizeof *a->zeros + 1) : NULL;
    if (a->zeros)
        memset(a->zeros, 0, a->largest * sizeof *a->zeros + 1);
    return a->zeros;
}

void weft__audit_release(weft__audit *a)
{
    const weft_allocator *from = &a->tape->allocator;
    weft_program_free(a->all);
    weft_program_free(a->outputs);
    weft__precise_free(&a->precise);
    weft_tape_free(a->replay);
    for (size_t k = 0; a->nodes && k < a->n; k++) {
        weft__audited *v = &a->nodes[k];
        weft__release(from, v->stored, stored_bytes(v) + 1);
        weft__release(from, v->exact, v->count * sizeof(double) + 1);
        weft__release(from, v->truth, v->count * sizeof(double) + 1);
        weft__release(from, v->made, v->count * sizeof(double) + 1);
        weft__release(from, v->inherited, v->count * sizeof(double) + 1);
    }
    weft__release(from, a->nodes, a->most * sizeof *a->nodes);
    weft__release(from, a->slot, a->most * sizeof *a->slot);
    weft__release(from, a->zeros, a->largest * sizeof *a->zeros + 1);
}

/* --- a node at a time --- */

static const weft_binding *binding_of(const weft__audit *a, weft_node x)
{
    for (size_t i = 0; i < a->options->n_bind; i++)
        if (a->options->bind[i].node.id == x.id && a->options->bind[i].node.era == x.era)
            return &a->options->bind[i];
    return NULL;
}

/* An input or a parameter has what is bound, a constant what it is; its exact value, too, but that f32 rounds a constant of one number. */
static weft_status store_leaf(weft__audit *a, weft__audited *v)
{
    const weft__node *node = weft__look(v->node);
    const void *data = node->attributes;
    if (node->op->kind != WEFT_CONSTANT) {
        const weft_binding *b = binding_of(a, v->node);
        if (!b || (!b->data && v->count) || b->bytes != stored_bytes(v))
            return weft__tape_fail(a->tape, WEFT_ERROR_UNBOUND, "audit: \"%.40s\" has no binding of %zu bytes", weft_node_name(v->node), stored_bytes(v));
        data = b->data;
    }
    if (v->count)
        memcpy(v->stored, data, stored_bytes(v));
    for (size_t i = 0; i < v->count && v->exact; i++)
        v->exact[i] = weft__element_value(weft_node_dtype(v->node), data, i);
    if (v->exact && v->count == 1)
        weft_node_scalar(v->node, v->exact);
    return WEFT_OK;
}

weft_node weft__audit_again(const weft__node *node, const weft_node *x, bool wide)
{
    weft_node y = weft_record(node->op, x, node->n, node->attributes);
    return wide && !weft_node_failed(y) && is_float(y) && weft_node_dtype(y) != WEFT_F64 ? weft_cast(y, WEFT_F64) : y;
}

static weft_status transfer(weft__audit *a, const weft_tape *scratch, const weft_program *program)
{
    if (weft_tape_status(scratch) != WEFT_OK)
        return weft__tape_fail(a->tape, weft_tape_status(scratch), "audit: %.400s", weft_tape_message(scratch));
    if (weft_program_status(program) != WEFT_OK)
        return weft__tape_fail(a->tape, weft_program_status(program), "audit: %.400s", weft_program_message(program));
    return WEFT_OK;
}

/* All outputs of one op at once: v is the first of them. */
static weft_status run_one(weft__audit *a, weft_tape *scratch, weft__audited *v, bool wide)
{
    const weft__node *node = weft__look(v->node);
    const weft_options as_recorded = {.rewriting = WEFT_REWRITE_NONE};
    weft_node x[WEFT_MAX_OPERANDS], result[WEFT_MAX_OUTPUTS];
    const weft__audited *from[WEFT_MAX_OPERANDS];
    double *widened[WEFT_MAX_OPERANDS] = {NULL};
    weft_mark mark = weft_tape_mark(scratch);
    bool room = true;
    int n_out = weft__output_count(node->op);
    for (int i = 0; i < node->n; i++) {
        from[i] = &a->nodes[a->slot[node->operand[i]]];
        weft_shape shape = weft_node_shape(from[i]->node);
        bool convert = wide && weft_node_dtype(from[i]->node) == WEFT_F32;
        x[i] = weft_input(scratch, NULL, convert ? WEFT_F64 : weft_node_dtype(from[i]->node), shape.rank, shape.dim);
        if (!convert)
            continue;
        widened[i] = weft__allocate(&a->tape->allocator, from[i]->count * sizeof(double) + 1);
        room &= widened[i] != NULL;
        for (size_t k = 0; widened[i] && k < from[i]->count; k++)
            widened[i][k] = (double)((const float *)from[i]->stored)[k];
    }
    result[0] = n_out > 1 ? weft_record(node->op, x, node->n, node->attributes) : weft__audit_again(node, x, wide);
    for (int k = 1; k < n_out; k++)
        result[k] = weft_part(result[0], k);
    weft_program *program = room ? weft_compile_with(result, (size_t)n_out, &as_recorded) : NULL;
    for (int i = 0; i < node->n && room; i++)
        weft_bind(program, x[i], widened[i] ? (const void *)widened[i] : from[i]->stored, from[i]->count * weft_dtype_size(weft_node_dtype(x[i])));
    if (room && weft_program_status(program) == WEFT_OK)
        weft_run(program);
    weft_status status = room ? transfer(a, scratch, program) : weft__audit_out_of_memory(a);
    for (int k = 0; k < n_out && status == WEFT_OK; k++) {
        uint32_t id = v->node.id + (uint32_t)k;
        if (id >= a->most || a->slot[id] >= a->n || a->nodes[a->slot[id]].node.id != id)
            continue; /* an output that nothing reads */
        weft__audited *to = &a->nodes[a->slot[id]];
        if (!wide)
            memcpy(to->stored, weft_output(program, (size_t)k), stored_bytes(to));
        else
            memcpy(to->exact, weft_output(program, (size_t)k), to->count * sizeof(double));
    }
    weft_program_free(program);
    for (int i = 0; i < node->n; i++)
        weft__release(&a->tape->allocator, widened[i], widened[i] ? from[i]->count * sizeof(double) + 1 : 0);
    weft_tape_rewind(scratch, mark);
    return status;
}

double weft__audit_difference(double a, double b)
{
    return a == b || (isnan(a) && isnan(b)) ? 0 : a - b;
}

static void find_made(weft__audited *v)
{
    for (size_t i = 0; i < v->count; i++)
        v->made[i] = weft__audit_difference(weft__element_value(weft_node_dtype(v->node), v->stored, i), v->exact[i]);
}

weft_status weft__audit_nodes(weft__audit *a, bool wide)
{
    weft_tape *scratch = weft_tape_new(&a->tape->allocator);
    weft_status status = scratch ? WEFT_OK : weft__audit_out_of_memory(a);
    for (size_t k = 0; k < a->n && status == WEFT_OK; k++) {
        weft__audited *v = &a->nodes[k];
        const weft__node *node = weft__look(v->node);
        if (!node->n)
            status = store_leaf(a, v);
        else if (node->op->kind != WEFT_PART)
            status = run_one(a, scratch, v, false);
        if (status == WEFT_OK && wide && node->n && node->op->kind != WEFT_PART && v->exact)
            status = run_one(a, scratch, v, true);
    }
    for (size_t k = 0; k < a->n && status == WEFT_OK; k++)
        if (a->nodes[k].exact && (wide || !weft__look(a->nodes[k].node)->n))
            find_made(&a->nodes[k]);
    weft_tape_free(scratch);
    return status;
}

/* --- all of it in f64 --- */

static weft_node replay_leaf(weft__audit *a, const weft__audited *v)
{
    weft_shape shape = weft_node_shape(v->node);
    return weft_constant(a->replay, is_float(v->node) ? WEFT_F64 : WEFT_I64, shape.rank, shape.dim, is_float(v->node) ? (const void *)v->exact : v->stored);
}

static void replay(weft__audit *a, weft__audited *v)
{
    const weft__node *node = weft__look(v->node);
    weft_node x[WEFT_MAX_OPERANDS], y;
    weft_shape shape = weft_node_shape(v->node);
    if (node->op->kind == WEFT_PART) { /* behind what was recorded for its node, before that had an error added */
        y = weft_node_operand(a->nodes[a->slot[node->operand[0]]].replayed, 0);
        y = weft_part(y, *(const int32_t *)node->attributes);
    } else {
        for (int i = 0; i < node->n; i++)
            x[i] = a->nodes[a->slot[node->operand[i]]].replayed;
        y = node->n ? weft__audit_again(node, x, weft__output_count(node->op) == 1) : replay_leaf(a, v);
    }
    v->replayed = y;
    if (!is_float(v->node))
        return;
    v->error = weft_input(a->replay, NULL, WEFT_F64, shape.rank, shape.dim);
    v->replayed = weft_add(y, v->error);
}

static weft_status bind_zeros(weft__audit *a, weft_program *program)
{
    for (size_t k = 0; k < a->n; k++)
        if (a->nodes[k].exact)
            weft_bind(program, a->nodes[k].error, a->zeros, a->nodes[k].count * sizeof(double));
    weft_run(program);
    return transfer(a, a->replay, program);
}

void weft__audit_replay(weft__audit *a, weft_node *node)
{
    for (size_t k = 0; k < a->n; k++) {
        replay(a, &a->nodes[k]);
        node[k] = a->nodes[k].replayed;
    }
}

static weft_status run_replay(weft__audit *a, weft_node *node)
{
    const weft_options as_recorded = {.rewriting = WEFT_REWRITE_NONE};
    weft__audit_replay(a, node);
    a->all = weft_compile_with(node, a->n, &as_recorded);
    if (bind_zeros(a, a->all) != WEFT_OK)
        return a->tape->status;
    for (size_t k = 0; k < a->n; k++)
        if (a->nodes[k].exact)
            memcpy(a->nodes[k].truth, weft_output(a->all, k), a->nodes[k].count * sizeof(double));
    for (size_t k = 0; k < a->n; k++)
        for (size_t i = 0; i < a->nodes[k].count && a->nodes[k].exact; i++)
            a->nodes[k].inherited[i] = weft__audit_difference(a->nodes[k].exact[i], a->nodes[k].truth[i]);
    for (size_t k = 0; k < a->n_y; k++)
        node[k] = a->nodes[a->slot[a->y[k].id]].replayed;
    a->outputs = weft_compile_with(node, a->n_y, &as_recorded);
    return bind_zeros(a, a->outputs);
}

weft_status weft__audit_run(weft__audit *a)
{
    if (a->by_mpfr)
        return weft__audit_run_precisely(a);
    if (weft__audit_nodes(a, true) != WEFT_OK)
        return a->tape->status;
    size_t room = (a->n > a->n_y ? a->n : a->n_y) * sizeof(weft_node);
    weft_node *node = weft__allocate(&a->tape->allocator, room);
    a->replay = weft_tape_new(&a->tape->allocator);
    if (node && a->replay)
        run_replay(a, node);
    else
        weft__audit_out_of_memory(a);
    weft__release(&a->tape->allocator, node, room);
    return a->tape->status;
}

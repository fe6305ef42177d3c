/* audit_precise.c: the runs of an audit whose truth is MPFR: the graph with an error added at each node, and each op on the operands that it got. Both with
 * fused ops written out, and differences rounded to f64 only when they have been taken. */
#include "engine/judge/audit.h"
#include "engine/record/staged.h"

#include <string.h>

static const double MOST_WORK = 0x1p30; /* about a minute */

static weft_status fail(weft__audit *a, weft_status status, const char *message)
{
    return weft__tape_fail(a->tape, status, "audit: %.400s", message);
}

/* --- the graph --- */

static weft_status find_truth(weft__audit *a, weft_node *node, weft_binding *bind)
{
    size_t n_bind = 0;
    char message[WEFT_MESSAGE_SIZE];
    weft__audit_replay(a, node);
    if (a->replay->status != WEFT_OK)
        return fail(a, a->replay->status, a->replay->message);
    weft_status status = weft__expand_fused(a->replay, node, a->n, node);
    if (status != WEFT_OK)
        return fail(a, status, status == WEFT_ERROR_MEMORY ? "out of memory" : a->replay->message);
    for (size_t k = 0; k < a->n; k++) {
        weft__audited *v = &a->nodes[k];
        v->replayed = node[k];
        if (v->exact)
            bind[n_bind++] = (weft_binding){v->error, a->zeros, v->count * sizeof(double)};
    }
    status = weft__precise_run(&a->precise, node, a->n, bind, n_bind, MOST_WORK, false, message);
    if (status != WEFT_OK)
        return fail(a, status, message);
    for (size_t k = 0; k < a->n; k++)
        for (size_t i = 0; i < a->nodes[k].count && a->nodes[k].exact; i++)
            a->nodes[k].truth[i] = weft__real_double(weft__precise_at(&a->precise, a->nodes[k].replayed, i));
    return WEFT_OK;
}

/* --- a node --- */

static void read_differences(weft__audit *a, weft__audited *v, const weft__precise *p, weft_node result)
{
    for (size_t i = 0; i < v->count; i++) {
        weft_exact_number exact = weft__precise_at(p, result, i);
        v->made[i] = weft__real_off(weft__element_value(weft_node_dtype(v->node), v->stored, i), exact);
        v->inherited[i] = weft__real_difference(exact, weft__precise_at(&a->precise, v->replayed, i));
    }
}

/* All outputs of one op at once: v is the first of them. The operands in f64 are the arena's. */
static weft_status run_one(weft__audit *a, weft_tape *scratch, weft__arena *arena, weft__audited *v)
{
    const weft__node *node = weft__look(v->node);
    weft_node x[WEFT_MAX_OPERANDS], result[WEFT_MAX_OUTPUTS];
    weft_binding bind[WEFT_MAX_OPERANDS];
    int n_out = weft__output_count(node->op);
    char message[WEFT_MESSAGE_SIZE];
    weft__precise p;
    for (int i = 0; i < node->n; i++) {
        const weft__audited *from = &a->nodes[a->slot[node->operand[i]]];
        weft_shape shape = weft_node_shape(from->node);
        weft_dtype dtype = weft_node_dtype(from->node);
        x[i] = weft_input(scratch, NULL, dtype == WEFT_I64 ? dtype : WEFT_F64, shape.rank, shape.dim);
        double *wide = dtype == WEFT_F32 ? weft__arena_take(arena, from->count * sizeof *wide + 8) : NULL;
        if (dtype == WEFT_F32 && !wide)
            return weft__audit_out_of_memory(a);
        for (size_t k = 0; wide && k < from->count; k++)
            wide[k] = (double)((const float *)from->stored)[k];
        bind[i] = (weft_binding){x[i], wide ? (const void *)wide : from->stored, from->count * 8};
    }
    result[0] = n_out > 1 ? weft_record(node->op, x, node->n, node->attributes) : weft__audit_again(node, x, true);
    for (int k = 1; k < n_out; k++)
        result[k] = weft_part(result[0], k);
    if (scratch->status != WEFT_OK)
        return fail(a, scratch->status, scratch->message);
    weft_status status = weft__expand_fused(scratch, result, (size_t)n_out, result);
    if (status != WEFT_OK)
        return fail(a, status, status == WEFT_ERROR_MEMORY ? "out of memory" : scratch->message);
    /* what is lost beyond few bits matters where the whole needed many */
    status = weft__precise_run(&p, result, (size_t)n_out, bind, (size_t)node->n, MOST_WORK, a->precise.reals.final, message);
    for (int k = 0; k < n_out && status == WEFT_OK; k++) {
        uint32_t id = v->node.id + (uint32_t)k;
        if (id < a->most && a->slot[id] < a->n && a->nodes[a->slot[id]].node.id == id && a->nodes[a->slot[id]].exact)
            read_differences(a, &a->nodes[a->slot[id]], &p, result[k]);
    }
    weft__precise_free(&p);
    return status == WEFT_OK ? status : fail(a, status, message);
}

static weft_status find_differences(weft__audit *a)
{
    weft_tape *scratch = weft_tape_new(&a->tape->allocator);
    weft__arena arena;
    weft_status status = scratch ? WEFT_OK : weft__audit_out_of_memory(a);
    weft__arena_init(&arena, &a->tape->allocator);
    for (size_t k = 0; k < a->n && status == WEFT_OK; k++) {
        weft__audited *v = &a->nodes[k];
        const weft__node *node = weft__look(v->node);
        weft_mark mark = weft_tape_mark(scratch);
        weft__arena_mark start = weft__arena_here(&arena);
        if (v->exact && !node->n) /* made is known, and a leaf inherits nothing */
            memset(v->inherited, 0, v->count * sizeof(double));
        else if (v->exact && node->op->kind != WEFT_PART)
            status = run_one(a, scratch, &arena, v);
        weft_tape_rewind(scratch, mark);
        weft__arena_rewind(&arena, start);
    }
    weft__arena_free(&arena);
    weft_tape_free(scratch);
    return status;
}

weft_status weft__audit_run_precisely(weft__audit *a)
{
    if (weft__audit_nodes(a, false) != WEFT_OK)
        return a->tape->status;
    const weft_allocator *from = &a->tape->allocator;
    weft_node *node = weft__allocate(from, a->n * sizeof *node);
    weft_binding *bind = weft__allocate(from, a->n * sizeof *bind);
    a->replay = weft_tape_new(from);
    if (!node || !bind || !a->replay)
        weft__audit_out_of_memory(a);
    else if (find_truth(a, node, bind) == WEFT_OK)
        find_differences(a);
    a->precise.options = (weft_prove_options){.n_bind = 0}; /* nothing is read from them any more */
    weft__release(from, node, a->n * sizeof *node);
    weft__release(from, bind, a->n * sizeof *bind);
    return a->tape->status;
}

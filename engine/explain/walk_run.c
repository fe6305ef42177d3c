/* walk_run.c: the numbers of a walk. Nodes, adjoints, flows, local derivatives and running sums are outputs of one program, each node once, compiled
 * without rewriting: so every number is that of the node whose text stands beside it. */
#include "engine/explain/walk.h"

#include <string.h>

typedef bool (*visit)(weft_walk *walk, weft_node x, const void **value);

/* All that has a value, and where it goes. */
static bool each(weft_walk *walk, visit what)
{
    for (size_t k = 0; k < walk->n_nodes; k++) {
        weft_walk_node *n = &walk->node[k];
        if (!what(walk, n->node, &n->value) || !what(walk, n->adjoint, &n->adjoint_value))
            return false;
    }
    for (size_t k = 0; k < walk->n_edges; k++) {
        weft_walk_edge *e = &walk->edge[k];
        if (!what(walk, e->flow, &e->flow_value) || !what(walk, e->local, &e->local_value) || !what(walk, e->sum, &e->sum_value))
            return false;
    }
    return true;
}

static bool forget(weft_walk *walk, weft_node x, const void **value)
{
    (void)walk, (void)x;
    *value = NULL;
    return true;
}

static bool collect(weft_walk *walk, weft_node x, const void **value)
{
    weft__walk_store *s = walk->store;
    (void)value;
    if (weft_node_failed(x) || s->at[x.id] != WEFT_NO_ID)
        return true;
    if (!weft__grow(&s->allocator, &s->output, &s->outputs_allocated, s->n_outputs + 1, sizeof *s->output))
        return false;
    s->at[x.id] = (uint32_t)s->n_outputs;
    s->output[s->n_outputs++] = x;
    return true;
}

static bool point_at(weft_walk *walk, weft_node x, const void **value)
{
    if (!weft_node_failed(x))
        *value = weft_output(walk->store->program, walk->store->at[x.id]);
    return true;
}

static weft_status compile(weft_walk *walk)
{
    weft__walk_store *s = walk->store;
    weft_tape *tape = walk->dy.tape;
    s->n_outputs = 0;
    if (!s->at) {
        s->at = weft__allocate(&s->allocator, tape->count * sizeof *s->at);
        s->n_at = tape->count;
    }
    if (s->at)
        memset(s->at, 0xff, s->n_at * sizeof *s->at); /* WEFT_NO_ID */
    if (!s->at || !each(walk, collect))
        return weft__tape_fail(tape, WEFT_ERROR_MEMORY, "out of memory");
    const weft_options as_recorded = {.rewriting = WEFT_REWRITE_NONE};
    s->program = weft_compile_with(s->output, s->n_outputs, &as_recorded);
    return weft_program_status(s->program);
}

weft_status weft__explain_run(weft_program *program, const weft_binding *bind, size_t n_bind)
{
    weft_status status = weft_program_status(program);
    for (size_t i = 0; i < n_bind && status == WEFT_OK; i++)
        status = weft_node_op(bind[i].node)->kind == WEFT_PARAMETER ? weft_parameter_write(program, bind[i].node, bind[i].data, bind[i].bytes)
                                                                    : weft_bind(program, bind[i].node, bind[i].data, bind[i].bytes);
    return status == WEFT_OK ? weft_run(program) : status;
}

weft_status weft_walk_run(weft_walk *walk, const weft_binding *bind, size_t n_bind)
{
    weft_tape *tape = walk && walk->store ? walk->dy.tape : NULL;
    if (!tape)
        return WEFT_ERROR_ARGUMENT;
    if (tape->status != WEFT_OK)
        return tape->status;
    each(walk, forget);
    for (size_t i = 0; i < n_bind; i++)
        if (!bind || !weft_node_op(bind[i].node))
            return weft__tape_fail(tape, WEFT_ERROR_ARGUMENT, "walk: binding %zu is no node", i);
    weft_status status = walk->store->program ? WEFT_OK : compile(walk);
    if (status == WEFT_OK)
        status = weft__explain_run(walk->store->program, bind, n_bind);
    if (status == WEFT_OK) {
        each(walk, point_at);
        return WEFT_OK;
    }
    if (tape->status == WEFT_OK)
        weft__tape_fail(tape, status, "walk: %.400s", weft_program_message(walk->store->program));
    weft_program_free(walk->store->program);
    walk->store->program = NULL;
    return status;
}

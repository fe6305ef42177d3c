/* trace_paths.c: the gradient with respect to the first x by its ways, in the trace: each part as it was recorded, rewritten to what one would write on
 * paper, and its numbers. */
#include "engine/explain/trace.h"

#include <stdio.h>
#include <string.h>

typedef struct parts {
    const weft_walk_node *x;
    size_t n;                /* of them: direct, and one for each chosen node */
    weft_node *part, *closed; /* (n) */
} parts;

/* "dh_direct", "dh_by_mu" */
static const char *label_of(weft__trace *t, const parts *p, size_t k)
{
    const weft_walk *w = &t->walk;
    const char *by = k ? w->node[w->store->index[t->options->through[k - 1].id]].label : "";
    size_t size = strlen(p->x->adjoint_label) + strlen(by) + sizeof "_direct";
    char *label = weft__arena_take(&w->store->arena, size);
    if (label)
        snprintf(label, size, "%s_%s%s", p->x->adjoint_label, k ? "by_" : "direct", by);
    return label;
}

static bool put_part(weft__trace *t, const parts *p, size_t k, const void *value)
{
    weft__json *j = &t->json;
    const char *label = label_of(t, p, k), *text = weft__walk_whole_text(&t->walk, p->part[k], true),
               *closed = weft__walk_whole_text(&t->walk, p->closed[k], false);
    if (!label || !text || !closed)
        return false;
    weft__json_line(j);
    weft__json_open(j, '{');
    weft__json_key(j, "label");
    weft__json_text(j, label);
    weft__json_key(j, "text");
    weft__json_text(j, text);
    weft__json_key(j, "closed");
    weft__json_text(j, closed);
    weft__json_key(j, "value");
    weft__json_array(j, p->part[k], value);
    weft__json_close(j, '}');
    return true;
}

static weft_status put_parts(weft__trace *t, const parts *p, const weft_program *program)
{
    weft__json *j = &t->json;
    bool good = true;
    weft__json_line(j);
    weft__json_key(j, "paths");
    weft__json_open(j, '{');
    weft__json_key(j, "x");
    weft__json_whole(j, p->x->node.id);
    weft__json_key(j, "through");
    weft__json_open(j, '[');
    for (size_t k = 0; k < t->options->n_through; k++)
        weft__json_whole(j, t->options->through[k].id);
    weft__json_close(j, ']');
    weft__json_key(j, "parts");
    weft__json_open(j, '[');
    for (size_t k = 0; k < p->n && good; k++)
        good = put_part(t, p, k, weft_output(program, k));
    weft__json_close(j, ']');
    weft__json_close(j, '}');
    return good ? WEFT_OK : weft__tape_fail(t->tape, WEFT_ERROR_MEMORY, "out of memory");
}

static weft_status split(weft__trace *t, parts *p)
{
    const weft_trace_options *o = t->options;
    weft_status status = weft_paths_vjp(&t->y, &t->walk.dy, 1, p->x->node, o->through, o->n_through, p->part);
    if (status == WEFT_OK)
        status = weft_rewrite(p->part, p->n, WEFT_REWRITE_DEFAULT, NULL, NULL, p->closed);
    if (status != WEFT_OK)
        return status;
    weft_program *program = weft_compile_with(p->part, p->n, &(weft_options){.rewriting = WEFT_REWRITE_NONE});
    status = weft__explain_run(program, o->bind, o->n_bind);
    status = status == WEFT_OK ? put_parts(t, p, program) : weft__tape_fail(t->tape, status, "trace: %.400s", weft_program_message(program));
    weft_program_free(program);
    return status;
}

weft_status weft__trace_paths(weft__trace *t)
{
    const weft_walk *w = &t->walk;
    const weft_trace_options *o = t->options;
    const weft_allocator *a = &t->tape->allocator;
    if (!w->n_x)
        return weft__tape_fail(t->tape, WEFT_ERROR_ARGUMENT, "trace: there is no x whose gradient could be told apart by its ways");
    for (size_t k = 0; k < o->n_through; k++)
        if (!weft__look(o->through[k]) || o->through[k].tape != t->tape || o->through[k].id >= w->store->end ||
            w->store->index[o->through[k].id] == WEFT_NO_ID)
            return weft__tape_fail(t->tape, WEFT_ERROR_ARGUMENT, "trace: through[%zu] is no node of the graph of y", k);
    parts p = {.x = &w->node[w->x[0]], .n = 1 + o->n_through};
    size_t bytes = p.n * sizeof *p.part;
    p.part = weft__allocate(a, bytes);
    p.closed = weft__allocate(a, bytes);
    weft_status status = p.part && p.closed ? split(t, &p) : weft__tape_fail(t->tape, WEFT_ERROR_MEMORY, "out of memory");
    weft__release(a, p.part, bytes);
    weft__release(a, p.closed, bytes);
    return status;
}

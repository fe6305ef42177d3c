/* trace.c: the walk as one JSON document. demos/command/trace.md says what stands in it; keys come in the order there. */
#include "engine/explain/trace.h"
#include "engine/record/elements.h"

#include <string.h>

static const char *const silence_name[] = {[WEFT_SILENT_CONSTANT] = "constant", [WEFT_SILENT_INTEGERS] = "integers", [WEFT_SILENT_STOPPED] = "stopped",
                                           [WEFT_SILENT_UNUSED] = "unused"};

static void text(weft__json *j, const char *key, const char *value)
{
    weft__json_key(j, key);
    weft__json_text(j, value);
}

static void whole(weft__json *j, const char *key, uint64_t value)
{
    weft__json_key(j, key);
    weft__json_whole(j, value);
}

static void array(weft__json *j, const char *key, weft_node of, const void *data)
{
    weft__json_key(j, key);
    weft__json_array(j, of, data);
}

static void key_on_a_line(weft__json *j, const char *key)
{
    weft__json_line(j);
    weft__json_key(j, key);
}

/* --- nodes --- */

typedef struct page {
    char text[WEFT_MOST_WORDS];
    size_t used;
} page;

static bool on_page(void *context, const char *more, size_t bytes)
{
    page *p = context;
    if (bytes >= sizeof p->text - p->used)
        return false;
    memcpy(p->text + p->used, more, bytes);
    p->used += bytes;
    return true;
}

/* "axes=0 keepdims" */
static void put_attributes(weft__json *j, weft_node x)
{
    page p = {.used = 0};
    weft__printer out = {.writer = {on_page, &p}};
    if (weft_node_operand_count(x))
        weft__print_attributes(&out, x);
    p.text[p.used] = 0;
    text(j, "attributes", p.text + (*p.text == ' '));
}

static void put_link(weft__json *j, weft_node y, int slot, weft_node x)
{
    weft__link link = weft__link_of(y, slot);
    size_t n = link.relation == WEFT__TAKES ? weft__element_count(y) : weft__element_count(x);
    bool listed = (link.relation == WEFT__TAKES || link.relation == WEFT__FOLDS) && n <= j->most;
    if (!listed) {
        weft__json_text(j, link.relation == WEFT__SAME ? "same" : "any");
        return;
    }
    weft__json_open(j, '{');
    weft__json_key(j, link.relation == WEFT__TAKES ? "takes" : "folds");
    weft__json_open(j, '[');
    for (size_t i = 0; i < n; i++)
        weft__json_whole(j, weft__link_source(&link, i));
    weft__json_close(j, ']');
    weft__json_close(j, '}');
}

static const char *role_of(const weft_op *op)
{
    return op->kind == WEFT_INPUT ? "input" : op->kind == WEFT_PARAMETER ? "parameter" : op->kind == WEFT_CONSTANT ? "constant" : "op";
}

static void put_node(weft__trace *t, const weft_walk_node *n)
{
    weft__json *j = &t->json;
    weft_node x[WEFT_MAX_OPERANDS];
    int count;
    const weft_op *op = weft__maker(n->node, x, &count);
    weft__json_line(j);
    weft__json_open(j, '{');
    whole(j, "id", n->node.id);
    text(j, "op", op->name);
    text(j, "role", role_of(op));
    text(j, "label", n->label);
    text(j, "adjoint_label", n->adjoint_label);
    text(j, "name", weft_node_name(n->node));
    text(j, "scope", weft_node_scope(n->node));
    text(j, "formula", op->formula ? op->formula : "");
    text(j, "text", n->text);
    weft__trace_indexed(t, n->node, -1);
    put_attributes(j, n->node);
    weft_shape shape = weft_node_shape(n->node);
    weft__json_key(j, "shape");
    weft__json_open(j, '[');
    for (int i = 0; i < shape.rank; i++)
        weft__json_whole(j, shape.dim[i]);
    weft__json_close(j, ']');
    text(j, "dtype", weft_dtype_name(weft_node_dtype(n->node)));
    weft__json_key(j, "operands");
    weft__json_open(j, '[');
    for (int i = 0; i < count; i++)
        weft__json_whole(j, x[i].id);
    weft__json_close(j, ']');
    weft__json_key(j, "links");
    weft__json_open(j, '[');
    for (int i = 0; i < count; i++)
        put_link(j, n->node, i, x[i]);
    weft__json_close(j, ']');
    array(j, "value", n->node, n->value);
    array(j, "adjoint", n->node, n->adjoint_value);
    if (n->silence)
        text(j, "silence", silence_name[n->silence]);
    weft__json_close(j, '}');
}

static void put_nodes(weft__trace *t)
{
    weft__json *j = &t->json;
    const weft_walk *w = &t->walk;
    key_on_a_line(j, "inputs");
    weft__json_open(j, '[');
    for (size_t k = 0; k < w->n_nodes; k++) {
        weft_kind kind = weft_node_op(w->node[k].node)->kind;
        if (kind == WEFT_INPUT || kind == WEFT_PARAMETER)
            weft__json_text(j, w->node[k].label);
    }
    weft__json_close(j, ']');
    key_on_a_line(j, "nodes");
    weft__json_open(j, '[');
    for (size_t k = 0; k < w->n_nodes; k++)
        put_node(t, &w->node[k]);
    weft__json_close(j, ']');
    weft__json_line(j);
    whole(j, "output", w->node[w->output].node.id);
    array(j, "cotangent", w->dy, w->node[w->output].adjoint_value);
    weft__json_key(j, "wrt");
    weft__json_open(j, '[');
    for (size_t i = 0; i < w->n_x; i++)
        weft__json_whole(j, w->node[w->x[i]].node.id);
    weft__json_close(j, ']');
}

/* --- the walk --- */

static void put_edge(weft__trace *t, const weft_walk_edge *e)
{
    weft__json *j = &t->json;
    const weft_walk *w = &t->walk;
    weft__json_open(j, '{');
    whole(j, "operand", w->node[e->to].node.id);
    whole(j, "slot", (uint64_t)e->slot);
    text(j, "text", e->text);
    if (!weft_node_failed(e->local)) {
        text(j, "local", e->local_text);
        array(j, "local_value", e->local, e->local_value);
    }
    if (e->flow_value)
        weft__trace_indexed(t, w->node[e->from].node, e->slot);
    array(j, "flow", e->flow, e->flow_value);
    weft__json_key(j, "first");
    weft__json_word(j, e->first ? "true" : "false");
    weft__json_close(j, '}');
}

static void put_walk(weft__trace *t)
{
    weft__json *j = &t->json;
    const weft_walk *w = &t->walk;
    key_on_a_line(j, "walk");
    weft__json_open(j, '[');
    for (size_t k = 0; k < w->n_edges;) {
        size_t from = w->edge[k].from;
        weft__json_line(j);
        weft__json_open(j, '{');
        whole(j, "node", w->node[from].node.id);
        weft__json_key(j, "edges");
        weft__json_open(j, '[');
        for (; k < w->n_edges && w->edge[k].from == from; k++)
            put_edge(t, &w->edge[k]);
        weft__json_close(j, ']');
        weft__json_close(j, '}');
    }
    weft__json_close(j, ']');
}

/* --- the program --- */

bool weft__trace_store(void *context, const char *more, size_t bytes)
{
    weft__walk_store *s = context;
    if (!weft__grow(&s->allocator, &s->text, &s->text_allocated, s->text_used + bytes + 1, 1))
        return false;
    memcpy(s->text + s->text_used, more, bytes);
    s->text_used += bytes;
    s->text[s->text_used] = 0;
    return true;
}

static void put_program(weft__trace *t, const weft_program *program)
{
    weft__json *j = &t->json;
    weft_traffic traffic = weft_program_traffic(program);
    key_on_a_line(j, "program");
    weft__json_open(j, '{');
    whole(j, "loops", traffic.loops);
    whole(j, "calls", traffic.calls);
    whole(j, "passes", traffic.passes);
    whole(j, "bytes_read", traffic.bytes_read);
    whole(j, "bytes_written", traffic.bytes_written);
    whole(j, "peak", weft_program_memory(program).peak);
    text(j, "listing", t->walk.store->text);
    weft__json_close(j, '}');
}

/* Of y and of the gradients, as weft_compile() makes it. */
static weft_status trace_program(weft__trace *t)
{
    const weft_walk *w = &t->walk;
    weft__walk_store *s = w->store;
    size_t bytes = (1 + w->n_x) * sizeof(weft_node), n = 1;
    weft_node *outputs = weft__allocate(&s->allocator, bytes);
    weft_status status = WEFT_ERROR_MEMORY;
    if (outputs) {
        outputs[0] = t->y;
        for (size_t i = 0; i < w->n_x; i++)
            if (!weft_node_failed(w->node[w->x[i]].adjoint))
                outputs[n++] = w->node[w->x[i]].adjoint;
        weft_program *program = weft_compile(outputs, n);
        status = weft_program_status(program);
        s->text_used = 0;
        if (status == WEFT_OK && weft_program_describe((weft_writer){weft__trace_store, s}, program) != WEFT_OK)
            status = WEFT_ERROR_MEMORY;
        if (status == WEFT_OK)
            put_program(t, program);
        else
            weft__tape_fail(t->tape, status, "trace: %.400s", weft_program_message(program));
        weft_program_free(program);
    } else {
        weft__tape_fail(t->tape, status, "out of memory");
    }
    weft__release(&s->allocator, outputs, bytes);
    return status;
}

/* --- the document --- */

static weft_status write(weft__trace *t)
{
    weft__json *j = &t->json;
    const weft_trace_options *o = t->options;
    weft__json_open(j, '{');
    whole(j, "schema", 1);
    text(j, "kind", "weft trace");
    key_on_a_line(j, "expression");
    if (o->expression)
        weft__json_text(j, o->expression);
    else
        weft__json_word(j, "null");
    put_nodes(t);
    put_walk(t);
    weft_status status = t->no_memory ? weft__tape_fail(t->tape, WEFT_ERROR_MEMORY, "out of memory") : WEFT_OK;
    if (status == WEFT_OK && o->n_through)
        status = weft__trace_paths(t);
    if (status == WEFT_OK && !o->no_derivation)
        status = weft__trace_derivation(t);
    if (status == WEFT_OK && !o->no_check)
        status = weft__trace_check(t);
    if (status == WEFT_OK && !o->no_program)
        status = trace_program(t);
    weft__json_close(j, '}');
    weft__print(&j->out, "\n", 1);
    return status != WEFT_OK ? status : j->out.failed ? WEFT_ERROR_FILE : WEFT_OK;
}

weft_status weft_trace(weft_writer writer, weft_node y, const weft_trace_options *options)
{
    static const weft_trace_options defaults;
    const weft_trace_options *o = options ? options : &defaults;
    if (!y.tape || y.tape->status != WEFT_OK)
        return weft_tape_status(y.tape);
    if (!writer.write || (o->n_bind && !o->bind) || (o->n_through && !o->through))
        return weft__tape_fail(y.tape, WEFT_ERROR_ARGUMENT, "trace: an argument is NULL");
    weft__trace t = {.tape = y.tape, .y = y, .options = o};
    t.json = (weft__json){.out = {.writer = writer}, .fresh = true, .most = o->most_elements ? o->most_elements : 4096};
    weft_mark mark = weft_tape_mark(y.tape);
    weft_status status = weft_walk_record(y, &o->walk, &t.walk);
    t.on_paper = status == WEFT_OK && weft__trace_on_paper(&t);
    if (status == WEFT_OK)
        status = weft_walk_run(&t.walk, o->bind, o->n_bind);
    if (status == WEFT_OK)
        status = write(&t);
    weft_walk_free(&t.walk);
    if (y.tape->status == WEFT_OK) /* an error stays to be read; its nodes go with the next rewind */
        weft_tape_rewind(y.tape, mark);
    return status;
}

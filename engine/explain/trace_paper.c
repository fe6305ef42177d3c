/* trace_paper.c: the graph on paper, in the trace: each node, and what it sends, in index notation, and the derivation from the chain rule to closed forms,
 * line by line. What paper has no words for is left out, or said to be. */
#include "engine/explain/trace.h"
#include "engine/record/elements.h"

#include <string.h>

enum { MOST_NODES = 200, MOST_ELEMENTS = 4096, MOST_PROVED = 600, MOST_X = 16 }; /* beyond them nobody reads it, and it takes long */

bool weft__trace_on_paper(const weft__trace *t)
{
    size_t elements = 0;
    for (size_t k = 0; k < t->walk.n_nodes; k++)
        elements += weft_node_op(t->walk.node[k].node)->kind == WEFT_INPUT ? weft__element_count(t->walk.node[k].node) : 0;
    return t->walk.n_nodes <= MOST_NODES && elements <= MOST_ELEMENTS;
}

/* operand -1: the node; else what it sends there. */
static void put_form(weft__trace *t, const char *key, weft_node x, int operand, weft_notation notation)
{
    weft__walk_store *s = t->walk.store;
    const weft_writer writer = {weft__trace_store, s};
    s->text_used = 0;
    weft_status status = operand < 0 ? weft_print_indexed(writer, x, notation) : weft_print_indexed_flow(writer, x, operand, notation);
    t->no_memory |= status == WEFT_ERROR_MEMORY || status == WEFT_ERROR_FILE;
    if (status != WEFT_OK) /* it is not written so */
        return;
    weft__json_key(&t->json, key);
    weft__json_text(&t->json, s->text);
}

/* Of x * x two edges send, and paper has one derivative for both. */
static bool is_there_twice(weft_node x, int operand)
{
    weft_node of[WEFT_MAX_OPERANDS];
    int n, times = 0;
    weft__maker(x, of, &n);
    for (int i = 0; i < n && operand >= 0; i++)
        times += of[i].id == of[operand].id;
    return times > 1;
}

void weft__trace_indexed(weft__trace *t, weft_node x, int operand)
{
    if (!t->on_paper || is_there_twice(x, operand))
        return;
    put_form(t, "index", x, operand, WEFT_NOTATION_PLAIN);
    put_form(t, "tex", x, operand, WEFT_NOTATION_TEX);
}

/* --- the derivation --- */

static const char *const kind_name[] = {[WEFT_DERIVATION_DEFINITION] = "definition", [WEFT_DERIVATION_CHAIN] = "chain", [WEFT_DERIVATION_LOCAL] = "local",
                                        [WEFT_DERIVATION_INSERTED] = "inserted",
                                        [WEFT_DERIVATION_ADJOINT] = "adjoint", [WEFT_DERIVATION_START] = "start",
                                        [WEFT_DERIVATION_STEP] = "step"};
static const char *const verdict_name[] = {[WEFT_NOT_PROVED] = "not proved", [WEFT_PROVED] = "proved", [WEFT_REFUTED] = "refuted"};

static void text(weft__json *j, const char *key, const char *value)
{
    weft__json_key(j, key);
    weft__json_text(j, value ? value : "");
}

static void number(weft__json *j, const char *key, double value)
{
    weft__json_key(j, key);
    weft__json_number(j, WEFT_F64, value);
}

static void put_line(weft__json *j, const weft_derivation_line *line)
{
    weft__json_line(j);
    weft__json_open(j, '{');
    text(j, "kind", kind_name[line->kind]);
    weft__json_key(j, "node");
    weft__json_whole(j, line->node.id);
    text(j, "left", line->left);
    text(j, "right", line->right);
    text(j, "left_tex", line->left_tex);
    text(j, "right_tex", line->right_tex);
    if (line->kind == WEFT_DERIVATION_STEP) {
        text(j, "rule", line->rule);
        text(j, "proof", line->proof);
        text(j, "proof_tex", line->proof_tex);
        text(j, "about", line->about);
        text(j, "about_tex", line->about_tex);
    }
    if (line->checked) {
        number(j, "moved", line->moved);
        number(j, "from_staged", line->from_staged);
        text(j, "proved", verdict_name[line->proved]);
    }
    weft__json_close(j, '}');
}

static void put_derivation(weft__json *j, const weft_derivation *d)
{
    weft__json_key(j, "symbols");
    weft__json_open(j, '[');
    for (size_t i = 0; i < d->n_symbols; i++) {
        weft__json_open(j, '{');
        text(j, "text", d->symbol[i].text);
        text(j, "tex", d->symbol[i].tex);
        number(j, "value", d->symbol[i].value);
        weft__json_close(j, '}');
    }
    weft__json_close(j, ']');
    weft__json_key(j, "lines");
    weft__json_open(j, '[');
    for (size_t i = 0; i < d->n; i++)
        put_line(j, &d->line[i]);
    weft__json_close(j, ']');
    number(j, "moved", d->moved);
    number(j, "from_staged", d->from_staged);
}

static bool has_few_elements(const weft_walk *w)
{
    size_t elements = 0;
    for (size_t k = 0; k < w->n_nodes; k++)
        elements += weft_node_operand_count(w->node[k].node) ? 0 : weft__element_count(w->node[k].node);
    return elements <= MOST_PROVED;
}

weft_status weft__trace_derivation(weft__trace *t)
{
    const weft_walk *w = &t->walk;
    const weft_trace_options *o = t->options;
    weft__json *j = &t->json;
    weft_derivation d = {.n = 0};
    weft_node x[MOST_X], dy = {.tape = NULL};
    size_t n = w->n_x < MOST_X ? w->n_x : MOST_X;
    for (size_t i = 0; i < n; i++)
        x[i] = w->node[w->x[i]].node;
    if (o->walk.dy.tape && weft_node_op(o->walk.dy)->kind == WEFT_INPUT)
        dy = o->walk.dy;
    const weft_derive_options how = {.bind = o->bind, .n_bind = o->n_bind, .unproved = !has_few_elements(w), .seed = 1};
    weft_status status = t->on_paper ? weft_derive(t->y, dy, x, n, &how, &d) : WEFT_ERROR_SHAPE;
    if (status == WEFT_ERROR_MEMORY) {
        weft_derivation_free(&d);
        return weft__tape_fail(t->tape, WEFT_ERROR_MEMORY, "out of memory");
    }
    weft__json_line(j);
    weft__json_key(j, "derivation");
    weft__json_open(j, '{');
    if (status == WEFT_OK)
        put_derivation(j, &d);
    else
        text(j, "message", t->on_paper ? d.message : "the graph is too large for paper");
    weft__json_close(j, '}');
    weft_derivation_free(&d);
    return WEFT_OK;
}

/* explain_text.c: see explain_text.h. Formulas and numbers are those of the walk; only the words around them are made here. */
#define _GNU_SOURCE
#include "explain_text.h"
#include "array_text.h"
#include "terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT = 512, SMALL = 16 };

typedef struct page {
    char text[TEXT];
    size_t used;
} page;

/* --- pieces --- */

static bool on_page(void *context, const char *more, size_t bytes)
{
    page *p = context;
    size_t room = TEXT - 1 - p->used;
    memcpy(p->text + p->used, more, bytes < room ? bytes : room);
    p->used += bytes < room ? bytes : room;
    p->text[p->used] = 0;
    return true;
}

/* "3 * (-4)", or "" */
static const char *numbers(const explanation *e, weft_walk_text what, size_t which, size_t element, page *p)
{
    *p = (page){.used = 0};
    weft_walk_print_numbers((weft_writer){on_page, p}, &e->walk, what, which, element);
    return p->used + 1 < TEXT ? p->text : "";
}

static const char *value_text(weft_node of, const void *data, size_t element, char text[SMALL])
{
    double value = heat_value(of, data, element);
    snprintf(text, SMALL, "%.4g", value == 0 ? 0 : value);
    return text;
}

static size_t count_of(weft_node x)
{
    weft_shape shape = weft_node_shape(x);
    return weft_shape_count(&shape);
}

/* Words in lines of the terminal's width. */
static void paragraph(const explanation *e, int indent, const char *text)
{
    int column = 0;
    while (*text) {
        int n = (int)strcspn(text, " ");
        if (column && column + 1 + n > e->h.width - 1) {
            printf("\n");
            column = 0;
        }
        printf("%*s%.*s", column ? 1 : indent, "", n, text);
        column += (column ? 1 : indent) + n;
        text += n + (int)strspn(text + n, " ");
    }
    printf("\n");
}

/* "  label = text = numbers = value", with += where it is added, each " = " part on a line of its own where they do not fit on one. */
static void equations(const explanation *e, int indent, const char *left, bool added, const char *const *parts, int n)
{
    int length = indent + (int)strlen(left) + added, column = length;
    for (int i = 0; i < n; i++)
        length += 3 + (int)strlen(parts[i]);
    printf("%*s%s%s%s", indent, "", paint(0), left, paint_end());
    for (int i = 0; i < n; i++) {
        if (i && length >= e->h.width)
            printf("\n%*s", column, "");
        printf("%s= %s", i || !added ? " " : " +", parts[i]);
    }
}

static void shape_behind(weft_node x)
{
    char shape[ARRAY_SHAPE];
    weft_shape dims = weft_node_shape(x);
    if (dims.rank)
        printf("   %s", array_shape(&dims, shape));
}

/* "[1, 2]" */
static void index_of(weft_node x, size_t element, char *text, size_t size)
{
    weft_shape shape = weft_node_shape(x);
    size_t stride = weft_shape_count(&shape), used = 0;
    for (int i = 0; i < shape.rank && used < size; i++) {
        stride /= shape.dim[i];
        used += (size_t)snprintf(text + used, size - used, "%s%zu", i ? ", " : "[", element / stride % shape.dim[i]);
    }
    if (used < size)
        snprintf(text + used, size - used, "]");
}

/* "at [0, 0]: 1 - 3 = -2", where there are numbers to put in. */
static void example(const explanation *e, int indent, weft_walk_text what, size_t which, weft_node x, const void *data, size_t element)
{
    page p;
    char at[128], value[SMALL];
    const char *text = numbers(e, what, which, element, &p);
    value_text(x, data, element, value);
    if (!*text || !strcmp(text, value))
        return;
    index_of(x, element, at, sizeof at);
    printf("%*sat %s: %s = %s\n", indent, "", at, text, value);
}

/* The first element that is not 0, as an example. */
static size_t telling(weft_node x, const void *data)
{
    for (size_t i = 0; i < count_of(x); i++)
        if (heat_value(x, data, i) != 0)
            return i;
    return 0;
}

static bool repeats(weft_node x)
{
    return weft_node_operand_count(x) == 1 && count_of(x) > count_of(weft_node_operand(x, 0));
}

/* --- steps --- */

static bool is_given(weft_node x)
{
    return !weft_node_operand_count(x);
}

/* Numbers of a formula stand in the texts of those that use them. */
static bool is_shown(weft_node x)
{
    return *weft_node_name(x) || !weft_node_scalar(x, NULL);
}

bool explanation_list(explanation *e)
{
    const weft_walk *w = &e->walk;
    e->steps = calloc(w->n_nodes + w->n_edges + 3, sizeof *e->steps);
    if (!e->steps)
        return false;
    e->steps[e->n++].kind = STEP_GIVEN;
    for (size_t k = 0; k < w->n_nodes; k++)
        if (!is_given(w->node[k].node) && is_shown(w->node[k].node))
            e->steps[e->n++] = (step){STEP_FORWARD, k};
    e->steps[e->n++].kind = STEP_START;
    for (size_t k = 0; k < w->n_edges; k++)
        if (!k || w->edge[k].from != w->edge[k - 1].from)
            e->steps[e->n++] = (step){STEP_BACK, k};
    e->steps[e->n++].kind = STEP_END;
    return true;
}

static void print_array(const explanation *e, int indent, const char *label, weft_node x, const void *data)
{
    char value[SMALL];
    if (!weft_node_shape(x).rank) {
        printf("%*s%s%s%s = %s\n", indent, "", paint(0), label, paint_end(), value_text(x, data, 0, value));
        return;
    }
    printf("%*s%s%s%s", indent, "", paint(0), label, paint_end());
    shape_behind(x);
    printf("\n");
    heat_print(&e->h, indent, x, data);
}

static void print_given(const explanation *e)
{
    const weft_walk *w = &e->walk;
    bool arrays = false;
    for (size_t k = 0; k < w->n_nodes; k++)
        if (is_given(w->node[k].node) && is_shown(w->node[k].node)) {
            print_array(e, 2, w->node[k].label, w->node[k].node, w->node[k].value);
            arrays |= weft_node_shape(w->node[k].node).rank > 0;
        }
    if (arrays) {
        printf("\n");
        paragraph(e, 2, "Beside the numbers stands for each one its sign, and a block that says how large it is among the others.");
    }
}

static void print_forward(const explanation *e, size_t k)
{
    const weft_walk_node *n = &e->walk.node[k];
    page p;
    char value[SMALL];
    if (!weft_node_shape(n->node).rank) {
        const char *parts[3] = {n->text, numbers(e, WEFT_TEXT_OF_NODE, k, 0, &p), value_text(n->node, n->value, 0, value)};
        bool said = *parts[1] && strcmp(parts[1], parts[2]);
        if (!said)
            parts[1] = parts[2];
        equations(e, 2, n->label, false, parts, said ? 3 : 2);
        printf("\n");
        return;
    }
    equations(e, 2, n->label, false, &n->text, 1);
    shape_behind(n->node);
    printf("%s\n", repeats(n->node) ? "   repeated" : "");
    if (!repeats(n->node))
        example(e, 6, WEFT_TEXT_OF_NODE, k, n->node, n->value, telling(n->node, n->value));
    heat_print(&e->h, 2, n->node, n->value);
}

static void print_start(const explanation *e)
{
    const weft_walk *w = &e->walk;
    const weft_walk_node *y = &w->node[w->output];
    char words[2 * TEXT];
    bool weighed = e->s->trace.walk.dy.tape != NULL;
    const char *given = !weighed ? "" : e->s->cotangent.n ? "; dy is given" : "; dy is all ones";
    if (weighed)
        snprintf(words, sizeof words, "The loss is L = sum(%.80s * %.80s)%s%s%s. For each x, dx says how much L changes when x does a little.", y->adjoint_label,
                 y->label, *given ? "; " : "", *given ? y->adjoint_label : "", *given ? strstr(given, " is") : "");
    else
        snprintf(words, sizeof words, "The result is %.80s, so %.80s = 1. For each x, dx says how much %.80s changes when x does a little.", y->label,
                 y->adjoint_label, y->label);
    paragraph(e, 2, words);
    paragraph(e, 2, "Each node sends to each operand what has arrived at itself, times its own derivative for that operand. Where several send, it adds up.");
    print_array(e, 2, y->adjoint_label, w->dy, y->adjoint_value);
}

/* What there is to say of an edge whose op has no factor for each element. */
static const char *rule_of(const explanation *e, const weft_walk_edge *edge)
{
    weft_node from = e->walk.node[edge->from].node, to = e->walk.node[edge->to].node;
    if (repeats(from))
        return ": repeated forward, so added up backward";
    return count_of(from) < count_of(to) && repeats(edge->flow) ? ": added up forward, so repeated backward" : "";
}

static void print_local(const explanation *e, size_t k)
{
    const weft_walk_edge *edge = &e->walk.edge[k];
    page p;
    char value[SMALL] = "";
    if (weft_node_failed(edge->local)) {
        printf("%s\n", rule_of(e, edge));
        return;
    }
    printf(": the local derivative is %s", edge->local_text);
    if (count_of(edge->local) == 1 && !weft_node_scalar(edge->local, NULL)) {
        const char *text = numbers(e, WEFT_TEXT_OF_LOCAL, k, 0, &p);
        value_text(edge->local, edge->local_value, 0, value);
        if (*text && strcmp(text, value) && strcmp(text, edge->local_text))
            printf(" = %s", text);
        if (strcmp(value, edge->local_text))
            printf(" = %s", value);
    }
    printf("\n");
}

static void print_sent_number(const explanation *e, size_t k)
{
    const weft_walk_edge *edge = &e->walk.edge[k];
    const weft_walk_node *to = &e->walk.node[edge->to];
    page p;
    char value[SMALL], sum[SMALL], before[SMALL] = "";
    const char *parts[3] = {edge->text, numbers(e, WEFT_TEXT_OF_FLOW, k, 0, &p), value_text(to->node, edge->flow_value, 0, value)};
    bool said = *parts[1] && strcmp(parts[1], parts[2]);
    if (!said)
        parts[1] = parts[2];
    equations(e, 8, to->adjoint_label, !edge->first, parts, said ? 3 : 2);
    printf("\n");
    if (edge->first)
        return;
    for (size_t j = k; j-- > 0 && !*before;)
        if (e->walk.edge[j].to == edge->to && e->walk.edge[j].sum_value)
            value_text(to->node, e->walk.edge[j].sum_value, 0, before);
    value_text(to->node, edge->sum_value, 0, sum);
    printf("%*sso far %s = %s + %s%s%s = %s\n", 8, "", to->adjoint_label, before, *value == '-' ? "(" : "", value, *value == '-' ? ")" : "", sum);
}

static void print_sent_array(const explanation *e, size_t k)
{
    const weft_walk_edge *edge = &e->walk.edge[k];
    const weft_walk_node *to = &e->walk.node[edge->to];
    equations(e, 8, to->adjoint_label, !edge->first, &edge->text, 1);
    shape_behind(to->node);
    printf("\n");
    example(e, 8, WEFT_TEXT_OF_FLOW, k, to->node, edge->flow_value, telling(to->node, edge->flow_value));
    if (weft_node_op(edge->flow) && edge->flow.id == e->walk.node[edge->from].adjoint.id && edge->first)
        printf("%*sas it arrived\n", 8, "");
    else
        heat_print(&e->h, 6, to->node, edge->flow_value);
    if (!edge->first) {
        printf("%*sso far %s, the sum\n", 8, "", to->adjoint_label);
        heat_print(&e->h, 6, to->node, edge->sum_value);
    }
}

static void print_back(const explanation *e, size_t first)
{
    const weft_walk *w = &e->walk;
    const weft_walk_node *from = &w->node[w->edge[first].from];
    char value[SMALL];
    equations(e, 2, from->label, false, &from->text, 1);
    shape_behind(from->node);
    printf("\n");
    if (weft_node_shape(from->node).rank) {
        printf("    %s arrives\n", from->adjoint_label);
        heat_print(&e->h, 4, from->node, from->adjoint_value);
    } else {
        printf("    %s = %s arrives\n", from->adjoint_label, value_text(from->node, from->adjoint_value, 0, value));
    }
    for (size_t k = first; k < w->n_edges && w->edge[k].from == w->edge[first].from; k++) {
        printf("    to %s", w->node[w->edge[k].to].label);
        if (weft_node_failed(w->edge[k].flow)) {
            printf(": nothing, as the derivative is 0 by definition\n");
            continue;
        }
        print_local(e, k);
        if (weft_node_shape(w->node[w->edge[k].to].node).rank)
            print_sent_array(e, k);
        else
            print_sent_number(e, k);
    }
}

static void print_check(const explanation *e)
{
    const weft_walk *w = &e->walk;
    double off = 0;
    bool right = true;
    for (size_t i = 0; i < w->n_x && e->check; i++) {
        right &= e->check[i].verdict == WEFT_GRADIENT_RIGHT;
        off = e->check[i].max_abs > off ? e->check[i].max_abs : off;
    }
    if (!e->check) {
        if (e->unchecked)
            paragraph(e, 2, e->unchecked);
        return;
    }
    if (right) {
        printf("  %sRight%s: small moves of each number agree, within %.1g.\n", paint(1), paint_end(), off);
        return;
    }
    for (size_t i = 0; i < w->n_x; i++)
        if (e->check[i].verdict != WEFT_GRADIENT_RIGHT)
            paragraph(e, 2, e->check[i].message);
}

static void print_end(const explanation *e)
{
    static const char *const why[] = {[WEFT_SILENT_CONSTANT] = "it is constant", [WEFT_SILENT_INTEGERS] = "it holds integers",
                                      [WEFT_SILENT_STOPPED] = "every way to it is cut by a derivative that is 0 by definition",
                                      [WEFT_SILENT_UNUSED] = "the result does not depend on it"};
    const weft_walk *w = &e->walk;
    for (size_t i = 0; i < w->n_x; i++) {
        const weft_walk_node *n = &w->node[w->x[i]];
        if (n->silence)
            printf("  no %s: %s\n", n->adjoint_label, why[n->silence]);
        else
            print_array(e, 2, n->adjoint_label, n->node, n->adjoint_value);
    }
    print_check(e);
}

/* --- the whole --- */

void explanation_title(const explanation *e)
{
    const preset *p = e->s->preset;
    if (p) {
        printf("%s%s%s\n", paint(0), p->title, paint_end());
        paragraph(e, 0, p->teaches);
        printf("\n");
    }
    for (const char *at = e->s->expression; *at;) {
        size_t n = strcspn(at, ";\n");
        at += strspn(at, " ");
        n = strcspn(at, ";\n");
        if (n)
            printf("  %.*s\n", (int)n, at);
        at += n + (at[n] != 0);
    }
}

void explanation_step(const explanation *e, size_t k)
{
    static const char *const heading[] = {[STEP_GIVEN] = "Given", [STEP_FORWARD] = "Forward: each node from those before it", [STEP_START] = "Back", [STEP_BACK] = "",
                                          [STEP_END] = "The gradients"};
    const step *s = &e->steps[k];
    if ((!k || e->steps[k - 1].kind != s->kind) && *heading[s->kind])
        printf("%s%s%s\n\n", paint(0), heading[s->kind], paint_end());
    switch (s->kind) {
    case STEP_GIVEN:
        print_given(e);
        break;
    case STEP_FORWARD:
        print_forward(e, s->at);
        break;
    case STEP_START:
        print_start(e);
        break;
    case STEP_BACK:
        print_back(e, s->at);
        break;
    default:
        print_end(e);
    }
}

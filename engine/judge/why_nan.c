/* why_nan.c: which node made the first NaN or Inf of those that a result has. Every node that the result needs is run and read. From the elements of
 * the result that are no finite numbers the trace goes back, element by element where the op tells which, to those that they were made of, as long as
 * one of these is none either. Where none is, the number was made. What is not finite and leads to nothing, as one that weft_where() does not choose, is not
 * met. */
#include "engine/judge/traced.h"

#include <math.h>
#include <string.h>

enum { NOT_FINITE = 1, IS_NAN = 2 };

typedef struct trace {
    weft_tape *tape;
    weft_node y;
    weft_node *node;    /* (n) what y needs, in tape order, without integers */
    size_t n, most;     /* most: all nodes up to y */
    size_t *slot;       /* (most): where node id stands in node */
    size_t *first;      /* (n + 1): where the marks of node k begin */
    uint8_t *mark;      /* (first[n]): elements that the trace has met */
    uint8_t *explained; /* (largest): of the node that is looked at, what is known of the operands */
    size_t largest;
    weft_program *program;
    weft_why *why;
    size_t made_nan, made_nan_at; /* the first node with a NaN where its operands have none; n: none */
} trace;

static double value(const trace *w, size_t k, size_t element)
{
    return weft__element_value(weft_node_dtype(w->node[k]), weft_output(w->program, k), element);
}

static uint8_t kind_of(double x)
{
    return isfinite(x) ? 0 : isnan(x) ? NOT_FINITE | IS_NAN : NOT_FINITE;
}

/* What an operand has at one element, for the element of the node that is made of it. */
static void meet(trace *w, size_t k, size_t element, size_t operand, size_t source)
{
    uint8_t kind = kind_of(value(w, operand, source));
    if (!kind || !w->mark[w->first[k] + element])
        return;
    w->explained[element] |= kind;
    w->mark[w->first[operand] + source] = 1;
}

static void follow_any(trace *w, size_t k, size_t operand, size_t own, size_t given)
{
    uint8_t kinds = 0;
    for (size_t e = 0; e < given; e++) {
        uint8_t kind = kind_of(value(w, operand, e));
        kinds |= kind;
        w->mark[w->first[operand] + e] |= kind != 0;
    }
    for (size_t to = 0; to < own; to++)
        if (w->mark[w->first[k] + to])
            w->explained[to] |= kinds;
}

static void follow(trace *w, size_t k, int i, size_t operand)
{
    weft__link link = weft__link_of(w->node[k], i);
    size_t own = w->first[k + 1] - w->first[k], given = w->first[operand + 1] - w->first[operand];
    if (link.relation == WEFT__FOLDS)
        for (size_t e = 0; e < given; e++)
            meet(w, k, weft__link_source(&link, e), operand, e);
    else if (link.relation != WEFT__ANY)
        for (size_t e = 0; e < own; e++)
            meet(w, k, e, operand, weft__link_source(&link, e));
    else
        follow_any(w, k, operand, own, given);
}

static void look_at(trace *w, size_t k)
{
    weft_node operand[WEFT_MAX_OPERANDS];
    int n;
    size_t count = w->first[k + 1] - w->first[k];
    const uint8_t *met = w->mark + w->first[k];
    if (!memchr(met, 1, count))
        return;
    const weft_op *op = weft__maker(w->node[k], operand, &n);
    memset(w->explained, 0, count);
    for (int i = 0; i < (op->kind == WEFT_VIEW ? 1 : n); i++)
        if (weft_node_dtype(operand[i]) != WEFT_I64)
            follow(w, k, i, w->slot[operand[i].id]);
    for (size_t e = count; e-- > 0;) { /* later nodes come first, so what stays is the first one, with its first element */
        if (!met[e])
            continue;
        if (!w->explained[e]) {
            w->why->node = w->node[k];
            w->why->element = e;
            w->why->reason = n ? WEFT_WHY_MADE : WEFT_WHY_GIVEN;
        }
        if (w->explained[e] == NOT_FINITE && isnan(value(w, k, e))) {
            w->made_nan = k;
            w->made_nan_at = e;
        }
    }
}

/* --- words --- */

/* Which element of an operand to show beside element e of the node: its own; of what was folded, or taken from anywhere, the largest. */
static size_t shown(const trace *w, weft_node node, size_t e, int i, size_t operand)
{
    weft__link link = weft__link_of(node, i);
    if (link.relation == WEFT__SAME || link.relation == WEFT__TAKES)
        return weft__link_source(&link, e);
    size_t at = 0;
    double largest = -1;
    for (size_t k = 0; k < w->first[operand + 1] - w->first[operand]; k++) {
        double size = fabs(value(w, operand, k));
        if ((link.relation == WEFT__ANY || weft__link_source(&link, k) == e) && size > largest) {
            largest = size;
            at = k;
        }
    }
    return at;
}

static void show_operands(const trace *w, weft_why *why)
{
    weft_node operand[WEFT_MAX_OPERANDS];
    int n;
    weft__maker(why->node, operand, &n);
    for (int i = 0; i < n; i++) {
        size_t k = w->slot[operand[i].id];
        if (weft_node_dtype(operand[i]) == WEFT_I64 || !weft__element_count(operand[i]))
            continue;
        why->operand[why->n] = operand[i];
        why->operand_element[why->n] = shown(w, why->node, why->element, i, k);
        why->operand_value[why->n] = value(w, k, why->operand_element[why->n]);
        why->n++;
    }
}

static void say_operands(weft__words *words, const weft_why *why)
{
    for (int i = 0; i < why->n; i++) {
        weft__say(words, i ? ", " : " from ");
        weft__say_node(words, why->operand[i]);
        weft__say_element(words, why->operand[i], why->operand_element[i]);
        weft__say(words, " = %.9g", why->operand_value[i]);
    }
}

static void describe(const trace *w, weft_why *why)
{
    weft__words words = {why->message, sizeof why->message, 0};
    if (why->reason == WEFT_WHY_NOTHING) {
        weft__say(&words, "all %zu elements are finite", why->count);
        return;
    }
    why->value = value(w, w->slot[why->node.id], why->element);
    show_operands(w, why);
    weft__say_node(&words, why->node);
    if (why->reason == WEFT_WHY_GIVEN) {
        weft__say(&words, " holds %g at ", why->value);
        weft__say_element(&words, why->node, why->element);
        weft__say(&words, weft_node_shape(why->node).rank ? ": it was given" : "its one element: it was given");
    } else {
        weft__say(&words, " made the first %s", isnan(why->value) ? "NaN" : "Inf");
        weft__say(&words, weft_node_shape(why->node).rank ? " at " : "");
        weft__say_element(&words, why->node, why->element);
        weft__say(&words, ": %g", why->value);
        say_operands(&words, why);
    }
    if (w->made_nan < w->n && w->node[w->made_nan].id != why->node.id) {
        weft__say(&words, "; it became NaN in ");
        weft__say_node(&words, w->node[w->made_nan]);
        weft__say_element(&words, w->node[w->made_nan], w->made_nan_at);
    }
    weft__say(&words, "; %zu of %zu elements of the result are not finite", why->affected, why->count);
}

/* --- the call --- */

static bool allocate_marks(trace *w)
{
    const weft_allocator *a = &w->tape->allocator;
    w->mark = weft__allocate(a, w->first[w->n] + 1);
    w->explained = weft__allocate(a, w->largest + 1);
    if (w->mark)
        memset(w->mark, 0, w->first[w->n] + 1);
    return w->mark && w->explained;
}

static bool collect(trace *w)
{
    const weft_allocator *a = &w->tape->allocator;
    weft__needed needed;
    w->most = w->y.id + 1;
    w->node = weft__allocate(a, w->most * sizeof *w->node);
    w->slot = weft__allocate(a, w->most * sizeof *w->slot);
    w->first = weft__allocate(a, (w->most + 1) * sizeof *w->first);
    if (!w->node || !w->slot || !w->first || weft__needed_find(&needed, &w->y, 1) != WEFT_OK)
        return false;
    size_t at = 0;
    for (uint32_t id = 0; id < w->most; id++) {
        const weft__node *node = weft__at(w->tape, id);
        w->slot[id] = w->n;
        if (!weft__is_needed(&needed, id) || node->dtype == WEFT_I64)
            continue;
        w->first[w->n] = at;
        w->node[w->n++] = weft__handle(w->tape, id);
        at += node->shape->count;
        w->largest = node->shape->count > w->largest ? node->shape->count : w->largest;
    }
    w->first[w->n] = at;
    weft__needed_free(&needed);
    return allocate_marks(w);
}

static void find(trace *w)
{
    size_t last = w->slot[w->y.id];
    w->why->count = w->first[last + 1] - w->first[last];
    for (size_t e = 0; e < w->why->count; e++)
        if (kind_of(value(w, last, e))) {
            w->mark[w->first[last] + e] = 1;
            w->why->affected++;
        }
    w->made_nan = w->n;
    for (size_t k = w->n; k-- > 0;)
        look_at(w, k);
    describe(w, w->why);
}

static void release(trace *w)
{
    const weft_allocator *a = &w->tape->allocator;
    weft_program_free(w->program);
    weft__release(a, w->mark, w->first ? w->first[w->n] + 1 : 0);
    weft__release(a, w->explained, w->largest + 1);
    weft__release(a, w->node, w->most * sizeof *w->node);
    weft__release(a, w->slot, w->most * sizeof *w->slot);
    weft__release(a, w->first, (w->most + 1) * sizeof *w->first);
}

weft_status weft_why_nan(weft_node y, const weft_binding *bind, size_t n_bind, weft_why *why)
{
    const weft__node *node = weft__look(y);
    if (!y.tape || y.tape->status != WEFT_OK)
        return weft_tape_status(y.tape);
    if (!why || (n_bind && !bind))
        return weft__tape_fail(y.tape, WEFT_ERROR_ARGUMENT, "why nan: an argument is NULL");
    *why = (weft_why){.node = weft__failed(y.tape)};
    if (!node || node->op->kind == WEFT_ASSIGN)
        return weft__tape_fail(y.tape, WEFT_ERROR_ARGUMENT, "why nan: y is no node that has a value");
    if (node->dtype == WEFT_I64)
        return weft__tape_fail(y.tape, WEFT_ERROR_DTYPE, "why nan: integers are finite");
    trace w = {.tape = y.tape, .y = y, .why = why};
    if (!collect(&w))
        weft__tape_fail(y.tape, WEFT_ERROR_MEMORY, "out of memory");
    else if ((w.program = weft__traced_run("why nan", w.node, w.n, bind, n_bind)))
        find(&w);
    release(&w);
    return y.tape->status;
}

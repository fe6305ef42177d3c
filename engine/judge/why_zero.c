/* why_zero.c: why a gradient is zero. The backward pass is done once more, a rule at a time, and three things are carried along it: the adjoint; its
 * size, which is what it would be if nothing cancelled, got by weighing every adjoint at random and adding up magnitudes; and for each edge, from a
 * node back to one of its operands, what passes of ones. So where an adjoint is zero it can be told whether the edge lets nothing pass, the adjoint behind
 * it is zero already, or terms cancel: at a fork, where several edges meet, or within the rule of one op. From x the trace follows edges towards y
 * until it stands before one of these.
 *
 * A sum within a rule cancels, if the same rule on the same adjoint, weighed at random, gives another result than zero. */
#include "engine/judge/random.h"
#include "engine/judge/traced.h"

#include <math.h>
#include <string.h>
#include <string.h>

enum { REACHED = 1, BY_NUMBERS = 2 }; /* from x: at all; by ways that have a derivative */

/* Outputs of the program for a node: adjoint and size. For an edge: what passes of the adjoint, of the size, of ones, of the weighed adjoint. */
enum { ADJOINT, SIZE, PER_NODE };
enum { PASSED, SIZED, ONES, WEIGHED, PER_EDGE };

typedef struct edge {
    uint32_t user, operand;
    int place;      /* the operand's */
    size_t outputs; /* where its own begin */
} edge;

typedef struct search {
    weft_tape *tape;
    weft_node y, x;
    const weft_binding *bind;
    size_t n_bind;
    uint32_t most;     /* nodes up to y */
    uint8_t *reached;  /* (most) */
    size_t *at;        /* (most): where a node's outputs begin; NONE: no adjoint arrives */
    weft__needed needed;
    weft_node *output; /* (n) */
    edge *edges;
    size_t n, allocated, n_edges, edges_allocated;
    uint64_t random;
    double tolerance;
    weft_program *program;
    weft_why *why;
} search;

#define NONE SIZE_MAX

static weft_status out_of_memory(search *s)
{
    return weft__tape_fail(s->tape, WEFT_ERROR_MEMORY, "out of memory");
}

/* --- which nodes --- */

static void mark_reached(search *s)
{
    for (uint32_t id = 0; id < s->most; id++)
        s->at[id] = NONE;
    memset(s->reached, 0, s->most);
    s->reached[s->x.id] = REACHED | BY_NUMBERS;
    for (uint32_t id = s->x.id + 1; id < s->most; id++) {
        const weft__node *node = weft__at(s->tape, id);
        for (int i = 0; i < node->n; i++)
            s->reached[id] |= s->reached[node->operand[i]];
        if (node->op->flags & WEFT_ZERO_DERIVATIVE || node->dtype == WEFT_I64)
            s->reached[id] &= (uint8_t)~BY_NUMBERS;
    }
}

static bool is_on_path(const search *s, uint32_t id)
{
    return s->reached[id] & BY_NUMBERS && weft__is_needed(&s->needed, id);
}

/* The first node that y needs and where a way with a derivative ends. */
static weft_node stopped_by(const search *s)
{
    for (uint32_t id = s->x.id + 1; id < s->most; id++) {
        const weft__node *node = weft__at(s->tape, id);
        if (!weft__is_needed(&s->needed, id) || s->reached[id] & BY_NUMBERS)
            continue;
        for (int i = 0; i < node->n; i++)
            if (s->reached[node->operand[i]] & BY_NUMBERS)
                return weft__handle(s->tape, id);
    }
    return weft__failed(s->tape);
}

/* --- the backward pass --- */

/* In the dtype and shape of x. */
static weft_node weights(search *s, weft_node x)
{
    size_t count = weft__element_count(x), bytes = weft_dtype_size(weft_node_dtype(x)) * count;
    void *data = weft__allocate(&s->tape->allocator, bytes + 1);
    if (!data) {
        out_of_memory(s);
        return weft__failed(s->tape);
    }
    for (size_t i = 0; i < count; i++) {
        double weight = weft__weight(&s->random);
        if (weft_node_dtype(x) == WEFT_F32)
            ((float *)data)[i] = (float)weight;
        else
            ((double *)data)[i] = weight;
    }
    weft_shape shape = weft_node_shape(x);
    weft_node w = weft_constant(s->tape, weft_node_dtype(x), shape.rank, shape.dim, data);
    weft__release(&s->tape->allocator, data, bytes + 1);
    return w;
}

static bool arrive(search *s, uint32_t id, weft_node adjoint, weft_node size)
{
    if (s->at[id] == NONE) {
        if (!weft__grow(&s->tape->allocator, &s->output, &s->allocated, s->n + PER_NODE, sizeof *s->output))
            return false;
        s->at[id] = s->n;
        s->output[s->n + ADJOINT] = adjoint;
        s->output[s->n + SIZE] = size;
        s->n += PER_NODE;
        return true;
    }
    weft_node *held = s->output + s->at[id];
    held[ADJOINT] = weft_add(held[ADJOINT], adjoint);
    held[SIZE] = weft_add(held[SIZE], size);
    return true;
}

static bool add_edge(search *s, edge e, const weft_node *passed)
{
    if (!weft__grow(&s->tape->allocator, &s->output, &s->allocated, s->n + PER_EDGE, sizeof *s->output) ||
        !weft__grow(&s->tape->allocator, &s->edges, &s->edges_allocated, s->n_edges + 1, sizeof *s->edges))
        return false;
    e.outputs = s->n;
    memcpy(s->output + s->n, passed, PER_EDGE * sizeof *passed);
    s->n += PER_EDGE;
    s->edges[s->n_edges++] = e;
    return true;
}

static weft_status go_back(search *s, uint32_t id)
{
    weft_node u = weft__handle(s->tape, id), given[PER_EDGE], passed[PER_EDGE][WEFT_MAX_OPERANDS], operand[WEFT_MAX_OPERANDS];
    int n;
    const weft_op *op = weft__maker(u, operand, &n);
    weft_node w = weights(s, u);
    given[PASSED] = s->output[s->at[id] + ADJOINT];
    given[SIZED] = weft_mul(s->output[s->at[id] + SIZE], w);
    given[ONES] = op->kind == WEFT_ELEMENTWISE ? weft_full_like(u, 1) : w;
    given[WEIGHED] = weft_mul(given[PASSED], w);
    for (int k = 0; k < PER_EDGE; k++)
        if (weft_pull_back(u, given[k], passed[k]) != WEFT_OK)
            return s->tape->status;
    for (int i = 0; i < n; i++) {
        if (weft_node_failed(passed[PASSED][i]) || !is_on_path(s, operand[i].id))
            continue;
        weft_node row[PER_EDGE] = {passed[PASSED][i], weft_abs(passed[SIZED][i]), passed[ONES][i], passed[WEIGHED][i]};
        if (!add_edge(s, (edge){.user = id, .operand = operand[i].id, .place = i}, row) || !arrive(s, operand[i].id, row[PASSED], row[SIZED]))
            return out_of_memory(s);
    }
    return s->tape->status;
}

static weft_status record(search *s)
{
    weft_node one = weft_full_like(s->y, 1);
    if (!arrive(s, s->y.id, one, one))
        return out_of_memory(s);
    for (uint32_t id = s->y.id; id > s->x.id && s->tape->status == WEFT_OK; id--)
        if (is_on_path(s, id) && s->at[id] != NONE)
            go_back(s, id);
    return s->tape->status;
}

/* --- the trace --- */

static double read(const search *s, size_t output, size_t element)
{
    return weft__element_value(weft_node_dtype(s->output[output]), weft_output(s->program, output), element);
}

static bool is_zero(const search *s, uint32_t id, size_t element)
{
    return fabs(read(s, s->at[id] + ADJOINT, element)) <= s->tolerance * read(s, s->at[id] + SIZE, element);
}

static bool passes(const search *s, const edge *e, int what, size_t element)
{
    return fabs(read(s, e->outputs + (size_t)what, element)) > s->tolerance * read(s, e->outputs + SIZED, element);
}

static const edge *next_edge(const search *s, uint32_t operand, const edge *after)
{
    for (const edge *e = after ? after + 1 : s->edges; e < s->edges + s->n_edges; e++)
        if (e->operand == operand)
            return e;
    return NULL;
}

/* The element of the user that element `element` of the operand goes into; the first of several. */
static size_t goes_to(const search *s, const edge *e, size_t element)
{
    weft_node user = weft__handle(s->tape, e->user);
    weft__link link = weft__link_of(user, e->place);
    if (link.relation == WEFT__SAME || link.relation == WEFT__FOLDS)
        return weft__link_source(&link, element);
    for (size_t k = 0; k < weft__element_count(user); k++)
        if (link.relation == WEFT__TAKES ? weft__link_source(&link, k) == element : is_zero(s, e->user, k))
            return k;
    return 0;
}

/* What the partial derivative is, where it is an operand itself: its place; else -1. The tape is rewound by the caller. */
static int factor_of(search *s, const edge *e)
{
    weft_node operand[WEFT_MAX_OPERANDS], user = weft__handle(s->tape, e->user);
    int n;
    const weft_op *op = weft__maker(user, operand, &n);
    if (!op->partial)
        return -1;
    weft_node partial = op->partial(user, operand, e->place);
    for (int i = 0; i < n; i++)
        if (operand[i].id == partial.id)
            return i;
    return -1;
}

typedef struct reason {
    weft_reason why;
    uint32_t node;
    size_t element;
    const edge *edge; /* the one that lets nothing pass, or the first of those that cancel */
    int factor;       /* the place of the operand that is 0 */
} reason;

/* One edge, for an element of its operand: false, if the reason lies behind it, at *element of its user. */
static bool explain_edge(search *s, const edge *e, size_t *element, reason *r)
{
    const weft_op *op = weft_node_op(weft__handle(s->tape, e->user));
    size_t of = *element, to = goes_to(s, e, of);
    *r = (reason){.node = e->user, .element = to, .edge = e, .factor = -1};
    *element = to;
    if (read(s, e->outputs + ONES, of) == 0) {
        r->factor = factor_of(s, e);
        r->why = r->factor >= 0 ? WEFT_WHY_TIMES_ZERO : op->kind == WEFT_ELEMENTWISE || op->flat ? WEFT_WHY_FLAT : WEFT_WHY_NOT_READ;
        return true;
    }
    if (op->kind != WEFT_ELEMENTWISE && passes(s, e, WEIGHED, of)) {
        r->why = WEFT_WHY_CANCELS;
        return true;
    }
    r->why = WEFT_WHY_UNDERFLOW;
    return !is_zero(s, e->user, to);
}

/* Follows zeros from element `element` of x; each step goes to a later node, so it ends. */
static reason explain(search *s, size_t element)
{
    uint32_t id = s->x.id;
    for (;;) {
        const edge *first = next_edge(s, id, NULL);
        reason r = {.why = WEFT_WHY_STOPPED, .node = id, .element = element, .factor = -1};
        for (const edge *e = first; e; e = next_edge(s, id, e))
            if (passes(s, e, PASSED, element)) {
                r.why = WEFT_WHY_CANCELS;
                r.edge = e;
                return r;
            }
        if (!first || explain_edge(s, first, &element, &r))
            return r;
        id = first->user;
    }
}

/* --- words --- */

static void say_stopped(search *s, weft__words *words)
{
    weft_why *why = s->why;
    why->reason = WEFT_WHY_STOPPED;
    weft__say(words, "zero by definition: every way from ");
    weft__say_node(words, s->x);
    weft__say(words, " to the result leads through a node that lets no derivative back, first ");
    weft__say_node(words, why->node);
}

static void say_cancels(const search *s, weft__words *words, const reason *r)
{
    size_t n = 0;
    for (const edge *e = next_edge(s, r->node, NULL); e; e = next_edge(s, r->node, e))
        n += passes(s, e, PASSED, r->element);
    if (r->edge->user == r->node) { /* within the rule of one op */
        weft__say(words, "zero by construction: what goes back through it to operand %d is a sum that cancels, though its terms do not vanish",
                  r->edge->place);
        return;
    }
    weft__say(words, "zero by construction: what %zu of its users give back cancels:", n);
    for (const edge *e = next_edge(s, r->node, NULL); e; e = next_edge(s, r->node, e)) {
        if (!passes(s, e, PASSED, r->element))
            continue;
        weft__say(words, " %+.6g from ", read(s, e->outputs + PASSED, r->element));
        weft__say_node(words, weft__handle(s->tape, e->user));
    }
}

static size_t flat_elements(const search *s, const edge *e)
{
    size_t n = 0;
    for (size_t k = 0; k < weft__element_count(weft__handle(s->tape, e->operand)); k++)
        n += read(s, e->outputs + ONES, k) == 0;
    return n;
}

static void say_operand(weft__words *words, const weft_why *why, int i)
{
    weft__say_node(words, why->operand[i]);
    weft__say_element(words, why->operand[i], why->operand_element[i]);
    weft__say(words, " = %.9g", why->operand_value[i]);
}

static void say_reason(const search *s, weft__words *words, const reason *r)
{
    const weft_why *why = s->why;
    const weft_op *op = weft_node_op(why->node);
    size_t of = r->edge ? weft__element_count(weft__handle(s->tape, r->edge->operand)) : 0;
    switch (r->why) {
    case WEFT_WHY_CANCELS:
        say_cancels(s, words, r);
        return;
    case WEFT_WHY_TIMES_ZERO:
        weft__say(words, "the factor is zero: ");
        say_operand(words, why, r->factor);
        return;
    case WEFT_WHY_FLAT:
        weft__say(words, "its derivative is 0%s%s", op->flat ? " " : "", op->flat ? op->flat : "");
        for (int i = 0; i < why->n; i++) {
            weft__say(words, i ? ", " : "; ");
            say_operand(words, why, i);
        }
        weft__say(words, "; so at %zu of %zu elements%s", flat_elements(s, r->edge), of, flat_elements(s, r->edge) == of ? ": it is dead" : "");
        return;
    case WEFT_WHY_NOT_READ:
        weft__say(words, "it does not read element ");
        weft__say_element(words, weft__handle(s->tape, r->edge->operand), r->element);
        weft__say(words, " of operand %d, or weighs it with 0", r->edge->place);
        return;
    case WEFT_WHY_STOPPED:
        weft__say(words, "no user lets a derivative back to it");
        return;
    default:
        weft__say(words, "underflow: the adjoint %.9g times the derivative %.9g is too small for %s", read(s, s->at[r->node] + ADJOINT, r->element),
                  read(s, r->edge->outputs + ONES, r->element), weft_dtype_name(weft_node_dtype(why->node)));
    }
}

/* Values of the node to blame and of its operands: from a run of their own. */
static weft_status read_values(search *s)
{
    weft_why *why = s->why;
    weft_node nodes[1 + WEFT_MAX_OPERANDS] = {why->node}, operand[WEFT_MAX_OPERANDS];
    int n;
    weft__maker(why->node, operand, &n);
    for (int i = 0; i < n; i++) {
        weft__link link = weft__link_of(why->node, i);
        if (weft_node_dtype(operand[i]) == WEFT_I64 || !weft__element_count(operand[i]))
            continue;
        why->operand[why->n] = operand[i];
        why->operand_element[why->n] =
            link.relation == WEFT__SAME || link.relation == WEFT__TAKES ? weft__link_source(&link, why->element) : 0;
        nodes[1 + why->n++] = operand[i];
    }
    weft_program *program = weft__traced_run("why zero", nodes, 1 + (size_t)why->n, s->bind, s->n_bind);
    if (!program)
        return s->tape->status;
    if (weft__element_count(why->node))
        why->value = weft__element_value(weft_node_dtype(why->node), weft_output(program, 0), why->element);
    for (int i = 0; i < why->n; i++)
        why->operand_value[i] = weft__element_value(weft_node_dtype(why->operand[i]), weft_output(program, 1 + (size_t)i), why->operand_element[i]);
    weft_program_free(program);
    return WEFT_OK;
}

/* --- the call --- */

static weft_status trace(search *s)
{
    weft_why *why = s->why;
    weft__words words = {why->message, sizeof why->message, 0};
    size_t element = 0;
    if (record(s) != WEFT_OK)
        return s->tape->status;
    if (s->at[s->x.id] == NONE) { /* by the rules themselves, as to the mask of where */
        why->node = s->x;
        why->affected = why->count;
        say_stopped(s, &words);
        return WEFT_OK;
    }
    s->program = weft__traced_run("why zero", s->output, s->n, s->bind, s->n_bind);
    if (!s->program)
        return s->tape->status;
    for (size_t e = why->count; e-- > 0;)
        if (is_zero(s, s->x.id, e)) {
            why->affected++;
            element = e;
        }
    if (!why->affected) {
        weft__say(&words, "no element of the gradient is zero");
        return WEFT_OK;
    }
    weft__say(&words, "%zu of %zu elements of the gradient are zero. At ", why->affected, why->count);
    weft__say_node(&words, s->x);
    weft__say_element(&words, s->x, element);
    reason r = explain(s, element);
    why->reason = r.why;
    why->node = weft__handle(s->tape, r.node);
    why->element = r.element;
    if (read_values(s) != WEFT_OK)
        return s->tape->status;
    if (r.node != s->x.id) {
        weft__say(&words, ": ");
        weft__say_node(&words, why->node);
        weft__say_element(&words, why->node, why->element);
    }
    weft__say(&words, ": ");
    say_reason(s, &words, &r);
    return WEFT_OK;
}

static weft_status search_for(search *s)
{
    weft_why *why = s->why;
    weft__words words = {why->message, sizeof why->message, 0};
    const weft_allocator *a = &s->tape->allocator;
    if (!why->count) {
        weft__say(&words, "x has no elements");
        return WEFT_OK;
    }
    s->reached = weft__allocate(a, s->most);
    s->at = weft__allocate(a, s->most * sizeof *s->at);
    if (!s->reached || !s->at || weft__needed_find(&s->needed, &s->y, 1) != WEFT_OK)
        return out_of_memory(s);
    mark_reached(s);
    if (!(s->reached[s->y.id] & BY_NUMBERS)) {
        why->affected = why->count;
        why->node = stopped_by(s);
        if (s->reached[s->y.id]) {
            say_stopped(s, &words);
        } else {
            why->node = weft__failed(s->tape);
            why->reason = WEFT_WHY_NO_PATH;
            weft__say(&words, "no path: the result does not depend on ");
            weft__say_node(&words, s->x);
        }
        return WEFT_OK;
    }
    return trace(s);
}

static void release(search *s)
{
    const weft_allocator *a = &s->tape->allocator;
    weft_program_free(s->program);
    if (s->needed.tape)
        weft__needed_free(&s->needed);
    weft__release(a, s->reached, s->most);
    weft__release(a, s->at, s->most * sizeof *s->at);
    weft__release(a, s->output, s->allocated * sizeof *s->output);
    weft__release(a, s->edges, s->edges_allocated * sizeof *s->edges);
}

weft_status weft_why_zero(weft_node y, weft_node x, const weft_binding *bind, size_t n_bind, weft_why *why)
{
    const weft__node *node = weft__look(y), *of = weft__look(x);
    if (!y.tape || y.tape->status != WEFT_OK)
        return weft_tape_status(y.tape);
    if (!why || (n_bind && !bind))
        return weft__tape_fail(y.tape, WEFT_ERROR_ARGUMENT, "why zero: an argument is NULL");
    *why = (weft_why){.node = weft__failed(y.tape)};
    if (!node || !of || x.tape != y.tape || node->op->kind == WEFT_ASSIGN)
        return weft__tape_fail(y.tape, WEFT_ERROR_ARGUMENT, "why zero: y and x must be nodes of one tape that have values");
    if (node->dtype == WEFT_I64 || of->dtype == WEFT_I64)
        return weft__tape_fail(y.tape, WEFT_ERROR_DTYPE, "why zero: integers have no derivative");
    why->count = of->shape->count;
    search s = {.tape = y.tape, .y = y, .x = x, .bind = bind, .n_bind = n_bind, .why = why, .random = 1};
    s.most = (y.id > x.id ? y.id : x.id) + 1;
    s.tolerance = node->dtype == WEFT_F64 && of->dtype == WEFT_F64 ? 1e-12 : 1e-5;
    weft_mark mark = weft_tape_mark(y.tape);
    weft_status status = search_for(&s);
    release(&s);
    if (status == WEFT_OK)
        weft_tape_rewind(y.tape, mark);
    return status;
}

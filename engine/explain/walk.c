/* walk.c: the forward graph and the way back through it, an edge at a time. A node's turn comes when all that use it had theirs, so its adjoint is whole;
 * weft_pull_back() records what it sends to each operand, and one sum more is recorded wherever something has arrived before.
 *
 * It goes where weft_vjp() goes: through nodes that depend on x, by numbers, and that y needs. An operand that occurs twice, as in x * x, is two edges;
 * weft_pull_back() gives the sum of both, which is taken apart again where the tape has it as a sum. */
#include "engine/explain/walk.h"
#include "engine/record/elements.h"

#include <string.h>

enum { REACHED = 1, BY_NUMBERS = 2, USED = 4 }; /* from x: at all, by ways that have a derivative; by y */

typedef struct recorder {
    weft_tape *tape;
    weft_node y;
    const weft_node *x;
    weft_node *own_x; /* where the caller gave none */
    size_t n_x, own_x_allocated;
    weft_walk *walk;
    weft__walk_store *store;
    uint8_t *marks;   /* (end) */
    size_t *last;     /* (end): 1 + the edge that arrived last at a node of the walk; 0: none has */
} recorder;

static weft_status out_of_memory(const recorder *r)
{
    return weft__tape_fail(r->tape, WEFT_ERROR_MEMORY, "out of memory");
}

static bool is_nothing(weft_node x)
{
    return weft_node_failed(x);
}

/* --- which nodes --- */

static weft_status find_leaves(recorder *r)
{
    weft__needed needed;
    if (weft__needed_find(&needed, &r->y, 1) != WEFT_OK)
        return out_of_memory(r);
    for (uint32_t id = 0; id < needed.end && r->tape->status == WEFT_OK; id++) {
        const weft__node *node = weft__at(r->tape, id);
        if (!weft__is_needed(&needed, id) || node->dtype == WEFT_I64 || (node->op->kind != WEFT_INPUT && node->op->kind != WEFT_PARAMETER))
            continue;
        if (!weft__grow(&r->tape->allocator, &r->own_x, &r->own_x_allocated, r->n_x + 1, sizeof *r->own_x))
            out_of_memory(r);
        else
            r->own_x[r->n_x++] = weft__handle(r->tape, id);
    }
    weft__needed_free(&needed);
    r->x = r->own_x;
    return r->tape->status;
}

static bool add_node(recorder *r, uint32_t id)
{
    weft_walk *walk = r->walk;
    if (!weft__grow(&r->store->allocator, &walk->node, &r->store->nodes_allocated, walk->n_nodes + 1, sizeof *walk->node))
        return false;
    r->store->index[id] = (uint32_t)walk->n_nodes;
    walk->node[walk->n_nodes++] = (weft_walk_node){.node = weft__handle(r->tape, id), .adjoint = weft__failed(r->tape)};
    return true;
}

/* needed: of y and x; used: of y. */
static weft_status add_nodes(recorder *r, const weft__needed *needed, const weft__needed *used)
{
    for (size_t i = 0; i < r->n_x; i++)
        r->marks[r->x[i].id] = REACHED | BY_NUMBERS;
    for (uint32_t id = 0; id < needed->end; id++) {
        const weft__node *node = weft__at(r->tape, id);
        uint8_t before = r->marks[id];
        for (int i = 0; i < node->n; i++)
            r->marks[id] |= r->marks[node->operand[i]] & (REACHED | BY_NUMBERS);
        if (!before && (node->op->flags & WEFT_ZERO_DERIVATIVE || node->dtype == WEFT_I64)) /* x itself may be such a node */
            r->marks[id] &= (uint8_t)~BY_NUMBERS;
        if (weft__is_needed(used, id))
            r->marks[id] |= USED;
        if (weft__is_needed(needed, id) && !add_node(r, id))
            return out_of_memory(r);
    }
    r->walk->output = r->store->index[r->y.id];
    return WEFT_OK;
}

static bool allocate(recorder *r, uint32_t end)
{
    const weft_allocator *a = &r->store->allocator;
    r->store->index = weft__allocate(a, end * sizeof *r->store->index);
    r->store->end = end;
    r->marks = weft__allocate(a, end);
    r->last = weft__allocate(a, end * sizeof *r->last);
    if (!r->store->index || !r->marks || !r->last)
        return false;
    memset(r->store->index, 0xff, end * sizeof *r->store->index); /* WEFT_NO_ID */
    memset(r->marks, 0, end);
    memset(r->last, 0, end * sizeof *r->last);
    return true;
}

static weft_status find_nodes(recorder *r)
{
    weft__needed used = {0}, needed = {0};
    const weft_allocator *a = &r->tape->allocator;
    size_t bytes = (r->n_x + 1) * sizeof(weft_node);
    weft_node *both = weft__allocate(a, bytes);
    bool good = false;
    if (both) {
        both[0] = r->y;
        if (r->n_x)
            memcpy(both + 1, r->x, r->n_x * sizeof *both);
        if (weft__needed_find(&used, &r->y, 1) == WEFT_OK) {
            good = weft__needed_find(&needed, both, r->n_x + 1) == WEFT_OK;
            if (good && allocate(r, needed.end))
                add_nodes(r, &needed, &used);
            else
                out_of_memory(r);
            if (good)
                weft__needed_free(&needed);
            weft__needed_free(&used);
        } else {
            out_of_memory(r);
        }
    } else {
        out_of_memory(r);
    }
    weft__release(a, both, bytes);
    return r->tape->status;
}

static bool is_on_way(const recorder *r, uint32_t id)
{
    return r->marks[id] & BY_NUMBERS && r->marks[id] & USED;
}

static weft_silence silence_of(const recorder *r, const weft_walk_node *n)
{
    uint8_t marks = r->marks[n->node.id];
    if (!is_nothing(n->adjoint))
        return WEFT_NOT_SILENT;
    if (!(marks & USED))
        return WEFT_SILENT_UNUSED;
    if (weft_node_dtype(n->node) == WEFT_I64)
        return WEFT_SILENT_INTEGERS;
    return marks & REACHED ? WEFT_SILENT_STOPPED : WEFT_SILENT_CONSTANT;
}

/* --- edges --- */

/* A function of numbers as the number that it is: -1 for what sub makes of ones. */
static weft_node as_number(weft_node x)
{
    const weft__node *node = weft__look(x);
    double value[WEFT_MAX_OPERANDS], result;
    const void *at[WEFT_MAX_OPERANDS];
    const ptrdiff_t stride[WEFT_MAX_OPERANDS] = {0};
    if (!node || weft_node_scalar(x, &result))
        return node ? weft_scalar_like(x, result) : x;
    if (node->op->kind != WEFT_ELEMENTWISE || !node->op->map[1])
        return x;
    for (int i = 0; i < node->n; i++) {
        if (!weft_node_scalar(weft__handle(x.tape, node->operand[i]), &value[i]))
            return x;
        at[i] = &value[i];
    }
    node->op->map[1](1, &result, at, stride);
    return weft_scalar_like(x, result);
}

/* What multiplies the adjoint: the op's partial derivative, or of a linear op what it makes of ones. */
static weft_node local_of(weft_node y, const weft_op *op, const weft_node *x, int slot)
{
    weft_node none = weft__failed(y.tape);
    if (op->kind != WEFT_ELEMENTWISE)
        return none;
    weft_node local = op->partial ? op->partial(y, x, slot) : op->transpose ? op->transpose(y, x, slot, weft_full_like(y, 1)) : none;
    return local.tape ? as_number(local) : none;
}

/* The running sum, stamped as that of a gradient is. */
static weft_node add_up(recorder *r, weft_node to, weft_node so_far, weft_node flow)
{
    uint32_t adjoint_of = r->tape->adjoint_of;
    uint16_t edge = r->tape->edge;
    r->tape->adjoint_of = to.id;
    r->tape->edge = UINT16_MAX;
    weft_node sum = weft_add(so_far, flow);
    r->tape->adjoint_of = adjoint_of;
    r->tape->edge = edge;
    return sum;
}

static bool print_edge(recorder *r, weft_walk_edge *e)
{
    e->text = is_nothing(e->flow) ? "" : weft__walk_flow_text(r->walk, e->from, e->flow, false);
    e->local_text = is_nothing(e->local) ? "" : weft__walk_flow_text(r->walk, e->from, e->local, true);
    return e->text && e->local_text;
}

static bool add_edge(recorder *r, size_t from, weft_node operand, int slot, weft_node flow, weft_node local)
{
    weft_walk *walk = r->walk;
    size_t to = r->store->index[operand.id], *last = &r->last[operand.id];
    if (!weft__grow(&r->store->allocator, &walk->edge, &r->store->edges_allocated, walk->n_edges + 1, sizeof *walk->edge))
        return false;
    weft_walk_edge *e = &walk->edge[walk->n_edges++];
    *e = (weft_walk_edge){.from = from, .to = to, .slot = slot, .flow = flow, .local = local, .sum = flow, .text = "", .local_text = ""};
    if (!is_nothing(flow)) {
        e->first = !*last;
        if (*last)
            e->sum = add_up(r, operand, walk->edge[*last - 1].sum, flow);
        *last = walk->n_edges;
        walk->node[to].adjoint = e->sum;
    }
    return r->tape->status != WEFT_OK || print_edge(r, e);
}

/* Takes apart what weft_pull_back() added up for the places of one operand: sent[0 .. n). False: it is no such sum. */
static bool take_apart(const weft_op *op, weft_node operand, weft_node flow, uint32_t first, weft_node *sent, int n)
{
    if (!op->partial && !op->transpose && !op->vjp)
        return false; /* an expansion may add up there for reasons of its own */
    for (int k = n; k-- > 1;) {
        weft_node of;
        int edge;
        if (is_nothing(flow) || flow.id < first || weft_node_operand_count(flow) != 2 || !weft_node_adjoint_of(flow, &of, &edge) || edge != -1 ||
            of.id != operand.id)
            return false;
        sent[k] = weft_node_operand(flow, 1);
        flow = weft_node_operand(flow, 0);
    }
    sent[0] = flow;
    return true;
}

static weft_status walk_back(recorder *r, size_t from)
{
    weft_node u = r->walk->node[from].node, x[WEFT_MAX_OPERANDS], sent[WEFT_MAX_OPERANDS], flow[WEFT_MAX_OPERANDS];
    uint32_t first = r->tape->count;
    int n;
    const weft_op *op = weft__maker(u, x, &n);
    if (weft_pull_back(u, r->walk->node[from].adjoint, flow) != WEFT_OK)
        return r->tape->status;
    for (int i = 0; i < n; i++) {
        int place[WEFT_MAX_OPERANDS], places = 0, before = 0;
        for (int k = 0; k < n; k++)
            if (x[k].id == x[i].id) {
                place[places++] = k;
                before += k < i;
            }
        if (before || !is_on_way(r, x[i].id))
            continue;
        bool apart = take_apart(op, x[i], flow[i], first, sent, places);
        for (int k = 0; k < (apart ? places : 1) && r->tape->status == WEFT_OK; k++) {
            weft_node local = apart ? local_of(u, op, x, place[k]) : weft__failed(r->tape);
            if (!add_edge(r, from, x[i], place[k], apart ? sent[k] : flow[i], local))
                return out_of_memory(r);
        }
    }
    return r->tape->status;
}

/* --- the call --- */

static weft_status fill(recorder *r)
{
    weft_walk *walk = r->walk;
    if (!weft__walk_label(walk))
        return out_of_memory(r);
    for (size_t k = 0; k < walk->n_nodes; k++)
        if (!(walk->node[k].text = weft__walk_text(walk, k)))
            return out_of_memory(r);
    size_t *x = weft__arena_take(&r->store->arena, r->n_x * sizeof *x + 1);
    if (!x)
        return out_of_memory(r);
    for (size_t i = 0; i < r->n_x; i++)
        x[i] = r->store->index[r->x[i].id];
    walk->x = x;
    walk->n_x = r->n_x;
    walk->node[walk->output].adjoint = walk->dy;
    for (size_t k = walk->n_nodes; k-- > 0 && r->tape->status == WEFT_OK;) {
        const weft_walk_node *n = &walk->node[k];
        const weft__node *node = weft__look(n->node);
        if (!is_nothing(n->adjoint) && node->n && is_on_way(r, n->node.id) && !(node->op->flags & WEFT_ZERO_DERIVATIVE))
            walk_back(r, k);
    }
    for (size_t k = 0; k < walk->n_nodes; k++)
        walk->node[k].silence = silence_of(r, &walk->node[k]);
    return r->tape->status;
}

static weft_status check_arguments(const recorder *r, const weft_walk_options *o)
{
    const weft__node *y = weft__look(r->y);
    if (!y || y->op->kind == WEFT_ASSIGN)
        return weft__tape_fail(r->tape, WEFT_ERROR_ARGUMENT, "walk: y is no node of its tape that has a value");
    if (y->dtype == WEFT_I64)
        return weft__tape_fail(r->tape, WEFT_ERROR_DTYPE, "walk: y holds integers, which have no derivative");
    const weft__node *dy = weft__look(o->dy);
    if (o->dy.tape && (!dy || o->dy.tape != r->tape))
        return weft__tape_fail(r->tape, WEFT_ERROR_ARGUMENT, "walk: dy is no node of the tape of y");
    if (!dy && y->shape->count != 1) {
        weft_fail(y->op, &r->y, 1, WEFT_ERROR_SHAPE, "a walk begins at one number, or with a cotangent dy");
        return r->tape->status;
    }
    if (dy && (dy->shape != y->shape || dy->dtype != y->dtype)) {
        weft_fail(y->op, (weft_node[]){r->y, o->dy}, 2, WEFT_ERROR_SHAPE, "dy must have the shape and dtype of y");
        return r->tape->status;
    }
    for (size_t i = 0; i < r->n_x; i++) {
        const weft__node *x = weft__look(r->x[i]);
        if (!x || r->x[i].tape != r->tape || x->op->kind == WEFT_ASSIGN)
            return weft__tape_fail(r->tape, WEFT_ERROR_ARGUMENT, "walk: x[%zu] is no node of the tape of y that has a value", i);
        if (x->dtype == WEFT_I64)
            return weft__tape_fail(r->tape, WEFT_ERROR_DTYPE, "walk: x[%zu] holds integers, which have no derivative", i);
    }
    return WEFT_OK;
}

static weft_status begin(recorder *r, const weft_walk_options *o)
{
    const weft_allocator *a = &r->tape->allocator;
    r->walk->store = r->store = weft__allocate(a, sizeof *r->store);
    if (!r->store)
        return out_of_memory(r);
    *r->store = (weft__walk_store){.allocator = *a};
    weft__arena_init(&r->store->arena, a);
    if ((!o->x && find_leaves(r) != WEFT_OK) || find_nodes(r) != WEFT_OK)
        return r->tape->status;
    r->walk->dy = o->dy.tape ? o->dy : weft_full_like(r->y, 1);
    return r->tape->status == WEFT_OK ? fill(r) : r->tape->status;
}

weft_status weft_walk_record(weft_node y, const weft_walk_options *options, weft_walk *walk)
{
    static const weft_walk_options defaults;
    const weft_walk_options *o = options ? options : &defaults;
    if (walk)
        *walk = (weft_walk){.dy = weft__failed(y.tape)};
    if (!y.tape || y.tape->status != WEFT_OK)
        return weft_tape_status(y.tape);
    if (!walk || (o->n_x && !o->x))
        return weft__tape_fail(y.tape, WEFT_ERROR_ARGUMENT, "walk: an argument is NULL");
    recorder r = {.tape = y.tape, .y = y, .x = o->x, .n_x = o->x ? o->n_x : 0, .walk = walk};
    if (check_arguments(&r, o) != WEFT_OK)
        return y.tape->status;
    begin(&r, o);
    const weft_allocator *a = &y.tape->allocator;
    weft__release(a, r.marks, r.store ? r.store->end : 0);
    weft__release(a, r.last, r.store ? r.store->end * sizeof *r.last : 0);
    weft__release(a, r.own_x, r.own_x_allocated * sizeof *r.own_x);
    if (y.tape->status != WEFT_OK)
        weft_walk_free(walk);
    return y.tape->status;
}

void weft_walk_free(weft_walk *walk)
{
    weft__walk_store *s = walk ? walk->store : NULL;
    if (s) {
        const weft_allocator a = s->allocator;
        weft_program_free(s->program);
        weft__walk_labels_free(s);
        weft__arena_free(&s->arena);
        weft__release(&a, s->index, s->end * sizeof *s->index);
        weft__release(&a, s->text, s->text_allocated);
        weft__release(&a, s->output, s->outputs_allocated * sizeof *s->output);
        weft__release(&a, s->at, s->n_at * sizeof *s->at);
        weft__release(&a, walk->node, s->nodes_allocated * sizeof *walk->node);
        weft__release(&a, walk->edge, s->edges_allocated * sizeof *walk->edge);
        weft__release(&a, s, sizeof *s);
    }
    if (walk)
        *walk = (weft_walk){.dy = {.id = WEFT_NO_ID}};
}

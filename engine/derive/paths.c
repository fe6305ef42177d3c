/* paths.c: a derivative by the ways that it takes. Chosen nodes cut every path from y back to x into pieces. What flows along the pieces between
 * two of them, through no third one, is found by a walk that starts at the one, with its whole adjoint, and ends wherever it meets a chosen node.
 * Walks start at later nodes first, so that an adjoint is whole when its turn comes: what arrived at the node from y and from all those behind it.
 *
 * It relies on weft__vjp_up_to(), so every rule, expansion and checkpointed scope counts as it does for weft_vjp(). */
#include "engine/derive/reverse.h"

#include <stdio.h>
#include <string.h>

typedef struct ledger {
    weft_tape *tape;
    const weft_node *y, *dy;
    size_t n_y;
    const weft_node *node; /* (n) */
    size_t n;
    weft_node *flow;    /* (1 + n, n): what arrives at node i from y, in row 0, and from node j, in row 1 + j; failed: nothing */
    weft_node *adjoint; /* (n): what has arrived at each so far; failed: nothing */
    size_t *order;      /* (n): later nodes first */
    uint32_t first;     /* of the nodes that are recorded here */
} ledger;

static bool allocate(ledger *l, bool with_flows)
{
    const weft_allocator *a = &l->tape->allocator;
    if (with_flows)
        l->flow = weft__allocate(a, (1 + l->n) * l->n * sizeof *l->flow + 1);
    l->adjoint = weft__allocate(a, l->n * sizeof *l->adjoint + 1);
    l->order = weft__allocate(a, l->n * sizeof *l->order + 1);
    if (l->flow && l->adjoint && l->order)
        return true;
    weft__tape_fail(l->tape, WEFT_ERROR_MEMORY, "out of memory");
    return false;
}

static void release(ledger *l, bool with_flows)
{
    const weft_allocator *a = &l->tape->allocator;
    if (with_flows)
        weft__release(a, l->flow, (1 + l->n) * l->n * sizeof *l->flow + 1);
    weft__release(a, l->adjoint, l->n * sizeof *l->adjoint + 1);
    weft__release(a, l->order, l->n * sizeof *l->order + 1);
}

static void sort(ledger *l)
{
    for (size_t i = 0; i < l->n; i++) {
        size_t at = i;
        for (; at && l->node[l->order[at - 1]].id < l->node[i].id; at--)
            l->order[at] = l->order[at - 1];
        l->order[at] = i;
    }
}

static bool is_nothing(weft_node x)
{
    return x.id == WEFT_NO_ID;
}

static void arrive(ledger *l, const weft_node *row)
{
    weft__stamps stamps = weft__stamps_now(l->tape);
    for (size_t i = 0; i < l->n; i++) {
        if (is_nothing(row[i]))
            continue;
        l->tape->adjoint_of = l->node[i].id;
        l->tape->edge = WEFT__NO_EDGE;
        l->adjoint[i] = is_nothing(l->adjoint[i]) ? row[i] : weft_add(l->adjoint[i], row[i]);
    }
    weft__stamps_set(l->tape, stamps);
}

/* Fills flow and adjoint. */
static weft_status fill(ledger *l)
{
    for (size_t k = 0; k < (1 + l->n) * l->n; k++)
        l->flow[k] = weft__failed(l->tape);
    for (size_t i = 0; i < l->n; i++)
        l->adjoint[i] = weft__failed(l->tape);
    sort(l);
    if (!l->n || weft__vjp_up_to(l->y, l->dy, l->n_y, false, l->node, l->n, l->flow) != WEFT_OK)
        return l->tape->status;
    arrive(l, l->flow);
    for (size_t k = 0; k < l->n && l->tape->status == WEFT_OK; k++) {
        size_t j = l->order[k];
        weft_node *row = l->flow + (1 + j) * l->n;
        if (is_nothing(l->adjoint[j]))
            continue;
        weft__name_derivative(l->tape, l->node[j].id, l->adjoint[j].id, l->first, "d", "");
        if (k + 1 == l->n || weft__vjp_up_to(&l->node[j], &l->adjoint[j], 1, true, l->node, l->n, row) != WEFT_OK)
            break; /* nothing lies before the first of them */
        row[j] = weft__failed(l->tape); /* where the walk began */
        arrive(l, row);
    }
    return l->tape->status;
}

/* "dh_by_mu"; a node that has a name, was there before, or is a constant keeps what it shows. */
static void name_part(const ledger *l, weft_node part, weft_node x, const char *joint, weft_node by)
{
    const weft__node *of = weft__look(x), *through = weft__look(by);
    if (is_nothing(part) || part.id < l->first || *weft_node_name(part) || weft_node_scalar(part, NULL) || !of->name || (by.tape && !through->name))
        return;
    char name[96];
    snprintf(name, sizeof name, "d%.38s_%s%.38s", of->name, joint, by.tape ? through->name : "");
    weft_name(part, name);
}

/* No cotangent arrives at x at all: zeros, or the error that weft_vjp() has for ways through integers. */
static weft_status check_ways(ledger *l, weft_node x)
{
    weft_node zero;
    return weft_vjp(l->y, l->dy, l->n_y, &x, 1, &zero);
}

static weft_status check_chosen(weft_tape *tape, const char *who, const char *list, const weft_node *node, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const weft__node *record = weft__look(node[i]);
        if (!record || node[i].tape != tape)
            return weft__tape_fail(tape, WEFT_ERROR_ARGUMENT, "%s: %s[%zu] is no node of the tape of y", who, list, i);
        if (record->dtype == WEFT_I64) {
            weft_fail(record->op, &node[i], 1, WEFT_ERROR_DTYPE, "no derivative passes through i64 indices, so none can be chosen");
            return tape->status;
        }
        for (size_t j = 0; j < i; j++)
            if (node[j].id == node[i].id)
                return weft__tape_fail(tape, WEFT_ERROR_ARGUMENT, "%s: %s[%zu] and %s[%zu] are one node; a path would count twice", who, list, j,
                                       list, i);
    }
    return WEFT_OK;
}

/* What every call begins with. The result array is failed nodes until it is filled. */
static weft_status begin(const char *who, const weft_node *y, const weft_node *dy, size_t n_y, weft_node *result, size_t n_result)
{
    weft_tape *tape = n_y && y ? y[0].tape : NULL;
    for (size_t i = 0; result && i < n_result; i++)
        result[i] = weft__failed(tape);
    if (!tape || tape->status != WEFT_OK)
        return weft_tape_status(tape);
    if (!dy || !result)
        return weft__tape_fail(tape, WEFT_ERROR_ARGUMENT, "%s: an argument is NULL", who);
    return weft__check_pairs(tape, who, "output", "cotangent", y, dy, n_y);
}

/* --- flows --- */

static weft_status fill_flows(ledger *l)
{
    if (fill(l) != WEFT_OK)
        return l->tape->status;
    for (size_t i = 0; i < l->n; i++)
        if (is_nothing(l->adjoint[i]) && check_ways(l, l->node[i]) != WEFT_OK)
            return l->tape->status;
    for (size_t j = 0; j <= l->n; j++)
        for (size_t i = 0; i < l->n; i++) {
            weft_node *at = &l->flow[j * l->n + i];
            if (is_nothing(*at))
                *at = weft_full_like(l->node[i], 0);
            else if (j)
                name_part(l, *at, l->node[i], "from_", l->node[j - 1]);
        }
    return l->tape->status;
}

weft_status weft_flows(const weft_node *y, const weft_node *dy, size_t n_y, const weft_node *between, size_t n, weft_node *flows)
{
    if (begin("flows", y, dy, n_y, flows, (1 + n) * n) != WEFT_OK)
        return n_y && y ? weft_tape_status(y[0].tape) : WEFT_ERROR_ARGUMENT;
    ledger l = {.tape = y[0].tape, .y = y, .dy = dy, .n_y = n_y, .node = between, .n = n, .flow = flows, .first = y[0].tape->count};
    if (n && !between)
        return weft__tape_fail(l.tape, WEFT_ERROR_ARGUMENT, "flows: an argument is NULL");
    if (check_chosen(l.tape, "flows", "between", between, n) != WEFT_OK)
        return l.tape->status;
    if (allocate(&l, false))
        fill_flows(&l);
    release(&l, false);
    return l.tape->status;
}

/* --- paths --- */

/* Those of the chosen nodes that a path from x can meet, behind x itself; at[k]: which one of through node[k] is. */
static size_t behind(weft_node x, const weft_node *through, size_t n, weft_node *node, size_t *at)
{
    size_t count = 1;
    node[0] = x;
    for (size_t i = 0; i < n; i++)
        if (through[i].id > x.id) {
            node[count] = through[i];
            at[count++] = i;
        }
    return count;
}

static weft_status split(ledger *l, weft_node x, const weft_node *through, const size_t *at, weft_node *parts)
{
    if (fill(l) != WEFT_OK)
        return l->tape->status;
    parts[0] = l->flow[0];
    for (size_t k = 1; k < l->n; k++)
        parts[1 + at[k]] = l->flow[(1 + k) * l->n];
    name_part(l, parts[0], x, "direct", (weft_node){0});
    for (size_t k = 1; k < l->n; k++)
        name_part(l, parts[1 + at[k]], x, "by_", through[at[k]]);
    return is_nothing(l->adjoint[0]) ? check_ways(l, x) : l->tape->status;
}

static weft_status split_by(ledger *l, weft_node x, const weft_node *through, size_t n, weft_node *parts)
{
    const weft_allocator *a = &l->tape->allocator;
    weft_node *node = weft__allocate(a, (1 + n) * sizeof *node);
    size_t *at = weft__allocate(a, (1 + n) * sizeof *at);
    if (node && at) {
        l->n = behind(x, through, n, node, at);
        l->node = node;
        if (allocate(l, true))
            split(l, x, through, at, parts);
        release(l, true);
    } else {
        weft__tape_fail(l->tape, WEFT_ERROR_MEMORY, "out of memory");
    }
    weft__release(a, node, (1 + n) * sizeof *node);
    weft__release(a, at, (1 + n) * sizeof *at);
    return l->tape->status;
}

weft_status weft_paths_vjp(const weft_node *y, const weft_node *dy, size_t n_y, weft_node x, const weft_node *through, size_t n, weft_node *parts)
{
    if (begin("paths", y, dy, n_y, parts, 1 + n) != WEFT_OK)
        return n_y && y ? weft_tape_status(y[0].tape) : WEFT_ERROR_ARGUMENT;
    ledger l = {.tape = y[0].tape, .y = y, .dy = dy, .n_y = n_y, .first = y[0].tape->count};
    if (n && !through)
        return weft__tape_fail(l.tape, WEFT_ERROR_ARGUMENT, "paths: an argument is NULL");
    if (weft__check_x(l.tape, "paths", &x, 1) != WEFT_OK || check_chosen(l.tape, "paths", "through", through, n) != WEFT_OK)
        return l.tape->status;
    size_t itself = 0;
    while (itself < n && through[itself].id != x.id)
        itself++;
    weft_status status = itself < n ? weft_vjp(y, dy, n_y, &x, 1, &parts[1 + itself]) : split_by(&l, x, through, n, parts);
    for (size_t i = 0; i <= n && status == WEFT_OK; i++)
        if (is_nothing(parts[i])) {
            parts[i] = weft_full_like(x, 0);
            status = l.tape->status;
        }
    return status;
}

weft_status weft_paths(weft_node loss, weft_node x, const weft_node *through, size_t n, weft_node *parts)
{
    const weft__node *node = weft__look(loss);
    for (size_t i = 0; parts && i <= n; i++)
        parts[i] = weft__failed(loss.tape);
    if (!loss.tape || loss.tape->status != WEFT_OK)
        return weft_tape_status(loss.tape);
    if (!node)
        return weft__tape_fail(loss.tape, WEFT_ERROR_ARGUMENT, "paths: the loss is no node of its tape");
    if (node->shape->count != 1 || node->dtype == WEFT_I64) {
        weft_fail(node->op, &loss, 1, WEFT_ERROR_SHAPE, "a loss is one number; sum it first, or give weft_paths_vjp() a cotangent");
        return loss.tape->status;
    }
    weft_node one = weft_full_like(loss, 1);
    return weft_paths_vjp(&loss, &one, 1, x, through, n, parts);
}

/* --- one step of the chain rule --- */

weft_status weft_pull_back(weft_node y, weft_node dy, weft_node *dx)
{
    const weft__node *node = weft__look(y);
    if (node && node->op->kind == WEFT_PART)
        node = weft__at(y.tape, node->operand[0]);
    if (begin("pull back", &y, &dy, 1, dx, node ? node->n : 0) != WEFT_OK)
        return weft_tape_status(y.tape);
    weft_node x[WEFT_MAX_OPERANDS], given[WEFT_MAX_OPERANDS];
    int place[WEFT_MAX_OPERANDS];
    size_t n = 0;
    for (int i = 0; i < node->n; i++) {
        size_t k = 0;
        while (k < n && x[k].id != node->operand[i])
            k++;
        if (k == n && weft__at(y.tape, node->operand[i])->dtype != WEFT_I64) {
            x[n] = weft__handle(y.tape, node->operand[i]);
            place[n++] = i;
        }
    }
    if (n && weft__vjp_up_to(&y, &dy, 1, true, x, n, given) == WEFT_OK)
        for (size_t k = 0; k < n; k++)
            dx[place[k]] = given[k];
    return y.tape->status;
}

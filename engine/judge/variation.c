/* variation.c: a hypothesis put on the tape: the nodes that its edits reach are recorded again, and differentiated. */
#include "engine/judge/diagnose.h"

typedef struct recording {
    const weft__judged *j;
    uint32_t *now; /* (end): what stands for each node */
} recording;

static weft_node stands_for(const recording *r, uint32_t id)
{
    return weft__handle(r->j->tape, id < r->j->end ? r->now[id] : id);
}

/* value, with the derivative of `slope`. */
static weft_node with_derivative(weft_node value, weft_node slope)
{
    return weft_add(weft_stop_gradient(value), weft_sub(slope, weft_stop_gradient(slope)));
}

static weft_node scaled(weft_node a, double factor)
{
    weft_node still = weft_stop_gradient(a);
    return weft_add(still, weft_mul(weft_scalar_like(a, factor), weft_sub(a, still)));
}

/* --- edits at an edge --- */

/* 1 at the last or first of what a broadcast repeats, 0 elsewhere. */
static weft_node one_of_repeated(weft_node from, weft_node to, bool last)
{
    size_t before[WEFT_MAX_RANK] = {0}, after[WEFT_MAX_RANK] = {0}, one[WEFT_MAX_RANK];
    weft_shape a = weft_node_shape(from), b = weft_node_shape(to);
    int shift = b.rank - a.rank;
    for (int i = 0; i < b.rank; i++) {
        bool repeated = i < shift || a.dim[i - shift] != b.dim[i];
        *(last ? &before[i] : &after[i]) = repeated ? b.dim[i] - 1 : 0;
        one[i] = 1;
    }
    return weft_pad(weft_broadcast(weft_scalar_like(to, 1), b.rank, one), before, after);
}

static weft_node turned(weft_node x)
{
    int order[WEFT_MAX_RANK], rank = weft_node_shape(x).rank;
    for (int i = 0; i < rank; i++)
        order[i] = i < rank - 2 ? i : 2 * rank - 3 - i;
    return weft_transpose(x, order);
}

/* d end / d sum, spread to the shape of y: they are joined by elementwise nodes alone. */
static weft_node slope_between(weft_node end, weft_node sum, weft_node y)
{
    weft_node one = weft_full_like(end, 1), slope = {.tape = NULL};
    if (weft_vjp(&end, &one, 1, &sum, 1, &slope) != WEFT_OK)
        return slope;
    weft_shape shape = weft_node_shape(end), to = weft_node_shape(y);
    slope = weft_reshape(weft_stop_gradient(slope), shape.rank, shape.dim);
    return weft_broadcast(slope, to.rank, to.dim);
}

/* The node `id` on operands x, under an edit of one of its edges. */
static weft_node edited_edge(const recording *r, uint32_t id, const weft__edit *e, weft_node *x)
{
    const weft__node *node = weft__at(r->j->tape, id);
    int i = e->operand;
    weft_node a = x[i], f, g, others[WEFT_MAX_OPERANDS];
    for (int k = 0; k < node->n; k++)
        others[k] = x[k];
    others[i] = weft_stop_gradient(a);
    f = weft_record(node->op, others, node->n, node->attributes);
    switch (e->kind) {
    case WEFT__DROP:
        return f;
    case WEFT__SCALE:
        x[i] = scaled(a, e->factor);
        return weft_record(node->op, x, node->n, node->attributes);
    case WEFT__ASSIGN:
        g = weft_record(node->op, x, node->n, node->attributes);
        return with_derivative(f, weft_mul(one_of_repeated(a, f, e->factor == 1), g));
    case WEFT__SKIP:
        return weft_add(f, weft_sub(a, others[i]));
    case WEFT__TRANSPOSE:
        others[i] = a;
        others[1 - i] = turned(weft_stop_gradient(x[1 - i]));
        g = weft_record(node->op, others, node->n, node->attributes);
        return weft_add(f, weft_sub(g, weft_stop_gradient(g)));
    case WEFT__AT:
        others[i] = weft__wide(stands_for(r, e->other));
        g = weft_record(node->op, others, node->n, node->attributes);
        g = weft_mul(weft_stop_gradient(node->op->partial(g, others, i)), a);
        return weft_add(f, weft_sub(g, weft_stop_gradient(g)));
    default: /* WEFT__DIAGONAL */
        g = stands_for(r, weft__at(r->j->tape, e->other)->operand[0]);
        return with_derivative(f, weft_mul(slope_between(a, stands_for(r, e->other), f), g));
    }
}

/* --- edits at a node --- */

/* What is read in place of `under`. */
static weft_node misread(const recording *r, const weft__root *root, weft__how how)
{
    weft_node u = stands_for(r, root->under), v = stands_for(r, root->variance), eps = weft_scalar_like(u, root->eps);
    double n = root->count;
    switch (how) {
    case WEFT__EPS_OUTSIDE:
        return weft_square(weft_add(weft_sqrt(v), eps));
    case WEFT__EPS_LEFT_OUT:
        return v;
    case WEFT__AS_VARIANCE:
        return weft_add(weft_rsqrt(u), eps);
    case WEFT__VARIANCE_FOR:
        return weft_reciprocal(weft_square(v));
    case WEFT__INVERTED:
        return weft_reciprocal(u);
    default:
        return weft_add(weft_mul(weft_scalar_like(v, how == WEFT__UNBIASED ? n / (n - 1) : (n - 1) / n), v), eps);
    }
}

static weft_node edited_node(const recording *r, const weft__edit *e, weft_node y)
{
    weft__root root;
    weft_node read = {.tape = NULL};
    switch (e->kind) {
    case WEFT__CONSTANT:
        return weft_stop_gradient(y);
    case WEFT__GIVEN: {
        weft_shape shape = weft_node_shape(y);
        read = weft__wide(weft__handle(r->j->tape, e->other));
        return weft_stop_gradient(weft_reshape(read, shape.rank, shape.dim));
    }
    case WEFT__OPERAND:
        read = stands_for(r, weft__at(r->j->tape, e->node)->operand[e->operand]);
        break;
    default: /* WEFT__ROOT */
        weft__find_root(r->j, e->node, &root);
        read = misread(r, &root, e->how);
    }
    return weft_add(y, weft_stop_gradient(weft_sub(read, y)));
}

/* --- edits of the gradient --- */

static weft_node edited_gradient(const recording *r, const weft__edit *e, weft_node dx)
{
    weft__root root;
    weft_node q = {.tape = NULL};
    switch (e->kind) {
    case WEFT__WHOLE:
        return e->factor == 0 ? weft_full_like(dx, 0) : weft_mul(weft_scalar_like(dx, e->factor), dx);
    case WEFT__TURNED:
        return turned(dx);
    case WEFT__TIMES:
        q = stands_for(r, e->other);
        return e->factor == 1 ? weft_mul(dx, q) : weft_div(dx, q);
    default: /* WEFT__FRONT */
        weft__find_root(r->j, e->node, &root);
        return weft_mul(dx, weft_sqrt(weft_div(stands_for(r, root.under), misread(r, &root, e->how))));
    }
}

static bool of_edge(weft__edit_kind kind)
{
    return kind <= WEFT__DIAGONAL;
}

static bool of_node(weft__edit_kind kind)
{
    return kind > WEFT__DIAGONAL && kind <= WEFT__ROOT;
}

/* Where one edge of a fork is kept, the others are lost. */
static bool is_lost(const weft__judged *j, const weft__edit *kept, uint32_t id, int operand)
{
    uint32_t fork = weft__at(j->tape, kept->node)->operand[kept->operand];
    return weft__at(j->tape, id)->operand[operand] == fork && (id != kept->node || operand != kept->operand);
}

static void record_node(recording *r, const weft__hypothesis *h, uint32_t id)
{
    const weft__node *node = weft__at(r->j->tape, id);
    weft_node x[WEFT_MAX_OPERANDS], y = weft__handle(r->j->tape, id);
    bool changed = false;
    const weft__edit *edge = NULL;
    for (int i = 0; i < node->n; i++) {
        x[i] = stands_for(r, node->operand[i]);
        for (int k = 0; k < h->n; k++)
            if (h->edit[k].kind == WEFT__KEEP && is_lost(r->j, &h->edit[k], id, i))
                x[i] = weft_stop_gradient(x[i]);
        changed |= x[i].id != node->operand[i];
    }
    for (int k = 0; k < h->n; k++)
        if (of_edge(h->edit[k].kind) && h->edit[k].kind != WEFT__KEEP && h->edit[k].node == id) {
            if (edge) /* two edges of one node: the first is dropped or scaled beforehand */
                x[edge->operand] = edge->kind == WEFT__SCALE ? scaled(x[edge->operand], edge->factor) : weft_stop_gradient(x[edge->operand]);
            edge = &h->edit[k];
        }
    if (edge)
        y = edited_edge(r, id, edge, x);
    else if (node->op->kind == WEFT_PART && changed)
        y = weft_part(x[0], (int)(id - node->operand[0]));
    else if (changed)
        y = weft_record(node->op, x, node->n, node->attributes);
    for (int k = 0; k < h->n; k++)
        if (of_node(h->edit[k].kind) && h->edit[k].node == id) {
            r->now[id] = y.id;
            y = edited_node(r, &h->edit[k], y);
        }
    if (!weft_node_failed(y))
        r->now[id] = y.id;
}

weft_node weft__variation_record(const weft__judged *j, const weft__hypothesis *h, uint32_t *now)
{
    recording r = {j, now};
    for (uint32_t id = 0; id < j->end; id++)
        now[id] = id;
    for (uint32_t id = j->lo; id < j->end && j->tape->status == WEFT_OK; id++)
        if (j->of_y[id])
            record_node(&r, h, id);
    weft_node y = stands_for(&r, j->y.id), x = stands_for(&r, j->x.id), dx = weft__failed(j->tape);
    if (weft_vjp(&y, &j->dy, 1, &x, 1, &dx) != WEFT_OK)
        return weft__failed(j->tape);
    for (int k = 0; k < h->n; k++)
        if (!of_edge(h->edit[k].kind) && !of_node(h->edit[k].kind))
            dx = edited_gradient(&r, &h->edit[k], dx);
    return dx;
}

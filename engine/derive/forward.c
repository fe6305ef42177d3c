/* forward.c: forward mode. One walk from x on along the tape; each node that y needs gets a tangent, the derivative of its value along dx, from
 * the tangents of its operands and the one rule that its op has:
 *   - partial: each tangent times the partial, and their sum;
 *   - transpose: the op itself, on tangents in place of values, see linear.c;
 *   - expand: the twin is recorded on the same operands, and walked along;
 *   - vjp alone: the vjp is linear in the cotangent, and its own vjp is the jvp, see linear.c.
 * A node that nothing varies has no tangent, rather than zeros. Like adjoints, tangents are recorded on the tape in the scope of their node, carry the
 * stamp of the operand whose tangent they come from, and are differentiated like anything else: that of a node called h is called h_dot.
 *
 * x[i] may be any node: its tangent is dx[i] plus what comes from its own operands. So the walk is the transpose of the one in reverse.c, and
 * u . jvp(v) = v . vjp(u) for one list x in both. Linear in the ids between the first x and the last y. */
#include "engine/derive/forward.h"

#include <string.h>

typedef struct walk {
    weft_tape *tape;
    uint32_t lo, hi;
    uint32_t *tangent;  /* (hi - lo): the node that holds the tangent so far, or WEFT_NO_ID */
    uint8_t *leads;     /* (hi - lo): y depends on the VALUE, or on a PART of the node */
    const weft_node *x; /* (n_below) those of x below lo, for an expansion: its operands */
    const weft_node *t; /* (n_below) their tangents; tape NULL: none */
    size_t n_below;
    uint32_t first;     /* the first id that the walk may record */
} walk;

enum { VALUE = 1, PART = 2 };

static weft_node tangent_of(const walk *w, uint32_t id)
{
    if (id >= w->lo)
        return id < w->hi && w->tangent[id - w->lo] != WEFT_NO_ID ? weft__handle(w->tape, w->tangent[id - w->lo]) : (weft_node){.tape = NULL};
    for (size_t i = 0; i < w->n_below; i++)
        if (w->x[i].id == id)
            return w->t[i];
    return (weft_node){.tape = NULL};
}

static void mark_leading(walk *w, const weft_node *y, size_t n)
{
    for (size_t k = 0; k < n; k++)
        if (y[k].id >= w->lo)
            w->leads[y[k].id - w->lo] |= VALUE;
    for (uint32_t id = w->hi; id-- > w->lo;) {
        const weft__node *node = weft__at(w->tape, id);
        if (!w->leads[id - w->lo] || node->op->flags & WEFT_ZERO_DERIVATIVE || node->dtype == WEFT_I64)
            continue;
        for (int i = 0; i < node->n; i++)
            if (node->operand[i] >= w->lo)
                w->leads[node->operand[i] - w->lo] |= node->op->kind == WEFT_PART ? PART : VALUE;
    }
}

/* Adds a contribution to the tangent of node id; at the second one an add node appears. */
static void contribute(walk *w, uint32_t id, weft_node t)
{
    uint32_t *held = &w->tangent[id - w->lo];
    if (!t.tape || weft_node_failed(t) || !weft__derivative_fits(w->tape, id, t, "tangent"))
        return;
    if (*held != WEFT_NO_ID) {
        w->tape->adjoint_of = id;
        w->tape->edge = WEFT__NO_EDGE;
        t = weft_add(weft__handle(w->tape, *held), t);
    }
    *held = t.id;
}

static weft_status run(walk *w, const weft_node *y, size_t n_y);

static bool allocate(walk *w)
{
    size_t n = w->hi - w->lo;
    w->tangent = weft__allocate(&w->tape->allocator, (n + 1) * sizeof *w->tangent);
    w->leads = weft__allocate(&w->tape->allocator, n + 1);
    if (!w->tangent || !w->leads) {
        weft__tape_fail(w->tape, WEFT_ERROR_MEMORY, "out of memory");
        return false;
    }
    memset(w->tangent, 0xff, (n + 1) * sizeof *w->tangent); /* WEFT_NO_ID */
    memset(w->leads, 0, n + 1);
    return true;
}

static void release(walk *w)
{
    size_t n = w->hi - w->lo;
    weft__release(&w->tape->allocator, w->tangent, (n + 1) * sizeof *w->tangent);
    weft__release(&w->tape->allocator, w->leads, n + 1);
}

static bool is_wanted(const walk *w, uint32_t id)
{
    return id >= w->lo && id < w->hi && w->leads[id - w->lo] & VALUE;
}

/* Records the twin of node id and walks along that. */
static void through_expansion(walk *w, uint32_t id, weft_node y, const weft_node *x, const weft_node *t)
{
    const weft__node *node = weft__at(w->tape, id);
    weft_node output[WEFT_MAX_OUTPUTS], wanted[WEFT_MAX_OUTPUTS], tangent[WEFT_MAX_OUTPUTS];
    uint32_t from[WEFT_MAX_OUTPUTS];
    size_t n = 0;
    walk inner = {.tape = w->tape, .lo = w->tape->count, .x = x, .t = t, .n_below = node->n, .first = w->first};
    weft_status status = node->op->expand(y, x, output);
    if (status != WEFT_OK) {
        weft__tape_fail(w->tape, status, "%s: its expansion failed: %s", node->op->name, weft_status_text(status));
        return;
    }
    for (int k = 0; k < weft__output_count(node->op); k++)
        if (is_wanted(w, id + (uint32_t)k)) {
            from[n] = id + (uint32_t)k;
            wanted[n++] = output[k];
        }
    inner.hi = w->tape->count;
    if (allocate(&inner) && run(&inner, wanted, n) == WEFT_OK)
        for (size_t k = 0; k < n; k++)
            tangent[k] = tangent_of(&inner, wanted[k].id);
    release(&inner);
    for (size_t k = 0; k < n && w->tape->status == WEFT_OK; k++)
        contribute(w, from[k], tangent[k]);
}

/* t: the tangents of the operands, of which at least one is there. */
static void push_forward(walk *w, uint32_t id, const weft_node *t)
{
    const weft__node *node = weft__at(w->tape, id);
    const weft_op *op = node->op;
    weft_node y = weft__handle(w->tape, id), x[WEFT_MAX_OPERANDS];
    for (int i = 0; i < node->n; i++)
        x[i] = weft__handle(w->tape, node->operand[i]);
    weft__scope scope = {.path = node->scope};
    w->tape->scope = node->scope ? &scope : NULL;
    w->tape->adjoint_of = id;
    w->tape->edge = 0;
    if (op->partial) {
        for (int i = 0; i < node->n; i++) {
            w->tape->adjoint_of = id;
            w->tape->edge = (uint16_t)i;
            if (t[i].tape)
                contribute(w, id, weft__times_partial(t[i], op->partial(y, x, i)));
        }
    } else if (op->transpose) {
        contribute(w, id, weft__linear_tangent(w->tape, id, t));
    } else if (op->expand) {
        through_expansion(w, id, y, x, t);
    } else if (op->vjp) {
        for (int k = 0; k < weft__output_count(op); k++)
            if (is_wanted(w, id + (uint32_t)k))
                contribute(w, id + (uint32_t)k, weft__tangent_by_vjp(w->tape, id, k, t));
    } else {
        weft_fail(op, x, node->n, WEFT_ERROR_GRADIENT, "this op has no derivative");
    }
}

static void visit(walk *w, uint32_t id)
{
    const weft__node *node = weft__at(w->tape, id);
    weft_node t[WEFT_MAX_OPERANDS];
    bool any = false, still = node->op->flags & WEFT_ZERO_DERIVATIVE || node->dtype == WEFT_I64;
    for (int i = 0; i < node->n; i++) {
        t[i] = tangent_of(w, node->operand[i]);
        any |= t[i].tape != NULL;
    }
    if (any && !still && node->op->kind != WEFT_PART) /* to a part its node has given a tangent */
        push_forward(w, id, t);
    if (w->tangent[id - w->lo] != WEFT_NO_ID)
        weft__name_derivative(w->tape, id, w->tangent[id - w->lo], w->first, "", "_dot");
}

/* The tangents that x has from its list must be there already. */
static weft_status run(walk *w, const weft_node *y, size_t n_y)
{
    weft__stamps stamps = weft__stamps_now(w->tape);
    mark_leading(w, y, n_y);
    for (uint32_t id = w->lo; id < w->hi && w->tape->status == WEFT_OK; id++)
        if (w->leads[id - w->lo])
            visit(w, id);
    weft__stamps_set(w->tape, stamps);
    return w->tape->status;
}

static weft_status check(weft_tape *tape, const weft_node *y, size_t n_y, const weft_node *x, const weft_node *dx, size_t n_x)
{
    for (size_t k = 0; k < n_y; k++) {
        const weft__node *node = weft__look(y[k]);
        if (!node || y[k].tape != tape)
            return weft__tape_fail(tape, WEFT_ERROR_ARGUMENT, "jvp: y[%zu] is no node of the tape of y[0]", k);
        if (node->dtype == WEFT_I64) {
            weft_fail(node->op, &y[k], 1, WEFT_ERROR_DTYPE, "i64 indices have no derivative");
            return tape->status;
        }
    }
    if (weft__check_x(tape, "jvp", x, n_x) != WEFT_OK)
        return tape->status;
    return weft__check_pairs(tape, "jvp", "x", "tangent", x, dx, n_x);
}

/* x[i] starts from dx[i]; what comes from its operands is added when the walk meets it. */
static void start(walk *w, const weft_node *x, const weft_node *dx, size_t n_x)
{
    weft__stamps stamps = weft__stamps_now(w->tape);
    for (size_t i = 0; i < n_x; i++)
        if (x[i].id < w->hi)
            contribute(w, x[i].id, dx[i]);
    weft__stamps_set(w->tape, stamps);
}

weft_status weft_jvp(const weft_node *y, size_t n_y, const weft_node *x, const weft_node *dx, size_t n_x, weft_node *dy)
{
    weft_tape *tape = n_y && y ? y[0].tape : n_x && x ? x[0].tape : NULL;
    for (size_t k = 0; dy && k < n_y; k++)
        dy[k] = weft__failed(tape);
    if (!tape || tape->status != WEFT_OK)
        return weft_tape_status(tape);
    if ((n_y && (!y || !dy)) || (n_x && (!x || !dx)))
        return weft__tape_fail(tape, WEFT_ERROR_ARGUMENT, "jvp: an argument is NULL");
    if (check(tape, y, n_y, x, dx, n_x) != WEFT_OK)
        return tape->status;

    walk w = {.tape = tape, .lo = tape->count, .first = tape->count};
    for (size_t i = 0; i < n_x; i++)
        w.lo = x[i].id < w.lo ? x[i].id : w.lo;
    for (size_t k = 0; k < n_y; k++)
        w.hi = y[k].id + 1 > w.hi ? y[k].id + 1 : w.hi;
    w.hi = w.hi > w.lo ? w.hi : w.lo; /* y may lie before x altogether */
    if (allocate(&w)) {
        start(&w, x, dx, n_x);
        run(&w, y, n_y);
        for (size_t k = 0; k < n_y && tape->status == WEFT_OK; k++) {
            weft_node t = tangent_of(&w, y[k].id);
            dy[k] = t.tape ? t : weft_full_like(y[k], 0);
        }
    }
    release(&w);
    return tape->status;
}

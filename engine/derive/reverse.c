/* reverse.c: reverse mode. One walk from the outputs back to the start of the tape; at each node that lies between x and y it asks the op's
 * rule for the cotangents of the operands and adds what arrives at one node from several. Everything is recorded on the tape, so a
 * derivative is as good a function as any other.
 *
 * The walk looks at the ids lo <= id < hi. It is linear in that range and recurses only into the expansion of a fused op, whose range is
 * that expansion. Nodes recorded by the walk itself have ids >= hi and are not visited. Within a checkpointed scope the rules see copies of the
 * nodes, see checkpoint.c; adjoints belong to the nodes themselves throughout.
 *
 * x[i] may be any node. The adjoint of an inner node counts every path from it to y, also those through another x[j], and what lies before it
 * is not visited. A walk that stops at x takes in what arrives at each x[i] and does not go on from there. */
#include "engine/derive/checkpoint.h"
#include "engine/derive/reverse.h"

#include <string.h>

enum { NEEDED = 1, STOP = 2 };

typedef struct sweep {
    weft_tape *tape;
    uint32_t lo, hi;
    uint32_t *adjoint;     /* (hi - lo): the node that holds the cotangent so far, or WEFT_NO_ID */
    uint8_t *needed;       /* (hi - lo): NEEDED where the value depends on x, and STOP where the walk goes no further; 0 elsewhere */
    bool stops;
    const weft_node *x;    /* those of x below lo, for an expansion: its operands */
    uint32_t *below;       /* their cotangents */
    size_t n_below;
    weft__checkpoints checkpoints;
} sweep;

static uint32_t *slot(sweep *s, uint32_t id)
{
    if (id >= s->lo)
        return id < s->hi ? &s->adjoint[id - s->lo] : NULL;
    for (size_t i = 0; i < s->n_below; i++)
        if (s->x[i].id == id)
            return &s->below[i];
    return NULL;
}

static bool is_needed(sweep *s, uint32_t id)
{
    return id >= s->lo ? id < s->hi && s->needed[id - s->lo] : slot(s, id) != NULL;
}

static void mark_needed(sweep *s)
{
    for (uint32_t id = s->lo; id < s->hi; id++) {
        const weft__node *node = weft__at(s->tape, id);
        uint8_t *mark = &s->needed[id - s->lo];
        if (node->op->flags & WEFT_ZERO_DERIVATIVE || node->dtype == WEFT_I64)
            continue;
        for (int i = 0; i < node->n; i++)
            *mark |= is_needed(s, node->operand[i]);
    }
}

/* Adds a contribution to the cotangent of node id; at the second one an add node appears. */
static void contribute(sweep *s, uint32_t id, weft_node dx)
{
    uint32_t *held = slot(s, id);
    if (!held || weft_node_failed(dx))
        return;
    if (!weft__derivative_fits(s->tape, id, dx, "cotangent"))
        return;
    if (*held != WEFT_NO_ID) {
        s->tape->adjoint_of = id;
        s->tape->edge = WEFT__NO_EDGE;
        dx = weft_add(weft__handle(s->tape, *held), dx);
    }
    *held = dx.id;
}

static weft_status run_sweep(sweep *s, const weft_node *y, const weft_node *dy, size_t n_y);

/* The rule of an op that is defined by its staged twin: record the twin on the same operands and walk back through that. */
static void through_expansion(sweep *s, const weft_op *op, weft_node y, const weft_node *x, int n, const weft_node *dy, weft_node *dx)
{
    weft_node output[WEFT_MAX_OUTPUTS], used[WEFT_MAX_OUTPUTS], cotangent[WEFT_MAX_OUTPUTS];
    uint32_t below[WEFT_MAX_OPERANDS];
    size_t n_used = 0;
    sweep inner = {.tape = s->tape, .lo = s->tape->count, .x = x, .below = below, .n_below = (size_t)n};
    weft_status status = op->expand(y, x, output);
    if (status != WEFT_OK) {
        weft__tape_fail(s->tape, status, "%s: its expansion failed: %s", op->name, weft_status_text(status));
        return;
    }
    for (int k = 0; k < weft__output_count(op); k++)
        if (dy[k].tape) {
            used[n_used] = output[k];
            cotangent[n_used++] = dy[k];
        }
    inner.hi = s->tape->count;
    for (int i = 0; i < n; i++)
        below[i] = WEFT_NO_ID;
    if (run_sweep(&inner, used, cotangent, n_used) != WEFT_OK)
        return;
    for (int i = 0; i < n; i++)
        if (below[i] != WEFT_NO_ID)
            dx[i] = weft__handle(s->tape, below[i]);
}

/* One node of the walk: dy holds a cotangent for each output, with tape NULL where none arrived. */
static void pull_back(sweep *s, uint32_t id, const weft_node *dy)
{
    const weft__node *node = weft__at(s->tape, id);
    const weft_op *op = node->op;
    weft_node y = weft__checkpoints_value(&s->checkpoints, id), x[WEFT_MAX_OPERANDS], dx[WEFT_MAX_OPERANDS] = {{0}};
    for (int i = 0; i < node->n; i++)
        x[i] = weft__checkpoints_operand(&s->checkpoints, id, node->operand[i]);
    bool only_first = dy[0].tape != NULL;
    for (int k = 1; k < weft__output_count(op); k++)
        only_first &= !dy[k].tape;

    weft__scope scope = {.path = node->scope};
    weft__scope *outer = s->tape->scope;
    s->tape->scope = node->scope ? &scope : NULL;
    s->tape->adjoint_of = id;
    s->tape->edge = 0;
    if (op->vjp && (only_first || !op->expand))
        op->vjp(y, x, dy, dx);
    else if (op->expand && !op->partial && !op->transpose)
        through_expansion(s, op, y, x, node->n, dy, dx);
    for (int i = 0; i < node->n; i++) {
        if (!is_needed(s, node->operand[i]))
            continue;
        s->tape->adjoint_of = id;
        s->tape->edge = (uint16_t)i;
        if (op->partial)
            dx[i] = weft__times_partial(dy[0], op->partial(y, x, i));
        else if (op->transpose)
            dx[i] = op->transpose(y, x, i, dy[0]);
        else if (!op->vjp && !op->expand)
            weft_fail(op, x, node->n, WEFT_ERROR_GRADIENT, "this op has no derivative");
        if (dx[i].tape)
            contribute(s, node->operand[i], dx[i]);
    }
    s->tape->scope = outer;
}

static void walk(sweep *s)
{
    for (uint32_t id = s->hi; id-- > s->lo && s->tape->status == WEFT_OK;) {
        const weft__node *node = weft__at(s->tape, id);
        uint32_t adjoint = s->adjoint[id - s->lo];
        if (adjoint != WEFT_NO_ID && !s->stops) /* what arrives by some of the ways is no derivative */
            weft__name_derivative(s->tape, id, adjoint, s->hi, "d", "");
        weft__checkpoints_meet(&s->checkpoints, id, s->lo, s->needed, s->adjoint);
        if (!node->n || node->op->kind == WEFT_PART || !s->needed[id - s->lo] || node->op->flags & WEFT_ZERO_DERIVATIVE)
            continue; /* what lets nothing back may be an x all the same */
        weft_node dy[WEFT_MAX_OUTPUTS] = {{0}};
        bool any = false;
        for (uint32_t k = 0; k < (uint32_t)weft__output_count(node->op); k++) {
            uint32_t part = s->adjoint[id + k - s->lo];
            if (part != WEFT_NO_ID && !(s->needed[id + k - s->lo] & STOP)) {
                dy[k] = weft__handle(s->tape, part);
                any = true;
            }
        }
        if (any)
            pull_back(s, id, dy);
    }
}

/* x must be marked in `needed`, or be below lo, already. */
static weft_status walk_between(sweep *s, const weft_node *y, const weft_node *dy, size_t n_y)
{
    weft__stamps stamps = weft__stamps_now(s->tape);
    if (!weft__checkpoints_find(&s->checkpoints, s->tape, s->lo, s->hi))
        return weft__tape_fail(s->tape, WEFT_ERROR_MEMORY, "out of memory");
    mark_needed(s);
    for (size_t k = 0; k < n_y; k++)
        if (is_needed(s, y[k].id))
            contribute(s, y[k].id, dy[k]);
    walk(s);
    weft__checkpoints_free(&s->checkpoints);
    weft__stamps_set(s->tape, stamps);
    return s->tape->status;
}

static bool allocate_sweep(sweep *s)
{
    size_t n = s->hi - s->lo;
    s->adjoint = weft__allocate(&s->tape->allocator, (n + 1) * sizeof *s->adjoint);
    s->needed = weft__allocate(&s->tape->allocator, n + 1);
    if (!s->adjoint || !s->needed)
        return false;
    memset(s->adjoint, 0xff, (n + 1) * sizeof *s->adjoint); /* WEFT_NO_ID */
    memset(s->needed, 0, n + 1);
    return true;
}

static void free_sweep(sweep *s)
{
    size_t n = s->hi - s->lo;
    weft__release(&s->tape->allocator, s->adjoint, (n + 1) * sizeof *s->adjoint);
    weft__release(&s->tape->allocator, s->needed, n + 1);
}

static weft_status run_sweep(sweep *s, const weft_node *y, const weft_node *dy, size_t n_y)
{
    weft_status status = WEFT_ERROR_MEMORY;
    if (allocate_sweep(s))
        status = walk_between(s, y, dy, n_y);
    else
        weft__tape_fail(s->tape, status, "out of memory");
    free_sweep(s);
    return status;
}

/* --- ways that lead through integers --- */

enum { NO_WAY, BY_NUMBERS = 1, THROUGH_INTEGERS = 2 };

/* What an operand's marks come to behind node. Where a derivative is zero by definition, a way ends; integers are no such place, since what they
 * index, or encode, does depend on them. But a derivative that uses an index again takes it as the constant that it was taken for before. */
static uint8_t mark_behind(const weft__node *node, const weft__node *operand, uint8_t mark)
{
    if (operand->dtype == WEFT_I64)
        return node->adjoint_of == WEFT_NO_ID ? mark : NO_WAY;
    if (mark == NO_WAY)
        return NO_WAY;
    bool constant = node->op->flags & WEFT_ZERO_DERIVATIVE;
    if (node->dtype == WEFT_I64)
        return constant ? THROUGH_INTEGERS : NO_WAY; /* a cast says itself that it ends there */
    return constant ? NO_WAY : mark;
}

/* The node that makes integers on the way from x to an output, where there is no other; or WEFT_NO_ID. It takes the memory of the sweep, which is
 * over. */
static uint32_t through_integers(sweep *s, weft_node x, const weft_node *y, size_t n_y)
{
    uint8_t *marks = s->needed, reached = NO_WAY;
    uint32_t *maker = s->adjoint, found = WEFT_NO_ID;
    memset(marks, NO_WAY, s->hi - s->lo);
    marks[x.id - s->lo] = BY_NUMBERS;
    for (uint32_t id = x.id + 1; id < s->hi; id++) {
        const weft__node *node = weft__at(s->tape, id);
        for (int i = 0; i < node->n; i++) {
            uint32_t from = node->operand[i];
            uint8_t before = from >= s->lo ? marks[from - s->lo] : NO_WAY, mark = mark_behind(node, weft__at(s->tape, from), before);
            if (mark & THROUGH_INTEGERS)
                maker[id - s->lo] = before & THROUGH_INTEGERS ? maker[from - s->lo] : id;
            marks[id - s->lo] |= mark;
        }
    }
    for (size_t k = 0; k < n_y; k++)
        if (y[k].id >= s->lo && marks[y[k].id - s->lo]) {
            reached |= marks[y[k].id - s->lo];
            found = maker[y[k].id - s->lo];
        }
    return reached == THROUGH_INTEGERS ? found : WEFT_NO_ID;
}

static bool makes_integers(const sweep *s)
{
    for (uint32_t id = s->lo; id < s->hi; id++) {
        const weft__node *node = weft__at(s->tape, id);
        if (node->dtype == WEFT_I64 && node->n && weft__at(s->tape, node->operand[0])->dtype != WEFT_I64)
            return true;
    }
    return false;
}

/* For x[i] that no cotangent has reached. */
static void refuse_integers(sweep *s, size_t i, weft_node x, const weft_node *y, size_t n_y)
{
    uint32_t id = x.id < s->hi ? through_integers(s, x, y, n_y) : WEFT_NO_ID;
    if (id == WEFT_NO_ID)
        return;
    weft_node operand = weft__handle(s->tape, weft__at(s->tape, id)->operand[0]);
    weft_fail(weft__at(s->tape, id)->op, &operand, 1, WEFT_ERROR_GRADIENT,
              "it has no derivative, and no other way leads from x[%zu] to what is differentiated; weft_stop_gradient() on its operand gives zeros", i);
}

static sweep range_of(weft_tape *tape, const weft_node *y, size_t n_y, const weft_node *x, size_t n_x)
{
    sweep s = {.tape = tape, .lo = tape->count};
    for (size_t i = 0; i < n_x; i++)
        s.lo = x[i].id < s.lo ? x[i].id : s.lo;
    for (size_t k = 0; k < n_y; k++)
        s.hi = y[k].id + 1 > s.hi ? y[k].id + 1 : s.hi;
    /* y may end in the middle of a node's parts, and lie before x altogether */
    const weft__node *last = weft__at(tape, s.hi - 1);
    uint32_t owner = last->op->kind == WEFT_PART ? last->operand[0] : s.hi - 1;
    s.hi = owner + (uint32_t)weft__output_count(weft__at(tape, owner)->op);
    s.hi = s.hi > s.lo ? s.hi : s.lo;
    return s;
}

weft_status weft__vjp_up_to(const weft_node *y, const weft_node *dy, size_t n_y, bool leave_y, const weft_node *x, size_t n_x, weft_node *dx)
{
    weft_tape *tape = y[0].tape;
    sweep s = range_of(tape, y, n_y, x, n_x);
    weft_status status = WEFT_ERROR_MEMORY;
    s.stops = true;
    for (size_t i = 0; i < n_x; i++)
        dx[i] = weft__failed(tape);
    if (allocate_sweep(&s)) {
        for (size_t i = 0; i < n_x; i++)
            if (x[i].id < s.hi)
                s.needed[x[i].id - s.lo] = NEEDED | STOP;
        for (size_t k = 0; k < n_y && leave_y; k++)
            if (y[k].id >= s.lo)
                s.needed[y[k].id - s.lo] &= (uint8_t)~STOP;
        status = walk_between(&s, y, dy, n_y);
        for (size_t i = 0; i < n_x && status == WEFT_OK; i++) {
            uint32_t *held = slot(&s, x[i].id);
            if (held && *held != WEFT_NO_ID)
                dx[i] = weft__handle(tape, *held);
        }
    } else {
        weft__tape_fail(tape, status, "out of memory");
    }
    free_sweep(&s);
    return status;
}

weft_status weft_vjp(const weft_node *y, const weft_node *dy, size_t n_y, const weft_node *x, size_t n_x, weft_node *dx)
{
    weft_tape *tape = n_y && y ? y[0].tape : NULL;
    for (size_t i = 0; dx && i < n_x; i++)
        dx[i] = weft__failed(tape);
    if (!tape || tape->status != WEFT_OK)
        return weft_tape_status(tape);
    if (!dy || (n_x && (!x || !dx)))
        return weft__tape_fail(tape, WEFT_ERROR_ARGUMENT, "gradient: an argument is NULL");
    if (weft__check_pairs(tape, "gradient", "output", "cotangent", y, dy, n_y) != WEFT_OK || weft__check_x(tape, "gradient", x, n_x) != WEFT_OK)
        return tape->status;

    sweep s = range_of(tape, y, n_y, x, n_x);
    weft_status status = WEFT_ERROR_MEMORY;
    if (allocate_sweep(&s)) {
        for (size_t i = 0; i < n_x; i++)
            if (x[i].id < s.hi)
                s.needed[x[i].id - s.lo] = NEEDED;
        status = walk_between(&s, y, dy, n_y);
        for (size_t i = 0; i < n_x && status == WEFT_OK; i++) {
            uint32_t *held = slot(&s, x[i].id);
            if (held && *held != WEFT_NO_ID)
                dx[i] = weft__handle(tape, *held);
        }
        bool integers = makes_integers(&s);
        for (size_t i = 0; i < n_x && status == WEFT_OK; i++)
            if (dx[i].id == WEFT_NO_ID) {
                if (integers)
                    refuse_integers(&s, i, x[i], y, n_y);
                dx[i] = weft_full_like(x[i], 0);
                status = tape->status;
            }
    } else {
        weft__tape_fail(tape, status, "out of memory");
    }
    free_sweep(&s);
    return status;
}

weft_status weft_grad(weft_node loss, const weft_node *x, size_t n, weft_node *dx)
{
    const weft__node *node = weft__look(loss);
    for (size_t i = 0; dx && i < n; i++)
        dx[i] = weft__failed(loss.tape);
    if (!loss.tape || loss.tape->status != WEFT_OK)
        return weft_tape_status(loss.tape);
    if (!node)
        return weft__tape_fail(loss.tape, WEFT_ERROR_ARGUMENT, "gradient: the loss is no node of its tape");
    if (node->shape->count != 1 || node->dtype == WEFT_I64) {
        weft_fail(node->op, &loss, 1, WEFT_ERROR_SHAPE, "a loss is one number; sum it first, or give weft_vjp() a cotangent");
        return loss.tape->status;
    }
    weft_node one = weft_full_like(loss, 1);
    return weft_vjp(&loss, &one, 1, x, n, dx);
}

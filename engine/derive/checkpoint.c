/* checkpoint.c: computing a scope again in the backward pass.
 *
 * A checkpointed scope is a range of ids. When the walk back comes to its end, all cotangents from outside have arrived, and nothing inside has been
 * asked for. Then the nodes that rules may ask for are recorded once more, and the rules are given the copies. What the copies read from outside
 * passes through a node not_before(x, z): x, but not before z is there, z being the cotangent that arrived last. That is all it takes:
 *   - its operands are not those that the originals have, so no common subexpression makes the copies the originals again;
 *   - the program has it for a view of x, which costs nothing, and does not compute what reads it before z (engine/run/schedule.c): else the copies
 *     would be computed beside the originals, and kept, as they would have been.
 * Constants are read as they are, since rules look for their values. The copies take the names and scopes of the originals, and count as part
 * of the backward pass.
 *
 * Scopes nest: the walk meets the outer one first, and the copies of an inner one then read what was copied for the outer. */
#include "engine/derive/checkpoint.h"

#include <stdlib.h>
#include <string.h>

static weft_status not_before_shape(weft_typing *t)
{
    t->y[0] = t->x[0];
    return WEFT_OK;
}

static bool not_before_view(const void *attributes, const weft_view *x, const weft_view *y, ptrdiff_t *stride)
{
    (void)attributes;
    for (int i = 0; i < y->rank; i++)
        stride[i] = x->stride[i];
    return true;
}

static weft_node not_before_transpose(weft_node y, const weft_node *x, int operand, weft_node dy)
{
    (void)y, (void)x;
    return operand == 0 ? dy : (weft_node){.tape = NULL};
}

static const weft_op weft_op_not_before = {
    .name = "not_before", .formula = "y = x, not before z is there", .arity = 2,
    .kind = WEFT_VIEW,
    .shape = not_before_shape, .view = not_before_view, .transpose = not_before_transpose,
};

/* --- which scopes --- */

/* Later ends come first, and outer scopes before inner ones: ends above hi count as hi, so y may lie within. */
static uint32_t end_below(const weft__scope *scope, uint32_t hi)
{
    return scope->end < hi ? scope->end : hi;
}

/* Keeps the list in order while it grows: they come with the last opened first, so each but a few goes to the end. */
static void insert(weft__checkpoints *c, weft__scope *scope)
{
    size_t at = c->n++;
    uint32_t end = end_below(scope, c->hi);
    for (; at && end_below(c->scope[at - 1], c->hi) <= end; at--)
        c->scope[at] = c->scope[at - 1];
    c->scope[at] = scope;
}

bool weft__checkpoints_find(weft__checkpoints *c, weft_tape *tape, uint32_t lo, uint32_t hi)
{
    *c = (weft__checkpoints){.tape = tape, .hi = hi};
    size_t n = 0, map = (size_t)hi * sizeof(uint32_t);
    for (const weft__scope *s = tape->checkpoints; s; s = s->earlier)
        n += s->end != WEFT_NO_ID && s->first < hi && s->end > lo && s->first < s->end;
    if (!n)
        return true;
    c->scope = weft__allocate(&tape->allocator, n * sizeof *c->scope);
    c->copy = weft__allocate(&tape->allocator, map);
    c->late = weft__allocate(&tape->allocator, map);
    c->late_for = weft__allocate(&tape->allocator, map);
    if (!c->scope || !c->copy || !c->late || !c->late_for) {
        c->n = n;
        weft__checkpoints_free(c);
        return false;
    }
    memset(c->copy, 0xff, map); /* WEFT_NO_ID */
    memset(c->late, 0xff, map);
    memset(c->late_for, 0xff, map);
    for (weft__scope *s = tape->checkpoints; s; s = s->earlier)
        if (s->end != WEFT_NO_ID && s->first < hi && s->end > lo && s->first < s->end)
            insert(c, s);
    return true;
}

void weft__checkpoints_free(weft__checkpoints *c)
{
    size_t map = (size_t)c->hi * sizeof(uint32_t);
    weft__release(&c->tape->allocator, c->scope, c->n * sizeof *c->scope);
    weft__release(&c->tape->allocator, c->copy, map);
    weft__release(&c->tape->allocator, c->late, map);
    weft__release(&c->tape->allocator, c->late_for, map);
    *c = (weft__checkpoints){.tape = c->tape};
}

/* --- copies --- */

#define WANTED (WEFT_NO_ID - 1) /* in `copy`: to be recorded */

/* Leaves stay what they are, and so do assignments, of which a program takes one for each parameter. */
static bool is_copied(const weft__node *node)
{
    return node->n && node->op->kind != WEFT_ASSIGN;
}

/* The latest cotangent of a node of the scope that is needed; WEFT_NO_ID: none has arrived. */
static uint32_t last_adjoint(uint32_t first, uint32_t end, uint32_t lo, const uint8_t *needed, const uint32_t *adjoint)
{
    uint32_t last = WEFT_NO_ID;
    for (uint32_t id = first > lo ? first : lo; id < end; id++)
        if (needed[id - lo] && adjoint[id - lo] != WEFT_NO_ID && (last == WEFT_NO_ID || adjoint[id - lo] > last))
            last = adjoint[id - lo];
    return last;
}

/* Marks what is needed, and what that is made of within the scope. */
static void mark_wanted(weft__checkpoints *c, uint32_t first, uint32_t end, uint32_t lo, const uint8_t *needed)
{
    for (uint32_t id = end; id-- > first;) {
        const weft__node *node = weft__at(c->tape, id);
        bool wanted = c->copy[id] == WANTED || (id >= lo && needed[id - lo]);
        c->copy[id] = wanted && is_copied(node) ? WANTED : c->copy[id];
        for (int i = 0; c->copy[id] == WANTED && i < node->n; i++)
            if (node->operand[i] >= first && is_copied(weft__at(c->tape, node->operand[i])))
                c->copy[node->operand[i]] = WANTED;
    }
}

/* What a copy reads for a node from outside. */
static weft_node read_late(weft__checkpoints *c, uint32_t id, uint32_t z)
{
    weft_node x = weft__handle(c->tape, c->copy[id] == WEFT_NO_ID ? id : c->copy[id]);
    if (weft__at(c->tape, id)->op->kind == WEFT_CONSTANT || weft_node_scalar(x, NULL))
        return x;
    if (c->late_for[id] != c->met) {
        c->late[id] = weft_record(&weft_op_not_before, (weft_node[]){x, weft__handle(c->tape, z)}, 2, NULL).id;
        c->late_for[id] = (uint32_t)c->met;
    }
    return c->late[id] == WEFT_NO_ID ? weft__failed(c->tape) : weft__handle(c->tape, c->late[id]);
}

static void record_copy(weft__checkpoints *c, uint32_t id, uint32_t first, uint32_t z)
{
    const weft__node *node = weft__at(c->tape, id);
    weft_node x[WEFT_MAX_OPERANDS];
    if (node->op->kind == WEFT_PART) {
        c->copy[id] = c->copy[node->operand[0]] + *(const uint32_t *)node->attributes;
        return;
    }
    weft__scope scope = {.path = node->scope};
    weft__stamps_set(c->tape, (weft__stamps){node->scope ? &scope : NULL, id, WEFT__COPY});
    for (int i = 0; i < node->n; i++) {
        uint32_t operand = node->operand[i];
        bool inside = operand >= first && is_copied(weft__at(c->tape, operand));
        x[i] = inside ? weft__handle(c->tape, c->copy[operand]) : read_late(c, operand, z);
    }
    weft_node made = weft_record(node->op, x, node->n, node->attributes);
    if (node->name)
        made = weft_name(made, node->name);
    c->copy[id] = made.id;
}

static void walk_through(weft__checkpoints *c, uint32_t first, uint32_t end, uint32_t lo, const uint8_t *needed, const uint32_t *adjoint)
{
    uint32_t z = last_adjoint(first, end, lo, needed, adjoint);
    if (z == WEFT_NO_ID)
        return;
    weft__stamps stamps = weft__stamps_now(c->tape);
    mark_wanted(c, first, end, lo, needed);
    for (uint32_t id = first; id < end && c->tape->status == WEFT_OK; id++)
        if (c->copy[id] == WANTED)
            record_copy(c, id, first, z);
    weft__stamps_set(c->tape, stamps);
}

void weft__checkpoints_meet(weft__checkpoints *c, uint32_t id, uint32_t lo, const uint8_t *needed, const uint32_t *adjoint)
{
    for (; c->met < c->n && end_below(c->scope[c->met], c->hi) == id + 1; c->met++)
        walk_through(c, c->scope[c->met]->first, id + 1, lo, needed, adjoint);
}

weft_node weft__checkpoints_value(const weft__checkpoints *c, uint32_t of)
{
    bool copied = c->n && of < c->hi && c->copy[of] != WEFT_NO_ID;
    return weft__handle(c->tape, copied ? c->copy[of] : of);
}

weft_node weft__checkpoints_operand(const weft__checkpoints *c, uint32_t of, uint32_t operand)
{
    if (!c->n || of >= c->hi || c->copy[of] == WEFT_NO_ID)
        return weft__handle(c->tape, operand);
    if (c->copy[operand] == WEFT_NO_ID && c->late[operand] != WEFT_NO_ID)
        return weft__handle(c->tape, c->late[operand]);
    return weft__checkpoints_value(c, operand);
}

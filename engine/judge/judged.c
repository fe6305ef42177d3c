/* judged.c: the graph that a diagnosis works on: what y needs, copied in f64, with fused ops expanded, and what depends on x in it. Arrays stay what
 * they are, in f32 where they were, and are cast as they are read. */
#include "engine/judge/diagnose.h"
#include "engine/record/needed.h"

#include <string.h>

size_t weft__count(const weft__judged *j, uint32_t id)
{
    return weft__at(j->tape, id)->shape->count;
}

bool weft__has_shape(weft_node x, const weft_shape *shape)
{
    weft_shape own = weft_node_shape(x);
    return own.rank == shape->rank && !memcmp(own.dim, shape->dim, (size_t)own.rank * sizeof *own.dim);
}

bool weft__spreads_to(const weft_shape *from, const weft_shape *to)
{
    weft_shape common;
    return weft_shape_broadcast((weft_shape[]){*from, *to}, 2, &common) == -1 && common.rank == to->rank &&
           !memcmp(common.dim, to->dim, (size_t)to->rank * sizeof *to->dim);
}

/* --- the copy --- */

weft_node weft__wide(weft_node x)
{
    return weft_node_dtype(x) == WEFT_F32 ? weft_cast(x, WEFT_F64) : x;
}

static weft_node wide_leaf(weft_node x)
{
    double value;
    weft_shape shape = weft_node_shape(x);
    if (weft_node_dtype(x) == WEFT_F32 && weft_node_scalar(x, &value)) /* an eps of 1e-5 is more than its f32 */
        return weft_broadcast(weft_scalar(x.tape, WEFT_F64, value), shape.rank, shape.dim);
    return weft__wide(x);
}

static bool between_floats(const weft_tape *tape, const weft__node *node)
{
    weft_dtype from = node->n == 1 ? weft__at(tape, node->operand[0])->dtype : WEFT_I64;
    return from != WEFT_I64 && node->dtype != WEFT_I64 && node->dtype != from;
}

/* Copies node id and its parts. */
static void copy_node(weft__judged *j, uint32_t id)
{
    const weft__node *node = weft__at(j->tape, id);
    weft_node x[WEFT_MAX_OPERANDS], output[WEFT_MAX_OUTPUTS];
    for (int i = 0; i < node->n; i++)
        x[i] = weft__handle(j->tape, j->copy[node->operand[i]]);
    int outputs = weft__output_count(node->op);
    if (!node->n) {
        output[0] = wide_leaf(weft__handle(j->tape, id));
    } else if (between_floats(j->tape, node)) {
        output[0] = x[0];
    } else if (node->op->expand) {
        weft_node whole = weft_record(node->op, x, node->n, node->attributes); /* attributes are read from a node */
        weft_status status = weft_node_failed(whole) ? weft_tape_status(j->tape) : node->op->expand(whole, x, output);
        if (status != WEFT_OK)
            weft__tape_fail(j->tape, status, "diagnosis: the expansion of %s failed", node->op->name);
    } else {
        weft_node whole = weft_record(node->op, x, node->n, node->attributes);
        for (int k = 0; k < outputs; k++)
            output[k] = weft__wide(outputs > 1 ? weft_part(whole, k) : whole);
    }
    for (int k = 0; k < outputs && id + (uint32_t)k < j->given_end && j->tape->status == WEFT_OK; k++) {
        const weft__node *given = weft__at(j->tape, id + (uint32_t)k);
        j->copy[id + (uint32_t)k] = output[k].id;
        if (given->name && output[k].id >= j->lo && !*weft_node_name(output[k]))
            weft_name(output[k], given->name);
    }
}

static bool copy_all(weft__judged *j, const weft__needed *needed)
{
    for (uint32_t id = 0; id < j->given_end && j->tape->status == WEFT_OK; id++) {
        const weft__node *node = weft__at(j->tape, id);
        if (weft__is_needed(needed, id) && j->copy[id] == WEFT_NO_ID) {
            if (node->op->kind == WEFT_PART) /* of a node that is not needed otherwise: it comes with that node */
                copy_node(j, node->operand[0]);
            else
                copy_node(j, id);
        }
        j->made[id] = j->tape->count;
    }
    return j->tape->status == WEFT_OK;
}

bool weft__judged_copy(weft__judged *j, weft_node y, weft_node dy, weft_node x)
{
    weft_tape *tape = y.tape;
    const weft_allocator *a = &tape->allocator;
    weft_node roots[2] = {y, dy};
    weft__needed needed;
    j->tape = tape;
    j->lo = tape->count;
    j->given_x = x;
    j->given_end = (y.id > dy.id ? y.id : dy.id) + 1;
    j->copy = weft__allocate(a, j->given_end * sizeof *j->copy);
    j->made = weft__allocate(a, j->given_end * sizeof *j->made);
    bool good = j->copy && j->made && weft__needed_find(&needed, roots, 2) == WEFT_OK;
    if (good) {
        memset(j->copy, 0xff, j->given_end * sizeof *j->copy);
        good = copy_all(j, &needed);
        weft__needed_free(&needed);
        if (!good)
            return false;
    }
    if (!good) {
        weft__tape_fail(tape, WEFT_ERROR_MEMORY, "out of memory");
        return false;
    }
    if (x.id >= j->given_end || j->copy[x.id] == WEFT_NO_ID) {
        weft__tape_fail(tape, WEFT_ERROR_GRADIENT, "diagnosis: y does not depend on %%%u \"%.40s\"", x.id, weft_node_name(x));
        return false;
    }
    j->y = weft__handle(tape, j->copy[y.id]);
    j->dy = weft__handle(tape, j->copy[dy.id]);
    j->x = weft__handle(tape, j->copy[x.id]);
    j->end = tape->count;
    j->active = weft__allocate(a, j->end);
    j->of_y = weft__allocate(a, j->end);
    j->users = weft__allocate(a, j->end * sizeof *j->users);
    if (!j->active || !j->of_y || !j->users) {
        weft__tape_fail(tape, WEFT_ERROR_MEMORY, "out of memory");
        return false;
    }
    return true;
}

void weft__judged_free(weft__judged *j)
{
    const weft_allocator *a = &j->tape->allocator;
    weft__release(a, j->copy, j->given_end * sizeof *j->copy);
    weft__release(a, j->made, j->given_end * sizeof *j->made);
    weft__release(a, j->active, j->end);
    weft__release(a, j->of_y, j->end);
    weft__release(a, j->users, j->end * sizeof *j->users);
}

weft_node weft__judged_origin(const weft__judged *j, uint32_t id)
{
    if (id < j->lo)
        return weft__handle(j->tape, id);
    uint32_t given = 0;
    while (given + 1 < j->given_end && j->made[given] <= id)
        given++;
    return weft__handle(j->tape, given);
}

/* --- what depends on x --- */

bool weft__judged_for(weft__judged *j, weft_node x)
{
    j->x = x;
    memset(j->active, 0, j->end);
    memset(j->of_y, 0, j->end);
    memset(j->users, 0, j->end * sizeof *j->users);
    j->active[x.id] = 1;
    for (uint32_t id = j->lo; id < j->end; id++) {
        const weft__node *node = weft__at(j->tape, id);
        if (id == x.id || node->op->flags & WEFT_ZERO_DERIVATIVE || node->dtype == WEFT_I64)
            continue;
        for (int i = 0; i < node->n; i++)
            j->active[id] |= j->active[node->operand[i]];
    }
    j->of_y[j->y.id] = 1;
    for (uint32_t id = j->end; id-- > 0;)
        if (j->of_y[id]) {
            const weft__node *node = weft__at(j->tape, id);
            for (int i = 0; i < node->n; i++)
                j->of_y[node->operand[i]] = 1;
        }
    for (uint32_t id = j->lo; id < j->end; id++)
        for (int i = 0; i < weft__at(j->tape, id)->n; i++)
            if (weft__is_active_edge(j, id, i))
                j->users[weft__at(j->tape, id)->operand[i]]++;
    return j->active[j->y.id];
}

bool weft__is_active_edge(const weft__judged *j, uint32_t id, int operand)
{
    return id >= j->lo && id != j->x.id && j->active[id] && j->of_y[id] && j->active[weft__at(j->tape, id)->operand[operand]];
}

static int active_operands(const weft__judged *j, uint32_t id, int *which)
{
    int n = 0;
    for (int i = weft__at(j->tape, id)->n - 1; i >= 0; i--)
        if (weft__is_active_edge(j, id, i)) {
            *which = i;
            n++;
        }
    return n;
}

bool weft__is_path_end(const weft__judged *j, uint32_t id)
{
    int which = 0;
    return id == j->y.id || j->users[id] != 1 || active_operands(j, id, &which) != 1;
}

uint32_t weft__path_before(const weft__judged *j, uint32_t id)
{
    int which = 0;
    if (id == j->x.id || weft__is_path_end(j, id))
        return WEFT_NO_ID;
    active_operands(j, id, &which);
    return weft__at(j->tape, id)->operand[which];
}

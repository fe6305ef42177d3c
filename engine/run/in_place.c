/* in_place.c: parameters updated in place. An assignment is made at the end of a run, since the old value may be read until then and since a run
 * that fails must leave parameters as they were. Where neither can happen, the loop that computes the new value writes it over the old one: no
 * copy, and no buffer.
 *
 * It is so where the value is stored by a loop, nothing behind that loop reads the parameter, no call behind it can fail, no other loop of its
 * nest reads the parameter, and the loop itself reads it at no other place than it writes. The store then goes to the end of the loop's body. */
#include "engine/run/program.h"

#include <string.h>

static bool reads(const loop *l, uint32_t index)
{
    for (int i = 0; i < l->length; i++)
        if (l->body[i].action == ACTION_LOAD && l->body[i].storage == index)
            return true;
    return false;
}

/* The store to a storage; the length of the body: none. */
static int store_to(const loop *l, uint32_t index)
{
    int i = 0;
    while (i < l->length && !(l->body[i].action == ACTION_STORE && l->body[i].storage == index))
        i++;
    return i;
}

/* The load that an operand is, but for conversions; the C backend prints those where they are used. */
static bool is_load_of(const loop *l, int operand, uint32_t index)
{
    while (l->body[operand].action == ACTION_CONVERT)
        operand = l->body[operand].operand[0];
    return l->body[operand].action == ACTION_LOAD && l->body[operand].storage == index;
}

/* Whether the store may write over the parameter: it is read at the same places, and not by what comes behind a body: folds and stores. */
static bool loop_allows(const loop *l, int store, uint32_t parameter)
{
    for (int i = 0; i < l->length; i++) {
        const instruction *b = &l->body[i];
        if (b->action == ACTION_LOAD && b->storage == parameter) {
            if (b->dtype != l->body[store].dtype || b->offset != l->body[store].offset)
                return false;
            for (int d = 0; d < l->rank; d++)
                if (l->extent[d] > 1 && b->stride[d] != l->body[store].stride[d])
                    return false;
        }
        if ((b->action == ACTION_FOLD || b->action == ACTION_STORE) && is_load_of(l, b->operand[0], parameter))
            return false;
    }
    return true;
}

/* The nest that step s belongs to, or s itself: its first step and one past its last. */
static void nest_around(const weft_program *p, size_t s, size_t *first, size_t *end)
{
    *first = s;
    *end = s + 1;
    for (size_t k = s + 1; k-- > 0 && p->steps[k].loop;)
        if (p->steps[k].together) {
            if (k + p->steps[k].together > s) {
                *first = k;
                *end = k + p->steps[k].together;
            }
            return;
        }
}

static bool others_allow(const weft_program *p, size_t s, uint32_t parameter)
{
    size_t first, end;
    nest_around(p, s, &first, &end);
    for (size_t k = first; k < end; k++)
        if (k != s && reads(p->steps[k].loop, parameter))
            return false;
    return true;
}

static void move_to_end(loop *l, int i)
{
    instruction *body = (instruction *)(uintptr_t)l->body, moved = body[i];
    memmove(body + i, body + i + 1, (size_t)(l->length - i - 1) * sizeof *body);
    body[l->length - 1] = moved;
    for (int k = i; k < l->length; k++)
        for (int o = 0; o < body[k].n; o++)
            if (body[k].operand[o] > i)
                body[k].operand[o]--;
}

/* Whatever step s and those behind it do with the value, they do with the parameter. */
static void rename_storage(weft_program *p, size_t s, uint32_t value, uint32_t parameter)
{
    for (; s < p->n_steps; s++) {
        const step *at = &p->steps[s];
        for (int i = 0; at->loop && i < at->loop->length; i++)
            if (at->loop->body[i].stride && at->loop->body[i].storage == value) {
                instruction *b = (instruction *)(uintptr_t)&at->loop->body[i];
                b->storage = parameter;
                b->name = p->storages[parameter].name; /* printed C has one name for an array */
            }
        for (int i = 0; !at->loop && i < at->n_out + at->n_in; i++)
            if (at->port[i].storage == value)
                ((port *)(uintptr_t)at->port)[i].storage = parameter;
    }
    for (size_t k = 0; k < p->n_outputs; k++)
        if (p->outputs[k] == value)
            p->outputs[k] = parameter;
}

/* The first step behind which no call can fail. */
static size_t sure_from(const weft_program *p)
{
    size_t s = p->n_steps;
    while (s && (p->steps[s - 1].loop || p->steps[s - 1].op->flags & WEFT_NEVER_FAILS))
        s--;
    return s;
}

static bool assigned_twice(const weft_program *p, uint32_t value)
{
    size_t n = 0;
    for (size_t i = 0; i < p->n_assignments; i++)
        n += p->assignments[i].value == value;
    return n > 1;
}

static bool update(weft_program *p, const assignment *a, size_t sure)
{
    storage *value = &p->storages[a->value];
    size_t s = value->first;
    if (value->kind != STORAGE_BUFFER || !value->bytes || s < sure || p->storages[a->parameter].last > s || assigned_twice(p, a->value))
        return false;
    loop *l = p->steps[s].loop;
    int store = l ? store_to(l, a->value) : 0;
    if (!l || store == l->length || !loop_allows(l, store, a->parameter) || !others_allow(p, s, a->parameter))
        return false;
    ((instruction *)(uintptr_t)l->body)[store].updates = true;
    rename_storage(p, s, a->value, a->parameter);
    move_to_end(l, store);
    value->bytes = 0;
    return true;
}

void weft__update_in_place(weft_program *program)
{
    size_t kept = 0, sure = sure_from(program);
    for (size_t i = 0; i < program->n_assignments; i++) {
        assignment a = program->assignments[i];
        if (!update(program, &a, sure))
            program->assignments[kept++] = a;
    }
    program->n_assignments = kept;
}

/* precise_graph.c: a graph over real numbers of many bits. It is evaluated with few bits first, and once more with many where these do not tell the
 * outputs to far more digits than f64 has, or where a comparison was too close.
 *
 * What a node is made of is given back when it is done; its own numbers stay until the graph is freed. Views share those of their operand. */
#include "engine/judge/precise.h"

#include <stdio.h>
#include <string.h>

bool weft__precise_built_in(void)
{
    return true;
}

static weft_status refuse(const weft__precise *p, uint32_t id, const char *words, char *message)
{
    const weft__node *node = weft__at(p->graph.tape, id);
    snprintf(message, WEFT_MESSAGE_SIZE, "in MPFR: %s%s%.40s: %.300s", node->op->name, node->name ? " " : "", node->name ? node->name : "", words);
    return WEFT_ERROR_ARGUMENT;
}

static weft_status out_of_memory(char *message)
{
    snprintf(message, WEFT_MESSAGE_SIZE, "out of memory");
    return WEFT_ERROR_MEMORY;
}

static const weft__node *node_at(const weft__precise *p, uint32_t id)
{
    return weft__at(p->graph.tape, id);
}

static size_t count_of(const weft__precise *p, uint32_t id)
{
    return node_at(p, id)->shape->count;
}

/* --- a node --- */

/* Noise: the kernel's own numbers, in the number type that the op says. */
static bool take_given(weft__precise *p, uint32_t id)
{
    weft__exact_graph *g = &p->graph;
    const weft__node *node = node_at(p, id);
    weft_tape *scratch = weft_tape_new(&g->tape->allocator);
    weft_node x[WEFT_MAX_OPERANDS], y;
    bool room = scratch != NULL;
    for (int k = 0; k < node->n && room; k++) {
        const weft_exact_array *from = &g->array[node->operand[k]];
        size_t n = weft_shape_count(&from->shape);
        double *data = from->dtype == WEFT_I64 ? NULL : weft__arena_take(&p->reals.arena, n * sizeof *data + 8);
        room = data || from->dtype == WEFT_I64;
        for (size_t i = 0; data && i < n; i++)
            data[i] = weft__real_double(from->number[i]);
        x[k] = weft_constant(scratch, data ? WEFT_F64 : WEFT_I64, from->shape.rank, from->shape.dim, data ? (const void *)data : from->index);
    }
    weft_program *program = NULL;
    if (room) {
        y = weft_record(node->op, x, node->n, node->attributes);
        program = weft_compile(&y, 1);
    }
    bool good = program && weft_run(program) == WEFT_OK;
    for (size_t i = 0; good && i < count_of(p, id); i++) {
        const void *values = weft_output(program, 0);
        g->array[id].number[i] = weft_exact_double(&g->field, node->dtype == WEFT_F32 ? (double)((const float *)values)[i] : ((const double *)values)[i]);
    }
    if (!good) {
        p->reals.no_memory |= !room || !program || weft_program_status(program) == WEFT_ERROR_MEMORY;
        snprintf(g->why, sizeof g->why, "%s", program ? weft_program_message(program) : "out of memory");
        weft_exact_refuse(&g->field, g->why);
    }
    weft_program_free(program);
    weft_tape_free(scratch);
    return good;
}

/* Moves its numbers to a place of their own, and gives back what they were made with. */
static void evaluate(weft__precise *p, uint32_t id)
{
    weft__exact_graph *g = &p->graph;
    const weft__node *node = node_at(p, id);
    weft_exact_array *y = &g->array[id];
    size_t n = count_of(p, id), bytes = weft__real_bytes(&p->reals);
    bool keeps = node->op->kind != WEFT_VIEW && y->dtype != WEFT_I64;
    char *room = keeps ? weft__arena_take(&p->reals.arena, n * bytes + 8) : NULL;
    if (keeps && !room) {
        p->reals.no_memory = true;
        weft_exact_refuse(&g->field, "out of memory");
        return;
    }
    weft__arena_mark start = weft__arena_here(&p->reals.arena);
    g->at = id;
    if (node->op->exact && node->op->exact->given)
        take_given(p, id);
    else
        weft__exact_node(g, id);
    for (size_t i = 0; i < n && keeps && !g->field.refused; i++)
        weft__real_copy(&g->field, room + i * bytes, &y->number[i]);
    weft__arena_rewind(&p->reals.arena, start);
}

/* --- all of it --- */

static const char *cannot_be(const weft__node *node)
{
    const weft_exact *exact = node->op->exact;
    bool has = exact && (exact->element || exact->fold || exact->array || exact->moves);
    if ((node->op->kind == WEFT_ELEMENTWISE || node->op->kind == WEFT_REDUCTION || node->op->kind == WEFT_GENERAL) && !has)
        return "its weft_op gives no exact form, so there is no truth for it but f64";
    return NULL;
}

static weft_status prepare(weft__precise *p, const weft_node *outputs, size_t n, char *message)
{
    const char *refused = NULL;
    weft__needed needed;
    size_t elements = 0;
    if (weft__needed_find(&needed, outputs, n) != WEFT_OK)
        return out_of_memory(message);
    p->graph.tape = outputs[0].tape;
    uint32_t id = 0;
    for (; id < needed.end && !refused; id++)
        if (weft__is_needed(&needed, id)) {
            refused = cannot_be(node_at(p, id));
            elements += count_of(p, id);
            if (!refused && (elements > WEFT__MOST_PRECISE || count_of(p, id) > WEFT__MOST_PRECISE))
                refused = "there are more than 2**20 elements, which is more than the truth in MPFR is given; a smaller size shows as much";
        }
    weft__needed_free(&needed);
    if (refused)
        return refuse(p, id - 1, refused, message);
    if (weft__exact_prepare(&p->graph, outputs, n, &p->options, &refused) != WEFT_OK)
        return out_of_memory(message);
    if (refused) {
        id = p->graph.at;
        weft__exact_free(&p->graph);
        return refuse(p, id, refused, message);
    }
    p->made = true;
    return WEFT_OK;
}

static weft_status failed(const weft__precise *p, char *message)
{
    if (p->reals.no_memory)
        return out_of_memory(message);
    return p->graph.field.refused ? refuse(p, p->graph.at, p->graph.field.refused, message) : WEFT_OK;
}

static bool all_known(const weft__precise *p, const weft_node *outputs, size_t n, uint32_t *which)
{
    for (size_t k = 0; k < n; k++) {
        const weft_exact_array *y = &p->graph.array[outputs[k].id];
        *which = outputs[k].id;
        for (size_t i = 0; i < count_of(p, outputs[k].id) && y->dtype != WEFT_I64; i++)
            if (!weft__real_known(&p->reals, y->number[i]))
                return false;
    }
    return true;
}

weft_status weft__precise_run(weft__precise *p, const weft_node *outputs, size_t n, const weft_binding *bind, size_t n_bind, double most_work,
                              bool many, char *message)
{
    static const int bits[] = {WEFT__FEW_BITS, WEFT__MANY_BITS};
    *p = (weft__precise){.options = {.bind = bind, .n_bind = n_bind}};
    weft_status status = prepare(p, outputs, n, message);
    if (status != WEFT_OK)
        return status;
    if (!weft__reals_start(&p->graph.field, &p->reals, &p->graph.tape->allocator, most_work))
        return out_of_memory(message);
    weft__reals_state state = weft__reals_enter();
    bool known = false;
    uint32_t which = 0;
    for (int level = many; level < 2 && !known && !p->graph.field.refused; level++) {
        weft__reals_clear(&p->reals, bits[level], level == 1);
        for (uint32_t id = 0; id < p->graph.needed.end && !p->graph.field.refused; id++)
            if (weft__is_needed(&p->graph.needed, id))
                evaluate(p, id);
        known = !p->graph.field.refused && !p->reals.unsure && all_known(p, outputs, n, &which);
    }
    weft__reals_leave(state);
    status = failed(p, message);
    if (status == WEFT_OK && !known)
        return refuse(p, which, "not even 2304 bits tell its value to the digits of f64", message);
    return status;
}

void weft__precise_free(weft__precise *p)
{
    if (!p->made)
        return;
    weft__precise_back(p);
    weft__reals_free(&p->reals);
    weft__exact_free(&p->graph);
    p->made = false;
}

weft_exact_number weft__precise_at(const weft__precise *p, weft_node x, size_t element)
{
    return p->graph.array[x.id].number[element];
}

/* --- inputs changed --- */

static bool depends(const weft__precise *p, uint32_t id)
{
    const weft__node *node = node_at(p, id);
    for (int k = 0; k < node->n; k++)
        if (p->kept[node->operand[k]].number || p->kept[node->operand[k]].index)
            return true;
    return false;
}

/* New arrays in place of those of the node, which are kept. */
static bool put_aside(weft__precise *p, uint32_t id)
{
    weft_exact_array *y = &p->graph.array[id];
    size_t n = count_of(p, id), bytes = n * (y->dtype == WEFT_I64 ? sizeof *y->index : sizeof *y->number) + 8;
    void *room = weft__arena_take(&p->reals.arena, bytes);
    if (!room)
        return !(p->reals.no_memory = true);
    p->kept[id] = *y;
    if (y->dtype == WEFT_I64)
        y->index = room;
    else
        y->number = room;
    return true;
}

weft_status weft__precise_change(weft__precise *p, weft_node x, const double *data, char *message)
{
    weft__exact_graph *g = &p->graph;
    size_t bytes = (size_t)g->needed.end * sizeof *p->kept;
    p->before = weft__arena_here(&p->reals.arena);
    p->kept = weft__arena_take(&p->reals.arena, bytes + 8);
    if (!p->kept)
        return out_of_memory(message);
    memset(p->kept, 0, bytes);
    weft__reals_state state = weft__reals_enter();
    for (uint32_t id = 0; id < g->needed.end && !g->field.refused && !p->reals.no_memory; id++) {
        if (!weft__is_needed(&g->needed, id) || (id != x.id && !depends(p, id)) || !put_aside(p, id))
            continue;
        if (id != x.id)
            evaluate(p, id);
        for (size_t i = 0; i < count_of(p, id) && id == x.id; i++)
            g->array[id].number[i] = weft_exact_double(&g->field, data[i]);
    }
    weft__reals_leave(state);
    return failed(p, message);
}

double weft__precise_moved(const weft__precise *p, weft_node y, size_t element)
{
    const weft_exact_array *before = &p->kept[y.id];
    return before->number ? weft__real_difference(p->graph.array[y.id].number[element], before->number[element]) : 0;
}

void weft__precise_back(weft__precise *p)
{
    if (!p->kept)
        return;
    for (uint32_t id = 0; id < p->graph.needed.end; id++)
        if (p->kept[id].number || p->kept[id].index)
            p->graph.array[id] = p->kept[id];
    p->kept = NULL;
    weft__arena_rewind(&p->reals.arena, p->before);
}

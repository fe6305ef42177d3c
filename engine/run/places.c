/* places.c: from nodes to values. Only what the outputs need gets one, in the order of the tape. A view costs nothing: its place is its
 * operand's value under other strides, from another element on perhaps, unless the op says that it cannot be; then the operand is copied first.
 *
 * Small nodes are wide. In an f32 graph the result of a reduction is stored as f64, and so is what an elementwise op makes from such
 * results and leaves at their size. They are small and read many times, and `x - mean(x)` subtracts before it rounds. A node as large as
 * the array that was reduced is never wide, so memory and traffic stay those of f32.
 *
 * Cheap nodes of large arrays are inlined: computed again in each loop that uses them, from no more large arrays than it takes to be worth
 * it, rather than written to memory and read back. */
#include "engine/run/schedule.h"

#include <string.h>

enum { LARGE = 256, MOST_COST = 8, MOST_LOADS = 3 };

bool weft__schedule_no_memory(schedule *s)
{
    weft__program_fail(s->program, WEFT_ERROR_MEMORY, "out of memory");
    return false;
}

void weft__contiguous(const weft_shape *shape, ptrdiff_t *stride)
{
    ptrdiff_t inner = 1;
    for (int i = shape->rank - 1; i >= 0; i--) {
        stride[i] = inner;
        inner *= (ptrdiff_t)shape->dim[i];
    }
}

/* --- spaces and values --- */

static const space *find_space(schedule *s, const weft_shape *shape)
{
    const weft_allocator *hash_allocator = &s->program->allocator;
    weft_shape dims;
    space *found;
    memset(&dims, 0, sizeof dims);
    for (int i = 0; i < shape->rank; i++)
        if (shape->dim[i] != 1)
            dims.dim[dims.rank++] = shape->dim[i];
    HASH_FIND(hh, s->spaces, &dims, sizeof dims, found);
    if (found)
        return found;
    found = weft__arena_take(&s->program->arena, sizeof *found);
    if (!found || !weft__grow(&s->program->allocator, &s->space_at, &s->spaces_allocated, s->n_spaces + 1, sizeof *s->space_at)) {
        weft__schedule_no_memory(s);
        return NULL;
    }
    memset(found, 0, sizeof *found);
    memcpy(&found->dims, &dims, sizeof dims); /* its padding is hashed too */
    found->count = weft_shape_count(&dims);
    found->index = (uint32_t)s->n_spaces;
    HASH_ADD(hh, s->spaces, dims, sizeof found->dims, found);
    if (!found->hh.tbl) {
        weft__schedule_no_memory(s);
        return NULL;
    }
    s->space_at[s->n_spaces++] = found;
    return found;
}

/* Appends a value; shape: of the space that a loop walks for it, or NULL. */
static value *new_value(schedule *s, value_kind kind, uint32_t node, uint8_t dtype, const weft__shape *shape)
{
    if (!weft__grow(&s->program->allocator, &s->values, &s->values_allocated, s->n_values + 1, sizeof *s->values)) {
        weft__schedule_no_memory(s);
        return NULL;
    }
    const space *walked = shape ? find_space(s, &shape->dims) : NULL;
    if (shape && !walked)
        return NULL;
    value *v = &s->values[s->n_values++];
    *v = (value){.node = node, .entry = NO_ENTRY, .next = NO_VALUE, .space = walked ? walked->index : UINT32_MAX, .first_use = NO_ENTRY,
                 .storage = NO_STORAGE, .twin = NO_STORAGE, .kind = (uint8_t)kind, .dtype = dtype};
    return v;
}

static uint32_t last_value(const schedule *s)
{
    return (uint32_t)s->n_values - 1;
}

/* Something in a loop over this space reads this place. */
static void read_place(schedule *s, const place *at, uint32_t over)
{
    if (!weft__in_register(s, at, over))
        s->values[at->value].stored = true;
}

static const ptrdiff_t *keep_strides(schedule *s, const ptrdiff_t *stride, int rank)
{
    ptrdiff_t *kept = weft__arena_take(&s->program->arena, (size_t)rank * sizeof *kept + 1);
    if (kept)
        memcpy(kept, stride, (size_t)rank * sizeof *kept);
    else
        weft__schedule_no_memory(s);
    return kept;
}

/* A contiguous copy of a place, of another dtype perhaps. */
static bool copy_place(schedule *s, place *at, uint32_t node, uint8_t dtype)
{
    value *v = new_value(s, VALUE_COPY, node, dtype, weft__at(s->tape, node)->shape);
    if (!v)
        return false;
    v->from = *at;
    read_place(s, at, v->space);
    *at = (place){.value = last_value(s)};
    return true;
}

/* --- one kind of node after another --- */

/* What is there when a node is, plus 1: its value, or if nothing reads that, the last of those that it would be made of. */
static uint32_t waited_for(const schedule *s, uint32_t id)
{
    return weft__is_needed(&s->needed, id) ? s->places[id].value + 1 : s->places[id].after;
}

static void place_unneeded(schedule *s, uint32_t id)
{
    const weft__node *node = weft__at(s->tape, id);
    uint32_t last = 0;
    for (int k = 0; k < node->n; k++) { /* values are in the order of the tape */
        uint32_t operand = waited_for(s, node->operand[k]);
        last = operand > last ? operand : last;
    }
    s->places[id] = (place){.after = last};
}

static bool place_view(schedule *s, const weft__node *node, place *to)
{
    const weft__node *operand = weft__at(s->tape, node->operand[0]);
    place from = s->places[node->operand[0]];
    ptrdiff_t x_stride[WEFT_MAX_RANK], y_stride[WEFT_MAX_RANK], plain[WEFT_MAX_RANK];
    weft_dtype dtype = (weft_dtype)s->values[from.value].dtype;
    weft_view x = {.dtype = dtype, .rank = operand->shape->dims.rank, .dim = operand->shape->dims.dim};
    weft_view y = {.dtype = dtype, .rank = node->shape->dims.rank, .dim = node->shape->dims.dim};
    weft__contiguous(&operand->shape->dims, x_stride);
    x.stride = from.stride ? from.stride : x_stride;
    if (!node->op->view(node->attributes, &x, &y, y_stride)) {
        if (!copy_place(s, &from, node->operand[0], (uint8_t)dtype))
            return false;
        x.stride = x_stride;
        node->op->view(node->attributes, &x, &y, y_stride);
    }
    *to = (place){.value = from.value, .after = from.after};
    if (node->n > 1)
        to->after = waited_for(s, node->operand[1]);
    if (node->shape->count)
        to->offset = from.offset + (node->op->offset ? node->op->offset(node->attributes, &x) : 0);
    bool contiguous = !to->offset;
    weft__contiguous(&node->shape->dims, plain);
    for (int i = 0; i < y.rank; i++)
        contiguous &= y.dim[i] == 1 || y_stride[i] == plain[i];
    return contiguous || (to->stride = keep_strides(s, y_stride, y.rank)) != NULL;
}

/* The rule of wide nodes, for an elementwise one. */
static bool becomes_wide(const schedule *s, const weft__node *node)
{
    bool any = false;
    if (node->dtype != WEFT_F32)
        return false;
    for (int k = 0; k < node->n; k++) {
        const value *v = &s->values[s->places[node->operand[k]].value];
        if (v->dtype == WEFT_F64)
            any |= weft__at(s->tape, v->node)->shape->count == node->shape->count;
        else if (v->kind != VALUE_LEAF)
            return false;
    }
    return any;
}

static bool place_map(schedule *s, uint32_t id, const weft__node *node)
{
    value *v = new_value(s, VALUE_MAP, id, becomes_wide(s, node) ? WEFT_F64 : node->dtype, node->shape);
    for (int k = 0; v && k < node->n; k++)
        read_place(s, &s->places[node->operand[k]], v->space);
    return v;
}

static bool place_fold(schedule *s, uint32_t id, const weft__node *node)
{
    value *v = new_value(s, VALUE_FOLD, id, WEFT_F64, weft__at(s->tape, node->operand[0])->shape);
    if (v) {
        v->stored = true;
        read_place(s, &s->places[node->operand[0]], v->space);
    }
    return v;
}

/* An operand as a kernel takes it: contiguous and of the node's dtype, unless the op says that it accepts more. */
static bool place_operand(schedule *s, const weft_op *op, int k, uint32_t id, place *at)
{
    const weft__node *node = weft__at(s->tape, id);
    *at = s->places[id];
    uint8_t dtype = s->values[at->value].dtype;
    bool narrow = dtype == node->dtype || op->wide_operands & (1u << k), plain = !at->stride || op->flags & WEFT_ANY_STRIDES;
    if (!(narrow && plain) && !copy_place(s, at, id, narrow ? dtype : node->dtype))
        return false;
    s->values[at->value].stored = true;
    return true;
}

static bool place_call(schedule *s, uint32_t id, const weft__node *node)
{
    call c = {.node = id};
    for (int k = 0; k < node->n; k++)
        if (!place_operand(s, node->op, k, node->operand[k], &c.operand[k]))
            return false;
    c.value = (uint32_t)s->n_values;
    for (int k = 0; k < weft__output_count(node->op); k++) {
        const weft__node *output = weft__at(s->tape, id + (uint32_t)k);
        bool wide = output->dtype == WEFT_F32 && node->op->wide_outputs & (1u << k);
        value *v = new_value(s, VALUE_CALL, id + (uint32_t)k, wide ? WEFT_F64 : output->dtype, NULL);
        if (!v)
            return false;
        v->stored = true;
        s->places[id + (uint32_t)k] = (place){.value = last_value(s)};
    }
    if (!weft__grow(&s->program->allocator, &s->calls, &s->calls_allocated, s->n_calls + 1, sizeof *s->calls))
        return weft__schedule_no_memory(s);
    s->calls[s->n_calls++] = c;
    return true;
}

/* A value that holds a node contiguously, in its own dtype, to the end of the run, and is not the caller's. */
static bool pin(schedule *s, uint32_t id, uint32_t *pinned)
{
    const weft__node *node = weft__at(s->tape, id);
    place at = s->places[id];
    const value *v = &s->values[at.value];
    if ((at.stride || v->dtype != node->dtype || v->kind == VALUE_LEAF) && !copy_place(s, &at, id, node->dtype))
        return false;
    s->values[at.value].stored = true;
    s->values[at.value].last_use = TO_THE_END;
    *pinned = at.value;
    return true;
}

static bool place_assignment(schedule *s, uint32_t id, const weft__node *node)
{
    weft_program *p = s->program;
    uint32_t pinned, parameter = s->places[node->operand[0]].value;
    for (size_t i = 0; i < p->n_assignments; i++)
        if (p->assignments[i].parameter == parameter) {
            const char *name = weft__at(s->tape, node->operand[0])->name;
            weft__program_fail(p, WEFT_ERROR_ARGUMENT, "parameter \"%.60s\" is assigned twice in one program", name ? name : "");
            return false;
        }
    if (!pin(s, node->operand[1], &pinned))
        return false;
    if (!weft__grow(&p->allocator, &p->assignments, &p->assignments_allocated, p->n_assignments + 1, sizeof *p->assignments))
        return weft__schedule_no_memory(s);
    p->assignments[p->n_assignments++] = (assignment){parameter, pinned};
    s->places[id] = (place){.value = pinned};
    return true;
}

static bool place_node(schedule *s, uint32_t id)
{
    const weft__node *node = weft__at(s->tape, id);
    bool good = false;
    switch (node->op->kind) {
    case WEFT_PART:
        return true; /* its node has given it a place */
    case WEFT_VIEW:
        return place_view(s, node, &s->places[id]);
    case WEFT_GENERAL:
        return place_call(s, id, node);
    case WEFT_ASSIGN:
        return place_assignment(s, id, node);
    case WEFT_INPUT:
    case WEFT_PARAMETER:
    case WEFT_CONSTANT:
        good = new_value(s, VALUE_LEAF, id, node->dtype, NULL);
        break;
    case WEFT_ELEMENTWISE:
        good = place_map(s, id, node);
        break;
    case WEFT_REDUCTION:
        good = place_fold(s, id, node);
        break;
    }
    s->places[id] = (place){.value = last_value(s)};
    return good;
}

/* --- inlining --- */

/* Decided in the order of the values, once it is known which of them are read from memory. */
static void decide_inlining(const schedule *s, value *v)
{
    const weft__node *node = weft__at(s->tape, v->node);
    unsigned cost = node->op->cost ? (unsigned)node->op->cost : 1, loads = 0;
    for (int k = 0; k < node->n; k++) {
        const value *x = &s->values[s->places[node->operand[k]].value];
        if (x->inlined)
            cost += x->cost;
        loads += x->inlined ? x->loads : weft__at(s->tape, x->node)->shape->count == node->shape->count;
    }
    v->cost = (uint8_t)(cost < 255 ? cost : 255);
    v->loads = (uint8_t)(loads < 255 ? loads : 255);
    v->inlined = !v->stored && s->space_at[v->space]->count >= LARGE && cost <= MOST_COST && loads <= MOST_LOADS;
}

bool weft__places_find(schedule *s, const weft_node *outputs, size_t n)
{
    for (uint32_t id = 0; id < s->count; id++) {
        if (!weft__is_needed(&s->needed, id))
            place_unneeded(s, id);
        else if (!place_node(s, id))
            return false;
    }
    for (size_t k = 0; k < n; k++)
        if (!pin(s, outputs[k].id, &s->outputs[k]))
            return false;
    for (size_t i = 0; i < s->n_values; i++)
        if (s->values[i].kind == VALUE_MAP)
            decide_inlining(s, &s->values[i]);
    return true;
}

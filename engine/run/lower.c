/* lower.c: from a schedule to steps. Each loop gets its body, each call its ports, and what lies in memory its storage, numbered in the
 * order of the steps that write it.
 *
 * In a loop, arithmetic is in f64 as soon as one operand is, and a result is rounded to f32 only where it is stored; then every user in the
 * loop sees the rounded one, so that a node has one value wherever it is read. A constant of one element has a wide twin, which arithmetic
 * in f64 takes. */
#include "engine/run/schedule.h"

#include <string.h>

typedef struct lowering {
    weft_program *program;
    schedule schedule;
    instruction *body; /* of the loop being built */
    size_t length, body_allocated;
    uint16_t *wide;    /* (body_allocated): the conversion of an instruction to f64, or NO_INSTRUCTION */
    size_t wide_allocated;
    uint32_t *value_entry; /* (n_values): the loop in which value_register holds */
    uint16_t *value_register;
    uint32_t *node_entry;  /* (count): the same for loads through views */
    uint16_t *node_register;
    uint32_t entry; /* being lowered */
    uint32_t node;  /* whose value is being computed */
} lowering;

static bool no_memory(lowering *l)
{
    weft__program_fail(l->program, WEFT_ERROR_MEMORY, "out of memory");
    return false;
}

static const weft__node *node_at(const lowering *l, uint32_t id)
{
    return weft__at(l->schedule.tape, id);
}

/* --- storages --- */

static uint32_t new_storage(lowering *l, storage_kind kind, size_t bytes)
{
    weft_program *p = l->program;
    if (!weft__grow(&p->allocator, &p->storages, &p->storages_allocated, p->n_storages + 1, sizeof *p->storages)) {
        no_memory(l);
        return NO_STORAGE;
    }
    uint32_t now = (uint32_t)p->n_steps;
    bool forward = node_at(l, l->node)->adjoint_of == WEFT_NO_ID;
    p->storages[p->n_storages] =
        (storage){.bytes = bytes, .node = WEFT_NO_ID, .first = now, .last = now, .kind = (uint8_t)kind, .forward = forward};
    return (uint32_t)p->n_storages++;
}

/* A name as it outlives the tape; NULL: none, or out of memory. */
static const char *keep_name(lowering *l, const char *name)
{
    size_t bytes = name ? strlen(name) + 1 : 0;
    char *kept = bytes ? weft__arena_take(&l->program->arena, bytes) : NULL;
    if (bytes && !kept)
        no_memory(l);
    return kept ? memcpy(kept, name, bytes) : NULL;
}

/* Storage that holds the value of a node. */
static uint32_t node_storage(lowering *l, storage_kind kind, uint32_t node, size_t bytes)
{
    uint32_t index = new_storage(l, kind, bytes);
    if (index != NO_STORAGE) {
        l->program->storages[index].node = node;
        l->program->storages[index].name = keep_name(l, node_at(l, node)->name);
    }
    return index;
}

/* The step that is about to be added reads this storage. */
static void read_storage(lowering *l, uint32_t index)
{
    storage *s = &l->program->storages[index];
    if (s->last != TO_THE_END)
        s->last = (uint32_t)l->program->n_steps;
    if (node_at(l, l->node)->adjoint_of == WEFT_NO_ID)
        s->read_forward = 1;
    else
        s->read_backward = 1;
}

/* Storage for the value of a node. */
static uint32_t value_storage(lowering *l, value *v)
{
    v->storage = node_storage(l, STORAGE_BUFFER, v->node, node_at(l, v->node)->shape->count * weft_dtype_size((weft_dtype)v->dtype));
    if (v->storage != NO_STORAGE && v->last_use == TO_THE_END)
        l->program->storages[v->storage].last = TO_THE_END;
    return v->storage;
}

/* Storage of a constant, with its own copy of the elements, since the tape may go. */
static uint32_t constant_storage(lowering *l, const void *data, size_t bytes)
{
    uint32_t index = new_storage(l, STORAGE_CONSTANT, bytes);
    void *copy = weft__arena_take(&l->program->arena, bytes + 1);
    if (index == NO_STORAGE || !copy) {
        no_memory(l);
        return NO_STORAGE;
    }
    if (bytes)
        memcpy(copy, data, bytes);
    l->program->storages[index].data = copy;
    l->program->sizes.constants += bytes;
    return index;
}

static void lower_leaf(lowering *l, value *v)
{
    const weft__node *node = node_at(l, v->node);
    size_t bytes = node->shape->count * weft_dtype_size((weft_dtype)node->dtype);
    l->node = v->node;
    if (node->op->kind != WEFT_CONSTANT) {
        v->storage = node_storage(l, node->op->kind == WEFT_INPUT ? STORAGE_INPUT : STORAGE_PARAMETER, v->node, bytes);
        return;
    }
    v->storage = constant_storage(l, node->attributes, bytes);
    if (node->dtype == WEFT_F32 && node->shape->count == 1)
        v->twin = constant_storage(l, &((const weft__narrow_scalar *)node->attributes)->wide, sizeof(double));
}

/* --- the body of a loop --- */

static uint16_t add(lowering *l, const instruction *made)
{
    weft_program *p = l->program;
    if (l->length >= NO_INSTRUCTION - 1 || !weft__grow(&p->allocator, &l->body, &l->body_allocated, l->length + 1, sizeof *l->body) ||
        !weft__grow(&p->allocator, &l->wide, &l->wide_allocated, l->length + 1, sizeof *l->wide)) {
        no_memory(l);
        return NO_INSTRUCTION;
    }
    l->wide[l->length] = NO_INSTRUCTION;
    l->body[l->length] = *made;
    l->body[l->length].into = NO_INSTRUCTION;
    l->body[l->length].slot = NO_SLOT;
    return (uint16_t)l->length++;
}

/* Strides over a space: those of the axes longer than 1. NULL: contiguous. */
static const ptrdiff_t *space_strides(lowering *l, const weft_shape *shape, const ptrdiff_t *stride)
{
    ptrdiff_t plain[WEFT_MAX_RANK], *kept = weft__arena_take(&l->program->arena, (WEFT_MAX_RANK + 1) * sizeof *kept);
    if (!kept) {
        no_memory(l);
        return NULL;
    }
    int rank = 0;
    weft__contiguous(shape, plain);
    for (int i = 0; i < shape->rank; i++)
        if (shape->dim[i] != 1)
            kept[rank++] = (stride ? stride : plain)[i];
    return kept;
}

static uint16_t add_load(lowering *l, uint32_t node, uint32_t stored, uint8_t dtype, const weft_shape *shape, const ptrdiff_t *stride, ptrdiff_t offset)
{
    const ptrdiff_t *kept = space_strides(l, shape, stride);
    if (!kept)
        return NO_INSTRUCTION;
    read_storage(l, stored);
    const char *name = node_at(l, node)->name;
    return add(l, &(instruction){.action = ACTION_LOAD, .name = name, .node = node, .storage = stored, .dtype = dtype, .stride = kept, .offset = offset});
}

static uint16_t add_conversion(lowering *l, uint16_t x, uint8_t dtype)
{
    if (l->body[x].dtype == dtype)
        return x;
    if (dtype == WEFT_F64 && l->wide[x] != NO_INSTRUCTION)
        return l->wide[x];
    uint16_t made = add(l, &(instruction){.action = ACTION_CONVERT, .node = l->body[x].node, .dtype = dtype, .operand = {x}, .n = 1});
    if (dtype == WEFT_F64 && made != NO_INSTRUCTION)
        l->wide[x] = made;
    return made;
}

static uint16_t compute(lowering *l, uint32_t index);

/* The register that holds what is at a place, in the loop being built. node: whose place it is. */
static uint16_t operand_register(lowering *l, const place *at, uint32_t node, uint32_t over)
{
    value *v = &l->schedule.values[at->value];
    if (weft__in_register(&l->schedule, at, over) && (v->inlined || v->entry == l->entry))
        return compute(l, at->value);
    if (l->node_entry[node] == l->entry)
        return l->node_register[node];
    uint16_t made = add_load(l, v->node, v->storage, v->dtype, &node_at(l, node)->shape->dims, at->stride, at->offset);
    l->node_entry[node] = l->entry;
    l->node_register[node] = made;
    return made;
}

/* A load of a constant's wide twin in place of the constant. */
static uint16_t widen_operand(lowering *l, const place *at, uint16_t x)
{
    const value *v = &l->schedule.values[at->value];
    if (v->twin == NO_STORAGE || l->body[x].action != ACTION_LOAD)
        return add_conversion(l, x, WEFT_F64);
    if (l->wide[x] != NO_INSTRUCTION)
        return l->wide[x];
    static const ptrdiff_t repeated[WEFT_MAX_RANK];
    uint16_t made = add_load(l, v->node, v->twin, WEFT_F64, &l->schedule.entries[l->entry].space->dims, repeated, 0);
    if (made != NO_INSTRUCTION)
        l->wide[x] = made;
    return made;
}

static uint16_t compute_map(lowering *l, const value *v)
{
    const weft__node *node = node_at(l, v->node);
    const place *places = l->schedule.places;
    instruction made = {.action = ACTION_MAP, .op = node->op, .name = node->name, .node = v->node, .dtype = v->dtype, .n = node->n};
    for (int k = 0; k < node->n; k++) {
        made.operand[k] = operand_register(l, &places[node->operand[k]], node->operand[k], v->space);
        if (made.operand[k] == NO_INSTRUCTION)
            return NO_INSTRUCTION;
        if (l->body[made.operand[k]].dtype == WEFT_F64)
            made.dtype = WEFT_F64;
    }
    if (made.dtype == WEFT_F64 && v->dtype == WEFT_F32 && node->op->narrowed)
        made.op = node->op->narrowed;
    for (int k = 0; k < node->n && made.dtype == WEFT_F64; k++)
        if ((made.operand[k] = widen_operand(l, &places[node->operand[k]], made.operand[k])) == NO_INSTRUCTION)
            return NO_INSTRUCTION;
    return add(l, &made);
}

static uint16_t add_store(lowering *l, value *v, uint16_t x)
{
    const ptrdiff_t *stride = space_strides(l, &node_at(l, v->node)->shape->dims, NULL);
    if (!stride || value_storage(l, v) == NO_STORAGE)
        return NO_INSTRUCTION;
    return add(l, &(instruction){.action = ACTION_STORE, .name = node_at(l, v->node)->name, .node = v->node, .storage = v->storage,
                                 .dtype = v->dtype, .stride = stride, .operand = {x}, .n = 1});
}

static uint16_t compute_fold(lowering *l, value *v)
{
    const weft__node *node = node_at(l, v->node), *operand = node_at(l, node->operand[0]);
    unsigned axes = ((const weft_reduction *)node->attributes)->axes;
    uint16_t x = operand_register(l, &l->schedule.places[node->operand[0]], node->operand[0], v->space);
    ptrdiff_t *stride = weft__arena_take(&l->program->arena, (WEFT_MAX_RANK + 1) * sizeof *stride), inner = 1;
    if (x == NO_INSTRUCTION || !stride)
        return NO_INSTRUCTION;
    if (l->schedule.values[l->schedule.places[node->operand[0]].value].twin != NO_STORAGE) /* folds are f64 arithmetic too */
        x = widen_operand(l, &l->schedule.places[node->operand[0]], x);
    if (x == NO_INSTRUCTION)
        return NO_INSTRUCTION;
    int at = l->schedule.space_at[v->space]->dims.rank;
    for (int i = operand->shape->dims.rank - 1; i >= 0; i--)
        if (operand->shape->dims.dim[i] != 1) {
            bool folded = axes & WEFT_AXIS(i);
            stride[--at] = folded ? 0 : inner;
            inner *= folded ? 1 : (ptrdiff_t)operand->shape->dims.dim[i];
        }
    if (value_storage(l, v) == NO_STORAGE)
        return NO_INSTRUCTION;
    return add(l, &(instruction){.action = ACTION_FOLD, .op = node->op, .name = node->name, .node = v->node, .storage = v->storage,
                                 .partial = NO_STORAGE, .dtype = l->body[x].dtype, .stride = stride, .operand = {x}, .n = 1});
}

/* The register of a value of this loop, or one that is inlined into it. */
static uint16_t compute(lowering *l, uint32_t index)
{
    value *v = &l->schedule.values[index];
    if (l->value_entry[index] == l->entry)
        return l->value_register[index];
    uint16_t made;
    if (v->kind == VALUE_FOLD)
        made = compute_fold(l, v);
    else if (v->kind == VALUE_COPY)
        made = operand_register(l, &v->from, v->node, v->space);
    else
        made = compute_map(l, v);
    if (v->stored && v->kind != VALUE_FOLD && made != NO_INSTRUCTION) {
        made = add_conversion(l, made, v->dtype);
        if (made == NO_INSTRUCTION || add_store(l, v, made) == NO_INSTRUCTION)
            return NO_INSTRUCTION;
    }
    if (made == NO_INSTRUCTION)
        no_memory(l);
    l->value_entry[index] = l->entry;
    l->value_register[index] = made;
    return made;
}

/* --- the loop around it --- */

/* Merges neighbouring dims where every access lies as if they were one. Loads and folds own their strides, so these are edited in place. */
static void merge_dims(lowering *l, loop *made, const space *walked)
{
    int rank = 0;
    for (int i = 0; i < walked->dims.rank; i++) {
        bool joins = rank > 0;
        for (size_t k = 0; joins && k < l->length; k++) {
            const ptrdiff_t *stride = l->body[k].stride;
            joins = !stride || stride[rank - 1] == stride[i] * (ptrdiff_t)walked->dims.dim[i];
        }
        if (!joins)
            made->extent[rank++] = 1;
        made->extent[rank - 1] *= walked->dims.dim[i];
        for (size_t k = 0; k < l->length; k++)
            if (l->body[k].stride)
                ((ptrdiff_t *)(uintptr_t)l->body[k].stride)[rank - 1] = l->body[k].stride[i];
    }
    for (; rank < 2; rank++) { /* a loop of one step goes around */
        for (size_t k = 0; k < l->length; k++)
            if (l->body[k].stride) {
                ptrdiff_t *stride = (ptrdiff_t *)(uintptr_t)l->body[k].stride;
                stride[rank] = rank ? stride[0] : 0;
                stride[0] = 0;
            }
        made->extent[rank] = rank ? made->extent[0] : 1;
        made->extent[0] = 1;
    }
    made->rank = rank;
}

static step *new_step(lowering *l)
{
    weft_program *p = l->program;
    if (p->n_steps >= TO_THE_END - 1 || !weft__grow(&p->allocator, &p->steps, &p->steps_allocated, p->n_steps + 1, sizeof *p->steps)) {
        no_memory(l);
        return NULL;
    }
    p->steps[p->n_steps] = (step){.workspace = NO_STORAGE};
    return &p->steps[p->n_steps++];
}

/* Names outlive the tape. */
static bool keep_names(lowering *l, instruction *body)
{
    for (size_t i = 0; i < l->length; i++)
        body[i].name = keep_name(l, body[i].name);
    return l->program->status == WEFT_OK;
}

/* Counts what a value reads for the part, forward or backward, that it belongs to, though a register may have it already for the other. */
static void read_operands(lowering *l, const value *v)
{
    const weft__node *node = node_at(l, v->node);
    for (int k = 0; k < (v->kind == VALUE_COPY ? 1 : node->n); k++) {
        const place *at = v->kind == VALUE_COPY ? &v->from : &l->schedule.places[node->operand[k]];
        const value *x = &l->schedule.values[at->value];
        if (x->inlined)
            read_operands(l, x);
        else if (x->storage != NO_STORAGE && x->entry != l->entry)
            read_storage(l, x->storage);
    }
}

static bool lower_loop(lowering *l, const entry *e)
{
    loop *made = weft__arena_take(&l->program->arena, sizeof *made);
    l->length = 0;
    for (uint32_t v = e->first; v != NO_VALUE; v = l->schedule.values[v].next) {
        l->node = l->schedule.values[v].node;
        if (compute(l, v) == NO_INSTRUCTION)
            return no_memory(l);
        read_operands(l, &l->schedule.values[v]);
    }
    instruction *body = weft__arena_take(&l->program->arena, l->length * sizeof *body + 1);
    if (!made || !body)
        return no_memory(l);
    *made = (loop){.count = e->space->count, .length = (int)l->length};
    merge_dims(l, made, e->space);
    memcpy(body, l->body, l->length * sizeof *body);
    made->body = body;
    if (!keep_names(l, body))
        return false;
    step *s = new_step(l);
    if (s)
        s->loop = made;
    return s;
}

/* --- calls --- */

static const layout *make_layout(lowering *l, const weft__shape *shape, const ptrdiff_t *stride)
{
    int rank = shape->dims.rank;
    layout *made = weft__arena_take(&l->program->arena, sizeof *made);
    size_t *dim = weft__arena_take(&l->program->arena, (size_t)rank * sizeof *dim + 1);
    ptrdiff_t *kept = weft__arena_take(&l->program->arena, (size_t)rank * sizeof *kept + 1);
    if (!made || !dim || !kept) {
        no_memory(l);
        return NULL;
    }
    weft__contiguous(&shape->dims, kept);
    if (stride)
        memcpy(kept, stride, (size_t)rank * sizeof *kept);
    memcpy(dim, shape->dims.dim, (size_t)rank * sizeof *dim);
    *made = (layout){rank, dim, kept};
    return made;
}

static size_t call_workspace(lowering *l, const weft__node *node)
{
    if (!node->op->workspace)
        return 0;
    weft_typing typing = {.attributes = node->attributes, .n = node->n};
    for (int k = 0; k < node->n; k++) {
        const weft__node *x = node_at(l, node->operand[k]);
        typing.x[k] = x->shape->dims;
        typing.x_dtype[k] = (weft_dtype)x->dtype;
    }
    return node->op->workspace(&typing);
}

static bool lower_call(lowering *l, const call *c)
{
    const weft__node *node = node_at(l, c->node);
    const weft_op *op = node->op;
    int n_out = weft__output_count(op);
    port *ports = weft__arena_take(&l->program->arena, (size_t)(n_out + node->n) * sizeof *ports);
    void *attributes = op->attribute_size ? weft__arena_take(&l->program->arena, op->attribute_size) : NULL;
    size_t worker_bytes = (call_workspace(l, node) + 63) & ~(size_t)63, workers = op->flags & WEFT_IN_PARTS ? (size_t)l->program->threads : 1;
    uint32_t workspace = NO_STORAGE;
    l->node = c->node;
    if (!ports || (op->attribute_size && !attributes))
        return no_memory(l);
    l->program->shares |= workers > 1;
    if (worker_bytes && (workspace = new_storage(l, STORAGE_BUFFER, worker_bytes * workers)) == NO_STORAGE)
        return false;
    if (attributes)
        memcpy(attributes, node->attributes, op->attribute_size);
    for (int k = 0; k < n_out; k++) {
        value *v = &l->schedule.values[c->value + (uint32_t)k];
        const layout *plain = make_layout(l, node_at(l, v->node)->shape, NULL);
        if (!plain || value_storage(l, v) == NO_STORAGE)
            return false;
        ports[k] = (port){.storage = v->storage, .dtype = v->dtype, .layout = plain};
    }
    for (int k = 0; k < node->n; k++) {
        const value *v = &l->schedule.values[c->operand[k].value];
        const layout *seen = make_layout(l, node_at(l, node->operand[k])->shape, c->operand[k].stride);
        if (!seen)
            return false;
        read_storage(l, v->storage);
        ports[n_out + k] = (port){.storage = v->storage, .dtype = v->dtype, .layout = seen, .offset = c->operand[k].offset};
    }
    step *s = new_step(l);
    if (s)
        *s = (step){.op = op, .attributes = attributes, .port = ports, .workspace = workspace,
                     .worker_bytes = worker_bytes, .n_out = (uint8_t)n_out, .n_in = node->n};
    return s;
}

/* --- the whole tape --- */

/* Every input and parameter of the tape, so that binding one that is not needed can be told from a mistake. */
static bool list_leaf(lowering *l, uint32_t id)
{
    weft_program *p = l->program;
    const weft__node *node = node_at(l, id);
    if (node->op->kind != WEFT_INPUT && node->op->kind != WEFT_PARAMETER)
        return true;
    size_t length = node->name ? strlen(node->name) : 0;
    char *name = weft__arena_take(&p->arena, length + 1);
    if (!name || !weft__grow(&p->allocator, &p->leaves, &p->leaves_allocated, p->n_leaves + 1, sizeof *p->leaves))
        return no_memory(l);
    if (length)
        memcpy(name, node->name, length);
    name[length] = 0;
    bool needed = weft__is_needed(&l->schedule.needed, id);
    p->leaves[p->n_leaves++] = (leaf){.id = id,
                                      .era = node->era,
                                      .storage = needed ? l->schedule.values[l->schedule.places[id].value].storage : NO_STORAGE,
                                      .parameter = node->op->kind == WEFT_PARAMETER,
                                      .dtype = node->dtype,
                                      .bytes = node->shape->count * weft_dtype_size((weft_dtype)node->dtype),
                                      .name = name};
    return true;
}

static bool lower_all(lowering *l)
{
    schedule *s = &l->schedule;
    weft_program *p = l->program;
    for (size_t i = 0; i < s->n_values && p->status == WEFT_OK; i++)
        if (s->values[i].kind == VALUE_LEAF)
            lower_leaf(l, &s->values[i]);
    for (l->entry = 0; l->entry < s->n_entries && p->status == WEFT_OK; l->entry++) {
        const entry *e = &s->entries[l->entry];
        if (!e->space)
            lower_call(l, &s->calls[e->call]);
        else if (e->first != NO_VALUE) /* else its values have moved on */
            lower_loop(l, e);
    }
    for (size_t k = 0; k < p->n_outputs; k++)
        p->outputs[k] = s->values[s->outputs[k]].storage;
    for (size_t i = 0; i < p->n_assignments; i++) {
        assignment *a = &p->assignments[i];
        *a = (assignment){s->values[a->parameter].storage, s->values[a->value].storage};
    }
    for (uint32_t id = 0; id < s->tape->count && p->status == WEFT_OK; id++)
        list_leaf(l, id);
    return p->status == WEFT_OK;
}

weft_status weft__lower(weft_program *program, weft_tape *tape, const weft_node *outputs, size_t n)
{
    lowering l = {.program = program};
    const weft_allocator *allocator = &program->allocator;
    if (weft__schedule_make(&l.schedule, program, tape, outputs, n) == WEFT_OK) {
        size_t values = l.schedule.n_values, nodes = l.schedule.count;
        l.value_entry = weft__allocate(allocator, values * sizeof *l.value_entry + 1);
        l.value_register = weft__allocate(allocator, values * sizeof *l.value_register + 1);
        l.node_entry = weft__allocate(allocator, nodes * sizeof *l.node_entry + 1);
        l.node_register = weft__allocate(allocator, nodes * sizeof *l.node_register + 1);
        if (l.value_entry && l.value_register && l.node_entry && l.node_register) {
            memset(l.value_entry, 0xff, values * sizeof *l.value_entry); /* NO_ENTRY */
            memset(l.node_entry, 0xff, nodes * sizeof *l.node_entry);
            lower_all(&l);
        } else {
            no_memory(&l);
        }
        weft__release(allocator, l.value_entry, values * sizeof *l.value_entry + 1);
        weft__release(allocator, l.value_register, values * sizeof *l.value_register + 1);
        weft__release(allocator, l.node_entry, nodes * sizeof *l.node_entry + 1);
        weft__release(allocator, l.node_register, nodes * sizeof *l.node_register + 1);
    }
    weft__release(allocator, l.body, l.body_allocated * sizeof *l.body);
    weft__release(allocator, l.wide, l.wide_allocated * sizeof *l.wide);
    weft__schedule_free(&l.schedule);
    return program->status;
}

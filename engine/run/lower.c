/* lower.c: from nodes to steps.
 * Only what the outputs need is lowered, in the order of the tape. A view costs nothing: its place is its operand's storage under other
 * strides, unless the op says that it cannot be. Every other node writes contiguous storage of its own.
 *
 * Small nodes are wide. In an f32 graph the result of a reduction is stored as f64, and so is what an elementwise op makes from such
 * results and leaves at their size. They are small and read many times, and `x - mean(x)` subtracts before it rounds. A node as large as
 * the array that was reduced is never wide, so memory and traffic stay those of f32. A constant of one element has a wide twin, which
 * arithmetic in f64 takes. */
#include "engine/record/needed.h"
#include "engine/run/program.h"

#include <string.h>

/* Where the value of a node is. */
typedef struct place {
    const ptrdiff_t *stride; /* NULL: contiguous */
    uint32_t storage;
    uint32_t twin; /* of an f32 constant of one element: the same in f64; else NO_STORAGE */
    uint8_t dtype; /* f64 for a wide f32 node */
    bool leaf;
} place;

typedef struct lowering {
    weft_program *program;
    weft_tape *tape;
    place *places;
    weft__needed needed;
    uint32_t count; /* places: the needed nodes, and further outputs of the last */
    uint32_t id;    /* the node being lowered */
} lowering;

static weft_status no_memory(lowering *l)
{
    return weft__program_fail(l->program, WEFT_ERROR_MEMORY, "out of memory");
}

/* --- storages, ports, steps --- */

static uint32_t new_storage(lowering *l, storage_kind kind, size_t bytes)
{
    weft_program *p = l->program;
    if (!weft__grow(&p->allocator, &p->storages, &p->storages_allocated, p->n_storages + 1, sizeof *p->storages)) {
        no_memory(l);
        return NO_STORAGE;
    }
    uint32_t now = (uint32_t)p->n_steps;
    bool forward = weft__at(l->tape, l->id)->adjoint_of == WEFT_NO_ID;
    p->storages[p->n_storages] = (storage){.bytes = bytes, .first = now, .last = now, .kind = (uint8_t)kind, .forward = forward};
    return (uint32_t)p->n_storages++;
}

/* The step that is about to be added reads this storage. */
static void read_storage(lowering *l, uint32_t index)
{
    storage *s = &l->program->storages[index];
    if (s->last != TO_THE_END)
        s->last = (uint32_t)l->program->n_steps;
    if (weft__at(l->tape, l->id)->adjoint_of == WEFT_NO_ID)
        s->read_forward = 1;
    else
        s->read_backward = 1;
}

static step *new_step(lowering *l, verb v, const weft_op *op, int n_out, int n_in, port **ports)
{
    weft_program *p = l->program;
    *ports = weft__arena_take(&p->arena, (size_t)(n_out + n_in) * sizeof **ports);
    if (!*ports || p->n_steps >= TO_THE_END - 1 || !weft__grow(&p->allocator, &p->steps, &p->steps_allocated, p->n_steps + 1, sizeof *p->steps)) {
        no_memory(l);
        return NULL;
    }
    memset(*ports, 0, (size_t)(n_out + n_in) * sizeof **ports);
    step *s = &p->steps[p->n_steps++];
    *s = (step){.op = op, .verb = (uint8_t)v, .port = *ports, .n_out = (uint8_t)n_out, .n_in = (uint8_t)n_in, .workspace = NO_STORAGE};
    return s;
}

static const ptrdiff_t *strides_of(const place *at, const weft__shape *shape, ptrdiff_t *scratch)
{
    if (at->stride)
        return at->stride;
    weft__contiguous(&shape->dims, scratch);
    return scratch;
}

static const ptrdiff_t *keep_strides(lowering *l, const ptrdiff_t *stride, int rank)
{
    ptrdiff_t *kept = weft__arena_take(&l->program->arena, (size_t)rank * sizeof *kept + 1);
    if (kept)
        memcpy(kept, stride, (size_t)rank * sizeof *kept);
    else
        no_memory(l);
    return kept;
}

/* Adds a step that copies a place to contiguous storage of the given dtype. */
static bool copy_place(lowering *l, const place *from, const weft__shape *shape, uint8_t dtype, place *to)
{
    ptrdiff_t scratch[WEFT_MAX_RANK];
    const ptrdiff_t *stride = strides_of(from, shape, scratch);
    uint32_t target = new_storage(l, STORAGE_BUFFER, shape->count * weft_dtype_size((weft_dtype)dtype));
    const nest *loops = weft__nest_make(&l->program->arena, &shape->dims, &stride, 1);
    port *ports;
    if (target == NO_STORAGE || !loops) {
        no_memory(l);
        return false;
    }
    read_storage(l, from->storage);
    step *s = new_step(l, VERB_COPY, NULL, 1, 1, &ports);
    if (!s)
        return false;
    ports[0] = (port){.storage = target, .dtype = dtype};
    ports[1] = (port){.storage = from->storage, .dtype = from->dtype};
    s->loops = loops;
    s->count = shape->count;
    *to = (place){.storage = target, .twin = NO_STORAGE, .dtype = dtype};
    return true;
}

/* --- one kind of node after another --- */

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

static bool lower_leaf(lowering *l, const weft__node *node, place *to)
{
    size_t bytes = node->shape->count * weft_dtype_size((weft_dtype)node->dtype);
    *to = (place){.twin = NO_STORAGE, .dtype = node->dtype, .leaf = true};
    if (node->op->kind == WEFT_CONSTANT) {
        to->storage = constant_storage(l, node->attributes, bytes);
        if (node->dtype == WEFT_F32 && node->shape->count == 1)
            to->twin = constant_storage(l, &((const weft__narrow_scalar *)node->attributes)->wide, sizeof(double));
    } else {
        to->storage = new_storage(l, node->op->kind == WEFT_INPUT ? STORAGE_INPUT : STORAGE_PARAMETER, bytes);
    }
    return l->program->status == WEFT_OK;
}

static bool lower_view(lowering *l, const weft__node *node, place *to)
{
    const weft__node *operand = weft__at(l->tape, node->operand[0]);
    place from = l->places[node->operand[0]];
    ptrdiff_t x_stride[WEFT_MAX_RANK], y_stride[WEFT_MAX_RANK], plain[WEFT_MAX_RANK];
    weft_view x = {.dtype = (weft_dtype)from.dtype, .rank = operand->shape->dims.rank, .dim = operand->shape->dims.dim};
    weft_view y = {.dtype = x.dtype, .rank = node->shape->dims.rank, .dim = node->shape->dims.dim};
    x.stride = strides_of(&from, operand->shape, x_stride);
    if (!node->op->view(node->attributes, &x, &y, y_stride)) {
        if (!copy_place(l, &from, operand->shape, from.dtype, &from))
            return false;
        x.stride = strides_of(&from, operand->shape, x_stride);
        node->op->view(node->attributes, &x, &y, y_stride);
    }
    *to = from;
    to->stride = NULL;
    weft__contiguous(&node->shape->dims, plain);
    for (int i = 0; i < y.rank; i++)
        if (y.dim[i] != 1 && y_stride[i] != plain[i])
            return (to->stride = keep_strides(l, y_stride, y.rank)) != NULL;
    return true;
}

static bool is_wide(const lowering *l, uint32_t id)
{
    return l->places[id].dtype == WEFT_F64 && weft__at(l->tape, id)->dtype == WEFT_F32;
}

/* The rule in the head comment, for an elementwise node. */
static bool becomes_wide(const lowering *l, const weft__node *node)
{
    bool any = false;
    if (node->dtype != WEFT_F32)
        return false;
    for (int k = 0; k < node->n; k++) {
        const place *x = &l->places[node->operand[k]];
        if (is_wide(l, node->operand[k]))
            any |= l->program->storages[x->storage].bytes == node->shape->count * sizeof(double);
        else if (!x->leaf)
            return false;
    }
    return any;
}

/* 0 or 1 when the operand is one number or lies as the result does, else -1. */
static int flat_stride(const place *x, const weft__shape *shape)
{
    if (!x->stride)
        return 1;
    for (int i = 0; i < shape->dims.rank; i++)
        if (x->stride[i] != 0 && shape->dims.dim[i] != 1)
            return -1;
    return 0;
}

static bool lower_map(lowering *l, const weft__node *node, place *to)
{
    place x[WEFT_MAX_OPERANDS];
    bool wide = becomes_wide(l, node), flat = true;
    uint8_t dtype = wide ? WEFT_F64 : node->dtype, compute = dtype;
    for (int k = 0; k < node->n; k++) {
        x[k] = l->places[node->operand[k]];
        compute = x[k].dtype == WEFT_F64 ? WEFT_F64 : compute;
    }
    flat &= dtype == compute;
    for (int k = 0; k < node->n; k++) {
        if (compute == WEFT_F64 && x[k].twin != NO_STORAGE) {
            x[k].storage = x[k].twin;
            x[k].dtype = WEFT_F64;
        }
        flat &= x[k].dtype == compute && flat_stride(&x[k], node->shape) >= 0;
    }
    size_t bytes = node->shape->count * weft_dtype_size((weft_dtype)dtype);
    *to = (place){.storage = new_storage(l, STORAGE_BUFFER, bytes), .twin = NO_STORAGE, .dtype = dtype};
    if (to->storage == NO_STORAGE)
        return false;
    const nest *loops = NULL;
    if (!flat) {
        ptrdiff_t scratch[WEFT_MAX_OPERANDS][WEFT_MAX_RANK];
        const ptrdiff_t *stride[WEFT_MAX_OPERANDS];
        for (int k = 0; k < node->n; k++)
            stride[k] = strides_of(&x[k], node->shape, scratch[k]);
        loops = weft__nest_make(&l->program->arena, &node->shape->dims, stride, node->n);
        if (!loops) {
            no_memory(l);
            return false;
        }
    }
    port *ports;
    for (int k = 0; k < node->n; k++)
        read_storage(l, x[k].storage);
    step *s = new_step(l, flat ? VERB_MAP_FLAT : VERB_MAP, node->op, 1, node->n, &ports);
    if (!s)
        return false;
    s->compute = compute;
    s->count = node->shape->count;
    s->loops = loops;
    ports[0] = (port){.storage = to->storage, .dtype = dtype};
    for (int k = 0; k < node->n; k++)
        ports[1 + k] = (port){.storage = x[k].storage, .dtype = x[k].dtype, .flat_stride = flat && flat_stride(&x[k], node->shape)};
    return true;
}

static bool lower_reduction(lowering *l, const weft__node *node, place *to)
{
    const weft__node *operand = weft__at(l->tape, node->operand[0]);
    const place *x = &l->places[node->operand[0]];
    const weft_reduction *r = node->attributes;
    ptrdiff_t scratch[WEFT_MAX_RANK];
    fold_nest *loops = weft__arena_take(&l->program->arena, sizeof *loops);
    if (!loops) {
        no_memory(l);
        return false;
    }
    weft__fold_nest_make(loops, &operand->shape->dims, strides_of(x, operand->shape, scratch), r->axes);
    *to = (place){.storage = new_storage(l, STORAGE_BUFFER, node->shape->count * sizeof(double)), .twin = NO_STORAGE, .dtype = WEFT_F64};
    uint32_t workspace = new_storage(l, STORAGE_BUFFER, weft__reduce_workspace(loops));
    port *ports;
    if (to->storage == NO_STORAGE || workspace == NO_STORAGE)
        return false;
    read_storage(l, x->storage);
    step *s = new_step(l, VERB_REDUCE, node->op, 1, 1, &ports);
    if (!s)
        return false;
    s->loops = loops;
    s->count = node->shape->count;
    s->workspace = workspace;
    ports[0] = (port){.storage = to->storage, .dtype = WEFT_F64};
    ports[1] = (port){.storage = x->storage, .dtype = x->dtype};
    return true;
}

static const layout *make_layout(lowering *l, const weft__shape *shape, const ptrdiff_t *stride)
{
    layout *made = weft__arena_take(&l->program->arena, sizeof *made);
    size_t *dim = weft__arena_take(&l->program->arena, (size_t)shape->dims.rank * sizeof *dim + 1);
    ptrdiff_t scratch[WEFT_MAX_RANK];
    if (!stride) {
        weft__contiguous(&shape->dims, scratch);
        stride = scratch;
    }
    stride = keep_strides(l, stride, shape->dims.rank);
    if (!made || !dim || !stride) {
        no_memory(l);
        return NULL;
    }
    memcpy(dim, shape->dims.dim, (size_t)shape->dims.rank * sizeof *dim);
    *made = (layout){shape->dims.rank, dim, stride};
    return made;
}

/* An operand as a kernel takes it: contiguous and of the node's dtype, unless the op says that it accepts more. */
static bool lower_operand(lowering *l, const weft_op *op, int k, uint32_t id, port *to)
{
    const weft__node *node = weft__at(l->tape, id);
    place x = l->places[id];
    bool narrow = x.dtype == node->dtype || op->wide_operands & (1u << k), plain = !x.stride || op->flags & WEFT_ANY_STRIDES;
    if (!(narrow && plain) && !copy_place(l, &x, node->shape, narrow ? x.dtype : node->dtype, &x))
        return false;
    *to = (port){.storage = x.storage, .dtype = x.dtype, .layout = make_layout(l, node->shape, x.stride)};
    return to->layout != NULL;
}

static size_t call_workspace(lowering *l, const weft__node *node)
{
    if (!node->op->workspace)
        return 0;
    weft_typing typing = {.attributes = node->attributes, .n = node->n};
    for (int k = 0; k < node->n; k++) {
        const weft__node *x = weft__at(l->tape, node->operand[k]);
        typing.x[k] = x->shape->dims;
        typing.x_dtype[k] = (weft_dtype)x->dtype;
    }
    return node->op->workspace(&typing);
}

static bool lower_call(lowering *l, const weft__node *node)
{
    const weft_op *op = node->op;
    int n_out = weft__output_count(op);
    port operand[WEFT_MAX_OPERANDS], *ports;
    for (int k = 0; k < node->n; k++)
        if (!lower_operand(l, op, k, node->operand[k], &operand[k]))
            return false;
    uint32_t workspace = NO_STORAGE;
    size_t bytes = call_workspace(l, node);
    if (bytes && (workspace = new_storage(l, STORAGE_BUFFER, bytes)) == NO_STORAGE)
        return false;
    void *attributes = NULL;
    if (op->attribute_size) {
        if (!(attributes = weft__arena_take(&l->program->arena, op->attribute_size))) {
            no_memory(l);
            return false;
        }
        memcpy(attributes, node->attributes, op->attribute_size);
    }
    for (int k = 0; k < n_out; k++) {
        const weft__node *output = weft__at(l->tape, l->id + (uint32_t)k);
        bool wide = output->dtype == WEFT_F32 && op->wide_outputs & (1u << k);
        uint8_t dtype = wide ? WEFT_F64 : output->dtype;
        uint32_t target = new_storage(l, STORAGE_BUFFER, output->shape->count * weft_dtype_size((weft_dtype)dtype));
        if (target == NO_STORAGE)
            return false;
        l->places[l->id + (uint32_t)k] = (place){.storage = target, .twin = NO_STORAGE, .dtype = dtype};
    }
    for (int k = 0; k < node->n; k++)
        read_storage(l, operand[k].storage);
    step *s = new_step(l, VERB_CALL, op, n_out, node->n, &ports);
    if (!s)
        return false;
    s->attributes = attributes;
    s->count = node->shape->count;
    s->workspace = workspace;
    for (int k = 0; k < n_out; k++) {
        const place *y = &l->places[l->id + (uint32_t)k];
        ports[k] = (port){.storage = y->storage, .dtype = y->dtype, .layout = make_layout(l, weft__at(l->tape, l->id + (uint32_t)k)->shape, NULL)};
        if (!ports[k].layout)
            return false;
    }
    memcpy(ports + n_out, operand, (size_t)node->n * sizeof *operand);
    return true;
}

/* Storage that holds a place contiguously, in its node's own dtype, to the end of the run, and is not the caller's. */
static bool pin(lowering *l, uint32_t id, uint32_t *pinned)
{
    const weft__node *node = weft__at(l->tape, id);
    place x = l->places[id];
    bool direct = !x.stride && x.dtype == node->dtype && l->program->storages[x.storage].kind == STORAGE_BUFFER;
    if (!direct && !copy_place(l, &x, node->shape, node->dtype, &x))
        return false;
    l->program->storages[x.storage].last = TO_THE_END;
    *pinned = x.storage;
    return true;
}

static bool lower_assignment(lowering *l, const weft__node *node, place *to)
{
    weft_program *p = l->program;
    uint32_t value, parameter = l->places[node->operand[0]].storage;
    for (size_t i = 0; i < p->n_assignments; i++)
        if (p->assignments[i].parameter == parameter) {
            const char *name = weft__at(l->tape, node->operand[0])->name;
            weft__program_fail(p, WEFT_ERROR_ARGUMENT, "parameter \"%.60s\" is assigned twice in one program", name ? name : "");
            return false;
        }
    if (!pin(l, node->operand[1], &value))
        return false;
    if (!weft__grow(&p->allocator, &p->assignments, &p->assignments_allocated, p->n_assignments + 1, sizeof *p->assignments)) {
        no_memory(l);
        return false;
    }
    p->assignments[p->n_assignments++] = (assignment){parameter, value};
    *to = (place){.storage = value, .twin = NO_STORAGE, .dtype = node->dtype};
    return true;
}

static bool lower_node(lowering *l, const weft__node *node)
{
    place *to = &l->places[l->id];
    switch (node->op->kind) {
    case WEFT_INPUT:
    case WEFT_PARAMETER:
    case WEFT_CONSTANT:
        return lower_leaf(l, node, to);
    case WEFT_PART:
        return true; /* its node has given it a place */
    case WEFT_VIEW:
        return lower_view(l, node, to);
    case WEFT_ELEMENTWISE:
        return lower_map(l, node, to);
    case WEFT_REDUCTION:
        return lower_reduction(l, node, to);
    case WEFT_GENERAL:
        return lower_call(l, node);
    case WEFT_ASSIGN:
        return lower_assignment(l, node, to);
    }
    return false;
}

/* --- the whole tape --- */

/* Every input and parameter of the tape, so that binding one that is not needed can be told from a mistake. */
static bool list_leaf(lowering *l, const weft__node *node)
{
    weft_program *p = l->program;
    if (node->op->kind != WEFT_INPUT && node->op->kind != WEFT_PARAMETER)
        return true;
    if (!weft__grow(&p->allocator, &p->leaves, &p->leaves_allocated, p->n_leaves + 1, sizeof *p->leaves)) {
        no_memory(l);
        return false;
    }
    size_t length = node->name ? strlen(node->name) : 0;
    char *name = weft__arena_take(&p->arena, length + 1);
    if (!name) {
        no_memory(l);
        return false;
    }
    if (length)
        memcpy(name, node->name, length);
    name[length] = 0;
    bool needed = weft__is_needed(&l->needed, l->id);
    p->leaves[p->n_leaves++] = (leaf){.id = l->id,
                                      .era = node->era,
                                      .storage = needed ? l->places[l->id].storage : NO_STORAGE,
                                      .parameter = node->op->kind == WEFT_PARAMETER,
                                      .dtype = node->dtype,
                                      .bytes = node->shape->count * weft_dtype_size((weft_dtype)node->dtype),
                                      .name = name};
    return true;
}

static bool lower_all(lowering *l, const weft_node *outputs, size_t n)
{
    weft_program *p = l->program;
    for (l->id = 0; l->id < l->count; l->id++) {
        const weft__node *node = weft__at(l->tape, l->id);
        if (!weft__is_needed(&l->needed, l->id))
            continue;
        if (!lower_node(l, node))
            return false;
    }
    for (size_t k = 0; k < n; k++) {
        l->id = outputs[k].id;
        if (!pin(l, outputs[k].id, &p->outputs[k]))
            return false;
    }
    for (l->id = 0; l->id < l->tape->count; l->id++)
        if (!list_leaf(l, weft__at(l->tape, l->id)))
            return false;
    return true;
}

weft_status weft__lower(weft_program *program, weft_tape *tape, const weft_node *outputs, size_t n)
{
    lowering l = {.program = program, .tape = tape};
    if (weft__needed_find(&l.needed, outputs, n) != WEFT_OK)
        return no_memory(&l);
    l.count = l.needed.end;
    for (uint32_t i = 1; l.count < tape->count && weft__at(tape, l.count)->op->kind == WEFT_PART && i < WEFT_MAX_OUTPUTS; i++)
        l.count++;
    l.places = weft__allocate(&program->allocator, (size_t)l.count * sizeof *l.places);
    if (l.places)
        lower_all(&l, outputs, n);
    else
        no_memory(&l);
    weft__release(&program->allocator, l.places, (size_t)l.count * sizeof *l.places);
    weft__needed_free(&l.needed);
    return program->status;
}

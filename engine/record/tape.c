/* tape.c: the append-only list of records, its names, scopes and marks.
 * Records live in blocks that never move; everything of variable length lives in the arena. A rewind cuts both back and keeps the memory. */
#include "engine/record/tape.h"

#include <stdio.h>
#include <string.h>

weft_tape *weft_tape_new(const weft_allocator *allocator)
{
    weft_allocator chosen = weft__allocator_or_default(allocator);
    weft_tape *tape = weft__allocate(&chosen, sizeof *tape);
    if (!tape)
        return NULL;
    *tape = (weft_tape){.allocator = chosen, .adjoint_of = WEFT_NO_ID};
    weft__arena_init(&tape->arena, &chosen);
    weft__shapes_init(&tape->shapes, &chosen);
    weft__strings_init(&tape->names, &chosen);
    return tape;
}

void weft_tape_free(weft_tape *tape)
{
    if (!tape)
        return;
    for (size_t i = 0; i < tape->n_blocks; i++)
        weft__release(&tape->allocator, tape->block[i], WEFT__NODES_PER_BLOCK * sizeof(weft__node));
    weft__release(&tape->allocator, tape->block, tape->blocks_allocated * sizeof *tape->block);
    weft__arena_free(&tape->arena);
    weft__shapes_free(&tape->shapes);
    weft__strings_free(&tape->names);
    weft_allocator allocator = tape->allocator;
    weft__release(&allocator, tape, sizeof *tape);
}

weft_status weft_tape_status(const weft_tape *tape)
{
    return tape ? tape->status : WEFT_ERROR_MEMORY;
}

const char *weft_tape_message(const weft_tape *tape)
{
    return tape ? tape->message : weft_status_text(WEFT_ERROR_MEMORY);
}

uint32_t weft_tape_count(const weft_tape *tape)
{
    return tape ? tape->count : 0;
}

size_t weft_tape_bytes(const weft_tape *tape)
{
    if (!tape)
        return 0;
    return sizeof *tape + tape->n_blocks * WEFT__NODES_PER_BLOCK * sizeof(weft__node) + tape->blocks_allocated * sizeof *tape->block +
           tape->arena.bytes + tape->shapes.arena.bytes + tape->names.arena.bytes;
}

weft_node weft_tape_node(weft_tape *tape, uint32_t id)
{
    return tape && id < tape->count ? weft__handle(tape, id) : weft__failed(tape);
}

const weft__node *weft__look(weft_node x)
{
    if (!x.tape || x.id >= x.tape->count)
        return NULL;
    const weft__node *node = weft__at(x.tape, x.id);
    return node->era == x.era ? node : NULL;
}

/* --- names, scopes, marks --- */

weft_node weft_name(weft_node x, const char *name)
{
    weft__node *node = (weft__node *)weft__look(x);
    if (!node)
        return x;
    if (!name) {
        weft_fail(node->op, &x, 1, WEFT_ERROR_ARGUMENT, "its new name is NULL");
        return weft__failed(x.tape);
    }
    const char *copy = weft__string_intern(&x.tape->names, name);
    if (!copy) {
        weft__tape_fail(x.tape, WEFT_ERROR_MEMORY, "out of memory");
        return weft__failed(x.tape);
    }
    node->name = copy;
    return x;
}

/* The scope opened last; NULL: the tape has failed. */
static weft__scope *push(weft_tape *tape, const char *name)
{
    if (!tape || tape->status != WEFT_OK)
        return NULL;
    if (!name || !*name) {
        weft__tape_fail(tape, WEFT_ERROR_ARGUMENT, "a scope needs a name");
        return NULL;
    }
    size_t parent = tape->scope ? strlen(tape->scope->path) + 1 : 0, own = strlen(name);
    weft__scope *scope = weft__arena_take(&tape->arena, sizeof *scope);
    char *path = scope ? weft__arena_take(&tape->arena, parent + own + 1) : NULL;
    if (!path) {
        weft__tape_fail(tape, WEFT_ERROR_MEMORY, "out of memory");
        return NULL;
    }
    if (parent) {
        memcpy(path, tape->scope->path, parent - 1);
        path[parent - 1] = '/';
    }
    memcpy(path + parent, name, own + 1);
    *scope = (weft__scope){.parent = tape->scope, .path = path, .first = tape->count, .end = WEFT_NO_ID};
    tape->scope = scope;
    return scope;
}

void weft_scope_push(weft_tape *tape, const char *name)
{
    push(tape, name);
}

void weft_checkpoint_push(weft_tape *tape, const char *name)
{
    weft__scope *scope = push(tape, name);
    if (!scope)
        return;
    scope->checkpoint = true;
    scope->earlier = tape->checkpoints;
    tape->checkpoints = scope;
}

void weft_scope_pop(weft_tape *tape)
{
    if (!tape || tape->status != WEFT_OK)
        return;
    if (!tape->scope) {
        weft__tape_fail(tape, WEFT_ERROR_ARGUMENT, "weft_scope_pop without a weft_scope_push");
        return;
    }
    tape->scope->end = tape->count;
    tape->scope = tape->scope->parent;
}

weft_mark weft_tape_mark(const weft_tape *tape)
{
    if (!tape)
        return (weft_mark){0};
    weft__arena_mark here = weft__arena_here(&tape->arena);
    return (weft_mark){tape->count, tape->scope, tape->checkpoints, here.chunk, here.used};
}

void weft_tape_rewind(weft_tape *tape, weft_mark mark)
{
    if (!tape || mark.count > tape->count)
        return;
    tape->count = mark.count;
    tape->scope = mark.scope;
    tape->checkpoints = mark.checkpoints;
    for (weft__scope *s = tape->scope; s; s = s->parent)
        s->end = WEFT_NO_ID; /* they are open again */
    weft__arena_rewind(&tape->arena, (weft__arena_mark){mark.chunk, mark.used});
    tape->era++;
    tape->status = WEFT_OK;
    tape->message[0] = 0;
}

/* --- what a node is --- */

bool weft_node_failed(weft_node x)
{
    return !weft__look(x) || x.tape->status != WEFT_OK;
}

weft_shape weft_node_shape(weft_node x)
{
    const weft__node *node = weft__look(x);
    return node ? node->shape->dims : (weft_shape){0};
}

weft_dtype weft_node_dtype(weft_node x)
{
    const weft__node *node = weft__look(x);
    return node ? (weft_dtype)node->dtype : WEFT_F32;
}

const char *weft_node_name(weft_node x)
{
    const weft__node *node = weft__look(x);
    return node && node->name ? node->name : "";
}

const char *weft_node_scope(weft_node x)
{
    const weft__node *node = weft__look(x);
    return node && node->scope ? node->scope : "";
}

const weft_op *weft_node_op(weft_node x)
{
    const weft__node *node = weft__look(x);
    return node ? node->op : NULL;
}

const void *weft_node_attributes(weft_node x)
{
    const weft__node *node = weft__look(x);
    return node ? node->attributes : NULL;
}

int weft_node_operand_count(weft_node x)
{
    const weft__node *node = weft__look(x);
    return node ? node->n : 0;
}

weft_node weft_node_operand(weft_node x, int i)
{
    const weft__node *node = weft__look(x);
    return node && i >= 0 && i < node->n ? weft__handle(x.tape, node->operand[i]) : weft__failed(x.tape);
}

bool weft_node_adjoint_of(weft_node x, weft_node *of, int *edge)
{
    const weft__node *node = weft__look(x);
    if (!node || node->adjoint_of == WEFT_NO_ID || node->adjoint_of >= x.tape->count)
        return false;
    if (of)
        *of = weft__handle(x.tape, node->adjoint_of);
    if (edge)
        *edge = node->edge >= UINT16_MAX - 1 ? node->edge - UINT16_MAX - 1 : node->edge;
    return true;
}

bool weft_node_scalar(weft_node x, double *value)
{
    const weft__node *node = weft__look(x);
    while (node && node->op->kind == WEFT_VIEW)
        node = weft__at(x.tape, node->operand[0]);
    if (!node || node->op->kind != WEFT_CONSTANT || node->shape->count != 1 || node->dtype == WEFT_I64)
        return false;
    if (value)
        *value = node->dtype == WEFT_F32 ? ((const weft__narrow_scalar *)node->attributes)->wide : *(const double *)node->attributes;
    return true;
}

/* --- recording --- */

/* Makes room for `more` records: blocks first, then the list of blocks. */
static bool reserve(weft_tape *tape, size_t more)
{
    size_t blocks = (tape->count + more + WEFT__NODES_PER_BLOCK - 1) / WEFT__NODES_PER_BLOCK;
    if (!weft__grow(&tape->allocator, &tape->block, &tape->blocks_allocated, blocks, sizeof *tape->block))
        return false;
    while (tape->n_blocks < blocks) {
        weft__node *block = weft__allocate(&tape->allocator, WEFT__NODES_PER_BLOCK * sizeof *block);
        if (!block)
            return false;
        tape->block[tape->n_blocks++] = block;
    }
    return true;
}

weft_status weft__infer(const weft_op *op, const weft__node *const *x, int n, const void *attributes, weft_typing *typing)
{
    typing->attributes = attributes;
    typing->n = n;
    typing->hint[0] = 0;
    for (int i = 0; i < n; i++) {
        typing->x[i] = x[i]->shape->dims;
        typing->x_dtype[i] = (weft_dtype)x[i]->dtype;
    }
    for (int i = 0; i < weft__output_count(op); i++) {
        typing->y[i] = (weft_shape){0};
        typing->y_dtype[i] = n ? typing->x_dtype[0] : WEFT_F32;
    }
    if (op->shape)
        return op->shape(typing);
    for (int i = 0; i < n; i++) {
        if (typing->x_dtype[i] == WEFT_I64)
            return weft_typing_error(typing, WEFT_ERROR_DTYPE, "operand %d holds i64 indices; it takes f32 or f64", i);
        if (typing->x_dtype[i] != typing->x_dtype[0])
            return weft_typing_error(typing, WEFT_ERROR_DTYPE, "operand %d is %s against %s; make both of one dtype", i,
                                     weft_dtype_name(typing->x_dtype[i]), weft_dtype_name(typing->x_dtype[0]));
        if (x[i]->shape != x[0]->shape)
            return weft_typing_error(typing, WEFT_ERROR_SHAPE, "shapes differ; weft_elementwise() broadcasts them first");
    }
    typing->y[0] = typing->x[0];
    return WEFT_OK;
}

static weft__node *append_one(weft_tape *tape, const weft_op *op, const weft__shape *shape, weft_dtype dtype)
{
    weft__node *node = (weft__node *)weft__at(tape, tape->count++);
    *node = (weft__node){.op = op,
                         .shape = shape,
                         .scope = tape->scope ? tape->scope->path : NULL,
                         .dtype = (uint8_t)dtype,
                         .edge = tape->edge,
                         .era = tape->era,
                         .adjoint_of = tape->adjoint_of};
    return node;
}

static weft_node out_of_memory(weft_tape *tape)
{
    weft__tape_fail(tape, WEFT_ERROR_MEMORY, "out of memory");
    return weft__failed(tape);
}

/* Everything that may fail comes before the first record, so that a failure leaves the tape as it was. */
static weft_node append(weft_tape *tape, const weft_op *op, const weft_node *x, int n, const void *data, size_t bytes,
                        const weft__shape *const *shape, const weft_dtype *dtype)
{
    int outputs = weft__output_count(op);
    if (tape->count > WEFT_NO_ID - 1 - (uint32_t)outputs || !reserve(tape, (size_t)outputs))
        return out_of_memory(tape);
    size_t links = (size_t)(n + outputs - 1) * sizeof(uint32_t), indices = (size_t)(outputs - 1) * sizeof(uint32_t);
    uint32_t *operand = NULL;
    void *attributes = NULL;
    if (links && !(operand = weft__arena_take(&tape->arena, links + indices)))
        return out_of_memory(tape);
    if (bytes) {
        if (!(attributes = weft__arena_take(&tape->arena, bytes)))
            return out_of_memory(tape);
        memcpy(attributes, data, bytes);
    }
    uint32_t id = tape->count;
    weft__node *node = append_one(tape, op, shape[0], dtype[0]);
    for (int i = 0; i < n; i++)
        operand[i] = x[i].id;
    node->operand = operand;
    node->n = (uint8_t)n;
    node->attributes = attributes;
    for (int i = 1; i < outputs; i++) {
        uint32_t *link = operand + n + i - 1, *index = operand + n + outputs - 1 + i - 1;
        weft__node *part = append_one(tape, &weft_op_part, shape[i], dtype[i]);
        *link = id;
        *index = (uint32_t)i;
        part->operand = link;
        part->n = 1;
        part->attributes = index;
    }
    return (weft_node){tape, id, tape->era};
}

weft_node weft__append(weft_tape *tape, const weft_op *op, const weft_node *x, int n, const void *data, size_t bytes,
                       const weft_typing *typing)
{
    const weft__shape *shape[WEFT_MAX_OUTPUTS];
    for (int i = 0; i < weft__output_count(op); i++) {
        const char *wrong = weft__shape_check(&typing->y[i]);
        if (wrong) {
            if (n)
                return weft_fail(op, x, n, WEFT_ERROR_SHAPE, "%s", wrong);
            weft__tape_fail(tape, WEFT_ERROR_SHAPE, "%s: %s", op->name, wrong);
            return weft__failed(tape);
        }
        shape[i] = weft__shape_intern(&tape->shapes, &typing->y[i]);
        if (!shape[i])
            return out_of_memory(tape);
    }
    return append(tape, op, x, n, data, bytes, shape, typing->y_dtype);
}

/* The operands' records, once they are known to be live nodes of one tape. */
static bool look_up_operands(const weft_op *op, const weft_node *x, int n, const weft__node **record)
{
    weft_tape *tape = x[0].tape;
    for (int i = 0; i < n; i++) {
        if (x[i].tape != tape) {
            weft_fail(op, x, n, WEFT_ERROR_ARGUMENT, "operand %d %s; record both on one tape", i,
                      x[i].tape ? "is on another tape" : "is no node");
            return false;
        }
        record[i] = weft__look(x[i]);
        if (!record[i]) {
            weft_fail(op, x, n, WEFT_ERROR_ARGUMENT, "operand %d was forgotten by weft_tape_rewind(), or never was a node", i);
            return false;
        }
    }
    return true;
}

weft_node weft_record(const weft_op *op, const weft_node *x, int n, const void *attributes)
{
    weft_tape *tape = NULL;
    for (int i = 0; i < n && !tape; i++)
        tape = x[i].tape;
    if (!tape || tape->status != WEFT_OK)
        return weft__failed(tape);
    bool taken = op && n >= 1 && n <= WEFT_MAX_OPERANDS && (op->flags & WEFT_FEWER_OPERANDS ? n <= op->arity : n == op->arity);
    if (!taken || op->outputs > WEFT_MAX_OUTPUTS || (op->attribute_size && !attributes))
        return weft_fail(op, x, n < 0 ? 0 : n, WEFT_ERROR_ARGUMENT, "recorded with %d operands; its weft_op must say so and ask for at most %d", n,
                         WEFT_MAX_OPERANDS);
    const weft__node *record[WEFT_MAX_OPERANDS];
    if (x[0].tape != tape)
        return weft_fail(op, x, n, WEFT_ERROR_ARGUMENT, "operand 0 is no node");
    if (!look_up_operands(op, x, n, record))
        return weft__failed(tape);

    if (!op->shape && op->outputs <= 1 && record[0]->dtype != WEFT_I64) { /* the common case, without copying shapes about */
        bool alike = true;
        for (int i = 1; i < n; i++)
            alike &= record[i]->shape == record[0]->shape && record[i]->dtype == record[0]->dtype;
        weft_dtype dtype = (weft_dtype)record[0]->dtype;
        if (alike)
            return append(tape, op, x, n, attributes, op->attribute_size, &record[0]->shape, &dtype);
    }
    weft_typing typing;
    weft_status status = weft__infer(op, record, n, attributes, &typing);
    if (status != WEFT_OK)
        return weft_fail(op, x, n, status, "%s", typing.hint);
    return weft__append(tape, op, x, n, attributes, op->attribute_size, &typing);
}

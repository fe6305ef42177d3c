/* tape.h: the tape's records, for the stages that read and write them. Invariants:
 * operands have smaller ids than their users; a record never moves or changes once written, except for its name;
 * the outputs of a node with several stand right behind it, as parts. */
#ifndef WEFT_RECORD_TAPE_H
#define WEFT_RECORD_TAPE_H

#include "engine/record/shape.h"
#include "engine/record/strings.h"

typedef struct weft__node {
    const weft_op *op;
    const weft__shape *shape;
    const void *attributes; /* of a constant: its data */
    const char *name;       /* or NULL */
    const char *scope;      /* "layer1/batchnorm", or NULL outside any */
    const uint32_t *operand;
    uint8_t n;              /* operands */
    uint8_t dtype;
    uint16_t edge;          /* of adjoint_of */
    uint32_t era;
    uint32_t adjoint_of;    /* the node whose derivative rule recorded this one; WEFT_NO_ID: none did */
} weft__node;

enum { WEFT__NODES_PER_BLOCK = 512 };

/* The attributes of an f32 constant of one element. Small nodes are wide in a program, and a constant that meets them is too: an N of
 * 2**24 + 1 or an eps of 1e-5 would not survive being rounded to f32 first. */
typedef struct weft__narrow_scalar {
    float value;
    double wide;
} weft__narrow_scalar;

/* A scope that is to be checkpointed knows what was recorded in it: the ids first <= id < end. Since scopes nest, so do these ranges. */
typedef struct weft__scope {
    struct weft__scope *parent;
    const char *path;
    struct weft__scope *earlier; /* of those checkpointed, the one opened before it */
    uint32_t first, end;         /* end: WEFT_NO_ID until it is closed */
    bool checkpoint;
} weft__scope;

struct weft_tape {
    weft_allocator allocator;
    weft__arena arena; /* operands, attributes, scopes: cut back by a rewind */
    weft__shapes shapes;
    weft__strings names;
    weft__node **block; /* of WEFT__NODES_PER_BLOCK records each */
    size_t n_blocks, blocks_allocated;
    uint32_t count, era;
    weft__scope *scope;
    weft__scope *checkpoints; /* the one opened last */
    uint32_t adjoint_of; /* stamped on each new record */
    uint16_t edge;
    weft_status status;
    char message[WEFT_MESSAGE_SIZE];
};

static inline const weft__node *weft__at(const weft_tape *tape, uint32_t id)
{
    return &tape->block[id / WEFT__NODES_PER_BLOCK][id % WEFT__NODES_PER_BLOCK];
}

static inline weft_node weft__handle(weft_tape *tape, uint32_t id)
{
    return (weft_node){tape, id, weft__at(tape, id)->era};
}

static inline weft_node weft__failed(weft_tape *tape)
{
    return (weft_node){.tape = tape, .id = WEFT_NO_ID};
}

/* The record behind a handle; NULL when the handle is failed, stale or of no tape. */
const weft__node *weft__look(weft_node x);

static inline int weft__output_count(const weft_op *op)
{
    return op->outputs > 1 ? op->outputs : 1;
}

/* The one place where every failure of a tape passes: keeps the first status and message. */
weft_status weft__tape_fail(weft_tape *tape, weft_status status, const char *format, ...);

/* Appends a checked record and its parts. data: attributes, or a constant's elements, of `bytes` bytes, copied. */
weft_node weft__append(weft_tape *tape, const weft_op *op, const weft_node *x, int n, const void *data, size_t bytes,
                       const weft_typing *typing);

/* Runs the op's shape rule for operands that are on the tape. */
weft_status weft__infer(const weft_op *op, const weft__node *const *x, int n, const void *attributes, weft_typing *typing);

extern const weft_op weft_op_input, weft_op_parameter, weft_op_constant, weft_op_part;

#endif

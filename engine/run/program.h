/* program.h: a lowered tape. Steps run in order; each reads and writes ports; a port is a layout over a storage.
 *
 *     lower.c    tape -> steps and storages, views resolved to strides, wide nodes chosen
 *     plan.c     storages -> offsets in one pool, by liveness
 *     map.c, reduce.c    the loops of elementwise steps and of reductions
 *     program.c  the public calls: compile, bind, run, read */
#ifndef WEFT_RUN_PROGRAM_H
#define WEFT_RUN_PROGRAM_H

#include "engine/record/tape.h"

typedef enum storage_kind { STORAGE_BUFFER, STORAGE_INPUT, STORAGE_PARAMETER, STORAGE_CONSTANT } storage_kind;

#define NO_STORAGE UINT32_MAX
#define TO_THE_END UINT32_MAX

typedef struct storage {
    size_t bytes;
    size_t offset;        /* in the program's memory */
    void *data;           /* of a constant */
    uint32_t first, last; /* steps that write it and read it last */
    uint8_t kind;
    uint8_t forward;      /* written outside any derivative */
    uint8_t read_forward;  /* read outside any derivative */
    uint8_t read_backward; /* read inside one */
} storage;

typedef struct layout {
    int rank;
    const size_t *dim;
    const ptrdiff_t *stride; /* elements */
} layout;

typedef struct port {
    uint32_t storage;
    uint8_t dtype;
    uint8_t flat_stride;  /* of a MAP_FLAT: 0 or 1 */
    const layout *layout; /* of a CALL; else NULL */
} port;

/* Loops over operands with strides, outermost first; the output is contiguous. */
typedef struct nest {
    int rank;
    const size_t *extent;
    const ptrdiff_t *stride; /* stride[loop * operands + operand], elements */
} nest;

/* Loops of a reduction: over what stays and over what is folded, outermost first. */
typedef struct fold_nest {
    int n_kept, n_folded;
    size_t kept[WEFT_MAX_RANK], folded[WEFT_MAX_RANK];
    ptrdiff_t kept_stride[WEFT_MAX_RANK], folded_stride[WEFT_MAX_RANK];
    bool across; /* the innermost axis stays: fold whole rows into a row */
} fold_nest;

typedef enum verb {
    VERB_MAP_FLAT, /* elementwise, one type, strides 0 and 1 */
    VERB_MAP,      /* elementwise over a nest, types mixed */
    VERB_REDUCE,
    VERB_CALL,     /* the op's own kernel */
    VERB_COPY      /* to contiguous memory, to another dtype */
} verb;

typedef struct step {
    const weft_op *op; /* NULL for a copy */
    const void *attributes;
    const void *loops; /* nest or fold_nest */
    const port *port;  /* outputs, then operands */
    size_t count;      /* elements of the first output */
    uint32_t workspace; /* a storage, or NO_STORAGE */
    uint8_t verb, n_out, n_in, compute; /* compute: the dtype of the arithmetic */
} step;

/* An input or a parameter of the tape, whether the program needs it or not. */
typedef struct leaf {
    uint32_t id, era;
    uint32_t storage;
    bool parameter, bound;
    uint8_t dtype;
    size_t bytes;
    const char *name;
} leaf;

typedef struct assignment {
    uint32_t parameter, value; /* storages of one size */
} assignment;

struct weft_program {
    weft_allocator allocator;
    weft__arena arena; /* everything of variable length that lives as long as the program */
    const weft_tape *tape; /* to recognise handles; never dereferenced */
    step *steps;
    size_t n_steps, steps_allocated;
    storage *storages;
    size_t n_storages, storages_allocated;
    leaf *leaves;
    size_t n_leaves, leaves_allocated;
    assignment *assignments;
    size_t n_assignments, assignments_allocated;
    uint32_t *outputs; /* storages */
    size_t n_outputs;
    void **base;       /* of each storage */
    char *memory;      /* pool, parameters, constants: one block */
    size_t memory_bytes;
    weft_memory sizes;
    bool ready, has_run;
    weft_status status;
    char message[WEFT_MESSAGE_SIZE];
};

weft_status weft__program_fail(weft_program *program, weft_status status, const char *format, ...);

weft_status weft__lower(weft_program *program, weft_tape *tape, const weft_node *outputs, size_t n);

/* Gives every storage its place, and the program its memory. */
weft_status weft__plan(weft_program *program);

/* nest.c */
const nest *weft__nest_make(weft__arena *arena, const weft_shape *shape, const ptrdiff_t *const *stride, int n);
void weft__fold_nest_make(fold_nest *loops, const weft_shape *x, const ptrdiff_t *stride, unsigned axes);
void weft__contiguous(const weft_shape *shape, ptrdiff_t *stride);

/* map.c */
void weft__run_map_flat(const step *s, void *const *base);
void weft__run_map(const step *s, void *const *base);
void weft__run_copy(const step *s, void *const *base);

/* reduce.c */
size_t weft__reduce_workspace(const fold_nest *loops); /* bytes */
void weft__run_reduce(const step *s, void *const *base);

#endif

/* program.h: a lowered tape. Steps run in order: loops, which compute many nodes in one walk, and calls of an op's own kernel.
 *
 *     schedule.c  nodes -> values, and the loop or call that computes each
 *     split.c     the parts of a loop
 *     lower.c     loops and calls -> steps and storages
 *     nest.c      finds loops that can run part by part together
 *     local.c     what a nest keeps by parts
 *     cut.c       cuts loops into parts, and gives them accumulators and workspaces
 *     in_place.c  assignments -> stores to the parameters themselves
 *     plan.c      storages -> offsets in one pool, by liveness
 *     tile_prepare.c, tile.c  lay loops out in tiles and run them
 *     traffic.c   what each step reads and writes, in bytes
 *     pool.c      the threads that take the parts; pool_none.c where there are none
 *     c_compile.c, cache.c  the C backend; c_none.c where there is none
 *     program.c   the public calls: compile, bind, run, read */
#ifndef WEFT_RUN_PROGRAM_H
#define WEFT_RUN_PROGRAM_H

#include "engine/run/loops.h"
#include "engine/run/pool.h"

typedef enum storage_kind {
    STORAGE_BUFFER, STORAGE_INPUT, STORAGE_PARAMETER, STORAGE_CONSTANT,
    STORAGE_OUTPUT /* of a program that is only printed: the caller's */
} storage_kind;

#define NO_STORAGE UINT32_MAX
#define TO_THE_END UINT32_MAX

typedef struct storage {
    size_t bytes;
    size_t offset;        /* in the program's memory */
    void *data;           /* of a constant */
    const char *name;     /* of the node whose value it holds; NULL: none */
    uint32_t node;        /* that node; WEFT_NO_ID: it holds no node's value */
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
    const layout *layout;
    ptrdiff_t offset; /* elements, of an operand */
} port;

/* A storage that a nest keeps by parts, see local.c. */
typedef struct local {
    uint32_t storage;
    size_t each; /* bytes of a part */
    size_t room; /* bytes of a worker */
} local;

typedef struct step {
    loop *loop;        /* or NULL: a call */
    uint32_t together; /* this step and those behind it that run part by part in turn, see nest.c; 0: it runs alone */
    const local *locals; /* of the nest that begins here */
    uint32_t n_locals;
    void (*compiled)(void *const *base, size_t part); /* the loop's C; NULL: it is interpreted */
    const weft_op *op; /* of a call */
    const void *attributes;
    const port *port;  /* outputs, then operands */
    uint32_t workspace; /* a storage, or NO_STORAGE */
    size_t worker_bytes; /* of it for each thread */
    uint8_t n_out, n_in;
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
    int threads;       /* that the workspaces are made for */
    bool shares;       /* some step has work for more than one */
    weft__pool *pool;  /* NULL: the caller alone */
    void **base;       /* of each storage */
    void **local_base; /* (local_workers, n_storages): the same as a worker sees it in a nest that keeps storages by parts */
    size_t local_workers;
    char *memory;      /* pool, parameters, constants: one block */
    size_t memory_bytes;
    weft_memory sizes;
    weft_traffic traffic;
    void *library;     /* the compiled loops, loaded; or NULL */
    bool for_c;   /* its loops are to be compiled, so those that can be have no workspace for tiles */
    bool printed; /* it is text, and never runs: loops are not cut into parts, and nothing is allocated for what they compute */
    bool ready, has_run;
    weft_status status;
    char message[WEFT_MESSAGE_SIZE];
};

weft_status weft__program_fail(weft_program *program, weft_status status, const char *format, ...);

weft_status weft__lower(weft_program *program, weft_tape *tape, const weft_node *outputs, size_t n);

/* program.c: the outputs as they are, lowered to be printed. Those that are no assignments have storages of the kind STORAGE_OUTPUT, and
 * memory.peak is the workspace that remains. */
weft_program *weft__compile_to_print(const weft_node *outputs, size_t n);

/* Gives every storage its place, and the program its memory. */
weft_status weft__plan(weft_program *program);

/* cut.c */
weft_status weft__cut_loops(weft_program *program);

/* local.c: makes storages smaller that a nest writes and reads again; false when out of memory. For a part of it, where every storage then is. */
bool weft__find_locals(weft_program *program);
void *const *weft__local_base(const weft_program *program, const step *s, size_t part, int worker);

/* nest.c: cuts those alike that can run together, and moves steps that stand between them; false when out of memory. */
bool weft__find_nests(weft_program *program);

/* in_place.c: assignments that need no copy at the end of a run become stores to the parameter itself. Loops must know what nests they are in. */
void weft__update_in_place(weft_program *program);

/* --- traffic.c --- */

/* A storage that a step reads or writes, and how many bytes of it the step visits: a broadcast array has its own size only. */
typedef struct touch {
    uint32_t storage;
    size_t bytes;
    ptrdiff_t offset; /* of the first look at it */
    bool written;
} touch;

typedef struct touches {
    weft_allocator allocator;
    const weft_program *program;
    touch *list; /* of one step, each storage once */
    size_t n, allocated;
    uint32_t *at; /* (n_storages): where in the list */
} touches;

bool weft__touches_init(touches *t, const weft_program *program); /* false: out of memory; release it all the same */
bool weft__touches_find(touches *t, const step *s);               /* false: out of memory */
void weft__touches_free(touches *t);

weft_status weft__traffic_count(weft_program *program);

#endif

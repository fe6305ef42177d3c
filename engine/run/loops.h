/* loops.h: a loop is one walk over an iteration space that computes many nodes on the way. Its body is a list of instructions in SSA form:
 * loads, conversions between f32 and f64, elementwise ops, stores, and folds into accumulators. Both backends read this and nothing else:
 * tile.c runs the body on one tile after another, c_text.c prints it as C.
 *
 * The space is the shape of the elementwise nodes without axes of length 1, neighbours merged where every access allows it, and has at least
 * two dims. Loads have a stride for each dim, 0 where they repeat, negative where they go backwards, and begin at any element. Stores are contiguous. A fold has the strides of its result, 0 along the
 * dims that it folds away.
 *
 * One dim is split among parts, whose number depends on the sizes alone. A fold over that dim has accumulators for each part, which are
 * merged in order when all parts are done; so the bits do not depend on who ran which part when. */
#ifndef WEFT_RUN_LOOPS_H
#define WEFT_RUN_LOOPS_H

#include "engine/record/tape.h"

typedef enum action { ACTION_LOAD, ACTION_CONVERT, ACTION_MAP, ACTION_STORE, ACTION_FOLD } action;

#define NO_INSTRUCTION UINT16_MAX
#define NO_SLOT UINT16_MAX

typedef struct instruction {
    const weft_op *op;       /* of a map or a fold */
    const char *name;        /* of the node that it computes; NULL: none */
    const ptrdiff_t *stride; /* of a load, a store or a fold, for each dim, in elements */
    ptrdiff_t offset;        /* of a load: elements, from the storage's first to that of the first position */
    uint32_t node;           /* that it computes, loads or stores */
    uint32_t storage;        /* of a load, a store, or the result of a fold */
    uint32_t partial;        /* of a fold over the split dim: the accumulators of the parts; else NO_STORAGE */
    uint16_t operand[WEFT_MAX_OPERANDS];
    uint16_t slot;           /* the tile that holds its values, or NO_SLOT */
    uint16_t into;           /* the store that a map or conversion writes straight to, or NO_INSTRUCTION */
    uint8_t action, n;       /* n: operands */
    uint8_t reading;         /* of a load: how tile.c gets at it */
    uint8_t updates;         /* of a store: it writes over an array that the loop may read; nothing behind it in the body does */
    uint8_t folded;          /* of a map: the fold behind it alone takes its results, and can take them as they arise */
    uint8_t dtype;           /* of its result; of a store or fold: of what it takes */
} instruction;

enum { MOST_INSTRUCTIONS = 4096, MOST_PARTS = 16 };

typedef struct loop {
    int rank; /* at least 2 */
    size_t extent[WEFT_MAX_RANK + 1];
    size_t count; /* elements of the space */
    const instruction *body;
    int length;       /* of the body */
    int split;        /* the dim that is cut into parts; -1 where the program is only printed: none is */
    size_t parts, step; /* part p covers [p*step, (p+1)*step) of it */
    bool shared;        /* the parts are worth more than one thread */
    size_t rows, run;   /* a tile: rows of the last dim, or a run of one */
    bool fetch;         /* it reads more than a core's own cache holds: the next tile is asked for ahead */
    bool past;          /* its results go past the caches */
    bool kept;          /* a later loop of its nest reads them, so they do not */
    int slots;
    uint32_t workspace; /* a storage: what tile.c keeps */
    size_t worker_bytes; /* of it for each thread; whole cache lines */
} loop;

/* split.c */
void weft__loop_split(loop *l); /* split, parts, step, shared */
size_t weft__loop_units(const loop *l); /* what it costs, in additions of one element */
bool weft__worth_sharing(size_t units);

/* tile_prepare.c, tile.c */
void weft__tiles_prepare(loop *l, instruction *body, uint16_t *scratch); /* slots, tile shape, worker_bytes; scratch: (length) */
void weft__tiles_run(const loop *l, void *const *base, size_t part, int worker);

/* Puts together what the parts of a loop have folded. */
void weft__loop_finish(const loop *l, void *const *base);
size_t weft__fold_kept(const loop *l, const instruction *fold); /* elements of its result */

#endif

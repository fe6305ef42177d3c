/* tile.h: how a loop is laid out in tiles. tile_prepare.c chooses it when a program is compiled, tile.c runs it. */
#ifndef WEFT_RUN_TILE_H
#define WEFT_RUN_TILE_H

#include "engine/run/loops.h"

enum { TILE = 512 /* elements */, BLOCK = 256 /* rows that a fold adds up before it adds that to the rest */ };

typedef enum reading {
    READ_DIRECT,   /* with the stride of the last dim */
    READ_UNIFORM,  /* one element for the whole tile */
    READ_REPEATED, /* the same row for every row of every tile: gathered once */
    READ_GATHERED  /* row by row into a slot */
} reading;

/* Of an instruction, while a loop runs. */
typedef struct state {
    const char *at;   /* its values in the current tile */
    ptrdiff_t stride; /* elements: 0, 1, or that of a direct load */
    ptrdiff_t offset; /* of a load, store or fold: elements from its storage, its own and by the outer dims */
    double *block;    /* of a fold that goes by blocks */
} state;

/* Each thread keeps the states of all instructions, then the slots, then the blocks; each begins on a cache line. */
static inline size_t weft__whole_lines(size_t bytes)
{
    return (bytes + 63) & ~(size_t)63;
}

/* Of all instructions. One takes 32 bytes also where addresses have 32 bits, so that a program needs as much memory on any machine. */
static inline size_t weft__states_bytes(const loop *l)
{
    return weft__whole_lines((size_t)l->length * (sizeof(state) > 32 ? sizeof(state) : 32));
}

static inline size_t weft__slot_bytes(const loop *l)
{
    size_t bytes = l->rows * l->run * sizeof(double);
    return l->count == 1 ? bytes : weft__whole_lines(bytes); /* numbers of a graph of scalars share cache lines */
}

static inline bool weft__in_blocks(const loop *l, const instruction *fold)
{
    return fold->stride[l->rank - 1] && !fold->stride[l->rank - 2] && l->extent[l->rank - 2] > BLOCK;
}

#endif

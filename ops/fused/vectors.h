/* vectors.h: the vectors of an array along one of its axes, and how the fused ops that work on each of them alone cut an array into parts. An array
 * is seen as (outer, length, inner), length being that axis. Where inner is 1 a vector is a row of contiguous elements; else up to COLUMNS vectors,
 * which lie side by side, are walked at once. */
#ifndef WEFT_OPS_FUSED_VECTORS_H
#define WEFT_OPS_FUSED_VECTORS_H

#include "engine/stream.h"
#include "ops/fused/parts.h"

enum { COLUMNS = 64, LANES = 32 /* sums side by side along a row */, FEW = 8 /* along what is left of it */, CHUNK = 64 /* elements of one store past the caches */ };

typedef struct vectors {
    size_t outer, length, inner;
    size_t blocks; /* of columns in each (length, inner) */
    size_t units;  /* rows, or blocks of columns */
    size_t step;   /* units of a part */
    size_t parts;
    bool past;     /* results go past the caches: with what is read they are too large for them */
} vectors;

/* arrays: of x's size, that the pass reads and writes. */
vectors weft__vectors_along(int rank, const size_t *dim, int axis, weft_dtype dtype, size_t arrays);

/* Calls work for each part, on several threads where that is worth it. */
void weft__run_parts(const weft_call *call, const vectors *v, void (*work)(void *context, size_t part, void *workspace), void *context);

/* The units of a part: from *first to the one before what is returned. */
static inline size_t weft__units_of(const vectors *v, size_t part, size_t *first)
{
    *first = part * v->step;
    return v->units - *first < v->step ? v->units : *first + v->step;
}

/* Of a unit of columns: where it begins in the array, and how many columns it has. */
static inline size_t weft__columns_of(const vectors *v, size_t unit, size_t *width)
{
    size_t column = unit % v->blocks * COLUMNS;
    *width = v->inner - column < COLUMNS ? v->inner - column : COLUMNS;
    return unit / v->blocks * v->length * v->inner + column;
}

/* WEFT_OK where the first n operands are numbers, all f32 or all f64. */
weft_status weft__check_numbers(weft_typing *t, int n);

/* x's shape with the axis of length 1: of what belongs to a vector as a whole. */
weft_shape weft__one_along(const weft_shape *x, int axis);

#endif

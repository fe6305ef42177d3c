/* gemm.h: dense matrix products over strides, by CBLAS where the build has one and the strides allow it, else by plain loops.
 *
 * A product is cut into tiles of y, from its sizes alone, and tiles may be computed in any order and on any thread: each element of y is added
 * up in one order. No call of CBLAS is large enough for OpenBLAS to use threads of its own; see gemm.c. */
#ifndef WEFT_OPS_GEMM_H
#define WEFT_OPS_GEMM_H

#include "engine/weft_op.h"

/* y (m, n), contiguous = a (m, k) b (k, n); strides in elements. */
typedef struct weft__gemm {
    size_t m, n, k;
    weft_dtype dtype;
    const void *a, *b;
    const ptrdiff_t *a_stride, *b_stride;
    void *y;
    size_t rows, columns; /* of a tile; weft__gemm_cut() gives these and what follows */
    size_t across, tiles; /* tiles in a row of them, and in all */
    bool packed;          /* blocks of a and b are copied before they are multiplied */
    size_t deep;          /* terms of a sum that are added up in f32, then in f64 with those before; 0: all of them are added up in the dtype */
    bool shared;          /* the tiles are worth more than one thread */
} weft__gemm;

void weft__gemm_cut(weft__gemm *g);                         /* from m, n and k */
size_t weft__gemm_workspace(const weft__gemm *g);           /* bytes that a tile needs while it is computed */
void weft__gemm_tile(const weft__gemm *g, size_t tile, void *workspace);

#endif

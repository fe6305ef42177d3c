/* gemm.c: how a product is cut, and the choice between CBLAS and the plain loops of gemm_loops.inc, which are its oracle and serve builds
 * without it.
 *
 * Threads. OpenBLAS has one number of threads for the whole process, which is the caller's and not ours to set; and its bits may depend on it.
 * It multiplies on the calling thread as long as m*n*k <= 2**18 (interface/gemm.c, since 0.2: SMP_THRESHOLD_MIN * GEMM_MULTITHREAD_THRESHOLD;
 * seen so in 0.3.21), so every product is cut into calls of at most that size. The price, on one thread of a Xeon with AVX-512, against
 * one call of OpenBLAS for everything: f32 0.84 of its time at (128, 128, 128), 0.98 at 512, 1.17 at 1024; f64 0.85, 1.04 and 1.18. Blocks are
 * copied first, since at this size OpenBLAS reads them where they lie, and rows far apart cost it up to half of its speed.
 *
 * Long sums. In f32 the rounding of a sum grows with its terms: 1e7 products of 0.1f with themselves, added up by calls of 512 terms one upon the
 * other, are off by 2136 ulp, and by 2620 in PyTorch 1.13. So f32 adds up DEEP terms at most, and f64 adds up what comes of them: 0.6 ulp then, at any
 * length. What remains is the rounding within DEEP terms, which is systematic where they are all alike: 0.1f times 1 is off by 3 ulp (PyTorch: 3087).
 * Where blocks are copied it pays to go DEEP_PACKED terms, which are off by up to 18 ulp then, and by less than 2 for terms that are not all alike.
 *
 * Tiny products. A call of CBLAS takes 16 to 28 ns up to (4, 4, 4), or 65 to 95 where an operand is transposed or the processor has no AVX-512;
 * the plain loops take 9 ns for one element, 20 for (2, 2, 2) and 60 for (4, 4, 4), and lose beyond. */
#include "ops/primitive/gemm.h"

#include <limits.h>
#include <string.h>

enum {
    TINY = 64,           /* multiplications that plain loops do sooner than CBLAS can be called */
    CALL = 1 << 18,      /* that OpenBLAS does on the calling thread */
#ifdef WEFT_CBLAS
    DEEP = 256,          /* terms of a sum that are added up in f32, in several parts where OpenBLAS does it */
#else
    DEEP = 16,           /* one after the other by the plain loops, so fewer */
#endif
    DEEP_PACKED = 2048,  /* likewise, where blocks are copied: a whole number of them */
    WHOLE = 1 << 20,     /* that are not worth copying blocks, nor more than one tile */
    SHARED = 1 << 23,    /* that are worth more than one thread: 0.1 ms in f32 */
    TILE = 256, SMALL_TILE = 128, /* the longest sides of a tile */
    BLOCK_M = 32, BLOCK_N = 64, BLOCK_K = 128 /* a call for copied blocks: CALL multiplications */
};

#ifdef WEFT_CBLAS
#include <cblas.h>

/* CBLAS takes a matrix whose rows or whose columns are contiguous, with sizes that fit an int. */
static bool blas_layout(const ptrdiff_t *stride, size_t rows, size_t columns, CBLAS_TRANSPOSE *transpose, int *leading)
{
    bool by_rows = stride[1] == 1 || columns == 1, by_columns = stride[0] == 1 || rows == 1;
    ptrdiff_t step = by_rows ? stride[0] : stride[1];
    size_t least = by_rows ? columns : rows;
    if ((by_rows && rows == 1) || (!by_rows && columns == 1) || step < (ptrdiff_t)least) {
        if ((by_rows ? rows : columns) > 1)
            return false; /* broadcast or reversed */
        step = (ptrdiff_t)least;
    }
    if ((!by_rows && !by_columns) || step > INT_MAX)
        return false;
    *transpose = by_rows ? CblasNoTrans : CblasTrans;
    *leading = (int)(step > 0 ? step : 1);
    return true;
}

/* About half, and whole vectors: (64, 64)@(64, 100) takes 6.3 us in two calls of 50 columns, 5.3 in calls of 64 and 36, and in one. */
static size_t even_half(size_t side)
{
    return side > 64 ? (side / 2 + 31) & ~(size_t)31 : side / 2;
}
#endif

#define T float
#define FN(name) name##_f32
#define CBLAS_GEMM cblas_sgemm
#include "ops/primitive/gemm_loops.inc"
#undef CBLAS_GEMM
#undef FN
#undef T
#define T double
#define FN(name) name##_f64
#define CBLAS_GEMM cblas_dgemm
#include "ops/primitive/gemm_loops.inc"

/* The side of a tile, of even tiles that are whole blocks. */
static size_t side(size_t extent, size_t longest, size_t block)
{
    size_t tiles = (extent + longest - 1) / longest, even = tiles ? (extent + tiles - 1) / tiles : 1;
    return (even + block - 1) / block * block;
}

void weft__gemm_cut(weft__gemm *g)
{
    size_t outputs = g->m * g->n; /* a shape, so its count has been checked */
    bool large = outputs && g->k > WHOLE / outputs;
    size_t longest = outputs < 4 * (size_t)TILE * TILE ? SMALL_TILE : TILE;
    g->rows = large ? side(g->m, longest, BLOCK_M) : g->m;
    g->columns = large ? side(g->n, longest, BLOCK_N) : g->n;
    g->across = g->columns ? (g->n + g->columns - 1) / g->columns : 0;
    g->tiles = g->rows ? (g->m + g->rows - 1) / g->rows * g->across : 0;
    g->packed = large && g->m >= BLOCK_M && g->n >= BLOCK_N; /* else a block is hardly read twice */
    g->deep = g->dtype == WEFT_F32 && g->k > (g->packed ? DEEP_PACKED : DEEP) ? (g->packed ? DEEP_PACKED : DEEP) : 0;
    g->shared = outputs && g->tiles > 1 && g->k > SHARED / outputs;
}

size_t weft__gemm_workspace(const weft__gemm *g)
{
    size_t blocks = g->packed ? (g->rows + g->columns) * BLOCK_K * weft_dtype_size(g->dtype) : 0;
    return blocks + (g->deep ? g->rows * g->columns * sizeof(double) : 0);
}

void weft__gemm_tile(const weft__gemm *g, size_t tile, void *workspace)
{
    if (g->dtype == WEFT_F32)
        gemm_tile_f32(g, tile, workspace);
    else
        gemm_tile_f64(g, tile, workspace);
}

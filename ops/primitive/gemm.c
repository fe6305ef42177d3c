/* gemm.c: the choice between CBLAS and the plain loops of gemm_loops.inc, which are its oracle and serve builds without it. */
#include "ops/primitive/gemm.h"

#include <limits.h>
#include <string.h>

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

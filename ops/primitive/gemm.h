/* gemm.h: dense matrix products over strides, by CBLAS where the build has one and the strides allow it, else by plain loops. */
#ifndef WEFT_OPS_GEMM_H
#define WEFT_OPS_GEMM_H

#include "engine/weft.h"

/* y (m, n), contiguous = a (m, k) b (k, n); strides in elements. */
void weft__gemm_f32(size_t m, size_t n, size_t k, const float *a, const ptrdiff_t *a_stride, const float *b, const ptrdiff_t *b_stride, float *y);
void weft__gemm_f64(size_t m, size_t n, size_t k, const double *a, const ptrdiff_t *a_stride, const double *b, const ptrdiff_t *b_stride, double *y);

#endif

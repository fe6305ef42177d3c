/* parts.h: how the fused ops cut their work into parts, and what their kernels use everywhere. How many parts there are depends on the size alone,
 * so that any number of threads gives the same bits. */
#ifndef WEFT_OPS_FUSED_PARTS_H
#define WEFT_OPS_FUSED_PARTS_H

#include "engine/weft_op.h"

enum { FORWARD_ARRAYS = 2, BACKWARD_ARRAYS = 3 /* that a pass reads or writes */ };
enum { MOST_PARTS = 16, PART = 65536 /* elements */, WORTH_SHARING = 1 << 19 /* elements: a fork and a join cost what 100,000 take */ };

#ifdef __OPTIMIZE_SIZE__
#define WEFT_INLINE static inline
#else
#define WEFT_INLINE static inline __attribute__((always_inline))
#endif

static inline double weft__element(const weft_view *x, size_t i)
{
    return x->dtype == WEFT_F32 ? (double)((const float *)x->data)[i] : ((const double *)x->data)[i];
}

#endif

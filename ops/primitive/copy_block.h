/* copy_block.h: one strided block of memory to another, for ops that move elements of any number type. */
#ifndef WEFT_OPS_COPY_BLOCK_H
#define WEFT_OPS_COPY_BLOCK_H

#include "engine/weft_op.h"

/* Copies dim[0] x ... x dim[rank - 1] elements of `size` bytes, 4 or 8. Strides count elements. The blocks must not overlap. */
void weft__copy_block(int rank, const size_t *dim, size_t size, void *to, const ptrdiff_t *to_stride, const void *from, const ptrdiff_t *from_stride);

#endif

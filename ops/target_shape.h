/* target_shape.h: ops whose attribute is the shape of their result. */
#ifndef WEFT_OPS_TARGET_SHAPE_H
#define WEFT_OPS_TARGET_SHAPE_H

#include "engine/weft_op.h"

weft_node weft__target_shape_record(const weft_op *op, weft_node x, int rank, const size_t *dim);

#endif

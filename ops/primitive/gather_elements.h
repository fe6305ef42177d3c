/* gather_elements.h: what gather_elements and its transpose share: x and the index have equal shapes, but along the axis. */
#ifndef WEFT_OPS_GATHER_ELEMENTS_H
#define WEFT_OPS_GATHER_ELEMENTS_H

#include "ops/primitive/along.h"

weft_status weft__elements_shape(weft_typing *typing); /* the operands' part of the shape rule */

/* Records op once x and the index are broadcast against each other on the axes other than this one; a scatter's operands on all. */
weft_node weft__elements_record(const weft_op *op, weft_node x, weft_node index, int axis, size_t length);

#endif

/* reduction.h: what ops that fold axes away share: their shape rule, their builder, the broadcast that undoes one, and what max and min are alike in. */
#ifndef WEFT_OPS_REDUCTION_H
#define WEFT_OPS_REDUCTION_H

#include "engine/weft_op.h"

weft_status weft__reduction_shape(weft_typing *typing);
weft_node weft__reduction_record(const weft_op *op, weft_node x, unsigned axes, bool keepdims);
weft_node weft__reduction_spread(weft_node y, weft_node x, weft_node value); /* value, of y's shape, repeated over the shape of x */

/* Of max and min: nothing is the largest or smallest of nothing; and the derivative, shared evenly among ties. */
weft_status weft__extreme_shape(weft_typing *typing);
void weft__extreme_vjp(weft_node y, const weft_node *x, const weft_node *dy, weft_node *dx);

#endif

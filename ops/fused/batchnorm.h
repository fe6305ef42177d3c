/* batchnorm.h: the passes over memory of the fused batch normalizations, with or without a ReLU behind. */
#ifndef WEFT_OPS_FUSED_BATCHNORM_H
#define WEFT_OPS_FUSED_BATCHNORM_H

#include "engine/weft.h"

/* (h, gamma, beta) -> (y, mean, rstd). */
weft_status weft__batchnorm_forward_shape(weft_typing *t);
size_t weft__batchnorm_forward_workspace(const weft_typing *t);
weft_status weft__batchnorm_forward(const weft_call *call, bool relu);

/* (dy, h, gamma, mean, rstd) -> (dh, dgamma, dbeta); with a ReLU a sixth operand, beta, since y > 0 is computed again. */
weft_status weft__batchnorm_backward_shape(weft_typing *t);
size_t weft__batchnorm_backward_workspace(const weft_typing *t);
weft_status weft__batchnorm_backward(const weft_call *call, bool relu);

/* The staged twin of the backward pass, with mean and rstd as operands of their own. dy: what arrives at y, or, with a ReLU, what passes it. */
weft_status weft__batchnorm_backward_expand(weft_node dy, const weft_node *x, weft_node *outputs);

#endif

/* norm_rows.h: the passes over memory of the fused normalizations of rows, with gamma along the row: centred with a beta (layernorm), or neither
 * (rmsnorm). layernorm.c and rmsnorm.c say what they compute. */
#ifndef WEFT_OPS_FUSED_NORM_ROWS_H
#define WEFT_OPS_FUSED_NORM_ROWS_H

#include "ops/fused/vectors.h"

/* (x, gamma, beta) -> (y, mean, rstd), or (x, gamma) -> (y, rrms); x (..., D), gamma and beta (D), mean, rstd and rrms (..., 1). */
weft_status weft__norm_rows_forward(const weft_call *call, bool centred);

/* (dy, x, gamma, mean, rstd) -> (dx, dgamma, dbeta), or (dy, x, gamma, rrms) -> (dx, dgamma). */
weft_status weft__norm_rows_backward(const weft_call *call, bool centred);
size_t weft__norm_rows_backward_workspace(const weft_typing *t);

#endif

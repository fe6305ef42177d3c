/* batchnorm.h: the passes over memory of the fused batch normalizations, with or without a ReLU behind. h is (N, C, ...); arrays of which a channel
 * is a column, (N, D), are walked by rows, the others by planes. */
#ifndef WEFT_OPS_FUSED_BATCHNORM_H
#define WEFT_OPS_FUSED_BATCHNORM_H

#include "ops/fused/parts.h"

/* (h, gamma, beta) -> (y, mean, rstd, sigma2). */
weft_status weft__batchnorm_forward_shape(weft_typing *t);
size_t weft__batchnorm_forward_workspace(const weft_typing *t);
weft_status weft__batchnorm_forward(const weft_call *call, bool relu);

/* (dy, h, gamma, mean, rstd) -> (dh, dgamma, dbeta); with a ReLU a sixth operand, beta, since y > 0 is computed again. */
weft_status weft__batchnorm_backward_shape(weft_typing *t);
size_t weft__batchnorm_backward_workspace(const weft_typing *t);
weft_status weft__batchnorm_backward(const weft_call *call, bool relu);

/* The attributes of the evaluation; frozen: gamma and beta are constants for derivatives. */
typedef struct weft__evaluation {
    double eps;
    int64_t relu, frozen;
} weft__evaluation;

/* Of given moments: (h, gamma, beta, mean, variance) -> y; (dy, h, gamma, mean, variance, beta) -> (dh, dgamma, dbeta). */
size_t weft__batchnorm_evaluated_workspace(const weft_typing *t);
weft_status weft__batchnorm_evaluated(const weft_call *call, bool relu);
weft_status weft__batchnorm_evaluated_backward(const weft_call *call, bool relu);

/* (variance + eps)**(-1/2), and 0 where the root is 0 */
double weft__rstd(double variance, double eps);

/* Whether h is seen as (N, C, L), planes of L elements; what has planes of one element is (N, C) in memory, and rows. */
static inline bool weft__in_planes(int rank, const size_t *dim)
{
    size_t length = 1;
    for (int i = 2; i < rank; i++)
        length *= dim[i];
    return length != 1;
}

/* The kernels of planes, which need no workspace. */
weft_status weft__batchnorm_planes_forward(const weft_call *call, bool relu);
weft_status weft__batchnorm_planes_backward(const weft_call *call, bool relu);
weft_status weft__batchnorm_planes_evaluated(const weft_call *call, bool relu);
weft_status weft__batchnorm_planes_evaluated_backward(const weft_call *call, bool relu);

/* Of one channel: y = (h - mean) scale + offset, dh = scale (dy - mean_dy - slope (h - mean)). */
typedef struct affine_at {
    double mean, scale, offset, mean_dy, slope;
} affine_at;

/* The staged twin of the backward pass, with mean and rstd as operands of their own. dy: what arrives at y, or, with a ReLU, what passes it. */
weft_status weft__batchnorm_backward_expand(weft_node dy, const weft_node *x, weft_node *outputs);

#endif

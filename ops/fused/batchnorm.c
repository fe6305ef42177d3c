/* batchnorm.c: batch normalization, forward and backward, by hand. ops/staged/batchnorm.c is the same as the paper writes it.
 *
 * Backward, with x = (h - mu) r, r = (sigma2 + eps)**(-1/2), everything summed over the batch:
 *     dL/dx[i] = g dy[i]                                   y = g x + b
 *     dL/dr    = sum_i g dy[i] (h[i] - mu)                 x = (h - mu) r
 *     dL/dsigma2 = -1/2 r**3 dL/dr                         r = (sigma2 + eps)**(-1/2)
 *     dL/dmu   = -r sum_i g dy[i]                          the path through sigma2 adds -2/N sum_i (h[i] - mu) dL/dsigma2 = 0
 *     dL/dh[i] = g r dy[i] + 2/N (h[i] - mu) dL/dsigma2 + 1/N dL/dmu
 *              = g r / N (N dy[i] - sum dy - x[i] sum dy x)
 * and dgamma = sum dy x, dbeta = sum dy: two sums over (dy, h) in one read, then one read that writes dh.
 *
 * Outputs are y, mu, r and sigma2. Running statistics follow sigma2, and 1/r**2 - eps would not do: where sigma2 is small beside eps, nothing of its
 * digits is left in r. */
#include "ops/fused/batchnorm.h"
#include "ops/fused/words.h"
#include "ops/staged/staged.h"

static weft_status backward_kernel(const weft_call *call)
{
    return weft__batchnorm_backward(call, false);
}

static weft_status backward_expand(weft_node y, const weft_node *x, weft_node *outputs)
{
    (void)y;
    return weft__batchnorm_backward_expand(x[0], x, outputs);
}

const weft_op weft_op_fused_batchnorm_backward = {
    .name = "fused_batchnorm_backward", .formula = "dh = gamma rstd/N (N dy - sum dy - hhat sum(dy hhat))", .arity = 5, .outputs = 3,
    .kind = WEFT_GENERAL, .flags = WEFT_IN_PARTS | WEFT_NEVER_FAILS, .wide_operands = 1u << 3 | 1u << 4, .wide_outputs = 1u << 1 | 1u << 2,
    .shape = weft__batchnorm_backward_shape, .kernel = backward_kernel, .workspace = weft__batchnorm_backward_workspace, .expand = backward_expand,
};

static weft_status forward_kernel(const weft_call *call)
{
    return weft__batchnorm_forward(call, false);
}

static void forward_vjp(weft_node y, const weft_node *x, const weft_node *dy, weft_node *dx)
{
    const weft_node operands[] = {dy[0], x[0], x[1], weft_part(y, 1), weft_part(y, 2)};
    dx[0] = weft_record(&weft_op_fused_batchnorm_backward, operands, 5, NULL);
    dx[1] = weft_part(dx[0], 1);
    dx[2] = weft_part(dx[0], 2);
}

static weft_status forward_expand(weft_node y, const weft_node *x, weft_node *outputs)
{
    weft__batchnorm_staged(x[0], x[1], x[2], *(const double *)weft_node_attributes(y), outputs);
    return weft_tape_status(y.tape);
}

const weft_op weft_op_fused_batchnorm = {
    .name = "fused_batchnorm", .formula = "y = gamma (h - mean) rstd + beta", .arity = 3, .outputs = 4,
    .kind = WEFT_GENERAL, .flags = WEFT_IN_PARTS | WEFT_NEVER_FAILS, .attribute_size = sizeof(double),
    .words = weft__eps_words, .wide_outputs = 1u << 1 | 1u << 2 | 1u << 3,
    .shape = weft__batchnorm_forward_shape, .kernel = forward_kernel, .workspace = weft__batchnorm_forward_workspace, .vjp = forward_vjp,
    .expand = forward_expand,
};

weft_node weft_fused_batchnorm(weft_node h, weft_node gamma, weft_node beta, double eps)
{
    if (weft__batchnorm_check("fused_batchnorm", h, gamma, beta, eps) != WEFT_OK)
        return (weft_node){.tape = h.tape, .id = WEFT_NO_ID};
    return weft_record(&weft_op_fused_batchnorm, (weft_node[]){h, gamma, beta}, 3, &eps);
}

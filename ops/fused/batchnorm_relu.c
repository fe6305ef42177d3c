/* batchnorm_relu.c: batch normalization and the ReLU behind it in the same passes, forward and backward, by hand.
 *
 * y = max(z, 0) with z = gamma x + beta, x = (h - mu) r. Backward, only what arrives where z > 0 passes: with m[i] = 1 where z[i] > 0, else 0,
 * it is batchnorm.c's derivation with m dy for dy:
 *     dL/dh[i] = g r / N (N m[i] dy[i] - sum m dy - x[i] sum m dy x)        dgamma = sum m dy x        dbeta = sum m dy
 * z is computed again from h, which both passes read anyway, rounded as the ReLU saw it; so no mask is kept. */
#include "ops/fused/batchnorm.h"
#include "ops/fused/words.h"
#include "ops/staged/staged.h"

static weft_status backward_kernel(const weft_call *call)
{
    return weft__batchnorm_backward(call, true);
}

static weft_status backward_expand(weft_node y, const weft_node *x, weft_node *outputs)
{
    (void)y;
    weft_node dy = x[0], h = x[1], gamma = weft__batchnorm_column(x[2], h), mean = weft__batchnorm_column(x[3], h);
    weft_node rstd = weft__batchnorm_column(x[4], h), beta = weft__batchnorm_column(x[5], h);
    weft_node z = weft_add(weft_mul(gamma, weft_mul(weft_sub(h, mean), rstd)), beta);
    return weft__batchnorm_backward_expand(weft_mul(dy, weft_greater(z, weft_full_like(z, 0))), x, outputs);
}

const weft_op weft_op_fused_batchnorm_relu_backward = {
    .name = "fused_batchnorm_relu_backward", .formula = "dh = gamma rstd/N (N m dy - sum m dy - hhat sum(m dy hhat)), m = z > 0",
    .arity = 6, .outputs = 3,
    .kind = WEFT_GENERAL, .flags = WEFT_IN_PARTS | WEFT_NEVER_FAILS, .wide_operands = 1u << 3 | 1u << 4, .wide_outputs = 1u << 1 | 1u << 2,
    .shape = weft__batchnorm_backward_shape, .kernel = backward_kernel, .workspace = weft__batchnorm_backward_workspace, .expand = backward_expand,
};

static weft_status forward_kernel(const weft_call *call)
{
    return weft__batchnorm_forward(call, true);
}

static void forward_vjp(weft_node y, const weft_node *x, const weft_node *dy, weft_node *dx)
{
    const weft_node operands[] = {dy[0], x[0], x[1], weft_part(y, 1), weft_part(y, 2), x[2]};
    dx[0] = weft_record(&weft_op_fused_batchnorm_relu_backward, operands, 6, NULL);
    dx[1] = weft_part(dx[0], 1);
    dx[2] = weft_part(dx[0], 2);
}

static weft_status forward_expand(weft_node y, const weft_node *x, weft_node *outputs)
{
    weft__batchnorm_staged(x[0], x[1], x[2], *(const double *)weft_node_attributes(y), outputs);
    outputs[0] = weft_relu(outputs[0]);
    return weft_tape_status(y.tape);
}

const weft_op weft_op_fused_batchnorm_relu = {
    .name = "fused_batchnorm_relu", .formula = "y = max(gamma (h - mean) rstd + beta, 0)", .arity = 3, .outputs = 4,
    .kind = WEFT_GENERAL, .flags = WEFT_IN_PARTS | WEFT_NEVER_FAILS, .attribute_size = sizeof(double),
    .words = weft__eps_words, .wide_outputs = 1u << 1 | 1u << 2 | 1u << 3,
    .shape = weft__batchnorm_forward_shape, .kernel = forward_kernel, .workspace = weft__batchnorm_forward_workspace, .vjp = forward_vjp,
    .expand = forward_expand,
};

weft_node weft_fused_batchnorm_relu(weft_node h, weft_node gamma, weft_node beta, double eps)
{
    if (weft__batchnorm_check("fused_batchnorm_relu", h, gamma, beta, eps) != WEFT_OK)
        return (weft_node){.tape = h.tape, .id = WEFT_NO_ID};
    return weft_record(&weft_op_fused_batchnorm_relu, (weft_node[]){h, gamma, beta}, 3, &eps);
}

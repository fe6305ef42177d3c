/* layernorm.c: layer normalization, forward and backward, by hand. ops/staged/layernorm.c is the same as the paper writes it.
 *
 * Backward, of one row of n elements, with xhat = (x - mu) r, r = (sigma2 + eps)**(-1/2), y = g xhat + b, u = g dy, sums along the row:
 *     dL/dxhat[i] = u[i]                                   g differs from element to element, so it stays within the sums
 *     dL/dr    = sum_i u[i] (x[i] - mu)                    xhat = (x - mu) r
 *     dL/dsigma2 = -1/2 r**3 dL/dr                         r = (sigma2 + eps)**(-1/2)
 *     dL/dmu   = -r sum_i u[i]                             the path through sigma2 adds -2/n sum_i (x[i] - mu) dL/dsigma2 = 0
 *     dL/dx[i] = r u[i] + 2/n (x[i] - mu) dL/dsigma2 + 1/n dL/dmu
 *              = r (u[i] - 1/n sum u - xhat[i] 1/n sum u xhat)
 * and dgamma = sum dy xhat, dbeta = sum dy over the rows: all sums in one read of dy and x, then one read that writes dx. */
#include "ops/fused/norm_rows.h"
#include "ops/fused/words.h"
#include "ops/staged/staged.h"

static weft_status backward_shape(weft_typing *t)
{
    t->y[0] = t->x[1];
    t->y[1] = t->y[2] = t->x[2];
    return weft__check_numbers(t, 5);
}

static weft_status backward_kernel(const weft_call *call)
{
    return weft__norm_rows_backward(call, true);
}

static weft_status backward_expand(weft_node y, const weft_node *x, weft_node *outputs)
{
    int last = weft_node_shape(x[1]).rank - 1;
    weft_node dy = x[0], xhat = weft_mul(weft_sub(x[1], x[3]), x[4]), u = weft_mul(dy, x[2]);
    weft_node slope = weft_mean(weft_mul(u, xhat), WEFT_AXIS(last), true);
    outputs[0] = weft_mul(x[4], weft_sub(weft_sub(u, weft_mean(u, WEFT_AXIS(last), true)), weft_mul(xhat, slope)));
    outputs[1] = weft_sum(weft_mul(dy, xhat), WEFT_AXIS(last) - 1, false);
    outputs[2] = weft_sum(dy, WEFT_AXIS(last) - 1, false);
    return weft_tape_status(y.tape);
}

const weft_op weft_op_fused_layernorm_backward = {
    .name = "fused_layernorm_backward", .formula = "dx = rstd (u - mean u - xhat mean(u xhat)), u = gamma dy", .arity = 5, .outputs = 3,
    .kind = WEFT_GENERAL, .flags = WEFT_IN_PARTS | WEFT_NEVER_FAILS, .wide_operands = 1u << 3 | 1u << 4, .wide_outputs = 1u << 1 | 1u << 2,
    .shape = backward_shape, .kernel = backward_kernel, .workspace = weft__norm_rows_backward_workspace, .expand = backward_expand,
};

static weft_status forward_shape(weft_typing *t)
{
    t->y[0] = t->x[0];
    t->y[1] = t->y[2] = weft__one_along(&t->x[0], t->x[0].rank - 1);
    return weft__check_numbers(t, 3);
}

static weft_status forward_kernel(const weft_call *call)
{
    return weft__norm_rows_forward(call, true);
}

static void forward_vjp(weft_node y, const weft_node *x, const weft_node *dy, weft_node *dx)
{
    const weft_node operands[] = {dy[0], x[0], x[1], weft_part(y, 1), weft_part(y, 2)};
    dx[0] = weft_record(&weft_op_fused_layernorm_backward, operands, 5, NULL);
    dx[1] = weft_part(dx[0], 1);
    dx[2] = weft_part(dx[0], 2);
}

static weft_status forward_expand(weft_node y, const weft_node *x, weft_node *outputs)
{
    weft__layernorm_staged(x[0], x[1], x[2], *(const double *)weft_node_attributes(y), outputs);
    return weft_tape_status(y.tape);
}

const weft_op weft_op_fused_layernorm = {
    .name = "fused_layernorm", .formula = "y = gamma (x - mean) rstd + beta, along the last axis", .arity = 3, .outputs = 3,
    .kind = WEFT_GENERAL, .flags = WEFT_IN_PARTS | WEFT_NEVER_FAILS, .attribute_size = sizeof(double),
    .words = weft__eps_words, .wide_outputs = 1u << 1 | 1u << 2,
    .shape = forward_shape, .kernel = forward_kernel, .vjp = forward_vjp, .expand = forward_expand,
};

weft_node weft_fused_layernorm(weft_node x, weft_node gamma, weft_node beta, double eps)
{
    const weft_node operands[] = {x, gamma, beta};
    if (weft__rows_check("fused_layernorm", operands, 3, eps) != WEFT_OK)
        return (weft_node){.tape = x.tape, .id = WEFT_NO_ID};
    return weft_record(&weft_op_fused_layernorm, operands, 3, &eps);
}

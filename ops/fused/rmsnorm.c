/* rmsnorm.c: rows by the root of their mean square, forward and backward, by hand. ops/staged/rmsnorm.c is the same as the paper writes it.
 *
 * Backward, of one row of n elements, with xhat = x r, r = (m + eps)**(-1/2), m = sum x**2 / n, y = g xhat, u = g dy, sums along the row:
 *     dL/dxhat[i] = u[i]
 *     dL/dr    = sum_i u[i] x[i]                           xhat = x r
 *     dL/dm    = -1/2 r**3 dL/dr                           r = (m + eps)**(-1/2)
 *     dL/dx[i] = r u[i] + 2/n x[i] dL/dm
 *              = r (u[i] - xhat[i] 1/n sum u xhat)
 * and dgamma = sum dy xhat over the rows: all sums in one read of dy and x, then one read that writes dx. */
#include "ops/fused/norm_rows.h"
#include "ops/fused/words.h"
#include "ops/staged/staged.h"

static weft_status backward_shape(weft_typing *t)
{
    t->y[0] = t->x[1];
    t->y[1] = t->x[2];
    return weft__check_numbers(t, 4);
}

static weft_status backward_kernel(const weft_call *call)
{
    return weft__norm_rows_backward(call, false);
}

static weft_status backward_expand(weft_node y, const weft_node *x, weft_node *outputs)
{
    int last = weft_node_shape(x[1]).rank - 1;
    weft_node dy = x[0], xhat = weft_mul(x[1], x[3]), u = weft_mul(dy, x[2]);
    weft_node slope = weft_mean(weft_mul(u, xhat), WEFT_AXIS(last), true);
    outputs[0] = weft_mul(x[3], weft_sub(u, weft_mul(xhat, slope)));
    outputs[1] = weft_sum(weft_mul(dy, xhat), WEFT_AXIS(last) - 1, false);
    return weft_tape_status(y.tape);
}

const weft_op weft_op_fused_rmsnorm_backward = {
    .name = "fused_rmsnorm_backward", .formula = "dx = rrms (u - xhat mean(u xhat)), u = gamma dy", .arity = 4, .outputs = 2,
    .kind = WEFT_GENERAL, .flags = WEFT_IN_PARTS | WEFT_NEVER_FAILS, .wide_operands = 1u << 3, .wide_outputs = 1u << 1,
    .shape = backward_shape, .kernel = backward_kernel, .workspace = weft__norm_rows_backward_workspace, .expand = backward_expand,
};

static weft_status forward_shape(weft_typing *t)
{
    t->y[0] = t->x[0];
    t->y[1] = weft__one_along(&t->x[0], t->x[0].rank - 1);
    return weft__check_numbers(t, 2);
}

static weft_status forward_kernel(const weft_call *call)
{
    return weft__norm_rows_forward(call, false);
}

static void forward_vjp(weft_node y, const weft_node *x, const weft_node *dy, weft_node *dx)
{
    dx[0] = weft_record(&weft_op_fused_rmsnorm_backward, (weft_node[]){dy[0], x[0], x[1], weft_part(y, 1)}, 4, NULL);
    dx[1] = weft_part(dx[0], 1);
}

static weft_status forward_expand(weft_node y, const weft_node *x, weft_node *outputs)
{
    weft__rmsnorm_staged(x[0], x[1], *(const double *)weft_node_attributes(y), outputs);
    return weft_tape_status(y.tape);
}

const weft_op weft_op_fused_rmsnorm = {
    .name = "fused_rmsnorm", .formula = "y = gamma x rrms, along the last axis", .arity = 2, .outputs = 2,
    .kind = WEFT_GENERAL, .flags = WEFT_IN_PARTS | WEFT_NEVER_FAILS, .attribute_size = sizeof(double),
    .words = weft__eps_words, .wide_outputs = 1u << 1,
    .shape = forward_shape, .kernel = forward_kernel, .vjp = forward_vjp, .expand = forward_expand,
};

weft_node weft_fused_rmsnorm(weft_node x, weft_node gamma, double eps)
{
    const weft_node operands[] = {x, gamma};
    if (weft__rows_check("fused_rmsnorm", operands, 2, eps) != WEFT_OK)
        return (weft_node){.tape = x.tape, .id = WEFT_NO_ID};
    return weft_record(&weft_op_fused_rmsnorm, operands, 2, &eps);
}

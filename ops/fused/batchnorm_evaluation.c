/* batchnorm_evaluation.c: batch normalization by given moments, with or without a ReLU behind it, forward and backward, by hand. The evaluation
 * mode of ops/staged/batchnorm_modes.c is the same a primitive at a time.
 *
 * With x = (h - mu) r, r = (v + eps)**(-1/2), z = g x + b, y = z, or max(z, 0) with m[i] = 1 where z[i] > 0, else 0, and otherwise m = 1:
 *     dL/dh[i] = g r m[i] dy[i]                            mu and v do not depend on h
 *     dL/dg    = sum_i m[i] dy[i] x[i]
 *     dL/db    = sum_i m[i] dy[i]
 *     dL/dmu   = -g r dL/db                                x = (h - mu) r
 *     dL/dv    = -1/2 r**2 g dL/dg                         sum_i g m[i] dy[i] (h[i] - mu) dr/dv, dr/dv = -1/2 r**3
 * so that one read of dy and h gives all of it. Where gamma and beta are frozen nobody asks for the sums, and dh is a product that the engine's own
 * loops take at their place.
 *
 * Where the root is 0, r is taken as 0. */
#include "ops/fused/batchnorm.h"
#include "ops/fused/words.h"
#include "ops/staged/staged.h"

#include <stdio.h>
#include <string.h>

static void words(const void *attributes, const weft_shape *x, char *text, size_t size)
{
    const weft__evaluation *a = attributes;
    weft__eps_words(&a->eps, x, text, size);
    size_t used = strlen(text);
    snprintf(text + used, size - used, "%s%s", a->relu ? ", relu=1" : "", a->frozen ? ", frozen=1" : "");
}

/* (variance + eps)**(-1/2), 0 where the root is */
static weft_node rstd_of(weft_node variance, double eps)
{
    weft_node square = weft_add(variance, weft_scalar_like(variance, eps)), zero = weft_scalar_like(variance, 0);
    return weft_where(weft_equal(square, zero), zero, weft_pow(square, weft_scalar_like(variance, -0.5)));
}

/* z of the given moments, all (C) but h. */
static weft_node affine_of(weft_node h, weft_node gamma, weft_node beta, weft_node mean, weft_node rstd)
{
    weft_node hhat = weft_mul(weft_sub(h, weft__batchnorm_column(mean, h)), weft__batchnorm_column(rstd, h));
    return weft_add(weft_mul(weft__batchnorm_column(gamma, h), hhat), weft__batchnorm_column(beta, h));
}

/* --- backward: (dy, h, gamma, mean, variance, beta) -> dh, dgamma, dbeta --- */

static weft_status backward_kernel(const weft_call *call)
{
    return weft__batchnorm_evaluated_backward(call, ((const weft__evaluation *)call->attributes)->relu);
}

static weft_status backward_expand(weft_node y, const weft_node *x, weft_node *outputs)
{
    const weft__evaluation *a = weft_node_attributes(y);
    weft_node dy = x[0], h = x[1], mean = x[3], rstd = rstd_of(x[4], a->eps);
    if (a->relu) {
        weft_node z = affine_of(h, x[2], x[5], mean, rstd);
        dy = weft_mul(dy, weft_greater(z, weft_full_like(z, 0)));
    }
    weft_node hhat = weft_mul(weft_sub(h, weft__batchnorm_column(mean, h)), weft__batchnorm_column(rstd, h));
    outputs[0] = weft_mul(weft__batchnorm_column(weft_mul(x[2], rstd), h), dy);
    outputs[1] = weft_sum(weft_mul(dy, hhat), weft__batchnorm_axes(h), false);
    outputs[2] = weft_sum(dy, weft__batchnorm_axes(h), false);
    return weft_tape_status(y.tape);
}

const weft_op weft_op_fused_batchnorm_evaluation_backward = {
    .name = "fused_batchnorm_evaluation_backward", .formula = "dh = gamma (variance + eps)**(-1/2) dy, of dy what passes the ReLU, if it has one",
    .arity = 6, .outputs = 3,
    .kind = WEFT_GENERAL, .flags = WEFT_IN_PARTS | WEFT_NEVER_FAILS, .attribute_size = sizeof(weft__evaluation), .words = words,
    .wide_operands = 1u << 3 | 1u << 4, .wide_outputs = 1u << 1 | 1u << 2,
    .shape = weft__batchnorm_backward_shape, .kernel = backward_kernel, .workspace = weft__batchnorm_evaluated_workspace, .expand = backward_expand,
};

/* --- forward: (h, gamma, beta, mean, variance) -> y --- */

static weft_status forward_shape(weft_typing *t)
{
    t->y[0] = t->x[0];
    return WEFT_OK;
}

static weft_status forward_kernel(const weft_call *call)
{
    return weft__batchnorm_evaluated(call, ((const weft__evaluation *)call->attributes)->relu);
}

/* Where gamma and beta are constants. */
static void frozen_vjp(weft_node y, const weft_node *x, weft_node dy, weft_node *dx)
{
    const weft__evaluation *a = weft_node_attributes(y);
    weft_node h = x[0], gamma = weft_stop_gradient(x[1]), rstd = rstd_of(x[4], a->eps), scale = weft_mul(gamma, rstd);
    if (a->relu)
        dy = weft_mul(dy, weft_greater(y, weft_full_like(y, 0)));
    weft_node sum = weft_sum(dy, weft__batchnorm_axes(h), false);
    weft_node dot = weft_sum(weft_mul(dy, weft_sub(h, weft__batchnorm_column(x[3], h))), weft__batchnorm_axes(h), false);
    weft_node half_cube = weft_mul(weft_mul(rstd, weft_mul(rstd, rstd)), weft_scalar_like(rstd, -0.5));
    dx[0] = weft_mul(weft__batchnorm_column(scale, h), dy);
    dx[3] = weft_neg(weft_mul(scale, sum));
    dx[4] = weft_mul(weft_mul(gamma, half_cube), dot);
}

static void forward_vjp(weft_node y, const weft_node *x, const weft_node *dy, weft_node *dx)
{
    const weft__evaluation *a = weft_node_attributes(y);
    if (a->frozen) {
        frozen_vjp(y, x, dy[0], dx);
        return;
    }
    const weft_node operands[] = {dy[0], x[0], x[1], x[3], x[4], x[2]};
    weft_node rstd = rstd_of(x[4], a->eps);
    dx[0] = weft_record(&weft_op_fused_batchnorm_evaluation_backward, operands, 6, a);
    dx[1] = weft_part(dx[0], 1);
    dx[2] = weft_part(dx[0], 2);
    dx[3] = weft_neg(weft_mul(weft_mul(x[1], rstd), dx[2]));
    dx[4] = weft_mul(weft_mul(weft_mul(x[1], weft_mul(rstd, rstd)), weft_scalar_like(rstd, -0.5)), dx[1]);
}

static weft_status forward_expand(weft_node y, const weft_node *x, weft_node *outputs)
{
    const weft__evaluation *a = weft_node_attributes(y);
    weft_node gamma = a->frozen ? weft_stop_gradient(x[1]) : x[1], beta = a->frozen ? weft_stop_gradient(x[2]) : x[2];
    weft_node z = affine_of(x[0], gamma, beta, x[3], rstd_of(x[4], a->eps));
    outputs[0] = a->relu ? weft_relu(z) : z;
    return weft_tape_status(y.tape);
}

const weft_op weft_op_fused_batchnorm_evaluation = {
    .name = "fused_batchnorm_evaluation", .formula = "y = gamma (h - mean) (variance + eps)**(-1/2) + beta, and max(y, 0) with relu", .arity = 5,
    .kind = WEFT_GENERAL, .flags = WEFT_IN_PARTS | WEFT_NEVER_FAILS, .attribute_size = sizeof(weft__evaluation), .words = words,
    .wide_operands = 1u << 3 | 1u << 4,
    .shape = forward_shape, .kernel = forward_kernel, .workspace = weft__batchnorm_evaluated_workspace, .vjp = forward_vjp, .expand = forward_expand,
};

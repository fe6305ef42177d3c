/* batchnorm.c: batch normalization as the paper writes it, a primitive at a time. ops/fused/batchnorm.c is the same by hand. */
#include "ops/staged/staged.h"

#include <math.h>

weft_status weft__batchnorm_check(const char *name, weft_node h, weft_node gamma, weft_node beta, double eps)
{
    const weft_op here = {.name = name};
    const weft_node x[] = {h, gamma, beta};
    for (int i = 0; i < 3; i++)
        if (weft_node_failed(x[i]) || x[i].tape != h.tape) {
            weft_fail(&here, x, 3, WEFT_ERROR_ARGUMENT, "h, gamma and beta must be nodes of one tape");
            return h.tape ? weft_tape_status(h.tape) : WEFT_ERROR_ARGUMENT;
        }
    weft_shape hs = weft_node_shape(h), gs = weft_node_shape(gamma), bs = weft_node_shape(beta);
    if (hs.rank < 2 || gs.rank != 1 || bs.rank != 1 || gs.dim[0] != hs.dim[1] || bs.dim[0] != hs.dim[1])
        weft_fail(&here, x, 3, WEFT_ERROR_SHAPE, "h must be (N, C) or (N, C, ...), gamma and beta (C)");
    else if (!(eps >= 0))
        weft_fail(&here, x, 3, WEFT_ERROR_ARGUMENT, "eps is %g; it must be 0 or more", eps);
    return weft_tape_status(h.tape);
}

unsigned weft__batchnorm_axes(weft_node h)
{
    return ((1u << weft_node_shape(h).rank) - 1) & ~WEFT_AXIS(1);
}

weft_node weft__batchnorm_column(weft_node x, weft_node h)
{
    weft_shape shape = weft_node_shape(h);
    size_t dim[WEFT_MAX_RANK] = {shape.dim[1], 1, 1, 1, 1, 1, 1, 1};
    return shape.rank > 2 ? weft_reshape(x, shape.rank - 1, dim) : x;
}

/* mu, rstd and sigma2 as the sums leave them: (C), or (1, C, 1, ...) where h has more axes than two. */
static void normalise(weft_node h, weft_node gamma, weft_node beta, double eps, weft_node y_mu_rstd_sigma2[4])
{
    unsigned batch = weft__batchnorm_axes(h);
    bool keepdims = weft_node_shape(h).rank > 2;
    weft_node n = weft_scalar_like(h, fmax(weft__folded_count(h, batch), 1)); /* 0/0 would make NaN of derivatives, which are sums of nothing */
    weft_node mu = weft_name(weft_div(weft_sum(h, batch, keepdims), n), "mu");
    weft_node centred = weft_name(weft_sub(h, mu), "centred");
    weft_node squared = weft_name(weft_pow(centred, weft_scalar_like(h, 2)), "squared");
    weft_node sigma2 = weft_name(weft_div(weft_sum(squared, batch, keepdims), n), "sigma2");
    weft_node rstd = weft_name(weft_pow(weft_add(sigma2, weft_scalar_like(h, eps)), weft_scalar_like(h, -0.5)), "rstd");
    weft_node hhat = weft_name(weft_mul(centred, rstd), "hhat");
    weft_node gammas = weft__batchnorm_column(gamma, h), betas = weft__batchnorm_column(beta, h);
    y_mu_rstd_sigma2[0] = weft_name(weft_add(weft_mul(gammas, hhat), betas), "y");
    y_mu_rstd_sigma2[1] = mu;
    y_mu_rstd_sigma2[2] = rstd;
    y_mu_rstd_sigma2[3] = sigma2;
}

void weft__batchnorm_staged(weft_node h, weft_node gamma, weft_node beta, double eps, weft_node y_mu_rstd_sigma2[4])
{
    normalise(h, gamma, beta, eps, y_mu_rstd_sigma2);
    weft_shape shape = weft_node_shape(h);
    for (int i = 1; i < 4 && shape.rank > 2; i++)
        y_mu_rstd_sigma2[i] = weft_reshape(y_mu_rstd_sigma2[i], 1, &shape.dim[1]);
}

weft_node weft_batchnorm(weft_node h, weft_node gamma, weft_node beta, double eps)
{
    weft_node y_mu_rstd_sigma2[4];
    if (weft__batchnorm_check("batchnorm", h, gamma, beta, eps) != WEFT_OK)
        return (weft_node){.tape = h.tape, .id = WEFT_NO_ID};
    weft_scope_push(h.tape, "batchnorm");
    normalise(h, gamma, beta, eps, y_mu_rstd_sigma2);
    weft_scope_pop(h.tape);
    return y_mu_rstd_sigma2[0];
}

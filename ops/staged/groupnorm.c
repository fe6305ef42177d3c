/* groupnorm.c: group and instance normalization, a primitive at a time. Both normalise each sample by itself: over the channels of a group and all
 * further axes, or over the further axes of one channel. Channels are axis 1; gamma and beta belong to a channel. */
#include "ops/staged/staged.h"

/* One tape, eps >= 0, gamma and beta (C) or absent. */
static bool check(const weft_op *here, weft_node x, weft_node gamma, weft_node beta, double eps, int least_rank)
{
    const weft_node given[] = {x, gamma, beta};
    weft_shape shape = weft_node_shape(x);
    bool nodes = !weft_node_failed(x), fits = shape.rank >= least_rank;
    for (int i = 1; i < 3; i++)
        if (given[i].tape) {
            weft_shape own = weft_node_shape(given[i]);
            nodes &= !weft_node_failed(given[i]) && given[i].tape == x.tape;
            fits &= own.rank == 1 && shape.rank > 1 && own.dim[0] == shape.dim[1];
        }
    if (!nodes)
        weft_fail(here, given, 3, WEFT_ERROR_ARGUMENT, "x, gamma and beta must be nodes of one tape; gamma and beta may have the tape NULL");
    else if (!fits)
        weft_fail(here, &x, 1, WEFT_ERROR_SHAPE, least_rank > 2 ? "x must be (N, C, ...) with at least one more axis, gamma and beta (C)"
                                                                : "x must be (N, C, ...), gamma and beta (C)");
    else if (!(eps >= 0))
        weft_fail(here, &x, 1, WEFT_ERROR_ARGUMENT, "eps is %g; it must be 0 or more", eps);
    else
        return weft_tape_status(x.tape) == WEFT_OK;
    return false;
}

/* (x - mu) * rstd over the axes, and mu and rstd. */
static weft_node normalised(weft_node x, unsigned axes, double eps, weft_node mu_rstd[2])
{
    weft_node mu = weft_name(weft_mean(x, axes, true), "mu");
    weft_node centred = weft_name(weft_sub(x, mu), "centred");
    weft_node squared = weft_name(weft_pow(centred, weft_scalar_like(x, 2)), "squared");
    weft_node sigma2 = weft_name(weft_mean(squared, axes, true), "sigma2");
    weft_node rstd = weft_name(weft_pow(weft_add(sigma2, weft_scalar_like(x, eps)), weft_scalar_like(x, -0.5)), "rstd");
    mu_rstd[0] = mu;
    mu_rstd[1] = rstd;
    return weft_name(weft_mul(centred, rstd), "xhat");
}

static weft_node scaled(weft_node xhat, weft_node gamma, weft_node beta)
{
    weft_node y = gamma.tape ? weft_mul(gamma, xhat) : xhat;
    return beta.tape ? weft_add(y, beta) : y;
}

bool weft__groupnorm_check(const char *name, weft_node x, size_t groups, weft_node gamma, weft_node beta, double eps)
{
    const weft_op here = {.name = name};
    if (!check(&here, x, gamma, beta, eps, 2))
        return false;
    size_t channels = weft_node_shape(x).dim[1];
    if (groups && channels % groups == 0)
        return true;
    weft_fail(&here, &x, 1, WEFT_ERROR_ARGUMENT, "%zu channels cannot be cut into %zu groups of one size", channels, groups);
    return false;
}

weft_node weft__groupnorm_cut(weft_node x, size_t groups)
{
    weft_shape shape = weft_node_shape(x);
    size_t inner = 1;
    for (int i = 2; i < shape.rank; i++)
        inner *= shape.dim[i];
    return weft_reshape(x, 4, (const size_t[]){shape.dim[0], groups, shape.dim[1] / groups, inner});
}

weft_node weft__groupnorm_column(weft_node x, size_t groups)
{
    return weft_reshape(x, 3, (const size_t[]){groups, weft_node_shape(x).dim[0] / groups, 1});
}

void weft__groupnorm_staged(weft_node x, size_t groups, weft_node gamma, weft_node beta, double eps, weft_node y_mu_rstd[3])
{
    weft_shape shape = weft_node_shape(x);
    weft_node xhat = normalised(weft__groupnorm_cut(x, groups), WEFT_AXIS(2) | WEFT_AXIS(3), eps, y_mu_rstd + 1);
    weft_node gammas = gamma.tape ? weft__groupnorm_column(gamma, groups) : gamma, betas = beta.tape ? weft__groupnorm_column(beta, groups) : beta;
    y_mu_rstd[0] = weft_name(weft_reshape(scaled(xhat, gammas, betas), shape.rank, shape.dim), "y");
}

weft_node weft_groupnorm(weft_node x, size_t groups, weft_node gamma, weft_node beta, double eps)
{
    weft_node y_mu_rstd[3];
    if (!weft__groupnorm_check("groupnorm", x, groups, gamma, beta, eps))
        return (weft_node){.tape = x.tape, .id = WEFT_NO_ID};
    weft_scope_push(x.tape, "groupnorm");
    weft__groupnorm_staged(x, groups, gamma, beta, eps, y_mu_rstd);
    weft_scope_pop(x.tape);
    return y_mu_rstd[0];
}

/* All but samples and channels. */
static unsigned inner_axes(weft_node x)
{
    return (WEFT_AXIS(weft_node_shape(x).rank) - 1) & ~(WEFT_AXIS(0) | WEFT_AXIS(1));
}

bool weft__instancenorm_check(const char *name, weft_node x, weft_node gamma, weft_node beta, double eps)
{
    const weft_op here = {.name = name};
    if (!check(&here, x, gamma, beta, eps, 3))
        return false;
    if (weft__folded_count(x, inner_axes(x)) != 1)
        return true;
    weft_fail(&here, &x, 1, WEFT_ERROR_SHAPE, "one value for each sample and channel is its own mean: y would be beta, whatever x is");
    return false;
}

weft_node weft_instancenorm(weft_node x, weft_node gamma, weft_node beta, double eps)
{
    weft_node mu_rstd[2];
    int rank = weft_node_shape(x).rank;
    if (!weft__instancenorm_check("instancenorm", x, gamma, beta, eps))
        return (weft_node){.tape = x.tape, .id = WEFT_NO_ID};
    weft_scope_push(x.tape, "instancenorm");
    weft_node gammas = gamma.tape ? weft__along(gamma, 1, rank) : gamma, betas = beta.tape ? weft__along(beta, 1, rank) : beta;
    weft_node y = weft_name(scaled(normalised(x, inner_axes(x), eps, mu_rstd), gammas, betas), "y");
    weft_scope_pop(x.tape);
    return y;
}

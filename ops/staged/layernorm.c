/* layernorm.c: layer normalization as the paper writes it, a primitive at a time. The statistics keep the folded axis with length 1, so that
 * they lie beside their rows. */
#include "ops/staged/staged.h"

weft_status weft__rows_check(const char *name, const weft_node *x, int n, double eps)
{
    const weft_op here = {.name = name};
    for (int i = 0; i < n; i++)
        if (weft_node_failed(x[i]) || x[i].tape != x[0].tape) {
            weft_fail(&here, x, n, WEFT_ERROR_ARGUMENT, "x%s must be nodes of one tape", n == 2 ? " and gamma" : ", gamma and beta");
            return x[0].tape ? weft_tape_status(x[0].tape) : WEFT_ERROR_ARGUMENT;
        }
    weft_shape xs = weft_node_shape(x[0]);
    bool fits = xs.rank >= 1;
    for (int i = 1; fits && i < n; i++) {
        weft_shape own = weft_node_shape(x[i]);
        fits = own.rank == 1 && own.dim[0] == xs.dim[xs.rank - 1];
    }
    if (!fits)
        weft_fail(&here, x, n, WEFT_ERROR_SHAPE, n == 2 ? "x must be (..., D), gamma (D)" : "x must be (..., D), gamma and beta (D)");
    else if (!(eps >= 0))
        weft_fail(&here, x, n, WEFT_ERROR_ARGUMENT, "eps is %g; it must be 0 or more", eps);
    return weft_tape_status(x[0].tape);
}

void weft__layernorm_staged(weft_node x, weft_node gamma, weft_node beta, double eps, weft_node y_mu_rstd[3])
{
    unsigned last = WEFT_AXIS(weft_node_shape(x).rank - 1);
    weft_node mu = weft_name(weft_mean(x, last, true), "mu");
    weft_node centred = weft_name(weft_sub(x, mu), "centred");
    weft_node squared = weft_name(weft_pow(centred, weft_scalar_like(x, 2)), "squared");
    weft_node sigma2 = weft_name(weft_mean(squared, last, true), "sigma2");
    weft_node rstd = weft_name(weft_pow(weft_add(sigma2, weft_scalar_like(x, eps)), weft_scalar_like(x, -0.5)), "rstd");
    weft_node xhat = weft_name(weft_mul(centred, rstd), "xhat");
    y_mu_rstd[0] = weft_name(weft_add(weft_mul(gamma, xhat), beta), "y");
    y_mu_rstd[1] = mu;
    y_mu_rstd[2] = rstd;
}

weft_node weft_layernorm(weft_node x, weft_node gamma, weft_node beta, double eps)
{
    weft_node y_mu_rstd[3];
    if (weft__rows_check("layernorm", (weft_node[]){x, gamma, beta}, 3, eps) != WEFT_OK)
        return (weft_node){.tape = x.tape, .id = WEFT_NO_ID};
    weft_scope_push(x.tape, "layernorm");
    weft__layernorm_staged(x, gamma, beta, eps, y_mu_rstd);
    weft_scope_pop(x.tape);
    return y_mu_rstd[0];
}

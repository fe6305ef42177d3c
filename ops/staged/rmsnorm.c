/* rmsnorm.c: each row by the root of its mean square; layer normalization without the centring. */
#include "ops/staged/staged.h"

void weft__rmsnorm_staged(weft_node x, weft_node gamma, double eps, weft_node y_rrms[2])
{
    weft_node squared = weft_name(weft_pow(x, weft_scalar_like(x, 2)), "squared");
    weft_node mean_square = weft_name(weft_mean(squared, WEFT_AXIS(weft_node_shape(x).rank - 1), true), "mean_square");
    weft_node rrms = weft_name(weft_pow(weft_add(mean_square, weft_scalar_like(x, eps)), weft_scalar_like(x, -0.5)), "rrms");
    weft_node xhat = weft_name(weft_mul(x, rrms), "xhat");
    y_rrms[0] = weft_name(weft_mul(gamma, xhat), "y");
    y_rrms[1] = rrms;
}

weft_node weft_rmsnorm(weft_node x, weft_node gamma, double eps)
{
    weft_node y_rrms[2];
    if (weft__rows_check("rmsnorm", (weft_node[]){x, gamma}, 2, eps) != WEFT_OK)
        return (weft_node){.tape = x.tape, .id = WEFT_NO_ID};
    weft_scope_push(x.tape, "rmsnorm");
    weft__rmsnorm_staged(x, gamma, eps, y_rrms);
    weft_scope_pop(x.tape);
    return y_rrms[0];
}

/* mse.c: squared differences. Shapes must be equal: one that broadcasts here is nearly always a forgotten reshape, (N, 1) against (N). */
#include "ops/staged/staged.h"

#include <string.h>

weft_node weft_mse(weft_node a, weft_node b, weft_loss_reduction reduction)
{
    const weft_op here = {.name = "mse"};
    const weft_node x[] = {a, b};
    weft_shape as = weft_node_shape(a), bs = weft_node_shape(b);
    if (weft_node_failed(a) || weft_node_failed(b) || a.tape != b.tape)
        return weft_fail(&here, x, 2, WEFT_ERROR_ARGUMENT, "a and b must be nodes of one tape");
    if (as.rank != bs.rank || memcmp(as.dim, bs.dim, (size_t)as.rank * sizeof *as.dim))
        return weft_fail(&here, x, 2, WEFT_ERROR_SHAPE, "a and b must have one shape; did you forget a reshape?");
    weft_scope_push(a.tape, here.name);
    weft_node squared = weft_name(weft_pow(weft_sub(a, b), weft_scalar_like(a, 2)), "squared");
    weft_node loss = weft__loss(here.name, squared, reduction);
    weft_scope_pop(a.tape);
    return loss;
}

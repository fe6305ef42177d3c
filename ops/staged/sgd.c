/* sgd.c: a step of gradient descent, plain or with momentum, in PyTorch's convention: the rate multiplies the velocity, not the gradient.
 * Source: Sutskever et al., 2013; torch.optim.SGD. */
#include "engine/weft_op.h"

weft_node weft_descend(weft_node w, weft_node dw, weft_node rate)
{
    return weft_assign(w, weft_sub(w, weft_mul(rate, dw)));
}

void weft_sgd(weft_node w, weft_node dw, weft_node velocity, weft_node rate, double momentum, weft_node out[2])
{
    weft_node next_velocity = weft_add(weft_mul(weft_scalar_like(velocity, momentum), velocity), dw);
    out[0] = weft_assign(velocity, next_velocity);
    out[1] = weft_assign(w, weft_sub(w, weft_mul(rate, next_velocity)));
}

/* variance.c: the biased variance over any axes, in two passes: centring before squaring is what keeps it accurate. */
#include "ops/staged/staged.h"

weft_node weft_variance(weft_node x, unsigned axes, bool keepdims)
{
    weft_node centred = weft_sub(x, weft_mean(x, axes, true));
    return weft_mean(weft_pow(centred, weft_scalar_like(x, 2)), axes, keepdims);
}

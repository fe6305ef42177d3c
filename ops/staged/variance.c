/* variance.c: the variance over any axes, in two passes: centring before squaring is what keeps it accurate. */
#include "ops/staged/staged.h"

#include <math.h>

weft_node weft_variance(weft_node x, unsigned axes, bool keepdims)
{
    weft_node centred = weft_sub(x, weft_mean(x, axes, true));
    return weft_mean(weft_pow(centred, weft_scalar_like(x, 2)), axes, keepdims);
}

weft_node weft_variance_n(weft_node x, unsigned axes, bool keepdims, double correction)
{
    if (!isfinite(correction))
        return weft_fail(&(weft_op){.name = "variance_n"}, &x, 1, WEFT_ERROR_ARGUMENT, "the correction is %g; it must be finite", correction);
    weft_node centred = weft_sub(x, weft_mean(x, axes, true)), n = weft_scalar_like(x, fmax(weft__folded_count(x, axes) - correction, 0));
    return weft_div(weft_sum(weft_pow(centred, weft_scalar_like(x, 2)), axes, keepdims), n);
}

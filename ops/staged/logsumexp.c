/* logsumexp.c: ln of a sum of exponentials. The largest score is taken off first, so that none overflows, and added to the logarithm; it is a
 * constant for derivatives, which it cannot change. An infinite one is left where it is: Inf - Inf would be NaN where the answer is -Inf or Inf. */
#include "ops/staged/staged.h"

#include <math.h>

weft_node weft_logsumexp(weft_node x, unsigned axes, bool keepdims)
{
    if (weft_node_failed(x))
        return weft_fail(&(weft_op){.name = "logsumexp"}, &x, 1, WEFT_ERROR_ARGUMENT, "x must be a node");
    if (weft__folded_count(x, axes) == 0) /* ln 0 */
        return weft_add(weft_sum(x, axes, keepdims), weft_scalar_like(x, -INFINITY));
    weft_scope_push(x.tape, "logsumexp");
    weft_node most = weft_stop_gradient(weft_max(x, axes, true));
    weft_node infinite = weft_equal(weft_abs(most), weft_scalar_like(x, INFINITY));
    weft_node shift = weft_name(weft_where(infinite, weft_scalar_like(x, 0), most), "shift");
    weft_node total = weft_name(weft_sum(weft_exp(weft_sub(x, shift)), axes, true), "total");
    weft_node y = weft_name(weft_add(weft_log(total), shift), "y");
    weft_scope_pop(x.tape);
    if (keepdims || weft_node_failed(y))
        return y;
    weft_shape shape = weft_node_shape(x), left = {0};
    for (int i = 0; i < shape.rank; i++)
        if (!(axes & WEFT_AXIS(i)))
            left.dim[left.rank++] = shape.dim[i];
    return weft_reshape(y, left.rank, left.dim);
}

/* mean.c: the arithmetic mean over any axes. */
#include "ops/staged/staged.h"

double weft__folded_count(weft_node x, unsigned axes)
{
    weft_shape shape = weft_node_shape(x);
    double count = 1;
    for (int i = 0; i < shape.rank; i++)
        if (axes & WEFT_AXIS(i))
            count *= (double)shape.dim[i];
    return count;
}

weft_node weft_mean(weft_node x, unsigned axes, bool keepdims)
{
    return weft_div(weft_sum(x, axes, keepdims), weft_scalar_like(x, weft__folded_count(x, axes)));
}

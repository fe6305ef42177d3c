/* dropout.c: some elements to 0, the others larger, so that the mean stays. The rate is rounded down to a multiple of 2**-24, the step of f32 noise,
 * so that f32 and f64 drop the same elements; and so the kept ones, 1 - rate of all, are scaled by what they are. */
#include "engine/weft_op.h"

#include <math.h>

static const weft_op here = {.name = "dropout"};

weft_node weft_dropout(weft_node x, double rate, weft_node seed, weft_node step, uint32_t stream)
{
    const weft_node operands[] = {x, seed, step};
    if (!(rate >= 0 && rate < 1))
        return weft_fail(&here, operands, 3, WEFT_ERROR_ARGUMENT, "the rate is %g; it must be at least 0 and less than 1", rate);
    if (weft_node_dtype(x) == WEFT_I64)
        return weft_fail(&here, operands, 3, WEFT_ERROR_DTYPE, "x must be f32 or f64");
    double dropped = floor(rate * 0x1p24) * 0x1p-24;
    weft_shape shape = weft_node_shape(x);
    weft_scope_push(x.tape, here.name);
    weft_node u = weft_uniform(seed, step, stream, weft_node_dtype(x), shape.rank, shape.dim);
    weft_node drop = weft_greater(weft_scalar_like(x, dropped), u);
    weft_node weight = weft_name(weft_where(drop, weft_scalar_like(x, 0), weft_scalar_like(x, 1 / (1 - dropped))), "weight");
    weft_node y = weft_name(weft_mul(x, weight), "y");
    weft_scope_pop(x.tape);
    return y;
}

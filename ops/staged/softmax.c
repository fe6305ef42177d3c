/* softmax.c: exponentials that add up to 1. The largest score is taken off first, so that none of them overflows; that leaves the value as it
 * was, so no derivative passes through the shift. */
#include "ops/staged/staged.h"

weft_node weft__shifted(weft_node z, unsigned axes)
{
    return weft_name(weft_sub(z, weft_stop_gradient(weft_max(z, axes, true))), "shifted");
}

weft_node weft__softmax_staged(weft_node z, unsigned along)
{
    weft_node power = weft_name(weft_exp(weft__shifted(z, along)), "power");
    weft_node total = weft_name(weft_sum(power, along, true), "total");
    return weft_name(weft_div(power, total), "p");
}

weft_node weft_softmax(weft_node z, int axis)
{
    unsigned along = weft__axis_of("softmax", z, axis);
    if (!along)
        return (weft_node){.tape = z.tape, .id = WEFT_NO_ID};
    weft_scope_push(z.tape, "softmax");
    weft_node p = weft__softmax_staged(z, along);
    weft_scope_pop(z.tape);
    return p;
}

/* log_softmax.c: ln of softmax, from the shifted scores of softmax.c; the logarithm is taken of the sum alone, so that no p that underflows
 * reaches it. */
#include "ops/staged/staged.h"

weft_node weft__log_softmax_staged(weft_node z, unsigned along)
{
    weft_node shifted = weft__shifted(z, along);
    weft_node log_total = weft_name(weft_log(weft_sum(weft_exp(shifted), along, true)), "log_total");
    return weft_name(weft_sub(shifted, log_total), "y");
}

weft_node weft_log_softmax(weft_node z, int axis)
{
    unsigned along = weft__axis_of("log_softmax", z, axis);
    if (!along)
        return (weft_node){.tape = z.tape, .id = WEFT_NO_ID};
    weft_scope_push(z.tape, "log_softmax");
    weft_node y = weft__log_softmax_staged(z, along);
    weft_scope_pop(z.tape);
    return y;
}

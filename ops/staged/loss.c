/* loss.c: from one loss for each row or element to what the caller asked for. */
#include "ops/staged/staged.h"

weft_node weft__loss(const char *name, weft_node each, weft_loss_reduction reduction)
{
    switch (reduction) {
    case WEFT_LOSS_MEAN:
        return weft_name(weft_mean(each, WEFT_ALL_AXES, false), "loss");
    case WEFT_LOSS_SUM:
        return weft_name(weft_sum(each, WEFT_ALL_AXES, false), "loss");
    case WEFT_LOSS_NONE:
        return weft_name(each, "loss");
    }
    return weft_fail(&(weft_op){.name = name}, &each, 1, WEFT_ERROR_ARGUMENT, "the reduction must be WEFT_LOSS_MEAN, WEFT_LOSS_SUM or WEFT_LOSS_NONE");
}

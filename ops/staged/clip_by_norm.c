/* clip_by_norm.c: gradients as one long vector, shortened where it is too long. Source: Pascanu, Mikolov and Bengio, 2013, algorithm 1. */
#include "ops/staged/staged.h"

#include <math.h>

weft_node weft_clip_by_norm(const weft_node *dw, size_t n, double most, weft_node *clipped)
{
    const weft_op here = {.name = "clip_by_norm"};
    weft_tape *tape = n && dw ? dw[0].tape : NULL;
    weft_node failed = {.tape = tape, .id = WEFT_NO_ID};
    if (tape && !clipped)
        weft_fail(&here, dw, 1, WEFT_ERROR_ARGUMENT, "clipped is NULL");
    else if (tape && (!(most > 0) || isinf(most)))
        weft_fail(&here, dw, 1, WEFT_ERROR_ARGUMENT, "the norm is to be at most %g; that must be more than 0, and finite", most);
    if (!tape || weft_tape_status(tape) != WEFT_OK) {
        for (size_t i = 0; clipped && i < n; i++)
            clipped[i] = failed;
        return failed;
    }
    weft_scope_push(tape, here.name);
    weft_node total = weft_sum(weft_mul(dw[0], dw[0]), WEFT_ALL_AXES, false);
    for (size_t i = 1; i < n; i++)
        total = weft_add(total, weft_sum(weft_mul(dw[i], dw[i]), WEFT_ALL_AXES, false));
    weft_node norm = weft_name(weft__root(total), "norm"), limit = weft_scalar_like(norm, most);
    weft_node factor = weft_name(weft_div(limit, weft_maximum(norm, limit)), "factor");
    for (size_t i = 0; i < n; i++)
        clipped[i] = weft_mul(dw[i], factor);
    weft_scope_pop(tape);
    return norm;
}

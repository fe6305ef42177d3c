/* cross_entropy.c: -ln softmax(z) of the right class, or its mean under given probabilities. Labels pick their score by index and not by a
 * product with zeros, so a class that is ruled out by a score of -Inf does no harm to the others. */
#include "ops/staged/staged.h"

#include <string.h>

static const weft_op here = {.name = "cross_entropy"};

static bool fits(weft_node z, weft_node target, int axis)
{
    weft_shape want = weft_node_shape(z), got = weft_node_shape(target);
    if (weft_node_dtype(target) == WEFT_I64) {
        memmove(want.dim + axis, want.dim + axis + 1, (size_t)(want.rank - axis - 1) * sizeof *want.dim);
        want.rank--;
    }
    return want.rank == got.rank && !memcmp(want.dim, got.dim, (size_t)got.rank * sizeof *got.dim);
}

static bool check(weft_node z, weft_node target)
{
    const weft_node x[] = {z, target};
    weft_shape shape = weft_node_shape(z);
    int axis = shape.rank > 1;
    bool labels = weft_node_dtype(target) == WEFT_I64;
    if (weft_node_failed(z) || weft_node_failed(target) || z.tape != target.tape)
        weft_fail(&here, x, 2, WEFT_ERROR_ARGUMENT, "z and target must be nodes of one tape");
    else if (weft_node_dtype(z) == WEFT_I64 || (!labels && weft_node_dtype(target) != weft_node_dtype(z)))
        weft_fail(&here, x, 2, WEFT_ERROR_DTYPE, "z must be f32 or f64, target i64 labels or probabilities of z's dtype");
    else if (!shape.rank || !fits(z, target, axis))
        weft_fail(&here, x, 2, WEFT_ERROR_SHAPE, "z must be (C) or (N, C, ...); target as z, or for i64 labels as z without C");
    else if (!shape.dim[axis])
        weft_fail(&here, x, 2, WEFT_ERROR_SHAPE, "there are no classes; there must be at least 1");
    else
        return weft_tape_status(z.tape) == WEFT_OK;
    return false;
}

weft_node weft_cross_entropy(weft_node z, weft_node target, weft_loss_reduction reduction)
{
    if (!check(z, target))
        return (weft_node){.tape = z.tape, .id = WEFT_NO_ID};
    int axis = weft_node_shape(z).rank > 1;
    unsigned classes = WEFT_AXIS(axis);
    weft_node each;
    weft_scope_push(z.tape, here.name);
    if (weft_node_dtype(target) == WEFT_I64) {
        weft_shape rows = weft_node_shape(target), one = weft_node_shape(z);
        one.dim[axis] = 1;
        weft_node most = weft_name(weft_stop_gradient(weft_max(z, classes, true)), "most");
        weft_node log_total = weft_name(weft_log(weft_sum(weft_exp(weft_name(weft_sub(z, most), "shifted")), classes, true)), "log_total");
        weft_node own = weft_gather_elements(z, weft_reshape(target, one.rank, one.dim), axis);
        weft_node score = weft_name(weft_sub(own, most), "score");
        each = weft_reshape(weft_sub(log_total, score), rows.rank, rows.dim);
    } else {
        each = weft_neg(weft_sum(weft_mul(target, weft_log_softmax(z, axis)), classes, false));
    }
    weft_node loss = weft__loss(here.name, each, reduction);
    weft_scope_pop(z.tape);
    return loss;
}

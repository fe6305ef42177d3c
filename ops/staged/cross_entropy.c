/* cross_entropy.c: -ln softmax(z) of the right class, or its mean under given probabilities. Labels pick their score by a choice and not by a
 * product with zeros, so a class that is ruled out by a score of -Inf does no harm to the others. */
#include "ops/staged/staged.h"

#include <string.h>

static const weft_op here = {.name = "cross_entropy"};

enum { MOST_CLASSES = 4096 };

/* Of z's shape, 1 at each row's label. Gathering 0, 1, 2, ... by label turns indices into numbers, and refuses those out of range. */
static weft_node is_label(weft_node z, weft_node label, int axis)
{
    weft_shape shape = weft_node_shape(z), rows = weft_node_shape(label);
    size_t classes = shape.dim[axis], count = weft_shape_count(&rows);
    double wide[MOST_CLASSES];
    float narrow[MOST_CLASSES];
    for (size_t c = 0; c < classes; c++)
        narrow[c] = (float)(wide[c] = (double)c);
    weft_dtype dtype = weft_node_dtype(z);
    weft_node number = weft_constant(z.tape, dtype, 1, &classes, dtype == WEFT_F32 ? (const void *)narrow : (const void *)wide);
    weft_node right = weft_gather(number, weft_reshape(label, 1, &count));
    shape.dim[axis] = 1;
    return weft_name(weft_equal(weft__along(number, axis, shape.rank), weft_reshape(right, shape.rank, shape.dim)), "is_label");
}

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
    else if (!shape.dim[axis] || (labels && shape.dim[axis] > MOST_CLASSES))
        weft_fail(&here, x, 2, WEFT_ERROR_SHAPE, "there are %zu classes; there must be at least 1, and with labels at most %d", shape.dim[axis],
                  MOST_CLASSES);
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
        weft_node shifted = weft__shifted(z, classes);
        weft_node log_total = weft_name(weft_log(weft_sum(weft_exp(shifted), classes, false)), "log_total");
        weft_node right = weft_where(is_label(z, target, axis), shifted, weft_scalar_like(z, 0));
        each = weft_sub(log_total, weft_name(weft_sum(right, classes, false), "score"));
    } else {
        each = weft_neg(weft_sum(weft_mul(target, weft_log_softmax(z, axis)), classes, false));
    }
    weft_node loss = weft__loss(here.name, each, reduction);
    weft_scope_pop(z.tape);
    return loss;
}

/* softmax_cross_entropy.c: the mean over the rows of -log softmax(z)[label]. The largest score is taken off first, as in softmax.c; the logarithm is
 * taken of the sum alone, so that no p that underflows reaches it. The score at the label is taken from z itself, which lies in memory: the shifted
 * scores then need not. */
#include "ops/staged/staged.h"

bool weft__softmax_cross_entropy_check(const char *name, weft_node z, weft_node label)
{
    const weft_op here = {.name = name};
    const weft_node x[] = {z, label};
    if (weft_node_failed(z) || weft_node_failed(label) || z.tape != label.tape) {
        weft_fail(&here, x, 2, WEFT_ERROR_ARGUMENT, "z and label must be nodes of one tape");
        return false;
    }
    weft_shape zs = weft_node_shape(z), ls = weft_node_shape(label);
    if (weft_node_dtype(label) != WEFT_I64 || weft_node_dtype(z) == WEFT_I64) {
        weft_fail(&here, x, 2, WEFT_ERROR_DTYPE, "z must be f32 or f64, label i64");
        return false;
    }
    if (zs.rank != 2 || ls.rank != 1 || zs.dim[0] != ls.dim[0] || !zs.dim[0] || !zs.dim[1]) {
        weft_fail(&here, x, 2, WEFT_ERROR_SHAPE, "z must be (N, C) and label (N), with at least one class and one row");
        return false;
    }
    return true;
}

void weft__softmax_cross_entropy_staged(weft_node z, weft_node label, weft_node loss_most_total[3])
{
    unsigned classes = WEFT_AXIS(1);
    size_t column[2] = {weft_node_shape(z).dim[0], 1}; /* (N, 1) */
    weft_node most = weft_name(weft_stop_gradient(weft_max(z, classes, true)), "most");
    weft_node total = weft_sum(weft_exp(weft_name(weft_sub(z, most), "shifted")), classes, true);
    weft_node log_total = weft_name(weft_log(total), "log_total");
    weft_node own = weft_gather_elements(z, weft_reshape(label, 2, column), 1);
    weft_node score = weft_name(weft_sub(own, most), "score");
    loss_most_total[0] = weft_name(weft_mean(weft_sub(log_total, score), WEFT_ALL_AXES, false), "loss");
    loss_most_total[1] = most;
    loss_most_total[2] = total;
}

weft_node weft_softmax_cross_entropy(weft_node z, weft_node label)
{
    weft_node loss_most_total[3];
    if (!weft__softmax_cross_entropy_check("softmax_cross_entropy", z, label))
        return (weft_node){.tape = z.tape, .id = WEFT_NO_ID};
    weft_scope_push(z.tape, "softmax_cross_entropy");
    weft__softmax_cross_entropy_staged(z, label, loss_most_total);
    weft_scope_pop(z.tape);
    return loss_most_total[0];
}

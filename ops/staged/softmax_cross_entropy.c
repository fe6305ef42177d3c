/* softmax_cross_entropy.c: the mean over the rows of -log softmax(z)[label], from the shifted scores of softmax.c; the logarithm is taken of
 * the sum alone, so that no p that underflows reaches it. */
#include "ops/staged/staged.h"

static const weft_op here = {.name = "softmax_cross_entropy"};

enum { MOST_CLASSES = 4096 };

/* (N, C), 1 at each row's label. Gathering 0, 1, 2, ... by label turns indices into numbers, and refuses those out of range. */
static weft_node one_hot(weft_node label, weft_node z)
{
    weft_shape shape = weft_node_shape(z);
    double count[MOST_CLASSES];
    float narrow[MOST_CLASSES];
    for (size_t c = 0; c < shape.dim[1]; c++)
        narrow[c] = (float)(count[c] = (double)c);
    weft_dtype dtype = weft_node_dtype(z);
    weft_node classes = weft_constant(z.tape, dtype, 1, &shape.dim[1], dtype == WEFT_F32 ? (const void *)narrow : (const void *)count);
    weft_node number = weft_reshape(weft_gather(classes, label), 2, (size_t[]){shape.dim[0], 1});
    return weft_name(weft_equal(classes, number), "one_hot");
}

static bool check(weft_node z, weft_node label)
{
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
    if (zs.rank != 2 || ls.rank != 1 || zs.dim[0] != ls.dim[0] || !zs.dim[0] || !zs.dim[1] || zs.dim[1] > MOST_CLASSES) {
        weft_fail(&here, x, 2, WEFT_ERROR_SHAPE, "z must be (N, C) and label (N), with 1 to %d classes and at least one row", MOST_CLASSES);
        return false;
    }
    return true;
}

weft_node weft_softmax_cross_entropy(weft_node z, weft_node label)
{
    if (!check(z, label))
        return (weft_node){.tape = z.tape, .id = WEFT_NO_ID};
    unsigned classes = WEFT_AXIS(1);
    weft_scope_push(z.tape, "softmax_cross_entropy");
    weft_node shifted = weft__shifted(z, classes);
    weft_node log_total = weft_name(weft_log(weft_sum(weft_exp(shifted), classes, false)), "log_total");
    weft_node score = weft_name(weft_sum(weft_mul(one_hot(label, z), shifted), classes, false), "score");
    weft_node loss = weft_name(weft_mean(weft_sub(log_total, score), WEFT_ALL_AXES, false), "loss");
    weft_scope_pop(z.tape);
    return loss;
}

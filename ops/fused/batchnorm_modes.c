/* batchnorm_modes.c: the fused batch normalization in all the modes of its staged twin, ops/staged/batchnorm_modes.c, out of the ops that there are:
 * those of a batch's moments, batchnorm.c and batchnorm_relu.c, and that of given ones, batchnorm_evaluation.c.
 *
 * Their h is (N, C, ...). Channels along another axis are seen as (before, C, after), and those that come last as (before, C): views of the same
 * elements. A gamma or beta that is left out is 1 or 0, once for each channel. */
#include "ops/fused/batchnorm.h"
#include "ops/staged/staged.h"

extern const weft_op weft_op_fused_batchnorm, weft_op_fused_batchnorm_relu, weft_op_fused_batchnorm_evaluation;

static weft_node with_channels_second(weft_node h, int axis)
{
    weft_shape shape = weft_node_shape(h);
    size_t dim[] = {1, shape.dim[axis], 1};
    for (int i = 0; i < shape.rank; i++)
        dim[i < axis ? 0 : 2] *= i == axis ? 1 : shape.dim[i];
    return axis == 1 ? h : weft_reshape(h, axis == shape.rank - 1 ? 2 : 3, dim);
}

weft_node weft_fused_batchnorm_with(weft_node h, const weft_batchnorm_options *o, weft_node updates[3], size_t *n_updates)
{
    const weft_node failed = {.tape = h.tape, .id = WEFT_NO_ID};
    int axis;
    double values;
    if (!weft__batchnorm_with_check("fused_batchnorm_with", h, o, updates, n_updates, &axis, &values))
        return failed;
    weft_shape shape = weft_node_shape(h);
    weft_node x[] = {with_channels_second(h, axis), o->gamma, o->beta, o->running_mean, o->running_variance}, y;
    for (int i = 1; i < 3; i++)
        if (!x[i].tape)
            x[i] = weft_broadcast(weft_scalar_like(h, i == 1), 1, &shape.dim[axis]);
    if (o->mode == WEFT_BATCHNORM_TRAINING) {
        y = weft_record(o->relu ? &weft_op_fused_batchnorm_relu : &weft_op_fused_batchnorm, x, 3, &o->eps);
        if (updates && o->running_mean.tape)
            *n_updates = weft__batchnorm_updates(o, weft_part(y, 1), weft_part(y, 3), values, updates);
    } else {
        const weft__evaluation a = {o->eps, o->relu, o->mode == WEFT_BATCHNORM_FROZEN};
        y = weft_record(&weft_op_fused_batchnorm_evaluation, x, 5, &a);
    }
    y = axis == 1 ? y : weft_reshape(y, shape.rank, shape.dim);
    return weft_tape_status(h.tape) == WEFT_OK ? y : failed;
}

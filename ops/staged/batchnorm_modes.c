/* batchnorm_modes.c: batch normalization as its users train, evaluate and deploy it: the channels along any axis, gamma and beta or not, running
 * statistics that a program assigns. batchnorm.c is the short call. */
#include "ops/staged/staged.h"

/* --- what may be wrong --- */

static const char *const part_name[] = {"gamma", "beta", "running_mean", "running_variance"};

static bool parts_fit(const weft_op *op, weft_node x, const weft_batchnorm_options *o, size_t channels)
{
    const weft_node part[] = {o->gamma, o->beta, o->running_mean, o->running_variance};
    for (int i = 0; i < 4; i++) {
        weft_shape shape = weft_node_shape(part[i]);
        if (!part[i].tape)
            continue;
        if (weft_node_failed(part[i]) || part[i].tape != x.tape)
            weft_fail(op, &x, 1, WEFT_ERROR_ARGUMENT, "%s must be a node of the same tape, or have the tape NULL", part_name[i]);
        else if (shape.rank != 1 || shape.dim[0] != channels)
            weft_fail(op, &x, 1, WEFT_ERROR_SHAPE, "%s must be (%zu), one number for each channel; is the axis of the channels another?",
                      part_name[i], channels);
        else
            continue;
        return false;
    }
    if (!(o->eps >= 0)) {
        weft_fail(op, &x, 1, WEFT_ERROR_ARGUMENT, "eps is %g; it must be 0 or more", o->eps);
        return false;
    }
    return weft_tape_status(x.tape) == WEFT_OK;
}

static bool statistics_fit(const weft_op *op, weft_node h, const weft_batchnorm_options *o, double values)
{
    bool training = o->mode == WEFT_BATCHNORM_TRAINING, any = o->running_mean.tape || o->running_variance.tape;
    bool both = o->running_mean.tape && o->running_variance.tape;
    if ((unsigned)o->mode > WEFT_BATCHNORM_FROZEN)
        weft_fail(op, &h, 1, WEFT_ERROR_ARGUMENT, "there is no mode %d", (int)o->mode);
    else if (any != both || (!training && !both))
        weft_fail(op, &h, 1, WEFT_ERROR_ARGUMENT, training ? "running_mean and running_variance must be given both, or neither"
                                                              : "evaluation needs running_mean and running_variance");
    else if (training && values < 2)
        weft_fail(op, &h, 1, WEFT_ERROR_SHAPE,
                  values > 0 ? "one value per channel is its own mean: y would be beta whatever h is; train on more, or evaluate"
                             : "there are no values to take the mean of; train on more, or evaluate");
    else if (training && both && o->cumulative && !o->batches.tape)
        weft_fail(op, &h, 1, WEFT_ERROR_ARGUMENT, "a cumulative average needs batches, a scalar parameter that counts");
    else if (training && both && !o->cumulative && !(o->momentum >= 0 && o->momentum <= 1))
        weft_fail(op, &h, 1, WEFT_ERROR_ARGUMENT, "the momentum is %g; it must be 0 to 1", o->momentum);
    else
        return true;
    return false;
}

bool weft__batchnorm_with_check(const char *name, weft_node h, const weft_batchnorm_options *o, weft_node updates[3], size_t *n_updates, int *axis,
                                double *values)
{
    const weft_op here = {.name = name};
    for (int i = 0; updates && i < 3; i++)
        updates[i] = (weft_node){.tape = h.tape, .id = WEFT_NO_ID};
    if (n_updates)
        *n_updates = 0;
    if (!o || (updates && !n_updates)) {
        weft_fail(&here, &h, 1, WEFT_ERROR_ARGUMENT, o ? "n_updates is NULL" : "options is NULL");
        return false;
    }
    unsigned channel = weft__axis_of(name, h, o->axis);
    weft_shape shape = weft_node_shape(h);
    *axis = o->axis < 0 ? o->axis + shape.rank : o->axis;
    *values = weft__folded_count(h, (WEFT_AXIS(shape.rank) - 1) & ~channel);
    return channel && parts_fit(&here, h, o, shape.dim[*axis]) && statistics_fit(&here, h, o, *values);
}

/* --- the parts --- */

typedef struct moments {
    weft_node mean, variance; /* as they meet h */
} moments;

/* The sums of channels that come last need not keep the folded axes: (C) meets h as it is. */
static moments of_batch(weft_node h, unsigned batch, double values, bool last)
{
    moments m;
    weft_node n = weft_scalar_like(h, values);
    m.mean = weft_name(weft_div(weft_sum(h, batch, !last), n), "mu");
    weft_node centred = weft_name(weft_sub(h, m.mean), "centred");
    weft_node squared = weft_name(weft_pow(centred, weft_scalar_like(h, 2)), "squared");
    m.variance = weft_name(weft_div(weft_sum(squared, batch, !last), n), "sigma2");
    return m;
}

static weft_node normalised(weft_node h, moments m, double eps)
{
    weft_node rstd = weft_name(weft_pow(weft_add(m.variance, weft_scalar_like(h, eps)), weft_scalar_like(h, -0.5)), "rstd");
    return weft_name(weft_mul(weft_name(weft_sub(h, m.mean), "centred"), rstd), "hhat");
}

size_t weft__batchnorm_updates(const weft_batchnorm_options *o, weft_node mean, weft_node variance, double values, weft_node updates[3])
{
    weft_shape own = weft_node_shape(o->running_mean);
    weft_node running[] = {o->running_mean, o->running_variance};
    weft_node batch[] = {weft_reshape(mean, 1, own.dim), weft_reshape(variance, 1, own.dim)};
    if (!o->biased)
        batch[1] = weft_mul(batch[1], weft_scalar_like(batch[1], values / (values - 1)));
    weft_node one = weft_scalar_like(running[0], 1), counted = {.tape = NULL};
    if (o->cumulative)
        counted = weft_add(o->batches, one);
    for (int i = 0; i < 2; i++) {
        weft_node kept = weft_mul(weft_scalar_like(one, 1 - o->momentum), running[i]), added = weft_mul(weft_scalar_like(one, o->momentum), batch[i]);
        if (o->cumulative)
            kept = running[i], added = weft_div(weft_sub(batch[i], running[i]), counted);
        updates[i] = weft_assign(running[i], weft_add(kept, added));
    }
    if (o->cumulative)
        updates[2] = weft_assign(o->batches, counted);
    return o->cumulative ? 3 : 2;
}

/* --- all of it --- */

weft_node weft_batchnorm_with(weft_node h, const weft_batchnorm_options *o, weft_node updates[3], size_t *n_updates)
{
    int axis;
    double values;
    if (!weft__batchnorm_with_check("batchnorm_with", h, o, updates, n_updates, &axis, &values))
        return (weft_node){.tape = h.tape, .id = WEFT_NO_ID};
    weft_shape shape = weft_node_shape(h);
    unsigned batch = (WEFT_AXIS(shape.rank) - 1) & ~WEFT_AXIS(axis);
    weft_scope_push(h.tape, "batchnorm");
    moments m;
    if (o->mode == WEFT_BATCHNORM_TRAINING) {
        m = of_batch(h, batch, values, axis == shape.rank - 1);
        if (updates && o->running_mean.tape)
            *n_updates = weft__batchnorm_updates(o, m.mean, m.variance, values, updates);
    } else {
        m.mean = weft__along(o->running_mean, axis, shape.rank);
        m.variance = weft__along(o->running_variance, axis, shape.rank);
    }
    weft_node y = normalised(h, m, o->eps), gamma = o->gamma, beta = o->beta;
    if (o->mode == WEFT_BATCHNORM_FROZEN) {
        gamma = gamma.tape ? weft_stop_gradient(gamma) : gamma;
        beta = beta.tape ? weft_stop_gradient(beta) : beta;
    }
    if (gamma.tape)
        y = weft_mul(weft__along(gamma, axis, shape.rank), y);
    if (beta.tape)
        y = weft_add(y, weft__along(beta, axis, shape.rank));
    if (o->relu)
        y = weft_relu(y);
    weft_scope_pop(h.tape);
    return weft_name(y, "y");
}

void weft_batchnorm_fold(weft_node w, weft_node b, const weft_batchnorm_options *o, weft_node folded[2])
{
    const weft_op fold = {.name = "batchnorm_fold"};
    weft_shape ws = weft_node_shape(w), bs = weft_node_shape(b);
    folded[0] = folded[1] = (weft_node){.tape = w.tape, .id = WEFT_NO_ID};
    if (weft_node_failed(w) || (b.tape && (weft_node_failed(b) || b.tape != w.tape)) || !o || !o->running_mean.tape || !o->running_variance.tape) {
        weft_fail(&fold, &w, 1, WEFT_ERROR_ARGUMENT, "w, b and the running statistics must be nodes of one tape; b may have the tape NULL");
        return;
    }
    if (ws.rank != 2 || (b.tape && (bs.rank != 1 || bs.dim[0] != ws.dim[1]))) {
        weft_fail(&fold, &w, 1, WEFT_ERROR_SHAPE, "w must be (D, C), b (C)");
        return;
    }
    if (!parts_fit(&fold, w, o, ws.dim[1]))
        return;
    weft_scope_push(w.tape, fold.name);
    weft_node scale = weft_pow(weft_add(o->running_variance, weft_scalar_like(w, o->eps)), weft_scalar_like(w, -0.5));
    scale = weft_name(o->gamma.tape ? weft_mul(o->gamma, scale) : scale, "scale");
    weft_node centred = b.tape ? weft_sub(b, o->running_mean) : weft_neg(o->running_mean), shift = weft_mul(centred, scale);
    folded[0] = weft_mul(w, scale);
    folded[1] = o->beta.tape ? weft_add(shift, o->beta) : shift;
    weft_scope_pop(w.tape);
}

/* softmax_cross_entropy.c: the mean over rows of -log softmax(z)[label], forward and backward, by hand. ops/staged/softmax_cross_entropy.c is the
 * same a primitive at a time.
 *
 * Backward, of one row of the N, with t the label, e[i] = exp(z[i] - m), s = sum e, m a constant, p = e / s; the row adds to the loss
 * (log s - (z[t] - m)) / N:
 *     dL/ds    = 1 / (N s)
 *     dL/dz[i] = e[i] dL/ds - [i = t] / N                  s = sum e, de/dz = e
 *              = (p[i] - [i = t]) / N
 * so that m and s of each row are all that it needs of the forward pass beside z and the labels.
 *
 * Forward, one read of z. The logarithm is taken of the sum alone, so that no p that underflows reaches it. */
#include "ops/fused/softmax_rows.h"
#include "ops/staged/staged.h"

#include <stdio.h>

#define LOOPS "ops/fused/vectors.inc"
#include "ops/both_types.inc"
#define LOOPS "ops/fused/softmax_rows.inc"
#include "ops/both_types.inc"
#define LOOPS "ops/fused/softmax_cross_entropy_loops.inc"
#include "ops/both_types.inc"

typedef struct pass {
    const weft_call *call;
    vectors v;
    double losses[MOST_PARTS]; /* forward: of the rows of each part */
    double weight;             /* backward: dloss/N */
} pass;

static pass pass_over(const weft_call *call, const weft_view *z, size_t arrays)
{
    return (pass){.call = call, .v = weft__vectors_along(2, z->dim, 1, z->dtype, arrays)};
}

static weft_status check_labels(const weft_call *call, const char *name, const weft_view *z, const weft_view *label)
{
    for (size_t r = 0; r < z->dim[0]; r++) {
        int64_t at = ((const int64_t *)label->data)[r];
        if (at < 0 || (uint64_t)at >= z->dim[1]) {
            snprintf(call->message, WEFT_MESSAGE_SIZE, "%s: label[%zu] is %lld; z has the classes 0 to %lld", name, r, (long long)at,
                     (long long)z->dim[1] - 1);
            return WEFT_ERROR_INDEX;
        }
    }
    return WEFT_OK;
}

static weft_status check_types(weft_typing *t, int label)
{
    if (t->x_dtype[label] != WEFT_I64)
        return weft_typing_error(t, WEFT_ERROR_DTYPE, "the labels must be i64, not %s", weft_dtype_name(t->x_dtype[label]));
    return weft__check_numbers(t, label);
}

/* --- backward: (dloss, z, label, most, total) -> dz --- */

static weft_status backward_shape(weft_typing *t)
{
    t->y[0] = t->x[1];
    return check_types(t, 2);
}

static void backward_part(void *context, size_t part, void *workspace)
{
    (void)workspace;
    const pass *p = context;
    const weft_view *x = p->call->x;
    void *dz = p->call->y[0].data;
    const int64_t *label = x[2].data;
    size_t r, end = weft__units_of(&p->v, part, &r), n = p->v.length;
    for (; r < end; r++) {
        double most = weft__element(&x[3], r), total = weft__element(&x[4], r);
        if (x[1].dtype == WEFT_F32)
            cross_entropy_gradient_f32(n, (const float *)x[1].data + r * n, (size_t)label[r], most, 1 / total, p->weight, (float *)dz + r * n, p->v.past);
        else
            cross_entropy_gradient_f64(n, (const double *)x[1].data + r * n, (size_t)label[r], most, 1 / total, p->weight, (double *)dz + r * n, p->v.past);
    }
    if (p->v.past)
        weft__stream_end();
}

static weft_status backward_kernel(const weft_call *call)
{
    pass p = pass_over(call, &call->x[1], FORWARD_ARRAYS); /* z is read and dz is written */
    weft_status status = check_labels(call, "fused_softmax_cross_entropy_backward", &call->x[1], &call->x[2]);
    p.weight = weft__element(&call->x[0], 0) / (double)p.v.units;
    if (status == WEFT_OK)
        weft__run_parts(call, &p.v, backward_part, &p);
    return status;
}

static weft_status backward_expand(weft_node y, const weft_node *x, weft_node *outputs)
{
    weft_node z = x[1], n = weft_scalar_like(z, (double)weft_node_shape(z).dim[0]);
    weft_node p = weft_div(weft_exp(weft_sub(z, x[3])), x[4]);
    outputs[0] = weft_mul(weft_div(x[0], n), weft_sub(p, weft_one_hot(x[2], weft_node_shape(z).dim[1], weft_node_dtype(z))));
    return weft_tape_status(y.tape);
}

const weft_op weft_op_fused_softmax_cross_entropy_backward = {
    .name = "fused_softmax_cross_entropy_backward", .formula = "dz = dloss/N (exp(z - most)/total - onehot(label))", .arity = 5,
    .kind = WEFT_GENERAL, .flags = WEFT_IN_PARTS, .wide_operands = 1u << 0 | 1u << 3 | 1u << 4,
    .shape = backward_shape, .kernel = backward_kernel, .expand = backward_expand,
};

/* --- forward: (z, label) -> loss, most, total --- */

static weft_status forward_shape(weft_typing *t)
{
    t->y[0] = (weft_shape){0};
    t->y[1] = t->y[2] = weft__one_along(&t->x[0], 1);
    return check_types(t, 1);
}

static void forward_part(void *context, size_t part, void *workspace)
{
    (void)workspace;
    pass *p = context;
    const weft_view *z = &p->call->x[0], *y = p->call->y;
    const int64_t *label = p->call->x[1].data;
    size_t first, end = weft__units_of(&p->v, part, &first), n = p->v.length;
    double *most = (double *)y[1].data + first, *total = (double *)y[2].data + first;
    if (z->dtype == WEFT_F32)
        p->losses[part] = cross_entropy_rows_f32(end - first, n, (const float *)z->data + first * n, label + first, most, total);
    else
        p->losses[part] = cross_entropy_rows_f64(end - first, n, (const double *)z->data + first * n, label + first, most, total);
}

static weft_status forward_kernel(const weft_call *call)
{
    pass p = pass_over(call, &call->x[0], FORWARD_ARRAYS);
    weft_status status = check_labels(call, "fused_softmax_cross_entropy", &call->x[0], &call->x[1]);
    if (status != WEFT_OK)
        return status;
    weft__run_parts(call, &p.v, forward_part, &p);
    double sum = 0;
    for (size_t part = 0; part < p.v.parts; part++)
        sum += p.losses[part];
    *(double *)call->y[0].data = sum / (double)p.v.units;
    return WEFT_OK;
}

static void forward_vjp(weft_node y, const weft_node *x, const weft_node *dy, weft_node *dx)
{
    const weft_node operands[] = {dy[0], x[0], x[1], weft_part(y, 1), weft_part(y, 2)};
    dx[0] = weft_record(&weft_op_fused_softmax_cross_entropy_backward, operands, 5, NULL);
}

static weft_status forward_expand(weft_node y, const weft_node *x, weft_node *outputs)
{
    weft__softmax_cross_entropy_staged(x[0], x[1], outputs);
    return weft_tape_status(y.tape);
}

const weft_op weft_op_fused_softmax_cross_entropy = {
    .name = "fused_softmax_cross_entropy", .formula = "loss = mean(log total - (z[label] - most)), total = sum(exp(z - most))", .arity = 2, .outputs = 3,
    .kind = WEFT_GENERAL, .flags = WEFT_IN_PARTS, .wide_outputs = 1u << 0 | 1u << 1 | 1u << 2,
    .shape = forward_shape, .kernel = forward_kernel, .vjp = forward_vjp, .expand = forward_expand,
};

weft_node weft_fused_softmax_cross_entropy(weft_node z, weft_node label)
{
    if (!weft__softmax_cross_entropy_check("fused_softmax_cross_entropy", z, label))
        return (weft_node){.tape = z.tape, .id = WEFT_NO_ID};
    return weft_record(&weft_op_fused_softmax_cross_entropy, (weft_node[]){z, label}, 2, NULL);
}

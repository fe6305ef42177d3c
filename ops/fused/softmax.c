/* softmax.c: exponentials that add up to 1, and their logarithms, forward and backward, by hand. ops/staged/softmax.c and log_softmax.c are the same a
 * primitive at a time.
 *
 * Backward, of one vector, with p[i] = e[i] / s, e[i] = exp(z[i] - m), s = sum e, and m a constant:
 *     dL/de[i] = dp[i] / s                                 p = e / s, the path through s apart
 *     dL/ds    = -sum_i dp[i] e[i] / s**2
 *     dL/dz[i] = e[i] (dL/de[i] + dL/ds)                   s = sum e, de/dz = e
 *              = p[i] (dp[i] - sum dp p)
 * so that p is all that it needs of the forward pass. Of the logarithms, y[i] = z[i] - m - l, l = ln s:
 *     dL/dl    = -sum_i dy[i]
 *     dL/dz[i] = dy[i] + e[i] / s dL/dl                    l = ln s, ds/dz = e
 *              = dy[i] - exp(y[i]) sum dy
 * and y is all that it needs.
 *
 * Forward, a row is read once for its largest element and its powers, and once, with the powers of up to POWERS elements at hand, for the result.
 * Longer rows are added up in blocks, each against its own largest element, and their powers computed again. Where the axis is not the last,
 * results hold the powers, rounded, until their sums are known. Logarithms need the sum alone, and read z again for the result. */
#include "ops/fused/softmax_rows.h"
#include "ops/fused/words.h"
#include "ops/staged/staged.h"

#define LOOPS "ops/fused/vectors.inc"
#include "ops/both_types.inc"
#define LOOPS "ops/fused/softmax_rows.inc"
#include "ops/both_types.inc"
#define LOOPS "ops/fused/softmax_loops.inc"
#include "ops/both_types.inc"

typedef struct pass {
    const weft_call *call;
    vectors v;
    bool logarithm;
} pass;

static vectors vectors_of(const weft_call *call, size_t arrays)
{
    const weft_view *y = &call->y[0];
    return weft__vectors_along(y->rank, y->dim, (int)*(const int64_t *)call->attributes, y->dtype, arrays);
}

/* --- backward --- */

static weft_status backward_shape(weft_typing *t)
{
    t->y[0] = t->x[1];
    return weft__check_numbers(t, 2);
}

static void backward_part(void *context, size_t part, void *workspace)
{
    (void)workspace;
    const pass *p = context;
    const vectors *v = &p->v;
    const void *dy = p->call->x[0].data, *y = p->call->x[1].data;
    void *dz = p->call->y[0].data;
    bool narrow = p->call->y[0].dtype == WEFT_F32;
    size_t first, end = weft__units_of(v, part, &first), n = v->length, width;
    if (v->inner == 1 && narrow)
        (p->logarithm ? log_softmax_gradient_rows_f32 : softmax_gradient_rows_f32)(end - first, n, (const float *)dy + first * n,
                                                                                   (const float *)y + first * n, (float *)dz + first * n, v->past);
    else if (v->inner == 1)
        (p->logarithm ? log_softmax_gradient_rows_f64 : softmax_gradient_rows_f64)(end - first, n, (const double *)dy + first * n,
                                                                                   (const double *)y + first * n, (double *)dz + first * n, v->past);
    else
        for (size_t unit = first; unit < end; unit++) {
            size_t at = weft__columns_of(v, unit, &width);
            if (narrow)
                (p->logarithm ? log_softmax_gradient_columns_f32 : softmax_gradient_columns_f32)(n, v->inner, width, (const float *)dy + at,
                                                                                                 (const float *)y + at, (float *)dz + at);
            else
                (p->logarithm ? log_softmax_gradient_columns_f64 : softmax_gradient_columns_f64)(n, v->inner, width, (const double *)dy + at,
                                                                                                 (const double *)y + at, (double *)dz + at);
        }
    if (v->past)
        weft__stream_end();
}

static weft_status backward_pass(const weft_call *call, bool logarithm)
{
    pass p = {call, vectors_of(call, BACKWARD_ARRAYS), logarithm};
    weft__run_parts(call, &p.v, backward_part, &p);
    return WEFT_OK;
}

static weft_status backward_kernel(const weft_call *call)
{
    return backward_pass(call, false);
}

static weft_status log_backward_kernel(const weft_call *call)
{
    return backward_pass(call, true);
}

static weft_status backward_expand(weft_node y, const weft_node *x, weft_node *outputs)
{
    unsigned along = WEFT_AXIS(*(const int64_t *)weft_node_attributes(y));
    outputs[0] = weft_mul(x[1], weft_sub(x[0], weft_sum(weft_mul(x[0], x[1]), along, true)));
    return weft_tape_status(y.tape);
}

static weft_status log_backward_expand(weft_node y, const weft_node *x, weft_node *outputs)
{
    unsigned along = WEFT_AXIS(*(const int64_t *)weft_node_attributes(y));
    outputs[0] = weft_sub(x[0], weft_mul(weft_exp(x[1]), weft_sum(x[0], along, true)));
    return weft_tape_status(y.tape);
}

const weft_op weft_op_fused_softmax_backward = {
    .name = "fused_softmax_backward", .formula = "dz = p (dp - sum(dp p))", .arity = 2,
    .kind = WEFT_GENERAL, .flags = WEFT_IN_PARTS | WEFT_NEVER_FAILS, .attribute_size = sizeof(int64_t), .words = weft__axis_words,
    .shape = backward_shape, .kernel = backward_kernel, .expand = backward_expand,
};

const weft_op weft_op_fused_log_softmax_backward = {
    .name = "fused_log_softmax_backward", .formula = "dz = dy - exp(y) sum(dy)", .arity = 2,
    .kind = WEFT_GENERAL, .flags = WEFT_IN_PARTS | WEFT_NEVER_FAILS, .attribute_size = sizeof(int64_t), .words = weft__axis_words,
    .shape = backward_shape, .kernel = log_backward_kernel, .expand = log_backward_expand,
};

/* --- forward --- */

static weft_status forward_shape(weft_typing *t)
{
    int axis = (int)*(const int64_t *)t->attributes;
    t->y[0] = t->x[0];
    if (!t->x[0].dim[axis])
        return weft_typing_error(t, WEFT_ERROR_SHAPE, "axis %d is empty, and nothing is the largest of nothing", axis);
    return weft__check_numbers(t, 1);
}

static void forward_part(void *context, size_t part, void *workspace)
{
    (void)workspace;
    const pass *p = context;
    const vectors *v = &p->v;
    const void *z = p->call->x[0].data;
    void *y = p->call->y[0].data;
    bool narrow = p->call->y[0].dtype == WEFT_F32;
    size_t first, end = weft__units_of(v, part, &first), n = v->length, width;
    if (v->inner == 1 && narrow)
        (p->logarithm ? log_softmax_rows_f32 : softmax_rows_f32)(end - first, n, (const float *)z + first * n, (float *)y + first * n, v->past);
    else if (v->inner == 1)
        (p->logarithm ? log_softmax_rows_f64 : softmax_rows_f64)(end - first, n, (const double *)z + first * n, (double *)y + first * n, v->past);
    else
        for (size_t unit = first; unit < end; unit++) {
            size_t at = weft__columns_of(v, unit, &width);
            if (narrow)
                (p->logarithm ? log_softmax_columns_f32 : softmax_columns_f32)(n, v->inner, width, (const float *)z + at, (float *)y + at);
            else
                (p->logarithm ? log_softmax_columns_f64 : softmax_columns_f64)(n, v->inner, width, (const double *)z + at, (double *)y + at);
        }
    if (v->past)
        weft__stream_end();
}

static weft_status forward_pass(const weft_call *call, bool logarithm)
{
    pass p = {call, vectors_of(call, FORWARD_ARRAYS), logarithm};
    weft__run_parts(call, &p.v, forward_part, &p);
    return WEFT_OK;
}

static weft_status forward_kernel(const weft_call *call)
{
    return forward_pass(call, false);
}

static weft_status log_forward_kernel(const weft_call *call)
{
    return forward_pass(call, true);
}

static void forward_vjp(weft_node y, const weft_node *x, const weft_node *dy, weft_node *dx)
{
    (void)x;
    dx[0] = weft_record(&weft_op_fused_softmax_backward, (weft_node[]){dy[0], y}, 2, weft_node_attributes(y));
}

static weft_status forward_expand(weft_node y, const weft_node *x, weft_node *outputs)
{
    outputs[0] = weft__softmax_staged(x[0], WEFT_AXIS(*(const int64_t *)weft_node_attributes(y)));
    return weft_tape_status(y.tape);
}

const weft_op weft_op_fused_softmax = {
    .name = "fused_softmax", .formula = "p = exp(z - max z) / sum(exp(z - max z)), along one axis", .arity = 1,
    .kind = WEFT_GENERAL, .flags = WEFT_IN_PARTS | WEFT_NEVER_FAILS, .attribute_size = sizeof(int64_t), .words = weft__axis_words,
    .shape = forward_shape, .kernel = forward_kernel, .vjp = forward_vjp, .expand = forward_expand,
};

static void log_forward_vjp(weft_node y, const weft_node *x, const weft_node *dy, weft_node *dx)
{
    (void)x;
    dx[0] = weft_record(&weft_op_fused_log_softmax_backward, (weft_node[]){dy[0], y}, 2, weft_node_attributes(y));
}

static weft_status log_forward_expand(weft_node y, const weft_node *x, weft_node *outputs)
{
    outputs[0] = weft__log_softmax_staged(x[0], WEFT_AXIS(*(const int64_t *)weft_node_attributes(y)));
    return weft_tape_status(y.tape);
}

const weft_op weft_op_fused_log_softmax = {
    .name = "fused_log_softmax", .formula = "y = z - max z - log(sum(exp(z - max z))), along one axis", .arity = 1,
    .kind = WEFT_GENERAL, .flags = WEFT_IN_PARTS | WEFT_NEVER_FAILS, .attribute_size = sizeof(int64_t), .words = weft__axis_words,
    .shape = forward_shape, .kernel = log_forward_kernel, .vjp = log_forward_vjp, .expand = log_forward_expand,
};

static weft_node along_axis(const weft_op *op, weft_node z, int axis)
{
    if (!weft__axis_of(op->name, z, axis))
        return (weft_node){.tape = z.tape, .id = WEFT_NO_ID};
    int64_t from_0 = axis < 0 ? axis + weft_node_shape(z).rank : axis;
    return weft_record(op, &z, 1, &from_0);
}

weft_node weft_fused_softmax(weft_node z, int axis)
{
    return along_axis(&weft_op_fused_softmax, z, axis);
}

weft_node weft_fused_log_softmax(weft_node z, int axis)
{
    return along_axis(&weft_op_fused_log_softmax, z, axis);
}

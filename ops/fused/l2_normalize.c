/* l2_normalize.c: vectors along one axis, divided by their length, forward and backward, by hand. ops/staged/l2_normalize.c is the same a primitive
 * at a time.
 *
 * Backward, of one vector, with y = x r, r = (s + eps)**(-1/2), s = sum x**2:
 *     dL/dr    = sum_i dy[i] x[i]                          y = x r
 *     dL/ds    = -1/2 r**3 dL/dr                           r = (s + eps)**(-1/2)
 *     dL/dx[i] = r dy[i] + 2 x[i] dL/ds
 *              = r (dy[i] - y[i] sum dy y)
 * where y is computed again from x, which is not rounded.
 *
 * Both passes read a vector twice: for its sum, and for the result. Where the root is 0, r is taken as 0. */
#include "ops/fused/vectors.h"
#include "ops/fused/words.h"
#include "ops/staged/staged.h"

#include <math.h>

#define LOOPS "ops/fused/vectors.inc"
#include "ops/both_types.inc"
#define LOOPS "ops/fused/l2_normalize_loops.inc"
#include "ops/both_types.inc"

typedef struct pass {
    const weft_call *call;
    vectors v;
    double eps;
} pass;

static pass pass_of(const weft_call *call, size_t arrays)
{
    const weft__eps_number *a = call->attributes;
    const weft_view *y = &call->y[0];
    return (pass){call, weft__vectors_along(y->rank, y->dim, (int)a->number, y->dtype, arrays), a->eps};
}

/* --- backward: (dy, x, rnorm) -> dx --- */

static weft_status backward_shape(weft_typing *t)
{
    t->y[0] = t->x[1];
    return weft__check_numbers(t, 3);
}

static void backward_part(void *context, size_t part, void *workspace)
{
    (void)workspace;
    const pass *p = context;
    const vectors *v = &p->v;
    const weft_view *dy = &p->call->x[0], *x = &p->call->x[1], *dx = &p->call->y[0];
    bool narrow = dx->dtype == WEFT_F32;
    size_t first, end = weft__units_of(v, part, &first), n = v->length;
    for (size_t unit = first; unit < end; unit++) {
        size_t width, at = weft__columns_of(v, unit, &width);
        double rnorm[COLUMNS];
        for (size_t c = 0; c < width; c++)
            rnorm[c] = weft__element(&p->call->x[2], unit / v->blocks * v->inner + unit % v->blocks * COLUMNS + c);
        if (narrow)
            (v->inner == 1 ? l2_gradient_row_f32 : l2_gradient_columns_f32)(n, v->inner, width, (const float *)dy->data + at,
                                                                            (const float *)x->data + at, rnorm, (float *)dx->data + at, v->past);
        else
            (v->inner == 1 ? l2_gradient_row_f64 : l2_gradient_columns_f64)(n, v->inner, width, (const double *)dy->data + at,
                                                                            (const double *)x->data + at, rnorm, (double *)dx->data + at, v->past);
    }
    if (v->past)
        weft__stream_end();
}

static weft_status backward_kernel(const weft_call *call)
{
    pass p = pass_of(call, BACKWARD_ARRAYS);
    weft__run_parts(call, &p.v, backward_part, &p);
    return WEFT_OK;
}

static weft_status backward_expand(weft_node y, const weft_node *x, weft_node *outputs)
{
    const weft__eps_number *a = weft_node_attributes(y);
    weft_node unit = weft_mul(x[1], x[2]);
    outputs[0] = weft_mul(x[2], weft_sub(x[0], weft_mul(unit, weft_sum(weft_mul(x[0], unit), WEFT_AXIS(a->number), true))));
    return weft_tape_status(y.tape);
}

const weft_op weft_op_fused_l2_normalize_backward = {
    .name = "fused_l2_normalize_backward", .formula = "dx = rnorm (dy - y sum(dy y)), y = x rnorm", .arity = 3,
    .kind = WEFT_GENERAL, .flags = WEFT_IN_PARTS | WEFT_NEVER_FAILS, .attribute_size = sizeof(weft__eps_number),
    .words = weft__axis_eps_words, .wide_operands = 1u << 2,
    .shape = backward_shape, .kernel = backward_kernel, .expand = backward_expand,
};

/* --- forward: x -> y, rnorm --- */

static weft_status forward_shape(weft_typing *t)
{
    const weft__eps_number *a = t->attributes;
    t->y[0] = t->x[0];
    t->y[1] = weft__one_along(&t->x[0], (int)a->number);
    return weft__check_numbers(t, 1);
}

static void forward_part(void *context, size_t part, void *workspace)
{
    (void)workspace;
    const pass *p = context;
    const vectors *v = &p->v;
    const weft_view *x = &p->call->x[0], *y = &p->call->y[0];
    bool narrow = y->dtype == WEFT_F32;
    size_t first, end = weft__units_of(v, part, &first), n = v->length;
    for (size_t unit = first; unit < end; unit++) {
        size_t width, at = weft__columns_of(v, unit, &width);
        double *rnorm = (double *)p->call->y[1].data + unit / v->blocks * v->inner + unit % v->blocks * COLUMNS;
        if (narrow)
            (v->inner == 1 ? l2_row_f32 : l2_columns_f32)(n, v->inner, width, (const float *)x->data + at, p->eps, rnorm, (float *)y->data + at, v->past);
        else
            (v->inner == 1 ? l2_row_f64 : l2_columns_f64)(n, v->inner, width, (const double *)x->data + at, p->eps, rnorm, (double *)y->data + at, v->past);
    }
    if (v->past)
        weft__stream_end();
}

static weft_status forward_kernel(const weft_call *call)
{
    pass p = pass_of(call, FORWARD_ARRAYS);
    weft__run_parts(call, &p.v, forward_part, &p);
    return WEFT_OK;
}

static void forward_vjp(weft_node y, const weft_node *x, const weft_node *dy, weft_node *dx)
{
    dx[0] = weft_record(&weft_op_fused_l2_normalize_backward, (weft_node[]){dy[0], x[0], weft_part(y, 1)}, 3, weft_node_attributes(y));
}

static weft_status forward_expand(weft_node y, const weft_node *x, weft_node *outputs)
{
    const weft__eps_number *a = weft_node_attributes(y);
    weft__l2_normalize_staged(x[0], WEFT_AXIS(a->number), a->eps, outputs);
    return weft_tape_status(y.tape);
}

const weft_op weft_op_fused_l2_normalize = {
    .name = "fused_l2_normalize", .formula = "y = x rnorm, rnorm = (sum(x**2) + eps)**(-1/2), along one axis", .arity = 1, .outputs = 2,
    .kind = WEFT_GENERAL, .flags = WEFT_IN_PARTS | WEFT_NEVER_FAILS, .attribute_size = sizeof(weft__eps_number),
    .words = weft__axis_eps_words, .wide_outputs = 1u << 1,
    .shape = forward_shape, .kernel = forward_kernel, .vjp = forward_vjp, .expand = forward_expand,
};

weft_node weft_fused_l2_normalize(weft_node x, int axis, double eps)
{
    if (!weft__l2_normalize_check("fused_l2_normalize", x, axis, eps))
        return (weft_node){.tape = x.tape, .id = WEFT_NO_ID};
    weft__eps_number a = {eps, axis < 0 ? axis + weft_node_shape(x).rank : axis};
    return weft_record(&weft_op_fused_l2_normalize, &x, 1, &a);
}

/* groupnorm.c: group normalization, forward and backward, by hand, and instance normalization, which is one channel a group. ops/staged/groupnorm.c is
 * the same as the paper writes it.
 *
 * A sample's group is a row of n contiguous elements, and layernorm.c's derivation holds for it with gamma of the element's channel: with
 * xhat = (x - mu) r, y = g xhat + b, u = g dy and sums along the row,
 *     dL/dx[i] = r (u[i] - 1/n sum u - xhat[i] 1/n sum u xhat)
 * Channel c has a stretch S of the row, where g is one number, so that
 *     sum_S u = g[c] s[c], sum_S u xhat = g[c] r d[c]     with s[c] = sum_S dy, d[c] = sum_S dy (x - mu)
 * and the sums of the row are sums of C/groups products; dgamma[c] = sum r d[c], dbeta[c] = sum s[c] over the samples.
 *
 * Both passes read a row twice; the second time the caches have it. Parts are ranges of rows, and add up their channels apart. Where the root is 0,
 * rstd is taken as 0. */
#include "ops/fused/moments.h"
#include "ops/fused/vectors.h"
#include "ops/fused/words.h"
#include "ops/staged/staged.h"

#include <math.h>
#include <string.h>

/* The shape of a group. */
typedef struct stretch {
    size_t channels, inner; /* of a row: channels stretches of inner elements */
} stretch;

/* Where the stretch of channel c ends, or what is asked for does. */
static inline size_t weft__stretch_end(stretch s, size_t c, size_t end)
{
    return (c + 1) * s.inner < end ? (c + 1) * s.inner : end;
}

#define LOOPS "ops/fused/vectors.inc"
#include "ops/both_types.inc"
#define LOOPS "ops/fused/row_moments.inc"
#include "ops/both_types.inc"
#define LOOPS "ops/fused/groupnorm_loops.inc"
#include "ops/both_types.inc"

typedef struct pass {
    const weft_call *call;
    vectors v; /* rows: (N groups, n) */
    stretch s;
    size_t groups, channels; /* C */
    double eps;
    double *sums; /* backward: (parts, 2, C) */
} pass;

static pass pass_over(const weft_call *call, const size_t *dim, int rank, weft_dtype dtype, size_t groups, size_t arrays)
{
    pass p = {.call = call, .groups = groups, .channels = dim[1], .s = {dim[1] / groups, 1}};
    for (int i = 2; i < rank; i++)
        p.s.inner *= dim[i];
    const size_t rows[] = {dim[0] * groups, p.s.channels * p.s.inner};
    p.v = weft__vectors_along(2, rows, 1, dtype, arrays);
    return p;
}

/* --- backward: (dy, x, gamma, mean, rstd) -> dx, dgamma, dbeta; mean and rstd are (N, groups) --- */

static weft_status backward_shape(weft_typing *t)
{
    t->y[0] = t->x[1];
    t->y[1] = t->y[2] = t->x[2];
    return weft__check_numbers(t, 5);
}

static size_t backward_workspace(const weft_typing *t)
{
    pass p = pass_over(NULL, t->x[1].dim, t->x[1].rank, t->x_dtype[1], t->x[3].dim[1], BACKWARD_ARRAYS);
    return p.v.parts * 2 * p.channels * sizeof(double);
}

static void backward_part(void *context, size_t part, void *workspace)
{
    (void)workspace;
    const pass *p = context;
    const weft_view *x = p->call->x, *dx = p->call->y;
    size_t first, end = weft__units_of(&p->v, part, &first), n = p->v.length;
    double *dgamma = p->sums + part * 2 * p->channels, *dbeta = dgamma + p->channels;
    memset(dgamma, 0, 2 * p->channels * sizeof *dgamma);
    for (size_t r = first; r < end; r++) {
        size_t c = r % p->groups * p->s.channels;
        double mean = weft__element(&x[3], r), rstd = weft__element(&x[4], r);
        if (x->dtype == WEFT_F32)
            group_gradient_f32(n, p->s, (const float *)x[0].data + r * n, (const float *)x[1].data + r * n, (const float *)x[2].data + c, mean, rstd,
                               dgamma + c, dbeta + c, (float *)dx->data + r * n, p->v.past);
        else
            group_gradient_f64(n, p->s, (const double *)x[0].data + r * n, (const double *)x[1].data + r * n, (const double *)x[2].data + c, mean,
                               rstd, dgamma + c, dbeta + c, (double *)dx->data + r * n, p->v.past);
    }
    if (p->v.past)
        weft__stream_end();
}

static weft_status backward_kernel(const weft_call *call)
{
    const weft_view *x = &call->x[1];
    pass p = pass_over(call, x->dim, x->rank, x->dtype, call->x[3].dim[1], BACKWARD_ARRAYS);
    double *total[] = {call->y[1].data, call->y[2].data};
    if (!p.channels)
        return WEFT_OK;
    p.sums = call->workspace;
    weft__run_parts(call, &p.v, backward_part, &p);
    for (size_t k = 0; k < 2; k++) {
        memset(total[k], 0, p.channels * sizeof *total[k]);
        for (size_t part = 0; part < p.v.parts; part++)
            for (size_t c = 0; c < p.channels; c++)
                total[k][c] += p.sums[(part * 2 + k) * p.channels + c];
    }
    return WEFT_OK;
}

static weft_status backward_expand(weft_node y, const weft_node *x, weft_node *outputs)
{
    weft_shape shape = weft_node_shape(x[1]), channels = weft_node_shape(x[2]), each = weft_node_shape(x[3]);
    const size_t groups = each.dim[1], row[] = {each.dim[0], groups, 1, 1};
    unsigned along = WEFT_AXIS(2) | WEFT_AXIS(3), across = WEFT_AXIS(0) | WEFT_AXIS(3);
    weft_node dy = weft__groupnorm_cut(x[0], groups), rstd = weft_reshape(x[4], 4, row);
    weft_node xhat = weft_mul(weft_sub(weft__groupnorm_cut(x[1], groups), weft_reshape(x[3], 4, row)), rstd);
    weft_node u = weft_mul(weft__groupnorm_column(x[2], groups), dy), slope = weft_mean(weft_mul(u, xhat), along, true);
    weft_node dx = weft_mul(rstd, weft_sub(weft_sub(u, weft_mean(u, along, true)), weft_mul(xhat, slope)));
    outputs[0] = weft_reshape(dx, shape.rank, shape.dim);
    outputs[1] = weft_reshape(weft_sum(weft_mul(dy, xhat), across, false), 1, channels.dim);
    outputs[2] = weft_reshape(weft_sum(dy, across, false), 1, channels.dim);
    return weft_tape_status(y.tape);
}

const weft_op weft_op_fused_groupnorm_backward = {
    .name = "fused_groupnorm_backward", .formula = "dx = rstd (u - mean u - xhat mean(u xhat)), u = gamma dy", .arity = 5, .outputs = 3,
    .kind = WEFT_GENERAL, .flags = WEFT_IN_PARTS | WEFT_NEVER_FAILS, .wide_operands = 1u << 3 | 1u << 4, .wide_outputs = 1u << 1 | 1u << 2,
    .shape = backward_shape, .kernel = backward_kernel, .workspace = backward_workspace, .expand = backward_expand,
};

/* --- forward: (x, gamma, beta) -> y, mean, rstd --- */

static weft_status forward_shape(weft_typing *t)
{
    const weft__eps_number *a = t->attributes;
    t->y[0] = t->x[0];
    t->y[1] = t->y[2] = (weft_shape){2, {t->x[0].dim[0], (size_t)a->number}};
    return weft__check_numbers(t, 3);
}

static void forward_part(void *context, size_t part, void *workspace)
{
    (void)workspace;
    const pass *p = context;
    const weft_view *x = p->call->x, *y = p->call->y;
    size_t first, end = weft__units_of(&p->v, part, &first), n = p->v.length;
    double *mean = y[1].data, *rstd = y[2].data;
    for (size_t r = first; r < end; r++) {
        size_t c = r % p->groups * p->s.channels;
        if (x->dtype == WEFT_F32)
            group_normalized_f32(n, p->s, (const float *)x->data + r * n, (const float *)x[1].data + c, (const float *)x[2].data + c, p->eps, &mean[r],
                                 &rstd[r], (float *)y->data + r * n, p->v.past);
        else
            group_normalized_f64(n, p->s, (const double *)x->data + r * n, (const double *)x[1].data + c, (const double *)x[2].data + c, p->eps,
                                 &mean[r], &rstd[r], (double *)y->data + r * n, p->v.past);
    }
    if (p->v.past)
        weft__stream_end();
}

static weft_status forward_kernel(const weft_call *call)
{
    const weft__eps_number *a = call->attributes;
    pass p = pass_over(call, call->x->dim, call->x->rank, call->x->dtype, (size_t)a->number, FORWARD_ARRAYS);
    p.eps = a->eps;
    weft__run_parts(call, &p.v, forward_part, &p);
    return WEFT_OK;
}

static void forward_vjp(weft_node y, const weft_node *x, const weft_node *dy, weft_node *dx)
{
    const weft_node operands[] = {dy[0], x[0], x[1], weft_part(y, 1), weft_part(y, 2)};
    dx[0] = weft_record(&weft_op_fused_groupnorm_backward, operands, 5, NULL);
    dx[1] = weft_part(dx[0], 1);
    dx[2] = weft_part(dx[0], 2);
}

static weft_status forward_expand(weft_node y, const weft_node *x, weft_node *outputs)
{
    const weft__eps_number *a = weft_node_attributes(y);
    const size_t each[] = {weft_node_shape(x[0]).dim[0], (size_t)a->number};
    weft__groupnorm_staged(x[0], (size_t)a->number, x[1], x[2], a->eps, outputs);
    for (int i = 1; i < 3; i++)
        outputs[i] = weft_reshape(outputs[i], 2, each);
    return weft_tape_status(y.tape);
}

const weft_op weft_op_fused_groupnorm = {
    .name = "fused_groupnorm", .formula = "y = gamma (x - mean) rstd + beta, over the channels of a group and all further axes", .arity = 3,
    .outputs = 3,
    .kind = WEFT_GENERAL, .flags = WEFT_IN_PARTS | WEFT_NEVER_FAILS, .attribute_size = sizeof(weft__eps_number), .words = weft__groups_eps_words,
    .wide_outputs = 1u << 1 | 1u << 2, .shape = forward_shape, .kernel = forward_kernel, .vjp = forward_vjp, .expand = forward_expand,
};

/* Of gamma and beta what is left out is 1 or 0, once for each channel. */
static weft_node recorded(weft_node x, size_t groups, weft_node gamma, weft_node beta, double eps)
{
    weft_shape shape = weft_node_shape(x);
    const weft__eps_number a = {eps, (int64_t)groups};
    gamma = gamma.tape ? gamma : weft_broadcast(weft_scalar_like(x, 1), 1, &shape.dim[1]);
    beta = beta.tape ? beta : weft_broadcast(weft_scalar_like(x, 0), 1, &shape.dim[1]);
    return weft_record(&weft_op_fused_groupnorm, (weft_node[]){x, gamma, beta}, 3, &a);
}

weft_node weft_fused_groupnorm(weft_node x, size_t groups, weft_node gamma, weft_node beta, double eps)
{
    if (!weft__groupnorm_check("fused_groupnorm", x, groups, gamma, beta, eps))
        return (weft_node){.tape = x.tape, .id = WEFT_NO_ID};
    return recorded(x, groups, gamma, beta, eps);
}

weft_node weft_fused_instancenorm(weft_node x, weft_node gamma, weft_node beta, double eps)
{
    if (!weft__instancenorm_check("fused_instancenorm", x, gamma, beta, eps))
        return (weft_node){.tape = x.tape, .id = WEFT_NO_ID};
    size_t channels = weft_node_shape(x).dim[1];
    return recorded(x, channels ? channels : 1, gamma, beta, eps);
}

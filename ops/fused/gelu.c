/* gelu.c: x times the probability that a standard normal number is below it, forward and backward, by hand.
 *
 * y = x P(x), with P(x) = erfc(-x/sqrt 2)/2 and P' = phi, phi(x) = exp(-x**2/2)/sqrt(2 pi), so that
 *     dL/dx = dy (P(x) + x phi(x))
 * in one read of dy and x. The staged gradient takes an error function and an exponential by themselves; here both come out of one exponential, as
 * ops/error_function.h has it for results that are f32. Results that are f64 take the C library's erfc(). Either takes longer than memory does, so
 * that stores past the caches would gain nothing. */
#include "ops/error_function.h"
#include "ops/fused/softmax_rows.h"

static inline double weft__below_f32(double x, double *density)
{
    double power = short_power(-0.5 * (x * x));
    *density = 0.39894228040143268 * power;
    return short_below(x, power);
}

static inline double weft__below_f64(double x, double *density)
{
    *density = 0.39894228040143268 * e_to_the(-0.5 * (x * x));
    return 0.5 * erfc(x * -0.70710678118654752440);
}

#define LOOPS "ops/fused/gelu_loops.inc"
#include "ops/both_types.inc"

/* The elements as one row, cut into parts. */
typedef struct pass {
    const weft_call *call;
    size_t count, step;
} pass;

static weft_status run(const weft_call *call, void (*work)(void *context, size_t part, void *workspace))
{
    const weft_view *y = &call->y[0];
    pass p = {.call = call, .count = 1};
    for (int i = 0; i < y->rank; i++)
        p.count *= y->dim[i];
    size_t parts = p.count / PART;
    parts = parts > MOST_PARTS ? MOST_PARTS : parts ? parts : 1;
    p.step = (p.count / parts / CHUNK + 1) * CHUNK;
    parts = (p.count + p.step - 1) / p.step;
    if (p.count >= WORTH_SHARING)
        weft_call_parts(call, work, &p, parts);
    else
        for (size_t part = 0; part < parts; part++)
            work(&p, part, call->workspace);
    return WEFT_OK;
}

/* The elements of a part: how many, from *first on. */
static size_t elements_of(const pass *p, size_t part, size_t *first)
{
    *first = part * p->step;
    return p->count - *first < p->step ? p->count - *first : p->step;
}

/* --- backward: (dy, x) -> dx --- */

static weft_status backward_shape(weft_typing *t)
{
    t->y[0] = t->x[1];
    return weft__check_numbers(t, 2);
}

static void backward_part(void *context, size_t part, void *workspace)
{
    (void)workspace;
    const pass *p = context;
    const void *dy = p->call->x[0].data, *x = p->call->x[1].data;
    void *dx = p->call->y[0].data;
    size_t first, n = elements_of(p, part, &first);
    if (p->call->y[0].dtype == WEFT_F32)
        gelu_gradient_f32(n, (const float *)dy + first, (const float *)x + first, (float *)dx + first);
    else
        gelu_gradient_f64(n, (const double *)dy + first, (const double *)x + first, (double *)dx + first);
}

static weft_status backward_kernel(const weft_call *call)
{
    return run(call, backward_part);
}

/* (1 + erf(a / sqrt 2))/2 */
static weft_node below(weft_node a)
{
    weft_node half = weft_full_like(a, 0.5);
    return weft_add(half, weft_mul(half, weft_erf(weft_mul(a, weft_full_like(a, 0.7071067811865476)))));
}

static weft_status backward_expand(weft_node y, const weft_node *x, weft_node *outputs)
{
    weft_node a = x[1], density = weft_mul(weft_full_like(a, 0.3989422804014327), weft_exp(weft_mul(a, weft_mul(a, weft_full_like(a, -0.5)))));
    outputs[0] = weft_mul(x[0], weft_add(below(a), weft_mul(a, density)));
    return weft_tape_status(y.tape);
}

const weft_op weft_op_fused_gelu_backward = {
    .name = "fused_gelu_backward", .formula = "dx = dy (P(x) + x exp(-x**2/2) / sqrt(2 pi)), P(x) = (1 + erf(x / sqrt 2))/2", .arity = 2,
    .kind = WEFT_GENERAL, .flags = WEFT_IN_PARTS | WEFT_NEVER_FAILS,
    .shape = backward_shape, .kernel = backward_kernel, .expand = backward_expand,
};

/* --- forward: x -> y --- */

static weft_status forward_shape(weft_typing *t)
{
    t->y[0] = t->x[0];
    return weft__check_numbers(t, 1);
}

static void forward_part(void *context, size_t part, void *workspace)
{
    (void)workspace;
    const pass *p = context;
    const void *x = p->call->x[0].data;
    void *y = p->call->y[0].data;
    size_t first, n = elements_of(p, part, &first);
    if (p->call->y[0].dtype == WEFT_F32)
        gelu_values_f32(n, (const float *)x + first, (float *)y + first);
    else
        gelu_values_f64(n, (const double *)x + first, (double *)y + first);
}

static weft_status forward_kernel(const weft_call *call)
{
    return run(call, forward_part);
}

static void forward_vjp(weft_node y, const weft_node *x, const weft_node *dy, weft_node *dx)
{
    (void)y;
    dx[0] = weft_record(&weft_op_fused_gelu_backward, (weft_node[]){dy[0], x[0]}, 2, NULL);
}

static weft_status forward_expand(weft_node y, const weft_node *x, weft_node *outputs)
{
    outputs[0] = weft_mul(x[0], below(x[0]));
    return weft_tape_status(y.tape);
}

const weft_op weft_op_fused_gelu = {
    .name = "fused_gelu", .formula = "y = x/2 * (1 + erf(x / sqrt 2))", .arity = 1,
    .kind = WEFT_GENERAL, .flags = WEFT_IN_PARTS | WEFT_NEVER_FAILS,
    .shape = forward_shape, .kernel = forward_kernel, .vjp = forward_vjp, .expand = forward_expand,
};

weft_node weft_fused_gelu(weft_node x)
{
    return weft_record(&weft_op_fused_gelu, &x, 1, NULL);
}

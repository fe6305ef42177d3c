/* adam.c: Adam and AdamW. The bias corrections 1 - beta**t are taken from t ln beta: as 1 - pow(beta, t) they would lose the digits of beta that
 * the 1 covers, in f32 all but the first four of 1 - 0.999. Source: Kingma and Ba, 2015, algorithm 1; Loshchilov and Hutter, 2019, algorithm 2. */
#include "ops/staged/staged.h"

#include <math.h>

/* 1 - e**x, x = step ln beta < 0. With u the rounded e**x, (1 - u) / -ln u has no error that u has not in both places. Source: Kahan, as in
 * Higham, Accuracy and Stability of Numerical Algorithms, 2002, section 1.14.1. */
static weft_node correction(weft_node step, double beta)
{
    weft_node one = weft_scalar_like(step, 1);
    if (beta == 0)
        return one;
    weft_node x = weft_mul(step, weft_scalar_like(step, log(beta))), u = weft_exp(x);
    weft_node ratio = weft_div(weft_sub(one, u), weft_log(u));
    return weft_where(weft_equal(u, one), weft_neg(x), weft_mul(x, ratio));
}

static bool check(const weft_op *here, const weft_node *x, double beta1, double beta2, double eps, double decay)
{
    if (!(beta1 >= 0 && beta1 < 1 && beta2 >= 0 && beta2 < 1))
        weft_fail(here, x, 6, WEFT_ERROR_ARGUMENT, "beta1 is %g and beta2 %g; both must be at least 0 and less than 1", beta1, beta2);
    else if (!(eps >= 0) || !isfinite(decay))
        weft_fail(here, x, 6, WEFT_ERROR_ARGUMENT, "eps is %g and decay %g; eps must be 0 or more, decay finite", eps, decay);
    else if (weft_node_shape(x[4]).rank || weft_node_shape(x[5]).rank)
        weft_fail(here, x, 6, WEFT_ERROR_SHAPE, "step and rate must be scalars");
    else
        return weft_tape_status(x[0].tape) == WEFT_OK;
    return false;
}

/* x: w, dw, m, v, step, rate. */
static void update(const char *name, const weft_node *x, double beta1, double beta2, double eps, double decay, weft_node out[3])
{
    weft_node w = x[0], dw = x[1], m = x[2], v = x[3], step = x[4], rate = x[5];
    for (int i = 0; i < 3; i++)
        out[i] = (weft_node){.tape = w.tape, .id = WEFT_NO_ID};
    if (!check(&(weft_op){.name = name}, x, beta1, beta2, eps, decay))
        return;
    weft_scope_push(w.tape, name);
    weft_node next_m = weft_add(weft_mul(weft_scalar_like(m, beta1), m), weft_mul(weft_scalar_like(m, 1 - beta1), dw));
    weft_node next_v = weft_add(weft_mul(weft_scalar_like(v, beta2), v), weft_mul(weft_scalar_like(v, 1 - beta2), weft_mul(dw, dw)));
    weft_node size = weft_add(weft_sqrt(weft_div(next_v, correction(step, beta2))), weft_scalar_like(w, eps));
    weft_node change = weft_div(weft_div(next_m, correction(step, beta1)), size);
    if (decay != 0)
        change = weft_add(change, weft_mul(weft_scalar_like(w, decay), w));
    out[0] = weft_assign(m, next_m);
    out[1] = weft_assign(v, next_v);
    out[2] = weft_assign(w, weft_sub(w, weft_mul(rate, change)));
    weft_scope_pop(w.tape);
}

void weft_adam(weft_node w, weft_node dw, weft_node m, weft_node v, weft_node step, weft_node rate, double beta1, double beta2, double eps,
               weft_node out[3])
{
    update("adam", (const weft_node[]){w, dw, m, v, step, rate}, beta1, beta2, eps, 0, out);
}

void weft_adamw(weft_node w, weft_node dw, weft_node m, weft_node v, weft_node step, weft_node rate, double beta1, double beta2, double eps,
                double decay, weft_node out[3])
{
    update("adamw", (const weft_node[]){w, dw, m, v, step, rate}, beta1, beta2, eps, decay, out);
}

/* l2_normalize.c: vectors along one axis, divided by their length. eps stands inside the root: the derivative then exists at 0 as well,
 * where that of max(length, eps) has a kink. */
#include "ops/staged/staged.h"

unsigned weft__l2_normalize_check(const char *name, weft_node x, int axis, double eps)
{
    const weft_op here = {.name = name};
    unsigned along = weft__axis_of(name, x, axis);
    if (along && !(eps >= 0))
        weft_fail(&here, &x, 1, WEFT_ERROR_ARGUMENT, "eps is %g; it must be 0 or more", eps);
    return along && weft_tape_status(x.tape) == WEFT_OK ? along : 0;
}

void weft__l2_normalize_staged(weft_node x, unsigned along, double eps, weft_node y_rnorm[2])
{
    weft_node squared = weft_name(weft_pow(x, weft_scalar_like(x, 2)), "squared");
    weft_node total = weft_name(weft_sum(squared, along, true), "total");
    weft_node rnorm = weft_name(weft_pow(weft_add(total, weft_scalar_like(x, eps)), weft_scalar_like(x, -0.5)), "rnorm");
    y_rnorm[0] = weft_name(weft_mul(x, rnorm), "y");
    y_rnorm[1] = rnorm;
}

weft_node weft_l2_normalize(weft_node x, int axis, double eps)
{
    weft_node y_rnorm[2];
    unsigned along = weft__l2_normalize_check("l2_normalize", x, axis, eps);
    if (!along)
        return (weft_node){.tape = x.tape, .id = WEFT_NO_ID};
    weft_scope_push(x.tape, "l2_normalize");
    weft__l2_normalize_staged(x, along, eps, y_rnorm);
    weft_scope_pop(x.tape);
    return y_rnorm[0];
}

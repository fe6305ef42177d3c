/* sign.c: -1, 0 or 1; NaN stays NaN. Piecewise constant, so its derivative is 0. */
#include "ops/elementwise.h"

/* One choice after another, a > 0 ? 1 : a < 0 ? -1 : a, is right too, but gcc makes a comparison of it (EQ_US) that valgrind 3.19 gets wrong at NaN. */
WEFT_ELEMENTWISE1(sign, a != a ? a : (T)((a > 0) - (a < 0)))

WEFT_EXACT(sign, weft_exact_whole(f, weft_exact_compare(f, x[0], weft_exact_whole(f, 0))))

static const weft_paper sign_on_paper = {.tex = "\\operatorname{sign}\\left(%s\\right)"};

const weft_op weft_op_sign = {
    .name = "sign", .formula = "y = a / |a|, 0 at 0", .arity = 1,
    .kind = WEFT_ELEMENTWISE, .flags = WEFT_ZERO_DERIVATIVE,
    WEFT_KERNELS(sign), .exact = &sign_exact,
    .paper = &sign_on_paper,
};

weft_node weft_sign(weft_node a)
{
    return weft_elementwise(&weft_op_sign, &a, 1);
}

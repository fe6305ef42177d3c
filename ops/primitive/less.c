/* less.c: the mask of a < b. Piecewise constant, so its derivative is 0. */
#include "ops/elementwise.h"

WEFT_ELEMENTWISE2(less, a < b ? (T)1 : (T)0)

WEFT_EXACT(less, weft_exact_whole(f, weft_exact_compare(f, x[0], x[1]) < 0))

static const weft_paper less_on_paper = {.text = "[%s < %s]", .tex = "\\left[%s < %s\\right]"};

const weft_op weft_op_less = {
    .name = "less", .formula = "y = 1 where a < b, else 0", .arity = 2,
    .kind = WEFT_ELEMENTWISE, .flags = WEFT_ZERO_DERIVATIVE,
    WEFT_KERNELS(less), .exact = &less_exact,
    .paper = &less_on_paper,
};

weft_node weft_less(weft_node a, weft_node b)
{
    return weft_elementwise(&weft_op_less, (weft_node[]){a, b}, 2);
}

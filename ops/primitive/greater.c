/* greater.c: the mask of a > b. Piecewise constant, so its derivative is 0. */
#include "ops/elementwise.h"

WEFT_ELEMENTWISE2(greater, a > b ? (T)1 : (T)0)

WEFT_EXACT(greater, weft_exact_whole(f, weft_exact_compare(f, x[0], x[1]) > 0))

static const weft_paper greater_on_paper = {.text = "[%s > %s]", .tex = "\\left[%s > %s\\right]"};

const weft_op weft_op_greater = {
    .name = "greater", .formula = "y = 1 where a > b, else 0", .arity = 2,
    .kind = WEFT_ELEMENTWISE, .flags = WEFT_ZERO_DERIVATIVE,
    WEFT_KERNELS(greater), .exact = &greater_exact,
    .paper = &greater_on_paper,
};

weft_node weft_greater(weft_node a, weft_node b)
{
    return weft_elementwise(&weft_op_greater, (weft_node[]){a, b}, 2);
}

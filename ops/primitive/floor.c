/* floor.c: the largest whole number that is not above. Piecewise constant, so its derivative is 0. */
#include "ops/elementwise.h"

WEFT_ELEMENTWISE1(floor, floor(a))

WEFT_EXACT(floor, weft_exact_symbol(f, "floor", WEFT_NEITHER, x, 1))

static const weft_paper floor_on_paper = {.text = "floor(%s)", .tex = "\\left\\lfloor %s \\right\\rfloor"};

const weft_op weft_op_floor = {
    .name = "floor", .formula = "y = floor a", .arity = 1,
    .kind = WEFT_ELEMENTWISE, .flags = WEFT_ZERO_DERIVATIVE,
    WEFT_KERNELS(floor), .exact = &floor_exact,
    .paper = &floor_on_paper,
};

weft_node weft_floor(weft_node a)
{
    return weft_elementwise(&weft_op_floor, &a, 1);
}

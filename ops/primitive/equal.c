/* equal.c: the mask of a = b. Its derivative is 0 wherever it has one. */
#include "ops/elementwise.h"

WEFT_ELEMENTWISE2(equal, a == b ? (T)1 : (T)0)

WEFT_EXACT(equal, weft_exact_whole(f, weft_exact_equal(f, x[0], x[1])))

static const weft_paper equal_on_paper = {.text = "[%s = %s]", .tex = "\\left[%s = %s\\right]"};

const weft_op weft_op_equal = {
    .name = "equal", .formula = "y = 1 where a = b, else 0", .arity = 2,
    .kind = WEFT_ELEMENTWISE, .flags = WEFT_COMMUTATIVE | WEFT_ZERO_DERIVATIVE,
    WEFT_KERNELS(equal), .exact = &equal_exact,
    .paper = &equal_on_paper,
};

weft_node weft_equal(weft_node a, weft_node b)
{
    return weft_elementwise(&weft_op_equal, (weft_node[]){a, b}, 2);
}

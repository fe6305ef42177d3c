/* not_equal.c: the mask of a and b that differ, as NaN does from everything. Its derivative is 0 wherever it has one. */
#include "ops/elementwise.h"

WEFT_ELEMENTWISE2(not_equal, a != b ? (T)1 : (T)0)

WEFT_EXACT(not_equal, weft_exact_whole(f, !weft_exact_equal(f, x[0], x[1])))

static const weft_paper not_equal_on_paper = {.text = "[%s != %s]", .tex = "\\left[%s \\ne %s\\right]"};

const weft_op weft_op_not_equal = {
    .name = "not_equal", .formula = "y = 1 where a != b, else 0", .arity = 2,
    .kind = WEFT_ELEMENTWISE, .flags = WEFT_COMMUTATIVE | WEFT_ZERO_DERIVATIVE,
    WEFT_KERNELS(not_equal), .exact = &not_equal_exact,
    .paper = &not_equal_on_paper,
};

weft_node weft_not_equal(weft_node a, weft_node b)
{
    return weft_elementwise(&weft_op_not_equal, (weft_node[]){a, b}, 2);
}

/* sub.c: the elementwise difference. */
#include "ops/elementwise.h"

WEFT_ELEMENTWISE2(sub, a - b)

static weft_node sub_transpose(weft_node y, const weft_node *x, int operand, weft_node dy)
{
    (void)y, (void)x;
    return operand == 0 ? dy : weft_neg(dy); /* d(a - b)/da = 1, d(a - b)/db = -1 */
}

WEFT_EXACT(sub, weft_exact_sub(f, x[0], x[1]))

static const weft_paper sub_on_paper = {.form = WEFT_PAPER_TERMS, .of = {1, -1}};

const weft_op weft_op_sub = {
    .name = "sub", .formula = "y = a - b", .infix = "%s - %s", .precedence = 1, .arity = 2,
    .kind = WEFT_ELEMENTWISE,
    WEFT_KERNELS(sub), .transpose = sub_transpose, .exact = &sub_exact,
    .paper = &sub_on_paper,
};

weft_node weft_sub(weft_node a, weft_node b)
{
    return weft_elementwise(&weft_op_sub, (weft_node[]){a, b}, 2);
}

/* neg.c: the sign changed. */
#include "ops/elementwise.h"

WEFT_ELEMENTWISE1(neg, -a)

static weft_node neg_transpose(weft_node y, const weft_node *x, int operand, weft_node dy)
{
    (void)y, (void)x, (void)operand;
    return weft_neg(dy); /* d(-a)/da = -1 */
}

WEFT_EXACT(neg, weft_exact_sub(f, weft_exact_whole(f, 0), x[0]))

static const weft_paper neg_on_paper = {.form = WEFT_PAPER_TERMS, .of = {-1}};

const weft_op weft_op_neg = {
    .name = "neg", .formula = "y = -a", .infix = "-%s", .precedence = 3, .arity = 1,
    .kind = WEFT_ELEMENTWISE,
    WEFT_KERNELS(neg), .transpose = neg_transpose, .exact = &neg_exact,
    .paper = &neg_on_paper,
};

weft_node weft_neg(weft_node a)
{
    return weft_elementwise(&weft_op_neg, &a, 1);
}

/* div.c: the elementwise quotient. */
#include "ops/elementwise.h"

WEFT_ELEMENTWISE2(div, a / b)

static weft_node div_partial(weft_node y, const weft_node *x, int operand)
{
    double divisor;
    if (operand == 1)
        return weft_neg(weft_div(y, x[1])); /* d(a/b)/db = -(a/b)/b */
    if (weft_node_scalar(x[1], &divisor))
        return weft_scalar_like(x[1], 1 / divisor);
    return weft_div(weft_full_like(x[1], 1), x[1]); /* d(a/b)/da = 1/b */
}

WEFT_EXACT(div, weft_exact_div(f, x[0], x[1]))

static const weft_paper div_on_paper = {.form = WEFT_PAPER_FACTORS, .of = {1, -1}};

const weft_op weft_op_div = {
    .name = "div", .formula = "y = a / b", .infix = "%s / %s", .precedence = 2, .arity = 2,
    .kind = WEFT_ELEMENTWISE, .cost = 2,
    WEFT_KERNELS(div), .partial = div_partial, .exact = &div_exact,
    .paper = &div_on_paper,
};

weft_node weft_div(weft_node a, weft_node b)
{
    return weft_elementwise(&weft_op_div, (weft_node[]){a, b}, 2);
}

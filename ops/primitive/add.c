/* add.c: the elementwise sum. */
#include "ops/elementwise.h"

WEFT_ELEMENTWISE2(add, a + b)

static weft_node add_transpose(weft_node y, const weft_node *x, int operand, weft_node dy)
{
    (void)y, (void)x, (void)operand;
    return dy; /* d(a + b)/da = d(a + b)/db = 1 */
}

WEFT_EXACT(add, weft_exact_add(f, x[0], x[1]))

static const weft_paper add_on_paper = {.form = WEFT_PAPER_TERMS, .of = {1, 1}};

const weft_op weft_op_add = {
    .name = "add", .formula = "y = a + b", .infix = "%s + %s", .precedence = 1, .arity = 2,
    .kind = WEFT_ELEMENTWISE, .flags = WEFT_COMMUTATIVE,
    WEFT_KERNELS(add), .transpose = add_transpose, .exact = &add_exact,
    .paper = &add_on_paper,
};

weft_node weft_add(weft_node a, weft_node b)
{
    return weft_elementwise(&weft_op_add, (weft_node[]){a, b}, 2);
}

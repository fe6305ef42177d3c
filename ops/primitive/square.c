/* square.c: the square, correctly rounded. */
#include "ops/elementwise.h"

WEFT_ELEMENTWISE1(square, a * a)

static weft_node square_partial(weft_node y, const weft_node *x, int operand)
{
    (void)y, (void)operand;
    return weft_mul(weft_full_like(x[0], 2), x[0]); /* d(a**2)/da = 2a */
}

WEFT_EXACT(square, weft_exact_power(f, x[0], 4))

static const weft_paper square_on_paper = {.form = WEFT_PAPER_FACTORS, .of = {2}};

const weft_op weft_op_square = {
    .name = "square", .formula = "y = a ** 2", .arity = 1,
    .flat = "at 0",
    .kind = WEFT_ELEMENTWISE,
    WEFT_KERNELS(square), .partial = square_partial, .exact = &square_exact,
    .paper = &square_on_paper,
};

weft_node weft_square(weft_node a)
{
    return weft_elementwise(&weft_op_square, &a, 1);
}

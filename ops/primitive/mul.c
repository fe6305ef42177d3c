/* mul.c: the elementwise product. */
#include "ops/elementwise.h"

WEFT_ELEMENTWISE2(mul, a * b)

static weft_node mul_partial(weft_node y, const weft_node *x, int operand)
{
    (void)y;
    return x[1 - operand]; /* d(ab)/da = b */
}

WEFT_EXACT(mul, weft_exact_mul(f, x[0], x[1]))

static const weft_paper mul_on_paper = {.form = WEFT_PAPER_FACTORS, .of = {1, 1}};

const weft_op weft_op_mul = {
    .name = "mul", .formula = "y = a * b", .infix = "%s * %s", .precedence = 2, .arity = 2,
    .kind = WEFT_ELEMENTWISE, .flags = WEFT_COMMUTATIVE,
    WEFT_KERNELS(mul), .partial = mul_partial, .exact = &mul_exact,
    .paper = &mul_on_paper,
};

weft_node weft_mul(weft_node a, weft_node b)
{
    return weft_elementwise(&weft_op_mul, (weft_node[]){a, b}, 2);
}

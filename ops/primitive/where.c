/* where.c: a choice between two arrays by a mask. Linear in both of them; the mask has no derivative. */
#include "ops/elementwise.h"

WEFT_ELEMENTWISE3(where, a != 0 ? b : c)

static weft_node where_transpose(weft_node y, const weft_node *x, int operand, weft_node dy)
{
    (void)y;
    if (operand == 0)
        return (weft_node){.tape = NULL};
    weft_node zero = weft_full_like(dy, 0);
    return operand == 1 ? weft_where(x[0], dy, zero) : weft_where(x[0], zero, dy);
}

static weft_exact_number where_in_field(weft_field *f, const weft_exact_number *x)
{
    return weft_exact_equal(f, x[0], weft_exact_whole(f, 0)) ? x[2] : x[1];
}

static uint64_t where_below(const void *attributes, const weft_shape *x, int operand)
{
    (void)attributes, (void)x;
    return operand == 0 ? 2 : 0;
}

static const weft_exact where_exact = {.element = where_in_field, .below = where_below};

const weft_op weft_op_where = {
    .name = "where", .formula = "y = a where mask is not 0, else b", .arity = 3,
    .flat = "where the mask chooses the other operand",
    .kind = WEFT_ELEMENTWISE,
    WEFT_KERNELS(where), .transpose = where_transpose, .exact = &where_exact,
};

weft_node weft_where(weft_node mask, weft_node a, weft_node b)
{
    return weft_elementwise(&weft_op_where, (weft_node[]){mask, a, b}, 3);
}

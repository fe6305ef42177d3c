/* constants.c: arithmetic on constants is done now. An elementwise op whose operands are all numbers, broadcast or not, is a number,
 * computed by the op's own f64 kernel, so what a run would compute in f64 comes out the same. In f32 the result keeps its f64 value beside
 * (constants of one element are wide), where a run would have rounded it first. Results that are not finite are left to the run. */
#include "engine/rewrite/rewrite.h"

#include <math.h>

static weft_node fold(weft__rewriter *r, const weft__draft *d)
{
    double value[WEFT_MAX_OPERANDS], result;
    const void *x[WEFT_MAX_OPERANDS];
    ptrdiff_t stride[WEFT_MAX_OPERANDS] = {0};
    if (d->op->kind != WEFT_ELEMENTWISE || !d->op->map[1])
        return weft__no_node();
    for (int i = 0; i < d->n; i++) {
        if (!weft_node_scalar(d->x[i], &value[i]))
            return weft__no_node();
        x[i] = &value[i];
    }
    d->op->map[1](1, &result, x, stride);
    if (!isfinite(result))
        return weft__no_node();
    weft_shape shape = weft_node_shape(d->x[0]);
    weft_node scalar = weft__emit_constant(r, weft_scalar_like(d->x[0], result));
    return shape.rank ? weft__emit(r, &weft_op_broadcast, &scalar, 1, &shape) : scalar;
}

const weft__rule weft__constant_rules[] = {
    {{"fold constants", "a function of numbers is a number", WEFT_REWRITE_EXACT}, NULL, fold},
};
const size_t weft__constant_rule_count = sizeof weft__constant_rules / sizeof *weft__constant_rules;

/* identities.c: elementwise steps that change no bit. Each holds for NaN, infinities and both zeros, which is why some that look alike are
 * missing: x + 0 turns -0 into 0, x * 0 is NaN for an infinite x, x - x is NaN for both. */
#include "engine/rewrite/rewrite.h"

#include <math.h>

static bool is_number(weft_node x, double wanted)
{
    double value;
    return weft_node_scalar(x, &value) && value == wanted && signbit(value) == signbit(wanted);
}

static weft_node factor_one(weft__rewriter *r, const weft__draft *d)
{
    (void)r;
    return is_number(d->x[0], 1) ? d->x[1] : is_number(d->x[1], 1) ? d->x[0] : weft__no_node();
}

static weft_node divisor_one(weft__rewriter *r, const weft__draft *d)
{
    (void)r;
    return is_number(d->x[1], 1) ? d->x[0] : weft__no_node();
}

static weft_node power_one(weft__rewriter *r, const weft__draft *d)
{
    return divisor_one(r, d);
}

static weft_node minus_zero(weft__rewriter *r, const weft__draft *d)
{
    (void)r;
    return is_number(d->x[1], 0) ? d->x[0] : weft__no_node();
}

/* The a of -a, or no node. */
static weft_node negated(weft_node x)
{
    return weft_node_op(x) == &weft_op_neg ? weft_node_operand(x, 0) : weft__no_node();
}

static weft_node double_negation(weft__rewriter *r, const weft__draft *d)
{
    (void)r;
    return negated(d->x[0]);
}

static weft_node plus_negation(weft__rewriter *r, const weft__draft *d)
{
    weft_node b = negated(d->x[1]), a = negated(d->x[0]);
    if (b.tape)
        return weft__emit(r, &weft_op_sub, (weft_node[]){d->x[0], b}, 2, NULL);
    return a.tape ? weft__emit(r, &weft_op_sub, (weft_node[]){d->x[1], a}, 2, NULL) : a;
}

static weft_node minus_negation(weft__rewriter *r, const weft__draft *d)
{
    weft_node b = negated(d->x[1]);
    return b.tape ? weft__emit(r, &weft_op_add, (weft_node[]){d->x[0], b}, 2, NULL) : b;
}

const weft__rule weft__identity_rules[] = {
    {{"factor 1", "x * 1 = x", WEFT_REWRITE_EXACT}, &weft_op_mul, factor_one},
    {{"divisor 1", "x / 1 = x", WEFT_REWRITE_EXACT}, &weft_op_div, divisor_one},
    {{"power 1", "x ** 1 = x", WEFT_REWRITE_EXACT}, &weft_op_pow, power_one},
    {{"minus 0", "x - 0 = x, also for x = -0", WEFT_REWRITE_EXACT}, &weft_op_sub, minus_zero},
    {{"double negation", "-(-x) = x: the sign bit changes twice", WEFT_REWRITE_EXACT}, &weft_op_neg, double_negation},
    {{"plus a negation", "a + (-b) = a - b, as IEEE 754 defines subtraction", WEFT_REWRITE_EXACT}, &weft_op_add, plus_negation},
    {{"minus a negation", "a - (-b) = a + b, as IEEE 754 defines subtraction", WEFT_REWRITE_EXACT}, &weft_op_sub, minus_negation},
};
const size_t weft__identity_rule_count = sizeof weft__identity_rules / sizeof *weft__identity_rules;

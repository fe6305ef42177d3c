/* factors.c: products and quotients with repeated factors. A factor is a broadcast that repeats a smaller array; it stands second, as in p * F.
 * Two factors merge when their product still is smaller than what they repeat over: gamma and rstd of a batch normalization do, those of a
 * layer normalization, one a row and one a column, do not. A factor inside a product of two whole arrays stays there, so that what shares the
 * inner product goes on sharing it; a sum looks for it at any depth (sums.c). Only products are regrouped. A centred term, x - mean(x), is never
 * expanded, and neither is a square: that is where accuracy would go. */
#include "engine/rewrite/rewrite.h"

#include <string.h>

bool weft__is_factor(weft_node x)
{
    if (weft_node_op(x) != &weft_op_broadcast)
        return false;
    weft_shape whole = weft_node_shape(x), part = weft_node_shape(weft_node_operand(x, 0));
    return weft_shape_count(&part) < weft_shape_count(&whole);
}

weft_node weft__emit_broadcast(weft__rewriter *r, weft_node x, const weft_shape *to)
{
    weft_shape shape;
    memset(&shape, 0, sizeof shape); /* attributes are compared as bytes */
    shape.rank = to->rank;
    for (int i = 0; i < to->rank; i++)
        shape.dim[i] = to->dim[i];
    return weft__emit(r, &weft_op_broadcast, &x, 1, &shape);
}

/* Algebraic for one reason only: a sum then reads a repeated array where it read a stored one, and may add in another order. */
static weft_node work_small(weft__rewriter *r, const weft__draft *d)
{
    weft_node small[WEFT_MAX_OPERANDS];
    weft_shape part[WEFT_MAX_OPERANDS], shape;
    if (d->op->kind != WEFT_ELEMENTWISE)
        return weft__no_node();
    for (int i = 0; i < d->n; i++) {
        if (!weft__is_factor(d->x[i]))
            return weft__no_node();
        small[i] = weft_node_operand(d->x[i], 0);
        part[i] = weft_node_shape(small[i]);
    }
    weft_shape whole = weft_node_shape(d->x[0]);
    weft_shape_broadcast(part, d->n, &shape); /* they agree, since they broadcast to one shape */
    if (weft_shape_count(&shape) >= weft_shape_count(&whole))
        return weft__no_node();
    for (int i = 0; i < d->n; i++)
        small[i] = weft__emit_broadcast(r, small[i], &shape);
    return weft__emit_broadcast(r, weft__emit(r, d->op, small, d->n, d->attributes), &whole);
}

bool weft__split_product(weft_node x, weft_node *p, weft_node *factor)
{
    if (weft_node_op(x) != &weft_op_mul || !weft__is_factor(weft_node_operand(x, 1)) || weft__is_factor(weft_node_operand(x, 0)))
        return false;
    *p = weft_node_operand(x, 0);
    *factor = weft_node_operand(x, 1);
    return true;
}

/* Whether two factors of one shape have a product smaller than that. */
static bool merge_small(weft_node f, weft_node g)
{
    weft_shape part[] = {weft_node_shape(weft_node_operand(f, 0)), weft_node_shape(weft_node_operand(g, 0))}, shape, whole = weft_node_shape(f);
    return weft_shape_broadcast(part, 2, &shape) < 0 && weft_shape_count(&shape) < weft_shape_count(&whole);
}

static weft_node product(weft__rewriter *r, weft_node a, weft_node b)
{
    return weft__emit(r, &weft_op_mul, (weft_node[]){a, b}, 2, NULL);
}

static weft_node factor_second(weft__rewriter *r, const weft__draft *d)
{
    return weft__is_factor(d->x[0]) && !weft__is_factor(d->x[1]) ? product(r, d->x[1], d->x[0]) : weft__no_node();
}

/* ((p * F) * ...) * G with G merged into the first of the trailing factors that it can merge with; no node when there is none. */
static weft_node merge_into(weft__rewriter *r, weft_node x, weft_node g)
{
    weft_node p = {0}, f = {0};
    if (!weft__split_product(x, &p, &f))
        return weft__no_node();
    if (merge_small(f, g))
        return product(r, p, product(r, f, g));
    weft_node merged = merge_into(r, p, g);
    return merged.tape ? product(r, merged, f) : merged;
}

static weft_node merge_factors(weft__rewriter *r, const weft__draft *d)
{
    weft_node p = {0}, q = {0}, f = {0}, g = {0};
    if (weft__is_factor(d->x[1]))
        return merge_into(r, d->x[0], d->x[1]);
    if (!weft__split_product(d->x[0], &p, &f) || !weft__split_product(d->x[1], &q, &g) || !merge_small(f, g))
        return weft__no_node();
    return product(r, product(r, p, q), product(r, f, g));
}

/* Not for a number: its reciprocal would be rounded, and x / 3 is a rounding better than x * (1/3). */
static weft_node divisor_to_reciprocal(weft__rewriter *r, const weft__draft *d)
{
    if (!weft__is_factor(d->x[1]) || weft_node_scalar(d->x[1], NULL) || weft__is_factor(d->x[0]))
        return weft__no_node();
    weft_shape whole = weft_node_shape(d->x[1]);
    weft_node small = weft_node_operand(d->x[1], 0);
    weft_shape part = weft_node_shape(small);
    weft_node one = weft__emit_broadcast(r, weft__emit_constant(r, weft_scalar_like(small, 1)), &part);
    weft_node reciprocal = weft__emit(r, &weft_op_div, (weft_node[]){one, small}, 2, NULL);
    return product(r, d->x[0], weft__emit_broadcast(r, reciprocal, &whole));
}

static weft_node divisor_to_factor(weft__rewriter *r, const weft__draft *d)
{
    weft_node p = {0}, f = {0};
    if (!weft_node_scalar(d->x[1], NULL) || !weft__split_product(d->x[0], &p, &f))
        return weft__no_node();
    return product(r, p, weft__emit(r, &weft_op_div, (weft_node[]){f, d->x[1]}, 2, NULL));
}

static weft_node sign_to_factor(weft__rewriter *r, const weft__draft *d)
{
    weft_node p = {0}, f = {0};
    return weft__split_product(d->x[0], &p, &f) ? product(r, p, weft__emit(r, &weft_op_neg, &f, 1, NULL)) : weft__no_node();
}

const weft__rule weft__factor_rules[] = {
    {{"work on the small side", "f(repeat a, repeat b) = repeat f(a, b): each element is the same function of the same numbers",
      WEFT_REWRITE_ALGEBRAIC}, NULL, work_small},
    {{"factor second", "F * p = p * F", WEFT_REWRITE_EXACT}, &weft_op_mul, factor_second},
    {{"merge factors", "(p * F) * G = p * (F * G), (p * F) * (q * G) = (p * q) * (F * G)", WEFT_REWRITE_ALGEBRAIC}, &weft_op_mul, merge_factors},
    {{"divisor into factor", "(p * F) / n = p * (F / n)", WEFT_REWRITE_ALGEBRAIC}, &weft_op_div, divisor_to_factor},
    {{"divisor to reciprocal", "p / F = p * (1 / F), where 1 / F is the smaller array", WEFT_REWRITE_ALGEBRAIC}, &weft_op_div, divisor_to_reciprocal},
    {{"sign into factor", "-(p * F) = p * (-F): a product changes sign with either factor", WEFT_REWRITE_EXACT}, &weft_op_neg, sign_to_factor},
};
const size_t weft__factor_rule_count = sizeof weft__factor_rules / sizeof *weft__factor_rules;

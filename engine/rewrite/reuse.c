/* reuse.c: steps that lead to what is there already. The derivative of a quotient e/s comes as dy*(1/s) - sum(dy*e)/s**2, to be multiplied by e;
 * p = e*(1/s) is there, and p*(dy - sum(dy*p)) is what one writes on paper. The derivative of x**-0.5 is x**-1.5, and x**-0.5 is there. Both rules
 * ask for the earlier node first and do nothing without it: regrouping for its own sake saves nothing. */
#include "engine/rewrite/rewrite.h"

#include <math.h>
#include <string.h>

enum { DEPTH = 6 };

static bool same_shape(weft_node a, weft_node b)
{
    weft_shape x = weft_node_shape(a), y = weft_node_shape(b);
    return x.rank == y.rank && !memcmp(x.dim, y.dim, (size_t)x.rank * sizeof *x.dim);
}

/* --- a factor that meets its product --- */

/* Whether f is x or stands in the product x. */
static bool divides(weft_node f, weft_node x, int depth)
{
    const weft_op *op = weft_node_op(x);
    if (x.id == f.id)
        return true;
    if (depth == DEPTH || (op != &weft_op_mul && op != &weft_op_div && op != &weft_op_neg))
        return false;
    return divides(f, weft_node_operand(x, 0), depth + 1) || (op == &weft_op_mul && divides(f, weft_node_operand(x, 1), depth + 1));
}

/* x / f where f divides x. */
static weft_node without(weft__rewriter *r, weft_node x, weft_node f, int depth)
{
    weft_node operand[2];
    int n = weft_node_operand_count(x);
    if (x.id == f.id) {
        weft_shape shape = weft_node_shape(x);
        return weft__emit_broadcast(r, weft__emit_constant(r, weft_scalar_like(x, 1)), &shape);
    }
    for (int i = 0; i < n; i++)
        operand[i] = weft_node_operand(x, i);
    int in = divides(f, operand[0], depth + 1) ? 0 : 1;
    operand[in] = without(r, operand[in], f, depth + 1);
    return weft__emit(r, weft_node_op(x), operand, n, NULL);
}

/* a times f repeated over the shape of a, where both have been met; records nothing. */
static weft_node find_product(weft__rewriter *r, weft_node a, weft_node f)
{
    weft_shape own = weft_node_shape(a), to;
    memset(&to, 0, sizeof to); /* attributes are compared as bytes */
    to.rank = own.rank;
    memcpy(to.dim, own.dim, (size_t)own.rank * sizeof *own.dim);
    weft_node repeated = weft__find(r, &weft_op_broadcast, &f, 1, &to);
    return repeated.tape ? weft__find(r, &weft_op_mul, (weft_node[]){a, repeated}, 2, NULL) : repeated;
}

/* A factor f of the small product `of` that divides g as well, such that a * f has been met; product: that a * f. */
static weft_node shared_factor(weft__rewriter *r, weft_node a, weft_node of, weft_node g, int depth, weft_node *product)
{
    const weft_op *op = weft_node_op(of);
    *product = divides(of, g, 0) ? find_product(r, a, of) : weft__no_node();
    if (product->tape)
        return of;
    for (int i = 0; depth < DEPTH && (op == &weft_op_mul || (op == &weft_op_neg && !i)) && i < 2; i++) {
        weft_node found = shared_factor(r, a, weft_node_operand(of, i), g, depth + 1, product);
        if (found.tape)
            return found;
    }
    return weft__no_node();
}

/* a * t for t = b*F + G or b*F - G or their like with the terms exchanged; term: the number of b*F. */
static weft_node distribute(weft__rewriter *r, weft_node a, weft_node t, int term)
{
    weft_node b = {0}, factor = {0}, other = weft_node_operand(t, 1 - term), product, y[2];
    if (!weft__split_product(weft_node_operand(t, term), &b, &factor) || !weft__is_factor(other) || weft__is_factor(a))
        return weft__no_node();
    weft_node f = weft_node_operand(factor, 0), g = weft_node_operand(other, 0);
    weft_node shared = same_shape(f, g) ? shared_factor(r, a, f, g, 0, &product) : weft__no_node();
    if (!shared.tape)
        return shared;
    weft_shape whole = weft_node_shape(a);
    y[term] = weft__emit(r, &weft_op_mul, (weft_node[]){b, weft__emit_broadcast(r, without(r, f, shared, 0), &whole)}, 2, NULL);
    y[1 - term] = weft__emit_broadcast(r, without(r, g, shared, 0), &whole);
    return weft__emit(r, &weft_op_mul, (weft_node[]){product, weft__emit(r, weft_node_op(t), y, 2, NULL)}, 2, NULL);
}

static weft_node factor_meets_product(weft__rewriter *r, const weft__draft *d)
{
    for (int i = 0; i < 4; i++) {
        weft_node t = d->x[i / 2], result = {0};
        if (weft_node_op(t) == &weft_op_add || weft_node_op(t) == &weft_op_sub)
            result = distribute(r, d->x[1 - i / 2], t, i % 2);
        if (result.tape)
            return result;
    }
    return weft__no_node();
}

/* --- powers of one base --- */

/* What was computed from a sum or another reduction: small, and read many times. */
static bool is_statistic(weft_node x, int depth)
{
    weft_kind kind = weft_node_op(x)->kind;
    if (kind == WEFT_REDUCTION)
        return true;
    if (depth == DEPTH || (kind != WEFT_ELEMENTWISE && kind != WEFT_VIEW))
        return false;
    for (int i = 0; i < weft_node_operand_count(x); i++)
        if (is_statistic(weft_node_operand(x, i), depth + 1))
            return true;
    return false;
}

/* Odd multiples of -1/2 only: they are real for the same x as x**-0.5 is, where x**-1 is real for negative x too. */
static weft_node power_of_root(weft__rewriter *r, const weft__draft *d)
{
    double exponent;
    if (!weft_node_scalar(d->x[1], &exponent) || !is_statistic(d->x[0], 0))
        return weft__no_node();
    int n = exponent < -1 && exponent >= -3.5 ? (int)(-2 * exponent) : 0;
    if (n % 2 == 0 || exponent != -0.5 * n)
        return weft__no_node();
    weft_shape shape = weft_node_shape(d->x[0]);
    weft_node half = weft__emit_broadcast(r, weft__emit_constant(r, weft_scalar_like(d->x[0], -0.5)), &shape);
    weft_node root = weft__find(r, &weft_op_pow, (weft_node[]){d->x[0], half}, 2, NULL), power = root;
    if (!root.tape)
        return root;
    weft_node square = weft__emit(r, &weft_op_mul, (weft_node[]){root, root}, 2, NULL);
    for (; n > 1; n -= 2)
        power = weft__emit(r, &weft_op_mul, (weft_node[]){power, square}, 2, NULL);
    return power;
}

const weft__rule weft__reuse_rules[] = {
    {{"factor meets its product", "a * (b*F + c*F) = (a*F) * (b + c), where a*F is there", WEFT_REWRITE_ALGEBRAIC},
     &weft_op_mul, factor_meets_product},
    {{"power of a root", "x**-(n/2) = (x**-0.5)**n for odd n, where x**-0.5 is there: both are real for x > 0", WEFT_REWRITE_ALGEBRAIC},
     &weft_op_pow, power_of_root},
};
const size_t weft__reuse_rule_count = sizeof weft__reuse_rules / sizeof *weft__reuse_rules;

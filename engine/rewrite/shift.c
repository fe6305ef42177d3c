/* shift.c: a mean, and sums of deviations from it, in one read. In sum((x - mean(x))**2) the mean waits for one read of x and the sum for
 * another. About any fixed k both come from one: with d = x - k,
 *
 *     mean = k + sum(d)/N    sum((x - mean)**2) = sum(d**2) - sum(d)**2/N    sum(w (x - mean)) = sum(w d) - sum(d)/N sum(w)
 *
 * so the sums of a batch normalization, forward and backward, are all of one level. k is an element of x, the first along the folded axes:
 * since (k - mean)**2 <= N sigma**2, the subtraction loses at most log2(N) of the 53 bits of the sums, and a constant x comes out exactly.
 * That is enough where x is f32 and sums are f64; f64 arrays keep their two reads. k is taken through a sum over no axes, which makes it a
 * wide node: so d is formed in f64. About 0 instead of k, as E[x**2] - E[x]**2, all bits can be lost; see tests/test_traps.c.
 * Source: T. F. Chan, G. H. Golub, R. J. LeVeque: Algorithms for computing the sample variance, 1983, shifted data. */
#include "engine/rewrite/rewrite.h"

enum { DEPTH = 6, FEWEST = 4 };

static const weft_reduction *axes_of(weft_node sum)
{
    return weft_node_op(sum) == &weft_op_sum ? weft_node_attributes(sum) : NULL;
}

static double folded_count(weft_node x, unsigned axes)
{
    weft_shape shape = weft_node_shape(x);
    double n = 1;
    for (int i = 0; i < shape.rank; i++)
        n *= axes & WEFT_AXIS(i) ? (double)shape.dim[i] : 1;
    return n;
}

/* --- the first element --- */

/* True when first() of x is a view of memory that is there anyway, or is computed from such views. */
static bool has_first(weft_node x, int depth)
{
    const weft_op *op = weft_node_op(x);
    if (op->kind == WEFT_VIEW)
        return has_first(weft_node_operand(x, 0), depth);
    if (op->kind != WEFT_ELEMENTWISE)
        return true;
    for (int i = 0; i < weft_node_operand_count(x); i++)
        if (!depth || !has_first(weft_node_operand(x, i), depth - 1))
            return false;
    return true;
}

/* x at index 0 of the axes: of an elementwise node, from the first elements of its operands. */
static weft_node first_of(weft__rewriter *r, weft_node x, const weft_reduction *axes)
{
    const weft_op *op = weft_node_op(x);
    if (op->kind != WEFT_ELEMENTWISE)
        return weft__emit(r, &weft_op_first, &x, 1, axes);
    weft_node operand[WEFT_MAX_OPERANDS];
    int n = weft_node_operand_count(x);
    for (int i = 0; i < n; i++)
        operand[i] = first_of(r, weft_node_operand(x, i), axes);
    return weft__emit(r, op, operand, n, NULL);
}

/* x without a view between elementwise nodes: first() of a view of an elementwise node would have to store that node. */
static bool can_shift(weft_node x)
{
    weft_node base = x;
    while (weft_node_op(base)->kind == WEFT_VIEW)
        base = weft_node_operand(base, 0);
    bool view = weft_node_op(x)->kind == WEFT_VIEW;
    return has_first(x, DEPTH) && !(view && weft_node_op(base)->kind == WEFT_ELEMENTWISE);
}

/* --- means --- */

/* y repeated over the shape of x, along the folded axes. */
static weft_node spread(weft__rewriter *r, weft_node y, weft_node x, const weft_reduction *axes)
{
    weft_shape whole = weft_node_shape(x), kept = whole;
    for (int i = 0; i < whole.rank; i++)
        if (axes->axes & WEFT_AXIS(i))
            kept.dim[i] = 1;
    return weft__emit_broadcast(r, weft__emit(r, &weft_op_reshape, &y, 1, &kept), &whole);
}

/* A mean that nothing is centred by gains nothing, and would wait for k. */
void weft__find_centring(weft__rewriter *r, uint32_t id)
{
    weft_node c = weft__handle(r->tape, id);
    if (weft_node_op(c) != &weft_op_sub || weft_node_op(weft_node_operand(c, 1)) != &weft_op_broadcast)
        return;
    weft_node mean = weft_node_operand(weft_node_operand(c, 1), 0);
    while (weft_node_op(mean) == &weft_op_reshape)
        mean = weft_node_operand(mean, 0);
    weft_node sum = weft_node_op(mean) == &weft_op_div ? weft_node_operand(mean, 0) : c;
    if (axes_of(sum) && weft_node_operand(sum, 0).id == weft_node_operand(c, 0).id)
        r->centring[mean.id / 8] |= (uint8_t)(1u << mean.id % 8);
}

static bool is_centring(const weft__rewriter *r)
{
    return r->source.id < r->first && r->centring[r->source.id / 8] >> r->source.id % 8 & 1;
}

/* For whoever reads a listing or the emitted C. */
static weft_node named(weft__rewriter *r, weft_node x, const char *name)
{
    if (!weft_node_failed(x) && x.id >= r->first && !*weft_node_name(x))
        weft_name(x, name);
    return x;
}

/* sum(x)/N -> k + sum(x - k)/N */
static weft_node mean_about_first(weft__rewriter *r, const weft__draft *d)
{
    const weft_reduction *axes = axes_of(d->x[0]);
    double n;
    if (!axes || !weft_node_scalar(d->x[1], &n) || n < FEWEST || weft_node_dtype(d->x[0]) != WEFT_F32)
        return weft__no_node();
    weft_node x = weft_node_operand(d->x[0], 0);
    if (n != folded_count(x, axes->axes) || !is_centring(r) || !can_shift(x) || weft__is_shifted(x))
        return weft__no_node();
    weft_node first = first_of(r, x, axes);
    weft_reduction none = {.axes = 0, .keepdims = 0};
    weft_node k = named(r, weft__emit(r, &weft_op_sum, &first, 1, &none), "shift");
    weft_node shifted = named(r, weft__emit(r, &weft_op_sub, (weft_node[]){x, spread(r, k, x, axes)}, 2, NULL), "shifted");
    weft_node sum = named(r, weft__emit(r, &weft_op_sum, &shifted, 1, axes), "sum_shifted");
    weft_node rest = weft__emit(r, &weft_op_div, (weft_node[]){sum, d->x[1]}, 2, NULL);
    return weft__emit(r, &weft_op_add, (weft_node[]){k, rest}, 2, NULL);
}

/* x - k as mean_about_first() makes it. */
bool weft__is_shifted(weft_node x)
{
    if (weft_node_op(x) != &weft_op_sub || weft_node_op(weft_node_operand(x, 1)) != &weft_op_broadcast)
        return false;
    weft_node k = weft_node_operand(weft_node_operand(x, 1), 0);
    while (weft_node_op(k) == &weft_op_reshape)
        k = weft_node_operand(k, 0);
    const weft_reduction *axes = axes_of(k);
    return axes && !axes->axes && weft_node_dtype(k) == WEFT_F32;
}

weft_node weft__mean_sum(weft_node mean)
{
    double n;
    if (weft_node_op(mean) == &weft_op_add)
        mean = weft_node_operand(mean, 1);
    if (weft_node_op(mean) != &weft_op_div || !weft_node_scalar(weft_node_operand(mean, 1), &n))
        return weft__no_node();
    weft_node sum = weft_node_operand(mean, 0);
    const weft_reduction *axes = axes_of(sum);
    return axes && n == folded_count(weft_node_operand(sum, 0), axes->axes) ? sum : weft__no_node();
}

/* --- sums of deviations --- */

/* The sum of d = x - k, when c is x - mean(x) over the same axes about k; no node else. The mean lies beside what it is the mean of exactly when
 * k does in d, and both are spread alike. */
static weft_node shifted_sum(const weft__draft *d, weft_node c)
{
    const weft_reduction *axes = d->attributes;
    if (weft_node_op(c) != &weft_op_sub || weft_node_op(weft_node_operand(c, 1)) != &weft_op_broadcast)
        return weft__no_node();
    weft_node spread_mean = weft_node_operand(c, 1), mean = weft_node_operand(spread_mean, 0);
    while (weft_node_op(mean) == &weft_op_reshape)
        mean = weft_node_operand(mean, 0);
    if (weft_node_op(mean) != &weft_op_add)
        return weft__no_node();
    weft_node sum = weft__mean_sum(mean);
    if (!sum.tape || axes_of(sum)->axes != axes->axes || !weft__is_shifted(weft_node_operand(sum, 0)))
        return weft__no_node();
    weft_node shifted = weft_node_operand(sum, 0), spread_k = weft_node_operand(shifted, 1);
    weft_shape a = weft_node_shape(weft_node_operand(spread_mean, 0)), b = weft_node_shape(weft_node_operand(spread_k, 0));
    int shift = b.rank - a.rank;
    bool alike = weft_node_operand(shifted, 0).id == weft_node_operand(c, 0).id && shift >= 0;
    for (int i = 0; i < b.rank && alike; i++)
        alike = b.dim[i] == (i < shift ? 1 : a.dim[i - shift]);
    return alike ? sum : weft__no_node();
}

/* A value of the shape of the draft's result. */
static weft_node as_result(weft__rewriter *r, const weft__draft *d, weft_node y)
{
    const weft_reduction *axes = d->attributes;
    weft_shape x = weft_node_shape(d->x[0]), kept = {0};
    for (int i = 0; i < x.rank; i++)
        if (!(axes->axes & WEFT_AXIS(i)) || axes->keepdims)
            kept.dim[kept.rank++] = axes->axes & WEFT_AXIS(i) ? 1 : x.dim[i];
    return weft__emit(r, &weft_op_reshape, &y, 1, &kept);
}

static weft_node sum_of(weft__rewriter *r, const weft__draft *d, weft_node x)
{
    return weft__emit(r, &weft_op_sum, &x, 1, d->attributes);
}

/* sum(d)/N in the shape of the result. */
static weft_node mean_shift(weft__rewriter *r, const weft__draft *d, weft_node sum)
{
    weft_node n = weft__emit_constant(r, weft_scalar_like(sum, folded_count(d->x[0], ((const weft_reduction *)d->attributes)->axes)));
    weft_shape shape = weft_node_shape(sum);
    n = weft__emit_broadcast(r, n, &shape);
    return as_result(r, d, weft__emit(r, &weft_op_div, (weft_node[]){sum, n}, 2, NULL));
}

/* sum((x - mean)**2) -> sum(d**2) - sum(d) sum(d)/N */
static weft_node squares_about_first(weft__rewriter *r, const weft__draft *d)
{
    weft_node p = d->x[0], c;
    double two;
    if (weft_node_op(p) == &weft_op_pow && weft_node_scalar(weft_node_operand(p, 1), &two) && two == 2)
        c = weft_node_operand(p, 0);
    else if (weft_node_op(p) == &weft_op_mul && weft_node_operand(p, 0).id == weft_node_operand(p, 1).id)
        c = weft_node_operand(p, 0);
    else
        return weft__no_node();
    weft_node sum = shifted_sum(d, c);
    if (!sum.tape)
        return sum;
    weft_node shifted = weft_node_operand(sum, 0);
    weft_node square = named(r, weft__emit(r, &weft_op_mul, (weft_node[]){shifted, shifted}, 2, NULL), "shifted_squared");
    weft_node lost = weft__emit(r, &weft_op_mul, (weft_node[]){as_result(r, d, sum), mean_shift(r, d, sum)}, 2, NULL);
    return weft__emit(r, &weft_op_sub, (weft_node[]){sum_of(r, d, square), lost}, 2, NULL);
}

/* The deviation in a product: in path, which operand of each mul leads to it. Returns the number of steps, or -1. */
static int find_deviation(const weft__draft *d, weft_node x, int *path, int depth, weft_node *sum)
{
    *sum = shifted_sum(d, x);
    if (sum->tape)
        return depth;
    if (depth == DEPTH || weft_node_op(x) != &weft_op_mul)
        return -1;
    for (path[depth] = 0; path[depth] < 2; path[depth]++) {
        int steps = find_deviation(d, weft_node_operand(x, path[depth]), path, depth + 1, sum);
        if (steps >= 0)
            return steps;
    }
    return -1;
}

/* The product without it (with: NULL), or with d in its place. */
static weft_node replace(weft__rewriter *r, weft_node x, const int *path, int steps, const weft_node *with)
{
    weft_node other = weft_node_operand(x, 1 - *path), inner = weft_node_operand(x, *path);
    if (steps == 1 && !with)
        return other;
    inner = steps == 1 ? *with : replace(r, inner, path + 1, steps - 1, with);
    weft_node operand[2] = {*path ? other : inner, *path ? inner : other};
    return weft__emit(r, &weft_op_mul, operand, 2, NULL);
}

/* sum(w (x - mean)) -> sum(w d) - sum(d)/N sum(w) */
static weft_node products_about_first(weft__rewriter *r, const weft__draft *d)
{
    int path[DEPTH + 1], again[DEPTH + 1];
    weft_node sum, second;
    int steps = weft_node_op(d->x[0]) == &weft_op_mul ? find_deviation(d, d->x[0], path, 0, &sum) : -1;
    if (steps < 1)
        return weft__no_node();
    weft_node w = replace(r, d->x[0], path, steps, NULL), shifted = weft_node_operand(sum, 0);
    if (find_deviation(d, w, again, 0, &second) >= 0)
        return weft__no_node(); /* a square with factors: two reads, as written */
    weft_node product = replace(r, d->x[0], path, steps, &shifted);
    weft_node lost = weft__emit(r, &weft_op_mul, (weft_node[]){sum_of(r, d, w), mean_shift(r, d, sum)}, 2, NULL);
    return weft__emit(r, &weft_op_sub, (weft_node[]){sum_of(r, d, product), lost}, 2, NULL);
}

const weft__rule weft__shift_rules[] = {
    {{"mean about the first", "sum(x)/N = k + sum(x - k)/N for any k; here k is the first x", WEFT_REWRITE_ALGEBRAIC}, &weft_op_div, mean_about_first},
    {{"squares about the first", "sum((x - m)**2) = sum((x - k)**2) - sum(x - k)**2/N, m the mean of x", WEFT_REWRITE_ALGEBRAIC},
     &weft_op_sum, squares_about_first},
    {{"products about the first", "sum(w (x - m)) = sum(w (x - k)) - (m - k) sum(w), m - k = sum(x - k)/N", WEFT_REWRITE_ALGEBRAIC},
     &weft_op_sum, products_about_first},
};
const size_t weft__shift_rule_count = sizeof weft__shift_rules / sizeof *weft__shift_rules;

/* sums.c: what comes out of a sum. These are the steps that turn the gradient of a normalisation into the closed form of the paper: factors
 * that do not vary along the folded axes come out, signs come out, a sum of products with such factors is split so that they can, and a
 * sum of deviations from the mean is 0. A sum is never split otherwise, and a centred term is never expanded. */
#include "engine/rewrite/rewrite.h"

#include <string.h>

static weft_node sum_of(weft__rewriter *r, weft_node x, const weft__draft *d)
{
    return weft__emit(r, &weft_op_sum, &x, 1, d->attributes);
}

static weft_shape folded_shape(const weft__draft *d)
{
    const weft_reduction *reduction = d->attributes;
    weft_shape x = weft_node_shape(d->x[0]), y = {0};
    for (int i = 0; i < x.rank; i++)
        if (!(reduction->axes & WEFT_AXIS(i)) || reduction->keepdims)
            y.dim[y.rank++] = reduction->axes & WEFT_AXIS(i) ? 1 : x.dim[i];
    return y;
}

static double folded_count(const weft__draft *d)
{
    const weft_reduction *reduction = d->attributes;
    weft_shape x = weft_node_shape(d->x[0]);
    double n = 1;
    for (int i = 0; i < x.rank; i++)
        n *= reduction->axes & WEFT_AXIS(i) ? (double)x.dim[i] : 1;
    return n;
}

/* True when a broadcast does not vary along the folded axes; kept: what it repeats, without them, in the axes of the result. */
static bool is_constant_along(const weft__draft *d, weft_node factor, weft_shape *kept)
{
    const weft_reduction *reduction = d->attributes;
    weft_shape whole = weft_node_shape(factor), part = weft_node_shape(weft_node_operand(factor, 0));
    int shift = whole.rank - part.rank;
    memset(kept, 0, sizeof *kept); /* attributes are compared as bytes */
    for (int i = 0; i < whole.rank; i++) {
        size_t dim = i < shift ? 1 : part.dim[i - shift];
        bool folded = reduction->axes & WEFT_AXIS(i);
        if (folded && dim != 1)
            return false;
        if (!folded || reduction->keepdims)
            kept->dim[kept->rank++] = dim;
    }
    return true;
}

/* What such a broadcast repeats, in the shape of the result; no node when it does vary. */
static weft_node constant_along(weft__rewriter *r, const weft__draft *d, weft_node factor)
{
    weft_shape kept, result = folded_shape(d);
    if (!is_constant_along(d, factor, &kept))
        return weft__no_node();
    weft_node small = weft_node_operand(factor, 0);
    return weft__emit_broadcast(r, weft__emit(r, &weft_op_reshape, &small, 1, &kept), &result);
}

/* Where such a factor stands in a product: at most DEPTH steps down, each to an operand of a mul, the dividend of a div or under a neg. The
 * last step is not in path: the place is a mul or div whose operand 1 is the factor. Returns the number of steps, or -1. */
enum { DEPTH = 6 };

static int find_factor(const weft__draft *d, weft_node x, int *path, int depth)
{
    weft_shape kept;
    const weft_op *op = weft_node_op(x);
    if (depth == DEPTH || (op != &weft_op_mul && op != &weft_op_div && op != &weft_op_neg))
        return -1;
    if (op != &weft_op_neg && weft__is_factor(weft_node_operand(x, 1)) && is_constant_along(d, weft_node_operand(x, 1), &kept))
        return depth;
    for (path[depth] = 0; path[depth] < (op == &weft_op_mul ? 2 : 1); path[depth]++) {
        int steps = find_factor(d, weft_node_operand(x, path[depth]), path, depth + 1);
        if (steps >= 0)
            return steps;
    }
    return -1;
}

/* x without the factor at the end of the path; place: the mul or div that held it. */
static weft_node take_factor(weft__rewriter *r, weft_node x, const int *path, int steps, weft_node *place)
{
    if (!steps) {
        *place = x;
        return weft_node_operand(x, 0);
    }
    weft_node operand[2];
    for (int i = 0; i < weft_node_operand_count(x); i++)
        operand[i] = i == *path ? take_factor(r, weft_node_operand(x, i), path + 1, steps - 1, place) : weft_node_operand(x, i);
    return weft__emit(r, weft_node_op(x), operand, weft_node_operand_count(x), NULL);
}

static weft_node pull_factor(weft__rewriter *r, const weft__draft *d)
{
    int path[DEPTH], steps = find_factor(d, d->x[0], path, 0);
    if (steps < 0)
        return weft__no_node();
    weft_node place, rest = take_factor(r, d->x[0], path, steps, &place), factor = constant_along(r, d, weft_node_operand(place, 1));
    return weft__emit(r, weft_node_op(place), (weft_node[]){sum_of(r, rest, d), factor}, 2, NULL);
}

/* The folded axes along which a broadcast does not vary, where they make the array smaller by STAGE at least and others are folded too; else 0. */
enum { STAGE = 4 /* sums are f64: a quarter of the elements is half of the bytes of an f32 array */ };

static unsigned first_stage(const weft__draft *d, weft_node factor)
{
    const weft_reduction *reduction = d->attributes;
    weft_shape whole = weft_node_shape(factor), part = weft_node_shape(weft_node_operand(factor, 0));
    unsigned along = 0;
    size_t stage = 1, rest = 1;
    for (int i = 0, shift = whole.rank - part.rank; i < whole.rank; i++) {
        bool varies = i >= shift && part.dim[i - shift] != 1;
        if (!(reduction->axes & WEFT_AXIS(i)))
            continue;
        along |= varies ? 0 : WEFT_AXIS(i);
        *(varies ? &rest : &stage) *= whole.dim[i];
    }
    return stage >= STAGE && rest > 1 ? along : 0;
}

/* As find_factor(), for a factor that some of the folded axes can be summed for. */
static unsigned find_stage(const weft__draft *d, weft_node x, int depth)
{
    const weft_op *op = weft_node_op(x);
    if (depth == DEPTH || (op != &weft_op_mul && op != &weft_op_div && op != &weft_op_neg))
        return 0;
    unsigned along = op != &weft_op_neg && weft__is_factor(weft_node_operand(x, 1)) ? first_stage(d, weft_node_operand(x, 1)) : 0;
    for (int i = 0; !along && i < (op == &weft_op_mul ? 2 : 1); i++)
        along = find_stage(d, weft_node_operand(x, i), depth + 1);
    return along;
}

static weft_node sum_in_stages(weft__rewriter *r, const weft__draft *d)
{
    weft_reduction first = {.keepdims = true};
    first.axes = find_stage(d, d->x[0], 0);
    return first.axes ? sum_of(r, weft__emit(r, &weft_op_sum, d->x, 1, &first), d) : weft__no_node();
}

static weft_node pull_sign(weft__rewriter *r, const weft__draft *d)
{
    if (weft_node_op(d->x[0]) != &weft_op_neg)
        return weft__no_node();
    weft_node sum = sum_of(r, weft_node_operand(d->x[0], 0), d);
    return weft__emit(r, &weft_op_neg, &sum, 1, NULL);
}

static weft_node sum_of_repeated(weft__rewriter *r, const weft__draft *d)
{
    if (!weft__is_factor(d->x[0]))
        return weft__no_node();
    weft_node each = constant_along(r, d, d->x[0]);
    if (!each.tape)
        return each;
    weft_shape shape = weft_node_shape(each);
    weft_node n = weft__emit_broadcast(r, weft__emit_constant(r, weft_scalar_like(each, folded_count(d))), &shape);
    return weft__emit(r, &weft_op_mul, (weft_node[]){each, n}, 2, NULL);
}

/* x - mean(x), the mean over the same axes: sub(x, broadcast(div(sum(x), N))). The broadcast must put each mean beside what it is the mean of:
 * it does so exactly when it does not vary along the folded axes, since the mean then has just the axes that stay, in their order. */
static bool is_centred(const weft__draft *d)
{
    const weft_reduction *reduction = d->attributes;
    weft_shape kept;
    if (weft_node_op(d->x[0]) != &weft_op_sub || weft_node_op(weft_node_operand(d->x[0], 1)) != &weft_op_broadcast)
        return false;
    if (!is_constant_along(d, weft_node_operand(d->x[0], 1), &kept))
        return false;
    weft_node x = weft_node_operand(d->x[0], 0), mean = weft_node_operand(weft_node_operand(d->x[0], 1), 0);
    while (weft_node_op(mean) == &weft_op_reshape)
        mean = weft_node_operand(mean, 0);
    weft_node sum = weft__mean_sum(mean);
    if (!sum.tape || ((const weft_reduction *)weft_node_attributes(sum))->axes != reduction->axes)
        return false;
    weft_node summed = weft_node_operand(sum, 0);
    bool about_first = weft_node_op(mean) == &weft_op_add; /* k + sum(x - k)/N */
    return about_first ? weft__is_shifted(summed) && weft_node_operand(summed, 0).id == x.id : summed.id == x.id;
}

static weft_node centred_is_zero(weft__rewriter *r, const weft__draft *d)
{
    if (!is_centred(d))
        return weft__no_node();
    weft_shape shape = folded_shape(d);
    return weft__emit_broadcast(r, weft__emit_constant(r, weft_scalar_like(d->x[0], 0)), &shape);
}

/* A term whose sum gets simpler: a product with a factor that does not vary along the folded axes, or along so many of them that it is summed in
 * stages; such a factor alone, or such terms added. */
static bool comes_out(const weft__draft *d, weft_node term, int depth)
{
    weft_shape kept;
    int path[DEPTH];
    const weft_op *op = weft_node_op(term);
    if (op == &weft_op_add || op == &weft_op_sub)
        return depth < DEPTH && comes_out(d, weft_node_operand(term, 0), depth + 1) && comes_out(d, weft_node_operand(term, 1), depth + 1);
    return weft__is_factor(term) ? is_constant_along(d, term, &kept) : find_factor(d, term, path, 0) >= 0 || find_stage(d, term, 0);
}

static weft_node split(weft__rewriter *r, const weft__draft *d)
{
    const weft_op *op = weft_node_op(d->x[0]);
    if (op != &weft_op_add && op != &weft_op_sub)
        return weft__no_node();
    weft_node a = weft_node_operand(d->x[0], 0), b = weft_node_operand(d->x[0], 1);
    if (!comes_out(d, d->x[0], 0))
        return weft__no_node();
    return weft__emit(r, op, (weft_node[]){sum_of(r, a, d), sum_of(r, b, d)}, 2, NULL);
}

/* --- what a zero does, over the reals --- */

static bool is_zero(weft_node x)
{
    double value;
    return weft_node_scalar(x, &value) && value == 0;
}

static weft_node times_zero(weft__rewriter *r, const weft__draft *d)
{
    (void)r;
    return is_zero(d->x[0]) ? d->x[0] : is_zero(d->x[1]) ? d->x[1] : weft__no_node();
}

static weft_node plus_zero(weft__rewriter *r, const weft__draft *d)
{
    (void)r;
    return is_zero(d->x[0]) ? d->x[1] : is_zero(d->x[1]) ? d->x[0] : weft__no_node();
}

const weft__rule weft__sum_rules[] = {
    {{"sum of deviations", "sum(x - sum(x)/N) = sum(x) - N sum(x)/N = 0", WEFT_REWRITE_ALGEBRAIC}, &weft_op_sum, centred_is_zero},
    {{"factor out of a sum", "sum(p * F) = sum(p) * F where F does not vary along the folded axes, wherever it stands in the product",
      WEFT_REWRITE_ALGEBRAIC}, &weft_op_sum, pull_factor},
    {{"sum in stages", "sum(p * F) = sum(F * sum(p)), the inner sum over the folded axes along which F does not vary", WEFT_REWRITE_ALGEBRAIC},
     &weft_op_sum, sum_in_stages},
    {{"sign out of a sum", "sum(-p) = -sum(p)", WEFT_REWRITE_ALGEBRAIC}, &weft_op_sum, pull_sign},
    {{"sum of repeats", "the sum of N equal terms is N times one", WEFT_REWRITE_ALGEBRAIC}, &weft_op_sum, sum_of_repeated},
    {{"split a sum", "sum(p * F + q * G) = sum(p * F) + sum(q * G)", WEFT_REWRITE_ALGEBRAIC}, &weft_op_sum, split},
    {{"times 0", "x * 0 = 0 for every real x", WEFT_REWRITE_ALGEBRAIC}, &weft_op_mul, times_zero},
    {{"plus 0", "x + 0 = x for every real x", WEFT_REWRITE_ALGEBRAIC}, &weft_op_add, plus_zero},
};
const size_t weft__sum_rule_count = sizeof weft__sum_rules / sizeof *weft__sum_rules;

/* movement.c: slices of slices and of joined arrays, and pads that are added. The first two move no bit. The third is what the derivative of a split
 * adds up: each part among zeros of its own. Side by side, the parts are one array, and no zero is written, read or added. It is algebraic for
 * one reason only: -0 + 0 is 0. */
#include "engine/rewrite/rewrite.h"

#include <string.h>

static bool is_whole(const weft_slicing *s, const weft_shape *x)
{
    bool whole = true;
    for (int i = 0; i < x->rank; i++)
        whole &= s->start[i] == 0 && s->step[i] == 1 && s->count[i] == x->dim[i];
    return whole;
}

/* The attributes as the op settles them, so that equal slices have equal bytes. */
static void settle(weft_slicing *s, int rank)
{
    for (int i = 0; i < rank; i++) {
        s->start[i] = s->count[i] ? s->start[i] : 0;
        s->step[i] = s->count[i] > 1 ? s->step[i] : 1;
    }
}

static weft_node slice_of_slice(weft__rewriter *r, const weft__draft *d)
{
    const weft_slicing *outer = d->attributes;
    weft_shape x = weft_node_shape(d->x[0]);
    if (is_whole(outer, &x))
        return d->x[0];
    if (weft_node_op(d->x[0]) != d->op)
        return weft__no_node();
    const weft_slicing *inner = weft_node_attributes(d->x[0]);
    weft_slicing both = *outer;
    for (int i = 0; i < x.rank; i++) {
        both.start[i] = inner->start[i] + outer->start[i] * inner->step[i];
        both.step[i] = outer->step[i] * inner->step[i];
    }
    settle(&both, x.rank);
    weft_node from = weft_node_operand(d->x[0], 0);
    return weft__emit(r, d->op, &from, 1, &both);
}

static weft_node slice_of_concat(weft__rewriter *r, const weft__draft *d)
{
    weft_slicing s = *(const weft_slicing *)d->attributes;
    if (weft_node_op(d->x[0]) != &weft_op_concat)
        return weft__no_node();
    int64_t axis = *(const int64_t *)weft_node_attributes(d->x[0]), span = ((int64_t)s.count[axis] - 1) * s.step[axis], before = 0;
    int64_t low = s.start[axis] + (span < 0 ? span : 0), high = s.start[axis] + (span < 0 ? 0 : span);
    for (int k = 0; s.count[axis] && k < weft_node_operand_count(d->x[0]); k++) {
        weft_node part = weft_node_operand(d->x[0], k);
        int64_t length = (int64_t)weft_node_shape(part).dim[axis];
        if (low >= before && high < before + length) {
            s.start[axis] -= before;
            return weft__emit(r, d->op, &part, 1, &s);
        }
        before += length;
    }
    return weft__no_node();
}

/* The axis along which `a` ends where `b` begins, both without gaps and alike along all others; -1: there is none. */
static int meeting_axis(weft_node a, weft_node b)
{
    const weft_padding *first = weft_node_attributes(a), *second = weft_node_attributes(b);
    weft_shape x = weft_node_shape(weft_node_operand(a, 0)), y = weft_node_shape(weft_node_operand(b, 0));
    int axis = -1;
    for (int i = 0; i < x.rank; i++) {
        if (first->before[i] == second->before[i] && x.dim[i] == y.dim[i] && first->apart[i] == second->apart[i])
            continue;
        if (axis >= 0 || first->apart[i] || second->apart[i] || first->before[i] + x.dim[i] != second->before[i])
            return -1;
        axis = i;
    }
    return axis;
}

/* The operands of a concat along the axis, or the node itself. */
static int parts_of(weft_node x, int64_t axis, weft_node parts[WEFT_MAX_OPERANDS])
{
    bool joined = weft_node_op(x) == &weft_op_concat && *(const int64_t *)weft_node_attributes(x) == axis;
    int n = joined ? weft_node_operand_count(x) : 1;
    for (int k = 0; k < n; k++)
        parts[k] = joined ? weft_node_operand(x, k) : x;
    return n;
}

static weft_node pads_meet(weft__rewriter *r, const weft__draft *d)
{
    if (weft_node_op(d->x[0]) != &weft_op_pad || weft_node_op(d->x[1]) != &weft_op_pad)
        return weft__no_node();
    int swapped = meeting_axis(d->x[0], d->x[1]) < 0, axis = meeting_axis(d->x[swapped], d->x[!swapped]);
    if (axis < 0)
        return weft__no_node();
    weft_node part[2 * WEFT_MAX_OPERANDS], first = weft_node_operand(d->x[swapped], 0), second = weft_node_operand(d->x[!swapped], 0);
    int64_t along = axis;
    int n = parts_of(first, along, part);
    n += parts_of(second, along, part + n);
    if (n > WEFT_MAX_OPERANDS) {
        part[0] = first;
        part[1] = second;
        n = 2;
    }
    weft_node joined = weft__emit(r, &weft_op_concat, part, n, &along);
    weft_padding around = *(const weft_padding *)weft_node_attributes(d->x[swapped]);
    around.after[axis] = ((const weft_padding *)weft_node_attributes(d->x[!swapped]))->after[axis];
    bool any = false;
    for (int i = 0; i < weft_node_shape(joined).rank; i++)
        any |= around.before[i] || around.after[i] || around.apart[i];
    return any ? weft__emit(r, &weft_op_pad, &joined, 1, &around) : joined;
}

const weft__rule weft__movement_rules[] = {
    {{"slice of slice", "every t-th of every s-th is every st-th; all of an array is the array", WEFT_REWRITE_EXACT}, &weft_op_slice, slice_of_slice},
    {{"slice of concat", "what lies within one part is a slice of that part", WEFT_REWRITE_EXACT}, &weft_op_slice, slice_of_concat},
    {{"pads that meet", "x + 0 = x, so parts among zeros, side by side, add up to the parts joined", WEFT_REWRITE_ALGEBRAIC}, &weft_op_add, pads_meet},
};
const size_t weft__movement_rule_count = sizeof weft__movement_rules / sizeof *weft__movement_rules;

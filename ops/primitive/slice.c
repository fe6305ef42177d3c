/* slice.c: every step-th element between two positions along each axis, as NumPy's x[start:stop:step]; and flip, which is steps of -1. The
 * transpose puts the elements back among zeros: it pads, with a step's worth of zeros between neighbours, what a negative step took backwards
 * after turning it round.
 * Positions are settled when the node is recorded, so the op knows no negative ones and none out of range. It is a view, and costs no copy. */
#include "ops/primitive/slice.h"

#include <stdio.h>
#include <string.h>

extern const weft_op weft_op_slice;

static weft_status slice_shape(weft_typing *t)
{
    const weft_slicing *s = t->attributes;
    t->y[0].rank = t->x[0].rank;
    for (int i = 0; i < t->x[0].rank; i++) {
        int64_t n = (int64_t)t->x[0].dim[i], most = (int64_t)s->count[i] - 1, start = s->start[i], step = s->step[i];
        bool inside = most < 0 || (start >= 0 && start < n && most < n && step >= -n && step <= n); /* so the last position does not overflow */
        if (inside && most > 0)
            inside = step > 0 ? most <= (n - 1 - start) / step : step < 0 && most <= start / -step;
        if (!inside)
            return weft_typing_error(t, WEFT_ERROR_SHAPE, "it takes elements beyond axis %d of length %zu", i, t->x[0].dim[i]);
        t->y[0].dim[i] = (size_t)s->count[i];
    }
    return WEFT_OK;
}

static bool slice_view(const void *attributes, const weft_view *x, const weft_view *y, ptrdiff_t *stride)
{
    const weft_slicing *s = attributes;
    for (int i = 0; i < y->rank; i++)
        stride[i] = x->stride[i] * (ptrdiff_t)s->step[i];
    return true;
}

static ptrdiff_t slice_offset(const void *attributes, const weft_view *x)
{
    const weft_slicing *s = attributes;
    ptrdiff_t offset = 0;
    for (int i = 0; i < x->rank; i++)
        offset += x->stride[i] * (ptrdiff_t)s->start[i];
    return offset;
}

static weft_node slice_transpose(weft_node y, const weft_node *x, int operand, weft_node dy)
{
    (void)operand;
    const weft_slicing *s = weft_node_attributes(y);
    weft_shape whole = weft_node_shape(x[0]);
    weft_padding pad;
    unsigned backwards = 0;
    memset(&pad, 0, sizeof pad);
    for (int i = 0; i < whole.rank; i++) {
        int64_t span = ((int64_t)s->count[i] - 1) * s->step[i], low = span < 0 ? s->start[i] + span : s->start[i];
        pad.before[i] = s->count[i] ? (uint64_t)low : whole.dim[i];
        pad.after[i] = s->count[i] ? whole.dim[i] - 1 - (uint64_t)(low + (span < 0 ? -span : span)) : 0;
        pad.apart[i] = (uint64_t)(s->step[i] < 0 ? -s->step[i] : s->step[i]) - 1;
        backwards |= s->step[i] < 0 ? WEFT_AXIS(i) : 0;
    }
    return weft__pad_record(backwards ? weft_flip(dy, backwards) : dy, &pad);
}

static size_t put(char *text, size_t size, size_t used, const char *format, long long value)
{
    return used + (used < size ? (size_t)snprintf(text + used, size - used, format, value) : 0);
}

/* "[1:3, ::2]", without what may be left out. */
static void slice_words(const void *attributes, const weft_shape *x, char *text, size_t size)
{
    const weft_slicing *s = attributes;
    size_t used = put(text, size, 0, x->rank ? "[" : "[...", 0), end = 0; /* end: of what says more than that an axis is whole */
    for (int i = 0; i < x->rank; i++) {
        int64_t n = (int64_t)x->dim[i], first = s->start[i], step = s->step[i], last = first + ((int64_t)s->count[i] - 1) * step;
        bool none = !s->count[i] && n, to_the_end = step > 0 ? last + step >= n : last + step < 0;
        size_t before = used = put(text, size, used, i ? ", " : "", 0);
        if (none || first != (step > 0 ? 0 : n - 1))
            used = put(text, size, used, "%lld", first);
        used = put(text, size, used, ":", 0);
        if (none || !to_the_end)
            used = put(text, size, used, "%lld", none ? 0 : step > 0 ? last + 1 : last - 1);
        if (step != 1)
            used = put(text, size, used, ":%lld", step);
        end = used > before + 1 || !i ? used : end;
    }
    put(text, size, x->rank ? end : used, "]", 0);
}

const weft_op weft_op_slice = {
    .name = "slice", .formula = "y[i] = x[start + i step]", .arity = 1,
    .kind = WEFT_VIEW, .attribute_size = sizeof(weft_slicing), .words = slice_words,
    .shape = slice_shape, .view = slice_view, .offset = slice_offset, .transpose = slice_transpose,
};

weft_node weft__slice_record(weft_node x, const weft_slicing *slice)
{
    weft_slicing settled = *slice;
    for (int i = 0; i < weft_node_shape(x).rank; i++) {
        settled.start[i] = settled.count[i] ? settled.start[i] : 0;
        settled.step[i] = settled.count[i] > 1 ? settled.step[i] : 1;
    }
    return weft_record(&weft_op_slice, &x, 1, &settled);
}

/* A position as a slice means it: left out, counted from the end, or clipped to where a walk with this step may begin and end. */
static int64_t settle(ptrdiff_t at, int64_t left_out, int64_t n, bool forward)
{
    if (at == WEFT_LEFT_OUT)
        return left_out;
    int64_t position = at < 0 ? at + n : at, low = forward ? 0 : -1, high = forward ? n : n - 1;
    return position < low ? low : position > high ? high : position;
}

weft_node weft_slice(weft_node x, const ptrdiff_t *start, const ptrdiff_t *stop, const ptrdiff_t *step)
{
    weft_shape shape = weft_node_shape(x);
    weft_slicing s;
    memset(&s, 0, sizeof s);
    for (int i = 0; i < shape.rank; i++) {
        int64_t n = (int64_t)shape.dim[i], by = step && step[i] != WEFT_LEFT_OUT ? step[i] : 1;
        if (!by)
            return weft_fail(&weft_op_slice, &x, 1, WEFT_ERROR_ARGUMENT, "the step along axis %d is 0; give 1, or a negative one to walk backwards", i);
        by = by > n ? n + 1 : by < -n ? -n - 1 : by; /* beyond the end all the same */
        int64_t first = settle(start ? start[i] : WEFT_LEFT_OUT, by > 0 ? 0 : n - 1, n, by > 0);
        int64_t end = settle(stop ? stop[i] : WEFT_LEFT_OUT, by > 0 ? n : -1, n, by > 0);
        int64_t span = by > 0 ? end - first : first - end;
        s.start[i] = first;
        s.step[i] = by;
        s.count[i] = span > 0 ? (uint64_t)((span - 1) / (by > 0 ? by : -by)) + 1 : 0;
    }
    return weft__slice_record(x, &s);
}

weft_node weft_flip(weft_node x, unsigned axes)
{
    weft_shape shape = weft_node_shape(x);
    weft_slicing s;
    memset(&s, 0, sizeof s);
    if (!weft_node_failed(x) && axes != WEFT_ALL_AXES && axes >> shape.rank)
        return weft_fail(&(weft_op){.name = "flip"}, &x, 1, WEFT_ERROR_SHAPE, "an axis of the set is beyond the last one; axes count from 0 to %d",
                         shape.rank - 1);
    for (int i = 0; i < shape.rank; i++) {
        bool turned = axes & WEFT_AXIS(i);
        s.start[i] = turned ? (int64_t)shape.dim[i] - 1 : 0;
        s.step[i] = turned ? -1 : 1;
        s.count[i] = shape.dim[i];
    }
    return weft__slice_record(x, &s);
}

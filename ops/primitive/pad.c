/* pad.c: zeros around an array, and between its neighbours where it is the transpose of a slice with steps. Its own transpose is that slice. */
#include "ops/primitive/copy_block.h"
#include "ops/primitive/slice.h"

#include <stdio.h>
#include <string.h>

static weft_status pad_shape(weft_typing *t)
{
    const weft_padding *p = t->attributes;
    const uint64_t most = PTRDIFF_MAX / 8;
    t->y[0].rank = t->x[0].rank;
    for (int i = 0; i < t->x[0].rank; i++) {
        uint64_t n = t->x[0].dim[i], gaps = n ? n - 1 : 0;
        bool fits = p->before[i] <= most && p->after[i] <= most && (!gaps || p->apart[i] <= most / gaps);
        uint64_t whole = fits ? p->before[i] + p->after[i] + n + gaps * p->apart[i] : 0; /* n and each other term are at most `most` */
        if (!fits || whole > most)
            return weft_typing_error(t, WEFT_ERROR_SHAPE, "axis %d of length %zu with %llu zeros before and %llu after would not fit in memory", i,
                                     t->x[0].dim[i], (unsigned long long)p->before[i], (unsigned long long)p->after[i]);
        t->y[0].dim[i] = (size_t)whole;
    }
    return WEFT_OK;
}

static weft_status pad_kernel(const weft_call *call)
{
    const weft_view *x = &call->x[0], *y = &call->y[0];
    const weft_padding *p = call->attributes;
    ptrdiff_t to[WEFT_MAX_RANK], offset = 0;
    size_t size = weft_dtype_size(y->dtype), whole = size, within = 1;
    for (int i = 0; i < y->rank; i++) {
        to[i] = y->stride[i] * (ptrdiff_t)(p->apart[i] + 1);
        offset += y->stride[i] * (ptrdiff_t)p->before[i];
        whole *= y->dim[i];
        within *= x->dim[i];
    }
    if (whole)
        memset(y->data, 0, whole); /* the bytes of 0 in every number type */
    if (within) /* else there may be no place to begin at */
        weft__copy_block(x->rank, x->dim, size, (char *)y->data + offset * (ptrdiff_t)size, to, x->data, x->stride);
    return WEFT_OK;
}

static weft_node pad_transpose(weft_node y, const weft_node *x, int operand, weft_node dy)
{
    (void)operand;
    const weft_padding *p = weft_node_attributes(y);
    weft_shape inner = weft_node_shape(x[0]);
    weft_slicing s;
    memset(&s, 0, sizeof s);
    for (int i = 0; i < inner.rank; i++) {
        s.start[i] = (int64_t)p->before[i];
        s.step[i] = (int64_t)p->apart[i] + 1;
        s.count[i] = inner.dim[i];
    }
    return weft__slice_record(dy, &s);
}

/* ", before=(1, 0)"; returns how much of the text is used. */
static size_t put_numbers(char *text, size_t size, size_t used, const char *name, const uint64_t *number, int rank)
{
    for (int i = 0; i < rank && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s%llu", i ? "" : name, i ? ", " : "=(", (unsigned long long)number[i]);
    if (rank && used < size)
        used += (size_t)snprintf(text + used, size - used, rank == 1 ? ",)" : ")");
    return used;
}

static void pad_words(const void *attributes, const weft_shape *x, char *text, size_t size)
{
    const weft_padding *p = attributes;
    size_t used = put_numbers(text, size, 0, ", before", p->before, x->rank);
    bool apart = false;
    used = put_numbers(text, size, used, ", after", p->after, x->rank);
    for (int i = 0; i < x->rank; i++)
        apart |= p->apart[i] > 0;
    if (apart)
        put_numbers(text, size, used, ", apart", p->apart, x->rank);
}

static const weft_exact pad_exact = {.moves = true};

const weft_op weft_op_pad = {
    .name = "pad", .formula = "y[before + i] = x[i], 0 elsewhere", .arity = 1,
    .kind = WEFT_GENERAL, .flags = WEFT_ANY_STRIDES, .attribute_size = sizeof(weft_padding), .words = pad_words,
    .shape = pad_shape, .kernel = pad_kernel, .transpose = pad_transpose, .exact = &pad_exact,
};

weft_node weft__pad_record(weft_node x, const weft_padding *pad)
{
    weft_padding settled = *pad;
    weft_shape shape = weft_node_shape(x);
    for (int i = 0; i < shape.rank; i++)
        settled.apart[i] = shape.dim[i] > 1 ? settled.apart[i] : 0;
    return weft_record(&weft_op_pad, &x, 1, &settled);
}

weft_node weft_pad(weft_node x, const size_t *before, const size_t *after)
{
    weft_padding pad;
    memset(&pad, 0, sizeof pad);
    for (int i = 0; i < weft_node_shape(x).rank; i++) {
        pad.before[i] = before ? before[i] : 0;
        pad.after[i] = after ? after[i] : 0;
    }
    return weft__pad_record(x, &pad);
}

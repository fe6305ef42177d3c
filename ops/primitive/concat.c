/* concat.c: arrays one behind the other along an axis. A node takes as many as an op may have operands; more become a tree of nodes. Each operand's
 * derivative is its slice of dy. */
#include "ops/primitive/copy_block.h"
#include "ops/primitive/slice.h"

#include <stdio.h>
#include <string.h>

enum { WORDS = 120 };

/* WEFT_OK where operand k can stand behind operand 0; else why not, in words. */
static weft_status misfit(const weft_shape *first, weft_dtype first_dtype, int64_t axis, size_t k, const weft_shape *own, weft_dtype dtype, char words[WORDS])
{
    if (dtype != first_dtype) {
        snprintf(words, WORDS, "operand %zu is %s against %s; weft_cast() makes both of one dtype", k, weft_dtype_name(dtype), weft_dtype_name(first_dtype));
        return WEFT_ERROR_DTYPE;
    }
    if (own->rank != first->rank) {
        snprintf(words, WORDS, "operand %zu has rank %d against %d", k, own->rank, first->rank);
        return WEFT_ERROR_SHAPE;
    }
    for (int i = 0; i < own->rank; i++)
        if (i != axis && own->dim[i] != first->dim[i]) {
            snprintf(words, WORDS, "axis %d is %zu in operand %zu against %zu; only axis %d may differ", i, own->dim[i], k, first->dim[i], (int)axis);
            return WEFT_ERROR_SHAPE;
        }
    return WEFT_OK;
}

static weft_status concat_shape(weft_typing *t)
{
    int64_t axis;
    char words[WORDS];
    memcpy(&axis, t->attributes, sizeof axis);
    if (axis < 0 || axis >= t->x[0].rank)
        return weft_typing_error(t, WEFT_ERROR_SHAPE, "axis %lld is none of the %d axes of operand 0", (long long)axis, t->x[0].rank);
    t->y[0] = t->x[0];
    for (int k = 1; k < t->n; k++) {
        weft_status status = misfit(&t->x[0], t->x_dtype[0], axis, (size_t)k, &t->x[k], t->x_dtype[k], words);
        if (status != WEFT_OK)
            return weft_typing_error(t, status, "%s", words);
        t->y[0].dim[axis] += t->x[k].dim[axis]; /* a dim is at most an eighth of PTRDIFF_MAX, so eight do not overflow */
    }
    return WEFT_OK;
}

static weft_status concat_kernel(const weft_call *call)
{
    const weft_view *y = &call->y[0];
    int64_t axis;
    memcpy(&axis, call->attributes, sizeof axis);
    size_t size = weft_dtype_size(y->dtype), behind = 0;
    for (int k = 0; behind < y->dim[axis]; k++) {
        const weft_view *x = &call->x[k];
        weft__copy_block(x->rank, x->dim, size, (char *)y->data + (ptrdiff_t)(behind * size) * y->stride[axis], y->stride, x->data, x->stride);
        behind += x->dim[axis];
    }
    return WEFT_OK;
}

static weft_node concat_transpose(weft_node y, const weft_node *x, int operand, weft_node dy)
{
    const int64_t *axis = weft_node_attributes(y);
    weft_shape own = weft_node_shape(x[operand]);
    weft_slicing s;
    memset(&s, 0, sizeof s);
    for (int i = 0; i < own.rank; i++) {
        s.step[i] = 1;
        s.count[i] = own.dim[i];
    }
    for (int k = 0; k < operand; k++)
        s.start[*axis] += (int64_t)weft_node_shape(x[k]).dim[*axis];
    return weft__slice_record(dy, &s);
}

static void concat_words(const void *attributes, const weft_shape *x, char *text, size_t size)
{
    (void)x;
    snprintf(text, size, ", axis=%lld", (long long)*(const int64_t *)attributes);
}

static const weft_exact concat_exact = {.moves = true};

const weft_op weft_op_concat = {
    .name = "concat", .formula = "y = the operands one behind the other along the axis", .arity = WEFT_MAX_OPERANDS,
    .kind = WEFT_GENERAL, .flags = WEFT_ANY_STRIDES | WEFT_FEWER_OPERANDS, .attribute_size = sizeof(int64_t), .words = concat_words,
    .shape = concat_shape, .kernel = concat_kernel, .transpose = concat_transpose, .exact = &concat_exact,
};

/* A tree over n operands that fit. */
static weft_node record_tree(const weft_node *x, size_t n, int64_t axis)
{
    weft_node part[WEFT_MAX_OPERANDS];
    if (n <= WEFT_MAX_OPERANDS)
        return weft_record(&weft_op_concat, x, (int)n, &axis);
    for (size_t k = 0, done = 0; k < WEFT_MAX_OPERANDS; k++) {
        size_t some = n / WEFT_MAX_OPERANDS + (k < n % WEFT_MAX_OPERANDS);
        part[k] = record_tree(x + done, some, axis);
        done += some;
    }
    return weft_record(&weft_op_concat, part, WEFT_MAX_OPERANDS, &axis);
}

weft_node weft_concat(const weft_node *x, size_t n, int axis)
{
    if (!x || !n)
        return weft_fail(&weft_op_concat, NULL, 0, WEFT_ERROR_ARGUMENT, "it needs at least one operand");
    weft_shape first = weft_node_shape(x[0]);
    char words[WORDS];
    for (size_t k = 0; k < n; k++)
        if (weft_node_failed(x[k]) || x[k].tape != x[0].tape)
            return weft_record(&weft_op_concat, (weft_node[]){x[0], x[k]}, 2, &(int64_t){0}); /* it words the error */
    if (axis < -first.rank || axis >= first.rank)
        return weft_fail(&weft_op_concat, x, 1, WEFT_ERROR_SHAPE, "axis is %d, and operand 0 has %d; they count from 0, or from the end as -1", axis,
                         first.rank);
    axis = axis < 0 ? axis + first.rank : axis;
    for (size_t k = 1; k < n; k++) {
        weft_shape own = weft_node_shape(x[k]);
        weft_status status = misfit(&first, weft_node_dtype(x[0]), axis, k, &own, weft_node_dtype(x[k]), words);
        if (status != WEFT_OK)
            return weft_fail(&weft_op_concat, (weft_node[]){x[0], x[k]}, 2, status, "%s", words);
    }
    return n == 1 ? x[0] : record_tree(x, n, axis);
}

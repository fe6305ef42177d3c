/* cumsum.c: sums of the elements so far along an axis. They accumulate in f64, one after another: the n-th is off by at most n 2**-53 of the sum
 * of magnitudes, and is then rounded to the dtype. The transpose is the same from the other end. */
#include "ops/primitive/along.h"

#include <stdio.h>

static weft_status cumsum_shape(weft_typing *t)
{
    if (t->x_dtype[0] == WEFT_I64)
        return weft_typing_error(t, WEFT_ERROR_DTYPE, "it takes f32 or f64, not i64 indices");
    t->y[0] = t->x[0];
    return WEFT_OK;
}

#define LOOPS "ops/primitive/cumsum_loops.inc"
#include "ops/both_types.inc"

enum { FORWARD, BACKWARD }; /* the number of the attributes */

static weft_status cumsum_kernel(const weft_call *call)
{
    const weft_view *x = &call->x[0]; /* (outer, n, inner) */
    const weft_along *along = call->attributes;
    int axis = weft__along_axis(along);
    size_t outer = weft__dims_product(x->dim, 0, axis), n = x->dim[axis], inner = weft__dims_product(x->dim, axis + 1, x->rank);
    for (size_t o = 0; o < outer; o++)
        if (x->dtype == WEFT_F32)
            cumsum_f32(n, inner, (const float *)x->data + o * n * inner, (float *)call->y[0].data + o * n * inner, along->number == BACKWARD);
        else
            cumsum_f64(n, inner, (const double *)x->data + o * n * inner, (double *)call->y[0].data + o * n * inner, along->number == BACKWARD);
    return WEFT_OK;
}

static weft_node cumsum_transpose(weft_node y, const weft_node *x, int operand, weft_node dy)
{
    (void)x, (void)operand;
    const weft_along *along = weft_node_attributes(y);
    return weft__along_record(weft_node_op(y), &dy, 1, weft__along_axis(along), false, along->number == FORWARD ? BACKWARD : FORWARD);
}

static void cumsum_words(const void *attributes, const weft_shape *x, char *text, size_t size)
{
    const weft_along *along = attributes;
    (void)x;
    snprintf(text, size, ", axis=%d%s", weft__along_axis(along), along->number == BACKWARD ? ", reverse=1" : "");
}

static void cumsum_in_field(weft_field *f, const weft_exact_call *call)
{
    const weft_along *along = call->attributes;
    const weft_shape *shape = &call->x[0].shape;
    int axis = weft__along_axis(along);
    size_t outer = weft__dims_product(shape->dim, 0, axis), n = shape->dim[axis], inner = weft__dims_product(shape->dim, axis + 1, shape->rank);
    for (size_t o = 0; o < outer; o++)
        for (size_t i = 0; i < inner; i++) {
            weft_exact_number total = weft_exact_whole(f, 0);
            for (size_t k = 0; k < n; k++) {
                size_t at = (o * n + (along->number == BACKWARD ? n - 1 - k : k)) * inner + i;
                total = weft_exact_add(f, total, call->x[0].number[at]);
                call->y[0].number[at] = total;
            }
        }
}

static const weft_exact cumsum_exact = {.array = cumsum_in_field};

const weft_op weft_op_cumsum = {
    .name = "cumsum", .formula = "y[.., i, ..] = sum of x[.., j, ..] over j <= i; in a transpose over j >= i", .arity = 1,
    .kind = WEFT_GENERAL, .attribute_size = sizeof(weft_along), .words = cumsum_words,
    .shape = cumsum_shape, .kernel = cumsum_kernel, .transpose = cumsum_transpose, .exact = &cumsum_exact,
};

weft_node weft_cumsum(weft_node x, int axis)
{
    return weft__along_record(&weft_op_cumsum, &x, 1, axis, false, FORWARD);
}

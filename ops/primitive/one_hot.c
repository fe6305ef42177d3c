/* one_hot.c: labels as rows with a 1 at the label and 0 elsewhere. */
#include "ops/primitive/along.h"

#include <stdio.h>
#include <string.h>

typedef struct encoding {
    uint64_t classes;
    uint64_t dtype;
} encoding;

static weft_status one_hot_shape(weft_typing *t)
{
    const encoding *e = t->attributes;
    if (t->x_dtype[0] != WEFT_I64 || (e->dtype != WEFT_F32 && e->dtype != WEFT_F64))
        return weft_typing_error(t, WEFT_ERROR_DTYPE, "the index must be i64, the result f32 or f64");
    if (t->x[0].rank == WEFT_MAX_RANK)
        return weft_typing_error(t, WEFT_ERROR_SHAPE, "the result has one axis more than the index, and at most %d", WEFT_MAX_RANK);
    t->y[0] = t->x[0];
    t->y[0].dim[t->y[0].rank++] = (size_t)e->classes;
    t->y_dtype[0] = (weft_dtype)e->dtype;
    return WEFT_OK;
}

static weft_status one_hot_kernel(const weft_call *call)
{
    const encoding *e = call->attributes;
    const weft_view *index = &call->x[0], *y = &call->y[0];
    size_t count = weft__dims_product(index->dim, 0, index->rank), classes = (size_t)e->classes, bytes = count * classes * weft_dtype_size(y->dtype);
    const int64_t *at = index->data;
    weft_status status = weft__index_check(call, "one_hot", index, "there are the classes", classes);
    if (status != WEFT_OK || !bytes)
        return status;
    memset(y->data, 0, bytes);
    for (size_t m = 0; m < count; m++)
        if (y->dtype == WEFT_F32)
            ((float *)y->data)[m * classes + (size_t)at[m]] = 1;
        else
            ((double *)y->data)[m * classes + (size_t)at[m]] = 1;
    return WEFT_OK;
}

static void one_hot_words(const void *attributes, const weft_shape *x, char *text, size_t size)
{
    const encoding *e = attributes;
    (void)x;
    snprintf(text, size, ", classes=%llu, dtype=%s", (unsigned long long)e->classes, weft_dtype_name((weft_dtype)e->dtype));
}

static void one_hot_in_field(weft_field *f, const weft_exact_call *call)
{
    const encoding *e = call->attributes;
    for (size_t i = 0; i < weft_shape_count(&call->y[0].shape); i++) {
        int64_t at = call->x[0].index[i / e->classes];
        if (at < 0 || (uint64_t)at >= e->classes)
            weft_exact_refuse(f, "an index is out of range");
        call->y[0].number[i] = weft_exact_whole(f, (uint64_t)at == i % e->classes);
    }
}

static uint64_t one_hot_below(const void *attributes, const weft_shape *x, int operand)
{
    (void)x, (void)operand;
    return ((const encoding *)attributes)->classes;
}

static const weft_exact one_hot_exact = {.array = one_hot_in_field, .below = one_hot_below};

const weft_op weft_op_one_hot = {
    .name = "one_hot", .formula = "y[.., c] = 1 where index[..] = c, else 0", .arity = 1,
    .kind = WEFT_GENERAL, .flags = WEFT_ZERO_DERIVATIVE, .attribute_size = sizeof(encoding), .words = one_hot_words,
    .shape = one_hot_shape, .kernel = one_hot_kernel, .exact = &one_hot_exact,
};

weft_node weft_one_hot(weft_node index, size_t classes, weft_dtype dtype)
{
    const encoding e = {classes, (uint64_t)dtype};
    return weft_record(&weft_op_one_hot, &index, 1, &e);
}

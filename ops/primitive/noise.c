/* noise.c: see noise.h. The elements are cut into parts of one size, whatever the number of threads. */
#include "ops/primitive/noise.h"

#include "ops/primitive/philox.h"

#include <stdio.h>
#include <string.h>

enum { PART = 16 * WEFT__NOISE_CHUNK };

static const int64_t steps = (int64_t)1 << 46;

weft_status weft__noise_shape(weft_typing *t)
{
    const weft__noise *a = t->attributes;
    if (t->x_dtype[0] != WEFT_I64 || weft_shape_count(&t->x[0]) != 1)
        return weft_typing_error(t, t->x_dtype[0] != WEFT_I64 ? WEFT_ERROR_DTYPE : WEFT_ERROR_SHAPE, "the seed must be one i64");
    if (t->x_dtype[1] == WEFT_F32)
        return weft_typing_error(t, WEFT_ERROR_DTYPE, "the step must be f64 or i64: an f32 that counts stops at 2**24, and the noise would repeat");
    if (weft_shape_count(&t->x[1]) != 1)
        return weft_typing_error(t, WEFT_ERROR_SHAPE, "the step must be one number");
    if (a->dtype != WEFT_F32 && a->dtype != WEFT_F64)
        return weft_typing_error(t, WEFT_ERROR_DTYPE, "noise is f32 or f64");
    if (a->rank < 0 || a->rank > WEFT_MAX_RANK)
        return weft_typing_error(t, WEFT_ERROR_SHAPE, "its rank must be 0 to %d, with as many dims", WEFT_MAX_RANK);
    t->y_dtype[0] = (weft_dtype)a->dtype;
    t->y[0] = (weft_shape){.rank = a->rank};
    for (int i = 0; i < a->rank; i++)
        t->y[0].dim[i] = (size_t)a->dim[i];
    return WEFT_OK;
}

weft_node weft__noise_record(const weft_op *op, weft_node seed, weft_node step, uint32_t stream, weft_dtype dtype, int rank, const size_t *dim)
{
    weft__noise a;
    memset(&a, 0, sizeof a); /* attributes are compared as bytes */
    a.stream = stream;
    a.dtype = (uint32_t)dtype;
    a.rank = rank && !dim ? -1 : rank;
    for (int i = 0; i < a.rank && i < WEFT_MAX_RANK; i++)
        a.dim[i] = dim[i];
    return weft_record(op, (weft_node[]){seed, step}, 2, &a);
}

typedef struct source {
    uint32_t key[2], kind, stream;
    uint64_t step;
    int halves;
    weft__noise_fill fill;
    char *y;
    size_t count, element; /* bytes */
} source;

/* The words of n elements from element `first` on, both multiples of 4 or rounded up to one, of the half 0 or 1. */
WEFT_CLONES static void noise_words(const source *s, uint64_t first, size_t n, uint32_t half, uint32_t *words)
{
    for (size_t begin = 0; begin < n; begin += WEFT__PHILOX_WORDS * WEFT__PHILOX_LANES) {
        uint32_t counter[WEFT__PHILOX_WORDS][WEFT__PHILOX_LANES];
        uint64_t block = (first + begin) / WEFT__PHILOX_WORDS;
        for (uint32_t l = 0; l < WEFT__PHILOX_LANES; l++) {
            counter[0][l] = (uint32_t)(block + l);
            counter[1][l] = (uint32_t)((block + l) >> 32) | (uint32_t)(s->step >> 32) << 16 | half << 30 | s->kind << 31;
            counter[2][l] = (uint32_t)s->step;
            counter[3][l] = s->stream;
        }
        weft__philox(counter, s->key[0], s->key[1]);
        for (size_t l = 0; l < WEFT__PHILOX_LANES; l++)
            for (size_t w = 0; w < WEFT__PHILOX_WORDS; w++)
                words[begin + WEFT__PHILOX_WORDS * l + w] = counter[w][l];
    }
}

static void fill_part(void *context, size_t part, void *workspace)
{
    (void)workspace;
    const source *s = context;
    size_t begin = part * PART, end = s->count - begin < PART ? s->count : begin + PART;
    uint32_t high[WEFT__NOISE_CHUNK], low[WEFT__NOISE_CHUNK];
    for (; begin < end; begin += WEFT__NOISE_CHUNK) {
        size_t n = end - begin < WEFT__NOISE_CHUNK ? end - begin : WEFT__NOISE_CHUNK;
        noise_words(s, begin, n, 0, high);
        if (s->halves == WEFT__NOISE_BOTH)
            noise_words(s, begin, n, 1, low);
        s->fill(n, s->y + begin * s->element, high, s->halves == WEFT__NOISE_BOTH ? low : NULL);
    }
}

/* The step as a whole number; false where it is none that noise has. */
static bool read_step(const weft_view *step, uint64_t *whole)
{
    int64_t at = -1;
    if (step->dtype == WEFT_I64) {
        at = *(const int64_t *)step->data;
    } else {
        double value = *(const double *)step->data;
        if (value >= 0 && value < (double)steps)
            at = (double)(int64_t)value == value ? (int64_t)value : -1;
    }
    *whole = (uint64_t)at;
    return at >= 0 && at < steps;
}

weft_status weft__noise_run(const weft_call *call, int kind, int halves, weft__noise_fill fill)
{
    const weft__noise *a = call->attributes;
    const weft_view *y = &call->y[0];
    uint64_t seed = (uint64_t)*(const int64_t *)call->x[0].data;
    source s = {.key = {(uint32_t)seed, (uint32_t)(seed >> 32)}, .kind = (uint32_t)kind, .stream = a->stream, .halves = halves,
                .fill = fill, .y = y->data, .count = 1, .element = weft_dtype_size(y->dtype)};
    if (!read_step(&call->x[1], &s.step)) {
        const void *step = call->x[1].data;
        double shown = call->x[1].dtype == WEFT_I64 ? (double)*(const int64_t *)step : *(const double *)step;
        snprintf(call->message, WEFT_MESSAGE_SIZE, "noise: the step is %.17g; it must be a whole number, 0 to 2**46 - 1", shown);
        return WEFT_ERROR_ARGUMENT;
    }
    for (int i = 0; i < y->rank; i++)
        s.count *= y->dim[i];
    if (s.count)
        weft_call_parts(call, fill_part, &s, (s.count + PART - 1) / PART);
    return WEFT_OK;
}

void weft__noise_in_field(weft_field *f, const weft_exact_call *call, const char *name)
{
    const weft__noise *a = call->attributes;
    const weft_exact_array *step = &call->x[1];
    weft_exact_number key[4] = {weft_exact_whole(f, call->x[0].index[0])};
    key[1] = step->dtype == WEFT_I64 ? weft_exact_whole(f, step->index[0]) : step->number[0];
    key[2] = weft_exact_whole(f, a->stream);
    for (size_t i = 0; i < weft_shape_count(&call->y[0].shape); i++) {
        key[3] = weft_exact_whole(f, (int64_t)i);
        call->y[0].number[i] = weft_exact_symbol(f, name, WEFT_NEITHER, key, 4);
    }
}

uint64_t weft__noise_below(const void *attributes, const weft_shape *x, int operand)
{
    (void)attributes, (void)x;
    return operand == 1 ? (uint64_t)steps : 0;
}

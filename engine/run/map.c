/* map.c: elementwise steps. Where all operands are of one type the op's kernel runs straight over their memory; where wide (f64) and
 * narrow (f32) ones meet, a tile at a time is widened, computed in f64 and rounded once, when the result is stored. */
#include "engine/run/program.h"

#include <string.h>

enum { TILE = 256 };

void weft__run_map_flat(const step *s, void *const *base)
{
    const void *x[WEFT_MAX_OPERANDS];
    ptrdiff_t stride[WEFT_MAX_OPERANDS];
    for (int k = 0; k < s->n_in; k++) {
        x[k] = base[s->port[1 + k].storage];
        stride[k] = s->port[1 + k].flat_stride;
    }
    s->op->map[s->compute == WEFT_F64](s->count, base[s->port[0].storage], x, stride);
}

WEFT_CLONES
static void widen(size_t n, double *y, const float *x, ptrdiff_t stride)
{
    if (stride == 1)
        for (size_t i = 0; i < n; i++)
            y[i] = (double)x[i];
    else
        for (size_t i = 0; i < n; i++)
            y[i] = (double)x[(ptrdiff_t)i * stride];
}

WEFT_CLONES
static void narrow(size_t n, float *y, const double *x, ptrdiff_t stride)
{
    if (stride == 1)
        for (size_t i = 0; i < n; i++)
            y[i] = (float)x[i];
    else
        for (size_t i = 0; i < n; i++)
            y[i] = (float)x[(ptrdiff_t)i * stride];
}

/* One run of the innermost loop with types mixed: arithmetic in f64. */
static void map_mixed(const step *s, size_t n, char *y, const char *const *x, const ptrdiff_t *stride)
{
    double tile[WEFT_MAX_OPERANDS][TILE], result[TILE];
    bool store = s->port[0].dtype == WEFT_F32;
    for (size_t done = 0; done < n; done += TILE) {
        size_t m = n - done < TILE ? n - done : TILE;
        const void *operand[WEFT_MAX_OPERANDS];
        ptrdiff_t step_[WEFT_MAX_OPERANDS];
        for (int k = 0; k < s->n_in; k++) {
            ptrdiff_t offset = (ptrdiff_t)done * stride[k];
            if (s->port[1 + k].dtype == WEFT_F64) {
                operand[k] = (const double *)(const void *)x[k] + offset;
                step_[k] = stride[k];
            } else {
                widen(stride[k] ? m : 1, tile[k], (const float *)(const void *)x[k] + offset, stride[k]);
                operand[k] = tile[k];
                step_[k] = stride[k] != 0;
            }
        }
        void *to = store ? (void *)result : (void *)((double *)(void *)y + done);
        s->op->map[1](m, to, operand, step_);
        if (store)
            narrow(m, (float *)(void *)y + done, result, 1);
    }
}

/* Steps the outer loops of a nest: position counts them, x moves along. False after the last. */
static bool next_row(const nest *loops, int n, size_t *position, const char **x, const size_t *element)
{
    for (int i = loops->rank - 2; i >= 0; i--) {
        const ptrdiff_t *stride = loops->stride + i * n;
        if (++position[i] < loops->extent[i]) {
            for (int k = 0; k < n; k++)
                x[k] += stride[k] * (ptrdiff_t)element[k];
            return true;
        }
        position[i] = 0;
        for (int k = 0; k < n; k++)
            x[k] -= stride[k] * (ptrdiff_t)element[k] * (ptrdiff_t)(loops->extent[i] - 1);
    }
    return false;
}

void weft__run_map(const step *s, void *const *base)
{
    if (!s->count)
        return;
    const nest *loops = s->loops;
    static const ptrdiff_t no_stride[WEFT_MAX_OPERANDS];
    size_t position[WEFT_MAX_RANK] = {0}, element[WEFT_MAX_OPERANDS];
    size_t inner = loops->rank ? loops->extent[loops->rank - 1] : 1;
    const ptrdiff_t *stride = loops->rank ? loops->stride + (loops->rank - 1) * s->n_in : no_stride;
    const char *x[WEFT_MAX_OPERANDS];
    bool mixed = false;
    for (int k = 0; k < s->n_in; k++) {
        x[k] = base[s->port[1 + k].storage];
        element[k] = weft_dtype_size((weft_dtype)s->port[1 + k].dtype);
        mixed |= s->port[1 + k].dtype != s->compute;
    }
    mixed |= s->port[0].dtype != s->compute;
    char *y = base[s->port[0].storage];
    size_t row = inner * weft_dtype_size((weft_dtype)s->port[0].dtype);
    do {
        if (mixed)
            map_mixed(s, inner, y, x, stride);
        else
            s->op->map[s->compute == WEFT_F64](inner, y, (const void *const *)x, stride);
        y += row;
    } while (next_row(loops, s->n_in, position, x, element));
}

static void copy_words(size_t n, char *y, const char *x, ptrdiff_t stride, size_t size)
{
    if (stride == 1)
        memcpy(y, x, n * size);
    else if (size == 4)
        for (size_t i = 0; i < n; i++)
            ((uint32_t *)(void *)y)[i] = ((const uint32_t *)(const void *)x)[(ptrdiff_t)i * stride];
    else
        for (size_t i = 0; i < n; i++)
            ((uint64_t *)(void *)y)[i] = ((const uint64_t *)(const void *)x)[(ptrdiff_t)i * stride];
}

void weft__run_copy(const step *s, void *const *base)
{
    if (!s->count)
        return;
    const nest *loops = s->loops;
    size_t position[WEFT_MAX_RANK] = {0};
    size_t inner = loops->rank ? loops->extent[loops->rank - 1] : 1;
    ptrdiff_t stride = loops->rank ? loops->stride[loops->rank - 1] : 0;
    int from = s->port[1].dtype, to = s->port[0].dtype;
    const char *x = base[s->port[1].storage];
    char *y = base[s->port[0].storage];
    size_t element = weft_dtype_size((weft_dtype)from), size = weft_dtype_size((weft_dtype)to);
    do {
        if (from == to)
            copy_words(inner, y, x, stride, size);
        else if (to == WEFT_F32)
            narrow(inner, (float *)(void *)y, (const double *)(const void *)x, stride);
        else
            widen(inner, (double *)(void *)y, (const float *)(const void *)x, stride);
        y += inner * size;
    } while (next_row(loops, 1, position, &x, &element));
}

/* tile.c: runs a loop a tile at a time, so that what one instruction leaves is still in the first cache when the next one takes it. A tile
 * is a run of the innermost dim, or, where that is short, a few whole rows of it. Loads that lie in memory as the tile does are not copied,
 * and a result goes straight to where it is stored. A register whose elements are all equal has stride 0 and is computed once.
 *
 * A fold accumulates in f64. Sums of many rows go by blocks, which are added up afterwards, so that rounding grows with the square root of
 * their number at worst. */
#include "engine/run/program.h"
#include "engine/run/tile.h"
#include "engine/stream.h"

#include <string.h>

typedef struct walk {
    const loop *l;
    void *const *base;
    state *states;
    char *slots;
    size_t low[WEFT_MAX_RANK + 1], high[WEFT_MAX_RANK + 1];
} walk;

/* --- conversions --- */

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

/* --- one tile --- */

static char *memory_of(const walk *w, const instruction *b, const state *s, size_t row, size_t column)
{
    ptrdiff_t offset = s->offset + (ptrdiff_t)row * b->stride[w->l->rank - 2] + (ptrdiff_t)column * b->stride[w->l->rank - 1];
    return (char *)w->base[b->storage] + offset * (ptrdiff_t)weft_dtype_size((weft_dtype)b->dtype);
}

static char *slot_of(const walk *w, const instruction *b)
{
    return w->slots + b->slot * weft__slot_bytes(w->l);
}

static void gather(const walk *w, const instruction *b, state *s, const char *from, size_t rows)
{
    size_t size = weft_dtype_size((weft_dtype)b->dtype), run = w->l->run;
    const ptrdiff_t *stride = b->stride + w->l->rank - 2;
    char *to = slot_of(w, b);
    for (size_t r = 0; r < rows; r++)
        copy_words(run, to + r * run * size, from + (ptrdiff_t)r * stride[0] * (ptrdiff_t)size, stride[1], size);
    s->at = to;
    s->stride = 1;
}

static void load(const walk *w, const instruction *b, state *s, size_t row, size_t column, size_t rows, size_t run)
{
    if (b->reading == READ_REPEATED)
        return;
    const char *from = memory_of(w, b, s, row, column);
    if (b->reading == READ_GATHERED) {
        gather(w, b, s, from, rows);
        return;
    }
    s->at = from;
    s->stride = b->reading == READ_UNIFORM ? 0 : b->stride[w->l->rank - 1];
    if (w->l->fetch && s->stride == 1 && b->stride[w->l->rank - 2])
        weft__fetch_ahead(from, rows * run * weft_dtype_size((weft_dtype)b->dtype));
}

static void store(const walk *w, const instruction *b, const state *x, char *to, size_t n)
{
    size_t size = weft_dtype_size((weft_dtype)b->dtype);
    if (w->l->past && x->stride == 1 && (uintptr_t)to % WEFT__LINE == 0 && n * size % WEFT__LINE == 0)
        weft__stream(to, x->at, n * size);
    else
        copy_words(n, to, x->at, x->stride, size);
}

/* Where fold b accumulates what the tile at (row, column) holds. */
static double *accumulators_of(const walk *w, const instruction *b, const state *s, size_t row, size_t column, size_t part)
{
    const loop *l = w->l;
    if (s->block)
        return s->block + column;
    double *y = w->base[b->partial != NO_STORAGE ? b->partial : b->storage];
    if (b->partial != NO_STORAGE)
        y += part * weft__fold_kept(l, b);
    return y + s->offset + (ptrdiff_t)row * b->stride[l->rank - 2] + (ptrdiff_t)column * b->stride[l->rank - 1];
}

static void fold_tile(const walk *w, const instruction *b, const state *s, size_t row, size_t column, size_t rows, size_t run, size_t part)
{
    const loop *l = w->l;
    const weft_fold *f = b->op->fold;
    const state *x = &w->states[b->operand[0]];
    int type = b->dtype == WEFT_F64;
    ptrdiff_t row_stride = b->stride[l->rank - 2], stride = b->stride[l->rank - 1];
    size_t size = weft_dtype_size((weft_dtype)b->dtype);
    double *y = accumulators_of(w, b, s, row, column, part);
    if (stride && row_stride) /* both stay, and lie as the tile does */
        f->across[type](1, rows * run, x->at, 0, x->stride, y);
    else if (stride)
        f->across[type](rows, run, x->at, x->stride * (ptrdiff_t)run, x->stride, y);
    else if (!row_stride)
        *y = f->merge(*y, f->along[type](rows * run, x->at, x->stride));
    else
        for (size_t r = 0; r < rows; r++, y += row_stride)
            *y = f->merge(*y, f->along[type](run, x->at + (ptrdiff_t)(r * run * size) * x->stride, x->stride));
}

static void map_tile(const walk *w, const instruction *b, state *s, size_t row, size_t column, size_t n)
{
    const void *x[WEFT_MAX_OPERANDS];
    ptrdiff_t stride[WEFT_MAX_OPERANDS];
    bool uniform = b->into == NO_INSTRUCTION;
    for (int k = 0; k < b->n; k++) {
        const state *operand = &w->states[b->operand[k]];
        x[k] = operand->at;
        stride[k] = operand->stride;
        uniform &= !operand->stride;
    }
    char *to = uniform || b->into == NO_INSTRUCTION ? slot_of(w, b) : memory_of(w, &w->l->body[b->into], &w->states[b->into], row, column);
    n = uniform ? 1 : n;
    if (b->action == ACTION_MAP)
        b->op->map[b->dtype == WEFT_F64](n, to, x, stride);
    else if (b->dtype == WEFT_F64)
        widen(n, (double *)(void *)to, x[0], stride[0]);
    else
        narrow(n, (float *)(void *)to, x[0], stride[0]);
    s->at = to;
    s->stride = !uniform;
}

/* The product b and the fold behind it in one walk; false where the operands are not rows of numbers. */
static bool fold_product(const walk *w, const instruction *b, size_t row, size_t column, size_t rows, size_t run, size_t part)
{
    const instruction *fold = b + 1;
    const state *s = &w->states[fold - w->l->body], *left = &w->states[b->operand[0]], *right = &w->states[b->operand[1]];
    if (left->stride != 1 || right->stride != 1)
        return false;
    double *y = accumulators_of(w, fold, s, row, column, part);
    bool kept = fold->stride[w->l->rank - 2] != 0; /* rows stay, and lie as the tile does */
    fold->op->fold->across_product(kept ? 1 : rows, kept ? rows * run : run, (const double *)(const void *)left->at,
                                   (const double *)(const void *)right->at, y);
    return true;
}

static void run_tile(const walk *w, size_t row, size_t column, size_t rows, size_t run, size_t part)
{
    const loop *l = w->l;
    for (int i = 0; i < l->length; i++) {
        const instruction *b = &l->body[i];
        state *s = &w->states[i];
        switch ((action)b->action) {
        case ACTION_LOAD:
            load(w, b, s, row, column, rows, run);
            break;
        case ACTION_CONVERT:
        case ACTION_MAP:
            if (b->folded && fold_product(w, b, row, column, rows, run, part))
                i++;
            else
                map_tile(w, b, s, row, column, rows * run);
            break;
        case ACTION_STORE:
            if (l->body[b->operand[0]].into != i)
                store(w, b, &w->states[b->operand[0]], memory_of(w, b, s, row, column), rows * run);
            break;
        case ACTION_FOLD:
            fold_tile(w, b, s, row, column, rows, run, part);
            break;
        }
    }
}

/* A loop of one element, such as a graph of scalars: most of the time would go into what surrounds an op, so that is kept short. Every register
 * has stride 0. */
static void run_single(const walk *w)
{
    const loop *l = w->l;
    size_t bytes = weft__slot_bytes(l);
    for (int i = 0; i < l->length; i++) {
        const instruction *b = &l->body[i];
        state *s = &w->states[i];
        if (b->action == ACTION_LOAD) {
            s->at = b->offset ? memory_of(w, b, s, 0, 0) : w->base[b->storage];
        } else if (b->action == ACTION_MAP) {
            const void *x[WEFT_MAX_OPERANDS];
            for (int k = 0; k < b->n; k++)
                x[k] = w->states[b->operand[k]].at;
            void *to = b->into != NO_INSTRUCTION ? w->base[l->body[b->into].storage] : w->slots + b->slot * bytes;
            if (b->op->single[0])
                b->op->single[b->dtype == WEFT_F64](to, x);
            else
                b->op->map[b->dtype == WEFT_F64](1, to, x, (const ptrdiff_t[WEFT_MAX_OPERANDS]){0});
            s->at = to;
        } else if (b->action == ACTION_CONVERT) {
            map_tile(w, b, s, 0, 0, 1);
        } else if (b->action == ACTION_FOLD) {
            fold_tile(w, b, s, 0, 0, 1, 1, 0);
        } else if (l->body[b->operand[0]].into != i) {
            copy_words(1, w->base[b->storage], w->states[b->operand[0]].at, 0, weft_dtype_size((weft_dtype)b->dtype));
        }
    }
}

/* --- the walk --- */

static void fill(double *y, size_t n, double value)
{
    for (size_t i = 0; i < n; i++)
        y[i] = value;
}

size_t weft__fold_kept(const loop *l, const instruction *fold)
{
    size_t n = 1;
    for (int i = 0; i < l->rank; i++)
        n *= fold->stride[i] ? l->extent[i] : 1;
    return n;
}

/* The accumulators of this part start from the identity. */
static void start_fold(const walk *w, const instruction *b, size_t part)
{
    const loop *l = w->l;
    double identity = b->op->fold->identity, *y = w->base[b->storage];
    size_t kept = weft__fold_kept(l, b), stride = (size_t)b->stride[l->split], block = l->extent[l->split] * stride;
    if (b->partial != NO_STORAGE)
        fill((double *)w->base[b->partial] + part * kept, kept, identity);
    else if (l->parts == 1)
        fill(y, kept, identity);
    else
        for (size_t at = w->low[l->split] * stride; at < kept; at += block) /* for each position in the dims outside of the split one */
            fill(y + at, (w->high[l->split] - w->low[l->split]) * stride, identity);
}

/* Adds what the blocks hold to the accumulators: of the columns of this part, since others may be at work on the rest. */
static void flush_blocks(const walk *w, size_t part)
{
    const loop *l = w->l;
    size_t low = w->low[l->rank - 1], n = w->high[l->rank - 1] - low;
    for (int i = 0; i < l->length; i++) {
        const instruction *b = &l->body[i];
        state *s = &w->states[i];
        if (b->action != ACTION_FOLD || !s->block)
            continue;
        double *y = w->base[b->partial != NO_STORAGE ? b->partial : b->storage];
        if (b->partial != NO_STORAGE)
            y += part * weft__fold_kept(l, b);
        b->op->fold->across[1](1, n, s->block + low, 0, 1, y + s->offset + low);
        fill(s->block + low, n, b->op->fold->identity);
    }
}

/* Steps the dims outside of the last two. False after the last. */
static bool advance(const walk *w, size_t *position)
{
    const loop *l = w->l;
    for (int d = l->rank - 3; d >= 0; d--) {
        bool wraps = position[d] + 1 == w->high[d];
        ptrdiff_t by = wraps ? (ptrdiff_t)w->low[d] - (ptrdiff_t)position[d] : 1;
        position[d] = wraps ? w->low[d] : position[d] + 1;
        for (int i = 0; i < l->length; i++)
            if (l->body[i].stride)
                w->states[i].offset += by * l->body[i].stride[d];
        if (!wraps)
            return true;
    }
    return false;
}

static void run_rows(const walk *w, size_t part, bool blocks)
{
    const loop *l = w->l;
    int last = l->rank - 1;
    size_t since = 0;
    for (size_t row = w->low[last - 1]; row < w->high[last - 1]; row += l->rows) {
        size_t rows = w->high[last - 1] - row < l->rows ? w->high[last - 1] - row : l->rows;
        for (size_t column = w->low[last]; column < w->high[last]; column += l->run) {
            size_t run = w->high[last] - column < l->run ? w->high[last] - column : l->run;
            run_tile(w, row, column, rows, run, part);
        }
        since += rows;
        if (blocks && since >= BLOCK) {
            flush_blocks(w, part);
            since = 0;
        }
    }
    if (blocks)
        flush_blocks(w, part);
}

void weft__tiles_run(const loop *l, void *const *base, size_t part, int worker)
{
    char *own = (char *)base[l->workspace] + (size_t)worker * l->worker_bytes;
    walk w = {.l = l, .base = base, .states = (state *)(void *)own};
    size_t position[WEFT_MAX_RANK + 1], states = weft__states_bytes(l);
    w.slots = own + states;
    double *block = (double *)(void *)(w.slots + weft__whole_lines((size_t)l->slots * weft__slot_bytes(l)));
    bool blocks = false;
    for (int d = 0; d < l->rank; d++) {
        w.low[d] = d == l->split ? part * l->step : 0;
        w.high[d] = d == l->split && l->extent[d] - w.low[d] > l->step ? w.low[d] + l->step : l->extent[d];
        position[d] = w.low[d];
    }
    for (int i = 0; i < l->length; i++) {
        const instruction *b = &l->body[i];
        w.states[i] = (state){.offset = b->offset};
        if (b->stride && l->split < l->rank - 2)
            w.states[i].offset += (ptrdiff_t)w.low[l->split] * b->stride[l->split];
        if (b->action == ACTION_FOLD) {
            start_fold(&w, b, part);
            if (weft__in_blocks(l, b)) {
                w.states[i].block = block;
                fill(block, l->extent[l->rank - 1], b->op->fold->identity);
                block += (l->extent[l->rank - 1] + 7) & ~(size_t)7;
                blocks = true;
            }
        } else if (b->action == ACTION_LOAD && b->reading == READ_REPEATED && l->count) {
            gather(&w, b, &w.states[i], memory_of(&w, b, &(state){.offset = b->offset}, 0, 0), l->rows); /* its stride in other dims is 0 */
        }
    }
    if (!l->count)
        return;
    if (l->count == 1) {
        run_single(&w);
        return;
    }
    do
        run_rows(&w, part, blocks);
    while (advance(&w, position));
    if (l->past)
        weft__stream_end();
}

void weft__loop_finish(const loop *l, void *const *base)
{
    for (int i = 0; i < l->length; i++) {
        const instruction *b = &l->body[i];
        if (b->action != ACTION_FOLD || b->partial == NO_STORAGE)
            continue;
        size_t kept = weft__fold_kept(l, b);
        fill(base[b->storage], kept, b->op->fold->identity);
        b->op->fold->across[1](l->parts, kept, base[b->partial], (ptrdiff_t)kept, 1, base[b->storage]);
    }
}

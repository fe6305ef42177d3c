/* nest.c: how the loops of a program are cut into parts, and which of them run part by part together.
 *
 * Loops that follow one another often walk the same arrays: one sums, the next uses the sums. Where none of them mixes what belongs to different
 * indices of some dim (the channels of an image, the rows of a softmax), they can run for a few of these indices after another, all loops in turn,
 * while the arrays' part is still in the second cache: a nest. So a part of the nest is a part of each of its loops, and they are cut alike.
 *
 * A loop may join when all that it reads of what the nest writes was written by the same part: a whole array at the same positions, or one number
 * for each index. The innermost dim is not cut for this: its parts would be short pieces of every row. What a nest folds over the cut dim is
 * complete after the last part, and nobody in the nest may read it. */
#include "engine/run/c_compile.h"

enum {
    PART_BYTES = 1 << 19,  /* of all arrays that a part touches: a quarter of a second cache, or half of a small one */
    LARGE = 16384,         /* elements of a loop that counts as large */
    MOST_NEST_PARTS = 4096,
    MOST_LOOPS = 16, LONGEST = 256, /* of a nest, and instructions of a loop in one: what is looked at grows with their square */
    MERGE = 32             /* elements for each accumulator that parts may have */
};

typedef struct nest {
    weft_program *program;
    size_t first, end;   /* steps */
    size_t extent;       /* of the cut dim */
    int *dim;            /* (steps of the program): the cut dim of each loop */
} nest;

static const loop *loop_at(const nest *n, size_t s)
{
    return n->program->steps[s].loop;
}

static bool is_large(const loop *l)
{
    return l->count >= LARGE;
}

static bool touches_memory(const instruction *b)
{
    return b->action == ACTION_LOAD || b->action == ACTION_STORE || b->action == ACTION_FOLD;
}

/* The instruction of the nest that writes a storage, and its step; NULL: none. */
static const instruction *writer_of(const nest *n, uint32_t index, size_t *at)
{
    for (*at = n->first; *at < n->end; ++*at) {
        const loop *l = loop_at(n, *at);
        for (int i = 0; i < l->length; i++)
            if (l->body[i].storage == index && (l->body[i].action == ACTION_STORE || l->body[i].action == ACTION_FOLD))
                return &l->body[i];
    }
    return NULL;
}

/* One number for each index of the dim. */
static bool one_each(const loop *l, const instruction *b, int dim)
{
    for (int d = 0; d < l->rank; d++)
        if (l->extent[d] > 1 && b->stride[d] != (d == dim))
            return false;
    return !b->offset;
}

static bool same_positions(const loop *a, const instruction *x, const loop *b, const instruction *y)
{
    bool same = a->rank == b->rank && x->offset == y->offset;
    for (int d = 0; same && d < a->rank; d++)
        same = a->extent[d] == b->extent[d] && x->stride[d] == y->stride[d];
    return same;
}

/* True when loop l, cut along dim, reads of the nest only what the same part wrote. */
static bool reads_own_part(const nest *n, const loop *l, int dim)
{
    for (int i = 0; i < l->length; i++) {
        const instruction *b = &l->body[i];
        size_t s;
        if (b->action != ACTION_LOAD)
            continue;
        const instruction *writer = writer_of(n, b->storage, &s);
        if (!writer)
            continue;
        const loop *w = loop_at(n, s);
        bool whole = writer->action == ACTION_STORE && same_positions(w, writer, l, b) && n->dim[s] == dim;
        if (!whole && !(one_each(w, writer, n->dim[s]) && one_each(l, b, dim)))
            return false;
    }
    return true;
}

/* The dim along which a loop can join, or -1. A large loop is not cut along its innermost dim. */
static int joining_dim(const nest *n, const loop *l)
{
    for (int d = 0; d < l->rank; d++)
        if (l->extent[d] == n->extent && (d < l->rank - 1 || !is_large(l)) && reads_own_part(n, l, d))
            return d;
    return -1;
}

static bool shares_an_array(const loop *a, const loop *b)
{
    for (int i = 0; i < a->length; i++)
        for (int k = 0; k < b->length && touches_memory(&a->body[i]); k++)
            if (touches_memory(&b->body[k]) && a->body[i].storage == b->body[k].storage)
                return true;
    return false;
}

/* Step s touches what an earlier loop of the nest does. */
static bool shares_with_nest(const nest *n, size_t s)
{
    for (size_t t = n->first; t < s; t++)
        if (is_large(loop_at(n, t)) && shares_an_array(loop_at(n, t), loop_at(n, s)))
            return true;
    return false;
}

/* Grows a nest from its first step, cut along dim. Returns one past its last large loop, or first when that is the only one. */
static size_t grow(nest *n, int dim)
{
    size_t last = n->first, end = n->program->n_steps;
    n->end = n->first + 1;
    n->dim[n->first] = dim;
    n->extent = loop_at(n, n->first)->extent[dim];
    for (size_t s = n->first + 1; s < end && loop_at(n, s) && loop_at(n, s)->count && s - n->first < MOST_LOOPS && loop_at(n, s)->length <= LONGEST; s++) {
        int d = joining_dim(n, loop_at(n, s));
        if (d < 0)
            break;
        n->dim[s] = d;
        n->end = s + 1;
        if (is_large(loop_at(n, s)) && shares_with_nest(n, s))
            last = s;
    }
    n->end = last + 1;
    return last > n->first ? n->end : n->first;
}

/* Bytes of the large arrays that the nest touches, each once. */
static size_t nest_bytes(const nest *n)
{
    size_t bytes = 0;
    for (size_t s = n->first; s < n->end; s++) {
        const loop *l = loop_at(n, s);
        for (int i = 0; i < l->length; i++) {
            bool earlier = !touches_memory(&l->body[i]);
            for (size_t t = n->first; t <= s && !earlier; t++)
                for (int k = 0; k < (t < s ? loop_at(n, t)->length : i) && !earlier; k++)
                    earlier = touches_memory(&loop_at(n, t)->body[k]) && loop_at(n, t)->body[k].storage == l->body[i].storage;
            bytes += earlier ? 0 : n->program->storages[l->body[i].storage].bytes;
        }
    }
    return bytes;
}

/* As many parts as fit the cache each, and not more accumulators than the loops are worth. */
static size_t nest_parts(const nest *n)
{
    size_t parts = nest_bytes(n) / PART_BYTES, accumulators = 0;
    for (size_t s = n->first; s < n->end; s++) {
        const loop *l = loop_at(n, s);
        for (int i = 0; i < l->length; i++)
            if (l->body[i].action == ACTION_FOLD && !l->body[i].stride[n->dim[s]])
                accumulators += weft__fold_kept(l, &l->body[i]);
    }
    parts = parts > n->extent ? n->extent : parts;
    parts = parts > MOST_NEST_PARTS ? MOST_NEST_PARTS : parts;
    if (accumulators && parts > loop_at(n, n->first)->count / MERGE / accumulators)
        parts = loop_at(n, n->first)->count / MERGE / accumulators;
    return parts;
}

/* Cuts the loops of a nest alike; false when it is not worth one. */
static bool cut_nest(nest *n)
{
    size_t parts = nest_parts(n), units = 0;
    if (parts < 2)
        return false;
    size_t each = (n->extent + parts - 1) / parts;
    for (size_t s = n->first; s < n->end; s++) {
        loop *l = n->program->steps[s].loop;
        l->split = n->dim[s];
        l->step = each;
        l->parts = (n->extent + each - 1) / each;
        units += weft__loop_units(l);
    }
    for (size_t s = n->first; s < n->end; s++)
        n->program->steps[s].loop->shared = weft__worth_sharing(units);
    n->program->steps[n->first].together = (uint32_t)(n->end - n->first);
    return true;
}

static void find_nests(weft_program *program, int *dim)
{
    nest n = {.program = program, .dim = dim};
    for (n.first = 0; n.first < program->n_steps; n.first++) {
        const loop *l = program->steps[n.first].loop;
        if (!l || !is_large(l) || l->length > LONGEST)
            continue;
        for (int d = 0; d < l->rank - 1; d++)
            if (l->extent[d] > 1 && grow(&n, d) > n.first && cut_nest(&n)) {
                n.first = n.end - 1;
                break;
            }
    }
}

/* --- accumulators and workspaces --- */

static uint32_t new_buffer(weft_program *p, size_t bytes, size_t at)
{
    if (!weft__grow(&p->allocator, &p->storages, &p->storages_allocated, p->n_storages + 1, sizeof *p->storages)) {
        weft__program_fail(p, WEFT_ERROR_MEMORY, "out of memory");
        return NO_STORAGE;
    }
    p->storages[p->n_storages] = (storage){.bytes = bytes, .first = (uint32_t)at, .last = (uint32_t)at, .kind = STORAGE_BUFFER};
    return (uint32_t)p->n_storages++;
}

static bool equip(weft_program *p, size_t s, uint16_t *scratch)
{
    loop *l = p->steps[s].loop;
    instruction *body = (instruction *)(uintptr_t)l->body;
    for (int i = 0; i < l->length && l->parts > 1; i++) {
        if (body[i].action != ACTION_FOLD || body[i].stride[l->split])
            continue;
        body[i].partial = new_buffer(p, l->parts * weft__fold_kept(l, &body[i]) * sizeof(double), s);
        if (body[i].partial == NO_STORAGE)
            return false;
    }
    p->shares |= l->shared;
    if (p->for_c && weft__c_compiles(l))
        return true;
    weft__tiles_prepare(l, body, scratch);
    size_t workers = !l->shared ? 1 : l->parts < (size_t)p->threads ? l->parts : (size_t)p->threads;
    l->workspace = new_buffer(p, l->worker_bytes * workers, s);
    return l->workspace != NO_STORAGE;
}

/* What a nest touches lives as long as all of it, since its loops take turns. */
static void live_together(weft_program *p)
{
    for (size_t s = 0; s < p->n_steps; s++) {
        size_t end = s + p->steps[s].together;
        for (size_t i = 0; i < p->n_storages && end > s + 1; i++) {
            storage *at = &p->storages[i];
            if (at->kind == STORAGE_BUFFER && at->first > s && at->first < end)
                at->first = (uint32_t)s;
            if (at->kind == STORAGE_BUFFER && at->last >= s && at->last < end - 1)
                at->last = (uint32_t)(end - 1);
        }
    }
}

/* A program that is only printed is not cut at all, and keeps nothing for tiles. */
static weft_status leave_whole(weft_program *program)
{
    for (size_t s = 0; s < program->n_steps; s++)
        if (program->steps[s].loop) {
            program->steps[s].loop->split = -1;
            program->steps[s].loop->parts = 1;
        }
    return program->status;
}

weft_status weft__cut_loops(weft_program *program)
{
    if (program->printed)
        return leave_whole(program);
    int longest = 0;
    for (size_t s = 0; s < program->n_steps; s++)
        if (program->steps[s].loop) {
            weft__loop_split(program->steps[s].loop);
            longest = program->steps[s].loop->length > longest ? program->steps[s].loop->length : longest;
        }
    size_t scratch_bytes = (size_t)longest * sizeof(uint16_t) + 1, dim_bytes = program->n_steps * sizeof(int) + 1;
    uint16_t *scratch = weft__allocate(&program->allocator, scratch_bytes);
    int *dim = weft__allocate(&program->allocator, dim_bytes);
    if (scratch && dim) {
        find_nests(program, dim);
        weft__update_in_place(program);
        for (size_t s = 0; s < program->n_steps; s++)
            if (program->steps[s].loop && !equip(program, s, scratch))
                break;
        live_together(program);
    } else {
        weft__program_fail(program, WEFT_ERROR_MEMORY, "out of memory");
    }
    weft__release(&program->allocator, scratch, scratch_bytes);
    weft__release(&program->allocator, dim, dim_bytes);
    return program->status;
}

/* plan.c: where every storage lies. Buffers share one pool: a step's outputs are placed, then what it read for the last time is freed.
 * Small buffers come from free lists by powers of two, so that a graph of a million scalars is planned in linear time; larger ones take
 * the best fit among the free intervals, which are kept in order and merge. Nothing is allocated once a program is planned. */
#include "engine/run/program.h"

#include <string.h>

enum { ALIGN = 64, SMALL = 2048, CLASSES = 12 };

typedef struct interval {
    size_t offset, bytes;
} interval;

typedef struct planner {
    weft_program *program;
    interval *free;    /* by offset, no two adjacent */
    size_t n_free, free_allocated;
    size_t end;        /* of the pool of large buffers */
    uint32_t *next;    /* (n_storages): lists of freed small storages, and of storages by their last step */
    uint32_t small_free[CLASSES];
    size_t small_end;
    uint32_t *born;    /* (n_steps + 1): the first storage that this step is the first to touch */
    uint32_t *dying;   /* (n_steps + 1): the first storage that this step reads last */
} planner;

static size_t rounded(size_t bytes)
{
    return (bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

#define TOO_MUCH ((size_t)PTRDIFF_MAX) /* bytes: where a sum stays that would come to more */

static size_t sum(size_t a, size_t b)
{
    return a < TOO_MUCH && b < TOO_MUCH - a ? a + b : TOO_MUCH;
}

static int small_class(size_t bytes)
{
    int c = 0;
    while (((size_t)8 << c) < bytes)
        c++;
    return c;
}

static bool is_small(const storage *s)
{
    return s->bytes <= SMALL;
}

static bool insert_free(planner *p, size_t offset, size_t bytes)
{
    size_t at = p->n_free;
    while (at && p->free[at - 1].offset > offset)
        at--;
    if (at && p->free[at - 1].offset + p->free[at - 1].bytes == offset) {
        p->free[at - 1].bytes += bytes;
        if (at < p->n_free && offset + bytes == p->free[at].offset) {
            p->free[at - 1].bytes += p->free[at].bytes;
            memmove(p->free + at, p->free + at + 1, (--p->n_free - at) * sizeof *p->free);
        }
        return true;
    }
    if (at < p->n_free && offset + bytes == p->free[at].offset) {
        p->free[at].offset = offset;
        p->free[at].bytes += bytes;
        return true;
    }
    if (!weft__grow(&p->program->allocator, &p->free, &p->free_allocated, p->n_free + 1, sizeof *p->free))
        return false;
    memmove(p->free + at + 1, p->free + at, (p->n_free++ - at) * sizeof *p->free);
    p->free[at] = (interval){offset, bytes};
    return true;
}

static void take_large(planner *p, storage *s)
{
    size_t bytes = rounded(s->bytes), best = p->n_free;
    for (size_t i = 0; i < p->n_free; i++)
        if (p->free[i].bytes >= bytes && (best == p->n_free || p->free[i].bytes < p->free[best].bytes))
            best = i;
    if (best == p->n_free) {
        interval *last = p->n_free ? &p->free[p->n_free - 1] : NULL;
        bool at_end = last && last->offset + last->bytes == p->end;
        s->offset = at_end ? last->offset : p->end; /* grow the free interval at the end rather than leave it */
        if (at_end)
            p->n_free--;
        p->end = sum(s->offset, bytes);
        return;
    }
    s->offset = p->free[best].offset;
    p->free[best].offset += bytes;
    p->free[best].bytes -= bytes;
    if (!p->free[best].bytes)
        memmove(p->free + best, p->free + best + 1, (--p->n_free - best) * sizeof *p->free);
}

static void take_small(planner *p, storage *s)
{
    int c = small_class(s->bytes);
    uint32_t freed = p->small_free[c];
    if (freed != NO_STORAGE) {
        s->offset = p->program->storages[freed].offset;
        p->small_free[c] = p->next[freed];
        return;
    }
    size_t bytes = (size_t)8 << c, align = bytes < ALIGN ? bytes : ALIGN;
    s->offset = (p->small_end + align - 1) & ~(align - 1);
    p->small_end = sum(s->offset, bytes);
}

static bool release(planner *p, uint32_t index)
{
    storage *s = &p->program->storages[index];
    if (!is_small(s))
        return insert_free(p, s->offset, rounded(s->bytes));
    int c = small_class(s->bytes);
    p->next[index] = p->small_free[c];
    p->small_free[c] = index;
    return true;
}

/* Storages of one step are placed in the order of their numbers. */
static bool place_buffers(planner *p)
{
    weft_program *program = p->program;
    for (size_t i = program->n_storages; i-- > 0;) {
        storage *s = &program->storages[i];
        p->next[i] = p->born[s->first];
        p->born[s->first] = (uint32_t)i;
    }
    for (uint32_t now = 0; now <= program->n_steps; now++) {
        for (uint32_t index = p->born[now], following; index != NO_STORAGE; index = following) {
            storage *s = &program->storages[index];
            following = p->next[index];
            if (s->kind != STORAGE_BUFFER)
                continue;
            if (is_small(s))
                take_small(p, s);
            else
                take_large(p, s);
            if (s->last != TO_THE_END) {
                p->next[index] = p->dying[s->last];
                p->dying[s->last] = index;
            }
        }
        if (now >= program->n_steps)
            break;
        for (uint32_t dead = p->dying[now], following; dead != NO_STORAGE; dead = following) {
            following = p->next[dead];
            if (!release(p, dead))
                return false;
        }
    }
    return true;
}

static bool allocate_memory(planner *p)
{
    weft_program *program = p->program;
    size_t small = rounded(p->end), parameters = sum(small, rounded(p->small_end)), end = parameters;
    for (size_t i = 0; i < program->n_storages; i++) {
        storage *s = &program->storages[i];
        if (s->kind == STORAGE_PARAMETER) {
            s->offset = end;
            end = sum(end, rounded(s->bytes));
            program->sizes.parameters += s->bytes;
        } else if (s->kind == STORAGE_BUFFER && is_small(s)) {
            s->offset += small;
        }
        if (s->kind == STORAGE_BUFFER && s->forward && s->read_backward)
            program->sizes.kept += s->bytes;
        if (s->kind == STORAGE_INPUT && s->read_forward && s->read_backward)
            program->sizes.kept_inputs += s->bytes;
    }
    program->sizes.peak = parameters;
    program->sizes.steps = program->n_steps;
    if (program->printed)
        return true;
    program->memory_bytes = sum(end, ALIGN);
    if (program->memory_bytes == TOO_MUCH)
        return false;
    program->memory = weft__allocate(&program->allocator, program->memory_bytes);
    program->base = weft__allocate(&program->allocator, (program->n_storages + 1) * sizeof *program->base);
    if (program->local_workers)
        program->local_base = weft__allocate(&program->allocator, program->local_workers * program->n_storages * sizeof *program->local_base);
    if (!program->memory || !program->base || (program->local_workers && !program->local_base))
        return false;
    char *aligned = (char *)(((uintptr_t)program->memory + ALIGN - 1) & ~(uintptr_t)(ALIGN - 1));
    memset(aligned + parameters, 0, end - parameters);
    for (size_t i = 0; i < program->n_storages; i++) {
        const storage *s = &program->storages[i];
        program->base[i] = s->kind == STORAGE_CONSTANT ? s->data : s->kind == STORAGE_INPUT ? NULL : aligned + s->offset;
    }
    return true;
}

weft_status weft__plan(weft_program *program)
{
    size_t next_bytes = program->n_storages * sizeof(uint32_t) + 1, dying_bytes = (program->n_steps + 1) * sizeof(uint32_t);
    planner p = {.program = program};
    memset(p.small_free, 0xff, sizeof p.small_free); /* NO_STORAGE */
    p.next = weft__allocate(&program->allocator, next_bytes);
    p.dying = weft__allocate(&program->allocator, dying_bytes);
    p.born = weft__allocate(&program->allocator, dying_bytes);
    if (p.dying)
        memset(p.dying, 0xff, dying_bytes);
    if (p.born)
        memset(p.born, 0xff, dying_bytes);
    if (!p.next || !p.dying || !p.born || !place_buffers(&p) || !allocate_memory(&p))
        weft__program_fail(program, WEFT_ERROR_MEMORY, "out of memory");
    weft__release(&program->allocator, p.next, next_bytes);
    weft__release(&program->allocator, p.dying, dying_bytes);
    weft__release(&program->allocator, p.born, dying_bytes);
    weft__release(&program->allocator, p.free, p.free_allocated * sizeof *p.free);
    return program->status;
}

/* local.c: what the loops of a nest hand to one another. An array that a nest writes and nobody else reads need not lie in memory as a whole: each worker
 * has room for the elements of one part, and overwrites them with those of the next, while they are still in its cache. The loops know nothing of it:
 * they are given an address such that their own offsets lead into that room. */
#include "engine/run/nest.h"

enum {
    MOST_STORAGES = 2048, /* of a program: each part copies their addresses */
    LINE = 64
};

/* The storage of the instruction, if a program may keep it by parts: bytes of one part; else 0. first, end: the steps of the nest. */
static size_t part_bytes(const weft_program *p, size_t first, size_t end, uint32_t index)
{
    const storage *s = &p->storages[index];
    size_t block = 0, each = 0;
    if (s->kind != STORAGE_BUFFER || s->first < first || s->last >= end) /* TO_THE_END is beyond any */
        return 0;
    for (size_t k = first; k < end; k++) {
        const loop *l = p->steps[k].loop;
        for (int i = 0; i < l->length; i++) {
            const instruction *b = &l->body[i];
            if (!weft__touches_memory(b) || b->storage != index)
                continue;
            size_t own = weft__block_of(l, b, l->split), bytes = own * (b->action == ACTION_FOLD ? sizeof(double) : weft_dtype_size((weft_dtype)b->dtype));
            if (!own || (block && (own != block || bytes != each)))
                return 0;
            block = own;
            each = bytes;
        }
    }
    return each * p->steps[first].loop->step;
}

/* A loop that writes what a later one of the nest reads does not write it past the caches. */
static void keep_near(weft_program *p, size_t first, size_t end)
{
    for (size_t k = first; k < end; k++)
        for (int i = 0; i < p->steps[k].loop->length; i++) {
            const instruction *b = &p->steps[k].loop->body[i];
            for (size_t later = k + 1; later < end && b->action == ACTION_STORE; later++)
                for (int j = 0; j < p->steps[later].loop->length; j++)
                    p->steps[k].loop->kept |= p->steps[later].loop->body[j].action == ACTION_LOAD && p->steps[later].loop->body[j].storage == b->storage;
        }
}

static bool shrink_storages(weft_program *p, size_t first, size_t end)
{
    const loop *l = p->steps[first].loop;
    size_t workers = !l->shared ? 1 : l->parts < (size_t)p->threads ? l->parts : (size_t)p->threads, n = 0;
    local *locals = NULL;
    for (size_t i = 0; i < p->n_storages; i++) {
        size_t each = part_bytes(p, first, end, (uint32_t)i), room = (each + LINE - 1) / LINE * LINE;
        if (!each || room * workers >= p->storages[i].bytes)
            continue;
        if (!locals && !(locals = weft__arena_take(&p->arena, p->n_storages * sizeof *locals)))
            return false;
        locals[n++] = (local){.storage = (uint32_t)i, .each = each, .room = room};
        p->storages[i].bytes = room * workers;
    }
    p->steps[first].locals = locals;
    p->steps[first].n_locals = (uint32_t)n;
    if (n && workers > p->local_workers)
        p->local_workers = workers;
    return true;
}

bool weft__find_locals(weft_program *program)
{
    bool good = true;
    for (size_t s = 0; s < program->n_steps && good; s++) {
        size_t end = s + program->steps[s].together;
        if (end <= s + 1)
            continue;
        keep_near(program, s, end);
        good = program->n_storages > MOST_STORAGES || shrink_storages(program, s, end);
        s = end - 1;
    }
    return good;
}

void *const *weft__local_base(const weft_program *program, const step *s, size_t part, int worker)
{
    if (!s->n_locals)
        return program->base;
    void **base = program->local_base + (size_t)worker * program->n_storages;
    memcpy(base, program->base, program->n_storages * sizeof *base);
    for (uint32_t i = 0; i < s->n_locals; i++) {
        const local *l = &s->locals[i];
        base[l->storage] = (void *)((uintptr_t)program->base[l->storage] + (uintptr_t)worker * l->room - part * l->each); /* as integers: it is outside */
    }
    return base;
}

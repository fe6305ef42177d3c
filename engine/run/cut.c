/* cut.c: a program's loops are cut into parts, alone or as nests (nest.c), and get what their parts need: accumulators of sums over the cut dim, and
 * the workspaces of tiles. */
#include "engine/run/c_compile.h"
#include "engine/stream.h"

static uint32_t new_buffer(weft_program *p, size_t bytes, size_t at)
{
    if (!weft__grow(&p->allocator, &p->storages, &p->storages_allocated, p->n_storages + 1, sizeof *p->storages)) {
        weft__program_fail(p, WEFT_ERROR_MEMORY, "out of memory");
        return NO_STORAGE;
    }
    p->storages[p->n_storages] = (storage){.bytes = bytes, .first = (uint32_t)at, .last = (uint32_t)at, .kind = STORAGE_BUFFER};
    return (uint32_t)p->n_storages++;
}

/* A load of another element for each position. */
static bool reads_all(const loop *l, const instruction *b)
{
    for (int d = 0; d < l->rank; d++)
        if (!b->stride[d] && l->extent[d] > 1)
            return false;
    return true;
}

/* Which of its arrays outgrow the caches. What a nest keeps by parts counts as if it were whole: what a later loop reads of it, an earlier one has read
 * from memory, as a rule. */
static void choose_caches(loop *l)
{
    size_t reads = 0, writes = 0;
    for (int i = 0; i < l->length; i++) {
        const instruction *b = &l->body[i];
        size_t bytes = l->count * weft_dtype_size((weft_dtype)b->dtype);
        if (b->action == ACTION_STORE)
            writes += bytes;
        else if (b->action == ACTION_LOAD && reads_all(l, b))
            reads += bytes;
    }
    l->fetch = reads >= WEFT__BEYOND_L2;
    l->past = writes && !l->kept && reads + writes >= WEFT_BEYOND_CACHE;
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
    choose_caches(l);
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
    size_t scratch_bytes = (size_t)longest * sizeof(uint16_t) + 1;
    uint16_t *scratch = weft__allocate(&program->allocator, scratch_bytes);
    if (scratch && weft__find_nests(program) && weft__find_locals(program)) {
        weft__update_in_place(program);
        for (size_t s = 0; s < program->n_steps; s++)
            if (program->steps[s].loop && !equip(program, s, scratch))
                break;
        live_together(program);
    } else {
        weft__program_fail(program, WEFT_ERROR_MEMORY, "out of memory");
    }
    weft__release(&program->allocator, scratch, scratch_bytes);
    return program->status;
}

/* traffic.c: what each step reads and writes, in bytes. It looks at strides alone: an axis of stride 0 is visited once. The accumulators of
 * the parts of a loop are left out; they are as small as what they are merged into. */
#include "engine/run/program.h"

#include <string.h>

bool weft__touches_init(touches *t, const weft_program *program)
{
    *t = (touches){.allocator = program->allocator, .program = program};
    size_t bytes = program->n_storages * sizeof *t->at + 1;
    if ((t->at = weft__allocate(&t->allocator, bytes)))
        memset(t->at, 0, bytes);
    return t->at;
}

void weft__touches_free(touches *t)
{
    weft__release(&t->allocator, t->at, t->program->n_storages * sizeof *t->at + 1);
    weft__release(&t->allocator, t->list, t->allocated * sizeof *t->list);
}

static size_t visited(int rank, const size_t *extent, const ptrdiff_t *stride, uint8_t dtype)
{
    size_t bytes = weft_dtype_size((weft_dtype)dtype);
    for (int i = 0; i < rank; i++)
        if (stride[i] || !extent[i])
            bytes *= extent[i];
    return bytes;
}

/* Two looks at one storage count as the longer one where they begin at the same element. Others may overlap or not: they count as if they did not,
 * up to all of the storage; and so does what is read and then written over. */
static bool add_touch(touches *t, uint32_t index, size_t bytes, ptrdiff_t offset, bool written)
{
    uint32_t at = t->at[index];
    if (at < t->n && t->list[at].storage == index && t->list[at].written == written) {
        touch *had = &t->list[at];
        size_t whole = t->program->storages[index].bytes, both = had->bytes + bytes;
        if (had->offset != offset)
            had->bytes = both < whole ? both : whole;
        else
            had->bytes = bytes > had->bytes ? bytes : had->bytes;
        return true;
    }
    if (!weft__grow(&t->allocator, &t->list, &t->allocated, t->n + 1, sizeof *t->list))
        return false;
    t->at[index] = (uint32_t)t->n;
    t->list[t->n++] = (touch){index, bytes, offset, written};
    return true;
}

bool weft__touches_find(touches *t, const step *s)
{
    t->n = 0;
    for (int i = 0; s->loop && i < s->loop->length; i++) {
        const instruction *b = &s->loop->body[i];
        if (!b->stride || (t->program->storages[b->storage].kind == STORAGE_CONSTANT && t->program->storages[b->storage].bytes <= sizeof(double)))
            continue;
        uint8_t dtype = b->action == ACTION_FOLD ? WEFT_F64 : b->dtype;
        if (!add_touch(t, b->storage, visited(s->loop->rank, s->loop->extent, b->stride, dtype), b->offset, b->action != ACTION_LOAD))
            return false;
    }
    for (int i = 0; !s->loop && i < s->n_out + s->n_in; i++) {
        const port *p = &s->port[i];
        if (!add_touch(t, p->storage, visited(p->layout->rank, p->layout->dim, p->layout->stride, p->dtype), p->offset, i < s->n_out))
            return false;
    }
    return true;
}

static bool count_step(touches *t, const step *s, size_t largest, weft_traffic *sums)
{
    if (!weft__touches_find(t, s))
        return false;
    sums->loops += s->loop != NULL;
    sums->calls += s->loop == NULL;
    sums->passes += s->loop && s->loop->count && s->loop->count == largest;
    for (size_t i = 0; i < t->n; i++)
        *(t->list[i].written ? &sums->bytes_written : &sums->bytes_read) += t->list[i].bytes;
    return true;
}

weft_status weft__traffic_count(weft_program *program)
{
    touches t;
    weft_traffic *sums = &program->traffic;
    size_t largest = 0;
    for (size_t i = 0; i < program->n_steps; i++)
        if (program->steps[i].loop && program->steps[i].loop->count > largest)
            largest = program->steps[i].loop->count;
    for (size_t i = 0, end; i < program->n_steps && !program->printed; i = end) {
        bool walk = false;
        end = i + (program->steps[i].together ? program->steps[i].together : 1);
        for (size_t k = i; k < end; k++)
            walk |= program->steps[k].loop && program->steps[k].loop->count && program->steps[k].loop->count == largest;
        sums->walks += walk;
    }
    bool good = weft__touches_init(&t, program);
    for (size_t i = 0; good && i < program->n_steps; i++)
        good = count_step(&t, &program->steps[i], largest, sums);
    for (size_t i = 0; i < program->n_assignments; i++) {
        size_t bytes = program->storages[program->assignments[i].parameter].bytes;
        sums->bytes_read += bytes;
        sums->bytes_written += bytes;
    }
    weft__touches_free(&t);
    return good ? WEFT_OK : weft__program_fail(program, WEFT_ERROR_MEMORY, "out of memory");
}

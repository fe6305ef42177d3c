/* arena.c: chunks of growing size; a rewind keeps them, so that recording the same graph again allocates nothing. */
#include "engine/record/arena.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CHUNK = 4096, LARGEST_CHUNK = 1 << 20 };

static void *default_allocate(void *context, size_t bytes)
{
    (void)context;
    return malloc(bytes);
}

static void default_release(void *context, void *memory, size_t bytes)
{
    (void)context;
    (void)bytes;
    free(memory);
}

weft_allocator weft__allocator_or_default(const weft_allocator *allocator)
{
    if (allocator)
        return *allocator;
    return (weft_allocator){.allocate = default_allocate, .release = default_release};
}

void *weft__allocate(const weft_allocator *allocator, size_t bytes)
{
    return allocator->allocate(allocator->context, bytes);
}

void weft__release(const weft_allocator *allocator, void *memory, size_t bytes)
{
    if (memory)
        allocator->release(allocator->context, memory, bytes);
}

bool weft__grow(const weft_allocator *allocator, void *list_, size_t *allocated, size_t needed, size_t size)
{
    void **list = list_;
    if (needed <= *allocated)
        return true;
    size_t grown = *allocated ? 2 * *allocated : 8;
    grown = grown < needed ? needed : grown;
    void *memory = weft__allocate(allocator, grown * size);
    if (!memory)
        return false;
    if (*allocated)
        memcpy(memory, *list, *allocated * size);
    weft__release(allocator, *list, *allocated * size);
    *list = memory;
    *allocated = grown;
    return true;
}

void weft__arena_init(weft__arena *arena, const weft_allocator *allocator)
{
    *arena = (weft__arena){.allocator = *allocator};
}

void weft__arena_free(weft__arena *arena)
{
    for (weft__chunk *chunk = arena->first, *next; chunk; chunk = next) {
        next = chunk->next;
        weft__release(&arena->allocator, chunk, sizeof *chunk + chunk->size);
    }
    arena->first = arena->current = NULL;
    arena->used = arena->bytes = 0;
}

/* Makes `current` a chunk with room for `bytes`: the next one kept from before a rewind if it is large enough, else a new one. */
static bool advance(weft__arena *arena, size_t bytes)
{
    weft__chunk *next = arena->current ? arena->current->next : arena->first;
    if (!next || next->size < bytes) {
        size_t size = arena->current ? 2 * arena->current->size : FIRST_CHUNK;
        if (size > LARGEST_CHUNK)
            size = LARGEST_CHUNK;
        if (size < bytes)
            size = bytes;
        weft__chunk *chunk = weft__allocate(&arena->allocator, sizeof *chunk + size);
        if (!chunk)
            return false;
        *chunk = (weft__chunk){.next = next, .size = size};
        if (arena->current)
            arena->current->next = chunk;
        else
            arena->first = chunk;
        arena->bytes += sizeof *chunk + size;
        next = chunk;
    }
    arena->current = next;
    arena->used = 0;
    return true;
}

void *weft__arena_take(weft__arena *arena, size_t bytes)
{
    if (bytes > PTRDIFF_MAX / 2)
        return NULL;
    bytes = (bytes + 7) & ~(size_t)7;
    if ((!arena->current || arena->current->size - arena->used < bytes) && !advance(arena, bytes))
        return NULL;
    char *memory = (char *)(arena->current + 1) + arena->used;
    arena->used += bytes;
    return memory;
}

weft__arena_mark weft__arena_here(const weft__arena *arena)
{
    return (weft__arena_mark){arena->current, arena->used};
}

void weft__arena_rewind(weft__arena *arena, weft__arena_mark mark)
{
    arena->current = mark.chunk;
    arena->used = mark.used;
}

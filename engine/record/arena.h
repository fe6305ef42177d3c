/* arena.h: memory that is given out piece by piece and taken back all at once, over the caller's allocator. */
#ifndef WEFT_RECORD_ARENA_H
#define WEFT_RECORD_ARENA_H

#include "engine/weft_op.h"

typedef struct weft__chunk weft__chunk;

struct weft__chunk {
    weft__chunk *next;
    size_t size; /* usable bytes after this header */
};

/* Chunks form a list from the oldest to the newest; those after `current` are empty and wait for reuse after a rewind. */
typedef struct weft__arena {
    weft_allocator allocator;
    weft__chunk *first, *current;
    size_t used;  /* of current */
    size_t bytes; /* of all chunks, headers included */
} weft__arena;

typedef struct weft__arena_mark {
    weft__chunk *chunk;
    size_t used;
} weft__arena_mark;

weft_allocator weft__allocator_or_default(const weft_allocator *allocator);
void *weft__allocate(const weft_allocator *allocator, size_t bytes);
void weft__release(const weft_allocator *allocator, void *memory, size_t bytes); /* NULL is a no-op */

/* Makes room for `needed` items of `size` bytes in *list, doubling it; false when out of memory, and *list is as before. */
bool weft__grow(const weft_allocator *allocator, void *list, size_t *allocated, size_t needed, size_t size);

void weft__arena_init(weft__arena *arena, const weft_allocator *allocator);
void weft__arena_free(weft__arena *arena);
void *weft__arena_take(weft__arena *arena, size_t bytes); /* 8-byte aligned; NULL when out of memory, and nothing has changed */
weft__arena_mark weft__arena_here(const weft__arena *arena);
void weft__arena_rewind(weft__arena *arena, weft__arena_mark mark);

#endif

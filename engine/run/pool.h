/* pool.h: the threads of a program. The caller of a run is one of them; the others sleep until there are parts to take. */
#ifndef WEFT_RUN_POOL_H
#define WEFT_RUN_POOL_H

#include "engine/record/arena.h"

enum { MOST_THREADS = 64 };

typedef struct weft__pool weft__pool;

typedef void (*weft__work)(void *context, size_t part, int worker);

int weft__thread_count(int asked); /* of weft_options: 1 to MOST_THREADS, or 0 for a number that means nothing */

/* A pool of that many threads, the caller among them; fewer where the system refuses to start one. NULL: out of memory. */
weft__pool *weft__pool_new(const weft_allocator *allocator, int threads);
void weft__pool_free(weft__pool *pool);

/* Calls work for each part below `parts`, each once, and returns when all are done. Parts are taken in order by whoever is free; worker is below
 * the pool's threads and below `parts`, and no two threads have one at a time. pool NULL: the caller alone. Allocates nothing. */
void weft__pool_run(weft__pool *pool, weft__work work, void *context, size_t parts);

#endif

/* pool_none.c: in place of pool.c where there are no threads: the caller works alone. */
#include "engine/run/pool.h"

int weft__thread_count(int asked)
{
    return asked < WEFT_ALL_CORES ? 0 : 1;
}

weft__pool *weft__pool_new(const weft_allocator *allocator, int threads)
{
    (void)allocator, (void)threads;
    return NULL; /* never asked for: no count is above 1 */
}

void weft__pool_free(weft__pool *pool)
{
    (void)pool;
}

void weft__pool_run(weft__pool *pool, weft__work work, void *context, size_t parts)
{
    (void)pool;
    for (size_t part = 0; part < parts; part++)
        work(context, part, 0);
}

/* faulty.h: an allocator that counts what is taken and given back, and that fails where a test asks it to. */
#ifndef WEFT_TESTS_FAULTY_H
#define WEFT_TESTS_FAULTY_H

#include "engine/weft.h"

#include <stdlib.h>

typedef struct faulty {
    size_t count, fail_at; /* allocations so far, and the one that fails; 0: none */
    bool for_good;         /* and all after it */
    size_t live;           /* bytes */
} faulty;

static void *faulty_allocate(void *context, size_t bytes)
{
    faulty *f = context;
    if (++f->count == f->fail_at || (f->for_good && f->count > f->fail_at))
        return NULL;
    f->live += bytes;
    return malloc(bytes);
}

static void faulty_release(void *context, void *memory, size_t bytes)
{
    ((faulty *)context)->live -= bytes;
    free(memory);
}

static inline weft_allocator faulty_allocator(faulty *f)
{
    return (weft_allocator){faulty_allocate, faulty_release, f};
}

#endif

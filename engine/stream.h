/* stream.h: for kernels, of ops and of the engine, that walk arrays larger than the caches. */
#ifndef WEFT_STREAM_H
#define WEFT_STREAM_H

#include "engine/weft_op.h"

#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum {
    WEFT__LINE = 64,           /* bytes of a cache line */
    WEFT__AHEAD = 2048,        /* bytes: so far ahead a walk asks */
    WEFT__BEYOND_L2 = 1 << 20, /* bytes: from there on a walk gains by asking */
};

/* Asks for the memory at an address, of an array or not. */
static inline void weft__fetch(uintptr_t x, size_t bytes)
{
#ifdef __GNUC__
    for (size_t k = 0; k < bytes; k += WEFT__LINE)
        __builtin_prefetch((const void *)(x + k));
#else
    (void)x, (void)bytes;
#endif
}

/* Asks for the memory that a walk reads next. Processors do so themselves, but only within a page of 4 KiB, and see few walks at a time.
 * Two KiB ahead is what 0.1 us takes at 16 GB/s, and that is what memory takes to answer. */
static inline void weft__fetch_ahead(const void *x, size_t bytes)
{
    weft__fetch((uintptr_t)x + WEFT__AHEAD, bytes);
}

/* Copies whole cache lines to an address on a line of its own, past the caches: memory need not be read before it is overwritten. */
static inline void weft__stream(void *to, const void *from, size_t bytes)
{
#ifdef __SSE2__
    __m128i *y = to;
    const __m128i *x = from;
    for (size_t k = 0; k < bytes / sizeof *x; k += 4) {
        _mm_stream_si128(y + k, _mm_loadu_si128(x + k));
        _mm_stream_si128(y + k + 1, _mm_loadu_si128(x + k + 1));
        _mm_stream_si128(y + k + 2, _mm_loadu_si128(x + k + 2));
        _mm_stream_si128(y + k + 3, _mm_loadu_si128(x + k + 3));
    }
#else
    memcpy(to, from, bytes);
#endif
}

/* Before others may read what was streamed. */
static inline void weft__stream_end(void)
{
#ifdef __SSE2__
    _mm_sfence();
#endif
}

#endif

/* hash.h: the one way to uthash. Its tables report a failed allocation instead of exiting, and allocate with the caller's allocator:
 * wherever a table grows or shrinks, a `const weft_allocator *hash_allocator` must be in scope.
 * Keys that are structs are zeroed before they are filled, since padding is hashed too. */
#ifndef WEFT_RECORD_HASH_H
#define WEFT_RECORD_HASH_H

#include "engine/record/arena.h"

#define HASH_NONFATAL_OOM 1
#define uthash_malloc(bytes) weft__allocate(hash_allocator, bytes)
#define uthash_free(memory, bytes) weft__release(hash_allocator, memory, bytes)
#include <uthash.h>

#endif

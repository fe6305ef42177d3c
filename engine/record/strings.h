/* strings.h: interned names. They outlive a rewind: a node from before it may have been named after it, and recording again finds the
 * same names here without allocating. */
#ifndef WEFT_RECORD_STRINGS_H
#define WEFT_RECORD_STRINGS_H

#include "engine/record/hash.h"

typedef struct weft__string weft__string;

typedef struct weft__strings {
    weft__arena arena;
    weft__string *table;
} weft__strings;

void weft__strings_init(weft__strings *strings, const weft_allocator *allocator);
void weft__strings_free(weft__strings *strings);
const char *weft__string_intern(weft__strings *strings, const char *text); /* NULL when out of memory */

#endif

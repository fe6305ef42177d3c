/* shape.h: interned shapes. Equal shapes on one tape are one pointer, so comparing them is comparing pointers. */
#ifndef WEFT_RECORD_SHAPE_H
#define WEFT_RECORD_SHAPE_H

#include "engine/record/hash.h"

typedef struct weft__shape {
    weft_shape dims; /* unused dims are 0 */
    size_t count;    /* elements */
    UT_hash_handle hh;
} weft__shape;

typedef struct weft__shapes {
    weft__arena arena; /* never rewound: a tape sees few distinct shapes, and nodes recorded again find theirs here */
    weft__shape *table;
} weft__shapes;

void weft__shapes_init(weft__shapes *shapes, const weft_allocator *allocator);
void weft__shapes_free(weft__shapes *shapes);

/* The one copy of a shape; NULL when out of memory. The shape must have passed weft__shape_check(). */
const weft__shape *weft__shape_intern(weft__shapes *shapes, const weft_shape *dims);

/* NULL when the shape has a legal rank and its bytes fit memory, else what is wrong. */
const char *weft__shape_check(const weft_shape *dims);

/* Writes "(4, 3)" to text, cut to size; returns text. */
char *weft__shape_print(const weft_shape *dims, char *text, size_t size);

#endif

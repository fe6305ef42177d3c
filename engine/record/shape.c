/* shape.c: the table of shapes, and the facts about number types that everybody needs. */
#include "engine/record/shape.h"

#include <stdio.h>
#include <string.h>

size_t weft_dtype_size(weft_dtype dtype)
{
    return dtype == WEFT_F32 ? 4 : 8;
}

const char *weft_dtype_name(weft_dtype dtype)
{
    switch (dtype) {
    case WEFT_F32:
        return "f32";
    case WEFT_F64:
        return "f64";
    case WEFT_I64:
        return "i64";
    }
    return "unknown dtype";
}

size_t weft_shape_count(const weft_shape *shape)
{
    size_t count = 1;
    for (int i = 0; i < shape->rank; i++)
        count *= shape->dim[i];
    return count;
}

int weft_shape_broadcast(const weft_shape *shapes, int n, weft_shape *common)
{
    int conflict = -1;
    *common = n > 0 ? shapes[0] : (weft_shape){0};
    for (int k = 1; k < n && conflict < 0; k++) {
        weft_shape a = *common, b = shapes[k];
        common->rank = a.rank > b.rank ? a.rank : b.rank;
        for (int i = 1; i <= common->rank; i++) { /* from the last axis */
            size_t da = i <= a.rank ? a.dim[a.rank - i] : 1, db = i <= b.rank ? b.dim[b.rank - i] : 1;
            if (da != db && da != 1 && db != 1 && conflict < 0)
                conflict = common->rank - i;
            common->dim[common->rank - i] = da == 1 ? db : da;
        }
    }
    return conflict;
}

const char *weft__shape_check(const weft_shape *dims)
{
    if (dims->rank < 0 || dims->rank > WEFT_MAX_RANK)
        return "rank must be 0 to 8";
    size_t limit = SIZE_MAX > UINT32_MAX ? PTRDIFF_MAX / 8 : 1 << 24, product = 1; /* with addresses of 32 bits: no small multiple of it wraps */
    for (int i = 0; i < dims->rank; i++) {
        size_t dim = dims->dim[i] ? dims->dim[i] : 1; /* an axis of length 0 must not hide an overflow in the others */
        if (dim > limit / product)
            return "the array would not fit in memory";
        product *= dim;
    }
    return NULL;
}

char *weft__shape_print(const weft_shape *dims, char *text, size_t size)
{
    size_t used = (size_t)snprintf(text, size, "(");
    for (int i = 0; i < dims->rank && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, i ? ", %zu" : "%zu", dims->dim[i]);
    if (used < size)
        snprintf(text + used, size - used, ")");
    return text;
}

void weft__shapes_init(weft__shapes *shapes, const weft_allocator *allocator)
{
    weft__arena_init(&shapes->arena, allocator);
    shapes->table = NULL;
}

void weft__shapes_free(weft__shapes *shapes)
{
    const weft_allocator *hash_allocator = &shapes->arena.allocator;
    HASH_CLEAR(hh, shapes->table);
    weft__arena_free(&shapes->arena);
}

const weft__shape *weft__shape_intern(weft__shapes *shapes, const weft_shape *dims)
{
    weft_shape key;
    memset(&key, 0, sizeof key);
    key.rank = dims->rank;
    for (int i = 0; i < dims->rank; i++)
        key.dim[i] = dims->dim[i];
    weft__shape *shape;
    HASH_FIND(hh, shapes->table, &key, sizeof key, shape);
    if (shape)
        return shape;
    shape = weft__arena_take(&shapes->arena, sizeof *shape);
    if (!shape)
        return NULL;
    memset(shape, 0, sizeof *shape);
    shape->dims = key;
    shape->count = weft_shape_count(&key);
    const weft_allocator *hash_allocator = &shapes->arena.allocator;
    HASH_ADD(hh, shapes->table, dims, sizeof key, shape);
    return shape->hh.tbl ? shape : NULL; /* without memory uthash leaves the entry out and its table NULL */
}

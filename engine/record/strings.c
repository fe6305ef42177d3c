/* strings.c: the table behind interned names. */
#include "engine/record/strings.h"

#include <string.h>

struct weft__string {
    UT_hash_handle hh;
    char text[];
};

void weft__strings_init(weft__strings *strings, const weft_allocator *allocator)
{
    weft__arena_init(&strings->arena, allocator);
    strings->table = NULL;
}

void weft__strings_free(weft__strings *strings)
{
    const weft_allocator *hash_allocator = &strings->arena.allocator;
    HASH_CLEAR(hh, strings->table);
    weft__arena_free(&strings->arena);
}

const char *weft__string_intern(weft__strings *strings, const char *text)
{
    size_t length = strlen(text);
    weft__string *string;
    HASH_FIND(hh, strings->table, text, length, string);
    if (string)
        return string->text;
    string = weft__arena_take(&strings->arena, sizeof *string + length + 1);
    if (!string)
        return NULL;
    memset(string, 0, sizeof *string);
    memcpy(string->text, text, length + 1);
    const weft_allocator *hash_allocator = &strings->arena.allocator;
    HASH_ADD_KEYPTR(hh, strings->table, string->text, length, string);
    return string->hh.tbl ? string->text : NULL; /* without memory uthash leaves the entry out and its table NULL */
}

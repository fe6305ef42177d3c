/* document.c: see document.h. */
#include "document.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void document_clear(document *d)
{
    d->length = 0;
    d->failed = false;
    if (d->text)
        d->text[0] = 0;
}

void document_free(document *d)
{
    free(d->text);
    *d = (document){0};
}

static bool write(void *context, const char *text, size_t bytes)
{
    document *d = context;
    if (d->failed || bytes >= DOCUMENT_MOST - d->length)
        d->failed = true;
    size_t needed = d->length + bytes + 1, grown = d->allocated ? 2 * d->allocated : 1 << 16;
    if (!d->failed && needed > d->allocated) {
        grown = grown < needed ? needed : grown;
        char *larger = realloc(d->text, grown);
        d->failed = !larger;
        d->text = larger ? larger : d->text;
        d->allocated = larger ? grown : d->allocated;
    }
    if (d->failed)
        return false;
    memcpy(d->text + d->length, text, bytes);
    d->length += bytes;
    d->text[d->length] = 0;
    return true;
}

weft_writer document_writer(document *d)
{
    return (weft_writer){write, d};
}

static void put(document *d, const char *text)
{
    write(d, text, strlen(text));
}

/* Bytes beyond ASCII pass as they are. */
static void put_quoted(document *d, const char *text)
{
    put(d, "\"");
    for (const char *at = text; *at; at++) {
        char escaped[8] = {*at};
        if (*at == '"' || *at == '\\')
            snprintf(escaped, sizeof escaped, "\\%c", *at);
        else if ((unsigned char)*at < ' ' || *at == 0x7f)
            snprintf(escaped, sizeof escaped, "\\u%04x", (unsigned)(unsigned char)*at);
        put(d, escaped);
    }
    put(d, "\"");
}

static void put_key(document *d, const char *key)
{
    char last = d->length ? d->text[d->length - 1] : '{';
    if (last != '{' && last != '[')
        put(d, ",");
    if (key) {
        put_quoted(d, key);
        put(d, ":");
    }
}

void document_open(document *d, const char *key, char bracket)
{
    put_key(d, key);
    write(d, &bracket, 1);
}

void document_close(document *d, char bracket)
{
    write(d, &bracket, 1);
}

void document_text(document *d, const char *key, const char *value)
{
    put_key(d, key);
    put_quoted(d, value);
}

void document_whole(document *d, const char *key, size_t value)
{
    char text[32];
    snprintf(text, sizeof text, "%zu", value);
    put_key(d, key);
    put(d, text);
}

void document_number(document *d, const char *key, double value)
{
    char text[40];
    if (!isfinite(value)) {
        document_text(d, key, isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
        return;
    }
    snprintf(text, sizeof text, "%.17g", value);
    put_key(d, key);
    put(d, text);
}

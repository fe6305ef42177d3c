/* document.h: a JSON document that grows in memory. Keys and values are written one after the other; the writer knows when a comma is due. */
#ifndef WEFT_DEMOS_EXPLORER_DOCUMENT_H
#define WEFT_DEMOS_EXPLORER_DOCUMENT_H

#include "weft.h"

typedef struct document {
    char *text; /* ends in a NUL */
    size_t length, allocated;
    bool failed; /* out of memory: nothing more is taken */
} document;

enum { DOCUMENT_MOST = 1 << 26 /* bytes */ };

void document_clear(document *d); /* keeps the memory */
void document_free(document *d);
weft_writer document_writer(document *d); /* text as it is */

void document_open(document *d, const char *key, char bracket); /* key: NULL in a list */
void document_close(document *d, char bracket);
void document_text(document *d, const char *key, const char *value);
void document_whole(document *d, const char *key, size_t value);
void document_number(document *d, const char *key, double value); /* what JSON has no word for: "NaN", "Infinity", "-Infinity" */

#endif

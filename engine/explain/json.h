/* json.h: JSON as it is written, one thing after the other: the writer knows when a comma is due. */
#ifndef WEFT_EXPLAIN_JSON_H
#define WEFT_EXPLAIN_JSON_H

#include "engine/text/print.h"

typedef struct weft__json {
    weft__printer out;
    bool fresh;       /* nothing stands in the innermost object or list so far */
    size_t most;      /* elements of an array that is written whole */
} weft__json;

void weft__json_open(weft__json *j, char bracket);  /* '{' or '[' */
void weft__json_close(weft__json *j, char bracket); /* '}' or ']' */
void weft__json_line(weft__json *j);                /* what comes next begins a line */
void weft__json_key(weft__json *j, const char *key);
void weft__json_text(weft__json *j, const char *text); /* bytes that are no UTF-8 become the sign for such */
void weft__json_word(weft__json *j, const char *word); /* null, true, false */
void weft__json_whole(weft__json *j, uint64_t number);
void weft__json_number(weft__json *j, weft_dtype dtype, double number); /* so that it reads back as it was; "NaN", "Infinity", "-Infinity" */

/* {"shape":[4,3],"values":[...]}; of more than `most` elements min, max, mean and rms of those that are finite, and how many are not. data NULL: null. */
void weft__json_array(weft__json *j, weft_node of, const void *data);
void weft__json_numbers(weft__json *j, const weft_shape *shape, weft_dtype dtype, const void *data);

#endif

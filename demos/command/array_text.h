/* array_text.h: arrays for people, as NumPy prints them, and as JSON. */
#ifndef WEFT_DEMOS_ARRAY_TEXT_H
#define WEFT_DEMOS_ARRAY_TEXT_H

#include "weft.h"

#include <cjson/cJSON.h>

enum { ARRAY_SHAPE = 192 };
const char *array_shape(const weft_shape *shape, char text[ARRAY_SHAPE]); /* "(4, 3)" */

/* Rows on lines of their own; of more than 200 elements, the first and the last three along each axis. */
void array_print(const weft_array *array);

/* Adds dtype, shape and, where wanted, the values in C order; what JSON has no number for as "NaN", "Infinity" or "-Infinity". */
void array_to_json(cJSON *to, const weft_array *array, bool values);
cJSON *number_to_json(double x);

#endif

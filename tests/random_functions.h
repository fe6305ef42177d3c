/* random_functions.h: the staged functions as random graphs know them, a line for each. */
#ifndef WEFT_TESTS_RANDOM_FUNCTIONS_H
#define WEFT_TESTS_RANDOM_FUNCTIONS_H

#include "tests/random_draw.h"

typedef struct random_function {
    move_kind kind;
    int weight; /* how often it is drawn */
    int (*step)(generator *d, const char *kind);
} random_function;

const random_function *random_function_at(size_t i); /* NULL beyond the last */

#endif

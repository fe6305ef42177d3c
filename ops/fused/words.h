/* words.h: the attributes of fused ops as an expression has them, so that a call that is printed can be read back. */
#ifndef WEFT_OPS_FUSED_WORDS_H
#define WEFT_OPS_FUSED_WORDS_H

#include "engine/weft_op.h"

/* The attributes of a fused op that has an eps and a whole number: the axis, or how many groups. */
typedef struct weft__eps_number {
    double eps;
    int64_t number;
} weft__eps_number;

/* x: not used. ", eps=1e-05" of a double or a struct that begins with it; ", axis=1" of an int64_t. */
void weft__eps_words(const void *attributes, const weft_shape *x, char *text, size_t size);
void weft__axis_words(const void *attributes, const weft_shape *x, char *text, size_t size);

/* Of a weft__eps_number: ", axis=1, eps=1e-05", or with "groups". */
void weft__axis_eps_words(const void *attributes, const weft_shape *x, char *text, size_t size);
void weft__groups_eps_words(const void *attributes, const weft_shape *x, char *text, size_t size);

#endif

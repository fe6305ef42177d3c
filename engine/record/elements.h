/* elements.h: the elements of a node: what they are worth, and which elements of an operand each of them is made of. */
#ifndef WEFT_RECORD_ELEMENTS_H
#define WEFT_RECORD_ELEMENTS_H

#include "engine/record/tape.h"

double weft__element_value(weft_dtype dtype, const void *data, size_t element);
size_t weft__element_count(weft_node x);

/* The op that computes x, and its operands: of a further output those of its node. */
const weft_op *weft__maker(weft_node x, weft_node *operand, int *n);

/* From which element of one operand each element of a node is made, or the other way round. */
typedef enum weft__relation {
    WEFT__SAME,  /* element by element */
    WEFT__TAKES, /* element i of the node is element source(i) of the operand */
    WEFT__FOLDS, /* element i of the operand goes into element source(i) of the node */
    WEFT__ANY    /* any of any */
} weft__relation;

typedef struct weft__link {
    weft__relation relation;
    weft_shape shape;                /* of what source() is asked about */
    ptrdiff_t stride[WEFT_MAX_RANK]; /* of what it answers about */
    ptrdiff_t offset;
} weft__link;

weft__link weft__link_of(weft_node y, int operand);
size_t weft__link_source(const weft__link *link, size_t element);

#endif

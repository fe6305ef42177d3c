/* traced.h: what the explanations share: the values of chosen nodes, which elements an element is made of, and words for both. */
#ifndef WEFT_JUDGE_TRACED_H
#define WEFT_JUDGE_TRACED_H

#include "engine/record/needed.h"

/* Compiles nodes as they were recorded, binds and runs; output k is nodes[k]. NULL: the tape says what is wrong, in the name of `who`. */
weft_program *weft__traced_run(const char *who, const weft_node *nodes, size_t n, const weft_binding *bind, size_t n_bind);

double weft__traced_value(weft_dtype dtype, const void *data, size_t element);
size_t weft__traced_count(weft_node x);

/* The op that computes x, and its operands: of a further output those of its node. */
const weft_op *weft__traced_op(weft_node x, weft_node *operand, int *n);

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

/* --- words --- */

typedef struct weft__words {
    char *text;
    size_t size, used;
} weft__words;

void weft__say(weft__words *words, const char *format, ...);
void weft__say_node(weft__words *words, weft_node x);                    /* %7 log "name" in batchnorm */
void weft__say_element(weft__words *words, weft_node x, size_t element); /* [1, 2]; nothing for a scalar */

#endif

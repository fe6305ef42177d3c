/* traced.h: what the explanations share: the values of chosen nodes, and words. */
#ifndef WEFT_JUDGE_TRACED_H
#define WEFT_JUDGE_TRACED_H

#include "engine/record/elements.h"
#include "engine/record/needed.h"

/* Compiles nodes as they were recorded, binds and runs; output k is nodes[k]. NULL: the tape says what is wrong, in the name of `who`. */
weft_program *weft__traced_run(const char *who, const weft_node *nodes, size_t n, const weft_binding *bind, size_t n_bind);

/* --- words --- */

typedef struct weft__words {
    char *text;
    size_t size, used;
} weft__words;

void weft__say(weft__words *words, const char *format, ...);
void weft__say_node(weft__words *words, weft_node x);                    /* %7 log "name" in batchnorm */
void weft__say_element(weft__words *words, weft_node x, size_t element); /* [1, 2]; nothing for a scalar */

#endif

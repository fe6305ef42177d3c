/* plain.h: the judge. It evaluates the nodes of a tape one by one, by the names of their ops and the formulas of weft.h: no program, no
 * kernel, no stride, no buffer that two nodes share. Every element carries a bound on what a correct program may differ by; see bounded.h. */
#ifndef WEFT_TESTS_PLAIN_H
#define WEFT_TESTS_PLAIN_H

#include "tests/bounded.h"
#include "weft_op.h"

typedef struct plain {
    weft_tape *tape;
    rounding rounding;
    uint32_t done, allocated;
    bounded **number; /* [id]: elements in C order; an index whose e is not 0 may be another */
    const weft_binding *binding;
    size_t n_bindings;
    const struct plain *stopped; /* or NULL: where stop_gradient takes its values, since no derivative passes it */
    const double *spread;        /* or NULL: for each binding, the error that its elements start with */
    bool undecided;              /* an op compared what may be larger or smaller, and shows nothing of it */
    char message[160];           /* why plain_extend() returned false */
} plain;

/* dtype: of the numbers on the tape, which decides the bounds. */
void plain_start(plain *p, weft_tape *tape, weft_dtype dtype);

/* Evaluates the nodes recorded since the last call. bindings: memory of inputs and parameters, as a program would be given it. False for
 * an op that this judge does not know or a leaf without memory. */
bool plain_extend(plain *p, const weft_binding *binding, size_t n);

void plain_rewind(plain *p, uint32_t count); /* forgets the nodes from `count` on */
void plain_free(plain *p);

const bounded *plain_value(const plain *p, weft_node x); /* elements in C order */

#endif

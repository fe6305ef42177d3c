/* elementwise.h: the elementwise ops as random graphs and their judge know them, a line for each: the builder that a move calls, how often it is
 * drawn, and the bound that the judge computes. */
#ifndef WEFT_TESTS_ELEMENTWISE_H
#define WEFT_TESTS_ELEMENTWISE_H

#include "tests/bounded.h"
#include "tests/random_graph.h"

typedef enum step_form {
    OF_ANY,      /* of what is there */
    OF_POSITIVE, /* of what is there, or a positive function of it */
    OF_ITS_OWN   /* random_steps.c has a step for it */
} step_form;

typedef struct elementwise {
    move_kind kind; /* named like the op */
    int weight;     /* how often it is drawn */
    step_form form;
    bounded (*each)(const rounding *r, bounded a, bounded b, bounded c); /* of the op's operands; a builder may take fewer */
    bool compares; /* a mask: of a node and itself it is decided, whatever the roundings are */
} elementwise;

const elementwise *elementwise_at(size_t i); /* NULL beyond the last */

#endif

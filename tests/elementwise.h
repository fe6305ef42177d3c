/* elementwise.h: the elementwise ops as tests know them, made from the lines of elementwise.def. */
#ifndef WEFT_TESTS_ELEMENTWISE_H
#define WEFT_TESTS_ELEMENTWISE_H

#include "tests/bounded.h"
#include "tests/random_graph.h"

typedef struct elementwise {
    const char *op;
    int arity;            /* of the op; the builder of `kind` may take fewer */
    exact_function exact; /* its formula */
    move_kind kind;       /* for random graphs, named like the op: the builder that a move calls */
    int weight;           /* how often it is drawn */
    bool positive;        /* of what is there, or a positive function of it */
    bool compares;        /* a mask: of a node and itself it is decided, whatever the roundings are */
    bounded (*each)(const rounding *r, bounded a, bounded b, bounded c); /* the bound that their judge computes */
} elementwise;

const elementwise *elementwise_at(size_t i); /* NULL beyond the last */

#endif

/* plain_work.h: a node as the judge computes it. plain.c finds it and its operands; it and plain_elementwise.c have the ops. */
#ifndef WEFT_TESTS_PLAIN_WORK_H
#define WEFT_TESTS_PLAIN_WORK_H

#include "tests/plain.h"

/* x: the operands' elements, y: the result's. */
typedef struct work {
    plain *p;
    weft_node node;
    int n;
    weft_shape x_shape[WEFT_MAX_OPERANDS], y_shape;
    const bounded *x[WEFT_MAX_OPERANDS];
    const int64_t *index; /* of the last operand, when it holds indices */
    bounded *y[WEFT_MAX_OUTPUTS];
    size_t count; /* elements of y[0] */
} work;

/* The element of a reduction's result that an element of its operand goes into. */
size_t plain_folded_into(weft_node reduction, const weft_shape *x, size_t element);

/* False when the op of this name is not one of the table of elementwise ops. */
bool plain_elementwise(const work *w, const char *name);

#endif

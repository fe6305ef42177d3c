/* plain_work.h: a node as the judge computes it. plain.c finds it and its operands; it, plain_elementwise.c and plain_indexing.c have the ops. An
 * element is found by its position along every axis. */
#ifndef WEFT_TESTS_PLAIN_WORK_H
#define WEFT_TESTS_PLAIN_WORK_H

#include "tests/plain.h"

static inline void position_of(const weft_shape *shape, size_t element, size_t *position)
{
    for (int i = shape->rank - 1; i >= 0; i--) {
        position[i] = element % shape->dim[i];
        element /= shape->dim[i];
    }
}

static inline size_t element_at(const weft_shape *shape, const size_t *position)
{
    size_t element = 0;
    for (int i = 0; i < shape->rank; i++)
        element = element * shape->dim[i] + position[i];
    return element;
}

/* x: the operands' elements, y: the result's. */
typedef struct work {
    plain *p;
    weft_node node;
    int n;
    weft_shape x_shape[WEFT_MAX_OPERANDS], y_shape;
    const bounded *x[WEFT_MAX_OPERANDS];
    bounded *y[WEFT_MAX_OUTPUTS];
    size_t count; /* elements of y[0] */
} work;

size_t plain_folded_into(weft_node reduction, const weft_shape *x, size_t element); /* the element of a reduction's result that this one of x goes into */

/* False when the op of this name is not one of the table of elementwise ops. */
bool plain_elementwise(const work *w, const char *name);

void plain_max(const work *w);
void plain_min(const work *w);
void plain_prod(const work *w);
void plain_argmax(const work *w);
void plain_argmin(const work *w);
void plain_cumsum(const work *w);
void plain_matmul(const work *w);
void plain_take(const work *w);
void plain_scatter_add(const work *w);
void plain_gather_elements(const work *w);
void plain_scatter_add_elements(const work *w);
void plain_one_hot(const work *w);
void plain_groupnorm(const work *w);
void plain_groupnorm_backward(const work *w);
void plain_gelu(const work *w);
void plain_gelu_backward(const work *w);
void plain_evaluated(const work *w);
void plain_evaluated_backward(const work *w);
/* Likewise of the table of fused ops that work along one axis. */
bool plain_fused(const work *w, const char *name);

/* Functions that fused ops have within them. */
static inline long double exact_exp(long double a, long double b, long double c)
{
    (void)b, (void)c;
    return expl(a);
}

static inline long double exact_log(long double a, long double b, long double c)
{
    (void)b, (void)c;
    return logl(a);
}

static inline long double exact_erf(long double a, long double b, long double c)
{
    (void)b, (void)c;
    return erfl(a);
}

#endif

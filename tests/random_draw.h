/* random_draw.h: a graph while it is drawn, and what every choice in it is made with.
 *
 *     random_draw.c     moves that the builders take and whose values are safe; shapes and operands for them; the whole graph
 *     random_steps.c    a step, which adds a move of one kind and those that it takes to make its operands fit
 *     random_updates.c  updates: which parameters the graph assigns, and what they become */
#ifndef WEFT_TESTS_RANDOM_DRAW_H
#define WEFT_TESTS_RANDOM_DRAW_H

#include "tests/plain.h"
#include "tests/random_graph.h"

typedef struct generator {
    graph g;
    built b;
    plain p; /* in f32 bounds: what is safe there is safe in f64 */
    uint64_t seed;
    size_t square;  /* the one dim of every axis, or 0 */
    size_t longest; /* the long axis, or 0 */
    bool assigns;   /* it may have updates, and so has more parameters */
} generator;

static inline size_t below(generator *d, size_t n)
{
    return (size_t)(draw_uniform(&d->seed) * (double)n);
}

static inline bool chance(generator *d, double p)
{
    return draw_uniform(&d->seed) < p;
}

static inline weft_shape shape_at(const generator *d, int i)
{
    return weft_node_shape(d->b.node[i]);
}

typedef struct range {
    long double low, high, error;
} range;

range range_of(const generator *d, int i); /* of the values of move i, and the largest error among them */

bool values_are_safe(const bounded *x, size_t count); /* comparing them says something */

/* Each returns the index of the new move, or -1 where it is taken back, or where an operand is -1. */
int add_move(generator *d, move m);
int add_call(generator *d, const char *kind, int a, int b);
int add_scalar(generator *d, int which);
int add_leaf(generator *d, weft_shape shape); /* mostly an input; a parameter or a constant now and then */
int add_leaf_of(generator *d, const char *kind, weft_shape shape);

size_t draw_dim(generator *d);
weft_shape draw_shape(generator *d);
weft_shape draw_partner(generator *d, weft_shape shape); /* one that broadcasts against it: some axes 1, some leading ones missing */

int pick_move(generator *d);           /* an earlier one, recent ones more often: graphs are deep, with fan-out */
int pick_partner(generator *d, int a); /* one that broadcasts against move a: an earlier one, or a new leaf */

void take_step(generator *d);      /* of a random kind; it may come to nothing */
void choose_updates(generator *d); /* once results and order are known; at times none */

#endif

/* updates.c: the formulas of weft_assign() and weft_sgd(), an element at a time. */
#include "tests/updates.h"

#include <math.h>

/* A constant that a program may take as the dtype holds it, or in f64. */
static bounded constant(const built *b, double value)
{
    return bounded_within(value, b->dtype == WEFT_F32 ? fabsl((long double)value - (long double)(float)value) : 0);
}

void assignment_expected(const built *b, const plain *p, const assignment *a, bounded *to)
{
    weft_shape shape = weft_node_shape(a->parameter);
    const bounded *value = plain_value(p, a->value), none = bounded_exact(0);
    const rounding *r = &p->rounding;
    const update *u = a->by;
    for (size_t i = 0; i < weft_shape_count(&shape); i++) {
        to[i] = value[i]; /* parameter = value */
        if (!u->sgd)
            continue;
        bounded momentum = constant(b, update_momenta[u->momentum]), velocity = plain_value(p, b->node[u->velocity])[i];
        to[i] = bounded_add(r, bounded_mul(r, momentum, velocity, none), value[i], none); /* velocity' = momentum*velocity + dw */
        if (a->parameter.id == b->node[u->velocity].id)
            continue;
        bounded w = plain_value(p, a->parameter)[i], rate = plain_value(p, b->node[u->rate])[0];
        to[i] = bounded_sub(r, w, bounded_mul(r, rate, to[i], none), none); /* w' = w - rate*velocity' */
    }
}

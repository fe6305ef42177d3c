/* plain_elementwise.c: ops of the table in elementwise.def, an element after another. Some comparisons are decided whatever the roundings are, since
 * the bits are the same: of a node and itself, and of a node and its own largest or smallest element. */
#include "tests/elementwise.h"
#include "tests/plain_work.h"

#include <stdlib.h>
#include <string.h>

/* The max or min node that x repeats, when x is one spread over the shape of what it was taken of; a failed node when it is not. */
static weft_node extreme_behind(weft_node x)
{
    const char *name = weft_node_op(x)->name;
    while (!strcmp(name, "broadcast") || !strcmp(name, "reshape")) {
        x = weft_node_operand(x, 0);
        name = weft_node_op(x)->name;
    }
    return strcmp(name, "max") && strcmp(name, "min") ? (weft_node){.id = WEFT_NO_ID} : x;
}

/* The mask of x = max(x), as the derivative of max asks for it: it is 1 at the largest element where no other comes near. min likewise. */
static void correct_ties(const work *w, weft_node extreme)
{
    int away = strcmp(weft_node_op(extreme)->name, "max") ? -1 : 1; /* the order of the extreme and what is surely none */
    weft_shape shape = weft_node_shape(extreme);
    size_t *near = calloc(weft_shape_count(&shape) + 1, sizeof *near);
    for (size_t i = 0; i < w->count; i++)
        near[plain_folded_into(extreme, &w->x_shape[0], i)] += bounded_order(w->x[1][i], w->x[0][i]) != away;
    for (size_t i = 0; i < w->count; i++)
        if (near[plain_folded_into(extreme, &w->x_shape[0], i)] == 1 && w->x[0][i].v == w->x[1][i].v)
            w->y[0][i] = bounded_exact(1);
    free(near);
}

static void compute(const work *w, const elementwise *op)
{
    bool with_itself = op->compares && weft_node_operand(w->node, 0).id == weft_node_operand(w->node, 1).id;
    for (size_t i = 0; i < w->count; i++) {
        bounded a = w->x[0][i], b = w->x[w->n > 1][i], c = w->x[w->n > 2 ? 2 : 0][i];
        if (with_itself)
            a.e = b.e = 0;
        w->y[0][i] = op->each(&w->p->rounding, a, b, c);
    }
    if (strcmp(op->kind.name, "equal"))
        return;
    weft_node extreme = extreme_behind(weft_node_operand(w->node, 1));
    if (!weft_node_failed(extreme) && weft_node_operand(extreme, 0).id == weft_node_operand(w->node, 0).id)
        correct_ties(w, extreme);
}

bool plain_elementwise(const work *w, const char *name)
{
    for (size_t k = 0; elementwise_at(k); k++)
        if (!strcmp(elementwise_at(k)->kind.name, name)) {
            compute(w, elementwise_at(k));
            return true;
        }
    return false;
}

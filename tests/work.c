/* work.c: see work.h. */
#include "tests/work.h"

#include <stdlib.h>
#include <string.h>

/* chain[id]: 1 more than the reductions that wait for one another up to node id, or 0 before it was counted. */
static int count(weft_node y, size_t large, int *chain, work *w)
{
    if (chain[y.id])
        return chain[y.id];
    int before = 1;
    for (int i = 0; i < weft_node_operand_count(y); i++) {
        int operand = count(weft_node_operand(y, i), large, chain, w);
        before = operand > before ? operand : before;
    }
    const weft_op *op = weft_node_op(y);
    bool folds = op->kind == WEFT_REDUCTION;
    weft_shape shape = weft_node_shape(folds ? weft_node_operand(y, 0) : y);
    bool counts = weft_shape_count(&shape) >= large;
    w->maps += counts && op->kind == WEFT_ELEMENTWISE;
    w->maps += counts && !strcmp(op->name, "scatter_add_elements") ? 2 : 0; /* it fills with zeros, and writes; what may take its place compares and chooses */
    w->sums += counts && folds && !strcmp(op->name, "sum");
    w->maxes += counts && folds && !strcmp(op->name, "max");
    return chain[y.id] = before + (counts && folds);
}

work work_of(const weft_node *y, size_t n, size_t large)
{
    work w = {0};
    int *chain = calloc(weft_tape_count(y->tape), sizeof *chain);
    for (size_t k = 0; k < n; k++) {
        int last = count(y[k], large, chain, &w) - 1;
        w.passes = last > w.passes ? last : w.passes;
    }
    free(chain);
    return w;
}

/* work.h: what nodes cost over arrays of a given size: the steps that count when those are large. */
#ifndef WEFT_TESTS_WORK_H
#define WEFT_TESTS_WORK_H

#include "weft_op.h"

/* Of the needed nodes that compute, or fold, at least `large` elements each. */
typedef struct work {
    int maps, sums, maxes; /* elementwise nodes, and reductions by kind */
    int passes;            /* the longest chain of reductions that wait for one another */
} work;

work work_of(const weft_node *y, size_t n, size_t large);

#endif

/* work.h: what computing a graph takes, before it is begun. */
#ifndef WEFT_DEMOS_WORK_H
#define WEFT_DEMOS_WORK_H

#include "weft_op.h"

/* Additions, roughly, for one run of all that the outputs need, each node once; NaN: out of memory. */
double graph_work(const weft_node *outputs, size_t n);

#endif

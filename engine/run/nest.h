/* nest.h: what nest.c knows of loops that run part by part together, for local.c. */
#ifndef WEFT_RUN_NEST_H
#define WEFT_RUN_NEST_H

#include "engine/run/program.h"

#include <string.h>

static inline bool weft__touches_memory(const instruction *b)
{
    return b->action == ACTION_LOAD || b->action == ACTION_STORE || b->action == ACTION_FOLD;
}

/* The m of a loop that has elements [m i, m i + m) of a storage at index i of the dim; 0: it is not so. */
size_t weft__block_of(const loop *l, const instruction *b, int dim);

#endif

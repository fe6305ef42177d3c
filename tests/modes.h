/* modes.h: the two modes of a graph against each other: u . (J v) = v . (J'u), for what weft_jvp() and weft_vjp() have recorded. */
#ifndef WEFT_TESTS_MODES_H
#define WEFT_TESTS_MODES_H

#include "tests/differences.h"

/* b: a graph in f64. Of its results, and of their gradients. v->failed is set where the modes disagree; v->elements counts what could be compared. */
void modes_judge(const built *b, verdict *v);

/* The same for a graph that is not built yet; v.way is `modes`. */
verdict judge_modes(const graph *g);

extern const way modes; /* has no run() */

#endif

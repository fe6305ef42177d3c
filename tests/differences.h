/* differences.h: the gradients that a graph's tape has recorded, against differences of the plain values that they are gradients of. The
 * other judge runs recorded derivatives as they stand; this one says whether they are the right ones. */
#ifndef WEFT_TESTS_DIFFERENCES_H
#define WEFT_TESTS_DIFFERENCES_H

#include "tests/judge.h"

typedef enum agreement {
    AGREES,
    DISAGREES, /* verdict.message has the words */
    UNDECIDED  /* a kink or a tie is within a step, or there is no gradient */
} agreement;

/* b: a graph in f64. Judges the gradients among its outputs, and the gradients of these. v->failed is set where they disagree. */
agreement differences_judge(const built *b, verdict *v);

/* The same for a graph that is not built yet; v.way is `differences`. */
verdict judge_differences(const graph *g);

extern const way differences; /* has no run() */

#endif

/* judge.h: whether a graph gives its values, in every way of tests/ways.h. Outputs are held to tests/plain.h, and the parameters that a run
 * assigns to tests/updates.h. */
#ifndef WEFT_TESTS_JUDGE_H
#define WEFT_TESTS_JUDGE_H

#include "tests/ways.h"

typedef struct verdict {
    bool failed;
    bool refused; /* also: a builder did not take a move or an update, so this is no graph */
    const way *way;
    weft_dtype dtype;
    char message[WEFT_MESSAGE_SIZE]; /* in words */
    size_t elements, sharp;          /* judged; and within a tolerance that is small beside the values */
} verdict;

/* Runs g in one dtype in each of n ways and judges every element of every output, and of every parameter after each run. */
verdict judge(const graph *g, weft_dtype dtype, const way *by, size_t n);

#endif

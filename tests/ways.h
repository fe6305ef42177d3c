/* ways.h: the ways to run a graph, and the judge that holds each of them to tests/plain.h. */
#ifndef WEFT_TESTS_WAYS_H
#define WEFT_TESTS_WAYS_H

#include "tests/random_graph.h"

/* What a way is given, and what it gives back. */
typedef struct trial {
    const built *graph;
    weft_node stands[MOST_OUTPUTS]; /* in: the graph's outputs; out: the nodes that the way ran for them, on the same tape */
    double *result[MOST_OUTPUTS];   /* out: their elements, as f64, of the outputs' counts */
    char message[WEFT_MESSAGE_SIZE]; /* out: why it could not */
} trial;

typedef struct way {
    const char *name;
    bool (*run)(trial *t);
} way;

/* Compiles t->stands and runs the program twice, which must give the same bits. What most ways end with. */
bool trial_run(trial *t);
bool trial_run_with(trial *t, const weft_options *options);

extern const way ways[]; /* one line each: add yours */
extern const size_t way_count;

/* The ways that take a compiler's time: for fewer graphs. */
extern const way compiled_ways[];
extern const size_t compiled_way_count;

typedef struct verdict {
    bool failed;
    bool refused; /* also: a builder did not take a move, so this is no graph */
    const way *way;
    weft_dtype dtype;
    size_t output, element;
    double expected, got, tolerance;
    char message[WEFT_MESSAGE_SIZE];  /* in words */
    size_t elements, sharp; /* judged; and within a tolerance that is small beside the values */
} verdict;

/* Runs g in one dtype in each of n ways and judges every element of every output. */
verdict judge(const graph *g, weft_dtype dtype, const way *by, size_t n);

#endif

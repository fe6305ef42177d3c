/* ways.h: the ways to run a graph. tests/judge.h holds each of them to tests/plain.h. */
#ifndef WEFT_TESTS_WAYS_H
#define WEFT_TESTS_WAYS_H

#include "tests/random_graph.h"

/* What a run gives. */
typedef struct outcome {
    double *result[MOST_OUTPUTS];   /* the outputs' elements, as f64, of the outputs' counts */
    void *parameter[MOST_BINDINGS]; /* what that of a binding holds afterwards, in its dtype; NULL: it is none, or the program does not need it */
} outcome;

/* What a way is given, and what it gives back. */
typedef struct trial {
    const built *graph;
    weft_node stands[MOST_OUTPUTS]; /* in: the graph's outputs; out: the nodes that the way ran for them, on the same tape */
    int n_runs;                     /* out: 1 without assignments, since any other is to give the same bits; else MOST_RUNS */
    outcome run[MOST_RUNS];         /* out: one after another, from the values that the bindings have for parameters */
    char message[WEFT_MESSAGE_SIZE]; /* out: why it could not */
} trial;

typedef struct way {
    const char *name;
    bool (*run)(trial *t);
} way;

/* Compiles t->stands and runs the program; then once more from the start, which must give the same bits. What most ways end with. */
bool trial_run(trial *t);
bool trial_run_with(trial *t, const weft_options *options);
void trial_free(trial *t);

extern const way ways[]; /* one line each: add yours */
extern const size_t way_count;

/* The ways that take a compiler's time: for fewer graphs. */
extern const way compiled_ways[];
extern const size_t compiled_way_count;

#endif

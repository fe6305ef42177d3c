/* threaded.h: graphs that are run for several numbers of threads. */
#ifndef WEFT_TESTS_THREADED_H
#define WEFT_TESTS_THREADED_H

#include "tests/samples.h"

enum { MOST_INPUTS = 8, MOST_OUTPUTS = 8 };

typedef struct graph {
    weft_tape *tape;
    weft_node in[MOST_INPUTS], out[MOST_OUTPUTS];
    void *data[MOST_INPUTS];
    size_t bytes[MOST_INPUTS];
    int n_in, n_out;
} graph;

graph graph_new(void);
void graph_free(graph *g);

size_t bytes_of(weft_node x);

/* An input of whole numbers from -8 to 8: their sums are exact, whatever the order. noise: of normal numbers instead. */
weft_node add_input(graph *g, weft_dtype dtype, int rank, const size_t *dim, bool noise);

weft_program *compile_for(const graph *g, int threads);

/* Runs for 1, 2, 3 and 8 threads, twice each, or under ThreadSanitizer for 1 and 3: the bits must be those of the first. */
void expect_same_bits(const graph *g, const char *what);

void expect_values(const graph *g, int k, const double *expected, const char *what); /* of output k, for 3 threads */

#endif

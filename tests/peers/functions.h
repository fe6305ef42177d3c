/* functions.h: what tests/peers/functions does: arrays of a folder in, results out. functions.c computes one function and its gradients, steps.c what
 * takes several runs: training steps and optimizers. */
#ifndef WEFT_TESTS_PEERS_FUNCTIONS_H
#define WEFT_TESTS_PEERS_FUNCTIONS_H

#include "weft.h"

enum { MOST_INPUTS = 8 };

typedef struct job {
    const char *what, *folder;
    double number[4]; /* what the command line gives behind the folder; 0 where it ends */
    weft_tape *tape;
    int n;
    weft_array memory[MOST_INPUTS], cotangent; /* x0.npy, x1.npy, ... and w.npy */
} job;

bool job_fail(const char *what, const char *message); /* always false */
bool job_write(const job *j, const char *name, weft_node of, const void *data); /* FOLDER/NAME.npy */
bool job_write_output(const job *j, const char *name, const weft_node *outputs, size_t k, const weft_program *p);
weft_node job_input(const job *j, int i); /* x0 and so on, as inputs of the tape */

/* A table in steps.c; false: `what` is none of it, or, with *known, it failed. */
bool steps_run(job *j, bool *known);

#endif

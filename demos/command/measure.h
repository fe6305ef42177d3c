/* measure.h: times as medians of repeats. */
#ifndef WEFT_DEMOS_MEASURE_H
#define WEFT_DEMOS_MEASURE_H

#include <stddef.h>

typedef struct timing {
    double median, low, high; /* seconds; low and high are the quartiles */
} timing;

enum { MOST_JOBS = 8 };

typedef struct job {
    void (*run)(void *context);
    void *context;
} job;

/* Times jobs in turn, so that a busy moment of the machine hits all of them alike: at least 9 rounds, at most until `seconds` are over
 * once those are done. Each job runs once beforehand, which touches its memory. Jobs much shorter than a clock tick repeat inside. */
void measure(const job *jobs, size_t n, double seconds, timing *result);

#endif

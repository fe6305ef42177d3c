/* measure.h: times as medians of repeats. */
#ifndef WEFT_DEMOS_MEASURE_H
#define WEFT_DEMOS_MEASURE_H

#include <stddef.h>

enum { MOST_JOBS = 16, MOST_ROUNDS = 401, FEWEST_ROUNDS = 9 };

typedef struct timing {
    double median, low, high; /* seconds; low and high are the quartiles */
    size_t rounds;
    double sample[MOST_ROUNDS]; /* of each round, in the order of the rounds */
} timing;

typedef struct job {
    void (*run)(void *context); /* NULL: the context is a self_timed */
    void *context;
} job;

/* Work that happens elsewhere, where it is timed as well: seconds() of so many runs. */
typedef struct self_timed {
    double (*seconds)(void *context, size_t repeats);
    void *context;
} self_timed;

typedef struct pace {
    double seconds; /* no further round begins once these are over, after FEWEST_ROUNDS */
    size_t rounds;  /* not 0: exactly these, whatever the seconds */
} pace;

/* Times jobs in turn, so that a busy moment of the machine hits all of them alike. Each job runs twice beforehand, which touches its memory.
 * Jobs much shorter than a clock tick repeat inside. */
void measure(const job *jobs, size_t n, pace p, timing *result);

/* Quartiles of any samples, at most MOST_ROUNDS; they stay as they are. */
timing timing_of(const double *sample, size_t n);

/* How many times as long a takes as b, both of one measure(): the median over the rounds of each round's ratio, which a change of the machine's
 * pace between rounds does not move. */
double timing_ratio(const timing *a, const timing *b);

#endif

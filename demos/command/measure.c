/* measure.c: see measure.h. */
#include "measure.h"
#include "terminal.h"

#include <stdlib.h>
#include <string.h>

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double time_of(const job *j, size_t repeats)
{
    const self_timed *elsewhere = j->context;
    if (!j->run)
        return elsewhere->seconds(elsewhere->context, repeats) / (double)repeats;
    double start = seconds_now();
    for (size_t i = 0; i < repeats; i++)
        j->run(j->context);
    return (seconds_now() - start) / (double)repeats;
}

/* Fills in the quartiles of the samples. */
static void summarise(timing *t)
{
    double sorted[MOST_ROUNDS];
    memcpy(sorted, t->sample, t->rounds * sizeof *sorted);
    qsort(sorted, t->rounds, sizeof *sorted, by_size);
    t->median = sorted[t->rounds / 2];
    t->low = sorted[t->rounds / 4];
    t->high = sorted[t->rounds - 1 - t->rounds / 4];
}

timing timing_of(const double *sample, size_t n)
{
    timing t = {.rounds = n};
    memcpy(t.sample, sample, n * sizeof *sample);
    summarise(&t);
    return t;
}

double timing_ratio(const timing *a, const timing *b)
{
    timing t = {.rounds = a->rounds};
    for (size_t i = 0; i < t.rounds; i++)
        t.sample[i] = a->sample[i] / b->sample[i];
    summarise(&t);
    return t.median;
}

void measure(const job *jobs, size_t n, pace p, timing *result)
{
    size_t repeats[MOST_JOBS], rounds = 0, most = p.rounds && p.rounds < MOST_ROUNDS ? p.rounds : MOST_ROUNDS;
    size_t fewest = p.rounds ? most : FEWEST_ROUNDS;
    for (size_t k = 0; k < n; k++) {
        time_of(&jobs[k], 1);
        double once = time_of(&jobs[k], 1);
        repeats[k] = once > 50e-6 ? 1 : (size_t)(50e-6 / (once > 1e-8 ? once : 1e-8)) + 1;
    }
    for (double start = seconds_now(); rounds < most && (rounds < fewest || seconds_now() - start < p.seconds); rounds++)
        for (size_t k = 0; k < n; k++)
            result[k].sample[rounds] = time_of(&jobs[k], repeats[k]);
    for (size_t k = 0; k < n; k++) {
        result[k].rounds = rounds;
        summarise(&result[k]);
    }
}

/* measure.c: see measure.h. */
#include "measure.h"
#include "terminal.h"

#include <stdlib.h>

enum { MOST_ROUNDS = 401, FEWEST_ROUNDS = 9 };

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double time_of(const job *j, size_t repeats)
{
    double start = seconds_now();
    for (size_t i = 0; i < repeats; i++)
        j->run(j->context);
    return (seconds_now() - start) / (double)repeats;
}

void measure(const job *jobs, size_t n, double seconds, timing *result)
{
    static double sample[MOST_JOBS][MOST_ROUNDS];
    size_t repeats[MOST_JOBS], rounds = 0;
    for (size_t k = 0; k < n; k++) {
        time_of(&jobs[k], 1);
        double once = time_of(&jobs[k], 1);
        repeats[k] = once > 50e-6 ? 1 : (size_t)(50e-6 / (once > 1e-8 ? once : 1e-8)) + 1;
    }
    for (double start = seconds_now(); rounds < MOST_ROUNDS && (rounds < FEWEST_ROUNDS || seconds_now() - start < seconds); rounds++)
        for (size_t k = 0; k < n; k++)
            sample[k][rounds] = time_of(&jobs[k], repeats[k]);
    for (size_t k = 0; k < n; k++) {
        qsort(sample[k], rounds, sizeof sample[k][0], by_size);
        result[k] = (timing){sample[k][rounds / 2], sample[k][rounds / 4], sample[k][rounds - 1 - rounds / 4]};
    }
}

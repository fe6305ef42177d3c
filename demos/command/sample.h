/* sample.h: random numbers that are the same everywhere, and the digits. */
#ifndef WEFT_DEMOS_SAMPLE_H
#define WEFT_DEMOS_SAMPLE_H

#include "weft.h"

typedef struct generator {
    uint64_t state;
} generator;

uint64_t next_bits(generator *g);
double next_uniform(generator *g); /* [0, 1) */
double next_normal(generator *g);
void shuffle(generator *g, int64_t *x, size_t n);

enum { DIGIT_SIDE = 8, DIGIT_PIXELS = 64, DIGIT_CLASSES = 10, DIGITS_TO_TRAIN = 1500, COPIES = 128 };

typedef struct digits {
    size_t count;   /* 1797: the first DIGITS_TO_TRAIN are to train on, the others to test */
    size_t rows;    /* count, and behind them whatever digits_distort() made */
    float *x;       /* (rows, 64), 0 to 1 */
    int64_t *label; /* (rows) */
} digits;

/* Reads digits_x.npy and digits_y.npy from a folder; NULL: the one beside the sources. Says on stderr what is wrong. */
bool digits_load(const char *folder, digits *d);
void digits_free(digits *d);

/* Adds COPIES distorted copies of each digit to train on; false when out of memory, as stderr says. Copy k of digit i is row
 * digit_copy(d, i, k). */
bool digits_distort(digits *d, uint64_t seed);
int64_t digit_copy(const digits *d, int64_t i, int k);

#endif

/* sample.c: see sample.h. The generator is splitmix64 (Steele, Lea and Flood, 2014); normals by Box and Muller. */
#include "sample.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

uint64_t next_bits(generator *g)
{
    uint64_t z = (g->state += 0x9e3779b97f4a7c15u);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

double next_uniform(generator *g)
{
    return (double)(next_bits(g) >> 11) * 0x1p-53;
}

double next_normal(generator *g)
{
    double u = 1 - next_uniform(g), v = next_uniform(g);
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

void shuffle(generator *g, int64_t *x, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t j = (size_t)(next_bits(g) % i);
        int64_t swap = x[i - 1];
        x[i - 1] = x[j];
        x[j] = swap;
    }
}

static bool read_array(const char *folder, const char *name, weft_dtype dtype, int rank, weft_array *array)
{
    char path[4096], message[WEFT_MESSAGE_SIZE];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (weft_npy_read(path, array, message) != WEFT_OK) {
        fprintf(stderr, "weft: %s\n", message);
        return false;
    }
    if (array->dtype != dtype || array->shape.rank != rank) {
        fprintf(stderr, "weft: %s: expected %s of rank %d\n", path, weft_dtype_name(dtype), rank);
        weft_array_free(array);
        return false;
    }
    return true;
}

int64_t digit_row(const digits *d, int64_t i, int shift)
{
    return shift ? (int64_t)d->count + (shift - 1) * DIGITS_TO_TRAIN + i : i;
}

/* A digit turned, scaled, slanted and moved at random, by a little, sampled between the pixels. */
static void distort(const float *from, generator *g, float *to)
{
    double turn = 0.2 * next_normal(g), scale = 1 + 0.15 * next_normal(g), slant = 0.2 * next_normal(g);
    double dx = 0.3 * next_normal(g), dy = 0.3 * next_normal(g), middle = (DIGIT_SIDE - 1) / 2.0;
    for (int r = 0; r < DIGIT_SIDE; r++)
        for (int c = 0; c < DIGIT_SIDE; c++) {
            double u = (c - middle) * scale, v = (r - middle) * scale;
            double x = cos(turn) * u - sin(turn) * v + slant * v + middle + dx, y = sin(turn) * u + cos(turn) * v + middle + dy, sum = 0;
            int left = (int)floor(x), top = (int)floor(y);
            for (int i = top; i <= top + 1; i++)
                for (int j = left; j <= left + 1; j++)
                    if (i >= 0 && i < DIGIT_SIDE && j >= 0 && j < DIGIT_SIDE)
                        sum += (double)from[i * DIGIT_SIDE + j] * (1 - fabs(y - i)) * (1 - fabs(x - j));
            to[r * DIGIT_SIDE + c] = (float)(sum / 16);
        }
}

static bool expand(digits *d, const weft_array *x, const weft_array *label)
{
    generator g = {1};
    d->count = x->shape.dim[0];
    d->rows = d->count + (SHIFTS - 1) * DIGITS_TO_TRAIN;
    d->x = malloc(d->rows * DIGIT_PIXELS * sizeof *d->x);
    d->label = malloc(d->rows * sizeof *d->label);
    if (!d->x || !d->label) {
        fprintf(stderr, "weft: out of memory\n");
        digits_free(d);
        return false;
    }
    for (size_t i = 0; i < d->count; i++)
        for (int s = 0; s < (i < DIGITS_TO_TRAIN ? SHIFTS : 1); s++) {
            int64_t row = digit_row(d, (int64_t)i, s);
            const float *from = (const float *)x->data + i * DIGIT_PIXELS; float *to = d->x + row * DIGIT_PIXELS;
            if (s) distort(from, &g, to); else for (int k = 0; k < 64; k++) to[k] = from[k] / 16;
            d->label[row] = ((const int64_t *)label->data)[i];
        }
    return true;
}

bool digits_load(const char *folder, digits *d)
{
    weft_array x = {0}, label = {0};
    *d = (digits){0};
    if (!folder)
        folder = WEFT_DATA;
    bool good = read_array(folder, "digits_x.npy", WEFT_F32, 2, &x) && read_array(folder, "digits_y.npy", WEFT_I64, 1, &label);
    if (good && (x.shape.dim[0] != label.shape.dim[0] || x.shape.dim[1] != DIGIT_PIXELS || x.shape.dim[0] <= DIGITS_TO_TRAIN)) {
        fprintf(stderr, "weft: %s: the digits must be (N, %d) with N labels, N above %d\n", folder, DIGIT_PIXELS, DIGITS_TO_TRAIN);
        good = false;
    }
    if (!good) {
        weft_array_free(&x);
        weft_array_free(&label);
        return false;
    }
    good = expand(d, &x, &label);
    weft_array_free(&x);
    weft_array_free(&label);
    return good;
}

void digits_free(digits *d)
{
    free(d->x);
    free(d->label);
    *d = (digits){0};
}

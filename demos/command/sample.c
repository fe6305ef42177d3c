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
    *d = (digits){.count = x.shape.dim[0], .rows = x.shape.dim[0], .x = x.data, .label = label.data};
    for (size_t i = 0; i < d->count * DIGIT_PIXELS; i++)
        d->x[i] /= 16;
    return true;
}

void digits_free(digits *d)
{
    free(d->x);
    free(d->label);
    *d = (digits){0};
}

/* --- distorted copies --- */

enum { GRID = 4 };

/* How far each pixel is fetched from: a turn and a shift of the whole, and bends between the points of a coarse grid. */
typedef struct warp {
    double turn, dx, dy, bend[2][GRID][GRID];
} warp;

static warp draw_warp(generator *g)
{
    warp w = {.turn = 0.25 * next_normal(g), .dx = 0.3 * next_normal(g), .dy = 0.3 * next_normal(g)};
    for (int axis = 0; axis < 2; axis++)
        for (int i = 0; i < GRID; i++)
            for (int j = 0; j < GRID; j++)
                w.bend[axis][i][j] = 0.45 * next_normal(g);
    return w;
}

/* Between the four neighbours of (row, column); outside the values are 0. */
static double between(const double *value, int side, double row, double column)
{
    int top = (int)floor(row), left = (int)floor(column);
    double sum = 0;
    for (int i = top; i <= top + 1; i++)
        for (int j = left; j <= left + 1; j++)
            if (i >= 0 && i < side && j >= 0 && j < side)
                sum += value[i * side + j] * (1 - fabs(row - i)) * (1 - fabs(column - j));
    return sum;
}

/* A digit turned, moved and bent, its strokes made bolder or fainter, and a little noise on it. */
static void distort(const float *from, generator *g, float *to)
{
    double pixel[DIGIT_PIXELS], middle = (DIGIT_SIDE - 1) / 2.0, power = exp(0.4 * next_normal(g));
    warp w = draw_warp(g);
    for (int k = 0; k < DIGIT_PIXELS; k++)
        pixel[k] = (double)from[k];
    for (int r = 0; r < DIGIT_SIDE; r++)
        for (int c = 0; c < DIGIT_SIDE; c++) {
            double grid_r = r * (GRID - 1.0) / (DIGIT_SIDE - 1), grid_c = c * (GRID - 1.0) / (DIGIT_SIDE - 1), u = c - middle, v = r - middle;
            double column = cos(w.turn) * u - sin(w.turn) * v + middle + w.dx + between(&w.bend[0][0][0], GRID, grid_r, grid_c);
            double row = sin(w.turn) * u + cos(w.turn) * v + middle + w.dy + between(&w.bend[1][0][0], GRID, grid_r, grid_c);
            double ink = pow(between(pixel, DIGIT_SIDE, row, column), power) + 0.35 * (next_uniform(g) - 0.5);
            *to++ = (float)fmin(1, fmax(0, ink));
        }
}

int64_t digit_copy(const digits *d, int64_t i, int k)
{
    return (int64_t)d->count + k * DIGITS_TO_TRAIN + i;
}

bool digits_distort(digits *d, uint64_t seed)
{
    generator g = {seed};
    size_t rows = d->count + COPIES * DIGITS_TO_TRAIN;
    float *x = realloc(d->x, rows * DIGIT_PIXELS * sizeof *x);
    if (x)
        d->x = x;
    int64_t *label = x ? realloc(d->label, rows * sizeof *label) : NULL;
    if (!label) {
        fprintf(stderr, "weft: out of memory\n");
        return false;
    }
    d->label = label;
    d->rows = rows;
    for (int k = 0; k < COPIES; k++)
        for (int64_t i = 0; i < DIGITS_TO_TRAIN; i++) {
            int64_t row = digit_copy(d, i, k);
            distort(d->x + i * DIGIT_PIXELS, &g, d->x + row * DIGIT_PIXELS);
            d->label[row] = d->label[i];
        }
    return true;
}

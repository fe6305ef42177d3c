/* emitted.c: what emitted code is judged by.
 *     emitted draw FUNCTION f32|f64 N D FILE     random inputs for tests/emitted_driver.c
 *     emitted judge FUNCTION f32|f64 N D IN OUT  OUT against the tile interpreter on IN
 * Exits 1 when they differ by more than rounding, 2 when it cannot tell.
 *
 * Both compute the same expressions and add up in double, in other orders. For f32 that moves a sum by some N units of 2**-53, which is seen
 * only where it tips a rounding to f32: of a result, or of an array stored in between, which then counts with its factor. So 8 units of
 * 2**-24 of the largest entry of an array are allowed. For f64 the order of the sums is all there is: its error grows with the number of
 * terms, at most as (N + D) * 2**-53 of the sum of their sizes, and 4 times that is allowed for what is computed from sums. */
#include "engine/weft_op.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct problem {
    const char *name;
    weft_dtype dtype;
    size_t n, d, length_y, bytes; /* bytes: of one number */
} problem;

static double next_normal(uint64_t *state)
{
    double u[2];
    for (int k = 0; k < 2; k++) {
        *state = *state * 6364136223846793005u + 1442695040888963407u; /* Knuth's MMIX */
        u[k] = ((double)(*state >> 11) + 0.5) * 0x1p-53;
    }
    return sqrt(-2 * log(u[0])) * cos(6.283185307179586 * u[1]);
}

static int draw(const problem *p, const char *path)
{
    FILE *file = fopen(path, "wb");
    uint64_t state = 17;
    size_t count = p->n * p->d + 2 * p->d + p->length_y;
    for (size_t i = 0; file && i < count; i++) {
        double x = next_normal(&state) + (i < p->n * p->d ? 3 : 0); /* a mean that is not 0 */
        float narrow = (float)x;
        fwrite(p->dtype == WEFT_F32 ? (const void *)&narrow : (const void *)&x, p->bytes, 1, file);
    }
    return file && fclose(file) == 0 ? 0 : 2;
}

static weft_node build(const problem *p, const weft_node *x, size_t *n)
{
    *n = 1;
    if (!strcmp(p->name, "softmax"))
        return weft_softmax(x[0], -1);
    if (!strcmp(p->name, "log_softmax"))
        return weft_log_softmax(x[0], -1);
    if (!strcmp(p->name, "logsumexp"))
        return weft_logsumexp(x[0], WEFT_AXIS(1), false);
    if (!strcmp(p->name, "std"))
        return weft_std(x[0], WEFT_AXIS(0), false, 1);
    if (!strcmp(p->name, "l2_normalize"))
        return weft_l2_normalize(x[0], -1, 1e-5);
    if (!strcmp(p->name, "mean"))
        return weft_mean(x[0], WEFT_AXIS(0), false);
    if (!strcmp(p->name, "variance"))
        return weft_variance(x[0], WEFT_AXIS(0), false);
    *n = 2;
    if (!strcmp(p->name, "rmsnorm"))
        return weft_rmsnorm(x[0], x[1], 1e-5);
    *n = 3;
    return !strcmp(p->name, "layernorm") ? weft_layernorm(x[0], x[1], x[2], 1e-5) : weft_batchnorm(x[0], x[1], x[2], 1e-5);
}

static void *read_whole(const char *path, size_t bytes)
{
    FILE *file = fopen(path, "rb");
    void *read = malloc(bytes + 1);
    bool good = file && read && fread(read, 1, bytes + 1, file) == bytes;
    if (file)
        fclose(file);
    if (good)
        return read;
    fprintf(stderr, "emitted: %s is not of %zu bytes\n", path, bytes);
    free(read);
    return NULL;
}

static double at(const problem *p, const void *data, size_t i)
{
    return p->dtype == WEFT_F32 ? (double)((const float *)data)[i] : ((const double *)data)[i];
}

static bool agree(const problem *p, const char *what, const void *emitted, const void *expected, size_t n)
{
    double largest = 0, worst = 0;
    double allowed = p->dtype == WEFT_F32 ? 8 * 0x1p-24 : 4 * (double)(p->n + p->d) * 0x1p-53;
    bool finite = true;
    for (size_t i = 0; i < n; i++) {
        largest = fmax(largest, fabs(at(p, expected, i)));
        worst = fmax(worst, fabs(at(p, emitted, i) - at(p, expected, i)));
        finite &= isfinite(at(p, emitted, i)) != 0;
    }
    bool good = finite && worst <= allowed * largest;
    if (!good)
        printf("%s of %s (%zu, %zu) %s: off by %g, %.3g of what is allowed\n", what, p->name, p->n, p->d, weft_dtype_name(p->dtype), worst,
               worst / (allowed * largest));
    return good;
}

static int judge(const problem *p, const char *in_path, const char *out_path)
{
    size_t whole = p->n * p->d * p->bytes, row = p->d * p->bytes, y_bytes = p->length_y * p->bytes, n, dim[] = {p->n, p->d};
    char *in = read_whole(in_path, whole + 2 * row + y_bytes), *out = read_whole(out_path, whole + 2 * row + y_bytes);
    if (!in || !out)
        return 2;
    weft_tape *t = weft_tape_new(NULL);
    weft_node x[] = {weft_input(t, "x", p->dtype, 2, dim), weft_input(t, "gamma", p->dtype, 1, dim + 1), weft_input(t, "beta", p->dtype, 1, dim + 1)};
    weft_node outputs[4] = {build(p, x, &n)};
    weft_shape shape = weft_node_shape(outputs[0]);
    weft_node dy = weft_input(t, "dy", p->dtype, shape.rank, shape.dim);
    weft_vjp(outputs, &dy, 1, x, n, outputs + 1);
    weft_program *program = weft_compile(outputs, n + 1);
    weft_bind(program, x[0], in, whole);
    weft_bind(program, x[1], in + whole, row);
    weft_bind(program, x[2], in + whole + row, row);
    weft_bind(program, dy, in + whole + 2 * row, y_bytes);
    if (weft_run(program) != WEFT_OK) {
        fprintf(stderr, "emitted: %s\n", weft_program_message(program));
        return 2;
    }
    bool good = agree(p, "value", out, weft_output(program, 0), p->length_y);
    good &= agree(p, "dx", out + y_bytes, weft_output(program, 1), p->n * p->d);
    good &= n < 2 || agree(p, "dgamma", out + y_bytes + whole, weft_output(program, 2), p->d);
    good &= n < 3 || agree(p, "dbeta", out + y_bytes + whole + row, weft_output(program, 3), p->d);
    weft_program_free(program);
    weft_tape_free(t);
    free(in);
    free(out);
    return !good;
}

int main(int argc, char **argv)
{
    if (argc < 7)
        return 2;
    problem p = {.name = argv[2], .dtype = !strcmp(argv[3], "f64") ? WEFT_F64 : WEFT_F32};
    p.n = strtoull(argv[4], NULL, 10);
    p.d = strtoull(argv[5], NULL, 10);
    p.bytes = weft_dtype_size(p.dtype);
    bool columns = !strcmp(p.name, "mean") || !strcmp(p.name, "variance") || !strcmp(p.name, "std");
    p.length_y = columns ? p.d : !strcmp(p.name, "logsumexp") ? p.n : p.n * p.d;
    if (!strcmp(argv[1], "draw"))
        return draw(&p, argv[6]);
    return argc == 8 ? judge(&p, argv[6], argv[7]) : 2;
}

/* functions.c: a function on arrays in files, for functions.py.
 *
 *     functions 'softmax(x0, axis=1)' FOLDER          any expression
 *     functions weightnorm FOLDER 0                   a line of the table below, for what expressions cannot call, and its numbers
 *     functions adam FOLDER 0.1                       a line of the table of steps.c
 *
 * reads FOLDER/x0.npy, x1.npy, ... and w.npy, of the result's shape; writes y.npy, and for each x of floats dx0.npy, ...: the gradient of sum(w*y). */
#include "tests/peers/functions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static weft_node weightnorm(const weft_node *x, const double *number)
{
    return weft_weightnorm(x[0], x[1], (int)number[0]);
}

/* Both clipped gradients, and the norm, one behind the other. */
static weft_node clip_by_norm(const weft_node *x, const double *number)
{
    weft_node clipped[3], flat[3];
    clipped[2] = weft_clip_by_norm(x, 2, number[0], clipped);
    for (int i = 0; i < 3; i++) {
        weft_shape shape = weft_node_shape(clipped[i]);
        flat[i] = weft_reshape(clipped[i], 1, (size_t[]){weft_shape_count(&shape)});
    }
    return weft_concat(flat, 3, 0);
}

/* (N, D) by an affine map, normalized by running statistics, as one affine map. x, w, b, gamma, beta, mean, variance. */
static weft_node batchnorm_folded(const weft_node *x, const double *number)
{
    weft_node folded[2];
    weft_batchnorm_options o = {.axis = 1, .mode = WEFT_BATCHNORM_EVALUATION, .eps = number[0], .gamma = x[3], .beta = x[4], .running_mean = x[5],
                                .running_variance = x[6]};
    weft_batchnorm_fold(x[1], x[2], &o, folded);
    return weft_affine(x[0], folded[0], folded[1]);
}

static const struct {
    const char *name;
    weft_node (*build)(const weft_node *x, const double *number);
} functions[] = {
    {"weightnorm", weightnorm},
    {"clip_by_norm", clip_by_norm},
    {"batchnorm_folded", batchnorm_folded},
};

enum { FUNCTIONS = sizeof functions / sizeof *functions };

bool job_fail(const char *what, const char *message)
{
    fprintf(stderr, "functions: %.100s: %s\n", what, message);
    return false;
}

static void path_of(const job *j, const char *name, char path[512])
{
    snprintf(path, 512, "%s/%s.npy", j->folder, name);
}

bool job_write(const job *j, const char *name, weft_node of, const void *data)
{
    char path[512], message[WEFT_MESSAGE_SIZE];
    weft_array y = {.dtype = weft_node_dtype(of), .shape = weft_node_shape(of), .data = (void *)(uintptr_t)data};
    y.bytes = weft_shape_count(&y.shape) * weft_dtype_size(y.dtype);
    path_of(j, name, path);
    return weft_npy_write(path, &y, message) == WEFT_OK || job_fail(path, message);
}

bool job_write_output(const job *j, const char *name, const weft_node *outputs, size_t k, const weft_program *p)
{
    return job_write(j, name, outputs[k], weft_output(p, k));
}

weft_node job_input(const job *j, int i)
{
    char name[16];
    snprintf(name, sizeof name, "x%d", i);
    return weft_input(j->tape, name, j->memory[i].dtype, j->memory[i].shape.rank, j->memory[i].shape.dim);
}

static bool read_arrays(job *j)
{
    char path[512], name[16], message[WEFT_MESSAGE_SIZE];
    weft_status status = WEFT_OK;
    while (j->n < MOST_INPUTS && status == WEFT_OK) {
        snprintf(name, sizeof name, "x%d", j->n);
        path_of(j, name, path);
        status = weft_npy_read(path, &j->memory[j->n], message);
        j->n += status == WEFT_OK;
    }
    if (status != WEFT_OK && status != WEFT_ERROR_FILE) /* that of the first which is not there */
        return job_fail(path, message);
    path_of(j, "w", path);
    return weft_npy_read(path, &j->cotangent, message) == WEFT_OK || job_fail(path, message);
}

static weft_node record(const job *j, const weft_node *x)
{
    weft_binding_name names[MOST_INPUTS];
    char message[WEFT_MESSAGE_SIZE];
    weft_node y;
    for (int k = 0; k < FUNCTIONS; k++)
        if (!strcmp(functions[k].name, j->what))
            return functions[k].build(x, j->number);
    for (int i = 0; i < j->n; i++)
        names[i] = (weft_binding_name){weft_node_name(x[i]), x[i]};
    if (weft_parse(j->tape, j->what, names, (size_t)j->n, &y, message) != WEFT_OK)
        job_fail(j->what, message);
    return y;
}

static bool run(job *j)
{
    weft_node x[MOST_INPUTS], floats[MOST_INPUTS], out[1 + MOST_INPUTS];
    char name[1 + MOST_INPUTS][16] = {"y"};
    size_t n = 0;
    for (int i = 0; i < j->n; i++) {
        x[i] = job_input(j, i);
        if (j->memory[i].dtype == WEFT_I64)
            continue;
        floats[n++] = x[i];
        snprintf(name[n], sizeof name[n], "dx%d", i);
    }
    weft_node w = weft_input(j->tape, "w", j->cotangent.dtype, j->cotangent.shape.rank, j->cotangent.shape.dim);
    out[0] = record(j, x);
    if (weft_node_failed(out[0]) || weft_vjp(out, &w, 1, floats, n, out + 1) != WEFT_OK)
        return job_fail(j->what, weft_tape_message(j->tape));
    weft_program *p = weft_compile(out, 1 + n);
    bool good = weft_bind(p, w, j->cotangent.data, j->cotangent.bytes) == WEFT_OK;
    for (int i = 0; good && i < j->n; i++)
        good = weft_bind(p, x[i], j->memory[i].data, j->memory[i].bytes) == WEFT_OK;
    good = (good && weft_run(p) == WEFT_OK) || job_fail(j->what, weft_program_message(p));
    for (size_t k = 0; good && k <= n; k++)
        good = job_write_output(j, name[k], out, k, p);
    weft_program_free(p);
    return good;
}

int main(int argc, char **argv)
{
    if (argc < 3 || argc > 7) {
        fprintf(stderr, "usage: %s FUNCTION FOLDER [NUMBER...]\n", argv[0]);
        return 2;
    }
    job j = {.what = argv[1], .folder = argv[2], .tape = weft_tape_new(NULL)};
    for (int i = 3; i < argc; i++)
        j.number[i - 3] = strtod(argv[i], NULL);
    bool good = read_arrays(&j), known = false;
    if (good)
        good = steps_run(&j, &known) || (!known && run(&j));
    for (int i = 0; i < MOST_INPUTS; i++)
        weft_array_free(&j.memory[i]);
    weft_array_free(&j.cotangent);
    weft_tape_free(j.tape);
    return !good;
}

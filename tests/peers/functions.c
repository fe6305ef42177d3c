/* functions.c: one call of a staged or fused function, on arrays in files, for functions.py.
 *
 *     functions batchnorm FOLDER 1e-5 0       eps or the like, and an axis; a function that has none takes no notice
 *
 * reads FOLDER/x0.npy, x1.npy, ... and w.npy, of the result's shape; writes y.npy, and for each x of floats dx0.npy, ...: the gradient of sum(w*y).
 * A function is a line of the table below. */
#include "weft.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_INPUTS = 4 };

static weft_node batchnorm(const weft_node *x, double eps, int axis)
{
    (void)axis;
    return weft_batchnorm(x[0], x[1], x[2], eps);
}

static weft_node fused_batchnorm(const weft_node *x, double eps, int axis)
{
    (void)axis;
    return weft_fused_batchnorm(x[0], x[1], x[2], eps);
}

static weft_node batchnorm_relu(const weft_node *x, double eps, int axis)
{
    return weft_relu(batchnorm(x, eps, axis));
}

static weft_node fused_batchnorm_relu(const weft_node *x, double eps, int axis)
{
    (void)axis;
    return weft_fused_batchnorm_relu(x[0], x[1], x[2], eps);
}

static weft_node layernorm(const weft_node *x, double eps, int axis)
{
    (void)axis;
    return weft_layernorm(x[0], x[1], x[2], eps);
}

static weft_node rmsnorm(const weft_node *x, double eps, int axis)
{
    (void)axis;
    return weft_rmsnorm(x[0], x[1], eps);
}

static weft_node l2_normalize(const weft_node *x, double eps, int axis)
{
    return weft_l2_normalize(x[0], axis, eps);
}

static weft_node softmax(const weft_node *x, double number, int axis)
{
    (void)number;
    return weft_softmax(x[0], axis);
}

static weft_node softmax_cross_entropy(const weft_node *x, double number, int axis)
{
    (void)number, (void)axis;
    return weft_softmax_cross_entropy(x[0], x[1]);
}

static weft_node mean(const weft_node *x, double number, int axis)
{
    (void)number;
    return weft_mean(x[0], WEFT_AXIS(axis), false);
}

static weft_node variance(const weft_node *x, double number, int axis)
{
    (void)number;
    return weft_variance(x[0], WEFT_AXIS(axis), false);
}

static weft_node affine(const weft_node *x, double number, int axis)
{
    (void)number, (void)axis;
    return weft_affine(x[0], x[1], x[2]);
}

static const struct {
    const char *name;
    int inputs;
    weft_node (*build)(const weft_node *x, double number, int axis);
} functions[] = {
    {"batchnorm", 3, batchnorm},
    {"fused_batchnorm", 3, fused_batchnorm},
    {"batchnorm_relu", 3, batchnorm_relu},
    {"fused_batchnorm_relu", 3, fused_batchnorm_relu},
    {"layernorm", 3, layernorm},
    {"rmsnorm", 2, rmsnorm},
    {"l2_normalize", 1, l2_normalize},
    {"softmax", 1, softmax},
    {"softmax_cross_entropy", 2, softmax_cross_entropy},
    {"mean", 1, mean},
    {"variance", 1, variance},
    {"affine", 3, affine},
};

typedef struct job {
    const char *folder;
    weft_tape *tape;
    int n;
    weft_node x[MOST_INPUTS], w, out[1 + MOST_INPUTS];
    size_t n_out;
    char name[1 + MOST_INPUTS][16];        /* of the files that out goes to */
    weft_array memory[1 + MOST_INPUTS];    /* of w, and of each x */
} job;

static bool fail(const char *what, const char *message)
{
    fprintf(stderr, "functions: %s: %s\n", what, message);
    return false;
}

static void path_of(const job *j, const char *name, char *path, size_t size)
{
    snprintf(path, size, "%s/%s.npy", j->folder, name);
}

static bool read_input(job *j, const char *name, weft_node *input, weft_array *memory)
{
    char path[512], message[WEFT_MESSAGE_SIZE];
    path_of(j, name, path, sizeof path);
    if (weft_npy_read(path, memory, message) != WEFT_OK)
        return fail(path, message);
    *input = weft_input(j->tape, name, memory->dtype, memory->shape.rank, memory->shape.dim);
    return true;
}

static bool read_inputs(job *j)
{
    bool good = read_input(j, "w", &j->w, &j->memory[0]);
    for (int i = 0; good && i < j->n; i++) {
        char name[16];
        snprintf(name, sizeof name, "x%d", i);
        good = read_input(j, name, &j->x[i], &j->memory[1 + i]);
    }
    return good;
}

static bool record_gradients(job *j)
{
    weft_node x[MOST_INPUTS];
    size_t n = 0;
    for (int i = 0; i < j->n; i++)
        if (weft_node_dtype(j->x[i]) != WEFT_I64) {
            snprintf(j->name[1 + n], sizeof j->name[0], "dx%d", i);
            x[n++] = j->x[i];
        }
    snprintf(j->name[0], sizeof j->name[0], "y");
    j->n_out = 1 + n;
    return weft_vjp(j->out, &j->w, 1, x, n, j->out + 1) == WEFT_OK;
}

static bool bind(const job *j, weft_program *p)
{
    bool good = weft_bind(p, j->w, j->memory[0].data, j->memory[0].bytes) == WEFT_OK;
    for (int i = 0; good && i < j->n; i++)
        good = weft_bind(p, j->x[i], j->memory[1 + i].data, j->memory[1 + i].bytes) == WEFT_OK;
    return good;
}

static bool write_outputs(const job *j, const weft_program *p)
{
    for (size_t k = 0; k < j->n_out; k++) {
        char path[512], message[WEFT_MESSAGE_SIZE];
        weft_array y = {.dtype = weft_node_dtype(j->out[k]), .shape = weft_node_shape(j->out[k])};
        y.data = (void *)(uintptr_t)weft_output(p, k);
        y.bytes = weft_shape_count(&y.shape) * weft_dtype_size(y.dtype);
        path_of(j, j->name[k], path, sizeof path);
        if (weft_npy_write(path, &y, message) != WEFT_OK)
            return fail(path, message);
    }
    return true;
}

static bool run(job *j)
{
    if (!record_gradients(j))
        return fail("recording", weft_tape_message(j->tape));
    weft_program *p = weft_compile(j->out, j->n_out);
    bool good = bind(j, p) && weft_run(p) == WEFT_OK ? write_outputs(j, p) : fail("running", weft_program_message(p));
    weft_program_free(p);
    return good;
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: %s FUNCTION FOLDER NUMBER AXIS\n", argv[0]);
        return 2;
    }
    size_t k = 0;
    while (k < sizeof functions / sizeof *functions && strcmp(functions[k].name, argv[1]))
        k++;
    if (k == sizeof functions / sizeof *functions) {
        fprintf(stderr, "functions: there is no %s in the table of tests/peers/functions.c\n", argv[1]);
        return 2;
    }
    job j = {.folder = argv[2], .tape = weft_tape_new(NULL), .n = functions[k].inputs};
    bool good = read_inputs(&j);
    if (good) {
        j.out[0] = functions[k].build(j.x, strtod(argv[3], NULL), (int)strtol(argv[4], NULL, 10));
        good = run(&j);
    }
    for (int i = 0; i <= j.n; i++)
        weft_array_free(&j.memory[i]);
    weft_tape_free(j.tape);
    return !good;
}

/* network.c: see network.h. The step gathers its rows inside the graph, so a run binds an index and moves no data. The learning rate stays
 * as it is; instead of letting it fall, the judge takes an average of the weights, over all steps and later over the latest few thousand,
 * which the same program keeps (Polyak and Juditsky, 1992). It normalises with mean and variance of all the training rows, as Ioffe and
 * Szegedy's algorithm 2 has it. */
#include "network.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

const char *const norm_name[NORMS] = {"none", "staged", "fused"};

static const double eps = 1e-5, momentum = 0.9, decay = 1e-4, averaging = 2e-4;

enum { ASSIGNMENTS = 3 }; /* of a parameter: its velocity, itself, its average; and one of the number of steps */

static bool report(const char *what, weft_status status, const char *message)
{
    if (status != WEFT_OK)
        fprintf(stderr, "weft: %s: %s\n", what, message);
    return status == WEFT_OK;
}

static weft_node matrix(weft_tape *t, const char *name, size_t rows, size_t columns)
{
    return weft_parameter(t, name, WEFT_F32, 2, (size_t[]){rows, columns});
}

static weft_node vector(weft_tape *t, const char *name, size_t n)
{
    return weft_parameter(t, name, WEFT_F32, 1, &n);
}

static void make_parameters(network *n)
{
    weft_tape *t = n->tape;
    int k = 0;
    n->w[k++] = matrix(t, "w1", DIGIT_PIXELS, HIDDEN);
    n->w[k++] = vector(t, "b1", HIDDEN);
    if (n->kind != NORM_NONE) {
        n->w[k++] = vector(t, "gamma", HIDDEN);
        n->w[k++] = vector(t, "beta", HIDDEN);
    }
    n->w[k++] = matrix(t, "w2", HIDDEN, DIGIT_CLASSES);
    n->w[k++] = vector(t, "b2", DIGIT_CLASSES);
    n->n_parameters = k;
}

static weft_node head(const network *n, weft_node hidden)
{
    return weft_affine(hidden, n->w[n->n_parameters - 2], n->w[n->n_parameters - 1]);
}

static weft_node twin_of(const network *n, int i, const char *role)
{
    weft_shape shape = weft_node_shape(n->w[i]);
    char name[32];
    snprintf(name, sizeof name, "%s_%s", role, weft_node_name(n->w[i]));
    return weft_parameter(n->tape, name, WEFT_F32, shape.rank, shape.dim);
}

/* Momentum, with weight decay on the matrices, and the running average. */
static void record_update(network *n, int i, weft_node gradient, weft_node share, weft_node *outputs)
{
    weft_node velocity = twin_of(n, i, "velocity"), w = n->w[i];
    n->average[i] = twin_of(n, i, "average");
    if (weft_node_shape(w).rank == 2)
        gradient = weft_add(gradient, weft_mul(weft_scalar_like(w, decay), w));
    weft_sgd(w, gradient, velocity, weft_scalar_like(w, n->rate), momentum, outputs);
    outputs[2] = weft_assign(n->average[i], weft_add(n->average[i], weft_mul(share, weft_sub(w, n->average[i]))));
}

static weft_node record_step(network *n, weft_node *outputs)
{
    weft_tape *t = n->tape;
    size_t all = n->data->rows, batch = BATCH;
    n->x = weft_input(t, "digits", WEFT_F32, 2, (size_t[]){all, DIGIT_PIXELS});
    n->label = weft_input(t, "label", WEFT_I64, 1, &all);
    n->index = weft_input(t, "index", WEFT_I64, 1, &batch);
    weft_node h = weft_name(weft_affine(weft_gather(n->x, n->index), n->w[0], n->w[1]), "h");
    if (n->kind == NORM_FUSED)
        h = weft_fused_batchnorm_relu(h, n->w[2], n->w[3], eps);
    else
        h = weft_relu(n->kind == NORM_STAGED ? weft_batchnorm(h, n->w[2], n->w[3], eps) : h);
    weft_node loss = weft_softmax_cross_entropy(head(n, h), weft_gather(n->label, n->index));
    weft_node gradient[PARAMETERS];
    weft_grad(loss, n->w, (size_t)n->n_parameters, gradient);
    weft_node one = weft_scalar(t, WEFT_F32, 1), steps = weft_parameter(t, "steps", WEFT_F32, 0, NULL), next = weft_add(steps, one);
    weft_node share = weft_maximum(weft_scalar(t, WEFT_F32, averaging), weft_div(one, next)); /* of this step in the average */
    *outputs++ = weft_assign(steps, next);
    for (int i = 0; i < n->n_parameters; i++)
        record_update(n, i, gradient[i], share, outputs + ASSIGNMENTS * i);
    return loss;
}

static weft_node record_judge(network *n)
{
    weft_tape *t = n->tape;
    size_t held_out = n->data->count - DIGITS_TO_TRAIN;
    n->train_x = weft_input(t, "train_x", WEFT_F32, 2, (size_t[]){DIGITS_TO_TRAIN, DIGIT_PIXELS});
    n->test_x = weft_input(t, "test_x", WEFT_F32, 2, (size_t[]){held_out, DIGIT_PIXELS});
    weft_node h = weft_affine(n->test_x, n->w[0], n->w[1]);
    if (n->kind != NORM_NONE) {
        weft_node all = weft_affine(n->train_x, n->w[0], n->w[1]);
        weft_node mu = weft_mean(all, WEFT_AXIS(0), false), sigma2 = weft_variance(all, WEFT_AXIS(0), false);
        weft_node rstd = weft_pow(weft_add(sigma2, weft_scalar(t, WEFT_F32, eps)), weft_scalar(t, WEFT_F32, -0.5));
        h = weft_add(weft_mul(n->w[2], weft_mul(weft_sub(h, mu), rstd)), n->w[3]);
    }
    return head(n, weft_relu(h));
}

/* Normal weights of variance 2/fan-in, gamma 1, everything else 0. Source: He et al., 2015. */
static bool initialise(network *n, uint64_t seed)
{
    generator g = {seed};
    for (int i = 0; i < n->n_parameters; i++) {
        weft_shape shape = weft_node_shape(n->w[i]);
        size_t count = weft_shape_count(&shape);
        float *value = malloc(count * sizeof *value);
        if (!value)
            return report("memory", WEFT_ERROR_MEMORY, weft_status_text(WEFT_ERROR_MEMORY));
        bool gamma = n->kind != NORM_NONE && i == 2;
        for (size_t k = 0; k < count; k++)
            value[k] = shape.rank == 2 ? (float)(sqrt(2.0 / (double)shape.dim[0]) * next_normal(&g)) : gamma ? 1.0f : 0.0f;
        weft_status status = weft_parameter_write(n->step, n->w[i], value, count * sizeof *value);
        free(value);
        if (!report("parameter", status, weft_program_message(n->step)))
            return false;
    }
    return true;
}

bool network_make(network *n, norm kind, const digits *data, double rate, uint64_t seed, const weft_options *options)
{
    *n = (network){.kind = kind, .data = data, .rate = rate, .tape = weft_tape_new(NULL)};
    weft_node outputs[2 + ASSIGNMENTS * PARAMETERS];
    make_parameters(n);
    outputs[0] = record_step(n, outputs + 1);
    weft_node scores = record_judge(n);
    if (!report("network", weft_tape_status(n->tape), weft_tape_message(n->tape)))
        return false;
    n->step = weft_compile_with(outputs, 2 + ASSIGNMENTS * (size_t)n->n_parameters, options);
    n->judge = weft_compile(&scores, 1);
    if (!report("network", weft_program_status(n->step), weft_program_message(n->step)) ||
        !report("network", weft_program_status(n->judge), weft_program_message(n->judge)))
        return false;
    size_t row = DIGIT_PIXELS * sizeof(float), held_out = data->count - DIGITS_TO_TRAIN;
    weft_bind(n->step, n->x, data->x, data->rows * row);
    weft_bind(n->step, n->label, data->label, data->rows * sizeof(int64_t));
    weft_bind(n->judge, n->train_x, data->x, DIGITS_TO_TRAIN * row);
    weft_bind(n->judge, n->test_x, data->x + DIGITS_TO_TRAIN * DIGIT_PIXELS, held_out * row);
    return initialise(n, seed);
}

void network_free(network *n)
{
    weft_program_free(n->step);
    weft_program_free(n->judge);
    weft_tape_free(n->tape);
}

double network_step(network *n, const int64_t *rows)
{
    weft_bind(n->step, n->index, rows, BATCH * sizeof *rows);
    if (!report("step", weft_run(n->step), weft_program_message(n->step)))
        return NAN;
    return (double)*(const float *)weft_output(n->step, 0);
}

double network_accuracy(network *n)
{
    static float value[DIGIT_PIXELS * HIDDEN];
    for (int i = 0; i < n->n_parameters; i++) {
        weft_shape shape = weft_node_shape(n->w[i]);
        size_t bytes = weft_shape_count(&shape) * sizeof *value;
        weft_parameter_read(n->step, n->average[i], value, bytes);
        weft_parameter_write(n->judge, n->w[i], value, bytes);
    }
    if (!report("accuracy", weft_run(n->judge), weft_program_message(n->judge)))
        return NAN;
    const float *score = weft_output(n->judge, 0);
    size_t held_out = n->data->count - DIGITS_TO_TRAIN, right = 0;
    for (size_t i = 0; i < held_out; i++, score += DIGIT_CLASSES) {
        int best = 0;
        for (int c = 1; c < DIGIT_CLASSES; c++)
            best = score[c] > score[best] ? c : best;
        right += best == n->data->label[DIGITS_TO_TRAIN + i];
    }
    return (double)right / (double)held_out;
}

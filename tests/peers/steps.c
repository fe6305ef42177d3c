/* steps.c: what takes several runs of one program. Batch normalization trains on x0[0], x0[1], ... in turn, and is then evaluated on the last of them;
 * an optimizer is given the gradients x1[0], x1[1], ... of the parameter that begins as x0. */
#include "tests/peers/functions.h"

#include <string.h>

/* x[s] of x (S, ...), as an input that is bound anew each step. */
static weft_node step_input(const job *j, int i)
{
    const weft_shape *shape = &j->memory[i].shape;
    return weft_input(j->tape, "step", j->memory[i].dtype, shape->rank - 1, shape->dim + 1);
}

static bool run_step(const job *j, weft_program *p, weft_node input, int i, size_t s)
{
    size_t bytes = j->memory[i].bytes / j->memory[i].shape.dim[0];
    bool good = weft_bind(p, input, (const char *)j->memory[i].data + s * bytes, bytes) == WEFT_OK && weft_run(p) == WEFT_OK;
    return good || job_fail(j->what, weft_program_message(p));
}

static bool set_parameter(weft_program *p, weft_node parameter, double value)
{
    enum { MOST = 4096 };
    float narrow[MOST];
    double wide[MOST];
    weft_shape shape = weft_node_shape(parameter);
    size_t n = weft_shape_count(&shape);
    for (size_t i = 0; i < n && i < MOST; i++)
        narrow[i] = (float)(wide[i] = value);
    const void *data = weft_node_dtype(parameter) == WEFT_F32 ? (const void *)narrow : wide;
    return n <= MOST && weft_parameter_write(p, parameter, data, n * weft_dtype_size(weft_node_dtype(parameter))) == WEFT_OK;
}

/* x0: h (S, ...); x1, x2: gamma, beta (C). Numbers: the axis of the channels in a step, momentum or -1 for the average of all, 1 for the biased variance. Of
 * the last step y, dh, dgamma and dbeta; then the running statistics, and its evaluation with them. */
static bool batchnorm_steps(const job *j)
{
    enum { Y, DH, DGAMMA, DBETA, MEAN, VARIANCE, BATCHES, OUTPUTS };
    static const char *const names[] = {"y", "dx0", "dx1", "dx2"};
    weft_dtype dtype = j->memory[0].dtype;
    size_t channels = j->memory[1].shape.dim[0], steps = j->memory[0].shape.dim[0], n_updates = 0;
    weft_node h = step_input(j, 0), out[OUTPUTS], updates[3];
    weft_node x[] = {h, job_input(j, 1), job_input(j, 2)};
    weft_node w = weft_input(j->tape, "w", dtype, j->cotangent.shape.rank, j->cotangent.shape.dim);
    weft_batchnorm_options o = {.axis = (int)j->number[0], .eps = 1e-5, .gamma = x[1], .beta = x[2], .biased = j->number[2] != 0,
                                .running_mean = weft_parameter(j->tape, "mean", dtype, 1, &channels),
                                .running_variance = weft_parameter(j->tape, "variance", dtype, 1, &channels)};
    o.cumulative = j->number[1] < 0;
    o.momentum = o.cumulative ? 0 : j->number[1];
    if (o.cumulative)
        o.batches = weft_parameter(j->tape, "batches", dtype, 0, NULL);
    out[Y] = weft_batchnorm_with(h, &o, updates, &n_updates);
    memcpy(out + MEAN, updates, n_updates * sizeof *updates);
    weft_vjp(out, &w, 1, x, 3, out + DH);
    o.mode = WEFT_BATCHNORM_EVALUATION;
    weft_node evaluated[] = {weft_batchnorm_with(h, &o, NULL, NULL)};
    if (weft_tape_status(j->tape) != WEFT_OK)
        return job_fail(j->what, weft_tape_message(j->tape));

    weft_program *train = weft_compile(out, MEAN + n_updates), *evaluate = weft_compile(evaluated, 1);
    bool good = set_parameter(train, o.running_variance, 1) && weft_bind(train, w, j->cotangent.data, j->cotangent.bytes) == WEFT_OK;
    for (int i = 1; good && i < 3; i++)
        good = weft_bind(train, x[i], j->memory[i].data, j->memory[i].bytes) == WEFT_OK &&
               weft_bind(evaluate, x[i], j->memory[i].data, j->memory[i].bytes) == WEFT_OK;
    for (size_t s = 0; good && s < steps; s++)
        good = run_step(j, train, h, 0, s);
    for (size_t k = 0; good && k <= DBETA; k++)
        good = job_write_output(j, names[k], out, k, train);
    double statistics[4096];
    size_t bytes = channels * weft_dtype_size(dtype);
    for (int k = 0; good && k < 2 && bytes <= sizeof statistics; k++) {
        weft_node parameter = k ? o.running_variance : o.running_mean;
        good = weft_parameter_read(train, parameter, statistics, bytes) == WEFT_OK && job_write(j, k ? "variance" : "mean", parameter, statistics) &&
               weft_parameter_write(evaluate, parameter, statistics, bytes) == WEFT_OK;
    }
    good = good && run_step(j, evaluate, h, 0, steps - 1) && job_write_output(j, "evaluated", evaluated, 0, evaluate);
    weft_program_free(train);
    weft_program_free(evaluate);
    return good || job_fail(j->what, "it did not run");
}

/* Numbers: the rate, then momentum or weight decay. */
static bool optimizer_steps(const job *j)
{
    weft_dtype dtype = j->memory[0].dtype;
    const weft_shape *shape = &j->memory[0].shape;
    weft_node w = weft_parameter(j->tape, "w", dtype, shape->rank, shape->dim), dw = step_input(j, 1), state[2], out[4];
    weft_node rate = weft_scalar(j->tape, dtype, j->number[0]), steps = weft_parameter(j->tape, "steps", dtype, 0, NULL);
    weft_node now = weft_add(steps, weft_scalar(j->tape, dtype, 1));
    size_t n = 0;
    for (int k = 0; k < 2; k++)
        state[k] = weft_parameter(j->tape, k ? "v" : "m", dtype, shape->rank, shape->dim);
    if (!strcmp(j->what, "descend"))
        out[n++] = weft_descend(w, dw, rate);
    else if (!strcmp(j->what, "sgd"))
        weft_sgd(w, dw, state[0], rate, j->number[1], out), n = 2;
    else if (!strcmp(j->what, "adam"))
        weft_adam(w, dw, state[0], state[1], now, rate, 0.9, 0.999, 1e-8, out), n = 3;
    else
        weft_adamw(w, dw, state[0], state[1], now, rate, 0.9, 0.999, 1e-8, j->number[1], out), n = 3;
    if (n == 3)
        out[n++] = weft_assign(steps, now);
    if (weft_tape_status(j->tape) != WEFT_OK)
        return job_fail(j->what, weft_tape_message(j->tape));
    weft_program *p = weft_compile(out, n);
    bool good = weft_parameter_write(p, w, j->memory[0].data, j->memory[0].bytes) == WEFT_OK;
    for (size_t s = 0; good && s < j->memory[1].shape.dim[0]; s++)
        good = run_step(j, p, dw, 1, s);
    good = good && weft_parameter_read(p, w, j->memory[0].data, j->memory[0].bytes) == WEFT_OK && job_write(j, "y", w, j->memory[0].data);
    weft_program_free(p);
    return good || job_fail(j->what, "it did not run");
}

static const struct {
    const char *name;
    bool (*run)(const job *j);
} steps[] = {{"batchnorm_steps", batchnorm_steps}, {"descend", optimizer_steps}, {"sgd", optimizer_steps}, {"adam", optimizer_steps}, {"adamw", optimizer_steps}};

bool steps_run(job *j, bool *known)
{
    for (size_t k = 0; k < sizeof steps / sizeof *steps; k++)
        if (!strcmp(steps[k].name, j->what)) {
            *known = true;
            return steps[k].run(j);
        }
    return false;
}

/* weft_side.c: Weft as a worker of tests/bench/peers, through the public header alone. A variant is a line of the table below: a name, which
 * batch normalization is recorded, and what its loops run on. The buffers of inputs and outputs are made and touched before the first run; a
 * run allocates nothing. A variant that needs a compiler fails with the compiler's message where there is none.
 * usage: weft_side [--threads N] */
#include "side.h"
#include "weft_op.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int threads = 1; /* of Weft, --threads */

typedef struct variant {
    const char *name; /* the driver's grid has columns for "fused" and "staged-compiled" */
    bool fused;
    weft_backend backend;
} variant;

/* Staged graphs are rewritten as weft_compile() does by default. */
static const variant variants[] = {
    {"fused", true, WEFT_BACKEND_TILES},
    {"staged", false, WEFT_BACKEND_TILES},
    {"staged-compiled", false, WEFT_BACKEND_C},
    {"fused-compiled", true, WEFT_BACKEND_C}, /* what surrounds the fused node: last, since only a training step has anything there */
};

enum { N_VARIANTS = sizeof variants / sizeof *variants };

static const char *variant_name(size_t i, const char *item, layout in, const char **remark)
{
    (void)in, (void)remark; /* each runs in every layout, on the same bytes as the others */
    return i < N_VARIANTS - !strncmp(item, "batchnorm", 9) ? variants[i].name : NULL;
}

static const variant *variant_of(const char *name)
{
    for (size_t i = 0; i < N_VARIANTS; i++)
        if (!strcmp(variants[i].name, name))
            return &variants[i];
    return NULL;
}

static weft_program *compile(const variant *v, const weft_node *outputs, size_t n)
{
    return weft_compile_with(outputs, n, &(weft_options){.backend = v->backend, .threads = threads});
}

static weft_node normalise(const variant *v, bool relu, weft_node h, weft_node gamma, weft_node beta)
{
    if (v->fused)
        return (relu ? weft_fused_batchnorm_relu : weft_fused_batchnorm)(h, gamma, beta, bn_eps);
    weft_node y = weft_batchnorm(h, gamma, beta, bn_eps);
    return relu ? weft_relu(y) : y;
}

static void run_program(void *program)
{
    weft_run(program);
}

static void release_program(void *program)
{
    weft_program_free(program);
}

static void note(work *w, const weft_tape *t, const weft_program *p)
{
    const char *why = weft_tape_status(t) != WEFT_OK ? weft_tape_message(t) : weft_program_message(p);
    snprintf(w->note, sizeof w->note, "%.120s", why);
    w->note[strcspn(w->note, ";")] = 0; /* after a missing compiler: "; the program runs all the same", which is another variant */
}

static bool fail(work *w, weft_tape *t, weft_program *p)
{
    note(w, t, p);
    weft_program_free(p);
    weft_tape_free(t);
    return false;
}

/* --- Batch normalization, forward and backward --- */

static bool collect_batchnorm(void *program, results *to)
{
    if (weft_run(program) != WEFT_OK)
        return false;
    *to = (results){.y = weft_output(program, 0), .dh = weft_output(program, 1), .dgamma = weft_output(program, 2), .dbeta = weft_output(program, 3)};
    return true;
}

static bool make_batchnorm(const request *r, const variant *v, const inputs *in, work *w)
{
    bool planes = r->layout == LAYOUT_NCHW;
    const size_t rows[] = {in->rows, in->columns}, images[] = {r->dim[0], r->dim[1], r->dim[2] * r->dim[3]};
    const size_t *dim = planes ? images : rows, column = in->columns * sizeof(float);
    int rank = planes ? 3 : 2;
    weft_tape *t = weft_tape_new(NULL);
    weft_node h = weft_input(t, "h", WEFT_F32, rank, dim), dy = weft_input(t, "dy", WEFT_F32, rank, dim), out[4];
    weft_node gamma = weft_input(t, "gamma", WEFT_F32, 1, &in->columns), beta = weft_input(t, "beta", WEFT_F32, 1, &in->columns);
    out[0] = normalise(v, !strcmp(r->item, "batchnorm_relu"), h, gamma, beta);
    weft_vjp(out, &dy, 1, (const weft_node[]){h, gamma, beta}, 3, out + 1);
    weft_program *p = compile(v, out, 4);
    if (weft_program_status(p) != WEFT_OK)
        return fail(w, t, p);
    weft_bind(p, h, in->h, in->bytes);
    weft_bind(p, dy, in->dy, in->bytes);
    weft_bind(p, gamma, in->gamma, column);
    weft_bind(p, beta, in->beta, column);
    if (weft_tape_status(t) != WEFT_OK || weft_run(p) != WEFT_OK)
        return fail(w, t, p);
    weft_tape_free(t);
    *w = (work){.run = run_program, .collect = collect_batchnorm, .release = release_program, .context = p};
    return true;
}

/* --- Training step --- */

enum { PARAMETERS = 6 };

typedef struct network {
    weft_tape *tape;
    weft_program *step;
    weft_node w[PARAMETERS], velocity[PARAMETERS]; /* w1 b1 gamma beta w2 b2 */
    size_t count[PARAMETERS], total;
    float rate, *x, *value, *all; /* value: room for one parameter; all: for every one and the loss */
    int64_t *label;
} network;

static void release_network(void *context)
{
    network *n = context;
    weft_program_free(n->step);
    weft_tape_free(n->tape);
    free(n->x);
    free(n->value);
    free(n->all);
    free(n->label);
    free(n);
}

static bool initialise(network *n)
{
    static const struct {
        uint32_t stream;
        float low, high;
    } initial[PARAMETERS] = {{STREAM_W1, -0.2f, 0.2f},   {STREAM_B1, -0.1f, 0.1f}, {STREAM_GAMMA, 0.5f, 1.5f},
                             {STREAM_BETA, -0.5f, 0.5f}, {STREAM_W2, -0.2f, 0.2f}, {STREAM_B2, -0.1f, 0.1f}};
    bool good = true;
    for (int i = 0; i < PARAMETERS; i++) {
        size_t bytes = n->count[i] * sizeof(float);
        memset(n->value, 0, bytes);
        good &= weft_parameter_write(n->step, n->velocity[i], n->value, bytes) == WEFT_OK;
        side_fill(n->value, 1, 1, n->count[i], 0, initial[i].stream, initial[i].low, initial[i].high);
        good &= weft_parameter_write(n->step, n->w[i], n->value, bytes) == WEFT_OK;
    }
    return good;
}

static void run_network(void *context)
{
    weft_run(((network *)context)->step);
}

/* Two steps from the first parameters with the rate of the check; then the parameters are reset. */
static bool collect_network(void *context, results *to)
{
    network *n = context;
    float *at = n->all;
    bool good = initialise(n);
    n->rate = mlp_check_rate;
    good = good && weft_run(n->step) == WEFT_OK && weft_run(n->step) == WEFT_OK;
    for (int i = 0; good && i < PARAMETERS; at += n->count[i++])
        good = weft_parameter_read(n->step, n->w[i], at, n->count[i] * sizeof(float)) == WEFT_OK;
    if (good)
        *at = *(const float *)weft_output(n->step, 0);
    n->rate = mlp_rate;
    *to = (results){.flat = n->all, .count = n->total + 1};
    return good && initialise(n);
}

static bool make_network(const request *r, const variant *v, work *w)
{
    const size_t batch = r->dim[0], wide = r->dim[1], hidden = r->dim[2], classes = r->dim[3];
    const size_t dim[PARAMETERS][2] = {{wide, hidden}, {hidden, 1}, {hidden, 1}, {hidden, 1}, {hidden, classes}, {classes, 1}};
    static const char *const name[PARAMETERS] = {"w1", "b1", "gamma", "beta", "w2", "b2"};
    static const char *const velocity[PARAMETERS] = {"v1", "v2", "v3", "v4", "v5", "v6"};
    network *n = side_allocate(sizeof *n);
    weft_tape *t = n->tape = weft_tape_new(NULL);
    n->rate = mlp_rate;
    weft_node x = weft_input(t, "x", WEFT_F32, 2, r->dim), label = weft_input(t, "label", WEFT_I64, 1, &batch), gradient[PARAMETERS];
    weft_node rate = weft_input(t, "rate", WEFT_F32, 0, NULL), out[1 + 2 * PARAMETERS];
    size_t largest = batch;
    for (int i = 0; i < PARAMETERS; i++) {
        int rank = i == 0 || i == 4 ? 2 : 1;
        n->w[i] = weft_parameter(t, name[i], WEFT_F32, rank, dim[i]);
        n->velocity[i] = weft_parameter(t, velocity[i], WEFT_F32, rank, dim[i]);
        n->count[i] = dim[i][0] * dim[i][1];
        n->total += n->count[i];
        largest = n->count[i] > largest ? n->count[i] : largest;
    }
    weft_node hidden_y = normalise(v, true, weft_affine(x, n->w[0], n->w[1]), n->w[2], n->w[3]);
    out[0] = weft_softmax_cross_entropy(weft_affine(hidden_y, n->w[4], n->w[5]), label);
    weft_grad(out[0], n->w, PARAMETERS, gradient);
    for (int i = 0; i < PARAMETERS; i++)
        weft_sgd(n->w[i], gradient[i], n->velocity[i], rate, mlp_momentum, out + 1 + 2 * i);
    n->step = compile(v, out, 1 + 2 * PARAMETERS);
    bool compiled = weft_program_status(n->step) == WEFT_OK; /* a bind would hide the message */
    n->x = side_allocate(batch * wide * sizeof(float));
    n->label = side_allocate(batch * sizeof *n->label);
    n->value = side_allocate(largest * sizeof(float));
    n->all = side_allocate((n->total + 1) * sizeof(float));
    side_fill(n->x, 1, batch, wide, 0, STREAM_X, -1, 1);
    side_fill(n->value, 1, 1, batch, 0, STREAM_LABEL, 0, (float)classes);
    for (size_t i = 0; i < batch; i++)
        n->label[i] = (int64_t)n->value[i];
    if (compiled) {
        weft_bind(n->step, x, n->x, batch * wide * sizeof(float));
        weft_bind(n->step, label, n->label, batch * sizeof *n->label);
        weft_bind(n->step, rate, &n->rate, sizeof n->rate);
    }
    if (weft_tape_status(t) != WEFT_OK || !compiled || !initialise(n) || weft_run(n->step) != WEFT_OK) {
        note(w, t, n->step);
        release_network(n);
        return false;
    }
    *w = (work){.run = run_network, .collect = collect_network, .release = release_network, .context = n};
    return true;
}

static bool make(const request *r, const inputs *in, work *w)
{
    const variant *v = variant_of(r->variant);
    if (!v) {
        snprintf(w->note, sizeof w->note, "no such variant");
        return false;
    }
    return strcmp(r->item, "mlp") ? make_batchnorm(r, v, in, w) : make_network(r, v, w);
}

int main(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[1], "--threads"))
        threads = atoi(argv[2]);
    return side_serve(&(worker){.variant = variant_name, .make = make});
}

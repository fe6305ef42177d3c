/* emit_graph.c: see emit_graph.h. */
#define _GNU_SOURCE
#include "emit_graph.h"

#include "arguments.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LARGEST_SIDE = 1 << 30 };

static weft_node build_batchnorm(const weft_node *x, double eps) { return weft_batchnorm(x[0], x[1], x[2], eps); }
static weft_node build_layernorm(const weft_node *x, double eps) { return weft_layernorm(x[0], x[1], x[2], eps); }
static weft_node build_rmsnorm(const weft_node *x, double eps) { return weft_rmsnorm(x[0], x[1], eps); }
static weft_node build_l2_normalize(const weft_node *x, double eps) { return weft_l2_normalize(x[0], -1, eps); }

static weft_node build_softmax(const weft_node *x, double eps)
{
    (void)eps;
    return weft_softmax(x[0], -1);
}

static weft_node build_log_softmax(const weft_node *x, double eps)
{
    (void)eps;
    return weft_log_softmax(x[0], -1);
}

static weft_node build_logsumexp(const weft_node *x, double eps)
{
    (void)eps;
    return weft_logsumexp(x[0], WEFT_AXIS(1), false);
}

static weft_node build_mean(const weft_node *x, double eps)
{
    (void)eps;
    return weft_mean(x[0], WEFT_AXIS(0), false);
}

static weft_node build_variance(const weft_node *x, double eps)
{
    (void)eps;
    return weft_variance(x[0], WEFT_AXIS(0), false);
}

static weft_node build_std(const weft_node *x, double eps)
{
    (void)eps;
    return weft_std(x[0], WEFT_AXIS(0), false, 1);
}

/* The first input is (N, D), further ones are (D). */
const emit_function emit_known[EMIT_KNOWN] = {
    {"batchnorm", "batch normalization over the rows, training mode", build_batchnorm, {"h", "gamma", "beta"}, "y"},
    {"layernorm", "layer normalization of each row", build_layernorm, {"x", "gamma", "beta"}, "y"},
    {"rmsnorm", "each row by the root of its mean square", build_rmsnorm, {"x", "gamma"}, "y"},
    {"softmax", "softmax of each row", build_softmax, {"z"}, "p"},
    {"log_softmax", "logarithm of the softmax of each row", build_log_softmax, {"z"}, "y"},
    {"logsumexp", "logarithm of the sum of exponentials of each row", build_logsumexp, {"z"}, "y"},
    {"l2_normalize", "each row by its length", build_l2_normalize, {"x"}, "y"},
    {"mean", "mean over the rows", build_mean, {"x"}, "mu"},
    {"variance", "biased variance over the rows", build_variance, {"x"}, "sigma2"},
    {"std", "unbiased standard deviation over the rows", build_std, {"x"}, "sigma"},
};

/* What weft_emit_c() writes to: a text of any length. */
typedef struct emit_text {
    char *bytes;
    size_t length, allocated;
} emit_text;

static bool emit_append(void *context, const char *bytes, size_t n)
{
    emit_text *t = context;
    if (t->length + n > t->allocated) {
        size_t wanted = 2 * (t->length + n);
        char *grown = realloc(t->bytes, wanted);
        if (!grown)
            return false;
        t->bytes = grown;
        t->allocated = wanted;
    }
    memcpy(t->bytes + t->length, bytes, n);
    t->length += n;
    return true;
}

size_t emit_record(weft_tape *t, const emit_request *o, weft_emit_function functions[EMIT_FUNCTIONS])
{
    static weft_node y, dx[EMIT_INPUTS];
    static char names[EMIT_FUNCTIONS][64], comments[EMIT_FUNCTIONS][200], gradients[EMIT_INPUTS][16];
    static const char *y_name, *dx_name[EMIT_INPUTS];
    weft_node x[EMIT_INPUTS];
    size_t n = 0, dim[] = {o->rows, o->columns};
    char dy_name[16];
    for (; n < EMIT_INPUTS && emit_known[o->which].input[n]; n++) {
        x[n] = weft_input(t, emit_known[o->which].input[n], o->dtype, n ? 1 : 2, n ? &dim[1] : dim);
        snprintf(gradients[n], sizeof gradients[n], "d%s", emit_known[o->which].input[n]);
        dx_name[n] = gradients[n];
    }
    y = emit_known[o->which].build(x, o->eps);
    y_name = emit_known[o->which].output;
    snprintf(names[EMIT_FORWARD], sizeof names[EMIT_FORWARD], "%s_forward", o->prefix);
    snprintf(comments[EMIT_FORWARD], sizeof comments[EMIT_FORWARD], "%s: %s.", names[EMIT_FORWARD], emit_known[o->which].what);
    functions[EMIT_FORWARD] =
        (weft_emit_function){.name = names[EMIT_FORWARD], .comment = comments[EMIT_FORWARD], .outputs = &y, .n_outputs = 1, .output_names = &y_name};
    if (o->no_gradient)
        return 1;
    weft_shape shape = weft_node_shape(y);
    snprintf(dy_name, sizeof dy_name, "d%s", y_name);
    weft_node dy = weft_input(t, dy_name, o->dtype, shape.rank, shape.dim);
    weft_vjp(&y, &dy, 1, x, n, dx);
    snprintf(names[EMIT_GRADIENT], sizeof names[EMIT_GRADIENT], "%s_gradient", o->prefix);
    snprintf(comments[EMIT_GRADIENT], sizeof comments[EMIT_GRADIENT], "%s: the gradient of %s, for the cotangent %s of its output.", names[EMIT_GRADIENT],
             names[EMIT_FORWARD], dy_name);
    functions[EMIT_GRADIENT] =
        (weft_emit_function){.name = names[EMIT_GRADIENT], .comment = comments[EMIT_GRADIENT], .outputs = dx, .n_outputs = n, .output_names = dx_name};
    return EMIT_FUNCTIONS;
}

/* --- files --- */

static bool write_file(const char *path, const emit_text *t)
{
    FILE *file = fopen(path, "w");
    bool good = file && fwrite(t->bytes, 1, t->length, file) == t->length;
    int first = errno;
    if (file && fclose(file) != 0 && good) {
        good = false;
        first = errno;
    }
    if (!good)
        fprintf(stderr, "weft: emit: %s: %s\n", path, strerror(first));
    return good;
}

bool emit_write(weft_tape *t, const emit_request *r, const char *folder, emitted *e)
{
    char header_name[128], message[WEFT_MESSAGE_SIZE] = "out of memory";
    int length = snprintf(e->source, sizeof e->source, "%s/%s.c", folder, r->prefix);
    if (length >= (int)sizeof e->source || snprintf(e->header, sizeof e->header, "%s/%s.h", folder, r->prefix) >= (int)sizeof e->header)
        return argument_refuse("emit", "-o", folder, "it is too long");
    snprintf(header_name, sizeof header_name, "%s.h", r->prefix);
    emit_text source = {0}, header = {0};
    e->n = t ? emit_record(t, r, e->function) : 0;
    bool good = e->n && weft_emit_c((weft_writer){emit_append, &source}, (weft_writer){emit_append, &header}, e->function, e->n, header_name,
                                    WEFT_REWRITE_DEFAULT, message) == WEFT_OK;
    if (!good)
        fprintf(stderr, "weft: %s\n", message);
    if (good)
        mkdir(folder, 0777); /* what is wrong with it, opening the files will tell */
    good = good && write_file(e->source, &source) && write_file(e->header, &header);
    free(source.bytes);
    free(header.bytes);
    return good;
}

/* --- what people type --- */

bool emit_read_size(const char *command, const char *value, emit_request *r)
{
    char rows[32];
    const char *comma = strchr(value, ',');
    if (!comma || (size_t)(comma - value) >= sizeof rows)
        return argument_refuse(command, "--size", value, "it must be N,D, as in 64,10");
    memcpy(rows, value, (size_t)(comma - value));
    rows[comma - value] = 0;
    return argument_whole(command, "--size", rows, 1, LARGEST_SIDE, &r->rows) &&
           argument_whole(command, "--size", comma + 1, 1, LARGEST_SIDE, &r->columns);
}

bool emit_is_prefix(const char *command, const char *value)
{
    enum { LONGEST = 40 };
    size_t n = strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    if (n && !value[n] && n <= LONGEST && (*value < '0' || *value > '9') && *value != '_')
        return true;
    return argument_refuse(command, "--name", value, "it must be a C identifier that starts with a letter, of at most 40 characters");
}

bool emit_find(const char *command, int argc, char **argv, emit_request *r)
{
    for (r->which = 0; optind + 1 == argc && r->which < EMIT_KNOWN; r->which++)
        if (!strcmp(argv[optind], emit_known[r->which].name)) {
            r->prefix = r->prefix ? r->prefix : emit_known[r->which].name;
            return true;
        }
    if (optind + 1 == argc)
        fprintf(stderr, "weft: %s: \"%s\" is not known\n\n", command, argv[optind]);
    else
        fprintf(stderr, "weft: %s: name one function\n\n", command);
    return false;
}

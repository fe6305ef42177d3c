/* emit.c: `weft emit`: a staged function and its gradient as one .c and one .h. */
#define _GNU_SOURCE
#include "arguments.h"
#include "commands.h"
#include "weft.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MOST_INPUTS = 3, MOST_PATH = 4096, FORWARD = 0, GRADIENT, FUNCTIONS };
enum { LARGEST_SIDE = 1 << 30 };

typedef struct options {
    const char *name, *prefix, *folder;
    weft_dtype dtype;
    uint64_t rows, columns;
    double eps;
    bool no_gradient, json;
} options;

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
static const struct {
    const char *name, *what;
    weft_node (*build)(const weft_node *x, double eps);
    const char *input[MOST_INPUTS], *output;
} known[] = {
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
enum { KNOWN = sizeof known / sizeof *known };

static void usage(FILE *to)
{
    fputs("usage: weft emit NAME [OPTION...]\n\n"
          "Writes a function and its gradient as plain C99: PREFIX.c and PREFIX.h, which need nothing but <math.h>, allocate nothing, and\n"
          "state the workspace that they want. The .h says what each function computes and takes.\n\n", to);
    for (size_t i = 0; i < KNOWN; i++)
        fprintf(to, "  %-18s %s\n", known[i].name, known[i].what);
    fputs("\n"
          "  --size N,D         rows and columns (default 64,10)\n"
          "  --dtype f32|f64    of the arrays (default f32); sums are made in double in any case\n"
          "  --eps NUMBER       of the normalizations (default 1e-5)\n"
          "  --no-gradient      the forward function only\n"
          "  --name PREFIX      of the files and functions (default NAME)\n"
          "  -o DIR             where the files go (default: here; made if it is not there)\n"
          "  --json             what was written, as one JSON document\n\n"
          "PREFIX_forward takes the inputs and gives the output; PREFIX_gradient takes the inputs that it needs and the cotangent of the\n"
          "output, dy, and gives the gradient of each input. It keeps nothing from the forward function and computes what it needs again.\n"
          "softmax_cross_entropy is not here: it looks up labels, which is a kernel that refuses those out of range, and no loop.\n\n"
          "examples:\n  weft emit softmax --size 64,10\n  weft emit batchnorm --size 4096,1024 --name bn -o src\n"
          "  weft emit layernorm --size 1,256 --dtype f64 --no-gradient --json\n\n"
          "Exit: 0 written, 2 bad usage or input.\n",
          to);
}

/* --- the text --- */

typedef struct text {
    char *bytes;
    size_t length, allocated;
} text;

static bool append(void *context, const char *bytes, size_t n)
{
    text *t = context;
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

static bool write_file(const char *path, const text *t)
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

/* --- the graph --- */

/* The tape's functions; names and comments live in static memory. n: 1 or 2. */
static size_t record(weft_tape *t, const options *o, size_t which, weft_emit_function functions[FUNCTIONS])
{
    static weft_node y, dx[MOST_INPUTS];
    static char names[FUNCTIONS][64], comments[FUNCTIONS][200], gradients[MOST_INPUTS][16];
    static const char *y_name, *dx_name[MOST_INPUTS];
    weft_node x[MOST_INPUTS];
    size_t n = 0, dim[] = {o->rows, o->columns};
    char dy_name[16];
    for (; n < MOST_INPUTS && known[which].input[n]; n++) {
        x[n] = weft_input(t, known[which].input[n], o->dtype, n ? 1 : 2, n ? &dim[1] : dim);
        snprintf(gradients[n], sizeof gradients[n], "d%s", known[which].input[n]);
        dx_name[n] = gradients[n];
    }
    y = known[which].build(x, o->eps);
    y_name = known[which].output;
    snprintf(names[FORWARD], sizeof names[FORWARD], "%s_forward", o->prefix);
    snprintf(comments[FORWARD], sizeof comments[FORWARD], "%s: %s.", names[FORWARD], known[which].what);
    functions[FORWARD] =
        (weft_emit_function){.name = names[FORWARD], .comment = comments[FORWARD], .outputs = &y, .n_outputs = 1, .output_names = &y_name};
    if (o->no_gradient)
        return 1;
    weft_shape shape = weft_node_shape(y);
    snprintf(dy_name, sizeof dy_name, "d%s", y_name);
    weft_node dy = weft_input(t, dy_name, o->dtype, shape.rank, shape.dim);
    weft_vjp(&y, &dy, 1, x, n, dx);
    snprintf(names[GRADIENT], sizeof names[GRADIENT], "%s_gradient", o->prefix);
    snprintf(comments[GRADIENT], sizeof comments[GRADIENT], "%s: the gradient of %s, for the cotangent %s of its output.", names[GRADIENT],
             names[FORWARD], dy_name);
    functions[GRADIENT] =
        (weft_emit_function){.name = names[GRADIENT], .comment = comments[GRADIENT], .outputs = dx, .n_outputs = n, .output_names = dx_name};
    return FUNCTIONS;
}

/* --- what was written --- */

static void print_written(const weft_emit_function *f, size_t n, const char *source, const char *header)
{
    printf("%s\n%s\n", source, header);
    for (size_t i = 0; i < n; i++)
        printf("  %-28s workspace %zu bytes, stack %zu; passes over the largest arrays %zu, bytes read %zu, written %zu\n", f[i].name,
               f[i].workspace, f[i].stack, f[i].traffic.passes, f[i].traffic.bytes_read, f[i].traffic.bytes_written);
}

static bool print_json(const options *o, const weft_emit_function *f, size_t n, const char *source, const char *header)
{
    cJSON *root = cJSON_CreateObject();
    cJSON_AddNumberToObject(root, "schema", 1);
    cJSON_AddStringToObject(root, "command", "emit");
    cJSON_AddStringToObject(root, "function", o->name);
    cJSON_AddNumberToObject(root, "n", (double)o->rows);
    cJSON_AddNumberToObject(root, "d", (double)o->columns);
    cJSON_AddStringToObject(root, "dtype", weft_dtype_name(o->dtype));
    cJSON *files = cJSON_AddArrayToObject(root, "files"), *functions = cJSON_AddArrayToObject(root, "functions");
    cJSON_AddItemToArray(files, cJSON_CreateString(source));
    cJSON_AddItemToArray(files, cJSON_CreateString(header));
    for (size_t i = 0; i < n; i++) {
        cJSON *one = cJSON_CreateObject();
        cJSON_AddStringToObject(one, "name", f[i].name);
        cJSON_AddNumberToObject(one, "bytes_workspace", (double)f[i].workspace);
        cJSON_AddNumberToObject(one, "bytes_stack", (double)f[i].stack);
        cJSON_AddNumberToObject(one, "loops", (double)f[i].traffic.loops);
        cJSON_AddNumberToObject(one, "passes", (double)f[i].traffic.passes);
        cJSON_AddNumberToObject(one, "bytes_read", (double)f[i].traffic.bytes_read);
        cJSON_AddNumberToObject(one, "bytes_written", (double)f[i].traffic.bytes_written);
        cJSON_AddItemToArray(functions, one);
    }
    char *printed = cJSON_Print(root);
    if (printed)
        puts(printed);
    else
        fprintf(stderr, "weft: emit: out of memory\n");
    cJSON_free(printed);
    cJSON_Delete(root);
    return printed != NULL;
}

static bool emit(const options *o, size_t which)
{
    char source_path[MOST_PATH], header_path[MOST_PATH], header_name[128], message[WEFT_MESSAGE_SIZE] = "out of memory";
    int length = snprintf(source_path, sizeof source_path, "%s/%s.c", o->folder, o->prefix);
    if (length >= MOST_PATH || snprintf(header_path, sizeof header_path, "%s/%s.h", o->folder, o->prefix) >= MOST_PATH)
        return argument_refuse("emit", "-o", o->folder, "it is too long");
    snprintf(header_name, sizeof header_name, "%s.h", o->prefix);
    weft_emit_function functions[FUNCTIONS];
    text source = {0}, header = {0};
    weft_tape *t = weft_tape_new(NULL);
    size_t n = t ? record(t, o, which, functions) : 0;
    bool good = n && weft_emit_c((weft_writer){append, &source}, (weft_writer){append, &header}, functions, n, header_name, WEFT_REWRITE_DEFAULT,
                                 message) == WEFT_OK;
    if (!good)
        fprintf(stderr, "weft: %s\n", message);
    if (good)
        mkdir(o->folder, 0777); /* what is wrong with it, opening the files will tell */
    good = good && write_file(source_path, &source) && write_file(header_path, &header);
    if (good && o->json)
        good = print_json(o, functions, n, source_path, header_path);
    else if (good)
        print_written(functions, n, source_path, header_path);
    weft_tape_free(t);
    free(source.bytes);
    free(header.bytes);
    return good;
}

/* --- the command --- */

static bool read_size(const char *value, options *o)
{
    char rows[32];
    const char *comma = strchr(value, ',');
    if (!comma || (size_t)(comma - value) >= sizeof rows)
        return argument_refuse("emit", "--size", value, "it must be N,D, as in 64,10");
    memcpy(rows, value, (size_t)(comma - value));
    rows[comma - value] = 0;
    return argument_whole("emit", "--size", rows, 1, LARGEST_SIDE, &o->rows) &&
           argument_whole("emit", "--size", comma + 1, 1, LARGEST_SIDE, &o->columns);
}

static bool is_prefix(const char *value)
{
    enum { LONGEST = 40 };
    size_t n = strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    if (n && !value[n] && n <= LONGEST && (*value < '0' || *value > '9') && *value != '_')
        return true;
    return argument_refuse("emit", "--name", value, "it must be a C identifier that starts with a letter, of at most 40 characters");
}

static bool set_option(options *o, int option, const char *value)
{
    switch (option) {
    case 's':
        return read_size(value, o);
    case 'd':
        o->dtype = !strcmp(value, "f64") ? WEFT_F64 : WEFT_F32;
        return !strcmp(value, "f64") || !strcmp(value, "f32") || argument_refuse("emit", "--dtype", value, "it must be f32 or f64");
    case 'e':
        return argument_real("emit", "--eps", value, 0, 1e300, &o->eps);
    case 'g':
        o->no_gradient = true;
        return true;
    case 'n':
        o->prefix = value;
        return is_prefix(value);
    case 'o':
        o->folder = value;
        return true;
    case 'j':
        o->json = true;
        return true;
    default:
        return false;
    }
}

/* The function named behind the options; KNOWN after saying on stderr what there is. */
static size_t find_subject(int argc, char **argv)
{
    for (size_t i = 0; optind + 1 == argc && i < KNOWN; i++)
        if (!strcmp(argv[optind], known[i].name))
            return i;
    if (optind + 1 == argc)
        fprintf(stderr, "weft: emit: \"%s\" is not known\n\n", argv[optind]);
    else
        fprintf(stderr, "weft: emit: name one function\n\n");
    return KNOWN;
}

int command_emit(int argc, char **argv)
{
    static const struct option long_options[] = {{"size", required_argument, NULL, 's'}, {"dtype", required_argument, NULL, 'd'},
                                                 {"eps", required_argument, NULL, 'e'},  {"no-gradient", no_argument, NULL, 'g'},
                                                 {"name", required_argument, NULL, 'n'}, {"json", no_argument, NULL, 'j'},
                                                 {"help", no_argument, NULL, 'h'},       {NULL, 0, NULL, 0}};
    options o = {.folder = ".", .dtype = WEFT_F32, .rows = 64, .columns = 10, .eps = 1e-5};
    int option;
    while ((option = getopt_long(argc, argv, "ho:", long_options, NULL)) != -1) {
        if (option == 'h') {
            usage(stdout);
            return EXIT_GOOD;
        }
        if (option == '?' || !set_option(&o, option, optarg))
            return EXIT_BAD_USAGE;
    }
    size_t which = find_subject(argc, argv);
    if (which == KNOWN) {
        usage(stderr);
        return EXIT_BAD_USAGE;
    }
    o.name = known[which].name;
    o.prefix = o.prefix ? o.prefix : o.name;
    return emit(&o, which) ? EXIT_GOOD : EXIT_BAD_USAGE;
}

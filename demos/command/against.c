/* against.c: `weft compare NAME --against FILE.c`: C that `weft emit` wrote and somebody edited, against what was written and against f64. Both are
 * compiled in the same way and run in processes of their own; results are held to the staged graph, run in f64 on the same numbers. */
#define _GNU_SOURCE
#include "against.h"

#include "arguments.h"
#include "array_text.h"
#include "child.h"
#include "commands.h"
#include "emit_graph.h"
#include "sample.h"
#include "terminal.h"

#include <cjson/cJSON.h>
#include <float.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_PATH = 4096, NAME = 48, VERSIONS = 2, WRITTEN = 0, EDITED = 1, KINDS = 3, MOST_ELEMENTS = 1 << 27 };

void against_usage(FILE *to)
{
    fputs("usage: weft compare NAME --against FILE.c [OPTION...]\n\n"
          "Holds C that `weft emit NAME` wrote, and that somebody edited, to what was written: whether it still computes the same, in plain numbers,\n"
          "behind an offset of 100 and constant, and what it gained. It is compiled with cc -O3 -march=native and run in a process of its own.\n\n"
          "  --size N,D         as it was written (default 64,10)\n"
          "  --dtype f32|f64    likewise (default f32)\n"
          "  --eps NUMBER       likewise (default 1e-5)\n"
          "  --name PREFIX      of its functions (default NAME); PREFIX.h is looked for beside FILE.c\n"
          "  --no-gradient      it has the forward function only\n"
          "  --seconds NUMBER   for times (default 0.2)\n"
          "  --limit NUMBER     seconds after which it is ended (default 10)\n"
          "  --json             the result as one JSON document\n\n"
          "examples:\n"
          "  weft emit softmax --size 4096,256 -o src\n"
          "  weft compare softmax --against src/softmax.c --size 4096,256\n\n"
          "Exit: 0 it computes the same, 1 it does not, crashes or does not end, 2 bad usage or input, or it does not compile.\n",
          to);
}

typedef struct options {
    emit_request r;
    const char *file;
    double seconds, limit;
    bool json;
} options;

typedef struct outcome { /* of one function, of one version */
    double error[KINDS]; /* largest, in ulp of the largest entry; of plain numbers, behind an offset, constant ones */
    double seconds;
    bool good;
    char words[160];
} outcome;

typedef struct measured {
    size_t n; /* functions */
    outcome of[EMIT_FUNCTIONS][VERSIONS];
    bool same[EMIT_FUNCTIONS];
} measured;

static const char *const kind_name[KINDS] = {"plain", "offset 100", "constant"};

/* --- building --- */

static bool put_file(const char *folder, const char *name, const char *text)
{
    char path[MOST_PATH];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    bool good = file && fputs(text, file) >= 0;
    if (file && fclose(file))
        good = false;
    if (!good)
        fprintf(stderr, "weft: compare: cannot write %s\n", path);
    return good;
}

/* The names of the arrays that a function takes, out of the header that was just written: "void NAME(const float *z, float *p, void *workspace);" */
static int read_parameters(const char *header, const char *function, char names[CHILD_ARRAYS][NAME])
{
    char line[1024], start[128];
    int n = 0;
    bool inside = false;
    FILE *file = fopen(header, "r");
    snprintf(start, sizeof start, "void %.100s(", function);
    while (file && fgets(line, sizeof line, file)) {
        inside |= !strncmp(line, start, strlen(start));
        for (char *at = line, *star; inside && (star = strchr(at, '*')) && n < CHILD_ARRAYS; at = star + 1) {
            size_t length = strspn(star + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
            snprintf(names[n++], NAME, "%.*s", (int)(length < NAME ? length : NAME - 1), star + 1);
        }
        inside &= !strchr(line, ';');
    }
    if (file)
        fclose(file);
    return n;
}

/* Calls with arrays in a row, workspace last, and the workspaces' sizes. */
static bool write_shim(const char *folder, const options *o, const emitted *e)
{
    char text[4096], upper[64], names[CHILD_ARRAYS][NAME];
    size_t used = (size_t)snprintf(text, sizeof text, "#include \"%s.h\"\n", o->r.prefix);
    for (size_t f = 0; f < e->n; f++) {
        int n = read_parameters(e->header, e->function[f].name, names);
        size_t k = 0;
        for (; e->function[f].name[k] && k + 1 < sizeof upper; k++)
            upper[k] = e->function[f].name[k] >= 'a' && e->function[f].name[k] <= 'z' ? (char)(e->function[f].name[k] - 32) : e->function[f].name[k];
        upper[k] = 0;
        used += (size_t)snprintf(text + used, sizeof text - used, "void weft_call_%zu(void *const *a) { %s(", f, e->function[f].name);
        for (int i = 0; i < n; i++)
            used += (size_t)snprintf(text + used, sizeof text - used, i ? ", a[%d]" : "a[%d]", i);
        used += (size_t)snprintf(text + used, sizeof text - used, "); }\nvoid weft_workspace_%zu(void *const *a) { *(double *)a[0] = %s_WORKSPACE; }\n", f, upper);
    }
    return used < sizeof text && put_file(folder, "shim.c", text);
}

/* folder: where the shim is, and the library goes; beside: where the header is looked for first. */
static bool compile(const char *folder, const char *source, const char *beside, const char *library)
{
    char shim[MOST_PATH], out[MOST_PATH];
    snprintf(shim, sizeof shim, "%s/shim.c", folder);
    snprintf(out, sizeof out, "%s/%s", folder, library);
    return child_build(&(child_library){.command = "compare", .folder = folder, .source = source, .shim = shim, .beside = beside, .out = out});
}

/* --- running --- */

typedef struct trial { /* of one function */
    child_arrays arrays;
    int inputs, outputs;
    weft_node node[CHILD_ARRAYS]; /* inputs, on the f64 tape */
    double *wide[CHILD_ARRAYS];
} trial;

static double entry(const void *x, size_t i, weft_dtype dtype)
{
    return dtype == WEFT_F32 ? (double)((const float *)x)[i] : ((const double *)x)[i];
}

static double drawn(generator *g, int kind)
{
    double x = next_normal(g);
    return kind == 2 ? 1.5 : kind == 1 ? 100 + x : x;
}

/* Numbers for the inputs, rounded to the dtype; only the first, the data, is shifted or made constant. */
static void fill(trial *t, weft_dtype dtype, int kind)
{
    generator g = {7 + (uint64_t)kind};
    for (int i = 0; i < t->inputs; i++)
        for (size_t k = 0; k < t->arrays.bytes[i] / weft_dtype_size(dtype); k++) {
            double x = drawn(&g, i ? 0 : kind);
            if (dtype == WEFT_F32)
                ((float *)t->arrays.data[i])[k] = (float)x;
            else
                ((double *)t->arrays.data[i])[k] = x;
            t->wide[i][k] = entry(t->arrays.data[i], k, dtype);
        }
}

static weft_node input_named(weft_tape *t, const char *name)
{
    for (uint32_t id = 0; id < weft_tape_count(t); id++) {
        weft_node x = weft_tape_node(t, id);
        if (!weft_node_operand_count(x) && !strcmp(weft_node_name(x), name))
            return x;
    }
    return (weft_node){.tape = NULL};
}

static bool trial_make(trial *t, weft_tape *wide, const emitted *e, size_t f, weft_dtype dtype)
{
    char names[CHILD_ARRAYS][NAME];
    int n = read_parameters(e->header, e->function[f].name, names);
    *t = (trial){.outputs = (int)e->function[f].n_outputs, .inputs = n - 1 - (int)e->function[f].n_outputs};
    bool good = t->inputs > 0;
    for (int i = 0; good && i < t->inputs + t->outputs; i++) {
        weft_node x = i < t->inputs ? input_named(wide, names[i]) : e->function[f].outputs[i - t->inputs];
        weft_shape shape = weft_node_shape(x);
        size_t count = weft_shape_count(&shape);
        t->node[i] = x;
        good = !weft_node_failed(x) && child_array(&t->arrays, count * weft_dtype_size(dtype)) && (t->wide[i] = malloc(count * sizeof(double) + 1));
    }
    return good;
}

static void trial_free(trial *t)
{
    child_arrays_free(&t->arrays);
    for (int i = 0; i < CHILD_ARRAYS; i++)
        free(t->wide[i]);
}

/* The largest difference of any output from the truth, in ulp of its largest entry. */
static double error_of(const trial *t, const weft_program *truth, weft_dtype dtype)
{
    double worst = 0;
    for (int k = 0; k < t->outputs; k++) {
        const double *right = weft_output(truth, (size_t)k);
        const void *got = t->arrays.data[t->inputs + k];
        size_t n = t->arrays.bytes[t->inputs + k] / weft_dtype_size(dtype);
        double scale = 0, off = 0;
        for (size_t i = 0; i < n; i++) {
            double here = fabs(entry(got, i, dtype) - right[i]);
            scale = fmax(scale, fabs(right[i]));
            off = here > off || here != here ? (here == here ? here : INFINITY) : off;
        }
        int exponent;
        frexp(scale, &exponent);
        worst = fmax(worst, off / ldexp(1, exponent - (dtype == WEFT_F32 ? FLT_MANT_DIG : DBL_MANT_DIG)));
    }
    return worst;
}

/* One function of one version: all kinds of numbers, then times. */
static void run_version(const options *o, trial *t, weft_program *truth, const char *library, size_t f, outcome *to)
{
    char symbol[40];
    child_arrays size = {.n = 0};
    double *bytes = child_array(&size, sizeof *bytes);
    snprintf(symbol, sizeof symbol, "weft_workspace_%zu", f);
    child_request request = {.library = library, .symbol = symbol, .arrays = &size, .limit = o->limit};
    child_result got = bytes ? child_run(&request) : (child_result){.words = "out of memory"};
    to->good = got.good && child_array(&t->arrays, (size_t)*bytes);
    snprintf(to->words, sizeof to->words, "%s", got.good ? "its workspace is larger than memory" : got.words);
    child_arrays_free(&size);
    snprintf(symbol, sizeof symbol, "weft_call_%zu", f);
    request = (child_request){.library = library, .symbol = symbol, .arrays = &t->arrays, .first_output = t->inputs, .outputs = t->outputs, .limit = o->limit};
    for (int kind = KINDS - 1; kind >= 0 && to->good; kind--) { /* plain ones last: they are timed */
        fill(t, o->r.dtype, kind);
        request.seconds = kind ? 0 : o->seconds;
        got = child_run(&request);
        to->good = got.good;
        snprintf(to->words, sizeof to->words, "%s", got.words);
        to->seconds = got.seconds;
        for (int i = 0; i < t->inputs; i++)
            weft_bind(truth, t->node[i], t->wide[i], t->arrays.bytes[i] / weft_dtype_size(o->r.dtype) * sizeof(double));
        if (to->good && weft_run(truth) == WEFT_OK)
            to->error[kind] = error_of(t, truth, o->r.dtype);
    }
}

/* Results may be off by four times what those of the written version are, and a few dozen roundings. */
static bool is_same(const outcome *written, const outcome *edited)
{
    bool same = written->good && edited->good;
    for (int kind = 0; kind < KINDS; kind++)
        same &= edited->error[kind] <= 4 * written->error[kind] + 32;
    return same;
}

static bool measure_all(const options *o, const emitted *e, weft_tape *wide, char library[VERSIONS][MOST_PATH], measured *m)
{
    m->n = e->n;
    for (size_t f = 0; f < e->n; f++) {
        weft_program *truth = weft_compile(e->function[f].outputs, e->function[f].n_outputs);
        for (int v = 0; v < VERSIONS; v++) {
            trial t;
            progress("running", f * VERSIONS + (size_t)v, e->n * VERSIONS, v == WRITTEN ? "as written" : "edited");
            if (weft_program_status(truth) == WEFT_OK && trial_make(&t, wide, e, f, o->r.dtype))
                run_version(o, &t, truth, library[v], f, &m->of[f][v]);
            else
                snprintf(m->of[f][v].words, sizeof m->of[f][v].words, "out of memory");
            trial_free(&t);
        }
        m->same[f] = is_same(&m->of[f][WRITTEN], &m->of[f][EDITED]);
        weft_program_free(truth);
    }
    progress_end();
    return true;
}

/* --- what is said --- */

static void print_table(const emitted *e, const measured *m)
{
    char time[UNIT_TEXT];
    printf("largest error in ulp of each result's largest entry, against f64; a call\n");
    for (size_t f = 0; f < m->n; f++) {
        for (int v = 0; v < VERSIONS; v++) {
            const outcome *at = &m->of[f][v];
            printf("%-28s %-8s", v ? "" : e->function[f].name, v ? "edited" : "written");
            if (!at->good) {
                printf(" %s\n", at->words);
                continue;
            }
            for (int kind = 0; kind < KINDS; kind++)
                printf(" %s %-9.3g", kind_name[kind], at->error[kind]);
            printf(" %s\n", print_seconds(at->seconds, time));
        }
        const outcome *was = &m->of[f][WRITTEN], *is = &m->of[f][EDITED];
        printf("%s%s%s", paint(m->same[f] ? 1 : -1), m->same[f] ? "the same" : "not the same", paint_end());
        if (was->good && is->good && is->seconds > 0)
            printf("; the written one takes %.2f times as long", was->seconds / is->seconds);
        printf("\n\n");
    }
}

static void print_json(const options *o, const emitted *e, const measured *m)
{
    cJSON *root = cJSON_CreateObject();
    cJSON_AddNumberToObject(root, "schema", 1);
    cJSON_AddStringToObject(root, "command", "compare against");
    cJSON_AddStringToObject(root, "function", emit_known[o->r.which].name);
    cJSON_AddStringToObject(root, "against", o->file);
    cJSON *functions = cJSON_AddArrayToObject(root, "functions");
    for (size_t f = 0; f < m->n; f++) {
        cJSON *one = cJSON_CreateObject();
        cJSON_AddItemToArray(functions, one);
        cJSON_AddStringToObject(one, "name", e->function[f].name);
        cJSON_AddBoolToObject(one, "same", m->same[f]);
        for (int v = 0; v < VERSIONS; v++) {
            const outcome *at = &m->of[f][v];
            cJSON *side = cJSON_AddObjectToObject(one, v ? "edited" : "written");
            cJSON_AddBoolToObject(side, "ran", at->good);
            cJSON_AddStringToObject(side, "message", at->words);
            cJSON_AddItemToObject(side, "error_plain", number_to_json(at->error[0]));
            cJSON_AddItemToObject(side, "error_offset", number_to_json(at->error[1]));
            cJSON_AddItemToObject(side, "error_constant", number_to_json(at->error[2]));
            cJSON_AddNumberToObject(side, "seconds", at->seconds);
        }
    }
    char *text = cJSON_Print(root);
    if (text)
        puts(text);
    cJSON_free(text);
    cJSON_Delete(root);
}

/* --- the command --- */

static void remove_folder(const char *folder, const options *o)
{
    static const char *const names[] = {"shim.c", "messages", "written.so", "edited.so"};
    char path[MOST_PATH + 64];
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[k]);
        unlink(path);
    }
    for (int k = 0; k < 2; k++) {
        snprintf(path, sizeof path, "%s/%s.%c", folder, o->r.prefix, "ch"[k]);
        unlink(path);
    }
    rmdir(folder);
}

static int against(const options *o)
{
    static emitted e;
    static measured m;
    static char library[VERSIONS][MOST_PATH];
    const char *temporary = getenv("TMPDIR"), *slash = strrchr(o->file, '/');
    char folder[MOST_PATH / 2], beside[MOST_PATH];
    snprintf(folder, sizeof folder, "%.1000s/weft-XXXXXX", temporary && *temporary ? temporary : "/tmp");
    snprintf(beside, sizeof beside, "%.*s", slash ? (int)(slash - o->file) + 1 : 2, slash ? o->file : "./");
    if (!mkdtemp(folder)) {
        fprintf(stderr, "weft: compare: cannot make a folder in %s\n", folder);
        return EXIT_BAD_USAGE;
    }
    snprintf(library[WRITTEN], MOST_PATH, "%s/written.so", folder);
    snprintf(library[EDITED], MOST_PATH, "%s/edited.so", folder);
    weft_tape *narrow = weft_tape_new(NULL), *wide = weft_tape_new(NULL);
    bool good = emit_write(narrow, &o->r, folder, &e);
    good = good && write_shim(folder, o, &e) && compile(folder, e.source, folder, "written.so") && compile(folder, o->file, beside, "edited.so");
    if (good) { /* the same graph in f64; its outputs take the place of those in e */
        emit_request request = o->r;
        request.dtype = WEFT_F64;
        emit_record(wide, &request, e.function);
        good = measure_all(o, &e, wide, library, &m);
    }
    weft_tape_free(narrow);
    weft_tape_free(wide);
    remove_folder(folder, o);
    if (!good)
        return EXIT_BAD_USAGE;
    if (o->json)
        print_json(o, &e, &m);
    else
        print_table(&e, &m);
    bool same = true;
    for (size_t f = 0; f < m.n; f++)
        same &= m.same[f];
    return same ? EXIT_GOOD : EXIT_FAILED_CHECK;
}

static bool set_option(void *command, int option, const char *value)
{
    options *o = command;
    switch (option) {
    case 'a':
        o->file = value;
        return !access(value, R_OK) || argument_refuse("compare", "--against", value, "it must be a file of C that can be read");
    case 's':
        return emit_read_size("compare", value, &o->r);
    case 'd':
        o->r.dtype = !strcmp(value, "f64") ? WEFT_F64 : WEFT_F32;
        return !strcmp(value, "f64") || !strcmp(value, "f32") || argument_refuse("compare", "--dtype", value, "it must be f32 or f64");
    case 'e':
        return argument_real("compare", "--eps", value, 0, 1e300, &o->r.eps);
    case 'n':
        o->r.prefix = value;
        return emit_is_prefix("compare", value);
    case 'g':
        return o->r.no_gradient = true;
    case 't':
        return argument_real("compare", "--seconds", value, 0, 1000, &o->seconds);
    case 'l':
        return argument_real("compare", "--limit", value, 0.01, 10000, &o->limit);
    case 'j':
        return o->json = true;
    default:
        return false;
    }
}

int command_compare_against(int argc, char **argv)
{
    static const struct option known[] = {{"against", required_argument, NULL, 'a'}, {"size", required_argument, NULL, 's'},
                                          {"dtype", required_argument, NULL, 'd'},   {"eps", required_argument, NULL, 'e'},
                                          {"name", required_argument, NULL, 'n'},    {"no-gradient", no_argument, NULL, 'g'},
                                          {"seconds", required_argument, NULL, 't'}, {"limit", required_argument, NULL, 'l'},
                                          {"json", no_argument, NULL, 'j'},          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    options o = {.r = emit_default, .seconds = 0.2, .limit = 10};
    int status = arguments_read(argc, argv, &(argument_options){"h", known, set_option, against_usage}, &o);
    if (status != ARGUMENTS_READ)
        return status;
    if (!o.file || !emit_find("compare", argc, argv, &o.r)) {
        against_usage(stderr);
        return EXIT_BAD_USAGE;
    }
    if (o.r.rows > MOST_ELEMENTS / o.r.columns) {
        fprintf(stderr, "weft: compare: --size: more than 2**27 elements are not compared; write a smaller one\n");
        return EXIT_BAD_USAGE;
    }
    return against(&o);
}

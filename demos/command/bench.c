/* bench.c: `weft bench`: times in copies of one array, measured in turn with a memcpy in the same process. All buffers are allocated and
 * touched beforehand. */
#define _GNU_SOURCE
#include "arguments.h"
#include "commands.h"
#include "measure.h"
#include "network.h"
#include "terminal.h"

#include <cjson/cJSON.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void usage(FILE *to)
{
    fputs("usage: weft bench batchnorm|mlp|tape [OPTION...]\n\n"
          "  batchnorm   forward, and forward with backward, staged and fused, f32; beside a copy of h\n"
          "  mlp         training steps of 64-100-10 on the digits, batches of 64\n"
          "  tape        recording, differentiating, compiling and running a graph of a million scalar nodes\n\n"
          "  --size N,D  of batchnorm; may be given several times (default: 64,100 256,512 4096,1024 65536,256)\n"
          "  --threads N of batchnorm; 0: one for each core (default: 1)\n"
          "  --json      the result as one JSON document\n\n"
          "examples:\n  weft bench batchnorm\n  weft bench batchnorm --size 4096,1024 --json\n  weft bench tape\n",
          to);
}

enum { MOST_SIZES = 16 };

typedef struct options {
    size_t n[MOST_SIZES], d[MOST_SIZES];
    int sizes;
    int threads;
    cJSON *json; /* NULL: a table */
} options;

static bool complain(const char *message)
{
    fprintf(stderr, "weft: bench: %s\n", message);
    return false;
}

/* --- batchnorm --- */

enum { COPY, FUSED_FORWARD, FUSED_BOTH, STAGED_FORWARD, STAGED_BOTH, REWRITTEN_FORWARD, REWRITTEN_BOTH, ROWS };
static const char *const row_name[ROWS] = {"memcpy", "fused forward", "fused forward+backward", "staged forward", "staged forward+backward",
                                           "rewritten forward", "rewritten forward+backward"};

typedef struct arrays {
    size_t bytes, column;
    float *h, *dy, *copy, *gamma, *beta;
} arrays;

static void run_program(void *program)
{
    weft_run(program);
}

static void run_copy(void *context)
{
    arrays *a = context;
    memcpy(a->copy, a->h, a->bytes);
}

static weft_program *batchnorm_program(int row, size_t n, size_t d, int threads, const arrays *a)
{
    bool fused = row < STAGED_FORWARD, backward = row == FUSED_BOTH || row == STAGED_BOTH || row == REWRITTEN_BOTH;
    weft_tape *t = weft_tape_new(NULL);
    weft_node h = weft_input(t, "h", WEFT_F32, 2, (size_t[]){n, d}), dy = weft_input(t, "dy", WEFT_F32, 2, (size_t[]){n, d});
    weft_node gamma = weft_input(t, "gamma", WEFT_F32, 1, &d), beta = weft_input(t, "beta", WEFT_F32, 1, &d), out[4];
    out[0] = fused ? weft_fused_batchnorm(h, gamma, beta, 1e-5) : weft_batchnorm(h, gamma, beta, 1e-5);
    if (backward)
        weft_vjp(out, &dy, 1, (const weft_node[]){h, gamma, beta}, 3, out + 1);
    size_t outputs = backward ? 4 : 1;
    weft_rewriting rewriting = row < REWRITTEN_FORWARD ? WEFT_REWRITE_NONE : WEFT_REWRITE_ALGEBRAIC;
    weft_program *p = weft_compile_with(out, outputs, &(weft_options){.rewriting = rewriting, .threads = threads});
    weft_bind(p, h, a->h, a->bytes);
    weft_bind(p, dy, a->dy, a->bytes);
    weft_bind(p, gamma, a->gamma, a->column);
    weft_bind(p, beta, a->beta, a->column);
    if (weft_run(p) != WEFT_OK)
        complain(weft_program_message(p));
    weft_tape_free(t);
    return p;
}

static bool arrays_make(arrays *a, size_t n, size_t d)
{
    *a = (arrays){.bytes = n * d * sizeof(float), .column = d * sizeof(float)};
    a->h = malloc(a->bytes);
    a->dy = malloc(a->bytes);
    a->copy = malloc(a->bytes);
    a->gamma = malloc(a->column);
    a->beta = malloc(a->column);
    if (!a->h || !a->dy || !a->copy || !a->gamma || !a->beta)
        return complain("out of memory");
    generator g = {1};
    for (size_t i = 0; i < n * d; i++) {
        a->h[i] = (float)next_uniform(&g);
        a->dy[i] = (float)next_uniform(&g) - 0.5f;
    }
    for (size_t j = 0; j < d; j++)
        a->gamma[j] = a->beta[j] = (float)next_uniform(&g);
    return true;
}

static void arrays_free(arrays *a)
{
    free(a->h);
    free(a->dy);
    free(a->copy);
    free(a->gamma);
    free(a->beta);
}

static void report_rows(const options *o, size_t n, size_t d, const timing *t)
{
    char text[UNIT_TEXT];
    cJSON *size = NULL;
    if (o->json) {
        size = cJSON_CreateObject();
        cJSON_AddNumberToObject(size, "n", (double)n);
        cJSON_AddNumberToObject(size, "d", (double)d);
        cJSON_AddItemToArray(cJSON_GetObjectItem(o->json, "sizes"), size);
    } else
        printf("%s(%zu, %zu) f32%s\n", paint(0), n, d, paint_end());
    for (int k = 0; k < ROWS; k++)
        if (o->json) {
            cJSON *row = cJSON_AddObjectToObject(size, row_name[k]);
            cJSON_AddNumberToObject(row, "seconds", t[k].median);
            cJSON_AddNumberToObject(row, "lower_quartile", t[k].low);
            cJSON_AddNumberToObject(row, "upper_quartile", t[k].high);
            cJSON_AddNumberToObject(row, "copies", t[k].median / t[COPY].median);
        } else
            printf("  %-26s %10s %8.2f copies  (quartiles %.2f to %.2f)\n", row_name[k], print_seconds(t[k].median, text), t[k].median / t[COPY].median,
                   t[k].low / t[COPY].median, t[k].high / t[COPY].median);
}

static bool bench_size(const options *o, size_t n, size_t d)
{
    arrays a;
    timing t[ROWS];
    job jobs[ROWS];
    weft_program *p[ROWS] = {NULL};
    bool good = arrays_make(&a, n, d);
    if (good) {
        jobs[COPY] = (job){run_copy, &a};
        for (int k = FUSED_FORWARD; k < ROWS; k++) {
            p[k] = batchnorm_program(k, n, d, o->threads, &a);
            jobs[k] = (job){run_program, p[k]};
            good &= weft_program_status(p[k]) == WEFT_OK;
        }
    }
    if (good) {
        measure(jobs, ROWS, 1.5, t);
        report_rows(o, n, d, t);
    }
    for (int k = 0; k < ROWS; k++)
        weft_program_free(p[k]);
    arrays_free(&a);
    return good;
}

static bool bench_batchnorm(options *o)
{
    static const size_t n[] = {64, 256, 4096, 65536}, d[] = {100, 512, 1024, 256};
    if (!o->sizes)
        for (o->sizes = 0; o->sizes < 4; o->sizes++) {
            o->n[o->sizes] = n[o->sizes];
            o->d[o->sizes] = d[o->sizes];
        }
    if (o->json)
        cJSON_AddArrayToObject(o->json, "sizes");
    bool good = true;
    for (int i = 0; good && i < o->sizes; i++)
        good = bench_size(o, o->n[i], o->d[i]);
    return good;
}

/* --- mlp --- */

typedef struct trainer {
    network net;
    int64_t rows[BATCH];
} trainer;

static void run_step(void *context)
{
    trainer *t = context;
    network_step(&t->net, t->rows);
}

static bool bench_mlp(options *o)
{
    static trainer trainers[NORMS];
    digits d;
    job jobs[NORMS];
    timing t[NORMS];
    if (!digits_load(NULL, &d))
        return false;
    bool good = true;
    for (int k = 0; k < NORMS; k++) {
        good &= network_make(&trainers[k].net, (norm)k, &d, 1e-4, 1);
        for (int64_t i = 0; i < BATCH; i++)
            trainers[k].rows[i] = i * 20;
        jobs[k] = (job){run_step, &trainers[k]};
    }
    if (good)
        measure(jobs, NORMS, 1.5, t);
    for (int k = 0; k < NORMS && good; k++)
        if (o->json)
            cJSON_AddNumberToObject(o->json, norm_name[k], 1 / t[k].median);
        else
            printf("  batch normalization %-8s %8.0f steps a second\n", norm_name[k], 1 / t[k].median);
    for (int k = 0; k < NORMS; k++)
        network_free(&trainers[k].net);
    digits_free(&d);
    return good;
}

/* --- tape --- */

enum { TAPE_NODES = 1000000 };

static void report(const options *o, const char *what, const char *unit, double value)
{
    if (o->json)
        cJSON_AddNumberToObject(o->json, what, value);
    else
        printf("  %-34s %8.1f %s\n", what, value, unit);
}

static bool bench_tape(options *o)
{
    weft_tape *t = weft_tape_new(NULL);
    weft_mark mark = weft_tape_mark(t);
    weft_node x, y, dx;
    double fresh = 0, again = 0, start;
    for (int round = 0; round < 4; round++) {
        weft_tape_rewind(t, mark);
        start = seconds_now();
        x = weft_input(t, "x", WEFT_F64, 0, NULL);
        weft_node a = weft_scalar(t, WEFT_F64, 0.999), b = weft_scalar(t, WEFT_F64, 0.001);
        for (y = x; weft_tape_count(t) < TAPE_NODES;)
            y = weft_add(weft_mul(a, y), b);
        double took = seconds_now() - start;
        if (round == 0)
            fresh = took;
        else
            again = again > 0 && again < took ? again : took;
    }
    double bytes = (double)weft_tape_bytes(t) / TAPE_NODES, nodes = TAPE_NODES;
    start = seconds_now();
    weft_grad(y, &x, 1, &dx);
    double derive = seconds_now() - start, derived = weft_tape_count(t) - nodes;
    start = seconds_now();
    weft_program *p = weft_compile((const weft_node[]){y, dx}, 2);
    double compile = seconds_now() - start, steps = (double)weft_program_memory(p).steps, run = 1e9, at = 1;
    weft_bind(p, x, &at, sizeof at);
    for (int round = 0; round < 5; round++) {
        start = seconds_now();
        weft_run(p);
        double took = seconds_now() - start;
        run = took < run ? took : run;
    }
    weft_node out[] = {y, dx};
    start = seconds_now();
    weft_rewrite(out, 2, WEFT_REWRITE_ALGEBRAIC, NULL, NULL, out);
    double rewrite = seconds_now() - start;
    bool good = weft_program_status(p) == WEFT_OK || complain(weft_program_message(p));
    report(o, "record", "ns a node", 1e9 * fresh / nodes);
    report(o, "record again after a rewind", "ns a node", 1e9 * again / nodes);
    report(o, "tape", "bytes a node", bytes);
    report(o, "differentiate", "ns a node recorded", 1e9 * derive / derived);
    report(o, "rewrite", "ns a node", 1e9 * rewrite / (nodes + derived));
    report(o, "compile", "ns a step", 1e9 * compile / steps);
    report(o, "run", "ns a step", 1e9 * run / steps);
    weft_program_free(p);
    weft_tape_free(t);
    return good;
}

/* --- the command --- */

static bool add_size(options *o, const char *text)
{
    char *end;
    unsigned long long n = strtoull(text, &end, 10), d = *end == ',' ? strtoull(end + 1, &end, 10) : 0;
    if (*end || !n || !d || n > (1ull << 31) / d || o->sizes == MOST_SIZES)
        return argument_refuse("bench", "--size", text, "it must be N,D with at most 2**31 elements, and there may be 16 sizes");
    o->n[o->sizes] = n;
    o->d[o->sizes++] = d;
    return true;
}

static bool set_threads(options *o, const char *text)
{
    char *end;
    long threads = strtol(text, &end, 10);
    if (end == text || *end || threads < 0 || threads > 1000)
        return argument_refuse("bench", "--threads", text, "it must be a number from 0 to 1000");
    o->threads = threads ? (int)threads : WEFT_ALL_CORES;
    return true;
}

int command_bench(int argc, char **argv)
{
    static const struct option known[] = {
        {"size", required_argument, NULL, 's'}, {"threads", required_argument, NULL, 't'}, {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},       {NULL, 0, NULL, 0}};
    static const struct {
        const char *name;
        bool (*run)(options *o);
    } benches[] = {{"batchnorm", bench_batchnorm}, {"mlp", bench_mlp}, {"tape", bench_tape}};
    options o = {0};
    bool json = false;
    int option;
    while ((option = getopt_long(argc, argv, "h", known, NULL)) != -1) {
        if (option == 'h') {
            usage(stdout);
            return EXIT_GOOD;
        }
        if (option == '?' || (option == 's' && !add_size(&o, optarg)) || (option == 't' && !set_threads(&o, optarg)))
            return EXIT_BAD_USAGE;
        json |= option == 'j';
    }
    for (size_t i = 0; optind + 1 == argc && i < sizeof benches / sizeof *benches; i++) {
        if (strcmp(argv[optind], benches[i].name))
            continue;
        if (json) {
            o.json = cJSON_CreateObject();
            cJSON_AddNumberToObject(o.json, "schema", 1);
            cJSON_AddStringToObject(o.json, "command", benches[i].name);
        }
        bool good = benches[i].run(&o);
        char *text = good && json ? cJSON_Print(o.json) : NULL;
        if (text)
            puts(text);
        cJSON_free(text);
        cJSON_Delete(o.json);
        return good ? EXIT_GOOD : EXIT_BAD_USAGE;
    }
    fprintf(stderr, "weft: bench: say what to measure\n\n");
    usage(stderr);
    return EXIT_BAD_USAGE;
}

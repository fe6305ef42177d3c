/* compare_command.c: `weft compare`: two expressions are for compare_sides.c, edited C for against.c; of `weft compare batchnorm`, where h comes
 * from, the table, the JSON. */
#define _GNU_SOURCE
#include "against.h"
#include "arguments.h"
#include "commands.h"
#include "compare.h"
#include "compare_sides.h"
#include "terminal.h"

#include <cjson/cJSON.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void usage(FILE *to)
{
    fputs("usage: weft compare batchnorm [OPTION...]\n\n"
          "Sets the gradient that arises from the staged graph of batch normalization against the fused one derived by hand: largest\n"
          "differences, bytes, times, and a verdict. By default h is the hidden activation of the digits behind an affine layer of 100.\n\n"
          "  --x FILE.npy       h itself, (N, D) of f4 or f8, instead of the digits\n"
          "  --dtype f32|f64    the numbers compared (default f32)\n"
          "  --eps NUMBER       (default 1e-5)\n"
          "  --seed N           of gamma, beta, the cotangent and the layer (default 1)\n"
          "  --data DIR         where digits_x.npy and digits_y.npy are\n"
          "  --json             the result as one JSON document\n\n"
          "examples:\n  weft compare batchnorm\n  weft compare batchnorm --dtype f64 --json\n  weft compare batchnorm --x activations.npy --eps 1e-3\n\n"
          "Exit: 0 they agree, 1 they do not, 2 bad usage or input.\n",
          to);
}

typedef struct options {
    const char *x, *data;
    weft_dtype dtype;
    double eps;
    uint64_t seed;
    bool json;
} options;

/* --- h --- */

static bool out_of_memory(void)
{
    fprintf(stderr, "weft: compare: out of memory\n");
    return false;
}

/* The digits through an affine layer of normal weights, run by the engine in f32. */
static bool hidden_digits(const options *o, problem *p)
{
    enum { WIDTH = 100 };
    static float w_data[DIGIT_PIXELS * WIDTH], b_data[WIDTH];
    digits d;
    if (!digits_load(o->data, &d))
        return false;
    generator g = {o->seed};
    for (size_t i = 0; i < DIGIT_PIXELS * WIDTH; i++)
        w_data[i] = (float)(sqrt(2.0 / DIGIT_PIXELS) * next_normal(&g));
    weft_tape *t = weft_tape_new(NULL);
    weft_node x = weft_input(t, "x", WEFT_F32, 2, (size_t[]){d.count, DIGIT_PIXELS});
    weft_node w = weft_input(t, "w", WEFT_F32, 2, (size_t[]){DIGIT_PIXELS, WIDTH}), b = weft_input(t, "b", WEFT_F32, 1, (size_t[]){WIDTH});
    weft_node h = weft_affine(x, w, b);
    weft_program *program = weft_compile(&h, 1);
    weft_bind(program, x, d.x, d.count * DIGIT_PIXELS * sizeof *d.x);
    weft_bind(program, w, w_data, sizeof w_data);
    weft_bind(program, b, b_data, sizeof b_data);
    bool good = weft_run(program) == WEFT_OK;
    p->n = d.count;
    p->d = WIDTH;
    p->h = malloc(p->n * p->d * sizeof *p->h);
    for (size_t i = 0; good && p->h && i < p->n * p->d; i++)
        p->h[i] = (double)((const float *)weft_output(program, 0))[i];
    if (!good)
        fprintf(stderr, "weft: compare: %s\n", weft_program_message(program));
    weft_program_free(program);
    weft_tape_free(t);
    digits_free(&d);
    return good && (p->h || out_of_memory());
}

static bool read_h(const options *o, problem *p)
{
    char message[WEFT_MESSAGE_SIZE];
    weft_array a;
    if (weft_npy_read(o->x, &a, message) != WEFT_OK) {
        fprintf(stderr, "weft: %s\n", message);
        return false;
    }
    if (a.shape.rank != 2 || !a.shape.dim[0] || !a.shape.dim[1] || a.dtype == WEFT_I64) {
        fprintf(stderr, "weft: %s: h must be (N, D) of f4 or f8, with at least one element; reshape it, or convert it with x.astype('float32')\n", o->x);
        weft_array_free(&a);
        return false;
    }
    p->n = a.shape.dim[0];
    p->d = a.shape.dim[1];
    p->h = malloc(p->n * p->d * sizeof *p->h);
    for (size_t i = 0; p->h && i < p->n * p->d; i++) {
        double v = a.dtype == WEFT_F32 ? (double)((const float *)a.data)[i] : ((const double *)a.data)[i];
        p->h[i] = o->dtype == WEFT_F32 ? (double)(float)v : v; /* both runs see the same numbers */
    }
    weft_array_free(&a);
    return p->h || out_of_memory();
}

static bool problem_make(const options *o, problem *p)
{
    *p = (problem){.dtype = o->dtype, .eps = o->eps, .seed = o->seed};
    if (!(o->x ? read_h(o, p) : hidden_digits(o, p)))
        return false;
    p->dy = malloc(p->n * p->d * sizeof *p->dy);
    p->gamma = malloc(p->d * sizeof *p->gamma);
    p->beta = malloc(p->d * sizeof *p->beta);
    if (!p->dy || !p->gamma || !p->beta)
        return out_of_memory();
    generator g = {o->seed ^ 0x5eed};
    for (size_t i = 0; i < p->n * p->d; i++)
        p->dy[i] = (double)(float)next_normal(&g);
    for (size_t j = 0; j < p->d; j++) {
        p->gamma[j] = (double)(float)(0.5 + next_uniform(&g));
        p->beta[j] = (double)(float)next_normal(&g);
    }
    return true;
}

static void problem_free(problem *p)
{
    free(p->h);
    free(p->dy);
    free(p->gamma);
    free(p->beta);
}

static bool all_agree(const comparison *c)
{
    bool agree = true;
    for (int k = 0; k < RESULTS; k++)
        agree &= c->agree[k];
    return agree;
}

/* --- the table --- */

static void print_difference(difference d, bool measured)
{
    char ulps[24];
    if (!measured) {
        printf("  %16s", "-");
        return;
    }
    snprintf(ulps, sizeof ulps, d.ulps < 100 ? "(%.2g)" : "(%.0e)", d.ulps);
    printf("  %8.1e%8s", d.absolute, ulps);
}

static void print_differences(const comparison *c, const problem *p)
{
    printf("%slargest difference (in ulps of the largest entry)%s\n", paint(0), paint_end());
    printf("          staged - fused    staged - f64      fused - f64       staged - central  fused - central\n");
    for (int k = 0; k < RESULTS; k++) {
        printf("  %-6s", result_name[k]);
        print_difference(c->between[k], true);
        print_difference(c->side[STAGED].from_f64[k], true);
        print_difference(c->side[FUSED].from_f64[k], true);
        print_difference(c->side[STAGED].from_differences[k], c->probed[k]);
        print_difference(c->side[FUSED].from_differences[k], c->probed[k]);
        printf("  %s%s%s\n", paint(c->agree[k] ? 1 : -1), c->agree[k] ? "agree" : "differ", paint_end());
    }
    printf("  central: differences (y(x+s) - y(x-s)) / 2s in f64, of %zu elements of dh (of %zu), %zu of dgamma, %zu of dbeta\n\n", c->probed[DH],
           p->n * p->d, c->probed[DGAMMA], c->probed[DBETA]);
}

static void print_bytes_row(const char *what, size_t staged, size_t fused)
{
    char a[UNIT_TEXT], b[UNIT_TEXT];
    printf("  %-34s%18s%18s\n", what, print_bytes((double)staged, a), print_bytes((double)fused, b));
}

static void print_time_row(const char *what, double staged, double fused, double copy)
{
    char a[UNIT_TEXT], b[UNIT_TEXT];
    printf("  %-34s%18s%18s   %.1f and %.1f copies\n", what, print_seconds(staged, a), print_seconds(fused, b), staged / copy, fused / copy);
}

static void print_costs(const comparison *c)
{
    const side_report *a = &c->side[STAGED], *b = &c->side[FUSED];
    char text[UNIT_TEXT];
    printf("%s%-36s%18s%18s%s\n", paint(0), "cost", "staged", "fused", paint_end());
    printf("  %-34s%18u%18u\n", "nodes, forward", a->forward_nodes, b->forward_nodes);
    printf("  %-34s%18u%18u\n", "nodes, with the gradient", a->nodes, b->nodes);
    print_bytes_row("computed and kept for the gradient", a->memory.kept, b->memory.kept);
    print_bytes_row("inputs kept for the gradient", a->memory.kept_inputs, b->memory.kept_inputs);
    print_bytes_row("peak, beside inputs", a->memory.peak, b->memory.peak);
    print_time_row("time, forward", a->forward.median, b->forward.median, c->copy.median);
    print_time_row("time, forward and backward", a->both.median, b->both.median, c->copy.median);
    print_time_row("time, backward (their difference)", a->both.median - a->forward.median, b->both.median - b->forward.median, c->copy.median);
    printf("  one copy of h takes %s; medians\n\n", print_seconds(c->copy.median, text));
}

static void print_table(const comparison *c, const problem *p, const options *o)
{
    printf("batch normalization of h (%zu, %zu) in %s, eps %g: ", p->n, p->d, weft_dtype_name(p->dtype), p->eps);
    printf("%s, seed %llu\n\n", o->x ? o->x : "the digits behind an affine layer", (unsigned long long)o->seed);
    print_differences(c, p);
    print_costs(c);
    if (c->out_of_range[0])
        printf("left the range: %s\n", c->out_of_range);
    bool agree = all_agree(c);
    printf("%sverdict: %s%s\n", paint(agree ? 1 : -1),
           agree ? "they agree: both gradients are the f64 one, to the rounding of their terms, and central differences confirm it"
                 : "they do not agree to the rounding of their terms",
           paint_end());
}

/* --- JSON --- */

static void add_number(cJSON *to, const char *name, double x)
{
    if (isfinite(x))
        cJSON_AddNumberToObject(to, name, x);
    else
        cJSON_AddStringToObject(to, name, isnan(x) ? "NaN" : x > 0 ? "Infinity" : "-Infinity");
}

static void add_difference(cJSON *to, const char *name, difference d)
{
    cJSON *at = cJSON_AddObjectToObject(to, name);
    add_number(at, "absolute", d.absolute);
    add_number(at, "ulps", d.ulps);
}

static void add_timing(cJSON *to, const char *name, timing t)
{
    cJSON *at = cJSON_AddObjectToObject(to, name);
    add_number(at, "median", t.median);
    add_number(at, "lower_quartile", t.low);
    add_number(at, "upper_quartile", t.high);
}

static void add_side(cJSON *root, const comparison *c, int s)
{
    const side_report *r = &c->side[s];
    cJSON *side = cJSON_AddObjectToObject(root, side_name[s]);
    cJSON_AddNumberToObject(side, "nodes_forward", r->forward_nodes);
    cJSON_AddNumberToObject(side, "nodes", r->nodes);
    cJSON_AddNumberToObject(side, "bytes_kept", (double)r->memory.kept);
    cJSON_AddNumberToObject(side, "bytes_kept_inputs", (double)r->memory.kept_inputs);
    cJSON_AddNumberToObject(side, "bytes_peak", (double)r->memory.peak);
    add_timing(side, "seconds_forward", r->forward);
    add_timing(side, "seconds_forward_backward", r->both);
    cJSON *from_f64 = cJSON_AddObjectToObject(side, "from_f64"), *central = cJSON_AddObjectToObject(side, "from_central_differences");
    for (int k = 0; k < RESULTS; k++) {
        add_difference(from_f64, result_name[k], r->from_f64[k]);
        if (c->probed[k])
            add_difference(central, result_name[k], r->from_differences[k]);
    }
}

static bool print_json(const comparison *c, const problem *p, const options *o)
{
    cJSON *root = cJSON_CreateObject();
    cJSON_AddNumberToObject(root, "schema", 1);
    cJSON_AddStringToObject(root, "command", "compare batchnorm");
    cJSON_AddStringToObject(root, "x", o->x ? o->x : "digits");
    cJSON_AddNumberToObject(root, "n", (double)p->n);
    cJSON_AddNumberToObject(root, "d", (double)p->d);
    cJSON_AddStringToObject(root, "dtype", weft_dtype_name(p->dtype));
    add_number(root, "eps", p->eps);
    cJSON_AddNumberToObject(root, "seed", (double)o->seed);
    cJSON *between = cJSON_AddObjectToObject(root, "staged_from_fused"), *agree = cJSON_AddObjectToObject(root, "agree"),
          *allowed = cJSON_AddObjectToObject(root, "allowed");
    for (int k = 0; k < RESULTS; k++) {
        add_difference(between, result_name[k], c->between[k]);
        cJSON_AddBoolToObject(agree, result_name[k], c->agree[k]);
        add_number(allowed, result_name[k], c->allowed[k]);
    }
    for (int s = 0; s < SIDES; s++)
        add_side(root, c, s);
    add_timing(root, "seconds_memcpy", c->copy);
    if (c->out_of_range[0])
        cJSON_AddStringToObject(root, "out_of_range", c->out_of_range);
    cJSON_AddBoolToObject(root, "verdict", all_agree(c));
    char *text = cJSON_Print(root);
    if (text)
        puts(text);
    else
        out_of_memory();
    cJSON_free(text);
    cJSON_Delete(root);
    return text != NULL;
}

/* --- the command --- */

static bool set_option(options *o, int option, const char *value)
{
    switch (option) {
    case 'x':
        o->x = value;
        return true;
    case 'D':
        o->data = value;
        return true;
    case 'j':
        o->json = true;
        return true;
    case 'd':
        o->dtype = !strcmp(value, "f64") ? WEFT_F64 : WEFT_F32;
        return !strcmp(value, "f64") || !strcmp(value, "f32") || argument_refuse("compare", "--dtype", value, "it must be f32 or f64");
    case 'e':
        return argument_real("compare", "--eps", value, 0, 1e300, &o->eps);
    case 's':
        return argument_whole("compare", "--seed", value, 0, UINT64_MAX, &o->seed);
    default:
        return false;
    }
}

/* "batchnorm" is among the words, or there are none: `weft compare --help` shows both. */
static bool is_about_batchnorm(int argc, char **argv)
{
    bool words = false;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "batchnorm"))
            return true;
        words |= argv[i][0] != '-';
    }
    return !words;
}

int command_compare(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (!strncmp(argv[i], "--against", strlen("--against")))
            return command_compare_against(argc, argv);
    if (!is_about_batchnorm(argc, argv))
        return command_compare_sides(argc, argv);
    static const struct option known[] = {{"x", required_argument, NULL, 'x'},    {"dtype", required_argument, NULL, 'd'},
                                          {"eps", required_argument, NULL, 'e'},  {"seed", required_argument, NULL, 's'},
                                          {"data", required_argument, NULL, 'D'}, {"json", no_argument, NULL, 'j'},
                                          {"help", no_argument, NULL, 'h'},       {NULL, 0, NULL, 0}};
    options o = {.dtype = WEFT_F32, .eps = 1e-5, .seed = 1};
    int option;
    while ((option = getopt_long(argc, argv, "h", known, NULL)) != -1) {
        if (option == 'h') {
            usage(stdout);
            puts("");
            compare_sides_usage(stdout);
            puts("");
            against_usage(stdout);
            return EXIT_GOOD;
        }
        if (option == '?' || !set_option(&o, option, optarg))
            return EXIT_BAD_USAGE;
    }
    if (!argument_subject("compare", argc, argv, "batchnorm")) {
        usage(stderr);
        return EXIT_BAD_USAGE;
    }
    problem p;
    comparison c;
    int code = EXIT_BAD_USAGE;
    if (problem_make(&o, &p) && compare_batchnorm(&p, &c)) {
        code = all_agree(&c) ? EXIT_GOOD : EXIT_FAILED_CHECK;
        if (!o.json)
            print_table(&c, &p, &o);
        else if (!print_json(&c, &p, &o))
            code = EXIT_BAD_USAGE;
    }
    problem_free(&p);
    return code;
}

/* compare_sides.c: `weft compare 'EXPR' 'EXPR'`: two expressions, or an expression and a gradient by hand, over many shapes and numbers. */
#define _GNU_SOURCE
#include "compare_sides.h"

#include "arguments.h"
#include "array_text.h"
#include "commands.h"
#include "compare_charts.h"
#include "limits.h"
#include "terminal.h"

#include <cjson/cJSON.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

enum { TEXTS = 4 * WEFT_MOST_INPUTS + WEFT_MOST_LENGTHS, LONGEST = 33 /* that weft_compare() draws */ };

void compare_sides_usage(FILE *to)
{
    fputs("usage: weft compare 'EXPR' 'EXPR' --shape NAME=N,D ... [OPTION...]\n\n"
          "Holds two expressions (see `weft eval --help`) against each other in f64 over many shapes and numbers, hard ones among them: values,\n"
          "gradients for a random cotangent, derivatives along random directions, second derivatives. A failure is made small.\n\n"
          "  --shape NAME=N,D      an input: lengths by name, alike wherever a name stands, or numbers; NAME= is a scalar\n"
          "  --range NAME=LOW:HIGH its numbers are between these (default any, hard ones too)\n"
          "  --index NAME=D        it holds indices from 0 to below the length D\n"
          "  --constant NAME       no derivative with respect to it\n"
          "  --gradient NAME=EXPR  the second side's gradient of it by hand, over the inputs, the cotangent dy and y\n"
          "  --first-order         no derivatives of gradients\n"
          "  --trials N            shapes with numbers (default 60)\n"
          "  --seed N              of all of it (default 1)\n"
          "  --size N=4096,D=64    also measures errors, bytes and times at this size\n"
          "  --dtype f32|f64       of that measurement (default f32)\n"
          "  --truth f64|mpfr      what its errors are measured against (default f64 for f32, mpfr for f64: where Weft has it, and it takes seconds)\n"
          "  --seconds NUMBER      for its times (default 0.3)\n"
          "  --html FILE           a page with tables, plots of errors and times, and both graphs; wants --size\n"
          "  --json                the result as one JSON document\n" LIMITS_USAGE "\n"
          "examples:\n"
          "  weft compare 'layernorm(h, gamma, beta)' 'fused_layernorm(h, gamma, beta)' --shape h=N,D --shape gamma=D --shape beta=D\n"
          "  weft compare 'x**2' 'x*x' --shape x=N --gradient x='2*x*dy'\n"
          "  weft compare 'var(h, 0)' 'mean(h*h, 0) - mean(h, 0)**2' --shape h=N,D --size N=4096,D=64 --html var.html\n\n"
          "Exit: 0 they agree, 1 they do not, or a gradient is 0 by construction, 2 bad usage or input.\n",
          to);
}

typedef struct options {
    const char *expression[2];
    weft_compare_input input[WEFT_MOST_INPUTS];
    const char *gradient[WEFT_MOST_INPUTS];
    size_t n;
    weft_length size[WEFT_MOST_LENGTHS];
    weft_compare_options compare;
    limits limits;
    const char *html;
    bool by_hand, json;
    char *text[TEXTS]; /* what the above point into */
    size_t n_texts;
} options;

static const char *const agreement_name[] = {[WEFT_SIDES_AGREE] = "agree", [WEFT_SIDES_DIFFER] = "differ", [WEFT_SIDES_UNSTEADY] = "unsteady",
                                             [WEFT_SIDES_SILENT] = "silent", [WEFT_SIDES_REFUSE] = "refused"};

/* --- the table --- */

static void print_measured(const options *o, const weft_comparison *c)
{
    char bytes[4][UNIT_TEXT], time[UNIT_TEXT];
    printf("\n%s, at", weft_dtype_name(o->compare.dtype));
    for (size_t k = 0; k < o->compare.n_size; k++)
        printf("%s %s = %zu", k ? "," : "", o->size[k].name, o->size[k].value);
    printf(": errors in ulp of the largest entry, against %s of the first\n%-12s %12s %12s %12s\n", truth_name(c->truth), "", "apart", "first", "second");
    for (size_t r = 0; r < c->n_results; r++)
        if (!isnan(c->result[r].max_ulp))
            printf("%-12s %12.3g %12.3g %12.3g\n", c->result[r].name, c->result[r].max_ulp, c->result[r].error[0], c->result[r].error[1]);
    printf("\n%-12s %12s %12s %12s %12s %12s\n", "", "a run", "read", "written", "peak", "kept");
    for (int s = 0; s < 2; s++) {
        const weft_cost *at = &c->cost[s];
        printf("%-12s %12s %12s %12s %12s %12s\n", s ? "second" : "first", print_seconds(at->seconds, time), print_bytes((double)at->traffic.bytes_read, bytes[0]),
               print_bytes((double)at->traffic.bytes_written, bytes[1]), print_bytes((double)at->memory.peak, bytes[2]),
               print_bytes((double)at->memory.kept, bytes[3]));
    }
}

static void print_result(const options *o, const weft_comparison *c)
{
    bool good = c->agreement == WEFT_SIDES_AGREE;
    printf("first   %s\nsecond  %s\n%s%s%s: %s\n", o->expression[0], o->expression[1], paint(good ? 1 : -1), agreement_name[c->agreement], paint_end(), c->message);
    if (c->refused && good)
        printf("%zu of %zu shapes are refused by both\n", c->refused, c->trials);
    if (o->compare.size && c->agreement != WEFT_SIDES_REFUSE)
        print_measured(o, c);
}

/* --- JSON --- */

static void add_lengths(cJSON *to, const weft_comparison *c)
{
    cJSON *at = cJSON_AddObjectToObject(to, "lengths");
    for (size_t l = 0; l < c->n_lengths; l++)
        cJSON_AddNumberToObject(at, c->length_name[l], (double)c->length[l]);
}

static void add_measured(cJSON *to, const options *o, const weft_comparison *c)
{
    cJSON_AddStringToObject(to, "dtype", weft_dtype_name(o->compare.dtype));
    cJSON_AddStringToObject(to, "truth", truth_name(c->truth));
    cJSON *results = cJSON_AddArrayToObject(to, "results"), *costs = cJSON_AddArrayToObject(to, "costs");
    for (size_t r = 0; r < c->n_results; r++) {
        const weft_compared *from = &c->result[r];
        if (isnan(from->max_ulp))
            continue;
        cJSON *at = cJSON_CreateObject();
        cJSON_AddItemToArray(results, at);
        cJSON_AddStringToObject(at, "name", from->name);
        cJSON_AddItemToObject(at, "max_abs", number_to_json(from->max_abs));
        cJSON_AddItemToObject(at, "max_rel", number_to_json(from->max_rel));
        cJSON_AddItemToObject(at, "max_ulp", number_to_json(from->max_ulp));
        cJSON_AddItemToObject(at, "error_first", number_to_json(from->error[0]));
        cJSON_AddItemToObject(at, "error_second", number_to_json(from->error[1]));
    }
    for (int s = 0; s < 2; s++) {
        const weft_cost *from = &c->cost[s];
        cJSON *at = cJSON_CreateObject();
        cJSON_AddItemToArray(costs, at);
        cJSON_AddNumberToObject(at, "seconds", from->seconds);
        cJSON_AddNumberToObject(at, "loops", (double)from->traffic.loops);
        cJSON_AddNumberToObject(at, "passes", (double)from->traffic.passes);
        cJSON_AddNumberToObject(at, "bytes_read", (double)from->traffic.bytes_read);
        cJSON_AddNumberToObject(at, "bytes_written", (double)from->traffic.bytes_written);
        cJSON_AddNumberToObject(at, "bytes_peak", (double)from->memory.peak);
        cJSON_AddNumberToObject(at, "bytes_kept", (double)from->memory.kept);
    }
}

static bool print_json(const options *o, const weft_comparison *c)
{
    cJSON *root = cJSON_CreateObject();
    cJSON_AddNumberToObject(root, "schema", 1);
    cJSON_AddStringToObject(root, "command", "compare");
    cJSON_AddStringToObject(root, "first", o->expression[0]);
    cJSON_AddStringToObject(root, "second", o->expression[1]);
    cJSON_AddStringToObject(root, "agreement", agreement_name[c->agreement]);
    cJSON_AddStringToObject(root, "message", c->message);
    cJSON_AddNumberToObject(root, "trials", (double)c->trials);
    cJSON_AddNumberToObject(root, "refused", (double)c->refused);
    if (c->agreement == WEFT_SIDES_DIFFER) {
        cJSON *at = cJSON_AddObjectToObject(root, "failure");
        cJSON_AddStringToObject(at, "result", c->result[c->failed].name);
        cJSON_AddNumberToObject(at, "element", (double)c->element);
        cJSON_AddItemToObject(at, "first", number_to_json(c->value[0]));
        cJSON_AddItemToObject(at, "second", number_to_json(c->value[1]));
        add_lengths(at, c);
    }
    if (o->compare.size)
        add_measured(root, o, c);
    char *text = cJSON_Print(root);
    if (text)
        puts(text);
    cJSON_free(text);
    cJSON_Delete(root);
    return text != NULL;
}

/* --- options --- */

/* A copy of "NAME=WHAT", cut at the sign; NULL after saying what is wrong. */
static char *cut(options *o, const char *option, const char *value, char **what)
{
    char *name = o->n_texts < TEXTS ? strdup(value) : NULL, *sign = name ? strchr(name, '=') : NULL;
    if (name)
        o->text[o->n_texts++] = name;
    if (!sign || sign == name) {
        argument_refuse("compare", option, value, name ? "it must be NAME=..." : "there are too many of them");
        return NULL;
    }
    *sign = 0;
    *what = sign + 1;
    return name;
}

static weft_compare_input *input_named(options *o, const char *option, const char *value, const char *name)
{
    for (size_t i = 0; i < o->n; i++)
        if (!strcmp(o->input[i].name, name))
            return &o->input[i];
    argument_refuse("compare", option, value, "no --shape has that name");
    return NULL;
}

static bool add_shape(options *o, const char *value)
{
    char *what, *name = cut(o, "--shape", value, &what);
    if (!name || o->n == WEFT_MOST_INPUTS)
        return name && argument_refuse("compare", "--shape", value, "there are more than 8 inputs");
    o->input[o->n++] = (weft_compare_input){.name = name, .shape = what};
    return true;
}

static bool set_range(options *o, const char *value)
{
    char *what, *name = cut(o, "--range", value, &what), *colon = name ? strchr(what, ':') : NULL;
    weft_compare_input *in = name ? input_named(o, "--range", value, name) : NULL;
    if (!in || !colon)
        return in && argument_refuse("compare", "--range", value, "it must be NAME=LOW:HIGH");
    *colon = 0;
    return argument_real("compare", "--range", what, -1e300, 1e300, &in->low) && argument_real("compare", "--range", colon + 1, in->low, 1e300, &in->high);
}

static bool set_gradient(options *o, const char *value)
{
    char *what, *name = cut(o, "--gradient", value, &what);
    weft_compare_input *in = name ? input_named(o, "--gradient", value, name) : NULL;
    if (in)
        o->gradient[in - o->input] = what;
    o->by_hand = true;
    return in != NULL;
}

static bool set_size(options *o, const char *value)
{
    char *text = o->n_texts < TEXTS ? strdup(value) : NULL, *rest = NULL;
    if (text)
        o->text[o->n_texts++] = text;
    for (char *part = strtok_r(text, ",", &rest); part; part = strtok_r(NULL, ",", &rest)) {
        char *sign = strchr(part, '=');
        uint64_t length;
        if (!sign || o->compare.n_size == WEFT_MOST_LENGTHS)
            return argument_refuse("compare", "--size", value, "it must be N=4096,D=64");
        *sign = 0;
        if (!argument_whole("compare", "--size", sign + 1, 1, UINT32_MAX, &length))
            return false;
        o->size[o->compare.n_size++] = (weft_length){part, (size_t)length};
    }
    o->compare.size = o->size;
    return text != NULL;
}

/* Shapes first: the other options speak of their names. */
static bool set_shape(void *command, int option, const char *value)
{
    return option != 'S' || add_shape(command, value);
}

static bool set_option(void *command, int option, const char *value)
{
    options *o = command;
    weft_compare_input *in;
    char *what, *name;
    uint64_t whole;
    switch (option) {
    case 'S':
        return true; /* read before */
    case 'r':
        return set_range(o, value);
    case 'i':
        name = cut(o, "--index", value, &what);
        in = name ? input_named(o, "--index", value, name) : NULL;
        if (in)
            in->below = what;
        return in != NULL;
    case 'c':
        in = input_named(o, "--constant", value, value);
        if (in)
            in->constant = true;
        return in != NULL;
    case 'g':
        return set_gradient(o, value);
    case 'f':
        return o->compare.first_order = true;
    case 'n':
        if (!argument_whole("compare", "--trials", value, 1, 1000000, &whole))
            return false;
        o->compare.trials = (size_t)whole;
        return true;
    case 's':
        return argument_whole("compare", "--seed", value, 0, UINT64_MAX, &o->compare.seed);
    case 'z':
        return set_size(o, value);
    case 'd':
        o->compare.dtype = !strcmp(value, "f64") ? WEFT_F64 : WEFT_F32;
        return !strcmp(value, "f64") || !strcmp(value, "f32") || argument_refuse("compare", "--dtype", value, "it must be f32 or f64");
    case 'T':
        return argument_truth("compare", value, &o->compare.truth);
    case 't':
        return argument_real("compare", "--seconds", value, 0, 1000, &o->compare.seconds);
    case 'H':
        o->html = value;
        return *value || argument_refuse("compare", "--html", value, "it must be a file to write");
    case 'j':
        return o->json = true;
    case LIMITS_MEMORY:
    case LIMITS_WORK:
        return true; /* read before */
    default:
        return false;
    }
}

/* --- the command --- */

/* Inputs at the size that is measured, or where there is none as long as any that is drawn. */
static void record_inputs(const options *o, weft_tape *t, weft_node *x)
{
    for (size_t i = 0; i < o->n; i++) {
        weft_shape shape = {0};
        for (const char *at = o->input[i].shape; at && *at && shape.rank < WEFT_MAX_RANK; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
            size_t length = strtoul(at, NULL, 10), word = strspn(at += strspn(at, " "), NAME_LETTERS);
            for (size_t k = 0; k < o->compare.n_size && !length; k++)
                length = strlen(o->size[k].name) == word && !strncmp(o->size[k].name, at, word) ? o->size[k].value : 0;
            shape.dim[shape.rank++] = length ? length : LONGEST;
        }
        x[i] = weft_input(t, o->input[i].name, o->input[i].below ? WEFT_I64 : WEFT_F64, shape.rank, shape.dim);
    }
}

/* Each text can be read, else it is shown with line and caret; and what it costs at the longest lengths is within the limits. One that does not fit the
 * shapes is for weft_compare() to judge. */
static bool acceptable(options *o, const weft_allocator *allocator)
{
    const double runs = 20.0 * (double)(o->compare.trials ? o->compare.trials : 60);
    weft_tape *t = weft_tape_new(allocator);
    weft_node x[WEFT_MOST_INPUTS];
    weft_binding_name names[WEFT_MOST_INPUTS + 2];
    bool good = true;
    record_inputs(o, t, x);
    for (size_t i = 0; i < o->n; i++)
        names[i] = (weft_binding_name){o->input[i].name, x[i]};
    for (size_t k = 0; k < 2 + o->n && good && o->n; k++) {
        const char *text = k < 2 ? o->expression[k] : o->gradient[k - 2];
        char message[WEFT_MESSAGE_SIZE];
        weft_node found;
        names[o->n] = (weft_binding_name){"dy", x[0]};
        names[o->n + 1] = (weft_binding_name){"y", x[0]};
        weft_status status = text ? weft_parse(t, text, names, k < 2 ? o->n : o->n + 2, &found, message) : WEFT_ERROR_SHAPE;
        if (status == WEFT_ERROR_SYNTAX || status == WEFT_ERROR_MEMORY)
            good = limits_fail(&o->limits, status, message);
        else if (status == WEFT_OK)
            good = limits_allow(&o->limits, &found, 1, runs);
    }
    weft_tape_free(t);
    return good;
}

/* The page: what was compared, measured at more steps, offsets and sizes. */
static bool write_page(const options *o, const weft_side sides[2], const weft_comparison *c)
{
    static compare_charts charts;
    weft_tape *tape[2];
    report r = {.expression = {o->expression[0], o->expression[1]}, .gradient = o->by_hand ? o->gradient : NULL, .input = o->input, .n = o->n,
                .verdict = agreement_name[c->agreement], .comparison = c, .options = &o->compare};
    progress("measuring for the page", 0, 1, "");
    bool good = compare_charts_measure(&charts, sides, o->input, o->n, &o->compare);
    progress_end();
    r.charts = charts.chart;
    r.notes = charts.note;
    r.n_charts = charts.n;
    for (int s = 0; s < 2; s++) {
        weft_node x[WEFT_MOST_INPUTS];
        tape[s] = weft_tape_new(NULL);
        record_inputs(o, tape[s], x);
        r.graph[s] = sides[s].value(sides[s].context, x);
    }
    good = good && report_write(o->html, &r);
    weft_tape_free(tape[0]);
    weft_tape_free(tape[1]);
    return good;
}

static int compare(options *o)
{
    weft_allocator allocator = limits_allocator(&o->limits);
    const weft_expression_side text[] = {{"first", o->expression[0], NULL, o->input, o->n},
                                         {"second", o->expression[1], o->by_hand ? o->gradient : NULL, o->input, o->n}};
    const weft_side sides[] = {weft_side_of_expression(&text[0]), weft_side_of_expression(&text[1])};
    weft_comparison c;
    o->compare.allocator = &allocator;
    if (!acceptable(o, &allocator))
        return EXIT_BAD_USAGE;
    weft_status status = weft_compare(sides, o->input, o->n, &o->compare, &c);
    if (status != WEFT_OK) {
        limits_fail(&o->limits, status, c.message);
        return EXIT_BAD_USAGE;
    }
    if (!o->json)
        print_result(o, &c);
    else if (!print_json(o, &c))
        return EXIT_BAD_USAGE;
    if (o->html && c.agreement != WEFT_SIDES_REFUSE && !write_page(o, sides, &c))
        return EXIT_BAD_USAGE;
    return c.agreement == WEFT_SIDES_AGREE ? EXIT_GOOD : c.agreement == WEFT_SIDES_REFUSE ? EXIT_BAD_USAGE : EXIT_FAILED_CHECK;
}

static int with_options(options *o, int argc, char **argv)
{
    static const struct option known[] = {{"shape", required_argument, NULL, 'S'},    {"range", required_argument, NULL, 'r'},
                                          {"index", required_argument, NULL, 'i'},    {"constant", required_argument, NULL, 'c'},
                                          {"gradient", required_argument, NULL, 'g'}, {"first-order", no_argument, NULL, 'f'},
                                          {"trials", required_argument, NULL, 'n'},   {"seed", required_argument, NULL, 's'},
                                          {"size", required_argument, NULL, 'z'},     {"dtype", required_argument, NULL, 'd'},
                                          {"seconds", required_argument, NULL, 't'},  {"json", no_argument, NULL, 'j'},
                                          {"html", required_argument, NULL, 'H'},     {"truth", required_argument, NULL, 'T'},
                                          LIMITS_OPTIONS,                             {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    if (!limits_read(&o->limits, argc, argv, "h", known))
        return EXIT_BAD_USAGE;
    int status = arguments_read(argc, argv, &(argument_options){"h", known, set_shape, compare_sides_usage}, o);
    optind = 0; /* as the GNU library begins anew */
    if (status == ARGUMENTS_READ)
        status = arguments_read(argc, argv, &(argument_options){"h", known, set_option, compare_sides_usage}, o);
    if (status != ARGUMENTS_READ)
        return status;
    if (argc - optind != 2) {
        compare_sides_usage(stderr);
        return EXIT_BAD_USAGE;
    }
    if (o->html && !o->compare.size) {
        argument_refuse("compare", "--html", o->html, "what is drawn is measured at a size: give --size too");
        return EXIT_BAD_USAGE;
    }
    o->expression[0] = argv[optind];
    o->expression[1] = argv[optind + 1];
    return compare(o);
}

int command_compare_sides(int argc, char **argv)
{
    static options o;
    o = (options){.compare = {.seed = 1, .seconds = 0.3}, .limits = limits_default("compare")};
    int status = with_options(&o, argc, argv);
    for (size_t k = 0; k < o.n_texts; k++)
        free(o.text[k]);
    return status;
}

/* check.c: `weft check`: the derivative of an expression against central differences, with the sweep over their step. */
#define _GNU_SOURCE
#include "arguments.h"
#include "array_text.h"
#include "claims.h"
#include "commands.h"
#include "named.h"
#include "terminal.h"

#include <cjson/cJSON.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void usage(FILE *to)
{
    fputs("usage: weft check 'EXPR' [OPTION...]\n\n"
          "Compares the derivative of NumPy-flavoured text (see `weft eval --help`) with central differences (y(x+h) - y(x-h)) / 2h in f64,\n"
          "weighed by a random cotangent, and shows how the difference varies with h: where it falls as h*h down to rounding, the derivative is\n"
          "right; where it stays, the derivative is wrong, or the expression has a kink there.\n\n"
          "  --in NAME=WHAT     an array of the expression: a FILE.npy, FILE.npz, FILE.npz:ENTRY, a number, [[1,2],[3,4]], or (4,3) for normal\n"
          "                     numbers; NAME=WHAT may also stand behind EXPR by itself\n"
          "  --shape NAME=4,3   normal numbers of that shape\n"
          "  --wrt NAME,...     with respect to these (default all but those of indices)\n"
          "  --step NUMBER      h of the verdict, relative to max(1, |x|) (default 1e-5)\n"
          "  --tolerance NUMBER of the difference, relative to the largest entry (default 1e-6)\n"
          "  --claimed NAME=WHAT  a gradient for NAME that somebody claims, a FILE.npy, FILE.npz or an expression over the arrays and the cotangent\n"
          "                     dy: is it right, and if not, what is the mistake? dy is --in dy=FILE, or 1 for one number, else normal numbers\n"
          "  --seed N           of normal numbers and the cotangent (default 1)\n"
          "  --json             the result as one JSON document\n" LIMITS_USAGE "\n"
          "examples:\n"
          "  weft check 'batchnorm(h, gamma, beta)' --shape h=8,3 --shape gamma=3 --shape beta=3\n"
          "  weft check 'sum(exp(x) * y)' --in x=x.npy --in 'y=(3,)' --wrt x --json\n"
          "  weft check 'abs(x)' --in x=0\n"
          "  weft check 'x / sum(x)' --shape x=5 --claimed 'x=dy / sum(x)'\n\n"
          "Exit: 0 all derivatives are right, 1 one is not, or is 0 by construction, 2 bad usage or input.\n",
          to);
}

typedef struct options {
    const char *expression, *wrt[MOST_NAMED];
    size_t n_wrt;
    named_list in;
    claim_list claims;
    generator g;
    uint64_t seed;
    double step, tolerance;
    limits limits;
    bool json;
} options;

typedef struct checked {
    named *of;
    weft_gradcheck result;
} checked;

static const char *const verdict_name[] = {[WEFT_GRADIENT_RIGHT] = "right", [WEFT_GRADIENT_WRONG] = "wrong", [WEFT_GRADIENT_EMPTY] = "empty"};

/* --- the table --- */

/* Errors from 1e-14 to 1e2 on a logarithmic axis, two columns a decade, a line for each h. */
static void print_sweep(const weft_gradcheck *r)
{
    enum { LOW = -14, HIGH = 2, COLUMNS = 2 * (HIGH - LOW) };
    printf("    h        largest difference     1e%d%*s1e%d\n", LOW, COLUMNS - 8, "", HIGH);
    for (int s = 0; s < WEFT_SWEEP_STEPS; s++) {
        double error = r->sweep_error[s], decade = error > 0 ? log10(error) : LOW;
        int at = (int)lround(2 * (fmin(fmax(decade, LOW), HIGH) - LOW));
        printf("    %-8.0e %-20.3g   |", r->sweep_step[s], error);
        if (isfinite(error))
            printf("%*s*%*s|\n", at, "", COLUMNS - at, "");
        else
            printf("%*s|\n", COLUMNS + 1, "");
    }
}

static void print_table(const options *o, const checked *c, size_t n)
{
    char shape[ARRAY_SHAPE];
    printf("%s\n\n", o->expression);
    for (size_t i = 0; i < n; i++) {
        const weft_gradcheck *r = &c[i].result;
        bool right = r->verdict == WEFT_GRADIENT_RIGHT;
        printf("%s%s %s: %s%s\n", paint(right ? 1 : -1), c[i].of->name, array_shape(&c[i].of->array.shape, shape), verdict_name[r->verdict],
               paint_end());
        printf("  %s\n", r->message);
        printf("  worst element %zu: %.10g here, %.10g by differences; largest difference %.3g, relative %.3g\n", r->worst, r->analytic, r->numeric,
               r->max_abs, r->max_rel);
        print_sweep(r);
        printf("\n");
    }
    claims_print(&o->claims);
}

/* --- JSON --- */

static void add_check(cJSON *to, const checked *c)
{
    const weft_gradcheck *r = &c->result;
    cJSON_AddStringToObject(to, "name", c->of->name);
    array_to_json(to, &c->of->array, false);
    cJSON_AddStringToObject(to, "verdict", verdict_name[r->verdict]);
    cJSON_AddStringToObject(to, "message", r->message);
    cJSON_AddItemToObject(to, "max_abs", number_to_json(r->max_abs));
    cJSON_AddItemToObject(to, "max_rel", number_to_json(r->max_rel));
    cJSON_AddNumberToObject(to, "worst", (double)r->worst);
    cJSON_AddItemToObject(to, "analytic", number_to_json(r->analytic));
    cJSON_AddItemToObject(to, "numeric", number_to_json(r->numeric));
    cJSON *sweep = cJSON_AddArrayToObject(to, "sweep");
    for (int s = 0; s < WEFT_SWEEP_STEPS; s++) {
        cJSON *at = cJSON_CreateObject();
        cJSON_AddItemToArray(sweep, at);
        cJSON_AddItemToObject(at, "h", number_to_json(r->sweep_step[s]));
        cJSON_AddItemToObject(at, "error", number_to_json(r->sweep_error[s]));
    }
}

static bool print_json(const options *o, const checked *c, size_t n, bool right)
{
    cJSON *root = cJSON_CreateObject();
    cJSON_AddNumberToObject(root, "schema", 1);
    cJSON_AddStringToObject(root, "command", "check");
    cJSON_AddStringToObject(root, "expression", o->expression);
    cJSON_AddNumberToObject(root, "seed", (double)o->seed);
    cJSON *checks = cJSON_AddArrayToObject(root, "checks");
    for (size_t i = 0; i < n; i++) {
        cJSON *one = cJSON_CreateObject();
        cJSON_AddItemToArray(checks, one);
        add_check(one, &c[i]);
    }
    if (o->claims.n)
        claims_to_json(root, &o->claims);
    cJSON_AddBoolToObject(root, "verdict", right);
    char *text = cJSON_Print(root);
    if (text)
        puts(text);
    else
        fprintf(stderr, "weft: check: out of memory\n");
    cJSON_free(text);
    cJSON_Delete(root);
    return text != NULL;
}

/* --- the check --- */

static bool pick(options *o, checked *c, size_t *n)
{
    named *picked[MOST_NAMED];
    *n = 0;
    for (size_t i = 0; i < o->n_wrt; i++)
        if (!named_pick(&o->in, o->wrt[i], picked, n))
            return false;
    for (size_t i = 0; !o->n_wrt && i < o->in.n; i++)
        if (o->in.item[i].array.dtype != WEFT_I64 && !(o->claims.n && !strcmp(o->in.item[i].name, "dy")))
            picked[(*n)++] = &o->in.item[i];
    for (size_t i = 0; i < *n; i++)
        c[i].of = picked[i];
    if (!*n)
        fprintf(stderr, "weft: check: there is nothing to differentiate with respect to; give arrays with --in or --shape\n");
    return *n;
}

/* Two for each element, with the step of the verdict, one that shows whether y responds at all, and those of the sweep. */
static double evaluations(const checked *c, size_t n)
{
    double elements = 0;
    for (size_t i = 0; i < n; i++)
        elements += (double)weft_shape_count(&c[i].of->array.shape);
    return 2 * (2 + WEFT_SWEEP_STEPS) * elements;
}

static bool measure(options *o, weft_tape *tape, checked *c, size_t n)
{
    weft_binding bind[MOST_NAMED];
    weft_node x[MOST_NAMED];
    weft_gradcheck results[MOST_NAMED];
    weft_node y = named_parse(&o->in, tape, o->expression);
    if (weft_node_failed(y))
        return false;
    for (size_t i = 0; i < o->in.n; i++)
        bind[i] = (weft_binding){o->in.item[i].node, o->in.item[i].array.data, o->in.item[i].array.bytes};
    for (size_t i = 0; i < n; i++)
        x[i] = c[i].of->node;
    weft_gradcheck_options with = {.bind = bind, .n_bind = o->in.n, .seed = o->seed, .step = o->step, .tolerance = o->tolerance, .sweep = true};
    if (!limits_allow(&o->limits, &y, 1, evaluations(c, n)))
        return false;
    if (weft_gradient_check(y, x, n, &with, results) != WEFT_OK)
        return limits_fail(&o->limits, weft_tape_status(tape), weft_tape_message(tape));
    for (size_t i = 0; i < n; i++)
        c[i].result = results[i];
    return claims_measure(&o->claims, &o->in, tape, y, &o->g);
}

static int check(options *o)
{
    static checked c[MOST_NAMED];
    size_t n;
    o->g.state = o->seed;
    named_draw(&o->in, &o->g);
    if (!pick(o, c, &n) || !named_convert(&o->in, WEFT_F64))
        return EXIT_BAD_USAGE;
    const weft_allocator allocator = limits_allocator(&o->limits);
    weft_tape *tape = weft_tape_new(&allocator);
    named_inputs(&o->in, tape, "");
    bool good = measure(o, tape, c, n), right = claims_right(&o->claims);
    weft_tape_free(tape);
    for (size_t i = 0; good && i < n; i++)
        right &= c[i].result.verdict == WEFT_GRADIENT_RIGHT;
    if (good && o->json)
        good = print_json(o, c, n, right);
    else if (good)
        print_table(o, c, n);
    return !good ? EXIT_BAD_USAGE : right ? EXIT_GOOD : EXIT_FAILED_CHECK;
}

/* --- the command --- */

static bool set_option(void *command, int option, const char *value)
{
    options *o = command;
    switch (option) {
    case 'i':
        return named_add(&o->in, value, false);
    case 'S':
        return named_add_shape(&o->in, "--shape", value);
    case 'w':
        if (o->n_wrt == MOST_NAMED)
            return argument_refuse("check", "--wrt", value, "there are too many of them");
        o->wrt[o->n_wrt++] = value;
        return true;
    case 'c':
        return claims_add(&o->claims, value);
    case 'p':
        return argument_real("check", "--step", value, 1e-12, 1, &o->step);
    case 't':
        return argument_real("check", "--tolerance", value, 1e-15, 1, &o->tolerance);
    case 's':
        return argument_whole("check", "--seed", value, 0, UINT64_MAX, &o->seed);
    case 'j':
        o->json = true;
        return true;
    case LIMITS_MEMORY:
    case LIMITS_WORK:
        return true; /* read before */
    default:
        return false;
    }
}

static int with_options(options *o, int argc, char **argv)
{
    static const struct option known[] = {{"in", required_argument, NULL, 'i'},        {"shape", required_argument, NULL, 'S'},
                                          {"wrt", required_argument, NULL, 'w'},       {"step", required_argument, NULL, 'p'},
                                          {"tolerance", required_argument, NULL, 't'}, {"seed", required_argument, NULL, 's'},
                                          {"json", no_argument, NULL, 'j'},            {"claimed", required_argument, NULL, 'c'},
                                          LIMITS_OPTIONS,
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    if (!limits_read(&o->limits, argc, argv, "h", known))
        return EXIT_BAD_USAGE;
    int status = arguments_read(argc, argv, &(argument_options){"h", known, set_option, usage}, o);
    if (status != ARGUMENTS_READ)
        return status;
    o->expression = named_expression(&o->in, argc, argv);
    if (!o->expression) {
        usage(stderr);
        return EXIT_BAD_USAGE;
    }
    return check(o);
}

int command_check(int argc, char **argv)
{
    static options o;
    o = (options){.in = {.command = "check", .option = "--in", .limits = &o.limits},
                  .claims = {.limits = &o.limits, .files = {.command = "check", .option = "--claimed", .limits = &o.limits}},
                  .limits = limits_default("check"),
                  .seed = 1};
    int status = with_options(&o, argc, argv);
    named_free(&o.in);
    claims_free(&o.claims);
    return status;
}

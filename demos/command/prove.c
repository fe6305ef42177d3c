/* prove.c: `weft prove`: two expressions are equal for all inputs, by values in prime fields; or they are not, with a counterexample. */
#define _GNU_SOURCE
#include "arguments.h"
#include "array_text.h"
#include "commands.h"
#include "named.h"
#include "terminal.h"

#include <cjson/cJSON.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void usage(FILE *to)
{
    fputs("usage: weft prove 'EXPR' 'EXPR' [OPTION...]\n\n"
          "Are two expressions (see `weft eval --help`) equal for all inputs, exactly? Both are evaluated in prime fields at random points, where nothing\n"
          "rounds, so no tolerance is needed. What differs there is called different only where random real numbers show it too.\n"
          "Small shapes prove as much as large ones.\n\n"
          "  --shape NAME=4,3   an array of the expressions\n"
          "  --index NAME=4     an array of indices or labels, drawn from what its users accept; NAME= is a single one\n"
          "  --in NAME=WHAT     an array that has one value: a FILE.npy, FILE.npz, FILE.npz:ENTRY or a number\n"
          "  --grad NAME,...    the gradients with respect to these are to be equal too, for any gradient of the result\n"
          "  --gradient NAME    the second expression claims to be the gradient of the first with respect to NAME; it may use dy, the gradient of\n"
          "                     the result\n"
          "  --points N         at which both must agree (default 2, or 40 where signs, roots or indices are drawn)\n"
          "  --seed N           of the points (default 1)\n"
          "  --json             the result as one JSON document\n" LIMITS_USAGE "\n"
          "examples:\n"
          "  weft prove 'batchnorm(h, gamma, beta)' 'fused_batchnorm(h, gamma, beta)' --shape h=4,2 --shape gamma=2 --shape beta=2 \\\n"
          "             --grad h,gamma,beta\n"
          "  weft prove 'softmax(z, 1)' 'p = softmax(z, 1); p * (dy - sum(dy * p, 1, keepdims=1))' --shape z=2,3 --gradient z\n"
          "  weft prove 'sum((x - mean(x))**2)' 'sum(x**2) - 5*mean(x)**2' --shape x=5\n\n"
          "Exit: 0 proved, 1 refuted, or it could not be told, 2 bad usage or input.\n",
          to);
}

enum { MOST_PAIRS = MOST_NAMED + 1 };

typedef struct options {
    const char *expression[2], *grad[MOST_NAMED], *gradient;
    size_t n_grad;
    named_list in;
    uint64_t seed, points;
    limits limits;
    bool json;
    const char *pair[MOST_PAIRS]; /* "" for the values, else whose gradients they are */
} options;

static const char *const verdict_name[] = {[WEFT_NOT_PROVED] = "not proved", [WEFT_PROVED] = "proved", [WEFT_REFUTED] = "refuted"};

/* --- the result --- */

static const char *pair_name(const options *o, size_t pair, char text[NAMED_LENGTH + 16])
{
    snprintf(text, NAMED_LENGTH + 16, *o->pair[pair] ? "gradient for %s" : "value", o->pair[pair]);
    return text;
}

static void print_text(const options *o, const weft_proof *proof)
{
    char pair[NAMED_LENGTH + 16];
    printf("%s\n%s\n\n", o->expression[0], o->expression[1]);
    printf("%s%s%s%s\n", paint(proof->verdict == WEFT_PROVED ? 1 : -1), verdict_name[proof->verdict], paint_end(),
           proof->message + strlen(verdict_name[proof->verdict]));
    if (proof->verdict == WEFT_REFUTED)
        printf("%s, element %zu: %.17g against %.17g\n", pair_name(o, proof->pair, pair), proof->element, proof->left, proof->right);
}

static bool print_json(const options *o, const weft_proof *proof)
{
    char pair[NAMED_LENGTH + 16];
    cJSON *root = cJSON_CreateObject();
    cJSON_AddNumberToObject(root, "schema", 1);
    cJSON_AddStringToObject(root, "command", "prove");
    cJSON *expressions = cJSON_AddArrayToObject(root, "expressions");
    for (int i = 0; i < 2; i++)
        cJSON_AddItemToArray(expressions, cJSON_CreateString(o->expression[i]));
    cJSON_AddNumberToObject(root, "seed", (double)o->seed);
    cJSON_AddStringToObject(root, "verdict", verdict_name[proof->verdict]);
    cJSON_AddStringToObject(root, "message", proof->message);
    cJSON_AddNumberToObject(root, "points", (double)proof->points);
    cJSON_AddNumberToObject(root, "tries", (double)proof->tries);
    cJSON_AddItemToObject(root, "degree", number_to_json(proof->degree));
    cJSON_AddNumberToObject(root, "roots", (double)proof->roots);
    cJSON_AddNumberToObject(root, "signs", (double)proof->signs);
    cJSON_AddNumberToObject(root, "symbols", (double)proof->symbols);
    if (proof->verdict == WEFT_PROVED)
        cJSON_AddItemToObject(root, "false_equal", number_to_json(proof->false_equal));
    if (proof->verdict == WEFT_REFUTED) {
        cJSON_AddStringToObject(root, "of", pair_name(o, proof->pair, pair));
        cJSON_AddNumberToObject(root, "element", (double)proof->element);
        cJSON_AddItemToObject(root, "left", number_to_json(proof->left));
        cJSON_AddItemToObject(root, "right", number_to_json(proof->right));
    }
    char *text = cJSON_Print(root);
    if (text)
        puts(text);
    else
        fprintf(stderr, "weft: prove: out of memory\n");
    cJSON_free(text);
    cJSON_Delete(root);
    return text != NULL;
}

/* --- what is to be equal --- */

/* An input called dy, of the shape of y, unless there is an array of that name. */
static weft_node cotangent(options *o, weft_node y)
{
    for (size_t i = 0; i < o->in.n; i++)
        if (!strcmp(o->in.item[i].name, "dy"))
            return o->in.item[i].node;
    weft_shape shape = weft_node_shape(y);
    weft_node dy = weft_input(y.tape, "dy", weft_node_dtype(y), shape.rank, shape.dim);
    if (o->in.n < MOST_NAMED)
        o->in.item[o->in.n++] = (named){.name = "dy", .node = dy};
    return dy;
}

/* a and b: (MOST_PAIRS), n of them; false after saying on stderr what is wrong. */
static bool record(options *o, weft_tape *tape, weft_node *a, weft_node *b, size_t *n)
{
    named *picked[MOST_NAMED];
    weft_node x[MOST_NAMED], dy;
    size_t n_x = 0;
    for (size_t i = 0; i < o->n_grad; i++)
        if (!named_pick(&o->in, o->grad[i], picked, &n_x))
            return false;
    if (o->gradient && (n_x || strchr(o->gradient, ',')))
        return argument_refuse("prove", "--gradient", o->gradient, "it takes one name, and goes without --grad");
    if (o->gradient && !named_pick(&o->in, o->gradient, picked, &n_x))
        return false;
    for (size_t i = 0; i < n_x; i++)
        x[i] = picked[i]->node;
    o->pair[0] = "";
    a[0] = named_parse(&o->in, tape, o->expression[0]);
    if (weft_node_failed(a[0]))
        return false;
    dy = n_x ? cotangent(o, a[0]) : a[0];
    b[0] = named_parse(&o->in, tape, o->expression[1]);
    if (weft_node_failed(b[0]))
        return false;
    if (o->gradient) {
        o->pair[0] = picked[0]->name;
        weft_node y = a[0];
        weft_vjp(&y, &dy, 1, x, 1, a);
    } else if (n_x) {
        weft_vjp(a, &dy, 1, x, n_x, a + 1);
        weft_vjp(b, &dy, 1, x, n_x, b + 1);
        for (size_t i = 0; i < n_x; i++)
            o->pair[i + 1] = picked[i]->name;
    }
    *n = o->gradient ? 1 : 1 + n_x;
    return weft_tape_status(tape) == WEFT_OK || limits_fail(&o->limits, weft_tape_status(tape), weft_tape_message(tape));
}

enum { EVALUATIONS = 2000 /* as many runs as 40 points may take as long as: a product in the field is some 20 times as slow */ };

static bool prove(options *o, weft_tape *tape, weft_proof *proof)
{
    weft_node a[MOST_PAIRS], b[MOST_PAIRS];
    weft_binding bind[MOST_NAMED];
    size_t n = 0, n_bind = 0;
    if (!record(o, tape, a, b, &n) || !limits_allow(&o->limits, a, n, EVALUATIONS) || !limits_allow(&o->limits, b, n, EVALUATIONS))
        return false;
    for (size_t i = 0; i < o->in.n; i++)
        if (o->in.item[i].array.data && !o->in.item[i].random)
            bind[n_bind++] = (weft_binding){o->in.item[i].node, o->in.item[i].array.data, o->in.item[i].array.bytes};
    const weft_prove_options with = {.bind = bind, .n_bind = n_bind, .points = o->points, .seed = o->seed};
    return weft_prove(a, b, n, &with, proof) == WEFT_OK || limits_fail(&o->limits, weft_tape_status(tape), weft_tape_message(tape));
}

static int run(options *o)
{
    if (!named_convert(&o->in, WEFT_F64))
        return EXIT_BAD_USAGE;
    const weft_allocator allocator = limits_allocator(&o->limits);
    weft_tape *tape = weft_tape_new(&allocator);
    weft_proof proof;
    named_inputs(&o->in, tape, "");
    bool good = prove(o, tape, &proof);
    weft_tape_free(tape);
    if (good && o->json)
        good = print_json(o, &proof);
    else if (good)
        print_text(o, &proof);
    return !good ? EXIT_BAD_USAGE : proof.verdict == WEFT_PROVED ? EXIT_GOOD : EXIT_FAILED_CHECK;
}

/* --- the command --- */

/* Its numbers are never read. */
static bool add_shape(options *o, const char *option, const char *value, weft_dtype dtype)
{
    bool good = named_add_shape(&o->in, option, value);
    if (good)
        o->in.item[o->in.n - 1].array.dtype = dtype;
    return good;
}

static bool set_option(void *command, int option, const char *value)
{
    options *o = command;
    switch (option) {
    case 'i':
        return named_add(&o->in, value, false);
    case 'S':
        return add_shape(o, "--shape", value, WEFT_F64);
    case 'I':
        return add_shape(o, "--index", value, WEFT_I64);
    case 'g':
        if (o->n_grad == MOST_NAMED)
            return argument_refuse("prove", "--grad", value, "there are too many of them");
        o->grad[o->n_grad++] = value;
        return true;
    case 'G':
        o->gradient = value;
        return true;
    case 'p':
        return argument_whole("prove", "--points", value, 1, 1000000, &o->points);
    case 's':
        return argument_whole("prove", "--seed", value, 0, UINT64_MAX, &o->seed);
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
    static const struct option known[] = {{"in", required_argument, NULL, 'i'},    {"shape", required_argument, NULL, 'S'},
                                          {"index", required_argument, NULL, 'I'}, {"grad", required_argument, NULL, 'g'},
                                          {"gradient", required_argument, NULL, 'G'}, {"points", required_argument, NULL, 'p'},
                                          {"seed", required_argument, NULL, 's'},  {"json", no_argument, NULL, 'j'},
                                          LIMITS_OPTIONS,                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    if (!limits_read(&o->limits, argc, argv, "h", known))
        return EXIT_BAD_USAGE;
    int status = arguments_read(argc, argv, &(argument_options){"h", known, set_option, usage}, o);
    if (status != ARGUMENTS_READ)
        return status;
    if (optind + 2 != argc) {
        fprintf(stderr, "weft: prove: it takes two expressions, in quotes, and was given %d\n\n", argc - optind);
        usage(stderr);
        return EXIT_BAD_USAGE;
    }
    o->expression[0] = argv[optind];
    o->expression[1] = argv[optind + 1];
    return run(o);
}

int command_prove(int argc, char **argv)
{
    static options o;
    o = (options){.in = {.command = "prove", .option = "--shape", .limits = &o.limits}, .limits = limits_default("prove"), .seed = 1};
    int status = with_options(&o, argc, argv);
    named_free(&o.in);
    return status;
}

/* why.c: `weft why`: which node made the first NaN or Inf of an expression, and why a gradient of it is zero. */
#define _GNU_SOURCE
#include "arguments.h"
#include "array_text.h"
#include "commands.h"
#include "named.h"
#include "terminal.h"

#include <cjson/cJSON.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

static void usage(FILE *to)
{
    fputs("usage: weft why nan  'EXPR' [OPTION...]\n"
          "       weft why zero 'EXPR' [OPTION...]\n\n"
          "nan:  the first node of NumPy-flavoured text (see `weft eval --help`) that made a NaN or Inf which led to one in the result.\n"
          "zero: why the gradient of the sum of the result is 0, for each array: no path, a node that lets nothing back, a flat place such as a dead\n"
          "      relu, a factor of 0, terms that cancel by construction, underflow.\n\n"
          "  --in NAME=WHAT     an array of the expression: a FILE.npy, FILE.npz, FILE.npz:ENTRY, a number, [[1,2],[3,4]], or (4,3) for normal\n"
          "                     numbers; NAME=WHAT may also stand behind EXPR by itself\n"
          "  --wrt NAME,...     zero: with respect to these (default all but those of indices)\n"
          "  --dtype f32|f64    (default f64 where one of the arrays is, else f32)\n"
          "  --seed N           of normal numbers (default 1)\n"
          "  --json             the answers as one JSON document\n" LIMITS_USAGE "\n"
          "examples:\n"
          "  weft why nan 'sqrt(x) / x' --in x=0\n"
          "  weft why zero 'sum(softmax(z))' --in 'z=(2,3)'\n"
          "  weft why zero 'relu(x) * y' --in x=-1 --in y=2 --wrt x --json\n\n"
          "Exit: 0 there is nothing to explain, 1 there is, 2 bad usage or input.\n",
          to);
}

typedef struct answer {
    const char *of; /* the array; NULL: the result */
    weft_why why;
} answer;

typedef struct question {
    const char *expression, *wrt[MOST_NAMED];
    size_t n_wrt;
    bool zero, json, dtype_given;
    weft_dtype dtype;
    generator g;
    named_list in;
    limits limits;
    answer answers[MOST_NAMED];
    size_t n;
} question;

static const char *const reason_name[] = {
    [WEFT_WHY_NOTHING] = "nothing", [WEFT_WHY_GIVEN] = "given",           [WEFT_WHY_MADE] = "made",         [WEFT_WHY_NO_PATH] = "no path",
    [WEFT_WHY_STOPPED] = "stopped", [WEFT_WHY_FLAT] = "flat",             [WEFT_WHY_TIMES_ZERO] = "times zero", [WEFT_WHY_NOT_READ] = "not read",
    [WEFT_WHY_CANCELS] = "cancels", [WEFT_WHY_UNDERFLOW] = "underflow"};

/* --- what is said --- */

static void print_answers(const question *q)
{
    for (size_t i = 0; i < q->n; i++) {
        const weft_why *why = &q->answers[i].why;
        printf("%s%s%s%s%s\n  %s\n", paint(why->reason == WEFT_WHY_NOTHING ? 1 : -1), q->answers[i].of ? q->answers[i].of : "", q->answers[i].of ? ": " : "",
               reason_name[why->reason], paint_end(), why->message);
    }
}

static void add_node(cJSON *to, weft_node x, size_t element, double value)
{
    cJSON_AddNumberToObject(to, "id", (double)x.id);
    cJSON_AddStringToObject(to, "op", weft_op_name(weft_node_op(x)));
    cJSON_AddStringToObject(to, "name", weft_node_name(x));
    cJSON_AddStringToObject(to, "scope", weft_node_scope(x));
    cJSON_AddNumberToObject(to, "element", (double)element);
    cJSON_AddItemToObject(to, "value", number_to_json(value));
}

static void add_answer(cJSON *to, const answer *a)
{
    const weft_why *why = &a->why;
    if (a->of)
        cJSON_AddStringToObject(to, "wrt", a->of);
    cJSON_AddStringToObject(to, "reason", reason_name[why->reason]);
    cJSON_AddStringToObject(to, "message", why->message);
    cJSON_AddNumberToObject(to, "affected", (double)why->affected);
    cJSON_AddNumberToObject(to, "count", (double)why->count);
    if (!weft_node_op(why->node))
        return;
    add_node(cJSON_AddObjectToObject(to, "node"), why->node, why->element, why->value);
    cJSON *operands = cJSON_AddArrayToObject(to, "operands");
    for (int i = 0; i < why->n; i++) {
        cJSON *operand = cJSON_CreateObject();
        cJSON_AddItemToArray(operands, operand);
        add_node(operand, why->operand[i], why->operand_element[i], why->operand_value[i]);
    }
}

static bool print_json(const question *q, bool nothing)
{
    cJSON *root = cJSON_CreateObject();
    cJSON_AddNumberToObject(root, "schema", 1);
    cJSON_AddStringToObject(root, "command", "why");
    cJSON_AddStringToObject(root, "question", q->zero ? "zero" : "nan");
    cJSON_AddStringToObject(root, "expression", q->expression);
    cJSON_AddStringToObject(root, "dtype", weft_dtype_name(q->dtype));
    cJSON *answers = cJSON_AddArrayToObject(root, "answers");
    for (size_t i = 0; i < q->n; i++) {
        cJSON *one = cJSON_CreateObject();
        cJSON_AddItemToArray(answers, one);
        add_answer(one, &q->answers[i]);
    }
    cJSON_AddBoolToObject(root, "verdict", nothing);
    char *text = cJSON_Print(root);
    if (text)
        puts(text);
    else
        fprintf(stderr, "weft: why: out of memory\n");
    cJSON_free(text);
    cJSON_Delete(root);
    return text != NULL;
}

/* --- what is asked --- */

static bool pick(question *q, named **picked, size_t *n)
{
    *n = 0;
    for (size_t i = 0; i < q->n_wrt; i++)
        if (!named_pick(&q->in, q->wrt[i], picked, n))
            return false;
    for (size_t i = 0; !q->n_wrt && i < q->in.n; i++)
        if (q->in.item[i].array.dtype != WEFT_I64)
            picked[(*n)++] = &q->in.item[i];
    if (!*n)
        fprintf(stderr, "weft: why: there is nothing to differentiate with respect to; give arrays with --in\n");
    return *n;
}

/* A run of the value and of some five adjoints an edge. */
static bool ask_all(question *q, weft_tape *tape)
{
    enum { OF_A_VALUE = 12 };
    weft_binding bind[MOST_NAMED];
    named *picked[MOST_NAMED];
    weft_status status = WEFT_OK;
    weft_node y = named_parse(&q->in, tape, q->expression);
    q->n = 1;
    if (weft_node_failed(y) || (q->zero && !pick(q, picked, &q->n)))
        return false;
    if (!limits_allow(&q->limits, &y, 1, q->zero ? OF_A_VALUE * (double)q->n : 1))
        return false;
    for (size_t i = 0; i < q->in.n; i++)
        bind[i] = (weft_binding){q->in.item[i].node, q->in.item[i].array.data, q->in.item[i].array.bytes};
    for (size_t i = 0; i < q->n && status == WEFT_OK; i++) {
        answer *a = &q->answers[i];
        a->of = q->zero ? picked[i]->name : NULL;
        status = q->zero ? weft_why_zero(y, picked[i]->node, bind, q->in.n, &a->why) : weft_why_nan(y, bind, q->in.n, &a->why);
    }
    return status == WEFT_OK || limits_fail(&q->limits, weft_tape_status(tape), weft_tape_message(tape));
}

static int ask(question *q)
{
    bool nothing = true;
    if (!q->dtype_given)
        q->dtype = named_dtype(&q->in);
    named_draw(&q->in, &q->g);
    if (!named_convert(&q->in, q->dtype))
        return EXIT_BAD_USAGE;
    const weft_allocator allocator = limits_allocator(&q->limits);
    weft_tape *tape = weft_tape_new(&allocator);
    named_inputs(&q->in, tape, "");
    bool good = ask_all(q, tape);
    for (size_t i = 0; good && i < q->n; i++)
        nothing &= q->answers[i].why.reason == WEFT_WHY_NOTHING;
    if (good && q->json)
        good = print_json(q, nothing);
    else if (good)
        print_answers(q);
    weft_tape_free(tape);
    return !good ? EXIT_BAD_USAGE : nothing ? EXIT_GOOD : EXIT_FAILED_CHECK;
}

/* --- the command --- */

static bool set_option(void *command, int option, const char *value)
{
    question *q = command;
    switch (option) {
    case 'i':
        return named_add(&q->in, value, false);
    case 'w':
        if (q->n_wrt == MOST_NAMED)
            return argument_refuse("why", "--wrt", value, "there are too many of them");
        q->wrt[q->n_wrt++] = value;
        return true;
    case 'd':
        q->dtype = !strcmp(value, "f64") ? WEFT_F64 : WEFT_F32;
        q->dtype_given = true;
        return !strcmp(value, "f64") || !strcmp(value, "f32") || argument_refuse("why", "--dtype", value, "it must be f32 or f64");
    case 's':
        return argument_whole("why", "--seed", value, 0, UINT64_MAX, &q->g.state);
    case 'j':
        q->json = true;
        return true;
    case LIMITS_MEMORY:
    case LIMITS_WORK:
        return true; /* read before */
    default:
        return false;
    }
}

/* "nan" or "zero" is the first word, wherever the options stand; getopt_long() has put the words last. */
static bool take_question(question *q, int argc, char **argv)
{
    const char *word = optind < argc ? argv[optind] : "";
    q->zero = !strcmp(word, "zero");
    if (q->zero || !strcmp(word, "nan")) {
        optind++;
        return true;
    }
    fprintf(stderr, "weft: why: \"%s\" is no question; it must be nan or zero\n\n", word);
    return false;
}

static int with_options(question *q, int argc, char **argv)
{
    static const struct option known[] = {{"in", required_argument, NULL, 'i'},   {"wrt", required_argument, NULL, 'w'},
                                          {"dtype", required_argument, NULL, 'd'}, {"seed", required_argument, NULL, 's'},
                                          {"json", no_argument, NULL, 'j'},       LIMITS_OPTIONS,
                                          {"help", no_argument, NULL, 'h'},       {NULL, 0, NULL, 0}};
    if (!limits_read(&q->limits, argc, argv, "h", known))
        return EXIT_BAD_USAGE;
    int status = arguments_read(argc, argv, &(argument_options){"h", known, set_option, usage}, q);
    if (status != ARGUMENTS_READ)
        return status;
    q->expression = take_question(q, argc, argv) ? named_expression(&q->in, argc, argv) : NULL;
    if (!q->expression) {
        usage(stderr);
        return EXIT_BAD_USAGE;
    }
    return ask(q);
}

int command_why(int argc, char **argv)
{
    static question q;
    q = (question){.in = {.command = "why", .option = "--in", .limits = &q.limits}, .limits = limits_default("why"), .g = {1}};
    int status = with_options(&q, argc, argv);
    named_free(&q.in);
    return status;
}

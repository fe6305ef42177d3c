/* audit.c: `weft audit`: what each node of an expression in f32 or f64 loses, what it inherits, and what comes of it; staged, compiled and fused side by side. */
#define _GNU_SOURCE
#include "arguments.h"
#include "array_text.h"
#include "commands.h"
#include "named.h"
#include "terminal.h"

#include <cjson/cJSON.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ROWS_SHOWN = 20 };

static void usage(FILE *to)
{
    fputs("usage: weft audit 'EXPR' [OPTION...]\n\n"
          "Runs NumPy-flavoured text (see `weft eval --help`) in f32 and in f64 on the same inputs, or in f64 and with many digits, and lists per node, in\n"
          "ulp: what the op made of the operands that it got, what it inherited with them, and what its own error comes to at the result, worst first.\n\n"
          "  --in NAME=WHAT     an array of the expression: a FILE.npy, FILE.npz, FILE.npz:ENTRY, a number, [[1,2],[3,4]], or (4,3) for normal\n"
          "                     numbers; NAME=WHAT may also stand behind EXPR by itself\n"
          "  --fused 'EXPR'     what is to equal it, to be measured beside it\n"
          "  --compiled         the C backend, too\n"
          "  --dtype f32|f64    of the expression, and of its inputs (default f32)\n"
          "  --truth f64|mpfr   what errors are measured against (default f64 for f32, mpfr for f64: where Weft was built with it)\n"
          "  --rows N           of the table (default 20)\n"
          "  --seed N           of normal numbers (default 1)\n"
          "  --json             the result as one JSON document, with all rows\n" LIMITS_USAGE "\n"
          "examples:\n"
          "  weft audit 'log(1 + x)' --in x=1e-5\n"
          "  weft audit 'mean(h*h, 0) - mean(h, 0)**2' --in 'h=(64,3)' --dtype f64\n"
          "  weft audit 'batchnorm(h + 1e4, g, b)' --in 'h=(64,3)' --in 'g=(3,)' --in 'b=(3,)' --fused 'fused_batchnorm(h + 1e4, g, b)'\n\n"
          "Exit: 0 computed, 2 bad usage or input.\n",
          to);
}

typedef struct inquiry {
    const char *expression, *fused;
    bool compiled, json;
    weft_dtype dtype;
    weft_truth truth;
    uint64_t rows;
    generator g;
    named_list in;
    limits limits;
    weft_audit_report report;
} inquiry;

static const char *const way_name[] = {[WEFT_AUDIT_STAGED] = "staged", [WEFT_AUDIT_RECORDED] = "recorded", [WEFT_AUDIT_REWRITTEN] = "rewritten",
                                       [WEFT_AUDIT_COMPILED] = "compiled", [WEFT_AUDIT_FUSED] = "fused"};
static const char *const way_says[] = {
    [WEFT_AUDIT_STAGED] = "a node at a time, each result stored",   [WEFT_AUDIT_RECORDED] = "one program of the graph as recorded",
    [WEFT_AUDIT_REWRITTEN] = "one program of the rewritten graph",         [WEFT_AUDIT_COMPILED] = "the same, compiled as C",
    [WEFT_AUDIT_FUSED] = "the program of --fused"};

/* --- what is said --- */

static void print_table(const inquiry *q)
{
    const weft_audit_report *r = &q->report;
    printf("%s\n\n%-32s %12s %12s %12s   in ulp of %s, against %s\n", q->expression, "node", "made", "inherited", "at result", weft_dtype_name(q->dtype),
           truth_name(r->truth));
    for (size_t k = 0; k < r->n_rows && k < q->rows; k++) {
        const weft_audit_row *row = &r->rows[k];
        char node[128];
        const char *name = weft_node_name(row->node);
        snprintf(node, sizeof node, "%%%u %.20s%s%.60s", row->node.id, weft_op_name(weft_node_op(row->node)), *name ? " " : "", name);
        printf("%-32s %12.4g %12.4g %12.4g\n", node, row->made.largest, row->inherited.largest, row->carried.largest);
    }
    if (r->n_rows > q->rows)
        printf("... and %zu more\n", r->n_rows - (size_t)q->rows);
    printf("\n%-32s %12s %12s\n", "result", "largest", "rms");
    for (int way = 0; way < WEFT_AUDIT_WAYS; way++)
        if (!isnan(r->outputs[0][way].largest))
            printf("%-32s %12.4g %12.4g   %s\n", way_name[way], r->outputs[0][way].largest, r->outputs[0][way].rms, way_says[way]);
}

static void add_ulps(cJSON *to, const char *what, const weft_ulps *ulps)
{
    cJSON *o = cJSON_AddObjectToObject(to, what);
    cJSON_AddItemToObject(o, "largest", number_to_json(ulps->largest));
    cJSON_AddItemToObject(o, "rms", number_to_json(ulps->rms));
    cJSON_AddNumberToObject(o, "element", (double)ulps->worst);
}

static bool print_json(const inquiry *q)
{
    const weft_audit_report *r = &q->report;
    cJSON *root = cJSON_CreateObject();
    cJSON_AddNumberToObject(root, "schema", 1);
    cJSON_AddStringToObject(root, "command", "audit");
    cJSON_AddStringToObject(root, "expression", q->expression);
    cJSON_AddStringToObject(root, "dtype", weft_dtype_name(q->dtype));
    cJSON_AddStringToObject(root, "truth", truth_name(r->truth));
    cJSON *rows = cJSON_AddArrayToObject(root, "nodes");
    for (size_t k = 0; k < r->n_rows; k++) {
        const weft_audit_row *row = &r->rows[k];
        cJSON *one = cJSON_CreateObject();
        cJSON_AddItemToArray(rows, one);
        cJSON_AddNumberToObject(one, "id", (double)row->node.id);
        cJSON_AddStringToObject(one, "op", weft_op_name(weft_node_op(row->node)));
        cJSON_AddStringToObject(one, "name", weft_node_name(row->node));
        cJSON_AddStringToObject(one, "scope", weft_node_scope(row->node));
        add_ulps(one, "made", &row->made);
        add_ulps(one, "inherited", &row->inherited);
        add_ulps(one, "carried", &row->carried);
    }
    cJSON *result = cJSON_AddObjectToObject(root, "result");
    for (int way = 0; way < WEFT_AUDIT_WAYS; way++)
        if (!isnan(r->outputs[0][way].largest))
            add_ulps(result, way_name[way], &r->outputs[0][way]);
    char *text = cJSON_Print(root);
    if (text)
        puts(text);
    else
        fprintf(stderr, "weft: audit: out of memory\n");
    cJSON_free(text);
    cJSON_Delete(root);
    return text != NULL;
}

/* --- what is asked --- */

/* For every node that makes an error the graph is run once more. */
static bool allow(inquiry *q, const weft_node *y, size_t n)
{
    bool many_digits = q->truth == WEFT_TRUTH_MPFR || (q->truth == WEFT_TRUTH_DEFAULT && q->dtype == WEFT_F64);
    return limits_allow(&q->limits, y, n, (8 + (double)weft_tape_count(y[0].tape)) * (many_digits ? 100 : 1));
}

static bool measure(inquiry *q, weft_tape *tape)
{
    weft_binding bind[MOST_NAMED];
    weft_node y[2];
    size_t n = q->fused ? 2 : 1;
    y[0] = named_parse(&q->in, tape, q->expression);
    if (weft_node_failed(y[0]))
        return false;
    if (q->fused)
        y[1] = named_parse(&q->in, tape, q->fused);
    if ((q->fused && weft_node_failed(y[1])) || !allow(q, y, n))
        return false;
    for (size_t i = 0; i < q->in.n; i++)
        bind[i] = (weft_binding){q->in.item[i].node, q->in.item[i].array.data, q->in.item[i].array.bytes};
    const weft_options compiled = {0};
    if (q->dtype == WEFT_F32 && q->truth == WEFT_TRUTH_DEFAULT)
        q->truth = WEFT_TRUTH_F64; /* also where the expression has no f32 in it, which is then refused */
    weft_audit_options with = {.bind = bind, .n_bind = q->in.n, .fused = q->fused ? &y[1] : NULL, .compiled = q->compiled ? &compiled : NULL, .truth = q->truth};
    q->dtype = weft_node_dtype(y[0]);
    return weft_audit(y, 1, &with, &q->report) == WEFT_OK || limits_fail(&q->limits, weft_tape_status(tape), weft_tape_message(tape));
}

static int inquire(inquiry *q)
{
    named_draw(&q->in, &q->g);
    if (!named_convert(&q->in, q->dtype))
        return EXIT_BAD_USAGE;
    const weft_allocator allocator = limits_allocator(&q->limits);
    weft_tape *tape = weft_tape_new(&allocator);
    named_inputs(&q->in, tape, "");
    bool good = measure(q, tape);
    if (good && q->json)
        good = print_json(q);
    else if (good)
        print_table(q);
    weft_audit_free(&q->report);
    weft_tape_free(tape);
    return good ? EXIT_GOOD : EXIT_BAD_USAGE;
}

/* --- the command --- */

static bool set_option(void *command, int option, const char *value)
{
    inquiry *q = command;
    switch (option) {
    case 'i':
        return named_add(&q->in, value, false);
    case 'f':
        q->fused = value;
        return true;
    case 'c':
        q->compiled = true;
        return true;
    case 'd':
        q->dtype = !strcmp(value, "f64") ? WEFT_F64 : WEFT_F32;
        return !strcmp(value, "f64") || !strcmp(value, "f32") || argument_refuse("audit", "--dtype", value, "it must be f32 or f64");
    case 't':
        return argument_truth("audit", value, &q->truth);
    case 'r':
        return argument_whole("audit", "--rows", value, 0, UINT32_MAX, &q->rows);
    case 's':
        return argument_whole("audit", "--seed", value, 0, UINT64_MAX, &q->g.state);
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

static int with_options(inquiry *q, int argc, char **argv)
{
    static const struct option known[] = {{"in", required_argument, NULL, 'i'},   {"fused", required_argument, NULL, 'f'},
                                          {"compiled", no_argument, NULL, 'c'},   {"rows", required_argument, NULL, 'r'},
                                          {"seed", required_argument, NULL, 's'}, {"json", no_argument, NULL, 'j'},
                                          {"dtype", required_argument, NULL, 'd'}, {"truth", required_argument, NULL, 't'},
                                          LIMITS_OPTIONS,                         {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    if (!limits_read(&q->limits, argc, argv, "h", known))
        return EXIT_BAD_USAGE;
    int status = arguments_read(argc, argv, &(argument_options){"h", known, set_option, usage}, q);
    if (status != ARGUMENTS_READ)
        return status;
    q->expression = named_expression(&q->in, argc, argv);
    if (!q->expression) {
        usage(stderr);
        return EXIT_BAD_USAGE;
    }
    return inquire(q);
}

int command_audit(int argc, char **argv)
{
    static inquiry q;
    q = (inquiry){.in = {.command = "audit", .option = "--in", .limits = &q.limits}, .limits = limits_default("audit"), .g = {1}, .rows = ROWS_SHOWN};
    int status = with_options(&q, argc, argv);
    named_free(&q.in);
    return status;
}

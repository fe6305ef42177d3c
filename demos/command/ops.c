/* ops.c: `weft ops`: what expressions may call, with formulas and derivatives that the engine gives: each function is recorded on small inputs by way
 * of an example in its own syntax, weft_vjp() records its derivative for a cotangent dy, and both are printed from the tape. */
#define _GNU_SOURCE
#include "array_text.h"
#include "commands.h"
#include "terminal.h"
#include "weft_op.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void usage(FILE *to)
{
    fputs("usage: weft ops [NAME...] [OPTION...]\n\n"
          "The functions that expressions may call: how they are called, what they compute, and their derivative as the engine derives it: dx is\n"
          "the adjoint of x, dy that of the result y. Without NAME all of them, a line each.\n\n"
          "  --all     all of them, in full\n"
          "  --json    the result as one JSON document\n\n"
          "examples:\n  weft ops\n  weft ops softmax pow\n  weft ops --all --json\n\n"
          "Exit: 0 good, 2 bad usage.\n",
          to);
}

enum { MOST_LINES = 48, LONGEST = 2000, NAME_LENGTH = 72 };

/* A function on small inputs. */
typedef struct example {
    weft_tape *tape;
    weft_binding_name x[2 * WEFT_MAX_ARGUMENTS]; /* those that are not i64 come with a derivative */
    char name[2 * WEFT_MAX_ARGUMENTS][32];
    size_t n;
    char call[512], message[WEFT_MESSAGE_SIZE];
    weft_node y;
} example;

/* --- small inputs --- */

/* Letters are lengths, so that no two of a function's are alike; "..." is one axis. */
static size_t length_called(const char *text, size_t n)
{
    static const struct {
        char letter;
        size_t length;
    } lengths[] = {{'N', 4}, {'C', 3}, {'D', 5}, {'M', 2}, {'K', 3}, {'H', 2}, {'L', 6}, {'T', 4}, {'S', 5}};
    if (*text >= '0' && *text <= '9')
        return strtoul(text, NULL, 10);
    for (size_t i = 0; n == 1 && i < sizeof lengths / sizeof *lengths; i++)
        if (lengths[i].letter == *text)
            return lengths[i].length;
    return 2;
}

static weft_shape shape_of(weft_piece text)
{
    weft_shape shape = {0};
    if (!text.length)
        return shape; /* it says none: a scalar */
    const char *at = text.text, *end = text.text + text.length;
    while (at < end) {
        at += strspn(at, "(), ");
        size_t n = strcspn(at, "(), ");
        if (at < end && n && shape.rank < WEFT_MAX_RANK)
            shape.dim[shape.rank++] = length_called(at, n);
        at += n;
    }
    return shape;
}

static void append(char *to, size_t size, const char *text, size_t n)
{
    size_t used = strlen(to);
    if (used + n + 1 < size) {
        memcpy(to + used, text, n);
        to[used + n] = 0;
    }
}

static void add_input(example *e, const weft_formal *f, int number)
{
    weft_shape shape = shape_of(f->shape);
    snprintf(e->name[e->n], sizeof e->name[e->n], number < 0 ? "%.*s" : "%.*s%d", (int)(f->name.length < 24 ? f->name.length : 24), f->name.text,
             number);
    e->x[e->n] = (weft_binding_name){e->name[e->n], weft_input(e->tape, e->name[e->n], f->indices ? WEFT_I64 : WEFT_F64, shape.rank, shape.dim)};
    append(e->call, sizeof e->call, e->name[e->n], strlen(e->name[e->n]));
    e->n++;
}

/* What stands in the call for a parameter that needs a value; nothing for others. */
static void add_argument(example *e, const weft_formal *f)
{
    if (f->otherwise.length && !f->example.length)
        return;
    if (e->call[strlen(e->call) - 1] != '(')
        append(e->call, sizeof e->call, ", ", 2);
    if (f->kind == WEFT_ARGUMENT_NODE) {
        add_input(e, f, -1);
    } else if (f->kind == WEFT_ARGUMENT_NODES) {
        append(e->call, sizeof e->call, "(", 1);
        add_input(e, f, 0);
        append(e->call, sizeof e->call, ", ", 2);
        add_input(e, f, 1);
        append(e->call, sizeof e->call, ")", 1);
    } else {
        append(e->call, sizeof e->call, f->name.text, f->name.length);
        append(e->call, sizeof e->call, "=", 1);
        append(e->call, sizeof e->call, f->example.length ? f->example.text : "1", f->example.length ? f->example.length : 1);
    }
}

/* False where the example does not hold, which the message explains. */
static bool record_example(example *e, const weft_function *f)
{
    weft_formal formals[WEFT_MAX_ARGUMENTS];
    int n = weft_signature_read(f->signature, formals);
    *e = (example){.tape = weft_tape_new(NULL)};
    snprintf(e->call, sizeof e->call, "%.60s(", f->name);
    for (int i = 0; i < n; i++)
        add_argument(e, &formals[i]);
    append(e->call, sizeof e->call, ")", 1);
    if (weft_parse(e->tape, e->call, e->x, e->n, &e->y, e->message) != WEFT_OK)
        return false;
    if (!*weft_node_name(e->y))
        weft_name(e->y, "y");
    return true;
}

/* --- text --- */

typedef struct text {
    char bytes[LONGEST];
    size_t n;
} text;

static bool write_text(void *context, const char *bytes, size_t n)
{
    text *t = context;
    if (t->n + n >= sizeof t->bytes)
        return false;
    memcpy(t->bytes + t->n, bytes, n);
    t->n += n;
    t->bytes[t->n] = 0;
    return true;
}

typedef struct line {
    char name[NAME_LENGTH];
    text is;
} line;

/* "name = expression"; what is too long ends in "...". */
static void print_node(line *l, const char *prefix, const char *name, weft_node x)
{
    *l = (line){.is = {.n = 0}};
    snprintf(l->name, sizeof l->name, "%.8s%.60s", prefix, name);
    if (weft_print_expression((weft_writer){write_text, &l->is}, x) != WEFT_OK)
        memcpy(l->is.bytes + (l->is.n < LONGEST - 4 ? l->is.n : LONGEST - 4), "...", 4);
}

/* Nodes first to last that have a name, in terms of each other. */
static size_t print_named(const example *e, uint32_t first, uint32_t last, line *lines)
{
    size_t n = 0;
    for (uint32_t id = first; id <= last && n < MOST_LINES / 2; id++) {
        weft_node x = weft_tape_node(e->tape, id);
        if (*weft_node_name(x) && weft_node_operand_count(x))
            print_node(&lines[n++], "", weft_node_name(x), x);
    }
    return n;
}

/* What the function computes on the way to y. */
static size_t define(const example *e, line *lines)
{
    return print_named(e, 0, e->y.id, lines);
}

/* The adjoint of each input that is no index, and what leads there. */
static size_t derive(example *e, line *lines)
{
    weft_node x[2 * WEFT_MAX_ARGUMENTS], dx[2 * WEFT_MAX_ARGUMENTS];
    weft_shape shape = weft_node_shape(e->y);
    size_t n = 0;
    if (weft_node_dtype(e->y) == WEFT_I64) {
        snprintf(e->message, sizeof e->message, "indices have no derivative");
        return 0;
    }
    char name[NAME_LENGTH];
    snprintf(name, sizeof name, "d%.60s", weft_node_name(e->y));
    weft_node dy = weft_input(e->tape, name, WEFT_F64, shape.rank, shape.dim);
    for (size_t i = 0; i < e->n; i++)
        if (weft_node_dtype(e->x[i].node) != WEFT_I64)
            x[n++] = e->x[i].node;
    if (!n)
        return 0;
    if (weft_vjp(&e->y, &dy, 1, x, n, dx) != WEFT_OK) {
        snprintf(e->message, sizeof e->message, "%s", weft_tape_message(e->tape));
        return 0;
    }
    for (size_t i = 0; i < n; i++)
        if (dx[i].id > dy.id)
            weft_name(dx[i], ""); /* these come last, and in the order of the inputs */
    size_t on_the_way = print_named(e, dy.id + 1, weft_tape_count(e->tape) - 1, lines);
    for (size_t i = 0; i < n; i++)
        print_node(&lines[on_the_way + i], "d", weft_node_name(x[i]), dx[i]);
    return on_the_way + n;
}

/* --- what is printed --- */

static void print_function(const weft_function *f)
{
    static line lines[MOST_LINES];
    example e;
    bool good = record_example(&e, f);
    printf("%s%s(%s)%s\n", paint(0), f->name, f->signature, paint_end());
    if (f->stands_for)
        printf("  is %s\n", f->stands_for);
    if (f->op)
        printf("  %s\n", weft_op_formula(f->op));
    printf("  example: %s\n", e.call);
    for (size_t i = 0, n = good && !f->op ? define(&e, lines) : 0; i < n; i++)
        printf("  %s = %s\n", lines[i].name, lines[i].is.bytes);
    for (size_t i = 0, n = good ? derive(&e, lines) : 0; i < n; i++)
        printf("  %s = %s\n", lines[i].name, lines[i].is.bytes);
    if (e.message[0])
        printf("  %s\n", e.message);
    printf("\n");
    weft_tape_free(e.tape);
}

static void add_lines(cJSON *to, const char *name, const line *lines, size_t n)
{
    cJSON *all = cJSON_AddObjectToObject(to, name);
    for (size_t i = 0; i < n; i++)
        cJSON_AddStringToObject(all, lines[i].name, lines[i].is.bytes);
}

static void add_function(cJSON *to, const weft_function *f)
{
    static line lines[MOST_LINES];
    example e;
    bool good = record_example(&e, f);
    cJSON_AddStringToObject(to, "name", f->name);
    cJSON_AddStringToObject(to, "signature", f->signature);
    if (f->stands_for)
        cJSON_AddStringToObject(to, "stands_for", f->stands_for);
    if (f->op)
        cJSON_AddStringToObject(to, "formula", weft_op_formula(f->op));
    cJSON_AddStringToObject(to, "example", e.call);
    if (!f->op)
        add_lines(to, "definition", lines, good ? define(&e, lines) : 0);
    add_lines(to, "derivative", lines, good ? derive(&e, lines) : 0);
    if (e.message[0])
        cJSON_AddStringToObject(to, "message", e.message);
    weft_tape_free(e.tape);
}

/* --- the command --- */

static void print_list(void)
{
    weft_function f;
    for (size_t i = 0; i < weft_function_count(); i++) {
        if (!weft_function_at(i, &f))
            continue;
        printf("%s(%s)", f.name, f.signature);
        if (f.stands_for)
            printf("   is %s", f.stands_for);
        else if (f.op)
            printf("   %s", weft_op_formula(f.op));
        printf("\n");
    }
}

static bool print_json(char **names, int n)
{
    cJSON *root = cJSON_CreateObject();
    cJSON_AddNumberToObject(root, "schema", 1);
    cJSON_AddStringToObject(root, "command", "ops");
    cJSON *all = cJSON_AddArrayToObject(root, "functions");
    weft_function f;
    for (size_t i = 0; i < (n ? (size_t)n : weft_function_count()); i++)
        if (n ? weft_function_find(names[i], strlen(names[i]), &f) : weft_function_at(i, &f)) {
            cJSON *one = cJSON_CreateObject();
            cJSON_AddItemToArray(all, one);
            add_function(one, &f);
        }
    char *printed = cJSON_Print(root);
    if (printed)
        puts(printed);
    else
        fprintf(stderr, "weft: ops: out of memory\n");
    cJSON_free(printed);
    cJSON_Delete(root);
    return printed != NULL;
}

/* The library's own words for a name that is not known. */
static bool all_known(char **names, int n)
{
    weft_function f;
    for (int i = 0; i < n; i++)
        if (!weft_function_find(names[i], strlen(names[i]), &f)) {
            char call[80], message[WEFT_MESSAGE_SIZE] = "";
            weft_node y;
            weft_tape *tape = weft_tape_new(NULL);
            snprintf(call, sizeof call, "%.60s()", names[i]);
            weft_parse(tape, call, NULL, 0, &y, message);
            const char *said = strstr(message, "there is no function");
            fprintf(stderr, "weft: ops: %.*s\n", (int)(said ? strcspn(said, "\n") : 30), said ? said : "that is not the name of a function");
            weft_tape_free(tape);
            return false;
        }
    return true;
}

int command_ops(int argc, char **argv)
{
    static const struct option known[] = {
        {"all", no_argument, NULL, 'a'}, {"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    bool all = false, json = false;
    int option;
    while ((option = getopt_long(argc, argv, "h", known, NULL)) != -1) {
        if (option == 'h') {
            usage(stdout);
            return EXIT_GOOD;
        }
        if (option == '?')
            return EXIT_BAD_USAGE;
        all |= option == 'a';
        json |= option == 'j';
    }
    char **names = argv + optind;
    int n = argc - optind;
    weft_function f;
    if (!all_known(names, n))
        return EXIT_BAD_USAGE;
    if (json)
        return print_json(names, n) ? EXIT_GOOD : EXIT_BAD_USAGE;
    if (!n && !all)
        print_list();
    for (size_t i = 0; n || all ? i < (n ? (size_t)n : weft_function_count()) : false; i++)
        if (n ? weft_function_find(names[i], strlen(names[i]), &f) : weft_function_at(i, &f))
            print_function(&f);
    return EXIT_GOOD;
}

/* eval.c: `weft eval`: an expression over files: its value, gradients, the derivative along a direction, Hessian-vector products. */
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
#include <sys/stat.h>

static void usage(FILE *to)
{
    fputs("usage: weft eval 'EXPR' [OPTION...]\n\n"
          "Computes NumPy-flavoured text over arrays. `weft ops` lists the functions that it may call. Several lines, or parts between \";\", may\n"
          "name what they compute, as in \"h = x @ w; sum(h * h)\"; the last one is the result. Put -- before an EXPR that begins with a sign.\n\n"
          "  --in NAME=WHAT         an array of the expression: a FILE.npy, a FILE.npz (its array NAME, or its only one), FILE.npz:ENTRY, a number,\n"
          "                         [[1,2],[3,4]], or (4,3) for normal numbers of that shape; NAME=WHAT may also stand behind EXPR by itself\n"
          "  --grad NAME,...        gradients with respect to these\n"
          "  --cotangent [NAME=]WHAT  of the result, where gradients start (default ones); NAME may be one that the expression assigns, and\n"
          "                         gradients then start there\n"
          "  --jvp NAME=WHAT        a direction for NAME: the derivative of the result along all directions\n"
          "  --hvp NAME=WHAT        a direction for NAME: the gradient, with respect to each such NAME, of the sum of <direction, gradient>\n"
          "  --dtype f32|f64        of the numbers (default f64 if one of the files is, else f32)\n"
          "  --out DIR|FILE.npz     value.npy, grad_NAME.npy, jvp.npy and hvp_NAME.npy in DIR, or all in one file; without it they are printed\n"
          "  --seed N               of normal numbers (default 1)\n"
          "  --json                 the results as one JSON document\n" LIMITS_USAGE "\n"
          "examples:\n"
          "  weft eval 'sum(x * x)' --in x=3 --grad x\n"
          "  weft eval 'gamma*(h-mean(h,0))*(var(h,0)+1e-5)**(-1/2)+beta' --in h=h.npy --in gamma=p.npz --in beta=p.npz \\\n"
          "            --grad h,gamma,beta --cotangent dy.npy --out results\n"
          "  weft eval 'softmax(z, axis=-1)' --in 'z=(2,3)' --jvp 'z=(2,3)' --json\n\n"
          "Exit: 0 computed, 2 bad usage or input.\n",
          to);
}

enum { MOST_RESULTS = 2 * MOST_NAMED + 2 };

typedef struct result {
    char name[NAMED_LENGTH + 8];
    weft_node node;
} result;

typedef struct evaluation {
    const char *expression, *out, *grad[MOST_NAMED];
    size_t n_grad;
    bool json, dtype_given;
    weft_dtype dtype;
    generator g;
    named_list in, cotangent, jvp, hvp;
    limits limits;
    weft_tape *tape;
    weft_node y;
    result results[MOST_RESULTS];
    size_t n;
} evaluation;

static void add_result(evaluation *e, const char *what, const char *name, weft_node node)
{
    result *r = &e->results[e->n++];
    snprintf(r->name, sizeof r->name, "%s%s%s", what, *name ? "_" : "", name);
    r->node = node;
}

/* --- what is recorded --- */

static bool same_shape(weft_node a, weft_node b)
{
    weft_shape x = weft_node_shape(a), y = weft_node_shape(b);
    return x.rank == y.rank && !memcmp(x.dim, y.dim, (size_t)x.rank * sizeof *x.dim);
}

static bool misfit(const named_list *list, const named *given, weft_node x, const char *of)
{
    char is[ARRAY_SHAPE], must[ARRAY_SHAPE];
    weft_shape a = weft_node_shape(given->node), b = weft_node_shape(x);
    fprintf(stderr, "weft: eval: %s %s: its shape is %s, and that of %s is %s\n", list->option, given->from, array_shape(&a, is), of,
            array_shape(&b, must));
    return false;
}

/* The node that the expression assigned to that name; the latest one. */
static weft_node assigned(const evaluation *e, const char *name, uint32_t first)
{
    for (uint32_t id = weft_tape_count(e->tape); id-- > first;) {
        weft_node x = weft_tape_node(e->tape, id);
        if (*name && !strcmp(weft_node_name(x), name))
            return x;
    }
    return e->y;
}

/* Where gradients start: y[k] with cotangent dy[k]. */
static bool find_cotangents(evaluation *e, uint32_t first, weft_node *y, weft_node *dy, size_t *n)
{
    bool of_result = false;
    named_inputs(&e->cotangent, e->tape, "cotangent_");
    for (size_t i = 0; i < e->cotangent.n; i++) {
        const named *c = &e->cotangent.item[i];
        y[*n] = assigned(e, c->name, first);
        dy[*n] = c->node;
        if (!same_shape(c->node, y[*n]))
            return misfit(&e->cotangent, c, y[*n], y[*n].id == e->y.id ? "the result" : c->name);
        if (y[*n].id == e->y.id && of_result)
            return argument_refuse("eval", "--cotangent", c->from, "the result has one already; other names are those that the expression assigns");
        of_result |= y[*n].id == e->y.id;
        ++*n;
    }
    if (!*n) {
        y[0] = e->y;
        dy[0] = weft_full_like(e->y, 1);
        *n = 1;
    }
    return true;
}

static bool find_directions(evaluation *e, named_list *list, const char *prefix, weft_node *x)
{
    named_inputs(list, e->tape, prefix);
    for (size_t i = 0; i < list->n; i++) {
        const named *of = named_find(&e->in, list->item[i].name, strlen(list->item[i].name));
        if (!of)
            return false;
        x[i] = of->node;
        if (!same_shape(list->item[i].node, x[i]))
            return misfit(list, &list->item[i], x[i], of->name);
    }
    return true;
}

static bool record_gradients(evaluation *e, const weft_node *y, const weft_node *dy, size_t n_y)
{
    named *picked[MOST_NAMED];
    weft_node x[MOST_NAMED], dx[MOST_NAMED];
    size_t n = 0;
    for (size_t i = 0; i < e->n_grad; i++)
        if (!named_pick(&e->in, e->grad[i], picked, &n))
            return false;
    for (size_t i = 0; i < n; i++)
        x[i] = picked[i]->node;
    if (n)
        weft_vjp(y, dy, n_y, x, n, dx);
    for (size_t i = 0; i < n; i++)
        add_result(e, "grad", picked[i]->name, dx[i]);
    return true;
}

static bool record_products(evaluation *e, const weft_node *y, const weft_node *dy, size_t n_y)
{
    weft_node x[MOST_NAMED], dx[MOST_NAMED], total = {0};
    if (!find_directions(e, &e->hvp, "direction_", x) || !e->hvp.n)
        return !e->hvp.n;
    weft_vjp(y, dy, n_y, x, e->hvp.n, dx);
    for (size_t i = 0; i < e->hvp.n; i++) {
        weft_node part = weft_sum(weft_mul(e->hvp.item[i].node, dx[i]), WEFT_ALL_AXES, false);
        total = i ? weft_add(total, part) : part;
    }
    weft_grad(total, x, e->hvp.n, dx);
    for (size_t i = 0; i < e->hvp.n; i++)
        add_result(e, "hvp", e->hvp.item[i].name, dx[i]);
    return true;
}

static bool record(evaluation *e)
{
    weft_node y[MOST_NAMED + 1], dy[MOST_NAMED + 1], x[MOST_NAMED], v[MOST_NAMED];
    size_t n_y = 0;
    named_inputs(&e->in, e->tape, "");
    uint32_t first = weft_tape_count(e->tape);
    e->y = named_parse(&e->in, e->tape, e->expression);
    if (weft_node_failed(e->y))
        return false;
    add_result(e, "value", "", e->y);
    bool derived = e->n_grad || e->hvp.n || e->cotangent.n;
    if (derived && (!find_cotangents(e, first, y, dy, &n_y) || !record_gradients(e, y, dy, n_y)))
        return false;
    if (!find_directions(e, &e->jvp, "tangent_", x))
        return false;
    for (size_t i = 0; i < e->jvp.n; i++)
        v[i] = e->jvp.item[i].node;
    if (e->jvp.n) {
        weft_node along;
        weft_jvp(&e->y, 1, x, v, e->jvp.n, &along);
        add_result(e, "jvp", "", along);
    }
    if (!record_products(e, y, dy, n_y))
        return false;
    if (weft_tape_status(e->tape) != WEFT_OK)
        limits_fail(&e->limits, weft_tape_status(e->tape), weft_tape_message(e->tape));
    return weft_tape_status(e->tape) == WEFT_OK;
}

/* --- where it goes --- */

static weft_array array_of(const evaluation *e, const weft_program *program, size_t k)
{
    weft_shape shape = weft_node_shape(e->results[k].node);
    weft_dtype dtype = weft_node_dtype(e->results[k].node);
    void *data = (void *)(uintptr_t)weft_output(program, k); /* only read */
    return (weft_array){dtype, shape, data, weft_shape_count(&shape) * weft_dtype_size(dtype)};
}

static bool is_npz(const char *path)
{
    size_t n = strlen(path);
    return n > 4 && !strcmp(path + n - 4, ".npz");
}

static bool write_results(const evaluation *e, const weft_array *arrays)
{
    char message[WEFT_MESSAGE_SIZE], path[4096];
    const char *names[MOST_RESULTS];
    weft_status status = WEFT_OK;
    for (size_t k = 0; k < e->n; k++)
        names[k] = e->results[k].name;
    if (is_npz(e->out)) {
        status = weft_npz_write(e->out, names, arrays, e->n, message);
    } else {
        mkdir(e->out, 0777); /* what is wrong with it, opening the files will tell */
        for (size_t k = 0; k < e->n && status == WEFT_OK; k++) {
            snprintf(path, sizeof path, "%.3900s/%s.npy", e->out, names[k]);
            status = weft_npy_write(path, &arrays[k], message);
        }
    }
    if (status != WEFT_OK)
        fprintf(stderr, "weft: eval: %s\n", message);
    return status == WEFT_OK;
}

/* The text of a number, and what cJSON keeps of it. */
static bool room_for_json(evaluation *e, const weft_array *arrays)
{
    enum { OF_VALUE = 128 };
    size_t count = 0;
    for (size_t k = 0; k < e->n && !e->out; k++)
        count += weft_shape_count(&arrays[k].shape);
    return limits_take(&e->limits, count * OF_VALUE, "--json without --out");
}

static bool print_json(const evaluation *e, const weft_array *arrays)
{
    cJSON *root = cJSON_CreateObject();
    cJSON_AddNumberToObject(root, "schema", 1);
    cJSON_AddStringToObject(root, "command", "eval");
    cJSON_AddStringToObject(root, "expression", e->expression);
    cJSON_AddStringToObject(root, "dtype", weft_dtype_name(e->dtype));
    if (e->out)
        cJSON_AddStringToObject(root, "out", e->out);
    cJSON *results = cJSON_AddArrayToObject(root, "results");
    for (size_t k = 0; k < e->n; k++) {
        cJSON *r = cJSON_CreateObject();
        cJSON_AddItemToArray(results, r);
        cJSON_AddStringToObject(r, "name", e->results[k].name);
        array_to_json(r, &arrays[k], !e->out);
    }
    char *text = cJSON_Print(root);
    if (text)
        puts(text);
    else
        fprintf(stderr, "weft: eval: out of memory\n");
    cJSON_free(text);
    cJSON_Delete(root);
    return text != NULL;
}

static void print_results(const evaluation *e, const weft_array *arrays)
{
    char shape[ARRAY_SHAPE];
    for (size_t k = 0; k < e->n; k++) {
        printf("%s%s%s %s %s", paint(0), e->results[k].name, paint_end(), array_shape(&arrays[k].shape, shape), weft_dtype_name(arrays[k].dtype));
        if (e->out) {
            printf("\n");
            continue;
        }
        printf("%s", arrays[k].shape.rank > 1 ? "\n" : " ");
        array_print(&arrays[k]);
    }
    if (e->out)
        printf("in %s\n", e->out);
}

static bool run(evaluation *e)
{
    weft_node nodes[MOST_RESULTS];
    weft_array arrays[MOST_RESULTS];
    for (size_t k = 0; k < e->n; k++)
        nodes[k] = e->results[k].node;
    if (!limits_allow(&e->limits, nodes, e->n, 1))
        return false;
    weft_program *program = weft_compile(nodes, e->n);
    const named_list *lists[] = {&e->in, &e->cotangent, &e->jvp, &e->hvp};
    for (size_t i = 0; i < sizeof lists / sizeof *lists && weft_program_status(program) == WEFT_OK; i++)
        named_bind(lists[i], program);
    bool good = weft_program_status(program) == WEFT_OK && weft_run(program) == WEFT_OK;
    if (!good)
        limits_fail(&e->limits, weft_program_status(program), weft_program_message(program));
    for (size_t k = 0; good && k < e->n; k++)
        arrays[k] = array_of(e, program, k);
    good = good && (!e->out || write_results(e, arrays));
    if (good && e->json)
        good = room_for_json(e, arrays) && print_json(e, arrays);
    else if (good)
        print_results(e, arrays);
    weft_program_free(program);
    return good;
}

static bool evaluate(evaluation *e)
{
    named_list *lists[] = {&e->in, &e->cotangent, &e->jvp, &e->hvp};
    if (!e->dtype_given)
        e->dtype = named_dtype(&e->in);
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        named_draw(lists[i], &e->g);
        if (!named_convert(lists[i], e->dtype))
            return false;
    }
    const weft_allocator allocator = limits_allocator(&e->limits);
    e->tape = weft_tape_new(&allocator);
    bool good = record(e) && run(e);
    weft_tape_free(e->tape);
    return good;
}

/* --- the command --- */

static bool set_option(void *command, int option, const char *value)
{
    evaluation *e = command;
    switch (option) {
    case 'i':
        return named_add(&e->in, value, false);
    case 'c':
        return named_add(&e->cotangent, value, true);
    case 'v':
        return named_add(&e->jvp, value, false);
    case 'H':
        return named_add(&e->hvp, value, false);
    case 'g':
        if (e->n_grad == MOST_NAMED)
            return argument_refuse("eval", "--grad", value, "there are too many of them");
        e->grad[e->n_grad++] = value;
        return true;
    case 'd':
        e->dtype = !strcmp(value, "f64") ? WEFT_F64 : WEFT_F32;
        e->dtype_given = true;
        return !strcmp(value, "f64") || !strcmp(value, "f32") || argument_refuse("eval", "--dtype", value, "it must be f32 or f64");
    case 'o':
        e->out = value;
        return *value || argument_refuse("eval", "--out", value, "it must be a folder or a FILE.npz");
    case 's':
        return argument_whole("eval", "--seed", value, 0, UINT64_MAX, &e->g.state);
    case 'j':
        e->json = true;
        return true;
    case LIMITS_MEMORY:
    case LIMITS_WORK:
        return true; /* read before */
    default:
        return false;
    }
}

static int with_options(evaluation *e, int argc, char **argv)
{
    static const struct option known[] = {{"in", required_argument, NULL, 'i'},    {"cotangent", required_argument, NULL, 'c'},
                                          {"jvp", required_argument, NULL, 'v'},   {"hvp", required_argument, NULL, 'H'},
                                          {"grad", required_argument, NULL, 'g'},  {"dtype", required_argument, NULL, 'd'},
                                          {"out", required_argument, NULL, 'o'},   {"seed", required_argument, NULL, 's'},
                                          {"json", no_argument, NULL, 'j'},        LIMITS_OPTIONS,
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    if (!limits_read(&e->limits, argc, argv, "ho:", known))
        return EXIT_BAD_USAGE;
    int status = arguments_read(argc, argv, &(argument_options){"ho:", known, set_option, usage}, e);
    if (status != ARGUMENTS_READ)
        return status;
    e->expression = named_expression(&e->in, argc, argv);
    if (!e->expression) {
        usage(stderr);
        return EXIT_BAD_USAGE;
    }
    return evaluate(e) ? EXIT_GOOD : EXIT_BAD_USAGE;
}

int command_eval(int argc, char **argv)
{
    static evaluation e;
    e = (evaluation){.g = {1},
                     .limits = limits_default("eval"),
                     .in = {.command = "eval", .option = "--in", .limits = &e.limits},
                     .cotangent = {.command = "eval", .option = "--cotangent", .limits = &e.limits},
                     .jvp = {.command = "eval", .option = "--jvp", .limits = &e.limits},
                     .hvp = {.command = "eval", .option = "--hvp", .limits = &e.limits}};
    int status = with_options(&e, argc, argv);
    named_free(&e.in);
    named_free(&e.cotangent);
    named_free(&e.jvp);
    named_free(&e.hvp);
    return status;
}

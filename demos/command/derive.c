/* derive.c: `weft derive`: the derivative of an expression as one derives it on paper, made from its graph, with every line computed and proved. */
#define _GNU_SOURCE
#include "arguments.h"
#include "commands.h"
#include "derive_text.h"
#include "demos/presets.h"
#include "named.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static void usage(FILE *to)
{
    fputs("usage: weft derive 'EXPR' [NAME=WHAT...] [OPTION...]\n"
          "       weft derive PRESET [OPTION...]\n\n"
          "The derivative of NumPy-flavoured text (see `weft eval --help`) in index notation, as on paper: the definitions, the chain rule with Kronecker\n"
          "deltas, and the way from there to the closed form, one named rule a line. Each line is computed in f64, on the given numbers or normal ones, and\n"
          "proved equal to the one before. L is any number computed from the result; where the result is one number, it is that.\n\n"
          "  --shape NAME=4,3   normal numbers of that shape\n"
          "  NAME=WHAT          an array, also behind --in: a number, [[1,2],[3,4]], (4,3) for normal numbers, FILE.npy, FILE.npz or FILE.npz:ENTRY\n"
          "  --wrt NAME,...     with respect to these (default all but those of indices)\n"
          "  --seed N           of normal numbers (default 1)\n"
          "  --tex              a document for pdflatex\n"
          "  --json             the derivation as one JSON document\n"
          "  --ascii            no other characters\n"
          "  --width N          of lines (default that of the terminal, or 120)\n"
          "  --no-proofs        compute only; more than 600 elements are never proved, as that takes time\n" LIMITS_USAGE "\n"
          "examples:\n"
          "  weft derive 'batchnorm(h, gamma, beta)' --shape h=4,3 --shape gamma=3 --shape beta=3\n"
          "  weft derive layernorm          # one of `weft explain --presets`\n"
          "  weft derive 'softmax(z)' --shape z=2,3\n"
          "  weft derive 'relu(x @ w + b)' --shape x=4,2 --shape w=2,3 --shape b=3 --wrt w,b --tex >layer.tex\n"
          "  weft derive '(x + y) * z' x=-2 y=5 z=-4\n\n"
          "Exit: 0 derived, every line the same numbers; 1 a line moved them; 2 bad usage or input, or an op that is not written in indices.\n",
          to);
}

typedef struct options {
    derive_about about;
    const char *wrt[MOST_NAMED];
    size_t n_wrt;
    bool tex, json;
    generator g;
    uint64_t seed, width;
    named_list in;
    limits limits;
} options;

static bool pick(options *o, named **picked, size_t *n)
{
    for (size_t i = 0; i < o->n_wrt; i++)
        if (!named_pick(&o->in, o->wrt[i], picked, n))
            return false;
    for (size_t i = 0; !o->n_wrt && i < o->in.n; i++)
        if (o->in.item[i].array.dtype != WEFT_I64)
            picked[(*n)++] = &o->in.item[i];
    if (!*n)
        fprintf(stderr, "weft: derive: there is nothing to derive with respect to; give arrays with --shape or --in\n");
    return *n;
}

static bool is_good(const weft_derivation *d)
{
    enum { LINES = 2000 };
    bool good = d->from_staged <= 1e-9 && d->moved <= 1e-9; /* rounding is 1e-16 of the largest entry a step; a wrong line is off by a share of it */
    for (size_t i = 0; i < d->n && i < LINES; i++)
        good &= !d->line[i].checked || d->line[i].proved != WEFT_REFUTED;
    return good;
}

static int print(const options *o, const weft_derivation *d)
{
    bool good = is_good(d);
    if (o->json && !derive_print_json(&o->about, d, good))
        return EXIT_BAD_USAGE;
    if (!o->json && o->tex)
        derive_print_tex(&o->about, d);
    else if (!o->json)
        derive_print_text(&o->about, d);
    return good ? EXIT_GOOD : EXIT_FAILED_CHECK;
}

/* Where they would take minutes: points in prime fields are computed element by element. */
static void leave_out_proofs(options *o, weft_node y)
{
    enum { MOST_ELEMENTS = 600 };
    weft_shape shape = weft_node_shape(y);
    size_t elements = weft_shape_count(&shape);
    for (size_t i = 0; i < o->in.n; i++)
        elements += weft_shape_count(&o->in.item[i].array.shape);
    if (o->about.unproved || elements <= MOST_ELEMENTS)
        return;
    o->about.unproved = true;
    fprintf(stderr, "weft: derive: the lines are computed, and not proved: there are %zu elements, and at most %d are proved; give smaller shapes\n",
            elements, MOST_ELEMENTS);
}

/* A run of the expression, of its adjoints, and of some hundred lines with proofs. */
static int derive(options *o, weft_tape *tape)
{
    enum { OF_A_VALUE = 200 };
    weft_binding bind[MOST_NAMED];
    weft_node x[MOST_NAMED];
    named *picked[MOST_NAMED];
    size_t n = 0;
    weft_derivation d;
    weft_node y = named_parse(&o->in, tape, o->about.expression);
    if (weft_node_failed(y) || !pick(o, picked, &n) || !limits_allow(&o->limits, &y, 1, OF_A_VALUE))
        return EXIT_BAD_USAGE;
    for (size_t i = 0; i < n; i++)
        x[i] = picked[i]->node;
    leave_out_proofs(o, y);
    for (size_t i = 0; i < o->in.n; i++)
        bind[i] = (weft_binding){o->in.item[i].node, o->in.item[i].array.data, o->in.item[i].array.bytes};
    const weft_derive_options how = {.bind = bind, .n_bind = o->in.n, .ascii = o->about.ascii, .unproved = o->about.unproved, .seed = o->seed};
    weft_status status = weft_derive(y, (weft_node){0}, x, n, &how, &d);
    int result = status == WEFT_OK ? print(o, &d) : EXIT_BAD_USAGE;
    if (status != WEFT_OK)
        limits_fail(&o->limits, status, d.message);
    weft_derivation_free(&d);
    return result;
}

static int run(options *o)
{
    o->g.state = o->seed;
    named_draw(&o->in, &o->g);
    if (!named_convert(&o->in, WEFT_F64))
        return EXIT_BAD_USAGE;
    const weft_allocator allocator = limits_allocator(&o->limits);
    weft_tape *tape = weft_tape_new(&allocator);
    named_inputs(&o->in, tape, "");
    int result = derive(o, tape);
    weft_tape_free(tape);
    return result;
}

/* --- the command --- */

/* What is typed beside it counts more. */
static bool take_preset(options *o, const preset *p)
{
    o->about.expression = p->expression;
    for (int i = 0; i < PRESET_ARRAYS && p->arrays[i]; i++)
        if (!named_has(&o->in, p->arrays[i], strcspn(p->arrays[i], "=")) && !named_add(&o->in, p->arrays[i], false))
            return false;
    if (!o->n_wrt)
        o->wrt[o->n_wrt++] = p->wrt;
    return true;
}

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
            return argument_refuse("derive", "--wrt", value, "there are too many of them");
        o->wrt[o->n_wrt++] = value;
        return true;
    case 's':
        return argument_whole("derive", "--seed", value, 0, UINT64_MAX, &o->seed);
    case 'W':
        return argument_whole("derive", "--width", value, 40, 10000, &o->width);
    case 't':
        return o->tex = true;
    case 'j':
        return o->json = true;
    case 'a':
        return o->about.ascii = true;
    case 'n':
        return o->about.unproved = true;
    case LIMITS_MEMORY:
    case LIMITS_WORK:
        return true; /* read before */
    default:
        return false;
    }
}

static int terminal_width(void)
{
    struct winsize size;
    return isatty(STDOUT_FILENO) && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col >= 40 ? size.ws_col : 120;
}

static int with_options(options *o, int argc, char **argv)
{
    static const struct option known[] = {{"in", required_argument, NULL, 'i'},    {"shape", required_argument, NULL, 'S'},
                                          {"wrt", required_argument, NULL, 'w'},   {"seed", required_argument, NULL, 's'},
                                          {"width", required_argument, NULL, 'W'}, {"tex", no_argument, NULL, 't'},
                                          {"json", no_argument, NULL, 'j'},        {"ascii", no_argument, NULL, 'a'},
                                          {"no-proofs", no_argument, NULL, 'n'},   LIMITS_OPTIONS,
                                          {"help", no_argument, NULL, 'h'},        {NULL, 0, NULL, 0}};
    if (!limits_read(&o->limits, argc, argv, "h", known))
        return EXIT_BAD_USAGE;
    int status = arguments_read(argc, argv, &(argument_options){"h", known, set_option, usage}, o);
    if (status != ARGUMENTS_READ)
        return status;
    o->about.expression = named_expression(&o->in, argc, argv);
    if (!o->about.expression) {
        usage(stderr);
        return EXIT_BAD_USAGE;
    }
    const preset *p = preset_find(o->about.expression);
    if (p && !take_preset(o, p))
        return EXIT_BAD_USAGE;
    o->about.width = o->width ? (int)o->width : terminal_width();
    return run(o);
}

int command_derive(int argc, char **argv)
{
    static options o;
    o = (options){.in = {.command = "derive", .option = "--in", .limits = &o.limits}, .limits = limits_default("derive"), .seed = 1};
    int status = with_options(&o, argc, argv);
    named_free(&o.in);
    return status;
}

/* explain.c: `weft explain`: an expression forward, and the walk back, edge by edge, with the numbers put in. */
#define _GNU_SOURCE
#include "arguments.h"
#include "commands.h"
#include "explain_text.h"
#include "keys.h"
#include "terminal.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void usage(FILE *to)
{
    fputs("usage: weft explain 'EXPR' [NAME=WHAT...] [OPTION...]\n"
          "       weft explain PRESET [OPTION...]\n\n"
          "Shows how backpropagation finds the gradients of NumPy-flavoured text (see `weft eval --help`): each node forward with its numbers, then\n"
          "the walk back: what arrives at a node, its own derivative, what it sends to each operand, and how that adds up. Arrays stand with a block\n"
          "for each number: how large it is among the others, and + or -.\n\n" SUBJECT_USAGE
          "  --step                 a step at a time: n, space or right for the next, b or left back, j NUMBER to jump, q to quit; whole where\n"
          "                         the output is no terminal\n"
          "  --ascii                no characters beyond ASCII\n"
          "  --json                 the same as one JSON document, that of `weft trace`\n"
          "  --presets              list the examples that have names\n" LIMITS_USAGE "\n"
          "examples:\n"
          "  weft explain product\n"
          "  weft explain 'q = x + y; q * z' x=-2 y=5 z=-4\n"
          "  weft explain batchnorm --step\n"
          "  weft explain 'sum(relu(x @ w))' 'x=[[1,2],[-1,1]]' 'w=[[1,-1],[0,2]]'\n\n"
          "Exit: 0 explained, 1 central differences do not agree, 2 bad usage or input.\n",
          to);
}

typedef struct options {
    bool step, json, ascii;
} options;

/* --- the check --- */

static const weft_binding *binding_of(const subject *s, weft_node x)
{
    for (size_t i = 0; i < s->trace.n_bind; i++)
        if (s->bind[i].node.id == x.id)
            return &s->bind[i];
    return NULL;
}

/* As the trace does: of the loss sum(dy * y), the adjoints of the walk as claimed. False: after saying on stderr what is wrong. */
static bool check(explanation *e, weft_gradcheck *result)
{
    enum { MOST = 256 };
    const subject *s = e->s;
    const weft_walk *w = &e->walk;
    weft_node x[MOST_NAMED], claimed[MOST_NAMED], loss = s->y;
    for (size_t i = 0; i < w->n_x; i++) {
        const weft_walk_node *n = &w->node[w->x[i]];
        weft_shape shape = weft_node_shape(n->node);
        if (weft_node_dtype(n->node) != WEFT_F64 || weft_node_dtype(s->y) != WEFT_F64)
            e->unchecked = "Not checked by differences: these are taken in f64.";
        else if (weft_node_operand_count(n->node) || !binding_of(s, n->node))
            e->unchecked = "Not checked by differences: these move inputs alone.";
        else if (weft_shape_count(&shape) > MOST || w->n_x > MOST_NAMED)
            e->unchecked = "Not checked by differences: there are many elements; weft check does.";
        else if (n->silence == WEFT_SILENT_STOPPED)
            e->unchecked = "Not checked by differences: these know nothing of a derivative that is 0 by definition.";
        if (e->unchecked)
            return true;
        x[i] = n->node;
        claimed[i] = weft_node_failed(n->adjoint) ? weft_full_like(n->node, 0) : n->adjoint;
    }
    if (s->trace.walk.dy.tape)
        loss = weft_sum(weft_mul(w->dy, s->y), WEFT_ALL_AXES, false);
    const weft_gradcheck_options o = {.bind = s->bind, .n_bind = s->trace.n_bind, .claimed = claimed};
    if (w->n_x && weft_gradient_check(loss, x, w->n_x, &o, result) != WEFT_OK)
        return limits_fail(&s->limits, weft_tape_status(s->tape), weft_tape_message(s->tape));
    e->check = w->n_x ? result : NULL;
    return true;
}

/* --- the two ways to read it --- */

static void print_whole(const explanation *e)
{
    explanation_title(e);
    for (size_t k = 0; k < e->n; k++) {
        if (!k || e->steps[k].kind != e->steps[k - 1].kind || e->steps[k].kind == STEP_BACK)
            printf("\n");
        explanation_step(e, k);
    }
}

static void draw(const explanation *e, size_t k)
{
    printf("\033[H\033[2J");
    if (!k) {
        explanation_title(e);
        printf("\n");
    }
    explanation_step(e, k);
    printf("\nstep %zu of %zu   n next, b back, j NUMBER jump, q quit\n", k + 1, e->n);
    fflush(stdout);
}

static void walk_by_keys(const explanation *e)
{
    size_t k = 0, number;
    draw(e, k);
    for (;;) {
        switch (keys_read()) {
        case 'n':
        case ' ':
        case '\n':
        case KEY_RIGHT:
            k += k + 1 < e->n;
            break;
        case 'b':
        case KEY_LEFT:
            k -= k > 0;
            break;
        case 'j':
            if (keys_number("jump to step ", &number) && number)
                k = number < e->n ? number - 1 : e->n - 1;
            break;
        case 'q':
        case 4: /* Ctrl-D */
        case KEY_END:
            return;
        case KEY_REDRAW:
            break;
        default:
            continue;
        }
        draw(e, k);
    }
}

static bool wrong(const explanation *e)
{
    for (size_t i = 0; e->check && i < e->walk.n_x; i++)
        if (e->check[i].verdict == WEFT_GRADIENT_WRONG)
            return true;
    return false;
}

static int show(explanation *e, const options *o)
{
    weft_gradcheck *result = calloc(e->walk.n_x + 1, sizeof *result);
    int status = EXIT_BAD_USAGE;
    if (result && explanation_list(e) && check(e, result)) {
        if (o->step && is_on_terminal() && keys_begin()) {
            walk_by_keys(e);
            keys_end();
        } else {
            print_whole(e);
        }
        status = wrong(e) ? EXIT_FAILED_CHECK : EXIT_GOOD;
    } else if (!result || !e->steps) {
        fprintf(stderr, "weft: explain: out of memory\n");
    }
    free(e->steps);
    free(result);
    return status;
}

static int explain(subject *s, const options *o)
{
    explanation e = {.s = s, .h = {.ascii = o->ascii || !speaks_utf8(), .width = terminal_width()}};
    if (!subject_allow(s))
        return EXIT_BAD_USAGE;
    weft_status status;
    if (o->json) {
        status = weft_trace((weft_writer){weft_write_file, stdout}, s->y, &s->trace);
    } else {
        status = weft_walk_record(s->y, &s->trace.walk, &e.walk);
        if (status == WEFT_OK)
            status = weft_walk_run(&e.walk, s->bind, s->trace.n_bind);
    }
    int code = EXIT_GOOD;
    if (weft_tape_status(s->tape) != WEFT_OK) {
        limits_fail(&s->limits, weft_tape_status(s->tape), weft_tape_message(s->tape));
        code = EXIT_BAD_USAGE;
    } else if (status != WEFT_OK) {
        fprintf(stderr, "weft: explain: %s\n", weft_status_text(status));
        code = EXIT_BAD_USAGE;
    } else if (!o->json) {
        code = show(&e, o);
    }
    weft_walk_free(&e.walk);
    return code;
}

/* --- the command --- */

static int with_options(subject *s, int argc, char **argv)
{
    static const struct option known[] = {SUBJECT_OPTIONS,
                                          {"step", no_argument, NULL, 'S'},
                                          {"ascii", no_argument, NULL, 'a'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    options o = {.step = false};
    int option;
    if (!limits_read(&s->limits, argc, argv, "h", known))
        return EXIT_BAD_USAGE;
    while ((option = getopt_long(argc, argv, "h", known, NULL)) != -1) {
        if (option == 'h' || option == SUBJECT_PRESETS) {
            option == 'h' ? usage(stdout) : subject_print_presets();
            return EXIT_GOOD;
        }
        bool good = option == 'S' ? (o.step = true) : option == 'a' ? (o.ascii = true) : option == 'j' ? (o.json = true) : option != '?' && subject_set(s, option, optarg);
        if (!good)
            return EXIT_BAD_USAGE;
    }
    if (optind == argc) {
        usage(stderr);
        return EXIT_BAD_USAGE;
    }
    return subject_words(s, argc, argv) && subject_record(s) ? explain(s, &o) : EXIT_BAD_USAGE;
}

int command_explain(int argc, char **argv)
{
    static subject s;
    subject_begin(&s, "explain");
    int status = with_options(&s, argc, argv);
    subject_end(&s);
    return status;
}

/* graphs.c: the same random graphs in Weft, and in PyTorch and NumPy, in f64: value, gradient, jvp and Hessian-vector product.
 *
 *     tests/peers/run BUILD                            finds a Python that has both, runs this and the fixed cases of functions.py
 *     graphs --python python3 --script compare.py      the graphs of seeds 1 to 300
 *            --graphs 10000 --first 4711               more, from another seed
 *            --break relu:gradient                     with a mistake in PyTorch's relu, to see it reported
 *            --broken all                              with a mistake in each op in turn: each must be found, and shrunk to at most three nodes;
 *                                                      some: in one op of seven
 *            --print 4711                              the line that compare.py gets, and no comparison
 *
 * An element agrees within what rounding can do to it on both sides: tests/plain.c bounds that for the recorded nodes and for the rewritten
 * ones, kinks and undecided comparisons included; compare.py says how the bound reaches PyTorch. A graph that fails is shrunk, and printed as
 * an expression with its inputs. The last line is "N passed, N failed"; exit status 1 when anything failed. */
#define _POSIX_C_SOURCE 200809L
#include "tests/peers/graphs.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_REPORTED = 5, ENOUGH_FOR_EVERY_OP = 1000, EVERY_FEW_OPS = 7 };

typedef struct tool {
    const char *python, *script, *broken, *mistakes; /* the options; broken: of --break, mistakes: of --broken; NULL: not given */
    uint64_t graphs, first, printed;
    peer peer;
    given given;
    bool *seen;      /* [op of the catalogue]: in a graph that was compared */
    size_t elements[QUANTITIES], sharp[QUANTITIES]; /* compared; and within a bound that is small beside the values */
    int passed, failed;
    char verdict[24]; /* on the last graph: "ok", "wrong jvp", "raised RuntimeError", ...: the answer up to its details; or "refused", "fails" */
} tool;

/* --- one graph --- */

static void take_counts(tool *t, const char *answer)
{
    char *at = (char *)(uintptr_t)answer + strlen("ok");
    for (int k = 0; k < QUANTITIES; k++) {
        t->elements[k] += strtoul(at, &at, 10);
        t->sharp[k] += strtoul(at, &at, 10);
    }
}

static void take_verdict(tool *t, const char *answer)
{
    size_t length = strcspn(answer, "0123456789:");
    while (length && answer[length - 1] == ' ')
        length--;
    snprintf(t->verdict, sizeof t->verdict, "%.*s", (int)length, answer);
}

/* Asks the other side; message gets the answer in words where t->verdict is not "ok". */
static void compare(tool *t, const graph *g, bool counts, char *message, size_t size)
{
    subject s;
    bool refused;
    char *line = NULL;
    size_t length = 0;
    snprintf(t->verdict, sizeof t->verdict, "fails"); /* Weft itself */
    if (!subject_make(&s, g, &refused)) {
        snprintf(message, size, "%s", s.message);
        if (refused)
            snprintf(t->verdict, sizeof t->verdict, "refused");
    } else {
        FILE *to = open_memstream(&line, &length);
        bool written = subject_write(to, &s, &t->given, message, size);
        fclose(to);
        if (written && !peer_ask(&t->peer, line)) {
            snprintf(message, size, "%s has ended", t->script);
        } else if (written) {
            take_verdict(t, t->peer.answer);
            snprintf(message, size, "%s", t->peer.answer);
        }
    }
    if (counts && !strcmp(t->verdict, "ok"))
        take_counts(t, t->peer.answer);
    for (uint32_t id = 0; counts && id < s.nodes; id++)
        for (size_t k = 0; k < weft_op_count(); k++)
            t->seen[k] |= weft_op_at(k) == weft_node_op(weft_tape_node(s.b.tape, id));
    free(line);
    subject_free(&s);
}

typedef struct wanted {
    tool *tool;
    char verdict[24];
} wanted;

static bool fails_so(void *context, const graph *g)
{
    const wanted *w = context;
    char message[WEFT_MESSAGE_SIZE];
    compare(w->tool, g, false, message, sizeof message);
    return !strcmp(w->tool->verdict, w->verdict);
}

static int shrink(tool *t, graph *g)
{
    wanted w = {.tool = t};
    memcpy(w.verdict, t->verdict, sizeof w.verdict);
    g->n_updates = g->order = 0;
    return graph_shrink(g, fails_so, &w);
}

/* --- printing --- */

static void print_values(const subject *s, weft_node leaf)
{
    enum { MOST_PRINTED = 24 };
    const void *data = subject_memory(s, leaf);
    weft_shape shape = weft_node_shape(leaf);
    size_t n = weft_shape_count(&shape);
    if (*weft_node_name(leaf))
        printf("    %s (", weft_node_name(leaf));
    else
        printf("    %%%u (", leaf.id);
    for (int i = 0; i < shape.rank; i++)
        printf(i ? ", %zu" : "%zu", shape.dim[i]);
    printf(") =");
    for (size_t i = 0; i < n && i < MOST_PRINTED; i++)
        printf(" %.17g", weft_node_dtype(leaf) == WEFT_I64 ? (double)((const int64_t *)data)[i] : ((const double *)data)[i]);
    printf("%s\n", n > MOST_PRINTED ? " ..." : "");
}

/* Its results as expressions, and every number that goes in; constants of one element stand in the expression. */
static void print_graph(const graph *g)
{
    subject s;
    bool refused;
    double one;
    subject_make(&s, g, &refused);
    for (size_t k = 0; k < s.b.n_values; k++) {
        printf("    y%zu = ", k);
        fflush(stdout);
        weft_print_expression((weft_writer){weft_write_file, stdout}, s.b.out[k]);
        printf("\n");
    }
    for (uint32_t id = 0; id < s.nodes; id++) {
        weft_node x = weft_tape_node(s.b.tape, id);
        if (!weft_node_operand_count(x) && !weft_node_scalar(x, &one) && subject_memory(&s, x))
            print_values(&s, x);
    }
    for (size_t k = 0; s.b.n_leaves && k < s.b.n_values; k++)
        print_values(&s, s.w[k]);
    for (size_t k = 0; k < s.b.n_leaves; k++)
        print_values(&s, s.dx[k]);
    subject_free(&s);
}

static void report(tool *t, uint64_t seed, graph *g, const char *message)
{
    char again[WEFT_MESSAGE_SIZE];
    printf("seed %llu: %s\n", (unsigned long long)seed, message);
    if (!strcmp(t->verdict, "refused") || !t->peer.from || feof(t->peer.from))
        return;
    int tried = shrink(t, g);
    compare(t, g, false, again, sizeof again);
    printf("  shrunk in %d trials to %d moves: %s\n", tried, g->n, again);
    print_graph(g);
}

/* --- many graphs --- */

static void judge_seeds(tool *t, uint64_t first, uint64_t n)
{
    for (uint64_t seed = first; seed < first + n && t->failed < MOST_REPORTED; seed++) {
        graph g = graph_draw(seed);
        char message[WEFT_MESSAGE_SIZE];
        compare(t, &g, true, message, sizeof message);
        if (!strcmp(t->verdict, "ok")) {
            t->passed++;
        } else {
            t->failed++;
            report(t, seed, &g, message);
        }
    }
    if (t->failed >= MOST_REPORTED)
        printf("%d graphs failed; the rest is left out\n", t->failed);
}

static bool is_given(const tool *t, const weft_op *op)
{
    for (size_t k = 0; k < t->given.n; k++)
        if (t->given.op[k] == op)
            return true;
    return false;
}

static void check(tool *t, bool good, const char *what)
{
    t->passed += good;
    t->failed += !good;
    if (!good)
        printf("%s\n", what);
}

/* That comparing said something: every op was there, and nearly all bounds are small beside the values. */
static void judge_coverage(tool *t, uint64_t n)
{
    for (int k = 0; k < QUANTITIES; k++) {
        char what[128];
        printf("%-9s %9zu elements compared, %5.1f%% of them within 1e-8 of the largest\n", quantity_names[k], t->elements[k],
               t->elements[k] ? 100.0 * (double)t->sharp[k] / (double)t->elements[k] : 0.0);
        snprintf(what, sizeof what, "%s: only %zu of %zu elements are held to a narrow bound", quantity_names[k], t->sharp[k], t->elements[k]);
        check(t, 10 * t->sharp[k] >= 9 * t->elements[k] && t->elements[k], what);
    }
    for (size_t k = 0; n >= ENOUGH_FOR_EVERY_OP && k < weft_op_count(); k++) {
        char what[128];
        snprintf(what, sizeof what, "%.40s was in no graph: tests/random_moves.c and random_steps.c draw them", weft_op_at(k)->name);
        check(t, t->seen[k] || is_given(t, weft_op_at(k)), what);
    }
}

/* --- the other side --- */

/* Reads "ok sign uniform ...": the ops that have no counterpart there, and whose nodes it gets as numbers. */
static void take_given(tool *t, char *answer)
{
    t->given.op = calloc(weft_op_count(), sizeof *t->given.op);
    for (char *name = strtok(answer, " "); name; name = strtok(NULL, " "))
        for (size_t k = 0; k < weft_op_count(); k++)
            if (!strcmp(weft_op_at(k)->name, name))
                t->given.op[t->given.n++] = weft_op_at(k);
}

static bool open_peer(tool *t)
{
    char *line = NULL;
    size_t length = 0;
    if (!peer_start(&t->peer, t->python, t->script))
        return false;
    FILE *to = open_memstream(&line, &length);
    fprintf(to, "{\"catalogue\": [");
    for (size_t k = 0; k < weft_op_count(); k++)
        fprintf(to, "%s\"%s\"", k ? ", " : "", weft_op_at(k)->name);
    fprintf(to, "]}");
    fclose(to);
    bool good = peer_ask(&t->peer, line);
    free(line);
    if (good && strncmp(t->peer.answer, "ok", 2)) {
        printf("%s\n", t->peer.answer);
        good = false;
    } else if (good) {
        take_given(t, t->peer.answer);
    } else {
        printf("%s %s does not answer\n", t->python, t->script);
    }
    return good;
}

/* From now on the other side makes a mistake in an op; an empty name ends that. False when it cannot. */
static bool break_op(tool *t, const char *op, const char *how)
{
    char line[160];
    snprintf(line, sizeof line, "{\"break\": \"%.60s\", \"how\": \"%.60s\"}", op, how);
    return peer_ask(&t->peer, line) && !strncmp(t->peer.answer, "ok", 2);
}

/* --- mistakes on purpose --- */

static bool has_op(const graph *g, const weft_op *op)
{
    built b;
    bool found = false;
    graph values = *g;
    values.n_updates = values.order = 0;
    graph_drop_unused(&values);
    if (graph_build(&b, &values, WEFT_F64))
        for (uint32_t id = 0; id < weft_tape_count(b.tape); id++)
            found |= weft_node_op(weft_tape_node(b.tape, id)) == op;
    built_free(&b);
    return found;
}

/* Further outputs of a node are not nodes of their own. */
static int nodes_of(const graph *g)
{
    subject s;
    bool refused;
    int nodes = 0;
    subject_make(&s, g, &refused);
    for (uint32_t id = 0; id < s.nodes; id++)
        nodes += weft_node_op(weft_tape_node(s.b.tape, id))->kind != WEFT_PART;
    subject_free(&s);
    return nodes;
}

/* How many nodes are few, leaves included: an op on two leaves has three. */
static int small_graph(const weft_op *op)
{
    static const struct {
        const char *name;
        int nodes;
    } larger[] = {
        {"clip", 4},                       /* its bounds are leaves too */
        {"matmul", 5},                     /* vectors, which are shorter than matrices, are reshaped, and their product again */
        {"fused_batchnorm_evaluation", 4}, /* its variance is a square */
    };
    for (size_t k = 0; k < sizeof larger / sizeof *larger; k++)
        if (!strcmp(op->name, larger[k].name))
            return larger[k].nodes;
    return 3;
}

/* A graph that shows the mistake shrinks to a small one. Where the op is inside a move such as variance(), which records many nodes and cannot be taken
 * apart, the next graph is tried. */
static void judge_mistake(tool *t, const weft_op *op, const char *how)
{
    enum { MOST_SEEDS = 4000, MOST_FOUND = 40 };
    const int few = small_graph(op);
    int found = 0;
    int fewest = INT_MAX;
    graph smallest = {.n = 0};
    uint64_t at = 0;
    for (uint64_t seed = 1; seed < MOST_SEEDS && found < MOST_FOUND && fewest > few; seed++) {
        char message[WEFT_MESSAGE_SIZE];
        graph g = graph_draw(seed);
        if (!has_op(&g, op))
            continue;
        compare(t, &g, false, message, sizeof message);
        if (strncmp(t->verdict, "wrong", strlen("wrong")))
            continue;
        found++;
        shrink(t, &g);
        int nodes = nodes_of(&g);
        if (nodes < fewest) {
            fewest = nodes;
            smallest = g;
            at = seed;
        }
    }
    bool small = fewest <= few;
    printf("%s a wrong %s of %s, ", small ? "found" : found ? "not small enough:" : "not found:", how, op->name);
    if (found)
        printf("seed %llu, shrunk to %d nodes\n", (unsigned long long)at, fewest);
    else
        printf("in %d graphs\n", MOST_SEEDS);
    if (found)
        print_graph(&smallest);
    t->passed += small;
    t->failed += !small;
}

static void judge_mistakes(tool *t, size_t every)
{
    static const char *const ways_to_break[] = {"value", "gradient", "curvature"};
    for (size_t k = 0; k < weft_op_count(); k += every)
        for (int how = 0; how < 3 && !is_given(t, weft_op_at(k)); how++)
            if (break_op(t, weft_op_at(k)->name, ways_to_break[how]))
                judge_mistake(t, weft_op_at(k), ways_to_break[how]);
    break_op(t, "", "");
}

/* --- the command line --- */

static int print_line(uint64_t seed)
{
    subject s;
    bool refused;
    char message[WEFT_MESSAGE_SIZE] = "";
    graph g = graph_draw(seed);
    bool good = subject_make(&s, &g, &refused) && subject_write(stdout, &s, &(given){.n = 0}, message, sizeof message);
    printf("\n");
    if (!good)
        fprintf(stderr, "seed %llu: %s\n", (unsigned long long)seed, *message ? message : s.message);
    subject_free(&s);
    return !good;
}

static int usage(const char *name)
{
    fprintf(stderr, "usage: %s --python PYTHON --script COMPARE.PY [--graphs N] [--first SEED] [--break OP:HOW | --broken all|some]\n       %s --print SEED\n",
            name, name);
    return 2;
}

static bool break_as_asked(tool *t)
{
    char op[64] = "";
    const char *colon = t->broken ? strchr(t->broken, ':') : NULL;
    if (!t->broken)
        return true;
    snprintf(op, sizeof op, "%.*s", colon ? (int)(colon - t->broken) : 60, t->broken);
    if (break_op(t, op, colon ? colon + 1 : "value"))
        return true;
    fprintf(stderr, "%s\n", t->peer.answer ? t->peer.answer : "no answer");
    return false;
}

/* Every option has a value. False for what is none. */
static bool parse(int argc, char **argv, tool *t)
{
    for (int i = 1; i < argc; i += 2) {
        const char *name = argv[i], *value = argv[i + 1]; /* argv ends in NULL */
        const char **text = !strcmp(name, "--python") ? &t->python : !strcmp(name, "--script") ? &t->script
                          : !strcmp(name, "--break") ? &t->broken : !strcmp(name, "--broken") ? &t->mistakes : NULL;
        uint64_t *number = !strcmp(name, "--graphs") ? &t->graphs : !strcmp(name, "--first") ? &t->first
                         : !strcmp(name, "--print") ? &t->printed : NULL;
        if (!value || (!text && !number))
            return false;
        if (text)
            *text = value;
        else
            *number = strtoull(value, NULL, 10);
    }
    return t->printed || (t->python && t->script);
}

int main(int argc, char **argv)
{
    tool t = {.graphs = 300, .first = 1};
    if (!parse(argc, argv, &t))
        return usage(argv[0]);
    if (t.printed)
        return print_line(t.printed);
    setvbuf(stdout, NULL, _IOLBF, 0);
    t.seen = calloc(weft_op_count(), sizeof *t.seen);
    bool good = open_peer(&t) && break_as_asked(&t);
    if (good && t.mistakes) {
        judge_mistakes(&t, strcmp(t.mistakes, "all") ? EVERY_FEW_OPS : 1);
    } else if (good) {
        judge_seeds(&t, t.first, t.graphs);
        if (!t.failed)
            judge_coverage(&t, t.graphs);
    }
    t.failed += !good;
    peer_end(&t.peer);
    free(t.given.op);
    free(t.seen);
    printf("%d passed, %d failed\n", t.passed, t.failed);
    return t.failed != 0;
}

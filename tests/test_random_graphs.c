/* test_random_graphs.c: random graphs with their derivatives, run in every way of tests/ways.c, in f64 and f32, against the plain judge.
 *
 *     test_random_graphs                              the graphs of seeds 1 to 1000
 *     test_random_graphs --graphs 100000              more
 *     test_random_graphs --graphs 1 --first 4711      one again
 *
 * A graph that fails is shrunk, and what is left of it is printed with its inputs. The judge and the shrinker are themselves tested, on ways
 * that are wrong on purpose. */
#include "tests/plain.h"
#include "tests/suite.h"
#include "tests/ways.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GRAPHS_PER_TEST = 50 };

static unsigned long long first_seed = 1, graphs = 1000;

/* --- reporting --- */

static bool fails_so(void *context, const graph *g)
{
    const verdict *wanted = context;
    verdict v = judge(g, wanted->dtype, wanted->way, 1);
    return v.failed && !v.refused;
}

/* Prints the smallest graph that fails as v says, and ends the test. */
static void report(const graph *g, const verdict *v)
{
    graph small = *g;
    int tried = graph_shrink(&small, fails_so, (void *)(uintptr_t)v);
    verdict again = judge(&small, v->dtype, v->way, 1);
    fprintf(stderr, "seed %llu, %s, %s: %s\nshrunk in %d trials, it reads: %s\n", (unsigned long long)g->seed, v->way->name, weft_dtype_name(v->dtype),
            v->message, tried, again.message);
    graph_print(stderr, &small, v->dtype);
    ck_abort_msg("seed %llu, %s, %s: %s", (unsigned long long)g->seed, v->way->name, weft_dtype_name(v->dtype), again.message);
}

/* --- the engine --- */

/* Every way gives every element within what roundings can do to it. Nearly all of these bounds are small beside the values, so that they
 * say something; the rest stand behind cancellation, or at a kink. */
START_TEST(every_way_gives_the_value)
{
    size_t elements[2] = {0}, sharp[2] = {0};
    for (unsigned long long k = (unsigned long long)_i * GRAPHS_PER_TEST; k < graphs && k < ((unsigned long long)_i + 1) * GRAPHS_PER_TEST; k++) {
        graph g = graph_draw(first_seed + k);
        for (int narrow = 0; narrow < 2; narrow++) {
            verdict v = judge(&g, narrow ? WEFT_F32 : WEFT_F64, ways, way_count);
            if (v.failed)
                report(&g, &v);
            elements[narrow] += v.elements;
            sharp[narrow] += v.sharp;
        }
    }
    if (getenv("STATS")) fprintf(stderr, "%d: f64 %zu of %zu %.3f, f32 %zu of %zu %.3f\n", _i, sharp[0], elements[0], (double)sharp[0]/(double)elements[0], sharp[1], elements[1], (double)sharp[1]/(double)elements[1]);
}
END_TEST

/* --- the generator --- */

START_TEST(every_op_is_drawn)
{
    size_t n = weft_op_count();
    bool *seen = calloc(n, sizeof *seen);
    for (uint64_t seed = 1; seed <= 400; seed++) {
        graph g = graph_draw(seed);
        built b;
        ck_assert_msg(graph_build(&b, &g, WEFT_F64), "seed %llu: %s", (unsigned long long)seed, weft_tape_message(b.tape));
        for (uint32_t id = 0; id < weft_tape_count(b.tape); id++)
            for (size_t k = 0; k < n; k++)
                seen[k] |= weft_op_at(k) == weft_node_op(weft_tape_node(b.tape, id));
        built_free(&b);
    }
    for (size_t k = 0; k < n; k++)
        ck_assert_msg(seen[k], "no graph has the op %s: add it to tests/random_graph.c, random_draw.c and plain.c", weft_op_at(k)->name);
    free(seen);
}
END_TEST

/* --- the judge and the shrinker, on ways that are wrong on purpose --- */

/* Records t's outputs again, each node as change() makes it of its rewritten operands; a failed node: as it was. */
static bool run_changed(trial *t, weft_node (*change)(weft_node node, const weft_node *x))
{
    weft_tape *tape = t->graph->tape;
    uint32_t count = weft_tape_count(tape);
    weft_node *to = malloc(count * sizeof *to);
    for (uint32_t id = 0; id < count; id++) {
        weft_node node = to[id] = weft_tape_node(tape, id), x[WEFT_MAX_OPERANDS];
        const weft_op *op = weft_node_op(node);
        int n = weft_node_operand_count(node);
        for (int i = 0; i < n; i++)
            x[i] = to[weft_node_operand(node, i).id];
        if (op->kind == WEFT_PART)
            to[id] = weft_part(x[0], (int)(id - weft_node_operand(node, 0).id));
        else if (n) {
            weft_node changed = change(node, x);
            to[id] = changed.tape ? changed : weft_record(op, x, n, weft_node_attributes(node));
        }
    }
    for (size_t k = 0; k < t->graph->n_out; k++)
        t->stands[k] = to[t->graph->out[k].id];
    free(to);
    bool good = trial_run(t);
    memcpy(t->stands, t->graph->out, sizeof t->stands); /* the judge is to think that all is well */
    return good;
}

static weft_node relu_passes_all(weft_node node, const weft_node *x)
{
    return strcmp(weft_node_op(node)->name, "relu") ? (weft_node){.tape = NULL} : x[0];
}

/* On squares, where shapes do not tell. */
static weft_node sum_over_the_other_axis(weft_node node, const weft_node *x)
{
    weft_shape shape = weft_node_shape(x[0]);
    if (strcmp(weft_node_op(node)->name, "sum") || shape.rank != 2 || shape.dim[0] != shape.dim[1])
        return (weft_node){.tape = NULL};
    weft_reduction r = *(const weft_reduction *)weft_node_attributes(node);
    if (r.keepdims || (r.axes != 1 && r.axes != 2))
        return (weft_node){.tape = NULL};
    return weft_sum(x[0], 3 - r.axes, false);
}

/* The derivative of a quotient with the sign that it is so often given: a negated quotient is -(a / b). */
static weft_node lost_sign(weft_node node, const weft_node *x)
{
    bool derived = weft_node_adjoint_of(node, NULL, NULL);
    return strcmp(weft_node_op(node)->name, "neg") || !derived ? (weft_node){.tape = NULL} : x[0];
}

static bool run_relu(trial *t)
{
    return run_changed(t, relu_passes_all);
}

static bool run_sum(trial *t)
{
    return run_changed(t, sum_over_the_other_axis);
}

static bool run_sign(trial *t)
{
    return run_changed(t, lost_sign);
}

/* A blocked loop that forgets the last element of its remainder. */
static bool run_block(trial *t)
{
    bool good = trial_run(t);
    for (size_t k = 0; good && k < t->graph->n_values; k++) {
        weft_shape shape = weft_node_shape(t->graph->out[k]);
        size_t count = weft_shape_count(&shape);
        if (count > 256 && count % 256)
            t->result[k][count - 1] += 1;
    }
    return good;
}

static const struct {
    way way;
    int moves;      /* that are enough to show it */
    size_t elements; /* likewise, of all leaves */
} planted[] = {
    {{"relu passes all", run_relu}, 1, 1},
    {{"sum over the other axis", run_sum}, 1, 4},
    {{"a lost sign", run_sign}, 1, 2},
    {{"a forgotten remainder", run_block}, 1, 257},
};
enum { PLANTED = sizeof planted / sizeof *planted };

/* Five graphs that show the mistake shrink to about the least that can; the bounds leave room for one move and for a leaf beside. */
START_TEST(a_planted_mistake_is_found_and_shrunk)
{
    enum { WANTED = 5, MOST_SEEDS = 3000 };
    int found = 0;
    for (uint64_t seed = 1; found < WANTED; seed++) {
        ck_assert_msg(seed < MOST_SEEDS, "%s: found only %d times in %d graphs", planted[_i].way.name, found, MOST_SEEDS);
        graph g = graph_draw(seed);
        verdict v = judge(&g, seed % 2 ? WEFT_F64 : WEFT_F32, &planted[_i].way, 1);
        if (!v.failed)
            continue;
        found++;
        graph_shrink(&g, fails_so, &v);
        size_t elements = 0;
        for (int i = 0; i < g.n; i++)
            elements += g.move[i].kind->arity ? 0 : weft_shape_count(&g.move[i].shape);
        ck_assert_msg(judge(&g, v.dtype, &planted[_i].way, 1).failed, "seed %llu: what is left does not fail", (unsigned long long)seed);
        verdict earnest = judge(&g, v.dtype, ways, way_count);
        if (earnest.failed)
            report(&g, &earnest);
        bool small = graph_size(&g) <= planted[_i].moves + 1 && elements <= 2 * planted[_i].elements + 2 && g.n_results == 1;
        if (!small || getenv("STATS"))
            graph_print(stderr, &g, v.dtype);
        ck_assert_msg(small, "%s, seed %llu: %d moves and %zu elements are left", planted[_i].way.name, (unsigned long long)seed, graph_size(&g), elements);
    }
}
END_TEST

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i += 2) {
        unsigned long long *option = !strcmp(argv[i], "--graphs") ? &graphs : !strcmp(argv[i], "--first") ? &first_seed : NULL;
        if (!option || i + 1 == argc) {
            fprintf(stderr, "usage: %s [--graphs N] [--first SEED]\n", argv[0]);
            return 2;
        }
        *option = strtoull(argv[i + 1], NULL, 10);
    }
    Suite *suite = suite_create("random_graphs");
    TCase *engine = tcase_create("engine"), *checker = tcase_create("checker");
    tcase_set_timeout(engine, 600); /* with what shrinking may take */
    tcase_set_timeout(checker, 600);
    tcase_add_loop_test(engine, every_way_gives_the_value, 0, (int)((graphs + GRAPHS_PER_TEST - 1) / GRAPHS_PER_TEST));
    suite_add_tcase(suite, engine);
    tcase_add_test(checker, every_op_is_drawn);
    tcase_add_loop_test(checker, a_planted_mistake_is_found_and_shrunk, 0, PLANTED);
    suite_add_tcase(suite, checker);
    return run_suite(suite);
}

/* test_random_graphs.c: random graphs with their derivatives and with parameters that they assign, run in every way of tests/ways.c, in f64 and
 * f32, against the plain judge.
 *
 *     test_random_graphs                              the graphs of seeds 1 to 3000, in some ten seconds
 *     test_random_graphs --graphs 100000              more
 *     test_random_graphs --graphs 1 --first 4711      one again
 *     test_random_graphs --compiled 1000              as many through the compiler, which takes it a third of a second each
 *
 * A graph that fails is shrunk, and what is left of it is printed with its inputs. The judge and the shrinker are themselves tested, on ways
 * that are wrong on purpose. */
#include "tests/modes.h"
#include "tests/suite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GRAPHS_PER_TEST = 50, COMPILED_PER_TEST = 5 };

static unsigned long long first_seed = 1, graphs = 3000, compiled_graphs = 30;

/* --- reporting --- */

static verdict judge_again(const graph *g, const verdict *v)
{
    return v->way == &modes ? judge_modes(g) : v->way == &differences ? judge_differences(g) : judge(g, v->dtype, v->way, 1);
}

static bool fails_so(void *context, const graph *g)
{
    const verdict *wanted = context;
    verdict v = judge_again(g, wanted);
    return v.failed && !v.refused;
}

/* Prints the smallest graph that fails as v says, and ends the test. */
static void report(const graph *g, const verdict *v)
{
    graph small = *g;
    int tried = graph_shrink(&small, fails_so, (void *)(uintptr_t)v);
    verdict again = judge_again(&small, v);
    char where[128];
    snprintf(where, sizeof where, "seed %llu, %s, %s", (unsigned long long)g->seed, v->way->name, weft_dtype_name(v->dtype));
    fprintf(stderr, "%s: %s\nshrunk in %d trials, it reads: %s\n", where, v->message, tried, again.message);
    graph_print(stderr, &small, v->dtype);
    ck_abort_msg("%s: %s", where, again.message);
}

/* --- the engine --- */

/* Every way gives every element within what roundings can do to it. Nearly all of these bounds are small beside the values, so that they
 * say something; the rest stand behind cancellation, or at a kink. */
static void judge_graphs(unsigned long long test, unsigned long long count, int per_test, const way *by, size_t n)
{
    size_t elements[2] = {0}, sharp[2] = {0};
    for (unsigned long long k = test * (unsigned)per_test; k < count && k < (test + 1) * (unsigned)per_test; k++) {
        graph g = graph_draw(first_seed + k);
        for (int narrow = 0; narrow < 2; narrow++) {
            verdict v = judge(&g, narrow ? WEFT_F32 : WEFT_F64, by, n);
            if (v.failed)
                report(&g, &v);
            elements[narrow] += v.elements;
            sharp[narrow] += v.sharp;
        }
    }
    for (int narrow = 0; narrow < 2; narrow++)
        ck_assert_msg(2 * sharp[narrow] >= elements[narrow], "only %zu of %zu elements are held to a narrow bound", sharp[narrow], elements[narrow]);
}

START_TEST(every_way_gives_the_value)
{
    judge_graphs((unsigned)_i, graphs, GRAPHS_PER_TEST, ways, way_count);
}
END_TEST

START_TEST(compiled_graphs_give_the_value)
{
    judge_graphs((unsigned)_i, compiled_graphs, COMPILED_PER_TEST, compiled_ways, compiled_way_count);
}
END_TEST

/* What weft_vjp() recorded is the derivative. Kinks and ties leave some graphs undecided, but not most of them. */
START_TEST(gradients_agree_with_differences)
{
    size_t found = 0, decided = 0, compared = 0, sharp = 0;
    for (unsigned long long k = (unsigned long long)_i * GRAPHS_PER_TEST; k < graphs && k < ((unsigned long long)_i + 1) * GRAPHS_PER_TEST; k++) {
        graph g = graph_draw(first_seed + k);
        verdict v = judge_differences(&g);
        if (v.failed)
            report(&g, &v);
        found += g.order > 0;
        decided += v.elements > 0;
        compared += v.elements;
        sharp += v.sharp;
    }
    ck_assert_msg(2 * decided >= found, "only %zu of %zu gradients are decided", decided, found);
    ck_assert_msg(2 * sharp >= compared, "only %zu of %zu differences are held to a narrow bound", sharp, compared);
}
END_TEST

/* Nor does forward mode say anything else than reverse mode; only where nothing can be said of a value is a graph left undecided. */
START_TEST(both_modes_agree)
{
    size_t found = 0, compared = 0, sharp = 0;
    for (unsigned long long k = (unsigned long long)_i * GRAPHS_PER_TEST; k < graphs && k < ((unsigned long long)_i + 1) * GRAPHS_PER_TEST; k++) {
        graph g = graph_draw(first_seed + k);
        verdict v = judge_modes(&g);
        if (v.failed)
            report(&g, &v);
        found += (size_t)g.order;
        compared += v.elements;
        sharp += v.sharp;
    }
    ck_assert_msg(4 * compared >= 3 * found, "only %zu of %zu products are decided", compared, found);
    ck_assert_msg(2 * sharp >= compared, "only %zu of %zu products are held to a narrow bound", sharp, compared);
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
        ck_assert_msg(seen[k], "no graph has the op %s: add it to tests/elementwise.def, or to random_moves.c, random_steps.c and plain.c",
                      weft_op_at(k)->name);
    free(seen);
}
END_TEST

START_TEST(every_kind_of_move_is_drawn)
{
    const move_kind *kind = move_kind_at((size_t)_i);
    for (uint64_t seed = 1; seed <= 400; seed++) {
        graph g = graph_draw(seed);
        for (int i = 0; i < g.n; i++)
            if (g.move[i].kind == kind)
                return;
    }
    ck_abort_msg("no graph has the move %s: give it a step in tests/random_steps.c", kind->name);
}
END_TEST

static bool is_exchanged(const graph *g, const update *u)
{
    bool found = false;
    for (int k = 0; k < g->n_updates; k++) {
        const update *other = &g->update[k];
        found |= other->parameter != u->parameter && other->value == u->parameter && u->value == other->parameter && !u->sgd && !other->sgd;
    }
    return found;
}

static bool reads(const graph *g, int user, int i)
{
    bool found = false;
    for (int k = 0; k < g->move[user].kind->arity; k++)
        found |= g->move[user].x[k] == i;
    return found;
}

static bool comes_from_itself(const graph *g, const update *u)
{
    return u->value != ITS_GRADIENT && reads(g, u->value, u->parameter);
}

static bool is_output(const graph *g, const update *u)
{
    bool found = false;
    for (int k = 0; k < g->n_results; k++)
        found |= g->result[k] == u->parameter;
    return found;
}

static bool is_read_behind(const graph *g, const update *u)
{
    bool found = false;
    for (int i = u->value + 1; u->value != ITS_GRADIENT && i < g->n; i++)
        found |= !u->sgd && reads(g, i, u->parameter);
    return found;
}

static bool is_of_no_other_use(const graph *g, const update *u)
{
    bool found = is_output(g, u);
    for (int i = 0; i < g->n; i++)
        found |= reads(g, i, u->parameter);
    return !found;
}

static bool is_its_gradient(const graph *g, const update *u)
{
    (void)g;
    return u->value == ITS_GRADIENT && !u->sgd;
}

static bool descends(const graph *g, const update *u)
{
    (void)g;
    return u->value == ITS_GRADIENT && u->sgd;
}

static bool descends_by_a_move(const graph *g, const update *u)
{
    (void)g;
    return u->value != ITS_GRADIENT && u->sgd;
}

static const struct {
    const char *name;
    bool (*shows)(const graph *g, const update *u);
} update_forms[] = {
    {"exchanged with another", is_exchanged},
    {"made of itself", comes_from_itself},
    {"an output as well", is_output},
    {"read by what is recorded later", is_read_behind},
    {"of no other use", is_of_no_other_use},
    {"its gradient", is_its_gradient},
    {"a step of weft_sgd() down its gradient", descends},
    {"a step of weft_sgd() by a move", descends_by_a_move},
};
enum { UPDATE_FORMS = sizeof update_forms / sizeof *update_forms };

START_TEST(every_form_of_update_is_drawn)
{
    int found = 0;
    for (uint64_t seed = 1; seed <= 400; seed++) {
        graph g = graph_draw(seed);
        for (int k = 0; k < g.n_updates; k++)
            found += update_forms[_i].shows(&g, &g.update[k]);
    }
    ck_assert_msg(found >= 3, "%d times in 400 graphs is an assigned parameter %s", found, update_forms[_i].name);
}
END_TEST

/* --- the judge and the shrinker, on ways that are wrong on purpose --- */

/* What stands for a node whose new operands are x: a node of no tape leaves it as it was. now: what stands for each earlier node, and for what
 * is recorded from here on. */
typedef weft_node (*mistake)(weft_node node, const weft_node *x, weft_node *now);

/* Records b's outputs again in `to`. */
static void record_changed(const built *b, mistake change, weft_node *to)
{
    uint32_t count = weft_tape_count(b->tape);
    weft_node *now = malloc(count * sizeof *now);
    for (uint32_t id = 0; id < count; id++) {
        weft_node node = now[id] = weft_tape_node(b->tape, id), x[WEFT_MAX_OPERANDS];
        const weft_op *op = weft_node_op(node);
        int n = weft_node_operand_count(node);
        for (int i = 0; i < n; i++)
            x[i] = now[weft_node_operand(node, i).id];
        if (op->kind == WEFT_PART) {
            now[id] = weft_part(x[0], (int)(id - weft_node_operand(node, 0).id));
        } else if (n) {
            weft_node changed = change(node, x, now);
            now[id] = changed.tape ? changed : weft_record(op, x, n, weft_node_attributes(node));
        }
    }
    for (size_t k = 0; k < b->n_out; k++)
        to[k] = now[b->out[k].id];
    free(now);
}

static bool run_changed(trial *t, mistake change)
{
    record_changed(t->graph, change, t->stands);
    bool good = trial_run(t);
    memcpy(t->stands, t->graph->out, sizeof t->stands); /* the judge is to think that all is well */
    return good;
}

static weft_node relu_passes_all(weft_node node, const weft_node *x, weft_node *now)
{
    (void)now;
    return strcmp(weft_node_op(node)->name, "relu") ? (weft_node){.tape = NULL} : x[0];
}

/* On squares, where shapes do not tell. */
static weft_node sum_over_the_other_axis(weft_node node, const weft_node *x, weft_node *now)
{
    (void)now;
    weft_shape shape = weft_node_shape(x[0]);
    if (strcmp(weft_node_op(node)->name, "sum") || shape.rank != 2 || shape.dim[0] != shape.dim[1])
        return (weft_node){.tape = NULL};
    weft_reduction r = *(const weft_reduction *)weft_node_attributes(node);
    if (r.keepdims || (r.axes != 1 && r.axes != 2))
        return (weft_node){.tape = NULL};
    return weft_sum(x[0], 3 - r.axes, false);
}

/* In derivatives only. */
static weft_node lost_sign(weft_node node, const weft_node *x, weft_node *now)
{
    (void)now;
    bool derived = weft_node_adjoint_of(node, NULL, NULL);
    return strcmp(weft_node_op(node)->name, "neg") || !derived ? (weft_node){.tape = NULL} : x[0];
}

/* And not when the run ends: what is computed later sees the new value. */
static weft_node assigned_at_once(weft_node node, const weft_node *x, weft_node *now)
{
    if (!strcmp(weft_node_op(node)->name, "assign"))
        now[x[0].id] = x[1];
    return (weft_node){.tape = NULL};
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

static bool run_at_once(trial *t)
{
    return run_changed(t, assigned_at_once);
}

/* The last of them. */
static bool run_without_assigning(trial *t)
{
    bool good = trial_run(t);
    const built *b = t->graph;
    for (size_t k = 0; good && b->n_assignments && k < b->n_bindings; k++)
        for (int run = 0; run < t->n_runs && b->binding[k].node.id == b->assignment[b->n_assignments - 1].parameter.id; run++)
            memcpy(t->run[run].parameter[k], b->binding[k].data, b->binding[k].bytes);
    return good;
}

/* Gives what the first run gave, though it shows the parameters that it should have worked with. */
static bool run_from_first_values(trial *t)
{
    bool good = trial_run(t);
    for (size_t k = 0; good && t->n_runs > 1 && k < t->graph->n_values; k++) {
        weft_shape shape = weft_node_shape(t->graph->out[k]);
        memcpy(t->run[1].result[k], t->run[0].result[k], weft_shape_count(&shape) * sizeof(double));
    }
    return good;
}

/* A blocked loop that forgets the last element of its remainder. */
static bool run_block(trial *t)
{
    bool good = trial_run(t);
    for (size_t k = 0; good && k < t->graph->n_values; k++) {
        weft_shape shape = weft_node_shape(t->graph->out[k]);
        size_t count = weft_shape_count(&shape);
        if (count > 256 && count % 256)
            t->run[0].result[k][count - 1] += 1;
    }
    return good;
}

static const struct {
    way way;
    int moves;       /* that are enough to show it */
    size_t elements; /* likewise, of all leaves */
    int updates;     /* likewise */
} planted[] = {
    {{"relu passes all", run_relu}, 1, 1, 0},
    {{"sum over the other axis", run_sum}, 1, 4, 0},
    {{"a lost sign", run_sign}, 1, 2, 0},
    {{"a forgotten remainder", run_block}, 1, 257, 0},
    {{"assigned at once", run_at_once}, 1, 4, 2}, /* two that change places show it without a move */
    {{"not assigned", run_without_assigning}, 0, 4, 1}, /* two parameters whose first elements are alike: one element would show nothing */
    {{"a run from the first values", run_from_first_values}, 0, 4, 1}, /* likewise, where they are squares, whose dims shrink together */
};
enum { PLANTED = sizeof planted / sizeof *planted };

/* Five graphs that show the mistake shrink to about the least that can; the bounds leave room for one move, one update and a leaf beside: what a
 * mistake does may be seen through an update as well as through a result. */
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
        bool small = graph_size(&g) <= planted[_i].moves + 1 && elements <= 2 * planted[_i].elements + 2 && g.n_results == 1 &&
                     g.n_updates <= planted[_i].updates + 1;
        if (!small)
            graph_print(stderr, &g, v.dtype);
        ck_assert_msg(small, "%s, seed %llu: %d moves, %d updates and %zu elements are left", planted[_i].way.name, (unsigned long long)seed,
                      graph_size(&g), g.n_updates, elements);
    }
}
END_TEST

/* A gradient that lacks a sign agrees with itself in every way of running it, and with no difference. */
static bool lacks_a_sign(void *context, const graph *g)
{
    (void)context;
    built b;
    verdict v = {.dtype = WEFT_F64};
    if (graph_build(&b, g, WEFT_F64)) {
        weft_node out[MOST_OUTPUTS];
        record_changed(&b, lost_sign, out);
        memcpy(b.out + b.n_values, out + b.n_values, (b.n_out - b.n_values) * sizeof *out);
        differences_judge(&b, &v);
    }
    built_free(&b);
    return v.failed;
}

/* And one in a tangent agrees with no gradient. */
static bool lacks_a_sign_forward(void *context, const graph *g)
{
    (void)context;
    built b;
    verdict v = {.dtype = WEFT_F64};
    if (graph_build(&b, g, WEFT_F64) && b.jvp[0]) {
        weft_node out[MOST_OUTPUTS];
        record_changed(&b, lost_sign, out);
        memcpy(b.out + b.jvp[0], out + b.jvp[0], (b.n_out - b.jvp[0]) * sizeof *out);
        modes_judge(&b, &v);
    }
    built_free(&b);
    return v.failed;
}

START_TEST(a_wrong_derivative_is_found_and_shrunk)
{
    enum { WANTED = 5, MOST_SEEDS = 500 };
    bool (*const wrong)(void *context, const graph *g) = _i ? lacks_a_sign_forward : lacks_a_sign;
    int found = 0;
    for (uint64_t seed = 1; found < WANTED; seed++) {
        ck_assert_msg(seed < MOST_SEEDS, "found only %d times in %d graphs", found, MOST_SEEDS);
        graph g = graph_draw(seed);
        if (!wrong(NULL, &g))
            continue;
        found++;
        graph_shrink(&g, wrong, NULL);
        ck_assert_msg(graph_size(&g) <= 2 && g.n_results == 1, "seed %llu: %d moves are left", (unsigned long long)seed, graph_size(&g));
    }
}
END_TEST

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i += 2) {
        unsigned long long *option = !strcmp(argv[i], "--graphs") ? &graphs : !strcmp(argv[i], "--first") ? &first_seed : NULL;
        option = !strcmp(argv[i], "--compiled") ? &compiled_graphs : option;
        if (!option || i + 1 == argc) {
            fprintf(stderr, "usage: %s [--graphs N] [--first SEED] [--compiled N]\n", argv[0]);
            return 2;
        }
        *option = strtoull(argv[i + 1], NULL, 10);
    }
    Suite *suite = suite_create("random_graphs");
    TCase *engine = tcase_create("engine"), *checker = tcase_create("checker");
    tcase_set_timeout(engine, 600); /* with what shrinking may take */
    tcase_set_timeout(checker, 600);
    tcase_add_loop_test(engine, every_way_gives_the_value, 0, (int)((graphs + GRAPHS_PER_TEST - 1) / GRAPHS_PER_TEST));
    tcase_add_loop_test(engine, compiled_graphs_give_the_value, 0, (int)((compiled_graphs + COMPILED_PER_TEST - 1) / COMPILED_PER_TEST));
    tcase_add_loop_test(engine, gradients_agree_with_differences, 0, (int)((graphs + GRAPHS_PER_TEST - 1) / GRAPHS_PER_TEST));
    tcase_add_loop_test(engine, both_modes_agree, 0, (int)((graphs + GRAPHS_PER_TEST - 1) / GRAPHS_PER_TEST));
    suite_add_tcase(suite, engine);
    tcase_add_test(checker, every_op_is_drawn);
    int kinds = 0;
    while (move_kind_at((size_t)kinds))
        kinds++;
    tcase_add_loop_test(checker, every_kind_of_move_is_drawn, 0, kinds);
    tcase_add_loop_test(checker, every_form_of_update_is_drawn, 0, UPDATE_FORMS);
    tcase_add_loop_test(checker, a_planted_mistake_is_found_and_shrunk, 0, PLANTED);
    tcase_add_loop_test(checker, a_wrong_derivative_is_found_and_shrunk, 0, 2);
    suite_add_tcase(suite, checker);
    return run_suite(suite);
}

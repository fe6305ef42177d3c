/* test_planted.c: the table of planted bugs is itself held: each family's right gradients are those that weft_vjp() derives, and each bug differs from
 * them by more than rounding, so that a checker which passes it is wrong. weft_compare() passes the right ones and none of the others, and
 * weft_prove() proves and refutes them. */
#include "tests/planted.h"
#include "tests/suite.h"

#include <math.h>
#include <stdio.h>

typedef struct values {
    double *of[PLANTED_OPERANDS + 1]; /* of each operand, and of dy */
    weft_binding bind[PLANTED_OPERANDS + 1];
} values;

static void bind_values(values *v, const planted_family *family, const planted_graph *g)
{
    uint64_t seed = 11;
    for (int i = 0; i <= family->n; i++) {
        weft_node node = i < family->n ? g->x[i] : g->dy;
        weft_shape shape = weft_node_shape(node);
        size_t count = weft_shape_count(&shape);
        v->of[i] = malloc(count * sizeof(double));
        planted_fill(i < family->n ? &family->x[i] : NULL, &seed, count, v->of[i]);
        v->bind[i] = (weft_binding){node, v->of[i], count * sizeof(double)};
    }
}

/* The largest difference between dx[i] and weft_vjp()'s, relative to the largest of the latter; another shape is infinitely far. */
static double distance(const planted_family *family, planted_mistake mistake, int i)
{
    weft_tape *t = weft_tape_new(NULL);
    planted_graph g;
    planted_record(family, mistake, t, WEFT_F64, &g);
    weft_node out[2] = {g.dx[i]};
    weft_vjp(&g.y, &g.dy, 1, &g.x[i], 1, &out[1]);
    ck_assert_msg(weft_tape_status(t) == WEFT_OK, "%s: %s", family->name, weft_tape_message(t));
    weft_shape claimed = weft_node_shape(out[0]), own = weft_node_shape(out[1]);
    double off = INFINITY, size = 0;
    if (claimed.rank == own.rank && !memcmp(claimed.dim, own.dim, sizeof own.dim)) {
        values v;
        bind_values(&v, family, &g);
        weft_program *p = run_outputs(out, 2, v.bind, (size_t)family->n + 1, (weft_options){.rewriting = WEFT_REWRITE_NONE});
        const double *a = weft_output(p, 0), *b = weft_output(p, 1);
        off = 0;
        for (size_t k = 0; k < weft_shape_count(&own); k++) {
            off = fmax(off, fabs(a[k] - b[k]));
            size = fmax(size, fabs(b[k]));
        }
        off /= size;
        weft_program_free(p);
        for (int k = 0; k <= family->n; k++)
            free(v.of[k]);
    }
    weft_tape_free(t);
    return off;
}

START_TEST(right_gradients_are_right)
{
    const planted_family *family = planted_family_at((size_t)_i);
    for (int i = 0; i < family->n; i++) {
        if (family->x[i].constant)
            continue;
        double off = distance(family, PLANTED_NONE, i);
        ck_assert_msg(off < 1e-12, "%s: %s is off by %g", family->name, family->x[i].name, off);
    }
}
END_TEST

START_TEST(wrong_gradients_are_wrong)
{
    const planted_bug *bug = planted_at((size_t)_i);
    double off = distance(bug->family, bug->mistake, bug->wrong);
    ck_assert_msg(off > 1e-3, "%s, %s: off by %g only", bug->family->name, bug->name, off);
}
END_TEST

/* --- weft_compare() --- */

/* A family as a side: its value, and its hand-derived gradients with a mistake or without. */
typedef struct claimed {
    const planted_family *family;
    planted_mistake mistake;
} claimed;

static weft_node value_of(void *context, const weft_node *x)
{
    return ((const claimed *)context)->family->value(x);
}

static void gradient_of(void *context, const weft_node *x, weft_node dy, weft_node *dx)
{
    const claimed *c = context;
    c->family->gradient(x, dy, c->mistake, dx);
}

static weft_comparison compare(const planted_family *family, planted_mistake mistake)
{
    char shape[PLANTED_OPERANDS][40];
    weft_compare_input inputs[PLANTED_OPERANDS];
    for (int i = 0; i < family->n; i++) {
        const planted_operand *x = &family->x[i];
        size_t used = 0;
        shape[i][0] = 0;
        for (int a = 0; a < x->shape.rank; a++)
            used += (size_t)snprintf(shape[i] + used, sizeof shape[i] - used, a ? ", %zu" : "%zu", x->shape.dim[a]);
        inputs[i] = (weft_compare_input){.name = x->name, .shape = shape[i], .constant = x->constant};
        if (x->values == PLANTED_POSITIVE)
            inputs[i].low = 0.5, inputs[i].high = 2;
    }
    claimed c = {family, mistake};
    const weft_side sides[] = {{"staged", value_of, NULL, &c}, {"by hand", value_of, gradient_of, &c}};
    const weft_compare_options options = {.trials = 20, .seed = 1};
    weft_comparison comparison;
    ck_assert_msg(weft_compare(sides, inputs, (size_t)family->n, &options, &comparison) == WEFT_OK, "%s: %s", family->name, comparison.message);
    return comparison;
}

START_TEST(compare_passes_what_is_right)
{
    const planted_family *family = planted_family_at((size_t)_i);
    weft_comparison c = compare(family, PLANTED_NONE);
    ck_assert_msg(c.agreement == WEFT_SIDES_AGREE, "%s: %s", family->name, c.message);
}
END_TEST

/* Other gradients than the wrong one may be wrong by the same mistake. */
START_TEST(compare_finds_what_is_wrong)
{
    const planted_bug *bug = planted_at((size_t)_i);
    weft_comparison c = compare(bug->family, bug->mistake);
    ck_assert_msg(c.agreement == WEFT_SIDES_DIFFER && c.result[c.failed].name[0] == 'd', "%s, %s: %s", bug->family->name, bug->name, c.message);
}
END_TEST

/* --- weft_prove() --- */

/* The proof that a hand-derived gradient is the one that weft_vjp() derives. */
static weft_proof prove(const planted_family *family, planted_mistake mistake, int i)
{
    weft_tape *t = weft_tape_new(NULL);
    planted_graph g;
    weft_node derived;
    weft_proof proof = {.verdict = WEFT_REFUTED};
    planted_record(family, mistake, t, WEFT_F64, &g);
    weft_vjp(&g.y, &g.dy, 1, &g.x[i], 1, &derived);
    ck_assert_msg(weft_tape_status(t) == WEFT_OK, "%s: %s", family->name, weft_tape_message(t));
    weft_shape by_hand = weft_node_shape(g.dx[i]), own = weft_node_shape(derived);
    if (by_hand.rank == own.rank && !memcmp(by_hand.dim, own.dim, sizeof own.dim)) /* else it is no candidate */
        ck_assert_msg(weft_prove(&g.dx[i], &derived, 1, NULL, &proof) == WEFT_OK, "%s: %s", family->name, weft_tape_message(t));
    weft_tape_free(t);
    return proof;
}

START_TEST(right_gradients_are_proved)
{
    const planted_family *family = planted_family_at((size_t)_i);
    for (int i = 0; i < family->n; i++)
        if (!family->x[i].constant) {
            weft_proof proof = prove(family, PLANTED_NONE, i);
            ck_assert_msg(proof.verdict == WEFT_PROVED, "%s, %s: %s", family->name, family->x[i].name, proof.message);
        }
}
END_TEST

START_TEST(wrong_gradients_are_refuted)
{
    const planted_bug *bug = planted_at((size_t)_i);
    weft_proof proof = prove(bug->family, bug->mistake, bug->wrong);
    ck_assert_msg(proof.verdict == WEFT_REFUTED, "%s, %s: %s", bug->family->name, bug->name, proof.message);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("planted bugs");
    TCase *right = tcase_create("right"), *wrong = tcase_create("wrong");
    tcase_add_loop_test(right, right_gradients_are_right, 0, (int)planted_family_count());
    tcase_add_loop_test(wrong, wrong_gradients_are_wrong, 0, (int)planted_count());
    tcase_add_loop_test(right, compare_passes_what_is_right, 0, (int)planted_family_count());
    tcase_add_loop_test(wrong, compare_finds_what_is_wrong, 0, (int)planted_count());
    tcase_add_loop_test(right, right_gradients_are_proved, 0, (int)planted_family_count());
    tcase_add_loop_test(wrong, wrong_gradients_are_refuted, 0, (int)planted_count());
    suite_add_tcase(suite, right);
    suite_add_tcase(suite, wrong);
    return run_suite(suite);
}

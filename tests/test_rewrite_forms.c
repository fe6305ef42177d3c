/* test_rewrite_forms.c: the functions whose gradient is known in closed form must reach it by rewriting: the value of the formula, its sums over
 * the large array, its elementwise arrays, and no sum of it that waits for more others than on paper. */
#include "tests/closed_forms.h"
#include "tests/samples.h"
#include "tests/suite.h"
#include "tests/work.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 5, LARGE = 6 * 5 * 4 };

/* A function of x (I, J, K) or (N, D), and of gamma and beta if it has them; v: the vectors that it normalises. */
typedef struct function {
    const char *name;
    weft_node (*build)(const weft_node *x);
    void (*form)(vectors v, closed_form f);
    int operands;
    weft_shape x;
    size_t parameter; /* the length of gamma and beta */
    vectors v;
    work expected; /* of value and all gradients; passes: of dx */
    bool folds;    /* y has the axes of x but the last; and as recorded it costs that much already, and rewriting must not spoil it */
} function;

static weft_node batchnorm(const weft_node *x)
{
    return weft_batchnorm(x[0], x[1], x[2], 1e-5);
}

static weft_node layernorm(const weft_node *x)
{
    return weft_layernorm(x[0], x[1], x[2], 1e-5);
}

static weft_node rmsnorm(const weft_node *x)
{
    return weft_rmsnorm(x[0], x[1], 1e-5);
}

static weft_node l2_normalize(const weft_node *x)
{
    return weft_l2_normalize(x[0], -2, 1e-5);
}

static weft_node weightnorm(const weft_node *x)
{
    return weft_weightnorm(x[0], x[1], 0);
}

static weft_node softmax(const weft_node *x)
{
    return weft_softmax(x[0], -1);
}

static weft_node softmax_along_columns(const weft_node *x)
{
    return weft_softmax(x[0], 0);
}

static weft_node log_softmax(const weft_node *x)
{
    return weft_log_softmax(x[0], -1);
}

static weft_node logsumexp(const weft_node *x)
{
    return weft_logsumexp(x[0], WEFT_AXIS(2), false);
}

/* x (6, 5, 4) as (N, C, L). */
enum { SAMPLES = 5, CHANNELS = 6, GROUPS = 3, INNER = 4 };

static weft_node groupnorm(const weft_node *x)
{
    return weft_groupnorm(x[0], GROUPS, x[1], x[2], 1e-5);
}

static weft_node instancenorm(const weft_node *x)
{
    return weft_instancenorm(x[0], x[1], x[2], 1e-5);
}

static void groupnorm_form(vectors v, closed_form f)
{
    (void)v;
    closed_groupnorm(SAMPLES, CHANNELS, GROUPS, INNER, f);
}

static void instancenorm_form(vectors v, closed_form f)
{
    (void)v;
    closed_groupnorm(SAMPLES, CHANNELS, CHANNELS, INNER, f);
}

/* The counts come from the formulas, one array for each operation between arrays; c = x - mu, and capitals are what one row or column shares.
 * batchnorm: c, c**2, c*F + beta: 4. dy*c, to be summed; dx = dy*F + c*G + H: 5. Sums: of x, c**2, dy, dy*c: dgamma and dbeta share the last two
 *     with dx. dx waits for the mean and then, at once, for c**2 and dy*c: 2 passes.
 * layernorm: c, c**2, xhat = c*r, gamma*xhat + beta: 5. For dgamma dy*xhat; u = gamma*dy, u*c; dx = u*r + c*G + H: 7. Sums: of x, c**2; dy and
 *     dy*xhat down the columns; u and u*c along the rows. 2 passes, as before.
 * rmsnorm: x**2, xhat = x*r, gamma*xhat: 3. dy*xhat, u = gamma*dy, u*x, dx = u*r + x*G: 6. Sums: of x**2, dy*xhat, u*x. 1 pass.
 * l2_normalize: x**2, y = x*r: 2. dy*x, dx = dy*r + x*G: 4. Sums: of x**2, dy*x. 1 pass.
 * weightnorm: as l2_normalize, gamma and r one factor; dgamma = r*sum(dy*x) has no sum of its own.
 * groupnorm, instancenorm: as batchnorm, a factor for each sample and channel; what they sum within a channel is summed on for dgamma and for the group.
 *     dbeta is asked for before and sums dy for itself: one sum more.
 * log_softmax: z - max, exp, y: 3. e*F, dz = dy - e*F: 2. Sums: of e, dy. They wait for max alone. logsumexp: z - max, exp; dx = e*F: 3. Sums: of e.
 * softmax: z - max, e = exp, p = e*R: 3. dy*e, dz = p*(dy - D), D = R*sum(dy*e): 3. Sums: of e, dy*e. They wait for max alone: 2 passes. */
static const function functions[] = {
    {"batchnorm", batchnorm, closed_batchnorm, 3, {2, {30, 4}}, 4, {4, 30, 4}, {9, 4, 0, 2}, false},
    {"layernorm", layernorm, closed_layernorm, 3, {2, {30, 4}}, 4, {30, 4, 1}, {12, 6, 0, 2}, false},
    {"layernorm of a cube", layernorm, closed_layernorm, 3, {3, {6, 5, 4}}, 4, {30, 4, 1}, {12, 6, 0, 2}, false},
    {"rmsnorm", rmsnorm, closed_rmsnorm, 2, {3, {6, 5, 4}}, 4, {30, 4, 1}, {9, 3, 0, 1}, false},
    {"l2_normalize", l2_normalize, closed_l2_normalize, 1, {3, {6, 5, 4}}, 0, {24, 5, 4}, {6, 2, 0, 1}, false},
    {"weightnorm", weightnorm, closed_weightnorm, 2, {3, {6, 5, 4}}, 6, {6, 20, 1}, {6, 2, 0, 1}, false},
    {"softmax", softmax, closed_softmax, 1, {3, {6, 5, 4}}, 0, {30, 4, 1}, {6, 2, 1, 2}, false},
    {"log_softmax", log_softmax, closed_log_softmax, 1, {3, {6, 5, 4}}, 0, {30, 4, 1}, {5, 2, 1, 2}, false},
    {"logsumexp", logsumexp, closed_logsumexp, 1, {3, {6, 5, 4}}, 0, {30, 4, 1}, {3, 1, 1, 2}, true},
    {"groupnorm", groupnorm, groupnorm_form, 3, {3, {SAMPLES, CHANNELS, INNER}}, CHANNELS, {0}, {9, 5, 0, 2}, false},
    {"instancenorm", instancenorm, instancenorm_form, 3, {3, {SAMPLES, CHANNELS, INNER}}, CHANNELS, {0}, {9, 5, 0, 2}, false},
    {"softmax along columns", softmax_along_columns, closed_softmax, 1, {2, {30, 4}}, 0, {4, 30, 4}, {6, 2, 1, 2}, false},
};

/* The operands of one function, the cotangent last, and out: the value and the gradients, rewritten. */
typedef struct graph {
    weft_tape *tape;
    operands o;
    int n;
    weft_node out[MOST];
    work before;
} graph;

static void expect_ok(weft_tape *t)
{
    ck_assert_msg(weft_tape_status(t) == WEFT_OK, "%s", weft_tape_message(t));
}

static sample sample_of(const function *f)
{
    sample s = {.op = f->name, .n = f->operands + 1};
    for (int i = 0; i < s.n; i++) {
        bool whole = i == 0 || i == f->operands;
        s.shape[i] = whole ? f->x : (weft_shape){1, {f->parameter}};
        s.domain[i] = NORMAL;
    }
    if (f->folds)
        s.shape[f->operands].rank--;
    return s;
}

static graph make(const function *f, uint64_t seed)
{
    graph g = {.tape = weft_tape_new(NULL), .n = f->operands + 1};
    const sample s = sample_of(f);
    operands_make(&g.o, g.tape, &s, WEFT_F64, seed);
    g.out[0] = f->build(g.o.node);
    weft_vjp(g.out, &g.o.node[f->operands], 1, g.o.node, (size_t)f->operands, g.out + 1);
    expect_ok(g.tape);
    g.before = work_of(g.out, (size_t)g.n, LARGE);
    g.before.passes = work_of(&g.out[1], 1, LARGE).passes;
    weft_rewrite(g.out, (size_t)g.n, WEFT_REWRITE_ALGEBRAIC, NULL, NULL, g.out);
    expect_ok(g.tape);
    return g;
}

static void release(graph *g)
{
    operands_free(&g->o);
    weft_tape_free(g->tape);
}

static void expect_near(const char *name, const char *what, const double *got, const double *expected, size_t n)
{
    double size = 0;
    for (size_t i = 0; i < n; i++)
        size = fmax(size, fabs(expected[i]));
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(fabs(got[i] - expected[i]) <= 1e-12 * size, "%s, %s[%zu] is %.17g, and on paper %.17g", name, what, i, got[i], expected[i]);
}

START_TEST(it_has_the_value_of_the_formula)
{
    const function *f = &functions[_i];
    for (uint64_t seed = 1; seed <= 10; seed++) {
        graph g = make(f, seed);
        double y[LARGE], dx[LARGE], dgamma[LARGE] = {0}, dbeta[LARGE] = {0};
        const double *expected[] = {y, dx, dgamma, dbeta};
        static const char *const what[] = {"y", "dx", "dgamma", "dbeta"};
        closed_form form = {.x = g.o.wide[0], .dy = g.o.wide[f->operands], .y = y, .dx = dx, .dgamma = dgamma, .dbeta = dbeta, .eps = 1e-5};
        form.gamma = f->operands > 1 ? g.o.wide[1] : NULL;
        form.beta = f->operands > 2 ? g.o.wide[2] : NULL;
        f->form(f->v, form);
        weft_program *p = compile_as_recorded(g.out, (size_t)g.n);
        operands_bind(&g.o, p);
        ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
        for (int k = 0; k < g.n; k++)
            expect_near(f->name, what[k], weft_output(p, (size_t)k), expected[k], k >= 2 ? f->parameter : k == 0 && f->folds ? f->v.count : LARGE);
        weft_program_free(p);
        release(&g);
    }
}
END_TEST

static void expect_work(const char *name, work got, work expected)
{
    ck_assert_msg(got.maps == expected.maps, "%s: %d elementwise arrays, and on paper %d", name, got.maps, expected.maps);
    ck_assert_msg(got.sums == expected.sums, "%s: %d sums, and on paper %d", name, got.sums, expected.sums);
    ck_assert_msg(got.maxes == expected.maxes, "%s: %d maxima, and on paper %d", name, got.maxes, expected.maxes);
    ck_assert_msg(got.passes == expected.passes, "%s: dx waits for %d sums in turn, and on paper %d", name, got.passes, expected.passes);
}

START_TEST(it_costs_what_the_formula_costs)
{
    const function *f = &functions[_i];
    graph g = make(f, 1);
    work got = work_of(g.out, (size_t)g.n, LARGE);
    got.passes = work_of(&g.out[1], 1, LARGE).passes;
    expect_work(f->name, got, f->expected);
    ck_assert_msg(f->folds || g.before.maps > got.maps, "%s: the graph as recorded has %d already; nothing was tested", f->name, g.before.maps);
    release(&g);
}
END_TEST

/* What was rewritten differentiates on: the gradient of dx, as a function of all operands, against differences. */
START_TEST(it_differentiates_on)
{
    const function *f = &functions[_i];
    graph g = make(f, 1);
    weft_gradcheck result[MOST];
    int n = f->operands == 3 ? 2 : f->operands; /* dx does not depend on beta */
    weft_gradcheck_options options = {.bind = g.o.binding, .n_bind = (size_t)g.n};
    ck_assert_msg(weft_gradient_check(g.out[1], g.o.node, (size_t)n, &options, result) == WEFT_OK, "%s", weft_tape_message(g.tape));
    for (int i = 0; i < n; i++)
        ck_assert_msg(result[i].verdict == WEFT_GRADIENT_RIGHT, "%s: %s", f->name, result[i].message);
    release(&g);
}
END_TEST

/* --- softmax cross-entropy: (z, label, w), w the cotangent of the loss --- */

enum { ROWS = 30, CLASSES = 4 };

static weft_node mean_of_rows(weft_node z, weft_node label)
{
    return weft_cross_entropy(z, label, WEFT_LOSS_MEAN);
}

/* shifted = z - max, exp: 2; the score is picked from z. dz = exp*F - P, with F = w/(N*sum) and P = w/N at the labels, which is (p - one_hot)/N: 2, and
 * 2 for P, which compares each position with the label and chooses. Sums: of exp. They wait for max alone. */
START_TEST(cross_entropy_becomes_the_closed_form)
{
    static const work expected = {6, 1, 1, 2};
    const sample s = {.n = 3, .shape = {{2, {ROWS, CLASSES}}, {1, {ROWS}}, {0, {0}}}, .domain = {NORMAL, INDEX, NORMAL}};
    weft_node (*build)(weft_node z, weft_node label) = _i ? mean_of_rows : weft_softmax_cross_entropy;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        weft_tape *t = weft_tape_new(NULL);
        operands o;
        operands_make(&o, t, &s, WEFT_F64, seed);
        weft_node out[] = {build(o.node[0], o.node[1]), {0}};
        weft_vjp(out, &o.node[2], 1, o.node, 1, out + 1);
        weft_rewrite(out, 2, WEFT_REWRITE_ALGEBRAIC, NULL, NULL, out);
        expect_ok(t);
        work got = work_of(out, 2, LARGE);
        got.passes = work_of(&out[1], 1, LARGE).passes;
        expect_work("cross-entropy", got, expected);
        double dz[LARGE], loss = closed_softmax_cross_entropy(ROWS, CLASSES, o.wide[0], o.wide[1], *o.wide[2], dz);
        weft_program *p = compile_as_recorded(out, 2);
        operands_bind(&o, p);
        ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
        expect_near("cross-entropy", "loss", weft_output(p, 0), &loss, 1);
        expect_near("cross-entropy", "dz", weft_output(p, 1), dz, LARGE);
        weft_program_free(p);
        operands_free(&o);
        weft_tape_free(t);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rewrite_forms");
    TCase *forms = tcase_create("forms");
    int n = sizeof functions / sizeof *functions;
    tcase_add_loop_test(forms, it_has_the_value_of_the_formula, 0, n);
    tcase_add_loop_test(forms, it_costs_what_the_formula_costs, 0, n);
    tcase_add_loop_test(forms, it_differentiates_on, 0, n);
    tcase_add_loop_test(forms, cross_entropy_becomes_the_closed_form, 0, 2);
    suite_add_tcase(suite, forms);
    return run_suite(suite);
}

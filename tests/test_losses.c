/* test_losses.c: logarithms of sums, losses, spreads, group norms and attention where formulas are not enough: infinities, empty arrays, rows that
 * are all alike, gradients against the closed forms, and what is refused. The conventions for infinities and zeros are those that PyTorch 1.13
 * gave for the same rows, in f64. */
#include "tests/closed_forms.h"
#include "tests/samples.h"
#include "tests/suite.h"

#include <math.h>

static const double inf = INFINITY;
static const weft_node none = {.tape = NULL};

static weft_program *run_with(const weft_node *out, size_t n, const operands *o)
{
    weft_program *p = weft_compile(out, n);
    operands_bind(o, p);
    ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
    return p;
}

static double element(const weft_program *p, size_t k, weft_node out, size_t i)
{
    const void *data = weft_output(p, k);
    return weft_node_dtype(out) == WEFT_F32 ? (double)((const float *)data)[i] : ((const double *)data)[i];
}

static void expect(double got, double wanted, double off, const char *what, size_t i)
{
    bool same = isnan(wanted) ? isnan(got) : isinf(wanted) ? got == wanted : fabs(got - wanted) <= off;
    ck_assert_msg(same, "%s[%zu] is %.17g, not %.17g", what, i, got, wanted);
}

/* --- infinities: rows of two, the value, and the gradient by each; for log_softmax of its first entry --- */

static const struct {
    double x[2], sum, gradient[2], soft[2], soft_gradient[2];
} rows[] = {
    {{-INFINITY, -INFINITY}, -INFINITY, {NAN, NAN}, {NAN, NAN}, {NAN, NAN}},
    {{INFINITY, 0}, INFINITY, {NAN, 0}, {NAN, NAN}, {NAN, NAN}},
    {{INFINITY, INFINITY}, INFINITY, {NAN, NAN}, {NAN, NAN}, {NAN, NAN}},
    {{-INFINITY, INFINITY}, INFINITY, {0, NAN}, {NAN, NAN}, {NAN, NAN}},
    {{NAN, 1}, NAN, {NAN, NAN}, {NAN, NAN}, {NAN, NAN}},
    {{-INFINITY, 1}, 1, {0, 1}, {-INFINITY, 0}, {1, -1}},
    /* and what would overflow without the shift: ln 2 is 0.6931471805599453 */
    {{1e4, 1e4}, 1e4 + 0.6931471805599453, {0.5, 0.5}, {-0.6931471805599453, -0.6931471805599453}, {0.5, -0.5}},
    {{-1e4, -1e4}, -1e4 + 0.6931471805599453, {0.5, 0.5}, {-0.6931471805599453, -0.6931471805599453}, {0.5, -0.5}},
    {{1e4, -1e4}, 1e4, {1, 0}, {0, -2e4}, {0, 0}},
};
enum { ROWS = sizeof rows / sizeof *rows };

START_TEST(rows_with_infinities)
{
    for (int narrow = 0; narrow < 2; narrow++) {
        weft_tape *t = weft_tape_new(NULL);
        weft_dtype dtype = narrow ? WEFT_F32 : WEFT_F64;
        weft_node x = weft_input(t, "x", dtype, 1, (const size_t[]){2}), out[4];
        out[0] = weft_logsumexp(x, WEFT_ALL_AXES, false);
        out[2] = weft_log_softmax(x, 0);
        weft_grad(out[0], &x, 1, &out[1]);
        weft_grad(weft_first(out[2], 1, false), &x, 1, &out[3]);
        weft_program *p = weft_compile(out, 4);
        const float data[] = {(float)rows[_i].x[0], (float)rows[_i].x[1]};
        weft_bind(p, x, narrow ? (const void *)data : (const void *)rows[_i].x, 2 * weft_dtype_size(dtype));
        ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
        double off = narrow ? 1e-3 : 2e-12; /* an ulp of 1e4 */
        expect(element(p, 0, x, 0), rows[_i].sum, off, "logsumexp", 0);
        for (size_t i = 0; i < 2; i++) {
            expect(element(p, 1, x, i), rows[_i].gradient[i], 1e-6, "its gradient", i);
            expect(element(p, 2, x, i), rows[_i].soft[i], off, "log_softmax", i);
            expect(element(p, 3, x, i), rows[_i].soft_gradient[i], 1e-6, "its gradient", i);
        }
        weft_program_free(p);
        weft_tape_free(t);
    }
}
END_TEST

START_TEST(the_logarithm_of_no_terms)
{
    weft_tape *t = weft_tape_new(NULL);
    weft_node x = weft_input(t, "x", WEFT_F64, 2, (const size_t[]){0, 3}), out[3];
    out[0] = weft_logsumexp(x, WEFT_AXIS(0), false);
    out[1] = weft_logsumexp(x, WEFT_AXIS(0), true);
    out[2] = weft_logsumexp(x, WEFT_AXIS(1), false); /* of no rows */
    weft_program *p = weft_compile(out, 3);
    weft_bind(p, x, &inf, 0);
    ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
    for (size_t i = 0; i < 6; i++)
        ck_assert_double_eq(element(p, i / 3, x, i % 3), -inf);
    ck_assert_int_eq(weft_node_shape(out[1]).rank, 2);
    ck_assert_uint_eq(weft_node_shape(out[2]).dim[0], 0);
    weft_program_free(p);
    weft_tape_free(t);
}
END_TEST

/* --- cross entropy --- */

/* A class that is ruled out by -Inf is no harm to the others; the loss of a certain mistake is the distance of the scores. */
START_TEST(cross_entropy_of_far_scores)
{
    const double z[] = {0, -INFINITY, 0, -INFINITY, 0, 0, 1e4, 0, -1e4}, loss[] = {0.6931471805599453, INFINITY, 2e4};
    const double dz[9] = {-0.5, 0, 0.5, NAN, NAN, NAN, 1, 0, -1};
    const int64_t label[] = {0, 0, 2};
    weft_tape *t = weft_tape_new(NULL);
    weft_node scores = weft_input(t, "z", WEFT_F64, 2, (const size_t[]){3, 3}), labels = weft_input(t, "label", WEFT_I64, 1, (const size_t[]){3}), out[2];
    out[0] = weft_cross_entropy(scores, labels, WEFT_LOSS_NONE);
    weft_grad(weft_sum(out[0], WEFT_ALL_AXES, false), &scores, 1, &out[1]);
    weft_program *p = weft_compile(out, 2);
    weft_bind(p, scores, z, sizeof z);
    weft_bind(p, labels, label, sizeof label);
    ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
    for (size_t i = 0; i < 3; i++)
        expect(element(p, 0, scores, i), loss[i], 1e-11, "loss", i);
    for (size_t i = 0; i < 9; i++)
        if (i / 3 != 1) /* of an infinite loss there is no gradient to speak of */
            expect(element(p, 1, scores, i), dz[i], 1e-15, "dz", i);
    const int64_t beyond[] = {0, 3, 0};
    weft_bind(p, labels, beyond, sizeof beyond);
    ck_assert_int_eq(weft_run(p), WEFT_ERROR_INDEX);
    weft_program_free(p);
    weft_tape_free(t);
}
END_TEST

/* Probabilities that are 0 and 1 are labels; mean and sum are what they say, over rows. */
START_TEST(cross_entropy_in_all_forms)
{
    enum { N = 4, C = 3, L = 5 };
    const sample s = {.op = "z", .n = 2, .shape = {{3, {N, C, L}}, {2, {N, L}}}, .domain = {NORMAL, INDEX}};
    for (int narrow = 0; narrow < 2; narrow++) {
        weft_tape *t = weft_tape_new(NULL);
        operands o;
        operands_make(&o, t, &s, narrow ? WEFT_F32 : WEFT_F64, 11);
        weft_node z = o.node[0], y[6], out[12];
        double one_hot[N * C * L];
        float narrow_hot[N * C * L];
        for (size_t i = 0; i < N * C * L; i++)
            narrow_hot[i] = (float)(one_hot[i] = o.wide[1][i / (C * L) * L + i % L] == (double)(i / L % C));
        weft_node p_target = weft_constant(t, weft_node_dtype(z), 3, (const size_t[]){N, C, L}, narrow ? (const void *)narrow_hot : (const void *)one_hot);
        for (int k = 0; k < 6; k++) {
            y[k] = weft_cross_entropy(z, k < 3 ? o.node[1] : p_target, (weft_loss_reduction)(k % 3));
            weft_shape shape = weft_node_shape(y[k]);
            ck_assert_int_eq(shape.rank, k % 3 == WEFT_LOSS_NONE ? 2 : 0);
            out[k] = y[k];
            ck_assert_int_eq(weft_grad(weft_sum(y[k], WEFT_ALL_AXES, false), &z, 1, &out[6 + k]), WEFT_OK);
        }
        weft_program *p = run_with(out, 12, &o);
        double total = 0, off = narrow ? 1e-5 : 1e-13;
        for (size_t i = 0; i < N * L; i++) {
            total += element(p, WEFT_LOSS_NONE, z, i);
            expect(element(p, 3 + WEFT_LOSS_NONE, z, i), element(p, WEFT_LOSS_NONE, z, i), off, "loss", i);
        }
        for (size_t k = 0; k < 6; k += 3) {
            expect(element(p, k + WEFT_LOSS_SUM, z, 0), total, off, "sum", k);
            expect(element(p, k + WEFT_LOSS_MEAN, z, 0), total / (N * L), off, "mean", k);
            for (size_t i = 0; i < N * C * L; i++) {
                double each = element(p, 6 + WEFT_LOSS_NONE, z, i);
                expect(element(p, 6 + k + WEFT_LOSS_SUM, z, i), each, off, "gradient of the sum", i);
                expect(element(p, 6 + k + WEFT_LOSS_MEAN, z, i), each / (N * L), off, "gradient of the mean", i);
            }
        }
        weft_program_free(p);
        operands_free(&o);
        weft_tape_free(t);
    }
}
END_TEST

START_TEST(losses_of_no_rows)
{
    weft_tape *t = weft_tape_new(NULL);
    weft_node z = weft_input(t, "z", WEFT_F32, 2, (const size_t[]){0, 3}), label = weft_input(t, "l", WEFT_I64, 1, (const size_t[]){0}), out[6];
    for (int k = 0; k < 3; k++) {
        out[k] = weft_cross_entropy(z, label, (weft_loss_reduction)k);
        out[3 + k] = weft_mse(z, z, (weft_loss_reduction)k);
    }
    weft_program *p = weft_compile(out, 6);
    weft_bind(p, z, &inf, 0);
    weft_bind(p, label, &inf, 0);
    ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
    for (size_t k = 0; k < 6; k += 3) {
        expect(element(p, k + WEFT_LOSS_MEAN, z, 0), NAN, 0, "mean", k);
        expect(element(p, k + WEFT_LOSS_SUM, z, 0), 0, 0, "sum", k);
        ck_assert_uint_eq(weft_node_shape(out[k + WEFT_LOSS_NONE]).dim[0], 0);
    }
    weft_program_free(p);
    weft_tape_free(t);
}
END_TEST

/* --- spreads --- */

/* Of equal numbers: 0, with gradient 0 and second derivative 0. Of as many as the correction: NaN. */
START_TEST(spreads_of_next_to_nothing)
{
    for (int narrow = 0; narrow < 2; narrow++) {
        weft_tape *t = weft_tape_new(NULL);
        weft_node x = weft_input(t, "x", narrow ? WEFT_F32 : WEFT_F64, 2, (const size_t[]){1, 4}), out[6], square;
        out[0] = weft_std(x, WEFT_AXIS(1), false, 1);
        weft_grad(out[0], &x, 1, &out[1]);
        weft_grad(weft_sum(weft_mul(out[1], weft_add(out[1], x)), WEFT_ALL_AXES, false), &x, 1, &square);
        out[2] = square;
        out[3] = weft_variance_n(x, WEFT_AXIS(0), false, 1);
        out[4] = weft_std(x, WEFT_AXIS(0), false, 1);
        out[5] = weft_variance_n(x, WEFT_AXIS(1), false, 0);
        const double wide[] = {3, 3, 3, 3};
        const float few[] = {3, 3, 3, 3};
        weft_program *p = weft_compile(out, 6);
        weft_bind(p, x, narrow ? (const void *)few : (const void *)wide, narrow ? sizeof few : sizeof wide);
        ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
        ck_assert_double_eq(element(p, 0, x, 0), 0);
        ck_assert_double_eq(element(p, 5, x, 0), 0);
        for (size_t i = 0; i < 4; i++) {
            ck_assert_double_eq(element(p, 1, x, i), 0);
            ck_assert_double_eq(element(p, 2, x, i), 0);
            ck_assert(isnan(element(p, 3, x, i)));
            ck_assert(isnan(element(p, 4, x, i)));
        }
        weft_program_free(p);
        weft_tape_free(t);
    }
}
END_TEST

/* variance_n with correction 0 is weft_variance(), with 1 that times N/(N - 1). */
START_TEST(corrections_of_the_variance)
{
    const sample s = {.op = "x", .n = 1, .shape = {{3, {4, 3, 5}}}, .domain = {NORMAL}};
    weft_tape *t = weft_tape_new(NULL);
    operands o;
    operands_make(&o, t, &s, WEFT_F64, 3);
    unsigned axes = WEFT_AXIS(0) | WEFT_AXIS(2);
    weft_node x = o.node[0];
    weft_node out[] = {weft_variance(x, axes, false), weft_variance_n(x, axes, false, 0), weft_variance_n(x, axes, true, 1), weft_std(x, axes, false, 0)};
    weft_program *p = run_with(out, 4, &o);
    for (size_t i = 0; i < 3; i++) {
        expect(element(p, 1, x, i), element(p, 0, x, i), 1e-15, "correction 0", i);
        expect(element(p, 2, x, i), element(p, 0, x, i) * 20 / 19, 1e-15, "correction 1", i);
        expect(element(p, 3, x, i), sqrt(element(p, 0, x, i)), 1e-15, "std", i);
    }
    weft_program_free(p);
    operands_free(&o);
    weft_tape_free(t);
}
END_TEST

/* --- gradients against the closed forms, at sizes that are shared among loops --- */

static weft_node group(const weft_node *x)
{
    return weft_groupnorm(x[0], 4, x[1], x[2], 1e-5);
}

static weft_node instance(const weft_node *x)
{
    return weft_instancenorm(x[0], x[1], x[2], 1e-5);
}

static weft_node log_soft(const weft_node *x)
{
    return weft_log_softmax(x[0], 1);
}

static weft_node log_sum(const weft_node *x)
{
    return weft_logsumexp(x[0], WEFT_AXIS(1), false);
}

static const struct {
    const char *name;
    weft_node (*build)(const weft_node *x);
    size_t groups; /* of a groupnorm */
    void (*form)(vectors v, closed_form f);
    bool folds;
} forms[] = {
    {"groupnorm", group, 4, NULL, false},
    {"instancenorm", instance, 12, NULL, false},
    {"log_softmax", log_soft, 0, closed_log_softmax, false},
    {"logsumexp", log_sum, 0, closed_logsumexp, true},
};
enum { FORMS = sizeof forms / sizeof *forms };

START_TEST(gradients_are_the_closed_forms)
{
    enum { N = 7, C = 12, L = 50, ALL = N * C * L };
    static double y[ALL], dx[ALL];
    sample s = {.op = "x", .n = 4, .shape = {{3, {N, C, L}}, {1, {C}}, {1, {C}}, {3, {N, C, L}}}, .domain = {NORMAL, NORMAL, NORMAL, NORMAL}};
    if (forms[_i].folds)
        s.shape[3] = (weft_shape){2, {N, L}};
    for (int narrow = 0; narrow < 2; narrow++) {
        double dgamma[C] = {0}, dbeta[C] = {0};
        weft_tape *t = weft_tape_new(NULL);
        operands o;
        operands_make(&o, t, &s, narrow ? WEFT_F32 : WEFT_F64, 5);
        weft_node out[4] = {forms[_i].build(o.node)};
        size_t n = forms[_i].groups ? 3 : 1;
        ck_assert_msg(weft_vjp(out, &o.node[3], 1, o.node, n, out + 1) == WEFT_OK, "%s", weft_tape_message(t));
        weft_program *p = run_with(out, n + 1, &o);
        closed_form f = {.x = o.wide[0], .gamma = o.wide[1], .beta = o.wide[2], .dy = o.wide[3], .y = y, .dx = dx, .dgamma = dgamma, .dbeta = dbeta, .eps = 1e-5};
        if (forms[_i].groups)
            closed_groupnorm(N, C, forms[_i].groups, L, f);
        else
            forms[_i].form((vectors){N * L, C, L}, f);
        double off = narrow ? 1e-5 : 1e-13, most = 0; /* f32 inputs are exact; a few roundings of values below 10 */
        for (size_t i = 0; i < (forms[_i].folds ? N * L : ALL); i++)
            most = fmax(most, fabs(element(p, 0, out[0], i) - y[i]));
        for (size_t i = 0; i < ALL; i++)
            most = fmax(most, fabs(element(p, 1, out[0], i) - dx[i]));
        for (size_t i = 0; i < C && n > 1; i++) /* sums of 350 terms, up to 100 */
            most = fmax(most, fmax(fabs(element(p, 2, out[0], i) - dgamma[i]), fabs(element(p, 3, out[0], i) - dbeta[i])) / 10);
        ck_assert_msg(most <= off, "%s is off by %g", forms[_i].name, most);
        weft_program_free(p);
        operands_free(&o);
        weft_tape_free(t);
    }
}
END_TEST

/* One group of (N, C) is layer normalization, groups of one channel are instance normalization. */
START_TEST(group_norms_meet_their_neighbours)
{
    const sample s = {.op = "x", .n = 4, .shape = {{2, {5, 6}}, {1, {6}}, {1, {6}}, {4, {2, 6, 3, 4}}}, .domain = {NORMAL, NORMAL, NORMAL, NORMAL}};
    weft_tape *t = weft_tape_new(NULL);
    operands o;
    operands_make(&o, t, &s, WEFT_F64, 8);
    const weft_node *x = o.node;
    weft_node out[] = {weft_groupnorm(x[0], 1, x[1], x[2], 1e-5), weft_layernorm(x[0], x[1], x[2], 1e-5), weft_groupnorm(x[3], 6, x[1], x[2], 1e-5),
                       weft_instancenorm(x[3], x[1], x[2], 1e-5), weft_groupnorm(x[0], 6, x[1], x[2], 1e-5)};
    weft_program *p = run_with(out, 5, &o);
    for (size_t i = 0; i < 30; i++) {
        expect(element(p, 0, x[0], i), element(p, 1, x[0], i), 1e-14, "layernorm", i);
        expect(element(p, 4, x[0], i), o.wide[2][i % 6], 0, "one value a group", i); /* is its own mean, as PyTorch has it for more than one sample */
    }
    for (size_t i = 0; i < 144; i++)
        expect(element(p, 2, x[0], i), element(p, 3, x[0], i), 1e-14, "instancenorm", i);
    weft_program_free(p);
    operands_free(&o);
    weft_tape_free(t);
}
END_TEST

/* --- weightnorm, attention --- */

START_TEST(weights_have_the_lengths_given)
{
    const double v[] = {3, 4, 0, 0, -5, 12}, g[] = {10, 1, 26};
    const double rows_of[] = {6, 8, NAN, NAN, -10, 24}; /* 10/5 (3, 4); 0/0; 26/13 (-5, 12) */
    weft_tape *t = weft_tape_new(NULL);
    weft_node x = weft_input(t, "v", WEFT_F64, 2, (const size_t[]){3, 2}), lengths = weft_input(t, "g", WEFT_F64, 1, (const size_t[]){3});
    weft_node out[] = {weft_weightnorm(x, lengths, 0), weft_transpose(weft_weightnorm(weft_transpose(x, NULL), lengths, -1), NULL)};
    weft_program *p = weft_compile(out, 2);
    weft_bind(p, x, v, sizeof v);
    weft_bind(p, lengths, g, sizeof g);
    ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
    for (size_t i = 0; i < 12; i++)
        expect(element(p, i / 6, x, i % 6), rows_of[i % 6], 1e-14, "w", i % 6);
    weft_program_free(p);
    weft_tape_free(t);
}
END_TEST

/* A key that is ruled out is as if it were not there; a row without keys is NaN. */
START_TEST(masks_rule_keys_out)
{
    const sample s = {.op = "qkv", .n = 3, .shape = {{2, {4, 3}}, {2, {5, 3}}, {2, {5, 2}}}, .domain = {NORMAL, NORMAL, NORMAL}};
    double mask[20];
    for (size_t i = 0; i < 20; i++)
        mask[i] = i % 5 == 4 || i / 5 == 3 ? -INFINITY : 0; /* the last key; every key of the last row */
    weft_tape *t = weft_tape_new(NULL);
    operands o;
    operands_make(&o, t, &s, WEFT_F64, 2);
    weft_node first_k = weft_input(t, "k", WEFT_F64, 2, (const size_t[]){4, 3}), first_v = weft_input(t, "v", WEFT_F64, 2, (const size_t[]){4, 2});
    weft_node out[] = {weft_attention(o.node[0], o.node[1], o.node[2], weft_constant(t, WEFT_F64, 2, (const size_t[]){4, 5}, mask)),
                       weft_attention(o.node[0], first_k, first_v, none)};
    weft_program *p = weft_compile(out, 2);
    operands_bind(&o, p);
    weft_bind(p, first_k, o.data[1], 12 * sizeof(double));
    weft_bind(p, first_v, o.data[2], 8 * sizeof(double));
    ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
    for (size_t i = 0; i < 6; i++)
        expect(element(p, 0, out[0], i), element(p, 1, out[0], i), 1e-14, "y", i);
    for (size_t i = 6; i < 8; i++)
        ck_assert(isnan(element(p, 0, out[0], i)));
    weft_program_free(p);
    operands_free(&o);
    weft_tape_free(t);
}
END_TEST

/* --- what is refused --- */

typedef struct leaves {
    weft_node x, cube, c, label, wide, i, failed; /* f32 (4, 6), (4, 6, 1), (6); i64 (4); f64 (6); i64 (4, 6); no node */
} leaves;

#define REFUSED(number, expression)                                                                                                        \
    static weft_node refused_##number(const leaves *l)                                                                                     \
    {                                                                                                                                      \
        return expression;                                                                                                                 \
    }
REFUSED(0, weft_mse(l->x, l->c, WEFT_LOSS_MEAN))
REFUSED(1, weft_mse(l->c, l->wide, WEFT_LOSS_MEAN))
REFUSED(2, weft_mse(l->c, l->c, (weft_loss_reduction)7))
REFUSED(3, weft_cross_entropy(l->x, l->c, WEFT_LOSS_MEAN))
REFUSED(4, weft_cross_entropy(l->x, l->i, WEFT_LOSS_MEAN))
REFUSED(5, weft_cross_entropy(l->c, l->wide, WEFT_LOSS_MEAN))
REFUSED(6, weft_cross_entropy(l->i, l->label, WEFT_LOSS_MEAN))
REFUSED(7, weft_groupnorm(l->x, 4, l->c, l->c, 1e-5))
REFUSED(8, weft_groupnorm(l->x, 0, l->c, l->c, 1e-5))
REFUSED(9, weft_groupnorm(l->c, 1, none, none, 1e-5))
REFUSED(10, weft_groupnorm(l->x, 2, l->x, none, 1e-5))
REFUSED(11, weft_groupnorm(l->x, 2, none, none, -1))
REFUSED(12, weft_instancenorm(l->x, none, none, 1e-5))
REFUSED(13, weft_instancenorm(l->cube, none, none, 1e-5))
REFUSED(14, weft_weightnorm(l->x, l->c, 0))
REFUSED(15, weft_weightnorm(l->x, l->c, 2))
REFUSED(16, weft_attention(l->x, l->cube, l->x, none))
REFUSED(17, weft_attention(l->c, l->x, l->x, none))
REFUSED(18, weft_log_softmax(l->x, 2))
REFUSED(19, weft_logsumexp(l->x, WEFT_AXIS(2), false))
REFUSED(20, weft_std(l->x, 1, false, NAN))
REFUSED(21, weft_logsumexp(l->i, 1, false))
REFUSED(22, weft_mse(l->failed, l->x, WEFT_LOSS_MEAN))
REFUSED(23, weft_attention(l->x, l->x, l->failed, none))
REFUSED(24, weft_groupnorm(l->x, 2, l->failed, none, 1e-5))

static const struct {
    weft_node (*record)(const leaves *l);
    weft_status status;
    const char *words;
} refusals[] = {
    {refused_0, WEFT_ERROR_SHAPE, "one shape"},
    {refused_1, WEFT_ERROR_DTYPE, "f64"},
    {refused_2, WEFT_ERROR_ARGUMENT, "WEFT_LOSS_MEAN"},
    {refused_3, WEFT_ERROR_SHAPE, "target as z"},
    {refused_4, WEFT_ERROR_SHAPE, "without C"},
    {refused_5, WEFT_ERROR_DTYPE, "probabilities"},
    {refused_6, WEFT_ERROR_DTYPE, "z must be"},
    {refused_7, WEFT_ERROR_ARGUMENT, "6 channels cannot be cut into 4 groups"},
    {refused_8, WEFT_ERROR_ARGUMENT, "into 0 groups"},
    {refused_9, WEFT_ERROR_SHAPE, "(N, C, ...)"},
    {refused_10, WEFT_ERROR_SHAPE, "gamma and beta (C)"},
    {refused_11, WEFT_ERROR_ARGUMENT, "eps is -1"},
    {refused_12, WEFT_ERROR_SHAPE, "one more axis"},
    {refused_13, WEFT_ERROR_SHAPE, "its own mean"},
    {refused_14, WEFT_ERROR_SHAPE, "g must be (4)"},
    {refused_15, WEFT_ERROR_SHAPE, "axis is 2"},
    {refused_16, WEFT_ERROR_SHAPE, "(..., S, E)"},
    {refused_17, WEFT_ERROR_SHAPE, "(..., L, E)"},
    {refused_18, WEFT_ERROR_SHAPE, "axis is 2"},
    {refused_19, WEFT_ERROR_SHAPE, "axis"},
    {refused_20, WEFT_ERROR_ARGUMENT, "finite"},
    {refused_21, WEFT_ERROR_DTYPE, "i64"},
    {refused_22, WEFT_ERROR_ARGUMENT, "nodes of one tape"},
    {refused_23, WEFT_ERROR_ARGUMENT, "nodes of one tape"},
    {refused_24, WEFT_ERROR_ARGUMENT, "nodes of one tape"},
};
enum { REFUSALS = sizeof refusals / sizeof *refusals };

START_TEST(what_does_not_fit_is_refused)
{
    const size_t dim[] = {4, 6, 1};
    weft_tape *t = weft_tape_new(NULL);
    const leaves l = {.x = weft_input(t, "x", WEFT_F32, 2, dim), .cube = weft_input(t, "cube", WEFT_F32, 3, dim), .c = weft_input(t, "c", WEFT_F32, 1, dim + 1),
                      .label = weft_input(t, "l", WEFT_I64, 1, dim), .wide = weft_input(t, "w", WEFT_F64, 1, dim + 1),
                      .i = weft_input(t, "i", WEFT_I64, 2, dim), .failed = {.tape = t, .id = WEFT_NO_ID}};
    ck_assert(weft_node_failed(refusals[_i].record(&l)));
    ck_assert_int_eq(weft_tape_status(t), refusals[_i].status);
    ck_assert_msg(strstr(weft_tape_message(t), refusals[_i].words), "%s", weft_tape_message(t));
    ck_assert(weft_node_failed(refusals[_i].record(&l))); /* on a tape that has failed */
    weft_tape_free(t);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("losses");
    TCase *values = tcase_create("values"), *gradients = tcase_create("gradients"), *errors = tcase_create("errors");
    tcase_add_loop_test(values, rows_with_infinities, 0, ROWS);
    tcase_add_test(values, the_logarithm_of_no_terms);
    tcase_add_test(values, cross_entropy_of_far_scores);
    tcase_add_test(values, cross_entropy_in_all_forms);
    tcase_add_test(values, losses_of_no_rows);
    tcase_add_test(values, spreads_of_next_to_nothing);
    tcase_add_test(values, corrections_of_the_variance);
    tcase_add_loop_test(gradients, gradients_are_the_closed_forms, 0, FORMS);
    tcase_add_test(values, group_norms_meet_their_neighbours);
    tcase_add_test(values, weights_have_the_lengths_given);
    tcase_add_test(values, masks_rule_keys_out);
    tcase_add_loop_test(errors, what_does_not_fit_is_refused, 0, REFUSALS);
    suite_add_tcase(suite, values);
    suite_add_tcase(suite, gradients);
    suite_add_tcase(suite, errors);
    return run_suite(suite);
}

/* test_optimizers.c: optimizers as programs that assign their parameters, against loops in C over several steps, and against what PyTorch 1.13's
 * optimizers gave for the same problem: from w = (1.5, -2, 0.25), five steps down sum(a (w - b)**2), a = (1, 0.5, 3), b = (0.5, 1, -1). Then clipping. */
#include "tests/samples.h"
#include "tests/suite.h"

#include <math.h>

enum { N = 3, STEPS = 5 };

static const double start[N] = {1.5, -2, 0.25}, a[N] = {1, 0.5, 3}, b[N] = {0.5, 1, -1};

typedef enum method { DESCEND, MOMENTUM, ADAM, ADAMW } method;

typedef struct setting {
    const char *name;
    method method;
    double rate, beta1, beta2, eps, decay; /* beta1: or the momentum */
    double torch[N];
} setting;

/* torch.optim.SGD(lr), SGD(lr, momentum), Adam(lr, betas, eps), AdamW(lr, betas, eps, weight_decay); repr() of w. */
static const setting settings[] = {
    {"descend", DESCEND, 0.1, 0, 0, 0, 0, {0.82768, -0.77147, -0.9872}},
    {"sgd with momentum", MOMENTUM, 0.1, 0.9, 0, 0, 0, {-0.08042000000000017, 1.0874800000000002, -1.287575}},
    {"adam", ADAM, 0.1, 0.9, 0.999, 1e-8, 0, {1.0079636592643417, -1.50177945708264, -0.24433716210655249}},
    {"adam without a first moment", ADAM, 0.05, 0, 0.9, 1e-3, 0, {1.2623748865978102, -1.753977277709994, 0.00969888302369025}},
    {"adamw", ADAMW, 0.1, 0.9, 0.999, 1e-8, 0.01, {1.0016491653003148, -1.4928376845688882, -0.2445782229394129}},
    {"adamw with much decay", ADAMW, 0.1, 0.8, 0.99, 1e-8, 0.5, {0.7359670345371332, -1.1019473064195113, -0.24893423680329743}},
};
enum { SETTINGS = sizeof settings / sizeof *settings };

/* The step by hand, number t from 1 on; m: or the velocity. */
static void step_by_hand(const setting *s, int t, double *w, double *m, double *v)
{
    for (int i = 0; i < N; i++) {
        double dw = 2 * a[i] * (w[i] - b[i]);
        if (s->method == DESCEND) {
            w[i] -= s->rate * dw;
        } else if (s->method == MOMENTUM) {
            m[i] = s->beta1 * m[i] + dw;
            w[i] -= s->rate * m[i];
        } else {
            m[i] = s->beta1 * m[i] + (1 - s->beta1) * dw;
            v[i] = s->beta2 * v[i] + (1 - s->beta2) * dw * dw;
            double corrected_m = m[i] / (s->beta1 == 0 ? 1 : -expm1(t * log(s->beta1))), corrected_v = v[i] / -expm1(t * log(s->beta2));
            w[i] -= s->rate * s->decay * w[i] + s->rate * corrected_m / (sqrt(corrected_v) + s->eps);
        }
    }
}

typedef struct training {
    weft_tape *tape;
    weft_dtype dtype;
    weft_node w, m, v, steps, rate;
    weft_program *program;
} training;

static weft_node constant(weft_tape *t, weft_dtype dtype, const double *x)
{
    float narrow[N];
    for (int i = 0; i < N; i++)
        narrow[i] = (float)x[i];
    return weft_constant(t, dtype, 1, (const size_t[]){N}, dtype == WEFT_F32 ? (const void *)narrow : (const void *)x);
}

static void write(const training *tr, weft_node parameter, const double *x)
{
    float narrow[N];
    for (int i = 0; i < N; i++)
        narrow[i] = (float)x[i];
    bool wide = tr->dtype == WEFT_F64;
    ck_assert_int_eq(weft_parameter_write(tr->program, parameter, wide ? (const void *)x : (const void *)narrow, wide ? sizeof(double[N]) : sizeof narrow), WEFT_OK);
}

static void read(const training *tr, weft_node parameter, double *x)
{
    float narrow[N];
    bool wide = tr->dtype == WEFT_F64;
    ck_assert_int_eq(weft_parameter_read(tr->program, parameter, wide ? (void *)x : (void *)narrow, wide ? sizeof(double[N]) : sizeof narrow), WEFT_OK);
    for (int i = 0; i < N && !wide; i++)
        x[i] = (double)narrow[i];
}

/* The rate is an input, so that a schedule may change it. */
static training training_new(const setting *s, weft_dtype dtype)
{
    const size_t n = N;
    training tr = {.tape = weft_tape_new(NULL), .dtype = dtype};
    weft_tape *t = tr.tape;
    tr.w = weft_parameter(t, "w", dtype, 1, &n);
    tr.m = weft_parameter(t, "m", dtype, 1, &n);
    tr.v = weft_parameter(t, "v", dtype, 1, &n);
    tr.steps = weft_parameter(t, "steps", dtype, 0, NULL);
    tr.rate = weft_input(t, "rate", dtype, 0, NULL);
    weft_node far = weft_sub(tr.w, constant(t, dtype, b)), dw, out[4], step = weft_add(tr.steps, weft_scalar(t, dtype, 1));
    weft_grad(weft_sum(weft_mul(constant(t, dtype, a), weft_mul(far, far)), WEFT_ALL_AXES, false), &tr.w, 1, &dw);
    size_t n_out = 3;
    switch (s->method) {
    case DESCEND:
        out[0] = weft_descend(tr.w, dw, tr.rate);
        n_out = 1;
        break;
    case MOMENTUM:
        weft_sgd(tr.w, dw, tr.m, tr.rate, s->beta1, out);
        n_out = 2;
        break;
    case ADAM:
        weft_adam(tr.w, dw, tr.m, tr.v, step, tr.rate, s->beta1, s->beta2, s->eps, out);
        break;
    case ADAMW:
        weft_adamw(tr.w, dw, tr.m, tr.v, step, tr.rate, s->beta1, s->beta2, s->eps, s->decay, out);
        break;
    }
    out[n_out++] = weft_assign(tr.steps, step);
    tr.program = weft_compile(out, n_out);
    ck_assert_msg(weft_program_status(tr.program) == WEFT_OK, "%s", weft_program_message(tr.program));
    write(&tr, tr.w, start);
    return tr;
}

static void training_step(training *tr, double rate)
{
    float narrow = (float)rate;
    bool wide = tr->dtype == WEFT_F64;
    weft_bind(tr->program, tr->rate, wide ? (const void *)&rate : (const void *)&narrow, wide ? sizeof rate : sizeof narrow);
    ck_assert_msg(weft_run(tr->program) == WEFT_OK, "%s", weft_program_message(tr->program));
}

static void training_free(training *tr)
{
    weft_program_free(tr->program);
    weft_tape_free(tr->tape);
}

/* After each step within 1e-14 of the loop, moments included; after five within 1e-13 of PyTorch, which takes 1 - beta**t with the digits that are
 * left of it: for beta = 0.999 an ulp of 1 in 1e-3, of which a half reaches w's change of at most 0.5. */
START_TEST(steps_are_those_of_the_loop_and_of_pytorch)
{
    const setting *s = &settings[_i];
    training tr = training_new(s, WEFT_F64);
    double w[N], m[N] = {0}, v[N] = {0}, got[N];
    memcpy(w, start, sizeof w);
    for (int t = 1; t <= STEPS; t++) {
        training_step(&tr, s->rate);
        step_by_hand(s, t, w, m, v);
        read(&tr, tr.w, got);
        for (int i = 0; i < N; i++)
            ck_assert_msg(fabs(got[i] - w[i]) <= 1e-14, "%s, step %d: w[%d] is %.17g, not %.17g", s->name, t, i, got[i], w[i]);
        if (s->method == DESCEND)
            continue;
        read(&tr, tr.m, got);
        for (int i = 0; i < N; i++)
            ck_assert_double_le(fabs(got[i] - m[i]), 1e-14);
        if (s->method == MOMENTUM)
            continue;
        read(&tr, tr.v, got);
        for (int i = 0; i < N; i++)
            ck_assert_double_le(fabs(got[i] - v[i]), 1e-14);
    }
    read(&tr, tr.w, got);
    for (int i = 0; i < N; i++)
        ck_assert_msg(fabs(got[i] - s->torch[i]) <= 1e-13, "%s: w[%d] is %.17g, PyTorch's %.17g", s->name, i, got[i], s->torch[i]);
    training_free(&tr);
}
END_TEST

/* In f32 five steps lose a few roundings of numbers below 4; with corrections as 1 - pow(beta, t) they would lose 1e-5 at the first step already. */
START_TEST(f32_loses_roundings_only)
{
    const setting *s = &settings[_i];
    training tr = training_new(s, WEFT_F32);
    double w[N], m[N] = {0}, v[N] = {0}, got[N];
    memcpy(w, start, sizeof w);
    for (int t = 1; t <= STEPS; t++) {
        training_step(&tr, s->rate);
        step_by_hand(s, t, w, m, v);
    }
    read(&tr, tr.w, got);
    for (int i = 0; i < N; i++)
        ck_assert_msg(fabs(got[i] - w[i]) <= 1e-6, "%s: w[%d] is %.9g, not %.9g", s->name, i, got[i], w[i]);
    training_free(&tr);
}
END_TEST

/* The first step of Adam is the rate, whatever the gradient: m/(1 - beta1) = dw, v/(1 - beta2) = dw**2. So too for a beta next to 1, which f32 takes for
 * 1 where it is a number and not a constant. */
START_TEST(the_first_step_is_the_rate)
{
    static const double betas[][2] = {{0.9, 0.999}, {0, 0}, {0.999, 0.99999}, {0.5, 0.999999999}, {0.9999999, 0.9}};
    for (int narrow = 0; narrow < 2; narrow++) {
        const setting s = {.method = ADAM, .rate = 0.25, .beta1 = betas[_i][0], .beta2 = betas[_i][1]};
        training tr = training_new(&s, narrow ? WEFT_F32 : WEFT_F64);
        double got[N];
        training_step(&tr, s.rate);
        read(&tr, tr.w, got);
        for (int i = 0; i < N; i++)
            ck_assert_double_le(fabs(fabs(got[i] - start[i]) - 0.25), narrow ? 5e-7 : 1e-15);
        training_free(&tr);
    }
}
END_TEST

START_TEST(the_rate_may_change)
{
    training tr = training_new(&settings[0], WEFT_F64);
    setting s = settings[0];
    double w[N], none[N], got[N];
    memcpy(w, start, sizeof w);
    for (int t = 1; t <= 3; t++) {
        s.rate = 0.1 / t;
        training_step(&tr, s.rate);
        step_by_hand(&s, t, w, none, none);
    }
    read(&tr, tr.w, got);
    for (int i = 0; i < N; i++)
        ck_assert_double_le(fabs(got[i] - w[i]), 1e-14);
    training_free(&tr);
}
END_TEST

START_TEST(bad_settings_are_refused)
{
    static const double bad[][4] = {{-0.1, 0.9, 0, 0}, {1, 0.9, 0, 0}, {0.9, 1, 0, 0}, {0.9, NAN, 0, 0}, {0.9, 0.9, -1, 0}, {0.9, 0.9, 0, INFINITY}};
    const size_t n = N;
    weft_tape *t = weft_tape_new(NULL);
    weft_node w = weft_parameter(t, "w", WEFT_F64, 1, &n), m = weft_parameter(t, "m", WEFT_F64, 1, &n), one = weft_scalar(t, WEFT_F64, 1), out[3];
    weft_mark mark = weft_tape_mark(t);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        weft_adamw(w, w, m, m, one, one, bad[i][0], bad[i][1], bad[i][2], bad[i][3], out);
        ck_assert(weft_node_failed(out[0]) && weft_node_failed(out[1]) && weft_node_failed(out[2]));
        ck_assert_int_eq(weft_tape_status(t), WEFT_ERROR_ARGUMENT);
        weft_tape_rewind(t, mark);
    }
    weft_adam(w, w, m, m, w, one, 0.9, 0.9, 0, out); /* a step for each element */
    ck_assert_int_eq(weft_tape_status(t), WEFT_ERROR_SHAPE);
    weft_tape_rewind(t, mark);
    weft_adam(one, one, m, m, one, one, 0.9, 0.9, 0, out); /* a constant cannot learn */
    ck_assert_int_ne(weft_tape_status(t), WEFT_OK);
    ck_assert(weft_node_failed(out[2]));
    weft_tape_rewind(t, mark);
    ck_assert(weft_node_failed(weft_descend(one, one, one)));
    weft_tape_free(t);
}
END_TEST

/* --- clipping --- */

/* Two arrays, of 3 and of 4 elements; their common norm is 13: 3, 4 and 12. */
static const double first[3] = {3, 0, -4}, second[4] = {0, 0, 12, 0};

static void clip(const double *x, const double *y, double most, bool narrow, double *got, double *norm)
{
    const size_t n[] = {3, 4};
    weft_dtype dtype = narrow ? WEFT_F32 : WEFT_F64;
    float few[7];
    for (int i = 0; i < 7; i++)
        few[i] = (float)(i < 3 ? x[i] : y[i - 3]);
    weft_tape *t = weft_tape_new(NULL);
    weft_node in[] = {weft_input(t, "x", dtype, 1, n), weft_input(t, "y", dtype, 1, n + 1)}, out[3];
    memcpy(out, in, sizeof in);
    out[2] = weft_clip_by_norm(out, 2, most, out); /* in place */
    weft_program *p = weft_compile(out, 3);
    weft_bind(p, in[0], narrow ? (const void *)few : (const void *)x, 3 * weft_dtype_size(dtype));
    weft_bind(p, in[1], narrow ? (const void *)(few + 3) : (const void *)y, 4 * weft_dtype_size(dtype));
    ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
    for (size_t k = 0, i = 0; k < 3; k++)
        for (size_t e = 0; e < (k < 2 ? n[k] : 1); e++, i++) {
            const void *data = weft_output(p, k);
            double value = narrow ? (double)((const float *)data)[e] : ((const double *)data)[e];
            *(k < 2 ? &got[i] : norm) = value;
        }
    weft_program_free(p);
    weft_tape_free(t);
}

START_TEST(long_gradients_are_cut_and_short_ones_stay)
{
    static const double limits[] = {1, 6.5, 12.999, 13, 13.001, 1e6, 1e-6};
    for (int narrow = 0; narrow < 2; narrow++) {
        double got[7], norm, most = limits[_i], factor = most < 13 ? most / 13 : 1, off = narrow ? 2e-7 : 4e-16;
        clip(first, second, most, narrow, got, &norm);
        ck_assert_double_eq(norm, 13);
        for (int i = 0; i < 7; i++) {
            double x = i < 3 ? first[i] : second[i - 3];
            ck_assert_msg(fabs(got[i] - x * factor) <= off * fabs(x * factor), "[%d] is %.17g, not %.17g", i, got[i], x * factor);
        }
    }
}
END_TEST

START_TEST(gradients_of_no_length)
{
    const double zeros[4] = {0}, broken[] = {NAN, 0, 0};
    double got[7], norm;
    clip(zeros, zeros, 1, false, got, &norm);
    ck_assert_double_eq(norm, 0);
    for (int i = 0; i < 7; i++)
        ck_assert_double_eq(got[i], 0);
    clip(broken, second, 1, false, got, &norm);
    ck_assert(isnan(norm) && isnan(got[0]) && isnan(got[6]));
}
END_TEST

START_TEST(bad_limits_are_refused)
{
    static const double bad[] = {0, -1, NAN, INFINITY};
    weft_tape *t = weft_tape_new(NULL);
    weft_node x = weft_input(t, "x", WEFT_F64, 1, (const size_t[]){2}), y;
    weft_mark mark = weft_tape_mark(t);
    for (size_t i = 0; i < 4; i++) {
        ck_assert(weft_node_failed(weft_clip_by_norm(&x, 1, bad[i], &y)) && weft_node_failed(y));
        ck_assert_int_eq(weft_tape_status(t), WEFT_ERROR_ARGUMENT);
        weft_tape_rewind(t, mark);
    }
    ck_assert(weft_node_failed(weft_clip_by_norm(&x, 1, 1, NULL)));
    ck_assert_int_eq(weft_tape_status(t), WEFT_ERROR_ARGUMENT);
    ck_assert(weft_node_failed(weft_clip_by_norm(NULL, 0, 1, NULL)));
    weft_tape_free(t);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("optimizers");
    TCase *steps = tcase_create("steps"), *clipping = tcase_create("clipping");
    tcase_add_loop_test(steps, steps_are_those_of_the_loop_and_of_pytorch, 0, SETTINGS);
    tcase_add_loop_test(steps, f32_loses_roundings_only, 0, SETTINGS);
    tcase_add_loop_test(steps, the_first_step_is_the_rate, 0, 5);
    tcase_add_test(steps, the_rate_may_change);
    tcase_add_test(steps, bad_settings_are_refused);
    tcase_add_loop_test(clipping, long_gradients_are_cut_and_short_ones_stay, 0, 7);
    tcase_add_test(clipping, gradients_of_no_length);
    tcase_add_test(clipping, bad_limits_are_refused);
    suite_add_tcase(suite, steps);
    suite_add_tcase(suite, clipping);
    return run_suite(suite);
}

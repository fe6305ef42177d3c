/* test_batchnorm_modes.c: running statistics, evaluation, frozen parameters and folding, against loops over several runs and against what
 * torch.nn.BatchNorm1d of PyTorch 1.13 gave; and what is refused. Values and gradients along every axis are among the samples of test_ops. */
#include "tests/samples.h"
#include "tests/suite.h"

#include <math.h>

enum { RUNS = 3, MOST_CHANNELS = 8, MOST_ELEMENTS = 200 };

static const weft_node none = {.tape = NULL};

/* The staged function and its fused twin: every test is of both, and the lower half of its cases is of the first. */
static weft_node (*const with_options[])(weft_node h, const weft_batchnorm_options *options, weft_node updates[3],
                                         size_t *n_updates) = {weft_batchnorm_with, weft_fused_batchnorm_with};
enum { BUILDERS = 2 };

/* --- running statistics --- */

static const struct {
    weft_shape shape;
    int axis;
} places[] = {
    {{2, {5, 3}}, 1}, {{2, {5, 3}}, -1}, {{2, {3, 5}}, 0}, {{3, {3, 4, 5}}, 1}, {{4, {2, 3, 2, 3}}, 1},
    {{4, {2, 3, 2, 4}}, -1}, {{5, {2, 2, 3, 2, 3}}, 1}, {{5, {2, 2, 3, 2, 3}}, -3}, {{2, {2, 4}}, 1}, /* two values a channel */
};
enum { PLACES = sizeof places / sizeof *places };

static const struct {
    double momentum;
    bool cumulative, biased;
} averages[] = {{0.1, false, false}, {0.5, false, true}, {0, false, false}, {1, false, false}, {0, true, false}, {0, true, true}};
enum { AVERAGES = sizeof averages / sizeof *averages };

typedef struct tracked {
    weft_tape *tape;
    weft_node h, mean, variance, batches;
    weft_program *program; /* y, then the assignments */
    weft_dtype dtype;
} tracked;

static tracked track(int builder, weft_dtype dtype, const weft_shape *shape, int axis, int average)
{
    tracked k = {.tape = weft_tape_new(NULL), .dtype = dtype};
    const size_t *c = &shape->dim[axis < 0 ? axis + shape->rank : axis];
    k.h = weft_input(k.tape, "h", dtype, shape->rank, shape->dim);
    k.mean = weft_parameter(k.tape, "mean", dtype, 1, c);
    k.variance = weft_parameter(k.tape, "variance", dtype, 1, c);
    k.batches = weft_parameter(k.tape, "batches", dtype, 0, NULL);
    const weft_batchnorm_options o = {.axis = axis, .eps = 1e-5, .momentum = averages[average].momentum, .cumulative = averages[average].cumulative,
                                      .biased = averages[average].biased, .running_mean = k.mean, .running_variance = k.variance,
                                      .batches = averages[average].cumulative ? k.batches : none};
    weft_node out[4];
    size_t n;
    out[0] = with_options[builder](k.h, &o, out + 1, &n);
    ck_assert_uint_eq(n, averages[average].cumulative ? 3 : 2);
    k.program = weft_compile(out, 1 + n);
    ck_assert_msg(weft_program_status(k.program) == WEFT_OK, "%s", weft_program_message(k.program));
    const double ones[] = {1, 1, 1, 1, 1, 1, 1, 1};
    const float few[] = {1, 1, 1, 1, 1, 1, 1, 1};
    weft_parameter_write(k.program, k.variance, dtype == WEFT_F64 ? (const void *)ones : (const void *)few, *c * weft_dtype_size(dtype));
    return k;
}

static void track_run(tracked *k, const double *x, size_t count, double *mean, double *variance, size_t channels)
{
    float few[MOST_ELEMENTS];
    bool wide = k->dtype == WEFT_F64;
    for (size_t i = 0; i < count; i++)
        few[i] = (float)x[i];
    weft_bind(k->program, k->h, wide ? (const void *)x : (const void *)few, count * weft_dtype_size(k->dtype));
    ck_assert_msg(weft_run(k->program) == WEFT_OK, "%s", weft_program_message(k->program));
    weft_parameter_read(k->program, k->mean, wide ? (void *)mean : (void *)few, channels * weft_dtype_size(k->dtype));
    for (size_t c = 0; c < channels && !wide; c++)
        mean[c] = (double)few[c];
    weft_parameter_read(k->program, k->variance, wide ? (void *)variance : (void *)few, channels * weft_dtype_size(k->dtype));
    for (size_t c = 0; c < channels && !wide; c++)
        variance[c] = (double)few[c];
}

/* One batch: what the running statistics become. inner: elements from one index of the channels to the next. */
static void average_by_hand(int average, int run, const double *x, size_t count, size_t channels, size_t inner, double *mean, double *variance)
{
    double factor = averages[average].cumulative ? 1.0 / (run + 1) : averages[average].momentum, n = (double)(count / channels);
    for (size_t c = 0; c < channels; c++) {
        double mu = 0, square = 0;
        for (size_t e = 0; e < count; e++)
            mu += e / inner % channels == c ? x[e] / n : 0;
        for (size_t e = 0; e < count; e++)
            square += e / inner % channels == c ? (x[e] - mu) * (x[e] - mu) : 0;
        mean[c] = (1 - factor) * mean[c] + factor * mu;
        variance[c] = (1 - factor) * variance[c] + factor * square / (averages[average].biased ? n : n - 1);
    }
}

START_TEST(running_statistics_are_those_of_the_loop)
{
    int builder = _i / (PLACES * AVERAGES), place = _i / AVERAGES % PLACES, average = _i % AVERAGES;
    const weft_shape *shape = &places[place].shape;
    int axis = places[place].axis < 0 ? places[place].axis + shape->rank : places[place].axis;
    size_t count = weft_shape_count(shape), channels = shape->dim[axis], inner = 1;
    for (int i = axis + 1; i < shape->rank; i++)
        inner *= shape->dim[i];
    for (int narrow = 0; narrow < 2; narrow++) {
        tracked k = track(builder, narrow ? WEFT_F32 : WEFT_F64, shape, places[place].axis, average);
        double mean[MOST_CHANNELS] = {0}, variance[] = {1, 1, 1, 1, 1, 1, 1, 1}, got_mean[MOST_CHANNELS], got_variance[MOST_CHANNELS], x[MOST_ELEMENTS];
        uint64_t seed = 7;
        for (int run = 0; run < RUNS; run++) {
            draw_domain(NORMAL, &seed, count, x);
            average_by_hand(average, run, x, count, channels, inner, mean, variance);
            track_run(&k, x, count, got_mean, got_variance, channels);
            double off = narrow ? 1e-6 : 1e-14; /* a few roundings of numbers below 4 */
            for (size_t c = 0; c < channels; c++) {
                ck_assert_msg(fabs(got_mean[c] - mean[c]) <= off, "run %d: mean[%zu] is %.17g, not %.17g", run, c, got_mean[c], mean[c]);
                ck_assert_msg(fabs(got_variance[c] - variance[c]) <= off, "run %d: variance[%zu] is %.17g, not %.17g", run, c, got_variance[c], variance[c]);
            }
        }
        weft_program_free(k.program);
        weft_tape_free(k.tape);
    }
}
END_TEST

/* In f32 a mean of 1e4 and a spread of 1e-2: the variance is that of the numbers, not of their rounded squares. */
START_TEST(far_from_zero_the_variance_stays)
{
    const weft_shape shape = {2, {50, 2}};
    tracked k = track(_i, WEFT_F32, &shape, 1, 3); /* momentum 1: the batch's own */
    double x[100], mean[2], variance[2], expected_mean[2] = {0}, expected[2] = {0};
    uint64_t seed = 3;
    for (size_t i = 0; i < 100; i++)
        x[i] = (double)(float)(1e4 + 1e-2 * draw_normal(&seed));
    average_by_hand(3, 0, x, 100, 2, 1, expected_mean, expected);
    track_run(&k, x, 100, mean, variance, 2);
    for (size_t c = 0; c < 2; c++)
        ck_assert_double_le(fabs(variance[c] - expected[c]), 1e-6 * expected[c]);
    weft_program_free(k.program);
    weft_tape_free(k.tape);
}
END_TEST

/* A variance of 1e-18 beside an eps of 1e-5: it has all its digits, which 1/rstd**2 - eps has not. */
START_TEST(beside_a_large_eps_the_variance_stays)
{
    const weft_shape shape = {2, {50, 2}};
    tracked k = track(_i, WEFT_F64, &shape, 1, 3); /* momentum 1: the batch's own */
    double x[100], mean[2], variance[2], expected_mean[2] = {0}, expected[2] = {0};
    uint64_t seed = 3;
    for (size_t i = 0; i < 100; i++)
        x[i] = 1e-9 * draw_normal(&seed);
    average_by_hand(3, 0, x, 100, 2, 1, expected_mean, expected);
    track_run(&k, x, 100, mean, variance, 2);
    for (size_t c = 0; c < 2; c++)
        ck_assert_double_le(fabs(variance[c] - expected[c]), 1e-14 * expected[c]); /* 50 roundings of 1.1e-16 */
    weft_program_free(k.program);
    weft_tape_free(k.tape);
}
END_TEST

/* --- PyTorch's numbers --- */

/* torch.nn.BatchNorm1d(2, dtype=float64, momentum=...), weight (1.5, -0.5), bias (0.25, 3), after training on x, 2x + 1 and 3x + 2: the running
 * statistics, y of the last run, and y of x in evaluation. */
static const double torch_x[8] = {1, 2, 4, -1, 2.5, 0, 0, 7}, torch_gamma[2] = {1.5, -0.5}, torch_beta[2] = {0.25, 3};
static const double torch_y[8] = {-0.616025194315029, 3.0, 2.3532040433364996, 3.4866642349323915, 0.8685894245107353, 3.324442823288261,
                                  -1.6057682735322052, 2.188892941779347};
static const struct {
    double momentum;
    bool cumulative;
    double mean[2], variance[2], y[8];
} torch[] = {
    {0.1, false, {1.3418750000000002, 1.4120000000000001}, {4.8358125, 17.715},
     {0.0168027487792779, 2.9301483563940702, 2.063140602270074, 3.2865342931590185, 1.039971675524676, 3.1677389809040357, -0.6653098690509874,
      2.336171795119157}},
    {0, true, {4.75, 5.0}, {14.291666666666668, 59.111111111111114},
     {-1.237924639792109, 3.1950997266401315, -0.04758492795842173, 3.3901994532802626, -0.6427547838752654, 3.3251662110668856, -1.6347045437366714,
      2.869933515573246}},
    {0.5, false, {5.234375, 5.5}, {17.3515625, 71.375},
     {-1.274793936743332, 3.207140470149548, -0.1944971254713035, 3.384689444563447, -0.7346455311073178, 3.325506453092147, -1.6348928738340083,
      2.9112255127930506}},
};

START_TEST(training_and_evaluation_are_those_of_pytorch)
{
    const size_t dim[] = {4, 2};
    weft_tape *t = weft_tape_new(NULL);
    weft_batchnorm_options o = {.axis = 1, .eps = 1e-5, .momentum = torch[_i % 3].momentum, .cumulative = torch[_i % 3].cumulative,
                                .gamma = weft_constant(t, WEFT_F64, 1, dim + 1, torch_gamma), .beta = weft_constant(t, WEFT_F64, 1, dim + 1, torch_beta),
                                .running_mean = weft_parameter(t, "mean", WEFT_F64, 1, dim + 1),
                                .running_variance = weft_parameter(t, "variance", WEFT_F64, 1, dim + 1),
                                .batches = torch[_i % 3].cumulative ? weft_parameter(t, "batches", WEFT_F64, 0, NULL) : none};
    weft_node h = weft_input(t, "h", WEFT_F64, 2, dim), out[4], y, updates[3];
    size_t n, n_evaluation = 7;
    out[0] = with_options[_i / 3](h, &o, out + 1, &n);
    o.mode = WEFT_BATCHNORM_EVALUATION;
    y = with_options[_i / 3](h, &o, updates, &n_evaluation);
    ck_assert_uint_eq(n_evaluation, 0);
    weft_program *training = weft_compile(out, 1 + n), *evaluation = weft_compile(&y, 1);
    double x[8], statistics[2];
    weft_parameter_write(training, o.running_variance, (const double[]){1, 1}, 16);
    weft_bind(training, h, x, sizeof x);
    for (int run = 0; run < RUNS; run++) {
        for (int i = 0; i < 8; i++)
            x[i] = torch_x[i] * (run + 1) + run;
        ck_assert_msg(weft_run(training) == WEFT_OK, "%s", weft_program_message(training));
    }
    for (int i = 0; i < 8; i++)
        ck_assert_double_le(fabs(((const double *)weft_output(training, 0))[i] - torch_y[i]), 1e-14);
    for (int k = 0; k < 2; k++) {
        weft_node running = k ? o.running_variance : o.running_mean;
        weft_parameter_read(training, running, statistics, sizeof statistics);
        weft_parameter_write(evaluation, running, statistics, sizeof statistics);
        for (int c = 0; c < 2; c++)
            ck_assert_double_le(fabs(statistics[c] - (k ? torch[_i % 3].variance : torch[_i % 3].mean)[c]), 2e-14); /* an ulp of 71 */
    }
    weft_bind(evaluation, h, torch_x, sizeof torch_x);
    ck_assert_msg(weft_run(evaluation) == WEFT_OK, "%s", weft_program_message(evaluation));
    for (int i = 0; i < 8; i++)
        ck_assert_double_le(fabs(((const double *)weft_output(evaluation, 0))[i] - torch[_i % 3].y[i]), 1e-14);
    weft_program_free(training);
    weft_program_free(evaluation);
    weft_tape_free(t);
}
END_TEST

/* --- modes beside each other --- */

START_TEST(training_is_the_short_call)
{
    const sample s = {.op = "h", .n = 4, .shape = {{3, {6, 4, 5}}, {1, {4}}, {1, {4}}, {3, {6, 4, 5}}}, .domain = {NORMAL, NORMAL, NORMAL, NORMAL}};
    weft_tape *t = weft_tape_new(NULL);
    operands o;
    operands_make(&o, t, &s, WEFT_F64, 4);
    weft_node out[8] = {weft_batchnorm(o.node[0], o.node[1], o.node[2], 1e-5)};
    out[4] = with_options[_i](o.node[0], &(weft_batchnorm_options){.axis = 1, .eps = 1e-5, .gamma = o.node[1], .beta = o.node[2]}, NULL, NULL);
    weft_vjp(out, &o.node[3], 1, o.node, 3, out + 1);
    weft_vjp(out + 4, &o.node[3], 1, o.node, 3, out + 5);
    weft_program *p = weft_compile(out, 8);
    operands_bind(&o, p);
    ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
    for (size_t k = 0; k < 4; k++) {
        weft_shape shape = weft_node_shape(out[k]);
        for (size_t i = 0; i < weft_shape_count(&shape); i++)
            ck_assert_double_le(fabs(((const double *)weft_output(p, k))[i] - ((const double *)weft_output(p, k + 4))[i]), 2e-14);
    }
    weft_program_free(p);
    operands_free(&o);
    weft_tape_free(t);
}
END_TEST

/* Frozen is evaluation, but for the gradients of gamma and beta, which are 0; that of h is the same. */
START_TEST(frozen_parameters_get_no_gradient)
{
    const sample s = {.op = "h", .n = 6, .shape = {{2, {6, 4}}, {1, {4}}, {1, {4}}, {1, {4}}, {1, {4}}, {2, {6, 4}}},
                      .domain = {NORMAL, NORMAL, NORMAL, NORMAL, POSITIVE, NORMAL}};
    weft_tape *t = weft_tape_new(NULL);
    operands o;
    operands_make(&o, t, &s, WEFT_F64, 4);
    weft_batchnorm_options with = {.axis = 1, .mode = WEFT_BATCHNORM_EVALUATION, .eps = 1e-5, .gamma = o.node[1], .beta = o.node[2],
                                   .running_mean = o.node[3], .running_variance = o.node[4]};
    weft_node out[8];
    for (int frozen = 0; frozen < 2; frozen++) {
        with.mode = frozen ? WEFT_BATCHNORM_FROZEN : WEFT_BATCHNORM_EVALUATION;
        out[4 * frozen] = with_options[_i](o.node[0], &with, NULL, NULL);
        weft_vjp(&out[4 * frozen], &o.node[5], 1, o.node, 3, &out[4 * frozen + 1]);
    }
    weft_program *p = weft_compile(out, 8);
    operands_bind(&o, p);
    ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
    for (size_t i = 0; i < 24; i++)
        for (size_t k = 0; k < 2; k++)
            ck_assert_double_eq(((const double *)weft_output(p, k))[i], ((const double *)weft_output(p, k + 4))[i]);
    for (size_t c = 0; c < 4; c++)
        for (size_t k = 2; k < 4; k++) {
            ck_assert_double_ne(((const double *)weft_output(p, k))[c], 0);
            ck_assert_double_eq(((const double *)weft_output(p, k + 4))[c], 0);
        }
    weft_program_free(p);
    operands_free(&o);
    weft_tape_free(t);
}
END_TEST

/* The folded affine is the affine with its normalization, whatever of b, gamma and beta there is. */
START_TEST(folding_changes_nothing)
{
    const sample s = {.op = "fold", .n = 6, .shape = {{2, {7, 5}}, {2, {5, 4}}, {1, {4}}, {1, {4}}, {1, {4}}, {1, {4}}},
                      .domain = {NORMAL, NORMAL, NORMAL, NORMAL, NORMAL, POSITIVE}};
    for (int narrow = 0; narrow < 2; narrow++) {
        weft_tape *t = weft_tape_new(NULL);
        operands o;
        operands_make(&o, t, &s, narrow ? WEFT_F32 : WEFT_F64, 9);
        weft_node x = o.node[0], w = o.node[1], b = _i & 1 ? o.node[2] : none, folded[2], out[2];
        const weft_batchnorm_options with = {.axis = 1, .mode = WEFT_BATCHNORM_EVALUATION, .eps = 1e-5, .gamma = _i & 2 ? o.node[3] : none,
                                             .beta = _i & 4 ? o.node[4] : none, .running_mean = o.node[2], .running_variance = o.node[5]};
        weft_node h = weft_matmul(x, w);
        out[0] = weft_batchnorm_with(b.tape ? weft_add(h, b) : h, &with, NULL, NULL);
        weft_batchnorm_fold(w, b, &with, folded);
        out[1] = weft_affine(x, folded[0], folded[1]);
        weft_program *p = weft_compile(out, 2);
        operands_bind(&o, p);
        ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
        for (size_t i = 0; i < 28; i++) {
            double y = narrow ? (double)((const float *)weft_output(p, 0))[i] : ((const double *)weft_output(p, 0))[i];
            double got = narrow ? (double)((const float *)weft_output(p, 1))[i] : ((const double *)weft_output(p, 1))[i];
            ck_assert_double_le(fabs(got - y), narrow ? 1e-5 : 1e-14); /* a few roundings of numbers below 16 */
        }
        weft_program_free(p);
        operands_free(&o);
        weft_tape_free(t);
    }
}
END_TEST

/* --- what is refused --- */

START_TEST(what_does_not_fit_is_refused)
{
    const size_t dim[] = {1, 3, 2}, five = 5;
    weft_tape *t = weft_tape_new(NULL);
    weft_node h = weft_input(t, "h", WEFT_F32, 3, dim), c = weft_parameter(t, "c", WEFT_F32, 1, dim + 1), other = weft_parameter(t, "o", WEFT_F32, 1, &five);
    weft_node alone = weft_input(t, "alone", WEFT_F32, 2, dim), nothing = weft_input(t, "nothing", WEFT_F32, 2, (const size_t[]){0, 3});
    weft_node given = weft_input(t, "given", WEFT_F32, 1, dim + 1), failed = {.tape = t, .id = WEFT_NO_ID};
    const struct {
        weft_node h;
        weft_batchnorm_options o;
        weft_status status;
        const char *words;
    } bad[] = {
        {h, {.axis = 3, .eps = 1e-5}, WEFT_ERROR_SHAPE, "axis is 3"},
        {h, {.axis = 1, .eps = -1}, WEFT_ERROR_ARGUMENT, "eps is -1"},
        {h, {.axis = 1, .gamma = other}, WEFT_ERROR_SHAPE, "gamma must be (3)"},
        {h, {.axis = 0, .beta = c}, WEFT_ERROR_SHAPE, "is the axis of the channels another?"},
        {h, {.axis = 1, .running_mean = c}, WEFT_ERROR_ARGUMENT, "both, or neither"},
        {h, {.axis = 1, .mode = WEFT_BATCHNORM_EVALUATION}, WEFT_ERROR_ARGUMENT, "evaluation needs running_mean"},
        {h, {.axis = 1, .mode = WEFT_BATCHNORM_FROZEN, .running_variance = c}, WEFT_ERROR_ARGUMENT, "evaluation needs running_mean"},
        {h, {.axis = 1, .mode = (weft_batchnorm_mode)3}, WEFT_ERROR_ARGUMENT, "no mode 3"},
        {h, {.axis = 1, .momentum = 1.5, .running_mean = c, .running_variance = c}, WEFT_ERROR_ARGUMENT, "momentum is 1.5"},
        {h, {.axis = 1, .cumulative = true, .running_mean = c, .running_variance = c}, WEFT_ERROR_ARGUMENT, "needs batches"},
        {h, {.axis = 1, .running_mean = given, .running_variance = given}, WEFT_ERROR_ARGUMENT, "weft_parameter()"},
        {alone, {.axis = 1}, WEFT_ERROR_SHAPE, "one value per channel is its own mean"},
        {nothing, {.axis = 1}, WEFT_ERROR_SHAPE, "no values"},
        {failed, {.axis = 1}, WEFT_ERROR_ARGUMENT, "x must be a node"},
        {h, {.axis = 1, .gamma = failed}, WEFT_ERROR_ARGUMENT, "gamma must be a node"},
    };
    weft_mark mark = weft_tape_mark(t);
    weft_node updates[3];
    size_t n;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        weft_node y = with_options[_i](bad[i].h, &bad[i].o, updates, &n);
        ck_assert(weft_node_failed(y));
        ck_assert_msg(weft_tape_status(t) == bad[i].status && strstr(weft_tape_message(t), bad[i].words), "case %zu: %s", i, weft_tape_message(t));
        weft_tape_rewind(t, mark);
    }
    ck_assert(weft_node_failed(with_options[_i](h, NULL, updates, &n)));
    ck_assert_int_eq(weft_tape_status(t), WEFT_ERROR_ARGUMENT);
    weft_tape_rewind(t, mark);
    ck_assert(weft_node_failed(with_options[_i](h, &(weft_batchnorm_options){.axis = 1}, updates, NULL)));
    weft_tape_rewind(t, mark);
    /* One value a channel may be evaluated. */
    weft_batchnorm_options o = {.axis = 1, .mode = WEFT_BATCHNORM_EVALUATION, .running_mean = c, .running_variance = c};
    ck_assert(!weft_node_failed(with_options[_i](alone, &o, updates, &n)) && !n);
    mark = weft_tape_mark(t);
    weft_node folded[2], w = weft_input(t, "w", WEFT_F32, 2, (const size_t[]){4, 3});
    mark = weft_tape_mark(t);
    weft_batchnorm_fold(h, c, &o, folded);
    ck_assert_msg(weft_tape_status(t) == WEFT_ERROR_SHAPE && weft_node_failed(folded[0]), "%s", weft_tape_message(t));
    weft_tape_rewind(t, mark);
    weft_batchnorm_fold(w, other, &o, folded);
    ck_assert_int_eq(weft_tape_status(t), WEFT_ERROR_SHAPE);
    weft_tape_rewind(t, mark);
    weft_batchnorm_fold(w, c, &(weft_batchnorm_options){.axis = 1}, folded);
    ck_assert_int_eq(weft_tape_status(t), WEFT_ERROR_ARGUMENT);
    weft_tape_free(t);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("batchnorm_modes");
    TCase *running = tcase_create("running"), *modes = tcase_create("modes"), *errors = tcase_create("errors");
    tcase_add_loop_test(running, running_statistics_are_those_of_the_loop, 0, BUILDERS * PLACES * AVERAGES);
    tcase_add_loop_test(running, far_from_zero_the_variance_stays, 0, BUILDERS);
    tcase_add_loop_test(running, beside_a_large_eps_the_variance_stays, 0, BUILDERS);
    tcase_add_loop_test(running, training_and_evaluation_are_those_of_pytorch, 0, 3 * BUILDERS);
    tcase_add_loop_test(modes, training_is_the_short_call, 0, BUILDERS);
    tcase_add_loop_test(modes, frozen_parameters_get_no_gradient, 0, BUILDERS);
    tcase_add_loop_test(modes, folding_changes_nothing, 0, 8);
    tcase_add_loop_test(errors, what_does_not_fit_is_refused, 0, BUILDERS);
    suite_add_tcase(suite, running);
    suite_add_tcase(suite, modes);
    suite_add_tcase(suite, errors);
    return run_suite(suite);
}

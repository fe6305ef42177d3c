/* test_noise.c: uniform and normal numbers are those of the published generator, look random, and are the same wherever they are made; dropout
 * drops what it says. The seeds are fixed, so a test that passes does so always; the probabilities stated are those with which a true source of
 * such numbers would fail for a seed that one has not tried. */
#include "ops/primitive/philox.h"
#include "tests/plain_noise.h"
#include "tests/suite.h"

#include <math.h>
#include <stdio.h>

typedef weft_node noise(weft_node seed, weft_node step, uint32_t stream, weft_dtype dtype, int rank, const size_t *dim);

static size_t count_of(weft_node x)
{
    weft_shape shape = weft_node_shape(x);
    return weft_shape_count(&shape);
}

/* --- the generator --- */

/* The three vectors of "philox4x32 10" in kat_vectors, which comes with Random123 1.14: counter, key, result. */
static const uint32_t known[3][10] = {
    {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
    {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
    {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}, /* digits of pi */
};

START_TEST(philox_gives_the_published_answers)
{
    uint32_t lanes[WEFT__PHILOX_WORDS][WEFT__PHILOX_LANES], plain[4];
    const uint32_t *v = known[_i];
    for (int w = 0; w < 4; w++)
        for (uint32_t l = 0; l < WEFT__PHILOX_LANES; l++)
            lanes[w][l] = l == 5 ? v[w] : v[w] ^ l; /* one lane in the middle has it */
    weft__philox(lanes, v[4], v[5]);
    plain_philox(v, v + 4, plain);
    for (int w = 0; w < 4; w++) {
        ck_assert_uint_eq(lanes[w][5], v[6 + w]);
        ck_assert_uint_eq(plain[w], v[6 + w]);
    }
}
END_TEST

/* With seed, step and stream 0 the first counter is 0. */
START_TEST(the_first_numbers_are_the_published_ones)
{
    weft_tape *t = weft_tape_new(NULL);
    weft_node zero = weft_scalar(t, WEFT_I64, 0), y = weft_uniform(zero, zero, 0, WEFT_F32, 1, (const size_t[]){4});
    weft_program *p = weft_compile(&y, 1);
    ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
    for (int w = 0; w < 4; w++)
        ck_assert_double_eq((double)((const float *)weft_output(p, 0))[w], (double)(known[0][6 + w] >> 8) / 16777216);
    weft_program_free(p);
    weft_tape_free(t);
}
END_TEST

/* --- every element --- */

static const struct {
    int64_t seed, step;
    uint32_t stream;
    weft_shape shape; /* below, at and beyond a chunk of 1024 and a part of 16384 elements */
} drawn[] = {
    {0, 0, 0, {0}},
    {1, 0, 0, {1, {1}}},
    {-1, 1, 1, {2, {3, 5}}},
    {INT64_MIN, 77, 0xffffffffu, {1, {1023}}},
    {INT64_MAX, (INT64_C(1) << 46) - 1, 4, {1, {1025}}},
    {20261123, INT64_C(1) << 32, 5, {2, {128, 128}}},
    {20261123, 0xffffffff, 5, {8, {2, 3, 1, 5, 7, 11, 1, 13}}},
    {5, 5, 0, {3, {2, 0, 3}}},
};
enum { DRAWN = sizeof drawn / sizeof *drawn };

/* f64: uniform has the bits of the formula, normal is within 1.1e-14. f32: uniform the same cut, normal the same rounded. */
START_TEST(every_element_is_that_of_the_formula)
{
    weft_tape *t = weft_tape_new(NULL);
    const int64_t s = drawn[_i].seed, k = drawn[_i].step;
    const weft_shape *shape = &drawn[_i].shape;
    weft_node seed = weft_input(t, "seed", WEFT_I64, 1, (const size_t[]){1}), step = weft_parameter(t, "step", WEFT_F64, 0, NULL), y[4];
    for (int i = 0; i < 4; i++)
        y[i] = (i % 2 ? weft_normal : weft_uniform)(seed, step, drawn[_i].stream, i < 2 ? WEFT_F64 : WEFT_F32, shape->rank, shape->dim);
    weft_program *p = weft_compile(y, 4);
    ck_assert_int_eq(weft_bind(p, seed, &s, sizeof s), WEFT_OK);
    weft_parameter_write(p, step, &(double){(double)k}, sizeof(double));
    ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
    const double *uniform = weft_output(p, 0), *normal = weft_output(p, 1);
    const float *narrow_uniform = weft_output(p, 2), *narrow_normal = weft_output(p, 3);
    for (size_t i = 0; i < weft_shape_count(shape); i++) {
        ck_assert_double_eq(uniform[i], (double)plain_uniform(s, (uint64_t)k, drawn[_i].stream, i, false));
        ck_assert_double_eq((double)narrow_uniform[i], (double)plain_uniform(s, (uint64_t)k, drawn[_i].stream, i, true));
        ck_assert_double_eq_tol(normal[i], (double)plain_normal(s, (uint64_t)k, drawn[_i].stream, i), 1.1e-14);
        ck_assert_double_eq((double)narrow_normal[i], (double)(float)normal[i]);
    }
    ck_assert_int_eq(weft_tape_verify(t), WEFT_OK);
    weft_program_free(p);
    weft_tape_free(t);
}
END_TEST

/* --- they look random --- */

enum { MANY = 1000000 };

static double *many(noise *make, int64_t seed, int64_t step, uint32_t stream)
{
    weft_tape *t = weft_tape_new(NULL);
    weft_node s = weft_scalar(t, WEFT_I64, (double)seed), k = weft_scalar(t, WEFT_I64, (double)step);
    weft_node y = make(s, k, stream, WEFT_F64, 1, (const size_t[]){MANY});
    weft_program *p = weft_compile(&y, 1);
    ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
    double *x = malloc(MANY * sizeof *x);
    memcpy(x, weft_output(p, 0), MANY * sizeof *x);
    weft_program_free(p);
    weft_tape_free(t);
    return x;
}

static double uniform_distribution(double x)
{
    return x;
}

static double normal_distribution(double x)
{
    return 0.5 * erfc(-x / sqrt(2));
}

static int in_order(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* sqrt(n) times the largest distance between the distribution of x and that given; sorts x. Source: Kolmogorov, 1933. */
static double kolmogorov_smirnov(double *x, double (*distribution)(double))
{
    double most = 0;
    qsort(x, MANY, sizeof *x, in_order);
    for (size_t i = 0; i < MANY; i++) {
        double f = distribution(x[i]);
        most = fmax(most, fmax(f - (double)i / MANY, (double)(i + 1) / MANY - f));
    }
    return sqrt(MANY) * most;
}

/* How many standard deviations the mean of (x - center)**power is from what it should be. */
static double deviations(const double *x, double center, int power, double expected, double variance)
{
    double sum = 0;
    for (size_t i = 0; i < MANY; i++)
        sum += pow(x[i] - center, power);
    return fabs(sum / MANY - expected) / sqrt(variance / MANY);
}

/* Of a million numbers: the first four central moments, each within 5 standard deviations, which a true source leaves with probability 6e-7; and
 * sqrt(n) times the Kolmogorov-Smirnov distance below 2.7, which it exceeds with probability 2 exp(-2 * 2.7**2) = 1e-6. */
static void expect_distribution(double *x, const double center, const double moment[4], const double variance[4], double (*distribution)(double))
{
    for (int k = 0; k < 4; k++) {
        double off = deviations(x, center, k + 1, moment[k], variance[k]);
        ck_assert_msg(off < 5, "moment %d is off by %g standard deviations", k + 1, off);
    }
    double distance = kolmogorov_smirnov(x, distribution);
    ck_assert_msg(distance < 2.7, "the Kolmogorov-Smirnov distance is %g", distance);
}

/* Central moments of [0, 1): 0, 1/12, 0, 1/80, then 0, 1/448, 0, 1/2304; the variance of (x - 1/2)**k is moment 2k less the square of moment k. */
START_TEST(uniform_numbers_are_uniform)
{
    const double moment[] = {0, 1.0 / 12, 0, 1.0 / 80};
    const double variance[] = {1.0 / 12, 1.0 / 80 - 1.0 / 144, 1.0 / 448, 1.0 / 2304 - 1.0 / 6400};
    double *x = many(weft_uniform, 100 + _i, _i, (uint32_t)_i);
    for (size_t i = 0; i < MANY; i++)
        ck_assert_msg(x[i] >= 0 && x[i] < 1, "[%zu] is %.17g", i, x[i]);
    expect_distribution(x, 0.5, moment, variance, uniform_distribution);
    free(x);
}
END_TEST

/* Moments 0, 1, 0, 3, 0, 15, 0, 105: mean, variance, skewness and kurtosis. */
START_TEST(normal_numbers_are_normal)
{
    const double moment[] = {0, 1, 0, 3}, variance[] = {1, 3 - 1, 15, 105 - 9};
    double *x = many(weft_normal, 200 + _i, _i, (uint32_t)_i);
    expect_distribution(x, 0, moment, variance, normal_distribution);
    free(x);
}
END_TEST

/* The checks see what they are for: a mean or a spread that is off by 1 in 100, and a sum of twelve uniform numbers in place of a normal one. */
START_TEST(wrong_distributions_are_noticed)
{
    double *x = many(weft_normal, 9, 0, 0), *sums = malloc(MANY * sizeof *sums);
    double *u[12];
    for (size_t i = 0; i < MANY; i++)
        sums[i] = x[i] + 0.01;
    ck_assert_double_gt(deviations(sums, 0, 1, 0, 1), 5);
    ck_assert_double_gt(kolmogorov_smirnov(sums, normal_distribution), 2.7);
    for (size_t i = 0; i < MANY; i++)
        sums[i] = x[i] * 1.01;
    ck_assert_double_gt(deviations(sums, 0, 2, 1, 2), 5);
    for (uint32_t k = 0; k < 12; k++)
        u[k] = many(weft_uniform, 9, 0, k);
    for (size_t i = 0; i < MANY; i++) {
        sums[i] = -6;
        for (int k = 0; k < 12; k++)
            sums[i] += u[k][i];
    }
    ck_assert_double_lt(deviations(sums, 0, 2, 1, 2), 5);
    ck_assert_double_gt(deviations(sums, 0, 4, 3, 96), 5); /* its kurtosis is 2.9 */
    for (int k = 0; k < 12; k++)
        free(u[k]);
    free(x);
    free(sums);
}
END_TEST

/* The mean of a product of independent normal numbers has variance 1/n: within 5 standard deviations, as above. */
static double correlation(const double *a, const double *b, size_t lag)
{
    double sum = 0;
    for (size_t i = lag; i < MANY; i++)
        sum += a[i - lag] * b[i];
    return fabs(sum) / sqrt((double)(MANY - lag));
}

START_TEST(noises_do_not_go_together)
{
    double *x = many(weft_normal, 3, 4, 5), *other[] = {many(weft_normal, 3, 4, 6), many(weft_normal, 3, 5, 5), many(weft_normal, 4, 4, 5)};
    double *u = many(weft_uniform, 3, 4, 5);
    static const size_t lags[] = {1, 2, 3, 4, 64, 1024, 16384};
    for (size_t k = 0; k < sizeof lags / sizeof *lags; k++)
        ck_assert_double_lt(correlation(x, x, lags[k]), 5);
    ck_assert_double_gt(correlation(x, x, 0), 5);
    for (int k = 0; k < 3; k++) { /* another stream, step, seed */
        ck_assert_double_lt(correlation(x, other[k], 0), 5);
        free(other[k]);
    }
    for (size_t i = 0; i < MANY; i++)
        u[i] = sqrt(12) * (u[i] - 0.5);
    ck_assert_double_lt(correlation(x, u, 0), 5); /* of one seed, step and stream */
    free(u);
    free(x);
}
END_TEST

/* --- programs --- */

/* Tiles and compiled, one thread and many. */
START_TEST(noise_has_the_same_bits_everywhere)
{
    const size_t dim[] = {301, 1001};
    for (int kind = 0; kind < 4; kind++) {
        weft_tape *t = weft_tape_new(NULL);
        weft_node seed = weft_scalar(t, WEFT_I64, 8), step = weft_scalar(t, WEFT_F64, 2);
        weft_node y = (kind % 2 ? weft_normal : weft_uniform)(seed, step, 3, kind < 2 ? WEFT_F64 : WEFT_F32, 2, dim);
        size_t bytes = count_of(y) * weft_dtype_size(weft_node_dtype(y));
        weft_program *first = NULL;
        for (int way = 0; way < 8; way++) {
            static const int threads[] = {1, 2, 3, 8};
            weft_options options = test_way();
            options.backend = way / 4 ? WEFT_BACKEND_C : WEFT_BACKEND_TILES;
            options.threads = threads[way % 4];
            weft_program *p = weft_compile_with(&y, 1, &options);
            ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
            if (first)
                ck_assert_msg(!memcmp(weft_output(first, 0), weft_output(p, 0), bytes), "kind %d, way %d has other bits", kind, way);
            if (first)
                weft_program_free(p);
            else
                first = p;
        }
        weft_program_free(first);
        weft_tape_free(t);
    }
}
END_TEST

START_TEST(a_step_that_is_assigned_gives_new_noise)
{
    weft_tape *t = weft_tape_new(NULL);
    weft_node step = weft_parameter(t, "step", WEFT_F64, 0, NULL), seed = weft_scalar(t, WEFT_I64, 12);
    weft_node out[] = {weft_uniform(seed, step, 1, WEFT_F32, 1, (const size_t[]){9}), weft_assign(step, weft_add(step, weft_scalar(t, WEFT_F64, 1)))};
    weft_program *p = weft_compile(out, 2);
    for (uint64_t run = 0; run < 4; run++) {
        ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
        for (size_t i = 0; i < 9; i++)
            ck_assert_double_eq((double)((const float *)weft_output(p, 0))[i], (double)plain_uniform(12, run, 1, i, true));
    }
    weft_program_free(p);
    weft_tape_free(t);
}
END_TEST

START_TEST(equal_noises_are_one)
{
    weft_tape *t = weft_tape_new(NULL);
    const size_t dim[] = {3, 4}, turned[] = {4, 3};
    weft_node seed = weft_scalar(t, WEFT_I64, 8), again = weft_scalar(t, WEFT_I64, 8), other = weft_scalar(t, WEFT_I64, 9);
    weft_node y[] = {weft_normal(seed, seed, 0, WEFT_F32, 2, dim), weft_normal(again, seed, 0, WEFT_F32, 2, dim),
                     weft_normal(seed, seed, 1, WEFT_F32, 2, dim), weft_normal(other, seed, 0, WEFT_F32, 2, dim),
                     weft_normal(seed, other, 0, WEFT_F32, 2, dim), weft_normal(seed, seed, 0, WEFT_F64, 2, dim),
                     weft_normal(seed, seed, 0, WEFT_F32, 2, turned), weft_normal(seed, seed, 0, WEFT_F32, 1, dim),
                     weft_uniform(seed, seed, 0, WEFT_F32, 2, dim)};
    enum { N = sizeof y / sizeof *y };
    weft_node now[N];
    ck_assert_int_eq(weft_rewrite(y, N, WEFT_REWRITE_EXACT, NULL, NULL, now), WEFT_OK);
    for (int i = 0; i < N; i++)
        for (int k = 0; k < i; k++)
            ck_assert_msg((now[i].id == now[k].id) == (i == 1 && k == 0), "noises %d and %d", k, i);
    weft_tape_free(t);
}
END_TEST

START_TEST(no_derivative_passes)
{
    weft_tape *t = weft_tape_new(NULL);
    weft_node step = weft_input(t, "step", WEFT_F64, 0, NULL), seed = weft_scalar(t, WEFT_I64, 1), dx;
    weft_node y = weft_sum(weft_normal(seed, step, 0, WEFT_F64, 1, (const size_t[]){5}), WEFT_ALL_AXES, false);
    double value;
    ck_assert_int_eq(weft_grad(y, &step, 1, &dx), WEFT_OK);
    ck_assert(weft_node_scalar(dx, &value) && value == 0);
    weft_tape_free(t);
}
END_TEST

/* --- errors --- */

START_TEST(bad_operands_are_refused)
{
    static const struct {
        int seed, step, rank; /* seed: 0 one i64, 1 f64, 2 two of them; step: 0 f64, 1 f32, 2 two of them */
        weft_dtype dtype;
        weft_status status;
        const char *word;
    } bad[] = {
        {1, 0, 1, WEFT_F32, WEFT_ERROR_DTYPE, "the seed must be one i64"},
        {2, 0, 1, WEFT_F32, WEFT_ERROR_SHAPE, "the seed must be one i64"},
        {0, 1, 1, WEFT_F32, WEFT_ERROR_DTYPE, "2**24"},
        {0, 2, 1, WEFT_F32, WEFT_ERROR_SHAPE, "one number"},
        {0, 0, 1, WEFT_I64, WEFT_ERROR_DTYPE, "f32 or f64"},
        {0, 0, 9, WEFT_F32, WEFT_ERROR_SHAPE, "rank"},
        {0, 0, -1, WEFT_F32, WEFT_ERROR_SHAPE, "rank"},
        {0, 0, 3, WEFT_F32, WEFT_ERROR_SHAPE, "would not fit"}, /* 2**120 elements */
    };
    const size_t two[] = {2}, dim[9] = {(size_t)1 << 40, (size_t)1 << 40, (size_t)1 << 40};
    weft_tape *t = weft_tape_new(NULL);
    weft_node seeds[] = {weft_input(t, "s", WEFT_I64, 0, NULL), weft_input(t, "s", WEFT_F64, 0, NULL), weft_input(t, "s", WEFT_I64, 1, two)};
    weft_node steps[] = {weft_input(t, "k", WEFT_F64, 0, NULL), weft_input(t, "k", WEFT_F32, 0, NULL), weft_input(t, "k", WEFT_F64, 1, two)};
    weft_mark mark = weft_tape_mark(t);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        weft_node y = (i % 2 ? weft_normal : weft_uniform)(seeds[bad[i].seed], steps[bad[i].step], 0, bad[i].dtype, bad[i].rank, dim);
        ck_assert(weft_node_failed(y));
        bool told = strstr(weft_tape_message(t), bad[i].word);
        ck_assert_msg(weft_tape_status(t) == bad[i].status && told, "case %zu: %s", i, weft_tape_message(t));
        weft_tape_rewind(t, mark);
    }
    ck_assert(weft_node_failed(weft_uniform(seeds[0], steps[0], 0, WEFT_F32, 1, NULL)));
    ck_assert_int_eq(weft_tape_status(t), WEFT_ERROR_SHAPE);
    weft_tape_rewind(t, mark);
    static const double rates[] = {-0.1, 1, 1.5, NAN, INFINITY};
    weft_node x = weft_input(t, "x", WEFT_F32, 1, two);
    mark = weft_tape_mark(t);
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        ck_assert(weft_node_failed(weft_dropout(x, rates[i], seeds[0], steps[0], 0)));
        ck_assert_int_eq(weft_tape_status(t), WEFT_ERROR_ARGUMENT);
        ck_assert_ptr_nonnull(strstr(weft_tape_message(t), "at least 0 and less than 1"));
        weft_tape_rewind(t, mark);
    }
    ck_assert(weft_node_failed(weft_dropout(seeds[2], 0.5, seeds[0], steps[0], 0)));
    ck_assert_int_eq(weft_tape_status(t), WEFT_ERROR_DTYPE);
    weft_tape_free(t);
}
END_TEST

START_TEST(bad_steps_end_the_run)
{
    static const double wrong[] = {-1, 0.5, 0x1p46, INFINITY, NAN};
    static const int64_t wrong_whole[] = {-1, INT64_C(1) << 46, INT64_MIN, INT64_MAX};
    weft_tape *t = weft_tape_new(NULL);
    weft_node seed = weft_scalar(t, WEFT_I64, 1), step[] = {weft_input(t, "k", WEFT_F64, 0, NULL), weft_input(t, "k", WEFT_I64, 0, NULL)};
    for (int whole = 0; whole < 2; whole++) {
        weft_node y = weft_uniform(seed, step[whole], 0, WEFT_F32, 1, (const size_t[]){3});
        weft_program *p = weft_compile(&y, 1);
        for (size_t i = 0; i < (whole ? 4 : 5); i++) {
            weft_bind(p, step[whole], whole ? (const void *)&wrong_whole[i] : (const void *)&wrong[i], 8);
            ck_assert_int_eq(weft_run(p), WEFT_ERROR_ARGUMENT);
            ck_assert_ptr_nonnull(strstr(weft_program_message(p), "0 to 2**46 - 1"));
        }
        weft_bind(p, step[whole], &(int64_t){0}, 8); /* 0 in either dtype */
        ck_assert_int_eq(weft_run(p), WEFT_OK);
        weft_program_free(p);
    }
    weft_tape_free(t);
}
END_TEST

/* --- dropout --- */

/* Of n elements that are dropped with probability p, a share of p is, with standard deviation sqrt(p (1 - p)/n); 5 of them as above. The gradient
 * of sum(y) is the weight itself. f32 and f64 drop the same. */
START_TEST(dropout_drops_as_many_as_it_says)
{
    static const double rates[] = {0, 0.1, 0.3, 0.5, 0.9, 0x1.fffffep-1};
    double rate = rates[_i], dropped = floor(rate * 0x1p24) / 0x1p24;
    enum { N = 200000 };
    weft_tape *t = weft_tape_new(NULL);
    weft_node seed = weft_scalar(t, WEFT_I64, 77), out[3], dx;
    out[2] = weft_dropout(weft_broadcast(weft_scalar(t, WEFT_F64, 1), 1, (const size_t[]){N}), rate, seed, seed, 4);
    weft_node x = weft_input(t, "x", WEFT_F32, 1, (const size_t[]){N});
    out[0] = weft_dropout(x, rate, seed, seed, 4);
    ck_assert_int_eq(weft_grad(weft_sum(out[0], WEFT_ALL_AXES, false), &x, 1, &dx), WEFT_OK);
    out[1] = dx;
    weft_program *p = weft_compile(out, 3);
    float *data = malloc(N * sizeof *data);
    for (size_t i = 0; i < N; i++)
        data[i] = (float)(i % 5 + 1);
    weft_bind(p, x, data, N * sizeof *data);
    ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
    const float *y = weft_output(p, 0), *weight = weft_output(p, 1);
    const double *wide = weft_output(p, 2);
    size_t gone = 0;
    for (size_t i = 0; i < N; i++) {
        bool drop = plain_uniform(77, 77, 4, i, false) < (long double)dropped;
        gone += drop;
        ck_assert_double_eq_tol((double)y[i], drop ? 0 : (double)data[i] / (1 - dropped), 2e-7 * (double)data[i] / (1 - dropped));
        ck_assert_double_le(fabs((double)weight[i] - wide[i]), 1e-7 * wide[i]);
        ck_assert((wide[i] == 0) == drop && (y[i] == 0) == drop);
    }
    ck_assert_double_le(fabs((double)gone - dropped * N), 5 * sqrt(dropped * (1 - dropped) * N));
    if (rate == 0)
        ck_assert(!memcmp(y, data, N * sizeof *data));
    free(data);
    weft_program_free(p);
    weft_tape_free(t);
}
END_TEST

START_TEST(a_rate_next_to_1_stays_finite)
{
    weft_tape *t = weft_tape_new(NULL);
    weft_node zero = weft_scalar(t, WEFT_I64, 0), x = weft_broadcast(weft_scalar(t, WEFT_F32, 1), 1, (const size_t[]){1000}), y;
    y = weft_dropout(x, nextafter(1, 0), zero, zero, 0);
    weft_program *p = weft_compile(&y, 1);
    ck_assert_int_eq(weft_run(p), WEFT_OK);
    for (int i = 0; i < 1000; i++)
        ck_assert(((const float *)weft_output(p, 0))[i] == 0 || ((const float *)weft_output(p, 0))[i] == 0x1p24f);
    weft_program_free(p);
    weft_tape_free(t);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("noise");
    TCase *elements = tcase_create("elements"), *random = tcase_create("random"), *programs = tcase_create("programs"), *errors = tcase_create("errors");
    tcase_set_timeout(random, 300);
    tcase_set_timeout(programs, 120);
    tcase_set_timeout(elements, 60);
    tcase_add_loop_test(elements, philox_gives_the_published_answers, 0, 3);
    tcase_add_test(elements, the_first_numbers_are_the_published_ones);
    tcase_add_loop_test(elements, every_element_is_that_of_the_formula, 0, DRAWN);
    tcase_add_loop_test(random, uniform_numbers_are_uniform, 0, 3);
    tcase_add_loop_test(random, normal_numbers_are_normal, 0, 3);
    tcase_add_test(random, wrong_distributions_are_noticed);
    tcase_add_test(random, noises_do_not_go_together);
    tcase_add_test(programs, noise_has_the_same_bits_everywhere);
    tcase_add_test(programs, a_step_that_is_assigned_gives_new_noise);
    tcase_add_test(programs, equal_noises_are_one);
    tcase_add_test(programs, no_derivative_passes);
    tcase_add_loop_test(programs, dropout_drops_as_many_as_it_says, 0, 6);
    tcase_add_test(programs, a_rate_next_to_1_stays_finite);
    tcase_add_test(errors, bad_operands_are_refused);
    tcase_add_test(errors, bad_steps_end_the_run);
    suite_add_tcase(suite, elements);
    suite_add_tcase(suite, random);
    suite_add_tcase(suite, programs);
    suite_add_tcase(suite, errors);
    return run_suite(suite);
}

/* test_fused_channels.c: fused groupnorm, batch normalization by given moments, log_softmax and gelu where it is hard: arrays without elements or
 * larger than the caches, roots that are 0, the tails of gelu. What is expected is computed here, in long double, or stands in weft.h. */
#include "tests/samples.h"
#include "tests/suite.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

static const weft_node none = {.tape = NULL};

/* Uniform numbers of -2 to 2 in that dtype; with malloc(). */
static void *numbers(weft_dtype dtype, size_t count, uint64_t *seed)
{
    void *x = malloc(count * weft_dtype_size(dtype) + 1);
    for (size_t i = 0; i < count; i++) {
        double v = 4 * draw_uniform(seed) - 2;
        if (dtype == WEFT_F32)
            ((float *)x)[i] = (float)v;
        else
            ((double *)x)[i] = v;
    }
    return x;
}

static double element(weft_dtype dtype, const void *x, size_t i)
{
    return dtype == WEFT_F32 ? (double)((const float *)x)[i] : ((const double *)x)[i];
}

/* --- nothing, and roots of 0 --- */

/* No samples, no channels, or channels of nothing: sums of nothing are 0. */
START_TEST(nothing_is_normalised)
{
    static const size_t dim[][3] = {{0, 4, 3}, {2, 0, 3}, {2, 4, 0}, {0, 4, 1}, {0, 0, 0}};
    const size_t *d = dim[_i % 5], groups = d[1] && _i / 5 ? 2 : 1;
    weft_tape *t = weft_tape_new(NULL);
    weft_node x = weft_input(t, "x", WEFT_F32, 3, d), c = weft_input(t, "c", WEFT_F32, 1, &d[1]), zero = weft_full_like(x, 0), out[10];
    const weft_batchnorm_options o = {.axis = 1, .mode = WEFT_BATCHNORM_EVALUATION, .eps = 1e-5, .gamma = c, .beta = c, .running_mean = c,
                                      .running_variance = c, .relu = _i / 5};
    out[0] = weft_fused_groupnorm(x, groups, c, c, 1e-5);
    weft_vjp(&out[0], &zero, 1, (const weft_node[]){x, c}, 2, &out[1]);
    out[3] = weft_fused_batchnorm_with(x, &o, NULL, NULL);
    weft_vjp(&out[3], &zero, 1, (const weft_node[]){x, c}, 2, &out[4]);
    out[6] = weft_fused_gelu(x);
    weft_vjp(&out[6], &zero, 1, &x, 1, &out[7]);
    out[8] = weft_fused_log_softmax(x, d[2] ? 2 : d[1] ? 1 : 0);
    weft_vjp(&out[8], &zero, 1, &x, 1, &out[9]);
    size_t n = weft_node_failed(out[8]) ? 8 : 10; /* along an axis of nothing it is refused */
    const float ones[] = {1, 1, 1, 1};
    const weft_binding in[] = {{x, ones, 0}, {c, ones, d[1] * sizeof *ones}};
    ck_assert_int_eq(n == 8, !d[0] && !d[1] && !d[2]);
    if (n == 10) {
        weft_program *p = run_outputs(out, n, in, 2, test_way());
        for (size_t j = 0; j < d[1]; j++) {
            ck_assert_float_eq(((const float *)weft_output(p, 2))[j], 0);
            ck_assert_float_eq(((const float *)weft_output(p, 5))[j], 0);
        }
        weft_program_free(p);
    }
    weft_tape_free(t);
}
END_TEST

/* Constant groups with eps 0, and variances of 0: y = beta and no gradient; the other group, or channel, is as it should be. */
START_TEST(a_root_of_zero_gives_no_gradient)
{
    enum { HALF = 12 };
    double x_data[2 * HALF], dy_data[2 * HALF];
    const double variance_data[] = {0, 4};
    const size_t dim[] = {1, 2, HALF}, two = 2;
    for (size_t i = 0; i < 2 * HALF; i++) {
        x_data[i] = i < HALF ? 7 : (double)(i % 5);
        dy_data[i] = (double)(i % 3) - 0.5;
    }
    weft_tape *t = weft_tape_new(NULL);
    weft_node x = weft_input(t, "x", WEFT_F64, 3, dim), dy = weft_input(t, "dy", WEFT_F64, 3, dim), out[2];
    weft_node beta = weft_broadcast(weft_scalar(t, WEFT_F64, 0.25), 1, &two), variance = weft_constant(t, WEFT_F64, 1, &two, variance_data);
    const weft_batchnorm_options o = {.axis = 1, .mode = _i == 1 ? WEFT_BATCHNORM_EVALUATION : WEFT_BATCHNORM_FROZEN, .beta = beta,
                                      .running_mean = beta, .running_variance = variance};
    out[0] = _i ? weft_fused_batchnorm_with(x, &o, NULL, NULL) : weft_fused_groupnorm(x, 2, none, beta, 0);
    weft_vjp(out, &dy, 1, &x, 1, out + 1);
    const weft_binding in[] = {{x, x_data, sizeof x_data}, {dy, dy_data, sizeof dy_data}};
    weft_program *p = run_outputs(out, 2, in, 2, test_way());
    const double *y = weft_output(p, 0), *dx = weft_output(p, 1);
    for (size_t i = 0; i < HALF; i++) {
        ck_assert_double_eq(y[i], 0.25);
        ck_assert_double_eq(dx[i], 0);
        ck_assert(isfinite(y[HALF + i]) && isfinite(dx[HALF + i]) && (!_i || dx[HALF + i] == dy_data[HALF + i] / 2)); /* 4**(-1/2) */
    }
    weft_program_free(p);
    weft_tape_free(t);
}
END_TEST

/* --- gelu in f32: the polynomial --- */

/* y is the number next to the exact one, or as near as 0.51 of their distance; dx is rounded once, from terms that may cancel. */
START_TEST(gelu_of_f32_is_rounded_once)
{
    enum { N = 200000 };
    float *x_data = malloc(N * sizeof *x_data);
    for (size_t i = 0; i < N; i++)
        x_data[i] = (float)(-15 + 30.0 * (double)i / N);
    weft_tape *t = weft_tape_new(NULL);
    weft_node x = weft_input(t, "x", WEFT_F32, 1, (const size_t[]){N}), ones = weft_full_like(x, 1), out[2] = {weft_fused_gelu(x)};
    weft_vjp(out, &ones, 1, &x, 1, out + 1);
    const weft_binding in = {x, x_data, N * sizeof *x_data};
    weft_program *p = run_outputs(out, 2, &in, 1, test_way());
    const float *y = weft_output(p, 0), *dx = weft_output(p, 1);
    for (size_t i = 0; i < N; i++) {
        long double a = (long double)x_data[i], below = erfcl(-a / sqrtl(2)) / 2, bump = a * expl(-a * a / 2) / sqrtl(2 * acosl(-1));
        long double right = a * below, slope = below + bump;
        double ulp = fmax(0x1p-149, ldexp(1, ilogb(fmax(fabs((double)right), (double)FLT_MIN)) - 23));
        double off = (double)fabsl((long double)y[i] - right), off_slope = (double)fabsl((long double)dx[i] - slope);
        ck_assert_msg(off <= 0.51 * ulp, "gelu(%.9g) is %.9g, not %.9Lg", (double)a, (double)y[i], right);
        ck_assert_msg(off_slope <= 0.51 * FLT_EPSILON * (double)fabsl(slope) + 1e-9 * (double)(below + fabsl(bump)) + 0x1p-149,
                      "its slope at %.9g is %.9g, not %.9Lg", (double)a, (double)dx[i], slope);
    }
    weft_program_free(p);
    weft_tape_free(t);
    free(x_data);
}
END_TEST

/* --- arrays so large that results go past the caches --- */

static const struct {
    weft_dtype dtype;
    size_t n, c, l;
} large[] = {{WEFT_F32, 70, 64, 1001}, {WEFT_F32, 1000, 4500, 1}, {WEFT_F32, 300007, 5, 3}, {WEFT_F64, 40, 60, 950}};

enum { GROUPNORM, EVALUATION, LOG_SOFTMAX, GELU, OPS };

/* Samples of rows here and there, held to the formulas in long double. gamma is 1.5, beta 0.25, the given mean 0.5 and variance 2. */
START_TEST(large_results_are_right)
{
    weft_dtype dtype = large[_i / OPS].dtype;
    const size_t dim[] = {large[_i / OPS].n, large[_i / OPS].c, large[_i / OPS].l}, count = dim[0] * dim[1] * dim[2], *c = &dim[1];
    int kind = _i % OPS;
    size_t groups = dim[1] % 4 ? 1 : 4, run = kind == GROUPNORM ? count / dim[0] / groups : kind == LOG_SOFTMAX ? (dim[2] > 1 ? dim[2] : dim[1]) : 1;
    double unit = dtype == WEFT_F32 ? 0x1p-24 : 0x1p-50;
    uint64_t seed = 3;
    void *x_data = numbers(dtype, count, &seed), *dy_data = numbers(dtype, count, &seed);
    weft_tape *t = weft_tape_new(NULL);
    weft_node x = weft_input(t, "x", dtype, 3, dim), dy = weft_input(t, "dy", dtype, 3, dim), out[2];
    weft_node gamma = weft_broadcast(weft_scalar(t, dtype, 1.5), 1, c), beta = weft_broadcast(weft_scalar(t, dtype, 0.25), 1, c);
    const weft_batchnorm_options o = {.axis = 1, .mode = WEFT_BATCHNORM_EVALUATION, .eps = 1e-5, .gamma = gamma, .beta = beta,
                                      .running_mean = weft_broadcast(weft_scalar(t, dtype, 0.5), 1, c),
                                      .running_variance = weft_broadcast(weft_scalar(t, dtype, 2), 1, c)};
    out[0] = kind == GROUPNORM    ? weft_fused_groupnorm(x, groups, gamma, beta, 1e-5)
             : kind == EVALUATION ? weft_fused_batchnorm_with(x, &o, NULL, NULL)
             : kind == GELU       ? weft_fused_gelu(x)
                                  : weft_fused_log_softmax(x, dim[2] > 1 ? 2 : 1);
    weft_vjp(out, &dy, 1, &x, 1, out + 1);
    const weft_binding in[] = {{x, x_data, count * weft_dtype_size(dtype)}, {dy, dy_data, count * weft_dtype_size(dtype)}};
    weft_program *p = run_outputs(out, 2, in, 2, test_way());
    size_t runs = count / run;
    for (size_t k = 0; k < runs; k += runs / 13 + 1 + k % 3) {
        long double mean = 0, square = 0, total = 0, sum = 0, dot = 0, n = (long double)run;
        const size_t first = k * run;
#define X(i) ((long double)element(dtype, x_data, first + i))
#define DY(i) ((long double)element(dtype, dy_data, first + i))
        for (size_t i = 0; i < run; i++)
            mean += X(i) / n;
        for (size_t i = 0; i < run; i++) {
            square += (X(i) - mean) * (X(i) - mean) / n;
            total += expl(X(i));
        }
        long double rstd = 1 / sqrtl((kind == EVALUATION ? 2 : square) + 1e-5L);
        for (size_t i = 0; i < run; i++) {
            sum += DY(i);
            dot += DY(i) * (X(i) - mean) * rstd;
        }
        for (size_t i = 0; i < run; i++) {
            long double xhat = (X(i) - (kind == EVALUATION ? 0.5L : mean)) * rstd, below = erfcl(-X(i) / sqrtl(2)) / 2, y, dx;
            switch (kind) {
            case GROUPNORM:
                y = 1.5L * xhat + 0.25L;
                dx = 1.5L * rstd * (DY(i) - (sum + xhat * dot) / n);
                break;
            case EVALUATION:
                y = 1.5L * xhat + 0.25L;
                dx = 1.5L * rstd * DY(i);
                break;
            case LOG_SOFTMAX:
                y = X(i) - logl(total);
                dx = DY(i) - expl(y) * sum;
                break;
            default:
                y = X(i) * below;
                dx = DY(i) * (below + X(i) * expl(-X(i) * X(i) / 2) / sqrtl(2 * acosl(-1)));
            }
            /* y is rounded once, below 16; so is dx, whose terms are below 8, and in log_softmax y's rounding is one of exp(y) sum dy, below 8 */
            double off_y = fabs((double)((long double)element(dtype, weft_output(p, 0), first + i) - y));
            double off_dx = fabs((double)((long double)element(dtype, weft_output(p, 1), first + i) - dx));
            ck_assert_msg(off_y <= 16 * unit, "y of run %zu, element %zu, is off by %g", k, i, off_y);
            ck_assert_msg(off_dx <= 64 * unit, "dx of run %zu, element %zu, is off by %g", k, i, off_dx);
        }
    }
    weft_program_free(p);
    weft_tape_free(t);
    free(x_data);
    free(dy_data);
}
END_TEST

/* --- what is refused --- */

START_TEST(what_does_not_fit_is_refused)
{
    weft_tape *t = weft_tape_new(NULL);
    weft_node x = weft_input(t, "x", WEFT_F64, 3, (size_t[]){2, 6, 4}), g = weft_input(t, "g", WEFT_F64, 1, (size_t[]){6});
    weft_node narrow = weft_input(t, "narrow", WEFT_F32, 1, (size_t[]){6}), index = weft_input(t, "i", WEFT_I64, 3, (size_t[]){2, 6, 4});
    weft_node row = weft_input(t, "row", WEFT_F64, 1, (size_t[]){4}), point = weft_input(t, "point", WEFT_F64, 3, (size_t[]){2, 6, 1});
    weft_node nothing = weft_input(t, "nothing", WEFT_F64, 2, (size_t[]){2, 0});
    weft_mark mark = weft_tape_mark(t);
#define REFUSED(call, status, words)                                                                                                       \
    ck_assert(weft_node_failed(call));                                                                                                     \
    ck_assert_int_eq(weft_tape_status(t), status);                                                                                         \
    ck_assert_msg(strstr(weft_tape_message(t), words), "%s", weft_tape_message(t));                                                        \
    weft_tape_rewind(t, mark)
    REFUSED(weft_fused_groupnorm(x, 4, g, g, 1e-5), WEFT_ERROR_ARGUMENT, "6 channels cannot be cut into 4 groups");
    REFUSED(weft_fused_groupnorm(x, 0, g, g, 1e-5), WEFT_ERROR_ARGUMENT, "fused_groupnorm");
    REFUSED(weft_fused_groupnorm(x, 2, row, g, 1e-5), WEFT_ERROR_SHAPE, "gamma and beta (C)");
    REFUSED(weft_fused_groupnorm(row, 1, none, none, 1e-5), WEFT_ERROR_SHAPE, "x must be (N, C, ...)");
    REFUSED(weft_fused_groupnorm(x, 2, narrow, none, 1e-5), WEFT_ERROR_DTYPE, "");
    REFUSED(weft_fused_groupnorm(index, 2, none, none, 1e-5), WEFT_ERROR_DTYPE, "");
    REFUSED(weft_fused_groupnorm(x, 2, g, g, -1), WEFT_ERROR_ARGUMENT, "eps is -1");
    REFUSED(weft_fused_instancenorm(point, none, none, 1e-5), WEFT_ERROR_SHAPE, "is its own mean");
    REFUSED(weft_fused_gelu(index), WEFT_ERROR_DTYPE, "f32 or f64");
    REFUSED(weft_fused_log_softmax(x, 3), WEFT_ERROR_SHAPE, "axis is 3");
    REFUSED(weft_fused_log_softmax(nothing, 1), WEFT_ERROR_SHAPE, "empty");
    weft_tape_free(t);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fused_channels");
    TCase *hard = tcase_create("hard");
    tcase_set_timeout(hard, 120);
    tcase_add_loop_test(hard, nothing_is_normalised, 0, 10);
    tcase_add_loop_test(hard, a_root_of_zero_gives_no_gradient, 0, 3);
    tcase_add_test(hard, gelu_of_f32_is_rounded_once);
    tcase_add_loop_test(hard, large_results_are_right, 0, OPS * (int)(sizeof large / sizeof *large));
    tcase_add_test(hard, what_does_not_fit_is_refused);
    suite_add_tcase(suite, hard);
    return run_suite(suite);
}

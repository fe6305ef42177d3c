/* test_fused_rows.c: fused ops along one axis where it is hard: f32 rows that make other engines lose everything, roots that are 0, arrays without
 * elements, arrays larger than the caches. What is expected is computed here, in long double, or stands in weft.h. */
#include "tests/samples.h"
#include "tests/suite.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

/* --- rows that are traps --- */

enum { ROWS = 3, MOST_LENGTH = 100000 };

static float offset(size_t i, double to, double scale, uint64_t *seed)
{
    (void)i;
    return (float)(to + scale * draw_normal(seed));
}

static const struct {
    const char *name;
    size_t length;
    double to, scale, eps;
    bool outlier;    /* 1e6 in place of element 700 */
    bool fused_only; /* the staged formula squares out of the range of f32 there, by its own definition */
} traps[] = {
    {"100 + 0.01 normal, eps 1e-12", 1000, 100, 0.01, 1e-12, false, false},
    {"1e4 + normal", 1000, 1e4, 1, 1e-5, false, false},
    {"1e4 + normal, long", MOST_LENGTH, 1e4, 1, 1e-5, false, false},
    {"1e6 + normal", 1001, 1e6, 1, 1e-5, false, false},
    {"constant 0.1", 12345, 0.1, 0, 1e-5, false, false},
    {"constant 1e10", 9, 1e10, 0, 1e-5, false, false},
    {"constant 1e10, long", 12345, 1e10, 0, 1e-5, false, false},
    {"two elements", 2, 0, 1, 1e-5, false, false},
    {"an outlier", 1000, 0, 1, 1e-5, true, false},
    {"scale 1e20, eps 0", 1000, 0, 1e20, 0, false, true},
    {"scale 1e-30, eps 0", 1000, 0, 1e-30, 0, false, true},
};

/* The largest error of y, and of dx against the size that its terms have: what is left when they cancel is nothing but their rounding. */
static void largest_errors(size_t n, double eps, bool centred, const float *x, const float *dy, const float *y, const float *dx, double error[2])
{
    error[0] = error[1] = 0;
    for (size_t k = 0; k < ROWS; k++, x += n, dy += n, y += n, dx += n) {
        long double mean = 0, square = 0, sum = 0, dot = 0, largest = 0, count = (long double)n;
        for (size_t i = 0; centred && i < n; i++)
            mean += (long double)x[i];
        mean /= count;
        for (size_t i = 0; i < n; i++)
            square += ((long double)x[i] - mean) * ((long double)x[i] - mean) / count;
        long double rstd = 1 / sqrtl(square + (long double)eps);
        for (size_t i = 0; i < n; i++) {
            long double u = 1.5L * (long double)dy[i], xhat = ((long double)x[i] - mean) * rstd;
            sum += u;
            dot += u * xhat;
            largest = fmaxl(largest, fabsl(u) * (1 + fabsl(xhat)));
        }
        for (size_t i = 0; i < n; i++) {
            long double xhat = ((long double)x[i] - mean) * rstd, true_y = 1.5L * xhat + (centred ? 0.25L : 0);
            long double true_dx = rstd * (1.5L * (long double)dy[i] - (centred ? sum / count : 0) - xhat * dot / count);
            double off_y = fabs((double)((long double)y[i] - true_y)) / fmax(1, fabs((double)true_y));
            double off_dx = fabs((double)(((long double)dx[i] - true_dx) / (rstd * largest)));
            error[0] = off_y > error[0] || off_y != off_y ? off_y : error[0];
            error[1] = off_dx > error[1] || off_dx != off_dx ? off_dx : error[1];
        }
    }
}

enum { STAGED, REWRITTEN, COMPILED, FUSED, WAYS };
static const char *const way_name[WAYS] = {"staged", "rewritten", "compiled", "fused"};

static weft_node record_norm(bool fused, bool centred, weft_node x, weft_node gamma, weft_node beta, double eps)
{
    if (centred)
        return (fused ? weft_fused_layernorm : weft_layernorm)(x, gamma, beta, eps);
    return (fused ? weft_fused_rmsnorm : weft_rmsnorm)(x, gamma, eps);
}

START_TEST(f32_keeps_what_a_careful_person_would_keep)
{
    size_t t = (size_t)_i / 2, n = traps[t].length, count = ROWS * n;
    bool centred = _i % 2;
    float *x_data = malloc(count * sizeof *x_data), *dy_data = malloc(count * sizeof *dy_data);
    uint64_t seed = 11;
    for (size_t i = 0; i < count; i++) {
        x_data[i] = traps[t].outlier && i % n == 700 ? 1e6f : offset(i, traps[t].to, traps[t].scale, &seed);
        dy_data[i] = (float)(draw_uniform(&seed) - 0.5);
    }
    for (int way = traps[t].fused_only ? FUSED : STAGED; way < WAYS; way++) {
        weft_tape *tape = weft_tape_new(NULL);
        weft_node x = weft_input(tape, "x", WEFT_F32, 2, (size_t[]){ROWS, n}), dy = weft_input(tape, "dy", WEFT_F32, 2, (size_t[]){ROWS, n}), out[2];
        weft_node gamma = weft_broadcast(weft_scalar(tape, WEFT_F32, 1.5), 1, &n), beta = weft_broadcast(weft_scalar(tape, WEFT_F32, 0.25), 1, &n);
        out[0] = record_norm(way == FUSED, centred, x, gamma, beta, traps[t].eps);
        weft_vjp(out, &dy, 1, &x, 1, out + 1);
        weft_options options = test_way();
        options.rewriting = way == STAGED ? WEFT_REWRITE_NONE : WEFT_REWRITE_ALGEBRAIC;
        options.backend = way == COMPILED ? WEFT_BACKEND_C : WEFT_BACKEND_TILES;
        const weft_binding in[] = {{x, x_data, count * sizeof *x_data}, {dy, dy_data, count * sizeof *dy_data}};
        weft_program *p = run_outputs(out, 2, in, 2, options);
        double error[2];
        largest_errors(n, traps[t].eps, centred, x_data, dy_data, weft_output(p, 0), weft_output(p, 1), error);
        printf("%-30s %-9s %-9s y off by %.1e, dx by %.1e of its terms\n", traps[t].name, centred ? "layernorm" : "rmsnorm", way_name[way], error[0],
               error[1]);
        ck_assert_msg(error[0] <= 4e-6, "%s, %s: y is off by %g", traps[t].name, way_name[way], error[0]);
        ck_assert_msg(error[1] <= 4e-6, "%s, %s: dx is off by %g of its terms", traps[t].name, way_name[way], error[1]);
        weft_program_free(p);
        weft_tape_free(tape);
    }
    free(x_data);
    free(dy_data);
}
END_TEST

/* --- roots that are 0, and vectors of one element --- */

/* Constant rows and zeros with eps 0: weft.h promises y = beta, or 0, and no gradient; the other row is as it should be. */
START_TEST(a_root_of_zero_gives_no_gradient)
{
    enum { N = 40 };
    float x_data[2 * N], dy_data[2 * N];
    int kind = _i % 4, narrow = _i / 4; /* layernorm, rmsnorm, l2 along rows, l2 along columns */
    double wide_x[2 * N], wide_dy[2 * N];
    for (size_t i = 0; i < 2 * N; i++) {
        bool second = kind == 3 ? i % 2 : i >= N;
        x_data[i] = second ? (float)(i % 5 + 1) : kind == 0 ? 7 : 0;
        dy_data[i] = (float)(i % 3) - 0.5f;
        wide_x[i] = (double)x_data[i];
        wide_dy[i] = (double)dy_data[i];
    }
    weft_dtype dtype = narrow ? WEFT_F32 : WEFT_F64;
    const size_t dim[] = {kind == 3 ? N : 2, kind == 3 ? 2 : N};
    weft_tape *t = weft_tape_new(NULL);
    weft_node x = weft_input(t, "x", dtype, 2, dim), dy = weft_input(t, "dy", dtype, 2, dim), out[2];
    weft_node gamma = weft_broadcast(weft_scalar(t, dtype, 2), 1, &dim[1]), beta = weft_broadcast(weft_scalar(t, dtype, 0.25), 1, &dim[1]);
    out[0] = kind < 2 ? record_norm(true, kind == 0, x, gamma, beta, 0) : weft_fused_l2_normalize(x, kind == 3 ? 0 : 1, 0);
    weft_vjp(out, &dy, 1, &x, 1, out + 1);
    const weft_binding in[] = {{x, narrow ? (void *)x_data : (void *)wide_x, 2 * N * weft_dtype_size(dtype)},
                               {dy, narrow ? (void *)dy_data : (void *)wide_dy, 2 * N * weft_dtype_size(dtype)}};
    weft_program *p = run_outputs(out, 2, in, 2, test_way());
    int passed = 0;
    for (size_t i = 0; i < 2 * N; i++) {
        bool second = kind == 3 ? i % 2 : i >= N;
        double y = narrow ? (double)((const float *)weft_output(p, 0))[i] : ((const double *)weft_output(p, 0))[i];
        double dx = narrow ? (double)((const float *)weft_output(p, 1))[i] : ((const double *)weft_output(p, 1))[i];
        ck_assert(isfinite(y) && isfinite(dx));
        ck_assert_msg(second || (y == (kind == 0 ? 0.25 : 0) && dx == 0), "kind %d, element %zu: y is %g, dx %g", kind, i, y, dx);
        passed += second && dx != 0;
    }
    ck_assert_int_gt(passed, N / 2);
    weft_program_free(p);
    weft_tape_free(t);
}
END_TEST

/* A row of one element is its own mean. */
START_TEST(one_element_is_beta)
{
    const float x_data[] = {3, -1e10f, 0}, dy_data[] = {1, 2, 3};
    weft_tape *t = weft_tape_new(NULL);
    weft_node x = weft_input(t, "x", WEFT_F32, 2, (size_t[]){3, 1}), dy = weft_input(t, "dy", WEFT_F32, 2, (size_t[]){3, 1}), dx[3], out[5];
    weft_node gamma = weft_broadcast(weft_scalar(t, WEFT_F32, 2), 1, (size_t[]){1}), beta = weft_full_like(gamma, 0.25);
    out[0] = weft_fused_layernorm(x, gamma, beta, _i ? 0 : 1e-5);
    weft_vjp(out, &dy, 1, (const weft_node[]){x, gamma, beta}, 3, dx);
    memcpy(out + 1, dx, sizeof dx);
    out[4] = weft_fused_softmax(x, -1);
    const weft_binding in[] = {{x, x_data, sizeof x_data}, {dy, dy_data, sizeof dy_data}};
    weft_program *p = run_outputs(out, 5, in, 2, test_way());
    for (size_t i = 0; i < 3; i++) {
        ck_assert_float_eq(((const float *)weft_output(p, 0))[i], 0.25f);
        ck_assert_float_eq(((const float *)weft_output(p, 1))[i], 0);
        ck_assert_float_eq(((const float *)weft_output(p, 4))[i], 1);
    }
    ck_assert_float_eq(*(const float *)weft_output(p, 2), 0);
    ck_assert_float_eq(*(const float *)weft_output(p, 3), 6);
    weft_program_free(p);
    weft_tape_free(t);
}
END_TEST

/* --- builders refuse what does not fit, and empty arrays are none of that --- */

START_TEST(what_does_not_fit_is_refused)
{
    weft_tape *t = weft_tape_new(NULL);
    weft_node x = weft_input(t, "x", WEFT_F64, 2, (size_t[]){2, 3}), narrow = weft_input(t, "narrow", WEFT_F32, 1, (size_t[]){3});
    weft_node g = weft_input(t, "g", WEFT_F64, 1, (size_t[]){3}), index = weft_input(t, "i", WEFT_I64, 2, (size_t[]){2, 3});
    weft_node none = weft_input(t, "none", WEFT_F64, 2, (size_t[]){2, 0}), label = weft_input(t, "label", WEFT_I64, 1, (size_t[]){2});
    weft_mark mark = weft_tape_mark(t);
#define REFUSED(call, status)                                                                                                              \
    ck_assert(weft_node_failed(call));                                                                                                     \
    ck_assert_int_eq(weft_tape_status(t), status);                                                                                         \
    weft_tape_rewind(t, mark)
    REFUSED(weft_fused_layernorm(x, x, g, 1e-5), WEFT_ERROR_SHAPE);
    REFUSED(weft_fused_layernorm(x, g, g, -1), WEFT_ERROR_ARGUMENT);
    REFUSED(weft_fused_layernorm(x, narrow, g, 1e-5), WEFT_ERROR_DTYPE);
    REFUSED(weft_fused_rmsnorm(index, g, 1e-5), WEFT_ERROR_DTYPE);
    REFUSED(weft_fused_rmsnorm(x, g, NAN), WEFT_ERROR_ARGUMENT);
    REFUSED(weft_fused_l2_normalize(x, 2, 1e-5), WEFT_ERROR_SHAPE);
    REFUSED(weft_fused_l2_normalize(index, 0, 1e-5), WEFT_ERROR_DTYPE);
    REFUSED(weft_fused_softmax(x, -3), WEFT_ERROR_SHAPE);
    REFUSED(weft_fused_softmax(none, 1), WEFT_ERROR_SHAPE);
    REFUSED(weft_fused_softmax(index, 1), WEFT_ERROR_DTYPE);
    REFUSED(weft_fused_softmax_cross_entropy(x, g), WEFT_ERROR_DTYPE);
    REFUSED(weft_fused_softmax_cross_entropy(none, label), WEFT_ERROR_SHAPE);
    ck_assert(!weft_node_failed(weft_fused_softmax(none, 0)));
    weft_tape_free(t);
}
END_TEST

/* No rows, or rows of nothing: sums of nothing are 0. */
START_TEST(nothing_is_normalised)
{
    const size_t dim[] = {_i ? 2 : 0, _i ? 0 : 3};
    const float ones[] = {1, 1, 1};
    weft_tape *t = weft_tape_new(NULL);
    weft_node x = weft_input(t, "x", WEFT_F32, 2, dim), gamma = weft_input(t, "gamma", WEFT_F32, 1, &dim[1]), out[10], zero = weft_full_like(x, 0);
    out[0] = weft_fused_layernorm(x, gamma, gamma, 1e-5);
    weft_vjp(&out[0], &zero, 1, (const weft_node[]){x, gamma}, 2, &out[1]);
    out[3] = weft_fused_rmsnorm(x, gamma, 1e-5);
    weft_vjp(&out[3], &zero, 1, (const weft_node[]){x, gamma}, 2, &out[4]);
    out[6] = weft_fused_l2_normalize(x, 1, 1e-5);
    weft_vjp(&out[6], &zero, 1, &x, 1, &out[7]);
    out[8] = weft_fused_softmax(x, _i ? 0 : 1);
    weft_vjp(&out[8], &zero, 1, &x, 1, &out[9]);
    const weft_binding in[] = {{x, ones, 0}, {gamma, ones, dim[1] * sizeof *ones}};
    weft_program *p = run_outputs(out, 10, in, 2, test_way());
    for (size_t j = 0; j < dim[1]; j++) {
        ck_assert_float_eq(((const float *)weft_output(p, 2))[j], 0);
        ck_assert_float_eq(((const float *)weft_output(p, 5))[j], 0);
    }
    weft_program_free(p);
    weft_tape_free(t);
}
END_TEST

/* --- arrays so large that results go past the caches, in rows that do and do not begin on a cache line --- */

static const struct {
    weft_dtype dtype;
    size_t n, d;
} large[] = {{WEFT_F32, 70001, 64}, {WEFT_F32, 8407, 501}, {WEFT_F32, 1400003, 3}, {WEFT_F32, 1001, 4999}, {WEFT_F64, 22003, 100}};

/* Elements in the middle of the array, or at its end, held to the formulas in long double. */
START_TEST(large_results_are_right)
{
    weft_dtype dtype = large[_i / 3].dtype;
    size_t n = large[_i / 3].n, d = large[_i / 3].d, count = n * d;
    int kind = _i % 3; /* layernorm, l2_normalize, softmax */
    double unit = dtype == WEFT_F32 ? 0x1p-24 : 0x1p-50;
    uint64_t seed = 3;
    void *data[2];
    for (int k = 0; k < 2; k++) {
        data[k] = malloc(count * weft_dtype_size(dtype));
        for (size_t i = 0; i < count; i++) {
            double v = 3.4 * draw_uniform(&seed) - 1.7;
            if (dtype == WEFT_F32)
                ((float *)data[k])[i] = (float)v;
            else
                ((double *)data[k])[i] = v;
        }
    }
    weft_tape *t = weft_tape_new(NULL);
    weft_node x = weft_input(t, "x", dtype, 2, (size_t[]){n, d}), dy = weft_input(t, "dy", dtype, 2, (size_t[]){n, d}), out[2];
    weft_node gamma = weft_broadcast(weft_scalar(t, dtype, 1.5), 1, &d), beta = weft_broadcast(weft_scalar(t, dtype, 0.25), 1, &d);
    out[0] = kind == 0 ? weft_fused_layernorm(x, gamma, beta, 1e-5) : kind == 1 ? weft_fused_l2_normalize(x, 1, 1e-5) : weft_fused_softmax(x, 1);
    weft_vjp(out, &dy, 1, &x, 1, out + 1);
    const weft_binding in[] = {{x, data[0], count * weft_dtype_size(dtype)}, {dy, data[1], count * weft_dtype_size(dtype)}};
    weft_program *p = run_outputs(out, 2, in, 2, test_way());
    const void *arrays[] = {data[0], data[1], weft_output(p, 0), weft_output(p, 1)};
#define AT(k, i) ((long double)(dtype == WEFT_F32 ? (double)((const float *)arrays[k])[i] : ((const double *)arrays[k])[i]))
    for (size_t r = 0; r < n; r += r + n / 13 + 1 < n ? n / 13 + 1 : n - r - 1 ? n - r - 1 : 1) {
        long double mean = 0, square = 0, most = -INFINITY, total = 0, sum = 0, dot = 0;
        for (size_t i = r * d; i < (r + 1) * d; i++) {
            mean += kind == 0 ? AT(0, i) / (long double)d : 0;
            most = fmaxl(most, AT(0, i));
        }
        for (size_t i = r * d; i < (r + 1) * d; i++) {
            square += (AT(0, i) - mean) * (AT(0, i) - mean);
            total += expl(AT(0, i) - most);
        }
        long double rstd = 1 / sqrtl((kind == 0 ? square / (long double)d : square) + 1e-5L);
        for (size_t i = r * d; i < (r + 1) * d; i++) {
            sum += AT(1, i);
            dot += AT(1, i) * (kind == 2 ? expl(AT(0, i) - most) / total : (AT(0, i) - mean) * rstd);
        }
        for (size_t i = r * d; i < (r + 1) * d; i++) {
            long double xhat = kind == 2 ? expl(AT(0, i) - most) / total : (AT(0, i) - mean) * rstd, y = kind == 0 ? 1.5L * xhat + 0.25L : xhat, dx;
            if (kind == 0)
                dx = 1.5L * rstd * (AT(1, i) - (sum + xhat * dot) / (long double)d);
            else
                dx = kind == 1 ? rstd * (AT(1, i) - xhat * dot) : xhat * (AT(1, i) - dot);
            /* y and the terms of dx are rounded at most thrice; with three elements rstd may be large, and is a factor of dx */
            double size = fmax(8, 8 * (double)(rstd * rstd)), off_y = fabs((double)(AT(2, i) - y)), off_dx = fabs((double)(AT(3, i) - dx));
            ck_assert_msg(off_y <= 8 * unit, "y of row %zu, element %zu, is off by %g", r, i % d, off_y);
            ck_assert_msg(off_dx <= size * unit, "dx of row %zu, element %zu, is off by %g", r, i % d, off_dx);
        }
    }
    weft_program_free(p);
    weft_tape_free(t);
    free(data[0]);
    free(data[1]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fused_rows");
    TCase *hard = tcase_create("hard");
    tcase_set_timeout(hard, 120);
    tcase_add_loop_test(hard, f32_keeps_what_a_careful_person_would_keep, 0, 2 * (int)(sizeof traps / sizeof *traps));
    tcase_add_loop_test(hard, a_root_of_zero_gives_no_gradient, 0, 8);
    tcase_add_loop_test(hard, one_element_is_beta, 0, 2);
    tcase_add_test(hard, what_does_not_fit_is_refused);
    tcase_add_loop_test(hard, nothing_is_normalised, 0, 2);
    tcase_add_loop_test(hard, large_results_are_right, 0, 3 * (int)(sizeof large / sizeof *large));
    suite_add_tcase(suite, hard);
    return run_suite(suite);
}

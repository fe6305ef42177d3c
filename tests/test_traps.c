/* test_traps.c: f32 inputs that make other engines lose everything, each compared with the f64 answer for the same f32 numbers.
 * The f64 answer is computed here, by hand, in long double; the table is that of the design's chapter on numbers. */
#include "tests/samples.h"
#include "tests/suite.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>


typedef struct trap {
    const char *name;
    size_t n, d;
    double eps;
    float (*value)(size_t row, uint64_t *seed);
    bool fused_only;     /* the staged formula squares out of the range of f32 there, by its own definition */
    size_t plane;        /* not 0: of shape (n / plane, d, plane) instead of (n, d) */
} trap;

static float offset_100(size_t row, uint64_t *seed)
{
    (void)row;
    return (float)(100 + 0.01 * draw_normal(seed));
}

static float offset_1e4(size_t row, uint64_t *seed)
{
    (void)row;
    return (float)(1e4 + draw_normal(seed));
}

static float offset_1e6(size_t row, uint64_t *seed)
{
    (void)row;
    return (float)(1e6 + draw_normal(seed));
}

static float constant_tenth(size_t row, uint64_t *seed)
{
    (void)row, (void)seed;
    return 0.1f;
}

static float constant_100(size_t row, uint64_t *seed)
{
    (void)row, (void)seed;
    return 100;
}

static float constant_1e10(size_t row, uint64_t *seed)
{
    (void)row, (void)seed;
    return 1e10f;
}

static float one(size_t row, uint64_t *seed)
{
    (void)row, (void)seed;
    return 1;
}

static float uniform(size_t row, uint64_t *seed)
{
    (void)row;
    return (float)draw_uniform(seed);
}

static float normal(size_t row, uint64_t *seed)
{
    (void)row;
    return (float)draw_normal(seed);
}

static float outlier(size_t row, uint64_t *seed)
{
    return row == 0 ? 1e6f : (float)draw_normal(seed);
}

static float late_outlier(size_t row, uint64_t *seed)
{
    return row == 700 ? 1e6f : (float)draw_normal(seed);
}

static float huge(size_t row, uint64_t *seed)
{
    (void)row;
    return (float)(1e20 * draw_normal(seed));
}

static float tiny(size_t row, uint64_t *seed)
{
    (void)row;
    return (float)(1e-30 * draw_normal(seed));
}

static const trap traps[] = {
    {"100 + 0.01 normal", 1000, 4, 1e-5, offset_100, false, 0},
    {"100 + 0.01 normal, eps 1e-12", 1000, 4, 1e-12, offset_100, false, 0},
    {"1e4 + normal", 1000, 4, 1e-5, offset_1e4, false, 0},
    {"1e4 + normal, many rows", 100000, 3, 1e-5, offset_1e4, false, 0},
    {"1e6 + normal", 1000, 4, 1e-5, offset_1e6, false, 0},
    {"constant 0.1", 1000003, 1, 1e-5, constant_tenth, false, 0},
    {"constant 100", 9, 3, 1e-5, constant_100, false, 0},
    {"constant 1e10", 9, 3, 1e-5, constant_1e10, false, 0},
    {"constant 1e10, many rows", 12345, 2, 1e-5, constant_1e10, false, 0},
    {"ones, N = 3e7", 30000000, 1, 1e-5, one, false, 0},
    {"constant 1e10, N = 2**24 + 1", 16777217, 1, 1e-5, constant_1e10, false, 0}, /* an N that f32 does not hold */
    {"uniform, N = 1e7", 10000000, 1, 1e-5, uniform, false, 0},
    {"N = 2", 2, 64, 1e-5, normal, false, 0},
    {"one row of 1e6 first", 1000, 4, 1e-5, outlier, false, 0},
    {"one row of 1e6 later", 1000, 4, 1e-5, late_outlier, false, 0},
    {"scale 1e20, eps 0", 1000, 4, 0, huge, true, 0},
    {"scale 1e-30, eps 0", 1000, 4, 0, tiny, true, 0},
    {"planes of 100 + 0.01 normal", 1000, 4, 1e-12, offset_100, false, 40},
    {"planes of 1e4 + normal", 100000, 3, 1e-5, offset_1e4, false, 10000},
    {"planes of 1e6 + normal", 1000, 4, 1e-5, offset_1e6, false, 125},
    {"planes of constant 0.1", 100035, 2, 1e-5, constant_tenth, false, 15},
    {"planes of constant 1e10", 12345, 2, 1e-5, constant_1e10, false, 823},
    {"planes, 1e6 first", 1000, 4, 1e-5, outlier, false, 100},
    {"planes, 1e6 later", 1000, 4, 1e-5, late_outlier, false, 100},
    {"planes, scale 1e20, eps 0", 1000, 4, 0, huge, true, 100},
    {"planes, scale 1e-30, eps 0", 1000, 4, 0, tiny, true, 100},
};

/* Where row i of column j lies. */
static size_t at(const trap *c, size_t i, size_t j)
{
    return c->plane ? (i / c->plane * c->d + j) * c->plane + i % c->plane : i * c->d + j;
}

/* mean and rstd of a column, in long double and two passes. */
static void moments(const float *h, const trap *c, size_t column, long double *mean, long double *rstd)
{
    long double sum = 0, square = 0;
    for (size_t i = 0; i < c->n; i++)
        sum += (long double)h[at(c, i, column)];
    *mean = sum / (long double)c->n;
    for (size_t i = 0; i < c->n; i++) {
        long double off = (long double)h[at(c, i, column)] - *mean;
        square += off * off;
    }
    *rstd = 1 / sqrtl(square / (long double)c->n + (long double)c->eps);
}

/* The largest error of y, and of dh against the size that its three terms have: what is left when they cancel may be nothing but their
 * rounding, and is not well conditioned. */
static void largest_errors(const trap *c, const float *h, const float *dy, const float *y, const float *dh, double *y_error, double *dh_error)
{
    *y_error = *dh_error = 0;
    for (size_t j = 0; j < c->d; j++) {
        long double mean, rstd, sum = 0, dot = 0, largest = 0;
        moments(h, c, j, &mean, &rstd);
        for (size_t i = 0; i < c->n; i++) {
            long double g = (long double)dy[at(c, i, j)], hhat = ((long double)h[at(c, i, j)] - mean) * rstd;
            sum += g;
            dot += g * hhat;
            largest = fmaxl(largest, fabsl(g) * (1 + fabsl(hhat)));
        }
        for (size_t i = 0; i < c->n; i++) {
            size_t k = at(c, i, j);
            long double hhat = ((long double)h[k] - mean) * rstd, true_y = 1.5L * hhat + 0.25L;
            long double true_dh = 1.5L * rstd * ((long double)dy[k] - sum / (long double)c->n - hhat * dot / (long double)c->n);
            double off_y = fabs((double)((long double)y[k] - true_y)) / fmax(1, fabs((double)true_y));
            double off_dh = fabs((double)(((long double)dh[k] - true_dh) / (1.5L * rstd * largest)));
            *y_error = off_y > *y_error || off_y != off_y ? off_y : *y_error;
            *dh_error = off_dh > *dh_error || off_dh != off_dh ? off_dh : *dh_error;
        }
    }
}

enum { STAGED, REWRITTEN, COMPILED, FUSED, WAYS };
static const char *const way_name[WAYS] = {"staged", "rewritten", "compiled", "fused"};

static void run(const trap *c, int way, const float *h_data, const float *dy_data, double *y_error, double *dh_error)
{
    weft_tape *t = weft_tape_new(NULL);
    const size_t dim[] = {c->plane ? c->n / c->plane : c->n, c->d, c->plane};
    int rank = c->plane ? 3 : 2;
    weft_node h = weft_input(t, "h", WEFT_F32, rank, dim), dy = weft_input(t, "dy", WEFT_F32, rank, dim);
    weft_node gamma = weft_broadcast(weft_scalar(t, WEFT_F32, 1.5), 1, &c->d), beta = weft_broadcast(weft_scalar(t, WEFT_F32, 0.25), 1, &c->d);
    weft_node out[2];
    out[0] = way == FUSED ? weft_fused_batchnorm(h, gamma, beta, c->eps) : weft_batchnorm(h, gamma, beta, c->eps);
    weft_vjp(out, &dy, 1, &h, 1, out + 1);
    weft_options options = test_way();
    options.rewriting = way == STAGED ? WEFT_REWRITE_NONE : WEFT_REWRITE_ALGEBRAIC;
    options.backend = way == COMPILED ? WEFT_BACKEND_C : WEFT_BACKEND_TILES;
    weft_program *p = weft_compile_with(out, 2, &options);
    weft_bind(p, h, h_data, c->n * c->d * sizeof *h_data);
    weft_bind(p, dy, dy_data, c->n * c->d * sizeof *dy_data);
    ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
    largest_errors(c, h_data, dy_data, weft_output(p, 0), weft_output(p, 1), y_error, dh_error);
    weft_program_free(p);
    weft_tape_free(t);
}

START_TEST(f32_keeps_what_a_careful_person_would_keep)
{
    const trap *c = &traps[_i];
    size_t count = c->n * c->d;
    float *h = malloc(count * sizeof *h), *dy = malloc(count * sizeof *dy);
    uint64_t seed = 11;
    for (size_t i = 0; i < count; i++)
        h[at(c, i / c->d, i % c->d)] = c->value(i / c->d, &seed);
    for (size_t i = 0; i < count; i++)
        dy[i] = (float)(draw_uniform(&seed) - 0.5);
    for (int way = c->fused_only ? FUSED : STAGED; way < WAYS; way++) {
        double y_error, dh_error;
        run(c, way, h, dy, &y_error, &dh_error);
        printf("%-32s %-9s y off by %.1e, dh by %.1e of its terms\n", c->name, way_name[way], y_error, dh_error);
        ck_assert_msg(y_error <= 4e-6, "%s, %s: y is off by %g", c->name, way_name[way], y_error);
        ck_assert_msg(dh_error <= 4e-6, "%s, %s: dh is off by %g of its terms", c->name, way_name[way], dh_error);
    }
    free(h);
    free(dy);
}
END_TEST

/* f64 at an offset where y = alpha x + beta' would cancel: input spacing is 1.5e-8, values 1e8 +- 1e-3. */
START_TEST(f64_centres_before_it_scales)
{
    enum { ROWS = 1000 };
    static double h[ROWS];
    uint64_t seed = 4;
    long double mean = 0, square = 0;
    for (size_t i = 0; i < ROWS; i++)
        mean += (long double)(h[i] = 1e8 + 1e-3 * draw_normal(&seed)) / ROWS;
    for (size_t i = 0; i < ROWS; i++)
        square += ((long double)h[i] - mean) * ((long double)h[i] - mean) / ROWS;
    for (int fused = 0; fused < 2; fused++) {
        weft_tape *t = weft_tape_new(NULL);
        weft_node x = weft_input(t, "h", WEFT_F64, 2, (size_t[]){ROWS, 1});
        weft_node gamma = weft_broadcast(weft_scalar(t, WEFT_F64, 1), 1, (size_t[]){1}), beta = weft_full_like(gamma, 0);
        weft_node y = fused ? weft_fused_batchnorm(x, gamma, beta, 1e-12) : weft_batchnorm(x, gamma, beta, 1e-12);
        weft_program *p = weft_compile(&y, 1);
        weft_bind(p, x, h, sizeof h);
        ck_assert_int_eq(weft_run(p), WEFT_OK);
        for (size_t i = 0; i < ROWS; i++) {
            double expected = (double)(((long double)h[i] - mean) / sqrtl(square + 1e-12L));
            /* an f64 mean has a spacing of 1.5e-8, 1.5e-5 of the spread; the sum and the quotient each round by up to half of it */
            ck_assert_double_lt(fabs(((const double *)weft_output(p, 0))[i] - expected), 1.6e-5);
        }
        weft_program_free(p);
        weft_tape_free(t);
    }
}
END_TEST

/* sum and mean themselves: 3e7 ones saturate an f32 accumulator at 2**24. */
START_TEST(sums_do_not_saturate)
{
    size_t n = 30000000;
    weft_tape *t = weft_tape_new(NULL);
    weft_node ones = weft_broadcast(weft_scalar(t, WEFT_F32, 1), 1, &n), out[] = {weft_sum(ones, 1, false), weft_mean(ones, 1, false)};
    weft_program *p = weft_compile(out, 2);
    ck_assert_int_eq(weft_run(p), WEFT_OK);
    ck_assert_float_eq(*(const float *)weft_output(p, 0), 3e7f);
    ck_assert_float_eq(*(const float *)weft_output(p, 1), 1);
    weft_program_free(p);
    weft_tape_free(t);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("traps");
    TCase *table = tcase_create("traps");
    tcase_set_timeout(table, 120);
    tcase_add_loop_test(table, f32_keeps_what_a_careful_person_would_keep, 0, sizeof traps / sizeof *traps);
    tcase_add_test(table, f64_centres_before_it_scales);
    tcase_add_test(table, sums_do_not_saturate);
    suite_add_tcase(suite, table);
    return run_suite(suite);
}

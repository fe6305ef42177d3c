/* test_rewrite_shift.c: means and sums of deviations about the first element, in f32: each rule alone against long double loops, what looks
 * alike and must stay, and the data on which a shift could lose accuracy. */
#include "tests/fired.h"
#include "tests/samples.h"
#include "tests/suite.h"
#include "tests/work.h"

#include <math.h>
#include <stdlib.h>

enum { N = 6, D = 6 }; /* square, so that a mean could lie along the wrong axis unseen */

static weft_tape *t;
static weft_node x, w;

static void set_up(void)
{
    t = weft_tape_new(NULL);
    x = weft_input(t, "x", WEFT_F32, 2, (size_t[]){N, D});
    w = weft_input(t, "w", WEFT_F32, 2, (size_t[]){N, D});
}

static void tear_down(void)
{
    weft_tape_free(t);
}

static weft_node deviation(unsigned axes)
{
    return weft_sub(x, weft_mean(x, axes, true));
}

/* --- each rule alone --- */

/* The mean is read out of a deviation: x minus it, taken from x again. Alone it would gain nothing by the rule and stay. */
static weft_node mean(unsigned axes)
{
    weft_node m = weft_mean(x, axes, true), centred = weft_sub(x, m);
    return weft_max(weft_sub(x, centred), axes, false);
}

static weft_node squares(unsigned axes)
{
    return weft_sum(weft_pow(deviation(axes), weft_scalar(t, WEFT_F32, 2)), axes, false);
}

static weft_node squares_as_products(unsigned axes)
{
    weft_node c = deviation(axes);
    return weft_sum(weft_mul(c, c), axes, true);
}

static weft_node products(unsigned axes)
{
    return weft_sum(weft_mul(w, deviation(axes)), axes, false);
}

static weft_node products_of_three(unsigned axes)
{
    return weft_sum(weft_mul(weft_mul(deviation(axes), w), w), axes, true);
}

/* What each comes to for one result: sum over its elements of f(x - mean, w), or the mean. */
static long double term_square(long double c, long double weight)
{
    (void)weight;
    return c * c;
}

static long double term_product(long double c, long double weight)
{
    return weight * c;
}

static long double term_three(long double c, long double weight)
{
    return c * weight * weight;
}

static const struct {
    const char *rule;
    weft_node (*build)(unsigned axes);
    long double (*term)(long double c, long double weight); /* NULL: the mean */
} cases[] = {
    {"mean about the first", mean, NULL},
    {"squares about the first", squares, term_square},
    {"squares about the first", squares_as_products, term_square},
    {"products about the first", products, term_product},
    {"products about the first", products_of_three, term_three},
};
enum { CASES = sizeof cases / sizeof *cases };
static const unsigned axis_sets[] = {WEFT_AXIS(0), WEFT_AXIS(1), WEFT_AXIS(0) | WEFT_AXIS(1)};

/* Which elements go into result k. */
static bool goes_into(unsigned axes, size_t i, size_t j, size_t k)
{
    return (axes & 1 || i == k) && (axes & 2 || j == k);
}

static long double expected(int c, unsigned axes, size_t k, const float *data, const float *weight, long double *size)
{
    long double total = 0, n = 0, result = 0;
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < D; j++)
            if (goes_into(axes, i, j, k)) {
                total += (long double)data[i * D + j];
                n++;
            }
    *size = 1;
    if (!cases[c].term)
        return total / n;
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < D; j++)
            if (goes_into(axes, i, j, k)) {
                long double term = cases[c].term((long double)data[i * D + j] - total / n, (long double)weight[i * D + j]);
                result += term;
                *size += fabsl(term);
            }
    return result;
}

/* Sums are f64 and what meets them is too; w * w is an f32 node, rounded once, and so is the result: 2**-23 of the terms covers both. */
START_TEST(a_rule_keeps_the_value)
{
    unsigned axes = axis_sets[_i / CASES];
    int c = _i % CASES;
    record r = {.n = 0}, exact = {.n = 0};
    weft_node y = cases[c].build(axes), z = rewrite(y, WEFT_REWRITE_ALGEBRAIC, &r);
    ck_assert_msg(fired(&r, cases[c].rule), "%s did not fire", cases[c].rule);
    expect_proved(cases[c].rule, y, z);
    rewrite(y, WEFT_REWRITE_EXACT, &exact);
    ck_assert(!fired(&exact, cases[c].rule));
    weft_program *p = compile_as_recorded(&z, 1);
    for (uint64_t seed = 1; seed <= 20; seed++) {
        double draw[N * D], more[N * D];
        float data[N * D], weight[N * D];
        uint64_t state = seed;
        draw_domain(NORMAL, &state, N * D, draw);
        draw_domain(NORMAL, &state, N * D, more);
        for (size_t i = 0; i < N * D; i++) {
            data[i] = (float)(draw[i] + 100 * (double)(seed % 3));
            weight[i] = (float)more[i];
        }
        weft_bind(p, x, data, sizeof data);
        weft_bind(p, w, weight, sizeof weight);
        ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
        const float *got = weft_output(p, 0);
        for (size_t k = 0; k < (axes == 3 ? 1 : N); k++) {
            long double size, want = expected(c, axes, k, data, weight, &size);
            ck_assert_msg(fabsl((long double)got[k] - want) <= 0x1p-23L * fmaxl(size, fabsl(want)), "%s, axes %u, [%zu]: %.9g, must be %.9Lg",
                          cases[c].rule, axes, k, (double)got[k], want);
        }
    }
    weft_program_free(p);
}
END_TEST

/* --- what only looks alike --- */

static void expect_still(weft_node y, const char *rule)
{
    record r = {.n = 0};
    rewrite(y, WEFT_REWRITE_ALGEBRAIC, &r);
    ck_assert_msg(!fired(&r, rule), "%s fired", rule);
}

START_TEST(what_only_looks_alike_stays)
{
    weft_node six = weft_scalar(t, WEFT_F32, N), seven = weft_scalar(t, WEFT_F32, N + 1), two = weft_scalar(t, WEFT_F32, 2);
    unsigned rows = WEFT_AXIS(0), columns = WEFT_AXIS(1);
    expect_still(weft_div(weft_sum(x, rows, false), seven), "mean about the first"); /* no mean */
    expect_still(weft_div(weft_sum(x, rows | columns, false), six), "mean about the first");
    weft_node wide = weft_input(t, "wide", WEFT_F64, 2, (size_t[]){N, D});
    expect_still(weft_sub(wide, weft_mean(wide, rows, false)), "mean about the first"); /* f64 keeps its two reads */
    expect_still(weft_mean(x, rows, false), "mean about the first");                    /* nothing is centred by it */
    weft_node across = weft_sub(x, weft_mean(x, columns, false));       /* the means of rows, laid along columns */
    expect_still(weft_sum(weft_pow(across, two), rows, false), "squares about the first");
    expect_still(weft_sum(weft_pow(across, two), columns, false), "squares about the first");
    weft_node down = weft_sub(x, weft_mean(x, rows, false)); /* right for rows, summed over columns */
    expect_still(weft_sum(weft_pow(down, two), columns, false), "squares about the first");
    expect_still(weft_sum(weft_mul(w, down), columns, false), "products about the first");
    expect_still(weft_sum(weft_mul(w, weft_sub(w, weft_mean(x, rows, false))), rows, false), "products about the first"); /* another's mean */
    expect_still(weft_sum(weft_mul(weft_mul(down, down), w), rows, false), "products about the first");
}
END_TEST

/* --- accuracy where a shift could lose it --- */

enum { MANY = 4096 };

/* The variance of MANY values of one column, from the rewritten graph. */
static double variance_of(const float *data)
{
    weft_node h = weft_input(t, "h", WEFT_F32, 2, (size_t[]){MANY, 1}), y = weft_variance(h, WEFT_AXIS(0), false);
    record r = {.n = 0};
    weft_node z = rewrite(y, WEFT_REWRITE_ALGEBRAIC, &r);
    ck_assert(fired(&r, "squares about the first"));
    weft_program *p = compile_as_recorded(&z, 1);
    weft_bind(p, h, data, MANY * sizeof *data);
    ck_assert_int_eq(weft_run(p), WEFT_OK);
    double variance = (double)*(const float *)weft_output(p, 0);
    weft_program_free(p);
    return variance;
}

START_TEST(a_constant_has_no_variance)
{
    float data[MANY];
    for (size_t i = 0; i < MANY; i++)
        data[i] = 1e10f;
    ck_assert_double_eq(variance_of(data), 0);
    for (size_t i = 0; i < MANY; i++)
        data[i] = 0.1f;
    ck_assert_double_eq(variance_of(data), 0);
}
END_TEST

/* k as far from the mean as it can be: (k - mean)**2 = (N - 1) sigma**2, so 12 bits of the f64 sums cancel and 41 are left. */
START_TEST(an_outlier_in_front_costs_no_f32_bit)
{
    static const float offsets[] = {1e3f, 1e6f, -3e18f};
    for (size_t k = 0; k < 3; k++) {
        float data[MANY];
        uint64_t seed = 3;
        long double total = 0, squares_total = 0;
        for (size_t i = 0; i < MANY; i++)
            data[i] = (float)draw_uniform(&seed) + (i ? 0 : offsets[k]);
        for (size_t i = 0; i < MANY; i++)
            total += (long double)data[i];
        for (size_t i = 0; i < MANY; i++)
            squares_total += ((long double)data[i] - total / MANY) * ((long double)data[i] - total / MANY);
        ck_assert_double_eq_tol(variance_of(data) / (double)(squares_total / MANY), 1, 0x1p-23);
    }
}
END_TEST

/* --- what it is for --- */

/* Every sum of a batch normalization, forward and backward, is of one level: dh waits for one read, and another writes it. */
START_TEST(batchnorm_takes_two_reads)
{
    enum { ROWS = 500, COLUMNS = 40 };
    size_t columns = COLUMNS;
    weft_node h = weft_input(t, "h", WEFT_F32, 2, (size_t[]){ROWS, COLUMNS}), dy = weft_input(t, "dy", WEFT_F32, 2, (size_t[]){ROWS, COLUMNS});
    weft_node gamma = weft_input(t, "gamma", WEFT_F32, 1, &columns), beta = weft_input(t, "beta", WEFT_F32, 1, &columns), out[4];
    out[0] = weft_batchnorm(h, gamma, beta, 1e-5);
    weft_vjp(out, &dy, 1, (const weft_node[]){h, gamma, beta}, 3, out + 1);
    ck_assert_int_eq(weft_rewrite(out, 4, WEFT_REWRITE_ALGEBRAIC, NULL, NULL, out), WEFT_OK);
    ck_assert_int_eq(work_of(out, 4, ROWS * COLUMNS).passes, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rewrite_shift");
    TCase *shift = tcase_create("shift");
    tcase_add_checked_fixture(shift, set_up, tear_down);
    tcase_add_loop_test(shift, a_rule_keeps_the_value, 0, CASES * (int)(sizeof axis_sets / sizeof *axis_sets));
    tcase_add_test(shift, what_only_looks_alike_stays);
    tcase_add_test(shift, a_constant_has_no_variance);
    tcase_add_test(shift, an_outlier_in_front_costs_no_f32_bit);
    tcase_add_test(shift, batchnorm_takes_two_reads);
    suite_add_tcase(suite, shift);
    return run_suite(suite);
}

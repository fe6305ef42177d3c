/* test_sums_large.c: sums of 1e7 terms in f32: no result is further from the true one than the f64 answer, rounded to f32, by more than 4 ulp. The true
 * one is added up in long double with the rounding carried along (Neumaier, 1974). On data where a careless sum loses its digits: all 0.1f, where each
 * addition rounds in the same direction; large values of alternating sign, of which nothing is left; and 1 to 2 behind an offset of 1e4, whose variance
 * is a 1e8th of its square. Through the interpreter's tiles and as compiled C. */
#include "tests/samples.h"
#include "tests/suite.h"

#include <math.h>
#include <stdio.h>

enum { N = 10000000 };

/* --- the data --------------------------------------------------------------------------------------------------------------------------------------- */

static double tenths(size_t i, uint64_t *seed)
{
    (void)i, (void)seed;
    return (double)0.1f;
}

static double alternating(size_t i, uint64_t *seed)
{
    return (i % 2 ? -1 : 1) * (1e6 + draw_uniform(seed));
}

static double behind_offset(size_t i, uint64_t *seed)
{
    (void)i;
    return 1e4 + 1 + draw_uniform(seed);
}

static const struct {
    const char *name;
    double (*draw)(size_t i, uint64_t *seed);
} kinds[] = {{"0.1f", tenths}, {"alternating", alternating}, {"behind an offset", behind_offset}};

static float x32[N];
static double x64[N];

/* --- what is true ------------------------------------------------------------------------------------------------------------------------------------ */

typedef struct exact {
    long double sum, lost;
} exact;

static void add(exact *s, long double x)
{
    long double next = s->sum + x;
    s->lost += fabsl(s->sum) >= fabsl(x) ? (s->sum - next) + x : (x - next) + s->sum;
    s->sum = next;
}

static long double term_of_sum(long double x, long double center)
{
    (void)center;
    return x;
}

static long double term_of_square(long double x, long double center)
{
    return (x - center) * (x - center);
}

static long double term_of_exp(long double x, long double center)
{
    return expl(x - center);
}

static long double total(long double (*term)(long double x, long double center), long double center)
{
    exact s = {0, 0};
    for (size_t i = 0; i < N; i++)
        add(&s, term(x64[i], center));
    return s.sum + s.lost;
}

static long double true_sum(void)
{
    return total(term_of_sum, 0);
}

static long double true_mean(void)
{
    return true_sum() / N;
}

static long double true_variance(void)
{
    return total(term_of_square, true_mean()) / N;
}

static long double true_std(void)
{
    return sqrtl(total(term_of_square, true_mean()) / (N - 1));
}

static long double true_dot(void)
{
    return total(term_of_square, 0);
}

static long double true_norm(void)
{
    return sqrtl(true_dot());
}

static long double true_logsumexp(void)
{
    long double most = -INFINITY;
    for (size_t i = 0; i < N; i++)
        most = fmaxl(most, x64[i]);
    return most + logl(total(term_of_exp, most));
}

/* --- the table --------------------------------------------------------------------------------------------------------------------------------------- */

static weft_node sum(weft_node x)
{
    return weft_sum(x, WEFT_ALL_AXES, false);
}

static weft_node mean(weft_node x)
{
    return weft_mean(x, WEFT_ALL_AXES, false);
}

static weft_node variance(weft_node x)
{
    return weft_variance(x, WEFT_ALL_AXES, false);
}

static weft_node std(weft_node x)
{
    return weft_std(x, WEFT_ALL_AXES, false, 1);
}

static weft_node dot(weft_node x)
{
    return weft_matmul(x, x);
}

/* The sum as an inner product with ones. In f32 256 terms are added up before f64 takes over: where they cancel, what is left has the rounding of
 * what was there, so the data of alternating sign is not for it. */
static weft_node dot_with_ones(weft_node x)
{
    weft_shape shape = weft_node_shape(x);
    return weft_matmul(x, weft_broadcast(weft_scalar_like(x, 1), 1, shape.dim));
}

static weft_node norm(weft_node x)
{
    return weft_sqrt(weft_sum(weft_square(x), WEFT_ALL_AXES, false));
}

static weft_node logsumexp(weft_node x)
{
    return weft_logsumexp(x, WEFT_ALL_AXES, false);
}

/* An axis that is not the last one is summed across rows. */
static weft_node sum_across(weft_node x)
{
    weft_node columns = weft_reshape(x, 2, (size_t[]){N / 4, 4});
    return weft_sum(weft_sum(columns, WEFT_AXIS(0), false), WEFT_ALL_AXES, false);
}

static const struct {
    const char *name;
    weft_node (*record)(weft_node x);
    long double (*truth)(void);
} functions[] = {
    {"sum", sum, true_sum},       {"sum across", sum_across, true_sum}, {"mean", mean, true_mean},
    {"variance", variance, true_variance}, {"std", std, true_std},      {"dot", dot, true_dot},
    {"dot with ones", dot_with_ones, true_sum}, {"norm", norm, true_norm}, {"logsumexp", logsumexp, true_logsumexp},
};

enum { KINDS = sizeof kinds / sizeof *kinds, FUNCTIONS = sizeof functions / sizeof *functions };

static void draw(int kind)
{
    uint64_t seed = 5;
    for (size_t i = 0; i < N; i++)
        x64[i] = x32[i] = (float)kinds[kind].draw(i, &seed);
}

static void run(weft_node (*record)(weft_node x), weft_dtype dtype, void *y, size_t n)
{
    weft_tape *t = weft_tape_new(NULL);
    weft_node x = weft_input(t, "x", dtype, 1, (size_t[]){N}), out = record(x);
    weft_program *p = weft_compile(&out, 1);
    weft_bind(p, x, dtype == WEFT_F32 ? (const void *)x32 : x64, N * weft_dtype_size(dtype));
    ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
    memcpy(y, weft_output(p, 0), n * weft_dtype_size(dtype));
    weft_program_free(p);
    weft_tape_free(t);
}

static long double ulp_at(long double x)
{
    float magnitude = fabsf((float)x);
    return (long double)nextafterf(magnitude, INFINITY) - magnitude;
}

static bool close_enough(float y, double wide, long double truth)
{
    return fabsl(y - truth) <= fabsl((float)wide - truth) + 4 * ulp_at(truth);
}

START_TEST(no_further_off_than_f64)
{
    draw(_i);
    for (int f = 0; f < FUNCTIONS; f++) {
        float narrow;
        double wide;
        if (functions[f].record == dot_with_ones && kinds[_i].draw == alternating)
            continue;
        long double truth = functions[f].truth();
        run(functions[f].record, WEFT_F32, &narrow, 1);
        run(functions[f].record, WEFT_F64, &wide, 1);
        ck_assert_msg(close_enough(narrow, wide, truth), "%s of %s: %.9g, f64 %.9g, and truly %.9Lg", functions[f].name, kinds[_i].name, (double)narrow,
                      wide, truth);
    }
}
END_TEST

static weft_node cumsum(weft_node x)
{
    return weft_cumsum(x, 0);
}

START_TEST(running_sums_as_well)
{
    static float narrow[N];
    static double wide[N];
    exact s = {0, 0};
    draw(_i);
    run(cumsum, WEFT_F32, narrow, N);
    run(cumsum, WEFT_F64, wide, N);
    for (size_t i = 0; i < N; i++) {
        add(&s, x64[i]);
        if (!close_enough(narrow[i], wide[i], s.sum + s.lost)) /* an assertion takes a system call */
            ck_abort_msg("%s: element %zu is %.9g, f64 %.9g, and truly %.9Lg", kinds[_i].name, i, (double)narrow[i], wide[i], s.sum + s.lost);
    }
}
END_TEST

/* x / norm, of the same data: each element within 4 ulp of the f64 answer. */
static weft_node normalize(weft_node x)
{
    return weft_l2_normalize(x, 0, 0);
}

START_TEST(unit_vectors_as_well)
{
    static float narrow[N];
    draw(_i);
    long double length = true_norm();
    run(normalize, WEFT_F32, narrow, N);
    for (size_t i = 0; i < N; i++) {
        long double truth = x64[i] / length;
        if (!(fabsl(narrow[i] - truth) <= 4 * ulp_at(truth)))
            ck_abort_msg("%s: element %zu is %.9g, not %.9Lg", kinds[_i].name, i, (double)narrow[i], truth);
    }
}
END_TEST

/* The measure itself: a plain loop in f32, as it is not to be done, is refused on each kind of data. */
START_TEST(a_plain_loop_is_refused)
{
    volatile float y = 0;
    draw(_i);
    for (size_t i = 0; i < N; i++)
        y = y + x32[i] * x32[i];
    ck_assert(!close_enough(y, (double)true_dot(), true_dot()));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sums_large");
    TCase *sums = tcase_create("sums");
    tcase_set_timeout(sums, 120);
    tcase_add_loop_test(sums, no_further_off_than_f64, 0, KINDS);
    tcase_add_loop_test(sums, running_sums_as_well, 0, KINDS);
    tcase_add_loop_test(sums, unit_vectors_as_well, 0, KINDS);
    tcase_add_loop_test(sums, a_plain_loop_is_refused, 0, KINDS);
    suite_add_tcase(suite, sums);
    return run_suite(suite);
}

/* test_in_place.c: parameters that a program updates where they lie, and those that it must not: what reads the old value reads it still. */
#include "tests/page.h"

#include <math.h>

enum { SIDE = 60, COUNT = SIDE * SIDE, RUNS = 3 };

static weft_tape *t;
static double w_at_first[COUNT];

static void set_up(void)
{
    t = weft_tape_new(NULL);
    for (int i = 0; i < COUNT; i++)
        w_at_first[i] = 0.25 * (i % 17) - 1 + 0.001 * i;
}

static void tear_down(void)
{
    weft_tape_free(t);
}

static weft_node square(const char *name)
{
    return weft_parameter(t, name, WEFT_F64, 2, (size_t[]){SIDE, SIDE});
}

/* How many parameters the program copies at the end of a run. */
static int copies(const weft_program *p)
{
    int n = 0;
    ck_assert_int_eq(weft_program_describe(blank(), p), WEFT_OK);
    for (const char *at = paper.text; (at = strstr(at, "at the end: ")); at++)
        n++;
    return n;
}

static weft_program *started(const weft_node *outputs, size_t n, weft_node w)
{
    weft_program *p = weft_compile(outputs, n);
    ck_assert_msg(weft_program_status(p) == WEFT_OK, "%s", weft_program_message(p));
    ck_assert_int_eq(weft_parameter_write(p, w, w_at_first, sizeof w_at_first), WEFT_OK);
    return p;
}

static void expect_parameter(weft_program *p, weft_node w, const double *expected)
{
    static double got[COUNT];
    ck_assert_int_eq(weft_parameter_read(p, w, got, sizeof got), WEFT_OK);
    for (int i = 0; i < COUNT; i++)
        ck_assert_msg(got[i] == expected[i], "element %d is %.17g, not %.17g", i, got[i], expected[i]);
}

START_TEST(momentum_copies_nothing)
{
    weft_node w = square("w"), velocity = square("velocity"), out[2];
    weft_sgd(w, weft_mul(w, w), velocity, weft_scalar(t, WEFT_F64, 0.125), 0.5, out); /* powers of 2: each product is exact */
    weft_program *p = started(out, 2, w);
    static double expected[COUNT], v[COUNT];
    memset(v, 0, sizeof v);
    memcpy(expected, w_at_first, sizeof expected);
    ck_assert_int_eq(copies(p), 0);
    ck_assert_uint_lt(weft_program_memory(p).peak, COUNT * sizeof(double)); /* no second array of either */
    for (int run = 0; run < RUNS; run++) {
        ck_assert_int_eq(weft_run(p), WEFT_OK);
        for (int i = 0; i < COUNT; i++) {
            v[i] = 0.5 * v[i] + expected[i] * expected[i];
            expected[i] -= 0.125 * v[i];
        }
        expect_parameter(p, velocity, v);
        expect_parameter(p, w, expected);
        const double *assigned = weft_output(p, 1);
        for (int i = 0; i < COUNT; i++)
            ck_assert_double_eq(assigned[i], expected[i]);
    }
    weft_program_free(p);
}
END_TEST

/* Others that read w: in the same loop and after the store, folded, or in a loop behind. */
START_TEST(others_read_the_old_value)
{
    weft_node w = square("w"), one = weft_scalar(t, WEFT_F64, 1);
    weft_node sum = weft_sum(w, WEFT_AXIS(1), true);
    const weft_node out[] = {weft_assign(w, weft_sub(w, one)), weft_mul(w, w), sum, weft_div(w, weft_add(weft_mul(sum, sum), one))};
    weft_program *p = started(out, 4, w);
    static double old[COUNT], next[COUNT];
    memcpy(old, w_at_first, sizeof old);
    for (int run = 0; run < RUNS; run++) {
        ck_assert_int_eq(weft_run(p), WEFT_OK);
        const double *squared = weft_output(p, 1), *total = weft_output(p, 2), *quotient = weft_output(p, 3);
        for (int i = 0; i < COUNT; i++) {
            next[i] = old[i] - 1;
            ck_assert_double_eq(squared[i], old[i] * old[i]);
            double exact = old[i] / (total[i / SIDE] * total[i / SIDE] + 1);
            ck_assert_double_eq_tol(quotient[i], exact, 1e-15 * fabs(exact)); /* a factor times a reciprocal is a rounding more */
        }
        for (int i = 0; i < SIDE; i++) {
            double expected = 0;
            for (int j = 0; j < SIDE; j++)
                expected += old[i * SIDE + j];
            ck_assert_double_eq_tol(total[i], expected, 1e-11); /* 60 terms below 4: some 60 roundings of 2e-14 */
        }
        expect_parameter(p, w, next);
        memcpy(old, next, sizeof old);
    }
    weft_program_free(p);
}
END_TEST

START_TEST(other_places_keep_the_copy)
{
    weft_node w = square("w");
    const weft_node out[] = {weft_assign(w, weft_add(w, weft_transpose(w, NULL)))};
    weft_program *p = started(out, 1, w);
    static double expected[COUNT], old[COUNT];
    memcpy(expected, w_at_first, sizeof expected);
    ck_assert_int_eq(copies(p), 1);
    for (int run = 0; run < RUNS; run++) {
        memcpy(old, expected, sizeof old);
        for (int i = 0; i < COUNT; i++)
            expected[i] = old[i] + old[i % SIDE * SIDE + i / SIDE];
        ck_assert_int_eq(weft_run(p), WEFT_OK);
        expect_parameter(p, w, expected);
    }
    weft_program_free(p);
}
END_TEST

START_TEST(a_cycle_reads_old_values)
{
    weft_node w = square("w"), u = square("u"), v = square("v");
    const weft_node out[] = {weft_assign(w, u), weft_assign(u, v), weft_assign(v, weft_neg(w))};
    weft_program *p = started(out, 3, w);
    static double zero[COUNT], minus[COUNT];
    for (int i = 0; i < COUNT; i++)
        minus[i] = -w_at_first[i];
    ck_assert_int_eq(weft_run(p), WEFT_OK);
    expect_parameter(p, w, zero);
    expect_parameter(p, v, minus);
    ck_assert_int_eq(weft_run(p), WEFT_OK);
    expect_parameter(p, u, minus);
    ck_assert_int_eq(weft_run(p), WEFT_OK);
    expect_parameter(p, w, minus);
    weft_program_free(p);
}
END_TEST

/* A call that may fail stands behind the update, which waits for it; or before, and then nothing is in the way. */
START_TEST(a_failing_call_leaves_parameters)
{
    const size_t n = 1;
    weft_node w = square("w"), index = weft_input(t, "index", WEFT_I64, 1, &n), next = weft_mul(w, w);
    const weft_node out[] = {weft_assign(w, next), weft_gather(next, index)};
    weft_program *p = started(out, 2, w);
    weft_bind(p, index, (int64_t[]){SIDE}, sizeof(int64_t));
    ck_assert_int_eq(weft_run(p), WEFT_ERROR_INDEX);
    expect_parameter(p, w, w_at_first);
    weft_program_free(p);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("in_place");
    TCase *all = tcase_create("parameters");
    tcase_add_checked_fixture(all, set_up, tear_down);
    tcase_add_test(all, momentum_copies_nothing);
    tcase_add_test(all, others_read_the_old_value);
    tcase_add_test(all, other_places_keep_the_copy);
    tcase_add_test(all, a_cycle_reads_old_values);
    tcase_add_test(all, a_failing_call_leaves_parameters);
    suite_add_tcase(suite, all);
    return run_suite(suite);
}

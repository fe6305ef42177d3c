/* test_rewrite_algebra.c: every algebraic rule alone, on random values, and what only looks like its case, which must stay. */
#include "tests/fired.h"
#include "tests/samples.h"
#include "tests/suite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static weft_tape *t;
static weft_node row; /* (4), what factors repeat */

static void set_up(void)
{
    t = weft_tape_new(NULL);
    row = weft_input(t, "row", WEFT_F64, 1, (size_t[]){4});
}

static void tear_down(void)
{
    weft_tape_free(t);
}

static weft_node number(double v)
{
    return weft_scalar(t, WEFT_F64, v);
}

/* x as (2, 4), and the factor that repeats row over it. */
static weft_node table(weft_node x)
{
    return weft_exp(weft_reshape(x, 2, (size_t[]){2, 4}));
}

static weft_node repeated(weft_node small)
{
    return weft_broadcast(small, 2, (size_t[]){2, 4});
}

static size_t count_of(weft_node x)
{
    weft_shape shape = weft_node_shape(x);
    return weft_shape_count(&shape);
}

/* --- one rule at a time --- */

static weft_node small_work(weft_node x)
{
    return weft_sub(table(x), weft_mul(weft_neg(repeated(row)), weft_exp(repeated(row))));
}

static weft_node two_factors(weft_node x)
{
    return weft_mul(weft_mul(table(x), repeated(row)), repeated(weft_exp(row)));
}

static weft_node two_products(weft_node x)
{
    return weft_mul(weft_mul(table(x), repeated(row)), weft_mul(weft_log(table(x)), repeated(weft_exp(row))));
}

/* A factor for the rows, which does not merge with one for the columns. */
static weft_node beside(weft_node x)
{
    return weft_broadcast(weft_sum(table(x), WEFT_AXIS(1), true), 2, (size_t[]){2, 4});
}

static weft_node three_factors(weft_node x)
{
    return weft_mul(weft_mul(weft_mul(table(x), repeated(row)), beside(x)), repeated(weft_exp(row)));
}

static weft_node divided_product(weft_node x)
{
    return weft_div(weft_mul(table(x), repeated(row)), number(3));
}

static weft_node divided_rows(weft_node x)
{
    return weft_div(table(x), beside(x));
}

/* a * (b*F + G) with F = g and G = exp(g)*g, beside a * F. */
static weft_node meeting(weft_node a, weft_node b, weft_node g)
{
    weft_node power = weft_mul(weft_exp(g), g), product = weft_mul(a, repeated(g));
    return weft_add(product, weft_mul(a, weft_add(weft_mul(b, repeated(g)), repeated(power))));
}

static weft_node factor_meets_product(weft_node x)
{
    return meeting(table(x), weft_log(table(x)), row);
}

/* b*(F/2) inside, and the terms the other way round, subtracted. */
static weft_node factor_meets_product_inside(weft_node x)
{
    weft_node a = table(x), product = weft_mul(a, repeated(row)), half = weft_mul(number(0.5), row), sign = weft_neg(weft_mul(weft_exp(row), row));
    return weft_add(product, weft_mul(weft_sub(repeated(sign), weft_mul(weft_log(a), repeated(half))), a));
}

static weft_node softmax_pulled_back(weft_node x)
{
    weft_node z = weft_reshape(x, 2, (size_t[]){2, 4}), p = weft_softmax(z, 1), dy = weft_mul(table(x), number(-3)), dz;
    weft_vjp(&p, &dy, 1, &z, 1, &dz);
    return weft_add(dz, p);
}

static weft_node powers(weft_node x)
{
    weft_node s = weft_sum(table(x), WEFT_AXIS(0), false), y = weft_pow(s, number(-0.5));
    for (double exponent = -1.5; exponent >= -3.5; exponent--)
        y = weft_add(y, weft_pow(s, number(exponent)));
    return y;
}

static weft_node deviations(weft_node x)
{
    weft_node y = table(x);
    return weft_sum(weft_sub(y, weft_mean(y, WEFT_AXIS(0), false)), WEFT_AXIS(0), false);
}

static weft_node deviations_of_rows(weft_node x)
{
    weft_node y = table(x);
    return weft_sum(weft_sub(y, weft_mean(y, WEFT_AXIS(1), true)), WEFT_AXIS(1), false);
}

static weft_node sum_with_factor(weft_node x)
{
    return weft_sum(weft_mul(table(x), repeated(row)), WEFT_AXIS(0), true);
}

static weft_node sum_with_divisor(weft_node x)
{
    return weft_sum(weft_div(table(x), weft_broadcast(weft_sum(table(x), WEFT_AXIS(1), true), 2, (size_t[]){2, 4})), WEFT_AXIS(1), false);
}

static weft_node sum_with_inner_factor(weft_node x)
{
    weft_node inner = weft_div(weft_neg(weft_mul(table(x), repeated(row))), weft_exp(table(x)));
    return weft_sum(weft_mul(weft_log(table(x)), inner), WEFT_AXIS(0), true);
}

/* (2, 1) over (2, 4): the rows are summed first. */
static weft_node column(weft_node x)
{
    return repeated(weft_log(weft_sum(table(x), WEFT_AXIS(1), true)));
}

static weft_node sum_of_rows_with_factors(weft_node x)
{
    return weft_sum(weft_mul(weft_div(weft_log(table(x)), column(x)), table(x)), WEFT_ALL_AXES, false);
}

static weft_node sum_of_terms_in_stages(weft_node x)
{
    return weft_sum(weft_sub(weft_mul(table(x), column(x)), weft_mul(weft_log(table(x)), repeated(number(2)))), WEFT_ALL_AXES, true);
}

/* One place of 4 in each row. */
static weft_node scattered(weft_node x, size_t each)
{
    static const int64_t at[] = {2, 0, 3, 1};
    weft_node index = weft_constant(t, WEFT_I64, 2, (size_t[]){2, each}, at), picked = weft_gather_elements(table(x), index, 1);
    return weft_sub(table(x), weft_scatter_add_elements(picked, index, 1, 4));
}

static weft_node one_of_each_row(weft_node x)
{
    return scattered(x, 1);
}

static weft_node two_of_each_row(weft_node x)
{
    return scattered(x, 2);
}

static weft_node sum_with_sign(weft_node x)
{
    return weft_sum(weft_neg(table(x)), WEFT_AXIS(1), false);
}

static weft_node sum_of_rows(weft_node x)
{
    (void)x;
    return weft_sum(repeated(row), WEFT_AXIS(0), false);
}

static weft_node sum_of_terms(weft_node x)
{
    return weft_sum(weft_sub(weft_mul(table(x), repeated(row)), weft_mul(weft_log(table(x)), repeated(weft_exp(row)))), WEFT_AXIS(0), false);
}

static weft_node sum_of_three_terms(weft_node x)
{
    weft_node a = weft_mul(table(x), repeated(row)), b = weft_mul(weft_log(table(x)), repeated(weft_exp(row)));
    return weft_sum(weft_add(weft_sub(a, b), repeated(row)), WEFT_AXIS(0), false);
}

static weft_node times_zero(weft_node x)
{
    return weft_add(weft_mul(x, number(0)), weft_exp(x));
}

/* The derivative of four parts of x as a function of themselves. */
static weft_node parts_put_back(weft_node x)
{
    weft_node part[4], y[4], dx;
    weft_split(x, 0, 4, part);
    for (int k = 0; k < 4; k++)
        y[k] = weft_exp(part[k]);
    weft_vjp(y, y, 4, &x, 1, &dx);
    return dx;
}

static weft_node rows_between_rows(weft_node x)
{
    weft_node y = table(x);
    return weft_add(weft_pad(y, (size_t[]){3, 1}, (size_t[]){1, 2}), weft_pad(weft_exp(y), (size_t[]){1, 1}, (size_t[]){3, 2}));
}

static const struct {
    const char *rule;
    weft_node (*build)(weft_node x);
} algebraic[] = {
    {"work on the small side", small_work},
    {"merge factors", two_factors},
    {"merge factors", two_products},
    {"merge factors", three_factors},
    {"divisor into factor", divided_product},
    {"divisor to reciprocal", divided_rows},
    {"factor meets its product", factor_meets_product},
    {"factor meets its product", factor_meets_product_inside},
    {"factor meets its product", softmax_pulled_back},
    {"power of a root", powers},
    {"sum of deviations", deviations},
    {"sum of deviations", deviations_of_rows},
    {"factor out of a sum", sum_with_factor},
    {"factor out of a sum", sum_with_divisor},
    {"factor out of a sum", sum_with_inner_factor},
    {"sum in stages", sum_of_rows_with_factors},
    {"sum in stages", sum_of_terms_in_stages},
    {"sign out of a sum", sum_with_sign},
    {"sum of repeats", sum_of_rows},
    {"split a sum", sum_of_terms},
    {"split a sum", sum_of_three_terms},
    {"pads that meet", parts_put_back},
    {"pads that meet", rows_between_rows},
    {"choose a position", one_of_each_row},
    {"times 0", times_zero},
    {"plus 0", times_zero},
};

/* Equal over the reals: in f64 a few dozen roundings of the largest entry apart, on random x, and row positive and negative. */
static void expect_close(const char *what, weft_node x, weft_node y, weft_node z)
{
    const weft_node out[] = {y, z};
    weft_program *p = compile_as_recorded(out, 2);
    for (uint64_t seed = 1; seed <= 20; seed++) {
        double data[8], small[4], size = 1;
        uint64_t state = seed;
        draw_domain(NORMAL, &state, 8, data);
        draw_domain(AWAY, &state, 4, small);
        weft_bind(p, x, data, sizeof data);
        weft_bind(p, row, small, sizeof small);
        ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
        const double *a = weft_output(p, 0), *b = weft_output(p, 1);
        for (size_t i = 0; i < count_of(y); i++)
            size = fmax(size, fabs(a[i]));
        for (size_t i = 0; i < count_of(y); i++)
            ck_assert_msg(fabs(a[i] - b[i]) <= 1e-14 * size, "%s[%zu] for seed %d: %.17g became %.17g", what, i, (int)seed, a[i], b[i]);
    }
    weft_program_free(p);
}

START_TEST(an_algebraic_rule_keeps_the_value)
{
    record r = {.n = 0}, exact = {.n = 0};
    weft_node x = weft_input(t, "x", WEFT_F64, 1, (size_t[]){8}), y = algebraic[_i].build(x), z = rewrite(y, WEFT_REWRITE_ALGEBRAIC, &r);
    ck_assert_msg(fired(&r, algebraic[_i].rule), "%s did not fire", algebraic[_i].rule);
    rewrite(y, WEFT_REWRITE_EXACT, &exact);
    ck_assert_msg(!fired(&exact, algebraic[_i].rule), "%s is not exact, and fired among the exact ones", algebraic[_i].rule);
    expect_close(algebraic[_i].rule, x, y, z);
    expect_proved(algebraic[_i].rule, y, z);
}
END_TEST

START_TEST(every_rule_is_tried_alone)
{
    for (size_t i = 0; i < weft_rule_count(); i++) {
        bool found = weft_rule_at(i)->level != WEFT_REWRITE_ALGEBRAIC;
        for (size_t k = 0; k < sizeof algebraic / sizeof *algebraic; k++)
            found |= !strcmp(algebraic[k].rule, weft_rule_at(i)->name);
        found |= strstr(weft_rule_at(i)->name, "about the first") != NULL; /* f32 only: tests/test_rewrite_shift.c */
        ck_assert_msg(found, "the rule \"%s\" is not tried in tests/test_rewrite_algebra.c", weft_rule_at(i)->name);
        ck_assert(*weft_rule_at(i)->proof);
    }
    ck_assert_ptr_null(weft_rule_at(weft_rule_count()));
}
END_TEST

/* --- near misses of the algebraic rules --- */

static weft_node row_and_column_factors(weft_node x)
{
    return weft_mul(weft_mul(table(x), repeated(row)), beside(x));
}

static weft_node factor_within_whole_arrays(weft_node x)
{
    return weft_mul(weft_log(table(x)), weft_mul(table(x), repeated(row))); /* table(x)*row may be read elsewhere */
}

static weft_node divided_by_a_number(weft_node x)
{
    return weft_div(table(x), number(3));
}

static weft_node divided_by_a_whole_array(weft_node x)
{
    return weft_div(weft_log(table(x)), table(x));
}

/* a * (b*F + G) with everything but the a * F. */
static weft_node no_product_to_meet(weft_node x)
{
    weft_node a = table(x), power = weft_mul(weft_exp(row), row);
    return weft_mul(a, weft_add(weft_mul(weft_log(a), repeated(row)), repeated(power)));
}

/* With a * F, but G = exp(F) + F is no product. */
static weft_node no_factor_to_meet(weft_node x)
{
    weft_node a = table(x), sum = weft_add(weft_exp(row), row), product = weft_mul(a, repeated(row));
    return weft_add(product, weft_mul(a, weft_add(weft_mul(weft_log(a), repeated(row)), repeated(sum))));
}

/* F stands below the line of G = exp(F)/F. */
static weft_node a_divisor_to_meet(weft_node x)
{
    weft_node a = table(x), quotient = weft_div(weft_exp(row), row), product = weft_mul(a, repeated(row));
    return weft_add(product, weft_mul(a, weft_add(weft_mul(weft_log(a), repeated(row)), repeated(quotient))));
}

static weft_node power_without_root(weft_node x)
{
    weft_node s = weft_sum(table(x), WEFT_AXIS(0), false);
    weft_node root = weft_pow(s, number(0.5));
    return weft_add(root, weft_pow(s, number(-1.5)));
}

static weft_node even_and_odd_powers(weft_node x)
{
    weft_node s = weft_sum(table(x), WEFT_AXIS(0), false), root = weft_pow(s, number(-0.5));
    const double other[] = {-1, -1.4, -2, -3, 1.5, -4.5};
    for (size_t i = 0; i < sizeof other / sizeof *other; i++)
        root = weft_add(root, weft_pow(s, number(other[i])));
    return root;
}

static weft_node powers_of_a_whole_array(weft_node x)
{
    weft_node root = weft_pow(table(x), number(-0.5));
    return weft_add(root, weft_pow(table(x), number(-1.5)));
}

static weft_node factor_along_the_fold(weft_node x)
{
    return weft_sum(weft_mul(weft_log(table(x)), weft_mul(table(x), repeated(row))), WEFT_AXIS(1), false);
}

/* The term without a factor, twice: its sum would not get simpler, and x - c must stay centred. */
static weft_node one_term_stays(weft_node x)
{
    return weft_sum(weft_sub(weft_sub(weft_mul(table(x), repeated(row)), table(x)), repeated(row)), WEFT_AXIS(0), false);
}

/* Of two rows each: the sums would be half of the array. */
static weft_node stages_of_two(weft_node x)
{
    return weft_sum(weft_mul(weft_log(table(x)), repeated(row)), WEFT_ALL_AXES, false);
}

static const struct {
    const char *rule;
    weft_node (*build)(weft_node x);
} near_misses[] = {
    {"merge factors", row_and_column_factors},
    {"merge factors", factor_within_whole_arrays},
    {"divisor to reciprocal", divided_by_a_number},
    {"divisor to reciprocal", divided_by_a_whole_array},
    {"factor meets its product", no_product_to_meet},
    {"factor meets its product", no_factor_to_meet},
    {"factor meets its product", a_divisor_to_meet},
    {"power of a root", power_without_root},
    {"power of a root", even_and_odd_powers},
    {"power of a root", powers_of_a_whole_array},
    {"factor out of a sum", factor_along_the_fold},
    {"split a sum", one_term_stays},
    {"choose a position", two_of_each_row},
    {"sum in stages", factor_along_the_fold},
    {"sum in stages", stages_of_two},
};

START_TEST(what_only_looks_alike_stays)
{
    record r = {.n = 0};
    weft_node x = weft_input(t, "x", WEFT_F64, 1, (size_t[]){8}), y = near_misses[_i].build(x), z = rewrite(y, WEFT_REWRITE_ALGEBRAIC, &r);
    ck_assert_msg(!fired(&r, near_misses[_i].rule), "%s fired in near miss %d", near_misses[_i].rule, _i);
    expect_close(near_misses[_i].rule, x, y, z);
}
END_TEST

/* x**-1 is real for a negative sum, and its rewriting must be too; x**-0.5 beside it is not. */
START_TEST(a_negative_base_keeps_its_reciprocal)
{
    record r = {.n = 0};
    weft_node x = weft_input(t, "x", WEFT_F64, 1, (size_t[]){8}), s = weft_sum(x, WEFT_ALL_AXES, false);
    weft_node out[] = {weft_pow(s, number(-0.5)), weft_pow(s, number(-1)), weft_pow(s, number(-1.5)), weft_pow(s, number(-2))};
    ck_assert_int_eq(weft_rewrite(out, 4, WEFT_REWRITE_ALGEBRAIC, note, &r, out), WEFT_OK);
    ck_assert(fired(&r, "power of a root"));
    weft_program *p = compile_as_recorded(out, 4);
    weft_bind(p, x, (double[]){-1, -1, 0, 0, 0, 0, 0, 0}, 8 * sizeof(double));
    ck_assert_int_eq(weft_run(p), WEFT_OK);
    ck_assert(isnan(*(const double *)weft_output(p, 0)) && isnan(*(const double *)weft_output(p, 2)));
    ck_assert_double_eq(*(const double *)weft_output(p, 1), -0.5);
    ck_assert_double_eq(*(const double *)weft_output(p, 3), 0.25);
    weft_program_free(p);
}
END_TEST

/* Rows of a square array minus the means of its rows, but without keepdims: NumPy's rule lays mean j against column j, so nothing is centred. */
START_TEST(a_misplaced_mean_is_not_centred)
{
    static const double data[9] = {1, 2, 4, 8, 16, 32, 64, 128, 256};
    weft_node x = weft_input(t, "x", WEFT_F64, 2, (size_t[]){3, 3}), centred = weft_sub(x, weft_mean(x, WEFT_AXIS(1), false));
    weft_node y = weft_sum(centred, WEFT_AXIS(1), false);
    record r = {.n = 0};
    const weft_node out[] = {y, rewrite(y, WEFT_REWRITE_ALGEBRAIC, &r)};
    ck_assert(!fired(&r, "sum of deviations"));
    weft_program *p = compile_as_recorded(out, 2);
    weft_bind(p, x, data, sizeof data);
    ck_assert_int_eq(weft_run(p), WEFT_OK);
    for (size_t i = 0; i < 3; i++)
        ck_assert_double_eq_tol(((const double *)weft_output(p, 0))[i], ((const double *)weft_output(p, 1))[i], 1e-12);
    weft_program_free(p);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rewrite_algebra");
    TCase *rules = tcase_create("rules");
    tcase_add_checked_fixture(rules, set_up, tear_down);
    tcase_add_loop_test(rules, an_algebraic_rule_keeps_the_value, 0, sizeof algebraic / sizeof *algebraic);
    tcase_add_test(rules, every_rule_is_tried_alone);
    tcase_add_loop_test(rules, what_only_looks_alike_stays, 0, sizeof near_misses / sizeof *near_misses);
    tcase_add_test(rules, a_negative_base_keeps_its_reciprocal);
    tcase_add_test(rules, a_misplaced_mean_is_not_centred);
    suite_add_tcase(suite, rules);
    return run_suite(suite);
}

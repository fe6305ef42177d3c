/* test_rewrite.c: every exact rule alone, on values where it could go wrong; what must not be rewritten; equal nodes; bad use. The algebraic
 * rules are in test_rewrite_algebra.c, whole graphs in test_rewrite_graphs.c and test_rewrite_forms.c. */
#include "tests/fired.h"
#include "tests/suite.h"
#include "weft_op.h"

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

/* --- one rule at a time --- */

static weft_node number(double v)
{
    return weft_scalar(t, WEFT_F64, v);
}

static weft_node factor_left(weft_node x)
{
    return weft_mul(number(1), x);
}

static weft_node factor_right(weft_node x)
{
    return weft_mul(x, number(1));
}

static weft_node divisor(weft_node x)
{
    return weft_div(x, number(1));
}

static weft_node power(weft_node x)
{
    return weft_pow(x, number(1));
}

static weft_node minus_zero(weft_node x)
{
    return weft_sub(x, number(0));
}

static weft_node twice_negated(weft_node x)
{
    return weft_neg(weft_neg(x));
}

static weft_node plus_negation(weft_node x)
{
    return weft_add(x, weft_neg(weft_exp(x)));
}

static weft_node negation_plus(weft_node x)
{
    return weft_add(weft_neg(weft_exp(x)), x);
}

static weft_node minus_negation(weft_node x)
{
    return weft_sub(x, weft_neg(weft_exp(x)));
}

static weft_node constants(weft_node x)
{
    return weft_mul(x, weft_pow(weft_add(number(2), number(1)), number(-2)));
}

static weft_node broadcast_twice(weft_node x)
{
    return weft_broadcast(weft_broadcast(x, 2, (size_t[]){1, 8}), 3, (size_t[]){2, 3, 8});
}

static weft_node broadcast_to_itself(weft_node x)
{
    return weft_neg(weft_broadcast(x, 1, (size_t[]){8}));
}

static weft_node reshape_twice(weft_node x)
{
    return weft_reshape(weft_reshape(x, 2, (size_t[]){2, 4}), 3, (size_t[]){2, 2, 2});
}

static weft_node transpose_twice(weft_node x)
{
    weft_node cube = weft_exp(weft_reshape(x, 3, (size_t[]){1, 2, 4}));
    return weft_transpose(weft_transpose(cube, (int[]){2, 0, 1}), (int[]){1, 0, 2});
}

static weft_node transpose_back(weft_node x)
{
    return weft_transpose(weft_transpose(weft_exp(weft_reshape(x, 2, (size_t[]){2, 4})), NULL), NULL);
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

static weft_node factor_first(weft_node x)
{
    return weft_mul(repeated(row), table(x));
}

static weft_node negated_product(weft_node x)
{
    return weft_neg(weft_mul(table(x), repeated(row)));
}

static weft_node slice_twice(weft_node x)
{
    return weft_slice(weft_slice(weft_exp(x), (ptrdiff_t[]){7}, NULL, (ptrdiff_t[]){-2}), (ptrdiff_t[]){1}, NULL, (ptrdiff_t[]){2}); /* 5, 1 */
}

static weft_node flip_back(weft_node x)
{
    return weft_flip(weft_flip(weft_exp(x), 1), 1);
}

/* Of the second part, backwards. */
static weft_node slice_of_concat(weft_node x)
{
    weft_node three = weft_slice(x, NULL, (ptrdiff_t[]){3}, NULL), joined = weft_concat((weft_node[]){weft_exp(three), weft_sqrt(x), three}, 3, 0);
    return weft_slice(joined, (ptrdiff_t[]){9}, (ptrdiff_t[]){2}, (ptrdiff_t[]){-3}); /* sqrt(x) at 6, 3 and 0 */
}

static const struct {
    const char *rule;
    weft_node (*build)(weft_node x);
} alone[] = {
    {"factor 1", factor_left},
    {"factor 1", factor_right},
    {"divisor 1", divisor},
    {"power 1", power},
    {"minus 0", minus_zero},
    {"double negation", twice_negated},
    {"plus a negation", plus_negation},
    {"plus a negation", negation_plus},
    {"minus a negation", minus_negation},
    {"fold constants", constants},
    {"broadcast of broadcast", broadcast_twice},
    {"broadcast of broadcast", broadcast_to_itself},
    {"reshape of reshape", reshape_twice},
    {"transpose of transpose", transpose_twice},
    {"transpose of transpose", transpose_back},
    {"slice of slice", slice_twice},
    {"slice of slice", flip_back},
    {"slice of concat", slice_of_concat},
    {"factor second", factor_first},
    {"sign into factor", negated_product},
};

static const double tricky[8] = {0, -0.0, INFINITY, -INFINITY, NAN, 5e-324, -1.7976931348623157e308, 0.1}, tricky_row[4] = {-0.0, 3, INFINITY, 0.1};

static size_t count_of(weft_node x)
{
    weft_shape shape = weft_node_shape(x);
    return weft_shape_count(&shape);
}

/* The same bits, except that any NaN is any other: IEEE 754 leaves its payload and sign open. */
static void expect_same_bits(const char *what, const double *a, const double *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(!memcmp(&a[i], &b[i], sizeof *a) || (isnan(a[i]) && isnan(b[i])), "%s[%zu]: %.17g became %.17g", what, i, a[i], b[i]);
}

START_TEST(a_rule_keeps_every_bit)
{
    record r = {.n = 0};
    weft_node x = weft_input(t, "x", WEFT_F64, 1, (size_t[]){8}), y = alone[_i].build(x), z = rewrite(y, WEFT_REWRITE_EXACT, &r);
    ck_assert_msg(fired(&r, alone[_i].rule), "%s did not fire", alone[_i].rule);
    expect_proved(alone[_i].rule, y, z);
    const weft_node out[] = {y, z};
    weft_program *p = compile_as_recorded(out, 2), *before = compile_as_recorded(out, 1), *after = compile_as_recorded(out + 1, 1);
    weft_bind(p, x, tricky, sizeof tricky);
    weft_bind(p, row, tricky_row, sizeof tricky_row);
    ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
    expect_same_bits(alone[_i].rule, weft_output(p, 0), weft_output(p, 1), count_of(y));
    ck_assert_uint_le(weft_program_memory(after).steps, weft_program_memory(before).steps);
    weft_program_free(p);
    weft_program_free(before);
    weft_program_free(after);
}
END_TEST

START_TEST(every_rule_is_tried_alone)
{
    for (size_t i = 0; i < weft_rule_count(); i++) {
        bool found = weft_rule_at(i)->level != WEFT_REWRITE_EXACT;
        for (size_t k = 0; k < sizeof alone / sizeof *alone; k++)
            found |= !strcmp(alone[k].rule, weft_rule_at(i)->name);
        ck_assert_msg(found, "the rule \"%s\" is not tried in tests/test_rewrite.c", weft_rule_at(i)->name);
        ck_assert(*weft_rule_at(i)->proof);
    }
    ck_assert_ptr_null(weft_rule_at(weft_rule_count()));
}
END_TEST

/* --- what looks alike and is not --- */

START_TEST(what_would_change_a_bit_stays)
{
    weft_node x = weft_input(t, "x", WEFT_F64, 1, (size_t[]){8});
    const weft_node out[] = {weft_add(x, number(0)), weft_mul(x, number(0)), weft_sub(x, x), weft_sub(x, number(-0.0)), weft_div(x, x),
                             weft_pow(x, number(0)), weft_mul(x, number(1 + 2.3e-16)), weft_div(number(1), number(0))};
    enum { N = sizeof out / sizeof *out };
    record r = {.n = 0};
    weft_node z[N];
    ck_assert_int_eq(weft_rewrite(out, N, WEFT_REWRITE_EXACT, note, &r, z), WEFT_OK);
    ck_assert_msg(r.n == 0, "\"%s\" fired", r.n ? r.rule[0] : "");
    for (size_t k = 0; k < N; k++)
        ck_assert_ptr_eq(weft_node_op(z[k]), weft_node_op(out[k]));
}
END_TEST

/* --- equal nodes --- */

START_TEST(equal_nodes_become_one)
{
    weft_node x = weft_input(t, "x", WEFT_F64, 2, (size_t[]){3, 4}), y = weft_input(t, "y", WEFT_F64, 2, (size_t[]){3, 4});
    const weft_node out[] = {weft_mul(x, y), weft_mul(y, x), weft_sub(x, y), weft_sub(y, x), weft_sum(x, 1, false), weft_sum(x, 2, false),
                             weft_sum(x, 1, true), weft_sum(x, 1, false), weft_mul(x, number(3)), weft_mul(x, number(3)), weft_mul(x, number(4))};
    enum { N = sizeof out / sizeof *out };
    weft_node z[N];
    ck_assert_int_eq(weft_rewrite(out, N, WEFT_REWRITE_EXACT, NULL, NULL, z), WEFT_OK);
    const int class[N] = {0, 0, 1, 2, 3, 4, 5, 3, 6, 6, 7};
    for (int i = 0; i < N; i++)
        for (int k = 0; k < N; k++)
            ck_assert_msg((z[i].id == z[k].id) == (class[i] == class[k]), "outputs %d and %d", i, k);
}
END_TEST

START_TEST(constants_of_other_kinds_stay_apart)
{
    const float narrow = 0.1f;
    weft_node a = weft_constant(t, WEFT_F32, 0, NULL, &narrow), b = weft_scalar(t, WEFT_F32, 0.1); /* alike in f32, not in their twins */
    weft_node zero = number(0), minus = number(-0.0), pair = weft_full_like(weft_broadcast(zero, 1, (size_t[]){2}), 0);
    const weft_node out[] = {a, b, zero, minus, number(0), pair};
    weft_node z[6];
    ck_assert_int_eq(weft_rewrite(out, 6, WEFT_REWRITE_EXACT, NULL, NULL, z), WEFT_OK);
    ck_assert_uint_ne(z[0].id, z[1].id);
    ck_assert_uint_ne(z[2].id, z[3].id);
    ck_assert_uint_eq(z[2].id, z[4].id);
    ck_assert_uint_ne(z[2].id, z[5].id);
}
END_TEST

START_TEST(assignments_and_names_stay)
{
    weft_node w = weft_parameter(t, "w", WEFT_F64, 0, NULL), v = weft_parameter(t, "v", WEFT_F64, 0, NULL);
    weft_scope_push(t, "layer");
    weft_node next = weft_name(weft_add(w, weft_mul(number(1), v)), "next");
    weft_scope_pop(t);
    const weft_node out[] = {weft_assign(w, next), weft_assign(v, next)};
    weft_node z[2];
    ck_assert_int_eq(weft_rewrite(out, 2, WEFT_REWRITE_EXACT, NULL, NULL, z), WEFT_OK);
    ck_assert_uint_ne(z[0].id, z[1].id);
    weft_node renamed = weft_node_operand(z[0], 1);
    ck_assert_str_eq(weft_node_name(renamed), "next");
    ck_assert_str_eq(weft_node_scope(renamed), "layer");
    ck_assert_uint_eq(weft_node_operand(renamed, 1).id, v.id);
    weft_program *p = compile_as_recorded(z, 2);
    double value;
    weft_parameter_write(p, v, (double[]){5}, sizeof value);
    ck_assert_int_eq(weft_run(p), WEFT_OK);
    weft_parameter_read(p, w, &value, sizeof value);
    ck_assert_double_eq(value, 5);
    weft_program_free(p);
}
END_TEST

START_TEST(bad_use_is_named)
{
    weft_tape *other = weft_tape_new(NULL);
    weft_node z[2];
    const weft_node mixed[] = {number(1), weft_scalar(other, WEFT_F64, 1)};
    ck_assert_int_eq(weft_rewrite(NULL, 1, WEFT_REWRITE_EXACT, NULL, NULL, z), WEFT_ERROR_MEMORY);
    ck_assert_int_eq(weft_rewrite(mixed, 2, WEFT_REWRITE_EXACT, NULL, NULL, z), WEFT_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(weft_tape_message(t), "output 1"));
    weft_tape_free(other);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rewrite");
    TCase *rules = tcase_create("rules");
    tcase_add_checked_fixture(rules, set_up, tear_down);
    tcase_add_loop_test(rules, a_rule_keeps_every_bit, 0, sizeof alone / sizeof *alone);
    tcase_add_test(rules, every_rule_is_tried_alone);
    tcase_add_test(rules, what_would_change_a_bit_stays);
    tcase_add_test(rules, equal_nodes_become_one);
    tcase_add_test(rules, constants_of_other_kinds_stay_apart);
    tcase_add_test(rules, assignments_and_names_stay);
    tcase_add_test(rules, bad_use_is_named);
    suite_add_tcase(suite, rules);
    return run_suite(suite);
}

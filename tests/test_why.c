/* test_why.c: where a NaN comes from, and why a gradient is zero. Every reason has a graph that was made for it, and a graph beside it that has none. */
#include "tests/faulty.h"
#include "tests/suite.h"

#include <math.h>

enum { N = 4, D = 3 };

static weft_tape *t;
static weft_why why;

static void set_up(void)
{
    t = weft_tape_new(NULL);
}

static void tear_down(void)
{
    weft_tape_free(t);
}

static weft_node vector(const char *name, weft_dtype dtype, size_t n, const double *data)
{
    float narrow[16];
    for (size_t i = 0; i < n; i++)
        narrow[i] = (float)data[i];
    return weft_name(weft_constant(t, dtype, 1, &n, dtype == WEFT_F64 ? (const void *)data : narrow), name);
}

static weft_node matrix(const char *name, const double *data)
{
    return weft_name(weft_constant(t, WEFT_F64, 2, (size_t[]){N, D}, data), name);
}

static weft_node number(double value)
{
    return weft_scalar(t, WEFT_F64, value);
}

static weft_node total(weft_node x)
{
    return weft_sum(x, WEFT_ALL_AXES, false);
}

static void says(const char *text)
{
    ck_assert_msg(strstr(why.message, text) != NULL, "\"%s\" does not say \"%s\"", why.message, text);
}

static void ask_nan(weft_node y)
{
    uint32_t count = weft_tape_count(t);
    why = (weft_why){0};
    ck_assert_msg(weft_why_nan(y, NULL, 0, &why) == WEFT_OK, "%s", weft_tape_message(t));
    ck_assert_uint_eq(weft_tape_count(t), count);
}

static void ask_zero(weft_node y, weft_node x)
{
    uint32_t count = weft_tape_count(t);
    why = (weft_why){0};
    ck_assert_msg(weft_why_zero(y, x, NULL, 0, &why) == WEFT_OK, "%s", weft_tape_message(t));
    ck_assert_uint_eq(weft_tape_count(t), count);
}

static const double values[N * D] = {0.3, -1.2, 2.5, 1.1, 0.4, -0.7, -0.9, 2.2, 0.6, 1.7, -0.3, -1.4}, ones[D] = {1, 1, 1};

/* --- NaN and Inf --- */

START_TEST(the_maker_is_named)
{
    weft_node x = vector("x", WEFT_F64, 3, (double[]){4, -9, 1});
    weft_scope_push(t, "block");
    weft_node root = weft_name(weft_sqrt(x), "root");
    weft_scope_pop(t);
    ask_nan(total(weft_exp(weft_mul(root, number(2)))));
    ck_assert_int_eq(why.reason, WEFT_WHY_MADE);
    ck_assert_uint_eq(why.node.id, root.id);
    ck_assert_uint_eq(why.element, 1);
    ck_assert_double_nan(why.value);
    ck_assert_int_eq(why.n, 1);
    ck_assert_uint_eq(why.operand[0].id, x.id);
    ck_assert_double_eq(why.operand_value[0], -9);
    ck_assert_uint_eq(why.affected, 1);
    says("sqrt \"root\" in block made the first NaN at [1]");
    says("\"x\"[1] = -9");
}
END_TEST

START_TEST(an_infinity_that_becomes_nan_is_followed_back)
{
    weft_node x = vector("x", WEFT_F32, 2, (double[]){100, 1}), power = weft_exp(x); /* e**100 is beyond f32 */
    weft_node difference = weft_sub(power, power);
    ask_nan(difference);
    ck_assert_uint_eq(why.node.id, power.id);
    ck_assert_double_eq(why.value, INFINITY);
    ck_assert_double_eq(why.operand_value[0], 100);
    says("made the first Inf at [0]");
    says("it became NaN in");
    says("sub");
    says("1 of 2 elements");
}
END_TEST

START_TEST(what_was_given_is_said_to_be)
{
    weft_node x = weft_input(t, "x", WEFT_F64, 1, (size_t[]){2}), y = weft_transpose(weft_broadcast(weft_mul(x, x), 2, (size_t[]){3, 2}), NULL);
    const double data[] = {1, NAN};
    const weft_binding bind = {x, data, sizeof data};
    ck_assert_int_eq(weft_why_nan(y, &bind, 1, &why), WEFT_OK);
    ck_assert_int_eq(why.reason, WEFT_WHY_GIVEN);
    ck_assert_uint_eq(why.node.id, x.id);
    ck_assert_uint_eq(why.element, 1);
    ck_assert_uint_eq(why.affected, 3);
    says("holds nan at [1]: it was given");
}
END_TEST

/* An element that is not chosen leads nowhere; nor does one of another row. */
START_TEST(what_does_not_matter_is_not_blamed)
{
    weft_node x = weft_constant(t, WEFT_F64, 2, (size_t[]){2, 2}, (double[]){-1, 4, 1000, 1});
    weft_node safe = weft_where(weft_greater(x, number(0)), weft_sqrt(x), number(0)), power = weft_exp(x);
    ask_nan(safe);
    ck_assert_int_eq(why.reason, WEFT_WHY_NOTHING);
    says("all 4 elements are finite");
    weft_node sums = weft_sum(weft_sqrt(x), WEFT_AXIS(1), false); /* NaN, finite */
    weft_node last = weft_sum(power, WEFT_AXIS(1), false);        /* finite, Inf */
    weft_node picked = weft_slice(weft_add(sums, last), (ptrdiff_t[]){1}, (ptrdiff_t[]){2}, NULL);
    ask_nan(picked);
    ck_assert_uint_eq(why.node.id, power.id);
    ck_assert_uint_eq(why.element, 2);
}
END_TEST

START_TEST(sums_and_products_of_matrices_overflow)
{
    weft_node x = vector("x", WEFT_F32, 3, (double[]){3e38, 1, 3e38}), y = weft_sum(x, WEFT_ALL_AXES, false);
    ask_nan(y);
    ck_assert_uint_eq(why.node.id, y.id);
    ck_assert_double_eq(why.operand_value[0], (double)3e38f);
    weft_node a = weft_reshape(x, 2, (size_t[]){1, 3}), product = weft_matmul(a, weft_transpose(a, NULL));
    ask_nan(weft_mul(product, product));
    ck_assert_uint_eq(why.node.id, product.id);
    ck_assert_int_eq(why.n, 2);
}
END_TEST

/* The last outputs of a fused op are traced to its operands. */
START_TEST(parts_are_traced)
{
    weft_node h = matrix("h", values), g = vector("gamma", WEFT_F64, D, ones), bad = weft_log(weft_neg(weft_abs(h)));
    ask_nan(weft_part(weft_fused_batchnorm(bad, g, g, 0.1), 2));
    ck_assert_uint_eq(why.node.id, bad.id);
}
END_TEST

/* --- zero --- */

START_TEST(a_dead_relu_is_found)
{
    weft_node x = vector("x", WEFT_F64, 3, (double[]){-1, -2, -0.5}), dead = weft_name(weft_relu(x), "dead");
    ask_zero(weft_exp(dead), x);
    ck_assert_int_eq(why.reason, WEFT_WHY_FLAT);
    ck_assert_uint_eq(why.node.id, dead.id);
    ck_assert_uint_eq(why.affected, 3);
    ck_assert_double_eq(why.operand_value[0], -1);
    says("relu \"dead\"");
    says("where its operand is not above 0");
    says("at 3 of 3 elements: it is dead");
    x = vector("x", WEFT_F64, 3, (double[]){1, -2, 0.5});
    ask_zero(weft_exp(weft_relu(weft_mul(x, number(3)))), x);
    ck_assert_int_eq(why.reason, WEFT_WHY_FLAT);
    ck_assert_uint_eq(why.element, 1);
    ck_assert_uint_eq(why.affected, 1);
    says("1 of 3 elements of the gradient are zero");
    says("at 1 of 3 elements");
    ask_zero(weft_exp(x), x);
    ck_assert_int_eq(why.reason, WEFT_WHY_NOTHING);
}
END_TEST

START_TEST(other_flat_places_are_found)
{
    weft_node x = vector("x", WEFT_F64, 2, (double[]){5, 1}), z = vector("z", WEFT_F64, 2, (double[]){0, 100}), y;
    ask_zero(y = weft_clip(x, 0, 2), x);
    ck_assert_int_eq(why.reason, WEFT_WHY_FLAT);
    ck_assert_uint_eq(why.node.id, y.id);
    ask_zero(y = weft_square(z), z);
    ck_assert_uint_eq(why.affected, 1);
    ck_assert_int_eq(why.reason, WEFT_WHY_FLAT);
    ask_zero(y = weft_sigmoid(z), z);
    ck_assert_uint_eq(why.element, 1);
    says("saturated");
    ask_zero(y = weft_max(x, WEFT_ALL_AXES, false), x);
    ck_assert_uint_eq(why.affected, 1);
    ck_assert_int_eq(why.reason, WEFT_WHY_FLAT);
    says("but for the largest");
    ask_zero(y = weft_slice(x, (ptrdiff_t[]){1}, (ptrdiff_t[]){2}, NULL), x);
    ck_assert_int_eq(why.reason, WEFT_WHY_NOT_READ);
    ck_assert_uint_eq(why.node.id, y.id);
    says("does not read element [0]");
}
END_TEST

/* The sum of what was normalised is a constant, whatever normalised it: by hand, and by an op of its own. */
START_TEST(sums_of_normalised_values_cancel)
{
    weft_node h = matrix("h", values), g = vector("gamma", WEFT_F64, D, ones), fused;
    ask_zero(total(weft_batchnorm(h, g, g, 0.1)), h);
    ck_assert_int_eq(why.reason, WEFT_WHY_CANCELS);
    ck_assert_uint_eq(why.affected, N * D);
    says("zero by construction");
    ask_zero(total(weft_softmax(h, -1)), h);
    ck_assert_int_eq(why.reason, WEFT_WHY_CANCELS);
    ask_zero(total(fused = weft_fused_batchnorm(h, g, g, 0.1)), h);
    ck_assert_int_eq(why.reason, WEFT_WHY_CANCELS);
    ck_assert_uint_eq(why.node.id, fused.id);
    says("its terms do not vanish");
    ask_zero(total(weft_mul(weft_batchnorm(h, g, g, 0.1), weft_exp(h))), h); /* weighed, it has one */
    ck_assert_int_eq(why.reason, WEFT_WHY_NOTHING);
}
END_TEST

START_TEST(forks_that_cancel_are_found)
{
    weft_node x = vector("x", WEFT_F64, 2, (double[]){2, 3}), a = weft_exp(x), y = weft_sub(weft_mul(a, number(3)), weft_mul(number(3), weft_exp(x)));
    ask_zero(y, x);
    ck_assert_int_eq(why.reason, WEFT_WHY_CANCELS);
    ck_assert_uint_eq(why.node.id, x.id);
    says("2 of its users");
    says("+22.1672 from"); /* 3 e**2 */
    says("-22.1672 from");
}
END_TEST

START_TEST(cancellation_in_f32_is_rounding_too)
{
    weft_node z = vector("z", WEFT_F32, 5, (double[]){0.3, -1.2, 2.5, 1.1, 0.4});
    ask_zero(total(weft_softmax(z, -1)), z);
    ck_assert_int_eq(why.reason, WEFT_WHY_CANCELS);
    ck_assert_uint_eq(why.affected, 5);
}
END_TEST

START_TEST(no_path_is_said)
{
    weft_node x = vector("x", WEFT_F64, 2, (double[]){2, 3}), other = vector("other", WEFT_F64, 2, (double[]){2, 3});
    ask_zero(weft_exp(other), x);
    ck_assert_int_eq(why.reason, WEFT_WHY_NO_PATH);
    says("does not depend on");
    says("\"x\"");
    ask_zero(x, weft_exp(x)); /* the wrong way round */
    ck_assert_int_eq(why.reason, WEFT_WHY_NO_PATH);
}
END_TEST

START_TEST(what_stops_derivatives_is_named)
{
    weft_node x = vector("x", WEFT_F64, 2, (double[]){2, 3}), stop;
    ask_zero(weft_mul(weft_exp(stop = weft_stop_gradient(weft_exp(x))), number(2)), x);
    ck_assert_int_eq(why.reason, WEFT_WHY_STOPPED);
    ck_assert_uint_eq(why.node.id, stop.id);
    ask_zero(weft_exp(stop = weft_sign(x)), x);
    ck_assert_uint_eq(why.node.id, stop.id);
    ask_zero(weft_exp(stop = weft_greater(x, number(1))), x);
    ck_assert_uint_eq(why.node.id, stop.id);
    stop = weft_argmax(x, 0, false);
    ask_zero(weft_exp(weft_cast(stop, WEFT_F64)), x); /* weft_grad() makes it an error */
    ck_assert_int_eq(why.reason, WEFT_WHY_STOPPED);
    ck_assert_uint_eq(why.node.id, stop.id);
    ask_zero(weft_where(x, number(1), weft_exp(number(2))), x); /* a mask that is x itself */
    ck_assert_int_eq(why.reason, WEFT_WHY_STOPPED);
    ask_zero(weft_mul(weft_sign(x), x), x); /* another way is open */
    ck_assert_int_eq(why.reason, WEFT_WHY_NOTHING);
}
END_TEST

START_TEST(factors_of_zero_are_named)
{
    weft_node x = vector("x", WEFT_F64, 2, (double[]){2, 3}), gate = vector("gate", WEFT_F64, 2, (double[]){1, 0}), y = weft_mul(weft_exp(x), gate);
    ask_zero(weft_exp(y), x);
    ck_assert_int_eq(why.reason, WEFT_WHY_TIMES_ZERO);
    ck_assert_uint_eq(why.node.id, y.id);
    ck_assert_uint_eq(why.element, 1);
    says("the factor is zero");
    says("\"gate\"[1] = 0");
    weft_node w = weft_constant(t, WEFT_F64, 2, (size_t[]){2, 2}, (double[]){0, 0, 1, 2}); /* x[0] is weighed with zeros */
    weft_node product = weft_matmul(x, w);
    ask_zero(product, x);
    ck_assert_int_eq(why.reason, WEFT_WHY_NOT_READ);
    ck_assert_uint_eq(why.node.id, weft_node_operand(product, 0).id); /* the product is a reshaped row */
    says("weighs it with 0");
}
END_TEST

START_TEST(underflow_is_told_from_zero)
{
    weft_node x = vector("x", WEFT_F64, 2, (double[]){1, 2}), tiny = weft_mul(x, number(1e-200)), y = weft_mul(tiny, number(1e-200));
    ask_zero(y, x);
    ck_assert_int_eq(why.reason, WEFT_WHY_UNDERFLOW);
    ck_assert_uint_eq(why.node.id, tiny.id);
    says("underflow: the adjoint 1e-200 times the derivative 1e-200");
    says("f64");
}
END_TEST

/* The reason may lie many nodes from x. */
START_TEST(reasons_are_found_from_afar)
{
    weft_node h = matrix("h", values), w = weft_constant(t, WEFT_F64, 2, (size_t[]){D, 2}, values);
    weft_node dead = weft_relu(weft_sub(weft_matmul(weft_tanh(h), w), number(100))), y = total(weft_mul(dead, dead));
    ask_zero(y, h);
    ck_assert_int_eq(why.reason, WEFT_WHY_FLAT);
    ck_assert_uint_eq(why.node.id, dead.id);
    says("relu");
}
END_TEST

/* --- use --- */

START_TEST(bad_use_is_named)
{
    weft_node x = weft_input(t, "x", WEFT_F64, 0, NULL), y = weft_exp(x), none = {.id = WEFT_NO_ID}, index = weft_constant(t, WEFT_I64, 0, NULL, (int64_t[]){1});
    weft_mark mark = weft_tape_mark(t);
    ck_assert_int_eq(weft_why_nan(y, NULL, 0, &why), WEFT_ERROR_UNBOUND);
    ck_assert_ptr_nonnull(strstr(weft_tape_message(t), "why nan:"));
    weft_tape_rewind(t, mark);
    ck_assert_int_eq(weft_why_zero(y, x, NULL, 0, &why), WEFT_ERROR_UNBOUND);
    ck_assert_ptr_nonnull(strstr(weft_tape_message(t), "why zero:"));
    weft_tape_rewind(t, mark);
    ck_assert_int_eq(weft_why_nan(y, NULL, 0, NULL), WEFT_ERROR_ARGUMENT);
    weft_tape_rewind(t, mark);
    ck_assert_int_eq(weft_why_zero(y, x, NULL, 1, &why), WEFT_ERROR_ARGUMENT);
    weft_tape_rewind(t, mark);
    ck_assert_int_eq(weft_why_zero(y, none, NULL, 0, &why), WEFT_ERROR_ARGUMENT);
    weft_tape_rewind(t, mark);
    ck_assert_int_eq(weft_why_nan(index, NULL, 0, &why), WEFT_ERROR_DTYPE);
    weft_tape_rewind(t, mark);
    ck_assert_int_eq(weft_why_zero(y, index, NULL, 0, &why), WEFT_ERROR_DTYPE);
    weft_tape_rewind(t, mark);
    const weft_binding wrong = {none, &mark, 8};
    ck_assert_int_eq(weft_why_nan(y, &wrong, 1, &why), WEFT_ERROR_ARGUMENT);
    weft_tape_rewind(t, mark);
    ck_assert_int_ne(weft_why_nan(none, NULL, 0, &why), WEFT_OK);
    weft_node empty = weft_input(t, "empty", WEFT_F64, 1, (size_t[]){0});
    const weft_binding nothing = {empty, NULL, 0};
    ck_assert_int_eq(weft_why_zero(weft_exp(empty), empty, &nothing, 1, &why), WEFT_OK);
    ck_assert_int_eq(why.reason, WEFT_WHY_NOTHING);
    ck_assert_int_eq(weft_why_nan(weft_exp(empty), &nothing, 1, &why), WEFT_OK);
    ck_assert_int_eq(why.reason, WEFT_WHY_NOTHING);
}
END_TEST

static weft_status ask_both(weft_tape *tape)
{
    static const size_t dim[] = {N, D};
    weft_why found;
    weft_node h = weft_constant(tape, WEFT_F64, 2, dim, values), g = weft_constant(tape, WEFT_F64, 1, dim + 1, ones);
    weft_node y = weft_sum(weft_batchnorm(h, g, g, 0.1), WEFT_ALL_AXES, false), bad = weft_log(h);
    weft_status status = weft_why_zero(y, h, NULL, 0, &found);
    return status == WEFT_OK ? weft_why_nan(bad, NULL, 0, &found) : status;
}

START_TEST(every_allocation_may_fail)
{
    faulty f = {0};
    weft_allocator allocator = faulty_allocator(&f);
    weft_tape *tape = weft_tape_new(&allocator);
    ck_assert_int_eq(ask_both(tape), WEFT_OK);
    weft_tape_free(tape);
    size_t all = f.count;
    for (size_t n = 2; n <= all; n++) {
        f = (faulty){.fail_at = n};
        tape = weft_tape_new(&allocator);
        weft_mark mark = weft_tape_mark(tape);
        weft_status status = ask_both(tape);
        ck_assert_msg(status == WEFT_ERROR_MEMORY || (status == WEFT_OK && f.count < n), "allocation %zu: %s", n, weft_tape_message(tape));
        weft_tape_rewind(tape, mark);
        ck_assert_int_eq(ask_both(tape), WEFT_OK);
        weft_tape_free(tape);
        ck_assert_uint_eq(f.live, 0);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("why");
    TCase *nan = tcase_create("nan"), *zero = tcase_create("zero");
    tcase_add_checked_fixture(nan, set_up, tear_down);
    tcase_add_test(nan, the_maker_is_named);
    tcase_add_test(nan, an_infinity_that_becomes_nan_is_followed_back);
    tcase_add_test(nan, what_was_given_is_said_to_be);
    tcase_add_test(nan, what_does_not_matter_is_not_blamed);
    tcase_add_test(nan, sums_and_products_of_matrices_overflow);
    tcase_add_test(nan, parts_are_traced);
    tcase_add_test(nan, bad_use_is_named);
    tcase_add_test(nan, every_allocation_may_fail);
    tcase_set_timeout(nan, 60);
    suite_add_tcase(suite, nan);
    tcase_add_checked_fixture(zero, set_up, tear_down);
    tcase_add_test(zero, a_dead_relu_is_found);
    tcase_add_test(zero, other_flat_places_are_found);
    tcase_add_test(zero, sums_of_normalised_values_cancel);
    tcase_add_test(zero, forks_that_cancel_are_found);
    tcase_add_test(zero, cancellation_in_f32_is_rounding_too);
    tcase_add_test(zero, no_path_is_said);
    tcase_add_test(zero, what_stops_derivatives_is_named);
    tcase_add_test(zero, factors_of_zero_are_named);
    tcase_add_test(zero, underflow_is_told_from_zero);
    tcase_add_test(zero, reasons_are_found_from_afar);
    suite_add_tcase(suite, zero);
    return run_suite(suite);
}

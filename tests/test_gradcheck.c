/* test_gradcheck.c: the checker is checked on gradients that are wrong on purpose, and must say what is wrong with each. */
#include "tests/samples.h"
#include "tests/suite.h"

#include <math.h>
#include <string.h>

enum { N = 6, D = 4 };

static weft_tape *t;
static operands o;
static weft_node h, gamma_, beta, dy, y, mu, rstd, hhat;

static void set_up(void)
{
    const sample s = {.op = "batchnorm", .n = 3, .shape = {{2, {N, D}}, {1, {D}}, {1, {D}}}, .domain = {NORMAL, AWAY, NORMAL}};
    t = weft_tape_new(NULL);
    operands_make(&o, t, &s, WEFT_F64, 41);
    h = weft_name(o.node[0], "h");
    gamma_ = weft_name(o.node[1], "gamma");
    beta = weft_name(o.node[2], "beta");
    dy = weft_input(t, "dy", WEFT_F64, 2, (size_t[]){N, D});
    y = weft_batchnorm(h, gamma_, beta, 1e-5);
    mu = weft_mean(h, WEFT_AXIS(0), false);
    rstd = weft_pow(weft_add(weft_variance(h, WEFT_AXIS(0), false), weft_scalar(t, WEFT_F64, 1e-5)), weft_scalar(t, WEFT_F64, -0.5));
    hhat = weft_mul(weft_sub(h, mu), rstd);
}

static void tear_down(void)
{
    operands_free(&o);
    weft_tape_free(t);
}

static weft_gradcheck judge(weft_node of, weft_node x, weft_node claimed)
{
    weft_gradcheck result;
    weft_gradcheck_options options = {.bind = o.binding, .n_bind = 3, .seed = 5};
    if (claimed.tape) {
        options.claimed = &claimed;
        options.cotangent = dy;
    }
    ck_assert_msg(weft_gradient_check(of, &x, 1, &options, &result) == WEFT_OK, "%s", weft_tape_message(t));
    return result;
}

static weft_node number(double v)
{
    return weft_scalar(t, WEFT_F64, v);
}

/* --- hand-derived gradients, right and wrong --- */

static weft_node closed_form(void)
{
    weft_node n = number(N), dbeta = weft_sum(dy, 1, false), dgamma = weft_sum(weft_mul(dy, hhat), 1, false);
    weft_node bracket = weft_sub(weft_sub(weft_mul(n, dy), dbeta), weft_mul(hhat, dgamma));
    return weft_mul(weft_div(weft_mul(gamma_, rstd), n), bracket);
}

static weft_node without_mean_path(void)
{
    weft_node n = number(N), dgamma = weft_sum(weft_mul(dy, hhat), 1, false);
    return weft_mul(weft_div(weft_mul(gamma_, rstd), n), weft_sub(weft_mul(n, dy), weft_mul(hhat, dgamma)));
}

static weft_node without_variance_path(void)
{
    weft_node n = number(N);
    return weft_mul(weft_div(weft_mul(gamma_, rstd), n), weft_sub(weft_mul(n, dy), weft_sum(dy, 1, false)));
}

static weft_node straight_through(void)
{
    return weft_mul(weft_mul(gamma_, rstd), dy);
}

static weft_node without_gamma(void)
{
    return weft_div(closed_form(), gamma_);
}

static weft_node with_the_other_sign(void)
{
    return weft_neg(closed_form());
}

static weft_node zero_dh(void)
{
    return weft_full_like(h, 0);
}

static weft_node bessel(void)
{
    weft_node n = number(N), dbeta = weft_sum(dy, 1, false), dgamma = weft_sum(weft_mul(dy, hhat), 1, false);
    weft_node bracket = weft_sub(weft_sub(weft_mul(n, dy), dbeta), weft_mul(weft_mul(number(N / (N - 1.0)), hhat), dgamma));
    return weft_mul(weft_div(weft_mul(gamma_, rstd), n), bracket);
}

static weft_node dgamma_right(void)
{
    return weft_sum(weft_mul(dy, hhat), 1, false);
}

static weft_node dgamma_unsummed(void)
{
    return weft_mul(dy, hhat);
}

static weft_node dgamma_unsummed_and_wrong(void)
{
    return weft_mul(dy, weft_neg(hhat));
}

static weft_node dgamma_mean(void)
{
    return weft_mean(weft_mul(dy, hhat), 1, false);
}

static weft_node dgamma_twice(void)
{
    return weft_mul(number(2), dgamma_right());
}

static weft_node dgamma_of_h(void)
{
    return weft_sum(weft_mul(dy, h), 1, false);
}

static weft_node dbeta_mean(void)
{
    return weft_mean(dy, 1, false);
}

static weft_node dgamma_nan(void)
{
    return weft_mul(dgamma_right(), number(NAN));
}

static const struct {
    const char *name;
    int x; /* 0 h, 1 gamma, 2 beta */
    weft_node (*claimed)(void);
    const char *says; /* NULL: right */
} claims[] = {
    {"closed form", 0, closed_form, NULL},
    {"dgamma", 1, dgamma_right, NULL},
    {"forgotten path through mu", 0, without_mean_path, "a path is missing"},
    {"forgotten path through sigma2", 0, without_variance_path, "a path is missing"},
    {"both paths forgotten", 0, straight_through, "a path is missing"},
    {"gamma skipped", 0, without_gamma, "an operand is another one"},
    {"sign", 0, with_the_other_sign, "opposite sign"},
    {"nothing", 0, zero_dh, "forgotten"},
    {"n - 1 for n", 0, bessel, "a path is missing"},
    {"missing sum over the batch", 1, dgamma_unsummed, "the sum over axis 0 is missing (the derivative of a broadcast is a sum); summed over it, it is right"},
    {"missing sum and a sign", 1, dgamma_unsummed_and_wrong, "it is wrong still"},
    {"mean for sum", 1, dgamma_mean, "divided by 6, the length of axis 0: a mean where a sum belongs"},
    {"mean for sum, beta", 2, dbeta_mean, "a mean where a sum belongs"},
    {"twice", 1, dgamma_twice, "2 times"},
    {"h for hhat", 1, dgamma_of_h, "an operand is another one"},
    {"NaN", 1, dgamma_nan, "not finite"},
};

START_TEST(claims_are_judged)
{
    const weft_node x = o.node[claims[_i].x];
    weft_gradcheck result = judge(y, x, claims[_i].claimed());
    if (claims[_i].says) {
        ck_assert_msg(result.verdict == WEFT_GRADIENT_WRONG, "%s passed: %s", claims[_i].name, result.message);
        ck_assert_msg(strstr(result.message, claims[_i].says), "%s: \"%s\" does not say \"%s\"", claims[_i].name, result.message, claims[_i].says);
    } else {
        ck_assert_msg(result.verdict == WEFT_GRADIENT_RIGHT, "%s: %s", claims[_i].name, result.message);
        ck_assert_double_lt(result.max_abs, 1e-7);
    }
}
END_TEST

START_TEST(the_worst_element_is_named)
{
    double one_off[N * D] = {0};
    one_off[2 * D + 3] = 0.5;
    weft_node claimed = weft_add(closed_form(), weft_constant(t, WEFT_F64, 2, (size_t[]){N, D}, one_off));
    weft_gradcheck result = judge(y, h, claimed);
    ck_assert_int_eq(result.verdict, WEFT_GRADIENT_WRONG);
    ck_assert_uint_eq(result.worst, 2 * D + 3);
    ck_assert_double_eq_tol(result.analytic - result.numeric, 0.5, 1e-6);
    ck_assert_ptr_nonnull(strstr(result.message, "dh[2, 3]"));
}
END_TEST

/* --- losses that have no gradient by construction --- */

START_TEST(a_sum_of_normalised_values_is_refused)
{
    weft_node loss = weft_sum(y, WEFT_ALL_AXES, false), none = {0};
    weft_gradcheck result = judge(loss, h, none);
    ck_assert_int_eq(result.verdict, WEFT_GRADIENT_EMPTY);
    ck_assert_ptr_nonnull(strstr(result.message, "no gradient here by construction"));
    ck_assert_ptr_nonnull(strstr(result.message, "sum(w*y)"));
    result = judge(weft_div(weft_neg(loss), number(3)), h, none);
    ck_assert_int_eq(result.verdict, WEFT_GRADIENT_EMPTY);
    result = judge(loss, beta, none); /* beta does move it */
    ck_assert_int_eq(result.verdict, WEFT_GRADIENT_RIGHT);
}
END_TEST

START_TEST(a_loss_without_a_path_is_refused)
{
    weft_gradcheck result = judge(weft_exp(beta), h, (weft_node){0});
    ck_assert_int_eq(result.verdict, WEFT_GRADIENT_EMPTY);
    ck_assert_ptr_nonnull(strstr(result.message, "proves nothing"));
}
END_TEST

/* The other way round: a claim that is zero where the loss does respond is wrong, not empty. */
START_TEST(an_empty_claim_about_a_real_gradient_is_wrong)
{
    ck_assert_int_eq(judge(y, h, zero_dh()).verdict, WEFT_GRADIENT_WRONG);
}
END_TEST

/* --- rules that are wrong inside an op --- */

static void square_f64(size_t n, void *out, const void *const *x, const ptrdiff_t *stride)
{
    for (size_t i = 0; i < n; i++) {
        double a = ((const double *)x[0])[(ptrdiff_t)i * stride[0]];
        ((double *)out)[i] = a * a;
    }
}

static weft_node wrong_sign(weft_node out, const weft_node *x, int operand)
{
    (void)out, (void)operand;
    return weft_mul(weft_scalar_like(x[0], -2), x[0]);
}

static weft_node wrong_factor(weft_node out, const weft_node *x, int operand)
{
    (void)out, (void)operand;
    return x[0];
}

static const weft_op wrong_ops[] = {
    {.name = "sign_flipped", .arity = 1, .kind = WEFT_ELEMENTWISE, .map = {square_f64, square_f64}, .partial = wrong_sign},
    {.name = "factor_lost", .arity = 1, .kind = WEFT_ELEMENTWISE, .map = {square_f64, square_f64}, .partial = wrong_factor},
    {.name = "path_forgotten", .arity = 1, .kind = WEFT_ELEMENTWISE, .map = {square_f64, square_f64}, .flags = WEFT_ZERO_DERIVATIVE},
};
static const char *const wrong_ops_say[] = {"opposite sign", "0.5 times", "forgotten"};

static void *allocate_garbage(void *context, size_t bytes)
{
    (void)context;
    void *memory = malloc(bytes);
    return memory ? memset(memory, 0xff, bytes) : NULL; /* doubles of NaN */
}

static void release_garbage(void *context, void *memory, size_t bytes)
{
    (void)context, (void)bytes;
    free(memory);
}

/* There is nothing to find wrong with; what memory held before is no part of it. */
START_TEST(an_operand_without_elements_proves_nothing)
{
    weft_tape *own = weft_tape_new(&(weft_allocator){allocate_garbage, release_garbage, NULL});
    weft_node x = weft_input(own, "x", WEFT_F64, 2, (size_t[]){0, 1}), b = weft_input(own, "b", WEFT_F64, 1, (size_t[]){2});
    weft_node z = weft_add(weft_sum(weft_add(x, b), WEFT_AXIS(0), false), b); /* (2), the sum of nothing and b */
    const weft_binding bind[] = {{x, NULL, 0}, {b, (double[]){1, 2}, 2 * sizeof(double)}};
    weft_gradcheck result;
    ck_assert_msg(weft_gradient_check(z, &x, 1, &(weft_gradcheck_options){.bind = bind, .n_bind = 2}, &result) == WEFT_OK, "%s", weft_tape_message(own));
    ck_assert_int_eq(result.verdict, WEFT_GRADIENT_EMPTY);
    weft_tape_free(own);
}
END_TEST

START_TEST(wrong_rules_are_found)
{
    weft_gradcheck result = judge(weft_record(&wrong_ops[_i], &h, 1, NULL), h, (weft_node){0});
    ck_assert_int_eq(result.verdict, WEFT_GRADIENT_WRONG);
    ck_assert_msg(strstr(result.message, wrong_ops_say[_i]), "%s", result.message);
}
END_TEST

/* A rule that forgets the sum over the batch gives a cotangent of the wrong shape; the sweep itself refuses it. */
static weft_status spread_shape(weft_typing *typing)
{
    typing->y[0] = (weft_shape){2, {N, typing->x[0].dim[0]}};
    return WEFT_OK;
}

static weft_node unsummed(weft_node out, const weft_node *x, int operand, weft_node d)
{
    (void)out, (void)x, (void)operand;
    return d;
}

static const weft_op spread = {.name = "spread", .arity = 1, .kind = WEFT_GENERAL, .shape = spread_shape, .transpose = unsummed};

START_TEST(a_cotangent_of_the_wrong_shape_is_an_error)
{
    weft_node dx, loss = weft_sum(weft_record(&spread, &gamma_, 1, NULL), WEFT_ALL_AXES, false);
    ck_assert_int_eq(weft_grad(loss, &gamma_, 1, &dx), WEFT_ERROR_GRADIENT);
    ck_assert_ptr_nonnull(strstr(weft_tape_message(t), "must be f64 (4), the rule gave f64 (6, 4)"));
    ck_assert_ptr_nonnull(strstr(weft_tape_message(t), "a sum over an axis"));
}
END_TEST

static const weft_op opaque = {.name = "opaque", .arity = 1, .kind = WEFT_ELEMENTWISE, .map = {square_f64, square_f64}};

START_TEST(an_op_without_a_derivative_says_so)
{
    weft_node dx, loss = weft_sum(weft_record(&opaque, &h, 1, NULL), WEFT_ALL_AXES, false);
    ck_assert_int_eq(weft_grad(loss, &h, 1, &dx), WEFT_ERROR_GRADIENT);
    ck_assert_ptr_nonnull(strstr(weft_tape_message(t), "opaque"));
    ck_assert_ptr_nonnull(strstr(weft_tape_message(t), "no derivative"));
}
END_TEST

/* --- the step sweep: truncation falls with h, then rounding grows --- */

START_TEST(the_sweep_shows_both_errors)
{
    weft_gradcheck result;
    weft_gradcheck_options options = {.bind = o.binding, .n_bind = 3, .sweep = true};
    ck_assert_int_eq(weft_gradient_check(y, &h, 1, &options, &result), WEFT_OK);
    ck_assert_double_eq_tol(result.sweep_step[0], 0.1, 1e-15);
    ck_assert_double_eq_tol(result.sweep_step[10], 1e-11, 1e-20);
    double best = INFINITY;
    for (int i = 0; i < WEFT_SWEEP_STEPS; i++)
        best = fmin(best, result.sweep_error[i]);
    ck_assert_double_lt(best, 1e-8);
    ck_assert_double_gt(result.sweep_error[0], 100 * best);
    ck_assert_double_gt(result.sweep_error[10], 100 * best);
    /* between h = 0.1 and 0.01 the error of a central difference falls as h**2 */
    ck_assert_double_gt(result.sweep_error[0] / result.sweep_error[1], 30);
}
END_TEST

/* --- use --- */

START_TEST(bad_use_is_named)
{
    weft_gradcheck result;
    weft_gradcheck_options options = {.bind = o.binding, .n_bind = 3};
    weft_node f32 = weft_input(t, "narrow", WEFT_F32, 0, NULL);
    weft_mark mark = weft_tape_mark(t);
    ck_assert_int_eq(weft_gradient_check(weft_exp(f32), &f32, 1, &options, &result), WEFT_ERROR_DTYPE);
    weft_tape_rewind(t, mark);
    ck_assert_int_eq(weft_gradient_check(y, &hhat, 1, &options, &result), WEFT_ERROR_ARGUMENT);
    weft_tape_rewind(t, mark);
    options.n_bind = 0;
    ck_assert_int_eq(weft_gradient_check(y, &h, 1, &options, &result), WEFT_ERROR_UNBOUND);
    ck_assert_ptr_nonnull(strstr(weft_tape_message(t), "\"h\" has no binding"));
    weft_tape_rewind(t, mark);
    options.n_bind = 1; /* gamma and beta are missing */
    ck_assert_int_eq(weft_gradient_check(y, &h, 1, &options, &result), WEFT_ERROR_UNBOUND);
    weft_tape_rewind(t, mark);
    ck_assert_int_eq(weft_gradient_check(y, NULL, 1, &options, &result), WEFT_ERROR_ARGUMENT);
    ck_assert_int_ne(weft_gradient_check((weft_node){0}, &h, 1, &options, &result), WEFT_OK);
    ck_assert_int_eq(weft_gradient_check(y, &h, 1, NULL, &result), WEFT_ERROR_ARGUMENT);
}
END_TEST

START_TEST(the_tape_is_left_as_it_was)
{
    uint32_t count = weft_tape_count(t);
    judge(y, h, (weft_node){0});
    ck_assert_uint_eq(weft_tape_count(t), count);
    ck_assert_int_eq(weft_tape_verify(t), WEFT_OK);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gradcheck");
    TCase *checks = tcase_create("checks");
    tcase_add_checked_fixture(checks, set_up, tear_down);
    tcase_add_loop_test(checks, claims_are_judged, 0, sizeof claims / sizeof *claims);
    tcase_add_test(checks, the_worst_element_is_named);
    tcase_add_test(checks, a_sum_of_normalised_values_is_refused);
    tcase_add_test(checks, a_loss_without_a_path_is_refused);
    tcase_add_test(checks, an_empty_claim_about_a_real_gradient_is_wrong);
    tcase_add_test(checks, an_operand_without_elements_proves_nothing);
    tcase_add_loop_test(checks, wrong_rules_are_found, 0, 3);
    tcase_add_test(checks, a_cotangent_of_the_wrong_shape_is_an_error);
    tcase_add_test(checks, an_op_without_a_derivative_says_so);
    tcase_add_test(checks, the_sweep_shows_both_errors);
    tcase_add_test(checks, bad_use_is_named);
    tcase_add_test(checks, the_tape_is_left_as_it_was);
    suite_add_tcase(suite, checks);
    return run_suite(suite);
}

/* test_prove_wrong.c: wrong formulas against right ones: weft_prove() must find real inputs at which they differ. The mistakes are those that people made,
 * and posted: the paths through mean and variance forgotten in a batch normalization, N for N-1, eps outside the root, a sum that was forgotten. */
#include "tests/prove.h"

#include <math.h>

static const double eps = 1e-5;

/* Normalization of the columns of x, written down once more: y = v xhat. (N, D) all, but mu and r, which are (1, D). */
typedef struct normalization {
    weft_node mu, r, xhat, dy, u; /* u = v dy */
} normalization;

static weft_node mean(weft_node a)
{
    return weft_mean(a, WEFT_AXIS(0), true);
}

static normalization normalize(void)
{
    normalization n = {.mu = mean(x), .dy = w};
    n.r = power(weft_add(mean(weft_square(weft_sub(x, n.mu))), number(eps)), -0.5);
    n.xhat = weft_mul(weft_sub(x, n.mu), n.r);
    n.u = weft_mul(v, n.dy);
    return n;
}

/* Its gradient: r (u - mean(u) - xhat mean(u xhat)), to which each mistake gives other factors. */
static weft_node gradient(double direct, double by_mean, double by_variance)
{
    normalization n = normalize();
    weft_node inner = weft_sub(times(direct, n.u), times(by_mean, mean(n.u)));
    return weft_mul(n.r, weft_sub(inner, times(by_variance, weft_mul(n.xhat, mean(weft_mul(n.u, n.xhat))))));
}

static weft_node right(void)
{
    weft_node y = weft_batchnorm(x, v, weft_neg(v), eps), dx;
    weft_vjp(&y, &w, 1, &x, 1, &dx);
    return dx;
}

static pair no_mean(void)
{
    return (pair){gradient(1, 0, 1), right()};
}

static pair no_variance(void)
{
    return (pair){gradient(1, 1, 0), right()};
}

static pair neither(void)
{
    return (pair){gradient(1, 0, 0), right()};
}

static pair wrong_sign(void)
{
    return (pair){gradient(1, -1, 1), right()};
}

static pair unbiased(void) /* N/(N-1) belongs to another variance */
{
    return (pair){gradient(1, 1, (double)N / (N - 1)), right()};
}

static pair factor_two(void)
{
    return (pair){gradient(1, 1, 2), right()};
}

static pair sum_for_mean(void)
{
    return (pair){gradient(N, N, N), right()};
}

static pair no_gamma(void)
{
    normalization n = normalize();
    return (pair){weft_mul(n.r, weft_sub(weft_sub(n.dy, mean(n.dy)), weft_mul(n.xhat, mean(weft_mul(n.dy, n.xhat))))), right()};
}

static pair rstd_as_variance(void)
{
    normalization n = normalize();
    weft_node r = power(weft_add(n.r, number(eps)), -0.5);
    return (pair){weft_mul(r, weft_sub(weft_sub(n.u, mean(n.u)), weft_mul(n.xhat, mean(weft_mul(n.u, n.xhat))))), right()};
}

static pair eps_outside(void)
{
    weft_node variance = weft_variance(x, WEFT_AXIS(0), true), root = weft_add(weft_sqrt(variance), number(eps));
    return (pair){weft_div(weft_sub(x, mean(x)), root), normalize().xhat};
}

static pair no_eps(void)
{
    return (pair){weft_div(weft_sub(x, mean(x)), weft_sqrt(weft_variance(x, WEFT_AXIS(0), true))), normalize().xhat};
}

static pair stale_statistics(void) /* of other data */
{
    weft_node r = power(weft_add(weft_variance(w, WEFT_AXIS(0), true), number(eps)), -0.5);
    return (pair){weft_mul(weft_sub(x, mean(x)), r), normalize().xhat};
}

static pair unbiased_variance(void)
{
    return (pair){weft_variance_n(x, WEFT_AXIS(0), false, 1), weft_variance(x, WEFT_AXIS(0), false)};
}

static pair wrong_axis(void)
{
    return (pair){weft_sub(x, weft_mean(x, WEFT_AXIS(1), true)), weft_sub(x, mean(x))};
}

static pair beta_not_summed(void) /* the sum over a broadcast, of which one row is left */
{
    weft_node y = weft_add(x, v), dv;
    weft_vjp(&y, &w, 1, &v, 1, &dv);
    return (pair){weft_first(w, WEFT_AXIS(0), false), dv};
}

static pair one_use_forgotten(void) /* assigned where it should be added */
{
    weft_node y = total(weft_mul(weft_mul(x, x), weft_exp(x))), dx;
    weft_grad(y, &x, 1, &dx);
    return (pair){weft_mul(weft_square(x), weft_exp(x)), dx};
}

static pair not_transposed(void)
{
    weft_node a = weft_slice(x, NULL, (ptrdiff_t[]){N, N}, NULL), b = weft_slice(w, NULL, (ptrdiff_t[]){N, N}, NULL), y = weft_matmul(a, b), da;
    weft_vjp(&y, &b, 1, &a, 1, &da);
    return (pair){weft_matmul(b, b), da};
}

static pair slope_at_the_output(void) /* tanh' = 1 - y**2, not 1 - a**2 */
{
    weft_node y = weft_tanh(x), dx;
    weft_vjp(&y, &w, 1, &x, 1, &dx);
    return (pair){weft_mul(w, weft_sub(number(1), weft_square(x))), dx};
}

static pair mask_of_the_gradient(void) /* where dy > 0, not where x > 0 */
{
    weft_node y = weft_relu(x), dx;
    weft_vjp(&y, &w, 1, &x, 1, &dx);
    return (pair){weft_relu(w), dx};
}

static pair mask_turned(void)
{
    return (pair){weft_where(mask, x, w), weft_where(mask, w, x)};
}

static pair mask_ignored(void)
{
    return (pair){weft_where(mask, x, w), x};
}

static pair softmax_without_its_sum(void)
{
    weft_node p = weft_softmax(x, 1), dx;
    weft_vjp(&p, &w, 1, &x, 1, &dx);
    return (pair){weft_mul(p, weft_mul(w, weft_sub(number(1), p))), dx};
}

static pair loss_not_averaged(void)
{
    weft_node loss = weft_softmax_cross_entropy(x, label), dx;
    weft_grad(loss, &x, 1, &dx);
    return (pair){weft_sub(weft_softmax(x, 1), weft_one_hot(label, D, WEFT_F64)), dx};
}

static pair label_off_by_one(void)
{
    weft_node hot = weft_one_hot(label, D, WEFT_F64), others = weft_slice(hot, (ptrdiff_t[]){0, 1}, NULL, NULL);
    return (pair){weft_concat((weft_node[]){others, weft_slice(hot, NULL, (ptrdiff_t[]){N, 1}, NULL)}, 2, 1), hot};
}

static pair row_lost(void) /* of two equal indices, only one is added */
{
    weft_node index = weft_slice(weft_concat((weft_node[]){label, label}, 2, 0), NULL, (ptrdiff_t[]){D}, NULL); /* the first one twice */
    weft_node counts = weft_scatter_add(weft_full_like(v, 1), index, N);
    return (pair){weft_full_like(s, 1), weft_reshape(weft_slice(weft_take(counts, label, 0), NULL, (ptrdiff_t[]){1}, NULL), 0, NULL)};
}

static pair root_of_negative(void)
{
    return (pair){weft_sqrt(weft_square(x)), x};
}

static pair relu_kept(void)
{
    return (pair){weft_relu(x), x};
}

static pair smaller_not_larger(void)
{
    return (pair){weft_maximum(x, w), weft_minimum(x, w)};
}

static pair bias_correction_left_out(void)
{
    weft_node step = s, m = weft_parameter(t, "m", WEFT_F64, 1, (size_t[]){D}), u = weft_parameter(t, "u", WEFT_F64, 1, (size_t[]){D});
    weft_node dv = weft_slice(weft_reshape(x, 1, (size_t[]){N * D}), NULL, (ptrdiff_t[]){D}, NULL), out[3];
    weft_adam(v, dv, m, u, step, number(0.1), 0.5, 0.75, 1e-3, out);
    weft_node first = weft_add(times(0.5, m), times(0.5, dv)), second = weft_add(times(0.75, u), times(0.25, weft_square(dv)));
    return (pair){weft_sub(v, times(0.1, weft_div(first, weft_add(weft_sqrt(second), number(1e-3))))), out[2]};
}

static pair sign_of_sine(void)
{
    return (pair){weft_cos(x), weft_sin(x)};
}

static const struct {
    const char *name;
    pair (*build)(void);
} mistakes[] = {
    {"no path through the mean", no_mean}, {"no path through the variance", no_variance}, {"neither path", neither}, {"a wrong sign", wrong_sign},
    {"N/(N-1)", unbiased}, {"a factor 2", factor_two}, {"sum for mean", sum_for_mean}, {"no gamma", no_gamma}, {"rstd as variance", rstd_as_variance},
    {"eps outside", eps_outside}, {"no eps", no_eps}, {"stale statistics", stale_statistics}, {"N-1 for N", unbiased_variance}, {"a wrong axis", wrong_axis},
    {"beta not summed", beta_not_summed}, {"one use forgotten", one_use_forgotten}, {"not transposed", not_transposed},
    {"slope at the output", slope_at_the_output}, {"mask of the gradient", mask_of_the_gradient}, {"mask turned", mask_turned}, {"mask ignored", mask_ignored},
    {"softmax without its sum", softmax_without_its_sum}, {"loss not averaged", loss_not_averaged}, {"label off by one", label_off_by_one},
    {"row lost", row_lost}, {"sqrt(a**2) = a", root_of_negative}, {"relu(a) = a", relu_kept}, {"max for min", smaller_not_larger},
    {"no bias correction", bias_correction_left_out}, {"cos for sin", sign_of_sine},
};
enum { MISTAKES = sizeof mistakes / sizeof *mistakes };

START_TEST(mistakes_are_refuted)
{
    pair p = mistakes[_i].build();
    weft_proof proof = prove_one(p.a, p.b);
    weft_shape shape = weft_node_shape(p.a);
    ck_assert_msg(proof.verdict == WEFT_REFUTED, "%s: %s", mistakes[_i].name, proof.message);
    ck_assert_msg(isfinite(proof.left) && isfinite(proof.right) && fabs(proof.left - proof.right) > 1e-7 * fmax(fabs(proof.left), fabs(proof.right)),
                  "%s: %.17g %.17g", mistakes[_i].name, proof.left, proof.right);
    ck_assert(proof.pair == 0 && proof.element < weft_shape_count(&shape) && strstr(proof.message, "refuted"));
}
END_TEST

/* The same formulas with the right factors are proved: the mistakes above are in the factors. */
START_TEST(without_the_mistake_they_are_proved)
{
    normalization n = normalize();
    weft_node root = weft_sqrt(weft_add(weft_variance(x, WEFT_AXIS(0), true), number(eps)));
    weft_node a[] = {gradient(1, 1, 1), n.xhat}, b[] = {right(), weft_div(weft_sub(x, mean(x)), root)};
    weft_proof proof;
    ck_assert_int_eq(weft_prove(a, b, 2, NULL, &proof), WEFT_OK);
    ck_assert_msg(proof.verdict == WEFT_PROVED, "%s", proof.message);
}
END_TEST

/* Which of several pairs. */
START_TEST(the_pair_and_element_are_named)
{
    weft_node third = weft_constant(t, WEFT_F64, 1, (size_t[]){D}, (double[]){1, 1, 2, 1});
    weft_node a[] = {x, weft_add(x, w), x}, b[] = {x, weft_add(w, x), weft_mul(x, third)};
    weft_proof proof;
    ck_assert_int_eq(weft_prove(a, b, 3, NULL, &proof), WEFT_OK);
    ck_assert_msg(proof.verdict == WEFT_REFUTED && proof.pair == 2 && proof.element % D == 2, "%s", proof.message);
    ck_assert_double_eq(proof.right, 2 * proof.left);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("prove_wrong");
    TCase *wrong = tcase_create("wrong");
    tcase_add_checked_fixture(wrong, set_up, tear_down);
    tcase_add_loop_test(wrong, mistakes_are_refuted, 0, MISTAKES);
    tcase_add_test(wrong, without_the_mistake_they_are_proved);
    tcase_add_test(wrong, the_pair_and_element_are_named);
    suite_add_tcase(suite, wrong);
    return run_suite(suite);
}

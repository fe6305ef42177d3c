/* test_prove.c: what weft_prove() proves and what it leaves open: identities of each kind of op. Twins are in test_prove_twins.c, rewriting rules in
 * test_prove_rules.c, wrong formulas in test_prove_wrong.c, its use in test_prove_use.c, the fields in test_prove_field.c. */
#include "tests/prove.h"

#include <math.h>

/* --- identities: each pair is written down by hand --- */

static pair squares(void)
{
    return (pair){weft_mul(weft_add(x, w), weft_sub(x, w)), weft_sub(weft_square(x), power(w, 2))};
}

static pair quotients(void)
{
    return (pair){weft_sub(weft_div(x, w), weft_reciprocal(w)), weft_div(weft_sub(x, number(1)), w)};
}

static pair variance(void) /* E (x - E x)**2 = E x**2 - (E x)**2 */
{
    weft_node mean = weft_mean(x, WEFT_AXIS(0), false);
    return (pair){weft_variance(x, WEFT_AXIS(0), false), weft_sub(weft_mean(weft_square(x), WEFT_AXIS(0), false), weft_square(mean))};
}

static pair fractions(void) /* 0.1 + 0.2 = 0.3 and 1e-5 = 1/100000, where doubles round */
{
    weft_node sum = weft_add(weft_add(times(0.1, x), times(0.2, x)), times(1e-5, w));
    return (pair){sum, weft_add(times(0.3, x), weft_div(w, number(100000)))};
}

static pair thirds(void)
{
    return (pair){weft_add(times(1.0 / 3, x), times(2.0 / 3, x)), x};
}

static pair roots(void)
{
    return (pair){weft_mul(weft_sqrt(v), weft_rsqrt(weft_square(weft_add(v, number(1))))), weft_div(weft_sqrt(v), weft_abs(weft_add(v, number(1))))};
}

static pair root_of_product(void)
{
    return (pair){weft_sqrt(times(12, v)), times(2, weft_mul(weft_sqrt(number(3)), power(v, 0.5)))};
}

static pair root_of_square(void)
{
    return (pair){weft_sqrt(times(9, weft_square(x))), times(3, weft_abs(x))};
}

static pair powers(void)
{
    return (pair){weft_mul(power(v, -1.5), power(v, 3.5)), weft_square(v)};
}

static pair products(void) /* prod by rows, and its derivative without a division */
{
    weft_node y = weft_prod(x, WEFT_AXIS(1), true), loss = total(y), dx;
    weft_grad(loss, &x, 1, &dx);
    return (pair){dx, weft_div(y, x)};
}

static pair matrices(void) /* (x w')' = w x' */
{
    return (pair){weft_transpose(weft_matmul(x, weft_transpose(w, NULL)), NULL), weft_matmul(w, weft_transpose(x, NULL))};
}

static pair batches(void) /* a product with one matrix for all, and one by one */
{
    weft_node a = weft_reshape(x, 3, (size_t[]){N, 2, 2}), b = weft_reshape(v, 2, (size_t[]){2, 2});
    weft_node rows = weft_matmul(weft_reshape(x, 2, (size_t[]){2 * N, 2}), b);
    return (pair){weft_matmul(a, b), weft_reshape(rows, 3, (size_t[]){N, 2, 2})};
}

static pair cumulated(void) /* what comes last is the sum; and backwards */
{
    weft_node y = weft_cumsum(x, 1), dx, seed = w;
    weft_vjp(&y, &seed, 1, &x, 1, &dx);
    return (pair){dx, weft_flip(weft_cumsum(weft_flip(w, WEFT_AXIS(1)), 1), WEFT_AXIS(1))};
}

static pair joined(void)
{
    weft_node parts[2] = {x, w}, y = weft_concat(parts, 2, 0), first = weft_slice(y, NULL, (ptrdiff_t[]){N, D}, NULL);
    return (pair){weft_add(first, weft_slice(y, (ptrdiff_t[]){N, 0}, NULL, NULL)), weft_add(x, w)};
}

static pair padded(void)
{
    size_t before[] = {1, 0}, after[] = {0, 2};
    return (pair){total(weft_square(weft_pad(x, before, after))), total(weft_square(x))};
}

static pair picked(void) /* a row by its label, as a product with a 1 at the label */
{
    weft_node hot = weft_one_hot(label, D, WEFT_F64), index = weft_reshape(label, 2, (size_t[]){N, 1});
    return (pair){weft_reshape(weft_gather_elements(x, index, 1), 1, (size_t[]){N}), weft_sum(weft_mul(hot, x), WEFT_AXIS(1), false)};
}

static pair scattered(void) /* rows by index and back: each counts as often as it is taken */
{
    weft_node y = weft_take(x, label, 0), dx;
    weft_vjp(&y, &w, 1, &x, 1, &dx);
    return (pair){dx, weft_matmul(weft_transpose(weft_one_hot(label, N, WEFT_F64), NULL), w)};
}

static pair scattered_elements(void)
{
    weft_node index = weft_reshape(label, 2, (size_t[]){N, 1}), first = weft_first(x, WEFT_AXIS(1), true);
    return (pair){weft_scatter_add_elements(first, index, 1, D), weft_mul(first, weft_one_hot(label, D, WEFT_F64))};
}

static pair rectified(void)
{
    return (pair){weft_sub(weft_relu(x), weft_relu(weft_neg(x))), x};
}

static pair scaled_relu(void)
{
    return (pair){weft_relu(times(5, x)), times(5, weft_relu(x))};
}

static pair larger(void)
{
    return (pair){weft_maximum(x, w), weft_add(w, weft_relu(weft_sub(x, w)))};
}

static pair both(void)
{
    return (pair){weft_add(weft_maximum(x, w), weft_minimum(x, w)), weft_add(x, w)};
}

static pair clipped(void)
{
    return (pair){weft_clip(x, -1, 0.5), weft_minimum(weft_maximum(x, number(-1)), number(0.5))};
}

static pair clipped_below(void)
{
    return (pair){weft_clip(x, 0, (double)INFINITY), weft_relu(x)};
}

static pair leaking(void)
{
    return (pair){weft_leaky_relu(x, 0.25), weft_sub(weft_relu(x), times(0.25, weft_relu(weft_neg(x))))};
}

static pair absolute(void)
{
    return (pair){weft_mul(x, weft_sign(x)), weft_abs(x)};
}

static pair largest(void) /* it moves with what is added */
{
    return (pair){weft_max(weft_add(x, s), WEFT_AXIS(1), false), weft_add(weft_max(x, WEFT_AXIS(1), false), s)};
}

static pair smallest(void)
{
    return (pair){weft_min(x, WEFT_AXIS(0), false), weft_neg(weft_max(weft_neg(x), WEFT_AXIS(0), false))};
}

static pair largest_by_index(void)
{
    weft_node at = weft_argmax(x, 1, true);
    return (pair){weft_gather_elements(x, at, 1), weft_max(x, WEFT_AXIS(1), true)};
}

static pair masked(void)
{
    return (pair){weft_where(mask, x, w), weft_add(weft_mul(weft_not_equal(mask, number(0)), x), weft_mul(weft_equal(mask, number(0)), w))};
}

static pair compared(void)
{
    return (pair){weft_add(weft_less(x, w), weft_greater_equal(x, w)), weft_full_like(x, 1)};
}

static pair exponentials(void)
{
    return (pair){weft_add(weft_exp(x), weft_expm1(x)), weft_sub(times(2, weft_exp(x)), number(1))};
}

static pair mirrored(void)
{
    return (pair){weft_sigmoid(weft_neg(x)), weft_sub(number(1), weft_sigmoid(x))};
}

static pair tangents(void)
{
    return (pair){weft_tanh(x), weft_sub(times(2, weft_sigmoid(times(2, x))), number(1))};
}

static pair slope_of_silu(void)
{
    weft_node dx, sum = total(weft_silu(x)), y = weft_sigmoid(x);
    weft_grad(sum, &x, 1, &dx);
    return (pair){dx, weft_mul(y, weft_add(number(1), weft_mul(x, weft_sub(number(1), y))))};
}

static pair odd_functions(void)
{
    return (pair){weft_add(weft_sin(weft_sub(x, w)), weft_erf(weft_neg(x))), weft_neg(weft_add(weft_sin(weft_sub(w, x)), weft_erf(x)))};
}

static pair logarithms(void)
{
    return (pair){weft_log1p(weft_exp(x)), weft_softplus(x)};
}

static pair slope_of_softmax(void)
{
    weft_node p = weft_softmax(x, 1), dx;
    weft_vjp(&p, &w, 1, &x, 1, &dx);
    return (pair){dx, weft_mul(p, weft_sub(w, weft_sum(weft_mul(w, p), WEFT_AXIS(1), true)))};
}

static pair softmax_shifted(void)
{
    return (pair){weft_softmax(weft_add(x, s), 1), weft_softmax(x, 1)};
}

static pair masked_attention(void) /* a row of values that is ruled out may hold anything */
{
    const double bias[N] = {0, -(double)INFINITY, 0}, second[N] = {0, 1, 0};
    weft_node rule = weft_constant(t, WEFT_F64, 1, (size_t[]){N}, bias), row = weft_constant(t, WEFT_F64, 2, (size_t[]){N, 1}, second);
    return (pair){weft_attention(w, x, weft_where(row, w, x), rule), weft_attention(w, x, x, rule)};
}

static pair dropped(void) /* one noise, twice */
{
    weft_node seed = weft_reshape(weft_slice(label, NULL, (ptrdiff_t[]){1}, NULL), 0, NULL);
    weft_node a = weft_dropout(x, 0.25, seed, s, 3), b = weft_dropout(w, 0.25, seed, s, 3);
    return (pair){weft_add(a, b), weft_dropout(weft_add(x, w), 0.25, seed, s, 3)};
}

static pair stopped(void)
{
    return (pair){weft_cast(weft_cast(weft_stop_gradient(x), WEFT_F32), WEFT_F64), x};
}

static pair indices(void)
{
    return (pair){weft_take(label, weft_constant(t, WEFT_I64, 1, (size_t[]){N}, (int64_t[]){2, 1, 0}), 0), weft_flip(label, 1)};
}

static pair assigned(void)
{
    return (pair){weft_descend(v, weft_mul(v, v), s), weft_mul(v, weft_sub(number(1), weft_mul(s, v)))};
}

static const struct {
    const char *name;
    pair (*build)(void);
} identities[] = {
    {"squares", squares}, {"quotients", quotients}, {"variance", variance}, {"fractions", fractions}, {"thirds", thirds}, {"roots", roots},
    {"root of a product", root_of_product}, {"root of a square", root_of_square}, {"powers", powers}, {"products", products},
    {"matrices", matrices}, {"batches", batches}, {"cumulated", cumulated}, {"joined", joined}, {"padded", padded}, {"picked", picked},
    {"scattered", scattered}, {"scattered elements", scattered_elements}, {"rectified", rectified}, {"scaled relu", scaled_relu}, {"larger", larger},
    {"both", both}, {"clipped", clipped}, {"clipped below", clipped_below}, {"leaking", leaking}, {"absolute", absolute}, {"largest", largest},
    {"smallest", smallest}, {"largest by index", largest_by_index}, {"masked", masked}, {"compared", compared}, {"exponentials", exponentials},
    {"mirrored", mirrored}, {"tangents", tangents}, {"slope of silu", slope_of_silu}, {"odd functions", odd_functions}, {"logarithms", logarithms},
    {"slope of softmax", slope_of_softmax}, {"softmax shifted", softmax_shifted}, {"masked attention", masked_attention}, {"dropped", dropped},
    {"stopped", stopped}, {"indices", indices}, {"assigned", assigned},
};
enum { IDENTITIES = sizeof identities / sizeof *identities };

START_TEST(identities_are_proved)
{
    pair p = identities[_i].build();
    weft_proof proof = prove_one(p.a, p.b);
    ck_assert_msg(proof.verdict == WEFT_PROVED, "%s: %s", identities[_i].name, proof.message);
    ck_assert(proof.false_equal < 1e-9 && proof.points >= 2);
}
END_TEST

/* --- what is true and cannot be proved here --- */

static pair exponential_of_a_sum(void)
{
    return (pair){weft_exp(weft_add(x, w)), weft_mul(weft_exp(x), weft_exp(w))};
}

static pair logarithm_of_an_exponential(void)
{
    return (pair){weft_log(weft_exp(x)), x};
}

static pair sine_and_cosine(void)
{
    return (pair){weft_add(weft_square(weft_sin(x)), weft_square(weft_cos(x))), weft_full_like(x, 1)};
}

static pair positive_sum(void) /* a square is positive, and a sum of squares need not be one */
{
    return (pair){weft_relu(weft_add(weft_square(x), weft_square(w))), weft_add(weft_square(x), weft_square(w))};
}

static pair order_of_three(void)
{
    weft_node first = weft_slice(x, NULL, (ptrdiff_t[]){WEFT_LEFT_OUT, 2}, NULL), last = weft_slice(x, (ptrdiff_t[]){0, 2}, NULL, NULL);
    return (pair){weft_max(x, WEFT_AXIS(1), false), weft_maximum(weft_max(first, WEFT_AXIS(1), false), weft_max(last, WEFT_AXIS(1), false))};
}

static pair power_of_a_third(void)
{
    return (pair){power(power(v, 1.0 / 3), 3), v};
}

static pair difference_of_rounding(void) /* not even true, but by less than a run can tell: 2**(1/2) as a double */
{
    return (pair){times(1.4142135623730951, x), weft_mul(weft_sqrt(number(2)), x)};
}

static pair rounding_made_large(void) /* 0, but for rounding, of which 1e-4 is left */
{
    return (pair){times(1e12, weft_sub(weft_exp(weft_add(x, w)), weft_mul(weft_exp(x), weft_exp(w)))), weft_full_like(x, 0)};
}

static const struct {
    const char *name;
    pair (*build)(void);
} open_questions[] = {
    {"exp(a + b)", exponential_of_a_sum}, {"log(exp(a))", logarithm_of_an_exponential}, {"sin**2 + cos**2", sine_and_cosine},
    {"relu(a**2 + b**2)", positive_sum}, {"max of three", order_of_three}, {"(a**(1/3))**3", power_of_a_third}, {"sqrt(2)", difference_of_rounding},
    {"rounding made large", rounding_made_large},
};
enum { OPEN_QUESTIONS = sizeof open_questions / sizeof *open_questions };

START_TEST(what_cannot_be_told_is_left_open)
{
    pair p = open_questions[_i].build();
    weft_proof proof = prove_one(p.a, p.b);
    ck_assert_msg(proof.verdict == WEFT_NOT_PROVED, "%s: %s", open_questions[_i].name, proof.message);
    ck_assert_msg(strstr(proof.message, "show no difference"), "%s", proof.message);
}
END_TEST

static weft_status as_its_operand(weft_typing *typing)
{
    typing->y[0] = typing->y[1] = typing->x[0];
    return WEFT_OK;
}

START_TEST(what_has_no_meaning_is_refused_by_name)
{
    weft_proof proof = prove_one(weft_cast(x, WEFT_I64), weft_cast(x, WEFT_I64));
    ck_assert_int_eq(proof.verdict, WEFT_NOT_PROVED);
    ck_assert_msg(strstr(proof.message, "cast") && strstr(proof.message, "truncates"), "%s", proof.message);

    static const weft_op riddles[] = {{.name = "riddle", .arity = 1, .kind = WEFT_GENERAL, .shape = as_its_operand},
                                      {.name = "riddle", .arity = 1, .outputs = 2, .kind = WEFT_GENERAL, .shape = as_its_operand}};
    for (int i = 0; i < 2; i++) {
        proof = prove_one(weft_record(&riddles[i], &x, 1, NULL), x);
        ck_assert_int_eq(proof.verdict, WEFT_NOT_PROVED);
        ck_assert_msg(strstr(proof.message, "riddle"), "%s", proof.message);
    }

    proof = prove_one(weft_div(x, number(0)), x); /* the rewriter would leave it, and so does a run */
    ck_assert_int_eq(proof.verdict, WEFT_NOT_PROVED);
    ck_assert_msg(strstr(proof.message, "div") && strstr(proof.message, "divides by 0"), "%s", proof.message);

    proof = prove_one(weft_div(x, weft_sub(w, w)), x); /* at every point */
    ck_assert_int_eq(proof.verdict, WEFT_NOT_PROVED);
    ck_assert_msg(strstr(proof.message, "points were drawn") && strstr(proof.message, "divides by 0"), "%s", proof.message);

    proof = prove_one(weft_sqrt(weft_neg(weft_square(x))), x); /* no point has it */
    ck_assert_int_eq(proof.verdict, WEFT_NOT_PROVED);
    ck_assert_msg(strstr(proof.message, "sqrt") && strstr(proof.message, "root"), "%s", proof.message);

    weft_node large = weft_broadcast(s, 2, (size_t[]){2000, 2000});
    proof = prove_one(weft_mul(large, large), weft_square(large));
    ck_assert_int_eq(proof.verdict, WEFT_NOT_PROVED);
    ck_assert_msg(strstr(proof.message, "small shapes"), "%s", proof.message);
}
END_TEST

/* (1 + s)**(2**62): a polynomial of that degree may be 0 at every point. */
START_TEST(a_degree_beyond_the_field_proves_nothing)
{
    weft_node y = weft_add(number(1), s);
    for (int i = 0; i < 62; i++)
        y = weft_square(y);
    weft_proof proof = prove_one(y, weft_sub(weft_add(y, s), s));
    ck_assert_int_eq(proof.verdict, WEFT_NOT_PROVED);
    ck_assert_msg(strstr(proof.message, "without weight"), "%s", proof.message);
}
END_TEST

START_TEST(f32_is_proved_as_f64_is)
{
    weft_tape_free(t);
    start(NULL, WEFT_F32);
    for (int i = 0; i < IDENTITIES; i++) {
        if (!strcmp(identities[i].name, "masked attention") || strstr(identities[i].name, "scattered") || !strcmp(identities[i].name, "picked") ||
            !strcmp(identities[i].name, "dropped") || !strcmp(identities[i].name, "stopped"))
            continue; /* written for f64 */
        pair p = identities[i].build();
        weft_proof proof = prove_one(p.a, p.b);
        ck_assert_msg(proof.verdict == WEFT_PROVED, "%s: %s", identities[i].name, proof.message);
    }
    weft_proof proof = prove_one(weft_mul(x, x), times(2, weft_mul(x, x)));
    ck_assert_msg(proof.verdict == WEFT_REFUTED, "%s", proof.message);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("prove");
    TCase *right = tcase_create("right");
    tcase_add_checked_fixture(right, set_up, tear_down);
    tcase_add_loop_test(right, identities_are_proved, 0, IDENTITIES);
    suite_add_tcase(suite, right);
    TCase *open = tcase_create("open");
    tcase_add_checked_fixture(open, set_up, tear_down);
    tcase_add_loop_test(open, what_cannot_be_told_is_left_open, 0, OPEN_QUESTIONS);
    tcase_add_test(right, f32_is_proved_as_f64_is);
    tcase_add_test(open, what_has_no_meaning_is_refused_by_name);
    tcase_add_test(open, a_degree_beyond_the_field_proves_nothing);
    suite_add_tcase(suite, open);
    return run_suite(suite);
}

/* test_prove_use.c: weft_prove() with inputs that are bound, with limits, used badly, and with every allocation failing once. */
#include "tests/faulty.h"
#include "tests/prove.h"

#include <math.h>

/* --- options --- */

START_TEST(bound_inputs_are_constants)
{
    const double ones[N * D] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    const int64_t labels[N] = {0, 1, 2};
    const weft_binding bind[] = {{w, ones, sizeof ones}, {label, labels, sizeof labels}};
    weft_prove_options options = {.bind = bind, .n_bind = 2, .points = 5, .seed = 9};
    weft_node a[] = {weft_mul(x, w), weft_take(x, label, 0)}, b[] = {x, x};
    weft_proof proof;
    ck_assert_int_eq(weft_prove(a, b, 2, &options, &proof), WEFT_OK);
    ck_assert_msg(proof.verdict == WEFT_PROVED && proof.points == 5, "%s", proof.message);
    ck_assert_int_eq(weft_prove(a, b, 2, NULL, &proof), WEFT_OK);
    ck_assert_msg(proof.verdict == WEFT_REFUTED && proof.pair <= 1, "%s", proof.message);
    options.bind = bind + 1;
    options.n_bind = 1;
    ck_assert_int_eq(weft_prove(a, b, 2, &options, &proof), WEFT_OK);
    ck_assert_msg(proof.verdict == WEFT_REFUTED && proof.pair == 0 && isfinite(proof.left) && proof.left != proof.right, "%s", proof.message);
}
END_TEST

START_TEST(an_index_out_of_range_is_refused)
{
    const int64_t labels[N] = {0, N, 2};
    const weft_binding bind = {label, labels, sizeof labels};
    weft_prove_options options = {.bind = &bind, .n_bind = 1};
    weft_node a[] = {weft_take(x, label, 0), weft_scatter_add(x, label, N), weft_one_hot(label, N, WEFT_F64)};
    for (int k = 0; k < 3; k++) {
        weft_proof proof;
        ck_assert_int_eq(weft_prove(&a[k], &a[k], 1, &options, &proof), WEFT_OK);
        ck_assert_msg(proof.verdict == WEFT_NOT_PROVED && (strstr(proof.message, "out of range") || strstr(proof.message, "is 3")), "%s", proof.message);
    }
}
END_TEST

START_TEST(what_cannot_be_run_is_not_refuted)
{
    const double step = 0.5; /* none that noise has, which the field does not mind */
    const weft_binding bind = {s, &step, sizeof step};
    weft_prove_options options = {.bind = &bind, .n_bind = 1};
    weft_node seed = weft_reshape(weft_slice(label, NULL, (ptrdiff_t[]){1}, NULL), 0, NULL), a = weft_dropout(x, 0.5, seed, s, 1);
    weft_proof proof;
    ck_assert_int_eq(weft_prove(&a, &x, 1, &options, &proof), WEFT_OK);
    ck_assert_msg(proof.verdict == WEFT_NOT_PROVED && strstr(proof.message, "cannot be run") && strstr(proof.message, "the step is 0.5"), "%s", proof.message);
    ck_assert_int_eq(weft_prove(&a, &x, 1, NULL, &proof), WEFT_OK);
    ck_assert_msg(proof.verdict == WEFT_REFUTED, "%s", proof.message);
}
END_TEST

START_TEST(too_few_tries_end_it)
{
    weft_prove_options options = {.tries = 3};
    weft_node a = weft_sqrt(weft_slice(x, NULL, NULL, NULL));
    weft_proof proof;
    ck_assert_int_eq(weft_prove(&a, &a, 1, &options, &proof), WEFT_OK);
    ck_assert_msg(proof.verdict == WEFT_NOT_PROVED && proof.tries == 3 && strstr(proof.message, "3 points"), "%s", proof.message);
}
END_TEST

/* --- bad use --- */

static weft_status prove_with(weft_node a, weft_node b, const weft_prove_options *options, const char *words)
{
    weft_proof proof;
    weft_mark mark = weft_tape_mark(t);
    weft_status status = weft_prove(&a, &b, 1, options, &proof);
    ck_assert_int_eq(proof.verdict, WEFT_NOT_PROVED);
    ck_assert_int_eq(weft_tape_status(t), status);
    ck_assert_msg(strstr(weft_tape_message(t), words), "%s", weft_tape_message(t));
    weft_tape_rewind(t, mark);
    return status;
}

START_TEST(bad_use_is_reported)
{
    weft_tape *other = weft_tape_new(NULL);
    weft_node foreign = weft_input(other, "x", WEFT_F64, 2, (size_t[]){N, D}), none = {.tape = NULL}, failed = {.tape = t, .id = WEFT_NO_ID};
    weft_proof proof;
    ck_assert_int_eq(prove_with(x, foreign, NULL, "a[0] and b[0]"), WEFT_ERROR_ARGUMENT);
    ck_assert_int_eq(prove_with(x, failed, NULL, "a[0] and b[0]"), WEFT_ERROR_ARGUMENT);
    ck_assert_int_eq(prove_with(x, none, NULL, "a[0] and b[0]"), WEFT_ERROR_ARGUMENT);
    ck_assert_int_eq(prove_with(x, v, NULL, "a[0] is (3, 4) and b[0] is (4)"), WEFT_ERROR_SHAPE);
    ck_assert_int_eq(prove_with(weft_slice(v, NULL, (ptrdiff_t[]){N}, NULL), label, NULL, "i64"), WEFT_ERROR_DTYPE);
    const double few[2] = {0, 0};
    weft_binding bind = {x, few, sizeof few};
    ck_assert_int_eq(prove_with(x, x, &(weft_prove_options){.bind = &bind, .n_bind = 1}, "needs 96"), WEFT_ERROR_ARGUMENT);
    ck_assert_int_eq(prove_with(x, x, &(weft_prove_options){.n_bind = 1}, "bind is NULL"), WEFT_ERROR_ARGUMENT);
    bind.node = weft_neg(x);
    ck_assert_int_eq(prove_with(x, x, &(weft_prove_options){.bind = &bind, .n_bind = 1}, "no input"), WEFT_ERROR_ARGUMENT);
    ck_assert_int_eq(weft_prove(&x, &x, 0, NULL, &proof), WEFT_ERROR_ARGUMENT);
    ck_assert_int_eq(weft_prove(NULL, &x, 1, NULL, &proof), WEFT_ERROR_ARGUMENT);
    weft_mark mark = weft_tape_mark(t);
    ck_assert_int_eq(weft_prove(&x, NULL, 1, NULL, &proof), WEFT_ERROR_ARGUMENT);
    ck_assert_int_eq(weft_prove(&x, &x, 1, NULL, &proof), WEFT_ERROR_ARGUMENT); /* the tape has an error */
    weft_tape_rewind(t, mark);
    ck_assert_int_eq(weft_prove(&x, &x, 1, NULL, NULL), WEFT_ERROR_ARGUMENT);
    weft_tape_rewind(t, mark);
    ck_assert_int_eq(prove_one(x, x).verdict, WEFT_PROVED);
    weft_tape_free(other);
}
END_TEST

/* --- every allocation fails once --- */

START_TEST(out_of_memory_is_reported)
{
    weft_tape_free(t);
    bool wrong = _i;
    for (size_t at = 1, done = 0; !done; at++) {
        ck_assert_uint_lt(at, 1000);
        faulty f = {.count = 0};
        weft_allocator allocator = faulty_allocator(&f);
        start(&allocator, WEFT_F64);
        weft_node y = weft_fused_layernorm(x, v, v, 1e-5), y2 = weft_layernorm(x, v, wrong ? weft_neg(v) : v, 1e-5);
        ck_assert_int_eq(weft_tape_status(t), WEFT_OK);
        f.fail_at = f.count + at;
        weft_proof proof;
        weft_status status = weft_prove(&y, &y2, 1, &(weft_prove_options){.points = 1}, &proof);
        done = f.count < f.fail_at;
        ck_assert_int_eq(status, done ? WEFT_OK : WEFT_ERROR_MEMORY);
        ck_assert_int_eq(weft_tape_status(t), status);
        ck_assert_int_eq(proof.verdict, done ? wrong ? WEFT_REFUTED : WEFT_PROVED : WEFT_NOT_PROVED);
        weft_tape_free(t);
        ck_assert_uint_eq(f.live, 0);
        ck_assert(done || at < 500);
    }
    set_up();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("prove_use");
    TCase *use = tcase_create("use");
    tcase_add_checked_fixture(use, set_up, tear_down);
    tcase_add_test(use, bound_inputs_are_constants);
    tcase_add_test(use, an_index_out_of_range_is_refused);
    tcase_add_test(use, what_cannot_be_run_is_not_refuted);
    tcase_add_test(use, too_few_tries_end_it);
    tcase_add_test(use, bad_use_is_reported);
    tcase_add_loop_test(use, out_of_memory_is_reported, 0, 2);
    suite_add_tcase(suite, use);
    return run_suite(suite);
}

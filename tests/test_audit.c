/* test_audit.c: the accuracy audit names the node that loses digits. What it measures is computed here again, in long double and in plain C floats. */
#include "tests/faulty.h"
#include "tests/suite.h"

#include <math.h>

enum { N = 8 };

static weft_tape *t;
static weft_audit_report report;

static void set_up(void)
{
    t = weft_tape_new(NULL);
}

static void tear_down(void)
{
    weft_audit_free(&report);
    weft_tape_free(t);
}

static weft_node vector(const char *name, size_t n, const float *data)
{
    return weft_name(weft_constant(t, WEFT_F32, 1, &n, data), name);
}

static weft_node number(double value)
{
    return weft_scalar(t, WEFT_F32, value);
}

static void audit(weft_node y, const weft_audit_options *options)
{
    uint32_t count = weft_tape_count(t);
    weft_audit_free(&report);
    ck_assert_msg(weft_audit(&y, 1, options, &report) == WEFT_OK, "%s", weft_tape_message(t));
    ck_assert_uint_eq(weft_tape_count(t), count);
}

static const weft_audit_row *row_of(weft_node x)
{
    for (size_t k = 0; k < report.n_rows; k++)
        if (report.rows[k].node.id == x.id)
            return &report.rows[k];
    ck_abort_msg("%%%u has no row", x.id);
}

/* The distance of floats at x, by the next one; x is no power of two. */
static double ulp(long double x)
{
    float at = fabsf((float)x);
    return (double)nextafterf(at, INFINITY) - (double)at;
}

static const float small[N] = {1.1e-5f, -2.3e-6f, 3.7e-5f, 4.9e-6f, -1.3e-5f, 7.7e-6f, 9.1e-7f, -5.3e-6f}, 
                   plain[N] = {0.3f, -1.2f, 2.5f, 1.1f, 0.4f, -0.7f, -0.9f, 2.2f};

/* --- planted losses --- */

START_TEST(log_of_one_plus_x_loses_in_the_sum)
{
    weft_node x = vector("x", N, small), sum = weft_name(weft_add(x, number(1)), "sum"), y = weft_log(sum);
    double made = 0, carried = 0, total = 0, square = 0;
    audit(y, NULL);
    for (int i = 0; i < N; i++) {
        long double truth = log1pl((long double)small[i]), exact = 1 + (long double)small[i];
        float stored = 1 + small[i], result = (float)logl((long double)stored); /* logf() within 1/2 ulp, as is weft_log() but for 1e-4 of an ulp */
        made = fmax(made, (double)fabsl((long double)stored - exact) / ulp(exact));
        carried = fmax(carried, (double)fabsl(logl((long double)stored) - truth) / ulp(truth));
        total = fmax(total, (double)fabsl((long double)result - truth) / ulp(truth));
        square += pow((double)fabsl((long double)stored - exact) / ulp(exact), 2);
    }
    ck_assert_uint_eq(report.rows[0].node.id, sum.id);
    ck_assert_double_eq_tol(report.rows[0].made.largest, made, 1e-8);
    ck_assert_double_eq_tol(report.rows[0].made.rms, sqrt(square / N), 1e-8);
    ck_assert_double_eq(report.rows[0].inherited.largest, 0);
    ck_assert_double_eq_tol(report.rows[0].carried.largest, carried, 1e-6 * carried);
    ck_assert_double_gt(carried, 1e4);
    ck_assert_double_lt(row_of(y)->made.largest, 0.51);
    ck_assert_double_eq_tol(row_of(y)->inherited.largest, carried, 1e-6 * carried);
    ck_assert_double_eq_tol(report.outputs[0][WEFT_AUDIT_STAGED].largest, total, 1e-5 * total);
    audit(weft_log1p(x), NULL);
    ck_assert_double_lt(report.rows[0].carried.largest, 0.51);
    ck_assert_double_lt(report.outputs[0][WEFT_AUDIT_STAGED].largest, 0.51);
}
END_TEST

START_TEST(one_minus_cosine_loses_in_the_cosine)
{
    static const float near[N] = {1.1e-3f, 2.3e-3f, 3.7e-3f, 4.9e-3f, 1.3e-3f, 7.7e-3f, 9.1e-3f, 5.3e-3f};
    weft_node x = vector("x", N, near), cosine = weft_cos(x), difference = weft_sub(number(1), cosine), y = weft_div(difference, weft_mul(x, x));
    double carried = 0;
    audit(y, NULL);
    for (int i = 0; i < N; i++) {
        long double a = (long double)near[i], truth = (1 - cosl(a)) / (a * a), stored = (long double)(float)cosl(a);
        carried = fmax(carried, (double)fabsl((1 - stored) / (a * a) - truth) / ulp(truth));
    }
    ck_assert_uint_eq(report.rows[0].node.id, cosine.id);
    ck_assert_double_eq_tol(report.rows[0].carried.largest, carried, 1e-4 * carried); /* cosl() and cos() round elsewhere: 1e-11 of an ulp of f32, 1e5 times */
    ck_assert_double_gt(carried, 1000);
    ck_assert_double_eq(row_of(difference)->made.largest, 0); /* exact, by Sterbenz: it only inherits */
    ck_assert_double_gt(row_of(difference)->inherited.largest, 1000);
}
END_TEST

/* h + 1e4 rounds away what is left when the mean is taken off. */
START_TEST(an_offset_loses_in_the_sum_with_it)
{
    weft_node h = vector("h", N, plain), moved = weft_name(weft_add(h, number(1e4)), "moved"), centred = weft_sub(moved, weft_mean(moved, 1, true));
    double made = 0;
    audit(centred, NULL);
    for (int i = 0; i < N; i++)
        made = fmax(made, fabs((double)(plain[i] + 1e4f) - ((double)plain[i] + 1e4)) / ulp(1e4L + (long double)plain[i]));
    /* the mean, stored in f32, loses about as much; the two are ahead of all others */
    ck_assert(report.rows[0].node.id == moved.id || report.rows[1].node.id == moved.id);
    ck_assert_double_eq_tol(row_of(moved)->made.largest, made, 1e-9);
    ck_assert_double_gt(row_of(moved)->carried.largest, 1000);
    ck_assert_double_lt(row_of(centred)->made.largest, 0.51);
    ck_assert_double_gt(row_of(centred)->inherited.largest, 1000);
}
END_TEST

/* A mean that a program keeps in f64 costs nothing; stored in f32, as between stages, it does: here it has bits of 2**-13, and f32 at 1e4 none below
 * 2**-10. */
START_TEST(programs_are_set_side_by_side)
{
    static const float offset[N] = {1e4f, 10001.5009765625f, 1e4f + 3, 1e4f - 2.25f, 1e4f + 1, 1e4f - 7, 1e4f + 0.125f, 1e4f + 12};
    static const float ones[] = {1}, zeros[] = {0};
    weft_node h = weft_constant(t, WEFT_F32, 2, (size_t[]){N, 1}, offset), gamma = vector("gamma", 1, ones), beta = vector("beta", 1, zeros);
    weft_node y = weft_batchnorm(h, gamma, beta, 1e-5), fused = weft_fused_batchnorm(h, gamma, beta, 1e-5);
    weft_options compiled = {.cache = getenv("WEFT_TEST_CACHE")};
    audit(y, &(weft_audit_options){.fused = &fused, .compiled = compiled.cache ? &compiled : NULL});
    const weft_ulps *of = report.outputs[0];
    ck_assert_double_gt(of[WEFT_AUDIT_STAGED].largest, 10);
    ck_assert_double_lt(of[WEFT_AUDIT_RECORDED].largest, 2);
    ck_assert_double_lt(of[WEFT_AUDIT_REWRITTEN].largest, 2);
    ck_assert_double_lt(of[WEFT_AUDIT_FUSED].largest, 2);
    ck_assert(compiled.cache ? of[WEFT_AUDIT_COMPILED].largest < 2 : isnan(of[WEFT_AUDIT_COMPILED].largest));
    ck_assert_double_le(of[WEFT_AUDIT_STAGED].rms, of[WEFT_AUDIT_STAGED].largest);
    ck_assert_double_gt(of[WEFT_AUDIT_STAGED].rms, 0);
    audit(y, NULL);
    ck_assert_double_nan(report.outputs[0][WEFT_AUDIT_COMPILED].largest);
    ck_assert_double_nan(report.outputs[0][WEFT_AUDIT_FUSED].largest);
}
END_TEST

/* --- what is exact is said to be --- */

START_TEST(an_exact_graph_has_no_error)
{
    static const float whole[N] = {1, -2, 3, 4, -5, 6, 7, 8};
    weft_node x = vector("x", N, whole), y = weft_relu(weft_sub(weft_mul(x, x), weft_sum(x, WEFT_ALL_AXES, false)));
    audit(weft_max(weft_reshape(y, 2, (size_t[]){2, 4}), WEFT_AXIS(1), false), NULL);
    ck_assert_uint_gt(report.n_rows, 6);
    for (size_t k = 0; k < report.n_rows; k++) {
        ck_assert_double_eq(report.rows[k].made.largest, 0);
        ck_assert_double_eq(report.rows[k].inherited.largest, 0);
        ck_assert_double_eq(report.rows[k].carried.largest, 0);
    }
    for (int way = 0; way <= WEFT_AUDIT_REWRITTEN; way++)
        ck_assert_double_eq(report.outputs[0][way].largest, 0);
}
END_TEST

/* A number that f32 does not hold is an error of the constant. */
START_TEST(constants_are_rounded)
{
    weft_node tenth = weft_name(number(0.1), "tenth"), y = weft_mul(vector("x", 1, (float[]){1}), tenth);
    audit(y, NULL);
    ck_assert_uint_eq(report.rows[0].node.id, tenth.id);
    ck_assert_double_eq_tol(report.rows[0].made.largest, fabs((double)0.1f - 0.1) / ulp(0.1L), 1e-12);
    ck_assert_double_eq(row_of(y)->made.largest, 0);
}
END_TEST

/* Rounding to whole numbers has no derivative, and jumps all the same: what was made before it is carried. */
START_TEST(errors_are_carried_where_derivatives_are_not)
{
    weft_node x = vector("x", 1, (float[]){0.1f}), ten = weft_mul(x, number(3)), y = weft_floor(weft_mul(weft_stop_gradient(ten), number(1e9)));
    audit(y, NULL);
    ck_assert_double_gt(row_of(ten)->made.largest, 0);
    ck_assert_double_gt(row_of(ten)->carried.largest, 0);
}
END_TEST

START_TEST(ops_of_all_kinds_are_audited)
{
    weft_node x = weft_constant(t, WEFT_F32, 2, (size_t[]){4, 2}, plain), index = weft_constant(t, WEFT_I64, 1, (size_t[]){3}, (int64_t[]){2, 0, 3});
    weft_node g = vector("g", 2, plain), f = weft_fused_batchnorm(x, g, g, 1e-2), taken = weft_take(weft_add(f, weft_part(f, 1)), index, 0);
    weft_node hot = weft_one_hot(weft_argmax(x, 1, false), 2, WEFT_F32), seed = weft_constant(t, WEFT_I64, 0, NULL, (int64_t[]){5});
    weft_node noise = weft_normal(seed, weft_scalar(t, WEFT_F64, 0), 1, WEFT_F32, 1, (size_t[]){2});
    weft_node product = weft_sum(weft_matmul(taken, weft_transpose(hot, NULL)), WEFT_ALL_AXES, false);
    weft_node y = weft_add(product, weft_add(weft_cast(weft_exp(weft_scalar(t, WEFT_F64, 1)), WEFT_F32), noise));
    audit(y, NULL);
    ck_assert_double_eq(row_of(hot)->made.largest, 0);
    ck_assert_double_eq(row_of(noise)->made.largest, 0);
    ck_assert_double_lt(row_of(f)->made.largest, 2);
    ck_assert_double_gt(row_of(f)->made.largest, 0);
    ck_assert_double_gt(row_of(weft_part(f, 1))->made.largest, 0);
    ck_assert_double_lt(report.outputs[0][WEFT_AUDIT_STAGED].largest, 100);
    ck_assert_double_gt(report.outputs[0][WEFT_AUDIT_STAGED].largest, 0);
}
END_TEST

START_TEST(overflow_is_an_infinite_error)
{
    weft_node x = vector("x", 2, (float[]){100, 1}), y = weft_exp(x);
    audit(y, NULL);
    ck_assert_double_eq(row_of(y)->made.largest, INFINITY);
    ck_assert_uint_eq(row_of(y)->made.worst, 0);
    ck_assert_double_eq(row_of(y)->carried.largest, INFINITY);
}
END_TEST

/* --- use --- */

START_TEST(bad_use_is_named)
{
    weft_node x = weft_input(t, "x", WEFT_F32, 1, (size_t[]){2}), y = weft_exp(x), wide = weft_input(t, "wide", WEFT_F64, 0, NULL), none = {.id = WEFT_NO_ID};
    const float data[] = {1, 2};
    const weft_binding bind = {x, data, sizeof data}, wrong = {none, data, sizeof data};
    weft_node scalar = weft_sum(x, WEFT_ALL_AXES, false);
    const struct {
        weft_status status;
        weft_node y;
        weft_audit_options options;
        const char *says;
    } uses[] = {
        {WEFT_ERROR_DTYPE, wide, {.truth = WEFT_TRUTH_F64}, "record the graph in f32"},
        {WEFT_ERROR_UNBOUND, y, {.n_bind = 0}, "\"x\" has no binding of 8 bytes"},
        {WEFT_ERROR_ARGUMENT, y, {.bind = &wrong, .n_bind = 1}, "binding 0 is no node"},
        {WEFT_ERROR_ARGUMENT, y, {.bind = &bind, .n_bind = 1, .fused = &none}, "fused[0] is no node"},
        {WEFT_ERROR_SHAPE, y, {.bind = &bind, .n_bind = 1, .fused = &scalar}, "fused[0]"},
    };
    weft_mark mark = weft_tape_mark(t);
    for (size_t k = 0; k < sizeof uses / sizeof *uses; k++) {
        ck_assert_int_eq(weft_audit(&uses[k].y, 1, &uses[k].options, &report), uses[k].status);
        ck_assert_msg(strstr(weft_tape_message(t), uses[k].says) != NULL, "\"%s\" does not say \"%s\"", weft_tape_message(t), uses[k].says);
        ck_assert_ptr_null(report.rows);
        weft_tape_rewind(t, mark);
    }
    ck_assert_int_eq(weft_audit(&y, 1, NULL, NULL), WEFT_ERROR_ARGUMENT);
    weft_tape_rewind(t, mark);
    ck_assert_int_ne(weft_audit(NULL, 1, NULL, &report), WEFT_OK);
    ck_assert_int_eq(weft_audit((const weft_node[]){y, scalar}, 2, &(weft_audit_options){.bind = &bind, .n_bind = 1}, &report), WEFT_OK);
    ck_assert_uint_eq(report.n_outputs, 2);
    weft_audit_free(NULL);
}
END_TEST

static weft_status audit_some(weft_tape *tape)
{
    weft_audit_report found;
    weft_node h = weft_constant(tape, WEFT_F32, 2, (size_t[]){4, 2}, plain), g = weft_constant(tape, WEFT_F32, 1, (size_t[]){2}, plain);
    weft_node y = weft_softmax(weft_fused_layernorm(h, g, g, 0.1), -1), fused = weft_fused_softmax(h, -1);
    weft_status status = weft_audit(&y, 1, &(weft_audit_options){.fused = &fused}, &found);
    weft_audit_free(&found);
    return status;
}

START_TEST(every_allocation_may_fail)
{
    faulty f = {0};
    weft_allocator allocator = faulty_allocator(&f);
    weft_tape *tape = weft_tape_new(&allocator);
    ck_assert_int_eq(audit_some(tape), WEFT_OK);
    weft_tape_free(tape);
    size_t all = f.count;
    for (size_t n = 2; n <= all; n++) {
        f = (faulty){.fail_at = n};
        tape = weft_tape_new(&allocator);
        weft_mark mark = weft_tape_mark(tape);
        weft_status status = audit_some(tape);
        ck_assert_msg(status == WEFT_ERROR_MEMORY || (status == WEFT_OK && f.count < n), "allocation %zu of %zu: %d %s", n, all, status, weft_tape_message(tape));
        weft_tape_rewind(tape, mark);
        weft_tape_free(tape);
        ck_assert_uint_eq(f.live, 0);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("audit");
    TCase *audits = tcase_create("audit");
    tcase_add_checked_fixture(audits, set_up, tear_down);
    tcase_set_timeout(audits, 120);
    tcase_add_test(audits, log_of_one_plus_x_loses_in_the_sum);
    tcase_add_test(audits, one_minus_cosine_loses_in_the_cosine);
    tcase_add_test(audits, an_offset_loses_in_the_sum_with_it);
    tcase_add_test(audits, programs_are_set_side_by_side);
    tcase_add_test(audits, an_exact_graph_has_no_error);
    tcase_add_test(audits, constants_are_rounded);
    tcase_add_test(audits, errors_are_carried_where_derivatives_are_not);
    tcase_add_test(audits, ops_of_all_kinds_are_audited);
    tcase_add_test(audits, overflow_is_an_infinite_error);
    tcase_add_test(audits, bad_use_is_named);
    tcase_add_test(audits, every_allocation_may_fail);
    suite_add_tcase(suite, audits);
    return run_suite(suite);
}

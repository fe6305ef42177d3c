/* test_faults.c: every allocation of a full record, derive, compile, run and check is made to fail, one after another. Each time the
 * status must be out-of-memory, everything must be freed, and a second try on the same tape must work. */
#include "tests/faulty.h"
#include "tests/samples.h"
#include "tests/suite.h"

#ifdef __SANITIZE_ADDRESS__
enum { STEP = 3 }; /* every third allocation: ten times slower */
#else
enum { STEP = 1 };
#endif
enum { ROWS = 6, WIDTH = 5, CLASSES = 3, LAYERS = 30, OUTPUTS = 7 };

static bool discard(void *context, const char *text, size_t bytes)
{
    (void)context, (void)text, (void)bytes;
    return true;
}

/* A network of both kinds of normalisation with its gradient, momentum, and a second derivative. */
static void record(weft_tape *t, weft_node *leaf, weft_node *out)
{
    leaf[0] = weft_input(t, "x", WEFT_F32, 2, (size_t[]){ROWS, WIDTH});
    leaf[1] = weft_input(t, "label", WEFT_I64, 1, (size_t[]){ROWS});
    leaf[2] = weft_parameter(t, "w", WEFT_F32, 2, (size_t[]){WIDTH, CLASSES});
    leaf[3] = weft_parameter(t, "velocity", WEFT_F32, 2, (size_t[]){WIDTH, CLASSES});
    leaf[4] = weft_parameter(t, "gamma", WEFT_F32, 1, (size_t[]){WIDTH});
    weft_node h = leaf[0], dw[2];
    for (int i = 0; i < LAYERS; i++) { /* long enough for every list to grow */
        weft_scope_push(t, "layer");
        h = weft_relu(i % 2 ? weft_batchnorm(h, leaf[4], leaf[4], 1e-5) : weft_fused_batchnorm(h, leaf[4], leaf[4], 1e-5));
        weft_scope_pop(t);
    }
    h = weft_fused_rmsnorm(weft_fused_layernorm(h, leaf[4], leaf[4], 1e-5), leaf[4], 1e-5);
    h = weft_add(weft_fused_l2_normalize(h, 0, 1e-5), weft_fused_softmax(h, -1));
    h = weft_fused_gelu(weft_fused_groupnorm(weft_fused_log_softmax(h, -1), 1, leaf[4], leaf[4], 1e-5));
    out[0] = weft_softmax_cross_entropy(weft_matmul(h, leaf[2]), leaf[1]);
    out[0] = weft_add(out[0], weft_fused_softmax_cross_entropy(h, leaf[1]));
    weft_grad(out[0], (const weft_node[]){leaf[2], leaf[4]}, 2, dw);
    weft_sgd(leaf[2], dw[0], leaf[3], weft_scalar_like(h, 0.1), 0.9, out + 1);
    weft_grad(weft_sum(weft_mul(dw[1], dw[1]), WEFT_ALL_AXES, false), &leaf[4], 1, out + 3);
    out[4] = weft_transpose(h, NULL);
    out[5] = weft_name(dw[1], "a name");
    out[6] = weft_max(weft_reshape(weft_transpose(h, NULL), 1, (size_t[]){ROWS * WIDTH}), 1, false);
}

static weft_status run(weft_tape *t, const weft_node *leaf, const weft_node *out)
{
    static const float x[ROWS * WIDTH] = {1, 2, 3, 4, 5, 6, 7, 8, 7, 6, 5, 4, 3, 2, 1, 0, 1, 3, 5, 7, 9, 7, 5, 3, 1, 2, 4, 6, 8, 0};
    static const int64_t label[ROWS] = {0, 1, 2, 2, 1, 0};
    weft_program *p = weft_compile(out, OUTPUTS);
    weft_bind(p, leaf[0], x, sizeof x);
    weft_bind(p, leaf[1], label, sizeof label);
    weft_status status = weft_run(p);
    if (status == WEFT_OK)
        status = weft_run(p);
    weft_program_free(p);
    weft_status printed = weft_print_listing((weft_writer){.write = discard}, out, OUTPUTS);
    if (status == WEFT_OK)
        status = printed;
    printed = weft_print_dot((weft_writer){.write = discard}, out, OUTPUTS);
    (void)t;
    return status == WEFT_OK ? printed : status;
}

static weft_status check(weft_tape *t)
{
    static const double h_data[12] = {1, 5, 2, 4, 3, 3, 4, 2, 5, 1, 6, 0}, g_data[3] = {1, 2, 3};
    weft_node h = weft_input(t, "h", WEFT_F64, 2, (size_t[]){4, 3}), g = weft_input(t, "g", WEFT_F64, 1, (size_t[]){3});
    weft_node y = weft_batchnorm(h, g, g, 1e-5);
    const weft_binding bind[] = {{h, h_data, sizeof h_data}, {g, g_data, sizeof g_data}};
    weft_gradcheck_options options = {.bind = bind, .n_bind = 2};
    weft_gradcheck result[2];
    weft_status status = weft_gradient_check(y, (const weft_node[]){h, g}, 2, &options, result);
    if (status == WEFT_OK) {
        ck_assert_int_eq(result[0].verdict, WEFT_GRADIENT_RIGHT);
        ck_assert_int_eq(result[1].verdict, WEFT_GRADIENT_RIGHT);
    }
    return status;
}

/* Forward mode through every kind of rule, what is made of it, and scopes that are computed again. */
static weft_status derive(weft_tape *t)
{
    static const double data[12] = {1, 5, 2, 4, 3, 3, 4, 2, 5, 1, 6, 0};
    weft_node h = weft_input(t, "h", WEFT_F64, 2, (size_t[]){4, 3}), g = weft_input(t, "g", WEFT_F64, 1, (size_t[]){3}), y = h, out[4];
    weft_node x[] = {h, g}, loss;
    for (int i = 0; i < 2; i++) {
        weft_checkpoint_push(t, "outer");
        weft_checkpoint_push(t, "inner");
        y = weft_fused_batchnorm_relu(weft_matmul(y, weft_broadcast(g, 2, (size_t[]){3, 3})), g, g, 1e-2);
        weft_scope_pop(t);
        y = weft_name(weft_sub(weft_exp(y), weft_max(y, WEFT_AXIS(1), true)), "y");
        weft_scope_pop(t);
    }
    loss = weft_sum(y, WEFT_ALL_AXES, false);
    weft_jvp(&y, 1, x, x, 2, out);
    weft_hvp(loss, x, x, 2, out + 1);
    weft_jacobian(weft_sum(y, WEFT_AXIS(0), false), h, out + 2);
    weft_hessian(loss, g, out + 3);
    if (weft_tape_status(t) != WEFT_OK)
        return weft_tape_status(t);
    weft_program *p = weft_compile(out, 4);
    weft_bind(p, h, data, sizeof data);
    weft_bind(p, g, data, 3 * sizeof *data);
    weft_status status = weft_run(p);
    weft_program_free(p);
    return status;
}

static weft_status everything(weft_tape *t)
{
    weft_node leaf[5], out[OUTPUTS];
    weft_mark mark = weft_tape_mark(t);
    record(t, leaf, out);
    weft_status status = weft_tape_status(t);
    if (status == WEFT_OK)
        status = run(t, leaf, out);
    if (status == WEFT_OK)
        status = weft_rewrite(out, OUTPUTS, WEFT_REWRITE_ALGEBRAIC, NULL, NULL, out);
    if (status == WEFT_OK)
        status = run(t, leaf, out);
    if (status == WEFT_OK)
        status = check(t);
    if (status == WEFT_OK)
        status = derive(t);
    weft_tape_rewind(t, mark);
    return status;
}

START_TEST(every_allocation_may_fail)
{
    faulty f = {0};
    weft_allocator allocator = faulty_allocator(&f);
    weft_tape *t = weft_tape_new(&allocator);
    ck_assert_int_eq(everything(t), WEFT_OK);
    weft_tape_free(t);
    ck_assert_uint_eq(f.live, 0);
    size_t all = f.count;
    ck_assert_uint_gt(all, 100);
    for (size_t n = 1; n <= all; n += STEP) {
        f = (faulty){.fail_at = n};
        t = weft_tape_new(&allocator);
        weft_status status = everything(t);
        bool reached = f.count >= n; /* hash tables grow sooner or later, since their keys hold addresses */
        ck_assert_msg(status == (reached ? WEFT_ERROR_MEMORY : WEFT_OK), "allocation %zu of %zu failed, and the status is \"%s\"", n, all,
                      weft_status_text(status));
        f.fail_at = 0; /* where it was not reached, it would be now */
        if (t) {
            ck_assert_int_eq(weft_tape_verify(t), WEFT_OK);
            ck_assert_msg(everything(t) == WEFT_OK, "after failure %zu the tape is not usable: %s", n, weft_tape_message(t));
        }
        weft_tape_free(t);
        ck_assert_msg(f.live == 0, "allocation %zu of %zu failed, and %zu bytes leaked", n, all, f.live);
    }
}
END_TEST

/* From some allocation on, nothing succeeds any more. */
START_TEST(memory_may_run_out_for_good)
{
    for (size_t n = 1; n < 200; n += 7) {
        faulty f = {.fail_at = n, .for_good = true};
        weft_allocator allocator = faulty_allocator(&f);
        weft_tape *t = weft_tape_new(&allocator);
        for (int again = 0; again < 3; again++) {
            weft_status status = everything(t);
            ck_assert_int_eq(status, f.count >= n ? WEFT_ERROR_MEMORY : WEFT_OK);
        }
        weft_tape_free(t);
        ck_assert_uint_eq(f.live, 0);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("faults");
    TCase *faults = tcase_create("faults");
    tcase_set_timeout(faults, 300);
    tcase_add_test(faults, every_allocation_may_fail);
    tcase_add_test(faults, memory_may_run_out_for_good);
    suite_add_tcase(suite, faults);
    return run_suite(suite);
}

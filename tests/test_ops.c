/* test_ops.c: one table test over every op, values and derivatives: the kernel against a naive loop, f32 against f64, the derivative and its own
 * derivative against central differences. An op without samples fails. test_ops_modes.c, test_ops_arrays.c and test_ops_special.c hold the same
 * samples to forward mode, shapes and strides, and NaN and infinities. */
#include "tests/op_table.h"

#include <stdlib.h>
#include <string.h>

START_TEST(every_op_has_samples)
{
    for (size_t i = 0; i < weft_op_count(); i++) {
        bool found = false;
        for (size_t k = 0; k < sample_count(); k++)
            found |= !strcmp(sample_at(k)->op, weft_op_at(i)->name);
        ck_assert_msg(found, "op %s has no sample in tests/samples_*.c", weft_op_at(i)->name);
    }
}
END_TEST

START_TEST(catalogue_is_complete)
{
    for (size_t i = 0; i < weft_op_count(); i++) {
        const weft_op *op = weft_op_at(i);
        int rules = (op->partial != NULL) + (op->transpose != NULL) + (op->vjp != NULL);
        ck_assert_msg(op->formula && *op->formula, "%s has no formula", op->name);
        ck_assert_msg(op->flags & WEFT_ZERO_DERIVATIVE ? rules == 0 : rules == 1 || op->expand, "%s must have one derivative rule",
                      op->name);
        ck_assert_msg(op->kind != WEFT_ELEMENTWISE || (op->map[0] && op->map[1]), "%s lacks a kernel", op->name);
    }
    ck_assert_ptr_null(weft_op_at(weft_op_count()));
}
END_TEST

START_TEST(value_is_the_naive_one)
{
    const sample *s = sample_at((size_t)_i);
    weft_tape *t = weft_tape_new(NULL);
    operands o;
    operands_make(&o, t, s, WEFT_F64, seed);
    weft_node y = s->build(o.node);
    weft_program *p = evaluate(y, &o);
    size_t n = count_of(y);
    double *expected = malloc(n * sizeof *expected + 1);
    s->naive(s->shape, (const double *const *)o.wide, expected);
    const double *got = weft_output(p, 0), tolerance = tolerance_of(largest_of(expected, n, 1), o.count[0]);
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(fabs(got[i] - expected[i]) <= tolerance, "%s[%zu] is %.17g, not %.17g", s->op, i, got[i], expected[i]);
    ck_assert_int_eq(weft_tape_verify(t), WEFT_OK);
    free(expected);
    weft_program_free(p);
    operands_free(&o);
    weft_tape_free(t);
}
END_TEST

/* The operands are f32 numbers, so the f64 result is the true one; a few roundings of 6e-8 each are what f32 may lose. */
START_TEST(f32_is_f64_rounded)
{
    const sample *s = sample_at((size_t)_i);
    weft_tape *t = weft_tape_new(NULL);
    operands narrow, wide;
    operands_make(&narrow, t, s, WEFT_F32, seed);
    operands_make(&wide, t, s, WEFT_F64, seed);
    weft_node y32 = s->build(narrow.node), y64 = s->build(wide.node);
    weft_program *p32 = evaluate(y32, &narrow), *p64 = evaluate(y64, &wide);
    const float *got = weft_output(p32, 0);
    const double *expected = weft_output(p64, 0);
    size_t n = count_of(y64);
    const double size = largest_of(expected, n, 1);
    ck_assert_int_eq(weft_node_dtype(y32), WEFT_F32);
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(fabs((double)got[i] - expected[i]) <= 4 * 6e-8 * size, "%s[%zu] is %.9g in f32, %.17g in f64", s->op, i,
                      (double)got[i], expected[i]);
    weft_program_free(p32);
    weft_program_free(p64);
    operands_free(&narrow);
    operands_free(&wide);
    weft_tape_free(t);
}
END_TEST

/* Operands that may be differentiated. */
static size_t real_operands(const sample *s, const operands *o, weft_node *x)
{
    size_t n = 0;
    for (int i = 0; i < s->n; i++)
        if (may_be_differentiated(s, i))
            x[n++] = o->node[i];
    return n;
}

/* may_vanish: y need not respond to each x. Nor does it where there is nothing to respond, and one element may lie on the flat side of a kink. */
static void expect_verdict(const sample *s, weft_node y, const weft_node *x, size_t n, const weft_binding *bind, size_t n_bind,
                           bool may_vanish)
{
    weft_gradcheck result[SAMPLE_OPERANDS + 1];
    weft_gradcheck_options options = {.bind = bind, .n_bind = n_bind, .seed = seed};
    weft_status status = weft_gradient_check(y, x, n, &options, result);
    ck_assert_msg(status == WEFT_OK, "%s: %s", s->op, weft_tape_message(y.tape));
    for (size_t i = 0; i < n; i++) {
        bool vanishes = may_vanish || !count_of(x[i]) || count_of(y) <= 1;
        ck_assert_msg(result[i].verdict == WEFT_GRADIENT_RIGHT || (vanishes && result[i].verdict == WEFT_GRADIENT_EMPTY), "%s: %s", s->op,
                      result[i].message);
    }
}

static void expect_zero_gradient(weft_node y, const weft_node *x, size_t n, const operands *o)
{
    weft_node one = weft_full_like(y, 1), dx[SAMPLE_OPERANDS];
    ck_assert_int_eq(weft_vjp(&y, &one, 1, x, n, dx), WEFT_OK);
    for (size_t i = 0; i < n; i++) {
        weft_program *p = evaluate(dx[i], o);
        for (size_t k = 0; k < count_of(x[i]); k++)
            ck_assert_double_eq(((const double *)weft_output(p, 0))[k], 0);
        weft_program_free(p);
    }
}

START_TEST(gradient_agrees_with_differences)
{
    const sample *s = sample_at((size_t)_i);
    weft_tape *t = weft_tape_new(NULL);
    operands o;
    operands_make(&o, t, s, WEFT_F64, seed);
    weft_node y = s->build(o.node), x[SAMPLE_OPERANDS];
    size_t n = real_operands(s, &o, x);
    if (s->no_gradient)
        expect_zero_gradient(y, x, n, &o);
    else
        expect_verdict(s, y, x, n, o.binding, (size_t)s->n, false);
    operands_free(&o);
    weft_tape_free(t);
}
END_TEST

/* The gradient, as a function of the operands and of its cotangent, is checked in turn. */
START_TEST(second_gradient_agrees_with_differences)
{
    const sample *s = sample_at((size_t)_i);
    weft_tape *t = weft_tape_new(NULL);
    operands o;
    operands_make(&o, t, s, WEFT_F64, seed);
    weft_node y = s->build(o.node), x[SAMPLE_OPERANDS + 1], dx[SAMPLE_OPERANDS];
    size_t n = real_operands(s, &o, x);
    weft_shape shape = weft_node_shape(y);
    size_t count = count_of(y);
    double *weights = malloc(count * sizeof *weights + 1);
    uint64_t state = seed;
    for (size_t i = 0; i < count; i++)
        weights[i] = draw_normal(&state);
    weft_node w = weft_input(t, "w", WEFT_F64, shape.rank, shape.dim);
    weft_binding bind[SAMPLE_OPERANDS + 1];
    memcpy(bind, o.binding, sizeof o.binding);
    bind[s->n] = (weft_binding){w, weights, count * sizeof *weights};
    ck_assert_msg(weft_vjp(&y, &w, 1, x, n, dx) == WEFT_OK, "%s", weft_tape_message(t));
    ck_assert_int_eq(weft_tape_verify(t), WEFT_OK);
    x[n] = w;
    for (size_t i = 0; i < n; i++)
        expect_verdict(s, dx[i], x, n + 1, bind, (size_t)s->n + 1, true);
    free(weights);
    operands_free(&o);
    weft_tape_free(t);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ops");
    TCase *table = tcase_create("table");
    int n = (int)sample_count();
    tcase_add_test(table, every_op_has_samples);
    tcase_add_test(table, catalogue_is_complete);
    tcase_add_loop_test(table, value_is_the_naive_one, 0, n);
    tcase_add_loop_test(table, f32_is_f64_rounded, 0, n);
    tcase_add_loop_test(table, gradient_agrees_with_differences, 0, n);
    tcase_add_loop_test(table, second_gradient_agrees_with_differences, 0, n);
    suite_add_tcase(suite, table);
    return run_suite(suite);
}

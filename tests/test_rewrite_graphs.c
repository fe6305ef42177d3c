/* test_rewrite_graphs.c: whole graphs with their derivatives before and after rewriting: every sample. Random graphs are in
 * test_random_graphs.c, closed forms in test_rewrite_forms.c. */
#include "tests/samples.h"
#include "tests/suite.h"
#include "tests/work.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static weft_tape *t;

static void set_up(void)
{
    t = weft_tape_new(NULL);
}

static void tear_down(void)
{
    weft_tape_free(t);
}

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

/* --- whole graphs --- */

/* Value, gradients and the gradient of their squared sum. */
static size_t graphs(const sample *s, const operands *o, weft_node *out)
{
    weft_node x[SAMPLE_OPERANDS], dx[SAMPLE_OPERANDS], loss = {0};
    size_t n = 0, k = 0;
    for (int i = 0; i < s->n; i++)
        if (s->domain[i] != INDEX && s->domain[i] != MASK)
            x[n++] = o->node[i];
    out[k++] = s->build(o->node);
    if (!n)
        return k;
    weft_node squared = weft_sum(weft_mul(out[0], out[0]), WEFT_ALL_AXES, false);
    weft_grad(squared, x, n, dx);
    for (size_t i = 0; i < n; i++) {
        out[k++] = dx[i];
        weft_node term = weft_sum(weft_mul(dx[i], dx[i]), WEFT_ALL_AXES, false);
        loss = i ? weft_add(loss, term) : term;
    }
    weft_grad(loss, x, n, out + k);
    return k + n;
}

/* What a run must give before and after, on one sample: bits when exact; else values, a few dozen roundings of the largest entry apart. */
static void compare_sample(const sample *s, weft_rewriting level)
{
    operands o;
    operands_make(&o, t, s, WEFT_F64, 3);
    weft_node out[2 * (1 + 2 * SAMPLE_OPERANDS)];
    size_t n = graphs(s, &o, out);
    ck_assert_msg(weft_rewrite(out, n, level, NULL, NULL, out + n) == WEFT_OK, "%s", weft_tape_message(t));
    ck_assert_int_eq(weft_tape_verify(t), WEFT_OK);
    weft_program *before = compile_as_recorded(out, n), *after = compile_as_recorded(out + n, n);
    operands_bind(&o, before);
    operands_bind(&o, after);
    ck_assert_msg(weft_run(before) == WEFT_OK && weft_run(after) == WEFT_OK, "%s%s", weft_program_message(before), weft_program_message(after));
    for (size_t k = 0; k < n; k++) {
        const double *a = weft_output(before, k), *b = weft_output(after, k);
        double size = 1;
        if (level == WEFT_REWRITE_EXACT)
            expect_same_bits(s->op, a, b, count_of(out[k]));
        for (size_t i = 0; i < count_of(out[k]); i++)
            size = fmax(size, fabs(a[i]));
        for (size_t i = 0; i < count_of(out[k]); i++)
            ck_assert_msg(fabs(a[i] - b[i]) <= 1e-12 * size || (isnan(a[i]) && isnan(b[i])), "%s output %zu[%zu]: %.17g became %.17g", s->op, k, i,
                          a[i], b[i]);
    }
    if (level == WEFT_REWRITE_EXACT)
        ck_assert_uint_le(weft_program_memory(after).steps, weft_program_memory(before).steps);
    size_t large = 1; /* the algebra trades work on large arrays for work on small ones, and there may be more of that */
    for (int i = 0; i < o.n; i++)
        large = o.count[i] > large ? o.count[i] : large;
    work a = work_of(out, n, large), b = work_of(out + n, n, large);
    ck_assert_int_le(b.maps + b.sums + b.maxes, a.maps + a.sums + a.maxes);
    weft_program_free(before);
    weft_program_free(after);
    operands_free(&o);
}

START_TEST(rewritten_samples_keep_their_bits)
{
    compare_sample(sample_at((size_t)_i), WEFT_REWRITE_EXACT);
}
END_TEST

START_TEST(rewritten_samples_keep_their_values)
{
    compare_sample(sample_at((size_t)_i), WEFT_REWRITE_ALGEBRAIC);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rewrite_graphs");
    TCase *whole = tcase_create("graphs");
    tcase_add_checked_fixture(whole, set_up, tear_down);
    tcase_add_loop_test(whole, rewritten_samples_keep_their_bits, 0, (int)sample_count());
    tcase_add_loop_test(whole, rewritten_samples_keep_their_values, 0, (int)sample_count());
    suite_add_tcase(suite, whole);
    return run_suite(suite);
}

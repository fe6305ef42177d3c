/* test_rewrite_graphs.c: whole graphs with their derivatives before and after rewriting: every sample, and random ones. */
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

/* --- random graphs --- */

/* A node of one of the shapes that broadcast to (3, 3), by a random op on earlier nodes. Values stay near 1: exp is taken of small ones. */
static weft_node grow(const weft_node *pool, size_t n, uint64_t *seed)
{
    weft_node a = pool[(size_t)(draw_uniform(seed) * (double)n)], b = pool[(size_t)(draw_uniform(seed) * (double)n)];
    int rank = weft_node_shape(a).rank, axis = rank ? (int)(draw_uniform(seed) * rank) : 0;
    bool keepdims = draw_uniform(seed) < 0.5;
    switch ((int)(draw_uniform(seed) * 15)) {
    case 0:
        return weft_add(a, b);
    case 1:
        return weft_sub(a, b);
    case 2:
        return weft_mul(a, b);
    case 3:
        return weft_div(a, weft_add(weft_mul(b, b), weft_scalar_like(b, 1)));
    case 4:
        return weft_neg(a);
    case 5:
        return rank ? weft_sum(a, WEFT_AXIS(axis), keepdims) : a;
    case 6:
        return rank ? weft_mean(a, WEFT_AXIS(axis), keepdims) : a;
    case 7:
        return rank ? weft_sub(a, weft_mean(a, WEFT_AXIS(axis), keepdims)) : a;
    case 8:
        return weft_broadcast(a, 2, (size_t[]){3, 3});
    case 9:
        return weft_transpose(a, NULL);
    case 10:
        return weft_exp(weft_div(a, weft_add(weft_mul(a, a), weft_scalar_like(a, 1))));
    case 11:
        return rank ? weft_softmax(a, axis) : a;
    case 12:
        return rank ? weft_l2_normalize(a, axis, 0.1) : a;
    case 13:
        return weft_pow(weft_add(weft_mul(a, a), weft_scalar_like(a, 0.5)), weft_scalar_like(a, draw_uniform(seed) < 0.5 ? -0.5 : -1.5));
    default:
        return weft_mul(a, weft_scalar_like(a, draw_uniform(seed) < 0.5 ? 0 : 1));
    }
}

/* The graph and its gradient, rewritten and not, exactly for even seeds and with the algebra for odd ones. Sums over views may add in another
 * order even when every rule is exact, so this compares values, not bits. Cancellation leaves roundings of what was cancelled, so the scale is
 * that of the largest value on the whole tape. */
START_TEST(random_wholekeep_their_values)
{
    enum { STEPS = 14, LEAVES = 4 };
    for (int graph = 0; graph < 250; graph++) {
        uint64_t seed = (uint64_t)_i * 1000 + (uint64_t)graph;
        weft_tape_free(t);
        t = weft_tape_new(NULL);
        weft_node pool[LEAVES + STEPS] = {weft_input(t, "m", WEFT_F64, 2, (size_t[]){3, 3}), weft_input(t, "v", WEFT_F64, 1, (size_t[]){3}),
                                          weft_input(t, "c", WEFT_F64, 2, (size_t[]){3, 1}), weft_input(t, "s", WEFT_F64, 0, NULL)};
        double data[9];
        draw_domain(NORMAL, &seed, 9, data);
        for (size_t i = LEAVES; i < LEAVES + STEPS; i++)
            pool[i] = grow(pool, i, &seed);
        weft_node last = pool[LEAVES + STEPS - 1], out[2 * (1 + LEAVES)];
        enum { N = 1 + LEAVES };
        out[0] = last;
        weft_grad(weft_sum(weft_mul(last, last), WEFT_ALL_AXES, false), pool, LEAVES, out + 1);
        uint32_t recorded = weft_tape_count(t);
        weft_rewriting level = _i % 2 ? WEFT_REWRITE_ALGEBRAIC : WEFT_REWRITE_EXACT;
        ck_assert_msg(weft_rewrite(out, N, level, NULL, NULL, out + N) == WEFT_OK, "%s", weft_tape_message(t));
        weft_node *all = malloc((recorded + N) * sizeof *all);
        for (uint32_t id = 0; id < recorded; id++)
            all[id] = weft_tape_node(t, id);
        memcpy(all + recorded, out + N, N * sizeof *all);
        weft_program *p = compile_as_recorded(all, recorded + N);
        static const size_t counts[LEAVES] = {9, 3, 3, 1};
        for (int k = 0; k < LEAVES; k++)
            weft_bind(p, pool[k], data, counts[k] * sizeof *data);
        ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
        double size = 1;
        for (uint32_t id = 0; id < recorded; id++)
            for (size_t i = 0; i < count_of(all[id]); i++)
                size = fmax(size, fabs(((const double *)weft_output(p, id))[i]));
        for (size_t k = 0; isfinite(size) && size < 1e12 && k < N; k++) /* larger ones square out of all proportion */
            for (size_t i = 0; i < count_of(out[k]); i++) {
                double a = ((const double *)weft_output(p, out[k].id))[i], b = ((const double *)weft_output(p, recorded + k))[i];
                ck_assert_msg(fabs(a - b) <= 1e-13 * size * size, "graph %d of seed %d, output %zu[%zu]: %.17g became %.17g", graph, _i, k, i, a, b);
            }
        weft_program_free(p);
        free(all);
    }
}
END_TEST

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
    compare_sample(&samples[_i], WEFT_REWRITE_EXACT);
}
END_TEST

START_TEST(rewritten_samples_keep_their_values)
{
    compare_sample(&samples[_i], WEFT_REWRITE_ALGEBRAIC);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rewrite_graphs");
    TCase *whole = tcase_create("graphs");
    tcase_add_checked_fixture(whole, set_up, tear_down);
    tcase_add_loop_test(whole, random_wholekeep_their_values, 0, 16);
    tcase_add_loop_test(whole, rewritten_samples_keep_their_bits, 0, (int)sample_count);
    tcase_add_loop_test(whole, rewritten_samples_keep_their_values, 0, (int)sample_count);
    suite_add_tcase(suite, whole);
    return run_suite(suite);
}

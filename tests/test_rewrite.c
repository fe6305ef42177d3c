/* test_rewrite.c: every rule alone, on values where it could go wrong; what must not be rewritten; equal nodes; and the graphs of every sample
 * with their first and second derivatives, whose bits must not change. */
#include "tests/samples.h"
#include "tests/suite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static weft_tape *t;
static weft_node row; /* (4), what factors repeat */

static void set_up(void)
{
    t = weft_tape_new(NULL);
    row = weft_input(t, "row", WEFT_F64, 1, (size_t[]){4});
}

static void tear_down(void)
{
    weft_tape_free(t);
}

/* --- what fired --- */

enum { MOST_FIRED = 64 };

typedef struct record {
    const char *rule[MOST_FIRED];
    size_t n;
} record;

static void note(void *context, const weft_rule *rule, weft_node before, weft_node after)
{
    record *r = context;
    ck_assert(!weft_node_failed(before) && !weft_node_failed(after));
    if (r->n < MOST_FIRED)
        r->rule[r->n++] = rule->name;
}

static bool fired(const record *r, const char *rule)
{
    for (size_t i = 0; i < r->n; i++)
        if (!strcmp(r->rule[i], rule))
            return true;
    return false;
}

static weft_node rewrite(weft_node y, weft_rewriting level, record *r)
{
    weft_node z;
    ck_assert_msg(weft_rewrite(&y, 1, level, note, r, &z) == WEFT_OK, "%s", weft_tape_message(t));
    ck_assert_int_eq(weft_tape_verify(t), WEFT_OK);
    return z;
}

/* --- one rule at a time --- */

static weft_node number(double v)
{
    return weft_scalar(t, WEFT_F64, v);
}

static weft_node factor_left(weft_node x)
{
    return weft_mul(number(1), x);
}

static weft_node factor_right(weft_node x)
{
    return weft_mul(x, number(1));
}

static weft_node divisor(weft_node x)
{
    return weft_div(x, number(1));
}

static weft_node power(weft_node x)
{
    return weft_pow(x, number(1));
}

static weft_node minus_zero(weft_node x)
{
    return weft_sub(x, number(0));
}

static weft_node twice_negated(weft_node x)
{
    return weft_neg(weft_neg(x));
}

static weft_node plus_negation(weft_node x)
{
    return weft_add(x, weft_neg(weft_exp(x)));
}

static weft_node negation_plus(weft_node x)
{
    return weft_add(weft_neg(weft_exp(x)), x);
}

static weft_node minus_negation(weft_node x)
{
    return weft_sub(x, weft_neg(weft_exp(x)));
}

static weft_node constants(weft_node x)
{
    return weft_mul(x, weft_pow(weft_add(number(2), number(1)), number(-2)));
}

static weft_node broadcast_twice(weft_node x)
{
    return weft_broadcast(weft_broadcast(x, 2, (size_t[]){1, 8}), 3, (size_t[]){2, 3, 8});
}

static weft_node broadcast_to_itself(weft_node x)
{
    return weft_neg(weft_broadcast(x, 1, (size_t[]){8}));
}

static weft_node reshape_twice(weft_node x)
{
    return weft_reshape(weft_reshape(x, 2, (size_t[]){2, 4}), 3, (size_t[]){2, 2, 2});
}

static weft_node transpose_twice(weft_node x)
{
    weft_node cube = weft_exp(weft_reshape(x, 3, (size_t[]){1, 2, 4}));
    return weft_transpose(weft_transpose(cube, (int[]){2, 0, 1}), (int[]){1, 0, 2});
}

static weft_node transpose_back(weft_node x)
{
    return weft_transpose(weft_transpose(weft_exp(weft_reshape(x, 2, (size_t[]){2, 4})), NULL), NULL);
}

/* x as (2, 4), and the factor that repeats row over it. */
static weft_node table(weft_node x)
{
    return weft_exp(weft_reshape(x, 2, (size_t[]){2, 4}));
}

static weft_node repeated(weft_node small)
{
    return weft_broadcast(small, 2, (size_t[]){2, 4});
}

static weft_node small_work(weft_node x)
{
    return weft_sub(table(x), weft_mul(weft_neg(repeated(row)), weft_log(repeated(row))));
}

static weft_node factor_first(weft_node x)
{
    return weft_mul(repeated(row), table(x));
}

static weft_node negated_product(weft_node x)
{
    return weft_neg(weft_mul(table(x), repeated(row)));
}

static weft_node two_factors(weft_node x)
{
    return weft_mul(weft_mul(table(x), repeated(row)), repeated(weft_exp(row)));
}

static weft_node two_products(weft_node x)
{
    return weft_mul(weft_mul(table(x), repeated(row)), weft_mul(weft_log(table(x)), repeated(weft_exp(row))));
}

static weft_node factor_inside(weft_node x)
{
    return weft_mul(weft_log(table(x)), weft_mul(table(x), repeated(row)));
}

static weft_node divided_product(weft_node x)
{
    return weft_div(weft_mul(table(x), repeated(row)), repeated(weft_exp(row)));
}

static weft_node deviations(weft_node x)
{
    weft_node y = table(x);
    return weft_sum(weft_sub(y, weft_mean(y, WEFT_AXIS(0), false)), WEFT_AXIS(0), false);
}

static weft_node deviations_of_rows(weft_node x)
{
    weft_node y = table(x);
    return weft_sum(weft_sub(y, weft_mean(y, WEFT_AXIS(1), true)), WEFT_AXIS(1), false);
}

static weft_node sum_with_factor(weft_node x)
{
    return weft_sum(weft_mul(table(x), repeated(row)), WEFT_AXIS(0), true);
}

static weft_node sum_with_divisor(weft_node x)
{
    return weft_sum(weft_div(table(x), weft_broadcast(weft_sum(table(x), WEFT_AXIS(1), true), 2, (size_t[]){2, 4})), WEFT_AXIS(1), false);
}

static weft_node sum_with_sign(weft_node x)
{
    return weft_sum(weft_neg(table(x)), WEFT_AXIS(1), false);
}

static weft_node sum_of_rows(weft_node x)
{
    (void)x;
    return weft_sum(repeated(row), WEFT_AXIS(0), false);
}

static weft_node sum_of_terms(weft_node x)
{
    return weft_sum(weft_sub(weft_mul(table(x), repeated(row)), weft_mul(weft_log(table(x)), repeated(weft_exp(row)))), WEFT_AXIS(0), false);
}

static weft_node times_zero(weft_node x)
{
    return weft_add(weft_mul(x, number(0)), weft_exp(x));
}

static const struct {
    const char *rule;
    weft_node (*build)(weft_node x);
} alone[] = {
    {"factor 1", factor_left},
    {"factor 1", factor_right},
    {"divisor 1", divisor},
    {"power 1", power},
    {"minus 0", minus_zero},
    {"double negation", twice_negated},
    {"plus a negation", plus_negation},
    {"plus a negation", negation_plus},
    {"minus a negation", minus_negation},
    {"fold constants", constants},
    {"broadcast of broadcast", broadcast_twice},
    {"broadcast of broadcast", broadcast_to_itself},
    {"reshape of reshape", reshape_twice},
    {"transpose of transpose", transpose_twice},
    {"transpose of transpose", transpose_back},
    {"work on the small side", small_work},
    {"factor second", factor_first},
    {"sign into factor", negated_product},
}, algebraic[] = {
    {"merge factors", two_factors},
    {"merge factors", two_products},
    {"merge factors", factor_inside},
    {"divisor into factor", divided_product},
    {"sum of deviations", deviations},
    {"sum of deviations", deviations_of_rows},
    {"factor out of a sum", sum_with_factor},
    {"factor out of a sum", sum_with_divisor},
    {"sign out of a sum", sum_with_sign},
    {"sum of repeats", sum_of_rows},
    {"split a sum", sum_of_terms},
    {"times 0", times_zero},
    {"plus 0", times_zero},
};

static const double tricky[8] = {0, -0.0, INFINITY, -INFINITY, NAN, 5e-324, -1.7976931348623157e308, 0.1}, tricky_row[4] = {-0.0, 3, INFINITY, 0.1};

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

START_TEST(a_rule_keeps_every_bit)
{
    record r = {.n = 0};
    weft_node x = weft_input(t, "x", WEFT_F64, 1, (size_t[]){8}), y = alone[_i].build(x), z = rewrite(y, WEFT_REWRITE_EXACT, &r);
    ck_assert_msg(fired(&r, alone[_i].rule), "%s did not fire", alone[_i].rule);
    const weft_node out[] = {y, z};
    weft_program *p = weft_compile(out, 2), *before = weft_compile(out, 1), *after = weft_compile(out + 1, 1);
    weft_bind(p, x, tricky, sizeof tricky);
    weft_bind(p, row, tricky_row, sizeof tricky_row);
    ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
    expect_same_bits(alone[_i].rule, weft_output(p, 0), weft_output(p, 1), count_of(y));
    ck_assert_uint_le(weft_program_memory(after).steps, weft_program_memory(before).steps);
    weft_program_free(p);
    weft_program_free(before);
    weft_program_free(after);
}
END_TEST

/* Equal over the reals: in f64 a few roundings of terms of size 10 apart. */
START_TEST(an_algebraic_rule_keeps_the_value)
{
    static const double data[8] = {0.3, -1.2, 0.7, 2.1, -0.4, 1.6, -2.2, 0.9}, small[4] = {1.5, -0.3, 2.5, 0.8};
    record r = {.n = 0}, exact = {.n = 0};
    weft_node x = weft_input(t, "x", WEFT_F64, 1, (size_t[]){8}), y = algebraic[_i].build(x), z = rewrite(y, WEFT_REWRITE_ALGEBRAIC, &r);
    ck_assert_msg(fired(&r, algebraic[_i].rule), "%s did not fire", algebraic[_i].rule);
    rewrite(y, WEFT_REWRITE_EXACT, &exact);
    ck_assert_msg(!fired(&exact, algebraic[_i].rule), "%s is not exact, and fired among the exact ones", algebraic[_i].rule);
    const weft_node out[] = {y, z};
    weft_program *p = weft_compile(out, 2);
    weft_bind(p, x, data, sizeof data);
    weft_bind(p, row, small, sizeof small);
    ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
    const double *a = weft_output(p, 0), *b = weft_output(p, 1);
    for (size_t i = 0; i < count_of(y); i++)
        ck_assert_msg(fabs(a[i] - b[i]) <= 1e-14, "%s[%zu]: %.17g became %.17g", algebraic[_i].rule, i, a[i], b[i]);
    weft_program_free(p);
}
END_TEST

START_TEST(every_rule_is_tried_alone)
{
    for (size_t i = 0; i < weft_rule_count(); i++) {
        bool found = false;
        for (size_t k = 0; k < sizeof alone / sizeof *alone; k++)
            found |= weft_rule_at(i)->level == WEFT_REWRITE_EXACT && !strcmp(alone[k].rule, weft_rule_at(i)->name);
        for (size_t k = 0; k < sizeof algebraic / sizeof *algebraic; k++)
            found |= weft_rule_at(i)->level == WEFT_REWRITE_ALGEBRAIC && !strcmp(algebraic[k].rule, weft_rule_at(i)->name);
        ck_assert_msg(found, "the rule \"%s\" is not tried in tests/test_rewrite.c", weft_rule_at(i)->name);
        ck_assert(*weft_rule_at(i)->proof);
    }
    ck_assert_ptr_null(weft_rule_at(weft_rule_count()));
}
END_TEST

/* --- what looks alike and is not --- */

START_TEST(what_would_change_a_bit_stays)
{
    weft_node x = weft_input(t, "x", WEFT_F64, 1, (size_t[]){8});
    const weft_node out[] = {weft_add(x, number(0)), weft_mul(x, number(0)), weft_sub(x, x), weft_sub(x, number(-0.0)), weft_div(x, x),
                             weft_pow(x, number(0)), weft_mul(x, number(1 + 2.3e-16)), weft_div(number(1), number(0))};
    enum { N = sizeof out / sizeof *out };
    record r = {.n = 0};
    weft_node z[N];
    ck_assert_int_eq(weft_rewrite(out, N, WEFT_REWRITE_EXACT, note, &r, z), WEFT_OK);
    ck_assert_msg(r.n == 0, "\"%s\" fired", r.n ? r.rule[0] : "");
    for (size_t k = 0; k < N; k++)
        ck_assert_ptr_eq(weft_node_op(z[k]), weft_node_op(out[k]));
}
END_TEST

/* Rows of a square array minus the means of its rows, but without keepdims: NumPy's rule lays mean j against column j, so nothing is centred. */
START_TEST(a_misplaced_mean_is_not_centred)
{
    static const double data[9] = {1, 2, 4, 8, 16, 32, 64, 128, 256};
    weft_node x = weft_input(t, "x", WEFT_F64, 2, (size_t[]){3, 3}), y = weft_sum(weft_sub(x, weft_mean(x, WEFT_AXIS(1), false)), WEFT_AXIS(1), false);
    record r = {.n = 0};
    const weft_node out[] = {y, rewrite(y, WEFT_REWRITE_ALGEBRAIC, &r)};
    ck_assert(!fired(&r, "sum of deviations"));
    weft_program *p = weft_compile(out, 2);
    weft_bind(p, x, data, sizeof data);
    ck_assert_int_eq(weft_run(p), WEFT_OK);
    for (size_t i = 0; i < 3; i++)
        ck_assert_double_eq_tol(((const double *)weft_output(p, 0))[i], ((const double *)weft_output(p, 1))[i], 1e-12);
    weft_program_free(p);
}
END_TEST

/* --- random graphs --- */

/* A node of one of the shapes that broadcast to (3, 3), by a random op on earlier nodes. Values stay near 1: exp is taken of small ones. */
static weft_node grow(const weft_node *pool, size_t n, uint64_t *seed)
{
    weft_node a = pool[(size_t)(draw_uniform(seed) * (double)n)], b = pool[(size_t)(draw_uniform(seed) * (double)n)];
    int rank = weft_node_shape(a).rank, axis = rank ? (int)(draw_uniform(seed) * rank) : 0;
    bool keepdims = draw_uniform(seed) < 0.5;
    switch ((int)(draw_uniform(seed) * 12)) {
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
    default:
        return weft_mul(a, weft_scalar_like(a, draw_uniform(seed) < 0.5 ? 0 : 1));
    }
}

/* The graph and its gradient, rewritten and not. Cancellation leaves roundings of what was cancelled, so the scale is that of the largest
 * value on the whole tape. */
START_TEST(random_graphs_keep_their_values)
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
        ck_assert_msg(weft_rewrite(out, N, WEFT_REWRITE_ALGEBRAIC, NULL, NULL, out + N) == WEFT_OK, "%s", weft_tape_message(t));
        weft_node *all = malloc((recorded + N) * sizeof *all);
        for (uint32_t id = 0; id < recorded; id++)
            all[id] = weft_tape_node(t, id);
        memcpy(all + recorded, out + N, N * sizeof *all);
        weft_program *p = weft_compile(all, recorded + N);
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
                ck_assert_msg(fabs(a - b) <= 1e-12 * size * size, "graph %d of seed %d, output %zu[%zu]: %.17g became %.17g", graph, _i, k, i, a, b);
            }
        weft_program_free(p);
        free(all);
    }
}
END_TEST

/* --- equal nodes --- */

START_TEST(equal_nodes_become_one)
{
    weft_node x = weft_input(t, "x", WEFT_F64, 2, (size_t[]){3, 4}), y = weft_input(t, "y", WEFT_F64, 2, (size_t[]){3, 4});
    const weft_node out[] = {weft_mul(x, y), weft_mul(y, x), weft_sub(x, y), weft_sub(y, x), weft_sum(x, 1, false), weft_sum(x, 2, false),
                             weft_sum(x, 1, true), weft_sum(x, 1, false), weft_mul(x, number(3)), weft_mul(x, number(3)), weft_mul(x, number(4))};
    enum { N = sizeof out / sizeof *out };
    weft_node z[N];
    ck_assert_int_eq(weft_rewrite(out, N, WEFT_REWRITE_EXACT, NULL, NULL, z), WEFT_OK);
    const int class[N] = {0, 0, 1, 2, 3, 4, 5, 3, 6, 6, 7};
    for (int i = 0; i < N; i++)
        for (int k = 0; k < N; k++)
            ck_assert_msg((z[i].id == z[k].id) == (class[i] == class[k]), "outputs %d and %d", i, k);
}
END_TEST

START_TEST(constants_of_other_kinds_stay_apart)
{
    const float narrow = 0.1f;
    weft_node a = weft_constant(t, WEFT_F32, 0, NULL, &narrow), b = weft_scalar(t, WEFT_F32, 0.1); /* alike in f32, not in their twins */
    weft_node zero = number(0), minus = number(-0.0), pair = weft_full_like(weft_broadcast(zero, 1, (size_t[]){2}), 0);
    const weft_node out[] = {a, b, zero, minus, number(0), pair};
    weft_node z[6];
    ck_assert_int_eq(weft_rewrite(out, 6, WEFT_REWRITE_EXACT, NULL, NULL, z), WEFT_OK);
    ck_assert_uint_ne(z[0].id, z[1].id);
    ck_assert_uint_ne(z[2].id, z[3].id);
    ck_assert_uint_eq(z[2].id, z[4].id);
    ck_assert_uint_ne(z[2].id, z[5].id);
}
END_TEST

START_TEST(assignments_and_names_stay)
{
    weft_node w = weft_parameter(t, "w", WEFT_F64, 0, NULL), v = weft_parameter(t, "v", WEFT_F64, 0, NULL);
    weft_scope_push(t, "layer");
    weft_node next = weft_name(weft_add(w, weft_mul(number(1), v)), "next");
    weft_scope_pop(t);
    const weft_node out[] = {weft_assign(w, next), weft_assign(v, next)};
    weft_node z[2];
    ck_assert_int_eq(weft_rewrite(out, 2, WEFT_REWRITE_EXACT, NULL, NULL, z), WEFT_OK);
    ck_assert_uint_ne(z[0].id, z[1].id);
    weft_node renamed = weft_node_operand(z[0], 1);
    ck_assert_str_eq(weft_node_name(renamed), "next");
    ck_assert_str_eq(weft_node_scope(renamed), "layer");
    ck_assert_uint_eq(weft_node_operand(renamed, 1).id, v.id);
    weft_program *p = weft_compile(z, 2);
    double value;
    weft_parameter_write(p, v, (double[]){5}, sizeof value);
    ck_assert_int_eq(weft_run(p), WEFT_OK);
    weft_parameter_read(p, w, &value, sizeof value);
    ck_assert_double_eq(value, 5);
    weft_program_free(p);
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
    weft_program *before = weft_compile(out, n), *after = weft_compile(out + n, n);
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
            ck_assert_msg(fabs(a[i] - b[i]) <= 1e-12 * size || (isnan(a[i]) && isnan(b[i])), "%s output %zu[%zu]: %.17g became %.17g", s->op, k, i, a[i],
                          b[i]);
    }
    ck_assert_uint_le(weft_program_memory(after).steps, weft_program_memory(before).steps);
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

/* --- batch normalization: the closed form --- */

/* Nodes of y that compute an array of (rows, columns), or fold one, by op. */
static void count_large(weft_node y, size_t rows, size_t columns, bool *seen, int *maps, int *sums)
{
    if (seen[y.id])
        return;
    seen[y.id] = true;
    for (int i = 0; i < weft_node_operand_count(y); i++)
        count_large(weft_node_operand(y, i), rows, columns, seen, maps, sums);
    const weft_op *op = weft_node_op(y);
    weft_shape shape = weft_node_shape(op->kind == WEFT_REDUCTION ? weft_node_operand(y, 0) : y);
    bool large = shape.rank == 2 && shape.dim[0] == rows && shape.dim[1] == columns;
    *maps += large && op->kind == WEFT_ELEMENTWISE;
    *sums += large && op->kind == WEFT_REDUCTION;
}

/* h - mu, its square, y = centred*F + beta: 4 arrays; dh = dy*F + centred*G + H, and dy*centred to be summed: 5. Sums: of h, of the square,
 * of dy, of dy*centred: dgamma, dbeta and dh share the last two, as the paper's formula has it. */
START_TEST(batchnorm_becomes_the_closed_form)
{
    enum { ROWS = 6, COLUMNS = 4 };
    const sample s = {.op = "batchnorm", .n = 3, .shape = {{2, {ROWS, COLUMNS}}, {1, {COLUMNS}}, {1, {COLUMNS}}}, .domain = {NORMAL, AWAY, NORMAL}};
    operands o;
    operands_make(&o, t, &s, WEFT_F64, 3);
    weft_node w = weft_constant(t, WEFT_F64, 2, (size_t[]){ROWS, COLUMNS}, o.data[0]), out[4];
    out[0] = weft_batchnorm(o.node[0], o.node[1], o.node[2], 1e-5);
    weft_vjp(out, &w, 1, o.node, 3, out + 1);
    ck_assert_int_eq(weft_rewrite(out, 4, WEFT_REWRITE_ALGEBRAIC, NULL, NULL, out), WEFT_OK);
    bool *seen = calloc(weft_tape_count(t), sizeof *seen);
    int maps = 0, sums = 0;
    for (int k = 0; k < 4; k++)
        count_large(out[k], ROWS, COLUMNS, seen, &maps, &sums);
    ck_assert_int_eq(maps, 9);
    ck_assert_int_eq(sums, 4);
    weft_gradcheck result[2];
    weft_gradcheck_options options = {.bind = o.binding, .n_bind = 3};
    ck_assert_msg(weft_gradient_check(out[1], o.node, 2, &options, result) == WEFT_OK, "%s", weft_tape_message(t));
    ck_assert_msg(result[0].verdict == WEFT_GRADIENT_RIGHT, "%s", result[0].message); /* it differentiates on */
    ck_assert_msg(result[1].verdict == WEFT_GRADIENT_RIGHT, "%s", result[1].message);
    free(seen);
    operands_free(&o);
}
END_TEST

START_TEST(bad_use_is_named)
{
    weft_tape *other = weft_tape_new(NULL);
    weft_node z[2];
    const weft_node mixed[] = {number(1), weft_scalar(other, WEFT_F64, 1)};
    ck_assert_int_eq(weft_rewrite(NULL, 1, WEFT_REWRITE_EXACT, NULL, NULL, z), WEFT_ERROR_MEMORY);
    ck_assert_int_eq(weft_rewrite(mixed, 2, WEFT_REWRITE_EXACT, NULL, NULL, z), WEFT_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(weft_tape_message(t), "output 1"));
    weft_tape_free(other);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rewrite");
    TCase *rules = tcase_create("rules");
    tcase_add_checked_fixture(rules, set_up, tear_down);
    tcase_add_loop_test(rules, a_rule_keeps_every_bit, 0, sizeof alone / sizeof *alone);
    tcase_add_loop_test(rules, an_algebraic_rule_keeps_the_value, 0, sizeof algebraic / sizeof *algebraic);
    tcase_add_test(rules, every_rule_is_tried_alone);
    tcase_add_test(rules, what_would_change_a_bit_stays);
    tcase_add_test(rules, a_misplaced_mean_is_not_centred);
    tcase_add_loop_test(rules, random_graphs_keep_their_values, 0, 8);
    tcase_add_test(rules, equal_nodes_become_one);
    tcase_add_test(rules, constants_of_other_kinds_stay_apart);
    tcase_add_test(rules, assignments_and_names_stay);
    tcase_add_loop_test(rules, rewritten_samples_keep_their_bits, 0, (int)sample_count);
    tcase_add_loop_test(rules, rewritten_samples_keep_their_values, 0, (int)sample_count);
    tcase_add_test(rules, batchnorm_becomes_the_closed_form);
    tcase_add_test(rules, bad_use_is_named);
    suite_add_tcase(suite, rules);
    return run_suite(suite);
}

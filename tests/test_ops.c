/* test_ops.c: one table test over every op: the kernel against a naive loop, f32 against f64, both derivatives against central
 * differences, forward mode against reverse mode and differences, any strides, empty arrays and axes of length 1. An op without samples fails. */
#include "tests/samples.h"
#include "tests/suite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t seed = 20261123;

/* Runs y for the given operands; the caller frees the program. */
static weft_program *evaluate(weft_node y, const operands *o)
{
    weft_program *p = weft_compile(&y, 1);
    operands_bind(o, p);
    weft_status status = weft_run(p);
    ck_assert_msg(status == WEFT_OK, "%s", weft_program_message(p));
    return p;
}

static size_t count_of(weft_node x)
{
    weft_shape shape = weft_node_shape(x);
    return weft_shape_count(&shape);
}

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

/* f64 kernels: within 4 ulps of the largest term of a naive loop in another order. */
START_TEST(value_is_the_naive_one)
{
    const sample *s = sample_at((size_t)_i);
    weft_tape *t = weft_tape_new(NULL);
    operands o;
    operands_make(&o, t, s, WEFT_F64, seed);
    weft_node y = s->build(o.node);
    weft_program *p = evaluate(y, &o);
    size_t n = count_of(y);
    double *expected = malloc(n * sizeof *expected + 1), size = 1;
    s->naive(s->shape, (const double *const *)o.wide, expected);
    const double *got = weft_output(p, 0);
    for (size_t i = 0; i < n; i++)
        size = fmax(size, fabs(expected[i]));
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(fabs(got[i] - expected[i]) <= 4 * 2.3e-16 * size * fmax(1, sqrt((double)o.count[0])), "%s[%zu] is %.17g, not %.17g",
                      s->op, i, got[i], expected[i]);
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
    double size = 1;
    for (size_t i = 0; i < n; i++)
        size = fmax(size, fabs(expected[i]));
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
        if (s->domain[i] != INDEX && s->domain[i] != MASK)
            x[n++] = o->node[i];
    return n;
}

static void expect_verdict(const sample *s, weft_node y, const weft_node *x, size_t n, const weft_binding *bind, size_t n_bind,
                           bool may_vanish)
{
    weft_gradcheck result[SAMPLE_OPERANDS + 1];
    weft_gradcheck_options options = {.bind = bind, .n_bind = n_bind, .seed = seed};
    weft_status status = weft_gradient_check(y, x, n, &options, result);
    ck_assert_msg(status == WEFT_OK, "%s: %s", s->op, weft_tape_message(y.tape));
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(result[i].verdict == WEFT_GRADIENT_RIGHT || (may_vanish && result[i].verdict == WEFT_GRADIENT_EMPTY), "%s: %s", s->op,
                      result[i].message);
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

/* --- forward mode --- */

/* Random values of x's shape, bound to a new input. */
static weft_node draw_input(weft_node x, const char *name, uint64_t *state, weft_binding *binding, double **values)
{
    weft_shape shape = weft_node_shape(x);
    size_t n = count_of(x);
    weft_node made = weft_input(x.tape, name, WEFT_F64, shape.rank, shape.dim);
    *values = malloc(n * sizeof **values + 1);
    for (size_t i = 0; i < n; i++)
        (*values)[i] = draw_normal(state);
    *binding = (weft_binding){made, *values, n * sizeof **values};
    return made;
}

/* y with u and J v, and x with v, J'u and the Jacobian, for each operand that may be differentiated. */
typedef struct modes {
    const sample *s;
    weft_tape *tape;
    operands o;
    weft_node y, u, jvp, x[SAMPLE_OPERANDS], v[SAMPLE_OPERANDS], vjp[SAMPLE_OPERANDS], jacobian[SAMPLE_OPERANDS];
    size_t n;
    weft_binding bind[SAMPLE_OPERANDS + 1];
    double *values[SAMPLE_OPERANDS + 1]; /* of v, then of u */
} modes;

/* False: y holds indices, which have no derivative, or the Jacobian would have more axes than an array may have. */
static bool modes_make(modes *m, const sample *s)
{
    uint64_t state = seed;
    *m = (modes){.s = s, .tape = weft_tape_new(NULL)};
    operands_make(&m->o, m->tape, s, WEFT_F64, seed);
    m->y = s->build(m->o.node);
    if (weft_node_dtype(m->y) == WEFT_I64)
        return false;
    m->n = real_operands(s, &m->o, m->x);
    for (size_t i = 0; i < m->n; i++)
        if (weft_node_shape(m->y).rank + weft_node_shape(m->x[i]).rank > WEFT_MAX_RANK)
            return false;
    for (size_t i = 0; i < m->n; i++)
        m->v[i] = draw_input(m->x[i], "v", &state, &m->bind[i], &m->values[i]);
    m->u = draw_input(m->y, "u", &state, &m->bind[m->n], &m->values[m->n]);
    ck_assert_msg(weft_jvp(&m->y, 1, m->x, m->v, m->n, &m->jvp) == WEFT_OK, "%s: %s", s->op, weft_tape_message(m->tape));
    ck_assert_msg(weft_vjp(&m->y, &m->u, 1, m->x, m->n, m->vjp) == WEFT_OK, "%s: %s", s->op, weft_tape_message(m->tape));
    for (size_t i = 0; i < m->n; i++)
        ck_assert_msg(weft_jacobian(m->y, m->x[i], &m->jacobian[i]) == WEFT_OK, "%s: %s", s->op, weft_tape_message(m->tape));
    ck_assert_int_eq(weft_tape_verify(m->tape), WEFT_OK);
    return true;
}

static weft_program *modes_run(const modes *m, weft_program *p)
{
    operands_bind(&m->o, p);
    for (size_t i = 0; i <= m->n; i++)
        weft_bind(p, m->bind[i].node, m->bind[i].data, m->bind[i].bytes);
    ck_assert_msg(weft_run(p) == WEFT_OK, "%s: %s", m->s->op, weft_program_message(p));
    return p;
}

static void modes_free(modes *m)
{
    for (int i = 0; i <= SAMPLE_OPERANDS; i++)
        free(m->values[i]);
    operands_free(&m->o);
    weft_tape_free(m->tape);
}

static double dot(const double *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

static double sum_of_sizes(const double *a, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += fabs(a[i]);
    return sum;
}

/* u . (J v) = v . (J'u). Each mode makes every entry of J by some dozens of roundings of terms that are not much above the largest entry, say 64 of
 * them, and adds up as many products as u and v have elements; so each side is off by (64 + elements) ulps of |u| |v| max |J| at most, in the
 * norms that add up sizes. A derivative that is zero by definition is zero in both. */
START_TEST(forward_mode_is_the_transpose)
{
    modes m;
    if (!modes_make(&m, sample_at((size_t)_i))) {
        modes_free(&m);
        return;
    }
    weft_node out[SAMPLE_OPERANDS + 1] = {m.jvp};
    memcpy(out + 1, m.vjp, sizeof m.vjp);
    weft_program *p = modes_run(&m, weft_compile(out, m.n + 1)), *whole = NULL;
    if (m.n) /* it has a pass for each element, too much text for a compiler */
        whole = modes_run(&m, weft_compile_with(m.jacobian, m.n, &(weft_options){.threads = 1}));
    size_t count = count_of(m.y);
    const double *u = m.values[m.n], *jv = weft_output(p, 0);
    double forward = dot(u, jv, count), backward = 0, bound = 0;
    for (size_t i = 0; i < m.n; i++) {
        size_t n = count_of(m.x[i]);
        const double *jacobian = weft_output(whole, i);
        double largest = 0;
        for (size_t k = 0; k < n * count; k++)
            largest = fmax(largest, fabs(jacobian[k]));
        backward += dot(m.values[i], weft_output(p, 1 + i), n);
        bound += 2 * (64 + (double)(n + count)) * 1.2e-16 * largest * sum_of_sizes(u, count) * sum_of_sizes(m.values[i], n);
        ck_assert_msg(m.s->no_gradient ? largest == 0 : largest > 0, "%s: the Jacobian for operand %zu has no entry above %g", m.s->op, i, largest);
    }
    ck_assert_msg(fabs(forward - backward) <= bound, "%s: u.(Jv) is %.17g, v.(J'u) %.17g", m.s->op, forward, backward);
    weft_program_free(whole);
    weft_program_free(p);
    modes_free(&m);
}
END_TEST

/* (y(x + h v) - y(x - h v)) / 2h, with the tolerance of weft_gradient_check(): 1e-6 of the largest entry, which a step of 1e-5 leaves by far, and what
 * rounding y by 4 ulps adds to it. */
START_TEST(tangents_agree_with_differences)
{
    const double h = 1e-5;
    modes m;
    if (!modes_make(&m, sample_at((size_t)_i))) {
        modes_free(&m);
        return;
    }
    size_t count = count_of(m.y);
    weft_program *p = modes_run(&m, weft_compile(&m.jvp, 1)), *at[2];
    const double *jv = weft_output(p, 0), *y[2];
    for (int side = 0; side < 2; side++) {
        double *moved[SAMPLE_OPERANDS];
        at[side] = weft_compile(&m.y, 1);
        operands_bind(&m.o, at[side]);
        for (size_t i = 0; i < m.n; i++) {
            const double *from = NULL;
            for (int k = 0; k < m.s->n; k++)
                from = m.o.node[k].id == m.x[i].id ? m.o.wide[k] : from;
            moved[i] = malloc(m.bind[i].bytes + 1);
            for (size_t k = 0; k < count_of(m.x[i]); k++)
                moved[i][k] = from[k] + (side ? h : -h) * m.values[i][k];
            weft_bind(at[side], m.x[i], moved[i], m.bind[i].bytes);
        }
        ck_assert_msg(weft_run(at[side]) == WEFT_OK, "%s: %s", m.s->op, weft_program_message(at[side]));
        y[side] = weft_output(at[side], 0);
        for (size_t i = 0; i < m.n; i++)
            free(moved[i]);
    }
    double size = 0, value = 0;
    for (size_t i = 0; i < count; i++) {
        size = fmax(size, fabs(y[1][i] - y[0][i]) / (2 * h));
        value = fmax(value, fabs(y[1][i]));
    }
    for (size_t i = 0; i < count; i++) {
        double expected = m.s->no_gradient ? 0 : (y[1][i] - y[0][i]) / (2 * h), tolerance = m.s->no_gradient ? 0 : 1e-6 * size + 4 * 1.2e-16 * value / h;
        ck_assert_msg(fabs(jv[i] - expected) <= tolerance, "%s: the tangent of element %zu is %.17g, not %.17g", m.s->op, i, jv[i], expected);
    }
    for (int side = 0; side < 2; side++)
        weft_program_free(at[side]);
    weft_program_free(p);
    modes_free(&m);
}
END_TEST

/* The same operands, stored with their axes reversed and seen through a transpose, give the same bits. */
START_TEST(strides_do_not_matter)
{
    const sample *s = sample_at((size_t)_i);
    weft_tape *t = weft_tape_new(NULL);
    operands o;
    operands_make(&o, t, s, WEFT_F64, seed);
    weft_node y = s->build(o.node), turned[SAMPLE_OPERANDS], storage[SAMPLE_OPERANDS];
    void *memory[SAMPLE_OPERANDS];
    for (int i = 0; i < s->n; i++) {
        size_t dim[WEFT_MAX_RANK], rank = (size_t)s->shape[i].rank, count = o.count[i];
        for (size_t k = 0; k < rank; k++)
            dim[k] = s->shape[i].dim[rank - 1 - k];
        storage[i] = weft_input(t, "stored", weft_node_dtype(o.node[i]), (int)rank, dim);
        turned[i] = weft_transpose(storage[i], NULL);
        char *to = memory[i] = malloc(count * 8 + 1);
        for (size_t at = 0; at < count; at++) { /* element `at` of the operand lies at the mirrored position */
            size_t rest = at, mirrored = 0, step[WEFT_MAX_RANK], inner = 1;
            for (size_t k = 0; k < rank; k++) {
                step[k] = inner;
                inner *= s->shape[i].dim[k];
            }
            for (size_t k = rank; k-- > 0;) {
                mirrored += rest % s->shape[i].dim[k] * step[k];
                rest /= s->shape[i].dim[k];
            }
            memcpy(to + 8 * mirrored, (char *)o.data[i] + 8 * at, 8);
        }
    }
    weft_node z = s->build(turned);
    weft_program *p = evaluate(y, &o), *q = weft_compile(&z, 1);
    for (int i = 0; i < s->n; i++)
        weft_bind(q, storage[i], memory[i], o.bytes[i]);
    ck_assert_msg(weft_run(q) == WEFT_OK, "%s", weft_program_message(q));
    size_t n = count_of(y);
    const double *straight = weft_output(p, 0), *through = weft_output(q, 0);
    for (size_t i = 0; i < n; i++) /* a reduction may add in another order */
        ck_assert_msg(fabs(straight[i] - through[i]) <= 1e-14 * fmax(1, fabs(straight[i])), "%s[%zu]: %.17g and %.17g", s->op, i,
                      straight[i], through[i]);
    for (int i = 0; i < s->n; i++)
        free(memory[i]);
    weft_program_free(p);
    weft_program_free(q);
    operands_free(&o);
    weft_tape_free(t);
}
END_TEST

/* Elementwise ops and reductions over arrays with an axis of length 0 run and touch nothing. */
START_TEST(empty_arrays_run)
{
    const sample *s = sample_at((size_t)_i);
    sample empty = *s;
    bool elementwise = s->shape[0].rank == 2 && s->shape[0].dim[0] == 3 && s->shape[0].dim[1] == 4 && strcmp(s->op, "matmul");
    if (!elementwise && strcmp(s->op, "sum"))
        return; /* the others have their own shapes; their empty cases stand in test_program.c */
    for (int i = 0; i < s->n; i++)
        empty.shape[i].dim[s->shape[i].rank - 1] = 0;
    weft_tape *t = weft_tape_new(NULL);
    operands o;
    operands_make(&o, t, &empty, WEFT_F32, seed);
    weft_node y = empty.build(o.node);
    weft_program *p = evaluate(y, &o);
    const float *got = weft_output(p, 0);
    for (size_t i = 0; i < count_of(y); i++)
        ck_assert_float_eq(got[i], 0); /* a sum of nothing */
    weft_program_free(p);
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
    tcase_add_loop_test(table, forward_mode_is_the_transpose, 0, n);
    tcase_add_loop_test(table, tangents_agree_with_differences, 0, n);
    tcase_add_loop_test(table, strides_do_not_matter, 0, n);
    tcase_add_loop_test(table, empty_arrays_run, 0, n);
    suite_add_tcase(suite, table);
    return run_suite(suite);
}

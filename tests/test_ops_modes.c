/* test_ops_modes.c: forward mode, for the samples of every op: against reverse mode, with the bound that the Jacobian gives, and against central
 * differences. */
#include "tests/op_table.h"

#include <stdlib.h>
#include <string.h>

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

/* y with u and J v, and x with v, J'u and the Jacobian, for each operand that may be differentiated. These operands are inputs of one axis that are
 * reshaped to what the sample asks for, and y is reshaped to one axis, so the Jacobian is a matrix whatever the ranks are. */
typedef struct modes {
    const sample *s;
    weft_tape *tape;
    operands o;
    weft_node x_of[SAMPLE_OPERANDS]; /* what the sample is built of */
    int operand[SAMPLE_OPERANDS];    /* that each x is */
    weft_node y, u, jvp, x[SAMPLE_OPERANDS], v[SAMPLE_OPERANDS], vjp[SAMPLE_OPERANDS], jacobian[SAMPLE_OPERANDS];
    size_t n;
    weft_binding bind[SAMPLE_OPERANDS + 1];
    double *values[SAMPLE_OPERANDS + 1]; /* of v, then of u */
} modes;

static void modes_make(modes *m, const sample *s)
{
    uint64_t state = seed;
    *m = (modes){.s = s, .tape = weft_tape_new(NULL)};
    operands_make(&m->o, m->tape, s, WEFT_F64, seed);
    for (int i = 0; i < s->n; i++) {
        m->x_of[i] = m->o.node[i];
        if (!may_be_differentiated(s, i))
            continue;
        m->operand[m->n] = i;
        m->x[m->n] = weft_input(m->tape, "x", WEFT_F64, 1, &m->o.count[i]);
        m->x_of[i] = weft_reshape(m->x[m->n++], s->shape[i].rank, s->shape[i].dim);
    }
    weft_node y = s->build(m->x_of);
    size_t count = count_of(y);
    m->y = weft_reshape(y, 1, &count);
    ck_assert_msg(weft_node_dtype(m->y) == WEFT_F64, "%s: %s", s->op, weft_tape_message(m->tape));
    for (size_t i = 0; i < m->n; i++)
        m->v[i] = draw_input(m->x[i], "v", &state, &m->bind[i], &m->values[i]);
    m->u = draw_input(m->y, "u", &state, &m->bind[m->n], &m->values[m->n]);
    ck_assert_msg(weft_jvp(&m->y, 1, m->x, m->v, m->n, &m->jvp) == WEFT_OK, "%s: %s", s->op, weft_tape_message(m->tape));
    ck_assert_msg(weft_vjp(&m->y, &m->u, 1, m->x, m->n, m->vjp) == WEFT_OK, "%s: %s", s->op, weft_tape_message(m->tape));
    for (size_t i = 0; i < m->n; i++)
        ck_assert_msg(weft_jacobian(m->y, m->x[i], &m->jacobian[i]) == WEFT_OK, "%s: %s", s->op, weft_tape_message(m->tape));
    ck_assert_int_eq(weft_tape_verify(m->tape), WEFT_OK);
}

static weft_program *modes_run(const modes *m, weft_program *p)
{
    operands_bind(&m->o, p);
    for (size_t i = 0; i < m->n; i++)
        weft_bind(p, m->x[i], m->o.data[m->operand[i]], m->bind[i].bytes);
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
    modes_make(&m, sample_at((size_t)_i));
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
        bool may_vanish = !n || count <= 1; /* nothing to respond, or one element on the flat side of a kink */
        ck_assert_msg(m.s->no_gradient ? largest == 0 : may_vanish || largest > 0, "%s: the Jacobian for operand %zu has no entry above %g", m.s->op, i, largest);
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
    modes_make(&m, sample_at((size_t)_i));
    size_t count = count_of(m.y);
    weft_program *p = modes_run(&m, weft_compile(&m.jvp, 1)), *at[2];
    const double *jv = weft_output(p, 0), *y[2];
    for (int side = 0; side < 2; side++) {
        double *moved[SAMPLE_OPERANDS];
        at[side] = weft_compile(&m.y, 1);
        operands_bind(&m.o, at[side]);
        for (size_t i = 0; i < m.n; i++) {
            const double *from = m.o.wide[m.operand[i]];
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

int main(void)
{
    Suite *suite = suite_create("ops_modes");
    TCase *table = tcase_create("table");
    tcase_add_loop_test(table, forward_mode_is_the_transpose, 0, (int)sample_count());
    tcase_add_loop_test(table, tangents_agree_with_differences, 0, (int)sample_count());
    suite_add_tcase(suite, table);
    return run_suite(suite);
}

/* test_precise_ops.c: every op of the catalogue, and its gradient, in MPFR against f64: a fused op's kernel against its twin with many digits. They are to
 * agree within the roundings of f64, some hundred at most in a sample. */
#include "engine/judge/precise.h"
#include "engine/record/staged.h"
#include "tests/samples.h"
#include "tests/suite.h"

#include <math.h>

enum { MOST_OPS = 200 };

/* y, and the gradient of sum(w*y) with respect to each float operand. w is cos(1), cos(2), ... */
static size_t with_gradients(const sample *s, const operands *o, weft_node *out)
{
    weft_node x[SAMPLE_OPERANDS], y = out[0] = s->build(o->node);
    weft_shape shape = weft_node_shape(y);
    double w[4096];
    size_t n = 0, count = weft_shape_count(&shape);
    for (int i = 0; i < o->n; i++)
        if (weft_node_dtype(o->node[i]) != WEFT_I64)
            x[n++] = o->node[i];
    if (s->no_gradient || weft_node_dtype(y) != WEFT_F64 || !n || count > sizeof w / sizeof *w)
        return 1;
    for (size_t i = 0; i < count; i++)
        w[i] = cos((double)i + 1);
    weft_node loss = weft_sum(weft_mul(weft_constant(y.tape, WEFT_F64, shape.rank, shape.dim, w), y), WEFT_ALL_AXES, false);
    ck_assert_msg(weft_grad(loss, x, n, out + 1) == WEFT_OK, "%s: %s", s->op, weft_tape_message(y.tape));
    return 1 + n;
}

static void note_ops(weft_node x, bool *seen)
{
    for (size_t k = 0; k < weft_op_count(); k++)
        seen[k] |= weft_op_at(k) == weft_node_op(x);
}

static void compare_sample(const sample *s, bool *seen)
{
    weft_tape *t = weft_tape_new(NULL);
    operands o;
    weft_node out[1 + SAMPLE_OPERANDS], staged[1 + SAMPLE_OPERANDS];
    weft__precise p;
    char message[WEFT_MESSAGE_SIZE];
    operands_make(&o, t, s, WEFT_F64, 3);
    size_t n = with_gradients(s, &o, out);
    for (uint32_t id = 0; id < weft_tape_count(t); id++)
        note_ops(weft_tape_node(t, id), seen);
    weft_program *program = weft_compile_with(out, n, &(weft_options){.rewriting = WEFT_REWRITE_NONE});
    operands_bind(&o, program);
    ck_assert_msg(weft_run(program) == WEFT_OK, "%s", weft_program_message(program));
    ck_assert_int_eq(weft__expand_fused(t, out, n, staged), WEFT_OK);
    ck_assert_msg(weft__precise_run(&p, staged, n, o.binding, (size_t)o.n, 1e9, false, message) == WEFT_OK, "%s: %s", s->op, message);
    for (size_t k = 0; k < n; k++) {
        weft_shape shape = weft_node_shape(out[k]);
        weft_dtype dtype = weft_node_dtype(out[k]);
        const void *got = weft_output(program, k);
        for (size_t i = 0; i < weft_shape_count(&shape); i++) {
            if (dtype == WEFT_I64) {
                ck_assert_int_eq(p.graph.array[staged[k].id].index[i], ((const int64_t *)got)[i]);
                continue;
            }
            double value = dtype == WEFT_F32 ? (double)((const float *)got)[i] : ((const double *)got)[i];
            double off = weft__real_off(value, weft__precise_at(&p, staged[k], i)), most = (dtype == WEFT_F32 ? 1e-6 : 1e-13) * fmax(1, fabs(value));
            ck_assert_msg(fabs(off) <= most, "%s, output %zu, element %zu: %.17g is %g off", s->op, k, i, value, off);
        }
    }
    weft__precise_free(&p);
    weft_program_free(program);
    operands_free(&o);
    weft_tape_free(t);
}

START_TEST(every_op_has_a_truth)
{
    bool seen[MOST_OPS] = {false};
    ck_assert_uint_le(weft_op_count(), MOST_OPS);
    for (size_t i = 0; i < sample_count(); i++)
        compare_sample(sample_at(i), seen);
    for (size_t k = 0; k < weft_op_count(); k++)
        ck_assert_msg(seen[k], "no sample shows %s", weft_op_at(k)->name);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("precise_ops");
    TCase *ops = tcase_create("ops");
    tcase_set_timeout(ops, 300);
    tcase_add_test(ops, every_op_has_a_truth);
    suite_add_tcase(suite, ops);
    return run_suite(suite);
}

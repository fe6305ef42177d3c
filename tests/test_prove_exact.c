/* test_prove_exact.c: what each op says that it is in a prime field against its kernel. With every input bound, numbers of the field carry their real
 * values along, and these must be what a run gives. Values of functions are symbols, which carry none; they are held by identities in test_prove.c. */
#include "engine/judge/exact.h"
#include "engine/record/staged.h"
#include "tests/samples.h"
#include "tests/suite.h"

#include <math.h>

enum { MOST_OPS = 200 };

/* Samples of these give symbols, or roots of numbers that have none in most fields. */
static const char *const unseen[] = {
    "exp", "expm1", "log", "log1p", "sin", "cos", "tanh", "sigmoid", "softplus", "erf", "elu", "silu", "gelu", "floor", "pow", "sqrt", "rsqrt",
    "uniform", "normal",
};

static bool may_be_unseen(const weft_op *op)
{
    bool listed = op->expand; /* fused: their twins */
    for (size_t i = 0; i < sizeof unseen / sizeof *unseen; i++)
        listed |= !strcmp(unseen[i], op->name);
    return listed;
}

/* Compares every node of the sample, and notes which ops were among those that could be. */
static void compare_sample(const sample *s, bool *seen)
{
    weft_tape *t = weft_tape_new(NULL);
    operands o;
    operands_make(&o, t, s, WEFT_F64, 3);
    weft_node y = s->build(o.node);
    weft_prove_options options = {.bind = o.binding, .n_bind = (size_t)o.n};
    weft__exact_graph g;
    const char *refused;
    ck_assert_int_eq(weft__expand_fused(t, &y, 1, &y), WEFT_OK);
    ck_assert_int_eq(weft__exact_prepare(&g, &y, 1, &options, &refused), WEFT_OK);
    ck_assert_msg(!refused, "%s: %s", s->op, refused);
    for (size_t which = 0; which < WEFT__FIELDS; which++) {
        weft__exact_draw(&g, which, 1);
        weft__exact_evaluate(&g);
        uint32_t end = g.field.again || g.field.refused ? g.at : g.needed.end;
        for (uint32_t id = 0; id < end && !g.field.signs; id++) { /* what hangs on the sign of a symbol is not what a run has */
            const weft_exact_array *a = &g.array[id];
            weft_node x = weft_tape_node(t, id);
            const weft_op *op = weft_node_op(x);
            if (!weft__is_needed(&g.needed, id) || op->kind == WEFT_INPUT || op->kind == WEFT_CONSTANT)
                continue;
            weft_program *p = weft_compile_with(&x, 1, &(weft_options){.rewriting = WEFT_REWRITE_NONE});
            operands_bind(&o, p);
            ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
            for (size_t i = 0; i < weft_shape_count(&a->shape); i++) {
                double got = a->dtype == WEFT_I64 ? (double)a->index[i] : a->number[i].real;
                double want = a->dtype == WEFT_I64 ? (double)((const int64_t *)weft_output(p, 0))[i]
                              : a->dtype == WEFT_F32 ? (double)((const float *)weft_output(p, 0))[i] : ((const double *)weft_output(p, 0))[i];
                if (isnan(got))
                    continue;
                double off = fabs(got - want), most = (a->dtype == WEFT_F32 ? 1e-6 : 1e-12) * fmax(1, fabs(want));
                ck_assert_msg(off <= most || got == want, "%s in a sample of %s: element %zu is %.17g, and %.17g in the field", op->name, s->op, i, want, got);
                for (size_t k = 0; k < weft_op_count(); k++)
                    seen[k] |= weft_op_at(k) == op;
            }
            weft_program_free(p);
        }
        if (!g.field.again)
            break;
    }
    weft__exact_free(&g);
    operands_free(&o);
    weft_tape_free(t);
}

START_TEST(the_field_has_the_values_of_kernels)
{
    bool seen[MOST_OPS] = {false};
    ck_assert_uint_le(weft_op_count(), MOST_OPS);
    for (size_t i = 0; i < sample_count(); i++)
        compare_sample(sample_at(i), seen);
    for (size_t k = 0; k < weft_op_count(); k++)
        ck_assert_msg(seen[k] || may_be_unseen(weft_op_at(k)), "no sample shows that %s is in the field what its kernel computes", weft_op_at(k)->name);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("prove_exact");
    TCase *exact = tcase_create("exact");
    tcase_set_timeout(exact, 300);
    tcase_add_test(exact, the_field_has_the_values_of_kernels);
    suite_add_tcase(suite, exact);
    return run_suite(suite);
}

/* test_explained_graphs.c: random graphs and their explanations. A gradient is explained if it has a zero, and only then; a NaN that is put into a leaf is
 * traced to that leaf; and what an audit says of a node adds up. */
#include "tests/random_graph.h"
#include "tests/suite.h"

#include <math.h>

enum { GRAPHS = 300 };

static size_t count_of(weft_node x)
{
    weft_shape shape = weft_node_shape(x);
    return weft_shape_count(&shape);
}

static weft_program *run_recorded(const built *b, const weft_node *out, size_t n)
{
    weft_program *p = weft_compile_with(out, n, &(weft_options){.rewriting = WEFT_REWRITE_NONE});
    for (size_t i = 0; i < b->n_bindings; i++) {
        const weft_binding *in = &b->binding[i];
        bool parameter = weft_node_op(in->node)->kind == WEFT_PARAMETER;
        ck_assert_int_eq(parameter ? weft_parameter_write(p, in->node, in->data, in->bytes) : weft_bind(p, in->node, in->data, in->bytes), WEFT_OK);
    }
    ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
    return p;
}

/* Of sum(y): every exact zero is counted, and what is counted beside them is small beside the largest. */
static void explain(built *b, weft_node y, weft_node x, size_t *explained)
{
    weft_node one = weft_full_like(y, 1), dx;
    weft_why why;
    weft_mark mark = weft_tape_mark(b->tape);
    if (weft_vjp(&y, &one, 1, &x, 1, &dx) != WEFT_OK) {
        weft_tape_rewind(b->tape, mark); /* only ways through integers: that is an error there, and an answer here */
        ck_assert_int_eq(weft_why_zero(y, x, b->binding, b->n_bindings, &why), WEFT_OK);
        ck_assert_int_eq(why.reason, count_of(x) ? WEFT_WHY_STOPPED : WEFT_WHY_NOTHING);
        return;
    }
    ck_assert_msg(weft_why_zero(y, x, b->binding, b->n_bindings, &why) == WEFT_OK, "%s", weft_tape_message(b->tape));
    weft_program *p = run_recorded(b, &dx, 1);
    const double *values = weft_output(p, 0);
    size_t zeros = 0, tiny = 0;
    for (size_t i = 0; i < count_of(x); i++) {
        zeros += values[i] == 0;
        tiny += fabs(values[i]) < 1e-6; /* values are of size 1/8 to 8 and terms of some thousands at most: beyond 1e-12 of them */
    }
    ck_assert_msg(why.affected >= zeros && why.affected <= tiny, "graph %llu: %zu of %zu to %zu: %s", (unsigned long long)b->graph->seed, why.affected, zeros,
                  tiny, why.message);
    ck_assert_uint_eq(why.reason != WEFT_WHY_NOTHING, why.affected > 0);
    ck_assert_uint_gt(strlen(why.message), 10);
    ck_assert_uint_lt(strlen(why.message), WEFT_MESSAGE_SIZE);
    *explained += why.affected > 0;
    weft_program_free(p);
    weft_tape_rewind(b->tape, mark);
}

START_TEST(zeros_of_random_graphs_are_explained)
{
    size_t explained = 0, asked = 0;
    for (uint64_t g = 1; g <= GRAPHS; g++) {
        graph drawn = graph_draw(g);
        built b;
        drawn.order = 0;
        drawn.n_updates = 0;
        graph_build(&b, &drawn, WEFT_F64);
        for (size_t i = 0; !b.refused && i < (size_t)b.n; i++)
            if (weft_node_op(b.node[i])->kind == WEFT_INPUT && weft_node_dtype(b.node[i]) == WEFT_F64 && weft_node_dtype(b.out[0]) == WEFT_F64) {
                explain(&b, b.out[0], b.node[i], &explained);
                asked++;
            }
        built_free(&b);
    }
    ck_assert_uint_gt(asked, GRAPHS / 2);
    ck_assert_msg(explained > asked / 20 && explained < asked, "%zu of %zu", explained, asked);
}
END_TEST

START_TEST(a_nan_is_traced_to_where_it_was_put)
{
    size_t traced = 0;
    for (uint64_t g = 1; g <= GRAPHS; g++) {
        graph drawn = graph_draw(g);
        built b;
        drawn.order = 0;
        drawn.n_updates = 0;
        graph_build(&b, &drawn, WEFT_F64);
        for (size_t i = 0; !b.refused && i < b.n_bindings && weft_node_dtype(b.out[0]) == WEFT_F64; i++) {
            weft_node x = b.binding[i].node;
            size_t count = count_of(x), at = count / 2;
            double *data = (double *)(uintptr_t)b.binding[i].data, held;
            weft_why why;
            if (weft_node_dtype(x) != WEFT_F64 || !count)
                continue;
            held = data[at];
            data[at] = NAN;
            weft_status status = weft_why_nan(b.out[0], b.binding, b.n_bindings, &why);
            data[at] = held;
            if (status != WEFT_OK) { /* NaN as the step of noise, or cast to a whole number */
                ck_assert_msg(status == WEFT_ERROR_ARGUMENT || status == WEFT_ERROR_INDEX, "%s", weft_tape_message(b.tape));
                break;
            }
            if (why.reason == WEFT_WHY_NOTHING)
                continue;
            if (why.reason == WEFT_WHY_MADE) { /* a comparison with NaN chose what else it would not, and the logarithm of that is none */
                for (int k = 0; k < why.n; k++)
                    ck_assert_msg(isfinite(why.operand_value[k]), "graph %llu, leaf %zu: %s", (unsigned long long)g, i, why.message);
                continue;
            }
            ck_assert_msg(why.reason == WEFT_WHY_GIVEN, "graph %llu, leaf %zu: %s", (unsigned long long)g, i, why.message);
            ck_assert_uint_eq(why.node.id, x.id);
            ck_assert_uint_eq(why.element, at);
            traced++;
        }
        built_free(&b);
    }
    ck_assert_uint_gt(traced, GRAPHS / 2);
}
END_TEST

/* The error of an output that was stored is what it made and what it inherited; the programs beside it are no further off than the bound that the plain
 * judge of test_random_graphs.c holds them to, which is not asked again here. */
START_TEST(audits_of_random_graphs_add_up)
{
    size_t audited = 0;
    for (uint64_t g = 1; g <= GRAPHS; g++) {
        graph drawn = graph_draw(g);
        built b;
        drawn.order = 0;
        drawn.n_updates = 0;
        graph_build(&b, &drawn, WEFT_F32);
        if (!b.refused && weft_node_dtype(b.out[0]) == WEFT_F32) {
            weft_audit_report r;
            weft_status status = weft_audit(b.out, 1, &(weft_audit_options){.bind = b.binding, .n_bind = b.n_bindings}, &r);
            ck_assert_msg(status == WEFT_OK, "graph %llu: %s", (unsigned long long)g, weft_tape_message(b.tape));
            const weft_audit_row *own = NULL;
            for (size_t k = 0; k < r.n_rows; k++) {
                own = r.rows[k].node.id == b.out[0].id ? &r.rows[k] : own;
                ck_assert(r.rows[k].made.rms <= r.rows[k].made.largest && r.rows[k].carried.rms <= r.rows[k].carried.largest);
                ck_assert(!k || r.rows[k].carried.largest <= r.rows[k - 1].carried.largest);
            }
            ck_assert_ptr_nonnull(own);
            ck_assert_double_le(r.outputs[0][WEFT_AUDIT_STAGED].largest, 1.0000001 * (own->made.largest + own->inherited.largest));
            /* the output itself carries what it makes, but for a rounding of the truth in f64, 2**-30 of an ulp of f32 */
            ck_assert_double_eq_tol(own->carried.largest, own->made.largest, 1e-8);
            audited++;
            weft_audit_free(&r);
        }
        built_free(&b);
    }
    ck_assert_uint_gt(audited, GRAPHS / 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("explained graphs");
    TCase *graphs = tcase_create("graphs");
    tcase_set_timeout(graphs, 200);
    tcase_add_test(graphs, zeros_of_random_graphs_are_explained);
    tcase_add_test(graphs, a_nan_is_traced_to_where_it_was_put);
    tcase_add_test(graphs, audits_of_random_graphs_add_up);
    suite_add_tcase(suite, graphs);
    return run_suite(suite);
}

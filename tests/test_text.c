/* test_text.c: listings and drawings of small graphs, letter by letter; and what the printers do when the writer, the memory
 * or the caller fails. */
#include "tests/page.h"

#include <stdio.h>
#include <stdlib.h>

static const char *listing(const weft_node *outputs, size_t n)
{
    ck_assert_int_eq(weft_print_listing(blank(), outputs, n), WEFT_OK);
    return paper.text;
}

static const char *dot(const weft_node *outputs, size_t n)
{
    ck_assert_int_eq(weft_print_dot(blank(), outputs, n), WEFT_OK);
    return paper.text;
}

static const char *expression(weft_node x)
{
    ck_assert_msg(!weft_node_failed(x), "%s", weft_tape_message(x.tape));
    ck_assert_int_eq(weft_print_expression(blank(), x), WEFT_OK);
    return paper.text;
}

/* --- a small graph: loss = sum(y * y), y = x * gamma, and its derivative ------------------------------------------------------------ */

typedef struct graph {
    weft_tape *tape;
    weft_node x, gamma, y, loss, dgamma;
} graph;

static graph make_graph(void)
{
    graph g = {.tape = weft_tape_new(NULL)};
    g.x = weft_input(g.tape, "x", WEFT_F64, 2, (size_t[]){4, 3});
    g.gamma = weft_parameter(g.tape, "gamma", WEFT_F64, 1, (size_t[]){3});
    weft_scope_push(g.tape, "net");
    weft_scope_push(g.tape, "layer");
    g.y = weft_name(weft_mul(g.x, g.gamma), "y");
    weft_scope_pop(g.tape);
    weft_scope_pop(g.tape);
    g.loss = weft_name(weft_sum(weft_mul(g.y, g.y), WEFT_ALL_AXES, false), "loss");
    ck_assert_int_eq(weft_grad(g.loss, &g.gamma, 1, &g.dgamma), WEFT_OK);
    return g;
}

START_TEST(lists_what_the_output_needs)
{
    graph g = make_graph();
    assert_text(listing(&g.loss, 1), "%0 x: f64 (4, 3) = input\n"
                                     "%1 gamma: f64 (3) = parameter\n"
                                     "%2 net/layer/: f64 (4, 3) = broadcast %1\n"
                                     "%3 net/layer/y: f64 (4, 3) = mul %0 %2\n"
                                     "%4: f64 (4, 3) = mul %3 %3\n"
                                     "%5 loss: f64 () = sum %4 axes=0,1\n");
    assert_text(listing(&g.x, 1), "%0 x: f64 (4, 3) = input\n");
    assert_text(listing((weft_node[]){g.gamma, g.x, g.gamma}, 3), "%0 x: f64 (4, 3) = input\n"
                                                                  "%1 gamma: f64 (3) = parameter\n");
    weft_tape_free(g.tape);
}
END_TEST

/* d loss/d y = 1 * y + 1 * y through both operands of %4; d loss/d gamma is the sum over the batch. */
START_TEST(lists_where_derivatives_come_from)
{
    graph g = make_graph();
    assert_text(listing(&g.dgamma, 1), "%0 x: f64 (4, 3) = input\n"
                                       "%1 gamma: f64 (3) = parameter\n"
                                       "%2 net/layer/: f64 (4, 3) = broadcast %1\n"
                                       "%3 net/layer/y: f64 (4, 3) = mul %0 %2\n"
                                       "%6: f64 () = constant 1\n"
                                       "%7: f64 (4, 3) = broadcast %6  # d %5[0]\n"
                                       "%8: f64 (4, 3) = mul %7 %3  # d %4[0]\n"
                                       "%9: f64 (4, 3) = mul %7 %3  # d %4[1]\n"
                                       "%10 dy: f64 (4, 3) = add %8 %9  # adds up d %3\n"
                                       "%11 net/layer/: f64 (4, 3) = mul %10 %0  # d %3[1]\n"
                                       "%12 net/layer/dgamma: f64 (3) = sum %11 axes=0  # d %2[0]\n");
    weft_tape_free(g.tape);
}
END_TEST

START_TEST(lists_attributes_by_kind)
{
    weft_tape *t = weft_tape_new(NULL);
    weft_node x = weft_input(t, NULL, WEFT_F32, 3, (size_t[]){2, 3, 4});
    weft_node out[] = {
        weft_max(x, WEFT_AXIS(0) | WEFT_AXIS(2), true),
        weft_sum(x, 0, false),
        weft_constant(t, WEFT_I64, 1, (size_t[]){1}, &(int64_t){-9007199254740993}),
        weft_constant(t, WEFT_F32, 1, (size_t[]){2}, (float[]){1, 2}),
        weft_constant(t, WEFT_F64, 2, (size_t[]){0, 3}, (double[]){0}),
        weft_transpose(x, (int[]){2, 0, 1}),
        weft_scalar(t, WEFT_F32, -0.5),
        weft_flip(x, WEFT_AXIS(0)),
        weft_pad(x, (size_t[]){1, 0, 0}, NULL),
    };
    assert_text(listing(out, 9), "%0: f32 (2, 3, 4) = input\n"
                                 "%1: f32 (1, 3, 1) = max %0 axes=0,2 keepdims\n"
                                 "%2: f32 (2, 3, 4) = sum %0 axes=none\n"
                                 "%3: i64 (1) = constant -9007199254740993\n"
                                 "%4: f32 (2) = constant\n"
                                 "%5: f64 (0, 3) = constant\n"
                                 "%6: f32 (4, 2, 3) = transpose %0\n"
                                 "%7: f32 () = constant -0.5\n"
                                 "%8: f32 (2, 3, 4) = slice %0 [::-1]\n"
                                 "%9: f32 (3, 3, 4) = pad %0 before=(1, 0, 0), after=(0, 0, 0)\n");
    weft_tape_free(t);
}
END_TEST

START_TEST(prints_further_outputs)
{
    weft_tape *t = weft_tape_new(NULL);
    weft_node h = weft_input(t, "h", WEFT_F64, 2, (size_t[]){4, 3});
    weft_node gamma = weft_input(t, "gamma", WEFT_F64, 1, (size_t[]){3}), beta = weft_input(t, "beta", WEFT_F64, 1, (size_t[]){3});
    weft_node y = weft_name(weft_fused_batchnorm(h, gamma, beta, 0), "y"), rstd = weft_part(y, 2);
    assert_text(listing(&rstd, 1), "%0 h: f64 (4, 3) = input\n"
                                   "%1 gamma: f64 (3) = input\n"
                                   "%2 beta: f64 (3) = input\n"
                                   "%3 y: f64 (4, 3) = fused_batchnorm %0 %1 %2 eps=0\n"
                                   "%5: f64 (3) = part %3 output=2\n");
    assert_text(expression(y), "fused_batchnorm(h, gamma, beta, eps=0)[0]");
    assert_text(expression(weft_neg(rstd)), "-fused_batchnorm(h, gamma, beta, eps=0)[2]");
    assert_text(expression(weft_neg(y)), "-y");
    weft_tape_free(t);
}
END_TEST

/* --- drawings ----------------------------------------------------------------------------------------------------------------------- */

START_TEST(draws_clusters_and_dashes_derivatives)
{
    graph g = make_graph();
    assert_text(dot(&g.dgamma, 1), "digraph weft {\n"
                                   "    node [shape=record];\n"
                                   "    n0 [label=\"{x|input|f64 (4, 3)}\"];\n"
                                   "    n1 [label=\"{gamma|parameter|f64 (3)}\"];\n"
                                   "    subgraph \"cluster_net\" {\n"
                                   "        label=\"net\";\n"
                                   "        subgraph \"cluster_net/layer\" {\n"
                                   "            label=\"layer\";\n"
                                   "            n2 [label=\"{%2|broadcast|f64 (4, 3)}\"];\n"
                                   "            n3 [label=\"{y|mul|f64 (4, 3)}\"];\n"
                                   "        }\n"
                                   "    }\n"
                                   "    n6 [label=\"{%6|constant 1|f64 ()}\"];\n"
                                   "    n7 [label=\"{%7|broadcast|f64 (4, 3)}\"];\n"
                                   "    n8 [label=\"{%8|mul|f64 (4, 3)}\"];\n"
                                   "    n9 [label=\"{%9|mul|f64 (4, 3)}\"];\n"
                                   "    n10 [label=\"{dy|add|f64 (4, 3)}\"];\n"
                                   "    subgraph \"cluster_net\" {\n"
                                   "        label=\"net\";\n"
                                   "        subgraph \"cluster_net/layer\" {\n"
                                   "            label=\"layer\";\n"
                                   "            n11 [label=\"{%11|mul|f64 (4, 3)}\"];\n"
                                   "            n12 [label=\"{dgamma|sum axes=0|f64 (3)}\"];\n"
                                   "        }\n"
                                   "    }\n"
                                   "    n1 -> n2;\n"
                                   "    n0 -> n3;\n"
                                   "    n2 -> n3;\n"
                                   "    n6 -> n7 [style=dashed];\n"
                                   "    n7 -> n8 [style=dashed];\n"
                                   "    n3 -> n8 [style=dashed];\n"
                                   "    n7 -> n9 [style=dashed];\n"
                                   "    n3 -> n9 [style=dashed];\n"
                                   "    n8 -> n10 [style=dashed];\n"
                                   "    n9 -> n10 [style=dashed];\n"
                                   "    n10 -> n11 [style=dashed];\n"
                                   "    n0 -> n11 [style=dashed];\n"
                                   "    n11 -> n12 [style=dashed];\n"
                                   "}\n");
    weft_tape_free(g.tape);
}
END_TEST

static weft_node input_in(weft_tape *t, const char *scope, const char *name)
{
    weft_scope_push(t, scope);
    weft_node x = weft_input(t, name, WEFT_F32, 0, NULL);
    weft_scope_pop(t);
    return x;
}

/* Whatever paths follow each other, each brace that opens closes, and "ab" is not inside "a". */
START_TEST(clusters_balance_for_any_scopes)
{
    static const char *const scopes[] = {"a", "ab", "a/b", "a", "a/b/c", "a/c", "/", "/x", "//", "a//b", "a/", "z"};
    enum { N = sizeof scopes / sizeof *scopes };
    for (int first = 0; first < N; first++)
        for (int second = 0; second < N; second++) {
            weft_tape *t = weft_tape_new(NULL);
            weft_node pair[] = {input_in(t, scopes[first], "p"), input_in(t, scopes[second], "q")};
            int depth = 0;
            for (const char *c = dot(pair, 2); *c; c++) {
                bool label = c > paper.text && (c[-1] == '"' || c[1] == '"'); /* the braces of a record */
                depth += label ? 0 : (*c == '{') - (*c == '}');
                ck_assert_int_ge(depth, 0);
            }
            ck_assert_int_eq(depth, 0);
            weft_tape_free(t);
        }
}
END_TEST

START_TEST(names_cannot_break_out)
{
    weft_tape *t = weft_tape_new(NULL);
    weft_node x = input_in(t, "s\"\\{\n", "a\"b\\c{d}|<e>\n\x7f");
    assert_text(dot(&x, 1), "digraph weft {\n"
                            "    node [shape=record];\n"
                            "    subgraph \"cluster_s\\\"\\\\{?\" {\n"
                            "        label=\"s\\\"\\\\{?\";\n"
                            "        n0 [label=\"{a\\\"b\\\\c\\{d\\}\\|\\<e\\>??|input|f32 ()}\"];\n"
                            "    }\n"
                            "}\n");
    assert_text(listing(&x, 1), "%0 s\"\\{?/a\"b\\c{d}|<e>??: f32 () = input\n");
    assert_text(expression(x), "a\"b\\c{d}|<e>??");
    weft_tape_free(t);
}
END_TEST

/* --- failures ----------------------------------------------------------------------------------------------------------------------- */

START_TEST(refuses_bad_arguments)
{
    graph g = make_graph();
    weft_tape *other = weft_tape_new(NULL);
    weft_node stranger = weft_scalar(other, WEFT_F64, 1), no_node = {.tape = g.tape, .id = WEFT_NO_ID};
    weft_mark mark = weft_tape_mark(g.tape);
    weft_node stale = weft_exp(g.loss);
    weft_tape_rewind(g.tape, mark);
    weft_status (*const print[])(weft_writer, const weft_node *, size_t) = {weft_print_listing, weft_print_dot};
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(print[i](blank(), &g.loss, 0), WEFT_ERROR_ARGUMENT);
        ck_assert_int_eq(print[i](blank(), NULL, 1), WEFT_ERROR_ARGUMENT);
        ck_assert_int_eq(print[i](blank(), &no_node, 1), WEFT_ERROR_ARGUMENT);
        ck_assert_int_eq(print[i](blank(), &stale, 1), WEFT_ERROR_ARGUMENT);
        ck_assert_int_eq(print[i](blank(), (weft_node[]){g.loss, stranger}, 2), WEFT_ERROR_ARGUMENT);
        ck_assert_int_eq(print[i]((weft_writer){0}, &g.loss, 1), WEFT_ERROR_ARGUMENT);
        ck_assert_int_eq(print[i](blank(), &(weft_node){0}, 1), WEFT_ERROR_MEMORY);
    }
    ck_assert_int_eq(weft_print_expression(blank(), stale), WEFT_ERROR_ARGUMENT);
    ck_assert_int_eq(weft_tape_status(g.tape), WEFT_OK); /* printing leaves no error on the tape */
    weft_node bad = weft_matmul(g.x, g.x);
    ck_assert_int_eq(weft_print_listing(blank(), &bad, 1), WEFT_ERROR_SHAPE);
    ck_assert_int_eq(weft_print_expression(blank(), bad), WEFT_ERROR_SHAPE);
    ck_assert_uint_eq(paper.used, 0);
    weft_tape_free(other);
    weft_tape_free(g.tape);
}
END_TEST

/* Fails the writer at each of its calls in turn; what came before is the start of the whole text. */
START_TEST(a_refusing_writer_ends_the_printing)
{
    static page whole;
    graph g = make_graph();
    for (int what = 0; what < 3; what++)
        for (int allowed = 0; allowed == 0 || allowed < whole.calls; allowed++) {
            weft_writer writer = blank();
            paper.calls_allowed = allowed;
            weft_status status = what == 0   ? weft_print_listing(writer, &g.dgamma, 1)
                                 : what == 1 ? weft_print_dot(writer, &g.dgamma, 1)
                                             : weft_print_expression(writer, g.dgamma);
            ck_assert_int_eq(status, allowed ? WEFT_ERROR_FILE : WEFT_OK);
            if (!allowed)
                whole = paper;
            ck_assert(!strncmp(whole.text, paper.text, paper.used));
        }
    weft_tape_free(g.tape);
}
END_TEST

typedef struct purse {
    int allocations, allowed; /* live ones; further ones that succeed, negative: any number */
    size_t largest;
} purse;

static void *purse_allocate(void *context, size_t bytes)
{
    purse *p = context;
    if (!p->allowed)
        return NULL;
    p->allowed--;
    p->allocations++;
    p->largest = bytes > p->largest ? bytes : p->largest;
    return malloc(bytes);
}

static void purse_release(void *context, void *memory, size_t bytes)
{
    (void)bytes;
    ((purse *)context)->allocations -= memory != NULL;
    free(memory);
}

/* One bitmap, of a bit a node, is all that a printer takes, and it gives it back. */
START_TEST(takes_one_bitmap_or_reports_out_of_memory)
{
    purse p = {.allowed = -1};
    weft_tape *t = weft_tape_new(&(weft_allocator){purse_allocate, purse_release, &p});
    weft_node x = weft_input(t, "x", WEFT_F64, 0, NULL);
    for (int i = 0; i < 999; i++)
        x = weft_exp(x);
    int held = p.allocations;
    p.allowed = 0;
    ck_assert_int_eq(weft_print_listing(blank(), &x, 1), WEFT_ERROR_MEMORY);
    ck_assert_int_eq(weft_print_dot(blank(), &x, 1), WEFT_ERROR_MEMORY);
    ck_assert_int_eq(weft_print_expression(blank(), x), WEFT_OK);
    p.allowed = 1;
    p.largest = 0;
    ck_assert_int_eq(weft_print_listing(blank(), &x, 1), WEFT_OK);
    ck_assert_uint_le(p.largest, 1000 / 8 + 1);
    p.allowed = 1;
    ck_assert_int_eq(weft_print_dot(blank(), &x, 1), WEFT_OK);
    ck_assert_int_eq(p.allocations, held);
    weft_tape_free(t);
    ck_assert_int_eq(p.allocations, 0);
}
END_TEST

START_TEST(writes_to_a_stream)
{
    char line[64] = "";
    FILE *file = tmpfile();
    graph g = make_graph();
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(weft_print_expression((weft_writer){weft_write_file, file}, g.y), WEFT_OK);
    rewind(file);
    ck_assert_ptr_nonnull(fgets(line, sizeof line, file));
    ck_assert_str_eq(line, "x * gamma");
    fclose(file);
    ck_assert_int_eq(weft_print_expression((weft_writer){weft_write_file, NULL}, g.y), WEFT_ERROR_FILE);
    weft_tape_free(g.tape);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("text");
    TCase *text = tcase_create("text"), *failures = tcase_create("failures");
    suite_add_tcase(suite, text);
    suite_add_tcase(suite, failures);
    tcase_set_timeout(text, 60);
    tcase_add_test(text, lists_what_the_output_needs);
    tcase_add_test(text, lists_where_derivatives_come_from);
    tcase_add_test(text, lists_attributes_by_kind);
    tcase_add_test(text, prints_further_outputs);
    tcase_add_test(text, draws_clusters_and_dashes_derivatives);
    tcase_add_test(text, clusters_balance_for_any_scopes);
    tcase_add_test(text, names_cannot_break_out);
    tcase_add_test(failures, refuses_bad_arguments);
    tcase_add_test(failures, a_refusing_writer_ends_the_printing);
    tcase_add_test(failures, takes_one_bitmap_or_reports_out_of_memory);
    tcase_add_test(failures, writes_to_a_stream);
    return run_suite(suite);
}

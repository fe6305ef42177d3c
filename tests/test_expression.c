/* test_expression.c: nodes as one line of infix text: grouping, broadcasts that need no saying, and where a long text is cut. */
#include "tests/page.h"

static const char *expression(weft_node x)
{
    ck_assert_msg(!weft_node_failed(x), "%s", weft_tape_message(x.tape));
    ck_assert_int_eq(weft_print_expression(blank(), x), WEFT_OK);
    return paper.text;
}

START_TEST(groups_as_python_does)
{
    weft_tape *t = weft_tape_new(NULL);
    weft_node a = weft_input(t, "a", WEFT_F64, 0, NULL), b = weft_input(t, "b", WEFT_F64, 0, NULL),
              c = weft_input(t, "c", WEFT_F64, 0, NULL);
    weft_node half = weft_scalar(t, WEFT_F64, -0.5), two = weft_scalar(t, WEFT_F64, 2);
    const struct {
        weft_node x;
        const char *text;
    } cases[] = {
        {weft_sub(weft_sub(a, b), c), "a - b - c"},
        {weft_sub(a, weft_sub(b, c)), "a - (b - c)"},
        {weft_add(a, weft_add(b, c)), "a + (b + c)"},
        {weft_mul(weft_sub(a, b), c), "(a - b) * c"},
        {weft_add(weft_mul(a, b), c), "a * b + c"},
        {weft_div(a, weft_mul(b, c)), "a / (b * c)"},
        {weft_pow(weft_pow(a, b), c), "(a ** b) ** c"},
        {weft_pow(a, weft_pow(b, c)), "a ** (b ** c)"},
        {weft_pow(weft_add(a, b), half), "(a + b) ** (-0.5)"},
        {weft_pow(half, a), "(-0.5) ** a"},
        {weft_neg(weft_pow(a, two)), "-a ** 2"},
        {weft_pow(weft_neg(a), two), "(-a) ** 2"},
        {weft_neg(weft_neg(a)), "-(-a)"},
        {weft_neg(weft_mul(a, b)), "-(a * b)"},
        {weft_sub(a, weft_neg(b)), "a - -b"},
        {weft_mul(half, a), "-0.5 * a"},
        {weft_exp(weft_add(a, b)), "exp(a + b)"},
        {weft_maximum(weft_neg(a), weft_mul(b, c)), "maximum(-a, b * c)"},
        {weft_mul(weft_name(weft_add(a, b), "s"), c), "s * c"},
        {weft_name(weft_add(a, two), "named"), "a + 2"},
        {half, "-0.5"},
        {weft_neg(weft_name(weft_scalar(t, WEFT_F64, 1e-5), "eps")), "-eps"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_text(expression(cases[i].x), cases[i].text);
    weft_tape_free(t);
}
END_TEST

START_TEST(leaves_out_only_implied_broadcasts)
{
    weft_tape *t = weft_tape_new(NULL);
    weft_node h = weft_input(t, "h", WEFT_F64, 2, (size_t[]){4, 3}), row = weft_input(t, "row", WEFT_F64, 1, (size_t[]){3});
    weft_node column = weft_input(t, "column", WEFT_F64, 2, (size_t[]){4, 1}), two = weft_scalar(t, WEFT_F64, 2);
    weft_node wide = weft_broadcast(row, 2, (size_t[]){4, 3});
    unsigned batch = WEFT_AXIS(0);
    assert_text(expression(weft_sub(h, row)), "h - row");
    assert_text(expression(weft_mul(row, column)), "row * column");
    assert_text(expression(weft_mul(weft_sub(h, weft_div(weft_sum(h, batch, false), two)), row)), "(h - sum(h, axis=0) / 2) * row");
    assert_text(expression(weft_sum(wide, batch, false)), "sum(broadcast(row), axis=0)");
    assert_text(expression(weft_sum(weft_exp(wide), batch, false)), "sum(exp(broadcast(row)), axis=0)");
    assert_text(expression(weft_mul(weft_reshape(h, 2, (size_t[]){3, 4}), weft_transpose(h, NULL))), "reshape(h) * transpose(h)");
    assert_text(expression(weft_mul(h, weft_name(wide, "wide"))), "h * wide");
    assert_text(expression(weft_matmul(h, weft_transpose(h, NULL))), "h @ transpose(h)");
    weft_tape_free(t);
}
END_TEST

START_TEST(says_what_moves_in_numpys_words)
{
    weft_tape *t = weft_tape_new(NULL);
    const ptrdiff_t out = WEFT_LEFT_OUT;
    weft_node x = weft_input(t, "x", WEFT_F64, 2, (size_t[]){7, 5}), s = weft_input(t, "s", WEFT_F64, 0, NULL);
    weft_node line = weft_input(t, "line", WEFT_F64, 1, (size_t[]){7});
    const struct {
        weft_node x;
        const char *text;
    } cases[] = {
        {weft_slice(x, (ptrdiff_t[]){1, out}, (ptrdiff_t[]){-4, out}, (ptrdiff_t[]){1, 2}), "x[1:3, ::2]"},
        {weft_slice(x, (ptrdiff_t[]){2, 0}, NULL, NULL), "x[2:]"},
        {weft_slice(x, (ptrdiff_t[]){0, 2}, NULL, NULL), "x[:, 2:]"},
        {weft_slice(x, NULL, (ptrdiff_t[]){6, 4}, (ptrdiff_t[]){2, 2}), "x[:5:2, :3:2]"}, /* 5 and 6 end it alike */
        {weft_slice(x, (ptrdiff_t[]){5, 3}, (ptrdiff_t[]){1, out}, (ptrdiff_t[]){-2, -2}), "x[5:2:-2, 3::-2]"},
        {weft_slice(x, (ptrdiff_t[]){4, 0}, (ptrdiff_t[]){4, out}, NULL), "x[0:0]"},
        {weft_slice(x, NULL, NULL, NULL), "x[:]"},
        {weft_slice(s, NULL, NULL, NULL), "s[...]"},
        {weft_flip(x, WEFT_AXIS(1)), "x[:, ::-1]"},
        {weft_slice(weft_add(line, s), (ptrdiff_t[]){6}, NULL, NULL), "(line + s)[6:]"},
        {weft_neg(weft_flip(weft_exp(line), 1)), "-exp(line)[::-1]"},
        {weft_flip(weft_neg(line), 1), "(-line)[::-1]"},
        {weft_pad(x, (size_t[]){1, 0}, (size_t[]){0, 2}), "pad(x, before=(1, 0), after=(0, 2))"},
        {weft_pad(line, NULL, (size_t[]){2}), "pad(line, before=(0,), after=(2,))"},
        {weft_pad(s, NULL, NULL), "pad(s)"},
        {weft_concat((weft_node[]){x, weft_neg(x)}, 2, -1), "concat((x, -x), axis=1)"},
        {weft_cast(weft_cast(s, WEFT_I64), WEFT_F32), "cast(cast(s, dtype=i64), dtype=f32)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_text(expression(cases[i].x), cases[i].text);
    weft_tape_free(t);
}
END_TEST

START_TEST(says_axes_in_numpys_words)
{
    weft_tape *t = weft_tape_new(NULL);
    weft_node x = weft_input(t, "x", WEFT_F64, 3, (size_t[]){2, 3, 4});
    assert_text(expression(weft_sum(x, WEFT_ALL_AXES, false)), "sum(x)");
    assert_text(expression(weft_sum(x, WEFT_ALL_AXES, true)), "sum(x, keepdims=1)");
    assert_text(expression(weft_max(x, WEFT_AXIS(1), false)), "max(x, axis=1)");
    assert_text(expression(weft_sum(x, WEFT_AXIS(0) | WEFT_AXIS(2), true)), "sum(x, axis=(0, 2), keepdims=1)");
    assert_text(expression(weft_sum(x, 0, false)), "sum(x, axis=())");
    weft_tape_free(t);
}
END_TEST

START_TEST(staged_batchnorm_reads_as_the_paper)
{
    weft_tape *t = weft_tape_new(NULL);
    weft_node h = weft_input(t, "h", WEFT_F64, 2, (size_t[]){4, 3});
    weft_node gamma = weft_input(t, "gamma", WEFT_F64, 1, (size_t[]){3}), beta = weft_input(t, "beta", WEFT_F64, 1, (size_t[]){3});
    weft_node y = weft_batchnorm(h, gamma, beta, 1e-5);
    assert_text(expression(y), "gamma * hhat + beta");
    for (uint32_t id = 0; id < weft_tape_count(t); id++) {
        weft_node x = weft_tape_node(t, id);
        if (!strcmp(weft_node_name(x), "rstd"))
            assert_text(expression(x), "(sigma2 + 1e-05) ** (-0.5)");
        if (!strcmp(weft_node_name(x), "mu"))
            assert_text(expression(x), "sum(h, axis=0) / 4");
    }
    weft_tape_free(t);
}
END_TEST

/* An op of the user's own prints by its fields; text in infix is not taken for a format. */
START_TEST(prints_a_users_op)
{
    static const weft_op residue = {.name = "residue", .infix = "%s %% %d %s", .precedence = 2, .arity = 2, .kind = WEFT_ELEMENTWISE};
    weft_tape *t = weft_tape_new(NULL);
    weft_node a = weft_input(t, "a", WEFT_F64, 0, NULL);
    weft_node x = weft_elementwise(&residue, (weft_node[]){weft_add(a, a), a}, 2);
    assert_text(expression(x), "(a + a) %% %d a");
    weft_tape_free(t);
}
END_TEST

/* Shared nodes would double the text at each level, a chain would recurse as deep as it is long. */
START_TEST(long_expressions_are_cut)
{
    weft_tape *t = weft_tape_new(NULL);
    weft_node twice = weft_input(t, "a", WEFT_F64, 0, NULL), chain = twice;
    for (int i = 0; i < 60; i++)
        twice = weft_add(twice, twice);
    ck_assert_ptr_nonnull(strstr(expression(twice), "..."));
    ck_assert_uint_lt(paper.used, 8192);
    for (int i = 0; i < 100000; i++)
        chain = weft_exp(chain);
    ck_assert_ptr_nonnull(strstr(expression(chain), "exp(...)"));
    ck_assert_uint_lt(paper.used, 256);
    weft_tape_free(t);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("expression");
    TCase *expressions = tcase_create("expressions");
    tcase_set_timeout(expressions, 60);
    suite_add_tcase(suite, expressions);
    tcase_add_test(expressions, groups_as_python_does);
    tcase_add_test(expressions, leaves_out_only_implied_broadcasts);
    tcase_add_test(expressions, says_what_moves_in_numpys_words);
    tcase_add_test(expressions, says_axes_in_numpys_words);
    tcase_add_test(expressions, staged_batchnorm_reads_as_the_paper);
    tcase_add_test(expressions, prints_a_users_op);
    tcase_add_test(expressions, long_expressions_are_cut);
    return run_suite(suite);
}

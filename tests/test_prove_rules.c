/* test_prove_rules.c: rewriting proved on whole graphs: the value, the gradients and the second derivatives of every sample before and after, each
 * rule in one of them at least. Graphs on which one rule fires alone are proved in test_rewrite.c, test_rewrite_algebra.c and test_rewrite_shift.c.
 * They are f32 graphs: number types do not count in the field, and some rules are for f32 only. */
#include "tests/fired.h"
#include "tests/samples.h"
#include "tests/suite.h"

/* Value, gradients, and the gradient of their squares. */
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

/* What is not proved, and why. */
static const struct {
    const char *op, *words;
} open_ones[] = {
    {"cast", "truncates"},                         /* to i64 */
    {"gelu", "show no difference"},                /* sqrt(1/2) and its square are rounded, and folded constants differ from what they stand for */
    {"fused_gelu", "show no difference"},
    {"fused_gelu_backward", "show no difference"},
    {"fused_layernorm_backward", "without weight"}, /* rows of 37: the degree of the second derivative is 6e16 */
    {"fused_groupnorm_backward", "without weight"},
};

static bool may_stay_open(const char *op, const char *message)
{
    for (size_t i = 0; i < sizeof open_ones / sizeof *open_ones; i++)
        if (!strcmp(open_ones[i].op, op) && strstr(message, open_ones[i].words))
            return true;
    return false;
}

enum { MOST_RULES = 100 };

typedef struct tally {
    size_t proofs[MOST_RULES]; /* of graphs that each rule fired on */
    size_t proved, open;
} tally;

static void prove_graph(const char *what, weft_node before, tally *all)
{
    record r = {.n = 0};
    weft_node after = rewrite(before, WEFT_REWRITE_ALGEBRAIC, &r);
    weft_prove_options options = {.points = 12};
    weft_proof proof;
    ck_assert_msg(weft_prove(&before, &after, 1, &options, &proof) == WEFT_OK, "%s", weft_tape_message(before.tape));
    bool proved = proof.verdict == WEFT_PROVED;
    ck_assert_msg(proved || (proof.verdict == WEFT_NOT_PROVED && may_stay_open(what, proof.message)), "%s: %s", what, proof.message);
    all->proved += proved;
    all->open += !proved;
    for (size_t i = 0; i < weft_rule_count(); i++)
        all->proofs[i] += proved && fired(&r, weft_rule_at(i)->name);
}

/* What no sample has. */
static void prove_others(tally *all)
{
    weft_tape *t = weft_tape_new(NULL);
    weft_node x = weft_input(t, "x", WEFT_F32, 1, (size_t[]){4}), y = weft_exp(x), parts[] = {y, x};
    prove_graph("-(-x)", weft_neg(weft_neg(x)), all);
    prove_graph("x - (-y)", weft_sub(x, weft_neg(y)), all);
    prove_graph("a slice of a part", weft_slice(weft_concat(parts, 2, 0), (ptrdiff_t[]){6}, (ptrdiff_t[]){4}, (ptrdiff_t[]){-1}), all);
    weft_tape_free(t);
}

static void prove_sample(const sample *s, tally *all)
{
    weft_tape *t = weft_tape_new(NULL);
    operands o;
    operands_make(&o, t, s, WEFT_F32, 3);
    weft_node out[1 + 2 * SAMPLE_OPERANDS];
    size_t n = graphs(s, &o, out);
    for (size_t k = 0; k < n; k++)
        prove_graph(s->op, out[k], all);
    operands_free(&o);
    weft_tape_free(t);
}

START_TEST(rewritten_samples_are_proved)
{
    tally all = {.proved = 0};
    ck_assert_uint_le(weft_rule_count(), MOST_RULES);
    for (size_t i = 0; i < sample_count(); i++)
        prove_sample(sample_at(i), &all);
    prove_others(&all);
    ck_assert_msg(all.proved > 100 * all.open, "%zu proved, %zu left open", all.proved, all.open);
    for (size_t i = 0; i < weft_rule_count(); i++)
        ck_assert_msg(all.proofs[i] > 0, "the rule \"%s\" fires in no graph that is proved", weft_rule_at(i)->name);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("prove_rules");
    TCase *whole = tcase_create("graphs");
    tcase_set_timeout(whole, 300); /* sanitized */
    tcase_add_test(whole, rewritten_samples_are_proved);
    suite_add_tcase(suite, whole);
    return run_suite(suite);
}

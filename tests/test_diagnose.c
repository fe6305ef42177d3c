/* test_diagnose.c: every planted bug is called by its name, and what is right is called right, for the planted families and for every op. */
#include "tests/planted.h"
#include "tests/samples.h"
#include "tests/suite.h"

#ifdef __SANITIZE_ADDRESS__
enum { SEEDS = 3 }; /* ten times slower */
#else
enum { SEEDS = 20 };
#endif

typedef struct setting {
    weft_tape *tape;
    const planted_family *family;
    planted_graph g;
    weft_dtype dtype;
    void *data[PLANTED_OPERANDS + 1];
    weft_binding bind[PLANTED_OPERANDS + 1];
    size_t n_bind;
} setting;

static setting set_up(const planted_family *family, planted_mistake mistake, weft_dtype dtype, uint64_t seed)
{
    setting s = {.tape = weft_tape_new(NULL), .family = family, .dtype = dtype, .n_bind = (size_t)family->n + 1};
    planted_record(family, mistake, s.tape, dtype, &s.g);
    for (int i = 0; i <= family->n; i++) {
        weft_node node = i < family->n ? s.g.x[i] : s.g.dy;
        weft_shape shape = weft_node_shape(node);
        size_t count = weft_shape_count(&shape);
        double *wide = malloc(count * sizeof(double));
        planted_fill(i < family->n ? &family->x[i] : NULL, &seed, count, wide);
        s.data[i] = wide;
        if (dtype == WEFT_F32) {
            float *narrow = malloc(count * sizeof(float));
            for (size_t k = 0; k < count; k++)
                narrow[k] = (float)wide[k];
            free(wide);
            s.data[i] = narrow;
        }
        s.bind[i] = (weft_binding){node, s.data[i], count * weft_dtype_size(dtype)};
    }
    ck_assert_msg(weft_tape_status(s.tape) == WEFT_OK, "%s", weft_tape_message(s.tape));
    return s;
}

static void tear_down(setting *s)
{
    for (size_t i = 0; i < s->n_bind; i++)
        free(s->data[i]);
    weft_tape_free(s->tape);
}

static weft_diagnosis diagnose(const setting *s, int x, weft_node claimed)
{
    weft_diagnosis d;
    weft_diagnose_options options = {.bind = s->bind, .n_bind = s->n_bind, .claimed = claimed};
    ck_assert_msg(weft_diagnose(s->g.y, s->g.dy, s->g.x[x], &options, &d) == WEFT_OK, "%s", weft_tape_message(s->tape));
    return d;
}

static void planted_bug_is_named(weft_dtype dtype, size_t i, uint64_t seed)
{
    const planted_bug *bug = planted_at(i);
    setting s = set_up(bug->family, bug->mistake, dtype, seed);
    weft_diagnosis d = diagnose(&s, bug->wrong, s.g.dx[bug->wrong]);
    ck_assert_int_eq(d.verdict, WEFT_GRADIENT_WRONG);
    ck_assert_msg(d.n && strstr(d.finding[0].words, bug->says), "%s: expected \"%s\"; %zu of %zu match: %s", bug->name, bug->says,
                  d.matching, d.tried, d.message);
    tear_down(&s);
}

START_TEST(planted_bugs_are_named)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        planted_bug_is_named(WEFT_F64, (size_t)_i, seed);
}
END_TEST

START_TEST(planted_bugs_are_named_in_f32)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        planted_bug_is_named(WEFT_F32, (size_t)_i, seed);
}
END_TEST

START_TEST(right_is_right)
{
    for (int round = 0; round < 2 * SEEDS; round++) {
        weft_dtype dtype = round % 2 ? WEFT_F32 : WEFT_F64;
        setting s = set_up(planted_family_at((size_t)_i), PLANTED_NONE, dtype, (uint64_t)round);
        for (int i = 0; i < s.family->n; i++) {
            if (s.family->x[i].constant)
                continue;
            weft_diagnosis d = diagnose(&s, i, s.g.dx[i]);
            ck_assert_msg(d.verdict == WEFT_GRADIENT_RIGHT, "%s, d%s: %s", s.family->name, s.family->x[i].name, d.message);
            ck_assert_msg(dtype == WEFT_F32 || d.n == 0, "%s, d%s: %s", s.family->name, s.family->x[i].name, d.finding[0].words);
        }
        tear_down(&s);
    }
}
END_TEST

/* --- graphs of every op: its own gradient is right, and its negative is not, whatever hypotheses the op brings --- */

static void judge_sample(const sample *s, weft_dtype dtype)
{
    operands o;
    weft_tape *tape = weft_tape_new(NULL);
    operands_make(&o, tape, s, dtype, 9);
    weft_node out = s->build(o.node);
    weft_shape shape = weft_node_shape(out);
    size_t count = weft_shape_count(&shape);
    if (weft_tape_status(tape) == WEFT_OK && weft_node_dtype(out) == dtype && !s->no_gradient && count) {
        weft_node cotangent = weft_input(tape, "dy", dtype, shape.rank, shape.dim);
        double *wide = malloc(count * sizeof *wide);
        float *narrow = malloc(count * sizeof *narrow);
        uint64_t seed = 4;
        planted_fill(NULL, &seed, count, wide);
        for (size_t i = 0; i < count; i++)
            narrow[i] = (float)wide[i];
        weft_binding all[SAMPLE_OPERANDS + 1];
        memcpy(all, o.binding, sizeof o.binding);
        all[o.n] = (weft_binding){cotangent, dtype == WEFT_F64 ? (void *)wide : narrow, count * weft_dtype_size(dtype)};
        for (int i = 0; i < o.n; i++) {
            weft_diagnosis d;
            weft_diagnose_options options = {.bind = all, .n_bind = (size_t)o.n + 1};
            if (weft_node_dtype(o.node[i]) == WEFT_I64 || !o.count[i])
                continue;
            ck_assert_int_eq(weft_vjp(&out, &cotangent, 1, &o.node[i], 1, &options.claimed), WEFT_OK);
            ck_assert_msg(weft_diagnose(out, cotangent, o.node[i], &options, &d) == WEFT_OK, "%s: %s", s->op, weft_tape_message(tape));
            ck_assert_msg(d.verdict != WEFT_GRADIENT_WRONG, "%s %s, operand %d: %s; off by %g of %g", s->op, weft_dtype_name(dtype), i, d.message,
                          d.max_abs, d.expected);
            bool empty = d.verdict == WEFT_GRADIENT_EMPTY;
            options.claimed = weft_neg(options.claimed);
            ck_assert_msg(weft_diagnose(out, cotangent, o.node[i], &options, &d) == WEFT_OK, "%s: %s", s->op, weft_tape_message(tape));
            bool named = (d.verdict == WEFT_GRADIENT_EMPTY) == empty && (empty || strstr(d.message, "opposite sign"));
            ck_assert_msg(named, "%s, operand %d: %s", s->op, i, d.message);
        }
        free(wide);
        free(narrow);
    }
    operands_free(&o);
    weft_tape_free(tape);
}

START_TEST(every_op)
{
    judge_sample(sample_at((size_t)_i), WEFT_F64);
    judge_sample(sample_at((size_t)_i), WEFT_F32);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("diagnosis");
    TCase *right = tcase_create("right"), *wrong = tcase_create("planted"), *ops = tcase_create("ops");
    tcase_add_loop_test(right, right_is_right, 0, (int)planted_family_count());
    tcase_add_loop_test(wrong, planted_bugs_are_named, 0, (int)planted_count());
    tcase_add_loop_test(wrong, planted_bugs_are_named_in_f32, 0, (int)planted_count());
    tcase_add_loop_test(ops, every_op, 0, (int)sample_count());
    suite_add_tcase(suite, ops);
    suite_add_tcase(suite, right);
    suite_add_tcase(suite, wrong);
    return run_suite(suite);
}

/* test_derivation.c: derivations as on paper. Every line of each is computed, stays where the recorded derivative is and is proved; the closed forms are
 * those of the papers, written down by hand here; what cannot be written is refused by name; and nothing is left on the tape or in memory. */
#include "tests/faulty.h"
#include "tests/suite.h"

#include <math.h>
#include <stdio.h>

enum { MOST = 4, NUMBERS = 64 };

typedef struct array {
    const char *name;
    int rank;
    size_t dim[3];
} array;

typedef struct given {
    const char *expression;
    array in[MOST];
    const char *result[MOST]; /* of each input, in ASCII */
} given;

/* batchnorm: Ioffe and Szegedy, 2015, as collected in closed form by Thorey; softmax: p (dp - sum dp p); log_softmax: dy - p sum dy. */
static const given givens[] = {
    {"batchnorm(h, gamma, beta)",
     {{"h", 2, {4, 3}}, {"gamma", 1, {3}}, {"beta", 1, {3}}},
     {"gamma_j (sigma2_j + eps)^(-1/2)/N (N dy_ij - sum_k dy_kj - hhat_ij sum_k dy_kj hhat_kj)", "sum_k dy_kj hhat_kj", "sum_k dy_kj"}},
    {"layernorm(x, gamma, beta)",
     {{"x", 2, {2, 3}}, {"gamma", 1, {3}}, {"beta", 1, {3}}},
     {"(sigma2_i + eps)^(-1/2)/D (D dy_ij gamma_j - sum_l dy_il gamma_l - xhat_ij sum_l dy_il gamma_l xhat_il)", "sum_k dy_kj xhat_kj", "sum_k dy_kj"}},
    {"rmsnorm(x, gamma)",
     {{"x", 2, {2, 3}}, {"gamma", 1, {3}}},
     {"(mean_square_i + eps)^(-1/2)/D (D dy_ij gamma_j - xhat_ij sum_l dy_il gamma_l xhat_il)", "sum_k dy_kj xhat_kj"}},
    {"l2_normalize(x)", {{"x", 2, {2, 3}}}, {"(total_i + eps)^(-1/2) (dy_ij - y_ij sum_l dy_il y_il)"}},
    {"softmax(z)", {{"z", 2, {2, 3}}}, {"p_ij (dp_ij - sum_l dp_il p_il)"}},
    {"exp(z) / sum(exp(z))", {{"z", 1, {3}}}, {"y_i (dy_i - sum_k dy_k y_k)"}},
    {"z = x @ w + b; relu(z)",
     {{"x", 2, {4, 2}}, {"w", 2, {2, 3}}, {"b", 1, {3}}},
     {"sum_l dy_il w_jl [z_il > 0]", "sum_k dy_kj x_ki [z_kj > 0]", "sum_k dy_kj [z_kj > 0]"}},
    {"mse(a, b)", {{"a", 1, {3}}, {"b", 1, {3}}}, {"2/N (a_i - b_i)", "-2/N (a_i - b_i)"}},
    {"(x + y) * z", {{"x", 0, {0}}, {"y", 0, {0}}, {"z", 0, {0}}}, {"z", "z", "x + y"}},
    {"x * x", {{"x", 0, {0}}}, {"2 x"}},
    {"x / y", {{"x", 0, {0}}, {"y", 0, {0}}}, {"1/y", "-L/y"}},
    {"sum(x.T @ x)", {{"x", 2, {2, 3}}}, {NULL}},
    {"mean(x) * x", {{"x", 1, {4}}}, {NULL}},
    {"sum(x[1:] * x[:-1])", {{"x", 1, {5}}}, {NULL}},
    {"gamma*(h-mean(h,0))*(var(h,0)+1e-5)**(-1/2)+beta", {{"h", 2, {4, 3}}, {"gamma", 1, {3}}, {"beta", 1, {3}}}, {NULL, NULL, "sum_k dy_kj"}},
    {"instancenorm(x, gamma, beta)", {{"x", 3, {2, 2, 3}}, {"gamma", 1, {2}}, {"beta", 1, {2}}}, {NULL}},
    {"logsumexp(x)", {{"x", 1, {3}}}, {"exp(t11_i)/total"}},
    {"tanh(x) * sigmoid(x) + where(x > 0, x, 2 * x)", {{"x", 1, {3}}}, {NULL}},
    {"maximum(a, b) + clip(a, -0.5, 0.5)", {{"a", 1, {3}}, {"b", 1, {3}}}, {NULL}},
};
enum { GIVEN = sizeof givens / sizeof *givens };

typedef struct recorded {
    weft_tape *t;
    weft_node y, x[MOST];
    weft_binding bind[MOST];
    double data[MOST][NUMBERS];
    size_t n;
} recorded;

static bool record(recorded *r, const given *g, const weft_allocator *allocator)
{
    weft_binding_name names[MOST];
    uint64_t state = 12345;
    *r = (recorded){.t = weft_tape_new(allocator)};
    for (; r->t && r->n < MOST && g->in[r->n].name; r->n++) {
        const array *a = &g->in[r->n];
        size_t count = 1;
        for (int k = 0; k < a->rank; k++)
            count *= a->dim[k];
        for (size_t k = 0; k < count; k++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            r->data[r->n][k] = (double)(state >> 11) * 0x1p-52 - 1 + 0.01 * (double)k;
        }
        r->x[r->n] = weft_input(r->t, a->name, WEFT_F64, a->rank, a->dim);
        r->bind[r->n] = (weft_binding){r->x[r->n], r->data[r->n], count * sizeof(double)};
        names[r->n] = (weft_binding_name){a->name, r->x[r->n]};
    }
    return r->t && weft_parse(r->t, g->expression, names, r->n, &r->y, NULL) == WEFT_OK;
}

static weft_status derive(recorded *r, weft_derivation *d, bool unproved)
{
    const weft_derive_options options = {.bind = r->bind, .n_bind = r->n, .ascii = true, .unproved = unproved, .seed = 3};
    return weft_derive(r->y, (weft_node){0}, r->x, r->n, &options, d);
}

/* The last line of what is derived by input i. */
static const char *closed_form(const weft_derivation *d, const recorded *r, size_t i)
{
    const char *text = "";
    for (size_t k = 0; k < d->n; k++)
        if (d->line[k].node.id == r->x[i].id && (d->line[k].kind == WEFT_DERIVATION_START || d->line[k].kind == WEFT_DERIVATION_STEP))
            text = d->line[k].right;
    return text;
}

START_TEST(every_line_is_the_derivative)
{
    const given *g = &givens[_i];
    recorded r;
    weft_derivation d;
    ck_assert(record(&r, g, NULL));
    uint32_t before = weft_tape_count(r.t);
    ck_assert_msg(derive(&r, &d, false) == WEFT_OK, "%s: %s", g->expression, d.message);
    ck_assert_uint_eq(weft_tape_count(r.t), before);
    ck_assert_int_eq(weft_tape_status(r.t), WEFT_OK);
    size_t checked = 0;
    for (size_t k = 0; k < d.n; k++) {
        const weft_derivation_line *line = &d.line[k];
        bool must = line->kind >= WEFT_DERIVATION_ADJOINT;
        ck_assert_msg(line->checked == must, "%s: %s = %s", g->expression, line->left, line->right);
        ck_assert_msg(line->from_staged < 1e-14 && line->moved < 1e-14, "%s: %s moved %g, off by %g", g->expression, line->right, line->moved,
                      line->from_staged);
        ck_assert_msg(!must || line->proved == WEFT_PROVED, "%s: %s is not proved", g->expression, line->right);
        ck_assert_ptr_null(strpbrk(line->right, "?%"));
        ck_assert(*line->right && *line->right_tex);
        ck_assert((line->kind == WEFT_DERIVATION_STEP) == (*line->rule != 0));
        checked += must;
    }
    ck_assert_uint_eq(d.checked, checked);
    ck_assert_uint_eq(d.proved, checked);
    ck_assert_uint_ge(checked, 2 * r.n);
    for (size_t i = 0; i < r.n; i++)
        if (g->result[i])
            ck_assert_str_eq(closed_form(&d, &r, i), g->result[i]);
    weft_derivation_free(&d);
    weft_tape_free(r.t);
}
END_TEST

extern const weft_op weft_op_mul;

/* An op that says of itself that it is a b**2, and computes a b: dc of y = mul(a, b) c is then written wrong, and that shows in numbers and in the proof. */
START_TEST(a_wrong_line_is_noticed)
{
    static const weft_paper wrong_paper = {.form = WEFT_PAPER_FACTORS, .of = {1, 2}};
    weft_op wrong = weft_op_mul;
    weft_derivation d;
    double numbers[] = {2, 3, 5};
    weft_node x[3];
    weft_binding bind[3];
    wrong.paper = &wrong_paper;
    weft_tape *t = weft_tape_new(NULL);
    for (int i = 0; i < 3; i++) {
        x[i] = weft_input(t, (const char *[]){"a", "b", "c"}[i], WEFT_F64, 0, NULL);
        bind[i] = (weft_binding){x[i], &numbers[i], sizeof(double)};
    }
    weft_node y = weft_mul(weft_record(&wrong, x, 2, NULL), x[2]);
    const weft_derive_options options = {.bind = bind, .n_bind = 3};
    ck_assert_msg(weft_derive(y, (weft_node){0}, &x[2], 1, &options, &d) == WEFT_OK, "%s", d.message);
    ck_assert_str_eq(d.line[d.n - 1].right, "a b²");
    ck_assert_msg(fabs(d.from_staged - (18 - 6) / 18.) < 1e-15, "%g", d.from_staged);
    ck_assert_int_eq(d.line[d.n - 1].proved, WEFT_REFUTED);
    ck_assert_uint_eq(d.proved, 0);
    weft_derivation_free(&d);
    weft_tape_free(t);
}
END_TEST

START_TEST(a_cotangent_of_the_user_counts)
{
    recorded r;
    weft_derivation d;
    double dy[12];
    ck_assert(record(&r, &givens[0], NULL));
    weft_node given_dy = weft_input(r.t, "dy", WEFT_F64, 2, (size_t[]){4, 3});
    for (int k = 0; k < 12; k++)
        dy[k] = k - 5.5;
    weft_binding bind[] = {r.bind[0], r.bind[1], r.bind[2], {given_dy, dy, sizeof dy}};
    const weft_derive_options options = {.bind = bind, .n_bind = 4};
    ck_assert_msg(weft_derive(r.y, given_dy, r.x, 3, &options, &d) == WEFT_OK, "%s", d.message);
    ck_assert(d.from_staged < 1e-14);
    ck_assert_uint_eq(d.proved, d.checked);
    ck_assert_uint_eq(d.n_symbols, 2);
    ck_assert_str_eq(d.symbol[0].text, "N");
    ck_assert(d.symbol[0].value == 4);
    ck_assert_str_eq(d.symbol[1].text, "ε");
    ck_assert(d.symbol[1].value == 1e-5);
    weft_derivation_free(&d);
    dy[3] = NAN; /* numbers that are none show */
    ck_assert_int_eq(weft_derive(r.y, given_dy, r.x, 3, &options, &d), WEFT_OK);
    ck_assert(isnan(d.from_staged));
    weft_derivation_free(&d);
    weft_tape_free(r.t);
}
END_TEST

static const given refused[] = {
    {"max(x)", {{"x", 1, {3}}}, {"max"}},
    {"fused_softmax(x)", {{"x", 1, {3}}}, {"staged"}},
    {"cumsum(x, 0)", {{"x", 1, {3}}}, {"cumsum"}},
    {"reshape(x, (6,)) * 2", {{"x", 2, {2, 3}}}, {"reshape"}},
    {"y * 2", {{"x", 0, {0}}, {"y", 0, {0}}}, {"no way leads from \"x\""}},
};
enum { REFUSED = sizeof refused / sizeof *refused };

START_TEST(what_is_not_written_is_refused_by_name)
{
    const given *g = &refused[_i];
    recorded r;
    weft_derivation d;
    ck_assert(record(&r, g, NULL));
    uint32_t before = weft_tape_count(r.t);
    ck_assert_int_eq(derive(&r, &d, true), WEFT_ERROR_GRADIENT);
    ck_assert_msg(strstr(d.message, g->result[0]) != NULL, "%s", d.message);
    ck_assert_uint_eq(d.n, 0);
    ck_assert_uint_eq(weft_tape_count(r.t), before);
    ck_assert_int_eq(weft_tape_status(r.t), WEFT_OK);
    weft_derivation_free(&d);
    weft_tape_free(r.t);
}
END_TEST

START_TEST(bad_arguments)
{
    weft_derivation d;
    recorded r;
    ck_assert(record(&r, &givens[0], NULL));
    weft_node f32 = weft_input(r.t, "f", WEFT_F32, 0, NULL), none = {0}, two = weft_input(r.t, "two", WEFT_F64, 1, (size_t[]){2});
    ck_assert_int_eq(weft_derive(weft_exp(f32), none, &f32, 1, NULL, &d), WEFT_ERROR_DTYPE);
    weft_derivation_free(&d);
    ck_assert_int_eq(weft_derive(r.y, two, r.x, 1, NULL, &d), WEFT_ERROR_SHAPE);
    weft_derivation_free(&d);
    ck_assert_int_eq(weft_derive(r.y, none, r.x, 0, NULL, &d), WEFT_ERROR_ARGUMENT);
    weft_derivation_free(&d);
    ck_assert_int_eq(weft_derive(none, none, r.x, 1, NULL, &d), WEFT_ERROR_ARGUMENT);
    weft_derivation_free(&d);
    ck_assert_int_eq(weft_derive(r.y, none, r.x, 1, NULL, &d), WEFT_ERROR_UNBOUND);
    weft_derivation_free(&d);
    weft_derivation_free(&d); /* twice is no harm */
    ck_assert_int_eq(weft_tape_status(r.t), WEFT_OK);
    weft_tape_free(r.t);
}
END_TEST

START_TEST(memory_may_run_out_anywhere)
{
    faulty f = {0};
    weft_allocator allocator = faulty_allocator(&f);
    size_t step = 1, failures = 0;
    for (size_t n = 1;; n += step, step += n > 300) {
        recorded r;
        weft_derivation d = {0};
        f = (faulty){.fail_at = 0};
        ck_assert(record(&r, &givens[4], &allocator));
        f.count = 0;
        f.fail_at = n;
        weft_status status = derive(&r, &d, true);
        bool reached = f.count >= n;
        f.fail_at = 0;
        ck_assert_int_eq(status, reached ? WEFT_ERROR_MEMORY : WEFT_OK);
        ck_assert(!reached || strstr(d.message, "memory"));
        failures += reached;
        weft_derivation_free(&d);
        ck_assert_int_eq(weft_tape_status(r.t), WEFT_OK);
        weft_tape_free(r.t);
        ck_assert_uint_eq(f.live, 0);
        if (!reached)
            break;
    }
    ck_assert_uint_gt(failures, 50);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("derivation");
    TCase *lines = tcase_create("lines"), *bad = tcase_create("bad");
    tcase_add_loop_test(lines, every_line_is_the_derivative, 0, GIVEN);
    tcase_add_test(lines, a_wrong_line_is_noticed);
    tcase_add_test(lines, a_cotangent_of_the_user_counts);
    tcase_add_loop_test(bad, what_is_not_written_is_refused_by_name, 0, REFUSED);
    tcase_add_test(bad, bad_arguments);
    tcase_add_test(bad, memory_may_run_out_anywhere);
    suite_add_tcase(suite, lines);
    suite_add_tcase(suite, bad);
    return run_suite(suite);
}

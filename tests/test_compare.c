/* test_compare.c: weft_compare() on pairs that are the same function and on pairs that are not, as text and as C, on bad use, and without memory. That a
 * verdict is right is known beforehand: the pairs are identities, or an identity with a mistake in it. */
#include "tests/faulty.h"
#include "tests/suite.h"

#include <math.h>
#include <stdio.h>

#define X(text) {.name = "x", .shape = text}
#define H {.name = "h", .shape = "N, D"}
#define G {.name = "gamma", .shape = "D"}
#define B {.name = "beta", .shape = "D"}
#define W {.name = "w", .shape = "N, D", .constant = true}

#ifdef __SANITIZE_ADDRESS__
enum { RUNS = 60 }; /* ten times slower */
#else
enum { RUNS = 1000 };
#endif
enum { MOST = 6 };

typedef struct pair {
    const char *name, *staged, *other;
    weft_compare_input input[MOST];
    const char *gradient[MOST]; /* by hand, of the other side; all NULL: derived */
    const char *finding;        /* a part of the message; NULL: they agree */
} pair;

#define HHAT "((h - mean(h, 0)) * (var(h, 0) + 1e-5)**(-1/2))"
#define SLOPE "(gamma * (var(h, 0) + 1e-5)**(-1/2))"
#define DH SLOPE " * (dy - mean(dy, 0) - " HHAT " * mean(dy * " HHAT ", 0))"
#define DGAMMA "sum(dy * " HHAT ", 0)"
#define DBETA "sum(dy, 0)"

/* The built-in twins, then what others bring. */
static const pair same[] = {
    {"batchnorm", "batchnorm(h, gamma, beta)", "fused_batchnorm(h, gamma, beta)", {H, G, B}, {0}, NULL},
    {"batchnorm of images", "batchnorm(x, gamma, beta)", "fused_batchnorm(x, gamma, beta)", {X("N, D, L"), G, B}, {0}, NULL},
    {"batchnorm and relu", "relu(batchnorm(h, gamma, beta))", "fused_batchnorm_relu(h, gamma, beta)", {H, G, B}, {0}, NULL},
    {"layernorm", "layernorm(h, gamma, beta)", "fused_layernorm(h, gamma, beta)", {H, G, B}, {0}, NULL},
    {"groupnorm", "groupnorm(x, groups=2, gamma=gamma, beta=beta)", "fused_groupnorm(x, groups=2, gamma=gamma, beta=beta)", {X("N, 4, L"), {.name = "gamma", .shape = "4"}, {.name = "beta", .shape = "4"}}, {0}, NULL},
    {"instancenorm", "instancenorm(x, gamma, beta)", "fused_instancenorm(x, gamma, beta)", {X("N, D, 5"), G, B}, {0}, NULL},
    {"rmsnorm", "rmsnorm(h, gamma)", "fused_rmsnorm(h, gamma)", {H, G}, {0}, NULL},
    {"l2_normalize", "l2_normalize(h, 1)", "fused_l2_normalize(h, 1)", {H}, {0}, NULL},
    {"softmax", "softmax(h, 1)", "fused_softmax(h, 1)", {H}, {0}, NULL},
    {"log_softmax", "log_softmax(h, 1)", "fused_log_softmax(h, 1)", {H}, {0}, NULL},
    {"cross-entropy", "softmax_cross_entropy(h, label)", "fused_softmax_cross_entropy(h, label)", {H, {.name = "label", .shape = "N", .below = "D"}}, {0}, NULL},
    {"gelu", "gelu(h)", "fused_gelu(h)", {H}, {0}, NULL},
    {"batchnorm by hand", "batchnorm(h, gamma, beta)", "batchnorm(h, gamma, beta)", {H, G, B}, {DH, DGAMMA, DBETA}, NULL},
    {"batchnorm with n - 1", "gamma * (h - mean(h, 0)) * (var(h, 0, correction=1) + 1e-5)**(-1/2) + beta",
     "gamma * (h - mean(h, 0)) * (sum((h - mean(h, 0))**2, 0) / (sum(h*0 + 1, 0) - 1) + 1e-5)**(-1/2) + beta", {H, G, B}, {0}, NULL},
    {"sigmoid", "sigmoid(h)", "1 / (1 + exp(-h))", {{.name = "h", .shape = "N", .low = -20, .high = 20}}, {0}, NULL},
    {"a square", "h * h", "h**2", {H}, {"2 * h * dy"}, NULL},
};

/* With a mistake, and a part of the words for it. */
static const pair different[] = {
    {"value", "h * h", "h * h * h", {H}, {0}, "y, element 0"},
    {"gradient", "h * h", "h**2", {H}, {"h * dy"}, "dh, element 0"},
    {"the mean forgotten", "batchnorm(h, gamma, beta)", "batchnorm(h, gamma, beta)", {H, G, B}, {SLOPE " * (dy - " HHAT " * mean(dy * " HHAT ", 0))", DGAMMA, DBETA}, "dh"},
    {"the variance forgotten", "batchnorm(h, gamma, beta)", "batchnorm(h, gamma, beta)", {H, G, B}, {SLOPE " * (dy - mean(dy, 0))", DGAMMA, DBETA}, "dh"},
    {"dgamma without hhat", "batchnorm(h, gamma, beta)", "batchnorm(h, gamma, beta)", {H, G, B}, {DH, DBETA, DBETA}, "dgamma"},
    {"dgamma not summed", "batchnorm(h, gamma, beta)", "batchnorm(h, gamma, beta)", {H, G, B}, {DH, "dy * " HHAT, DBETA}, "the rank 2"},
    {"n - 1 for n", "var(h, 0)", "var(h, 0, correction=1)", {H}, {0}, "y"},
    {"one shape alone", "mean(h, 0)", "sum(h, 0) / 4", {H}, {0}, "y"},
    {"eps", "batchnorm(h, gamma, beta, eps=1e-5)", "batchnorm(h, gamma, beta, eps=1e-4)", {H, G, B}, {0}, "y"},
    {"a kink", "relu(h)", "where(h > 0.25, h, 0*h)", {H}, {0}, "y"},
    {"refused by one", "h @ w", "h * w", {{.name = "h", .shape = "N, D"}, {.name = "w", .shape = "N, D"}}, {0}, "fails and the other does not"},
    {"the second derivative", "h**3", "h**3", {H}, {"3 * stop_gradient(h)**2 * dy"}, "ddh"},
};

static weft_comparison compare(const pair *p, size_t trials, const weft_compare_options *more)
{
    size_t n = 0;
    while (n < MOST && p->input[n].name)
        n++;
    const bool by_hand = p->gradient[0] != NULL;
    const weft_expression_side text[] = {{"staged", p->staged, NULL, p->input, n}, {"other", p->other, by_hand ? p->gradient : NULL, p->input, n}};
    const weft_side sides[] = {weft_side_of_expression(&text[0]), weft_side_of_expression(&text[1])};
    weft_compare_options options = more ? *more : (weft_compare_options){.seed = 1};
    options.trials = trials;
    weft_comparison c;
    ck_assert_msg(weft_compare(sides, p->input, n, &options, &c) == WEFT_OK, "%s: %s", p->name, c.message);
    return c;
}

/* No right gradient is called wrong, in 1000 cases of each. */
START_TEST(equal_sides_agree)
{
    const pair *p = &same[_i];
    weft_comparison c = compare(p, RUNS, NULL);
    ck_assert_msg(c.agreement == WEFT_SIDES_AGREE, "%s: %s", p->name, c.message);
    ck_assert_uint_eq(c.trials, RUNS);
    ck_assert_uint_lt(c.refused, RUNS / 2);
}
END_TEST

START_TEST(mistakes_are_found)
{
    const pair *p = &different[_i];
    weft_comparison c = compare(p, 0, NULL);
    ck_assert_msg(c.agreement == WEFT_SIDES_DIFFER, "%s: %s", p->name, c.message);
    ck_assert_msg(strstr(c.message, p->finding), "%s: %s", p->name, c.message);
}
END_TEST

/* h*h against h*h*h differ from one element that is neither 0 nor 1 on; the mean's mistake needs another number of rows than 4. */
START_TEST(a_failure_is_made_small)
{
    weft_comparison c = compare(&different[0], 0, NULL);
    ck_assert_uint_eq(c.n_lengths, 2);
    ck_assert_uint_eq(c.length[0], 1);
    ck_assert_uint_eq(c.length[1], 1);
    ck_assert_double_eq(c.number[0], 2);
    ck_assert_double_eq(c.value[0], 4);
    ck_assert_double_eq(c.value[1], 8);
    ck_assert_msg(strstr(c.message, "N = 1, D = 1, h = 2"), "%s", c.message);
    c = compare(&different[7], 0, NULL);
    ck_assert_uint_eq(c.length[0], 1);
    ck_assert_str_eq(c.length_name[0], "N");
}
END_TEST

/* --- as C --- */

static weft_node squared(void *context, const weft_node *x)
{
    (void)context;
    return weft_mul(x[0], x[0]);
}

static weft_node unsteady(void *context, const weft_node *x)
{
    return weft_add(x[0], weft_full_like(x[0], (double)++*(int *)context));
}

static weft_node nothing(void *context, const weft_node *x)
{
    (void)context, (void)x;
    return (weft_node){.tape = NULL, .id = WEFT_NO_ID};
}

START_TEST(other_bits_are_unsteady)
{
    int calls = 0;
    const weft_side sides[] = {{"counts", unsteady, NULL, &calls}, {"square", squared, NULL, NULL}};
    weft_comparison c;
    ck_assert_int_eq(weft_compare(sides, (weft_compare_input[]){X("N")}, 1, NULL, &c), WEFT_OK);
    ck_assert_int_eq(c.agreement, WEFT_SIDES_UNSTEADY);
    ck_assert_ptr_nonnull(strstr(c.message, "\"counts\""));
}
END_TEST

START_TEST(a_side_that_fails_is_reported)
{
    const weft_side sides[] = {{"none", nothing, NULL, NULL}, {"square", squared, NULL, NULL}}, both[] = {sides[0], sides[0]};
    weft_comparison c;
    ck_assert_int_eq(weft_compare(sides, (weft_compare_input[]){X("N")}, 1, NULL, &c), WEFT_OK);
    ck_assert_int_eq(c.agreement, WEFT_SIDES_DIFFER);
    ck_assert_msg(strstr(c.message, "\"none\" fails and the other does not"), "%s", c.message);
    ck_assert_int_eq(weft_compare(both, (weft_compare_input[]){X("N")}, 1, NULL, &c), WEFT_OK);
    ck_assert_int_eq(c.agreement, WEFT_SIDES_REFUSE);
}
END_TEST

/* The sum of a normalisation does not respond to h: any two gradients agree there, up to rounding. */
START_TEST(a_loss_without_a_gradient_proves_nothing)
{
    const pair silent = {"silent", "sum(" HHAT ")", "sum(" HHAT ")", {H}, {"0 * h * dy"}, NULL};
    weft_comparison c = compare(&silent, 20, NULL);
    ck_assert_msg(c.agreement == WEFT_SIDES_SILENT, "%s", c.message);
    ck_assert_ptr_nonnull(strstr(c.message, "the gradient of h is 0"));
    const pair weighed = {"weighed", "sum(w * " HHAT ")", "sum(w * " HHAT ")", {H, W}, {"0 * h * dy"}, NULL};
    c = compare(&weighed, 20, NULL);
    ck_assert_msg(c.agreement == WEFT_SIDES_DIFFER, "%s", c.message);
}
END_TEST

/* --- what is measured --- */

/* Where f64 is the truth of f64 that is side 0, so its error is 0; in f32 neither is. */
START_TEST(errors_and_costs_are_measured)
{
    const weft_length size[] = {{"D", 8}, {"N", 300}};
    const weft_compare_options options = {.size = size, .n_size = 2, .dtype = _i ? WEFT_F64 : WEFT_F32, .truth = WEFT_TRUTH_F64, .seconds = 0.01};
    weft_comparison c = compare(&same[0], 10, &options);
    ck_assert_uint_eq(c.n_results, 8);
    ck_assert_int_eq(c.truth, WEFT_TRUTH_F64);
    static const char *const names[] = {"y", "dh", "dgamma", "dbeta", "y_dot", "ddh", "ddgamma", "ddbeta"};
    for (size_t r = 0; r < 8; r++)
        ck_assert_str_eq(c.result[r].name, names[r]);
    for (size_t r = 0; r < 4; r++) {
        const weft_compared *to = &c.result[r];
        ck_assert_double_lt(to->max_ulp, 40);
        double ulps = to->max_rel * (_i ? 0x1p53 : 0x1p24); /* an ulp of it is 2**-24 to 2**-23 of the largest entry */
        ck_assert(to->max_ulp <= ulps && ulps <= 2 * to->max_ulp);
        ck_assert(_i ? to->error[0] == 0 : to->error[0] < 4 && to->error[1] < 4);
    }
    for (int side = 0; side < 2; side++) {
        ck_assert_double_gt(c.cost[side].seconds, 0);
        ck_assert_uint_ge(c.cost[side].traffic.bytes_read, 2u * 300 * 8 * (_i ? 8 : 4));
        ck_assert_uint_ge(c.cost[side].memory.peak, 2u * 300 * 8 * (_i ? 8 : 4));
    }
}
END_TEST

/* The variance of whole numbers near 2**20, as E[h**2] - E[h]**2 and as E[(h - mean)**2]: an ulp of the squares, 2**-12, is 2**40 ulps of what is left,
 * about 4/3. The first side says so of itself; f64 as the truth could not. */
static const pair variances = {"variances", "mean(h*h, 0) - mean(h, 0)**2", "var(h, 0)",
                               {{.name = "h", .shape = "N", .low = 1048574, .high = 1048578}}, {NULL}, NULL};

START_TEST(the_first_side_has_an_error_of_its_own)
{
    const weft_length size[] = {{"N", 1000}};
    weft_compare_options options = {.size = size, .n_size = 1, .dtype = WEFT_F64};
    weft_comparison c = compare(&variances, 1, &options);
    bool there = weft_truth_available(WEFT_TRUTH_MPFR);
    ck_assert_int_eq(c.truth, there ? WEFT_TRUTH_MPFR : WEFT_TRUTH_F64);
    ck_assert(there ? c.result[0].error[0] > 1e9 && c.result[0].error[1] < 1000 : c.result[0].error[0] == 0);
    options.truth = WEFT_TRUTH_F64;
    c = compare(&variances, 1, &options);
    ck_assert(c.result[0].error[0] == 0 && c.result[0].error[1] > 1e9);
}
END_TEST

static void compare_with_truth(const weft_length *size, weft_truth truth, weft_status *status, weft_comparison *c)
{
    const weft_compare_options options = {.size = size, .n_size = 1, .dtype = WEFT_F64, .truth = truth, .trials = 1};
    const weft_expression_side text = {"a", "h * 2", NULL, variances.input, 1};
    const weft_side sides[] = {weft_side_of_expression(&text), weft_side_of_expression(&text)};
    *status = weft_compare(sides, variances.input, 1, &options, c);
}

/* Asked for, it is there or refused; by default f64 stands in where it would take too long. */
START_TEST(a_truth_that_is_not_there_is_refused)
{
    const weft_length small[] = {{"N", 3}}, large[] = {{"N", (size_t)1 << 21}};
    weft_comparison c;
    weft_status status;
    bool there = weft_truth_available(WEFT_TRUTH_MPFR);
    compare_with_truth(small, WEFT_TRUTH_MPFR, &status, &c);
    ck_assert_int_eq(status, there ? WEFT_OK : WEFT_ERROR_ARGUMENT);
    ck_assert_msg(there ? c.truth == WEFT_TRUTH_MPFR : strstr(c.message, "built without MPFR") != NULL, "%s", c.message);
    compare_with_truth(large, WEFT_TRUTH_MPFR, &status, &c);
    ck_assert_int_eq(status, WEFT_ERROR_ARGUMENT);
    ck_assert_msg(strstr(c.message, there ? "more than 2**20 elements" : "built without MPFR"), "%s", c.message);
    compare_with_truth(large, WEFT_TRUTH_DEFAULT, &status, &c);
    ck_assert_int_eq(status, WEFT_OK);
    ck_assert_int_eq(c.truth, WEFT_TRUTH_F64);
}
END_TEST

/* --- bad use --- */

static const struct {
    weft_compare_input input[2];
    size_t n;
    weft_length size[2];
    size_t n_size;
    const char *words;
} bad[] = {
    {{X("N D")}, 1, {{0}}, 0, "commas"},
    {{X("N,, D")}, 1, {{0}}, 0, "commas"},
    {{X("3x")}, 1, {{0}}, 0, "a number of at most 9 digits"},
    {{X("a_length_of_that_name")}, 1, {{0}}, 0, "more than 15"},
    {{X("1, 1, 1, 1, 1, 1, 1, 1, 1")}, 1, {{0}}, 0, "more than 8 axes"},
    {{X("100000, 100000")}, 1, {{0}}, 0, "more than 2**26"},
    {{{.name = "", .shape = "N"}}, 1, {{0}}, 0, "no name"},
    {{{.name = "x", .shape = "N", .low = 2, .high = 1}}, 1, {{0}}, 0, "bounds"},
    {{{.name = "x", .shape = "N", .low = -INFINITY}}, 1, {{0}}, 0, "bounds"},
    {{{.name = "x", .shape = "N", .below = "D"}}, 1, {{0}}, 0, "no shape has"},
    {{X("N, D")}, 1, {{"N", 3}}, 1, "must say each length"},
    {{X("N")}, 1, {{"M", 3}}, 1, "no shape has"},
    {{X("N")}, 1, {{"N", 0}}, 1, "at least 1"},
    {{X("N")}, 1, {{"N", (size_t)1 << 40}}, 1, "2**26"},
    {{X("N")}, 9, {{0}}, 0, "more than 8 inputs"},
};

START_TEST(bad_use_is_refused)
{
    const weft_side sides[] = {{"a", squared, NULL, NULL}, {"b", squared, NULL, NULL}};
    const weft_compare_options options = {.size = bad[_i].n_size ? bad[_i].size : NULL, .n_size = bad[_i].n_size};
    weft_comparison c;
    ck_assert_int_eq(weft_compare(sides, bad[_i].input, bad[_i].n, &options, &c), WEFT_ERROR_ARGUMENT);
    ck_assert_msg(strstr(c.message, bad[_i].words), "%s", c.message);
}
END_TEST

START_TEST(nulls_are_refused)
{
    const weft_side sides[] = {{"a", squared, NULL, NULL}, {"b", NULL, NULL, NULL}};
    weft_comparison c;
    ck_assert_int_eq(weft_compare(sides, (weft_compare_input[]){X("N")}, 1, NULL, NULL), WEFT_ERROR_ARGUMENT);
    ck_assert_int_eq(weft_compare(NULL, (weft_compare_input[]){X("N")}, 1, NULL, &c), WEFT_ERROR_ARGUMENT);
    ck_assert_int_eq(weft_compare(sides, NULL, 1, NULL, &c), WEFT_ERROR_ARGUMENT);
    ck_assert_int_eq(weft_compare(sides, (weft_compare_input[]){X("N")}, 1, NULL, &c), WEFT_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(c.message, "a name and a value"));
    const weft_compare_options indices = {.dtype = WEFT_I64};
    ck_assert_int_eq(weft_compare((weft_side[]){sides[0], sides[0]}, (weft_compare_input[]){X("N")}, 1, &indices, &c), WEFT_ERROR_ARGUMENT);
}
END_TEST

/* Each allocation fails once, in a comparison that shrinks a failure and measures it. */
START_TEST(every_allocation_may_fail)
{
    const weft_length size[] = {{"N", 3}, {"D", 2}};
    faulty f = {0};
    weft_allocator allocator = faulty_allocator(&f);
    const weft_compare_options options = {.size = size, .n_size = 2, .dtype = WEFT_F64, .allocator = &allocator};
    const weft_expression_side text[] = {{"a", "h * h", NULL, (weft_compare_input[]){H}, 1}, {"b", "h**3", NULL, (weft_compare_input[]){H}, 1}};
    const weft_side sides[] = {weft_side_of_expression(&text[0]), weft_side_of_expression(&text[1])};
    weft_comparison c;
    ck_assert_int_eq(weft_compare(sides, text[0].inputs, 1, &options, &c), WEFT_OK);
    ck_assert_uint_eq(f.live, 0);
    size_t all = f.count, step = all / 400 + 1;
    for (size_t n = 1; n <= all; n += step) {
        f = (faulty){.fail_at = n};
        weft_status status = weft_compare(sides, text[0].inputs, 1, &options, &c);
        bool reached = f.count >= n; /* hash tables grow sooner or later, since their keys hold addresses */
        ck_assert_msg(status == (reached ? WEFT_ERROR_MEMORY : WEFT_OK), "allocation %zu of %zu failed, and the status is \"%s\"", n, all, weft_status_text(status));
        ck_assert_msg(f.live == 0, "allocation %zu of %zu failed, and %zu bytes leaked", n, all, f.live);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("compare");
    TCase *pairs = tcase_create("pairs");
    tcase_set_timeout(pairs, 120);
    tcase_add_loop_test(pairs, equal_sides_agree, 0, (int)(sizeof same / sizeof *same));
    tcase_add_loop_test(pairs, mistakes_are_found, 0, (int)(sizeof different / sizeof *different));
    tcase_add_test(pairs, a_failure_is_made_small);
    tcase_add_test(pairs, other_bits_are_unsteady);
    tcase_add_test(pairs, a_side_that_fails_is_reported);
    tcase_add_test(pairs, a_loss_without_a_gradient_proves_nothing);
    tcase_add_loop_test(pairs, errors_and_costs_are_measured, 0, 2);
    tcase_add_test(pairs, the_first_side_has_an_error_of_its_own);
    tcase_add_test(pairs, a_truth_that_is_not_there_is_refused);
    tcase_add_loop_test(pairs, bad_use_is_refused, 0, (int)(sizeof bad / sizeof *bad));
    tcase_add_test(pairs, nulls_are_refused);
    tcase_add_test(pairs, every_allocation_may_fail);
    suite_add_tcase(suite, pairs);
    return run_suite(suite);
}

/* test_diagnose_claims.c: what weft_diagnose() takes and refuses beyond planted bugs: arrays, several answers and none, numbers
 * that hide a mistake, fused ops, parameters, bad use, and memory that runs out. */
#include "tests/faulty.h"
#include "tests/planted.h"
#include "tests/suite.h"

#include <math.h>
#include <time.h>

enum { N = 8, C = 3 };

static weft_tape *t;
static weft_node h, gamma_, beta, dy, y;
static double h_data[N * C], gamma_data[C], beta_data[C], dy_data[N * C];
static weft_binding bind[4];

static void open_batchnorm(bool fused)
{
    uint64_t seed = 21;
    const planted_operand positive = {.values = PLANTED_POSITIVE};
    t = weft_tape_new(NULL);
    h = weft_input(t, "h", WEFT_F64, 2, (size_t[]){N, C});
    gamma_ = weft_input(t, "gamma", WEFT_F64, 1, (size_t[]){C});
    beta = weft_input(t, "beta", WEFT_F64, 1, (size_t[]){C});
    dy = weft_input(t, "dy", WEFT_F64, 2, (size_t[]){N, C});
    y = (fused ? weft_fused_batchnorm : weft_batchnorm)(h, gamma_, beta, 0.02);
    planted_fill(NULL, &seed, N * C, h_data);
    planted_fill(&positive, &seed, C, gamma_data);
    planted_fill(NULL, &seed, C, beta_data);
    planted_fill(NULL, &seed, N * C, dy_data);
    bind[0] = (weft_binding){h, h_data, sizeof h_data};
    bind[1] = (weft_binding){gamma_, gamma_data, sizeof gamma_data};
    bind[2] = (weft_binding){beta, beta_data, sizeof beta_data};
    bind[3] = (weft_binding){dy, dy_data, sizeof dy_data};
}

static void open_staged(void)
{
    open_batchnorm(false);
}

static void close_tape(void)
{
    weft_tape_free(t);
}

static weft_diagnosis of_node(weft_node x, weft_node claimed)
{
    weft_diagnosis d;
    const weft_diagnose_options options = {.bind = bind, .n_bind = 4, .claimed = claimed};
    uint32_t before = weft_tape_count(t);
    ck_assert_msg(weft_diagnose(y, dy, x, &options, &d) == WEFT_OK, "%s", weft_tape_message(t));
    ck_assert_uint_eq(weft_tape_count(t), before);
    return d;
}

static weft_diagnosis of_array(weft_node x, weft_dtype dtype, const void *data)
{
    weft_diagnosis d;
    const weft_diagnose_options options = {.bind = bind, .n_bind = 4, .data = data, .dtype = dtype, .shape = weft_node_shape(x)};
    ck_assert_msg(weft_diagnose(y, dy, x, &options, &d) == WEFT_OK, "%s", weft_tape_message(t));
    return d;
}

/* The batchnorm of test_planted.c, with a mistake, on the inputs here. */
static weft_node claimed_dh(planted_mistake mistake)
{
    weft_node dx[3];
    planted_family_at(0)->gradient((weft_node[]){h, gamma_, beta}, dy, mistake, dx);
    return dx[0];
}

static void values_of(weft_node x, double *values, size_t count)
{
    weft_program *p = run_outputs(&x, 1, bind, 4, (weft_options){.rewriting = WEFT_REWRITE_NONE});
    memcpy(values, weft_output(p, 0), count * sizeof *values);
    weft_program_free(p);
}

static bool names(const weft_diagnosis *d, const char *words)
{
    for (size_t i = 0; i < d->n; i++)
        if (strstr(d->finding[i].words, words))
            return true;
    return false;
}

START_TEST(an_array_is_a_claim)
{
    double wide[N * C];
    float narrow[N * C];
    values_of(claimed_dh(VARIANCE_PATH), wide, N * C);
    for (int i = 0; i < N * C; i++)
        narrow[i] = (float)wide[i];
    weft_diagnosis d = of_array(h, WEFT_F64, wide), f = of_array(h, WEFT_F32, narrow);
    ck_assert_msg(names(&d, "through the variance sigma2 is missing"), "%s", d.message);
    ck_assert_msg(names(&f, "through the variance sigma2 is missing"), "%s", f.message);
    ck_assert_str_eq(d.message, d.finding[0].words);
    values_of(claimed_dh(PLANTED_NONE), wide, N * C);
    d = of_array(h, WEFT_F64, wide);
    ck_assert_int_eq(d.verdict, WEFT_GRADIENT_RIGHT);
    ck_assert(d.n == 0 && d.max_abs < 1e-12 && d.tried > 50);
}
END_TEST

START_TEST(the_place_is_told)
{
    weft_node claim = claimed_dh(MEAN_PATH);
    clock_t begin = clock();
    weft_diagnosis d = of_node(h, claim);
    ck_assert_msg(clock() - begin < CLOCKS_PER_SEC, "a diagnosis took more than a second"); /* it takes milliseconds */
    ck_assert_int_eq(d.verdict, WEFT_GRADIENT_WRONG);
    ck_assert(d.n == 1 && d.matching == 1 && d.max_abs > 1e-3);
    ck_assert_str_eq(weft_node_name(d.finding[0].node), "centred"); /* where mu is taken off */
    ck_assert_int_eq(d.finding[0].operand, 1);
    double claimed[N * C], truth[N * C], largest = 0;
    weft_node dx;
    values_of(claimed_dh(MEAN_PATH), claimed, N * C);
    ck_assert_int_eq(weft_vjp(&y, &dy, 1, &h, 1, &dx), WEFT_OK);
    values_of(dx, truth, N * C);
    for (int i = 0; i < N * C; i++)
        largest = fmax(largest, fabs(claimed[i] - truth[i]));
    ck_assert_double_eq_tol(d.max_abs, largest, 1e-12);
    ck_assert_double_eq_tol(d.claimed, claimed[d.worst], 1e-12);
    ck_assert_double_eq_tol(d.expected, truth[d.worst], 1e-12);
}
END_TEST

START_TEST(nothing_matches)
{
    double noise[N * C];
    uint64_t seed = 5;
    planted_fill(NULL, &seed, N * C, noise);
    weft_diagnosis d = of_array(h, WEFT_F64, noise);
    ck_assert_int_eq(d.verdict, WEFT_GRADIENT_WRONG);
    ck_assert(d.n == 0 && d.matching == 0 && strstr(d.message, "none of"));
    noise[4] = NAN;
    d = of_array(h, WEFT_F64, noise);
    ck_assert_int_eq(d.verdict, WEFT_GRADIENT_WRONG);
    ck_assert(d.n == 0 && strstr(d.message, "not finite"));
}
END_TEST

/* gamma is N everywhere: without it the gradient is 1/N of what it should be. */
START_TEST(several_match)
{
    for (int i = 0; i < C; i++)
        gamma_data[i] = N;
    weft_diagnosis d = of_node(h, claimed_dh(GAMMA_SKIPPED));
    ck_assert(d.n >= 2 && d.matching >= 2);
    ck_assert_msg(strstr(d.finding[0].words, "the factor gamma is skipped"), "%s", d.message);
    ck_assert_msg(names(&d, "counts 1/8 times"), "%s", d.finding[1].words);
}
END_TEST

/* With gamma = 1 a skipped gamma passes, and the diagnosis says so. */
START_TEST(what_the_numbers_hide)
{
    for (int i = 0; i < C; i++)
        gamma_data[i] = 1;
    weft_diagnosis d = of_node(h, claimed_dh(GAMMA_SKIPPED));
    ck_assert_int_eq(d.verdict, WEFT_GRADIENT_RIGHT);
    ck_assert_msg(names(&d, "the factor gamma is skipped"), "%s", d.message);
    ck_assert_msg(strstr(d.message, "do not tell it from"), "%s", d.message);
}
END_TEST

START_TEST(zero)
{
    double nothing[N * C] = {0};
    weft_diagnosis d = of_array(h, WEFT_F64, nothing);
    ck_assert_int_eq(d.verdict, WEFT_GRADIENT_WRONG);
    ck_assert_msg(strstr(d.message, "zero everywhere"), "%s", d.message);
    memset(dy_data, 0, sizeof dy_data);
    d = of_array(h, WEFT_F64, nothing);
    ck_assert_int_eq(d.verdict, WEFT_GRADIENT_EMPTY);
    ck_assert_uint_eq(d.n, 0);
}
END_TEST

START_TEST(a_fused_op_is_expanded)
{
    weft_tape_free(t);
    open_batchnorm(true);
    weft_diagnosis d = of_node(h, claimed_dh(MEAN_PATH));
    ck_assert_msg(names(&d, "h -> mu -> centred"), "%s", d.message);
    ck_assert_uint_eq(d.finding[0].node.id, y.id);
    weft_node dx;
    ck_assert_int_eq(weft_vjp(&y, &dy, 1, &h, 1, &dx), WEFT_OK);
    ck_assert_int_eq(of_node(h, dx).verdict, WEFT_GRADIENT_RIGHT);
}
END_TEST

/* x is an inner node, and its own operands play no part: squares of h + 1, where the claim forgets the 2. */
START_TEST(x_may_be_any_node)
{
    weft_node shifted = weft_name(weft_add(h, weft_scalar(t, WEFT_F64, 1)), "shifted");
    y = weft_square(shifted);
    weft_diagnosis d = of_node(shifted, weft_mul(dy, shifted));
    ck_assert_msg(names(&d, "dshifted equals the true gradient if the path shifted -> ") && names(&d, "counts 1/2 times"), "%s", d.message);
}
END_TEST

/* A fork in three, where the last contribution overwrites the others: y = h*h*h as the product of one node three times, and 2h of it. */
START_TEST(a_fork_in_three)
{
    weft_node a = weft_name(weft_exp(h), "a"), b = weft_name(weft_sin(h), "b"), c = weft_name(weft_tanh(h), "c");
    y = weft_name(weft_add(weft_add(a, b), c), "y");
    weft_diagnosis d = of_node(h, weft_mul(dy, weft_cos(h)));
    ck_assert_msg(names(&d, "assigned, not added up: of the 3 paths"), "%s", d.message);
    d = of_node(h, weft_mul(dy, weft_add(weft_exp(h), weft_cos(h))));
    ck_assert_msg(names(&d, "without the path h -> c -> y"), "%s", d.message);
}
END_TEST

/* A mean that is written as a product by 1/N, and a variance with keepdims: told by what they compute. */
START_TEST(means_are_known_by_what_they_compute)
{
    weft_node n = weft_scalar(t, WEFT_F64, 1.0 / N);
    weft_node mu = weft_name(weft_mul(n, weft_sum(h, WEFT_AXIS(0), true)), "m"), off = weft_name(weft_sub(h, mu), "off");
    weft_node var = weft_name(weft_mul(weft_sum(weft_mul(off, off), WEFT_AXIS(0), true), n), "v");
    weft_node sigma = weft_name(weft_sqrt(weft_add(var, weft_scalar(t, WEFT_F64, 0.02))), "sigma");
    y = weft_name(weft_add(weft_mul(weft_div(off, sigma), gamma_), beta), "y");
    weft_diagnosis d = of_node(h, claimed_dh(MEAN_PATH));
    ck_assert_msg(names(&d, "through the mean m is missing"), "%s", d.message);
    d = of_node(h, claimed_dh(VARIANCE_PATH));
    ck_assert_msg(names(&d, "through the variance v is missing"), "%s", d.message);
    d = of_node(h, claimed_dh(EPS_OUTSIDE));
    ck_assert_msg(names(&d, "eps is added outside the root sigma"), "%s", d.message);
    d = of_node(h, claimed_dh(BESSEL));
    ck_assert_msg(names(&d, "N-1 in place of N = 8"), "%s", d.message);
}
END_TEST

START_TEST(parameters_have_numbers_too)
{
    weft_node w = weft_parameter(t, "w", WEFT_F64, 1, (size_t[]){C});
    y = weft_mul(h, w);
    bind[1] = (weft_binding){w, gamma_data, sizeof gamma_data};
    weft_diagnosis d = of_node(h, dy);
    ck_assert_msg(names(&d, "the factor w is skipped"), "%s", d.message);
}
END_TEST

/* Right gradients, at many numbers: none is called wrong, nor does a mistake of the table pass. */
START_TEST(right_at_many_numbers)
{
    const planted_family *family = planted_family_at(0);
    for (int round = 0; round < 40; round++) {
        uint64_t seed = (uint64_t)round + 100;
        planted_fill(&family->x[0], &seed, N * C, h_data);
        planted_fill(&family->x[1], &seed, C, gamma_data);
        planted_fill(NULL, &seed, N * C, dy_data);
        for (int i = 0; i < N * C; i++)
            h_data[i] = (round % 4 == 1 ? 100 : 0) + h_data[i] * (round % 4 == 2 ? 30 : 1); /* an offset, and a scale */
        ck_assert_int_eq(of_node(h, claimed_dh(PLANTED_NONE)).verdict, WEFT_GRADIENT_RIGHT);
        ck_assert_int_eq(of_node(h, claimed_dh(MEAN_PATH)).verdict, WEFT_GRADIENT_WRONG);
        ck_assert_int_eq(of_node(h, claimed_dh(TWO_FORGOTTEN)).verdict, WEFT_GRADIENT_WRONG);
    }
}
END_TEST

/* --- what is refused --- */

static void is_refused(weft_node of, weft_node cotangent, weft_node x, weft_diagnose_options options, weft_status status, const char *says)
{
    weft_mark mark = weft_tape_mark(t);
    weft_diagnosis d = {.n = 7};
    ck_assert_int_eq(weft_diagnose(of, cotangent, x, &options, &d), status);
    ck_assert_uint_eq(d.n, 0);
    ck_assert_msg(strstr(weft_tape_message(t), says), "%s", weft_tape_message(t));
    weft_tape_rewind(t, mark);
}

START_TEST(bad_use)
{
    weft_node labels = weft_input(t, "labels", WEFT_I64, 1, (size_t[]){C}), row = weft_input(t, "row", WEFT_F64, 1, (size_t[]){C});
    weft_node fine = claimed_dh(PLANTED_NONE), other = weft_sum(h, WEFT_ALL_AXES, false), whole = weft_cast(labels, WEFT_F64);
    weft_tape *elsewhere = weft_tape_new(NULL);
    weft_node foreign = weft_input(elsewhere, "foreign", WEFT_F64, 2, (size_t[]){N, C});
    weft_diagnose_options options = {.bind = bind, .n_bind = 4, .claimed = fine};
    is_refused(y, other, h, options, WEFT_ERROR_SHAPE, "dy must have the shape");
    is_refused(y, foreign, h, options, WEFT_ERROR_ARGUMENT, "dy is no node");
    is_refused(y, dy, foreign, options, WEFT_ERROR_ARGUMENT, "x is no node");
    is_refused(y, dy, labels, options, WEFT_ERROR_DTYPE, "x holds integers");
    is_refused(y, dy, row, options, WEFT_ERROR_GRADIENT, "does not depend on");
    is_refused(y, dy, whole, options, WEFT_ERROR_GRADIENT, "does not depend on");
    options.claimed = foreign;
    is_refused(y, dy, h, options, WEFT_ERROR_ARGUMENT, "claimed gradient is no node");
    options.claimed = labels;
    is_refused(y, dy, h, options, WEFT_ERROR_DTYPE, "must be f32 or f64");
    options.claimed = other;
    is_refused(y, dy, h, options, WEFT_ERROR_SHAPE, "the claimed gradient is ()");
    options.claimed = fine;
    options.n_bind = 2;
    is_refused(y, dy, h, options, WEFT_ERROR_UNBOUND, "diagnosis: ");
    options.n_bind = 4;
    bind[2].bytes--;
    is_refused(y, dy, h, options, WEFT_ERROR_ARGUMENT, "binding of \"beta\"");
    bind[2] = (weft_binding){y, beta_data, sizeof beta_data};
    is_refused(y, dy, h, options, WEFT_ERROR_ARGUMENT, "binding 2 is no input");
    bind[2] = (weft_binding){beta, beta_data, sizeof beta_data};
    options = (weft_diagnose_options){.bind = bind, .n_bind = 4, .dtype = WEFT_F64, .shape = weft_node_shape(h)};
    is_refused(y, dy, h, options, WEFT_ERROR_ARGUMENT, "neither a node nor data");
    options.data = h_data;
    options.dtype = WEFT_I64;
    is_refused(y, dy, h, options, WEFT_ERROR_DTYPE, "must be f32 or f64");
    options.shape.rank = 9;
    options.dtype = WEFT_F64;
    is_refused(y, dy, h, options, WEFT_ERROR_SHAPE, "not legal");
    weft_diagnosis d;
    weft_mark mark = weft_tape_mark(t);
    ck_assert_int_eq(weft_diagnose(y, dy, h, NULL, &d), WEFT_ERROR_ARGUMENT);
    ck_assert_int_eq(weft_diagnose(y, dy, h, &options, &d), WEFT_ERROR_ARGUMENT); /* a tape with an error */
    weft_tape_rewind(t, mark);
    ck_assert_int_eq(weft_diagnose(y, dy, h, &options, NULL), WEFT_ERROR_ARGUMENT);
    weft_tape_rewind(t, mark);
    ck_assert_int_eq(weft_diagnose((weft_node){0}, dy, h, &options, &d), WEFT_ERROR_MEMORY);
    weft_tape_free(elsewhere);
}
END_TEST

/* --- memory that runs out --- */

static weft_status diagnose_small(faulty *f, weft_diagnosis *d)
{
    const weft_allocator allocator = faulty_allocator(f);
    const double numbers[4] = {1, -2, 0.5, 3}, cotangent = 1;
    weft_tape *tape = weft_tape_new(&allocator);
    weft_node x = weft_input(tape, "x", WEFT_F64, 1, (size_t[]){4}), one = weft_input(tape, "dy", WEFT_F64, 0, NULL);
    weft_node mean = weft_mean(weft_mul(x, x), WEFT_ALL_AXES, false), claimed = weft_mul(weft_scalar_like(x, 0.25), x);
    const weft_binding both[] = {{x, numbers, sizeof numbers}, {one, &cotangent, sizeof cotangent}};
    const weft_diagnose_options options = {.bind = both, .n_bind = 2, .claimed = claimed};
    weft_diagnose(mean, one, x, &options, d);
    weft_status status = weft_tape_status(tape);
    weft_tape_free(tape);
    return status;
}

START_TEST(memory_runs_out)
{
    faulty f = {0};
    weft_diagnosis d;
    ck_assert_int_eq(diagnose_small(&f, &d), WEFT_OK);
    ck_assert_msg(names(&d, "without the path x -> "), "%s", d.message); /* of one of the two factors x */
    ck_assert_uint_eq(f.live, 0);
    size_t count = f.count;
    ck_assert_uint_gt(count, 20);
    for (int for_good = 0; for_good < 2; for_good++)
        for (size_t at = 1; at <= count; at++) {
            f = (faulty){.fail_at = at, .for_good = for_good};
            weft_status status = diagnose_small(&f, &d);
            if (f.count < at) /* tables hash pointers, and grow now and then by one chance less */
                continue;
            ck_assert_msg(status == WEFT_ERROR_MEMORY, "allocation %zu of %zu: %d", at, count, status);
            ck_assert_uint_eq(f.live, 0);
        }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("diagnosis of claims");
    TCase *claims = tcase_create("claims"), *memory = tcase_create("memory");
    tcase_add_checked_fixture(claims, open_staged, close_tape);
    tcase_add_test(claims, an_array_is_a_claim);
    tcase_add_test(claims, the_place_is_told);
    tcase_add_test(claims, nothing_matches);
    tcase_add_test(claims, several_match);
    tcase_add_test(claims, what_the_numbers_hide);
    tcase_add_test(claims, zero);
    tcase_add_test(claims, a_fused_op_is_expanded);
    tcase_add_test(claims, x_may_be_any_node);
    tcase_add_test(claims, a_fork_in_three);
    tcase_add_test(claims, means_are_known_by_what_they_compute);
    tcase_add_test(claims, parameters_have_numbers_too);
    tcase_add_test(claims, right_at_many_numbers);
    tcase_add_test(claims, bad_use);
    tcase_add_test(memory, memory_runs_out);
    suite_add_tcase(suite, claims);
    suite_add_tcase(suite, memory);
    return run_suite(suite);
}

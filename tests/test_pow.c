/* test_pow.c: derivatives of powers in base and exponent, where exponents are 0: they are those of e ** (b ln a), and PyTorch's at a base of 0. */
#include "tests/suite.h"

#include <float.h>
#include <math.h>

enum { POINTS = 8 };

/* y = a ** b at each point, and its derivatives. */
typedef struct powers {
    double da[POINTS], db[POINTS], dadb[POINTS], dbda[POINTS], dbdb[POINTS]; /* dadb: of da by b */
} powers;

static powers differentiate(const double *a_at, const double *b_at)
{
    weft_tape *t = weft_tape_new(NULL);
    weft_node x[2] = {weft_input(t, "a", WEFT_F64, 1, (size_t[]){POINTS}), weft_input(t, "b", WEFT_F64, 1, (size_t[]){POINTS})};
    weft_node first[2], second[2], out[5];
    weft_grad(weft_sum(weft_pow(x[0], x[1]), WEFT_ALL_AXES, false), x, 2, first);
    weft_grad(weft_sum(first[0], WEFT_ALL_AXES, false), x, 2, second);
    out[0] = first[0];
    out[1] = first[1];
    out[2] = second[1];
    weft_grad(weft_sum(first[1], WEFT_ALL_AXES, false), x, 2, second);
    out[3] = second[0];
    out[4] = second[1];
    weft_program *p = weft_compile(out, 5);
    weft_bind(p, x[0], a_at, POINTS * sizeof *a_at);
    weft_bind(p, x[1], b_at, POINTS * sizeof *b_at);
    ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
    powers found;
    double *to[] = {found.da, found.db, found.dadb, found.dbda, found.dbdb};
    for (size_t k = 0; k < 5; k++)
        memcpy(to[k], weft_output(p, k), sizeof found.da);
    weft_program_free(p);
    weft_tape_free(t);
    return found;
}

static void close_to(double got, double expected, const char *what, double a)
{
    ck_assert_msg(fabs(got - expected) <= 8 * DBL_EPSILON * fabs(expected), "%s at a = %g: expected %.17g, got %.17g", what, a, expected, got);
}

/* a ** b = e ** (b ln a): at b = 0 its derivatives are 0, ln a, 1/a and (ln a)**2. */
START_TEST(exponents_of_zero_have_second_derivatives)
{
    const double a[POINTS] = {0.25, 0.75, 1, 2, 3, 1e-3, 1e6, 1e-300}, b[POINTS] = {0};
    powers found = differentiate(a, b);
    for (int i = 0; i < POINTS; i++) {
        close_to(found.da[i], 0, "dy/da", a[i]);
        close_to(found.db[i], log(a[i]), "dy/db", a[i]);
        close_to(found.dadb[i], 1 / a[i], "d2y/da db", a[i]);
        close_to(found.dbda[i], 1 / a[i], "d2y/db da", a[i]);
        close_to(found.dbdb[i], log(a[i]) * log(a[i]), "d2y/db2", a[i]);
    }
}
END_TEST

/* PyTorch has 0 for both derivatives at 0 ** 0, and for that by the base wherever the exponent is 0: no reciprocal that overflows may make it NaN. */
START_TEST(bases_of_zero_have_no_nan)
{
    const double a[POINTS] = {0, -0.0, DBL_TRUE_MIN, -DBL_TRUE_MIN, DBL_MIN / 2, DBL_MIN, -DBL_MIN, -2}, b[POINTS] = {0};
    powers found = differentiate(a, b);
    for (int i = 0; i < POINTS; i++)
        close_to(found.da[i], 0, "dy/da", a[i]);
    close_to(found.db[0], 0, "dy/db", a[0]);
    close_to(found.db[1], 0, "dy/db", a[1]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pow");
    TCase *derivatives = tcase_create("derivatives");
    tcase_add_test(derivatives, exponents_of_zero_have_second_derivatives);
    tcase_add_test(derivatives, bases_of_zero_have_no_nan);
    suite_add_tcase(suite, derivatives);
    return run_suite(suite);
}

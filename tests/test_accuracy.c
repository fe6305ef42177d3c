/* test_accuracy.c: functions that Weft computes itself, against the C library's in long double: how many units in the last place they are off. */
#include "tests/suite.h"

#include <float.h>
#include <math.h>
#include <stdint.h>

enum { COUNT = 1 << 18 };

static long double sigmoidl(long double a)
{
    return a < 0 ? expl(a) / (1 + expl(a)) : 1 / (1 + expl(-a));
}

static long double softplusl(long double a)
{
    return a > 0 ? a + log1pl(expl(-a)) : log1pl(expl(a));
}

static long double silul(long double a)
{
    return a * sigmoidl(a);
}

static long double gelul(long double a)
{
    return a / 2 * erfcl(-a / sqrtl(2));
}

static long double rsqrtl(long double a)
{
    return 1 / sqrtl(a);
}

static weft_node elu_of_1(weft_node a)
{
    return weft_elu(a, 1);
}

static long double elul(long double a)
{
    return a > 0 ? a : expm1l(a);
}

static const struct {
    const char *name;
    weft_node (*record)(weft_node a);
    long double (*truth)(long double a);
    double lowest, highest; /* the domain, or where the result is neither 0 nor infinite */
    double ulps[2];         /* f32, f64; as weft.h and the ops state them */
} functions[] = {
    {"exp", weft_exp, expl, -745.1, 709.7, {0.506, 1}},
    {"expm1", weft_expm1, expm1l, -DBL_MAX, 709.7, {0.5001, 1}},
    {"log", weft_log, logl, 5e-324, DBL_MAX, {0.5001, 1}},
    {"log1p", weft_log1p, log1pl, -1 + 0x1p-53, DBL_MAX, {0.5001, 1}},
    {"tanh", weft_tanh, tanhl, -DBL_MAX, DBL_MAX, {0.5001, 3}},
    {"sigmoid", weft_sigmoid, sigmoidl, -745.1, DBL_MAX, {0.5001, 3}},
    {"softplus", weft_softplus, softplusl, -745.1, DBL_MAX, {0.5001, 2}},
    {"silu", weft_silu, silul, -708, DBL_MAX, {0.5001, 3}}, /* below, e**a is subnormal and has fewer digits */
    {"elu", elu_of_1, elul, -DBL_MAX, DBL_MAX, {0.5001, 1}},
    {"erf", weft_erf, erfl, -DBL_MAX, DBL_MAX, {0.509, 1}}, /* in f64 the C library's */
    {"gelu", weft_gelu, gelul, -2, DBL_MAX, {0.509, 10}},    /* 4, and 1.5 a**2 for the rounding of a/sqrt(2) in erfc() */
    {"gelu", weft_gelu, gelul, -35, DBL_MAX, {0.509, 1842}}, /* likewise */
    {"rsqrt", weft_rsqrt, rsqrtl, 5e-324, DBL_MAX, {1.5, 1.5}},
};

enum { FUNCTIONS = sizeof functions / sizeof *functions };

/* The distance from the number of that type next to x to its upper neighbour. */
static double unit_at(long double x, weft_dtype dtype)
{
    int exponent;
    frexpl(x, &exponent);
    int digits = dtype == WEFT_F32 ? FLT_MANT_DIG : DBL_MANT_DIG, least = dtype == WEFT_F32 ? FLT_MIN_EXP - FLT_MANT_DIG : DBL_MIN_EXP - DBL_MANT_DIG;
    return ldexp(1, exponent - digits > least ? exponent - digits : least);
}

/* A third of the arguments over the whole domain, a third of all sizes, a third next to 0 and 1, where functions have zeros and branches. */
static double argument(size_t k, double lowest, double highest)
{
    double u = (double)(k * 2654435761u % UINT32_MAX) / UINT32_MAX, x = 4 * u - 2;
    if (k % 3 == 0)
        x = lowest / 2 + u * (highest / 2 - lowest / 2), x *= 2;
    else if (k % 3 == 1)
        x = ldexp(k % 2 ? 1 + u : -1 - u, (int)(k * 7919 % 2098) - 1074);
    return x < lowest || x > highest ? lowest + u * fmin(highest - lowest, 4) : x;
}

static void run_over(weft_node (*record)(weft_node a), weft_dtype dtype, size_t n, const void *x, void *y)
{
    weft_tape *t = weft_tape_new(NULL);
    weft_node a = weft_input(t, "a", dtype, 1, &n), out = record(a);
    weft_program *p = weft_compile(&out, 1);
    weft_bind(p, a, x, n * weft_dtype_size(dtype));
    ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
    memcpy(y, weft_output(p, 0), n * weft_dtype_size(dtype));
    weft_program_free(p);
    weft_tape_free(t);
}

START_TEST(off_by_no_more_than_is_said)
{
    static float x32[COUNT], y32[COUNT];
    static double x64[COUNT], y64[COUNT];
    weft_dtype dtype = _i % 2 ? WEFT_F64 : WEFT_F32;
    int f = _i / 2;
    double lowest = functions[f].lowest, highest = functions[f].highest;
    for (size_t k = 0; k < COUNT && dtype == WEFT_F32; k++) {
        float x = (float)argument(k, fmax(lowest, -1e38), fmin(highest, 1e38));
        x64[k] = x32[k] = (double)x < lowest ? 1 : x; /* what the domain begins with may round out of it */
    }
    for (size_t k = 0; k < COUNT && dtype == WEFT_F64; k++)
        x64[k] = argument(k, lowest, highest);
    if (dtype == WEFT_F32)
        run_over(functions[f].record, dtype, COUNT, x32, y32);
    else
        run_over(functions[f].record, dtype, COUNT, x64, y64);
    double worst = 0, at = 0;
    for (size_t k = 0; k < COUNT; k++) {
        long double truth = functions[f].truth(x64[k]), got = dtype == WEFT_F32 ? y32[k] : y64[k];
        if (fabsl(truth) > (dtype == WEFT_F32 ? FLT_MAX : DBL_MAX))
            continue;
        double off = (double)fabsl(got - truth) / unit_at(truth, dtype);
        if (!(off <= worst))
            worst = off, at = x64[k];
    }
    ck_assert_msg(worst <= functions[f].ulps[_i % 2], "%s(%.17g) in %s is %.4f ulp off", functions[f].name, at, weft_dtype_name(dtype), worst);
}
END_TEST

START_TEST(ends_of_exp)
{
    static const double x[] = {0, -0.0, INFINITY, -INFINITY, NAN, 1e300, -1e300, 709.79, -745.2, 709.78, -745.13, 1e-300};
    double y[sizeof x / sizeof *x];
    run_over(weft_exp, WEFT_F64, sizeof x / sizeof *x, x, y);
    for (size_t k = 0; k < sizeof x / sizeof *x; k++) {
        bool close = isinf(y[k]) ? y[k] == exp(x[k]) : fabs(y[k] - exp(x[k])) <= 2 * unit_at(expl(x[k]), WEFT_F64); /* each within 1 ulp */
        ck_assert_msg(isnan(x[k]) ? isnan(y[k]) : close, "exp(%g) is %g", x[k], y[k]);
    }
    ck_assert_double_eq(y[0], 1);
    ck_assert_double_eq(y[3], 0);
    ck_assert_double_eq(y[11], 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("accuracy");
    TCase *table = tcase_create("functions");
    tcase_add_loop_test(table, off_by_no_more_than_is_said, 0, 2 * FUNCTIONS);
    tcase_add_test(table, ends_of_exp);
    suite_add_tcase(suite, table);
    return run_suite(suite);
}

/* test_precise.c: the truth in MPFR. Values of functions are held to those of another library, sums and identities to what they are over the reals, every
 * elementwise op to its own f64 kernel, and audits of f64 to errors that are computed here without it. */
#include "engine/judge/precise.h"
#include "tests/faulty.h"
#include "tests/suite.h"

#include <float.h>
#include <math.h>

static weft_tape *t;
static weft_audit_report report;

static void set_up(void)
{
    t = weft_tape_new(NULL);
}

static void tear_down(void)
{
    weft_audit_free(&report);
    weft_tape_free(t);
}

static weft_node number(double value)
{
    return weft_scalar(t, WEFT_F64, value);
}

static weft_node vector(size_t n, const double *data)
{
    return weft_constant(t, WEFT_F64, 1, &n, data);
}

/* A scalar, and with how many bits it was found. */
static double value_of(weft_node y, int *bits)
{
    weft__precise p;
    char message[WEFT_MESSAGE_SIZE];
    ck_assert_msg(weft__precise_run(&p, &y, 1, NULL, 0, 1e9, false, message) == WEFT_OK, "%s", message);
    double value = weft__real_double(weft__precise_at(&p, y, 0));
    if (bits)
        *bits = p.reals.bits;
    weft__precise_free(&p);
    return value;
}

/* --- functions --- */

/* Their values as sums of four doubles, computed by mpmath 1.3.0 with 1400 bits; the rest is below 2**-206 of the whole. */
static const struct {
    const char *name;
    double x, value[4];
} known[] = {
    {"exp", 1.0, {2.7182818284590451, 1.4456468917292502e-16, -2.1277171080381768e-33, 1.5156301598412191e-49}},
    {"exp", -3.7, {0.024723526470339388, -1.294857794723138e-18, 4.4168952955955183e-35, -1.2615270176802097e-51}},
    {"exp", 1e-30, {1, 1.0000000000000001e-30, 5.0000000000000005e-61, 2.9030340210263469e-77}},
    {"exp", 300.5, {3.2025197146036328e+130, 3.4501286508992468e+112, -1.8396336207707501e+96, -1.139668756306767e+80}},
    {"expm1", 1e-120, {9.9999999999999998e-121, 4.9999999999999998e-241, -6.0770265617266552e-258, 0}},
    {"expm1", 0.5, {0.64872127070012819, -4.7315684794358332e-17, -2.3158591640901675e-33, 5.0900284754919991e-50}},
    {"expm1", -40.0, {-1, 4.2483542552915889e-18, 1.2437470802645773e-34, 5.5238968293338448e-51}},
    {"log", 3.0, {1.0986122886681098, -9.07129723500153e-17, -8.6914364731703963e-34, -2.1710424572401075e-50}},
    {"log", 1e-250, {-575.64627324851142, -7.4415689959764427e-16, 2.7610869633311483e-32, -3.8794215757139005e-49}},
    {"log", 1.0000000000000002, {2.2204460492503128e-16, 3.649214750845877e-48, 2.025721119095425e-64, -1.5743015595224269e-80}},
    {"log1p", 1e-120, {9.9999999999999998e-121, -4.9999999999999998e-241, 6.0770265617266552e-258, 0}},
    {"log1p", 0.5, {0.40546510810816438, -2.8811380259626426e-18, 1.0082946435112786e-34, -7.2682201471205264e-51}},
    {"log1p", -0.9999999999999999, {-36.736800569677101, -6.7398329902596056e-16, 3.4460391407805201e-32, 1.556575188727159e-48}},
    {"sin", 1.0, {0.8414709848078965, 1.7768450929355361e-18, -1.4730549161871722e-34, -1.8214039768008931e-51}},
    {"sin", 1e+22, {-0.85220084976718879, -6.7806825896773284e-18, 2.1814517105905874e-34, -1.7079904539298184e-50}},
    {"sin", 3.141592653589793, {1.2246467991473532e-16, -2.99476980971834e-33, 1.4724663542367524e-49, 3.1061372590086772e-66}},
    {"cos", 1.0, {0.54030230586813977, -4.7609546126044172e-17, -2.7465847695890946e-33, -1.2939141570308192e-49}},
    {"cos", 1e+22, {0.52321478539513899, -4.7143201076575164e-17, -2.1262979062203129e-33, -1.7043575766826168e-49}},
    {"cos", 1.5707963267948966, {6.123233995736766e-17, -1.4973849048591698e-33, 1.7358627348860476e-50, 1.4146221330125331e-67}},
    {"tanh", 1e-120, {9.9999999999999998e-121, -0, -0, -0}},
    {"tanh", 0.3, {0.2913126124515909, -6.4602656586469586e-18, -1.4775872133003264e-34, -7.7809569167569317e-52}},
    {"tanh", -20.0, {-1, 8.4967085105831777e-18, 2.1265238829600719e-34, -1.2999179756027012e-50}},
    {"erf", 0.3, {0.32862675945912739, 2.2908254446982777e-17, -6.7789081142888421e-34, 3.8377903967934749e-50}},
    {"erf", -4.0, {-0.99999998458274209, -1.4482653192002499e-17, -5.9675173032126844e-34, 3.221546838509065e-50}},
    {"erf", 1e-60, {1.1283791670955126e-60, -1.2743168872117787e-77, 8.7284788272691017e-94, 4.6293981564876618e-110}},
    {"sqrt", 2.0, {1.4142135623730951, -9.6672933134529135e-17, 4.1386753086994136e-33, 4.9355469914683509e-50}},
    {"sqrt", 1e-300, {1e-150, 6.2341876854314154e-168, 4.0063665429050079e-184, 1.3268915780340666e-200}},
    {"rsqrt", 3.0, {0.57735026918962573, 3.3450280739356345e-17, -2.5529766898708479e-33, -1.5336978290157996e-49}},
    {"reciprocal", 3.0, {0.33333333333333331, 1.8503717077085941e-17, 1.0271626370065257e-33, 5.7018980481966837e-50}},
    {"reciprocal", -7e+200, {-1.4285714285714286e-201, 2.6463992179130297e-218, -2.2265073841603694e-234, -4.3240912377422742e-251}},
    {"square", 1.1, {1.2100000000000002, 8.8817841970012602e-18, 0, 0}},
    {"sigmoid", -300.25, {4.0094223646228571e-131, -9.4218457466656548e-148, 2.7596891049416276e-164, -1.6796820426852867e-180}},
    {"sigmoid", 0.7, {0.66818777216816605, 4.6882662817831034e-17, 2.9722680547693942e-33, 6.8364378627511478e-50}},
    {"sigmoid", 40.0, {1, -4.2483542552915889e-18, -1.0632619414800359e-34, 6.4995898780135061e-51}},
    {"silu", -300.25, {-1.2038290649780128e-128, 1.4524770574979809e-145, -7.4942515261439549e-163, 5.6079438407120858e-179}},
    {"silu", 0.7, {0.46773144051771626, -1.9060094497384858e-17, -1.2340159947130044e-33, -8.4140152151254259e-50}},
    {"softplus", -300.25, {4.0094223646228571e-131, -9.4218457466656548e-148, 2.7596891049416276e-164, -1.6796820426852867e-180}},
    {"softplus", 0.7, {1.1031860488854579, -4.0361251287097393e-17, -5.4132004440970564e-34, 1.1728216925731421e-50}},
    {"softplus", 50.0, {50, 1.9287498479639178e-22, -3.7546287075038893e-39, -1.3903605733301201e-55}},
    {"gelu", -20.0, {-5.5072482372124676e-88, 2.2364193890143256e-104, -1.0366402627686584e-120, -3.5251448048297093e-137}},
    {"gelu", 0.7, {0.53062544344384888, -3.0207371281958334e-17, 5.8746844229091555e-34, -3.4582864163899479e-50}},
    {"gelu", 3.0, {2.9959503059051098, -8.41993124187965e-17, 3.3285929962146706e-33, 3.4132280977621971e-49}},
};

static weft_node call(const char *name, weft_node x)
{
    weft_function function;
    ck_assert(weft_function_find(name, strlen(name), &function));
    return weft_record(function.op, &x, 1, NULL);
}

START_TEST(functions_have_the_values_of_another_library)
{
    weft_node y = call(known[_i].name, number(known[_i].x)), sum = number(known[_i].value[3]);
    for (int k = 2; k >= 0; k--)
        sum = weft_add(sum, number(known[_i].value[k]));
    ck_assert_double_eq(value_of(y, NULL), known[_i].value[0]);
    ck_assert_double_le(fabs(value_of(weft_sub(y, sum), NULL)), 1e-62 * fabs(known[_i].value[0]));
}
END_TEST

/* --- over the reals --- */

/* 1 + 1/2 + ... + 1/20 = 55835135/15519504 */
START_TEST(what_cancels_is_zero)
{
    double k[20];
    for (int i = 0; i < 20; i++)
        k[i] = i + 1;
    weft_node x = number(0.7), s = weft_sin(x), c = weft_cos(x), sum = weft_sum(weft_reciprocal(vector(20, k)), WEFT_ALL_AXES, false);
    const weft_node zero[] = {
        weft_sub(weft_mul(sum, number(15519504)), number(55835135)),
        weft_sub(weft_add(weft_mul(s, s), weft_mul(c, c)), number(1)),
        weft_sub(weft_exp(weft_log(x)), x),
        weft_sub(weft_log(weft_exp(x)), x),
        weft_sub(weft_exp(weft_log(number(1e300))), number(1e300)),
        weft_log(weft_mul(x, weft_reciprocal(x))),
    };
    int bits;
    for (size_t i = 0; i < sizeof zero / sizeof *zero; i++) {
        ck_assert_double_eq(value_of(zero[i], &bits), 0);
        ck_assert_int_eq(bits, WEFT__MANY_BITS);
        ck_assert_double_eq(value_of(weft_add(zero[i], number(1e-300)), NULL), 1e-300);
    }
    value_of(sum, &bits);
    ck_assert_int_eq(bits, WEFT__FEW_BITS);
}
END_TEST

START_TEST(nothing_vanishes_in_a_sum)
{
    weft_node one = number(1), small = number(5e-324), large = number(DBL_MAX);
    ck_assert_double_eq(value_of(weft_sub(weft_add(one, small), one), NULL), 5e-324);
    ck_assert_double_eq(value_of(weft_sub(weft_add(large, small), large), NULL), 5e-324);
    ck_assert_double_eq(value_of(weft_sub(weft_add(number(1e300), one), number(1e300)), NULL), 1);
    ck_assert_double_eq(value_of(weft_log(weft_add(one, number(1e-100))), NULL), 1e-100);
    ck_assert_double_eq(value_of(weft_div(weft_mul(large, large), large), NULL), DBL_MAX); /* beyond f64 in between */
}
END_TEST

/* Differences of what is equal are no reason to choose. 0.1 * 3 is not 0.3 of doubles, and 3 (1/3) is 1. */
START_TEST(decisions_are_those_of_the_reals)
{
    weft_node third = weft_div(number(1), number(3)), one = weft_mul(third, number(3));
    ck_assert_double_eq(value_of(weft_equal(one, number(1)), NULL), 1);
    ck_assert_double_eq(value_of(weft_greater(one, number(1)), NULL), 0);
    ck_assert_double_eq(value_of(weft_floor(one), NULL), 1);
    ck_assert_double_eq(value_of(weft_floor(weft_sub(one, number(1e-30))), NULL), 0);
    ck_assert_double_eq(value_of(weft_greater(weft_mul(number(0.1), number(3)), number(0.3)), NULL), 1);
    ck_assert_double_eq(value_of(weft_sign(weft_sub(one, number(1))), NULL), 0);
    ck_assert_double_eq(value_of(weft_cast(weft_cast(one, WEFT_I64), WEFT_F64), NULL), 1);
    ck_assert_double_eq(value_of(weft_cast(weft_cast(number(-2.75), WEFT_I64), WEFT_F64), NULL), -2);
    ck_assert_double_eq(value_of(weft_cast(weft_argmax(vector(3, (double[]){1, 3, 3}), 0, false), WEFT_F64), NULL), 1);
    ck_assert_double_nan(value_of(weft_max(vector(3, (double[]){1, NAN, 3}), WEFT_ALL_AXES, false), NULL));
    ck_assert_double_eq(value_of(weft_cast(weft_argmin(vector(3, (double[]){1, NAN, -3}), 0, false), WEFT_F64), NULL), 1);
}
END_TEST

/* With any number of bits some of these squares are above the number and some are below. */
START_TEST(a_square_of_a_root_is_the_number)
{
    weft_node n = number(_i), square = weft_square(weft_sqrt(n)), minus = weft_neg(square);
    ck_assert_double_eq(value_of(weft_equal(square, n), NULL), 1);
    ck_assert_double_eq(value_of(weft_less(square, n), NULL), 0);
    ck_assert_double_eq(value_of(weft_greater(square, n), NULL), 0);
    ck_assert_double_eq(value_of(weft_floor(square), NULL), _i);
    ck_assert_double_eq(value_of(weft_floor(minus), NULL), -_i);
    ck_assert_double_eq(value_of(weft_cast(weft_cast(square, WEFT_I64), WEFT_F64), NULL), _i);
    ck_assert_double_eq(value_of(weft_cast(weft_cast(minus, WEFT_I64), WEFT_F64), NULL), -_i);
}
END_TEST

/* --- every elementwise op against its f64 kernel --- */

/* As test_accuracy.c has them, in [-2, 2]; sin, cos and pow of the C library are within 1, elu adds the rounding of a product that is half as large. */
static double allowed(const char *name)
{
    static const struct {
        const char *name;
        double ulps;
    } bounds[] = {{"exp", 1}, {"expm1", 1}, {"log", 1}, {"log1p", 1}, {"tanh", 3}, {"sigmoid", 3}, {"softplus", 2}, {"silu", 3}, {"elu", 2.5}, {"erf", 1},
                  {"gelu", 10}, {"rsqrt", 1.5}, {"sin", 1}, {"cos", 1}, {"pow", 1}};
    for (size_t k = 0; k < sizeof bounds / sizeof *bounds; k++)
        if (!strcmp(bounds[k].name, name))
            return bounds[k].ulps;
    return 0.5;
}

static weft_audit_row row_of(weft_node x)
{
    for (size_t k = 0; k < report.n_rows; k++)
        if (report.rows[k].node.id == x.id)
            return report.rows[k];
    ck_abort_msg("%%%u has no row", x.id);
}

static void audit(weft_node y)
{
    weft_audit_free(&report);
    ck_assert_msg(weft_audit(&y, 1, NULL, &report) == WEFT_OK, "%s", weft_tape_message(t));
    ck_assert_int_eq(report.truth, WEFT_TRUTH_MPFR);
}

enum { SPECIALS = 8, PLAIN = 120, CASES = SPECIALS * SPECIALS * SPECIALS + PLAIN };

START_TEST(every_elementwise_op_is_its_kernel)
{
    static const double special[SPECIALS] = {NAN, INFINITY, -INFINITY, 0.0, -0.0, 1, -1, 2};
    static double data[3][CASES];
    const weft_op *op = weft_op_at((size_t)_i);
    if (op->kind != WEFT_ELEMENTWISE)
        return;
    for (size_t k = 0; k < CASES; k++)
        for (size_t i = 0, step = 1; i < 3; i++, step *= SPECIALS) {
            double u = (double)((3 * k + i) * 2654435761u % UINT32_MAX) / UINT32_MAX * 4 - 2;
            data[i][k] = k < CASES - PLAIN ? special[k / step % SPECIALS] : k % 4 ? u : ldexp(u, -(int)(k % 60));
        }
    weft_node x[3] = {vector(CASES, data[0]), vector(CASES, data[1]), vector(CASES, data[2])}, y = weft_record(op, x, op->arity, NULL);
    audit(y);
    weft_ulps made = row_of(y).made;
    size_t k = made.worst;
    ck_assert_msg(made.largest <= allowed(op->name), "%s(%.17g, %.17g, %.17g) is %g ulp off", op->name, data[0][k], data[1][k], data[2][k], made.largest);
}
END_TEST

/* --- audits of f64 --- */

static double ulp(double x)
{
    return nextafter(fabs(x), INFINITY) - fabs(x);
}

/* The errors of root and square cancel where f64 gives the number itself; the truth, which is off by 2**-250 or so, is then not taken for another. */
START_TEST(a_result_that_is_right_has_no_error)
{
    int right = 0;
    for (int n = 2; n < 60; n++) {
        audit(weft_square(weft_sqrt(number(n))));
        double root = sqrt((double)n), off = fabs(root * root - n) / ulp(n);
        ck_assert_double_eq(report.outputs[0][WEFT_AUDIT_STAGED].largest, off);
        right += off == 0 && floor(root) != root;
    }
    ck_assert_int_gt(right, 10);
}
END_TEST

/* What a + b loses, exactly. Source: Moller, 1965; Knuth, The art of computer programming 2, 4.2.2, theorem B. */
static double lost(double a, double b)
{
    volatile double s = a + b, bb = s - a;
    return (a - (s - bb)) + (b - bb);
}

enum { N = 8 };

/* 1 + x is s + lost, so ln s = ln(1 + x) + log1p(-lost / (1 + x)) */
START_TEST(log_of_one_plus_x_loses_in_the_sum)
{
    static const double small[N] = {1.1e-9, -2.3e-10, 3.7e-12, 4.9e-10, -1.3e-11, 7.7e-10, 9.1e-12, -5.3e-10};
    weft_node sum = weft_add(vector(N, small), number(1)), y = weft_log(sum);
    double made = 0, carried = 0;
    for (int i = 0; i < N; i++) {
        double off = lost(small[i], 1);
        made = fmax(made, fabs(off) / (small[i] < 0 ? 0x1p-53 : 0x1p-52));
        carried = fmax(carried, fabs(log1p(-off / (1 + small[i]))) / ulp(log1p(small[i])));
    }
    audit(y);
    ck_assert_uint_eq(report.rows[0].node.id, sum.id);
    ck_assert_double_eq_tol(report.rows[0].made.largest, made, 1e-12);
    ck_assert_double_eq_tol(report.rows[0].carried.largest, carried, 1e-9 * carried);
    ck_assert_double_gt(carried, 1e4);
    ck_assert_double_eq_tol(row_of(y).inherited.largest, carried, 1e-9 * carried);
    audit(weft_log1p(vector(N, small)));
    ck_assert_double_le(report.rows[0].carried.largest, 1);
}
END_TEST

/* Of 1 + 1e-100 a part of 1e-85 ulp is rounded away, which is the whole of its logarithm. */
START_TEST(what_is_far_below_an_ulp_counts_too)
{
    weft_node sum = weft_add(number(1), number(1e-100)), y = weft_log(sum);
    audit(y);
    ck_assert_uint_eq(report.rows[0].node.id, sum.id);
    ck_assert_double_eq_tol(report.rows[0].carried.largest, 1e-100 / ulp(1e-100), 1);
    ck_assert_double_eq_tol(report.outputs[0][WEFT_AUDIT_STAGED].largest, 1e-100 / ulp(1e-100), 1);
}
END_TEST

static const double plain[N] = {0.3, -1.2, 2.5, 1.1, 0.4, -0.7, -0.9, 2.2};

/* Not before the mean is taken off, but where the offset is added, digits are lost, and where the mean is rounded. */
START_TEST(batchnorm_loses_in_an_offset)
{
    static const double ones[] = {1}, zeros[] = {0};
    weft_node h = weft_constant(t, WEFT_F64, 2, (size_t[]){N, 1}, plain), moved = weft_add(h, number(1e8));
    weft_node gamma = vector(1, ones), beta = vector(1, zeros), y = weft_batchnorm(moved, gamma, beta, 1e-5), fused = weft_fused_batchnorm(moved, gamma, beta, 1e-5);
    double made = 0;
    for (int i = 0; i < N; i++)
        made = fmax(made, fabs(lost(plain[i], 1e8)) / ulp(1e8));
    ck_assert_msg(weft_audit(&y, 1, &(weft_audit_options){.fused = &fused}, &report) == WEFT_OK, "%s", weft_tape_message(t));
    ck_assert(report.rows[0].node.id == moved.id || report.rows[1].node.id == moved.id);
    ck_assert_double_eq_tol(row_of(moved).made.largest, made, 1e-9);
    ck_assert_double_gt(row_of(moved).carried.largest, 1e6);
    ck_assert_double_lt(row_of(y).made.largest, 0.51);
    ck_assert_double_gt(report.outputs[0][WEFT_AUDIT_FUSED].largest, 1e6);
    audit(weft_part(fused, 1)); /* a part of an op that is written out */
    ck_assert_double_eq_tol(row_of(moved).made.largest, made, 1e-9);
}
END_TEST

/* Of 2**27 + {0, .. 7} the variance is 5.25. Squares near 2**54 are rounded to fours. */
START_TEST(the_variance_in_one_pass_loses_all)
{
    double h[N];
    for (int i = 0; i < N; i++)
        h[i] = 0x1p27 + i;
    weft_node x = vector(N, h), mean = weft_mean(x, WEFT_ALL_AXES, false);
    weft_node one = weft_sub(weft_mean(weft_mul(x, x), WEFT_ALL_AXES, false), weft_mul(mean, mean)), two = weft_variance(x, WEFT_ALL_AXES, false);
    weft_program *p = weft_compile_with(&one, 1, &(weft_options){.rewriting = WEFT_REWRITE_NONE});
    ck_assert_int_eq(weft_run(p), WEFT_OK);
    double off = fabs(*(const double *)weft_output(p, 0) - 5.25) / ulp(5.25);
    weft_program_free(p);
    audit(one);
    ck_assert_double_eq(report.outputs[0][WEFT_AUDIT_RECORDED].largest, off);
    ck_assert_double_gt(off, 1e13);
    ck_assert_double_eq(row_of(one).made.largest, 0); /* by Sterbenz */
    audit(two);
    ck_assert_double_eq(report.outputs[0][WEFT_AUDIT_STAGED].largest, 0);
}
END_TEST

/* exp(1000) is 1.97e434, and times 0 that is 0; f64 makes Inf and NaN of it. */
START_TEST(what_f64_does_not_hold_is_an_infinite_error)
{
    weft_node power = weft_exp(number(1000)), y = weft_mul(power, number(0));
    audit(y);
    ck_assert_uint_eq(report.rows[0].node.id, power.id);
    ck_assert_double_eq(report.rows[0].made.largest, INFINITY);
    ck_assert_double_eq(report.rows[0].carried.largest, INFINITY);
    ck_assert_double_eq(row_of(y).made.largest, 0);
    ck_assert_double_eq(report.outputs[0][WEFT_AUDIT_STAGED].largest, INFINITY);
}
END_TEST

/* A number of f32 in a graph of f64, both against MPFR: each in ulp of its own. */
START_TEST(both_number_types_are_audited)
{
    weft_node x = weft_constant(t, WEFT_F32, 0, NULL, (float[]){3}), third = weft_div(weft_scalar(t, WEFT_F32, 1), x), wide = weft_cast(third, WEFT_F64);
    weft_node y = weft_mul(wide, number(3));
    audit(y);
    ck_assert_double_eq_tol(row_of(third).made.largest, 1.0 / 3, 1e-6); /* the float next to 1/3 is 2**-25/3 off, and an ulp is 2**-25 */
    ck_assert_double_eq(row_of(wide).made.largest, 0);
    ck_assert_double_gt(row_of(third).carried.largest, 1e7);
}
END_TEST

START_TEST(ops_of_all_kinds_are_audited)
{
    weft_node x = weft_constant(t, WEFT_F64, 2, (size_t[]){4, 2}, plain), index = weft_constant(t, WEFT_I64, 1, (size_t[]){3}, (int64_t[]){2, 0, 3});
    weft_node g = vector(2, plain), f = weft_fused_batchnorm(x, g, g, 1e-2), taken = weft_take(weft_add(f, weft_part(f, 1)), index, 0);
    weft_node hot = weft_one_hot(weft_argmax(x, 1, false), 2, WEFT_F64), seed = weft_constant(t, WEFT_I64, 0, NULL, (int64_t[]){5});
    weft_node noise = weft_normal(seed, number(0), 1, WEFT_F64, 1, (size_t[]){2});
    weft_node product = weft_sum(weft_matmul(taken, weft_transpose(hot, NULL)), WEFT_ALL_AXES, false);
    weft_node y = weft_add(product, weft_mul(noise, weft_slice(g, (ptrdiff_t[]){0}, (ptrdiff_t[]){2}, (ptrdiff_t[]){1})));
    audit(y);
    ck_assert_double_eq(row_of(hot).made.largest, 0);
    ck_assert_double_eq(row_of(noise).made.largest, 0);
    ck_assert_double_gt(row_of(f).made.largest, 0);
    ck_assert_double_lt(row_of(f).made.largest, 4);
    ck_assert_double_gt(report.outputs[0][WEFT_AUDIT_STAGED].largest, 0);
    ck_assert_double_lt(report.outputs[0][WEFT_AUDIT_STAGED].largest, 100);
}
END_TEST

/* --- use --- */

static weft_op secret; /* exp, but no exact form */

START_TEST(what_cannot_be_evaluated_is_refused_by_name)
{
    weft_function function;
    ck_assert(weft_function_find("exp", 3, &function));
    secret = *function.op;
    secret.name = "secret";
    secret.exact = NULL;
    const size_t large[] = {1024, 1025}, square[] = {350, 350};
    weft_node x = number(2), big = weft_broadcast(x, 2, large), matrix = weft_broadcast(x, 2, square), product = matrix;
    for (int k = 0; k < 3; k++)
        product = weft_matmul(product, matrix);
    const struct {
        weft_node y;
        const char *says;
    } uses[] = {
        {weft_record(&secret, &x, 1, NULL), "secret: its weft_op gives no exact form"},
        {weft_exp(big), "more than 2**20 elements"},
        {product, "more arithmetic than"},
        {weft_cast(weft_cast(weft_exp(number(50)), WEFT_I64), WEFT_F64), "fits no i64"},
        {weft_input(t, "x", WEFT_F64, 0, NULL), "not bound"},
    };
    for (size_t k = 0; k < sizeof uses / sizeof *uses; k++) {
        weft__precise p;
        char message[WEFT_MESSAGE_SIZE] = "";
        ck_assert_int_eq(weft__precise_run(&p, &uses[k].y, 1, NULL, 0, 1e7, false, message), WEFT_ERROR_ARGUMENT);
        ck_assert_msg(strstr(message, uses[k].says) != NULL, "\"%s\" does not say \"%s\"", message, uses[k].says);
        weft__precise_free(&p);
    }
    weft_mark mark = weft_tape_mark(t);
    ck_assert_int_eq(weft_audit(&uses[0].y, 1, NULL, &report), WEFT_ERROR_ARGUMENT);
    ck_assert_msg(strstr(weft_tape_message(t), uses[0].says), "%s", weft_tape_message(t));
    weft_tape_rewind(t, mark);
}
END_TEST

static weft_status audit_some(weft_tape *tape)
{
    weft_audit_report found;
    weft_node h = weft_constant(tape, WEFT_F64, 2, (size_t[]){4, 2}, plain), g = weft_constant(tape, WEFT_F64, 1, (size_t[]){2}, plain);
    weft_node seed = weft_constant(tape, WEFT_I64, 0, NULL, (int64_t[]){5});
    weft_node noise = weft_uniform(seed, weft_scalar(tape, WEFT_F64, 0), 1, WEFT_F32, 2, (size_t[]){4, 2});
    weft_node y = weft_mul(weft_softmax(weft_fused_layernorm(h, g, g, 0.1), -1), weft_cast(noise, WEFT_F64)), fused = weft_fused_softmax(h, -1);
    weft_status status = weft_audit(&y, 1, &(weft_audit_options){.fused = &fused}, &found);
    weft_audit_free(&found);
    return status;
}

START_TEST(every_allocation_may_fail)
{
    faulty f = {0};
    weft_allocator allocator = faulty_allocator(&f);
    weft_tape *tape = weft_tape_new(&allocator);
    ck_assert_msg(audit_some(tape) == WEFT_OK, "%s", weft_tape_message(tape));
    weft_tape_free(tape);
    ck_assert_uint_eq(f.live, 0);
    size_t all = f.count, step = all / 300 + 1;
    for (size_t n = 2; n <= all; n += step) {
        f = (faulty){.fail_at = n};
        tape = weft_tape_new(&allocator);
        weft_mark mark = weft_tape_mark(tape);
        weft_status status = audit_some(tape);
        ck_assert_msg(status == WEFT_ERROR_MEMORY || (status == WEFT_OK && f.count < n), "allocation %zu of %zu: %d %s", n, all, status, weft_tape_message(tape));
        weft_tape_rewind(tape, mark);
        weft_tape_free(tape);
        ck_assert_uint_eq(f.live, 0);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("precise");
    TCase *precise = tcase_create("precise");
    tcase_add_checked_fixture(precise, set_up, tear_down);
    tcase_set_timeout(precise, 240);
    tcase_add_loop_test(precise, functions_have_the_values_of_another_library, 0, (int)(sizeof known / sizeof *known));
    tcase_add_test(precise, what_cancels_is_zero);
    tcase_add_test(precise, nothing_vanishes_in_a_sum);
    tcase_add_test(precise, decisions_are_those_of_the_reals);
    tcase_add_loop_test(precise, a_square_of_a_root_is_the_number, 2, 14);
    tcase_add_loop_test(precise, every_elementwise_op_is_its_kernel, 0, (int)weft_op_count());
    tcase_add_test(precise, a_result_that_is_right_has_no_error);
    tcase_add_test(precise, log_of_one_plus_x_loses_in_the_sum);
    tcase_add_test(precise, what_is_far_below_an_ulp_counts_too);
    tcase_add_test(precise, batchnorm_loses_in_an_offset);
    tcase_add_test(precise, the_variance_in_one_pass_loses_all);
    tcase_add_test(precise, what_f64_does_not_hold_is_an_infinite_error);
    tcase_add_test(precise, both_number_types_are_audited);
    tcase_add_test(precise, ops_of_all_kinds_are_audited);
    tcase_add_test(precise, what_cannot_be_evaluated_is_refused_by_name);
    tcase_add_test(precise, every_allocation_may_fail);
    suite_add_tcase(suite, precise);
    return run_suite(suite);
}

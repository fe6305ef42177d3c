/* test_prove_field.c: the prime fields that weft_prove() works in: that they are fields in which squares can stand for positive numbers, and that
 * arithmetic in them, and constants, are right. */
#include "engine/judge/field.h"
#include "engine/judge/random.h"
#include "tests/suite.h"

#include <math.h>

/* Products by doubling, which no trick is in. */
static uint64_t product(uint64_t a, uint64_t b, uint64_t p)
{
    uint64_t y = 0;
    for (; b; b >>= 1, a = a * 2 % p)
        y = b & 1 ? (y + a) % p : y;
    return y;
}

static uint64_t power(uint64_t a, uint64_t n, uint64_t p)
{
    uint64_t y = 1;
    for (; n; n >>= 1, a = product(a, a, p))
        y = n & 1 ? product(y, a, p) : y;
    return y;
}

static const uint64_t small[] = {2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43};
enum { SMALL = sizeof small / sizeof *small };

/* Miller and Rabin, with the bases that decide it below 3.3e24 (Sorenson and Webster, 2015: 2 to 41). p - 1 is twice an odd number. */
START_TEST(they_are_primes)
{
    uint64_t p = weft__field_prime((size_t)_i);
    ck_assert(p > (uint64_t)1 << 60 && p < (uint64_t)1 << 62 && p % 4 == 3 && (double)p >= weft__field_least());
    for (int k = 0; k < SMALL; k++) {
        uint64_t y = power(small[k], (p - 1) / 2, p);
        ck_assert(y == 1 || y == p - 1);
    }
}
END_TEST

START_TEST(small_whole_numbers_are_squares)
{
    uint64_t p = weft__field_prime((size_t)_i);
    for (int k = 0; k < SMALL; k++)
        ck_assert_uint_eq(power(small[k], (p - 1) / 2, p), 1);
    ck_assert_uint_eq(power(p - 1, (p - 1) / 2, p), p - 1);
}
END_TEST

/* The number n/d for n = a d modulo p, by the field's own arithmetic; the constant 1 has degree 0. */
START_TEST(arithmetic_is_that_of_the_field)
{
    weft_field f;
    weft__field_start(&f, (size_t)_i);
    weft__field_point(&f, 1);
    uint64_t state = 5, p = f.p;
    weft_exact_number power32 = weft_exact_whole(&f, (int64_t)1 << 32);
    for (int k = 0; k < 200; k++) {
        uint64_t a = weft__random(&state) % p, b = weft__random(&state) % p, c = product(a, b, p);
        weft_exact_number x[3];
        const uint64_t plain[] = {a, b, c};
        for (int i = 0; i < 3; i++)
            x[i] = weft_exact_add(&f, weft_exact_mul(&f, power32, weft_exact_whole(&f, (int64_t)(plain[i] >> 32))),
                                  weft_exact_whole(&f, (int64_t)(plain[i] & UINT32_MAX)));
        ck_assert_uint_eq(weft_exact_mul(&f, x[0], x[1]).value, x[2].value);
        ck_assert_uint_eq(weft_exact_div(&f, x[2], x[1]).value, x[0].value);
        ck_assert_uint_eq(weft_exact_sub(&f, weft_exact_add(&f, x[0], x[2]), x[2]).value, x[0].value);
        ck_assert_uint_eq(weft_exact_power(&f, x[0], 6).value, weft_exact_mul(&f, x[0], weft_exact_mul(&f, x[0], x[0])).value);
        ck_assert_uint_eq(weft_exact_mul(&f, weft_exact_power(&f, x[0], -4), weft_exact_power(&f, x[0], 4)).value, weft_exact_whole(&f, 1).value);
        weft_exact_number square = weft_exact_mul(&f, x[0], x[0]), root = weft_exact_power(&f, square, 1);
        ck_assert_uint_eq(weft_exact_mul(&f, root, root).value, square.value);
        x[0].real = root.real = NAN; /* no constants, whose sign is known */
        ck_assert_int_eq(weft_exact_compare(&f, root, weft_exact_whole(&f, 0)), 1);
        ck_assert_int_eq(weft_exact_compare(&f, x[0], x[1]), -weft_exact_compare(&f, x[1], x[0]));
    }
    ck_assert_uint_eq(weft_exact_add(&f, weft_exact_whole(&f, -7), weft_exact_whole(&f, 7)).value, 0);
    ck_assert_ptr_null(f.again);
    ck_assert_ptr_null(f.refused);
}
END_TEST

static weft_exact_number fraction(weft_field *f, int64_t n, int64_t d)
{
    return weft_exact_div(f, weft_exact_whole(f, n), weft_exact_whole(f, d));
}

START_TEST(constants_are_the_fractions_meant)
{
    static const struct {
        double value;
        bool narrow;
        int64_t n, d;
    } cases[] = {
        {0.1, false, 1, 10}, {0.1 + 0.2, false, 3, 10}, {0.3 * (1 + 0x1p-48), false, 2702159776422307, (int64_t)1 << 53},
        {1e-5, false, 1, 100000}, {1.0 / 3, false, 1, 3}, {-2.0 / 7, false, -2, 7}, {0.5, false, 1, 2}, {0, false, 0, 1}, {-0.0, false, 0, 1},
        {123456, false, 123456, 1}, {4503.1, false, 45031, 10}, {999983.0 / 1e6, false, 999983, 1000000}, {22.0 / 21, false, 22, 21},
        {(double)0.1f, true, 1, 10}, {(double)(1.0f / 3), true, 1, 3}, {0x1p-40, false, 1, (int64_t)1 << 40}, {0x1.8p60, false, (int64_t)3 << 59, 1},
        {0x1.921fb54442d18p1, false, 884279719003555, (int64_t)1 << 48}, /* pi */
        {(double)0.1f, false, 13421773, (int64_t)1 << 27},               /* an f64 that was an f32 is what it is */
    };
    weft_field f;
    weft__field_start(&f, 3);
    weft__field_point(&f, 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        weft_exact_number y = weft__field_constant(&f, cases[i].value, cases[i].narrow);
        ck_assert_msg(y.value == fraction(&f, cases[i].n, cases[i].d).value && y.real == cases[i].value, "%.17g", cases[i].value);
    }
    weft_exact_number tiny = weft__field_constant(&f, 0x1p-1074, false), huge = weft__field_constant(&f, 0x1p1000, false);
    ck_assert_uint_eq(weft_exact_mul(&f, tiny, huge).value, weft__field_constant(&f, 0x1p-74, false).value);
    ck_assert_uint_eq(weft_exact_mul(&f, weft__field_constant(&f, 0x1p-74, false), fraction(&f, (int64_t)1 << 60, 1)).value, fraction(&f, 1, 1 << 14).value);
}
END_TEST

/* The degree of a quotient of polynomials, counted by hand: ((x + y)**2 + 1) / (x y) - x**3 has the numerator (x + y)**2 + 1 - x**4 y. */
START_TEST(degrees_are_bounds)
{
    weft_field f;
    weft__field_start(&f, 0);
    weft__field_point(&f, 1);
    uint64_t state = 3;
    weft_exact_number x = weft__field_draw(&f, &state), y = weft__field_draw(&f, &state), one = weft_exact_whole(&f, 1);
    weft_exact_number q = weft_exact_div(&f, weft_exact_add(&f, weft_exact_power(&f, weft_exact_add(&f, x, y), 4), one), weft_exact_mul(&f, x, y));
    weft_exact_number z = weft_exact_sub(&f, q, weft_exact_power(&f, x, 6));
    ck_assert(z.degree == 5 && z.divisor == 2);
    z = weft_exact_power(&f, weft_exact_power(&f, z, 4), -1);
    ck_assert(z.degree == 2 && z.divisor == 5); /* the root of a square, turned over */
    ck_assert(one.degree == 0 && weft_exact_mul(&f, z, weft_exact_whole(&f, 0)).degree == 0);
}
END_TEST

/* exp and the others: the same for equal operands, another at another point, and the symmetries that are promised. */
START_TEST(symbols_are_functions)
{
    weft_field f;
    weft__field_start(&f, 0);
    weft__field_point(&f, 1);
    uint64_t state = 3;
    weft_exact_number x = weft__field_draw(&f, &state), y = weft__field_draw(&f, &state), zero = weft_exact_whole(&f, 0), one = weft_exact_whole(&f, 1);
    weft_exact_number minus = weft_exact_sub(&f, zero, x), first = weft_exact_symbol(&f, "sin", WEFT_ODD, &x, 1);
    ck_assert_uint_eq(first.value, weft_exact_symbol(&f, "sin", WEFT_ODD, &x, 1).value);
    ck_assert_uint_ne(first.value, weft_exact_symbol(&f, "sin", WEFT_ODD, &y, 1).value);
    ck_assert_uint_ne(first.value, weft_exact_symbol(&f, "cos", WEFT_ODD, &x, 1).value);
    ck_assert_uint_eq(weft_exact_add(&f, first, weft_exact_symbol(&f, "sin", WEFT_ODD, &minus, 1)).value, 0);
    ck_assert_uint_eq(weft_exact_symbol(&f, "cos", WEFT_EVEN, &x, 1).value, weft_exact_symbol(&f, "cos", WEFT_EVEN, &minus, 1).value);
    ck_assert_uint_ne(weft_exact_symbol(&f, "f", WEFT_NEITHER, &x, 1).value, weft_exact_symbol(&f, "f", WEFT_NEITHER, &minus, 1).value);
    ck_assert_uint_eq(weft_exact_symbol(&f, "sin", WEFT_ODD, &zero, 1).value, 0);
    ck_assert_uint_eq(weft_exact_exp(&f, zero).value, one.value);
    ck_assert_uint_eq(weft_exact_log(&f, one).value, 0);
    ck_assert_uint_eq(weft_exact_mul(&f, weft_exact_exp(&f, x), weft_exact_exp(&f, minus)).value, one.value);
    ck_assert_int_eq(weft_exact_compare(&f, weft_exact_exp(&f, x), zero), 1);
    weft__field_point(&f, 2);
    ck_assert_uint_ne(first.value, weft_exact_symbol(&f, "sin", WEFT_ODD, &x, 1).value);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("prove_field");
    TCase *fields = tcase_create("fields");
    tcase_add_loop_test(fields, they_are_primes, 0, WEFT__FIELDS);
    tcase_add_loop_test(fields, small_whole_numbers_are_squares, 0, WEFT__FIELDS);
    tcase_add_loop_test(fields, arithmetic_is_that_of_the_field, 0, WEFT__FIELDS);
    tcase_add_test(fields, constants_are_the_fractions_meant);
    tcase_add_test(fields, degrees_are_bounds);
    tcase_add_test(fields, symbols_are_functions);
    suite_add_tcase(suite, fields);
    return run_suite(suite);
}

/* test_indexing.c: what weft.h promises of ops along an axis beyond their values: indices out of range, NaNs and ties, products with zeros among the
 * factors, arrays without elements, integers that no derivative passes, and how precise sums so far are. */
#include "tests/samples.h"
#include "tests/suite.h"

#include <math.h>

static weft_tape *t;

static void setup(void)
{
    t = weft_tape_new(NULL);
}

static void teardown(void)
{
    weft_tape_free(t);
}

static weft_node f64(int rank, const size_t *dim, const double *data)
{
    return weft_constant(t, WEFT_F64, rank, dim, data);
}

static weft_node i64(int rank, const size_t *dim, const int64_t *data)
{
    return weft_constant(t, WEFT_I64, rank, dim, data);
}

#define VECTOR(...) f64(1, (size_t[]){sizeof((double[]){__VA_ARGS__}) / sizeof(double)}, (double[]){__VA_ARGS__})
#define INDEX_OF(...) i64(1, (size_t[]){sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)}, (int64_t[]){__VA_ARGS__})

static void expect_ok(void)
{
    ck_assert_msg(weft_tape_status(t) == WEFT_OK, "%s", weft_tape_message(t));
}

/* Bit by bit, but for the sign of a NaN. */
static void expect_f64(weft_node y, const double *expected, size_t n)
{
    expect_ok();
    weft_shape shape = weft_node_shape(y);
    ck_assert_uint_eq(weft_shape_count(&shape), n);
    weft_program *p = weft_compile(&y, 1);
    ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
    const double *got = weft_output(p, 0);
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(got[i] == expected[i] || (got[i] != got[i] && expected[i] != expected[i]), "[%zu] is %.17g, not %.17g", i, got[i], expected[i]);
    weft_program_free(p);
}

static void expect_i64(weft_node y, const int64_t *expected, size_t n)
{
    expect_ok();
    ck_assert_int_eq(weft_node_dtype(y), WEFT_I64);
    weft_program *p = weft_compile(&y, 1);
    ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
    for (size_t i = 0; i < n; i++)
        ck_assert_int_eq(((const int64_t *)weft_output(p, 0))[i], expected[i]);
    weft_program_free(p);
}

/* --- indices out of range --- */

static void expect_index_error(weft_node y, const char *message)
{
    expect_ok();
    weft_program *p = weft_compile(&y, 1);
    ck_assert_int_eq(weft_run(p), WEFT_ERROR_INDEX);
    ck_assert_str_eq(weft_program_message(p), message);
    weft_program_free(p);
}

START_TEST(indices_out_of_range_are_named)
{
    weft_node x = f64(2, (size_t[]){2, 3}, (double[]){1, 2, 3, 4, 5, 6}), one = i64(2, (size_t[]){2, 1}, (int64_t[]){0, 3});
    weft_node none = f64(2, (size_t[]){2, 0}, (double[]){0});
    expect_index_error(weft_take(x, INDEX_OF(0, 3), 1), "take: index[1] is 3; along the axis there are 0 to 2");
    expect_index_error(weft_take(x, i64(2, (size_t[]){2, 2}, (int64_t[]){0, 1, -1, 0}), 0), "take: index[1, 0] is -1; along the axis there are 0 to 1");
    expect_index_error(weft_take(x, i64(0, NULL, (int64_t[]){INT64_MAX}), -1),
                       "take: index is 9223372036854775807; along the axis there are 0 to 2");
    expect_index_error(weft_take(none, INDEX_OF(0), 1), "take: index[0] is 0; there is nothing to index");
    expect_index_error(weft_gather_elements(x, one, 1), "gather_elements: index[1, 0] is 3; along the axis there are 0 to 2");
    expect_index_error(weft_scatter_add_elements(x, one, 0, 3), "scatter_add_elements: index[1, 0] is 3; along the axis of the result there are 0 to 2");
    expect_index_error(weft_scatter_add(x, INDEX_OF(0, 2), 2), "scatter_add: index[1] is 2; along the axis of the result there are 0 to 1");
    expect_index_error(weft_one_hot(one, 3, WEFT_F32), "one_hot: index[1, 0] is 3; there are the classes 0 to 2");
    expect_index_error(weft_softmax_cross_entropy(x, INDEX_OF(0, 3)), "gather_elements: index[1, 0] is 3; along the axis there are 0 to 2");
}
END_TEST

/* --- mistakes when recording --- */

static weft_node matrix(size_t m, size_t n)
{
    return weft_input(t, "x", WEFT_F32, 2, (size_t[]){m, n});
}

static weft_node labels(size_t n)
{
    return weft_input(t, "index", WEFT_I64, 1, &n);
}

static weft_node bad_min(void)
{
    return weft_min(matrix(2, 0), WEFT_AXIS(1), false);
}

static weft_node bad_argmax(void)
{
    return weft_argmax(matrix(2, 0), 1, false);
}

static weft_node bad_argmin_axis(void)
{
    return weft_argmin(matrix(2, 3), 2, false);
}

static weft_node bad_argmax_dtype(void)
{
    return weft_argmax(labels(3), 0, false);
}

static weft_node bad_cumsum(void)
{
    return weft_cumsum(weft_input(t, "x", WEFT_F64, 0, NULL), 0);
}

static weft_node bad_cumsum_dtype(void)
{
    return weft_cumsum(labels(3), 0);
}

static weft_node bad_take(void)
{
    return weft_take(matrix(2, 3), matrix(2, 3), 0);
}

static weft_node bad_take_rank(void)
{
    const size_t dim[8] = {1, 1, 1, 1, 1, 1, 1, 1};
    return weft_take(matrix(2, 3), weft_input(t, "index", WEFT_I64, 8, dim), 0);
}

static weft_node bad_take_axis(void)
{
    return weft_take(matrix(2, 3), labels(2), -3);
}

static weft_node bad_elements_rank(void)
{
    return weft_gather_elements(matrix(2, 3), labels(2), 1);
}

static weft_node bad_elements(void)
{
    return weft_gather_elements(matrix(2, 3), weft_input(t, "index", WEFT_I64, 2, (size_t[]){4, 3}), 1);
}

static weft_node bad_scatter(void)
{
    return weft_scatter_add_elements(matrix(2, 3), weft_input(t, "index", WEFT_I64, 2, (size_t[]){2, 4}), 1, 9);
}

static weft_node bad_scatter_size(void)
{
    return weft_scatter_add_elements(matrix(2, 3), weft_input(t, "index", WEFT_I64, 2, (size_t[]){2, 3}), 1, SIZE_MAX);
}

static weft_node bad_one_hot(void)
{
    return weft_one_hot(matrix(2, 3), 4, WEFT_F32);
}

static weft_node bad_one_hot_dtype(void)
{
    return weft_one_hot(labels(2), 4, WEFT_I64);
}

static weft_node bad_batch(void)
{
    return weft_matmul(weft_input(t, "a", WEFT_F32, 3, (size_t[]){2, 3, 4}), weft_input(t, "b", WEFT_F32, 3, (size_t[]){5, 4, 3}));
}

static weft_node bad_vector(void)
{
    return weft_matmul(weft_input(t, "a", WEFT_F32, 1, (size_t[]){3}), weft_input(t, "b", WEFT_F32, 3, (size_t[]){5, 4, 3}));
}

static const struct {
    weft_node (*call)(void);
    weft_status status;
    const char *words[2];
} mistakes[] = {
    {bad_min, WEFT_ERROR_SHAPE, {"min \"x\" (2, 0)", "axis 1 is empty, and nothing is the largest or smallest of nothing"}},
    {bad_argmax, WEFT_ERROR_SHAPE, {"argmax \"x\" (2, 0)", "axis 1 is empty"}},
    {bad_argmin_axis, WEFT_ERROR_SHAPE, {"argmin \"x\" (2, 3)", "axis is 2, and x has 2"}},
    {bad_argmax_dtype, WEFT_ERROR_DTYPE, {"argmax \"index\" (3) i64", "f32 or f64"}},
    {bad_cumsum, WEFT_ERROR_SHAPE, {"cumsum \"x\" ()", "axis is 0, and x has 0"}},
    {bad_cumsum_dtype, WEFT_ERROR_DTYPE, {"cumsum \"index\" (3) i64", "f32 or f64"}},
    {bad_take, WEFT_ERROR_DTYPE, {"take \"x\" (2, 3) x \"x\" (2, 3)", "index must be i64"}},
    {bad_take_rank, WEFT_ERROR_SHAPE, {"take", "makes 9; at most 8"}},
    {bad_take_axis, WEFT_ERROR_SHAPE, {"take \"x\" (2, 3)", "axis is -3"}},
    {bad_elements_rank, WEFT_ERROR_SHAPE, {"gather_elements \"x\" (2, 3) x \"index\" (2) i64", "rank of x"}},
    {bad_elements, WEFT_ERROR_SHAPE, {"gather_elements", "axis 0 is 2 in x and 4 in the index"}},
    {bad_scatter, WEFT_ERROR_SHAPE, {"scatter_add_elements", "axis 1 is 3 in x and 4 in the index"}},
    {bad_scatter_size, WEFT_ERROR_SHAPE, {"scatter_add_elements", "memory"}},
    {bad_one_hot, WEFT_ERROR_DTYPE, {"one_hot \"x\" (2, 3)", "index must be i64"}},
    {bad_one_hot_dtype, WEFT_ERROR_DTYPE, {"one_hot", "f32 or f64"}},
    {bad_batch, WEFT_ERROR_SHAPE, {"matmul \"a\" (2, 3, 4) x \"b\" (5, 4, 3)", "axis 0 is 2 against 5"}},
    {bad_vector, WEFT_ERROR_SHAPE, {"matmul \"a\" (3) x \"b\" (5, 4, 3)", "inner axes are 3 against 4"}},
};

START_TEST(mistakes_are_named)
{
    ck_assert(weft_node_failed(mistakes[_i].call()));
    ck_assert_int_eq(weft_tape_status(t), mistakes[_i].status);
    for (int k = 0; k < 2; k++)
        ck_assert_msg(strstr(weft_tape_message(t), mistakes[_i].words[k]), "\"%s\" lacks \"%s\"", weft_tape_message(t), mistakes[_i].words[k]);
}
END_TEST

/* --- NaNs and ties --- */

START_TEST(the_first_nan_wins)
{
    weft_node x = f64(2, (size_t[]){4, 3}, (double[]){1, NAN, NAN, -INFINITY, -INFINITY, -INFINITY, NAN, 5, 1, 2, 7, NAN});
    expect_i64(weft_argmax(x, 1, false), (int64_t[]){1, 0, 0, 2}, 4); /* as numpy.argmax and torch.argmax */
    expect_i64(weft_argmin(x, 1, true), (int64_t[]){1, 0, 0, 2}, 4);
    expect_i64(weft_argmax(x, 0, false), (int64_t[]){2, 0, 0}, 3);
    expect_f64(weft_min(x, WEFT_AXIS(1), false), (double[]){NAN, -INFINITY, NAN, NAN}, 4);
    expect_f64(weft_min(x, WEFT_AXIS(0), false), (double[]){NAN, NAN, NAN}, 3);
    weft_node inf = VECTOR(INFINITY, INFINITY);
    expect_f64(weft_min(inf, 1, false), (double[]){INFINITY}, 1);
    expect_i64(weft_argmin(inf, 0, false), (int64_t[]){0}, 1);
}
END_TEST

START_TEST(ties_are_shared_and_the_first_is_found)
{
    weft_node x = VECTOR(3, 1, 2, 1, 1, 1), dx, n = VECTOR(0.0, -0.0);
    expect_i64(weft_argmin(x, 0, false), (int64_t[]){1}, 1);
    expect_i64(weft_argmax(VECTOR(2, 3, 1, 3), -1, false), (int64_t[]){1}, 1);
    expect_i64(weft_argmin(n, 0, false), (int64_t[]){0}, 1); /* both zeros are equal */
    ck_assert_int_eq(weft_grad(weft_min(x, WEFT_ALL_AXES, false), &x, 1, &dx), WEFT_OK);
    expect_f64(dx, (double[]){0, 0.25, 0, 0.25, 0.25, 0.25}, 6);
}
END_TEST

/* --- products --- */

/* y = a b c d. dy/da = b c d; d2y/da db = c d. */
static void expect_product(double a, double b, double c, double d)
{
    weft_node x = VECTOR(a, b, c, d), dx, ddx;
    ck_assert_int_eq(weft_grad(weft_prod(x, 1, false), &x, 1, &dx), WEFT_OK);
    expect_f64(dx, (double[]){b * c * d, a * c * d, a * b * d, a * b * c}, 4);
    weft_node first = weft_sum(weft_mul(dx, VECTOR(1, 0, 0, 0)), 1, false);
    ck_assert_int_eq(weft_grad(first, &x, 1, &ddx), WEFT_OK);
    expect_f64(ddx, (double[]){0, c * d, b * d, b * c}, 4);
    weft_node second = weft_sum(weft_mul(ddx, VECTOR(0, 1, 0, 0)), 1, false);
    ck_assert_int_eq(weft_grad(second, &x, 1, &dx), WEFT_OK); /* d3y/da db dx */
    expect_f64(dx, (double[]){0, 0, d, c}, 4);
}

START_TEST(products_with_zeros_have_all_derivatives)
{
    expect_product(2, 3, 5, 7);
    expect_product(0, 3, 5, 7);
    expect_product(2, 0, 0, 7);
    expect_product(0, 0, 0, 7);
    weft_node x = f64(2, (size_t[]){3, 2}, (double[]){2, 0, 3, 5, 0, 0}), dx; /* three rows, no power of two */
    weft_node w = VECTOR(1, 10);
    ck_assert_int_eq(weft_grad(weft_sum(weft_mul(weft_prod(x, WEFT_AXIS(0), false), w), 1, false), &x, 1, &dx), WEFT_OK);
    expect_f64(dx, (double[]){0, 0, 0, 0, 6, 0}, 6);
}
END_TEST

START_TEST(products_follow_ieee)
{
    expect_f64(weft_prod(VECTOR(0, INFINITY, 1), 1, false), (double[]){NAN}, 1);
    expect_f64(weft_prod(VECTOR(2, NAN), 1, false), (double[]){NAN}, 1);
    expect_f64(weft_prod(VECTOR(-2, INFINITY), 1, false), (double[]){-INFINITY}, 1);
}
END_TEST

/* In f32 the factors' own rounding would add up to some 1e-5; in f64 the result is within its last rounding, 2**-24, and n 2**-53. */
START_TEST(products_are_multiplied_in_f64)
{
    enum { N = 100000 };
    float *x = malloc(N * sizeof *x);
    long double expected = 1;
    uint64_t seed = 3;
    for (size_t i = 0; i < N; i++) {
        x[i] = 1 + (float)(1e-3 * (draw_uniform(&seed) - 0.5));
        expected *= (long double)x[i];
    }
    for (int down = 0; down < 2; down++) {
        weft_node in = weft_input(t, "x", WEFT_F32, 2, down ? (size_t[]){N, 1} : (size_t[]){1, N}), y = weft_prod(in, WEFT_ALL_AXES, false);
        weft_program *p = weft_compile(&y, 1);
        weft_bind(p, in, x, N * sizeof *x);
        ck_assert_int_eq(weft_run(p), WEFT_OK);
        long double got = (long double)*(const float *)weft_output(p, 0);
        ck_assert_msg(fabsl(got - expected) <= expected * (0x1p-24L + N * 0x1p-53L), "%.9Lg, not %.9Lg", got, expected);
        weft_program_free(p);
    }
    free(x);
}
END_TEST

/* --- sums so far --- */

START_TEST(cumsum_adds_up_in_f64)
{
    enum { N = 1000000 };
    float *x = malloc(N * sizeof *x);
    uint64_t seed = 5;
    for (size_t i = 0; i < N; i++)
        x[i] = (float)draw_uniform(&seed);
    weft_node in = weft_input(t, "x", WEFT_F32, 1, (size_t[]){N}), y = weft_cumsum(in, 0);
    weft_program *p = weft_compile(&y, 1);
    weft_bind(p, in, x, N * sizeof *x);
    ck_assert_int_eq(weft_run(p), WEFT_OK);
    long double sum = 0;
    for (size_t i = 0; i < N; i++) {
        sum += (long double)x[i]; /* all positive: their sum is that of the magnitudes */
        long double got = (long double)((const float *)weft_output(p, 0))[i];
        ck_assert_msg(fabsl(got - sum) <= sum * (0x1p-24L + (long double)(i + 1) * 0x1p-53L), "[%zu] is %.9Lg, not %.9Lg", i, got, sum);
    }
    weft_program_free(p);
    free(x);
}
END_TEST

START_TEST(cumsum_pulls_back_from_the_other_end)
{
    weft_node x = VECTOR(1, 2, 4, 8), dy = VECTOR(1, 10, 100, 1000), y = weft_cumsum(x, 0), dx, ddy;
    expect_f64(y, (double[]){1, 3, 7, 15}, 4);
    ck_assert_int_eq(weft_vjp(&y, &dy, 1, &x, 1, &dx), WEFT_OK);
    expect_f64(dx, (double[]){1111, 1110, 1100, 1000}, 4);
    ck_assert_int_eq(weft_vjp(&dx, &x, 1, &dy, 1, &ddy), WEFT_OK); /* and back again */
    expect_f64(ddy, (double[]){1, 3, 7, 15}, 4);
}
END_TEST

/* --- arrays without elements --- */

START_TEST(nothing_is_summed_multiplied_and_taken)
{
    weft_node x = f64(2, (size_t[]){0, 3}, (double[]){0}), none = i64(1, (size_t[]){0}, (int64_t[]){0}), dx;
    expect_f64(weft_sum(x, WEFT_AXIS(0), false), (double[]){0, 0, 0}, 3);
    expect_f64(weft_prod(x, WEFT_AXIS(0), false), (double[]){1, 1, 1}, 3);
    expect_f64(weft_prod(x, WEFT_AXIS(1), false), NULL, 0);
    expect_f64(weft_min(x, WEFT_AXIS(1), false), NULL, 0);
    expect_f64(weft_cumsum(x, 0), NULL, 0);
    expect_f64(weft_cumsum(x, 1), NULL, 0);
    expect_i64(weft_argmax(x, 1, false), NULL, 0);
    expect_f64(weft_take(x, none, 0), NULL, 0);
    expect_f64(weft_take(VECTOR(1, 2), none, 0), NULL, 0);
    expect_f64(weft_scatter_add_elements(VECTOR(1, 2), INDEX_OF(1, 1), 0, 3), (double[]){0, 3, 0}, 3);
    expect_f64(weft_scatter_add_elements(f64(1, (size_t[]){0}, (double[]){0}), none, 0, 2), (double[]){0, 0}, 2);
    expect_f64(weft_one_hot(none, 4, WEFT_F64), NULL, 0);
    expect_f64(weft_one_hot(none, 0, WEFT_F64), NULL, 0);
    weft_node a = f64(3, (size_t[]){2, 3, 0}, (double[]){0}), b = f64(2, (size_t[]){0, 2}, (double[]){0});
    expect_f64(weft_matmul(a, b), (double[12]){0}, 12);
    ck_assert_int_eq(weft_grad(weft_sum(weft_prod(x, WEFT_AXIS(0), false), WEFT_ALL_AXES, false), &x, 1, &dx), WEFT_OK);
    expect_f64(dx, NULL, 0);
}
END_TEST

/* --- shapes --- */

/* numpy.matmul's, tried there: (shapes) -> shape. */
START_TEST(shapes_are_those_of_numpy)
{
    static const struct {
        weft_shape a, b, y;
    } products[] = {
        {{1, {4}}, {1, {4}}, {0, {0}}},
        {{1, {4}}, {2, {4, 2}}, {1, {2}}},
        {{3, {5, 3, 4}}, {1, {4}}, {2, {5, 3}}},
        {{1, {4}}, {4, {5, 6, 4, 3}}, {3, {5, 6, 3}}},
        {{4, {2, 1, 3, 4}}, {3, {7, 4, 5}}, {4, {2, 7, 3, 5}}},
        {{8, {1, 2, 1, 2, 1, 2, 3, 4}}, {2, {4, 5}}, {8, {1, 2, 1, 2, 1, 2, 3, 5}}},
    };
    for (size_t k = 0; k < sizeof products / sizeof *products; k++) {
        const weft_shape *a = &products[k].a, *b = &products[k].b, *y = &products[k].y;
        weft_shape got = weft_node_shape(weft_matmul(weft_input(t, "a", WEFT_F32, a->rank, a->dim), weft_input(t, "b", WEFT_F32, b->rank, b->dim)));
        expect_ok();
        ck_assert_int_eq(got.rank, y->rank);
        ck_assert_mem_eq(got.dim, y->dim, (size_t)y->rank * sizeof *y->dim);
    }
    const size_t eight[8] = {2, 1, 3, 1, 2, 1, 1, 2};
    double data[24];
    for (size_t i = 0; i < 24; i++)
        data[i] = (double)i;
    weft_node x = f64(8, eight, data), first = weft_argmin(x, 2, true);
    expect_f64(weft_gather_elements(x, first, 2), (double[]){0, 1, 2, 3, 12, 13, 14, 15}, 8);
    expect_f64(weft_take(x, i64(0, NULL, (int64_t[]){1}), 4), (double[]){2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23}, 12);
    expect_f64(weft_prod(weft_cumsum(x, 7), WEFT_ALL_AXES & 255 & ~WEFT_AXIS(7), false), (double[]){0, 1.0 * 5 * 9 * 13 * 17 * 21 * 25 * 29 * 33 * 37 * 41 * 45}, 2);
    weft_node s = weft_scalar(t, WEFT_F64, 3);
    expect_f64(weft_prod(s, WEFT_ALL_AXES, false), (double[]){3}, 1);
    expect_f64(weft_min(s, WEFT_ALL_AXES, true), (double[]){3}, 1);
}
END_TEST

/* Operands seen through broadcasts and transposes, which the kernels read in place; the index of a position may repeat too. */
START_TEST(elements_are_read_through_strides)
{
    weft_node row = VECTOR(10, 20, 30), x = weft_broadcast(row, 2, (size_t[]){2, 3});
    weft_node index = i64(2, (size_t[]){2, 2}, (int64_t[]){2, 0, 1, 2});
    expect_f64(weft_gather_elements(x, index, 1), (double[]){30, 10, 20, 30}, 4);
    expect_f64(weft_gather_elements(x, weft_transpose(index, NULL), 1), (double[]){30, 20, 10, 30}, 4);
    weft_node turned = weft_transpose(f64(2, (size_t[]){3, 2}, (double[]){1, 2, 3, 4, 5, 6}), NULL); /* 1 3 5, 2 4 6 */
    expect_f64(weft_gather_elements(turned, index, 1), (double[]){5, 1, 4, 6}, 4);
    expect_f64(weft_scatter_add_elements(turned, weft_reshape(INDEX_OF(1, 1), 2, (size_t[]){2, 1}), 0, 2), (double[]){0, 0, 0, 3, 7, 11}, 6);
}
END_TEST

/* --- text --- */

static bool append(void *context, const char *text, size_t bytes)
{
    strncat(context, text, bytes);
    return true;
}

START_TEST(expressions_say_the_axis)
{
    char text[1000] = "";
    weft_node x = weft_input(t, "x", WEFT_F64, 2, (size_t[]){3, 3}), i = weft_input(t, "i", WEFT_I64, 2, (size_t[]){3, 3}), y = weft_cumsum(x, -1), dx;
    weft_node picked = weft_gather_elements(x, weft_argmax(x, 0, true), 0);
    ck_assert_int_eq(weft_vjp(&y, &x, 1, &x, 1, &dx), WEFT_OK);
    const weft_node all[] = {y, dx, picked, weft_take(x, i, 1), weft_scatter_add_elements(x, i, 1, 5), weft_one_hot(i, 4, WEFT_F32),
                             weft_prod(weft_min(x, WEFT_AXIS(0), true), WEFT_ALL_AXES, false), weft_matmul(x, x)};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
        ck_assert_int_eq(weft_print_expression((weft_writer){append, text}, all[k]), WEFT_OK);
        strcat(text, "\n");
    }
    ck_assert_str_eq(text, "cumsum(x, axis=1)\ncumsum(x, axis=1, reverse=1)\ngather_elements(x, argmax(x, axis=0, keepdims=1), axis=0)\n"
                           "take(x, i, axis=1)\nscatter_add_elements(x, i, axis=1, length=5)\none_hot(i, classes=4, dtype=f32)\n"
                           "prod(min(x, axis=0, keepdims=1))\nx @ x\n");
}
END_TEST

/* --- integers and derivatives --- */

START_TEST(no_derivative_passes_integers)
{
    weft_node x = weft_input(t, "x", WEFT_F64, 2, (size_t[]){2, 3}), table = weft_input(t, "table", WEFT_F64, 1, (size_t[]){3}), dx[2];
    weft_node loss = weft_sum(weft_take(table, weft_argmax(x, 1, false), 0), 1, false);
    weft_mark mark = weft_tape_mark(t);
    ck_assert_int_eq(weft_grad(loss, (const weft_node[]){table, x}, 2, dx), WEFT_ERROR_GRADIENT);
    ck_assert_str_eq(weft_tape_message(t), "argmax \"x\" (2, 3): it has no derivative, and no other way leads from x[1] to what is differentiated; "
                                           "weft_stop_gradient() on its operand gives zeros");
    weft_tape_rewind(t, mark);
    ck_assert_int_eq(weft_grad(loss, &table, 1, dx), WEFT_OK); /* the table has one */
    loss = weft_sum(weft_one_hot(weft_argmin(x, 0, false), 2, WEFT_F64), WEFT_ALL_AXES, false);
    mark = weft_tape_mark(t);
    ck_assert_int_eq(weft_grad(loss, &x, 1, dx), WEFT_ERROR_GRADIENT);
    ck_assert_ptr_nonnull(strstr(weft_tape_message(t), "argmin \"x\" (2, 3)"));
    weft_tape_rewind(t, mark);
    loss = weft_sum(weft_one_hot(weft_argmin(weft_stop_gradient(x), 0, false), 2, WEFT_F64), WEFT_ALL_AXES, false);
    ck_assert_int_eq(weft_grad(loss, &x, 1, dx), WEFT_OK); /* asked for */
    ck_assert_int_eq(weft_grad(weft_sum(table, 1, false), &x, 1, dx), WEFT_OK); /* no way at all: zeros, as ever */
}
END_TEST

START_TEST(what_an_index_picks_has_a_derivative)
{
    weft_node x = VECTOR(3, 7, 5), picked = weft_gather_elements(x, weft_argmax(x, 0, true), 0), dx, ddx;
    weft_node loss = weft_sum(weft_mul(picked, picked), 1, false);
    ck_assert_int_eq(weft_grad(loss, &x, 1, &dx), WEFT_OK);
    expect_f64(dx, (double[]){0, 14, 0}, 3);
    ck_assert_int_eq(weft_grad(weft_sum(dx, 1, false), &x, 1, &ddx), WEFT_OK);
    expect_f64(ddx, (double[]){0, 2, 0}, 3);
    ck_assert_int_eq(weft_grad(weft_sum(picked, 1, false), &x, 1, &dx), WEFT_OK); /* dx is 0 or 1, whatever x: its derivative is 0 and no error */
    ck_assert_int_eq(weft_grad(weft_sum(weft_mul(dx, VECTOR(1, 2, 3)), 1, false), &x, 1, &ddx), WEFT_OK);
    expect_f64(ddx, (double[]){0, 0, 0}, 3);
}
END_TEST

/* --- labels --- */

START_TEST(there_may_be_many_classes)
{
    enum { CLASSES = 50000 };
    weft_node z = weft_broadcast(weft_scalar(t, WEFT_F64, 3), 2, (size_t[]){2, CLASSES}), loss = weft_softmax_cross_entropy(z, INDEX_OF(0, CLASSES - 1));
    expect_ok();
    weft_program *p = weft_compile(&loss, 1);
    ck_assert_int_eq(weft_run(p), WEFT_OK);
    ck_assert_double_eq_tol(*(const double *)weft_output(p, 0), log(CLASSES), 1e-14); /* all are as likely */
    weft_program_free(p);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("indexing");
    TCase *all = tcase_create("all");
    tcase_set_timeout(all, 300); /* for a compiler */
    tcase_add_checked_fixture(all, setup, teardown);
    tcase_add_test(all, indices_out_of_range_are_named);
    tcase_add_loop_test(all, mistakes_are_named, 0, sizeof mistakes / sizeof *mistakes);
    tcase_add_test(all, the_first_nan_wins);
    tcase_add_test(all, ties_are_shared_and_the_first_is_found);
    tcase_add_test(all, products_with_zeros_have_all_derivatives);
    tcase_add_test(all, products_follow_ieee);
    tcase_add_test(all, products_are_multiplied_in_f64);
    tcase_add_test(all, cumsum_adds_up_in_f64);
    tcase_add_test(all, cumsum_pulls_back_from_the_other_end);
    tcase_add_test(all, nothing_is_summed_multiplied_and_taken);
    tcase_add_test(all, shapes_are_those_of_numpy);
    tcase_add_test(all, elements_are_read_through_strides);
    tcase_add_test(all, expressions_say_the_axis);
    tcase_add_test(all, no_derivative_passes_integers);
    tcase_add_test(all, what_an_index_picks_has_a_derivative);
    tcase_add_test(all, there_may_be_many_classes);
    suite_add_tcase(suite, all);
    return run_suite(suite);
}

/* test_movement.c: slices by NumPy's rule, whatever their starts, stops and steps; empty arrays, whole numbers and their derivatives; views that
 * begin anywhere; and casts. test_movement_errors.c has what the builders refuse. */
#include "tests/suite.h"

#include <math.h>
#include <stdint.h>

#define OUT WEFT_LEFT_OUT
#define FAR (PTRDIFF_MAX - 1)

static weft_tape *t;

static void set_up(void)
{
    t = weft_tape_new(NULL);
}

static void tear_down(void)
{
    weft_tape_free(t);
}

static weft_node line(const char *name, weft_dtype dtype, size_t n)
{
    return weft_input(t, name, dtype, 1, &n);
}

static weft_program *compile(const weft_node *y, size_t n)
{
    weft_program *p = weft_compile(y, n);
    ck_assert_msg(weft_program_status(p) == WEFT_OK, "%s", weft_program_message(p));
    return p;
}

static void run(weft_program *p)
{
    ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
}

/* --- slices of a line --- */

/* What numpy.arange(n)[start:stop:step] gives in NumPy 2.4.6; FAR and PTRDIFF_MIN are 2**63 - 2 and -2**63. */
static const struct {
    size_t n;
    ptrdiff_t start, stop, step;
    size_t count;
    int64_t element[7];
} table[] = {
    {7, OUT, OUT, OUT, 7, {0, 1, 2, 3, 4, 5, 6}}, {7, 2, 5, OUT, 3, {2, 3, 4}}, {7, OUT, 3, OUT, 3, {0, 1, 2}}, {7, 3, OUT, OUT, 4, {3, 4, 5, 6}},
    {7, -3, OUT, OUT, 3, {4, 5, 6}}, {7, OUT, -3, OUT, 4, {0, 1, 2, 3}}, {7, -5, -2, OUT, 3, {2, 3, 4}}, {7, 5, 2, OUT, 0, {0}},
    {7, 0, 0, OUT, 0, {0}}, {7, 6, 7, OUT, 1, {6}}, {7, 7, 9, OUT, 0, {0}}, {7, -9, 2, OUT, 2, {0, 1}}, {7, -9, -8, OUT, 0, {0}},
    {7, OUT, OUT, 2, 4, {0, 2, 4, 6}}, {7, 1, OUT, 2, 3, {1, 3, 5}}, {7, 1, 6, 2, 3, {1, 3, 5}}, {7, 1, 7, 3, 2, {1, 4}}, {7, -6, -1, 4, 2, {1, 5}},
    {7, OUT, OUT, 7, 1, {0}}, {7, OUT, OUT, 6, 2, {0, 6}}, {7, 3, OUT, 100, 1, {3}}, {7, OUT, OUT, -1, 7, {6, 5, 4, 3, 2, 1, 0}},
    {7, 5, 1, -1, 4, {5, 4, 3, 2}}, {7, OUT, 2, -2, 2, {6, 4}}, {7, 4, OUT, -2, 3, {4, 2, 0}}, {7, OUT, 0, -3, 2, {6, 3}},
    {7, -2, -6, -1, 4, {5, 4, 3, 2}}, {7, 1, 5, -1, 0, {0}}, {7, 9, OUT, -4, 2, {6, 2}}, {7, 9, -9, -2, 4, {6, 4, 2, 0}}, {7, -9, OUT, -1, 0, {0}},
    {7, -8, OUT, -1, 0, {0}}, {7, -7, OUT, -1, 1, {0}}, {7, OUT, -1, -1, 0, {0}}, {7, OUT, -7, -1, 6, {6, 5, 4, 3, 2, 1}},
    {7, OUT, -8, -1, 7, {6, 5, 4, 3, 2, 1, 0}}, {7, 3, OUT, -100, 1, {3}}, {7, FAR, OUT, -1, 7, {6, 5, 4, 3, 2, 1, 0}},
    {7, PTRDIFF_MIN, FAR, 1, 7, {0, 1, 2, 3, 4, 5, 6}}, {7, OUT, OUT, PTRDIFF_MIN, 1, {6}}, {7, 2, FAR, FAR, 1, {2}},
    {7, PTRDIFF_MIN, PTRDIFF_MIN, -1, 0, {0}}, {7, FAR, PTRDIFF_MIN, PTRDIFF_MIN, 1, {6}}, {1, OUT, OUT, -1, 1, {0}}, {1, 0, OUT, OUT, 1, {0}},
    {1, 1, OUT, OUT, 0, {0}}, {1, OUT, OUT, -5, 1, {0}}, {1, -1, 0, -1, 0, {0}}, {0, OUT, OUT, OUT, 0, {0}}, {0, OUT, OUT, -1, 0, {0}},
    {0, -3, 3, 2, 0, {0}}, {0, 5, -5, -2, 0, {0}},
};
enum { TABLE = sizeof table / sizeof *table };

START_TEST(slices_are_numpys)
{
    weft_node x = line("x", WEFT_I64, table[_i].n), y = weft_slice(x, &table[_i].start, &table[_i].stop, &table[_i].step);
    ck_assert_msg(!weft_node_failed(y), "%s", weft_tape_message(t));
    ck_assert_uint_eq(weft_node_shape(y).dim[0], table[_i].count);
    ck_assert_int_eq(weft_tape_verify(t), WEFT_OK);
    weft_program *p = compile(&y, 1);
    weft_bind(p, x, (int64_t[]){0, 1, 2, 3, 4, 5, 6}, table[_i].n * sizeof(int64_t));
    run(p);
    for (size_t i = 0; i < table[_i].count; i++)
        ck_assert_int_eq(((const int64_t *)weft_output(p, 0))[i], table[_i].element[i]);
    weft_program_free(p);
}
END_TEST

/* The transpose of each: the cotangent at the elements taken, zero elsewhere. */
START_TEST(the_derivative_puts_elements_back)
{
    weft_node x = line("x", WEFT_F32, table[_i].n), y = weft_slice(x, &table[_i].start, &table[_i].stop, &table[_i].step);
    weft_node dy = line("dy", WEFT_F32, table[_i].count), dx;
    ck_assert_msg(weft_vjp(&y, &dy, 1, &x, 1, &dx) == WEFT_OK, "%s", weft_tape_message(t));
    weft_program *p = compile(&dx, 1);
    float expected[7] = {0};
    for (size_t i = 0; i < table[_i].count; i++)
        expected[table[_i].element[i]] = (float)i + 1;
    weft_bind(p, x, (float[7]){0}, table[_i].n * sizeof(float));
    weft_bind(p, dy, (float[]){1, 2, 3, 4, 5, 6, 7}, table[_i].count * sizeof(float));
    run(p);
    for (size_t i = 0; i < table[_i].n; i++)
        ck_assert_float_eq(((const float *)weft_output(p, 0))[i], expected[i]);
    weft_program_free(p);
}
END_TEST

START_TEST(arrays_left_out_leave_all_in)
{
    weft_node x = weft_input(t, "x", WEFT_F64, 3, (size_t[]){2, 3, 4}), all = weft_slice(x, NULL, NULL, NULL);
    weft_node some = weft_slice(x, (ptrdiff_t[]){OUT, 1, -2}, NULL, (ptrdiff_t[]){-1, OUT, 1}); /* x[::-1, 1:, -2:] */
    weft_program *p = compile((weft_node[]){all, some}, 2);
    double data[24];
    for (int i = 0; i < 24; i++)
        data[i] = i;
    weft_bind(p, x, data, sizeof data);
    run(p);
    ck_assert_mem_eq(weft_output(p, 0), data, sizeof data);
    const double *got = weft_output(p, 1);
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++)
            for (int k = 0; k < 2; k++)
                ck_assert_double_eq(*got++, 12 * (1 - i) + 4 * (j + 1) + k + 2);
    weft_program_free(p);
}
END_TEST

/* --- any number type, any bits, no elements --- */

START_TEST(whole_numbers_move_too)
{
    weft_node x = line("x", WEFT_I64, 4), back = weft_flip(x, WEFT_ALL_AXES), half[2];
    ck_assert_int_eq(weft_split(x, 0, 2, half), WEFT_OK);
    const weft_node out[] = {back, weft_pad(x, (size_t[]){1}, (size_t[]){2}), weft_concat((weft_node[]){back, half[1]}, 2, 0),
                             weft_stack((weft_node[]){x, back}, 2, 1)};
    weft_program *p = compile(out, 4);
    const int64_t big = INT64_MAX - 1;
    weft_bind(p, x, (int64_t[]){big, 2, 3, -4}, 4 * sizeof(int64_t));
    run(p);
    for (size_t k = 0; k < 4; k++)
        ck_assert_int_eq(weft_node_dtype(out[k]), WEFT_I64);
    ck_assert_mem_eq(weft_output(p, 0), ((int64_t[]){-4, 3, 2, big}), 4 * sizeof(int64_t));
    ck_assert_mem_eq(weft_output(p, 1), ((int64_t[]){0, big, 2, 3, -4, 0, 0}), 7 * sizeof(int64_t));
    ck_assert_mem_eq(weft_output(p, 2), ((int64_t[]){-4, 3, 2, big, 3, -4}), 6 * sizeof(int64_t));
    ck_assert_mem_eq(weft_output(p, 3), ((int64_t[]){big, -4, 2, 3, 3, 2, -4, big}), 8 * sizeof(int64_t));
    weft_program_free(p);
}
END_TEST

START_TEST(an_index_may_be_sliced)
{
    weft_node table2 = weft_input(t, "table", WEFT_F32, 2, (size_t[]){3, 2}), index = line("index", WEFT_I64, 5);
    weft_node y = weft_gather(table2, weft_slice(index, (ptrdiff_t[]){3}, NULL, (ptrdiff_t[]){-2})); /* index[3], index[1] */
    weft_program *p = compile(&y, 1);
    weft_bind(p, table2, (float[]){0, 1, 10, 11, 20, 21}, 6 * sizeof(float));
    weft_bind(p, index, (int64_t[]){-1, 0, -1, 2, -1}, 5 * sizeof(int64_t)); /* what is not taken may be no index */
    run(p);
    ck_assert_mem_eq(weft_output(p, 0), ((float[]){20, 21, 0, 1}), 4 * sizeof(float));
    weft_program_free(p);
}
END_TEST

START_TEST(bits_stay)
{
    weft_node x = line("x", WEFT_F64, 4), y = weft_concat((weft_node[]){weft_flip(x, 1), weft_pad(x, (size_t[]){1}, NULL)}, 2, 0);
    const double data[] = {-0.0, NAN, -INFINITY, 5e-324}, expected[] = {5e-324, -INFINITY, NAN, -0.0, 0, -0.0, NAN, -INFINITY, 5e-324};
    weft_program *p = compile(&y, 1);
    weft_bind(p, x, data, sizeof data);
    run(p);
    ck_assert_mem_eq(weft_output(p, 0), expected, sizeof expected);
    weft_program_free(p);
}
END_TEST

START_TEST(nothing_moves_nothing)
{
    weft_node x = weft_input(t, "x", WEFT_F64, 2, (size_t[]){3, 0}), z = weft_input(t, "z", WEFT_F64, 2, (size_t[]){3, 2});
    weft_node none = weft_slice(z, (ptrdiff_t[]){OUT, 2}, NULL, NULL); /* (3, 0) */
    weft_node padded = weft_pad(x, (size_t[]){0, 1}, (size_t[]){1, 1}); /* (4, 2) */
    const weft_node out[] = {weft_flip(x, WEFT_ALL_AXES), weft_concat((weft_node[]){x, z, none}, 3, 1), padded, weft_stack(&x, 1, 0), weft_cast(x, WEFT_I64)};
    weft_program *p = compile(out, 5);
    const double data[] = {1, 2, 3, 4, 5, 6}, zeros[8] = {0};
    weft_bind(p, x, NULL, 0);
    weft_bind(p, z, data, sizeof data);
    run(p);
    ck_assert_mem_eq(weft_output(p, 1), data, sizeof data);
    ck_assert_mem_eq(weft_output(p, 2), zeros, sizeof zeros);
    weft_program_free(p);
    weft_node loss = weft_sum(weft_mul(none, none), WEFT_ALL_AXES, false), dz; /* of nothing */
    ck_assert_int_eq(weft_grad(loss, &z, 1, &dz), WEFT_OK);
    p = compile(&dz, 1);
    weft_bind(p, z, data, sizeof data);
    run(p);
    ck_assert_mem_eq(weft_output(p, 0), zeros, 6 * sizeof(double));
    weft_program_free(p);
}
END_TEST

/* Three hundred are a tree of depth three, whose derivative is each one's slice. */
START_TEST(any_number_is_joined)
{
    enum { MANY = 300 };
    weft_node x[MANY], dx[2], one = line("one", WEFT_F64, 1), two = line("two", WEFT_F64, 2);
    for (int k = 0; k < MANY; k++)
        x[k] = k % 2 ? two : one;
    weft_node y = weft_concat(x, MANY, -1), dy = line("dy", WEFT_F64, 450);
    ck_assert_msg(weft_vjp(&y, &dy, 1, x, 2, dx) == WEFT_OK, "%s", weft_tape_message(t));
    weft_program *p = compile((weft_node[]){y, dx[0], dx[1]}, 3);
    double numbers[450], sum[3] = {0};
    for (int i = 0; i < 450; i++)
        sum[i % 3] += numbers[i] = i;
    weft_bind(p, one, (double[]){1}, sizeof(double));
    weft_bind(p, two, (double[]){2, 3}, 2 * sizeof(double));
    weft_bind(p, dy, numbers, sizeof numbers);
    run(p);
    for (int i = 0; i < 450; i++)
        ck_assert_double_eq(((const double *)weft_output(p, 0))[i], i % 3 + 1);
    ck_assert_mem_eq(weft_output(p, 1), sum, sizeof(double)); /* whole numbers: exact in any order */
    ck_assert_mem_eq(weft_output(p, 2), sum + 1, 2 * sizeof(double));
    weft_program_free(p);
    ck_assert_uint_eq(weft_concat(x, 1, 0).id, x[0].id);
}
END_TEST

/* --- views --- */

/* A slice moves nothing: the loop that uses it reads where it lies. What two slices of one array visit adds up, to all of it at most. */
START_TEST(slices_cost_no_copy)
{
    weft_node x = weft_input(t, "x", WEFT_F64, 2, (size_t[]){4, 6}), left, right, half[2];
    weft_split(x, 1, 2, half);
    left = half[0], right = weft_slice(x, (ptrdiff_t[]){OUT, 1}, NULL, NULL); /* (4, 5) */
    const struct {
        weft_node y;
        size_t read;
    } cases[] = {
        {weft_neg(left), 4 * 3 * 8},
        {weft_mul(half[0], half[1]), 4 * 6 * 8},
        {weft_mul(right, weft_slice(x, NULL, (ptrdiff_t[]){OUT, -1}, NULL)), 4 * 6 * 8},
        {weft_mul(left, weft_flip(left, WEFT_AXIS(0))), 2 * 4 * 3 * 8},
        {weft_neg(weft_slice(x, (ptrdiff_t[]){3, 5}, NULL, NULL)), 8},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        weft_program *p = compile(&cases[k].y, 1);
        ck_assert_uint_eq(weft_program_traffic(p).loops, 1);
        ck_assert_uint_eq(weft_program_traffic(p).calls, 0);
        ck_assert_uint_eq(weft_program_traffic(p).bytes_read, cases[k].read);
        weft_program_free(p);
    }
}
END_TEST

/* One short row for all rows of a table, which begins within an array, or ends where that begins. */
START_TEST(a_part_of_a_row_is_repeated)
{
    enum { N = 40 };
    weft_node table2 = weft_input(t, "table", WEFT_F32, 2, (size_t[]){N, 3}), row = line("row", WEFT_F32, 5);
    weft_node inner = weft_slice(row, (ptrdiff_t[]){1}, (ptrdiff_t[]){4}, NULL), back = weft_slice(row, (ptrdiff_t[]){2}, NULL, (ptrdiff_t[]){-1});
    const weft_node out[] = {weft_mul(table2, inner), weft_mul(table2, back)};
    weft_program *p = compile(out, 2);
    float data[N * 3];
    for (int i = 0; i < N * 3; i++)
        data[i] = (float)(i - 50);
    weft_bind(p, table2, data, sizeof data);
    weft_bind(p, row, (float[]){2, 3, 5, 7, 11}, 5 * sizeof(float));
    run(p);
    for (int i = 0; i < N * 3; i++) {
        ck_assert_float_eq(((const float *)weft_output(p, 0))[i], data[i] * ((const float[]){3, 5, 7})[i % 3]);
        ck_assert_float_eq(((const float *)weft_output(p, 1))[i], data[i] * ((const float[]){5, 3, 2})[i % 3]);
    }
    weft_program_free(p);
}
END_TEST

/* Large enough for parts, threads and nests of loops: each row has its sum taken off, and meets another, from the other end. All numbers are whole
 * and below 2**53, so that every order of adding and every rewriting gives the same. */
START_TEST(large_arrays_turn_round)
{
    enum { N = 96, D = 4099 };
    bool good = true;
    weft_node x = weft_input(t, "x", WEFT_F64, 2, (size_t[]){N, D}), y = weft_sub(x, weft_sum(x, WEFT_AXIS(1), true));
    weft_node turned = weft_flip(y, WEFT_AXIS(0)), every = weft_slice(y, (ptrdiff_t[]){1, 3}, NULL, (ptrdiff_t[]){1, 2});
    const weft_node out[] = {y, weft_mul(y, turned), weft_sum(weft_mul(y, weft_flip(y, 3)), WEFT_AXIS(0), false), weft_sum(every, WEFT_AXIS(1), false)};
    double *data = malloc(N * D * sizeof *data), *sums = calloc(N + D, sizeof *sums);
    for (size_t i = 0; i < N * D; i++)
        data[i] = (double)(i * i % 97);
    weft_program *p = compile(out, 4);
    weft_bind(p, x, data, N * D * sizeof *data);
    run(p);
    const double *centred = weft_output(p, 0), *product = weft_output(p, 1), *column = weft_output(p, 2), *row = weft_output(p, 3);
    for (size_t i = 0; i < N; i++) {
        double whole = 0;
        for (size_t j = 0; j < D; j++)
            whole += data[i * D + j];
        for (size_t j = 0; j < D; j++)
            good &= centred[i * D + j] == data[i * D + j] - whole;
    }
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < D; j++) {
            good &= product[i * D + j] == centred[i * D + j] * centred[(N - 1 - i) * D + j];
            sums[i] += j % 2 && j > 1 ? centred[i * D + j] : 0;
            sums[N + j] += centred[i * D + j] * centred[(N - 1 - i) * D + D - 1 - j];
        }
    for (size_t j = 0; j < D; j++)
        good &= column[j] == sums[N + j];
    for (size_t i = 1; i < N; i++)
        good &= row[i - 1] == sums[i];
    ck_assert(good);
    weft_program_free(p);
    free(sums);
    free(data);
}
END_TEST

/* --- casts --- */

START_TEST(casts_round_and_truncate)
{
    weft_node x = line("x", WEFT_F64, 6), n = line("n", WEFT_I64, 2), whole = weft_cast(x, WEFT_I64);
    const weft_node out[] = {weft_cast(x, WEFT_F32), whole, weft_cast(n, WEFT_F32), weft_cast(n, WEFT_F64), weft_cast(weft_cast(x, WEFT_F32), WEFT_I64)};
    weft_program *p = compile(out, 5);
    weft_bind(p, x, (double[]){0.1, -2.9, 2.9, -0.5, 16777217, -0x1p63}, 6 * sizeof(double));
    weft_bind(p, n, (int64_t[]){INT64_MIN, 9007199254740993}, 2 * sizeof(int64_t)); /* the second lies between two f64, and rounds to the even one */
    run(p);
    ck_assert_mem_eq(weft_output(p, 0), ((float[]){0.1f, -2.9f, 2.9f, -0.5f, 16777216, -0x1p63f}), 6 * sizeof(float));
    ck_assert_mem_eq(weft_output(p, 1), ((int64_t[]){0, -2, 2, 0, 16777217, INT64_MIN}), 6 * sizeof(int64_t));
    ck_assert_mem_eq(weft_output(p, 2), ((float[]){-0x1p63f, 0x1p53f}), 2 * sizeof(float));
    ck_assert_mem_eq(weft_output(p, 3), ((double[]){-0x1p63, 0x1p53}), 2 * sizeof(double));
    ck_assert_mem_eq(weft_output(p, 4), ((int64_t[]){0, -2, 2, 0, 16777216, INT64_MIN}), 6 * sizeof(int64_t));
    weft_program_free(p);
    ck_assert_uint_eq(weft_cast(x, WEFT_F64).id, x.id);
}
END_TEST

START_TEST(what_no_i64_holds_stops_the_run)
{
    static const double bad[] = {NAN, INFINITY, 0x1p63, -0x1.0000000000001p63};
    weft_node x = line("x", WEFT_F64, 2), y = weft_cast(x, WEFT_I64);
    weft_program *p = compile(&y, 1);
    for (int i = 0; i < 4; i++) {
        weft_bind(p, x, (double[]){1, bad[i]}, 2 * sizeof(double));
        ck_assert_int_eq(weft_run(p), WEFT_ERROR_INDEX);
        ck_assert_msg(strstr(weft_program_message(p), "element 1"), "%s", weft_program_message(p));
        ck_assert_ptr_null(weft_output(p, 0));
    }
    weft_bind(p, x, (double[]){1, 0x1.fffffffffffffp62}, 2 * sizeof(double)); /* the largest that fits */
    run(p);
    ck_assert_int_eq(((const int64_t *)weft_output(p, 0))[1], INT64_MAX - 1023);
    weft_program_free(p);
}
END_TEST

/* d sum(w cast(x)**2) = cast(2 w cast(x)), exactly, since these are small whole numbers. */
START_TEST(the_derivative_is_cast_back)
{
    weft_node x = line("x", WEFT_F32, 3), y = weft_cast(x, WEFT_F64), w = line("w", WEFT_F64, 3), dx;
    weft_node loss = weft_sum(weft_mul(w, weft_mul(y, y)), WEFT_ALL_AXES, false);
    ck_assert_int_eq(weft_grad(loss, &x, 1, &dx), WEFT_OK);
    ck_assert_int_eq(weft_node_dtype(dx), WEFT_F32);
    weft_program *p = compile(&dx, 1);
    weft_bind(p, x, (float[]){1, -2, 3}, 3 * sizeof(float));
    weft_bind(p, w, (double[]){5, 7, -9}, 3 * sizeof(double));
    run(p);
    ck_assert_mem_eq(weft_output(p, 0), ((float[]){10, -28, -54}), 3 * sizeof(float));
    weft_program_free(p);
    weft_node stepped = weft_mul(y, weft_cast(weft_cast(x, WEFT_I64), WEFT_F64)), one = weft_full_like(stepped, 1);
    ck_assert_int_eq(weft_vjp(&stepped, &one, 1, &x, 1, &dx), WEFT_OK); /* through y alone: trunc(x) */
    p = compile(&dx, 1);
    weft_bind(p, x, (float[]){1.5f, -2.5f, 3}, 3 * sizeof(float));
    run(p);
    ck_assert_mem_eq(weft_output(p, 0), ((float[]){1, -2, 3}), 3 * sizeof(float));
    weft_program_free(p);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("movement");
    TCase *moved = tcase_create("moved");
    tcase_add_checked_fixture(moved, set_up, tear_down);
    tcase_add_loop_test(moved, slices_are_numpys, 0, TABLE);
    tcase_add_loop_test(moved, the_derivative_puts_elements_back, 0, TABLE);
    tcase_add_test(moved, arrays_left_out_leave_all_in);
    tcase_add_test(moved, whole_numbers_move_too);
    tcase_add_test(moved, an_index_may_be_sliced);
    tcase_add_test(moved, bits_stay);
    tcase_add_test(moved, nothing_moves_nothing);
    tcase_add_test(moved, any_number_is_joined);
    tcase_add_test(moved, slices_cost_no_copy);
    tcase_add_test(moved, a_part_of_a_row_is_repeated);
    tcase_add_test(moved, large_arrays_turn_round);
    tcase_add_test(moved, casts_round_and_truncate);
    tcase_add_test(moved, what_no_i64_holds_stops_the_run);
    tcase_add_test(moved, the_derivative_is_cast_back);
    suite_add_tcase(suite, moved);
    return run_suite(suite);
}

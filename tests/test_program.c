/* test_program.c: compiling and running. Binding and its errors, parameters and assignment, memory, repeats, wide small nodes. */
#include "tests/samples.h"
#include "tests/suite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static weft_tape *t;

static void set_up(void)
{
    t = weft_tape_new(NULL);
}

static void tear_down(void)
{
    weft_tape_free(t);
}

static weft_node vector(const char *name, size_t n)
{
    return weft_input(t, name, WEFT_F64, 1, &n);
}

static weft_program *compile(weft_node y)
{
    weft_program *p = weft_compile(&y, 1);
    ck_assert_msg(weft_program_status(p) == WEFT_OK, "%s", weft_program_message(p));
    return p;
}

static void expect(const weft_program *p, size_t k, const double *values, size_t n)
{
    const double *got = weft_output(p, k);
    ck_assert_ptr_nonnull(got);
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(got[i] == values[i], "output %zu[%zu] is %.17g, not %.17g", k, i, got[i], values[i]);
}

START_TEST(the_example_of_the_header)
{
    weft_node x = vector("x", 3), y = weft_sum(weft_mul(x, x), WEFT_ALL_AXES, false), dx;
    weft_grad(y, &x, 1, &dx);
    weft_program *p = compile(dx);
    weft_bind(p, x, (double[]){1, 2, 3}, 3 * sizeof(double));
    ck_assert_int_eq(weft_run(p), WEFT_OK);
    expect(p, 0, (double[]){2, 4, 6}, 3);
    weft_program_free(p);
}
END_TEST

START_TEST(a_program_outlives_its_tape)
{
    weft_node x = vector("x", 2), y = weft_add(weft_mul(x, weft_constant(t, WEFT_F64, 1, (size_t[]){2}, (double[]){3, 4})), x);
    weft_program *p = compile(y);
    weft_tape_free(t);
    t = NULL;
    weft_bind(p, x, (double[]){1, 10}, 2 * sizeof(double));
    ck_assert_int_eq(weft_run(p), WEFT_OK);
    expect(p, 0, (double[]){4, 50}, 2);
    weft_program_free(p);
}
END_TEST

START_TEST(outputs_may_be_anything)
{
    weft_node x = weft_input(t, "x", WEFT_F64, 2, (size_t[]){2, 3}), label = weft_input(t, "label", WEFT_I64, 1, (size_t[]){2});
    weft_node turned = weft_transpose(x, NULL), wide = weft_broadcast(weft_scalar(t, WEFT_F64, 7), 1, (size_t[]){2});
    const weft_node out[] = {x, turned, wide, x, label, weft_reshape(turned, 1, (size_t[]){6}), weft_sum(turned, WEFT_AXIS(1), false)};
    weft_program *p = weft_compile(out, 7);
    weft_bind(p, x, (double[]){1, 2, 3, 4, 5, 6}, 6 * sizeof(double));
    weft_bind(p, label, (int64_t[]){8, 9}, 2 * sizeof(int64_t));
    ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
    expect(p, 0, (double[]){1, 2, 3, 4, 5, 6}, 6);
    expect(p, 1, (double[]){1, 4, 2, 5, 3, 6}, 6);
    expect(p, 2, (double[]){7, 7}, 2);
    expect(p, 3, (double[]){1, 2, 3, 4, 5, 6}, 6);
    ck_assert_int_eq(((const int64_t *)weft_output(p, 4))[1], 9);
    expect(p, 5, (double[]){1, 4, 2, 5, 3, 6}, 6);
    expect(p, 6, (double[]){5, 7, 9}, 3);
    ck_assert_ptr_null(weft_output(p, 7));
    weft_program_free(p);
}
END_TEST

/* --- binding --- */

START_TEST(bad_use_is_named)
{
    weft_node x = vector("x", 3), unused = vector("unused", 2), w = weft_parameter(t, "w", WEFT_F64, 1, (size_t[]){3});
    weft_program *p = compile(weft_mul(x, w));
    double data[4] = {1, 2, 3, 4};
    ck_assert_ptr_null(weft_output(p, 0));
    ck_assert_int_eq(weft_run(p), WEFT_ERROR_UNBOUND);
    ck_assert_ptr_nonnull(strstr(weft_program_message(p), "\"x\""));
    ck_assert_ptr_nonnull(strstr(weft_program_message(p), "weft_bind()"));
    ck_assert_int_eq(weft_bind(p, x, data, 4 * sizeof *data), WEFT_ERROR_SHAPE);
    ck_assert_ptr_nonnull(strstr(weft_program_message(p), "\"x\" takes 24 bytes of f64, 32 were given"));
    ck_assert_int_eq(weft_bind(p, x, NULL, 3 * sizeof *data), WEFT_ERROR_ARGUMENT);
    ck_assert_int_eq(weft_bind(p, x, (char *)data + 1, 3 * sizeof *data), WEFT_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(weft_program_message(p), "aligned"));
    ck_assert_int_eq(weft_bind(p, w, data, 3 * sizeof *data), WEFT_ERROR_ARGUMENT);
    ck_assert_int_eq(weft_parameter_write(p, x, data, 3 * sizeof *data), WEFT_ERROR_ARGUMENT);
    ck_assert_int_eq(weft_parameter_write(p, w, data, 2 * sizeof *data), WEFT_ERROR_SHAPE);
    ck_assert_int_eq(weft_parameter_read(p, w, data, 2 * sizeof *data), WEFT_ERROR_SHAPE);
    ck_assert_int_eq(weft_bind(p, weft_neg(x), data, 3 * sizeof *data), WEFT_ERROR_ARGUMENT);
    ck_assert_int_eq(weft_bind(p, (weft_node){0}, data, 3 * sizeof *data), WEFT_ERROR_ARGUMENT);
    ck_assert_int_eq(weft_bind(p, unused, data, 2 * sizeof *data), WEFT_OK);
    ck_assert_int_eq(weft_bind(p, unused, data, 1 * sizeof *data), WEFT_ERROR_SHAPE);
    ck_assert_int_eq(weft_bind(p, x, data, 3 * sizeof *data), WEFT_OK);
    ck_assert_int_eq(weft_run(p), WEFT_OK);
    weft_program_free(p);
}
END_TEST

START_TEST(compiling_refuses_what_it_cannot_run)
{
    weft_tape *other = weft_tape_new(NULL);
    const weft_node mixed[] = {vector("x", 1), weft_scalar(other, WEFT_F64, 1)}, none = {0};
    weft_program *p = weft_compile(mixed, 2);
    ck_assert_int_eq(weft_program_status(p), WEFT_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(weft_program_message(p), "output 1 is on another tape"));
    ck_assert_int_eq(weft_run(p), WEFT_ERROR_ARGUMENT);
    weft_program_free(p);
    p = weft_compile(&none, 1);
    ck_assert_int_eq(weft_program_status(p), WEFT_ERROR_ARGUMENT);
    weft_program_free(p);
    p = weft_compile(NULL, 0);
    ck_assert_int_eq(weft_program_status(p), WEFT_ERROR_ARGUMENT);
    weft_program_free(p);
    weft_node failed = weft_add(mixed[0], mixed[1]);
    p = weft_compile(&failed, 1); /* the tape's own error comes through */
    ck_assert_int_eq(weft_program_status(p), WEFT_ERROR_ARGUMENT);
    ck_assert_str_eq(weft_program_message(p), weft_tape_message(t));
    weft_program_free(p);
    weft_tape_free(other);
}
END_TEST

START_TEST(nothing_crashes_on_null)
{
    weft_program_free(NULL);
    ck_assert_int_eq(weft_run(NULL), WEFT_ERROR_MEMORY);
    ck_assert_int_eq(weft_bind(NULL, (weft_node){0}, NULL, 0), WEFT_ERROR_MEMORY);
    ck_assert_int_eq(weft_parameter_write(NULL, (weft_node){0}, NULL, 0), WEFT_ERROR_MEMORY);
    ck_assert_ptr_null(weft_output(NULL, 0));
    ck_assert_uint_eq(weft_program_memory(NULL).peak, 0);
    ck_assert_str_eq(weft_program_message(NULL), "out of memory");
}
END_TEST

START_TEST(an_index_out_of_range_is_an_error_of_the_run)
{
    weft_node table = weft_input(t, "table", WEFT_F64, 2, (size_t[]){3, 2}), index = weft_input(t, "index", WEFT_I64, 1, (size_t[]){2});
    const weft_node out[] = {weft_gather(table, index), weft_scatter_add(weft_gather(table, index), index, 2)};
    weft_program *p = weft_compile(out, 2);
    int64_t at[] = {1, 3};
    weft_bind(p, table, (double[]){1, 2, 3, 4, 5, 6}, 6 * sizeof(double));
    weft_bind(p, index, at, sizeof at);
    ck_assert_int_eq(weft_run(p), WEFT_ERROR_INDEX);
    ck_assert_str_eq(weft_program_message(p), "take: index[1] is 3; along the axis there are 0 to 2");
    ck_assert_ptr_null(weft_output(p, 0));
    at[1] = -1;
    ck_assert_int_eq(weft_run(p), WEFT_ERROR_INDEX);
    at[1] = 2;
    ck_assert_int_eq(weft_run(p), WEFT_ERROR_INDEX);
    ck_assert_str_eq(weft_program_message(p), "scatter_add: index[1] is 2; along the axis of the result there are 0 to 1");
    at[1] = 1;
    ck_assert_int_eq(weft_run(p), WEFT_OK); /* an error of a run does not stick */
    expect(p, 1, (double[]){0, 0, 6, 8}, 4);
    weft_program_free(p);
}
END_TEST

/* --- parameters --- */

START_TEST(assignment_happens_at_the_end_of_a_run)
{
    weft_node a = weft_parameter(t, "a", WEFT_F64, 0, NULL), b = weft_parameter(t, "b", WEFT_F64, 0, NULL);
    const weft_node out[] = {weft_assign(a, b), weft_assign(b, weft_add(a, b)), a}; /* Fibonacci, by a swap that reads old values */
    weft_program *p = weft_compile(out, 3);
    double value = 0;
    ck_assert_msg(weft_parameter_write(p, b, (double[]){1}, sizeof value) == WEFT_OK, "%s", weft_program_message(p));
    const double fibonacci[] = {0, 1, 1, 2, 3, 5, 8, 13};
    for (int i = 0; i < 8; i++) {
        ck_assert_int_eq(weft_run(p), WEFT_OK);
        expect(p, 2, &fibonacci[i], 1);
    }
    ck_assert_int_eq(weft_parameter_read(p, b, &value, sizeof value), WEFT_OK);
    ck_assert_double_eq(value, 34);
    weft_program_free(p);
}
END_TEST

START_TEST(a_failed_run_assigns_nothing)
{
    weft_node w = weft_parameter(t, "w", WEFT_F64, 2, (size_t[]){1, 1}), index = weft_input(t, "index", WEFT_I64, 1, (size_t[]){1});
    weft_node next = weft_assign(w, weft_add(w, weft_scalar(t, WEFT_F64, 1)));
    const weft_node out[] = {next, weft_gather(w, index)};
    weft_program *p = weft_compile(out, 2);
    weft_bind(p, index, (int64_t[]){5}, sizeof(int64_t));
    ck_assert_int_eq(weft_run(p), WEFT_ERROR_INDEX);
    double value = 9;
    weft_parameter_read(p, w, &value, sizeof value);
    ck_assert_double_eq(value, 0);
    weft_program_free(p);
}
END_TEST

START_TEST(two_assignments_of_one_parameter_are_refused)
{
    weft_node w = weft_parameter(t, "w", WEFT_F64, 0, NULL);
    const weft_node out[] = {weft_assign(w, weft_neg(w)), weft_assign(w, weft_exp(w))};
    weft_program *p = weft_compile(out, 2);
    ck_assert_int_eq(weft_program_status(p), WEFT_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(weft_program_message(p), "\"w\" is assigned twice"));
    weft_program_free(p);
}
END_TEST

/* Momentum by hand: v = m v + g, w = w - r v, for two steps of g = 2 w. */
START_TEST(sgd_follows_its_formula)
{
    weft_node w = weft_parameter(t, "w", WEFT_F64, 0, NULL), v = weft_parameter(t, "v", WEFT_F64, 0, NULL), dw, out[2];
    weft_grad(weft_mul(w, w), &w, 1, &dw);
    weft_sgd(w, dw, v, weft_scalar(t, WEFT_F64, 0.125), 0.5, out);
    weft_program *p = weft_compile(out, 2);
    double at = 4, speed = 0, value;
    weft_parameter_write(p, w, &at, sizeof at);
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(weft_run(p), WEFT_OK);
        speed = 0.5 * speed + 2 * at; /* powers of two: exact */
        at -= 0.125 * speed;
        weft_parameter_read(p, w, &value, sizeof value);
        ck_assert_double_eq(value, at);
    }
    weft_program_free(p);
}
END_TEST

/* --- memory --- */

typedef struct counter {
    size_t allocations;
} counter;

static void *counted(void *context, size_t bytes)
{
    ((counter *)context)->allocations++;
    return malloc(bytes);
}

static void released(void *context, void *memory, size_t bytes)
{
    (void)context, (void)bytes;
    free(memory);
}

START_TEST(running_allocates_nothing_and_repeats_its_bits)
{
    counter c = {0};
    weft_allocator allocator = {counted, released, &c};
    weft_tape *tape = weft_tape_new(&allocator);
    weft_node h = weft_input(tape, "h", WEFT_F32, 2, (size_t[]){257, 31}), g = weft_input(tape, "g", WEFT_F32, 1, (size_t[]){31});
    weft_node y = _i ? weft_fused_batchnorm(h, g, g, 1e-5) : weft_batchnorm(h, g, g, 1e-5), out[2];
    weft_grad(weft_sum(weft_mul(y, weft_mul(y, h)), WEFT_ALL_AXES, false), (const weft_node[]){h, g}, 2, out);
    weft_program *p = weft_compile(out, 2);
    static float data[257 * 31], gamma[31], first[257 * 31];
    uint64_t seed = 8;
    for (size_t i = 0; i < 257 * 31; i++)
        data[i] = (float)draw_normal(&seed);
    for (size_t i = 0; i < 31; i++)
        gamma[i] = (float)draw_normal(&seed);
    size_t before = c.allocations;
    weft_bind(p, h, data, sizeof data);
    weft_bind(p, g, gamma, sizeof gamma);
    ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
    memcpy(first, weft_output(p, 0), sizeof first);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(weft_run(p), WEFT_OK);
        ck_assert_int_eq(memcmp(first, weft_output(p, 0), sizeof first), 0);
    }
    ck_assert_uint_eq(c.allocations, before);
    weft_program *again = weft_compile(out, 2);
    weft_bind(again, h, data, sizeof data);
    weft_bind(again, g, gamma, sizeof gamma);
    ck_assert_int_eq(weft_run(again), WEFT_OK);
    ck_assert_int_eq(memcmp(first, weft_output(again, 0), sizeof first), 0);
    weft_program_free(again);
    weft_program_free(p);
    weft_tape_free(tape);
}
END_TEST

/* A chain of elementwise nodes is one loop, and only its last value lies in memory. */
START_TEST(a_chain_is_one_loop)
{
    size_t n = 10000, bytes = n * sizeof(double);
    weft_node x = vector("x", n), y = x;
    for (int i = 0; i < 50; i++)
        y = weft_exp(y);
    weft_program *p = compile(y);
    ck_assert_uint_eq(weft_program_memory(p).steps, 1);
    ck_assert_uint_le(weft_program_memory(p).peak, bytes + 32768);
    weft_program_free(p);
}
END_TEST

/* A chain whose links wait for a sum needs two buffers, whatever its length is; with its gradient, one for each value that the backward
 * part reads. Adjoints take two more, and small tiles and sums some KiB. */
START_TEST(buffers_are_reused)
{
    size_t n = 10000, bytes = n * sizeof(double);
    weft_node x = vector("x", n), y = x;
    for (int i = 0; i < 50; i++)
        y = weft_exp(weft_sub(y, weft_sum(y, WEFT_ALL_AXES, false)));
    weft_program *p = compile(y);
    ck_assert_uint_le(weft_program_memory(p).peak, 2 * bytes + 32768);
    ck_assert_uint_eq(weft_program_memory(p).kept, 0);
    ck_assert_uint_eq(weft_program_memory(p).steps, 51); /* the sum of x; the exponential of each difference, with its sum */
    weft_program_free(p);
    weft_node dx;
    weft_grad(weft_sum(y, WEFT_ALL_AXES, false), &x, 1, &dx);
    p = compile(dx);
    ck_assert_uint_ge(weft_program_memory(p).kept, 50 * bytes); /* e**a is its own derivative: all 50 values are read again */
    ck_assert_uint_le(weft_program_memory(p).kept, 50 * bytes + 50 * sizeof(double));
    ck_assert_uint_le(weft_program_memory(p).peak, 53 * bytes + 32768);
    weft_program_free(p);
}
END_TEST

START_TEST(what_is_not_needed_is_not_run)
{
    weft_node x = vector("x", 4), y = weft_exp(x);
    weft_log(weft_neg(y));
    weft_program *p = compile(y);
    ck_assert_uint_eq(weft_program_memory(p).steps, 1);
    weft_program_free(p);
}
END_TEST

/* --- wide small nodes --- */

/* sum, mean and rstd keep f64 inside: (x - mean) of an offset that f32 cannot hold comes out exact. */
START_TEST(small_nodes_are_wide)
{
    enum { ROWS = 3 };
    const float x[ROWS] = {16777216, 16777218, 16777220}; /* 2**24 and its next neighbours: their sum needs 26 bits */
    weft_node h = weft_input(t, "h", WEFT_F32, 1, (size_t[]){ROWS}), mean = weft_mean(h, 1, false);
    const weft_node out[] = {weft_sub(h, mean), mean, weft_sum(h, 1, false)};
    weft_program *p = weft_compile(out, 3);
    weft_bind(p, h, x, sizeof x);
    ck_assert_int_eq(weft_run(p), WEFT_OK);
    const float *centred = weft_output(p, 0);
    ck_assert(centred[0] == -2 && centred[1] == 0 && centred[2] == 2);
    ck_assert_float_eq(*(const float *)weft_output(p, 1), 16777218); /* read out, f32 again */
    weft_program_free(p);
}
END_TEST

/* Wide nodes must stay small: a sum spread out again is f32, in memory too. */
START_TEST(large_nodes_are_not_wide)
{
    size_t rows = 1000, columns = 64, array = rows * columns * sizeof(float);
    weft_node h = weft_input(t, "h", WEFT_F32, 2, (size_t[]){rows, columns}), sum = weft_sum(h, 1, false);
    weft_node spread = weft_mul(weft_broadcast(sum, 2, (size_t[]){rows, columns}), weft_broadcast(sum, 2, (size_t[]){rows, columns}));
    weft_program *p = compile(spread);
    ck_assert_uint_le(weft_program_memory(p).peak, array + 64 * 1024);
    weft_program_free(p);
}
END_TEST

/* --- edges --- */

START_TEST(empty_arrays_everywhere)
{
    weft_node x = weft_input(t, "x", WEFT_F64, 2, (size_t[]){0, 3}), w = weft_input(t, "w", WEFT_F64, 2, (size_t[]){3, 2});
    weft_node index = weft_input(t, "index", WEFT_I64, 1, (size_t[]){0}), g = weft_input(t, "g", WEFT_F64, 1, (size_t[]){3});
    weft_node y = weft_fused_batchnorm(x, g, g, 1e-5), dx[2];
    weft_grad(weft_sum(y, WEFT_ALL_AXES, false), (const weft_node[]){x, g}, 2, dx);
    const weft_node out[] = {weft_matmul(x, w), weft_gather(w, index), weft_scatter_add(x, index, 2), weft_max(x, WEFT_AXIS(1), false), y,
                             dx[0], dx[1], weft_matmul(weft_transpose(x, NULL), x)};
    weft_program *p = weft_compile(out, 8);
    ck_assert_int_eq(weft_bind(p, x, NULL, 0), WEFT_OK);
    weft_bind(p, index, NULL, 0);
    weft_bind(p, w, (double[]){1, 2, 3, 4, 5, 6}, 6 * sizeof(double));
    weft_bind(p, g, (double[]){1, 2, 3}, 3 * sizeof(double));
    ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
    expect(p, 2, (double[]){0, 0, 0, 0, 0, 0}, 6);
    expect(p, 6, (double[]){0, 0, 0}, 3);
    expect(p, 7, (double[]){0, 0, 0, 0, 0, 0, 0, 0, 0}, 9);
    weft_program_free(p);
}
END_TEST

START_TEST(rank_eight_runs)
{
    size_t dim[8] = {2, 1, 3, 1, 2, 2, 1, 2};
    weft_node x = weft_input(t, "x", WEFT_F64, 8, dim);
    weft_node turned = weft_transpose(x, (int[]){7, 5, 4, 2, 0, 1, 3, 6});
    weft_node y = weft_sum(weft_mul(turned, weft_sum(turned, WEFT_AXIS(3), true)), WEFT_AXIS(0) | WEFT_AXIS(2) | WEFT_AXIS(4), false);
    weft_program *p = compile(y);
    double data[48], expected[6] = {0};
    for (size_t i = 0; i < 48; i++)
        data[i] = (double)(i * i % 11);
    for (size_t a = 0; a < 2; a++) /* x[a, 0, c, 0, e, f, 0, h] -> y[f, c] */
        for (size_t c = 0; c < 3; c++)
            for (size_t e = 0; e < 2; e++)
                for (size_t f = 0; f < 2; f++)
                    for (size_t k = 0; k < 2; k++) {
                        double sum = 0;
                        for (size_t l = 0; l < 3; l++)
                            sum += data[((((a * 3 + l) * 2 + e) * 2 + f) * 2) + k];
                        expected[f * 3 + c] += data[((((a * 3 + c) * 2 + e) * 2 + f) * 2) + k] * sum;
                    }
    weft_bind(p, x, data, sizeof data);
    ck_assert_int_eq(weft_run(p), WEFT_OK);
    expect(p, 0, expected, 6);
    weft_program_free(p);
}
END_TEST

/* PyTorch's conventions at kinks, from its documentation: relu'(0) = 0, |x|'(0) = 0, maximum shares a tie, amax shares among ties. */
START_TEST(kinks_follow_the_convention)
{
    weft_node x = vector("x", 3), z = weft_full_like(x, 0), out[5];
    weft_grad(weft_sum(weft_relu(x), 1, false), &x, 1, &out[0]);
    weft_grad(weft_sum(weft_abs(x), 1, false), &x, 1, &out[1]);
    weft_grad(weft_sum(weft_maximum(x, z), 1, false), &x, 1, &out[2]);
    weft_grad(weft_max(x, 1, false), &x, 1, &out[3]);
    weft_grad(weft_sum(weft_pow(x, weft_scalar(t, WEFT_F64, 0)), 1, false), &x, 1, &out[4]);
    weft_program *p = weft_compile(out, 5);
    weft_bind(p, x, (double[]){0, 0, -2}, 3 * sizeof(double));
    ck_assert_int_eq(weft_run(p), WEFT_OK);
    expect(p, 0, (double[]){0, 0, 0}, 3);
    expect(p, 1, (double[]){0, 0, -1}, 3);
    expect(p, 2, (double[]){0.5, 0.5, 0}, 3);
    expect(p, 3, (double[]){0.5, 0.5, 0}, 3);
    expect(p, 4, (double[]){0, 0, 0}, 3);
    weft_program_free(p);
}
END_TEST

START_TEST(nan_and_infinity_pass_through)
{
    weft_node x = vector("x", 3);
    const weft_node out[] = {weft_relu(x), weft_max(x, 1, false), weft_maximum(x, weft_full_like(x, 1)), weft_sum(x, 1, false), weft_sign(x)};
    weft_program *p = weft_compile(out, 5);
    weft_bind(p, x, (double[]){NAN, INFINITY, -1}, 3 * sizeof(double));
    ck_assert_int_eq(weft_run(p), WEFT_OK);
    ck_assert(isnan(((const double *)weft_output(p, 0))[0]) && isinf(((const double *)weft_output(p, 0))[1]));
    for (size_t k = 1; k < 5; k++)
        ck_assert_double_nan(*(const double *)weft_output(p, k));
    weft_program_free(p);
}
END_TEST

START_TEST(powers_are_exact_where_they_should_be)
{
    weft_node x = vector("x", 4), out[6];
    const double exponent[] = {2, -1, 0.5, -0.5, 1, 0}, data[] = {0.1, 3, 1e-200, 7};
    for (int k = 0; k < 6; k++)
        out[k] = weft_pow(x, weft_scalar(t, WEFT_F64, exponent[k]));
    weft_program *p = weft_compile(out, 6);
    weft_bind(p, x, data, sizeof data);
    ck_assert_int_eq(weft_run(p), WEFT_OK);
    for (int i = 0; i < 4; i++) {
        double a = data[i], expected[] = {a * a, 1 / a, sqrt(a), 1 / sqrt(a), a, 1};
        for (size_t k = 0; k < 6; k++)
            ck_assert_double_eq(((const double *)weft_output(p, k))[i], expected[k]);
    }
    weft_program_free(p);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("program");
    TCase *run = tcase_create("run");
    tcase_add_checked_fixture(run, set_up, tear_down);
    tcase_add_test(run, the_example_of_the_header);
    tcase_add_test(run, a_program_outlives_its_tape);
    tcase_add_test(run, outputs_may_be_anything);
    tcase_add_test(run, bad_use_is_named);
    tcase_add_test(run, compiling_refuses_what_it_cannot_run);
    tcase_add_test(run, nothing_crashes_on_null);
    tcase_add_test(run, an_index_out_of_range_is_an_error_of_the_run);
    tcase_add_test(run, assignment_happens_at_the_end_of_a_run);
    tcase_add_test(run, a_failed_run_assigns_nothing);
    tcase_add_test(run, two_assignments_of_one_parameter_are_refused);
    tcase_add_test(run, sgd_follows_its_formula);
    tcase_add_loop_test(run, running_allocates_nothing_and_repeats_its_bits, 0, 2);
    tcase_add_test(run, a_chain_is_one_loop);
    tcase_add_test(run, buffers_are_reused);
    tcase_add_test(run, what_is_not_needed_is_not_run);
    tcase_add_test(run, small_nodes_are_wide);
    tcase_add_test(run, large_nodes_are_not_wide);
    tcase_add_test(run, empty_arrays_everywhere);
    tcase_add_test(run, rank_eight_runs);
    tcase_add_test(run, kinks_follow_the_convention);
    tcase_add_test(run, nan_and_infinity_pass_through);
    tcase_add_test(run, powers_are_exact_where_they_should_be);
    suite_add_tcase(suite, run);
    return run_suite(suite);
}

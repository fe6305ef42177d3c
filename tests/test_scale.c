/* test_scale.c: a tape of a million nodes records, differentiates and runs without recursion, and in time and memory that grow with
 * its length. Linear is judged by counted work, not by a clock: bytes a node, allocations, steps. */
#include "tests/suite.h"
#include "weft_op.h"

#include <math.h>
#include <stdlib.h>
#include <sys/resource.h>

enum { NODES = 1000000 };

/* x -> a x + b, again and again: two nodes a turn. */
static weft_node chain(weft_tape *t, weft_node x, uint32_t nodes)
{
    weft_node a = weft_scalar(t, WEFT_F64, 0.999), b = weft_scalar(t, WEFT_F64, 0.001);
    while (weft_tape_count(t) < nodes)
        x = weft_add(weft_mul(a, x), b);
    return x;
}

START_TEST(a_million_nodes)
{
    struct rlimit small = {256 * 1024, 256 * 1024}; /* of stack: recursion over the tape would not fit */
    setrlimit(RLIMIT_STACK, &small);
    weft_tape *t = weft_tape_new(NULL);
    weft_node x = weft_input(t, "x", WEFT_F64, 0, NULL), y = chain(t, x, NODES), dx;
    ck_assert_uint_ge(weft_tape_count(t), NODES);
    ck_assert_uint_le(weft_tape_bytes(t), 160 * (size_t)NODES);
    ck_assert_int_eq(weft_tape_verify(t), WEFT_OK);
    ck_assert_int_eq(weft_grad(y, &x, 1, &dx), WEFT_OK);
    const weft_node out[] = {y, dx};
    weft_program *p = weft_compile(out, 2);
    ck_assert_msg(weft_program_status(p) == WEFT_OK, "%s", weft_program_message(p));
    double at = 2;
    weft_bind(p, x, &at, sizeof at);
    ck_assert_int_eq(weft_run(p), WEFT_OK);
    double turns = (double)((NODES - 3 + 1) / 2), slope = pow(0.999, turns); /* d/dx of turns times a x + b; y tends to 1 */
    ck_assert_double_eq_tol(*(const double *)weft_output(p, 0), 1 + slope, 1e-9);
    ck_assert_double_eq_tol(*(const double *)weft_output(p, 1), slope, 1e-9);
    ck_assert_uint_le(weft_program_memory(p).peak, 16 * (size_t)NODES);
    weft_program_free(p);
    weft_tape_free(t);
}
END_TEST

static void *counted(void *context, size_t bytes)
{
    *(size_t *)context += bytes;
    return malloc(bytes);
}

static void released(void *context, void *memory, size_t bytes)
{
    (void)context, (void)bytes;
    free(memory);
}

/* All bytes ever asked for by record, derive, compile and run. */
static size_t work(uint32_t nodes)
{
    size_t bytes = 0;
    weft_allocator allocator = {counted, released, &bytes};
    weft_tape *t = weft_tape_new(&allocator);
    weft_node x = weft_input(t, "x", WEFT_F64, 0, NULL), y = chain(t, x, nodes), dx;
    weft_grad(y, &x, 1, &dx);
    weft_program *p = weft_compile(&dx, 1);
    ck_assert_int_eq(weft_program_status(p), WEFT_OK);
    weft_program_free(p);
    weft_tape_free(t);
    return bytes;
}

START_TEST(memory_grows_linearly)
{
    size_t small = work(50000), large = work(400000);
    ck_assert_msg(large < 8 * small + 8 * small / 2, "8 times the nodes ask for %.1f times the bytes", (double)large / (double)small);
}
END_TEST

/* A fan-out of many users adds up in one pass. */
START_TEST(a_wide_fan_out)
{
    weft_tape *t = weft_tape_new(NULL);
    weft_node x = weft_input(t, "x", WEFT_F64, 0, NULL), y = x, dx;
    for (int i = 1; i < 20000; i++)
        y = weft_add(y, x);
    ck_assert_int_eq(weft_grad(y, &x, 1, &dx), WEFT_OK);
    weft_program *p = weft_compile(&dx, 1);
    weft_bind(p, x, (double[]){3}, sizeof(double));
    ck_assert_int_eq(weft_run(p), WEFT_OK);
    ck_assert_double_eq(*(const double *)weft_output(p, 0), 20000);
    weft_program_free(p);
    weft_tape_free(t);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("scale");
    TCase *scale = tcase_create("scale");
    tcase_set_timeout(scale, 120);
    tcase_add_test(scale, a_million_nodes);
    tcase_add_test(scale, memory_grows_linearly);
    tcase_add_test(scale, a_wide_fan_out);
    suite_add_tcase(suite, scale);
    return run_suite(suite);
}

/* test_threads_pool.c: the pool of threads that a program has survives what may happen to it, and its runs end. */
#define _POSIX_C_SOURCE 200809L /* clock_gettime() */
#include "tests/faulty.h"
#include "tests/suite.h"
#include "tests/threaded.h"

#include <stdint.h>
#include <string.h>
#include <time.h>

#if defined(WEFT_THREADS)
#include <pthread.h>
#endif

/* The sum of the batch norm of h, and its gradient: several loops that are shared. */
static graph large_graph(weft_tape *tape)
{
    graph g = {.tape = tape};
    weft_node h = add_input(&g, WEFT_F32, 2, (const size_t[]){2048, 128}, true), gamma = add_input(&g, WEFT_F32, 1, (const size_t[]){128}, true);
    g.out[0] = weft_batchnorm(h, gamma, gamma, 1e-5);
    weft_grad(weft_sum(weft_mul(weft_exp(g.out[0]), h), WEFT_ALL_AXES, false), &h, 1, g.out + 1);
    g.out[2] = weft_matmul(weft_transpose(h, NULL), h);
    g.n_out = 3;
    return g;
}

START_TEST(a_program_may_end_without_a_run)
{
    graph g = large_graph(weft_tape_new(NULL));
    for (int i = 0; i < 50; i++)
        weft_program_free(compile_for(&g, 1 + i % 9));
    graph_free(&g);
}
END_TEST

START_TEST(the_number_of_threads_is_checked)
{
    graph g = large_graph(weft_tape_new(NULL));
    weft_program *p = weft_compile_with(g.out, 2, &(weft_options){.threads = -2});
    ck_assert_int_eq(weft_program_status(p), WEFT_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(weft_program_message(p), "-2 threads"));
    ck_assert_int_eq(weft_run(p), WEFT_ERROR_ARGUMENT);
    weft_program_free(p);
    static const int good[] = {WEFT_ALL_CORES, 0, 1, 1000000};
    for (size_t i = 0; i < 4; i++) {
        p = compile_for(&g, good[i]);
        ck_assert_int_eq(weft_run(p), WEFT_OK);
        weft_program_free(p);
    }
    graph_free(&g);
}
END_TEST

/* Workers of the one come late to a job or to its end in every possible way: many short runs. */
START_TEST(many_runs_have_the_same_bits)
{
    graph g = large_graph(weft_tape_new(NULL));
    weft_program *one = compile_for(&g, 1), *p = compile_for(&g, 3);
    weft_run(one);
    for (int i = 0; i < 100; i++) {
        ck_assert_int_eq(weft_run(p), WEFT_OK);
        ck_assert(!memcmp(weft_output(one, 1), weft_output(p, 1), bytes_of(g.out[1])));
        ck_assert(!memcmp(weft_output(one, 2), weft_output(p, 2), bytes_of(g.out[2])));
    }
    weft_program_free(p);
    weft_program_free(one);
    graph_free(&g);
}
END_TEST

#if defined(CLOCK_PROCESS_CPUTIME_ID) && defined(CLOCK_THREAD_CPUTIME_ID)
static double seconds_of(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Whatever OpenBLAS would do by itself: a product is computed on as many threads as the program was compiled for. */
START_TEST(one_thread_is_one_thread)
{
    size_t n = 400;
    graph g = graph_new();
    weft_node a = add_input(&g, WEFT_F64, 2, (const size_t[]){n, n}, true);
    g.out[0] = weft_matmul(a, a);
    g.n_out = 1;
    weft_program *p = compile_for(&g, 1);
    double others = 0, own = 0;
    for (int i = 0; i < 3; i++) { /* of which one, at least, in a moment when nothing else ends */
        double all_before = seconds_of(CLOCK_PROCESS_CPUTIME_ID), own_before = seconds_of(CLOCK_THREAD_CPUTIME_ID);
        for (int k = 0; k < 5; k++)
            ck_assert_int_eq(weft_run(p), WEFT_OK);
        own = seconds_of(CLOCK_THREAD_CPUTIME_ID) - own_before;
        others = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - all_before - own;
        if (others < 0.1 * own)
            break;
    }
    ck_assert_msg(others < 0.1 * own, "the caller took %g s, other threads %g s", own, others);
    weft_program_free(p);
    graph_free(&g);
}
END_TEST
#endif

#if defined(WEFT_THREADS)
static void *run_often(void *context)
{
    const graph *g = context;
    weft_program *p = compile_for(g, 2), *one = compile_for(g, 1);
    bool good = weft_run(one) == WEFT_OK;
    for (int i = 0; i < 40; i++)
        good &= weft_run(p) == WEFT_OK && !memcmp(weft_output(one, 1), weft_output(p, 1), bytes_of(g->out[1])) &&
                !memcmp(weft_output(one, 2), weft_output(p, 2), bytes_of(g->out[2]));
    weft_program_free(p);
    weft_program_free(one);
    return good ? context : NULL;
}

START_TEST(two_programs_run_at_once)
{
    graph g[2];
    pthread_t thread[2];
    for (int i = 0; i < 2; i++)
        g[i] = large_graph(weft_tape_new(NULL));
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_create(&thread[i], NULL, run_often, &g[i]), 0);
    for (int i = 0; i < 2; i++) {
        void *good;
        pthread_join(thread[i], &good);
        ck_assert_ptr_nonnull(good);
        graph_free(&g[i]);
    }
}
END_TEST
#endif

/* --- memory --- */

START_TEST(every_allocation_may_fail)
{
    faulty f = {0};
    weft_allocator allocator = faulty_allocator(&f);
    graph g = large_graph(weft_tape_new(&allocator));
    weft_options options = test_way();
    options.threads = 3;
    weft_program_free(weft_compile_with(g.out, (size_t)g.n_out, &options)); /* what the tape grows by, it keeps */
    size_t recorded = f.live, before = f.count;
    weft_program *p = compile_for(&g, 3);
    size_t all = f.count - before;
    ck_assert_int_eq(weft_run(p), WEFT_OK);
    ck_assert_int_eq(weft_run(p), WEFT_OK);
    ck_assert_uint_eq(f.count, before + all); /* running allocates nothing */
    weft_program_free(p);
    ck_assert_uint_eq(f.live, recorded);
    ck_assert_uint_gt(all, 20);
    for (size_t n = 1; n <= all; n++) {
        f.fail_at = before = f.count + n;
        weft_mark mark = weft_tape_mark(g.tape);
        p = weft_compile_with(g.out, (size_t)g.n_out, &options);
        bool reached = f.count >= before; /* hash tables grow sooner or later, since their keys hold addresses */
        bool mended = options.backend == WEFT_BACKEND_C && weft_program_status(p) == WEFT_OK; /* what the cache could not be read for is compiled */
        ck_assert_msg(mended || weft_program_status(p) == (reached ? WEFT_ERROR_MEMORY : WEFT_OK), "allocation %zu of %zu failed, and the status is \"%s\"", n,
                      all, weft_status_text(weft_program_status(p)));
        weft_program_free(p);
        weft_tape_rewind(g.tape, mark); /* forgets the error */
        ck_assert_msg(f.live == recorded, "allocation %zu of %zu failed, and %zu bytes leaked", n, all, f.live - recorded);
    }
    graph_free(&g);
    ck_assert_uint_eq(f.live, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("threads_pool");
    TCase *pools = tcase_create("pools");
    tcase_set_timeout(pools, 300);
    tcase_add_test(pools, a_program_may_end_without_a_run);
    tcase_add_test(pools, the_number_of_threads_is_checked);
    tcase_add_test(pools, many_runs_have_the_same_bits);
#if defined(CLOCK_PROCESS_CPUTIME_ID) && defined(CLOCK_THREAD_CPUTIME_ID)
    tcase_add_test(pools, one_thread_is_one_thread);
#endif
#if defined(WEFT_THREADS)
    tcase_add_test(pools, two_programs_run_at_once);
#endif
    tcase_add_test(pools, every_allocation_may_fail);
    suite_add_tcase(suite, pools);
    return run_suite(suite);
}

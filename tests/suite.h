/* suite.h: how every Check program of the project starts and ends. */
#ifndef WEFT_TESTS_SUITE_H
#define WEFT_TESTS_SUITE_H

#include "engine/weft_op.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* How weft_compile() compiles in a test: the environment's WEFT_TEST_WAY, so that one suite is run in many ways. Nothing: the defaults. */
static inline weft_options test_way(void)
{
    const char *asked = getenv("WEFT_TEST_WAY");
    weft_options options = {.rewriting = WEFT_REWRITE_DEFAULT};
    if (asked && strstr(asked, "unrewritten"))
        options.rewriting = WEFT_REWRITE_NONE;
    if (asked && strstr(asked, "exact"))
        options.rewriting = WEFT_REWRITE_EXACT;
    if (asked && strstr(asked, "compiled"))
        options.backend = WEFT_BACKEND_C;
    options.cache = getenv("WEFT_TEST_CACHE");
    options.compiler = getenv("WEFT_TEST_COMPILER");
    if (asked && strstr(asked, "threads"))
        options.threads = 3;
    return options;
}

static inline weft_program *compile_in_test_way(const weft_node *outputs, size_t n)
{
    weft_options options = test_way();
    return weft_compile_with(outputs, n, &options);
}

#define weft_compile compile_in_test_way

/* Without rewriting, whatever the way: what rewritten nodes are compared with. */
static inline weft_program *compile_as_recorded(const weft_node *outputs, size_t n)
{
    weft_options options = test_way();
    options.rewriting = WEFT_REWRITE_NONE;
    return weft_compile_with(outputs, n, &options);
}

/* A program of the outputs that has run on what is bound; the test fails where it does not. The caller frees it. */
static inline weft_program *run_outputs(const weft_node *out, size_t n_out, const weft_binding *in, size_t n_in, weft_options options)
{
    weft_program *p = weft_compile_with(out, n_out, &options);
    ck_assert_msg(weft_program_status(p) == WEFT_OK, "%s", weft_program_message(p));
    for (size_t i = 0; i < n_in; i++)
        ck_assert_int_eq(weft_bind(p, in[i].node, in[i].data, in[i].bytes), WEFT_OK);
    ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
    return p;
}

/* Runs a suite and frees it; the exit code of main. CK_VERBOSITY and CK_FORK choose as Check documents. */
static inline int run_suite(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}

#endif

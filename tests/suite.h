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

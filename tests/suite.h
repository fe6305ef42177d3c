/* suite.h: how every Check program of the project starts and ends. */
#ifndef WEFT_TESTS_SUITE_H
#define WEFT_TESTS_SUITE_H

#include <check.h>

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

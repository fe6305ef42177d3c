/* arguments.c: see arguments.h. */
#define _POSIX_C_SOURCE 200809L
#include "arguments.h"
#include "commands.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int arguments_read(int argc, char **argv, const argument_options *options, void *command)
{
    int option;
    while ((option = getopt_long(argc, argv, options->brief, options->known, NULL)) != -1) {
        if (option == 'h') {
            options->usage(stdout);
            return EXIT_GOOD;
        }
        if (option == '?' || !options->set(command, option, optarg))
            return EXIT_BAD_USAGE;
    }
    return ARGUMENTS_READ;
}

/* What was typed may be long, and hold what a terminal would obey. */
bool argument_refuse(const char *command, const char *option, const char *value, const char *want)
{
    enum { SHOWN = 120 };
    char shown[SHOWN + 4];
    size_t n = strlen(value);
    snprintf(shown, sizeof shown, n > SHOWN ? "%.120s..." : "%.120s", value);
    for (char *at = shown; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            *at = '?';
    fprintf(stderr, "weft: %s: %s %s: %s\n", command, option, shown, want);
    return false;
}

bool argument_whole(const char *command, const char *option, const char *value, uint64_t low, uint64_t high, uint64_t *x)
{
    char *end, want[80];
    errno = 0;
    *x = strtoull(value, &end, 10);
    if (*value >= '0' && *value <= '9' && !*end && !errno && *x >= low && *x <= high)
        return true;
    snprintf(want, sizeof want, "it must be a whole number from %" PRIu64 " to %" PRIu64, low, high);
    return argument_refuse(command, option, value, want);
}

bool argument_real(const char *command, const char *option, const char *value, double low, double high, double *x)
{
    char *end, want[80];
    *x = strtod(value, &end);
    if (*value && !*end && *x >= low && *x <= high)
        return true;
    snprintf(want, sizeof want, "it must be a number from %g to %g", low, high);
    return argument_refuse(command, option, value, want);
}

bool argument_truth(const char *command, const char *value, weft_truth *truth)
{
    *truth = !strcmp(value, "mpfr") ? WEFT_TRUTH_MPFR : WEFT_TRUTH_F64;
    if (*truth == WEFT_TRUTH_F64)
        return !strcmp(value, "f64") || argument_refuse(command, "--truth", value, "it must be f64 or mpfr");
    return weft_truth_available(*truth) || argument_refuse(command, "--truth", value, "Weft was built without MPFR; with libmpfr-dev installed, build it again");
}

const char *truth_name(weft_truth truth)
{
    return truth == WEFT_TRUTH_MPFR ? "mpfr" : "f64";
}

bool argument_subject(const char *command, int argc, char **argv, const char *wanted)
{
    if (optind + 1 == argc && !strcmp(argv[optind], wanted))
        return true;
    if (optind < argc)
        fprintf(stderr, "weft: %s: \"%s\" is not known; there is %s\n\n", command, argv[optind], wanted);
    else
        fprintf(stderr, "weft: %s: say what; there is %s\n\n", command, wanted);
    return false;
}

/* arguments.h: reading what people type. A value that will not do is named on stderr, with what would. */
#ifndef WEFT_DEMOS_ARGUMENTS_H
#define WEFT_DEMOS_ARGUMENTS_H

#include "weft.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Always false, after saying "weft: COMMAND: OPTION VALUE: WANT". */
bool argument_refuse(const char *command, const char *option, const char *value, const char *want);

bool argument_whole(const char *command, const char *option, const char *value, uint64_t low, uint64_t high, uint64_t *x);

bool argument_real(const char *command, const char *option, const char *value, double low, double high, double *x);

/* The options of a command. */
struct option;
typedef struct argument_options {
    const char *brief; /* as getopt_long() takes them, and known, too; one of them is 'h' */
    const struct option *known;
    bool (*set)(void *command, int option, const char *value); /* one that was given; false after saying on stderr what is wrong with it */
    void (*usage)(FILE *to);
} argument_options;

enum { ARGUMENTS_READ = -1 };

/* Hands the options to set(), one by one. ARGUMENTS_READ: the words stand from argv[optind] on. Else what the command exits with: EXIT_GOOD after
 * --help, EXIT_BAD_USAGE after one that is wrong. */
int arguments_read(int argc, char **argv, const argument_options *options, void *command);

/* --truth f64|mpfr; false after saying what is wrong, as where Weft was built without MPFR. */
bool argument_truth(const char *command, const char *value, weft_truth *truth);
const char *truth_name(weft_truth truth); /* "f64" */

/* The one word behind the options; true when it is `wanted`, else false after saying on stderr what there is. */
bool argument_subject(const char *command, int argc, char **argv, const char *wanted);

#endif

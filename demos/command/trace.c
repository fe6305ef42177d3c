/* trace.c: `weft trace`: an expression, its walk back and all its numbers as one JSON document, see trace.md. */
#define _GNU_SOURCE
#include "arguments.h"
#include "commands.h"
#include "subject.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

static void usage(FILE *to)
{
    fputs("usage: weft trace 'EXPR' [NAME=WHAT...] [OPTION...]\n"
          "       weft trace PRESET [OPTION...]\n\n"
          "Prints one JSON document: the graph of NumPy-flavoured text (see `weft eval --help`), the value and the adjoint of each node, what flows\n"
          "back along each edge, the check of the gradients by differences, and the loops of the program. demos/command/trace.md describes it; the\n"
          "explorer in the browser shows it.\n\n" SUBJECT_USAGE
          "  --through NAME,...     tells the gradient of the first array of --wrt apart by the paths that meet these\n"
          "  --elements N           larger arrays are summarised (default 4096)\n"
          "  --no-check             without the check by differences\n"
          "  --no-derivation        without the derivation on paper\n"
          "  --out FILE             write it there\n"
          "  --presets              list the examples that have names\n" LIMITS_USAGE "\n"
          "examples:\n"
          "  weft trace batchnorm --out batchnorm.json\n"
          "  weft trace 'q = x + y; q * z' x=-2 y=5 z=-4\n"
          "  weft trace 'xc = h - mean(h, 0); y = xc * xc' 'h=[[1,2],[3,5]]' --wrt h --through xc --cotangent '[[1,0],[2,-1]]'\n\n"
          "Exit: 0 traced, 2 bad usage or input.\n",
          to);
}

static bool write_trace(subject *s, const char *path)
{
    FILE *to = path ? fopen(path, "w") : stdout;
    weft_status status = WEFT_ERROR_FILE;
    if (to)
        status = weft_trace((weft_writer){weft_write_file, to}, s->y, &s->trace);
    bool closed = to && !(path ? fclose(to) : fflush(to));
    if (weft_tape_status(s->tape) != WEFT_OK)
        return limits_fail(&s->limits, weft_tape_status(s->tape), weft_tape_message(s->tape));
    if (status == WEFT_OK && closed)
        return true;
    fprintf(stderr, "weft: trace: %s: %s\n", path ? path : "stdout", errno ? strerror(errno) : weft_status_text(status));
    return false;
}

static int with_options(subject *s, int argc, char **argv)
{
    static const struct option known[] = {SUBJECT_OPTIONS,
                                          {"elements", required_argument, NULL, 'e'},
                                          {"no-check", no_argument, NULL, 'n'},
                                          {"no-derivation", no_argument, NULL, 'd'},
                                          {"out", required_argument, NULL, 'o'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    const char *path = NULL;
    uint64_t elements = 0;
    bool no_check = false, no_derivation = false;
    int option;
    if (!limits_read(&s->limits, argc, argv, "ho:", known))
        return EXIT_BAD_USAGE;
    while ((option = getopt_long(argc, argv, "ho:", known, NULL)) != -1) {
        if (option == 'h' || option == SUBJECT_PRESETS) {
            option == 'h' ? usage(stdout) : subject_print_presets();
            return EXIT_GOOD;
        }
        bool good = option == 'e'   ? argument_whole("trace", "--elements", optarg, 1, 1 << 24, &elements)
                    : option == 'o' ? *(path = optarg) || argument_refuse("trace", "--out", path, "it must be a FILE")
                    : option == 'n' ? (no_check = true)
                    : option == 'd' ? (no_derivation = true)
                                    : option != '?' && subject_set(s, option, optarg);
        if (!good)
            return EXIT_BAD_USAGE;
    }
    if (optind == argc) {
        usage(stderr);
        return EXIT_BAD_USAGE;
    }
    if (!subject_words(s, argc, argv) || !subject_record(s))
        return EXIT_BAD_USAGE;
    s->trace.most_elements = (size_t)elements;
    s->trace.no_check = no_check;
    s->trace.no_derivation = no_derivation;
    return subject_allow(s) && write_trace(s, path) ? EXIT_GOOD : EXIT_BAD_USAGE;
}

int command_trace(int argc, char **argv)
{
    static subject s;
    subject_begin(&s, "trace");
    int status = with_options(&s, argc, argv);
    subject_end(&s);
    return status;
}

/* main.c: `weft`, the command. It finds the command by name; each command reads its own options. */
#include "commands.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name, *what;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"compare", "the staged and the fused gradient of batch normalization, set against each other", command_compare},
    {"eval", "an expression over files: value, gradients, directional derivatives", command_eval},
    {"check", "the derivative of an expression against central differences", command_check},
    {"derive", "a derivative as on paper: indices, the chain rule, the closed form, every line proved", command_derive},
    {"audit", "what each node of an expression loses in f32", command_audit},
    {"why", "which node made a NaN, and why a gradient is zero", command_why},
    {"explain", "how backpropagation goes through an expression, edge by edge", command_explain},
    {"trace", "a graph, its values and its walk back, as JSON", command_trace},
    {"prove", "two expressions are equal, without tolerance, or a counterexample", command_prove},
    {"quiz", "questions about derivatives: predict, then see", command_quiz},
    {"ops", "what expressions may call, with formulas and derivatives", command_ops},
    {"train", "a network that learns handwritten digits", command_train},
    {"bench", "times, in copies of one array", command_bench},
    {"emit", "a function and its gradient as plain C99, without dependencies", command_emit},
};

static void usage(FILE *to)
{
    fprintf(to, "usage: weft COMMAND [OPTION...]\n\n");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].what);
    fprintf(to, "\nexamples:\n  weft compare batchnorm\n  weft eval 'sum(x * x)' --in x=3 --grad x\n  weft train digits --plot loss.svg\n  weft bench batchnorm\n"
                "  weft emit softmax --size 64,10\n"
                "\n`weft COMMAND --help` says more. Exit: 0 good, 1 a failed check, 2 bad usage or input.\n");
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        usage(stderr);
        return EXIT_BAD_USAGE;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
        usage(stdout);
        return EXIT_GOOD;
    }
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (!strcmp(argv[1], commands[i].name))
            return commands[i].run(argc - 1, argv + 1);
    fprintf(stderr, "weft: there is no command \"%s\"\n\n", argv[1]);
    usage(stderr);
    return EXIT_BAD_USAGE;
}

/* bench.c: `weft bench`: the command and its options. The items are in bench_*.c. */
#define _GNU_SOURCE
#include "bench.h"
#include "arguments.h"
#include "commands.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct item {
    const char *name;
    bool (*run)(bench *b);
    const char *what;
} items[] = {
    {"batchnorm", bench_batchnorm, "fused and staged, forward and with backward, f32; beside copies of h"},
    {"batchnorm-relu", bench_batchnorm_relu, "the same with ReLU behind it"},
    {"block", bench_block, "affine, batch normalization, ReLU, with backward; and what it takes beyond its matmuls"},
    {"mlp", bench_mlp, "training steps of 64-100-10 on the digits, batches of 64"},
    {"norms", bench_norms, "layernorm, groupnorm, rmsnorm, softmax, its logarithm and cross-entropy, l2_normalize, gelu; beside PyTorch where it is installed"},
    {"tape", bench_tape, "recording, differentiating, rewriting, compiling and running graphs of scalars"},
};
enum { ITEMS = sizeof items / sizeof *items };

static void usage(FILE *to)
{
    fputs("usage: weft bench ITEM [OPTION...]\n\n", to);
    for (int i = 0; i < ITEMS; i++)
        fprintf(to, "  %-16s %s\n", items[i].name, items[i].what);
    fputs("\nStaged graphs are run as written, by tiles; rewritten, by tiles; and rewritten, as compiled C. Programs take turns, a round\n"
          "being one run of each, so that all meet the same moments of the machine.\n\n"
          "  --size N,D       may be given several times (default: 64,100 256,512 4096,1024 65536,256; norms: 64,100 4096,1024)\n"
          "  --images         of batchnorm and batchnorm-relu: (32, 256, 28, 28) too, in both layouts\n"
          "  --threads N      of Weft; 0: one for each core (default: 1)\n"
          "  --seconds NUMBER for the rounds of a table, of which there are at least 9 (default: 1.5)\n"
          "  --rounds N       this many rounds instead (at most 401)\n"
          "  --no-compile     nothing as compiled C; without a compiler those rows say so\n"
          "  --no-peers       of norms: without PyTorch. WEFT_PYTHON names the Python that has it; default: python3, /usr/bin/python3\n"
          "  --json           the result as one JSON document\n\n"
          "tape takes half a minute, most of which the compiler spends on one function of a graph of 10,000 ops.\n\n"
          "examples:\n  weft bench batchnorm\n  weft bench batchnorm --size 4096,1024 --threads 2 --json\n  weft bench tape\n",
          to);
}

static bool add_size(bench *b, const char *text)
{
    char *end;
    unsigned long long n = strtoull(text, &end, 10), d = *end == ',' ? strtoull(end + 1, &end, 10) : 0;
    if (*end || !n || !d || n > (1ull << 31) / d || b->sizes == MOST_SIZES)
        return argument_refuse("bench", "--size", text, "it must be N,D with at most 2**31 elements, and there may be 16 sizes");
    b->n[b->sizes] = n;
    b->d[b->sizes++] = d;
    return true;
}

static bool set_option(bench *b, int option, const char *value)
{
    uint64_t n = 0;
    switch (option) {
    case 's':
        return add_size(b, value);
    case 'i':
        b->images = true;
        return true;
    case 't':
        if (!argument_whole("bench", "--threads", value, 0, 64, &n))
            return false;
        b->threads = n ? (int)n : WEFT_ALL_CORES;
        return true;
    case 'S':
        return argument_real("bench", "--seconds", value, 0, 3600, &b->pace.seconds);
    case 'r':
        if (!argument_whole("bench", "--rounds", value, 1, MOST_ROUNDS, &n))
            return false;
        b->pace.rounds = n;
        return true;
    case 'n':
        snprintf(b->no_compiled, sizeof b->no_compiled, "left out, as --no-compile wants it");
        return true;
    case 'p':
        b->no_peers = true;
        return true;
    default:
        return false;
    }
}

/* Tries the C backend once, on the smallest of graphs, so that each row need not find out by itself. */
static void try_compiler(bench *b)
{
    graph g;
    float one = 1;
    weft_options options = way_options(b, COMPILED);
    graph_start(&g);
    g.out[0] = weft_exp(graph_input(&g, "x", 1, (size_t[]){1}, &one));
    weft_program *p = weft_compile_with(g.out, 1, &options);
    if (weft_program_status(p) == WEFT_ERROR_COMPILER)
        bench_no_compiled(p, b->no_compiled);
    weft_program_free(p);
    weft_tape_free(g.tape);
}

static bool run_item(const struct item *item, bench *b, bool json)
{
    if (!*b->no_compiled)
        try_compiler(b);
    if (json) {
        b->json = cJSON_CreateObject();
        cJSON_AddNumberToObject(b->json, "schema", 2);
        cJSON_AddStringToObject(b->json, "command", "bench");
        cJSON_AddStringToObject(b->json, "item", item->name);
    }
    bool good = item->run(b);
    char *text = good && json ? cJSON_Print(b->json) : NULL;
    if (text)
        puts(text);
    cJSON_free(text);
    cJSON_Delete(b->json);
    return good;
}

int command_bench(int argc, char **argv)
{
    static const struct option known[] = {
        {"size", required_argument, NULL, 's'},    {"images", no_argument, NULL, 'i'},       {"threads", required_argument, NULL, 't'},
        {"seconds", required_argument, NULL, 'S'}, {"rounds", required_argument, NULL, 'r'}, {"no-compile", no_argument, NULL, 'n'},
        {"json", no_argument, NULL, 'j'},          {"help", no_argument, NULL, 'h'},         {"no-peers", no_argument, NULL, 'p'},
        {NULL, 0, NULL, 0}};
    bench b = {.pace.seconds = 1.5};
    bool json = false;
    int option;
    while ((option = getopt_long(argc, argv, "h", known, NULL)) != -1) {
        if (option == 'h') {
            usage(stdout);
            return EXIT_GOOD;
        }
        json |= option == 'j';
        if (option != 'j' && (option == '?' || !set_option(&b, option, optarg)))
            return EXIT_BAD_USAGE;
    }
    for (int i = 0; optind + 1 == argc && i < ITEMS; i++)
        if (!strcmp(argv[optind], items[i].name))
            return run_item(&items[i], &b, json) ? EXIT_GOOD : EXIT_BAD_USAGE;
    fprintf(stderr, "weft: bench: say what to measure\n\n");
    usage(stderr);
    return EXIT_BAD_USAGE;
}

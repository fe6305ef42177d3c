/* bench_tape.c: `weft bench tape`: what an op of a graph of scalars costs at each stage. The graph keeps 64 values; each cycle of five ops
 * moves one of them by the logistic map and mixes it with another, so values stay between 0 and 1, nothing folds away, and every op counts. */
#define _GNU_SOURCE
#include "bench.h"
#include "sample.h"
#include "terminal.h"

#include <dirent.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { VALUES = 64, CYCLE = 5, OPS = 100000, OPS_AS_C = 10000, DEFAULT_ROUNDS = 7 };

typedef enum stage {
    RECORD,
    AGAIN,
    DIFFERENTIATE,
    REWRITE,
    LOWER,
    COMPILE,
    REPLAY,
    REPLAY_REWRITTEN,
    C_COMPILE,
    C_TILES,
    C_RUN,
    STAGES
} stage;

static const struct {
    const char *name, *key, *unit;
} text_of[STAGES] = {
    {"record", "record_ns_per_op", "ns an op"},
    {"record again after a rewind", "record_again_ns_per_op", "ns an op"},
    {"differentiate", "differentiate_ns_per_node", "ns a node that it records"},
    {"rewrite", "rewrite_ns_per_node", "ns a node"},
    {"lower: compile, nothing rewritten", "lower_ns_per_node", "ns a node"},
    {"compile, rewritten", "compile_ns_per_node", "ns a node"},
    {"run forward and reverse, as written", "run_as_written_ns_per_op", "ns an op"},
    {"run forward and reverse, rewritten", "run_ns_per_op", "ns an op"},
    {"compile as C, nothing in the cache", "c_compile_seconds", "s"},
    {"run forward and reverse, tiles", "c_tiles_ns_per_op", "ns an op"},
    {"run forward and reverse, compiled C", "c_run_ns_per_op", "ns an op"},
};

typedef struct chain {
    weft_tape *tape;
    weft_node x[VALUES], out[1 + VALUES]; /* out: the sum of the last values, and its gradient */
    size_t ops;                           /* recorded before the gradient */
} chain;

static double input[VALUES];

static void record(chain *c, size_t ops)
{
    weft_tape *t = c->tape;
    weft_node v[VALUES], one = weft_scalar(t, WEFT_F64, 1), rate = weft_scalar(t, WEFT_F64, 3.5), half = weft_scalar(t, WEFT_F64, 0.5);
    generator g = {1};
    char name[16];
    for (int i = 0; i < VALUES; i++) {
        snprintf(name, sizeof name, "x%d", i);
        v[i] = c->x[i] = weft_input(t, name, WEFT_F64, 0, NULL);
    }
    for (size_t k = 0; k < ops / CYCLE; k++) {
        weft_node *at = &v[k % VALUES], other = v[next_bits(&g) % VALUES];
        weft_node next = weft_mul(weft_mul(rate, *at), weft_sub(one, *at));
        *at = weft_mul(half, weft_add(next, other));
    }
    weft_node sum = v[0];
    for (int i = 1; i < VALUES; i++)
        sum = weft_add(sum, v[i]);
    c->out[0] = sum;
    c->ops = weft_tape_count(t);
}

static void bind_and_run(const chain *c, weft_program *p)
{
    for (int i = 0; i < VALUES; i++)
        weft_bind(p, c->x[i], &input[i], sizeof input[i]);
    weft_run(p);
}

static void run_program(void *program)
{
    weft_run(program);
}

static double median_run(weft_program *p)
{
    timing t;
    measure(&(job){run_program, p}, 1, (pace){.rounds = FEWEST_ROUNDS}, &t);
    return t.median;
}

/* Seconds that compiling took; *p is the program, bound and run. */
static double compile(const chain *c, const weft_options *options, weft_program **p)
{
    double start = seconds_now();
    *p = weft_compile_with(c->out, 1 + VALUES, options);
    return seconds_now() - start;
}

/* A round of the large graph; sample[stage] in ns a node or an op. */
static bool run_round(const bench *b, double *sample, double *bytes)
{
#ifdef __GLIBC__
    malloc_trim(0); /* or the first recording would find memory that the round before has touched */
#endif
    chain c = {.tape = weft_tape_new(NULL)};
    weft_mark empty = weft_tape_mark(c.tape);
    weft_program *p;
    double start = seconds_now();
    record(&c, OPS);
    sample[RECORD] = 1e9 * (seconds_now() - start) / (double)c.ops;
    *bytes = (double)weft_tape_bytes(c.tape) / (double)c.ops;
    weft_tape_rewind(c.tape, empty);
    start = seconds_now();
    record(&c, OPS);
    sample[AGAIN] = 1e9 * (seconds_now() - start) / (double)c.ops;
    start = seconds_now();
    weft_grad(c.out[0], c.x, VALUES, c.out + 1);
    double nodes = weft_tape_count(c.tape);
    sample[DIFFERENTIATE] = 1e9 * (seconds_now() - start) / (nodes - (double)c.ops);
    weft_mark recorded = weft_tape_mark(c.tape);
    weft_node rewritten[1 + VALUES];
    start = seconds_now();
    weft_rewrite(c.out, 1 + VALUES, WEFT_REWRITE_DEFAULT, NULL, NULL, rewritten);
    sample[REWRITE] = 1e9 * (seconds_now() - start) / nodes;
    weft_tape_rewind(c.tape, recorded);
    bool good = weft_tape_status(c.tape) == WEFT_OK || bench_complain(weft_tape_message(c.tape));
    for (int as_written = 0; good && as_written < 2; as_written++) {
        weft_options options = way_options(b, as_written ? AS_WRITTEN : TILES);
        sample[as_written ? LOWER : COMPILE] = 1e9 * compile(&c, &options, &p) / nodes;
        bind_and_run(&c, p);
        sample[as_written ? REPLAY : REPLAY_REWRITTEN] = 1e9 * median_run(p) / (double)c.ops;
        good = weft_program_status(p) == WEFT_OK || bench_complain(weft_program_message(p));
        weft_program_free(p);
    }
    weft_tape_free(c.tape);
    return good;
}

static void remove_folder(const char *path)
{
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        if (entry->d_name[0] != '.')
            unlinkat(dirfd(folder), entry->d_name, 0);
    if (folder)
        closedir(folder);
    rmdir(path);
}

/* The small graph on both backends, once: the compiler's time dwarfs all noise. A cache of its own, or there might be nothing to compile.
 * why: what hindered it; "" when it was measured. */
static bool run_as_c(const bench *b, timing *result, char why[WHY_BYTES])
{
    const char *temporary = getenv("TMPDIR");
    char folder[512];
    weft_program *p[2];
    weft_options options = way_options(b, COMPILED);
    snprintf(folder, sizeof folder, "%.400s/weft-bench-XXXXXX", temporary && *temporary ? temporary : P_tmpdir);
    memcpy(why, b->no_compiled, WHY_BYTES);
    if (*why)
        return true;
    if (!mkdtemp(folder))
        return bench_complain("no temporary folder could be made");
    options.cache = folder;
    chain c = {.tape = weft_tape_new(NULL)};
    record(&c, OPS_AS_C);
    weft_grad(c.out[0], c.x, VALUES, c.out + 1);
    double ops = (double)c.ops, took = compile(&c, &options, &p[0]);
    if (weft_program_status(p[0]) == WEFT_ERROR_COMPILER)
        bench_no_compiled(p[0], why);
    options = way_options(b, TILES);
    compile(&c, &options, &p[1]);
    bind_and_run(&c, p[0]);
    bind_and_run(&c, p[1]);
    timing both[2];
    for (int i = 0; i < 2; i++) /* each by itself, as a program is that is run again and again: in turns they would find caches without their code */
        measure(&(const job){run_program, p[1 - i]}, 1, b->pace, &both[i]);
    for (int i = 0; i < 2; i++) {
        for (size_t k = 0; k < both[i].rounds; k++)
            both[i].sample[k] *= 1e9 / ops;
        result[C_TILES + i] = timing_of(both[i].sample, both[i].rounds);
    }
    result[C_COMPILE] = timing_of(&took, 1);
    bool good =
        (weft_program_status(p[0]) == WEFT_OK && weft_program_status(p[1]) == WEFT_OK) || bench_complain(weft_program_message(p[0]));
    weft_program_free(p[0]);
    weft_program_free(p[1]);
    weft_tape_free(c.tape);
    remove_folder(folder);
    return good;
}

static void report(const bench *b, stage s, const timing *t)
{
    if (!b->json) {
        printf("  %-38s %10.1f %10.1f to %-10.1f %s\n", text_of[s].name, t->median, t->low, t->high, text_of[s].unit);
        return;
    }
    cJSON *to = cJSON_AddObjectToObject(b->json, text_of[s].key);
    cJSON_AddNumberToObject(to, "median", t->median);
    cJSON_AddNumberToObject(to, "lower_quartile", t->low);
    cJSON_AddNumberToObject(to, "upper_quartile", t->high);
}

static void report_tape(const bench *b, double bytes)
{
    if (b->json)
        cJSON_AddNumberToObject(b->json, "tape_bytes_per_op", bytes);
    else
        printf("  %-38s %10.1f %24s %s\n", "tape", bytes, "", "bytes an op");
}

static void report_as_c(const bench *b, const timing *result, const char *why)
{
    if (!b->json)
        printf("\n%d ops\n", OPS_AS_C);
    if (*why && b->json)
        cJSON_AddStringToObject(b->json, "c_absent", why);
    else if (*why)
        printf("  %-38s %s\n", "compiled C", why);
    for (stage s = C_COMPILE; !*why && s < STAGES; s++)
        report(b, s, &result[s]);
}

bool bench_tape(bench *b)
{
    static double sample[STAGES][MOST_ROUNDS];
    static timing result[STAGES];
    double bytes = 0, of_round[STAGES];
    char why[WHY_BYTES];
    size_t rounds = b->pace.rounds ? b->pace.rounds : DEFAULT_ROUNDS;
    bool good = true;
    generator g = {7};
    for (int i = 0; i < VALUES; i++)
        input[i] = 0.1 + 0.8 * next_uniform(&g);
    for (size_t r = 0; good && r < rounds; r++) {
        good = run_round(b, of_round, &bytes);
        for (stage s = RECORD; s < C_COMPILE; s++)
            sample[s][r] = of_round[s];
    }
    if (!good || !run_as_c(b, result, why))
        return false;
    if (!b->json)
        printf("medians with quartiles; ops are those recorded before the gradient, nodes those of both\n\n%d ops\n", OPS);
    for (stage s = RECORD; s < C_COMPILE; s++) {
        result[s] = timing_of(sample[s], rounds);
        report(b, s, &result[s]);
        if (s == AGAIN)
            report_tape(b, bytes);
    }
    report_as_c(b, result, why);
    return true;
}

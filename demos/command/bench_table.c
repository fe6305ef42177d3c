/* bench_table.c: the shared part of bench.h. */
#define _GNU_SOURCE
#include "bench.h"
#include "sample.h"
#include "terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

const char *const way_name[WAYS] = {"staged as written, tiles", "staged, tiles", "staged, compiled C"};

bool bench_complain(const char *message)
{
    fprintf(stderr, "weft: bench: %s\n", message);
    return false;
}

void bench_no_compiled(const weft_program *p, char why[WHY_BYTES])
{
    snprintf(why, WHY_BYTES, "%s", weft_program_message(p));
    why[strcspn(why, ";")] = 0; /* that it runs on tiles is no news here: those have rows of their own */
}

void bench_sizes(bench *b, const size_t (*size)[2], int sizes)
{
    for (int i = 0; !b->sizes && i < sizes; i++) {
        b->n[i] = size[i][0];
        b->d[i] = size[i][1];
    }
    b->sizes = b->sizes ? b->sizes : sizes;
}

float *bench_numbers(size_t count, uint64_t seed, float low, float high)
{
    float *x = aligned_alloc(64, (count * sizeof *x + 63) / 64 * 64);
    generator g = {seed};
    if (!x)
        bench_complain("out of memory");
    for (size_t i = 0; x && i < count; i++)
        x[i] = low + (high - low) * (float)next_uniform(&g);
    return x;
}

weft_options way_options(const bench *b, way w)
{
    return (weft_options){.rewriting = w == AS_WRITTEN ? WEFT_REWRITE_NONE : WEFT_REWRITE_DEFAULT,
                          .backend = w == COMPILED ? WEFT_BACKEND_C : WEFT_BACKEND_TILES,
                          .threads = b->threads};
}

/* --- Graphs --- */

void graph_start(graph *g)
{
    *g = (graph){.tape = weft_tape_new(NULL), .outputs = 1};
}

weft_node graph_input(graph *g, const char *name, int rank, const size_t *dim, const float *data)
{
    weft_shape shape = {.rank = rank};
    memcpy(shape.dim, dim, (size_t)rank * sizeof *dim);
    weft_node x = weft_input(g->tape, name, WEFT_F32, rank, dim);
    g->in[g->inputs++] = (weft_binding){x, data, weft_shape_count(&shape) * sizeof *data};
    return x;
}

void graph_differentiate(graph *g, const weft_node *x, size_t n, weft_node dy)
{
    weft_vjp(g->out, &dy, 1, x, n, g->out + 1);
    g->outputs = 1 + n;
}

/* --- Rows --- */

void table_heading(bench *b, const char *what)
{
    static const char allocation[] =
        "A program owns its outputs: they are allocated once, when it is compiled, and touched by runs before the "
        "clock starts; nothing is allocated while it runs.";
    char threads[40] = "all cores";
    if (b->threads >= 0)
        snprintf(threads, sizeof threads, b->threads > 1 ? "%d threads" : "one thread", b->threads);
    if (b->json) {
        cJSON_AddStringToObject(b->json, "threads", threads);
        cJSON_AddStringToObject(b->json, "allocation", allocation);
        cJSON_AddArrayToObject(b->json, "tables");
    } else
        printf("%s; %s; medians of rounds in which the rows take turns, with quartiles.\n%s\n", what, threads, allocation);
}

void table_start(table *t, const bench *b, const char *base)
{
    t->b = b;
    t->n = 0;
    t->base = base;
    t->copy.to = NULL;
    t->copies = false;
}

static row *add(table *t, const char *name, const char *pass)
{
    row *r = &t->rows[t->n++];
    snprintf(r->name, sizeof r->name, "%s", name);
    r->pass = pass;
    r->program = NULL;
    r->absent[0] = 0;
    return r;
}

void table_job(table *t, const char *name, const char *pass, job j)
{
    add(t, name, pass)->job = j;
}

void table_absent(table *t, const char *name, const char *pass, const char *why)
{
    row *r = add(t, name, pass);
    snprintf(r->absent, sizeof r->absent, "%s", why);
}

static void run_program(void *program)
{
    weft_run(program);
}

bool table_program(table *t, const char *name, const char *pass, way w, graph *g)
{
    weft_options options = way_options(t->b, w);
    bool left_out = w == COMPILED && *t->b->no_compiled, good = true;
    row *r = add(t, name, pass);
    if (left_out)
        memcpy(r->absent, t->b->no_compiled, sizeof r->absent);
    else if (weft_tape_status(g->tape) != WEFT_OK)
        good = bench_complain(weft_tape_message(g->tape));
    else {
        r->program = weft_compile_with(g->out, g->outputs, &options);
        r->job = (job){run_program, r->program};
        if (weft_program_status(r->program) == WEFT_ERROR_COMPILER)
            bench_no_compiled(r->program, r->absent);
        else if (weft_program_status(r->program) != WEFT_OK)
            good = bench_complain(weft_program_message(r->program));
        for (size_t i = 0; good && i < g->inputs; i++)
            weft_bind(r->program, g->in[i].node, g->in[i].data, g->in[i].bytes);
        if (good && weft_run(r->program) != WEFT_OK)
            good = bench_complain(weft_program_message(r->program));
    }
    weft_tape_free(g->tape);
    return good;
}

static void run_memcpy(void *context)
{
    const table *t = context;
    memcpy(t->copy.to, t->copy.from, t->copy.count * sizeof(float));
    __asm__ volatile("" : : "r"(t->copy.to) : "memory"); /* or a copy that nobody reads would be left out */
}

#ifdef __SSE2__
/* Stores past the caches: what a copy costs that does not read the lines which it overwrites. */
static void run_stream(void *context)
{
    const table *t = context;
    size_t whole = t->copy.count / 4 * 4;
    for (size_t i = 0; i < whole; i += 4)
        _mm_stream_ps(t->copy.to + i, _mm_load_ps(t->copy.from + i));
    _mm_sfence();
    memcpy(t->copy.to + whole, t->copy.from + whole, (t->copy.count - whole) * sizeof(float));
}
#endif

bool table_copies(table *t, const float *from, size_t count)
{
    t->copy.from = from;
    t->copy.count = count;
    t->copy.to = bench_numbers(count, 1, 0, 1);
    t->copies = true;
    table_job(t, "memcpy", "", (job){run_memcpy, t});
#ifdef __SSE2__
    table_job(t, "non-temporal copy", "", (job){run_stream, t});
#else
    table_absent(t, "non-temporal copy", "", "needs SSE2");
#endif
    return t->copy.to != NULL;
}

void table_free(table *t)
{
    for (int k = 0; k < t->n; k++)
        weft_program_free(t->rows[k].program);
    free(t->copy.to);
}

void table_measure(table *t)
{
    static timing times[MOST_TABLE_ROWS];
    job jobs[MOST_TABLE_ROWS];
    size_t n = 0;
    for (int k = 0; k < t->n; k++)
        if (!*t->rows[k].absent)
            jobs[n++] = t->rows[k].job;
    measure(jobs, n, t->b->pace, times);
    n = 0;
    for (int k = 0; k < t->n; k++)
        if (!*t->rows[k].absent)
            t->rows[k].time = times[n++];
}

row *table_find(table *t, const char *name)
{
    for (int k = 0; k < t->n; k++)
        if (!*t->rows[k].absent && !strcmp(t->rows[k].name, name))
            return &t->rows[k];
    return NULL;
}

/* --- Printing --- */

/* How many times as long r takes as the base of its pass; 0: it has none. */
static double times_base(const table *t, const row *r)
{
    for (int k = 0; t->base && k < t->n; k++)
        if (!strcmp(t->rows[k].name, t->base) && !strcmp(t->rows[k].pass, r->pass) && !*t->rows[k].absent)
            return timing_ratio(&r->time, &t->rows[k].time);
    return 0;
}

static double in_copies(const table *t, const row *r)
{
    return timing_ratio(&r->time, &t->rows[0].time);
}

static void print_row(const table *t, const row *r)
{
    char text[UNIT_TEXT], low[UNIT_TEXT], high[UNIT_TEXT];
    printf("  %-28s", r->name);
    if (*r->absent) {
        printf("   %s\n", r->absent);
        return;
    }
    double ratio = times_base(t, r);
    printf(" %10s %10s to %-10s %9.*f", print_seconds(r->time.median, text), print_seconds(r->time.low, low),
           print_seconds(r->time.high, high), t->copies ? 2 : 0, t->copies ? in_copies(t, r) : 1 / r->time.median);
    if (ratio > 0)
        printf(" %9.2f", ratio);
    putchar('\n');
}

static void print_for_people(const table *t, const char *title)
{
    const char *pass = "";
    printf("\n%s%-30s%s %10s %24s %9s", paint(0), title, paint_end(), "time", "quartiles", t->copies ? "copies" : "a second");
    printf(t->base ? " / %s\n" : "\n", t->base);
    for (int k = 0; k < t->n; k++) {
        const row *r = &t->rows[k];
        if (strcmp(pass, r->pass))
            printf(" %s\n", r->pass);
        pass = r->pass;
        print_row(t, r);
    }
    fflush(stdout);
}

static void add_row(const table *t, const row *r, cJSON *rows)
{
    cJSON *to = cJSON_CreateObject();
    double ratio = *r->absent ? 0 : times_base(t, r);
    cJSON_AddItemToArray(rows, to);
    cJSON_AddStringToObject(to, "row", r->name);
    if (*r->pass)
        cJSON_AddStringToObject(to, "pass", r->pass);
    if (*r->absent) {
        cJSON_AddStringToObject(to, "absent", r->absent);
        return;
    }
    cJSON_AddNumberToObject(to, "seconds", r->time.median);
    cJSON_AddNumberToObject(to, "lower_quartile", r->time.low);
    cJSON_AddNumberToObject(to, "upper_quartile", r->time.high);
    cJSON_AddNumberToObject(to, "rounds", (double)r->time.rounds);
    if (t->copies)
        cJSON_AddNumberToObject(to, "copies", in_copies(t, r));
    if (ratio > 0)
        cJSON_AddNumberToObject(to, "times_fused", ratio);
}

cJSON *table_print(const table *t, const char *title)
{
    if (!t->b->json) {
        print_for_people(t, title);
        return NULL;
    }
    cJSON *to = cJSON_CreateObject();
    cJSON_AddItemToArray(cJSON_GetObjectItem(t->b->json, "tables"), to);
    cJSON_AddStringToObject(to, "title", title);
    cJSON *rows = cJSON_AddArrayToObject(to, "rows");
    for (int k = 0; k < t->n; k++)
        add_row(t, &t->rows[k], rows);
    return to;
}

/* bench.h: what the items of `weft bench` share: the options, graphs with their data, and tables of rows that are timed in turn. */
#ifndef WEFT_DEMOS_BENCH_H
#define WEFT_DEMOS_BENCH_H

#include "measure.h"
#include "weft.h"

#include <cjson/cJSON.h>

enum { MOST_SIZES = 16, MOST_TABLE_ROWS = MOST_JOBS, NAME_BYTES = 48, WHY_BYTES = 120 };

typedef struct bench {
    size_t n[MOST_SIZES], d[MOST_SIZES];
    int sizes; /* as given; 0: the item's own */
    bool images;
    int threads; /* as weft_options has them */
    pace pace;
    bool no_peers;
    char no_compiled[WHY_BYTES]; /* why there are no rows of compiled C; "": there are */
    cJSON *json;                 /* NULL: tables for people */
} bench;

/* The items. False after saying on stderr what is wrong. */
bool bench_batchnorm(bench *b);
bool bench_batchnorm_relu(bench *b);
bool bench_block(bench *b);
bool bench_mlp(bench *b);
bool bench_norms(bench *b);
bool bench_tape(bench *b);

bool bench_complain(const char *message);                           /* always false, after "weft: bench: MESSAGE" */
void bench_no_compiled(const weft_program *p, char why[WHY_BYTES]); /* why its loops could not be compiled as C */
void bench_sizes(bench *b, const size_t (*size)[2], int sizes);     /* those of the item, unless sizes were given */
float *bench_numbers(size_t count, uint64_t seed, float low, float high); /* 64-byte aligned, for free(); NULL, said on stderr: no memory */

/* How a graph becomes a program. */
typedef enum way { AS_WRITTEN, TILES, COMPILED, WAYS } way;
extern const char *const way_name[WAYS]; /* "as written, tiles", ... */
weft_options way_options(const bench *b, way w);

/* --- A graph and the data of its inputs --- */

enum { MOST_GRAPH_NODES = 8 };

typedef struct graph {
    weft_tape *tape;
    weft_node out[MOST_GRAPH_NODES];
    size_t outputs;
    weft_binding in[MOST_GRAPH_NODES];
    size_t inputs;
} graph;

void graph_start(graph *g);
weft_node graph_input(graph *g, const char *name, int rank, const size_t *dim, const float *data);
void graph_differentiate(graph *g, const weft_node *x, size_t n, weft_node dy); /* adds dx as outputs behind out[0] */

/* --- A table: rows timed in turn, so that their ratios are those of one run --- */

typedef struct row {
    char name[NAME_BYTES];
    const char *pass; /* "forward", ...; "": neither */
    job job;
    weft_program *program;  /* owned; NULL where the job is something else */
    char absent[WHY_BYTES]; /* why there is no time; "" where there is one */
    timing time;
} row;

typedef struct table {
    const bench *b;
    row rows[MOST_TABLE_ROWS];
    int n;
    const char *base; /* the row that the last column divides by, one in each pass; NULL: no such column */
    struct {
        float *to;
        const float *from;
        size_t count;
    } copy;
    bool copies;
} table;

/* What people read above the tables: units, and how the allocation of outputs is counted. The same goes into the JSON. */
void table_heading(bench *b, const char *what);

void table_start(table *t, const bench *b, const char *base);
bool table_copies(table *t, const float *from, size_t count); /* rows of a memcpy of `count` numbers and of a non-temporal copy */
void table_job(table *t, const char *name, const char *pass, job j);
void table_absent(table *t, const char *name, const char *pass, const char *why);

/* Compiles the graph, binds its inputs, runs it once, and frees the tape. Rows that need a compiler which is not there say so; anything else
 * that goes wrong is told on stderr and returns false. */
bool table_program(table *t, const char *name, const char *pass, way w, graph *g);

void table_measure(table *t);
cJSON *table_print(const table *t, const char *title); /* or into the JSON, where it returns the table's object */
void table_free(table *t);
row *table_find(table *t, const char *name); /* the first of that name that has a time; NULL: none */

#endif

/* emit_graph.h: the staged functions that `weft emit` writes as C, and their graphs. */
#ifndef WEFT_DEMOS_EMIT_GRAPH_H
#define WEFT_DEMOS_EMIT_GRAPH_H

#include "weft.h"

enum { EMIT_INPUTS = 3, EMIT_KNOWN = 10, EMIT_FORWARD = 0, EMIT_GRADIENT, EMIT_FUNCTIONS };

/* The first input is (N, D), further ones are (D). */
typedef struct emit_function {
    const char *name, *what;
    weft_node (*build)(const weft_node *x, double eps);
    const char *input[EMIT_INPUTS], *output;
} emit_function;

extern const emit_function emit_known[EMIT_KNOWN];

typedef struct emit_request {
    size_t which; /* of emit_known */
    const char *prefix; /* of files and functions */
    weft_dtype dtype;
    uint64_t rows, columns;
    double eps;
    bool no_gradient;
} emit_request;

static const emit_request emit_default = {.dtype = WEFT_F32, .rows = 64, .columns = 10, .eps = 1e-5};

/* The functions that are written, 1 or 2; names, comments and what outputs points at live in static memory until the next call. */
size_t emit_record(weft_tape *t, const emit_request *r, weft_emit_function functions[EMIT_FUNCTIONS]);

/* What was written: the paths and the functions, which point at static memory as those of emit_record() do. */
typedef struct emitted {
    char source[4096], header[4096];
    size_t n;
    weft_emit_function function[EMIT_FUNCTIONS];
} emitted;

/* PREFIX.c and PREFIX.h into a folder, which is made; false after saying on stderr what is wrong. The graph is on the tape afterwards. */
bool emit_write(weft_tape *t, const emit_request *r, const char *folder, emitted *e);

/* Options; false after saying on stderr what is wrong. */
bool emit_read_size(const char *command, const char *value, emit_request *r);
bool emit_is_prefix(const char *command, const char *value);

/* The function that is named behind the options, for `which`, and for the prefix where none is given. */
bool emit_find(const char *command, int argc, char **argv, emit_request *r);

#endif

/* trace.h: what the parts of a trace share. */
#ifndef WEFT_EXPLAIN_TRACE_H
#define WEFT_EXPLAIN_TRACE_H

#include "engine/explain/json.h"
#include "engine/explain/walk.h"

typedef struct weft__trace {
    weft_tape *tape;
    weft_node y;
    const weft_trace_options *options;
    weft_walk walk;
    weft__json json;
    bool on_paper; /* it is small enough to be written out */
    bool no_memory;
} weft__trace;

/* trace_check.c, trace_paths.c: each writes its part of the document. */
weft_status weft__trace_check(weft__trace *t);
weft_status weft__trace_paths(weft__trace *t);

/* A writer into the text of a weft__walk_store, which then ends in a NUL. */
bool weft__trace_store(void *context, const char *text, size_t bytes);

/* trace_paper.c: "index" and "tex" of a node, operand -1, or of what it sends to an operand; and the derivation. */
bool weft__trace_on_paper(const weft__trace *t);
void weft__trace_indexed(weft__trace *t, weft_node x, int operand);
weft_status weft__trace_derivation(weft__trace *t);

#endif

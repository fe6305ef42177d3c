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
} weft__trace;

/* trace_check.c, trace_paths.c: each writes its part of the document. */
weft_status weft__trace_check(weft__trace *t);
weft_status weft__trace_paths(weft__trace *t);

#endif

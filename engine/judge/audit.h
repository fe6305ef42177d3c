/* audit.h: the runs of an accuracy audit, and the errors that are read off them.
 *
 *     audit_runs.c  the graph a node at a time in f32, the same op in f64 on the same operands, the whole graph in f64
 *     audit.c       differences in ulp, the errors put in one at a time, the programs side by side, the report */
#ifndef WEFT_JUDGE_AUDIT_H
#define WEFT_JUDGE_AUDIT_H

#include "engine/judge/traced.h"

/* What is known of one node: a float node has all of these, an i64 node `stored` alone. */
typedef struct weft__audited {
    weft_node node;
    size_t count;
    weft_node replayed, error; /* on the replay tape: the node there, error added, and the input that the error is */
    void *stored;   /* (count) its result in its own dtype */
    double *exact;  /* (count) its op in f64 on the operands that it got */
    double *truth;  /* (count) */
    double *made;   /* (count) stored - exact; 0 where both are the same NaN or Inf */
} weft__audited;

typedef struct weft__audit {
    weft_tape *tape;
    const weft_node *y; /* (n_y) */
    size_t n_y;
    const weft_audit_options *options;
    weft__audited *nodes; /* (n) what y needs, in tape order */
    size_t n;
    uint32_t most;
    size_t *slot;         /* (most) where node id stands in nodes */
    weft_tape *replay;    /* the graph in f64, each node with an error added */
    weft_program *all, *outputs; /* on the replay tape: every node, and y alone */
    double *zeros;        /* (largest) */
    size_t largest;
} weft__audit;

bool weft__audit_collect(weft__audit *a); /* false: out of memory */
weft_status weft__audit_run(weft__audit *a);
void weft__audit_release(weft__audit *a);

#endif

/* audit.h: the runs of an accuracy audit, and the errors that are read off them.
 *
 *     audit_runs.c     the graph a node at a time in its own number types, the same op in f64 on the same operands, the whole graph in f64
 *     audit_precise.c  the last two in MPFR
 *     audit.c          differences in ulp, the errors put in one at a time, the programs side by side, the report */
#ifndef WEFT_JUDGE_AUDIT_H
#define WEFT_JUDGE_AUDIT_H

#include "engine/judge/precise.h"
#include "engine/judge/traced.h"

/* What is known of one node: a float node has all of these, an i64 node `stored` alone. */
typedef struct weft__audited {
    weft_node node;
    size_t count;
    weft_node replayed, error; /* on the replay tape: the node there, error added, and the input that the error is */
    void *stored;   /* (count) its result in its own dtype */
    double *exact;  /* (count) its op in f64 on the operands that it got; with MPFR of leaves alone */
    double *truth;  /* (count) */
    double *made;   /* (count) stored - exact; 0 where both are the same NaN or Inf */
    double *inherited; /* (count) exact - truth, likewise */
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
    bool by_mpfr;         /* the truth, and `exact` */
    weft__precise precise; /* then: the replay tape's graph */
    double *zeros;        /* (largest) */
    size_t largest;
} weft__audit;

weft_status weft__audit_out_of_memory(weft__audit *a);
weft_node weft__audit_again(const weft__node *node, const weft_node *x, bool wide); /* the op on operands of another tape; `wide`: in f64, as its result */
weft_status weft__audit_nodes(weft__audit *a, bool wide); /* a node at a time, and wide: in f64 as well */
void weft__audit_replay(weft__audit *a, weft_node *node); /* records it all in f64; node: (n) */
weft_status weft__audit_run_precisely(weft__audit *a);    /* in place of weft__audit_run() */
double weft__audit_difference(double a, double b);        /* 0 where both are the same NaN or Inf */

bool weft__audit_collect(weft__audit *a); /* false: out of memory */
weft_status weft__audit_run(weft__audit *a);
void weft__audit_release(weft__audit *a);

#endif

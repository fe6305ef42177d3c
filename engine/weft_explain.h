/* weft_explain.h: how backpropagation goes, step by step, for people who want to see it. A part of weft.h. */
#ifndef WEFT_EXPLAIN_H
#define WEFT_EXPLAIN_H

#include "weft.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- The walk --------------------------------------------------------------------------------------------------------------------------------
 * The forward graph of y in the order of the tape, and the way back through it: which node sends what to which of its operands, and what has arrived
 * there so far. All of it is nodes of the tape: what is sent along an edge is what weft_pull_back() records, and an adjoint is the sum of what
 * arrives. Every text is printed from them.
 *
 * A node is called by its name, or t7 where it is %7 and has none; the adjoint of h is dh. Where two would be called alike the later one gets a
 * number, mu_2. A text is one op deep in these labels: "h - mu", "dy * gamma", "sum(dxc, axis=0)"; that an array is repeated to meet a larger one
 * is not said, as NumPy needs no word for it, and a rule of several ops is written out. */

typedef enum weft_silence { /* why there is no adjoint */
    WEFT_NOT_SILENT,
    WEFT_SILENT_CONSTANT,  /* it holds the same numbers whatever x is */
    WEFT_SILENT_INTEGERS,  /* i64: there is no derivative with respect to it */
    WEFT_SILENT_STOPPED,   /* its derivative is 0 by definition: weft_stop_gradient(), sign, a comparison; or what it leads to is stopped so */
    WEFT_SILENT_UNUSED     /* y does not depend on it */
} weft_silence;

typedef struct weft_walk_node {
    weft_node node;
    const char *label, *adjoint_label; /* "xc", "dxc" */
    const char *text;                  /* "h - mu"; of a leaf its label, of a constant its number */
    weft_node adjoint;                 /* failed: none; then silence says why */
    weft_silence silence;
    const void *value, *adjoint_value; /* after weft_walk_run(): in C order and the node's dtype; NULL where there is none */
} weft_walk_node;

typedef struct weft_walk_edge {
    size_t from, to;        /* which of the nodes sends, and which of them, an operand of it, receives */
    int slot;               /* the first operand of `from` that `to` is in this edge, counted from 0 */
    weft_node flow;         /* what is sent, of the shape of `to`; failed: nothing */
    weft_node local;        /* an elementwise op's derivative for this operand: flow = adjoint of `from` * local; failed: the op is of another kind */
    weft_node sum;          /* what has arrived at `to` so far, flow included */
    const char *text, *local_text;  /* "dy * gamma", "gamma"; "" where there is none */
    bool first;             /* the first that arrives at `to`; others are added to what is there */
    const void *flow_value, *local_value, *sum_value; /* after weft_walk_run(); local: of the shape of its node, which broadcasts to `from` */
} weft_walk_edge;

typedef struct weft_walk {
    weft_walk_node *node; /* (n_nodes) what y needs, then x; in the order of the tape */
    weft_walk_edge *edge; /* (n_edges) in the order in which they are walked: by `from`, later ones first, and then by slot */
    size_t n_nodes, n_edges, output; /* output: which node is y */
    const size_t *x;                 /* (n_x) which nodes the walk leads to, in the order given */
    size_t n_x;
    weft_node dy;
    struct weft__walk_store *store; /* the walk's own */
} weft_walk;

typedef struct weft_walk_options {
    weft_node dy;       /* of y's shape and dtype; left {0}: 1, where y has one element */
    const weft_node *x; /* (n_x) the walk goes where one of these leads; NULL: all inputs and parameters that y needs, but integers */
    size_t n_x;
} weft_walk_options;

/* Records on the tape, and leaves it there. options: NULL for the defaults. The walk is freed by weft_walk_free(), also after an error, when it is empty; it
 * must not outlive the tape's nodes. Errors: WEFT_ERROR_ARGUMENT, WEFT_ERROR_DTYPE (y or an x holds integers), WEFT_ERROR_SHAPE (no dy and several
 * elements, or one of another shape), WEFT_ERROR_GRADIENT (an op on the way has no derivative), WEFT_ERROR_MEMORY; they stick to the tape. */
weft_status weft_walk_record(weft_node y, const weft_walk_options *options, weft_walk *walk);

/* Computes every value of the walk in one program, as recorded, and may be called again with other data. bind: every input that y, x and dy need.
 * Errors: those of weft_compile(), weft_bind() and weft_run(). */
weft_status weft_walk_run(weft_walk *walk, const weft_binding *bind, size_t n_bind);
void weft_walk_free(weft_walk *walk);

/* A text of the walk with numbers in place of labels, for one element: "3 * (-4)" of what is elementwise, "1 + 2 + 5" of a sum, the element itself of
 * what moves or repeats. Nothing is written where there is no such text, as of a matrix product, or before weft_walk_run(). which: of the nodes, or of
 * the edges; element: of the node, the flow or the local derivative, in C order. */
typedef enum weft_walk_text { WEFT_TEXT_OF_NODE, WEFT_TEXT_OF_FLOW, WEFT_TEXT_OF_LOCAL } weft_walk_text;
weft_status weft_walk_print_numbers(weft_writer writer, const weft_walk *walk, weft_walk_text text, size_t which, size_t element);

size_t weft_walk_find(const weft_walk *walk, const char *label); /* the node of that label; n_nodes: there is none */

/* --- The trace -----------------------------------------------------------------------------------------------------------------------------
 * The walk with its numbers as one JSON document, for the page of demos/explorer and for other programs: nodes, shapes, scopes, values, what flows along
 * each edge and which elements make which, the gradient by its paths, its check by central differences, the loops of the program. demos/command/trace.md
 * describes it. The same graph and numbers give the same bytes; and the same on any machine where all is + - * / and roots. */

typedef struct weft_trace_options {
    weft_walk_options walk;
    const weft_binding *bind; /* every input that y, dy and x need */
    size_t n_bind;
    const char *expression;   /* what y was read from; NULL: nothing */
    const weft_node *through; /* (n_through) the gradient with respect to the first x by the ways that meet these, see weft_paths(); none: left out */
    size_t n_through;
    size_t most_elements;     /* of larger arrays a summary stands in place of the values; 0: 4096 */
    size_t most_checked;      /* an x of more elements is not checked by differences; 0: 256 */
    bool no_check, no_program; /* leave these out */
} weft_trace_options;

/* Records on the tape and rewinds it. options: NULL for the defaults. Errors: those of weft_walk_record(), weft_walk_run() and weft_paths(), which stick
 * to the tape; WEFT_ERROR_FILE where the writer gives up. What was written before an error is no whole document. */
weft_status weft_trace(weft_writer writer, weft_node y, const weft_trace_options *options);

#ifdef __cplusplus
}
#endif
#endif

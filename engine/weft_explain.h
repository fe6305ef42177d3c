/* weft_explain.h: graphs explained, for people: how backpropagation goes, step by step; index notation; derivations as on paper. A part of weft.h. */
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
    bool no_derivation, no_check, no_program; /* leave these out */
} weft_trace_options;

/* Records on the tape and rewinds it. options: NULL for the defaults. Errors: those of weft_walk_record(), weft_walk_run() and weft_paths(), which stick
 * to the tape; WEFT_ERROR_FILE where the writer gives up. What was written before an error is no whole document. */
weft_status weft_trace(weft_writer writer, weft_node y, const weft_trace_options *options);

/* --- Index notation and derivations ----------------------------------------------------------------------------------------------------------
 * What a graph computes, as one writes it on paper: mu_j = 1/N sum_k h_kj. A broadcast is an index that is missing, a reduction a sum over a fresh
 * one, an axis of length 1 has none. Letters of their own have inputs, nodes with names, what several ops read, what a function is of, sums that stand
 * in a product, reductions, and what cannot be written out, as take(x, index); a node without a name is t7, if its number is 7. Everything else is
 * written out where it is used. i and j are the indices of what is defined, k and l those that sums run over, none of them the name of an array. Lengths
 * that a mean divides by are N where the first axis is folded, D where the last one is, M else. */
typedef enum weft_notation {
    WEFT_NOTATION_PLAIN, /* UTF-8 */
    WEFT_NOTATION_ASCII,
    WEFT_NOTATION_TEX    /* of amsmath, without dollars */
} weft_notation;

/* A node by its operands: "mu_j = 1/N total_j"; an input: "h_ij"; a constant of one number: "4". Costs a look at all nodes before it. Errors:
 * WEFT_ERROR_ARGUMENT (no node), WEFT_ERROR_MEMORY, WEFT_ERROR_FILE; none sticks to the tape. */
weft_status weft_print_indexed(weft_writer writer, weft_node x, weft_notation notation);

/* What the adjoint of y, which the outputs need, sends to operand i of it: "dL/dh_kj gamma_j". Of an op that is not written so: WEFT_ERROR_GRADIENT. */
weft_status weft_print_indexed_flow(weft_writer writer, weft_node y, int operand, weft_notation notation);

/* A derivation on paper, made from the tape: the definitions; for each array on the way from y to x the chain rule, with Kronecker deltas, which are
 * then contracted; and for each x the adjoint rewritten to a closed form by named rules, one a line. Each adjoint and each such line is also recorded as
 * nodes, run on numbers in f64, and proved equal to the one before. Local derivatives are those that the ops record.
 * Written so are elementwise ops, views, sums and matmul; where another op lies between x and y, the derivation is WEFT_ERROR_GRADIENT with the name
 * of the op. */
typedef enum weft_derivation_kind {
    WEFT_DERIVATION_DEFINITION, /* mu_j = 1/N sum_k h_kj; y without a name is y, or L if it is one number */
    WEFT_DERIVATION_CHAIN,      /* dL/dgamma_j = sum_kl dL/dy_kl dy_kl/dgamma_j; the first line of its node */
    WEFT_DERIVATION_LOCAL,      /* dy_kl/dgamma_j = hhat_kl delta_jl */
    WEFT_DERIVATION_INSERTED,   /* = sum_kl dL/dy_kl hhat_kl delta_jl */
    WEFT_DERIVATION_ADJOINT,    /* = sum_k dL/dy_kj hhat_kj: the deltas contracted. Checked against the recorded derivative */
    WEFT_DERIVATION_START,      /* dgamma_j = sum_k dy_kj hhat_kj: where rewriting begins. Checked as well */
    WEFT_DERIVATION_STEP        /* = ...: one rule later. Checked against the line before, too */
} weft_derivation_kind;

typedef struct weft_derivation_line {
    weft_derivation_kind kind;
    weft_node node;               /* that is defined, or whose adjoint it is */
    const char *left, *right;     /* plain text or ASCII, as asked for; left "" where it is that of the line before */
    const char *left_tex, *right_tex;
    const char *rule, *proof, *proof_tex; /* of a step: "sum of deviations", "sum_k (x_k - mean) = 0" */
    const char *about, *about_tex; /* of a step: what the rule was applied to; "" where that needs no saying */
    bool checked;                 /* it was evaluated */
    double moved;                 /* largest difference from the line before, relative to the largest entry that the terms would add up to if none
                                     cancelled; 0 where there is no line before */
    double from_staged;           /* the same from the derivative that weft_vjp() recorded */
    weft_proof_verdict proved;    /* equal to the line before; to the recorded derivative where there is none */
} weft_derivation_line;

typedef struct weft_derivation_symbol { /* of the legend */
    const char *text, *tex;
    double value;                 /* a constant, or a length */
} weft_derivation_symbol;

typedef struct weft_derivation {
    size_t n, n_symbols;
    weft_derivation_line *line;      /* (n) */
    weft_derivation_symbol *symbol;  /* (n_symbols): N, eps */
    double moved, from_staged;       /* the largest of all lines */
    size_t checked, proved;          /* lines */
    char message[WEFT_MESSAGE_SIZE]; /* after an error: what could not be done */
    void *book;                      /* what the strings lie in */
    size_t lines_allocated;
} weft_derivation;

typedef struct weft_derive_options {
    const weft_binding *bind; /* every input that y needs, in f64 */
    size_t n_bind;
    bool ascii;
    bool unproved;            /* numbers only: proofs take time */
    uint64_t seed;            /* of the cotangent, where dy is not given */
} weft_derive_options;

/* x: n inputs, parameters or other nodes of y's tape; y: f64. dy: an input of y's shape, bound; tape NULL: one is drawn. Where y is one number it is the
 * loss, dy is not used and the adjoint of y is 1. Records on the tape and rewinds it. Free the result with weft_derivation_free(), also after an error,
 * which does not stick to the tape. Errors: WEFT_ERROR_ARGUMENT, WEFT_ERROR_DTYPE (not f64), WEFT_ERROR_GRADIENT, WEFT_ERROR_SHAPE (more indices in
 * one term than WEFT_MAX_RANK), WEFT_ERROR_MEMORY, those of weft_run(). */
weft_status weft_derive(weft_node y, weft_node dy, const weft_node *x, size_t n, const weft_derive_options *options, weft_derivation *derivation);
void weft_derivation_free(weft_derivation *derivation);

#ifdef __cplusplus
}
#endif
#endif

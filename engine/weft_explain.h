/* weft_explain.h: graphs explained. A part of weft.h. */
#ifndef WEFT_EXPLAIN_H
#define WEFT_EXPLAIN_H

#include "weft.h"

#ifdef __cplusplus
extern "C" {
#endif

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

/* A node by its operands: "mu_j = 1/N total_j"; an input: "h_ij". Costs a look at all nodes before it. Errors: WEFT_ERROR_ARGUMENT (no node),
 * WEFT_ERROR_MEMORY, WEFT_ERROR_FILE; none sticks to the tape. */
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

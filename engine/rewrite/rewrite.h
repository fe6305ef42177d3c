/* rewrite.h: rewriting happens while recording. The driver walks the needed nodes in tape order and emits each again, on the same tape, with
 * its operands already rewritten; emit() asks the rules first, then looks for an equal node, and records only what is left. A rule sees the
 * op, the operands and the attributes of a node that does not exist yet, and answers with a node that has the same value, or with none.
 * What it emits itself goes through the rules again; every rule makes its node smaller, takes a factor away from where it stood, or turns a
 * quotient or power into products, and none does the reverse, so that ends. */
#ifndef WEFT_REWRITE_REWRITE_H
#define WEFT_REWRITE_REWRITE_H

#include "engine/record/tape.h"

typedef struct weft__equal_entry weft__equal_entry;

typedef struct weft__rewriter {
    weft_tape *tape;
    weft_rewriting level;
    weft_rewrite_trace trace;
    void *context;
    uint32_t first;   /* id of those recorded by rewriting; earlier nodes are the caller's and stay as they are */
    weft_node source; /* the node that is being rewritten */
    uint8_t *centring; /* a bit for each node given: it is a mean, and is subtracted from what it is the mean of */
    weft__arena keys;
    weft__equal_entry *equal; /* nodes emitted so far, by op, operands and attributes */
} weft__rewriter;

/* A node about to be recorded. */
typedef struct weft__draft {
    const weft_op *op;
    const weft_node *x;
    int n;
    const void *attributes;
} weft__draft;

typedef struct weft__rule {
    weft_rule about;
    const weft_op *op; /* it looks at drafts of this op; NULL: of every op */
    weft_node (*apply)(weft__rewriter *r, const weft__draft *draft); /* tape NULL: it does not apply */
} weft__rule;

weft_node weft__emit(weft__rewriter *r, const weft_op *op, const weft_node *x, int n, const void *attributes);
weft_node weft__find(weft__rewriter *r, const weft_op *op, const weft_node *x, int n, const void *attributes); /* an equal node met before, or none */
weft_node weft__emit_constant(weft__rewriter *r, weft_node constant); /* a leaf of the tape, or the equal one met before */

static inline weft_node weft__no_node(void)
{
    return (weft_node){.tape = NULL};
}

/* equal.c: the earlier node that a draft would repeat, or the slot to remember a new one in. */
weft_node weft__equal_find(weft__rewriter *r, const weft__draft *draft, size_t bytes);
bool weft__equal_remember(weft__rewriter *r, const weft__draft *draft, size_t bytes, weft_node node);
void weft__equal_free(weft__rewriter *r);

/* The rules, file by file. */
extern const weft__rule weft__constant_rules[], weft__identity_rules[], weft__view_rules[], weft__sum_rules[], weft__factor_rules[],
    weft__reuse_rules[], weft__shift_rules[], weft__movement_rules[], weft__pick_rules[];
extern const size_t weft__constant_rule_count, weft__identity_rule_count, weft__view_rule_count, weft__sum_rule_count, weft__factor_rule_count,
    weft__reuse_rule_count, weft__shift_rule_count, weft__movement_rule_count, weft__pick_rule_count;

/* Ops that rules know by name. */
extern const weft_op weft_op_add, weft_op_sub, weft_op_mul, weft_op_div, weft_op_neg, weft_op_pow, weft_op_broadcast, weft_op_reshape,
    weft_op_transpose, weft_op_first, weft_op_sum, weft_op_slice, weft_op_pad, weft_op_concat, weft_op_equal,
    weft_op_where, weft_op_take, weft_op_scatter_add_elements;

/* shift.c */
void weft__find_centring(weft__rewriter *r, uint32_t id); /* notes the mean that node id subtracts, if it does */
bool weft__is_shifted(weft_node x);         /* x - k, k the first x, as its rules make it */
weft_node weft__mean_sum(weft_node mean);   /* sum(x) of sum(x)/N, sum(x - k) of k + sum(x - k)/N; or no node */

/* factors.c */
bool weft__is_factor(weft_node x); /* a broadcast that repeats a smaller array */
bool weft__split_product(weft_node x, weft_node *p, weft_node *factor); /* x = p * F; false when it is not of that form */
weft_node weft__emit_broadcast(weft__rewriter *r, weft_node x, const weft_shape *to);

#endif

/* diagnose.h: what the files of the diagnosis share. A hypothesis is the same function with another derivative: a few edits of the graph, each at a
 * node or at an edge, which is an operand of a node. Edits keep values and change what flows back, by stop_gradient():
 *     an edge dropped      a becomes stop(a)
 *     an edge scaled       a becomes stop(a) + c*(a - stop(a))
 *     another derivative   f becomes f of stop(a), plus g(a) - stop(g(a))
 * or they give what the backward pass reads another value, and leave its derivative: q becomes q + stop(q' - q). weft_vjp() does the rest. */
#ifndef WEFT_JUDGE_DIAGNOSE_H
#define WEFT_JUDGE_DIAGNOSE_H

#include "engine/record/tape.h"

/* The graph in f64: a copy of what y needs, with fused ops expanded. Nodes have ids below `end`; those of the copy are from lo on. */
typedef struct weft__judged {
    weft_tape *tape;
    weft_node y, dy, x;       /* in f64; x: for which the gradient is claimed, or what it was broadcast to */
    weft_node given_x;        /* the caller's */
    uint32_t given_end, lo, end;
    uint32_t *copy;           /* (given_end): the copy of each given node, or WEFT_NO_ID */
    uint32_t *made;           /* (given_end): one past the ids that it took */
    uint8_t *active;          /* (end): depends on x, by numbers */
    uint8_t *of_y;            /* (end): y needs it */
    uint32_t *users;          /* (end): active edges that lead from it towards y */
    unsigned unsummed;        /* axes over which a claim of a larger shape was not summed */
    const weft_binding *bind;
    size_t n_bind;
} weft__judged;

typedef enum weft__edit_kind {
    WEFT__DROP,        /* edge: nothing flows back */
    WEFT__SCALE,       /* edge: times factor */
    WEFT__ASSIGN,      /* edge to a broadcast: of what it repeats, one counts: the last (factor 1) or the first (0) */
    WEFT__SKIP,        /* edge: the derivative is 1 */
    WEFT__TRANSPOSE,   /* edge of a product of matrices: the other operand is transposed */
    WEFT__AT,          /* edge of an elementwise node: the derivative is taken at `other` */
    WEFT__KEEP,        /* edge: what flows back to its operand along all others is lost */
    WEFT__DIAGONAL,    /* edge to a broadcast of what `other` adds up: as if nothing were added up */
    WEFT__OPERAND,     /* node, a product: read as its operand */
    WEFT__CONSTANT,    /* node: no derivative passes through it */
    WEFT__GIVEN,       /* node: read as the input `other`, and no derivative passes through it */
    WEFT__ROOT,        /* node, under a root: read as `how` says, everywhere */
    WEFT__FRONT,       /* the same for the gradient's factor only */
    WEFT__TIMES,       /* the gradient times `other` to the power of factor */
    WEFT__WHOLE,       /* the gradient times factor */
    WEFT__TURNED       /* the gradient transposed */
} weft__edit_kind;

typedef enum weft__how {
    WEFT__EPS_OUTSIDE, WEFT__EPS_LEFT_OUT, WEFT__AS_VARIANCE, WEFT__VARIANCE_FOR, WEFT__INVERTED, WEFT__UNBIASED, WEFT__BIASED, WEFT__HOWS
} weft__how;

typedef struct weft__edit {
    weft__edit_kind kind;
    uint32_t node, other;
    int operand;
    double factor;
    weft__how how;
} weft__edit;

enum { WEFT__MOST_EDITS = 3, WEFT__LEAST_HYPOTHESES = 500, WEFT__MOST_HYPOTHESES = 2000 };

typedef struct weft__hypothesis {
    weft__edit edit[WEFT__MOST_EDITS];
    int n; /* 0: the true gradient */
} weft__hypothesis;

typedef struct weft__hypotheses {
    const weft_allocator *allocator;
    weft__hypothesis *item;
    size_t n, allocated;
    size_t first_drop, n_drops; /* of one path each */
    bool out_of_memory;
} weft__hypotheses;

/* --- judged.c: the copy, and its structure --- */

bool weft__judged_copy(weft__judged *j, weft_node y, weft_node dy, weft_node x); /* false: the tape has failed */
bool weft__judged_for(weft__judged *j, weft_node x);  /* a node of the copy: what is active for it */
void weft__judged_free(weft__judged *j);
weft_node weft__judged_origin(const weft__judged *j, uint32_t id); /* the caller's node that a node of the copy stands for */

static inline weft_node weft__judged_node(const weft__judged *j, uint32_t id)
{
    return weft__handle(j->tape, id);
}

weft_node weft__wide(weft_node x); /* in f64, if it is f32 */
uint32_t weft__through_views(const weft__judged *j, uint32_t id);
size_t weft__count(const weft__judged *j, uint32_t id);
bool weft__has_shape(weft_node x, const weft_shape *shape);
bool weft__spreads_to(const weft_shape *from, const weft_shape *to); /* from broadcasts to `to` */

bool weft__same_but_ones(const weft_shape *a, const weft_shape *b);
double weft__largest(const double *x, size_t n);                    /* magnitude */
double weft__distance(const double *a, const double *b, size_t n);  /* largest |a - b|; NAN where one is */

/* What a node is, by what it computes. */
bool weft__is_sum(const weft__judged *j, uint32_t id);                /* over axes */
bool weft__is_mean(const weft__judged *j, uint32_t id, double *count, uint32_t *sum);
bool weft__is_broadcast(const weft__judged *j, uint32_t id, double *count);
bool weft__is_product(const weft__judged *j, uint32_t id);            /* of two that vary */
bool weft__is_quotient(const weft__judged *j, uint32_t id);
bool weft__is_linear(const weft__judged *j, uint32_t id, int operand); /* its derivative is a constant */
const char *weft__statistic(const weft__judged *j, uint32_t id);      /* "variance", "mean", ...; NULL: none */

typedef struct weft__root {
    uint32_t root, under, variance; /* root = under**(1/2) or **(-1/2), under = variance + eps */
    double eps, count;              /* of the mean that the variance is; 0: it is none */
} weft__root;

bool weft__is_root(const weft__judged *j, uint32_t id, weft__root *root);
bool weft__find_root(const weft__judged *j, uint32_t under, weft__root *root); /* the root of `under` */

/* A path: a chain of nodes, each with one active operand and one user, that ends in an operand of node `end`. Ends are nodes where paths fork or
 * join, and y. */
bool weft__is_path_end(const weft__judged *j, uint32_t id);
bool weft__is_active_edge(const weft__judged *j, uint32_t id, int operand);
uint32_t weft__path_before(const weft__judged *j, uint32_t id); /* the node before an inner node of a path; WEFT_NO_ID: id is its start */

/* --- hypotheses.c, variation.c, findings.c --- */

void weft__hypotheses_list(const weft__judged *j, weft__hypotheses *list); /* simplest first; from the second on, once */

/* Records the gradient under a hypothesis. A failed node: the tape has an error. */
weft_node weft__variation_record(const weft__judged *j, const weft__hypothesis *h, uint32_t *now); /* now: (end), for its own use */

void weft__finding_describe(const weft__judged *j, const weft__hypothesis *h, weft_finding *finding);

#endif

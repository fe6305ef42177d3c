/* exact.h: a graph and its values at one point of a prime field, or for inputs that are all bound over real numbers, see precise.h. */
#ifndef WEFT_JUDGE_EXACT_H
#define WEFT_JUDGE_EXACT_H

#include "engine/judge/field.h"
#include "engine/record/needed.h"

typedef struct weft__exact_graph {
    weft_tape *tape;
    const weft_prove_options *options;
    weft__needed needed;
    weft_field field;
    weft_exact_array *array; /* one a node below needed.end */
    uint64_t *below;         /* the same: what its elements are to be below; 0: nothing is asked of them */
    size_t largest, positions_allocated;
    weft_exact_number *row;  /* (largest), what a reduction folds */
    int64_t *positions;      /* (positions_allocated) */
    size_t elements;
    bool chooses;            /* there are inputs that are masks or indices */
    uint64_t seed, turn[64]; /* of the point; how often each part of it was drawn */
    size_t drawn;            /* elements of leaves so far: element i is of part i modulo 64 */
    uint32_t at;             /* the node that is evaluated, or was last */
    char why[WEFT_MESSAGE_SIZE]; /* of a kernel that refused */
} weft__exact_graph;

enum { WEFT__MOST_EXACT = 1 << 21 /* elements of all nodes together */ };

/* outputs: without fused ops. WEFT_ERROR_MEMORY leaves nothing to free. `refused`: why none of it can be evaluated, or NULL. */
weft_status weft__exact_prepare(weft__exact_graph *g, const weft_node *outputs, size_t n, const weft_prove_options *options, const char **refused);
void weft__exact_free(weft__exact_graph *g);

/* Draws a point: in the field of prime number `which`. */
void weft__exact_draw(weft__exact_graph *g, size_t which, uint64_t seed);

/* Draws some parts of it once more. */
void weft__exact_draw_again(weft__exact_graph *g, uint64_t parts);

/* Evaluates the graph there. The field says in `again` and `refused` what came in between, at node `at`. */
void weft__exact_evaluate(weft__exact_graph *g);

/* Evaluates one node. */
void weft__exact_node(weft__exact_graph *g, uint32_t id);

/* What options bind to a node, or NULL. */
const weft_binding *weft__binding_of(const weft_prove_options *options, weft_node x);

#endif

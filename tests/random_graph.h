/* random_graph.h: graphs as plain data, which can be drawn from a seed, recorded on a tape, shrunk and printed.
 *
 *     random_draw.c   a seed -> a graph whose values stay in a safe range; see random_draw.h
 *     random_moves.c  a move -> a node on a tape by a public builder, with memory for its leaves
 *     random_graph.c  a graph -> nodes of its moves, and their derivatives
 *     shrink.c        a graph that fails -> the smallest one near it that still fails
 *
 * A graph is a list of moves. A move is a leaf or one call of a builder on earlier moves; a shape is stated only where the builder asks for
 * one, and whatever the builders refuse is no graph. */
#ifndef WEFT_TESTS_RANDOM_GRAPH_H
#define WEFT_TESTS_RANDOM_GRAPH_H

#include "tests/samples.h"

enum { MOST_MOVES = 64, MOST_RESULTS = 4, MOST_OPERANDS = 3, MOST_OUTPUTS = MOST_RESULTS + 2 * MOST_MOVES, MOST_BINDINGS = 4 * MOST_MOVES };

/* How plain the values of a leaf are: as drawn from its domain; the nearest whole numbers; 1, 2, 3, 1, ...; all ones. */
enum { VALUES_DRAWN, VALUES_WHOLE, VALUES_COUNTED, VALUES_ONE };

typedef struct built built;
typedef struct move move;

typedef struct move_kind {
    const char *name; /* "pow_constant" */
    int arity;        /* 0: a leaf */
    weft_node (*one)(weft_node a); /* the builder, in one of these forms */
    weft_node (*two)(weft_node a, weft_node b);
    weft_node (*fold)(weft_node x, unsigned axes, bool keepdims); /* p: axes, keepdims */
    weft_node (*other)(built *b, const move *m, const weft_node *x);
} move_kind;

struct move {
    const move_kind *kind;
    int x[MOST_OPERANDS];  /* earlier moves */
    int p[WEFT_MAX_RANK];  /* parameters, see the kind */
    weft_shape shape;      /* of a leaf; the target of broadcast and reshape */
    domain domain;         /* values of a leaf */
    uint64_t seed;
    int values;
};

typedef struct graph {
    uint64_t seed; /* that it was drawn from */
    int n, n_results, order; /* order: 0 values; 1 and their vjp; 2 and the vjp of that */
    int result[MOST_RESULTS]; /* moves */
    int cotangent_values;
    move move[MOST_MOVES];
} graph;

/* A graph on a tape. */
struct built {
    weft_tape *tape;
    weft_dtype dtype;
    const graph *graph;
    int n, now;                  /* moves recorded, the one being recorded */
    weft_node node[MOST_MOVES];  /* of each move */
    size_t n_out, n_values, n_vjp; /* out: results, gradients of each leaf, gradients of these */
    weft_node out[MOST_OUTPUTS];
    size_t n_leaves;
    weft_node leaf[MOST_MOVES];  /* inputs and parameters that gradients are taken for */
    size_t n_cotangents[2];      /* dy: of the results; of the gradients */
    weft_node cotangent[2][MOST_MOVES];
    size_t n_bindings;
    weft_binding binding[MOST_BINDINGS]; /* memory of every input and parameter */
};

const move_kind *move_kind_named(const char *name);
const move_kind *move_kind_at(size_t i); /* NULL beyond the last */
extern const double move_exponents[], move_scalars[];
enum { MOVE_EXPONENTS = 6, MOVE_SCALARS = 9 };

/* The values of a leaf, in a dtype; they are such that f32 holds them. Whoever asks frees them, or binds them. */
void *move_memory(weft_dtype dtype, const move *m, size_t count);
void built_bind(built *b, weft_node leaf, void *data); /* takes the memory, also of a failed node */

graph graph_draw(uint64_t seed);
void graph_drop_unused(graph *g); /* moves that no result needs */
int graph_size(const graph *g);   /* moves that are no leaves */

/* False when a builder refuses; the tape then has the message. Either way the caller frees. */
bool graph_build(built *b, const graph *g, weft_dtype dtype);
bool graph_build_move(built *b, const graph *g, int i); /* the next one alone */
void graph_start(built *b, const graph *g, weft_dtype dtype);
void built_rewind(built *b, weft_mark mark, int n, size_t n_bindings); /* to n moves */
void built_free(built *b);

void graph_print(void *file, const graph *g, weft_dtype dtype); /* the listing and the memory of its leaves */

/* Makes g smaller as long as fails() holds: fewer results, lower order, fewer moves, smaller dims, simpler values. Returns how many graphs
 * were tried. */
int graph_shrink(graph *g, bool (*fails)(void *context, const graph *g), void *context);

#endif

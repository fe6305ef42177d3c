/* random_graph.h: graphs as plain data, which can be drawn from a seed, recorded on a tape, shrunk and printed.
 *
 *     random_draw.c   a seed -> a graph whose values stay in a safe range; see random_draw.h
 *     random_moves.c  a move -> a node on a tape by a public builder, with memory for its leaves
 *     random_graph.c  a graph -> nodes of its moves, derivatives of these, and assignments
 *     shrink.c        a graph that fails -> the smallest one near it that still fails
 *
 * A graph is a list of moves. A move is a leaf or one call of a builder on earlier moves; a shape is stated only where the builder asks for
 * one, and whatever the builders refuse is no graph. Its updates say which parameters it assigns: with some, it gives other values each time
 * that it runs. */
#ifndef WEFT_TESTS_RANDOM_GRAPH_H
#define WEFT_TESTS_RANDOM_GRAPH_H

#include "tests/samples.h"

enum { MOST_MOVES = 64, MOST_RESULTS = 4, MOST_OPERANDS = 3, MOST_UPDATES = 3, MOST_ASSIGNMENTS = 2 * MOST_UPDATES };
enum { MOST_OUTPUTS = 2 * MOST_RESULTS + 3 * MOST_MOVES + MOST_ASSIGNMENTS, MOST_BINDINGS = 4 * MOST_MOVES };

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

/* What a parameter becomes at the end of a run: by weft_assign(), or together with a velocity by weft_sgd(). */
typedef struct update {
    int parameter; /* a move, like the value, velocity and rate */
    int value;     /* that is assigned, or the dw of weft_sgd(); ITS_GRADIENT: that of the parameter, where the order is not 0 */
    bool sgd;
    int velocity, rate, momentum; /* of weft_sgd(); momentum: which */
} update;

enum { ITS_GRADIENT = -2, UPDATE_MOVES = 4 };
enum { MOST_RUNS = 3 }; /* of a graph with updates: as many stay in the safe range, and are judged */

typedef struct graph {
    uint64_t seed; /* that it was drawn from */
    int n, n_results, order; /* order: 0 values; 1 and their vjp and jvp; 2 and the vjp and jvp of that vjp */
    int scopes;              /* checkpointed: 1 around the moves of the middle half, 2 and one within */
    int result[MOST_RESULTS]; /* moves */
    int n_updates;
    update update[MOST_UPDATES]; /* of different parameters, velocities included */
    int cotangent_values;
    move move[MOST_MOVES];
} graph;

/* An assignment on a tape; updates.h says what it must come to. */
typedef struct assignment {
    const update *by;
    weft_node parameter; /* that of the update, or its velocity */
    weft_node value;     /* that of the update */
    weft_node node;      /* an output */
} assignment;

/* A graph on a tape. */
struct built {
    weft_tape *tape;
    weft_dtype dtype;
    const graph *graph;
    int n, now;                  /* moves recorded, the one being recorded */
    weft_node node[MOST_MOVES];  /* of each move */
    bool refused;                /* a builder did not take a move or an update */
    size_t n_out, n_values, n_vjp; /* out: results, gradients of each leaf, gradients of these, tangents of the results and gradients, assignments */
    size_t jvp[2]; /* where in out the tangents begin, of the results and of the gradients; 0: there are none */
    weft_node out[MOST_OUTPUTS];
    size_t n_assignments;
    assignment assignment[MOST_ASSIGNMENTS];
    size_t n_leaves;
    weft_node leaf[MOST_MOVES];  /* inputs and parameters that gradients are taken for */
    size_t n_cotangents[2];      /* dy: of the results; of the gradients */
    weft_node cotangent[2][MOST_MOVES];
    weft_node tangent[MOST_MOVES]; /* of each leaf */
    size_t n_bindings;
    weft_binding binding[MOST_BINDINGS]; /* memory of every input and parameter */
};

const move_kind *move_kind_named(const char *name);
const move_kind *move_kind_at(size_t i); /* NULL beyond the last */
extern const double move_exponents[], move_scalars[], update_momenta[];
enum { MOVE_EXPONENTS = 6, MOVE_SCALARS = 9, UPDATE_MOMENTA = 3 };

/* The values of a leaf, in a dtype; they are such that f32 holds them. Whoever asks frees them, or binds them. */
void *move_memory(weft_dtype dtype, const move *m, size_t count);
weft_node built_indices(built *b, const move *m, size_t count, size_t rows); /* an input of so many, each 0 to rows-1, by the move's seed */
void built_bind(built *b, weft_node leaf, void *data); /* takes the memory, also of a failed node */

graph graph_draw(uint64_t seed);
void graph_drop_unused(graph *g); /* moves that neither a result nor an update needs */
int graph_size(const graph *g);   /* moves that are no leaves */
int update_moves(update *u, int **at); /* where it names moves: fills at[0 .. UPDATE_MOVES), returns how many */

/* False when a builder refuses, and when weft_vjp() does; the tape then has the message. Either way the caller frees. */
bool graph_build(built *b, const graph *g, weft_dtype dtype);
bool graph_build_move(built *b, const graph *g, int i); /* the next one alone */
void graph_start(built *b, const graph *g, weft_dtype dtype);
void built_rewind(built *b, weft_mark mark, int n, size_t n_bindings); /* to n moves */
void built_free(built *b);

void graph_print(void *file, const graph *g, weft_dtype dtype); /* the listing and the memory of its leaves */

/* Makes g smaller as long as fails() holds: fewer results and updates, lower order, fewer moves, smaller dims, simpler values. Returns how
 * many graphs were tried. */
int graph_shrink(graph *g, bool (*fails)(void *context, const graph *g), void *context);

#endif

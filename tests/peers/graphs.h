/* graphs.h: random graphs evaluated by Weft and by PyTorch and NumPy.
 *
 *     graphs.c      the program: draws, compares, shrinks what fails and prints it
 *     subject.c     a graph -> a tape with value, gradient, jvp and Hessian-vector product, Weft's results and their bounds
 *     sentence.c    all of that as one line of JSON
 *     attributes.c  what a node has besides its operands, in that line
 *     peer.c        the process that runs compare.py, which answers a line with a line
 *     compare.py    the other side: evaluates the graph again and compares
 *     ops.py        an op -> what it is there */
#ifndef WEFT_TESTS_PEERS_GRAPHS_H
#define WEFT_TESTS_PEERS_GRAPHS_H

#include "tests/plain.h"
#include "tests/ways.h"

#include <stdio.h>

/* What is compared. One list of each: outputs of the graph, gradients, tangents of the outputs, second derivatives along a direction. */
enum { VALUE, GRADIENT, JVP, HVP, QUANTITIES };
extern const char *const quantity_names[QUANTITIES];

/* A graph with its derivatives on a tape, and what Weft gives for it. Let y be its results and x its leaves; then for random w, dx and u
 *     gradient = d sum(w y) / dx     jvp = dy along dx = d <dx, d sum(u y) / dx> / du     hvp = d <dx, gradient> / dx */
typedef struct subject {
    graph graph; /* without updates */
    built b;
    uint32_t nodes;    /* of the graph itself; derivatives follow */
    size_t first[QUANTITIES + 1]; /* of each quantity among b.out */
    weft_node w[MOST_RESULTS], dx[MOST_MOVES]; /* inputs */
    plain p;
    trial t;           /* t.run[0].result has Weft's numbers, t.stands the rewritten nodes */
    char message[WEFT_MESSAGE_SIZE];
} subject;

/* False, with a message, when a builder refuses the graph or Weft cannot run it; refused tells the two apart. The caller frees either way. */
bool subject_make(subject *s, const graph *g, bool *refused);
void subject_free(subject *s);
const void *subject_memory(const subject *s, weft_node leaf); /* of an input, a parameter, or a constant of several elements; or NULL */

/* Ops whose nodes go to the other side as numbers. */
typedef struct given {
    size_t n;
    const weft_op **op;
} given;

/* Writes the line without its end. False when a node has attributes that tests/peers/attributes.c does not know: message says which. */
bool subject_write(FILE *to, const subject *s, const given *as_numbers, char *message, size_t size);
bool attributes_write(FILE *to, weft_node x, char *message, size_t size);
void number_write(FILE *to, double x); /* 17 digits, or what Python's json reads as no finite number */

/* The other side. An answer is one line: "ok ...", or why not. */
typedef struct peer {
    int child;
    FILE *to, *from;
    size_t size;
    char *answer; /* to the last question, without the end of the line */
} peer;

bool peer_start(peer *p, const char *python, const char *script);
bool peer_ask(peer *p, const char *line); /* false when the other side has ended */
void peer_end(peer *p);

#endif

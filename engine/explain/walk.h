/* walk.h: what the parts of a walk share: its memory, its labels, its texts. */
#ifndef WEFT_EXPLAIN_WALK_H
#define WEFT_EXPLAIN_WALK_H

#include "engine/record/needed.h"
#include "engine/text/print.h"

typedef struct weft__called weft__called; /* a label that is taken */

typedef struct weft__walk_store {
    weft_allocator allocator; /* the tape's */
    weft__arena arena;        /* of labels and texts */
    size_t nodes_allocated, edges_allocated;
    uint32_t *index; /* (end): which node of the walk a node of the tape is, or WEFT_NO_ID */
    uint32_t end;    /* ids beyond were recorded by the walk */
    weft__called *labels;
    char *text; /* the one being printed */
    size_t text_used, text_allocated;
    weft_node *output; /* (n_outputs) each node that has a value, once */
    uint32_t *at;      /* (n_at): which output a node of the tape is, or WEFT_NO_ID */
    size_t n_outputs, outputs_allocated, n_at;
    weft_program *program; /* once it has run */
} weft__walk_store;

/* labels.c */
bool weft__walk_label(weft_walk *walk); /* gives every node its two labels; false: out of memory */
void weft__walk_labels_free(weft__walk_store *store);

/* Texts live in the arena; NULL: out of memory. */
const char *weft__walk_print(weft_walk *walk, weft_node x, const weft__labels *labels, bool as_operand);
const char *weft__walk_text(weft_walk *walk, size_t node);      /* of a node of the walk, over the labels of its operands */
const char *weft__walk_flow_text(weft_walk *walk, size_t from, weft_node x, bool as_operand); /* of what the rule of `from` recorded */

/* The label of node id where `from` is what sends, n_nodes: nobody; NULL: it is written out. */
const char *weft__walk_label_of(const weft_walk *walk, size_t from, uint32_t id);

/* Over the nodes that have names, and dy; everything else is written out. adjoints: those that have names keep them. */
const char *weft__walk_whole_text(weft_walk *walk, weft_node x, bool adjoints);

/* Binds and runs; nodes of bind are checked. */
weft_status weft__explain_run(weft_program *program, const weft_binding *bind, size_t n_bind);

#endif

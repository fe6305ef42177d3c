/* random_graph.c: a list of moves to nodes on a tape, with the derivatives that the graph asks for; and what can be done to the list. */
#include "tests/random_graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- building --- */

void graph_start(built *b, const graph *g, weft_dtype dtype)
{
    memset(b, 0, sizeof *b);
    b->tape = weft_tape_new(NULL);
    b->dtype = dtype;
    b->graph = g;
}

bool graph_build_move(built *b, const graph *g, int i)
{
    const move *m = &g->move[i];
    weft_node x[MOST_OPERANDS];
    b->now = i;
    for (int k = 0; k < m->kind->arity; k++)
        x[k] = b->node[m->x[k]];
    if (m->kind->one)
        b->node[i] = m->kind->one(x[0]);
    else if (m->kind->two)
        b->node[i] = m->kind->two(x[0], x[1]);
    else if (m->kind->fold)
        b->node[i] = m->kind->fold(x[0], (unsigned)m->p[0], m->p[1]);
    else
        b->node[i] = m->kind->other(b, m, x);
    b->n = i + 1;
    return weft_tape_status(b->tape) == WEFT_OK;
}

/* Random cotangents, since those of a sum are zero behind a normalization; see the rules of thumb on gradient checks. */
static void draw_cotangents(built *b, int round, const weft_node *y, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        char name[24];
        weft_shape shape = weft_node_shape(y[k]);
        move m = {.domain = AWAY, .seed = b->graph->seed * 31 + (uint64_t)round * 7 + k, .values = b->graph->cotangent_values};
        snprintf(name, sizeof name, round ? "ddx%zu" : "dy%zu", k);
        void *data = move_memory(b->dtype, &m, weft_shape_count(&shape));
        b->cotangent[round][k] = weft_input(b->tape, name, b->dtype, shape.rank, shape.dim);
        built_bind(b, b->cotangent[round][k], data);
    }
    b->n_cotangents[round] = n;
}

bool graph_build(built *b, const graph *g, weft_dtype dtype)
{
    graph_start(b, g, dtype);
    for (int i = 0; i < g->n; i++)
        if (!graph_build_move(b, g, i))
            return false;
    for (int i = 0; i < g->n; i++)
        if (!strcmp(g->move[i].kind->name, "input") || !strcmp(g->move[i].kind->name, "parameter"))
            b->leaf[b->n_leaves++] = b->node[i];
    for (int k = 0; k < g->n_results; k++)
        b->out[b->n_out++] = b->node[g->result[k]];
    b->n_values = b->n_out;
    if (g->order < 1 || !b->n_leaves)
        return true;
    draw_cotangents(b, 0, b->out, b->n_out);
    weft_node *dx = b->out + b->n_out;
    if (weft_vjp(b->out, b->cotangent[0], b->n_out, b->leaf, b->n_leaves, dx) != WEFT_OK)
        return false;
    b->n_out += b->n_vjp = b->n_leaves;
    if (g->order < 2)
        return true;
    draw_cotangents(b, 1, dx, b->n_leaves);
    if (weft_vjp(dx, b->cotangent[1], b->n_leaves, b->leaf, b->n_leaves, dx + b->n_leaves) != WEFT_OK)
        return false;
    b->n_out += b->n_leaves;
    return true;
}

void built_rewind(built *b, weft_mark mark, int n, size_t n_bindings)
{
    weft_tape_rewind(b->tape, mark);
    for (; b->n_bindings > n_bindings; b->n_bindings--)
        free((void *)(uintptr_t)b->binding[b->n_bindings - 1].data);
    b->n = n;
}

void built_free(built *b)
{
    for (size_t k = 0; k < b->n_bindings; k++)
        free((void *)(uintptr_t)b->binding[k].data);
    b->n_bindings = 0;
    weft_tape_free(b->tape);
    b->tape = NULL;
}

/* --- the list of moves --- */

int graph_size(const graph *g)
{
    int n = 0;
    for (int i = 0; i < g->n; i++)
        n += g->move[i].kind->arity > 0;
    return n;
}

void graph_drop_unused(graph *g)
{
    bool used[MOST_MOVES] = {false};
    int to[MOST_MOVES] = {0}, n = 0;
    for (int k = 0; k < g->n_results; k++)
        used[g->result[k]] = true;
    for (int i = g->n - 1; i >= 0; i--)
        for (int k = 0; used[i] && k < g->move[i].kind->arity; k++)
            used[g->move[i].x[k]] = true;
    for (int i = 0; i < g->n; i++) {
        if (!used[i])
            continue;
        move m = g->move[i];
        for (int k = 0; k < m.kind->arity; k++)
            m.x[k] = to[m.x[k]];
        to[i] = n;
        g->move[n++] = m;
    }
    for (int k = 0; k < g->n_results; k++)
        g->result[k] = to[g->result[k]];
    g->n = n;
}

/* --- printing --- */

static void print_memory(FILE *file, weft_node x, const void *data)
{
    enum { MOST_PRINTED = 400 };
    weft_shape shape = weft_node_shape(x);
    weft_dtype dtype = weft_node_dtype(x);
    size_t count = weft_shape_count(&shape);
    fprintf(file, "%%%u %s =", x.id, weft_node_name(x));
    for (size_t i = 0; i < count && i < MOST_PRINTED; i++)
        fprintf(file, " %.17g", dtype == WEFT_F32   ? (double)((const float *)data)[i]
                                : dtype == WEFT_F64 ? ((const double *)data)[i]
                                                    : (double)((const int64_t *)data)[i]);
    fprintf(file, "%s\n", count > MOST_PRINTED ? " ..." : "");
}

void graph_print(void *file, const graph *g, weft_dtype dtype)
{
    built b;
    if (!graph_build(&b, g, dtype))
        fprintf(file, "it cannot be built: %s\n", weft_tape_message(b.tape));
    weft_print_listing((weft_writer){weft_write_file, file}, b.out, b.n_out);
    for (size_t k = 0; k < b.n_out; k++)
        fprintf(file, "output %zu is %%%u\n", k, b.out[k].id);
    for (size_t k = 0; k < b.n_bindings; k++)
        print_memory(file, b.binding[k].node, b.binding[k].data);
    for (int i = 0; i < b.n; i++)
        if (!strcmp(g->move[i].kind->name, "constant")) /* the listing has those of one element */
            print_memory(file, b.node[i], weft_node_attributes(b.node[i]));
    built_free(&b);
}

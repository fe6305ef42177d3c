/* random_graph.c: from a graph to nodes on a tape, with the derivatives and the assignments that it asks for; and to text. */
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

/* --- derivatives --- */

/* Random cotangents, since those of a sum are zero behind a normalization; see the rules of thumb on gradient checks. Tangents likewise. */
static void draw_like(built *b, const char *prefix, uint64_t seed, const weft_node *y, size_t n, weft_node *drawn)
{
    for (size_t k = 0; k < n; k++) {
        char name[24];
        weft_shape shape = weft_node_shape(y[k]);
        move m = {.domain = AWAY, .seed = b->graph->seed * 31 + seed + k, .values = b->graph->cotangent_values};
        snprintf(name, sizeof name, "%s%zu", prefix, k);
        void *data = move_memory(b->dtype, &m, weft_shape_count(&shape));
        drawn[k] = weft_input(b->tape, name, b->dtype, shape.rank, shape.dim);
        built_bind(b, drawn[k], data);
    }
}

/* --- assignments --- */

static int largest(int a, int b)
{
    return a > b ? a : b;
}

/* The move after which an update can be recorded; g->n: after the gradients. */
static int ready_after(const graph *g, const update *u)
{
    if (u->value == ITS_GRADIENT)
        return g->n;
    int last = largest(u->parameter, u->value);
    return u->sgd ? largest(last, largest(u->velocity, u->rate)) : last;
}

/* False for a second assignment of one parameter, which weft.h leaves to weft_compile() to refuse. */
static bool take_assignment(built *b, const update *u, weft_node parameter, weft_node value, weft_node node)
{
    for (size_t k = 0; k < b->n_assignments; k++)
        if (b->assignment[k].parameter.id == parameter.id)
            return false;
    b->assignment[b->n_assignments++] = (assignment){u, parameter, value, node};
    return weft_tape_status(b->tape) == WEFT_OK;
}

static bool build_update(built *b, const update *u)
{
    weft_node w = b->node[u->parameter], value = {.id = WEFT_NO_ID}, out[2];
    if (u->value != ITS_GRADIENT)
        value = b->node[u->value];
    for (size_t k = 0; u->value == ITS_GRADIENT && k < b->n_vjp; k++)
        if (b->leaf[k].id == w.id)
            value = b->out[b->n_values + k];
    if (!value.tape)
        return false;
    if (!u->sgd)
        return take_assignment(b, u, w, value, weft_assign(w, value));
    weft_sgd(w, value, b->node[u->velocity], b->node[u->rate], update_momenta[u->momentum], out);
    return take_assignment(b, u, b->node[u->velocity], value, out[0]) && take_assignment(b, u, w, value, out[1]);
}

/* Updates are recorded as early as they can be, so that nodes follow which read the parameter, and must not see its new value. */
static bool build_updates(built *b, int after)
{
    const graph *g = b->graph;
    for (int k = 0; k < g->n_updates; k++)
        if (ready_after(g, &g->update[k]) == after && !build_update(b, &g->update[k]))
            return false;
    return true;
}

/* --- all of it --- */

/* The next gradients: of the results, or of the gradients of these. */
static bool build_vjp(built *b, int round)
{
    const weft_node *y = b->out + (round ? b->n_values : 0);
    size_t n = round ? b->n_vjp : b->n_values;
    draw_like(b, round ? "ddx" : "dy", round ? 7 : 0, y, n, b->cotangent[round]);
    b->n_cotangents[round] = n;
    if (weft_vjp(y, b->cotangent[round], n, b->leaf, b->n_leaves, b->out + b->n_out) != WEFT_OK)
        return false;
    b->n_vjp = b->n_leaves;
    b->n_out += b->n_leaves;
    return true;
}

/* Forward mode from the leaves to the results, and to their gradients. */
static bool build_jvp(built *b)
{
    draw_like(b, "v", 19, b->leaf, b->n_leaves, b->tangent);
    for (int round = 0; round < b->graph->order; round++) {
        const weft_node *y = b->out + (round ? b->n_values : 0);
        size_t n = round ? b->n_vjp : b->n_values;
        b->jvp[round] = b->n_out;
        if (weft_jvp(y, n, b->leaf, b->tangent, b->n_leaves, b->out + b->n_out) != WEFT_OK)
            return false;
        b->n_out += n;
    }
    return true;
}

/* The moves in a scope, first <= i < end; by their number, so that they change little when moves are dropped. */
static int scope_first(const graph *g, int k)
{
    return g->n / 4 + (k ? g->n / 8 : 0);
}

static int scope_end(const graph *g, int k)
{
    return g->n - scope_first(g, k);
}

static bool build_in_scopes(built *b, const graph *g, int i)
{
    for (int k = 0; k < g->scopes; k++)
        if (i == scope_first(g, k))
            weft_checkpoint_push(b->tape, k ? "inner" : "outer");
    bool good = graph_build_move(b, g, i) && build_updates(b, i);
    for (int k = g->scopes; k-- > 0;)
        if (i + 1 == scope_end(g, k))
            weft_scope_pop(b->tape);
    return good;
}

bool graph_build(built *b, const graph *g, weft_dtype dtype)
{
    graph_start(b, g, dtype);
    b->refused = true;
    for (int i = 0; i < g->n; i++)
        if (!build_in_scopes(b, g, i))
            return false;
    for (int i = 0; i < g->n; i++)
        if (!strcmp(g->move[i].kind->name, "input") || !strcmp(g->move[i].kind->name, "parameter"))
            b->leaf[b->n_leaves++] = b->node[i];
    for (int k = 0; k < g->n_results; k++)
        b->out[b->n_out++] = b->node[g->result[k]];
    b->n_values = b->n_out;
    b->refused = false; /* a derivative that is refused is a mistake */
    bool derives = g->order > 0 && b->n_leaves;
    if (derives && !build_vjp(b, 0))
        return false;
    if (!build_updates(b, g->n)) {
        b->refused = true;
        return false;
    }
    if (derives && ((g->order > 1 && !build_vjp(b, 1)) || !build_jvp(b)))
        return false;
    for (size_t k = 0; k < b->n_assignments; k++)
        b->out[b->n_out++] = b->assignment[k].node;
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

int update_moves(update *u, int **at)
{
    int n = 0;
    at[n++] = &u->parameter;
    if (u->value != ITS_GRADIENT)
        at[n++] = &u->value;
    if (u->sgd) {
        at[n++] = &u->velocity;
        at[n++] = &u->rate;
    }
    return n;
}

void graph_drop_unused(graph *g)
{
    bool used[MOST_MOVES] = {false};
    int to[MOST_MOVES] = {0}, *at[UPDATE_MOVES], n = 0;
    for (int k = 0; k < g->n_results; k++)
        used[g->result[k]] = true;
    for (int k = 0; k < g->n_updates; k++)
        for (int i = update_moves(&g->update[k], at); i-- > 0;)
            used[*at[i]] = true;
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
    for (int k = 0; k < g->n_updates; k++)
        for (int i = update_moves(&g->update[k], at); i-- > 0;)
            *at[i] = to[*at[i]];
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
    if (b.n_assignments)
        fprintf(file, "before the first run:\n");
    for (size_t k = 0; k < b.n_bindings; k++)
        print_memory(file, b.binding[k].node, b.binding[k].data);
    for (int i = 0; i < b.n; i++)
        if (!strcmp(g->move[i].kind->name, "constant")) /* the listing has those of one element */
            print_memory(file, b.node[i], weft_node_attributes(b.node[i]));
    built_free(&b);
}

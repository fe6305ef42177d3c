/* subject.c: a graph with its derivatives, as Weft computes them. The program is that of the rewritten nodes, as a user's is. */
#include "tests/peers/graphs.h"

#include <string.h>

const char *const quantity_names[QUANTITIES] = {"value", "gradient", "jvp", "hvp"};

/* An input of the shape of `like`, with random memory; at least 0.2 from zero, so that nothing is hidden. */
static weft_node direction(subject *s, const char *letter, size_t k, weft_node like)
{
    char name[24];
    weft_shape shape = weft_node_shape(like);
    move m = {.domain = AWAY, .seed = s->graph.seed * 41 + (uint64_t)letter[0] * 1009 + k, .values = s->graph.cotangent_values};
    snprintf(name, sizeof name, "%s%zu", letter, k);
    weft_node node = weft_input(s->b.tape, name, WEFT_F64, shape.rank, shape.dim);
    built_bind(&s->b, node, move_memory(WEFT_F64, &m, weft_shape_count(&shape)));
    return node;
}

static bool record_derivatives(subject *s)
{
    built *b = &s->b;
    for (size_t k = 0; k < b->n_values; k++)
        s->w[k] = direction(s, "v", k, b->out[k]);
    for (size_t k = 0; k < b->n_leaves; k++)
        s->dx[k] = direction(s, "d", k, b->leaf[k]);
    s->first[GRADIENT] = b->n_out;
    if (weft_vjp(b->out, s->w, b->n_values, b->leaf, b->n_leaves, b->out + b->n_out) != WEFT_OK)
        return false;
    s->first[JVP] = b->n_out += b->n_leaves;
    if (weft_jvp(b->out, b->n_values, b->leaf, s->dx, b->n_leaves, b->out + b->n_out) != WEFT_OK)
        return false;
    s->first[HVP] = b->n_out += b->n_values;
    if (weft_vjp(b->out + s->first[GRADIENT], s->dx, b->n_leaves, b->leaf, b->n_leaves, b->out + b->n_out) != WEFT_OK)
        return false;
    s->first[QUANTITIES] = b->n_out += b->n_leaves;
    return true;
}

static bool run(subject *s)
{
    built *b = &s->b;
    s->t.graph = b;
    if (weft_rewrite(b->out, b->n_out, WEFT_REWRITE_DEFAULT, NULL, NULL, s->t.stands) != WEFT_OK) {
        snprintf(s->message, sizeof s->message, "rewriting: %.400s", weft_tape_message(b->tape));
        return false;
    }
    if (!trial_run(&s->t)) {
        snprintf(s->message, sizeof s->message, "%.500s", s->t.message);
        return false;
    }
    plain_start(&s->p, b->tape, WEFT_F64);
    if (!plain_extend(&s->p, b->binding, b->n_bindings)) {
        snprintf(s->message, sizeof s->message, "%.500s", s->p.message);
        return false;
    }
    return true;
}

bool subject_make(subject *s, const graph *g, bool *refused)
{
    memset(s, 0, sizeof *s);
    s->graph = *g;
    s->graph.n_updates = s->graph.order = 0;
    graph_drop_unused(&s->graph);
    *refused = !graph_build(&s->b, &s->graph, WEFT_F64);
    s->nodes = weft_tape_count(s->b.tape);
    for (int k = GRADIENT; k <= QUANTITIES; k++)
        s->first[k] = s->b.n_out;
    if (*refused || (s->b.n_leaves && !record_derivatives(s))) {
        snprintf(s->message, sizeof s->message, "%.500s", weft_tape_message(s->b.tape));
        return false;
    }
    return run(s);
}

void subject_free(subject *s)
{
    trial_free(&s->t);
    plain_free(&s->p);
    built_free(&s->b);
}

const void *subject_memory(const subject *s, weft_node leaf)
{
    for (size_t k = 0; k < s->b.n_bindings; k++)
        if (s->b.binding[k].node.id == leaf.id)
            return s->b.binding[k].data;
    return weft_node_op(leaf)->kind == WEFT_CONSTANT ? weft_node_attributes(leaf) : NULL;
}

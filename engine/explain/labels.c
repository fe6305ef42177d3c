/* labels.c: what nodes and adjoints of a walk are called, and texts over these labels.
 *
 * Nodes that have a name come first in the choice of labels, then those without, then adjoints; so an input that is called dh keeps its name, and the
 * adjoint of h becomes dh_2. A label that is taken counts the numbers given behind it, so that many alike take no more time than many others. */
#include "engine/explain/walk.h"
#include "engine/record/hash.h"

#include <stdio.h>
#include <string.h>

struct weft__called {
    const char *label;
    uint64_t next; /* the number for the next one of that label */
    UT_hash_handle hh;
};

/* --- labels --- */

static weft__called *find(weft__walk_store *store, const char *label)
{
    weft__called *held;
    HASH_FIND(hh, store->labels, label, strlen(label), held);
    return held;
}

static const char *take(weft__walk_store *store, const char *label)
{
    size_t size = strlen(label) + 1;
    weft__called *made = weft__arena_take(&store->arena, sizeof *made);
    char *copy = weft__arena_take(&store->arena, size);
    if (!made || !copy)
        return NULL;
    memcpy(copy, label, size);
    *made = (weft__called){.label = copy, .next = 2};
    const weft_allocator *hash_allocator = &store->allocator;
    HASH_ADD_KEYPTR(hh, store->labels, made->label, size - 1, made);
    return made->hh.tbl ? copy : NULL;
}

/* before + wanted, with a number behind it if that is taken. */
static const char *unlike_others(weft__walk_store *store, const char *before, const char *wanted)
{
    size_t size = strlen(before) + strlen(wanted) + 1 + 24;
    char *label = weft__allocate(&store->allocator, size);
    const char *given = NULL;
    if (label) {
        snprintf(label, size, "%s%s", before, wanted);
        weft__called *first = find(store, label);
        while (first && find(store, label))
            snprintf(label, size, "%s%s_%llu", before, wanted, (unsigned long long)first->next++);
        given = take(store, label);
    }
    weft__release(&store->allocator, label, size);
    return given;
}

bool weft__walk_label(weft_walk *walk)
{
    weft__walk_store *store = walk->store;
    for (size_t k = 0; k < walk->n_nodes; k++) {
        const char *name = weft_node_name(walk->node[k].node);
        if (*name && !(walk->node[k].label = unlike_others(store, "", name)))
            return false;
    }
    for (size_t k = 0; k < walk->n_nodes; k++) {
        char number[24];
        snprintf(number, sizeof number, "t%u", walk->node[k].node.id);
        if (!walk->node[k].label && !(walk->node[k].label = unlike_others(store, "", number)))
            return false;
    }
    for (size_t k = 0; k < walk->n_nodes; k++)
        if (!(walk->node[k].adjoint_label = unlike_others(store, "d", walk->node[k].label)))
            return false;
    return true;
}

void weft__walk_labels_free(weft__walk_store *store)
{
    const weft_allocator *hash_allocator = &store->allocator;
    HASH_CLEAR(hh, store->labels);
}

size_t weft_walk_find(const weft_walk *walk, const char *label)
{
    size_t k = 0;
    while (walk && label && k < walk->n_nodes && strcmp(walk->node[k].label, label))
        k++;
    return k;
}

/* --- texts --- */

static bool append(void *context, const char *text, size_t bytes)
{
    weft__walk_store *store = context;
    if (!weft__grow(&store->allocator, &store->text, &store->text_allocated, store->text_used + bytes, 1))
        return false;
    memcpy(store->text + store->text_used, text, bytes);
    store->text_used += bytes;
    return true;
}

const char *weft__walk_print(weft_walk *walk, weft_node x, const weft__labels *labels, bool as_operand)
{
    weft__walk_store *store = walk->store;
    const weft_writer writer = {append, store};
    store->text_used = 0;
    if ((as_operand ? weft__print_operand(writer, x, labels) : weft__print_labelled(writer, x, labels)) != WEFT_OK)
        return NULL;
    char *text = weft__arena_take(&store->arena, store->text_used + 1);
    if (!text)
        return NULL;
    if (store->text_used)
        memcpy(text, store->text, store->text_used);
    text[store->text_used] = 0;
    return text;
}

typedef struct naming {
    const weft_walk *walk;
    size_t from; /* whose rule recorded what is printed; n_nodes: none */
} naming;

/* A broadcast without a name is what it repeats, and a constant of one element its number. */
static bool shows_itself(weft_node x)
{
    const weft__node *node = weft__look(x);
    if (weft__has_name(node))
        return false;
    return weft_node_scalar(x, NULL) || (node->op->kind == WEFT_VIEW && node->n == 1 && node->shape != weft__at(x.tape, node->operand[0])->shape &&
                                         node->shape->count > weft__at(x.tape, node->operand[0])->shape->count);
}

const char *weft__walk_label_of(const weft_walk *walk, size_t from, uint32_t id)
{
    const weft__walk_store *store = walk->store;
    weft_node of;
    int edge;
    if (from < walk->n_nodes && id == walk->node[from].adjoint.id)
        return walk->node[from].adjoint_label;
    if (id >= store->end && weft_node_adjoint_of(weft__handle(walk->dy.tape, id), &of, &edge) && edge == -2)
        id = of.id; /* a copy */
    uint32_t k = id < store->end ? store->index[id] : WEFT_NO_ID;
    return k == WEFT_NO_ID || shows_itself(walk->node[k].node) ? NULL : walk->node[k].label;
}

static const char *label_of(void *context, uint32_t id)
{
    const naming *n = context;
    return weft__walk_label_of(n->walk, n->from, id);
}

const char *weft__walk_text(weft_walk *walk, size_t node)
{
    naming n = {walk, walk->n_nodes};
    return weft__walk_print(walk, walk->node[node].node, &(weft__labels){.of = label_of, .context = &n}, false);
}

const char *weft__walk_flow_text(weft_walk *walk, size_t from, weft_node x, bool as_operand)
{
    naming n = {walk, from};
    return weft__walk_print(walk, x, &(weft__labels){label_of, &n, .covered = true}, as_operand || label_of(&n, x.id));
}

typedef struct whole {
    const weft_walk *walk;
    bool adjoints; /* they keep their names, too */
} whole;

/* Rewriting copies names, and the mark of what a derivative recorded. */
static const char *name_of(void *context, uint32_t id)
{
    const whole *w = context;
    const weft__walk_store *store = w->walk->store;
    weft_node x = weft__handle(w->walk->dy.tape, id), of;
    int edge;
    if (id == w->walk->dy.id)
        return w->walk->node[w->walk->output].adjoint_label;
    if (!*weft_node_name(x))
        return NULL;
    if (id < store->end && store->index[id] != WEFT_NO_ID)
        return w->walk->node[store->index[id]].label;
    return w->adjoints || !weft_node_adjoint_of(x, &of, &edge) ? weft_node_name(x) : NULL;
}

const char *weft__walk_whole_text(weft_walk *walk, weft_node x, bool adjoints)
{
    whole w = {walk, adjoints};
    return weft__walk_print(walk, x, &(weft__labels){.of = name_of, .context = &w}, weft_node_scalar(x, NULL)); /* zeros as 0 */
}

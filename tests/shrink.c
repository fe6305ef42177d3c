/* shrink.c: the smallest failing graph near a failing one. Each pass proposes graphs that are smaller in one respect: results, updates,
 * order, scopes, moves, leaves, dims, values. A proposal that still fails is kept. What the builders refuse does not fail and so is dropped. Every
 * proposal lowers its measure and raises none that an earlier pass lowers, so the passes come to rest. */
#include "tests/random_graph.h"

#include <string.h>

typedef struct shrinking {
    graph *g;
    bool (*fails)(void *context, const graph *g);
    void *context;
    int tried;
} shrinking;

static bool keep(shrinking *s, graph *smaller)
{
    graph_drop_unused(smaller);
    s->tried++;
    if (!s->fails(s->context, smaller))
        return false;
    *s->g = *smaller;
    return true;
}

static bool is_leaf(const graph *g, int i)
{
    return g->move[i].kind->arity == 0;
}

static bool drop_results(shrinking *s)
{
    bool any = false;
    for (int k = s->g->n_results - 1; k >= 0 && s->g->n_results > 1; k--) {
        graph smaller = *s->g;
        for (int i = k; i + 1 < smaller.n_results; i++)
            smaller.result[i] = smaller.result[i + 1];
        smaller.n_results--;
        any |= keep(s, &smaller);
    }
    return any;
}

static bool drop_updates(shrinking *s)
{
    bool any = false;
    for (int k = s->g->n_updates - 1; k >= 0; k--) {
        graph smaller = *s->g;
        for (int i = k; i + 1 < smaller.n_updates; i++)
            smaller.update[i] = smaller.update[i + 1];
        smaller.n_updates--;
        any |= keep(s, &smaller);
    }
    return any;
}

/* One update alone, with the parameter that it assigns as the only result: where two exchange values, neither can go by itself. */
static bool show_parameter(shrinking *s)
{
    for (int k = 0; k < s->g->n_updates && s->g->n_updates > 1; k++) {
        graph smaller = *s->g;
        smaller.update[0] = s->g->update[k];
        smaller.n_updates = smaller.n_results = 1;
        smaller.result[0] = smaller.update[0].parameter;
        if (keep(s, &smaller))
            return true;
    }
    return false;
}

/* A plain assignment for weft_sgd(), or no momentum; a leaf for a gradient. */
static bool simplify_update(shrinking *s, int k)
{
    bool any = false;
    graph smaller = *s->g;
    smaller.update[k].sgd = false;
    any |= s->g->update[k].sgd && keep(s, &smaller);
    smaller = *s->g;
    smaller.update[k].momentum = 0;
    any |= s->g->update[k].sgd && s->g->update[k].momentum && keep(s, &smaller);
    for (int i = 0; i < s->g->n && s->g->update[k].value == ITS_GRADIENT; i++) {
        smaller = *s->g;
        smaller.update[k].value = i;
        any |= is_leaf(s->g, i) && keep(s, &smaller);
    }
    return any;
}

static bool simplify_updates(shrinking *s)
{
    bool any = false;
    for (int k = 0; k < s->g->n_updates; k++)
        any |= simplify_update(s, k);
    return any;
}

static bool lower_order(shrinking *s)
{
    bool any = false;
    for (int order = 0; order < s->g->order; order++) {
        graph smaller = *s->g;
        smaller.order = order;
        any |= keep(s, &smaller);
    }
    return any;
}

static bool drop_scopes(shrinking *s)
{
    graph smaller = *s->g;
    smaller.scopes = 0;
    return s->g->scopes && keep(s, &smaller);
}

/* Makes an operand of a move the only result: what is wrong may be inside. */
static bool take_part(shrinking *s)
{
    for (int i = 0; i < s->g->n - 1; i++) {
        graph smaller = *s->g;
        smaller.n_results = 1;
        smaller.result[0] = i;
        if (!is_leaf(s->g, i) && keep(s, &smaller))
            return true;
    }
    return false;
}

static void replace(graph *g, int what, int by)
{
    int *at[UPDATE_MOVES];
    for (int i = what + 1; i < g->n; i++)
        for (int k = 0; k < g->move[i].kind->arity; k++)
            if (g->move[i].x[k] == what)
                g->move[i].x[k] = by;
    for (int k = 0; k < g->n_results; k++)
        if (g->result[k] == what)
            g->result[k] = by;
    for (int k = 0; k < g->n_updates; k++)
        for (int i = update_moves(&g->update[k], at); i-- > 0;)
            if (*at[i] == what)
                *at[i] = by;
}

static bool shape_of(const graph *g, int i, weft_shape *shape)
{
    built b;
    bool good = graph_build(&b, g, WEFT_F64);
    if (good)
        *shape = weft_node_shape(b.node[i]);
    built_free(&b);
    return good;
}

/* One of its operands in its place, or an input of its shape. */
static bool bypass(shrinking *s, int i)
{
    for (int k = 0; k < s->g->move[i].kind->arity; k++) {
        graph smaller = *s->g;
        replace(&smaller, i, smaller.move[i].x[k]);
        if (keep(s, &smaller))
            return true;
    }
    weft_shape shape;
    if (!shape_of(s->g, i, &shape))
        return false;
    static const domain domains[] = {POSITIVE, AWAY};
    for (int k = 0; k < 2; k++) {
        graph smaller = *s->g;
        smaller.move[i] = (move){.kind = move_kind_named("input"), .shape = shape, .domain = domains[k], .seed = (uint64_t)i + 1};
        if (keep(s, &smaller))
            return true;
    }
    return false;
}

static bool drop_moves(shrinking *s)
{
    bool any = false;
    for (int i = s->g->n - 1; i >= 0; i--)
        if (i < s->g->n && !is_leaf(s->g, i))
            any |= bypass(s, i);
    return any;
}

static bool merge_leaves(shrinking *s)
{
    bool any = false;
    for (int i = 1; i < s->g->n; i++)
        for (int k = 0; k < i && i < s->g->n; k++) {
            if (!is_leaf(s->g, i) || !is_leaf(s->g, k))
                continue;
            graph smaller = *s->g;
            replace(&smaller, i, k);
            any |= keep(s, &smaller);
        }
    return any;
}

/* --- dims --- */

enum { MOST_DIMS = MOST_MOVES * (WEFT_MAX_RANK + 1) };

static bool counts_rows(const move *m)
{
    static const char *const kinds[] = {"gather", "scatter_add", "take", "gather_elements", "scatter_add_elements", "one_hot"};
    bool found = false;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        found |= !strcmp(m->kind->name, kinds[k]);
    return found;
}

/* Its indices or labels are drawn, and so can be made plainer. */
static bool draws_indices(const move *m)
{
    return counts_rows(m) || !strcmp(m->kind->name, "softmax_cross_entropy") || !strcmp(m->kind->name, "cross_entropy");
}

/* Every length that the graph states, of axes and of rows, and the axis that it belongs to. */
static int list_dims(const graph *g, size_t *dim, int *axis)
{
    int n = 0;
    for (int i = 0; i < g->n; i++) {
        for (int k = 0; k < g->move[i].shape.rank; k++, n++) {
            dim[n] = g->move[i].shape.dim[k];
            axis[n] = k;
        }
        if (counts_rows(&g->move[i])) {
            dim[n] = (size_t)g->move[i].p[0];
            axis[n++] = 0;
        }
    }
    return n;
}

static void set_dims(graph *g, const size_t *dim)
{
    int n = 0;
    for (int i = 0; i < g->n; i++) {
        for (int k = 0; k < g->move[i].shape.rank; k++)
            g->move[i].shape.dim[k] = dim[n++];
        if (counts_rows(&g->move[i]))
            g->move[i].p[0] = (int)dim[n++];
    }
}

enum { ALONE, ALONG_AXIS, TOGETHER };

/* Lengths that are equal shrink together, since they often must; then those of one axis of all shapes; and then one by one. */
static bool shrink_dim(shrinking *s, int at, size_t to, int together)
{
    size_t dim[MOST_DIMS];
    int axis[MOST_DIMS], n = list_dims(s->g, dim, axis);
    if (at >= n || dim[at] <= to || !to)
        return false;
    size_t from = dim[at];
    for (int k = 0; k < n; k++)
        if (k == at || (dim[k] == from && (together == TOGETHER || (together == ALONG_AXIS && axis[k] == axis[at]))))
            dim[k] = to;
    for (int redrawn = 0; redrawn < 3; redrawn++) { /* the element that matters may be among those that go */
        graph smaller = *s->g;
        set_dims(&smaller, dim);
        for (int i = 0; i < smaller.n; i++)
            smaller.move[i].seed += (uint64_t)redrawn;
        if (keep(s, &smaller))
            return true;
    }
    return false;
}

static bool shrink_dims(shrinking *s)
{
    bool any = false;
    for (int together = TOGETHER; together >= ALONE; together--)
        for (int at = 0;; at++) {
            size_t dim[MOST_DIMS];
            int axis[MOST_DIMS];
            if (at >= list_dims(s->g, dim, axis))
                break;
            any |= shrink_dim(s, at, 1, together) || shrink_dim(s, at, 2, together) || shrink_dim(s, at, dim[at] / 2, together) ||
                   (dim[at] > 1 && shrink_dim(s, at, dim[at] - 1 - dim[at] / 8, together));
        }
    return any;
}

/* --- axes and values --- */

/* Drops an axis of length 1 from a leaf. */
static bool drop_axes(shrinking *s)
{
    bool any = false;
    for (int i = 0; i < s->g->n; i++)
        for (int k = s->g->move[i].shape.rank - 1; k >= 0 && i < s->g->n; k--) {
            graph smaller = *s->g;
            weft_shape *shape = &smaller.move[i].shape;
            if (k >= shape->rank || shape->dim[k] != 1)
                continue;
            memmove(shape->dim + k, shape->dim + k + 1, (size_t)(WEFT_MAX_RANK - 1 - k) * sizeof *shape->dim);
            shape->dim[WEFT_MAX_RANK - 1] = 0;
            shape->rank--;
            any |= keep(s, &smaller);
        }
    return any;
}

static bool simplify_values(shrinking *s)
{
    bool any = false;
    for (int values = VALUES_ONE; values > VALUES_DRAWN; values--) {
        for (int i = 0; i < s->g->n; i++) {
            graph smaller = *s->g;
            if (smaller.move[i].values >= values || (smaller.move[i].kind->arity && !draws_indices(&smaller.move[i])))
                continue;
            smaller.move[i].values = values;
            any |= keep(s, &smaller);
        }
        graph smaller = *s->g;
        if (smaller.cotangent_values < values) {
            smaller.cotangent_values = values;
            any |= keep(s, &smaller);
        }
    }
    return any;
}

int graph_shrink(graph *g, bool (*fails)(void *context, const graph *g), void *context)
{
    enum { MOST_ROUNDS = 20 };
    static bool (*const passes[])(shrinking *s) = {drop_scopes, drop_results, drop_updates, show_parameter, simplify_updates, lower_order,
                                                   take_part,   drop_moves,   merge_leaves, shrink_dims,    drop_axes,        simplify_values};
    shrinking s = {.g = g, .fails = fails, .context = context};
    bool any = true;
    for (int round = 0; any && round < MOST_ROUNDS; round++) {
        any = false;
        for (size_t k = 0; k < sizeof passes / sizeof *passes; k++)
            any |= passes[k](&s);
    }
    return s.tried;
}

/* random_updates.c: which parameters a graph assigns, and what they become: another parameter, something made of themselves, any move, their
 * gradient, a step of weft_sgd(). The parameter may be an output too, and of no other use. An update is taken back when one of the runs that
 * a judge follows would leave the safe range. */
#include "tests/random_draw.h"
#include "tests/updates.h"

#include <stdlib.h>

/* --- what is safe --- */

/* The values of the parameters after a run: b's bindings, as `from` has them before it; `held` owns what changed. False where they are unsafe. */
static bool assign_all(const built *b, const plain *p, weft_binding *from, double **held)
{
    bool safe = true;
    for (size_t i = 0; i < b->n_assignments; i++) {
        const assignment *a = &b->assignment[i];
        weft_shape shape = weft_node_shape(a->parameter);
        size_t count = weft_shape_count(&shape), k = 0;
        while (from[k].node.id != a->parameter.id)
            k++;
        bounded *next = malloc(count * sizeof *next + 1);
        assignment_expected(b, p, a, next);
        safe &= values_are_safe(next, count);
        held[k] = realloc(held[k], count * sizeof **held + 1);
        for (size_t e = 0; e < count; e++)
            held[k][e] = (double)next[e].v;
        from[k].data = held[k];
        free(next);
    }
    return safe;
}

static bool moves_are_safe(const built *b, const plain *p)
{
    bool safe = true;
    for (int i = 0; i < b->n; i++) {
        weft_shape shape = weft_node_shape(b->node[i]);
        safe &= values_are_safe(plain_value(p, b->node[i]), weft_shape_count(&shape));
    }
    return safe;
}

static bool runs_are_safe(const graph *g)
{
    built b;
    weft_binding from[MOST_BINDINGS];
    double *held[MOST_BINDINGS] = {NULL};
    bool safe = graph_build(&b, g, WEFT_F64);
    for (size_t k = 0; k < b.n_bindings; k++)
        from[k] = b.binding[k];
    for (int run = 0; safe && run < MOST_RUNS; run++) {
        plain p;
        plain_start(&p, b.tape, WEFT_F32);
        safe = plain_extend(&p, from, b.n_bindings) && moves_are_safe(&b, &p) && assign_all(&b, &p, from, held);
        plain_free(&p);
    }
    for (size_t k = 0; k < b.n_bindings; k++)
        free(held[k]);
    built_free(&b);
    return safe;
}

/* --- parameters and values --- */

static bool is_named(const generator *d, int i, const char *kind)
{
    return d->g.move[i].kind == move_kind_named(kind);
}

static bool is_assigned(const generator *d, int i)
{
    bool assigned = false;
    for (int k = 0; k < d->g.n_updates; k++)
        assigned |= d->g.update[k].parameter == i || (d->g.update[k].sgd && d->g.update[k].velocity == i);
    return assigned;
}

static bool is_shaped(const generator *d, int i, weft_shape shape)
{
    weft_shape own = shape_at(d, i);
    bool same = own.rank == shape.rank;
    for (int k = 0; same && k < own.rank; k++)
        same = own.dim[k] == shape.dim[k];
    return same;
}

/* An unassigned one, read by other moves perhaps; else a new one. */
static int pick_parameter(generator *d, weft_shape shape, bool any_shape)
{
    for (int trial = 0; trial < 12; trial++) {
        int i = (int)below(d, (size_t)d->g.n);
        if (is_named(d, i, "parameter") && !is_assigned(d, i) && (any_shape || is_shaped(d, i, shape)))
            return i;
    }
    return add_leaf_of(d, "parameter", shape);
}

static int pick_of_shape(generator *d, weft_shape shape)
{
    for (int trial = 0; trial < 12; trial++) {
        int i = pick_move(d);
        if (is_shaped(d, i, shape))
            return i;
    }
    return add_leaf(d, shape);
}

/* --- a form of update after another; each may come to nothing --- */

/* False where an operand is -1, or there are as many updates already as there can be. */
static bool add_update(generator *d, update u)
{
    int *at[UPDATE_MOVES];
    for (int k = update_moves(&u, at); k-- > 0;)
        if (*at[k] < 0)
            return false;
    if (d->g.n_updates == MOST_UPDATES)
        return false;
    d->g.update[d->g.n_updates++] = u;
    return true;
}

static void update_by_move(generator *d, int w)
{
    add_update(d, (update){.parameter = w, .value = pick_of_shape(d, shape_at(d, w))});
}

static void update_by_itself(generator *d, int w)
{
    static const int factors[] = {2, 4, 5}; /* of move_scalars: -1, 0.5, -0.5 */
    int value = add_call(d, "mul", w, add_scalar(d, factors[below(d, 3)]));
    if (chance(d, 0.3))
        value = add_call(d, "add", value, pick_of_shape(d, shape_at(d, w)));
    add_update(d, (update){.parameter = w, .value = value});
}

static void update_by_exchange(generator *d, int w)
{
    int other = w;
    for (int trial = 0; trial < 4 && other == w; trial++)
        other = pick_parameter(d, shape_at(d, w), false);
    if (other >= 0 && other != w && add_update(d, (update){.parameter = w, .value = other}))
        add_update(d, (update){.parameter = other, .value = w});
}

static void update_by_gradient(generator *d, int w)
{
    if (d->g.order > 0)
        add_update(d, (update){.parameter = w, .value = ITS_GRADIENT});
}

/* Mostly of the gradient, with a constant rate and a velocity that starts anew. */
static void update_by_sgd(generator *d, int w)
{
    update u = {.parameter = w, .value = ITS_GRADIENT, .sgd = true, .momentum = (int)below(d, UPDATE_MOMENTA)};
    if (!d->g.order || chance(d, 0.2))
        u.value = pick_of_shape(d, shape_at(d, w));
    u.velocity = pick_parameter(d, shape_at(d, w), false);
    u.rate = chance(d, 0.7) ? add_scalar(d, chance(d, 0.5) ? 4 : 7) : add_leaf(d, (weft_shape){.rank = 0}); /* 0.5 or 0.1 */
    if (u.velocity != w)
        add_update(d, u);
}

void choose_updates(generator *d)
{
    static void (*const forms[])(generator *d, int w) = {update_by_move,     update_by_itself, update_by_itself, update_by_exchange,
                                                         update_by_gradient, update_by_sgd,    update_by_sgd};
    int wanted = 1 + (int)below(d, MOST_UPDATES);
    for (int trial = 0; trial < 2 * wanted && d->g.n_updates < wanted; trial++) {
        int updates = d->g.n_updates, results = d->g.n_results;
        int w = pick_parameter(d, shape_at(d, pick_move(d)), true);
        if (w < 0)
            continue;
        forms[below(d, sizeof forms / sizeof *forms)](d, w);
        if (d->g.n_updates > updates && d->g.n_results < MOST_RESULTS && chance(d, 0.3))
            d->g.result[d->g.n_results++] = w;
        if (d->g.n_updates > updates && !runs_are_safe(&d->g)) {
            d->g.n_updates = updates;
            d->g.n_results = results;
        }
    }
}

/* hypotheses.c: what may have gone wrong in a gradient, listed from the graph alone, the simplest first. A hypothesis that is another one in other
 * words does no harm: of those that match, the ones that are one function are counted once, and the first has the best words. */
#include "engine/judge/diagnose.h"

#include <math.h>

typedef struct path {
    uint32_t end; /* its last edge leads to that operand of this node */
    int operand;
} path;

enum { MOST_NODES = 100000, /* that all hypotheses may record, by and large */
       MOST_PATHS = 64, MOST_COUNTS = 8, MOST_STATISTICS = 4, MOST_GIVEN = 4, MOST_ELSEWHERE = 12 };

typedef struct listing {
    const weft__judged *j;
    weft__hypotheses *list;
    size_t most;
    path paths[MOST_PATHS];
    int n_paths;
    double counts[MOST_COUNTS]; /* of means and broadcasts anywhere in the graph */
    int n_counts;
} listing;

static void push(listing *l, const weft__edit *edits, int n)
{
    weft__hypotheses *list = l->list;
    if (list->n == l->most || list->out_of_memory)
        return;
    if (!weft__grow(list->allocator, &list->item, &list->allocated, list->n + 1, sizeof *list->item)) {
        list->out_of_memory = true;
        return;
    }
    list->item[list->n] = (weft__hypothesis){.n = n};
    for (int i = 0; i < n; i++)
        list->item[list->n].edit[i] = edits[i];
    list->n++;
}

static void push_one(listing *l, weft__edit edit)
{
    push(l, &edit, 1);
}

static const weft__node *at(const listing *l, uint32_t id)
{
    return weft__at(l->j->tape, id);
}

static void find_paths(listing *l)
{
    const weft__judged *j = l->j;
    for (uint32_t id = j->lo; id < j->end; id++)
        for (int i = 0; i < at(l, id)->n; i++)
            if (weft__is_active_edge(j, id, i) && weft__is_path_end(j, id) && l->n_paths < MOST_PATHS)
                l->paths[l->n_paths++] = (path){id, i};
}

static void find_counts(listing *l)
{
    double count;
    uint32_t sum;
    for (uint32_t id = l->j->lo; id < l->j->end; id++) {
        if (!l->j->of_y[id] || (!weft__is_mean(l->j, id, &count, &sum) && !weft__is_broadcast(l->j, id, &count)))
            continue;
        bool known = weft_node_scalar(weft__handle(l->j->tape, id), NULL);
        for (int k = 0; k < l->n_counts; k++)
            known |= l->counts[k] == count;
        if (!known && l->n_counts < MOST_COUNTS)
            l->counts[l->n_counts++] = count;
    }
}

/* --- edges --- */

static weft__edit scale(path p, double factor, uint32_t because)
{
    return (weft__edit){.kind = WEFT__SCALE, .node = p.end, .operand = p.operand, .factor = factor, .other = because};
}

static void drop_each(listing *l)
{
    l->list->first_drop = l->list->n;
    for (int k = 0; k < l->n_paths; k++)
        push_one(l, (weft__edit){.kind = WEFT__DROP, .node = l->paths[k].end, .operand = l->paths[k].operand});
    l->list->n_drops = l->list->n - l->list->first_drop;
}

/* Factors that a path can have by its own nodes: the count of a mean, of a broadcast, and one less. */
static void scale_by_counts(listing *l, path p)
{
    uint32_t id = p.end == l->j->y.id ? p.end : at(l, p.end)->operand[p.operand], sum; /* y is a last node, and its path goes through it */
    for (; id != WEFT_NO_ID && id != l->j->x.id; id = id == p.end ? at(l, id)->operand[p.operand] : weft__path_before(l->j, id)) {
        double n;
        bool mean = weft__is_mean(l->j, id, &n, &sum);
        if (!mean && !weft__is_broadcast(l->j, id, &n))
            continue;
        push_one(l, scale(p, mean ? n : 1 / n, id));
        push_one(l, scale(p, n / (n - 1), id));
        push_one(l, scale(p, (n - 1) / n, id));
    }
}

static void scale_each(listing *l)
{
    static const double factors[] = {2, 0.5, -2, -0.5};
    for (int k = 0; k < l->n_paths; k++)
        push_one(l, scale(l->paths[k], -1, WEFT_NO_ID));
    for (int k = 0; k < l->n_paths; k++)
        scale_by_counts(l, l->paths[k]);
    for (int k = 0; k < l->n_paths; k++) {
        for (size_t i = 0; i < sizeof factors / sizeof *factors; i++)
            push_one(l, scale(l->paths[k], factors[i], WEFT_NO_ID));
        for (int i = 0; i < l->n_counts; i++) {
            push_one(l, scale(l->paths[k], l->counts[i], WEFT_NO_ID));
            push_one(l, scale(l->paths[k], 1 / l->counts[i], WEFT_NO_ID));
        }
    }
}

static bool is_matrix(const listing *l, uint32_t id)
{
    const weft_shape *shape = &at(l, id)->shape->dims;
    return shape->rank >= 2 && shape->dim[shape->rank - 1] == shape->dim[shape->rank - 2] && shape->dim[shape->rank - 1] > 1;
}

/* Along what leads to a broadcast: a sum whose terms have the broadcast's shape, behind elementwise nodes alone. */
static uint32_t sum_behind(const listing *l, uint32_t broadcast)
{
    uint32_t id = at(l, broadcast)->operand[0];
    while (id != WEFT_NO_ID && !weft__is_sum(l->j, id)) {
        weft_kind kind = at(l, id)->op->kind;
        if (kind != WEFT_ELEMENTWISE && kind != WEFT_VIEW)
            return WEFT_NO_ID;
        id = weft__path_before(l->j, id);
    }
    if (id == WEFT_NO_ID || at(l, at(l, id)->operand[0])->shape != at(l, broadcast)->shape || !weft__is_active_edge(l->j, id, 0))
        return WEFT_NO_ID;
    return id;
}

static void edit_edges(listing *l, weft__edit_kind kind)
{
    const weft__judged *j = l->j;
    for (uint32_t id = j->lo; id < j->end; id++)
        for (int i = 0; i < at(l, id)->n; i++) {
            const weft_op *op = at(l, id)->op;
            weft__edit e = {.kind = kind, .node = id, .operand = i, .other = WEFT_NO_ID};
            double count;
            if (!weft__is_active_edge(j, id, i))
                continue;
            switch (kind) {
            case WEFT__ASSIGN:
                if (weft__is_broadcast(j, id, &count)) {
                    e.factor = 1;
                    push_one(l, e);
                    e.factor = 0;
                    push_one(l, e);
                }
                break;
            case WEFT__KEEP: /* at a fork in two it is the other path dropped */
                if (j->users[at(l, id)->operand[i]] > 2)
                    push_one(l, e);
                break;
            case WEFT__SKIP:
                if (op->kind == WEFT_ELEMENTWISE && !weft__is_linear(j, id, i))
                    push_one(l, e);
                break;
            case WEFT__TRANSPOSE:
                if (op->kind == WEFT_GENERAL && op->transpose && at(l, id)->n == 2 && is_matrix(l, at(l, id)->operand[1 - i]))
                    push_one(l, e);
                break;
            default: /* WEFT__DIAGONAL */
                if (weft__is_broadcast(j, id, &count) && (e.other = sum_behind(l, id)) != WEFT_NO_ID)
                    push_one(l, e);
            }
        }
}

/* --- arrays that could stand at another place --- */

static bool is_number(const listing *l, uint32_t id)
{
    return at(l, id)->dtype == WEFT_F64 && !weft_node_scalar(weft__handle(l->j->tape, id), NULL);
}

static bool spreads_to_x(const listing *l, uint32_t id)
{
    return is_number(l, id) && weft__spreads_to(&at(l, id)->shape->dims, &at(l, l->j->x.id)->shape->dims);
}

static void times_each(listing *l)
{
    weft__root root;
    for (uint32_t id = l->j->lo; id < l->j->end; id++) {
        if (!l->j->of_y[id])
            continue;
        uint32_t of[2] = {id, WEFT_NO_ID};
        if (weft__is_product(l->j, id) || weft__is_quotient(l->j, id)) {
            of[0] = weft__through_views(l->j, at(l, id)->operand[0]);
            of[1] = weft__through_views(l->j, at(l, id)->operand[1]);
        } else if (!weft__is_root(l->j, id, &root)) {
            continue;
        }
        for (int k = 0; k < 2; k++)
            if (of[k] != WEFT_NO_ID && spreads_to_x(l, of[k])) {
                push_one(l, (weft__edit){.kind = WEFT__TIMES, .other = of[k], .factor = 1});
                push_one(l, (weft__edit){.kind = WEFT__TIMES, .other = of[k], .factor = -1});
            }
    }
}

/* A factor that belongs before the sums of the backward pass, put behind them. */
static void factors_behind(listing *l)
{
    for (uint32_t id = l->j->lo; id < l->j->end; id++)
        for (int i = 0; i < 2 && weft__is_product(l->j, id); i++) {
            uint32_t factor = weft__through_views(l->j, at(l, id)->operand[1 - i]);
            if (weft__is_active_edge(l->j, id, i) && spreads_to_x(l, factor))
                push(l, (weft__edit[]){{.kind = WEFT__SKIP, .node = id, .operand = i}, {.kind = WEFT__TIMES, .other = factor, .factor = 1}}, 2);
        }
}

static void misread_nodes(listing *l)
{
    weft__root root;
    for (uint32_t id = l->j->lo; id < l->j->end; id++)
        for (int i = 0; i < 2 && l->j->of_y[id] && weft__is_product(l->j, id); i++)
            push_one(l, (weft__edit){.kind = WEFT__OPERAND, .node = id, .operand = i});
    for (uint32_t id = l->j->lo; id < l->j->end; id++) {
        if (!l->j->of_y[id] || !weft__is_root(l->j, id, &root) || root.under < l->j->lo)
            continue;
        for (int how = 0; how < WEFT__HOWS; how++) {
            bool of_eps = how == WEFT__EPS_OUTSIDE || how == WEFT__EPS_LEFT_OUT, of_count = how == WEFT__UNBIASED || how == WEFT__BIASED;
            if ((of_eps && !(root.eps > 0)) || (of_count && !(root.count > 1)))
                continue;
            push_one(l, (weft__edit){.kind = WEFT__ROOT, .node = root.under, .how = (weft__how)how});
            if (spreads_to_x(l, root.under))
                push_one(l, (weft__edit){.kind = WEFT__FRONT, .node = root.under, .how = (weft__how)how});
        }
    }
}

/* The inputs that are bound and that y does not need. */
static int find_given(const listing *l, uint32_t *given, int most)
{
    int n = 0;
    for (size_t k = 0; k < l->j->n_bind && n < most; k++) {
        const weft__node *node = weft__look(l->j->bind[k].node);
        uint32_t id = l->j->bind[k].node.id;
        bool copied = node && id < l->j->given_end && l->j->copy[id] != WEFT_NO_ID;
        if (node && !copied && id < l->j->lo && node->dtype != WEFT_I64 && (node->op->kind == WEFT_INPUT || node->op->kind == WEFT_PARAMETER))
            given[n++] = id;
    }
    return n;
}

static void taken_elsewhere(listing *l)
{
    const weft__judged *j = l->j;
    uint32_t given[MOST_GIVEN];
    int n_given = find_given(l, given, MOST_GIVEN);
    for (uint32_t id = j->lo; id < j->end; id++) {
        const weft__node *node = at(l, id);
        if (!j->of_y[id] || node->op->kind != WEFT_ELEMENTWISE || !node->op->partial || node->n != 1 || !weft__is_active_edge(j, id, 0) ||
            weft__is_linear(j, id, 0))
            continue;
        int n = 0;
        weft__edit e = {.kind = WEFT__AT, .node = id};
        for (uint32_t q = 0; q < j->end && n < MOST_ELSEWHERE; q++) /* y, dy and x are among them */
            if ((q == j->dy.id || (j->of_y[q] && is_number(l, q))) && q != node->operand[0] && at(l, q)->shape == node->shape) {
                e.other = q;
                push_one(l, e);
                n++;
            }
        for (int k = 0; k < n_given; k++)
            if (at(l, given[k])->shape == node->shape) {
                e.other = given[k];
                push_one(l, e);
            }
    }
}

/* --- statistics that are constants, or other ones --- */

static size_t ways_of(const listing *l, uint32_t statistic, const uint32_t *given, int n_given, weft__edit *ways)
{
    size_t n = 0;
    ways[n++] = (weft__edit){.kind = WEFT__CONSTANT, .node = statistic, .other = WEFT_NO_ID};
    for (int k = 0; k < n_given; k++)
        if (weft__count(l->j, given[k]) == weft__count(l->j, statistic))
            ways[n++] = (weft__edit){.kind = WEFT__GIVEN, .node = statistic, .other = given[k]};
    return n;
}

static void stale_statistics(listing *l)
{
    uint32_t given[MOST_GIVEN], statistics[MOST_STATISTICS], sum;
    weft__edit ways[MOST_STATISTICS][MOST_GIVEN + 1], pair[2];
    size_t n_ways[MOST_STATISTICS];
    double count;
    int n_given = find_given(l, given, MOST_GIVEN), n = 0;
    for (uint32_t id = l->j->lo; id < l->j->end && n < MOST_STATISTICS; id++)
        if (l->j->of_y[id] && id != l->j->y.id && id != l->j->x.id && weft__is_mean(l->j, id, &count, &sum))
            statistics[n++] = id;
    for (int a = 0; a < n; a++) {
        n_ways[a] = ways_of(l, statistics[a], given, n_given, ways[a]);
        for (size_t k = 0; k < n_ways[a]; k++)
            push_one(l, ways[a][k]);
    }
    for (int a = 0; a < n; a++)
        for (int b = a + 1; b < n; b++)
            for (size_t k = 0; k < n_ways[a]; k++)
                for (size_t m = 0; m < n_ways[b]; m++) {
                    pair[0] = ways[a][k];
                    pair[1] = ways[b][m];
                    push(l, pair, 2);
                }
}

/* --- two mistakes at once --- */

static void drop_pairs(listing *l)
{
    for (int a = 0; a < l->n_paths; a++)
        for (int b = a + 1; b < l->n_paths; b++)
            push(l, (weft__edit[]){{.kind = WEFT__DROP, .node = l->paths[a].end, .operand = l->paths[a].operand},
                                   {.kind = WEFT__DROP, .node = l->paths[b].end, .operand = l->paths[b].operand}}, 2);
}

/* The same slip on two paths: two means that are sums, or N-1 for N twice. */
static void scale_pairs(listing *l)
{
    weft__hypotheses *list = l->list;
    size_t end = list->n;
    for (size_t a = 0; a < end; a++)
        for (size_t b = a + 1; b < end; b++) {
            const weft__edit e = list->item[a].edit[0], f = list->item[b].edit[0];
            if (list->item[a].n == 1 && list->item[b].n == 1 && e.kind == WEFT__SCALE && f.kind == WEFT__SCALE && e.factor == f.factor &&
                (e.node != f.node || e.operand != f.operand) && (e.factor == -1 || (e.other != WEFT_NO_ID && f.other != WEFT_NO_ID)))
                push(l, (weft__edit[]){e, f}, 2);
        }
}

void weft__hypotheses_list(const weft__judged *j, weft__hypotheses *list)
{
    listing l = {.j = j, .list = list, .most = MOST_NODES / (j->end - j->lo + 1)};
    l.most = l.most < WEFT__LEAST_HYPOTHESES ? WEFT__LEAST_HYPOTHESES : l.most > WEFT__MOST_HYPOTHESES ? WEFT__MOST_HYPOTHESES : l.most;
    find_paths(&l);
    find_counts(&l);
    push(&l, NULL, 0);
    push_one(&l, (weft__edit){.kind = WEFT__WHOLE, .factor = 0});
    push_one(&l, (weft__edit){.kind = WEFT__WHOLE, .factor = -1});
    drop_each(&l);
    edit_edges(&l, WEFT__ASSIGN);
    edit_edges(&l, WEFT__KEEP);
    edit_edges(&l, WEFT__DIAGONAL);
    edit_edges(&l, WEFT__SKIP);
    scale_each(&l);
    edit_edges(&l, WEFT__TRANSPOSE);
    if (is_matrix(&l, j->x.id))
        push_one(&l, (weft__edit){.kind = WEFT__TURNED});
    misread_nodes(&l);
    times_each(&l);
    factors_behind(&l);
    taken_elsewhere(&l);
    drop_pairs(&l);
    stale_statistics(&l);
    scale_pairs(&l);
}

/* findings.c: a hypothesis in words, in the names of the caller's nodes. */
#include "engine/judge/diagnose.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef struct words {
    const weft__judged *j;
    char *text;
    size_t used, size;
} words;

__attribute__((format(printf, 2, 3))) static void say(words *w, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    int more = vsnprintf(w->text + w->used, w->size - w->used, format, list);
    va_end(list);
    if (more > 0)
        w->used = w->used + (size_t)more < w->size ? w->used + (size_t)more : w->size - 1;
}

static const weft__node *at(const words *w, uint32_t id)
{
    return weft__at(w->j->tape, id);
}

static const char *name_of(const words *w, uint32_t id)
{
    const char *name = weft_node_name(weft__handle(w->j->tape, id));
    return *name ? name : weft_node_name(weft__judged_origin(w->j, id));
}

static bool has_name(const words *w, uint32_t id)
{
    return at(w, id)->name || (id < w->j->lo && *name_of(w, id));
}

static void say_name(words *w, uint32_t id)
{
    uint32_t of = has_name(w, id) ? id : weft__through_views(w->j, id);
    weft_node given = weft__judged_origin(w->j, of);
    double value;
    if (has_name(w, of))
        say(w, "%.40s", name_of(w, of));
    else if (weft_node_scalar(weft__handle(w->j->tape, of), &value))
        say(w, "%.6g", value);
    else
        say(w, "%%%u", given.id);
}

/* "node %7 pow" */
static void say_node(words *w, uint32_t id)
{
    say(w, "node %%%u %.40s", weft__judged_origin(w->j, id).id, at(w, id)->op->name);
}

/* 2 as "2", 0.5 as "1/2", 8/7 as "8/7" */
static void say_factor(words *w, double c)
{
    double n = fabs(c) < 1 ? 1 / fabs(c) : fabs(c), ratio = 1 / (1 - fmin(fabs(c), 1 / fabs(c)));
    const char *sign = c < 0 ? "-" : "";
    if (fabs(n - round(n)) < 1e-9)
        say(w, fabs(c) < 1 ? "%s1/%.0f" : "%s%.0f", sign, n);
    else if (fabs(ratio - round(ratio)) < 1e-6)
        say(w, fabs(c) < 1 ? "%s%.0f/%.0f" : "%s%.0f/%.0f", sign, fabs(c) < 1 ? ratio - 1 : ratio, fabs(c) < 1 ? ratio : ratio - 1);
    else
        say(w, "%.6g", c);
}

/* --- paths --- */

enum { MOST_NODES = 24 };

/* Whether the node where a path ends is y, and nothing else joins there: then the path goes through it. */
static bool ends_in_y(const words *w, const weft__edit *e)
{
    int active = 0;
    for (int i = 0; i < at(w, e->node)->n; i++)
        active += weft__is_active_edge(w->j, e->node, i);
    return e->node == w->j->y.id && active == 1;
}

/* The nodes of the path that ends in an edge, from its start on, and no more than the last MOST_NODES. */
static int nodes_of_path(const words *w, const weft__edit *e, uint32_t nodes[MOST_NODES])
{
    int n = 0;
    uint32_t backwards[MOST_NODES];
    if (ends_in_y(w, e))
        backwards[n++] = e->node;
    for (uint32_t id = at(w, e->node)->operand[e->operand]; id != WEFT_NO_ID && n < MOST_NODES; id = weft__path_before(w->j, id))
        backwards[n++] = id;
    for (int i = 0; i < n; i++)
        nodes[i] = backwards[n - 1 - i];
    return n;
}

/* A node that nobody named is told by the next named one behind it, where only one way leads on. */
static uint32_t named_behind(const words *w, uint32_t id)
{
    uint32_t from = id;
    while (!has_name(w, id) && id != w->j->y.id && w->j->users[id] == 1) {
        uint32_t next = id + 1;
        for (; next < w->j->end; next++) {
            bool uses = false;
            for (int i = 0; i < at(w, next)->n; i++)
                uses |= at(w, next)->operand[i] == id && weft__is_active_edge(w->j, next, i);
            if (uses)
                break;
        }
        if (next == w->j->end)
            break;
        id = next;
    }
    return has_name(w, id) ? id : from;
}

/* "h -> mu -> centred" */
static void say_path(words *w, const weft__edit *e)
{
    uint32_t nodes[MOST_NODES], end = named_behind(w, e->node);
    int n = nodes_of_path(w, e, nodes);
    if (nodes[0] != w->j->x.id) {
        say_name(w, w->j->x.id);
        say(w, " -> ");
    }
    for (int i = 0; i < n && nodes[i] != e->node; i++)
        if (i == 0 ? nodes[0] == w->j->x.id || has_name(w, nodes[0]) || weft__is_path_end(w->j, nodes[0]) : has_name(w, nodes[i])) {
            say_name(w, nodes[i]);
            say(w, " -> ");
        }
    say_name(w, end);
}

/* The last node of a path that computes; its end where none does. */
static uint32_t node_of_path(const words *w, const weft__edit *e)
{
    uint32_t nodes[MOST_NODES];
    int n = nodes_of_path(w, e, nodes);
    for (int i = n - 1; i >= 1; i--)
        if (at(w, nodes[i])->op->kind != WEFT_VIEW)
            return nodes[i];
    return e->node;
}

/* "the derivative through the mean mu is missing" needs what stands behind "derivative". */
static void say_through(words *w, const weft__edit *e)
{
    uint32_t nodes[MOST_NODES], found = WEFT_NO_ID, named = WEFT_NO_ID;
    int n = nodes_of_path(w, e, nodes);
    const char *statistic = NULL;
    for (int i = 1; i < n; i++) {
        if (!statistic && (statistic = weft__statistic(w->j, nodes[i]))) {
            found = nodes[i];
            for (int k = i + 1; k < n; k++) { /* a sum that is divided at once is a mean */
                double count;
                uint32_t sum;
                if (weft__is_mean(w->j, nodes[k], &count, &sum) && sum == nodes[i])
                    statistic = weft__statistic(w->j, found = nodes[k]);
            }
        }
        if (has_name(w, nodes[i]))
            named = nodes[i];
    }
    if (statistic) {
        say(w, "through the %s ", statistic);
        say_name(w, found);
    } else if (n > 1) {
        say(w, "through ");
        if (named != WEFT_NO_ID)
            say_name(w, named);
        else
            say_node(w, node_of_path(w, e));
    } else {
        say(w, "of ");
        say_name(w, e->node);
        say(w, " by ");
        say_name(w, nodes[0]);
    }
}

static void say_dropped(words *w, const weft__hypothesis *h)
{
    int n = 0;
    for (int k = 0; k < h->n; k++)
        if (h->edit[k].kind == WEFT__DROP) {
            say(w, n++ ? " and " : "without the path ");
            say_path(w, &h->edit[k]);
            say(w, " (");
            say_node(w, node_of_path(w, &h->edit[k]));
            say(w, ")");
        }
    n = 0;
    for (int k = 0; k < h->n; k++)
        if (h->edit[k].kind == WEFT__DROP) {
            say(w, n++ ? " and " : ": the derivative ");
            say_through(w, &h->edit[k]);
        }
    say(w, n > 1 ? " are missing" : " is missing");
    uint32_t nodes[MOST_NODES];
    if (n == 1 && nodes_of_path(w, &h->edit[0], nodes) < MOST_NODES && w->j->users[nodes[0]] == 2) {
        say(w, ", as where what flows back to ");
        say_name(w, nodes[0]);
        say(w, " is assigned, not added up");
    }
}

/* --- one edit --- */

static void say_scaled(words *w, const weft__edit *e)
{
    double n;
    uint32_t sum;
    say(w, "if the path ");
    say_path(w, e);
    if (e->factor == -1) {
        say(w, " has the opposite sign (");
        say_node(w, node_of_path(w, e));
        say(w, ")");
        return;
    }
    say(w, " counts ");
    say_factor(w, e->factor);
    say(w, " times (");
    say_node(w, e->other == WEFT_NO_ID ? node_of_path(w, e) : e->other);
    say(w, ")");
    if (e->other == WEFT_NO_ID)
        return;
    bool mean = weft__is_mean(w->j, e->other, &n, &sum);
    if (!mean)
        weft__is_broadcast(w->j, e->other, &n);
    if (fabs(e->factor - n) < 1e-9)
        say(w, ": a sum where a mean belongs, N = %.0f", n);
    else if (fabs(e->factor * n - 1) < 1e-9)
        say(w, ": a mean where a sum belongs, N = %.0f", n);
    else
        say(w, e->factor > 1 ? ": N-1 in place of N = %.0f" : ": N = %.0f in place of N-1", n);
}

static void say_skipped(words *w, const weft__edit *e)
{
    bool product = weft__is_product(w->j, e->node), quotient = weft__is_quotient(w->j, e->node);
    if (product || (quotient && e->operand == 0)) {
        say(w, "if the factor %s", product ? "" : "1/");
        say_name(w, at(w, e->node)->operand[1 - e->operand]);
        say(w, " is skipped (");
    } else {
        say(w, "if the derivative of %.40s is left out (", at(w, e->node)->op->name);
    }
    say_node(w, e->node);
    say(w, ")");
}

static void say_misread(words *w, const weft__edit *e)
{
    weft__root root;
    weft__find_root(w->j, e->node, &root);
    const char *statistic = weft__statistic(w->j, weft__through_views(w->j, root.variance));
    say(w, e->how == WEFT__VARIANCE_FOR || e->how == WEFT__INVERTED ? "with " : "if ");
    switch (e->how) {
    case WEFT__EPS_OUTSIDE:
        say(w, "eps is added outside the root ");
        say_name(w, root.root);
        break;
    case WEFT__EPS_LEFT_OUT:
        say(w, "eps is left out of the root ");
        say_name(w, root.root);
        break;
    case WEFT__AS_VARIANCE:
        say_name(w, root.root);
        say(w, " is taken as the %s, and the inverse root of it taken again", statistic ? statistic : "argument of the root");
        break;
    case WEFT__VARIANCE_FOR:
        say(w, "the %s ", statistic ? statistic : "argument");
        say_name(w, root.variance);
        say(w, " in place of ");
        say_name(w, root.root);
        break;
    case WEFT__INVERTED:
        say(w, "1/");
        say_name(w, root.root);
        say(w, " in place of ");
        say_name(w, root.root);
        break;
    default:
        say(w, "the %s ", statistic ? statistic : "mean");
        say_name(w, root.variance);
        say(w, e->how == WEFT__UNBIASED ? " has N-1 in place of N = %.0f" : " has N = %.0f in place of N-1", root.count);
    }
    if (e->kind == WEFT__FRONT)
        say(w, ", in the factor in front");
    say(w, " (");
    say_node(w, root.root);
    say(w, ")");
}

static void say_statistic(words *w, uint32_t id)
{
    const char *statistic = weft__statistic(w->j, id);
    say(w, "the %s ", statistic ? statistic : "value");
    say_name(w, id);
}

static void say_assigned(words *w, const weft__edit *e)
{
    double n = 0;
    weft__is_broadcast(w->j, e->node, &n);
    say(w, "if what flows back to ");
    say_name(w, at(w, e->node)->operand[0]);
    say(w, " is assigned, not added up: of the %.0f terms the %s one counts (", n, e->factor == 1 ? "last" : "first");
    say_node(w, e->node);
    say(w, ")");
}

static void say_kept(words *w, const weft__edit *e)
{
    uint32_t fork = at(w, e->node)->operand[e->operand];
    say(w, "if what flows back to ");
    say_name(w, fork);
    say(w, " is assigned, not added up: of the %u paths that meet there the one from ", w->j->users[fork]);
    say_name(w, named_behind(w, e->node));
    say(w, " counts (");
    say_node(w, e->node);
    say(w, ")");
}

static void say_diagonal(words *w, const weft__edit *e)
{
    const weft_reduction *over = at(w, e->other)->attributes;
    const char *between = "";
    say(w, "if the sum over axis ");
    for (int i = 0; i < WEFT_MAX_RANK; i++)
        if (over->axes & WEFT_AXIS(i)) {
            say(w, "%s%d", between, i);
            between = ", ";
        }
    say(w, " is missing in the derivative through ");
    say_name(w, e->other);
    say(w, " (");
    say_node(w, e->node);
    say(w, "): each element gets its own term only");
}

static void say_edit(words *w, const weft__edit *e)
{
    switch (e->kind) {
    case WEFT__SCALE:
        say_scaled(w, e);
        break;
    case WEFT__ASSIGN:
        say_assigned(w, e);
        break;
    case WEFT__KEEP:
        say_kept(w, e);
        break;
    case WEFT__SKIP:
        say_skipped(w, e);
        break;
    case WEFT__TRANSPOSE:
        say(w, "if ");
        say_name(w, at(w, e->node)->operand[1 - e->operand]);
        say(w, " is transposed where it must not be, or not where it must (");
        say_node(w, e->node);
        say(w, ")");
        break;
    case WEFT__AT:
        say(w, "if the derivative of %.40s is taken at ", at(w, e->node)->op->name);
        say_name(w, e->other);
        say(w, " in place of ");
        say_name(w, at(w, e->node)->operand[0]);
        say(w, " (");
        say_node(w, e->node);
        say(w, ")");
        break;
    case WEFT__DIAGONAL:
        say_diagonal(w, e);
        break;
    case WEFT__OPERAND:
        say(w, "if ");
        say_name(w, at(w, e->node)->operand[e->operand]);
        say(w, " is read in place of ");
        say_name(w, e->node);
        say(w, ": the factor ");
        say_name(w, at(w, e->node)->operand[1 - e->operand]);
        say(w, " is skipped (");
        say_node(w, e->node);
        say(w, ")");
        break;
    case WEFT__CONSTANT:
        say(w, "if ");
        say_statistic(w, e->node);
        say(w, " is taken as a constant (");
        say_node(w, e->node);
        say(w, ")");
        break;
    case WEFT__GIVEN:
        say(w, "with ");
        say_name(w, e->other);
        say(w, " in place of ");
        say_statistic(w, e->node);
        say(w, ", as a constant (");
        say_node(w, e->node);
        say(w, ")");
        break;
    case WEFT__ROOT:
    case WEFT__FRONT:
        say_misread(w, e);
        break;
    case WEFT__TIMES:
        say(w, e->factor == 1 ? "times " : "times 1/");
        say_name(w, e->other);
        break;
    case WEFT__WHOLE:
        say(w, "with the opposite sign");
        break;
    case WEFT__TURNED:
        say(w, "transposed: it is the transpose of the true gradient");
        break;
    default:
        break;
    }
}

/* Where the two part. */
static void mark(const words *w, const weft__edit *e, weft_finding *finding)
{
    bool edge = e->kind <= WEFT__DIAGONAL;
    bool whole = e->kind == WEFT__WHOLE || e->kind == WEFT__TURNED;
    uint32_t id = whole ? w->j->x.id : e->kind == WEFT__TIMES ? e->other : e->node;
    finding->node = weft__judged_origin(w->j, id);
    finding->operand = edge && e->operand < weft_node_operand_count(finding->node) ? e->operand : -1;
}

void weft__finding_describe(const weft__judged *j, const weft__hypothesis *h, weft_finding *finding)
{
    words w = {j, finding->words, 0, sizeof finding->words};
    const char *name = weft_node_name(j->given_x);
    finding->words[0] = 0;
    finding->node = j->given_x;
    finding->operand = -1;
    if (*name)
        say(&w, "d%.40s", name);
    else
        say(&w, "d%%%u", j->given_x.id);
    if (h->n && h->edit[0].kind == WEFT__WHOLE && h->edit[0].factor == 0) {
        say(&w, " is zero everywhere: no path from ");
        say_name(&w, j->x.id);
        say(&w, " is left");
        return;
    }
    say(&w, " equals the true gradient ");
    if (j->unsummed) {
        const char *between = "";
        say(&w, "before it is summed: the sum over axis ");
        for (int i = 0; i < WEFT_MAX_RANK; i++)
            if (j->unsummed & WEFT_AXIS(i)) {
                say(&w, "%s%d", between, i);
                between = ", ";
            }
        say(&w, " is missing (");
        say_node(&w, j->x.id);
        say(&w, h->n ? "), and " : ")");
        finding->node = weft__judged_origin(j, j->x.id);
    }
    if (!h->n)
        return;
    mark(&w, &h->edit[0], finding);
    if (h->n == 2 && h->edit[0].kind == WEFT__SKIP && h->edit[1].kind == WEFT__TIMES) {
        say(&w, "with the factor ");
        say_name(&w, h->edit[1].other);
        say(&w, " behind the sums of the backward pass, where it belongs before them (");
        say_node(&w, h->edit[0].node);
        say(&w, ")");
    } else if (h->edit[0].kind == WEFT__DROP) {
        say_dropped(&w, h);
    } else {
        for (int k = 0; k < h->n; k++) {
            say(&w, k ? ", and " : "");
            say_edit(&w, &h->edit[k]);
        }
    }
}

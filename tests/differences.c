/* differences.c: (y(x + h d) - y(x - h d)) / 2h in long double, with steps h, h/2 and h/4 along one random direction d, weighed by the
 * graph's random cotangents dy: it must be the sum of dx * d. How far the three differ says how far the last may be off. A stopped gradient keeps
 * its value while x moves. Masks and indices do not move. */
#include "tests/differences.h"
#include "tests/plain.h"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 3 };
static const double STEP = 0x1p-14; /* its square is 4e-9; a long double difference still has a dozen digits */

const way differences = {"against differences", NULL};

static size_t count_of(weft_node x)
{
    weft_shape shape = weft_node_shape(x);
    return weft_shape_count(&shape);
}

static bool moves(const built *b, weft_node leaf)
{
    for (int i = 0; i < b->n; i++)
        if (b->node[i].id == leaf.id)
            return b->graph->move[i].domain != MASK;
    return false;
}

/* Element i of the direction of a leaf: 0.5 to 1.5, of either sign, and few bits, so that x + h d is exact. */
static double direction(weft_node leaf, size_t i)
{
    uint64_t seed = (uint64_t)leaf.id * 1000003 + i;
    double d = 0.5 + floor(16 * draw_uniform(&seed)) / 16;
    return draw_uniform(&seed) < 0.5 ? -d : d;
}

static bool is_leaf_of_gradient(const built *b, weft_node x)
{
    for (size_t i = 0; i < b->n_leaves; i++)
        if (b->leaf[i].id == x.id)
            return moves(b, x);
    return false;
}

/* The bindings of b with every leaf moved by step * direction; `moved` owns their memory. */
static void move_leaves(const built *b, double step, weft_binding *binding, double **moved)
{
    for (size_t k = 0; k < b->n_bindings; k++) {
        binding[k] = b->binding[k];
        moved[k] = NULL;
        if (!is_leaf_of_gradient(b, binding[k].node))
            continue;
        size_t count = count_of(binding[k].node);
        moved[k] = malloc(count * sizeof(double) + 1);
        for (size_t i = 0; i < count; i++)
            moved[k][i] = ((const double *)b->binding[k].data)[i] + step * direction(binding[k].node, i);
        binding[k].data = moved[k];
    }
}

static bool evaluate_at(const built *b, const plain *base, double step, plain *p)
{
    weft_binding binding[MOST_BINDINGS];
    double *moved[MOST_BINDINGS];
    move_leaves(b, step, binding, moved);
    plain_start(p, b->tape, WEFT_F64);
    p->stopped = base;
    bool good = plain_extend(p, binding, b->n_bindings);
    for (size_t k = 0; k < b->n_bindings; k++)
        free(moved[k]);
    return good;
}

/* True when every comparison, and whatever else takes steps, comes out the same anywhere within a step, and every value is one. */
static bool is_smooth(const built *b)
{
    double spread[MOST_BINDINGS];
    plain p;
    for (size_t k = 0; k < b->n_bindings; k++)
        spread[k] = is_leaf_of_gradient(b, b->binding[k].node) ? 2 * STEP : 0;
    plain_start(&p, b->tape, WEFT_F64);
    p.spread = spread;
    bool smooth = plain_extend(&p, b->binding, b->n_bindings) && !p.undecided;
    for (uint32_t id = 0; smooth && id < weft_tape_count(b->tape); id++) {
        weft_node x = weft_tape_node(b->tape, id);
        const weft_op *op = weft_node_op(x);
        bool steps = op->kind == WEFT_ELEMENTWISE && op->flags & WEFT_ZERO_DERIVATIVE; /* piecewise constant */
        for (size_t i = 0; weft_node_dtype(x) != WEFT_I64 && i < count_of(x); i++) {
            long double e = plain_value(&p, x)[i].e;
            smooth &= e < INFINITY && !(steps && e > 0);
        }
    }
    plain_free(&p);
    return smooth;
}

/* Of the outputs y[0 .. n) weighed by dy: their difference over two points, and what rounding the values may add to it. */
static long double difference(const plain *cotangents, const plain *after, const plain *before, const weft_node *y, const weft_node *dy, size_t n,
                              long double *error)
{
    long double sum = 0;
    *error = 0;
    for (size_t k = 0; k < n; k++) {
        const bounded *w = plain_value(cotangents, dy[k]), *a = plain_value(after, y[k]), *b = plain_value(before, y[k]);
        for (size_t i = 0; i < count_of(y[k]); i++) {
            sum += w[i].v * (a[i].v - b[i].v);
            *error += fabsl(w[i].v) * (a[i].e + b[i].e);
        }
    }
    *error *= LDBL_EPSILON / DBL_EPSILON; /* these are bounds for f64 */
    return sum;
}

/* Sum of dx * d, its size, and what rounding may add to it: that of f64, since rules put rounded constants such as 1/3 on the tape. */
static long double slope(const built *b, const plain *base, const weft_node *dx, long double *size, long double *error)
{
    long double sum = 0;
    *size = *error = 0;
    for (size_t k = 0; k < b->n_leaves; k++)
        for (size_t i = 0; moves(b, b->leaf[k]) && i < count_of(b->leaf[k]); i++) {
            bounded x = plain_value(base, dx[k])[i];
            long double d = direction(b->leaf[k], i);
            sum += x.v * d;
            *size += fabsl(x.v * d);
            *error += x.e * fabsl(d);
        }
    return sum;
}

static void compare(const built *b, const plain *base, plain (*at)[2], int round, verdict *v)
{
    const weft_node *y = b->out + (round ? b->n_values : 0), *dx = b->out + b->n_values + (round ? b->n_vjp : 0);
    size_t n = round ? b->n_vjp : b->n_values;
    long double found[STEPS], size, rounded, claimed = slope(b, base, dx, &size, &rounded);
    for (int s = 0; s < STEPS; s++) {
        long double h = (long double)STEP / (1 << s), error;
        found[s] = difference(base, &at[s][1], &at[s][0], y, b->cotangent[round], n, &error) / (2 * h);
        rounded += error / (2 * h);
    }
    long double spread = fabsl(found[0] - found[1]) + fabsl(found[1] - found[2]);
    long double tolerance = spread + rounded + 1e-9L * size;
    v->elements++;
    v->sharp += tolerance <= 1e-4L * fmaxl(size, 1e-3L);
    if (fabsl(claimed - found[STEPS - 1]) <= tolerance || v->failed)
        return;
    v->failed = true;
    snprintf(v->message, sizeof v->message, "the gradient%s comes to %.12Lg along a direction where differences give %.12Lg within %.3Lg",
             round ? " of the gradient" : "", claimed, found[STEPS - 1], tolerance);
}

agreement differences_judge(const built *b, verdict *v)
{
    plain base, at[STEPS][2];
    if (!b->n_vjp || !is_smooth(b))
        return UNDECIDED;
    bool good = evaluate_at(b, NULL, 0, &base);
    for (int s = 0; s < STEPS; s++)
        for (int side = 0; side < 2; side++)
            good &= evaluate_at(b, &base, (side ? STEP : -STEP) / (1 << s), &at[s][side]);
    if (good) {
        compare(b, &base, at, 0, v);
        if (b->graph->order > 1)
            compare(b, &base, at, 1, v);
    }
    for (int s = 0; s < STEPS; s++)
        for (int side = 0; side < 2; side++)
            plain_free(&at[s][side]);
    plain_free(&base);
    return !good ? UNDECIDED : v->failed ? DISAGREES : AGREES;
}

verdict judge_differences(const graph *g)
{
    built b;
    verdict v = {.dtype = WEFT_F64, .way = &differences};
    if (graph_build(&b, g, WEFT_F64))
        differences_judge(&b, &v);
    built_free(&b);
    return v;
}

/* plain_indexing.c: of the judge, what folds axes other than by a sum, adds up along one, multiplies matrices, and works with indices. Indices are
 * numbers here; one with an error is that of an argmax which rounding may decide either way, and then nothing can be said of what it picks. */
#include "tests/plain_work.h"

#include <stdlib.h>
#include <string.h>

/* --- folds --- */

size_t plain_folded_into(weft_node reduction, const weft_shape *x, size_t element)
{
    const weft_reduction *r = weft_node_attributes(reduction);
    weft_shape y = weft_node_shape(reduction);
    size_t at[WEFT_MAX_RANK], to[WEFT_MAX_RANK];
    int k = 0;
    position_of(x, element, at);
    for (int i = 0; i < x->rank; i++) {
        if (!(r->axes & WEFT_AXIS(i)))
            to[k++] = at[i];
        else if (r->keepdims)
            to[k++] = 0;
    }
    return element_at(&y, to);
}

static bounded negative(bounded x)
{
    return bounded_within(-x.v, x.e);
}

/* The largest of x, or of -x with its sign changed: the smallest. */
static void extreme(const work *w, bool smallest)
{
    for (size_t i = 0; i < w->count; i++)
        w->y[0][i] = bounded_exact(-INFINITY);
    for (size_t i = 0; i < weft_shape_count(&w->x_shape[0]); i++) {
        bounded *y = &w->y[0][plain_folded_into(w->node, &w->x_shape[0], i)], x = smallest ? negative(w->x[0][i]) : w->x[0][i];
        *y = y->v == -INFINITY ? x : bounded_maximum(&w->p->rounding, x, *y, *y);
    }
    for (size_t i = 0; smallest && i < w->count; i++)
        w->y[0][i] = negative(w->y[0][i]);
}

void plain_max(const work *w)
{
    extreme(w, false);
}

void plain_min(const work *w)
{
    extreme(w, true);
}

/* Factors in any order, in f64. A partial product is one of some of the factors, so it lies between those of all that are below 1 and of all that
 * are above: where the latter may overflow, or the former underflow before large ones follow, that is in the bound. Whole numbers need no rounding. */
typedef struct factors {
    long double v, magnitude, above, n;
    bool whole;
} factors;

void plain_prod(const work *w)
{
    const rounding *r = &w->p->rounding;
    factors *f = malloc(w->count * sizeof *f + 1);
    for (size_t i = 0; i < w->count; i++)
        f[i] = (factors){1, 1, 1, 0, true};
    for (size_t i = 0; i < weft_shape_count(&w->x_shape[0]); i++) {
        factors *to = &f[plain_folded_into(w->node, &w->x_shape[0], i)];
        bounded x = w->x[0][i];
        long double size = fabsl(x.v) + x.e;
        to->v *= x.v;
        to->magnitude *= size;
        to->above *= fmaxl(size, 1);
        to->whole &= x.e == 0 && x.v == floorl(x.v);
        to->n++;
    }
    for (size_t i = 0; i < w->count; i++) {
        bool exact = f[i].whole && f[i].above * DBL_EPSILON < 1;
        long double e = f[i].magnitude - fabsl(f[i].v);
        if (!exact && f[i].n > 1)
            e = f[i].magnitude * expm1l(f[i].n * r->sum_unit) + e + f[i].n * f[i].above * DBL_MIN;
        w->y[0][i] = bounded_round(r, f[i].v, f[i].above < 1e300L ? e : INFINITY, CORRECT);
    }
    free(f);
}

/* --- along one axis --- */

/* A walk along the axis of one array: its start, from which every step-th element follows. Line l is that of outer = l / inner. */
typedef struct lines {
    size_t outer, length, inner;
} lines;

static int axis_of(weft_node node)
{
    const weft_reduction *r = weft_node_attributes(node);
    int axis = 0;
    while (!(r->axes & WEFT_AXIS(axis)))
        axis++;
    return axis;
}

static lines lines_of(const weft_shape *shape, int axis)
{
    lines l = {1, shape->dim[axis], 1};
    for (int i = 0; i < shape->rank; i++)
        *(i < axis ? &l.outer : &l.inner) *= i == axis ? 1 : shape->dim[i];
    return l;
}

static size_t line_element(lines l, size_t line, size_t i)
{
    return (line / l.inner * l.length + i) * l.inner + line % l.inner;
}

/* The first of the largest; its error is not 0 where another may be it. */
static void argextreme(const work *w, bool smallest)
{
    lines l = lines_of(&w->x_shape[0], axis_of(w->node));
    for (size_t line = 0; line < l.outer * l.inner; line++) {
        size_t best = 0;
        bool open = false;
        for (size_t i = 1; i < l.length; i++)
            best = (w->x[0][line_element(l, line, i)].v > w->x[0][line_element(l, line, best)].v) != smallest &&
                   w->x[0][line_element(l, line, i)].v != w->x[0][line_element(l, line, best)].v ? i : best;
        for (size_t i = 0; i < l.length; i++) {
            int order = bounded_order(w->x[0][line_element(l, line, i)], w->x[0][line_element(l, line, best)]);
            open |= i != best && order == 2;
        }
        w->y[0][line] = bounded_within((long double)best, open ? INFINITY : 0);
    }
}

void plain_argmax(const work *w)
{
    argextreme(w, false);
}

void plain_argmin(const work *w)
{
    argextreme(w, true);
}

/* The attributes end with a number: 0 from the start of the axis, 1 from its end. */
void plain_cumsum(const work *w)
{
    lines l = lines_of(&w->x_shape[0], axis_of(w->node));
    uint64_t backward;
    memcpy(&backward, (const char *)weft_node_attributes(w->node) + sizeof(weft_reduction), sizeof backward);
    for (size_t line = 0; line < l.outer * l.inner; line++) {
        bounded_total total = bounded_nothing();
        for (size_t i = 0; i < l.length; i++) {
            size_t at = line_element(l, line, backward ? l.length - 1 - i : i);
            bounded_take(&total, w->x[0][at]);
            w->y[0][at] = bounded_end(&w->p->rounding, &total, w->p->rounding.sum_unit);
        }
    }
}

/* --- products of matrices --- */

/* The element of operand x at this position of y, with the last two axes at (i, j); what x lacks on other axes repeats. */
static size_t matrix_element(const weft_shape *x, const weft_shape *y, const size_t *position, size_t i, size_t j)
{
    size_t at[WEFT_MAX_RANK];
    for (int k = 0; k < x->rank - 2; k++)
        at[k] = x->dim[k] == 1 ? 0 : position[k + y->rank - x->rank];
    at[x->rank - 2] = i;
    at[x->rank - 1] = j;
    return element_at(x, at);
}

void plain_matmul(const work *w)
{
    const weft_shape *a = &w->x_shape[0], *b = &w->x_shape[1], *y = &w->y_shape;
    const rounding *r = &w->p->rounding;
    size_t at[WEFT_MAX_RANK];
    for (size_t e = 0; e < w->count; e++) {
        bounded_total total = bounded_nothing();
        position_of(y, e, at);
        for (size_t k = 0; k < a->dim[a->rank - 1]; k++) {
            bounded left = w->x[0][matrix_element(a, y, at, at[y->rank - 2], k)], right = w->x[1][matrix_element(b, y, at, k, at[y->rank - 1])];
            bounded_take(&total, bounded_mul(r, left, right, right));
        }
        w->y[0][e] = bounded_end(r, &total, r->unit); /* CBLAS adds in the dtype */
    }
}

/* --- indices --- */

static bounded unknown(void)
{
    return (bounded){0, INFINITY};
}

/* y[.., m, ..] = x[.., index[m], ..], the axes of the index in place of one of x. */
void plain_take(const work *w)
{
    int axis = axis_of(w->node), extra = w->x_shape[1].rank;
    size_t at[WEFT_MAX_RANK], from[WEFT_MAX_RANK];
    for (size_t i = 0; i < w->count; i++) {
        position_of(&w->y_shape, i, at);
        bounded index = w->x[1][element_at(&w->x_shape[1], at + axis)];
        for (int k = 0; k < w->x_shape[0].rank; k++)
            from[k] = k < axis ? at[k] : k == axis ? (size_t)index.v : at[k - 1 + extra];
        w->y[0][i] = index.e > 0 ? unknown() : w->x[0][element_at(&w->x_shape[0], from)];
    }
}

/* Adds x up where to() puts its elements, in the dtype. */
static void scatter(const work *w, size_t (*to)(const work *w, const size_t *at, bounded *index))
{
    bounded_total *total = malloc(w->count * sizeof *total + 1);
    size_t at[WEFT_MAX_RANK];
    bool open = false;
    for (size_t i = 0; i < w->count; i++)
        total[i] = bounded_nothing();
    for (size_t i = 0; i < weft_shape_count(&w->x_shape[0]); i++) {
        bounded index;
        position_of(&w->x_shape[0], i, at);
        bounded_take(&total[to(w, at, &index)], w->x[0][i]);
        open |= index.e > 0;
    }
    for (size_t i = 0; i < w->count; i++)
        w->y[0][i] = open ? unknown() : bounded_end(&w->p->rounding, &total[i], w->p->rounding.unit);
    free(total);
}

static size_t along_axis(const work *w, const size_t *at, bounded *index)
{
    int axis = axis_of(w->node), extra = w->x_shape[1].rank;
    size_t to[WEFT_MAX_RANK];
    *index = w->x[1][element_at(&w->x_shape[1], at + axis)];
    for (int k = 0; k < w->y_shape.rank; k++)
        to[k] = k < axis ? at[k] : k == axis ? (size_t)index->v : at[k - 1 + extra];
    return element_at(&w->y_shape, to);
}

void plain_scatter_add(const work *w)
{
    scatter(w, along_axis);
}

void plain_gather_elements(const work *w)
{
    int axis = axis_of(w->node);
    size_t at[WEFT_MAX_RANK];
    for (size_t i = 0; i < w->count; i++) {
        position_of(&w->y_shape, i, at);
        at[axis] = (size_t)w->x[1][i].v;
        w->y[0][i] = w->x[1][i].e > 0 ? unknown() : w->x[0][element_at(&w->x_shape[0], at)];
    }
}

static size_t at_index(const work *w, const size_t *at, bounded *index)
{
    size_t to[WEFT_MAX_RANK];
    *index = w->x[1][element_at(&w->x_shape[1], at)];
    memcpy(to, at, sizeof to);
    to[axis_of(w->node)] = (size_t)index->v;
    return element_at(&w->y_shape, to);
}

void plain_scatter_add_elements(const work *w)
{
    scatter(w, at_index);
}

void plain_one_hot(const work *w)
{
    size_t classes = w->y_shape.dim[w->y_shape.rank - 1];
    for (size_t i = 0; i < w->count; i++) {
        bounded index = w->x[0][i / classes];
        w->y[0][i] = index.e > 0 ? unknown() : bounded_exact((size_t)index.v == i % classes);
    }
}

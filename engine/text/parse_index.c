/* parse_index.c: x[1:, ::2], x[0], x[..., -1], x[:, None], as NumPy has them: an axis each, from the first; a whole number takes its axis away, None
 * puts one of length 1 in, "..." stands for the axes that nothing else is said about. Arrays are no indices here: that is gather(). */
#include "engine/text/parse.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

enum { MOST_ITEMS = 2 * WEFT_MAX_RANK + 1, MOST_ROWS = 1 << 24 };

typedef enum item_kind { ITEM_SLICE, ITEM_NUMBER, ITEM_NEW_AXIS, ITEM_REST } item_kind;

typedef struct item {
    item_kind kind;
    const char *at;
    ptrdiff_t bound[3]; /* start, stop, step; PTRDIFF_MAX where left out; of a number: start */
} item;

/* For each axis of x. */
typedef struct cut {
    ptrdiff_t start[WEFT_MAX_RANK], stop[WEFT_MAX_RANK], step[WEFT_MAX_RANK];
} cut;

/* --- reading --- */

static bool read_bound(parser *p, ptrdiff_t *bound)
{
    value v;
    if (!weft__parse_expression(p, &v))
        return false;
    if (v.kind != VALUE_NUMBER || !v.whole || fabs(v.number) > 1e15)
        return weft__parse_fail(p, v.at, WEFT_ERROR_SYNTAX,
                                "an index must be a whole number, or start:stop:step; this is %s; for an array of indices there is gather",
                                weft__parse_kind(&v));
    *bound = (ptrdiff_t)v.number;
    return true;
}

static bool is_none(const parser *p)
{
    return p->token.kind == TOKEN_NAME && ((p->token.length == 4 && !memcmp(p->token.text, "None", 4)) ||
                                           (p->token.length == 7 && !memcmp(p->token.text, "newaxis", 7)));
}

static bool at_end(const parser *p)
{
    return weft__parse_is(p, ",") || weft__parse_is(p, "]");
}

static bool read_item(parser *p, item *i)
{
    *i = (item){.kind = ITEM_SLICE, .at = p->token.text, .bound = {PTRDIFF_MAX, PTRDIFF_MAX, PTRDIFF_MAX}};
    if (weft__parse_is(p, "...") || is_none(p)) {
        i->kind = is_none(p) ? ITEM_NEW_AXIS : ITEM_REST;
        return weft__parse_next(p);
    }
    for (int k = 0; k < 3; k++) {
        if (!weft__parse_is(p, ":") && !at_end(p) && !read_bound(p, &i->bound[k]))
            return false;
        if (k == 0 && at_end(p) && i->bound[0] != PTRDIFF_MAX)
            i->kind = ITEM_NUMBER;
        if (k == 0 && at_end(p))
            return i->kind == ITEM_NUMBER || weft__parse_fail(p, p->token.text, WEFT_ERROR_SYNTAX, "expected an index");
        if (k == 2 || !weft__parse_is(p, ":"))
            break;
        if (!weft__parse_next(p))
            return false;
    }
    if (i->bound[2] == 0)
        return weft__parse_fail(p, i->at, WEFT_ERROR_SYNTAX, "the step of a slice is 0");
    return true;
}

static bool read_items(parser *p, item *items, int *n)
{
    do {
        if (*n && weft__parse_is(p, "]"))
            break;
        if (*n == MOST_ITEMS)
            return weft__parse_fail(p, p->token.text, WEFT_ERROR_SYNTAX, "more than %d indices", MOST_ITEMS);
        if (!read_item(p, &items[(*n)++]))
            return false;
    } while (weft__parse_eat(p, ","));
    if (p->status != WEFT_OK)
        return false;
    if (!weft__parse_is(p, "]"))
        return weft__parse_expect(p, "]", "or ',' behind an index");
    p->open--;
    return weft__parse_next(p);
}

/* --- cutting --- */

/* The elements that start:stop:step takes of n, in NumPy's counting: their number, and the first one. */
static size_t extent(ptrdiff_t n, ptrdiff_t *start, ptrdiff_t stop, ptrdiff_t *step)
{
    *step = *step == PTRDIFF_MAX ? 1 : *step;
    ptrdiff_t low = *step > 0 ? 0 : -1, high = *step > 0 ? n : n - 1;
    ptrdiff_t from = *start == PTRDIFF_MAX ? (*step > 0 ? low : high) : *start < 0 ? *start + n : *start;
    ptrdiff_t to = stop == PTRDIFF_MAX ? (*step > 0 ? high : low) : stop < 0 ? stop + n : stop;
    from = from < low ? low : from > high ? high : from;
    to = to < low ? low : to > high ? high : to;
    *start = from;
    if (*step > 0)
        return to > from ? (size_t)((to - from - 1) / *step + 1) : 0;
    return from > to ? (size_t)((from - to - 1) / -*step + 1) : 0;
}

/* The elements along one axis: as rows, which gather() takes by number. */
static weft_node cut_axis(parser *p, const char *at, weft_node x, int axis, ptrdiff_t start, ptrdiff_t stop, ptrdiff_t step)
{
    weft_shape shape = weft_node_shape(x);
    int forth[WEFT_MAX_RANK], back[WEFT_MAX_RANK];
    size_t n = extent((ptrdiff_t)shape.dim[axis], &start, stop, &step), bytes = (n + 1) * sizeof(int64_t);
    if (n == shape.dim[axis] && step == 1)
        return x;
    if (n > MOST_ROWS) {
        weft__parse_fail(p, at, WEFT_ERROR_SHAPE, "a slice of %zu elements along axis %d; at most %d are taken", n, axis, MOST_ROWS);
        return weft__failed(p->tape);
    }
    int64_t *index = weft__allocate(&p->tape->allocator, bytes);
    if (!index) {
        weft__parse_memory(p);
        return weft__failed(p->tape);
    }
    for (size_t k = 0; k < n; k++)
        index[k] = start + (ptrdiff_t)k * step;
    weft_node rows = weft_constant(p->tape, WEFT_I64, 1, &n, index);
    weft__release(&p->tape->allocator, index, bytes);
    for (int i = 0; i < shape.rank; i++) {
        forth[i] = i == 0 ? axis : i <= axis ? i - 1 : i;
        back[forth[i]] = i;
    }
    if (!axis)
        return weft_gather(x, rows);
    return weft_transpose(weft_gather(weft_transpose(x, forth), rows), back);
}

static weft_node slice(parser *p, const char *at, weft_node x, const cut *c)
{
    int rank = weft_node_shape(x).rank;
    for (int axis = 0; axis < rank && p->status == WEFT_OK; axis++)
        x = cut_axis(p, at, x, axis, c->start[axis], c->stop[axis], c->step[axis]);
    return x;
}

/* --- indexing --- */

/* What the items say about each axis of x. */
static bool spread(parser *p, const item *items, int n, const weft_shape *shape, cut *c)
{
    int said = 0, rests = 0, axis = 0;
    for (int i = 0; i < n; i++) {
        said += items[i].kind == ITEM_SLICE || items[i].kind == ITEM_NUMBER;
        if (said > shape->rank)
            return weft__parse_fail(p, items[i].at, WEFT_ERROR_SHAPE, "too many indices; the array has %d %s", shape->rank,
                                    shape->rank == 1 ? "axis" : "axes");
        if (items[i].kind == ITEM_REST && rests++)
            return weft__parse_fail(p, items[i].at, WEFT_ERROR_SYNTAX, "a second ...");
    }
    for (int k = 0; k < WEFT_MAX_RANK; k++)
        c->start[k] = c->stop[k] = c->step[k] = PTRDIFF_MAX;
    for (int i = 0; i < n; i++) {
        const item *it = &items[i];
        if (it->kind == ITEM_REST)
            axis += shape->rank - said;
        if (it->kind != ITEM_SLICE && it->kind != ITEM_NUMBER)
            continue;
        ptrdiff_t length = (ptrdiff_t)shape->dim[axis], at = it->bound[0];
        if (it->kind == ITEM_NUMBER && (at >= length || at < -length))
            return weft__parse_fail(p, it->at, WEFT_ERROR_SHAPE, "index %td, and axis %d has %td; they count from 0, or from the end as -1", at, axis,
                                    length);
        c->start[axis] = at;
        c->stop[axis] = it->kind == ITEM_SLICE ? it->bound[1] : at == -1 ? PTRDIFF_MAX : at + 1;
        c->step[axis] = it->kind == ITEM_SLICE ? it->bound[2] : 1;
        axis++;
    }
    return true;
}

/* Takes the axes of numbers away, and puts new ones in. */
static bool reshape(parser *p, const char *at, const item *items, int n, weft_node *x)
{
    weft_shape from = weft_node_shape(*x), to = {0};
    int axis = 0, said = 0;
    for (int i = 0; i < n; i++)
        said += items[i].kind == ITEM_SLICE || items[i].kind == ITEM_NUMBER;
    for (int i = 0; i <= n; i++) {
        item_kind kind = i < n ? items[i].kind : ITEM_REST; /* axes that are not mentioned come behind */
        int kept = i == n ? from.rank - axis : kind == ITEM_REST ? from.rank - said : kind == ITEM_SLICE;
        if (kind == ITEM_NUMBER)
            axis++;
        if (to.rank + kept + (kind == ITEM_NEW_AXIS) > WEFT_MAX_RANK)
            return weft__parse_fail(p, at, WEFT_ERROR_SHAPE, "the result would have more than %d axes", WEFT_MAX_RANK);
        if (kind == ITEM_NEW_AXIS)
            to.dim[to.rank++] = 1;
        for (int k = 0; k < kept; k++)
            to.dim[to.rank++] = from.dim[axis++];
    }
    if (to.rank != from.rank || memcmp(to.dim, from.dim, sizeof to.dim))
        *x = weft_reshape(*x, to.rank, to.dim);
    return weft__parse_recorded(p, at);
}

bool weft__parse_index(parser *p, value *v)
{
    item items[MOST_ITEMS];
    cut c;
    const char *at = p->token.text;
    int n = 0;
    if (v->kind != VALUE_NODE)
        return weft__parse_fail(p, at, WEFT_ERROR_SYNTAX, "only arrays have indices; this is %s", weft__parse_kind(v));
    p->open++;
    if (!weft__parse_next(p) || !read_items(p, items, &n))
        return false;
    weft_shape shape = weft_node_shape(v->node);
    if (!spread(p, items, n, &shape, &c))
        return false;
    v->node = slice(p, at, v->node, &c);
    return p->status == WEFT_OK && weft__parse_recorded(p, at) && reshape(p, at, items, n, &v->node);
}

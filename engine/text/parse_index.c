/* parse_index.c: x[1:, ::2], x[0], x[..., -1], x[:, None], as NumPy has them: an axis each, from the first; a whole number takes its axis away, None
 * puts one of length 1 in, "..." stands for the axes that nothing else is said about. Arrays are no indices here: that is take(). */
#include "engine/text/parse.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

enum { MOST_ITEMS = 2 * WEFT_MAX_RANK + 1 };

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
    if (v.kind != VALUE_NUMBER || !v.whole || fabs(v.number) > PARSE_MOST_WHOLE)
        return weft__parse_fail(p, v.at, WEFT_ERROR_SYNTAX,
                                "an index must be a whole number, or start:stop:step; this is %s; for an array of indices there is take",
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
    v->node = weft_slice(v->node, c.start, c.stop, c.step);
    return p->status == WEFT_OK && weft__parse_recorded(p, at) && reshape(p, at, items, n, &v->node);
}

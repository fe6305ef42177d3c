/* index_sum.c: what is done under a sum: indices put in the place of others, with those that are bound made anew each time, so that none is bound twice;
 * deltas contracted; products multiplied out, and equal terms collected. */
#include "engine/explain/index.h"

#include <string.h>

/* --- substitution --- */

typedef struct substitution {
    int n;
    int32_t from[2 * WEFT__MOST_BOUND];
    weft__index to[2 * WEFT__MOST_BOUND];
} substitution;

static weft__index put(weft__index i, const substitution *s)
{
    for (int k = 0; k < s->n && i.id >= 0; k++)
        if (s->from[k] == i.id)
            return (weft__index){s->to[k].id, s->to[k].id < 0 ? 0 : i.times * s->to[k].times, i.plus + i.times * s->to[k].plus};
    return i;
}

static const weft__formula *substitute(weft__book *b, const weft__formula *x, const substitution *s);

static const weft__factor *put_factor(weft__book *b, const weft__factor *f, const substitution *s)
{
    weft__factor *g = weft__book_take(b, sizeof *g);
    if (!g)
        return f;
    *g = *f;
    substitution inner = *s;
    if (f->kind == WEFT__FUNCTION) /* a reduction's indices are bound there */
        for (int i = 0; i < f->n && inner.n < 2 * WEFT__MOST_BOUND; i++) {
            const weft__book_index old = b->index[f->index[i].id];
            inner.from[inner.n] = f->index[i].id;
            inner.to[inner.n] = (weft__index){weft__book_index_new(b, old.length, 0, false), 1, 0};
            if (b->status != WEFT_OK)
                return f;
            b->index[inner.to[inner.n].id] = old;
            inner.n++;
        }
    for (int i = 0; i < f->n + f->n_of; i++)
        g->index[i] = put(f->index[i], &inner);
    for (int i = 0; i < f->n_operands; i++)
        g->operand[i] = substitute(b, f->operand[i], &inner);
    return g;
}

static const weft__term *put_term(weft__book *b, const weft__term *t, const substitution *outer)
{
    const weft__factor *factor[WEFT__MOST_FACTORS];
    int32_t bound[WEFT__MOST_BOUND];
    substitution s = *outer;
    for (int i = 0; i < t->n_bound; i++) {
        const weft__book_index old = b->index[t->bound[i]];
        bound[i] = weft__book_index_new(b, old.length, 0, false);
        if (b->status != WEFT_OK || s.n == 2 * WEFT__MOST_BOUND)
            return t;
        b->index[bound[i]] = old;
        b->index[bound[i]].letter = 0;
        s.from[s.n] = t->bound[i];
        s.to[s.n++] = (weft__index){bound[i], 1, 0};
    }
    for (int i = 0; i < t->n; i++)
        factor[i] = put_factor(b, t->factor[i], &s);
    return weft__term_make(b, t->number, factor, t->n, bound, t->n_bound);
}

static const weft__formula *substitute(weft__book *b, const weft__formula *x, const substitution *s)
{
    const weft__term *term[WEFT__MOST_TERMS];
    for (int i = 0; i < x->n && b->status == WEFT_OK; i++)
        term[i] = put_term(b, x->term[i], s);
    return b->status == WEFT_OK ? weft__formula_of_terms(b, term, x->n) : weft__formula_zero();
}

const weft__formula *weft__formula_substitute(weft__book *b, const weft__formula *x, const int32_t *from, const weft__index *to, int n)
{
    substitution s = {.n = 0};
    for (int i = 0; i < n; i++)
        if (from[i] >= 0) {
            s.from[s.n] = from[i];
            s.to[s.n++] = to[i];
        }
    return substitute(b, x, &s);
}

/* --- contraction --- */

static int place_of_bound(const weft__term *t, const weft__index *i)
{
    for (int k = 0; k < t->n_bound; k++)
        if (t->bound[k] == i->id && i->times == 1 && i->plus == 0)
            return k;
    return -1;
}

/* Whether all values of an index are such as bound index `of` has. */
static bool is_within(const weft__book *b, const weft__index *i, int32_t of)
{
    int64_t first = i->plus, last = i->id < 0 ? first : first + i->times * ((int64_t)b->index[i->id].length - 1), n = (int64_t)b->index[of].length;
    return first >= 0 && first < n && last >= 0 && last < n;
}

/* One delta less, or t itself. */
static const weft__term *contract_delta(weft__book *b, const weft__term *t)
{
    for (int i = 0; i < t->n; i++) {
        const weft__factor *f = t->factor[i];
        if (f->kind != WEFT__DELTA)
            continue;
        if (weft__index_same(&f->index[0], &f->index[1]))
            return weft__term_without(b, t, i, -1);
        if (f->index[0].id < 0 && f->index[1].id < 0)
            return weft__term_make(b, 0, NULL, 0, t->bound, 0);
        for (int side = 0; side < 2; side++) {
            int place = place_of_bound(t, &f->index[side]);
            if (place < 0 || f->index[1 - side].id == f->index[side].id || !is_within(b, &f->index[1 - side], f->index[side].id))
                continue;
            int32_t from = t->bound[place];
            weft__index to = f->index[1 - side];
            const weft__term *rest = weft__term_without(b, t, i, place);
            const weft__factor *factor[WEFT__MOST_FACTORS];
            substitution s = {.n = 1, .from = {from}, .to = {to}};
            for (int k = 0; k < rest->n; k++)
                factor[k] = put_factor(b, rest->factor[k], &s);
            return weft__term_make(b, rest->number, factor, rest->n, rest->bound, rest->n_bound);
        }
    }
    return t;
}

/* What does not depend on a bound index is summed as often as that has values. */
static const weft__term *count_idle(weft__book *b, const weft__term *t)
{
    for (int i = 0; i < t->n_bound; i++) {
        bool used = false;
        for (int k = 0; k < t->n; k++)
            used |= weft__factor_uses(t->factor[k], t->bound[i]);
        if (used)
            continue;
        const weft__book_index *index = &b->index[t->bound[i]];
        bool last = b->rank > 1 && index->preferred == b->bound_letters[b->rank - 1], first = index->preferred == b->bound_letters[0];
        uint32_t length = weft__book_length(b, index->length, first ? 0 : 1, first ? 0 : 1, last ? 2 : 3);
        const weft__formula *n = weft__formula_length(b, length, 1);
        return n->n ? weft__term_multiply(b, n->term[0], weft__term_without(b, t, -1, i)) : t;
    }
    return t;
}

const weft__formula *weft__formula_contract(weft__book *b, const weft__formula *x)
{
    const weft__term *term[WEFT__MOST_TERMS];
    for (int i = 0; i < x->n && b->status == WEFT_OK; i++) {
        term[i] = x->term[i];
        for (const weft__term *before = NULL; before != term[i] && b->status == WEFT_OK;) {
            before = term[i];
            term[i] = contract_delta(b, before);
            if (term[i] == before)
                term[i] = count_idle(b, before);
        }
    }
    return b->status == WEFT_OK ? weft__formula_of_terms(b, term, x->n) : weft__formula_zero();
}

/* --- sums of products --- */

static int find_group(const weft__term *t)
{
    for (int i = 0; i < t->n; i++)
        if (t->factor[i]->kind == WEFT__GROUP && t->factor[i]->exponent == 1)
            return i;
    return -1;
}

const weft__formula *weft__formula_distribute(weft__book *b, const weft__formula *x)
{
    const weft__formula *done = weft__formula_zero();
    for (int i = 0; i < x->n && b->status == WEFT_OK; i++) {
        int at = find_group(x->term[i]);
        if (at < 0) {
            done = weft__formula_add(b, done, weft__formula_of_term(b, x->term[i]), 1);
            continue;
        }
        const weft__term *rest = weft__term_without(b, x->term[i], at, -1);
        const weft__formula *inner = x->term[i]->factor[at]->operand[0], *product = weft__formula_zero();
        for (int k = 0; k < inner->n && b->status == WEFT_OK; k++)
            product = weft__formula_add(b, product, weft__formula_of_term(b, weft__term_multiply(b, rest, inner->term[k])), 1);
        done = weft__formula_add(b, done, weft__formula_distribute(b, product), 1);
    }
    return done;
}

const weft__formula *weft__formula_collect(weft__book *b, const weft__formula *x)
{
    const weft__term *term[WEFT__MOST_TERMS];
    int n = 0;
    for (int i = 0; i < x->n; i++) {
        int k = 0;
        while (k < n && !weft__term_same(x->term[i], term[k]))
            k++;
        if (k < n)
            term[k] = weft__term_make(b, term[k]->number + x->term[i]->number, term[k]->factor, term[k]->n, term[k]->bound, term[k]->n_bound);
        else
            term[n++] = x->term[i];
    }
    return n == x->n ? x : weft__formula_of_terms(b, term, n);
}

/* index_term.c: the algebra of formulas. A formula is a sum of terms, and a term holds each factor once; equal factors add up their exponents when
 * the term is made, since nobody writes a a. Nothing else happens by itself: products with a sum keep it as a group, deltas stay until they are
 * contracted, equal terms until they are collected. Each of these is a step that one can show. */
#include "engine/explain/index.h"

#include <math.h>
#include <string.h>

static const weft__formula zero = {0};

const weft__formula *weft__formula_zero(void)
{
    return &zero;
}

static void *take(weft__book *b, size_t bytes)
{
    void *memory = b->status == WEFT_OK ? weft__arena_take(&b->arena, bytes + 1) : NULL;
    if (!memory)
        weft__book_fail(b, WEFT_ERROR_MEMORY, "out of memory");
    return memory;
}

double weft__nearest_fraction(double x)
{
    if (!(fabs(x) < 1e9) || x == 0)
        return x;
    for (int q = 1; q <= 1000; q++) {
        double p = nearbyint(x * q);
        if (p != 0 && fabs(x * q - p) <= 8 * 2.220446049250313e-16 * fabs(p))
            return p / q;
    }
    return x;
}

/* --- equality. map: what a bound index of the one side is on the other --- */

typedef struct pairing {
    int n;
    int32_t one[WEFT__MOST_BOUND], other[WEFT__MOST_BOUND];
} pairing;

static bool same_index(const weft__index *a, const weft__index *c, const pairing *map)
{
    int32_t id = a->id;
    for (int i = 0; map && i < map->n; i++)
        if (map->one[i] == id)
            id = map->other[i];
    return id == c->id && a->plus == c->plus && (id < 0 || a->times == c->times);
}

static bool same_formula(const weft__formula *x, const weft__formula *y, const pairing *map);

static bool same_factor(const weft__factor *f, const weft__factor *g, const pairing *map)
{
    if (f == g && (!map || !map->n))
        return true;
    if (f->kind != g->kind || (f->kind == WEFT__FUNCTION ? f->op != g->op : f->node != g->node) || f->of != g->of || f->adjoint != g->adjoint || f->n != g->n || f->n_of != g->n_of ||
        f->n_operands != g->n_operands)
        return false;
    if (f->kind == WEFT__DELTA && same_index(&f->index[0], &g->index[1], map) && same_index(&f->index[1], &g->index[0], map))
        return true;
    pairing inner = {.n = 0};
    if (map)
        inner = *map;
    for (int i = 0; i < f->n && f->kind == WEFT__FUNCTION && inner.n < WEFT__MOST_BOUND; i++) { /* bound there */
        inner.one[inner.n] = f->index[i].id;
        inner.other[inner.n++] = g->index[i].id;
    }
    for (int i = 0; i < f->n + f->n_of; i++)
        if (!same_index(&f->index[i], &g->index[i], &inner))
            return false;
    for (int i = 0; i < f->n_operands; i++)
        if (!same_formula(f->operand[i], g->operand[i], &inner))
            return false;
    return true;
}

bool weft__factor_same(const weft__factor *f, const weft__factor *g)
{
    return same_factor(f, g, NULL);
}

static bool same_factors(const weft__term *x, const weft__term *y, const pairing *map)
{
    bool used[WEFT__MOST_FACTORS] = {false};
    for (int i = 0; i < x->n; i++) {
        int k = 0;
        while (k < y->n && (used[k] || x->factor[i]->exponent != y->factor[k]->exponent || !same_factor(x->factor[i], y->factor[k], map)))
            k++;
        if (k == y->n)
            return false;
        used[k] = true;
    }
    return true;
}

/* Tries to pair bound index `at` of x with each of y that is left. */
static bool pair_up(const weft__term *x, const weft__term *y, pairing *map, int at, unsigned used)
{
    if (at == x->n_bound)
        return same_factors(x, y, map);
    for (int k = 0; k < y->n_bound; k++) {
        if (used >> k & 1 || map->n == WEFT__MOST_BOUND)
            continue;
        map->one[map->n] = x->bound[at];
        map->other[map->n++] = y->bound[k];
        if (pair_up(x, y, map, at + 1, used | 1u << k))
            return true;
        map->n--;
    }
    return false;
}

static bool same_term(const weft__term *x, const weft__term *y, const pairing *outer)
{
    pairing map = {.n = 0};
    if (x->n != y->n || x->n_bound != y->n_bound || x->n_bound > 6)
        return false;
    if (outer)
        map = *outer;
    return pair_up(x, y, &map, 0, 0);
}

static bool same_formula(const weft__formula *x, const weft__formula *y, const pairing *map)
{
    bool used[WEFT__MOST_TERMS] = {false};
    if (x->n != y->n)
        return false;
    for (int i = 0; i < x->n; i++) {
        int k = 0;
        while (k < y->n && (used[k] || x->term[i]->number != y->term[k]->number || !same_term(x->term[i], y->term[k], map)))
            k++;
        if (k == y->n)
            return false;
        used[k] = true;
    }
    return true;
}

bool weft__term_same(const weft__term *x, const weft__term *y)
{
    return same_term(x, y, NULL);
}

bool weft__formula_same(const weft__formula *x, const weft__formula *y)
{
    return same_formula(x, y, NULL);
}

/* --- making --- */

static const weft__factor *with_exponent(weft__book *b, const weft__factor *f, double exponent)
{
    weft__factor *g = f->exponent == exponent ? NULL : take(b, sizeof *g);
    if (!g)
        return f;
    *g = *f;
    g->exponent = exponent;
    return g;
}

const weft__term *weft__term_make(weft__book *b, double number, const weft__factor *const *factor, int n, const int32_t *bound, int n_bound)
{
    static const weft__term nothing = {0};
    if (n > WEFT__MOST_FACTORS || n_bound > WEFT__MOST_BOUND) {
        weft__book_fail(b, WEFT_ERROR_ARGUMENT, "a term of more than %d factors or %d sums; it would fill no page", WEFT__MOST_FACTORS, WEFT__MOST_BOUND);
        return &nothing;
    }
    weft__term *t = take(b, sizeof *t);
    const weft__factor **kept = take(b, (size_t)n * sizeof *kept);
    int32_t *kept_bound = take(b, (size_t)n_bound * sizeof *kept_bound);
    if (!t || !kept || !kept_bound)
        return &nothing;
    int count = 0;
    for (int i = 0; i < n; i++) {
        int k = 0;
        while (k < count && !weft__factor_same(kept[k], factor[i]))
            k++;
        if (k == count)
            kept[count++] = factor[i];
        else if (factor[i]->kind != WEFT__DELTA)
            kept[k] = with_exponent(b, kept[k], kept[k]->exponent + factor[i]->exponent);
    }
    int left = 0;
    for (int i = 0; i < count; i++)
        if (kept[i]->exponent != 0)
            kept[left++] = kept[i];
    memcpy(kept_bound, bound, (size_t)n_bound * sizeof *bound);
    *t = (weft__term){weft__nearest_fraction(number), left, n_bound, kept, kept_bound};
    return t;
}

const weft__formula *weft__formula_of_terms(weft__book *b, const weft__term *const *term, int n)
{
    if (n > WEFT__MOST_TERMS) {
        weft__book_fail(b, WEFT_ERROR_ARGUMENT, "a formula of more than %d terms; it would fill no page", WEFT__MOST_TERMS);
        return &zero;
    }
    weft__formula *x = take(b, sizeof *x);
    const weft__term **kept = take(b, (size_t)n * sizeof *kept);
    if (!x || !kept)
        return &zero;
    *x = (weft__formula){0, kept};
    for (int i = 0; i < n; i++)
        if (term[i]->number != 0)
            kept[x->n++] = term[i];
    return x;
}

const weft__formula *weft__formula_of_term(weft__book *b, const weft__term *term)
{
    return weft__formula_of_terms(b, &term, 1);
}

const weft__formula *weft__formula_number(weft__book *b, double number)
{
    return weft__formula_of_term(b, weft__term_make(b, number, NULL, 0, (int32_t[]){0}, 0));
}

const weft__formula *weft__formula_factor(weft__book *b, const weft__factor *factor)
{
    weft__factor *f = take(b, sizeof *f);
    if (!f)
        return &zero;
    *f = *factor;
    return weft__formula_of_term(b, weft__term_make(b, 1, (const weft__factor *[]){f}, 1, (int32_t[]){0}, 0));
}

const weft__formula *weft__formula_symbol(weft__book *b, uint32_t node, bool adjoint, const weft__index *index)
{
    weft__factor f = {.kind = WEFT__SYMBOL, .exponent = 1, .node = node, .adjoint = adjoint, .n = weft__book_shape(b, node)->dims.rank};
    if (adjoint && b->loss && node == b->y.id)
        return weft__formula_number(b, 1);
    memcpy(f.index, index, (size_t)f.n * sizeof *index);
    return weft__formula_factor(b, &f);
}

const weft__formula *weft__formula_delta(weft__book *b, weft__index a, weft__index c)
{
    if (same_index(&a, &c, NULL))
        return weft__formula_number(b, 1);
    return weft__formula_factor(b, &(weft__factor){.kind = WEFT__DELTA, .exponent = 1, .n = 2, .index = {a, c}});
}

const weft__formula *weft__formula_length(weft__book *b, uint32_t length, double exponent)
{
    return weft__formula_factor(b, &(weft__factor){.kind = WEFT__LENGTH, .exponent = exponent, .node = length});
}

static const weft__term *times(weft__book *b, const weft__term *t, double number)
{
    return number == 1 ? t : weft__term_make(b, t->number * number, t->factor, t->n, t->bound, t->n_bound);
}

const weft__formula *weft__formula_add(weft__book *b, const weft__formula *x, const weft__formula *y, double factor)
{
    const weft__term *term[2 * WEFT__MOST_TERMS];
    int n = 0;
    for (int i = 0; i < x->n; i++)
        term[n++] = x->term[i];
    for (int i = 0; i < y->n; i++)
        term[n++] = times(b, y->term[i], factor);
    return weft__formula_of_terms(b, term, n);
}

/* x as one term: a group, if it has several. */
static const weft__term *as_term(weft__book *b, const weft__formula *x)
{
    if (x->n == 1)
        return x->term[0];
    return weft__formula_factor(b, &(weft__factor){.kind = WEFT__GROUP, .exponent = 1, .n_operands = 1, .operand = {x}})->term[0];
}

static bool clash(const weft__term *x, const weft__term *y)
{
    for (int i = 0; i < x->n_bound; i++)
        for (int k = 0; k < y->n_bound; k++)
            if (x->bound[i] == y->bound[k])
                return true;
    return false;
}

static const weft__term *multiply(weft__book *b, const weft__term *x, const weft__term *y)
{
    const weft__factor *factor[2 * WEFT__MOST_FACTORS];
    int32_t bound[2 * WEFT__MOST_BOUND];
    if (clash(x, y))
        y = as_term(b, weft__formula_substitute(b, weft__formula_of_term(b, y), NULL, NULL, 0));
    if (b->status != WEFT_OK)
        return x;
    memcpy(factor, x->factor, (size_t)x->n * sizeof *factor);
    memcpy(factor + x->n, y->factor, (size_t)y->n * sizeof *factor);
    memcpy(bound, x->bound, (size_t)x->n_bound * sizeof *bound);
    memcpy(bound + x->n_bound, y->bound, (size_t)y->n_bound * sizeof *bound);
    return weft__term_make(b, x->number * y->number, factor, x->n + y->n, bound, x->n_bound + y->n_bound);
}

/* Of 1 and -1 a sum stays a sum. */
static bool is_sign(const weft__formula *x)
{
    return x->n == 1 && !x->term[0]->n && !x->term[0]->n_bound && fabs(x->term[0]->number) == 1;
}

const weft__formula *weft__formula_multiply(weft__book *b, const weft__formula *x, const weft__formula *y)
{
    if (!x->n || !y->n || b->status != WEFT_OK)
        return &zero;
    if (is_sign(x))
        return weft__formula_add(b, &zero, y, x->term[0]->number);
    if (is_sign(y))
        return weft__formula_add(b, &zero, x, y->term[0]->number);
    const weft__term *one = as_term(b, x), *other = b->status == WEFT_OK ? as_term(b, y) : one;
    return b->status == WEFT_OK ? weft__formula_of_term(b, multiply(b, one, other)) : &zero;
}

const weft__formula *weft__formula_power(weft__book *b, const weft__formula *x, double exponent)
{
    const weft__term *t = x->n == 1 ? x->term[0] : NULL;
    if (b->status != WEFT_OK || exponent == 1)
        return x;
    if (exponent == 0)
        return weft__formula_number(b, 1);
    bool whole = exponent == floor(exponent), plain = t && t->number > 0;
    for (int i = 0; t && i < t->n; i++)
        plain &= t->factor[i]->kind == WEFT__LENGTH || (t->factor[i]->exponent == 1 && t->n == 1 && t->number == 1);
    if (!t || t->n_bound || !(whole || plain))
        return weft__formula_factor(b, &(weft__factor){.kind = WEFT__GROUP, .exponent = exponent, .n_operands = 1, .operand = {x}});
    const weft__factor *factor[WEFT__MOST_FACTORS];
    for (int i = 0; i < t->n; i++)
        factor[i] = with_exponent(b, t->factor[i], t->factor[i]->exponent * exponent);
    return weft__formula_of_term(b, weft__term_make(b, pow(t->number, exponent), factor, t->n, t->bound, 0));
}

const weft__formula *weft__formula_sum(weft__book *b, const weft__formula *x, const int32_t *bound, int n)
{
    int32_t all[2 * WEFT__MOST_BOUND];
    if (!x->n || !n || b->status != WEFT_OK)
        return x;
    const weft__term *t = as_term(b, x);
    if (b->status != WEFT_OK)
        return &zero;
    memcpy(all, bound, (size_t)n * sizeof *bound);
    memcpy(all + n, t->bound, (size_t)t->n_bound * sizeof *bound);
    return weft__formula_of_term(b, weft__term_make(b, t->number, t->factor, t->n, all, n + t->n_bound));
}

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
    weft__factor *g = take(b, sizeof *g);
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
    return b->status == WEFT_OK ? weft__formula_of_terms(b, term, x->n) : &zero;
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

static bool formula_uses(const weft__formula *x, int32_t index);

bool weft__factor_uses(const weft__factor *f, int32_t index)
{
    for (int i = 0; i < f->n + f->n_of; i++)
        if (f->index[i].id == index)
            return true;
    for (int i = 0; i < f->n_operands; i++)
        if (formula_uses(f->operand[i], index))
            return true;
    return false;
}

static bool formula_uses(const weft__formula *x, int32_t index)
{
    for (int i = 0; i < x->n; i++)
        for (int k = 0; k < x->term[i]->n; k++)
            if (weft__factor_uses(x->term[i]->factor[k], index))
                return true;
    return false;
}

static int place_of_bound(const weft__term *t, const weft__index *i)
{
    for (int k = 0; k < t->n_bound; k++)
        if (t->bound[k] == i->id && i->times == 1 && i->plus == 0)
            return k;
    return -1;
}

static const weft__term *without(weft__book *b, const weft__term *t, int factor, int bound)
{
    const weft__factor *kept[WEFT__MOST_FACTORS];
    int32_t kept_bound[WEFT__MOST_BOUND];
    int n = 0, n_bound = 0;
    for (int i = 0; i < t->n; i++)
        if (i != factor)
            kept[n++] = t->factor[i];
    for (int i = 0; i < t->n_bound; i++)
        if (i != bound)
            kept_bound[n_bound++] = t->bound[i];
    return weft__term_make(b, t->number, kept, n, kept_bound, n_bound);
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
        if (same_index(&f->index[0], &f->index[1], NULL))
            return without(b, t, i, -1);
        if (f->index[0].id < 0 && f->index[1].id < 0)
            return weft__term_make(b, 0, NULL, 0, t->bound, 0);
        for (int side = 0; side < 2; side++) {
            int place = place_of_bound(t, &f->index[side]);
            if (place < 0 || f->index[1 - side].id == f->index[side].id || !is_within(b, &f->index[1 - side], f->index[side].id))
                continue;
            int32_t from = t->bound[place];
            weft__index to = f->index[1 - side];
            const weft__term *rest = without(b, t, i, place);
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
        return n->n ? multiply(b, n->term[0], without(b, t, -1, i)) : t;
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
    return b->status == WEFT_OK ? weft__formula_of_terms(b, term, x->n) : &zero;
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
    const weft__formula *done = &zero;
    for (int i = 0; i < x->n && b->status == WEFT_OK; i++) {
        int at = find_group(x->term[i]);
        if (at < 0) {
            done = weft__formula_add(b, done, weft__formula_of_term(b, x->term[i]), 1);
            continue;
        }
        const weft__term *rest = without(b, x->term[i], at, -1);
        const weft__formula *inner = x->term[i]->factor[at]->operand[0], *product = &zero;
        for (int k = 0; k < inner->n && b->status == WEFT_OK; k++)
            product = weft__formula_add(b, product, weft__formula_of_term(b, multiply(b, rest, inner->term[k])), 1);
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
            term[k] = times(b, term[k], (term[k]->number + x->term[i]->number) / term[k]->number);
        else
            term[n++] = x->term[i];
    }
    return n == x->n ? x : weft__formula_of_terms(b, term, n);
}

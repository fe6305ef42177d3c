/* index_same.c: whether formulas are the same, which is so if bound indices can be paired; and what uses an index. */
#include "engine/explain/index.h"

typedef struct pairing {
    int n;
    int32_t one[WEFT__MOST_BOUND], other[WEFT__MOST_BOUND];
} pairing;

/* map: what a bound index of the one side is on the other. */
static bool same_index(const weft__index *a, const weft__index *c, const pairing *map)
{
    int32_t id = a->id;
    for (int i = 0; map && i < map->n; i++)
        if (map->one[i] == id)
            id = map->other[i];
    return id == c->id && a->plus == c->plus && (id < 0 || a->times == c->times);
}

bool weft__factor_is_like(const weft__factor *f, const weft__factor *g)
{
    bool alike = f->kind == WEFT__FUNCTION ? f->op == g->op : f->node == g->node;
    return f->kind == g->kind && alike && f->of == g->of && f->adjoint == g->adjoint && f->n == g->n && f->n_of == g->n_of &&
           f->n_operands == g->n_operands;
}

static bool same_formula(const weft__formula *x, const weft__formula *y, const pairing *map);

static bool same_factor(const weft__factor *f, const weft__factor *g, const pairing *map)
{
    if (f == g && (!map || !map->n))
        return true;
    if (!weft__factor_is_like(f, g))
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

bool weft__index_same(const weft__index *a, const weft__index *c)
{
    return same_index(a, c, NULL);
}

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

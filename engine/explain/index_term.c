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

void *weft__book_take(weft__book *b, size_t bytes)
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

/* --- making --- */

static const weft__factor *with_exponent(weft__book *b, const weft__factor *f, double exponent)
{
    weft__factor *g = f->exponent == exponent ? NULL : weft__book_take(b, sizeof *g);
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
    weft__term *t = weft__book_take(b, sizeof *t);
    const weft__factor **kept = weft__book_take(b, (size_t)n * sizeof *kept);
    int32_t *kept_bound = weft__book_take(b, (size_t)n_bound * sizeof *kept_bound);
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
    weft__formula *x = weft__book_take(b, sizeof *x);
    const weft__term **kept = weft__book_take(b, (size_t)n * sizeof *kept);
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
    weft__factor *f = weft__book_take(b, sizeof *f);
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
    if (weft__index_same(&a, &c))
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

const weft__term *weft__term_multiply(weft__book *b, const weft__term *x, const weft__term *y)
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
    return b->status == WEFT_OK ? weft__formula_of_term(b, weft__term_multiply(b, one, other)) : &zero;
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

const weft__term *weft__term_without(weft__book *b, const weft__term *t, int factor, int bound)
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


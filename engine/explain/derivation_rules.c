/* derivation_rules.c: the rules that lead from a chain rule with adjoints in it to the closed form of the paper. Each takes one formula to another of the
 * same value and is a line of the derivation; its name and its proof are printed beside it, and derivation_check.c proves the line again, exactly. The
 * order in which they are tried is what makes the path the one of the paper: zeros first, then sums of products, then the next adjoint; only when none is
 * left are names put in, equal terms collected and what they share taken out. */
#include "engine/explain/derivation.h"

#include <math.h>
#include <string.h>

static bool done(weft__rule_use *use, const weft__formula *after)
{
    use->after = after;
    return true;
}

static const weft__term *remake(weft__book *b, const weft__term *t, double number, const weft__factor *const *factor, int n)
{
    return weft__term_make(b, number, factor, n, t->bound, t->n_bound);
}

/* --- a sum of deviations is zero --- */

static bool is_leaf(const weft__book *b, uint32_t node)
{
    return !weft__at(b->tape, node)->n;
}

/* x with each symbol that does not use the index replaced by its definition. */
static const weft__formula *define_rest(weft__book *b, const weft__formula *x)
{
    const weft__formula *sum = weft__formula_zero();
    for (int i = 0; i < x->n; i++) {
        const weft__term *t = x->term[i];
        const weft__factor *rest[WEFT__MOST_FACTORS];
        const weft__formula *defined = weft__formula_number(b, 1);
        int n = 0;
        for (int k = 0; k < t->n; k++) {
            const weft__factor *f = t->factor[k];
            bool bound = false;
            for (int j = 0; j < t->n_bound; j++)
                bound |= weft__factor_uses(f, t->bound[j]);
            if (f->kind == WEFT__SYMBOL && !f->adjoint && f->exponent == 1 && !bound && !is_leaf(b, f->node))
                defined = weft__formula_multiply(b, defined, weft__definition(b, f->node, f->index));
            else
                rest[n++] = f;
        }
        sum = weft__formula_add(b, sum, weft__formula_multiply(b, weft__formula_of_term(b, remake(b, t, t->number, rest, n)), defined), 1);
        if (b->status != WEFT_OK)
            return sum;
    }
    return weft__formula_collect(b, weft__formula_contract(b, weft__formula_distribute(b, sum)));
}

/* The sum over the bound index of the one factor that uses it, if that is zero by the definitions of what it is made of. */
static const weft__formula *vanishing_sum(weft__book *b, const weft__term *t, int32_t bound)
{
    const weft__factor *only = NULL;
    for (int i = 0; i < t->n; i++) {
        if (!weft__factor_uses(t->factor[i], bound))
            continue;
        if (only || t->factor[i]->kind != WEFT__SYMBOL || t->factor[i]->adjoint || t->factor[i]->exponent != 1 || is_leaf(b, t->factor[i]->node))
            return NULL;
        only = t->factor[i];
    }
    if (!only)
        return NULL;
    const weft__formula *summed = weft__formula_sum(b, weft__definition(b, only->node, only->index), &bound, 1);
    summed = weft__formula_contract(b, weft__formula_distribute(b, summed));
    if (b->status != WEFT_OK || define_rest(b, summed)->n)
        return NULL;
    return weft__formula_sum(b, weft__formula_symbol(b, only->node, false, only->index), &bound, 1);
}

static bool deviations(weft__book *b, const weft__adjoint *adjoint, const weft__formula *x, weft__rule_use *use)
{
    (void)adjoint;
    const weft__term *kept[WEFT__MOST_TERMS];
    int n = 0;
    for (int i = 0; i < x->n && b->status == WEFT_OK; i++) {
        const weft__formula *zero = NULL;
        for (int k = 0; k < x->term[i]->n_bound && !zero && b->status == WEFT_OK; k++)
            zero = vanishing_sum(b, x->term[i], x->term[i]->bound[k]);
        if (zero)
            use->about = zero;
        else
            kept[n++] = x->term[i];
    }
    return n < x->n && b->status == WEFT_OK && done(use, weft__formula_of_terms(b, kept, n));
}

/* --- sums of products --- */

static bool distribute(weft__book *b, const weft__adjoint *adjoint, const weft__formula *x, weft__rule_use *use)
{
    (void)adjoint;
    bool any = false;
    for (int i = 0; i < x->n; i++)
        for (int k = 0; k < x->term[i]->n; k++)
            any |= x->term[i]->factor[k]->kind == WEFT__GROUP && x->term[i]->factor[k]->exponent == 1;
    return any && done(use, weft__formula_contract(b, weft__formula_distribute(b, x)));
}

static bool collect(weft__book *b, const weft__adjoint *adjoint, const weft__formula *x, weft__rule_use *use)
{
    (void)adjoint;
    const weft__formula *after = weft__formula_collect(b, x);
    return after != x && done(use, after);
}

/* --- the adjoint of the earliest node is put in --- */

static bool is_adjoint_of(const weft__factor *f, uint32_t node)
{
    return f->kind == WEFT__SYMBOL && f->adjoint && f->node == node;
}

static const weft__formula *insert_in(weft__book *b, const weft__term *t, const weft__adjoint *a, uint32_t node)
{
    const weft__factor *rest[WEFT__MOST_FACTORS], *found = NULL;
    int32_t from[WEFT_MAX_RANK];
    int n = 0;
    for (int i = 0; i < t->n; i++)
        if (!found && is_adjoint_of(t->factor[i], node))
            found = t->factor[i];
        else
            rest[n++] = t->factor[i];
    if (!found)
        return weft__formula_of_term(b, t);
    for (int i = 0; i < found->n; i++)
        from[i] = a->by[i].id;
    const weft__formula *value = weft__formula_substitute(b, a->formula, from, found->index, found->n);
    value = weft__formula_power(b, value, found->exponent);
    if (!n && !t->n_bound)
        return weft__formula_add(b, weft__formula_zero(), value, t->number);
    return weft__formula_multiply(b, weft__formula_of_term(b, remake(b, t, t->number, rest, n)), value);
}

static bool insert(weft__book *b, const weft__adjoint *adjoint, const weft__formula *x, weft__rule_use *use)
{
    uint32_t node = WEFT_NO_ID;
    const weft__formula *after = weft__formula_zero();
    for (int i = 0; i < x->n; i++)
        for (int k = 0; k < x->term[i]->n; k++) {
            const weft__factor *f = x->term[i]->factor[k];
            if (f->kind == WEFT__SYMBOL && f->adjoint && f->node < node && adjoint[f->node].formula)
                node = f->node;
        }
    if (node == WEFT_NO_ID)
        return false;
    for (int i = 0; i < x->n && b->status == WEFT_OK; i++)
        after = weft__formula_add(b, after, insert_in(b, x->term[i], &adjoint[node], node), 1);
    use->node = node;
    return done(use, after);
}

/* --- names for what has one. A pattern is a definition; its indices are variables --- */

typedef struct matching {
    int n;
    int32_t variable[WEFT__MOST_BOUND];
    weft__index value[WEFT__MOST_BOUND];
} matching;

static bool match_index(matching *m, const weft__index *p, const weft__index *i)
{
    if (p->id < 0)
        return i->id < 0 && p->plus == i->plus;
    if (p->times != 1 || p->plus)
        return false;
    for (int k = 0; k < m->n; k++)
        if (m->variable[k] == p->id)
            return m->value[k].id == i->id && m->value[k].plus == i->plus && (i->id < 0 || m->value[k].times == i->times);
    if (m->n == WEFT__MOST_BOUND)
        return false;
    m->variable[m->n] = p->id;
    m->value[m->n++] = *i;
    return true;
}

/* But for the exponents of the two themselves. Terms and factors within come from one definition, so they stand in one order. */
static bool match_factor(matching *m, const weft__factor *p, const weft__factor *f)
{
    if (!weft__factor_is_like(p, f))
        return false;
    for (int i = 0; i < p->n + p->n_of; i++)
        if (!match_index(m, &p->index[i], &f->index[i]))
            return false;
    for (int i = 0; i < p->n_operands; i++) {
        const weft__formula *x = p->operand[i], *y = f->operand[i];
        if (x->n != y->n)
            return false;
        for (int t = 0; t < x->n; t++) {
            if (x->term[t]->n != y->term[t]->n || x->term[t]->n_bound != y->term[t]->n_bound || x->term[t]->number != y->term[t]->number)
                return false;
            for (int k = 0; k < x->term[t]->n; k++)
                if (x->term[t]->factor[k]->exponent != y->term[t]->factor[k]->exponent || !match_factor(m, x->term[t]->factor[k], y->term[t]->factor[k]))
                    return false;
        }
    }
    return true;
}

/* Finds a place for each factor of p from `at` on; place[i]: which factor of t is p's factor i. */
static bool match_term(matching *m, const weft__term *p, const weft__term *t, int at, int *place)
{
    if (at == p->n)
        return true;
    for (int k = 0; k < t->n; k++) {
        double of = t->factor[k]->exponent / p->factor[at]->exponent;
        matching before = *m;
        bool taken = false;
        for (int i = 0; i < at; i++)
            taken |= place[i] == k;
        place[at] = k;
        if (!taken && of >= 1 && match_factor(m, p->factor[at], t->factor[k]) && match_term(m, p, t, at + 1, place))
            return true;
        *m = before;
    }
    return false;
}

static const weft__formula *named(weft__book *b, uint32_t node, const weft__index *index, const matching *m)
{
    int32_t from[WEFT__MOST_BOUND];
    for (int i = 0; i < m->n; i++)
        from[i] = m->variable[i];
    return weft__formula_substitute(b, weft__formula_symbol(b, node, false, index), from, m->value, m->n);
}

/* t with one product less that has a name; NULL: there is none. */
static const weft__term *name_product(weft__book *b, const weft__term *t, uint32_t node, const weft__index *index, const weft__term *p)
{
    matching m = {.n = 0};
    int place[WEFT__MOST_FACTORS];
    const weft__factor *factor[WEFT__MOST_FACTORS + 1];
    if (p->n > t->n || !match_term(&m, p, t, 0, place))
        return NULL;
    const weft__formula *name = named(b, node, index, &m);
    if (b->status != WEFT_OK)
        return NULL;
    for (int i = 0; i < t->n; i++)
        factor[i] = t->factor[i];
    for (int i = 0; i < p->n; i++) {
        weft__factor less = *t->factor[place[i]];
        less.exponent -= p->factor[i]->exponent;
        const weft__formula *made = weft__formula_factor(b, &less);
        factor[place[i]] = made->n && made->term[0]->n ? made->term[0]->factor[0] : NULL;
    }
    int n = 0;
    for (int i = 0; i < t->n; i++)
        if (factor[i])
            factor[n++] = factor[i];
    factor[n++] = name->term[0]->factor[0];
    return remake(b, t, t->number / p->number, factor, n);
}

/* What the definition of a quantity is, where that is one term without a sum. */
static const weft__term *product_of(weft__book *b, uint32_t node, const weft__index *index)
{
    const weft__formula *x = is_leaf(b, node) ? NULL : weft__definition(b, node, index);
    return x && x->n == 1 && !x->term[0]->n_bound && b->status == WEFT_OK ? x->term[0] : NULL;
}

/* A group of what is derived by, and numbers: (sigma2 + eps)**(-1/2). */
static bool is_group_of(const weft__factor *f, const weft__adjoint *adjoint)
{
    const weft__formula *x = f->operand[0];
    if (f->kind != WEFT__GROUP)
        return false;
    for (int i = 0; i < x->n; i++)
        for (int k = 0; k < x->term[i]->n; k++) {
            const weft__factor *inner = x->term[i]->factor[k];
            if (inner->kind == WEFT__SYMBOL ? !adjoint[inner->node].on_way : inner->kind != WEFT__LENGTH && !is_group_of(inner, adjoint))
                return false;
        }
    return true;
}

/* Two factors at least, an array among them, and all made of what is derived by: the gamma of gamma hhat stays apart. */
static bool is_made_of(const weft__term *p, const weft__adjoint *adjoint)
{
    int arrays = 0, others = 0;
    for (int i = 0; i < p->n; i++) {
        const weft__factor *f = p->factor[i];
        if (f->kind == WEFT__SYMBOL ? !adjoint[f->node].on_way : f->kind != WEFT__FUNCTION && f->kind != WEFT__LENGTH && !is_group_of(f, adjoint))
            return false;
        arrays += f->kind == WEFT__SYMBOL;
        others += f->kind == WEFT__FUNCTION || f->kind == WEFT__GROUP;
    }
    return arrays && arrays + others > 1;
}

static bool names_of_products(weft__book *b, const weft__adjoint *adjoint, const weft__formula *x, weft__rule_use *use)
{
    for (uint32_t node = b->end; node-- > 0 && b->status == WEFT_OK;) {
        weft__index index[WEFT_MAX_RANK];
        const weft__term *term[WEFT__MOST_TERMS], *p = NULL;
        bool any = false;
        if (weft__is_quantity(b, node) && !(b->loss && node == b->y.id)) {
            weft__book_indices(b, node, false, index);
            p = product_of(b, node, index);
        }
        if (!p || !is_made_of(p, adjoint))
            continue;
        for (int i = 0; i < x->n && b->status == WEFT_OK; i++) {
            term[i] = x->term[i];
            for (const weft__term *next; (next = name_product(b, term[i], node, index, p)); any = true)
                term[i] = next;
        }
        use->node = node;
        if (any && b->status == WEFT_OK)
            return done(use, weft__formula_of_terms(b, term, x->n));
    }
    use->node = WEFT_NO_ID;
    return false;
}

/* (sigma2 + eps)**(-3/2) is rstd**3, where rstd = (sigma2 + eps)**(-1/2) has a name. */
static bool names_of_powers(weft__book *b, const weft__adjoint *adjoint, const weft__formula *x, weft__rule_use *use)
{
    (void)adjoint;
    for (uint32_t node = 0; node < b->end && b->status == WEFT_OK; node++) {
        weft__index index[WEFT_MAX_RANK];
        const weft__term *term[WEFT__MOST_TERMS], *p = NULL;
        bool any = false;
        if (weft__is_quantity(b, node)) {
            weft__book_indices(b, node, false, index);
            p = product_of(b, node, index);
        }
        if (!p || p->n != 1 || p->number != 1 || p->factor[0]->kind == WEFT__LENGTH)
            continue;
        if (p->factor[0]->exponent > 0 && p->factor[0]->exponent == floor(p->factor[0]->exponent))
            continue; /* a square is better read as one */
        for (int i = 0; i < x->n && b->status == WEFT_OK; i++) {
            const weft__factor *factor[WEFT__MOST_FACTORS];
            const weft__term *t = term[i] = x->term[i];
            for (int k = 0; k < t->n; k++) {
                double times = t->factor[k]->exponent / p->factor[0]->exponent;
                matching m = {.n = 0};
                factor[k] = t->factor[k];
                if (times != floor(times) || !match_factor(&m, p->factor[0], t->factor[k]))
                    continue;
                const weft__formula *name = weft__formula_power(b, named(b, node, index, &m), times);
                if (b->status != WEFT_OK)
                    return false;
                factor[k] = name->term[0]->factor[0];
                any = true;
            }
            term[i] = remake(b, t, t->number, factor, t->n);
        }
        use->node = node;
        if (any && b->status == WEFT_OK)
            return done(use, weft__formula_of_terms(b, term, x->n));
    }
    use->node = WEFT_NO_ID;
    return false;
}

/* --- what all terms share --- */

static double exponent_in(const weft__term *t, const weft__factor *f)
{
    for (int i = 0; i < t->n; i++)
        if (weft__factor_same(t->factor[i], f))
            return t->factor[i]->exponent;
    return 0;
}

/* Of lengths the lowest power, so that none is left below a line; of others what each term has. */
static double shared_exponent(const weft__formula *x, const weft__factor *f)
{
    double least = exponent_in(x->term[0], f), nearest = least;
    bool all = true;
    for (int i = 0; i < x->n; i++) {
        double e = exponent_in(x->term[i], f);
        all &= e != 0 && (e > 0) == (least > 0);
        nearest = fabs(e) < fabs(nearest) ? e : nearest;
    }
    for (int i = 0; i < x->n; i++)
        least = fmin(least, exponent_in(x->term[i], f));
    return f->kind == WEFT__LENGTH ? least : all ? nearest : 0;
}

static bool is_shorter(const weft__term *x, const weft__term *y)
{
    return x->n_bound != y->n_bound ? x->n_bound < y->n_bound : x->n < y->n;
}

/* Short terms first; equal ones as they stood. */
static void sort_by_length(const weft__term **term, int n)
{
    for (int i = 1; i < n; i++) {
        const weft__term *t = term[i];
        int k = i;
        for (; k && is_shorter(t, term[k - 1]); k--)
            term[k] = term[k - 1];
        term[k] = t;
    }
}

/* The shared ones: all lengths, and of the first term's others those that no sum of it runs over. */
static int find_shared(weft__book *b, const weft__formula *x, const weft__factor **shared)
{
    int n = 0;
    for (int i = 0; i < x->n; i++)
        for (int k = 0; k < x->term[i]->n && n < WEFT__MOST_FACTORS / 2; k++) {
            const weft__factor *f = x->term[i]->factor[k];
            bool bound = false, known = i > 0 && f->kind != WEFT__LENGTH;
            for (int t = 0; t < x->n; t++)
                for (int j = 0; j < x->term[t]->n_bound; j++)
                    bound |= weft__factor_uses(f, x->term[t]->bound[j]);
            for (int j = 0; j < n; j++)
                known |= weft__factor_same(shared[j], f);
            double e = known || bound ? 0 : shared_exponent(x, f);
            weft__factor out = *f;
            out.exponent = e;
            const weft__formula *made = e != 0 ? weft__formula_factor(b, &out) : weft__formula_zero();
            if (made->n)
                shared[n++] = made->term[0]->factor[0];
        }
    return n;
}

static bool take_out(weft__book *b, const weft__adjoint *adjoint, const weft__formula *x, weft__rule_use *use)
{
    (void)adjoint;
    const weft__factor *shared[WEFT__MOST_FACTORS];
    const weft__term *term[WEFT__MOST_TERMS];
    if (x->n < 2)
        return false;
    int n = find_shared(b, x, shared);
    bool all_negative = true, alike = true;
    for (int i = 0; i < x->n; i++) {
        all_negative &= x->term[i]->number < 0;
        alike &= fabs(x->term[i]->number) == fabs(x->term[0]->number);
    }
    double number = (alike ? fabs(x->term[0]->number) : 1) * (all_negative ? -1 : 1);
    if ((!n && number == 1) || b->status != WEFT_OK)
        return false;
    for (int i = 0; i < x->n && b->status == WEFT_OK; i++) {
        const weft__factor *factor[2 * WEFT__MOST_FACTORS];
        int count = 0;
        for (int k = 0; k < n; k++) {
            weft__factor inverse = *shared[k];
            inverse.exponent = -inverse.exponent;
            const weft__formula *made = weft__formula_factor(b, &inverse);
            if (made->n)
                factor[count++] = made->term[0]->factor[0];
        }
        for (int k = 0; k < x->term[i]->n && count < WEFT__MOST_FACTORS; k++)
            factor[count++] = x->term[i]->factor[k];
        term[i] = remake(b, x->term[i], x->term[i]->number / number, factor, count);
    }
    if (b->status != WEFT_OK)
        return false;
    sort_by_length(term, x->n);
    weft__factor group = {.kind = WEFT__GROUP, .exponent = 1, .n_operands = 1, .operand = {weft__formula_of_terms(b, term, x->n)}};
    const weft__formula *inside = weft__formula_factor(b, &group);
    if (b->status != WEFT_OK)
        return false;
    shared[n] = inside->term[0]->factor[0];
    return done(use, weft__formula_of_term(b, weft__term_make(b, number, shared, n + 1, (int32_t[]){0}, 0)));
}

/* --- the list --- */

const weft__paper_rule weft__paper_rules[] = {
    {"sum of deviations", {"Σ_k (x_k − m) = N m − N m = 0 for the mean m of the N numbers x_k", "sum_k (x_k - m) = N m - N m = 0 for the mean m of the N numbers x_k",
                           "$\\sum_k (x_k - m) = N m - N m = 0$ for the mean $m$ of the $N$ numbers $x_k$"}, deviations},
    {"multiply out", {"a (b + c) = a b + a c, Σ_k (b_k + c_k) = Σ_k b_k + Σ_k c_k, Σ_k a b_k = a Σ_k b_k",
                      "a (b + c) = a b + a c, sum_k (b_k + c_k) = sum_k b_k + sum_k c_k, sum_k a b_k = a sum_k b_k",
                      "$a (b + c) = a b + a c$, $\\sum_k (b_k + c_k) = \\sum_k b_k + \\sum_k c_k$, $\\sum_k a b_k = a \\sum_k b_k$"}, distribute},
    {"insert the adjoint", {"the chain rule above, at these indices", "the chain rule above, at these indices", "the chain rule above, at these indices"}, insert},
    {"collect equal terms", {"p a + q a = (p + q) a", "p a + q a = (p + q) a", "$p a + q a = (p + q) a$"}, collect},
    {"name the power", {"what was defined as b^p: b^(n p) = (b^p)^n", "what was defined as b^p: b^(n p) = (b^p)^n",
                        "what was defined as $b^p$: $b^{n p} = (b^p)^n$"}, names_of_powers},
    {"name the product", {"what was defined as a b is put for a b", "what was defined as a b is put for a b",
                          "what was defined as $a b$ is put for $a b$"}, names_of_products},
    {"take out what all share", {"a b + a c = a (b + c)", "a b + a c = a (b + c)", "$a b + a c = a (b + c)$"}, take_out},
};
const size_t weft__paper_rule_count = sizeof weft__paper_rules / sizeof *weft__paper_rules;

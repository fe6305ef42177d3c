/* index_print.c: formulas as text and as TeX. A term is printed as one writes it: its number and lengths in front, powers of -1 below a line, then
 * what does not depend on a bound index, groups, and at last the sums, each over what depends on its index. */
#include "engine/explain/index.h"

#include <math.h>
#include <string.h>

static bool tex(const weft__text *t)
{
    return t->notation == WEFT_NOTATION_TEX;
}

/* --- factors --- */

static void put_array(weft__text *t, uint32_t node, const weft__index *index)
{
    char label[64];
    const weft_shape *shape = &weft__book_shape(t->book, node)->dims;
    weft__text_name(t, weft__book_label(t->book, node, label));
    weft__text_indices(t, index, shape->rank, shape);
}

static const char *loss_name(const weft__text *t, char label[64])
{
    return t->book->loss ? weft__book_label(t->book, t->book->y.id, label) : "L";
}

void weft__text_symbol(weft__text *t, uint32_t node, bool adjoint, const weft__index *index)
{
    char label[64];
    if (adjoint && t->short_adjoints) {
        weft__text_put(t, tex(t) ? "\\mathrm{d}" : "d");
    } else if (adjoint) {
        weft__text_choose(t, "∂", "d", "\\frac{\\partial ");
        weft__text_name(t, loss_name(t, label));
        weft__text_choose(t, "/∂", "/d", "}{\\partial ");
    }
    put_array(t, node, index);
    weft__text_put(t, adjoint && !t->short_adjoints && tex(t) ? "}" : "");
}

void weft__text_jacobian(weft__text *t, uint32_t y, const weft__index *at, uint32_t x, const weft__index *by)
{
    weft__text_choose(t, "∂", "d", "\\frac{\\partial ");
    put_array(t, y, at);
    weft__text_choose(t, "/∂", "/d", "}{\\partial ");
    put_array(t, x, by);
    weft__text_put(t, tex(t) ? "}" : "");
}

static void put_op_name(weft__text *t, const char *name)
{
    for (; *name; name++) {
        weft__text_put(t, tex(t) && *name == '_' ? "\\" : "");
        weft__text_bytes(t, name, 1);
    }
}

static void put_formula(weft__text *t, const weft__formula *x);

static void put_function(weft__text *t, const weft__factor *f)
{
    const weft_op *op = weft__at(t->book->tape, f->node)->op;
    const weft_paper *paper = op->paper;
    const char *text = !paper ? NULL : tex(t) ? paper->tex : paper->text;
    int before = t->n_lettered, next = 0;
    if (op->kind == WEFT_REDUCTION) {
        weft__text_put(t, text ? text : op->name);
        for (int i = 0; i < f->n; i++)
            weft__text_give(t, f->index[i].id);
        weft__text_indices(t, f->index, f->n, NULL);
        bool parentheses = f->operand[0]->n > 1;
        weft__text_put(t, parentheses ? "(" : tex(t) ? "\\," : " ");
        put_formula(t, f->operand[0]);
        weft__text_put(t, parentheses ? ")" : "");
        t->n_lettered = before;
        return;
    }
    if (!text) {
        weft__text_put(t, tex(t) ? "\\operatorname{" : "");
        put_op_name(t, op->name);
        weft__text_put(t, tex(t) ? "}\\left(" : "(");
        for (; next < f->n_operands; next++) {
            weft__text_put(t, next ? ", " : "");
            put_formula(t, f->operand[next]);
        }
        weft__text_put(t, tex(t) ? "\\right)" : ")");
        return;
    }
    for (; *text; text++) {
        if (text[0] == '%' && text[1] == 's' && next < f->n_operands) {
            put_formula(t, f->operand[next++]);
            text++;
        } else {
            weft__text_bytes(t, text, 1);
        }
    }
}

/* "^2", "^(-3/2)", or above a root's sign nothing. */
static void put_exponent(weft__text *t, double exponent)
{
    if (exponent == 1)
        return;
    bool simple = exponent > 0 && exponent == floor(exponent) && exponent < 10;
    if (t->notation == WEFT_NOTATION_PLAIN && simple && exponent <= 3) {
        weft__text_put(t, exponent == 2 ? "²" : "³");
        return;
    }
    weft__text_put(t, tex(t) ? "^{" : simple ? "^" : "^(");
    weft__text_number(t, exponent);
    weft__text_put(t, tex(t) ? "}" : simple ? "" : ")");
}

static bool name_has_power(const weft__text *t, const weft__factor *f)
{
    char label[64];
    return f->kind == WEFT__SYMBOL && !f->adjoint && t->notation != WEFT_NOTATION_ASCII && !strcmp(weft__book_label(t->book, f->node, label), "sigma2");
}

static bool is_compound(const weft__text *t, const weft__factor *f)
{
    if (f->kind == WEFT__FUNCTION)
        return tex(t) || weft__at(t->book->tape, f->node)->op->kind == WEFT_REDUCTION;
    return f->adjoint || f->kind == WEFT__JACOBIAN || f->kind == WEFT__DELTA;
}

static void put_parenthesised(weft__text *t, const weft__formula *x)
{
    weft__text_put(t, tex(t) ? "\\left(" : "(");
    put_formula(t, x);
    weft__text_put(t, tex(t) ? "\\right)" : ")");
}

/* delta_jl rather than delta_lj. */
static bool delta_is_turned(const weft__text *t, const weft__factor *f)
{
    bool plain = weft__index_is_plain(&f->index[0]) && weft__index_is_plain(&f->index[1]);
    return plain && weft__text_letter(t, f->index[0].id) > weft__text_letter(t, f->index[1].id);
}

static void put_base(weft__text *t, const weft__factor *f)
{
    switch (f->kind) {
    case WEFT__SYMBOL:
        weft__text_symbol(t, f->node, f->adjoint, f->index);
        break;
    case WEFT__GROUP:
        put_parenthesised(t, f->operand[0]);
        break;
    case WEFT__FUNCTION:
        put_function(t, f);
        break;
    case WEFT__LENGTH:
        weft__text_bytes(t, &t->book->length[f->node].letter, 1);
        break;
    case WEFT__DELTA:
        weft__text_choose(t, "δ", "delta", "\\delta");
        weft__text_indices(t, delta_is_turned(t, f) ? (const weft__index[]){f->index[1], f->index[0]} : f->index, 2, NULL);
        break;
    default:
        weft__text_jacobian(t, f->node, f->index, f->of, f->index + f->n);
    }
}

static void put_factor(weft__text *t, const weft__factor *f, double exponent)
{
    if (exponent == 0.5 && (tex(t) || f->kind != WEFT__FUNCTION)) {
        weft__text_put(t, tex(t) ? "\\sqrt{" : "sqrt(");
        if (f->kind == WEFT__GROUP)
            put_formula(t, f->operand[0]);
        else
            put_base(t, f);
        weft__text_put(t, tex(t) ? "}" : ")");
        return;
    }
    bool parentheses = exponent != 1 && (is_compound(t, f) || name_has_power(t, f));
    weft__text_put(t, !parentheses ? "" : tex(t) ? "\\left(" : "(");
    put_base(t, f);
    weft__text_put(t, !parentheses ? "" : tex(t) ? "\\right)" : ")");
    put_exponent(t, exponent);
}

/* --- terms --- */

typedef struct part { /* factors of a term that are printed at one place */
    const weft__factor *factor[WEFT__MOST_FACTORS];
    int n;
} part;

static void put_space(weft__text *t, size_t start)
{
    if (t->used > start && t->text[t->used - 1] != ' ')
        weft__text_put(t, tex(t) ? "\\, " : " ");
}

static void put_parts(weft__text *t, const part *p, bool below)
{
    size_t start = t->used;
    for (int i = 0; i < p->n; i++) {
        put_space(t, start);
        put_factor(t, p->factor[i], below ? -p->factor[i]->exponent : p->factor[i]->exponent);
    }
}

/* What arrives first, then what is given, what was computed, functions, groups and deltas. */
static int order_of(const weft__text *t, const weft__factor *f)
{
    switch (f->kind) {
    case WEFT__SYMBOL:
        return f->adjoint ? 0 : weft__at(t->book->tape, f->node)->n ? 2 : 1;
    case WEFT__JACOBIAN:
        return 1;
    case WEFT__DELTA:
        return 5;
    default:
        return f->kind == WEFT__GROUP ? 4 : 3;
    }
}

static void add_to(const weft__text *t, part *p, const weft__factor *f)
{
    int k = p->n++, own = order_of(t, f);
    for (; k; k--) {
        int other = order_of(t, p->factor[k - 1]);
        if (other < own || (other == own && (own == 0 || own > 2 || p->factor[k - 1]->node <= f->node)))
            break;
        p->factor[k] = p->factor[k - 1];
    }
    p->factor[k] = f;
}

/* number, lengths and symbols in front: "2/N a b", "a b/c"; tex: a fraction where there is something below. */
static void put_front(weft__text *t, double number, const part *lengths, const part *above, const part *below, bool something_follows)
{
    double p = number, q = 1;
    part up = {.n = 0}, down = {.n = 0};
    if (!weft__text_fraction(number, &p, &q) || q > 64)
        p = number, q = 1;
    for (int i = 0; i < lengths->n; i++)
        add_to(t, lengths->factor[i]->exponent < 0 ? &down : &up, lengths->factor[i]);
    bool alone = p == 1 && !up.n, folds = down.n || below->n || (q != 1 && alone && above->n > 0 && something_follows);
    bool long_adjoint = !tex(t) && !t->short_adjoints && above->n && above->factor[0]->adjoint; /* a/b/c would not be clear */
    bool all_above = (below->n && !long_adjoint) || (folds && alone && above->n && something_follows); /* the symbols are above the line, too */
    bool line = q != 1 || down.n || below->n;
    size_t start = t->used;
    weft__text_put(t, line && tex(t) ? "\\frac{" : "");
    size_t inner = t->used;
    if (p != 1 || (alone && line && (!all_above || !above->n)) || (alone && !line && !above->n && !something_follows))
        weft__text_double(t, p);
    if (up.n) {
        put_space(t, inner);
        put_parts(t, &up, false);
    }
    if (all_above && above->n) {
        put_space(t, inner);
        put_parts(t, above, false);
    } else if (line && t->used == inner) {
        weft__text_double(t, 1);
    }
    if (line) {
        int count = (q != 1) + down.n + below->n;
        weft__text_put(t, tex(t) ? "}{" : count > 1 ? "/(" : "/");
        inner = t->used;
        if (q != 1)
            weft__text_double(t, q);
        if (down.n) {
            put_space(t, inner);
            put_parts(t, &down, true);
        }
        if (below->n) {
            put_space(t, inner);
            put_parts(t, below, true);
        }
        weft__text_put(t, tex(t) ? "}" : count > 1 ? ")" : "");
    }
    if (!all_above && above->n) {
        put_space(t, start);
        put_parts(t, above, false);
    }
}

/* The bound indices of a term that hang together with index `seed` through factors: a set of places. */
static unsigned component(const weft__term *t, int seed)
{
    unsigned set = 1u << seed, before = 0;
    while (set != before) {
        before = set;
        for (int i = 0; i < t->n; i++) {
            unsigned of_factor = 0;
            for (int k = 0; k < t->n_bound; k++)
                of_factor |= weft__factor_uses(t->factor[i], t->bound[k]) ? 1u << k : 0;
            set |= of_factor & set ? of_factor : 0;
        }
    }
    return set;
}

static void put_term(weft__text *t, const weft__term *term, double number);

/* sum over the indices of the set of the factors that use them; these are then free within. */
static void put_sum(weft__text *t, const weft__term *term, unsigned set)
{
    part inside = {.n = 0};
    weft__index index[WEFT__MOST_BOUND];
    int n = 0;
    for (int i = 0; i < term->n; i++) {
        bool uses = false;
        for (int k = 0; k < term->n_bound; k++)
            uses |= set >> k & 1 && weft__factor_uses(term->factor[i], term->bound[k]);
        if (uses)
            add_to(t, &inside, term->factor[i]);
    }
    for (int k = 0; k < term->n_bound; k++)
        if (set >> k & 1) {
            weft__text_give(t, term->bound[k]);
            index[n++] = (weft__index){term->bound[k], 1, 0};
        }
    weft__text_choose(t, "Σ", "sum", "\\sum");
    weft__text_indices(t, index, n < 2 * WEFT_MAX_RANK ? n : 2 * WEFT_MAX_RANK, NULL);
    weft__text_put(t, " ");
    const weft__term rest = {1, inside.n, 0, inside.factor, NULL};
    put_term(t, &rest, 1);
}

static void put_term(weft__text *t, const weft__term *term, double number)
{
    part lengths = {.n = 0}, above = {.n = 0}, below = {.n = 0}, groups = {.n = 0};
    unsigned summed = 0;
    for (int i = 0; i < term->n; i++) {
        const weft__factor *f = term->factor[i];
        bool bound = false;
        for (int k = 0; k < term->n_bound; k++)
            bound |= weft__factor_uses(f, term->bound[k]);
        if (bound)
            continue;
        bool negative = f->exponent < 0 && f->exponent == floor(f->exponent);
        add_to(t, f->kind == WEFT__LENGTH ? &lengths : negative ? &below : f->kind == WEFT__GROUP && f->exponent == 1 ? &groups : &above, f);
    }
    bool follows = groups.n || term->n_bound;
    size_t start = t->used;
    int before = t->n_lettered; /* sums of one term have letters of their own each, as they stand one behind the other */
    put_front(t, number, &lengths, &above, &below, follows);
    if (groups.n) {
        put_space(t, start);
        put_parts(t, &groups, false);
    }
    for (int k = 0; k < term->n_bound; k++)
        if (!(summed >> k & 1)) {
            unsigned set = component(term, k);
            put_space(t, start);
            put_sum(t, term, set);
            summed |= set;
        }
    t->n_lettered = before;
}

static bool is_epsilon(const weft__text *t, const weft__term *term)
{
    return t->book->has_epsilon && !term->n && !term->n_bound && term->number == t->book->epsilon;
}

static void put_formula(weft__text *t, const weft__formula *x)
{
    if (!x->n)
        weft__text_put(t, "0");
    for (int i = 0; i < x->n && t->book->status == WEFT_OK; i++) {
        const weft__term *term = x->term[i];
        bool negative = term->number < 0;
        if (i)
            weft__text_put(t, " ");
        if (negative)
            weft__text_choose(t, "−", "-", "-");
        else if (i)
            weft__text_put(t, "+");
        if (i)
            weft__text_put(t, " ");
        if (is_epsilon(t, term))
            weft__text_choose(t, "ε", "eps", "\\varepsilon");
        else
            put_term(t, term, fabs(term->number));
    }
}

void weft__text_formula(weft__text *t, const weft__formula *x)
{
    put_formula(t, x);
}

bool weft__defines_itself(const weft__formula *x, uint32_t node)
{
    return x->n == 1 && x->term[0]->n == 1 && x->term[0]->factor[0]->kind == WEFT__SYMBOL && x->term[0]->factor[0]->node == node;
}

/* The words of an op, ", axis=1", have letters, digits and signs only. */
void weft__text_call(weft__text *t, uint32_t node, const weft__index *index)
{
    const weft__node *n = weft__at(t->book->tape, node), *call = n->op->kind == WEFT_PART ? weft__at(t->book->tape, n->operand[0]) : n;
    char label[64], words[WEFT_MOST_WORDS] = "";
    double number;
    weft__text_put(t, tex(t) ? "\\operatorname{" : "");
    put_op_name(t, call->op->name);
    weft__text_put(t, tex(t) ? "}(" : "(");
    for (int i = 0; i < call->n; i++) {
        weft__text_put(t, i ? ", " : "");
        if (weft_node_scalar(weft__handle(t->book->tape, call->operand[i]), &number))
            weft__text_number(t, number);
        else
            weft__text_name(t, weft__book_label(t->book, call->operand[i], label));
    }
    if (call->op->words && call->n && !tex(t))
        call->op->words(call->attributes, &weft__book_shape(t->book, call->operand[0])->dims, words, sizeof words);
    bool brackets = words[0] == '[';
    weft__text_put(t, brackets ? ")" : words);
    weft__text_put(t, brackets ? words : ")");
    weft__text_indices(t, index, weft__book_shape(t->book, node)->dims.rank, &weft__book_shape(t->book, node)->dims);
}

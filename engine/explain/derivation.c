/* derivation.c: a derivation as on paper, from the tape: definitions, the chain rule with deltas, and the way to the closed form. It walks the quantities
 * of a book backwards, as weft_grad() walks nodes, and at each asks for the derivative of every quantity that reads it; what it writes down are lines,
 * which derivation_check.c then computes. */
#include "engine/explain/derivation.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_LINES = 2000, MOST_STEPS = 200, MOST_QUANTITIES = 300 };
enum { ASKED = 2 }; /* in on_way: an x itself */

typedef struct writer {
    weft__book *book;
    weft_derivation *d;
    const weft_derive_options *options;
    weft__line *line; /* (d->n) */
    size_t lines_allocated, checks_allocated;
    uint8_t *on_way;         /* (end): between an x and y */
    weft__adjoint *adjoint;  /* (end) */
    uint32_t *staged;        /* (end): ids of recorded adjoints */
    weft_notation plain;
} writer;

static weft_derivation_line *add_line(writer *w, weft_derivation_kind kind, uint32_t node)
{
    const weft_allocator *a = &w->book->tape->allocator;
    weft_derivation *d = w->d;
    if (d->n == MOST_LINES)
        weft__book_fail(w->book, WEFT_ERROR_ARGUMENT, "a derivation of more than %d lines", MOST_LINES);
    if (w->book->status == WEFT_OK && (!weft__grow(a, &d->line, &w->lines_allocated, d->n + 1, sizeof *d->line) ||
                                       !weft__grow(a, &w->line, &w->checks_allocated, d->n + 1, sizeof *w->line)))
        weft__book_fail(w->book, WEFT_ERROR_MEMORY, "out of memory");
    if (w->book->status != WEFT_OK)
        return NULL;
    d->line[d->n] = (weft_derivation_line){.kind = kind, .node = weft__handle(w->book->tape, node), .left = "", .left_tex = "", .right = "",
                                           .right_tex = "", .rule = "", .proof = "", .proof_tex = "", .about = "", .about_tex = ""};
    w->line[d->n] = (weft__line){.value = WEFT_NO_ID, .before = WEFT_NO_ID, .staged = WEFT_NO_ID};
    return &d->line[d->n++];
}

/* --- sides of a line as text --- */

typedef struct shown { /* one side */
    const weft__formula *formula;                    /* or else, of an array: */
    uint32_t node, of;                               /* of: below a derivative; WEFT_NO_ID: none */
    bool adjoint;
    const weft__index *index, *of_index;
    const weft__index *lettered; /* (n_lettered): these have their letters everywhere in the line */
    int n_lettered;
    bool short_adjoints;
} shown;

static const char *show(writer *w, const shown *s, weft_notation notation)
{
    weft__text t;
    weft__text_start(&t, w->book, notation, s->short_adjoints);
    weft__text_free(&t, s->lettered, s->n_lettered);
    if (s->formula)
        weft__text_formula(&t, s->formula);
    else if (s->of != WEFT_NO_ID)
        weft__text_jacobian(&t, s->node, s->index, s->of, s->of_index);
    else
        weft__text_symbol(&t, s->node, s->adjoint, s->index);
    return w->book->status == WEFT_OK ? t.text : "";
}

static void put_left(writer *w, weft_derivation_line *line, const shown *s)
{
    if (!line)
        return;
    line->left = show(w, s, w->plain);
    line->left_tex = show(w, s, WEFT_NOTATION_TEX);
}

static void put_right(writer *w, weft_derivation_line *line, const shown *s)
{
    if (!line)
        return;
    line->right = show(w, s, w->plain);
    line->right_tex = show(w, s, WEFT_NOTATION_TEX);
}

static int rank_of(const writer *w, uint32_t node)
{
    return weft__book_shape(w->book, node)->dims.rank;
}

/* --- definitions --- */

static const char *show_call(writer *w, uint32_t node, const weft__index *index, weft_notation notation)
{
    weft__text t;
    weft__text_start(&t, w->book, notation, false);
    weft__text_call(&t, node, index);
    return w->book->status == WEFT_OK ? t.text : "";
}

static void define(writer *w, uint32_t node)
{
    weft__index index[WEFT_MAX_RANK];
    weft__book_indices(w->book, node, true, index);
    const weft__formula *x = weft__definition(w->book, node, index);
    weft_derivation_line *line = add_line(w, WEFT_DERIVATION_DEFINITION, node);
    put_left(w, line, &(shown){.node = node, .of = WEFT_NO_ID, .index = index});
    if (!weft__defines_itself(x, node)) {
        put_right(w, line, &(shown){.formula = x});
    } else if (line) {
        line->right = show_call(w, node, index, w->plain);
        line->right_tex = show_call(w, node, index, WEFT_NOTATION_TEX);
    }
}

/* --- the chain rule --- */

static int bound_ids(const weft__index *index, int rank, int32_t *id)
{
    int n = 0;
    for (int i = 0; i < rank; i++)
        if (index[i].id >= 0)
            id[n++] = index[i].id;
    return n;
}

typedef struct consumer {
    uint32_t node;
    weft__index at[WEFT_MAX_RANK];
    const weft__formula *local;
} consumer;

/* sum over at of dL/d consumer times what is given. */
static const weft__formula *arriving(writer *w, const consumer *c, const weft__formula *factor)
{
    int32_t bound[WEFT_MAX_RANK];
    int n = bound_ids(c->at, rank_of(w, c->node), bound);
    const weft__formula *product = weft__formula_multiply(w->book, weft__formula_symbol(w->book, c->node, true, c->at), factor);
    return weft__formula_sum(w->book, product, bound, n);
}

static const weft__formula *jacobian(writer *w, const consumer *c, uint32_t x, const weft__index *by)
{
    weft__factor f = {.kind = WEFT__JACOBIAN, .exponent = 1, .node = c->node, .of = x, .n = rank_of(w, c->node), .n_of = rank_of(w, x)};
    memcpy(f.index, c->at, (size_t)f.n * sizeof *f.index);
    memcpy(f.index + f.n, by, (size_t)f.n_of * sizeof *f.index);
    /* axes of length 1 have no index to show, and none is needed: shapes tell */
    return weft__formula_factor(w->book, &f);
}

static void local_line(writer *w, const consumer *c, uint32_t x, const weft__index *by)
{
    int n = rank_of(w, c->node);
    weft_derivation_line *line = add_line(w, WEFT_DERIVATION_LOCAL, x);
    put_left(w, line, &(shown){.node = c->node, .of = x, .index = c->at, .of_index = by, .lettered = c->at, .n_lettered = n});
    put_right(w, line, &(shown){.formula = c->local, .lettered = c->at, .n_lettered = n});
}

static void chain(writer *w, uint32_t x)
{
    weft__book *b = w->book;
    weft__adjoint *a = &w->adjoint[x];
    const weft__formula *before = weft__formula_zero(), *inserted = before;
    size_t first = w->d->n;
    bool only_loss = true;
    weft__book_indices(b, x, true, a->by);
    weft_derivation_line *line = add_line(w, WEFT_DERIVATION_CHAIN, x);
    const shown left = {.node = x, .of = WEFT_NO_ID, .adjoint = true, .index = a->by};
    put_left(w, line, &left);
    for (uint32_t id = b->end; id-- > x + 1 && b->status == WEFT_OK;) { /* the last one first: it is the direct way */
        consumer c = {.node = id};
        if (!w->on_way[id] || (id != b->y.id && (!w->adjoint[id].formula || !w->adjoint[id].formula->n)))
            continue;
        weft__book_indices(b, id, false, c.at);
        c.local = weft__derivative(b, id, c.at, x, a->by);
        if (!c.local->n)
            continue;
        only_loss &= b->loss && id == b->y.id;
        before = weft__formula_add(b, before, arriving(w, &c, jacobian(w, &c, x, a->by)), 1);
        inserted = weft__formula_add(b, inserted, arriving(w, &c, c.local), 1);
        local_line(w, &c, x, a->by);
    }
    const weft__formula *contracted = weft__formula_collect(b, weft__formula_contract(b, weft__formula_distribute(b, inserted)));
    a->formula = contracted;
    if (b->status != WEFT_OK)
        return;
    if (!before->n && w->on_way[x] != ASKED) { /* nothing comes back to it */
        w->d->n = first;
        return;
    }
    if (only_loss) { /* the chain has one link, and the adjoint of y is 1 */
        w->d->n = first;
        line = add_line(w, WEFT_DERIVATION_ADJOINT, x);
        put_left(w, line, &left);
    } else {
        put_right(w, &w->d->line[first], &(shown){.formula = before});
        const char *one = show(w, &(shown){.formula = inserted}, w->plain), *other = show(w, &(shown){.formula = contracted}, w->plain);
        if (strcmp(one, other))
            put_right(w, add_line(w, WEFT_DERIVATION_INSERTED, x), &(shown){.formula = inserted});
        line = add_line(w, WEFT_DERIVATION_ADJOINT, x);
    }
    put_right(w, line, &(shown){.formula = contracted});
    if (line)
        w->line[w->d->n - 1] = (weft__line){.formula = contracted, .index = a->by, .value = WEFT_NO_ID, .before = WEFT_NO_ID, .staged = w->staged[x]};
}

/* --- to the closed form --- */

/* A definition that is better read than its name: a root, as rstd = (sigma2 + eps)**(-1/2), so that the formula is as it is known; and a sum without a
 * name of its own. */
static bool is_for_writing_out(const writer *w, uint32_t node, const weft__formula *x)
{
    const weft__node *n = weft__at(w->book->tape, node);
    if (x->n > 1) {
        bool short_one = (!n->name || !*n->name) && x->n <= 3;
        for (int i = 0; i < x->n; i++)
            short_one &= !x->term[i]->n_bound && x->term[i]->n <= 2;
        return short_one;
    }
    const weft__factor *f = x->n == 1 && x->term[0]->n == 1 && !x->term[0]->n_bound && x->term[0]->number == 1 ? x->term[0]->factor[0] : NULL;
    return f && f->kind == WEFT__GROUP && f->exponent != floor(f->exponent);
}

static const weft__formula *write_out(writer *w, const weft__formula *x, uint32_t *node)
{
    weft__book *b = w->book;
    const weft__term *t = x->n == 1 ? x->term[0] : NULL;
    for (int i = 0; t && i < t->n && b->status == WEFT_OK; i++) {
        const weft__factor *f = t->factor[i], *rest[WEFT__MOST_FACTORS];
        if (f->kind != WEFT__SYMBOL || f->adjoint || !weft__at(b->tape, f->node)->n || f->node == b->y.id)
            continue;
        const weft__formula *definition = weft__definition(b, f->node, f->index);
        if (!is_for_writing_out(w, f->node, definition))
            continue;
        int n = 0;
        for (int k = 0; k < t->n; k++)
            if (k != i)
                rest[n++] = t->factor[k];
        *node = f->node;
        const weft__formula *others = weft__formula_of_term(b, weft__term_make(b, t->number, rest, n, t->bound, t->n_bound));
        return weft__formula_multiply(b, others, weft__formula_power(b, definition, f->exponent));
    }
    return NULL;
}

static void step_line(writer *w, uint32_t x, const char *rule, const char *const *proof, const weft__rule_use *use, uint32_t before)
{
    weft__book *b = w->book;
    const weft__adjoint *a = &w->adjoint[x];
    weft_derivation_line *line = add_line(w, WEFT_DERIVATION_STEP, x);
    put_right(w, line, &(shown){.formula = use->after, .short_adjoints = true});
    if (!line)
        return;
    line->rule = rule;
    line->proof = proof[w->plain];
    line->proof_tex = proof[WEFT_NOTATION_TEX];
    shown about = {.formula = use->about, .short_adjoints = true};
    weft__index index[WEFT_MAX_RANK];
    if (!use->about && use->node != WEFT_NO_ID) {
        weft__book_indices(b, use->node, true, index);
        bool adjoint = !strcmp(rule, "insert the adjoint");
        about = (shown){.node = use->node, .of = WEFT_NO_ID, .adjoint = adjoint, .index = index, .short_adjoints = true};
    }
    if (use->about || use->node != WEFT_NO_ID) {
        line->about = show(w, &about, w->plain);
        line->about_tex = show(w, &about, WEFT_NOTATION_TEX);
    }
    w->line[w->d->n - 1] = (weft__line){.formula = use->after, .index = a->by, .value = WEFT_NO_ID, .before = before, .staged = w->staged[x]};
}

static bool apply_one(writer *w, uint32_t x, const weft__formula **formula)
{
    weft__book *b = w->book;
    for (size_t i = 0; i < weft__paper_rule_count && b->status == WEFT_OK; i++) {
        weft__rule_use use = {.node = WEFT_NO_ID};
        if (!weft__paper_rules[i].apply(b, w->adjoint, *formula, &use) || b->status != WEFT_OK)
            continue;
        step_line(w, x, weft__paper_rules[i].name, weft__paper_rules[i].proof, &use, (uint32_t)(w->d->n - 1));
        *formula = use.after;
        return i + 1 < weft__paper_rule_count; /* what has been taken out stays out */
    }
    return false;
}

static void close_form(writer *w, uint32_t x)
{
    weft__book *b = w->book;
    const weft__adjoint *a = &w->adjoint[x];
    const weft__formula *formula = a->formula;
    weft_derivation_line *line = add_line(w, WEFT_DERIVATION_START, x);
    put_left(w, line, &(shown){.node = x, .of = WEFT_NO_ID, .adjoint = true, .index = a->by, .short_adjoints = true});
    put_right(w, line, &(shown){.formula = formula, .short_adjoints = true});
    if (!line)
        return;
    w->line[w->d->n - 1] = (weft__line){.formula = formula, .index = a->by, .value = WEFT_NO_ID, .before = WEFT_NO_ID, .staged = w->staged[x]};
    for (uint32_t id = 0; id < b->end; id++) {
        const weft__node *node = weft__at(b->tape, id);
        w->adjoint[id].on_way = id == x;
        for (int i = 0; i < node->n; i++)
            w->adjoint[id].on_way |= w->adjoint[node->operand[i]].on_way;
    }
    int steps = 0;
    while (steps++ < MOST_STEPS && apply_one(w, x, &formula))
        continue;
    static const char *const definition[] = {"its definition", "its definition", "its definition"};
    for (int more = 0; more < MOST_STEPS && b->status == WEFT_OK; more++) {
        weft__rule_use use = {.node = WEFT_NO_ID};
        use.after = write_out(w, formula, &use.node);
        if (!use.after || b->status != WEFT_OK)
            break;
        step_line(w, x, "write out", definition, &use, (uint32_t)(w->d->n - 1));
        formula = use.after;
    }
}

/* --- what lies between --- */

static void find_way(writer *w, const weft_node *x, size_t n)
{
    weft__book *b = w->book;
    for (size_t i = 0; i < n; i++)
        w->on_way[x[i].id] = 1;
    for (uint32_t id = 0; id < b->end; id++) {
        const weft__node *node = weft__at(b->tape, id);
        if (node->op->flags & WEFT_ZERO_DERIVATIVE || node->dtype == WEFT_I64)
            continue;
        for (int i = 0; i < node->n; i++)
            w->on_way[id] |= w->on_way[node->operand[i]] != 0;
    }
    for (uint32_t id = 0; id < b->end; id++)
        w->on_way[id] = w->on_way[id] && b->quantity[id];
    for (size_t i = 0; i < n; i++)
        w->on_way[x[i].id] = ASKED;
}

static weft_status record_adjoints(writer *w, weft_node dy)
{
    weft__book *b = w->book;
    const weft_allocator *a = &b->tape->allocator;
    weft_node *x = weft__allocate(a, 2 * b->end * sizeof *x), *dx = x ? x + b->end : NULL;
    size_t n = 0;
    if (!x)
        return weft__book_fail(b, WEFT_ERROR_MEMORY, "out of memory");
    for (uint32_t id = 0; id < b->end; id++)
        if (w->on_way[id])
            x[n++] = weft__handle(b->tape, id);
    if (weft_vjp(&b->y, &dy, 1, x, n, dx) != WEFT_OK)
        weft__book_fail(b, weft_tape_status(b->tape), "%s", weft_tape_message(b->tape));
    for (uint32_t id = 0; id < b->end; id++)
        w->staged[id] = WEFT_NO_ID;
    for (size_t i = 0; i < n && b->status == WEFT_OK; i++)
        w->staged[x[i].id] = dx[i].id;
    weft__release(a, x, 2 * b->end * sizeof *x);
    return b->status;
}

static void write_all(writer *w, const weft_node *x, size_t n)
{
    weft__book *b = w->book;
    for (uint32_t id = 0; id < b->end && b->status == WEFT_OK; id++)
        if (b->quantity[id] && weft__at(b->tape, id)->n)
            define(w, id);
    for (uint32_t id = b->y.id; id-- > 0 && b->status == WEFT_OK;)
        if (w->on_way[id])
            chain(w, id);
    for (size_t i = 0; i < n && b->status == WEFT_OK; i++)
        if (x[i].id != b->y.id)
            close_form(w, x[i].id);
}

static void write_legend(writer *w)
{
    weft__book *b = w->book;
    weft_derivation *d = w->d;
    size_t n = b->n_lengths + b->has_epsilon;
    weft_derivation_symbol *s = d->symbol = weft__allocate(&b->tape->allocator, (n + 1) * sizeof *s);
    if (!s) {
        weft__book_fail(b, WEFT_ERROR_MEMORY, "out of memory");
        return;
    }
    for (size_t i = 0; i < b->n_lengths; i++) {
        char *letter = weft__arena_take(&b->arena, 2);
        if (!letter) {
            weft__book_fail(b, WEFT_ERROR_MEMORY, "out of memory");
            return;
        }
        letter[0] = b->length[i].letter;
        letter[1] = 0;
        s[d->n_symbols++] = (weft_derivation_symbol){letter, letter, (double)b->length[i].value};
    }
    if (b->has_epsilon)
        s[d->n_symbols++] = (weft_derivation_symbol){w->plain == WEFT_NOTATION_PLAIN ? "ε" : "eps", "\\varepsilon", b->epsilon};
}

/* --- the call --- */

static weft_status check_arguments(weft__book *b, weft_node dy, const weft_node *x, size_t n)
{
    size_t quantities = 0;
    for (uint32_t id = 0; id < b->end; id++)
        quantities += b->quantity[id];
    if (quantities > MOST_QUANTITIES)
        return weft__book_fail(b, WEFT_ERROR_ARGUMENT, "%zu arrays have letters, and a derivation is for at most %d; derive a part of the expression",
                               quantities, MOST_QUANTITIES);
    if (weft_node_dtype(b->y) != WEFT_F64)
        return weft__book_fail(b, WEFT_ERROR_DTYPE, "y must be f64; lines are compared to the last digits");
    if (!n || !x)
        return weft__book_fail(b, WEFT_ERROR_ARGUMENT, "there is no node to derive with respect to");
    for (size_t i = 0; i < n; i++) {
        const weft__node *node = weft__look(x[i]);
        if (!node || x[i].tape != b->tape)
            return weft__book_fail(b, WEFT_ERROR_ARGUMENT, "x[%zu] is no node of the tape of y", i);
        if (node->dtype == WEFT_I64)
            return weft__book_fail(b, WEFT_ERROR_DTYPE, "\"%.60s\" holds integers, and nothing is derived by those", node->name ? node->name : "");
        if (x[i].id >= b->end || (!b->quantity[x[i].id] && !weft__is_needed_by_book(b, x[i].id)))
            return weft__book_fail(b, WEFT_ERROR_GRADIENT, "no way leads from \"%.60s\" to the result", node->name ? node->name : "");
        b->quantity[x[i].id] = 1;
    }
    if (dy.tape && (!weft__look(dy) || weft__look(dy)->shape != weft__look(b->y)->shape))
        return weft__book_fail(b, WEFT_ERROR_SHAPE, "dy must have the shape of y");
    return WEFT_OK;
}

/* A cotangent with numbers of its own, drawn evenly from -1 to 1. */
static weft_node draw_cotangent(writer *w, weft_binding *bind, double **data)
{
    weft__book *b = w->book;
    weft_shape shape = weft_node_shape(b->y);
    size_t count = weft_shape_count(&shape);
    uint64_t state = w->options->seed + 0x9e3779b97f4a7c15u;
    *data = weft__allocate(&b->tape->allocator, count * sizeof **data + 1);
    for (size_t i = 0; i < count && *data; i++) { /* splitmix64 */
        uint64_t z = state += 0x9e3779b97f4a7c15u;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        (*data)[i] = (double)((z ^ (z >> 31)) >> 11) * 0x1p-52 - 1;
    }
    weft_node dy = weft_input(b->tape, "", WEFT_F64, shape.rank, shape.dim);
    if (!*data || weft_node_failed(dy))
        weft__book_fail(b, WEFT_ERROR_MEMORY, "out of memory");
    *bind = (weft_binding){dy, *data, count * sizeof **data};
    return dy;
}

static void derive(writer *w, weft_node dy, const weft_node *x, size_t n)
{
    weft__book *b = w->book;
    const weft_allocator *a = &b->tape->allocator;
    size_t n_bind = w->options->n_bind;
    double *drawn = NULL;
    weft_binding *bind = weft__allocate(a, (n_bind + 1) * sizeof *bind);
    w->on_way = weft__arena_take(&b->arena, b->end);
    w->adjoint = weft__arena_take(&b->arena, b->end * sizeof *w->adjoint);
    w->staged = weft__arena_take(&b->arena, b->end * sizeof *w->staged);
    if (!bind || !w->on_way || !w->adjoint || !w->staged) {
        weft__book_fail(b, WEFT_ERROR_MEMORY, "out of memory");
    } else {
        memset(w->on_way, 0, b->end);
        memset(w->adjoint, 0, b->end * sizeof *w->adjoint);
        if (n_bind)
            memcpy(bind, w->options->bind, n_bind * sizeof *bind);
        if (b->loss)
            dy = weft_full_like(b->y, 1);
        else if (!dy.tape)
            dy = draw_cotangent(w, &bind[n_bind++], &drawn);
        find_way(w, x, n);
        if (b->status == WEFT_OK && record_adjoints(w, dy) == WEFT_OK)
            write_all(w, x, n);
        if (b->status == WEFT_OK)
            weft__check_lines(b, w->d, w->line, w->staged, bind, n_bind, w->options);
        if (b->status == WEFT_OK)
            write_legend(w);
    }
    weft_shape shape = weft_node_shape(b->y);
    weft__release(a, drawn, weft_shape_count(&shape) * sizeof *drawn + 1);
    weft__release(a, bind, (w->options->n_bind + 1) * sizeof *bind);
}

weft_status weft_derive(weft_node y, weft_node dy, const weft_node *x, size_t n, const weft_derive_options *options, weft_derivation *d)
{
    static const weft_derive_options defaults = {0};
    memset(d, 0, sizeof *d);
    if (!y.tape || weft_tape_status(y.tape) != WEFT_OK || !weft__look(y)) {
        snprintf(d->message, sizeof d->message, "y is no node of a tape without an error");
        return y.tape && weft_tape_status(y.tape) != WEFT_OK ? weft_tape_status(y.tape) : WEFT_ERROR_ARGUMENT;
    }
    weft_mark mark = weft_tape_mark(y.tape);
    weft__book *b = weft__allocate(&y.tape->allocator, sizeof *b);
    if (!b) {
        snprintf(d->message, sizeof d->message, "out of memory");
        return WEFT_ERROR_MEMORY;
    }
    d->book = b;
    writer w = {.book = b, .d = d, .options = options ? options : &defaults};
    w.plain = w.options->ascii ? WEFT_NOTATION_ASCII : WEFT_NOTATION_PLAIN;
    if (weft__book_open(b, y) && check_arguments(b, dy, x, n) == WEFT_OK)
        derive(&w, dy, x, n);
    weft_status status = b->status;
    snprintf(d->message, sizeof d->message, "%s", b->message);
    d->lines_allocated = w.lines_allocated;
    weft__release(&y.tape->allocator, w.line, w.checks_allocated * sizeof *w.line);
    weft_tape_rewind(y.tape, mark);
    if (status != WEFT_OK)
        d->n = d->n_symbols = 0;
    return status;
}

void weft_derivation_free(weft_derivation *d)
{
    weft__book *b = d ? d->book : NULL;
    if (!b)
        return;
    weft_allocator a = b->arena.allocator;
    weft__release(&a, d->line, d->lines_allocated * sizeof *d->line);
    weft__release(&a, d->symbol, (b->n_lengths + b->has_epsilon + 1) * sizeof *d->symbol);
    weft__book_close(b);
    weft__release(&a, b, sizeof *b);
    memset(d, 0, sizeof *d);
}

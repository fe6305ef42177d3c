/* expression.c: a node as one line of infix text over named nodes and leaves: "(h - mu) * rstd".
 *
 * What an op looks like comes from its fields infix, precedence and words; the rest prints as name(x, ...), reductions with their axes in NumPy's
 * words and a further output of an op with several as name(x, ...)[1]. A view that only does what NumPy's broadcasting rule would do by
 * itself to the operand of an elementwise op is left out; in sum(broadcast(x), axis=0) it has to stay.
 * Grouping follows Python: ** binds more tightly than a sign, operators of one precedence group from the left. Parentheses are kept where
 * regrouping would be exact on paper only: a + (b + c) is not (a + b) + c.
 *
 * Who prints with labels says himself where the text ends: a node that has a label is that label, and every other node is written out.
 *
 * The graph may share nodes, so its text could be exponentially longer than its tape, and its depth that of the tape. Both are bounded:
 * below MAX_DEPTH, and once MAX_TERMS ops have been written out, "..." stands for an operand. */
#include "engine/text/print.h"

#include <string.h>

enum { MAX_DEPTH = 24, MAX_TERMS = 512 };
enum { LOOSEST = 0, SIGN = 3, TIGHTEST = 5 }; /* among weft_op's precedences, 1 to 4 */

typedef struct expression {
    weft__printer out;
    const weft_tape *tape;
    const weft__labels *labels; /* NULL: the names on the tape */
    bool covered; /* by an array of full shape, through elementwise ops all the way */
    int terms; /* left to write */
} expression;

static void print_text(expression *e, const char *text)
{
    weft__print(&e->out, text, strlen(text));
}

/* What the node is called in place of being written out; NULL: nothing. */
static const char *called(const expression *e, uint32_t id)
{
    const weft__node *node = weft__at(e->tape, id);
    if (e->labels)
        return e->labels->of(e->labels->context, id);
    return weft__has_name(node) ? node->name : NULL;
}

/* True when NumPy's rule would make shape y of an operand of shape x. */
static bool broadcasts_to(const weft__shape *x, const weft__shape *y)
{
    int shift = y->dims.rank - x->dims.rank;
    for (int i = 0; shift >= 0 && i < x->dims.rank; i++)
        if (x->dims.dim[i] != 1 && x->dims.dim[i] != y->dims.dim[i + shift])
            return false;
    return shift >= 0 && x != y;
}

/* The node behind node id and any views that only broadcast it. */
static uint32_t see_through(const expression *e, uint32_t id)
{
    for (;;) {
        const weft__node *node = weft__at(e->tape, id);
        if (called(e, id) || node->op->kind != WEFT_VIEW || node->n != 1 ||
            !broadcasts_to(weft__at(e->tape, node->operand[0])->shape, node->shape))
            return id;
        id = node->operand[0];
    }
}

/* True when the operands behind the views broadcast to the shape of node again: to leave the views out does not change what is said. */
static bool views_may_go(const expression *e, const weft__node *node)
{
    const weft_shape *y = &node->shape->dims;
    int rank = 0;
    bool covered[WEFT_MAX_RANK] = {false};
    if (node->op->kind != WEFT_ELEMENTWISE || e->covered)
        return e->covered;
    for (int k = 0; k < node->n; k++) {
        const weft__shape *shape = weft__at(e->tape, see_through(e, node->operand[k]))->shape;
        const weft_shape *x = &shape->dims;
        if (shape != node->shape && !broadcasts_to(shape, node->shape))
            return false;
        rank = x->rank > rank ? x->rank : rank;
        for (int i = 0; i < x->rank; i++)
            covered[i + y->rank - x->rank] |= x->dim[i] == y->dim[i + y->rank - x->rank];
    }
    for (int i = 0; i < y->rank; i++)
        if (!covered[i])
            return false;
    return rank == y->rank;
}

static bool is_leaf(const weft__node *node)
{
    return node->op->kind == WEFT_INPUT || node->op->kind == WEFT_PARAMETER || node->op->kind == WEFT_CONSTANT;
}

static void print_leaf(expression *e, uint32_t id)
{
    const char *name = called(e, id);
    if (name)
        weft__print_name(&e->out, name);
    else if (!weft__print_constant(&e->out, weft__at(e->tape, id)))
        weft__printf(&e->out, "%%%u", id);
}

static void print_operand(expression *e, uint32_t id, int at_least, int depth);

/* Operands of the op's own precedence are parenthesised on the right, and on both sides from signs upwards. */
static void print_infix(expression *e, const weft__node *node, int depth)
{
    int own = node->op->precedence, next = 0;
    bool views_go = views_may_go(e, node);
    for (const char *text = node->op->infix; *text;) {
        if (text[0] == '%' && text[1] == 's' && next < node->n) {
            print_operand(e, views_go ? see_through(e, node->operand[next]) : node->operand[next],
                          next > 0 || own >= SIGN ? own + 1 : own, depth);
            next++;
            text += 2;
        } else {
            weft__print(&e->out, text++, 1);
        }
    }
}

/* ", axis=0", ", axis=(0, 2), keepdims=1"; nothing for a sum over all axes, which is NumPy's default. */
static void print_axes(expression *e, const weft__node *node)
{
    const weft_reduction *reduction = node->attributes;
    int rank = weft__at(e->tape, node->operand[0])->shape->dims.rank, n = 0, written = 0;
    for (int i = 0; i < rank; i++)
        n += reduction->axes & WEFT_AXIS(i) ? 1 : 0;
    if (n != rank) {
        print_text(e, n == 1 ? ", axis=" : ", axis=(");
        for (int i = 0; i < rank; i++)
            if (reduction->axes & WEFT_AXIS(i))
                weft__printf(&e->out, written++ ? ", %d" : "%d", i);
        print_text(e, n == 1 ? "" : ")");
    }
    if (reduction->keepdims)
        print_text(e, ", keepdims=1");
}

/* Words in brackets stand behind an operand that nothing needs to hold together: x[1:3]. */
static bool has_brackets(const weft__node *node, const weft_shape *x)
{
    char text[WEFT_MOST_WORDS] = "";
    if (node->op->words && node->n == 1)
        node->op->words(node->attributes, x, text, sizeof text);
    return text[0] == '[';
}

static void print_call(expression *e, const weft__node *node, int depth)
{
    bool views_go = views_may_go(e, node);
    const weft_shape *x = &weft__at(e->tape, node->operand[0])->shape->dims;
    if (has_brackets(node, x)) {
        print_operand(e, node->operand[0], TIGHTEST, depth);
        weft__print_words(&e->out, node, x, false);
        return;
    }
    bool tuple = node->op->flags & WEFT_FEWER_OPERANDS; /* any number of operands: concat((a, b)) */
    weft__print_name(&e->out, node->op->name);
    print_text(e, tuple ? "((" : "(");
    for (int i = 0; i < node->n; i++) {
        print_text(e, i ? ", " : "");
        print_operand(e, views_go ? see_through(e, node->operand[i]) : node->operand[i], LOOSEST, depth);
    }
    print_text(e, !tuple ? "" : node->n == 1 ? ",)" : ")");
    if (node->op->kind == WEFT_REDUCTION && node->op->attribute_size >= sizeof(weft_reduction))
        print_axes(e, node);
    else if (node->op->words)
        weft__print_words(&e->out, node, x, false);
    print_text(e, ")");
}

/* Writes node id out, whether it has a name or not. */
static void print_op(expression *e, uint32_t id, int at_least, int depth)
{
    const weft__node *node = weft__at(e->tape, id);
    uint32_t output = 0;
    if (node->op->kind == WEFT_PART) {
        output = *(const uint32_t *)node->attributes;
        node = weft__at(e->tape, node->operand[0]);
    }
    bool several = weft__output_count(node->op) > 1, infix = node->op->infix && !several;
    bool parentheses = infix && node->op->precedence < at_least, covered = e->covered;
    e->covered &= node->op->kind == WEFT_ELEMENTWISE;
    e->terms--;
    print_text(e, parentheses ? "(" : "");
    if (infix)
        print_infix(e, node, depth + 1);
    else
        print_call(e, node, depth + 1);
    if (several)
        weft__printf(&e->out, "[%u]", output);
    print_text(e, parentheses ? ")" : "");
    e->covered = covered;
}

static void print_operand(expression *e, uint32_t id, int at_least, int depth)
{
    const weft__node *node = weft__at(e->tape, id);
    const char *name = called(e, id);
    if (is_leaf(node) || name) {
        bool parentheses = (name ? e->labels && *name == '-' : weft__is_negative(node)) && SIGN < at_least;
        print_text(e, parentheses ? "(" : "");
        print_leaf(e, id);
        print_text(e, parentheses ? ")" : "");
    } else if (depth >= MAX_DEPTH || e->terms <= 0) {
        print_text(e, "...");
    } else {
        print_op(e, id, at_least, depth);
    }
}

static weft_status print_node(weft_writer writer, weft_node x, const weft__labels *labels, bool itself)
{
    weft_status status = weft__check_outputs(writer, &x, 1);
    if (status != WEFT_OK)
        return status;
    expression e = {.out = {.writer = writer}, .tape = x.tape, .labels = labels, .covered = labels && labels->covered, .terms = MAX_TERMS};
    if (itself)
        print_operand(&e, see_through(&e, x.id), LOOSEST, 0);
    else if (is_leaf(weft__look(x)))
        print_leaf(&e, x.id);
    else
        print_op(&e, x.id, LOOSEST, 0);
    return e.out.failed ? WEFT_ERROR_FILE : WEFT_OK;
}

weft_status weft_print_expression(weft_writer writer, weft_node x)
{
    return print_node(writer, x, NULL, false);
}

weft_status weft__print_labelled(weft_writer writer, weft_node x, const weft__labels *labels)
{
    return print_node(writer, x, labels, false);
}

weft_status weft__print_operand(weft_writer writer, weft_node x, const weft__labels *labels)
{
    return print_node(writer, x, labels, true);
}

/* parse.c: NumPy-flavoured text to nodes, by recursive descent with Python's grouping:
 *
 *     text        = line { newline or ";" line }            line  = [name "="] expression
 *     expression  = sum [("<" | "<=" | ">" | ">=" | "==" | "!=") sum]
 *     sum         = product {("+" | "-") product}            from the left
 *     product     = signed {("*" | "/" | "@") signed}        from the left
 *     signed      = ("+" | "-") signed | power
 *     power       = operand ["**" signed]                    from the right: -2**2 is -(2**2), 2**-1 is 2**(-1)
 *     operand     = number | name | name "(" arguments ")" | "(" expression ")" | tuple, with ".T" or "[indices]" behind it
 *
 * Numbers stay numbers among themselves and are computed in f64 by the kernels of the ops; where one meets a node, it becomes a constant of the
 * node's number type. The recursion passes through `signed` at each level, where it is counted. What functions there are, the catalogue says; what
 * a sign stands for, the ops do, by their infix text. After an error the tape is as it was before. */
#define _POSIX_C_SOURCE 200809L /* strnlen */
#include "engine/text/parse.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *weft__parse_kind(const value *v)
{
    static const char *const kinds[] = {[VALUE_NODE] = "an array", [VALUE_NUMBER] = "a number", [VALUE_TUPLE] = "a tuple", [VALUE_WORD] = "a string",
                                        [VALUE_NONE] = "None"};
    return kinds[v->kind];
}

/* --- nodes --- */

bool weft__parse_recorded(parser *p, const char *at)
{
    if (p->tape->status == WEFT_ERROR_MEMORY)
        return weft__parse_memory(p);
    if (p->tape->status != WEFT_OK)
        return weft__parse_fail(p, at, p->tape->status, "%s", p->tape->message);
    if (p->tape->count - p->first_node > PARSE_MOST_NODES)
        return weft__parse_fail(p, at, WEFT_ERROR_SYNTAX, "the expression has more than %d nodes", PARSE_MOST_NODES);
    return true;
}

bool weft__parse_node(parser *p, const value *v, weft_node like, weft_node *x)
{
    if (v->kind == VALUE_NODE) {
        *x = v->node;
        return true;
    }
    if (v->kind != VALUE_NUMBER)
        return weft__parse_fail(p, v->at, WEFT_ERROR_SYNTAX, "expected an array or a number; this is %s", weft__parse_kind(v));
    *x = weft_scalar(p->tape, weft_node_failed(like) ? p->dtype : weft_node_dtype(like), v->number);
    return weft__parse_recorded(p, v->at);
}

static void fold(const weft_op *op, const value *x, int n, value *y)
{
    const void *operand[3] = {&x[0].number, &x[n > 1 ? 1 : 0].number, &x[n > 2 ? 2 : 0].number};
    const ptrdiff_t stride[3] = {0, 0, 0};
    *y = (value){.kind = VALUE_NUMBER};
    op->map[1](1, &y->number, operand, stride);
}

bool weft__parse_operator(parser *p, const char *at, const weft_function *f, const value *x, int n, value *y)
{
    weft_argument arguments[3];
    weft_node like = weft__failed(p->tape);
    const char *start = x[0].at < at ? x[0].at : at;
    bool numbers = true;
    memset(arguments, 0, sizeof arguments);
    for (int i = 0; i < n; i++) {
        numbers &= x[i].kind == VALUE_NUMBER;
        if (x[i].kind == VALUE_NODE && weft_node_failed(like))
            like = x[i].node;
    }
    if (numbers && f->op && !f->call && f->op->kind == WEFT_ELEMENTWISE) {
        fold(f->op, x, n, y);
    } else {
        for (int i = 0; i < n; i++)
            if (!weft__parse_node(p, &x[i], like, &arguments[i].node))
                return false;
        *y = (value){.node = weft_function_call(f, arguments)};
        if (!weft__parse_recorded(p, at))
            return false;
    }
    y->at = start;
    return true;
}

/* x[0] sign x[1], or sign x[0]. whole: of whole numbers it is one. */
static bool operate(parser *p, token sign, const value *x, int n, bool whole, value *y)
{
    char text[4] = {0};
    weft_function f;
    memcpy(text, sign.text, sign.length);
    if (!weft_function_of_operator(text, n, &f))
        return weft__parse_fail(p, sign.text, WEFT_ERROR_SYNTAX, "there is no operator %s here", text);
    if (!weft__parse_operator(p, sign.text, &f, x, n, y))
        return false;
    y->whole = y->kind == VALUE_NUMBER && whole && x[0].whole && x[n - 1].whole && fabs(y->number) < 0x1p53;
    return true;
}

static bool is_sign(const parser *p, const char *const *signs)
{
    for (; *signs; signs++)
        if (weft__parse_is(p, *signs))
            return true;
    return false;
}

/* --- the grammar --- */

static bool parse_signed(parser *p, value *v);

bool weft__parse_tuple(parser *p, const char *close, value *v, bool *comma)
{
    value item;
    const char *at = v->at;
    size_t n = 0, first = p->n_items, before = first;
    *comma = false;
    while (!weft__parse_is(p, close)) {
        if (n && !*comma)
            return weft__parse_expect(p, close, "or ','");
        if (!weft__parse_expression(p, &item))
            return false;
        if (item.kind != VALUE_TUPLE)
            p->n_items = before + n; /* tuples that the item was computed from are done with */
        else if (!n)
            first = p->n_items;
        if (p->n_items == PARSE_MOST_ITEMS)
            return weft__parse_fail(p, item.at, WEFT_ERROR_SYNTAX, "more than %d items of tuples", PARSE_MOST_ITEMS);
        if (!weft__grow(&p->tape->allocator, &p->items, &p->items_allocated, p->n_items + 1, sizeof *p->items))
            return weft__parse_memory(p);
        p->items[p->n_items++] = item;
        *comma = weft__parse_eat(p, ",");
        if (p->status != WEFT_OK)
            return false;
        if (item.kind == VALUE_TUPLE && (n || *comma))
            return weft__parse_fail(p, item.at, WEFT_ERROR_SYNTAX, "a tuple within a tuple");
        n++;
    }
    *v = (value){.kind = VALUE_TUPLE, .at = at, .first = first, .n = n};
    return true;
}

/* "(a)" is a, "(a,)" a tuple, and so are "()" and "[a]". */
static bool parse_bracket(parser *p, value *v)
{
    bool square = weft__parse_is(p, "["), comma;
    const char *at = p->token.text;
    v->at = at;
    p->open++;
    if (!weft__parse_next(p) || !weft__parse_tuple(p, square ? "]" : ")", v, &comma))
        return false;
    p->open--;
    if (!weft__parse_next(p))
        return false;
    if (!square && v->n == 1 && !comma) {
        *v = p->items[v->first];
        v->at = at;
    }
    return true;
}

static bool parse_named(parser *p, value *v)
{
    token name = p->token;
    if (!weft__parse_next(p))
        return false;
    if (weft__parse_is(p, "("))
        return weft__parse_call(p, name, v);
    if (weft__parse_is(p, ".") && ((name.length == 2 && !memcmp(name.text, "np", 2)) || (name.length == 5 && !memcmp(name.text, "numpy", 5))))
        return weft__parse_fail(p, name.text, WEFT_ERROR_SYNTAX, "functions belong to no module; write them alone, as in sum(x)");
    return weft__parse_name(p, name, v);
}

/* ".T" turns the axes round. */
static bool parse_attribute(parser *p, value *v)
{
    const char *at = p->token.text;
    weft_node x;
    if (!weft__parse_next(p))
        return false;
    if (p->token.kind != TOKEN_NAME || p->token.length != 1 || *p->token.text != 'T')
        return weft__parse_fail(p, p->token.text, WEFT_ERROR_SYNTAX, "behind '.' there is only T; functions are called with the array, as in sum(x)");
    if (!weft__parse_node(p, v, weft__failed(p->tape), &x))
        return false;
    *v = (value){.at = v->at, .node = weft_transpose(x, NULL)};
    return weft__parse_recorded(p, at) && weft__parse_next(p);
}

static bool parse_operand(parser *p, value *v)
{
    bool good;
    *v = (value){.at = p->token.text};
    if (p->token.kind == TOKEN_NUMBER) {
        *v = (value){.kind = VALUE_NUMBER, .at = p->token.text, .number = p->token.number, .whole = p->token.whole};
        good = weft__parse_next(p);
    } else if (p->token.kind == TOKEN_STRING) {
        *v = (value){.kind = VALUE_WORD, .at = p->token.text - 1, .word = p->token}; /* at its quote */
        good = weft__parse_next(p);
    } else if (p->token.kind == TOKEN_NAME) {
        good = parse_named(p, v);
    } else if (weft__parse_is(p, "(") || weft__parse_is(p, "[")) {
        good = parse_bracket(p, v);
    } else if (p->token.kind == TOKEN_SIGN) {
        good = weft__parse_fail(p, p->token.text, WEFT_ERROR_SYNTAX, "expected a number, a name or '(', and this is '%.*s'", (int)p->token.length,
                                p->token.text);
    } else {
        good = weft__parse_fail(p, p->token.text, WEFT_ERROR_SYNTAX, "expected a number, a name or '(', and the %s ends",
                                p->token.kind == TOKEN_END ? "text" : "line");
    }
    while (good && (weft__parse_is(p, ".") || weft__parse_is(p, "[")))
        good = weft__parse_is(p, ".") ? parse_attribute(p, v) : weft__parse_index(p, v);
    return good;
}

static bool parse_power(parser *p, value *v)
{
    value x[2];
    if (!parse_operand(p, &x[0]))
        return false;
    token sign = p->token;
    if (!weft__parse_is(p, "**")) {
        *v = x[0];
        return true;
    }
    return weft__parse_next(p) && parse_signed(p, &x[1]) && operate(p, sign, x, 2, x[1].number >= 0, v);
}

static bool parse_signed(parser *p, value *v)
{
    token sign = p->token;
    value x;
    if (p->depth == PARSE_MOST_DEPTH)
        return weft__parse_fail(p, sign.text, WEFT_ERROR_SYNTAX,
                                "deeper than %d levels of parentheses, signs and powers; give parts a name, as in a = ...", PARSE_MOST_DEPTH);
    p->depth++;
    bool minus = weft__parse_is(p, "-"), plus = weft__parse_is(p, "+"), good;
    if (!minus && !plus)
        good = parse_power(p, v);
    else if ((good = weft__parse_next(p) && parse_signed(p, &x)) && x.kind != VALUE_NODE && x.kind != VALUE_NUMBER)
        good = weft__parse_fail(p, sign.text, WEFT_ERROR_SYNTAX, "a sign before %s", weft__parse_kind(&x));
    else if (good && minus)
        good = operate(p, sign, &x, 1, true, v);
    else if (good)
        *v = x;
    if (good && (minus || plus))
        v->at = sign.text;
    p->depth--;
    return good;
}

static bool parse_product(parser *p, value *v)
{
    static const char *const signs[] = {"*", "/", "@", NULL};
    value x[2];
    bool good = parse_signed(p, v);
    while (good && is_sign(p, signs)) {
        token sign = p->token;
        x[0] = *v;
        good = weft__parse_next(p) && parse_signed(p, &x[1]) && operate(p, sign, x, 2, *sign.text == '*', v);
    }
    return good;
}

static bool parse_sum(parser *p, value *v)
{
    static const char *const signs[] = {"+", "-", NULL};
    value x[2];
    bool good = parse_product(p, v);
    while (good && is_sign(p, signs)) {
        token sign = p->token;
        x[0] = *v;
        good = weft__parse_next(p) && parse_product(p, &x[1]) && operate(p, sign, x, 2, true, v);
    }
    return good;
}

bool weft__parse_expression(parser *p, value *v)
{
    static const char *const signs[] = {"<", "<=", ">", ">=", "==", "!=", NULL};
    value x[2];
    if (!parse_sum(p, v) || !is_sign(p, signs))
        return p->status == WEFT_OK;
    token sign = p->token;
    x[0] = *v;
    if (!weft__parse_next(p) || !parse_sum(p, &x[1]) || !operate(p, sign, x, 2, false, v))
        return false;
    if (is_sign(p, signs))
        return weft__parse_fail(p, p->token.text, WEFT_ERROR_SYNTAX, "comparisons do not chain; write (a < b) * (b < c)");
    return true;
}

/* --- lines --- */

/* A node that this line recorded takes the name that it is assigned to. */
static bool assign(parser *p, token name, value *v, uint32_t before)
{
    char text[256];
    if (!weft__parse_assign(p, name, v))
        return false;
    if (v->kind == VALUE_NODE && v->node.id >= before) {
        snprintf(text, sizeof text, "%.*s", (int)name.length, name.text);
        v->node = weft_name(v->node, text);
    }
    return weft__parse_recorded(p, name.text);
}

static bool parse_line(parser *p, value *v)
{
    uint32_t before = p->tape->count;
    parser start = *p;
    token name = p->token;
    bool assigns = p->token.kind == TOKEN_NAME && weft__parse_next(p) && weft__parse_eat(p, "=");
    if (!assigns && p->status != WEFT_OK)
        return false;
    if (!assigns)
        *p = start;
    if (!weft__parse_expression(p, v))
        return false;
    if (p->token.kind != TOKEN_END && p->token.kind != TOKEN_LINE)
        return weft__parse_fail(p, p->token.text, WEFT_ERROR_SYNTAX,
                                weft__parse_is(p, "=")    ? "only a name can be assigned to, as in a = x + 1"
                                : weft__parse_is(p, "//") ? "there is no operator //"
                                : weft__parse_is(p, ")") || weft__parse_is(p, "]") ? "this bracket was never opened"
                                                          : "expected an operator such as *, or the end of the line");
    return !assigns || assign(p, name, v, before);
}

static bool parse_text(parser *p, weft_node *out)
{
    value v = {.at = NULL};
    if (!weft__parse_next(p))
        return false;
    while (p->token.kind != TOKEN_END)
        if (!(p->token.kind == TOKEN_LINE ? weft__parse_next(p) : parse_line(p, &v)))
            return false;
    if (!v.at)
        return weft__parse_fail(p, p->token.text, WEFT_ERROR_SYNTAX, "there is nothing to compute");
    if (v.kind != VALUE_NODE && v.kind != VALUE_NUMBER)
        return weft__parse_fail(p, v.at, WEFT_ERROR_SYNTAX, "the result must be an array; this is %s", weft__parse_kind(&v));
    return weft__parse_node(p, &v, weft__failed(p->tape), out);
}

static weft_status refuse(char *message, weft_status status, const char *text)
{
    if (message)
        snprintf(message, WEFT_MESSAGE_SIZE, "%s", text);
    return status;
}

weft_status weft_parse(weft_tape *tape, const char *text, const weft_binding_name *names, size_t n, weft_node *out, char *message)
{
    if (out)
        *out = weft__failed(tape);
    if (message)
        message[0] = 0;
    if (weft_tape_status(tape) != WEFT_OK)
        return refuse(message, weft_tape_status(tape), weft_tape_message(tape));
    if (!text || !out || (n && !names))
        return refuse(message, WEFT_ERROR_ARGUMENT, "expression: an argument is NULL");
    if (strnlen(text, PARSE_MOST_BYTES + 1) > PARSE_MOST_BYTES)
        return refuse(message, WEFT_ERROR_SYNTAX, "expression: the text is longer than 1 MiB");
    parser p = {
        .tape = tape, .text = text, .at = text, .bound = names, .n_bound = n, .dtype = WEFT_F64, .first_node = tape->count, .message = message};
    for (size_t i = n; i-- > 0;) {
        if (weft_node_failed(names[i].node) || names[i].node.tape != tape)
            return refuse(message, WEFT_ERROR_ARGUMENT, "expression: a name is bound to no node of this tape");
        if (weft_node_dtype(names[i].node) != WEFT_I64)
            p.dtype = weft_node_dtype(names[i].node);
    }
    weft_mark mark = weft_tape_mark(tape);
    if (!parse_text(&p, out)) {
        *out = weft__failed(tape);
        weft_tape_rewind(tape, mark);
    }
    weft__release(&tape->allocator, p.names, p.names_allocated * sizeof *p.names);
    weft__release(&tape->allocator, p.items, p.items_allocated * sizeof *p.items);
    weft__release(&tape->allocator, p.nodes, p.nodes_allocated * sizeof *p.nodes);
    return p.status;
}

/* parse_call.c: what stands between the parentheses of a call, and its way to the parameters of the function. Arguments are given by position or by
 * name, each once; numbers become constants where an array is wanted; axes count from either end. */
#include "engine/text/parse.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct call {
    weft_function function;
    token name;
    weft_formal formals[WEFT_MAX_ARGUMENTS];
    int n;
    value given[WEFT_MAX_ARGUMENTS]; /* at is NULL where there is none */
} call;

static bool same(weft_piece piece, const char *text, size_t length)
{
    return piece.length == length && !memcmp(piece.text, text, length);
}

/* "softmax(z, axis=-1)" */
static const char *usage(const call *c, char *text, size_t size)
{
    size_t used = (size_t)snprintf(text, size, "%s(", c->function.name);
    for (int i = 0; i < c->n && used + 48 < size; i++) {
        const weft_formal *f = &c->formals[i];
        used += (size_t)snprintf(text + used, size - used, "%s%.*s", i ? ", " : "", (int)f->name.length, f->name.text);
        if (f->otherwise.length)
            used += (size_t)snprintf(text + used, size - used, "=%.*s", (int)f->otherwise.length, f->otherwise.text);
    }
    snprintf(text + used, size - used, ")");
    return text;
}

/* --- reading --- */

/* Which of the words "one|two" it is; -1: none. */
static int word_among(weft_piece words, const char *text, size_t length)
{
    const char *at = words.text, *end = words.text + words.length;
    for (int i = 0; at < end; i++) {
        const char *bar = memchr(at, '|', (size_t)(end - at));
        size_t n = (size_t)((bar ? bar : end) - at);
        if (n == length && !memcmp(at, text, n))
            return i;
        at += n + 1;
    }
    return -1;
}

/* "mean|sum|none" as "mean, sum or none" */
static const char *list_words(weft_piece words, char *text, size_t size)
{
    size_t used = 0, bars = 0;
    for (size_t k = 0; k < words.length; k++)
        bars += words.text[k] == '|';
    for (size_t k = 0; k < words.length && used + 8 < size; k++)
        if (words.text[k] != '|')
            text[used++] = words.text[k];
        else
            used += (size_t)snprintf(text + used, size - used, --bars ? ", " : " or ");
    text[used] = 0;
    return text;
}

static bool no_such_word(parser *p, const call *c, int i, const char *at, token word)
{
    const weft_formal *f = &c->formals[i];
    char words[100], near[64];
    return weft__parse_fail(p, at, WEFT_ERROR_SYNTAX, "\"%.*s\" of %s must be %s, and is \"%.*s\"%s", (int)f->name.length, f->name.text,
                            c->function.name, list_words(f->words, words, sizeof words), (int)(word.length < 40 ? word.length : 40), word.text,
                            weft__parse_nearest_word(f->words, word, near, sizeof near));
}

/* A word stands with quotes or without. */
static bool read_argument(parser *p, call *c, int i)
{
    const weft_formal *f = &c->formals[i];
    if (f->kind == WEFT_ARGUMENT_WORD && p->token.kind == TOKEN_NAME) {
        if (word_among(f->words, p->token.text, p->token.length) >= 0) {
            c->given[i] = (value){.kind = VALUE_WORD, .at = p->token.text, .word = p->token};
            return weft__parse_next(p);
        }
        if (!weft__parse_is_value(p, p->token))
            return no_such_word(p, c, i, p->token.text, p->token);
    }
    return weft__parse_expression(p, &c->given[i]);
}

static int formal_called(const call *c, token name)
{
    for (int i = 0; i < c->n; i++)
        if (same(c->formals[i].name, name.text, name.length))
            return i;
    return -1;
}

static bool read_keyword(parser *p, call *c, token name)
{
    char text[200], near[64];
    int i = formal_called(c, name);
    if (i < 0)
        return weft__parse_fail(p, name.text, WEFT_ERROR_SYNTAX, "%s has no parameter \"%.*s\"%s; it is %s", c->function.name,
                                (int)(name.length < 40 ? name.length : 40), name.text,
                                weft__parse_nearest_formal(c->formals, c->n, name, near, sizeof near), usage(c, text, sizeof text));
    if (c->given[i].at)
        return weft__parse_fail(p, name.text, WEFT_ERROR_SYNTAX, "%s is given \"%.*s\" twice", c->function.name, (int)name.length, name.text);
    return read_argument(p, c, i);
}

/* True when the token is NAME and "=" follows; both are eaten then. */
static bool eat_keyword(parser *p, token *name)
{
    parser before = *p;
    *name = p->token;
    if (p->token.kind == TOKEN_NAME && weft__parse_next(p) && weft__parse_eat(p, "="))
        return true;
    if (p->status == before.status)
        *p = before;
    return false;
}

static bool read_arguments(parser *p, call *c)
{
    bool keywords = false, more = true;
    char text[200];
    for (int position = 0; !weft__parse_is(p, ")"); position++) {
        token name;
        const char *at = p->token.text;
        if (!more)
            return weft__parse_expect(p, ")", "behind the last argument, or ',' before another");
        if (eat_keyword(p, &name)) {
            keywords = true;
            if (!read_keyword(p, c, name))
                return false;
        } else if (p->status != WEFT_OK) {
            return false;
        } else if (keywords) {
            return weft__parse_fail(p, at, WEFT_ERROR_SYNTAX, "an argument without a name follows one with a name");
        } else if (position >= c->n) {
            return weft__parse_fail(p, at, WEFT_ERROR_SYNTAX, "too many arguments; it is %s", usage(c, text, sizeof text));
        } else if (!read_argument(p, c, position)) {
            return false;
        }
        more = weft__parse_eat(p, ",");
        if (p->status != WEFT_OK)
            return false;
    }
    return true;
}

/* --- values to arguments --- */

/* The first array among the arguments: numbers take its number type, axes its rank. */
static weft_node first_node(const parser *p, const call *c)
{
    for (int i = 0; i < c->n; i++) {
        const value *v = &c->given[i];
        if (v->at && v->kind == VALUE_NODE && weft_node_dtype(v->node) != WEFT_I64)
            return v->node;
        for (size_t k = 0; v->at && v->kind == VALUE_TUPLE && k < v->n; k++)
            if (p->items[v->first + k].kind == VALUE_NODE)
                return p->items[v->first + k].node;
    }
    return weft__failed(p->tape);
}

static bool expected(parser *p, const call *c, int i, const value *v, const char *what)
{
    const weft_piece *name = &c->formals[i].name;
    return weft__parse_fail(p, v->at, WEFT_ERROR_SYNTAX, "\"%.*s\" of %s must be %s; this is %s", (int)name->length, name->text, c->function.name,
                            what, weft__parse_kind(v));
}

static bool to_whole(parser *p, const call *c, int i, const value *v, ptrdiff_t *whole)
{
    if (v->kind != VALUE_NUMBER || !v->whole || fabs(v->number) > PARSE_MOST_WHOLE)
        return expected(p, c, i, v, v->kind == VALUE_NUMBER && fabs(v->number) > PARSE_MOST_WHOLE ? PARSE_MOST_WHOLE_TEXT : "a whole number");
    *whole = (ptrdiff_t)v->number;
    return true;
}

/* A number, or a tuple of them. */
static bool each_whole(parser *p, const call *c, int i, const value *v, weft_argument *a)
{
    size_t n = v->kind == VALUE_TUPLE ? v->n : 1;
    if (n > WEFT_MAX_RANK)
        return weft__parse_fail(p, v->at, WEFT_ERROR_SYNTAX, "a tuple of %zu; arrays have at most %d axes", n, WEFT_MAX_RANK);
    for (a->n = 0; a->n < n; a->n++)
        if (!to_whole(p, c, i, v->kind == VALUE_TUPLE ? &p->items[v->first + a->n] : v, &a->ints[a->n]))
            return false;
    return true;
}

static bool to_axes(parser *p, const call *c, int i, const value *v, weft_node of, weft_argument *a)
{
    ptrdiff_t rank = weft_node_shape(of).rank;
    if (!each_whole(p, c, i, v, a))
        return false;
    a->axes = 0;
    for (size_t k = 0; k < a->n; k++) {
        ptrdiff_t axis = a->ints[k] < 0 ? a->ints[k] + rank : a->ints[k];
        if (axis < 0 || axis >= rank)
            return weft__parse_fail(p, v->at, WEFT_ERROR_SHAPE, "axis %td, and the array has %td; they count from 0, or from the end as -1",
                                    a->ints[k], rank);
        if (a->axes & WEFT_AXIS(axis))
            return weft__parse_fail(p, v->at, WEFT_ERROR_SHAPE, "axis %td is named twice", a->ints[k]);
        a->axes |= WEFT_AXIS(axis);
    }
    return true;
}

/* The nodes of all tuples of one call share the parser's list; a function has one such parameter. */
static bool to_nodes(parser *p, const value *v, weft_node like, weft_argument *a)
{
    size_t n = v->kind == VALUE_TUPLE ? v->n : 1;
    if (!n)
        return weft__parse_fail(p, v->at, WEFT_ERROR_SYNTAX, "the tuple has no arrays; at least one is needed");
    if (!weft__grow(&p->tape->allocator, &p->nodes, &p->nodes_allocated, n + 1, sizeof *p->nodes))
        return weft__parse_memory(p);
    for (size_t k = 0; k < n; k++)
        if (!weft__parse_node(p, v->kind == VALUE_TUPLE ? &p->items[v->first + k] : v, like, &p->nodes[k]))
            return false;
    a->nodes = p->nodes;
    a->n = n;
    return true;
}

static bool to_argument(parser *p, const call *c, int i, const value *v, weft_node like, weft_argument *a)
{
    const weft_formal *f = &c->formals[i];
    ptrdiff_t whole;
    a->given = true;
    switch (f->kind) {
    case WEFT_ARGUMENT_NODE:
        return weft__parse_node(p, v, like, &a->node);
    case WEFT_ARGUMENT_NODES:
        return to_nodes(p, v, like, a);
    case WEFT_ARGUMENT_REAL:
        a->number = v->number;
        return v->kind == VALUE_NUMBER || expected(p, c, i, v, "a number");
    case WEFT_ARGUMENT_BOOL:
        a->number = v->number;
        return (v->kind == VALUE_NUMBER && (v->number == 0 || v->number == 1)) || expected(p, c, i, v, "0 or 1");
    case WEFT_ARGUMENT_INT:
        if (!to_whole(p, c, i, v, &whole) || fabs(v->number) > INT32_MAX)
            return expected(p, c, i, v, "a whole number that fits 32 bits");
        a->number = v->number;
        return true;
    case WEFT_ARGUMENT_AXES:
        return to_axes(p, c, i, v, like, a);
    case WEFT_ARGUMENT_INTS:
        return each_whole(p, c, i, v, a);
    case WEFT_ARGUMENT_WORD:
        break;
    }
    char words[100];
    if (v->kind != VALUE_WORD)
        return expected(p, c, i, v, list_words(f->words, words, sizeof words));
    int word = word_among(f->words, v->word.text, v->word.length);
    a->number = word;
    return word >= 0 || no_such_word(p, c, i, v->at, v->word);
}

static bool malformed(parser *p, const call *c)
{
    return weft__parse_fail(p, c->name.text, WEFT_ERROR_ARGUMENT, "the signature of %s is malformed", c->function.name);
}

/* What the signature says where nothing was given. */
static bool to_default(parser *p, const call *c, int i, weft_argument *a)
{
    const weft_formal *f = &c->formals[i];
    char text[200];
    if (!f->otherwise.length)
        return weft__parse_fail(p, c->name.text, WEFT_ERROR_SYNTAX, "%s lacks its argument \"%.*s\"; it is %s", c->function.name, (int)f->name.length,
                                f->name.text, usage(c, text, sizeof text));
    a->axes = WEFT_ALL_AXES;
    a->node = weft__failed(NULL);
    if (same(f->otherwise, "none", 4) || same(f->otherwise, "all", 3))
        return true;
    if (f->kind == WEFT_ARGUMENT_WORD) {
        a->number = word_among(f->words, f->otherwise.text, f->otherwise.length);
        return a->given = true;
    }
    parser within = {.tape = p->tape, .text = f->otherwise.text, .at = f->otherwise.text, .dtype = p->dtype};
    value v;
    if (!weft__parse_next(&within) || !weft__parse_expression(&within, &v))
        return malformed(p, c);
    return to_argument(p, c, i, &v, weft__failed(p->tape), a);
}

/* An elementwise op of numbers alone is a number: exp(1), sqrt(2). */
static bool all_numbers(const call *c)
{
    for (int i = 0; i < c->n; i++)
        if (!c->given[i].at || c->given[i].kind != VALUE_NUMBER)
            return false;
    return c->n && !c->function.call && c->function.op->kind == WEFT_ELEMENTWISE;
}

static bool apply(parser *p, call *c, value *v)
{
    if (all_numbers(c))
        return weft__parse_operator(p, c->name.text, &c->function, c->given, c->n, v);
    weft_argument arguments[WEFT_MAX_ARGUMENTS];
    memset(arguments, 0, sizeof arguments);
    weft_node like = first_node(p, c);
    for (int i = 0; i < c->n; i++) {
        bool given = c->given[i].at && (c->given[i].kind != VALUE_NONE || !c->formals[i].otherwise.length);
        if (!(given ? to_argument(p, c, i, &c->given[i], like, &arguments[i]) : to_default(p, c, i, &arguments[i])))
            return false;
    }
    *v = (value){.kind = VALUE_NODE, .at = c->name.text, .node = weft_function_call(&c->function, arguments)};
    return weft__parse_recorded(p, c->name.text);
}

bool weft__parse_call(parser *p, token name, value *v)
{
    call c = {.name = name};
    if (!weft_function_find(name.text, name.length, &c.function))
        return weft__parse_unknown_function(p, name);
    c.n = weft_signature_read(c.function.signature, c.formals);
    if (c.n < 0)
        return malformed(p, &c);
    size_t before = p->n_items;
    p->open++;
    if (!weft__parse_next(p) || !read_arguments(p, &c))
        return false;
    p->open--;
    bool good = weft__parse_next(p) && apply(p, &c, v);
    p->n_items = before;
    return good;
}

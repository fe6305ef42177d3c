/* parse.h: the text of an expression on its way to nodes.
 *     parse_tokens.c  characters to tokens; errors with line, column and caret
 *     parse_names.c   names to values, and the nearest name where one is unknown
 *     parse_call.c    arguments to the parameters of a function
 *     parse_index.c   slices
 *     parse.c         the grammar, operators, assignments */
#ifndef WEFT_TEXT_PARSE_H
#define WEFT_TEXT_PARSE_H

#include "engine/record/tape.h"

enum {
    PARSE_MOST_BYTES = 1 << 20,
    PARSE_MOST_DEPTH = 100, /* of parentheses, calls, signs and powers within each other */
    PARSE_MOST_NODES = 1 << 18,
    PARSE_MOST_NAMES = 1024,
    PARSE_MOST_ITEMS = 1 << 16, /* of all tuples */
    PARSE_NUMBER = 400 /* characters */
};

/* The largest whole number that is taken: below PTRDIFF_MAX, which stands for one that was left out. */
#define PARSE_MOST_WHOLE (sizeof(ptrdiff_t) > 4 ? 1e15 : 2147483646.0)
#define PARSE_MOST_WHOLE_TEXT (sizeof(ptrdiff_t) > 4 ? "a whole number of at most 15 digits" : "a whole number that fits 32 bits")

typedef enum token_kind { TOKEN_END, TOKEN_LINE, TOKEN_NUMBER, TOKEN_NAME, TOKEN_STRING, TOKEN_SIGN } token_kind;

typedef struct token {
    token_kind kind;
    const char *text; /* into the whole; a string without its quotes */
    size_t length;
    double number;
    bool whole;
} token;

typedef enum value_kind { VALUE_NODE, VALUE_NUMBER, VALUE_TUPLE, VALUE_WORD, VALUE_NONE } value_kind;

typedef struct value {
    value_kind kind;
    const char *at; /* where it begins */
    weft_node node;
    double number;
    bool whole;      /* a whole number made from whole numbers: fit for an axis */
    size_t first, n; /* of a tuple: its items in the parser's list */
    token word;
} value;

typedef struct assigned {
    const char *name;
    size_t length;
    value is;
} assigned;

typedef struct parser {
    weft_tape *tape;
    const char *text, *at; /* the whole, and what comes after the token */
    token token;
    int depth, open;       /* levels of recursion; brackets in which a line may end */
    const weft_binding_name *bound;
    size_t n_bound;
    assigned *names;       /* in order of assignment */
    size_t n_names, names_allocated;
    value *items;
    size_t n_items, items_allocated;
    weft_node *nodes;      /* those of a tuple, as a builder takes them */
    size_t nodes_allocated;
    weft_dtype dtype;      /* of numbers that meet no node */
    uint32_t first_node;
    weft_status status;
    char *message;         /* or NULL */
} parser;

/* Every error passes here, and the first one stays; it returns false. at: into the text, the character that the caret points at. */
bool weft__parse_fail(parser *p, const char *at, weft_status status, const char *format, ...);
bool weft__parse_memory(parser *p);

/* The next token; false after an error. */
bool weft__parse_next(parser *p);
bool weft__parse_is(const parser *p, const char *sign);
bool weft__parse_eat(parser *p, const char *sign); /* false: it is another token, or an error came behind it */
bool weft__parse_expect(parser *p, const char *sign, const char *where);

/* Value of a name that is not called; after an assignment it is what was assigned. */
bool weft__parse_name(parser *p, token name, value *v);
bool weft__parse_is_value(const parser *p, token name); /* whether weft__parse_name() knows it */
bool weft__parse_assign(parser *p, token name, const value *v);
bool weft__parse_unknown_function(parser *p, token name);
/* "; did you mean \"gamma\"?", or "" when no parameter is near. text: of at least 64 bytes. */
const char *weft__parse_nearest_formal(const weft_formal *formals, int n, token name, char *text, size_t size);
const char *weft__parse_nearest_word(weft_piece words, token name, char *text, size_t size); /* the same for "one|two" */

bool weft__parse_expression(parser *p, value *v);
bool weft__parse_call(parser *p, token name, value *v); /* the token is the opening parenthesis */
bool weft__parse_index(parser *p, value *v);            /* v[...]; the token is the opening bracket */
bool weft__parse_tuple(parser *p, const char *close, value *v, bool *comma); /* items up to the closing sign, which stays the token */
bool weft__parse_operator(parser *p, const char *at, const weft_function *f, const value *x, int n, value *y); /* x: one or two operands */
bool weft__parse_node(parser *p, const value *v, weft_node like, weft_node *x); /* a number as a constant; like: failed, where there is none */
bool weft__parse_recorded(parser *p, const char *at); /* after a builder: false when it failed, or the nodes are too many */
const char *weft__parse_kind(const value *v); /* "a tuple", in messages */

#endif

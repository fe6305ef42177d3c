/* index.h: formulas in index notation, as one writes them on paper: sums of terms, a term being a number times powers of factors, summed over bound
 * indices. mu[j] = 1/N sum over k of h[k][j] is one term: the factors N**-1 and h[k][j], with k bound.
 *
 * index_term.c makes and multiplies formulas, index_same.c compares them, index_sum.c puts indices in others' place, and contracts; index_read.c reads
 * formulas from the tape, with local derivatives; index_text.c and index_print.c print them; index_lower.c records nodes that compute them,
 * from which numbers and proofs come. Nothing here knows an op by name: how one looks on paper is its
 * weft_paper, and where a view takes its elements from is asked of the op's own view().
 *
 * All of it lives in the arena of a book, and what was made never changes. A book that ran out of memory, or met what it cannot write, remembers
 * that, and everything asked of it from then on gives empty formulas. */
#ifndef WEFT_EXPLAIN_INDEX_H
#define WEFT_EXPLAIN_INDEX_H

#include "engine/record/needed.h"

enum { WEFT__MOST_TERMS = 96, WEFT__MOST_FACTORS = 96, WEFT__MOST_BOUND = 24, WEFT__MOST_LETTERS = 16, WEFT__MOST_LENGTHS = 6 };

/* One index of an array: times an index of the book, plus a number. id -1: the number alone. */
typedef struct weft__index {
    int32_t id;
    int64_t times, plus;
} weft__index;

typedef struct weft__formula weft__formula;

typedef enum weft__factor_kind {
    WEFT__SYMBOL,   /* an array, h[k][j]; or the adjoint of one */
    WEFT__GROUP,    /* a formula in parentheses */
    WEFT__FUNCTION, /* of an op with formulas as operands; of a reduction, over its bound indices */
    WEFT__LENGTH,   /* N: how many a sum adds up */
    WEFT__DELTA,    /* 1 where two indices are equal, else 0 */
    WEFT__JACOBIAN  /* d y[k][l] / d h[i][j], not worked out */
} weft__factor_kind;

typedef struct weft__factor {
    weft__factor_kind kind;
    double exponent;
    uint32_t node; /* symbol: the array; function: a node of that op; length: its place in the book; Jacobian: y */
    const weft_op *op; /* of a function */
    uint32_t of;   /* Jacobian: h */
    bool adjoint;
    int n, n_of;   /* indices: of the symbol, the two of a delta, bound ones of a reduction; of a Jacobian y's, then h's */
    weft__index index[2 * WEFT_MAX_RANK];
    int n_operands;
    const weft__formula *operand[3]; /* of a function; of a group operand[0] */
} weft__factor;

typedef struct weft__term {
    double number;
    int n, n_bound;
    const weft__factor *const *factor; /* (n) */
    const int32_t *bound;              /* (n_bound) */
} weft__term;

struct weft__formula { /* n of 0: zero */
    int n;
    const weft__term *const *term; /* (n) */
};

typedef struct weft__book_index {
    size_t length;
    char letter, preferred; /* of a free index; of a bound one, if nothing else has it */
} weft__book_index;

typedef struct weft__book {
    weft_tape *tape;
    weft__arena arena;
    weft_status status;
    char message[WEFT_MESSAGE_SIZE];
    weft_node y;
    uint32_t end;       /* of the nodes that are read: those up to y */
    uint8_t *needed;    /* (end): y needs it */
    uint8_t *quantity;  /* (end): has a letter of its own in formulas; the others are written out where they are used */
    bool loss;          /* y is one number: its adjoint is 1, and it is L if it has no name */
    bool numbered;      /* y has the number of its node, if it has no name */
    bool has_y;         /* another array is called y */
    weft__book_index *index;
    size_t n_index, index_allocated;
    struct { size_t value; char letter; } length[WEFT__MOST_LENGTHS];
    size_t n_lengths;
    bool has_epsilon;   /* a small constant within a root */
    double epsilon;
    int rank;           /* the largest of a quantity */
    char free_letters[WEFT_MAX_RANK + 1], bound_letters[WEFT__MOST_LETTERS + 1]; /* none of them the name of an array */
} weft__book;

/* --- index_book.c --- */
bool weft__book_open(weft__book *b, weft_node y); /* chooses the quantities; false: b->status says why, and it is closed all the same */
void weft__book_close(weft__book *b);
weft_status weft__book_fail(weft__book *b, weft_status status, const char *format, ...);
int32_t weft__book_index_new(weft__book *b, size_t length, int from_right, bool free_one); /* -1: the length is 1, or out of memory */
uint32_t weft__book_length(weft__book *b, size_t value, int first_axis, int last_axis, int rank);
const weft__shape *weft__book_shape(const weft__book *b, uint32_t node);
void weft__book_indices(weft__book *b, uint32_t node, bool free_ones, weft__index *index); /* new ones for each axis of the node */
const char *weft__book_label(const weft__book *b, uint32_t node, char text[64]); /* "h", "t7" */
bool weft__is_quantity(const weft__book *b, uint32_t node);
bool weft__is_needed_by_book(const weft__book *b, uint32_t node);

void weft__book_letter(weft__book *b, uint32_t node); /* gives it one, or what it shows, if it is a broadcast without a name */

/* --- index_term.c --- */
const weft__formula *weft__formula_zero(void);
const weft__formula *weft__formula_number(weft__book *b, double number);
const weft__formula *weft__formula_factor(weft__book *b, const weft__factor *factor);
const weft__formula *weft__formula_symbol(weft__book *b, uint32_t node, bool adjoint, const weft__index *index);
const weft__formula *weft__formula_delta(weft__book *b, weft__index a, weft__index c);
const weft__formula *weft__formula_length(weft__book *b, uint32_t length, double exponent);
const weft__formula *weft__formula_of_term(weft__book *b, const weft__term *term);
const weft__formula *weft__formula_of_terms(weft__book *b, const weft__term *const *term, int n);
const weft__formula *weft__formula_add(weft__book *b, const weft__formula *x, const weft__formula *y, double times); /* x + times y */
const weft__formula *weft__formula_multiply(weft__book *b, const weft__formula *x, const weft__formula *y); /* several terms become a group */
const weft__formula *weft__formula_power(weft__book *b, const weft__formula *x, double exponent);
const weft__formula *weft__formula_sum(weft__book *b, const weft__formula *x, const int32_t *bound, int n); /* deltas stay */
const weft__formula *weft__formula_contract(weft__book *b, const weft__formula *x); /* deltas with bound indices go; what is summed and the same, counts */
const weft__formula *weft__formula_substitute(weft__book *b, const weft__formula *x, const int32_t *from, const weft__index *to, int n); /* bound anew */
const weft__formula *weft__formula_collect(weft__book *b, const weft__formula *x); /* equal terms as one */
const weft__formula *weft__formula_distribute(weft__book *b, const weft__formula *x); /* no group of exponent 1 is left */
const weft__term *weft__term_make(weft__book *b, double number, const weft__factor *const *factor, int n, const int32_t *bound, int n_bound);
const weft__term *weft__term_multiply(weft__book *b, const weft__term *x, const weft__term *y);
const weft__term *weft__term_without(weft__book *b, const weft__term *t, int factor, int bound); /* the places of what goes; -1: none */
void *weft__book_take(weft__book *b, size_t bytes); /* NULL when out of memory, as the book then knows */

/* --- index_same.c --- */
bool weft__index_same(const weft__index *a, const weft__index *c);
bool weft__factor_uses(const weft__factor *f, int32_t index);
bool weft__factor_is_like(const weft__factor *f, const weft__factor *g); /* but for indices, operands and exponents */
bool weft__factor_same(const weft__factor *f, const weft__factor *g); /* exponents do not count */
bool weft__term_same(const weft__term *x, const weft__term *y);       /* but for the number */
bool weft__formula_same(const weft__formula *x, const weft__formula *y);

double weft__nearest_fraction(double x); /* p/q for a small q, where x is that within rounding; else x */

/* --- index_read.c --- */
const weft__formula *weft__read(weft__book *b, uint32_t node, const weft__index *index); /* a quantity is its symbol */
const weft__formula *weft__definition(weft__book *b, uint32_t node, const weft__index *index);
/* Of quantities, the others fixed. */
const weft__formula *weft__derivative(weft__book *b, uint32_t y, const weft__index *at, uint32_t x, const weft__index *by);
bool weft__view_map(const weft__book *b, uint32_t node, const weft__index *index, weft__index *of_operand); /* false: it cannot be said so */

/* --- index_text.c, index_print.c --- */
typedef struct weft__text { /* in the arena of the book, NUL-terminated */
    weft__book *book;
    char *text;
    size_t used, size;
    weft_notation notation;
    bool short_adjoints; /* dy for dL/dy */
    int32_t lettered[64];
    char letter[64];
    int n_lettered;
} weft__text;

void weft__text_start(weft__text *t, weft__book *b, weft_notation notation, bool short_adjoints);
void weft__text_put(weft__text *t, const char *text);
void weft__text_free(weft__text *t, const weft__index *index, int n); /* these have their letters from here on */
void weft__text_formula(weft__text *t, const weft__formula *x);
void weft__text_symbol(weft__text *t, uint32_t node, bool adjoint, const weft__index *index);
void weft__text_jacobian(weft__text *t, uint32_t y, const weft__index *at, uint32_t x, const weft__index *by);
void weft__text_name(weft__text *t, const char *name);
void weft__text_number(weft__text *t, double number);
void weft__text_double(weft__text *t, double x);
void weft__text_bytes(weft__text *t, const char *text, size_t n);
void weft__text_choose(weft__text *t, const char *plain, const char *ascii, const char *in_tex);
bool weft__text_fraction(double x, double *p, double *q); /* x = p/q, q at most 1000 */
void weft__text_give(weft__text *t, int32_t id); /* a letter */
char weft__text_letter(const weft__text *t, int32_t id);
bool weft__index_is_plain(const weft__index *i); /* j, and not j + 1 */
void weft__text_indices(weft__text *t, const weft__index *index, int n, const weft_shape *shape); /* of an array; but for axes of length 1 */

void weft__text_call(weft__text *t, uint32_t node, const weft__index *index); /* of an op that is not written in indices: take(x, index)_ij */
bool weft__defines_itself(const weft__formula *x, uint32_t node);            /* the definition of such a node */

/* --- index_public.c: what weft_explain.h declares --- */

/* --- index_lower.c: nodes on the tape. adjoints: (end) ids of adjoints, WEFT_NO_ID: none. sizes: what it would be if nothing cancelled --- */
weft_node weft__formula_lower(weft__book *b, const weft__formula *x, const weft__index *index, int n, const weft_shape *shape, const uint32_t *adjoints,
                              bool sizes);

#endif

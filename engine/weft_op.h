/* weft_op.h: writing an op. An op is a constant weft_op, and what it computes, its shape rule, its derivative and its printed form stand in one
 * file. The built-in ones fill in the same struct and nothing is reserved for them. CONTRIBUTING.md has the steps; ops/primitive/mul.c is the shortest
 * whole one. */
#ifndef WEFT_OP_H
#define WEFT_OP_H

#include "weft.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { WEFT_MAX_OUTPUTS = 4, WEFT_MAX_OPERANDS = 8, WEFT_MAX_FUNCTIONS = 6 };
enum { WEFT_MOST_WORDS = 640 }; /* bytes that an op's words() has for its text */

typedef enum weft_kind {
    WEFT_ELEMENTWISE, /* y[i] = f(x[i], ...): give map, and partial or transpose */
    WEFT_REDUCTION,   /* folds axes away: give fold */
    WEFT_VIEW,        /* the same elements elsewhere: give view; what reads it waits for its second operand, if it has one */
    WEFT_GENERAL,     /* anything else: give kernel */
    WEFT_INPUT, WEFT_PARAMETER, WEFT_CONSTANT, WEFT_PART, WEFT_ASSIGN /* the engine's own */
} weft_kind;

enum {
    WEFT_COMMUTATIVE = 1,       /* operands may change places */
    WEFT_ZERO_DERIVATIVE = 2,   /* piecewise constant: nothing flows back */
    WEFT_ANY_STRIDES = 4,       /* the kernel accepts operands that are not contiguous */
    WEFT_OVER_AXES = 8,         /* the attributes are a weft_reduction, as those of every reduction */
    WEFT_IN_PARTS = 16,         /* the kernel calls weft_call_parts() */
    WEFT_NEVER_FAILS = 32,      /* the kernel always returns WEFT_OK */
    WEFT_FEWER_OPERANDS = 64    /* arity is the most that it takes, and one the fewest */
};

/* A shape rule sees the operands and sets y and y_dtype, or returns weft_typing_error(). */
typedef struct weft_typing {
    const void *attributes;
    int n;                                  /* operands */
    weft_shape x[WEFT_MAX_OPERANDS];
    weft_dtype x_dtype[WEFT_MAX_OPERANDS];
    weft_shape y[WEFT_MAX_OUTPUTS];
    weft_dtype y_dtype[WEFT_MAX_OUTPUTS];   /* preset to the first operand's */
    char hint[160];                         /* the rule broken and how to mend it */
} weft_typing;

weft_status weft_typing_error(weft_typing *typing, weft_status status, const char *format, ...);

/* An array as a kernel sees it. Strides count elements and are 0 along a broadcast axis, negative along one that is walked backwards. */
typedef struct weft_view {
    void *data;
    weft_dtype dtype; /* f64 for a wide operand of an f32 node */
    int rank;
    const size_t *dim;
    const ptrdiff_t *stride;
} weft_view;

typedef struct weft_call {
    const weft_view *x; /* operands */
    const weft_view *y; /* outputs, contiguous */
    const void *attributes;
    void *workspace; /* as many bytes as the op's workspace() asked for; 64-byte aligned */
    char *message;   /* WEFT_MESSAGE_SIZE bytes for the words that go with an error */
    const void *threads; /* the program's */
} weft_call;

/* For kernels of ops with WEFT_IN_PARTS: calls work once for each part below `parts`, on the threads of the program, and returns when all are
 * done. Each thread has a workspace of its own, of as many bytes as the op asked for. Which thread takes which part varies, so for the same bits
 * each time a part must depend on nothing but its number. */
void weft_call_parts(const weft_call *call, void (*work)(void *context, size_t part, void *workspace), void *context, size_t parts);

/* WEFT_CLONES before a kernel: one source, compiled for AVX-512, AVX2 and the baseline; the dynamic linker picks one at load. With
 * -ffp-contract=off, as Weft is built, all of them give the same bits. Its name must be the only one of its kind in the program, static or not:
 * clang gives the function that chooses external linkage. Sanitized builds define WEFT_NO_CLONES: the choice is made before their runtime is
 * ready. */
#if defined(__x86_64__) && defined(__GLIBC__) && !defined(WEFT_NO_CLONES)
#define WEFT_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define WEFT_CLONES
#endif

/* Bytes that a pass touches, from which on its results are better written past the caches: memory then need not be read before it is overwritten.
 * On the machine measured, with 64 MiB of L3 to itself, the forward pass of a batch normalization of 16 MiB takes 2.1 ms so, and 3.0 with
 * ordinary stores; who reads its result next loses 0.4 ms. */
#define WEFT_BEYOND_CACHE ((size_t)32 << 20)

typedef void (*weft_map)(size_t n, void *y, const void *const *x, const ptrdiff_t *stride); /* y contiguous */

/* A fold accumulates in f64, whatever it reads; where it selects, a run of f32 may be done in f32. Index 0 reads f32, 1 reads f64. */
typedef struct weft_fold {
    double identity;
    bool selects; /* the result is one of the elements, or the identity: nothing is rounded */
    double (*along[2])(size_t n, const void *x, ptrdiff_t stride); /* folds n elements into one */
    void (*across[2])(size_t rows, size_t n, const void *x, ptrdiff_t row_stride, ptrdiff_t stride, double *y); /* folds rows into y */
    double (*merge)(double a, double b);
    const weft_op *product; /* or NULL: an op of two operands whose results it folds as they arise, from contiguous rows of f64 */
    void (*across_product)(size_t rows, size_t n, const double *a, const double *b, double *y);
    const char *text; /* merge() in C, an expression in a and b; NULL: it cannot be printed as C */
} weft_fold;

/* The attributes of every reduction. */
typedef struct weft_reduction {
    uint32_t axes; /* a set of WEFT_AXIS(i), each below the rank */
    uint32_t keepdims;
} weft_reduction;

/* The attributes of an op along one axis. */
typedef struct weft_along {
    weft_reduction over; /* the axis, as a set of one */
    uint64_t number;     /* the op says of what */
} weft_along;

/* The attributes of slice: y[i] = x[start + i step] for the i below count, along each axis. Where count is 0 start is 0, where it is below 2 step is 1,
 * and beyond the rank all are 0: what takes the same elements has the same bytes. */
typedef struct weft_slicing {
    int64_t start[WEFT_MAX_RANK], step[WEFT_MAX_RANK];
    uint64_t count[WEFT_MAX_RANK];
} weft_slicing;

/* Those of pad: y[before + i (apart + 1)] = x[i], zero elsewhere; `after` zeros follow the last element. apart is 0 along an axis of less than two. */
typedef struct weft_padding {
    uint64_t before[WEFT_MAX_RANK], after[WEFT_MAX_RANK], apart[WEFT_MAX_RANK];
} weft_padding;

/* --- The op in a prime field: where weft_prove() evaluates graphs, see engine/judge/prove.c -------------------------------------------------------
 * A number of the field stands for a real one, and bounds of its degrees go with it. What an op has no exact form for is a fresh symbol if it is
 * elementwise, and refused by name if it is not. Views need none, nor do fused ops, which are written out as their staged twins.
 * weft_compare() and weft_audit() evaluate the same forms over real numbers of many bits, by MPFR. There every op needs one, a symbol is the function
 * of that name (sin, cos, tan, atan, tanh, sinh, cosh, erf, erfc, floor, pow), and what comes of NaN and Inf in an elementwise op its kernel says. */
typedef struct weft_field weft_field;

typedef struct weft_exact_number {
    uint64_t value;         /* the field's own form; see weft_exact_equal() */
    double degree, divisor; /* at most those of its numerator and its denominator, as polynomials in what was drawn */
    double real;            /* a constant, and every real number: its value, rounded, which may be infinite; else NaN */
    uint64_t drawn;         /* a set of 64 parts of what was drawn: those that it depends on */
} weft_exact_number;

typedef struct weft_exact_array { /* in C order */
    weft_dtype dtype;
    weft_shape shape;
    weft_exact_number *number; /* of f32 and f64 */
    int64_t *index;            /* of i64 */
} weft_exact_array;

typedef struct weft_exact_call {
    const weft_exact_array *x, *y; /* operands, the one output */
    const void *attributes;
} weft_exact_call;

typedef struct weft_exact {
    weft_exact_number (*element)(weft_field *f, const weft_exact_number *x);        /* elementwise: of one element from its operands */
    weft_exact_number (*fold)(weft_field *f, size_t n, const weft_exact_number *x); /* a reduction: of n elements in C order */
    void (*array)(weft_field *f, const weft_exact_call *call);                      /* anything else */
    bool moves; /* in place of these: the kernel moves elements, puts zeros between, and takes i64 as well: it is called with their positions */
    bool given; /* beside one of these: over real numbers its kernel's numbers count as exact, as those of noise */
    uint64_t (*below)(const void *attributes, const weft_shape *x, int operand);    /* an operand that is an index, a mask or another whole number:
                                                                                       it is below this; 0: it is none of these. NULL: none is */
} weft_exact;

weft_exact_number weft_exact_whole(weft_field *f, int64_t n);
weft_exact_number weft_exact_double(weft_field *f, double a); /* as the simple fraction that weft_prove() takes it for; over real numbers as it is */
weft_exact_number weft_exact_irrational(weft_field *f, double a, int n, int halves); /* n ** (halves / 2) of an op's own formula; in the field a, which
                                                                                        is that rounded, as graphs have it */
bool weft_exact_truncate(weft_field *f, weft_exact_number a, int64_t *n); /* to a whole number; false after refusing, as in the field always */
weft_exact_number weft_exact_add(weft_field *f, weft_exact_number a, weft_exact_number b);
weft_exact_number weft_exact_sub(weft_field *f, weft_exact_number a, weft_exact_number b);
weft_exact_number weft_exact_mul(weft_field *f, weft_exact_number a, weft_exact_number b);
weft_exact_number weft_exact_div(weft_field *f, weft_exact_number a, weft_exact_number b);
weft_exact_number weft_exact_power(weft_field *f, weft_exact_number a, int halves); /* a ** (halves / 2); of the two roots the positive one */
int weft_exact_compare(weft_field *f, weft_exact_number a, weft_exact_number b);    /* the sign of a - b: -1, 0 or 1 */
bool weft_exact_equal(weft_field *f, weft_exact_number a, weft_exact_number b);
size_t weft_exact_largest(weft_field *f, size_t n, const weft_exact_number *x, size_t stride, int sign); /* its index; sign -1: of the smallest */

/* A function without a meaning in the field: a random number for a name and operands, the same for equal ones. */
typedef enum weft_parity { WEFT_NEITHER, WEFT_ODD, WEFT_EVEN } weft_parity; /* of one operand: f(-a) = -f(a), f(-a) = f(a) */
weft_exact_number weft_exact_symbol(weft_field *f, const char *name, weft_parity parity, const weft_exact_number *x, int n);
weft_exact_number weft_exact_exp(weft_field *f, weft_exact_number a); /* one that is positive, with exp(0) = 1 and exp(-a) = 1 / exp(a) */
weft_exact_number weft_exact_log(weft_field *f, weft_exact_number a); /* one with log(1) = 0 */
void weft_exact_refuse(weft_field *f, const char *why); /* no point will do: "an index is out of range", a constant string */

/* --- The op on paper, in index notation: see weft_explain.h. Views need none: their strides say which element stands where. ------------------------- */
typedef enum weft_paper_form {
    WEFT_PAPER_FUNCTION,   /* name(a, b), or as `text` has it; a reduction: text over its indices, as max_k a_k */
    WEFT_PAPER_TERMS,      /* elementwise: a sum of the operands times `of`; a reduction: a sum */
    WEFT_PAPER_FACTORS,    /* elementwise: a product of the operands to the powers `of` */
    WEFT_PAPER_POWER,      /* elementwise: operand 0 to the power of operand 1, where that is a number; else a function */
    WEFT_PAPER_CONTRACTION /* a product of two operands, summed over the letter that the result lacks: "mk,kn", see matmul.c */
} weft_paper_form;

typedef struct weft_paper {
    weft_paper_form form;
    double of[2];
    const char *text, *tex; /* of a function, with %s for each operand; of a reduction its sign. NULL: name(a, b) */
    const char *letters;    /* of a contraction: for the last axes of each operand; those before them broadcast, and an operand of lower rank lacks
                               letters that the result has */
} weft_paper;

struct weft_op {
    const char *name;    /* "mul" */
    const char *formula; /* "y = a * b" */
    const char *infix;   /* "%s * %s", for expressions; NULL prints name(x, ...) */
    int precedence;      /* of infix: 1 sums, 2 products, 3 signs, 4 powers */
    void (*words)(const void *attributes, const weft_shape *x, char *text, size_t size); /* the attributes as an expression has them: ", axis=1" for
                            name(x, axis=1), or "[1:3]" for x[1:3]; x: of operand 0; no text in quotes or braces. NULL: an expression goes without */
    int arity;           /* operands; the most of them with WEFT_FEWER_OPERANDS */
    int outputs;         /* 0 and 1 both mean one; more: node y is output 0, weft_part(y, i) the others */
    weft_kind kind;
    unsigned flags;
    int cost;            /* of one element of an elementwise op, in additions; 0: 1. What is cheap is computed again rather than stored */
    size_t attribute_size;                     /* bytes compared and copied */
    weft_status (*shape)(weft_typing *typing); /* NULL: elementwise, all shapes and dtypes alike */

    /* The derivative, in one of four forms; all of them return nodes, for backward and forward mode alike. y and x may be copies of the node that is
     * differentiated and of its operands. With a transpose, y is linear in the operands that have one: in all of them together, or in each while
     * the others stay. */
    weft_node (*partial)(weft_node y, const weft_node *x, int operand);                  /* elementwise: dy/dx[operand] */
    weft_node (*transpose)(weft_node y, const weft_node *x, int operand, weft_node dy);  /* linear in that operand: its dx; tape NULL: none */
    void (*vjp)(weft_node y, const weft_node *x, const weft_node *dy, weft_node *dx);    /* dy: one an output; tape NULL: zero. dx likewise */
    weft_status (*expand)(weft_node y, const weft_node *x, weft_node *outputs);          /* fused: the staged twin, on the same operands */

    const char *flat; /* where the derivative is 0, or may be, in words: "where a <= 0"; NULL: nothing is said */

    /* Kernels: the one that belongs to the kind; index 0 f32, 1 f64. */
    weft_map map[2];
    void (*single[2])(void *y, const void *const *x); /* the same for one element, without a loop around it; NULL: map */
    const char *text; /* elementwise: the same in C, an expression in a, b, c and their type T; NULL: it cannot be printed as C */
    const char *functions[WEFT_MAX_FUNCTIONS]; /* C text of what `text` calls and <math.h> lacks: namef() of a float, name() of a double, then
                                                * what they call; each may call those behind it. The same text of several ops is printed once */
    const struct weft_op *narrowed; /* elementwise: an op whose f64 kernel and text take its place where operands are f64 and the node f32: they may be
                                     * off by 1e-9 of the result, if that makes them faster; NULL: none */
    const char *(*text_for)(double b); /* for a second operand that is known beforehand; NULL, or where it returns NULL: text */
    const weft_fold *fold;
    bool (*view)(const void *attributes, const weft_view *x, const weft_view *y, ptrdiff_t *stride); /* y's strides; false: copy x first */
    ptrdiff_t (*offset)(const void *attributes, const weft_view *x); /* of a view that has elements: from x's first to y's; NULL: 0 */
    weft_status (*kernel)(const weft_call *call);
    size_t (*workspace)(const weft_typing *typing); /* bytes; NULL: none */
    const weft_exact *exact; /* what it is in a prime field; NULL: see above */
    const weft_paper *paper; /* how it is written on paper; NULL: as a function */
    unsigned wide_operands, wide_outputs; /* sets of operands that may arrive in f64, of outputs written in f64, on an f32 node */
};

/* Records a node. attributes: attribute_size bytes, zero where padding is. weft_elementwise() broadcasts the operands first. */
weft_node weft_record(const weft_op *op, const weft_node *x, int n, const void *attributes);
weft_node weft_elementwise(const weft_op *op, const weft_node *x, int n);
weft_node weft_part(weft_node y, int i);          /* output i of a node with several */
const void *weft_node_attributes(weft_node x);    /* as given to weft_record() */
weft_node weft_fail(const weft_op *op, const weft_node *x, int n, weft_status status, const char *format, ...); /* sets the tape's error */

/* --- Functions by name: what the text of an expression may call, weft_parse() -------------------------------------------------------------
 * An elementwise op without attributes is called with its operands, an op over axes with (x, axis, keepdims); every other function has a line in
 * ops/functions.def, with a signature like those of Python:
 *     "h (N, C), gamma (C), beta (C), eps: real = 1e-5"
 * A parameter is a node, or after a colon
 *     nodes   a tuple of nodes             real   a number         int    a whole number       bool   0 or 1
 *     axes    an axis, a tuple of axes     ints   a tuple of whole numbers                     one|two|three   one of these words
 * A value behind "=" is what holds where none is given; "= none" leaves the argument out, "= all" is every axis. What follows "~" is an example
 * of a value that has no default. Parentheses behind the name of a node say its shape, for people and for examples: letters are lengths, "..." stands
 * for any axes; i64 before them is the number type of indices. */
enum { WEFT_MAX_ARGUMENTS = 10 };

typedef struct weft_argument {
    bool given;                     /* false: left out, and the parameter has no value then */
    weft_node node;                 /* of a node */
    double number;                  /* of real, int and bool; of a word: which of the choices it is, from 0 */
    unsigned axes;                  /* of axes: below the rank of the first node, or WEFT_ALL_AXES */
    size_t n;                       /* of nodes and ints */
    const weft_node *nodes;         /* (n) */
    ptrdiff_t ints[WEFT_MAX_RANK];  /* (n) */
} weft_argument;

typedef struct weft_function {
    const char *name, *signature;
    const char *stands_for; /* an alias: the name of the function that it is; else NULL */
    const weft_op *op;      /* the op of that name, or NULL */
    weft_node (*call)(const weft_argument *arguments); /* NULL: the op is recorded on the arguments */
} weft_function;

size_t weft_function_count(void);
bool weft_function_at(size_t i, weft_function *function); /* false: entry i is an op that text cannot call */
bool weft_function_find(const char *name, size_t length, weft_function *function);
bool weft_function_of_operator(const char *token, int operands, weft_function *function); /* "+", 2: that of a + b */
weft_node weft_function_call(const weft_function *function, const weft_argument *arguments); /* as many as the signature has parameters */

typedef enum weft_argument_kind {
    WEFT_ARGUMENT_NODE, WEFT_ARGUMENT_NODES, WEFT_ARGUMENT_REAL, WEFT_ARGUMENT_INT, WEFT_ARGUMENT_BOOL, WEFT_ARGUMENT_AXES, WEFT_ARGUMENT_INTS,
    WEFT_ARGUMENT_WORD
} weft_argument_kind;

/* A piece of a signature, which need not end in a NUL; length 0: it is not there. */
typedef struct weft_piece {
    const char *text;
    size_t length;
} weft_piece;

typedef struct weft_formal { /* a parameter, as the signature says it */
    weft_piece name, shape, words, otherwise, example; /* shape: "(N, C)"; words: "one|two" */
    weft_argument_kind kind;
    bool indices; /* i64 */
} weft_formal;

int weft_signature_read(const char *signature, weft_formal formals[WEFT_MAX_ARGUMENTS]); /* how many; -1: the signature is malformed */

#ifdef __cplusplus
}
#endif
#endif

/* weft_gradients.h: is a gradient right? A part of weft.h. */
#ifndef WEFT_GRADIENTS_H
#define WEFT_GRADIENTS_H

#include "weft.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- Gradient check ------------------------------------------------------------------------------------------------------------------------
 * Compares the derivative of y, in f64, with central differences (y(x+h) - y(x-h)) / 2h, weighed by a random cotangent, with signs. */

typedef struct weft_binding {
    weft_node node; /* an input or a parameter */
    const void *data;
    size_t bytes;
} weft_binding;

enum { WEFT_SWEEP_STEPS = 11 };

typedef struct weft_gradcheck_options {
    const weft_binding *bind; /* every input that y needs */
    size_t n_bind;
    weft_node cotangent;      /* an input of y's shape that the claimed gradients use; left {0}, one is made */
    const weft_node *claimed; /* gradients to judge, one for each x; NULL: those of weft_vjp() */
    uint64_t seed;            /* of the cotangent */
    double step;              /* h, relative to max(1, |x|); 0: 1e-5 */
    double tolerance;         /* of the difference, relative to the largest numeric entry; 0: 1e-6 */
    bool sweep;               /* fill the step sweep: WEFT_SWEEP_STEPS times the work */
} weft_gradcheck_options;

typedef enum weft_verdict {
    WEFT_GRADIENT_RIGHT,
    WEFT_GRADIENT_WRONG,
    WEFT_GRADIENT_EMPTY /* y does not respond to x, by construction: the check would prove nothing */
} weft_verdict;

typedef struct weft_gradcheck {
    weft_verdict verdict;
    double max_abs;         /* largest |analytic - numeric| */
    double max_rel;         /* largest |analytic - numeric| / max(1e-8, |analytic| + |numeric|) */
    size_t worst;           /* the element where max_abs is, counted in C order */
    double analytic, numeric; /* there */
    double sweep_step[WEFT_SWEEP_STEPS], sweep_error[WEFT_SWEEP_STEPS]; /* h and max_abs, from large h to small */
    char message[WEFT_MESSAGE_SIZE]; /* the verdict in words: element, both values, and what the difference looks like */
} weft_gradcheck;

/* x: n inputs or parameters of y's tape, f64. Records on the tape and rewinds it. result: one for each x. */
weft_status weft_gradient_check(weft_node y, const weft_node *x, size_t n, const weft_gradcheck_options *options, weft_gradcheck *result);

/* --- Truth -----------------------------------------------------------------------------------------------------------------------------------
 * What errors are measured against: the same graph computed with more digits. In f64 it is good for f32, whose errors are 2**29 times as large. In MPFR,
 * where the library was built with it, it is good for f64 too: inputs and constants are the doubles that they are, and from there on numbers have 256
 * bits and a bound each of how far off they may be; where those do not tell 73 bits of an output, or a comparison, all is computed again with 2304. What
 * is then still within its bound of 0 is 0, and what cannot be told apart is equal. Fused ops are written out as their staged twins; noise has the
 * kernel's own numbers; what an elementwise op makes of NaN and Inf its f64 kernel says. At most 2**20 elements; some 1000 times slower than f64.
 * Numbers come from the tape's allocator. MPFR also needs a little memory of its own, by the allocation functions of GMP, which end the process when
 * they find none; an application may give GMP others, see mp_set_memory_functions().
 * Source: Fousse, Hanrot, Lefevre, Pelissier and Zimmermann, 2007. */
typedef enum weft_truth {
    WEFT_TRUTH_DEFAULT, /* MPFR for f64 where there is MPFR, f64 for f32 */
    WEFT_TRUTH_F64,
    WEFT_TRUTH_MPFR
} weft_truth;

bool weft_truth_available(weft_truth truth); /* whether the library was built with it */

/* --- Two sides compared ----------------------------------------------------------------------------------------------------------------------
 * Is a function that is written in one way the same as it is written in another, and is its gradient the right one? Both sides are recorded and run in
 * f64 over many shapes and numbers, among them those that formulas break on: lengths of 1 and 2, a large offset, constants, small and large scales,
 * zeros. Compared are y, the gradient of each input for a random cotangent, the derivative of y along random directions, and the derivatives of the
 * gradient. Two numbers differ where they are further apart than rounding explains: what that does is seen by running both sides again on
 * inputs that are off by an ulp or so. Source of that: Parker, 1997, Monte Carlo arithmetic. */
enum { WEFT_MOST_INPUTS = 8, WEFT_MOST_LENGTHS = 8, WEFT_LENGTH_NAME = 16, WEFT_MOST_COMPARED = 2 + 2 * WEFT_MOST_INPUTS };

typedef struct weft_compare_input {
    const char *name;
    const char *shape; /* "N, D": lengths by name, alike wherever the name stands, of at most 15 characters; or numbers. "" or NULL: a scalar */
    double low, high;  /* numbers are drawn between the two; both 0: any, and hard ones */
    const char *below; /* of an index, i64: the name of the length that it stays below; NULL: a number */
    bool constant;     /* no derivative is asked for, as for every index */
} weft_compare_input;

/* A function of the inputs. Its calls record on the tape of x and nothing else. */
typedef struct weft_side {
    const char *name; /* "staged" */
    weft_node (*value)(void *context, const weft_node *x); /* y; x: the inputs, in their order */
    void (*gradient)(void *context, const weft_node *x, weft_node dy, weft_node *dx); /* derived by hand: dx[i] of input i, those of constants left
                                                                                         alone; NULL: what weft_vjp() makes of y */
    void *context;
} weft_side;

/* A side as text, see weft_parse(): y over the names of the inputs, and by hand the gradient of each input that has one, over those names, dy and y. */
typedef struct weft_expression_side {
    const char *name, *value;
    const char *const *gradient; /* (n), NULL for constants; or NULL */
    const weft_compare_input *inputs;
    size_t n;
} weft_expression_side;

weft_side weft_side_of_expression(const weft_expression_side *expression); /* which the side points at; what cannot be read is its tape's error */

typedef struct weft_length {
    const char *name;
    size_t value;
} weft_length;

typedef struct weft_compare_options {
    size_t trials;   /* shapes with numbers; 0: 60 */
    uint64_t seed;
    bool first_order; /* without the derivatives of the gradient, for what has none */
    const weft_options *program; /* how both are compiled; NULL: the defaults */
    const weft_length *size; /* at which errors and costs are measured: each length of the signature; NULL: they are not */
    size_t n_size;
    weft_dtype dtype; /* f32 or f64: of that measurement */
    weft_truth truth; /* of the errors: by default MPFR for f64, where there is MPFR and its work is some seconds */
    double seconds;   /* for its times; 0: they are not taken */
    const weft_allocator *allocator; /* NULL: malloc and free */
} weft_compare_options;

typedef enum weft_agreement {
    WEFT_SIDES_AGREE,
    WEFT_SIDES_DIFFER,
    WEFT_SIDES_UNSTEADY, /* one of them gave other bits on the same inputs */
    WEFT_SIDES_SILENT,   /* they agree, and a gradient that was compared is 0 in every trial: that proves nothing */
    WEFT_SIDES_REFUSE    /* no shape was accepted by either */
} weft_agreement;

typedef struct weft_compared { /* one result of both; NaN is what was not measured: in f32 y and the gradients are */
    char name[48];                    /* "y", "dh", "y_dot", "ddh": the derivative of <u, gradient> for random u */
    double max_abs, max_rel, max_ulp; /* at `size`: between the sides; relative to the largest entry, and in ulp of it */
    double error[2];                  /* of each, in ulp of the largest entry: against the truth of side 0 on the same numbers. That of f64 in f64: 0 for
                                         side 0 itself */
} weft_compared;

typedef struct weft_cost { /* at `size`, of y and the gradients in one program */
    weft_traffic traffic;
    weft_memory memory;
    double seconds; /* a run, the median of interleaved rounds; 0: not taken */
} weft_cost;

typedef struct weft_comparison {
    weft_agreement agreement;
    size_t trials, refused;      /* that were run; where both sides refused the shape */
    weft_truth truth;            /* of the errors */
    size_t n_results;
    weft_compared result[WEFT_MOST_COMPARED];
    weft_cost cost[2];
    size_t failed, element;      /* where they differ: which result, and which of its elements, counted in C order */
    double value[2];             /* there */
    size_t n_lengths;
    char length_name[WEFT_MOST_LENGTHS][WEFT_LENGTH_NAME];
    size_t length[WEFT_MOST_LENGTHS];      /* the smallest shape found on which they differ, */
    double number[WEFT_MOST_INPUTS];       /* and of each input there its first number, */
    size_t count[WEFT_MOST_INPUTS];        /* of so many; the message has them where they are few */
    char message[WEFT_MESSAGE_SIZE];       /* the verdict in words */
} weft_comparison;

/* inputs: (n). Errors, with words in the message of the comparison: WEFT_ERROR_ARGUMENT (names, shapes, sizes that do not fit one another;
 * MPFR is asked for as the truth and is not there, or cannot compute side 0), WEFT_ERROR_MEMORY. That the sides differ, or that a side fails, is no error. */
weft_status weft_compare(const weft_side sides[2], const weft_compare_input *inputs, size_t n, const weft_compare_options *options,
                         weft_comparison *comparison);

/* --- Diagnosis -----------------------------------------------------------------------------------------------------------------------------
 * Names the mistake in a wrong gradient. Hypotheses come from the graph of y, with fused ops expanded:
 *     a path of the chain rule is forgotten, or two are; of those that meet at a fork one is assigned, not added up
 *     a path counts N, 1/N, N/(N-1), (N-1)/N, 2, 1/2 or -1 times: a sum for a mean and a mean for a sum, N-1 for N, a sign; or two paths do
 *     a sum over what was broadcast is missing; or one of its terms is assigned
 *     a factor is skipped, or applied behind the sums; an operand of a matrix product is transposed, or the whole gradient
 *     the derivative of an elementwise node is left out, or taken at another array
 *     under a root eps is outside or left out, or an inverse deviation is taken as a variance, or the reverse, or N-1 for N
 *     a mean or variance is taken as a constant, or as another input
 * Each is the same function with another derivative; all are computed in f64 at the given numbers, and those that reproduce the claim are the
 * findings, the simplest first:
 *     dh equals the true gradient without the path h -> mu -> centred (node %5 div): the derivative through the mean mu is missing
 * Several that are one function, as other numbers show, count once. What the given numbers cannot tell apart is listed, and so are mistakes that they
 * would not show in a claim that is right: with gamma = 1 a skipped factor gamma passes. Give normal random numbers.
 * Source: Bauer, 1974, for the derivative as a sum over paths. */

typedef struct weft_diagnose_options {
    const weft_binding *bind; /* every input that y, dy and the claim need; others of them are tried in place of statistics */
    size_t n_bind;
    weft_node claimed; /* the claimed gradient as a node; or of tape NULL, and then as an array: */
    const void *data;
    weft_dtype dtype;  /* f32 or f64 */
    weft_shape shape;
    double tolerance;  /* of a difference, relative to the largest value and to what the largest path contributes. 0: of an f32 claim (64 + N) 2**-24,
                        * of f64 (64 + N) 2**-41, where N is the most elements that one sum of the graph adds up. In an f32 graph 8 times what its
                        * own derivative, in f32, is off by comes on top */
} weft_diagnose_options;

typedef struct weft_finding {
    char words[WEFT_MESSAGE_SIZE];
    weft_node node; /* where the two part: a node of y's graph; of a fused op that node itself */
    int operand;    /* the edge to that operand of it, or -1 */
} weft_finding;

enum { WEFT_MOST_FINDINGS = 8 };

typedef struct weft_diagnosis {
    weft_verdict verdict;    /* right or wrong; empty: the claim is right, and 0 as the true gradient is */
    size_t n;                /* findings; of a right claim: mistakes that these numbers would not show */
    weft_finding finding[WEFT_MOST_FINDINGS];
    size_t matching, tried;  /* hypotheses that match, those that are one function counted once; and all of them */
    double max_abs;          /* largest |claimed - true| */
    size_t worst;            /* where, in C order of the claim */
    double claimed, expected; /* there; expected is 0 where the claim has more elements than x */
    char message[WEFT_MESSAGE_SIZE]; /* the first finding, or that it is right, or that no hypothesis matches */
} weft_diagnosis;

/* x: a node of y's graph, f32 or f64; dy: of y's shape and dtype. The claim has the shape of x, but for axes of length 1, or one that x is broadcast
 * to. Records on the tape and rewinds it. Errors: WEFT_ERROR_ARGUMENT (a NULL, a node of another tape), WEFT_ERROR_SHAPE, WEFT_ERROR_DTYPE,
 * WEFT_ERROR_UNBOUND, WEFT_ERROR_GRADIENT, WEFT_ERROR_MEMORY; they stick to the tape, and *result then has no findings. */
weft_status weft_diagnose(weft_node y, weft_node dy, weft_node x, const weft_diagnose_options *options, weft_diagnosis *result);
/* --- Paths ---------------------------------------------------------------------------------------------------------------------------------
 * A derivative sums over all paths from x to the loss, and these can be told apart: those of batch normalization lead to the loss directly, through
 * the mean, and through the variance. All of these record nodes, which can be printed, compiled and differentiated like any others; parts have names
 * made of those that they belong to, as dh_direct and dh_by_mu. Nothing is lost and nothing counts twice, so parts add up to the whole, in f64 within
 * rounding. Source: the sum over paths is the chain rule; Bauer, Computational graphs and rounding error, 1974. */

/* Splits d loss / d x by the chosen nodes that its paths meet. parts: (1 + n), each of the shape and dtype of x. parts[0]: by paths that meet none of
 * them. parts[1 + i]: by those that meet through[i] first, walking from x towards the loss; whatever they meet later. So a path through mu and then
 * sigma2 counts for mu. x itself may be chosen: every path begins there, and its part is the whole. Zeros where there is no such path.
 * Errors: those of weft_grad(); WEFT_ERROR_ARGUMENT: a chosen node is none of this tape, or chosen twice; WEFT_ERROR_DTYPE: it holds integers. */
weft_status weft_paths(weft_node loss, weft_node x, const weft_node *through, size_t n, weft_node *parts);

/* The same for cotangents, as weft_vjp(). A path that ends at a y that is chosen meets it. */
weft_status weft_paths_vjp(const weft_node *y, const weft_node *dy, size_t n_y, weft_node x, const weft_node *through, size_t n, weft_node *parts);

/* What the adjoint of one node owes to another. flows: (1 + n, n); flows[j][i], of the shape of between[i], is the part of the adjoint of between[i]
 * that comes from between[j - 1] by ways through no third one of them; flows[0][i] comes from y so. Column i adds up to the adjoint of between[i]; zeros
 * where there is no way. From sigma2 to mu of a batch normalization flows -2/N sum(h - mu) dsigma2 = 0. Errors: as weft_paths_vjp(). */
weft_status weft_flows(const weft_node *y, const weft_node *dy, size_t n_y, const weft_node *between, size_t n, weft_node *flows);

/* One step of the chain rule: dx[i] = dy . d y / d operand i, by the rule of y's op alone, also where one operand depends on another. dx: one for each operand
 * of y; of a further output of an op, for each operand of that op. A failed node, and no error, where nothing passes; an operand that occurs twice
 * has both at its first place. Errors: those of weft_vjp(). */
weft_status weft_pull_back(weft_node y, weft_node dy, weft_node *dx);

/* --- Why ---------------------------------------------------------------------------------------------------------------------------------
 * Where did this NaN come from, and why is this gradient zero? The graph is run as it was recorded, every node of it, and the answer names a node. */

typedef enum weft_reason {
    WEFT_WHY_NOTHING,    /* there is nothing to explain */
    WEFT_WHY_GIVEN,      /* NaN, Inf: an input, a parameter or a constant holds it */
    WEFT_WHY_MADE,       /* NaN, Inf: the node made it of operands that have none there */
    WEFT_WHY_NO_PATH,    /* zero: y does not depend on x */
    WEFT_WHY_STOPPED,    /* zero: every path leads through a node that lets no derivative back: weft_stop_gradient(), sign, a comparison, integers */
    WEFT_WHY_FLAT,       /* zero: the node's own derivative is 0 at the values of its operands, as that of a dead relu */
    WEFT_WHY_TIMES_ZERO, /* zero: the node multiplies by an operand that is 0 */
    WEFT_WHY_NOT_READ,   /* zero: the node does not read that element, or weighs it with 0 */
    WEFT_WHY_CANCELS,    /* zero by construction: what arrives at the node, or is added up in it, cancels, as for a sum of normalised values */
    WEFT_WHY_UNDERFLOW   /* zero: a product of factors that are not 0 */
} weft_reason;

enum { WEFT_WHY_OPERANDS = 8 };

typedef struct weft_why {
    weft_reason reason;
    weft_node node;  /* the one to blame; a failed node for NOTHING and NO_PATH */
    size_t element;  /* of it, in C order */
    double value;    /* there */
    int n;           /* its operands, without integers */
    weft_node operand[WEFT_WHY_OPERANDS];
    size_t operand_element[WEFT_WHY_OPERANDS]; /* that the element is made of; the largest of several */
    double operand_value[WEFT_WHY_OPERANDS];
    size_t affected, count; /* elements of y that are not finite, or of the gradient that are 0; of how many */
    char message[WEFT_MESSAGE_SIZE]; /* all of this in words: node, scope, operands, element */
} weft_why;

/* The first node, in the order of the tape, that made a NaN or Inf which led to one in y. An element that weft_where() does not choose leads nowhere.
 * bind: every input that y needs. Leaves the tape as it was.
 * Errors: WEFT_ERROR_ARGUMENT, WEFT_ERROR_DTYPE (y holds integers), and those of weft_compile(), weft_bind() and weft_run(). */
weft_status weft_why_nan(weft_node y, const weft_binding *bind, size_t n_bind, weft_why *why);

/* Why d sum(y) / d x is 0: at its first element that is. An element is 0 also where it is rounding: below 1e-12 (f32: 1e-5) of what it would be if
 * nothing cancelled. From x the answer follows the first user of each node towards y until it meets a reason. Records on the tape and rewinds it.
 * Errors: as above, and those of weft_vjp(). */
weft_status weft_why_zero(weft_node y, weft_node x, const weft_binding *bind, size_t n_bind, weft_why *why);

/* --- Accuracy ----------------------------------------------------------------------------------------------------------------------------
 * What a graph of f32 loses, and where; or with MPFR one of f64. It is run a node at a time, each result rounded to its number type and stored, and once
 * more in f64 throughout, or in MPFR, which is the truth here. What a node's result is off by has two parts: the error that the op made on the operands
 * that it got, found by the same op with the truth's digits on these very operands, and the one that it inherited with them. And an error made may grow
 * on its way: it is put into the true run, alone, and what comes of it is read at the outputs. log(1 + x) of a small x shows all three: the sum makes
 * half an ulp, the logarithm inherits millions, and of all that the output is off by, the sum is the cause.
 *
 * An ulp is the distance of the node's numbers at the true value; at one that is 0, that at the largest of its array. Source: Higham, Accuracy and stability of
 * numerical algorithms, 2002, 1.5 and 2.1; Bauer, 1974, for errors that are put in one at a time. */

typedef struct weft_ulps {
    double largest, rms; /* over the elements */
    size_t worst;        /* the element where it is largest, in C order */
} weft_ulps;

typedef struct weft_audit_row {
    weft_node node;
    weft_ulps made, inherited; /* in ulp of the node's own elements */
    weft_ulps carried;         /* the error made here, as it arrives at the outputs, in ulp of theirs; over all outputs, worst: of the one that has it */
} weft_audit_row;

/* How outputs were computed. */
typedef enum weft_audit_way {
    WEFT_AUDIT_STAGED,    /* a node at a time, each result stored */
    WEFT_AUDIT_RECORDED,  /* one program of the graph as recorded: small nodes stay in f64, see weft_compile() */
    WEFT_AUDIT_REWRITTEN, /* the program of weft_compile() */
    WEFT_AUDIT_COMPILED,  /* the same on the C backend */
    WEFT_AUDIT_FUSED,     /* the program of the nodes that the caller has beside y */
    WEFT_AUDIT_WAYS
} weft_audit_way;

typedef struct weft_audit_options {
    const weft_binding *bind; /* every input that y, or fused, needs */
    size_t n_bind;
    const weft_node *fused;       /* (n) or NULL: what is to equal y[k], of its shape and dtype */
    const weft_options *compiled; /* for the C backend; NULL: it is left out */
    weft_truth truth;             /* by default MPFR where a y is f64 */
} weft_audit_options;

typedef struct weft_audit_report {
    weft_truth truth;     /* that was taken */
    weft_audit_row *rows; /* (n_rows) each node of f32 that y needs, and with MPFR of f64, the largest `carried` first, then the largest `made` */
    size_t n_rows, rows_allocated;
    weft_ulps (*outputs)[WEFT_AUDIT_WAYS]; /* (n_outputs) against the truth; largest is NaN where a way was left out */
    size_t n_outputs;
    weft_allocator allocator; /* of the tape, which may be gone by the time of weft_audit_free() */
} weft_audit_report;

/* y: n nodes of f32, or with MPFR of f64 as well. Leaves the tape as it was. The report is freed by weft_audit_free(), also after an error, when it is
 * empty. A cast, one_hot and noise count as exact; i64 nodes are computed from true values in the true run.
 * Errors: WEFT_ERROR_DTYPE (y is i64, or f64 without MPFR), WEFT_ERROR_SHAPE (fused), WEFT_ERROR_ARGUMENT (MPFR: it is not there, an op has no exact form,
 * there are too many elements), those of weft_compile(), weft_bind() and weft_run(). */
weft_status weft_audit(const weft_node *y, size_t n, const weft_audit_options *options, weft_audit_report *report);
void weft_audit_free(weft_audit_report *report);
/* --- Proof -----------------------------------------------------------------------------------------------------------------------------------
 * Are two lists of nodes equal, exactly and for all inputs? Both are evaluated in prime fields, at random points, where nothing rounds: two
 * different quotients of polynomials of degree d agree at a point with a probability of at most d/p, and p is 2**60 or more. So the answer is
 * "equal" up to a stated chance, "different" with a counterexample in real numbers, or that it could not be told, and why.
 *
 * "Equal" means: as functions of real numbers, wherever both are defined and up to sets of measure zero, such as ties of maximum(). Number types do
 * not count; nothing is said of rounding. In the field
 *   - sums, differences, products, quotients, powers of multiples of 1/2, their reductions, matmul and whatever moves elements are what they are;
 *     for roots, points are drawn at which they exist, and a square is what is positive;
 *   - comparisons, relu, max and their like go by the sign of a difference: whether it is a square. Each sign is drawn, in effect;
 *   - exp, log, erf and other functions, floor and noise are fresh symbols: equal operands give equal values, and more than a few symmetries is not
 *     known of them. So exp(a + b) = exp(a) exp(b) cannot be proved here;
 *   - a constant is the first fraction of its continued fraction, with a divisor of at most 10**6, that it is within four roundings of: 1e-5 is
 *     1/100000, 0.1 + 0.2 is 3/10; if there is none, the dyadic fraction that it is;
 *   - fused ops are their staged twins. Kernels are not looked at.
 * Signs need not be such as real numbers have, and symbols have no properties: so what differs in the field is only called different where it
 * also does in a run on real numbers, by far more than rounding.
 * Source: Schwartz, 1980; Zippel, 1979; engine/judge/prove.c has the argument. */
typedef enum weft_proof_verdict {
    WEFT_NOT_PROVED, /* it could not be told; the message says why */
    WEFT_PROVED,     /* equal, but for a chance of `false_equal` */
    WEFT_REFUTED     /* different: `pair`, `element`, `left` and `right` are a counterexample */
} weft_proof_verdict;

typedef struct weft_prove_options {
    const weft_binding *bind; /* inputs and parameters to be taken as constants, such as indices; the others are drawn */
    size_t n_bind;
    size_t points; /* at which both must agree; 0: 2, or 40 where signs, masks, roots or indices are drawn too */
    size_t tries;  /* points drawn in all before it gives up, as roots may not exist at them; 0: 2**14 */
    uint64_t seed;
} weft_prove_options; /* zeros are the defaults */

typedef struct weft_proof {
    weft_proof_verdict verdict;
    size_t points, tries; /* at which both agreed; drawn */
    double degree;        /* at most that of the numerator of a[k] - b[k] */
    size_t roots, signs, symbols; /* at one point, at most: roots, decisions by a sign, values of functions */
    double false_equal;   /* the chance that a difference went unseen: (4**m degree/p)**points, for m roots that are related, and what symbols add.
                             Where signs, masks, roots or indices are drawn, of one that shows for half of them: (1/2)**points. One that needs k of them
                             to fall in one way shows at a share of 2**-k of the points, and escapes with (1 - 2**-k)**points */
    size_t pair, element; /* where the first difference was; element: in C order */
    double left, right;   /* refuted: a[pair] and b[pair] there, for real inputs */
    char message[WEFT_MESSAGE_SIZE]; /* the verdict in words */
} weft_proof;

/* a[k] and b[k]: n >= 1 nodes each, of one tape and equal shapes, both of numbers or both i64. options: NULL for the defaults. Records on the tape
 * and rewinds it. Ops without a meaning in the field end with WEFT_NOT_PROVED and their name. i64 inputs are drawn from what their users accept; a
 * mask, the first operand of where(), is 0 at half of the points. Use small shapes: the work grows with the elements, and some 25 roots that share
 * inputs leave no bound. Errors: WEFT_ERROR_ARGUMENT (a NULL, n of 0, nodes that failed or are of other tapes, a binding of the wrong size),
 * WEFT_ERROR_SHAPE, WEFT_ERROR_DTYPE, WEFT_ERROR_MEMORY; as the tape's error, and *proof is not proved. */
weft_status weft_prove(const weft_node *a, const weft_node *b, size_t n, const weft_prove_options *options, weft_proof *proof);

#ifdef __cplusplus
}
#endif
#endif

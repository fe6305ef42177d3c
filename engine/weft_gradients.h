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

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

#ifdef __cplusplus
}
#endif
#endif

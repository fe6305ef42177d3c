/* derive.h: what the walks over a tape share, backward and forward. What they carry from node to node, an adjoint or a tangent, is called a
 * derivative here: it has the shape and dtype of its node. */
#ifndef WEFT_DERIVE_DERIVE_H
#define WEFT_DERIVE_DERIVE_H

#include "engine/record/tape.h"

/* What is stamped on each new record; a walk puts it back when it ends. */
typedef struct weft__stamps {
    weft__scope *scope;
    uint32_t adjoint_of;
    uint16_t edge;
} weft__stamps;

static inline weft__stamps weft__stamps_now(const weft_tape *tape)
{
    return (weft__stamps){tape->scope, tape->adjoint_of, tape->edge};
}

static inline void weft__stamps_set(weft_tape *tape, weft__stamps stamps)
{
    tape->scope = stamps.scope;
    tape->adjoint_of = stamps.adjoint_of;
    tape->edge = stamps.edge;
}

/* In place of an operand: the node adds up contributions; it is a copy. */
enum { WEFT__NO_EDGE = UINT16_MAX, WEFT__COPY = UINT16_MAX - 1 };

/* derivative * partial, without a product by 1 or -1. */
weft_node weft__times_partial(weft_node derivative, weft_node partial);

/* Whether a rule gave node id a derivative of the right shape and dtype; if not, the tape says so. what: "cotangent". */
bool weft__derivative_fits(weft_tape *tape, uint32_t id, weft_node given, const char *what);

/* Gives the finished derivative of a named node that name between two others, if it was recorded from id `first` on and has no name yet. A
 * constant keeps showing its value. */
void weft__name_derivative(weft_tape *tape, uint32_t id, uint32_t derivative, uint32_t first, const char *before, const char *after);

/* x[0 .. n) are nodes of the tape that can be differentiated for. who: "gradient", as messages begin. */
weft_status weft__check_x(weft_tape *tape, const char *who, const weft_node *x, size_t n);

/* y[k] and its cotangent, or x[i] and its tangent, both called `with`, are nodes of the tape and of one shape and dtype. role: "output" or "x". */
weft_status weft__check_pairs(weft_tape *tape, const char *who, const char *role, const char *with, const weft_node *x, const weft_node *dx,
                              size_t n);

#endif

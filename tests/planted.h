/* planted.h: wrong gradients, planted on purpose. Each is what somebody derives by hand and gets wrong, many of them after a thread where it was
 * seen; a checker that passes one of them is no checker. A family is a staged function and its hand-derived gradients, as graphs of the same
 * inputs and the cotangent, with a switch for the mistake; without one they are right, and a checker must say so.
 *
 *     planted_graph g;
 *     planted_record(bug->family, bug->mistake, tape, WEFT_F64, &g);  // g.dx[bug->wrong] is wrong, the others are as the mistake leaves them */
#ifndef WEFT_TESTS_PLANTED_H
#define WEFT_TESTS_PLANTED_H

#include "engine/weft.h"

enum { PLANTED_OPERANDS = 5 };

/* The other gradients of a family need not be right when one is wrong: a wrong rstd goes into both dh and dgamma. */
typedef enum planted_mistake {
    PLANTED_NONE,
    /* of a path or a factor, in the gradient of the normalised or the shared operand */
    MEAN_PATH, VARIANCE_PATH, BOTH_PATHS, SUM_PATH, OWN_PATH, SKIP_PATH, LAYER_PATH, DECAY_PATH,
    GAMMA_SKIPPED, GAMMA_OUTSIDE, RSTD_SKIPPED, FACTOR_SKIPPED,
    /* of the statistics that the backward pass reads */
    RSTD_AS_VARIANCE, VARIANCE_FOR_RSTD, STD_FOR_RSTD, EPS_OUTSIDE, EPS_FORGOTTEN, UNBIASED, RUNNING,
    /* of a factor or a sign */
    BESSEL, SUM_IN_MEAN, SUM_IN_VARIANCE, TWO_FORGOTTEN, HALF_FORGOTTEN, MEAN_SIGN, VARIANCE_SIGN, SIGN, NOT_DIVIDED,
    /* of a sum over what was broadcast */
    UNSUMMED, MEAN_FOR_SUM, LAST_ROW, DIAGONAL,
    /* of a matrix product or a mask */
    W_NOT_TRANSPOSED, X_NOT_TRANSPOSED, RESULT_TRANSPOSED, MASK_FORGOTTEN, MASK_OF_X, MASK_OF_DY
} planted_mistake;

typedef struct planted_operand {
    const char *name;
    weft_shape shape;
    enum { PLANTED_NORMAL, PLANTED_POSITIVE } values; /* standard normal, or from 0.5 to 2 */
    bool constant; /* no gradient is claimed for it */
} planted_operand;

typedef struct planted_family {
    const char *name;
    int n;
    planted_operand x[PLANTED_OPERANDS];
    weft_node (*value)(const weft_node *x);
    void (*gradient)(const weft_node *x, weft_node dy, planted_mistake mistake, weft_node *dx); /* dx of a constant: tape NULL */
} planted_family;

typedef struct planted_bug {
    const char *name;
    const char *seen; /* a thread, as "darknet #1723"; or NULL */
    const planted_family *family;
    planted_mistake mistake;
    int wrong;        /* the operand whose gradient is wrong */
    const char *says; /* words that the diagnosis must have */
} planted_bug;

typedef struct planted_graph {
    weft_node x[PLANTED_OPERANDS], y, dy, dx[PLANTED_OPERANDS];
} planted_graph;

size_t planted_count(void);
const planted_bug *planted_at(size_t i); /* NULL beyond the last */
size_t planted_family_count(void);
const planted_family *planted_family_at(size_t i); /* NULL beyond the last */

/* Makes the inputs, and dy of y's shape, and records y and dx. */
void planted_record(const planted_family *family, planted_mistake mistake, weft_tape *tape, weft_dtype dtype, planted_graph *graph);

/* Values for an operand, or with NULL for dy: count of them, normal, or from 0.5 to 2. The same seed gives the same values. */
void planted_fill(const planted_operand *operand, uint64_t *seed, size_t count, double *values);

#endif

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
 * What a graph of f32 loses, and where. It is run a node at a time, each result rounded to f32 and stored, and once more in f64 throughout, which is the
 * truth here: its own errors are 2**-29 of those that are measured. What a node's result is off by has two parts: the error that the op made on the
 * operands that it got, found by the same op in f64 on these very operands, and the one that it inherited with them. And an error made may grow on its
 * way: it is put into the run in f64, alone, and what comes of it is read at the outputs. log(1 + x) of a small x shows all three: the sum makes half an
 * ulp, the logarithm inherits millions, and of all that the output is off by, the sum is the cause.
 *
 * An ulp is the distance of f32 at the true value; at one that is 0, that at the largest of its array. Source: Higham, Accuracy and stability of
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
    WEFT_AUDIT_STAGED,    /* a node at a time, each result stored in f32 */
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
} weft_audit_options;

typedef struct weft_audit_report {
    weft_audit_row *rows; /* (n_rows) each node of f32 that y needs, the largest `carried` first, then the largest `made` */
    size_t n_rows, rows_allocated;
    weft_ulps (*outputs)[WEFT_AUDIT_WAYS]; /* (n_outputs) against the truth; largest is NaN where a way was left out */
    size_t n_outputs;
    weft_allocator allocator; /* of the tape, which may be gone by the time of weft_audit_free() */
} weft_audit_report;

/* y: n nodes of f32. Leaves the tape as it was. The report is freed by weft_audit_free(), also after an error, when it is empty. A cast, one_hot and
 * noise count as exact; i64 nodes are computed from true values in the run in f64.
 * Errors: WEFT_ERROR_DTYPE (y is not f32), WEFT_ERROR_SHAPE (fused), WEFT_ERROR_ARGUMENT, those of weft_compile(), weft_bind() and weft_run(). */
weft_status weft_audit(const weft_node *y, size_t n, const weft_audit_options *options, weft_audit_report *report);
void weft_audit_free(weft_audit_report *report);

#ifdef __cplusplus
}
#endif
#endif

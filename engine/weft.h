/* weft.h: the public interface of Weft, a computation-graph autodiff engine.
 *
 * A *tape* is an append-only list of *nodes*; a node is one op applied to earlier nodes. Builders such as weft_mul() record nodes and
 * compute nothing. weft_grad() walks the tape backwards and records the derivative as further nodes, so it can be printed, compiled and
 * differentiated again. weft_compile() lowers chosen nodes to a *program*, which runs many times without allocating.
 *
 *     weft_tape *t = weft_tape_new(NULL);
 *     weft_node x = weft_input(t, "x", WEFT_F64, 1, (size_t[]){3});
 *     weft_node y = weft_sum(weft_mul(x, x), WEFT_ALL_AXES, false), dx;
 *     weft_grad(y, &x, 1, &dx);                                     // dx = 2x
 *     weft_program *p = weft_compile(&dx, 1);
 *     weft_bind(p, x, (double[]){1, 2, 3}, 3 * sizeof(double));
 *     if (weft_run(p) != WEFT_OK) puts(weft_program_message(p));
 *     const double *result = weft_output(p, 0);                     // 2 4 6
 *
 * Errors. The first error sticks to the tape: a builder given a failed node returns a failed node, so straight-line code asks
 * weft_tape_status() once, at the end. Nothing here prints, aborts or exits. Every function accepts NULL where it takes a tape or a program.
 * Threads. Different tapes and programs may be used from different threads; one of them by one thread at a time.
 * Ownership. A tape owns its nodes and strings, a program its buffers, the caller the arrays that he passes.
 *
 * In order of use: status, shapes, tape, leaves, builders, functions (weft_functions.h), derivatives, programs, gradients judged (weft_gradients.h), text,
 * graphs explained (weft_explain.h), expressions, arrays in files, the catalogue of ops. */
#ifndef WEFT_H
#define WEFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- Status ----------------------------------------------------------------------------------------------------------------------- */

typedef enum weft_status {
    WEFT_OK,
    WEFT_ERROR_MEMORY,   /* an allocation failed */
    WEFT_ERROR_ARGUMENT, /* a NULL, a value out of range, a node of another tape or one that was rewound */
    WEFT_ERROR_SHAPE,    /* shapes, ranks or axes do not fit */
    WEFT_ERROR_DTYPE,    /* number types do not fit */
    WEFT_ERROR_GRADIENT, /* no derivative exists where one was asked for */
    WEFT_ERROR_UNBOUND,  /* a program ran before weft_bind() gave an input its memory */
    WEFT_ERROR_INDEX,    /* an index in the data is out of range */
    WEFT_ERROR_FILE,     /* the system refused to open, read or write a file */
    WEFT_ERROR_FORMAT,   /* a file's content is malformed or of a kind not supported */
    WEFT_ERROR_COMPILER, /* the C backend was asked for and there is no compiler, or it failed; the program runs on the other one */
    WEFT_ERROR_SYNTAX    /* the text of an expression cannot be read */
} weft_status;

enum { WEFT_MESSAGE_SIZE = 512 };

const char *weft_status_text(weft_status status); /* "out of memory", ...; a constant string */

/* The caller's allocator. allocate() returns memory aligned as malloc's, or NULL; release() gets the size that was asked for. */
typedef struct weft_allocator {
    void *(*allocate)(void *context, size_t bytes);
    void (*release)(void *context, void *memory, size_t bytes);
    void *context;
} weft_allocator;

/* --- Shapes and number types -------------------------------------------------------------------------------------------------------- */

typedef enum weft_dtype { WEFT_F32, WEFT_F64, WEFT_I64 } weft_dtype; /* i64 holds indices and labels only */

enum { WEFT_MAX_RANK = 8 };

typedef struct weft_shape {
    int rank; /* 0: a scalar */
    size_t dim[WEFT_MAX_RANK];
} weft_shape; /* C order: the last axis is contiguous */

size_t weft_dtype_size(weft_dtype dtype);      /* bytes of one element */
const char *weft_dtype_name(weft_dtype dtype); /* "f32" */
size_t weft_shape_count(const weft_shape *shape); /* elements: the product of the dims */

/* NumPy's rule for n shapes: aligned at the last axis, equal or 1 on each. Returns -1, or the axis of *common where they disagree. */
int weft_shape_broadcast(const weft_shape *shapes, int n, weft_shape *common);

/* Sets of axes for reductions: WEFT_AXIS(0) | WEFT_AXIS(2). */
#define WEFT_AXIS(i) (1u << (i))
#define WEFT_ALL_AXES (~0u)

/* --- Tape --------------------------------------------------------------------------------------------------------------------------- */

typedef struct weft_tape weft_tape;

typedef struct weft_node {
    weft_tape *tape;
    uint32_t id;  /* ids grow along the tape; operands come before their users */
    uint32_t era; /* counts rewinds, so that a handle from before one is recognised as stale */
} weft_node;

#define WEFT_NO_ID UINT32_MAX /* the id of a failed node */

weft_tape *weft_tape_new(const weft_allocator *allocator); /* NULL: malloc and free. Returns NULL when out of memory */
void weft_tape_free(weft_tape *tape);
weft_status weft_tape_status(const weft_tape *tape);   /* the first error; WEFT_ERROR_MEMORY for NULL */
const char *weft_tape_message(const weft_tape *tape);  /* that error in words; "" when there is none */
uint32_t weft_tape_count(const weft_tape *tape);       /* nodes recorded */
size_t weft_tape_bytes(const weft_tape *tape);         /* memory held by the tape */
weft_node weft_tape_node(weft_tape *tape, uint32_t id); /* a handle to node id, or a failed node */

/* Names and scopes travel into listings, drawings and messages. The tape copies the strings. */
weft_node weft_name(weft_node x, const char *name); /* names x and returns it; a later name wins */
void weft_scope_push(weft_tape *tape, const char *name);
void weft_scope_pop(weft_tape *tape);

/* Opens a scope, which weft_scope_pop() closes, whose values weft_grad() and weft_vjp() do not keep: where they walk back through the scope they
 * record copies of its nodes, computed anew from what the scope reads from outside, once the cotangent of its results is there. So a program keeps
 * what goes into the scope and nothing of what is computed inside, at the price of computing that twice. Such scopes nest, and then the inner one is
 * computed three times. Derivatives have the values that they have without, within rounding: in f64 as recorded, the same bits. It holds for nodes
 * recorded in the scope, once it is closed; derivatives and rewritten nodes are not in it. weft_jvp() keeps nothing, and takes no notice.
 * Source: Griewank and Walther, 2000, algorithm 799; Chen, Xu, Zhang and Guestrin, 2016. */
void weft_checkpoint_push(weft_tape *tape, const char *name);

/* A mark remembers a length; rewinding forgets every later node and an error, and keeps the memory for the next recording. */
typedef struct weft_mark {
    uint32_t count;
    void *scope, *checkpoints;
    void *chunk;
    size_t used;
} weft_mark;

weft_mark weft_tape_mark(const weft_tape *tape);
void weft_tape_rewind(weft_tape *tape, weft_mark mark); /* mark: of this tape, and not itself rewound */

/* Runs every shape rule again and checks the order of the operands: WEFT_OK, or the first discrepancy, as the tape's error. */
weft_status weft_tape_verify(weft_tape *tape);

/* What a node is. For a failed node: zeros, NULL and "". */
typedef struct weft_op weft_op;
bool weft_node_failed(weft_node x);
weft_shape weft_node_shape(weft_node x);
weft_dtype weft_node_dtype(weft_node x);
const char *weft_node_name(weft_node x);  /* "" when it has none */
const char *weft_node_scope(weft_node x); /* "layer1/batchnorm" */
const weft_op *weft_node_op(weft_node x);
int weft_node_operand_count(weft_node x);
weft_node weft_node_operand(weft_node x, int i);
bool weft_node_scalar(weft_node x, double *value); /* true for a constant of one value, broadcast or not */

/* True when a derivative recorded x on behalf of operand `edge` of node `of`; edge -1: x adds up what arrived at `of` from several users; edge -2: x
 * computes `of` again, or what that takes, see weft_checkpoint_push(). */
bool weft_node_adjoint_of(weft_node x, weft_node *of, int *edge);

/* --- Leaves --------------------------------------------------------------------------------------------------------------------------- */

weft_node weft_input(weft_tape *tape, const char *name, weft_dtype dtype, int rank, const size_t *dim);     /* memory bound at run */
weft_node weft_parameter(weft_tape *tape, const char *name, weft_dtype dtype, int rank, const size_t *dim); /* kept by the program, first 0 */
weft_node weft_constant(weft_tape *tape, weft_dtype dtype, int rank, const size_t *dim, const void *data);  /* data is copied */
weft_node weft_scalar(weft_tape *tape, weft_dtype dtype, double value);
weft_node weft_scalar_like(weft_node x, double value);    /* rank 0, dtype of x */
weft_node weft_full_like(weft_node x, double value);      /* shape and dtype of x */
weft_node weft_assign(weft_node parameter, weft_node value); /* as an output of a program: parameter = value at the end of each run */

/* --- Builders: elementwise ------------------------------------------------------------------------------------------------------------
 * Operands f32 or f64, all of one dtype; shapes by NumPy's broadcasting rule (aligned at the last axis; 1 stretches), which records an
 * explicit broadcast node wherever a shape differs from the result's. Errors: WEFT_ERROR_SHAPE, WEFT_ERROR_DTYPE.
 * Values at NaN, infinities and zeros are those of IEEE 754 and the C library. exp, log and what is made of them run as vectors of our own: within
 * 1 ulp of the true value for exp, expm1, log, log1p and elu of 1 in f64, 2 for softplus, 3 for tanh, sigmoid and silu; in f32 0.51 for exp, erf and
 * gelu, 0.5001 for the others.
 *
 * At kinks the derivative is PyTorch's: 0 at 0 for relu and abs, the slope at 0 for leaky_relu, alpha at 0 for elu, 1 at both bounds of clip, one
 * half to each operand at a tie of maximum and minimum, Inf at 0 for sqrt, -Inf for rsqrt. So the norm sqrt(sum(x**2)) of a zero vector has the
 * gradient NaN, as there; weft_l2_normalize() with an eps has none. sign, floor and the comparisons are piecewise constant and their derivative is 0
 * everywhere. No derivative of first or second order is NaN for finite operands where the op is defined, at poles of div and pow excepted.
 * Where an operand is NaN the derivative of maximum, minimum and relu is 0, as no comparison holds, and that of elu and abs is NaN; PyTorch has 0
 * for abs and 1 for the others. Nothing should depend on it, as the value is NaN too. */
weft_node weft_add(weft_node a, weft_node b);     /* y = a + b */
weft_node weft_sub(weft_node a, weft_node b);     /* y = a - b */
weft_node weft_mul(weft_node a, weft_node b);     /* y = a * b */
weft_node weft_div(weft_node a, weft_node b);     /* y = a / b */
weft_node weft_neg(weft_node a);                  /* y = -a */
weft_node weft_reciprocal(weft_node a);           /* y = 1 / a */

weft_node weft_pow(weft_node a, weft_node b);     /* y = a ** b; a constant b of 2, 1, 0.5, -0.5, -1, ... runs as products and roots */
weft_node weft_square(weft_node a);               /* y = a ** 2 */
weft_node weft_sqrt(weft_node a);                 /* y = a ** (1/2) */
weft_node weft_rsqrt(weft_node a);                /* y = a ** (-1/2); -Inf at -0 */

weft_node weft_exp(weft_node a);                  /* y = e ** a */
weft_node weft_expm1(weft_node a);                /* y = e ** a - 1, exact next to 0: 1e-20 at 1e-20 */
weft_node weft_log(weft_node a);                  /* y = ln a */
weft_node weft_log1p(weft_node a);                /* y = ln(1 + a), exact next to 0: 1e-20 at 1e-20 */
weft_node weft_sin(weft_node a);                  /* y = sin a, in radians */
weft_node weft_cos(weft_node a);                  /* y = cos a */
weft_node weft_tanh(weft_node a);                 /* y = (e ** a - e ** -a) / (e ** a + e ** -a) */
weft_node weft_sigmoid(weft_node a);              /* y = 1 / (1 + e ** -a); 0 at -1000, 1 at 1000 */
weft_node weft_softplus(weft_node a);             /* y = ln(1 + e ** a); 0 at -1000, 1000 at 1000 */
weft_node weft_erf(weft_node a);                  /* y = 2/sqrt(pi) * integral of e ** -t**2 from 0 to a */

weft_node weft_relu(weft_node a);                 /* y = max(a, 0); NaN stays */
weft_node weft_leaky_relu(weft_node a, double slope); /* y = a where a > 0, else slope * a */
weft_node weft_elu(weft_node a, double alpha);    /* y = a where a > 0, else alpha * (e ** a - 1) */
weft_node weft_silu(weft_node a);                 /* y = a * sigmoid(a); NaN at -Inf, as PyTorch has it */
weft_node weft_gelu(weft_node a);                 /* y = a/2 * (1 + erf(a / sqrt 2)), the exact one; NaN at -Inf, as PyTorch has it */

weft_node weft_abs(weft_node a);                  /* y = |a| */
weft_node weft_sign(weft_node a);                 /* y = -1, 0 or 1; NaN stays, as in NumPy (PyTorch has 0 there) */
weft_node weft_floor(weft_node a);                /* y = largest whole number <= a */
weft_node weft_maximum(weft_node a, weft_node b); /* y = max(a, b); NaN if either is */
weft_node weft_minimum(weft_node a, weft_node b); /* y = min(a, b); NaN if either is */

/* y = min(max(x, low), high), so high where low > high; NaN stays. Either bound may be infinite. WEFT_ERROR_ARGUMENT: one is NaN. */
weft_node weft_clip(weft_node x, double low, double high);

/* Masks of 0 and 1 in the operands' dtype. */
weft_node weft_less(weft_node a, weft_node b);          /* y = 1 where a < b, else 0 */
weft_node weft_less_equal(weft_node a, weft_node b);    /* y = 1 where a <= b, else 0 */
weft_node weft_greater(weft_node a, weft_node b);       /* y = 1 where a > b, else 0 */
weft_node weft_greater_equal(weft_node a, weft_node b); /* y = 1 where a >= b, else 0 */
weft_node weft_equal(weft_node a, weft_node b);         /* y = 1 where a = b, else 0 */
weft_node weft_not_equal(weft_node a, weft_node b);     /* y = 1 where a != b, else 0 */
weft_node weft_where(weft_node mask, weft_node a, weft_node b); /* y = a where mask is not 0, else b */

/* --- Builders: reductions, movement, linear algebra ------------------------------------------------------------------------------------
 * axes: a set of WEFT_AXIS(i), or WEFT_ALL_AXES; keepdims leaves the reduced axes in place with length 1. */
weft_node weft_sum(weft_node x, unsigned axes, bool keepdims); /* y = sum of x over the axes; 0 over none */
weft_node weft_max(weft_node x, unsigned axes, bool keepdims); /* y = largest of x; the derivative is shared evenly among ties (as amax) */
weft_node weft_min(weft_node x, unsigned axes, bool keepdims); /* y = smallest of x; the same. NaN where one is; of nothing an error, as max */
weft_node weft_broadcast(weft_node x, int rank, const size_t *dim); /* numpy.broadcast_to */
weft_node weft_reshape(weft_node x, int rank, const size_t *dim);   /* same elements in C order */
weft_node weft_transpose(weft_node x, const int *order);            /* axis i of y is axis order[i] of x; NULL reverses the axes */
weft_node weft_first(weft_node x, unsigned axes, bool keepdims);    /* x at index 0 of the axes, none of them empty */
weft_node weft_stop_gradient(weft_node x);                          /* x, with derivative 0 */

/* y = product of x over the axes, 1 over none, multiplied in f64: off by n 2**-53 of it for n factors, if no partial product leaves the range of
 * f64. Its derivatives, of any order, are products of other factors and divide by none, so they hold where x is 0. */
weft_node weft_prod(weft_node x, unsigned axes, bool keepdims);

/* y[.., i, ..] = sum of x[.., j, ..] over j <= i along an axis; negative axes count from the end. It adds up in f64, so that element i is off by
 * i 2**-53 of the sum of magnitudes and one rounding. Errors: WEFT_ERROR_SHAPE (axis), WEFT_ERROR_DTYPE. */
weft_node weft_cumsum(weft_node x, int axis);

/* Where along an axis the largest or smallest element is, as i64: the first of several, or of the NaNs where there are any (NumPy, PyTorch).
 * Without that axis, or with length 1 there. Errors: WEFT_ERROR_SHAPE (axis, or an empty one), WEFT_ERROR_DTYPE.
 * They have no derivative. What is computed with them can have one, as weft_gather_elements(x, weft_argmax(x, ..), ..); but where no other way
 * leads from x to the loss, weft_grad() and weft_vjp() give WEFT_ERROR_GRADIENT. weft_stop_gradient(x) as their operand says that zeros are meant;
 * and so a second derivative takes an index that the first has used. */
weft_node weft_argmax(weft_node x, int axis, bool keepdims);
weft_node weft_argmin(weft_node x, int axis, bool keepdims);

/* y = a @ b over the last two axes; the axes before them broadcast: (.., M, K) @ (.., K, N) -> (.., M, N). A vector is one row as a, one column as
 * b, and the product has no axis for it: (K) @ (K) -> (). The sum is in the dtype; an f32 sum in parts, of 256 terms (16 without a BLAS), or of 2048
 * where M, N and K are all large, and f64 adds up the parts. Errors: WEFT_ERROR_SHAPE, WEFT_ERROR_DTYPE. As numpy.matmul. */
weft_node weft_matmul(weft_node a, weft_node b);

/* Indices. They are i64 and count from 0; negative axes count from the end, negative indices are out of range. An index out of range is
 * WEFT_ERROR_INDEX when the program runs. Derivatives pass to x; where several elements were added up, in the order of the index. */

/* y[.., m, ..] = x[.., index[m], ..]: the axes of the index, none or several, replace the axis. x of any dtype. As numpy.take. */
weft_node weft_take(weft_node x, weft_node index, int axis);
weft_node weft_gather(weft_node table, weft_node index);               /* weft_take(table, index, 0): (R, ...), i64 (M) -> (M, ...) */
weft_node weft_scatter_add(weft_node x, weft_node index, size_t rows); /* (M, ...), i64 (M) -> (rows, ...): y[index[m]] += x[m], in the dtype */

/* y[.., m, ..] = x[.., index[.., m, ..], ..]: index has the rank of x, and on the other axes the two broadcast. x of any dtype. As
 * numpy.take_along_axis; as torch.gather where the other axes are equal. */
weft_node weft_gather_elements(weft_node x, weft_node index, int axis);

/* Its transpose: zeros with `length` elements along the axis, to which y[.., index[.., m, ..], ..] += x[.., m, ..], in C order and in the dtype.
 * x and index broadcast. */
weft_node weft_scatter_add_elements(weft_node x, weft_node index, int axis, size_t length);

weft_node weft_one_hot(weft_node index, size_t classes, weft_dtype dtype); /* i64 (...) -> (..., classes): 1 at index, else 0 */

/* numpy x[start:stop:step, ...]: along axis i the elements at start[i], start[i] + step[i], ... before stop[i]. Each array has an entry for each
 * axis. As in NumPy, negative starts and stops count from the end, what lies outside is clipped, and a negative step walks backwards. An entry of
 * WEFT_LEFT_OUT is one that NumPy's user leaves out: the step is 1, and start and stop are the ends that the step runs between; NULL in place of an
 * array leaves all of its entries out. A stop of -1 is in front of the last element; a walk back to the first one has its stop left out. Any dtype.
 * Errors: WEFT_ERROR_ARGUMENT (a step of 0). */
#define WEFT_LEFT_OUT PTRDIFF_MAX
weft_node weft_slice(weft_node x, const ptrdiff_t *start, const ptrdiff_t *stop, const ptrdiff_t *step);
weft_node weft_flip(weft_node x, unsigned axes); /* numpy.flip: x backwards along the axes. Errors: WEFT_ERROR_SHAPE */

/* before[i] zeros in front of x along axis i, and after[i] behind it; NULL: none along any. Any dtype. Errors: WEFT_ERROR_SHAPE (too large). */
weft_node weft_pad(weft_node x, const size_t *before, const size_t *after);

/* numpy.concatenate and numpy.stack: n nodes one behind the other along an axis that they have, or along a new one, which the result then has.
 * Negative axes count from the end. All of one dtype, any; concat: of one shape but for that axis; stack: of one shape. concat of one node is that
 * node. Errors: WEFT_ERROR_SHAPE, WEFT_ERROR_DTYPE; without a node (n of 0) there is no tape to tell, only the failed node returned. */
weft_node weft_concat(const weft_node *x, size_t n, int axis);
weft_node weft_stack(const weft_node *x, size_t n, int axis);

/* numpy.split: writes as many slices of x as there are parts, equal ones along the axis, to out. Errors: WEFT_ERROR_SHAPE (axis, or its length is no
 * multiple of parts), WEFT_ERROR_ARGUMENT. */
weft_status weft_split(weft_node x, int axis, size_t parts, weft_node *out);

/* x as another dtype; x itself where it has that one. Numbers round to the nearest; f32 or f64 to i64 truncates toward zero. A run in which an
 * element is NaN or outside of i64 ends with WEFT_ERROR_INDEX and a message that names it: NumPy warns and gives a meaningless number. The
 * derivative is cast back; there is none through i64. */
weft_node weft_cast(weft_node x, weft_dtype dtype);

/* --- Builders: noise --------------------------------------------------------------------------------------------------------------------
 * Random numbers from a counter: Philox4x32-10 of Salmon, Moraes, Dror and Shaw, SC 2011. An element is a function of the seed, the step, the
 * stream and its position in C order, and of nothing else: the same bits for any number of threads and on either backend. No derivative passes.
 *   seed: an i64 node of one element, any value.
 *   step: an f64 or i64 node of one element, a whole number from 0 to 2**46 - 1; else the run is WEFT_ERROR_ARGUMENT. For other noise each run make
 *       it an f64 parameter, and one more at the end of each: weft_assign(step, weft_add(step, weft_scalar(tape, WEFT_F64, 1))) as an output.
 *   stream: tells noises of one seed and step apart; one that has the stream of another repeats its numbers. uniform and normal share none.
 * Result: dtype f32 or f64, of the given shape. Errors: WEFT_ERROR_DTYPE, WEFT_ERROR_SHAPE. */
weft_node weft_uniform(weft_node seed, weft_node step, uint32_t stream, weft_dtype dtype, int rank, const size_t *dim);
    /* multiples of 2**-53 in [0, 1), each equally likely; in f32 of 2**-24, those of f64 rounded down */
weft_node weft_normal(weft_node seed, weft_node step, uint32_t stream, weft_dtype dtype, int rank, const size_t *dim);
    /* mean 0, variance 1, by the formula of Box and Muller, 1958, from 53 bits each; at most 8.58 from 0; f64 within 1.1e-14, f32 is f64 rounded */

/* --- Staged functions and fused ops: means, norms, losses, batch normalization, optimizers --------------------------------------------------- */
#include "weft_functions.h"

/* --- Derivatives ------------------------------------------------------------------------------------------------------------------------ */

/* dx[i] = d loss / d x[i], of the shape of x[i]; zeros where no path leads from x[i] to the loss. loss: one element.
 * x[i] may be any node, not only a leaf: the loss itself, whose derivative is 1; one that depends on another x[j]; the same one twice. Every path from
 * x[i] to the loss counts, also one through x[j]. Nothing is computed for what lies before x.
 * Errors: WEFT_ERROR_SHAPE (loss is not a scalar), WEFT_ERROR_DTYPE (x[i] holds integers), WEFT_ERROR_ARGUMENT (no node of this tape),
 * WEFT_ERROR_GRADIENT (an op on the way has no derivative; or the only way from x[i] to the loss goes through integers, as those of weft_argmax()).
 * So for all of these. */
weft_status weft_grad(weft_node loss, const weft_node *x, size_t n, weft_node *dx);

/* The same for cotangents: dx[i] = sum over k of dy[k] . d y[k] / d x[i]; dy[k] has the shape and dtype of y[k], else WEFT_ERROR_SHAPE. */
weft_status weft_vjp(const weft_node *y, const weft_node *dy, size_t n_y, const weft_node *x, size_t n_x, weft_node *dx);

/* Forward mode, for tangents: dy[k] = sum over i of d y[k] / d x[i] . dx[i], of the shape of y[k]; zeros where no path leads to y[k]. dx[i] has the
 * shape and dtype of x[i], else WEFT_ERROR_SHAPE. x as for weft_grad(), so u . dy = v . dx for the dy of tangents v and the dx of cotangents u.
 * It records about as many nodes as the ops between x and y, each once. Tangents of nodes that are called h are called h_dot. */
weft_status weft_jvp(const weft_node *y, size_t n_y, const weft_node *x, const weft_node *dx, size_t n_x, weft_node *dy);

/* The Hessian's product with v: hv[i] = sum over j of d2 loss / d x[i] d x[j] . v[j], of the shape of x[i], by forward mode over the gradient: some four
 * times the work of the loss. v[j] has the shape and dtype of x[j], else WEFT_ERROR_SHAPE. Source: Pearlmutter, 1994. */
weft_status weft_hvp(weft_node loss, const weft_node *x, const weft_node *v, size_t n, weft_node *hv);

enum { WEFT_MOST_PASSES = 256 };

/* All derivatives of y: jacobian[a.., b..] = d y[a..] / d x[b..], of the shape of y followed by that of x. For small arrays: every element of y takes a
 * reverse pass, or every element of x a forward one, whichever are fewer, and each records nodes of its own. More than WEFT_MOST_PASSES are refused.
 * Errors: WEFT_ERROR_SHAPE (too many passes, or a rank beyond WEFT_MAX_RANK), WEFT_ERROR_DTYPE (integers, or y and x of two dtypes). */
weft_status weft_jacobian(weft_node y, weft_node x, weft_node *jacobian);

/* hessian[a.., b..] = d2 loss / d x[a..] d x[b..], of the shape of x followed by itself: the Jacobian of the gradient. Errors: both of theirs. */
weft_status weft_hessian(weft_node loss, weft_node x, weft_node *hessian);

/* --- Rewriting --------------------------------------------------------------------------------------------------------------------------
 * Records simpler nodes of the same values. Equal nodes become one; then rules, each with a name and a proof. Exact rules change no bit of an
 * element. Two things follow structure all the same: the order in which a sum adds up a view, which is that of its memory, and in f32 which
 * small nodes are wide. Rewritten nodes can be differentiated like any others. */
typedef enum weft_rewriting {
    WEFT_REWRITE_DEFAULT,  /* algebraic */
    WEFT_REWRITE_NONE,
    WEFT_REWRITE_EXACT,
    WEFT_REWRITE_ALGEBRAIC /* rules that are equal over the reals, and the exact ones */
} weft_rewriting;

typedef struct weft_rule {
    const char *name;  /* "double negation" */
    const char *proof; /* "-(-x) = x: ..." */
    weft_rewriting level; /* exact or algebraic */
} weft_rule;

/* Called for each rule that fires: what stands for the node `before`, or for a part of it. */
typedef void (*weft_rewrite_trace)(void *context, const weft_rule *rule, weft_node before, weft_node after);

/* rewritten[k] has the value of outputs[k]; the two may be one array. Inputs, parameters and the given nodes stay as they are; the new ones are
 * appended. trace may be NULL. */
weft_status weft_rewrite(const weft_node *outputs, size_t n, weft_rewriting level, weft_rewrite_trace trace, void *context, weft_node *rewritten);

size_t weft_rule_count(void);
const weft_rule *weft_rule_at(size_t i); /* NULL beyond the last */

/* --- Programs --------------------------------------------------------------------------------------------------------------------------- */

typedef struct weft_program weft_program;

/* Rewrites what the outputs need, and lowers it to loops that compute many nodes in one walk over memory. The program owns its memory and
 * outlives the tape, which is left as it was. Nodes name its inputs and parameters.
 * Sums accumulate in f64. In an f32 graph the results of reductions, and what is computed at their size from them, stay in f64 inside the
 * program and are f32 again when read: so x - mean(x) subtracts before it rounds. f64 data whose squares overflow, beyond 1e150, is not helped.
 * Returns NULL only when out of memory; any other error is the program's status. */
weft_program *weft_compile(const weft_node *outputs, size_t n);

typedef enum weft_backend {
    WEFT_BACKEND_TILES, /* interprets loops, a tile that fits the first cache at a time */
    WEFT_BACKEND_C      /* prints loops as C, has the system's compiler compile them, and loads the result */
} weft_backend;

/* The C backend keeps what it compiled in a folder that belongs to the user alone, so the next compilation of the same graph takes no time.
 * Without a compiler, or if it fails, weft_program_status() is WEFT_ERROR_COMPILER after compiling, the message says why, and the program
 * runs on tiles. Results of the two agree within rounding. */
enum { WEFT_ALL_CORES = -1 };

/* Threads. A program of n threads works with its caller and up to n - 1 threads of its own, which sleep between runs and end with it; the
 * results are the same bits for any n. Small loops stay on the caller. Fewer threads than asked for is no error. n is at most 64, more is taken
 * as 64. A process that forks has no use of such a program in the child. */
typedef struct weft_options {
    weft_rewriting rewriting; /* which rules may fire */
    weft_backend backend;
    int threads; /* 0: one; WEFT_ALL_CORES: as many as the cores that this process may use; below that: WEFT_ERROR_ARGUMENT */
    const char *compiler; /* of the C backend; NULL: cc, as found on the PATH */
    const char *cache;    /* its folder, mode 0700; NULL: $XDG_CACHE_HOME/weft or $HOME/.cache/weft */
} weft_options; /* zeros are the defaults, those of weft_compile() */

weft_program *weft_compile_with(const weft_node *outputs, size_t n, const weft_options *options); /* options: NULL for the defaults */
void weft_program_free(weft_program *program);
weft_backend weft_program_backend(const weft_program *program); /* the one that its loops run on */
weft_status weft_program_status(const weft_program *program); /* of the last call on it; WEFT_ERROR_MEMORY for NULL */
const char *weft_program_message(const weft_program *program);

/* Gives an input its memory, which stays the caller's and is read at each run. bytes must be the size of the input. Alignment: that of
 * the element. An input that the outputs do not need is accepted and ignored. */
weft_status weft_bind(weft_program *program, weft_node input, const void *data, size_t bytes);
weft_status weft_parameter_write(weft_program *program, weft_node parameter, const void *data, size_t bytes);
weft_status weft_parameter_read(weft_program *program, weft_node parameter, void *data, size_t bytes);
weft_status weft_run(weft_program *program); /* allocates nothing; repeats give the same bits */
const void *weft_output(const weft_program *program, size_t k); /* output k in C order, valid until the next run; NULL if there is none */

typedef struct weft_memory {
    size_t peak;        /* bytes of the pool that holds every intermediate and output: known before the first run */
    size_t kept;        /* of these, bytes that the forward part computes and the backward part reads */
    size_t kept_inputs; /* bytes of inputs that both parts read */
    size_t parameters, constants;
    size_t steps; /* kernels that one run calls */
} weft_memory;

weft_memory weft_program_memory(const weft_program *program);

/* What one run moves through memory. An array counts once for each step that touches it, with the bytes visited there: one that is broadcast
 * with its own size. Not counted: what a loop keeps in the first cache or in registers, constants of one element, workspaces of calls. */
typedef struct weft_traffic {
    size_t loops;  /* each walks over one iteration space and computes many nodes on the way */
    size_t calls;  /* of an op's own kernel: matmul, take, fused ops */
    size_t passes; /* loops over the largest space: as often is an array of that size walked over */
    size_t walks;  /* the same, but loops that take turns part by part, each part while it is in the second cache, count as one; 0: printed only */
    size_t bytes_read, bytes_written; /* by loops, calls, and the copies that weft_assign() makes */
} weft_traffic;

weft_traffic weft_program_traffic(const weft_program *program);

/* --- Gradients judged: checked by differences, compared, proved, explained ------------------------------------------------------------------ */
#include "weft_gradients.h"

/* --- Text ------------------------------------------------------------------------------------------------------------------------------------
 * Text goes to a writer; a writer that returns false ends the printing with WEFT_ERROR_FILE. */
typedef struct weft_writer {
    bool (*write)(void *context, const char *text, size_t bytes);
    void *context; /* for weft_write_file: a FILE * */
} weft_writer;

bool weft_write_file(void *file, const char *text, size_t bytes);

weft_status weft_print_listing(weft_writer writer, const weft_node *outputs, size_t n); /* what the outputs need, a line a node */
weft_status weft_print_dot(weft_writer writer, const weft_node *outputs, size_t n);     /* Graphviz; dashed edges belong to derivatives */
weft_status weft_print_expression(weft_writer writer, weft_node x); /* x in terms of named nodes and leaves, as one line of infix text */

/* A compiled program for people, step by step: what each loop or call computes, reads and writes, in bytes; then the totals of weft_traffic
 * and weft_memory. Rewritten nodes have numbers beyond the tape's. */
weft_status weft_program_describe(weft_writer writer, const weft_program *program);

/* Plain C99 for firmware, and for reading beside hand-derived code: one .c and one .h that need nothing but <math.h>, <stddef.h> and <stdint.h>,
 * and allocate nothing. Each function takes the inputs and parameters that its outputs need, in the order of the tape; then the arrays for the
 * outputs; then a workspace, whose bytes a macro in the .h states, NAME_WORKSPACE in capitals. Parameters that outputs assign are read and
 * written in place. Fused ops are written out as their staged twins; any other op with a kernel of its own (matmul, take) is refused, and so
 * are arrays without elements. Results agree with a program's within rounding. */
typedef struct weft_emit_function {
    const char *name;    /* a C identifier, at most 60 characters */
    const char *comment; /* what it computes, in words, for the .h; or NULL */
    const weft_node *outputs; /* of all functions: on one tape, which is left as it was */
    size_t n_outputs;
    const char *const *output_names; /* NULL, or where one is NULL: the nodes' own names */
    size_t workspace, stack; /* set: bytes that the caller gives, and of arrays that the largest loop keeps on the stack */
    weft_traffic traffic;    /* set */
} weft_emit_function;

/* header: the name of the .h, as the .c includes it. message: WEFT_MESSAGE_SIZE bytes or NULL. Errors: those of weft_compile(), and
 * WEFT_ERROR_ARGUMENT for what is refused, with its name in the message. */
weft_status weft_emit_c(weft_writer c, weft_writer h, weft_emit_function *functions, size_t n, const char *header, weft_rewriting rewriting,
                        char *message);

/* --- Graphs explained: how backpropagation goes, index notation, derivations ------------------------------------------------------------------ */
#include "weft_explain.h"

/* --- Expressions -----------------------------------------------------------------------------------------------------------------------------
 * NumPy-flavoured text to nodes, with Python's grouping: -x**2 is -(x**2), a**b**c is a**(b**c).
 *     h = x @ w + b                                # lines end at a newline or ";"; the value of the last one is the result
 *     gamma * (h - mean(h, 0)) / (var(h, axis=0) + 1e-5)**(1/2) + beta
 * Numbers (2, .5, 1e-5, pi, e, inf, nan), the given names, + - * / ** @, comparisons < <= > >= == != as masks of 0 and 1, which do not chain,
 * parentheses, x.T, slices x[1:, ::2] and indices x[0], tuples, and calls by position and keyword of the ops and staged functions; weft_op.h, "Functions by name", says which ones.
 * Numbers among themselves are computed in f64; one that meets a node becomes a constant of its number type. A line `a = ...` names its node.
 * Bounds: 1 MiB of text, 100 levels of parentheses, signs and powers, 262144 nodes. */
typedef struct weft_binding_name {
    const char *name;
    weft_node node;
} weft_binding_name;

/* names: (n), looked up in this order. message: WEFT_MESSAGE_SIZE bytes or NULL; three lines: what is wrong at which line and column, and with
 * which nearest name; the line; a caret. After an error the tape is as it was before, and *out a failed node.
 * Errors: WEFT_ERROR_SYNTAX, WEFT_ERROR_ARGUMENT (a NULL, a failed node among the names), those of the functions that it calls, WEFT_ERROR_MEMORY,
 * and that of a tape that has one. */
weft_status weft_parse(weft_tape *tape, const char *text, const weft_binding_name *names, size_t n, weft_node *out, char *message);

/* --- Arrays in files ------------------------------------------------------------------------------------------------------------------------- */

typedef struct weft_array {
    weft_dtype dtype;
    weft_shape shape;
    void *data; /* C order, native bytes */
    size_t bytes;
} weft_array;

/* NumPy's .npy, versions 1.0 and 2.0, of f4, f8 or i8 in either byte order, C or Fortran order. message: WEFT_MESSAGE_SIZE bytes or NULL.
 * What is read is released by weft_array_free(). Source: numpy.lib.format. */
weft_status weft_npy_read(const char *path, weft_array *array, char *message);
weft_status weft_npy_decode(const void *bytes, size_t n, const char *name, weft_array *array, char *message);
weft_status weft_npy_write(const char *path, const weft_array *array, char *message);
void weft_array_free(weft_array *array);

/* NumPy's .npz: a zip archive of .npy files, read as hostile. name: of the array, NULL where there is only one; WEFT_ERROR_ARGUMENT where it is not
 * there, with those that are. Entries that are compressed are read up to 1 GiB. Written archives hold arrays as they are, named names[k] (n); an old
 * file is replaced once all is written. Built without libzip both are WEFT_ERROR_FILE. Source: numpy.savez; libzip.org. */
weft_status weft_npz_read(const char *path, const char *name, weft_array *array, char *message);
weft_status weft_npz_write(const char *path, const char *const *names, const weft_array *arrays, size_t n, char *message);

/* --- The catalogue: every op of ops.def; weft_op.h says what an op consists of, for those who write one -------------------------------------------- */
size_t weft_op_count(void);
const weft_op *weft_op_at(size_t i);
const char *weft_op_name(const weft_op *op);    /* "mul" */
const char *weft_op_formula(const weft_op *op); /* "y = a * b" */

#ifdef __cplusplus
}
#endif
#endif

/* test_ops_arrays.c: which arrays the samples of every op have, and how they lie in memory. Every op is tried on rank 0 and rank 8, axes of length 1 and
 * empty ones, or stands in a table with the reason why not. Operands that are turned around, cut out of larger arrays, walked backwards or repeated
 * give what the same values give when they are stored in full. */
#include "tests/op_table.h"

#include <stdlib.h>
#include <string.h>

/* --- shapes --- */

typedef enum column { RANK_0, RANK_8, LENGTH_1, EMPTY, SEVERAL, COLUMNS } column;

static const char *const column_names[] = {"rank 0", "rank 8", "an axis of length 1", "no elements", "an axis of two or more"};

static bool has(const weft_shape *shape, column which)
{
    bool found = false;
    for (int i = 0; i < shape->rank; i++)
        found |= which == LENGTH_1 ? shape->dim[i] == 1 : which == EMPTY ? shape->dim[i] == 0 : which == SEVERAL && shape->dim[i] > 1;
    return found || (which == RANK_0 && shape->rank == 0) || (which == RANK_8 && shape->rank == 8);
}

/* A column is filled by a sample that has such a result or operand; indices count for the op that takes nothing else. */
static bool fills(const sample *s, column which)
{
    weft_tape *t = weft_tape_new(NULL);
    operands o;
    operands_make(&o, t, s, WEFT_F64, seed);
    weft_shape y = weft_node_shape(s->build(o.node));
    bool found = weft_tape_status(t) == WEFT_OK && has(&y, which);
    for (int i = 0; i < s->n; i++)
        found |= (s->domain[i] != INDEX || !strcmp(s->op, "one_hot")) && has(&s->shape[i], which);
    operands_free(&o);
    weft_tape_free(t);
    return found;
}

/* Where an op is not defined: its builder says so. x: an f64, index: an i64, of the shape that the row has. */
static weft_node refuse_max(weft_node x, weft_node index) { (void)index; return weft_max(x, WEFT_ALL_AXES, false); }
static weft_node refuse_min(weft_node x, weft_node index) { (void)index; return weft_min(x, WEFT_ALL_AXES, false); }
static weft_node refuse_first(weft_node x, weft_node index) { (void)index; return weft_first(x, WEFT_AXIS(0), false); }
static weft_node refuse_argmax(weft_node x, weft_node index) { (void)index; return weft_argmax(x, 0, true); }
static weft_node refuse_argmin(weft_node x, weft_node index) { (void)index; return weft_argmin(x, 0, true); }
static weft_node refuse_cumsum(weft_node x, weft_node index) { (void)index; return weft_cumsum(x, 0); }
static weft_node refuse_concat(weft_node x, weft_node index) { (void)index; return weft_concat((weft_node[]){x, x}, 2, 0); }
static weft_node refuse_stack(weft_node x, weft_node index) { (void)index; return weft_stack((weft_node[]){x, x}, 2, 0); }
static weft_node refuse_matmul(weft_node x, weft_node index) { (void)index; return weft_matmul(x, x); }
static weft_node refuse_take(weft_node x, weft_node index) { return weft_take(x, index, 0); }
static weft_node refuse_gather_elements(weft_node x, weft_node index) { return weft_gather_elements(x, index, 0); }
static weft_node refuse_scatter_add_elements(weft_node x, weft_node index) { return weft_scatter_add_elements(x, index, 0, 3); }
static weft_node refuse_one_hot(weft_node x, weft_node index) { (void)x; return weft_one_hot(index, 3, WEFT_F64); }
static weft_node refuse_batchnorm(weft_node x, weft_node index) { (void)index; return weft_fused_batchnorm(x, x, x, 1e-5); }
static weft_node refuse_batchnorm_relu(weft_node x, weft_node index) { (void)index; return weft_fused_batchnorm_relu(x, x, x, 1e-5); }

static weft_node refuse_layernorm(weft_node x, weft_node index) { (void)index; return weft_fused_layernorm(x, x, x, 1e-5); }
static weft_node refuse_rmsnorm(weft_node x, weft_node index) { (void)index; return weft_fused_rmsnorm(x, x, 1e-5); }
static weft_node refuse_groupnorm(weft_node x, weft_node index) { (void)index; return weft_fused_groupnorm(x, 1, x, x, 1e-5); }
static weft_node refuse_l2_normalize(weft_node x, weft_node index) { (void)index; return weft_fused_l2_normalize(x, 0, 1e-5); }
static weft_node refuse_softmax(weft_node x, weft_node index) { (void)index; return weft_fused_softmax(x, 0); }
static weft_node refuse_log_softmax(weft_node x, weft_node index) { (void)index; return weft_fused_log_softmax(x, 0); }
static weft_node refuse_cross_entropy(weft_node x, weft_node index) { return weft_fused_softmax_cross_entropy(x, index); }

#define OF_RANK_8 {8, {2, 1, 3, 1, 2, 1, 1, 2}}
static const struct {
    const char *op;
    column column;
    weft_shape shape;
    weft_node (*refuse)(weft_node x, weft_node index); /* gives WEFT_ERROR_SHAPE; NULL: only the derivative of another op records it */
    const char *reason;
} without[] = {
    {"max", EMPTY, {1, {0}}, refuse_max, "nothing is the largest of nothing"},
    {"min", EMPTY, {1, {0}}, refuse_min, "nothing is the smallest of nothing"},
    {"argmax", EMPTY, {1, {0}}, refuse_argmax, "nothing is the largest of nothing"},
    {"argmin", EMPTY, {1, {0}}, refuse_argmin, "nothing is the smallest of nothing"},
    {"first", EMPTY, {1, {0}}, refuse_first, "an empty axis has no first element"},
    {"argmax", RANK_0, {0, {0}}, refuse_argmax, "it is along an axis"},
    {"argmin", RANK_0, {0, {0}}, refuse_argmin, "it is along an axis"},
    {"cumsum", RANK_0, {0, {0}}, refuse_cumsum, "it is along an axis"},
    {"concat", RANK_0, {0, {0}}, refuse_concat, "it is along an axis"},
    {"concat", RANK_8, OF_RANK_8, refuse_stack, "stacked, they would have rank 9"},
    {"matmul", RANK_0, {0, {0}}, refuse_matmul, "it is over an axis"},
    {"take", RANK_0, {0, {0}}, refuse_take, "it is along an axis"},
    {"take", RANK_8, OF_RANK_8, refuse_take, "by an index of that rank it would be 15"},
    {"gather_elements", RANK_0, {0, {0}}, refuse_gather_elements, "it is along an axis"},
    {"scatter_add_elements", RANK_0, {0, {0}}, refuse_scatter_add_elements, "it is along an axis"},
    {"one_hot", RANK_8, OF_RANK_8, refuse_one_hot, "the result would have rank 9"},
    {"fused_batchnorm", RANK_0, {0, {0}}, refuse_batchnorm, "channels are along an axis"},
    {"fused_batchnorm_relu", RANK_0, {0, {0}}, refuse_batchnorm_relu, "channels are along an axis"},
    {"fused_batchnorm_backward", RANK_0, {0, {0}}, NULL, "fused_batchnorm has no such axis"},
    {"fused_batchnorm_relu_backward", RANK_0, {0, {0}}, NULL, "fused_batchnorm_relu has no such axis"},
    {"fused_batchnorm_evaluation", RANK_0, {0, {0}}, NULL, "weft_fused_batchnorm_with() refuses it: channels are along an axis"},
    {"fused_batchnorm_evaluation_backward", RANK_0, {0, {0}}, NULL, "fused_batchnorm_evaluation has no such axis"},
    {"fused_layernorm", RANK_0, {0, {0}}, refuse_layernorm, "it is along an axis"},
    {"fused_layernorm_backward", RANK_0, {0, {0}}, NULL, "fused_layernorm has no such axis"},
    {"fused_rmsnorm", RANK_0, {0, {0}}, refuse_rmsnorm, "it is along an axis"},
    {"fused_rmsnorm_backward", RANK_0, {0, {0}}, NULL, "fused_rmsnorm has no such axis"},
    {"fused_groupnorm", RANK_0, {0, {0}}, refuse_groupnorm, "channels are along an axis"},
    {"fused_groupnorm_backward", RANK_0, {0, {0}}, NULL, "fused_groupnorm has no such axis"},
    {"fused_l2_normalize", RANK_0, {0, {0}}, refuse_l2_normalize, "it is along an axis"},
    {"fused_l2_normalize_backward", RANK_0, {0, {0}}, NULL, "fused_l2_normalize has no such axis"},
    {"fused_softmax", RANK_0, {0, {0}}, refuse_softmax, "it is along an axis"},
    {"fused_softmax_backward", RANK_0, {0, {0}}, NULL, "fused_softmax has no such axis"},
    {"fused_log_softmax", RANK_0, {0, {0}}, refuse_log_softmax, "it is along an axis"},
    {"fused_log_softmax_backward", RANK_0, {0, {0}}, NULL, "fused_log_softmax has no such axis"},
    {"fused_softmax_cross_entropy", RANK_8, OF_RANK_8, refuse_cross_entropy, "scores are (N, C)"},
    {"fused_softmax_cross_entropy_backward", RANK_8, OF_RANK_8, NULL, "fused_softmax_cross_entropy takes scores (N, C)"},
    {"fused_softmax_cross_entropy", EMPTY, {2, {0, 3}}, refuse_cross_entropy, "there is no mean of no rows"},
    {"fused_softmax_cross_entropy_backward", EMPTY, {2, {0, 3}}, NULL, "fused_softmax_cross_entropy has at least one row"},
};

enum { WITHOUT = sizeof without / sizeof *without };

START_TEST(every_op_has_samples_of_every_shape)
{
    const char *op = weft_op_at((size_t)_i)->name;
    for (column which = 0; which < COLUMNS; which++) {
        bool found = false;
        for (size_t k = 0; k < sample_count() && !found; k++)
            found = !strcmp(sample_at(k)->op, op) && fills(sample_at(k), which);
        for (size_t k = 0; k < WITHOUT; k++)
            found |= without[k].column == which && !strcmp(without[k].op, op);
        ck_assert_msg(found, "op %s has no sample with %s in tests/samples_*.c; where it has none, tests/test_ops_arrays.c says why", op,
                      column_names[which]);
    }
}
END_TEST

START_TEST(what_is_not_defined_is_refused)
{
    const weft_shape *shape = &without[_i].shape;
    if (!without[_i].refuse)
        return;
    weft_tape *t = weft_tape_new(NULL);
    weft_node x = weft_input(t, "x", WEFT_F64, shape->rank, shape->dim), index = weft_input(t, "index", WEFT_I64, shape->rank, shape->dim);
    ck_assert(weft_node_failed(without[_i].refuse(x, index)));
    ck_assert_msg(weft_tape_status(t) == WEFT_ERROR_SHAPE, "%s with %s, where %s: %s", without[_i].op, column_names[without[_i].column],
                  without[_i].reason, weft_tape_message(t));
    weft_tape_free(t);
}
END_TEST

/* --- memory --- */

/* True where y comes by additions or products whose order may depend on strides; everything else gives the same bits. */
static bool adds_up(weft_node y)
{
    static const char *const names[] = {"sum", "prod", "matmul"};
    bool found = false;
    for (uint32_t id = 0; id < weft_tape_count(y.tape); id++) {
        const weft_op *op = weft_node_op(weft_tape_node(y.tape, id));
        found |= op->expand != NULL; /* what is derived by hand adds up, but for gelu, and takes steps of its own there */
        for (size_t k = 0; k < sizeof names / sizeof *names; k++)
            found |= !strcmp(op->name, names[k]);
    }
    return found;
}

/* An operand that lies in memory in another way: `stored` holds its elements somewhere, `seen` is a view of it that shows them in their order. */
typedef struct layout {
    weft_node stored[SAMPLE_OPERANDS], seen[SAMPLE_OPERANDS];
    void *memory[SAMPLE_OPERANDS];
    size_t bytes[SAMPLE_OPERANDS];
} layout;

static void put(void *memory, weft_dtype dtype, size_t at, double value)
{
    if (dtype == WEFT_F32)
        ((float *)memory)[at] = (float)value;
    else if (dtype == WEFT_F64)
        ((double *)memory)[at] = value;
    else
        ((int64_t *)memory)[at] = (int64_t)value;
}

/* Memory for an operand, all of it NaN or an index out of any range: what is read beside the operand shows. */
static weft_dtype store(layout *l, const operands *o, int operand, int rank, const size_t *dim)
{
    weft_dtype dtype = weft_node_dtype(o->node[operand]);
    l->stored[operand] = weft_input(o->node[operand].tape, "stored", dtype, rank, dim);
    size_t n = count_of(l->stored[operand]);
    l->bytes[operand] = n * weft_dtype_size(dtype);
    l->memory[operand] = malloc(l->bytes[operand] + 1);
    for (size_t i = 0; i < n; i++)
        put(l->memory[operand], dtype, i, dtype == WEFT_I64 ? -0x1p62 : NAN);
    return dtype;
}

static double *widened(const weft_program *p, weft_dtype dtype, size_t n)
{
    double *wide = malloc(n * sizeof *wide + 1);
    for (size_t i = 0; i < n; i++)
        wide[i] = dtype == WEFT_F32 ? (double)((const float *)weft_output(p, 0))[i] : ((const double *)weft_output(p, 0))[i];
    return wide;
}

/* y of the operands, and of these in their other layout: the same bits. Where it adds up, each of the two is within tolerance_of() of the naive loop, or
 * in f32 within four roundings of f64, as test_ops.c finds it to be of one; so they are within twice that of each other. Of a staged function, what repeats may be computed
 * before it is repeated, and is then not rounded to f32 in between. */
static void expect_same(const sample *s, const operands *o, layout *l)
{
    weft_node y = s->build(o->node), z = s->build(l->seen);
    ck_assert_msg(weft_tape_status(y.tape) == WEFT_OK, "%s: %s", s->op, weft_tape_message(y.tape));
    weft_program *p = evaluate(y, o), *q = weft_compile(&z, 1);
    for (int i = 0; i < s->n; i++)
        weft_bind(q, l->stored[i], l->memory[i], l->bytes[i]);
    ck_assert_msg(weft_run(q) == WEFT_OK, "%s: %s", s->op, weft_program_message(q));
    size_t n = count_of(y);
    weft_dtype dtype = weft_node_dtype(y);
    double *full = widened(p, dtype, n), *other = widened(q, dtype, n), size = largest_of(full, n, 1);
    double tolerance = !adds_up(y) && (dtype == WEFT_F64 || is_in_the_catalogue(s->op)) ? 0 : dtype == WEFT_F32 ? 2 * 4 * 6e-8 * size : 2 * tolerance_of(size, o->count[0]);
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(fabs(full[i] - other[i]) <= tolerance && (tolerance > 0 || !memcmp(&full[i], &other[i], sizeof *full)), "%s[%zu] in %s: %.17g and %.17g",
                      s->op, i, weft_dtype_name(dtype), full[i], other[i]);
    free(full);
    free(other);
    weft_program_free(p);
    weft_program_free(q);
    for (int i = 0; i < s->n; i++)
        free(l->memory[i]);
}

static void expect_same_in(void (*lay)(layout *l, const sample *s, operands *o, int operand), const sample *s)
{
    for (int narrow = 0; narrow < 2; narrow++) {
        weft_tape *t = weft_tape_new(NULL);
        operands o;
        layout l;
        operands_make(&o, t, s, narrow ? WEFT_F32 : WEFT_F64, seed);
        for (int i = 0; i < s->n; i++)
            lay(&l, s, &o, i);
        expect_same(s, &o, &l);
        operands_free(&o);
        weft_tape_free(t);
    }
}

/* Where element e of an array lies in an array of `dim`, when its axes begin at `start` and take every step[i]th element. */
static size_t place_of(const weft_shape *shape, size_t e, const size_t *dim, const ptrdiff_t *start, const ptrdiff_t *step)
{
    size_t at = 0, inner = 1;
    for (int i = shape->rank - 1; i >= 0; e /= shape->dim[i], inner *= dim[i], i--)
        at += (size_t)(start[i] + step[i] * (ptrdiff_t)(e % shape->dim[i])) * inner;
    return at;
}

/* Stored with the axes in reverse, and seen through a transpose. */
static void lay_turned(layout *l, const sample *s, operands *o, int operand)
{
    const weft_shape *shape = &s->shape[operand];
    size_t dim[WEFT_MAX_RANK];
    for (int i = 0; i < shape->rank; i++)
        dim[i] = shape->dim[shape->rank - 1 - i];
    weft_dtype dtype = store(l, o, operand, shape->rank, dim);
    for (size_t e = 0; e < o->count[operand]; e++) {
        size_t rest = e, at = 0;
        for (int i = shape->rank - 1; i >= 0; rest /= shape->dim[i--])
            at = at * shape->dim[i] + rest % shape->dim[i];
        put(l->memory[operand], dtype, at, o->wide[operand][e]);
    }
    l->seen[operand] = weft_transpose(l->stored[operand], NULL);
}

/* Cut out of a larger array: each axis begins at start and goes by step. */
static void lay_cut(layout *l, const sample *s, const operands *o, int operand, bool backwards)
{
    const weft_shape *shape = &s->shape[operand];
    size_t dim[WEFT_MAX_RANK];
    ptrdiff_t start[WEFT_MAX_RANK], stop[WEFT_MAX_RANK], step[WEFT_MAX_RANK];
    for (int i = 0; i < shape->rank; i++) {
        ptrdiff_t n = (ptrdiff_t)shape->dim[i];
        dim[i] = (size_t)(backwards ? n + 2 : 2 * n + 1); /* backwards: n, n - 1 .. 1; else 1, 3 .. 2n - 1 */
        start[i] = backwards ? n : 1;
        step[i] = backwards ? -1 : 2;
        stop[i] = backwards ? 0 : 2 * n + 1;
    }
    weft_dtype dtype = store(l, o, operand, shape->rank, dim);
    for (size_t e = 0; e < o->count[operand]; e++)
        put(l->memory[operand], dtype, place_of(shape, e, dim, start, step), o->wide[operand][e]);
    l->seen[operand] = weft_slice(l->stored[operand], start, stop, step);
}

static void lay_apart(layout *l, const sample *s, operands *o, int operand)
{
    lay_cut(l, s, o, operand, false);
}

static void lay_backwards(layout *l, const sample *s, operands *o, int operand)
{
    lay_cut(l, s, o, operand, true);
}

START_TEST(turned_operands)
{
    expect_same_in(lay_turned, sample_at((size_t)_i));
}
END_TEST

START_TEST(operands_with_gaps)
{
    expect_same_in(lay_apart, sample_at((size_t)_i));
}
END_TEST

START_TEST(operands_walked_backwards)
{
    expect_same_in(lay_backwards, sample_at((size_t)_i));
}
END_TEST

/* An operand that repeats: a number, or an array with every other axis of length 1. The values stored in full are written to o. They are whole multiples
 * of 1/64, so that sums of them are exact in any order: a normalization divides what is left of their differences by next to nothing. */
static void lay_repeated(layout *l, const sample *s, operands *o, int operand, unsigned axes)
{
    const weft_shape *shape = &s->shape[operand];
    size_t dim[WEFT_MAX_RANK];
    ptrdiff_t start[WEFT_MAX_RANK] = {0}, step[WEFT_MAX_RANK];
    int rank = axes == WEFT_ALL_AXES ? 0 : shape->rank;
    for (int i = 0; i < shape->rank; i++) {
        dim[i] = axes >> i & 1 ? 1 : shape->dim[i];
        step[i] = !(axes >> i & 1);
    }
    weft_dtype dtype = store(l, o, operand, rank, dim);
    double *value = malloc(count_of(l->stored[operand]) * sizeof *value + 1);
    for (size_t i = 0; i < count_of(l->stored[operand]); i++) {
        value[i] = i < o->count[operand] ? round(64 * o->wide[operand][i]) / 64 : 0;
        put(l->memory[operand], dtype, i, value[i]);
    }
    for (size_t e = 0; e < o->count[operand]; e++)
        put(o->data[operand], dtype, e, value[place_of(shape, e, dim, start, step)]);
    free(value);
    l->seen[operand] = weft_broadcast(l->stored[operand], shape->rank, shape->dim);
}

static void lay_one(layout *l, const sample *s, operands *o, int operand)
{
    lay_repeated(l, s, o, operand, WEFT_ALL_AXES);
}

static void lay_even(layout *l, const sample *s, operands *o, int operand)
{
    lay_repeated(l, s, o, operand, 0x55);
}

static void lay_odd(layout *l, const sample *s, operands *o, int operand)
{
    lay_repeated(l, s, o, operand, 0xaa);
}

START_TEST(repeated_operands)
{
    expect_same_in(lay_one, sample_at((size_t)_i));
    expect_same_in(lay_even, sample_at((size_t)_i));
    expect_same_in(lay_odd, sample_at((size_t)_i));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ops_arrays");
    TCase *shapes = tcase_create("shapes"), *memory = tcase_create("memory");
    int n = (int)sample_count();
    tcase_add_loop_test(shapes, every_op_has_samples_of_every_shape, 0, (int)weft_op_count());
    tcase_add_loop_test(shapes, what_is_not_defined_is_refused, 0, WITHOUT);
    suite_add_tcase(suite, shapes);
    tcase_add_loop_test(memory, turned_operands, 0, n);
    tcase_add_loop_test(memory, operands_with_gaps, 0, n);
    tcase_add_loop_test(memory, operands_walked_backwards, 0, n);
    tcase_add_loop_test(memory, repeated_operands, 0, n);
    suite_add_tcase(suite, memory);
    return run_suite(suite);
}

/* random_moves.c: the kinds of moves, which are the builders that graphs are made of, and memory for the leaves that they record. Elementwise ops have
 * a table of their own. */
#include "tests/elementwise.h"
#include "tests/random_functions.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const double move_exponents[MOVE_EXPONENTS] = {2, 3, -1, 0.5, -0.5, -1.5};
const double move_scalars[MOVE_SCALARS] = {0, 1, -1, 2, 0.5, -0.5, 3, 0.1, 1e-5}; /* the last two are none that f32 holds */
const double update_momenta[UPDATE_MOMENTA] = {0, 0.5, 0.9};

/* --- memory of leaves --- */

static void simplify(const move *m, double *x, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool zero_matters = m->domain == NORMAL || m->domain == DISTINCT;
        if (m->values == VALUES_WHOLE && m->domain != MASK)
            x[i] = round(x[i]) == 0 && !zero_matters ? 1 : round(x[i]);
        else if (m->values == VALUES_COUNTED && m->domain != MASK)
            x[i] = (double)(i % 3 + 1);
        else if (m->values == VALUES_ONE)
            x[i] = 1;
    }
}

void *move_memory(weft_dtype dtype, const move *m, size_t count)
{
    uint64_t seed = m->seed;
    double *wide = malloc(count * sizeof *wide + 1);
    draw_domain(m->domain, &seed, count, wide);
    simplify(m, wide, count);
    if (dtype == WEFT_F64)
        return wide;
    float *narrow = malloc(count * sizeof *narrow + 1);
    for (size_t i = 0; i < count; i++)
        narrow[i] = (float)wide[i];
    free(wide);
    return narrow;
}

void built_bind(built *b, weft_node node, void *data)
{
    weft_shape shape = weft_node_shape(node);
    if (weft_node_failed(node) || b->n_bindings == MOST_BINDINGS)
        free(data);
    else
        b->binding[b->n_bindings++] = (weft_binding){node, data, weft_shape_count(&shape) * weft_dtype_size(weft_node_dtype(node))};
}

/* --- leaves; p[0] of a scalar: which --- */

static const char *leaf_name(const built *b, char letter, char *text, size_t size)
{
    snprintf(text, size, "%c%d", letter, b->now);
    return text;
}

static weft_node build_input(built *b, const move *m, const weft_node *x)
{
    (void)x;
    char name[16];
    void *data = move_memory(b->dtype, m, weft_shape_count(&m->shape));
    weft_node node = weft_input(b->tape, leaf_name(b, 'x', name, sizeof name), b->dtype, m->shape.rank, m->shape.dim);
    built_bind(b, node, data);
    return node;
}

static weft_node build_parameter(built *b, const move *m, const weft_node *x)
{
    (void)x;
    char name[16];
    void *data = move_memory(b->dtype, m, weft_shape_count(&m->shape));
    weft_node node = weft_parameter(b->tape, leaf_name(b, 'w', name, sizeof name), b->dtype, m->shape.rank, m->shape.dim);
    built_bind(b, node, data);
    return node;
}

static weft_node build_constant(built *b, const move *m, const weft_node *x)
{
    (void)x;
    void *data = move_memory(b->dtype, m, weft_shape_count(&m->shape));
    weft_node node = weft_constant(b->tape, b->dtype, m->shape.rank, m->shape.dim, data);
    free(data);
    return node;
}

static weft_node build_scalar(built *b, const move *m, const weft_node *x)
{
    (void)x;
    return weft_scalar(b->tape, b->dtype, move_scalars[m->p[0]]);
}

/* --- calls that need more than their operands --- */

static weft_node build_pow_constant(built *b, const move *m, const weft_node *x)
{
    (void)b;
    return weft_pow(x[0], weft_scalar_like(x[0], move_exponents[m->p[0]]));
}

static weft_node build_broadcast(built *b, const move *m, const weft_node *x)
{
    (void)b;
    return weft_broadcast(x[0], m->shape.rank, m->shape.dim);
}

static weft_node build_reshape(built *b, const move *m, const weft_node *x)
{
    (void)b;
    return weft_reshape(x[0], m->shape.rank, m->shape.dim);
}

/* p: the order. */
static weft_node build_transpose(built *b, const move *m, const weft_node *x)
{
    (void)b;
    return weft_transpose(x[0], m->p);
}

/* An input of indices below `rows`. */
static weft_node index_array(built *b, const move *m, const weft_shape *shape, size_t rows)
{
    char name[16];
    uint64_t seed = m->seed;
    size_t count = weft_shape_count(shape);
    int64_t *data = malloc(count * sizeof *data + 1);
    for (size_t i = 0; i < count; i++)
        data[i] = (int64_t)(m->values == VALUES_DRAWN ? floor(draw_uniform(&seed) * (double)rows) : (double)(i % rows));
    weft_node node = weft_input(b->tape, leaf_name(b, 'i', name, sizeof name), WEFT_I64, shape->rank, shape->dim);
    built_bind(b, node, data);
    return node;
}

static weft_node index_leaf(built *b, const move *m, size_t count, size_t rows)
{
    return index_array(b, m, &(weft_shape){1, {count}}, rows);
}

/* p[0]: indices, none where the table has no rows. */
static weft_node build_gather(built *b, const move *m, const weft_node *x)
{
    weft_shape table = weft_node_shape(x[0]);
    bool rows = table.rank && table.dim[0];
    return weft_gather(x[0], index_leaf(b, m, rows ? (size_t)m->p[0] : 0, rows ? table.dim[0] : 1));
}

/* p[0]: rows of the result, at least 1. */
static weft_node build_scatter_add(built *b, const move *m, const weft_node *x)
{
    weft_shape shape = weft_node_shape(x[0]);
    return weft_scatter_add(x[0], index_leaf(b, m, shape.rank ? shape.dim[0] : 0, (size_t)m->p[0]), (size_t)m->p[0]);
}

/* Below, p[1] is an axis of x, which what it was drawn for had. */
static size_t length_along(const weft_node *x, const move *m)
{
    weft_shape shape = weft_node_shape(x[0]);
    return m->p[1] < shape.rank ? shape.dim[m->p[1]] : 0;
}

/* p[0]: indices, none where there is nothing to take; p[2]: the rank of the index, 0 to 2. */
static weft_node build_take(built *b, const move *m, const weft_node *x)
{
    size_t length = length_along(x, m), count = length ? (size_t)m->p[0] : 0;
    const weft_shape index = {length ? m->p[2] : 1, {count, 2}};
    return weft_take(x[0], index_array(b, m, &index, length ? length : 1), m->p[1]);
}

/* p[0]: indices along the axis, none where there is nothing to take. */
static weft_node build_gather_elements(built *b, const move *m, const weft_node *x)
{
    weft_shape index = weft_node_shape(x[0]);
    size_t length = length_along(x, m);
    if (m->p[1] < index.rank)
        index.dim[m->p[1]] = length ? (size_t)m->p[0] : 0;
    return weft_gather_elements(x[0], index_array(b, m, &index, length ? length : 1), m->p[1]);
}

/* p[0]: the length of the result along the axis, at least 1. */
static weft_node build_scatter_add_elements(built *b, const move *m, const weft_node *x)
{
    weft_shape index = weft_node_shape(x[0]);
    return weft_scatter_add_elements(x[0], index_array(b, m, &index, (size_t)m->p[0]), m->p[1], (size_t)m->p[0]);
}

/* p[0]: labels; p[1]: classes. */
static weft_node build_one_hot(built *b, const move *m, const weft_node *x)
{
    (void)x;
    return weft_one_hot(index_leaf(b, m, (size_t)m->p[0], (size_t)m->p[1]), (size_t)m->p[1], b->dtype);
}

static weft_node build_cumsum(built *b, const move *m, const weft_node *x)
{
    (void)b;
    return weft_cumsum(x[0], m->p[1]);
}

/* The largest, found by its index: what has a derivative. */
static weft_node build_argmax(built *b, const move *m, const weft_node *x)
{
    (void)b;
    return weft_gather_elements(x[0], weft_argmax(x[0], m->p[1], true), m->p[1]);
}

static weft_node build_argmin(built *b, const move *m, const weft_node *x)
{
    (void)b;
    return weft_gather_elements(x[0], weft_argmin(x[0], m->p[1], true), m->p[1]);
}

/* One in six entries of each array is left out; the others lie up to one beyond either end, with steps of up to 3 in both directions. */
static weft_node build_slice(built *b, const move *m, const weft_node *x)
{
    (void)b;
    static const ptrdiff_t steps[] = {1, 1, 2, 3, -1, -2, -3};
    uint64_t seed = m->seed;
    weft_shape shape = weft_node_shape(x[0]);
    ptrdiff_t start[WEFT_MAX_RANK], stop[WEFT_MAX_RANK], step[WEFT_MAX_RANK];
    for (int i = 0; i < shape.rank; i++) {
        double reach = 2 * (double)shape.dim[i] + 3;
        start[i] = (ptrdiff_t)floor(reach * draw_uniform(&seed)) - (ptrdiff_t)shape.dim[i] - 1;
        stop[i] = (ptrdiff_t)floor(reach * draw_uniform(&seed)) - (ptrdiff_t)shape.dim[i] - 1;
        step[i] = steps[(size_t)(7 * draw_uniform(&seed))];
        start[i] = draw_uniform(&seed) < 1 / 6. ? WEFT_LEFT_OUT : start[i];
        stop[i] = draw_uniform(&seed) < 1 / 6. ? WEFT_LEFT_OUT : stop[i];
        step[i] = draw_uniform(&seed) < 1 / 6. ? WEFT_LEFT_OUT : step[i];
    }
    return weft_slice(x[0], start, stop, step);
}

/* p[0]: axes. */
static weft_node build_flip(built *b, const move *m, const weft_node *x)
{
    (void)b;
    return weft_flip(x[0], (unsigned)m->p[0]);
}

/* p[i]: of axis i, zeros before plus four times those behind. */
static weft_node build_pad(built *b, const move *m, const weft_node *x)
{
    (void)b;
    size_t before[WEFT_MAX_RANK], after[WEFT_MAX_RANK];
    for (int i = 0; i < WEFT_MAX_RANK; i++) {
        before[i] = (size_t)m->p[i] % 4;
        after[i] = (size_t)m->p[i] / 4;
    }
    return weft_pad(x[0], before, after);
}

/* p[0]: axis; p[1]: how many, the two in turn. */
enum { MOST_JOINED = 20 };

static weft_node build_joined(const move *m, const weft_node *x, weft_node (*join)(const weft_node *x, size_t n, int axis))
{
    weft_node all[MOST_JOINED];
    for (int k = 0; k < m->p[1]; k++)
        all[k] = x[k % 2];
    return join(all, (size_t)m->p[1], m->p[0]);
}

static weft_node build_concat(built *b, const move *m, const weft_node *x)
{
    (void)b;
    return build_joined(m, x, weft_concat);
}

static weft_node build_stack(built *b, const move *m, const weft_node *x)
{
    (void)b;
    return build_joined(m, x, weft_stack);
}

/* p[0]: axis; p[1]: which of the parts, of one element each. */
static weft_node build_split(built *b, const move *m, const weft_node *x)
{
    (void)b;
    enum { MOST_PARTS = 64 };
    weft_shape shape = weft_node_shape(x[0]);
    weft_node part[MOST_PARTS];
    size_t parts = m->p[0] < shape.rank && shape.dim[m->p[0]] <= MOST_PARTS ? shape.dim[m->p[0]] : 1;
    weft_split(x[0], m->p[0], parts, part);
    return part[parts ? (size_t)m->p[1] % parts : 0];
}

/* To f64, or where p[0] is not 0 to i64, and back. Not to f32: what comes behind that is known to no more digits, and so is hardly judged in f64. */
static weft_node build_cast(built *b, const move *m, const weft_node *x)
{
    return weft_cast(weft_cast(x[0], m->p[0] ? WEFT_I64 : WEFT_F64), b->dtype);
}

/* p[0]: the stream. The shape is that of its operand, whose values it scales. */
static weft_node build_noise(built *b, const move *m, const weft_node *x, bool normal)
{
    weft_shape shape = weft_node_shape(x[0]);
    weft_node seed = index_leaf(b, m, 1, 1000), step = weft_scalar(b->tape, WEFT_I64, 3);
    return weft_mul(x[0], (normal ? weft_normal : weft_uniform)(seed, step, (uint32_t)m->p[0], b->dtype, shape.rank, shape.dim));
}

static weft_node build_uniform(built *b, const move *m, const weft_node *x)
{
    return build_noise(b, m, x, false);
}

static weft_node build_normal(built *b, const move *m, const weft_node *x)
{
    return build_noise(b, m, x, true);
}

static weft_node build_dropout(built *b, const move *m, const weft_node *x)
{
    return weft_dropout(x[0], 0.25, index_leaf(b, m, 1, 1000), weft_scalar(b->tape, WEFT_I64, 5), (uint32_t)m->p[0]);
}

static weft_node build_affine(built *b, const move *m, const weft_node *x)
{
    (void)b, (void)m;
    return weft_affine(x[0], x[1], x[2]);
}

/* Its labels are an input: one for each row of a matrix, below its columns. */
static weft_node build_softmax_cross_entropy(built *b, const move *m, const weft_node *x)
{
    weft_shape z = weft_node_shape(x[0]);
    bool classes = z.rank == 2 && z.dim[1];
    return weft_softmax_cross_entropy(x[0], index_leaf(b, m, classes ? z.dim[0] : 0, classes ? z.dim[1] : 1));
}

/* p[0]: which eps. */
static double eps_of(const move *m)
{
    return m->p[0] ? 0.1 : 1e-5;
}

static weft_node build_batchnorm(built *b, const move *m, const weft_node *x)
{
    (void)b;
    return weft_batchnorm(x[0], x[1], x[2], eps_of(m));
}

static weft_node build_fused_batchnorm(built *b, const move *m, const weft_node *x)
{
    (void)b;
    return weft_fused_batchnorm(x[0], x[1], x[2], eps_of(m));
}

static weft_node build_fused_batchnorm_relu(built *b, const move *m, const weft_node *x)
{
    (void)b;
    return weft_fused_batchnorm_relu(x[0], x[1], x[2], eps_of(m));
}

/* The variance is gamma's square; p[1]: with a ReLU. Not frozen: differences know no gamma that derivatives take for a constant. */
static weft_node build_fused_batchnorm_evaluation(built *b, const move *m, const weft_node *x)
{
    (void)b;
    const weft_batchnorm_options o = {.axis = 1, .mode = WEFT_BATCHNORM_EVALUATION, .eps = 0.1, .gamma = x[1],
                                      .beta = x[2], .running_mean = x[2], .running_variance = weft_mul(x[1], x[1]), .relu = m->p[1] != 0};
    return weft_fused_batchnorm_with(x[0], &o, NULL, NULL);
}

static weft_node build_fused_layernorm(built *b, const move *m, const weft_node *x)
{
    (void)b;
    return weft_fused_layernorm(x[0], x[1], x[2], eps_of(m));
}

/* p[1]: how many channels a group has, if they come out even. */
static weft_node build_fused_groupnorm(built *b, const move *m, const weft_node *x)
{
    (void)b;
    weft_shape shape = weft_node_shape(x[0]);
    size_t own = (size_t)m->p[1], channels = shape.rank > 1 ? shape.dim[1] : 0;
    return weft_fused_groupnorm(x[0], own && channels && channels % own == 0 ? channels / own : 1, x[1], x[2], eps_of(m));
}

static weft_node build_fused_rmsnorm(built *b, const move *m, const weft_node *x)
{
    (void)b;
    return weft_fused_rmsnorm(x[0], x[1], eps_of(m));
}

/* p[1]: the axis. */
static weft_node build_fused_l2_normalize(built *b, const move *m, const weft_node *x)
{
    (void)b;
    return weft_fused_l2_normalize(x[0], m->p[1], eps_of(m));
}

static weft_node build_fused_softmax(built *b, const move *m, const weft_node *x)
{
    (void)b;
    return weft_fused_softmax(x[0], m->p[1]);
}

static weft_node build_fused_log_softmax(built *b, const move *m, const weft_node *x)
{
    (void)b;
    return weft_fused_log_softmax(x[0], m->p[1]);
}

static weft_node build_fused_softmax_cross_entropy(built *b, const move *m, const weft_node *x)
{
    weft_shape z = weft_node_shape(x[0]);
    bool classes = z.rank == 2 && z.dim[1];
    return weft_fused_softmax_cross_entropy(x[0], index_leaf(b, m, classes ? z.dim[0] : 0, classes ? z.dim[1] : 1));
}

static const move_kind kinds[] = {
    {.name = "input", .other = build_input},
    {.name = "parameter", .other = build_parameter},
    {.name = "constant", .other = build_constant},
    {.name = "scalar", .other = build_scalar},
    {.name = "stop_gradient", .arity = 1, .one = weft_stop_gradient},
    {.name = "matmul", .arity = 2, .two = weft_matmul},
    {.name = "sum", .arity = 1, .fold = weft_sum},
    {.name = "first", .arity = 1, .fold = weft_first},
    {.name = "max", .arity = 1, .fold = weft_max},
    {.name = "min", .arity = 1, .fold = weft_min},
    {.name = "prod", .arity = 1, .fold = weft_prod},
    {.name = "mean", .arity = 1, .fold = weft_mean},
    {.name = "variance", .arity = 1, .fold = weft_variance},
    {.name = "pow_constant", .arity = 1, .other = build_pow_constant},
    {.name = "broadcast", .arity = 1, .other = build_broadcast},
    {.name = "reshape", .arity = 1, .other = build_reshape},
    {.name = "transpose", .arity = 1, .other = build_transpose},
    {.name = "gather", .arity = 1, .other = build_gather},
    {.name = "scatter_add", .arity = 1, .other = build_scatter_add},
    {.name = "take", .arity = 1, .other = build_take},
    {.name = "gather_elements", .arity = 1, .other = build_gather_elements},
    {.name = "scatter_add_elements", .arity = 1, .other = build_scatter_add_elements},
    {.name = "one_hot", .other = build_one_hot},
    {.name = "cumsum", .arity = 1, .other = build_cumsum},
    {.name = "argmax", .arity = 1, .other = build_argmax},
    {.name = "argmin", .arity = 1, .other = build_argmin},
    {.name = "slice", .arity = 1, .other = build_slice},
    {.name = "flip", .arity = 1, .other = build_flip},
    {.name = "pad", .arity = 1, .other = build_pad},
    {.name = "concat", .arity = 2, .other = build_concat},
    {.name = "stack", .arity = 2, .other = build_stack},
    {.name = "split", .arity = 1, .other = build_split},
    {.name = "cast", .arity = 1, .other = build_cast},
    {.name = "uniform", .arity = 1, .other = build_uniform},
    {.name = "normal", .arity = 1, .other = build_normal},
    {.name = "dropout", .arity = 1, .other = build_dropout},
    {.name = "affine", .arity = 3, .other = build_affine},
    {.name = "softmax_cross_entropy", .arity = 1, .other = build_softmax_cross_entropy},
    {.name = "batchnorm", .arity = 3, .other = build_batchnorm},
    {.name = "fused_batchnorm", .arity = 3, .other = build_fused_batchnorm},
    {.name = "fused_batchnorm_relu", .arity = 3, .other = build_fused_batchnorm_relu},
    {.name = "fused_batchnorm_evaluation", .arity = 3, .other = build_fused_batchnorm_evaluation},
    {.name = "fused_layernorm", .arity = 3, .other = build_fused_layernorm},
    {.name = "fused_groupnorm", .arity = 3, .other = build_fused_groupnorm},
    {.name = "fused_rmsnorm", .arity = 2, .other = build_fused_rmsnorm},
    {.name = "fused_l2_normalize", .arity = 1, .other = build_fused_l2_normalize},
    {.name = "fused_softmax", .arity = 1, .other = build_fused_softmax},
    {.name = "fused_log_softmax", .arity = 1, .other = build_fused_log_softmax},
    {.name = "fused_gelu", .arity = 1, .one = weft_fused_gelu},
    {.name = "fused_softmax_cross_entropy", .arity = 1, .other = build_fused_softmax_cross_entropy},
};

const move_kind *move_kind_at(size_t i)
{
    size_t own = sizeof kinds / sizeof *kinds, before = own;
    while (random_function_at(before - own))
        before++;
    if (i < own)
        return &kinds[i];
    if (i < before)
        return &random_function_at(i - own)->kind;
    return elementwise_at(i - before) ? &elementwise_at(i - before)->kind : NULL;
}

weft_node built_indices(built *b, const move *m, size_t count, size_t rows)
{
    return index_leaf(b, m, count, rows);
}

const move_kind *move_kind_named(const char *name)
{
    size_t k = 0;
    while (move_kind_at(k) && strcmp(move_kind_at(k)->name, name))
        k++;
    if (!move_kind_at(k))
        abort(); /* a mistake in a test */
    return move_kind_at(k);
}

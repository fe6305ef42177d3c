/* random_steps.c: a step for each kind of move. What a move asks of its operands, such as a positive base or a matrix, is made for it out of what
 * is there, so that most steps come to something. */
#include "tests/elementwise.h"
#include "tests/random_functions.h"

#include <string.h>

/* --- operands that fit --- */

/* Move a, or a positive function of it. */
static int make_positive(generator *d, int a)
{
    if (a < 0)
        return -1;
    range r = range_of(d, a);
    if (r.low >= 0.2L)
        return a;
    if (r.low > -1.5L && r.high < 4 && chance(d, 0.5))
        return add_call(d, "exp", a, 0);
    int size = chance(d, 0.5) ? add_call(d, "abs", a, 0) : add_call(d, "mul", a, a);
    return add_call(d, "add", size, add_scalar(d, 4)); /* + 0.5 */
}

/* A matrix: move a when it is one, else a reshape of it into one. */
static int make_matrix(generator *d, int a)
{
    weft_shape shape = shape_at(d, a), flat = {2, {1, 1}};
    if (shape.rank == 2)
        return a;
    for (int i = 0, split = (int)below(d, (size_t)shape.rank + 1); i < shape.rank; i++)
        flat.dim[i >= split] *= shape.dim[i];
    return add_move(d, (move){.kind = move_kind_named("reshape"), .x = {a}, .shape = flat});
}

/* --- a step for each kind --- */

static int step_unary(generator *d, const char *kind)
{
    return add_call(d, kind, pick_move(d), 0);
}

static int step_positive(generator *d, const char *kind)
{
    return add_call(d, kind, make_positive(d, pick_move(d)), 0);
}

static int step_binary(generator *d, const char *kind)
{
    int a = pick_move(d), b = pick_partner(d, a);
    return chance(d, 0.5) ? add_call(d, kind, a, b) : add_call(d, kind, b, a);
}

static int step_div(generator *d, const char *kind)
{
    int a = pick_move(d), b = pick_partner(d, a);
    if (b < 0)
        return -1;
    range r = range_of(d, b);
    return add_call(d, kind, a, r.low > 0.2L || r.high < -0.2L ? b : make_positive(d, b));
}

static int step_pow(generator *d, const char *kind)
{
    int a = pick_move(d), base = make_positive(d, a);
    return add_call(d, kind, base, pick_partner(d, a)); /* in this order with every compiler, so that a seed has one graph */
}

static int step_pow_constant(generator *d, const char *kind)
{
    int a = pick_move(d), which = (int)below(d, MOVE_EXPONENTS);
    if (which > 1) /* the square and the cube take any base */
        a = make_positive(d, a);
    return a < 0 ? -1 : add_move(d, (move){.kind = move_kind_named(kind), .x = {a}, .p = {which}});
}

static int step_where(generator *d, const char *kind)
{
    int a = pick_move(d), b = pick_partner(d, a), mask = -1;
    if (chance(d, 0.5))
        mask = add_call(d, "greater", a, b);
    else
        mask = add_move(d, (move){.kind = move_kind_named("input"), .shape = draw_partner(d, shape_at(d, a)), .domain = MASK});
    return mask < 0 || b < 0 ? -1 : add_move(d, (move){.kind = move_kind_named(kind), .x = {mask, a, b}});
}

static int step_fold(generator *d, const char *kind)
{
    int a = pick_move(d);
    int axes = (int)below(d, (size_t)1 << shape_at(d, a).rank);
    return add_move(d, (move){.kind = move_kind_named(kind), .x = {a}, .p = {axes, chance(d, 0.5)}});
}

static int step_first(generator *d, const char *kind)
{
    int a = pick_move(d);
    weft_shape shape = shape_at(d, a);
    int axes = (int)below(d, (size_t)1 << shape.rank);
    for (int i = 0; i < shape.rank; i++)
        axes &= shape.dim[i] ? ~0 : ~(1 << i); /* what is empty has no first element */
    return add_move(d, (move){.kind = move_kind_named(kind), .x = {a}, .p = {axes, chance(d, 0.5)}});
}

/* x - mean(x), x - max(x), and then the sum of such: what the rules of the rewriter look for. On a square the means may lie along the wrong
 * axis, where a rule must see that they are no centre. */
static int step_centre(generator *d, const char *kind)
{
    int a = pick_move(d);
    int axes = (int)below(d, (size_t)1 << shape_at(d, a).rank), keepdims = chance(d, d->square ? 0.5 : 0.9);
    int centre = add_move(d, (move){.kind = move_kind_named(chance(d, 0.8) ? "mean" : "max"), .x = {a}, .p = {axes, keepdims}});
    int centred = add_call(d, kind, a, centre);
    if (centred < 0 || chance(d, 0.5))
        return centred;
    if (chance(d, 0.5))
        centred = add_call(d, "mul", centred, pick_partner(d, centred));
    return centred < 0 ? -1 : add_move(d, (move){.kind = move_kind_named("sum"), .x = {centred}, .p = {axes, chance(d, 0.5)}});
}

static int step_broadcast(generator *d, const char *kind)
{
    int a = pick_move(d);
    weft_shape from = shape_at(d, a), to = {.rank = from.rank};
    if (to.rank < 4 && chance(d, 0.5)) {
        to.dim[0] = draw_dim(d);
        to.rank++;
    }
    for (int i = 0; i < from.rank; i++)
        to.dim[i + to.rank - from.rank] = from.dim[i] == 1 ? draw_dim(d) : from.dim[i];
    return add_move(d, (move){.kind = move_kind_named(kind), .x = {a}, .shape = to});
}

/* Splits an axis, joins two, adds or drops an axis of 1. */
static int step_reshape(generator *d, const char *kind)
{
    int a = pick_move(d);
    weft_shape from = shape_at(d, a), to = from;
    int axis = from.rank ? (int)below(d, (size_t)from.rank) : 0;
    if (from.rank < 4 && chance(d, 0.5)) {
        memmove(to.dim + axis + 1, to.dim + axis, (size_t)(from.rank - axis) * sizeof *to.dim);
        to.rank++;
        size_t whole = from.rank ? from.dim[axis] : 1, part = whole % 2 == 0 && whole ? 2 : whole % 3 == 0 && whole ? 3 : 1;
        to.dim[axis] = part;
        if (from.rank)
            to.dim[axis + 1] = whole / part;
    } else if (from.rank > 1) {
        axis = axis == from.rank - 1 ? axis - 1 : axis;
        to.dim[axis] *= to.dim[axis + 1];
        memmove(to.dim + axis + 1, to.dim + axis + 2, (size_t)(from.rank - axis - 2) * sizeof *to.dim);
        to.dim[--to.rank] = 0;
    } else if (from.rank == 1 && from.dim[0] == 1) {
        to = (weft_shape){.rank = 0};
    }
    return add_move(d, (move){.kind = move_kind_named(kind), .x = {a}, .shape = to});
}

/* Once, or once more: orders of three axes do not commute. */
static int step_transpose(generator *d, const char *kind)
{
    int a = pick_move(d);
    for (int times = chance(d, 0.3) ? 2 : 1; a >= 0 && times > 0; times--) {
        move m = {.kind = move_kind_named(kind), .x = {a}};
        int rank = shape_at(d, a).rank;
        for (int i = 0; i < rank; i++)
            m.p[i] = i;
        for (int i = rank - 1; i > 0; i--) {
            int j = (int)below(d, (size_t)i + 1), swap = m.p[i];
            m.p[i] = m.p[j];
            m.p[j] = swap;
        }
        a = add_move(d, m);
    }
    return a;
}

/* A matrix of so many rows: an earlier one, or a new leaf. */
static int pick_matrix(generator *d, size_t rows)
{
    for (int trial = 0; trial < 6; trial++) {
        int a = pick_move(d);
        weft_shape shape = shape_at(d, a);
        if (shape.rank == 2 && shape.dim[0] == rows)
            return a;
    }
    return add_leaf(d, (weft_shape){2, {rows, draw_dim(d)}});
}

static int step_matmul(generator *d, const char *kind)
{
    int a = make_matrix(d, pick_move(d));
    return a < 0 ? -1 : add_call(d, kind, a, pick_matrix(d, shape_at(d, a).dim[1]));
}

/* Of any rank: with a matrix or a vector behind it that fits, or with as many matrices, some of which repeat. */
static int step_batched_matmul(generator *d, const char *kind)
{
    int a = pick_move(d);
    weft_shape shape = shape_at(d, a), other = {2, {0, 0}};
    if (!shape.rank)
        return -1;
    if (shape.rank > 2 && chance(d, 0.6))
        other = draw_partner(d, shape); /* its batch axes; the last two are set below */
    other.rank = chance(d, 0.15) ? 1 : other.rank < 2 ? 2 : other.rank;
    if (chance(d, 0.3)) { /* a comes second */
        if (other.rank > 1)
            other.dim[other.rank - 2] = draw_dim(d);
        other.dim[other.rank - 1] = shape.dim[shape.rank > 1 ? shape.rank - 2 : 0];
        return add_call(d, kind, add_leaf(d, other), a);
    }
    if (other.rank > 1)
        other.dim[other.rank - 1] = draw_dim(d);
    other.dim[other.rank > 1 ? other.rank - 2 : 0] = shape.dim[shape.rank - 1];
    return add_call(d, kind, a, add_leaf(d, other));
}

static int step_affine(generator *d, const char *kind)
{
    int x = make_matrix(d, pick_move(d)), w = x < 0 ? -1 : pick_matrix(d, shape_at(d, x).dim[1]);
    int b = w < 0 ? -1 : add_leaf(d, (weft_shape){1, {shape_at(d, w).dim[1]}});
    return b < 0 ? -1 : add_move(d, (move){.kind = move_kind_named(kind), .x = {x, w, b}});
}

static int step_cross_entropy(generator *d, const char *kind)
{
    return add_call(d, kind, make_matrix(d, pick_move(d)), 0);
}

static int step_rows(generator *d, const char *kind)
{
    int a = pick_move(d);
    size_t count = d->longest && d->longest < 1000 && chance(d, 0.2) ? d->longest : 1 + below(d, 6);
    return shape_at(d, a).rank ? add_move(d, (move){.kind = move_kind_named(kind), .x = {a}, .p = {(int)count}}) : -1;
}

/* p[1]: an axis; p[0]: indices along it, or the length of the result there; p[2]: the rank of an index that may have any. */
static int step_along(generator *d, const char *kind)
{
    int a = pick_move(d), rank = shape_at(d, a).rank;
    int count = 1 + (int)below(d, 6), axis = (int)below(d, (size_t)(rank ? rank : 1)), index = (int)below(d, 3);
    return rank ? add_move(d, (move){.kind = move_kind_named(kind), .x = {a}, .p = {count, axis, index}}) : -1;
}

static int step_one_hot(generator *d, const char *kind)
{
    int labels = 1 + (int)below(d, 6), classes = 1 + (int)below(d, 4);
    return add_move(d, (move){.kind = move_kind_named(kind), .p = {labels, classes}});
}

static int step_flip(generator *d, const char *kind)
{
    int a = pick_move(d), axes = (int)below(d, (size_t)1 << shape_at(d, a).rank);
    return add_move(d, (move){.kind = move_kind_named(kind), .x = {a}, .p = {axes}});
}

static int step_pad(generator *d, const char *kind)
{
    int a = pick_move(d);
    move m = {.kind = move_kind_named(kind), .x = {a}};
    for (int i = 0; i < shape_at(d, a).rank; i++)
        m.p[i] = chance(d, 0.5) ? 0 : (int)below(d, 16);
    return add_move(d, m);
}

/* Mostly two, now and then so many that they are a tree. */
static int how_many(generator *d)
{
    static const int counts[] = {2, 2, 2, 3, 8, 9, 20};
    return counts[below(d, 7)];
}

/* With an earlier move that fits along the axis, or a new leaf. */
static int step_concat(generator *d, const char *kind)
{
    int a = pick_move(d), b = -1;
    weft_shape shape = shape_at(d, a);
    if (!shape.rank)
        return -1;
    int axis = (int)below(d, (size_t)shape.rank);
    for (int trial = 0; b < 0 && trial < 6; trial++) {
        int other = pick_move(d);
        weft_shape own = shape_at(d, other);
        own.dim[axis] = shape.dim[axis];
        b = memcmp(&own, &shape, sizeof own) ? -1 : other;
    }
    shape.dim[axis] = draw_dim(d);
    b = b < 0 ? add_leaf(d, shape) : b;
    return b < 0 ? -1 : add_move(d, (move){.kind = move_kind_named(kind), .x = {a, b}, .p = {axis, how_many(d)}});
}

static int step_stack(generator *d, const char *kind)
{
    int a = pick_move(d), b = chance(d, 0.5) ? add_leaf(d, shape_at(d, a)) : add_call(d, "neg", a, 0);
    int axis = (int)below(d, (size_t)shape_at(d, a).rank + 1);
    return b < 0 ? -1 : add_move(d, (move){.kind = move_kind_named(kind), .x = {a, b}, .p = {axis, how_many(d)}});
}

static int step_split(generator *d, const char *kind)
{
    int a = pick_move(d);
    weft_shape shape = shape_at(d, a);
    int axis = shape.rank ? (int)below(d, (size_t)shape.rank) : 0;
    return shape.rank && shape.dim[axis] ? add_move(d, (move){.kind = move_kind_named(kind), .x = {a}, .p = {axis, (int)below(d, 64)}}) : -1;
}

static int step_cast(generator *d, const char *kind)
{
    int a = pick_move(d), whole = chance(d, 0.4);
    return add_move(d, (move){.kind = move_kind_named(kind), .x = {a}, .p = {whole}});
}

/* One of two streams. */
static int step_noise(generator *d, const char *kind)
{
    int a = pick_move(d);
    return add_move(d, (move){.kind = move_kind_named(kind), .x = {a}, .p = {chance(d, 0.5)}});
}

static int step_batchnorm(generator *d, const char *kind)
{
    int h = make_matrix(d, pick_move(d));
    if (h < 0)
        return -1;
    weft_shape columns = {1, {shape_at(d, h).dim[1]}};
    int gamma = add_leaf(d, columns), beta = chance(d, 0.9) ? add_leaf(d, columns) : gamma;
    int eps = chance(d, 0.5);
    return gamma < 0 || beta < 0 ? -1 : add_move(d, (move){.kind = move_kind_named(kind), .x = {h, gamma, beta}, .p = {eps, chance(d, 0.5)}});
}

/* gamma and beta along axis 1. */
static int step_groupnorm(generator *d, const char *kind)
{
    int a = pick_move(d);
    weft_shape x = shape_at(d, a);
    if (x.rank < 2) {
        a = make_matrix(d, a);
        x = shape_at(d, a < 0 ? 0 : a);
    }
    if (a < 0)
        return -1;
    weft_shape channels = {1, {x.dim[1]}};
    int gamma = add_leaf(d, channels), beta = gamma >= 0 && chance(d, 0.9) ? add_leaf(d, channels) : gamma, eps = chance(d, 0.5);
    return gamma < 0 || beta < 0 ? -1 : add_move(d, (move){.kind = move_kind_named(kind), .x = {a, gamma, beta}, .p = {eps, 1 + (int)below(d, 3)}});
}

/* gamma and beta along the last axis. */
static int step_row_norm(generator *d, const char *kind)
{
    int a = pick_move(d);
    weft_shape x = shape_at(d, a);
    if (!x.rank)
        return -1;
    weft_shape row = {1, {x.dim[x.rank - 1]}};
    int gamma = add_leaf(d, row), beta = gamma >= 0 && chance(d, 0.9) ? add_leaf(d, row) : gamma, eps = chance(d, 0.5);
    return gamma < 0 || beta < 0 ? -1 : add_move(d, (move){.kind = move_kind_named(kind), .x = {a, gamma, beta}, .p = {eps}});
}

static int step_one_axis(generator *d, const char *kind)
{
    int a = pick_move(d), rank = shape_at(d, a).rank;
    if (!rank)
        return -1;
    int eps = chance(d, 0.5), axis = (int)below(d, (size_t)rank);
    return add_move(d, (move){.kind = move_kind_named(kind), .x = {a}, .p = {eps, axis}});
}

static const struct {
    const char *kind;
    int weight;
    int (*step)(generator *d, const char *kind);
} steps[] = {
    {"div", 4, step_div},
    {"pow", 2, step_pow},
    {"pow_constant", 5, step_pow_constant},
    {"where", 2, step_where},
    {"stop_gradient", 1, step_unary},
    {"sum", 6, step_fold},
    {"max", 3, step_fold},
    {"first", 1, step_first},
    {"min", 2, step_fold},
    {"prod", 3, step_fold},
    {"mean", 4, step_fold},
    {"variance", 3, step_fold},
    {"sub", 4, step_centre},
    {"broadcast", 4, step_broadcast},
    {"reshape", 4, step_reshape},
    {"transpose", 4, step_transpose},
    {"matmul", 4, step_matmul},
    {"gather", 2, step_rows},
    {"matmul", 3, step_batched_matmul},
    {"scatter_add", 2, step_rows},
    {"take", 2, step_along},
    {"gather_elements", 2, step_along},
    {"scatter_add_elements", 2, step_along},
    {"one_hot", 1, step_one_hot},
    {"cumsum", 2, step_along},
    {"argmax", 1, step_along},
    {"argmin", 1, step_along},
    {"slice", 5, step_unary},
    {"flip", 2, step_flip},
    {"pad", 4, step_pad},
    {"concat", 4, step_concat},
    {"stack", 2, step_stack},
    {"split", 1, step_split},
    {"cast", 1, step_cast},
    {"uniform", 1, step_noise},
    {"normal", 1, step_noise},
    {"dropout", 1, step_noise},
    {"affine", 3, step_affine},
    {"softmax_cross_entropy", 2, step_cross_entropy},
    {"batchnorm", 2, step_batchnorm},
    {"fused_batchnorm", 3, step_batchnorm},
    {"fused_batchnorm_relu", 2, step_batchnorm},
    {"fused_batchnorm_evaluation", 2, step_batchnorm},
    {"fused_layernorm", 2, step_row_norm},
    {"fused_groupnorm", 2, step_groupnorm},
    {"fused_rmsnorm", 2, step_row_norm},
    {"fused_l2_normalize", 2, step_one_axis},
    {"fused_softmax", 3, step_one_axis},
    {"fused_log_softmax", 2, step_one_axis},
    {"fused_gelu", 2, step_unary},
    {"fused_softmax_cross_entropy", 2, step_cross_entropy},
};

static int step_elementwise(generator *d, const elementwise *op)
{
    if (op->kind.arity == 2)
        return step_binary(d, op->kind.name);
    return op->positive ? step_positive(d, op->kind.name) : step_unary(d, op->kind.name);
}

void take_step(generator *d)
{
    int all = 0;
    for (size_t k = 0; k < sizeof steps / sizeof *steps; k++)
        all += steps[k].weight;
    for (size_t k = 0; random_function_at(k); k++)
        all += random_function_at(k)->weight;
    for (size_t k = 0; elementwise_at(k); k++)
        all += elementwise_at(k)->weight;
    int at = (int)below(d, (size_t)all);
    for (size_t k = 0; k < sizeof steps / sizeof *steps; at -= steps[k++].weight)
        if (at < steps[k].weight) {
            steps[k].step(d, steps[k].kind);
            return;
        }
    for (size_t k = 0; random_function_at(k); at -= random_function_at(k++)->weight)
        if (at < random_function_at(k)->weight) {
            random_function_at(k)->step(d, random_function_at(k)->kind.name);
            return;
        }
    size_t k = 0;
    for (; at >= elementwise_at(k)->weight; k++)
        at -= elementwise_at(k)->weight;
    step_elementwise(d, elementwise_at(k));
}

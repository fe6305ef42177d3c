/* plain.c: the interpreter of tapes. An element is found by its position along every axis; each op is the loop that its formula says. What is
 * computed element by element stands in plain_elementwise.c. */
#include "tests/plain_movement.h"
#include "tests/plain_noise.h"
#include "tests/plain_work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- positions --- */

static void position_of(const weft_shape *shape, size_t element, size_t *position)
{
    for (int i = shape->rank - 1; i >= 0; i--) {
        position[i] = element % shape->dim[i];
        element /= shape->dim[i];
    }
}

static size_t element_at(const weft_shape *shape, const size_t *position)
{
    size_t element = 0;
    for (int i = 0; i < shape->rank; i++)
        element = element * shape->dim[i] + position[i];
    return element;
}

/* --- one op after another --- */

static void copy(const work *w)
{
    if (w->count)
        memcpy(w->y[0], w->x[0], w->count * sizeof *w->y[0]);
}

/* An assignment has the value assigned; that the parameter keeps its own until the run ends is for the judge to see. */
static void assign(const work *w)
{
    if (w->count)
        memcpy(w->y[0], w->x[1], w->count * sizeof *w->y[0]);
}

static void broadcast(const work *w)
{
    size_t at[WEFT_MAX_RANK], from[WEFT_MAX_RANK];
    int shift = w->y_shape.rank - w->x_shape[0].rank;
    for (size_t i = 0; i < w->count; i++) {
        position_of(&w->y_shape, i, at);
        for (int k = 0; k < w->x_shape[0].rank; k++)
            from[k] = w->x_shape[0].dim[k] == 1 ? 0 : at[k + shift];
        w->y[0][i] = w->x[0][element_at(&w->x_shape[0], from)];
    }
}

static void transpose(const work *w)
{
    const int8_t *order = weft_node_attributes(w->node);
    size_t at[WEFT_MAX_RANK], from[WEFT_MAX_RANK];
    for (size_t i = 0; i < w->count; i++) {
        position_of(&w->y_shape, i, at);
        for (int k = 0; k < w->y_shape.rank; k++)
            from[order[k]] = at[k];
        w->y[0][i] = w->x[0][element_at(&w->x_shape[0], from)];
    }
}

size_t plain_folded_into(weft_node reduction, const weft_shape *x, size_t element)
{
    const weft_reduction *r = weft_node_attributes(reduction);
    weft_shape y = weft_node_shape(reduction);
    size_t at[WEFT_MAX_RANK], to[WEFT_MAX_RANK];
    int k = 0;
    position_of(x, element, at);
    for (int i = 0; i < x->rank; i++) {
        if (!(r->axes & WEFT_AXIS(i)))
            to[k++] = at[i];
        else if (r->keepdims)
            to[k++] = 0;
    }
    return element_at(&y, to);
}

/* In C order the element at index 0 of the axes comes before all others that go the same way. */
static void first(const work *w)
{
    for (size_t i = weft_shape_count(&w->x_shape[0]); i-- > 0;)
        w->y[0][plain_folded_into(w->node, &w->x_shape[0], i)] = w->x[0][i];
}

static void sum(const work *w)
{
    bounded_total *total = malloc(w->count * sizeof *total + 1);
    for (size_t i = 0; i < w->count; i++)
        total[i] = bounded_nothing();
    for (size_t i = 0; i < weft_shape_count(&w->x_shape[0]); i++)
        bounded_take(&total[plain_folded_into(w->node, &w->x_shape[0], i)], w->x[0][i]);
    for (size_t i = 0; i < w->count; i++)
        w->y[0][i] = bounded_end(&w->p->rounding, &total[i], w->p->rounding.sum_unit);
    free(total);
}

static void max(const work *w)
{
    for (size_t i = 0; i < w->count; i++)
        w->y[0][i] = bounded_exact(-INFINITY);
    for (size_t i = 0; i < weft_shape_count(&w->x_shape[0]); i++) {
        bounded *y = &w->y[0][plain_folded_into(w->node, &w->x_shape[0], i)];
        *y = y->v == -INFINITY ? w->x[0][i] : bounded_maximum(&w->p->rounding, w->x[0][i], *y, *y);
    }
}

static void matmul(const work *w)
{
    size_t rows = w->y_shape.dim[0], columns = w->y_shape.dim[1], inner = w->x_shape[0].dim[1];
    const rounding *r = &w->p->rounding;
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j++) {
            bounded_total total = bounded_nothing();
            for (size_t k = 0; k < inner; k++) {
                bounded a = w->x[0][i * inner + k], b = w->x[1][k * columns + j];
                bounded_take(&total, bounded_mul(r, a, b, b));
            }
            w->y[0][i * columns + j] = bounded_end(r, &total, r->unit); /* CBLAS adds in the dtype */
        }
}

static size_t row_size(const weft_shape *shape)
{
    size_t n = 1;
    for (int i = 1; i < shape->rank; i++)
        n *= shape->dim[i];
    return n;
}

static void gather(const work *w)
{
    size_t n = row_size(&w->y_shape);
    for (size_t m = 0; m < w->y_shape.dim[0]; m++)
        for (size_t k = 0; k < n; k++)
            w->y[0][m * n + k] = w->x[0][(size_t)w->index[m] * n + k];
}

static void scatter_add(const work *w)
{
    size_t n = row_size(&w->y_shape);
    for (size_t row = 0; row < w->y_shape.dim[0]; row++)
        for (size_t k = 0; k < n; k++) {
            bounded_total total = bounded_nothing();
            for (size_t m = 0; m < w->x_shape[0].dim[0]; m++)
                if ((size_t)w->index[m] == row)
                    bounded_take(&total, w->x[0][m * n + k]);
            w->y[0][row * n + k] = bounded_end(&w->p->rounding, &total, w->p->rounding.unit); /* it adds in the dtype */
        }
}

/* Seed and step are indices here; the attributes begin with the stream. f32 noise is rounded from f64 for normal, and cut for uniform. */
static void noise(const work *w, bool normal)
{
    int64_t seed = w->p->index[weft_node_operand(w->node, 0).id][0], step = w->p->index[weft_node_operand(w->node, 1).id][0];
    bool narrow = weft_node_dtype(w->node) == WEFT_F32;
    uint32_t stream;
    memcpy(&stream, weft_node_attributes(w->node), sizeof stream);
    for (size_t i = 0; i < w->count; i++) {
        if (normal)
            w->y[0][i] = bounded_round(&w->p->rounding, plain_normal(seed, (uint64_t)step, stream, i), 1.1e-14L, 1);
        else
            w->y[0][i] = bounded_exact(plain_uniform(seed, (uint64_t)step, stream, i, narrow));
    }
}

static void uniform(const work *w)
{
    noise(w, false);
}

static void normal(const work *w)
{
    noise(w, true);
}

/* --- fused ops: the formulas that weft.h and the op print, a column at a time --- */

/* A kernel by hand need not add up the terms themselves: moments are taken about a shift and merged, which rounds where sums of whole
 * numbers would not. */
static bounded_total in_any_way(void)
{
    bounded_total total = bounded_nothing();
    total.whole = false;
    return total;
}

/* y = gamma (h - mean) rstd + beta, mean, rstd = (sum (h - mean)**2 / N + eps)**(-1/2) */
static void normalised(const work *w, bool relu)
{
    const rounding *r = &w->p->rounding;
    size_t rows = w->x_shape[0].dim[0], columns = w->x_shape[0].dim[1];
    bounded n = bounded_exact((long double)rows), none = bounded_exact(0);
    bounded eps = bounded_exact((long double)*(const double *)weft_node_attributes(w->node));
    for (size_t j = 0; j < columns; j++) {
        bounded_total total = in_any_way(), squares = in_any_way();
        for (size_t i = 0; i < rows; i++)
            bounded_take(&total, w->x[0][i * columns + j]);
        bounded mean = bounded_div(r, bounded_end(r, &total, r->sum_unit), n, none);
        for (size_t i = 0; i < rows; i++) {
            bounded centred = bounded_sub(r, w->x[0][i * columns + j], mean, none);
            bounded_take(&squares, bounded_mul(r, centred, centred, none));
        }
        bounded sigma2 = bounded_add(r, bounded_div(r, bounded_end(r, &squares, r->sum_unit), n, none), eps, none);
        bounded rstd = bounded_div(r, bounded_exact(1), bounded_sqrt(r, sigma2, none, none), none);
        w->y[1][j] = mean;
        w->y[2][j] = rstd;
        for (size_t i = 0; i < rows; i++) {
            bounded hhat = bounded_mul(r, bounded_sub(r, w->x[0][i * columns + j], mean, none), rstd, none);
            bounded z = bounded_add(r, bounded_mul(r, w->x[1][j], hhat, none), w->x[2][j], none);
            w->y[0][i * columns + j] = relu ? bounded_relu(r, z, none, none) : z;
        }
    }
}

static void fused_batchnorm(const work *w)
{
    normalised(w, false);
}

static void fused_batchnorm_relu(const work *w)
{
    normalised(w, true);
}

/* dy, or with a ReLU what passes it: dy (gamma hhat + beta > 0). */
static bounded arriving(const work *w, size_t at, size_t j, bounded hhat, bool relu)
{
    const rounding *r = &w->p->rounding;
    bounded none = bounded_exact(0);
    if (!relu)
        return w->x[0][at];
    bounded z = bounded_add(r, bounded_mul(r, w->x[2][j], hhat, none), w->x[5][j], none);
    bounded mask = bounded_greater(r, z, none, none);
    w->p->undecided |= mask.e > 0;
    return bounded_mul(r, w->x[0][at], mask, none);
}

/* dh = gamma rstd/N (N dy - sum dy - hhat sum(dy hhat)), dgamma = sum(dy hhat), dbeta = sum dy; operands dy, h, gamma, mean, rstd, beta. */
static void gradients(const work *w, bool relu)
{
    const rounding *r = &w->p->rounding;
    size_t rows = w->x_shape[1].dim[0], columns = w->x_shape[1].dim[1];
    bounded n = bounded_exact((long double)rows), none = bounded_exact(0);
    for (size_t j = 0; j < columns; j++) {
        bounded mean = w->x[3][j], rstd = w->x[4][j];
        bounded_total dy = in_any_way(), dot = in_any_way();
        for (size_t i = 0; i < rows; i++) {
            bounded hhat = bounded_mul(r, bounded_sub(r, w->x[1][i * columns + j], mean, none), rstd, none);
            bounded passes = arriving(w, i * columns + j, j, hhat, relu);
            bounded_take(&dy, passes);
            bounded_take(&dot, bounded_mul(r, passes, hhat, none));
        }
        bounded dgamma = w->y[1][j] = bounded_end(r, &dot, r->sum_unit), dbeta = w->y[2][j] = bounded_end(r, &dy, r->sum_unit);
        for (size_t i = 0; i < rows; i++) {
            bounded hhat = bounded_mul(r, bounded_sub(r, w->x[1][i * columns + j], mean, none), rstd, none);
            bounded passes = arriving(w, i * columns + j, j, hhat, relu);
            bounded bracket = bounded_sub(r, bounded_mul(r, n, passes, none), dbeta, none);
            bracket = bounded_sub(r, bracket, bounded_mul(r, hhat, dgamma, none), none);
            w->y[0][i * columns + j] = bounded_mul(r, bounded_div(r, bounded_mul(r, w->x[2][j], rstd, none), n, none), bracket, none);
        }
    }
}

static void fused_batchnorm_backward(const work *w)
{
    gradients(w, false);
}

static void fused_batchnorm_relu_backward(const work *w)
{
    gradients(w, true);
}

/* --- the catalogue as this judge knows it; elementwise ops have a table of their own --- */

static const struct {
    const char *name;
    void (*whole)(const work *w);
} known[] = {
    {"sum", sum},
    {"max", max},
    {"broadcast", broadcast},
    {"reshape", copy},
    {"transpose", transpose},
    {"first", first},
    {"stop_gradient", copy},
    {"not_before", copy}, /* the engine's own, in checkpointed scopes */
    {"matmul", matmul},
    {"assign", assign},
    {"gather", gather},
    {"scatter_add", scatter_add},
    {"uniform", uniform},
    {"normal", normal},
    {"fused_batchnorm", fused_batchnorm},
    {"fused_batchnorm_backward", fused_batchnorm_backward},
    {"fused_batchnorm_relu", fused_batchnorm_relu},
    {"fused_batchnorm_relu_backward", fused_batchnorm_relu_backward},
};

static bool apply(const work *w, const char *name)
{
    for (size_t k = 0; k < sizeof known / sizeof *known; k++)
        if (!strcmp(known[k].name, name)) {
            known[k].whole(w);
            return true;
        }
    return plain_elementwise(w, name) || plain_movement(w->node, w->x, w->index, w->y[0], &w->p->undecided);
}

/* --- nodes --- */

static size_t count_of(weft_node x)
{
    weft_shape shape = weft_node_shape(x);
    return weft_shape_count(&shape);
}

/* A constant of one element is known to more digits than an f32 holds; a program may take either. */
static void read_constant(weft_node node, size_t count, bounded *y)
{
    const void *data = weft_node_attributes(node);
    double value;
    bool one = weft_node_scalar(node, &value);
    for (size_t i = 0; i < count; i++) {
        if (one)
            y[i] = bounded_within(value, weft_node_dtype(node) == WEFT_F32 ? fabsl((long double)value - (long double)(float)value) : 0);
        else
            y[i] = bounded_exact(weft_node_dtype(node) == WEFT_F32 ? (long double)((const float *)data)[i] : (long double)((const double *)data)[i]);
    }
}

static bool read_leaf(plain *p, weft_node node, const char *name)
{
    size_t count = count_of(node);
    weft_dtype dtype = weft_node_dtype(node);
    const void *data = strcmp(name, "constant") ? NULL : weft_node_attributes(node);
    if (dtype == WEFT_I64)
        p->index[node.id] = malloc(count * sizeof(int64_t) + 1);
    else
        p->number[node.id] = malloc(count * sizeof(bounded) + 1);
    if (!strcmp(name, "constant") && dtype != WEFT_I64) {
        read_constant(node, count, p->number[node.id]);
        return true;
    }
    double spread = 0;
    for (size_t k = 0; k < p->n_bindings; k++)
        if (p->binding[k].node.id == node.id) {
            data = p->binding[k].data;
            spread = p->spread ? p->spread[k] : 0;
        }
    if (!data && count) {
        snprintf(p->message, sizeof p->message, "leaf %%%u has no memory", node.id);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (dtype == WEFT_I64)
            p->index[node.id][i] = ((const int64_t *)data)[i];
        else
            p->number[node.id][i] = bounded_within(dtype == WEFT_F32 ? (long double)((const float *)data)[i] : (long double)((const double *)data)[i],
                                                   spread);
    }
    return true;
}

/* The engine's own view, not_before, of indices. */
static bool copy_indices(plain *p, weft_node node)
{
    size_t count = count_of(node);
    p->index[node.id] = malloc(count * sizeof(int64_t) + 1);
    if (count)
        memcpy(p->index[node.id], p->index[weft_node_operand(node, 0).id], count * sizeof(int64_t));
    return true;
}

static bool evaluate(plain *p, weft_node node)
{
    const weft_op *op = weft_node_op(node);
    work w = {.p = p, .node = node, .n = weft_node_operand_count(node), .y_shape = weft_node_shape(node), .count = count_of(node)};
    if (op->kind == WEFT_PART)
        return true; /* its node has left it behind */
    if (!w.n)
        return read_leaf(p, node, op->name);
    if (weft_node_dtype(node) == WEFT_I64 && !strcmp(op->name, "not_before"))
        return copy_indices(p, node);
    for (int i = 0; i < w.n; i++) {
        weft_node x = weft_node_operand(node, i);
        w.x_shape[i] = weft_node_shape(x);
        w.x[i] = p->number[x.id];
        w.index = p->index[x.id];
    }
    for (int i = 0; i < (op->outputs ? op->outputs : 1); i++) {
        weft_node part = weft_part(node, i);
        w.y[i] = p->number[part.id] = malloc(count_of(part) * sizeof(bounded) + 1);
    }
    if (p->stopped && !strcmp(op->name, "stop_gradient"))
        w.x[0] = plain_value(p->stopped, node);
    if (!apply(&w, op->name)) {
        snprintf(p->message, sizeof p->message, "tests/plain.c does not know the op %.60s", op->name);
        return false;
    }
    return true;
}

/* --- the whole tape --- */

void plain_start(plain *p, weft_tape *tape, weft_dtype dtype)
{
    *p = (plain){.tape = tape, .rounding = dtype == WEFT_F32 ? rounding_f32 : rounding_f64};
}

bool plain_extend(plain *p, const weft_binding *binding, size_t n)
{
    uint32_t count = weft_tape_count(p->tape);
    p->binding = binding;
    p->n_bindings = n;
    if (count > p->allocated) {
        p->number = realloc(p->number, 2 * (size_t)count * sizeof *p->number);
        p->index = realloc(p->index, 2 * (size_t)count * sizeof *p->index);
        for (uint32_t id = p->allocated; id < 2 * count; id++) {
            p->number[id] = NULL;
            p->index[id] = NULL;
        }
        p->allocated = 2 * count;
    }
    for (; p->done < count; p->done++)
        if (!evaluate(p, weft_tape_node(p->tape, p->done)))
            return false;
    return true;
}

void plain_rewind(plain *p, uint32_t count)
{
    for (uint32_t id = count; id < p->allocated; id++) {
        free(p->number[id]);
        free(p->index[id]);
        p->number[id] = NULL;
        p->index[id] = NULL;
    }
    p->done = count < p->done ? count : p->done;
}

void plain_free(plain *p)
{
    plain_rewind(p, 0);
    free(p->number);
    free(p->index);
    *p = (plain){.tape = NULL};
}

const bounded *plain_value(const plain *p, weft_node x)
{
    return p->number[x.id];
}

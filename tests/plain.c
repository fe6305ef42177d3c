/* plain.c: the interpreter of tapes. An element is found by its position along every axis; each op is the loop that its formula says. What is
 * computed element by element stands in plain_elementwise.c. */
#include "tests/plain_movement.h"
#include "tests/plain_noise.h"
#include "tests/plain_work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* The attributes begin with the stream. f32 noise is rounded from f64 for normal, and cut for uniform. */
static void noise(const work *w, bool normal)
{
    int64_t seed = (int64_t)w->x[0][0].v, step = (int64_t)w->x[1][0].v; /* a long double holds them all */
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

/* y = gamma (h - mean) rstd + beta, mean, sigma2 = sum (h - mean)**2 / N, rstd = (sigma2 + eps)**(-1/2) */
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
        bounded sigma2 = bounded_div(r, bounded_end(r, &squares, r->sum_unit), n, none);
        bounded rstd = bounded_div(r, bounded_exact(1), bounded_sqrt(r, bounded_add(r, sigma2, eps, none), none, none), none);
        w->y[1][j] = mean;
        w->y[2][j] = rstd;
        w->y[3][j] = sigma2;
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

/* --- the catalogue as this judge knows it --- */

static const struct {
    const char *name;
    void (*whole)(const work *w);
} known[] = {
    {"sum", sum},
    {"max", plain_max},
    {"min", plain_min},
    {"prod", plain_prod},
    {"argmax", plain_argmax},
    {"argmin", plain_argmin},
    {"cumsum", plain_cumsum},
    {"broadcast", broadcast},
    {"reshape", copy},
    {"transpose", transpose},
    {"first", first},
    {"stop_gradient", copy},
    {"not_before", copy}, /* the engine's own, in checkpointed scopes */
    {"matmul", plain_matmul},
    {"assign", assign},
    {"take", plain_take},
    {"scatter_add", plain_scatter_add},
    {"gather_elements", plain_gather_elements},
    {"scatter_add_elements", plain_scatter_add_elements},
    {"one_hot", plain_one_hot},
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
    return plain_elementwise(w, name) || plain_fused(w, name) || plain_movement(w->node, w->x, w->y[0], &w->p->undecided);
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
            p->number[node.id][i] = bounded_exact(((const int64_t *)data)[i]);
        else
            p->number[node.id][i] = bounded_within(dtype == WEFT_F32 ? (long double)((const float *)data)[i] : (long double)((const double *)data)[i],
                                                   spread);
    }
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
    for (int i = 0; i < w.n; i++) {
        weft_node x = weft_node_operand(node, i);
        w.x_shape[i] = weft_node_shape(x);
        w.x[i] = p->number[x.id];
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
        for (uint32_t id = p->allocated; id < 2 * count; id++)
            p->number[id] = NULL;
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
        p->number[id] = NULL;
    }
    p->done = count < p->done ? count : p->done;
}

void plain_free(plain *p)
{
    plain_rewind(p, 0);
    free(p->number);
    *p = (plain){.tape = NULL};
}

const bounded *plain_value(const plain *p, weft_node x)
{
    return p->number[x.id];
}

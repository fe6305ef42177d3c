/* plain_fused.c: fused ops that work along one axis, by the formulas that weft.h and the op print, a vector after another. */
#include "tests/plain_work.h"

#include <stdlib.h>
#include <string.h>

static const bounded none = {0, 0}, one = {1, 0};

/* A kernel by hand need not add up the terms themselves: moments are taken about a shift and merged, which rounds where sums of whole numbers
 * would not. */
static bounded_total in_any_way(void)
{
    bounded_total total = bounded_nothing();
    total.whole = false;
    return total;
}

/* Vector `number` of the node's operand along an axis: element i of it is element at(v, i) of the array. */
typedef struct vector {
    size_t length, inner, count, start;
} vector;

static vector along(const weft_shape *shape, int axis)
{
    vector v = {.length = shape->dim[axis], .inner = 1, .count = 1};
    for (int i = 0; i < shape->rank; i++)
        v.count *= i == axis ? 1 : shape->dim[i];
    for (int i = axis + 1; i < shape->rank; i++)
        v.inner *= shape->dim[i];
    return v;
}

static size_t at(const vector *v, size_t number, size_t i)
{
    return (number / v->inner * v->length + i) * v->inner + number % v->inner;
}

static int last_of(const weft_shape *shape)
{
    return shape->rank - 1;
}

/* --- layernorm and rmsnorm: y = gamma (x - mean) rstd + beta --- */

/* x - mean, or x itself where nothing is centred. */
static bounded centre_of(const work *w, bounded x, bounded mean, bool centred)
{
    return centred ? bounded_sub(&w->p->rounding, x, mean, none) : x;
}

static void rows_normalised(const work *w, bool centred)
{
    const rounding *r = &w->p->rounding;
    vector v = along(&w->x_shape[0], last_of(&w->x_shape[0]));
    bounded n = bounded_exact((long double)v.length), eps = bounded_exact((long double)*(const double *)weft_node_attributes(w->node));
    for (size_t k = 0; k < v.count; k++) {
        bounded_total total = in_any_way(), squares = in_any_way();
        const bounded *x = w->x[0] + k * v.length;
        for (size_t i = 0; i < v.length; i++)
            bounded_take(&total, x[i]);
        bounded mean = bounded_div(r, bounded_end(r, &total, r->sum_unit), n, none);
        for (size_t i = 0; i < v.length; i++) {
            bounded c = centre_of(w, x[i], mean, centred);
            bounded_take(&squares, bounded_mul(r, c, c, none));
        }
        bounded square = bounded_add(r, bounded_div(r, bounded_end(r, &squares, r->sum_unit), n, none), eps, none);
        bounded rstd = bounded_div(r, one, bounded_sqrt(r, square, none, none), none);
        if (centred)
            w->y[1][k] = mean;
        w->y[centred ? 2 : 1][k] = rstd;
        for (size_t i = 0; i < v.length; i++) {
            bounded y = bounded_mul(r, w->x[1][i], bounded_mul(r, centre_of(w, x[i], mean, centred), rstd, none), none);
            w->y[0][k * v.length + i] = centred ? bounded_add(r, y, w->x[2][i], none) : y;
        }
    }
}

static void fused_layernorm(const work *w)
{
    rows_normalised(w, true);
}

static void fused_rmsnorm(const work *w)
{
    rows_normalised(w, false);
}

/* dx = rstd (u - mean u - xhat mean(u xhat)), u = gamma dy; dgamma = sum(dy xhat), dbeta = sum dy over the rows. */
static void row_gradients(const work *w, bool centred)
{
    const rounding *r = &w->p->rounding;
    vector v = along(&w->x_shape[1], last_of(&w->x_shape[1]));
    bounded n = bounded_exact((long double)v.length);
    bounded_total *dgamma = malloc(v.length * sizeof *dgamma + 1), *dbeta = malloc(v.length * sizeof *dbeta + 1);
    for (size_t i = 0; i < v.length; i++)
        dgamma[i] = dbeta[i] = in_any_way();
    for (size_t k = 0; k < v.count; k++) {
        bounded mean = w->x[3][k], rstd = w->x[centred ? 4 : 3][k];
        bounded_total sum = in_any_way(), dot = in_any_way();
        for (size_t i = 0; i < v.length; i++) {
            bounded dy = w->x[0][k * v.length + i], u = bounded_mul(r, w->x[2][i], dy, none);
            bounded xhat = bounded_mul(r, centre_of(w, w->x[1][k * v.length + i], mean, centred), rstd, none);
            bounded_take(&sum, u);
            bounded_take(&dot, bounded_mul(r, u, xhat, none));
            bounded_take(&dgamma[i], bounded_mul(r, dy, xhat, none));
            bounded_take(&dbeta[i], dy);
        }
        bounded mean_u = bounded_div(r, bounded_end(r, &sum, r->sum_unit), n, none), slope = bounded_div(r, bounded_end(r, &dot, r->sum_unit), n, none);
        for (size_t i = 0; i < v.length; i++) {
            bounded u = bounded_mul(r, w->x[2][i], w->x[0][k * v.length + i], none);
            bounded xhat = bounded_mul(r, centre_of(w, w->x[1][k * v.length + i], mean, centred), rstd, none);
            bounded bracket = centred ? bounded_sub(r, u, mean_u, none) : u;
            w->y[0][k * v.length + i] = bounded_mul(r, rstd, bounded_sub(r, bracket, bounded_mul(r, xhat, slope, none), none), none);
        }
    }
    for (size_t i = 0; i < v.length; i++) {
        w->y[1][i] = bounded_end(r, &dgamma[i], r->sum_unit);
        if (centred)
            w->y[2][i] = bounded_end(r, &dbeta[i], r->sum_unit);
    }
    free(dgamma);
    free(dbeta);
}

static void fused_layernorm_backward(const work *w)
{
    row_gradients(w, true);
}

static void fused_rmsnorm_backward(const work *w)
{
    row_gradients(w, false);
}

/* --- l2_normalize: y = x rnorm --- */

typedef struct l2_attributes {
    double eps;
    int64_t axis;
} l2_attributes;

static void fused_l2_normalize(const work *w)
{
    const rounding *r = &w->p->rounding;
    const l2_attributes *a = weft_node_attributes(w->node);
    vector v = along(&w->x_shape[0], (int)a->axis);
    for (size_t k = 0; k < v.count; k++) {
        bounded_total squares = in_any_way();
        for (size_t i = 0; i < v.length; i++)
            bounded_take(&squares, bounded_mul(r, w->x[0][at(&v, k, i)], w->x[0][at(&v, k, i)], none));
        bounded square = bounded_add(r, bounded_end(r, &squares, r->sum_unit), bounded_exact(a->eps), none);
        w->y[1][k] = bounded_div(r, one, bounded_sqrt(r, square, none, none), none);
        for (size_t i = 0; i < v.length; i++)
            w->y[0][at(&v, k, i)] = bounded_mul(r, w->x[0][at(&v, k, i)], w->y[1][k], none);
    }
}

/* dx = rnorm (dy - y sum(dy y)), y = x rnorm; operands dy, x, rnorm. */
static void fused_l2_normalize_backward(const work *w)
{
    const rounding *r = &w->p->rounding;
    const l2_attributes *a = weft_node_attributes(w->node);
    vector v = along(&w->x_shape[1], (int)a->axis);
    for (size_t k = 0; k < v.count; k++) {
        bounded_total total = in_any_way();
        bounded rnorm = w->x[2][k];
        for (size_t i = 0; i < v.length; i++)
            bounded_take(&total, bounded_mul(r, w->x[0][at(&v, k, i)], bounded_mul(r, w->x[1][at(&v, k, i)], rnorm, none), none));
        bounded dot = bounded_end(r, &total, r->sum_unit);
        for (size_t i = 0; i < v.length; i++) {
            bounded along_y = bounded_mul(r, bounded_mul(r, w->x[1][at(&v, k, i)], rnorm, none), dot, none);
            w->y[0][at(&v, k, i)] = bounded_mul(r, rnorm, bounded_sub(r, w->x[0][at(&v, k, i)], along_y, none), none);
        }
    }
}

/* --- softmax: p = exp(z - most) / total --- */

static bounded most_of(const work *w, const vector *v, size_t k)
{
    bounded most = w->x[0][at(v, k, 0)];
    for (size_t i = 1; i < v->length; i++)
        most = bounded_maximum(&w->p->rounding, w->x[0][at(v, k, i)], most, none);
    return most;
}

static bounded power_of(const work *w, bounded z, bounded most)
{
    return bounded_monotone(&w->p->rounding, exact_exp, bounded_sub(&w->p->rounding, z, most, none));
}

static bounded total_of(const work *w, const vector *v, size_t k, bounded most)
{
    bounded_total total = in_any_way();
    for (size_t i = 0; i < v->length; i++)
        bounded_take(&total, power_of(w, w->x[0][at(v, k, i)], most));
    return bounded_end(&w->p->rounding, &total, w->p->rounding.sum_unit);
}

static void fused_softmax(const work *w)
{
    vector v = along(&w->x_shape[0], (int)*(const int64_t *)weft_node_attributes(w->node));
    for (size_t k = 0; k < v.count; k++) {
        bounded most = most_of(w, &v, k), total = total_of(w, &v, k, most);
        for (size_t i = 0; i < v.length; i++)
            w->y[0][at(&v, k, i)] = bounded_div(&w->p->rounding, power_of(w, w->x[0][at(&v, k, i)], most), total, none);
    }
}

/* dz = p (dp - sum(dp p)); operands dp, p. */
static void fused_softmax_backward(const work *w)
{
    const rounding *r = &w->p->rounding;
    vector v = along(&w->x_shape[0], (int)*(const int64_t *)weft_node_attributes(w->node));
    for (size_t k = 0; k < v.count; k++) {
        bounded_total total = in_any_way();
        for (size_t i = 0; i < v.length; i++)
            bounded_take(&total, bounded_mul(r, w->x[0][at(&v, k, i)], w->x[1][at(&v, k, i)], none));
        bounded dot = bounded_end(r, &total, r->sum_unit);
        for (size_t i = 0; i < v.length; i++)
            w->y[0][at(&v, k, i)] = bounded_mul(r, w->x[1][at(&v, k, i)], bounded_sub(r, w->x[0][at(&v, k, i)], dot, none), none);
    }
}

/* y = z - most - log total */
static void fused_log_softmax(const work *w)
{
    const rounding *r = &w->p->rounding;
    vector v = along(&w->x_shape[0], (int)*(const int64_t *)weft_node_attributes(w->node));
    for (size_t k = 0; k < v.count; k++) {
        bounded most = most_of(w, &v, k), log_total = bounded_monotone(r, exact_log, total_of(w, &v, k, most));
        for (size_t i = 0; i < v.length; i++)
            w->y[0][at(&v, k, i)] = bounded_sub(r, bounded_sub(r, w->x[0][at(&v, k, i)], most, none), log_total, none);
    }
}

/* dz = dy - exp(y) sum(dy); operands dy, y. */
static void fused_log_softmax_backward(const work *w)
{
    const rounding *r = &w->p->rounding;
    vector v = along(&w->x_shape[0], (int)*(const int64_t *)weft_node_attributes(w->node));
    for (size_t k = 0; k < v.count; k++) {
        bounded_total total = in_any_way();
        for (size_t i = 0; i < v.length; i++)
            bounded_take(&total, w->x[0][at(&v, k, i)]);
        bounded sum = bounded_end(r, &total, r->sum_unit);
        for (size_t i = 0; i < v.length; i++) {
            bounded power = bounded_monotone(r, exact_exp, w->x[1][at(&v, k, i)]);
            w->y[0][at(&v, k, i)] = bounded_sub(r, w->x[0][at(&v, k, i)], bounded_mul(r, power, sum, none), none);
        }
    }
}

/* loss = mean(log total - (z[label] - most)) */
static void fused_softmax_cross_entropy(const work *w)
{
    const rounding *r = &w->p->rounding;
    vector v = along(&w->x_shape[0], 1);
    bounded_total loss = in_any_way();
    for (size_t k = 0; k < v.count; k++) {
        bounded most = w->y[1][k] = most_of(w, &v, k), total = w->y[2][k] = total_of(w, &v, k, most);
        bounded score = bounded_sub(r, w->x[0][k * v.length + (size_t)w->x[1][k].v], most, none);
        if (w->x[1][k].e > 0) /* another label may be it */
            score.e = INFINITY;
        bounded_take(&loss, bounded_sub(r, bounded_monotone(r, exact_log, total), score, none));
    }
    *w->y[0] = bounded_div(r, bounded_end(r, &loss, r->sum_unit), bounded_exact((long double)v.count), none);
}

/* dz = dloss/N (exp(z - most)/total - onehot(label)); operands dloss, z, label, most, total. */
static void fused_softmax_cross_entropy_backward(const work *w)
{
    const rounding *r = &w->p->rounding;
    vector v = along(&w->x_shape[1], 1);
    bounded weight = bounded_div(r, *w->x[0], bounded_exact((long double)v.count), none);
    for (size_t k = 0; k < v.count; k++)
        for (size_t i = 0; i < v.length; i++) {
            bounded p = bounded_div(r, power_of(w, w->x[1][k * v.length + i], w->x[3][k]), w->x[4][k], none);
            bounded label = w->x[2][k], right = (size_t)label.v == i ? one : none;
            right.e = label.e > 0 ? 1 : 0;
            w->y[0][k * v.length + i] = bounded_mul(r, weight, bounded_sub(r, p, right, none), none);
        }
}

static const struct {
    const char *name;
    void (*whole)(const work *w);
} known[] = {
    {"fused_groupnorm", plain_groupnorm},
    {"fused_groupnorm_backward", plain_groupnorm_backward},
    {"fused_batchnorm_evaluation", plain_evaluated},
    {"fused_batchnorm_evaluation_backward", plain_evaluated_backward},
    {"fused_log_softmax", fused_log_softmax},
    {"fused_log_softmax_backward", fused_log_softmax_backward},
    {"fused_gelu", plain_gelu},
    {"fused_gelu_backward", plain_gelu_backward},
    {"fused_layernorm", fused_layernorm},
    {"fused_layernorm_backward", fused_layernorm_backward},
    {"fused_rmsnorm", fused_rmsnorm},
    {"fused_rmsnorm_backward", fused_rmsnorm_backward},
    {"fused_l2_normalize", fused_l2_normalize},
    {"fused_l2_normalize_backward", fused_l2_normalize_backward},
    {"fused_softmax", fused_softmax},
    {"fused_softmax_backward", fused_softmax_backward},
    {"fused_softmax_cross_entropy", fused_softmax_cross_entropy},
    {"fused_softmax_cross_entropy_backward", fused_softmax_cross_entropy_backward},
};

bool plain_fused(const work *w, const char *name)
{
    for (size_t k = 0; k < sizeof known / sizeof *known; k++)
        if (!strcmp(known[k].name, name)) {
            known[k].whole(w);
            return true;
        }
    return false;
}

/* structure.c: what a node is, seen from what it computes. An elementwise op is tried at a few numbers, so the engine knows none by its name: what
 * gives t/8 for every t tried divides by 8, however it is written. */
#include "engine/judge/diagnose.h"

#include <math.h>
#include <string.h>

static const weft__node *at(const weft__judged *j, uint32_t id)
{
    return weft__at(j->tape, id);
}

uint32_t weft__through_views(const weft__judged *j, uint32_t id)
{
    while (at(j, id)->op->kind == WEFT_VIEW)
        id = at(j, id)->operand[0];
    return id;
}

/* --- elementwise ops, tried --- */

/* The operands that vary, as opposed to constants of one value; at most two are told. */
static int varying(const weft__judged *j, uint32_t id, int which[2])
{
    const weft__node *node = at(j, id);
    int n = 0;
    for (int i = 0; i < node->n; i++)
        if (!weft_node_scalar(weft__handle(j->tape, node->operand[i]), NULL)) {
            if (n < 2)
                which[n] = i;
            n++;
        }
    return n;
}

/* The value of an elementwise node where its varying operands are a and b; NAN for other nodes. */
static double value_at(const weft__judged *j, uint32_t id, double a, double b)
{
    const weft__node *node = at(j, id);
    double x[WEFT_MAX_OPERANDS] = {0}, y = NAN;
    const void *operand[WEFT_MAX_OPERANDS];
    ptrdiff_t stride[WEFT_MAX_OPERANDS] = {0};
    int which[2] = {-1, -1};
    if (node->op->kind != WEFT_ELEMENTWISE || node->dtype != WEFT_F64 || node->op->attribute_size || varying(j, id, which) > 2)
        return NAN;
    for (int i = 0; i < node->n; i++) {
        weft_node_scalar(weft__handle(j->tape, node->operand[i]), &x[i]);
        x[i] = i == which[0] ? a : i == which[1] ? b : x[i];
        operand[i] = &x[i];
    }
    node->op->map[1](1, &y, operand, stride);
    return y;
}

static bool near(double a, double b)
{
    return fabs(a - b) <= 1e-12 * fmax(fabs(a), fabs(b));
}

static bool is_unary(const weft__judged *j, uint32_t id)
{
    int which[2];
    return at(j, id)->op->kind == WEFT_ELEMENTWISE && varying(j, id, which) == 1;
}

static uint32_t argument(const weft__judged *j, uint32_t id)
{
    int which[2] = {0, 0};
    varying(j, id, which);
    return at(j, id)->operand[which[0]];
}

static bool is_scaled(const weft__judged *j, uint32_t id, double *factor)
{
    *factor = is_unary(j, id) ? value_at(j, id, 1, 0) : NAN;
    return isfinite(*factor) && value_at(j, id, 0, 0) == 0 && near(value_at(j, id, 2, 0), 2 * *factor) && near(value_at(j, id, -9, 0), -9 * *factor);
}

static bool is_shifted(const weft__judged *j, uint32_t id, double *by)
{
    *by = is_unary(j, id) ? value_at(j, id, 0, 0) : NAN;
    return isfinite(*by) && near(value_at(j, id, 1, 0), 1 + *by) && near(value_at(j, id, 9, 0), 9 + *by);
}

bool weft__is_product(const weft__judged *j, uint32_t id)
{
    int which[2];
    return at(j, id)->op->kind == WEFT_ELEMENTWISE && varying(j, id, which) == 2 && value_at(j, id, 2, 3) == 6 && value_at(j, id, -1, 5) == -5;
}

bool weft__is_quotient(const weft__judged *j, uint32_t id)
{
    int which[2];
    return at(j, id)->op->kind == WEFT_ELEMENTWISE && varying(j, id, which) == 2 && value_at(j, id, 6, 3) == 2 && value_at(j, id, -1, 4) == -0.25;
}

static bool is_difference(const weft__judged *j, uint32_t id)
{
    int which[2];
    return at(j, id)->op->kind == WEFT_ELEMENTWISE && varying(j, id, which) == 2 && value_at(j, id, 6, 3) == 3 && value_at(j, id, -1, 4) == -5;
}

static bool is_square(const weft__judged *j, uint32_t id)
{
    if (weft__is_product(j, id) && at(j, id)->operand[0] == at(j, id)->operand[1])
        return true;
    return is_unary(j, id) && value_at(j, id, 3, 0) == 9 && value_at(j, id, -2, 0) == 4 && value_at(j, id, 0.5, 0) == 0.25;
}

bool weft__is_linear(const weft__judged *j, uint32_t id, int operand)
{
    const weft__node *node = at(j, id);
    if (node->op->kind != WEFT_ELEMENTWISE)
        return false;
    double slope = NAN;
    for (int t = 0; t < 3; t++) { /* in each operand that varies, at a few numbers of the other */
        const double a[3] = {0.5, -1.25, 2}, b[3] = {1.5, 0.75, -3};
        int which[2] = {-1, -1};
        varying(j, id, which);
        bool first = which[0] == operand;
        double step = value_at(j, id, a[t] + (first ? 1 : 0), b[t] + (first ? 0 : 1)) - value_at(j, id, a[t], b[t]);
        if (t && !(fabs(step - slope) < 1e-9))
            return false;
        slope = step;
    }
    return isfinite(slope);
}

/* --- reductions and what they are for --- */

bool weft__is_sum(const weft__judged *j, uint32_t id)
{
    const weft_op *op = at(j, id)->op;
    return op->kind == WEFT_REDUCTION && op->fold && !op->fold->selects && op->fold->identity == 0 && op->fold->merge(2, 3) == 5;
}

bool weft__is_mean(const weft__judged *j, uint32_t id, double *count, uint32_t *sum)
{
    double factor;
    if (!is_scaled(j, id, &factor))
        return false;
    uint32_t s = weft__through_views(j, argument(j, id));
    if (!weft__is_sum(j, s) || !weft__count(j, s))
        return false;
    *sum = s;
    *count = (double)weft__count(j, at(j, s)->operand[0]) / (double)weft__count(j, s);
    return *count > 1 && (near(factor * *count, 1) || near(factor * (*count - 1), 1));
}

bool weft__is_broadcast(const weft__judged *j, uint32_t id, double *count)
{
    const weft__node *node = at(j, id);
    if (node->op->kind != WEFT_VIEW || !node->n)
        return false;
    size_t from = weft__count(j, node->operand[0]), to = node->shape->count;
    *count = from ? (double)to / (double)from : 0;
    return *count > 1;
}

const char *weft__statistic(const weft__judged *j, uint32_t id)
{
    double count, other_count;
    uint32_t sum = id, other_sum;
    bool mean = weft__is_mean(j, id, &count, &sum);
    if (!mean && !weft__is_sum(j, id))
        return at(j, id)->op->kind == WEFT_REDUCTION ? "reduction" : NULL;
    uint32_t of = weft__through_views(j, at(j, sum)->operand[0]);
    if (!is_square(j, of))
        return mean ? "mean" : "sum";
    uint32_t squared = weft__through_views(j, argument(j, of));
    if (is_difference(j, squared)) {
        uint32_t from = weft__through_views(j, at(j, squared)->operand[0]), taken = weft__through_views(j, at(j, squared)->operand[1]);
        if (weft__is_mean(j, taken, &other_count, &other_sum) && weft__through_views(j, at(j, other_sum)->operand[0]) == from)
            return mean ? "variance" : "sum of squared deviations";
    }
    return mean ? "mean square" : "sum of squares";
}

bool weft__is_root(const weft__judged *j, uint32_t id, weft__root *root)
{
    bool inverse = is_unary(j, id) && near(value_at(j, id, 4, 0), 0.5) && near(value_at(j, id, 2.25, 0), 1 / 1.5);
    bool plain = is_unary(j, id) && near(value_at(j, id, 4, 0), 2) && near(value_at(j, id, 2.25, 0), 1.5);
    if (!inverse && !plain)
        return false;
    uint32_t sum;
    *root = (weft__root){.root = id, .under = argument(j, id)};
    root->variance = root->under;
    if (is_shifted(j, root->under, &root->eps) && root->eps > 0)
        root->variance = argument(j, root->under);
    else
        root->eps = 0;
    if (!weft__is_mean(j, weft__through_views(j, root->variance), &root->count, &sum))
        root->count = 0;
    return true;
}

bool weft__find_root(const weft__judged *j, uint32_t under, weft__root *root)
{
    for (uint32_t id = j->lo; id < j->end; id++)
        if (j->of_y[id] && weft__is_root(j, id, root) && root->under == under)
            return true;
    return false;
}

/* --- arrays and shapes --- */

static weft_shape without_ones(const weft_shape *shape)
{
    weft_shape to = {0};
    for (int i = 0; i < shape->rank; i++)
        if (shape->dim[i] != 1)
            to.dim[to.rank++] = shape->dim[i];
    return to;
}

bool weft__same_but_ones(const weft_shape *a, const weft_shape *b)
{
    weft_shape x = without_ones(a), y = without_ones(b);
    return x.rank == y.rank && !memcmp(x.dim, y.dim, sizeof x.dim);
}

double weft__largest(const double *x, size_t n)
{
    double size = 0;
    for (size_t i = 0; i < n; i++)
        size = fmax(size, fabs(x[i]));
    return size;
}

double weft__distance(const double *a, const double *b, size_t n)
{
    double off = 0;
    for (size_t i = 0; i < n; i++)
        if (!(fabs(a[i] - b[i]) <= off))
            off = fabs(a[i] - b[i]);
    return off;
}

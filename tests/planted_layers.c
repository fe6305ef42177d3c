/* planted_layers.c: hand-derived gradients of softmax and its cross-entropy, of affine layers with what stands around them, and of a loss with weight
 * decay. */
#include "tests/planted_families.h"

static weft_node times(weft_node x, double v)
{
    return weft_mul(weft_scalar_like(x, v), x);
}

/* --- softmax: dz = p*(dy - sum(dy*p)) --- */

static weft_node softmax_value(const weft_node *x)
{
    return weft_softmax(x[0], 1);
}

static void softmax_gradient(const weft_node *x, weft_node dy, planted_mistake mistake, weft_node *dx)
{
    weft_node p = weft_softmax(x[0], 1), weighted = weft_mul(dy, p);
    weft_node through_sum = mistake == DIAGONAL ? weighted : weft_sum(weighted, WEFT_AXIS(1), true);
    dx[0] = mistake == SUM_PATH ? weighted : weft_mul(p, mistake == SIGN ? weft_add(dy, through_sum) : weft_sub(dy, through_sum));
}

const planted_family planted_softmax = {"softmax", 1, {{"z", {2, {4, 5}}, PLANTED_NORMAL, false}}, softmax_value, softmax_gradient};

/* --- cross-entropy of any weights: dz = (p*sum(target) - target)/N * dy --- */

static weft_node cross_entropy_value(const weft_node *x)
{
    return weft_cross_entropy(x[0], x[1], WEFT_LOSS_MEAN);
}

static void cross_entropy_gradient(const weft_node *x, weft_node dy, planted_mistake mistake, weft_node *dx)
{
    weft_node expected = weft_mul(weft_softmax(x[0], 1), weft_sum(x[1], WEFT_AXIS(1), true));
    weft_node each = mistake == OWN_PATH ? expected : mistake == SUM_PATH ? weft_neg(x[1]) : weft_sub(expected, x[1]);
    double n = mistake == NOT_DIVIDED ? 1 : (double)weft_node_shape(x[0]).dim[0];
    dx[0] = weft_mul(times(each, (mistake == SIGN ? -1 : 1) / n), dy);
}

const planted_family planted_cross_entropy = {"cross_entropy", 2, {{"z", {2, {4, 5}}, PLANTED_NORMAL, false},
    {"target", {2, {4, 5}}, PLANTED_POSITIVE, true}},
    cross_entropy_value, cross_entropy_gradient};

/* --- y = x @ w + b: dx = dy @ w', dw = x' @ dy, db = the sum of dy over the rows. All square, so that a forgotten transpose fits --- */

static weft_node affine_value(const weft_node *x)
{
    return weft_affine(x[0], x[1], x[2]);
}

static void affine_gradient(const weft_node *x, weft_node dy, planted_mistake mistake, weft_node *dx)
{
    size_t rows = weft_node_shape(dy).dim[0], columns = weft_node_shape(dy).dim[1];
    dx[0] = weft_matmul(dy, mistake == W_NOT_TRANSPOSED ? x[1] : weft_transpose(x[1], NULL));
    dx[1] = weft_matmul(mistake == X_NOT_TRANSPOSED ? x[0] : weft_transpose(x[0], NULL), dy);
    if (mistake == RESULT_TRANSPOSED)
        dx[1] = weft_transpose(dx[1], NULL);
    dx[2] = weft_sum(dy, WEFT_AXIS(0), false);
    if (mistake == UNSUMMED)
        dx[2] = dy;
    else if (mistake == MEAN_FOR_SUM)
        dx[2] = times(dx[2], 1 / (double)rows);
    else if (mistake == LAST_ROW)
        dx[2] = weft_reshape(weft_slice(dy, (ptrdiff_t[]){(ptrdiff_t)rows - 1, 0}, NULL, NULL), 1, &columns);
}

#define SQUARE {2, {4, 4}}
const planted_family planted_affine = {"affine", 3, {{"x", SQUARE, PLANTED_NORMAL, false}, {"w", SQUARE, PLANTED_NORMAL, false},
    {"b", {1, {4}}, PLANTED_NORMAL, false}}, affine_value, affine_gradient};

/* --- y = relu(x @ w + b): the same with dy where x @ w + b > 0 --- */

static weft_node relu_layer_value(const weft_node *x)
{
    return weft_relu(weft_affine(x[0], x[1], x[2]));
}

static void relu_layer_gradient(const weft_node *x, weft_node dy, planted_mistake mistake, weft_node *dx)
{
    weft_node inside = mistake == MASK_OF_X ? x[0] : mistake == MASK_OF_DY ? dy : weft_affine(x[0], x[1], x[2]);
    weft_node mask = weft_greater(inside, weft_scalar_like(inside, 0));
    affine_gradient(x, mistake == MASK_FORGOTTEN ? dy : weft_mul(dy, mask), mistake, dx);
}

const planted_family planted_relu_layer = {"relu layer", 3, {{"x", SQUARE, PLANTED_NORMAL, false}, {"w", SQUARE, PLANTED_NORMAL, false},
    {"b", {1, {4}}, PLANTED_NORMAL, false}}, relu_layer_value, relu_layer_gradient};

/* --- y = x + tanh(x @ w): dx = dy + inner @ w', dw = x' @ inner, inner = dy*(1 - tanh**2) --- */

static weft_node residual_value(const weft_node *x)
{
    weft_node inner = weft_name(weft_tanh(weft_matmul(x[0], x[1])), "inner");
    return weft_name(weft_add(x[0], inner), "y");
}

static void residual_gradient(const weft_node *x, weft_node dy, planted_mistake mistake, weft_node *dx)
{
    weft_node t = weft_tanh(weft_matmul(x[0], x[1]));
    weft_node inner = weft_mul(dy, weft_sub(weft_scalar_like(t, 1), weft_square(t)));
    weft_node through_layer = weft_matmul(inner, weft_transpose(x[1], NULL));
    dx[0] = mistake == LAYER_PATH ? dy : mistake == SKIP_PATH ? through_layer : weft_add(dy, through_layer);
    dx[1] = weft_matmul(weft_transpose(x[0], NULL), inner);
}

const planted_family planted_residual = {"residual", 2, {{"x", SQUARE, PLANTED_NORMAL, false}, {"w", SQUARE, PLANTED_NORMAL, false}}, residual_value,
    residual_gradient};

/* --- loss = mean((x @ w - t)**2) + 0.3*sum(w**2): with e = 2*(x @ w - t)/N, dx = e @ w', dw = x' @ e + 0.6*w, dt = -e --- */

static weft_node ridge_value(const weft_node *x)
{
    weft_node error = weft_name(weft_mse(weft_matmul(x[0], x[1]), x[2], WEFT_LOSS_MEAN), "error");
    weft_node decay = weft_name(times(weft_sum(weft_square(x[1]), WEFT_ALL_AXES, false), 0.3), "decay");
    return weft_name(weft_add(error, decay), "loss");
}

static void ridge_gradient(const weft_node *x, weft_node dy, planted_mistake mistake, weft_node *dx)
{
    weft_node off = weft_sub(weft_matmul(x[0], x[1]), x[2]);
    weft_shape shape = weft_node_shape(off);
    weft_node e = times(off, mistake == NOT_DIVIDED ? 2 : 2 / (double)weft_shape_count(&shape));
    weft_node decay = times(x[1], mistake == TWO_FORGOTTEN ? 0.3 : 0.6), of_error = weft_matmul(weft_transpose(x[0], NULL), e);
    dx[0] = weft_mul(dy, weft_matmul(e, weft_transpose(x[1], NULL)));
    dx[1] = weft_mul(dy, mistake == DECAY_PATH ? of_error : weft_add(of_error, decay));
    dx[2] = weft_mul(dy, mistake == SIGN ? e : weft_neg(e));
}

const planted_family planted_ridge = {"ridge", 3, {{"x", {2, {6, 3}}, PLANTED_NORMAL, false}, {"w", {2, {3, 2}}, PLANTED_NORMAL, false},
    {"t", {2, {6, 2}}, PLANTED_NORMAL, false}}, ridge_value, ridge_gradient};

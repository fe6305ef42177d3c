/* weft_functions.h: functions of several ops, a part of weft.h. Staged functions are ordinary functions over the builders; fused ops are one node each. */
#ifndef WEFT_FUNCTIONS_H
#define WEFT_FUNCTIONS_H

#include "weft.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- Staged functions: ordinary functions over the builders above ----------------------------------------------------------------------- */
weft_node weft_mean(weft_node x, unsigned axes, bool keepdims);     /* sum(x) / N */
weft_node weft_variance(weft_node x, unsigned axes, bool keepdims); /* sum((x - mean(x))**2) / N, the biased one */

/* sum((x - mean(x))**2) / max(N - correction, 0): correction 0 is the biased variance, 1 the unbiased one. NaN where N <= correction, as PyTorch has
 * it. weft_std() is its root, with derivative 0 where it is 0, as PyTorch's. Errors: those of weft_sum(), WEFT_ERROR_ARGUMENT (correction not finite). */
weft_node weft_variance_n(weft_node x, unsigned axes, bool keepdims, double correction);
weft_node weft_std(weft_node x, unsigned axes, bool keepdims, double correction);
weft_node weft_affine(weft_node x, weft_node w, weft_node b);       /* (N, D) @ (D, M) + (M) */

/* Batch normalization over all axes but axis 1, the channels; training mode. h (N, C, ...), gamma (C), beta (C), eps >= 0 -> y, of the shape of h;
 * for each channel, of M elements,
 *     mu = sum(h)/M    sigma2 = sum((h - mu)**2)/M    hhat = (h - mu) * (sigma2 + eps)**(-1/2)    y = gamma*hhat + beta
 * A batch of nothing has the derivatives 0.
 * Errors: WEFT_ERROR_SHAPE, WEFT_ERROR_ARGUMENT (eps). Source: Ioffe and Szegedy, 2015, algorithm 1, and section 3.2 for more axes than two. */
weft_node weft_batchnorm(weft_node h, weft_node gamma, weft_node beta, double eps);

/* The same as its users train, evaluate and deploy it. A node of tape NULL is one that is left out; zeros in the other fields are no defaults. */
typedef enum weft_batchnorm_mode {
    WEFT_BATCHNORM_TRAINING,   /* mu and sigma2 of the batch, as above; the running statistics follow them */
    WEFT_BATCHNORM_EVALUATION, /* y = gamma*(h - running_mean)*(running_variance + eps)**(-1/2) + beta */
    WEFT_BATCHNORM_FROZEN      /* the same, with gamma and beta as constants for derivatives */
} weft_batchnorm_mode;

typedef struct weft_batchnorm_options {
    int axis; /* of the channels: 1 in (N, C, ...), -1 in (N, H, W, C); negative ones count from the end */
    weft_batchnorm_mode mode;
    double eps;             /* >= 0; PyTorch's default is 1e-5 */
    weft_node gamma, beta;  /* (C); either or both may be left out */
    weft_node running_mean, running_variance; /* (C), parameters, which begin with 0 and 1; both or neither in training */
    double momentum; /* running' = (1 - momentum)*running + momentum*batch, as PyTorch, whose default is 0.1; TensorFlow's is 1 less this one */
    bool cumulative; /* in place of momentum: running' = running + (batch - running)/(batches + 1), the average of all batches; PyTorch's None */
    bool biased;     /* running_variance follows sigma2 itself; false: sigma2*M/(M - 1), of M values per channel, as PyTorch */
    weft_node batches; /* for cumulative: a scalar parameter of h's dtype, which begins with 0 and counts; an f32 up to 2**24 */
    bool relu; /* max(y, 0) in place of y */
} weft_batchnorm_options;

/* y, of h's shape. h of rank 1 or more, f32 or f64 with all else. updates: NULL, or room for three; it gets the assignments that training makes of
 * the running statistics, to be outputs of the program, and *n_updates how many there are: 0, 2 or 3.
 * Errors: WEFT_ERROR_SHAPE (shapes, axis; in training fewer than 2 values per channel, since one is its own mean), WEFT_ERROR_ARGUMENT (eps,
 * momentum, what is left out and needed), WEFT_ERROR_DTYPE. Source: as above; torch.nn.BatchNorm1d for the running statistics. */
weft_node weft_batchnorm_with(weft_node h, const weft_batchnorm_options *options, weft_node updates[3], size_t *n_updates);

/* An evaluation-mode batch normalization of x @ w + b as one affine: w (D, C), b (C) or left out -> folded[0] (D, C), folded[1] (C) with
 *     s = gamma*(running_variance + eps)**(-1/2)    w' = w*s    b' = (b - running_mean)*s + beta
 * so that weft_affine(x, w', b') is the same within rounding. Of the options eps, gamma, beta and the running statistics count; a ReLU is left to do. Errors: as above. */
void weft_batchnorm_fold(weft_node w, weft_node b, const weft_batchnorm_options *options, weft_node folded[2]);

/* Group normalization: the C channels in groups of C/groups neighbours, each sample and group normalised by itself. x (N, C, ...), gamma (C) or of
 * tape NULL, beta likewise, eps >= 0 -> y, of the shape of x; for each sample and group, of M elements,
 *     mu = sum(x)/M    sigma2 = sum((x - mu)**2)/M    xhat = (x - mu) * (sigma2 + eps)**(-1/2)    y = gamma*xhat + beta
 * Errors: WEFT_ERROR_SHAPE, WEFT_ERROR_ARGUMENT (groups does not divide C, eps), WEFT_ERROR_DTYPE. Source: Wu and He, 2018, equations 1 to 6. */
weft_node weft_groupnorm(weft_node x, size_t groups, weft_node gamma, weft_node beta, double eps);

/* Instance normalization: the same with one channel a group. x (N, C, ...) with at least one more axis, and more than one value for each sample and
 * channel, which else would be its own mean: WEFT_ERROR_SHAPE, as PyTorch refuses it. Source: Ulyanov, Vedaldi and Lempitsky, 2016, equation 7. */
weft_node weft_instancenorm(weft_node x, weft_node gamma, weft_node beta, double eps);

/* Layer normalization over the last axis. x (..., D), gamma (D), beta (D), all f32 or all f64, eps >= 0 -> y, of the shape of x; for each row
 *     mu = sum(x)/D    sigma2 = sum((x - mu)**2)/D    xhat = (x - mu) * (sigma2 + eps)**(-1/2)    y = gamma*xhat + beta
 * Errors: WEFT_ERROR_SHAPE, WEFT_ERROR_ARGUMENT (eps), WEFT_ERROR_DTYPE. Source: Ba, Kiros and Hinton, 2016, equations 3 and 4. */
weft_node weft_layernorm(weft_node x, weft_node gamma, weft_node beta, double eps);

/* The same without mu and beta: x (..., D), gamma (D) -> y = gamma*x*(sum(x**2)/D + eps)**(-1/2). Errors: as weft_layernorm().
 * Source: Zhang and Sennrich, 2019, equation 4. */
weft_node weft_rmsnorm(weft_node x, weft_node gamma, double eps);

/* y = x * (sum(x**2) + eps)**(-1/2), the sum over one axis; negative axes count from the end. x f32 or f64, of any shape; eps >= 0. eps is added
 * under the root; TensorFlow takes max(sum(x**2), eps) there, and PyTorch divides by max(sqrt(sum(x**2)), eps).
 * Errors: WEFT_ERROR_SHAPE (axis), WEFT_ERROR_ARGUMENT (eps), WEFT_ERROR_DTYPE. */
weft_node weft_l2_normalize(weft_node x, int axis, double eps);

/* Weights as lengths and directions: w = g*v*sum(v**2)**(-1/2), the sum over all axes but one; v of any shape, g (v's dim of that axis) -> w, of the
 * shape of v. Where v is 0, w is NaN, as PyTorch has it. Errors: WEFT_ERROR_SHAPE, WEFT_ERROR_DTYPE. Source: Salimans and Kingma, 2016, equation 2. */
weft_node weft_weightnorm(weft_node v, weft_node g, int axis);

/* y = ln sum(exp(x)) over the axes, as m + ln sum(exp(x - m)), m the largest. x f32 or f64. Where all are -Inf, or there are none, y is -Inf; where
 * one is Inf, y is Inf; NaN where one is NaN. The derivative is exp(x - y): NaN for an x that is infinite like y, and else right, as PyTorch has it.
 * Errors: WEFT_ERROR_SHAPE, WEFT_ERROR_DTYPE. */
weft_node weft_logsumexp(weft_node x, unsigned axes, bool keepdims);

/* p = exp(z - m) / sum(exp(z - m)), the sum and the maximum m over one axis; negative axes count from the end. z f32 or f64, of any shape. m is a
 * constant for derivatives, which it cannot change. An entry of -Inf gives 0; NaN where one is NaN or +Inf, or where all are -Inf.
 * Errors: WEFT_ERROR_SHAPE (axis, or an empty one), WEFT_ERROR_DTYPE. Source: Goodfellow, Bengio and Courville, 2016, section 4.1. */
weft_node weft_softmax(weft_node z, int axis);

/* ln of weft_softmax(), without passing through it: y = z - m - ln sum(exp(z - m)). An entry of -Inf gives -Inf; NaN in a row with NaN or Inf, or of
 * -Inf alone. Errors: as weft_softmax(). */
weft_node weft_log_softmax(weft_node z, int axis);

/* What a loss comes to. PyTorch's: the mean of no rows is NaN, their sum 0. */
typedef enum weft_loss_reduction { WEFT_LOSS_MEAN, WEFT_LOSS_SUM, WEFT_LOSS_NONE } weft_loss_reduction;

/* Cross-entropy with the softmax of scores: z (C) or (N, C, ...), classes on axis 1; one loss for each row, of shape () or (N, ...), then reduced.
 *     target i64, of z's shape without C: labels, loss = -ln softmax(z)[label]; at most 4096 classes; a row whose label has z = -Inf has the loss Inf,
 *         other classes may have it; a label out of range makes the run WEFT_ERROR_INDEX
 *     target of z's dtype and shape: probabilities, loss = -sum(target * ln softmax(z)); NaN where a target of 0 meets z = -Inf, as PyTorch has it
 * The mean is over rows, for probabilities too. Errors: WEFT_ERROR_SHAPE, WEFT_ERROR_DTYPE, WEFT_ERROR_ARGUMENT (reduction).
 * Source: Goodfellow, Bengio and Courville, 2016, section 6.2.2.3. */
weft_node weft_cross_entropy(weft_node z, weft_node target, weft_loss_reduction reduction);

/* (a - b)**2, reduced over all elements. a and b of one shape, which is not broadcast. Errors: WEFT_ERROR_SHAPE, WEFT_ERROR_DTYPE, WEFT_ERROR_ARGUMENT. */
weft_node weft_mse(weft_node a, weft_node b, weft_loss_reduction reduction);

/* Scaled dot-product attention: softmax(q k' / sqrt(E) + mask) v, the softmax over the last axis. q (..., L, E), k (..., S, E), v (..., S, V) ->
 * (..., L, V), what comes first broadcast by weft_matmul(). mask: added to the scores (..., L, S), -Inf to rule out; or of tape NULL. A row of which all
 * are ruled out is NaN, as PyTorch has it. Errors: WEFT_ERROR_SHAPE, WEFT_ERROR_DTYPE. Source: Vaswani et al., 2017, equation 1. */
weft_node weft_attention(weft_node q, weft_node k, weft_node v, weft_node mask);

/* Mean over the rows of -log softmax(z)[label]. z (N, C), label i64 (N) -> scalar. Safe for any finite z. A label that is not 0 to C-1 is
 * WEFT_ERROR_INDEX when the program runs. */
weft_node weft_softmax_cross_entropy(weft_node z, weft_node label);

/* Dropout for training: y = x * mask / (1 - rate), where mask is 1 if weft_uniform(seed, step, stream, ...) >= rate, else 0. The derivative has the
 * same mask. For evaluation leave it out. 0 <= rate < 1, rounded down to a multiple of 2**-24; f32 and f64 drop the same elements. x f32 or f64.
 * Errors: WEFT_ERROR_ARGUMENT (rate), WEFT_ERROR_DTYPE, and those of weft_uniform(). Source: Srivastava et al., 2014, section 10. */
weft_node weft_dropout(weft_node x, double rate, weft_node seed, weft_node step, uint32_t stream);

/* Optimizers. w: a parameter; dw: its gradient; rate: a scalar node; other state: parameters of w's shape and dtype that begin with 0. What they return
 * are assignments, to be outputs of the program. Errors: those of weft_assign(), and WEFT_ERROR_ARGUMENT for factors out of range. */

/* Gradient descent: w' = w - rate*dw. */
weft_node weft_descend(weft_node w, weft_node dw, weft_node rate);

/* Stochastic gradient descent with momentum: velocity' = momentum*velocity + dw; w' = w - rate*velocity'. rate: a scalar node.
 * velocity: a parameter of w's shape. Writes two nodes for weft_compile() to out: the assignments of velocity and of w. */
void weft_sgd(weft_node w, weft_node dw, weft_node velocity, weft_node rate, double momentum, weft_node out[2]);

/* Adam: m' = beta1*m + (1 - beta1)*dw; v' = beta2*v + (1 - beta2)*dw**2; w' = w - rate * m'/(1 - beta1**t) / (sqrt(v'/(1 - beta2**t)) + eps).
 * t: step, a scalar node of w's dtype, the number of this update, from 1 on: for all parameters of a program step = weft_add(steps, one), and the one
 * output weft_assign(steps, step); an f32 counts to 2**24, where the corrections have long been 1. 0 <= beta1, beta2 < 1; eps >= 0.
 * Writes the assignments of m, v and w to out. Source: Kingma and Ba, 2015, algorithm 1; torch.optim.Adam. */
void weft_adam(weft_node w, weft_node dw, weft_node m, weft_node v, weft_node step, weft_node rate, double beta1, double beta2, double eps,
               weft_node out[3]);

/* Adam with decoupled weight decay: the same, less rate*decay*w of the old w. Source: Loshchilov and Hutter, 2019, algorithm 2; torch.optim.AdamW. */
void weft_adamw(weft_node w, weft_node dw, weft_node m, weft_node v, weft_node step, weft_node rate, double beta1, double beta2, double eps,
                double decay, weft_node out[3]);

/* Gradients cut to a global norm: with norm = sqrt(sum over all i of sum(dw[i]**2)), clipped[i] = dw[i] * most / max(norm, most), so gradients of a norm
 * up to most stay as they are, and zeros stay zero. PyTorch divides by norm + 1e-6. NaN where the norm is. Returns norm. n >= 1, most > 0; dw and clipped
 * may be one array. Errors: WEFT_ERROR_ARGUMENT. Source: Pascanu, Mikolov and Bengio, 2013, algorithm 1. */
weft_node weft_clip_by_norm(const weft_node *dw, size_t n, double most, weft_node *clipped);

/* --- Fused ops: one node each, kernel and gradient derived by hand; each names its staged twin -------------------------------------------- */
weft_node weft_fused_batchnorm(weft_node h, weft_node gamma, weft_node beta, double eps);      /* weft_batchnorm */
weft_node weft_fused_batchnorm_relu(weft_node h, weft_node gamma, weft_node beta, double eps); /* weft_relu of weft_batchnorm */

/* weft_batchnorm_with(): all its modes, along any axis. */
weft_node weft_fused_batchnorm_with(weft_node h, const weft_batchnorm_options *options, weft_node updates[3], size_t *n_updates);

/* Formulas, shapes and errors are those of the twin. Where the sum of a root and eps is 0, its reciprocal is taken as 0: y = beta, or 0, and no
 * gradient passes, where the staged twin gives NaN. */
weft_node weft_fused_layernorm(weft_node x, weft_node gamma, weft_node beta, double eps); /* weft_layernorm */
weft_node weft_fused_groupnorm(weft_node x, size_t groups, weft_node gamma, weft_node beta, double eps); /* weft_groupnorm */
weft_node weft_fused_instancenorm(weft_node x, weft_node gamma, weft_node beta, double eps); /* weft_instancenorm; it records a fused_groupnorm */
weft_node weft_fused_rmsnorm(weft_node x, weft_node gamma, double eps);                   /* weft_rmsnorm */
weft_node weft_fused_l2_normalize(weft_node x, int axis, double eps);                     /* weft_l2_normalize */
weft_node weft_fused_softmax(weft_node z, int axis);                                      /* weft_softmax */
weft_node weft_fused_log_softmax(weft_node z, int axis);                                  /* weft_log_softmax */
weft_node weft_fused_softmax_cross_entropy(weft_node z, weft_node label);                 /* weft_softmax_cross_entropy; an index error also in dz */
weft_node weft_fused_gelu(weft_node x); /* weft_gelu; of f32 by a polynomial of its own, within 1e-9 of the exact value before it is rounded */

#ifdef __cplusplus
}
#endif
#endif

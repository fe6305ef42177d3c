/* staged.h: what the staged functions share beyond the public builders. */
#ifndef WEFT_OPS_STAGED_H
#define WEFT_OPS_STAGED_H

#include "engine/weft_op.h"

double weft__folded_count(weft_node x, unsigned axes); /* the N of a mean: elements that fold into one */

/* WEFT_OK where h is (N, C, ...), gamma and beta (C) and eps >= 0; else the tape's error, worded for the op of that name. */
weft_status weft__batchnorm_check(const char *name, weft_node h, weft_node gamma, weft_node beta, double eps);

/* weft_batchnorm() with what it computes on the way: y (N, C, ...), mu (C), rstd (C) and sigma2 (C). */
void weft__batchnorm_staged(weft_node h, weft_node gamma, weft_node beta, double eps, weft_node y_mu_rstd_sigma2[4]);

/* True where all of weft_batchnorm_with()'s arguments fit, with the axis of the channels from 0, no updates yet and how many values a channel has;
 * else the tape's error, worded for the function of that name. */
bool weft__batchnorm_with_check(const char *name, weft_node h, const weft_batchnorm_options *o, weft_node updates[3], size_t *n_updates, int *axis,
                                double *values);

/* The assignments of what the running statistics become after a batch of that mean and variance (C elements); returns how many. */
size_t weft__batchnorm_updates(const weft_batchnorm_options *o, weft_node mean, weft_node variance, double values, weft_node updates[3]);

unsigned weft__batchnorm_axes(weft_node h);                   /* all axes of h but that of the channels, 1 */
weft_node weft__batchnorm_column(weft_node x, weft_node h); /* x (C) as it meets h: (C, 1, ...), or x itself where h is (N, C) */

/* The axis as a set of one, where x is a node and axis is -rank to rank-1; else 0 and the tape's error, worded for the function of that name. */
unsigned weft__axis_of(const char *name, weft_node x, int axis);

weft_node weft__along(weft_node x, int axis, int rank); /* x (C) as it meets an array of that rank along that axis: (C, 1, ...) */

weft_node weft__root(weft_node square); /* its square root, with derivative 0 at 0 */

/* each, or its mean or sum; else the tape's error, worded for the function of that name. */
weft_node weft__loss(const char *name, weft_node each, weft_loss_reduction reduction);

/* WEFT_OK where x[0] is (..., D), the n - 1 others are (D) and eps >= 0; else the tape's error, worded for the function of that name. */
weft_status weft__rows_check(const char *name, const weft_node *x, int n, double eps);

/* z - max(z) over the axes, the largest as a constant for every derivative. */
weft_node weft__shifted(weft_node z, unsigned axes);

/* Staged functions with what they compute on the way: y (..., D), mu, rstd and rrms (..., 1); rnorm, of x's shape but 1 along the axis. */
void weft__layernorm_staged(weft_node x, weft_node gamma, weft_node beta, double eps, weft_node y_mu_rstd[3]);
void weft__rmsnorm_staged(weft_node x, weft_node gamma, double eps, weft_node y_rrms[2]);
void weft__l2_normalize_staged(weft_node x, unsigned along, double eps, weft_node y_rnorm[2]);
weft_node weft__softmax_staged(weft_node z, unsigned along);
weft_node weft__log_softmax_staged(weft_node z, unsigned along);

/* x is (N, C, ...), gamma and beta (C) or of tape NULL, groups divides C, eps >= 0; instancenorm: x is (N, C, ...) with one more axis, and more than
 * one value for each sample and channel. Else the tape's error, worded for the function of that name. */
bool weft__groupnorm_check(const char *name, weft_node x, size_t groups, weft_node gamma, weft_node beta, double eps);
bool weft__instancenorm_check(const char *name, weft_node x, weft_node gamma, weft_node beta, double eps);

/* y (N, C, ...), mu and rstd (N, groups, 1, 1) */
void weft__groupnorm_staged(weft_node x, size_t groups, weft_node gamma, weft_node beta, double eps, weft_node y_mu_rstd[3]);
weft_node weft__groupnorm_cut(weft_node x, size_t groups);    /* x (N, C, ...) as (N, groups, C/groups, ...), one axis for the last */
weft_node weft__groupnorm_column(weft_node x, size_t groups); /* x (C) as it meets that: (groups, C/groups, 1) */

/* The axis as a set of one, where it is one of x and eps >= 0; else 0 and the tape's error, worded for the function of that name. */
unsigned weft__l2_normalize_check(const char *name, weft_node x, int axis, double eps);

/* Of the loss: the largest score of each row (N, 1), and the sum of e**(z - most) (N, 1). */
bool weft__softmax_cross_entropy_check(const char *name, weft_node z, weft_node label);
void weft__softmax_cross_entropy_staged(weft_node z, weft_node label, weft_node loss_most_total[3]);

#endif

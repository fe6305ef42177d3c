/* staged.h: what the staged functions share beyond the public builders. */
#ifndef WEFT_OPS_STAGED_H
#define WEFT_OPS_STAGED_H

#include "engine/weft_op.h"

double weft__folded_count(weft_node x, unsigned axes); /* the N of a mean: elements that fold into one */

/* WEFT_OK where h is (N, C, ...), gamma and beta (C) and eps >= 0; else the tape's error, worded for the op of that name. */
weft_status weft__batchnorm_check(const char *name, weft_node h, weft_node gamma, weft_node beta, double eps);

/* weft_batchnorm() with what it computes on the way: y (N, C, ...), mu (C) and rstd (C). */
void weft__batchnorm_staged(weft_node h, weft_node gamma, weft_node beta, double eps, weft_node y_mu_rstd[3]);

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

#endif

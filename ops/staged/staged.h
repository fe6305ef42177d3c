/* staged.h: what the staged functions share beyond the public builders. */
#ifndef WEFT_OPS_STAGED_H
#define WEFT_OPS_STAGED_H

#include "engine/weft.h"

double weft__folded_count(weft_node x, unsigned axes); /* the N of a mean: elements that fold into one */

/* WEFT_OK where h is (N, D), gamma and beta (D) and eps >= 0; else the tape's error, worded for the op of that name. */
weft_status weft__batchnorm_check(const char *name, weft_node h, weft_node gamma, weft_node beta, double eps);

/* weft_batchnorm() with what it computes on the way: y (N, D), mu (D) and rstd (D). */
void weft__batchnorm_staged(weft_node h, weft_node gamma, weft_node beta, double eps, weft_node y_mu_rstd[3]);

#endif

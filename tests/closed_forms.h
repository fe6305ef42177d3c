/* closed_forms.h: what the staged functions and their gradients must come to: the formulas that one derives on paper, as plain loops in f64.
 * The gradients are those of sum(y * dy). Nothing here looks at a tape. */
#ifndef WEFT_TESTS_CLOSED_FORMS_H
#define WEFT_TESTS_CLOSED_FORMS_H

#include <stddef.h>

/* Where vector k of an array starts, and the step along it, for vectors along one axis: inner is the product of the dims after that axis. */
typedef struct vectors {
    size_t count, length, inner;
} vectors;

/* With dy NULL only y is written. dgamma and dbeta (length) must be zero before, and may be NULL where a function has none; so may beta. */
typedef struct closed_form {
    const double *x, *gamma, *beta, *dy; /* x, dy: the whole array; gamma, beta (length) */
    double *y, *dx, *dgamma, *dbeta;
    double eps;
} closed_form;

/* y = gamma*xhat + beta, xhat = (x - mu)*s, s = (var + eps)**-0.5; with u = gamma*dy, dx = s*(u - mean u - xhat*mean(u*xhat)),
 * dgamma = sum of dy*xhat, dbeta = sum of dy over the vectors. gamma and beta vary along the vector. */
void closed_layernorm(vectors v, closed_form f);

/* The same, but gamma, beta and their gradients (count) belong to the vector as a whole, as in batch normalization over axis 0. */
void closed_batchnorm(vectors v, closed_form f);

/* y = gamma*xhat, xhat = x*r, r = (mean x**2 + eps)**-0.5; dx = r*(u - xhat*mean(u*xhat)). */
void closed_rmsnorm(vectors v, closed_form f);

/* y = x*r, r = (sum x**2 + eps)**-0.5; dx = r*(dy - y*sum(dy*y)). */
void closed_l2_normalize(vectors v, closed_form f);

/* y = gamma*x*r, r = (sum x**2)**-0.5, gamma (count); dx = gamma*r*(dy - x*r*sum(dy*x*r)), dgamma = sum(dy*x*r). */
void closed_weightnorm(vectors v, closed_form f);

/* x (samples, channels, inner): y = gamma*xhat + beta as above, over the channels of each of so many groups of one size and inner; gamma, beta and
 * their gradients (channels), gamma and beta 1 and 0 where NULL. groups = channels: instance normalization. */
void closed_groupnorm(size_t samples, size_t channels, size_t groups, size_t inner, closed_form f);

/* y = max + ln sum(exp(x - max)), one for each vector; dx = p*dy. */
void closed_logsumexp(vectors v, closed_form f);

/* y = z - logsumexp(z); dz = dy - p*sum(dy). */
void closed_log_softmax(vectors v, closed_form f);

/* p = exp(z - max)/sum; dz = p*(dy - sum(dy*p)). */
void closed_softmax(vectors v, closed_form f);

/* Rows of z (rows, classes): the mean of -log p[label], and dz = w*(p - onehot)/rows, w the cotangent of the loss. */
double closed_softmax_cross_entropy(size_t rows, size_t classes, const double *z, const double *label, double w, double *dz);

#endif

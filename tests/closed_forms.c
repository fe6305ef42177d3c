/* closed_forms.c: see closed_forms.h. Sources: Ioffe and Szegedy, 2015; Ba, Kiros and Hinton, 2016; Salimans and Kingma, 2016; Zhang and Sennrich,
 * 2019; the gradients by the chain rule through the statistics, as Thorey's note on batch normalization does it. */
#include "tests/closed_forms.h"

#include <math.h>

/* Element i of vector k. */
static size_t at(vectors v, size_t k, size_t i)
{
    return (k / v.inner * v.length + i) * v.inner + k % v.inner;
}

/* Of one vector: its mean and 1/sqrt of its mean squared deviation from it, plus eps. */
static double moments(vectors v, size_t k, const double *x, double eps, double *mean)
{
    double n = (double)v.length, square = 0;
    *mean = 0;
    for (size_t i = 0; i < v.length; i++)
        *mean += x[at(v, k, i)] / n;
    for (size_t i = 0; i < v.length; i++)
        square += pow(x[at(v, k, i)] - *mean, 2) / n;
    return 1 / sqrt(square + eps);
}

/* Which gamma, beta belongs to element i of vector k: number i, or k where they belong to the whole vector. */
static void centred_norm(vectors v, closed_form f, int whole)
{
    double n = (double)v.length;
    for (size_t k = 0; k < v.count; k++) {
        double mean, s = moments(v, k, f.x, f.eps, &mean), mean_u = 0, mean_uxhat = 0;
        for (size_t i = 0; i < v.length; i++) {
            size_t e = at(v, k, i), own = whole ? k : i;
            double xhat = (f.x[e] - mean) * s;
            f.y[e] = f.gamma[own] * xhat + f.beta[own];
            if (!f.dy)
                continue;
            f.dgamma[own] += f.dy[e] * xhat;
            f.dbeta[own] += f.dy[e];
            mean_u += f.gamma[own] * f.dy[e] / n;
            mean_uxhat += f.gamma[own] * f.dy[e] * xhat / n;
        }
        for (size_t i = 0; f.dy && i < v.length; i++) {
            size_t e = at(v, k, i);
            f.dx[e] = s * (f.gamma[whole ? k : i] * f.dy[e] - mean_u - (f.x[e] - mean) * s * mean_uxhat);
        }
    }
}

void closed_layernorm(vectors v, closed_form f)
{
    centred_norm(v, f, 0);
}

void closed_batchnorm(vectors v, closed_form f)
{
    centred_norm(v, f, 1);
}

/* y = gamma*x*r, r = (sum x**2 / n + eps)**-0.5; without gamma where that is NULL. */
static void scaled_norm(vectors v, closed_form f, double n)
{
    for (size_t k = 0; k < v.count; k++) {
        double square = 0, sum = 0;
        for (size_t i = 0; i < v.length; i++)
            square += pow(f.x[at(v, k, i)], 2) / n;
        double r = 1 / sqrt(square + f.eps);
        for (size_t i = 0; i < v.length; i++) {
            size_t e = at(v, k, i);
            double gamma = f.gamma ? f.gamma[i] : 1, xhat = f.x[e] * r;
            f.y[e] = gamma * xhat;
            if (!f.dy)
                continue;
            sum += gamma * f.dy[e] * xhat / n;
            if (f.gamma)
                f.dgamma[i] += f.dy[e] * xhat;
        }
        for (size_t i = 0; f.dy && i < v.length; i++) {
            size_t e = at(v, k, i);
            f.dx[e] = r * ((f.gamma ? f.gamma[i] : 1) * f.dy[e] - f.x[e] * r * sum);
        }
    }
}

void closed_rmsnorm(vectors v, closed_form f)
{
    scaled_norm(v, f, (double)v.length);
}

void closed_l2_normalize(vectors v, closed_form f)
{
    scaled_norm(v, f, 1);
}

void closed_weightnorm(vectors v, closed_form f)
{
    for (size_t k = 0; k < v.count; k++) {
        double square = 0, sum = 0;
        for (size_t i = 0; i < v.length; i++)
            square += pow(f.x[at(v, k, i)], 2);
        for (size_t i = 0; f.dy && i < v.length; i++)
            sum += f.dy[at(v, k, i)] * f.x[at(v, k, i)] / sqrt(square);
        for (size_t i = 0; i < v.length; i++) {
            size_t e = at(v, k, i);
            f.y[e] = f.gamma[k] * f.x[e] / sqrt(square);
            if (f.dy)
                f.dx[e] = f.gamma[k] / sqrt(square) * (f.dy[e] - f.x[e] / sqrt(square) * sum);
        }
        if (f.dy)
            f.dgamma[k] += sum;
    }
}

void closed_groupnorm(size_t samples, size_t channels, size_t groups, size_t inner, closed_form f)
{
    size_t length = channels / groups * inner;
    double n = (double)length;
    vectors v = {samples * groups, length, 1};
    for (size_t k = 0; k < v.count; k++) {
        double mean, s = moments(v, k, f.x, f.eps, &mean), mean_u = 0, mean_uxhat = 0;
        for (size_t e = k * length; e < (k + 1) * length; e++) {
            size_t channel = e / inner % channels;
            double xhat = (f.x[e] - mean) * s, gamma = f.gamma ? f.gamma[channel] : 1;
            f.y[e] = gamma * xhat + (f.beta ? f.beta[channel] : 0);
            if (!f.dy)
                continue;
            f.dgamma[channel] += f.dy[e] * xhat;
            f.dbeta[channel] += f.dy[e];
            mean_u += gamma * f.dy[e] / n;
            mean_uxhat += gamma * f.dy[e] * xhat / n;
        }
        for (size_t e = k * length; f.dy && e < (k + 1) * length; e++)
            f.dx[e] = s * ((f.gamma ? f.gamma[e / inner % channels] : 1) * f.dy[e] - mean_u - (f.x[e] - mean) * s * mean_uxhat);
    }
}

/* Of vector k: ln sum(exp). */
static double log_of_sum(vectors v, size_t k, const double *x)
{
    double most = -INFINITY, total = 0;
    for (size_t i = 0; i < v.length; i++)
        most = fmax(most, x[at(v, k, i)]);
    for (size_t i = 0; i < v.length; i++)
        total += exp(x[at(v, k, i)] - most);
    return most + log(total);
}

void closed_logsumexp(vectors v, closed_form f)
{
    for (size_t k = 0; k < v.count; k++) {
        f.y[k] = log_of_sum(v, k, f.x);
        for (size_t i = 0; f.dy && i < v.length; i++)
            f.dx[at(v, k, i)] = exp(f.x[at(v, k, i)] - f.y[k]) * f.dy[k];
    }
}

void closed_log_softmax(vectors v, closed_form f)
{
    for (size_t k = 0; k < v.count; k++) {
        double whole = log_of_sum(v, k, f.x), sum = 0;
        for (size_t i = 0; i < v.length; i++) {
            f.y[at(v, k, i)] = f.x[at(v, k, i)] - whole;
            sum += f.dy ? f.dy[at(v, k, i)] : 0;
        }
        for (size_t i = 0; f.dy && i < v.length; i++)
            f.dx[at(v, k, i)] = f.dy[at(v, k, i)] - exp(f.y[at(v, k, i)]) * sum;
    }
}

void closed_softmax(vectors v, closed_form f)
{
    for (size_t k = 0; k < v.count; k++) {
        double most = -INFINITY, total = 0, sum = 0;
        for (size_t i = 0; i < v.length; i++)
            most = fmax(most, f.x[at(v, k, i)]);
        for (size_t i = 0; i < v.length; i++)
            total += exp(f.x[at(v, k, i)] - most);
        for (size_t i = 0; i < v.length; i++) {
            size_t e = at(v, k, i);
            f.y[e] = exp(f.x[e] - most) / total;
            sum += f.dy ? f.dy[e] * f.y[e] : 0;
        }
        for (size_t i = 0; f.dy && i < v.length; i++)
            f.dx[at(v, k, i)] = f.y[at(v, k, i)] * (f.dy[at(v, k, i)] - sum);
    }
}

double closed_softmax_cross_entropy(size_t rows, size_t classes, const double *z, const double *label, double w, double *dz)
{
    double loss = 0;
    for (size_t r = 0; r < rows; r++) {
        const double *row = z + r * classes;
        size_t right = (size_t)label[r];
        double most = -INFINITY, total = 0;
        for (size_t c = 0; c < classes; c++)
            most = fmax(most, row[c]);
        for (size_t c = 0; c < classes; c++)
            total += exp(row[c] - most);
        loss += (log(total) + most - row[right]) / (double)rows;
        for (size_t c = 0; dz && c < classes; c++)
            dz[r * classes + c] = w * (exp(row[c] - most) / total - (c == right)) / (double)rows;
    }
    return loss;
}

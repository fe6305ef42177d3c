/* diagnosis.c: what a wrong gradient looks like, in words. The hypotheses tried are those that one number per array can tell: a sign, a
 * factor that is an axis length (a mean for a sum), another constant factor, nothing at all, a sum that was left out. */
#include "engine/judge/gradcheck.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void append(weft_gradcheck *result, const char *text)
{
    size_t used = strlen(result->message);
    snprintf(result->message + used, sizeof result->message - used, "%s", text);
}

/* "dgamma[2]", "dh[3, 1]" */
static void print_element(const weft__measured *m, size_t element, char *text, size_t size)
{
    weft_shape shape = weft_node_shape(m->x);
    const char *name = weft_node_name(m->x);
    size_t used = *name ? (size_t)snprintf(text, size, "d%.40s", name) : (size_t)snprintf(text, size, "d%%%u", m->x.id);
    size_t stride = m->count;
    for (int i = 0; i < shape.rank && used < size; i++) {
        stride /= shape.dim[i] ? shape.dim[i] : 1;
        used += (size_t)snprintf(text + used, size - used, "%s%zu", i ? ", " : "[", element / stride % shape.dim[i]);
    }
    if (shape.rank && used < size)
        snprintf(text + used, size - used, "]");
}

static void print_worst(const weft__measured *m, weft_gradcheck *result)
{
    char element[120];
    print_element(m, result->worst, element, sizeof element);
    snprintf(result->message, sizeof result->message, "%s: analytic %.9g, numeric %.9g, difference %.3g", element, result->analytic,
             result->numeric, result->max_abs);
}

/* The c that makes analytic = c numeric for every element, or NAN. */
static double constant_factor(const weft__measured *m)
{
    double dot = 0, square = 0, off = 0, size = 0;
    for (size_t i = 0; i < m->count; i++) {
        dot += m->analytic[i] * m->numeric[i];
        square += m->numeric[i] * m->numeric[i];
    }
    double c = dot / square;
    for (size_t i = 0; i < m->count; i++) {
        off = fmax(off, fabs(m->analytic[i] - c * m->numeric[i]));
        size = fmax(size, fabs(m->analytic[i]));
    }
    return off <= 1e-5 * size ? c : NAN;
}

/* An axis of x or y whose length is c or 1/c; -1: none. */
static int axis_of_length(weft_node x, double c)
{
    weft_shape shape = weft_node_shape(x);
    for (int i = 0; i < shape.rank; i++) {
        double n = (double)shape.dim[i];
        if (n > 1 && (fabs(c * n - 1) < 1e-5 || fabs(c / n - 1) < 1e-5))
            return i;
    }
    return -1;
}

static void describe_factor(const weft__measured *m, double c, weft_gradcheck *result)
{
    char text[160];
    int axis = axis_of_length(m->y, fabs(c));
    if (fabs(c + 1) < 1e-5)
        append(result, "; every entry has the opposite sign");
    else if (axis >= 0) {
        double n = (double)weft_node_shape(m->y).dim[axis];
        snprintf(text, sizeof text, "; every entry is %s %g, the length of axis %d: %s", fabs(c) > 1 ? "multiplied by" : "divided by", n, axis,
                 fabs(c) > 1 ? "a sum where a mean belongs" : "a mean where a sum belongs");
        append(result, text);
    } else if (m->count == 1) { /* one number is always some multiple of another */
        append(result, "; a path is missing or counted twice, or an operand is another one");
    } else {
        snprintf(text, sizeof text, "; every entry is %.6g times the numeric one", c);
        append(result, text);
    }
}

static void describe_missing_sum(const weft__measured *m, weft_gradcheck *result)
{
    char shape[100], axes[40], worst[200];
    weft_shape expected = weft_node_shape(m->x);
    size_t used = 0;
    for (int i = 0; i < WEFT_MAX_RANK; i++)
        if (m->missing & WEFT_AXIS(i))
            used += (size_t)snprintf(axes + used, sizeof axes - used, " %d", i);
    snprintf(worst, sizeof worst, "it is wrong still: %.150s", result->message);
    snprintf(result->message, sizeof result->message,
             "the gradient must have the shape %s of %.40s: the sum over axis%s is missing (the derivative of a broadcast is a sum); summed over it, %s",
             weft__shape_print(&expected, shape, sizeof shape), weft_node_name(m->x), axes,
             result->verdict == WEFT_GRADIENT_RIGHT ? "it is right" : worst);
}

void weft__describe_wrong(const weft__measured *m, weft_gradcheck *result)
{
    print_worst(m, result);
    if (m->missing) {
        describe_missing_sum(m, result);
        return;
    }
    bool zero = true, finite = true;
    for (size_t i = 0; i < m->count; i++) {
        zero &= m->analytic[i] == 0;
        finite &= isfinite(m->analytic[i]) && isfinite(m->numeric[i]);
    }
    double c = finite ? constant_factor(m) : NAN;
    if (!finite)
        append(result, "; a value is not finite: does a step leave the domain, or is there a kink?");
    else if (zero)
        append(result, "; the analytic gradient is zero everywhere: the path to this operand was forgotten");
    else if (isfinite(c))
        describe_factor(m, c, result);
    else
        append(result, "; the entries differ one by one: a path is missing or counted twice, or an operand is another one");
}

void weft__describe_empty(const weft__measured *m, weft_gradcheck *result)
{
    const char *name = weft_node_name(m->x);
    if (m->scale > 0)
        snprintf(result->message, sizeof result->message,
                 "this loss has no gradient here by construction: it does not respond to %.40s, though what it sums up does (by %.3g); the "
                 "contributions cancel. Weigh the elements, sum(w*y) with random w, or check y itself",
                 *name ? name : "x", m->scale);
    else
        snprintf(result->message, sizeof result->message,
                 "this loss has no gradient here by construction: neither the analytic nor the numeric derivative with respect to %.40s differs from "
                 "zero, so the check proves nothing",
                 *name ? name : "x");
}

void weft__describe_right(const weft__measured *m, weft_gradcheck *result)
{
    print_worst(m, result);
    append(result, "; right");
}

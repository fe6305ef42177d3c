/* modes.c: both products are sums over plain values, of the tangents weighed by the cotangents and of the gradients weighed by the tangents that
 * they started from. Over the reals the two are equal; each is off by what the bounds of its terms come to, at most. */
#include "tests/modes.h"
#include "tests/plain.h"

#include <stdio.h>

const way modes = {"forward against backward", NULL};

/* Sum of weights * y over n arrays; size: without cancellation. */
static bounded product(const plain *p, const weft_node *y, const weft_node *weights, size_t n, long double *size)
{
    bounded sum = bounded_exact(0);
    for (size_t k = 0; k < n; k++) {
        weft_shape shape = weft_node_shape(y[k]);
        const bounded *a = plain_value(p, y[k]), *w = plain_value(p, weights[k]);
        for (size_t i = 0; i < weft_shape_count(&shape); i++) {
            sum.v += a[i].v * w[i].v;
            sum.e += a[i].e * fabsl(w[i].v);
            *size += fabsl(a[i].v * w[i].v);
        }
    }
    return sum;
}

static void compare(const built *b, const plain *p, int round, verdict *v)
{
    size_t n = round ? b->n_vjp : b->n_values;
    long double size = 0;
    bounded forward = product(p, b->out + b->jvp[round], b->cotangent[round], n, &size);
    bounded backward = product(p, b->out + b->n_values + (round ? b->n_vjp : 0), b->tangent, b->n_vjp, &size);
    long double tolerance = forward.e + backward.e + 1e-15L * size; /* the products and sums here, generously */
    if (!(tolerance < INFINITY))
        return;
    v->elements++;
    v->sharp += tolerance <= 1e-8L * fmaxl(size, 1e-3L);
    if (fabsl(forward.v - backward.v) <= tolerance || v->failed)
        return;
    v->failed = true;
    snprintf(v->message, sizeof v->message, "the jvp%s comes to %.12Lg, the vjp to %.12Lg; they may differ by %.3Lg", round ? " of the gradient" : "",
             forward.v, backward.v, tolerance);
}

void modes_judge(const built *b, verdict *v)
{
    plain p;
    plain_start(&p, b->tape, WEFT_F64);
    if (b->jvp[0] && plain_extend(&p, b->binding, b->n_bindings))
        for (int round = 0; round < b->graph->order; round++)
            compare(b, &p, round, v);
    plain_free(&p);
}

verdict judge_modes(const graph *g)
{
    built b;
    verdict v = {.dtype = WEFT_F64, .way = &modes};
    if (graph_build(&b, g, WEFT_F64))
        modes_judge(&b, &v);
    built_free(&b);
    return v;
}

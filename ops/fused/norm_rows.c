/* norm_rows.c: the passes of norm_rows.h, part by part of the rows.
 *
 * Forward, a row is read twice: its moments, then the result, for which the first cache has it again. The moments take one read: sums of d = x - k
 * and d**2 with k the first element of a block; blocks are merged by Chan's rule. An element of the data is a safe shift: (k - mean)**2 <= n sigma2,
 * so at most log2(n + 1) bits of the f64 sums cancel, and only within a block. A constant row gives exactly 0.
 *
 * Backward, two reads of dy and x: the sums along the rows and across them, then dx. ROWS rows are read at once in the first, so that what is added
 * to a column is read and written once for all of them; parts add up their columns apart. Where the root is 0, rstd is taken as 0. */
#include "ops/fused/norm_rows.h"
#include "ops/fused/moments.h"

#include <math.h>
#include <string.h>

enum { ROWS = 16, AT_ONCE = 2048 /* elements */ };

/* What a part sums up, (length) each. */
typedef struct columns_of_part {
    double *dgamma, *dbeta;
} columns_of_part;

#define LOOPS "ops/fused/vectors.inc"
#include "ops/both_types.inc"
#define LOOPS "ops/fused/row_moments.inc"
#include "ops/both_types.inc"
#define LOOPS "ops/fused/norm_rows.inc"
#include "ops/both_types.inc"

typedef struct pass {
    const weft_call *call;
    vectors v;
    bool centred;
    double eps;
    double *sums; /* backward: (parts, 2, length) */
} pass;

static vectors rows_of(const weft_view *x, size_t arrays)
{
    return weft__vectors_along(x->rank, x->dim, x->rank - 1, x->dtype, arrays);
}

/* So many that a pass finds in the first cache what the one before has read, of those that are left. */
static size_t rows_at_once(size_t n, size_t left)
{
    size_t rows = n ? AT_ONCE / n : ROWS;
    rows = rows > ROWS ? ROWS : rows ? rows : 1;
    return rows < left ? rows : left;
}

/* --- forward --- */

static void forward_part(void *context, size_t part, void *workspace)
{
    (void)workspace;
    const pass *p = context;
    const weft_view *x = p->call->x, *y = p->call->y;
    size_t first, end = weft__units_of(&p->v, part, &first), n = p->v.length, at = first * n;
    double *rstd = (double *)y[p->centred ? 2 : 1].data + first, *mean = p->centred ? (double *)y[1].data + first : rstd; /* or none */
    const void *beta = p->centred ? x[2].data : NULL;
    for (size_t rows; first < end; first += rows, at += rows * n, mean += rows, rstd += rows) {
        rows = rows_at_once(n, end - first);
        if (x->dtype == WEFT_F32)
            (p->centred ? layernorm_rows_f32 : rmsnorm_rows_f32)(rows, n, (const float *)x->data + at, x[1].data, beta, p->eps, mean, rstd,
                                                                 (float *)y->data + at, p->v.past);
        else
            (p->centred ? layernorm_rows_f64 : rmsnorm_rows_f64)(rows, n, (const double *)x->data + at, x[1].data, beta, p->eps, mean, rstd,
                                                                 (double *)y->data + at, p->v.past);
    }
    if (p->v.past)
        weft__stream_end();
}

weft_status weft__norm_rows_forward(const weft_call *call, bool centred)
{
    pass p = {.call = call, .v = rows_of(&call->x[0], FORWARD_ARRAYS), .centred = centred, .eps = *(const double *)call->attributes};
    weft__run_parts(call, &p.v, forward_part, &p);
    return WEFT_OK;
}

/* --- backward --- */

size_t weft__norm_rows_backward_workspace(const weft_typing *t)
{
    int last = t->x[1].rank - 1;
    vectors v = weft__vectors_along(t->x[1].rank, t->x[1].dim, last, t->x_dtype[1], BACKWARD_ARRAYS);
    return v.parts * 2 * v.length * sizeof(double);
}

static columns_of_part columns_at(const pass *p, size_t part)
{
    double *dgamma = p->sums + part * 2 * p->v.length;
    return (columns_of_part){dgamma, dgamma + p->v.length};
}

static void backward_part(void *context, size_t part, void *workspace)
{
    (void)workspace;
    const pass *p = context;
    const weft_view *x = p->call->x, *dx = p->call->y;
    size_t first, end = weft__units_of(&p->v, part, &first), n = p->v.length, at = first * n;
    columns_of_part columns = columns_at(p, part);
    memset(columns.dgamma, 0, 2 * n * sizeof(double));
    for (size_t r = first, rows; r < end; at += rows * n, r += rows) {
        rows = rows_at_once(n, end - r);
        double mean[ROWS] = {0}, rstd[ROWS];
        for (size_t k = 0; k < rows; k++) {
            if (p->centred)
                mean[k] = weft__element(&x[3], r + k);
            rstd[k] = weft__element(&x[p->centred ? 4 : 3], r + k);
        }
        if (x->dtype == WEFT_F32)
            (p->centred ? layernorm_gradients_f32 : rmsnorm_gradients_f32)(rows, n, (const float *)x[0].data + at, (const float *)x[1].data + at,
                                                                           x[2].data, mean, rstd, columns, (float *)dx->data + at, p->v.past);
        else
            (p->centred ? layernorm_gradients_f64 : rmsnorm_gradients_f64)(rows, n, (const double *)x[0].data + at, (const double *)x[1].data + at,
                                                                           x[2].data, mean, rstd, columns, (double *)dx->data + at, p->v.past);
    }
    if (p->v.past)
        weft__stream_end();
}

weft_status weft__norm_rows_backward(const weft_call *call, bool centred)
{
    pass p = {.call = call, .v = rows_of(&call->x[1], BACKWARD_ARRAYS), .centred = centred, .sums = call->workspace};
    size_t n = p.v.length;
    double *dgamma = call->y[1].data, *dbeta = centred ? call->y[2].data : NULL;
    if (!n)
        return WEFT_OK;
    weft__run_parts(call, &p.v, backward_part, &p);
    memset(dgamma, 0, n * sizeof *dgamma);
    if (centred)
        memset(dbeta, 0, n * sizeof *dbeta);
    for (size_t part = 0; part < p.v.parts; part++)
        for (size_t i = 0; i < n; i++) {
            dgamma[i] += columns_at(&p, part).dgamma[i];
            if (centred)
                dbeta[i] += columns_at(&p, part).dbeta[i];
        }
    return WEFT_OK;
}

/* jacobian.c: whole matrices of derivatives, and products with the Hessian, from the two modes.
 *
 * A Jacobian of M by N is put together from passes with unit vectors: M backward, each giving a row, or N forward, each giving a column. A row or column
 * is chosen into its place by a mask, not added to zeros there, so that it keeps its bits and an infinite entry stays where it belongs. That takes the
 * square of the number of passes in choices, all in one loop over the matrix, which is what such sizes can afford. */
#include "engine/derive/derive.h"

#include <string.h>

/* e, of the shape of `like`: 1 at element i, else 0. */
static weft_node unit(weft_node like, size_t i)
{
    const weft__node *node = weft__look(like);
    size_t size = weft_dtype_size((weft_dtype)node->dtype), bytes = node->shape->count * size;
    char *data = weft__allocate(&like.tape->allocator, bytes);
    if (!data) {
        weft__tape_fail(like.tape, WEFT_ERROR_MEMORY, "out of memory");
        return weft__failed(like.tape);
    }
    memset(data, 0, bytes); /* zeros of either dtype */
    if (node->dtype == WEFT_F32)
        ((float *)(void *)data)[i] = 1;
    else
        ((double *)(void *)data)[i] = 1;
    weft_node e = weft_constant(like.tape, (weft_dtype)node->dtype, node->shape->dims.rank, node->shape->dims.dim, data);
    weft__release(&like.tape->allocator, data, bytes);
    return e;
}

/* The matrix so far with row i, or column i, from this pass. e: the unit vector of the pass. */
static weft_node choose(weft_node so_far, weft_node e, weft_node pass, bool by_rows)
{
    weft_shape e_shape = weft_node_shape(e), pass_shape = weft_node_shape(pass);
    size_t of_e = weft_shape_count(&e_shape), of_pass = weft_shape_count(&pass_shape);
    weft_node mask = weft_reshape(e, 2, by_rows ? (size_t[]){of_e, 1} : (size_t[]){1, of_e});
    return weft_where(mask, weft_reshape(pass, 2, by_rows ? (size_t[]){1, of_pass} : (size_t[]){of_pass, 1}), so_far);
}

static weft_node matrix(weft_node y, weft_node x, size_t m, size_t n)
{
    bool by_rows = m < n;
    weft_node zero = weft_scalar_like(y, 0), so_far = weft_broadcast(zero, 2, (size_t[]){m, n}), pass;
    for (size_t i = 0; i < (by_rows ? m : n) && weft_tape_status(y.tape) == WEFT_OK; i++) {
        weft_node e = unit(by_rows ? y : x, i);
        if (weft_node_failed(e))
            break;
        if (by_rows)
            weft_vjp(&y, &e, 1, &x, 1, &pass);
        else
            weft_jvp(&y, 1, &x, &e, 1, &pass);
        so_far = choose(so_far, e, pass, by_rows);
    }
    return so_far;
}

static weft_status check(weft_node y, weft_node x)
{
    const weft_node pair[] = {y, x};
    const weft__node *of = weft__look(y), *by = weft__look(x);
    if (!of || !by || x.tape != y.tape)
        return weft__tape_fail(y.tape, WEFT_ERROR_ARGUMENT, "jacobian: y and x must be nodes of one tape");
    size_t passes = of->shape->count < by->shape->count ? of->shape->count : by->shape->count;
    if (of->dtype == WEFT_I64 || of->dtype != by->dtype)
        weft_fail(of->op, pair, 2, WEFT_ERROR_DTYPE, "a Jacobian needs y and x both f32 or both f64");
    else if (of->shape->dims.rank + by->shape->dims.rank > WEFT_MAX_RANK)
        weft_fail(of->op, pair, 2, WEFT_ERROR_SHAPE, "the Jacobian would have rank %d, and %d is the most; reshape y or x first",
                  of->shape->dims.rank + by->shape->dims.rank, WEFT_MAX_RANK);
    else if (passes > WEFT_MOST_PASSES)
        weft_fail(of->op, pair, 2, WEFT_ERROR_SHAPE, "the Jacobian would take %zu passes, and %d are the most; take the products that you need of it, by "
                  "weft_vjp() or weft_jvp()", passes, WEFT_MOST_PASSES);
    return y.tape->status;
}

weft_status weft_jacobian(weft_node y, weft_node x, weft_node *jacobian)
{
    weft_tape *tape = y.tape;
    if (jacobian)
        *jacobian = weft__failed(tape);
    if (!tape || tape->status != WEFT_OK)
        return weft_tape_status(tape);
    if (!jacobian)
        return weft__tape_fail(tape, WEFT_ERROR_ARGUMENT, "jacobian: the result has nowhere to go");
    if (check(y, x) != WEFT_OK)
        return tape->status;
    weft_shape whole = weft_node_shape(y), columns = weft_node_shape(x);
    size_t m = weft_shape_count(&whole), n = weft_shape_count(&columns);
    memcpy(whole.dim + whole.rank, columns.dim, (size_t)columns.rank * sizeof *columns.dim);
    whole.rank += columns.rank;
    weft_node made = weft_reshape(matrix(y, x, m, n), whole.rank, whole.dim);
    if (tape->status == WEFT_OK)
        *jacobian = made;
    return tape->status;
}

weft_status weft_hessian(weft_node loss, weft_node x, weft_node *hessian)
{
    weft_node dx;
    if (hessian)
        *hessian = weft__failed(loss.tape);
    weft_status status = weft_grad(loss, &x, 1, &dx);
    return status == WEFT_OK ? weft_jacobian(dx, x, hessian) : status;
}

weft_status weft_hvp(weft_node loss, const weft_node *x, const weft_node *v, size_t n, weft_node *hv)
{
    weft_tape *tape = loss.tape;
    for (size_t i = 0; hv && i < n; i++)
        hv[i] = weft__failed(tape);
    if (!tape || tape->status != WEFT_OK)
        return weft_tape_status(tape);
    if (n && (!x || !v || !hv))
        return weft__tape_fail(tape, WEFT_ERROR_ARGUMENT, "hvp: an argument is NULL");
    if (weft__check_x(tape, "hvp", x, n) != WEFT_OK || weft__check_pairs(tape, "hvp", "x", "v", x, v, n) != WEFT_OK)
        return tape->status;
    weft_node *dx = weft__allocate(&tape->allocator, n * sizeof *dx + 1);
    if (!dx)
        return weft__tape_fail(tape, WEFT_ERROR_MEMORY, "out of memory");
    if (weft_grad(loss, x, n, dx) == WEFT_OK)
        weft_jvp(dx, n, x, v, n, hv);
    weft__release(&tape->allocator, dx, n * sizeof *dx + 1);
    return tape->status;
}

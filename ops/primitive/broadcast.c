/* broadcast.c: the same elements repeated along new axes and along axes of length 1; and NumPy's rule, which decides where that happens.
 * Its derivative is the sum over the axes that were repeated: the sum over the batch that hand-written gradients forget. */
#include "ops/target_shape.h"

#include <string.h>

static weft_status broadcast_shape(weft_typing *t)
{
    weft_shape to;
    memcpy(&to, t->attributes, sizeof to);
    int shift = to.rank - t->x[0].rank;
    if (to.rank < 0 || to.rank > WEFT_MAX_RANK || shift < 0)
        return weft_typing_error(t, WEFT_ERROR_SHAPE, "cannot broadcast from rank %d to rank %d", t->x[0].rank, to.rank);
    for (int i = 0; i < t->x[0].rank; i++)
        if (t->x[0].dim[i] != 1 && t->x[0].dim[i] != to.dim[i + shift])
            return weft_typing_error(t, WEFT_ERROR_SHAPE, "axis %d is %zu and cannot become %zu; only an axis of length 1 stretches", i,
                                     t->x[0].dim[i], to.dim[i + shift]);
    t->y[0] = to;
    return WEFT_OK;
}

static bool broadcast_view(const void *attributes, const weft_view *x, const weft_view *y, ptrdiff_t *stride)
{
    (void)attributes;
    int shift = y->rank - x->rank;
    for (int i = 0; i < y->rank; i++)
        stride[i] = i < shift || x->dim[i - shift] != y->dim[i] ? 0 : x->stride[i - shift];
    return true;
}

static weft_node broadcast_transpose(weft_node y, const weft_node *x, int operand, weft_node dy)
{
    (void)operand;
    weft_shape from = weft_node_shape(x[0]), to = weft_node_shape(y);
    int shift = to.rank - from.rank;
    unsigned added = shift ? WEFT_AXIS(shift) - 1 : 0, stretched = 0;
    for (int i = shift; i < to.rank; i++)
        if (from.dim[i - shift] != to.dim[i])
            stretched |= WEFT_AXIS(i);
    if (!added)
        return weft_sum(dy, stretched, true);
    weft_node sum = weft_sum(dy, added | stretched, false);
    return stretched ? weft_reshape(sum, from.rank, from.dim) : sum;
}

const weft_op weft_op_broadcast = {
    .name = "broadcast", .formula = "y[.., i] = x[i]", .arity = 1,
    .kind = WEFT_VIEW, .attribute_size = sizeof(weft_shape),
    .shape = broadcast_shape, .view = broadcast_view, .transpose = broadcast_transpose,
};

weft_node weft_broadcast(weft_node x, int rank, const size_t *dim)
{
    return weft__target_shape_record(&weft_op_broadcast, x, rank, dim);
}

/* Reports the axis where the operands disagree: the length that it had so far against that of the first operand at odds with it. */
static weft_node report_conflict(const weft_op *op, const weft_node *x, int n, int axis, int rank)
{
    size_t so_far = 1;
    for (int k = 0; k < n; k++) {
        weft_shape shape = weft_node_shape(x[k]);
        int own = axis - (rank - shape.rank);
        size_t dim = own >= 0 && own < shape.rank ? shape.dim[own] : 1;
        if (so_far != 1 && dim != 1 && dim != so_far)
            return weft_fail(op, x, n, WEFT_ERROR_SHAPE, "axis %d is %zu against %zu; did you mean a sum over axis %d, or keepdims?", axis, so_far, dim,
                             axis);
        so_far = dim == 1 ? so_far : dim;
    }
    return weft_fail(op, x, n, WEFT_ERROR_SHAPE, "the shapes do not broadcast");
}

static bool same_shape(const weft_shape *a, const weft_shape *b)
{
    return a->rank == b->rank && !memcmp(a->dim, b->dim, (size_t)a->rank * sizeof *a->dim);
}

weft_node weft_elementwise(const weft_op *op, const weft_node *x, int n)
{
    weft_node operand[WEFT_MAX_OPERANDS];
    bool usable = n >= 2 && n <= WEFT_MAX_OPERANDS;
    for (int i = 0; usable && i < n; i++)
        usable = !weft_node_failed(x[i]) && x[i].tape == x[0].tape;
    if (!usable)
        return weft_record(op, x, n, NULL); /* one operand, or an error, which weft_record() words */
    weft_shape own[WEFT_MAX_OPERANDS], common;
    for (int i = 0; i < n; i++)
        own[i] = weft_node_shape(x[i]);
    int conflict = weft_shape_broadcast(own, n, &common);
    if (conflict >= 0)
        return report_conflict(op, x, n, conflict, common.rank);
    for (int i = 0; i < n; i++)
        operand[i] = same_shape(&own[i], &common) ? x[i] : weft_broadcast(x[i], common.rank, common.dim);
    return weft_record(op, operand, n, NULL);
}

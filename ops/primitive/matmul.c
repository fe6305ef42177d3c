/* matmul.c: matrix products over the last two axes, one for each position on the axes before them, which broadcast: numpy.matmul. Operands are
 * read in place, transposed and broadcast ones too.
 *
 * Batch axes on which b repeats become rows of a, where a lies so that they can be: (B, M, K) @ (K, N) is one product of B*M rows, and so is its
 * derivative for b. Other products run one by one. Small ones go to a thread several at a time, large ones tile by tile, from the sizes alone. */
#include "ops/primitive/gemm.h"

#include <string.h>

enum { MOST_BATCH = WEFT_MAX_RANK - 2, GROUP = 1 << 20 /* multiplications that make a part */, SHARED = 1 << 23 /* as in gemm.c */ };

static const char inner_axes[] = "the inner axes are %zu against %zu; did you forget a transpose?";

static weft_shape batch_of(const weft_shape *x)
{
    weft_shape batch = *x;
    batch.rank -= 2;
    return batch;
}

static weft_status matmul_shape(weft_typing *t)
{
    const weft_shape *a = &t->x[0], *b = &t->x[1];
    if (t->x_dtype[0] == WEFT_I64 || t->x_dtype[0] != t->x_dtype[1])
        return weft_typing_error(t, WEFT_ERROR_DTYPE, "it takes two f32 or two f64 operands, not %s and %s", weft_dtype_name(t->x_dtype[0]),
                                 weft_dtype_name(t->x_dtype[1]));
    if (a->rank < 2 || b->rank < 2)
        return weft_typing_error(t, WEFT_ERROR_SHAPE, "both operands must have at least one axis");
    if (a->dim[a->rank - 1] != b->dim[b->rank - 2])
        return weft_typing_error(t, WEFT_ERROR_SHAPE, inner_axes, a->dim[a->rank - 1], b->dim[b->rank - 2]);
    const weft_shape batch[] = {batch_of(a), batch_of(b)};
    int conflict = weft_shape_broadcast(batch, 2, &t->y[0]);
    if (conflict >= 0) {
        int own[] = {conflict - t->y[0].rank + batch[0].rank, conflict - t->y[0].rank + batch[1].rank};
        return weft_typing_error(t, WEFT_ERROR_SHAPE, "axis %d is %zu against %zu; before the last two only equal axes, and 1, go together", conflict,
                                 a->dim[own[0]], b->dim[own[1]]);
    }
    t->y[0].dim[t->y[0].rank++] = a->dim[a->rank - 2];
    t->y[0].dim[t->y[0].rank++] = b->dim[b->rank - 1];
    return WEFT_OK;
}

/* --- the kernel --- */

typedef struct products {
    weft__gemm each;
    size_t size;          /* bytes of an element */
    int rank;             /* of the batch */
    size_t dim[MOST_BATCH], count;
    ptrdiff_t stride[2][MOST_BATCH]; /* of a and b, over the batch; 0 where they repeat */
    size_t group;         /* products that make a part; or each has each.tiles parts */
} products;

/* Strides over the batch of y, whose rank is that of all operands put together. */
static void batch_strides(const weft_view *x, int rank, ptrdiff_t *stride)
{
    int missing = rank - (x->rank - 2);
    for (int i = 0; i < rank; i++)
        stride[i] = i < missing || x->dim[i - missing] == 1 ? 0 : x->stride[i - missing];
}

/* The innermost batch axis becomes rows, where b repeats on it and a goes on as its rows do; an axis of length 1 goes. */
static bool merge_axis(products *p, ptrdiff_t *row_stride)
{
    int last = p->rank - 1;
    if (p->dim[last] == 1) {
        p->rank--;
        return true;
    }
    if (p->stride[1][last] || (p->each.m != 1 && p->stride[0][last] != *row_stride * (ptrdiff_t)p->each.m))
        return false;
    if (p->each.m == 1)
        *row_stride = p->stride[0][last];
    p->each.m *= p->dim[last];
    p->rank--;
    return true;
}

static void run_product(const products *p, size_t index, size_t first, size_t last, void *workspace)
{
    weft__gemm g = p->each;
    ptrdiff_t offset[2] = {0, 0};
    size_t rest = index;
    for (int i = p->rank - 1; i >= 0; rest /= p->dim[i--])
        for (int k = 0; k < 2; k++)
            offset[k] += (ptrdiff_t)(rest % p->dim[i]) * p->stride[k][i];
    g.a = (const char *)g.a + offset[0] * (ptrdiff_t)p->size;
    g.b = (const char *)g.b + offset[1] * (ptrdiff_t)p->size;
    g.y = (char *)g.y + index * g.m * g.n * p->size;
    for (size_t tile = first; tile < last; tile++)
        weft__gemm_tile(&g, tile, workspace);
}

static void batch_part(void *context, size_t part, void *workspace)
{
    const products *p = context;
    size_t tiles = p->each.tiles;
    if (tiles > 1)
        run_product(p, part / tiles, part % tiles, part % tiles + 1, workspace);
    else
        for (size_t i = part * p->group; i < p->count && i < (part + 1) * p->group; i++)
            run_product(p, i, 0, tiles, workspace);
}

static weft_status run_batch(const weft_call *call)
{
    const weft_view *a = &call->x[0], *b = &call->x[1], *y = &call->y[0];
    ptrdiff_t a_stride[] = {a->stride[a->rank - 2], a->stride[a->rank - 1]};
    products p = {.each = {.m = a->dim[a->rank - 2], .n = b->dim[b->rank - 1], .k = a->dim[a->rank - 1], .dtype = y->dtype, .a = a->data,
                           .b = b->data, .a_stride = a_stride, .b_stride = b->stride + b->rank - 2, .y = y->data},
                  .size = weft_dtype_size(y->dtype), .rank = y->rank - 2, .count = 1};
    batch_strides(a, p.rank, p.stride[0]);
    batch_strides(b, p.rank, p.stride[1]);
    memcpy(p.dim, y->dim, (size_t)p.rank * sizeof *p.dim);
    while (p.rank && merge_axis(&p, a_stride)) {
    }
    for (int i = 0; i < p.rank; i++)
        p.count *= p.dim[i];
    weft__gemm_cut(&p.each);
    size_t outputs = p.each.m * p.each.n, work = outputs && p.each.k > SIZE_MAX / outputs ? SIZE_MAX : outputs * p.each.k;
    p.group = work < GROUP ? GROUP / (work + 1) + 1 : 1;
    size_t parts = p.each.tiles > 1 ? p.count * p.each.tiles : (p.count + p.group - 1) / p.group;
    bool shared = p.each.shared || (p.count > 1 && work > SHARED / p.count);
    if (shared && parts > 1)
        weft_call_parts(call, batch_part, &p, parts);
    else
        for (size_t i = 0; i < p.count; i++)
            run_product(&p, i, 0, p.each.tiles, call->workspace);
    return WEFT_OK;
}

static void tile_part(void *context, size_t part, void *workspace)
{
    weft__gemm_tile(context, part, workspace);
}

static weft_status matmul_kernel(const weft_call *call)
{
    const weft_view *a = &call->x[0], *b = &call->x[1], *y = &call->y[0];
    if (y->rank > 2)
        return run_batch(call);
    weft__gemm g = {.m = a->dim[0], .n = b->dim[1], .k = a->dim[1], .dtype = y->dtype, .a = a->data, .b = b->data,
                    .a_stride = a->stride, .b_stride = b->stride, .y = y->data};
    weft__gemm_cut(&g);
    if (g.shared)
        weft_call_parts(call, tile_part, &g, g.tiles);
    else
        for (size_t tile = 0; tile < g.tiles; tile++)
            weft__gemm_tile(&g, tile, call->workspace);
    return WEFT_OK;
}

/* Enough for any number of batch axes that become rows. */
static size_t matmul_workspace(const weft_typing *t)
{
    const weft_shape *a = &t->x[0], *b = &t->x[1];
    weft__gemm g = {.m = a->dim[a->rank - 2], .n = b->dim[b->rank - 1], .k = a->dim[a->rank - 1], .dtype = t->x_dtype[0]};
    size_t most = 0;
    for (int i = a->rank - 2; i >= 0; i--) {
        weft__gemm_cut(&g);
        size_t bytes = weft__gemm_workspace(&g);
        most = bytes > most ? bytes : most;
        g.m *= i ? a->dim[i - 1] : 1;
    }
    return most;
}

/* --- the derivative --- */

static weft_node turned(weft_node x)
{
    int order[WEFT_MAX_RANK], rank = weft_node_shape(x).rank;
    for (int i = 0; i < rank; i++)
        order[i] = i < rank - 2 ? i : rank - 1 - (i - (rank - 2));
    return weft_transpose(x, order);
}

/* The sum of dx over what was repeated to reach its shape from that of x. A failed node has no shape. */
static weft_node add_up_repeats(weft_node dx, weft_node x)
{
    if (weft_node_failed(dx))
        return dx;
    weft_shape from = weft_node_shape(x), to = weft_node_shape(dx);
    int added = to.rank - from.rank;
    unsigned repeated = WEFT_AXIS(added) - 1;
    for (int i = added; i < to.rank; i++)
        if (from.dim[i - added] != to.dim[i])
            repeated |= WEFT_AXIS(i);
    if (!repeated)
        return dx;
    dx = weft_sum(dx, repeated, false);
    return weft_reshape(dx, from.rank, from.dim);
}

/* x as a matrix with all rows of its batch. */
static weft_node rows_of(weft_node x)
{
    if (weft_node_failed(x))
        return x;
    weft_shape shape = weft_node_shape(x);
    size_t dim[2] = {1, shape.dim[shape.rank - 1]};
    for (int i = 0; i < shape.rank - 1; i++)
        dim[0] *= shape.dim[i];
    return weft_reshape(x, 2, dim);
}

static weft_node matmul_transpose(weft_node y, const weft_node *x, int operand, weft_node dy)
{
    weft_shape a = weft_node_shape(x[0]), b = weft_node_shape(x[1]);
    (void)y;
    if (operand == 0)
        return add_up_repeats(weft_matmul(dy, turned(x[1])), x[0]); /* da = dy @ b' */
    if (b.rank == 2 && a.rank > 2)
        return weft_matmul(weft_transpose(rows_of(x[0]), NULL), rows_of(dy)); /* over all rows at once */
    return add_up_repeats(weft_matmul(turned(x[0]), dy), x[1]); /* db = a' @ dy */
}

/* One product of the field for each position of the batch, whose axes may repeat. */
static void matmul_in_field(weft_field *f, const weft_exact_call *call)
{
    const weft_exact_array *a = &call->x[0], *b = &call->x[1], *y = &call->y[0];
    int rank = y->shape.rank;
    size_t m = y->shape.dim[rank - 2], n = y->shape.dim[rank - 1], inner = a->shape.dim[a->shape.rank - 1], count = weft_shape_count(&y->shape);
    for (size_t i = 0; i < count; i++) {
        size_t column = i % n, row = i / n % m, batch = i / n / m, at[2] = {0, 0}, step[2] = {1, 1};
        for (int d = rank - 3; d >= 0; batch /= y->shape.dim[d--])
            for (int k = 0; k < 2; k++) {
                const weft_shape *x = &call->x[k].shape;
                int own = d - (rank - x->rank);
                size_t dim = own < 0 ? 1 : x->dim[own];
                at[k] += dim == 1 ? 0 : batch % dim * step[k];
                step[k] *= dim;
            }
        weft_exact_number total = weft_exact_whole(f, 0);
        for (size_t k = 0; k < inner; k++)
            total = weft_exact_add(f, total, weft_exact_mul(f, a->number[(at[0] * m + row) * inner + k], b->number[(at[1] * inner + k) * n + column]));
        y->number[i] = total;
    }
}

static const weft_exact matmul_exact = {.array = matmul_in_field};

static const weft_paper matmul_on_paper = {.form = WEFT_PAPER_CONTRACTION, .letters = "mk,kn"};

const weft_op weft_op_matmul = {
    .name = "matmul", .formula = "y[.., m, n] = sum over k of a[.., m, k] b[.., k, n]", .infix = "%s @ %s", .precedence = 2, .arity = 2,
    .kind = WEFT_GENERAL, .flags = WEFT_ANY_STRIDES | WEFT_IN_PARTS | WEFT_NEVER_FAILS,
    .shape = matmul_shape, .kernel = matmul_kernel, .workspace = matmul_workspace, .transpose = matmul_transpose, .exact = &matmul_exact,
    .paper = &matmul_on_paper,
};

/* A vector is a matrix of one row as a, of one column as b, whose axis the product does not have. */
weft_node weft_matmul(weft_node a, weft_node b)
{
    weft_node given[] = {a, b}, x[] = {a, b};
    weft_shape sa = weft_node_shape(a), sb = weft_node_shape(b), kept = {0};
    bool row = sa.rank == 1, column = sb.rank == 1;
    if (weft_node_failed(a) || weft_node_failed(b) || !sa.rank || !sb.rank || (!row && !column))
        return weft_record(&weft_op_matmul, given, 2, NULL);
    size_t inner[] = {sa.dim[sa.rank - 1], sb.dim[column ? 0 : sb.rank - 2]};
    if (inner[0] != inner[1])
        return weft_fail(&weft_op_matmul, given, 2, WEFT_ERROR_SHAPE, inner_axes, inner[0], inner[1]);
    if (row)
        x[0] = weft_reshape(a, 2, (size_t[]){1, inner[0]});
    if (column)
        x[1] = weft_reshape(b, 2, (size_t[]){inner[1], 1});
    weft_node y = weft_record(&weft_op_matmul, x, 2, NULL);
    weft_shape made = weft_node_shape(y);
    for (int i = 0; i < made.rank; i++)
        if (!(i == made.rank - 2 && row) && !(i == made.rank - 1 && column))
            kept.dim[kept.rank++] = made.dim[i];
    return weft_reshape(y, kept.rank, kept.dim);
}

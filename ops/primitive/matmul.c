/* matmul.c: the matrix product. Transposed operands are read in place. */
#include "ops/primitive/gemm.h"

static weft_status matmul_shape(weft_typing *t)
{
    if (t->x_dtype[0] == WEFT_I64 || t->x_dtype[0] != t->x_dtype[1])
        return weft_typing_error(t, WEFT_ERROR_DTYPE, "it takes two f32 or two f64 operands, not %s and %s", weft_dtype_name(t->x_dtype[0]),
                                 weft_dtype_name(t->x_dtype[1]));
    if (t->x[0].rank != 2 || t->x[1].rank != 2)
        return weft_typing_error(t, WEFT_ERROR_SHAPE, "both operands must have rank 2; did you forget a reshape?");
    if (t->x[0].dim[1] != t->x[1].dim[0])
        return weft_typing_error(t, WEFT_ERROR_SHAPE, "the inner axes are %zu against %zu; did you forget a transpose?", t->x[0].dim[1],
                                 t->x[1].dim[0]);
    t->y[0] = (weft_shape){2, {t->x[0].dim[0], t->x[1].dim[1]}};
    return WEFT_OK;
}

static size_t matmul_workspace(const weft_typing *t)
{
    weft__gemm g = {.m = t->x[0].dim[0], .n = t->x[1].dim[1], .k = t->x[0].dim[1], .dtype = t->x_dtype[0]};
    weft__gemm_cut(&g);
    return weft__gemm_workspace(&g);
}

static void matmul_part(void *context, size_t part, void *workspace)
{
    weft__gemm_tile(context, part, workspace);
}

static weft_status matmul_kernel(const weft_call *call)
{
    const weft_view *a = &call->x[0], *b = &call->x[1], *y = &call->y[0];
    weft__gemm g = {.m = a->dim[0], .n = b->dim[1], .k = a->dim[1], .dtype = y->dtype, .a = a->data, .b = b->data,
                    .a_stride = a->stride, .b_stride = b->stride, .y = y->data};
    weft__gemm_cut(&g);
    if (g.shared)
        weft_call_parts(call, matmul_part, &g, g.tiles);
    else
        for (size_t tile = 0; tile < g.tiles; tile++)
            weft__gemm_tile(&g, tile, call->workspace);
    return WEFT_OK;
}

static weft_node matmul_transpose(weft_node y, const weft_node *x, int operand, weft_node dy)
{
    (void)y;
    if (operand == 0)
        return weft_matmul(dy, weft_transpose(x[1], NULL)); /* da = dy @ b' */
    return weft_matmul(weft_transpose(x[0], NULL), dy);     /* db = a' @ dy */
}

const weft_op weft_op_matmul = {
    .name = "matmul", .formula = "y[m, n] = sum over k of a[m, k] b[k, n]", .infix = "%s @ %s", .precedence = 2, .arity = 2,
    .kind = WEFT_GENERAL, .flags = WEFT_ANY_STRIDES | WEFT_IN_PARTS | WEFT_NEVER_FAILS,
    .shape = matmul_shape, .kernel = matmul_kernel, .workspace = matmul_workspace, .transpose = matmul_transpose,
};

weft_node weft_matmul(weft_node a, weft_node b)
{
    return weft_record(&weft_op_matmul, (weft_node[]){a, b}, 2, NULL);
}

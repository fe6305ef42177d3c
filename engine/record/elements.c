/* elements.c: see elements.h. It knows an op by its kind only: elementwise, a view with strides, a fold over axes, or anything else, of which nothing is
 * known but that each element may depend on each. */
#include "engine/record/elements.h"

double weft__element_value(weft_dtype dtype, const void *data, size_t element)
{
    switch (dtype) {
    case WEFT_F32:
        return (double)((const float *)data)[element];
    case WEFT_F64:
        return ((const double *)data)[element];
    default:
        return (double)((const int64_t *)data)[element];
    }
}

size_t weft__element_count(weft_node x)
{
    const weft__node *node = weft__look(x);
    return node ? node->shape->count : 0;
}

const weft_op *weft__maker(weft_node x, weft_node *operand, int *n)
{
    const weft__node *node = weft__look(x);
    if (node->op->kind == WEFT_PART)
        node = weft__at(x.tape, node->operand[0]);
    *n = node->n;
    for (int i = 0; i < node->n; i++)
        operand[i] = weft__handle(x.tape, node->operand[i]);
    return node->op;
}

/* --- which elements --- */

static void contiguous(const weft_shape *shape, ptrdiff_t *stride)
{
    ptrdiff_t step = 1;
    for (int i = shape->rank; i-- > 0; step *= (ptrdiff_t)shape->dim[i])
        stride[i] = step;
}

static weft__link link_of_view(const weft__node *node, const weft__node *operand)
{
    weft__link link = {.relation = WEFT__TAKES, .shape = node->shape->dims};
    ptrdiff_t own[WEFT_MAX_RANK], given[WEFT_MAX_RANK];
    contiguous(&operand->shape->dims, given);
    contiguous(&node->shape->dims, own);
    const weft_view x = {.dtype = (weft_dtype)operand->dtype, .rank = operand->shape->dims.rank, .dim = operand->shape->dims.dim, .stride = given};
    const weft_view y = {.dtype = (weft_dtype)node->dtype, .rank = node->shape->dims.rank, .dim = node->shape->dims.dim, .stride = own};
    if (!node->op->view(node->attributes, &x, &y, link.stride))
        return (weft__link){.relation = WEFT__ANY};
    link.offset = node->op->offset && node->shape->count ? node->op->offset(node->attributes, &x) : 0;
    return link;
}

static weft__link link_of_fold(const weft__node *node, const weft__node *operand)
{
    const weft_reduction *over = node->attributes;
    weft__link link = {.relation = WEFT__FOLDS, .shape = operand->shape->dims};
    ptrdiff_t step = 1;
    for (int i = link.shape.rank; i-- > 0;) {
        bool folded = over->axes & WEFT_AXIS(i);
        link.stride[i] = folded ? 0 : step;
        step *= folded ? 1 : (ptrdiff_t)link.shape.dim[i];
    }
    return link;
}

weft__link weft__link_of(weft_node y, int operand)
{
    const weft__node *node = weft__look(y);
    if (node->op->kind == WEFT_PART || operand >= node->n)
        return (weft__link){.relation = WEFT__ANY};
    const weft__node *x = weft__at(y.tape, node->operand[operand]);
    if (node->op->kind == WEFT_ELEMENTWISE && x->shape == node->shape)
        return (weft__link){.relation = WEFT__SAME};
    if (node->op->kind == WEFT_VIEW && !operand)
        return link_of_view(node, x);
    if (node->op->kind == WEFT_REDUCTION && !operand)
        return link_of_fold(node, x);
    return (weft__link){.relation = WEFT__ANY};
}

size_t weft__link_source(const weft__link *link, size_t element)
{
    if (link->relation == WEFT__SAME)
        return element;
    ptrdiff_t at = link->offset;
    if (!weft_shape_count(&link->shape))
        return 0; /* there is none to ask about */
    for (int i = link->shape.rank; i-- > 0;) {
        at += (ptrdiff_t)(element % link->shape.dim[i]) * link->stride[i];
        element /= link->shape.dim[i];
    }
    return (size_t)at;
}

/* traced.c: see traced.h. It knows an op by its kind only: elementwise, a view with strides, a fold over axes, or anything else, of which nothing is
 * known but that each element may depend on each. */
#include "engine/judge/traced.h"

#include <stdarg.h>
#include <stdio.h>

weft_program *weft__traced_run(const char *who, const weft_node *nodes, size_t n, const weft_binding *bind, size_t n_bind)
{
    weft_tape *tape = nodes[0].tape;
    const weft_options as_recorded = {.rewriting = WEFT_REWRITE_NONE};
    weft_program *program = weft_compile_with(nodes, n, &as_recorded);
    weft_status status = weft_program_status(program);
    for (size_t i = 0; i < n_bind && status == WEFT_OK; i++) {
        const weft_op *op = weft_node_op(bind[i].node);
        if (!op) {
            weft__tape_fail(tape, WEFT_ERROR_ARGUMENT, "%s: binding %zu is no node", who, i);
            weft_program_free(program);
            return NULL;
        }
        status = op->kind == WEFT_PARAMETER ? weft_parameter_write(program, bind[i].node, bind[i].data, bind[i].bytes)
                                            : weft_bind(program, bind[i].node, bind[i].data, bind[i].bytes);
    }
    if (status == WEFT_OK)
        status = weft_run(program);
    if (status == WEFT_OK)
        return program;
    weft__tape_fail(tape, status, "%s: %.400s", who, weft_program_message(program));
    weft_program_free(program);
    return NULL;
}

double weft__traced_value(weft_dtype dtype, const void *data, size_t element)
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

size_t weft__traced_count(weft_node x)
{
    const weft__node *node = weft__look(x);
    return node ? node->shape->count : 0;
}

const weft_op *weft__traced_op(weft_node x, weft_node *operand, int *n)
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

/* --- words --- */

void weft__say(weft__words *words, const char *format, ...)
{
    if (words->used >= words->size)
        return;
    va_list arguments;
    va_start(arguments, format);
    words->used += (size_t)vsnprintf(words->text + words->used, words->size - words->used, format, arguments);
    va_end(arguments);
}

void weft__say_node(weft__words *words, weft_node x)
{
    const weft__node *node = weft__look(x);
    if (!node)
        return;
    weft__say(words, "%%%u %s", x.id, node->op->name);
    if (node->name)
        weft__say(words, " \"%.40s\"", node->name);
    if (node->scope)
        weft__say(words, " in %.60s", node->scope);
}

void weft__say_element(weft__words *words, weft_node x, size_t element)
{
    weft_shape shape = weft_node_shape(x);
    size_t stride = weft_shape_count(&shape);
    for (int i = 0; i < shape.rank && stride; i++) {
        stride /= shape.dim[i];
        weft__say(words, "%s%zu", i ? ", " : "[", element / stride % shape.dim[i]);
    }
    if (shape.rank)
        weft__say(words, "]");
}

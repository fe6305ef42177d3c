/* exact.c: evaluates a graph at a point of a prime field, node by node in tape order. It knows kinds of nodes and no op by name: what an op is in
 * the field stands in the op's own file. Ops that move elements are run by their own kernels on the positions of the elements, so where they put
 * what is decided in one place. */
#include "engine/judge/exact.h"
#include "engine/judge/random.h"

#include <math.h>
#include <string.h>

static size_t count_of(const weft_exact_array *x)
{
    return weft_shape_count(&x->shape);
}

const weft_binding *weft__binding_of(const weft_prove_options *options, weft_node x)
{
    for (size_t i = 0; i < options->n_bind; i++)
        if (options->bind[i].node.id == x.id && options->bind[i].node.era == x.era)
            return &options->bind[i];
    return NULL;
}

static void c_strides(const weft_shape *shape, ptrdiff_t *stride)
{
    ptrdiff_t step = 1;
    for (int i = shape->rank - 1; i >= 0; i--) {
        stride[i] = step;
        step *= (ptrdiff_t)shape->dim[i];
    }
}

/* --- what is known beforehand --- */

static bool is_exact(const weft_op *op)
{
    return op->exact && (op->exact->element || op->exact->fold || op->exact->array || op->exact->moves);
}

/* Why a node cannot be evaluated, whatever the point; or NULL. */
static const char *no_meaning(const weft__node *node)
{
    weft_kind kind = node->op->kind;
    if (kind == WEFT_PART || node->op->outputs > 1)
        return "has several outputs and no staged twin, so it has no meaning in a field";
    if ((kind == WEFT_REDUCTION || kind == WEFT_GENERAL) && !is_exact(node->op))
        return "has no meaning in a field; its weft_op gives no exact form";
    return NULL;
}

static void lower(uint64_t *below, uint64_t limit)
{
    *below = limit && (!*below || limit < *below) ? limit : *below;
}

/* What users ask of their operands; what moves elements asks it of theirs. */
static void find_limits(weft__exact_graph *g)
{
    for (uint32_t id = g->needed.end; id-- > 0;) {
        const weft__node *node = weft__at(g->tape, id);
        if (!weft__is_needed(&g->needed, id))
            continue;
        weft_shape shapes[WEFT_MAX_OPERANDS];
        bool moves = node->op->kind == WEFT_VIEW || (node->op->exact && node->op->exact->moves);
        for (int i = 0; i < node->n; i++)
            shapes[i] = weft__at(g->tape, node->operand[i])->shape->dims;
        for (int i = 0; i < node->n; i++) {
            uint64_t own = node->op->exact && node->op->exact->below ? node->op->exact->below(node->attributes, shapes, i) : 0;
            lower(&g->below[node->operand[i]], own ? own : moves ? g->below[id] : 0);
        }
    }
    for (uint32_t id = 0; id < g->needed.end; id++) {
        const weft__node *node = weft__at(g->tape, id);
        bool leaf = node->op->kind == WEFT_INPUT || node->op->kind == WEFT_PARAMETER;
        g->chooses |= weft__is_needed(&g->needed, id) && leaf && (node->dtype == WEFT_I64 || g->below[id]);
    }
}

weft_status weft__exact_prepare(weft__exact_graph *g, const weft_node *outputs, size_t n, const weft_prove_options *options, const char **refused)
{
    const weft_allocator *allocator = &outputs[0].tape->allocator;
    *g = (weft__exact_graph){.tape = outputs[0].tape, .options = options, .largest = 1, .positions_allocated = 1};
    *refused = NULL;
    weft_status status = weft__needed_find(&g->needed, outputs, n);
    if (status != WEFT_OK)
        return status;
    for (uint32_t id = 0; id < g->needed.end && !*refused; id++) {
        const weft__node *node = weft__at(g->tape, id);
        size_t positions = node->shape->count;
        if (!weft__is_needed(&g->needed, id))
            continue;
        g->at = id;
        *refused = no_meaning(node);
        for (int i = 0; i < node->n; i++)
            positions += weft__at(g->tape, node->operand[i])->shape->count;
        if (node->shape->count > WEFT__MOST_EXACT || g->elements > WEFT__MOST_EXACT || positions > WEFT__MOST_EXACT)
            *refused = "is more than a proof evaluates; small shapes prove as much";
        g->elements += node->shape->count;
        g->positions_allocated = positions > g->positions_allocated ? positions : g->positions_allocated;
        g->largest = node->shape->count > g->largest ? node->shape->count : g->largest;
    }
    if (*refused)
        return WEFT_OK;
    g->array = weft__allocate(allocator, (size_t)g->needed.end * sizeof *g->array);
    g->below = weft__allocate(allocator, (size_t)g->needed.end * sizeof *g->below);
    g->row = weft__allocate(allocator, g->largest * sizeof *g->row);
    g->positions = weft__allocate(allocator, g->positions_allocated * sizeof *g->positions);
    bool enough = g->array && g->below && g->row && g->positions;
    if (g->array)
        memset(g->array, 0, (size_t)g->needed.end * sizeof *g->array);
    for (uint32_t id = 0; id < g->needed.end && enough; id++) {
        const weft__node *node = weft__at(g->tape, id);
        weft_exact_array *x = &g->array[id];
        if (!weft__is_needed(&g->needed, id))
            continue;
        x->dtype = (weft_dtype)node->dtype;
        x->shape = node->shape->dims;
        if (x->dtype == WEFT_I64)
            enough = (x->index = weft__allocate(allocator, count_of(x) * sizeof *x->index + 1));
        else
            enough = (x->number = weft__allocate(allocator, count_of(x) * sizeof *x->number + 1));
    }
    if (!enough) {
        weft__exact_free(g);
        return WEFT_ERROR_MEMORY;
    }
    memset(g->below, 0, (size_t)g->needed.end * sizeof *g->below);
    find_limits(g);
    return WEFT_OK;
}

void weft__exact_free(weft__exact_graph *g)
{
    const weft_allocator *allocator = &g->tape->allocator;
    for (uint32_t id = 0; id < g->needed.end && g->array; id++) {
        weft__release(allocator, g->array[id].index, count_of(&g->array[id]) * sizeof *g->array[id].index + 1);
        weft__release(allocator, g->array[id].number, count_of(&g->array[id]) * sizeof *g->array[id].number + 1);
    }
    weft__release(allocator, g->array, (size_t)g->needed.end * sizeof *g->array);
    weft__release(allocator, g->below, (size_t)g->needed.end * sizeof *g->below);
    weft__release(allocator, g->row, g->largest * sizeof *g->row);
    weft__release(allocator, g->positions, g->positions_allocated * sizeof *g->positions);
    weft__needed_free(&g->needed);
}

/* --- leaves --- */

static weft_exact_number constant(weft__exact_graph *g, double a, bool narrow)
{
    return g->field.arithmetic ? weft_exact_double(&g->field, a) : weft__field_constant(&g->field, a, narrow);
}

static void read_data(weft__exact_graph *g, weft_exact_array *y, const void *data)
{
    size_t n = count_of(y);
    if (y->dtype == WEFT_I64 && n)
        memcpy(y->index, data, n * sizeof *y->index);
    for (size_t i = 0; i < n && y->dtype != WEFT_I64; i++)
        y->number[i] = y->dtype == WEFT_F32 ? constant(g, (double)((const float *)data)[i], true) : constant(g, ((const double *)data)[i], false);
}

static void read_constant(weft__exact_graph *g, weft_exact_array *y, const weft__node *node)
{
    if (y->dtype == WEFT_F32 && node->shape->count == 1)
        y->number[0] = constant(g, ((const weft__narrow_scalar *)node->attributes)->wide, true);
    else
        read_data(g, y, node->attributes);
}

/* A mask is 0 or not, one half each; indices are below what their users say. */
static void draw_leaf(weft__exact_graph *g, weft_exact_array *y, uint64_t below)
{
    const uint64_t any = (uint64_t)1 << 31;
    for (size_t i = 0; i < count_of(y); i++, g->drawn++) {
        uint64_t state = g->seed + g->drawn, part = g->drawn % 64;
        state = weft__random(&state) + g->turn[part];
        uint64_t choice = weft__random(&state);
        if (y->dtype == WEFT_I64)
            y->index[i] = (int64_t)((choice >> 1) % (below && below < any ? below : any));
        else if (below == 2 && choice & 1)
            y->number[i] = weft_exact_whole(&g->field, 0);
        else
            y->number[i] = weft__field_draw(&g->field, &state);
        if (y->dtype != WEFT_I64)
            y->number[i].drawn = (uint64_t)1 << part;
    }
}

/* --- nodes --- */

static void evaluate_view(const weft__node *node, const weft_exact_array *x, weft_exact_array *y)
{
    ptrdiff_t x_stride[WEFT_MAX_RANK], y_stride[WEFT_MAX_RANK], stride[WEFT_MAX_RANK] = {0}, offset = 0;
    size_t n = count_of(y), at[WEFT_MAX_RANK] = {0};
    c_strides(&x->shape, x_stride);
    c_strides(&y->shape, y_stride);
    const weft_view from = {.dtype = x->dtype, .rank = x->shape.rank, .dim = x->shape.dim, .stride = x_stride};
    const weft_view to = {.dtype = y->dtype, .rank = y->shape.rank, .dim = y->shape.dim, .stride = y_stride};
    if (!n)
        return;
    node->op->view(node->attributes, &from, &to, stride); /* what is in C order is never to be copied first */
    if (node->op->offset)
        offset = node->op->offset(node->attributes, &from);
    for (size_t i = 0; i < n; i++) {
        if (y->dtype == WEFT_I64)
            y->index[i] = x->index[offset];
        else
            y->number[i] = x->number[offset];
        for (int d = y->shape.rank - 1; d >= 0; d--) {
            offset += stride[d];
            if (++at[d] < y->shape.dim[d])
                break;
            offset -= (ptrdiff_t)at[d] * stride[d];
            at[d] = 0;
        }
    }
}

static void evaluate_elements(weft__exact_graph *g, const weft__node *node, const weft_exact_array *x, weft_exact_array *y)
{
    weft_exact_number operand[WEFT_MAX_OPERANDS];
    for (size_t i = 0; i < count_of(y) && !g->field.again && !g->field.refused; i++) {
        for (int k = 0; k < node->n; k++)
            operand[k] = x[k].number[i];
        if (g->field.arithmetic && g->field.arithmetic->special(&g->field, node->op, operand, node->n, &y->number[i]))
            continue;
        y->number[i] = is_exact(node->op) ? node->op->exact->element(&g->field, operand)
                                          : weft_exact_symbol(&g->field, node->op->name, WEFT_NEITHER, operand, node->n);
    }
}

/* Each element of y folds those of x that agree with it along the axes that stay. */
static void evaluate_reduction(weft__exact_graph *g, const weft__node *node, const weft_exact_array *x, weft_exact_array *y)
{
    const weft_reduction *r = node->attributes;
    ptrdiff_t stride[WEFT_MAX_RANK];
    size_t at[WEFT_MAX_RANK] = {0};
    c_strides(&x->shape, stride);
    for (size_t i = 0; i < count_of(y) && !g->field.again && !g->field.refused; i++) {
        size_t inner[WEFT_MAX_RANK] = {0}, n = 1;
        ptrdiff_t offset = 0;
        for (int d = 0; d < x->shape.rank; d++) {
            offset += (ptrdiff_t)at[d] * stride[d];
            n *= r->axes & WEFT_AXIS(d) ? x->shape.dim[d] : 1;
        }
        for (size_t k = 0; k < n; k++) {
            g->row[k] = x->number[offset];
            for (int d = x->shape.rank - 1; d >= 0; d--) {
                if (!(r->axes & WEFT_AXIS(d)))
                    continue;
                offset += stride[d];
                if (++inner[d] < x->shape.dim[d])
                    break;
                offset -= (ptrdiff_t)inner[d] * stride[d];
                inner[d] = 0;
            }
        }
        y->number[i] = node->op->exact->fold(&g->field, n, g->row);
        for (int d = x->shape.rank - 1; d >= 0; d--) {
            if (r->axes & WEFT_AXIS(d))
                continue;
            if (++at[d] < x->shape.dim[d])
                break;
            at[d] = 0;
        }
    }
}

/* The kernel on positions: those of operand k come behind those of the operands before it, and 0 is a zero that the op puts in. */
static void evaluate_movement(weft__exact_graph *g, const weft__node *node, const weft_exact_array *x, weft_exact_array *y)
{
    weft_view view[WEFT_MAX_OPERANDS + 1];
    ptrdiff_t stride[WEFT_MAX_OPERANDS + 1][WEFT_MAX_RANK];
    int64_t *room = g->positions, next = 1;
    for (int k = 0; k <= node->n; k++) {
        const weft_exact_array *a = k < node->n ? &x[k] : y;
        size_t n = count_of(a);
        c_strides(&a->shape, stride[k]);
        view[k] = (weft_view){.data = a->index, .dtype = WEFT_I64, .rank = a->shape.rank, .dim = a->shape.dim, .stride = stride[k]};
        if (a->dtype == WEFT_I64)
            continue;
        view[k].data = room;
        for (size_t i = 0; i < n && k < node->n; i++)
            room[i] = next++;
        room += n;
    }
    weft_call call = {.x = view, .y = &view[node->n], .attributes = node->attributes, .message = g->why};
    if (node->op->kernel(&call) != WEFT_OK) {
        weft_exact_refuse(&g->field, g->why);
        return;
    }
    const int64_t *moved = view[node->n].data;
    for (size_t i = 0; i < count_of(y) && y->dtype != WEFT_I64; i++) {
        int64_t position = moved[i] - 1;
        int k = 0;
        y->number[i] = weft_exact_whole(&g->field, 0);
        for (; position >= 0 && k < node->n; k++) {
            int64_t n = x[k].dtype == WEFT_I64 ? 0 : (int64_t)count_of(&x[k]);
            if (position < n)
                y->number[i] = x[k].number[position];
            position -= n;
        }
    }
}

void weft__exact_node(weft__exact_graph *g, uint32_t id)
{
    const weft__node *node = weft__at(g->tape, id);
    const weft_op *op = node->op;
    weft_exact_array x[WEFT_MAX_OPERANDS], *y = &g->array[id];
    for (int k = 0; k < node->n; k++)
        x[k] = g->array[node->operand[k]];
    const weft_binding *bound = weft__binding_of(g->options, weft__handle(g->tape, id));
    switch (op->kind) {
    case WEFT_INPUT:
    case WEFT_PARAMETER:
        if (bound)
            read_data(g, y, bound->data);
        else if (g->field.arithmetic)
            weft_exact_refuse(&g->field, "it is not bound");
        else
            draw_leaf(g, y, g->below[id]);
        return;
    case WEFT_CONSTANT:
        read_constant(g, y, node);
        return;
    case WEFT_VIEW:
        evaluate_view(node, &x[0], y);
        return;
    case WEFT_ELEMENTWISE:
        evaluate_elements(g, node, x, y);
        return;
    case WEFT_REDUCTION:
        evaluate_reduction(g, node, &x[0], y);
        return;
    case WEFT_ASSIGN:
        if (y->dtype == WEFT_I64)
            memcpy(y->index, x[1].index, count_of(y) * sizeof *y->index);
        else
            memcpy(y->number, x[1].number, count_of(y) * sizeof *y->number);
        return;
    default:
        break;
    }
    if (op->exact->moves)
        evaluate_movement(g, node, x, y);
    else
        op->exact->array(&g->field, &(weft_exact_call){.x = x, .y = y, .attributes = node->attributes});
}

/* Constants stay as long as the prime does. */
static void evaluate(weft__exact_graph *g, bool constants)
{
    for (uint32_t id = 0; id < g->needed.end && !g->field.again && !g->field.refused; id++)
        if (weft__is_needed(&g->needed, id) && (weft__at(g->tape, id)->op->kind == WEFT_CONSTANT) == constants) {
            g->at = id;
            weft__exact_node(g, id);
        }
}

void weft__exact_draw(weft__exact_graph *g, size_t which, uint64_t seed)
{
    g->seed = seed;
    memset(g->turn, 0, sizeof g->turn);
    if (g->field.p == weft__field_prime(which))
        return;
    weft__field_start(&g->field, which);
    evaluate(g, true);
}

void weft__exact_draw_again(weft__exact_graph *g, uint64_t parts)
{
    for (int i = 0; i < 64; i++)
        g->turn[i] += parts >> i & 1;
}

void weft__exact_evaluate(weft__exact_graph *g)
{
    const char *refused = g->field.refused; /* a constant that is not a number */
    g->drawn = 0;
    weft__field_point(&g->field, g->seed);
    g->field.refused = refused;
    evaluate(g, false);
}

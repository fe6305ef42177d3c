/* index_read.c: formulas read from the tape. What an op is on paper its weft_paper says; where a view takes its elements from is found by asking the
 * op's own view() for strides of an array whose axes are apart by powers of two, and taking those strides apart again; what a derivative is, the
 * op's own partial() or transpose() records, and it is read like any other node. */
#include "engine/explain/index.h"

#include <math.h>
#include <string.h>

static const weft_paper *paper_of(const weft__node *node)
{
    static const weft_paper none = {.form = WEFT_PAPER_FUNCTION};
    return node->op->paper ? node->op->paper : &none;
}

/* --- views --- */

/* How many elements of an axis a stride or offset is made of, axis by axis; false where it is made of none. */
static bool take_apart(ptrdiff_t number, int rank, int bits, int64_t *of_axis)
{
    memset(of_axis, 0, (size_t)rank * sizeof *of_axis);
    for (int axis = rank - 1; axis >= 0; axis--) { /* the last axis has the lowest bits; what is left over is carried */
        int64_t size = (int64_t)1 << bits, digit = number % size;
        digit = digit > size / 2 ? digit - size : digit < -size / 2 ? digit + size : digit;
        of_axis[axis] = digit;
        number = (number - digit) / size;
    }
    return number == 0;
}

/* A view that only keeps memory as it is, as reshape does: exact where each axis has its like, with the same length and stride. */
static bool map_in_memory(const weft__node *node, const weft_view *x, const weft_view *y, const weft__index *index, weft__index *of_operand)
{
    ptrdiff_t x_stride[WEFT_MAX_RANK], stride[WEFT_MAX_RANK], step = 1;
    for (int i = x->rank - 1; i >= 0; i--) {
        x_stride[i] = step;
        step *= (ptrdiff_t)x->dim[i];
        of_operand[i] = (weft__index){.id = -1};
    }
    const weft_view in_memory = {.dtype = x->dtype, .rank = x->rank, .dim = x->dim, .stride = x_stride};
    if (!node->op->view(node->attributes, &in_memory, y, stride) || (node->op->offset && node->op->offset(node->attributes, &in_memory)))
        return false;
    for (int k = 0; k < y->rank; k++) {
        int i = 0;
        while (y->dim[k] != 1 && i < x->rank && (x->dim[i] != y->dim[k] || x_stride[i] != stride[k]))
            i++;
        if (y->dim[k] == 1)
            continue;
        if (i == x->rank)
            return false;
        of_operand[i] = index[k];
    }
    return true;
}

bool weft__view_map(const weft__book *b, uint32_t id, const weft__index *index, weft__index *of_operand)
{
    const weft__node *node = weft__at(b->tape, id), *operand = weft__at(b->tape, node->operand[0]);
    const weft_shape *from = &operand->shape->dims, *to = &node->shape->dims;
    ptrdiff_t x_stride[WEFT_MAX_RANK], stride[WEFT_MAX_RANK];
    int bits = from->rank ? 60 / from->rank : 60;
    bits = bits > 24 ? 24 : bits;
    for (int i = 0; i < from->rank; i++) {
        if (from->dim[i] >= (size_t)1 << (bits - 2))
            return false;
        x_stride[i] = (ptrdiff_t)1 << bits * (from->rank - 1 - i);
        of_operand[i] = (weft__index){.id = -1};
    }
    const weft_view x = {.dtype = (weft_dtype)node->dtype, .rank = from->rank, .dim = from->dim, .stride = x_stride};
    const weft_view y = {.dtype = (weft_dtype)node->dtype, .rank = to->rank, .dim = to->dim};
    int64_t part[WEFT_MAX_RANK];
    if (!operand->shape->count || !node->shape->count)
        return false;
    if (!node->op->view(node->attributes, &x, &y, stride))
        return map_in_memory(node, &x, &y, index, of_operand);
    for (int k = 0; k < to->rank; k++) {
        if (to->dim[k] == 1 || !stride[k])
            continue;
        if (!take_apart(stride[k], from->rank, bits, part))
            return false;
        for (int i = 0; i < from->rank; i++) {
            if (!part[i])
                continue;
            if (of_operand[i].id >= 0)
                return false; /* an axis that was split */
            of_operand[i] = (weft__index){index[k].id, index[k].id < 0 ? 0 : part[i] * index[k].times, part[i] * index[k].plus};
        }
    }
    if (!take_apart(node->op->offset ? node->op->offset(node->attributes, &x) : 0, from->rank, bits, part))
        return false;
    for (int i = 0; i < from->rank; i++)
        of_operand[i].plus += part[i];
    return true;
}

/* --- reductions and contractions: the indices of the operands --- */

static int indices_of_reduction(weft__book *b, const weft__node *node, const weft__index *index, weft__index *of_operand, int32_t *bound)
{
    const weft_reduction *over = node->attributes;
    const weft_shape *shape = &weft__book_shape(b, node->operand[0])->dims;
    int n = 0, at = 0;
    for (int i = 0; i < shape->rank; i++) {
        if (!(over->axes & WEFT_AXIS(i))) {
            of_operand[i] = index[at++];
            continue;
        }
        at += over->keepdims ? 1 : 0;
        of_operand[i] = (weft__index){.id = weft__book_index_new(b, shape->dim[i], shape->rank - 1 - i, false)};
        of_operand[i].times = of_operand[i].id >= 0;
        if (of_operand[i].id >= 0)
            bound[n++] = of_operand[i].id;
    }
    return n;
}

/* The one letter that both operands have is summed. Of an operand of rank 1 only that is there. */
static int indices_of_contraction(weft__book *b, const weft__node *node, const weft__index *index, weft__index of_operand[2][WEFT_MAX_RANK], int32_t *bound)
{
    const char *letters = paper_of(node)->letters;
    const weft_shape *x[2] = {&weft__book_shape(b, node->operand[0])->dims, &weft__book_shape(b, node->operand[1])->dims};
    int rank = node->shape->dims.rank, own[2] = {x[0]->rank > 1, x[1]->rank > 1}, batch = rank - own[0] - own[1];
    bool summed_last = letters[1] == letters[3] || letters[1] == letters[4]; /* of the first operand */
    size_t length = x[0]->dim[x[0]->rank > 1 && !summed_last ? x[0]->rank - 2 : x[0]->rank - 1];
    int32_t k = weft__book_index_new(b, length, 0, false);
    for (int o = 0; o < 2; o++) {
        int r = x[o]->rank, own_at = o == 0 ? batch : batch + own[0];
        bool last = o == 0 ? summed_last : letters[4] == letters[0] || letters[4] == letters[1];
        for (int i = 0; i < r - 2; i++)
            of_operand[o][i] = x[o]->dim[i] == 1 ? (weft__index){.id = -1} : index[batch - (r - 2) + i];
        int at = r > 1 && !last ? r - 2 : r - 1;
        of_operand[o][at] = (weft__index){k, k >= 0, 0};
        if (r > 1)
            of_operand[o][last ? r - 2 : r - 1] = index[own_at];
    }
    *bound = k;
    return k >= 0;
}

/* --- what an op is --- */

/* A sum divided by how many it adds up: which length that is. */
static bool mean_length(weft__book *b, uint32_t id, uint32_t *length)
{
    const weft__node *node = weft__at(b->tape, id);
    const weft_paper *paper = paper_of(node);
    double divisor, count = 1;
    if (node->op->kind != WEFT_ELEMENTWISE || node->n != 2 || paper->form != WEFT_PAPER_FACTORS || paper->of[0] != 1 || paper->of[1] != -1 ||
        !weft_node_scalar(weft__handle(b->tape, node->operand[1]), &divisor))
        return false;
    const weft__node *sum = weft__at(b->tape, node->operand[0]);
    while (sum->op->kind == WEFT_VIEW)
        sum = weft__at(b->tape, sum->operand[0]);
    if (sum->op->kind != WEFT_REDUCTION || paper_of(sum)->form != WEFT_PAPER_TERMS)
        return false;
    const weft_reduction *over = sum->attributes;
    const weft_shape *shape = &weft__book_shape(b, sum->operand[0])->dims;
    int first = -1, last = -1;
    for (int i = 0; i < shape->rank; i++)
        if (over->axes & WEFT_AXIS(i)) {
            count *= (double)shape->dim[i];
            first = first < 0 ? i : first;
            last = i;
        }
    if (count != divisor || count < 2)
        return false;
    *length = weft__book_length(b, (size_t)count, first, last, shape->rank);
    return true;
}

static void note_epsilon(weft__book *b, const weft__formula *base, double exponent)
{
    for (int i = 0; i < base->n && exponent != floor(exponent) && !b->has_epsilon; i++) {
        const weft__term *t = base->term[i];
        b->has_epsilon = base->n > 1 && !t->n && !t->n_bound && t->number > 0 && t->number <= 0.01;
        b->epsilon = t->number;
    }
}

static const weft__formula *power(weft__book *b, const weft__formula *base, double exponent)
{
    note_epsilon(b, base, exponent);
    return weft__formula_power(b, base, exponent);
}

static const weft__formula *function(weft__book *b, uint32_t id, const weft__index *index)
{
    const weft__node *node = weft__at(b->tape, id);
    weft__factor f = {.kind = WEFT__FUNCTION, .exponent = 1, .node = id, .op = node->op, .n_operands = node->n};
    for (int i = 0; i < node->n; i++)
        f.operand[i] = weft__read(b, node->operand[i], index);
    return weft__formula_factor(b, &f);
}

static const weft__formula *elementwise(weft__book *b, uint32_t id, const weft__index *index)
{
    const weft__node *node = weft__at(b->tape, id);
    const weft_paper *paper = paper_of(node);
    const weft__formula *y = weft__formula_zero();
    double exponent;
    uint32_t length;
    if (mean_length(b, id, &length))
        return weft__formula_multiply(b, weft__formula_length(b, length, -1), weft__read(b, node->operand[0], index));
    switch (paper->form) {
    case WEFT_PAPER_TERMS:
        for (int i = 0; i < node->n; i++)
            y = weft__formula_add(b, y, weft__read(b, node->operand[i], index), paper->of[i]);
        return y;
    case WEFT_PAPER_FACTORS:
        y = weft__formula_number(b, 1);
        for (int i = 0; i < node->n; i++)
            y = weft__formula_multiply(b, y, power(b, weft__read(b, node->operand[i], index), paper->of[i]));
        return y;
    case WEFT_PAPER_POWER:
        if (weft_node_scalar(weft__handle(b->tape, node->operand[1]), &exponent))
            return power(b, weft__read(b, node->operand[0], index), exponent);
        return function(b, id, index);
    default:
        return function(b, id, index);
    }
}

static const weft__formula *reduction(weft__book *b, uint32_t id, const weft__index *index)
{
    const weft__node *node = weft__at(b->tape, id);
    weft__index of_operand[WEFT_MAX_RANK];
    int32_t bound[WEFT_MAX_RANK];
    int n = indices_of_reduction(b, node, index, of_operand, bound);
    const weft__formula *x = weft__read(b, node->operand[0], of_operand);
    if (paper_of(node)->form == WEFT_PAPER_TERMS)
        return weft__formula_contract(b, weft__formula_sum(b, x, bound, n));
    weft__factor f = {.kind = WEFT__FUNCTION, .exponent = 1, .node = id, .op = node->op, .n = n, .n_operands = 1, .operand = {x}};
    for (int i = 0; i < n; i++)
        f.index[i] = (weft__index){bound[i], 1, 0};
    return weft__formula_factor(b, &f);
}

static const weft__formula *contraction(weft__book *b, uint32_t id, const weft__index *index)
{
    const weft__node *node = weft__at(b->tape, id);
    weft__index of_operand[2][WEFT_MAX_RANK];
    int32_t bound;
    int n = indices_of_contraction(b, node, index, of_operand, &bound);
    const weft__formula *x = weft__read(b, node->operand[0], of_operand[0]), *y = weft__read(b, node->operand[1], of_operand[1]);
    return weft__formula_sum(b, weft__formula_multiply(b, x, y), &bound, n);
}

const weft__formula *weft__definition(weft__book *b, uint32_t id, const weft__index *index)
{
    const weft__node *node = weft__at(b->tape, id);
    weft__index of_operand[WEFT_MAX_RANK];
    if (b->status != WEFT_OK)
        return weft__formula_zero();
    switch (node->op->kind) {
    case WEFT_ELEMENTWISE:
        if (node->n <= 3 && !node->op->attribute_size)
            return elementwise(b, id, index);
        break;
    case WEFT_REDUCTION:
        return reduction(b, id, index);
    case WEFT_VIEW:
        if (node->n == 1 && weft__view_map(b, id, index, of_operand))
            return weft__read(b, node->operand[0], of_operand);
        break;
    default:
        if (paper_of(node)->form == WEFT_PAPER_CONTRACTION)
            return contraction(b, id, index);
    }
    return weft__formula_symbol(b, id, false, index);
}

const weft__formula *weft__read(weft__book *b, uint32_t id, const weft__index *index)
{
    double number;
    if (b->status != WEFT_OK)
        return weft__formula_zero();
    if (weft_node_scalar(weft__handle(b->tape, id), &number))
        return weft__formula_number(b, number);
    return weft__is_quantity(b, id) ? weft__formula_symbol(b, id, false, index) : weft__definition(b, id, index);
}

/* --- derivatives --- */

static bool reads(const weft__book *b, uint32_t id, uint32_t x)
{
    const weft__node *node = weft__at(b->tape, id);
    if (id == x)
        return true;
    if (id < x || weft__is_quantity(b, id))
        return false;
    for (int i = 0; i < node->n; i++)
        if (reads(b, node->operand[i], x))
            return true;
    return false;
}

static const weft__formula *through(weft__book *b, uint32_t id, const weft__index *at, uint32_t x, const weft__index *by);

/* Of a node or of what it was computed from. */
static const weft__formula *inner(weft__book *b, uint32_t id, const weft__index *at, uint32_t x, const weft__index *by)
{
    const weft__formula *y = weft__formula_number(b, 1);
    if (b->status != WEFT_OK || !reads(b, id, x))
        return weft__formula_zero();
    if (id != x)
        return through(b, id, at, x, by);
    for (int i = 0; i < weft__book_shape(b, x)->dims.rank; i++)
        y = weft__formula_multiply(b, y, weft__formula_delta(b, at[i], by[i]));
    return y;
}

static const weft__formula *refuse(weft__book *b, uint32_t id)
{
    const weft_op *op = weft__at(b->tape, id)->op;
    char label[64];
    if (op->kind == WEFT_PART)
        op = weft__at(b->tape, weft__at(b->tape, id)->operand[0])->op;
    weft__book_fail(b, WEFT_ERROR_GRADIENT, "the derivative of %.60s (%.60s) is not written in indices%s", op->name, weft__book_label(b, id, label),
                    op->expand ? "; it is one op, written by hand: derive the staged function in its place"
                               : "; that of elementwise ops, views, sums and matmul is");
    return weft__formula_zero();
}

static const weft__formula *through_elementwise(weft__book *b, uint32_t id, const weft__index *at, uint32_t x, const weft__index *by)
{
    const weft__node *node = weft__at(b->tape, id);
    weft_node y = weft__handle(b->tape, id), operand[WEFT_MAX_OPERANDS];
    const weft__formula *sum = weft__formula_zero();
    uint32_t length;
    double number;
    for (int i = 0; i < node->n; i++)
        operand[i] = weft__handle(b->tape, node->operand[i]);
    for (int i = 0; i < node->n && b->status == WEFT_OK; i++) {
        if (!reads(b, node->operand[i], x))
            continue;
        weft_node partial = node->op->partial ? node->op->partial(y, operand, i) : node->op->transpose(y, operand, i, weft_full_like(y, 1));
        if (!partial.tape) /* nothing passes */
            continue;
        if (weft_node_failed(partial)) {
            weft__book_fail(b, weft_tape_status(b->tape), "%s", weft_tape_message(b->tape));
            return sum;
        }
        bool mean = mean_length(b, id, &length) && weft_node_scalar(partial, &number) && number != 1;
        const weft__formula *local = mean ? weft__formula_length(b, length, -1) : weft__read(b, partial.id, at);
        sum = weft__formula_add(b, sum, weft__formula_multiply(b, local, inner(b, node->operand[i], at, x, by)), 1);
    }
    return sum;
}

static const weft__formula *through_contraction(weft__book *b, uint32_t id, const weft__index *at, uint32_t x, const weft__index *by)
{
    const weft__node *node = weft__at(b->tape, id);
    const weft__formula *sum = weft__formula_zero();
    for (int o = 0; o < 2; o++) {
        weft__index of_operand[2][WEFT_MAX_RANK];
        int32_t bound;
        if (!reads(b, node->operand[o], x))
            continue;
        int n = indices_of_contraction(b, node, at, of_operand, &bound);
        const weft__formula *other = weft__read(b, node->operand[1 - o], of_operand[1 - o]);
        const weft__formula *part = weft__formula_multiply(b, other, inner(b, node->operand[o], of_operand[o], x, by));
        sum = weft__formula_add(b, sum, weft__formula_contract(b, weft__formula_sum(b, part, &bound, n)), 1);
    }
    return sum;
}

/* The op's own step; id is not x. */
static const weft__formula *through(weft__book *b, uint32_t id, const weft__index *at, uint32_t x, const weft__index *by)
{
    const weft__node *node = weft__at(b->tape, id);
    weft__index of_operand[WEFT_MAX_RANK];
    int32_t bound[WEFT_MAX_RANK];
    if (node->op->flags & WEFT_ZERO_DERIVATIVE || node->dtype == WEFT_I64 || b->status != WEFT_OK)
        return weft__formula_zero();
    switch (node->op->kind) {
    case WEFT_ELEMENTWISE:
        if (node->n <= 3 && !node->op->attribute_size && (node->op->partial || node->op->transpose))
            return through_elementwise(b, id, at, x, by);
        break;
    case WEFT_REDUCTION:
        if (paper_of(node)->form == WEFT_PAPER_TERMS) {
            int n = indices_of_reduction(b, node, at, of_operand, bound);
            return weft__formula_contract(b, weft__formula_sum(b, inner(b, node->operand[0], of_operand, x, by), bound, n));
        }
        break;
    case WEFT_VIEW:
        if (node->n == 1 && weft__view_map(b, id, at, of_operand))
            return inner(b, node->operand[0], of_operand, x, by);
        break;
    default:
        if (paper_of(node)->form == WEFT_PAPER_CONTRACTION)
            return through_contraction(b, id, at, x, by);
    }
    return refuse(b, id);
}

const weft__formula *weft__derivative(weft__book *b, uint32_t y, const weft__index *at, uint32_t x, const weft__index *by)
{
    const weft__node *node = weft__at(b->tape, y);
    bool any = false;
    for (int i = 0; i < node->n; i++)
        any |= reads(b, node->operand[i], x);
    return any && y != x ? weft__formula_contract(b, through(b, y, at, x, by)) : weft__formula_zero();
}

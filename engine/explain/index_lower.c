/* index_lower.c: nodes that compute a formula. Each index that occurs is an axis; an array is sliced, transposed and reshaped to lie along its own,
 * terms are products by broadcasting, and sums run over the axes of bound indices, which come last. A delta is a constant of zeros and ones. So what is
 * computed is the formula as it stands, and not what it was made from. It refuses an array with one index at two of its axes. */
#include "engine/explain/index.h"

#include <string.h>

typedef struct space { /* the axes: ids of indices */
    int32_t id[WEFT_MAX_RANK];
    int n;
} space;

typedef struct lowering {
    weft__book *book;
    const uint32_t *adjoints;
    weft_dtype dtype;
    bool sizes; /* magnitudes throughout, so that nothing cancels */
} lowering;

static int place_of(const space *s, int32_t id)
{
    for (int i = 0; i < s->n; i++)
        if (s->id[i] == id)
            return i;
    return -1;
}

static weft_node failed(const lowering *l)
{
    return weft__failed(l->book->tape);
}

static weft_node number(const lowering *l, double value)
{
    return weft_scalar(l->book->tape, l->dtype, value);
}

static weft_node raise(const lowering *l, weft_node x, double exponent)
{
    return exponent == 1 ? x : weft_pow(x, number(l, exponent));
}

/* The elements that the indices of each axis choose, in the order of the array's axes. */
static weft_node sliced(const lowering *l, weft_node x, const weft__index *index)
{
    weft_shape shape = weft_node_shape(x);
    ptrdiff_t start[WEFT_MAX_RANK], stop[WEFT_MAX_RANK], step[WEFT_MAX_RANK];
    bool whole = true;
    for (int i = 0; i < shape.rank; i++) {
        ptrdiff_t count = index[i].id < 0 ? 1 : (ptrdiff_t)l->book->index[index[i].id].length, by = index[i].id < 0 ? 1 : (ptrdiff_t)index[i].times;
        ptrdiff_t last = (ptrdiff_t)index[i].plus + by * (count - 1);
        start[i] = (ptrdiff_t)index[i].plus;
        step[i] = by;
        stop[i] = by > 0 ? last + 1 : last ? last - 1 : WEFT_LEFT_OUT;
        whole &= start[i] == 0 && by == 1 && count == (ptrdiff_t)shape.dim[i];
    }
    return whole ? x : weft_slice(x, start, stop, step);
}

static weft_node symbol(const lowering *l, const weft__factor *f, const space *s)
{
    uint32_t id = f->adjoint ? l->adjoints ? l->adjoints[f->node] : WEFT_NO_ID : f->node;
    if (id == WEFT_NO_ID) {
        weft__book_fail(l->book, WEFT_ERROR_GRADIENT, "an adjoint has no node");
        return failed(l);
    }
    weft_node x = sliced(l, weft__handle(l->book->tape, id), f->index);
    int order[WEFT_MAX_RANK], n = 0;
    size_t dim[WEFT_MAX_RANK];
    for (int i = 0; i < s->n; i++) {
        dim[i] = 1;
        for (int k = 0; k < f->n; k++) {
            if (f->index[k].id != s->id[i])
                continue;
            if (dim[i] != 1) {
                weft__book_fail(l->book, WEFT_ERROR_SHAPE, "one index stands at two axes of an array");
                return failed(l);
            }
            order[n++] = k;
            dim[i] = l->book->index[s->id[i]].length;
        }
    }
    for (int k = 0; k < f->n; k++)
        if (f->index[k].id < 0)
            order[n++] = k;
    return n == f->n ? weft_reshape(weft_transpose(x, order), s->n, dim) : failed(l);
}

static weft_node delta(const lowering *l, const weft__factor *f, const space *s)
{
    size_t dim[WEFT_MAX_RANK], count = 1, length[2];
    int place[2];
    for (int i = 0; i < s->n; i++)
        dim[i] = 1;
    for (int k = 0; k < 2; k++) {
        place[k] = f->index[k].id < 0 ? -1 : place_of(s, f->index[k].id);
        length[k] = f->index[k].id < 0 ? 1 : l->book->index[f->index[k].id].length;
        if (place[k] >= 0)
            dim[place[k]] = length[k];
        count *= length[k];
    }
    double *data = weft__allocate(&l->book->tape->allocator, count * sizeof *data);
    if (!data) {
        weft__book_fail(l->book, WEFT_ERROR_MEMORY, "out of memory");
        return failed(l);
    }
    bool turned = place[0] > place[1] && place[1] >= 0;
    for (size_t i = 0; i < length[0]; i++)
        for (size_t k = 0; k < length[1]; k++) {
            int64_t a = f->index[0].times * (int64_t)i + f->index[0].plus, c = f->index[1].times * (int64_t)k + f->index[1].plus;
            data[turned ? k * length[0] + i : i * length[1] + k] = a == c;
        }
    weft_node eye = weft_constant(l->book->tape, WEFT_F64, s->n, dim, data);
    weft__release(&l->book->tape->allocator, data, count * sizeof *data);
    return weft_cast(eye, l->dtype);
}

static weft_node lower(const lowering *l, const weft__formula *x, const space *s);

/* With the axes of more indices behind those that there are. */
static bool extend(const lowering *l, space *s, const int32_t *id, int n)
{
    for (int i = 0; i < n; i++) {
        if (s->n == WEFT_MAX_RANK) {
            weft__book_fail(l->book, WEFT_ERROR_SHAPE, "a term has more than %d indices", WEFT_MAX_RANK);
            return false;
        }
        s->id[s->n++] = id[i];
    }
    return true;
}

/* x over the axes of s, of which those from `first` on are to be whole. */
static weft_node spread(const lowering *l, weft_node x, const space *s, int first)
{
    weft_shape shape = weft_node_shape(x);
    size_t dim[WEFT_MAX_RANK];
    bool whole = shape.rank == s->n;
    for (int i = 0; i < s->n; i++) {
        int own = i - (s->n - shape.rank);
        dim[i] = i >= first ? l->book->index[s->id[i]].length : own >= 0 ? shape.dim[own] : 1;
        whole &= own >= 0 && shape.dim[own] == dim[i];
    }
    return whole || weft_node_failed(x) ? x : weft_broadcast(x, s->n, dim);
}

static weft_node function(const lowering *l, const weft__factor *f, const space *s)
{
    const weft_op *op = weft__at(l->book->tape, f->node)->op;
    weft_node operand[3];
    space inner = *s;
    if (op->kind != WEFT_REDUCTION) {
        for (int i = 0; i < f->n_operands; i++)
            operand[i] = lower(l, f->operand[i], s);
        return weft_elementwise(op, operand, f->n_operands);
    }
    int32_t bound[WEFT_MAX_RANK];
    weft_reduction over = {.axes = 0};
    for (int i = 0; i < f->n; i++) {
        bound[i] = f->index[i].id;
        over.axes |= WEFT_AXIS(s->n + i);
    }
    if (!extend(l, &inner, bound, f->n))
        return failed(l);
    operand[0] = spread(l, lower(l, f->operand[0], &inner), &inner, s->n);
    return weft_record(op, operand, 1, &over);
}

static weft_node lower_factor(const lowering *l, const weft__factor *f, const space *s)
{
    if (l->sizes && (f->kind != WEFT__GROUP || f->exponent < 0)) { /* a divisor is what it is */
        lowering plain = *l;
        plain.sizes = false;
        return weft_abs(lower_factor(&plain, f, s));
    }
    switch (f->kind) {
    case WEFT__SYMBOL:
        return raise(l, symbol(l, f, s), f->exponent);
    case WEFT__GROUP:
        return raise(l, lower(l, f->operand[0], s), f->exponent);
    case WEFT__FUNCTION:
        return raise(l, function(l, f, s), f->exponent);
    case WEFT__LENGTH:
        return raise(l, number(l, (double)l->book->length[f->node].value), f->exponent);
    case WEFT__DELTA:
        return delta(l, f, s);
    default:
        weft__book_fail(l->book, WEFT_ERROR_GRADIENT, "a derivative that was not worked out cannot be computed");
        return failed(l);
    }
}

static weft_node lower_term(const lowering *l, const weft__term *t, const space *outer)
{
    space s = *outer;
    unsigned axes = 0;
    if (!extend(l, &s, t->bound, t->n_bound))
        return failed(l);
    for (int i = outer->n; i < s.n; i++)
        axes |= WEFT_AXIS(i);
    weft_node y = number(l, l->sizes && t->number < 0 ? -t->number : t->number);
    for (int i = 0; i < t->n && !weft_node_failed(y); i++) {
        weft_node x = lower_factor(l, t->factor[i], &s);
        y = !i && t->number == 1 ? x : weft_mul(y, x);
    }
    return axes && !weft_node_failed(y) ? weft_sum(spread(l, y, &s, outer->n), axes, false) : y;
}

static weft_node lower(const lowering *l, const weft__formula *x, const space *s)
{
    weft_node y = {0};
    for (int i = 0; i < x->n && l->book->status == WEFT_OK; i++) {
        weft_node term = lower_term(l, x->term[i], s);
        y = i ? weft_add(y, term) : term;
    }
    return l->book->status != WEFT_OK ? failed(l) : x->n ? y : number(l, 0);
}

weft_node weft__formula_lower(weft__book *b, const weft__formula *x, const weft__index *index, int n, const weft_shape *shape, const uint32_t *adjoints,
                              bool sizes)
{
    const lowering l = {b, adjoints, weft_node_dtype(b->y), sizes};
    space s = {.n = 0};
    for (int i = 0; i < n; i++)
        if (index[i].id >= 0)
            s.id[s.n++] = index[i].id;
    weft_node y = spread(&l, lower(&l, x, &s), &s, 0);
    if (weft_node_failed(y) && b->status == WEFT_OK)
        weft__book_fail(b, weft_tape_status(b->tape), "%s", weft_tape_message(b->tape));
    return weft_reshape(y, shape->rank, shape->dim);
}

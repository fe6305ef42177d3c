/* linear.c: tangents by the transposes that ops have for reverse mode, with no further rule.
 *
 * An op with a transpose is linear in the operands that have one: in all of them together, as a sum, a choice and a concatenation are, or in each while
 * the others stay, as a product of matrices is. In the first case its tangent is the op itself on all tangents, with zeros where there is none; in the
 * second the sum of what the op gives with one operand after another replaced by its tangent. Which it is, the transposes themselves say:
 * that of an operand reads the others in the second case and does not in the first. So they are asked, on operands that stand for the real ones, and
 * what they recorded is forgotten again. Should an op be neither, the transpose of its transpose is the tangent.
 *
 * For an elementwise op a transpose is a product with a diagonal matrix, and so is the tangent: the same one.
 *
 * The tangent of an op that has a vjp alone is the vjp of that: the vjp is u -> J'u, linear in u, and the vjp of it with t is Jt. u is a node that has y's
 * value, which nothing reads in the end. */
#include "engine/derive/forward.h"

typedef struct linearity {
    unsigned in;                       /* operands, as a set, that have a transpose */
    unsigned reads[WEFT_MAX_OPERANDS]; /* operands that the transpose of each reads */
} linearity;

static unsigned read_since(const weft_tape *tape, uint32_t first, const weft_node *x, int n, weft_node dx)
{
    unsigned found = 0;
    for (int i = 0; i < n; i++)
        found |= dx.id == x[i].id ? 1u << i : 0;
    for (uint32_t id = first; id < tape->count; id++) {
        const weft__node *node = weft__at(tape, id);
        for (int k = 0; k < node->n; k++)
            for (int i = 0; i < n; i++)
                found |= node->operand[k] == x[i].id ? 1u << i : 0;
    }
    return found;
}

/* An error stays on the tape. */
static linearity find_linearity(weft_tape *tape, const weft__node *node)
{
    linearity l = {0};
    weft_node x[WEFT_MAX_OPERANDS];
    weft_mark mark = weft_tape_mark(tape);
    for (int i = 0; i < node->n; i++) {
        const weft__node *operand = weft__at(tape, node->operand[i]);
        x[i] = weft_input(tape, NULL, (weft_dtype)operand->dtype, operand->shape->dims.rank, operand->shape->dims.dim);
    }
    weft_node y = weft_record(node->op, x, node->n, node->attributes);
    for (int i = 0; i < node->n && tape->status == WEFT_OK; i++) {
        if (weft_node_dtype(x[i]) == WEFT_I64)
            continue;
        uint32_t first = tape->count;
        weft_node dx = node->op->transpose(y, x, i, y);
        l.in |= dx.tape ? 1u << i : 0;
        l.reads[i] = read_since(tape, first, x, node->n, dx);
    }
    if (tape->status == WEFT_OK)
        weft_tape_rewind(tape, mark);
    return l;
}

static bool is_joint(const linearity *l, int n)
{
    unsigned read = 0;
    for (int i = 0; i < n; i++)
        read |= l->in >> i & 1 ? l->reads[i] : 0;
    return !(read & l->in);
}

static bool is_separate(const linearity *l, int n)
{
    bool each = true;
    for (int i = 0; i < n; i++)
        each &= !(l->in >> i & 1) || (l->reads[i] & l->in) == (l->in & ~(1u << i));
    return each;
}

static weft_node plus(weft_node sum, weft_node t)
{
    if (!sum.tape || !t.tape)
        return sum.tape ? sum : t;
    sum.tape->edge = WEFT__NO_EDGE;
    return weft_add(sum, t);
}

static weft_node jointly(const weft__node *node, const weft_node *x, const weft_node *t, unsigned in)
{
    weft_node tangent[WEFT_MAX_OPERANDS];
    for (int i = 0; i < node->n; i++)
        tangent[i] = !(in >> i & 1) ? x[i] : t[i].tape ? t[i] : weft_full_like(x[i], 0);
    return weft_record(node->op, tangent, node->n, node->attributes);
}

static weft_node separately(weft_tape *tape, const weft__node *node, const weft_node *x, const weft_node *t, unsigned in)
{
    weft_node sum = {.tape = NULL};
    for (int i = 0; i < node->n; i++) {
        weft_node with[WEFT_MAX_OPERANDS];
        for (int k = 0; k < node->n; k++)
            with[k] = k == i ? t[i] : x[k];
        tape->edge = (uint16_t)i;
        if (in >> i & 1 && t[i].tape)
            sum = plus(sum, weft_record(node->op, with, node->n, node->attributes));
    }
    return sum;
}

/* J t, from dx = J' u. */
static weft_node transposed(const weft_node *dx, const weft_node *t, size_t n, weft_node u)
{
    weft_node tangent = {.tape = NULL};
    if (n)
        weft_vjp(dx, t, n, &u, 1, &tangent);
    return tangent;
}

static weft_node by_transposes(weft_tape *tape, const weft__node *node, weft_node y, const weft_node *x, const weft_node *t, unsigned in)
{
    weft_node sum = {.tape = NULL};
    for (int i = 0; i < node->n; i++) {
        if (!(in >> i & 1) || !t[i].tape)
            continue;
        tape->edge = (uint16_t)i;
        weft_node u = weft_stop_gradient(y), dx = node->op->transpose(y, x, i, u);
        sum = plus(sum, transposed(&dx, &t[i], 1, u));
    }
    return sum;
}

weft_node weft__linear_tangent(weft_tape *tape, uint32_t id, const weft_node *t)
{
    const weft__node *node = weft__at(tape, id);
    weft_node y = weft__handle(tape, id), x[WEFT_MAX_OPERANDS];
    int n_tangents = 0, last = 0;
    for (int i = 0; i < node->n; i++) {
        x[i] = weft__handle(tape, node->operand[i]);
        n_tangents += t[i].tape != NULL;
        last = t[i].tape ? i : last;
    }
    if (node->n == 1)
        return weft_record(node->op, t, 1, node->attributes);
    if (node->op->kind == WEFT_ELEMENTWISE && n_tangents == 1) { /* the diagonal */
        tape->edge = (uint16_t)last;
        return node->op->transpose(y, x, last, t[last]);
    }
    linearity l = find_linearity(tape, node);
    unsigned moving = 0;
    for (int i = 0; i < node->n; i++)
        moving |= l.in & (t[i].tape ? 1u << i : 0);
    if (!moving || tape->status != WEFT_OK)
        return (weft_node){.tape = NULL};
    if (is_joint(&l, node->n))
        return jointly(node, x, t, l.in);
    if (is_separate(&l, node->n))
        return separately(tape, node, x, t, l.in);
    return by_transposes(tape, node, y, x, t, l.in);
}

weft_node weft__tangent_by_vjp(weft_tape *tape, uint32_t id, int k, const weft_node *t)
{
    const weft__node *node = weft__at(tape, id);
    weft_node y = weft__handle(tape, id), x[WEFT_MAX_OPERANDS], dx[WEFT_MAX_OPERANDS] = {{0}}, dy[WEFT_MAX_OUTPUTS] = {{0}};
    weft_node moving[WEFT_MAX_OPERANDS], tangent[WEFT_MAX_OPERANDS];
    size_t n = 0;
    for (int i = 0; i < node->n; i++)
        x[i] = weft__handle(tape, node->operand[i]);
    dy[k] = weft_stop_gradient(weft__handle(tape, id + (uint32_t)k));
    node->op->vjp(y, x, dy, dx);
    for (int i = 0; i < node->n; i++)
        if (t[i].tape && dx[i].tape) {
            moving[n] = dx[i];
            tangent[n++] = t[i];
        }
    return transposed(moving, tangent, n, dy[k]);
}

/* attention.c: scaled dot-product attention. What comes before the last two axes is for weft_matmul() to broadcast. */
#include "ops/staged/staged.h"

#include <math.h>

static const weft_op here = {.name = "attention"};

static bool check(weft_node q, weft_node k, weft_node v, weft_node mask)
{
    const weft_node x[] = {q, k, v, mask};
    int n = mask.tape ? 4 : 3;
    for (int i = 0; i < n; i++)
        if (weft_node_failed(x[i]) || x[i].tape != q.tape) {
            weft_fail(&here, x, n, WEFT_ERROR_ARGUMENT, "q, k, v and mask must be nodes of one tape; mask may have the tape NULL");
            return false;
        }
    weft_shape qs = weft_node_shape(q), ks = weft_node_shape(k), vs = weft_node_shape(v);
    bool fits = qs.rank >= 2 && ks.rank >= 2 && vs.rank >= 2 && qs.dim[qs.rank - 1] == ks.dim[ks.rank - 1] && qs.dim[qs.rank - 1] &&
                ks.dim[ks.rank - 2] == vs.dim[vs.rank - 2];
    if (!fits)
        weft_fail(&here, x, 3, WEFT_ERROR_SHAPE, "q must be (..., L, E), k (..., S, E) and v (..., S, V), E at least 1");
    return fits && weft_tape_status(q.tape) == WEFT_OK;
}

weft_node weft_attention(weft_node q, weft_node k, weft_node v, weft_node mask)
{
    if (!check(q, k, v, mask))
        return (weft_node){.tape = q.tape, .id = WEFT_NO_ID};
    weft_shape shape = weft_node_shape(k);
    int order[WEFT_MAX_RANK] = {0};
    for (int i = 0; i < shape.rank - 2; i++)
        order[i] = i;
    order[shape.rank - 2] = shape.rank - 1;
    order[shape.rank - 1] = shape.rank - 2;
    weft_scope_push(q.tape, here.name);
    weft_node scale = weft_scalar_like(q, 1 / sqrt((double)shape.dim[shape.rank - 1]));
    weft_node score = weft_name(weft_mul(weft_matmul(q, weft_transpose(k, order)), scale), "score"); /* (..., L, S) */
    weft_node weight = weft_name(weft_softmax(mask.tape ? weft_add(score, mask) : score, -1), "weight");
    weft_node y = weft_name(weft_matmul(weight, v), "y"); /* (..., L, V) */
    weft_scope_pop(q.tape);
    return y;
}

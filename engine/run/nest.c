/* nest.c: the fewest loops that visit an array: axes of length 1 vanish, neighbours that lie contiguously for every operand merge. */
#include "engine/run/program.h"

#include <string.h>

void weft__contiguous(const weft_shape *shape, ptrdiff_t *stride)
{
    ptrdiff_t inner = 1;
    for (int i = shape->rank - 1; i >= 0; i--) {
        stride[i] = inner;
        inner *= (ptrdiff_t)shape->dim[i];
    }
}

const nest *weft__nest_make(weft__arena *arena, const weft_shape *shape, const ptrdiff_t *const *stride, int n)
{
    size_t extent[WEFT_MAX_RANK];
    ptrdiff_t merged[WEFT_MAX_RANK][WEFT_MAX_OPERANDS];
    int rank = 0;
    for (int axis = 0; axis < shape->rank; axis++) {
        if (shape->dim[axis] == 1)
            continue;
        bool joins = rank > 0;
        for (int k = 0; joins && k < n; k++)
            joins = merged[rank - 1][k] == stride[k][axis] * (ptrdiff_t)shape->dim[axis];
        if (!joins)
            extent[rank++] = 1;
        extent[rank - 1] *= shape->dim[axis];
        for (int k = 0; k < n; k++)
            merged[rank - 1][k] = stride[k][axis];
    }
    nest *made = weft__arena_take(arena, sizeof *made);
    size_t *extents = weft__arena_take(arena, (size_t)rank * sizeof *extents + 1);
    ptrdiff_t *strides = weft__arena_take(arena, (size_t)rank * (size_t)n * sizeof *strides + 1);
    if (!made || !extents || !strides)
        return NULL;
    for (int i = 0; i < rank; i++) {
        extents[i] = extent[i];
        memcpy(strides + i * n, merged[i], (size_t)n * sizeof *strides);
    }
    *made = (nest){rank, extents, strides};
    return made;
}

static void add_loop(size_t *extent, ptrdiff_t *strides, int *n, size_t dim, ptrdiff_t stride)
{
    if (*n && strides[*n - 1] == stride * (ptrdiff_t)dim) {
        extent[*n - 1] *= dim;
        strides[*n - 1] = stride;
        return;
    }
    extent[*n] = dim;
    strides[(*n)++] = stride;
}

void weft__fold_nest_make(fold_nest *loops, const weft_shape *x, const ptrdiff_t *stride, unsigned axes)
{
    *loops = (fold_nest){.across = false};
    for (int axis = 0; axis < x->rank; axis++) {
        if (x->dim[axis] == 1)
            continue;
        bool folded = axes & WEFT_AXIS(axis);
        if (folded)
            add_loop(loops->folded, loops->folded_stride, &loops->n_folded, x->dim[axis], stride[axis]);
        else
            add_loop(loops->kept, loops->kept_stride, &loops->n_kept, x->dim[axis], stride[axis]);
        loops->across = !folded;
    }
}

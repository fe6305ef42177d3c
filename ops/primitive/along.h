/* along.h: what ops along one axis share: the sizes around the axis, and indices that must be in range. */
#ifndef WEFT_OPS_ALONG_H
#define WEFT_OPS_ALONG_H

#include "engine/weft_op.h"

/* Records op with x[0]'s axis, negative ones counted from the end; the tape's error where there is no such axis. */
weft_node weft__along_record(const weft_op *op, const weft_node *x, int n, int axis, bool keepdims, size_t number);

void weft__along_words(const void *attributes, const weft_shape *x, char *text, size_t size);     /* ", axis=1" */
void weft__scattered_words(const void *attributes, const weft_shape *x, char *text, size_t size); /* ", axis=1, length=3" */

int weft__along_axis(const void *attributes);
size_t weft__dims_product(const size_t *dim, int from, int to); /* of dim[from .. to) */

/* WEFT_OK where every index is 0 to length-1; else WEFT_ERROR_INDEX and "NAME: index[I, J] is V; WHAT 0 to LENGTH-1", or that nothing is there. */
weft_status weft__index_check(const weft_call *call, const char *name, const weft_view *index, const char *what, size_t length);

/* A walk over the positions of an index array in C order, with the offsets of three arrays: of the index itself, of an array with an element for
 * each index, and of one in which the index says where along the axis. */
typedef struct weft__elements {
    int rank;
    const size_t *dim;
    size_t at[WEFT_MAX_RANK];
    ptrdiff_t stride[3][WEFT_MAX_RANK], offset[3]; /* index, each, indexed: this one's stride along the axis is 0 */
} weft__elements;

void weft__elements_start(weft__elements *e, const weft_view *index, const weft_view *each, const weft_view *indexed, int axis);

static inline void weft__elements_step(weft__elements *e)
{
    for (int d = e->rank - 1; d >= 0; d--) {
        bool wraps = ++e->at[d] == e->dim[d];
        ptrdiff_t by = wraps ? 1 - (ptrdiff_t)e->dim[d] : 1;
        e->at[d] = wraps ? 0 : e->at[d];
        for (int k = 0; k < 3; k++)
            e->offset[k] += by * e->stride[k][d];
        if (!wraps)
            return;
    }
}

/* The transpose of take: y has `length` elements along the axis, and y[.., index[m], ..] += x[.., m, ..]. */
weft_node weft__scatter_add_along(weft_node x, weft_node index, int axis, size_t length);

#endif

/* slice.h: the attributes of slice and pad, each the transpose of the other. Both are zero beyond the rank. */
#ifndef WEFT_OPS_SLICE_H
#define WEFT_OPS_SLICE_H

#include "engine/weft_op.h"

/* y[i] = x[start + i step] for the i below count, along each axis. Where count is 0 start is 0, where it is below 2 step is 1: what takes the same
 * elements has the same bytes. */
typedef struct weft__slice {
    int64_t start[WEFT_MAX_RANK], step[WEFT_MAX_RANK];
    uint64_t count[WEFT_MAX_RANK];
} weft__slice;

/* y[before + i (apart + 1)] = x[i], zero elsewhere; `after` zeros follow the last element. */
typedef struct weft__pad {
    uint64_t before[WEFT_MAX_RANK], after[WEFT_MAX_RANK], apart[WEFT_MAX_RANK];
} weft__pad;

weft_node weft__slice_record(weft_node x, const weft__slice *slice); /* start and step as they are where count is small: it settles them */
weft_node weft__pad_record(weft_node x, const weft__pad *pad);

#endif

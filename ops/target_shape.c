/* target_shape.c: see target_shape.h. The struct is zeroed first, since attributes are compared as bytes. */
#include "ops/target_shape.h"

#include <string.h>

weft_node weft__target_shape_record(const weft_op *op, weft_node x, int rank, const size_t *dim)
{
    weft_shape to;
    memset(&to, 0, sizeof to);
    if (rank < 0 || rank > WEFT_MAX_RANK || (rank && !dim))
        return weft_fail(op, &x, 1, WEFT_ERROR_SHAPE, "rank must be 0 to %d, with as many dims", WEFT_MAX_RANK);
    to.rank = rank;
    for (int i = 0; i < rank; i++)
        to.dim[i] = dim[i];
    return weft_record(op, &x, 1, &to);
}

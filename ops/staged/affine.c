/* affine.c: a matrix product and an offset for each column. */
#include "engine/weft_op.h"

weft_node weft_affine(weft_node x, weft_node w, weft_node b)
{
    return weft_add(weft_matmul(x, w), b);
}

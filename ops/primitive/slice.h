/* slice.h: slice and pad, each the transpose of the other. */
#ifndef WEFT_OPS_SLICE_H
#define WEFT_OPS_SLICE_H

#include "engine/weft_op.h"

weft_node weft__slice_record(weft_node x, const weft_slicing *slice); /* start and step as they are where count is small: it settles them */
weft_node weft__pad_record(weft_node x, const weft_padding *pad);

#endif

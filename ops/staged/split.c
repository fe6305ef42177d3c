/* split.c: equal parts of an array along an axis, each a slice. */
#include "ops/staged/staged.h"

weft_status weft_split(weft_node x, int axis, size_t parts, weft_node *out)
{
    const weft_op here = {.name = "split"};
    weft_shape shape = weft_node_shape(x);
    ptrdiff_t start[WEFT_MAX_RANK], stop[WEFT_MAX_RANK];
    for (size_t k = 0; out && k < parts; k++)
        out[k] = (weft_node){.tape = x.tape, .id = WEFT_NO_ID};
    unsigned set = weft__axis_of("split", x, axis);
    if (!set)
        return weft_tape_status(x.tape);
    int along = axis < 0 ? axis + shape.rank : axis;
    if (!out || !parts || shape.dim[along] % parts) {
        weft_fail(&here, &x, 1, !out || !parts ? WEFT_ERROR_ARGUMENT : WEFT_ERROR_SHAPE,
                  "axis %d of length %zu into %zu equal parts: the length must be a multiple of their number, at least 1, and out not NULL", along,
                  shape.dim[along], parts);
        return weft_tape_status(x.tape);
    }
    for (int i = 0; i < shape.rank; i++)
        start[i] = stop[i] = WEFT_LEFT_OUT;
    for (size_t k = 0, each = shape.dim[along] / parts; k < parts; k++) {
        start[along] = (ptrdiff_t)(k * each);
        stop[along] = (ptrdiff_t)((k + 1) * each);
        out[k] = weft_slice(x, start, stop, NULL);
    }
    return weft_tape_status(x.tape);
}

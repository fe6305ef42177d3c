/* gradcheck.h: what the gradient check measures, and the words it finds for it. */
#ifndef WEFT_DERIVE_GRADCHECK_H
#define WEFT_DERIVE_GRADCHECK_H

#include "engine/record/tape.h"

typedef struct weft__measured {
    weft_node x, y;
    const double *analytic, *numeric;
    size_t count;
    double scale;        /* size that the gradient would have if nothing cancelled */
    unsigned missing;    /* axes that the claimed gradient was not summed over */
} weft__measured;

void weft__describe_wrong(const weft__measured *m, weft_gradcheck *result);
void weft__describe_empty(const weft__measured *m, weft_gradcheck *result);
void weft__describe_right(const weft__measured *m, weft_gradcheck *result);

#endif

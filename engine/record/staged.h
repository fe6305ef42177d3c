/* staged.h: graphs without fused ops. */
#ifndef WEFT_RECORD_STAGED_H
#define WEFT_RECORD_STAGED_H

#include "engine/record/tape.h"

/* The outputs with each fused op that they need replaced by its staged twin; the new nodes are appended. */
weft_status weft__expand_fused(weft_tape *tape, const weft_node *outputs, size_t n, weft_node *expanded);

#endif

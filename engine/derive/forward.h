/* forward.h: the two parts of forward mode: the walk, and how an op that is linear carries tangents on. */
#ifndef WEFT_DERIVE_FORWARD_H
#define WEFT_DERIVE_FORWARD_H

#include "engine/derive/derive.h"

/* The tangent of node id, whose op has a transpose, from those of its operands: t[i] of tape NULL where there is none, and at least one is there.
 * Of tape NULL: it is zero. */
weft_node weft__linear_tangent(weft_tape *tape, uint32_t id, const weft_node *t);

/* The tangent of output k of node id, by its vjp: that of the cotangents that its operands would get. */
weft_node weft__tangent_by_vjp(weft_tape *tape, uint32_t id, int k, const weft_node *t);

#endif

/* reverse.h: reverse mode by some of the ways only. */
#ifndef WEFT_DERIVE_REVERSE_H
#define WEFT_DERIVE_REVERSE_H

#include "engine/derive/derive.h"

/* As weft_vjp(), of what passes on from y to x by ways through no other x[j]: the walk ends at each x[i], also where that is a y, unless leave_y.
 * dx[i]: a failed node where nothing arrives. At least one y; arguments are not checked. Derivatives get no names: they are parts. */
weft_status weft__vjp_up_to(const weft_node *y, const weft_node *dy, size_t n_y, bool leave_y, const weft_node *x, size_t n_x, weft_node *dx);

#endif

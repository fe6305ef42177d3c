/* plain_movement.h: the judge's own slice, pad, concat and cast; see plain.h. */
#ifndef WEFT_TESTS_PLAIN_MOVEMENT_H
#define WEFT_TESTS_PLAIN_MOVEMENT_H

#include "tests/bounded.h"
#include "weft_op.h"

/* Fills y, the elements of the node, from those of its operands. undecided: set where a cast to i64 may come to one number or another. False, and nothing done, for any other op. */
bool plain_movement(weft_node node, const bounded *const *x, bounded *y, bool *undecided);

#endif

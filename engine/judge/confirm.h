/* confirm.h: a difference that real numbers have. */
#ifndef WEFT_JUDGE_CONFIRM_H
#define WEFT_JUDGE_CONFIRM_H

#include "engine/judge/exact.h"

/* Looks for real inputs at which a[k] and b[k], (n) each and without fused ops, differ by more than rounding; fills in pair, element, left and right.
 * failure: WEFT_MESSAGE_SIZE bytes, where no run succeeded, for why; else "". WEFT_ERROR_MEMORY: nothing is found, and nothing left to free. */
weft_status weft__confirm(const weft__exact_graph *g, const weft_node *a, const weft_node *b, size_t n, uint64_t seed, weft_proof *proof, bool *found,
                          char *failure);

#endif

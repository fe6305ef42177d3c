/* array_literal.h: arrays as people type them, [[1, 2], [3, 4]]. */
#ifndef WEFT_DEMOS_ARRAY_LITERAL_H
#define WEFT_DEMOS_ARRAY_LITERAL_H

#include "weft.h"

enum { ARRAY_LITERAL_MOST = 1 << 16 }; /* numbers */

/* Lists of numbers, or of lists that are all of one shape, as NumPy reads them: also 1e-5, -inf and nan. Writes the shape and up to `most` values, in C
 * order; values may be NULL. NULL: it is read; else what is wrong, in words. */
const char *array_literal_read(const char *text, weft_shape *shape, double *values, size_t most);

#endif

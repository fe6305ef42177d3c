/* updates.h: what a run leaves in the parameters that it assigns, by the formulas of weft.h and from the values that the parameters had before
 * the run. The judge takes it from here rather than from the nodes that weft_assign() and weft_sgd() recorded. */
#ifndef WEFT_TESTS_UPDATES_H
#define WEFT_TESTS_UPDATES_H

#include "tests/plain.h"
#include "tests/random_graph.h"

/* p: the values of one run. to: as many elements as the parameter has. */
void assignment_expected(const built *b, const plain *p, const assignment *a, bounded *to);

#endif

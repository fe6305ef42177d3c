/* graph_svg.h: what a node is computed from, as a drawing for a page. */
#ifndef WEFT_DEMOS_GRAPH_SVG_H
#define WEFT_DEMOS_GRAPH_SVG_H

#include <stdbool.h>
#include <stdio.h>

#include "weft.h"

/* An svg element: the leaves above, a row for each step of the way, y below. False, and nothing is written, where there are more than 60 nodes, or no
 * memory. */
bool graph_svg_print(FILE *out, weft_node y, const char *title);

#endif

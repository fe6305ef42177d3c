/* heat.h: small arrays for people: the numbers, and beside them how large each is among the others, by a block, and of which sign, by a symbol and a colour. */
#ifndef WEFT_DEMOS_HEAT_H
#define WEFT_DEMOS_HEAT_H

#include "weft.h"

typedef struct heat {
    bool ascii; /* without blocks from beyond ASCII */
    int width;  /* columns of a line */
} heat;

/* Rows on lines of their own, behind so many blanks; rows that are all alike once, with how many they are. Of more than 8 columns or 64 elements what
 * they come to. data: in C order, of the shape and dtype of `of`. */
void heat_print(const heat *h, int indent, weft_node of, const void *data);

double heat_value(weft_node of, const void *data, size_t element);

#endif

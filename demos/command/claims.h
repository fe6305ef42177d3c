/* claims.h: gradients that somebody claims, as `weft check --claimed NAME=WHAT` takes them, and what is wrong with them. */
#ifndef WEFT_DEMOS_CLAIMS_H
#define WEFT_DEMOS_CLAIMS_H

#include "named.h"

#include <cjson/cJSON.h>

typedef struct claim {
    char name[NAMED_LENGTH];
    const char *what; /* FILE.npy, FILE.npz, FILE.npz:ENTRY, or an expression over the arrays and dy */
    bool from_file;
    const named *of;
    weft_diagnosis diagnosis;
} claim;

typedef struct claim_list {
    limits *limits;
    named_list files;
    claim item[MOST_NAMED];
    size_t n;
} claim_list;

/* False after saying on stderr what is wrong; so for all of these. */
bool claims_add(claim_list *list, const char *text);

/* Judges them all. The cotangent is the array called dy; where there is none, 1 for a y of one element, else normal numbers, which claims in files
 * cannot know. */
bool claims_measure(claim_list *list, named_list *in, weft_tape *tape, weft_node y, generator *g);
bool claims_right(const claim_list *list);

void claims_print(const claim_list *list);
void claims_to_json(cJSON *to, const claim_list *list);
void claims_free(claim_list *list);

#endif

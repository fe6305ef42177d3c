/* c_loops.h: the pieces that loops are printed from. c_loops.c has them and the shapes in which elements come one by one or as runs, c_rows.c
 * those in which rows go side by side. */
#ifndef WEFT_RUN_C_LOOPS_H
#define WEFT_RUN_C_LOOPS_H

#include "engine/run/c_text.h"

enum {
    WEFT__C_ROWS = 4,          /* side by side */
    WEFT__C_BLOCK = 256,       /* rows that are folded before they are added to the rest */
    WEFT__C_MOST_BLOCK = 4096, /* columns of a row of accumulators on the stack */
    WEFT__C_CHUNK = 64,        /* elements of each of the rows in turn, where what is read next is asked for ahead */
    WEFT__C_LIMIT = 24         /* bytes that hold the text of a limit */
};

typedef enum folding {
    FOLD_IN_PLACE, /* one element of the result for each position */
    FOLD_ROWS,     /* rows into a row */
    FOLD_RUN       /* a row into one element */
} folding;

int weft__c_next_fold(const loop *l, folding kind, int i); /* the first of a kind from instruction i on; the loop's length: none */

#define FOR_FOLDS(l, kind, i) for (int i = weft__c_next_fold(l, kind, 0); i < (l)->length; i = weft__c_next_fold(l, kind, i + 1))

bool weft__c_has_store(const loop *l);
void weft__c_line(const c_position *p, int depth, const char *text);
void weft__c_start_folds(const c_position *p, int depth, folding kind, const char *name); /* "NAME = identity;" for each fold of a kind */

/* to = merge(to, value) for each fold of a kind; names with the fold's number, or NULL: the element of the result, and what is folded. */
void weft__c_merge_folds(const c_position *p, int depth, folding kind, const char *to, const char *value);

const char *weft__c_low(const loop *l, int d); /* the limits of dim d; text: WEFT__C_LIMIT bytes */
const char *weft__c_high(const loop *l, int d, char *text);
int weft__c_open_dim(const c_position *p, int depth, int d, const char *name); /* the loop over dim d, if it is more than one step; the depth inside */

/* --- c_rows.c --- */

void weft__c_put_rows(c_position *p, int depth);    /* rows folded into a row */
void weft__c_put_streams(c_position *p, int depth); /* elements one by one, whose results go past the caches */

#endif

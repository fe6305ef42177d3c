/* c_text.h: loops printed as C99. c_text.c prints what happens at one position, c_loops.c the loops around it. */
#ifndef WEFT_RUN_C_TEXT_H
#define WEFT_RUN_C_TEXT_H

#include "engine/run/program.h"

/* Text that grows. After a failed allocation it takes nothing more. */
typedef struct c_text {
    weft_allocator allocator;
    char *text; /* ends in 0 */
    size_t length, allocated;
    bool failed;
    const weft_program *by_base; /* or NULL: arrays are called by their place in its memory, not by names */
} c_text;

void weft__c_put(c_text *out, const char *format, ...);
void weft__c_indent(c_text *out, int depth);
void weft__c_break(c_text *out); /* a space, or where the line is long a new one */
void weft__c_free(c_text *out);

/* --- whole loops: c_loops.c --- */

const weft_op *weft__c_missing(const loop *l); /* the op of the first instruction that has no C text; NULL: the loop can be printed */

/* What loops need to come before them: headers, and a function for each op that folds runs. */
void weft__c_prelude(c_text *out, const weft_program *const *programs, size_t n, bool may_stream);

/* Bytes of the arrays that a printed loop keeps on the stack. */
size_t weft__c_stack(const loop *l);

/* A loop of one element may touch more arrays than a function should have parameters: its function takes all storages instead. */
bool weft__c_by_base(const weft_program *program, const loop *l);

/* static void NAME(const float *restrict h, ..., size_t begin, size_t end): the part [begin, end) of the split dim. The parameters are the
 * storages that the loop touches; for a fold they are its accumulators, of this part where there are parts. Where no dim is split there are
 * no begin and end; the comment above is then up to the caller. may_stream: large results may be written past the caches, where the processor
 * is known; else the text is plain C99. */
void weft__c_loop(c_text *out, const weft_program *program, const loop *l, const char *name, bool may_stream);

enum { WEFT__C_LANES = 32 }; /* of a fold over a run: so many that gcc does not unroll them, since it then no longer sees a loop to vectorise */

int weft__c_next_run(const loop *l, int i); /* the first fold of a run, from instruction i on, that takes its op's function; the length: none */
uint8_t weft__c_run_dtype(const instruction *b); /* of what a run of this fold holds */
bool weft__c_streams(const loop *l); /* its results are too large to be read again from a cache */
bool weft__c_fetches(const loop *l); /* it reads more than a core's own cache holds */

/* --- one position: c_text.c --- */

enum { WEFT__C_IDENTIFIER = 40 };

typedef struct c_position {
    c_text *out;
    const weft_program *program;
    const loop *l;
    bool stream;     /* stores go to line_N[r][k], which is then written past the caches */
    bool fetch;      /* what a walk reads next is asked for ahead */
    const char *row; /* how the row is called here: "i" or "(i + r)". The column is j, dims further out are i0, i1, ... */
} c_position;

void weft__c_merge(const c_position *p, int depth, const weft_fold *fold, const char *to, const char *value); /* to = merge(to, value): c_loops.c */
void weft__c_body(const c_position *p, int depth); /* all maps and stores */
void weft__c_index(const c_position *p, const instruction *b, const char *column); /* "i * 1024 + j", with another name for j, or "0" */
void weft__c_element(const c_position *p, const instruction *b); /* of the array that it loads, stores or folds into */
void weft__c_operand(const c_position *p, int i); /* what instruction i has computed */
void weft__c_number(c_text *out, double value, uint8_t dtype); /* a literal that reads back as this value */
void weft__c_array(c_text *out, const loop *l, const instruction *b); /* its name */
void weft__c_identifier(const instruction *b, char *to); /* the node's name, of letters, digits and underscores: WEFT__C_IDENTIFIER bytes */
bool weft__c_reserved(const char *name); /* C's own words, and those that the text uses */
const char *weft__c_type(uint8_t dtype);
bool weft__c_touches(const weft_program *p, const instruction *b); /* memory: constants of one element are literals */
bool weft__c_seen(const loop *l, int i); /* an earlier instruction of the loop touches the same storage */

/* The i-th instruction that brings a parameter, in the order of the parameters, from `from` on; the loop's length: no more. */
int weft__c_parameter(const weft_program *program, const loop *l, int from);

#endif

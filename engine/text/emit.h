/* emit.h: functions on their way to C text.
 *     emit.c         checks, rewrites and lowers them, and writes the .h
 *     emit_names.c   what every array is called
 *     emit_source.c  the .c
 *     staged.c       fused ops as their staged twins */
#ifndef WEFT_TEXT_EMIT_H
#define WEFT_TEXT_EMIT_H

#include "engine/run/c_text.h"
#include "engine/text/print.h"

enum { EMIT_NAME = WEFT__C_IDENTIFIER };

/* What the caller of a function passes; or a copy to make at the end. */
typedef struct emit_argument {
    uint32_t node; /* on the tape, for its shape */
    uint32_t value; /* of an output: its node as it is rewritten; else WEFT_NO_ID */
    uint32_t storage;
    uint8_t dtype;
    bool read, written;
    bool copied; /* an output whose value lies in the array of another one */
    char name[EMIT_NAME];
} emit_argument;

typedef struct emission {
    weft_emit_function *function;
    weft_tape *tape;
    uint32_t given; /* nodes that were on the tape before this emission: they keep the names that they have */
    weft_node *rewritten; /* (n_outputs) */
    weft_program *program;
    emit_argument *arguments; /* inputs and parameters, then outputs */
    size_t n_arguments, arguments_allocated;
    char (*name)[EMIT_NAME];  /* (n_storages) */
    uint8_t *dtype;           /* (n_storages) */
} emission;

/* Finds out the arguments, and names them and every storage of the program: each name once in a function. The instructions of the program then
 * bear the names of their arrays, and so do new nodes without a name, for the formulas. False: out of memory. */
bool weft__emit_names(emission *e);

void weft__emit_function_text(c_text *out, const emission *e, const emission *all, size_t n);
void weft__emit_signature(c_text *out, const emission *e, bool declared); /* declared: as in the .h, without restrict, which C++ does not know */
void weft__emit_formulas(c_text *out, const emission *e); /* each named node that the outputs need, in terms of others: lines of a comment */
void weft__emit_shape(c_text *out, const emission *e, uint32_t node); /* "(4096, 1024)" */
void weft__emit_comment(c_text *out, const char *text); /* inside one */
void weft__emit_macro(c_text *out, const char *name); /* in capitals */

#endif

/* engine.h: the engine as the page calls it. One session at a time: arrays by name, options, then a question in text, answered by a JSON document.
 *
 * The first error of a session stays, and is the answer to its question: {"schema":1,"error":{"status":"...","message":"..."}}. Whatever text and
 * numbers come in, there is an answer; memory and work are bounded, and what goes beyond them is refused before it is begun.
 *
 * In the module functions go by these names without "engine_"; strings end in a NUL, pointers are offsets into its memory, whose views are to be made
 * anew after each call, as it may have grown. */
#ifndef WEFT_DEMOS_EXPLORER_ENGINE_H
#define WEFT_DEMOS_EXPLORER_ENGINE_H

#include <stdint.h>

enum {
    ENGINE_MOST_INPUTS = 32,
    ENGINE_MOST_ELEMENTS = 1 << 20, /* of one array */
    ENGINE_MOST_NODES = 1 << 14,    /* of an expression */
    ENGINE_MOST_MEMORY = 1 << 28,   /* bytes, of arrays and all that is recorded and compiled */
    ENGINE_MOST_NAME = 64,
    ENGINE_MOST_WORK = 500000000    /* additions, or what takes as long: a second or two in a browser */
};

void *engine_allocate(uint32_t bytes); /* room for what is passed in, aligned to 8; NULL: there is none */
void engine_release(void *memory);

/* Forgets arrays, options and the error. */
void engine_begin(void);

/* An array: dtype of weft_dtype, dim (rank), data in C order, which is copied. */
void engine_input(const char *name, uint32_t dtype, uint32_t rank, const uint32_t *dim, const void *data);

/* That of the result; without it 1, for each element. */
void engine_cotangent(uint32_t dtype, uint32_t rank, const uint32_t *dim, const void *data);

/* wrt, through: names separated by commas, of arrays or of what the expression assigns. elements: as most_elements of weft_trace(). check, program, derivation:
 * "no" leaves that part out. */
void engine_option(const char *name, const char *value);

/* The document of weft_trace(), as `weft trace` prints it. Its check is left out where it would take too long. */
const char *engine_trace(const char *expression);

/* Is the text the gradient of the expression with respect to `name`? It may use the arrays, y, its cotangent dy, and what the expression assigns.
 *     {"schema":1,"kind":"weft judgement","expression","wrt","claimed",
 *      "diagnosis":{"verdict":"right|wrong|empty","message","findings":[{"words","node","operand"}],"matching","tried","max_abs","worst","value","expected"},
 *      "proof":{"verdict":"proved|refuted|not proved","message","points","false_equal"}}
 * proof is absent where the shapes differ. Fields as `weft check --json` and `weft prove --json` have them. */
const char *engine_judge(const char *expression, const char *name, const char *claimed);

/* The text against central differences of the loss, in a sweep of steps: {"schema":1,"kind":"weft check","check":{"sweep":[{"h","error"}],"error",
 * "verdict","message"}}, as the check of a trace. The text may be the name of an array: a gradient given by its numbers. */
const char *engine_check(const char *expression, const char *name, const char *claimed);

/* {"schema":1,"kind":"weft presets","presets":[{"name","title","teaches","expression","inputs":{"h":{"shape","values"}},"wrt":[..],"through":[..],
 * "cotangent":{"shape","values"}}]}: the examples of demos/presets.c. cotangent is absent where the
 * result is one number. */
const char *engine_presets(void);

/* {"schema":1,"kind":"weft array","array":{"shape","values"}}: an array as people type it, "[[1, 2], [3, 4]]", or a number. */
const char *engine_array(const char *text);

/* {"schema":1,"kind":"weft functions","functions":[{"name","signature"}]}: what an expression may call. An op that is called as its formula says has
 * no signature of its own. */
const char *engine_functions(void);

/* Bytes of the latest document. */
uint32_t engine_length(void);

#endif

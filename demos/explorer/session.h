/* session.h: what the questions of engine.c share: arrays and options by name, the expression, and the answer, which is the first error where there is one. */
#ifndef WEFT_DEMOS_EXPLORER_SESSION_H
#define WEFT_DEMOS_EXPLORER_SESSION_H

#include "document.h"
#include "engine.h"

enum { SESSION_ASKED = 32 /* names of one option, at most */ };

typedef struct input {
    char name[ENGINE_MOST_NAME];
    weft_node node;
    void *data;
    size_t bytes;
} input;

typedef struct session {
    size_t used; /* bytes, of what the tape and its programs hold */
    weft_tape *tape;
    input inputs[ENGINE_MOST_INPUTS], cotangent; /* the cotangent's data is NULL where none is given; its node is recorded behind the expression */
    size_t n_inputs;
    weft_dtype cotangent_dtype;
    weft_shape cotangent_shape;
    char *wrt, *through; /* names; NULL: none are given */
    size_t most_elements;
    bool no_check, no_program, no_derivation;
    weft_status status; /* the first error, and its words */
    char message[WEFT_MESSAGE_SIZE];
    document answer;
    size_t length; /* of the latest answer */
} session;

extern session session_now;

/* Each of these is false after an error, which stays. */
bool session_fail(weft_status status, const char *message);
bool session_fail_of_tape(void);

/* The expression as a node, if it makes no array that is too large and can be run so many times. A result without a name gets one. */
bool session_expression(const char *text, double runs, weft_node *y);
bool session_parse(const char *text, const weft_binding_name *names, size_t n, double runs, weft_node *y);

/* An array, or the last node that was assigned that name. */
bool session_find(const char *name, size_t length, weft_node *x);
bool session_find_all(const char *names, weft_node x[SESSION_ASKED], size_t *n); /* each once; names: NULL for none */

/* The cotangent that was given, or for a result of several elements ones; for one element tape NULL. */
bool session_cotangent(weft_node y, weft_node *dy);

bool session_same_shape(const weft_shape *a, const weft_shape *b);

size_t session_bindings(weft_binding bind[ENGINE_MOST_INPUTS + 1]); /* how many */

/* A document begins: its first keys. And its end: what was written, or the error. */
document *session_answer(const char *kind);
const char *session_answered(void);

#endif

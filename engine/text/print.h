/* print.h: what the printers of the tape share: text to a writer, a check of what they are given, and the parts of a line. */
#ifndef WEFT_TEXT_PRINT_H
#define WEFT_TEXT_PRINT_H

#include "engine/record/needed.h"

/* Remembers the writer's first refusal and does not call it again. */
typedef struct weft__printer {
    weft_writer writer;
    bool failed;
} weft__printer;

void weft__print(weft__printer *out, const char *text, size_t bytes);
void weft__printf(weft__printer *out, const char *format, ...); /* of bounded length: no names in it */
void weft__print_name(weft__printer *out, const char *name);    /* control characters as '?', so that it stays on its line */
void weft__print_number(weft__printer *out, double value);      /* %g with a decimal point in every locale */

static inline bool weft__has_name(const weft__node *node)
{
    return node->name && *node->name;
}

/* Checks what every printer is given: WEFT_OK, the tape's error, or WEFT_ERROR_ARGUMENT. */
weft_status weft__check_outputs(weft_writer writer, const weft_node *outputs, size_t n);

/* " axes=0,2 keepdims" of a reduction, " [1:3]" of an op that has words for them, " 0.5" of a constant of one element, " output=1" of a part; nothing
 * for the rest. */
void weft__print_attributes(weft__printer *out, weft_node x);

/* What the op's words() say, as they stand in an expression, or in_line: as the end of a line. x: the shape of operand 0. */
void weft__print_words(weft__printer *out, const weft__node *node, const weft_shape *x, bool in_line);
bool weft__print_constant(weft__printer *out, const weft__node *node); /* its one element; false and nothing when it has not one */
bool weft__is_negative(const weft__node *node);                        /* a constant of one element that prints with a sign */

/* What nodes are called in an expression; NULL: it is written out, and a leaf shown as its number or its id. A label may be a number, of any sign. */
typedef struct weft__labels {
    const char *(*of)(void *context, uint32_t id);
    void *context;
    bool covered; /* what is printed meets an array of its full shape, as a factor of an adjoint does: so no broadcast in it needs saying */
} weft__labels;

/* As weft_print_expression(): x written out over what has a label. */
weft_status weft__print_labelled(weft_writer writer, weft_node x, const weft__labels *labels);

/* The same as it stands within another: by its own label where it has one, without what only broadcasts it. */
weft_status weft__print_operand(weft_writer writer, weft_node x, const weft__labels *labels);

#endif

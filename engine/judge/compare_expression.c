/* compare_expression.c: a side of a comparison that is written as text. */
#include "engine/judge/compare.h"

#include <string.h>

enum { NAMES = WEFT_MOST_INPUTS + 2 };

/* The node of a text; what is wrong becomes the tape's error, on one line. */
static weft_node read_text(const char *text, const weft_binding_name *names, size_t n)
{
    weft_node node = {.tape = NULL};
    char message[WEFT_MESSAGE_SIZE] = "";
    weft_tape *tape = names[0].node.tape;
    weft_status status = weft_parse(tape, text, names, n, &node, message);
    message[strcspn(message, "\n")] = 0;
    if (status != WEFT_OK && weft_tape_status(tape) == WEFT_OK)
        return weft_fail(weft_node_op(names[0].node), &names[0].node, 1, status, "%s", message);
    return node;
}

static size_t name_inputs(const weft_expression_side *e, const weft_node *x, weft_binding_name *names)
{
    for (size_t i = 0; i < e->n; i++)
        names[i] = (weft_binding_name){e->inputs[i].name, x[i]};
    return e->n;
}

static weft_node value_of(void *context, const weft_node *x)
{
    const weft_expression_side *e = context;
    weft_binding_name names[NAMES];
    return e->n ? read_text(e->value, names, name_inputs(e, x, names)) : (weft_node){.tape = NULL};
}

static void gradient_of(void *context, const weft_node *x, weft_node dy, weft_node *dx)
{
    const weft_expression_side *e = context;
    weft_binding_name names[NAMES];
    size_t n = name_inputs(e, x, names);
    names[n++] = (weft_binding_name){"dy", dy};
    names[n++] = (weft_binding_name){"y", value_of(context, x)};
    for (size_t i = 0; i < e->n; i++)
        if (e->gradient[i])
            dx[i] = read_text(e->gradient[i], names, n);
}

weft_side weft_side_of_expression(const weft_expression_side *expression)
{
    union {
        const void *given;
        void *context;
    } kept = {.given = expression}; /* it is only read */
    return (weft_side){expression->name, value_of, expression->gradient ? gradient_of : NULL, kept.context};
}

/* status.c: errors in words. A message names the op, its operands with names, shapes and scope, the rule broken and the cure. */
#include "engine/record/tape.h"

#include <stdarg.h>
#include <stdio.h>

const char *weft_status_text(weft_status status)
{
    switch (status) {
    case WEFT_OK:
        return "no error";
    case WEFT_ERROR_MEMORY:
        return "out of memory";
    case WEFT_ERROR_ARGUMENT:
        return "bad argument";
    case WEFT_ERROR_SHAPE:
        return "shapes do not fit";
    case WEFT_ERROR_DTYPE:
        return "number types do not fit";
    case WEFT_ERROR_GRADIENT:
        return "no derivative";
    case WEFT_ERROR_UNBOUND:
        return "unbound input";
    case WEFT_ERROR_INDEX:
        return "index out of range";
    case WEFT_ERROR_FILE:
        return "file error";
    case WEFT_ERROR_FORMAT:
        return "malformed file";
    case WEFT_ERROR_COMPILER:
        return "no compiled code";
    case WEFT_ERROR_SYNTAX:
        return "malformed expression";
    }
    return "unknown status";
}

weft_status weft__tape_fail(weft_tape *tape, weft_status status, const char *format, ...)
{
    if (!tape)
        return WEFT_ERROR_MEMORY;
    if (tape->status != WEFT_OK)
        return tape->status;
    tape->status = status;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(tape->message, sizeof tape->message, format, arguments);
    va_end(arguments);
    return status;
}

weft_status weft_typing_error(weft_typing *typing, weft_status status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(typing->hint, sizeof typing->hint, format, arguments);
    va_end(arguments);
    return status;
}

static size_t print_operand(weft_node x, char *text, size_t size)
{
    const weft__node *node = weft__look(x);
    if (!node)
        return (size_t)snprintf(text, size, "(no node)");
    char shape[128];
    weft__shape_print(&node->shape->dims, shape, sizeof shape);
    const char *dtype = node->dtype == WEFT_I64 ? " i64" : "";
    if (node->name)
        return (size_t)snprintf(text, size, "\"%.40s\" %s%s", node->name, shape, dtype);
    return (size_t)snprintf(text, size, "%%%u %s%s", x.id, shape, dtype);
}

weft_node weft_fail(const weft_op *op, const weft_node *x, int n, weft_status status, const char *format, ...)
{
    weft_tape *tape = NULL;
    for (int i = 0; i < n && !tape; i++)
        tape = x[i].tape;
    if (!tape || tape->status != WEFT_OK)
        return weft__failed(tape);

    char text[WEFT_MESSAGE_SIZE];
    size_t used = 0;
    if (tape->scope)
        used += (size_t)snprintf(text, sizeof text, "%.80s: ", tape->scope->path);
    used += (size_t)snprintf(text + used, sizeof text - used, "%s", op ? op->name : "node");
    for (int i = 0; i < n && i < 4 && used < sizeof text; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, i ? " x " : " ");
        if (used < sizeof text)
            used += print_operand(x[i], text + used, sizeof text - used);
    }
    if (used < sizeof text)
        used += (size_t)snprintf(text + used, sizeof text - used, ": ");
    if (used < sizeof text) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(text + used, sizeof text - used, format, arguments);
        va_end(arguments);
    }
    weft__tape_fail(tape, status, "%s", text);
    return weft__failed(tape);
}

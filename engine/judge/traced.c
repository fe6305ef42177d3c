/* traced.c: see traced.h. */
#include "engine/judge/traced.h"

#include <stdarg.h>
#include <stdio.h>

weft_program *weft__traced_run(const char *who, const weft_node *nodes, size_t n, const weft_binding *bind, size_t n_bind)
{
    weft_tape *tape = nodes[0].tape;
    const weft_options as_recorded = {.rewriting = WEFT_REWRITE_NONE};
    weft_program *program = weft_compile_with(nodes, n, &as_recorded);
    weft_status status = weft_program_status(program);
    for (size_t i = 0; i < n_bind && status == WEFT_OK; i++) {
        const weft_op *op = weft_node_op(bind[i].node);
        if (!op) {
            weft__tape_fail(tape, WEFT_ERROR_ARGUMENT, "%s: binding %zu is no node", who, i);
            weft_program_free(program);
            return NULL;
        }
        status = op->kind == WEFT_PARAMETER ? weft_parameter_write(program, bind[i].node, bind[i].data, bind[i].bytes)
                                            : weft_bind(program, bind[i].node, bind[i].data, bind[i].bytes);
    }
    if (status == WEFT_OK)
        status = weft_run(program);
    if (status == WEFT_OK)
        return program;
    weft__tape_fail(tape, status, "%s: %.400s", who, weft_program_message(program));
    weft_program_free(program);
    return NULL;
}

/* --- words --- */

void weft__say(weft__words *words, const char *format, ...)
{
    if (words->used >= words->size)
        return;
    va_list arguments;
    va_start(arguments, format);
    words->used += (size_t)vsnprintf(words->text + words->used, words->size - words->used, format, arguments);
    va_end(arguments);
}

void weft__say_node(weft__words *words, weft_node x)
{
    const weft__node *node = weft__look(x);
    if (!node)
        return;
    weft__say(words, "%%%u %s", x.id, node->op->name);
    if (node->name)
        weft__say(words, " \"%.40s\"", node->name);
    if (node->scope)
        weft__say(words, " in %.60s", node->scope);
}

void weft__say_element(weft__words *words, weft_node x, size_t element)
{
    weft_shape shape = weft_node_shape(x);
    size_t stride = weft_shape_count(&shape);
    for (int i = 0; i < shape.rank && stride; i++) {
        stride /= shape.dim[i];
        weft__say(words, "%s%zu", i ? ", " : "[", element / stride % shape.dim[i]);
    }
    if (shape.rank)
        weft__say(words, "]");
}

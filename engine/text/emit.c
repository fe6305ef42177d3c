/* emit.c: functions as one .c and one .h. Each is rewritten and lowered to a program that is only printed. The text is made whole in memory, so
 * that nothing is written when something is refused. */
#include "engine/text/emit.h"
#include "engine/record/staged.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { LONGEST_NAME = 60 };

static weft_status refuse(char *message, weft_status status, const char *what, const char *name)
{
    if (message)
        snprintf(message, WEFT_MESSAGE_SIZE, "emit: %.300s%.100s", what, name);
    return status;
}

static weft_status no_memory(char *message)
{
    return refuse(message, WEFT_ERROR_MEMORY, "out of memory", "");
}

static bool is_identifier(const char *name)
{
    if (!name || !isalpha((unsigned char)*name) || strlen(name) > LONGEST_NAME || weft__c_reserved(name))
        return false;
    for (; *name; name++)
        if (!isalnum((unsigned char)*name) && *name != '_')
            return false;
    return true;
}

static weft_status check(const weft_emit_function *functions, size_t n, const char *header, weft_tape **tape, char *message)
{
    *tape = NULL;
    if (!functions || !n || !header || !*header || strpbrk(header, "\"\\\n"))
        return refuse(message, WEFT_ERROR_ARGUMENT, "there must be functions, and a header to name in the .c", "");
    for (size_t i = 0; i < n; i++) {
        const weft_emit_function *f = &functions[i];
        if (!is_identifier(f->name))
            return refuse(message, WEFT_ERROR_ARGUMENT, "a function must be named by a C identifier of at most 60 characters, not ",
                          f->name ? f->name : "NULL");
        for (size_t k = 0; k < i; k++)
            if (!strcmp(f->name, functions[k].name))
                return refuse(message, WEFT_ERROR_ARGUMENT, "two functions are named ", f->name);
        if (!f->outputs || !f->n_outputs)
            return refuse(message, WEFT_ERROR_ARGUMENT, "no outputs are given for ", f->name);
        *tape = *tape ? *tape : f->outputs[0].tape;
        for (size_t k = 0; k < f->n_outputs; k++) {
            if (weft_tape_status(f->outputs[k].tape) != WEFT_OK)
                return refuse(message, weft_tape_status(f->outputs[k].tape), weft_tape_message(f->outputs[k].tape), "");
            if (!weft__look(f->outputs[k]) || f->outputs[k].tape != *tape)
                return refuse(message, WEFT_ERROR_ARGUMENT, "an output is no node, was rewound, or is on another tape than the first, in ", f->name);
        }
    }
    return WEFT_OK;
}

/* --- from outputs to programs --- */

static weft_status check_steps(const weft_program *p, char *message)
{
    for (size_t i = 0; i < p->n_steps; i++) {
        const loop *l = p->steps[i].loop;
        const weft_op *op = l ? weft__c_missing(l) : p->steps[i].op;
        if (op)
            return refuse(message, WEFT_ERROR_ARGUMENT,
                          l ? "there is no C text of the op " : "a kernel cannot be written out as C, that of the op ", op->name);
        if (!l->count)
            return refuse(message, WEFT_ERROR_ARGUMENT, "an array is empty", "");
    }
    return WEFT_OK;
}

static weft_status lower(emission *e, weft_tape *tape, uint32_t given, weft_rewriting rewriting, char *message)
{
    weft_emit_function *f = e->function;
    e->tape = tape;
    e->given = given;
    e->rewritten = weft__allocate(&tape->allocator, f->n_outputs * sizeof *e->rewritten);
    if (!e->rewritten)
        return no_memory(message);
    weft_status status = weft__expand_fused(tape, f->outputs, f->n_outputs, e->rewritten);
    if (status == WEFT_OK && rewriting != WEFT_REWRITE_NONE)
        status = weft_rewrite(e->rewritten, f->n_outputs, rewriting, NULL, NULL, e->rewritten);
    if (status != WEFT_OK)
        return refuse(message, status, tape->status == WEFT_OK ? weft_status_text(status) : tape->message, "");
    e->program = weft__compile_to_print(e->rewritten, f->n_outputs);
    if (weft_program_status(e->program) != WEFT_OK)
        return refuse(message, weft_program_status(e->program), weft_program_message(e->program), "");
    if ((status = check_steps(e->program, message)) != WEFT_OK)
        return status;
    if (!weft__emit_names(e))
        return no_memory(message);
    f->workspace = e->program->sizes.peak;
    f->traffic = e->program->traffic;
    f->stack = 0;
    for (size_t i = 0; i < e->program->n_steps; i++) {
        size_t stack = weft__c_stack(e->program->steps[i].loop);
        f->stack = stack > f->stack ? stack : f->stack;
    }
    return WEFT_OK;
}

static void emission_free(emission *e)
{
    if (e->program)
        weft__release(&e->program->allocator, e->arguments, e->arguments_allocated * sizeof *e->arguments);
    if (e->rewritten)
        weft__release(&e->tape->allocator, e->rewritten, e->function->n_outputs * sizeof *e->rewritten);
    weft_program_free(e->program);
}

/* --- the .h --- */

static void put_arguments(c_text *out, const emission *e)
{
    for (size_t i = 0; i < e->n_arguments; i++) {
        const emit_argument *a = &e->arguments[i];
        weft__c_put(out, " *     %s: %s ", a->name, weft__c_type(a->dtype));
        weft__emit_shape(out, e, a->node);
        weft__c_put(out, ", %s\n", !a->written ? "read" : a->read ? "read, and at the end written" : "written");
    }
    weft__c_put(out, " *     workspace: ");
    if (e->function->workspace) {
        weft__emit_macro(out, e->function->name);
        weft__c_put(out, "_WORKSPACE bytes, aligned to 8\n");
    } else {
        weft__c_put(out, "not used, may be NULL\n");
    }
}

static void put_declaration(c_text *out, const emission *e)
{
    const weft_emit_function *f = e->function;
    weft__c_put(out, "/* ");
    weft__emit_comment(out, f->comment && *f->comment ? f->comment : f->name);
    weft__c_put(out, "\n");
    weft__emit_formulas(out, e);
    weft__c_put(out, " *\n");
    put_arguments(out, e);
    const char *plural = f->traffic.passes == 1 ? "" : "s";
    weft__c_put(out, " * It walks %zu time%s over arrays of the largest size, ", f->traffic.passes, plural);
    weft__c_put(out, "reads %zu bytes and writes %zu. On the stack: %zu bytes of arrays. */\n", f->traffic.bytes_read,
                f->traffic.bytes_written, f->stack);
    weft__c_put(out, "#define ");
    weft__emit_macro(out, f->name);
    weft__c_put(out, "_WORKSPACE %zu\n", f->workspace);
    weft__emit_signature(out, e, true);
    weft__c_put(out, ";\n\n");
}

static void put_header(c_text *out, const emission *all, size_t n, const char *header)
{
    bool integers = false;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < all[i].n_arguments; k++)
            integers |= all[i].arguments[k].dtype == WEFT_I64;
    weft__c_put(out, "/* %s: written by Weft. C99; arrays are in C order, the last axis contiguous, aligned to their elements,\n"
                     " * and must not overlap. Sums are made in double, whatever the arrays hold. Nothing is kept between calls. */\n#ifndef ",
                header);
    weft__emit_macro(out, header);
    weft__c_put(out, "\n#define ");
    weft__emit_macro(out, header);
    weft__c_put(out, "\n\n%s#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n", integers ? "#include <stdint.h>\n\n" : "");
    for (size_t i = 0; i < n; i++)
        put_declaration(out, &all[i]);
    weft__c_put(out, "#ifdef __cplusplus\n}\n#endif\n\n#endif\n");
}

static void put_source(c_text *out, const emission *all, const weft_program *const *programs, size_t n, const char *header)
{
    weft__c_put(out, "/* Written by Weft; %s says how to call it. A loop's comment tells what it computes; many rows are added up in\n"
                     " * blocks, and in lanes side by side, so that sums are accurate and compilers can use vectors. */\n", header);
    weft__c_put(out, "#include \"%s\"\n\n", header);
    weft__c_prelude(out, programs, n, false);
    for (size_t i = 0; i < n; i++) {
        weft__c_put(out, "%s", i ? "\n" : "");
        weft__emit_function_text(out, &all[i], all, n);
    }
}

/* --- both --- */

static weft_status write_text(weft_writer writer, const c_text *text, char *message)
{
    if (text->failed)
        return no_memory(message);
    return writer.write(writer.context, text->text, text->length) ? WEFT_OK : refuse(message, WEFT_ERROR_FILE, "the text could not be written", "");
}

static weft_status emit_all(weft_writer c, weft_writer h, emission *all, const weft_program **programs, size_t n, const char *header, char *message)
{
    for (size_t i = 0; i < n; i++)
        programs[i] = all[i].program;
    c_text source = {.allocator = programs[0]->allocator}, declared = source;
    put_source(&source, all, programs, n, header);
    put_header(&declared, all, n, header);
    weft_status status = source.failed || declared.failed ? no_memory(message) : write_text(c, &source, message);
    if (status == WEFT_OK)
        status = write_text(h, &declared, message);
    weft__c_free(&source);
    weft__c_free(&declared);
    return status;
}

weft_status weft_emit_c(weft_writer c, weft_writer h, weft_emit_function *functions, size_t n, const char *header, weft_rewriting rewriting,
                        char *message)
{
    weft_tape *tape;
    weft_status status = check(functions, n, header, &tape, message);
    if (status == WEFT_OK && (!c.write || !h.write))
        status = refuse(message, WEFT_ERROR_ARGUMENT, "a writer is NULL", "");
    if (status != WEFT_OK)
        return status;
    weft_mark mark = weft_tape_mark(tape);
    emission *all = weft__allocate(&tape->allocator, n * sizeof *all);
    const weft_program **programs = weft__allocate(&tape->allocator, n * sizeof *programs);
    if (all)
        memset(all, 0, n * sizeof *all);
    status = all && programs ? WEFT_OK : no_memory(message);
    for (size_t i = 0; i < n && status == WEFT_OK; i++) {
        all[i].function = &functions[i];
        status = lower(&all[i], tape, mark.count, rewriting, message);
    }
    if (status == WEFT_OK)
        status = emit_all(c, h, all, programs, n, header, message);
    for (size_t i = 0; all && i < n; i++)
        if (all[i].function)
            emission_free(&all[i]);
    weft__release(&tape->allocator, all, n * sizeof *all);
    weft__release(&tape->allocator, programs, n * sizeof *programs);
    weft_tape_rewind(tape, mark);
    return status;
}

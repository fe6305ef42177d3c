/* c_compile.c: one C file for all loops of a program. Each loop is a function of arrays; around it goes one that takes them from the program's
 * storages and knows where the parts begin, so that its caller needs to know nothing. Calls of kernels stay what they are. */
#include "engine/run/c_compile.h"
#include "engine/run/c_text.h"

#include <stdio.h>

enum { FUNCTION_NAME = 40 };

/* What weft_run() calls: loop_N with the program's storages, for one part. */
static void put_entry(c_text *out, const weft_program *program, const loop *l, size_t number)
{
    size_t extent = l->extent[l->split];
    weft__c_put(out, "void weft_loop_%zu(void *const *base, size_t part);\nvoid weft_loop_%zu(void *const *base, size_t part)\n{\n", number, number);
    weft__c_put(out, "    const size_t begin = part * %zu, end = %zu - begin < %zu ? %zu : begin + %zu;\n", l->step, extent, l->step, extent, l->step);
    weft__c_put(out, "    loop_%zu(%s", number, weft__c_by_base(program, l) ? "base, " : "");
    for (int i = weft__c_by_base(program, l) ? l->length : weft__c_parameter(program, l, 0); i < l->length; i = weft__c_parameter(program, l, i + 1)) {
        const instruction *b = &l->body[i];
        if (b->action == ACTION_FOLD && b->partial != NO_STORAGE)
            weft__c_put(out, "(double *)base[%u] + part * %zu, ", (unsigned)b->partial, weft__fold_kept(l, b));
        else
            weft__c_put(out, "base[%u], ", (unsigned)b->storage);
    }
    weft__c_put(out, "begin, end);\n}\n\n");
}

bool weft__c_compiles(const loop *l)
{
    return l->count && !weft__c_missing(l);
}

static bool is_printed(const step *s)
{
    return s->loop && weft__c_compiles(s->loop);
}

static bool attach(weft_program *program)
{
    for (size_t i = 0; i < program->n_steps; i++) {
        step *s = &program->steps[i];
        char name[FUNCTION_NAME];
        snprintf(name, sizeof name, "weft_loop_%zu", i);
        if (is_printed(s) && !(s->compiled = weft__c_find(program->library, name)))
            return false;
    }
    return true;
}

weft_status weft__c_compile(weft_program *program, const weft_options *options)
{
    c_text out = {.allocator = program->allocator};
    size_t printed = 0;
    weft__c_prelude(&out, &(const weft_program *){program}, 1, true);
    for (size_t i = 0; i < program->n_steps; i++) {
        char name[FUNCTION_NAME];
        if (!is_printed(&program->steps[i]))
            continue;
        snprintf(name, sizeof name, "loop_%zu", i);
        weft__c_loop(&out, program, program->steps[i].loop, name, true);
        put_entry(&out, program, program->steps[i].loop, i);
        printed++;
    }
    char message[WEFT_MESSAGE_SIZE] = "";
    weft_status status = out.failed ? WEFT_ERROR_MEMORY : WEFT_OK;
    bool no_memory = false;
    if (status == WEFT_OK && printed)
        program->library = weft__c_load(&program->allocator, out.text, out.length, options, message, &no_memory);
    if (status == WEFT_OK && printed && !program->library)
        status = no_memory ? WEFT_ERROR_MEMORY : WEFT_ERROR_COMPILER;
    if (status == WEFT_OK && !attach(program)) {
        status = WEFT_ERROR_COMPILER;
        snprintf(message, sizeof message, "a function is missing in what the compiler made");
    }
    weft__c_free(&out);
    if (status == WEFT_ERROR_COMPILER)
        weft__program_fail(program, status, "%.400s; the program runs all the same, on the tile interpreter", message);
    else if (status != WEFT_OK)
        weft__program_fail(program, status, "out of memory");
    return status;
}

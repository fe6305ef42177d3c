/* emit_source.c: one function as C: a static function for each loop, and the function itself, which calls them in order. Arrays between loops
 * lie in the workspace where the plan has put them, so several may share bytes, at different times. */
#include "engine/text/emit.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { NUMBERS_A_LINE = 8 };

void weft__emit_shape(c_text *out, const emission *e, uint32_t node)
{
    char text[192];
    weft__c_put(out, "%s", weft__shape_print(&weft__at(e->tape, node)->shape->dims, text, sizeof text));
}

void weft__emit_macro(c_text *out, const char *name)
{
    for (; *name; name++)
        weft__c_put(out, "%c", isalnum((unsigned char)*name) ? toupper((unsigned char)*name) : '_');
}

/* --- formulas --- */

/* A writer of text into a comment, which it neither ends nor opens again. */
static bool put_comment_text(void *out, const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        char next = i + 1 < bytes ? text[i + 1] : ' ';
        bool mark = (text[i] == '*' && next == '/') || (text[i] == '/' && next == '*');
        weft__c_put(out, mark ? "%c " : "%c", (unsigned char)text[i] < ' ' ? '?' : text[i]);
    }
    return true;
}

void weft__emit_comment(c_text *out, const char *text)
{
    put_comment_text(out, text, strlen(text));
}

void weft__emit_formulas(c_text *out, const emission *e)
{
    enum { MOST_FORMULAS = 64 };
    int written = 0;
    weft__needed needed;
    if (weft__needed_find(&needed, e->rewritten, e->function->n_outputs) != WEFT_OK) {
        out->failed = true;
        return;
    }
    weft_writer writer = {put_comment_text, out};
    for (uint32_t id = 0; id < needed.end && written <= MOST_FORMULAS; id++) {
        const weft__node *node = weft__at(e->tape, id);
        if (!weft__is_needed(&needed, id) || !weft__has_name(node) || !node->n)
            continue;
        if (written++ == MOST_FORMULAS) {
            weft__c_put(out, " *     ...\n");
            break;
        }
        weft__c_put(out, " *     ");
        weft__emit_comment(out, node->name);
        weft__c_put(out, " = ");
        weft_print_expression(writer, weft__handle(needed.tape, id));
        weft__c_put(out, "\n");
    }
    for (size_t i = 0; i < e->n_arguments; i++) {
        const emit_argument *a = &e->arguments[i];
        if (a->value == WEFT_NO_ID)
            continue;
        const weft__node *node = weft__at(e->tape, a->value);
        bool named = weft__has_name(node);
        if (named && !strcmp(node->name, a->name))
            continue;
        weft__c_put(out, " *     %s = ", a->name);
        if (named)
            weft__emit_comment(out, node->name);
        else
            weft_print_expression(writer, weft__handle(needed.tape, a->value));
        weft__c_put(out, "\n");
    }
    weft__needed_free(&needed);
}

/* --- constants --- */

static void put_constant(c_text *out, const emission *e, size_t at)
{
    const storage *s = &e->program->storages[at];
    size_t n = s->bytes / weft_dtype_size((weft_dtype)e->dtype[at]);
    weft__c_put(out, "static const %s %s_%s[%zu] = {", weft__c_type(e->dtype[at]), e->function->name, e->name[at], n);
    for (size_t i = 0; i < n; i++) {
        weft__c_put(out, i % NUMBERS_A_LINE ? " " : "\n    ");
        if (e->dtype[at] == WEFT_I64)
            weft__c_put(out, "INT64_C(%" PRId64 ")", ((const int64_t *)s->data)[i]);
        else
            weft__c_number(out, e->dtype[at] == WEFT_F32 ? (double)((const float *)s->data)[i] : ((const double *)s->data)[i], e->dtype[at]);
        weft__c_put(out, ",");
    }
    weft__c_put(out, "\n};\n\n");
}

/* --- loops --- */

/* The array that a loop writes last: it is named after it. */
static uint32_t result_of(const loop *l)
{
    uint32_t result = NO_STORAGE;
    for (int i = 0; i < l->length; i++)
        if (l->body[i].action == ACTION_STORE || l->body[i].action == ACTION_FOLD)
            result = l->body[i].storage;
    return result;
}

/* "NAME_mu", which computes mu: no other loop writes it. "_loop" follows where that is the name of a function. */
static void loop_name(const emission *e, const emission *all, size_t n, const loop *l, char *to, size_t bytes)
{
    snprintf(to, bytes, "%s_%s", e->function->name, e->name[result_of(l)]);
    for (size_t k = 0; k < n; k++)
        if (!strcmp(all[k].function->name, to))
            snprintf(to, bytes, "%s_%s_loop", e->function->name, e->name[result_of(l)]);
}

/* True when a store writes what instruction i computes: then the store is what a comment speaks of. */
static bool is_stored(const loop *l, int i)
{
    for (int k = i + 1; k < l->length; k++)
        if (l->body[k].action == ACTION_STORE && l->body[k].node == l->body[i].node)
            return true;
    return false;
}

/* What it computes, in terms of named nodes: those that have a name, and what it writes. */
static void put_loop_comment(c_text *out, const emission *e, const loop *l)
{
    const char *between = "";
    weft_writer writer = {put_comment_text, out};
    weft__c_put(out, "/* Over ");
    for (int d = 0; d < l->rank; d++)
        if (l->extent[d] != 1) {
            weft__c_put(out, "%s%zu", between, l->extent[d]);
            between = " x ";
        }
    weft__c_put(out, "%s:", *between ? "" : "one element");
    for (int i = 0; i < l->length; i++) {
        const instruction *b = &l->body[i], *x = b->action == ACTION_STORE ? &l->body[b->operand[0]] : b;
        while (x->action == ACTION_CONVERT)
            x = &l->body[x->operand[0]];
        bool stored_next = b->action == ACTION_MAP && is_stored(l, i);
        if (b->action == ACTION_LOAD || b->action == ACTION_CONVERT || stored_next || !b->name || !*b->name)
            continue;
        weft__c_put(out, "\n *     ");
        weft__emit_comment(out, b->name);
        weft__c_put(out, " = ");
        if (x->action == ACTION_LOAD && x->stride && !x->offset && e->program->storages[x->storage].kind != STORAGE_CONSTANT)
            weft__c_put(out, "%s", e->name[x->storage]);
        else
            weft_print_expression(writer, weft__handle(e->tape, b->node));
    }
    weft__c_put(out, " */\n");
}

static void put_call(c_text *out, const emission *e, const loop *l, const char *name)
{
    bool first = true;
    weft__c_put(out, "    %s(", name);
    for (int i = weft__c_parameter(e->program, l, 0); i < l->length; i = weft__c_parameter(e->program, l, i + 1), first = false) {
        uint32_t at = l->body[i].storage;
        bool constant = e->program->storages[at].kind == STORAGE_CONSTANT;
        weft__c_put(out, "%s", first ? "" : ",");
        if (!first)
            weft__c_break(out);
        weft__c_put(out, "%s%s%s", constant ? e->function->name : "", constant ? "_" : "", e->name[at]);
    }
    weft__c_put(out, ");\n");
}

/* --- the function --- */

static void put_argument(c_text *out, const emit_argument *a, bool declared)
{
    weft__c_put(out, "%s%s *%s%s", a->written ? "" : "const ", weft__c_type(a->dtype), declared ? "" : "restrict ", a->name);
}

void weft__emit_signature(c_text *out, const emission *e, bool declared)
{
    weft__c_put(out, "void %s(", e->function->name);
    for (size_t i = 0; i < e->n_arguments; i++) {
        put_argument(out, &e->arguments[i], declared);
        weft__c_put(out, ",");
        weft__c_break(out);
    }
    weft__c_put(out, "void *%sworkspace)", declared ? "" : "restrict ");
}

static void put_arrays(c_text *out, const emission *e)
{
    const weft_program *p = e->program;
    if (!p->sizes.peak)
        weft__c_put(out, "    (void)workspace;\n");
    else
        weft__c_put(out, "    unsigned char *const at = workspace;\n");
    for (size_t i = 0; i < p->n_storages; i++) {
        const storage *s = &p->storages[i];
        if (s->kind != STORAGE_BUFFER)
            continue;
        weft__c_put(out, "    %s *const %s = (void *)(at + %zu); /* ", weft__c_type(e->dtype[i]), e->name[i], s->offset);
        weft__emit_shape(out, e, s->node);
        weft__c_put(out, " */\n");
    }
    weft__c_put(out, "\n");
}

static void put_copy(c_text *out, const char *to, const char *from, size_t count)
{
    weft__c_put(out, "    for (size_t k = 0; k < %zu; k++)\n        %s[k] = %s[k];\n", count, to, from);
}

static void put_copies(c_text *out, const emission *e)
{
    const weft_program *p = e->program;
    for (size_t i = 0; i < e->n_arguments; i++) {
        const emit_argument *a = &e->arguments[i];
        if (a->copied)
            put_copy(out, a->name, e->name[a->storage], weft__at(e->tape, a->node)->shape->count);
    }
    for (size_t i = 0; i < p->n_assignments; i++) {
        const assignment *a = &p->assignments[i];
        put_copy(out, e->name[a->parameter], e->name[a->value], p->storages[a->parameter].bytes / weft_dtype_size((weft_dtype)e->dtype[a->value]));
    }
}

void weft__emit_function_text(c_text *out, const emission *e, const emission *all, size_t n)
{
    const weft_program *p = e->program;
    char name[128];
    weft__c_put(out, "/* --- %s --- */\n\n", e->function->name);
    for (size_t i = 0; i < p->n_storages; i++)
        if (p->storages[i].kind == STORAGE_CONSTANT && e->name[i][0] && p->storages[i].bytes > weft_dtype_size((weft_dtype)e->dtype[i]))
            put_constant(out, e, i);
    for (size_t i = 0; i < p->n_steps; i++) {
        loop_name(e, all, n, p->steps[i].loop, name, sizeof name);
        put_loop_comment(out, e, p->steps[i].loop);
        weft__c_loop(out, p, p->steps[i].loop, name, false);
    }
    weft__emit_signature(out, e, false);
    weft__c_put(out, "\n{\n");
    put_arrays(out, e);
    for (size_t i = 0; i < p->n_steps; i++) {
        loop_name(e, all, n, p->steps[i].loop, name, sizeof name);
        put_call(out, e, p->steps[i].loop, name);
    }
    put_copies(out, e);
    weft__c_put(out, "}\n");
}

/* emit_names.c: what arrays are called in emitted C. A node's own name comes first, arguments before what lies in the workspace; a name that is
 * taken gets "_wide" where it is the f64 twin of an f32 array, or a letter. An array without a name is called after the op that computes it. */
#include "engine/text/emit.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { LETTERS = 26, ROOM = 12 }; /* for what is put behind a name */

/* A name as the beginning of an identifier: letters, digits and underscores. */
static void to_identifier(const char *name, char to[EMIT_NAME])
{
    size_t n = 0;
    for (; name && *name && n < EMIT_NAME - ROOM; name++)
        to[n++] = isalnum((unsigned char)*name) ? *name : '_';
    to[n] = 0;
}

static bool is_free(const emission *e, size_t n_storages, const char *name)
{
    if (!isalpha((unsigned char)name[0]) || weft__c_reserved(name) || !strcmp(name, "workspace"))
        return false;
    for (size_t i = 0; i < e->n_arguments; i++)
        if (!strcmp(e->arguments[i].name, name))
            return false;
    for (size_t i = 0; i < n_storages; i++)
        if (!strcmp(e->name[i], name))
            return false;
    return true;
}

/* n_storages: those that are named already. */
static void choose(const emission *e, size_t n_storages, const char *name, const char *op, bool wide, char to[EMIT_NAME])
{
    char base[EMIT_NAME], tried[EMIT_NAME];
    to_identifier(name, base);
    bool named = isalpha((unsigned char)base[0]);
    if (!named)
        to_identifier(op, base);
    if (!isalpha((unsigned char)base[0]))
        strcpy(base, "v");
    strcpy(tried, base);
    bool found = named && is_free(e, n_storages, tried);
    if (!found && named && wide) {
        snprintf(tried, sizeof tried, "%.*s_wide", EMIT_NAME - ROOM, base);
        found = is_free(e, n_storages, tried);
    }
    for (int letter = named; letter < LETTERS && !found; letter++) {
        snprintf(tried, sizeof tried, "%.*s_%c", EMIT_NAME - ROOM, base, 'a' + letter);
        found = is_free(e, n_storages, tried);
    }
    for (unsigned number = LETTERS; !found; number++) {
        snprintf(tried, sizeof tried, "%.*s_%u_", EMIT_NAME - ROOM, base, number);
        found = is_free(e, n_storages, tried);
    }
    strcpy(to, tried);
}

/* --- arguments --- */

static emit_argument *add_argument(emission *e, const emit_argument *made, const char *name, const char *otherwise)
{
    if (!weft__grow(&e->program->allocator, &e->arguments, &e->arguments_allocated, e->n_arguments + 1, sizeof *made))
        return NULL;
    emit_argument *a = &e->arguments[e->n_arguments];
    *a = *made;
    choose(e, 0, name, otherwise, false, a->name);
    e->n_arguments++;
    return a;
}

static bool add_leaves(emission *e)
{
    const weft_program *p = e->program;
    for (size_t i = 0; i < p->n_leaves; i++) {
        const leaf *l = &p->leaves[i];
        emit_argument made = {.node = l->id, .value = WEFT_NO_ID, .storage = l->storage, .dtype = l->dtype, .read = true};
        for (size_t k = 0; k < p->n_assignments; k++)
            made.written |= p->assignments[k].parameter == l->storage;
        if (l->storage != NO_STORAGE && !add_argument(e, &made, l->name, l->parameter ? "parameter" : "input"))
            return false;
    }
    return true;
}

static bool add_outputs(emission *e)
{
    const weft_emit_function *f = e->function;
    for (size_t k = 0; k < f->n_outputs; k++) {
        const weft__node *node = weft__at(e->tape, f->outputs[k].id);
        const char *own = f->output_names ? f->output_names[k] : NULL;
        emit_argument made = {.node = f->outputs[k].id, .value = e->rewritten[k].id, .storage = e->program->outputs[k], .dtype = node->dtype,
                              .written = true};
        for (size_t i = 0; i < e->n_arguments; i++)
            made.copied |= e->arguments[i].storage == made.storage;
        if (node->op->kind != WEFT_ASSIGN && !add_argument(e, &made, own ? own : node->name, "output"))
            return false;
    }
    return true;
}

/* --- storages --- */

static void name_storage(emission *e, uint32_t at, const char *op)
{
    const storage *s = &e->program->storages[at];
    choose(e, e->program->n_storages, s->name, op, e->dtype[at] == WEFT_F64, e->name[at]);
}

/* The op that computes what a store or a fold writes. */
static const char *op_behind(const loop *l, const instruction *b)
{
    while (b->action == ACTION_STORE || b->action == ACTION_CONVERT)
        b = &l->body[b->operand[0]];
    return b->action == ACTION_LOAD ? "copy" : b->op->name;
}

static void name_instructions(emission *e, const loop *l)
{
    for (int i = 0; i < l->length; i++) {
        instruction *b = (instruction *)(uintptr_t)&l->body[i]; /* the program is this emission's own */
        if (!b->stride)
            continue;
        e->dtype[b->storage] = b->action == ACTION_FOLD ? WEFT_F64 : b->dtype;
        if (!e->name[b->storage][0])
            name_storage(e, b->storage, e->program->storages[b->storage].kind == STORAGE_CONSTANT ? "constant" : op_behind(l, b));
        b->name = e->name[b->storage];
    }
}

bool weft__emit_names(emission *e)
{
    weft_program *p = e->program;
    e->name = weft__arena_take(&p->arena, p->n_storages * sizeof *e->name + 1);
    e->dtype = weft__arena_take(&p->arena, p->n_storages + 1);
    if (!e->name || !e->dtype)
        return false;
    memset(e->name, 0, p->n_storages * sizeof *e->name);
    memset(e->dtype, 0, p->n_storages);
    if (!add_leaves(e) || !add_outputs(e))
        return false;
    for (size_t i = e->n_arguments; i-- > 0;) /* of several with one storage, the first */
        memcpy(e->name[e->arguments[i].storage], e->arguments[i].name, EMIT_NAME);
    for (size_t s = 0; s < p->n_steps; s++)
        name_instructions(e, p->steps[s].loop);
    for (size_t i = 0; i < p->n_storages; i++) {
        uint32_t node = p->storages[i].node;
        if (p->storages[i].kind == STORAGE_BUFFER && node != WEFT_NO_ID && node >= e->given && !weft__has_name(weft__at(e->tape, node)))
            weft_name(weft__handle(e->tape, node), e->name[i]);
    }
    return e->tape->status == WEFT_OK;
}

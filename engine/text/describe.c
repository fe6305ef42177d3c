/* describe.c: a program as text, a few lines a step:
 *     2: loop 4096 x 1024, 9 instructions, 16 parts
 *        computes %5 sub centred, %9 mul hhat, %10 add y
 *        reads    h 16777216, mu 8192
 *        writes   y 16777216
 * Bytes are those that the step visits. An array is called by the name of its node, or by its number. */
#include "engine/run/program.h"
#include "engine/text/print.h"

enum { MOST_LISTED = 24 };

static void print_node(weft__printer *out, const char *name, uint32_t node)
{
    if (name && *name)
        weft__print_name(out, name);
    else
        weft__printf(out, "%%%u", node);
}

/* "4096 x 1024"; dims of one step are left out. */
static void print_extents(weft__printer *out, const loop *l)
{
    const char *between = "";
    for (int d = 0; d < l->rank; d++)
        if (l->extent[d] != 1) {
            weft__printf(out, "%s%zu", between, l->extent[d]);
            between = " x ";
        }
    weft__printf(out, "%s", *between ? "" : "1");
}

/* The nodes that a loop computes: "%4 sum, %9 mul hhat". */
static void print_computed(weft__printer *out, const loop *l)
{
    int listed = 0, more = 0;
    for (int i = 0; i < l->length; i++) {
        const instruction *b = &l->body[i];
        if (b->action != ACTION_MAP && b->action != ACTION_FOLD)
            continue;
        if (listed == MOST_LISTED) {
            more++;
            continue;
        }
        weft__printf(out, "%s%%%u ", listed++ ? ", " : "   computes ", b->node);
        weft__print_name(out, b->op->name);
        if (b->name && *b->name) {
            weft__print(out, " ", 1);
            weft__print_name(out, b->name);
        }
    }
    if (more)
        weft__printf(out, ", and %d more", more);
    if (listed)
        weft__print(out, "\n", 1);
}

static void print_touched(weft__printer *out, const touches *t, bool written)
{
    const weft_program *program = t->program;
    size_t listed = 0, more = 0;
    for (size_t i = 0; i < t->n; i++) {
        const storage *s = &program->storages[t->list[i].storage];
        if (t->list[i].written != written)
            continue;
        if (listed == MOST_LISTED) {
            more++;
            continue;
        }
        weft__printf(out, "%s", listed++ ? ", " : written ? "   writes   " : "   reads    ");
        if (s->kind == STORAGE_CONSTANT)
            weft__printf(out, "a constant");
        else
            print_node(out, s->name, s->node);
        weft__printf(out, " %zu", t->list[i].bytes);
    }
    if (more)
        weft__printf(out, ", and %zu more", more);
    if (listed)
        weft__print(out, "\n", 1);
}

static void print_step(weft__printer *out, const touches *t, const step *s, size_t number)
{
    weft__printf(out, "%zu: ", number);
    if (s->loop) {
        weft__printf(out, "loop ");
        print_extents(out, s->loop);
        weft__printf(out, ", %d instruction%s", s->loop->length, s->loop->length == 1 ? "" : "s");
        if (s->loop->parts > 1)
            weft__printf(out, ", %zu parts", s->loop->parts);
        if (s->together > 1)
            weft__printf(out, ", each in turn with those of the next %u", (unsigned)s->together - 1);
        weft__print(out, "\n", 1);
        print_computed(out, s->loop);
    } else {
        weft__printf(out, "call of ");
        weft__print_name(out, s->op->name);
        weft__print(out, "\n", 1);
    }
    print_touched(out, t, false);
    print_touched(out, t, true);
}

static void print_assignments(weft__printer *out, const weft_program *program)
{
    for (size_t i = 0; i < program->n_assignments; i++) {
        const storage *to = &program->storages[program->assignments[i].parameter], *from = &program->storages[program->assignments[i].value];
        weft__printf(out, "at the end: ");
        print_node(out, to->name, to->node);
        weft__printf(out, " = ");
        print_node(out, from->name, from->node);
        weft__printf(out, ", %zu\n", to->bytes);
    }
}

static void print_totals(weft__printer *out, const weft_program *program)
{
    weft_traffic moved = weft_program_traffic(program);
    weft_memory memory = weft_program_memory(program);
    weft__printf(out, "loops %zu, calls %zu, passes over the largest space %zu\n", moved.loops, moved.calls, moved.passes);
    weft__printf(out, "bytes read %zu, written %zu\n", moved.bytes_read, moved.bytes_written);
    weft__printf(out, "bytes at the peak %zu, kept for backward %zu, of inputs %zu\n", memory.peak, memory.kept, memory.kept_inputs);
}

weft_status weft_program_describe(weft_writer writer, const weft_program *program)
{
    weft__printer out = {.writer = writer};
    touches t;
    if (!writer.write || !program)
        return WEFT_ERROR_ARGUMENT;
    if (!program->ready)
        return program->status;
    bool good = weft__touches_init(&t, program);
    for (size_t i = 0; good && i < program->n_steps && !out.failed; i++) {
        good = weft__touches_find(&t, &program->steps[i]);
        if (good)
            print_step(&out, &t, &program->steps[i], i);
    }
    weft__touches_free(&t);
    if (!good)
        return WEFT_ERROR_MEMORY;
    print_assignments(&out, program);
    print_totals(&out, program);
    return out.failed ? WEFT_ERROR_FILE : WEFT_OK;
}

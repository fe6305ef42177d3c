/* subject.c: see subject.h. */
#define _GNU_SOURCE
#include "subject.h"
#include "arguments.h"
#include "array_text.h"
#include "terminal.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

void subject_begin(subject *s, const char *command)
{
    *s = (subject){.command = command, .limits = limits_default(command), .g = {1}};
    s->in = (named_list){.command = command, .option = "--in", .limits = &s->limits};
    s->cotangent = (named_list){.command = command, .option = "--cotangent", .limits = &s->limits};
}

void subject_end(subject *s)
{
    weft_tape_free(s->tape);
    named_free(&s->in);
    named_free(&s->cotangent);
}

static bool add_names(subject *s, const char *option, const char *value, const char **names, size_t *n)
{
    if (*n == MOST_NAMED)
        return argument_refuse(s->command, option, value, "there are too many of them");
    names[(*n)++] = value;
    return true;
}

bool subject_set(subject *s, int option, const char *value)
{
    switch (option) {
    case SUBJECT_IN:
        return named_add(&s->in, value, false);
    case SUBJECT_WRT:
        return add_names(s, "--wrt", value, s->wrt, &s->n_wrt);
    case SUBJECT_THROUGH:
        return add_names(s, "--through", value, s->through, &s->n_through);
    case SUBJECT_COTANGENT:
        return s->cotangent.n ? argument_refuse(s->command, "--cotangent", value, "it is given twice") : named_add(&s->cotangent, value, true);
    case SUBJECT_DTYPE:
        s->dtype = !strcmp(value, "f64") ? WEFT_F64 : WEFT_F32;
        s->dtype_given = true;
        return !strcmp(value, "f64") || !strcmp(value, "f32") || argument_refuse(s->command, "--dtype", value, "it must be f32 or f64");
    case SUBJECT_SEED:
        return argument_whole(s->command, "--seed", value, 0, UINT64_MAX, &s->g.state);
    default:
        return option == LIMITS_MEMORY || option == LIMITS_WORK; /* read before */
    }
}

/* --- presets --- */

void subject_print_presets(void)
{
    for (size_t i = 0; i < preset_count(); i++)
        printf("%s%-22s%s %s\n", paint(0), preset_at(i)->name, paint_end(), preset_at(i)->title);
}

static bool take_preset(subject *s)
{
    const preset *p = s->preset;
    s->expression = p->expression;
    for (int i = 0; i < PRESET_ARRAYS && p->arrays[i]; i++)
        if (!named_has(&s->in, p->arrays[i], strcspn(p->arrays[i], "=")) && !named_add(&s->in, p->arrays[i], false))
            return false;
    if (p->cotangent && !s->cotangent.n && !named_add(&s->cotangent, p->cotangent, true))
        return false;
    if (!s->n_wrt)
        s->wrt[s->n_wrt++] = p->wrt;
    if (!s->n_through && p->through)
        s->through[s->n_through++] = p->through;
    return true;
}

bool subject_words(subject *s, int argc, char **argv)
{
    s->expression = named_expression(&s->in, argc, argv);
    s->preset = s->expression ? preset_find(s->expression) : NULL;
    return s->expression && (!s->preset || take_preset(s));
}

/* --- what is recorded --- */

/* The array of that name, or the last node that the expression gave it to. */
static bool find(subject *s, const char *option, const char *name, size_t length, weft_node *found)
{
    for (size_t i = 0; i < s->in.n; i++)
        if (!strncmp(s->in.item[i].name, name, length) && !s->in.item[i].name[length]) {
            *found = s->in.item[i].node;
            return true;
        }
    for (uint32_t id = weft_tape_count(s->tape); id-- > 0 && length;) {
        *found = weft_tape_node(s->tape, id);
        const char *own = weft_node_name(*found);
        if (!strncmp(own, name, length) && !own[length])
            return true;
    }
    char typed[64];
    snprintf(typed, sizeof typed, "%.*s", (int)(length < 60 ? length : 60), name);
    return argument_refuse(s->command, option, typed, "neither an array nor what the expression assigns is called so");
}

static bool find_all(subject *s, const char *option, const char *const *names, size_t n, weft_node *found, size_t *n_found)
{
    for (size_t i = 0; i < n; i++)
        for (const char *at = names[i];; at++) {
            size_t length = strcspn(at, ","), k = 0;
            if (*n_found == MOST_NAMED)
                return argument_refuse(s->command, option, names[i], "there are too many of them");
            if (!find(s, option, at, length, &found[*n_found]))
                return false;
            while (found[k].id != found[*n_found].id)
                k++;
            *n_found += k == *n_found; /* each once */
            at += length;
            if (!*at)
                break;
        }
    return true;
}

/* A result without a name is y, or the next letter that nobody has. */
static void name_result(subject *s)
{
    static const char *const names[] = {"y", "f", "out", "result"};
    if (*weft_node_name(s->y) || !weft_node_operand_count(s->y))
        return;
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        bool taken = false;
        for (uint32_t id = 0; id < weft_tape_count(s->tape); id++)
            taken |= !strcmp(weft_node_name(weft_tape_node(s->tape, id)), names[k]);
        if (!taken) {
            weft_name(s->y, names[k]);
            return;
        }
    }
}

static bool find_cotangent(subject *s)
{
    weft_shape shape = weft_node_shape(s->y);
    char is[ARRAY_SHAPE], must[ARRAY_SHAPE];
    named_inputs(&s->cotangent, s->tape, "cotangent");
    if (!s->cotangent.n) {
        if (weft_shape_count(&shape) != 1)
            s->trace.walk.dy = weft_full_like(s->y, 1);
        return true;
    }
    weft_node dy = s->trace.walk.dy = s->cotangent.item[0].node;
    weft_shape own = weft_node_shape(dy);
    if (own.rank == shape.rank && !memcmp(own.dim, shape.dim, (size_t)own.rank * sizeof *own.dim))
        return true;
    fprintf(stderr, "weft: %s: --cotangent: its shape is %s, and that of the result is %s\n", s->command, array_shape(&own, is), array_shape(&shape, must));
    return false;
}

static void bind_all(subject *s, const named_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        s->bind[s->trace.n_bind++] = (weft_binding){list->item[i].node, list->item[i].array.data, list->item[i].array.bytes};
}

bool subject_record(subject *s)
{
    if (!s->dtype_given)
        s->dtype = named_dtype(&s->in);
    named_draw(&s->in, &s->g);
    named_draw(&s->cotangent, &s->g);
    if (!named_convert(&s->in, s->dtype) || !named_convert(&s->cotangent, s->dtype))
        return false;
    const weft_allocator allocator = limits_allocator(&s->limits);
    s->tape = weft_tape_new(&allocator);
    named_inputs(&s->in, s->tape, "");
    s->y = named_parse(&s->in, s->tape, s->expression);
    if (weft_node_failed(s->y)) {
        if (!s->preset && !strpbrk(s->expression, " +*/=(@["))
            fprintf(stderr, "  It is no example either; --presets lists those.\n");
        return false;
    }
    name_result(s);
    s->trace = (weft_trace_options){.expression = s->expression, .bind = s->bind};
    if (!find_all(s, "--wrt", s->wrt, s->n_wrt, s->x, &s->n_x) || !find_all(s, "--through", s->through, s->n_through, s->by, &s->n_by) ||
        !find_cotangent(s))
        return false;
    bind_all(s, &s->in);
    bind_all(s, &s->cotangent);
    s->trace.walk.x = s->n_x ? s->x : NULL;
    s->trace.walk.n_x = s->n_x;
    s->trace.through = s->by;
    s->trace.n_through = s->n_by;
    return weft_tape_status(s->tape) == WEFT_OK || limits_fail(&s->limits, weft_tape_status(s->tape), weft_tape_message(s->tape));
}

bool subject_allow(subject *s)
{
    enum { CHECKED = 256, STEPS = 2 * (WEFT_SWEEP_STEPS + 2), BACK = 4 };
    double times = BACK;
    for (size_t i = 0; i < s->in.n && !s->trace.no_check; i++) {
        size_t count = weft_shape_count(&s->in.item[i].array.shape);
        times += count <= CHECKED ? (double)count * STEPS : 0;
    }
    return limits_allow(&s->limits, &s->y, 1, times);
}

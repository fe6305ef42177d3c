/* named.c: see named.h. */
#include "named.h"
#include "arguments.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool out_of_memory(const named_list *list)
{
    fprintf(stderr, "weft: %s: out of memory\n", list->command);
    return false;
}

/* --- one array --- */

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static size_t name_length(const char *text)
{
    size_t n = 0;
    while (is_letter(text[n]) || (n && text[n] >= '0' && text[n] <= '9'))
        n++;
    return n;
}

/* "(4, 3)", "(3,)" or "()". */
static bool read_shape(const char *text, weft_shape *shape)
{
    const char *at = text + 1;
    *shape = (weft_shape){0};
    while (*at != ')') {
        char *end;
        while (*at == ' ')
            at++;
        unsigned long long dim = strtoull(at, &end, 10);
        if (*at < '0' || *at > '9' || shape->rank == WEFT_MAX_RANK || dim > UINT32_MAX)
            return false;
        shape->dim[shape->rank++] = (size_t)dim;
        for (at = end; *at == ' ';)
            at++;
        if (*at == ',')
            at++;
        else if (*at != ')')
            return false;
        while (*at == ' ')
            at++;
    }
    return !at[1];
}

static bool make_room(const named_list *list, const char *typed, const weft_shape *shape, weft_array *array)
{
    enum { MOST = 1 << 27 };
    size_t count = 1;
    for (int i = 0; i < shape->rank; i++)
        if (shape->dim[i] && count > MOST / shape->dim[i])
            return argument_refuse(list->command, list->option, typed, "random arrays have at most 2**27 elements");
        else
            count *= shape->dim[i];
    double *x = malloc(count * sizeof *x + 1);
    if (!x)
        return out_of_memory(list);
    *array = (weft_array){WEFT_F64, *shape, x, count * sizeof *x};
    return true;
}

static bool make_number(const named_list *list, double value, weft_array *array)
{
    double *x = malloc(sizeof *x);
    if (!x)
        return out_of_memory(list);
    *x = value;
    *array = (weft_array){WEFT_F64, {0}, x, sizeof *x};
    return true;
}

/* FILE.npz takes the array called `name`, or the only one; FILE.npz:ENTRY the one of that name. */
static weft_status read_npz(const char *text, const char *name, weft_array *array, char *message)
{
    char path[4096];
    const char *suffix = strstr(text, ".npz");
    for (const char *next = suffix; next; next = strstr(next + 1, ".npz"))
        suffix = next;
    size_t n = (size_t)(suffix - text) + 4;
    if (n >= sizeof path) {
        snprintf(message, WEFT_MESSAGE_SIZE, "the path is too long");
        return WEFT_ERROR_ARGUMENT;
    }
    memcpy(path, text, n);
    path[n] = 0;
    if (text[n] == ':')
        return weft_npz_read(path, text + n + 1, array, message);
    weft_status status = weft_npz_read(path, name, array, message);
    return status == WEFT_ERROR_ARGUMENT ? weft_npz_read(path, NULL, array, message) : status;
}

static bool is_npz(const char *text)
{
    const char *suffix = strstr(text, ".npz");
    while (suffix && suffix[4] && suffix[4] != ':')
        suffix = strstr(suffix + 1, ".npz");
    return suffix;
}

static bool read_array(const named_list *list, const char *typed, const char *what, const char *name, weft_array *array)
{
    char message[WEFT_MESSAGE_SIZE], *end;
    weft_shape shape;
    if (*what == '(') {
        if (!read_shape(what, &shape))
            return argument_refuse(list->command, list->option, typed, "a shape looks like (4,3), with at most 8 lengths");
        return make_room(list, typed, &shape, array);
    }
    double number = strtod(what, &end);
    if (*what && !*end)
        return make_number(list, number, array);
    weft_status status = is_npz(what) ? read_npz(what, name, array, message) : weft_npy_read(what, array, message);
    if (status != WEFT_OK)
        fprintf(stderr, "weft: %s: %s\n", list->command, message);
    return status == WEFT_OK;
}

bool named_add(named_list *list, const char *text, bool unnamed)
{
    size_t n = name_length(text);
    bool has_name = n && text[n] == '=';
    if (!has_name && !unnamed)
        return argument_refuse(list->command, list->option, text, "it must be NAME=FILE.npy, NAME=FILE.npz, NAME=(4,3) or NAME=2.5");
    n = has_name ? n : 0;
    if (n >= NAMED_LENGTH)
        return argument_refuse(list->command, list->option, text, "the name is too long");
    if (list->n == MOST_NAMED)
        return argument_refuse(list->command, list->option, text, "there are too many of them");
    named *made = &list->item[list->n];
    *made = (named){.from = text + (has_name ? n + 1 : 0)};
    made->random = *made->from == '(';
    memcpy(made->name, text, n);
    for (size_t i = 0; i < list->n; i++)
        if (!strcmp(list->item[i].name, made->name))
            return argument_refuse(list->command, list->option, text, "that name is given twice");
    if (!read_array(list, text, made->from, made->name, &made->array))
        return false;
    list->n++;
    return true;
}

void named_draw(named_list *list, generator *g)
{
    for (size_t i = 0; i < list->n; i++) {
        const weft_array *a = &list->item[i].array;
        for (size_t k = 0; list->item[i].random && k < weft_shape_count(&a->shape); k++)
            ((double *)a->data)[k] = next_normal(g);
    }
}

void named_free(named_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        weft_array_free(&list->item[i].array);
}

/* --- a list of them --- */

named *named_find(named_list *list, const char *name, size_t length)
{
    for (size_t i = 0; i < list->n; i++)
        if (!strncmp(list->item[i].name, name, length) && !list->item[i].name[length])
            return &list->item[i];
    fprintf(stderr, "weft: %s: \"%.*s\" is not among the arrays of %s", list->command, (int)(length < 60 ? length : 60), name, list->option);
    for (size_t i = 0; i < list->n; i++)
        fprintf(stderr, "%s%s", i ? ", " : ": ", list->item[i].name);
    fprintf(stderr, "\n");
    return NULL;
}

bool named_pick(named_list *list, const char *names, named **picked, size_t *n)
{
    for (;;) {
        size_t length = strcspn(names, ",");
        named *one = named_find(list, names, length);
        if (!one)
            return false;
        bool again = false;
        for (size_t i = 0; i < *n; i++)
            again |= picked[i] == one;
        if (!again)
            picked[(*n)++] = one;
        if (!names[length])
            return true;
        names += length + 1;
    }
}

weft_dtype named_dtype(const named_list *list)
{
    weft_dtype dtype = WEFT_F32;
    bool any = false;
    for (size_t i = 0; i < list->n; i++) {
        any |= list->item[i].array.dtype != WEFT_I64;
        if (list->item[i].array.dtype == WEFT_F64)
            dtype = WEFT_F64;
    }
    return any ? dtype : WEFT_F64;
}

bool named_convert(named_list *list, weft_dtype dtype)
{
    for (size_t i = 0; i < list->n; i++) {
        weft_array *a = &list->item[i].array;
        if (a->dtype == dtype || a->dtype == WEFT_I64)
            continue;
        size_t count = weft_shape_count(&a->shape), bytes = count * weft_dtype_size(dtype);
        void *converted = malloc(bytes + 1);
        if (!converted)
            return out_of_memory(list);
        for (size_t k = 0; k < count; k++)
            if (dtype == WEFT_F32)
                ((float *)converted)[k] = (float)((const double *)a->data)[k];
            else
                ((double *)converted)[k] = (double)((const float *)a->data)[k];
        weft_shape shape = a->shape;
        weft_array_free(a);
        *a = (weft_array){dtype, shape, converted, bytes};
    }
    return true;
}

void named_inputs(named_list *list, weft_tape *tape, const char *prefix)
{
    char name[2 * NAMED_LENGTH];
    for (size_t i = 0; i < list->n; i++) {
        const weft_array *a = &list->item[i].array;
        snprintf(name, sizeof name, "%.60s%s", prefix, list->item[i].name);
        list->item[i].node = weft_input(tape, name, a->dtype, a->shape.rank, a->shape.dim);
    }
}

void named_bind(const named_list *list, weft_program *program)
{
    for (size_t i = 0; i < list->n; i++)
        weft_bind(program, list->item[i].node, list->item[i].array.data, list->item[i].array.bytes);
}

weft_node named_parse(const named_list *list, weft_tape *tape, const char *expression)
{
    weft_binding_name names[MOST_NAMED];
    char message[WEFT_MESSAGE_SIZE];
    weft_node y;
    for (size_t i = 0; i < list->n; i++)
        names[i] = (weft_binding_name){list->item[i].name, list->item[i].node};
    if (weft_parse(tape, expression, names, list->n, &y, message) != WEFT_OK)
        fprintf(stderr, "weft: %s: %s\n", list->command, message);
    return y;
}

const char *named_expression(const char *command, int argc, char **argv)
{
    if (optind + 1 == argc)
        return argv[optind];
    fprintf(stderr, optind < argc ? "weft: %s: one expression, in quotes; \"%s\" is a second one\n\n" : "weft: %s: there is no expression%s\n\n",
            command, optind < argc ? argv[optind + 1] : "");
    return NULL;
}

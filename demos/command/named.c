/* named.c: see named.h. */
#define _POSIX_C_SOURCE 200809L
#include "named.h"
#include "arguments.h"
#include "demos/array_literal.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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
    if (!limits_take(list->limits, count * sizeof(double), typed))
        return false;
    double *x = malloc(count * sizeof *x + 1);
    if (!x)
        return out_of_memory(list);
    *array = (weft_array){WEFT_F64, *shape, x, count * sizeof *x};
    return true;
}

static bool make_number(const named_list *list, const char *typed, double value, weft_array *array)
{
    if (!limits_take(list->limits, sizeof value, typed)) /* as named_convert() gives it back */
        return false;
    double *x = malloc(sizeof *x);
    if (!x)
        return out_of_memory(list);
    *x = value;
    *array = (weft_array){WEFT_F64, {0}, x, sizeof *x};
    return true;
}

/* [[1, 2], [3, 4]] */
static bool make_literal(const named_list *list, const char *typed, const char *what, weft_array *array)
{
    weft_shape shape;
    const char *wrong = array_literal_read(what, &shape, NULL, 0);
    if (wrong)
        return argument_refuse(list->command, list->option, typed, wrong);
    if (!make_room(list, typed, &shape, array))
        return false;
    array_literal_read(what, &shape, array->data, weft_shape_count(&shape));
    return true;
}

/* What stands behind FILE.npz: "" or ":ENTRY"; NULL: it is no such file. */
static const char *behind_npz(const char *text)
{
    const char *suffix = strstr(text, ".npz");
    while (suffix && suffix[4] && suffix[4] != ':')
        suffix = strstr(suffix + 1, ".npz");
    return suffix ? suffix + 4 : NULL;
}

/* FILE.npz takes the array called `name`, or the only one; FILE.npz:ENTRY the one of that name. */
static weft_status read_npz(const char *path, const char *behind, const char *name, weft_array *array, char *message)
{
    if (*behind)
        return weft_npz_read(path, behind + 1, array, message);
    weft_status status = weft_npz_read(path, name, array, message);
    return status == WEFT_ERROR_ARGUMENT ? weft_npz_read(path, NULL, array, message) : status;
}

/* Files are read whole, and an archive may be one entry; so what is larger than the memory is not begun. */
static bool too_large(const named_list *list, const char *path)
{
    struct stat file;
    return !stat(path, &file) && S_ISREG(file.st_mode) && (uint64_t)file.st_size > list->limits->memory &&
           !limits_take(list->limits, (uint64_t)file.st_size, path);
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
    if (*what == '[')
        return make_literal(list, typed, what, array);
    double number = strtod(what, &end);
    if (*what && !*end)
        return make_number(list, typed, number, array);
    char path[4096];
    const char *behind = behind_npz(what);
    if ((behind ? (size_t)(behind - what) : strlen(what)) >= sizeof path)
        return argument_refuse(list->command, list->option, typed, "the path is too long");
    snprintf(path, sizeof path, "%.*s", behind ? (int)(behind - what) : (int)sizeof path, what);
    if (too_large(list, path))
        return false;
    weft_status status = behind ? read_npz(path, behind, name, array, message) : weft_npy_read(path, array, message);
    if (status != WEFT_OK)
        fprintf(stderr, "weft: %s: %s\n", list->command, message);
    return status == WEFT_OK && limits_take(list->limits, array->bytes, what);
}

bool named_add(named_list *list, const char *text, bool unnamed)
{
    size_t n = name_length(text);
    bool has_name = n && text[n] == '=';
    if (!has_name && !unnamed)
        return argument_refuse(list->command, list->option, text, "it must be NAME=FILE.npy, NAME=FILE.npz, NAME=[1,2], NAME=(4,3) or NAME=2.5");
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
    bool good = read_array(list, text, made->from, made->name, &made->array);
    list->n++; /* what was read is freed, also when there is no room for it */
    return good;
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

bool named_add_shape(named_list *list, const char *option, const char *text)
{
    const char *equals = strchr(text, '=');
    if (!equals || equals[1] == '(')
        return argument_refuse(list->command, option, text, "it must be NAME=4,3");
    size_t size = strlen(text) + 3;
    char *longer = malloc(size);
    if (!longer)
        return argument_refuse(list->command, option, text, "out of memory");
    snprintf(longer, size, "%.*s(%s)", (int)(equals - text) + 1, text, equals + 1);
    bool good = named_add(list, longer, false);
    if (good)
        list->item[list->n - 1].from = equals + 1; /* which outlives it */
    free(longer);
    return good;
}

static size_t index_of(const named_list *list, const char *name, size_t length)
{
    size_t i = 0;
    while (i < list->n && (strncmp(list->item[i].name, name, length) || list->item[i].name[length]))
        i++;
    return i;
}

bool named_has(const named_list *list, const char *name, size_t length)
{
    return index_of(list, name, length) < list->n;
}

named *named_find(named_list *list, const char *name, size_t length)
{
    size_t at = index_of(list, name, length);
    if (at < list->n)
        return &list->item[at];
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
        if (!limits_take(list->limits, bytes, list->item[i].from))
            return false;
        void *converted = malloc(bytes + 1);
        if (!converted)
            return out_of_memory(list);
        for (size_t k = 0; k < count; k++)
            if (dtype == WEFT_F32)
                ((float *)converted)[k] = (float)((const double *)a->data)[k];
            else
                ((double *)converted)[k] = (double)((const float *)a->data)[k];
        weft_shape shape = a->shape;
        limits_give_back(list->limits, a->bytes);
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
    weft_status status = weft_parse(tape, expression, names, list->n, &y, message);
    if (status != WEFT_OK)
        limits_fail(list->limits, status, message);
    return y;
}

const char *named_expression(named_list *list, int argc, char **argv)
{
    const char *expression = optind < argc ? argv[optind] : NULL;
    if (!expression)
        fprintf(stderr, "weft: %s: there is no expression\n\n", list->command);
    for (int i = optind + 1; i < argc && expression; i++) {
        size_t n = name_length(argv[i]);
        if (!n || argv[i][n] != '=') {
            fprintf(stderr, "weft: %s: one expression, in quotes; \"%.60s\" is a second one, and no NAME=WHAT\n\n", list->command, argv[i]);
            return NULL;
        }
        if (!named_add(list, argv[i], false))
            return NULL;
    }
    return expression;
}

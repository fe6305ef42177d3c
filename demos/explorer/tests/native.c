/* native.c: the engine of the page, compiled for this machine, for tests that compare the module with it. Reads a JSON list of calls on stdin,
 *     [["begin"], ["input", "h", "f64", [4, 3], [1, 2, ...]], ["option", "wrt", "h"], ["trace", "h * h"], ...]
 * and prints each document on a line of its own, with newlines in it as spaces. */
#include "demos/explorer/engine.h"

#include "weft.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *read_all(FILE *from)
{
    size_t n = 0, room = 1 << 16;
    char *text = malloc(room);
    for (size_t got; text && (got = fread(text + n, 1, room - n - 1, from)) > 0;) {
        n += got;
        if (room - n < 2) {
            char *larger = realloc(text, room *= 2);
            if (!larger)
                free(text);
            text = larger;
        }
    }
    if (text)
        text[n] = 0;
    return text;
}

static double number(const cJSON *x)
{
    return !cJSON_IsString(x) ? x->valuedouble : !strcmp(x->valuestring, "NaN") ? (double)NAN : *x->valuestring == '-' ? -HUGE_VAL : HUGE_VAL;
}

static const char *words(const cJSON *call, int i)
{
    const cJSON *x = cJSON_GetArrayItem(call, i);
    return cJSON_IsString(x) ? x->valuestring : "";
}

static void input(const cJSON *call)
{
    static const char *const names[] = {"f32", "f64", "i64"};
    const cJSON *dims = cJSON_GetArrayItem(call, 3), *values = cJSON_GetArrayItem(call, 4), *x;
    uint32_t dtype = 0, rank = 0, dim[64];
    size_t count = (size_t)cJSON_GetArraySize(values), i = 0;
    for (uint32_t k = 0; k < 3; k++)
        dtype = strcmp(names[k], words(call, 2)) ? dtype : k;
    cJSON_ArrayForEach(x, dims) if (rank < 64) dim[rank++] = (uint32_t)x->valuedouble;
    double *data = engine_allocate((uint32_t)(count * sizeof *data));
    if (!data)
        return;
    cJSON_ArrayForEach(x, values)
    {
        if (dtype == WEFT_F32)
            ((float *)data)[i] = (float)number(x);
        else if (dtype == WEFT_F64)
            data[i] = number(x);
        else
            ((int64_t *)data)[i] = (int64_t)number(x);
        i++;
    }
    if (!strcmp(words(call, 0), "cotangent"))
        engine_cotangent(dtype, rank, dim, data);
    else
        engine_input(words(call, 1), dtype, rank, dim, data);
    engine_release(data);
}

static const char *ask(const cJSON *call)
{
    const char *what = words(call, 0);
    if (!strcmp(what, "begin"))
        engine_begin();
    else if (!strcmp(what, "input") || !strcmp(what, "cotangent"))
        input(call);
    else if (!strcmp(what, "option"))
        engine_option(words(call, 1), words(call, 2));
    else if (!strcmp(what, "trace"))
        return engine_trace(words(call, 1));
    else if (!strcmp(what, "judge"))
        return engine_judge(words(call, 1), words(call, 2), words(call, 3));
    else if (!strcmp(what, "check"))
        return engine_check(words(call, 1), words(call, 2), words(call, 3));
    else if (!strcmp(what, "array"))
        return engine_array(words(call, 1));
    else if (!strcmp(what, "presets"))
        return engine_presets();
    else if (!strcmp(what, "functions"))
        return engine_functions();
    return NULL;
}

int main(void)
{
    char *text = read_all(stdin);
    cJSON *calls = text ? cJSON_Parse(text) : NULL;
    const cJSON *call;
    cJSON_ArrayForEach(call, calls)
    {
        const char *document = ask(call);
        for (const char *c = document ? document : ""; *c; c++)
            putchar(*c == '\n' ? ' ' : *c);
        if (document)
            putchar('\n');
    }
    engine_begin();
    cJSON_Delete(calls);
    free(text);
    return calls ? 0 : 2;
}

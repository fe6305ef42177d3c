/* json.c: see json.h. */
#include "engine/explain/json.h"
#include "engine/record/elements.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static void put(weft__json *j, const char *text)
{
    weft__print(&j->out, text, strlen(text));
}

static void comma(weft__json *j)
{
    if (!j->fresh)
        put(j, ",");
    j->fresh = false;
}

void weft__json_open(weft__json *j, char bracket)
{
    comma(j);
    weft__print(&j->out, &bracket, 1);
    j->fresh = true;
}

void weft__json_close(weft__json *j, char bracket)
{
    weft__print(&j->out, &bracket, 1);
    j->fresh = false;
}

void weft__json_line(weft__json *j)
{
    comma(j);
    put(j, "\n");
    j->fresh = true;
}

/* --- text --- */

/* Bytes of the UTF-8 sequence at text; 0: it is none. Source: Unicode 15, table 3-7. */
static size_t sequence(const unsigned char *text)
{
    unsigned char a = text[0], low = 0x80, high = 0xbf;
    size_t n = a < 0x80 ? 1 : a >= 0xc2 && a <= 0xdf ? 2 : a >= 0xe0 && a <= 0xef ? 3 : a >= 0xf0 && a <= 0xf4 ? 4 : 0;
    if (a == 0xe0)
        low = 0xa0;
    if (a == 0xed)
        high = 0x9f;
    if (a == 0xf0)
        low = 0x90;
    if (a == 0xf4)
        high = 0x8f;
    for (size_t i = 1; i < n; i++, low = 0x80, high = 0xbf)
        if (text[i] < low || text[i] > high)
            return 0;
    return n;
}

static void put_text(weft__json *j, const char *text)
{
    put(j, "\"");
    for (const unsigned char *at = (const unsigned char *)text; *at;) {
        size_t n = 0, more;
        while (at[n] >= ' ' && at[n] != '"' && at[n] != '\\' && at[n] != 0x7f && (more = sequence(at + n)))
            n += more;
        weft__print(&j->out, (const char *)at, n);
        at += n;
        if (!*at)
            break;
        if (*at == '"' || *at == '\\')
            weft__printf(&j->out, "\\%c", *at);
        else if (*at == '\n')
            put(j, "\\n");
        else
            weft__printf(&j->out, "\\u%04x", *at < 0x80 ? (unsigned)*at : 0xfffdu);
        at++;
    }
    put(j, "\"");
}

void weft__json_key(weft__json *j, const char *key)
{
    comma(j);
    put_text(j, key);
    put(j, ":");
    j->fresh = true;
}

void weft__json_text(weft__json *j, const char *text)
{
    comma(j);
    put_text(j, text);
}

void weft__json_word(weft__json *j, const char *word)
{
    comma(j);
    put(j, word);
}

/* --- numbers --- */

void weft__json_whole(weft__json *j, uint64_t number)
{
    comma(j);
    weft__printf(&j->out, "%" PRIu64, number);
}

void weft__json_number(weft__json *j, weft_dtype dtype, double number)
{
    char text[64];
    if (!isfinite(number)) {
        weft__json_text(j, isnan(number) ? "NaN" : number > 0 ? "Infinity" : "-Infinity");
        return;
    }
    snprintf(text, sizeof text, dtype == WEFT_F32 ? "%.9g" : "%.17g", number);
    char *decimal = strchr(text, ','); /* in the user's locale */
    if (decimal)
        *decimal = '.';
    comma(j);
    put(j, text);
}

static void put_values(weft__json *j, size_t count, weft_dtype dtype, const void *data)
{
    weft__json_key(j, "values");
    weft__json_open(j, '[');
    for (size_t i = 0; i < count; i++)
        if (dtype == WEFT_I64) {
            comma(j);
            weft__printf(&j->out, "%" PRId64, ((const int64_t *)data)[i]);
        } else {
            weft__json_number(j, dtype, weft__element_value(dtype, data, i));
        }
    weft__json_close(j, ']');
}

static void put_summary(weft__json *j, size_t count, weft_dtype dtype, const void *data)
{
    double low = INFINITY, high = -INFINITY, sum = 0, squares = 0;
    size_t finite = 0;
    for (size_t i = 0; i < count; i++) {
        double x = weft__element_value(dtype, data, i);
        if (!isfinite(x))
            continue;
        finite++;
        low = fmin(low, x);
        high = fmax(high, x);
        sum += x;
        squares += x * x;
    }
    const struct {
        const char *key;
        double value;
    } said[] = {{"min", low}, {"max", high}, {"mean", sum / (double)finite}, {"rms", sqrt(squares / (double)finite)}};
    for (int i = 0; i < 4; i++) {
        weft__json_key(j, said[i].key);
        weft__json_number(j, WEFT_F64, finite ? said[i].value : NAN);
    }
    weft__json_key(j, "not_finite");
    weft__json_whole(j, count - finite);
}

void weft__json_numbers(weft__json *j, const weft_shape *shape, weft_dtype dtype, const void *data)
{
    size_t count = weft_shape_count(shape);
    weft__json_open(j, '{');
    weft__json_key(j, "shape");
    weft__json_open(j, '[');
    for (int i = 0; i < shape->rank; i++)
        weft__json_whole(j, shape->dim[i]);
    weft__json_close(j, ']');
    if (count <= j->most)
        put_values(j, count, dtype, data);
    else
        put_summary(j, count, dtype, data);
    weft__json_close(j, '}');
}

void weft__json_array(weft__json *j, weft_node of, const void *data)
{
    if (!data) {
        weft__json_word(j, "null");
        return;
    }
    weft_shape shape = weft_node_shape(of);
    weft__json_numbers(j, &shape, weft_node_dtype(of), data);
}

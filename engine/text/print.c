/* print.c: what the printers of the tape share. They see ops through their kind and fields only, so an op of the user's prints as well as a
 * built-in one. Strings that come from the user go straight to the writer; only text of bounded length passes through a buffer. */
#include "engine/text/print.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void weft__print(weft__printer *out, const char *text, size_t bytes)
{
    if (bytes && !out->failed)
        out->failed = !out->writer.write(out->writer.context, text, bytes);
}

void weft__printf(weft__printer *out, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    assert(n >= 0 && (size_t)n < sizeof text);
    (void)n; /* without assertions */
    weft__print(out, text, strlen(text));
}

void weft__print_name(weft__printer *out, const char *name)
{
    while (*name) {
        size_t n = 0;
        while ((unsigned char)name[n] >= ' ' && name[n] != 0x7f)
            n++;
        weft__print(out, name, n);
        name += n;
        if (*name) {
            weft__print(out, "?", 1);
            name++;
        }
    }
}

void weft__print_number(weft__printer *out, double value)
{
    char text[64];
    snprintf(text, sizeof text, "%g", value);
    char *comma = strchr(text, ',');
    if (comma)
        *comma = '.';
    weft__print(out, text, strlen(text));
}

/* --- what the outputs need --- */

weft_status weft__check_outputs(weft_writer writer, const weft_node *outputs, size_t n)
{
    if (!outputs || !n)
        return WEFT_ERROR_ARGUMENT;
    for (size_t i = 0; i < n; i++) {
        if (weft_tape_status(outputs[i].tape) != WEFT_OK)
            return weft_tape_status(outputs[i].tape);
        if (!weft__look(outputs[i]) || outputs[i].tape != outputs[0].tape)
            return WEFT_ERROR_ARGUMENT;
    }
    return writer.write ? WEFT_OK : WEFT_ERROR_ARGUMENT;
}

/* --- attributes --- */

static bool has_one_element(const weft__node *node)
{
    return node->op->kind == WEFT_CONSTANT && node->shape->count == 1;
}

static double first_element(const weft__node *node)
{
    return node->dtype == WEFT_F32   ? (double)*(const float *)node->attributes
           : node->dtype == WEFT_F64 ? *(const double *)node->attributes
                                     : (double)*(const int64_t *)node->attributes;
}

bool weft__print_constant(weft__printer *out, const weft__node *node)
{
    if (!has_one_element(node))
        return false;
    if (node->dtype == WEFT_I64)
        weft__printf(out, "%" PRId64, *(const int64_t *)node->attributes);
    else
        weft__print_number(out, first_element(node));
    return true;
}

bool weft__is_negative(const weft__node *node)
{
    return has_one_element(node) && signbit(first_element(node));
}

static void print_axes(weft__printer *out, const weft_reduction *reduction)
{
    const char *between = " axes=";
    for (int i = 0; i < WEFT_MAX_RANK; i++)
        if (reduction->axes & WEFT_AXIS(i)) {
            weft__printf(out, "%s%d", between, i);
            between = ",";
        }
    if (!reduction->axes)
        weft__printf(out, " axes=none");
    if (reduction->keepdims)
        weft__printf(out, " keepdims");
}

void weft__print_words(weft__printer *out, const weft__node *node, const weft_shape *x, bool in_line)
{
    char text[WEFT_MOST_WORDS] = "";
    node->op->words(node->attributes, x, text, sizeof text);
    size_t start = in_line && !strncmp(text, ", ", 2) ? 2 : 0;
    if (in_line && text[start])
        weft__print(out, " ", 1);
    weft__print_name(out, text + start);
}

void weft__print_attributes(weft__printer *out, weft_node x)
{
    const weft__node *node = weft__look(x);
    if (node->op->words && node->n) {
        weft__print_words(out, node, &weft__at(x.tape, node->operand[0])->shape->dims, true);
        return;
    }
    if ((node->op->kind == WEFT_REDUCTION || node->op->flags & WEFT_OVER_AXES) && node->op->attribute_size >= sizeof(weft_reduction)) {
        print_axes(out, node->attributes);
    } else if (node->op->kind == WEFT_PART) {
        weft__printf(out, " output=%u", *(const uint32_t *)node->attributes);
    } else if (has_one_element(node)) {
        weft__print(out, " ", 1);
        weft__print_constant(out, node);
    }
}

/* parse_tokens.c: characters to tokens, and errors that point at one. Numbers are read alike in every locale. Beyond ASCII there is nothing but what
 * stands in comments. */
#include "engine/text/parse.h"

#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- errors --- */

enum { HEAD = 340, WINDOW = 72 }; /* of a message: its words, and the part of the line that is shown */

static bool continues(char c) /* a byte that begins no character of UTF-8 */
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

static size_t characters(const char *from, const char *to)
{
    size_t n = 0;
    for (; from < to; from++)
        n += !continues(*from);
    return n;
}

/* The line around `at`, one ASCII character for each of the line's, and a caret below. */
static void show_line(const char *line, const char *at, char *text, size_t size)
{
    char shown[WINDOW + 8], caret[WINDOW + 8];
    size_t column = characters(line, at), skipped = column > WINDOW - 16 ? column - (WINDOW - 16) : 0, n = 0, seen = 0;
    if (skipped)
        n = (size_t)snprintf(shown, sizeof shown, "...");
    for (const char *c = line; *c && *c != '\n' && n < WINDOW; c++)
        if (!continues(*c) && seen++ >= skipped)
            shown[n++] = *c == '\t' ? ' ' : *c < ' ' || *c > '~' ? '?' : *c;
    shown[n] = 0;
    size_t before = column - skipped + (skipped ? 3 : 0);
    memset(caret, ' ', before);
    caret[before] = '^';
    caret[before + 1] = 0;
    snprintf(text, size, "\n  %s\n  %s", shown, caret);
}

bool weft__parse_fail(parser *p, const char *at, weft_status status, const char *format, ...)
{
    if (p->status != WEFT_OK)
        return false;
    p->status = status;
    if (!p->message)
        return false;
    const char *line = p->text;
    int number = 1;
    for (const char *c = p->text; c < at; c++)
        if (*c == '\n') {
            line = c + 1;
            number++;
        }
    char *text = p->message;
    size_t used = (size_t)snprintf(text, HEAD, "line %d, column %zu: ", number, characters(line, at) + 1);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text + used, HEAD - used, format, arguments);
    va_end(arguments);
    used = strlen(text);
    show_line(line, at, text + used, WEFT_MESSAGE_SIZE - used);
    return false;
}

bool weft__parse_memory(parser *p)
{
    if (p->status == WEFT_OK && p->message)
        snprintf(p->message, WEFT_MESSAGE_SIZE, "out of memory");
    p->status = p->status == WEFT_OK ? WEFT_ERROR_MEMORY : p->status;
    return false;
}

/* --- tokens --- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* Space, comments, ends of lines within brackets and behind a backslash. */
static void skip_space(parser *p)
{
    for (;; p->at++) {
        if (*p->at == '#')
            p->at += strcspn(p->at, "\n");
        if (p->at[0] == '\\' && (p->at[1] == '\n' || (p->at[1] == '\r' && p->at[2] == '\n')))
            p->at += p->at[1] == '\n' ? 1 : 2;
        else if (*p->at != ' ' && *p->at != '\t' && *p->at != '\r' && (*p->at != '\n' || !p->open))
            return;
    }
}

/* strtod() takes the decimal point of the locale. */
static double to_number(const char *text, size_t length)
{
    char copy[PARSE_NUMBER + 16];
    const char *point = localeconv()->decimal_point;
    size_t n = 0, point_length = strlen(point);
    for (size_t i = 0; i < length; i++)
        if (text[i] != '.') {
            copy[n++] = text[i];
        } else if (point_length && point_length < 16) {
            memcpy(copy + n, point, point_length);
            n += point_length;
        } else {
            copy[n++] = '.';
        }
    copy[n] = 0;
    return strtod(copy, NULL);
}

static bool read_number(parser *p)
{
    const char *start = p->at, *end = start;
    bool whole = true;
    while (is_digit(*end))
        end++;
    if (*end == '.') {
        whole = false;
        for (end++; is_digit(*end); end++)
            continue;
    }
    if ((*end == 'e' || *end == 'E') && (is_digit(end[1]) || ((end[1] == '+' || end[1] == '-') && is_digit(end[2])))) {
        whole = false;
        for (end += 2; is_digit(*end); end++)
            continue;
    }
    size_t length = (size_t)(end - start);
    if (is_letter(*end) || *end == '.')
        return weft__parse_fail(p, end, WEFT_ERROR_SYNTAX, "a number goes on with '%c'; numbers look like 2, 0.5, .5 and 1e-5", *end);
    if (length > PARSE_NUMBER)
        return weft__parse_fail(p, start, WEFT_ERROR_SYNTAX, "a number of %zu characters; at most %d are read", length, PARSE_NUMBER);
    p->token = (token){.kind = TOKEN_NUMBER, .text = start, .length = length, .number = to_number(start, length), .whole = whole};
    p->at = end;
    if (isinf(p->token.number))
        return weft__parse_fail(p, start, WEFT_ERROR_SYNTAX, "a number beyond the range of f64; write inf for infinity");
    return true;
}

static bool read_string(parser *p)
{
    const char *first = p->at + 1, *last = first;
    while (*last && *last != *p->at && *last != '\n' && *last != '\\')
        last++;
    if (*last != *p->at)
        return weft__parse_fail(p, p->at, WEFT_ERROR_SYNTAX, "a string that does not end on its line, or has a backslash");
    p->token = (token){.kind = TOKEN_STRING, .text = first, .length = (size_t)(last - first)};
    p->at = last + 1;
    return true;
}

static bool read_sign(parser *p)
{
    static const char *const signs[] = {"...", "**", "//", "<=", ">=", "==", "!=", "+", "-", "*", "/", "@", "<",
                                        ">",   "(",  ")",  "[",  "]",  ",",  ":",  "=", ".", ";"};
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        size_t n = strlen(signs[i]);
        if (!strncmp(p->at, signs[i], n)) {
            p->token = (token){.kind = *signs[i] == ';' ? TOKEN_LINE : TOKEN_SIGN, .text = p->at, .length = n};
            p->at += n;
            return true;
        }
    }
    char c = *p->at;
    if (c == '%' || c == '&' || c == '|' || c == '^' || c == '~' || c == '!')
        return weft__parse_fail(p, p->at, WEFT_ERROR_SYNTAX, "there is no operator '%c'; there are + - * / ** @ < <= > >= == !=", c);
    if (c < ' ' || c > '~')
        return weft__parse_fail(p, p->at, WEFT_ERROR_SYNTAX, "a character of code 0x%02x has no place here", (unsigned)(unsigned char)c);
    return weft__parse_fail(p, p->at, WEFT_ERROR_SYNTAX, "'%c' has no place here", c);
}

bool weft__parse_next(parser *p)
{
    if (p->status != WEFT_OK)
        return false;
    skip_space(p);
    char c = *p->at;
    if (!c || c == '\n') {
        p->token = (token){.kind = c ? TOKEN_LINE : TOKEN_END, .text = p->at};
        p->at += c != 0;
        return true;
    }
    if (is_digit(c) || (c == '.' && is_digit(p->at[1])))
        return read_number(p);
    if (c == '\'' || c == '"')
        return read_string(p);
    if (!is_letter(c))
        return read_sign(p);
    size_t n = 0;
    while (is_letter(p->at[n]) || is_digit(p->at[n]))
        n++;
    p->token = (token){.kind = TOKEN_NAME, .text = p->at, .length = n};
    p->at += n;
    return true;
}

bool weft__parse_is(const parser *p, const char *sign)
{
    return p->token.kind == TOKEN_SIGN && p->token.length == strlen(sign) && !memcmp(p->token.text, sign, p->token.length);
}

bool weft__parse_eat(parser *p, const char *sign)
{
    return weft__parse_is(p, sign) && weft__parse_next(p);
}

bool weft__parse_expect(parser *p, const char *sign, const char *where)
{
    if (weft__parse_is(p, sign))
        return weft__parse_next(p);
    if (p->token.kind == TOKEN_END)
        return weft__parse_fail(p, p->token.text, WEFT_ERROR_SYNTAX, "the text ends where '%s' should be, %s", sign, where);
    return weft__parse_fail(p, p->token.text, WEFT_ERROR_SYNTAX, "expected '%s' %s", sign, where);
}

/* parse_names.c: what a name stands for: the latest assignment, else an array of the caller's, else a constant. Functions are apart from them, so
 * that a value may be called mean. For an unknown name the nearest one is suggested, by the number of letters to insert, remove, change or
 * swap with their neighbour (Damerau, 1964). */
#include "engine/text/parse.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LONGEST = 40 }; /* names beyond are neither shown whole nor suggested */

static const struct {
    const char *name;
    double number;
    bool whole;
} constants[] = {{"pi", 3.14159265358979323846, false}, {"e", 2.71828182845904523536, false}, {"inf", INFINITY, false}, {"nan", NAN, false},
                 {"True", 1, true},                     {"False", 0, true}};

enum { CONSTANTS = sizeof constants / sizeof *constants };

static bool same(const char *known, size_t length, token name)
{
    return length == name.length && !memcmp(known, name.text, length);
}

static size_t bound_length(const parser *p, size_t i)
{
    return p->bound[i].name ? strlen(p->bound[i].name) : 0;
}

/* --- the nearest name --- */

typedef struct nearest {
    token name;
    const char *best;
    size_t length, distance; /* of best */
} nearest;

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Letters to insert, remove, change, or swap with the one behind; a change of case alone is half as far, so that the true name comes first. Twice the
 * number. row[i % 3][j]: from the first i letters of a to the first j of b. */
static size_t distance(const char *a, size_t n, const char *b, size_t m)
{
    size_t row[3][LONGEST + 1];
    for (size_t j = 0; j <= m; j++)
        row[0][j] = 2 * j;
    for (size_t i = 1; i <= n; i++) {
        size_t *now = row[i % 3], *above = row[(i + 2) % 3], *before = row[(i + 1) % 3];
        now[0] = 2 * i;
        for (size_t j = 1; j <= m; j++) {
            size_t cost = a[i - 1] == b[j - 1] ? 0 : tolower((unsigned char)a[i - 1]) == tolower((unsigned char)b[j - 1]) ? 1 : 2;
            now[j] = smaller(above[j - 1] + cost, smaller(above[j], now[j - 1]) + 2);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = smaller(now[j], before[j - 2] + 2);
        }
    }
    return row[n % 3][m];
}

static void consider(nearest *s, const char *candidate, size_t length)
{
    if (!length || length > LONGEST || s->name.length > LONGEST)
        return;
    size_t d = distance(s->name.text, s->name.length, candidate, length);
    if (d <= 2 * smaller(s->name.length, length) / 3 + 1 && d < s->distance) {
        s->best = candidate;
        s->length = length;
        s->distance = d;
    }
}

static nearest begin(token name)
{
    return (nearest){.name = name, .distance = SIZE_MAX};
}

static void consider_functions(nearest *s)
{
    weft_function f;
    for (size_t i = 0; i < weft_function_count(); i++)
        if (weft_function_at(i, &f))
            consider(s, f.name, strlen(f.name));
}

static void consider_values(const parser *p, nearest *s)
{
    for (size_t i = p->n_names; i-- > 0;)
        consider(s, p->names[i].name, p->names[i].length);
    for (size_t i = 0; i < p->n_bound; i++)
        consider(s, p->bound[i].name, bound_length(p, i));
    for (int i = 0; i < CONSTANTS; i++)
        consider(s, constants[i].name, strlen(constants[i].name));
}

static const char *suggest(const nearest *s, char *text, size_t size)
{
    text[0] = 0;
    if (s->best)
        snprintf(text, size, "; did you mean \"%.*s\"?", (int)s->length, s->best);
    return text;
}

const char *weft__parse_nearest_formal(const weft_formal *formals, int n, token name, char *text, size_t size)
{
    nearest s = begin(name);
    for (int i = 0; i < n; i++)
        consider(&s, formals[i].name.text, formals[i].name.length);
    return suggest(&s, text, size);
}

const char *weft__parse_nearest_word(weft_piece words, token name, char *text, size_t size)
{
    nearest s = begin(name);
    for (size_t at = 0, length; at < words.length; at += length + 1) {
        const char *bar = memchr(words.text + at, '|', words.length - at);
        length = bar ? (size_t)(bar - words.text) - at : words.length - at;
        consider(&s, words.text + at, length);
    }
    return suggest(&s, text, size);
}

/* --- what names are --- */

static bool is_function(token name)
{
    weft_function f;
    return weft_function_find(name.text, name.length, &f);
}

/* The names that there are, as many as fit. */
static void list_values(const parser *p, char *text, size_t size)
{
    size_t used = 0;
    text[0] = 0;
    for (size_t i = 0; i < p->n_bound && used + LONGEST + 8 < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%.*s", used ? ", " : "", LONGEST, p->bound[i].name ? p->bound[i].name : "");
    for (size_t i = 0; i < p->n_names && used + LONGEST + 8 < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%.*s", used ? ", " : "", (int)smaller(p->names[i].length, LONGEST), p->names[i].name);
}

static bool unknown_value(parser *p, token name)
{
    int length = (int)smaller(name.length, LONGEST);
    if (is_function(name))
        return weft__parse_fail(p, name.text, WEFT_ERROR_SYNTAX, "\"%.*s\" is a function; call it, as in %.*s(x)", length, name.text, length,
                                name.text);
    nearest s = begin(name);
    consider_values(p, &s);
    if (s.best)
        return weft__parse_fail(p, name.text, WEFT_ERROR_SYNTAX, "\"%.*s\" is not known; did you mean \"%.*s\"?", length, name.text, (int)s.length,
                                s.best);
    char names[128];
    list_values(p, names, sizeof names);
    return weft__parse_fail(p, name.text, WEFT_ERROR_SYNTAX, "\"%.*s\" is not known; %s%s", length, name.text,
                            *names ? "there is " : "no name is bound", names);
}

bool weft__parse_is_value(const parser *p, token name)
{
    value v;
    parser silent = *p;
    silent.message = NULL;
    return weft__parse_name(&silent, name, &v);
}

bool weft__parse_unknown_function(parser *p, token name)
{
    int length = (int)smaller(name.length, LONGEST);
    if (weft__parse_is_value(p, name))
        return weft__parse_fail(p, name.text, WEFT_ERROR_SYNTAX, "\"%.*s\" is a value and cannot be called; for a product write *", length,
                                name.text);
    nearest s = begin(name);
    consider_functions(&s);
    if (s.best)
        return weft__parse_fail(p, name.text, WEFT_ERROR_SYNTAX, "there is no function \"%.*s\"; did you mean \"%.*s\"?", length, name.text,
                                (int)s.length, s.best);
    return weft__parse_fail(p, name.text, WEFT_ERROR_SYNTAX, "there is no function \"%.*s\"", length, name.text);
}

bool weft__parse_name(parser *p, token name, value *v)
{
    *v = (value){.at = name.text};
    for (size_t i = p->n_names; i-- > 0;)
        if (same(p->names[i].name, p->names[i].length, name)) {
            *v = p->names[i].is;
            v->at = name.text;
            return true;
        }
    for (size_t i = 0; i < p->n_bound; i++)
        if (same(p->bound[i].name, bound_length(p, i), name)) {
            v->node = p->bound[i].node;
            return true;
        }
    for (int i = 0; i < CONSTANTS; i++)
        if (same(constants[i].name, strlen(constants[i].name), name)) {
            *v = (value){.kind = VALUE_NUMBER, .at = name.text, .number = constants[i].number, .whole = constants[i].whole};
            return true;
        }
    if (same("None", 4, name)) {
        v->kind = VALUE_NONE;
        return true;
    }
    return unknown_value(p, name);
}

/* A second assignment to a name takes the place of the first, so that many of them do not make the list long. */
bool weft__parse_assign(parser *p, token name, const value *v)
{
    enum { LONGEST_NAME = 200 };
    for (size_t i = 0; i < p->n_names; i++)
        if (same(p->names[i].name, p->names[i].length, name)) {
            p->names[i].is = *v;
            return true;
        }
    if (name.length > LONGEST_NAME)
        return weft__parse_fail(p, name.text, WEFT_ERROR_SYNTAX, "a name of %zu letters; at most %d are taken", name.length, LONGEST_NAME);
    if (p->n_names == PARSE_MOST_NAMES)
        return weft__parse_fail(p, name.text, WEFT_ERROR_SYNTAX, "more than %d names are assigned", PARSE_MOST_NAMES);
    if (!weft__grow(&p->tape->allocator, &p->names, &p->names_allocated, p->n_names + 1, sizeof *p->names))
        return weft__parse_memory(p);
    p->names[p->n_names++] = (assigned){name.text, name.length, *v};
    return true;
}

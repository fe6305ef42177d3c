/* array_literal.c: see array_literal.h. One pass; the first list on each level says how long the others have to be. */
#include "array_literal.h"

#include <stdlib.h>
#include <string.h>

typedef struct reader {
    const char *at;
    weft_shape *shape;
    bool known[WEFT_MAX_RANK]; /* the length of lists that deep */
    int leaves;                /* how deep numbers stand; -1: none has been met */
    double *values;
    size_t n, most;
    const char *wrong;
} reader;

static void skip(reader *r)
{
    while (*r->at == ' ' || *r->at == '\t' || *r->at == '\n')
        r->at++;
}

static bool refuse(reader *r, const char *wrong)
{
    r->wrong = wrong;
    return false;
}

static bool read_number(reader *r, int depth)
{
    char *end;
    double value = strtod(r->at, &end);
    if (end == r->at)
        return refuse(r, "an array looks like [[1, 2], [3, 4]]; a number is missing");
    if (r->leaves >= 0 && r->leaves != depth)
        return refuse(r, "its rows have different lengths");
    if (r->n >= (size_t)ARRAY_LITERAL_MOST)
        return refuse(r, "an array that is typed has at most 65536 numbers; use a FILE.npy");
    if (r->values && r->n < r->most)
        r->values[r->n] = value;
    r->n++;
    r->leaves = depth;
    r->at = end;
    return true;
}

/* One list that is `depth` lists deep in others. */
static bool read_list(reader *r, int depth)
{
    size_t length = 0;
    if (depth == WEFT_MAX_RANK)
        return refuse(r, "an array has at most 8 axes");
    if (r->leaves >= 0 && depth >= r->leaves)
        return refuse(r, "its rows have different lengths");
    r->at++;
    for (skip(r); *r->at != ']'; length++) {
        if (length && *r->at != ',')
            return refuse(r, *r->at ? "a comma must stand between two numbers or rows" : "a closing ] is missing");
        r->at += length > 0;
        skip(r);
        if (*r->at == ']')
            break; /* [1, 2,] */
        if (!(*r->at == '[' ? read_list(r, depth + 1) : read_number(r, depth + 1)))
            return false;
        skip(r);
    }
    if (*r->at != ']')
        return refuse(r, "a closing ] is missing");
    r->at++;
    if (r->known[depth] && r->shape->dim[depth] != length)
        return refuse(r, "its rows have different lengths");
    r->known[depth] = true;
    r->shape->dim[depth] = length;
    r->shape->rank = depth + 1 > r->shape->rank ? depth + 1 : r->shape->rank;
    return true;
}

const char *array_literal_read(const char *text, weft_shape *shape, double *values, size_t most)
{
    reader r = {.at = text, .shape = shape, .leaves = -1, .values = values, .most = most};
    *shape = (weft_shape){0};
    if (*text != '[')
        return "an array begins with [";
    if (!read_list(&r, 0))
        return r.wrong;
    skip(&r);
    if (*r.at)
        return "something stands behind the closing ]";
    return r.n == weft_shape_count(shape) ? NULL : "its rows have different lengths";
}

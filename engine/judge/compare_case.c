/* compare_case.c: the signature of two sides that are compared, and cases of it: lengths for its names, numbers for its inputs. */
#include "engine/judge/compare.h"

#include <ctype.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static weft_status refuse(weft__comparing *c, size_t i, const char *words)
{
    snprintf(c->result->message, sizeof c->result->message, "input %zu \"%.40s\": %s", i, c->input[i].name ? c->input[i].name : "", words);
    return WEFT_ERROR_ARGUMENT;
}

int weft__length_find(const weft_comparison *r, const char *name, size_t length)
{
    for (size_t k = 0; k < r->n_lengths; k++)
        if (strlen(r->length_name[k]) == length && !strncmp(r->length_name[k], name, length))
            return (int)k;
    return -1;
}

static size_t word(const char *text)
{
    size_t n = 0;
    while (isalnum((unsigned char)text[n]) || text[n] == '_')
        n++;
    return n;
}

/* The parts of one shape, "N, 3, D". */
static weft_status read_shape(weft__comparing *c, size_t i)
{
    weft_comparison *r = c->result;
    const char *at = c->input[i].shape ? c->input[i].shape : "";
    for (c->rank[i] = 0; *(at += strspn(at, " ")); c->rank[i]++) {
        size_t n = word(at);
        if (!n || c->rank[i] == WEFT_MAX_RANK)
            return refuse(c, i, n ? "its shape has more than 8 axes" : "its shape must be lengths with commas between them, as \"N, D\" or \"N, 3\"");
        if (isdigit((unsigned char)*at) && (strspn(at, "0123456789") != n || n > 9))
            return refuse(c, i, "a length of its shape must be a name, or a number of at most 9 digits");
        if (!isdigit((unsigned char)*at) && weft__length_find(r, at, n) < 0) {
            if (n >= WEFT_LENGTH_NAME || r->n_lengths == WEFT_MOST_LENGTHS)
                return refuse(c, i, n >= WEFT_LENGTH_NAME ? "the name of a length has more than 15 characters" : "there are more than 8 names of lengths");
            memcpy(r->length_name[r->n_lengths++], at, n);
        }
        c->axis[i][c->rank[i]] = at;
        at += n + strspn(at + n, " ");
        if (*at && *at++ != ',')
            return refuse(c, i, "its shape must be lengths with commas between them, as \"N, D\" or \"N, 3\"");
    }
    return WEFT_OK;
}

weft_status weft__signature_read(weft__comparing *c)
{
    for (size_t i = 0; i < c->n; i++) {
        const weft_compare_input *in = &c->input[i];
        if (!in->name || !*in->name)
            return refuse(c, i, "it has no name");
        if (!(in->low <= in->high) || !isfinite(in->low) || !isfinite(in->high))
            return refuse(c, i, "its bounds must be finite, and low not above high");
        weft_status status = read_shape(c, i);
        if (status != WEFT_OK)
            return status;
        c->active[i] = !in->constant && !in->below;
        c->n_active += c->active[i];
    }
    for (size_t i = 0; i < c->n; i++)
        if (c->input[i].below && weft__length_find(c->result, c->input[i].below, strlen(c->input[i].below)) < 0)
            return refuse(c, i, "it stays below a length that no shape has");
    const size_t longest[WEFT_MOST_LENGTHS] = {33, 33, 33, 33, 33, 33, 33, 33};
    if (c->n && !weft__lengths_fit(c, longest))
        return refuse(c, 0, "arrays of these shapes would have more than 2**26 elements");
    return WEFT_OK;
}

/* --- drawing --- */

/* splitmix64 of a position. */
static uint64_t mixed(uint64_t seed, uint64_t stream, uint64_t element)
{
    uint64_t z = seed * 0x9e3779b97f4a7c15u + stream * 0xd1342543de82ef95u + (element + 1) * 0x2545f4914f6cdd1du;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

double weft__drawn(uint64_t seed, uint64_t stream, size_t element)
{
    return (double)(mixed(seed, stream, element) >> 11) * 0x1p-53;
}

size_t weft__length_drawn(uint64_t seed, size_t element)
{
    static const size_t lengths[] = {1, 2, 2, 3, 3, 4, 5, 6, 7, 8, 9, 17, 33};
    return lengths[mixed(seed, 99, element) % (sizeof lengths / sizeof *lengths)];
}

static double number(const weft__case *k, size_t input, size_t element)
{
    double u = weft__drawn(k->seed, input, element), plain = 4 * u - 2;
    switch (k->style) {
    case STYLE_WHOLE:
        return floor(9 * u) - 4;
    case STYLE_OFFSET:
        return 1000 + plain;
    case STYLE_CONSTANT:
        return 1.5;
    case STYLE_SMALL:
        return 1e-8 * plain;
    case STYLE_LARGE:
        return 1e8 * plain;
    case STYLE_SPARSE:
        return weft__drawn(k->seed, input + 50, element) < 0.5 ? 0 : plain;
    default:
        return plain;
    }
}

void weft__shape_of(const weft__comparing *c, size_t input, const size_t *length, weft_shape *shape)
{
    *shape = (weft_shape){.rank = c->rank[input]};
    for (int a = 0; a < shape->rank; a++) {
        const char *text = c->axis[input][a];
        shape->dim[a] = 0;
        if (!isdigit((unsigned char)*text))
            shape->dim[a] = length[weft__length_find(c->result, text, word(text))];
        else
            for (size_t d = 0; isdigit((unsigned char)text[d]); d++)
                shape->dim[a] = shape->dim[a] * 10 + (size_t)(text[d] - '0');
    }
}

bool weft__lengths_fit(const weft__comparing *c, const size_t *length)
{
    enum { MOST = 1 << 26 };
    for (size_t i = 0; i < c->n; i++) {
        weft_shape shape;
        size_t count = 1;
        weft__shape_of(c, i, length, &shape);
        for (int a = 0; a < shape.rank; a++) {
            if (shape.dim[a] > MOST / (count ? count : 1))
                return false;
            count *= shape.dim[a];
        }
    }
    return true;
}

bool weft__case_draw(weft__comparing *c, weft__case *k)
{
    for (size_t i = 0; i < c->n; i++) {
        const weft_compare_input *in = &c->input[i];
        weft__shape_of(c, i, k->length, &k->shape[i]);
        size_t n = k->count[i] = weft_shape_count(&k->shape[i]);
        k->number[i] = weft__arena_take(&c->arena, n * sizeof(double) + 8);
        k->index[i] = in->below ? weft__arena_take(&c->arena, n * sizeof(int64_t) + 8) : NULL;
        if (!k->number[i] || (in->below && !k->index[i]))
            return !(c->no_memory = true);
        size_t below = in->below ? k->length[weft__length_find(c->result, in->below, strlen(in->below))] : 0;
        for (size_t e = 0; e < n; e++) {
            double u = weft__drawn(k->seed, i, e);
            if (in->below)
                k->number[i][e] = (double)(k->index[i][e] = (int64_t)(u * (double)below));
            else
                k->number[i][e] = in->low == 0 && in->high == 0 ? number(k, i, e) : in->low + u * (in->high - in->low);
        }
    }
    return true;
}

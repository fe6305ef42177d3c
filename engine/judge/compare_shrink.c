/* compare_shrink.c: the smallest shape and the plainest numbers on which two sides still differ. */
#include "engine/judge/compare.h"

#include <math.h>
#include <string.h>

enum { MOST_TRIES = 300 };

typedef struct shrinking {
    weft__comparing *c;
    weft__case *best;
    weft__finding *finding;
    int tries;
} shrinking;

/* Whether the sides differ on it too; if so it is the best. */
static bool try_case(shrinking *s, const weft__case *k)
{
    weft__finding f;
    if (s->tries++ >= MOST_TRIES || !weft__sides_differ(s->c, k, &f) || !f.differ || f.result != s->finding->result || *f.message != *s->finding->message)
        return false;
    *s->best = *k;
    *s->finding = f;
    return true;
}

static bool shorten(shrinking *s)
{
    bool any = false;
    for (size_t l = 0; l < s->c->result->n_lengths; l++)
        for (size_t length = 1; length < s->best->length[l]; length++) {
            weft__case k = *s->best;
            k.length[l] = length;
            if (!weft__case_draw(s->c, &k))
                return false;
            if (try_case(s, &k)) {
                any = true;
                break;
            }
        }
    return any;
}

static bool fits(const weft_compare_input *in, double x)
{
    return (in->low == 0 && in->high == 0) || (x >= in->low && x <= in->high);
}

/* A copy of the best whose input i has numbers of its own. */
static bool copy_input(shrinking *s, size_t i, weft__case *k)
{
    *k = *s->best;
    k->number[i] = weft__arena_take(&s->c->arena, k->count[i] * sizeof(double) + 8);
    if (!k->number[i])
        return !(s->c->no_memory = true);
    memcpy(k->number[i], s->best->number[i], k->count[i] * sizeof(double));
    return true;
}

/* Whole numbers, then single ones that are 0, 1 or 2, for all that are not yet. */
static void plainer(shrinking *s)
{
    static const double simple[] = {0, 1, 2};
    for (size_t i = 0; i < s->c->n; i++) {
        weft__case k;
        if (s->best->index[i] || !copy_input(s, i, &k))
            continue;
        bool good = true;
        for (size_t e = 0; e < k.count[i]; e++)
            good &= fits(&s->c->input[i], k.number[i][e] = round(k.number[i][e]) + 0.0);
        if (good)
            try_case(s, &k);
        for (size_t e = 0; e < s->best->count[i]; e++)
            for (size_t p = 0; p < sizeof simple / sizeof *simple && s->best->number[i][e] != simple[p]; p++)
                if (fits(&s->c->input[i], simple[p]) && copy_input(s, i, &k)) {
                    k.number[i][e] = simple[p];
                    if (try_case(s, &k))
                        break;
                }
    }
}

bool weft__case_shrink(weft__comparing *c, weft__case *k, weft__finding *finding)
{
    shrinking s = {.c = c, .best = k, .finding = finding};
    if (k->style != STYLE_PLAIN) {
        weft__case plain = *k;
        plain.style = STYLE_PLAIN;
        if (weft__case_draw(c, &plain))
            try_case(&s, &plain);
    }
    while (shorten(&s) && s.tries < MOST_TRIES)
        continue;
    plainer(&s);
    return !c->no_memory;
}

/* index_text.c: names, numbers and indices as text and as TeX. Letters are given to bound indices here, the preferred one first and none that is in use, so
 * that none clashes. */
#include "engine/explain/index.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void weft__text_start(weft__text *t, weft__book *b, weft_notation notation, bool short_adjoints)
{
    *t = (weft__text){.book = b, .notation = notation, .short_adjoints = short_adjoints, .text = (char[]){0}};
    t->text = weft__arena_take(&b->arena, t->size = 256);
    if (t->text)
        *t->text = 0;
    else
        weft__book_fail(b, WEFT_ERROR_MEMORY, "out of memory");
}

void weft__text_bytes(weft__text *t, const char *text, size_t n)
{
    if (t->book->status != WEFT_OK)
        return;
    if (t->used + n + 1 > t->size) {
        size_t size = 2 * (t->used + n + 1);
        char *larger = weft__arena_take(&t->book->arena, size);
        if (!larger) {
            weft__book_fail(t->book, WEFT_ERROR_MEMORY, "out of memory");
            return;
        }
        memcpy(larger, t->text, t->used + 1);
        t->text = larger;
        t->size = size;
    }
    memcpy(t->text + t->used, text, n);
    t->used += n;
    t->text[t->used] = 0;
}

void weft__text_put(weft__text *t, const char *text)
{
    weft__text_bytes(t, text, strlen(text));
}

static bool tex(const weft__text *t)
{
    return t->notation == WEFT_NOTATION_TEX;
}

void weft__text_choose(weft__text *t, const char *plain, const char *ascii, const char *in_tex)
{
    weft__text_put(t, t->notation == WEFT_NOTATION_PLAIN ? plain : tex(t) ? in_tex : ascii);
}

/* --- names and numbers --- */

static const struct {
    const char *name, *plain, *tex;
} greek[] = {
    {"alpha", "α", "\\alpha"}, {"beta", "β", "\\beta"}, {"gamma", "γ", "\\gamma"}, {"delta", "δ", "\\delta"},
    {"eps", "ε", "\\varepsilon"}, {"epsilon", "ε", "\\varepsilon"}, {"theta", "θ", "\\theta"}, {"lambda", "λ", "\\lambda"},
    {"mu", "μ", "\\mu"}, {"nu", "ν", "\\nu"}, {"rho", "ρ", "\\rho"}, {"sigma", "σ", "\\sigma"},
    {"sigma2", "σ²", "\\sigma^{2}"}, {"tau", "τ", "\\tau"}, {"phi", "φ", "\\varphi"}, {"omega", "ω", "\\omega"},
    {"hhat", "ĥ", "\\hat{h}"}, {"hath", "ĥ", "\\hat{h}"}, {"yhat", "ŷ", "\\hat{y}"},
};

static bool ends_with_hat(const char *name)
{
    return strlen(name) == 4 && !strcmp(name + 1, "hat");
}

/* TeX gets letters and digits only; other bytes would be commands of its own. */
static void put_tex_name(weft__text *t, const char *name)
{
    bool several = name[0] && name[1];
    weft__text_put(t, several ? "\\mathrm{" : "");
    for (const char *c = name; *c; c++) {
        bool letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9');
        weft__text_put(t, letter ? "" : *c == '_' ? "\\" : "");
        weft__text_bytes(t, letter || *c == '_' ? c : "?", 1);
    }
    weft__text_put(t, several ? "}" : "");
}

void weft__text_name(weft__text *t, const char *name)
{
    for (size_t i = 0; i < sizeof greek / sizeof *greek && t->notation != WEFT_NOTATION_ASCII; i++)
        if (!strcmp(greek[i].name, name)) {
            weft__text_put(t, tex(t) ? greek[i].tex : greek[i].plain);
            return;
        }
    if (t->notation != WEFT_NOTATION_ASCII && ends_with_hat(name)) {
        weft__text_put(t, tex(t) ? "\\hat{" : "");
        weft__text_bytes(t, name, 1);
        weft__text_put(t, tex(t) ? "}" : "\xcc\x82"); /* a combining circumflex */
        return;
    }
    if (tex(t)) {
        put_tex_name(t, name);
        return;
    }
    for (const char *c = name; *c; c++)
        weft__text_bytes(t, (unsigned char)*c >= ' ' && *c != 0x7f ? c : "?", 1);
}

bool weft__text_fraction(double x, double *p, double *q)
{
    for (*q = 1; *q <= 1000; ++*q) {
        *p = nearbyint(x * *q);
        if (fabs(*p) < 1e9 && fabs(x * *q - *p) <= 8 * 2.220446049250313e-16 * fabs(*p) && *p != 0)
            return true;
    }
    return false;
}

void weft__text_double(weft__text *t, double x)
{
    char text[64];
    snprintf(text, sizeof text, "%.6g", x);
    for (char *c = text; *c; c++)
        *c = *c == ',' ? '.' : *c;
    char *power = tex(t) ? strchr(text, 'e') : NULL;
    if (!power) {
        weft__text_put(t, tex(t) && isinf(x) ? x < 0 ? "-\\infty" : "\\infty" : text);
        return;
    }
    *power = 0;
    if (strcmp(text, "1")) {
        weft__text_put(t, text);
        weft__text_put(t, " \\cdot ");
    }
    char exponent[48];
    snprintf(exponent, sizeof exponent, "10^{%d}", atoi(power + 1));
    weft__text_put(t, exponent);
}

void weft__text_number(weft__text *t, double number)
{
    double p, q;
    bool nice = weft__text_fraction(number, &p, &q) && q <= 64;
    weft__text_double(t, nice ? p : number);
    if (nice && q != 1) {
        weft__text_put(t, "/");
        weft__text_double(t, q);
    }
}

/* --- indices --- */

char weft__text_letter(const weft__text *t, int32_t id)
{
    for (int i = t->n_lettered; i-- > 0;)
        if (t->lettered[i] == id)
            return t->letter[i];
    return t->book->index[id].letter ? t->book->index[id].letter : '?';
}

static bool is_in_use(const weft__text *t, char letter)
{
    for (int i = 0; i < t->n_lettered; i++)
        if (t->letter[i] == letter)
            return true;
    return false;
}

void weft__text_give(weft__text *t, int32_t id)
{
    const weft__book_index *index = &t->book->index[id];
    char letter = index->letter ? index->letter : index->preferred;
    const char *others = t->book->bound_letters + (t->book->rank < (int)strlen(t->book->bound_letters) ? t->book->rank : 0);
    if (!index->letter) {
        while (*others && (!letter || is_in_use(t, letter)))
            letter = *others++;
    }
    if (t->n_lettered == 64 || !letter)
        return;
    t->lettered[t->n_lettered] = id;
    t->letter[t->n_lettered++] = letter;
}

/* "j", "2k+1", "3" */
static void put_index(weft__text *t, const weft__index *i)
{
    char text[96], number[32] = "", plus[32] = "";
    int64_t times = i->times < 0 ? -i->times : i->times;
    if (times != 1)
        snprintf(number, sizeof number, "%lld", (long long)times);
    if (i->plus && i->times > 0)
        snprintf(plus, sizeof plus, "%+lld", (long long)i->plus);
    if (i->id < 0)
        snprintf(text, sizeof text, "%lld", (long long)i->plus);
    else if (i->times < 0)
        snprintf(text, sizeof text, "%lld-%s%c", (long long)i->plus, number, weft__text_letter(t, i->id));
    else
        snprintf(text, sizeof text, "%s%c%s", number, weft__text_letter(t, i->id), plus);
    weft__text_put(t, text);
}

bool weft__index_is_plain(const weft__index *i)
{
    return i->id >= 0 && i->times == 1 && !i->plus;
}

/* "_kl"; an axis of length 1 has no index. shape: NULL where all are shown. */
void weft__text_indices(weft__text *t, const weft__index *index, int n, const weft_shape *shape)
{
    bool commas = false, any = false;
    for (int i = 0; i < n; i++) {
        if (shape && shape->dim[i] == 1)
            continue;
        any = true;
        commas |= !weft__index_is_plain(&index[i]);
    }
    if (!any)
        return;
    weft__text_put(t, tex(t) ? "_{" : commas ? "_{" : "_");
    any = false;
    for (int i = 0; i < n; i++) {
        if (shape && shape->dim[i] == 1)
            continue;
        weft__text_put(t, any && commas ? "," : "");
        put_index(t, &index[i]);
        any = true;
    }
    weft__text_put(t, tex(t) || commas ? "}" : "");
}

void weft__text_free(weft__text *t, const weft__index *index, int n)
{
    for (int i = 0; i < n; i++)
        if (index[i].id >= 0)
            weft__text_give(t, index[i].id);
}

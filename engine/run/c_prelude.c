/* c_prelude.c: what stands before printed loops: headers, functions that ops bring or that fold runs, one that writes past the caches. */
#include "engine/run/c_text.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { MOST_FOLDS = 16, MOST_FUNCTIONS = 64 /* a loop that needs more does not compile, and is interpreted */, MOST_TEXT = 24 };

/* Copies past the caches, in whole cache lines where it can. */
static const char stream_text[] = "#if defined(__AVX512F__)\n"
                                  "#include <immintrin.h>\n"
                                  "#define STREAM(to, from) _mm512_stream_si512((void *)(to), _mm512_loadu_si512((const void *)(from)))\n"
                                  "#elif defined(__SSE2__)\n"
                                  "#include <emmintrin.h>\n"
                                  "#define STREAM_16(to, from, at) _mm_stream_si128((__m128i *)(to) + at, _mm_loadu_si128((const __m128i *)(from) + at))\n"
                                  "#define STREAM(to, from) (STREAM_16(to, from, 0), STREAM_16(to, from, 1), STREAM_16(to, from, 2), STREAM_16(to, from, 3))\n"
                                  "#endif\n\n"
                                  "static void stream(void *to, const void *from, size_t bytes)\n{\n"
                                  "    char *y = to;\n    const char *x = from;\n"
                                  "#ifdef STREAM\n"
                                  "    size_t head = -(uintptr_t)y % 64;\n"
                                  "    head = head < bytes ? head : bytes;\n"
                                  "    memcpy(y, x, head);\n"
                                  "    for (y += head, x += head, bytes -= head; bytes >= 64; y += 64, x += 64, bytes -= 64)\n"
                                  "        STREAM(y, x);\n"
                                  "#endif\n"
                                  "    memcpy(y, x, bytes);\n}\n\n"
                                  "static void stream_end(void)\n{\n#ifdef STREAM\n    _mm_sfence();\n#endif\n}\n\n";

/* Asks for what a walk reads next; processors do so themselves, but only within a page of 4 KiB, and see few walks at a time. */
static const char fetch_text[] = "static inline void fetch(const void *x, size_t bytes)\n{\n"
                                 "#ifdef __GNUC__\n"
                                 "    for (size_t k = 0; k < bytes; k += 64)\n"
                                 "        __builtin_prefetch((const void *)((uintptr_t)x + 2048 + k));\n"
                                 "#else\n    (void)x, (void)bytes;\n#endif\n}\n\n";

/* A fold whose runs hold elements of a type. */
typedef struct run_fold {
    const weft_op *op;
    uint8_t dtype;
} run_fold;

static void put_fold(const c_position *p, const run_fold *f)
{
    c_text *out = p->out;
    const weft_op *op = f->op;
    const char *type = weft__c_type(f->dtype);
    weft__c_put(out, "static %s fold_%s%s(size_t n, const %s *x)\n{\n", type, op->name, f->dtype == WEFT_F32 ? "f" : "", type);
    weft__c_put(out, "    const size_t rest = n %% %d;\n    %s lane[%d];\n    for (size_t k = 0; k < %d; k++)\n        lane[k] = ", WEFT__C_LANES, type, WEFT__C_LANES,
                WEFT__C_LANES);
    weft__c_number(out, op->fold->identity, f->dtype);
    weft__c_put(out, ";\n    for (size_t i = 0; i < n - rest; i += %d)\n        for (size_t k = 0; k < %d; k++)\n", WEFT__C_LANES, WEFT__C_LANES);
    weft__c_merge(p, 3, op->fold, "lane[k]", "x[i + k]");
    weft__c_put(out, "    for (size_t k = 0; k < rest; k++)\n");
    weft__c_merge(p, 2, op->fold, "lane[k]", "x[n - rest + k]");
    for (int half = WEFT__C_LANES / 2; half; half /= 2) {
        weft__c_put(out, "    for (size_t k = 0; k < %d; k++)\n", half);
        char other[MOST_TEXT];
        snprintf(other, sizeof other, "lane[k + %d]", half);
        weft__c_merge(p, 2, op->fold, "lane[k]", other);
    }
    weft__c_put(out, "    return lane[0];\n}\n\n");
}

/* The folds of a loop that are not done yet. */
static size_t put_new_folds(const c_position *p, run_fold *done, size_t n)
{
    for (int i = weft__c_next_run(p->l, 0); i < p->l->length; i = weft__c_next_run(p->l, i + 1)) {
        const instruction *b = &p->l->body[i];
        const run_fold f = {b->op, weft__c_run_dtype(b)};
        size_t k = 0;
        while (k < n && (done[k].op != f.op || done[k].dtype != f.dtype))
            k++;
        if (k < n || n == MOST_FOLDS)
            continue;
        done[n++] = f;
        put_fold(p, &f);
    }
    return n;
}

/* A function as an op gives it, on one line, with line breaks. */
static void put_function(c_text *out, const char *text)
{
    int depth = 0;
    for (const char *c = text; *c; c++) {
        bool named = *c == '}' && depth > 1 && c[1] == ' ' && isalpha((unsigned char)c[2]); /* a union's variables follow */
        depth += (*c == '{') - (*c == '}');
        weft__c_put(out, "%c", *c);
        if (!strchr("{};", *c) || named)
            continue;
        weft__c_put(out, depth || *c != '}' ? "\n" : "\n\n");
        while (c[1] == ' ')
            c++;
        if (c[1])
            weft__c_indent(out, c[1] == '}' ? depth - 1 : depth);
    }
}

/* Texts of functions, each printed once. */
typedef struct called {
    const char *text[MOST_FUNCTIONS];
    size_t n;
} called;

static void put_once(c_text *out, called *c, const char *text)
{
    size_t k = 0;
    while (text && k < c->n && strcmp(c->text[k], text)) /* ops that share a header have a copy each */
        k++;
    if (!text || k < c->n || k == MOST_FUNCTIONS)
        return;
    c->text[c->n++] = text;
    put_function(out, text);
}

/* Whether a function's text calls the one that another defines, whose name stands before its first parenthesis. */
static bool calls(const char *text, const char *other)
{
    const char *end = strchr(other, '('), *name = end;
    while (name > other && (isalnum((unsigned char)name[-1]) || name[-1] == '_'))
        name--;
    size_t n = (size_t)(end - name) + 1; /* with the parenthesis */
    for (const char *c = text; (c = strstr(c, "(")); c++)
        if ((size_t)(c - text) >= n && !strncmp(c - n + 1, name, n) && !isalnum((unsigned char)c[-(ptrdiff_t)n]) && c[-(ptrdiff_t)n] != '_')
            return true;
    return false;
}

/* Those that the ops of a loop bring, callees first: the one of the type, and what it calls. */
static void put_called(c_text *out, const loop *l, called *c)
{
    for (int i = 0; i < l->length; i++) {
        if (l->body[i].action != ACTION_MAP)
            continue;
        const char *const *text = l->body[i].op->functions;
        bool needed[WEFT_MAX_FUNCTIONS] = {false};
        needed[l->body[i].dtype == WEFT_F32 ? 0 : 1] = true;
        for (int k = 0; k < WEFT_MAX_FUNCTIONS; k++)
            for (int user = 0; user < k && text[k]; user++)
                needed[k] |= needed[user] && text[user] && calls(text[user], text[k]);
        for (int k = WEFT_MAX_FUNCTIONS - 1; k >= 0; k--)
            if (needed[k])
                put_once(out, c, text[k]);
    }
}

static bool any(const weft_program *program, bool (*is_so)(const loop *l))
{
    for (size_t s = 0; s < program->n_steps; s++) {
        const loop *l = program->steps[s].loop;
        if (l && !weft__c_missing(l) && is_so(l))
            return true;
    }
    return false;
}

void weft__c_prelude(c_text *out, const weft_program *const *programs, size_t n, bool may_stream)
{
    run_fold folds[MOST_FOLDS];
    called functions = {.n = 0};
    size_t n_folds = 0;
    bool streams = false, fetches = false;
    for (size_t k = 0; k < n && may_stream; k++) {
        streams |= any(programs[k], weft__c_streams);
        fetches |= any(programs[k], weft__c_fetches);
    }
    weft__c_put(out, "#include <math.h>\n#include <stddef.h>\n#include <stdint.h>\n%s\n", streams ? "#include <string.h>\n" : "");
    if (streams)
        weft__c_put(out, "%s", stream_text);
    if (fetches)
        weft__c_put(out, "%s", fetch_text);
    for (size_t k = 0; k < n; k++)
        for (size_t s = 0; s < programs[k]->n_steps; s++) {
            const loop *l = programs[k]->steps[s].loop;
            if (!l || weft__c_missing(l))
                continue;
            put_called(out, l, &functions);
            n_folds = put_new_folds(&(c_position){.out = out, .program = programs[k], .l = l, .row = "i"}, folds, n_folds);
        }
}

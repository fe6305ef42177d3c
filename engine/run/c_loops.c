/* c_loops.c: loops as plain C99, for the compiler and for people. One function a loop; a comment says which nodes it computes.
 *
 * Compilers may not reorder sums, so the text says what may go side by side: where the innermost dim stays, four rows are folded at once
 * into a row of accumulators; where it is folded away, a run of elements is computed into a small array and folded in lanes; so
 * many of them that gcc does not unroll them, since it then no longer sees a loop to vectorise.
 * Accumulators are double. Many rows go by blocks, so that rounding does not grow with their number. */
#include "engine/run/c_loops.h"
#include "engine/stream.h"

#include <stdio.h>
#include <string.h>

enum { RUN = 512, MOST_NAMED = 24 };

const weft_op *weft__c_missing(const loop *l)
{
    for (int i = 0; i < l->length; i++) {
        const instruction *b = &l->body[i];
        if ((b->action == ACTION_MAP && !b->op->text) || (b->action == ACTION_FOLD && !b->op->fold->text))
            return b->op;
    }
    return NULL;
}

static folding folding_of(const loop *l, const instruction *fold)
{
    int last = l->rank - 1;
    if (!fold->stride[last] && l->extent[last] != 1)
        return FOLD_RUN;
    bool wide = l->extent[last] > WEFT__C_MOST_BLOCK || l->split == last;
    return !fold->stride[last - 1] && l->extent[last - 1] > WEFT__C_ROWS && !wide ? FOLD_ROWS : FOLD_IN_PLACE;
}

/* The first fold of a kind from instruction i on; the loop's length: none. */
int weft__c_next_fold(const loop *l, folding kind, int i)
{
    while (i < l->length && !(l->body[i].action == ACTION_FOLD && folding_of(l, &l->body[i]) == kind))
        i++;
    return i;
}

void weft__c_line(const c_position *p, int depth, const char *text)
{
    weft__c_indent(p->out, depth);
    weft__c_put(p->out, "%s\n", text);
}

static void put_identity(c_text *out, const instruction *fold)
{
    weft__c_number(out, fold->op->fold->identity, WEFT_F64);
}

/* to = merge(to, value). */
void weft__c_merge(const c_position *p, int depth, const weft_fold *fold, const char *to, const char *value)
{
    weft__c_indent(p->out, depth);
    if (!strcmp(fold->text, "a + b")) {
        weft__c_put(p->out, "%s += %s;\n", to, value);
        return;
    }
    weft__c_put(p->out, "%s = ", to);
    for (const char *c = fold->text; *c; c++)
        if (*c == 'a' || *c == 'b')
            weft__c_put(p->out, "%s", *c == 'a' ? to : value);
        else
            weft__c_put(p->out, "%c", *c);
    weft__c_put(p->out, ";\n");
}

/* The same for fold i. to and value are names with the fold's number; NULL: the element of the result, and what is folded. */
static void merge_fold(const c_position *p, int depth, int i, const char *to, const char *value)
{
    const instruction *b = &p->l->body[i];
    c_text left = {.allocator = p->out->allocator, .by_base = p->out->by_base}, right = left;
    c_position aside = *p;
    aside.out = &left;
    if (to)
        weft__c_put(&left, to, i);
    else
        weft__c_element(&aside, b);
    aside.out = &right;
    if (value) {
        weft__c_put(&right, value, i);
    } else {
        weft__c_put(&right, "%s", b->dtype == WEFT_F32 ? "(double)" : "");
        weft__c_operand(&aside, b->operand[0]);
    }
    if (left.failed || right.failed)
        p->out->failed = true;
    else
        weft__c_merge(p, depth, b->op->fold, left.text, right.text);
    weft__c_free(&left);
    weft__c_free(&right);
}

void weft__c_merge_folds(const c_position *p, int depth, folding kind, const char *to, const char *value)
{
    FOR_FOLDS(p->l, kind, i)
        merge_fold(p, depth, i, to, value);
}

/* "NAME = identity;" for each fold of a kind. */
void weft__c_start_folds(const c_position *p, int depth, folding kind, const char *name)
{
    FOR_FOLDS(p->l, kind, i) {
        weft__c_indent(p->out, depth);
        weft__c_put(p->out, name, i);
        weft__c_put(p->out, " = ");
        put_identity(p->out, &p->l->body[i]);
        weft__c_put(p->out, ";\n");
    }
}

const char *weft__c_low(const loop *l, int d)
{
    return d == l->split ? "begin" : "0";
}

const char *weft__c_high(const loop *l, int d, char *text)
{
    if (d == l->split)
        return "end";
    snprintf(text, WEFT__C_LIMIT, "%zu", l->extent[d]);
    return text;
}

static bool is_one_step(const loop *l, int d)
{
    return l->extent[d] == 1 && d != l->split;
}

static void put_dim(const c_position *p, int depth, int d, const char *name, const char *behind)
{
    char high[WEFT__C_LIMIT];
    weft__c_indent(p->out, depth);
    weft__c_put(p->out, "for (size_t %s = %s; %s < %s; %s++)%s\n", name, weft__c_low(p->l, d), name, weft__c_high(p->l, d, high), name, behind);
}

/* The loop over dim d, named so, if it is more than one step; returns the depth inside. */
int weft__c_open_dim(const c_position *p, int depth, int d, const char *name)
{
    if (is_one_step(p->l, d))
        return depth;
    put_dim(p, depth, d, name, "");
    return depth + 1;
}

/* --- the innermost loops, in three shapes --- */

/* gcc 12.2 unrolls an inner loop of up to 16 steps whole, vectorises the loop around it, and where a mask is a number first and a choice after,
 * as in where(equal(a, b), c, d), at 512 bits gives lanes the mask of others. A short loop that chooses stays a loop. */
static void keep_loop(const c_position *p, size_t steps)
{
    enum { UNROLLED_WHOLE = 16 };
    bool chooses = false;
    for (int i = 0; i < p->l->length; i++)
        chooses |= p->l->body[i].action == ACTION_MAP && p->l->body[i].n > 2;
    if (chooses && steps <= UNROLLED_WHOLE && !p->program->printed)
        weft__c_put(p->out, "#pragma GCC unroll 1\n");
}

static void put_plain(const c_position *p, int depth)
{
    int last = p->l->rank - 1;
    char high[WEFT__C_LIMIT];
    depth = weft__c_open_dim(p, depth, last - 1, "i");
    keep_loop(p, p->l->extent[last]);
    weft__c_indent(p->out, depth);
    weft__c_put(p->out, "for (size_t j = %s; j < %s; j++) {\n", weft__c_low(p->l, last), weft__c_high(p->l, last, high));
    weft__c_body(p, depth + 1);
    weft__c_merge_folds(p, depth + 1, FOLD_IN_PLACE, NULL, NULL);
    weft__c_line(p, depth, "}");
}

bool weft__c_fetches(const loop *l)
{
    return l->fetch && l->extent[l->rank - 1] >= WEFT__C_CHUNK;
}

bool weft__c_has_store(const loop *l)
{
    for (int i = 0; i < l->length; i++)
        if (l->body[i].action == ACTION_STORE)
            return true;
    return false;
}

bool weft__c_streams(const loop *l)
{
    bool plain = weft__c_next_fold(l, FOLD_RUN, 0) == l->length && weft__c_next_fold(l, FOLD_ROWS, 0) == l->length;
    return plain && l->past && l->extent[l->rank - 1] >= WEFT__C_CHUNK;
}

/* Rows so short that lanes would cost more than they save. */
static bool has_short_rows(const loop *l)
{
    return l->split != l->rank - 1 && l->extent[l->rank - 1] <= WEFT__C_LANES;
}

int weft__c_next_run(const loop *l, int i)
{
    return has_short_rows(l) ? l->length : weft__c_next_fold(l, FOLD_RUN, i);
}

uint8_t weft__c_run_dtype(const instruction *b)
{
    return b->op->fold->selects ? b->dtype : WEFT_F64;
}

/* Rows into one element each, a run at a time. */
static void put_runs(const c_position *p, int depth)
{
    c_text *out = p->out;
    const loop *l = p->l;
    int last = l->rank - 1;
    char limit[WEFT__C_LIMIT];
    const char *low = weft__c_low(l, last), *high = weft__c_high(l, last, limit);
    size_t width = l->extent[last] < RUN ? l->extent[last] : RUN;
    bool one = last != l->split && l->extent[last] <= RUN; /* run a row */
    if (one && is_one_step(l, last - 1)) {
        weft__c_line(p, depth, "{");
    } else if (one) {
        put_dim(p, depth, last - 1, "i", " {");
    } else {
        depth = weft__c_open_dim(p, depth, last - 1, "i");
        weft__c_indent(out, depth);
        weft__c_put(out, "for (size_t start = %s; start < %s; start += %d) {\n", low, high, RUN);
        weft__c_indent(out, depth + 1);
        weft__c_put(out, "const size_t n = %s - start < %d ? %s - start : %d;\n", high, RUN, high, RUN);
    }
    FOR_FOLDS(l, FOLD_RUN, i) {
        weft__c_indent(out, depth + 1);
        weft__c_put(out, "%s run_%d[%zu];\n", weft__c_type(weft__c_run_dtype(&l->body[i])), i, width ? width : 1);
    }
    if (one) {
        keep_loop(p, l->extent[last]);
        weft__c_indent(out, depth + 1);
        weft__c_put(out, "for (size_t j = 0; j < %s; j++) {\n", high);
    } else {
        weft__c_line(p, depth + 1, "for (size_t k = 0; k < n; k++) {");
        weft__c_line(p, depth + 2, "const size_t j = start + k;");
    }
    weft__c_body(p, depth + 2);
    weft__c_merge_folds(p, depth + 2, FOLD_IN_PLACE, NULL, NULL);
    weft__c_merge_folds(p, depth + 2, FOLD_ROWS, NULL, NULL);
    FOR_FOLDS(l, FOLD_RUN, i) {
        weft__c_indent(out, depth + 2);
        weft__c_put(out, one ? "run_%d[j] = " : "run_%d[k] = ", i);
        weft__c_put(out, "%s", l->body[i].dtype != weft__c_run_dtype(&l->body[i]) ? "(double)" : "");
        weft__c_operand(p, l->body[i].operand[0]);
        weft__c_put(out, ";\n");
    }
    weft__c_line(p, depth + 1, "}");
    if (has_short_rows(l)) {
        weft__c_start_folds(p, depth + 1, FOLD_RUN, "double folded_%d");
        weft__c_indent(out, depth + 1);
        weft__c_put(out, "for (size_t j = 0; j < %s; j++) {\n", high);
        weft__c_merge_folds(p, depth + 2, FOLD_RUN, "folded_%d", "run_%d[j]");
        weft__c_line(p, depth + 1, "}");
    }
    FOR_FOLDS(l, FOLD_RUN, i) {
        if (!has_short_rows(l)) {
            weft__c_indent(out, depth + 1);
            const char *narrow = weft__c_run_dtype(&l->body[i]) == WEFT_F32 ? "f" : "";
            weft__c_put(out, "const double folded_%d = fold_%s%s(%s, run_%d);\n", i, l->body[i].op->name, narrow, one ? high : "n", i);
        }
        merge_fold(p, depth + 1, i, NULL, "folded_%d");
    }
    weft__c_line(p, depth, "}");
}

/* --- the function --- */

/* The accumulators of this part start from the identity: all of them, or those of [begin, end) for each position in the dims further out. */
static void put_start(const c_position *p, const instruction *b)
{
    c_text *out = p->out;
    const loop *l = p->l;
    ptrdiff_t stride = l->split < 0 ? 0 : b->stride[l->split];
    size_t kept = weft__fold_kept(l, b);
    int depth = 1;
    if (l->parts == 1 || b->partial != NO_STORAGE) {
        weft__c_put(out, "    for (size_t k = 0; k < %zu; k++)\n", kept);
    } else if (kept == l->extent[l->split] * (size_t)stride) {
        weft__c_put(out, "    for (size_t k = begin * %td; k < end * %td; k++)\n", stride, stride);
    } else {
        weft__c_put(out, "    for (size_t at = begin * %td; at < %zu; at += %zu)\n", stride, kept, l->extent[l->split] * (size_t)stride);
        weft__c_put(out, "        for (size_t k = at; k < at + (end - begin) * %td; k++)\n", stride);
        depth++;
    }
    weft__c_indent(out, depth + 1);
    weft__c_array(out, l, b);
    weft__c_put(out, "[k] = ");
    put_identity(out, b);
    weft__c_put(out, ";\n");
}

bool weft__c_by_base(const weft_program *program, const loop *l)
{
    enum { MOST_PARAMETERS = 32 };
    int n = 0;
    for (int i = weft__c_parameter(program, l, 0); i < l->length && n <= MOST_PARAMETERS; i = weft__c_parameter(program, l, i + 1))
        n++;
    return l->split >= 0 && l->count == 1 && n > MOST_PARAMETERS;
}

static bool is_updated(const loop *l, uint32_t index)
{
    for (int i = l->length; i-- > 0 && l->body[i].updates;) /* they stand at the end */
        if (l->body[i].storage == index)
            return true;
    return false;
}

static void put_parameters(c_text *out, const weft_program *program, const loop *l)
{
    bool first = true;
    if (out->by_base) {
        weft__c_put(out, "void *const *base, size_t begin, size_t end");
        return;
    }
    for (int i = weft__c_parameter(program, l, 0); i < l->length; i = weft__c_parameter(program, l, i + 1), first = false) {
        const instruction *b = &l->body[i];
        weft__c_put(out, "%s", first ? "" : ",");
        if (!first)
            weft__c_break(out);
        weft__c_put(out, "%s%s *restrict ", b->action == ACTION_LOAD && !is_updated(l, b->storage) ? "const " : "", b->action == ACTION_FOLD ? "double" : weft__c_type(b->dtype));
        weft__c_array(out, l, b);
    }
    if (l->split >= 0)
        weft__c_put(out, "%ssize_t begin, size_t end", first ? "" : ", ");
}

/* "4096 x 1024: %12 sub centred, %14 sum" */
static void put_comment(c_text *out, const loop *l)
{
    int named = 0;
    weft__c_put(out, "/* ");
    for (int d = 0; d < l->rank; d++)
        weft__c_put(out, "%s%zu", d ? " x " : "", l->extent[d]);
    for (int i = 0; i < l->length && named <= MOST_NAMED; i++) {
        const instruction *b = &l->body[i];
        char name[WEFT__C_IDENTIFIER];
        if (b->action != ACTION_MAP && b->action != ACTION_FOLD)
            continue;
        weft__c_identifier(b, name);
        if (named++ == MOST_NAMED)
            weft__c_put(out, ", ...");
        else
            weft__c_put(out, "%s %%%u %s%s%s", named > 1 ? "," : ":", (unsigned)b->node, b->op->name, *name ? " " : "", name);
    }
    weft__c_put(out, " */\n");
}

/* The program's memory, from the place of any of its buffers. */
static void put_pool(c_text *out, const loop *l)
{
    for (int i = 0; i < l->length; i++) {
        const instruction *b = &l->body[i];
        const storage *s = b->stride ? &out->by_base->storages[b->storage] : NULL;
        if (!s || (s->kind != STORAGE_BUFFER && s->kind != STORAGE_PARAMETER))
            continue;
        weft__c_put(out, "    char *const pool = (char *)base[%u] - %zu;\n", (unsigned)b->storage, s->offset);
        return;
    }
}

void weft__c_loop(c_text *out, const weft_program *program, const loop *l, const char *name, bool may_stream)
{
    c_position p = {.out = out, .program = program, .l = l, .row = "i", .stream = may_stream && weft__c_streams(l)};
    p.fetch = may_stream && weft__c_fetches(l);
    int depth = 1;
    out->by_base = weft__c_by_base(program, l) ? program : NULL;
    if (l->split >= 0)
        put_comment(out, l);
    weft__c_put(out, "static void %s(", name);
    put_parameters(out, program, l);
    weft__c_put(out, ")\n{\n");
    if (out->by_base)
        put_pool(out, l);
    for (int i = 0; i < l->length; i++)
        if (l->body[i].action == ACTION_FOLD)
            put_start(&p, &l->body[i]);
    for (int d = 0; d < l->rank - 2; d++) {
        char letter[WEFT__C_LIMIT];
        snprintf(letter, sizeof letter, "i%d", d);
        depth = weft__c_open_dim(&p, depth, d, letter);
    }
    if (weft__c_next_fold(l, FOLD_RUN, 0) < l->length)
        put_runs(&p, depth);
    else if (weft__c_next_fold(l, FOLD_ROWS, 0) < l->length)
        weft__c_put_rows(&p, depth);
    else if (p.stream)
        weft__c_put_streams(&p, depth);
    else
        put_plain(&p, depth);
    weft__c_put(out, p.stream ? "    stream_end();\n}\n\n" : "}\n\n");
    out->by_base = NULL;
}

size_t weft__c_stack(const loop *l)
{
    size_t last = l->extent[l->rank - 1], runs = 0, rows = 0;
    FOR_FOLDS(l, FOLD_RUN, i)
        runs += (last < RUN ? last : RUN) * sizeof(double);
    FOR_FOLDS(l, FOLD_ROWS, i)
        rows += last * sizeof(double);
    return runs ? runs : rows;
}

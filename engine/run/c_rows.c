/* c_rows.c: loops in which several rows go side by side. What belongs to a column is then read once for all of them, and their memory arrives
 * side by side; results that are too large to be read again from a cache are written past it. */
#include "engine/run/c_loops.h"

#include <stdio.h>

enum { STREAM_BLOCK = 128 /* rows */ };

static size_t rows_of_part(const loop *l)
{
    int d = l->rank - 2;
    return d == l->split && l->parts > 1 ? l->step : l->extent[d];
}

/* "for (at...) { const size_t n = ...;", a few cache lines of a row at a time; what they are computed from is asked for ahead. */
static void open_chunks(const c_position *p, int depth, int rows)
{
    c_text *out = p->out;
    const loop *l = p->l;
    int last = l->rank - 1;
    char limit[WEFT__C_LIMIT];
    const char *low = weft__c_low(l, last), *high = weft__c_high(l, last, limit);
    weft__c_indent(out, depth);
    weft__c_put(out, "for (size_t at = %s; at < %s; at += %d) {\n", low, high, WEFT__C_CHUNK);
    weft__c_indent(out, depth + 1);
    if (last != l->split && l->extent[last] % WEFT__C_CHUNK == 0)
        weft__c_put(out, "const size_t n = %d;\n", WEFT__C_CHUNK);
    else
        weft__c_put(out, "const size_t n = %s - at < %d ? %s - at : %d;\n", high, WEFT__C_CHUNK, high, WEFT__C_CHUNK);
    for (int i = 0; i < l->length; i++) {
        const instruction *b = &l->body[i];
        if (b->action != ACTION_LOAD || b->stride[last] != 1 || (last && !b->stride[last - 1]) || weft__c_seen(l, i))
            continue;
        weft__c_indent(out, depth + 1);
        if (rows > 1)
            weft__c_put(out, "for (size_t r = 0; r < %d; r++)\n", rows);
        weft__c_indent(out, rows > 1 ? depth + 2 : 0);
        weft__c_put(out, "fetch(");
        weft__c_array(out, l, b);
        weft__c_put(out, " + ");
        weft__c_index(p, b, "at");
        weft__c_put(out, ", n * sizeof *");
        weft__c_array(out, l, b);
        weft__c_put(out, ");\n");
    }
}

/* Chunks of `rows` rows at once, whose results go past the caches. */
static void put_stream_chunks(const c_position *p, int depth, int rows)
{
    c_text *out = p->out;
    const loop *l = p->l;
    open_chunks(p, depth, rows);
    for (int i = 0; i < l->length; i++)
        if (l->body[i].action == ACTION_STORE) {
            weft__c_indent(out, depth + 1);
            weft__c_put(out, "%s line_%d[%d][%d];\n", weft__c_type(l->body[i].dtype), i, rows, WEFT__C_CHUNK);
        }
    weft__c_line(p, depth + 1, "for (size_t k = 0; k < n; k++) {");
    weft__c_line(p, depth + 2, "const size_t j = at + k;");
    weft__c_indent(out, depth + 2);
    weft__c_put(out, "for (size_t r = 0; r < %d; r++) {\n", rows);
    weft__c_body(p, depth + 3);
    weft__c_merge_folds(p, depth + 3, FOLD_IN_PLACE, NULL, NULL);
    weft__c_line(p, depth + 2, "}");
    weft__c_line(p, depth + 1, "}");
    weft__c_indent(out, depth + 1);
    weft__c_put(out, "for (size_t r = 0; r < %d; r++) {\n", rows);
    for (int i = 0; i < l->length; i++)
        if (l->body[i].action == ACTION_STORE) {
            weft__c_indent(out, depth + 2);
            weft__c_put(out, "stream(");
            weft__c_array(out, l, &l->body[i]);
            weft__c_put(out, " + ");
            weft__c_index(p, &l->body[i], "at");
            weft__c_put(out, ", line_%d[r], n * sizeof *line_%d[r]);\n", i, i);
        }
    weft__c_line(p, depth + 1, "}");
    weft__c_line(p, depth, "}");
}

/* Results go past the caches. Rows by blocks, four at once, a quarter of a block apart: what belongs to a column is read once for the four, and
 * their memory arrives side by side. */
void weft__c_put_streams(c_position *p, int depth)
{
    c_text *out = p->out;
    const loop *l = p->l;
    char limit[WEFT__C_LIMIT];
    const char *low = weft__c_low(l, l->rank - 2), *high = weft__c_high(l, l->rank - 2, limit);
    if (rows_of_part(l) < STREAM_BLOCK) {
        put_stream_chunks(p, weft__c_open_dim(p, depth, l->rank - 2, "i"), 1);
        return;
    }
    weft__c_indent(out, depth);
    weft__c_put(out, "for (size_t start = %s; start < %s; start += %d) {\n", low, high, STREAM_BLOCK);
    weft__c_indent(out, depth + 1);
    weft__c_put(out, "const size_t stop = %s - start < %d ? %s : start + %d, apart = (stop - start) / %d;\n", high, STREAM_BLOCK, high, STREAM_BLOCK, WEFT__C_ROWS);
    weft__c_line(p, depth + 1, "for (size_t i = start; i < start + apart; i++)");
    p->row = "(i + r * apart)";
    put_stream_chunks(p, depth + 2, WEFT__C_ROWS);
    p->row = "i";
    weft__c_indent(out, depth + 1);
    weft__c_put(out, "for (size_t i = start + %d * apart; i < stop; i++)\n", WEFT__C_ROWS);
    put_stream_chunks(p, depth + 2, 1);
    weft__c_line(p, depth, "}");
}

/* Four rows of a block at once. They lie a quarter of it apart: neighbours, where rows are short, share a page of memory, and the processor fetches
 * ahead by pages. */
static void put_rows_apart(c_position *p, int depth, const char *columns)
{
    weft__c_indent(p->out, depth);
    weft__c_put(p->out, "const size_t apart = (stop - start) / %d;\n", WEFT__C_ROWS);
    weft__c_line(p, depth, "for (size_t i = start; i < start + apart; i++)");
    p->row = "(i + r * apart)";
    if (p->fetch) {
        open_chunks(p, ++depth, WEFT__C_ROWS);
        weft__c_line(p, depth + 1, "for (size_t k = 0; k < n; k++) {");
        weft__c_line(p, depth + 2, "const size_t j = at + k;");
    } else {
        weft__c_line(p, depth + 1, columns);
    }
    weft__c_start_folds(p, depth + 2, FOLD_ROWS, "double rows_%d");
    weft__c_indent(p->out, depth + 2);
    weft__c_put(p->out, "for (size_t r = 0; r < %d; r++) {\n", WEFT__C_ROWS);
    weft__c_body(p, depth + 3);
    weft__c_merge_folds(p, depth + 3, FOLD_IN_PLACE, NULL, NULL);
    weft__c_merge_folds(p, depth + 3, FOLD_ROWS, "rows_%d", NULL);
    p->row = "i";
    weft__c_line(p, depth + 2, "}");
    weft__c_merge_folds(p, depth + 2, FOLD_ROWS, "block_%d[j]", "rows_%d");
    weft__c_line(p, depth + 1, "}");
    if (p->fetch)
        weft__c_line(p, depth, "}");
}

/* Rows into a row of accumulators, by blocks; four rows at once where none is stored: a compiler cannot know that four stored rows are apart. */
void weft__c_put_rows(c_position *p, int depth)
{
    c_text *out = p->out;
    const loop *l = p->l;
    char limit[WEFT__C_LIMIT], columns[64];
    const char *low = weft__c_low(l, l->rank - 2), *high = weft__c_high(l, l->rank - 2, limit);
    snprintf(columns, sizeof columns, "for (size_t j = 0; j < %zu; j++) {", l->extent[l->rank - 1]);
    weft__c_indent(out, depth);
    weft__c_put(out, "for (size_t start = %s; start < %s; start += %d) {\n", low, high, WEFT__C_BLOCK);
    weft__c_indent(out, ++depth);
    weft__c_put(out, "const size_t stop = %s - start < %d ? %s : start + %d;\n", high, WEFT__C_BLOCK, high, WEFT__C_BLOCK);
    FOR_FOLDS(l, FOLD_ROWS, i) {
        weft__c_indent(out, depth);
        weft__c_put(out, "double block_%d[%zu];\n", i, l->extent[l->rank - 1]);
    }
    weft__c_line(p, depth, columns);
    weft__c_start_folds(p, depth + 1, FOLD_ROWS, "block_%d[j]");
    weft__c_line(p, depth, "}");
    if (!weft__c_has_store(l)) {
        put_rows_apart(p, depth, columns);
        weft__c_indent(out, depth);
        weft__c_put(out, "for (size_t i = start + %d * apart; i < stop; i++)\n", WEFT__C_ROWS);
    } else {
        weft__c_line(p, depth, "for (size_t i = start; i < stop; i++)");
    }
    weft__c_line(p, depth + 1, columns);
    weft__c_body(p, depth + 2);
    weft__c_merge_folds(p, depth + 2, FOLD_IN_PLACE, NULL, NULL);
    weft__c_merge_folds(p, depth + 2, FOLD_ROWS, "block_%d[j]", NULL);
    weft__c_line(p, depth + 1, "}");
    weft__c_line(p, depth, columns);
    weft__c_merge_folds(p, depth + 1, FOLD_ROWS, NULL, "block_%d[j]");
    weft__c_line(p, depth, "}");
    weft__c_line(p, depth - 1, "}");
}

/* derivation_check.c: that no line moved the numbers. Each checked line is recorded as nodes, just as it is printed; all of them run in one program, in
 * f64 and unrewritten, and are set against the line before and against the recorded derivative; and weft_prove() proves each equal to the one before,
 * a first line to the recorded derivative. */
#include "engine/explain/derivation.h"

#include <math.h>
#include <string.h>

static double largest(const double *x, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++)
        most = fabs(x[i]) > most || x[i] != x[i] ? fabs(x[i]) : most;
    return most;
}

/* The largest difference over the largest entry. */
static double apart(const double *x, const double *y, size_t n)
{
    double scale = fmax(largest(x, n), largest(y, n)), most = 0;
    for (size_t i = 0; i < n; i++) {
        double d = fabs(x[i] - y[i]);
        most = d > most || d != d ? d : most;
    }
    return most == 0 || most != most ? most : most / scale;
}

static weft_program *run(weft__book *b, const weft_node *nodes, size_t n, const weft_binding *bind, size_t n_bind)
{
    const weft_options as_recorded = {.rewriting = WEFT_REWRITE_NONE};
    weft_program *program = weft_compile_with(nodes, n, &as_recorded);
    weft_status status = weft_program_status(program);
    for (size_t i = 0; i < n_bind && status == WEFT_OK; i++) {
        const weft_op *op = weft_node_op(bind[i].node);
        status = op && op->kind == WEFT_PARAMETER ? weft_parameter_write(program, bind[i].node, bind[i].data, bind[i].bytes)
                                                  : weft_bind(program, bind[i].node, bind[i].data, bind[i].bytes);
    }
    if (status == WEFT_OK)
        status = weft_run(program);
    if (status == WEFT_OK)
        return program;
    weft__book_fail(b, status, "%s", weft_program_message(program));
    weft_program_free(program);
    return NULL;
}

static void prove(weft__book *b, weft_derivation *d, const weft__line *lines, const weft_derive_options *options)
{
    for (size_t i = 0; i < d->n && b->status == WEFT_OK; i++) {
        weft_derivation_line *line = &d->line[i];
        if (!line->checked)
            continue;
        weft_proof proof;
        weft_node one = weft__handle(b->tape, lines[i].value);
        weft_node other = weft__handle(b->tape, lines[i].before != WEFT_NO_ID ? lines[lines[i].before].value : lines[i].staged);
        if (weft_prove(&one, &other, 1, &(weft_prove_options){.seed = options->seed}, &proof) != WEFT_OK)
            weft__book_fail(b, weft_tape_status(b->tape), "%s", weft_tape_message(b->tape));
        line->proved = proof.verdict;
        d->proved += proof.verdict == WEFT_PROVED;
    }
}

static void measure(weft__book *b, weft_derivation *d, weft__line *lines, const weft_program *program, const size_t *at, const size_t *staged_at)
{
    for (size_t i = 0; i < d->n; i++) {
        weft_derivation_line *line = &d->line[i];
        if (!lines[i].formula)
            continue;
        size_t n = weft__book_shape(b, lines[i].value)->count;
        const double *value = weft_output(program, at[i]);
        line->checked = true;
        line->from_staged = apart(value, weft_output(program, staged_at[i]), n);
        line->moved = lines[i].before != WEFT_NO_ID ? apart(value, weft_output(program, at[lines[i].before]), n) : 0;
        d->checked++;
        d->moved = fmax(d->moved, line->moved);
        d->from_staged = fmax(d->from_staged, line->from_staged);
        if (line->moved != line->moved || line->from_staged != line->from_staged)
            d->from_staged = NAN;
    }
}

weft_status weft__check_lines(weft__book *b, weft_derivation *d, weft__line *lines, const uint32_t *adjoints, const weft_binding *bind, size_t n_bind,
                              const weft_derive_options *options)
{
    const weft_allocator *a = &b->tape->allocator;
    weft_node *nodes = weft__allocate(a, 2 * d->n * sizeof *nodes + 1);
    size_t *at = weft__allocate(a, 2 * d->n * sizeof *at + 1), n = 0;
    if (!nodes || !at)
        weft__book_fail(b, WEFT_ERROR_MEMORY, "out of memory");
    for (size_t i = 0; i < d->n && b->status == WEFT_OK; i++) {
        if (!lines[i].formula)
            continue;
        const weft_shape shape = weft_node_shape(d->line[i].node);
        nodes[n] = weft__formula_lower(b, lines[i].formula, lines[i].index, shape.rank, &shape, adjoints, weft_node_dtype(b->y));
        lines[i].value = nodes[n].id;
        at[2 * i] = n++;
        nodes[n] = weft__handle(b->tape, lines[i].staged);
        at[2 * i + 1] = n++;
    }
    size_t *one = at, *other = b->status == WEFT_OK ? weft__allocate(a, d->n * sizeof *other + 1) : NULL;
    for (size_t i = 0; i < d->n && other; i++) { /* apart, for measure() */
        other[i] = at[2 * i + 1];
        one[i] = at[2 * i];
    }
    weft_program *program = n && other ? run(b, nodes, n, bind, n_bind) : NULL;
    if (program)
        measure(b, d, lines, program, one, other);
    weft_program_free(program);
    if (program && !options->unproved)
        prove(b, d, lines, options);
    weft__release(a, nodes, 2 * d->n * sizeof *nodes + 1);
    weft__release(a, at, 2 * d->n * sizeof *at + 1);
    weft__release(a, other, d->n * sizeof *other + 1);
    return b->status;
}

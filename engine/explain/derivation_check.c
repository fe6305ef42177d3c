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

/* The largest difference, over the largest entry that the terms of either would add up to if none cancelled: what rounding goes by. */
static double apart(const double *x, const double *y, size_t n, double scale)
{
    double most = 0;
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

enum { VALUE, SIZE, STAGED, PER_LINE }; /* outputs of the program for a line */

static void measure(weft_derivation *d, const weft__book *b, weft__line *lines, const weft_program *program)
{
    for (size_t i = 0; i < d->n; i++) {
        weft_derivation_line *line = &d->line[i];
        size_t at = lines[i].output, before = lines[i].before != WEFT_NO_ID ? lines[lines[i].before].output : at;
        if (!lines[i].formula)
            continue;
        size_t n = weft__book_shape(b, lines[i].value)->count;
        double scale = largest(weft_output(program, at + SIZE), n), scale_before = fmax(scale, largest(weft_output(program, before + SIZE), n));
        line->checked = true;
        line->from_staged = apart(weft_output(program, at + VALUE), weft_output(program, at + STAGED), n, scale);
        line->moved = apart(weft_output(program, at + VALUE), weft_output(program, before + VALUE), n, scale_before);
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
    weft_node *nodes = weft__allocate(a, PER_LINE * d->n * sizeof *nodes + 1);
    size_t n = 0;
    if (!nodes)
        weft__book_fail(b, WEFT_ERROR_MEMORY, "out of memory");
    for (size_t i = 0; i < d->n && b->status == WEFT_OK; i++) {
        if (!lines[i].formula)
            continue;
        const weft_shape shape = weft_node_shape(d->line[i].node);
        lines[i].output = n;
        for (int what = VALUE; what < STAGED; what++)
            nodes[n++] = weft__formula_lower(b, lines[i].formula, lines[i].index, shape.rank, &shape, adjoints, what == SIZE);
        lines[i].value = nodes[n - SIZE - 1].id;
        nodes[n++] = weft__handle(b->tape, lines[i].staged);
    }
    weft_program *program = n && b->status == WEFT_OK ? run(b, nodes, n, bind, n_bind) : NULL;
    if (program)
        measure(d, b, lines, program);
    weft_program_free(program);
    if (program && !options->unproved)
        prove(b, d, lines, options);
    weft__release(a, nodes, PER_LINE * d->n * sizeof *nodes + 1);
    return b->status;
}

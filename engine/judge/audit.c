/* audit.c: see audit.h. */
#include "engine/judge/audit.h"

#include <float.h>
#include <math.h>
#include <string.h>

bool weft_truth_available(weft_truth truth)
{
    return truth != WEFT_TRUTH_MPFR || weft__precise_built_in();
}

/* --- ulps --- */

/* The distance of neighbouring numbers of that type at x. */
static double ulp_at(double x, weft_dtype dtype)
{
    int exponent, least = dtype == WEFT_F32 ? FLT_MIN_EXP : DBL_MIN_EXP, digits = dtype == WEFT_F32 ? FLT_MANT_DIG : DBL_MANT_DIG;
    frexp(x, &exponent); /* |x| in 2**(exponent - 1) .. 2**exponent */
    return ldexp(1, (x != 0 && exponent > least ? exponent : least) - digits);
}

static double largest_of(const double *x, size_t n)
{
    double largest = 0;
    for (size_t i = 0; i < n; i++)
        largest = isfinite(x[i]) ? fmax(largest, fabs(x[i])) : largest;
    return largest;
}

typedef struct gathered {
    weft_dtype dtype;
    weft_ulps ulps;
    double squares, zero_ulp;
    size_t n;
} gathered;

static gathered gather_for(const weft__audited *v)
{
    weft_dtype dtype = weft_node_dtype(v->node);
    return (gathered){.dtype = dtype, .zero_ulp = ulp_at(largest_of(v->truth, v->count), dtype)};
}

/* off: of a value whose true one is `truth`; Inf where the two are not both finite, and not the same. */
static void gather(gathered *g, size_t element, double off, double truth)
{
    double ulp = isfinite(truth) ? (truth == 0 ? g->zero_ulp : ulp_at(truth, g->dtype)) : 1, size = isnan(off) ? INFINITY : fabs(off) / ulp;
    if (size > g->ulps.largest) {
        g->ulps.largest = size;
        g->ulps.worst = element;
    }
    g->squares += size * size;
    g->n++;
}

static weft_ulps finish(const gathered *g)
{
    weft_ulps ulps = g->ulps;
    ulps.rms = g->n ? fmin(sqrt(g->squares / (double)g->n), ulps.largest) : 0; /* a root of a square may be rounded up */
    return ulps;
}

/* --- rows --- */

static weft_ulps measure(const weft__audited *v, const double *off)
{
    gathered g = gather_for(v);
    for (size_t i = 0; i < v->count; i++)
        gather(&g, i, off[i], v->truth[i]);
    return finish(&g);
}

/* Puts the error made at v into the run, alone; null: takes it out again. */
static weft_status put_in(weft__audit *a, const weft__audited *v, bool null)
{
    char message[WEFT_MESSAGE_SIZE];
    if (a->by_mpfr) {
        weft_status status = WEFT_OK;
        if (null)
            weft__precise_back(&a->precise);
        else
            status = weft__precise_change(&a->precise, v->error, v->made, message);
        return status == WEFT_OK ? status : weft__tape_fail(a->tape, status, "audit: %.400s", message);
    }
    weft_bind(a->outputs, v->error, null ? a->zeros : v->made, v->count * sizeof(double));
    if (!null && weft_run(a->outputs) != WEFT_OK)
        return weft__tape_fail(a->tape, weft_program_status(a->outputs), "audit: %.400s", weft_program_message(a->outputs));
    return WEFT_OK;
}

static bool is_zero(const double *x, size_t n)
{
    while (n && x[n - 1] == 0)
        n--;
    return !n;
}

/* The error made at v, alone, as the outputs have it. */
static weft_status carry(weft__audit *a, const weft__audited *v, weft_ulps *carried)
{
    gathered sum = {.n = 0};
    *carried = (weft_ulps){0};
    if (is_zero(v->made, v->count))
        return WEFT_OK;
    if (put_in(a, v, false) != WEFT_OK)
        return a->tape->status;
    for (size_t k = 0; k < a->n_y; k++) {
        const weft__audited *y = &a->nodes[a->slot[a->y[k].id]];
        const double *moved = a->by_mpfr ? NULL : weft_output(a->outputs, k);
        gathered g = gather_for(y);
        for (size_t i = 0; i < y->count; i++)
            gather(&g, i, moved ? weft__audit_difference(moved[i], y->truth[i]) : weft__precise_moved(&a->precise, y->replayed, i), y->truth[i]);
        sum.squares += g.squares;
        sum.n += g.n;
        sum.ulps = g.ulps.largest > sum.ulps.largest ? g.ulps : sum.ulps;
    }
    *carried = finish(&sum);
    return put_in(a, v, true);
}

static bool is_worse(const weft_audit_row *a, const weft_audit_row *b)
{
    return a->carried.largest != b->carried.largest ? a->carried.largest > b->carried.largest : a->made.largest > b->made.largest;
}

static weft_status fill_rows(weft__audit *a, weft_audit_report *report)
{
    for (size_t k = 0; k < a->n; k++) {
        const weft__audited *v = &a->nodes[k];
        if (weft_node_dtype(v->node) == WEFT_I64 || (weft_node_dtype(v->node) == WEFT_F64 && !a->by_mpfr))
            continue;
        weft_audit_row row = {.node = v->node, .made = measure(v, v->made), .inherited = measure(v, v->inherited)};
        if (carry(a, v, &row.carried) != WEFT_OK)
            return a->tape->status;
        size_t at = report->n_rows++;
        for (; at && is_worse(&row, &report->rows[at - 1]); at--)
            report->rows[at] = report->rows[at - 1];
        report->rows[at] = row;
    }
    return WEFT_OK;
}

/* --- programs side by side --- */

static weft_ulps of_output(const weft__audit *a, const weft__audited *y, const void *values)
{
    gathered g = gather_for(y);
    for (size_t i = 0; i < y->count; i++) {
        double value = weft__element_value(g.dtype, values, i);
        double off = a->by_mpfr ? weft__real_off(value, weft__precise_at(&a->precise, y->replayed, i)) : weft__audit_difference(value, y->truth[i]);
        gather(&g, i, off, y->truth[i]);
    }
    return finish(&g);
}

static weft_status run_program(weft__audit *a, const weft_node *nodes, const weft_options *options, weft_audit_way way, weft_audit_report *report)
{
    weft_program *program = weft_compile_with(nodes, a->n_y, options);
    weft_status status = weft_program_status(program);
    for (size_t i = 0; i < a->options->n_bind && status == WEFT_OK; i++) {
        const weft_binding *b = &a->options->bind[i];
        bool parameter = weft_node_op(b->node)->kind == WEFT_PARAMETER;
        status = parameter ? weft_parameter_write(program, b->node, b->data, b->bytes) : weft_bind(program, b->node, b->data, b->bytes);
    }
    if (status == WEFT_OK)
        status = weft_run(program);
    if (status != WEFT_OK)
        weft__tape_fail(a->tape, status, "audit: %.400s", weft_program_message(program));
    for (size_t k = 0; k < a->n_y && status == WEFT_OK; k++)
        report->outputs[k][way] = of_output(a, &a->nodes[a->slot[a->y[k].id]], weft_output(program, k));
    weft_program_free(program);
    return status;
}

static weft_status compare_programs(weft__audit *a, weft_audit_report *report)
{
    weft_options recorded = {.rewriting = WEFT_REWRITE_NONE}, rewritten = {0}, compiled = a->options->compiled ? *a->options->compiled : rewritten;
    compiled.backend = WEFT_BACKEND_C;
    for (size_t k = 0; k < a->n_y; k++) {
        const weft__audited *y = &a->nodes[a->slot[a->y[k].id]];
        report->outputs[k][WEFT_AUDIT_STAGED] = of_output(a, y, y->stored);
        for (int way = WEFT_AUDIT_STAGED + 1; way < WEFT_AUDIT_WAYS; way++)
            report->outputs[k][way] = (weft_ulps){NAN, NAN, 0};
    }
    weft_status status = run_program(a, a->y, &recorded, WEFT_AUDIT_RECORDED, report);
    if (status == WEFT_OK)
        status = run_program(a, a->y, &rewritten, WEFT_AUDIT_REWRITTEN, report);
    if (status == WEFT_OK && a->options->compiled)
        status = run_program(a, a->y, &compiled, WEFT_AUDIT_COMPILED, report);
    if (status == WEFT_OK && a->options->fused)
        status = run_program(a, a->options->fused, &rewritten, WEFT_AUDIT_FUSED, report);
    return status;
}

/* --- the call --- */

/* MPFR where it is asked for, or there is nothing else for f64. */
static bool takes_mpfr(const weft__audit *a)
{
    bool wide = false;
    for (size_t k = 0; k < a->n_y; k++)
        wide |= weft_node_dtype(a->y[k]) == WEFT_F64;
    return a->options->truth == WEFT_TRUTH_MPFR || (a->options->truth == WEFT_TRUTH_DEFAULT && wide && weft_truth_available(WEFT_TRUTH_MPFR));
}

static weft_status check_arguments(const weft__audit *a)
{
    if (a->by_mpfr && !weft_truth_available(WEFT_TRUTH_MPFR))
        return weft__tape_fail(a->tape, WEFT_ERROR_ARGUMENT, "audit: this library was built without MPFR, so the truth can be f64 only; with libmpfr-dev "
                               "installed, build it again");
    for (size_t k = 0; k < a->n_y; k++) {
        const weft__node *node = weft__look(a->y[k]), *fused = a->options->fused ? weft__look(a->options->fused[k]) : node;
        if (!node || a->y[k].tape != a->tape || node->op->kind == WEFT_ASSIGN)
            return weft__tape_fail(a->tape, WEFT_ERROR_ARGUMENT, "audit: y[%zu] is no node of this tape that has a value", k);
        if (node->dtype == WEFT_I64 || (node->dtype == WEFT_F64 && !a->by_mpfr))
            return weft__tape_fail(a->tape, WEFT_ERROR_DTYPE, "audit: y[%zu] is %s; record the graph in f32 to see what that loses%s", k,
                                   weft_dtype_name((weft_dtype)node->dtype), node->dtype == WEFT_I64 ? "" : weft_truth_available(WEFT_TRUTH_MPFR)
                                   ? ", or take the truth of MPFR" : ", or build Weft with MPFR, for a truth beyond f64");
        if (!fused || (a->options->fused && a->options->fused[k].tape != a->tape))
            return weft__tape_fail(a->tape, WEFT_ERROR_ARGUMENT, "audit: fused[%zu] is no node of the tape of y", k);
        if (fused->shape != node->shape || fused->dtype != node->dtype)
            return weft__tape_fail(a->tape, WEFT_ERROR_SHAPE, "audit: fused[%zu] does not have the shape and dtype of its y", k);
    }
    for (size_t i = 0; i < a->options->n_bind; i++)
        if (!a->options->bind || !weft_node_op(a->options->bind[i].node))
            return weft__tape_fail(a->tape, WEFT_ERROR_ARGUMENT, "audit: binding %zu is no node", i);
    return WEFT_OK;
}

static weft_status fill(weft__audit *a, weft_audit_report *report)
{
    if (!weft__audit_collect(a))
        return weft__tape_fail(a->tape, WEFT_ERROR_MEMORY, "out of memory");
    report->rows = weft__allocate(&report->allocator, a->most * sizeof *report->rows);
    report->outputs = weft__allocate(&report->allocator, a->n_y * sizeof *report->outputs);
    report->n_outputs = a->n_y;
    report->rows_allocated = a->most;
    if (!report->rows || !report->outputs)
        return weft__tape_fail(a->tape, WEFT_ERROR_MEMORY, "out of memory");
    if (weft__audit_run(a) != WEFT_OK || fill_rows(a, report) != WEFT_OK)
        return a->tape->status;
    return compare_programs(a, report);
}

weft_status weft_audit(const weft_node *y, size_t n, const weft_audit_options *options, weft_audit_report *report)
{
    static const weft_audit_options none;
    weft_tape *tape = n && y ? y[0].tape : NULL;
    if (report)
        *report = (weft_audit_report){0};
    if (!tape || tape->status != WEFT_OK)
        return weft_tape_status(tape);
    if (!report)
        return weft__tape_fail(tape, WEFT_ERROR_ARGUMENT, "audit: an argument is NULL");
    report->allocator = tape->allocator;
    weft__audit a = {.tape = tape, .y = y, .n_y = n, .options = options ? options : &none};
    a.by_mpfr = takes_mpfr(&a);
    report->truth = a.by_mpfr ? WEFT_TRUTH_MPFR : WEFT_TRUTH_F64;
    if (check_arguments(&a) == WEFT_OK)
        fill(&a, report);
    weft__audit_release(&a);
    if (tape->status != WEFT_OK)
        weft_audit_free(report);
    return tape->status;
}

void weft_audit_free(weft_audit_report *report)
{
    if (!report)
        return;
    weft__release(&report->allocator, report->rows, report->rows_allocated * sizeof *report->rows);
    weft__release(&report->allocator, report->outputs, report->n_outputs * sizeof *report->outputs);
    *report = (weft_audit_report){.allocator = report->allocator};
}

/* diagnose.c: which hypotheses reproduce a claimed gradient. All of them are recorded as outputs of a few programs, which run at the caller's
 * numbers; those that match run once more at other numbers, which tells what is one function from what is the same here by chance. */
#include "engine/judge/diagnose.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { OUTPUTS = 96, MOST_MATCHES = 48 };
static const size_t most_bytes = (size_t)1 << 26; /* of the outputs of one program, if it has more than one */

typedef struct diagnosis {
    weft_tape *tape;
    weft_node y, dy; /* the caller's */
    const weft_diagnose_options *options;
    weft__judged judged;
    weft__hypotheses list;
    weft_diagnosis *result;
    uint32_t *now;            /* (judged.end) */
    size_t count;             /* elements of the claim */
    double *claimed, *truth;  /* (count) */
    double scale, tolerance, slack;
    size_t match[MOST_MATCHES], n_matches; /* hypotheses by number */
    bool kept[MOST_MATCHES], twin[MOST_MATCHES], moved_once;
    void **moved;             /* (n_bind): other numbers for what is bound */
    double *at_moved;         /* (n_matches, count): of the matches, there */
    double moved_scale;
} diagnosis;

static weft_status refuse(diagnosis *d, weft_status status, const char *what)
{
    return weft__tape_fail(d->tape, status, "diagnosis: %s", what);
}

/* --- programs --- */

static const void *data_of(const diagnosis *d, size_t k, bool moved)
{
    return moved && d->moved[k] ? d->moved[k] : d->options->bind[k].data;
}

static weft_program *run(diagnosis *d, const weft_node *outputs, size_t n, bool moved)
{
    const weft_options plain = {.rewriting = WEFT_REWRITE_EXACT};
    weft_program *p = weft_compile_with(outputs, n, &plain);
    weft_status status = weft_program_status(p);
    for (size_t k = 0; k < d->options->n_bind && status == WEFT_OK; k++) {
        const weft_binding *b = &d->options->bind[k];
        bool parameter = weft_node_op(b->node)->kind == WEFT_PARAMETER;
        status = parameter ? weft_parameter_write(p, b->node, data_of(d, k, moved), b->bytes) : weft_bind(p, b->node, data_of(d, k, moved), b->bytes);
    }
    if (status == WEFT_OK)
        status = weft_run(p);
    if (status == WEFT_OK)
        return p;
    weft__tape_fail(d->tape, status, "diagnosis: %s", p ? weft_program_message(p) : weft_status_text(status));
    weft_program_free(p);
    return NULL;
}

/* Records hypothesis k; a failed node where it cannot be, as shapes that do not fit: then the tape is as it was. */
static weft_node record(diagnosis *d, size_t k)
{
    weft_mark mark = weft_tape_mark(d->tape);
    weft_node dx = weft__variation_record(&d->judged, &d->list.item[k], d->now);
    weft_shape shape = weft_node_shape(d->judged.x);
    if (!weft_node_failed(dx) && weft__has_shape(dx, &shape))
        return dx;
    if (d->tape->status != WEFT_ERROR_MEMORY && k)
        weft_tape_rewind(d->tape, mark);
    return weft__failed(d->tape);
}

typedef void (*visitor)(diagnosis *d, size_t k, const double *values);

/* Outputs of a program, so that what they and their steps take stays within bounds. */
static size_t outputs_at_once(const diagnosis *d)
{
    size_t largest = d->count + 1;
    for (uint32_t id = d->judged.lo; id < d->judged.end; id++)
        largest = weft__count(&d->judged, id) > largest ? weft__count(&d->judged, id) : largest;
    size_t fit = most_bytes / sizeof(double) / largest;
    return fit < 1 ? 1 : fit < OUTPUTS ? fit : OUTPUTS;
}

/* Runs hypotheses numbers[0 .. n), or 0 .. n where it is NULL, and visits what comes out. */
static weft_status visit(diagnosis *d, const size_t *numbers, size_t n, bool moved, visitor visits)
{
    size_t most = outputs_at_once(d);
    for (size_t at = 0; at < n && d->tape->status == WEFT_OK;) {
        weft_mark mark = weft_tape_mark(d->tape);
        weft_node outputs[OUTPUTS];
        size_t number[OUTPUTS], used = 0;
        for (; at < n && used < most && d->tape->status == WEFT_OK; at++) {
            number[used] = numbers ? numbers[at] : at;
            outputs[used] = record(d, number[used]);
            used += !weft_node_failed(outputs[used]);
        }
        weft_program *p = d->tape->status == WEFT_OK && used ? run(d, outputs, used, moved) : NULL;
        for (size_t k = 0; p && k < used; k++)
            visits(d, number[k], weft_output(p, k));
        weft_program_free(p);
        if (d->tape->status == WEFT_OK)
            weft_tape_rewind(d->tape, mark);
    }
    return d->tape->status;
}

/* --- what is compared --- */

/* What a path contributes is the size of the terms whose rounding the claim may carry, where they cancel. */
static void measure(diagnosis *d, size_t k, const double *values)
{
    if (k == 0) {
        memcpy(d->truth, values, d->count * sizeof *values);
        d->scale = fmax(d->scale, weft__largest(values, d->count));
        return;
    }
    double contribution = weft__distance(values, d->truth, d->count);
    if (isfinite(contribution))
        d->scale = fmax(d->scale, contribution);
}

static void match(diagnosis *d, size_t k, const double *values)
{
    if (weft__distance(values, d->claimed, d->count) <= d->tolerance * d->scale + d->slack && d->n_matches < MOST_MATCHES)
        d->match[d->n_matches++] = k;
}

/* In an f32 graph terms may cancel within a path as well. What its own derivative, in f32, is off by tells how much. */
static weft_status allow_for_cancellation(diagnosis *d)
{
    weft_mark mark = weft_tape_mark(d->tape);
    weft_node dx;
    if (weft_vjp(&d->y, &d->dy, 1, &d->judged.given_x, 1, &dx) != WEFT_OK)
        return d->tape->status;
    weft_program *p = run(d, &dx, 1, false);
    const float *narrow = p ? weft_output(p, 0) : NULL;
    for (size_t i = 0; narrow && i < d->count; i++)
        if (isfinite(narrow[i]))
            d->slack = fmax(d->slack, 8 * fabs((double)narrow[i] - d->truth[i]));
    weft_program_free(p);
    if (d->tape->status == WEFT_OK)
        weft_tape_rewind(d->tape, mark);
    return d->tape->status;
}

/* --- what is one function --- */

static void keep(diagnosis *d, size_t k, const double *values)
{
    for (size_t i = 0; i < d->n_matches; i++)
        if (d->match[i] == k) {
            memcpy(d->at_moved + i * d->count, values, d->count * sizeof *values);
            d->moved_scale = fmax(d->moved_scale, weft__largest(values, d->count));
            d->kept[i] = true;
        }
}

static double drawn(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u; /* Knuth, MMIX */
    return (double)(*state >> 11) * 0x1p-52 - 1;
}

/* Other numbers of the same signs and sizes; what is 0 stays. */
static bool move_numbers(diagnosis *d)
{
    uint64_t state = 7;
    for (size_t k = 0; k < d->options->n_bind; k++) {
        const weft_binding *b = &d->options->bind[k];
        weft_dtype dtype = weft_node_dtype(b->node);
        if (dtype == WEFT_I64 || !b->bytes)
            continue;
        d->moved[k] = weft__allocate(&d->tape->allocator, b->bytes);
        if (!d->moved[k])
            return false;
        for (size_t i = 0; i < b->bytes / weft_dtype_size(dtype); i++) {
            double factor = 1 + 0.25 * drawn(&state);
            if (dtype == WEFT_F32)
                ((float *)d->moved[k])[i] = (float)(factor * (double)((const float *)b->data)[i]);
            else
                ((double *)d->moved[k])[i] = factor * ((const double *)b->data)[i];
        }
    }
    return true;
}

/* Takes out of the matches what is one function with an earlier one. Numbers at which nothing can be computed tell nothing apart. */
static weft_status leave_one_of_each(diagnosis *d)
{
    const weft_allocator *a = &d->tape->allocator;
    size_t bytes = d->n_matches * d->count * sizeof *d->at_moved, n = 0;
    weft_mark mark = weft_tape_mark(d->tape);
    memset(d->kept, 0, sizeof d->kept);
    d->moved_scale = 0;
    d->at_moved = weft__allocate(a, bytes + 1);
    if (!d->at_moved || (!d->moved_once && !move_numbers(d))) {
        weft__release(a, d->at_moved, bytes + 1);
        return weft__tape_fail(d->tape, WEFT_ERROR_MEMORY, "out of memory");
    }
    d->moved_once = true;
    if (visit(d, d->match, d->n_matches, true, keep) != WEFT_OK && d->tape->status != WEFT_ERROR_MEMORY)
        weft_tape_rewind(d->tape, mark);
    for (size_t i = 0; i < d->n_matches; i++) {
        bool twin = false;
        for (size_t k = 0; k < i && !twin; k++)
            twin = d->kept[i] && d->kept[k] && weft__distance(d->at_moved + i * d->count, d->at_moved + k * d->count, d->count) <= 1e-10 * d->moved_scale;
        d->twin[i] = twin;
    }
    for (size_t i = 0; i < d->n_matches; i++)
        if (!d->twin[i])
            d->match[n++] = d->match[i];
    d->n_matches = n;
    weft__release(a, d->at_moved, bytes + 1);
    return d->tape->status;
}

/* --- the claim --- */

static weft_shape claimed_shape(const diagnosis *d)
{
    return d->options->claimed.tape ? weft_node_shape(d->options->claimed) : d->options->shape;
}

static void widen(diagnosis *d, const void *data, weft_dtype dtype)
{
    for (size_t i = 0; i < d->count; i++)
        d->claimed[i] = dtype == WEFT_F32 ? (double)((const float *)data)[i] : ((const double *)data)[i];
}

static weft_status read_claim(diagnosis *d)
{
    const weft_allocator *a = &d->tape->allocator;
    const weft_diagnose_options *o = d->options;
    weft_shape shape = claimed_shape(d);
    d->count = weft_shape_count(&shape);
    d->claimed = weft__allocate(a, d->count * sizeof(double) + 1);
    d->truth = weft__allocate(a, d->count * sizeof(double) + 1);
    d->now = weft__allocate(a, d->judged.end * sizeof *d->now + 1);
    d->moved = weft__allocate(a, o->n_bind * sizeof *d->moved + 1);
    for (size_t k = 0; d->moved && k < o->n_bind; k++)
        d->moved[k] = NULL;
    if (!d->claimed || !d->truth || !d->now || !d->moved)
        return weft__tape_fail(d->tape, WEFT_ERROR_MEMORY, "out of memory");
    if (!o->claimed.tape) {
        widen(d, o->data, o->dtype);
        return WEFT_OK;
    }
    weft_program *p = run(d, &o->claimed, 1, false);
    if (p)
        widen(d, weft_output(p, 0), weft_node_dtype(o->claimed));
    weft_program_free(p);
    return d->tape->status;
}

/* By the rounding of a number, for sums of so many. Half of the digits of f64 are left for what a formula loses; f32 has none to spare. */
static double tolerance_of(const diagnosis *d)
{
    const weft__judged *j = &d->judged;
    double most = 1, n;
    if (d->options->tolerance > 0)
        return d->options->tolerance;
    for (uint32_t id = j->lo; id < j->end; id++) {
        const weft__node *node = weft__at(d->tape, id);
        if (weft__is_sum(j, id) && node->shape->count)
            most = fmax(most, (double)weft__count(j, node->operand[0]) / (double)node->shape->count);
        else if (weft__is_broadcast(j, id, &n))
            most = fmax(most, n);
        for (int i = 0; i < node->n && node->op->kind == WEFT_GENERAL; i++)
            for (int axis = 0; axis < weft__at(d->tape, node->operand[i])->shape->dims.rank; axis++)
                most = fmax(most, (double)weft__at(d->tape, node->operand[i])->shape->dims.dim[axis]);
    }
    weft_dtype dtype = d->options->claimed.tape ? weft_node_dtype(d->options->claimed) : d->options->dtype;
    return (64 + most) * (dtype == WEFT_F32 ? 0x1p-24 : 0x1p-41);
}

/* --- what is found --- */

static void find(diagnosis *d, size_t k)
{
    weft_diagnosis *r = d->result;
    if (r->n < WEFT_MOST_FINDINGS)
        weft__finding_describe(&d->judged, &d->list.item[k], &r->finding[r->n++]);
    r->matching++;
}

static void compare_with_truth(diagnosis *d)
{
    weft_diagnosis *r = d->result;
    r->max_abs = 0;
    for (size_t i = 0; i < d->count; i++) {
        double off = fabs(d->claimed[i] - d->truth[i]);
        if (off > r->max_abs || off != off) {
            r->max_abs = off;
            r->worst = i;
        }
        if (off != off)
            break;
    }
    if (d->count) {
        r->claimed = d->claimed[r->worst];
        r->expected = d->truth[r->worst];
    }
}

/* The hypotheses for one x: the caller's, or what it was broadcast to. */
static weft_status judge_for(diagnosis *d, weft_node x, unsigned unsummed)
{
    weft__judged *j = &d->judged;
    d->n_matches = 0;
    j->unsummed = unsummed;
    if (!weft__judged_for(j, x))
        return unsummed ? WEFT_OK : refuse(d, WEFT_ERROR_GRADIENT, "y does not depend on x");
    d->list.n = 0;
    weft__hypotheses_list(j, &d->list);
    if (d->list.out_of_memory)
        return weft__tape_fail(d->tape, WEFT_ERROR_MEMORY, "out of memory");
    d->result->tried += d->list.n;
    d->scale = weft__largest(d->claimed, d->count);
    d->slack = 0;
    if (visit(d, NULL, d->list.first_drop + d->list.n_drops, false, measure) != WEFT_OK)
        return d->tape->status;
    if (!unsummed && weft_node_dtype(j->given_x) == WEFT_F32 && allow_for_cancellation(d) != WEFT_OK)
        return d->tape->status;
    if (visit(d, NULL, d->list.n, false, match) != WEFT_OK)
        return d->tape->status;
    if (!unsummed)
        compare_with_truth(d);
    bool right = !unsummed && d->n_matches && d->match[0] == 0;
    if (right && weft__largest(d->truth, d->count) <= 1e-12 * d->scale) {
        d->result->verdict = WEFT_GRADIENT_EMPTY;
        return WEFT_OK;
    }
    if (right)
        d->result->verdict = WEFT_GRADIENT_RIGHT;
    if (d->n_matches > 1 && leave_one_of_each(d) != WEFT_OK)
        return d->tape->status;
    for (size_t i = right ? 1 : 0; i < d->n_matches; i++)
        find(d, d->match[i]);
    return WEFT_OK;
}

/* Where x is broadcast to the shape of the claim. */
static weft_status judge_unsummed(diagnosis *d, const weft_shape *claimed)
{
    weft__judged *j = &d->judged;
    weft_node x = j->x;
    bool any = false;
    for (uint32_t id = j->lo; id < j->end && d->tape->status == WEFT_OK; id++) {
        const weft__node *node = weft__at(d->tape, id);
        double n;
        if (node->dtype != WEFT_F64 || !weft__is_broadcast(j, id, &n) || weft__through_views(j, id) != weft__through_views(j, x.id) ||
            !weft__same_but_ones(claimed, &node->shape->dims))
            continue;
        weft_shape from = weft__at(d->tape, node->operand[0])->shape->dims, to = node->shape->dims;
        unsigned axes = 0;
        for (int i = 0; i < to.rank; i++)
            if (i < to.rank - from.rank || from.dim[i - (to.rank - from.rank)] != to.dim[i])
                axes |= WEFT_AXIS(i);
        any = true;
        judge_for(d, weft__handle(d->tape, id), axes);
    }
    if (d->tape->status == WEFT_OK && !any) {
        char want[100], got[100];
        weft_shape own = weft_node_shape(j->given_x);
        weft__tape_fail(d->tape, WEFT_ERROR_SHAPE, "diagnosis: the claimed gradient is %s; it must be %s, as x, or what x is broadcast to",
                        weft__shape_print(claimed, got, sizeof got), weft__shape_print(&own, want, sizeof want));
    }
    return d->tape->status;
}

static void say_verdict(diagnosis *d)
{
    weft_diagnosis *r = d->result;
    const char *name = weft_node_name(d->judged.given_x);
    char text[48];
    if (*name)
        snprintf(text, sizeof text, "d%.40s", name);
    else
        snprintf(text, sizeof text, "d%%%u", d->judged.given_x.id);
    bool finite = true;
    for (size_t i = 0; i < d->count; i++)
        finite &= isfinite(d->claimed[i]);
    if (r->verdict == WEFT_GRADIENT_EMPTY)
        snprintf(r->message, sizeof r->message, "%s is right, and zero, as the true gradient is at these numbers; that proves little", text);
    else if (r->verdict == WEFT_GRADIENT_RIGHT && r->n)
        snprintf(r->message, sizeof r->message, "%s is right at these numbers, which do not tell it from %zu mistake%s", text, r->matching,
                 r->matching == 1 ? "" : "s");
    else if (r->verdict == WEFT_GRADIENT_RIGHT)
        snprintf(r->message, sizeof r->message, "%s is right: it equals the true gradient", text);
    else if (r->n)
        memcpy(r->message, r->finding[0].words, sizeof r->message);
    else
        snprintf(r->message, sizeof r->message, "%s is wrong%s, and none of %zu hypotheses reproduces it", text,
                 finite ? "" : ", with values that are not finite", r->tried);
}

/* --- the call --- */

static weft_status check_arguments(diagnosis *d, weft_node y, weft_node dy, weft_node x)
{
    const weft_diagnose_options *o = d->options;
    const weft_node nodes[] = {y, dy, x};
    static const char *const who[] = {"y", "dy", "x"};
    for (int i = 0; i < 3; i++) {
        if (weft_node_failed(nodes[i]) || nodes[i].tape != d->tape)
            return weft__tape_fail(d->tape, WEFT_ERROR_ARGUMENT, "diagnosis: %s is no node of this tape", who[i]);
        if (weft_node_dtype(nodes[i]) == WEFT_I64)
            return weft__tape_fail(d->tape, WEFT_ERROR_DTYPE, "diagnosis: %s holds integers", who[i]);
    }
    weft_shape shape = weft_node_shape(y);
    if (!weft__has_shape(dy, &shape) || weft_node_dtype(y) != weft_node_dtype(dy))
        return refuse(d, WEFT_ERROR_SHAPE, "dy must have the shape and dtype of y");
    bool node = o->claimed.tape != NULL;
    if (node && (weft_node_failed(o->claimed) || o->claimed.tape != d->tape))
        return refuse(d, WEFT_ERROR_ARGUMENT, "the claimed gradient is no node of this tape");
    if ((node ? weft_node_dtype(o->claimed) : o->dtype) > WEFT_F64)
        return refuse(d, WEFT_ERROR_DTYPE, "the claimed gradient must be f32 or f64");
    if (!node && (o->shape.rank < 0 || o->shape.rank > WEFT_MAX_RANK || weft__shape_check(&o->shape)))
        return refuse(d, WEFT_ERROR_SHAPE, "the shape of the claimed gradient is not legal");
    if (!node && !o->data && weft_shape_count(&o->shape))
        return refuse(d, WEFT_ERROR_ARGUMENT, "there is no claimed gradient, neither a node nor data");
    for (size_t k = 0; k < o->n_bind; k++) {
        const weft_op *op = o->bind ? weft_node_op(o->bind[k].node) : NULL;
        if (!op || o->bind[k].node.tape != d->tape || (op->kind != WEFT_INPUT && op->kind != WEFT_PARAMETER))
            return weft__tape_fail(d->tape, WEFT_ERROR_ARGUMENT, "diagnosis: binding %zu is no input or parameter of this tape", k);
        weft_shape own = weft_node_shape(o->bind[k].node);
        size_t bytes = weft_shape_count(&own) * weft_dtype_size(weft_node_dtype(o->bind[k].node));
        if (o->bind[k].bytes != bytes || (bytes && !o->bind[k].data))
            return weft__tape_fail(d->tape, WEFT_ERROR_ARGUMENT, "diagnosis: the binding of \"%.40s\" must have %zu bytes",
                                   weft_node_name(o->bind[k].node), bytes);
    }
    return WEFT_OK;
}

static void release(diagnosis *d)
{
    const weft_allocator *a = &d->tape->allocator;
    for (size_t k = 0; d->moved && k < d->options->n_bind; k++)
        weft__release(a, d->moved[k], d->options->bind[k].bytes);
    weft__release(a, d->moved, d->options->n_bind * sizeof *d->moved + 1);
    weft__release(a, d->now, d->judged.end * sizeof *d->now + 1);
    weft__release(a, d->claimed, d->count * sizeof(double) + 1);
    weft__release(a, d->truth, d->count * sizeof(double) + 1);
    weft__release(a, d->list.item, d->list.allocated * sizeof *d->list.item);
    weft__judged_free(&d->judged);
}

static weft_status judge(diagnosis *d, weft_node x)
{
    d->judged.tape = d->tape;
    d->judged.bind = d->options->bind;
    d->judged.n_bind = d->options->n_bind;
    if (!weft__judged_copy(&d->judged, d->y, d->dy, x) || read_claim(d) != WEFT_OK)
        return d->tape->status;
    d->tolerance = tolerance_of(d);
    weft_shape claimed = claimed_shape(d), own = weft_node_shape(x);
    weft_status status = weft__same_but_ones(&claimed, &own) ? judge_for(d, d->judged.x, 0) : judge_unsummed(d, &claimed);
    if (status == WEFT_OK)
        say_verdict(d);
    return status;
}

weft_status weft_diagnose(weft_node y, weft_node dy, weft_node x, const weft_diagnose_options *options, weft_diagnosis *result)
{
    weft_tape *tape = y.tape;
    if (!tape || tape->status != WEFT_OK)
        return weft_tape_status(tape);
    diagnosis d = {.tape = tape, .y = y, .dy = dy, .options = options, .result = result, .list = {.allocator = &tape->allocator}};
    if (!options || !result)
        return refuse(&d, WEFT_ERROR_ARGUMENT, "an argument is NULL");
    *result = (weft_diagnosis){.verdict = WEFT_GRADIENT_WRONG, .max_abs = INFINITY};
    if (check_arguments(&d, y, dy, x) != WEFT_OK)
        return tape->status;
    weft_mark mark = weft_tape_mark(tape);
    weft_status status = judge(&d, x);
    release(&d);
    if (status == WEFT_OK) /* an error stays to be read; its nodes go with the next rewind */
        weft_tape_rewind(tape, mark);
    else
        result->n = 0;
    return status;
}

/* gradcheck.c: derivatives against central differences.
 *
 * What is differentiated is L = sum(w*y) with w drawn at random, so that errors in different elements cannot cancel and a gradient that
 * is zero by construction, as that of sum(y) after a normalisation, is not mistaken for a right one. The numeric derivative is
 * sum(w*(y(x+h) - y(x-h))) / ((x+h) - (x-h)): differences first, so that large values of y do not drown them. Both sides keep their
 * signs. It uses the public calls only, apart from memory. */
#include "engine/judge/gradcheck.h"
#include "engine/judge/random.h"

#include <float.h>
#include <math.h>
#include <string.h>

typedef struct check {
    weft_tape *tape;
    weft_node y, cotangent, preimage, preimage_cotangent;
    const weft_node *x;
    size_t n;
    weft_gradcheck_options options;
    weft_node preimage_adjoint; /* dL by the preimage */
    weft_program *value, *gradient;
    double terms;               /* the norm of the terms of which the preimage makes L */
    double *weights, *preimage_weights; /* of y and of the preimage */
    double *plus;                       /* y(x+h) */
    double *point, *numeric;            /* of the x being checked: (count) each */
    size_t y_count, preimage_count, largest;
} check;

/* --- numbers --- */

static const weft_binding *binding_of(const check *c, weft_node x)
{
    for (size_t i = 0; i < c->options.n_bind; i++)
        if (c->options.bind[i].node.id == x.id && c->options.bind[i].node.era == x.era)
            return &c->options.bind[i];
    return NULL;
}

static weft_status give(weft_program *program, weft_node node, const void *data, size_t bytes)
{
    return weft_node_op(node)->kind == WEFT_PARAMETER ? weft_parameter_write(program, node, data, bytes) : weft_bind(program, node, data, bytes);
}

static size_t count_of(weft_node x)
{
    weft_shape shape = weft_node_shape(x);
    return weft_shape_count(&shape);
}

static weft_status fail(const check *c, const weft_program *program)
{
    return weft__tape_fail(c->tape, weft_program_status(program), "gradient check: %s", weft_program_message(program));
}

/* --- what is recorded --- */

/* For a loss of one number: the array that it was reduced from, through views, reductions and arithmetic with constants. */
static weft_node preimage_of(weft_node y)
{
    weft_node z = y;
    while (count_of(z) == 1 && weft_node_operand_count(z) > 0) {
        int varying = -1, n_varying = 0;
        weft_kind kind = weft_node_op(z)->kind;
        for (int i = 0; i < weft_node_operand_count(z); i++)
            if (!weft_node_scalar(weft_node_operand(z, i), NULL)) {
                varying = i;
                n_varying++;
            }
        if (n_varying != 1 || (kind != WEFT_VIEW && kind != WEFT_REDUCTION && kind != WEFT_ELEMENTWISE))
            return y;
        z = weft_node_operand(z, varying);
    }
    return z;
}

/* Axes over which a claimed gradient should have been summed to reach the shape of x; 0 when it has that shape already. */
static bool missing_axes(weft_node claimed, weft_node x, unsigned *axes)
{
    weft_shape from = weft_node_shape(claimed), to = weft_node_shape(x);
    int shift = from.rank - to.rank;
    *axes = 0;
    if (shift < 0)
        return false;
    for (int i = 0; i < from.rank; i++) {
        if (i < shift || (to.dim[i - shift] == 1 && from.dim[i] != 1))
            *axes |= WEFT_AXIS(i);
        else if (to.dim[i - shift] != from.dim[i])
            return false;
    }
    return true;
}

/* Records gradients and their sizes without cancellation: outputs of the gradient program, n and n. */
static weft_status record(check *c, weft_node *outputs, unsigned *missing)
{
    const weft_gradcheck_options *o = &c->options;
    weft_shape shape = weft_node_shape(c->y), preimage_shape;
    c->cotangent = o->cotangent.tape ? o->cotangent : weft_input(c->tape, "cotangent", WEFT_F64, shape.rank, shape.dim);
    c->preimage = preimage_of(c->y);
    preimage_shape = weft_node_shape(c->preimage);
    c->preimage_cotangent = weft_input(c->tape, "preimage_cotangent", WEFT_F64, preimage_shape.rank, preimage_shape.dim);
    if (!o->claimed)
        weft_vjp(&c->y, &c->cotangent, 1, c->x, c->n, outputs);
    weft_vjp(&c->preimage, &c->preimage_cotangent, 1, c->x, c->n, outputs + c->n);
    weft_vjp(&c->y, &c->cotangent, 1, &c->preimage, 1, &c->preimage_adjoint);
    for (size_t i = 0; i < c->n && weft_tape_status(c->tape) == WEFT_OK; i++) {
        missing[i] = 0;
        if (!o->claimed)
            continue;
        outputs[i] = o->claimed[i];
        weft_shape want = weft_node_shape(c->x[i]);
        if (weft_node_failed(outputs[i]) || weft_node_dtype(outputs[i]) != WEFT_F64 || !missing_axes(outputs[i], c->x[i], &missing[i])) {
            const weft_node pair[] = {outputs[i], c->x[i]};
            weft_fail(weft_node_op(outputs[i]), pair, 2, WEFT_ERROR_SHAPE, "the claimed gradient does not have the shape and dtype of its x");
        } else if (missing[i]) {
            outputs[i] = weft_reshape(weft_sum(outputs[i], missing[i], false), want.rank, want.dim);
        }
    }
    return weft_tape_status(c->tape);
}

/* What a loss of one number adds up, each element of the preimage times its derivative: large terms may leave a small sum, or none. */
static weft_status measure_terms(check *c)
{
    const weft_node outputs[] = {c->preimage, c->preimage_adjoint};
    weft_program *program = weft_compile(outputs, 2);
    for (size_t i = 0; i < c->options.n_bind && weft_program_status(program) == WEFT_OK; i++)
        give(program, c->options.bind[i].node, c->options.bind[i].data, c->options.bind[i].bytes);
    if (weft_program_status(program) == WEFT_OK)
        weft_bind(program, c->cotangent, c->weights, c->y_count * sizeof(double));
    if (weft_program_status(program) == WEFT_OK && weft_run(program) == WEFT_OK) {
        const double *value = weft_output(program, 0), *slope = weft_output(program, 1);
        double square = 0;
        for (size_t j = 0; j < c->preimage_count; j++)
            square += value[j] * slope[j] * value[j] * slope[j];
        c->terms = sqrt(square);
    }
    weft_status status = weft_program_status(program) == WEFT_OK ? WEFT_OK : fail(c, program);
    weft_program_free(program);
    return status;
}

static weft_status compile(check *c, const weft_node *outputs)
{
    c->value = weft_compile(&c->y, 1);
    c->gradient = weft_compile(outputs, 2 * c->n);
    if (weft_program_status(c->value) != WEFT_OK)
        return fail(c, c->value);
    if (weft_program_status(c->gradient) != WEFT_OK)
        return fail(c, c->gradient);
    for (size_t i = 0; i < c->options.n_bind; i++) {
        const weft_binding *b = &c->options.bind[i];
        if (!weft_node_op(b->node))
            return weft__tape_fail(c->tape, WEFT_ERROR_ARGUMENT, "gradient check: binding %zu is no node", i);
        if (give(c->value, b->node, b->data, b->bytes) != WEFT_OK)
            return fail(c, c->value);
        if (give(c->gradient, b->node, b->data, b->bytes) != WEFT_OK)
            return fail(c, c->gradient);
    }
    weft_status status = weft_bind(c->gradient, c->cotangent, c->weights, c->y_count * sizeof(double));
    if (status == WEFT_OK)
        status = weft_bind(c->gradient, c->preimage_cotangent, c->preimage_weights, c->preimage_count * sizeof(double));
    if (status == WEFT_OK)
        status = weft_run(c->gradient);
    return status == WEFT_OK ? WEFT_OK : fail(c, c->gradient);
}

/* --- what is measured --- */

/* Fills numeric with the central differences for x[i] at a relative step. */
static weft_status differences(check *c, size_t i, double step)
{
    const weft_binding *b = binding_of(c, c->x[i]);
    size_t count = count_of(c->x[i]);
    weft_status status = WEFT_OK;
    if (count)
        memcpy(c->point, b->data, b->bytes);
    for (size_t k = 0; k < count && status == WEFT_OK; k++) {
        double at = c->point[k], h = step * fmax(1, fabs(at)), high = at + h, low = at - h, sum = 0;
        c->point[k] = high;
        status = give(c->value, c->x[i], c->point, b->bytes);
        if (status == WEFT_OK)
            status = weft_run(c->value);
        if (status != WEFT_OK)
            break;
        memcpy(c->plus, weft_output(c->value, 0), c->y_count * sizeof(double));
        c->point[k] = low;
        status = give(c->value, c->x[i], c->point, b->bytes);
        if (status == WEFT_OK)
            status = weft_run(c->value);
        if (status != WEFT_OK)
            break;
        const double *minus = weft_output(c->value, 0);
        for (size_t j = 0; j < c->y_count; j++)
            sum += c->weights[j] * (c->plus[j] - minus[j]);
        c->numeric[k] = sum / (high - low);
        c->point[k] = at;
    }
    if (give(c->value, c->x[i], b->data, b->bytes) != WEFT_OK || status != WEFT_OK)
        return fail(c, c->value);
    return WEFT_OK;
}

static double largest(const double *x, size_t n)
{
    double size = 0;
    for (size_t i = 0; i < n; i++)
        size = fabs(x[i]) > size || x[i] != x[i] ? fabs(x[i]) : size;
    return size;
}

static void compare(weft_gradcheck *r, const double *analytic, const double *numeric, size_t n)
{
    r->max_abs = r->max_rel = 0;
    r->worst = 0;
    for (size_t k = 0; k < n; k++) {
        double off = fabs(analytic[k] - numeric[k]);
        if (off > r->max_abs || off != off) {
            r->max_abs = off;
            r->worst = k;
        }
        r->max_rel = fmax(r->max_rel, off / fmax(1e-8, fabs(analytic[k]) + fabs(numeric[k])));
        if (off != off)
            break;
    }
    r->analytic = n ? analytic[r->worst] : 0;
    r->numeric = n ? numeric[r->worst] : 0;
}

/* The size of L: the norm of the terms w*y. */
static double size_of_terms(const check *c)
{
    double square = 0;
    for (size_t j = 0; j < c->y_count; j++)
        square += c->weights[j] * c->plus[j] * c->weights[j] * c->plus[j];
    return sqrt(square);
}

/* The rounding that differences of y over 2h carry: a few ulps of each term, added up at random. A loss of one number rounds as the terms that it adds up
 * do, whatever is left of them: sum(batchnorm(h)) is 0, of terms that are not. */
static double noise(const check *c, double step)
{
    return 8 * DBL_EPSILON * hypot(size_of_terms(c), c->terms) / step;
}

static weft_status check_one(check *c, size_t i, unsigned missing, weft_gradcheck *r)
{
    const double *analytic = weft_output(c->gradient, i), *uncancelled = weft_output(c->gradient, c->n + i);
    weft__measured m = {.x = c->x[i], .y = c->y, .analytic = analytic, .numeric = c->numeric, .count = count_of(c->x[i]), .missing = missing};
    m.scale = c->preimage.id == c->y.id ? 0 : largest(uncancelled, m.count);
    double step = c->options.step;
    if (differences(c, i, step) != WEFT_OK)
        return weft_tape_status(c->tape);
    double response = m.scale > 0 ? m.scale : size_of_terms(c); /* what a derivative that does not vanish compares with */
    compare(r, analytic, c->numeric, m.count);

    double tolerance = c->options.tolerance * largest(c->numeric, m.count) + noise(c, step);
    r->verdict = r->max_abs <= tolerance ? WEFT_GRADIENT_RIGHT : WEFT_GRADIENT_WRONG;
    if (r->verdict == WEFT_GRADIENT_RIGHT && largest(analytic, m.count) <= 1e-10 * response) { /* both vanish: does y respond at all? */
        if (differences(c, i, 1e-2) != WEFT_OK)
            return weft_tape_status(c->tape);
        if (largest(c->numeric, m.count) <= 1e-10 * response)
            r->verdict = WEFT_GRADIENT_EMPTY;
    }
    if (r->verdict == WEFT_GRADIENT_EMPTY)
        weft__describe_empty(&m, r);
    else if (r->verdict == WEFT_GRADIENT_WRONG || missing)
        weft__describe_wrong(&m, r);
    else
        weft__describe_right(&m, r);
    if (missing)
        r->verdict = WEFT_GRADIENT_WRONG;

    double h = 0.1;
    for (int s = 0; s < WEFT_SWEEP_STEPS; s++, h /= 10) {
        r->sweep_step[s] = h;
        r->sweep_error[s] = NAN;
        if (!c->options.sweep)
            continue;
        if (differences(c, i, h) != WEFT_OK)
            return weft_tape_status(c->tape);
        weft_gradcheck at_step;
        compare(&at_step, analytic, c->numeric, m.count);
        r->sweep_error[s] = at_step.max_abs;
    }
    return WEFT_OK;
}

/* --- the call --- */

static weft_status check_arguments(check *c)
{
    if (weft_node_failed(c->y) || weft_node_dtype(c->y) != WEFT_F64)
        return weft__tape_fail(c->tape, WEFT_ERROR_DTYPE, "gradient check: y must be an f64 node; build the graph in f64 to check its derivatives");
    for (size_t i = 0; i < c->n; i++) {
        const weft_op *op = weft_node_op(c->x[i]);
        if (!op || c->x[i].tape != c->tape || (op->kind != WEFT_INPUT && op->kind != WEFT_PARAMETER) || weft_node_dtype(c->x[i]) != WEFT_F64)
            return weft__tape_fail(c->tape, WEFT_ERROR_ARGUMENT, "gradient check: x[%zu] must be an f64 input or parameter of the tape of y", i);
        const weft_binding *b = binding_of(c, c->x[i]);
        size_t count = count_of(c->x[i]);
        if (!b || (!b->data && count) || b->bytes != count * sizeof(double))
            return weft__tape_fail(c->tape, WEFT_ERROR_UNBOUND, "gradient check: x[%zu] \"%.40s\" has no binding of %zu bytes", i,
                                   weft_node_name(c->x[i]), count * sizeof(double));
        c->largest = count > c->largest ? count : c->largest;
    }
    return WEFT_OK;
}

static bool allocate(check *c, weft_node **outputs, unsigned **missing)
{
    const weft_allocator *a = &c->tape->allocator;
    c->weights = weft__allocate(a, (c->y_count + 1) * sizeof(double));
    c->preimage_weights = weft__allocate(a, (c->preimage_count + 1) * sizeof(double));
    c->plus = weft__allocate(a, (c->y_count + 1) * sizeof(double));
    c->point = weft__allocate(a, (c->largest + 1) * sizeof(double));
    c->numeric = weft__allocate(a, (c->largest + 1) * sizeof(double));
    *outputs = weft__allocate(a, 2 * c->n * sizeof **outputs + 1);
    *missing = weft__allocate(a, c->n * sizeof **missing + 1);
    return c->weights && c->preimage_weights && c->plus && c->point && c->numeric && *outputs && *missing;
}

static void release(check *c, weft_node *outputs, unsigned *missing)
{
    const weft_allocator *a = &c->tape->allocator;
    weft_program_free(c->value);
    weft_program_free(c->gradient);
    weft__release(a, c->weights, (c->y_count + 1) * sizeof(double));
    weft__release(a, c->preimage_weights, (c->preimage_count + 1) * sizeof(double));
    weft__release(a, c->plus, (c->y_count + 1) * sizeof(double));
    weft__release(a, c->point, (c->largest + 1) * sizeof(double));
    weft__release(a, c->numeric, (c->largest + 1) * sizeof(double));
    weft__release(a, outputs, 2 * c->n * sizeof *outputs + 1);
    weft__release(a, missing, c->n * sizeof *missing + 1);
}

static weft_status run(check *c, weft_gradcheck *result)
{
    weft_node *outputs = NULL;
    unsigned *missing = NULL;
    c->y_count = count_of(c->y);
    c->preimage_count = count_of(preimage_of(c->y));
    if (allocate(c, &outputs, &missing)) {
        uint64_t state = c->options.seed;
        memset(c->plus, 0, c->y_count * sizeof *c->plus); /* an x without elements is never moved */
        for (size_t j = 0; j < c->y_count; j++)
            c->weights[j] = c->y_count == 1 && !c->options.cotangent.tape ? 1 : weft__weight(&state); /* one that is given may be forgotten by the claim */
        for (size_t j = 0; j < c->preimage_count; j++)
            c->preimage_weights[j] = weft__weight(&state);
        if (record(c, outputs, missing) == WEFT_OK && compile(c, outputs) == WEFT_OK && measure_terms(c) == WEFT_OK)
            for (size_t i = 0; i < c->n && check_one(c, i, missing[i], &result[i]) == WEFT_OK; i++)
                continue;
    } else {
        weft__tape_fail(c->tape, WEFT_ERROR_MEMORY, "out of memory");
    }
    release(c, outputs, missing);
    return weft_tape_status(c->tape);
}

weft_status weft_gradient_check(weft_node y, const weft_node *x, size_t n, const weft_gradcheck_options *options, weft_gradcheck *result)
{
    if (!y.tape || y.tape->status != WEFT_OK)
        return weft_tape_status(y.tape);
    if (!n)
        return WEFT_OK;
    if (!x || !result || !options)
        return weft__tape_fail(y.tape, WEFT_ERROR_ARGUMENT, "gradient check: an argument is NULL");
    for (size_t i = 0; i < n; i++)
        result[i] = (weft_gradcheck){.verdict = WEFT_GRADIENT_WRONG};
    check c = {.tape = y.tape, .y = y, .x = x, .n = n, .options = *options};
    c.options.step = options->step > 0 ? options->step : 1e-5;
    c.options.tolerance = options->tolerance > 0 ? options->tolerance : 1e-6;
    if (check_arguments(&c) != WEFT_OK)
        return y.tape->status;
    weft_mark mark = weft_tape_mark(y.tape);
    weft_status status = run(&c, result);
    if (status == WEFT_OK) /* an error stays to be read; its nodes go with the next rewind */
        weft_tape_rewind(y.tape, mark);
    return status;
}

/* compare_charts.c: see compare_charts.h. */
#include "compare_charts.h"

#include "sample.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- error against the step of central differences --- */

enum { SMALL = 5 /* a length */ };

typedef struct arrays {
    weft_node x[WEFT_MOST_INPUTS], active[WEFT_MOST_INPUTS];
    void *data[WEFT_MOST_INPUTS];
    weft_binding bind[WEFT_MOST_INPUTS + 1];
    size_t n, n_active;
} arrays;

static weft_shape small_shape(const char *text)
{
    weft_shape shape = {0};
    for (const char *at = text; at && *at && shape.rank < WEFT_MAX_RANK; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        size_t fixed = strtoul(at, NULL, 10);
        shape.dim[shape.rank++] = fixed ? fixed : SMALL;
    }
    return shape;
}

/* Inputs with numbers within their bounds; false when out of memory. */
static bool arrays_make(arrays *a, weft_tape *t, const weft_compare_input *inputs, size_t n)
{
    generator g = {1};
    for (a->n = 0; a->n < n; a->n++) {
        const weft_compare_input *in = &inputs[a->n];
        weft_shape shape = small_shape(in->shape);
        size_t count = weft_shape_count(&shape);
        a->x[a->n] = weft_input(t, in->name, in->below ? WEFT_I64 : WEFT_F64, shape.rank, shape.dim);
        if (!(a->data[a->n] = malloc(count * sizeof(double) + 1)))
            return false;
        for (size_t k = 0; k < count; k++)
            if (in->below)
                ((int64_t *)a->data[a->n])[k] = (int64_t)(k % SMALL);
            else
                ((double *)a->data[a->n])[k] = in->low == 0 && in->high == 0 ? next_normal(&g) : in->low + next_uniform(&g) * (in->high - in->low);
        a->bind[a->n] = (weft_binding){a->x[a->n], a->data[a->n], count * sizeof(double)};
        if (!in->below && !in->constant)
            a->active[a->n_active++] = a->x[a->n];
    }
    return true;
}

/* The largest difference of any gradient of a side from differences of the first side's value, at each step. */
static bool sweep_side(const weft_side sides[2], int side, const weft_compare_input *inputs, size_t n, double y[WEFT_SWEEP_STEPS], double step[WEFT_SWEEP_STEPS])
{
    weft_tape *t = weft_tape_new(NULL);
    arrays a = {.n = 0};
    weft_node claimed[WEFT_MOST_INPUTS] = {{.tape = NULL}}, dx[WEFT_MOST_INPUTS];
    weft_gradcheck result[WEFT_MOST_INPUTS];
    bool good = arrays_make(&a, t, inputs, n);
    if (good) {
        weft_node value = sides[side].value(sides[side].context, a.x);
        weft_shape shape = weft_node_shape(value);
        weft_node dy = weft_input(t, "dy", WEFT_F64, shape.rank, shape.dim);
        size_t k = 0;
        if (sides[side].gradient)
            sides[side].gradient(sides[side].context, a.x, dy, claimed);
        else
            weft_vjp(&value, &dy, 1, a.active, a.n_active, dx);
        for (size_t i = 0; i < n && sides[side].gradient; i++)
            if (!inputs[i].below && !inputs[i].constant)
                dx[k++] = claimed[i];
        const weft_gradcheck_options options = {.bind = a.bind, .n_bind = a.n, .cotangent = dy, .claimed = dx, .seed = 1, .sweep = true};
        bool swept = weft_tape_status(t) == WEFT_OK &&
                     weft_gradient_check(sides[0].value(sides[0].context, a.x), a.active, a.n_active, &options, result) == WEFT_OK;
        for (int s = 0; s < WEFT_SWEEP_STEPS; s++) {
            y[s] = swept ? 0 : NAN;
            step[s] = pow(10, -1 - s);
            for (size_t i = 0; i < a.n_active && swept; i++)
                y[s] = fmax(y[s], result[i].sweep_error[s]);
        }
    }
    for (size_t i = 0; i < a.n; i++)
        free(a.data[i]);
    weft_tape_free(t);
    return good;
}

/* A chart of so many lines and points, its points named by numbers. */
static void add_chart(compare_charts *c, chart of, const char *note, const char *const *names, size_t points, const double *x)
{
    size_t at = c->n++;
    for (size_t k = 0; k < points; k++) {
        snprintf(c->text[at][k], sizeof c->text[at][k], "%.4g", x[k]);
        c->x_text[at][k] = c->text[at][k];
    }
    for (size_t l = 0; l < of.lines; l++)
        c->line[at][l] = (series){names[l], c->y[at][l], points};
    c->chart[at] = of;
    c->chart[at].logarithmic = true;
    c->chart[at].x_text = c->x_text[at];
    c->chart[at].line = c->line[at];
    c->note[at] = note;
}

static bool add_sweep(compare_charts *c, const weft_side sides[2], const weft_compare_input *inputs, size_t n)
{
    static const char *const names[] = {"first", "second"};
    double step[WEFT_SWEEP_STEPS];
    for (int s = 0; s < 2; s++)
        if (!sweep_side(sides, s, inputs, n, c->y[c->n][s], step))
            return false;
    add_chart(c, (chart){.title = "Error against the step of central differences", .x_label = "step h", .y_label = "largest difference, f64", .lines = 2},
              "Each gradient against (y(x+h) - y(x-h)) / 2h of the first side. A right one falls as h squared until rounding takes over; a wrong one stays.",
              names, WEFT_SWEEP_STEPS, step);
    return true;
}

/* --- error against an offset --- */

static weft_comparison measured(const weft_side sides[2], const weft_compare_input *inputs, size_t n, weft_compare_options options)
{
    weft_comparison m;
    options.trials = 1;
    options.first_order = true;
    if (weft_compare(sides, inputs, n, &options, &m) != WEFT_OK)
        m = (weft_comparison){.agreement = WEFT_SIDES_REFUSE};
    return m;
}

static void add_offsets(compare_charts *c, const weft_side sides[2], const weft_compare_input *inputs, size_t n, const weft_compare_options *options)
{
    static const char *const names[] = {"first", "second"};
    static const double offsets[] = {0, 1, 10, 100, 1e3, 1e4, 1e5, 1e6};
    enum { OFFSETS = sizeof offsets / sizeof *offsets };
    weft_compare_input moved[WEFT_MOST_INPUTS];
    size_t which = 0;
    memcpy(moved, inputs, n * sizeof *inputs);
    while (which < n && (inputs[which].below || inputs[which].constant || inputs[which].low != 0 || inputs[which].high != 0))
        which++;
    if (which == n)
        return; /* no input may be anything */
    for (size_t k = 0; k < OFFSETS; k++) {
        moved[which].low = offsets[k] - 2;
        moved[which].high = offsets[k] + 2;
        weft_compare_options quiet = *options;
        quiet.seconds = 0;
        weft_comparison m = measured(sides, moved, n, quiet);
        for (int s = 0; s < 2; s++) {
            c->y[c->n][s][k] = NAN;
            for (size_t r = 0; r < m.n_results && m.agreement != WEFT_SIDES_REFUSE; r++)
                c->y[c->n][s][k] = fmax(c->y[c->n][s][k], m.result[r].error[s]); /* fmax passes NaN by */
        }
    }
    add_chart(c, (chart){.title = "Error against an offset of the first input", .x_label = "offset", .y_label = "largest error, ulp", .lines = 2},
              "The first input is drawn between the offset less 2 and plus 2. What cancels badly grows with it; of y and the gradients, the worst.", names, OFFSETS,
              offsets);
}

/* --- time against size --- */

static void add_times(compare_charts *c, const weft_side sides[2], const weft_compare_input *inputs, size_t n, const weft_compare_options *options)
{
    static const char *const names[] = {"first, tiles", "first, compiled", "second"};
    static const double factors[] = {1.0 / 64, 1.0 / 16, 0.25, 1, 4};
    enum { SIZES = sizeof factors / sizeof *factors };
    weft_length size[WEFT_MOST_LENGTHS];
    const weft_options compiled = {.backend = WEFT_BACKEND_C};
    double x[SIZES];
    memcpy(size, options->size, options->n_size * sizeof *size);
    for (size_t k = 0; k < SIZES; k++) {
        weft_compare_options o = *options;
        x[k] = fmax(1, floor((double)options->size[0].value * factors[k]));
        size[0].value = (size_t)x[k];
        o.size = size;
        o.seconds = fmin(options->seconds, 0.05) + 1e-9;
        o.truth = WEFT_TRUTH_F64; /* errors are not shown */
        weft_comparison m = measured(sides, inputs, n, o);
        c->y[c->n][0][k] = m.cost[0].seconds > 0 ? m.cost[0].seconds : NAN;
        c->y[c->n][2][k] = m.cost[1].seconds > 0 ? m.cost[1].seconds : NAN;
        o.program = &compiled;
        m = measured(sides, inputs, n, o);
        c->y[c->n][1][k] = m.cost[0].seconds > 0 ? m.cost[0].seconds : NAN;
    }
    add_chart(c, (chart){.title = "Time against size", .x_label = size[0].name, .y_label = "seconds a run", .lines = 3},
              "One run of y and the gradients, medians; the other lengths stay.", names, SIZES, x);
}

bool compare_charts_measure(compare_charts *c, const weft_side sides[2], const weft_compare_input *inputs, size_t n, const weft_compare_options *options)
{
    c->n = 0;
    if (!add_sweep(c, sides, inputs, n))
        return false;
    add_offsets(c, sides, inputs, n, options);
    if (options->n_size)
        add_times(c, sides, inputs, n, options);
    return true;
}

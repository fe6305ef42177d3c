/* compare.c: measures what the table of `weft compare batchnorm` shows. The truth is an f64 run of the staged formula on the same numbers;
 * for f64 itself that is the staged side, so the independent witness there are central differences. */
#include "compare.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const result_name[RESULTS] = {"y", "dh", "dgamma", "dbeta"};
const char *const side_name[SIDES] = {"staged", "fused"};

enum { PROBES = 64 };

/* One graph with its program and the memory that it is bound to. */
typedef struct graph {
    weft_tape *tape;
    weft_node h, gamma, beta, dy, out[RESULTS];
    uint32_t forward_nodes, nodes;
    weft_program *forward, *both;
    void *memory[4]; /* of h, gamma, beta, dy in the graph's dtype */
} graph;

static bool complain(weft_status status, const char *message)
{
    if (status != WEFT_OK)
        fprintf(stderr, "weft: compare: %s\n", message);
    return status == WEFT_OK;
}

static void *in_dtype(const double *x, size_t n, weft_dtype dtype)
{
    void *to = malloc(n * weft_dtype_size(dtype) + 1);
    for (size_t i = 0; to && i < n; i++)
        if (dtype == WEFT_F32)
            ((float *)to)[i] = (float)x[i];
        else
            ((double *)to)[i] = x[i];
    return to;
}

static double entry(const void *x, size_t i, weft_dtype dtype)
{
    return dtype == WEFT_F32 ? (double)((const float *)x)[i] : ((const double *)x)[i];
}

static size_t result_count(const problem *p, int k)
{
    return k == Y || k == DH ? p->n * p->d : p->d;
}

static void record(graph *g, const problem *p, weft_dtype dtype, int side)
{
    const size_t dim[] = {p->n, p->d};
    weft_tape *t = g->tape = weft_tape_new(NULL);
    g->h = weft_input(t, "h", dtype, 2, dim);
    g->gamma = weft_input(t, "gamma", dtype, 1, &p->d);
    g->beta = weft_input(t, "beta", dtype, 1, &p->d);
    g->dy = weft_input(t, "dy", dtype, 2, dim);
    uint32_t inputs = weft_tape_count(t);
    g->out[Y] = side == FUSED ? weft_fused_batchnorm(g->h, g->gamma, g->beta, p->eps) : weft_batchnorm(g->h, g->gamma, g->beta, p->eps);
    g->forward_nodes = weft_tape_count(t) - inputs;
    weft_vjp(&g->out[Y], &g->dy, 1, (const weft_node[]){g->h, g->gamma, g->beta}, 3, &g->out[DH]);
    g->nodes = weft_tape_count(t) - inputs;
}

static bool bind(const graph *g, weft_program *program, const problem *p, weft_dtype dtype)
{
    size_t size = weft_dtype_size(dtype), array = p->n * p->d * size, column = p->d * size;
    weft_bind(program, g->h, g->memory[0], array);
    weft_bind(program, g->gamma, g->memory[1], column);
    weft_bind(program, g->beta, g->memory[2], column);
    weft_bind(program, g->dy, g->memory[3], array);
    return complain(weft_run(program), weft_program_message(program));
}

static bool graph_make(graph *g, const problem *p, weft_dtype dtype, int side)
{
    const double *from[] = {p->h, p->gamma, p->beta, p->dy};
    *g = (graph){0};
    record(g, p, dtype, side);
    for (int i = 0; i < 4; i++)
        if (!(g->memory[i] = in_dtype(from[i], i == 0 || i == 3 ? p->n * p->d : p->d, dtype)))
            return complain(WEFT_ERROR_MEMORY, "out of memory");
    if (!complain(weft_tape_status(g->tape), weft_tape_message(g->tape)))
        return false;
    g->forward = weft_compile(g->out, 1);
    g->both = weft_compile(g->out, RESULTS);
    return complain(weft_program_status(g->forward), weft_program_message(g->forward)) &&
           complain(weft_program_status(g->both), weft_program_message(g->both)) && bind(g, g->forward, p, dtype) && bind(g, g->both, p, dtype);
}

static void graph_free(graph *g)
{
    weft_program_free(g->forward);
    weft_program_free(g->both);
    weft_tape_free(g->tape);
    for (int i = 0; i < 4; i++)
        free(g->memory[i]);
}

/* --- how far apart --- */

static double ulp_of(double x, weft_dtype dtype)
{
    x = fabs(x);
    if (dtype == WEFT_F64)
        return nextafter(x, INFINITY) - x;
    float f = x < FLT_MAX ? (float)x : FLT_MAX / 2;
    return (double)(nextafterf(f, INFINITY) - f);
}

static difference between(const void *a, weft_dtype a_type, const void *b, weft_dtype b_type, const double *truth, size_t n, weft_dtype ulps)
{
    double off = 0, size = 0;
    for (size_t i = 0; i < n; i++) {
        double here = fabs(entry(a, i, a_type) - entry(b, i, b_type));
        off = here > off || here != here ? here : off;
        size = fmax(size, fabs(truth[i]));
    }
    return (difference){off, off / ulp_of(size, ulps)};
}

/* What rounding may cost: a few ulps of the terms that are added up, which are larger than their sum where they cancel. Recorded as a
 * graph of its own: columns j of y: |gamma hhat| + |beta|; dh: gamma rstd (|dy| + |hhat| mean|dy hhat| + mean|dy|); dgamma: sum |dy hhat|;
 * dbeta: sum |dy|; each at its largest. */
static bool term_sizes(const graph *g, const problem *p, double *size)
{
    unsigned batch = WEFT_AXIS(0);
    weft_node mu = weft_mean(g->h, batch, false), variance = weft_variance(g->h, batch, false);
    weft_node rstd = weft_pow(weft_add(variance, weft_scalar_like(g->h, p->eps)), weft_scalar_like(g->h, -0.5));
    weft_node hhat = weft_abs(weft_mul(weft_sub(g->h, mu), rstd)), dy = weft_abs(g->dy), gamma = weft_abs(g->gamma);
    weft_node moment = weft_mul(dy, hhat), out[RESULTS];
    out[Y] = weft_add(weft_mul(gamma, hhat), weft_abs(g->beta));
    out[DH] = weft_mul(weft_mul(gamma, rstd), weft_add(dy, weft_add(weft_mean(dy, batch, false), weft_mul(hhat, weft_mean(moment, batch, false)))));
    out[DGAMMA] = weft_sum(moment, batch, false);
    out[DBETA] = weft_sum(dy, batch, false);
    for (int k = 0; k < RESULTS; k++)
        out[k] = weft_max(out[k], WEFT_ALL_AXES, false);
    weft_program *program = weft_compile(out, RESULTS);
    bool good = complain(weft_program_status(program), weft_program_message(program)) && bind(g, program, p, WEFT_F64);
    for (int k = 0; good && k < RESULTS; k++)
        size[k] = *(const double *)weft_output(program, (size_t)k);
    weft_program_free(program);
    return good;
}

/* --- central differences, in f64, of a sample of the elements --- */

/* How to take differences along one element: the step, and how far from the true slope they may end, relative to its terms. Along gamma
 * and beta y is linear. Along h steps are measured by the spread of the column; the mean is `offset` spreads away from 0, so y carries
 * rounding of offset eps, and the step that balances it against truncation is its cube root. */
typedef struct reach {
    double step, error;
} reach;

static reach reach_of(const problem *p, int k, size_t at)
{
    double mean = 0, square = 0, n = (double)p->n;
    if (k != DH)
        return (reach){1e-5, 1e-6};
    for (size_t i = at % p->d; i < p->n * p->d; i += p->d)
        mean += p->h[i] / n;
    for (size_t i = at % p->d; i < p->n * p->d; i += p->d)
        square += (p->h[i] - mean) * (p->h[i] - mean);
    double spread = sqrt(square / n + p->eps), rounding = DBL_EPSILON * fmax(1, fabs(mean) / spread), step = fmax(1e-5, cbrt(rounding));
    return (reach){step * spread, 1e-6 + 10 * step * step + 8 * rounding * sqrt(n) / step};
}

/* NAN where f64 has too few digits beside the element for a step. */
static double slope(graph *truth, const problem *p, double *element, double step, double *plus)
{
    double old = *element, high = old + step, low = old - step, sum = 0;
    size_t n = p->n * p->d;
    if (step < 1e4 * ulp_of(old, WEFT_F64))
        return NAN;
    *element = high;
    weft_run(truth->forward);
    memcpy(plus, weft_output(truth->forward, 0), n * sizeof *plus);
    *element = low;
    weft_run(truth->forward);
    const double *minus = weft_output(truth->forward, 0);
    for (size_t i = 0; i < n; i++)
        sum += p->dy[i] * (plus[i] - minus[i]);
    *element = old;
    return sum / (high - low);
}

static bool probe(graph *truth, const problem *p, const graph *sides, comparison *c)
{
    double *plus = malloc(p->n * p->d * sizeof *plus + 1);
    generator g = {p->seed};
    for (int k = DH; plus && k < RESULTS; k++) {
        size_t n = result_count(p, k);
        double size = 0;
        c->probed[k] = n < PROBES ? n : PROBES;
        for (size_t i = 0; i < n; i++)
            size = fmax(size, fabs(entry(weft_output(truth->both, (size_t)k), i, WEFT_F64)));
        for (int s = 0; s < SIDES; s++)
            c->side[s].from_differences[k].absolute = 0;
        for (size_t i = 0; i < c->probed[k]; i++) {
            size_t at = n <= PROBES ? i : (size_t)(next_bits(&g) % n);
            reach along = reach_of(p, k, at);
            double numeric = slope(truth, p, (double *)truth->memory[k - DH] + at, along.step, plus);
            c->reach[k] = fmax(c->reach[k], along.error);
            if (isnan(numeric)) {
                c->probed[k] = 0; /* the other elements have no better chance */
                break;
            }
            for (int s = 0; s < SIDES; s++) {
                difference *off = &c->side[s].from_differences[k];
                double here = fabs(entry(weft_output(sides[s].both, (size_t)k), at, p->dtype) - numeric);
                off->absolute = here > off->absolute || here != here ? here : off->absolute;
                off->ulps = off->absolute / ulp_of(size, p->dtype);
            }
        }
    }
    free(plus);
    return plus || complain(WEFT_ERROR_MEMORY, "out of memory");
}

/* --- which node left the range of f32 --- */

enum { MOST_NODES = 64 };

static bool left_range(double narrow, double wide)
{
    return isfinite(wide) && (!isfinite(narrow) || (narrow == 0 && wide != 0));
}

/* Runs every node of the staged forward graph in f32 and in f64; the two tapes are alike, so ids correspond. */
static void find_out_of_range(const graph *narrow, const graph *wide, const problem *p, comparison *c)
{
    uint32_t first = narrow->dy.id + 1, n = narrow->forward_nodes < MOST_NODES ? narrow->forward_nodes : MOST_NODES;
    weft_node nodes[SIDES][MOST_NODES];
    for (uint32_t i = 0; i < n; i++) {
        nodes[0][i] = weft_tape_node(narrow->tape, first + i);
        nodes[1][i] = weft_tape_node(wide->tape, first + i);
    }
    weft_program *a = weft_compile(nodes[0], n), *b = weft_compile(nodes[1], n);
    bool found = !bind(narrow, a, p, WEFT_F32) || !bind(wide, b, p, WEFT_F64);
    for (uint32_t i = 0; i < n && !found; i++) {
        weft_shape shape = weft_node_shape(nodes[0][i]);
        const float *x = weft_output(a, i);
        const double *y = weft_output(b, i);
        for (size_t k = 0; k < weft_shape_count(&shape) && !found; k++)
            if ((found = left_range((double)x[k], y[k])))
                snprintf(c->out_of_range, sizeof c->out_of_range, "%%%u %s/%s, element %zu, is %.3g; f32, which holds %.2g to %.2g, makes it %g",
                         nodes[0][i].id, weft_node_scope(nodes[0][i]), *weft_node_name(nodes[0][i]) ? weft_node_name(nodes[0][i]) : weft_op_name(weft_node_op(nodes[0][i])),
                         k, y[k], (double)FLT_TRUE_MIN, (double)FLT_MAX, (double)x[k]);
    }
    weft_program_free(a);
    weft_program_free(b);
}

/* --- times --- */

static void run_program(void *program)
{
    weft_run(program);
}

typedef struct copying {
    void *to;
    const void *from;
    size_t bytes;
} copying;

static void run_copy(void *context)
{
    const copying *c = context;
    memcpy(c->to, c->from, c->bytes);
}

static bool take_times(const graph *sides, const problem *p, comparison *c)
{
    copying copy = {.from = sides[0].memory[0], .bytes = p->n * p->d * weft_dtype_size(p->dtype)};
    timing t[2 * SIDES + 1];
    copy.to = malloc(copy.bytes + 1);
    if (!copy.to)
        return complain(WEFT_ERROR_MEMORY, "out of memory");
    measure((const job[]){{run_program, sides[STAGED].forward},
                          {run_program, sides[STAGED].both},
                          {run_program, sides[FUSED].forward},
                          {run_program, sides[FUSED].both},
                          {run_copy, &copy}},
            5, (pace){.seconds = 0.5}, t);
    for (int s = 0; s < SIDES; s++) {
        c->side[s].forward = t[2 * s];
        c->side[s].both = t[2 * s + 1];
    }
    c->copy = t[4];
    free(copy.to);
    return true;
}

/* --- the whole --- */

/* Both sides within rounding of the f64 run, and within the reach of central differences of those. */
static bool agrees(const comparison *c, int k, double size)
{
    bool good = c->between[k].absolute <= 2 * c->allowed[k];
    for (int s = 0; s < SIDES; s++) {
        good &= c->side[s].from_f64[k].absolute <= c->allowed[k];
        good &= !c->probed[k] || c->side[s].from_differences[k].absolute <= c->allowed[k] + c->reach[k] * size;
    }
    return good;
}

static bool judge(graph *truth, const problem *p, const graph *sides, comparison *c)
{
    double size[RESULTS], unit = p->dtype == WEFT_F32 ? (double)FLT_EPSILON : DBL_EPSILON;
    if (!term_sizes(truth, p, size) || !probe(truth, p, sides, c))
        return false;
    for (int k = 0; k < RESULTS; k++) {
        const void *a = weft_output(sides[STAGED].both, (size_t)k), *b = weft_output(sides[FUSED].both, (size_t)k);
        const double *exact = weft_output(truth->both, (size_t)k);
        size_t n = result_count(p, k);
        c->between[k] = between(a, p->dtype, b, p->dtype, exact, n, p->dtype);
        c->side[STAGED].from_f64[k] = between(a, p->dtype, exact, WEFT_F64, exact, n, p->dtype);
        c->side[FUSED].from_f64[k] = between(b, p->dtype, exact, WEFT_F64, exact, n, p->dtype);
        c->allowed[k] = 16 * unit * size[k];
        c->agree[k] = agrees(c, k, size[k]);
        if (!c->agree[k] && p->dtype == WEFT_F32 && !c->out_of_range[0])
            find_out_of_range(&sides[STAGED], truth, p, c);
    }
    return true;
}

bool compare_batchnorm(const problem *p, comparison *c)
{
    graph side[SIDES] = {0}, truth = {0};
    memset(c, 0, sizeof *c);
    bool good = graph_make(&truth, p, WEFT_F64, STAGED);
    for (int s = 0; s < SIDES && good; s++) {
        good = graph_make(&side[s], p, p->dtype, s);
        if (good) {
            c->side[s].forward_nodes = side[s].forward_nodes;
            c->side[s].nodes = side[s].nodes;
            c->side[s].memory = weft_program_memory(side[s].both);
        }
    }
    good = good && judge(&truth, p, side, c) && take_times(side, p, c);
    graph_free(&side[STAGED]);
    graph_free(&side[FUSED]);
    graph_free(&truth);
    return good;
}

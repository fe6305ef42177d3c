/* compare_run.c: a side of a comparison, recorded and run on one case, and whether two of them differ there. */
#include "engine/judge/compare.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { STREAM_COTANGENT = 200, STREAM_TANGENT = 210, STREAM_WEIGHT = 230, STREAM_JITTER = 250 };

/* --- recording --- */

static weft_status record_derivatives(const weft__comparing *c, weft__recorded *r)
{
    weft_node x[WEFT_MOST_INPUTS], tangent[WEFT_MOST_INPUTS], dx[WEFT_MOST_INPUTS], y_dot, total = {.tape = NULL}, second[WEFT_MOST_INPUTS];
    size_t n = 0;
    for (size_t i = 0; i < c->n; i++)
        if (c->active[i]) {
            weft_shape shape = weft_node_shape(r->x[i]);
            weft_dtype dtype = weft_node_dtype(r->x[i]);
            r->tangent[n] = weft_input(r->tape, "tangent", dtype, shape.rank, shape.dim);
            r->weight[n] = weft_input(r->tape, "weight", dtype, shape.rank, shape.dim);
            x[n] = r->x[i];
            dx[n] = r->out[1 + n];
            tangent[n] = r->tangent[n];
            weft_node part = weft_sum(weft_mul(r->weight[n], dx[n]), WEFT_ALL_AXES, false);
            total = n ? weft_add(total, part) : part;
            n++;
        }
    if (!n)
        return weft_tape_status(r->tape);
    weft_jvp(r->out, 1, x, tangent, n, &y_dot);
    r->out[r->n++] = y_dot;
    if (!c->options.first_order && weft_grad(total, x, n, second) == WEFT_OK)
        for (size_t i = 0; i < n; i++)
            r->out[r->n++] = second[i];
    return weft_tape_status(r->tape);
}

weft_status weft__side_record(const weft__comparing *c, const weft_shape *shape, int side, weft_dtype dtype, bool all, weft__recorded *r)
{
    const weft_side *s = &c->side[side];
    weft_node dx[WEFT_MOST_INPUTS], x[WEFT_MOST_INPUTS], found[WEFT_MOST_INPUTS];
    *r = (weft__recorded){.tape = weft_tape_new(c->options.allocator), .n = 1};
    if (!r->tape)
        return WEFT_ERROR_MEMORY;
    for (size_t i = 0; i < c->n; i++)
        r->x[i] = weft_input(r->tape, c->input[i].name, c->input[i].below ? WEFT_I64 : dtype, shape[i].rank, shape[i].dim);
    weft_node y = s->value(s->context, r->x);
    if (y.tape != r->tape || weft_node_failed(y))
        return weft_tape_status(r->tape) == WEFT_OK ? WEFT_ERROR_ARGUMENT : weft_tape_status(r->tape);
    weft_shape out = weft_node_shape(y);
    r->out[0] = y;
    r->dy = weft_input(r->tape, "dy", weft_node_dtype(y), out.rank, out.dim);
    size_t n = 0;
    for (size_t i = 0; i < c->n; i++) {
        found[i] = (weft_node){.tape = NULL};
        if (c->active[i])
            x[n++] = r->x[i];
    }
    if (s->gradient) {
        s->gradient(s->context, r->x, r->dy, found);
        n = 0;
        for (size_t i = 0; i < c->n; i++)
            if (c->active[i])
                dx[n++] = found[i];
    } else if (n) {
        weft_vjp(&y, &r->dy, 1, x, n, dx);
    }
    for (size_t i = 0; i < n && weft_tape_status(r->tape) == WEFT_OK; i++) {
        if (dx[i].tape != r->tape)
            return WEFT_ERROR_ARGUMENT;
        r->out[r->n++] = dx[i];
    }
    if (weft_tape_status(r->tape) == WEFT_OK && all)
        return record_derivatives(c, r);
    return weft_tape_status(r->tape);
}

void weft__result_name(const weft__comparing *c, size_t k, char *name, size_t size)
{
    size_t n = c->n_active, which = k == 0 ? 0 : (k - 1) % (n + 1), seen = 0;
    if (k == 0 || k == n + 1) {
        snprintf(name, size, k ? "y_dot" : "y");
        return;
    }
    for (size_t i = 0; i < c->n; i++)
        if (c->active[i] && seen++ == which) {
            snprintf(name, size, k <= n ? "d%.30s" : "dd%.30s", c->input[i].name);
            return;
        }
}

/* --- running --- */

/* Off by two units in the last place at most. */
static double jittered(double x, uint64_t jitter, uint64_t stream, size_t element)
{
    double u = weft__drawn(jitter, STREAM_JITTER + stream, element);
    return jitter ? x * (1 + (floor(5 * u) - 2) * DBL_EPSILON) : x;
}

/* Of either sign, of a size between 1/2 and 3/2: none hides its element. */
static double weight(uint64_t seed, uint64_t stream, size_t element)
{
    double u = 2 * weft__drawn(seed, stream, element) - 1;
    return u < 0 ? u - 0.5 : u + 0.5;
}

/* Numbers for a node, in its dtype. */
static bool number_of(weft__comparing *c, weft_node node, const double *from, uint64_t seed, uint64_t stream, uint64_t jitter, weft_binding *bind)
{
    weft_shape shape = weft_node_shape(node);
    weft_dtype dtype = weft_node_dtype(node);
    size_t n = weft_shape_count(&shape), bytes = n * weft_dtype_size(dtype);
    void *data = weft__arena_take(&c->arena, bytes + 8);
    if (!data)
        return !(c->no_memory = true);
    for (size_t e = 0; e < n; e++) {
        double x = jittered(from ? from[e] : weight(seed, stream, e), jitter, stream, e);
        if (dtype == WEFT_F32)
            ((float *)data)[e] = (float)x;
        else
            ((double *)data)[e] = c->narrow ? (double)(float)x : x;
    }
    *bind = (weft_binding){node, data, bytes};
    return true;
}

bool weft__side_data(weft__comparing *c, const weft__case *k, const weft__recorded *r, uint64_t jitter, weft_binding *bind, size_t *n)
{
    size_t active = 0;
    *n = 0;
    bool good = number_of(c, r->dy, NULL, k->seed, STREAM_COTANGENT, jitter, &bind[(*n)++]);
    for (size_t i = 0; good && i < c->n; i++) {
        if (k->index[i]) {
            bind[(*n)++] = (weft_binding){r->x[i], k->index[i], k->count[i] * sizeof(int64_t)};
            continue;
        }
        good = number_of(c, r->x[i], k->number[i], 0, i, jitter, &bind[(*n)++]);
        if (good && c->active[i] && r->tangent[0].tape) {
            good = number_of(c, r->tangent[active], NULL, k->seed, STREAM_TANGENT + i, jitter, &bind[(*n)++]) &&
                   number_of(c, r->weight[active], NULL, k->seed, STREAM_WEIGHT + i, jitter, &bind[(*n)++]);
            active++;
        }
    }
    return good;
}

/* The program holds on to the data until the arena is rewound. */
bool weft__side_bind(weft__comparing *c, const weft__case *k, const weft__recorded *r, weft_program *p, uint64_t jitter)
{
    weft_binding bind[WEFT__MOST_BOUND];
    size_t n;
    bool good = weft__side_data(c, k, r, jitter, bind, &n);
    for (size_t i = 0; i < n && good; i++)
        good = weft_bind(p, bind[i].node, bind[i].data, bind[i].bytes) == WEFT_OK;
    return good;
}

static void refused(weft__outcome *o, weft_status status, const char *message)
{
    o->refused = true;
    snprintf(o->message, sizeof o->message, "%s", message && *message ? message : weft_status_text(status));
}

static bool read_outputs(weft__comparing *c, const weft__recorded *r, const weft_program *p, weft__outcome *o)
{
    o->n = r->n;
    for (size_t k = 0; k < r->n; k++) {
        o->shape[k] = weft_node_shape(r->out[k]);
        o->count[k] = weft_shape_count(&o->shape[k]);
        o->value[k] = weft__arena_take(&c->arena, o->count[k] * sizeof(double) + 8);
        if (!o->value[k])
            return !(c->no_memory = true);
        const void *from = weft_output(p, k);
        for (size_t e = 0; e < o->count[k]; e++)
            o->value[k][e] = weft_node_dtype(r->out[k]) == WEFT_F32 ? (double)((const float *)from)[e] : ((const double *)from)[e];
    }
    return true;
}

void weft__side_forget(weft__comparing *c, int side)
{
    weft__compiled *at = &c->compiled[side];
    weft_program_free(at->program);
    weft_tape_free(at->recorded.tape);
    *at = (weft__compiled){.program = NULL};
}

static bool is_compiled(const weft__comparing *c, const weft__case *k, int side, weft_dtype dtype)
{
    const weft__compiled *at = &c->compiled[side];
    bool same = at->recorded.tape && at->dtype == dtype;
    for (size_t i = 0; i < c->n && same; i++)
        same = at->shape[i].rank == k->shape[i].rank && !memcmp(at->shape[i].dim, k->shape[i].dim, (size_t)k->shape[i].rank * sizeof(size_t));
    return same;
}

/* False: the side was refused, as the outcome says, or there is no memory; it is forgotten then. */
static bool compile(weft__comparing *c, const weft__case *k, int side, weft_dtype dtype, weft__outcome *o)
{
    weft__side_forget(c, side);
    weft__compiled *at = &c->compiled[side];
    weft_status status = weft__side_record(c, k->shape, side, dtype, dtype == WEFT_F64, &at->recorded);
    for (size_t i = 0; i < at->recorded.n && status == WEFT_OK; i++)
        if (weft_node_dtype(at->recorded.out[i]) == WEFT_I64)
            status = WEFT_ERROR_DTYPE;
    if (status != WEFT_OK) {
        const char *words = weft_tape_message(at->recorded.tape);
        refused(o, status, *words ? words : status == WEFT_ERROR_DTYPE ? "its results must be numbers" : "it did not return nodes of the tape of its inputs");
    } else {
        at->program = weft_compile_with(at->recorded.out, at->recorded.n, c->options.program);
        status = weft_program_status(at->program);
        status = status == WEFT_ERROR_COMPILER ? WEFT_OK : status; /* it runs on tiles */
        if (status != WEFT_OK)
            refused(o, status, weft_program_message(at->program));
    }
    c->no_memory |= status == WEFT_ERROR_MEMORY;
    at->dtype = dtype;
    memcpy(at->shape, k->shape, sizeof at->shape);
    if (status != WEFT_OK)
        weft__side_forget(c, side);
    return status == WEFT_OK;
}

bool weft__side_run(weft__comparing *c, const weft__case *k, int side, weft_dtype dtype, uint64_t jitter, weft__outcome *o)
{
    const weft__compiled *at = &c->compiled[side];
    *o = (weft__outcome){.refused = false};
    if (!is_compiled(c, k, side, dtype) && !compile(c, k, side, dtype, o))
        return !c->no_memory;
    if (weft__side_bind(c, k, &at->recorded, at->program, jitter) && weft_run(at->program) == WEFT_OK)
        read_outputs(c, &at->recorded, at->program, o);
    else if (!c->no_memory)
        refused(o, weft_program_status(at->program), weft_program_message(at->program));
    c->no_memory |= weft_program_status(at->program) == WEFT_ERROR_MEMORY;
    return !c->no_memory;
}

/* --- comparing --- */

static double off(double a, double b)
{
    if (isnan(a) && isnan(b))
        return 0;
    return a == b ? 0 : isfinite(a) && isfinite(b) ? fabs(a - b) : INFINITY;
}

/* What rounding does to result r of both sides: the most that an element moves when the inputs do by an ulp or two. */
static bool rounding(weft__comparing *c, const weft__case *k, size_t r, const weft__outcome o[2], double *most)
{
    enum { TIMES = 4 };
    *most = 0;
    for (uint64_t t = 1; t <= TIMES; t++)
        for (int side = 0; side < 2; side++) {
            weft__outcome moved;
            if (!weft__side_run(c, k, side, WEFT_F64, t + 7 * k->seed, &moved))
                return false;
            for (size_t e = 0; !moved.refused && e < o[side].count[r]; e++)
                *most = fmax(*most, off(o[side].value[r][e], moved.value[r][e]));
        }
    return true;
}

/* The input whose gradient is result r; -1: none. */
static int input_of(const weft__comparing *c, size_t r)
{
    for (size_t i = 0, n = 0; i < c->n; i++)
        if (c->active[i] && ++n == r)
            return (int)i;
    return -1;
}

double weft__largest_finite(const double *x, size_t n)
{
    double most = 0;
    for (size_t e = 0; e < n; e++)
        most = isfinite(x[e]) ? fmax(most, fabs(x[e])) : most;
    return most;
}

/* What a result is made of may be larger than all of it, as in y (1 - y) where y is all but 1: as large as y, or as a derivative that does not vanish, y
 * over x, or over two of them. */
static double size_of_terms(const weft__comparing *c, const weft__case *k, size_t r, const weft__outcome *o)
{
    double y = weft__largest_finite(o->value[0], o->count[0]), x = INFINITY;
    for (size_t i = 0; i < c->n; i++)
        if (c->active[i] && k->count[i]) {
            double size = weft__largest_finite(k->number[i], k->count[i]);
            x = fmin(x, size > 0 ? size : 1);
        }
    double by = fmax(1, 1 / x);
    return r == 0 ? y : r <= c->n_active + 1 ? y * by : y * by * by;
}

static bool same_shapes(weft__comparing *c, const weft__outcome o[2], weft__finding *f)
{
    for (size_t k = 0; k < o[0].n; k++) {
        bool same = o[0].shape[k].rank == o[1].shape[k].rank && !memcmp(o[0].shape[k].dim, o[1].shape[k].dim, (size_t)o[0].shape[k].rank * sizeof(size_t));
        char name[48];
        if (same)
            continue;
        weft__result_name(c, k, name, sizeof name);
        snprintf(f->message, sizeof f->message, "%s has the rank %d and %zu elements in \"%.60s\", the rank %d and %zu elements in \"%.60s\"", name,
                 o[0].shape[k].rank, o[0].count[k], c->side[0].name, o[1].shape[k].rank, o[1].count[k], c->side[1].name);
        f->differ = true;
        f->result = k;
        return false;
    }
    return true;
}

static bool differ(weft__comparing *c, const weft__case *k, weft__finding *f)
{
    weft__outcome o[2];
    for (int side = 0; side < 2; side++)
        if (!weft__side_run(c, k, side, WEFT_F64, 0, &o[side]))
            return false;
    if (o[0].refused || o[1].refused) {
        int who = o[0].refused ? 0 : 1;
        f->differ = !o[1 - who].refused;
        snprintf(f->message, sizeof f->message, "\"%.60s\" fails%s: %.300s", c->side[who].name, f->differ ? " and the other does not" : "", o[who].message);
        return true;
    }
    if (!same_shapes(c, o, f))
        return true;
    for (size_t r = 0; r < o[0].n; r++) {
        double worst = 0, scale = 0, noise = 0;
        size_t at = 0;
        for (size_t e = 0; e < o[0].count[r]; e++) {
            double here = off(o[0].value[r][e], o[1].value[r][e]), size = fmax(fabs(o[0].value[r][e]), fabs(o[1].value[r][e]));
            scale = isfinite(size) ? fmax(scale, size) : scale;
            if (here > worst) {
                worst = here;
                at = e;
            }
        }
        int input = input_of(c, r);
        if (input >= 0 && !c->heard[input] && scale > 0) {
            if (!rounding(c, k, r, o, &noise))
                return false;
            c->heard[input] = scale > 64 * noise;
        }
        /* sums of some hundred terms, each rounded: far below what mistakes make */
        if (worst <= 1e-12 * scale || worst <= 1e-13 * size_of_terms(c, k, r, &o[0]))
            continue;
        if (!rounding(c, k, r, o, &noise))
            return false;
        if (!(worst > 64 * noise))
            continue;
        *f = (weft__finding){.differ = true, .result = r, .element = at, .value = {o[0].value[r][at], o[1].value[r][at]}};
        return true;
    }
    return true;
}

bool weft__sides_differ(weft__comparing *c, const weft__case *k, weft__finding *f)
{
    weft__arena_mark start = weft__arena_here(&c->arena);
    *f = (weft__finding){.differ = false};
    bool good = differ(c, k, f);
    weft__arena_rewind(&c->arena, start);
    return good;
}

/* compare_report.c: how far two sides are apart at one size, how far each is from the truth, and what each costs. */
#include "engine/judge/compare.h"
#include "engine/record/staged.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* --- errors --- */

static double unit(double x, weft_dtype dtype)
{
    int exponent;
    frexp(x, &exponent);
    double least = dtype == WEFT_F32 ? 0x1p-149 : 0x1p-1074;
    return fmax(ldexp(1, exponent - (dtype == WEFT_F32 ? FLT_MANT_DIG : DBL_MANT_DIG)), least);
}

static double largest_difference(const double *a, const double *b, size_t n)
{
    double most = 0;
    for (size_t e = 0; e < n; e++) {
        bool same = a[e] == b[e] || (isnan(a[e]) && isnan(b[e]));
        double here = same ? 0 : isfinite(a[e]) && isfinite(b[e]) ? fabs(a[e] - b[e]) : INFINITY;
        most = fmax(most, here);
    }
    return most;
}

/* Side 0 in f64, or with many digits. */
typedef struct truth {
    weft__outcome wide; /* its numbers rounded to f64, at least */
    bool by_mpfr;
    weft__recorded side;
    weft__precise numbers;
} truth;

/* Side 0 in MPFR, with what it is bound to. MPFR's words are in the message, where it fails. */
static weft_status evaluate(weft__comparing *c, const weft__case *k, truth *t, double most_work, char *message)
{
    weft_binding bind[WEFT__MOST_BOUND];
    size_t n_bind;
    weft_status status = weft__side_record(c, k->shape, 0, WEFT_F64, c->options.dtype == WEFT_F64, &t->side);
    if (status == WEFT_OK)
        status = weft__expand_fused(t->side.tape, t->side.out, t->side.n, t->side.out);
    if (status != WEFT_OK) {
        snprintf(message, WEFT_MESSAGE_SIZE, "%s", weft_status_text(status));
        return status;
    }
    if (!weft__side_data(c, k, &t->side, 0, bind, &n_bind))
        return WEFT_ERROR_MEMORY;
    status = weft__precise_run(&t->numbers, t->side.out, t->side.n, bind, n_bind, most_work, false, message);
    t->by_mpfr = status == WEFT_OK;
    return status;
}

/* In t->wide as well. Not asked for, MPFR is taken for f64 where a second or two will do. */
static bool find_truth(weft__comparing *c, const weft__case *k, truth *t)
{
    static const double of_default = 0x1p24, of_asked = 0x1p31;
    char message[WEFT_MESSAGE_SIZE] = "";
    bool asked = c->options.truth == WEFT_TRUTH_MPFR;
    bool tried = asked || (c->options.truth == WEFT_TRUTH_DEFAULT && c->options.dtype == WEFT_F64 && weft__precise_built_in());
    if (!weft__side_run(c, k, 0, WEFT_F64, 0, &t->wide))
        return false;
    if (tried && !t->wide.refused) {
        weft_status status = evaluate(c, k, t, asked ? of_asked : of_default, message);
        c->no_memory |= status == WEFT_ERROR_MEMORY;
        c->no_truth = asked && status != WEFT_OK && !c->no_memory;
        if (c->no_truth)
            snprintf(c->result->message, sizeof c->result->message, "%s", message);
    }
    c->result->truth = t->by_mpfr ? WEFT_TRUTH_MPFR : WEFT_TRUTH_F64;
    for (size_t r = 0; r < t->wide.n && t->by_mpfr; r++)
        for (size_t e = 0; e < t->wide.count[r] && r < t->side.n; e++)
            t->wide.value[r][e] = weft__real_double(weft__precise_at(&t->numbers, t->side.out[r], e));
    return !c->no_memory && !c->no_truth;
}

static double largest_error(const truth *t, size_t r, const double *value, size_t n)
{
    double most = 0;
    if (!t->by_mpfr)
        return largest_difference(value, t->wide.value[r], n);
    for (size_t e = 0; e < n; e++) {
        double here = fabs(weft__real_off(value[e], weft__precise_at(&t->numbers, t->side.out[r], e)));
        most = fmax(most, isnan(here) ? INFINITY : here);
    }
    return most;
}

static void fill_errors(weft__comparing *c, const truth *t, const weft__outcome o[2])
{
    weft_dtype dtype = c->options.dtype;
    for (size_t r = 0; r < o[0].n && !t->wide.refused && !o[0].refused && !o[1].refused; r++) {
        weft_compared *to = &c->result->result[r];
        double scale = weft__largest_finite(t->wide.value[r], t->wide.count[r]);
        if (o[1].count[r] != o[0].count[r])
            continue; /* that is what they differ in */
        to->max_abs = largest_difference(o[0].value[r], o[1].value[r], o[0].count[r]);
        to->max_rel = scale > 0 ? to->max_abs / scale : 0;
        to->max_ulp = to->max_abs / unit(scale, dtype);
        for (int side = 0; side < 2; side++)
            to->error[side] = largest_error(t, r, o[side].value[r], o[side].count[r]) / unit(scale, dtype);
    }
}

static bool measure_errors(weft__comparing *c, const weft__case *k)
{
    weft__outcome o[2];
    truth t = {.by_mpfr = false};
    bool good = find_truth(c, k, &t);
    for (int side = 0; side < 2 && good; side++)
        good = weft__side_run(c, k, side, c->options.dtype, 0, &o[side]);
    if (good)
        fill_errors(c, &t, o);
    weft__precise_free(&t.numbers);
    weft_tape_free(t.side.tape);
    return good;
}

/* --- costs --- */

static struct timespec now(void)
{
    struct timespec t = {0};
    timespec_get(&t, TIME_UTC);
    return t;
}

static double seconds_since(struct timespec begin)
{
    struct timespec end = now();
    return (double)(end.tv_sec - begin.tv_sec) + 1e-9 * (double)(end.tv_nsec - begin.tv_nsec);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

enum { MOST_ROUNDS = 101, LEAST_ROUNDS = 5 };

static double timed(weft_program *p, size_t repeats)
{
    struct timespec begin = now();
    for (size_t k = 0; k < repeats; k++)
        weft_run(p);
    return seconds_since(begin) / (double)repeats;
}

/* Rounds in which the two take turns, after one in which memory is touched. */
static void measure_times(weft_program *const p[2], double seconds, weft_cost *cost)
{
    double times[2][MOST_ROUNDS];
    struct timespec begin = now();
    size_t repeats[2], rounds = 0;
    for (int side = 0; side < 2; side++) {
        double once = timed(p[side], 1);
        repeats[side] = once < 1e-3 ? (size_t)(1e-3 / fmax(once, 1e-8)) + 1 : 1; /* a millisecond or more: the clock then counts for nothing */
        repeats[side] = repeats[side] > 100000 ? 100000 : repeats[side];
    }
    while (rounds < MOST_ROUNDS && (rounds < LEAST_ROUNDS || seconds_since(begin) < seconds)) {
        for (int side = 0; side < 2; side++)
            times[side][rounds] = timed(p[side], repeats[side]);
        rounds++;
    }
    for (int side = 0; side < 2; side++) {
        qsort(times[side], rounds, sizeof **times, by_size);
        cost[side].seconds = times[side][rounds / 2];
    }
}

static bool measure_costs(weft__comparing *c, const weft__case *k)
{
    weft_program *p[2] = {NULL, NULL};
    bool good = true;
    for (int side = 0; side < 2 && good; side++) {
        weft__recorded r;
        weft_status status = weft__side_record(c, k->shape, side, c->options.dtype, false, &r);
        c->no_memory |= status == WEFT_ERROR_MEMORY;
        good = status == WEFT_OK;
        if (good) {
            p[side] = weft_compile_with(r.out, r.n, c->options.program);
            good = weft__side_bind(c, k, &r, p[side], 0) && weft_run(p[side]) == WEFT_OK;
            c->result->cost[side] = (weft_cost){.traffic = weft_program_traffic(p[side]), .memory = weft_program_memory(p[side])};
            c->no_memory |= weft_program_status(p[side]) == WEFT_ERROR_MEMORY;
        }
        weft_tape_free(r.tape);
    }
    if (good && c->options.seconds > 0)
        measure_times(p, c->options.seconds, c->result->cost);
    weft_program_free(p[0]);
    weft_program_free(p[1]);
    return !c->no_memory;
}

bool weft__measure_sides(weft__comparing *c)
{
    weft__case k = {.seed = c->options.seed + 1, .style = STYLE_PLAIN};
    for (size_t l = 0; l < c->result->n_lengths; l++)
        for (size_t s = 0; s < c->options.n_size; s++)
            if (!strcmp(c->options.size[s].name, c->result->length_name[l]))
                k.length[l] = c->options.size[s].value;
    if (!weft__case_draw(c, &k))
        return false;
    c->narrow = true;
    return measure_errors(c, &k) && measure_costs(c, &k);
}

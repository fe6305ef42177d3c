/* compare.c: two sides of one signature, held against each other over many cases: weft_compare(). compare_case.c draws the cases, compare_run.c runs
 * them, compare_shrink.c makes one that fails small, compare_report.c measures errors and costs. */
#include "engine/judge/compare.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static weft_status refuse(weft__comparing *c, const char *words)
{
    snprintf(c->result->message, sizeof c->result->message, "%s", words);
    return WEFT_ERROR_ARGUMENT;
}

static weft_status check_sizes(weft__comparing *c)
{
    size_t length[WEFT_MOST_LENGTHS] = {0};
    bool given[WEFT_MOST_LENGTHS] = {false};
    for (size_t s = 0; s < c->options.n_size; s++) {
        const weft_length *at = &c->options.size[s];
        int l = at->name ? weft__length_find(c->result, at->name, strlen(at->name)) : -1;
        if (l < 0 || !at->value)
            return refuse(c, l < 0 ? "a size names a length that no shape has" : "a length must be at least 1");
        length[l] = at->value;
        given[l] = true;
    }
    for (size_t l = 0; l < c->result->n_lengths; l++)
        if (!given[l])
            return refuse(c, "a size must say each length of the shapes");
    return weft__lengths_fit(c, length) ? WEFT_OK : refuse(c, "arrays of that size would have more than 2**26 elements");
}

static weft_status check_arguments(weft__comparing *c)
{
    if (!c->side || (!c->input && c->n) || c->n > WEFT_MOST_INPUTS)
        return refuse(c, c->n > WEFT_MOST_INPUTS ? "there are more than 8 inputs" : "an argument is NULL");
    for (int s = 0; s < 2; s++)
        if (!c->side[s].name || !c->side[s].value)
            return refuse(c, "each side needs a name and a value");
    if (c->options.dtype == WEFT_I64)
        return refuse(c, "what is measured must be f32 or f64");
    if (!weft_truth_available(c->options.truth))
        return refuse(c, "this library was built without MPFR, so the truth can be f64 only; with libmpfr-dev installed, build it again");
    weft_status status = weft__signature_read(c);
    return status == WEFT_OK && c->options.size ? check_sizes(c) : status;
}

/* --- cases --- */

/* The first is plain and of unlike lengths; then all lengths 1, all 2; then any. The styles take turns. */
static void choose_lengths(const weft__comparing *c, size_t trial, weft__case *k)
{
    static const size_t unlike[WEFT_MOST_LENGTHS] = {4, 3, 5, 2, 6, 7, 3, 2};
    k->seed = c->options.seed * 1000003 + trial + 1;
    k->style = trial < 3 ? STYLE_PLAIN : (weft__style)(trial % STYLES);
    for (size_t l = 0; l < c->result->n_lengths; l++)
        k->length[l] = trial == 0 ? unlike[l] : trial < 3 ? trial : weft__length_drawn(k->seed, l);
}

/* The same bits again. */
static bool is_steady(weft__comparing *c, const weft__case *k, int side, bool *steady)
{
    weft__outcome a, b;
    *steady = true;
    if (!weft__side_run(c, k, side, WEFT_F64, 0, &a))
        return false;
    weft__side_forget(c, side);
    if (!weft__side_run(c, k, side, WEFT_F64, 0, &b))
        return false;
    *steady = a.refused == b.refused;
    for (size_t r = 0; r < a.n && *steady && !a.refused; r++)
        *steady = a.count[r] == b.count[r] && !memcmp(a.value[r], b.value[r], a.count[r] * sizeof(double));
    return true;
}

/* --- words --- */

typedef struct sentence {
    char *text;
    size_t used, size;
} sentence;

static void say(sentence *s, const char *format, const char *a, double b)
{
    int n = s->used < s->size ? snprintf(s->text + s->used, s->size - s->used, format, a, b) : 0;
    s->used += n > 0 ? (size_t)n : 0;
}

static void describe_difference(weft__comparing *c, const weft__case *k, const weft__finding *f)
{
    weft_comparison *r = c->result;
    sentence s = {.text = r->message, .size = sizeof r->message};
    char name[48];
    weft__result_name(c, f->result, name, sizeof name);
    if (*f->message) {
        say(&s, "%s", f->message, 0);
    } else {
        say(&s, "%s", name, 0);
        say(&s, "%s element %.0f", ",", (double)f->element);
        say(&s, ": \"%.60s\" gives %.9g", c->side[0].name, f->value[0]);
        say(&s, ", \"%.60s\" gives %.9g", c->side[1].name, f->value[1]);
    }
    for (size_t l = 0; l < r->n_lengths; l++) {
        say(&s, l ? ", %s = %.0f" : "; at %s = %.0f", r->length_name[l], (double)k->length[l]);
        r->length[l] = k->length[l];
    }
    for (size_t i = 0; i < c->n; i++) {
        r->count[i] = k->count[i];
        r->number[i] = k->count[i] ? k->number[i][0] : 0;
        for (size_t e = 0; e < k->count[i] && k->count[i] <= 6; e++)
            say(&s, e ? "%s %.6g" : i || r->n_lengths ? ", %s = %.6g" : "; at %s = %.6g", e ? "" : c->input[i].name, k->number[i][e]);
    }
    r->failed = f->result;
    r->element = f->element;
    r->value[0] = f->value[0];
    r->value[1] = f->value[1];
}

static void describe_end(weft__comparing *c)
{
    weft_comparison *r = c->result;
    size_t silent = c->n;
    for (size_t i = c->n; i-- > 0;)
        silent = c->active[i] && !c->heard[i] ? i : silent;
    if (r->refused == r->trials) {
        r->agreement = WEFT_SIDES_REFUSE; /* the message has the words of the last */
    } else if (silent < c->n) {
        r->agreement = WEFT_SIDES_SILENT;
        snprintf(r->message, sizeof r->message,
                 "they agree, but the gradient of %.40s is 0 in every trial, by construction: that proves nothing. Compare what the loss sums up, or weigh it: "
                 "sum(w*y) with random w", c->input[silent].name);
    } else {
        snprintf(r->message, sizeof r->message, "they agree in %zu trials, to what rounding explains", r->trials - r->refused);
    }
}

/* --- the call --- */

static bool run_trials(weft__comparing *c, size_t trials)
{
    weft_comparison *r = c->result;
    for (size_t trial = 0; trial < trials; trial++) {
        weft__arena_mark start = weft__arena_here(&c->arena);
        weft__case k;
        weft__finding f;
        bool steady = true;
        int side = 0;
        memset(&k, 0, sizeof k);
        choose_lengths(c, trial, &k);
        if (!weft__case_draw(c, &k))
            return false;
        for (; side < 2 && steady && trial < 3; side += steady)
            if (!is_steady(c, &k, side, &steady))
                return false;
        r->trials++;
        if (!steady) {
            r->agreement = WEFT_SIDES_UNSTEADY;
            snprintf(r->message, sizeof r->message, "\"%.60s\" gives other numbers when it runs again on the same inputs", c->side[side].name);
            return true;
        }
        if (!weft__sides_differ(c, &k, &f))
            return false;
        if (f.differ) {
            r->agreement = WEFT_SIDES_DIFFER;
            if (!weft__case_shrink(c, &k, &f))
                return false;
            describe_difference(c, &k, &f);
            return true;
        }
        if (*f.message) {
            r->refused++;
            snprintf(r->message, sizeof r->message, "%s", f.message);
        }
        weft__arena_rewind(&c->arena, start);
    }
    describe_end(c);
    return true;
}

weft_status weft_compare(const weft_side sides[2], const weft_compare_input *inputs, size_t n, const weft_compare_options *options,
                         weft_comparison *comparison)
{
    if (!comparison)
        return WEFT_ERROR_ARGUMENT;
    weft__comparing c = {.side = sides, .input = inputs, .n = n, .result = comparison};
    if (options)
        c.options = *options;
    *comparison = (weft_comparison){.agreement = WEFT_SIDES_AGREE};
    weft_status status = check_arguments(&c);
    if (status != WEFT_OK)
        return status;
    comparison->n_results = 2 + (c.options.first_order ? 1 : 2) * c.n_active - (c.n_active ? 0 : 1);
    for (size_t r = 0; r < comparison->n_results; r++) {
        comparison->result[r] = (weft_compared){.max_abs = NAN, .max_rel = NAN, .max_ulp = NAN, .error = {NAN, NAN}};
        weft__result_name(&c, r, comparison->result[r].name, sizeof comparison->result[r].name);
    }
    weft_allocator allocator = weft__allocator_or_default(c.options.allocator);
    weft__arena_init(&c.arena, &allocator);
    bool good = run_trials(&c, c.options.trials ? c.options.trials : 60);
    if (good && c.options.size && comparison->agreement != WEFT_SIDES_REFUSE)
        good = weft__measure_sides(&c);
    weft__side_forget(&c, 0);
    weft__side_forget(&c, 1);
    weft__arena_free(&c.arena);
    if (good || c.no_truth)
        return good ? WEFT_OK : WEFT_ERROR_ARGUMENT;
    snprintf(comparison->message, sizeof comparison->message, "out of memory");
    return WEFT_ERROR_MEMORY;
}

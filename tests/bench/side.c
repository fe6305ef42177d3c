/* side.c: see side.h. */
#define _GNU_SOURCE
#include "side.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { MOST_WORKS = 16, MOST_SAMPLES = 2000, FEWEST_SAMPLES = 2, COLUMNS_CHECKED = 64 };

static const double shortest_sample = 200e-6;

typedef struct held {
    char key[96];
    work work;
    size_t repeats, copy_repeats; /* 0: not calibrated yet */
} held;

static held works[MOST_WORKS];
static int n_works;
static inputs current;
static char current_key[64];

static double seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void *side_allocate(size_t bytes)
{
    void *memory = aligned_alloc(64, (bytes + 63) / 64 * 64 + 64);
    if (!memory) {
        puts("{\"error\": \"out of memory\"}");
        exit(1);
    }
    return memset(memory, 0, bytes);
}

static uint32_t lowbias32(uint32_t x)
{
    x ^= x >> 16;
    x *= 0x7feb352du;
    x ^= x >> 15;
    x *= 0x846ca68bu;
    return x ^ x >> 16;
}

void side_fill(float *x, size_t n, size_t s, size_t c, int channels_first, uint32_t stream, float low, float high)
{
    size_t outer = channels_first ? c : s, inner = channels_first ? s : c;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < outer; j++)
            for (size_t k = 0; k < inner; k++) {
                size_t index = channels_first ? (i * s + k) * c + j : (i * s + j) * c + k;
                uint32_t bits = lowbias32((uint32_t)index + stream * 0x9e3779b9u);
                *x++ = low + (high - low) * ((float)(bits >> 8) * 0x1p-24f);
            }
}

double side_copy_seconds(void *to, const void *from, size_t bytes, size_t repeats)
{
    double start = seconds_now();
    for (size_t i = 0; i < repeats; i++) {
        memcpy(to, from, bytes);
        __asm__ volatile("" : : "r"(to) : "memory"); /* or all but one copy would be left out */
    }
    return (seconds_now() - start) / (double)repeats;
}

/* --- Requests --- */

static bool is_mlp(const request *r)
{
    return !strcmp(r->item, "mlp");
}

static bool layout_parse(const char *text, layout *to)
{
    static const char *const name[] = {"nd", "nhwc", "nchw"};
    for (int i = 0; i < 3; i++)
        if (!strcmp(text, name[i])) {
            *to = (layout)i;
            return true;
        }
    return false;
}

static bool request_parse(const char *line, request *r, char *last, size_t last_bytes)
{
    char format[8], dims[64], rest[256];
    *r = (request){.dim = {1, 1, 1, 1}};
    if (sscanf(line, "%*s %31s %47s %7s %63s %255s", r->item, r->variant, format, dims, rest) != 5 || !layout_parse(format, &r->layout))
        return false;
    snprintf(last, last_bytes, "%s", rest);
    snprintf(r->text, sizeof r->text, "%.20s %.40s %.4s %.28s", r->item, r->variant, format, dims);
    char *at = dims;
    for (int i = 0; i < 4 && *at; i++) {
        r->dim[i] = strtoull(at, &at, 10);
        at += *at == ',';
    }
    return r->dim[0] && r->dim[1] && r->dim[2] && r->dim[3];
}

static void forget(void)
{
    while (n_works > 0)
        if (works[--n_works].work.release)
            works[n_works].work.release(works[n_works].work.context);
    free(current.h);
    free(current.dy);
    free(current.copy);
    free(current.gamma);
    free(current.beta);
    current = (inputs){0};
    *current_key = 0;
}

static const inputs *inputs_for(const request *r)
{
    char key[sizeof current_key];
    snprintf(key, sizeof key, "%d %d %zu %zu %zu %zu", is_mlp(r), (int)r->layout, r->dim[0], r->dim[1], r->dim[2], r->dim[3]);
    if (!strcmp(key, current_key))
        return &current;
    forget();
    memcpy(current_key, key, sizeof key);
    size_t n = r->dim[0], s = is_mlp(r) ? 1 : r->dim[2] * r->dim[3], c = is_mlp(r) ? r->dim[2] : r->dim[1];
    int first = r->layout == LAYOUT_NCHW;
    current = (inputs){.rows = n * s, .columns = c, .bytes = n * s * c * sizeof(float)};
    current.h = side_allocate(current.bytes);
    current.dy = side_allocate(current.bytes);
    current.copy = side_allocate(current.bytes);
    current.gamma = side_allocate(c * sizeof(float));
    current.beta = side_allocate(c * sizeof(float));
    side_fill(current.h, n, s, c, first, STREAM_H, -0.75f, 1.25f);
    side_fill(current.dy, n, s, c, first, STREAM_DY, -0.5f, 0.5f);
    side_fill(current.gamma, 1, 1, c, 0, STREAM_GAMMA, 0.5f, 1.5f);
    side_fill(current.beta, 1, 1, c, 0, STREAM_BETA, -0.5f, 0.5f);
    return &current;
}

static bool complain(const char *why)
{
    char safe[160];
    snprintf(safe, sizeof safe, "%s", why);
    for (char *at = safe; *at; at++)
        if (*at == '"' || *at == '\\' || (unsigned char)*at < ' ')
            *at = '\'';
    printf("{\"error\": \"%s\"}\n", safe);
    return false;
}

static held *work_for(const worker *self, const request *r)
{
    const inputs *in = inputs_for(r);
    for (int i = 0; i < n_works; i++)
        if (!strcmp(works[i].key, r->text))
            return &works[i];
    if (n_works == MOST_WORKS) {
        complain("too many pieces of work at once");
        return NULL;
    }
    held *w = &works[n_works];
    *w = (held){0};
    memcpy(w->key, r->text, sizeof w->key);
    if (!self->make(r, in, &w->work)) {
        complain(w->work.note);
        return NULL;
    }
    n_works++;
    return w;
}

/* --- Answers --- */

static void write_columns(FILE *file, const float *x, const request *r)
{
    size_t c = current.columns, s = r->dim[2] * r->dim[3], checked = c < COLUMNS_CHECKED ? c : COLUMNS_CHECKED;
    float row[COLUMNS_CHECKED];
    for (size_t i = 0; i < current.rows; i++) {
        for (size_t k = 0; k < checked; k++) {
            size_t j = k * c / checked;
            row[k] = r->layout == LAYOUT_NCHW ? x[(i / s * c + j) * s + i % s] : x[i * c + j];
        }
        fwrite(row, sizeof *row, checked, file);
    }
}

static bool answer_check(const worker *self, const request *r, const char *path)
{
    results out = {0};
    held *w = work_for(self, r);
    if (!w)
        return false;
    if (!w->work.collect(w->work.context, &out))
        return complain("the run failed");
    FILE *file = fopen(path, "wb");
    if (!file)
        return complain("the results could not be written");
    if (out.flat)
        fwrite(out.flat, sizeof(float), out.count, file);
    else {
        size_t c = current.columns, checked = c < COLUMNS_CHECKED ? c : COLUMNS_CHECKED;
        write_columns(file, out.y, r);
        write_columns(file, out.dh, r);
        for (size_t k = 0; k < checked; k++)
            fwrite(&out.dgamma[k * c / checked], sizeof(float), 1, file);
        for (size_t k = 0; k < checked; k++)
            fwrite(&out.dbeta[k * c / checked], sizeof(float), 1, file);
    }
    bool bad = ferror(file) != 0;
    if (fclose(file) || bad)
        return complain("the results could not be written");
    printf("{\"note\": \"%s\"}\n", w->work.note);
    return true;
}

static double run_seconds(const work *w, size_t repeats)
{
    double start = seconds_now();
    for (size_t i = 0; i < repeats; i++)
        w->run(w->context);
    return (seconds_now() - start) / (double)repeats;
}

static size_t repeats_for(double once)
{
    return once > shortest_sample ? 1 : (size_t)(shortest_sample / (once > 1e-8 ? once : 1e-8)) + 1;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static bool answer_time(const worker *self, const request *r, double seconds)
{
    static double sample[MOST_SAMPLES], copy[MOST_SAMPLES];
    held *h = work_for(self, r);
    if (!h)
        return false;
    size_t n = 0, bytes = current.bytes;
    if (!h->repeats) {
        run_seconds(&h->work, 1);
        h->repeats = repeats_for(run_seconds(&h->work, 1));
        h->copy_repeats = repeats_for(side_copy_seconds(current.copy, current.h, bytes, 1));
    } else
        run_seconds(&h->work, 1); /* another process ran meanwhile */
    long faults = 0;
    for (double start = seconds_now(); n < MOST_SAMPLES && (n < FEWEST_SAMPLES || seconds_now() - start < seconds); n++) {
        struct rusage before, after;
        copy[n] = side_copy_seconds(current.copy, current.h, bytes, h->copy_repeats);
        getrusage(RUSAGE_SELF, &before);
        sample[n] = run_seconds(&h->work, h->repeats);
        getrusage(RUSAGE_SELF, &after);
        faults += after.ru_minflt - before.ru_minflt;
    }
    qsort(sample, n, sizeof *sample, by_size);
    qsort(copy, n, sizeof *copy, by_size);
    printf("{\"median\": %.9g, \"low\": %.9g, \"high\": %.9g, \"memcpy\": %.9g, \"faults\": %.3g, \"note\": \"%s\"}\n", sample[n / 2], sample[n / 4],
           sample[n - 1 - n / 4], copy[n / 2], (double)faults / (double)(n * h->repeats), h->work.note);
    return true;
}

static bool answer_variants(const worker *self, const char *line)
{
    char item[32], format[8];
    const char *name, *remark = "";
    layout in;
    if (sscanf(line, "%*s %31s %7s", item, format) != 2 || !layout_parse(format, &in))
        return complain("variants ITEM LAYOUT");
    fputs("{\"variants\": {", stdout);
    for (size_t i = 0; (name = self->variant(i, item, in, &remark)); i++, remark = "")
        printf("%s\"%s\": \"%s\"", i ? ", " : "", name, remark);
    puts("}}");
    return true;
}

int side_serve(const worker *self)
{
    char line[512], verb[16], last[256];
    while (fgets(line, sizeof line, stdin)) {
        request r;
        if (sscanf(line, "%15s", verb) != 1)
            continue;
        if (!strcmp(verb, "forget")) {
            forget();
            puts("{}");
        } else if (!strcmp(verb, "variants"))
            answer_variants(self, line);
        else if (!request_parse(line, &r, last, sizeof last))
            complain("unknown request");
        else if (!strcmp(verb, "check"))
            answer_check(self, &r, last);
        else
            answer_time(self, &r, strtod(last, NULL));
        fflush(stdout);
    }
    forget();
    return 0;
}

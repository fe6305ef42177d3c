/* compare.h: what the files of weft_compare() share: a signature, a case of it, and how a side is run on one. */
#ifndef WEFT_JUDGE_COMPARE_H
#define WEFT_JUDGE_COMPARE_H

#include "engine/judge/precise.h"
#include "engine/record/arena.h"

/* How numbers of an input are drawn, where its signature sets no bounds. */
typedef enum weft__style { STYLE_PLAIN, STYLE_WHOLE, STYLE_OFFSET, STYLE_CONSTANT, STYLE_SMALL, STYLE_LARGE, STYLE_SPARSE, STYLES } weft__style;

/* Inputs of one shape, with their numbers. */
typedef struct weft__case {
    size_t length[WEFT_MOST_LENGTHS];
    uint64_t seed; /* of numbers, cotangent and directions: element k is a function of seed and k */
    weft__style style;
    weft_shape shape[WEFT_MOST_INPUTS];
    size_t count[WEFT_MOST_INPUTS];
    double *number[WEFT_MOST_INPUTS]; /* (count) */
    int64_t *index[WEFT_MOST_INPUTS]; /* (count), of an index; else NULL */
} weft__case;

/* What a side gives: arrays as f64. */
typedef struct weft__outcome {
    bool refused;
    char message[WEFT_MESSAGE_SIZE];
    size_t n;
    weft_shape shape[WEFT_MOST_COMPARED];
    size_t count[WEFT_MOST_COMPARED];
    double *value[WEFT_MOST_COMPARED]; /* (count) */
} weft__outcome;

/* Where two outcomes differ. */
typedef struct weft__finding {
    bool differ;
    size_t result, element;
    double value[2];
    char message[WEFT_MESSAGE_SIZE]; /* "" or why, where it is not a number */
} weft__finding;

/* A side on a tape. */
typedef struct weft__recorded {
    weft_tape *tape;
    weft_node x[WEFT_MOST_INPUTS], dy, tangent[WEFT_MOST_INPUTS], weight[WEFT_MOST_INPUTS];
    weft_node out[WEFT_MOST_COMPARED];
    size_t n;
} weft__recorded;

/* A side as it was compiled last: other numbers of the same shapes run on the same program. */
typedef struct weft__compiled {
    weft_shape shape[WEFT_MOST_INPUTS];
    weft_dtype dtype;
    weft__recorded recorded; /* tape NULL: there is none */
    weft_program *program;
} weft__compiled;

typedef struct weft__comparing {
    const weft_side *side; /* (2) */
    const weft_compare_input *input;
    size_t n;
    weft_compare_options options;
    weft_comparison *result;
    weft__arena arena; /* of one trial */
    const char *axis[WEFT_MOST_INPUTS][WEFT_MAX_RANK]; /* each shape's parts */
    int rank[WEFT_MOST_INPUTS];
    bool active[WEFT_MOST_INPUTS]; /* its derivative is asked for */
    size_t n_active;
    bool heard[WEFT_MOST_INPUTS];  /* its gradient was not 0 once */
    weft__compiled compiled[2];
    bool narrow;                   /* numbers are bound as f32 holds them, so that both dtypes have the same */
    bool no_memory;
    bool no_truth;                 /* it was asked for and cannot be had; the message says why */
} weft__comparing;

/* --- compare_case.c --- */
weft_status weft__signature_read(weft__comparing *c);
int weft__length_find(const weft_comparison *r, const char *name, size_t length); /* -1: it is not there */
bool weft__lengths_fit(const weft__comparing *c, const size_t *length); /* no array is too large */
bool weft__case_draw(weft__comparing *c, weft__case *k); /* by its lengths, seed and style; false when out of memory */
double weft__drawn(uint64_t seed, uint64_t stream, size_t element); /* uniform in [0, 1) */
size_t weft__length_drawn(uint64_t seed, size_t element);
void weft__shape_of(const weft__comparing *c, size_t input, const size_t *length, weft_shape *shape);

/* --- compare_run.c --- */

/* One side on one case; jitter: 0, or a seed of changes of an ulp or so. False when out of memory. */
bool weft__side_run(weft__comparing *c, const weft__case *k, int side, weft_dtype dtype, uint64_t jitter, weft__outcome *outcome);
void weft__side_forget(weft__comparing *c, int side); /* the next run records it anew */
bool weft__sides_differ(weft__comparing *c, const weft__case *k, weft__finding *finding); /* false when out of memory */

/* Records a side, x, y and the cotangent: outputs y and the gradients, then if asked the derivatives of further kinds. */
weft_status weft__side_record(const weft__comparing *c, const weft_shape *shape, int side, weft_dtype dtype, bool all, weft__recorded *r);

/* The data of each input, which is the arena's: of WEFT__MOST_BOUND at most. False: no memory. */
enum { WEFT__MOST_BOUND = 1 + 3 * WEFT_MOST_INPUTS };
bool weft__side_data(weft__comparing *c, const weft__case *k, const weft__recorded *r, uint64_t jitter, weft_binding *bind, size_t *n);

/* False: an error of the program, or no memory. */
bool weft__side_bind(weft__comparing *c, const weft__case *k, const weft__recorded *r, weft_program *p, uint64_t jitter);
double weft__largest_finite(const double *x, size_t n); /* |x[e]|, of those that are finite */
void weft__result_name(const weft__comparing *c, size_t k, char *name, size_t size);

/* --- compare_shrink.c, compare_report.c --- */
bool weft__case_shrink(weft__comparing *c, weft__case *k, weft__finding *finding);
bool weft__measure_sides(weft__comparing *c);

#endif

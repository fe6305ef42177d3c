/* compare.h: the staged and the fused batch normalization of one h, and what can be said of the two. */
#ifndef WEFT_DEMOS_COMPARE_H
#define WEFT_DEMOS_COMPARE_H

#include "measure.h"
#include "sample.h"

enum { Y, DH, DGAMMA, DBETA, RESULTS };
enum { STAGED, FUSED, SIDES };
extern const char *const result_name[RESULTS];
extern const char *const side_name[SIDES];

/* What is compared: numbers of `dtype`, kept as f64 here. */
typedef struct problem {
    weft_dtype dtype;
    size_t n, d;
    double eps;
    uint64_t seed;
    double *h, *dy;        /* (n, d) */
    double *gamma, *beta;  /* (d) */
} problem;

/* A difference between two arrays: absolute, and in ulps of the largest entry of the true one, of the problem's dtype. */
typedef struct difference {
    double absolute, ulps;
} difference;

typedef struct side_report {
    uint32_t forward_nodes, nodes; /* without and with the gradient */
    weft_memory memory;
    timing forward, both;
    difference from_f64[RESULTS], from_differences[RESULTS];
} side_report;

typedef struct comparison {
    side_report side[SIDES];
    difference between[RESULTS];      /* staged and fused */
    bool agree[RESULTS];              /* both within rounding of the f64 run, and so of each other */
    double allowed[RESULTS];          /* by that rounding */
    size_t probed[RESULTS];           /* elements that central differences were taken of */
    double reach[RESULTS];            /* how far from the slope those may end, relative to its terms */
    timing copy;                      /* memcpy of an array of h's size */
    char out_of_range[WEFT_MESSAGE_SIZE]; /* the first node of the staged graph that left the range of f32; "" for none */
} comparison;

/* False after saying on stderr what is wrong. */
bool compare_batchnorm(const problem *p, comparison *c);

#endif

/* samples.h: for every op of the catalogue, operands to try it on and a naive loop that computes the same in f64. */
#ifndef WEFT_TESTS_SAMPLES_H
#define WEFT_TESTS_SAMPLES_H

#include "weft_op.h"

enum { SAMPLE_OPERANDS = 6 };

typedef enum domain {
    NORMAL,   /* standard normal */
    POSITIVE, /* 0.5 to 2 */
    AWAY,     /* normal, at least 0.2 from 0: no kink within a step */
    DISTINCT, /* a shuffled ladder of 0.25: no ties within a step */
    MASK,     /* 0 or 1 */
    INDEX     /* i64, 0 to 2 */
} domain;

typedef struct sample {
    const char *op;
    weft_node (*build)(const weft_node *x);
    void (*naive)(const weft_shape *shape, const double *const *x, double *y); /* shape: of the operands */
    int n;
    weft_shape shape[SAMPLE_OPERANDS];
    domain domain[SAMPLE_OPERANDS];
    bool no_gradient; /* zero by definition */
} sample;

size_t sample_count(void);
const sample *sample_at(size_t i); /* NULL beyond the last */

/* Fills (count) values of a domain; the same seed gives the same values. Indices come as whole doubles. */
void draw_domain(domain d, uint64_t *seed, size_t count, double *x);

double draw_normal(uint64_t *seed);
double draw_uniform(uint64_t *seed);

/* Operands as inputs on a tape, and their memory in the node's dtype. */
typedef struct operands {
    int n;
    weft_node node[SAMPLE_OPERANDS];
    double *wide[SAMPLE_OPERANDS]; /* the values as f64 */
    void *data[SAMPLE_OPERANDS];
    size_t count[SAMPLE_OPERANDS], bytes[SAMPLE_OPERANDS];
    weft_binding binding[SAMPLE_OPERANDS];
} operands;

void operands_make(operands *o, weft_tape *tape, const sample *s, weft_dtype dtype, uint64_t seed);
void operands_bind(const operands *o, weft_program *program);
void operands_free(operands *o);

#endif

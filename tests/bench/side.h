/* side.h: what the workers of tests/bench/peers have in common. A worker is a process that holds the inputs, builds a piece of work when it
 * is first asked for it, and answers a line of text with a line of JSON:
 *
 *     variants ITEM LAYOUT                        the ways in which it can do the work, and remarks
 *     check ITEM VARIANT LAYOUT DIMS PATH         runs once and writes the results to PATH, for the reference to judge
 *     time ITEM VARIANT LAYOUT DIMS SECONDS       median and quartiles of a run, and of a memcpy of one array, in seconds; page faults of a run
 *     forget                                      frees everything
 *
 * ITEM is batchnorm, batchnorm_relu or mlp. LAYOUT is nd with DIMS N,D; nhwc or nchw with DIMS N,C,H,W; for mlp nd with the widths
 * batch,inputs,hidden,classes. The results of a batch normalization are, as f32, y and dh of up to 64 columns that cover the channels evenly
 * (rows N*H*W in the order n, h, w), then dgamma and dbeta of these; those of mlp are every parameter after two steps, and the loss of the
 * second. side.py is the same for workers in Python; it loads this file as a shared library for the inputs and the memcpy. */
#ifndef WEFT_BENCH_SIDE_H
#define WEFT_BENCH_SIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum layout { LAYOUT_ND, LAYOUT_NHWC, LAYOUT_NCHW } layout;

typedef struct request {
    char item[32], variant[48], text[96]; /* text: the request without its last word, the key of a piece of work */
    layout layout;
    size_t dim[4]; /* as given; 1 where there are fewer */
} request;

/* The inputs of a batch normalization, of h ~ U[-0.75, 1.25), dy ~ U[-0.5, 0.5), gamma ~ U[0.5, 1.5), beta ~ U[-0.5, 0.5). */
typedef struct inputs {
    size_t rows, columns; /* N or N*H*W; D or C */
    size_t bytes;         /* of h */
    float *h, *dy, *copy; /* in the layout of the request */
    float *gamma, *beta;  /* (columns) */
} inputs;

typedef struct results {
    const float *y, *dh, *dgamma, *dbeta; /* in the layout of the request */
    const float *flat;                    /* of mlp: `count` numbers */
    size_t count;
} results;

typedef struct work {
    void (*run)(void *context);
    bool (*collect)(void *context, results *to); /* runs, and hands over the results in the plain layout */
    void (*release)(void *context);
    void *context;
    char note[128]; /* after a failure, why; otherwise what the worker chose */
} work;

typedef struct worker {
    const char *(*variant)(size_t i, const char *item, layout layout, const char **remark); /* NULL beyond the last; see peers for remarks */
    bool (*make)(const request *request, const inputs *inputs, work *work);
} worker;

int side_serve(const worker *self); /* reads requests from stdin until it ends */

/* Element i of stream k is low + (high - low) * u, u a 24-bit fraction from a hash of i and k. (n, s, c) has i = (n*S + s)*C + c, wherever it
 * lies in memory: channels_first says (n, c, s). Source of the hash: C. Wellons, "Prospecting for hash functions", lowbias32. */
enum { STREAM_H = 1, STREAM_DY, STREAM_GAMMA, STREAM_BETA, STREAM_W1, STREAM_B1, STREAM_W2, STREAM_B2, STREAM_X, STREAM_LABEL };
void side_fill(float *x, size_t n, size_t s, size_t c, int channels_first, uint32_t stream, float low, float high);

double side_copy_seconds(void *to, const void *from, size_t bytes, size_t repeats); /* of one memcpy */

void *side_allocate(size_t bytes); /* 64-byte aligned and touched; exits with a message when there is no memory */

static const double bn_eps = 1e-5, mlp_momentum = 0.9;
static const float mlp_check_rate = 0.1f, mlp_rate = 0.001f;

#endif

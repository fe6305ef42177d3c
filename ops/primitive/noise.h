/* noise.h: what uniform and normal share: attributes, shape rule, builder, and the bits that an element is made of.
 *
 * Every element has 53 bits of its own, a function of seed, step, stream and its position alone, so any thread may compute any part. Element i is
 * word i%4 of two blocks of Philox4x32-10, whose key is the seed and whose counter is
 *
 *     word 0    i/4, the low 32 bits
 *     word 1    bits 0 to 15: i/4 from bit 32 on; 16 to 29: the step from bit 32 on; 30: 0 for the high half, 1 for the low; 31: the kind
 *     word 2    the step, the low 32 bits
 *     word 3    the stream
 *
 * so no two elements of any two noises of one seed share a counter, unless step, stream and kind are the same. The word of the high half gives the
 * leading 32 of the 53 bits, that of the low half the others; what needs no more than 32 reads the high half alone. */
#ifndef WEFT_OPS_NOISE_H
#define WEFT_OPS_NOISE_H

#include "engine/weft_op.h"

typedef struct weft__noise {
    uint32_t stream, dtype;
    int32_t rank;
    uint32_t zero;
    uint64_t dim[WEFT_MAX_RANK]; /* of the result; 0 beyond its rank */
} weft__noise;

enum { WEFT__NOISE_UNIFORM, WEFT__NOISE_NORMAL };         /* kinds */
enum { WEFT__NOISE_HIGH = 1, WEFT__NOISE_BOTH = 2 };      /* halves that a noise needs */
enum { WEFT__NOISE_CHUNK = 1024 };                        /* elements, of fours */

/* Makes n elements, beginning with the first of a block, of the words of both halves; low is NULL where it was not asked for. */
typedef void (*weft__noise_fill)(size_t n, void *y, const uint32_t *high, const uint32_t *low);

weft_status weft__noise_shape(weft_typing *typing);
weft_node weft__noise_record(const weft_op *op, weft_node seed, weft_node step, uint32_t stream, weft_dtype dtype, int rank, const size_t *dim);
/* A fresh symbol for each seed, step, stream and position. */
void weft__noise_in_field(weft_field *f, const weft_exact_call *call, const char *name);
uint64_t weft__noise_below(const void *attributes, const weft_shape *x, int operand); /* the step is a whole number */
weft_status weft__noise_run(const weft_call *call, int kind, int halves, weft__noise_fill fill);

#endif

/* moments.h: mean and squared deviations of a vector that is read once, in blocks. */
#ifndef WEFT_OPS_FUSED_MOMENTS_H
#define WEFT_OPS_FUSED_MOMENTS_H

enum { MOMENTS_BLOCK = 4096 /* elements, that a shift serves */ };

typedef struct moments {
    double count, mean, square; /* square = sum (x - mean)**2 */
} moments;

/* Chan's rule: m absorbs a block of n elements of which sum (x - shift) and sum (x - shift)**2 are given. */
static inline void weft__absorb(moments *m, double n, double shift, double sum, double square)
{
    double total = m->count + n, offset = sum / n, centred = square - sum * offset;
    centred = centred > 0 || centred != centred ? centred : 0;
    if (m->count > 0) {
        double delta = (shift - m->mean) + offset;
        m->mean += delta * (n / total);
        m->square += centred + delta * delta * (m->count * n / total);
    } else {
        m->mean = shift + offset;
        m->square = centred;
    }
    m->count = total;
}

#endif

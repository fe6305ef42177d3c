/* random.h: numbers that the judges draw. The generator is splitmix64 (Steele, Lea and Flood, 2014). */
#ifndef WEFT_JUDGE_RANDOM_H
#define WEFT_JUDGE_RANDOM_H

#include <stdint.h>

static inline uint64_t weft__random(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* A weight of either sign and a size between 1/2 and 3/2, so that none hides its element. */
static inline double weft__weight(uint64_t *state)
{
    uint64_t z = weft__random(state);
    double size = 0.5 + (double)(z >> 11) * 0x1p-53;
    return z & 1 ? size : -size;
}

#endif

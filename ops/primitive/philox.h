/* philox.h: Philox4x32-10, a function from 128 bits of counter and 64 bits of key to 128 bits that look random: ten rounds of two products of
 * 32 by 32 bits each. It has no state, so any block of its output can be computed by whoever asks for it. Here it makes many blocks at once, lane
 * by lane, which compilers turn into vectors. Source: Salmon, Moraes, Dror and Shaw, Parallel random numbers: as easy as 1, 2, 3, SC 2011. */
#ifndef WEFT_OPS_PHILOX_H
#define WEFT_OPS_PHILOX_H

#include <stddef.h>
#include <stdint.h>

enum { WEFT__PHILOX_LANES = 16, WEFT__PHILOX_ROUNDS = 10, WEFT__PHILOX_WORDS = 4 };

/* Word w of lane l stands at counter[w][l] and is replaced by that of the result. */
static inline void weft__philox(uint32_t counter[WEFT__PHILOX_WORDS][WEFT__PHILOX_LANES], uint32_t key0, uint32_t key1)
{
    for (int round = 0; round < WEFT__PHILOX_ROUNDS; round++) {
        for (int l = 0; l < WEFT__PHILOX_LANES; l++) {
            uint64_t product0 = (uint64_t)0xD2511F53u * counter[0][l], product1 = (uint64_t)0xCD9E8D57u * counter[2][l];
            counter[0][l] = (uint32_t)(product1 >> 32) ^ counter[1][l] ^ key0;
            counter[1][l] = (uint32_t)product1;
            counter[2][l] = (uint32_t)(product0 >> 32) ^ counter[3][l] ^ key1;
            counter[3][l] = (uint32_t)product0;
        }
        key0 += 0x9E3779B9u; /* Weyl sequences: the golden ratio, and below the root of 3 less 1, as fractions of 2**32 */
        key1 += 0xBB67AE85u;
    }
}

#endif

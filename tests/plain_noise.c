/* plain_noise.c: see plain_noise.h. Sources: Salmon, Moraes, Dror and Shaw, SC 2011, section 3.3 and table 2; Box and Muller, 1958. */
#include "tests/plain_noise.h"

#include <math.h>

void plain_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t result[4])
{
    uint32_t r0 = counter[0], l0 = counter[1], r1 = counter[2], l1 = counter[3];
    for (uint32_t round = 0; round < 10; round++) {
        uint64_t from_r0 = r0 * UINT64_C(0xD2511F53), from_r1 = r1 * UINT64_C(0xCD9E8D57);
        uint32_t k0 = key[0] + round * 0x9E3779B9u, k1 = key[1] + round * 0xBB67AE85u;
        uint32_t high0 = (uint32_t)(from_r0 / (UINT64_C(1) << 32)), high1 = (uint32_t)(from_r1 / (UINT64_C(1) << 32));
        r0 = high1 ^ k0 ^ l0;
        r1 = high0 ^ k1 ^ l1;
        l0 = (uint32_t)from_r1;
        l1 = (uint32_t)from_r0;
    }
    result[0] = r0;
    result[1] = l0;
    result[2] = r1;
    result[3] = l1;
}

/* The 53 bits of element i; kind 0 uniform, 1 normal. */
static uint64_t bits_of(int64_t seed, uint64_t step, uint32_t stream, size_t i, uint32_t kind)
{
    uint64_t all = 0, block = i / 4;
    const uint32_t key[] = {(uint32_t)(uint64_t)seed, (uint32_t)((uint64_t)seed >> 32)};
    for (uint32_t half = 0; half < 2; half++) {
        uint32_t top = (uint32_t)(block >> 32) + (uint32_t)(step >> 32) * 0x10000u + half * 0x40000000u + kind * 0x80000000u, word[4];
        plain_philox((const uint32_t[]){(uint32_t)block, top, (uint32_t)step, stream}, key, word);
        all = all << 32 | word[i % 4];
    }
    return all >> 11;
}

long double plain_uniform(int64_t seed, uint64_t step, uint32_t stream, size_t i, bool narrow)
{
    uint64_t bits = bits_of(seed, step, stream, i, 0);
    return narrow ? (long double)(bits >> 29) / 16777216 : (long double)bits / 9007199254740992;
}

long double plain_normal(int64_t seed, uint64_t step, uint32_t stream, size_t i)
{
    long double u = (long double)(bits_of(seed, step, stream, i / 2 * 2, 1) + 1) / 9007199254740992;
    long double v = (long double)bits_of(seed, step, stream, i / 2 * 2 + 1, 1) / 9007199254740992;
    long double radius = sqrtl(-2 * logl(u)), angle = 2 * acosl(-1) * v;
    return i % 2 ? radius * sinl(angle) : radius * cosl(angle);
}

/* plain_noise.h: noise one element at a time, from the paper and from what ops/primitive/noise.h says of counters. */
#ifndef WEFT_TESTS_PLAIN_NOISE_H
#define WEFT_TESTS_PLAIN_NOISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void plain_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t result[4]);

/* Element i of weft_uniform() or weft_normal() for a seed, step and stream; uniform in f64, or in f32 where narrow. */
long double plain_uniform(int64_t seed, uint64_t step, uint32_t stream, size_t i, bool narrow);
long double plain_normal(int64_t seed, uint64_t step, uint32_t stream, size_t i);

#endif

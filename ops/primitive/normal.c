/* normal.c: normal numbers of mean 0 and variance 1, two from two uniform ones: with a and b the 53 bits of the elements 2j and 2j + 1,
 *
 *     u = (a + 1)/2**53, of (0, 1]    v = b/2**53, of [0, 1)    y[2j], y[2j + 1] = sqrt(-2 ln u) cos(2 pi v), sqrt(-2 ln u) sin(2 pi v)
 *
 * in f64 for both dtypes, so f32 noise is f64 noise rounded. The radius is at most sqrt(2 * 53 ln 2) = 8.58. What rounds most is the angle, of up to
 * 2 pi: its product and pi itself are off by at most 7e-16 together, so with the roundings of sine, cosine and radius y is within 1.1e-14 of the
 * formula. Source: Box and Muller, A note on the generation of random normal deviates, 1958. */
#include "ops/primitive/noise.h"

#include <math.h>
#include <string.h>

static int64_t bits(uint32_t high, uint32_t low)
{
    return (int64_t)(((uint64_t)high << 32 | low) >> 11);
}

/* n elements, and one more where n is odd: the words of its partner are there, since they come in fours. */
static void box_muller(size_t n, const uint32_t *high, const uint32_t *low, double *y)
{
    for (size_t i = 0; i < n; i += 2) {
        double u = (double)(bits(high[i], low[i]) + 1) * 0x1p-53, v = (double)bits(high[i + 1], low[i + 1]) * 0x1p-53;
        double radius = sqrt(-2 * log(u)), angle = 6.283185307179586477 * v;
        y[i] = radius * cos(angle);
        y[i + 1] = radius * sin(angle);
    }
}

static void normal_f32(size_t n, void *y, const uint32_t *high, const uint32_t *low)
{
    double wide[WEFT__NOISE_CHUNK];
    float *to = y;
    box_muller(n, high, low, wide);
    for (size_t i = 0; i < n; i++)
        to[i] = (float)wide[i];
}

static void normal_f64(size_t n, void *y, const uint32_t *high, const uint32_t *low)
{
    double wide[WEFT__NOISE_CHUNK];
    box_muller(n, high, low, wide);
    memcpy(y, wide, n * sizeof *wide);
}

static weft_status normal_kernel(const weft_call *call)
{
    return weft__noise_run(call, WEFT__NOISE_NORMAL, WEFT__NOISE_BOTH, call->y[0].dtype == WEFT_F32 ? normal_f32 : normal_f64);
}

static void normal_in_field(weft_field *f, const weft_exact_call *call)
{
    weft__noise_in_field(f, call, "normal");
}

static const weft_exact normal_exact = {.array = normal_in_field, .given = true, .below = weft__noise_below};

const weft_op weft_op_normal = {
    .name = "normal", .formula = "y = sqrt(-2 ln u) cos(2 pi v), sin for every other element", .arity = 2,
    .kind = WEFT_GENERAL, .flags = WEFT_ZERO_DERIVATIVE | WEFT_IN_PARTS, .attribute_size = sizeof(weft__noise),
    .shape = weft__noise_shape, .kernel = normal_kernel, .exact = &normal_exact,
};

weft_node weft_normal(weft_node seed, weft_node step, uint32_t stream, weft_dtype dtype, int rank, const size_t *dim)
{
    return weft__noise_record(&weft_op_normal, seed, step, stream, dtype, rank, dim);
}

/* uniform.c: numbers of [0, 1), each equally likely: the leading bits of what noise.h gives an element, as many as the mantissa holds. */
#include "ops/primitive/noise.h"

/* The leading 24 of 53 bits: the f64 number rounded down. */
WEFT_CLONES static void uniform_f32(size_t n, void *y, const uint32_t *high, const uint32_t *low)
{
    float *to = y;
    (void)low;
    for (size_t i = 0; i < n; i++)
        to[i] = (float)(int32_t)(high[i] >> 8) * 0x1p-24f;
}

WEFT_CLONES static void uniform_f64(size_t n, void *y, const uint32_t *high, const uint32_t *low)
{
    double *to = y;
    for (size_t i = 0; i < n; i++)
        to[i] = (double)(int64_t)(((uint64_t)high[i] << 32 | low[i]) >> 11) * 0x1p-53;
}

static weft_status uniform_kernel(const weft_call *call)
{
    bool narrow = call->y[0].dtype == WEFT_F32;
    return weft__noise_run(call, WEFT__NOISE_UNIFORM, narrow ? WEFT__NOISE_HIGH : WEFT__NOISE_BOTH, narrow ? uniform_f32 : uniform_f64);
}

static void uniform_in_field(weft_field *f, const weft_exact_call *call)
{
    weft__noise_in_field(f, call, "uniform");
}

static const weft_exact uniform_exact = {.array = uniform_in_field, .given = true, .below = weft__noise_below};

const weft_op weft_op_uniform = {
    .name = "uniform", .formula = "y = Philox4x32-10 bits / 2**24 or 2**53", .arity = 2,
    .kind = WEFT_GENERAL, .flags = WEFT_ZERO_DERIVATIVE | WEFT_IN_PARTS, .attribute_size = sizeof(weft__noise),
    .shape = weft__noise_shape, .kernel = uniform_kernel, .exact = &uniform_exact,
};

weft_node weft_uniform(weft_node seed, weft_node step, uint32_t stream, weft_dtype dtype, int rank, const size_t *dim)
{
    return weft__noise_record(&weft_op_uniform, seed, step, stream, dtype, rank, dim);
}

/* samples_elementwise.c: elementwise ops as their users call them: with numbers in place of operands, and where operands tie. Every one on operands
 * of its own is in elementwise.def. */
#include "tests/sample_table.h"

#include <math.h>

EACH(pow_2, weft_pow(x[0], weft_scalar_like(x[0], 2)), pow(a, 2))
EACH(pow_3, weft_pow(x[0], weft_scalar_like(x[0], 3)), pow(a, 3))
EACH(pow_1, weft_pow(x[0], weft_scalar_like(x[0], 1)), a)
EACH(pow_0, weft_pow(x[0], weft_scalar_like(x[0], 0)), 1)
EACH(pow_minus_1, weft_pow(x[0], weft_scalar_like(x[0], -1)), pow(a, -1))
EACH(pow_minus_2, weft_pow(x[0], weft_scalar_like(x[0], -2)), pow(a, -2))
EACH(pow_half, weft_pow(x[0], weft_scalar_like(x[0], 0.5)), sqrt(a + 0)) /* so NaN at -Inf and 0 at -0, as pow.c says */
EACH(pow_minus_half, weft_pow(x[0], weft_scalar_like(x[0], -0.5)), 1 / sqrt(a + 0))
EACH(pow_minus_3_halves, weft_pow(x[0], weft_scalar_like(x[0], -1.5)), 1 / (a * sqrt(a + 0)))
EACH(pow_other, weft_pow(x[0], weft_scalar_like(x[0], 2.7)), pow(a, 2.7))
EACH(leaky_relu, weft_leaky_relu(x[0], 0.01), a > 0 ? a : 0.01 * a)
EACH(elu, weft_elu(x[0], 1.5), a > 0 ? a : 1.5 * (exp(a) - 1))
EACH(clip, weft_clip(x[0], -0.5, 0.75), isnan(a) ? a : fmin(fmax(a, -0.5), 0.75))
EACH(equal, weft_equal(x[0], x[1]), a == b)
EACH(less, weft_less(x[0], x[1]), a < b)
EACH(less_equal, weft_less_equal(x[0], x[1]), a < b || a == b)
EACH(greater_equal, weft_greater_equal(x[0], x[1]), a > b || a == b)
EACH(not_equal, weft_not_equal(x[0], x[1]), !(a == b))

#define TIED(name) {#name, build_##name, naive_##name, 2, {{2, {3, 4}}, {2, {3, 4}}}, {MASK, MASK}, true}

static const sample rows[] = {
    ONE("pow", pow_2, NORMAL),
    ONE("pow", pow_3, NORMAL),
    ONE("pow", pow_1, NORMAL),
    {"pow", build_pow_0, naive_pow_0, 1, {{2, {3, 4}}}, {NORMAL}, true},
    ONE("pow", pow_minus_1, POSITIVE),
    ONE("pow", pow_minus_2, POSITIVE),
    ONE("pow", pow_half, POSITIVE),
    ONE("pow", pow_minus_half, POSITIVE),
    ONE("pow", pow_minus_3_halves, POSITIVE),
    ONE("pow", pow_other, POSITIVE),
    ONE("leaky_relu", leaky_relu, AWAY),
    ONE("elu", elu, AWAY),
    ONE("clip", clip, DISTINCT),
    TIED(equal),
    TIED(less),
    TIED(less_equal),
    TIED(greater_equal),
    TIED(not_equal),
};

SAMPLE_TABLE(samples_elementwise);

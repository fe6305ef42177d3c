/* samples_elementwise.c: what is computed element by element. */
#include "tests/sample_table.h"

#include <math.h>

/* Their builders take numbers where the ops take arrays. */
extern const weft_op weft_op_leaky_relu, weft_op_elu, weft_op_clip;

EACH(add, weft_add(x[0], x[1]), a + b)
EACH(sub, weft_sub(x[0], x[1]), a - b)
EACH(mul, weft_mul(x[0], x[1]), a *b)
EACH(div, weft_div(x[0], x[1]), a / b)
EACH(neg, weft_neg(x[0]), -a)
EACH(pow, weft_pow(x[0], x[1]), pow(a, b))
EACH(pow_2, weft_pow(x[0], weft_scalar_like(x[0], 2)), a *a)
EACH(pow_3, weft_pow(x[0], weft_scalar_like(x[0], 3)), a *a *a)
EACH(pow_1, weft_pow(x[0], weft_scalar_like(x[0], 1)), a)
EACH(pow_0, weft_pow(x[0], weft_scalar_like(x[0], 0)), 1)
EACH(pow_minus_1, weft_pow(x[0], weft_scalar_like(x[0], -1)), 1 / a)
EACH(pow_minus_2, weft_pow(x[0], weft_scalar_like(x[0], -2)), 1 / (a * a))
EACH(pow_half, weft_pow(x[0], weft_scalar_like(x[0], 0.5)), sqrt(a))
EACH(pow_minus_half, weft_pow(x[0], weft_scalar_like(x[0], -0.5)), 1 / sqrt(a))
EACH(pow_minus_3_halves, weft_pow(x[0], weft_scalar_like(x[0], -1.5)), pow(a, -1.5))
EACH(pow_other, weft_pow(x[0], weft_scalar_like(x[0], 2.7)), pow(a, 2.7))
EACH(exp, weft_exp(x[0]), exp(a))
EACH(log, weft_log(x[0]), log(a))
EACH(sqrt, weft_sqrt(x[0]), sqrt(a))
EACH(relu, weft_relu(x[0]), a > 0 ? a : 0)
EACH(abs, weft_abs(x[0]), fabs(a))
EACH(sign, weft_sign(x[0]), (a > 0) - (a < 0))
EACH(maximum, weft_maximum(x[0], x[1]), a > b ? a : b)
EACH(greater, weft_greater(x[0], x[1]), a > b)
EACH(equal, weft_equal(x[0], x[1]), a == b)
EACH(reciprocal, weft_reciprocal(x[0]), 1 / a)
EACH(square, weft_square(x[0]), a *a)
EACH(rsqrt, weft_rsqrt(x[0]), 1 / sqrt(a))
EACH(expm1, weft_expm1(x[0]), expm1(a))
EACH(log1p, weft_log1p(x[0]), log1p(a))
EACH(sin, weft_sin(x[0]), sin(a))
EACH(cos, weft_cos(x[0]), cos(a))
EACH(tanh, weft_tanh(x[0]), tanh(a))
EACH(sigmoid, weft_sigmoid(x[0]), 1 / (1 + exp(-a)))
EACH(softplus, weft_softplus(x[0]), log(1 + exp(a)))
EACH(erf, weft_erf(x[0]), erf(a))
EACH(leaky_relu, weft_leaky_relu(x[0], 0.01), a > 0 ? a : 0.01 * a)
EACH(leaky_relus, weft_elementwise(&weft_op_leaky_relu, x, 2), a > 0 ? a : b * a)
EACH(elu, weft_elu(x[0], 1.5), a > 0 ? a : 1.5 * (exp(a) - 1))
EACH(elus, weft_elementwise(&weft_op_elu, x, 2), a > 0 ? a : b * (exp(a) - 1))
EACH(silu, weft_silu(x[0]), a / (1 + exp(-a)))
EACH(gelu, weft_gelu(x[0]), a / 2 * (1 + erf(a / sqrt(2))))
EACH(floor, weft_floor(x[0]), a - fmod(a, 1) - (a < 0 && fmod(a, 1) != 0))
EACH(minimum, weft_minimum(x[0], x[1]), a < b ? a : b)
EACH(clip, weft_clip(x[0], -0.5, 0.75), fmin(fmax(a, -0.5), 0.75))
EACH(clips, weft_elementwise(&weft_op_clip, ((weft_node[]){x[0], weft_neg(x[1]), x[2]}), 3), fmin(fmax(a, -b), c))
EACH(less, weft_less(x[0], x[1]), a < b)
EACH(less_equal, weft_less_equal(x[0], x[1]), a < b || a == b)
EACH(greater_equal, weft_greater_equal(x[0], x[1]), a > b || a == b)
EACH(not_equal, weft_not_equal(x[0], x[1]), a < b || a > b)
EACH(where, weft_where(x[0], x[1], x[2]), a != 0 ? b : c)
EACH(stop_gradient, weft_stop_gradient(x[0]), a)

static const sample rows[] = {
    TWO("add", add, NORMAL, NORMAL),
    TWO("sub", sub, NORMAL, NORMAL),
    TWO("mul", mul, NORMAL, NORMAL),
    TWO("div", div, NORMAL, POSITIVE),
    ONE("neg", neg, NORMAL),
    TWO("pow", pow, POSITIVE, NORMAL),
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
    ONE("exp", exp, NORMAL),
    ONE("log", log, POSITIVE),
    ONE("sqrt", sqrt, POSITIVE),
    ONE("relu", relu, AWAY),
    ONE("abs", abs, AWAY),
    {"sign", build_sign, naive_sign, 1, {{2, {3, 4}}}, {AWAY}, true},
    TWO("maximum", maximum, DISTINCT, AWAY),
    {"greater", build_greater, naive_greater, 2, {{2, {3, 4}}, {2, {3, 4}}}, {DISTINCT, AWAY}, true},
    {"equal", build_equal, naive_equal, 2, {{2, {3, 4}}, {2, {3, 4}}}, {MASK, MASK}, true},
    {"equal", build_equal, naive_equal, 2, {{2, {3, 4}}, {2, {3, 4}}}, {DISTINCT, AWAY}, true},
    ONE("reciprocal", reciprocal, POSITIVE),
    ONE("square", square, NORMAL),
    ONE("rsqrt", rsqrt, POSITIVE),
    ONE("expm1", expm1, NORMAL),
    ONE("log1p", log1p, POSITIVE),
    ONE("sin", sin, NORMAL),
    ONE("cos", cos, NORMAL),
    ONE("tanh", tanh, NORMAL),
    ONE("sigmoid", sigmoid, NORMAL),
    ONE("softplus", softplus, NORMAL),
    ONE("erf", erf, NORMAL),
    ONE("leaky_relu", leaky_relu, AWAY),
    TWO("leaky_relu", leaky_relus, AWAY, NORMAL),
    ONE("elu", elu, AWAY),
    TWO("elu", elus, AWAY, NORMAL),
    ONE("silu", silu, NORMAL),
    ONE("gelu", gelu, NORMAL),
    {"floor", build_floor, naive_floor, 1, {{2, {3, 4}}}, {DISTINCT}, true},
    TWO("minimum", minimum, DISTINCT, AWAY),
    ONE("clip", clip, DISTINCT),
    {"clip", build_clips, naive_clips, 3, {{2, {3, 4}}, {2, {3, 4}}, {2, {3, 4}}}, {DISTINCT, POSITIVE, POSITIVE}, false},
    {"less", build_less, naive_less, 2, {{2, {3, 4}}, {2, {3, 4}}}, {MASK, MASK}, true},
    {"less", build_less, naive_less, 2, {{2, {3, 4}}, {2, {3, 4}}}, {DISTINCT, AWAY}, true},
    {"less_equal", build_less_equal, naive_less_equal, 2, {{2, {3, 4}}, {2, {3, 4}}}, {MASK, MASK}, true},
    {"less_equal", build_less_equal, naive_less_equal, 2, {{2, {3, 4}}, {2, {3, 4}}}, {DISTINCT, AWAY}, true},
    {"greater_equal", build_greater_equal, naive_greater_equal, 2, {{2, {3, 4}}, {2, {3, 4}}}, {MASK, MASK}, true},
    {"greater_equal", build_greater_equal, naive_greater_equal, 2, {{2, {3, 4}}, {2, {3, 4}}}, {DISTINCT, AWAY}, true},
    {"not_equal", build_not_equal, naive_not_equal, 2, {{2, {3, 4}}, {2, {3, 4}}}, {MASK, MASK}, true},
    {"not_equal", build_not_equal, naive_not_equal, 2, {{2, {3, 4}}, {2, {3, 4}}}, {DISTINCT, AWAY}, true},
    {"where", build_where, naive_where, 3, {{2, {3, 4}}, {2, {3, 4}}, {2, {3, 4}}}, {MASK, NORMAL, NORMAL}, false},
    {"stop_gradient", build_stop_gradient, naive_stop_gradient, 1, {{2, {3, 4}}}, {NORMAL}, true},
};

SAMPLE_TABLE(samples_elementwise);

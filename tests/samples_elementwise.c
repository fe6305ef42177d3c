/* samples_elementwise.c: what is computed element by element. */
#include "tests/sample_table.h"

#include <math.h>

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
    {"where", build_where, naive_where, 3, {{2, {3, 4}}, {2, {3, 4}}, {2, {3, 4}}}, {MASK, NORMAL, NORMAL}, false},
    {"stop_gradient", build_stop_gradient, naive_stop_gradient, 1, {{2, {3, 4}}}, {NORMAL}, true},
};

SAMPLE_TABLE(samples_elementwise);

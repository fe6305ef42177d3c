/* elementwise.c: the table of elementwise ops for random graphs. */
#include "tests/elementwise.h"

static weft_node build_where(built *b, const move *m, const weft_node *x)
{
    (void)b, (void)m;
    return weft_where(x[0], x[1], x[2]);
}

/* With numbers that f32 does not hold, and wide enough apart that most elements lie inside. */
static weft_node build_clip(weft_node x)
{
    return weft_clip(x, -1.1, 1.7);
}

static weft_node build_leaky_relu(weft_node a)
{
    return weft_leaky_relu(a, 0.1);
}

static weft_node build_elu(weft_node a)
{
    return weft_elu(a, 1.3);
}

#define ONE(op, weight, form) {{.name = #op, .arity = 1, .one = weft_##op}, weight, form, bounded_##op, false}
#define TWO(op, weight, form) {{.name = #op, .arity = 2, .two = weft_##op}, weight, form, bounded_##op, false}
#define MASK_OF_TWO(op, weight) {{.name = #op, .arity = 2, .two = weft_##op}, weight, OF_ANY, bounded_##op, true}

static const elementwise table[] = {
    TWO(add, 5, OF_ANY),
    TWO(sub, 5, OF_ANY),
    TWO(mul, 7, OF_ANY),
    TWO(div, 0, OF_ITS_OWN),
    TWO(pow, 0, OF_ITS_OWN),
    ONE(neg, 2, OF_ANY),
    ONE(reciprocal, 1, OF_POSITIVE),
    ONE(square, 2, OF_ANY),
    ONE(sqrt, 2, OF_POSITIVE),
    ONE(rsqrt, 1, OF_POSITIVE),
    ONE(exp, 3, OF_ANY),
    ONE(expm1, 1, OF_ANY),
    ONE(log, 2, OF_POSITIVE),
    ONE(log1p, 1, OF_POSITIVE),
    ONE(sin, 1, OF_ANY),
    ONE(cos, 1, OF_ANY),
    ONE(tanh, 1, OF_ANY),
    ONE(sigmoid, 1, OF_ANY),
    ONE(softplus, 1, OF_ANY),
    ONE(erf, 1, OF_ANY),
    ONE(relu, 2, OF_ANY),
    {{.name = "leaky_relu", .arity = 1, .one = build_leaky_relu}, 1, OF_ANY, bounded_leaky_relu, false},
    {{.name = "elu", .arity = 1, .one = build_elu}, 1, OF_ANY, bounded_elu, false},
    ONE(silu, 1, OF_ANY),
    ONE(gelu, 1, OF_ANY),
    ONE(abs, 2, OF_ANY),
    ONE(sign, 1, OF_ANY),
    ONE(floor, 1, OF_ANY),
    TWO(maximum, 2, OF_ANY),
    TWO(minimum, 1, OF_ANY),
    {{.name = "clip", .arity = 1, .one = build_clip}, 1, OF_ANY, bounded_clip, false},
    MASK_OF_TWO(less, 1),
    MASK_OF_TWO(less_equal, 1),
    MASK_OF_TWO(greater, 1),
    MASK_OF_TWO(greater_equal, 1),
    MASK_OF_TWO(equal, 1),
    MASK_OF_TWO(not_equal, 1),
    {{.name = "where", .arity = 3, .other = build_where}, 0, OF_ITS_OWN, bounded_where, false},
};

const elementwise *elementwise_at(size_t i)
{
    return i < sizeof table / sizeof *table ? &table[i] : NULL;
}

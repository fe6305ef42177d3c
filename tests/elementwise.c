/* elementwise.c: the table of elementwise ops for random graphs. */
#include "tests/elementwise.h"

static weft_node build_where(built *b, const move *m, const weft_node *x)
{
    (void)b, (void)m;
    return weft_where(x[0], x[1], x[2]);
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
    ONE(exp, 3, OF_ANY),
    ONE(log, 2, OF_POSITIVE),
    ONE(sqrt, 2, OF_POSITIVE),
    ONE(relu, 2, OF_ANY),
    ONE(abs, 2, OF_ANY),
    ONE(sign, 1, OF_ANY),
    TWO(maximum, 2, OF_ANY),
    MASK_OF_TWO(greater, 1),
    MASK_OF_TWO(equal, 1),
    {{.name = "where", .arity = 3, .other = build_where}, 0, OF_ITS_OWN, bounded_where, false},
};

const elementwise *elementwise_at(size_t i)
{
    return i < sizeof table / sizeof *table ? &table[i] : NULL;
}

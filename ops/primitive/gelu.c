/* gelu.c: a times the probability that a standard normal number is below it. The exact function, within 4 + 1.5 a**2 ulp in f64 for negative a, 4
 * for positive, and 0.509 in f32. The complement of the error function keeps what 1 + erf would lose for negative a; the rounding of a/sqrt(2)
 * counts a**2 times in it. Source: Hendrycks and Gimpel, 2016, section 2. */
#include "ops/error_function.h"

WEFT_FUNCTION(exact_gelu_text,
static inline double exact_gelu(double a)
{
    return 0.5 * a * erfc(a * -0.70710678118654752440);
}
)

/* a P(a), as error_function.h has P */
WEFT_FUNCTION(short_gelu_text,
static inline double short_gelu(double a)
{
    return a * short_below(a, short_power(-0.5 * (a * a)));
}
)

WEFT_FUNCTION(exact_geluf_text,
static inline float exact_geluf(float a)
{
    return (float)short_gelu((double)a);
}
)

#define exact_gelu(a) WEFT_TYPED(exact_gelu, a)
WEFT_ELEMENTWISE1(gelu, exact_gelu(a))
#undef exact_gelu

WEFT_ELEMENTWISE1(narrowed_gelu, short_gelu(a))

static const weft_op gelu_narrowed = {
    .name = "gelu", .arity = 1, .kind = WEFT_ELEMENTWISE, WEFT_KERNELS(narrowed_gelu),
    .functions = {short_gelu_text, short_gelu_text, short_below_text, short_mills_text, short_power_text}, /* it has an f64 form alone */
};

static weft_node gelu_partial(weft_node y, const weft_node *x, int operand)
{
    (void)y, (void)operand;
    weft_node a = x[0], half = weft_full_like(a, 0.5);
    weft_node below = weft_add(half, weft_mul(half, weft_erf(weft_mul(a, weft_full_like(a, 0.7071067811865476)))));
    weft_node density = weft_mul(weft_full_like(a, 0.3989422804014327), weft_exp(weft_mul(a, weft_mul(a, weft_full_like(a, -0.5)))));
    return weft_add(below, weft_mul(a, density)); /* P(z < a) + a e**(-a**2/2)/sqrt(2 pi) */
}

/* In the field with the constant that the derivative has. */
static weft_exact_number gelu_in_field(weft_field *f, const weft_exact_number *x)
{
    weft_exact_number scaled = weft_exact_mul(f, x[0], weft_exact_irrational(f, 0.7071067811865476, 2, -1));
    weft_exact_number twice = weft_exact_add(f, weft_exact_whole(f, 1), weft_exact_symbol(f, "erf", WEFT_ODD, &scaled, 1)); /* the probability */
    return weft_exact_div(f, weft_exact_mul(f, x[0], twice), weft_exact_whole(f, 2));
}

static const weft_exact gelu_exact = {.element = gelu_in_field};

const weft_op weft_op_gelu = {
    .name = "gelu", .formula = "y = a/2 * (1 + erf(a / sqrt 2))", .arity = 1,
    .kind = WEFT_ELEMENTWISE, .cost = 44,
    WEFT_KERNELS(gelu), .functions = {exact_geluf_text, exact_gelu_text, short_gelu_text, short_below_text, short_mills_text, short_power_text},
    .narrowed = &gelu_narrowed, .partial = gelu_partial, .exact = &gelu_exact,
};

weft_node weft_gelu(weft_node a)
{
    return weft_elementwise(&weft_op_gelu, &a, 1);
}

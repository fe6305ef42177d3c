/* erf.c: the error function, 2/sqrt(pi) times the integral of e**(-t**2) from 0 to a. In f64 it is the C library's. In f32 it is within 0.509 ulp, for
 * u = |a|: next to 0 u times a polynomial in u**2, of degree 5, that meets erf(u)/u at Chebyshev's points of 0 <= u**2 <= 1/4 and is within 1.3e-11 of
 * it; beyond, 1 - 2 P(-sqrt(2) u) by error_function.h. */
#include "ops/error_function.h"

WEFT_FUNCTION(short_erf_text,
static inline double short_erf(double a)
{
    double u = a < 0 ? -a : a, square = u * u, near, far;
    near = 0.005200413724335493 + square * -0.0007694534279142308;
    near = 0.11283774013179539 + square * (-0.026863143032249386 + square * near);
    near = a * (1.1283791670824095 + square * (-0.37612638525650693 + square * near));
    far = 1 - 2 * short_power(-square) * short_mills(u * 1.4142135623730951);
    far = a < 0 ? -far : far;
    return u < 0.5 ? near : far;
}
)

WEFT_FUNCTION(any_erff_text,
static inline float any_erff(float a)
{
    return (float)short_erf((double)a);
}
)

WEFT_FUNCTION(any_erf_text,
static inline double any_erf(double a)
{
    return erf(a);
}
)

#define any_erf(a) WEFT_TYPED(any_erf, a)
WEFT_ELEMENTWISE1(erf, any_erf(a))
#undef any_erf

WEFT_ELEMENTWISE1(narrowed_erf, short_erf(a))

static const weft_op erf_narrowed = {
    .name = "erf", .arity = 1, .kind = WEFT_ELEMENTWISE, WEFT_KERNELS(narrowed_erf),
    .functions = {short_erf_text, short_erf_text, short_mills_text, short_power_text}, /* it has an f64 form alone */
};

static weft_node erf_partial(weft_node y, const weft_node *x, int operand)
{
    (void)y, (void)operand;
    weft_node power = weft_exp(weft_neg(weft_mul(x[0], x[0])));
    return weft_mul(weft_full_like(x[0], 1.1283791670955126), power); /* d(erf a)/da = 2/sqrt(pi) e**(-a**2) */
}

WEFT_EXACT(erf, weft_exact_symbol(f, "erf", WEFT_ODD, x, 1))

const weft_op weft_op_erf = {
    .name = "erf", .formula = "y = erf a", .arity = 1,
    .kind = WEFT_ELEMENTWISE, .cost = 40,
    WEFT_KERNELS(erf), .functions = {any_erff_text, any_erf_text, short_erf_text, short_mills_text, short_power_text}, .narrowed = &erf_narrowed, .partial = erf_partial,
    .exact = &erf_exact,
};

weft_node weft_erf(weft_node a)
{
    return weft_elementwise(&weft_op_erf, &a, 1);
}

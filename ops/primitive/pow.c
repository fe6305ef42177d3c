/* pow.c: powers, differentiable in base and exponent.
 * One exponent for a whole loop that is a small multiple of 1/2 runs as products, quotients and roots: x**2 is the rounded x*x, x**-1
 * the rounded 1/x, x**-0.5 is 1/sqrt(x), within 1.5 ulp. They differ from the C library's pow() at -0 and -Inf only: a root of -0 is
 * taken as that of 0, a root of -Inf is NaN, as that of every other negative number. */
#include "ops/elementwise.h"

WEFT_ELEMENTWISE2(pow_any, pow(a, b))
WEFT_ELEMENTWISE1(pow_0, ((void)a, (T)1))
WEFT_ELEMENTWISE1(pow_1, a)
WEFT_ELEMENTWISE1(pow_2, a * a)
WEFT_ELEMENTWISE1(pow_3, a * a * a)
WEFT_ELEMENTWISE1(pow_minus_1, 1 / a)
WEFT_ELEMENTWISE1(pow_minus_2, 1 / (a * a))
/* In a root, + 0 turns -0 into 0. */
WEFT_ELEMENTWISE1(pow_half, sqrt(a + 0))
WEFT_ELEMENTWISE1(pow_minus_half, 1 / sqrt(a + 0))
WEFT_ELEMENTWISE1(pow_minus_3_halves, 1 / (a * sqrt(a + 0)))

#define SPECIAL(exponent, name) {exponent, {name##_f32, name##_f64}, name##_text}

static const struct {
    double exponent;
    weft_map map[2];
    const char *text;
} special[] = {
    SPECIAL(2, pow_2),
    SPECIAL(-0.5, pow_minus_half),
    SPECIAL(-1, pow_minus_1),
    SPECIAL(-1.5, pow_minus_3_halves),
    SPECIAL(0.5, pow_half),
    SPECIAL(1, pow_1),
    SPECIAL(3, pow_3),
    SPECIAL(-2, pow_minus_2),
    SPECIAL(0, pow_0),
};

static bool pow_special(double exponent, int type, size_t n, void *y, const void *const *x, const ptrdiff_t *stride)
{
    for (size_t i = 0; i < sizeof special / sizeof *special; i++)
        if (special[i].exponent == exponent) {
            special[i].map[type](n, y, x, stride);
            return true;
        }
    return false;
}

static void pow_f32(size_t n, void *y, const void *const *x, const ptrdiff_t *stride)
{
    bool one = n && (stride[1] == 0 || n == 1);
    if (!one || !pow_special((double)*(const float *)x[1], 0, n, y, x, stride))
        pow_any_f32(n, y, x, stride);
}

static void pow_f64(size_t n, void *y, const void *const *x, const ptrdiff_t *stride)
{
    bool one = n && (stride[1] == 0 || n == 1);
    if (!one || !pow_special(*(const double *)x[1], 1, n, y, x, stride))
        pow_any_f64(n, y, x, stride);
}

static const char *pow_text_for(double b)
{
    for (size_t i = 0; i < sizeof special / sizeof *special; i++)
        if (special[i].exponent == b)
            return special[i].text;
    return NULL;
}

/* d(a**b)/da = b a**(b-1), and 0 where b is 0, also at a = 0. Where 0 * a**-1 would be NaN, since a is 0 or subnormal, the power is taken as 1; and
 * only there, since elsewhere it is the mixed second derivative at b = 0, which is 1/a. */
static weft_node base_partial(const weft_node *x)
{
    weft_node a = x[0], b = x[1];
    double exponent;
    if (weft_node_scalar(b, &exponent)) {
        if (exponent == 0 || exponent == 1)
            return weft_full_like(a, exponent);
        weft_node factor = weft_scalar_like(a, exponent);
        return weft_mul(factor, exponent == 2 ? a : weft_pow(a, weft_scalar_like(a, exponent - 1)));
    }
    weft_node one = weft_full_like(b, 1), zero = weft_full_like(b, 0);
    weft_node normal = weft_full_like(a, weft_node_dtype(a) == WEFT_F32 ? 0x1p-126 : 0x1p-1022);
    weft_node overflows = weft_mul(weft_equal(b, zero), weft_greater(normal, weft_abs(a)));
    return weft_mul(b, weft_pow(a, weft_sub(weft_where(overflows, one, b), one)));
}

/* d(a**b)/db = a**b ln a, and 0 where a is 0 and b is not negative, as PyTorch has it. The inner where() keeps ln 0 out, so that
 * no NaN comes back from the branch that was not taken when this is differentiated again. */
static weft_node exponent_partial(weft_node y, const weft_node *x)
{
    weft_node a = x[0], b = x[1], zero = weft_full_like(a, 0), one = weft_full_like(a, 1);
    weft_node at_zero = weft_mul(weft_equal(a, zero), weft_sub(one, weft_greater(zero, b)));
    return weft_mul(weft_where(at_zero, zero, y), weft_log(weft_where(at_zero, one, a)));
}

static weft_node pow_partial(weft_node y, const weft_node *x, int operand)
{
    return operand == 0 ? base_partial(x) : exponent_partial(y, x);
}

/* Small multiples of 1/2 are powers and roots; any other exponent makes a symbol. */
static weft_exact_number pow_in_field(weft_field *f, const weft_exact_number *x)
{
    double halves = 2 * x[1].real;
    bool plain = halves >= -64 && halves <= 64 && halves == (int)halves;
    if (plain && weft_exact_equal(f, weft_exact_add(f, x[1], x[1]), weft_exact_whole(f, (int)halves)))
        return weft_exact_power(f, (int)halves % 2 ? weft_exact_add(f, x[0], weft_exact_whole(f, 0)) : x[0], (int)halves); /* -0 + 0 is 0 */
    return weft_exact_symbol(f, "pow", WEFT_NEITHER, x, 2);
}

static const weft_exact pow_exact = {.element = pow_in_field};

static const weft_paper pow_on_paper = {.form = WEFT_PAPER_POWER, .text = "(%s)^(%s)", .tex = "\\left(%s\\right)^{%s}"};

const weft_op weft_op_pow = {
    .name = "pow", .formula = "y = a ** b", .infix = "%s ** %s", .precedence = 4, .arity = 2,
    .kind = WEFT_ELEMENTWISE, .cost = 16,
    .map = {pow_f32, pow_f64}, .text = pow_any_text, .text_for = pow_text_for, .partial = pow_partial, .exact = &pow_exact,
    .paper = &pow_on_paper,
};

weft_node weft_pow(weft_node a, weft_node b)
{
    return weft_elementwise(&weft_op_pow, (weft_node[]){a, b}, 2);
}

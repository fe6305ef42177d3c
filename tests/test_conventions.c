/* test_conventions.c: what users expect where a formula alone does not tell: kinks, ties, poles, numbers so large or so small that a careless
 * program overflows or cancels, NaN and infinities.
 *
 * Values and gradients named after a torch expression are PyTorch 1.13.1's, in f64 on a CPU (Debian's python3-torch); the expressions are Python
 * with torch and torch.nn.functional as F imported, and tests/data/conventions.py computes each of these rows again. The gradient is that of the
 * sum over the result. What elementwise ops give at NaN, infinities and zeros is held to C's operators and library. */
#include "tests/elementwise.h"
#include "tests/suite.h"

#include <float.h>
#include <math.h>

enum { MOST = 3 };

static const weft_op *op_named(const char *name)
{
    size_t i = 0;
    while (weft_op_at(i) && strcmp(weft_op_name(weft_op_at(i)), name))
        i++;
    ck_assert_msg(weft_op_at(i) != NULL, "there is no op %s", name);
    return weft_op_at(i);
}

/* Equal within a few roundings, or both NaN. */
static bool agree(weft_dtype dtype, double got, double expected)
{
    if (isnan(expected) || isinf(expected) || fabs(expected) > (dtype == WEFT_F32 ? FLT_MAX : DBL_MAX))
        return isnan(expected) ? isnan(got) : isinf(got) && signbit(got) == signbit(expected);
    return fabs(got - expected) <= 4 * (dtype == WEFT_F32 ? FLT_EPSILON : DBL_EPSILON) * fabs(expected) + (dtype == WEFT_F32 ? 1e-44 : 5e-324);
}

/* Runs a program of n outputs of one element each on inputs of one element each. */
static void run_again(weft_program *p, weft_dtype dtype, const weft_node *x, const double *value, size_t n_x, size_t n, double *got)
{
    double wide[MOST];
    float narrow[MOST];
    for (size_t i = 0; i < n_x; i++) {
        wide[i] = value[i];
        narrow[i] = (float)value[i];
        weft_bind(p, x[i], dtype == WEFT_F32 ? (const void *)&narrow[i] : (const void *)&wide[i], weft_dtype_size(dtype));
    }
    ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
    for (size_t k = 0; k < n; k++)
        got[k] = dtype == WEFT_F32 ? (double)*(const float *)weft_output(p, k) : *(const double *)weft_output(p, k);
}

static void run_numbers(weft_dtype dtype, const weft_node *x, const double *value, size_t n_x, const weft_node *outputs, size_t n, double *got)
{
    weft_program *p = weft_compile(outputs, n);
    ck_assert_msg(weft_program_status(p) == WEFT_OK, "%s", weft_program_message(p));
    run_again(p, dtype, x, value, n_x, n, got);
    weft_program_free(p);
}

/* --- functions of one number --- */

static weft_node leaky(weft_node x)
{
    return weft_leaky_relu(x, 0.1);
}

static weft_node elu(weft_node x)
{
    return weft_elu(x, 1.5);
}

static weft_node clip(weft_node x)
{
    return weft_clip(x, -1, 2);
}

static weft_node clip_crossed(weft_node x)
{
    return weft_clip(x, 2, -1);
}

static weft_node power_0(weft_node x)
{
    return weft_pow(x, weft_scalar_like(x, 0));
}

static weft_node larger_than_0(weft_node x)
{
    return weft_maximum(x, weft_scalar_like(x, 0));
}

static weft_node smaller_than_0(weft_node x)
{
    return weft_minimum(x, weft_scalar_like(x, 0));
}

/* Rows of one line each, which tests/data/conventions.py reads. */
static const struct {
    const char *torch;
    weft_node (*build)(weft_node x);
    double x, value, gradient;
} of_one[] = {
    {"torch.log1p(x)", weft_log1p, 1e-20, 1e-20, 1},
    {"torch.log1p(x)", weft_log1p, -1, -INFINITY, INFINITY},
    {"torch.expm1(x)", weft_expm1, 1e-20, 1e-20, 1},
    {"torch.expm1(x)", weft_expm1, -1000, -1, 0},
    {"torch.sigmoid(x)", weft_sigmoid, -1000, 0, 0},
    {"torch.sigmoid(x)", weft_sigmoid, 1000, 1, 0},
    {"torch.tanh(x)", weft_tanh, -1000, -1, 0},
    {"torch.tanh(x)", weft_tanh, 1000, 1, 0},
    {"F.softplus(x)", weft_softplus, 1000, 1000, 1},
    {"F.softplus(x)", weft_softplus, -1000, 0, 0},
    {"F.softplus(x)", weft_softplus, 0, 0.6931471805599453, 0.5},
    {"F.silu(x)", weft_silu, -1000, 0, 0},
    {"F.silu(x)", weft_silu, 1000, 1000, 1},
    {"F.silu(x)", weft_silu, -INFINITY, NAN, NAN},
    {"F.gelu(x)", weft_gelu, -1000, 0, 0},
    {"F.gelu(x)", weft_gelu, 1000, 1000, 1},
    {"F.gelu(x)", weft_gelu, 0, 0, 0.5},
    {"F.gelu(x)", weft_gelu, -INFINITY, NAN, NAN},
    {"torch.erf(x)", weft_erf, 1000, 1, 0},
    {"torch.sqrt(x)", weft_sqrt, 0, 0, INFINITY},
    {"torch.rsqrt(x)", weft_rsqrt, 0, INFINITY, -INFINITY},
    {"torch.reciprocal(x)", weft_reciprocal, 0, INFINITY, -INFINITY},
    {"torch.log(x)", weft_log, 0, -INFINITY, INFINITY},
    {"torch.square(x)", weft_square, 0, 0, 0},
    {"torch.abs(x)", weft_abs, 0, 0, 0},
    {"torch.sign(x)", weft_sign, 0, 0, 0},
    {"torch.floor(x)", weft_floor, 2, 2, 0},
    {"torch.floor(x)", weft_floor, -0.5, -1, 0},
    {"torch.relu(x)", weft_relu, 0, 0, 0},
    {"F.leaky_relu(x, 0.1)", leaky, 0, 0, 0.1},
    {"F.leaky_relu(x, 0.1)", leaky, NAN, NAN, 0.1},
    {"F.elu(x, 1.5)", elu, 0, 0, 1.5},
    {"F.elu(x, 1.5)", elu, -1000, -1.5, 0},
    {"torch.clamp(x, -1, 2)", clip, -1, -1, 1},
    {"torch.clamp(x, -1, 2)", clip, 2, 2, 1},
    {"torch.clamp(x, -1, 2)", clip, -1.5, -1, 0},
    {"torch.clamp(x, -1, 2)", clip, 2.5, 2, 0},
    {"torch.clamp(x, -1, 2)", clip, NAN, NAN, 0},
    {"torch.clamp(x, 2, -1)", clip_crossed, 0, -1, 0},
    {"torch.clamp(x, 2, -1)", clip_crossed, 3, -1, 0},
    {"torch.pow(x, 0)", power_0, 0, 1, 0},
};

START_TEST(functions_of_one_number)
{
    weft_dtype dtype = _i % 2 ? WEFT_F32 : WEFT_F64;
    weft_tape *t = weft_tape_new(NULL);
    weft_node x = weft_input(t, "x", dtype, 0, NULL), out[2];
    double got[2];
    out[0] = of_one[_i / 2].build(x);
    ck_assert_int_eq(weft_grad(out[0], &x, 1, &out[1]), WEFT_OK);
    run_numbers(dtype, &x, &of_one[_i / 2].x, 1, out, 2, got);
    ck_assert_msg(agree(dtype, got[0], of_one[_i / 2].value) && agree(dtype, got[1], of_one[_i / 2].gradient), "%s at %g in %s: %g with gradient %g",
                  of_one[_i / 2].torch, of_one[_i / 2].x, weft_dtype_name(dtype), got[0], got[1]);
    weft_tape_free(t);
}
END_TEST

/* Where Weft is another: weft.h says why. */
static const struct {
    const char *torch;
    weft_node (*build)(weft_node x);
    double x, value, gradient; /* PyTorch's */
    double our_value, our_gradient;
} differing[] = {
    {"torch.sign(x)", weft_sign, NAN, 0, 0, NAN, 0},
    {"torch.abs(x)", weft_abs, NAN, NAN, 0, NAN, NAN},
    {"torch.relu(x)", weft_relu, NAN, NAN, 1, NAN, 0},
    {"F.elu(x, 1.5)", elu, NAN, NAN, 1, NAN, NAN},
    {"torch.maximum(x, torch.zeros(()))", larger_than_0, NAN, NAN, 1, NAN, 0},
    {"torch.minimum(x, torch.zeros(()))", smaller_than_0, NAN, NAN, 1, NAN, 0},
};

START_TEST(known_differences)
{
    weft_tape *t = weft_tape_new(NULL);
    weft_node x = weft_input(t, "x", WEFT_F64, 0, NULL), out[2];
    double got[2];
    out[0] = differing[_i].build(x);
    ck_assert_int_eq(weft_grad(out[0], &x, 1, &out[1]), WEFT_OK);
    run_numbers(WEFT_F64, &x, &differing[_i].x, 1, out, 2, got);
    ck_assert_msg(agree(WEFT_F64, got[0], differing[_i].our_value) && agree(WEFT_F64, got[1], differing[_i].our_gradient),
                  "%s at %g: %g with gradient %g", differing[_i].torch, differing[_i].x, got[0], got[1]);
    weft_tape_free(t);
}
END_TEST

/* --- functions of several --- */

static const struct {
    const char *torch;
    const char *op;
    double a, b, c, value, da, db, dc; /* c and dc of three operands */
} of_several[] = {
    {"torch.maximum(a, b)", "maximum", 1, 1, 0, 1, 0.5, 0.5, 0},
    {"torch.maximum(a, b)", "maximum", 1, 2, 0, 2, 0, 1, 0},
    {"torch.minimum(a, b)", "minimum", 1, 1, 0, 1, 0.5, 0.5, 0},
    {"torch.minimum(a, b)", "minimum", 1, 2, 0, 1, 1, 0, 0},
    {"torch.pow(a, b)", "pow", 0, 0, 0, 1, 0, 0, 0},
    {"torch.pow(a, b)", "pow", 0, 2, 0, 0, 0, 0, 0},
    {"torch.pow(a, b)", "pow", 0, 1, 0, 0, 1, 0, 0},
    {"torch.pow(a, b)", "pow", 0, 0.5, 0, 0, INFINITY, 0, 0},
    {"torch.pow(a, b)", "pow", 0, -1, 0, INFINITY, -INFINITY, -INFINITY, 0},
    {"torch.pow(a, b)", "pow", 2, 0, 0, 1, 0, 0.6931471805599453, 0},
    {"F.prelu(a.reshape(1), b.reshape(1))", "leaky_relu", -2, 0.25, 0, -0.5, 0.25, -2, 0},
    {"F.prelu(a.reshape(1), b.reshape(1))", "leaky_relu", 0, 0.25, 0, 0, 0.25, 0, 0},
    {"F.prelu(a.reshape(1), b.reshape(1))", "leaky_relu", 3, 0.25, 0, 3, 1, 0, 0},
    {"torch.clamp(a, b, c)", "clip", -2, -1, 1, -1, 0, 1, 0},
    {"torch.clamp(a, b, c)", "clip", -1, -1, 1, -1, 1, 0, 0},
    {"torch.clamp(a, b, c)", "clip", 0, -1, 1, 0, 1, 0, 0},
    {"torch.clamp(a, b, c)", "clip", 1, -1, 1, 1, 1, 0, 0},
    {"torch.clamp(a, b, c)", "clip", 2, -1, 1, 1, 0, 0, 1},
    {"torch.clamp(a, b, c)", "clip", 0, 1, -1, -1, 0, 0, 1},
    {"torch.clamp(a, b, c)", "clip", -3, 1, -1, -1, 0, 0, 1},
    {"torch.clamp(a, b, c)", "clip", 3, 1, -1, -1, 0, 0, 1},
    {"torch.clamp(a, b, c)", "clip", 0, 1, 1, 1, 0, 0, 0},
    {"torch.clamp(a, b, c)", "clip", 1, 1, 1, 1, 1, 0, 0},
    {"torch.clamp(a, b, c)", "clip", 2, 1, 1, 1, 0, 0, 1},
};

START_TEST(functions_of_several_numbers)
{
    weft_dtype dtype = _i % 2 ? WEFT_F32 : WEFT_F64;
    int i = _i / 2;
    const weft_op *op = op_named(of_several[i].op);
    const double x[MOST] = {of_several[i].a, of_several[i].b, of_several[i].c};
    const double expected[1 + MOST] = {of_several[i].value, of_several[i].da, of_several[i].db, of_several[i].dc};
    static const char *const names[MOST] = {"a", "b", "c"};
    double got[1 + MOST];
    weft_tape *t = weft_tape_new(NULL);
    weft_node in[MOST], out[1 + MOST];
    for (int k = 0; k < op->arity; k++)
        in[k] = weft_input(t, names[k], dtype, 0, NULL);
    out[0] = weft_elementwise(op, in, op->arity);
    ck_assert_int_eq(weft_grad(out[0], in, (size_t)op->arity, out + 1), WEFT_OK);
    run_numbers(dtype, in, x, (size_t)op->arity, out, 1 + (size_t)op->arity, got);
    for (int k = 0; k <= op->arity; k++)
        ck_assert_msg(agree(dtype, got[k], expected[k]), "%s at %g, %g, %g in %s: number %d is %g, not %g", of_several[i].torch, x[0], x[1], x[2],
                      weft_dtype_name(dtype), k, got[k], expected[k]);
    weft_tape_free(t);
}
END_TEST

/* --- vectors --- */

/* torch.softmax(torch.tensor([1e4, 0, 1e4]), 0) is 0.5, 0, 0.5, and the gradient of its first element is 0.25, 0, -0.25. */
START_TEST(softmax_of_large_scores)
{
    weft_tape *t = weft_tape_new(NULL);
    weft_node z = weft_input(t, "z", WEFT_F64, 1, (size_t[]){3}), out[2] = {weft_softmax(z, 0)};
    weft_grad(weft_first(out[0], WEFT_ALL_AXES, false), &z, 1, &out[1]);
    weft_program *p = weft_compile(out, 2);
    weft_bind(p, z, (const double[]){1e4, 0, 1e4}, 3 * sizeof(double));
    ck_assert_int_eq(weft_run(p), WEFT_OK);
    static const double expected[2][3] = {{0.5, 0, 0.5}, {0.25, 0, -0.25}};
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < 3; i++)
            ck_assert_double_eq(((const double *)weft_output(p, k))[i], expected[k][i]);
    weft_program_free(p);
    weft_tape_free(t);
}
END_TEST

/* torch.sqrt(torch.sum(x**2)) of zeros is 0, and its gradient NaN: the root's is infinite and the square's is 0. */
START_TEST(norm_of_a_zero_vector)
{
    weft_tape *t = weft_tape_new(NULL);
    weft_node x = weft_input(t, "x", WEFT_F64, 1, (size_t[]){2});
    weft_node out[2] = {weft_sqrt(weft_sum(weft_pow(x, weft_scalar_like(x, 2)), WEFT_ALL_AXES, false))};
    weft_grad(out[0], &x, 1, &out[1]);
    weft_program *p = weft_compile(out, 2);
    weft_bind(p, x, (const double[]){0, 0}, 2 * sizeof(double));
    ck_assert_int_eq(weft_run(p), WEFT_OK);
    ck_assert_double_eq(*(const double *)weft_output(p, 0), 0);
    for (size_t i = 0; i < 2; i++)
        ck_assert(isnan(((const double *)weft_output(p, 1))[i]));
    weft_program_free(p);
    weft_tape_free(t);
}
END_TEST

/* --- no NaN for finite operands --- */

static const struct {
    const char *op;
    double lowest; /* of the domain */
} domains[] = {{"sqrt", 0}, {"rsqrt", 0}, {"log", 0}, {"log1p", -1}};

static double domain_begin(const char *op)
{
    for (size_t k = 0; k < sizeof domains / sizeof *domains; k++)
        if (!strcmp(domains[k].op, op))
            return domains[k].lowest;
    return -INFINITY;
}

/* The op, its derivatives, and theirs. */
static size_t record_orders(const weft_op *op, const weft_node *x, weft_node *out)
{
    size_t n = 0, arity = (size_t)op->arity;
    out[n++] = weft_elementwise(op, x, op->arity);
    ck_assert_int_eq(weft_grad(out[0], x, arity, out + n), WEFT_OK);
    n += arity;
    for (size_t k = 1; k <= arity; k++, n += arity)
        ck_assert_int_eq(weft_grad(out[k], x, arity, out + n), WEFT_OK);
    return n;
}

/* A quotient and a power have poles inside; every other elementwise op is defined from some number on, whatever its further operands are. */
START_TEST(derivatives_of_finite_numbers_are_numbers)
{
    const weft_op *op = weft_op_at((size_t)_i / 2);
    weft_dtype dtype = _i % 2 ? WEFT_F32 : WEFT_F64;
    if (op->kind != WEFT_ELEMENTWISE || !strcmp(op->name, "div") || !strcmp(op->name, "pow"))
        return;
    const double largest = dtype == WEFT_F32 ? FLT_MAX : DBL_MAX, small = dtype == WEFT_F32 ? 1e-30 : 1e-300;
    const double first[] = {-largest, -1e30, -1000, -1, -small, -0.0, 0, small, 0.5, 1, 1000, 1e30, largest}, further[] = {-1, 0, 0.5, 2};
    enum { FIRST = sizeof first / sizeof *first, FURTHER = sizeof further / sizeof *further };
    weft_tape *t = weft_tape_new(NULL);
    weft_node x[MOST], out[1 + MOST + MOST * MOST];
    for (int k = 0; k < op->arity; k++)
        x[k] = weft_input(t, k ? k > 1 ? "c" : "b" : "a", dtype, 0, NULL);
    size_t n = record_orders(op, x, out);
    weft_program *p = weft_compile(out, n);
    ck_assert_msg(weft_program_status(p) == WEFT_OK, "%s", weft_program_message(p));
    for (size_t i = 0; i < FIRST * FURTHER * FURTHER; i++) {
        const double value[MOST] = {first[i % FIRST], further[i / FIRST % FURTHER], further[i / FIRST / FURTHER]};
        double got[1 + MOST + MOST * MOST];
        if (value[0] < domain_begin(op->name) || (op->arity < 2 && i / FIRST) || (op->arity < 3 && i / FIRST / FURTHER))
            continue;
        run_again(p, dtype, x, value, (size_t)op->arity, n, got);
        for (size_t k = 0; k < n; k++)
            ck_assert_msg(!isnan(got[k]), "%s at %g, %g, %g in %s: output %zu of value, gradient and second gradient is NaN", op->name, value[0],
                          value[1], value[2], weft_dtype_name(dtype), k);
    }
    weft_program_free(p);
    weft_tape_free(t);
}
END_TEST

/* --- NaN, infinities and zeros --- */

/* Where the sign of a result of zero is nobody's, as fmax(-0.0, 0) has it in C. */
static bool zero_has_no_sign(const char *op)
{
    static const char *const names[] = {"relu", "sign", "maximum", "minimum", "clip"};
    bool found = false;
    for (size_t k = 0; k < sizeof names / sizeof *names; k++)
        found |= !strcmp(names[k], op);
    return found;
}

static const elementwise *elementwise_of(const weft_op *op)
{
    size_t k = 0;
    while (elementwise_at(k) && strcmp(elementwise_at(k)->op, op->name))
        k++;
    return elementwise_at(k);
}

START_TEST(every_elementwise_op_has_special_values)
{
    for (size_t i = 0; i < weft_op_count(); i++)
        ck_assert_msg(weft_op_at(i)->kind != WEFT_ELEMENTWISE || elementwise_of(weft_op_at(i)), "tests/elementwise.def lacks the op %s",
                      weft_op_at(i)->name);
}
END_TEST

/* All combinations at once, so that loops over arrays run. */
START_TEST(special_values)
{
    enum { VALUES = 6, COUNT = VALUES * VALUES * VALUES };
    static const double values[VALUES] = {NAN, INFINITY, -INFINITY, 0.0, -0.0, -1};
    const weft_op *op = weft_op_at((size_t)_i / 2);
    const elementwise *known = elementwise_of(op);
    if (op->kind != WEFT_ELEMENTWISE)
        return; /* tests/test_ops_special.c has those */
    weft_dtype dtype = _i % 2 ? WEFT_F32 : WEFT_F64;
    double wide[MOST][COUNT];
    float narrow[MOST][COUNT];
    weft_tape *t = weft_tape_new(NULL);
    weft_node x[MOST];
    for (size_t i = 0; i < COUNT; i++)
        for (size_t k = 0, rest = i; k < MOST; k++, rest /= VALUES)
            wide[k][i] = narrow[k][i] = (float)values[rest % VALUES];
    for (int k = 0; k < op->arity; k++)
        x[k] = weft_input(t, k ? k > 1 ? "c" : "b" : "a", dtype, 1, (size_t[]){COUNT});
    weft_node y = weft_elementwise(op, x, op->arity);
    weft_program *p = weft_compile(&y, 1);
    for (int k = 0; k < op->arity; k++)
        weft_bind(p, x[k], dtype == WEFT_F32 ? (const void *)narrow[k] : (const void *)wide[k], COUNT * weft_dtype_size(dtype));
    ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
    for (size_t i = 0; i < COUNT; i++) {
        double got = dtype == WEFT_F32 ? (double)((const float *)weft_output(p, 0))[i] : ((const double *)weft_output(p, 0))[i];
        double expected = (double)known->exact(wide[0][i], wide[1][i], wide[2][i]);
        bool sign = zero_has_no_sign(op->name) || expected != 0 || signbit(got) == signbit(expected);
        bool near = fabs(got - expected) <= (dtype == WEFT_F32 ? FLT_EPSILON : DBL_EPSILON); /* at -1 a function may have a zero */
        ck_assert_msg((near || agree(dtype, got, expected)) && sign, "%s of %g, %g, %g in %s is %g, not %g", op->name, wide[0][i], wide[1][i],
                      wide[2][i], weft_dtype_name(dtype), got, expected);
    }
    weft_program_free(p);
    weft_tape_free(t);
}
END_TEST

START_TEST(a_bound_that_is_nan_is_refused)
{
    weft_tape *t = weft_tape_new(NULL);
    weft_node x = weft_input(t, "x", WEFT_F64, 0, NULL);
    ck_assert(weft_node_failed(weft_clip(x, NAN, 1)));
    ck_assert_int_eq(weft_tape_status(t), WEFT_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(weft_tape_message(t), "NaN"));
    weft_tape_free(t);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("conventions");
    TCase *torch = tcase_create("torch"), *ieee = tcase_create("ieee");
    tcase_set_timeout(ieee, 120); /* the C backend compiles each of many programs */
    tcase_add_loop_test(torch, functions_of_one_number, 0, 2 * (int)(sizeof of_one / sizeof *of_one));
    tcase_add_loop_test(torch, known_differences, 0, (int)(sizeof differing / sizeof *differing));
    tcase_add_loop_test(torch, functions_of_several_numbers, 0, 2 * (int)(sizeof of_several / sizeof *of_several));
    tcase_add_test(torch, softmax_of_large_scores);
    tcase_add_test(torch, norm_of_a_zero_vector);
    suite_add_tcase(suite, torch);
    tcase_add_loop_test(ieee, derivatives_of_finite_numbers_are_numbers, 0, 2 * (int)weft_op_count());
    tcase_add_test(ieee, every_elementwise_op_has_special_values);
    tcase_add_loop_test(ieee, special_values, 0, 2 * (int)weft_op_count());
    tcase_add_test(ieee, a_bound_that_is_nan_is_refused);
    suite_add_tcase(suite, ieee);
    return run_suite(suite);
}

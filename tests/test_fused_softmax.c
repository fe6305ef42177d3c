/* test_fused_softmax.c: fused softmax, its logarithm and cross-entropy where it is hard: scores that are infinite, huge or no numbers, labels out of
 * range. What is expected is computed here, in long double, or stands in weft.h. */
#include "tests/suite.h"

#include <float.h>
#include <math.h>

/* --- scores that are infinite or no numbers --- */

enum { PLAIN, ONE_MINUS, FIRST_MINUS, ALL_MINUS, ONE_PLUS, ONE_NAN, NAN_AMONG_MINUS, HUGE, KINDS }; /* of a vector of scores */

static double score(int kind, size_t i, size_t n)
{
    double plain = (double)(i * 7 % 11) - 5;
    switch (kind) {
    case ONE_MINUS:
        return i == n / 2 ? -INFINITY : plain;
    case FIRST_MINUS:
        return i < n - 1 ? -INFINITY : -1e4; /* whole blocks of it come first */
    case ALL_MINUS:
        return -INFINITY;
    case ONE_PLUS:
        return i == n - 1 ? INFINITY : plain;
    case ONE_NAN:
        return i == 0 ? NAN : plain;
    case NAN_AMONG_MINUS:
        return i == 1 ? NAN : i < n - 1 ? -INFINITY : 0;
    case HUGE:
        return 1e4 * plain;
    default:
        return plain;
    }
}

/* weft.h: NaN where one is NaN or +Inf, or where all are -Inf. */
static bool is_lost(int kind)
{
    return kind == ALL_MINUS || kind == ONE_PLUS || kind == ONE_NAN || kind == NAN_AMONG_MINUS;
}

/* The largest score of a vector, and the sum of exp(score - largest). */
static void totals(int kind, size_t n, long double *most, long double *total)
{
    *most = -INFINITY;
    *total = 0;
    for (size_t i = 0; i < n; i++)
        *most = fmaxl(*most, (long double)score(kind, i, n));
    for (size_t i = 0; i < n; i++)
        *total += expl((long double)score(kind, i, n) - *most);
}

/* A vector of each kind, along rows or columns, of f32 or f64, of several lengths. */
typedef struct vectors {
    weft_tape *tape;
    weft_program *p;
    weft_dtype dtype;
    size_t n;
    bool columns;
    void *data;
} vectors;

enum { VECTORS = 12 };

static size_t place_of(const vectors *v, size_t kind, size_t i)
{
    return v->columns ? i * KINDS + kind : kind * v->n + i;
}

/* Runs the op, and its derivative along ones. */
static vectors run_vectors(int choice, weft_node (*record)(weft_node z, int axis))
{
    static const size_t lengths[] = {3, 37, 5000}; /* the last is longer than the powers that are kept */
    vectors v = {.tape = weft_tape_new(NULL), .dtype = choice % 2 ? WEFT_F32 : WEFT_F64, .n = lengths[choice / 4], .columns = choice / 2 % 2};
    const size_t dim[] = {v.columns ? v.n : KINDS, v.columns ? KINDS : v.n}, bytes = KINDS * v.n * weft_dtype_size(v.dtype);
    v.data = malloc(bytes);
    for (size_t k = 0; k < KINDS; k++)
        for (size_t i = 0; i < v.n; i++)
            if (v.dtype == WEFT_F32)
                ((float *)v.data)[place_of(&v, k, i)] = (float)score((int)k, i, v.n);
            else
                ((double *)v.data)[place_of(&v, k, i)] = score((int)k, i, v.n);
    weft_node z = weft_input(v.tape, "z", v.dtype, 2, dim), out[2] = {record(z, v.columns ? 0 : 1)}, ones = weft_full_like(z, 1);
    weft_vjp(out, &ones, 1, &z, 1, out + 1);
    v.p = run_outputs(out, 2, &(weft_binding){z, v.data, bytes}, 1, test_way());
    return v;
}

static double result(const vectors *v, size_t output, size_t kind, size_t i)
{
    size_t at = place_of(v, kind, i);
    return v->dtype == WEFT_F32 ? (double)((const float *)weft_output(v->p, output))[at] : ((const double *)weft_output(v->p, output))[at];
}

static void vectors_free(vectors *v)
{
    weft_program_free(v->p);
    weft_tape_free(v->tape);
    free(v->data);
}

/* An entry of -Inf gives 0. Along ones there is no derivative, since the sum is 1: what is left is the rounding of p, times p. */
START_TEST(softmax_of_what_is_not_finite)
{
    vectors v = run_vectors(_i, weft_fused_softmax);
    double unit = v.dtype == WEFT_F32 ? FLT_EPSILON : DBL_EPSILON, least = v.dtype == WEFT_F32 ? (double)FLT_MIN : DBL_MIN, n = (double)v.n;
    for (size_t k = 0; k < KINDS; k++) {
        long double most, total;
        totals((int)k, v.n, &most, &total);
        for (size_t i = 0; i < v.n; i++) {
            double p = result(&v, 0, k, i), dz = result(&v, 1, k, i), right = (double)(expl((long double)score((int)k, i, v.n) - most) / total);
            if (is_lost((int)k)) {
                ck_assert_msg(isnan(p) && isnan(dz), "length %zu, kind %zu, element %zu is %g, not NaN", v.n, k, i, p);
                continue;
            }
            /* of the power, its rounding and that of the quotient; the sum of n terms one after another may cost n/2 roundings more in f64 */
            double off = (v.dtype == WEFT_F32 ? 2 * unit : (4 + n / 2) * unit) * right + least;
            ck_assert_msg(fabs(p - right) <= off, "length %zu, kind %zu, element %zu is %.17g, not %.17g", v.n, k, i, p, right);
            /* each p is off by as much of itself, and so is their sum, of n terms more, against 1 */
            ck_assert_msg(fabs(dz) <= 2 * (4 + n) * unit * right + least, "length %zu, kind %zu: dz of element %zu is %.17g, not 0", v.n, k, i, dz);
        }
    }
    vectors_free(&v);
}
END_TEST

/* -Inf where the score is, and scores of 1e4 are nothing special; nor is dz there. */
START_TEST(log_softmax_of_what_is_not_finite)
{
    vectors v = run_vectors(_i, weft_fused_log_softmax);
    double unit = v.dtype == WEFT_F32 ? FLT_EPSILON : DBL_EPSILON, n = (double)v.n;
    for (size_t k = 0; k < KINDS; k++) {
        long double most, total;
        totals((int)k, v.n, &most, &total);
        for (size_t i = 0; i < v.n; i++) {
            double y = result(&v, 0, k, i), dz = result(&v, 1, k, i);
            if (is_lost((int)k)) {
                ck_assert_msg(isnan(y) && isnan(dz), "length %zu, kind %zu, element %zu is %g, not NaN", v.n, k, i, y);
                continue;
            }
            long double right = (long double)score((int)k, i, v.n) - most - logl(total), slope = 1 - (long double)v.n * expl(right);
            if (isinf(right))
                ck_assert_double_eq(y, (double)right);
            else /* a rounding of y, those of the logarithm and of its sum */
                ck_assert_msg(fabs(y - (double)right) <= unit * fabs((double)right) + 8 * DBL_EPSILON * (1 + n),
                              "length %zu, kind %zu, element %zu is %.17g, not %.17Lg", v.n, k, i, y, right);
            /* y, of which exp(y) has the absolute error as its relative one, is rounded to |y| unit */
            double off = 4 * unit * (1 + (isinf(right) ? 0 : fabs((double)right))) * (1 + n * (double)expl(right)) + 1e-14 * n;
            ck_assert_msg(fabs(dz - (double)slope) <= off, "length %zu, kind %zu: dz of element %zu is %.17g, not %.17Lg", v.n, k, i, dz, slope);
        }
    }
    vectors_free(&v);
}
END_TEST

/* --- cross-entropy --- */

/* The loss of scores far apart is their difference, without overflow; an impossible class that is not the label costs nothing. */
START_TEST(cross_entropy_is_safe)
{
    const double z_data[] = {1e4, -1e4, 0, 0, -INFINITY, 0};
    const int64_t label_data[] = {1, 0};
    weft_tape *t = weft_tape_new(NULL);
    weft_node z = weft_input(t, "z", WEFT_F64, 2, (size_t[]){2, 3}), label = weft_input(t, "label", WEFT_I64, 1, (size_t[]){2}), out[2];
    out[0] = weft_fused_softmax_cross_entropy(z, label);
    weft_grad(out[0], &z, 1, out + 1);
    const weft_binding in[] = {{z, z_data, sizeof z_data}, {label, label_data, sizeof label_data}};
    weft_program *p = run_outputs(out, 2, in, 2, test_way());
    const double dz[] = {0.5, -0.5, 0, -0.25, 0, 0.25}; /* (p - onehot)/2 */
    ck_assert_double_eq_tol(*(const double *)weft_output(p, 0), (2e4 + log(2)) / 2, 1e-11);
    for (size_t i = 0; i < 6; i++)
        ck_assert_double_eq_tol(((const double *)weft_output(p, 1))[i], dz[i], 1e-15);
    weft_program_free(p);
    weft_tape_free(t);
}
END_TEST

START_TEST(labels_out_of_range_are_refused)
{
    const double z_data[6] = {0};
    const int64_t label_data[] = {1, _i ? -1 : 3};
    weft_tape *t = weft_tape_new(NULL);
    weft_node z = weft_input(t, "z", WEFT_F64, 2, (size_t[]){2, 3}), label = weft_input(t, "label", WEFT_I64, 1, (size_t[]){2});
    weft_node loss = weft_fused_softmax_cross_entropy(z, label);
    weft_program *p = weft_compile(&loss, 1);
    weft_bind(p, z, z_data, sizeof z_data);
    weft_bind(p, label, label_data, sizeof label_data);
    ck_assert_int_eq(weft_run(p), WEFT_ERROR_INDEX);
    ck_assert_ptr_nonnull(strstr(weft_program_message(p), _i ? "label[1] is -1; z has the classes 0 to 2" : "label[1] is 3; z has the classes 0 to 2"));
    weft_program_free(p);
    weft_tape_free(t);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fused_softmax");
    TCase *hard = tcase_create("hard");
    tcase_set_timeout(hard, 120);
    tcase_add_loop_test(hard, softmax_of_what_is_not_finite, 0, VECTORS);
    tcase_add_loop_test(hard, log_softmax_of_what_is_not_finite, 0, VECTORS);
    tcase_add_test(hard, cross_entropy_is_safe);
    tcase_add_loop_test(hard, labels_out_of_range_are_refused, 0, 2);
    suite_add_tcase(suite, hard);
    return run_suite(suite);
}

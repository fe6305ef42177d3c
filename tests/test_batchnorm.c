/* test_batchnorm.c: the published numbers, the twins, and the properties of the gradient.
 * The reference arrays are those of Stanford CS231n, assignment 2; tests/data/README.md says where they come from. */
#include "tests/samples.h"
#include "tests/suite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static weft_array load(const char *name)
{
    char path[1024], message[WEFT_MESSAGE_SIZE];
    weft_array array;
    snprintf(path, sizeof path, "%s/%s.npy", WEFT_TEST_DATA, name);
    weft_status status = weft_npy_read(path, &array, message);
    ck_assert_msg(status == WEFT_OK, "%s", message);
    return array;
}

static weft_node input_of(weft_tape *t, const char *name, const weft_array *a)
{
    return weft_input(t, name, a->dtype, a->shape.rank, a->shape.dim);
}

static double furthest(const double *a, const double *b, size_t n)
{
    double off = 0;
    for (size_t i = 0; i < n; i++)
        off = fmax(off, fabs(a[i] - b[i]));
    return off;
}

typedef weft_node builder(weft_node h, weft_node gamma, weft_node beta, double eps);
static builder *const builders[] = {weft_batchnorm, weft_fused_batchnorm};
static const char *const builder_name[] = {"staged", "fused"};

/* --- CS231n: the gradient-check cell --- */

/* The notebook's numeric gradient: central differences of step 1e-5 of sum(y * dy), differences first. */
static void numeric_gradient(weft_program *p, weft_node x, const weft_array *at, const weft_array *dy, double *gradient)
{
    double *point = malloc(at->bytes), *plus = malloc(dy->bytes), h = 1e-5;
    memcpy(point, at->data, at->bytes);
    for (size_t i = 0; i < at->bytes / sizeof(double); i++) {
        double old = point[i];
        point[i] = old + h;
        weft_bind(p, x, point, at->bytes);
        ck_assert_int_eq(weft_run(p), WEFT_OK);
        memcpy(plus, weft_output(p, 0), dy->bytes);
        point[i] = old - h;
        ck_assert_int_eq(weft_run(p), WEFT_OK);
        const double *minus = weft_output(p, 0);
        double sum = 0;
        for (size_t k = 0; k < dy->bytes / sizeof(double); k++)
            sum += (plus[k] - minus[k]) * ((const double *)dy->data)[k];
        gradient[i] = sum / (2 * h);
        point[i] = old;
    }
    weft_bind(p, x, at->data, at->bytes);
    free(point);
    free(plus);
}

START_TEST(gradient_cell_of_cs231n)
{
    weft_array h = load("batchnorm_4x5/h"), gamma = load("batchnorm_4x5/gamma"), beta = load("batchnorm_4x5/beta"), dy = load("batchnorm_4x5/dy");
    weft_array expected[] = {load("batchnorm_4x5/y"), load("batchnorm_4x5/dh"), load("batchnorm_4x5/dgamma"), load("batchnorm_4x5/dbeta")};
    const double published_error[] = {0, 1.667e-9, 7.417e-13, 2.379e-12}; /* expected.json */
    weft_tape *t = weft_tape_new(NULL);
    weft_node x[] = {input_of(t, "h", &h), input_of(t, "gamma", &gamma), input_of(t, "beta", &beta)}, w = input_of(t, "dy", &dy), out[4];
    const weft_array *data[] = {&h, &gamma, &beta};
    out[0] = builders[_i](x[0], x[1], x[2], 1e-5);
    ck_assert_int_eq(weft_vjp(out, &w, 1, x, 3, out + 1), WEFT_OK);
    weft_program *p = weft_compile(out, 4), *value = weft_compile(out, 1);
    for (int i = 0; i < 3; i++) {
        weft_bind(p, x[i], data[i]->data, data[i]->bytes);
        weft_bind(value, x[i], data[i]->data, data[i]->bytes);
    }
    weft_bind(p, w, dy.data, dy.bytes);
    ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
    for (size_t k = 0; k < 4; k++) {
        size_t n = expected[k].bytes / sizeof(double);
        double off = furthest(weft_output(p, k), expected[k].data, n);
        ck_assert_msg(off <= 1e-14, "%s output %zu is off by %g", builder_name[_i], k, off);
    }
    for (size_t k = 1; k < 4; k++) {
        size_t n = expected[k].bytes / sizeof(double);
        double *numeric = malloc(expected[k].bytes), error = 0;
        const double *analytic = weft_output(p, k);
        numeric_gradient(value, x[k - 1], data[k - 1], &dy, numeric);
        for (size_t i = 0; i < n; i++)
            error = fmax(error, fabs(numeric[i] - analytic[i]) / fmax(1e-8, fabs(numeric[i]) + fabs(analytic[i])));
        printf("%s gradient %zu: relative error %.3e, published %.3e\n", builder_name[_i], k, error, published_error[k]);
        ck_assert_msg(error <= 2 * published_error[k], "%s gradient %zu: relative error %.4g, published %.4g", builder_name[_i], k, error,
                      published_error[k]);
        free(numeric);
    }
    for (int k = 0; k < 4; k++)
        weft_array_free(&expected[k]);
    weft_array_free(&h);
    weft_array_free(&gamma);
    weft_array_free(&beta);
    weft_array_free(&dy);
    weft_program_free(p);
    weft_program_free(value);
    weft_tape_free(t);
}
END_TEST

/* --- CS231n: the forward cell --- */

START_TEST(forward_cell_of_cs231n)
{
    const double mean[] = {-2.3814598006044174, -13.180382463991416, 1.9178046225495151}; /* expected.json, mean_before and std_before */
    const double deviation[] = {27.185021859009453, 34.21455510894339, 37.68611761516215};
    const double gammas[2][3] = {{1, 1, 1}, {1, 2, 3}}, betas[2][3] = {{0, 0, 0}, {11, 12, 13}}; /* the notebook's two pairs */
    weft_array a = load("batchnorm_forward/a");
    weft_tape *t = weft_tape_new(NULL);
    weft_node h = input_of(t, "h", &a), gamma = weft_input(t, "gamma", WEFT_F64, 1, (size_t[]){3}),
              beta = weft_input(t, "beta", WEFT_F64, 1, (size_t[]){3}), y = builders[_i](h, gamma, beta, 1e-5), out[4] = {0};
    unsigned rows = WEFT_AXIS(0);
    out[0] = weft_mean(h, rows, false);
    out[1] = weft_sqrt(weft_variance(h, rows, false));
    out[2] = weft_mean(y, rows, false);
    out[3] = weft_sqrt(weft_variance(y, rows, false));
    weft_program *p = weft_compile(out, 4);
    weft_bind(p, h, a.data, a.bytes);
    for (int pair = 0; pair < 2; pair++) {
        weft_bind(p, gamma, gammas[pair], sizeof gammas[pair]);
        weft_bind(p, beta, betas[pair], sizeof betas[pair]);
        ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
        ck_assert_double_lt(furthest(weft_output(p, 0), mean, 3), 1e-13);
        ck_assert_double_lt(furthest(weft_output(p, 1), deviation, 3), 1e-13);
        ck_assert_double_lt(furthest(weft_output(p, 2), betas[pair], 3), 1e-13);
        for (size_t j = 0; j < 3; j++) { /* eps shrinks the deviation by sigma / sqrt(sigma**2 + eps) */
            double shrunk = gammas[pair][j] * deviation[j] / sqrt(deviation[j] * deviation[j] + 1e-5);
            ck_assert_double_eq_tol(((const double *)weft_output(p, 3))[j], shrunk, 1e-13);
        }
    }
    weft_array_free(&a);
    weft_program_free(p);
    weft_tape_free(t);
}
END_TEST

/* --- CS231n: the first loss of the 15-20-30-10 net, without and with weight decay --- */

static double first_loss(builder *norm, const char *folder, double decay)
{
    char name[64];
    weft_array x, label, w[3];
    weft_tape *t = weft_tape_new(NULL);
    snprintf(name, sizeof name, "%s/x", folder);
    x = load(name);
    snprintf(name, sizeof name, "%s/label", folder);
    label = load(name);
    weft_node weight[3], x_in = input_of(t, "x", &x), label_in = input_of(t, "label", &label), hidden = x_in;
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "%s/w%d", folder, i + 1);
        w[i] = load(name);
        weight[i] = input_of(t, name, &w[i]);
        hidden = weft_matmul(hidden, weight[i]);
        weft_node ones = weft_broadcast(weft_scalar(t, WEFT_F64, 1), 1, (size_t[]){w[i].shape.dim[1]}), zeros = weft_full_like(ones, 0);
        if (i < 2)
            hidden = weft_relu(norm(hidden, ones, zeros, 1e-5));
    }
    weft_node loss = weft_softmax_cross_entropy(hidden, label_in);
    for (int i = 0; i < 3; i++)
        loss = weft_add(loss, weft_mul(weft_scalar(t, WEFT_F64, decay / 2), weft_sum(weft_mul(weight[i], weight[i]), WEFT_ALL_AXES, false)));
    weft_program *p = weft_compile(&loss, 1);
    weft_bind(p, x_in, x.data, x.bytes);
    weft_bind(p, label_in, label.data, label.bytes);
    for (int i = 0; i < 3; i++)
        weft_bind(p, weight[i], w[i].data, w[i].bytes);
    ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
    double value = *(const double *)weft_output(p, 0);
    for (int i = 0; i < 3; i++)
        weft_array_free(&w[i]);
    weft_array_free(&x);
    weft_array_free(&label);
    weft_program_free(p);
    weft_tape_free(t);
    return value;
}

START_TEST(first_losses_of_cs231n)
{
    ck_assert_double_eq_tol(first_loss(builders[_i], "net_decay_0", 0), 2.2611955101340957, 1e-13);
    ck_assert_double_eq_tol(first_loss(builders[_i], "net_decay_3.14", 3.14), 6.996533220108303, 1e-13);
}
END_TEST

/* --- properties: sums of dh, and the edge that carries zero --- */

START_TEST(the_gradient_obeys_its_invariants)
{
    const sample s = {.op = "batchnorm", .n = 3, .shape = {{2, {17, 6}}, {1, {6}}, {1, {6}}}, .domain = {NORMAL, AWAY, NORMAL}};
    double eps = 1e-2;
    weft_tape *t = weft_tape_new(NULL);
    operands o;
    operands_make(&o, t, &s, WEFT_F64, 5);
    weft_node y = builders[_i](o.node[0], o.node[1], o.node[2], eps), w = weft_input(t, "w", WEFT_F64, 2, (size_t[]){17, 6}), dx[3];
    weft_vjp(&y, &w, 1, o.node, 3, dx);
    weft_node mu = weft_mean(o.node[0], 1, false), variance = weft_variance(o.node[0], 1, false), e = weft_scalar(t, WEFT_F64, eps);
    weft_node s_ = weft_pow(weft_add(variance, e), weft_scalar(t, WEFT_F64, -0.5)), hhat = weft_mul(weft_sub(o.node[0], mu), s_);
    /* batchnorm.md, 2.2: sum dh = 0 and sum dh hhat = gamma s dgamma eps / (var + eps) */
    weft_node right = weft_div(weft_mul(weft_mul(o.node[1], s_), weft_mul(dx[1], e)), weft_add(variance, e));
    weft_node out[] = {weft_sum(dx[0], 1, false), weft_sub(weft_sum(weft_mul(dx[0], hhat), 1, false), right)};
    weft_program *p = weft_compile(out, 2);
    double weights[17 * 6];
    uint64_t seed = 9;
    for (size_t i = 0; i < 17 * 6; i++)
        weights[i] = draw_normal(&seed);
    operands_bind(&o, p);
    weft_bind(p, w, weights, sizeof weights);
    ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
    for (size_t j = 0; j < 6; j++) {
        ck_assert_double_lt(fabs(((const double *)weft_output(p, 0))[j]), 1e-13);
        ck_assert_double_lt(fabs(((const double *)weft_output(p, 1))[j]), 1e-13);
    }
    operands_free(&o);
    weft_program_free(p);
    weft_tape_free(t);
}
END_TEST

START_TEST(a_bias_before_it_has_no_gradient)
{
    const sample s = {.op = "net", .n = 5, .shape = {{2, {8, 4}}, {2, {4, 3}}, {1, {3}}, {1, {3}}, {1, {3}}}, .domain = {NORMAL, NORMAL, NORMAL, NORMAL, NORMAL}};
    weft_tape *t = weft_tape_new(NULL);
    operands o;
    operands_make(&o, t, &s, WEFT_F64, 3);
    weft_node y = builders[_i](weft_affine(o.node[0], o.node[1], o.node[2]), o.node[3], o.node[4], 1e-5);
    weft_gradcheck result[2];
    weft_gradcheck_options options = {.bind = o.binding, .n_bind = 5};
    const weft_node x[] = {o.node[1], o.node[2]};
    ck_assert_msg(weft_gradient_check(y, x, 2, &options, result) == WEFT_OK, "%s", weft_tape_message(t));
    ck_assert_int_eq(result[0].verdict, WEFT_GRADIENT_RIGHT);
    ck_assert_int_eq(result[1].verdict, WEFT_GRADIENT_EMPTY);
    ck_assert_double_lt(fabs(result[1].analytic), 1e-12);
    operands_free(&o);
    weft_tape_free(t);
}
END_TEST

/* --- images --- */

static builder *const all_builders[] = {weft_batchnorm, weft_fused_batchnorm, weft_fused_batchnorm_relu};

/* (N, C, H, W) is (N*H*W, C) with the channels moved to the end. */
START_TEST(images_are_rows_of_channels)
{
    const sample s = {.op = "images", .n = 4, .shape = {{4, {3, 4, 5, 7}}, {1, {4}}, {1, {4}}, {4, {3, 4, 5, 7}}},
                      .domain = {NORMAL, NORMAL, NORMAL, NORMAL}};
    const int to_end[] = {0, 2, 3, 1}, back[] = {0, 3, 1, 2};
    const size_t rows[] = {3 * 5 * 7, 4}, images[] = {3, 5, 7, 4}, count[] = {3 * 4 * 5 * 7, 3 * 4 * 5 * 7, 4, 4};
    weft_tape *t = weft_tape_new(NULL);
    operands o;
    operands_make(&o, t, &s, WEFT_F64, 21);
    weft_node out[8], last = weft_reshape(weft_transpose(o.node[0], to_end), 2, rows);
    out[0] = all_builders[_i](o.node[0], o.node[1], o.node[2], 1e-5);
    out[4] = weft_transpose(weft_reshape(all_builders[_i](last, o.node[1], o.node[2], 1e-5), 4, images), back);
    weft_vjp(&out[0], &o.node[3], 1, o.node, 3, out + 1);
    weft_vjp(&out[4], &o.node[3], 1, o.node, 3, out + 5);
    weft_program *p = weft_compile(out, 8);
    operands_bind(&o, p);
    ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
    for (size_t k = 0; k < 4; k++) {
        double off = furthest(weft_output(p, k), weft_output(p, k + 4), count[k]);
        ck_assert_msg(off <= 2e-14, "result %zu is off by %g", k, off); /* sums of 105 terms below 10 */
    }
    operands_free(&o);
    weft_program_free(p);
    weft_tape_free(t);
}
END_TEST

/* No images, no channels, or images without pixels: no result, gradients that are sums of nothing, and moments of 0, so that
 * gradients of these gradients are sums of nothing too. */
START_TEST(nothing_is_normalised)
{
    static const size_t dim[][3] = {{0, 3, 4}, {2, 0, 4}, {2, 3, 0}, {0, 3, 1}, {0, 0, 0}};
    const size_t *d = dim[_i % 5], channels = d[1];
    weft_tape *t = weft_tape_new(NULL);
    weft_node h = weft_input(t, "h", WEFT_F32, 3, d), gamma = weft_input(t, "gamma", WEFT_F32, 1, &channels), out[5];
    out[0] = all_builders[_i / 5](h, gamma, gamma, 1e-5);
    weft_node zero = weft_full_like(out[0], 0);
    weft_vjp(out, &zero, 1, (const weft_node[]){h, gamma}, 2, out + 1);
    size_t n = 3;
    if (_i / 5)
        out[n++] = weft_part(out[0], 1);
    weft_program *p = weft_compile(out, n);
    ck_assert_msg(weft_program_status(p) == WEFT_OK, "%s", weft_program_message(p));
    const float ones[] = {1, 1, 1};
    weft_bind(p, h, ones, 0);
    weft_bind(p, gamma, ones, channels * sizeof *ones);
    ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
    for (size_t j = 0; j < channels; j++) {
        ck_assert_float_eq(((const float *)weft_output(p, 2))[j], 0);
        ck_assert(n == 3 || ((const float *)weft_output(p, 3))[j] == 0);
    }
    weft_program_free(p);
    weft_tape_free(t);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("batchnorm");
    TCase *reference = tcase_create("reference"), *properties = tcase_create("properties");
    tcase_add_loop_test(reference, gradient_cell_of_cs231n, 0, 2);
    tcase_add_loop_test(reference, forward_cell_of_cs231n, 0, 2);
    tcase_add_loop_test(reference, first_losses_of_cs231n, 0, 2);
    tcase_add_loop_test(properties, the_gradient_obeys_its_invariants, 0, 2);
    tcase_add_loop_test(properties, a_bias_before_it_has_no_gradient, 0, 2);
    tcase_add_loop_test(properties, images_are_rows_of_channels, 0, 3);
    tcase_add_loop_test(properties, nothing_is_normalised, 0, 15);
    suite_add_tcase(suite, reference);
    suite_add_tcase(suite, properties);
    return run_suite(suite);
}

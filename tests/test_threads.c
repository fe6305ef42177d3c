/* test_threads.c: a program gives the same bits for any number of threads, and the right ones. */
#include "tests/suite.h"
#include "tests/threaded.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the same bits --- */

/* ThreadSanitizer makes all of it thirty times slower; of what is large it gets one of OF, since any of them would show a race. */
#ifdef __SANITIZE_THREAD__
enum { OF = 3 };
#else
enum { OF = 1 };
#endif
#define ROWS_OF(rows) (int)(((rows) + OF - 1) / OF)

/* The compiler takes half a second for what one sample asks of it: it gets one of EVERY. */
enum { EVERY = 8 };

START_TEST(samples_have_the_same_bits)
{
    const sample *s = sample_at((size_t)_i * (test_way().backend == WEFT_BACKEND_C ? EVERY : 1));
    for (int narrow = 0; narrow < 2; narrow++) {
        graph g = graph_new();
        operands o;
        operands_make(&o, g.tape, s, narrow ? WEFT_F32 : WEFT_F64, 77);
        weft_node y = g.out[g.n_out++] = s->build(o.node), x[SAMPLE_OPERANDS];
        size_t n = 0;
        for (int k = 0; k < o.n && !s->no_gradient; k++)
            if (s->domain[k] != INDEX && s->domain[k] != MASK)
                x[n++] = o.node[k];
        if (n && weft_grad(weft_sum(weft_mul(y, y), WEFT_ALL_AXES, false), x, n, g.out + 1) == WEFT_OK)
            g.n_out += (int)n;
        for (int k = 0; k < o.n; k++) {
            g.in[k] = o.node[k];
            g.data[k] = o.data[k];
            g.bytes[k] = o.bytes[k];
        }
        g.n_in = o.n;
        expect_same_bits(&g, s->op);
        g.n_in = 0;
        operands_free(&o);
        graph_free(&g);
    }
}
END_TEST

static const weft_shape batches[] = {
    {2, {64, 100}},     {2, {256, 512}},    {2, {1027, 600}}, {2, {2048, 256}},  {2, {150001, 3}},   {2, {3, 150001}},         {2, {400001, 1}},
    {2, {1, 400001}},   {2, {40, 9000}},    {2, {43003, 100}}, {3, {8, 64, 1225}}, {3, {40, 300, 49}}, {4, {16, 3, 128, 129}}, {3, {1, 33, 20001}},
    {3, {600, 1000, 1}},
};

START_TEST(batchnorm_has_the_same_bits)
{
    const int row = _i * OF;
    const weft_shape *shape = &batches[row];
    const size_t *d = &shape->dim[1];
    for (int kind = 0; kind < 5; kind++) { /* f32 staged, f32 fused, f64 staged, f32 fused with a ReLU, f64 fused */
        graph g = graph_new();
        weft_dtype dtype = kind == 2 || kind == 4 ? WEFT_F64 : WEFT_F32;
        weft_node h = add_input(&g, dtype, shape->rank, shape->dim, true), gamma = add_input(&g, dtype, 1, d, true);
        weft_node beta = add_input(&g, dtype, 1, d, true), dy = add_input(&g, dtype, shape->rank, shape->dim, true);
        g.out[0] = (kind == 1 || kind == 4 ? weft_fused_batchnorm : kind == 3 ? weft_fused_batchnorm_relu : weft_batchnorm)(h, gamma, beta, 1e-5);
        weft_vjp(g.out, &dy, 1, (const weft_node[]){h, gamma, beta}, 3, g.out + 1);
        g.n_out = 4;
        char what[80];
        snprintf(what, sizeof what, "batchnorm of rank %d, (%zu, %zu), kind %d", shape->rank, shape->dim[0], *d, kind);
        expect_same_bits(&g, what);
        graph_free(&g);
    }
}
END_TEST

static const weft_shape rows[] = {
    {2, {64, 100}}, {2, {4099, 300}}, {2, {3, 150001}}, {2, {300001, 3}}, {2, {1, 700001}}, {1, {600001}}, {3, {16, 50, 1001}}, {3, {3, 4000, 65}}, {3, {70, 9, 1030}},
};

START_TEST(fused_rows_have_the_same_bits)
{
    const int row = _i * OF;
    const weft_shape *shape = &rows[row / 2];
    weft_dtype dtype = row % 2 ? WEFT_F64 : WEFT_F32;
    const size_t *d = &shape->dim[shape->rank - 1];
    for (int kind = 0; kind < 2 + 2 * shape->rank; kind++) { /* layernorm, rmsnorm, then softmax and l2_normalize along each axis */
        graph g = graph_new();
        weft_node x = add_input(&g, dtype, shape->rank, shape->dim, true), gamma = add_input(&g, dtype, 1, d, true);
        weft_node dy = add_input(&g, dtype, shape->rank, shape->dim, true);
        int axis = (kind - 2) / 2;
        if (kind < 2)
            g.out[0] = kind ? weft_fused_rmsnorm(x, gamma, 1e-5) : weft_fused_layernorm(x, gamma, gamma, 1e-5);
        else
            g.out[0] = kind % 2 ? weft_fused_l2_normalize(x, axis, 1e-5) : weft_fused_softmax(x, axis);
        weft_vjp(g.out, &dy, 1, (const weft_node[]){x, gamma}, 2, g.out + 1);
        g.n_out = kind < 2 ? 3 : 2;
        char what[80];
        snprintf(what, sizeof what, "rows of shape %d, kind %d", row / 2, kind);
        expect_same_bits(&g, what);
        graph_free(&g);
    }
}
END_TEST

START_TEST(fused_channels_have_the_same_bits)
{
    const int row = _i * OF;
    const weft_shape *shape = &batches[row];
    weft_dtype dtype = row % 2 ? WEFT_F64 : WEFT_F32;
    const size_t *d = &shape->dim[1];
    for (int kind = 0; kind < 6; kind++) { /* groupnorm, evaluation without a ReLU and with one, log_softmax along two axes, gelu */
        graph g = graph_new();
        weft_node x = add_input(&g, dtype, shape->rank, shape->dim, true), gamma = add_input(&g, dtype, 1, d, true);
        weft_node dy = add_input(&g, dtype, shape->rank, shape->dim, true);
        const weft_batchnorm_options o = {.axis = 1, .mode = WEFT_BATCHNORM_EVALUATION, .eps = 1e-5, .gamma = gamma, .beta = gamma,
                                          .running_mean = gamma, .running_variance = weft_mul(gamma, gamma), .relu = kind == 2};
        if (kind == 0)
            g.out[0] = weft_fused_groupnorm(x, *d % 2 ? 1 : *d / 2, gamma, gamma, 1e-5);
        else if (kind < 3)
            g.out[0] = weft_fused_batchnorm_with(x, &o, NULL, NULL);
        else
            g.out[0] = kind < 5 ? weft_fused_log_softmax(x, kind == 3 ? 1 : -1) : weft_fused_gelu(x);
        weft_vjp(g.out, &dy, 1, (const weft_node[]){x, gamma}, 2, g.out + 1);
        g.n_out = kind < 3 ? 3 : 2;
        char what[80];
        snprintf(what, sizeof what, "channels of shape %d, kind %d", row, kind);
        expect_same_bits(&g, what);
        graph_free(&g);
    }
}
END_TEST

START_TEST(fused_cross_entropy_has_the_same_bits)
{
    enum { ROWS = 6007, CLASSES = 200 };
    int64_t *labels = malloc(ROWS * sizeof *labels);
    for (size_t i = 0; i < ROWS; i++)
        labels[i] = (int64_t)(i * 7919 % CLASSES);
    graph g = graph_new();
    weft_node z = add_input(&g, _i ? WEFT_F64 : WEFT_F32, 2, (const size_t[]){ROWS, CLASSES}, true);
    weft_node label = weft_input(g.tape, "label", WEFT_I64, 1, (const size_t[]){ROWS});
    g.in[g.n_in] = label;
    g.data[g.n_in] = labels;
    g.bytes[g.n_in++] = ROWS * sizeof *labels;
    g.out[0] = weft_fused_softmax_cross_entropy(z, label);
    weft_grad(g.out[0], &z, 1, g.out + 1);
    g.n_out = 2;
    expect_same_bits(&g, "cross entropy");
    graph_free(&g);
}
END_TEST

START_TEST(softmax_of_few_rows_has_the_same_bits)
{
    graph g = graph_new();
    weft_node z = add_input(&g, WEFT_F32, 2, (const size_t[]){3, 60013}, true);
    g.out[0] = weft_softmax(z, -1);
    weft_grad(weft_sum(weft_mul(g.out[0], g.out[0]), WEFT_ALL_AXES, false), &z, 1, g.out + 1);
    g.n_out = 2;
    expect_same_bits(&g, "softmax");
    graph_free(&g);
}
END_TEST

/* Several parts of 16384 elements, and a remainder. */
START_TEST(noise_has_the_same_bits)
{
    const size_t dim[] = {601, 1001};
    for (int narrow = 0; narrow < 2; narrow++) {
        graph g = graph_new();
        weft_node seed = weft_scalar(g.tape, WEFT_I64, 4), x = add_input(&g, narrow ? WEFT_F32 : WEFT_F64, 2, dim, true);
        g.out[0] = weft_uniform(seed, seed, 0, weft_node_dtype(x), 2, dim);
        g.out[1] = weft_normal(seed, seed, 1, weft_node_dtype(x), 2, dim);
        g.out[2] = weft_dropout(x, 0.25, seed, seed, 2);
        weft_grad(weft_sum(weft_mul(g.out[2], x), WEFT_ALL_AXES, false), &x, 1, g.out + 3);
        g.n_out = 4;
        expect_same_bits(&g, "noise");
        graph_free(&g);
    }
}
END_TEST

/* --- the right values --- */

static const weft_shape reduced[] = {
    {1, {300007}},       {2, {3, 100003}},      {2, {100003, 3}},   {2, {17, 20001}},    {2, {601, 601}},
    {3, {5, 20011, 3}},  {3, {3, 5, 20011}},    {3, {20011, 3, 5}}, {3, {300, 7, 150}},  {4, {4, 3, 9001, 3}},
    {5, {5, 3, 5, 7, 400}}, {2, {18, 16411}},   {3, {2, 400, 401}}, {6, {8, 8, 8, 8, 8, 9}},
};

/* Sums and maxima of whole numbers over every set of axes, beside a store of the whole array: a sum over any dim, whichever is cut. The
 * exponentials make it worth sharing. */
START_TEST(reductions_over_any_axes_are_right)
{
    const int row = _i * OF;
    const weft_shape *s = &reduced[row];
    for (unsigned axes = 1; axes < 1u << s->rank; axes += s->rank > 3 ? 4 : 1) {
        graph g = graph_new();
        weft_node x = add_input(&g, axes & 1 ? WEFT_F32 : WEFT_F64, s->rank, s->dim, false), y = weft_add(x, x);
        g.out[0] = weft_sum(y, axes, true);
        g.out[1] = weft_max(y, axes, false);
        g.out[2] = y;
        g.out[3] = weft_sum(weft_exp(y), axes, false);
        g.n_out = 4;
        weft_shape kept = weft_node_shape(g.out[0]);
        size_t n = weft_shape_count(&kept), all = weft_shape_count(s);
        double *sum = calloc(n, sizeof *sum), *most = malloc(n * sizeof *most);
        for (size_t i = 0; i < n; i++)
            most[i] = -1e300;
        for (size_t i = 0; i < all; i++) {
            size_t rest = i, to = 0, stride = 1;
            for (int d = s->rank; d-- > 0; rest /= s->dim[d])
                if (!(axes & WEFT_AXIS(d))) {
                    to += rest % s->dim[d] * stride;
                    stride *= s->dim[d];
                }
            double value = 2 * (axes & 1 ? (double)((float *)g.data[0])[i] : ((double *)g.data[0])[i]);
            sum[to] += value;
            most[to] = value > most[to] ? value : most[to];
        }
        char what[80];
        snprintf(what, sizeof what, "shape %d, axes %x", row, axes);
        expect_values(&g, 0, sum, what);
        expect_values(&g, 1, most, what);
        free(sum);
        free(most);
        if (axes < 4)
            expect_same_bits(&g, what);
        graph_free(&g);
    }
}
END_TEST

/* (m, k, n) */
static const size_t products[][3] = {{2, 3, 4},      {64, 64, 64},  {65, 64, 65},  {129, 257, 70}, {300, 300, 300}, {1, 700, 1500}, {900, 1500, 1},
                                     {1000, 64, 10}, {10, 1000, 64}, {64, 5000, 3}, {257, 1, 1030}, {3, 0, 4},       {520, 130, 260}};

START_TEST(matmul_is_right)
{
    const int row = _i * OF;
    size_t m = products[row][0], k = products[row][1], n = products[row][2];
    for (int kind = 0; kind < 8; kind++) { /* f32 or f64; either operand transposed */
        graph g = graph_new();
        weft_dtype dtype = kind & 1 ? WEFT_F64 : WEFT_F32;
        bool a_turned = kind & 2, b_turned = kind & 4;
        weft_node a = add_input(&g, dtype, 2, a_turned ? (const size_t[]){k, m} : (const size_t[]){m, k}, false);
        weft_node b = add_input(&g, dtype, 2, b_turned ? (const size_t[]){n, k} : (const size_t[]){k, n}, false);
        g.out[0] = weft_matmul(a_turned ? weft_transpose(a, NULL) : a, b_turned ? weft_transpose(b, NULL) : b);
        g.n_out = 1;
        double *expected = calloc(m * n, sizeof *expected);
        for (size_t i = 0; i < m; i++)
            for (size_t l = 0; l < k; l++)
                for (size_t j = 0; j < n; j++) {
                    size_t at_a = a_turned ? l * m + i : i * k + l, at_b = b_turned ? j * k + l : l * n + j;
                    expected[i * n + j] += dtype == WEFT_F32 ? (double)((float *)g.data[0])[at_a] * (double)((float *)g.data[1])[at_b]
                                                             : ((double *)g.data[0])[at_a] * ((double *)g.data[1])[at_b];
                }
        char what[80];
        snprintf(what, sizeof what, "matmul (%zu, %zu) (%zu, %zu), kind %d", m, k, k, n, kind);
        expect_values(&g, 0, expected, what);
        free(expected);
        graph_free(&g);
        g = graph_new();
        a = add_input(&g, dtype, 2, a_turned ? (const size_t[]){k, m} : (const size_t[]){m, k}, true);
        b = add_input(&g, dtype, 2, b_turned ? (const size_t[]){n, k} : (const size_t[]){k, n}, true);
        g.out[0] = weft_matmul(a_turned ? weft_transpose(a, NULL) : a, b_turned ? weft_transpose(b, NULL) : b);
        g.n_out = 1;
        expect_same_bits(&g, what);
        graph_free(&g);
    }
}
END_TEST

/* (.., m, k) and (.., k, n): many small products, few large ones, matrices that repeat on either side, and none. */
static const weft_shape batched[][2] = {
    {{3, {300, 32, 33}}, {3, {300, 33, 31}}}, {{3, {4000, 8, 8}}, {3, {4000, 8, 8}}},    {{3, {3, 130, 260}}, {3, {3, 260, 150}}},
    {{3, {8, 128, 100}}, {2, {100, 130}}},    {{4, {2, 3, 1, 64}}, {2, {64, 1000}}},     {{2, {64, 65}}, {3, {50, 65, 66}}},
    {{4, {2, 3, 40, 64}}, {3, {3, 64, 50}}},  {{4, {6, 1, 70, 80}}, {4, {1, 7, 80, 90}}}, {{3, {3, 5, 0}}, {2, {0, 4}}},
    {{3, {0, 5, 3}}, {2, {3, 4}}},            {{4, {2, 1, 90, 300}}, {4, {1, 1, 300, 40}}},
};

/* The operand with its last two axes exchanged where it is turned, so that the product sees this shape either way. */
static weft_node add_matrices(graph *g, weft_dtype dtype, weft_shape shape, bool turned, bool noise)
{
    int order[WEFT_MAX_RANK], last = shape.rank - 1;
    for (int i = 0; i <= last; i++)
        order[i] = i;
    if (turned) {
        size_t swap = shape.dim[last];
        shape.dim[last] = shape.dim[last - 1];
        shape.dim[last - 1] = swap;
        order[last] = last - 1;
        order[last - 1] = last;
    }
    weft_node x = add_input(g, dtype, shape.rank, shape.dim, noise);
    return turned ? weft_transpose(x, order) : x;
}

/* Where the element at batch position (p, q) and (i, j) of the matrix lies in an operand of that shape; rank 2 to 4. */
static size_t matrix_element(const weft_shape *s, bool turned, size_t p, size_t q, size_t i, size_t j)
{
    const size_t at[2] = {p, q};
    size_t n = s->dim[s->rank - 1], m = s->dim[s->rank - 2], batch = 0;
    for (int k = 0; k < s->rank - 2; k++)
        batch = batch * s->dim[k] + (s->dim[k] == 1 ? 0 : at[k + 4 - s->rank]);
    return batch * m * n + (turned ? j * m + i : i * n + j);
}

static double number_at(const graph *g, int k, size_t e)
{
    return weft_node_dtype(g->in[k]) == WEFT_F32 ? (double)((const float *)g->data[k])[e] : ((const double *)g->data[k])[e];
}

START_TEST(batched_matmul_is_right)
{
    const int row = _i * OF;
    const weft_shape *s = batched[row];
    for (int kind = 0; kind < 8; kind++) { /* f32 or f64; either operand turned */
        weft_dtype dtype = kind & 1 ? WEFT_F64 : WEFT_F32;
        graph g = graph_new();
        weft_node a = add_matrices(&g, dtype, s[0], kind & 2, false), b = add_matrices(&g, dtype, s[1], kind & 4, false);
        g.out[0] = weft_matmul(a, b);
        g.n_out = 1;
        weft_shape y = weft_node_shape(g.out[0]), whole = {4, {1, 1, 1, 1}};
        memcpy(whole.dim + 4 - y.rank, y.dim, (size_t)y.rank * sizeof *y.dim);
        size_t count = weft_shape_count(&y), inner = s[0].dim[s[0].rank - 1];
        double *expected = calloc(count + 1, sizeof *expected);
        for (size_t e = 0; e < count; e++) {
            size_t at[4], rest = e;
            for (int i = 3; i >= 0; rest /= whole.dim[i--])
                at[i] = rest % whole.dim[i];
            size_t of_a = matrix_element(&s[0], kind & 2, at[0], at[1], at[2], 0), a_step = matrix_element(&s[0], kind & 2, at[0], at[1], at[2], 1) - of_a;
            size_t of_b = matrix_element(&s[1], kind & 4, at[0], at[1], 0, at[3]), b_step = matrix_element(&s[1], kind & 4, at[0], at[1], 1, at[3]) - of_b;
            for (size_t k = 0; k < inner; k++)
                expected[e] += number_at(&g, 0, of_a + k * a_step) * number_at(&g, 1, of_b + k * b_step);
        }
        char what[80];
        snprintf(what, sizeof what, "batched matmul %d, kind %d", row, kind);
        expect_values(&g, 0, expected, what);
        free(expected);
        weft_program *p = compile_for(&g, 1);
        ck_assert_msg(!weft_program_traffic(p).loops, "%s: an operand is copied", what);
        weft_program_free(p);
        graph_free(&g);
        g = graph_new();
        a = add_matrices(&g, dtype, s[0], kind & 2, true);
        b = add_matrices(&g, dtype, s[1], kind & 4, true);
        g.out[0] = weft_matmul(a, b);
        weft_grad(weft_sum(weft_mul(g.out[0], g.out[0]), WEFT_ALL_AXES, false), g.in, 2, g.out + 1);
        g.n_out = 3;
        expect_same_bits(&g, what);
        graph_free(&g);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("threads");
    TCase *bits = tcase_create("bits"), *right = tcase_create("values");
    tcase_set_timeout(bits, 300);
    tcase_set_timeout(right, 300);
    tcase_add_loop_test(bits, samples_have_the_same_bits, 0, (int)(test_way().backend == WEFT_BACKEND_C ? (sample_count() + EVERY - 1) / EVERY : sample_count()));
    tcase_add_loop_test(bits, batchnorm_has_the_same_bits, 0, ROWS_OF(sizeof batches / sizeof *batches));
    tcase_add_loop_test(bits, fused_rows_have_the_same_bits, 0, ROWS_OF(2 * (sizeof rows / sizeof *rows)));
    tcase_add_loop_test(bits, fused_channels_have_the_same_bits, 0, ROWS_OF(sizeof batches / sizeof *batches));
    tcase_add_loop_test(bits, fused_cross_entropy_has_the_same_bits, 0, 2);
    tcase_add_test(bits, softmax_of_few_rows_has_the_same_bits);
    tcase_add_test(bits, noise_has_the_same_bits);
    tcase_add_loop_test(right, reductions_over_any_axes_are_right, 0, ROWS_OF(sizeof reduced / sizeof *reduced));
    tcase_add_loop_test(right, matmul_is_right, 0, ROWS_OF(sizeof products / sizeof *products));
    tcase_add_loop_test(right, batched_matmul_is_right, 0, ROWS_OF(sizeof batched / sizeof *batched));
    suite_add_tcase(suite, bits);
    suite_add_tcase(suite, right);
    return run_suite(suite);
}

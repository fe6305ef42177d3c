/* test_twins_large.c: fused batch normalization of arrays so large that results go past the caches, column by column against the formulas of the
 * paper in long double. */
#include "tests/suite.h"

#include <math.h>
#include <stdint.h>

/* n numbers between -1.7 and 1.7, of variance 1. */
static void *draw(weft_dtype dtype, size_t n, uint64_t *seed)
{
    void *x = malloc(n * weft_dtype_size(dtype));
    for (size_t i = 0; i < n; i++) {
        *seed = *seed * 6364136223846793005u + 1442695040888963407u;
        double u = ((double)(*seed >> 40) * 0x1p-23 - 1) * 1.7;
        if (dtype == WEFT_F32)
            ((float *)x)[i] = (float)u;
        else
            ((double *)x)[i] = u;
    }
    return x;
}

/* In rows and planes that do and do not begin on a cache line. */

static const struct {
    weft_dtype dtype;
    size_t n, d, l; /* (N, D), or (N, D, L) */
} large[] = {{WEFT_F32, 70001, 64, 1}, {WEFT_F32, 43003, 100, 1}, {WEFT_F32, 1400003, 3, 1}, {WEFT_F32, 8407, 501, 1}, {WEFT_F64, 22003, 100, 1},
             {WEFT_F32, 32, 170, 784}, {WEFT_F32, 40, 2150, 49},  {WEFT_F32, 20, 211, 1001}, {WEFT_F32, 7, 121, 5003}, {WEFT_F64, 8, 270, 1001}};

/* Row i of column j of (N, D, L). */
#define AT(i) ((((i) / l) * d + j) * l + (i) % l)

/* One column by the formulas of the paper, in long double; z where the ReLU is as good as undecided is left out. */
static void check_column(size_t j, const weft_shape *shape, const double *h, const double *dy, bool relu, const double *y, const double *dh, double unit)
{
    const long double gamma = 1.5L, beta = 0.25L;
    long double mean = 0, square = 0, sum = 0, dot = 0;
    size_t l = shape->dim[2], rows = shape->dim[0] * l, d = shape->dim[1];
    for (size_t i = 0; i < rows; i++)
        mean += h[AT(i)];
    mean /= (long double)rows;
    for (size_t i = 0; i < rows; i++)
        square += (h[AT(i)] - mean) * (h[AT(i)] - mean);
    long double rstd = 1 / sqrtl(square / (long double)rows + 1e-5L);
    for (size_t i = 0; i < rows; i++) {
        long double hhat = (h[AT(i)] - mean) * rstd, g = relu && gamma * hhat + beta <= 0 ? 0 : dy[AT(i)];
        sum += g;
        dot += g * hhat;
    }
    for (size_t i = 0; i < rows; i++) {
        long double hhat = (h[AT(i)] - mean) * rstd, z = gamma * hhat + beta, g = relu && z <= 0 ? 0 : dy[AT(i)];
        long double true_dh = gamma * rstd * (g - sum / (long double)rows - hhat * dot / (long double)rows);
        double off_y = fabs((double)(y[AT(i)] - (relu && z <= 0 ? 0 : z))), off_dh = fabs((double)(dh[AT(i)] - true_dh));
        /* y and dh are below 8 and are rounded once; a mask that falls otherwise at |z| < 4 units moves the sums by less than a unit */
        ck_assert_msg(off_y <= 8 * unit, "y of row %zu, column %zu, is off by %g", i, j, off_y);
        ck_assert_msg(off_dh <= 8 * unit || (relu && fabsl(z) < 4 * unit), "dh of row %zu, column %zu, is off by %g", i, j, off_dh);
    }
}

static double *widened(const void *x, weft_dtype dtype, size_t n)
{
    double *y = malloc(n * sizeof *y);
    for (size_t i = 0; i < n; i++)
        y[i] = dtype == WEFT_F32 ? (double)((const float *)x)[i] : ((const double *)x)[i];
    return y;
}

START_TEST(large_results_are_right)
{
    weft_dtype dtype = large[_i / 2].dtype;
    const weft_shape shape = {3, {large[_i / 2].n, large[_i / 2].d, large[_i / 2].l}};
    const size_t n = weft_shape_count(&shape), d = shape.dim[1];
    int rank = shape.dim[2] > 1 ? 3 : 2;
    bool relu = _i % 2;
    uint64_t seed = 5;
    weft_tape *t = weft_tape_new(NULL);
    weft_node h = weft_input(t, "h", dtype, rank, shape.dim), dy = weft_input(t, "dy", dtype, rank, shape.dim), out[2];
    weft_node gamma = weft_broadcast(weft_scalar(t, dtype, 1.5), 1, &d), beta = weft_broadcast(weft_scalar(t, dtype, 0.25), 1, &d);
    out[0] = (relu ? weft_fused_batchnorm_relu : weft_fused_batchnorm)(h, gamma, beta, 1e-5);
    weft_vjp(out, &dy, 1, &h, 1, out + 1);
    size_t bytes = n * weft_dtype_size(dtype);
    void *h_data = draw(dtype, n, &seed), *dy_data = draw(dtype, n, &seed);
    weft_program *p = weft_compile(out, 2);
    weft_bind(p, h, h_data, bytes);
    weft_bind(p, dy, dy_data, bytes);
    ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
    double *wide[] = {widened(h_data, dtype, n), widened(dy_data, dtype, n), widened(weft_output(p, 0), dtype, n),
                      widened(weft_output(p, 1), dtype, n)};
    for (size_t j = 0; j < d; j += d > 16 ? d / 7 : 1)
        check_column(j, &shape, wide[0], wide[1], relu, wide[2], wide[3], dtype == WEFT_F32 ? 0x1p-24 : 0x1p-48);
    for (int k = 0; k < 4; k++)
        free(wide[k]);
    free(h_data);
    free(dy_data);
    weft_program_free(p);
    weft_tape_free(t);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("twins_large");
    TCase *twins = tcase_create("large");
    tcase_set_timeout(twins, 60);
    tcase_add_loop_test(twins, large_results_are_right, 0, 2 * (int)(sizeof large / sizeof *large));
    suite_add_tcase(suite, twins);
    return run_suite(suite);
}

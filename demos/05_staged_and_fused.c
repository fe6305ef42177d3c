/* 05_staged_and_fused.c: the same gradient three times. Staged: the walk through the graph of lesson 4. Fused: one hand-written op with a
 * hand-written derivative. Paper: the formula behind that, recorded here with builders,
 *     dh = gamma*rstd/N * (N*dy - sum(dy) - hhat * sum(dy*hhat)).
 * They are equal over the reals; how far they differ in floating point is measured, not believed. */
#include "course.h"

enum { N = 64, D = 8 };
typedef enum { STAGED, FUSED, PAPER } kind;
static const char *const kind_name[] = {"staged", "fused", "paper"};

typedef struct version {
    weft_node x[4], y, dx[3]; /* x: h (N, D), gamma (D), beta (D), dy (N, D); dx: dh, dgamma, dbeta */
    double data[4][N * D], gradient[3][N * D];
    float narrow[4][N * D];
    weft_binding bind[4];
    weft_memory memory;
} version;

/* h, gamma, beta, dy. Their data are multiples of 2**-10 between -2 and 2, which f32 holds exactly: both dtypes see the same numbers. */
static void record_inputs(version *v, weft_dtype dtype)
{
    static const char *const name[] = {"h", "gamma", "beta", "dy"};
    const size_t shape[] = {N, D};
    weft_tape *t = weft_tape_new(NULL);
    for (int k = 0; k < 4; k++) {
        int rank = k == 0 || k == 3 ? 2 : 1;
        for (size_t i = 0; i < N * D; i++) {
            uint32_t mixed = ((uint32_t)k * N * D + (uint32_t)i + 1) * 2654435769u; /* Knuth, volume 3, section 6.4 */
            v->data[k][i] = (double)(mixed >> 20) / 1024 - 2;
            v->narrow[k][i] = (float)v->data[k][i];
        }
        v->x[k] = weft_input(t, name[k], dtype, rank, &shape[2 - rank]);
        const void *data = dtype == WEFT_F32 ? (const void *)v->narrow[k] : v->data[k];
        v->bind[k] = (weft_binding){v->x[k], data, (rank == 2 ? N * D : D) * weft_dtype_size(dtype)};
    }
}

static void record_paper(version *v)
{
    weft_node h = v->x[0], gamma = v->x[1], dy = v->x[3], n = weft_scalar_like(h, N), eps = weft_scalar_like(h, 1e-5);
    weft_node rstd = weft_pow(weft_add(weft_variance(h, WEFT_AXIS(0), false), eps), weft_scalar_like(h, -0.5));
    weft_node hhat = weft_mul(weft_sub(h, weft_mean(h, WEFT_AXIS(0), false)), rstd);
    v->dx[1] = weft_sum(weft_mul(dy, hhat), WEFT_AXIS(0), false);
    v->dx[2] = weft_sum(dy, WEFT_AXIS(0), false);
    v->dx[0] = weft_mul(weft_div(weft_mul(gamma, rstd), n), weft_sub(weft_sub(weft_mul(n, dy), v->dx[2]), weft_mul(hhat, v->dx[1])));
}

/* Records one version, runs its gradient and keeps that in f64. */
static void make(version *v, kind which, weft_dtype dtype)
{
    record_inputs(v, dtype);
    v->y = which == FUSED ? weft_fused_batchnorm(v->x[0], v->x[1], v->x[2], 1e-5) : weft_batchnorm(v->x[0], v->x[1], v->x[2], 1e-5);
    if (which == PAPER)
        record_paper(v);
    else
        weft_vjp(&v->y, &v->x[3], 1, v->x, 3, v->dx);
    weft_program *p = course_run(v->dx, 3, v->bind, 4);
    v->memory = weft_program_memory(p);
    for (size_t k = 0; k < 3; k++)
        for (size_t j = 0; j < (k ? D : N * D); j++)
            v->gradient[k][j] = dtype == WEFT_F32 ? (double)((const float *)weft_output(p, k))[j] : ((const double *)weft_output(p, k))[j];
    weft_program_free(p);
}

static void print_graph(const version *v, kind which)
{
    printf("\nThe %s graph of y, dh, dgamma and dbeta: %u nodes on the tape\n\n", kind_name[which], weft_tape_count(v->y.tape));
    weft_print_listing((weft_writer){weft_write_file, stdout}, (weft_node[]){v->y, v->dx[0], v->dx[1], v->dx[2]}, 4);
}

/* A line of the table; returns the largest of its differences. */
static double compare(const version *v, kind which, const char *dtype, const version *reference)
{
    double off[3];
    for (int k = 0; k < 3; k++)
        off[k] = course_difference(v->gradient[k], reference->gradient[k], k ? D : N * D);
    printf("  %-4s %-7s %8zu %8zu   ", dtype, kind_name[which], v->memory.steps, v->memory.peak);
    printf("%-9.2g %-9.2g %.2g\n", off[0], off[1], off[2]);
    return fmax(off[0], fmax(off[1], off[2]));
}

/* The verdict on a loss that cannot tell a right gradient from a wrong one. */
static weft_verdict check_sum_of_y(version *v)
{
    weft_gradcheck result;
    const weft_gradcheck_options options = {.bind = v->bind, .n_bind = 3};
    printf("\nNever check a normalisation with the loss sum(y). The gradient check says why:\n\n");
    course_status(weft_gradient_check(weft_sum(v->y, WEFT_ALL_AXES, false), v->x, 1, &options, &result), weft_tape_message(v->y.tape));
    course_paragraph("      ", result.message);
    printf("\n");
    return result.verdict;
}

int main(void)
{
    static version reference, fused, v;
    double worst[2] = {0, 0}; /* of f64, of f32 */
    make(&reference, STAGED, WEFT_F64);
    make(&fused, FUSED, WEFT_F64);
    printf("Lesson 5. Staged and fused\n");
    print_graph(&reference, STAGED);
    print_graph(&fused, FUSED);
    printf("\nBefore you read on: by how much will the three gradients differ, in f64 and in f32?\n\n");
    printf("                   of the gradient      largest difference from staged f64 in\n");
    printf("                   kernels    bytes   dh        dgamma    dbeta\n");
    for (int k = 0; k < 6; k++) {
        make(&v, (kind)(k % 3), k < 3 ? WEFT_F64 : WEFT_F32);
        worst[k / 3] = fmax(worst[k / 3], compare(&v, (kind)(k % 3), k < 3 ? "f64" : "f32", &reference));
        weft_tape_free(v.y.tape);
    }
    printf("\nOne function, three orders of rounding: f64 keeps about 16 digits, f32 about 7.\n\n");
    course_claim(worst[0] < 1e-12, "in f64 the three gradients agree to 1e-12");
    course_claim(worst[1] < 1e-4, "in f32 each of them is within 1e-4 of f64");
    course_claim(weft_tape_count(fused.y.tape) < weft_tape_count(reference.y.tape), "the fused graph has fewer nodes");
    course_claim(check_sum_of_y(&reference) == WEFT_GRADIENT_EMPTY, "the check refuses sum(y) as a loss: it proves nothing");
    weft_tape_free(reference.y.tape);
    weft_tape_free(fused.y.tape);
    return 0;
}

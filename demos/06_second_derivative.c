/* 06_second_derivative.c: the derivative of a derivative.
 *
 * A gradient is recorded as nodes like any others, so weft_grad() can be asked for the gradient of a gradient. First x**3, where everything
 * is known. Then the Hessian H of a batch normalization loss: too large to store for a real layer, but its product with a direction v is
 * one more gradient, that of sum(dh * v). y does not change when h is shifted or (with eps = 0) scaled, so H 1 = 0 and H h = -dh. */
#include "course.h"

enum { COUNT = COURSE_N * COURSE_D };

/* Differentiates x**3 four times and prints what was recorded each time. */
static void powers_of_x(void)
{
    static const double x_value = 2, by_hand[] = {8, 12, 12, 6, 0};
    static const char *const name[] = {"y", "y1", "y2", "y3", "y4"};
    weft_binding bind;
    weft_tape *t = weft_tape_new(NULL);
    weft_node x = course_input(t, "x", 0, NULL, &x_value, &bind), y[5];
    uint32_t count[5];
    double value[5];
    y[0] = weft_pow(x, weft_scalar(t, WEFT_F64, 3));
    for (int k = 0; k < 5; k++) {
        if (k)
            weft_grad(y[k - 1], &x, 1, &y[k]);
        weft_name(y[k], name[k]);
        count[k] = weft_tape_count(t);
    }
    weft_program *p = course_run_all(t, &bind, 1);
    printf("Lesson 6. The derivative of a derivative\n\n");
    printf("x**3 at x = 2, differentiated four times. Before you read on: what are the values?\n\n");
    printf("        value   nodes on the tape   recorded\n");
    for (int k = 0; k < 5; k++) {
        char text[COURSE_TEXT];
        const char *formula = weft_node_scalar(y[k], NULL) ? "a constant: no path leads from x to y3" : course_formula(y[k], text);
        printf("  %-4s  %5g   %17u   %s\n", name[k], value[k] = *course_values(p, y[k]), count[k], formula);
    }
    printf("\nThe 1 in front of each is where its walk starts: dy/dy = 1, and so on.\n\n");
    course_claim(course_difference(value, by_hand, 5) == 0, "x**3, 3x**2, 6x, 6, 0 at x = 2, exactly");
    weft_program_free(p);
    weft_tape_free(t);
}

typedef struct layer {
    weft_node x[5], dh, along, Hv; /* x: h (N, D), gamma (D), beta (D), w (N, D), v (N, D); along = sum(dh * v) */
    weft_binding bind[5];
    uint32_t count[3];       /* nodes on the tape after L, dh and H v */
    double result[3][COUNT]; /* dh, H v for v = h, and H v for v = 1 everywhere */
} layer;

/* One program, run for two directions. */
static void run(layer *l)
{
    static const double ones[COUNT] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    weft_program *p = course_run((weft_node[]){l->dh, l->Hv}, 2, l->bind, 5);
    for (size_t k = 0; k < 2; k++)
        memcpy(l->result[k], weft_output(p, k), sizeof l->result[k]);
    weft_bind(p, l->x[4], ones, sizeof ones);
    course_status(weft_run(p), weft_program_message(p));
    memcpy(l->result[2], weft_output(p, 1), sizeof l->result[2]);
    weft_program_free(p);
}

/* L = sum(w * y), its gradient, and the gradient of that gradient along v. */
static void record(layer *l, bool fused)
{
    static const char *const name[] = {"h", "gamma", "beta", "w", "v"};
    const void *data[] = {course_h, course_gamma, course_beta, course_dy, course_h};
    const int rank[] = {2, 1, 1, 2, 2};
    const size_t shape[] = {COURSE_N, COURSE_D};
    weft_tape *t = weft_tape_new(NULL);
    for (int k = 0; k < 5; k++)
        l->x[k] = course_input(t, name[k], rank[k], &shape[2 - rank[k]], data[k], &l->bind[k]);
    weft_node y = fused ? weft_fused_batchnorm(l->x[0], l->x[1], l->x[2], 0) : weft_batchnorm(l->x[0], l->x[1], l->x[2], 0);
    weft_node L = weft_sum(weft_mul(l->x[3], y), WEFT_ALL_AXES, false);
    l->count[0] = weft_tape_count(t);
    weft_grad(L, l->x, 1, &l->dh);
    l->count[1] = weft_tape_count(t);
    l->along = weft_sum(weft_mul(l->dh, l->x[4]), WEFT_ALL_AXES, false);
    weft_grad(l->along, l->x, 1, &l->Hv);
    l->count[2] = weft_tape_count(t);
    run(l);
}

static weft_verdict check(const layer *l, const char *what)
{
    weft_gradcheck result;
    const weft_gradcheck_options options = {.bind = l->bind, .n_bind = 5};
    course_status(weft_gradient_check(l->along, l->x, 1, &options, &result), weft_tape_message(l->dh.tape));
    printf("  %-6s  %5u %5u %5u   %.1e\n", what, l->count[0], l->count[1], l->count[2], result.max_abs);
    return result.verdict;
}

int main(void)
{
    static const char *const what[] = {"dh", "H v for v = h", "H v for v = 1 everywhere"};
    static layer staged, fused;
    static const double zero[COUNT], minus_dh[COUNT] = {-1, 1.16, 0.98, 1.5, -2.12, -0.14, 1, 0.12, -0.98, -1.5, 0.84, 0.14}; /* lesson 4 */
    powers_of_x();
    record(&staged, false);
    record(&fused, true);
    printf("\nNow L = sum(w * y), where y is the batch of lesson 4, normalized\n\n");
    course_paragraph("  ", "H is the matrix of second derivatives of L by h. H v, how dh changes when h moves along v, is the gradient of "
                           "sum(dh * v). Before you read on: y stays as it is when h is doubled, or when 1 is added to it. How does "
                           "dh change along h, and along 1?");
    printf("\n");
    for (int k = 0; k < 3; k++) {
        printf("  %s\n", what[k]);
        course_matrix(staged.dh, staged.result[k]);
    }
    printf("\n  nodes up to L    dh   H v   largest difference from central differences, v = h\n");
    weft_verdict right = check(&staged, "staged"), right_too = check(&fused, "fused");
    printf("\nThe fused op has its gradient by hand; the second derivative goes through its staged twin.\n\n");
    course_claim(course_difference(staged.result[1], minus_dh, COUNT) < 1e-12, "H h = -dh");
    course_claim(course_difference(staged.result[2], zero, COUNT) < 1e-12, "H 1 = 0");
    course_claim(right == WEFT_GRADIENT_RIGHT && right_too == WEFT_GRADIENT_RIGHT, "the gradient check passes H h, staged and fused");
    course_claim(course_difference(staged.result[1], fused.result[1], COUNT) < 1e-12, "staged and fused give the same H h");
    weft_tape_free(staged.dh.tape);
    weft_tape_free(fused.dh.tape);
    return 0;
}

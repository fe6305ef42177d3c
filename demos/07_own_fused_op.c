/* 07_own_fused_op.c: an op of one's own, with a kernel and a gradient by hand, held against the formula that it stands for.
 * The layer is one that transformers have many of: a residual is added, and the sum normalised by the root of its mean square,
 *     s = a + b    r = (mean(s**2) + eps)**(-1/2) of each row    y = gamma * s * r
 * Written in primitives it is three lines, and Weft derives its gradient. By hand, of one row of D elements, with u = gamma * dy:
 *     dr = sum(u * s)    ds = r*u - r**3 * s * dr / D = r * (u - s * r**2 * mean(u * s))    da = db = ds    dgamma = sum over rows of dy * s * r
 * An op is registered by filling in a weft_op: nothing is reserved for those that come with Weft. With --time it says what each takes, too. */
#include "course.h"
#include "weft_op.h"

enum { FEW_ROWS = 4096, WIDTH = 256 };
static const double eps = 1e-5;

/* --- the formula --- */

static weft_node staged(void *context, const weft_node *x)
{
    (void)context;
    return weft_rmsnorm(weft_add(x[0], x[1]), x[2], eps);
}

/* --- kernels: rows of f32 or f64, which are read into doubles --- */

static void read_row(const weft_view *x, size_t row, size_t n, double *to)
{
    if (x->dtype == WEFT_F32)
        for (size_t i = 0; i < n; i++)
            to[i] = (double)((const float *)x->data)[row * n + i];
    else
        memcpy(to, (const double *)x->data + row * n, n * sizeof *to);
}

static void write_row(const weft_view *y, size_t row, size_t n, const double *from)
{
    if (y->dtype == WEFT_F32)
        for (size_t i = 0; i < n; i++)
            ((float *)y->data)[row * n + i] = (float)from[i];
    else
        memcpy((double *)y->data + row * n, from, n * sizeof *from);
}

/* Sums in eight lanes, so that the compiler can use vectors. */
static double dot(size_t n, const double *a, const double *b)
{
    enum { LANES = 8 };
    double lane[LANES] = {0}, sum = 0;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t k = 0; k < LANES; k++)
            lane[k] += a[i + k] * b[i + k];
    for (; i < n; i++)
        sum += a[i] * b[i];
    for (size_t k = 0; k < LANES; k++)
        sum += lane[k];
    return sum;
}

/* s = a + b of a row, and r. */
static double read_sum(const weft_view *a, const weft_view *b, size_t row, size_t n, double *s, double *other)
{
    read_row(a, row, n, s);
    read_row(b, row, n, other);
    for (size_t i = 0; i < n; i++)
        s[i] += other[i];
    return 1 / sqrt(dot(n, s, s) / (double)n + eps);
}

/* (a, b, gamma) -> y; workspace: (3, D) */
static weft_status forward_kernel(const weft_call *call)
{
    const weft_view *x = call->x;
    size_t rows = x->dim[0], n = x->dim[1];
    double *s = call->workspace, *other = s + n, *gamma = other + n;
    read_row(&x[2], 0, n, gamma);
    for (size_t row = 0; row < rows; row++) {
        double r = read_sum(&x[0], &x[1], row, n, s, other);
        for (size_t i = 0; i < n; i++)
            s[i] *= gamma[i] * r;
        write_row(call->y, row, n, s);
    }
    return WEFT_OK;
}

/* (dy, a, b, gamma) -> ds, dgamma; workspace: (5, D) */
static weft_status backward_kernel(const weft_call *call)
{
    const weft_view *x = call->x;
    size_t rows = x->dim[0], n = x->dim[1];
    double *s = call->workspace, *other = s + n, *gamma = other + n, *dgamma = gamma + n, *dy = dgamma + n;
    read_row(&x[3], 0, n, gamma);
    memset(dgamma, 0, n * sizeof *dgamma);
    for (size_t row = 0; row < rows; row++) {
        double r = read_sum(&x[1], &x[2], row, n, s, other);
        read_row(&x[0], row, n, dy);
        for (size_t i = 0; i < n; i++) {
            dgamma[i] += dy[i] * s[i] * r;
            dy[i] *= gamma[i];
        }
        double slope = dot(n, dy, s) / (double)n * r * r;
        for (size_t i = 0; i < n; i++)
            s[i] = r * (dy[i] - s[i] * slope);
        write_row(&call->y[0], row, n, s);
    }
    write_row(&call->y[1], 0, n, dgamma);
    return WEFT_OK;
}

static size_t rows_of_workspace(const weft_typing *t)
{
    return 5 * t->x[1].dim[1] * sizeof(double);
}

/* --- the ops --- */

static weft_status same_rows(weft_typing *t, const weft_shape *a, const weft_shape *b, const weft_shape *gamma)
{
    if (a->rank != 2 || b->rank != 2 || memcmp(a->dim, b->dim, 2 * sizeof *a->dim) || gamma->rank != 1 || gamma->dim[0] != a->dim[1])
        return weft_typing_error(t, WEFT_ERROR_SHAPE, "a and b must be (N, D), and gamma (D)");
    return WEFT_OK;
}

static weft_status backward_shape(weft_typing *t)
{
    t->y[0] = t->x[1];
    t->y[1] = t->x[3];
    return same_rows(t, &t->x[1], &t->x[2], &t->x[3]);
}

/* The same formula in primitives: what it is derived from again, and what proves it. */
static weft_status backward_expand(weft_node y, const weft_node *x, weft_node *outputs)
{
    weft_node dy = x[0], s = weft_add(x[1], x[2]), u = weft_mul(dy, x[3]);
    weft_node r = weft_rsqrt(weft_add(weft_mean(weft_square(s), WEFT_AXIS(1), true), weft_scalar_like(s, eps)));
    weft_node slope = weft_mul(weft_square(r), weft_mean(weft_mul(u, s), WEFT_AXIS(1), true));
    outputs[0] = weft_mul(r, weft_sub(u, weft_mul(s, slope)));
    outputs[1] = weft_sum(weft_mul(dy, weft_mul(s, r)), WEFT_AXIS(0), false);
    return weft_tape_status(y.tape);
}

static const weft_op add_rmsnorm_backward = {
    .name = "add_rmsnorm_backward", .formula = "ds = r (u - s r**2 mean(u s)), u = gamma dy, s = a + b", .arity = 4, .outputs = 2,
    .kind = WEFT_GENERAL, .flags = WEFT_NEVER_FAILS,
    .shape = backward_shape, .kernel = backward_kernel, .workspace = rows_of_workspace, .expand = backward_expand,
};

static weft_status forward_shape(weft_typing *t)
{
    t->y[0] = t->x[0];
    return same_rows(t, &t->x[0], &t->x[1], &t->x[2]);
}

static void forward_vjp(weft_node y, const weft_node *x, const weft_node *dy, weft_node *dx)
{
    (void)y;
    dx[0] = dx[1] = weft_record(&add_rmsnorm_backward, (weft_node[]){dy[0], x[0], x[1], x[2]}, 4, NULL);
    dx[2] = weft_part(dx[0], 1);
}

static weft_status forward_expand(weft_node y, const weft_node *x, weft_node *outputs)
{
    outputs[0] = staged(NULL, x);
    return weft_tape_status(y.tape);
}

static const weft_op add_rmsnorm = {
    .name = "add_rmsnorm", .formula = "y = gamma (a + b) (mean((a + b)**2) + eps)**(-1/2)", .arity = 3,
    .kind = WEFT_GENERAL, .flags = WEFT_NEVER_FAILS,
    .shape = forward_shape, .kernel = forward_kernel, .workspace = rows_of_workspace, .vjp = forward_vjp, .expand = forward_expand,
};

static weft_node fused(void *context, const weft_node *x)
{
    (void)context;
    return weft_record(&add_rmsnorm, x, 3, NULL);
}

/* The gradient as it is first written: that r depends on s is forgotten. */
static void forgetful(void *context, const weft_node *x, weft_node dy, weft_node *dx)
{
    (void)context;
    weft_node s = weft_add(x[0], x[1]), r = weft_rsqrt(weft_add(weft_mean(weft_square(s), WEFT_AXIS(1), true), weft_scalar_like(s, eps)));
    dx[0] = dx[1] = weft_mul(weft_mul(dy, x[2]), r);
    dx[2] = weft_sum(weft_mul(dy, weft_mul(s, r)), WEFT_AXIS(0), false);
}

/* --- the comparison --- */

static void compare(const weft_side sides[2], double seconds, weft_comparison *c)
{
    static const weft_compare_input inputs[] = {{.name = "a", .shape = "N, D"}, {.name = "b", .shape = "N, D"}, {.name = "gamma", .shape = "D"}};
    static const weft_length size[] = {{"N", FEW_ROWS}, {"D", WIDTH}};
    const weft_compare_options options = {.seed = 1, .size = size, .n_size = 2, .dtype = WEFT_F32, .seconds = seconds};
    course_status(weft_compare(sides, inputs, 3, &options, c), c->message);
    printf("  \"%s\" and \"%s\":\n", sides[0].name, sides[1].name);
    course_paragraph("      ", c->message);
}

/* Is the gradient that stands in backward_expand() the one that Weft derives from the formula? At a small shape, without rounding. */
static weft_proof prove_formula(void)
{
    weft_tape *t = weft_tape_new(NULL);
    const size_t dim[] = {2, 3};
    weft_node x[] = {weft_input(t, "a", WEFT_F64, 2, dim), weft_input(t, "b", WEFT_F64, 2, dim), weft_input(t, "gamma", WEFT_F64, 1, &dim[1])};
    weft_node dy = weft_input(t, "dy", WEFT_F64, 2, dim), y[] = {fused(NULL, x), staged(NULL, x)}, by_hand[3], derived[3];
    weft_proof proof;
    weft_vjp(&y[0], &dy, 1, x, 3, by_hand);
    weft_vjp(&y[1], &dy, 1, x, 3, derived);
    course_status(weft_prove(by_hand, derived, 3, NULL, &proof), weft_tape_message(t));
    printf("  da, db and dgamma, by hand and derived, as formulas:\n");
    course_paragraph("      ", proof.message);
    printf("\n");
    weft_tape_free(t);
    return proof;
}

int main(int argc, char **argv)
{
    static weft_comparison right, wrong;
    const weft_side formula = {"the formula", staged, NULL, NULL}, kernel = {"the kernel", fused, NULL, NULL};
    const weft_side mistake = {"a gradient that forgets r", staged, forgetful, NULL};
    printf("Lesson 7. An op of one's own: y = gamma * (a + b) * (mean((a + b)**2) + eps)**(-1/2)\n\n");
    const bool timed = argc > 1 && !strcmp(argv[1], "--time");
    printf("Before you read on: on how few rows and columns is a gradient wrong that forgets r?\n\n");
    compare((weft_side[]){formula, mistake}, 0, &wrong);
    compare((weft_side[]){formula, kernel}, timed ? 0.3 : 0, &right);
    printf("\n  f32 at (%d, %d)    errors in ulp of the largest entry\n", FEW_ROWS, WIDTH);
    for (size_t r = 0; r < 4; r++)
        printf("  %-14s %12.2g of the formula %12.2g of the kernel\n", right.result[r].name, right.result[r].error[0], right.result[r].error[1]);
    if (timed)
        printf("  %-14s %12.3g ms %24.3g ms\n", "a run", 1e3 * right.cost[0].seconds, 1e3 * right.cost[1].seconds);
    printf("  %-14s %12.4g MB %24.4g MB\n\n", "read, written", 1e-6 * (double)(right.cost[0].traffic.bytes_read + right.cost[0].traffic.bytes_written),
           1e-6 * (double)(right.cost[1].traffic.bytes_read + right.cost[1].traffic.bytes_written));
    weft_proof proof = prove_formula();
    course_claim(wrong.agreement == WEFT_SIDES_DIFFER && !strcmp(wrong.result[wrong.failed].name, "da"), "the forgotten path is found, in da");
    course_claim(wrong.length[0] == 1 && wrong.length[1] == 1, "on one number");
    course_claim(right.agreement == WEFT_SIDES_AGREE, "kernel and formula agree, along directions and in second derivatives too");
    course_claim(proof.verdict == WEFT_PROVED, "the gradient by hand is proved, as a formula");
    course_claim(right.result[1].error[1] < 4, "and in f32 the kernel is within 4 ulp of the truth");
    return 0;
}

/* test_checkpoint.c: scopes that are computed again in the backward pass. Derivatives must be what they are without, and memory must be less. */
#include "tests/samples.h"
#include "tests/suite.h"

#include <math.h>

enum { BLOCKS = 8, LAYERS = 3, ROWS = 128, WIDTH = 32, LEAVES = 2 * BLOCKS + 1, OUTPUTS = LEAVES + 1 };

typedef enum plan { KEEP, RECOMPUTE, NESTED } plan;

typedef struct network {
    weft_tape *tape;
    weft_node leaf[LEAVES]; /* x (ROWS, WIDTH), then w (WIDTH, WIDTH) and b (WIDTH) of each block */
    weft_node out[OUTPUTS]; /* the loss, and its gradient for each leaf */
} network;

static void open_scope(weft_tape *t, const char *name, bool checkpoint)
{
    if (checkpoint)
        weft_checkpoint_push(t, name);
    else
        weft_scope_push(t, name);
}

/* x + f(f(f(x))), f(h) = z / (1 + e**-z) with z = h w + b: backward needs z, and the exponential or what is made of it. */
static weft_node block(weft_node x, weft_node w, weft_node b, plan how)
{
    weft_node h = x;
    open_scope(x.tape, "block", how != KEEP);
    for (int i = 0; i < LAYERS; i++) {
        open_scope(x.tape, "layer", how == NESTED);
        weft_node z = weft_affine(h, w, b);
        h = weft_div(z, weft_add(weft_scalar_like(z, 1), weft_exp(weft_neg(z))));
        weft_scope_pop(x.tape);
    }
    h = weft_add(x, h);
    weft_scope_pop(x.tape);
    return h;
}

static network build(weft_dtype dtype, plan how)
{
    network g = {.tape = weft_tape_new(NULL)};
    weft_node h = g.leaf[0] = weft_parameter(g.tape, "x", dtype, 2, (size_t[]){ROWS, WIDTH});
    for (int k = 0; k < BLOCKS; k++) {
        g.leaf[1 + 2 * k] = weft_parameter(g.tape, "w", dtype, 2, (size_t[]){WIDTH, WIDTH});
        g.leaf[2 + 2 * k] = weft_parameter(g.tape, "b", dtype, 1, (size_t[]){WIDTH});
        h = block(h, g.leaf[1 + 2 * k], g.leaf[2 + 2 * k], how);
    }
    g.out[0] = weft_mean(weft_mul(h, h), WEFT_ALL_AXES, false);
    ck_assert_msg(weft_grad(g.out[0], g.leaf, LEAVES, g.out + 1) == WEFT_OK, "%s", weft_tape_message(g.tape));
    ck_assert_int_eq(weft_tape_verify(g.tape), WEFT_OK);
    return g;
}

static size_t count_of(weft_node x)
{
    weft_shape shape = weft_node_shape(x);
    return weft_shape_count(&shape);
}

static void write_leaf(weft_program *p, weft_node x, uint64_t seed, double size)
{
    size_t n = count_of(x);
    double *wide = malloc(n * sizeof *wide);
    float *narrow = malloc(n * sizeof *narrow);
    draw_domain(NORMAL, &seed, n, wide);
    for (size_t i = 0; i < n; i++)
        wide[i] = (double)(narrow[i] = (float)(size * wide[i]));
    if (weft_node_dtype(x) == WEFT_F32)
        weft_parameter_write(p, x, narrow, n * sizeof *narrow);
    else
        weft_parameter_write(p, x, wide, n * sizeof *wide);
    free(wide);
    free(narrow);
}

static weft_program *run_network(const network *g, weft_options options)
{
    weft_program *p = weft_compile_with(g->out, OUTPUTS, &options);
    for (int i = 0; i < LEAVES; i++) /* products of WIDTH terms of size 1/sqrt(WIDTH) keep the size of h */
        write_leaf(p, g->leaf[i], 17 + (uint64_t)i, i ? 0.17 : 1);
    ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
    return p;
}

static double at(const weft_program *p, size_t k, size_t i, weft_dtype dtype)
{
    return dtype == WEFT_F32 ? (double)((const float *)weft_output(p, k))[i] : ((const double *)weft_output(p, k))[i];
}

/* The largest difference between the outputs of two programs, relative to the largest element of each output. */
static double largest_difference(const network *g, const weft_program *p, const weft_program *q, weft_dtype dtype)
{
    double worst = 0;
    for (size_t k = 0; k < OUTPUTS; k++) {
        double size = 0, off = 0;
        for (size_t i = 0; i < count_of(g->out[k]); i++) {
            size = fmax(size, fabs(at(p, k, i, dtype)));
            off = fmax(off, fabs(at(p, k, i, dtype) - at(q, k, i, dtype)));
        }
        ck_assert_double_gt(size, 0);
        worst = fmax(worst, off / size);
    }
    return worst;
}

static const weft_rewriting levels[] = {WEFT_REWRITE_NONE, WEFT_REWRITE_EXACT, WEFT_REWRITE_ALGEBRAIC};
static const weft_backend backends[] = {WEFT_BACKEND_TILES, WEFT_BACKEND_C};

static weft_options chosen(int i)
{
    weft_options options = test_way();
    options.rewriting = levels[i % 3];
    options.backend = backends[i / 3 % 2];
    return options;
}

/* As recorded, in f64, the copies compute what the originals did, bit by bit. Rules may regroup copies as they do not regroup the originals, and in f32
 * what a register holds in f64 is rounded where it is stored: some roundings of each of the 24 layers, which the walk back does not magnify. */
START_TEST(gradients_are_what_they_are_without)
{
    weft_options options = chosen(_i);
    for (int d = 0; d < 2; d++) {
        weft_dtype dtype = d ? WEFT_F32 : WEFT_F64;
        network kept = build(dtype, KEEP);
        weft_program *p = run_network(&kept, options);
        for (plan how = RECOMPUTE; how <= NESTED; how++) {
            network again = build(dtype, how);
            weft_program *q = run_network(&again, options);
            double off = largest_difference(&kept, p, q, dtype);
            double most = dtype == WEFT_F32 ? 24 * 4 * 6e-8 : options.rewriting == WEFT_REWRITE_NONE ? 0 : 24 * 4 * 1.2e-16;
            ck_assert_msg(off <= most, "%s, plan %d: off by %g", weft_dtype_name(dtype), how, off);
            weft_program_free(q);
            weft_tape_free(again.tape);
        }
        weft_program_free(p);
        weft_tape_free(kept.tape);
    }
}
END_TEST

/* What goes into each block is kept, and nothing of what is in it. Without, each layer keeps z and what is made of its exponential. */
START_TEST(memory_falls)
{
    enum { BYTES = ROWS * WIDTH * sizeof(double) };
    weft_options options = chosen(_i);
    size_t peak[3], kept[3];
    for (plan how = KEEP; how <= NESTED; how++) {
        network g = build(WEFT_F64, how);
        weft_program *p = run_network(&g, options);
        peak[how] = weft_program_memory(p).peak;
        kept[how] = weft_program_memory(p).kept;
        weft_program_free(p);
        weft_tape_free(g.tape);
    }
    ck_assert_uint_ge(kept[KEEP], 2 * LAYERS * BLOCKS * BYTES);
    ck_assert_uint_le(kept[RECOMPUTE], (BLOCKS + 1) * BYTES); /* the inputs of all but the first, the last output, and at most one array more */
    /* one block at a time as all of them are without, and the adjoints and products under way */
    ck_assert_msg(peak[RECOMPUTE] <= peak[KEEP] / BLOCKS + (BLOCKS + 4) * BYTES, "%zu of %zu bytes", peak[RECOMPUTE], peak[KEEP]);
    ck_assert_msg(peak[NESTED] < peak[RECOMPUTE], "%zu of %zu bytes", peak[NESTED], peak[RECOMPUTE]); /* one layer at a time */
}
END_TEST

/* Loops are not run in the order of the tape, as calls are: those of the copies wait because they are told to. A link waits for a sum, as in
 * test_program.c; there a chain of 50 keeps 50 values. */
START_TEST(loops_wait_for_the_backward_pass)
{
    enum { LINKS = 56, IN_SCOPE = 7, N = 10000, BYTES = N * sizeof(double) };
    weft_options options = chosen(_i);
    weft_tape *t = weft_tape_new(NULL);
    weft_node x = weft_parameter(t, "x", WEFT_F64, 1, (size_t[]){N}), y = x, dx[2];
    for (int i = 0; i < LINKS; i++) {
        if (i % IN_SCOPE == 0)
            weft_checkpoint_push(t, "links");
        y = weft_exp(weft_sub(y, weft_sum(y, WEFT_ALL_AXES, false)));
        if (i % IN_SCOPE == IN_SCOPE - 1)
            weft_scope_pop(t);
    }
    ck_assert_int_eq(weft_grad(weft_sum(y, WEFT_ALL_AXES, false), &x, 1, dx), WEFT_OK);
    weft_program *p = weft_compile_with(dx, 1, &options);
    /* the inputs of the scopes and the values within one, the adjoint and what follows it, small tiles and sums */
    ck_assert_uint_le(weft_program_memory(p).peak, (LINKS / IN_SCOPE + IN_SCOPE + 4) * (size_t)BYTES + 65536);
    weft_program_free(p);
    weft_tape_free(t);
}
END_TEST

/* --- one scope, closely --- */

static weft_node values_of(weft_tape *t, const char *name, const double *data)
{
    return weft_name(weft_constant(t, WEFT_F64, 2, (size_t[]){3, 2}, data), name);
}

static const double some[] = {1, -2, 0.5, 3, -1, 0.25}, few[] = {0.5, 1, -1};

/* A scope with a fused op of several outputs, an index, a leaf and a constant of its own, and something that does not depend on x. */
static weft_node scoped(weft_node x, weft_node index, bool checkpoint)
{
    weft_tape *t = x.tape;
    open_scope(t, "scope", checkpoint);
    weft_node gamma = weft_constant(t, WEFT_F64, 1, (size_t[]){2}, few), h = weft_fused_batchnorm(x, gamma, gamma, 0.5);
    weft_node mask = weft_greater(weft_gather(values_of(t, "table", some), index), weft_scalar_like(x, 0));
    weft_node y = weft_where(mask, weft_exp(h), weft_mul(weft_pow(h, weft_scalar_like(x, 3)), x));
    y = weft_mul(y, weft_broadcast(weft_part(h, 2), 2, (size_t[]){3, 2}));
    weft_scope_pop(t);
    return y;
}

static void same_values(const weft_node *a, const weft_node *b, size_t n, weft_node index, const int64_t *at_row)
{
    weft_node all[8];
    memcpy(all, a, n * sizeof *all);
    memcpy(all + n, b, n * sizeof *all);
    weft_program *p = weft_compile(all, 2 * n);
    weft_bind(p, index, at_row, 3 * sizeof *at_row);
    ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < count_of(a[k]); i++) {
            double x = at(p, k, i, WEFT_F64), y = at(p, n + k, i, WEFT_F64);
            ck_assert_msg(fabs(x - y) <= 1e-13 * fmax(1, fabs(x)), "result %zu, element %zu: %.17g and %.17g", k, i, x, y);
        }
    weft_program_free(p);
}

/* First and second derivatives, by both modes; and with respect to a node within the scope, of another within it. */
START_TEST(any_op_may_stand_in_a_scope)
{
    static const int64_t rows[] = {2, 0, 1};
    weft_tape *t = weft_tape_new(NULL);
    weft_node x = weft_mul(values_of(t, "x", some), weft_scalar(t, WEFT_F64, 1)), index = weft_input(t, "index", WEFT_I64, 1, (size_t[]){3});
    weft_node v = values_of(t, "v", (double[]){1, 2, 3, 4, 5, 6}), result[2][4];
    for (int c = 0; c < 2; c++) {
        weft_node y = scoped(x, index, c), loss = weft_sum(weft_mul(y, v), WEFT_ALL_AXES, false);
        ck_assert_int_eq(weft_grad(loss, &x, 1, &result[c][0]), WEFT_OK);
        ck_assert_int_eq(weft_hvp(loss, &x, &v, 1, &result[c][1]), WEFT_OK);
        ck_assert_int_eq(weft_grad(weft_sum(weft_mul(result[c][0], result[c][0]), WEFT_ALL_AXES, false), &x, 1, &result[c][2]), WEFT_OK);
        weft_node product = weft_node_operand(y, 0), power = weft_node_operand(product, 2); /* the where, and what it takes else: both within */
        ck_assert_int_eq(weft_vjp(&product, &v, 1, &power, 1, &result[c][3]), WEFT_OK);
        ck_assert_int_eq(weft_tape_verify(t), WEFT_OK);
    }
    same_values(result[0], result[1], 4, index, rows);
    weft_tape_free(t);
}
END_TEST

static uint32_t recorded_by_gradient(weft_node y, weft_node x)
{
    weft_node u = weft_full_like(y, 1), dx;
    uint32_t before = weft_tape_count(y.tape);
    ck_assert_msg(weft_vjp(&y, &u, 1, &x, 1, &dx) == WEFT_OK, "%s", weft_tape_message(y.tape));
    return weft_tape_count(y.tape) - before;
}

/* y = e**(x + 1), in a scope of its own. */
static weft_node exponential(weft_node x)
{
    return weft_exp(weft_add(x, weft_scalar_like(x, 1)));
}

/* Copies are recorded for what the derivative goes through: here the sum, after the cotangent, and the exponential, besides the product with it. */
START_TEST(copies_are_as_many_as_needed)
{
    weft_tape *t = weft_tape_new(NULL);
    weft_node x = weft_input(t, "x", WEFT_F64, 0, NULL), of;
    int edge;
    uint32_t alone = recorded_by_gradient(exponential(x), x);
    weft_checkpoint_push(t, "again");
    weft_node y = weft_name(exponential(x), "y");
    ck_assert_uint_eq(recorded_by_gradient(y, x), alone); /* not closed yet */
    weft_scope_pop(t);
    weft_node later = exponential(x);
    uint32_t before = weft_tape_count(t) + 1;
    ck_assert_uint_eq(recorded_by_gradient(y, x), alone + 3);
    weft_node wait = weft_tape_node(t, before), copy = weft_tape_node(t, before + 2);
    ck_assert_str_eq(weft_op_name(weft_node_op(wait)), "not_before");
    ck_assert_uint_eq(weft_node_operand(wait, 0).id, x.id);
    ck_assert_str_eq(weft_node_name(copy), "y");
    ck_assert_str_eq(weft_node_scope(copy), "again");
    ck_assert(weft_node_adjoint_of(copy, &of, &edge) && of.id == y.id && edge == -2);
    ck_assert_uint_eq(recorded_by_gradient(later, x), alone); /* it is behind the scope */
    ck_assert_uint_eq(recorded_by_gradient(later, y), recorded_by_gradient(later, weft_input(t, "z", WEFT_F64, 0, NULL))); /* no path: zeros */
    weft_tape_free(t);
}
END_TEST

START_TEST(a_rewind_forgets_and_opens_scopes)
{
    weft_tape *t = weft_tape_new(NULL);
    weft_node x = weft_input(t, "x", WEFT_F64, 0, NULL);
    uint32_t alone = recorded_by_gradient(exponential(x), x);
    weft_mark outside = weft_tape_mark(t);
    weft_checkpoint_push(t, "again");
    weft_mark inside = weft_tape_mark(t);
    weft_node y = exponential(x);
    weft_scope_pop(t);
    ck_assert_uint_eq(recorded_by_gradient(y, x), alone + 3);
    weft_tape_rewind(t, inside);
    y = exponential(x);
    ck_assert_uint_eq(recorded_by_gradient(y, x), alone); /* open again */
    weft_scope_pop(t);
    ck_assert_uint_eq(recorded_by_gradient(y, x), alone + 3);
    weft_tape_rewind(t, outside);
    ck_assert_uint_eq(recorded_by_gradient(exponential(x), x), alone);
    weft_checkpoint_push(t, NULL);
    ck_assert_int_eq(weft_tape_status(t), WEFT_ERROR_ARGUMENT);
    weft_checkpoint_push(NULL, "x");
    weft_tape_free(t);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("checkpoint");
    TCase *checkpoint = tcase_create("checkpoint");
    tcase_set_timeout(checkpoint, 60);
    tcase_add_loop_test(checkpoint, gradients_are_what_they_are_without, 0, 6);
    tcase_add_loop_test(checkpoint, memory_falls, 0, 6);
    tcase_add_loop_test(checkpoint, loops_wait_for_the_backward_pass, 0, 6);
    tcase_add_test(checkpoint, any_op_may_stand_in_a_scope);
    tcase_add_test(checkpoint, copies_are_as_many_as_needed);
    tcase_add_test(checkpoint, a_rewind_forgets_and_opens_scopes);
    suite_add_tcase(suite, checkpoint);
    return run_suite(suite);
}

/* test_twins.c: every fused op of the catalogue against the staged graph that it names: value, vjp, jvp and second derivative, over
 * random shapes, in f32 and f64. */
#include "tests/samples.h"
#include "tests/suite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#ifdef __SANITIZE_ADDRESS__
enum { TRIALS = 3 }; /* ten times slower */
#else
enum { TRIALS = 9 };
#endif
enum { COMPILED_TRIALS = 4 /* each takes the compiler half a second */, MOST_OUTPUTS = 64, SIDE = 40, PLANE = 9, MOST_ELEMENTS = 10000 };

static const weft_op *op_named(const char *name)
{
    for (size_t i = 0; i < weft_op_count(); i++)
        if (!strcmp(weft_op_at(i)->name, name))
            return weft_op_at(i);
    ck_abort_msg("no op %s", name);
    return NULL;
}

/* The shape of an operand, as that of x, which is drawn, has it; and the axis of the case, if it has one. */
typedef enum extent {
    WHOLE,   /* as x */
    CHANNEL, /* (C) of x (N, C, ...) */
    LAST,    /* (D) of x (..., D) */
    BESIDE,  /* as x, but 1 along the axis */
    FIRST,   /* (N) of x (N, ...) */
    GROUPS,  /* (N, groups) of x (N, C, ...) */
    SCALAR
} extent;

typedef enum form { EPS, AXIS, EPS_AND_AXIS, EPS_AND_GROUPS, GIVEN, GIVEN_RELU, GIVEN_FROZEN, NOTHING } form; /* of the attributes */

/* How to record a fused op on operands of random shape, of rank `fewest` to `most`. */
typedef struct fused_case {
    const char *op;
    int fewest, most;
    int n;
    extent extent[SAMPLE_OPERANDS];
    domain domain[SAMPLE_OPERANDS];
    form form;
    double eps;
    int axis; /* from 0, or -1 for the last */
} fused_case;

static const fused_case cases[] = {
    {"fused_batchnorm", 2, 4, 3, {WHOLE, CHANNEL, CHANNEL}, {NORMAL, NORMAL, NORMAL}, EPS, 1e-5, 1},
    {"fused_batchnorm", 2, 4, 3, {WHOLE, CHANNEL, CHANNEL}, {NORMAL, NORMAL, NORMAL}, EPS, 0.1, 1},
    {"fused_batchnorm_backward", 2, 4, 5, {WHOLE, WHOLE, CHANNEL, CHANNEL, CHANNEL}, {NORMAL, NORMAL, NORMAL, NORMAL, POSITIVE}, NOTHING, 0, 1},
    {"fused_batchnorm_relu", 2, 4, 3, {WHOLE, CHANNEL, CHANNEL}, {NORMAL, NORMAL, NORMAL}, EPS, 1e-5, 1},
    {"fused_batchnorm_relu_backward", 2, 4, 6, {WHOLE, WHOLE, CHANNEL, CHANNEL, CHANNEL, CHANNEL},
     {NORMAL, NORMAL, NORMAL, NORMAL, POSITIVE, NORMAL}, NOTHING, 0, 1},
    {"fused_batchnorm_evaluation", 2, 4, 5, {WHOLE, CHANNEL, CHANNEL, CHANNEL, CHANNEL},
     {NORMAL, NORMAL, NORMAL, NORMAL, POSITIVE}, GIVEN, 1e-5, 1},
    {"fused_batchnorm_evaluation", 2, 4, 5, {WHOLE, CHANNEL, CHANNEL, CHANNEL, CHANNEL},
     {NORMAL, NORMAL, NORMAL, NORMAL, POSITIVE}, GIVEN_RELU, 0.1, 1},
    {"fused_batchnorm_evaluation", 2, 4, 5, {WHOLE, CHANNEL, CHANNEL, CHANNEL, CHANNEL},
     {NORMAL, NORMAL, NORMAL, NORMAL, POSITIVE}, GIVEN_FROZEN, 0.1, 1},
    {"fused_batchnorm_evaluation_backward", 2, 4, 6, {WHOLE, WHOLE, CHANNEL, CHANNEL, CHANNEL, CHANNEL},
     {NORMAL, NORMAL, NORMAL, NORMAL, POSITIVE, NORMAL}, GIVEN, 1e-5, 1},
    {"fused_batchnorm_evaluation_backward", 2, 4, 6, {WHOLE, WHOLE, CHANNEL, CHANNEL, CHANNEL, CHANNEL},
     {NORMAL, NORMAL, NORMAL, NORMAL, POSITIVE, NORMAL}, GIVEN_RELU, 0.1, 1},
    {"fused_layernorm", 1, 4, 3, {WHOLE, LAST, LAST}, {NORMAL, NORMAL, NORMAL}, EPS, 1e-5, -1},
    {"fused_layernorm", 1, 4, 3, {WHOLE, LAST, LAST}, {NORMAL, NORMAL, NORMAL}, EPS, 0.1, -1},
    {"fused_layernorm_backward", 1, 4, 5, {WHOLE, WHOLE, LAST, BESIDE, BESIDE}, {NORMAL, NORMAL, NORMAL, NORMAL, POSITIVE}, NOTHING, 0, -1},
    {"fused_groupnorm", 2, 4, 3, {WHOLE, CHANNEL, CHANNEL}, {NORMAL, NORMAL, NORMAL}, EPS_AND_GROUPS, 1e-5, 1},
    {"fused_groupnorm", 2, 4, 3, {WHOLE, CHANNEL, CHANNEL}, {NORMAL, NORMAL, NORMAL}, EPS_AND_GROUPS, 0.1, 1},
    {"fused_groupnorm_backward", 2, 4, 5, {WHOLE, WHOLE, CHANNEL, GROUPS, GROUPS}, {NORMAL, NORMAL, NORMAL, NORMAL, POSITIVE}, NOTHING, 0, 1},
    {"fused_rmsnorm", 1, 4, 2, {WHOLE, LAST}, {NORMAL, NORMAL}, EPS, 1e-5, -1},
    {"fused_rmsnorm_backward", 1, 4, 4, {WHOLE, WHOLE, LAST, BESIDE}, {NORMAL, NORMAL, NORMAL, POSITIVE}, NOTHING, 0, -1},
    {"fused_l2_normalize", 1, 4, 1, {WHOLE}, {NORMAL}, EPS_AND_AXIS, 1e-5, -1},
    {"fused_l2_normalize", 2, 4, 1, {WHOLE}, {NORMAL}, EPS_AND_AXIS, 0.1, 0},
    {"fused_l2_normalize_backward", 1, 4, 3, {WHOLE, WHOLE, BESIDE}, {NORMAL, NORMAL, POSITIVE}, EPS_AND_AXIS, 0, -1},
    {"fused_l2_normalize_backward", 2, 4, 3, {WHOLE, WHOLE, BESIDE}, {NORMAL, NORMAL, POSITIVE}, EPS_AND_AXIS, 0, 1},
    {"fused_softmax", 1, 4, 1, {WHOLE}, {NORMAL}, AXIS, 0, -1},
    {"fused_softmax", 2, 4, 1, {WHOLE}, {NORMAL}, AXIS, 0, 0},
    {"fused_softmax_backward", 1, 4, 2, {WHOLE, WHOLE}, {NORMAL, POSITIVE}, AXIS, 0, -1},
    {"fused_softmax_backward", 2, 4, 2, {WHOLE, WHOLE}, {NORMAL, POSITIVE}, AXIS, 0, 1},
    {"fused_log_softmax", 1, 4, 1, {WHOLE}, {NORMAL}, AXIS, 0, -1},
    {"fused_log_softmax", 2, 4, 1, {WHOLE}, {NORMAL}, AXIS, 0, 0},
    {"fused_log_softmax_backward", 1, 4, 2, {WHOLE, WHOLE}, {NORMAL, NORMAL}, AXIS, 0, -1},
    {"fused_log_softmax_backward", 2, 4, 2, {WHOLE, WHOLE}, {NORMAL, NORMAL}, AXIS, 0, 1},
    {"fused_gelu", 1, 4, 1, {WHOLE}, {NORMAL}, NOTHING, 0, 0},
    {"fused_gelu_backward", 1, 4, 2, {WHOLE, WHOLE}, {NORMAL, NORMAL}, NOTHING, 0, 0},
    {"fused_softmax_cross_entropy", 2, 2, 2, {WHOLE, FIRST}, {NORMAL, INDEX}, NOTHING, 0, 1},
    {"fused_softmax_cross_entropy_backward", 2, 2, 5, {SCALAR, WHOLE, FIRST, BESIDE, BESIDE}, {NORMAL, NORMAL, INDEX, NORMAL, POSITIVE}, NOTHING, 0, 1},
};

/* As many as leave each group several channels, where that can be. */
static size_t groups_of(const weft_shape *x)
{
    size_t groups = 3;
    while (x->dim[1] % groups)
        groups--;
    return groups;
}

static weft_shape shape_of(extent e, const weft_shape *x, int axis)
{
    weft_shape shape = *x;
    switch (e) {
    case WHOLE:
        return shape;
    case BESIDE:
        shape.dim[axis] = 1;
        return shape;
    case CHANNEL:
        return (weft_shape){1, {x->dim[1]}};
    case LAST:
        return (weft_shape){1, {x->dim[x->rank - 1]}};
    case FIRST:
        return (weft_shape){1, {x->dim[0]}};
    case GROUPS:
        return (weft_shape){2, {x->dim[0], groups_of(x)}};
    case SCALAR:
        break;
    }
    return (weft_shape){0};
}

/* As ops have them. */
typedef union attributes {
    double eps;
    int64_t axis;
    struct {
        double eps;
        int64_t axis;
    } both;
    struct {
        double eps;
        int64_t relu, frozen;
    } given;
} attributes;

static attributes attributes_of(const fused_case *c, int axis, const weft_shape *x)
{
    attributes a;
    memset(&a, 0, sizeof a);
    if (c->form == EPS)
        a.eps = c->eps;
    else if (c->form == AXIS)
        a.axis = axis;
    else if (c->form == GIVEN || c->form == GIVEN_RELU || c->form == GIVEN_FROZEN)
        a.given.eps = c->eps, a.given.relu = c->form != GIVEN, a.given.frozen = c->form == GIVEN_FROZEN;
    else
        a.both.eps = c->eps, a.both.axis = c->form == EPS_AND_GROUPS ? (int64_t)groups_of(x) : axis;
    return a;
}

START_TEST(every_fused_op_has_a_case)
{
    for (size_t i = 0; i < weft_op_count(); i++) {
        bool found = !weft_op_at(i)->expand;
        for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
            found |= !strcmp(cases[k].op, weft_op_at(i)->name);
        ck_assert_msg(found, "fused op %s has no case in tests/test_twins.c", weft_op_at(i)->name);
    }
}
END_TEST

/* Everything that is compared for one side: the values, then the vjp, the jvp, the vjp of the vjp for dy and the gradient of |vjp|**2. */
static size_t derivatives(const weft_node *y, int outputs, const weft_node *dy, const weft_node *x, const weft_node *tangent, int n, weft_node *out)
{
    size_t k = 0;
    weft_node dx[SAMPLE_OPERANDS], loss = {0};
    for (int i = 0; i < outputs; i++)
        out[k++] = y[i];
    weft_vjp(y, dy, (size_t)outputs, x, (size_t)n, dx);
    for (int i = 0; i < n; i++)
        out[k++] = dx[i];
    weft_jvp(y, (size_t)outputs, x, tangent, (size_t)n, out + k);
    k += (size_t)outputs;
    /* The vjp is linear in dy; its own vjp with the tangents as cotangents is J times them: the jvp once more, by another way. */
    weft_vjp(dx, tangent, (size_t)n, dy, (size_t)outputs, out + k);
    k += (size_t)outputs;
    for (int i = 0; i < n; i++) {
        weft_node square = weft_sum(weft_mul(weft_mul(dx[i], dx[i]), tangent[i]), WEFT_ALL_AXES, false);
        loss = i ? weft_add(loss, square) : square;
    }
    weft_grad(loss, x, (size_t)n, out + k);
    return k + (size_t)n;
}

static void *values(weft_node x, domain d, uint64_t *seed, size_t *bytes)
{
    weft_shape shape = weft_node_shape(x);
    size_t n = weft_shape_count(&shape);
    double *wide = malloc(n * sizeof *wide + 1);
    draw_domain(d, seed, n, wide);
    *bytes = n * weft_dtype_size(weft_node_dtype(x));
    if (weft_node_dtype(x) == WEFT_F64)
        return wide;
    if (weft_node_dtype(x) == WEFT_I64) {
        for (size_t i = 0; i < n; i++)
            ((int64_t *)(void *)wide)[i] = (int64_t)wide[i];
        return wide;
    }
    float *narrow = malloc(*bytes + 1);
    for (size_t i = 0; i < n; i++)
        narrow[i] = (float)wide[i];
    free(wide);
    return narrow;
}

static double at(const weft_program *p, size_t k, size_t i, weft_dtype dtype)
{
    return dtype == WEFT_F32 ? (double)((const float *)weft_output(p, k))[i] : ((const double *)weft_output(p, k))[i];
}

/* Differences are measured against the largest entry of the array: f32 sums of N terms of that size lose a few of its ulps. */
static void compare(const fused_case *c, const weft_program *p, size_t k, size_t twin, weft_node x, double tolerance)
{
    weft_shape shape = weft_node_shape(x);
    weft_dtype dtype = weft_node_dtype(x);
    double size = 1e-3, off = 0;
    for (size_t i = 0; i < weft_shape_count(&shape); i++) {
        size = fmax(size, fabs(at(p, twin, i, dtype)));
        off = fmax(off, fabs(at(p, k, i, dtype) - at(p, twin, i, dtype)));
        ck_assert_msg(isfinite(at(p, k, i, dtype)), "%s: result %zu is not finite", c->op, k);
    }
    ck_assert_msg(off <= tolerance * size, "%s (rank %d, %zu..., %s): result %zu is off by %g of %g", c->op, shape.rank, shape.dim[0],
                  weft_dtype_name(dtype), k, off, size);
}

static void try_once(const fused_case *c, weft_dtype dtype, const weft_shape *h, uint64_t seed)
{
    const weft_op *op = op_named(c->op);
    int outputs = op->outputs > 1 ? op->outputs : 1, axis = c->axis < 0 ? h->rank + c->axis : c->axis, reals = 0;
    weft_tape *t = weft_tape_new(NULL);
    weft_node x[SAMPLE_OPERANDS], real[SAMPLE_OPERANDS], tangent[SAMPLE_OPERANDS], y[2][WEFT_MAX_OUTPUTS], dy[WEFT_MAX_OUTPUTS], out[MOST_OUTPUTS];
    for (int i = 0; i < c->n; i++) {
        weft_shape shape = shape_of(c->extent[i], h, axis);
        x[i] = weft_input(t, "x", c->domain[i] == INDEX ? WEFT_I64 : dtype, shape.rank, shape.dim);
        if (c->domain[i] == INDEX)
            continue;
        real[reals] = x[i];
        tangent[reals++] = weft_input(t, "tangent", dtype, shape.rank, shape.dim);
    }
    attributes a = attributes_of(c, axis, h);
    y[0][0] = weft_record(op, x, c->n, &a);
    for (int i = 1; i < outputs; i++)
        y[0][i] = weft_part(y[0][0], i);
    ck_assert_int_eq(op->expand(y[0][0], x, y[1]), WEFT_OK);
    for (int i = 0; i < outputs; i++) {
        weft_shape shape = weft_node_shape(y[0][i]);
        dy[i] = weft_input(t, "dy", dtype, shape.rank, shape.dim);
    }
    size_t n = derivatives(y[0], outputs, dy, real, tangent, reals, out);
    derivatives(y[1], outputs, dy, real, tangent, reals, out + n);
    weft_program *p = weft_compile(out, 2 * n);
    ck_assert_msg(weft_program_status(p) == WEFT_OK, "%s", weft_program_message(p));
    void *memory[2 * SAMPLE_OPERANDS + WEFT_MAX_OUTPUTS];
    size_t used = 0, bytes;
    for (int i = 0; i < c->n; i++) {
        memory[used] = values(x[i], c->domain[i], &seed, &bytes);
        ck_assert_int_eq(weft_bind(p, x[i], memory[used++], bytes), WEFT_OK);
    }
    for (int i = 0; i < reals; i++) {
        memory[used] = values(tangent[i], NORMAL, &seed, &bytes);
        ck_assert_int_eq(weft_bind(p, tangent[i], memory[used++], bytes), WEFT_OK);
    }
    for (int i = 0; i < outputs; i++) {
        memory[used] = values(dy[i], NORMAL, &seed, &bytes);
        ck_assert_int_eq(weft_bind(p, dy[i], memory[used++], bytes), WEFT_OK);
    }
    ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
    for (size_t k = 0; k < n; k++) /* second derivatives carry rstd**3 and sums of products: some tens of roundings */
        compare(c, p, k, n + k, out[k], dtype == WEFT_F32 ? 2e-5 : 1e-12);
    for (size_t k = (size_t)(outputs + reals); k < (size_t)(2 * outputs + reals); k++) /* and the jvp by the kernel that was derived by hand, transposed */
        compare(c, p, k + (size_t)outputs, k, out[k], dtype == WEFT_F32 ? 2e-5 : 1e-12);
    for (size_t k = 0; k < used; k++)
        free(memory[k]);
    weft_program_free(p);
    weft_tape_free(t);
}

/* Shapes that go beyond what passes take at once: a block of rows, a group of them, a block of a row, of columns, of powers. */
static const weft_shape large[] = {
    {2, {150, 70}},  {3, {2, 1, 4500}}, {4, {90, 4, 7, 7}}, {1, {4500}}, {2, {17, 2100}}, {2, {2050, 5}},
    {3, {6, 7, 150}}, {4, {3, 4, 5, 65}},
};
enum { LARGE = sizeof large / sizeof *large };

/* With two elements or one and a small eps, rstd**3 has no digits left; one sum alone may cancel, and have no size. */
static weft_shape draw_shape(const fused_case *c, int trial, uint64_t *seed)
{
    weft_shape h = {.rank = c->fewest + trial % (c->most - c->fewest + 1)};
    size_t fewest = trial % 3 ? 5 : 1;
    for (int i = 0; i < h.rank; i++)
        h.dim[i] = i == 0 ? 3 + (size_t)(draw_uniform(seed) * SIDE) : i == 1 ? fewest + (size_t)(draw_uniform(seed) * SIDE) : 1 + (size_t)(draw_uniform(seed) * PLANE);
    while (weft_shape_count(&h) > MOST_ELEMENTS) /* the large ones are listed above */
        h.dim[0] = 3 + h.dim[0] / 2, h.dim[h.rank - 1] = 1 + h.dim[h.rank - 1] / 2;
    int axis = c->axis < 0 ? h.rank + c->axis : c->axis;
    if (c->axis < 0 || c->fewest == c->most)
        h.dim[axis] += 4;
    return h;
}

START_TEST(fused_is_its_twin)
{
    const fused_case *c = &cases[_i / 2];
    weft_dtype dtype = _i % 2 ? WEFT_F32 : WEFT_F64;
    uint64_t seed = 77 + (uint64_t)_i;
    int trials = test_way().backend == WEFT_BACKEND_C ? COMPILED_TRIALS : TRIALS;
    for (int trial = 0, next = 0; trial < trials; trial++) {
        while (next < LARGE && (large[next].rank < c->fewest || large[next].rank > c->most))
            next++;
        weft_shape drawn = draw_shape(c, trial, &seed);
        try_once(c, dtype, trial % 2 == 0 && next < LARGE ? &large[next++] : &drawn, seed);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("twins");
    TCase *twins = tcase_create("twins");
    tcase_set_timeout(twins, 60);
    tcase_add_test(twins, every_fused_op_has_a_case);
    tcase_add_loop_test(twins, fused_is_its_twin, 0, 2 * (int)(sizeof cases / sizeof *cases));
    suite_add_tcase(suite, twins);
    return run_suite(suite);
}

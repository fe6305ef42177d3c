/* test_prove_twins.c: every fused op proved equal to its staged twin: the values, the gradients by the formulas that were derived by hand against those
 * that the chain rule gives, and the second derivatives. The fused side is written out as its ops' own expand() says, the staged side is the
 * public staged function. That the kernels compute what expand() says is for test_twins.c. */
#include "tests/suite.h"

#include <stdio.h>

enum { MOST = 8 };

static weft_tape *t;

static void set_up(void)
{
    t = weft_tape_new(NULL);
}

static void tear_down(void)
{
    weft_tape_free(t);
}

typedef struct side {
    weft_node y[MOST]; /* the results; y[0] is differentiated */
    size_t n;
} side;

typedef struct twin {
    const char *name;
    side (*build)(const weft_node *x, bool fused); /* x: of the shapes below */
    int n;
    weft_shape shape[MOST];
    bool labels; /* the last x holds them */
    const char *open; /* why it cannot be proved: words of the message; NULL: it is proved */
} twin;

static side one(weft_node y)
{
    return (side){{y}, 1};
}

static const double eps = 1e-5;

/* --- builders --- */

static side batchnorm(const weft_node *x, bool fused)
{
    return one(fused ? weft_fused_batchnorm(x[0], x[1], x[2], eps) : weft_batchnorm(x[0], x[1], x[2], eps));
}

static side batchnorm_relu(const weft_node *x, bool fused)
{
    return one(fused ? weft_fused_batchnorm_relu(x[0], x[1], x[2], eps) : weft_relu(weft_batchnorm(x[0], x[1], x[2], eps)));
}

static side layernorm(const weft_node *x, bool fused)
{
    return one(fused ? weft_fused_layernorm(x[0], x[1], x[2], eps) : weft_layernorm(x[0], x[1], x[2], eps));
}

static side groupnorm(const weft_node *x, bool fused)
{
    return one(fused ? weft_fused_groupnorm(x[0], 2, x[1], x[2], eps) : weft_groupnorm(x[0], 2, x[1], x[2], eps));
}

static side instancenorm(const weft_node *x, bool fused)
{
    return one(fused ? weft_fused_instancenorm(x[0], x[1], x[2], eps) : weft_instancenorm(x[0], x[1], x[2], eps));
}

static side rmsnorm(const weft_node *x, bool fused)
{
    return one(fused ? weft_fused_rmsnorm(x[0], x[1], eps) : weft_rmsnorm(x[0], x[1], eps));
}

static side l2_normalize_last(const weft_node *x, bool fused)
{
    return one(fused ? weft_fused_l2_normalize(x[0], -1, eps) : weft_l2_normalize(x[0], -1, eps));
}

static side l2_normalize_first(const weft_node *x, bool fused)
{
    return one(fused ? weft_fused_l2_normalize(x[0], 0, eps) : weft_l2_normalize(x[0], 0, eps));
}

static side softmax(const weft_node *x, bool fused)
{
    return one(fused ? weft_fused_softmax(x[0], 1) : weft_softmax(x[0], 1));
}

static side log_softmax(const weft_node *x, bool fused)
{
    return one(fused ? weft_fused_log_softmax(x[0], 1) : weft_log_softmax(x[0], 1));
}

static side softmax_cross_entropy(const weft_node *x, bool fused)
{
    return one(fused ? weft_fused_softmax_cross_entropy(x[0], x[1]) : weft_softmax_cross_entropy(x[0], x[1]));
}

static side gelu(const weft_node *x, bool fused)
{
    return one(fused ? weft_fused_gelu(x[0]) : weft_gelu(x[0]));
}

static const twin twins[] = {
    {"batchnorm", batchnorm, 3, {{2, {3, 2}}, {1, {2}}, {1, {2}}}, false, NULL},
    {"batchnorm of planes", batchnorm, 3, {{4, {2, 2, 1, 2}}, {1, {2}}, {1, {2}}}, false, NULL},
    {"batchnorm of two rows", batchnorm, 3, {{2, {2, 3}}, {1, {3}}, {1, {3}}}, false, NULL},
    {"batchnorm_relu", batchnorm_relu, 3, {{2, {3, 2}}, {1, {2}}, {1, {2}}}, false, NULL},
    {"batchnorm_relu of planes", batchnorm_relu, 3, {{3, {2, 2, 2}}, {1, {2}}, {1, {2}}}, false, NULL},
    {"layernorm", layernorm, 3, {{2, {2, 3}}, {1, {3}}, {1, {3}}}, false, NULL},
    {"layernorm of blocks", layernorm, 3, {{3, {2, 1, 4}}, {1, {4}}, {1, {4}}}, false, NULL},
    {"groupnorm", groupnorm, 3, {{3, {1, 4, 2}}, {1, {4}}, {1, {4}}}, false, NULL},
    {"groupnorm of samples", groupnorm, 3, {{2, {2, 4}}, {1, {4}}, {1, {4}}}, false, NULL},
    {"instancenorm", instancenorm, 3, {{3, {2, 2, 3}}, {1, {2}}, {1, {2}}}, false, NULL},
    {"rmsnorm", rmsnorm, 2, {{2, {3, 4}}, {1, {4}}}, false, NULL},
    {"l2_normalize", l2_normalize_last, 1, {{2, {3, 4}}}, false, NULL},
    {"l2_normalize by columns", l2_normalize_first, 1, {{3, {3, 2, 2}}}, false, NULL},
    {"softmax", softmax, 1, {{2, {3, 4}}}, false, NULL},
    {"softmax of planes", softmax, 1, {{3, {2, 3, 2}}}, false, NULL},
    /* by hand it is dz = dy - exp(y) sum dy, and exp(y) = exp(z - m - ln s) = exp(z - m)/s is a property of exp and ln */
    {"log_softmax", log_softmax, 1, {{2, {3, 4}}}, false, "show no difference"},
    {"softmax_cross_entropy", softmax_cross_entropy, 2, {{2, {3, 4}}, {1, {3}}}, true, NULL},
    {"gelu", gelu, 1, {{2, {3, 4}}}, false, NULL},
};
enum { TWINS = sizeof twins / sizeof *twins };

/* --- what is proved of each --- */

/* The results, the vjp for x, and the vjp of the vjp, for dy and x. */
static size_t derivatives(side s, weft_node dy, const weft_node *x, const weft_node *again, size_t n, weft_node *out)
{
    size_t k = 0;
    weft_node sources[MOST + 1];
    for (; k < s.n; k++)
        out[k] = s.y[k];
    weft_vjp(s.y, &dy, 1, x, n, out + k);
    for (size_t i = 0; i < n; i++)
        sources[i] = x[i];
    sources[n] = dy;
    weft_vjp(out + k, again, n, sources, n + 1, out + k + n);
    return k + 2 * n + 1;
}

enum { MOST_NODES = 3 * MOST + 1 };

static bool seen[200]; /* ops of the catalogue that the fused sides of proofs were made of */

static void note_ops(uint32_t from)
{
    ck_assert_uint_le(weft_op_count(), sizeof seen / sizeof *seen);
    for (uint32_t id = from; id < weft_tape_count(t); id++)
        for (size_t i = 0; i < weft_op_count(); i++)
            seen[i] |= weft_op_at(i) == weft_node_op(weft_tape_node(t, id));
}

/* x: (n), of numbers. */
static void expect_twins(const char *name, side staged, side fused, uint32_t from, const weft_node *x, size_t n, const char *open)
{
    weft_node out[2][MOST_NODES], again[MOST];
    weft_shape shape = weft_node_shape(staged.y[0]);
    weft_node dy = weft_input(t, "dy", WEFT_F64, shape.rank, shape.dim);
    for (size_t i = 0; i < n; i++) {
        shape = weft_node_shape(x[i]);
        again[i] = weft_input(t, "again", WEFT_F64, shape.rank, shape.dim);
    }
    size_t count = derivatives(staged, dy, x, again, n, out[0]);
    derivatives(fused, dy, x, again, n, out[1]);
    ck_assert_msg(weft_tape_status(t) == WEFT_OK, "%s: %s", name, weft_tape_message(t));
    note_ops(from);
    weft_proof proof;
    ck_assert_msg(weft_prove(out[0], out[1], count, NULL, &proof) == WEFT_OK, "%s", weft_tape_message(t));
    if (open) {
        ck_assert_msg(proof.verdict == WEFT_NOT_PROVED && strstr(proof.message, open), "%s: %s", name, proof.message);
        ck_assert_msg(weft_prove(out[0], out[1], staged.n, NULL, &proof) == WEFT_OK, "%s", weft_tape_message(t)); /* the values */
    }
    ck_assert_msg(proof.verdict == WEFT_PROVED && proof.false_equal < 1e-11, "%s: %s", name, proof.message);
    out[1][staged.n] = weft_mul(out[1][staged.n], weft_scalar(t, WEFT_F64, 1.001)); /* and a gradient that is off is not */
    ck_assert_int_eq(weft_prove(out[0], out[1], count, NULL, &proof), WEFT_OK);
    ck_assert_msg(proof.verdict == WEFT_REFUTED, "%s, off by 0.1%%: %s", name, proof.message);
}

static void prove_twin(const twin *c)
{
    weft_node x[MOST];
    for (int i = 0; i < c->n; i++)
        x[i] = weft_input(t, "x", c->labels && i == c->n - 1 ? WEFT_I64 : WEFT_F64, c->shape[i].rank, c->shape[i].dim);
    side staged = c->build(x, false);
    uint32_t from = weft_tape_count(t);
    side fused = c->build(x, true);
    expect_twins(c->name, staged, fused, from, x, (size_t)(c->n - c->labels), c->open);
}

START_TEST(a_fused_op_is_its_twin)
{
    prove_twin(&twins[_i]);
}
END_TEST

/* --- batch normalization in all its modes --- */

enum { PARTS = 4, MODES = 3 * 2 * 2 * PARTS * 3 };

static void prove_mode(int number)
{
    weft_batchnorm_options o = {.mode = (weft_batchnorm_mode)(number % 3), .eps = eps, .momentum = 0.1};
    o.relu = number / 3 % 2;
    o.axis = number / 6 % 2 ? -1 : 1;
    int parts = number / 12 % PARTS, statistics = number / (12 * PARTS); /* which of gamma and beta; how running statistics follow */
    const size_t dim[] = {2, 2, 3}, channels = o.axis == 1 ? 2 : 3;
    weft_node x[MOST] = {weft_input(t, "h", WEFT_F64, 3, dim)}, updates[3];
    size_t n = 1, n_updates;
    if (parts & 1)
        o.gamma = x[n++] = weft_input(t, "gamma", WEFT_F64, 1, &channels);
    if (parts & 2)
        o.beta = x[n++] = weft_input(t, "beta", WEFT_F64, 1, &channels);
    o.running_mean = weft_parameter(t, "running_mean", WEFT_F64, 1, &channels);
    o.running_variance = weft_parameter(t, "running_variance", WEFT_F64, 1, &channels);
    o.biased = statistics == 1;
    o.cumulative = statistics == 2;
    o.batches = o.cumulative ? weft_parameter(t, "batches", WEFT_F64, 0, NULL) : o.batches;
    if (o.mode != WEFT_BATCHNORM_TRAINING) {
        x[n++] = o.running_mean;
        x[n++] = o.running_variance;
    }
    side sides[2];
    uint32_t from = 0;
    for (int fused = 0; fused < 2; fused++) {
        from = weft_tape_count(t);
        side *s = &sides[fused];
        s->y[0] = fused ? weft_fused_batchnorm_with(x[0], &o, updates, &n_updates) : weft_batchnorm_with(x[0], &o, updates, &n_updates);
        s->n = 1;
        for (size_t i = 0; i < n_updates; i++)
            s->y[s->n++] = updates[i];
    }
    char name[80];
    snprintf(name, sizeof name, "batchnorm_with: mode %d, relu %d, axis %d, parts %d, statistics %d", o.mode, o.relu, o.axis, parts, statistics);
    expect_twins(name, sides[0], sides[1], from, x, n, NULL);
}

START_TEST(batchnorm_is_its_twin_in_every_mode)
{
    prove_mode(_i);
}
END_TEST

START_TEST(every_fused_op_is_proved)
{
    for (int i = 0; i < TWINS; i++)
        prove_twin(&twins[i]);
    prove_mode(1); /* evaluation */
    for (size_t i = 0; i < weft_op_count(); i++)
        ck_assert_msg(!weft_op_at(i)->expand || seen[i], "the fused op %s is in no proof of tests/test_prove_twins.c", weft_op_at(i)->name);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("prove_twins");
    TCase *all = tcase_create("twins");
    tcase_add_checked_fixture(all, set_up, tear_down);
    tcase_set_timeout(all, 60);
    tcase_add_loop_test(all, a_fused_op_is_its_twin, 0, TWINS);
    tcase_add_loop_test(all, batchnorm_is_its_twin_in_every_mode, 0, MODES);
    tcase_add_test(all, every_fused_op_is_proved);
    suite_add_tcase(suite, all);
    return run_suite(suite);
}

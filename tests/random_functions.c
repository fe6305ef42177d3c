/* random_functions.c: moves that call a staged function, and the steps that draw them with operands that fit. The judge knows none of them: it sees the
 * primitives that they record. */
#include "tests/random_functions.h"

static const weft_node absent;

/* p[0]: which eps. */
static double eps_of(const move *m)
{
    return m->p[0] ? 0.1 : 1e-5;
}

/* --- along one axis: p[1] --- */

static weft_node build_softmax(built *b, const move *m, const weft_node *x)
{
    (void)b;
    return weft_softmax(x[0], m->p[1]);
}

static weft_node build_log_softmax(built *b, const move *m, const weft_node *x)
{
    (void)b;
    return weft_log_softmax(x[0], m->p[1]);
}

static weft_node build_l2_normalize(built *b, const move *m, const weft_node *x)
{
    (void)b;
    return weft_l2_normalize(x[0], m->p[1], eps_of(m));
}

static weft_node build_weightnorm(built *b, const move *m, const weft_node *x)
{
    (void)b;
    return weft_weightnorm(x[0], x[1], m->p[1]);
}

static int step_axis(generator *d, const char *kind)
{
    int a = pick_move(d), rank = shape_at(d, a).rank;
    if (!rank)
        return -1;
    int eps = chance(d, 0.5), axis = (int)below(d, (size_t)rank);
    return add_move(d, (move){.kind = move_kind_named(kind), .x = {a}, .p = {eps, axis}});
}

static int step_weightnorm(generator *d, const char *kind)
{
    int a = pick_move(d);
    weft_shape x = shape_at(d, a);
    if (!x.rank)
        return -1;
    int axis = (int)below(d, (size_t)x.rank), lengths = add_leaf(d, (weft_shape){1, {x.dim[axis]}});
    return lengths < 0 ? -1 : add_move(d, (move){.kind = move_kind_named(kind), .x = {a, lengths}, .p = {0, axis}});
}

/* --- over sets of axes: p[0], and keepdims: p[1] --- */

static weft_node unbiased_std(weft_node x, unsigned axes, bool keepdims)
{
    return weft_std(x, axes, keepdims, 1);
}

static int step_axes(generator *d, const char *kind)
{
    int a = pick_move(d), rank = shape_at(d, a).rank;
    int axes = (int)below(d, (size_t)1 << rank), keepdims = chance(d, 0.5);
    return add_move(d, (move){.kind = move_kind_named(kind), .x = {a}, .p = {axes, keepdims}});
}

/* --- with gamma and beta --- */

static weft_node build_layernorm(built *b, const move *m, const weft_node *x)
{
    (void)b;
    return weft_layernorm(x[0], x[1], x[2], eps_of(m));
}

static weft_node build_rmsnorm(built *b, const move *m, const weft_node *x)
{
    (void)b;
    return weft_rmsnorm(x[0], x[1], eps_of(m));
}

/* p[1]: groups; p[2]: 0 with gamma and beta, 1 with gamma, 2 with neither. */
static weft_node build_groupnorm(built *b, const move *m, const weft_node *x)
{
    (void)b;
    return weft_groupnorm(x[0], (size_t)m->p[1], m->p[2] < 2 ? x[1] : absent, m->p[2] < 1 ? x[2] : absent, eps_of(m));
}

static weft_node build_instancenorm(built *b, const move *m, const weft_node *x)
{
    (void)b;
    return weft_instancenorm(x[0], m->p[2] < 2 ? x[1] : absent, m->p[2] < 1 ? x[2] : absent, eps_of(m));
}

/* Of the length of x's axis. */
static int with_gamma_and_beta(generator *d, const char *kind, int a, int axis, int groups)
{
    weft_shape row = {1, {shape_at(d, a).dim[axis]}};
    int gamma = add_leaf(d, row), beta = gamma >= 0 ? add_leaf(d, row) : gamma, eps = chance(d, 0.5), given = (int)below(d, 3);
    return beta < 0 ? -1 : add_move(d, (move){.kind = move_kind_named(kind), .x = {a, gamma, beta}, .p = {eps, groups, given}});
}

static int step_rows(generator *d, const char *kind)
{
    int a = pick_move(d), rank = shape_at(d, a).rank;
    return rank ? with_gamma_and_beta(d, kind, a, rank - 1, 0) : -1;
}

static int step_groups(generator *d, const char *kind)
{
    int a = pick_move(d);
    weft_shape x = shape_at(d, a);
    if (x.rank < 2 || !x.dim[1])
        return -1;
    int groups = 1 + (int)below(d, x.dim[1]);
    while (x.dim[1] % (size_t)groups)
        groups--;
    return with_gamma_and_beta(d, kind, a, 1, groups);
}

/* --- losses: p[0], the reduction --- */

static weft_node build_cross_entropy(built *b, const move *m, const weft_node *x)
{
    weft_shape z = weft_node_shape(x[0]);
    bool classes = z.rank == 2 && z.dim[1];
    return weft_cross_entropy(x[0], built_indices(b, m, classes ? z.dim[0] : 0, classes ? z.dim[1] : 1), (weft_loss_reduction)m->p[0]);
}

static weft_node build_cross_entropy_of(built *b, const move *m, const weft_node *x)
{
    (void)b;
    return weft_cross_entropy(x[0], x[1], (weft_loss_reduction)m->p[0]);
}

static weft_node build_mse(built *b, const move *m, const weft_node *x)
{
    (void)b;
    return weft_mse(x[0], x[1], (weft_loss_reduction)m->p[0]);
}

static int step_loss(generator *d, const char *kind)
{
    int a = pick_move(d), target = add_leaf(d, shape_at(d, a)), reduction = (int)below(d, 3);
    return target < 0 ? -1 : add_move(d, (move){.kind = move_kind_named(kind), .x = {a, target}, .p = {reduction}});
}

static int step_labelled(generator *d, const char *kind)
{
    int a = pick_move(d), reduction = (int)below(d, 3);
    return shape_at(d, a).rank == 2 ? add_move(d, (move){.kind = move_kind_named(kind), .x = {a}, .p = {reduction}}) : -1;
}

/* --- attention --- */

static weft_node build_attention(built *b, const move *m, const weft_node *x)
{
    (void)b, (void)m;
    return weft_attention(x[0], x[1], x[2], absent);
}

/* k and v of matrices, or with the leading axes of q. */
static int step_attention(generator *d, const char *kind)
{
    int q = pick_move(d);
    weft_shape key = shape_at(d, q);
    if (key.rank < 2)
        return -1;
    if (chance(d, 0.5))
        key = (weft_shape){2, {key.dim[key.rank - 2], key.dim[key.rank - 1]}};
    weft_shape value = key;
    key.dim[key.rank - 2] = value.dim[value.rank - 2] = 1 + below(d, 4);
    value.dim[value.rank - 1] = 1 + below(d, 4);
    int k = add_leaf(d, key), v = k >= 0 ? add_leaf(d, value) : k;
    return v < 0 ? -1 : add_move(d, (move){.kind = move_kind_named(kind), .x = {q, k, v}});
}

static const random_function functions[] = {
    {{.name = "softmax", .arity = 1, .other = build_softmax}, 2, step_axis},
    {{.name = "log_softmax", .arity = 1, .other = build_log_softmax}, 2, step_axis},
    {{.name = "logsumexp", .arity = 1, .fold = weft_logsumexp}, 2, step_axes},
    {{.name = "l2_normalize", .arity = 1, .other = build_l2_normalize}, 1, step_axis},
    {{.name = "weightnorm", .arity = 2, .other = build_weightnorm}, 1, step_weightnorm},
    {{.name = "std", .arity = 1, .fold = unbiased_std}, 1, step_axes},
    {{.name = "layernorm", .arity = 3, .other = build_layernorm}, 2, step_rows},
    {{.name = "rmsnorm", .arity = 2, .other = build_rmsnorm}, 1, step_rows},
    {{.name = "groupnorm", .arity = 3, .other = build_groupnorm}, 3, step_groups},
    {{.name = "instancenorm", .arity = 3, .other = build_instancenorm}, 2, step_groups},
    {{.name = "cross_entropy", .arity = 1, .other = build_cross_entropy}, 2, step_labelled},
    {{.name = "cross_entropy_of", .arity = 2, .other = build_cross_entropy_of}, 1, step_loss},
    {{.name = "mse", .arity = 2, .other = build_mse}, 1, step_loss},
    {{.name = "attention", .arity = 3, .other = build_attention}, 2, step_attention},
};

const random_function *random_function_at(size_t i)
{
    return i < sizeof functions / sizeof *functions ? &functions[i] : NULL;
}

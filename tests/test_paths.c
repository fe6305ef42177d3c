/* test_paths.c: a derivative by its paths. Parts are what the closed forms say, belong to the right nodes, and add up to the whole, for any graph and
 * any choice of nodes. */
#include "tests/faulty.h"
#include "tests/random_graph.h"
#include "tests/suite.h"

#include <math.h>

enum { N = 4, D = 3, MOST_CHOSEN = 5, RANDOM_GRAPHS = 1000 };

static weft_tape *t;

static void set_up(void)
{
    t = weft_tape_new(NULL);
}

static void tear_down(void)
{
    weft_tape_free(t);
}

static size_t count_of(weft_node x)
{
    weft_shape shape = weft_node_shape(x);
    return weft_shape_count(&shape);
}

/* The latest node of that name. */
static weft_node named(const char *name)
{
    for (uint32_t id = weft_tape_count(t); id-- > 0;)
        if (!strcmp(weft_node_name(weft_tape_node(t, id)), name))
            return weft_tape_node(t, id);
    ck_abort_msg("no node is called %s", name);
}

static weft_node values(const char *name, int rank, const size_t *dim, const double *data)
{
    return weft_name(weft_constant(t, WEFT_F64, rank, dim, data), name);
}

static void run_nodes(weft_node *nodes, size_t n, double *out, size_t each)
{
    weft_options options = test_way();
    ck_assert_msg(weft_tape_status(t) == WEFT_OK, "%s", weft_tape_message(t));
    weft_program *p = run_outputs(nodes, n, NULL, 0, options);
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < count_of(nodes[k]); i++)
            out[k * each + i] = ((const double *)weft_output(p, k))[i];
    weft_program_free(p);
}

static void same(const double *got, const double *want, size_t n, double tolerance)
{
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(fabs(got[i] - want[i]) <= tolerance, "element %zu: %.17g, not %.17g", i, got[i], want[i]);
}

static const double h_data[N * D] = {0.3, -1.2, 2.5, 1.1, 0.4, -0.7, -0.9, 2.2, 0.6, 1.7, -0.3, -1.4}, gamma_data[D] = {0.7, -1.3, 2.1},
                    beta_data[D] = {0.1, 0.2, 0.3}, dy_data[N * D] = {1.5, -0.4, 0.8, -1.1, 0.9, 0.2, 0.6, -1.7, -0.5, 1.3, 0.35, -0.95};

/* s (u - mean u - hhat mean(u hhat)) of n numbers, u = gamma dy: three terms, three paths. Source: Thorey, "What does the gradient flowing through
 * batch normalization looks like?", 2016, written for any centred norm. */
static void three_terms(const double *h, const double *u, size_t n, size_t stride, double eps, double *direct, double *by_mu, double *by_sigma2)
{
    double mu = 0, sigma2 = 0, mean_u = 0, mean_u_hhat = 0;
    for (size_t i = 0; i < n; i++)
        mu += h[i * stride] / (double)n;
    for (size_t i = 0; i < n; i++)
        sigma2 += (h[i * stride] - mu) * (h[i * stride] - mu) / (double)n;
    double s = 1 / sqrt(sigma2 + eps);
    for (size_t i = 0; i < n; i++) {
        mean_u += u[i * stride] / (double)n;
        mean_u_hhat += u[i * stride] * (h[i * stride] - mu) * s / (double)n;
    }
    for (size_t i = 0; i < n; i++) {
        direct[i * stride] = s * u[i * stride];
        by_mu[i * stride] = -s * mean_u;
        by_sigma2[i * stride] = -s * (h[i * stride] - mu) * s * mean_u_hhat;
    }
}

static void scaled(double *u)
{
    for (size_t i = 0; i < N * D; i++)
        u[i] = gamma_data[i % D] * dy_data[i];
}

/* --- closed forms --- */

START_TEST(batchnorm_has_three_paths)
{
    double u[N * D], want[3][N * D], got[4][N * D], sum[N * D];
    scaled(u);
    for (size_t c = 0; c < D; c++)
        three_terms(h_data + c, u + c, N, D, 0.1, want[0] + c, want[1] + c, want[2] + c);
    weft_node h = values("h", 2, (size_t[]){N, D}, h_data), dy = values("dy", 2, (size_t[]){N, D}, dy_data);
    weft_node y = weft_batchnorm(h, values("gamma", 1, (size_t[]){D}, gamma_data), values("beta", 1, (size_t[]){D}, beta_data), 0.1), parts[4];
    const weft_node through[] = {named("mu"), named("sigma2")};
    ck_assert_int_eq(weft_paths_vjp(&y, &dy, 1, h, through, 2, parts), WEFT_OK);
    ck_assert_str_eq(weft_node_name(parts[0]), "dh_direct");
    ck_assert_str_eq(weft_node_name(parts[1]), "dh_by_mu");
    ck_assert_str_eq(weft_node_name(parts[2]), "dh_by_sigma2");
    ck_assert_int_eq(weft_vjp(&y, &dy, 1, &h, 1, &parts[3]), WEFT_OK);
    run_nodes(parts, 4, got[0], N * D);
    for (int k = 0; k < 3; k++)
        same(got[k], want[k], N * D, 1e-14);
    for (size_t i = 0; i < N * D; i++)
        sum[i] = got[0][i] + got[1][i] + got[2][i];
    same(sum, got[3], N * D, 1e-14);
}
END_TEST

/* The other way round the parts are the same: which of the two comes first in the list says nothing about paths. */
START_TEST(the_order_of_the_list_does_not_matter)
{
    double got[6][N * D];
    weft_node h = values("h", 2, (size_t[]){N, D}, h_data), dy = values("dy", 2, (size_t[]){N, D}, dy_data);
    weft_node y = weft_batchnorm(h, values("gamma", 1, (size_t[]){D}, gamma_data), values("beta", 1, (size_t[]){D}, beta_data), 0.1), parts[6];
    weft_paths_vjp(&y, &dy, 1, h, (const weft_node[]){named("mu"), named("sigma2")}, 2, parts);
    weft_paths_vjp(&y, &dy, 1, h, (const weft_node[]){named("sigma2"), named("mu")}, 2, parts + 3);
    run_nodes(parts, 6, got[0], N * D);
    same(got[3], got[0], N * D, 0);
    same(got[4], got[2], N * D, 0);
    same(got[5], got[1], N * D, 0);
}
END_TEST

/* -2/N sum(h - mu) dsigma2: where mu is a whole number and h is off by 1 and 2, all products are exact, and so is the zero. */
START_TEST(the_edge_from_sigma2_to_mu_carries_zero)
{
    static const double whole[N * D] = {1, 5, 3, 5, 3, 0, 2, 6, 1, 4, 2, 4}; /* of columns with the means 3, 4, 2 */
    double got[5][N * D];
    weft_node h = values("h", 2, (size_t[]){N, D}, whole), dy = values("dy", 2, (size_t[]){N, D}, dy_data);
    weft_node y = weft_batchnorm(h, values("gamma", 1, (size_t[]){D}, gamma_data), values("beta", 1, (size_t[]){D}, beta_data), 0.1), flows[6];
    const weft_node between[] = {named("mu"), named("sigma2")};
    ck_assert_int_eq(weft_flows(&y, &dy, 1, between, 2, flows), WEFT_OK);
    weft_node looked_at[5] = {flows[0], flows[1], flows[4]}; /* y -> mu, y -> sigma2, sigma2 -> mu */
    ck_assert_str_eq(weft_node_name(flows[4]), "dmu_from_sigma2");
    weft_vjp(&y, &dy, 1, between, 2, looked_at + 3);
    run_nodes(looked_at, 5, got[0], N * D);
    for (size_t c = 0; c < D; c++) {
        ck_assert_double_eq(got[2][c], 0);
        ck_assert_double_ne(got[0][c], 0);
        ck_assert_double_ne(got[1][c], 0);
        ck_assert_double_eq_tol(got[0][c] + got[2][c], got[3][c], 1e-15);
        ck_assert_double_eq_tol(got[1][c], got[4][c], 1e-15);
    }
    double value;
    ck_assert(weft_node_scalar(flows[5], &value) && value == 0); /* sigma2 -> sigma2: there is no way */
    ck_assert(weft_node_scalar(flows[3], &value) && value == 0); /* mu -> sigma2: against the order */
    ck_assert(!weft_node_scalar(flows[4], &value));              /* there is one, and it carries zero */
}
END_TEST

START_TEST(layernorm_has_the_same_three)
{
    double u[N * D], want[3][N * D], got[3][N * D];
    scaled(u);
    for (size_t r = 0; r < N; r++)
        three_terms(h_data + r * D, u + r * D, D, 1, 0.1, want[0] + r * D, want[1] + r * D, want[2] + r * D);
    weft_node x = values("x", 2, (size_t[]){N, D}, h_data), dy = values("dy", 2, (size_t[]){N, D}, dy_data), parts[3];
    weft_node y = weft_layernorm(x, values("gamma", 1, (size_t[]){D}, gamma_data), values("beta", 1, (size_t[]){D}, beta_data), 0.1);
    ck_assert_int_eq(weft_paths_vjp(&y, &dy, 1, x, (const weft_node[]){named("mu"), named("sigma2")}, 2, parts), WEFT_OK);
    run_nodes(parts, 3, got[0], N * D);
    for (int k = 0; k < 3; k++)
        same(got[k], want[k], N * D, 1e-14);
}
END_TEST

/* dz = p dy - p sum(p dy): the first directly, the second by the total. */
START_TEST(softmax_has_two)
{
    double want[2][N * D], got[2][N * D];
    for (size_t r = 0; r < N; r++) {
        double total = 0, mean = 0;
        for (size_t c = 0; c < D; c++)
            total += exp(h_data[r * D + c]);
        for (size_t c = 0; c < D; c++)
            mean += exp(h_data[r * D + c]) / total * dy_data[r * D + c];
        for (size_t c = 0; c < D; c++) {
            double p = exp(h_data[r * D + c]) / total;
            want[0][r * D + c] = p * dy_data[r * D + c];
            want[1][r * D + c] = -p * mean;
        }
    }
    weft_node z = values("z", 2, (size_t[]){N, D}, h_data), dy = values("dy", 2, (size_t[]){N, D}, dy_data), y = weft_softmax(z, -1), parts[2];
    ck_assert_int_eq(weft_paths_vjp(&y, &dy, 1, z, (const weft_node[]){named("total")}, 1, parts), WEFT_OK);
    run_nodes(parts, 2, got[0], N * D);
    same(got[0], want[0], N * D, 1e-15);
    same(got[1], want[1], N * D, 1e-15);
}
END_TEST

/* --- which path counts where --- */

/* loss = a b + a c + 5 x with a = 2 x, b = 3 a, c = 7 x: at x = 1, by whole numbers, exactly. */
START_TEST(each_path_counts_where_it_is_met_first)
{
    double got[5];
    weft_node x = values("x", 0, NULL, (double[]){1}), parts[5];
    weft_node a = weft_mul(weft_scalar_like(x, 2), x), b = weft_mul(weft_scalar_like(x, 3), a), c = weft_mul(weft_scalar_like(x, 7), x);
    weft_node loss = weft_add(weft_add(weft_mul(a, b), weft_mul(a, c)), weft_mul(weft_scalar_like(x, 5), x));
    ck_assert_int_eq(weft_paths(loss, x, NULL, 0, parts), WEFT_OK);
    run_nodes(parts, 1, got, 1);
    ck_assert_double_eq(got[0], 24 + 28 + 5); /* of 6 x**2 * 2 + 14 x**2 + 5 x */
    ck_assert_int_eq(weft_paths(loss, x, (const weft_node[]){a, b, c}, 3, parts), WEFT_OK);
    run_nodes(parts, 4, got, 1);
    ck_assert_double_eq(got[0], 5);
    ck_assert_double_eq(got[1], 2 * (6 + 3 * 2 + 7)); /* a meets all but those of c: b, then 3 a, then c */
    ck_assert_double_eq(got[2], 0);                   /* b lies behind a */
    ck_assert_double_eq(got[3], 7 * 2);
    ck_assert_int_eq(weft_paths(loss, x, (const weft_node[]){c, b}, 2, parts), WEFT_OK);
    run_nodes(parts, 3, got, 1);
    ck_assert_double_eq(got[0], 5 + 2 * (6 + 7)); /* a is no longer chosen: a b by a alone, and a c */
    ck_assert_double_eq(got[1], 7 * 2);
    ck_assert_double_eq(got[2], 2 * 3 * 2);
}
END_TEST

START_TEST(the_ends_may_be_chosen)
{
    double got[3];
    weft_node x = values("x", 0, NULL, (double[]){3}), a = weft_exp(x), loss = weft_mul(x, x), off = weft_exp(weft_mul(a, a)), parts[3];
    ck_assert_int_eq(weft_paths(loss, x, (const weft_node[]){off, x}, 2, parts), WEFT_OK); /* every path begins at x; none meets off */
    run_nodes(parts, 3, got, 1);
    ck_assert_double_eq(got[0], 0);
    ck_assert_double_eq(got[1], 0);
    ck_assert_double_eq(got[2], 6);
    ck_assert_int_eq(weft_paths(loss, x, (const weft_node[]){loss, a}, 2, parts), WEFT_OK); /* and ends at the loss */
    run_nodes(parts, 3, got, 1);
    ck_assert_double_eq(got[0], 0);
    ck_assert_double_eq(got[1], 6);
    ck_assert_double_eq(got[2], 0);
    ck_assert_int_eq(weft_paths(a, a, (const weft_node[]){x, loss}, 2, parts), WEFT_OK); /* before x, and behind the loss */
    run_nodes(parts, 3, got, 1);
    ck_assert_double_eq(got[0], 1);
    ck_assert_double_eq(got[1], 0);
    ck_assert_double_eq(got[2], 0);
}
END_TEST

/* A mask has an adjoint like any node, and lets nothing back. */
START_TEST(a_mask_may_be_chosen)
{
    double got[4];
    weft_node x = values("x", 0, NULL, (double[]){3}), mask = weft_greater(x, weft_scalar_like(x, 1)), loss = weft_mul(mask, weft_mul(x, x)), out[4];
    ck_assert_int_eq(weft_grad(loss, (const weft_node[]){mask, x}, 2, out), WEFT_OK);
    ck_assert_int_eq(weft_paths(loss, x, &mask, 1, out + 2), WEFT_OK);
    run_nodes(out, 4, got, 1);
    ck_assert_double_eq(got[0], 9);
    ck_assert_double_eq(got[1], 6);
    ck_assert_double_eq(got[2], 6);
    ck_assert_double_eq(got[3], 0);
}
END_TEST

/* Outputs of one op are chosen one by one: y = h s t with s, t its parts. */
START_TEST(outputs_of_one_op_are_told_apart)
{
    double got[6][N * D], sum[N * D];
    weft_node h = values("h", 2, (size_t[]){N, D}, h_data), dy = values("dy", 2, (size_t[]){N, D}, dy_data), parts[6];
    weft_node f = weft_fused_batchnorm(h, values("gamma", 1, (size_t[]){D}, gamma_data), values("beta", 1, (size_t[]){D}, beta_data), 0.1);
    weft_node mu = weft_part(f, 1), rstd = weft_part(f, 2), y = weft_mul(weft_mul(weft_add(f, h), mu), rstd);
    ck_assert_int_eq(weft_paths_vjp(&y, &dy, 1, h, (const weft_node[]){rstd, f, mu}, 3, parts), WEFT_OK);
    weft_vjp(&y, &dy, 1, &h, 1, &parts[4]);
    weft_node factor = weft_mul(mu, rstd);
    parts[5] = weft_mul(dy, factor); /* directly: y = (.. + h) mu rstd */
    run_nodes(parts, 6, got[0], N * D);
    same(got[0], got[5], N * D, 1e-15);
    for (int k = 1; k < 4; k++) {
        double largest = 0;
        for (size_t i = 0; i < N * D; i++)
            largest = fmax(largest, fabs(got[k][i]));
        ck_assert_double_gt(largest, 1e-3);
    }
    for (size_t i = 0; i < N * D; i++)
        sum[i] = got[0][i] + got[1][i] + got[2][i] + got[3][i];
    same(sum, got[4], N * D, 1e-14);
}
END_TEST

/* In a scope that is computed again parts are the same. */
START_TEST(checkpointed_scopes_change_nothing)
{
    double got[2][3][N * D];
    for (int again = 0; again < 2; again++) {
        weft_node h = values("h", 2, (size_t[]){N, D}, h_data), dy = values("dy", 2, (size_t[]){N, D}, dy_data), parts[3];
        if (again)
            weft_checkpoint_push(t, "again");
        weft_node y = weft_exp(weft_batchnorm(h, values("gamma", 1, (size_t[]){D}, gamma_data), values("beta", 1, (size_t[]){D}, beta_data), 0.1));
        if (again)
            weft_scope_pop(t);
        const weft_node through[] = {named("mu"), named("sigma2")};
        ck_assert_int_eq(weft_paths_vjp(&y, &dy, 1, h, through, 2, parts), WEFT_OK);
        run_nodes(parts, 3, got[again][0], N * D);
    }
    same(got[1][0], got[0][0], 3 * N * D, 1e-15);
}
END_TEST

/* Parts are functions like any others: the derivatives of the parts add up to the second derivative. */
START_TEST(parts_can_be_differentiated)
{
    double got[5][N * D], sum[N * D];
    weft_node h = values("h", 2, (size_t[]){N, D}, h_data), w = values("w", 2, (size_t[]){N, D}, dy_data), parts[3], second[4], dh;
    weft_node y = weft_batchnorm(h, values("gamma", 1, (size_t[]){D}, gamma_data), values("beta", 1, (size_t[]){D}, beta_data), 0.1);
    weft_node loss = weft_sum(weft_mul(w, weft_exp(y)), WEFT_ALL_AXES, false);
    weft_paths(loss, h, (const weft_node[]){named("mu"), named("sigma2")}, 2, parts);
    weft_grad(loss, &h, 1, &dh);
    for (int k = 0; k < 4; k++)
        weft_vjp(k < 3 ? &parts[k] : &dh, &w, 1, &h, 1, &second[k]);
    run_nodes(second, 4, got[0], N * D);
    for (size_t i = 0; i < N * D; i++)
        sum[i] = got[0][i] + got[1][i] + got[2][i];
    same(sum, got[3], N * D, 1e-12); /* terms of size 100 */
}
END_TEST

START_TEST(pull_back_is_one_step)
{
    double got[3];
    weft_node a = values("a", 0, NULL, (double[]){3}), b = weft_mul(a, a), y = weft_mul(a, b), one = weft_scalar_like(a, 1), dx[WEFT_MAX_OPERANDS];
    ck_assert_int_eq(weft_pull_back(y, one, dx), WEFT_OK);
    run_nodes(dx, 2, got, 1);
    ck_assert_double_eq(got[0], 9); /* b, though b depends on a */
    ck_assert_double_eq(got[1], 3);
    ck_assert_int_eq(weft_pull_back(b, one, dx), WEFT_OK);
    run_nodes(dx, 1, got, 1);
    ck_assert_double_eq(got[0], 6); /* both edges */
    ck_assert(weft_node_failed(dx[1]));
    ck_assert_int_eq(weft_pull_back(weft_sign(a), one, dx), WEFT_OK);
    ck_assert(weft_node_failed(dx[0]));
    ck_assert_int_eq(weft_pull_back(y, values("wide", 1, (size_t[]){2}, (double[]){1, 2}), dx), WEFT_ERROR_SHAPE);
}
END_TEST

/* --- random graphs --- */

/* Where chosen nodes cut a graph the same products are added up in another order: some 60 nodes of a graph, of some 10 terms each, and each sum off by
 * 2**-53 of its terms. These may be larger than the parts where they cancel within one: a hundred times. 60 * 10 * 100 * 2**-53 = 7e-12; and where all of
 * them cancel, as behind a normalization, of terms that are at least 1e-2. */
static void parts_add_up(const built *b, weft_node x, weft_node dx, uint64_t *seed, size_t *n_split)
{
    weft_node through[MOST_CHOSEN], outputs[MOST_CHOSEN + 2];
    size_t n = 0, nonzero = 0;
    uint32_t end = x.id;
    for (size_t k = 0; k < b->n_values; k++)
        end = b->out[k].id > end ? b->out[k].id : end;
    for (int k = 0; k < MOST_CHOSEN; k++) {
        weft_node chosen = weft_tape_node(b->tape, x.id + (uint32_t)(draw_uniform(seed) * (end - x.id + 1))); /* x itself at times */
        bool taken = weft_node_dtype(chosen) == WEFT_I64;
        for (size_t i = 0; i < n; i++)
            taken |= through[i].id == chosen.id;
        if (!taken)
            through[n++] = chosen;
    }
    ck_assert_msg(weft_paths_vjp(b->out, b->cotangent[0], b->n_values, x, through, n, outputs) == WEFT_OK, "%s", weft_tape_message(b->tape));
    outputs[n + 1] = dx;
    weft_program *p = weft_compile_with(outputs, n + 2, &(weft_options){.rewriting = WEFT_REWRITE_NONE});
    for (size_t i = 0; i < b->n_bindings; i++) {
        const weft_binding *in = &b->binding[i];
        bool parameter = weft_node_op(in->node)->kind == WEFT_PARAMETER;
        ck_assert_int_eq(parameter ? weft_parameter_write(p, in->node, in->data, in->bytes) : weft_bind(p, in->node, in->data, in->bytes), WEFT_OK);
    }
    ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
    double largest = 0, off = 0;
    for (size_t k = 0; k <= n + 1; k++) {
        double own = 0;
        for (size_t i = 0; i < count_of(x); i++)
            own = fmax(own, fabs(((const double *)weft_output(p, k))[i]));
        largest = fmax(largest, own);
        nonzero += own > 0 && k <= n;
    }
    for (size_t i = 0; i < count_of(x); i++) {
        double sum = 0;
        for (size_t k = 0; k <= n; k++)
            sum += ((const double *)weft_output(p, k))[i];
        off = fmax(off, fabs(sum - ((const double *)weft_output(p, n + 1))[i]));
    }
    ck_assert_msg(off <= 7e-12 * fmax(largest, 1e-2), "graph %llu: parts are off by %g of %g", (unsigned long long)b->graph->seed, off, largest);
    *n_split += nonzero > 1;
    weft_program_free(p);
}

START_TEST(parts_of_random_graphs_add_up)
{
    size_t split = 0, tried = 0;
    for (uint64_t g = 1; g <= RANDOM_GRAPHS; g++) {
        uint64_t seed = g * 7919;
        graph drawn = graph_draw(g);
        drawn.order = drawn.order ? 1 : 0;
        built b;
        if (graph_build(&b, &drawn, WEFT_F64) && b.n_vjp)
            for (size_t i = 0; i < b.n_leaves; i++, tried++)
                parts_add_up(&b, b.leaf[i], b.out[b.n_values + i], &seed, &split);
        built_free(&b);
    }
    ck_assert_uint_gt(tried, RANDOM_GRAPHS / 2);
    ck_assert_msg(split > RANDOM_GRAPHS / 5, "only %zu of %zu have more than one part", split, tried);
}
END_TEST

/* --- use --- */

START_TEST(bad_use_is_named)
{
    weft_node x = values("x", 0, NULL, (double[]){3}), a = weft_exp(x), loss = weft_mul(x, a), parts[4], flows[6], none = {.id = WEFT_NO_ID};
    weft_node vector = values("v", 1, (size_t[]){2}, (double[]){1, 2}), index = weft_constant(t, WEFT_I64, 0, NULL, (int64_t[]){1});
    weft_tape *other = weft_tape_new(NULL);
    weft_node stranger = weft_scalar(other, WEFT_F64, 1);
    const struct {
        weft_status status;
        weft_node loss, x, through[2];
        size_t n;
        const char *says;
    } uses[] = {
        {WEFT_ERROR_SHAPE, vector, x, {a}, 1, "a loss is one number"},
        {WEFT_ERROR_SHAPE, index, x, {a}, 1, "a loss is one number"},
        {WEFT_ERROR_ARGUMENT, loss, stranger, {a}, 1, "paths: x[0] is no node"},
        {WEFT_ERROR_ARGUMENT, loss, x, {a, stranger}, 2, "paths: through[1] is no node"},
        {WEFT_ERROR_ARGUMENT, loss, x, {a, a}, 2, "through[0] and through[1] are one node"},
        {WEFT_ERROR_DTYPE, loss, x, {index}, 1, "i64"},
        {WEFT_ERROR_DTYPE, loss, index, {a}, 1, "i64"},
    };
    weft_mark mark = weft_tape_mark(t);
    for (size_t k = 0; k < sizeof uses / sizeof *uses; k++) {
        ck_assert_int_eq(weft_paths(uses[k].loss, uses[k].x, uses[k].through, uses[k].n, parts), uses[k].status);
        ck_assert_msg(strstr(weft_tape_message(t), uses[k].says) != NULL, "\"%s\" does not say \"%s\"", weft_tape_message(t), uses[k].says);
        ck_assert(weft_node_failed(parts[0]));
        weft_tape_rewind(t, mark);
    }
    ck_assert_int_eq(weft_paths(loss, x, NULL, 1, parts), WEFT_ERROR_ARGUMENT);
    weft_tape_rewind(t, mark);
    ck_assert_int_eq(weft_paths(loss, x, &a, 1, NULL), WEFT_ERROR_ARGUMENT);
    weft_tape_rewind(t, mark);
    ck_assert_int_eq(weft_paths_vjp(&loss, NULL, 1, x, &a, 1, parts), WEFT_ERROR_ARGUMENT);
    weft_tape_rewind(t, mark);
    ck_assert_int_eq(weft_paths_vjp(&loss, &vector, 1, x, &a, 1, parts), WEFT_ERROR_SHAPE);
    weft_tape_rewind(t, mark);
    ck_assert_int_ne(weft_paths_vjp(&loss, &loss, 0, x, &a, 1, parts), WEFT_OK);
    ck_assert_int_ne(weft_paths(none, x, &a, 1, parts), WEFT_OK);
    weft_node one = weft_scalar_like(x, 1);
    ck_assert_int_eq(weft_flows(&loss, &one, 1, (const weft_node[]){a, a}, 2, flows), WEFT_ERROR_ARGUMENT);
    weft_tape_rewind(t, mark);
    ck_assert_int_eq(weft_flows(&loss, &loss, 1, NULL, 1, flows), WEFT_ERROR_ARGUMENT);
    weft_tape_rewind(t, mark);
    ck_assert_int_ne(weft_pull_back(none, one, parts), WEFT_OK);
    ck_assert_int_eq(weft_flows(&loss, &loss, 1, NULL, 0, flows), WEFT_OK); /* nothing asked for */
    weft_tape_free(other);
}
END_TEST

/* As weft_grad() has it: a way through integers alone is an error, not a zero. */
START_TEST(ways_through_integers_are_refused)
{
    weft_node x = values("x", 1, (size_t[]){3}, (double[]){1, 3, 2}), a = weft_exp(x);
    weft_node loss = weft_sum(weft_cast(weft_argmax(a, 0, false), WEFT_F64), WEFT_ALL_AXES, false), parts[2], dx;
    weft_mark mark = weft_tape_mark(t);
    ck_assert_int_eq(weft_grad(loss, &x, 1, &dx), WEFT_ERROR_GRADIENT);
    weft_tape_rewind(t, mark);
    ck_assert_int_eq(weft_paths(loss, x, &a, 1, parts), WEFT_ERROR_GRADIENT);
    ck_assert_ptr_nonnull(strstr(weft_tape_message(t), "argmax"));
    weft_tape_rewind(t, mark);
    loss = weft_add(loss, weft_sum(x, WEFT_ALL_AXES, false)); /* with another way that of a is a zero */
    ck_assert_int_eq(weft_paths(loss, x, &a, 1, parts), WEFT_OK);
}
END_TEST

static weft_status record_some(weft_tape *tape)
{
    static const size_t dim[] = {N, D};
    weft_node h = weft_input(tape, "h", WEFT_F64, 2, dim), g = weft_input(tape, "g", WEFT_F64, 1, dim + 1), dy = weft_input(tape, "dy", WEFT_F64, 2, dim);
    weft_node mu = weft_mean(h, 1, false), y = weft_fused_batchnorm(weft_sub(h, mu), g, g, 0.1), through[] = {mu, weft_part(y, 1)}, parts[3], flows[6];
    weft_paths_vjp(&y, &dy, 1, h, through, 2, parts);
    weft_flows(&y, &dy, 1, through, 2, flows);
    return weft_tape_status(tape);
}

START_TEST(every_allocation_may_fail)
{
    faulty f = {0};
    weft_allocator allocator = faulty_allocator(&f);
    weft_tape *tape = weft_tape_new(&allocator);
    ck_assert_int_eq(record_some(tape), WEFT_OK);
    weft_tape_free(tape);
    size_t all = f.count;
    for (size_t n = 2; n <= all; n++) { /* the first is the tape itself */
        f = (faulty){.fail_at = n};
        tape = weft_tape_new(&allocator);
        weft_mark mark = weft_tape_mark(tape);
        weft_status status = record_some(tape);
        ck_assert(status == WEFT_ERROR_MEMORY || (status == WEFT_OK && f.count < n));
        weft_tape_rewind(tape, mark);
        ck_assert_int_eq(record_some(tape), WEFT_OK);
        weft_tape_free(tape);
        ck_assert_uint_eq(f.live, 0);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("paths");
    TCase *paths = tcase_create("paths");
    tcase_add_checked_fixture(paths, set_up, tear_down);
    tcase_set_timeout(paths, 120);
    tcase_add_test(paths, batchnorm_has_three_paths);
    tcase_add_test(paths, the_order_of_the_list_does_not_matter);
    tcase_add_test(paths, the_edge_from_sigma2_to_mu_carries_zero);
    tcase_add_test(paths, layernorm_has_the_same_three);
    tcase_add_test(paths, softmax_has_two);
    tcase_add_test(paths, each_path_counts_where_it_is_met_first);
    tcase_add_test(paths, the_ends_may_be_chosen);
    tcase_add_test(paths, a_mask_may_be_chosen);
    tcase_add_test(paths, outputs_of_one_op_are_told_apart);
    tcase_add_test(paths, checkpointed_scopes_change_nothing);
    tcase_add_test(paths, parts_can_be_differentiated);
    tcase_add_test(paths, pull_back_is_one_step);
    tcase_add_test(paths, parts_of_random_graphs_add_up);
    tcase_add_test(paths, bad_use_is_named);
    tcase_add_test(paths, ways_through_integers_are_refused);
    tcase_add_test(paths, every_allocation_may_fail);
    suite_add_tcase(suite, paths);
    return run_suite(suite);
}

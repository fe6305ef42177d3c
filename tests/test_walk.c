/* test_walk.c: the walk back through a graph says what the tape holds: its texts are those of the derivations on paper, its adjoints the gradients of
 * weft_vjp(), whatever the graph. */
#include "tests/faulty.h"
#include "tests/page.h"
#include "tests/random_graph.h"

#include <math.h>

enum { RANDOM_GRAPHS = 400, MOST_INPUTS = 4 };

static weft_tape *t;

static void set_up(void)
{
    t = weft_tape_new(NULL);
}

static void tear_down(void)
{
    weft_tape_free(t);
}

typedef struct given {
    const char *name;
    int rank;
    size_t dim[2];
} given;

static weft_node parse(const char *text, const given *in, size_t n)
{
    weft_binding_name names[MOST_INPUTS];
    char message[WEFT_MESSAGE_SIZE];
    weft_node y;
    for (size_t i = 0; i < n; i++)
        names[i] = (weft_binding_name){in[i].name, weft_input(t, in[i].name, WEFT_F64, in[i].rank, in[i].dim)};
    ck_assert_msg(weft_parse(t, text, names, n, &y, message) == WEFT_OK, "%s", message);
    return y;
}

static void write(const char *text)
{
    if (*text)
        write_page(&paper, text, strlen(text));
}

/* "q = x + y" for each node that is no leaf and no constant, then "q -> x: dx += dq [local 1]" for each edge. */
static const char *told(const weft_walk *walk)
{
    blank();
    for (size_t k = 0; k < walk->n_nodes; k++) {
        const weft_walk_node *n = &walk->node[k];
        if (!weft_node_operand_count(n->node) || weft_node_scalar(n->node, NULL))
            continue;
        write(n->label), write(" = "), write(n->text), write("\n");
    }
    for (size_t k = 0; k < walk->n_edges; k++) {
        const weft_walk_edge *e = &walk->edge[k];
        write(walk->node[e->from].label), write(" -> "), write(walk->node[e->to].label), write(": ");
        write(walk->node[e->to].adjoint_label), write(e->first ? " = " : " += "), write(e->text);
        if (*e->local_text)
            write(" ["), write(e->local_text), write("]");
        write("\n");
    }
    return paper.text;
}

static void tells(const char *expression, const given *in, size_t n, const char *text)
{
    weft_walk walk;
    weft_node y = parse(expression, in, n);
    weft_shape shape = weft_node_shape(y);
    weft_walk_options options = {.n_x = 0};
    if (weft_shape_count(&shape) != 1)
        options.dy = weft_input(t, "cotangent", WEFT_F64, shape.rank, shape.dim);
    ck_assert_msg(weft_walk_record(y, &options, &walk) == WEFT_OK, "%s", weft_tape_message(t));
    assert_text(told(&walk), text);
    weft_walk_free(&walk);
}

/* --- the classics, each as a derivation on paper has it --- */

START_TEST(a_product_of_a_sum)
{
    tells("q = x + y; f = q * z", (given[]){{.name = "x"}, {.name = "y"}, {.name = "z"}}, 3,
          "q = x + y\nf = q * z\n"
          "f -> q: dq = df * z [z]\nf -> z: dz = df * q [q]\n"
          "q -> x: dx = dq [1]\nq -> y: dy = dq [1]\n");
}
END_TEST

START_TEST(what_is_used_twice_adds_up)
{
    tells("s = x * x; f = s - exp(x) + s", (given[]){{.name = "x"}}, 1,
          "s = x * x\nt2 = exp(x)\nt3 = s - t2\nf = t3 + s\n"
          "f -> t3: dt3 = df [1]\nf -> s: ds = df [1]\n"
          "t3 -> s: ds += dt3 [1]\nt3 -> t2: dt2 = -dt3 [-1]\n"
          "t2 -> x: dx = dt2 * t2 [t2]\n"
          "s -> x: dx += ds * x [x]\ns -> x: dx += ds * x [x]\n");
}
END_TEST

START_TEST(a_neuron)
{
    tells("z = w * x + b; a = sigmoid(z)", (given[]){{.name = "w"}, {.name = "x"}, {.name = "b"}}, 3,
          "t3 = w * x\nz = t3 + b\na = sigmoid(z)\n"
          "a -> z: dz = da * (a * (1 - a)) [a * (1 - a)]\n"
          "z -> t3: dt3 = dz [1]\nz -> b: db = dz [1]\n"
          "t3 -> w: dw = dt3 * x [x]\nt3 -> x: dx = dt3 * w [w]\n");
}
END_TEST

START_TEST(a_broadcast_is_a_sum_backwards_and_the_reverse)
{
    tells("y = x * w; loss = sum(y)", (given[]){{"x", 2, {4, 3}}, {"w", 1, {3}}}, 2,
          "t2 = broadcast(w)\ny = x * w\nloss = sum(y)\n"
          "loss -> y: dy = broadcast(dloss)\n"
          "y -> x: dx = dy * w [w]\ny -> t2: dt2 = dy * x [x]\n"
          "t2 -> w: dw = sum(dt2, axis=0)\n");
}
END_TEST

START_TEST(batch_normalization)
{
    tells("mu = sum(h, 0)/4; xc = h - mu; sigma2 = sum(xc**2, 0)/4; hath = xc*(sigma2 + 1e-5)**(-1/2); y = gamma*hath + beta",
          (given[]){{"h", 2, {4, 3}}, {"gamma", 1, {3}}, {"beta", 1, {3}}}, 3,
          "t3 = sum(h, axis=0)\nmu = t3 / 4\nt7 = broadcast(mu)\nxc = h - mu\nt11 = xc ** 2\nt12 = sum(t11, axis=0)\nsigma2 = t12 / 4\n"
          "t18 = sigma2 + 1e-05\nt21 = t18 ** (-0.5)\nt22 = broadcast(t21)\nhath = xc * t21\nt24 = broadcast(gamma)\nt25 = gamma * hath\n"
          "t26 = broadcast(beta)\ny = t25 + beta\n"
          "y -> t25: dt25 = dy [1]\ny -> t26: dt26 = dy [1]\n"
          "t26 -> beta: dbeta = sum(dt26, axis=0)\n"
          "t25 -> t24: dt24 = dt25 * hath [hath]\nt25 -> hath: dhath = dt25 * gamma [gamma]\n"
          "t24 -> gamma: dgamma = sum(dt24, axis=0)\n"
          "hath -> xc: dxc = dhath * t21 [t21]\nhath -> t22: dt22 = dhath * xc [xc]\n"
          "t22 -> t21: dt21 = sum(dt22, axis=0)\n"
          "t21 -> t18: dt18 = dt21 * (-0.5 * t18 ** (-1.5)) [-0.5 * t18 ** (-1.5)]\n"
          "t18 -> sigma2: dsigma2 = dt18 [1]\n"
          "sigma2 -> t12: dt12 = dsigma2 * 0.25 [0.25]\n"
          "t12 -> t11: dt11 = broadcast(dt12)\n"
          "t11 -> xc: dxc += dt11 * (2 * xc) [2 * xc]\n"
          "xc -> h: dh = dxc [1]\nxc -> t7: dt7 = -dxc [-1]\n"
          "t7 -> mu: dmu = sum(dt7, axis=0)\n"
          "mu -> t3: dt3 = dmu * 0.25 [0.25]\n"
          "t3 -> h: dh += broadcast(dt3)\n");
}
END_TEST

START_TEST(a_matrix_product)
{
    tells("y = x @ w", (given[]){{"x", 2, {4, 3}}, {"w", 2, {3, 2}}}, 2,
          "y = x @ w\n"
          "y -> x: dx = dy @ transpose(w)\ny -> w: dw = transpose(x) @ dy\n");
}
END_TEST

START_TEST(a_choice_by_a_mask)
{
    tells("y = where(x > 0, x, b)", (given[]){{.name = "x"}, {.name = "b"}}, 2,
          "t3 = greater(x, 0)\ny = where(t3, x, b)\n"
          "y -> x: dx = where(t3, dy, 0) [where(t3, 1, 0)]\ny -> b: db = where(t3, 0, dy) [where(t3, 0, 1)]\n");
}
END_TEST

/* The adjoint has the full shape, so the broadcasts in a factor of it need no word; in a sum they do. */
START_TEST(factors_are_written_as_numpy_would_have_them)
{
    tells("p = e / s; q = sum(exp(p * s))", (given[]){{"e", 2, {2, 3}}, {"s", 2, {2, 1}}}, 2,
          "t2 = broadcast(s)\np = e / s\nt4 = broadcast(s)\nt5 = p * s\nt6 = exp(t5)\nq = sum(t6)\n"
          "q -> t6: dt6 = broadcast(dq)\n"
          "t6 -> t5: dt5 = dt6 * t6 [t6]\n"
          "t5 -> p: dp = dt5 * s [s]\nt5 -> t4: dt4 = dt5 * p [p]\n"
          "t4 -> s: ds = sum(dt4, axis=1, keepdims=1)\n"
          "p -> e: de = dp * (1 / s) [1 / s]\np -> t2: dt2 = dp * -(p / s) [-(p / s)]\n"
          "t2 -> s: ds += sum(dt2, axis=1, keepdims=1)\n");
}
END_TEST

/* --- labels --- */

START_TEST(labels_differ)
{
    weft_walk walk;
    weft_node dh = weft_input(t, "dh", WEFT_F64, 0, NULL), h = weft_input(t, "h", WEFT_F64, 0, NULL), seven = weft_input(t, "t7", WEFT_F64, 0, NULL);
    weft_node mu = weft_name(weft_mul(h, dh), "mu"), again = weft_name(weft_mul(mu, seven), "mu"), third = weft_name(weft_exp(again), "mu_2");
    weft_node sum = weft_exp(third), y = weft_exp(sum);
    ck_assert_uint_eq(y.id, 7);
    ck_assert_int_eq(weft_walk_record(y, NULL, &walk), WEFT_OK);
    const char *const labels[] = {"dh", "h", "t7", "mu", "mu_2", "mu_2_2", "t6", "t7_2"};
    const char *const adjoints[] = {"ddh", "dh_2", "dt7", "dmu", "dmu_2", "dmu_2_2", "dt6", "dt7_2"};
    ck_assert_uint_eq(walk.n_nodes, 8);
    for (size_t k = 0; k < 8; k++) {
        ck_assert_str_eq(walk.node[k].label, labels[k]);
        ck_assert_str_eq(walk.node[k].adjoint_label, adjoints[k]);
        ck_assert_uint_eq(weft_walk_find(&walk, labels[k]), k);
    }
    ck_assert_uint_eq(weft_walk_find(&walk, "mu_3"), 8);
    ck_assert_str_eq(walk.node[4].text, "mu * t7");
    weft_walk_free(&walk);
}
END_TEST

START_TEST(many_of_one_name)
{
    weft_walk walk;
    weft_node y = weft_input(t, "a", WEFT_F64, 0, NULL);
    for (int i = 0; i < 5000; i++)
        y = weft_name(weft_exp(y), "a");
    ck_assert_int_eq(weft_walk_record(y, NULL, &walk), WEFT_OK);
    ck_assert_str_eq(walk.node[5000].label, "a_5001");
    ck_assert_str_eq(walk.node[5000].text, "exp(a_5000)");
    weft_walk_free(&walk);
}
END_TEST

/* --- what is silent --- */

START_TEST(what_has_no_adjoint_says_why)
{
    weft_walk walk;
    weft_node x = weft_input(t, "x", WEFT_F64, 1, (size_t[]){3}), other = weft_input(t, "other", WEFT_F64, 0, NULL);
    weft_node unused = weft_input(t, "unused", WEFT_F64, 0, NULL), index = weft_input(t, "index", WEFT_I64, 0, NULL);
    weft_node most = weft_name(weft_max(x, WEFT_ALL_AXES, false), "most"), stop = weft_name(weft_stop_gradient(most), "stop");
    weft_node y = weft_add(weft_mul(weft_take(x, index, 0), stop), other);
    ck_assert_int_eq(weft_walk_record(y, &(weft_walk_options){.x = (weft_node[]){x, unused}, .n_x = 2}, &walk), WEFT_OK);
    const struct {
        const char *label;
        weft_silence silence;
    } wanted[] = {{"x", WEFT_NOT_SILENT},          {"other", WEFT_SILENT_CONSTANT}, {"unused", WEFT_SILENT_UNUSED}, {"index", WEFT_SILENT_INTEGERS},
                  {"most", WEFT_SILENT_STOPPED}, {"stop", WEFT_SILENT_STOPPED}};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        const weft_walk_node *n = &walk.node[weft_walk_find(&walk, wanted[i].label)];
        ck_assert_msg(n->silence == wanted[i].silence, "%s: %d", wanted[i].label, n->silence);
        ck_assert_int_eq(weft_node_failed(n->adjoint), n->silence != WEFT_NOT_SILENT);
    }
    weft_walk_free(&walk);
}
END_TEST

START_TEST(an_inner_node_as_x_ends_the_walk)
{
    weft_walk walk;
    weft_node x = weft_input(t, "x", WEFT_F64, 0, NULL), e = weft_name(weft_exp(x), "e"), y = weft_mul(e, e);
    ck_assert_int_eq(weft_walk_record(y, &(weft_walk_options){.x = &e, .n_x = 1}, &walk), WEFT_OK);
    ck_assert_uint_eq(walk.n_edges, 2);
    ck_assert_int_eq(walk.node[0].silence, WEFT_SILENT_CONSTANT);
    weft_walk_free(&walk);
    ck_assert_int_eq(weft_walk_record(y, &(weft_walk_options){.x = &y, .n_x = 1}, &walk), WEFT_OK);
    ck_assert_uint_eq(walk.n_edges, 0);
    ck_assert_uint_eq(walk.node[walk.output].adjoint.id, walk.dy.id);
    weft_walk_free(&walk);
}
END_TEST

/* --- numbers --- */

/* (x + y) z at (-2, 5, -4): q = 3, f = -12, dq = z = -4, dz = q = 3. Source: the notes of CS231n. */
START_TEST(numbers_of_a_run)
{
    static const double x = -2, y = 5, z = -4, twice = -8;
    weft_walk walk;
    weft_node f = parse("q = x + y; f = q * z", (given[]){{.name = "x"}, {.name = "y"}, {.name = "z"}}, 3);
    ck_assert_int_eq(weft_walk_record(f, NULL, &walk), WEFT_OK);
    ck_assert_ptr_null(walk.node[0].value);
    weft_binding bind[] = {{walk.node[0].node, &x, sizeof x}, {walk.node[1].node, &y, sizeof y}, {walk.node[2].node, &z, sizeof z}};
    ck_assert_int_eq(weft_walk_run(&walk, bind, 3), WEFT_OK);
    static const double value[] = {-2, 5, -4, 3, -12}, adjoint[] = {-4, -4, 3, -4, 1};
    for (int k = 0; k < 5; k++) {
        ck_assert_double_eq(*(const double *)walk.node[k].value, value[k]);
        ck_assert_double_eq(*(const double *)walk.node[k].adjoint_value, adjoint[k]);
    }
    ck_assert_double_eq(*(const double *)walk.edge[0].local_value, -4);
    ck_assert_double_eq(*(const double *)walk.edge[1].flow_value, 3);
    bind[2].data = &twice;
    ck_assert_int_eq(weft_walk_run(&walk, bind, 3), WEFT_OK);
    ck_assert_double_eq(*(const double *)walk.node[4].value, -24);
    ck_assert_double_eq(*(const double *)walk.node[0].adjoint_value, -8);
    weft_walk_free(&walk);
}
END_TEST

static void puts_in(const weft_walk *walk, weft_walk_text what, size_t which, size_t element, const char *text)
{
    ck_assert_int_eq(weft_walk_print_numbers(blank(), walk, what, which, element), WEFT_OK);
    assert_text(paper.text, text);
}

/* x (2, 3) and w (3): y = x * w, s = sum of y over the rows, m = its largest, f = m * m. */
START_TEST(numbers_in_place_of_labels)
{
    static const double x_data[] = {1, -2, 3, 4, 5, -6}, w_data[] = {2, -1, 0.5};
    weft_walk walk;
    weft_node x = weft_input(t, "x", WEFT_F64, 2, (size_t[]){2, 3}), w = weft_input(t, "w", WEFT_F64, 1, (size_t[]){3});
    weft_node y = weft_name(weft_mul(x, w), "y"), s = weft_name(weft_sum(y, WEFT_AXIS(0), false), "s"), m = weft_name(weft_max(s, WEFT_ALL_AXES, false), "m");
    weft_node f = weft_name(weft_mul(m, m), "f");
    const weft_binding bind[] = {{x, x_data, sizeof x_data}, {w, w_data, sizeof w_data}};
    ck_assert_int_eq(weft_walk_record(f, NULL, &walk), WEFT_OK);
    size_t at_y = weft_walk_find(&walk, "y"), at_s = weft_walk_find(&walk, "s"), at_m = weft_walk_find(&walk, "m");
    puts_in(&walk, WEFT_TEXT_OF_NODE, at_y, 1, ""); /* there are none yet */
    ck_assert_int_eq(weft_walk_run(&walk, bind, 2), WEFT_OK);
    puts_in(&walk, WEFT_TEXT_OF_NODE, at_y, 1, "(-2) * (-1)");
    puts_in(&walk, WEFT_TEXT_OF_NODE, at_y, 5, "(-6) * 0.5");
    puts_in(&walk, WEFT_TEXT_OF_NODE, at_y, 6, ""); /* beyond the last */
    puts_in(&walk, WEFT_TEXT_OF_NODE, at_s, 2, "1.5 + (-3)");
    puts_in(&walk, WEFT_TEXT_OF_NODE, at_m, 0, "max(10, -3, -1.5)");
    puts_in(&walk, WEFT_TEXT_OF_NODE, 0, 0, ""); /* an input is no formula */
    puts_in(&walk, WEFT_TEXT_OF_NODE, weft_walk_find(&walk, "t2"), 4, "-1");
    puts_in(&walk, WEFT_TEXT_OF_FLOW, 0, 0, "1 * 10"); /* of two that are alike */
    puts_in(&walk, WEFT_TEXT_OF_LOCAL, 1, 0, "10");
    size_t k = 0;
    while (walk.edge[k].from != at_y)
        k++;
    puts_in(&walk, WEFT_TEXT_OF_FLOW, k, 3, "20 * 2"); /* dm = 20 goes to the largest of s alone */
    puts_in(&walk, WEFT_TEXT_OF_FLOW, k, 4, "0 * (-1)");
    puts_in(&walk, WEFT_TEXT_OF_LOCAL, k, 2, "0.5");
    puts_in(&walk, WEFT_TEXT_OF_FLOW, walk.n_edges - 1, 0, "20 + 80"); /* dw[0] = sum of dt2 = ds * x over the rows */
    ck_assert_int_eq(weft_walk_print_numbers(blank(), &walk, WEFT_TEXT_OF_FLOW, walk.n_edges, 0), WEFT_ERROR_ARGUMENT);
    ck_assert_int_eq(weft_walk_print_numbers((weft_writer){NULL, NULL}, &walk, WEFT_TEXT_OF_FLOW, 0, 0), WEFT_ERROR_ARGUMENT);
    weft_walk_free(&walk);
}
END_TEST

START_TEST(long_sums_are_cut)
{
    static const double x_data[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    weft_walk walk;
    weft_node x = weft_input(t, "x", WEFT_F64, 1, (size_t[]){12}), y = weft_sum(x, WEFT_ALL_AXES, false), z = weft_sum(weft_transpose(x, NULL), 1, false);
    const weft_binding bind = {x, x_data, sizeof x_data};
    ck_assert_int_eq(weft_walk_record(weft_add(y, z), NULL, &walk), WEFT_OK);
    ck_assert_int_eq(weft_walk_run(&walk, &bind, 1), WEFT_OK);
    puts_in(&walk, WEFT_TEXT_OF_NODE, 1, 0, "1 + 2 + 3 + 4 + 5 + 6 + ... + 12");
    weft_walk_free(&walk);
}
END_TEST

static size_t count_of(weft_node x)
{
    weft_shape shape = weft_node_shape(x);
    return weft_shape_count(&shape);
}

static void same(const double *got, const double *want, size_t n, double tolerance, uint64_t seed, const char *what)
{
    double largest = 0;
    for (size_t i = 0; i < n; i++)
        largest = fmax(largest, fabs(want[i]));
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(fabs(got[i] - want[i]) <= tolerance * largest, "graph %llu, %s, element %zu: %.17g, not %.17g", (unsigned long long)seed, what, i,
                      got[i], want[i]);
}

/* Adjoints are those of weft_vjp(): the terms are the same and only the order of sums at a fork may differ, by some ulps of what cancels there. Flows add
 * up to adjoints, and each elementwise flow is the adjoint times the local derivative. */
static void compare(const built *b, weft_node y, uint64_t seed, size_t *compared)
{
    weft_walk walk;
    weft_node x[64], dx[64];
    size_t n = 0;
    for (size_t i = 0; i < b->n_bindings && n < 64; i++)
        if (weft_node_dtype(b->binding[i].node) == WEFT_F64)
            x[n++] = b->binding[i].node;
    if (!n)
        return;
    weft_node dy = weft_full_like(y, 0.75);
    weft_mark mark = weft_tape_mark(b->tape);
    if (weft_vjp(&y, &dy, 1, x, n, dx) != WEFT_OK) {
        weft_tape_rewind(b->tape, mark); /* ways through integers */
        return;
    }
    ck_assert_msg(weft_walk_record(y, &(weft_walk_options){.dy = dy, .x = x, .n_x = n}, &walk) == WEFT_OK, "%s", weft_tape_message(b->tape));
    ck_assert_msg(weft_walk_run(&walk, b->binding, b->n_bindings) == WEFT_OK, "%s", weft_tape_message(b->tape));
    weft_program *p = weft_compile_with(dx, n, &(weft_options){.rewriting = WEFT_REWRITE_NONE});
    for (size_t i = 0; i < b->n_bindings; i++) {
        const weft_binding *in = &b->binding[i];
        bool parameter = weft_node_op(in->node)->kind == WEFT_PARAMETER;
        ck_assert_int_eq(parameter ? weft_parameter_write(p, in->node, in->data, in->bytes) : weft_bind(p, in->node, in->data, in->bytes), WEFT_OK);
    }
    ck_assert_int_eq(weft_run(p), WEFT_OK);
    for (size_t k = 0; k < walk.n_nodes; k++)
        for (size_t i = 0; i < n; i++)
            if (x[i].id == walk.node[k].node.id && walk.node[k].adjoint_value) {
                same(walk.node[k].adjoint_value, weft_output(p, i), count_of(x[i]), 1e-12, seed, walk.node[k].adjoint_label);
                ++*compared;
            }
    for (size_t k = 0; k < walk.n_edges; k++) {
        const weft_walk_edge *e = &walk.edge[k];
        ck_assert_uint_lt(e->to, e->from);
        ck_assert_uint_eq(weft_node_failed(e->flow), !*e->text);
        if (!e->local_value || !e->flow_value)
            continue;
        const double *local = e->local_value, *flow = e->flow_value, *adjoint = walk.node[e->from].adjoint_value;
        for (size_t i = 0; i < count_of(e->flow); i++) {
            double product = adjoint[i] * local[count_of(e->local) == 1 ? 0 : i];
            ck_assert_msg(flow[i] == product || (isnan(flow[i]) && isnan(product)), "graph %llu, %s: %g is not %g", (unsigned long long)seed, e->text, flow[i],
                          product);
        }
    }
    weft_program_free(p);
    weft_walk_free(&walk);
    weft_tape_rewind(b->tape, mark);
}

START_TEST(adjoints_of_random_graphs_are_their_gradients)
{
    size_t compared = 0;
    for (uint64_t g = 1; g <= RANDOM_GRAPHS; g++) {
        graph drawn = graph_draw(g);
        built b;
        drawn.order = 0;
        drawn.n_updates = 0;
        graph_build(&b, &drawn, WEFT_F64);
        if (!b.refused && weft_node_dtype(b.out[0]) == WEFT_F64)
            compare(&b, b.out[0], g, &compared);
        built_free(&b);
    }
    ck_assert_uint_gt(compared, RANDOM_GRAPHS / 2);
}
END_TEST

START_TEST(a_checkpointed_scope_reads_as_it_was_recorded)
{
    weft_walk walk;
    static const double x_data = 0.5;
    weft_node x = weft_input(t, "x", WEFT_F64, 0, NULL);
    weft_checkpoint_push(t, "part");
    weft_node e = weft_name(weft_exp(x), "e"), s = weft_sin(e);
    weft_scope_pop(t);
    ck_assert_int_eq(weft_walk_record(s, NULL, &walk), WEFT_OK);
    const weft_binding bind = {x, &x_data, sizeof x_data};
    ck_assert_int_eq(weft_walk_run(&walk, &bind, 1), WEFT_OK);
    ck_assert_str_eq(walk.edge[0].text, "dt2 * cos(e)");
    ck_assert_str_eq(walk.edge[1].text, "de * e");
    ck_assert_double_eq_tol(*(const double *)walk.node[0].adjoint_value, cos(exp(0.5)) * exp(0.5), 1e-15);
    weft_walk_free(&walk);
}
END_TEST

/* --- errors --- */

START_TEST(bad_arguments_are_refused)
{
    weft_walk walk;
    weft_node x = weft_input(t, "x", WEFT_F64, 1, (size_t[]){3}), index = weft_input(t, "index", WEFT_I64, 0, NULL), failed = {t, WEFT_NO_ID, 0};
    weft_node y = weft_sum(x, WEFT_ALL_AXES, false), noise = weft_input(t, "noise", WEFT_F32, 1, (size_t[]){3});
    const struct {
        weft_node y;
        weft_walk_options options;
        weft_status status;
        const char *says;
    } cases[] = {
        {x, {.n_x = 0}, WEFT_ERROR_SHAPE, "a walk begins at one number, or with a cotangent dy"},
        {y, {.dy = x}, WEFT_ERROR_SHAPE, "dy must have the shape and dtype of y"},
        {x, {.dy = noise}, WEFT_ERROR_SHAPE, "dy must have the shape and dtype of y"},
        {index, {.n_x = 0}, WEFT_ERROR_DTYPE, "y holds integers"},
        {y, {.x = &index, .n_x = 1}, WEFT_ERROR_DTYPE, "x[0] holds integers"},
        {y, {.x = &failed, .n_x = 1}, WEFT_ERROR_ARGUMENT, "x[0] is no node"},
        {y, {.n_x = 1}, WEFT_ERROR_ARGUMENT, "an argument is NULL"},
        {y, {.dy = failed}, WEFT_ERROR_ARGUMENT, "dy is no node"},
        {failed, {.n_x = 0}, WEFT_ERROR_ARGUMENT, "y is no node"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        weft_mark mark = weft_tape_mark(t);
        ck_assert_int_eq(weft_walk_record(cases[i].y, &cases[i].options, &walk), cases[i].status);
        ck_assert_msg(strstr(weft_tape_message(t), cases[i].says), "%s", weft_tape_message(t));
        ck_assert_ptr_null(walk.store);
        ck_assert_int_eq(weft_walk_run(&walk, NULL, 0), WEFT_ERROR_ARGUMENT);
        weft_walk_free(&walk);
        weft_tape_rewind(t, mark);
    }
    ck_assert_int_eq(weft_walk_record((weft_node){0}, NULL, &walk), WEFT_ERROR_MEMORY);
    ck_assert_int_eq(weft_walk_record(y, NULL, NULL), WEFT_ERROR_ARGUMENT);
    weft_walk_free(NULL);
}
END_TEST

START_TEST(an_input_without_data_is_an_error)
{
    weft_walk walk;
    weft_node x = weft_input(t, "x", WEFT_F64, 0, NULL), y = weft_exp(x);
    ck_assert_int_eq(weft_walk_record(y, NULL, &walk), WEFT_OK);
    ck_assert_int_eq(weft_walk_run(&walk, NULL, 0), WEFT_ERROR_UNBOUND);
    ck_assert_msg(strstr(weft_tape_message(t), "\"x\""), "%s", weft_tape_message(t));
    ck_assert_ptr_null(walk.node[0].value);
    weft_walk_free(&walk);
}
END_TEST

START_TEST(every_allocation_may_fail)
{
    static const double h_data[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13}, gamma_data[3] = {1, 2, 3};
    size_t most = SIZE_MAX;
    for (size_t at = 1; at <= most; at++) {
        faulty f = {.fail_at = at};
        weft_allocator allocator = faulty_allocator(&f);
        weft_walk walk = {0};
        weft_tape *tape = weft_tape_new(&allocator);
        if (tape) {
            weft_node h = weft_input(tape, "h", WEFT_F64, 2, (size_t[]){4, 3}), gamma = weft_input(tape, "gamma", WEFT_F64, 1, (size_t[]){3});
            weft_node y = weft_sum(weft_batchnorm(h, gamma, gamma, 1e-5), WEFT_ALL_AXES, false);
            const weft_binding bind[] = {{h, h_data, sizeof h_data}, {gamma, gamma_data, sizeof gamma_data}};
            weft_status status = weft_walk_record(y, NULL, &walk);
            if (status == WEFT_OK)
                status = weft_walk_run(&walk, bind, 2);
            ck_assert_int_eq(status, f.count >= at ? WEFT_ERROR_MEMORY : WEFT_OK);
            weft_walk_free(&walk);
        }
        if (f.count < at)
            most = 0;
        weft_tape_free(tape);
        ck_assert_uint_eq(f.live, 0);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("walk");
    TCase *texts = tcase_create("texts"), *numbers = tcase_create("numbers"), *errors = tcase_create("errors");
    TCase *const cases[] = {texts, numbers, errors};
    tcase_add_test(texts, a_product_of_a_sum);
    tcase_add_test(texts, what_is_used_twice_adds_up);
    tcase_add_test(texts, a_neuron);
    tcase_add_test(texts, a_broadcast_is_a_sum_backwards_and_the_reverse);
    tcase_add_test(texts, batch_normalization);
    tcase_add_test(texts, a_matrix_product);
    tcase_add_test(texts, a_choice_by_a_mask);
    tcase_add_test(texts, factors_are_written_as_numpy_would_have_them);
    tcase_add_test(texts, labels_differ);
    tcase_add_test(texts, many_of_one_name);
    tcase_add_test(texts, what_has_no_adjoint_says_why);
    tcase_add_test(texts, an_inner_node_as_x_ends_the_walk);
    tcase_add_test(numbers, numbers_of_a_run);
    tcase_add_test(numbers, numbers_in_place_of_labels);
    tcase_add_test(numbers, long_sums_are_cut);
    tcase_add_test(numbers, adjoints_of_random_graphs_are_their_gradients);
    tcase_add_test(numbers, a_checkpointed_scope_reads_as_it_was_recorded);
    tcase_add_test(errors, bad_arguments_are_refused);
    tcase_add_test(errors, an_input_without_data_is_an_error);
    tcase_add_test(errors, every_allocation_may_fail);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tcase_add_checked_fixture(cases[i], set_up, tear_down);
        tcase_set_timeout(cases[i], 200);
        suite_add_tcase(suite, cases[i]);
    }
    return run_suite(suite);
}

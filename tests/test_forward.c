/* test_forward.c: forward mode, and what is made of it: Hessian-vector products, Jacobians, Hessians, third derivatives. Expected numbers are closed
 * forms, worked out beside each test. Gradients with respect to inner nodes stand here too, since forward mode sees them as the transpose of itself. */
#include "tests/suite.h"

#include <math.h>

enum { MOST_BOUND = 8 };

static weft_tape *t;
static weft_binding bound[MOST_BOUND];
static size_t n_bound;

static void setup(void)
{
    t = weft_tape_new(NULL);
    n_bound = 0;
}

static void teardown(void)
{
    weft_tape_free(t);
}

/* An f64 input with its values, which stay the caller's. */
static weft_node given(const char *name, int rank, const size_t *dim, const double *data)
{
    weft_node x = weft_input(t, name, WEFT_F64, rank, dim);
    weft_shape shape = weft_node_shape(x);
    bound[n_bound++] = (weft_binding){x, data, weft_shape_count(&shape) * sizeof *data};
    return x;
}

static weft_node vector(const char *name, size_t n, const double *data)
{
    return given(name, 1, &n, data);
}

static void good(weft_status status)
{
    ck_assert_msg(status == WEFT_OK, "%s", weft_tape_message(t));
    ck_assert_int_eq(weft_tape_verify(t), WEFT_OK);
}

/* y is expected[0 .. count), within a few roundings of values of size 1. */
static void expect(weft_node y, const double *expected, size_t count)
{
    weft_shape shape = weft_node_shape(y);
    ck_assert_msg(!weft_node_failed(y), "%s", weft_tape_message(t));
    ck_assert_uint_eq(weft_shape_count(&shape), count);
    weft_program *p = weft_compile(&y, 1);
    for (size_t i = 0; i < n_bound; i++)
        weft_bind(p, bound[i].node, bound[i].data, bound[i].bytes);
    ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
    const double *got = weft_output(p, 0);
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(fabs(got[i] - expected[i]) <= 1e-13 * fmax(1, fabs(expected[i])), "element %zu is %.17g, not %.17g", i, got[i], expected[i]);
    weft_program_free(p);
}

static weft_node total(weft_node x)
{
    return weft_sum(x, WEFT_ALL_AXES, false);
}

static weft_node cubed(weft_node x)
{
    return weft_mul(weft_mul(x, x), x);
}

static weft_node jvp(weft_node y, weft_node x, weft_node dx)
{
    weft_node dy;
    good(weft_jvp(&y, 1, &x, &dx, 1, &dy));
    return dy;
}

static weft_node grad(weft_node loss, weft_node x)
{
    weft_node dx;
    good(weft_grad(loss, &x, 1, &dx));
    return dx;
}

static const double three[] = {1, -2, 0.5}, other[] = {3, 1, -4};

/* --- jvp --- */

START_TEST(tangents_go_forward)
{
    weft_node x = vector("x", 3, three), v = vector("v", 3, other);
    double expected[3], sum = 0;
    for (int i = 0; i < 3; i++)
        sum += expected[i] = 3 * three[i] * three[i] * other[i];
    expect(jvp(cubed(x), x, v), expected, 3); /* 3 x**2 v */
    expect(jvp(total(cubed(x)), x, v), &sum, 1);
    for (int i = 0; i < 3; i++)
        expected[i] = exp(three[i]) * other[i];
    expect(jvp(weft_exp(x), x, v), expected, 3);
}
END_TEST

/* d(ab) = da b + a db, for matrices as for numbers; and of one matrix twice. */
START_TEST(products_have_two_terms)
{
    static const double a[] = {1, 2, 3, 4}, b[] = {5, -6, 7, 8}, da[] = {1, 0, 0, 2}, db[] = {0, 3, 1, 0};
    weft_node node[] = {given("a", 2, (size_t[]){2, 2}, a), given("b", 2, (size_t[]){2, 2}, b)};
    weft_node dot[] = {given("da", 2, (size_t[]){2, 2}, da), given("db", 2, (size_t[]){2, 2}, db)};
    weft_node y = weft_matmul(node[0], node[1]), square = weft_matmul(node[0], node[0]), dy;
    /* da b = [5 -6; 14 16], a db = [2 3; 4 9] */
    good(weft_jvp(&y, 1, node, dot, 2, &dy));
    expect(dy, (double[]){7, -3, 18, 25}, 4);
    expect(jvp(y, node[0], dot[0]), (double[]){5, -6, 14, 16}, 4);
    expect(jvp(y, node[1], dot[1]), (double[]){2, 3, 4, 9}, 4);
    /* da a + a da = [1 2; 6 8] + [1 4; 3 8] */
    expect(jvp(square, node[0], dot[0]), (double[]){2, 6, 9, 16}, 4);
}
END_TEST

/* Sums, differences and choices are linear in their operands together, whichever of them vary. A mask that is one of the choices too is one still. */
START_TEST(sums_and_choices_carry_tangents)
{
    static const double mask[] = {1, 0, 2};
    weft_node m = vector("m", 3, mask), a = vector("a", 3, three), b = vector("b", 3, other), dm = vector("dm", 3, (double[]){5, 6, 7});
    weft_node da = vector("da", 3, (double[]){10, 20, 30}), db = vector("db", 3, (double[]){1, 2, 3}), dy[4];
    weft_node y[] = {weft_add(a, b), weft_sub(a, b), weft_where(m, a, b), weft_where(m, m, b)};
    good(weft_jvp(y, 4, (weft_node[]){m, a, b}, (weft_node[]){dm, da, db}, 3, dy));
    expect(dy[0], (double[]){11, 22, 33}, 3);
    expect(dy[1], (double[]){9, 18, 27}, 3);
    expect(dy[2], (double[]){10, 2, 30}, 3);
    expect(dy[3], (double[]){5, 2, 7}, 3);
    expect(jvp(y[1], b, db), (double[]){-1, -2, -3}, 3);
    expect(jvp(y[2], b, db), (double[]){0, 2, 0}, 3);
    expect(jvp(y[2], m, dm), (double[]){0, 0, 0}, 3);
    expect(jvp(weft_add(a, a), a, da), (double[]){20, 40, 60}, 3);
}
END_TEST

/* An op that is known by its vjp alone: the largest element moves as its tangent does, ties share. */
START_TEST(a_vjp_is_transposed)
{
    static const double tied[] = {1, 4, 4, 2};
    weft_node x = given("x", 2, (size_t[]){2, 2}, tied), v = given("v", 2, (size_t[]){2, 2}, (double[]){10, 20, 30, 40});
    expect(jvp(weft_max(x, WEFT_AXIS(1), false), x, v), (double[]){20, 30}, 2);
    expect(jvp(weft_max(x, WEFT_ALL_AXES, false), x, v), (double[]){25}, 1);
}
END_TEST

START_TEST(what_does_not_depend_has_no_tangent)
{
    weft_node x = vector("x", 3, three), b = vector("b", 2, other), v = vector("v", 3, other), dy[3];
    weft_node y[] = {weft_exp(b), weft_mul(weft_stop_gradient(x), x), weft_sign(x)};
    good(weft_jvp(y, 3, &x, &v, 1, dy));
    expect(dy[0], (double[]){0, 0}, 2);
    expect(dy[1], (double[]){3, -2, -2}, 3); /* the factor that is stopped stays */
    expect(dy[2], (double[]){0, 0, 0}, 3);
    good(weft_jvp(y, 1, NULL, NULL, 0, dy));
    expect(dy[0], (double[]){0, 0}, 2);
    ck_assert_int_eq(weft_jvp(y, 0, &x, &v, 1, dy), WEFT_OK);
}
END_TEST

/* y is x; x that another x depends on; the same x twice: as the transpose of what weft_vjp() gives. */
START_TEST(any_node_can_be_varied)
{
    weft_node x = vector("x", 3, three), v = vector("v", 3, other), h = weft_mul(x, x), y = weft_mul(h, x), dy[2];
    expect(jvp(x, x, v), other, 3);
    double expected[3];
    for (int i = 0; i < 3; i++) /* y = h x; x moves h by 2 x v, and h moves by v besides */
        expected[i] = (2 * three[i] * other[i] + other[i]) * three[i] + three[i] * three[i] * other[i];
    good(weft_jvp(&y, 1, (weft_node[]){x, h}, (weft_node[]){v, v}, 2, dy));
    expect(dy[0], expected, 3);
    for (int i = 0; i < 3; i++)
        expected[i] = three[i] * other[i];
    expect(jvp(y, h, v), expected, 3);
    good(weft_jvp((weft_node[]){y, x}, 2, (weft_node[]){x, x}, (weft_node[]){v, v}, 2, dy));
    for (int i = 0; i < 3; i++)
        expected[i] = 6 * three[i] * three[i] * other[i];
    expect(dy[0], expected, 3);
    for (int i = 0; i < 3; i++)
        expected[i] = 2 * other[i];
    expect(dy[1], expected, 3);
    expect(jvp(x, y, v), (double[]){0, 0, 0}, 3); /* y comes later */
}
END_TEST

/* One mul a link and nothing else: no cotangents, no copies, no zeros. */
START_TEST(a_chain_takes_a_node_a_link)
{
    enum { LINKS = 100 };
    weft_node x = vector("x", 3, three), v = vector("v", 3, other), y = x;
    for (int i = 0; i < LINKS; i++)
        y = i % 2 ? weft_neg(y) : weft_exp(y);
    uint32_t before = weft_tape_count(t);
    jvp(y, x, v);
    ck_assert_uint_eq(weft_tape_count(t) - before, LINKS);
}
END_TEST

/* As many nodes as ops, in linear ones too, and they look like what was differentiated: names, scopes, stamps. */
START_TEST(tangents_look_like_their_nodes)
{
    weft_node x = given("x", 2, (size_t[]){1, 3}, three), v = given("v", 2, (size_t[]){1, 3}, other), of;
    int edge;
    weft_scope_push(t, "layer");
    weft_node h = weft_name(weft_transpose(x, NULL), "h"), z = weft_sub(weft_broadcast(x, 2, (size_t[]){3, 3}), weft_matmul(h, x));
    weft_node y = weft_name(weft_sum(z, WEFT_AXIS(0), false), "y");
    weft_scope_pop(t);
    uint32_t before = weft_tape_count(t);
    weft_node dy = jvp(y, x, v);
    ck_assert_uint_eq(weft_tape_count(t) - before, 7); /* transpose, broadcast, two matmul and their sum, sub, sum */
    ck_assert_str_eq(weft_node_name(dy), "y_dot");
    ck_assert_str_eq(weft_node_scope(dy), "layer");
    ck_assert_str_eq(weft_node_name(weft_tape_node(t, before)), "h_dot");
    ck_assert(weft_node_adjoint_of(dy, &of, &edge) && of.id == y.id && edge == 0);
    ck_assert_str_eq(weft_node_name(v), "v");
}
END_TEST

/* --- second order and beyond --- */

START_TEST(a_hessian_meets_a_vector)
{
    weft_node x = vector("x", 3, three), v = vector("v", 3, other), hv;
    double expected[3];
    good(weft_hvp(total(cubed(x)), &x, &v, 1, &hv));
    for (int i = 0; i < 3; i++)
        expected[i] = 6 * three[i] * other[i]; /* the Hessian is diag(6 x) */
    expect(hv, expected, 3);
    /* x' A x: (A + A') v */
    static const double a[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    weft_node m = given("a", 2, (size_t[]){3, 3}, a), row = weft_reshape(x, 2, (size_t[]){1, 3});
    good(weft_hvp(weft_matmul(weft_matmul(row, m), weft_transpose(row, NULL)), &x, &v, 1, &hv));
    for (int i = 0; i < 3; i++) {
        expected[i] = 0;
        for (int k = 0; k < 3; k++)
            expected[i] += (a[3 * i + k] + a[3 * k + i]) * other[k];
    }
    expect(hv, expected, 3);
    good(weft_hvp(total(weft_mul(weft_stop_gradient(cubed(x)), x)), &x, &v, 1, &hv));
    expect(hv, (double[]){0, 0, 0}, 3); /* the gradient is the stopped factor, which does not vary */
}
END_TEST

/* loss = sum(x**2 w): d2 = [2w, 2x; 2x, 0] */
START_TEST(a_hessian_over_two_arrays)
{
    weft_node x[] = {vector("x", 3, three), vector("w", 3, other)};
    weft_node v[] = {vector("v", 3, (double[]){1, 2, 3}), vector("u", 3, (double[]){-1, 5, 2})}, hv[2];
    double expected[2][3];
    good(weft_hvp(total(weft_mul(weft_mul(x[0], x[0]), x[1])), x, v, 2, hv));
    for (int i = 0; i < 3; i++) {
        expected[0][i] = 2 * other[i] * (i + 1) + 2 * three[i] * (double[]){-1, 5, 2}[i];
        expected[1][i] = 2 * three[i] * (i + 1);
    }
    expect(hv[0], expected[0], 3);
    expect(hv[1], expected[1], 3);
}
END_TEST

/* The Hessian of (1 - x)**2 + 100 (y - x**2)**2 is [2 - 400 (y - 3 x**2), -400 x; -400 x, 200]. */
START_TEST(rosenbrock)
{
    static const double at[] = {-1.5, 0.75};
    weft_node z = vector("z", 2, at), x = weft_first(z, WEFT_AXIS(0), false), y = weft_sub(total(z), x);
    weft_node a = weft_sub(weft_scalar_like(x, 1), x), b = weft_sub(y, weft_mul(x, x)), h;
    good(weft_hessian(weft_add(weft_mul(a, a), weft_mul(weft_scalar_like(x, 100), weft_mul(b, b))), z, &h));
    ck_assert_int_eq(weft_node_shape(h).rank, 2);
    expect(h, (double[]){2 - 400 * (0.75 - 3 * 2.25), 600, 600, 200}, 4);
}
END_TEST

START_TEST(a_softmax_has_its_jacobian)
{
    static const double z_data[] = {0.5, -1, 2, 0};
    double p[4], sum = 0, expected[16];
    weft_node z = vector("z", 4, z_data), j;
    for (int i = 0; i < 4; i++)
        sum += p[i] = exp(z_data[i]);
    for (int i = 0; i < 4; i++)
        p[i] /= sum;
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < 4; k++)
            expected[4 * i + k] = (i == k ? p[i] : 0) - p[i] * p[k]; /* diag(p) - p p' */
    good(weft_jacobian(weft_softmax(z, 0), z, &j));
    expect(j, expected, 16);
}
END_TEST

/* d (x w)[i, j] / d w[k, l] = x[i, k] where j = l; more columns than rows, and more rows than columns. */
START_TEST(a_jacobian_has_both_shapes)
{
    static const double x_data[] = {1, 2, 3, 4, 5, 6}, w_data[] = {1, 0, 2, -1, 3, 1};
    weft_node x = given("x", 2, (size_t[]){2, 3}, x_data), w = given("w", 2, (size_t[]){3, 2}, w_data), y = weft_matmul(x, w), j;
    double expected[24];
    good(weft_jacobian(y, w, &j)); /* 4 elements against 6: backward */
    weft_shape shape = weft_node_shape(j);
    ck_assert(shape.rank == 4 && shape.dim[0] == 2 && shape.dim[1] == 2 && shape.dim[2] == 3 && shape.dim[3] == 2);
    for (int e = 0; e < 24; e++) {
        int l = e % 2, k = e / 2 % 3, c = e / 6 % 2, i = e / 12;
        expected[e] = c == l ? x_data[3 * i + k] : 0;
    }
    expect(j, expected, 24);
    weft_node s = weft_sum(x, WEFT_AXIS(1), false); /* 2 elements */
    good(weft_jacobian(weft_mul(weft_broadcast(s, 2, (size_t[]){3, 2}), w), s, &j)); /* 6 against 2: forward */
    for (int e = 0; e < 12; e++)
        expected[e] = e / 2 % 2 == e % 2 ? w_data[e / 2] : 0;
    expect(j, expected, 12);
}
END_TEST

/* An entry that is infinite stays in its place: rows are chosen, not multiplied by 0. */
START_TEST(infinite_entries_stay_in_their_place)
{
    static const double at[] = {0, 4};
    weft_node x = vector("x", 2, at), j;
    good(weft_jacobian(weft_sum(weft_mul(weft_sqrt(x), vector("w", 2, (double[]){1, 2})), 0, false), x, &j));
    weft_program *p = weft_compile(&j, 1);
    for (size_t i = 0; i < n_bound; i++)
        weft_bind(p, bound[i].node, bound[i].data, bound[i].bytes);
    ck_assert_int_eq(weft_run(p), WEFT_OK);
    const double *got = weft_output(p, 0);
    ck_assert(isinf(got[0]) && got[3] == 0.5); /* w / (2 sqrt x) */
    weft_program_free(p);
}
END_TEST

/* The third derivative of x**4 is 24 x, in every order of the modes: backward over forward over forward, ... */
START_TEST(modes_mix)
{
    weft_node x = vector("x", 3, three), one = weft_full_like(x, 1);
    double expected[3] = {24 * three[0], 24 * three[1], 24 * three[2]};
    for (int order = 0; order < 8; order++) {
        weft_node y = weft_mul(cubed(x), x);
        for (int k = 0; k < 3; k++)
            y = order >> k & 1 ? jvp(y, x, one) : grad(total(y), x);
        expect(y, expected, 3);
    }
}
END_TEST

/* --- inner nodes, backward --- */

START_TEST(gradients_for_inner_nodes)
{
    weft_node x = vector("x", 3, three), h = weft_mul(x, x), loss = total(weft_mul(h, x)), dx[5];
    double expected[3];
    good(weft_grad(loss, (weft_node[]){x, h, loss, h, x}, 5, dx));
    for (int i = 0; i < 3; i++)
        expected[i] = 3 * three[i] * three[i]; /* all paths, though h is asked for too */
    expect(dx[0], expected, 3);
    expect(dx[4], expected, 3);
    expect(dx[1], three, 3); /* d(h x)/dh = x */
    expect(dx[3], three, 3);
    expect(dx[2], (double[]){1}, 1);
    uint32_t before = weft_tape_count(t);
    grad(loss, h);
    ck_assert_uint_le(weft_tape_count(t) - before, 4); /* 1, its broadcast, and a product: nothing for what lies before h */
}
END_TEST

START_TEST(several_outputs_add_up)
{
    weft_node x = vector("x", 3, three), u[] = {vector("u", 3, other), vector("w", 3, three)}, dx;
    weft_node y[] = {weft_exp(x), weft_mul(x, x)};
    double expected[3];
    good(weft_vjp(y, u, 2, &x, 1, &dx));
    for (int i = 0; i < 3; i++)
        expected[i] = exp(three[i]) * other[i] + 2 * three[i] * three[i];
    expect(dx, expected, 3);
    good(weft_vjp((weft_node[]){y[0], y[0]}, u, 2, &x, 1, &dx)); /* one output twice */
    for (int i = 0; i < 3; i++)
        expected[i] = exp(three[i]) * (other[i] + three[i]);
    expect(dx, expected, 3);
}
END_TEST

/* --- ops of a user --- */

/* y = a b + c, which is linear neither in all of its operands together nor in each, so its transposes are transposed. */
static weft_node blend_transpose(weft_node y, const weft_node *x, int operand, weft_node dy)
{
    (void)y;
    return operand == 2 ? dy : weft_mul(dy, x[1 - operand]);
}

static void blend_f64(size_t n, void *y, const void *const *x, const ptrdiff_t *stride)
{
    for (size_t i = 0; i < n; i++)
        ((double *)y)[i] = ((const double *)x[0])[(ptrdiff_t)i * stride[0]] * ((const double *)x[1])[(ptrdiff_t)i * stride[1]] +
                           ((const double *)x[2])[(ptrdiff_t)i * stride[2]];
}

static const weft_op blend = {.name = "blend", .formula = "y = a b + c", .arity = 3, .kind = WEFT_ELEMENTWISE, .map = {blend_f64, blend_f64},
                              .transpose = blend_transpose};

START_TEST(an_op_that_is_neither_is_transposed_twice)
{
    if (test_way().backend == WEFT_BACKEND_C)
        return; /* it has no text */
    weft_node x[] = {vector("a", 3, three), vector("b", 3, other), vector("c", 3, three)};
    weft_node v[] = {vector("da", 3, (double[]){1, 2, 3}), vector("db", 3, (double[]){4, 5, 6}), vector("dc", 3, (double[]){7, 8, 9})}, dy;
    weft_node y = weft_record(&blend, x, 3, NULL);
    double expected[3];
    good(weft_jvp(&y, 1, x, v, 3, &dy));
    for (int i = 0; i < 3; i++)
        expected[i] = (i + 1) * other[i] + three[i] * (i + 4) + (i + 7);
    expect(dy, expected, 3);
}
END_TEST

/* --- errors --- */

static void refused(weft_status status, weft_status expected, const char *words)
{
    ck_assert_int_eq(status, expected);
    ck_assert_msg(strstr(weft_tape_message(t), words), "\"%s\" does not say \"%s\"", weft_tape_message(t), words);
}

START_TEST(mistakes_are_named)
{
    weft_tape *elsewhere = weft_tape_new(NULL);
    weft_node x = vector("x", 3, three), y = weft_exp(x), foreign = weft_input(elsewhere, "x", WEFT_F64, 1, (size_t[]){3});
    weft_node index = weft_input(t, "i", WEFT_I64, 1, (size_t[]){3}), narrow = weft_input(t, "n", WEFT_F32, 1, (size_t[]){3}), out;
    weft_node many = weft_input(t, "many", WEFT_F64, 1, (size_t[]){300}), deep = weft_input(t, "deep", WEFT_F64, 5, (size_t[]){1, 1, 1, 1, 1});
    weft_mark mark = weft_tape_mark(t);
    refused(weft_jvp(&y, 1, &x, &deep, 1, &out), WEFT_ERROR_SHAPE, "a tangent must have the shape and dtype of its x");
    ck_assert(weft_node_failed(out));
    weft_tape_rewind(t, mark);
    refused(weft_jvp(&y, 1, &x, &narrow, 1, &out), WEFT_ERROR_SHAPE, "shape and dtype");
    weft_tape_rewind(t, mark);
    refused(weft_jvp(&y, 1, &index, &index, 1, &out), WEFT_ERROR_DTYPE, "i64");
    weft_tape_rewind(t, mark);
    refused(weft_jvp(&index, 1, &x, &x, 1, &out), WEFT_ERROR_DTYPE, "i64");
    weft_tape_rewind(t, mark);
    refused(weft_jvp(&y, 1, &foreign, &x, 1, &out), WEFT_ERROR_ARGUMENT, "x[0] is no node of the tape of y");
    weft_tape_rewind(t, mark);
    refused(weft_jvp(&y, 1, &x, &foreign, 1, &out), WEFT_ERROR_ARGUMENT, "its tangent");
    weft_tape_rewind(t, mark);
    refused(weft_jvp(&y, 1, &x, NULL, 1, &out), WEFT_ERROR_ARGUMENT, "NULL");
    weft_tape_rewind(t, mark);
    refused(weft_jvp(&y, 1, &x, &x, 1, NULL), WEFT_ERROR_ARGUMENT, "NULL");
    weft_tape_rewind(t, mark);
    refused(weft_hvp(total(y), &x, &deep, 1, &out), WEFT_ERROR_SHAPE, "a v must have");
    weft_tape_rewind(t, mark);
    refused(weft_hvp(y, &x, &x, 1, &out), WEFT_ERROR_SHAPE, "a loss is one number");
    weft_tape_rewind(t, mark);
    refused(weft_hvp(total(y), &x, NULL, 1, &out), WEFT_ERROR_ARGUMENT, "NULL");
    weft_tape_rewind(t, mark);
    refused(weft_jacobian(weft_exp(many), many, &out), WEFT_ERROR_SHAPE, "300 passes, and 256 are the most");
    weft_tape_rewind(t, mark);
    refused(weft_jacobian(weft_exp(deep), deep, &out), WEFT_ERROR_SHAPE, "rank 10");
    weft_tape_rewind(t, mark);
    refused(weft_jacobian(y, narrow, &out), WEFT_ERROR_DTYPE, "both f32 or both f64");
    weft_tape_rewind(t, mark);
    refused(weft_jacobian(y, index, &out), WEFT_ERROR_DTYPE, "both f32 or both f64");
    weft_tape_rewind(t, mark);
    refused(weft_jacobian(y, foreign, &out), WEFT_ERROR_ARGUMENT, "nodes of one tape");
    weft_tape_rewind(t, mark);
    refused(weft_jacobian(y, x, NULL), WEFT_ERROR_ARGUMENT, "nowhere to go");
    weft_tape_rewind(t, mark);
    refused(weft_hessian(y, x, &out), WEFT_ERROR_SHAPE, "a loss is one number");
    ck_assert(weft_node_failed(out));
    ck_assert_int_eq(weft_jacobian((weft_node){0}, (weft_node){0}, &out), WEFT_ERROR_MEMORY);
    ck_assert_int_eq(weft_hvp((weft_node){0}, NULL, NULL, 0, NULL), WEFT_ERROR_MEMORY);
    ck_assert_int_eq(weft_jvp(NULL, 0, NULL, NULL, 0, NULL), WEFT_ERROR_MEMORY);
    weft_tape_free(elsewhere);
}
END_TEST

START_TEST(an_op_without_a_derivative_is_named)
{
    static const weft_op odd = {.name = "odd", .formula = "y = x", .arity = 1, .kind = WEFT_GENERAL};
    weft_node x = vector("x", 3, three), y = weft_record(&odd, &x, 1, NULL), out;
    refused(weft_jvp(&y, 1, &x, &x, 1, &out), WEFT_ERROR_GRADIENT, "odd");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("forward");
    TCase *forward = tcase_create("forward");
    tcase_add_checked_fixture(forward, setup, teardown);
    tcase_add_test(forward, tangents_go_forward);
    tcase_add_test(forward, products_have_two_terms);
    tcase_add_test(forward, sums_and_choices_carry_tangents);
    tcase_add_test(forward, a_vjp_is_transposed);
    tcase_add_test(forward, what_does_not_depend_has_no_tangent);
    tcase_add_test(forward, any_node_can_be_varied);
    tcase_add_test(forward, a_chain_takes_a_node_a_link);
    tcase_add_test(forward, tangents_look_like_their_nodes);
    tcase_add_test(forward, a_hessian_meets_a_vector);
    tcase_add_test(forward, a_hessian_over_two_arrays);
    tcase_add_test(forward, rosenbrock);
    tcase_add_test(forward, a_softmax_has_its_jacobian);
    tcase_add_test(forward, a_jacobian_has_both_shapes);
    tcase_add_test(forward, infinite_entries_stay_in_their_place);
    tcase_add_test(forward, modes_mix);
    tcase_add_test(forward, gradients_for_inner_nodes);
    tcase_add_test(forward, several_outputs_add_up);
    tcase_add_test(forward, an_op_that_is_neither_is_transposed_twice);
    tcase_add_test(forward, mistakes_are_named);
    tcase_add_test(forward, an_op_without_a_derivative_is_named);
    suite_add_tcase(suite, forward);
    return run_suite(suite);
}

/* test_tape.c: recording. Shapes by NumPy's rule, names and scopes, marks, errors that stick and say what is wrong, the verifier. */
#include "tests/suite.h"
#include "weft_op.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static weft_tape *t;

static void set_up(void)
{
    t = weft_tape_new(NULL);
}

static void tear_down(void)
{
    weft_tape_free(t);
}

static weft_node input(int rank, size_t a, size_t b, size_t c)
{
    return weft_input(t, NULL, WEFT_F64, rank, (size_t[]){a, b, c});
}

static void expect_shape(weft_node x, int rank, size_t a, size_t b, size_t c)
{
    const size_t dim[] = {a, b, c};
    weft_shape shape = weft_node_shape(x);
    ck_assert_msg(!weft_node_failed(x), "%s", weft_tape_message(t));
    ck_assert_int_eq(shape.rank, rank);
    for (int i = 0; i < rank; i++)
        ck_assert_uint_eq(shape.dim[i], dim[i]);
}

START_TEST(shapes_follow_numpy)
{
    expect_shape(weft_add(input(2, 4, 3, 0), input(1, 3, 0, 0)), 2, 4, 3, 0);
    expect_shape(weft_add(input(1, 3, 0, 0), input(2, 4, 1, 0)), 2, 4, 3, 0);
    expect_shape(weft_add(input(3, 1, 5, 1), input(2, 1, 7, 0)), 3, 1, 5, 7);
    expect_shape(weft_add(input(0, 0, 0, 0), input(1, 0, 0, 0)), 1, 0, 0, 0);
    expect_shape(weft_add(input(2, 0, 1, 0), input(2, 1, 3, 0)), 2, 0, 3, 0);
    expect_shape(weft_sum(input(3, 2, 3, 4), WEFT_AXIS(1), false), 2, 2, 4, 0);
    expect_shape(weft_sum(input(3, 2, 3, 4), WEFT_AXIS(0) | WEFT_AXIS(2), true), 3, 1, 3, 1);
    expect_shape(weft_sum(input(0, 0, 0, 0), WEFT_ALL_AXES, false), 0, 0, 0, 0);
    expect_shape(weft_transpose(input(3, 2, 3, 4), NULL), 3, 4, 3, 2);
    expect_shape(weft_matmul(input(2, 2, 3, 0), input(2, 3, 5, 0)), 2, 2, 5, 0);
    expect_shape(weft_mean(input(2, 4, 3, 0), WEFT_AXIS(0), true), 2, 1, 3, 0);
    ck_assert_int_eq(weft_tape_verify(t), WEFT_OK);
}
END_TEST

START_TEST(rank_eight_and_no_more)
{
    size_t dim[9] = {1, 2, 1, 2, 1, 2, 1, 2, 1};
    weft_node x = weft_input(t, "x", WEFT_F32, 8, dim);
    ck_assert(!weft_node_failed(weft_mul(x, weft_transpose(x, (int[]){0, 1, 2, 3, 4, 5, 6, 7}))));
    ck_assert(weft_node_failed(weft_input(t, "y", WEFT_F32, 9, dim)));
    ck_assert_int_eq(weft_tape_status(t), WEFT_ERROR_SHAPE);
}
END_TEST

START_TEST(broadcasting_is_a_node)
{
    weft_node y = weft_mul(input(2, 4, 3, 0), input(1, 3, 0, 0));
    ck_assert_str_eq(weft_node_op(weft_node_operand(y, 0))->name, "input");
    ck_assert_str_eq(weft_node_op(weft_node_operand(y, 1))->name, "broadcast");
    expect_shape(weft_node_operand(y, 1), 2, 4, 3, 0);
}
END_TEST

START_TEST(names_and_scopes)
{
    weft_node x = weft_input(t, "x", WEFT_F32, 0, NULL);
    weft_scope_push(t, "layer1");
    weft_scope_push(t, "batchnorm");
    weft_node y = weft_name(weft_neg(x), "hhat");
    weft_scope_pop(t);
    weft_node z = weft_neg(y);
    weft_scope_pop(t);
    ck_assert_str_eq(weft_node_name(y), "hhat");
    ck_assert_str_eq(weft_node_scope(y), "layer1/batchnorm");
    ck_assert_str_eq(weft_node_scope(z), "layer1");
    ck_assert_str_eq(weft_node_scope(x), "");
    weft_scope_pop(t);
    ck_assert_int_eq(weft_tape_status(t), WEFT_ERROR_ARGUMENT);
}
END_TEST

START_TEST(scalars_are_seen_through_broadcasts)
{
    double value;
    weft_node half = weft_scalar(t, WEFT_F32, 0.5), wide = weft_broadcast(half, 2, (size_t[]){3, 4});
    ck_assert(weft_node_scalar(wide, &value) && value == 0.5);
    ck_assert(!weft_node_scalar(weft_neg(half), &value));
}
END_TEST

/* --- allocations --- */

typedef struct counter {
    size_t allocations, bytes;
} counter;

static void *counted(void *context, size_t bytes)
{
    ((counter *)context)->allocations++;
    ((counter *)context)->bytes += bytes;
    return malloc(bytes);
}

static void released(void *context, void *memory, size_t bytes)
{
    ((counter *)context)->bytes -= bytes;
    free(memory);
}

static weft_node record_layers(weft_tape *tape, int layers)
{
    weft_node x = weft_input(tape, "x", WEFT_F32, 2, (size_t[]){4, 3}), gamma = weft_input(tape, "gamma", WEFT_F32, 1, (size_t[]){3});
    for (int i = 0; i < layers; i++) {
        weft_scope_push(tape, "layer");
        x = weft_relu(weft_batchnorm(x, gamma, gamma, 1e-5));
        weft_scope_pop(tape);
    }
    return weft_sum(x, WEFT_ALL_AXES, false);
}

START_TEST(recording_again_after_a_rewind_allocates_nothing)
{
    counter c = {0};
    weft_allocator allocator = {counted, released, &c};
    weft_tape *tape = weft_tape_new(&allocator);
    weft_mark mark = weft_tape_mark(tape);
    record_layers(tape, 40);
    uint32_t count = weft_tape_count(tape);
    size_t before = c.allocations;
    for (int step = 0; step < 5; step++) {
        weft_tape_rewind(tape, mark);
        ck_assert_uint_eq(weft_tape_count(tape), 0);
        record_layers(tape, 40);
        ck_assert_uint_eq(weft_tape_count(tape), count);
    }
    ck_assert_uint_eq(c.allocations, before);
    ck_assert_int_eq(weft_tape_verify(tape), WEFT_OK);
    weft_tape_free(tape);
    ck_assert_uint_eq(c.bytes, 0);
}
END_TEST

START_TEST(a_rewound_node_is_recognised)
{
    weft_node x = input(0, 0, 0, 0);
    weft_mark mark = weft_tape_mark(t);
    weft_node gone = weft_neg(x);
    weft_tape_rewind(t, mark);
    weft_node other = weft_exp(x); /* takes the id of the node that is gone */
    ck_assert_uint_eq(gone.id, other.id);
    ck_assert(weft_node_failed(gone) && !weft_node_failed(other));
    weft_neg(gone);
    ck_assert_int_eq(weft_tape_status(t), WEFT_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(weft_tape_message(t), "weft_tape_rewind"));
    weft_tape_rewind(t, mark); /* takes the error along */
    ck_assert_int_eq(weft_tape_status(t), WEFT_OK);
    ck_assert(!weft_node_failed(weft_neg(x)));
}
END_TEST

START_TEST(a_name_given_after_a_mark_outlives_the_rewind)
{
    weft_node x = input(0, 0, 0, 0);
    weft_mark mark = weft_tape_mark(t);
    weft_name(x, "late");
    weft_tape_rewind(t, mark);
    for (int i = 0; i < 100; i++)
        weft_scope_push(t, "something else to fill the arena");
    ck_assert_str_eq(weft_node_name(x), "late");
}
END_TEST

/* --- errors --- */

/* One bad call each; the message must contain all of the words. */
static weft_node bad_shape(void)
{
    weft_node h = weft_input(t, "h/hhat", WEFT_F32, 2, (size_t[]){4, 3}), gamma = weft_input(t, "gamma", WEFT_F32, 1, (size_t[]){4});
    weft_scope_push(t, "layer1");
    return weft_mul(h, gamma);
}

static weft_node bad_dtype(void)
{
    return weft_add(weft_input(t, "a", WEFT_F32, 0, NULL), weft_input(t, "b", WEFT_F64, 0, NULL));
}

static weft_node bad_index_dtype(void)
{
    return weft_exp(weft_input(t, "label", WEFT_I64, 1, (size_t[]){3}));
}

static weft_node bad_axis(void)
{
    return weft_sum(weft_input(t, "x", WEFT_F32, 2, (size_t[]){2, 3}), WEFT_AXIS(2), false);
}

static weft_node bad_max_of_nothing(void)
{
    return weft_max(weft_input(t, "x", WEFT_F32, 2, (size_t[]){2, 0}), WEFT_AXIS(1), false);
}

static weft_node bad_broadcast(void)
{
    return weft_broadcast(weft_input(t, "x", WEFT_F32, 1, (size_t[]){3}), 2, (size_t[]){3, 2});
}

static weft_node bad_broadcast_rank(void)
{
    return weft_broadcast(weft_input(t, "x", WEFT_F32, 2, (size_t[]){3, 1}), 1, (size_t[]){3});
}

static weft_node bad_reshape(void)
{
    return weft_reshape(weft_input(t, "x", WEFT_F32, 1, (size_t[]){6}), 2, (size_t[]){4, 2});
}

static weft_node bad_order(void)
{
    return weft_transpose(weft_input(t, "x", WEFT_F32, 2, (size_t[]){4, 2}), (int[]){0, 0});
}

static weft_node bad_matmul(void)
{
    return weft_matmul(weft_input(t, "x", WEFT_F32, 2, (size_t[]){4, 2}), weft_input(t, "w", WEFT_F32, 2, (size_t[]){3, 2}));
}

static weft_node bad_matmul_rank(void)
{
    return weft_matmul(weft_input(t, "x", WEFT_F32, 0, NULL), weft_input(t, "w", WEFT_F32, 2, (size_t[]){4, 2}));
}

static weft_node bad_gather(void)
{
    return weft_gather(weft_input(t, "table", WEFT_F32, 2, (size_t[]){4, 2}), weft_input(t, "index", WEFT_F32, 1, (size_t[]){3}));
}

static weft_node bad_batchnorm(void)
{
    weft_node g = weft_input(t, "gamma", WEFT_F32, 1, (size_t[]){2});
    return weft_batchnorm(weft_input(t, "h", WEFT_F32, 2, (size_t[]){4, 3}), g, g, 1e-5);
}

static weft_node bad_batchnorm_rank(void)
{
    weft_node g = weft_input(t, "gamma", WEFT_F32, 1, (size_t[]){3});
    return weft_fused_batchnorm_relu(weft_input(t, "h", WEFT_F32, 1, (size_t[]){3}), g, g, 1e-5);
}

static weft_node bad_batchnorm_channels(void)
{
    weft_node g = weft_input(t, "gamma", WEFT_F32, 1, (size_t[]){5}); /* channels are axis 1, not the last one */
    return weft_fused_batchnorm(weft_input(t, "h", WEFT_F32, 4, (size_t[]){2, 3, 4, 5}), g, g, 1e-5);
}

static weft_node bad_eps(void)
{
    weft_node g = weft_input(t, "gamma", WEFT_F32, 1, (size_t[]){3});
    return weft_fused_batchnorm(weft_input(t, "h", WEFT_F32, 2, (size_t[]){4, 3}), g, g, -1);
}

static weft_node bad_layernorm(void)
{
    weft_node x = weft_input(t, "x", WEFT_F32, 3, (size_t[]){2, 4, 3});
    return weft_layernorm(x, weft_input(t, "gamma", WEFT_F32, 1, (size_t[]){3}), weft_input(t, "beta", WEFT_F32, 1, (size_t[]){4}), 1e-5);
}

static weft_node bad_rmsnorm(void)
{
    return weft_rmsnorm(weft_input(t, "x", WEFT_F32, 2, (size_t[]){4, 3}), weft_input(t, "gamma", WEFT_F32, 1, (size_t[]){3}), NAN);
}

static weft_node bad_softmax(void)
{
    return weft_softmax(weft_input(t, "z", WEFT_F32, 2, (size_t[]){4, 3}), -3);
}

static weft_node bad_l2_normalize(void)
{
    return weft_l2_normalize(weft_input(t, "x", WEFT_F32, 2, (size_t[]){4, 3}), 2, 1e-5);
}

static weft_node bad_l2_eps(void)
{
    return weft_l2_normalize(weft_input(t, "x", WEFT_F32, 2, (size_t[]){4, 3}), 1, -1);
}

static weft_node bad_label(void)
{
    return weft_softmax_cross_entropy(weft_input(t, "z", WEFT_F32, 2, (size_t[]){4, 3}), weft_input(t, "label", WEFT_I64, 1, (size_t[]){5}));
}

static weft_node bad_assign(void)
{
    weft_node x = weft_input(t, "x", WEFT_F32, 0, NULL);
    return weft_assign(x, x);
}

static weft_node bad_size(void)
{
    return weft_input(t, "huge", WEFT_F64, 3, (size_t[]){(size_t)1 << 40, (size_t)1 << 40, 2});
}

static weft_node bad_hidden_size(void)
{
    return weft_input(t, "huge", WEFT_F64, 3, (size_t[]){(size_t)1 << 40, (size_t)1 << 40, 0});
}

static weft_node bad_null_dims(void)
{
    return weft_input(t, "x", WEFT_F64, 2, NULL);
}

static weft_node bad_null_data(void)
{
    return weft_constant(t, WEFT_F64, 0, NULL, NULL);
}

static weft_node bad_null_name(void)
{
    return weft_name(weft_input(t, "x", WEFT_F64, 0, NULL), NULL);
}

static weft_node bad_operand(void)
{
    return weft_add(weft_input(t, "x", WEFT_F64, 0, NULL), (weft_node){0});
}

static weft_node bad_operand_first(void)
{
    return weft_add((weft_node){0}, weft_input(t, "x", WEFT_F64, 0, NULL));
}

static weft_node bad_handle(void)
{
    weft_node x = weft_input(t, "x", WEFT_F64, 0, NULL);
    x.id = 77;
    return weft_neg(x);
}

static weft_node bad_loss(void)
{
    weft_node x = weft_input(t, "x", WEFT_F64, 1, (size_t[]){3}), dx;
    weft_grad(x, &x, 1, &dx);
    return dx;
}

static weft_node bad_wrt(void)
{
    weft_node x = weft_input(t, "label", WEFT_I64, 1, (size_t[]){3}), dx;
    weft_grad(weft_scalar(t, WEFT_F32, 1), &x, 1, &dx);
    return dx;
}

static weft_node bad_cotangent(void)
{
    weft_node x = weft_input(t, "x", WEFT_F64, 1, (size_t[]){3}), y = weft_exp(x), dy = weft_scalar(t, WEFT_F64, 1), dx;
    weft_vjp(&y, &dy, 1, &x, 1, &dx);
    return dx;
}

static weft_node bad_part(void)
{
    return weft_part(weft_exp(weft_input(t, "x", WEFT_F64, 1, (size_t[]){3})), 1);
}

static const struct {
    const char *what;
    weft_node (*call)(void);
    weft_status status;
    const char *words[6]; /* op, operands with shapes, scope, rule, cure */
} mistakes[] = {
    {"shapes", bad_shape, WEFT_ERROR_SHAPE, {"layer1", "mul \"h/hhat\" (4, 3) x \"gamma\" (4)", "axis 1 is 3 against 4", "sum over axis 1", "keepdims"}},
    {"dtypes", bad_dtype, WEFT_ERROR_DTYPE, {"add \"a\" () x \"b\" ()", "f64 against f32", "one dtype"}},
    {"indices", bad_index_dtype, WEFT_ERROR_DTYPE, {"exp \"label\" (3) i64", "f32 or f64"}},
    {"axis", bad_axis, WEFT_ERROR_SHAPE, {"sum \"x\" (2, 3)", "axis", "0 to 1"}},
    {"max of nothing", bad_max_of_nothing, WEFT_ERROR_SHAPE, {"max \"x\" (2, 0)", "axis 1 is empty"}},
    {"broadcast", bad_broadcast, WEFT_ERROR_SHAPE, {"broadcast \"x\" (3)", "axis 0 is 3", "length 1"}},
    {"broadcast rank", bad_broadcast_rank, WEFT_ERROR_SHAPE, {"broadcast \"x\" (3, 1)", "rank 2 to rank 1"}},
    {"reshape", bad_reshape, WEFT_ERROR_SHAPE, {"reshape \"x\" (6)", "6 elements, the new shape 8"}},
    {"order", bad_order, WEFT_ERROR_SHAPE, {"transpose \"x\" (4, 2)", "once"}},
    {"matmul", bad_matmul, WEFT_ERROR_SHAPE, {"matmul \"x\" (4, 2) x \"w\" (3, 2)", "2 against 3", "transpose"}},
    {"matmul rank", bad_matmul_rank, WEFT_ERROR_SHAPE, {"matmul \"x\" () x \"w\" (4, 2)", "at least one axis"}},
    {"gather", bad_gather, WEFT_ERROR_DTYPE, {"take \"table\" (4, 2) x \"index\" (3)", "i64"}},
    {"batchnorm", bad_batchnorm, WEFT_ERROR_SHAPE, {"batchnorm \"h\" (4, 3) x \"gamma\" (2)", "(N, C, ...)"}},
    {"batchnorm rank", bad_batchnorm_rank, WEFT_ERROR_SHAPE, {"fused_batchnorm_relu \"h\" (3) x \"gamma\" (3)", "(N, C, ...)"}},
    {"batchnorm channels", bad_batchnorm_channels, WEFT_ERROR_SHAPE, {"fused_batchnorm \"h\" (2, 3, 4, 5) x \"gamma\" (5)", "(N, C, ...)"}},
    {"eps", bad_eps, WEFT_ERROR_ARGUMENT, {"fused_batchnorm", "eps is -1", "0 or more"}},
    {"layernorm", bad_layernorm, WEFT_ERROR_SHAPE, {"layernorm \"x\" (2, 4, 3) x \"gamma\" (3) x \"beta\" (4)", "(..., D)"}},
    {"rmsnorm", bad_rmsnorm, WEFT_ERROR_ARGUMENT, {"rmsnorm \"x\" (4, 3) x \"gamma\" (3)", "eps is", "0 or more"}},
    {"softmax", bad_softmax, WEFT_ERROR_SHAPE, {"softmax \"z\" (4, 3)", "axis is -3", "-1"}},
    {"l2_normalize", bad_l2_normalize, WEFT_ERROR_SHAPE, {"l2_normalize \"x\" (4, 3)", "axis is 2"}},
    {"l2_normalize eps", bad_l2_eps, WEFT_ERROR_ARGUMENT, {"l2_normalize \"x\" (4, 3)", "eps is -1", "0 or more"}},
    {"label", bad_label, WEFT_ERROR_SHAPE, {"softmax_cross_entropy \"z\" (4, 3) x \"label\" (5) i64", "(N, C)"}},
    {"assign", bad_assign, WEFT_ERROR_ARGUMENT, {"assign", "weft_parameter()"}},
    {"size", bad_size, WEFT_ERROR_SHAPE, {"input", "memory"}},
    {"size behind a zero", bad_hidden_size, WEFT_ERROR_SHAPE, {"input", "memory"}},
    {"NULL dims", bad_null_dims, WEFT_ERROR_SHAPE, {"input \"x\"", "rank"}},
    {"NULL data", bad_null_data, WEFT_ERROR_ARGUMENT, {"constant", "NULL"}},
    {"NULL name", bad_null_name, WEFT_ERROR_ARGUMENT, {"input \"x\"", "NULL"}},
    {"no node", bad_operand, WEFT_ERROR_ARGUMENT, {"add", "operand 1 is no node"}},
    {"no node first", bad_operand_first, WEFT_ERROR_ARGUMENT, {"add", "operand 0 is no node"}},
    {"handle", bad_handle, WEFT_ERROR_ARGUMENT, {"neg", "operand 0", "never was a node"}},
    {"loss", bad_loss, WEFT_ERROR_SHAPE, {"input \"x\" (3)", "one number", "sum"}},
    {"wrt", bad_wrt, WEFT_ERROR_DTYPE, {"label", "i64"}},
    {"cotangent", bad_cotangent, WEFT_ERROR_SHAPE, {"exp", "shape and dtype of its output"}},
    {"part", bad_part, WEFT_ERROR_ARGUMENT, {"exp", "no output 1"}},
};

START_TEST(mistakes_are_named)
{
    weft_node result = mistakes[_i].call();
    ck_assert_msg(weft_node_failed(result), "%s: no failed node came back", mistakes[_i].what);
    ck_assert_msg(weft_tape_status(t) == mistakes[_i].status, "%s: %s: %s", mistakes[_i].what, weft_status_text(weft_tape_status(t)),
                  weft_tape_message(t));
    for (int k = 0; k < 6 && mistakes[_i].words[k]; k++)
        ck_assert_msg(strstr(weft_tape_message(t), mistakes[_i].words[k]), "%s: \"%s\" does not say \"%s\"", mistakes[_i].what,
                      weft_tape_message(t), mistakes[_i].words[k]);
    /* the first error sticks, and nothing is recorded after it */
    char first[WEFT_MESSAGE_SIZE];
    strcpy(first, weft_tape_message(t));
    uint32_t count = weft_tape_count(t);
    weft_matmul(weft_scalar(t, WEFT_F32, 1), result);
    ck_assert_str_eq(weft_tape_message(t), first);
    ck_assert_uint_eq(weft_tape_count(t), count);
}
END_TEST

START_TEST(two_tapes_do_not_mix)
{
    weft_tape *other = weft_tape_new(NULL);
    weft_node sum = weft_add(weft_input(t, "x", WEFT_F32, 0, NULL), weft_input(other, "y", WEFT_F32, 0, NULL));
    ck_assert(weft_node_failed(sum));
    ck_assert_int_eq(weft_tape_status(t), WEFT_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(weft_tape_message(t), "another tape"));
    weft_tape_free(other);
}
END_TEST

START_TEST(nothing_crashes_on_null)
{
    weft_node none = {0};
    weft_tape_free(NULL);
    weft_scope_push(NULL, "x");
    weft_scope_pop(NULL);
    weft_tape_rewind(NULL, weft_tape_mark(NULL));
    ck_assert_int_eq(weft_tape_status(NULL), WEFT_ERROR_MEMORY);
    ck_assert_int_eq(weft_tape_verify(NULL), WEFT_ERROR_MEMORY);
    ck_assert(weft_node_failed(weft_input(NULL, "x", WEFT_F32, 0, NULL)));
    ck_assert(weft_node_failed(weft_add(none, none)));
    ck_assert(weft_node_failed(weft_batchnorm(none, none, none, 1e-5)));
    ck_assert(weft_node_failed(weft_fused_batchnorm(none, none, none, 1e-5)));
    ck_assert(weft_node_failed(weft_softmax_cross_entropy(none, none)));
    ck_assert(weft_node_failed(weft_layernorm(none, none, none, 1e-5)));
    ck_assert(weft_node_failed(weft_rmsnorm(none, none, 1e-5)));
    ck_assert(weft_node_failed(weft_softmax(none, -1)));
    ck_assert(weft_node_failed(weft_l2_normalize(none, -1, 1e-5)));
    ck_assert(weft_node_failed(weft_mean(none, 1, false)));
    ck_assert(weft_node_failed(weft_name(none, "x")));
    ck_assert(weft_node_failed(weft_transpose(none, NULL)));
    ck_assert(weft_node_failed(weft_part(none, 0)));
    ck_assert_str_eq(weft_node_name(none), "");
    ck_assert_int_ne(weft_grad(none, NULL, 0, NULL), WEFT_OK);
    ck_assert_int_ne(weft_vjp(NULL, NULL, 1, NULL, 0, NULL), WEFT_OK);
}
END_TEST

/* A shape rule that changes its mind is what the verifier is there to find. */
static bool lie;

static weft_status fickle_shape(weft_typing *typing)
{
    typing->y[0] = typing->x[0];
    if (lie)
        typing->y[0].dim[0]++;
    return WEFT_OK;
}

static const weft_op fickle = {.name = "fickle", .arity = 1, .kind = WEFT_GENERAL, .shape = fickle_shape};

START_TEST(the_verifier_runs_shape_rules_again)
{
    weft_node x = input(1, 3, 0, 0);
    weft_record(&fickle, &x, 1, NULL);
    lie = false;
    ck_assert_int_eq(weft_tape_verify(t), WEFT_OK);
    lie = true;
    ck_assert_int_eq(weft_tape_verify(t), WEFT_ERROR_SHAPE);
    ck_assert_ptr_nonnull(strstr(weft_tape_message(t), "fickle"));
    lie = false;
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tape");
    TCase *record = tcase_create("record");
    tcase_add_checked_fixture(record, set_up, tear_down);
    tcase_add_test(record, shapes_follow_numpy);
    tcase_add_test(record, rank_eight_and_no_more);
    tcase_add_test(record, broadcasting_is_a_node);
    tcase_add_test(record, names_and_scopes);
    tcase_add_test(record, scalars_are_seen_through_broadcasts);
    tcase_add_test(record, recording_again_after_a_rewind_allocates_nothing);
    tcase_add_test(record, a_rewound_node_is_recognised);
    tcase_add_test(record, a_name_given_after_a_mark_outlives_the_rewind);
    tcase_add_loop_test(record, mistakes_are_named, 0, sizeof mistakes / sizeof *mistakes);
    tcase_add_test(record, two_tapes_do_not_mix);
    tcase_add_test(record, nothing_crashes_on_null);
    tcase_add_test(record, the_verifier_runs_shape_rules_again);
    suite_add_tcase(suite, record);
    return run_suite(suite);
}

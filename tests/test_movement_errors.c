/* test_movement_errors.c: what the builders that move elements refuse, with their words. */
#include "tests/suite.h"

#include <stdint.h>

static weft_tape *t;

static void set_up(void)
{
    t = weft_tape_new(NULL);
}

static void tear_down(void)
{
    weft_tape_free(t);
}

static weft_node line(const char *name, weft_dtype dtype, size_t n)
{
    return weft_input(t, name, dtype, 1, &n);
}

static weft_node square(const char *name)
{
    return weft_input(t, name, WEFT_F64, 2, (size_t[]){2, 3});
}

static weft_node bad_step(void)
{
    return weft_slice(square("x"), NULL, NULL, (ptrdiff_t[]){1, 0});
}

static weft_node bad_flip(void)
{
    return weft_flip(square("x"), WEFT_AXIS(2));
}

static weft_node bad_pad(void)
{
    return weft_pad(square("x"), (size_t[]){0, SIZE_MAX}, (size_t[]){0, 4}); /* whose sum is 6 once it has wrapped around */
}

static weft_node bad_pad_product(void)
{
    return weft_pad(square("x"), (size_t[]){(size_t)1 << 40, (size_t)1 << 40}, NULL);
}

static weft_node bad_concat_axis(void)
{
    return weft_concat((weft_node[]){square("x"), square("y")}, 2, -3);
}

static weft_node bad_concat_scalar(void)
{
    weft_node x = weft_scalar(t, WEFT_F64, 1);
    return weft_concat((weft_node[]){x, x}, 2, 0);
}

static weft_node bad_concat_dim(void)
{
    return weft_concat((weft_node[]){square("x"), square("y"), weft_transpose(square("z"), NULL)}, 3, 0);
}

/* Operand 9 stands in an inner node of the tree. */
static weft_node bad_concat_of_many(void)
{
    weft_node x[20], good = square("x");
    for (int k = 0; k < 20; k++)
        x[k] = k == 9 ? weft_slice(good, (ptrdiff_t[]){1, 1}, NULL, NULL) : good;
    return weft_concat(x, 20, 0);
}

static weft_node bad_concat_rank(void)
{
    return weft_concat((weft_node[]){square("x"), line("y", WEFT_F64, 3)}, 2, 1);
}

static weft_node bad_concat_dtype(void)
{
    return weft_concat((weft_node[]){square("x"), weft_cast(square("y"), WEFT_F32)}, 2, 1);
}

static weft_node bad_concat_size(void)
{
    weft_node x = weft_input(t, "x", WEFT_F64, 1, (size_t[]){PTRDIFF_MAX / 8});
    return weft_concat((weft_node[]){x, x, x, x, x, x, x, x}, 8, 0);
}

static weft_node bad_stack_axis(void)
{
    return weft_stack((weft_node[]){square("x")}, 1, 3);
}

static weft_node bad_stack_shape(void)
{
    return weft_stack((weft_node[]){square("x"), weft_reshape(square("y"), 2, (size_t[]){3, 2})}, 2, 0);
}

static weft_node bad_stack_rank(void)
{
    return weft_stack((weft_node[]){weft_input(t, "x", WEFT_F64, 8, (size_t[]){1, 1, 1, 1, 1, 1, 1, 1})}, 1, 0);
}

static weft_node bad_split(void)
{
    weft_node out[2] = {{0}};
    ck_assert_int_eq(weft_split(square("x"), 1, 2, out), WEFT_ERROR_SHAPE);
    ck_assert(weft_node_failed(out[0]));
    return out[1];
}

static weft_node bad_split_axis(void)
{
    weft_node out[2];
    weft_split(square("x"), 2, 2, out);
    return out[1];
}

static weft_node bad_cast(void)
{
    return weft_cast(square("x"), (weft_dtype)3);
}

static weft_node bad_index_gradient(void)
{
    weft_node y = weft_cast(square("x"), WEFT_I64), dy = weft_cast(square("dy"), WEFT_I64), dx;
    weft_vjp(&y, &dy, 1, &y, 1, &dx);
    return dx;
}

static const struct {
    weft_node (*build)(void);
    weft_status status;
    const char *words[4];
} errors[] = {
    {bad_step, WEFT_ERROR_ARGUMENT, {"slice", "\"x\" (2, 3)", "step along axis 1 is 0"}},
    {bad_flip, WEFT_ERROR_SHAPE, {"flip", "axis", "0 to 1"}},
    {bad_pad, WEFT_ERROR_SHAPE, {"pad", "axis 1 of length 3", "memory"}},
    {bad_pad_product, WEFT_ERROR_SHAPE, {"pad", "memory"}},
    {bad_concat_axis, WEFT_ERROR_SHAPE, {"concat", "axis is -3", "has 2"}},
    {bad_concat_scalar, WEFT_ERROR_SHAPE, {"concat", "has 0"}},
    {bad_concat_dim, WEFT_ERROR_SHAPE, {"concat", "\"x\" (2, 3)", "axis 1 is 2 in operand 2 against 3", "only axis 0"}},
    {bad_concat_of_many, WEFT_ERROR_SHAPE, {"axis 1 is 2 in operand 9 against 3"}},
    {bad_concat_rank, WEFT_ERROR_SHAPE, {"operand 1 has rank 1 against 2"}},
    {bad_concat_dtype, WEFT_ERROR_DTYPE, {"operand 1 is f32 against f64", "weft_cast"}},
    {bad_concat_size, WEFT_ERROR_SHAPE, {"concat", "memory"}},
    {bad_stack_axis, WEFT_ERROR_SHAPE, {"stack", "axis is 3", "has 3"}},
    {bad_stack_shape, WEFT_ERROR_SHAPE, {"stack", "(2, 3)", "(3, 2)", "operand 1"}},
    {bad_stack_rank, WEFT_ERROR_SHAPE, {"stack", "9", "8"}},
    {bad_split, WEFT_ERROR_SHAPE, {"split", "axis 1 of length 3 into 2", "multiple"}},
    {bad_split_axis, WEFT_ERROR_SHAPE, {"split", "axis is 2"}},
    {bad_cast, WEFT_ERROR_DTYPE, {"cast", "WEFT_I64"}},
    {bad_index_gradient, WEFT_ERROR_DTYPE, {"no derivative with respect to i64"}},
};
enum { ERRORS = sizeof errors / sizeof *errors };

START_TEST(errors_say_what_and_where)
{
    ck_assert(weft_node_failed(errors[_i].build()));
    ck_assert_msg(weft_tape_status(t) == errors[_i].status, "%d: %s", weft_tape_status(t), weft_tape_message(t));
    for (int k = 0; k < 4 && errors[_i].words[k]; k++)
        ck_assert_msg(strstr(weft_tape_message(t), errors[_i].words[k]), "\"%s\" lacks \"%s\"", weft_tape_message(t), errors[_i].words[k]);
}
END_TEST

START_TEST(nothing_given_is_a_failed_node)
{
    ck_assert(weft_node_failed(weft_concat(NULL, 3, 0)) && weft_node_failed(weft_stack(NULL, 0, 0)));
    ck_assert(weft_node_failed(weft_concat((weft_node[]){{0}, {0}}, 2, 0)) && weft_node_failed(weft_stack((weft_node[]){{0}}, 1, 0)));
    ck_assert(weft_node_failed(weft_slice((weft_node){0}, NULL, NULL, NULL)) && weft_node_failed(weft_cast((weft_node){0}, WEFT_F32)));
    weft_node x = square("x");
    ck_assert(weft_node_failed(weft_concat((weft_node[]){x, {0}}, 2, 0)));
    ck_assert_int_eq(weft_tape_status(t), WEFT_ERROR_ARGUMENT);
    ck_assert(weft_node_failed(weft_flip(x, 0)));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("movement_errors");
    TCase *refused = tcase_create("refused");
    tcase_add_checked_fixture(refused, set_up, tear_down);
    tcase_add_loop_test(refused, errors_say_what_and_where, 0, ERRORS);
    tcase_add_test(refused, nothing_given_is_a_failed_node);
    suite_add_tcase(suite, refused);
    return run_suite(suite);
}

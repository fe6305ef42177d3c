/* test_describe.c: what a program says of itself: its steps letter by letter where they are few, and how often arrays of the full size are
 * walked over in the normalizations, by hand. N and D are such that small arrays cannot be mistaken for large ones. */
#include "tests/page.h"

enum { N = 512, D = 64, WHOLE = N * D * 4 }; /* bytes of an (N, D) array of f32 */

/* What small arrays may add, to reads and to writes: some 10 arrays of N or of D doubles, less than half of a large one. */
enum { SMALL = WHOLE / 2 };

static weft_node whole(weft_tape *t, const char *name)
{
    return weft_input(t, name, WEFT_F32, 2, (size_t[]){N, D});
}

static weft_node row(weft_tape *t, const char *name)
{
    return weft_input(t, name, WEFT_F32, 1, (size_t[]){D});
}

static weft_traffic traffic_of(const weft_node *outputs, size_t n)
{
    weft_program *p = weft_compile(outputs, n);
    ck_assert_msg(weft_program_status(p) == WEFT_OK, "%s", weft_program_message(p));
    weft_traffic moved = weft_program_traffic(p);
    weft_program_free(p);
    return moved;
}

/* A function with its value y and the gradient with respect to its inputs x, by the cotangent dy. */
typedef struct function {
    weft_tape *tape;
    weft_node y, dy, x[3];
    int n;
} function;

static weft_traffic forward(const function *f)
{
    return traffic_of(&f->y, 1);
}

static weft_traffic both(const function *f)
{
    weft_node outputs[4] = {f->y};
    ck_assert_int_eq(weft_vjp(&f->y, &f->dy, 1, f->x, (size_t)f->n, outputs + 1), WEFT_OK);
    return traffic_of(outputs, (size_t)f->n + 1);
}

static void assert_whole(size_t bytes, size_t arrays)
{
    ck_assert_msg(bytes >= arrays * WHOLE && bytes < arrays * WHOLE + SMALL,
                  "%zu bytes are %.2f arrays, not %zu", bytes, (double)bytes / WHOLE, arrays);
}

/* --- small programs, exactly ------------------------------------------------------------------------------------------------------------- */

/* h is read whole (4 * 6 * 4 bytes), gamma with its own 4 elements, 2 is in the text of the loop; y is written. Names outlive the tape. */
START_TEST(describes_a_loop)
{
    weft_tape *t = weft_tape_new(NULL);
    weft_node h = weft_input(t, "h", WEFT_F32, 2, (size_t[]){6, 4}), gamma = weft_input(t, "gamma", WEFT_F32, 1, (size_t[]){4});
    weft_node scaled = weft_mul(h, gamma), y = weft_name(weft_add(scaled, weft_scalar_like(h, 2)), "y");
    weft_options as_recorded = {.rewriting = WEFT_REWRITE_NONE};
    weft_program *p = weft_compile_with(&y, 1, &as_recorded);
    weft_tape_free(t);
    ck_assert_int_eq(weft_program_describe(blank(), p), WEFT_OK);
    char *totals = strstr(paper.text, "bytes at the peak ");
    ck_assert_ptr_nonnull(totals);
    ck_assert_uint_ge(strtoull(totals + strlen("bytes at the peak "), NULL, 10), 96); /* y, and a tile of the interpreter's */
    *totals = 0;
    assert_text(paper.text, "0: loop 6 x 4, 6 instructions\n"
                            "   computes %3 mul, %6 add y\n"
                            "   reads    h 96, gamma 16\n"
                            "   writes   y 96\n"
                            "loops 1, calls 0, passes over the largest space 1\n"
                            "bytes read 112, written 96\n");
    weft_traffic moved = weft_program_traffic(p);
    ck_assert_uint_eq(moved.bytes_read, 112);
    ck_assert_uint_eq(moved.bytes_written, 96);
    ck_assert_uint_eq(moved.passes, 1);
    weft_program_free(p);
}
END_TEST

/* A matmul (3, 2) @ (2, 5) in f64 reads 48 + 80 bytes and writes 120. Its sum reads 120 and writes 8; assigning copies 8. */
START_TEST(describes_calls_and_assignments)
{
    weft_tape *t = weft_tape_new(NULL);
    weft_node a = weft_input(t, "a", WEFT_F64, 2, (size_t[]){3, 2}), b = weft_input(t, "b", WEFT_F64, 2, (size_t[]){2, 5});
    weft_node w = weft_parameter(t, "w", WEFT_F64, 0, NULL);
    weft_node total = weft_name(weft_sum(weft_name(weft_matmul(a, b), "product"), WEFT_ALL_AXES, false), "total");
    weft_node set = weft_assign(w, total);
    weft_program *p = weft_compile(&set, 1);
    ck_assert_int_eq(weft_program_describe(blank(), p), WEFT_OK);
    ck_assert_ptr_nonnull(strstr(paper.text, "0: call of matmul\n   reads    a 48, b 80\n   writes   product 120\n1: loop 15, 2 instructions\n"));
    ck_assert_ptr_nonnull(strstr(paper.text, "   reads    product 120\n   writes   total 8\nat the end: w = total, 8\n"));
    weft_traffic moved = weft_program_traffic(p);
    ck_assert_uint_eq(moved.loops, 1);
    ck_assert_uint_eq(moved.calls, 1);
    ck_assert_uint_eq(moved.bytes_read, 48 + 80 + 120 + 8);
    ck_assert_uint_eq(moved.bytes_written, 120 + 8 + 8);
    weft_program_free(p);
    weft_tape_free(t);
}
END_TEST

/* Two loads of one array under different strides are one visit; what is broadcast by another name is not larger for it. */
START_TEST(an_array_counts_once_a_loop)
{
    weft_tape *t = weft_tape_new(NULL);
    weft_node x = weft_input(t, "x", WEFT_F64, 2, (size_t[]){7, 7}), first = weft_input(t, "v", WEFT_F64, 1, (size_t[]){7});
    weft_node column = weft_reshape(first, 2, (size_t[]){7, 1});
    weft_node y = weft_add(weft_add(x, weft_transpose(x, NULL)), weft_mul(first, column));
    weft_traffic moved = traffic_of(&y, 1);
    ck_assert_uint_eq(moved.loops, 1);
    ck_assert_uint_eq(moved.bytes_read, 49 * 8 + 7 * 8);
    ck_assert_uint_eq(moved.bytes_written, 49 * 8);
    weft_tape_free(t);
}
END_TEST

/* --- normalizations ---------------------------------------------------------------------------------------------------------------------- */

static function batchnorm(void)
{
    function f = {.tape = weft_tape_new(NULL), .n = 3};
    f.x[0] = whole(f.tape, "h");
    f.x[1] = row(f.tape, "gamma");
    f.x[2] = row(f.tape, "beta");
    f.dy = whole(f.tape, "dy");
    f.y = weft_batchnorm(f.x[0], f.x[1], f.x[2], 1e-5);
    return f;
}

/* The sums of deviations from the first row give mu and sigma2 in one read; y needs both: two passes read h, and the second writes y. */
START_TEST(batchnorm_forward)
{
    function f = batchnorm();
    weft_traffic moved = forward(&f);
    ck_assert_uint_eq(moved.passes, 2);
    assert_whole(moved.bytes_read, 2);
    assert_whole(moved.bytes_written, 1);
    weft_tape_free(f.tape);
}
END_TEST

/* The gradient needs sum dy and sum dy*(h - mu), which fit into the first pass, and dh is written beside y: h and dy are read twice. */
START_TEST(batchnorm_forward_and_backward)
{
    function f = batchnorm();
    weft_traffic moved = both(&f);
    ck_assert_uint_eq(moved.passes, 2);
    assert_whole(moved.bytes_read, 4);
    assert_whole(moved.bytes_written, 2);
    weft_tape_free(f.tape);
}
END_TEST

/* The offset of the affine layer and ReLU ride along: as many passes over what the matmul wrote as for batchnorm alone over h. */
START_TEST(affine_batchnorm_relu)
{
    function f = batchnorm();
    weft_node x = weft_input(f.tape, "x", WEFT_F32, 2, (size_t[]){N, 3}), w = weft_input(f.tape, "w", WEFT_F32, 2, (size_t[]){3, D});
    weft_node y = weft_relu(weft_batchnorm(weft_affine(x, w, row(f.tape, "b")), f.x[1], f.x[2], 1e-5));
    weft_traffic moved = traffic_of(&y, 1), alone = forward(&f);
    ck_assert_uint_eq(moved.passes, alone.passes);
    ck_assert_uint_eq(moved.calls, 1);
    assert_whole(moved.bytes_read, 2);
    assert_whole(moved.bytes_written, 2); /* the matmul's, and y */
    weft_tape_free(f.tape);
}
END_TEST

/* As for batchnorm: the moments, then y; and for the gradient nothing more. */
START_TEST(layernorm)
{
    function f = batchnorm();
    f.y = weft_layernorm(f.x[0], f.x[1], f.x[2], 1e-5);
    weft_traffic moved = forward(&f);
    ck_assert_uint_eq(moved.passes, 2);
    assert_whole(moved.bytes_read, 2);
    moved = both(&f);
    ck_assert_uint_eq(moved.passes, 2);
    assert_whole(moved.bytes_read, 4);
    assert_whole(moved.bytes_written, 2);
    weft_tape_free(f.tape);
}
END_TEST

/* The sum of squares, then y. The gradient's sum of dy*x rides with the first: two passes. */
START_TEST(rmsnorm_and_l2_normalize)
{
    function f = batchnorm();
    f.n = 2;
    f.y = weft_rmsnorm(f.x[0], f.x[1], 1e-5);
    for (int k = 0; k < 2; k++) {
        weft_traffic moved = forward(&f);
        ck_assert_uint_eq(moved.passes, 2);
        assert_whole(moved.bytes_read, 2);
        assert_whole(moved.bytes_written, 1);
        moved = both(&f);
        ck_assert_uint_eq(moved.passes, 2);
        assert_whole(moved.bytes_read, 4);
        assert_whole(moved.bytes_written, 2);
        f.n = 1;
        f.y = weft_l2_normalize(f.x[0], -1, 1e-5);
    }
    weft_tape_free(f.tape);
}
END_TEST

/* The largest score; powers and their sum; p. exp costs more than memory, so powers are written and read back. The gradient's sum of power*dp
 * rides with the second pass. */
START_TEST(softmax)
{
    function f = batchnorm();
    f.n = 1;
    f.y = weft_softmax(f.x[0], -1);
    weft_traffic moved = forward(&f);
    ck_assert_uint_eq(moved.passes, 3);
    assert_whole(moved.bytes_read, 3);
    assert_whole(moved.bytes_written, 2);
    moved = both(&f);
    ck_assert_uint_eq(moved.passes, 3);
    assert_whole(moved.bytes_read, 5);
    assert_whole(moved.bytes_written, 3);
    weft_tape_free(f.tape);
}
END_TEST

/* --- how often memory is walked over ------------------------------------------------------------------------------------------------------ */

/* Large enough for a part of the arrays to be less than a second cache: rows of the forward and of the backward pass then take turns, and what a
 * kernel by hand reads from memory once is read once. Where sums go across rows, as those of batch normalization do, the second loop must wait. */
typedef enum walked { BATCHNORM, LAYERNORM, RMSNORM, L2_NORMALIZE, SOFTMAX, LOG_SOFTMAX, GROUPNORM, INSTANCENORM, CROSS_ENTROPY, WALKED } walked;

static weft_node walked_function(walked which, const weft_node *x, weft_node label)
{
    switch (which) {
    case BATCHNORM:
        return weft_batchnorm(x[0], x[1], x[2], 1e-5);
    case LAYERNORM:
        return weft_layernorm(x[0], x[1], x[2], 1e-5);
    case RMSNORM:
        return weft_rmsnorm(x[0], x[1], 1e-5);
    case L2_NORMALIZE:
        return weft_l2_normalize(x[0], -1, 1e-5);
    case SOFTMAX:
        return weft_softmax(x[0], -1);
    case LOG_SOFTMAX:
        return weft_log_softmax(x[0], -1);
    case GROUPNORM:
        return weft_groupnorm(x[0], 8, x[1], x[2], 1e-5);
    case INSTANCENORM:
        return weft_instancenorm(weft_reshape(x[0], 3, (size_t[]){8192, 4, 64}), x[3], x[4], 1e-5);
    case CROSS_ENTROPY:
    case WALKED:
        break;
    }
    return weft_softmax_cross_entropy(x[0], label);
}

/* What the loops hand to one another is kept by parts: beside the outputs there are statistics, and parts of a few hundred KiB. */
static void assert_outputs_alone(const weft_node *outputs, size_t n, size_t bytes)
{
    weft_program *p = weft_compile(outputs, n);
    size_t peak = weft_program_memory(p).peak;
    ck_assert_msg(peak >= bytes && peak <= bytes + bytes / 8 + (1 << 20), "%zu bytes at the peak, for outputs of %zu", peak, bytes);
    weft_program_free(p);
}

START_TEST(rows_take_turns)
{
    static const struct {
        const char *name;
        int operands;
        size_t forward, both;
    } expected[WALKED] = {
        [BATCHNORM] = {"batchnorm", 3, 2, 2}, [LAYERNORM] = {"layernorm", 3, 1, 1}, [RMSNORM] = {"rmsnorm", 2, 1, 1},
        [L2_NORMALIZE] = {"l2_normalize", 1, 1, 1}, [SOFTMAX] = {"softmax", 1, 1, 1}, [LOG_SOFTMAX] = {"log_softmax", 1, 1, 1},
        [GROUPNORM] = {"groupnorm", 3, 1, 1}, [INSTANCENORM] = {"instancenorm", 1, 1, 1}, [CROSS_ENTROPY] = {"cross-entropy", 1, 1, 1},
    };
    const size_t rows = 8192, columns = 256;
    weft_tape *t = weft_tape_new(NULL);
    weft_node x[5] = {weft_input(t, "x", WEFT_F32, 2, (size_t[]){rows, columns})}, label = weft_input(t, "label", WEFT_I64, 1, &rows), out[4], dy;
    for (int i = 1; i < 3; i++)
        x[i] = weft_input(t, "gamma", WEFT_F32, 1, &columns);
    for (int i = 3; i < 5; i++)
        x[i] = weft_input(t, "gamma", WEFT_F32, 1, (size_t[]){4});
    out[0] = walked_function((walked)_i, x, label);
    weft_shape shape = weft_node_shape(out[0]);
    dy = weft_input(t, "dy", WEFT_F32, shape.rank, shape.dim);
    ck_assert_int_eq(weft_vjp(out, &dy, 1, x, (size_t)expected[_i].operands, out + 1), WEFT_OK);
    const size_t whole_bytes = rows * columns * sizeof(float);
    size_t outputs = shape.rank ? 1 : 0;
    assert_outputs_alone(out, 1, outputs * whole_bytes);
    assert_outputs_alone(out, (size_t)expected[_i].operands + 1, (outputs + 1) * whole_bytes);
    weft_traffic forward = traffic_of(out, 1), both = traffic_of(out, (size_t)expected[_i].operands + 1);
    ck_assert_msg(forward.walks == expected[_i].forward && both.walks == expected[_i].both, "%s walks %zu times over memory, and %zu with its gradient",
                  expected[_i].name, forward.walks, both.walks);
    ck_assert_uint_ge(forward.passes, forward.walks);
    weft_tape_free(t);
}
END_TEST

/* --- refusals ---------------------------------------------------------------------------------------------------------------------------- */

START_TEST(refuses_what_cannot_be_described)
{
    function f = batchnorm();
    weft_program *p = weft_compile(&f.y, 1), *bad = weft_compile(&(weft_node){.tape = f.tape, .id = WEFT_NO_ID}, 1);
    ck_assert_int_eq(weft_program_describe(blank(), NULL), WEFT_ERROR_ARGUMENT);
    ck_assert_int_eq(weft_program_describe((weft_writer){0}, p), WEFT_ERROR_ARGUMENT);
    ck_assert_int_eq(weft_program_describe(blank(), bad), WEFT_ERROR_ARGUMENT);
    ck_assert_uint_eq(weft_program_traffic(NULL).loops, 0);
    for (int allowed = 1; allowed < 20; allowed++) {
        weft_writer writer = blank();
        paper.calls_allowed = allowed;
        ck_assert_int_eq(weft_program_describe(writer, p), WEFT_ERROR_FILE);
    }
    weft_program_free(p);
    weft_program_free(bad);
    weft_tape_free(f.tape);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("describe");
    TCase *all = tcase_create("all");
    suite_add_tcase(suite, all);
    tcase_add_test(all, describes_a_loop);
    tcase_add_test(all, describes_calls_and_assignments);
    tcase_add_test(all, an_array_counts_once_a_loop);
    tcase_add_test(all, batchnorm_forward);
    tcase_add_test(all, batchnorm_forward_and_backward);
    tcase_add_test(all, affine_batchnorm_relu);
    tcase_add_test(all, layernorm);
    tcase_add_test(all, rmsnorm_and_l2_normalize);
    tcase_add_test(all, softmax);
    tcase_add_loop_test(all, rows_take_turns, 0, WALKED);
    tcase_add_test(all, refuses_what_cannot_be_described);
    return run_suite(suite);
}

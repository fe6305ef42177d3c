/* test_fuzz.c: expressions and files with random changes, always the same ones. What can be read is also differentiated, rewritten, compiled and run, in
 * memory that is bounded, so an allocation fails now and then: each step ends in a result or in a message, and leaves nothing behind. Meant for the
 * sanitizers: most of what could be wrong here would otherwise go unseen. test_parse_hostile and test_npy_hostile change what is read, and read it. */
#define _XOPEN_SOURCE 700 /* mkdtemp */
#include "tests/npy_files.h"

enum { TEXTS = 12000, FILES = 4000, ARCHIVES = 4000, LONGEST = 700, MOST_ELEMENTS = 50000 };

static uint64_t state;

static unsigned draw(unsigned below)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33) % below;
}

/* --- memory that is bounded ----------------------------------------------------------------------------------------------------------------------- */

typedef struct purse {
    size_t most, used;
} purse;

static void *take(void *context, size_t bytes)
{
    purse *p = context;
    if (bytes > p->most - p->used)
        return NULL;
    p->used += bytes;
    return malloc(bytes);
}

static void give(void *context, void *memory, size_t bytes)
{
    if (memory)
        ((purse *)context)->used -= bytes;
    free(memory);
}

/* --- text ------------------------------------------------------------------------------------------------------------------------------------------- */

static const double numbers[24] = {0.5, -1, 2, 0, 1e-3, -3, 1, 4, 0.25, -0.5, 7, -2, 1, 0, 1e300, -1e-300, 3, 2, 2, -7, 0.1, 0.2, 0.3, 0.4};
static const int64_t indices[4] = {2, 0, 1, 1}, one[1] = {1};

static const struct {
    const char *name;
    weft_dtype dtype;
    weft_shape shape;
    const void *data;
} arrays[] = {{"x", WEFT_F64, {2, {4, 3}}, numbers},     {"y", WEFT_F64, {3, {2, 4, 3}}, numbers}, {"g", WEFT_F64, {1, {3}}, numbers},
              {"a", WEFT_F64, {0}, numbers},             {"none", WEFT_F64, {2, {0, 3}}, numbers}, {"label", WEFT_I64, {1, {4}}, indices},
              {"table", WEFT_I64, {2, {4, 1}}, indices}, {"step", WEFT_I64, {0}, one}};
enum { ARRAYS = sizeof arrays / sizeof *arrays, FLOATS = 5 };

static const char *const valid[] = {
    "g*(x-mean(x,0))*(var(x,0)+1e-5)**(-1/2)+g",
    "batchnorm(x, g, g, eps=1e-5) + fused_batchnorm_relu(x, g, g)",
    "u = x @ x.T  # a comment\nsum(u, axis=(0, 1), keepdims=1) / 2",
    "where(x > 0, x, -x) + maximum(x, .5) - minimum(x, a); softmax(x, axis=-1) ** 2",
    "reshape(transpose(x, (1, 0)), (3, -1))[:2, 1::2] <= take(x, label, 0)[..., 0, None][:2]",
    "layernorm(x, g, g, eps=1/2**10) * softmax_cross_entropy(x, label)",
    "concat((x, x[::-1], none), axis=0) @ stack((g, g), axis=1)",
    "cross_entropy(x, label, reduction=\"none\") + logsumexp(x, axis=1)",
    "mse(x, x*a, reduction='sum') + std(y, (0,1), correction=1)[0]",
    "gather_elements(x, table, 1) + scatter_add_elements(x, table, 1, 3)[:, :1]",
    "one_hot(label, 3) * log_softmax(x) + cumsum(x, axis=0)",
    "prod(x, axis=1, keepdims=True) + max(y, (0, 2))[:, None] - min(x)",
    "pad(x, (1, 0), (0, 2))[1:, :3] + flip(x, (0,)) - slice(x, (3, 2), (-9, -9), (-1, -1))",
    "groupnorm(y, g[0]*y[0,:,0], y[1,:,0], 2) + instancenorm(y, y[0,:,1], y[0,:,2])",
    "attention(x, x, x, x @ x.T) + l2_normalize(x) + rmsnorm(x, g)",
    "cast(cast(x, f32), dtype=f64) + stop_gradient(x) * dropout(x, step, step, 0.5, stream=3)",
    "uniform(step, step, (4, 3), 1) + normal(step, step, shape=(4, 3), dtype=f64) * x",
    "exp(x) + expm1(x) + log(x) + log1p(x) + sin(x) + cos(x) + tanh(x) + sigmoid(x)",
    "softplus(x) + erf(x) + relu(x) + silu(x) + gelu(x) + abs(x) + sign(x) + floor(x)",
    "sqrt(x) + rsqrt(x) + square(x) + reciprocal(x) + x ** x + x / x + (x == x) + (x != a)",
    "argmax(x, 1) + argmin(x, 1); take(x, argmax(x, 0), axis=0)",
    "broadcast_to(sum(x, 0), (4, 3)) - scatter_add(x, label, 4) + affine(x, x[1:].T[:, :3], g)",
};

/* What text may have in it: names of functions and these. */
static const char *const pieces[] = {"(",   ")",    "[",  "]",  ",",     "**",      "-",     "+",    "=",   "==",     "@",        "x",     "y",    "g",  "a",
                                     "none", "label", "table", "step", "axis=", "1e9", "0",   "(0,1)", "10**15", ".T", "\n",  ";",     "None", "'",  "inf",
                                     "nan", "-1",   "[::-1]", "[0]", "[...,", "[:,None]", "#", "'mean'", "f32", "2**31", "(x,x)", "((", "))", "1:", "keepdims=1"};

static const char *draw_piece(void)
{
    weft_function f;
    if (draw(3))
        return pieces[draw(sizeof pieces / sizeof *pieces)];
    return weft_function_at(draw((unsigned)weft_function_count()), &f) ? f.name : "sum(";
}

/* Replaces `out` characters at `at` by what is in `in`. */
static void splice(char *text, size_t at, size_t out, const char *in, size_t length)
{
    size_t n = strlen(text);
    at = at < n ? at : n;
    out = out < n - at ? out : n - at;
    if (n - out + length >= LONGEST)
        return;
    memmove(text + at + length, text + at + out, n - at - out + 1);
    memcpy(text + at, in, length);
}

static void change_text(char *text)
{
    const char *other = valid[draw(sizeof valid / sizeof *valid)], *piece = draw_piece();
    size_t at = draw((unsigned)strlen(text) + 1), from = draw((unsigned)strlen(other)), length = draw((unsigned)(strlen(other) - from) + 1);
    switch (draw(6)) {
    case 0:
        splice(text, at, 0, piece, strlen(piece));
        break;
    case 1:
        splice(text, at, 1 + draw(4), piece, strlen(piece));
        break;
    case 2:
        splice(text, at, 1 + draw(8), "", 0);
        break;
    case 3: /* a part of another one */
        splice(text, at, draw(10), other + from, length);
        break;
    case 4:
        splice(text, strlen(text), 0, draw(2) ? "\n" : " + ", draw(2) ? 1 : 2);
        splice(text, strlen(text), 0, other, strlen(other));
        break;
    default:
        splice(text, at, 1, (const char[]){(char)(1 + draw(255))}, 1);
    }
}

typedef struct desk {
    weft_tape *tape;
    weft_binding_name names[ARRAYS];
    weft_node x[ARRAYS];
    size_t read, computed, refused;
} desk;

static void check_message(const char *text, const char *message)
{
    ck_assert_msg(message[0] && memchr(message, 0, WEFT_MESSAGE_SIZE), "no message: %s", text);
}

static void run(desk *d, const char *text, const weft_node *outputs, size_t n, weft_rewriting level)
{
    weft_options options = test_way();
    options.rewriting = level;
    weft_program *p = weft_compile_with(outputs, n, &options);
    for (int i = 0; i < ARRAYS && weft_program_status(p) == WEFT_OK; i++)
        weft_bind(p, d->x[i], arrays[i].data, weft_shape_count(&arrays[i].shape) * weft_dtype_size(arrays[i].dtype));
    if (weft_program_status(p) == WEFT_OK && weft_run(p) == WEFT_OK) {
        for (size_t k = 0; k < n; k++)
            ck_assert_ptr_nonnull(weft_output(p, k));
        d->computed++;
    } else {
        check_message(text, weft_program_message(p));
        d->refused++;
    }
    weft_program_free(p);
}

/* Value, gradients, a tangent and a Hessian-vector product. */
static void evaluate(desk *d, const char *text, weft_node y)
{
    weft_node outputs[1 + 2 * FLOATS + 1];
    double elements = 0;
    size_t n = 0;
    outputs[n++] = y;
    if (weft_node_dtype(y) != WEFT_I64) {
        weft_node weights = weft_full_like(y, 0.7), direction[FLOATS];
        if (weft_vjp(&y, &weights, 1, d->x, FLOATS, outputs + n) == WEFT_OK)
            n += FLOATS;
        for (int i = 0; i < FLOATS; i++)
            direction[i] = weft_full_like(d->x[i], -0.3);
        if (weft_jvp(&y, 1, d->x, direction, FLOATS, outputs + n) == WEFT_OK)
            n++;
        if (weft_hvp(weft_sum(weft_mul(weights, y), WEFT_ALL_AXES, false), d->x, direction, FLOATS, outputs + n) == WEFT_OK)
            n += FLOATS;
    }
    if (weft_tape_status(d->tape) != WEFT_OK) { /* no derivative, or no memory */
        check_message(text, weft_tape_message(d->tape));
        d->refused++;
        return;
    }
    ck_assert_msg(weft_tape_verify(d->tape) == WEFT_OK, "%s: %s", text, weft_tape_message(d->tape));
    for (uint32_t id = 0; id < weft_tape_count(d->tape); id++) {
        weft_shape shape = weft_node_shape(weft_tape_node(d->tape, id));
        elements += (double)weft_shape_count(&shape);
    }
    if (elements > MOST_ELEMENTS)
        return;
    run(d, text, outputs, n, WEFT_REWRITE_DEFAULT);
    run(d, text, outputs, 1, WEFT_REWRITE_NONE);
}

START_TEST(changed_expressions)
{
    purse p = {.most = 8 << 20};
    const weft_allocator allocator = {take, give, &p};
    desk d = {0};
    state = 1 + (unsigned)_i;
    for (int round = 0; round < TEXTS / 4; round++) {
        char text[LONGEST], message[WEFT_MESSAGE_SIZE];
        weft_node y;
        p.most = draw(8) ? 8 << 20 : 20000 + draw(200000);
        d.tape = weft_tape_new(&allocator);
        for (int i = 0; i < ARRAYS; i++) {
            d.x[i] = weft_input(d.tape, arrays[i].name, arrays[i].dtype, arrays[i].shape.rank, arrays[i].shape.dim);
            d.names[i] = (weft_binding_name){arrays[i].name, d.x[i]};
        }
        strcpy(text, valid[draw(sizeof valid / sizeof *valid)]);
        for (unsigned k = 0, changes = draw(4); k < changes; k++)
            change_text(text);
        if (weft_tape_status(d.tape) == WEFT_OK && weft_parse(d.tape, text, d.names, ARRAYS, &y, message) == WEFT_OK) {
            d.read++;
            evaluate(&d, text, y);
        } else if (weft_tape_status(d.tape) == WEFT_OK) {
            check_message(text, message);
        }
        weft_tape_free(d.tape);
        ck_assert_msg(!p.used, "%zu bytes were kept: %s", p.used, text);
    }
    ck_assert_uint_gt(d.read, TEXTS / 4 / 4); /* not all of it is nonsense */
    ck_assert_uint_gt(d.computed, TEXTS / 4 / 4);
    ck_assert_uint_gt(d.refused, 20);
}
END_TEST

/* --- files ----------------------------------------------------------------------------------------------------------------------------------------- */

/* A few bytes are changed, left out, or said again elsewhere, and lengths that stand there are made large. */
static size_t change_bytes(unsigned char *bytes, size_t n)
{
    static const unsigned char values[] = {0, 1, 0x7f, 0x80, 0xff, '0', '9', '(', ')', ',', '\'', ' '};
    size_t at = draw((unsigned)n), length = 1 + draw(12), from = draw((unsigned)n);
    length = length < n - at ? length : n - at;
    length = length < n - from ? length : n - from;
    switch (draw(5)) {
    case 0:
        bytes[at] ^= (unsigned char)(1 << draw(8));
        return n;
    case 1:
        bytes[at] = values[draw(sizeof values)];
        return n;
    case 2:
        memset(bytes + at, draw(2) ? 0xff : 0, length < 8 ? length : 8);
        return n;
    case 3:
        memmove(bytes + at, bytes + from, length);
        return n;
    default:
        memmove(bytes + at, bytes + at + length, n - at - length);
        return n - length;
    }
}

static void judge_read(weft_status status, weft_array *x, const char *message, size_t largest)
{
    ck_assert_msg(status == WEFT_OK ? !message[0] : message[0] != 0, "status %d: %s", status, message);
    if (status == WEFT_OK) {
        ck_assert_uint_eq(x->bytes, weft_shape_count(&x->shape) * weft_dtype_size(x->dtype));
        ck_assert_uint_le(x->bytes, largest);
    }
    weft_array_free(x);
    ck_assert(is_zeroed(x));
}

START_TEST(changed_files)
{
    static const struct {
        const char *bytes;
        size_t n;
    } files[] = {{FILE_BYTES(file_f4)}, {FILE_BYTES(file_f8_big)}, {FILE_BYTES(file_i8)}, {FILE_BYTES(file_fortran)}, {FILE_BYTES(file_version_2)}};
    state = 7;
    for (int round = 0; round < FILES; round++) {
        char message[WEFT_MESSAGE_SIZE];
        weft_array x;
        int k = (int)draw(sizeof files / sizeof *files);
        size_t n = files[k].n;
        unsigned char *bytes = malloc(n), *exact;
        memcpy(bytes, files[k].bytes, n);
        for (unsigned changes = 1 + draw(5); changes && n; changes--)
            n = change_bytes(bytes, n);
        exact = malloc(n + !n); /* so that a sanitizer sees what is read behind it */
        memcpy(exact, bytes, n);
        judge_read(weft_npy_decode(exact, n, "x.npy", &x, message), &x, message, n);
        if (round % 4 == 0) {
            put_file(exact, n);
            judge_read(weft_npy_read(path, &x, message), &x, message, n);
        }
        free(exact);
        free(bytes);
    }
}
END_TEST

START_TEST(changed_archives)
{
    static const char *const names[] = {"x", "label"};
    const weft_array arrays_in[] = {{WEFT_F64, {2, {2, 3}}, (double[]){1, 2, 3, 4, 5, 6}, 48}, {WEFT_I64, {1, {4}}, (int64_t[]){2, 0, 1, 1}, 32}};
    unsigned char whole[2048], bytes[2048];
    char message[WEFT_MESSAGE_SIZE];
    weft_array x;
    if (weft_npz_write(path, names, arrays_in, 2, message) != WEFT_OK)
        return; /* built without libzip */
    FILE *file = fopen(path, "rb");
    size_t whole_n = fread(whole, 1, sizeof whole, file);
    fclose(file);
    ck_assert_uint_lt(whole_n, sizeof whole);
    state = 11;
    for (int round = 0; round < ARCHIVES; round++) {
        size_t n = whole_n;
        memcpy(bytes, whole, n);
        for (unsigned changes = 1 + draw(4); changes && n; changes--)
            n = change_bytes(bytes, n);
        put_file(bytes, n);
        judge_read(weft_npz_read(path, round % 3 ? names[round % 2] : NULL, &x, message), &x, message, sizeof whole);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fuzz");
    TCase *text = tcase_create("text"), *files = tcase_create("files");
    tcase_set_timeout(text, 120);
    tcase_add_loop_test(text, changed_expressions, 0, 4);
    suite_add_tcase(suite, text);
    tcase_add_unchecked_fixture(files, make_folder, remove_folder);
    tcase_set_timeout(files, 120);
    tcase_add_test(files, changed_files);
    tcase_add_test(files, changed_archives);
    suite_add_tcase(suite, files);
    return run_suite(suite);
}

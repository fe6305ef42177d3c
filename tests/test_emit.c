/* test_emit.c: weft_emit_c() beyond what `weft emit` asks of it: parameters, constants, fused ops, outputs that share an array; and what it refuses,
 * with which words. What is emitted is compiled, loaded and called. */
#define _GNU_SOURCE
#include "tests/page.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static page source_page, header_page;
static char message[WEFT_MESSAGE_SIZE];

static weft_status emit(weft_emit_function *functions, size_t n)
{
    memset(&source_page, 0, sizeof source_page);
    memset(&header_page, 0, sizeof header_page);
    message[0] = 0;
    return weft_emit_c((weft_writer){write_page, &source_page}, (weft_writer){write_page, &header_page}, functions, n, "made.h", WEFT_REWRITE_DEFAULT,
                       message);
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

/* Compiles what was emitted, with every warning an error, and loads it. */
static void *load(void)
{
    char folder[] = P_tmpdir "/weft-emit-XXXXXX", path[64], command[400];
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/made.c", folder);
    write_text(path, source_page.text);
    snprintf(path, sizeof path, "%s/made.h", folder);
    write_text(path, header_page.text);
    snprintf(command, sizeof command, "cc -std=c99 -Wall -Wextra -Wpedantic -Wconversion -Werror -shared -fPIC -o %s/made.so %s/made.c -lm",
             folder, folder);
    ck_assert_msg(system(command) == 0, "%s", source_page.text);
    snprintf(path, sizeof path, "%s/made.so", folder);
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    ck_assert_msg(library != NULL, "%s", dlerror());
    snprintf(command, sizeof command, "rm -rf %s", folder);
    ck_assert_int_eq(system(command), 0);
    return library;
}

/* A function that was loaded, as one of these. ISO C knows no way from an object pointer to a function but this. */
typedef union loaded {
    void *object;
    void (*step)(double *w, double *velocity, const double *dw, const double *rate, void *workspace);
    void (*swap)(float *a, float *b, void *workspace);
    void (*twice)(const float *x, const float *p, float *first, float *second, void *workspace);
    void (*narrow)(const float *x, float *y, void *workspace);
    void (*wide)(const double *x, double *y, void *workspace);
    void (*gradient)(const double *h, const double *gamma, const double *dy, double *dh, double *dgamma, double *dbeta, void *workspace);
} loaded;

static loaded find(void *library)
{
    return (loaded){.object = dlsym(library, "made")};
}

static void assert_emitted(weft_emit_function *f)
{
    ck_assert_msg(emit(f, 1) == WEFT_OK, "%s", message);
}

/* --- what can be called ------------------------------------------------------------------------------------------------------------------ */

/* velocity' = 0.5*velocity + dw, w' = w - rate*velocity': each parameter is one array, read and at the end written. */
START_TEST(parameters_are_written_in_place)
{
    weft_tape *t = weft_tape_new(NULL);
    weft_node w = weft_parameter(t, "w", WEFT_F64, 1, (size_t[]){3}), velocity = weft_parameter(t, "velocity", WEFT_F64, 1, (size_t[]){3});
    weft_node dw = weft_input(t, "dw", WEFT_F64, 1, (size_t[]){3}), rate = weft_input(t, "rate", WEFT_F64, 0, NULL), out[2];
    weft_sgd(w, dw, velocity, rate, 0.5, out);
    weft_emit_function f = {.name = "made", .outputs = out, .n_outputs = 2};
    assert_emitted(&f);
    ck_assert_ptr_nonnull(strstr(header_page.text, "void made(double *w, double *velocity, const double *dw, const double *rate, void *workspace);"));
    void *library = load();
    double x[] = {1, 2, 3}, v[] = {2, 4, -8}, *workspace = malloc(f.workspace + 1);
    find(library).step(x, v, (double[]){10, 20, 30}, (double[]){0.25}, workspace);
    const double next_v[] = {11, 22, 26}, next_x[] = {1 - 2.75, 2 - 5.5, 3 - 6.5}; /* by hand */
    for (int i = 0; i < 3; i++) {
        ck_assert_double_eq(v[i], next_v[i]);
        ck_assert_double_eq(x[i], next_x[i]);
    }
    free(workspace);
    dlclose(library);
    weft_tape_free(t);
}
END_TEST

/* Two parameters change places: both are read before either is written. */
START_TEST(parameters_can_change_places)
{
    weft_tape *t = weft_tape_new(NULL);
    weft_node a = weft_parameter(t, "a", WEFT_F32, 0, NULL), b = weft_parameter(t, "b", WEFT_F32, 0, NULL);
    weft_node out[] = {weft_assign(a, b), weft_assign(b, a)};
    weft_emit_function f = {.name = "made", .outputs = out, .n_outputs = 2};
    assert_emitted(&f);
    void *library = load(), *workspace = malloc(f.workspace + 1);
    float x = 1, y = 2;
    find(library).swap(&x, &y, workspace);
    ck_assert(x == 2 && y == 1);
    free(workspace);
    dlclose(library);
    weft_tape_free(t);
}
END_TEST

/* A constant becomes an array in the text, with values that a literal must keep; the same output twice is written twice; a parameter that is
 * only read is an input; names that C reserves, or that are no identifiers, give way. */
/* x[1::2, ::-1] - x[::-2], and the sum over the rows of x x[::-1, ::-1] p. Whole numbers: exact in any order. */
START_TEST(views_begin_anywhere_and_go_backwards)
{
    weft_tape *t = weft_tape_new(NULL);
    const ptrdiff_t left_out = WEFT_LEFT_OUT;
    weft_node x = weft_input(t, "x", WEFT_F32, 2, (size_t[]){6, 5}), p = weft_input(t, "p", WEFT_F32, 1, (size_t[]){5});
    weft_node odd = weft_slice(x, (ptrdiff_t[]){1, left_out}, NULL, (ptrdiff_t[]){2, -1}), back = weft_slice(x, NULL, NULL, (ptrdiff_t[]){-2, 1});
    weft_node turned = weft_mul(weft_mul(x, weft_flip(x, WEFT_ALL_AXES)), p), out[] = {weft_sub(odd, back), weft_sum(turned, WEFT_AXIS(0), false)};
    weft_emit_function f = {.name = "made", .outputs = out, .n_outputs = 2, .output_names = (const char *[]){"first", "second"}};
    assert_emitted(&f);
    void *library = load(), *workspace = malloc(f.workspace + 1);
    float data[6][5], weights[5] = {1, 2, -3, 4, 5}, first[3][5], second[5], expected[5] = {0};
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < 5; j++)
            data[i][j] = (float)(i * i - 3 * j);
    find(library).twice(data[0], weights, first[0], second, workspace);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 5; j++)
            ck_assert_float_eq(first[i][j], data[1 + 2 * i][4 - j] - data[5 - 2 * i][j]);
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < 5; j++)
            expected[j] += data[i][j] * data[5 - i][4 - j] * weights[j];
    ck_assert_mem_eq(second, expected, sizeof expected);
    free(workspace);
    dlclose(library);
    weft_tape_free(t);
}
END_TEST

START_TEST(constants_and_shared_outputs)
{
    const float values[] = {0.1f, -1e-30f, 16777217.0f, 3.4028235e38f};
    weft_tape *t = weft_tape_new(NULL);
    weft_node x = weft_input(t, "double", WEFT_F32, 1, (size_t[]){4}), p = weft_parameter(t, "2 b*/", WEFT_F32, 1, (size_t[]){4});
    weft_node y = weft_name(weft_mul(weft_constant(t, WEFT_F32, 1, (size_t[]){4}, values), weft_maximum(x, p)), "y");
    weft_node out[] = {y, y};
    weft_emit_function f = {.name = "made", .outputs = out, .n_outputs = 2, .comment = "made: */ of it"};
    f.output_names = (const char *[]){"first", NULL};
    weft_status status = emit(&f, 1);
    ck_assert_int_eq(status, WEFT_OK);
    void *library = load();
    float first[4], second[4], *workspace = malloc(f.workspace + 1);
    find(library).twice((float[]){1, 1, 1, -1}, (float[]){-5, -5, -5, 0.5f}, first, second, workspace);
    const float expected[] = {values[0], values[1], values[2], values[3] * 0.5f};
    ck_assert_int_eq(memcmp(first, expected, sizeof first), 0);
    ck_assert_int_eq(memcmp(second, expected, sizeof second), 0);
    free(workspace);
    dlclose(library);
    weft_tape_free(t);
}
END_TEST

/* The sum of what all elementwise ops give for x, as each of their operands. The functions that several of them call are in the text once, before
 * their callers, and no name of x hides one of them. */
START_TEST(every_elementwise_op_is_written)
{
    static const double values[3] = {0.25, 0.75, 1.5};
    weft_dtype dtype = _i ? WEFT_F64 : WEFT_F32;
    weft_tape *t = weft_tape_new(NULL);
    weft_node x = weft_input(t, "vector_tanh", dtype, 1, (size_t[]){3}), total = x;
    for (size_t k = 0; k < weft_op_count(); k++)
        if (weft_op_at(k)->kind == WEFT_ELEMENTWISE)
            total = weft_add(total, weft_elementwise(weft_op_at(k), (weft_node[]){x, x, x}, weft_op_at(k)->arity));
    weft_emit_function f = {.name = "made", .outputs = &total, .n_outputs = 1};
    assert_emitted(&f);
    const char *found = strstr(source_page.text, "double e_to_the(double a) {");
    ck_assert_ptr_nonnull(found);
    ck_assert_ptr_null(strstr(found + 1, "double e_to_the(double a) {"));
    void *library = load(), *workspace = malloc(f.workspace + 1);
    weft_program *p = weft_compile(&total, 1);
    float narrow[3] = {0.25f, 0.75f, 1.5f}, y32[3];
    double y64[3];
    weft_bind(p, x, _i ? (const void *)values : narrow, 3 * weft_dtype_size(dtype));
    ck_assert_int_eq(weft_run(p), WEFT_OK);
    if (_i)
        find(library).wide(values, y64, workspace);
    else
        find(library).narrow(narrow, y32, workspace);
    for (int i = 0; i < 3; i++) { /* some forty roundings each */
        double expected = _i ? ((const double *)weft_output(p, 0))[i] : (double)((const float *)weft_output(p, 0))[i], got = _i ? y64[i] : (double)y32[i];
        ck_assert_msg(got - expected <= (_i ? 1e-14 : 5e-6) * expected && expected - got <= (_i ? 1e-14 : 5e-6) * expected, "%.17g is %.17g", expected, got);
    }
    free(workspace);
    weft_program_free(p);
    dlclose(library);
    weft_tape_free(t);
}
END_TEST

/* An op of the user's own brings the function that it calls; an array of the same name gives way. */
static const weft_op twice_op = {
    .name = "twice", .formula = "y = 2a", .arity = 1, .kind = WEFT_ELEMENTWISE, .flags = WEFT_ZERO_DERIVATIVE, .text = "double_of(a)",
    .functions = {"static inline float double_off(float a) { return (float)double_of((double)a); }",
                  "static inline double double_of(double a) { return sum_of(a, a); }", "static inline double sum_of(double a, double b) { return a + b; }"},
};

START_TEST(functions_of_ops_and_arrays_of_their_names)
{
    weft_tape *t = weft_tape_new(NULL);
    weft_node x = weft_input(t, "double_of", WEFT_F64, 0, NULL), y = weft_record(&twice_op, &x, 1, NULL);
    weft_emit_function f = {.name = "made", .outputs = &y, .n_outputs = 1};
    assert_emitted(&f);
    void *library = load(), *workspace = malloc(f.workspace + 1);
    double three = 3, six = 0;
    find(library).wide(&three, &six, workspace);
    ck_assert_double_eq(six, 6);
    free(workspace);
    dlclose(library);
    weft_tape_free(t);
}
END_TEST

/* The fused batch normalization is written out as its twin: the text has loops, and its gradient that of a small case by hand:
 * h = (-1, 1), eps = 0: hhat = h, so dy = (1, 1) gives dh = 0, dgamma = 0, dbeta = 2. */
START_TEST(fused_ops_become_their_twins)
{
    weft_tape *t = weft_tape_new(NULL);
    weft_node h = weft_input(t, "h", WEFT_F64, 2, (size_t[]){2, 1}), gamma = weft_input(t, "gamma", WEFT_F64, 1, (size_t[]){1}),
              beta = weft_input(t, "beta", WEFT_F64, 1, (size_t[]){1}), dy = weft_input(t, "dy", WEFT_F64, 2, (size_t[]){2, 1});
    weft_node y = weft_fused_batchnorm(h, gamma, beta, 0), dx[3];
    weft_vjp(&y, &dy, 1, (weft_node[]){h, gamma, beta}, 3, dx);
    uint32_t count = weft_tape_count(t);
    weft_emit_function f = {.name = "made", .outputs = dx, .n_outputs = 3, .output_names = (const char *[]){"dh", "dgamma", "dbeta"}};
    assert_emitted(&f);
    ck_assert_uint_eq(weft_tape_count(t), count);
    void *library = load();
    double dh[2], dgamma, dbeta, *workspace = malloc(f.workspace + 1);
    find(library).gradient((double[]){-1, 1}, (double[]){3}, (double[]){1, 1}, dh, &dgamma, &dbeta, workspace);
    ck_assert(dh[0] == 0 && dh[1] == 0 && dgamma == 0 && dbeta == 2);
    free(workspace);
    dlclose(library);
    weft_tape_free(t);
}
END_TEST

/* --- refusals ---------------------------------------------------------------------------------------------------------------------------- */

#define REFUSES(f, n, status, words) \
    do { \
        ck_assert_int_eq(emit(f, n), status); \
        ck_assert_msg(strstr(message, words) != NULL, "%s", message); \
        ck_assert_uint_eq(source_page.used + header_page.used, 0); \
    } while (0)

START_TEST(refusals_name_what_is_wrong)
{
    weft_tape *t = weft_tape_new(NULL), *other = weft_tape_new(NULL);
    weft_node a = weft_input(t, "a", WEFT_F64, 2, (size_t[]){2, 2}), product = weft_matmul(a, a), sum = weft_add(a, a);
    weft_node empty = weft_neg(weft_input(t, "e", WEFT_F64, 1, (size_t[]){0})), far = weft_scalar(other, WEFT_F64, 1);
    weft_emit_function good = {.name = "made", .outputs = &sum, .n_outputs = 1}, f = good;
    f.outputs = &product;
    REFUSES(&f, 1, WEFT_ERROR_ARGUMENT, "matmul");
    f.outputs = &empty;
    REFUSES(&f, 1, WEFT_ERROR_ARGUMENT, "empty");
    f.outputs = (weft_node[]){sum, far};
    f.n_outputs = 2;
    REFUSES(&f, 1, WEFT_ERROR_ARGUMENT, "another tape");
    const char *const names[] = {NULL, "", "1st", "a b", "while", "a-b", "a234567890123456789012345678901234567890123456789012345678901"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        f = good;
        f.name = names[i];
        REFUSES(&f, 1, WEFT_ERROR_ARGUMENT, "identifier");
    }
    REFUSES(((weft_emit_function[]){good, good}), 2, WEFT_ERROR_ARGUMENT, "two functions are named made");
    f = good;
    f.n_outputs = 0;
    REFUSES(&f, 1, WEFT_ERROR_ARGUMENT, "no outputs");
    REFUSES(NULL, 1, WEFT_ERROR_ARGUMENT, "functions");
    ck_assert_int_eq(weft_emit_c((weft_writer){0}, blank(), &good, 1, "x.h", WEFT_REWRITE_DEFAULT, NULL), WEFT_ERROR_ARGUMENT);
    ck_assert_int_eq(weft_tape_status(t), WEFT_OK);
    weft_matmul(a, far);
    f = good;
    REFUSES(&f, 1, WEFT_ERROR_ARGUMENT, "tape");
    weft_tape_free(t);
    weft_tape_free(other);
}
END_TEST

START_TEST(a_failing_writer_is_told)
{
    weft_tape *t = weft_tape_new(NULL);
    weft_node y = weft_neg(weft_input(t, "x", WEFT_F64, 1, (size_t[]){5}));
    weft_emit_function f = {.name = "made", .outputs = &y, .n_outputs = 1};
    weft_writer writer = blank();
    paper.calls_allowed = 1; /* the .c goes out, the .h does not */
    ck_assert_int_eq(weft_emit_c(writer, writer, &f, 1, "x.h", WEFT_REWRITE_DEFAULT, message), WEFT_ERROR_FILE);
    weft_tape_free(t);
}
END_TEST

/* --- memory ------------------------------------------------------------------------------------------------------------------------------ */

typedef struct purse {
    int live, allowed; /* allocations; further ones that succeed, negative: any number */
} purse;

static void *purse_allocate(void *context, size_t bytes)
{
    purse *p = context;
    if (p->allowed == 0)
        return NULL;
    p->allowed -= p->allowed > 0;
    p->live++;
    return malloc(bytes);
}

static void purse_release(void *context, void *memory, size_t bytes)
{
    (void)bytes;
    ((purse *)context)->live -= memory != NULL;
    free(memory);
}

/* Every allocation is made to fail once. Then nothing is written, nothing leaks, the tape is as it was, and a second try works. */
START_TEST(every_allocation_may_fail)
{
    purse p = {.allowed = -1};
    weft_tape *t = weft_tape_new(&(weft_allocator){purse_allocate, purse_release, &p});
    weft_node h = weft_input(t, "h", WEFT_F32, 2, (size_t[]){3, 2}), gamma = weft_parameter(t, "gamma", WEFT_F32, 1, (size_t[]){2});
    weft_node y = weft_softmax(weft_fused_batchnorm(h, gamma, gamma, 1e-5), -1), dgamma;
    weft_grad(weft_sum(weft_mul(y, y), WEFT_ALL_AXES, false), &gamma, 1, &dgamma);
    weft_node out[] = {y, weft_assign(gamma, dgamma)};
    weft_emit_function f = {.name = "made", .outputs = out, .n_outputs = 2};
    uint32_t count = weft_tape_count(t);
    int failures = 0;
    for (weft_status status = WEFT_ERROR_MEMORY; status != WEFT_OK; failures++) {
        p.allowed = failures;
        status = emit(&f, 1);
        p.allowed = -1;
        ck_assert_msg(status == WEFT_OK || status == WEFT_ERROR_MEMORY, "%s", message);
        ck_assert_int_eq(weft_tape_status(t), WEFT_OK);
        ck_assert_uint_eq(weft_tape_count(t), count);
        ck_assert(status == WEFT_OK || source_page.used + header_page.used == 0);
    }
    ck_assert_int_gt(failures, 50);
    int held = p.live; /* what the tape has grown to it keeps */
    ck_assert_int_eq(emit(&f, 1), WEFT_OK);
    ck_assert_int_eq(p.live, held);
    weft_tape_free(t);
    ck_assert_int_eq(p.live, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("emit");
    TCase *all = tcase_create("all");
    suite_add_tcase(suite, all);
    tcase_set_timeout(all, 60);
    tcase_add_test(all, parameters_are_written_in_place);
    tcase_add_test(all, parameters_can_change_places);
    tcase_add_test(all, views_begin_anywhere_and_go_backwards);
    tcase_add_test(all, constants_and_shared_outputs);
    tcase_add_loop_test(all, every_elementwise_op_is_written, 0, 2);
    tcase_add_test(all, functions_of_ops_and_arrays_of_their_names);
    tcase_add_test(all, fused_ops_become_their_twins);
    tcase_add_test(all, refusals_name_what_is_wrong);
    tcase_add_test(all, a_failing_writer_is_told);
    tcase_add_test(all, every_allocation_may_fail);
    return run_suite(suite);
}

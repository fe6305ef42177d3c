/* test_parse.c: the text of expressions: what it means, where it is wrong, and that no text whatever does harm. What an expression must be worth was
 * computed by hand; how it groups is what the Python language reference says, section 6.17, and the six lines on ** in section 6.5. */
#define _XOPEN_SOURCE 700 /* mkdtemp, setenv */
#include "tests/page.h"
#include "tests/samples.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* --- a few arrays ------------------------------------------------------------------------------------------------------------------------- */

enum { NAMES = 6 };
static const double a_data[] = {2}, b_data[] = {3}, c_data[] = {5}, x_data[] = {1, 2, 3, 4, 5, 6}, w_data[] = {1, 0, 0, 1, 1, 1},
                    row_data[] = {10, 20, 30};
static const struct {
    const char *name;
    const double *data;
    weft_shape shape;
} arrays[NAMES] = {{"a", a_data, {0}},         {"b", b_data, {0}},         {"c", c_data, {0}},
                   {"x", x_data, {2, {2, 3}}}, {"w", w_data, {2, {3, 2}}}, {"row", row_data, {1, {3}}}};

typedef struct desk {
    weft_tape *tape;
    weft_binding_name names[NAMES];
    weft_node y;
    char message[WEFT_MESSAGE_SIZE];
} desk;

static desk open_desk(weft_dtype dtype)
{
    desk d = {.tape = weft_tape_new(NULL)};
    for (int i = 0; i < NAMES; i++)
        d.names[i] = (weft_binding_name){arrays[i].name, weft_input(d.tape, arrays[i].name, dtype, arrays[i].shape.rank, arrays[i].shape.dim)};
    return d;
}

static weft_status parse(desk *d, const char *text)
{
    return weft_parse(d->tape, text, d->names, NAMES, &d->y, d->message);
}

static void must_parse(desk *d, const char *text)
{
    ck_assert_msg(parse(d, text) == WEFT_OK, "%s\n%s", text, d->message);
    ck_assert_str_eq(d->message, "");
}

/* The values of an f64 expression; n: how many there must be. */
static const double *values_of(desk *d, const char *text, size_t n)
{
    static double values[64];
    must_parse(d, text);
    weft_shape shape = weft_node_shape(d->y);
    ck_assert_msg(weft_shape_count(&shape) == n, "%s has %zu values", text, weft_shape_count(&shape));
    weft_program *p = weft_compile(&d->y, 1);
    for (int i = 0; i < NAMES; i++)
        weft_bind(p, d->names[i].node, arrays[i].data, weft_shape_count(&arrays[i].shape) * sizeof(double));
    ck_assert_msg(weft_run(p) == WEFT_OK, "%s: %s", text, weft_program_message(p));
    memcpy(values, weft_output(p, 0), n * sizeof *values);
    weft_program_free(p);
    return values;
}

/* --- what it means -------------------------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *text;
    double value;
} worth[] = {
    {"a + b * c", 17},
    {"(a + b) * c", 25},
    {"a - b - c", -6},
    {"a - (b - c)", 4},
    {"c / b / a", 5.0 / 3 / 2},
    {"c / (b / a)", 5.0 / (3.0 / 2)},
    {"a * b / c", 6.0 / 5},
    {"a / b * c", 2.0 / 3 * 5},
    /* -x**y is -(x**y), x**-y is x**(-y), and ** groups from the right */
    {"-a ** 2", -4},
    {"(-a) ** 2", 4},
    {"a ** -1", 0.5},
    {"a ** b ** a", 512},
    {"(a ** b) ** a", 64},
    {"-a ** -a", -0.25},
    {"a ** -b ** a", 1.0 / 512},
    {"- - a", 2},
    {"-+-a", 2},
    {"a - -b", 5},
    {"a--b", 5},
    {"2 * -a", -4},
    {"a ** +2", 4},
    /* comparisons bind less than sums */
    {"a < b", 1},
    {"a > b", 0},
    {"a + 1 <= b", 1},
    {"a + 1 >= b", 1},
    {"a + 1 < b", 0},
    {"a == 2", 1},
    {"a != 2", 0},
    {"b != 2", 1},
    {"a < b - 1", 0},
    {"(a < b) * (b < c)", 1},
    {"a <= b", 1},
    {"b <= a", 0},
    {"a >= b", 0},
    {"nan + 0 * a == nan", 0},
    {"nan + 0 * a != nan", 1},
    {"nan + 0 * a <= a", 0},
    /* numbers alone */
    {"1", 1},
    {".5", 0.5},
    {"5.", 5},
    {"1e-5", 1e-5},
    {"1E+2", 100},
    {"2.5e1", 25},
    {"007", 7},
    {"1/2", 0.5},
    {"-1/2", -0.5},
    {"2**-1", 0.5},
    {"2**3**2", 512},
    {"-2**2", -4},
    {"pi", 3.141592653589793},
    {"e", 2.718281828459045},
    {"inf", INFINITY},
    {"-inf", -INFINITY},
    {"exp(0)", 1},
    {"sqrt(16) + abs(-3)", 7},
    {"maximum(2, 3)", 3},
    {"9007199254740993", 9007199254740992},
    {"4.9406564584124654e-324", 4.9406564584124654e-324},
    {"1.7976931348623157e308", 1.7976931348623157e308},
    {"1e-400", 0},
    {"True + True", 2},
    {"False", 0},
    /* calls */
    {"sum(x)", 21},
    {"sum(x,)", 21},
    {"sum(x=x)", 21},
    {"mean(x)", 3.5},
    {"max(x)", 6},
    {"var(row)", 200.0 / 3},
    {"sum(x, axis=(0, 1))", 21},
    {"sum(x, axis=[0, 1])", 21},
    {"sum(x, (0, -1))", 21},
    {"sum(x, axis=None)", 21},
    {"sum(std(x, axis=0))", 4.5},
    {"where(a < b, a, b)", 2},
    {"power(a, b)", 8},
    {"exp(log(a))", 2},
    {"maximum(a, b)", 3},
    {"sum(stop_gradient(x))", 21},
    {"sum(softmax(x, axis=0))", 3},
    /* lines */
    {"a; b; c", 5},
    {"u = a + 1\nv = u * u\nv - u", 6},
    {"u = a; u = u * u; u", 4},
    {"u = 3; a ** u", 8},
    {"# a comment\n\n a + b # another\n", 5},
    {"a + \\\n b", 5},
    {"(a +\n b # inside\n)", 5},
    {"sum(\n x,\n axis=None\n)", 21},
    {"a = b; a", 3},
    {"e = 4; e", 4},
    {"mean = mean(x); mean", 3.5},
    {"s = (0, 1)\nsum(x, axis=s)", 21},
    {"a;", 2},
    {";;a\n\n;", 2},
    {"\ta\r\n", 2},
    {"y = a * c", 10},
    {"sum(max(x, axis=-2 + 1))", 9},
};

START_TEST(is_worth)
{
    desk d = open_desk(WEFT_F64);
    double value = *values_of(&d, worth[_i].text, 1);
    /* powers that are no product and functions: within an ulp or two of the C library */
    ck_assert_msg(value == worth[_i].value || fabs(value - worth[_i].value) <= 4e-16 * fabs(worth[_i].value), "%s is %.17g, not %.17g",
                  worth[_i].text, value, worth[_i].value);
    weft_tape_free(d.tape);
}
END_TEST

static const struct {
    const char *text;
    weft_shape shape;
    double values[6];
} arrays_worth[] = {
    {"sum(x, axis=0)", {1, {3}}, {5, 7, 9}},
    {"sum(x, 1)", {1, {2}}, {6, 15}},
    {"sum(x, axis=-1, keepdims=1)", {2, {2, 1}}, {6, 15}},
    {"max(x, keepdims=True, axis=(0,))", {2, {1, 3}}, {4, 5, 6}},
    {"x @ w", {2, {2, 2}}, {4, 5, 10, 11}},                  /* 1 + 3, 2 + 3; 4 + 6, 5 + 6 */
    {"x @ w * 2", {2, {2, 2}}, {8, 10, 20, 22}},             /* * and @ group alike, from the left */
    {"2 * x @ w", {2, {2, 2}}, {8, 10, 20, 22}},
    {"-x @ w", {2, {2, 2}}, {-4, -5, -10, -11}},
    {"x.T", {2, {3, 2}}, {1, 4, 2, 5, 3, 6}},
    {"(x + 1).T", {2, {3, 2}}, {2, 5, 3, 6, 4, 7}},
    {"transpose(x, (1, 0))", {2, {3, 2}}, {1, 4, 2, 5, 3, 6}},
    {"transpose(x, axes=(-1, -2))", {2, {3, 2}}, {1, 4, 2, 5, 3, 6}},
    {"w.T @ x.T", {2, {2, 2}}, {4, 10, 5, 11}},
    {"reshape(x, (3, 2))", {2, {3, 2}}, {1, 2, 3, 4, 5, 6}},
    {"reshape(x, -1)", {1, {6}}, {1, 2, 3, 4, 5, 6}},
    {"reshape(x, (3, -1))", {2, {3, 2}}, {1, 2, 3, 4, 5, 6}},
    {"broadcast_to(a, (2, 2))", {2, {2, 2}}, {2, 2, 2, 2}},
    {"x + row", {2, {2, 3}}, {11, 22, 33, 14, 25, 36}},
    {"x > 3", {2, {2, 3}}, {0, 0, 0, 1, 1, 1}},
    {"3 > x", {2, {2, 3}}, {1, 1, 0, 0, 0, 0}},
    {"x <= 3", {2, {2, 3}}, {1, 1, 1, 0, 0, 0}},
    {"where(x > 3, x, 0)", {2, {2, 3}}, {0, 0, 0, 4, 5, 6}},
    {"where(x > 3, 1, -1)", {2, {2, 3}}, {-1, -1, -1, 1, 1, 1}},
    {"maximum(3, x)", {2, {2, 3}}, {3, 3, 3, 4, 5, 6}},
    {"x[0]", {1, {3}}, {1, 2, 3}},
    {"x[-1]", {1, {3}}, {4, 5, 6}},
    {"x[1, 2]", {0}, {6}},
    {"x[1][2]", {0}, {6}},
    {"x[1:]", {2, {1, 3}}, {4, 5, 6}},
    {"x[:, 1]", {1, {2}}, {2, 5}},
    {"x[:, ::2]", {2, {2, 2}}, {1, 3, 4, 6}},
    {"x[1:,::2]", {2, {1, 2}}, {4, 6}},
    {"x[::-1, ::-1]", {2, {2, 3}}, {6, 5, 4, 3, 2, 1}},
    {"x[..., -1]", {1, {2}}, {3, 6}},
    {"x[0, ..., 1:3]", {1, {2}}, {2, 3}},
    {"x[-1:-3:-1, 0]", {1, {2}}, {4, 1}},
    {"x[:, 1:-1]", {2, {2, 1}}, {2, 5}},
    {"x[:, -2:99]", {2, {2, 2}}, {2, 3, 5, 6}},
    {"x[:, 99:]", {2, {2, 0}}, {0}},
    {"x[1:1]", {2, {0, 3}}, {0}},
    {"x[:, 2:0:-1]", {2, {2, 2}}, {3, 2, 6, 5}},
    {"row[None, :]", {2, {1, 3}}, {10, 20, 30}},
    {"row[:, None]", {2, {3, 1}}, {10, 20, 30}},
    {"row[None, ..., None][0, 1]", {1, {1}}, {20}},
    {"a[None]", {1, {1}}, {2}},
    {"a[...]", {0}, {2}},
    {"x.T[0]", {1, {2}}, {1, 4}},
    {"(x[0].T ** 2)[0:]", {1, {3}}, {1, 4, 9}},
    {"-row[1]", {0}, {-20}},
    {"n = 1; x[n - 1, n + 1]", {0}, {3}},
    {"x - mean(x, 0)", {2, {2, 3}}, {-1.5, -1.5, -1.5, 1.5, 1.5, 1.5}},
};

START_TEST(is_the_array)
{
    desk d = open_desk(WEFT_F64);
    const weft_shape *shape = &arrays_worth[_i].shape;
    size_t n = weft_shape_count(shape);
    const double *values = values_of(&d, arrays_worth[_i].text, n);
    weft_shape own = weft_node_shape(d.y);
    ck_assert_int_eq(own.rank, shape->rank);
    ck_assert_mem_eq(own.dim, shape->dim, (size_t)shape->rank * sizeof *shape->dim);
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(values[i] == arrays_worth[_i].values[i], "%s: element %zu is %g", arrays_worth[_i].text, i, values[i]);
    weft_tape_free(d.tape);
}
END_TEST

/* The formula of batch normalization as text, against the function: one graph, so one value to rounding. */
START_TEST(says_batchnorm)
{
    desk d = open_desk(WEFT_F64);
    double by_formula[6];
    memcpy(by_formula, values_of(&d, "row * (x - mean(x, 0)) * (var(x, 0) + 0.25) ** (-1/2) + row", 6), sizeof by_formula);
    const char *const calls[] = {"batchnorm(x, row, row, 0.25)", "batchnorm(x, beta=row, gamma=row, eps=1/4)",
                                 "fused_batchnorm(x, row, row, eps=2**-2)"};
    for (int k = 0; k < 3; k++) {
        const double *values = values_of(&d, calls[k], 6);
        for (int i = 0; i < 6; i++)
            ck_assert_double_eq_tol(values[i], by_formula[i], 1e-13);
    }
    weft_tape_free(d.tape);
}
END_TEST

/* A number takes the type of the node that it meets, and a fold of numbers is one constant. */
START_TEST(numbers_become_constants)
{
    const char *const texts[] = {"(a + 1e-5) ** (-1/2)", "(1e-5 + a) ** -0.5", "half = -(2 ** -1); (a + 1/1e5) ** half"};
    for (int dtype = WEFT_F32; dtype <= WEFT_F64; dtype++)
        for (int k = 0; k < 3; k++) {
            desk d = open_desk((weft_dtype)dtype);
            double value;
            must_parse(&d, texts[k]);
            ck_assert_int_eq(weft_node_dtype(d.y), dtype);
            ck_assert_str_eq(weft_op_name(weft_node_op(d.y)), "pow");
            ck_assert(weft_node_scalar(weft_node_operand(d.y, 1), &value));
            ck_assert_double_eq(value, -0.5);
            must_parse(&d, "1 + 2");
            ck_assert_int_eq(weft_node_dtype(d.y), dtype);
            weft_tape_free(d.tape);
        }
    weft_tape *t = weft_tape_new(NULL);
    weft_node y;
    ck_assert_int_eq(weft_parse(t, "1 + 2", NULL, 0, &y, NULL), WEFT_OK);
    ck_assert_int_eq(weft_node_dtype(y), WEFT_F64);
    weft_tape_free(t);
}
END_TEST

START_TEST(assignments_name_nodes)
{
    desk d = open_desk(WEFT_F64);
    must_parse(&d, "centred = x - mean(x, 0); alias = x; square = centred * centred; sum(square)");
    assert_text((weft_print_expression(blank(), d.y), paper.text), "sum(square)");
    assert_text((weft_print_expression(blank(), weft_node_operand(d.y, 0)), paper.text), "centred * centred");
    ck_assert_str_eq(weft_node_name(d.names[3].node), "x"); /* a second name for what has one leaves it */
    must_parse(&d, "p = softmax(x); p");
    ck_assert_str_eq(weft_node_name(d.y), "p");
    weft_tape_free(d.tape);
}
END_TEST

/* Numbers are read alike where the decimal point is a comma. Without a locale of that kind, nor the tool that makes one, there is nothing to see. */
START_TEST(the_locale_does_not_matter)
{
    char place[] = P_tmpdir "/weft_locale_XXXXXX", command[256];
    ck_assert_ptr_nonnull(mkdtemp(place));
    snprintf(command, sizeof command, "localedef -i de_DE -f UTF-8 %s/de_DE.UTF-8 >%s/log 2>&1", place, place);
    int made = system(command);
    setenv("LOCPATH", place, 1);
    if (!made && setlocale(LC_NUMERIC, "de_DE.UTF-8")) {
        desk d = open_desk(WEFT_F64);
        ck_assert_double_eq(strtod("2,5", NULL), 2.5);
        ck_assert_double_eq(*values_of(&d, "1.25 + .5e1", 1), 6.25);
        weft_tape_free(d.tape);
    }
    setlocale(LC_NUMERIC, "C");
    snprintf(command, sizeof command, "rm -r %s", place);
    ck_assert_int_eq(system(command), 0);
}
END_TEST

/* --- what functions there are ----------------------------------------------------------------------------------------------------------------- */

START_TEST(signatures_are_sound)
{
    weft_formal formals[WEFT_MAX_ARGUMENTS];
    weft_function f, found;
    size_t callable = 0;
    for (size_t i = 0; i < weft_function_count(); i++) {
        if (!weft_function_at(i, &f))
            continue;
        callable++;
        ck_assert_msg(weft_signature_read(f.signature, formals) > 0, "%s(%s)", f.name, f.signature);
        ck_assert_msg(weft_function_find(f.name, strlen(f.name), &found) && found.call == f.call && found.op == f.op, "%s is not found by its name",
                      f.name);
    }
    ck_assert_uint_gt(callable, 30);
    ck_assert(!weft_function_at(weft_function_count(), &f));
    static const char *const wrong[] = {"", "a,", "a b", "a: number", "a: =1", "a, , b", "a)", "(N)", "a,b,c,d,e,f,g,h,i,j,k"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        ck_assert_msg(weft_signature_read(wrong[i], formals) < 0, "%s", wrong[i]);
    int n = weft_signature_read("x (..., D), i i64 (N), axis: int = -1, how: sum|mean = mean, shape: ints ~ (2, 3), p: nodes", formals);
    ck_assert_int_eq(n, 6);
    ck_assert(formals[1].indices && !formals[0].indices);
    ck_assert_int_eq(formals[3].kind, WEFT_ARGUMENT_WORD);
    ck_assert_int_eq(strncmp(formals[3].otherwise.text, "mean", formals[3].otherwise.length), 0);
    ck_assert_uint_eq(formals[4].example.length, 6);
    ck_assert_uint_eq(formals[0].shape.length, 8);
}
END_TEST

/* An op that the catalogue gains gets a line in ops/functions.def, unless it is elementwise or over axes, or a backward pass, which is nobody's to
 * call. */
START_TEST(every_op_is_callable)
{
    weft_function f;
    for (size_t i = 0; i < weft_op_count(); i++) {
        const char *name = weft_op_name(weft_op_at(i));
        ck_assert_msg(strstr(name, "_backward") || weft_function_find(name, strlen(name), &f), "the op %s has no line in ops/functions.def", name);
    }
    static const char *const signs[] = {"+", "-", "*", "/", "@", "**", "<", "<=", ">", ">=", "==", "!="};
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        ck_assert_msg(weft_function_of_operator(signs[i], 2, &f), "%s", signs[i]);
    ck_assert(weft_function_of_operator("-", 1, &f) && !weft_function_of_operator("*", 1, &f) && !weft_function_of_operator("%", 2, &f));
}
END_TEST

/* --- printed and parsed again --------------------------------------------------------------------------------------------------------------- */

/* What the printer leaves out: shapes and orders, axes of ops that are no reductions, further outputs, widths where there is no axis; and whatever
 * stands for arrays; and what only derivatives record is no function. */
static bool says_all(const char *text)
{
    static const char *const silent[] = {"broadcast(", "reshape(", "transpose(", "first(", "scatter_add(", "pad(a)", "apart=", "...", "%", ")[", "_backward("};
    for (size_t i = 0; i < sizeof silent / sizeof *silent; i++)
        if (strstr(text, silent[i]))
            return false;
    return true;
}

enum { MOST_NAMED = 256 };

/* Every named node of the tape; of equal names the last. */
static size_t named_nodes(weft_tape *t, weft_binding_name *names)
{
    size_t n = 0;
    for (uint32_t id = weft_tape_count(t); id-- > 0 && n < MOST_NAMED;) {
        weft_node x = weft_tape_node(t, id);
        if (*weft_node_name(x))
            names[n++] = (weft_binding_name){weft_node_name(x), x};
    }
    return n;
}

/* Ops with attributes that are no reduction and have no words for them print without, so they cannot come back. */
static bool attributes_lost(weft_node x, int depth)
{
    const weft_op *op = weft_node_op(x);
    if (op->kind == WEFT_CONSTANT || (depth && *weft_node_name(x)))
        return false;
    bool lost = op->attribute_size && op->kind != WEFT_REDUCTION && !op->words && strcmp(op->name, "broadcast");
    for (int i = 0; i < weft_node_operand_count(x); i++)
        lost |= attributes_lost(weft_node_operand(x, i), depth + 1);
    return lost;
}

START_TEST(printed_samples_come_back)
{
    size_t back = 0, silent = 0;
    for (size_t i = 0; i < sample_count(); i++) {
        static char printed[1 << 16];
        static weft_binding_name names[MOST_NAMED];
        const sample *s = sample_at(i);
        weft_tape *t = weft_tape_new(NULL);
        operands o;
        operands_make(&o, t, s, WEFT_F64, 1);
        weft_node x = s->build(o.node), y;
        char message[WEFT_MESSAGE_SIZE];
        ck_assert_int_eq(weft_print_expression(blank(), x), WEFT_OK);
        memcpy(printed, paper.text, paper.used + 1);
        if (!says_all(printed) || attributes_lost(x, 0)) {
            silent++;
        } else {
            size_t n = named_nodes(t, names);
            ck_assert_msg(weft_parse(t, printed, names, n, &y, message) == WEFT_OK, "%s: %s\n%s", s->op, printed, message);
            ck_assert_int_eq(weft_print_expression(blank(), y), WEFT_OK);
            assert_text(paper.text, printed);
            weft_shape was = weft_node_shape(x), is = weft_node_shape(y);
            ck_assert_msg(was.rank == is.rank && !memcmp(was.dim, is.dim, (size_t)was.rank * sizeof *was.dim), "%s: %s", s->op, printed);
            back++;
        }
        operands_free(&o);
        weft_tape_free(t);
    }
    ck_assert_msg(back > silent, "only %zu of %zu samples came back", back, back + silent);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("parse");
    TCase *values = tcase_create("values"), *names = tcase_create("names");
    tcase_set_timeout(values, 60);
    tcase_set_timeout(names, 60);
    suite_add_tcase(suite, values);
    suite_add_tcase(suite, names);
    tcase_add_loop_test(values, is_worth, 0, (int)(sizeof worth / sizeof *worth));
    tcase_add_loop_test(values, is_the_array, 0, (int)(sizeof arrays_worth / sizeof *arrays_worth));
    tcase_add_test(values, says_batchnorm);
    tcase_add_test(values, numbers_become_constants);
    tcase_add_test(values, assignments_name_nodes);
    tcase_add_test(values, the_locale_does_not_matter);
    tcase_add_test(names, signatures_are_sound);
    tcase_add_test(names, every_op_is_callable);
    tcase_add_test(names, printed_samples_come_back);
    return run_suite(suite);
}

/* test_parse_arguments.c: what functions of expressions take beside arrays and numbers: tuples of arrays, words, axes, whole numbers; by position and by
 * name. What a call is worth was computed by hand; what is wrong is pointed at by line and column, with the nearest word where one is near. */
#include "tests/suite.h"
#include "weft_op.h"

#include <math.h>
#include <stdio.h>

enum { NAMES = 6 };

/* b is log(3): a softmax of (0, b) is (1/4, 3/4). */
static const double x_data[] = {1, 2, 3, 4, 5, 6}, y_data[] = {10, 20, 30, 40, 50, 60}, z_data[] = {0, 1.0986122886681098, 1.0986122886681098, 0},
                    a_data[] = {7};
static const int64_t label_data[] = {1, 0}, one_data[] = {1};
static const struct {
    const char *name;
    weft_dtype dtype;
    const void *data;
    weft_shape shape;
} arrays[NAMES] = {{"x", WEFT_F64, x_data, {2, {2, 3}}},  {"y", WEFT_F64, y_data, {2, {2, 3}}},    {"z", WEFT_F64, z_data, {2, {2, 2}}},
                   {"a", WEFT_F64, a_data, {0}},          {"label", WEFT_I64, label_data, {1, {2}}}, {"one", WEFT_I64, one_data, {0}}};

typedef struct desk {
    weft_tape *tape;
    weft_binding_name names[NAMES];
    weft_node y;
    char message[WEFT_MESSAGE_SIZE];
} desk;

static weft_status parse(desk *d, const char *text)
{
    *d = (desk){.tape = weft_tape_new(NULL)};
    for (int i = 0; i < NAMES; i++)
        d->names[i] = (weft_binding_name){arrays[i].name,
                                          weft_input(d->tape, arrays[i].name, arrays[i].dtype, arrays[i].shape.rank, arrays[i].shape.dim)};
    return weft_parse(d->tape, text, d->names, NAMES, &d->y, d->message);
}

static const struct {
    const char *text;
    weft_shape shape;
    double values[8];
} worth[] = {
    /* tuples of arrays */
    {"concat((x, y))", {2, {4, 3}}, {1, 2, 3, 4, 5, 6, 10, 20}},
    {"concat((x, y), axis=1)[0]", {1, {6}}, {1, 2, 3, 10, 20, 30}},
    {"concat((x, y), axis=-1)[1]", {1, {6}}, {4, 5, 6, 40, 50, 60}},
    {"concat((x, y), 1)[1, 2:4]", {1, {2}}, {6, 40}},
    {"concat([x, y], axis=1)[1, 2:4]", {1, {2}}, {6, 40}},
    {"concatenate((x, y), axis=1)[1, 2:4]", {1, {2}}, {6, 40}},
    {"concat(axis=1, x=(x, y))[1, 2:4]", {1, {2}}, {6, 40}},
    {"concat((x, y, x,), axis=1)[0, 3:7]", {1, {4}}, {10, 20, 30, 1}},
    {"concat((x,))", {2, {2, 3}}, {1, 2, 3, 4, 5, 6}},
    {"concat(x)", {2, {2, 3}}, {1, 2, 3, 4, 5, 6}},
    {"both = (x, y); concat(both, axis=1)[0]", {1, {6}}, {1, 2, 3, 10, 20, 30}},
    {"concat((x[0], y[1]))", {1, {6}}, {1, 2, 3, 40, 50, 60}},
    {"concat((x[0] + 1, -y[1, :1]))", {1, {4}}, {2, 3, 4, -40}},
    {"concat((concat((x[0], y[0])), x[1, ::2]))", {1, {8}}, {1, 2, 3, 10, 20, 30, 4, 6}},
    {"stack((a, a * 2))", {1, {2}}, {7, 14}},
    {"stack((a, 3))", {1, {2}}, {7, 3}},
    {"stack((x[0], y[0]), axis=1)", {2, {3, 2}}, {1, 10, 2, 20, 3, 30}},
    {"stack((x[0], y[0]), -1)[1]", {1, {2}}, {2, 20}},
    {"cast(stack((label, label[::-1])), f64)", {2, {2, 2}}, {1, 0, 0, 1}},
    /* words, with quotes of either kind and without */
    {"mse(x, y, reduction=\"sum\")", {0}, {81 * 91}}, /* (9 i)**2, i to 6 */
    {"mse(x, y, reduction='sum')", {0}, {81 * 91}},
    {"mse(x, y, reduction=sum)", {0}, {81 * 91}},
    {"mse(x, y, 'sum')", {0}, {81 * 91}},
    {"mse(x, y)", {0}, {81 * 91 / 6.0}},
    {"mse(x, y, reduction=\"mean\")", {0}, {81 * 91 / 6.0}},
    {"mse(x, y, reduction=None)", {0}, {81 * 91 / 6.0}}, /* None leaves an argument out */
    {"mse(x[0], y[0], reduction=\"none\")", {1, {3}}, {81, 4 * 81, 9 * 81}},
    {"how = \"sum\"; mse(x, y, reduction=how)", {0}, {81 * 91}},
    {"cross_entropy(z, label, reduction=\"none\")", {1, {2}}, {0.28768207245178093, 0.28768207245178093}}, /* -ln(3/4) */
    {"cross_entropy(z, label, reduction=\"mean\")", {0}, {0.28768207245178093}},
    {"cross_entropy(z, label, reduction=\"sum\")", {0}, {0.57536414490356186}},
    {"cross_entropy(z, target=label, reduction=sum)", {0}, {0.57536414490356186}},
    {"cross_entropy(z, softmax(z), 'sum')", {0}, {1.1246702892376164}}, /* twice the entropy of (1/4, 3/4): ln 4 - 3/4 ln 3 */
    {"one_hot(label, 2, dtype=\"f64\")", {2, {2, 2}}, {0, 1, 1, 0}},
    {"one_hot(label, classes=2, dtype=f64) * 2", {2, {2, 2}}, {0, 2, 2, 0}},
    {"cast(cast(x / 2, i64), 'f64')", {2, {2, 3}}, {0, 1, 1, 2, 2, 3}},
    {"cast(x + 0.1, dtype=f32) * 0 == 0", {2, {2, 3}}, {1, 1, 1, 1, 1, 1}},
    /* axes, whole numbers and tuples of them */
    {"logsumexp(z * 0, axis=(0, 1))", {0}, {1.3862943611198906}}, /* ln 4 */
    {"std(x, axis=1, correction=1)", {1, {2}}, {1, 1}},
    {"pad(x[0], (1,), after=(2,))", {1, {6}}, {0, 1, 2, 3, 0, 0}},
    {"flip(x, axis=(0, 1))", {2, {2, 3}}, {6, 5, 4, 3, 2, 1}},
    {"slice(x, (0, 0), (2, 3), step=(1, 2))", {2, {2, 2}}, {1, 3, 4, 6}},
    {"take(x, label, axis=1)", {2, {2, 2}}, {2, 1, 5, 4}},
    {"argmax(x, axis=1, keepdims=True)", {2, {2, 1}}, {2, 2}},
};

START_TEST(is_worth)
{
    desk d;
    double got[32];
    const weft_shape *shape = &worth[_i].shape;
    ck_assert_msg(parse(&d, worth[_i].text) == WEFT_OK, "%s\n%s", worth[_i].text, d.message);
    weft_node y = weft_node_dtype(d.y) == WEFT_F64 ? d.y : weft_cast(d.y, WEFT_F64);
    weft_shape own = weft_node_shape(y);
    size_t n = weft_shape_count(shape) < 8 ? weft_shape_count(shape) : 8;
    ck_assert_msg(own.rank == shape->rank && !memcmp(own.dim, shape->dim, (size_t)own.rank * sizeof *own.dim), "%s has another shape", worth[_i].text);
    weft_program *p = weft_compile(&y, 1);
    for (int i = 0; i < NAMES; i++)
        weft_bind(p, d.names[i].node, arrays[i].data, weft_shape_count(&arrays[i].shape) * 8);
    ck_assert_msg(weft_run(p) == WEFT_OK, "%s: %s", worth[_i].text, weft_program_message(p));
    memcpy(got, weft_output(p, 0), n * sizeof *got);
    for (size_t i = 0; i < n; i++) /* logarithms are within 1 ulp, and a few are added up */
        ck_assert_msg(fabs(got[i] - worth[_i].values[i]) <= 4 * 0x1p-52 * fabs(worth[_i].values[i]), "%s: element %zu is %.17g, not %.17g",
                      worth[_i].text, i, got[i], worth[_i].values[i]);
    weft_program_free(p);
    weft_tape_free(d.tape);
}
END_TEST

static const struct {
    const char *text;
    int column;
    const char *says;
} wrong[] = {
    /* words */
    {"cross_entropy(z, label, reduction=\"maen\")", 35,
     "\"reduction\" of cross_entropy must be mean, sum or none, and is \"maen\"; did you mean \"mean\"?"},
    {"cross_entropy(z, label, reduction=maen)", 35, "did you mean \"mean\"?"},
    {"cross_entropy(z, label, 'Sum')", 25, "did you mean \"sum\"?"},
    {"cross_entropy(z, label, non)", 25, "did you mean \"none\"?"},
    {"mse(x, y, reduction=\"average\")", 21, "must be mean, sum or none, and is \"average\""},
    {"mse(x, y, reduction=\"\")", 21, "must be mean, sum or none, and is \"\""},
    {"mse(x, y, reduction=1)", 21, "must be mean, sum or none; this is a number"},
    {"mse(x, y, reduction=x)", 21, "must be mean, sum or none; this is an array"},
    {"mse(x, y, reduction=(mean, sum))", 22, "\"mean\" is a function"},
    {"mse(x, y, reduction=('mean', 'sum'))", 21, "this is a tuple"},
    {"mse(x, y, reduction=\"mean)", 21, "does not end"},
    {"mse(x, y, reducton=\"mean\")", 11, "no parameter \"reducton\"; did you mean \"reduction\"?"},
    {"mse(x, y, mode=\"mean\")", 11, "no parameter \"mode\"; it is mse(a, b, reduction=mean)"},
    {"mse(x, y, reduction=sum, reduction=sum)", 26, "\"reduction\" twice"},
    {"cast(x, f16)", 9, "\"dtype\" of cast must be f32, f64 or i64, and is \"f16\""},
    {"cast(x, dtype=\"float\")", 15, "must be f32, f64 or i64"},
    {"cast(x)", 1, "lacks its argument \"dtype\""},
    {"one_hot(label, 2, f46)", 19, "did you mean \"f64\"?"},
    {"\n  mse(x, y, reduction=\"maen\")", 23, "did you mean \"mean\"?"},
    /* tuples of arrays */
    {"concat((x, labl), axis=1)", 12, "\"labl\" is not known; did you mean \"label\"?"},
    {"concat((x, y), axs=1)", 16, "no parameter \"axs\"; did you mean \"axis\"?"},
    {"concat((x, y), axis=2)", 1, "axis"},
    {"concat((x, y), axis=(0, 1))", 21, "\"axis\" of concat must be a whole number; this is a tuple"},
    {"concat((x, y), axis=\"1\")", 21, "this is a string"},
    {"concat((x, a), axis=0)", 1, "concat \"x\" (2, 3)"},
    {"concat((x, label))", 1, "concat"},
    {"concat((x, 'y'))", 12, "expected an array or a number; this is a string"},
    {"concat((x, (y, y)))", 12, "a tuple within a tuple"},
    {"concat((x, None))", 12, "this is None"},
    {"concat(x, y)", 11, "\"axis\" of concat must be a whole number; this is an array"},
    {"concat((x, y)", 14, "where ')' should be"},
    {"concat((x y))", 11, "','"},
    {"concat(())", 8, "no arrays; at least one"},
    {"concat((), axis=0) + x", 8, "no arrays; at least one"},
    {"stack([])", 7, "no arrays; at least one"},
    {"stack()", 1, "lacks its argument \"x\""},
    {"stakc((x, y))", 1, "did you mean \"stack\"?"},
    {"(x, y) + 1", 1, "this is a tuple"},
    {"sum((x, y))", 5, "this is a tuple"},
};

START_TEST(points_at_what_is_wrong)
{
    char place[64];
    desk d;
    weft_status status = parse(&d, wrong[_i].text);
    snprintf(place, sizeof place, "line %d, column %d: ", 1 + (*wrong[_i].text == '\n'), wrong[_i].column);
    ck_assert_msg(status != WEFT_OK, "\"%s\" can be read", wrong[_i].text);
    ck_assert_msg(!strncmp(d.message, place, strlen(place)) && strstr(d.message, wrong[_i].says), "\"%s\" must say %s... %s, and says\n%s",
                  wrong[_i].text, place, wrong[_i].says, d.message);
    weft_tape_free(d.tape);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("parse_arguments");
    TCase *calls = tcase_create("calls");
    tcase_set_timeout(calls, 60);
    tcase_add_loop_test(calls, is_worth, 0, (int)(sizeof worth / sizeof *worth));
    tcase_add_loop_test(calls, points_at_what_is_wrong, 0, (int)(sizeof wrong / sizeof *wrong));
    suite_add_tcase(suite, calls);
    return run_suite(suite);
}

/* test_trace.c: the trace is the walk as JSON, to the byte; what is large is summarised, what has no number is a word, and strangers' names do no harm. */
#include "tests/faulty.h"
#include "tests/page.h"

#include <math.h>
#include <stdio.h>

static weft_tape *t;

static void set_up(void)
{
    t = weft_tape_new(NULL);
}

static void tear_down(void)
{
    weft_tape_free(t);
}

static const char *traced(weft_node y, const weft_trace_options *options)
{
    uint32_t count = weft_tape_count(t);
    ck_assert_msg(weft_trace(blank(), y, options) == WEFT_OK, "%s", weft_tape_message(t));
    ck_assert_uint_eq(weft_tape_count(t), count);
    return paper.text;
}

static void has(const char *text, const char *part)
{
    ck_assert_msg(strstr(text, part) != NULL, "%s\nis not in\n%.1500s", part, text);
}

static void lacks(const char *text, const char *part)
{
    ck_assert_msg(!strstr(text, part), "%s\nis in\n%.1500s", part, text);
}

/* y = sum(w * x) over (2, 2): dw = columns of x added up. */
START_TEST(the_whole_document)
{
    static const double x_data[] = {1, 2, 3, 4}, w_data[] = {5, -1};
    weft_node x = weft_input(t, "x", WEFT_F64, 2, (size_t[]){2, 2}), w = weft_parameter(t, "w", WEFT_F64, 1, (size_t[]){2});
    weft_scope_push(t, "layer");
    weft_node y = weft_name(weft_mul(x, w), "y");
    weft_scope_pop(t);
    weft_node loss = weft_sum(y, WEFT_ALL_AXES, false);
    const weft_binding bind[] = {{x, x_data, sizeof x_data}, {w, w_data, sizeof w_data}};
    const weft_trace_options options = {.walk = {.x = &w, .n_x = 1}, .bind = bind, .n_bind = 2, .expression = "sum(x * w)", .no_derivation = true,
                                        .no_check = true, .no_program = true};
    assert_text(traced(loss, &options),
                "{\"schema\":1,\"kind\":\"weft trace\",\n"
                "\"expression\":\"sum(x * w)\",\n"
                "\"inputs\":[\"x\",\"w\"],\n"
                "\"nodes\":[\n"
                "{\"id\":0,\"op\":\"input\",\"role\":\"input\",\"label\":\"x\",\"adjoint_label\":\"dx\",\"name\":\"x\",\"scope\":\"\",\"formula\":\"memory bound at run\","
                "\"text\":\"x\",\"index\":\"x_ij\",\"tex\":\"x_{ij}\",\"attributes\":\"\",\"shape\":[2,2],\"dtype\":\"f64\",\"operands\":[],\"links\":[],\"value\":{\"shape\":[2,2],\"values\":[1,2,3,4]},"
                "\"adjoint\":null,\"silence\":\"constant\"},\n"
                "{\"id\":1,\"op\":\"parameter\",\"role\":\"parameter\",\"label\":\"w\",\"adjoint_label\":\"dw\",\"name\":\"w\",\"scope\":\"\","
                "\"formula\":\"memory of the program\",\"text\":\"w\",\"index\":\"w_i\",\"tex\":\"w_{i}\",\"attributes\":\"\",\"shape\":[2],\"dtype\":\"f64\",\"operands\":[],\"links\":[],"
                "\"value\":{\"shape\":[2],\"values\":[5,-1]},\"adjoint\":{\"shape\":[2],\"values\":[4,6]}},\n"
                "{\"id\":2,\"op\":\"broadcast\",\"role\":\"op\",\"label\":\"t2\",\"adjoint_label\":\"dt2\",\"name\":\"\",\"scope\":\"layer\","
                "\"formula\":\"y[.., i] = x[i]\",\"text\":\"broadcast(w)\",\"index\":\"t2_ij = w_j\",\"tex\":\"\\\\mathrm{t2}_{ij} = w_{j}\",\"attributes\":\"\",\"shape\":[2,2],\"dtype\":\"f64\",\"operands\":[1],"
                "\"links\":[{\"takes\":[0,1,0,1]}],\"value\":{\"shape\":[2,2],\"values\":[5,-1,5,-1]},\"adjoint\":{\"shape\":[2,2],\"values\":[1,2,3,4]}},\n"
                "{\"id\":3,\"op\":\"mul\",\"role\":\"op\",\"label\":\"y\",\"adjoint_label\":\"dy\",\"name\":\"y\",\"scope\":\"layer\",\"formula\":\"y = a * b\","
                "\"text\":\"x * w\",\"index\":\"y_ij = x_ij w_j\",\"tex\":\"y_{ij} = x_{ij}\\\\, w_{j}\",\"attributes\":\"\",\"shape\":[2,2],\"dtype\":\"f64\",\"operands\":[0,2],\"links\":[\"same\",\"same\"],"
                "\"value\":{\"shape\":[2,2],\"values\":[5,-2,15,-4]},\"adjoint\":{\"shape\":[2,2],\"values\":[1,1,1,1]}},\n"
                "{\"id\":4,\"op\":\"sum\",\"role\":\"op\",\"label\":\"t4\",\"adjoint_label\":\"dt4\",\"name\":\"\",\"scope\":\"\","
                "\"formula\":\"y = sum of x over the axes\",\"text\":\"sum(y)\",\"index\":\"t4 = Σ_kl y_kl\",\"tex\":\"\\\\mathrm{t4} = \\\\sum_{kl} y_{kl}\",\"attributes\":\"axes=0,1\",\"shape\":[],\"dtype\":\"f64\",\"operands\":[3],"
                "\"links\":[{\"folds\":[0,0,0,0]}],\"value\":{\"shape\":[],\"values\":[14]},\"adjoint\":{\"shape\":[],\"values\":[1]}}],\n"
                "\"output\":4,\"cotangent\":{\"shape\":[],\"values\":[1]},\"wrt\":[1],\n"
                "\"walk\":[\n"
                "{\"node\":4,\"edges\":[{\"operand\":3,\"slot\":0,\"text\":\"broadcast(dt4)\",\"index\":\"∂L/∂t4\",\"tex\":\"\\\\frac{\\\\partial L}{\\\\partial \\\\mathrm{t4}}\",\"flow\":{\"shape\":[2,2],\"values\":[1,1,1,1]},\"first\":true}]},\n"
                "{\"node\":3,\"edges\":[{\"operand\":2,\"slot\":1,\"text\":\"dy * x\",\"local\":\"x\",\"local_value\":{\"shape\":[2,2],\"values\":[1,2,3,4]},"
                "\"index\":\"∂L/∂y_ij x_ij\",\"tex\":\"\\\\frac{\\\\partial L}{\\\\partial y_{ij}}\\\\, x_{ij}\",\"flow\":{\"shape\":[2,2],\"values\":[1,2,3,4]},\"first\":true}]},\n"
                "{\"node\":2,\"edges\":[{\"operand\":1,\"slot\":0,\"text\":\"sum(dt2, axis=0)\",\"index\":\"Σ_k ∂L/∂t2_kj\",\"tex\":\"\\\\sum_{k} \\\\frac{\\\\partial L}{\\\\partial \\\\mathrm{t2}_{kj}}\",\"flow\":{\"shape\":[2],\"values\":[4,6]},\"first\":true}]}]}\n");
}
END_TEST

START_TEST(what_is_no_number_is_a_word)
{
    static const double x_data[] = {0, -1, 1};
    weft_node x = weft_input(t, "x", WEFT_F64, 1, (size_t[]){3}), y = weft_log(x), dy = weft_full_like(y, 1);
    const weft_binding bind = {x, x_data, sizeof x_data};
    weft_trace_options options = {.walk = {.dy = dy}, .bind = &bind, .n_bind = 1, .no_check = true, .no_program = true};
    const char *text = traced(y, &options);
    has(text, "\"value\":{\"shape\":[3],\"values\":[\"-Infinity\",\"NaN\",0]}");
    has(text, "\"adjoint\":{\"shape\":[3],\"values\":[\"Infinity\",-1,1]}");
    lacks(text, "\"check\"");
    lacks(text, "\"program\"");
    lacks(text, "\"paths\"");
    has(text, "\"expression\":null");
    options.most_elements = 2;
    text = traced(y, &options);
    has(text, "\"value\":{\"shape\":[3],\"min\":0,\"max\":0,\"mean\":0,\"rms\":0,\"not_finite\":2}");
    has(text, "\"value\":{\"shape\":[3],\"min\":-1,\"max\":1,\"mean\":0,\"rms\":0.81649658092772603,\"not_finite\":0}");
    static const double none[] = {NAN, NAN, INFINITY};
    options.bind = &(weft_binding){x, none, sizeof none};
    has(traced(y, &options), "\"min\":\"NaN\",\"max\":\"NaN\",\"mean\":\"NaN\",\"rms\":\"NaN\",\"not_finite\":3");
}
END_TEST

START_TEST(single_precision_reads_back)
{
    static const float x_data[] = {0.1f, 1.0f / 3};
    weft_node x = weft_input(t, "x", WEFT_F32, 1, (size_t[]){2}), y = weft_sum(x, WEFT_ALL_AXES, false);
    const char *text = traced(y, &(weft_trace_options){.bind = &(weft_binding){x, x_data, sizeof x_data}, .n_bind = 1});
    has(text, "\"values\":[0.100000001,0.333333343]");
    has(text, "\"check\":{\"x\":[],\"message\":\"x is not checked: differences are taken in f64\"}");
}
END_TEST

START_TEST(strangers_names_do_no_harm)
{
    static const double one = 1;
    weft_node x = weft_input(t, "a\"b\\c\n\x1b[2J\x7f\xff\xc3\xa9\xe2\x82\xed\xa0\x80", WEFT_F64, 0, NULL), y = weft_name(weft_exp(x), "\"}]");
    const char *text = traced(y, &(weft_trace_options){.bind = &(weft_binding){x, &one, sizeof one}, .n_bind = 1, .expression = "\t"});
    has(text, "\"name\":\"a\\\"b\\\\c\\n\\u001b[2J\\u007f\\ufffd\xc3\xa9\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\"");
    has(text, "\"label\":\"\\\"}]\"");
    has(text, "\"expression\":\"\\u0009\"");
    for (const char *at = text; *at; at++)
        ck_assert((unsigned char)*at >= ' ' || *at == '\n');
}
END_TEST

/* Whole numbers, so that parts are exact: h = (1, 3), mu = 2, xc = (-1, 1), y = xc * h, dy = (1, 2): dh = dy (xc + h) - mean(dy h). */
START_TEST(a_gradient_by_its_paths)
{
    static const double h_data[] = {1, 3}, dy_data[] = {1, 2};
    weft_node h = weft_input(t, "h", WEFT_F64, 1, (size_t[]){2}), dy = weft_input(t, "cotangent", WEFT_F64, 1, (size_t[]){2});
    weft_node mu = weft_name(weft_mean(h, WEFT_AXIS(0), false), "mu"), y = weft_name(weft_mul(weft_sub(h, mu), h), "y"), far = weft_exp(h);
    const weft_binding bind[] = {{h, h_data, sizeof h_data}, {dy, dy_data, sizeof dy_data}};
    weft_trace_options options = {.walk = {.dy = dy}, .bind = bind, .n_bind = 2, .through = &mu, .n_through = 1, .no_program = true};
    const char *text = traced(y, &options);
    has(text, "\"paths\":{\"x\":0,\"through\":[4],\"parts\":[\n{\"label\":\"dh_direct\"");
    has(text, "\"value\":{\"shape\":[2],\"values\":[0,8]}"); /* 1 (-1 + 1), 2 (1 + 3) */
    has(text, "\"label\":\"dh_by_mu\",\"text\":\"broadcast(dmu * 0.5)\"");
    has(text, "\"value\":{\"shape\":[2],\"values\":[-3.5,-3.5]}"); /* -(1 1 + 2 3) / 2 */
    has(text, "\"verdict\":\"right\"");
    options.through = &far;
    ck_assert_int_eq(weft_trace(blank(), y, &options), WEFT_ERROR_ARGUMENT);
    has(weft_tape_message(t), "through[0] is no node of the graph of y");
}
END_TEST

START_TEST(the_check_says_what_is_wrong_with_the_loss)
{
    static const double z_data[] = {1, 2, 4};
    weft_node z = weft_input(t, "z", WEFT_F64, 1, (size_t[]){3}), y = weft_softmax(z, 0);
    const weft_binding bind = {z, z_data, sizeof z_data};
    const weft_trace_options options = {.walk = {.dy = weft_full_like(y, 1)}, .bind = &bind, .n_bind = 1};
    const char *text = traced(y, &options);
    has(text, "\"verdict\":\"zero by construction\"");
    has(text, "\"program\":{\"loops\":");
    has(text, "\"listing\":\"0: loop");
    weft_trace_options small = options;
    small.most_checked = 2;
    has(traced(y, &small), "\"check\":{\"x\":[],\"message\":\"z is not checked: it has many elements\"}");
}
END_TEST

/* (e**(x + h) - e**(x - h)) / 2h is e**x (1 + h**2 / 6 + ..): at x = 0 off by 1.67e-11, and by what rounding makes of it, 2**-53 / h. */
START_TEST(differences_stand_beside_the_gradient)
{
    static const double zero = 0;
    double numeric;
    weft_node x = weft_input(t, "x", WEFT_F64, 0, NULL), y = weft_exp(x);
    const char *text = traced(y, &(weft_trace_options){.bind = &(weft_binding){x, &zero, sizeof zero}, .n_bind = 1});
    const char *at = strstr(text, "\"numeric\":{\"shape\":[],\"values\":[");
    ck_assert_ptr_nonnull(at);
    ck_assert_int_eq(sscanf(at + strlen("\"numeric\":{\"shape\":[],\"values\":["), "%lf", &numeric), 1);
    ck_assert_double_eq_tol(numeric, 1, 1.67e-11 + 0x1p-52 / 1e-5);
}
END_TEST

START_TEST(bad_arguments_are_refused)
{
    weft_node x = weft_input(t, "x", WEFT_F64, 0, NULL), y = weft_exp(x);
    const struct {
        weft_writer writer;
        weft_trace_options options;
        weft_status status;
    } cases[] = {
        {{NULL, NULL}, {.n_bind = 0}, WEFT_ERROR_ARGUMENT},
        {blank(), {.n_bind = 1}, WEFT_ERROR_ARGUMENT},
        {blank(), {.n_through = 1}, WEFT_ERROR_ARGUMENT},
        {blank(), {.n_bind = 0}, WEFT_ERROR_UNBOUND},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        weft_mark mark = weft_tape_mark(t);
        ck_assert_int_eq(weft_trace(cases[i].writer, y, &cases[i].options), cases[i].status);
        ck_assert_int_eq(weft_tape_status(t), cases[i].status);
        weft_tape_rewind(t, mark);
    }
}
END_TEST

static const double h_data[4] = {1, 2, 3, 5};

static weft_status trace_mean(weft_tape *tape, weft_writer writer)
{
    weft_node h = weft_input(tape, "h", WEFT_F64, 2, (size_t[]){2, 2}), mu = weft_name(weft_mean(h, WEFT_AXIS(0), false), "mu");
    weft_node y = weft_sum(weft_mul(weft_sub(h, mu), h), WEFT_ALL_AXES, false);
    const weft_binding bind = {h, h_data, sizeof h_data};
    return weft_trace(writer, y, &(weft_trace_options){.bind = &bind, .n_bind = 1, .through = &mu, .n_through = 1});
}

START_TEST(a_writer_that_gives_up_ends_it)
{
    for (int calls = 1; calls < 2000; calls *= 3) {
        blank();
        paper.calls_allowed = calls;
        ck_assert_int_eq(trace_mean(t, (weft_writer){write_page, &paper}), WEFT_ERROR_FILE);
        ck_assert_int_eq(weft_tape_status(t), WEFT_OK);
    }
}
END_TEST

START_TEST(every_allocation_may_fail)
{
    size_t most = SIZE_MAX;
    for (size_t at = 1; at <= most; at++) {
        faulty f = {.fail_at = at};
        weft_allocator allocator = faulty_allocator(&f);
        weft_tape *tape = weft_tape_new(&allocator);
        if (tape)
            ck_assert_int_eq(trace_mean(tape, blank()), f.count >= at ? WEFT_ERROR_MEMORY : WEFT_OK);
        if (f.count < at)
            most = 0;
        weft_tape_free(tape);
        ck_assert_uint_eq(f.live, 0);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("trace");
    TCase *document = tcase_create("document");
    tcase_add_checked_fixture(document, set_up, tear_down);
    tcase_set_timeout(document, 200);
    tcase_add_test(document, the_whole_document);
    tcase_add_test(document, what_is_no_number_is_a_word);
    tcase_add_test(document, single_precision_reads_back);
    tcase_add_test(document, strangers_names_do_no_harm);
    tcase_add_test(document, a_gradient_by_its_paths);
    tcase_add_test(document, the_check_says_what_is_wrong_with_the_loss);
    tcase_add_test(document, differences_stand_beside_the_gradient);
    tcase_add_test(document, bad_arguments_are_refused);
    tcase_add_test(document, a_writer_that_gives_up_ends_it);
    tcase_add_test(document, every_allocation_may_fail);
    suite_add_tcase(suite, document);
    return run_suite(suite);
}

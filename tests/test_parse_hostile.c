/* test_parse_hostile.c: text that is no expression. Whatever it is, parsing it gives a node or a message that points at it, in bounded time and
 * memory, and after a message the tape is as it was. */
#include "tests/faulty.h"
#include "tests/suite.h"
#include "weft_op.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { NAMES = 5 };


typedef struct desk {
    weft_tape *tape;
    weft_binding_name names[NAMES];
    weft_node y;
    char message[WEFT_MESSAGE_SIZE];
} desk;

static desk open_desk(const weft_allocator *allocator)
{
    desk d = {.tape = weft_tape_new(allocator)};
    d.names[0] = (weft_binding_name){"x", weft_input(d.tape, "x", WEFT_F64, 2, (size_t[]){4, 3})};
    d.names[1] = (weft_binding_name){"gamma", weft_input(d.tape, "gamma", WEFT_F64, 1, (size_t[]){3})};
    d.names[2] = (weft_binding_name){"beta", weft_input(d.tape, "beta", WEFT_F64, 1, (size_t[]){3})};
    d.names[3] = (weft_binding_name){"label", weft_input(d.tape, "label", WEFT_I64, 1, (size_t[]){4})};
    d.names[4] = (weft_binding_name){"column", weft_input(d.tape, "column", WEFT_F64, 2, (size_t[]){4, 1})};
    return d;
}

/* Parses from a block that ends with the text, so that a sanitizer sees a read beyond it, and checks what holds for any text. */
static weft_status parse(desk *d, const char *text)
{
    size_t n = strlen(text) + 1;
    char *copy = malloc(n);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, text, n);
    uint32_t count = weft_tape_count(d->tape);
    memset(d->message, 'm', sizeof d->message);
    weft_status status = weft_parse(d->tape, copy, d->names, NAMES, &d->y, d->message);
    free(copy);
    ck_assert_ptr_nonnull(memchr(d->message, 0, sizeof d->message));
    ck_assert_int_eq(weft_tape_status(d->tape), WEFT_OK);
    ck_assert_int_eq(weft_node_failed(d->y), status != WEFT_OK);
    if (status == WEFT_OK)
        ck_assert_str_eq(d->message, "");
    else
        ck_assert_uint_eq(weft_tape_count(d->tape), count);
    return status;
}

/* --- where it is wrong ------------------------------------------------------------------------------------------------------------------------ */

static const struct {
    const char *text;
    int line, column;
    const char *says;
} wrong[] = {
    {"", 1, 1, "nothing to compute"},
    {"  # only words", 1, 15, "nothing to compute"},
    {"x +", 1, 4, "the text ends"},
    {"x +\n1", 1, 4, "the line ends"},
    {"x + * 2", 1, 5, "this is '*'"},
    {"(x", 1, 3, "where ')' should be"},
    {"(x + 1", 1, 7, "where ')' should be"},
    {"x + 1)", 1, 6, "never opened"},
    {"sum(x", 1, 6, "where ')' should be"},
    {"sum(x axis=0)", 1, 7, "expected ')'"},
    {"x gamma", 1, 3, "operator such as *"},
    {"2 x", 1, 3, "operator such as *"},
    {"2x", 1, 2, "goes on with 'x'"},
    {"0x10", 1, 2, "goes on with 'x'"},
    {"1.2.3", 1, 4, "goes on with '.'"},
    {"1e999", 1, 1, "beyond the range"},
    {"1_000", 1, 2, "goes on with '_'"},
    {"x // 2", 1, 3, "no operator //"},
    {"x % 2", 1, 3, "no operator '%'"},
    {"x & 1", 1, 3, "no operator '&'"},
    {"!x", 1, 1, "no operator '!'"},
    {"x ? 1", 1, 3, "'?' has no place"},
    {"x + \xc3\xa9", 1, 5, "code 0xc3"},
    {"x + \x01", 1, 5, "code 0x01"},
    {"a < 1 < x", 1, 1, "\"a\" is not known"},
    {"x < 1 < x", 1, 7, "do not chain"},
    {"gama * x", 1, 1, "did you mean \"gamma\"?"},
    {"y = x\nz = y + gamm\nz", 2, 9, "did you mean \"gamma\"?"},
    {"Beta + x", 1, 1, "did you mean \"beta\"?"},
    {"unheard", 1, 1, "there is x, gamma, beta, label, column"},
    {"x + sum", 1, 5, "\"sum\" is a function"},
    {"summ(x)", 1, 1, "did you mean \"sum\"?"},
    {"sotfmax(x)", 1, 1, "did you mean \"softmax\"?"},
    {"fft(x)", 1, 1, "no function \"fft\""},
    {"x(2)", 1, 1, "cannot be called"},
    {"np.sum(x)", 1, 1, "belong to no module"},
    {"x.sum()", 1, 3, "only T"},
    {"x.", 1, 3, "only T"},
    {"softmax(x, axs=0)", 1, 12, "no parameter \"axs\"; did you mean \"axis\"?; it is softmax(z, axis=-1)"},
    {"batchnorm(x, gamma)", 1, 1, "lacks its argument \"beta\""},
    {"batchnorm(x, gamma, beta, 1e-5, 2)", 1, 33, "too many arguments"},
    {"batchnorm(x, gamma, gamma=beta)", 1, 21, "\"gamma\" twice"},
    {"batchnorm(h=x, gamma)", 1, 16, "follows one with a name"},
    {"batchnorm(x, gamma, beta, eps=x)", 1, 31, "\"eps\" of batchnorm must be a number; this is an array"},
    {"sum(x, axis=0.5)", 1, 13, "must be a whole number"},
    {"sum(x, axis=1/1)", 1, 13, "must be a whole number"},
    {"sum(x, axis=2)", 1, 13, "axis 2, and the array has 2"},
    {"sum(x, axis=(0, 0))", 1, 13, "named twice"},
    {"sum(x, axis=(0, -2))", 1, 13, "named twice"},
    {"sum(x, axis=(0, 1, 2, 3, 4, 5, 6, 7, 8))", 1, 13, "a tuple of 9"},
    {"sum(x, axis=x)", 1, 13, "this is an array"},
    {"sum(x, axis='0')", 1, 13, "this is a string"},
    {"sum(x, keepdims=2)", 1, 17, "must be 0 or 1"},
    {"sum()", 1, 1, "lacks its argument \"x\"; it is sum(x, axis=all, keepdims=0)"},
    {"sum(, x)", 1, 5, "this is ','"},
    {"exp(x, x)", 1, 8, "too many"},
    {"softmax(x, axis=1e300)", 1, 17, "whole number"},
    {"softmax(x, axis=99999999999)", 1, 17, "fits 32 bits"},
    {"softmax(x, 7)", 1, 1, "axis is 7"},
    {"x + (1, 2)", 1, 5, "this is a tuple"},
    {"-(1, 2)", 1, 1, "a sign before a tuple"},
    {"(1, 2)", 1, 1, "the result must be an array; this is a tuple"},
    {"((1, 2), 3)", 1, 2, "a tuple within a tuple"},
    {"(3, (1, 2))", 1, 5, "a tuple within a tuple"},
    {"'text'", 1, 1, "this is a string"},
    {"'text", 1, 1, "does not end"},
    {"None", 1, 1, "this is None"},
    {"None + x", 1, 1, "this is None"},
    {"x = ", 1, 5, "the text ends"},
    {"3 = x", 1, 3, "only a name"},
    {"x + 1 = x", 1, 7, "only a name"},
    {"= x", 1, 1, "this is '='"},
    {"x == = x", 1, 6, "this is '='"},
    {"x[4]", 1, 3, "index 4, and axis 0 has 4"},
    {"x[0, -4]", 1, 6, "index -4, and axis 1 has 3"},
    {"x[0, 0, 0]", 1, 9, "too many indices; the array has 2 axes"},
    {"x[]", 1, 3, "expected an index"},
    {"x[,]", 1, 3, "expected an index"},
    {"x[0", 1, 4, "where ']' should be"},
    {"x[0)", 1, 4, "expected ']'"},
    {"x[0.5]", 1, 3, "must be a whole number"},
    {"x[1e20]", 1, 3, "must be a whole number"},
    {"x[label]", 1, 3, "there is take"},
    {"x[::0]", 1, 3, "step of a slice is 0"},
    {"x[:::]", 1, 5, "expected ']'"},
    {"x[..., ...]", 1, 8, "a second ..."},
    {"x[None, None, None, None, None, None, None]", 1, 2, "more than 8 axes"},
    {"x[:,:,:,:,:,:,:,:,:,:,:,:,:,:,:,:,:,:]", 1, 37, "more than 17"},
    {"2[0]", 1, 2, "only arrays have indices; this is a number"},
    {"(1, 2)[0]", 1, 7, "this is a tuple"},
    {"x += 1", 1, 4, "this is '='"},
    {"x\n+ gamma\n+ )", 3, 3, "this is ')'"},
    {"x + label", 1, 3, "add"},
    {"x + column.T", 1, 3, "axis 1 is 3 against 4"},
    {"x @ x", 1, 3, "inner axes are 3 against 4"},
    {"x @ 2", 1, 3, "at least one axis"},
    {"y = x * 2; y @ column", 1, 14, "matmul \"y\" (4, 3)"},
    {"reshape(x, (5, 5))", 1, 1, "12 elements"},
    {"reshape(x, (-1, -1))", 1, 1, "one -1"},
    {"reshape(x, (-1, 5))", 1, 1, "leave no length"},
    {"reshape(x, (-2, 3))", 1, 1, "negative length"},
    {"reshape(x, (0, -1))", 1, 1, "leave no length"},
    {"reshape(x, (1000000000000000, 1000000000000000, 1000000000000000))", 1, 1, "would not fit"},
    {"broadcast_to(gamma, (1000000000, 1000000000, 1000000000, 3))", 1, 1, "broadcast"},
    {"transpose(x, (0, 0))", 1, 1, "each of the axes"},
    {"transpose(x, (0,))", 1, 1, "each of the axes"},
    {"batchnorm(x, gamma, column)", 1, 1, "batchnorm"},
    {"gather(x, gamma)", 1, 1, "index must be i64"},
    {"scatter_add(x, label, -1)", 1, 1, "negative"},
    {"scatter_add(x, label, 1.5)", 1, 23, "whole number"},
};

START_TEST(points_at_what_is_wrong)
{
    char place[64];
    desk d = open_desk(NULL);
    weft_status status = parse(&d, wrong[_i].text);
    snprintf(place, sizeof place, "line %d, column %d: ", wrong[_i].line, wrong[_i].column);
    ck_assert_msg(status != WEFT_OK && status != WEFT_ERROR_MEMORY, "\"%s\": status %d", wrong[_i].text, status);
    ck_assert_msg(!strncmp(d.message, place, strlen(place)) && strstr(d.message, wrong[_i].says), "\"%s\" must say %s... %s, and says\n%s",
                  wrong[_i].text, place, wrong[_i].says, d.message);
    weft_tape_free(d.tape);
}
END_TEST

START_TEST(shows_the_line_with_a_caret)
{
    desk d = open_desk(NULL);
    parse(&d, "y = x * 2\n\tz = gama + y # \xce\xb3\nz");
    ck_assert_str_eq(d.message, "line 2, column 6: \"gama\" is not known; did you mean \"gamma\"?\n   z = gama + y # ?\n       ^");
    char line[512];
    memset(line, ' ', sizeof line);
    snprintf(line + 300, sizeof line - 300, "gama + %0*d", 150, 0);
    parse(&d, line);
    const char *shown = strchr(d.message, '\n') + 1, *caret = strchr(shown, '\n') + 1;
    ck_assert_uint_lt(strlen(d.message), 260);
    ck_assert_int_eq(strncmp(shown + strspn(caret, " "), "gama", 4), 0);
    ck_assert_ptr_nonnull(strstr(d.message, "line 1, column 301"));
    weft_tape_free(d.tape);
}
END_TEST

START_TEST(refuses_bad_arguments)
{
    desk d = open_desk(NULL);
    weft_node y;
    char message[WEFT_MESSAGE_SIZE];
    ck_assert_int_eq(weft_parse(NULL, "1", NULL, 0, &y, message), WEFT_ERROR_MEMORY);
    ck_assert_int_eq(weft_parse(d.tape, NULL, NULL, 0, &y, message), WEFT_ERROR_ARGUMENT);
    ck_assert_int_eq(weft_parse(d.tape, "1", NULL, 0, NULL, message), WEFT_ERROR_ARGUMENT);
    ck_assert_int_eq(weft_parse(d.tape, "1", NULL, 1, &y, message), WEFT_ERROR_ARGUMENT);
    ck_assert_int_eq(weft_parse(d.tape, "x", &(weft_binding_name){"x", {.tape = d.tape, .id = WEFT_NO_ID}}, 1, &y, message), WEFT_ERROR_ARGUMENT);
    ck_assert_int_eq(weft_parse(d.tape, "x + ", d.names, NAMES, &y, NULL), WEFT_ERROR_SYNTAX);
    ck_assert_int_eq(weft_parse(d.tape, "1", &(weft_binding_name){NULL, d.names[0].node}, 1, &y, message), WEFT_OK);
    weft_matmul(d.names[0].node, d.names[0].node);
    ck_assert_int_eq(weft_parse(d.tape, "1", NULL, 0, &y, message), WEFT_ERROR_SHAPE); /* the tape has an error, which stays */
    ck_assert_str_eq(message, weft_tape_message(d.tape));
    weft_tape_free(d.tape);
}
END_TEST

/* --- bounds ------------------------------------------------------------------------------------------------------------------------------------- */

/* n times `open`, then `middle`, then n times `close`. */
static char *nested(const char *open, size_t n, const char *middle, const char *close)
{
    char *text = malloc(n * (strlen(open) + strlen(close)) + strlen(middle) + 1), *at = text;
    ck_assert_ptr_nonnull(text);
    *at = 0;
    for (size_t i = 0; i < n; i++)
        at += sprintf(at, "%s", open);
    at += sprintf(at, "%s", middle);
    for (size_t i = 0; i < n; i++)
        at += sprintf(at, "%s", close);
    return text;
}

static const struct {
    const char *open, *close, *says;
} nests[] = {
    {"(", ")", "deeper than 100"}, {"-", "", "deeper than 100"},       {"x ** ", "", "deeper than 100"},           {"exp(", ")", "deeper than 100"},
    {"[", "]", "deeper than 100"}, {"(x + -", ")", "deeper than 100"}, {"sum(x, axis=(", "))", "deeper than 100"}, {"(\n", "\n)", "deeper than 100"},
    {"x[", "]", "deeper than 100"}};

START_TEST(depth_is_bounded)
{
    desk d = open_desk(NULL);
    static const size_t deep[] = {101, 1000, 50000};
    for (int k = 0; k < 3; k++) {
        char *text = nested(nests[_i].open, deep[k], "x", nests[_i].close);
        ck_assert_int_ne(parse(&d, text), WEFT_OK);
        ck_assert_msg(strstr(d.message, nests[_i].says), "%s", d.message);
        free(text);
    }
    char *text = nested("(", 99, "x", ")");
    ck_assert_msg(parse(&d, text) == WEFT_OK, "%s", d.message);
    free(text);
    weft_tape_free(d.tape);
}
END_TEST

START_TEST(length_is_bounded)
{
    desk d = open_desk(NULL);
    clock_t start = clock();
    char *text = nested("x+", 1 << 19, "x", ""); /* 1 MiB and one letter */
    ck_assert_int_eq(parse(&d, text), WEFT_ERROR_SYNTAX);
    ck_assert_str_eq(d.message, "expression: the text is longer than 1 MiB");
    text[1 << 20] = 0;
    ck_assert_int_eq(parse(&d, text), WEFT_ERROR_SYNTAX); /* ends in + after more nodes than allowed */
    ck_assert_ptr_nonnull(strstr(d.message, "more than 262144 nodes"));
    free(text);
    text = nested("x+", 200000, "x", "");
    ck_assert_msg(parse(&d, text) == WEFT_OK, "%s", d.message);
    free(text);
    text = nested("1+", 500000, "x", "");
    ck_assert_msg(parse(&d, text) == WEFT_OK, "%s", d.message);
    free(text);
    text = nested("sum(x,axis=(0,1));", 50000, "x", ""); /* tuples are done with when their call is */
    ck_assert_msg(parse(&d, text) == WEFT_OK, "%s", d.message);
    free(text);
    text = nested("1,", 70000, "1)", "");
    memcpy(text, "( ", 2);
    ck_assert_int_eq(parse(&d, text), WEFT_ERROR_SYNTAX);
    ck_assert_ptr_nonnull(strstr(d.message, "more than 65536 items"));
    free(text);
    text = nested("9", 500, "", "");
    ck_assert_int_eq(parse(&d, text), WEFT_ERROR_SYNTAX);
    ck_assert_ptr_nonnull(strstr(d.message, "500 characters"));
    free(text);
    text = nested("a", 1000000, "", "");
    ck_assert_int_eq(parse(&d, text), WEFT_ERROR_SYNTAX);
    free(text);
    ck_assert_msg(clock() - start < 30 * CLOCKS_PER_SEC, "it took %ld s", (long)((clock() - start) / CLOCKS_PER_SEC));
    weft_tape_free(d.tape);
}
END_TEST

START_TEST(names_are_bounded)
{
    desk d = open_desk(NULL);
    char *text = malloc(1 << 20), *at = text;
    for (int i = 0; i < 1024; i++)
        at += sprintf(at, "n%d = x + %d\n", i, i);
    ck_assert_msg(parse(&d, text) == WEFT_OK, "%s", d.message);
    sprintf(at, "one_more = x");
    ck_assert_int_eq(parse(&d, text), WEFT_ERROR_SYNTAX);
    ck_assert_ptr_nonnull(strstr(d.message, "more than 1024 names"));
    at = text;
    for (int i = 0; i < 50000; i++)
        at += sprintf(at, "n%d = x\n", i % 1000); /* again and again the same ones */
    ck_assert_msg(parse(&d, text) == WEFT_OK, "%s", d.message);
    free(text);
    weft_tape_free(d.tape);
}
END_TEST

/* --- any text --- */

static uint64_t state = 1;

static unsigned draw(unsigned below)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33) % below;
}

static const char *const valid[] = {
    "gamma*(x-mean(x,0))*(var(x,0)+1e-5)**(-1/2)+beta",
    "batchnorm(x, gamma, beta, eps=1e-5)",
    "u = x @ x.T  # a comment\nsum(u, axis=(0, 1), keepdims=1) / 2",
    "where(x > 0, x, -x) + maximum(x, .5); softmax(x, axis=-1) ** 2",
    "reshape(transpose(x, (1, 0)), (3, -1))[:2, 1::2] <= gather(x, label)[..., 0, None][:2]",
    "layernorm(x, gamma, beta, eps=1/2**10) * softmax_cross_entropy(x, label)",
};

START_TEST(survives_random_bytes)
{
    desk d = open_desk(NULL);
    weft_mark mark = weft_tape_mark(d.tape);
    static const char likely[] = "xgamma()[]{}+-*/@<>=!,.:;0123456789e_ \n\t#'\"\\sum(x,axis=";
    char text[120];
    for (int round = 0; round < 200000; round++) {
        size_t n = draw(round % 10 ? 24 : sizeof text);
        for (size_t i = 0; i < n; i++)
            text[i] = (char)(draw(8) ? likely[draw(sizeof likely - 1)] : (char)(1 + draw(255)));
        text[n] = 0;
        parse(&d, text);
        weft_tape_rewind(d.tape, mark);
    }
    weft_tape_free(d.tape);
}
END_TEST

START_TEST(survives_changed_text)
{
    static const char *const pieces[] = {
        "(",        ")",           "[", "]",     ",",      "**",  "-",     "+",        "=",    "==", "x",   "label",
        "axis=",    "1e9",         "0", "(0,1)", "sum(",   "T",   ".",     "\n",       "None", "'",  "inf", "fused_batchnorm(",
        "reshape(", "99999999999", ":", "-1",    "[::-1]", "[0]", "[...,", "[:,None]", "#"};
    desk d = open_desk(NULL);
    weft_mark mark = weft_tape_mark(d.tape);
    size_t good = 0;
    for (int round = 0; round < 60000; round++) {
        char text[400];
        strcpy(text, valid[draw(sizeof valid / sizeof *valid)]);
        for (unsigned change = 0; change <= draw(4); change++) {
            size_t n = strlen(text), at = draw((unsigned)n + 1);
            const char *piece = pieces[draw(sizeof pieces / sizeof *pieces)];
            switch (draw(3)) {
            case 0: /* put in */
                memmove(text + at + strlen(piece), text + at, n - at + 1);
                memcpy(text + at, piece, strlen(piece));
                break;
            case 1: /* leave out */
                memmove(text + at, text + (at + 3 < n ? at + 3 : n), n - (at + 3 < n ? at + 3 : n) + 1);
                break;
            default:
                text[at < n ? at : 0] = (char)(1 + draw(255));
            }
        }
        good += parse(&d, text) == WEFT_OK;
        weft_tape_rewind(d.tape, mark);
    }
    ck_assert_uint_gt(good, 100); /* not all of it is nonsense */
    weft_tape_free(d.tape);
}
END_TEST

/* --- allocations --- */

START_TEST(every_allocation_may_fail)
{
    faulty f = {0};
    weft_allocator allocator = faulty_allocator(&f);
    char text[4096] = "";
    for (int i = 0; i < 40; i++)
        sprintf(text + strlen(text), "n%d = batchnorm(x, gamma, beta) + sum(x, axis=(0, 1)) + x[::2, :2][0, 0]; t%d = (0, 1)\n", i, i);
    strcat(text, "n1 + n2 @ n3.T @ n4 + sum(x, axis=t1)");
    for (size_t n = 0;; n++) {
        f = (faulty){0};
        desk d = open_desk(&allocator);
        f.fail_at = n ? f.count + n : 0;
        uint32_t before = weft_tape_count(d.tape);
        weft_status status = weft_parse(d.tape, text, d.names, NAMES, &d.y, d.message);
        bool reached = n && f.count >= f.fail_at;
        ck_assert_msg(status == (reached ? WEFT_ERROR_MEMORY : WEFT_OK), "allocation %zu: %s", n, d.message);
        if (reached) {
            ck_assert_str_eq(d.message, "out of memory");
            ck_assert_uint_eq(weft_tape_count(d.tape), before);
            ck_assert_int_eq(weft_parse(d.tape, text, d.names, NAMES, &d.y, d.message), WEFT_OK);
        }
        weft_tape_free(d.tape);
        ck_assert_uint_eq(f.live, 0);
        if (n && !reached) {
            ck_assert_uint_gt(n, 10);
            break;
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("parse_hostile");
    TCase *errors = tcase_create("errors");
    tcase_set_timeout(errors, 120);
    suite_add_tcase(suite, errors);
    tcase_add_loop_test(errors, points_at_what_is_wrong, 0, (int)(sizeof wrong / sizeof *wrong));
    tcase_add_test(errors, shows_the_line_with_a_caret);
    tcase_add_test(errors, refuses_bad_arguments);
    tcase_add_loop_test(errors, depth_is_bounded, 0, (int)(sizeof nests / sizeof *nests));
    tcase_add_test(errors, length_is_bounded);
    tcase_add_test(errors, names_are_bounded);
    tcase_add_test(errors, survives_random_bytes);
    tcase_add_test(errors, survives_changed_text);
    tcase_add_test(errors, every_allocation_may_fail);
    return run_suite(suite);
}

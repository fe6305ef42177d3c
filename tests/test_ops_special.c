/* test_ops_special.c: NaN and infinities in the samples of every op of the catalogue, in f64 and f32. The naive loops say what comes of them, by C's rules
 * for numbers: which elements are NaN, which are infinite and with which sign. What an op only moves keeps its bits, the payload of a NaN and the sign
 * of a zero included. Elementwise ops are tried on all combinations in test_conventions.c as well. */
#include "tests/op_table.h"

#include <stdlib.h>
#include <string.h>

/* Only nodes that move elements. */
static bool only_moves(weft_tape *t)
{
    static const char *const movers[] = {"pad", "concat", "take", "gather_elements"};
    for (uint32_t id = 0; id < weft_tape_count(t); id++) {
        const weft_op *op = weft_node_op(weft_tape_node(t, id));
        bool moves = op->kind == WEFT_VIEW || op->kind == WEFT_INPUT;
        for (size_t k = 0; k < sizeof movers / sizeof *movers; k++)
            moves |= !strcmp(op->name, movers[k]);
        if (!moves)
            return false;
    }
    return true;
}

/* A real number is truncated to i64, which holds no NaN and no infinity: such a run ends with WEFT_ERROR_INDEX. */
static bool casts_to_indices(weft_tape *t)
{
    bool found = false;
    for (uint32_t id = 0; id < weft_tape_count(t); id++) {
        weft_node x = weft_tape_node(t, id);
        found |= !strcmp(weft_op_name(weft_node_op(x)), "cast") && weft_node_dtype(x) == WEFT_I64;
    }
    return found;
}

static double with_payload(void)
{
    const uint32_t bits = 0x7fc54321u; /* as f32, so that both dtypes hold it */
    float nan;
    memcpy(&nan, &bits, sizeof nan);
    return (double)nan;
}

/* What an operand gets, at places drawn at random. */
typedef struct pattern {
    int n;
    double value[2];
} pattern;

static const pattern patterns[] = {{1, {NAN}},                {1, {INFINITY}},      {1, {-INFINITY}}, {2, {INFINITY, -INFINITY}},
                                   {2, {INFINITY, INFINITY}}, {2, {NAN, INFINITY}}, {2, {-0.0, NAN}}};

enum { PATTERNS = sizeof patterns / sizeof *patterns };

static void place(const pattern *p, uint64_t *state, double *x, size_t n)
{
    for (int k = 0; k < p->n && n; k++)
        x[(size_t)(draw_uniform(state) * (double)n)] = isnan(p->value[k]) ? with_payload() : p->value[k];
}

static void write_data(operands *o, int operand, bool narrow)
{
    for (size_t i = 0; i < o->count[operand]; i++)
        if (narrow)
            ((float *)o->data[operand])[i] = (float)o->wide[operand][i];
        else
            ((double *)o->data[operand])[i] = o->wide[operand][i];
}

static bool same_bits(const void *got, size_t i, double expected, bool narrow)
{
    float narrowed = (float)expected;
    return narrow ? !memcmp((const float *)got + i, &narrowed, sizeof narrowed) : !memcmp((const double *)got + i, &expected, sizeof expected);
}

static bool agrees(double got, double expected, double tolerance)
{
    if (isnan(expected) || isinf(expected))
        return isnan(expected) ? isnan(got) : isinf(got) && signbit(got) == signbit(expected);
    return fabs(got - expected) <= tolerance;
}

/* The closed form of a gradient subtracts the infinities of its operands in another order than the chain rule does: where one comes to Inf or NaN, so
 * does the other, but perhaps not to the same. */
static bool is_a_closed_form(const char *op)
{
    size_t n = strlen(op), ending = strlen("_backward");
    return !strncmp(op, "fused_", 6) && n > ending && !strcmp(op + n - ending, "_backward");
}

/* The tolerances are those of the numbers: see test_ops.c. */
static void compare(const sample *s, const operands *o, weft_program *p, size_t n, bool narrow, bool bits)
{
    const void *got = weft_output(p, 0);
    double *expected = malloc(n * sizeof *expected + 1);
    s->naive(s->shape, (const double *const *)o->wide, expected);
    double size = largest_of(expected, n, 1), tolerance = narrow ? 4 * 6e-8 * size : tolerance_of(size, o->count[0]);
    for (size_t i = 0; i < n; i++) {
        double value = narrow ? (double)((const float *)got)[i] : ((const double *)got)[i];
        if (is_a_closed_form(s->op) && !isfinite(expected[i]) && !isfinite(value))
            continue;
        ck_assert_msg(bits ? same_bits(got, i, expected[i], narrow) : agrees(value, expected[i], tolerance), "%s[%zu] in %s is %g, not %g", s->op, i,
                      narrow ? "f32" : "f64", value, expected[i]);
    }
    free(expected);
}

START_TEST(special_values_go_where_they_belong)
{
    const sample *s = sample_at((size_t)_i / 2);
    const bool narrow = _i % 2;
    uint64_t state = seed;
    if (!is_in_the_catalogue(s->op))
        return; /* a staged function: weft.h has its own words for each, and test_losses.c and others hold it to them */
    weft_tape *t = weft_tape_new(NULL);
    operands o;
    operands_make(&o, t, s, narrow ? WEFT_F32 : WEFT_F64, seed);
    weft_node y = s->build(o.node);
    weft_program *p = evaluate(y, &o);
    bool bits = only_moves(t), refused = casts_to_indices(t);
    for (int operand = 0; operand < s->n; operand++)
        for (int k = 0; k < PATTERNS && s->domain[operand] != INDEX && o.count[operand]; k++) {
            double *kept = o.wide[operand];
            size_t bytes = o.count[operand] * sizeof *kept;
            o.wide[operand] = memcpy(malloc(bytes), kept, bytes);
            place(&patterns[k], &state, o.wide[operand], o.count[operand]);
            write_data(&o, operand, narrow);
            weft_status status = weft_run(p);
            ck_assert_msg(status == (refused ? WEFT_ERROR_INDEX : WEFT_OK), "%s: %s", s->op, weft_program_message(p));
            if (status == WEFT_OK)
                compare(s, &o, p, count_of(y), narrow, bits);
            free(o.wide[operand]);
            o.wide[operand] = kept;
            write_data(&o, operand, narrow);
        }
    weft_program_free(p);
    operands_free(&o);
    weft_tape_free(t);
}
END_TEST

/* Between floating-point types: as C converts them. */
START_TEST(casts_carry_special_values)
{
    static const double values[] = {NAN, INFINITY, -INFINITY, -0.0, 0.0, 1e300, -1e300, 1e-320, 0x1p-149};
    enum { COUNT = sizeof values / sizeof *values };
    weft_tape *t = weft_tape_new(NULL);
    weft_node x = weft_input(t, "x", WEFT_F64, 1, (size_t[]){COUNT}), y[2] = {weft_cast(x, WEFT_F32)};
    y[1] = weft_cast(y[0], WEFT_F64);
    weft_program *p = weft_compile(y, 2);
    weft_bind(p, x, values, sizeof values);
    ck_assert_int_eq(weft_run(p), WEFT_OK);
    for (size_t i = 0; i < COUNT; i++) {
        float narrowed = (float)values[i], got = ((const float *)weft_output(p, 0))[i];
        double back = ((const double *)weft_output(p, 1))[i];
        ck_assert_msg(agrees((double)got, (double)narrowed, 0) && !signbit(got) == !signbit(narrowed), "%g became %g", values[i], (double)got);
        ck_assert_msg(agrees(back, (double)narrowed, 0) && !signbit(back) == !signbit(narrowed), "%g came back as %g", values[i], back);
    }
    weft_program_free(p);
    weft_tape_free(t);
}
END_TEST

/* The first of several, or of the NaNs where there are any, as weft.h has it. */
START_TEST(indices_of_special_values)
{
    static const double rows[][4] = {{1, NAN, INFINITY, NAN}, {-INFINITY, INFINITY, INFINITY, -INFINITY}, {0, -0.0, 0, -0.0}, {NAN, NAN, NAN, NAN}};
    static const int64_t largest[] = {1, 1, 0, 0}, smallest[] = {1, 0, 0, 0};
    weft_tape *t = weft_tape_new(NULL);
    weft_node x = weft_input(t, "x", WEFT_F64, 2, (size_t[]){4, 4}), y[] = {weft_argmax(x, 1, false), weft_argmin(x, 1, false)};
    weft_program *p = weft_compile(y, 2);
    weft_bind(p, x, rows, sizeof rows);
    ck_assert_int_eq(weft_run(p), WEFT_OK);
    ck_assert_mem_eq(weft_output(p, 0), largest, sizeof largest);
    ck_assert_mem_eq(weft_output(p, 1), smallest, sizeof smallest);
    weft_program_free(p);
    weft_tape_free(t);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ops_special");
    TCase *table = tcase_create("table");
    tcase_add_loop_test(table, special_values_go_where_they_belong, 0, 2 * (int)sample_count());
    tcase_add_test(table, casts_carry_special_values);
    tcase_add_test(table, indices_of_special_values);
    suite_add_tcase(suite, table);
    return run_suite(suite);
}

/* test_large.c: arrays larger than the caches, whose results are written past them and whose operands are fetched ahead, by tiles and as
 * compiled C; with rows that do and do not begin on a cache line, fewer rows than go at once, and rows left over. */
#include "tests/samples.h"
#include "tests/suite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* The last axis is that of `row`. */
static const weft_shape shapes[] = {
    {1, {4200011}}, {2, {43003, 100}}, {2, {70001, 64}}, {2, {8407, 501}}, {2, {3, 1400003}}, {2, {130, 33000}}, {3, {5, 900, 1000}}, {3, {211, 3, 6700}},
};

enum { OUTPUTS = 3 };

typedef struct subject {
    size_t count, width;
    float *a, *b, *row;
} subject;

static subject draw(const weft_shape *shape)
{
    subject s = {.count = weft_shape_count(shape), .width = shape->dim[shape->rank - 1]};
    uint64_t seed = 3;
    s.a = malloc(s.count * sizeof *s.a);
    s.b = malloc(s.count * sizeof *s.b);
    s.row = malloc(s.width * sizeof *s.row);
    for (size_t i = 0; i < s.count; i++) {
        s.a[i] = (float)draw_uniform(&seed);
        s.b[i] = (float)draw_uniform(&seed);
    }
    for (size_t i = 0; i < s.width; i++)
        s.row[i] = (float)draw_uniform(&seed);
    return s;
}

/* a b + row and a - row, where every operation rounds as f32 does: to the bit. The sum over all axes but the last of a row has fewer than 2**23
 * terms in f64, and is rounded once. */
static void check(const subject *s, const weft_program *p, const char *where)
{
    const float *y = weft_output(p, 0), *z = weft_output(p, 1), *sum = weft_output(p, 2);
    long double *total = calloc(s->width, sizeof *total);
    for (size_t i = 0; i < s->count; i++) {
        volatile float product = s->a[i] * s->b[i];
        float row = s->row[i % s->width];
        if (y[i] != product + row || z[i] != s->a[i] - row)
            ck_abort_msg("%s: a b + row or a - row differs at %zu", where, i);
        total[i % s->width] += (long double)(s->a[i] * row);
    }
    for (size_t j = 0; j < s->width; j++)
        ck_assert_msg(fabsl(sum[j] - total[j]) <= 0x1p-23L * total[j], "%s: the sum of column %zu is %g, not %Lg", where, j, (double)sum[j], total[j]);
    free(total);
}

START_TEST(large_arrays_come_out_right)
{
    const weft_shape *shape = &shapes[_i / 2];
    subject s = draw(shape);
    weft_tape *t = weft_tape_new(NULL);
    weft_node a = weft_input(t, "a", WEFT_F32, shape->rank, shape->dim), b = weft_input(t, "b", WEFT_F32, shape->rank, shape->dim);
    weft_node row = weft_input(t, "row", WEFT_F32, 1, &s.width), out[OUTPUTS];
    unsigned others = 0;
    for (int d = 0; d < shape->rank - 1; d++)
        others |= WEFT_AXIS(d);
    out[0] = weft_add(weft_mul(a, b), row);
    out[1] = weft_sub(a, row);
    out[2] = weft_sum(weft_mul(a, row), others, false);
    weft_options options = test_way();
    if (_i % 2)
        options.backend = WEFT_BACKEND_C;
    weft_program *p = weft_compile_with(out, OUTPUTS, &options);
    weft_bind(p, a, s.a, s.count * sizeof *s.a);
    weft_bind(p, b, s.b, s.count * sizeof *s.b);
    weft_bind(p, row, s.row, s.width * sizeof *s.row);
    ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
    char where[64];
    snprintf(where, sizeof where, "rank %d, last dim %zu, %s", shape->rank, s.width, _i % 2 ? "compiled" : "tiles");
    check(&s, p, where);
    weft_program_free(p);
    weft_tape_free(t);
    free(s.a);
    free(s.b);
    free(s.row);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("large");
    TCase *large = tcase_create("large");
    tcase_set_timeout(large, 120);
    tcase_add_loop_test(large, large_arrays_come_out_right, 0, 2 * (int)(sizeof shapes / sizeof *shapes));
    suite_add_tcase(suite, large);
    return run_suite(suite);
}

/* threaded.c: see threaded.h. */
#include "tests/threaded.h"
#include "tests/suite.h"

#include <stdlib.h>
#include <string.h>

size_t bytes_of(weft_node x)
{
    weft_shape shape = weft_node_shape(x);
    return weft_shape_count(&shape) * weft_dtype_size(weft_node_dtype(x));
}

graph graph_new(void)
{
    return (graph){.tape = weft_tape_new(NULL)};
}

void graph_free(graph *g)
{
    for (int i = 0; i < g->n_in; i++)
        free(g->data[i]);
    weft_tape_free(g->tape);
}

weft_node add_input(graph *g, weft_dtype dtype, int rank, const size_t *dim, bool noise)
{
    weft_node x = weft_input(g->tape, "x", dtype, rank, dim);
    size_t bytes = bytes_of(x), n = bytes / weft_dtype_size(dtype);
    uint64_t seed = (uint64_t)g->n_in + 5;
    void *data = malloc(bytes + 1);
    for (size_t i = 0; i < n; i++) {
        double value = noise ? draw_normal(&seed) : (double)((i * 7919 + (i >> 7) + seed) % 17) - 8;
        if (dtype == WEFT_F32)
            ((float *)data)[i] = (float)value;
        else
            ((double *)data)[i] = value;
    }
    g->data[g->n_in] = data;
    g->bytes[g->n_in] = bytes;
    return g->in[g->n_in++] = x;
}

weft_program *compile_for(const graph *g, int threads)
{
    weft_options options = test_way();
    options.threads = threads;
    weft_program *p = weft_compile_with(g->out, (size_t)g->n_out, &options);
    ck_assert_msg(weft_program_status(p) == WEFT_OK, "%s", weft_program_message(p));
    for (int i = 0; i < g->n_in; i++)
        weft_bind(p, g->in[i], g->data[i], g->bytes[i]);
    return p;
}

void expect_same_bits(const graph *g, const char *what)
{
#ifdef __SANITIZE_THREAD__ /* thirty times slower; it looks for races, which any number of threads has */
    static const int threads[] = {3};
    enum { TIMES = 1 };
#else
    static const int threads[] = {2, 3, 8};
    enum { TIMES = 2 };
#endif
    weft_program *one = compile_for(g, 1);
    ck_assert_msg(weft_run(one) == WEFT_OK, "%s", weft_program_message(one));
    for (size_t k = 0; k < sizeof threads / sizeof *threads; k++) {
        weft_program *p = compile_for(g, threads[k]);
        for (int again = 0; again < TIMES; again++) {
            ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
            for (int i = 0; i < g->n_out; i++)
                ck_assert_msg(!memcmp(weft_output(one, (size_t)i), weft_output(p, (size_t)i), bytes_of(g->out[i])),
                              "%s: output %d for %d threads has other bits than for one", what, i, threads[k]);
        }
        weft_program_free(p);
    }
    weft_program_free(one);
}

void expect_values(const graph *g, int k, const double *expected, const char *what)
{
    weft_program *p = compile_for(g, 3);
    ck_assert_msg(weft_run(p) == WEFT_OK, "%s", weft_program_message(p));
    const void *got = weft_output(p, (size_t)k);
    bool narrow = weft_node_dtype(g->out[k]) == WEFT_F32;
    size_t n = bytes_of(g->out[k]) / (narrow ? 4 : 8);
    for (size_t i = 0; i < n; i++) {
        double value = narrow ? (double)((const float *)got)[i] : ((const double *)got)[i];
        ck_assert_msg(value == expected[i], "%s: [%zu] is %.17g, not %.17g", what, i, value, expected[i]);
    }
    weft_program_free(p);
}

/* op_table.h: what the programs that hold every op of the catalogue to its samples have in common: test_ops.c for values and derivatives,
 * test_ops_modes.c for forward mode, test_ops_arrays.c for shapes and strides, test_ops_special.c for NaN and infinities. */
#ifndef WEFT_TESTS_OP_TABLE_H
#define WEFT_TESTS_OP_TABLE_H

#include "tests/samples.h"
#include "tests/suite.h"

#include <math.h>
#include <string.h>

static const uint64_t seed = 20261123;

/* Runs y for the given operands; the caller frees the program. */
static inline weft_program *evaluate(weft_node y, const operands *o)
{
    weft_program *p = weft_compile(&y, 1);
    operands_bind(o, p);
    ck_assert_msg(weft_run(p) == WEFT_OK, "%s%s", weft_tape_message(y.tape), weft_program_message(p));
    return p;
}

static inline size_t count_of(weft_node x)
{
    weft_shape shape = weft_node_shape(x);
    return weft_shape_count(&shape);
}

static inline bool is_in_the_catalogue(const char *name)
{
    for (size_t i = 0; i < weft_op_count(); i++)
        if (!strcmp(weft_op_at(i)->name, name))
            return true;
    return false;
}

static inline bool may_be_differentiated(const sample *s, int operand)
{
    return s->domain[operand] != INDEX && s->domain[operand] != MASK;
}

/* How far f64 may be from the naive loop, which adds up in another order: four roundings of the largest term, and those of a sum of `terms` of them,
 * which grow with the root of their number. */
static inline double tolerance_of(double size, size_t terms)
{
    return 4 * 2.3e-16 * size * fmax(1, sqrt((double)terms));
}

static inline double largest_of(const double *x, size_t n, double least)
{
    for (size_t i = 0; i < n; i++)
        least = fmax(least, isfinite(x[i]) ? fabs(x[i]) : 0);
    return least;
}

#endif

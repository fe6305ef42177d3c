/* samples.c: numbers, the tables of samples put together, and operands. An op of the catalogue that is missing in the tables fails test_ops. */
#include "tests/sample_table.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- numbers --- */

double draw_uniform(uint64_t *seed)
{
    uint64_t z = (*seed += 0x9e3779b97f4a7c15u);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

double draw_normal(uint64_t *seed)
{
    double u = 1 - draw_uniform(seed), v = draw_uniform(seed);
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

void draw_domain(domain d, uint64_t *seed, size_t count, double *x)
{
    for (size_t i = 0; i < count; i++) {
        double z = draw_normal(seed);
        switch (d) {
        case NORMAL:
            x[i] = z;
            break;
        case POSITIVE:
            x[i] = 0.5 + 1.5 * draw_uniform(seed);
            break;
        case AWAY:
            x[i] = z < 0 ? z - 0.2 : z + 0.2;
            break;
        case DISTINCT:
            x[i] = 0.25 * (double)i - 0.1 * (double)count;
            break;
        case MASK:
            x[i] = z > 0;
            break;
        case INDEX:
            x[i] = floor(3 * draw_uniform(seed));
            break;
        }
        x[i] = (double)(float)x[i]; /* f32 and f64 runs see the same numbers */
    }
    for (size_t i = count; d == DISTINCT && i > 1; i--) {
        size_t j = (size_t)(draw_uniform(seed) * (double)i);
        double swap = x[i - 1];
        x[i - 1] = x[j];
        x[j] = swap;
    }
}

/* --- tables --- */

extern const sample_table samples_of_each, samples_elementwise, samples_reduction, samples_movement, samples_indexing, samples_batchnorm, samples_staged,
    samples_fused, samples_noise, samples_batchnorm_modes;

static const sample_table *const tables[] = {&samples_of_each, &samples_elementwise, &samples_reduction, &samples_movement, &samples_indexing, &samples_batchnorm,
                                            &samples_staged, &samples_fused, &samples_noise, &samples_batchnorm_modes};

enum { TABLES = sizeof tables / sizeof *tables };

/* Elementwise ops take any shape, so their samples come in these as well: rank 0, rank 8 with axes of length 1, no elements, and one axis, whose stride
 * kernels see as it is, where those of several axes are gathered first. */
static const weft_shape shapes[] = {{0, {0}}, {8, {2, 1, 3, 1, 2, 1, 1, 2}}, {3, {2, 0, 4}}, {1, {12}}};

enum { SHAPES = sizeof shapes / sizeof *shapes, MOST_ELEMENTWISE = 100 };

static const sample *shaped_sample_at(size_t i)
{
    static sample made[SHAPES * MOST_ELEMENTWISE];
    if (i >= SHAPES * samples_of_each.count)
        return NULL;
    assert(samples_of_each.count <= MOST_ELEMENTWISE);
    made[i] = samples_of_each.rows[i / SHAPES];
    for (int k = 0; k < made[i].n; k++)
        made[i].shape[k] = shapes[i % SHAPES];
    return &made[i];
}

size_t sample_count(void)
{
    size_t n = SHAPES * samples_of_each.count;
    for (int k = 0; k < TABLES; k++)
        n += tables[k]->count;
    return n;
}

const sample *sample_at(size_t i)
{
    for (int k = 0; k < TABLES; i -= tables[k++]->count)
        if (i < tables[k]->count)
            return &tables[k]->rows[i];
    return shaped_sample_at(i);
}

/* --- operands --- */

void operands_make(operands *o, weft_tape *tape, const sample *s, weft_dtype dtype, uint64_t seed)
{
    memset(o, 0, sizeof *o);
    o->n = s->n;
    for (int i = 0; i < s->n; i++) {
        char name[2] = {(char)('a' + i), 0};
        weft_dtype own = s->domain[i] == INDEX ? WEFT_I64 : dtype;
        size_t n = o->count[i] = weft_shape_count(&s->shape[i]);
        o->bytes[i] = n * weft_dtype_size(own);
        o->wide[i] = malloc(n * sizeof(double) + 1);
        o->data[i] = malloc(o->bytes[i] + 1);
        draw_domain(s->domain[i], &seed, n, o->wide[i]);
        for (size_t k = 0; k < n; k++) {
            double v = o->wide[i][k];
            if (own == WEFT_F32)
                ((float *)o->data[i])[k] = (float)v;
            else if (own == WEFT_F64)
                ((double *)o->data[i])[k] = v;
            else
                ((int64_t *)o->data[i])[k] = (int64_t)v;
        }
        o->node[i] = weft_input(tape, name, own, s->shape[i].rank, s->shape[i].dim);
        o->binding[i] = (weft_binding){o->node[i], o->data[i], o->bytes[i]};
    }
}

void operands_bind(const operands *o, weft_program *program)
{
    for (int i = 0; i < o->n; i++)
        weft_bind(program, o->node[i], o->data[i], o->bytes[i]);
}

void operands_free(operands *o)
{
    for (int i = 0; i < o->n; i++) {
        free(o->wide[i]);
        free(o->data[i]);
    }
}

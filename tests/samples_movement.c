/* samples_movement.c: what moves elements. */
#include "tests/sample_table.h"

#include <math.h>
#include <string.h>

/* Axes aligned at the last; those of length 1 repeat. */
static void spread(const weft_shape *from, weft_shape to, const double *x, double *y)
{
    for (size_t e = 0; e < weft_shape_count(&to); e++) {
        size_t rest = e, at = 0, inner = 1;
        for (int i = to.rank - 1, own = from->rank - 1; own >= 0; rest /= to.dim[i--], inner *= from->dim[own--])
            at += from->dim[own] == 1 ? 0 : rest % to.dim[i] * inner;
        y[e] = x[at];
    }
}

#define BROADCAST(name, rank, ...)                                                                                                         \
    static weft_node build_##name(const weft_node *x)                                                                                      \
    {                                                                                                                                      \
        return weft_broadcast(x[0], rank, (size_t[]){__VA_ARGS__});                                                                        \
    }                                                                                                                                      \
    static void naive_##name(const weft_shape *shape, const double *const *x, double *y)                                                   \
    {                                                                                                                                      \
        spread(shape, (weft_shape){rank, {__VA_ARGS__}}, x[0], y);                                                                         \
    }
BROADCAST(broadcast, 3, 4, 2, 3)
BROADCAST(broadcast_eight, 8, 1, 2, 1, 3, 1, 2, 2, 3)
BROADCAST(broadcast_empty, 3, 0, 2, 3)
BROADCAST(broadcast_nothing, 2, 3, 0)

#define RESHAPE(name, rank, ...)                                                                                                           \
    static weft_node build_##name(const weft_node *x)                                                                                      \
    {                                                                                                                                      \
        return weft_reshape(x[0], rank, (size_t[]){__VA_ARGS__});                                                                          \
    }
RESHAPE(reshape, 3, 3, 1, 4)
RESHAPE(reshape_eight, 8, 1, 2, 1, 3, 1, 1, 2, 1)
RESHAPE(reshape_scalar, 2, 1, 1)
RESHAPE(reshape_empty, 3, 2, 0, 3)

static void naive_copy(const weft_shape *shape, const double *const *x, double *y)
{
    memcpy(y, x[0], weft_shape_count(shape) * sizeof *y);
}

static weft_node build_transpose(const weft_node *x)
{
    return weft_transpose(x[0], (int[]){2, 0, 1}); /* from (2, 3, 4) */
}

static void naive_transpose(const weft_shape *shape, const double *const *x, double *y)
{
    (void)shape;
    for (size_t k = 0; k < 4; k++)
        for (size_t i = 0; i < 2; i++)
            for (size_t j = 0; j < 3; j++)
                *y++ = x[0][(i * 3 + j) * 4 + k];
}

static weft_node build_reverse(const weft_node *x)
{
    return weft_transpose(x[0], NULL);
}

static void naive_reverse(const weft_shape *shape, const double *const *x, double *y)
{
    for (size_t e = 0; e < weft_shape_count(shape); e++) {
        size_t rest = e, at = 0;
        for (int i = shape->rank - 1; i >= 0; rest /= shape->dim[i--])
            at = at * shape->dim[i] + rest % shape->dim[i];
        y[at] = x[0][e];
    }
}

/* What slices take is written out as loops, with the positions that NumPy's rule gives. */
static weft_node build_slice_line(const weft_node *x)
{
    return weft_slice(x[0], (ptrdiff_t[]){-2}, (ptrdiff_t[]){-7}, (ptrdiff_t[]){-2}); /* of (7): 5, 3, 1 */
}

static void naive_slice_line(const weft_shape *shape, const double *const *x, double *y)
{
    (void)shape;
    for (size_t i = 0; i < 3; i++)
        y[i] = x[0][5 - 2 * i];
}

static weft_node build_slice(const weft_node *x)
{
    ptrdiff_t out = WEFT_LEFT_OUT;
    return weft_slice(x[0], (ptrdiff_t[]){1, out, 9}, (ptrdiff_t[]){-1, out, 0}, (ptrdiff_t[]){1, -3, -2}); /* of (4, 5, 6): x[1:-1, ::-3, 9:0:-2] */
}

static void naive_slice(const weft_shape *shape, const double *const *x, double *y)
{
    (void)shape;
    for (size_t i = 1; i <= 2; i++)
        for (size_t j = 4;; j -= 3) {
            for (size_t k = 5; k >= 1; k -= 2) {
                *y++ = x[0][(i * 5 + j) * 6 + k];
                if (k == 1)
                    break;
            }
            if (j == 1)
                break;
        }
}

static weft_node build_slice_all(const weft_node *x)
{
    return weft_slice(x[0], NULL, NULL, NULL);
}

static weft_node build_slice_nothing(const weft_node *x)
{
    return weft_slice(x[0], (ptrdiff_t[]){2, 0}, (ptrdiff_t[]){2, 3}, NULL); /* x[2:2, 0:3] */
}

static void naive_nothing(const weft_shape *shape, const double *const *x, double *y)
{
    (void)shape, (void)x, (void)y;
}

static weft_node build_slice_eight(const weft_node *x)
{
    return weft_slice(x[0], NULL, NULL, (ptrdiff_t[]){-1, 1, 2, 1, -1, 5, 1, -1}); /* of (2, 1, 3, 1, 2, 1, 2, 1) */
}

static void naive_slice_eight(const weft_shape *shape, const double *const *x, double *y)
{
    (void)shape;
    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; j < 3; j += 2)
            for (size_t k = 0; k < 2; k++)
                for (size_t l = 0; l < 2; l++)
                    *y++ = x[0][(((1 - i) * 3 + j) * 2 + 1 - k) * 2 + l];
}

static weft_node build_flip(const weft_node *x)
{
    return weft_flip(x[0], WEFT_AXIS(0) | WEFT_AXIS(2)); /* of (2, 3, 4) */
}

static void naive_flip(const weft_shape *shape, const double *const *x, double *y)
{
    (void)shape;
    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; j < 3; j++)
            for (size_t k = 0; k < 4; k++)
                *y++ = x[0][((1 - i) * 3 + j) * 4 + 3 - k];
}

/* The parts of (2, 6) one over the other: the first and the last of three. */
static weft_node build_split(const weft_node *x)
{
    weft_node part[3];
    weft_split(x[0], -1, 3, part);
    return weft_concat((weft_node[]){part[0], part[2]}, 2, 0);
}

static void naive_split(const weft_shape *shape, const double *const *x, double *y)
{
    (void)shape;
    for (size_t part = 0; part < 3; part += 2)
        for (size_t i = 0; i < 2; i++)
            for (size_t j = 0; j < 2; j++)
                *y++ = x[0][6 * i + 2 * part + j];
}

static weft_node build_pad(const weft_node *x)
{
    return weft_pad(x[0], (size_t[]){1, 0, 2}, (size_t[]){0, 0, 1}); /* (2, 3, 4) to (3, 3, 7) */
}

static void naive_pad(const weft_shape *shape, const double *const *x, double *y)
{
    (void)shape;
    for (size_t i = 0; i < 3; i++)
        for (size_t j = 0; j < 3; j++)
            for (size_t k = 0; k < 7; k++)
                *y++ = i >= 1 && k >= 2 && k < 6 ? x[0][((i - 1) * 3 + j) * 4 + k - 2] : 0;
}

static weft_node build_pad_all(const weft_node *x)
{
    return weft_pad(x[0], NULL, NULL);
}

static weft_node build_pad_rows(const weft_node *x)
{
    return weft_pad(x[0], (size_t[]){1, 0}, (size_t[]){2, 0}); /* (N, C) to (N + 3, C) */
}

static void naive_pad_rows(const weft_shape *shape, const double *const *x, double *y)
{
    size_t n = weft_shape_count(shape), row = shape->dim[1];
    for (size_t i = 0; i < n + 3 * row; i++)
        y[i] = i >= row && i < n + row ? x[0][i - row] : 0;
}

static weft_node build_pad_eight(const weft_node *x)
{
    return weft_pad(x[0], (size_t[]){0, 0, 0, 0, 0, 0, 0, 1}, NULL); /* (2, 1, 3, 1, 2, 1, 2, 1) to (2, 1, 3, 1, 2, 1, 2, 2) */
}

static void naive_pad_eight(const weft_shape *shape, const double *const *x, double *y)
{
    for (size_t i = 0; i < weft_shape_count(shape); i++) {
        *y++ = 0;
        *y++ = x[0][i];
    }
}

/* y[0::3] of six elements, and so its derivative is a pad with two zeros between two elements; which is then differentiated. */
static weft_node build_apart(const weft_node *x)
{
    weft_node third = weft_slice(x[0], NULL, NULL, (ptrdiff_t[]){3}), dy = weft_mul(third, third), dx;
    weft_vjp(&third, &dy, 1, x, 1, &dx);
    return dx;
}

static void naive_apart(const weft_shape *shape, const double *const *x, double *y)
{
    for (size_t i = 0; i < shape->dim[0]; i++)
        y[i] = i % 3 ? 0 : x[0][i] * x[0][i];
}

static weft_node build_concat(const weft_node *x)
{
    return weft_concat(x, 3, 1); /* (2, 3, 2), (2, 1, 2), (2, 2, 2) */
}

static void naive_concat(const weft_shape *shape, const double *const *x, double *y)
{
    for (size_t i = 0; i < 2; i++)
        for (int k = 0; k < 3; k++)
            for (size_t j = 0; j < 2 * shape[k].dim[1]; j++)
                *y++ = x[k][2 * shape[k].dim[1] * i + j];
}

static weft_node build_concat_rows(const weft_node *x)
{
    return weft_concat(x, 2, 0); /* (N, C), (M, C) */
}

static void naive_concat_rows(const weft_shape *shape, const double *const *x, double *y)
{
    for (int k = 0; k < 2; k++)
        for (size_t i = 0; i < weft_shape_count(&shape[k]); i++)
            *y++ = x[k][i];
}

/* Twenty: a tree. */
static weft_node build_concat_many(const weft_node *x)
{
    weft_node many[20];
    for (int k = 0; k < 20; k++)
        many[k] = k % 3 ? x[0] : x[1];
    return weft_concat(many, 20, -1); /* (2), (3) */
}

static void naive_concat_many(const weft_shape *shape, const double *const *x, double *y)
{
    for (int k = 0; k < 20; k++)
        for (size_t i = 0; i < shape[k % 3 == 0].dim[0]; i++)
            *y++ = x[k % 3 == 0][i];
}

static weft_node build_concat_eight(const weft_node *x)
{
    return weft_concat(x, 2, 7);
}

static void naive_concat_eight(const weft_shape *shape, const double *const *x, double *y)
{
    for (size_t i = 0; i < weft_shape_count(shape); i++)
        for (int k = 0; k < 2; k++)
            *y++ = x[k][i];
}

static weft_node build_stack(const weft_node *x)
{
    return weft_stack(x, 2, -1);
}

/* Eleven scalars in a row. */
static weft_node build_stack_scalars(const weft_node *x)
{
    weft_node many[11];
    for (int k = 0; k < 11; k++)
        many[k] = x[k % 2];
    return weft_stack(many, 11, 0);
}

static void naive_stack_scalars(const weft_shape *shape, const double *const *x, double *y)
{
    (void)shape;
    for (int k = 0; k < 11; k++)
        y[k] = *x[k % 2];
}

static weft_node build_stop(const weft_node *x)
{
    return weft_stop_gradient(x[0]);
}

static void naive_stop(const weft_shape *shape, const double *const *x, double *y)
{
    naive_copy(shape, x, y);
}

/* Through whole numbers: piecewise constant. */
static weft_node build_cast(const weft_node *x)
{
    return weft_cast(weft_cast(x[0], WEFT_I64), weft_node_dtype(x[0]));
}

static void naive_cast(const weft_shape *shape, const double *const *x, double *y)
{
    for (size_t i = 0; i < weft_shape_count(shape); i++)
        y[i] = trunc(x[0][i]);
}

static weft_node build_cast_index(const weft_node *x)
{
    return weft_mul(x[0], weft_cast(x[1], weft_node_dtype(x[0])));
}

static void naive_cast_index(const weft_shape *shape, const double *const *x, double *y)
{
    for (size_t i = 0; i < weft_shape_count(shape); i++)
        y[i] = x[0][i] * x[1][i];
}

#define EIGHT {8, {2, 1, 3, 1, 2, 1, 2, 1}}

#define SHAPED(op, name, rank, ...) {op, build_##name, naive_##name, 1, {{rank, {__VA_ARGS__}}}, {NORMAL}, false}
#define COPIED(op, name, rank, ...) {op, build_##name, naive_copy, 1, {{rank, {__VA_ARGS__}}}, {NORMAL}, false}
#define FLAT(op, name, ...) {op, build_##name, naive_##name, 1, {__VA_ARGS__}, {NORMAL}, true}

static const sample rows[] = {
    {"broadcast", build_broadcast, naive_broadcast, 1, {{2, {2, 1}}}, {NORMAL}, false},
    SHAPED("broadcast", broadcast, 0, 0),
    SHAPED("broadcast", broadcast_eight, 2, 2, 1),
    SHAPED("broadcast", broadcast_empty, 2, 2, 1),
    SHAPED("broadcast", broadcast_nothing, 2, 1, 0),
    COPIED("reshape", reshape, 2, 2, 6),
    COPIED("reshape", reshape_scalar, 0, 0),
    COPIED("reshape", reshape_eight, 2, 2, 6),
    COPIED("reshape", reshape_empty, 2, 0, 4),
    SHAPED("transpose", reverse, 0, 0),
    SHAPED("transpose", reverse, 8, 2, 1, 3, 1, 2, 1, 1, 2),
    SHAPED("transpose", reverse, 3, 2, 0, 4),
    CUBE("transpose", transpose, NORMAL, 2, 3, 4),
    {"slice", build_slice_all, naive_copy, 1, {{0, {0}}}, {NORMAL}, false},
    {"slice", build_slice_line, naive_slice_line, 1, {{1, {7}}}, {NORMAL}, false},
    CUBE("slice", slice, NORMAL, 4, 5, 6),
    {"slice", build_slice_eight, naive_slice_eight, 1, {EIGHT}, {NORMAL}, false},
    CUBE("slice", flip, NORMAL, 2, 3, 4),
    {"slice", build_split, naive_split, 1, {{2, {2, 6}}}, {NORMAL}, false},
    COPIED("slice", slice_all, 2, 2, 0),
    {"slice", build_slice_nothing, naive_nothing, 1, {{2, {4, 3}}}, {NORMAL}, false},
    {"pad", build_pad_all, naive_copy, 1, {{0, {0}}}, {NORMAL}, false},
    CUBE("pad", pad, NORMAL, 2, 3, 4),
    {"pad", build_pad_eight, naive_pad_eight, 1, {EIGHT}, {NORMAL}, false},
    {"pad", build_apart, naive_apart, 1, {{1, {6}}}, {NORMAL}, false},
    SHAPED("pad", pad_rows, 2, 0, 3),
    {"concat", build_concat, naive_concat, 3, {{3, {2, 3, 2}}, {3, {2, 1, 2}}, {3, {2, 2, 2}}}, {NORMAL, NORMAL, NORMAL}, false},
    {"concat", build_concat_many, naive_concat_many, 2, {{1, {2}}, {1, {3}}}, {NORMAL, NORMAL}, false},
    {"concat", build_concat_eight, naive_concat_eight, 2, {EIGHT, EIGHT}, {NORMAL, NORMAL}, false},
    {"concat", build_stack, naive_concat_eight, 2, {{2, {3, 4}}, {2, {3, 4}}}, {NORMAL, NORMAL}, false},
    {"concat", build_stack_scalars, naive_stack_scalars, 2, {{0, {0}}, {0, {0}}}, {NORMAL, NORMAL}, false},
    {"concat", build_concat_rows, naive_concat_rows, 2, {{2, {0, 3}}, {2, {2, 3}}}, {NORMAL, NORMAL}, false},
    {"concat", build_concat_rows, naive_concat_rows, 2, {{2, {0, 3}}, {2, {0, 3}}}, {NORMAL, NORMAL}, false},
    FLAT("cast", cast, {0, {0}}),
    FLAT("cast", cast, EIGHT),
    FLAT("cast", cast, {2, {0, 3}}),
    FLAT("stop_gradient", stop, {2, {3, 4}}),
    FLAT("stop_gradient", stop, {0, {0}}),
    FLAT("stop_gradient", stop, EIGHT),
    FLAT("stop_gradient", stop, {2, {0, 3}}),
    {"cast", build_cast, naive_cast, 1, {{2, {3, 4}}}, {NORMAL}, true},
    {"cast", build_cast_index, naive_cast_index, 2, {{2, {3, 4}}, {2, {3, 4}}}, {NORMAL, INDEX}, false},
};

SAMPLE_TABLE(samples_movement);
